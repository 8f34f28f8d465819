"""Rewrites of sums and entrywise products: multiplied out, and over one denominator."""

from __future__ import annotations

import itertools
from fractions import Fraction

from matderiv.calculus.formulas.facts import Facts
from matderiv.calculus.formulas.flattened import (
    Addend,
    BasePower,
    added_up,
    cost,
    factors,
    formula_key,
    product_of,
    split,
    sum_of,
    terms,
)
from matderiv.calculus.formulas.rewrite_products import scalars_first
from matderiv.calculus.formulas.rewrite_sums import like_terms
from matderiv.expression import nodes
from matderiv.expression.nodes import Node

__all__ = ["multiplied_out", "one_denominator"]

_MANY = 12  # terms of a sum that is multiplied out
_ONES = 4  # the length of *ones((m, n))

#: A number and the powers of bases that it multiplies.
_Monomial = tuple[Fraction, tuple[BasePower, ...]]


def multiplied_out(node: Node, facts: Facts) -> Node | None:
    """a·(b + c) = a·b + a·c, where a factor goes away or terms cancel, and it gets shorter."""
    match node:
        case nodes.Multiply() | nodes.Divide():
            return _factor_distributed(node, facts) or _sums_joined(node, facts)
        case nodes.Add() | nodes.Subtract():
            monomials = _multiplied(terms(node))
            return _shorter(_total(monomials), node, facts) if monomials else None
    return None


def _factor_distributed(node: Node, facts: Facts) -> Node | None:
    """a·(b + c) = a·b + a·c, where a factor goes away by it."""
    number, parts = factors(node)
    for at, (base, power) in enumerate(parts):
        if power != nodes.ONE or not isinstance(base, nodes.Add | nodes.Subtract):
            continue
        rest = parts[:at] + parts[at + 1 :]
        made = []
        less = False
        for c, t in terms(base):
            more, inner = factors(t)
            term = product_of(Fraction(1), [*rest, *inner])
            bases = {formula_key(b) for b, _ in (*rest, *inner)}
            for _ in range(4):
                again = scalars_first(term, facts) or _softmax_sum(term)
                if again is None:
                    break
                term = again
            k, left = split(term)
            less = less or bool(bases - {formula_key(b) for b, _ in factors(left)[1]})
            made.append((number * c * more * k, left))
        found = sum_of(made)
        found = like_terms(found, facts) or found
        if less and cost(found) < cost(node) and facts.shape(found) == facts.shape(node):
            return found
    return None


def one_denominator(node: Node, facts: Facts) -> Node | None:
    """a/b + c/d = (a·d + c·b)/(b·d), multiplied out above, where it gets shorter."""
    if not isinstance(node, nodes.Add | nodes.Subtract):
        return None
    some = terms(node)
    below: dict[object, BasePower] = {}
    for _, term in some[:_MANY]:
        for base, power in factors(term)[1]:
            if isinstance(power, nodes.Number) and power.value < 0:
                _, least = below.get(formula_key(base), (base, power))
                if not isinstance(least, nodes.Number) or power.value <= least.value:
                    below[formula_key(base)] = (base, power)
    if not below or len(some) > _MANY:
        return None
    whole = [(base, _opposite(power)) for base, power in below.values()]
    monomials = _multiplied(
        [(c, product_of(Fraction(1), _merged((*factors(t)[1], *whole)))) for c, t in some]
    )
    if not monomials:
        return None
    above = _total(monomials)
    number, parts = factors(above)
    found = product_of(number, _merged((*parts, *below.values()))) if number else nodes.ZERO
    return _shorter(found, node, facts)


def _softmax_sum(node: Node) -> Node | None:
    """Σ softmax(A) = 1 along its axis, beside other factors."""
    number, parts = factors(node)
    for base, _ in parts:
        match base:
            case nodes.Sum(nodes.Softmax(_, inner), axis, keepdims) if inner == axis and (
                keepdims or axis is None
            ):
                rest = [p for p in parts if p[0] != base]
                return product_of(number, rest)
    return None


def _opposite(power: Node) -> Node:
    return nodes.Number(-factors(power)[0])


def _sums_joined(node: Node, facts: Facts) -> Node | None:
    """(a + b)ᵖ·(a - b)ᵖ = (a² - b²)ᵖ, and other products of sums that get shorter."""
    number, parts = factors(node)
    sums = [p for p in parts if isinstance(p[0], nodes.Add | nodes.Subtract)]
    for one, other in itertools.combinations(sums, 2):
        if one[1] == other[1]:
            monomials = _multiplied([(Fraction(1), nodes.Multiply(one[0], other[0]))])
            left = [p for p in parts if p not in (one, other)]
            found = product_of(number, [*left, (_total(monomials), one[1])])
            if monomials and (shorter := _shorter(found, node, facts)):
                return shorter
    return None


def _shorter(found: Node, node: Node, facts: Facts) -> Node | None:
    """A result that is shorter, even where a smaller array has to be repeated."""
    grown = 0 if facts.shape(found) == facts.shape(node) else _ONES
    fewer = len(terms(found)) < len(terms(node))
    return found if cost(found) + grown < cost(node) + fewer else None


def _total(monomials: list[_Monomial]) -> Node:
    return added_up((number, product_of(Fraction(1), parts)) for number, parts in monomials)


def _multiplied(some: tuple[Addend, ...] | list[Addend]) -> list[_Monomial]:
    """The terms with the sums among their factors multiplied out; none if they are too many."""
    made: list[_Monomial] = []
    for number, term in some:
        more, parts = factors(term)
        found: list[_Monomial] = [(number * more, ())]
        for base, power in parts:
            match base, power:
                case nodes.Add() | nodes.Subtract() | nodes.Negate(), nodes.Number(value) if (
                    value in (1, 2)
                ):
                    inner = _multiplied(terms(base))
                    if not inner:
                        return []
                    for _ in range(int(value)):
                        found = [(a * b, p + q) for a, p in found for b, q in inner]
                case _:
                    found = [(a, (*p, (base, power))) for a, p in found]
            if len(found) > _MANY:
                return []
        made += found
        if len(made) > _MANY:
            return []
    return [(number, tuple(_merged(parts))) for number, parts in made]


def _merged(parts: tuple[BasePower, ...]) -> list[BasePower]:
    """The powers of each base together."""
    found: dict[object, tuple[Node, list[Addend]]] = {}
    for base, power in parts:
        if base != nodes.ONE:
            found.setdefault(formula_key(base), (base, []))[1].extend(terms(power))
    summed = [(base, added_up(exponents)) for base, exponents in found.values()]
    return [(base, power) for base, power in summed if power != nodes.ZERO]
