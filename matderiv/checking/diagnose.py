"""What is wrong with a claim: the change that makes it right, proved to make it right."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np

from matderiv.checking.decide import decide, folded
from matderiv.checking.edits import KINDS, Edit
from matderiv.checking.floats import Case, random_case
from matderiv.checking.points import WORKING_DIGITS, Point, apart, points
from matderiv.checking.question import Question
from matderiv.errors import InputError, ShapeError
from matderiv.expression import nodes
from matderiv.expression.nodes import Name, Node, Number
from matderiv.expression.shapes import Shape, shape_of

__all__ = ["Cause", "Misfit", "cause", "misfit"]

_MOST_PARTS = 14  # of a claim in which two mistakes are looked for
_MOST_PAIRS = 1500
_OF_TWO = nodes.MatMul | nodes.Add | nodes.Subtract | nodes.Multiply | nodes.Divide | nodes.Power
_OF_A_SQUARE = nodes.Trace | nodes.Inverse | nodes.Determinant | nodes.LogDet | nodes.Diag
_DENOMINATOR = 1000  # of a factor that is named


@dataclass(frozen=True, slots=True)
class Misfit:
    """A part of a claim whose operands' shapes do not fit, or a claim of another shape.

    `kind` is "inner" for a product, "entries" for an entry-by-entry operation, "operand" for a
    product with something that is no matrix, "square" for what takes a square matrix, such as an
    inverse (`left` and `right` are then the same), "whole" for the claim itself.
    """

    kind: str
    part: Node
    left: Node
    right: Node
    left_shape: Shape
    right_shape: Shape


@dataclass(frozen=True, slots=True)
class Cause:
    """The changes that turn the claim into the gradient, and a factor that remains (else 1)."""

    edits: tuple[Edit, ...]
    factor: Node | None
    repaired: Node


def misfit(claim: Node, shapes: Mapping[str, Shape], wrt: str) -> Misfit | None:
    """The first part whose shapes do not fit at these sizes, or the claim if not shaped as `wrt`.

    Raises:
        ShapeError: shapes do not fit in another way, such as an axis that a part does not have.
    """
    for part in nodes.walk(claim):
        try:
            shape_of(part, shapes)
        except ShapeError:
            if not isinstance(part, _OF_TWO | _OF_A_SQUARE):
                raise
            left, *_, right = (*nodes.children(part), *nodes.children(part))
            a, b = shape_of(left, shapes), shape_of(right, shapes)
            kind = "square" if isinstance(part, _OF_A_SQUARE) else "entries"
            if isinstance(part, nodes.MatMul):
                kind = "inner" if a and b else "operand"
            return Misfit(kind, part, left, right, a, b)
    shape, own = shape_of(claim, shapes), shapes[wrt]
    if [dim.size for dim in shape] != [dim.size for dim in own]:
        return Misfit("whole", claim, claim, Name(wrt), shape, own)
    return None


class _Trial:
    """The gradient's values at a few points, against which changed claims are held."""

    def __init__(self, question: Question, claim: Node) -> None:
        self.question = question
        found: list[tuple[Point, Any]] = []
        for point in points(question, claim, count=6):
            value = point.value(question.gradient)
            if value is not None and np.size(value) > 1:
                found.append((point, value))
        self.known = found[:3]
        self.scalars = [n for n, s in question.shapes.items() if not s and n in question.inputs]
        self.floats: tuple[Case, Any] | None = None
        with contextlib.suppress(InputError):
            case = random_case(question, question.shapes, np.random.default_rng(0))
            self.floats = case, np.asarray(case.value(question.gradient))

    def equal(self, node: Node) -> bool:
        """Whether a formula is the gradient: tried at the points first, then proved."""
        if not self.fits(node):
            return False
        for point, value in self.known:
            other = point.value(node)
            if other is None:
                return False
            mask = apart(other, value, exact=point.exact)
            if mask is None or mask.any():
                return False
        try:
            return decide(self.question, node).status == "equal"
        except InputError:
            return False

    def near(self, node: Node) -> tuple[bool, bool]:
        """Whether rounded numbers leave it possible that a formula is the gradient, or c times it.

        Nearly all changes are dismissed here, a hundred times as fast as exactly.
        """
        if self.floats is None:
            return True, True
        case, right = self.floats
        try:
            value = np.asarray(case.value(node), dtype=np.float64)
        except (ArithmeticError, ValueError, InputError):
            return False, False
        if value.shape != right.shape:
            return False, False
        with np.errstate(all="ignore"):
            largest = np.unravel_index(int(np.argmax(np.abs(right))), right.shape)
            scaled = right * (value[largest] / right[largest])
            if not np.allclose(value, scaled, rtol=1e-6, atol=1e-9):
                return False, False
            return bool(np.allclose(value, right, rtol=1e-6, atol=1e-9)), True

    def fits(self, node: Node) -> bool:
        try:
            return shape_of(node, self.question.shapes) == self.question.shape
        except InputError:
            return False

    def factor(self, node: Node) -> Node | None:
        """The constant c other than 1 for which the formula is c times the gradient."""
        if not self.fits(node):
            return None
        ratios = [_ratio(point.value(node), value, point) for point, value in self.known]
        if not ratios or None in ratios:
            return None
        wanted: Node
        for scalar, up in itertools.product(("", *self.scalars), (True, False)):
            constants: list[Any] = []
            for ratio, (point, _) in zip(ratios, self.known, strict=True):
                assert ratio is not None
                by = point.values[scalar] if scalar else 1
                constants.append(ratio / by if up else ratio * by)
            number = _rational(constants)
            if number is None or (number == 1 and not scalar):
                continue
            wanted = Number(number)
            if scalar:
                combine = nodes.Multiply if up else nodes.Divide
                wanted = Name(scalar) if number == 1 and up else combine(wanted, Name(scalar))
            if self.equal(nodes.Divide(node, wanted)):
                return wanted
        return None


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
    far = [
        abs(v - number)
        if isinstance(v, Fraction)
        else abs(v - mpmath.mpf(number.numerator) / number.denominator)
        for v in values
    ]
    return (
        number
        if all(
            d < Fraction(1, 10**15) if isinstance(d, Fraction) else d < mpmath.mpf(10) ** -15
            for d in far
        )
        else None
    )


