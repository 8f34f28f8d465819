"""Rewrites of entrywise products: powers, names of functions, sums multiplied out."""

from __future__ import annotations

import math
from fractions import Fraction
from functools import lru_cache

from matderiv.calculus.formulas.facts import Facts
from matderiv.calculus.formulas.flattened import (
    Addend,
    BasePower,
    added_up,
    changed,
    cost,
    factors,
    formula_key,
    product_of,
    sum_of,
    terms,
)
from matderiv.errors import InputError
from matderiv.expression import nodes
from matderiv.expression.functions import FUNCTIONS
from matderiv.expression.nodes import Node
from matderiv.expression.source import source

__all__ = ["function_values", "mean", "named_functions", "powers", "scalars_first"]

_MINUS = nodes.Number(Fraction(-1))
_PRODUCTS = (nodes.Multiply, nodes.Divide, nodes.Power, nodes.Negate)
_MOVING = (nodes.Multiply, nodes.Divide, nodes.Negate)
#: f(a)·g(a) = h(a), g None for a itself.
_PAIRS = (("step", None, "relu"), ("sign", None, "abs"), ("step", "relu", "relu"))


def powers(node: Node, facts: Facts) -> Node | None:
    """aᵐ·aⁿ = aᵐ⁺ⁿ, a⁰ = 1, 1·A = A, Iⁿ = I entry by entry: fewer factors than before."""
    made = _joined(node, facts)
    if made is None or (isinstance(node, _MOVING) and _count(made) == _count(node)):
        return None
    return made


def scalars_first(node: Node, facts: Facts) -> Node | None:
    """(-A)/b = -(A/b), A·β·2 = 2·β·A: the same factors in order, signs and scalars first."""
    return _joined(node, facts)


def _count(node: Node) -> int:
    """How many factors a product has."""
    return sum(map(_count, nodes.children(node))) if isinstance(node, _MOVING) else 1


@lru_cache(maxsize=1 << 12)
def _joined(node: Node, facts: Facts) -> Node | None:
    """A product with each base once, signs and scalars first, or None if it is one already."""
    if not isinstance(node, (*_PRODUCTS, nodes.Apply)):
        return None
    match node:
        case nodes.Divide(_, below) if factors(below)[0] == 0:
            raise InputError(f"{source(node)} divides by zero; write another divisor.")
        case nodes.Power(base, nodes.Number(value)) if value < 0 and factors(base)[0] == 0:
            raise InputError(f"{source(node)} divides by zero; write another base.")
    number, parts = factors(node)
    if number == 0:
        return nodes.ZERO
    shape = facts.shape
    found: dict[object, tuple[Node, list[Addend]]] = {}
    for base, power in parts:
        found.setdefault(formula_key(base), (base, []))[1].extend(terms(power))
    summed = [(base, added_up(exponents)) for base, exponents in found.values()]
    kept = [
        (base, nodes.ONE if isinstance(base, nodes.Eye) and _is_positive(power) else power)
        for base, power in summed
        if power != nodes.ZERO and base != nodes.ONE
    ]
    over = shape(node)
    if over and len(kept) > 1:
        for part in list(kept):  # ones that add nothing to the shape of the rest
            others = [p for p in kept if p is not part]
            if isinstance(part[0], nodes.Ones) and _shape(others, facts) == over:
                kept = others
    # Sizes and other scalars first, else as they stand.
    kept.sort(key=lambda part: (bool(shape(part[0])), not isinstance(part[0], nodes.Size)))
    return changed(node, product_of(number, kept))


def _is_positive(power: Node) -> bool:
    return isinstance(power, nodes.Number) and power.value > 0


def _shape(parts: list[BasePower], facts: Facts) -> object:
    return facts.shape(product_of(Fraction(1), parts)) if parts else ()


