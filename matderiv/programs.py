"""Derivations of whole programs; loaded only for programs that are more than one product."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from matderiv.calculus.deciding.second_engine import Answers, second_opinion
from matderiv.calculus.sweep.task import Task, read_task
from matderiv.derivation.links import Derivation
from matderiv.derivation.methods.table import METHODS
from matderiv.derivation.program import build_program
from matderiv.errors import InputError

__all__ = ["derive_program"]


def derive_program(
    program: str,
    wrt: tuple[str, ...] | None,
    *,
    sizes: Mapping[str, int | None] | None,
    shapes: Mapping[str, tuple[int, ...]] | None,
    assume: tuple[tuple[str, str], ...],
    method: str,
    report: Callable[[str], None],
) -> Derivation:
    """The derivation of a program value by value, from the loss backwards; see `derive`.

    Raises:
        InputError: the program cannot be read, or there is no such name or method.
        ProofError: a link is not proved.
    """
    if method not in METHODS:
        raise InputError(f"There is no method {method!r}; there are: {', '.join(METHODS)}.")
    task = read_task(program, wrt, sizes=sizes, shapes=shapes, assume=assume)
    task = replace(task, method=method)
    derivation = build_program(task, task.wrt, route=METHODS[method], report=report)
    report("second")
    return replace(derivation, second=second_opinion(_answers(task)))


def _answers(task: Task) -> Answers:
    """The program and the formulas of its gradients, for another engine to compare."""
    gradients = {f"d{name}": found.formula for name, found in task.sweep.gradients.items()}
    return Answers(
        program=task.program,
        shapes=task.shapes,
        sizes=task.sizes,
        gradients={name: task.answer(name) for name in task.wrt},
        known=task.sweep.called | gradients,
        structures=task.assumed,
    )
