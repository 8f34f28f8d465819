"""Broadcasting in gradients: an array that is constant along an axis is written without it."""

from __future__ import annotations

from dataclasses import replace
from itertools import zip_longest

from matderiv.errors import ShapeError
from matderiv.expression import nodes
from matderiv.expression.dims import SINGLE
from matderiv.expression.nodes import Node
from matderiv.expression.operations import ShapeOf
from matderiv.expression.shapes import Dim, Shape
from matderiv.expression.vocabulary import is_slope

__all__ = [
    "ShapeOf",
    "column",
    "filled",
    "is_entrywise",
    "is_fixed",
    "kept",
    "rearranged",
    "size_name",
    "spread",
    "stacked",
    "times_size",
    "turned",
    "unbroadcast",
    "varies",
    "with_axis",
]


def varies(value: Shape, over: Shape, axis: int) -> bool:
    """Whether an array of shape `value`, broadcast to `over`, differs along an axis of it."""
    place = axis - len(over) + len(value)
    return place >= 0 and value[place] == over[axis]


def stacked(one: Shape, other: Shape) -> Shape:
    """The shape that two shapes are broadcast to.

    Raises:
        ShapeError: they do not fit.
    """
    if one == other:
        return one
    made = []
    for a, b in zip_longest(one[::-1], other[::-1], fillvalue=SINGLE):
        if 1 != a.size != b.size != 1:
            raise ShapeError("the sizes differ")
        made.append(b if a == SINGLE or a.size < b.size else a)
    return tuple(made[::-1])


def unbroadcast(value: Node, over: Shape, target: Shape, shape: ShapeOf) -> Node:
    """Sum over the axes along which an operand of shape `target` was broadcast to `over`.

    A value that is the same along such an axis is multiplied by the size of it.
    """
    lead = len(over) - len(target)
    summed: list[int] = []
    for axis, dim in enumerate(over):
        if axis >= lead and target[axis - lead] == dim:
            continue
        if varies(shape(value), over, axis):
            summed.append(axis)
        else:
            value = times_size(value, dim)
    own = shape(value)
    left = [a for a in range(len(over)) if varies(own, over, a) and a not in summed]
    if (summed or len(own) > len(target)) and not left:
        return nodes.Sum(value)
    for axis in range(len(over) - 1, -1, -1):
        place = axis - len(over) + len(own)
        if axis in summed or (axis < lead and place >= 0):
            value = nodes.Sum(value, axis=place, keepdims=axis >= lead)
    return value


def times_size(value: Node, dim: Dim) -> Node:
    """The value times a size, such as N."""
    if dim == SINGLE:
        return value
    return nodes.Multiply(nodes.Size(dim.symbol, dim.size), value)


def filled(value: Node, over: Shape, shape: ShapeOf) -> Node:
    """The array broadcast to the full shape `over`."""
    if shape(value) == over:
        return value
    ones = nodes.Ones(tuple(map(size_name, over)))
    return ones if value == nodes.ONE else nodes.Multiply(value, ones)


def spread(value: Node, over: Shape, shape: ShapeOf) -> Node:
    """The array broadcast by a product: a vector that is every row of a matrix is 1·vᵀ."""
    if len(over) == len(shape(value)) + 1 > 1 and shape(value) == over[1:]:
        return nodes.Outer(nodes.Ones((size_name(over[0]),)), value)
    return filled(value, over, shape)


def size_name(dim: Dim) -> int | str:
    """How a size is written: by its letter, or by its number if it has none."""
    return dim.size if dim.symbol == str(dim.size) else dim.symbol


def is_entrywise(node: Node) -> bool:
    """Whether a node is a function of one number, applied to each entry of an array.

    dLoss(A) is not: each entry of a gradient depends on all of A.
    """
    return isinstance(node, nodes.Apply) and not is_slope(node.function)