def named_functions(node: Node, _: Facts) -> Node | None:
    """exp(A)/Σ exp(A) = softmax(A), exp(a)/(1 + exp(a)) = 1/(1 + exp(-a)) = sigmoid(a).

    And sigmoid(a) - sigmoid(a)² = sigmoid(a)·(1 - sigmoid(a)).
    """
    if isinstance(node, nodes.Add | nodes.Subtract):
        return _complement(node) or _logistic_slope(node)
    if not isinstance(node, _PRODUCTS):
        return None
    number, parts = factors(node)
    return (
        _tanh_of_half(number, parts)
        or _quotients(number, parts)
        or _opposites(number, parts)
        or _pairs(number, parts)
        or _hyperbolic(number, parts)
    )


def function_values(node: Node, _: Facts) -> Node | None:
    """log(1) = 0, exp(0) = 1, step(1 - max(A, 0)) = step(1 - A), sign(2·A) = sign(A)."""
    match node:
        case nodes.Apply("step" | "sign" as function, arg) if (made := _whole(arg)) is not None:
            return nodes.Apply(function, made)
        case nodes.Apply("step", arg):
            return _step_of_bounded(arg)
        case nodes.Apply(function, nodes.Number(value)) if function in FUNCTIONS:
            found = FUNCTIONS[function].at.get(int(value)) if value.denominator == 1 else None
            return None if found is None else nodes.Number(Fraction(found))
    return None


def _whole(node: Node) -> Node | None:
    """A sum without the positive number that all its terms have: 2·a - 4 as a - 2."""
    parts = terms(node)
    common = Fraction(
        math.gcd(*(abs(number.numerator) for number, _ in parts)),
        math.lcm(*(number.denominator for number, _ in parts)),
    )
    if common in (0, 1) or any(number == 0 for number, _ in parts):
        return None
    return sum_of((number / common, part) for number, part in parts)


def _step_of_bounded(node: Node) -> Node | None:
    """step(max(a, v)) = step(a) for v ≤ 0, or else 1; step(min(a, v)) = step(a) for v > 0, or 0.

    The greater or the smaller of an array and a number stands in a sum with numbers.
    """
    total = Fraction(0)
    found: tuple[Fraction, bool, Node, Fraction] | None = None
    bounded: tuple[bool, Node, Fraction]
    for number, term in terms(node):
        match term:
            case nodes.ONE:
                total += number
                continue
            case nodes.Apply("relu", inner):
                bounded = True, inner, Fraction(0)
            case nodes.Maximum(inner, nodes.Number(bound)) | nodes.Maximum(
                nodes.Number(bound), inner
            ):
                bounded = True, inner, bound
            case nodes.Minimum(inner, nodes.Number(bound)) | nodes.Minimum(
                nodes.Number(bound), inner
            ):
                bounded = False, inner, bound
            case _:
                return None
        if found is not None:
            return None
        greater, inner, bound = bounded
        found = number, greater, inner, bound
    if found is None:
        return None
    number, greater, inner, bound = found
    positive = total + number * bound > 0
    if greater == (number > 0) and positive:
        return nodes.ONE
    if greater != (number > 0) and not positive:
        return nodes.ZERO
    some = [(number * own, part) for own, part in terms(inner)]
    return nodes.Apply("step", added_up([*some, (total, nodes.ONE)]))


def _quotients(number: Fraction, parts: tuple[BasePower, ...]) -> Node | None:
    """exp(A)/Σ exp(A), exp(a)/(1 + exp(a)) and 1/(1 + exp(a))."""
    for at, (base, power) in enumerate(parts):
        if not isinstance(power, nodes.Number) or power.value >= 0:
            continue
        rest = [*parts[:at], *parts[at + 1 :]]
        if power != _MINUS:
            rest.append((base, added_up((*terms(power), (Fraction(1), nodes.ONE)))))
        match base:
            case nodes.Sum(nodes.Apply("exp", arg), axis, keepdims) if keepdims or axis is None:
                grown = (nodes.Apply("exp", arg), nodes.ONE)
                if grown in rest:
                    rest.remove(grown)
                    return product_of(number, [*rest, (nodes.Softmax(arg, axis), nodes.ONE)])
            case nodes.Add() if (exponent := _logistic(base)) is not None:
                grown = (nodes.Apply("exp", exponent), nodes.ONE)
                if grown in rest:
                    rest.remove(grown)
                else:
                    exponent = _opposite(exponent)
                return product_of(number, [*rest, (nodes.Apply("sigmoid", exponent), nodes.ONE)])
    return None


