"""Rewrites of sums over entries, means and traces."""

from __future__ import annotations

from fractions import Fraction

from matderiv.calculus.formulas.broadcasting import filled, times_size, varies
from matderiv.calculus.formulas.facts import Facts
from matderiv.calculus.formulas.flattened import factors, product_of, split_scalars, sum_of, terms
from matderiv.expression import nodes
from matderiv.expression.axes import in_one_order
from matderiv.expression.dims import SINGLE
from matderiv.expression.nodes import Node
from matderiv.expression.shapes import Shape

__all__ = ["hoisted", "reduction", "settled_sum"]

_MATRIX = 2  # dimensions


def reduction(node: Node, facts: Facts) -> Node | None:
    """Σ c·A = c·Σ A, Σ Aᵀ = Σ A over all entries, tr(c·A) = c·tr(A), Σ a = a for one number."""
    match node:
        case nodes.Sum(nodes.Transpose(arg), None, False):
            return nodes.Sum(arg)
        case nodes.Sum(nodes.Transpose(arg), int() as axis, False):
            return nodes.Sum(arg, _mirrored(axis, arg, facts))
        case nodes.Sum(arg) if not facts.shape(arg):
            return arg
        case nodes.Sum(arg, int() as axis, True) if facts.shape(arg)[axis] == SINGLE:
            return arg
        case nodes.Sum(nodes.Sum(arg, int() as inner, True), axis, keepdims) if axis in (
            None,
            inner,
        ):
            return nodes.Sum(arg, axis, keepdims)
        case nodes.Sum(nodes.Sum(arg, int() as inner, True), int() as axis, False):
            return nodes.Sum(nodes.Sum(arg, axis), inner - (axis < inner), keepdims=True)
        case nodes.Sum(nodes.Sum()) | nodes.Mean(nodes.Mean()) if in_one_order(node) != node:
            return in_one_order(node)
        case nodes.Sum() if (repeated := _repeated(node, facts)) is not None:
            return repeated
        case nodes.Sum(nodes.Multiply(a, b), None, False) if (
            facts.shape(a) == facts.shape(b) and len(facts.shape(a)) == 1
        ):
            return nodes.MatMul(a, b)
        case nodes.Sum(nodes.Multiply(nodes.Transpose(a), b), None, False) if (
            facts.shape(a)[::-1] == facts.shape(b) and len(facts.shape(a)) == _MATRIX
        ):
            return nodes.Trace(nodes.MatMul(a, b))
        case nodes.Trace(nodes.Outer(a, b)):
            return nodes.MatMul(a, b)
        case nodes.Trace(nodes.Add() | nodes.Subtract() as arg) if any(
            isinstance(t, nodes.Outer) for _, t in terms(arg)
        ):
            return sum_of((c, nodes.Trace(t)) for c, t in terms(arg))
        case nodes.Transpose(nodes.Sum(nodes.Transpose(arg), int() as axis, True)):
            return nodes.Sum(arg, _mirrored(axis, arg, facts), keepdims=True)
        case nodes.Sum(arg) | nodes.Mean(arg) | nodes.Trace(arg):
            return hoisted(node, arg, facts) or _constant_out(node, facts)
    return None


def _constant_out(node: Node, facts: Facts) -> Node | None:
    """Σ c·A = c·Σ A along an axis along which c is constant."""
    match node:
        case nodes.Sum(arg, int() as axis, keepdims) | nodes.Mean(arg, int() as axis, keepdims):
            over = facts.shape(arg)
            axis %= len(over)
            number, parts = factors(arg)
            inside = [
                p for p in parts if any(_moves(x, over, axis, facts, kept=keepdims) for x in p)
            ]
            outside = [p for p in parts if p not in inside]
            if not outside or not inside:
                return None
            within = product_of(Fraction(1), inside)
            made = type(node)(within, axis, keepdims)
            if facts.shape(within) == over:
                return product_of(number, [*outside, (made, nodes.ONE)])
    return None


def _moves(part: Node, over: Shape, axis: int, facts: Facts, *, kept: bool) -> bool:
    """Whether an array varies along an axis, or has a place for it that a sum would not keep."""
    own = facts.shape(part)
    if varies(own, over, axis):
        return True
    return not kept and len(own) >= len(over) - axis


def _repeated(node: nodes.Sum, facts: Facts) -> Node | None:
    """Σ along an axis of an array that is constant there: its size times the array."""
    number, parts = factors(node.arg)
    over = facts.shape(node.arg)
    ones = next((p for p in parts if isinstance(p[0], nodes.Ones)), None)
    if ones is None or facts.shape(ones[0]) != over:
        return None
    value = settled_sum(product_of(number, [p for p in parts if p is not ones]), node, facts)
    return None if value is None else filled(value, facts.shape(node), facts.shape)


def settled_sum(
    value: Node, node: nodes.Sum, facts: Facts, *, once: int | None = None
) -> Node | None:
    """The sum of what is the same along the axes of a sum: its sizes times the array.

    Along the axis `once` the weights of the sum add up to 1. The result may be smaller and stand
    for its broadcast. None if the array is not the same.
    """
    own, over = facts.shape(value), facts.shape(node.arg)
    axes = range(len(over)) if node.axis is None else (node.axis % len(over),)
    if any(varies(own, over, axis) for axis in axes):
        return None
    for axis in axes:
        if axis != once:
            value = times_size(value, over[axis])
    if not node.keepdims:  # an axis of one entry is left
        place = None if node.axis is None else node.axis % len(over) - len(over) + len(own)
        value = nodes.Sum(value, place) if own and (place is None or place >= 0) else value
    return value


def _mirrored(axis: int, arg: Node, facts: Facts) -> int:
    """The axis of A that is this one of Aᵀ."""
    dimensions = len(facts.shape(arg))
    return dimensions - 1 - axis % dimensions


def hoisted(node: Node, arg: Node, facts: Facts) -> Node | None:
    """Numbers and scalars of the operand of a linear function put before it."""
    number, outside, inside = split_scalars(arg, facts.shape)
    if not inside or (number == 1 and not outside):
        return None
    fields = [getattr(node, name) for name in node.__dataclass_fields__]
    fields[0] = product_of(Fraction(1), inside)
    return product_of(number, [*outside, (type(node)(*fields), nodes.ONE)])