def cause(question: Question, claim: Node) -> Cause | None:
    """The first change in the order of the table that makes a claim right, if one is found.

    Two changes are tried where no single one does.
    """
    with mpmath.workdps(WORKING_DIGITS):
        for node in dict.fromkeys((claim, folded(question, claim))):
            found = _cause(_Trial(question, node), node)
            if found is not None:
                return found
    return None


def _cause(trial: _Trial, claim: Node) -> Cause | None:
    question = trial.question
    scaled: list[Edit] = []
    for kind in KINDS:
        if kind is None:
            factor = trial.factor(claim)
            if factor is not None:
                return Cause((), factor, question.gradient)
            continue
        for edit in kind(claim, question):
            equal, multiple = trial.near(edit.node)
            if equal and trial.equal(edit.node):
                return Cause((edit,), None, edit.node)
            if multiple:
                scaled.append(edit)
    for edit in scaled:
        factor = trial.factor(edit.node)
        if factor is not None:
            return Cause((edit,), factor, question.gradient)
    if sum(1 for _ in nodes.walk(claim)) > _MOST_PARTS:
        return None
    for one, other in itertools.islice(_pairs(question, claim), _MOST_PAIRS):
        if trial.near(other.node)[0] and trial.equal(other.node):
            return Cause((one, other), None, other.node)
    return None


def _pairs(question: Question, claim: Node) -> Iterator[tuple[Edit, Edit]]:
    """Two of the likeliest changes, one after the other; the whole is transposed last."""
    whole, transpose, *others = (kind for kind in KINDS[:4] if kind is not None)
    simple = (*others, transpose, whole)
    for one in itertools.chain(*(kind(claim, question) for kind in simple)):
        for kind in simple:
            for other in kind(one.node, question):
                if other.node != claim:
                    yield one, other
