"""The differential rule of each node: its change to first order when its operands change.

A rule takes the node and the differentials of its operands, None for one that does not change. A
differential may be smaller than the node and broadcast.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import get_args

from matderiv.calculus.formulas.broadcasting import ShapeOf, filled, is_fixed, size_name
from matderiv.expression import nodes
from matderiv.expression.definitions import (
    derivative,
    outside_a_trace,
    second_derivative,
    unfolded,
)
from matderiv.expression.index_maps import is_windowed
from matderiv.expression.matrix_functions import is_eigen, matrix_times, slope_parts
from matderiv.expression.nodes import Node
from matderiv.expression.operations import rules_of

__all__ = ["DIFFERENTIALS", "LINEAR_KINDS", "SLOPES", "Change", "differential"]

#: The differential of an operand, or None if it does not change.
Change = Node | None
_Rule = Callable[..., Node]

DIFFERENTIALS: dict[type, _Rule] = {}


def differential(node: Node, moving: Mapping[str, Node], shape: ShapeOf) -> Change:
    """d(node), given the differentials of names in `moving`; None if the node does not change.

    Raises:
        MissingRuleError: a node that changes has neither a rule nor a definition.

    >>> from matderiv.calculus.formulas.shaping import shapes_over
    >>> from matderiv.expression.shapes import Dim
    >>> from matderiv.expression.source import source
    >>> shape = shapes_over({"A": (Dim("N", 2), Dim("D", 3)), "B": (Dim("D", 3), Dim("M", 4))})
    >>> node = nodes.MatMul(nodes.Name("A"), nodes.Name("B"))
    >>> source(differential(node, {"A": nodes.Name("dA")}, shape))
    'dA @ B'
    """
    match node:
        case nodes.Name(name):
            return moving.get(name)
        case nodes.Trace(nodes.MatrixFunction(arg) as inner):
            change = differential(arg, moving, shape)
            return None if change is None else of_trace(inner, change, shape)
    changes = [differential(child, moving, shape) for child in nodes.children(node)]
    if all(change is None for change in changes) or is_fixed(node, shape):
        return None
    rule = DIFFERENTIALS.get(type(node))
    if rule is None:
        return differential(unfolded(node, "differential", shape), moving, shape)
    return rule(node, *changes, shape)


_rule = rules_of(DIFFERENTIALS)


def _sum(terms: Iterable[Change]) -> Node:
    first, *rest = (term for term in terms if term is not None)
    for term in rest:
        first = nodes.Add(first, term)
    return first


_Linear = (
    nodes.Transpose
    | nodes.Rearrange
    | nodes.Reshape
    | nodes.Sum
    | nodes.Mean
    | nodes.Trace
    | nodes.Diag
)
#: The kinds whose differential is the same of the differentials of their operands.
LINEAR_KINDS = (nodes.Add, nodes.Subtract, nodes.Negate, *get_args(_Linear))


def _whole(
    node: _Linear | nodes.Functional | nodes.Norm | nodes.Reduction | nodes.AlongAxis,
    da: Node,
    shape: ShapeOf,
) -> Node:
    """The differential of the operand with every entry present."""
    return filled(da, shape(node.arg), shape)


@_rule(nodes.Mapped)
def mapped(node: nodes.Mapped, da: Node, shape: ShapeOf) -> Node:
    """The same map of the differential of its operand."""
    made = nodes.Mapped(filled(da, shape(node.arg), shape), node.move, node.axis)
    return made if is_windowed(node) else unfolded(made, "differential", shape)


# -- entry by entry --------------------------------------------------------------------------


@_rule(nodes.Add)
def add(node: nodes.Add, da: Change, db: Change, shape: ShapeOf) -> Node:
    """For A + B: dA + dB."""
    del node, shape
    return _sum((da, db))


@_rule(nodes.Subtract)
def subtract(node: nodes.Subtract, da: Change, db: Change, shape: ShapeOf) -> Node:
    """For A - B: dA - dB."""
    del node, shape
    if da is None:
        assert db is not None
        return nodes.Negate(db)
    return da if db is None else nodes.Subtract(da, db)


@_rule(nodes.Negate)
def negate(node: nodes.Negate, da: Node, shape: ShapeOf) -> Node:
    """For -A: -dA."""
    del node, shape
    return nodes.Negate(da)


@_rule(nodes.Multiply)
def multiply(node: nodes.Multiply, da: Change, db: Change, shape: ShapeOf) -> Node:
    """For A∘B: dA∘B + A∘dB, the product rule."""
    del shape
    return _sum(
        (
            da and nodes.Multiply(node.right, da),
            db and nodes.Multiply(node.left, db),
        )
    )


@_rule(nodes.Divide)
def divide(node: nodes.Divide, da: Change, db: Change, shape: ShapeOf) -> Node:
    """For A/B: dA/B - A∘dB/B², the quotient rule."""
    del shape
    a, b = node.left, node.right
    up = None if da is None else nodes.Divide(da, b)
    if db is None:
        assert up is not None
        return up
    down = nodes.Multiply(nodes.Divide(a, nodes.Power(b, nodes.TWO)), db)
    return nodes.Negate(down) if up is None else nodes.Subtract(up, down)


@_rule(nodes.Power)
def power(node: nodes.Power, da: Change, dc: Change, shape: ShapeOf) -> Node:
    """For Aᶜ: c·Aᶜ⁻¹∘dA + log(A)∘Aᶜ∘dc."""
    del shape
    a, c = node.left, node.right
    less = (
        nodes.Number(c.value - 1) if isinstance(c, nodes.Number) else nodes.Subtract(c, nodes.ONE)
    )
    base = a if less == nodes.ONE else nodes.Power(a, less)
    grown = nodes.Multiply(nodes.Apply("log", a), node)
    return _sum(
        (
            da and nodes.Multiply(nodes.Multiply(c, base), da),
            dc and nodes.Multiply(grown, dc),
        )
    )


@_rule(nodes.Apply)
def apply(node: nodes.Apply, da: Node, shape: ShapeOf) -> Node:
    """For f(A): f′(A)∘dA."""
    del shape
    return nodes.Multiply(derivative(node.function, node.arg), da)


# -- products and linear functions -----------------------------------------------------------


@_rule(nodes.MatMul, nodes.Outer)
def product(node: nodes.MatMul | nodes.Outer, da: Change, db: Change, shape: ShapeOf) -> Node:
    """For AB: dA·B + A·dB, the product rule; the order of the factors stays."""
    del shape
    kind = type(node)
    return _sum((da and kind(da, node.right), db and kind(node.left, db)))


@_rule(*get_args(_Linear))
def linear(node: _Linear, da: Node, shape: ShapeOf) -> Node:
    """For a linear function, such as Aᵀ, ΣA and tr A, that of dA."""
    return nodes.rebuilt(node, [_whole(node, da, shape)])


# -- reductions ------------------------------------------------------------------------------


@_rule(nodes.Std)
def std(node: nodes.Std, da: Node, shape: ShapeOf) -> Node:
    """For s = √(mean (A - m)²): mean((A - m)∘dA)/s, for Σ (A - m)·dm = 0."""
    middle = nodes.Mean(node.arg, node.axis, keepdims=node.axis is not None)
    change = nodes.Multiply(nodes.Subtract(node.arg, middle), _whole(node, da, shape))
    return nodes.Divide(nodes.Mean(change, node.axis, node.keepdims), node)


@_rule(nodes.Prod)
def prod(node: nodes.Prod, da: Node, shape: ShapeOf) -> Node:
    """For ΠA: ΠA·Σ dA/A, where no entry is 0."""
    change = nodes.Sum(nodes.Divide(_whole(node, da, shape), node.arg), node.axis, node.keepdims)
    return nodes.Multiply(node, change)


def _is_the_one(node: nodes.Max | nodes.Min) -> Node:
    """1 at the largest or smallest entry, of which there is one alone, else 0."""
    whole = type(node)(node.arg, node.axis, keepdims=node.axis is not None)
    return nodes.Apply("iszero", nodes.Subtract(node.arg, whole))


#: ∂F/∂a_ij of a function F of an array, or of the entries along one of its axes.
SLOPES: dict[type, Callable[..., Node]] = {
    nodes.Functional: lambda node: nodes.Apply(f"d{node.function}", node.arg),
    nodes.LogSumExp: lambda node: nodes.Softmax(node.arg, node.axis),
    **dict.fromkeys((nodes.Max, nodes.Min), _is_the_one),
}


@_rule(*SLOPES)
def by_slopes(node: nodes.Functional | nodes.Reduction, da: Node, shape: ShapeOf) -> Node:
    """For F(A): Σ ∂F/∂A∘dA, as for log Σ exp(A): Σ softmax(A)∘dA."""
    whole = _whole(node, da, shape)
    if isinstance(node, nodes.Functional) and node.sizes:
        return _of_array_function(node, whole, shape)
    change = nodes.Multiply(SLOPES[type(node)](node), whole)
    if isinstance(node, nodes.Functional):
        return nodes.Sum(change)
    return nodes.Sum(change, node.axis, node.keepdims)


def rates_of(node: nodes.Functional, shape: ShapeOf) -> Node:
    """∂F/∂A of an array-valued F: the axes of F, then those of A."""
    own = tuple(map(size_name, shape(node.arg)))
    return nodes.Functional(f"d{node.function}", node.arg, (*node.sizes, *own))


def _of_array_function(node: nodes.Functional, da: Node, shape: ShapeOf) -> Node:
    """For F(A) with an array as its value: Σ_kl ∂F/∂a_kl·da_kl."""
    rates, axes = rates_of(node, shape), len(shape(node.arg))
    if (len(node.sizes), axes) == (1, 1):
        return nodes.MatMul(rates, da)
    change: Node = nodes.Multiply(rates, da)
    for _ in range(axes):
        change = nodes.Sum(change, axis=-1)
    return change


@_rule(nodes.Softmax)
def softmax(node: nodes.Softmax, da: Node, shape: ShapeOf) -> Node:
    """For S: S∘(dA - Σ S∘dA), the sum along the axis of the softmax S."""
    change = _whole(node, da, shape)
    mean = nodes.Sum(nodes.Multiply(node, change), node.axis, keepdims=node.axis is not None)
    return nodes.Multiply(node, nodes.Subtract(change, mean))


@_rule(nodes.Norm)
def norm(node: nodes.Norm, da: Node, shape: ShapeOf) -> Node:
    """For ‖A‖: Σ A∘dA / ‖A‖, where A is not 0."""
    return nodes.Divide(nodes.Sum(nodes.Multiply(node.arg, _whole(node, da, shape))), node)


# -- square matrices -------------------------------------------------------------------------


def of_trace(node: nodes.MatrixFunction, da: Node, shape: ShapeOf) -> Node:
    """For tr f(A): tr(f′(A)·dA). Higham, Functions of Matrices (2008), 3."""
    change = filled(da, shape(node.arg), shape)
    factor, matrix = slope_parts(node)
    return matrix_times(factor, nodes.Trace(nodes.MatMul(matrix, change)), shape)


@_rule(nodes.MatrixFunction)
def matrix_function(node: nodes.MatrixFunction, da: Node, shape: ShapeOf) -> Node:
    """For f(A) outside a trace: its derivative along dA. Higham, Functions of Matrices (2008), 3.

    Raises:
        UnsupportedError: it is an eigenvector, whose derivative has no words.
    """
    if is_eigen(node.function):
        raise outside_a_trace(node)
    return nodes.Frechet(node.arg, filled(da, shape(node.arg), shape), node.function)


@_rule(nodes.Frechet)
def frechet(node: nodes.Frechet, da: Change, de: Change, shape: ShapeOf) -> Node:
    """For the derivative of f(A) along E, in which it is linear: that along dE.

    Raises:
        UnsupportedError: A changes.
    """
    if da is not None:
        raise second_derivative(node)
    assert de is not None
    return nodes.Frechet(node.arg, filled(de, shape(node.arg), shape), node.function)


@_rule(nodes.Inverse)
def inverse(node: nodes.Inverse, da: Node, shape: ShapeOf) -> Node:
    """For A⁻¹: -A⁻¹·dA·A⁻¹, from d(A·A⁻¹) = 0. Matrix Cookbook (40)."""
    del shape
    return nodes.Negate(nodes.MatMul(nodes.MatMul(node, da), node))


@_rule(nodes.Determinant)
def determinant(node: nodes.Determinant, da: Node, shape: ShapeOf) -> Node:
    """For det A: det(A)·tr(A⁻¹·dA). Matrix Cookbook (41)."""
    del shape
    return nodes.Multiply(node, nodes.Trace(nodes.MatMul(nodes.Inverse(node.arg), da)))


@_rule(nodes.LogDet)
def logdet(node: nodes.LogDet, da: Node, shape: ShapeOf) -> Node:
    """For log|det A|: tr(A⁻¹·dA). Matrix Cookbook (43)."""
    del shape
    return nodes.Trace(nodes.MatMul(nodes.Inverse(node.arg), da))
