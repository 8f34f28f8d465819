"""Rewrites of sums that are known: of diagonal arrays, of weights, of deviations from a mean."""

from __future__ import annotations

from fractions import Fraction

from matderiv.calculus.formulas.broadcasting import filled, times_size, varies
from matderiv.calculus.formulas.facts import Facts
from matderiv.calculus.formulas.flattened import factors, sum_of, terms
from matderiv.expression import nodes
from matderiv.expression.nodes import Node
from matderiv.expression.shapes import Shape

__all__ = ["known_sum"]

_MATRIX = 2  # dimensions


def known_sum(node: Node, facts: Facts) -> Node | None:
    """Σ A·I = tr(A), Σ diag(v) = Σ v, Σ softmax(A) = 1, Σ (A - mean(A)) = 0, A@ones = Σ A."""
    match node:
        case nodes.Sum() | nodes.Mean() if (left := _without_deviations(node, facts)) is not None:
            return left
        case nodes.Sum(arg, axis, keepdims):
            return _sum(node, arg, axis, facts, keepdims=keepdims)
        case nodes.Trace(nodes.Eye() as eye):
            return times_size(nodes.ONE, facts.shape(eye)[0])
        case nodes.MatMul(a, nodes.Ones((_,))):
            return nodes.Sum(a, len(facts.shape(a)) - 1 or None)
        case nodes.MatMul(nodes.Ones((_,)), b) if len(facts.shape(b)) <= _MATRIX:
            return nodes.Sum(b, 0 if len(facts.shape(b)) > 1 else None)
        case nodes.MatMul(a, b):
            return _weighed(node, a, b, None, facts)
    return None


def _sum(
    node: nodes.Sum, arg: Node, axis: int | None, facts: Facts, *, keepdims: bool
) -> Node | None:
    match arg:
        case nodes.Eye() if axis is None:
            return times_size(nodes.ONE, facts.shape(arg)[0])
        case nodes.Multiply(a, nodes.Eye() as eye) | nodes.Multiply(nodes.Eye() as eye, a) if (
            not keepdims and facts.shape(a) == facts.shape(eye)
        ):
            return nodes.Trace(a) if axis is None else nodes.Diag(a)
        case nodes.Diag(v) if not keepdims and len(facts.shape(v)) == 1:
            return nodes.Sum(v) if axis is None else v
        case _ if _sums_to_one(arg, axis, facts):
            return nodes.ONE
        case nodes.Multiply(a, b):
            return _weighed(node, a, b, axis, facts)
    return None


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
        case nodes.MatMul(nodes.Diag(v), right) if len(facts.shape(v)) == 1:
            return over.axis == 1 and _is_deviation(right, over, whole, facts)
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
        product = isinstance(node, nodes.MatMul)
        left = nodes.MatMul(*sides) if product else nodes.rebuilt(node, [nodes.Multiply(*sides)])
        return sum_of([(Fraction(1), left), *numbers])
    return None


def _defined(node: Node, facts: Facts) -> Node:
    """The formula that a name stands for."""
    return (isinstance(node, nodes.Name) and facts.definition(node.name)) or node
