"""Sums, entrywise products and chains of matrix products as flat lists, and back to nodes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from fractions import Fraction
from functools import lru_cache

from matderiv._hashed import Hashed, hashed_once
from matderiv.calculus.formulas.broadcasting import ShapeOf
from matderiv.expression import nodes
from matderiv.expression.nodes import Node

__all__ = [
    "Addend",
    "BasePower",
    "added_up",
    "chain",
    "chained",
    "changed",
    "cost",
    "factors",
    "factors_of",
    "formula_key",
    "product_of",
    "split",
    "split_scalars",
    "sum_of",
    "terms",
    "without_units",
]

#: A rational coefficient and what it multiplies.
Addend = tuple[Fraction, Node]
#: A base and the power that it is raised to.
BasePower = tuple[Node, Node]

_HALF = Fraction(1, 2)
_GREATEST = 64  # power to which a number is raised
_TERMS = 50  # of a sum that is written without brackets
_MATRIX = 2  # dimensions


@lru_cache(maxsize=1 << 16)
def cost(node: Node) -> int:
    """How long a formula is: every operation and every name or number counts 1.

    >>> from matderiv.expression.nodes import MatMul, Name, Transpose
    >>> cost(MatMul(Name("dY"), Transpose(Name("W"))))
    4
    """
    return 1 + sum(map(cost, nodes.children(node)))


@hashed_once
class _Key(Hashed):
    """A name of formulas that are alike; its hash is worked out once, whatever it holds."""

    kind: str
    parts: object


@lru_cache(maxsize=1 << 16)
def formula_key(node: Node) -> object:
    """Equal for formulas that differ only in the order of a sum or of an entrywise product."""
    match node:
        case nodes.Add() | nodes.Subtract() | nodes.Negate():
            return _Key("sum", _unordered((c, formula_key(t)) for c, t in terms(node)))
        case nodes.Multiply() | nodes.Divide() | nodes.Power():
            number, parts = factors(node)
            if len(parts) != 1 or number != 1 or parts[0][1] != nodes.ONE:
                made = ((formula_key(base), formula_key(power)) for base, power in parts)
                return _Key("product", (number, _unordered(made)))
        case nodes.MatMul():
            return _Key("chain", tuple(map(formula_key, factors_of(node))))
        case nodes.Transpose(nodes.MatMul() as arg):
            turned = (nodes.transposed(link) for link in reversed(factors_of(arg)))
            return _Key("chain", tuple(map(formula_key, turned)))
    own = tuple(
        formula_key(value) if isinstance(value, Node) else value
        for value in (getattr(node, field) for field in node.__dataclass_fields__)
    )
    return _Key(type(node).__name__, own)


def _unordered(parts: Iterable[object]) -> frozenset[tuple[object, int]]:
    return frozenset(Counter(parts).items())


def changed(old: Node, new: Node) -> Node | None:
    """The result of a rewrite: the new formula, or None if nothing changed."""
    return None if new == old else new


# -- sums ------------------------------------------------------------------------------------


@lru_cache(maxsize=1 << 16)
def terms(node: Node) -> tuple[Addend, ...]:
    """The terms of a sum with their rational coefficients; a number is its multiple of 1."""
    match node:
        case nodes.Add(left, right):
            return (*terms(left), *terms(right))
        case nodes.Subtract(left, right):
            return (*terms(left), *((-c, t) for c, t in terms(right)))
        case nodes.Negate(arg):
            return tuple((-c, t) for c, t in terms(arg))
    number, rest = split(node)
    return ((number, rest),)


def split(node: Node) -> Addend:
    """The rational coefficient of a term, and the rest."""
    match node:
        case nodes.Number(value):
            return value, nodes.ONE
        case nodes.Negate(arg):
            number, rest = split(arg)
            return -number, rest
        case nodes.Multiply() | nodes.Divide():
            number, parts = factors(node)
            if number != 1:
                return number, product_of(Fraction(1), parts)
    return Fraction(1), node


def sum_of(parts: Iterable[Addend]) -> Node:
    """The sum of terms, one with a plus first; of very many, a sum of shorter sums.

    So a sum of a thousand terms is nested no deeper than one of a hundred.
    """
    some = [part for part in parts if part[0]]
    some = (
        [part for part in some if part[0] > 0] + [part for part in some if part[0] < 0]
        if (some and some[0][0] < 0)
        else some
    )
    if not some:
        return nodes.ZERO
    if len(some) > _TERMS:
        batches = (some[start : start + _TERMS] for start in range(0, len(some), _TERMS))
        some = [(Fraction(1), sum_of(batch)) for batch in batches]
    made: Node | None = None
    for number, rest in some:
        if made is None:
            made = _scaled(number, rest)
        elif number < 0:
            made = nodes.Subtract(made, _scaled(-number, rest))
        else:
            made = nodes.Add(made, _scaled(number, rest))
    assert made is not None
    return made


def added_up(parts: Iterable[Addend]) -> Node:
    """The sum of terms, like ones together: a·A + b·A = (a + b)·A."""
    found: dict[object, Addend] = {}
    for number, rest in parts:
        before, first = found.get(formula_key(rest), (Fraction(0), rest))
        found[formula_key(rest)] = (before + number, first)
    return sum_of(found.values())


def _scaled(number: Fraction, rest: Node) -> Node:
    """A rational multiple of a node."""
    if number == 1:
        return rest
    own, parts = factors(rest)
    return product_of(number * own, parts)


# -- entrywise products ----------------------------------------------------------------------


@lru_cache(maxsize=1 << 16)
def factors(node: Node) -> tuple[Fraction, tuple[BasePower, ...]]:
    """The rational coefficient of an entrywise product, and its bases with their powers."""
    match node:
        case nodes.Number(value):
            return value, ()
        case nodes.Negate(arg):
            number, parts = factors(arg)
            return -number, parts
        case nodes.Multiply(left, right):
            a, first = factors(left)
            b, second = factors(right)
            return a * b, first + second
        case nodes.Divide(left, right):
            a, first = factors(left)
            b, second = factors(right)
            if b:
                return a / b, first + tuple((base, _negated(power)) for base, power in second)
        case nodes.Apply("sqrt", arg):
            return Fraction(1), ((arg, nodes.Number(_HALF)),)
        case nodes.Power(base, nodes.Number(power)):
            number, parts = factors(base)
            if power.denominator == 1 and abs(power) <= _GREATEST and (number or power >= 0):
                return number**power.numerator, tuple((b, _times(p, power)) for b, p in parts)
            return Fraction(1), ((base, nodes.Number(power)),)
        case nodes.Power(base, power):
            return Fraction(1), ((base, power),)
    return Fraction(1), ((node, nodes.ONE),)


def split_scalars(node: Node, shape: ShapeOf) -> tuple[Fraction, list[BasePower], list[BasePower]]:
    """The rational coefficient of a product, its scalar factors, and those that are arrays."""
    number, parts = factors(node)
    scalars = [part for part in parts if not any(map(shape, part))]
    return number, scalars, [part for part in parts if part not in scalars]


def _negated(power: Node) -> Node:
    """-power."""
    return _times(power, Fraction(-1))


def _times(power: Node, number: Fraction) -> Node:
    """A rational multiple of a power."""
    return sum_of((c * number, t) for c, t in terms(power))


def product_of(number: Fraction, parts: Sequence[BasePower]) -> Node:
    """A product: its number first, what has a negative power below."""
    if not parts:
        return nodes.Number(number)
    above: list[Node] = []
    below: list[Node] = []
    for base, power in parts:
        downwards = all(c < 0 for c, _ in terms(power))
        (below if downwards else above).append(
            _powered(base, _negated(power) if downwards else power)
        )
    sign = number < 0
    number = abs(number)
    if number.numerator != 1 or not above:
        above.insert(0, nodes.Number(Fraction(number.numerator)))
    made = _multiplied(above)
    if number.denominator != 1:
        below.insert(0, nodes.Number(Fraction(number.denominator)))
    if below:
        made = nodes.Divide(made, _multiplied(below))
    return nodes.Negate(made) if sign else made


def without_units(node: Node) -> Node:
    """The formula with 1·A as A, (-1)·A as -A and A¹ as A; a product that is 1 stays a number.

    >>> from matderiv.expression.nodes import Multiply, Name, Number
    >>> without_units(Multiply(Number(Fraction(-1)), Name("A")))
    Negate(arg=Name(name='A'))
    """
    made = nodes.rebuilt(node, map(without_units, nodes.children(node)))
    match made:
        case nodes.Multiply(nodes.Number(value), other) | nodes.Multiply(
            other, nodes.Number(value)
        ):
            if value == 1:
                return other
            if value == -1:
                return _negated(other)
        case nodes.Power(base, nodes.Number(1)):
            return base
    return made


def _powered(base: Node, power: Node) -> Node:
    if isinstance(power, nodes.Number):
        if power.value == 1:
            return base
        if power.value == _HALF:
            return nodes.Apply("sqrt", base)
    return nodes.Power(base, power)


def _multiplied(parts: Sequence[Node]) -> Node:
    made = parts[0]
    for part in parts[1:]:
        made = nodes.Multiply(made, part)
    return made


# -- matrix products -------------------------------------------------------------------------


def chain(node: Node, shape: ShapeOf) -> list[Node]:
    """The factors of a matrix product; a vector stands only at an end, and stacks come in twos."""
    if not isinstance(node, nodes.MatMul):
        return [node]
    if max(len(shape(node.left)), len(shape(node.right))) > _MATRIX:
        return [node.left, node.right]
    left, right = chain(node.left, shape), chain(node.right, shape)
    if len(shape(left[-1])) == 1 < len(left):  # (A@x)@B is not A@(x@B)
        left = [node.left]
    if len(left) > 1 or len(shape(left[0])) > 1:
        inside = len(shape(right[0])) > 1 or len(right) == 1
        return left + (right if inside else [node.right])
    return left + (
        right if len(shape(right[0])) > 1 and len(shape(node.right)) > 1 else [node.right]
    )


def factors_of(node: Node) -> list[Node]:
    """The factors of a matrix product, from left to right."""
    if isinstance(node, nodes.MatMul):
        return [*factors_of(node.left), *factors_of(node.right)]
    return [node]


def chained(parts: Sequence[Node]) -> Node:
    """The matrix product of factors; a vector at the end is multiplied first."""
    made = parts[0]
    for part in parts[1:]:
        made = nodes.MatMul(made, part)
    return made
