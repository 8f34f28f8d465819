"""Rewrites of sums over entries, means and traces."""

from __future__ import annotations

from fractions import Fraction

from matderiv.calculus.formulas.broadcasting import filled, times_size, varies
from matderiv.calculus.formulas.facts import Facts
from matderiv.calculus.formulas.flattened import factors, product_of, split_scalars, sum_of, terms
from matderiv.expression import nodes
from matderiv.expression.nodes import Node
from matderiv.expression.shapes import Shape

__all__ = ["hoisted", "reduction"]

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
        case nodes.Sum(nodes.Sum(arg, int() as inner, True), axis, keepdims) if axis in (
            None,
            inner,
        ):
            return nodes.Sum(arg, axis, keepdims)
        case nodes.Sum() if (repeated := _repeated(node, facts)) is not None:
            return repeated
        case nodes.Sum(nodes.Multiply(a, b), None, False) if (
            facts.shape(a) == facts.shape(b) and len(facts.shape(a)) == 1
        ):
            return nodes.MatMul(a, b)
        case nodes.Sum() | nodes.Mean() if (left := _without_deviations(node, facts)) is not None:
            return left
        case nodes.Sum(nodes.Multiply(nodes.Transpose(a), b), None, False) if (
            facts.shape(a)[::-1] == facts.shape(b) and len(facts.shape(a)) == _MATRIX
        ):
            return nodes.Trace(nodes.MatMul(a, b))
        case nodes.Sum(
            nodes.Multiply(a, nodes.Eye() as eye) | nodes.Multiply(nodes.Eye() as eye, a),
            axis,
            False,
        ) if facts.shape(a) == facts.shape(eye):
            return nodes.Trace(a) if axis is None else nodes.Diag(a)
        case nodes.Sum(nodes.Eye() as eye, None) | nodes.Trace(nodes.Eye() as eye):
            return times_size(nodes.ONE, facts.shape(eye)[0])
        case nodes.Sum(arg, axis) if _sums_to_one(arg, axis, facts):
            return nodes.ONE
        case nodes.MatMul(a, b) if weighed := _weighed(node, a, b, None, facts):
            return weighed
        case nodes.Sum(nodes.Multiply(a, b), axis) if weighed := _weighed(node, a, b, axis, facts):
            return weighed
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
    value = product_of(number, [p for p in parts if p is not ones])
    own = facts.shape(value)
    axes = range(len(over)) if node.axis is None else (node.axis,)
    if any(varies(own, over, axis) for axis in axes):
        return None
    for axis in axes:
        value = times_size(value, over[axis])
    if not node.keepdims:  # an axis of one entry is left
        place = None if node.axis is None else node.axis - len(over) + len(own)
        value = nodes.Sum(value, place) if own and (place is None or place >= 0) else value
    return filled(value, facts.shape(node), facts.shape)


def _mirrored(axis: int, arg: Node, facts: Facts) -> int:
    """The axis of A that is this one of Aᵀ."""
    dimensions = len(facts.shape(arg))
    return dimensions - 1 - axis % dimensions


def _without_deviations(node: nodes.Sum | nodes.Mean, facts: Facts) -> Node | None:
    """Σ (A - mean(A)) = 0, and Σ (B + c·(A - mean(A))) = Σ B for a c that is constant there."""
    whole = facts.shape(node.arg)
    some = list(terms(node.arg))
    kept = [part for part in some if not _is_deviation(part[1], node, whole, facts)]
    for number, mean in kept[:]:
        of = _mean_of(mean, node, facts)
        if of and (-number, of) in kept and facts.shape(of) == whole:
            kept = [part for part in kept if part not in ((number, mean), (-number, of))]
    if len(kept) == len(some):
        return None
    left = sum_of(kept)
    if left == nodes.ZERO:
        return left
    return type(node)(filled(left, whole, facts.shape), node.axis, node.keepdims)


def _mean_of(node: Node, over: nodes.Sum | nodes.Mean, facts: Facts) -> Node | None:
    """The A of mean(A), repeated along the axis of a sum."""
    match _defined(node, facts):
        case nodes.Mean(of, axis, keepdims) if keepdims or axis in (None, 0):
            return of if over.axis in (axis, None) else None
    return None


def _is_deviation(node: Node, over: nodes.Sum | nodes.Mean, whole: Shape, facts: Facts) -> bool:
    """Whether an array is c·(A - mean(A)), the mean along the axis of a sum, c constant there."""
    if not whole or facts.shape(node) != whole:
        return False
    node = _defined(node, facts)
    match node:
        case nodes.Subtract(a, b):
            return a == _mean_of(b, over, facts)
        case nodes.Multiply() | nodes.Divide():
            _, parts = factors(node)
            axes = range(len(whole)) if over.axis is None else (over.axis % len(whole),)
            moving = [
                pair
                for pair in parts
                if any(varies(facts.shape(one), whole, axis) for one in pair for axis in axes)
            ]
            return (
                len(moving) == 1
                and moving[0][1] == nodes.ONE
                and _is_deviation(moving[0][0], over, whole, facts)
            )
    return False


def _sums_to_one(node: Node, axis: int | None, facts: Facts) -> bool:
    """Whether an array is a softmax along an axis, or is called by a name for it."""
    whole = _defined(node, facts)
    return isinstance(whole, nodes.Softmax) and whole.axis == axis


def _weighed(node: Node, a: Node, b: Node, axis: int | None, facts: Facts) -> Node | None:
    """Σ (A + c)·P = Σ A·P + c for a number c and weights P that sum to 1."""
    if facts.shape(a) != facts.shape(b):
        return None
    for weights, place in ((a, 1), (b, 0)):
        other = terms((a, b)[place])
        numbers = [part for part in other if part[1] == nodes.ONE]
        if not numbers or len(numbers) == len(other) or not _sums_to_one(weights, axis, facts):
            continue
        rest = sum_of(part for part in other if part not in numbers)
        sides = (weights, rest) if place else (rest, weights)
        if facts.shape(rest) != facts.shape(weights):
            continue
        left = nodes.MatMul(*sides) if isinstance(node, nodes.MatMul) else nodes.Multiply(*sides)
        left = left if isinstance(node, nodes.MatMul) else nodes.rebuilt(node, [left])
        return sum_of([(Fraction(1), left), *numbers])
    return None


def _defined(node: Node, facts: Facts) -> Node:
    """What a name stands for."""
    return (isinstance(node, nodes.Name) and facts.definition(node.name)) or node


def hoisted(node: Node, arg: Node, facts: Facts) -> Node | None:
    """Numbers and scalars of the operand of a linear function put before it."""
    number, outside, inside = split_scalars(arg, facts.shape)
    if not inside or (number == 1 and not outside):
        return None
    fields = [getattr(node, name) for name in node.__dataclass_fields__]
    fields[0] = product_of(Fraction(1), inside)
    return product_of(number, [*outside, (type(node)(*fields), nodes.ONE)])
