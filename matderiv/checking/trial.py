"""Compares candidate formulas with the gradient at numbers; those that agree are then proved."""

from __future__ import annotations

import contextlib
import itertools
import math
from collections.abc import Iterator
from fractions import Fraction
from functools import reduce
from typing import Any

import mpmath
import numpy as np

from matderiv.calculus.formulas.shaping import signs_first
from matderiv.checking.decide import judged
from matderiv.checking.floats import Case, random_case
from matderiv.checking.points import Point, apart, points
from matderiv.checking.question import Question
from matderiv.errors import InputError
from matderiv.expression import nodes
from matderiv.expression.nodes import Name, Node, Number

__all__ = ["Trial"]

_DENOMINATOR = 1000  # of a factor that is named
_CLOSE = 1e-7  # relative to the largest entry: far more than rounding makes at such numbers


class Trial:
    """A formula's values at a few points, against which changed claims are held.

    The formula is the gradient, or `wanted`, such as a claim that a changed gradient may be.
    """

    def __init__(self, question: Question, claim: Node, wanted: Node | None = None) -> None:
        self.question = question
        self.wanted = question.gradient if wanted is None else wanted
        found: list[tuple[Point, Any]] = []
        for point in points(question, claim, self.wanted, count=6):
            value = point.value(self.wanted)
            if value is not None and (np.size(value) > 1 or not question.shape):
                found.append((point, value))
        self.known = found[:3]
        self.case: Case | None = None
        with contextlib.suppress(InputError, ValueError, ArithmeticError):
            case = random_case(question, question.shapes, np.random.default_rng(0))
            self.right = case.value(self.wanted)
            self.case = case
            self._flat = self.right.ravel()
            self._largest = int(np.argmax(np.abs(self._flat)))

    def equal(self, node: Node) -> bool:
        """Whether a formula is the wanted one: tried at the points first, then proved."""
        if not self._fits(node):
            return False
        for point, value in self.known:
            other = point.value(node)
            if other is None:
                return False
            mask = apart(other, value, exact=point.exact)
            if mask is None or mask.any():
                return False
        try:
            return judged(self.question, node, self.wanted).status == "equal"
        except InputError:
            return False

    def near(self, node: Node) -> tuple[bool, bool]:
        """Whether rounded numbers let a formula be the wanted one, or c times it.

        Nearly all changes are dismissed here, a hundred times as fast as exactly.
        """
        if self.case is None:
            return True, True
        try:
            value = self.case.value(node)
        except (ArithmeticError, ValueError, InputError):
            return False, False
        if value.shape != self.right.shape:
            return False, False
        with np.errstate(all="ignore"):
            flat = value.ravel()
            ratio = flat[self._largest] / self._flat[self._largest]
            scale = abs(ratio * self._flat[self._largest])
            multiple = bool(np.abs(flat - ratio * self._flat).max() <= _CLOSE * scale)
        return multiple and abs(ratio - 1) < _CLOSE, multiple and scale > 0

    def factor(self, node: Node) -> Node | None:
        """The constant c other than 1 for which the formula is c times the wanted one."""
        if not self._fits(node):
            return None
        ratios: list[Any] = [_ratio(point.value(node), value, point) for point, value in self.known]
        if not ratios or None in ratios:
            return None
        for quantities, up in itertools.product(((), *self._quantities()), (True, False)):
            constants: list[Any] = []
            for ratio, (point, _) in zip(ratios, self.known, strict=True):
                by = math.prod(point.value(quantity) for quantity in quantities)
                constants.append(ratio / by if up else ratio * by)
            number = _rational(constants)
            if number is None or (number == 1 and not quantities):
                continue
            wanted = _factor(number, quantities, up=up)
            if self.equal(nodes.Divide(node, wanted)):
                return wanted
        return None

    def _fits(self, node: Node) -> bool:
        return self.question.fitting(node) == self.question.shape

    def _quantities(self) -> Iterator[tuple[Node, ...]]:
        """Quantities that a constant factor may hold: a scalar of the program, a size or two."""
        question = self.question
        for name in question.inputs:
            if not question.shapes[name] and name != question.wrt:
                yield (Name(name),)
        sizes: list[Node] = [nodes.Size(dim.symbol, dim.size) for dim in question.dims]
        yield from ((size,) for size in sizes)
        yield from itertools.combinations(sizes, 2)


def _factor(number: Fraction, quantities: tuple[Node, ...], *, up: bool) -> Node:
    """A number times or over quantities, as it is written: -2*N*D/3, 1/lam."""
    if not quantities:
        return Number(number)

    def product(first: int, others: tuple[Node, ...]) -> Node:
        numbers = (Number(Fraction(first)),) if abs(first) != 1 or not others else ()
        made: Node = reduce(nodes.Multiply, (*numbers, *others))
        return made if numbers or first > 0 else signs_first(nodes.Negate(made))

    above = product(number.numerator, quantities if up else ())
    below = product(number.denominator, () if up else quantities)
    return above if below == nodes.ONE else nodes.Divide(above, below)


def _ratio(one: Any, other: Any, point: Point) -> Any | None:
    if one is None or np.shape(one) != np.shape(other):
        return None
    pairs = list(zip(np.ravel(one), np.ravel(other), strict=True))
    ratio = next((a / b for a, b in pairs if b), None)
    if not ratio:
        return None
    mask = apart(one, np.asarray(other) * ratio, exact=point.exact)
    return ratio if mask is not None and not mask.any() else None


def _rational(values: list[Any]) -> Fraction | None:
    """The one simple fraction that all values are, if they are."""
    first = values[0]
    if isinstance(first, Fraction):
        number = first
    else:
        number = Fraction(str(mpmath.nstr(first, 20))).limit_denominator(_DENOMINATOR)
    if number == 0 or number.denominator > _DENOMINATOR:
        return None
    far = (
        abs(v - number)
        if isinstance(v, Fraction)
        else abs(v - mpmath.mpf(number.numerator) / number.denominator)
        for v in values
    )
    return number if all(d < 1e-15 for d in far) else None  # noqa: PLR2004 - rounding is smaller
