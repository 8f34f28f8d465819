"""A program and its gradients in small exact numbers, and a nudge as a test."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from random import Random
from typing import Any

import numpy as np

from matderiv.calculus.sweep.task import Task, task_of
from matderiv.derivation.exact_numbers import EXACT, as_numerals, is_rational, with_squares
from matderiv.derivation.sides import Numerals
from matderiv.errors import MatderivError
from matderiv.expression.exact import exact_value
from matderiv.expression.index_values import named_entries
from matderiv.expression.nodes import walk
from matderiv.expression.shapes import Dim, Shape

__all__ = ["Nudge", "WorkedNumbers", "worked_numbers"]

_ZERO = 8  # what a zero counts among large numbers
_TRIES, _WANTED = 80, 12  # draws, and those of which the plainest is taken
_SIZES = (2, 3)
_MANY = 1000  # entries of a constant, which are added up for each draw
_LARGEST, _FINEST = 60, 6  # of numbers on a page, and of their denominators
_STEP = Fraction(1, 100)
_DECIMALS = 8  # of a loss

#: A number or an array of numbers, each of them exact.
_Array = Any


@dataclass(frozen=True, slots=True)
class Nudge:
    """One entry of an input raised by a step: the loss before and after, and its derivative."""

    name: str
    indices: tuple[int, ...]
    step: Fraction
    before: Fraction
    after: Fraction
    slope: Fraction


@dataclass(frozen=True, slots=True, eq=False)
class WorkedNumbers:
    """Inputs in numbers, the values and the gradients of the program there, and a nudge.

    `squares`: whether undefined functions of one number are taken to be squares.
    """

    task: Task
    inputs: Mapping[str, Numerals]
    values: Mapping[str, Numerals]
    gradients: Mapping[str, Numerals]
    nudge: Nudge
    squares: bool


def worked_numbers(task: Task) -> WorkedNumbers | None:
    """The plainest of some draws; None where the values of a program are no fractions.

    >>> from matderiv.calculus.sweep.task import read_task
    >>> found = worked_numbers(read_task("L = sum((X @ W - T)**2)/2", ("X", "W")))
    >>> found.nudge.slope*found.nudge.step != 0
    True
    >>> worked_numbers(read_task("L = sum(exp(X))")) is None
    True
    """
    program = with_squares(task.program)
    try:
        own = task_of(program, task.wrt, _small_shapes(task), task.assumed)
    except MatderivError:
        return None
    gradients = own.sweep.gradients
    formulas = (
        *(a.value for a in own.sweep.graph.values),
        *(g.formula for g in gradients.values()),
    )
    arrays = all(len(dims) <= len("ij") for dims in own.shapes.values())
    if own.assumed or not arrays or not all(map(is_rational, formulas)):
        return None
    parts = {part for formula in formulas for part in walk(formula)}
    if max(map(partial(named_entries, sizes=own.sizes), parts)) > _MANY:
        return None
    if any(own.prover.all_of(name).status != "equal" for name in own.wrt):
        return None
    drawn = itertools.islice(_draws(own, program != task.program), _WANTED)
    return min(drawn, key=_plainness, default=None)


def _small_shapes(task: Task) -> dict[str, Shape]:
    """The shapes with sizes 2 and 3 in turn, where sizes are letters."""
    names = task.program.names()
    shapes = {name: dims for name, dims in task.shapes.items() if name in names}
    letters = dict.fromkeys(dim.symbol for dims in shapes.values() for dim in dims)
    if any(len(letter) > 1 for letter in letters):
        return shapes
    sizes = dict(zip((c for c in letters if c.isalpha()), itertools.cycle(_SIZES), strict=False))
    return {
        name: tuple(Dim(dim.symbol, sizes.get(dim.symbol, dim.size)) for dim in dims)
        for name, dims in shapes.items()
    }


def _draws(task: Task, squares: bool) -> Iterator[WorkedNumbers]:  # noqa: FBT001 - a field of theirs
    chance = Random(0)
    for _ in range(_TRIES):
        inputs = {
            name: _drawn(tuple(dim.size for dim in task.shapes[name]), chance)
            for name in task.program.inputs()
        }
        try:
            values = _values(task, inputs)
            gradients = _gradients(task, values)
        except (ArithmeticError, MatderivError):
            continue
        shown = [n for array in (*values.values(), *gradients.values()) for n in np.ravel(array)]
        plain = all(abs(n) <= _LARGEST and Fraction(n).denominator <= _FINEST for n in shown)
        nudge = _nudge(task, inputs, values, gradients) if plain else None
        if nudge is not None:
            named = {a.name: as_numerals(values[a.name]) for a in task.program.assignments}
            known = {n: as_numerals(g) for n, g in gradients.items() if n in task.program.names()}
            given = {name: as_numerals(array) for name, array in inputs.items()}
            yield WorkedNumbers(task, given, named, known, nudge, squares)


def _drawn(shape: tuple[int, ...], chance: Random) -> _Array:
    numbers = [Fraction(chance.choice((-1, 0, 1, 1, 2))) for _ in range(int(np.prod(shape)))]
    return np.array(numbers, dtype=object).reshape(shape) if shape else abs(numbers[0]) or 1


def _values(task: Task, inputs: Mapping[str, _Array]) -> dict[str, _Array]:
    """All values of the program, inner ones among them."""
    arithmetic = replace(EXACT, sizes=task.sizes)
    found = dict(inputs)
    for assignment in task.sweep.graph.values:
        found[assignment.name] = exact_value(assignment.value, found, arithmetic)
    return found


def _gradients(task: Task, values: Mapping[str, _Array]) -> dict[str, _Array]:
    """The gradients by their proved formulas, each after those that it mentions."""
    arithmetic = replace(EXACT, sizes=task.sizes)
    known, found = dict(values), dict[str, _Array]()
    for name, stages in task.sweep.gradients.items():
        formula = task.whole(name, stages.formula)
        known[f"d{name}"] = found[name] = exact_value(formula, known, arithmetic)
    return found


def _nudge(
    task: Task,
    inputs: Mapping[str, _Array],
    values: Mapping[str, _Array],
    gradients: Mapping[str, _Array],
) -> Nudge | None:
    """The first entry whose derivative is not 0, raised; None where the loss has many digits."""
    for name in task.wrt:
        slopes: _Array = np.array(gradients[name], dtype=object)
        for indices in np.ndindex(slopes.shape):
            if slopes[indices]:
                raised = np.array(inputs[name], dtype=object)
                raised[indices] += _STEP
                changed = {**inputs, name: raised if raised.shape else raised[()]}
                after = Fraction(_values(task, changed)[task.loss])
                if (after * 10**_DECIMALS).denominator != 1:
                    return None
                slope, before = Fraction(slopes[indices]), Fraction(values[task.loss])
                return Nudge(name, indices, _STEP, before, after, slope)
    return None


def _plainness(found: WorkedNumbers) -> tuple[int, int]:
    """The largest denominator, then large numbers and zeros, which show little."""
    parts = (found.inputs, found.values, found.gradients)
    shown = [n for part in parts for one in part.values() for row in one.rows for n in row]
    zeros = sum(n == 0 for n in shown)
    return max(n.denominator for n in shown), int(sum(map(abs, shown))) + _ZERO * zeros