def _opposites(number: Fraction, parts: tuple[BasePower, ...]) -> Node | None:
    """sigmoid(a)·exp(-a) = sigmoid(-a), exp(a)·exp(-a) = 1, and a slope of tanh."""
    for part in parts:
        match part:
            case (nodes.Apply("sigmoid", arg), nodes.Number(1)) if slope := _slope(arg, parts):
                other, made = slope
                rest = [p for p in parts if p not in (part, other)]
                return product_of(number / 2, [*rest, (made, nodes.ONE)])
            case (nodes.Apply("exp", arg), power):
                shrunk = (nodes.Apply("exp", _opposite(arg)), power)
                if shrunk in parts:
                    return product_of(number, [p for p in parts if p not in (part, shrunk)])
            case (nodes.Apply("sigmoid", arg) as own, nodes.Number(value)) if value >= 1:
                minus = _opposite(arg)
                shrunk = (nodes.Apply("exp", minus), nodes.ONE)
                if shrunk in parts:
                    rest = [p for p in parts if p not in (part, shrunk)]
                    if value > 1:
                        rest.append((own, nodes.Number(value - 1)))
                    return product_of(number, [*rest, (nodes.Apply("sigmoid", minus), nodes.ONE)])
    return None


def _slope(arg: Node, parts: tuple[BasePower, ...]) -> tuple[BasePower, Node] | None:
    """The factor c - c·tanh(a) beside sigmoid(2·a), and c·(1 - tanh(a)²), twice their product."""
    for base, power in parts:
        match terms(base), power:
            case (one, two), nodes.Number(1):
                made = _squared_tanh(one, two, arg) or _squared_tanh(two, one, arg)
                if made:
                    return (base, power), made
    return None


def _squared_tanh(one: Addend, other: Addend, arg: Node) -> Node | None:
    """c·(1 - tanh(a)²) for the terms c and -c·tanh(a), 2·a or else -2·a given."""
    number, inside = factors(other[1])
    for part in inside:
        match part:
            case (nodes.Apply("tanh", half) as tanh, nodes.Number(1)):
                sign = -number * other[0] / one[0]
                rest = product_of(Fraction(1), [p for p in inside if p is not part])
                fits = formula_key(arg) == formula_key(_scaled(half, 2 * sign))
                if abs(sign) == 1 and fits and formula_key(rest) == formula_key(one[1]):
                    squared = nodes.Subtract(nodes.ONE, nodes.Power(tanh, nodes.TWO))
                    kept = [c for c in (one[1], squared) if c != nodes.ONE]
                    return product_of(one[0], [(c, nodes.ONE) for c in kept])
    return None


def _complement(node: Node) -> Node | None:
    """1 - sigmoid(-a) = sigmoid(a)."""
    some = terms(node)
    for part in some:
        match part:
            case (number, nodes.Apply("sigmoid", arg)) if (-number, nodes.ONE) in some and cost(
                _opposite(arg)
            ) < cost(arg):
                rest = [t for t in some if t not in (part, (-number, nodes.ONE))]
                return sum_of([*rest, (-number, nodes.Apply("sigmoid", _opposite(arg)))])
    return None


