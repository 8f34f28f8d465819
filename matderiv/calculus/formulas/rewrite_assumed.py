"""Rewrites that use what is assumed of inputs; each holds wherever that is so."""

from __future__ import annotations

from fractions import Fraction

from matderiv.calculus.formulas.broadcasting import size_name, varies
from matderiv.calculus.formulas.facts import Facts
from matderiv.calculus.formulas.flattened import chain, chained, changed, factors, product_of
from matderiv.calculus.formulas.rewrite_reductions import settled_sum
from matderiv.expression import nodes
from matderiv.expression.assumptions import Positivity
from matderiv.expression.nodes import Node

__all__ = ["is_orthogonal", "is_positive", "labels", "orthogonal", "rows", "signs"]

_EVEN = 2


def rows(node: Node, facts: Facts) -> Node | None:
    """Σ_k t_ik = 1 for every row of T, also beside factors that are the same all along the row."""
    match node:
        case nodes.Sum():
            return _sum(node, facts)
        case nodes.MatMul(left, nodes.Ones(sizes)) if _rows(left, facts):
            return nodes.Ones((*map(size_name, facts.shape(left)[:-1]), *sizes[1:]))
        case nodes.MatMul(nodes.Ones((_,)), right) if (
            _rows(right, facts) and len(facts.shape(right)) == 1
        ):
            return nodes.ONE
    return None


def _rows(node: Node, facts: Facts) -> bool:
    known = facts.known(node)
    return known is not None and known.rows


def _sum(node: nodes.Sum, facts: Facts) -> Node | None:
    number, parts = factors(node.arg)
    over = facts.shape(node.arg)
    some = [p for p in parts if p[1] == nodes.ONE and _rows(p[0], facts)]
    some = [p for p in some if facts.shape(p[0]) == over]
    if not some or node.axis not in (None, len(over) - 1, -1):
        return None
    rest = product_of(number, [p for p in parts if p is not some[0]])
    if varies(facts.shape(rest), over, len(over) - 1):
        return None
    return settled_sum(rest, node, facts, once=len(over) - 1)


def labels(node: Node, facts: Facts) -> Node | None:
    """T² = T entry by entry, where each entry of T is 0 or 1."""
    if not isinstance(node, nodes.Multiply | nodes.Divide | nodes.Power):
        return None
    number, parts = factors(node)

    def is_label(base: Node, power: Node) -> bool:
        known = facts.known(base)
        above = isinstance(power, nodes.Number) and power.value > 1
        return above and known is not None and known.name == "onehot"

    if not any(is_label(*part) for part in parts):
        return None
    return product_of(number, [(b, nodes.ONE) if is_label(b, p) else (b, p) for b, p in parts])


def orthogonal(node: Node, facts: Facts) -> Node | None:
    """Qᵀ@Q = Q@Qᵀ = I, Q⁻¹ = Qᵀ, (det Q)² = 1 and log |det Q| = 0."""
    match node:
        case nodes.MatMul():
            return _cancelled(node, facts)
        case nodes.Inverse(arg) if is_orthogonal(arg, facts):
            return nodes.Transpose(arg)
        case nodes.LogDet(arg) if is_orthogonal(arg, facts):
            return nodes.ZERO
        case nodes.Power(nodes.Determinant(arg), nodes.Number(power)) if (
            power.denominator == 1 and power % _EVEN == 0 and is_orthogonal(arg, facts)
        ):
            return nodes.ONE
        case nodes.Apply("abs", nodes.Determinant(arg)) if is_orthogonal(arg, facts):
            return nodes.ONE
    return None


def _cancelled(node: nodes.MatMul, facts: Facts) -> Node | None:
    links = list(chain(node, facts.shape))
    for n in range(len(links) - 1):
        for one, other in (links[n : n + 2], links[n + 1 : n - 1 if n else None : -1]):
            if one == nodes.Transpose(other) and is_orthogonal(other, facts):
                kept = [*links[:n], *links[n + 2 :]]
                identity = nodes.Eye(size_name(facts.shape(other)[0]))
                return changed(node, chained(kept or [identity]))
    return None


def is_orthogonal(node: Node, facts: Facts) -> bool:
    """Whether a node is an input that is assumed to be orthogonal."""
    known = facts.known(node)
    return known is not None and known.name == "orthogonal"


def signs(node: Node, facts: Facts) -> Node | None:
    """|p| = p, √p² = p, sign p = step p = 1, sign(p·u) = sign u and relu p = p."""
    match node:
        case nodes.Apply("abs" | "relu", arg) if _sign(arg, facts):
            return arg
        case nodes.Apply("sign" | "step" as function, arg):
            return _side(function, arg, facts)
        case nodes.Apply("sqrt", arg):
            return _root(arg, Fraction(1, 2), facts)
        case nodes.Power(nodes.Power() | nodes.Multiply() as arg, nodes.Number(value)) if (
            value.denominator != 1
        ):
            return _root(arg, value, facts)
    return None


def _side(function: str, arg: Node, facts: Facts) -> Node | None:
    """The sign of a product without its positive factors."""
    if _sign(arg, facts) == Positivity.POSITIVE:
        return nodes.ONE
    number, parts = factors(arg)
    kept = [p for p in parts if _sign(p[0], facts) != Positivity.POSITIVE or facts.shape(p[1])]
    if len(kept) == len(parts) or not kept:
        return None
    return nodes.Apply(function, product_of(Fraction(1 if number > 0 else -1), kept))


def is_positive(node: Node, facts: Facts) -> bool:
    """Whether every entry of an array is positive, by what is assumed of its inputs."""
    return _sign(node, facts) == Positivity.POSITIVE


def _root(node: Node, exponent: Fraction, facts: Facts) -> Node | None:
    """(Π pⁿ)ᵃ = Π pⁿᵃ, where no power is left that is no whole number."""
    number, parts = factors(node)
    made = []
    for base, power in parts:
        if not isinstance(power, nodes.Number) or not _sign(base, facts):
            return None
        made.append((base, nodes.Number(power.value * exponent)))
    if number != 1 or not made or any(power.value.denominator != 1 for _, power in made):
        return None
    return product_of(Fraction(1), made)


def _sign(node: Node, facts: Facts) -> Positivity:
    """How sure it is that no entry of an array is negative, by what is assumed of its inputs."""
    match node:
        case nodes.Name():
            known = facts.known(node)
            return known.sign if known else Positivity.UNKNOWN
        case nodes.Number(value):
            return Positivity.POSITIVE if value > 0 else Positivity.UNKNOWN
        case nodes.Size() | nodes.Pi() | nodes.Ones() | nodes.Softmax() | nodes.Apply("exp"):
            return Positivity.POSITIVE
        case nodes.Add(left, right):
            one, other = _sign(left, facts), _sign(right, facts)
            return max(one, other) if one and other else Positivity.UNKNOWN
        case nodes.Multiply(left, right) | nodes.Divide(left, right):
            return min(_sign(left, facts), _sign(right, facts))
        case nodes.MatMul(left, right):
            return min(_sign(left, facts), _sign(right, facts))
        case nodes.Power(base, nodes.Number()):
            return _sign(base, facts)
        case nodes.Sum(arg) | nodes.Mean(arg) | nodes.Transpose(arg) | nodes.Apply("sqrt", arg):
            return _sign(arg, facts)
    return Positivity.UNKNOWN
