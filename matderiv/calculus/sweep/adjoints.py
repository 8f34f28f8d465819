"""The adjoint rule of each node: the gradients by its operands, from the gradient by its value.

A gradient may be smaller than its value and broadcast: that of sum(A) by A is the number 1, not a
matrix of ones.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from matderiv.calculus.formulas.broadcasting import (
    ShapeOf,
    column,
    filled,
    is_fixed,
    kept,
    multiple_of_eye,
    rearranged,
    size_name,
    turned,
    unbroadcast,
    varies,
    with_axis,
)
from matderiv.calculus.formulas.facts import Facts
from matderiv.calculus.sweep.differentials import SLOPES, rates_of
from matderiv.calculus.sweep.vanishing import reads_zero
from matderiv.expression import nodes
from matderiv.expression.definitions import derivative, outside_a_trace, unfolded
from matderiv.expression.dims import SINGLE, Shape
from matderiv.expression.index_maps import is_windowed
from matderiv.expression.matrix_functions import exponents, is_eigen, slope_of_trace
from matderiv.expression.nodes import Node
from matderiv.expression.operations import rules_of

__all__ = ["ADJOINTS", "Rule", "adjoint"]

#: From a node, its upstream gradient and shapes to the gradients by its operands, in order.
Rule = Callable[..., tuple[Node, ...]]

ADJOINTS: dict[type, Rule] = {}


def adjoint(node: Node, upstream: Node, shape: ShapeOf) -> tuple[Node, ...]:
    """The gradients by the operands of a node.

    Raises:
        MissingRuleError: the node has neither a rule nor a definition.
    """
    if is_fixed(node, shape):
        return tuple(map(_nothing, map(shape, nodes.children(node))))
    rule = ADJOINTS.get(type(node))
    return rule(node, upstream, shape) if rule else _by_definition(node, upstream, shape)


def _nothing(shape: Shape) -> Node:
    return nodes.zeros(tuple(map(size_name, shape))) if shape else nodes.ZERO


def _by_definition(node: Node, upstream: Node, shape: ShapeOf) -> tuple[Node, ...]:
    """The gradients by the operands, through all that the definition works out on the way."""
    simpler = unfolded(node, "rule of differentiation", shape)
    gained: dict[Node, Node] = {}
    operands = nodes.children(node)

    def pull(part: Node, g: Node) -> None:
        if part in operands:
            gained[part] = nodes.Add(gained[part], g) if part in gained else g
        elif nodes.children(part) and any(n in operands for n in nodes.walk(part)):
            for child, own in zip(nodes.children(part), adjoint(part, g, shape), strict=True):
                pull(child, own)

    pull(simpler, upstream)
    # An operand that stands twice has gained all there is where it stands first.
    return tuple(gained.pop(operand, _number(0)) for operand in operands)


_rule = rules_of(ADJOINTS)


def _number(value: int | Fraction) -> nodes.Number:
    return nodes.Number(Fraction(value))


_MATRIX = 2  # dimensions of each matrix in a stack


def _times(a: Node, *more: Node) -> Node:
    for b in more:
        a = nodes.Multiply(a, b)
    return a


# -- entry by entry --------------------------------------------------------------------------


@_rule(nodes.Add)
def add(node: nodes.Add, g: Node, shape: ShapeOf) -> tuple[Node, ...]:
    """The rule dL = Σ g·(da + db)."""
    return tuple(unbroadcast(g, shape(node), shape(a), shape) for a in nodes.children(node))


@_rule(nodes.Subtract)
def subtract(node: nodes.Subtract, g: Node, shape: ShapeOf) -> tuple[Node, ...]:
    """The rule dL = Σ g·(da - db)."""
    over = shape(node)
    return (
        unbroadcast(g, over, shape(node.left), shape),
        unbroadcast(nodes.Negate(g), over, shape(node.right), shape),
    )


@_rule(nodes.Negate)
def negate(node: nodes.Negate, g: Node, shape: ShapeOf) -> tuple[Node, ...]:
    """The rule dL = Σ -g·da."""
    del node, shape
    return (nodes.Negate(g),)


@_rule(nodes.Multiply)
def multiply(node: nodes.Multiply, g: Node, shape: ShapeOf) -> tuple[Node, ...]:
    """The rule dL = Σ g·(da·b + a·db), the product rule."""
    a, b = node.left, node.right
    return (
        unbroadcast(_times(g, b), shape(node), shape(a), shape),
        unbroadcast(_times(g, a), shape(node), shape(b), shape),
    )


@_rule(nodes.Divide)
def divide(node: nodes.Divide, g: Node, shape: ShapeOf) -> tuple[Node, ...]:
    """The rule dL = Σ g·(da/b - a·db/b²), the quotient rule."""
    a, b = node.left, node.right
    down = nodes.Negate(nodes.Divide(_times(g, a), nodes.Power(b, nodes.TWO)))
    return (
        unbroadcast(nodes.Divide(g, b), shape(node), shape(a), shape),
        unbroadcast(down, shape(node), shape(b), shape),
    )


@_rule(nodes.Power)
def power(node: nodes.Power, g: Node, shape: ShapeOf) -> tuple[Node, ...]:
    """The rule dL = Σ g·(c·aᶜ⁻¹·da + log(a)·aᶜ·dc)."""
    a, c = node.left, node.right
    less = _number(c.value - 1) if isinstance(c, nodes.Number) else nodes.Subtract(c, nodes.ONE)
    return (
        unbroadcast(_times(g, c, nodes.Power(a, less)), shape(node), shape(a), shape),
        unbroadcast(_times(g, nodes.Apply("log", a), node), shape(node), shape(c), shape),
    )


@_rule(nodes.Maximum)
def maximum(node: nodes.Maximum, g: Node, shape: ShapeOf) -> tuple[Node, ...]:
    """The rule dL = Σ g·da where a > b, Σ g·db where b > a."""
    return _chosen(node, g, shape, nodes.Subtract(node.left, node.right))


@_rule(nodes.Minimum)
def minimum(node: nodes.Minimum, g: Node, shape: ShapeOf) -> tuple[Node, ...]:
    """The rule dL = Σ g·da where a < b, Σ g·db where b < a."""
    return _chosen(node, g, shape, nodes.Subtract(node.right, node.left))


def _chosen(
    node: nodes.Maximum | nodes.Minimum, g: Node, shape: ShapeOf, ahead: nodes.Subtract
) -> tuple[Node, ...]:
    """The gradients G*step(ahead) by A and G*step(-ahead) by B; `ahead` is A-B or B-A.

    If A is B everywhere, step(A-B) has no value; in the derivative of the definition it cancels.
    """
    if reads_zero(ahead, Facts(shape)):
        return _by_definition(node, g, shape)
    behind = nodes.Subtract(ahead.right, ahead.left)
    sides = ((node.left, ahead), (node.right, behind))
    return tuple(
        unbroadcast(_times(g, nodes.Apply("step", u)), shape(node), shape(x), shape)
        for x, u in sides
    )


@_rule(nodes.Apply)
def apply(node: nodes.Apply, g: Node, shape: ShapeOf) -> tuple[Node, ...]:
    """The rule dL = Σ g·f′(a)·da, the chain rule."""
    del shape
    return (_times(g, derivative(node.function, node.arg)),)


# -- products --------------------------------------------------------------------------------


@_rule(nodes.MatMul)
def matmul(node: nodes.MatMul, g: Node, shape: ShapeOf) -> tuple[Node, ...]:
    """The rule dL = tr(Gᵀ·dA·B) + tr(Gᵀ·A·dB): G·Bᵀ and Aᵀ·G."""
    a, b = node.left, node.right
    over = shape(node)
    if not any(varies(shape(g), over, axis) for axis in range(len(over))) and shape(g):
        g = nodes.Sum(g)  # of one entry
    match len(shape(a)), len(shape(b)):
        case 1, 1:
            return _times(g, b), _times(g, a)
        case 2, 1:
            if shape(g):
                return nodes.Outer(g, b), nodes.MatMul(nodes.Transpose(a), g)
            return _times(g, b), _times(g, nodes.Sum(a, 0))
        case 1, 2:
            if shape(g):
                return nodes.MatMul(b, g), nodes.Outer(a, g)
            return _times(g, nodes.Sum(b, 1)), _times(g, column(a, shape))
        case dimensions if max(dimensions) > _MATRIX:
            return _of_stacks(node, g, shape)
    own = shape(g)
    rows, cols = (varies(own, over, axis) for axis in (0, 1))
    down = nodes.Transpose(nodes.Sum(a, 0, keepdims=True))
    if rows and cols:
        return nodes.MatMul(g, nodes.Transpose(b)), nodes.MatMul(nodes.Transpose(a), g)
    if rows:
        return _times(g, nodes.Sum(b, 1)), nodes.MatMul(nodes.Transpose(a), g)
    if cols and len(own) == 1:
        return nodes.MatMul(b, g), nodes.Outer(nodes.Sum(a, 0), g)
    if cols:
        return nodes.MatMul(g, nodes.Transpose(b)), _times(down, g)
    return _times(g, nodes.Sum(b, 1)), _times(g, down)


def _of_stacks(node: nodes.MatMul, g: Node, shape: ShapeOf) -> tuple[Node, Node]:
    """G·Bᵀ and Aᵀ·G of each matrix, summed over the axes along which an operand is repeated.

    A vector is a row on the left and a column on the right.
    """
    a, b = node.left, node.right
    rows, cols = len(shape(a)) > 1, len(shape(b)) > 1
    over = shape(node)
    if not (rows and cols and len(shape(g)) > 1 and shape(g)[-2:] == over[-2:]):
        g = filled(g, over, shape)  # else it goes with each matrix of the other stack
    if not rows:
        g = with_axis(g, len(shape(g)) - cols, shape)
    if not cols:
        g = with_axis(g, len(shape(g)), shape)
    by_a: Node
    by_b: Node
    if rows and cols:
        by_a, by_b = nodes.MatMul(g, turned(b, shape)), nodes.MatMul(turned(a, shape), g)
    elif rows:
        by_a, by_b = _times(g, b), _times(g, a)
    else:
        by_a = nodes.Sum(_times(g, b), len(shape(b)) - 1)
        by_b = _times(g, rearranged(a, (0, None)))

    def summed(value: Node, own: Shape) -> Node:
        full = (*over[:-2], *own[-2:]) if rows and cols else shape(value)
        return unbroadcast(value, full, own, shape)

    return summed(by_a, shape(a)), summed(by_b, shape(b))


@_rule(nodes.Outer)
def outer(node: nodes.Outer, g: Node, shape: ShapeOf) -> tuple[Node, ...]:
    """The rule dL = Σ g_ij·(da_i·b_j + a_i·db_j): G·b and Gᵀ·a."""
    a, b = node.left, node.right
    if not shape(g):
        return _times(g, nodes.Sum(b)), _times(g, nodes.Sum(a))
    g = filled(g, shape(node), shape)
    return nodes.MatMul(g, b), nodes.MatMul(nodes.Transpose(g), a)


@_rule(nodes.Transpose)
def transpose(node: nodes.Transpose, g: Node, shape: ShapeOf) -> tuple[Node, ...]:
    """The rule dL = Σ g_ij·da_ji: Gᵀ."""
    over, own = shape(node), shape(g)
    if not own or len(over) == 1:
        return (g,)
    if len(own) == 1 and len(over) == _MATRIX:  # a row in place of a matrix
        return (column(g, shape),)
    return (nodes.Transpose(g if len(own) == len(over) else filled(g, over, shape)),)


@_rule(nodes.Rearrange)
def rearrange(node: nodes.Rearrange, g: Node, shape: ShapeOf) -> tuple[Node, ...]:
    """The rule dL = Σ g·da, at the places where the entries of A stand."""
    if not shape(g):
        return (g,)
    g = filled(g, shape(node), shape)
    old = [axis for axis in node.order if axis is not None]
    for place in reversed(range(len(node.order))):
        if node.order[place] is None:
            g = nodes.Sum(g, place)  # of one entry
    return (rearranged(g, tuple(map(old.index, range(len(old))))),)


@_rule(nodes.Reshape)
def reshape(node: nodes.Reshape, g: Node, shape: ShapeOf) -> tuple[Node, ...]:
    """The rule dL = Σ g·da, where the entries of G stand as those of A did."""
    if not shape(g):
        return (g,)
    sizes = tuple(map(size_name, shape(node.arg)))
    return (nodes.Reshape(filled(g, shape(node), shape), sizes),)


# -- reductions ------------------------------------------------------------------------------


@_rule(nodes.Sum)
def sum_(node: nodes.Sum, g: Node, shape: ShapeOf) -> tuple[Node, ...]:
    """The rule dL = Σ g·da: every entry gains the g of its sum."""
    return (kept(g, node.axis, shape(node.arg), shape, keepdims=node.keepdims),)


@_rule(nodes.Mean)
def mean(node: nodes.Mean, g: Node, shape: ShapeOf) -> tuple[Node, ...]:
    """The rule dL = Σ (g/n)·da, n entries in each mean."""
    over = shape(node.arg)
    dims = over if node.axis is None else (over[node.axis],)
    for dim in dims:
        if dim != SINGLE:
            g = nodes.Divide(g, nodes.Size(dim.symbol, dim.size))
    return (kept(g, node.axis, over, shape, keepdims=node.keepdims),)


@_rule(nodes.Var)
def var(node: nodes.Var, g: Node, shape: ShapeOf) -> tuple[Node, ...]:
    """The rule dL = Σ (2g/n)·(a - m)·da, m the mean of n entries, for Σ (a - m)·dm = 0."""
    middle = nodes.Mean(node.arg, node.axis, keepdims=node.axis is not None)
    (each,) = mean(nodes.Mean(node.arg, node.axis, node.keepdims), g, shape)
    return (_times(nodes.TWO, each, nodes.Subtract(node.arg, middle)),)


@_rule(nodes.Std)
def std(node: nodes.Std, g: Node, shape: ShapeOf) -> tuple[Node, ...]:
    """The rule dL = Σ g/(n·s)·(a - m)·da, s the root of the variance of n entries."""
    own = nodes.Std(node.arg, node.axis, keepdims=node.axis is not None)
    middle = nodes.Mean(node.arg, node.axis, keepdims=node.axis is not None)
    (each,) = mean(nodes.Mean(node.arg, node.axis, node.keepdims), g, shape)
    return (nodes.Divide(_times(each, nodes.Subtract(node.arg, middle)), own),)


@_rule(nodes.Prod)
def prod(node: nodes.Prod, g: Node, shape: ShapeOf) -> tuple[Node, ...]:
    """The rule dL = Σ g·(Π a)/a·da, where no entry is 0."""
    g = kept(g, node.axis, shape(node.arg), shape, keepdims=node.keepdims)
    whole = nodes.Prod(node.arg, node.axis, keepdims=node.axis is not None)
    return (nodes.Divide(_times(g, whole), node.arg),)


@_rule(*SLOPES)
def by_slopes(
    node: nodes.Functional | nodes.Reduction, g: Node, shape: ShapeOf
) -> tuple[Node, ...]:
    """The rule dL = Σ g·∂F/∂a·da, as for log Σ exp(a), where ∂F/∂a is softmax(a)."""
    if isinstance(node, nodes.Functional) and node.sizes:
        return (_of_array_function(node, filled(g, shape(node), shape), shape),)
    if not isinstance(node, nodes.Functional):
        g = kept(g, node.axis, shape(node.arg), shape, keepdims=node.keepdims)
    return (_times(g, SLOPES[type(node)](node)),)


def _of_array_function(node: nodes.Functional, g: Node, shape: ShapeOf) -> Node:
    """The rule dL = Σ_kl (Σ_ij g_ij·∂F_ij/∂a_kl)·da_kl, where the values of F are arrays."""
    rates, places, axes = rates_of(node, shape), len(node.sizes), len(shape(node.arg))
    if (places, axes) == (1, 1):
        return nodes.MatMul(nodes.Transpose(rates), g)
    if axes:
        g = nodes.Rearrange(g, (*range(places), *(None,) * axes))
    total: Node = nodes.Multiply(g, rates)
    for _ in range(places):
        total = nodes.Sum(total, axis=0)
    return total


@_rule(nodes.Softmax)
def softmax(node: nodes.Softmax, g: Node, shape: ShapeOf) -> tuple[Node, ...]:
    """The rule dL = Σ s·(g - Σ g·s)·da, the inner sum along the axis of the softmax."""
    del shape
    inner = nodes.Sum(_times(g, node), node.axis, keepdims=node.axis is not None)
    return (_times(node, nodes.Subtract(g, inner)),)


@_rule(nodes.Norm)
def norm(node: nodes.Norm, g: Node, shape: ShapeOf) -> tuple[Node, ...]:
    """The rule dL = Σ g·a/‖a‖·da, where a is not 0."""
    del shape
    return (nodes.Divide(_times(g, node.arg), node),)


# -- square matrices -------------------------------------------------------------------------


@_rule(nodes.Trace)
def trace(node: nodes.Trace, g: Node, shape: ShapeOf) -> tuple[Node, ...]:
    """The rule dL = g·tr(dA) = g·Σ δ_ij·da_ij. Matrix Cookbook (99)."""
    return (_times(g, nodes.Eye(size_name(shape(node.arg)[0]))),)


@_rule(nodes.Inverse)
def inverse(node: nodes.Inverse, g: Node, shape: ShapeOf) -> tuple[Node, ...]:
    """The rule dL = -tr(Gᵀ·A⁻¹·dA·A⁻¹): -A⁻ᵀ·G·A⁻ᵀ. Matrix Cookbook (59)."""
    g = filled(g, shape(node), shape)
    return (
        nodes.Negate(nodes.MatMul(nodes.MatMul(nodes.Transpose(node), g), nodes.Transpose(node))),
    )


@_rule(nodes.Determinant)
def determinant(node: nodes.Determinant, g: Node, shape: ShapeOf) -> tuple[Node, ...]:
    """The rule dL = g·det(A)·tr(A⁻¹·dA): g·det(A)·A⁻ᵀ. Matrix Cookbook (46)."""
    del shape
    return (_times(g, node, nodes.Transpose(nodes.Inverse(node.arg))),)


@_rule(nodes.LogDet)
def logdet(node: nodes.LogDet, g: Node, shape: ShapeOf) -> tuple[Node, ...]:
    """The rule dL = g·tr(A⁻¹·dA): g·A⁻ᵀ. Matrix Cookbook (57)."""
    del shape
    return (_times(g, nodes.Transpose(nodes.Inverse(node.arg))),)


@_rule(nodes.MatrixFunction)
def matrix_function(node: nodes.MatrixFunction, g: Node, shape: ShapeOf) -> tuple[Node, ...]:
    """The rule d tr f(A) = tr(f′(A)·dA): g·f′(A)ᵀ; outside a trace the derivative of f(Aᵀ) along G.

    Source: Higham, Functions of Matrices (2008), 3.2.

    Raises:
        UnsupportedError: it is an eigenvector, whose derivative has no words.
    """
    if exponents(node.function) == ("0",):
        return (_nothing(shape(node)),)
    factor = multiple_of_eye(g, shape)
    if factor is not None:
        return (_times(factor, slope_of_trace(node, shape)),)
    if is_eigen(node.function):
        raise outside_a_trace(node)
    return (_along(node, g, shape),)


def _along(node: nodes.MatrixFunction | nodes.Frechet, g: Node, shape: ShapeOf) -> Node:
    whole = filled(g, shape(node), shape)
    return nodes.Frechet(nodes.Transpose(node.arg), whole, node.function)


@_rule(nodes.Frechet)
def frechet(node: nodes.Frechet, g: Node, shape: ShapeOf) -> tuple[Node, ...]:
    """The rule for E, in which it is linear: the derivative of f(Aᵀ) along G; A does not move."""
    return (_nothing(shape(node)), _along(node, g, shape))


@_rule(nodes.OneHot)
def one_hot(node: nodes.OneHot, g: Node, shape: ShapeOf) -> tuple[Node, ...]:
    """Labels are whole numbers and do not move; no gradient by them is asked for."""
    del node, g, shape
    return (_number(0),)


@_rule(nodes.Mapped)
def mapped(node: nodes.Mapped, g: Node, shape: ShapeOf) -> tuple[Node, ...]:
    """The rule of the product with a constant; windows gain what their entries add up to."""
    if not is_windowed(node):
        return _by_definition(node, g, shape)
    own, axis = shape(node.arg), node.axis or 0
    how, _, *steps = node.move
    other, size = ("fold", own[axis]) if how == "windows" else ("windows", own[axis + 1])
    return (nodes.Mapped(filled(g, shape(node), shape), (other, size_name(size), *steps), axis),)


@_rule(nodes.Diag)
def diag(node: nodes.Diag, g: Node, shape: ShapeOf) -> tuple[Node, ...]:
    """The rule dL = Σ g_ii·da_i, and the other way round."""
    if len(shape(node.arg)) == 1:
        return (nodes.Diag(filled(g, shape(node), shape)),)
    if shape(g):
        return (nodes.Diag(filled(g, shape(node), shape)),)
    return (_times(g, nodes.Eye(size_name(shape(node.arg)[0]))),)
