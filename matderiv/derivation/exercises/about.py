"""Exercises about the page's own program: what it means, what it keeps, what shapes hide, code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import TypeVar

from matderiv.calculus.formulas.flattened import cost
from matderiv.calculus.sweep.task import Task
from matderiv.derivation.board import with_board_names
from matderiv.derivation.exercises.drawing import Draw, Drawn
from matderiv.derivation.exercises.theme import Theme
from matderiv.derivation.meanings.found import meanings
from matderiv.derivation.meanings.statements import Meaning
from matderiv.derivation.principles import MisleadingProduct, misleading_product
from matderiv.expression.nodes import Node, names_in

__all__ = ["Implement", "Keep", "Statement", "Trap", "implement", "keep", "statement", "trap"]

_MOST = 9  # gradients of which an exercise asks what they need
_LONGEST = 26  # operations and names of a gradient

_Made = TypeVar("_Made")


@dataclass(frozen=True, slots=True, eq=False)
class Statement:
    """Exercise: prove a statement about the gradients, and say what it means."""

    task: Task
    meaning: Meaning


@dataclass(frozen=True, slots=True, eq=False)
class Keep:
    """Exercise: which values the backward pass needs, from the gradient of each value on the way.

    `gradients` are proved for all sizes; `needed` are the names in each that are no gradients.
    """

    task: Task
    gradients: Mapping[str, Node]
    needed: tuple[tuple[str, ...], ...]

    @property
    def kept(self) -> tuple[str, ...]:
        """All names that are needed, in the order of the program."""
        found = {name for names in self.needed for name in names}
        return tuple(name for name in _in_order(self.task) if name in found)


@dataclass(frozen=True, slots=True, eq=False)
class Trap:
    """Exercise: a formula of the right shape at equal sizes, which is refuted there."""

    task: Task
    product: MisleadingProduct


@dataclass(frozen=True, slots=True, eq=False)
class Implement:
    """Exercise: write the gradients in NumPy, and compare them with differences."""

    task: Task


#: The statements that an exercise asks for.
_ASKED = ("normal", "residual", "even_row", "even_col", "even_all", "rowsums")


def statement(theme: Theme) -> Draw[Statement] | None:
    """Exercises about what gradients mean; None where no pattern is found."""
    task = with_board_names(theme.page, lifted=True)
    found = [meaning for meaning in meanings(task) if meaning.kind in _ASKED]
    if not found:
        return None

    def draw(chance: Random) -> Drawn[Statement]:
        meaning = chance.choice(found)
        return (meaning.kind,), lambda: Statement(task, meaning)

    return draw


def keep(theme: Theme) -> Draw[Keep] | None:
    """The exercise on memory; None where there are no gradients on the way, or too many."""
    task = with_board_names(theme.page)
    order = dict.fromkeys(n for name in task.wrt for n in (*task.sweep.upstream(name), name))
    formulas = {name: task.answer(name) for name in order}
    long = any(cost(node) > _LONGEST for node in formulas.values())
    proved = all(task.prover.all_of(name).index for name in order)
    if not proved or long or not len(task.wrt) < len(order) <= _MOST:
        return None
    needed = (
        tuple(n for n in _in_order(task) if n in names_in(node)) for node in formulas.values()
    )
    made = Keep(task, formulas, tuple(needed))
    return _once(lambda: made)


def _in_order(task: Task) -> tuple[str, ...]:
    """The inputs, and then the values as they are computed."""
    return (*task.program.inputs(), *(a.name for a in task.program.assignments))


def trap(theme: Theme) -> Draw[Trap] | None:
    """The exercise on equal sizes; None where no product of two matrices is differentiated."""
    task = with_board_names(theme.page, lifted=True)
    found = misleading_product(task)
    return None if found is None else _once(lambda: Trap(task, found))


def implement(theme: Theme) -> Draw[Implement]:
    """The exercise on code."""
    return _once(lambda: Implement(theme.page))


def _once(make: Callable[[], _Made]) -> Draw[_Made]:
    """A kind with a single exercise."""

    def draw(_: Random) -> Drawn[_Made]:
        return (), make

    return draw