def multiple_of_eye(node: Node, shape: ShapeOf) -> Node | None:
    """The scalar c of c·I; None if a matrix is no such product."""
    match node:
        case nodes.Eye():
            return nodes.ONE
        case nodes.Transpose(arg):
            return multiple_of_eye(arg, shape)
        case nodes.Negate(arg):
            found = multiple_of_eye(arg, shape)
            return None if found is None else nodes.Negate(found)
        case nodes.Multiply(left, right):
            c, matrix = (right, left) if shape(left) else (left, right)
            found = None if shape(c) else multiple_of_eye(matrix, shape)
            if found is None or found == nodes.ONE:
                return None if found is None else c
            return nodes.Multiply(c, found)
        case nodes.Divide(matrix, c) if not shape(c):
            found = multiple_of_eye(matrix, shape)
            return None if found is None else nodes.Divide(found, c)
    return None


def is_fixed(node: Node, shape: ShapeOf) -> bool:
    """Whether a value is the same at any input: a spread or a softmax of one entry."""
    if not isinstance(node, nodes.Var | nodes.Std | nodes.AlongAxis):
        return False
    over = shape(node.arg)
    return all(dim == SINGLE for dim in (over if node.axis is None else (over[node.axis],)))


def kept(value: Node, axis: int | None, over: Shape, shape: ShapeOf, *, keepdims: bool) -> Node:
    """A reduced value with its axis put back, so that it broadcasts with the reduced array."""
    if keepdims or axis is None or not shape(value):
        return value
    rest = over[: axis % len(over)] + over[axis % len(over) + 1 :]
    if not any(varies(shape(value), rest, n) for n in range(len(rest))):
        return nodes.Sum(value)  # of one entry
    behind = len(over) - 1 - axis % len(over)
    if len(shape(value)) <= behind:
        return value
    return with_axis(value, len(shape(value)) - behind, shape)


def with_axis(value: Node, place: int, shape: ShapeOf) -> Node:
    """The array with a new axis of a single entry before axis `place`."""
    axes = range(len(shape(value)))
    if place == len(axes):
        return column(value, shape)
    return rearranged(value, (*axes[:place], None, *axes[place:]))


def turned(value: Node, shape: ShapeOf) -> Node:
    """Each matrix of a stack transposed."""
    *stack, row, col = range(len(shape(value)))
    return rearranged(value, (*stack, col, row)) if stack else nodes.Transpose(value)


def rearranged(value: Node, order: tuple[int | None, ...]) -> Node:
    """The array with other axes; two rearrangements are made one."""
    if isinstance(value, nodes.Rearrange):
        order = tuple(None if axis is None else value.order[axis] for axis in order)
        value = value.arg
    return value if order == tuple(range(len(order))) else nodes.Rearrange(value, order)


def column(value: Node, shape: ShapeOf) -> Node:
    """The array with one more axis of a single entry at the end; a scalar as it is.

    A vector becomes a matrix of one column.
    """
    own = shape(value)
    if not own:
        return value
    if len(own) > 1:
        return rearranged(value, (*range(len(own)), None))
    match value:
        case nodes.Sum(arg, axis, False) if len(shape(arg)) > 1 and axis in (1, -1):
            return nodes.Sum(arg, axis=axis, keepdims=True)
        case nodes.Sum(arg, axis, False) if len(shape(arg)) > 1:
            return nodes.Transpose(nodes.Sum(arg, axis=axis, keepdims=True))
        case _ if isinstance(value, nodes.Reduction) and len(shape(value.arg)) > 1:
            if value.axis in (1, -1):
                return replace(value, keepdims=True)
        case nodes.Negate(arg):
            return nodes.Negate(column(arg, shape))
        case nodes.Apply(function, arg) if is_entrywise(value):
            return nodes.Apply(function, column(arg, shape))
        case nodes.MatMul(left, right) if len(shape(left)) > 1:
            return nodes.MatMul(left, column(right, shape))
        case _ if isinstance(value, nodes.Entrywise):
            sides = [s if shape(s) in ((), own) else nodes.Sum(s) for s in nodes.children(value)]
            return nodes.rebuilt(value, [column(side, shape) for side in sides])
    return nodes.Outer(value, nodes.Ones((1,)))