def _logistic_slope(node: Node) -> Node | None:
    """c·s - c·s² = c·s·(1 - s), s a sigmoid."""
    some = terms(node)
    for number, term in some:
        for at, (base, power) in enumerate(parts := factors(term)[1]):
            if power != nodes.TWO or not _is_sigmoid(base):
                continue
            rest = [*parts[:at], *parts[at + 1 :]]
            wanted = formula_key(product_of(Fraction(1), [(base, nodes.ONE), *rest]))
            for other in some:
                if other[0] == -number and formula_key(other[1]) == wanted:
                    slope = [(base, nodes.ONE), (nodes.Subtract(nodes.ONE, base), nodes.ONE)]
                    joined = product_of(Fraction(1), [*rest, *slope])
                    left = [t for t in some if t not in ((number, term), other)]
                    return sum_of([*left, (-number, joined)])
    return None


def _is_sigmoid(node: Node) -> bool:
    return isinstance(node, nodes.Apply) and node.function == "sigmoid"


def _pairs(number: Fraction, parts: tuple[BasePower, ...]) -> Node | None:
    """step(a)·a = relu(a), sign(a)·a = abs(a)."""
    for function, other, one in _PAIRS:
        for base, power in parts:
            if isinstance(base, nodes.Apply) and base.function == function and power == nodes.ONE:
                partner = (nodes.Apply(other, base.arg) if other else base.arg, nodes.ONE)
                if partner in parts:
                    rest = [p for p in parts if p not in (partner, (base, power))]
                    return product_of(number, [*rest, (nodes.Apply(one, base.arg), nodes.ONE)])
    return None


def _hyperbolic(number: Fraction, parts: tuple[BasePower, ...]) -> Node | None:
    """(exp(a) - exp(-a))/(exp(a) + exp(-a)) = tanh(a), 4/(exp(a) + exp(-a))² = 1 - tanh(a)².

    So (1 - tanh(a)²)·(exp(a) - exp(-a)) is 4·tanh(a)/(exp(a) + exp(-a)), and sinh(a)/cosh(a)² is
    tanh(a)/cosh(a): these do not overflow.
    """
    for above, power in parts:
        odd = _odd(above)
        if odd is None or not isinstance(power, nodes.Number):
            continue
        arg = odd[1]
        for below, other in parts:
            same = (arg, _opposite(arg))
            rest = [p for p in parts if p[0] not in (above, below)]
            of_slope = odd[0] == "exp" and _tanh_of_slope(below) in same
            if of_slope and power == other == nodes.ONE:
                total = sum_of([(Fraction(1), nodes.Apply("exp", a)) for a in same])
                return _by_tanh(4 * number, [*rest, (total, _MINUS)], arg, power)
            if not isinstance(other, nodes.Number) or _even(below) not in [
                (odd[0], a) for a in same
            ]:
                continue
            left = other.value + power.value
            if left == 0:
                return _by_tanh(number, rest, arg, power)
            if left < 0 and nodes.ONE in (power, other):
                kept = below if power == nodes.ONE else above
                made = nodes.ONE if power == nodes.ONE else _MINUS
                return _by_tanh(number, [*rest, (kept, nodes.Number(left))], arg, made)
    for below, other in parts:
        squared = len(parts) == 1 and other == nodes.Number(Fraction(-2))
        if squared and (inner := _grown_and_shrunk(below, 1)):
            rest = [p for p in parts if p[0] != below]
            slope = nodes.Subtract(nodes.ONE, nodes.Power(nodes.Apply("tanh", inner), nodes.TWO))
            return product_of(number / 4, [*rest, (slope, nodes.ONE)])
    return None


def _by_tanh(number: Fraction, rest: list[BasePower], arg: Node, power: nodes.Number) -> Node:
    """The product with a power of tanh(a); tanh(-a) = -tanh(a)."""
    if power == nodes.ONE and all(c < 0 for c, _ in terms(arg)):
        number, arg = -number, _opposite(arg)
    return product_of(number, [*rest, (nodes.Apply("tanh", arg), power)])


def _odd(node: Node) -> tuple[str, Node] | None:
    """The a of sinh(a), or of exp(a) - exp(-a), and which it is."""
    match node:
        case nodes.Apply("sinh", arg):
            return "sinh", arg
    inner = _grown_and_shrunk(node, -1)
    return None if inner is None else ("exp", inner)


