"""A gradient in numbers: small ones are given, exact ones worked out."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from random import Random
from typing import Any

import numpy as np

from matderiv.calculus.deciding.decide import Verdict
from matderiv.calculus.sweep.task import Task
from matderiv.derivation.exact_numbers import EXACT, as_numerals, is_rational, with_squares
from matderiv.derivation.exercises.drawing import Draw, Drawn
from matderiv.derivation.exercises.theme import LetterSizes, Theme, users
from matderiv.derivation.judge import Judge
from matderiv.derivation.kinds import Reason
from matderiv.derivation.links import Chain, Link
from matderiv.derivation.program import Builder, Defining, elementwise
from matderiv.derivation.sides import Formula, Numerals
from matderiv.errors import MatderivError
from matderiv.expression import nodes
from matderiv.expression.exact import exact_value
from matderiv.expression.nodes import Name, Node, names_in, walk
from matderiv.expression.program import Program

__all__ = ["Numbers", "numbers"]

#: A number or an array of numbers, each of them exact.
_Array = Any


_MOST_LINES = 7  # that are worked out
_MATRIX = 2  # dimensions
_LARGEST = 9999  # numerator of a number that is shown
_FINEST = 24  # denominator
_SMALL = tuple(Fraction(n) for n in (-3, -2, -1, 0, 1, 2, 3))


@dataclass(frozen=True, slots=True, eq=False)
class Numbers:
    """The gradient by a name where some names have given values.

    Either everything is worked out from the inputs, or the gradients by the values that use the
    name are given: then these values are `defined`, and the loss is unknown. `values` and
    `gradients` are worked out in order.
    """

    task: Task
    name: str
    defined: tuple[Chain, ...]
    given: tuple[tuple[str, Numerals], ...]
    values: tuple[Chain, ...]
    gradients: tuple[Chain, ...]


@dataclass(frozen=True, slots=True)
class _Case:
    """A name and the given names; for each that is no input, the range of its numbers."""

    program: Program
    name: str
    given: tuple[tuple[str, str], ...]
    whole: bool


def numbers(theme: Theme) -> Draw[Numbers] | None:
    """Exercises in numbers; None where no gradient is a fraction where its inputs are."""
    program = with_squares(theme.program)
    own = theme.task.sizes
    cases = []
    for name in theme.task.wrt:
        task = theme.other(program, (name,), own)
        cases += [case for of in task.sweep.gradients for case in _cases(task, of, name)]
    cases = list(dict.fromkeys(cases))
    return partial(_draw, theme, cases) if cases else None


# -- what can be asked -------------------------------------------------------------------------


def _cases(task: Task, name: str, wrt: str) -> Iterator[_Case]:
    graph = task.sweep.graph
    rational = all(is_rational(a.value, in_loss=True) for a in graph.values)
    if name == wrt and rational:
        formulas = [g.local for g in task.sweep.gradients.values()]
        needed = _worked_out(task, formulas, ())
        values = [a.value for a in graph.values if a.name in needed]
        short = len(formulas) + len(values) <= _MOST_LINES
        if short and all(map(is_rational, (*formulas, *values))):
            yield _Case(graph.program, name, tuple((n, "") for n in graph.inputs()), whole=True)
    local = task.sweep.gradients[name].local
    through = users(task, name)
    using = [a.value for a in graph.values if a.name in through]
    if graph.loss in through or not task.shapes[name]:
        return
    if all(map(is_rational, (local, *using))):
        given = _given(task, local)
        if given is not None:
            yield _Case(graph.program, name, given, whole=False)


def _worked_out(task: Task, formulas: Iterable[Node], given: Collection[str]) -> list[str]:
    """The values that formulas mention, directly or not, in order; given ones are left out."""
    graph = task.sweep.graph
    needed: set[str] = set()
    queue = list(formulas)
    while queue:
        for name in names_in(queue.pop()) - needed:
            value = graph.value(name)
            if value is not None and name not in given:
                needed.add(name)
                queue.append(value)
    return [a.name for a in graph.values if a.name in needed]


def _given(task: Task, local: Node) -> tuple[tuple[str, str], ...] | None:
    """The quantities that a formula needs: inputs, gradients, values of functions such as tanh.

    None if one of them is no fraction and cannot be given as a number, or if the numbers would
    contradict each other.
    """
    graph = task.sweep.graph
    found: dict[str, str] = {}
    queue = [local]
    while queue:
        for name in dict.fromkeys(n.name for n in walk(queue.pop()) if isinstance(n, Name)):
            value = graph.value(name)
            if value is None:
                if name in task.shapes or name[1:] in task.shapes:
                    found[name] = ""
            elif is_rational(value):
                queue.append(value)
            elif _range(value):
                found[name] = _range(value)
            else:
                return None
    above = {name for name, kind in found.items() if kind}
    fixed = {i for i in found if above & graph.depends(frozenset({i}))} - above
    return None if fixed else tuple(found.items())


def _range(value: Node) -> str:
    """The kind of numbers that a function has whatever its argument is; empty for any number."""
    match value:
        case nodes.Apply(function) if function in _RANGES:
            return function
        case nodes.Softmax(_, axis):
            return f"softmax {axis}"
    return ""


_RANGES: Mapping[str, tuple[Fraction, ...]] = {
    "tanh": tuple(Fraction(n, 2) for n in (-1, 0, 1)),
    "sigmoid": tuple(Fraction(1, n) for n in (2, 3, 4)),
    "exp": tuple(Fraction(n) for n in (1, 2, 3, 4)),
    "softplus": tuple(Fraction(n) for n in (1, 2, 3)),
    "sin": tuple(Fraction(n, 2) for n in (-2, -1, 0, 1, 2)),
    "cos": tuple(Fraction(n, 2) for n in (-2, -1, 0, 1, 2)),
    "sqrt": tuple(Fraction(n) for n in (1, 2, 3)),
}


# -- drawing and working out -------------------------------------------------------------------


def _draw(theme: Theme, cases: list[_Case], chance: Random) -> Drawn[Numbers]:
    case = chance.choice(cases)
    sizes = theme.small(chance, 2, 2 if case.whole else 3)
    given: dict[str, _Array] = {}
    for name, kind in case.given:
        of = name if name in theme.task.shapes else name[1:]
        shape = theme.shape(of, sizes)
        given[name] = _drawn_array(kind, shape, chance)
    key = tuple(tuple(np.ravel(array).tolist()) for array in given.values())
    return (case, *sizes.values(), key), lambda: _made(theme, case, sizes, given)


def _drawn_array(kind: str, shape: tuple[int, ...], chance: Random) -> _Array:
    if kind.startswith("softmax"):
        parts = np.array([chance.choice((1, 1, 2)) for _ in range(int(np.prod(shape)))])
        weights = parts.reshape(shape) * Fraction(1)
        axis = kind.split()[1]
        over = None if axis == "None" else int(axis)
        return weights / np.sum(weights, axis=over, keepdims=True)
    values = _RANGES.get(kind, _SMALL)
    made = [chance.choice(values) for _ in range(int(np.prod(shape)))]
    return np.array(made, dtype=object).reshape(shape) if shape else made[0]


def _made(
    theme: Theme, case: _Case, sizes: LetterSizes, given: dict[str, _Array]
) -> Numbers | None:
    """The exercise, or None where there is no value, none to be written down, or no proof."""
    try:
        task = theme.other(case.program, (_wrt(theme, case),), sizes)
        chosen = list(task.sweep.gradients) if case.whole else [case.name]
        formulas = {of: task.whole(of, task.sweep.gradients[of].local) for of in chosen}
        run = _Run(task, dict(given))
        names = _worked_out(task, formulas.values(), given)
        values = tuple(map(run.value, names))
        gradients = tuple(run.gradient(of, formula) for of, formula in formulas.items())
    except (ArithmeticError, MatderivError):
        return None
    shown = [n for array in run.values.values() for n in np.ravel(array).tolist()]
    if any(abs(n.numerator) > _LARGEST or n.denominator > _FINEST for n in shown):
        return None
    result = run.values[f"d{case.name}"]
    if not np.any(result):
        return None  # nothing but zeros
    # What X is used for, and what else is worked out from the given numbers.
    used = {*users(task, case.name), *names} if not case.whole else set[str]()
    defined = (run.definition(a.name) for a in task.sweep.graph.values if a.name in used)
    numerals = tuple((name, as_numerals(array)) for name, array in given.items())
    return Numbers(task, case.name, tuple(defined), numerals, values, gradients)


def _wrt(theme: Theme, case: _Case) -> str:
    """An input on whose way a name lies."""
    if case.name in theme.task.wrt:
        return case.name
    graph = theme.task.sweep.graph
    return next(n for n in theme.task.wrt if case.name in graph.depends(frozenset({n})))


class _Run:
    """The values of names, one after another."""

    def __init__(self, task: Task, values: dict[str, _Array]) -> None:
        self.task = task
        self.values = values
        self.arithmetic = replace(EXACT, sizes=task.sizes)

    def definition(self, name: str) -> Chain:
        """The chain Z = ... that defines a value."""
        builder = Builder(self.task, (), elementwise)
        return next(c for c in builder.values() if c.sides[0] == Formula(Name(name)))

    def value(self, name: str) -> Chain:
        """A value by its definition."""
        value = self.task.sweep.graph.definition(name)
        return self.line(Defining(self.task, name), name, "definition", value)

    def gradient(self, of: str, formula: Node) -> Chain:
        """A gradient by its formula."""
        judge = Judge(self.task, of, users(self.task, of))
        return self.line(judge, f"d{of}", "local derivatives", formula)

    def line(self, judge: Judge, name: str, reason: Reason, formula: Node) -> Chain:
        """The name, its formula, which is proved, and the numbers."""
        builder = Builder(self.task, (), elementwise)
        first = builder.chain(judge, "numbers", Formula(Name(name)), (reason, Formula(formula)))
        array = exact_value(formula, self.values, self.arithmetic)
        self.values[name] = array
        verdict = Verdict("equal", entries=int(np.size(array)))
        last = Link(self.task, Formula(formula), as_numerals(array), "worked out", verdict)
        return Chain("numbers", (*first.links, last))