def _even(node: Node) -> tuple[str, Node] | None:
    """The a of cosh(a), or of exp(a) + exp(-a), by the words of `_odd`."""
    match node:
        case nodes.Apply("cosh", arg):
            return "sinh", arg
    inner = _grown_and_shrunk(node, 1)
    return None if inner is None else ("exp", inner)


def _tanh_of_slope(node: Node) -> Node | None:
    """The a of 1 - tanh(a)²."""
    match node:
        case nodes.Subtract(
            nodes.Number(1), nodes.Power(nodes.Apply("tanh", arg), nodes.Number(2))
        ):
            return arg
    return None


def _tanh_of_half(number: Fraction, parts: tuple[BasePower, ...]) -> Node | None:
    """(exp(a) - 1)/(exp(a) + 1) = tanh(a/2)."""
    for below, power in parts:
        arg = _logistic(below)
        if arg is None or not isinstance(power, nodes.Number) or power.value > -1:
            continue
        for above, other in parts:
            sign = _sign_of_less(above, arg)
            if sign and other == nodes.ONE:
                rest = [p for p in parts if p[0] not in (above, below)]
                if power != _MINUS:
                    rest.append((below, nodes.Number(power.value + 1)))
                if all(c < 0 for c, _ in terms(arg)):  # tanh(-a) = -tanh(a)
                    sign, arg = -sign, _opposite(arg)
                tanh = nodes.Apply("tanh", _scaled(arg, Fraction(1, 2)))
                return product_of(sign * number, [*rest, (tanh, nodes.ONE)])
    return None


def _sign_of_less(node: Node, arg: Node) -> int:
    """1 for exp(a) - 1, -1 for 1 - exp(a), else 0."""
    some = {term: number for number, term in terms(node)}
    sign = some.pop(nodes.Apply("exp", arg), Fraction(0))
    return int(sign) if abs(sign) == 1 and some == {nodes.ONE: -sign} else 0


def _grown_and_shrunk(node: Node, sign: int) -> Node | None:
    """The a of exp(a) + exp(-a) or, for a negative sign, of exp(a) - exp(-a)."""
    match terms(node):
        case ((c, nodes.Apply("exp", one)), (d, nodes.Apply("exp", other))) if (
            abs(c) == 1 and d == sign * c and formula_key(_opposite(one)) == formula_key(other)
        ):
            return one if c == 1 else other
    return None


def _opposite(node: Node) -> Node:
    return _scaled(node, -1)


def _scaled(node: Node, number: Fraction | int) -> Node:
    return sum_of((number * c, t) for c, t in terms(node))


def _logistic(base: Node) -> Node | None:
    """The a of 1 + exp(a)."""
    match terms(base):
        case ((1, nodes.Apply("exp", arg)), (1, nodes.ONE)) | (
            (1, nodes.ONE),
            (1, nodes.Apply("exp", arg)),
        ):
            return arg
    return None


def mean(node: Node, facts: Facts) -> Node | None:
    """Σ A/n = the mean of A, n entries in each sum."""
    if not isinstance(node, nodes.Multiply | nodes.Divide):
        return None
    number, parts = factors(node)
    for base, power in parts:
        if not isinstance(base, nodes.Sum) or power != nodes.ONE:
            continue
        over = facts.shape(base.arg)
        sizes = [
            (nodes.Size(dim.symbol, dim.size), _MINUS)
            for n, dim in enumerate(over)
            if base.axis in (None, n) and dim.symbol != "1"
        ]
        if not sizes:  # a sum of single entries is no mean
            continue
        rest = list(parts)
        for size in (*sizes, (base, power)):
            if size not in rest:
                break
            rest.remove(size)
        else:
            return product_of(
                number, [*rest, (nodes.Mean(base.arg, base.axis, base.keepdims), nodes.ONE)]
            )
    return None
