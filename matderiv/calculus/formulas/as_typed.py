"""Products with constants of zeros and ones as people type them: X[1:] for eye(N)[1:] @ X.

The transposed product puts zeros where nothing was taken: pad(G, (1, 0)); that of a cumulative sum
runs backwards. What has no such words stays a product.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

from matderiv.calculus.formulas.broadcasting import ShapeOf, size_name
from matderiv.errors import InputError
from matderiv.expression import nodes
from matderiv.expression.index_maps import new_axis_of, parts_of
from matderiv.expression.index_source import as_moves
from matderiv.expression.nodes import Node
from matderiv.expression.size_text import size_difference, size_sum

__all__ = ["as_typed"]

_MATRIX = 2  # dimensions
_Move = tuple[int | str | None, ...]


def as_typed(node: Node, shape: ShapeOf) -> Node:
    """The formula with slices, zeros around arrays and cumulative sums in place of products.

    >>> from matderiv.calculus.formulas.shaping import shapes_over
    >>> from matderiv.expression.dims import Dim
    >>> from matderiv.expression.source import source
    >>> shift = nodes.Selection("slice", (1, 1), ("N - 1", "N"))
    >>> shape = shapes_over({"x": (Dim("N", 3),), "g": (Dim("N - 1", 2),)})
    >>> source(as_typed(nodes.MatMul(shift, nodes.Name("x")), shape))
    'x[1:]'
    >>> source(as_typed(nodes.MatMul(nodes.Transpose(shift), nodes.Name("g")), shape))
    'pad(g, (1, 0))'
    """
    if isinstance(node, nodes.MatMul) and (apart := _one_by_one(node)) is not None:
        return as_typed(apart, shape)
    made = nodes.rebuilt(node, (as_typed(child, shape) for child in nodes.children(node)))
    match made:
        case nodes.MatMul():
            return _product(made, shape)
        case nodes.Multiply():
            parts = list(nodes.operands_of(nodes.Multiply, made))
            masks = [part for part in parts if _is_triangle(part)]
            if len(masks) == 1 and len(parts) > 1:
                rest = functools.reduce(nodes.Multiply, (p for p in parts if p is not masks[0]))
                found = _triangle(masks[0], rest, shape)
                return made if found is None else found
        case nodes.Rearrange(nodes.Mapped(nodes.Rearrange(arg, before), move, axis), after) if (
            None not in before and None not in after and axis is not None
        ):
            order = tuple(before[n] for n in after if n is not None)
            if order == tuple(range(len(order))):  # there and back
                return nodes.Mapped(arg, move, before[axis])
    return made


def _product(node: nodes.MatMul, shape: ShapeOf) -> Node:
    """A product, one with a constant as a map; numbers stand before it."""
    left, right = node.left, node.right
    for constant, arg, first in ((left, right, True), (right, left, False)):
        outside, inner = _apart(constant, shape)
        parts = _constants(inner)
        axes = _dimensions(arg, shape)
        if parts is None or not axes:
            continue
        axis = max(0, axes - _MATRIX) if first else axes - 1
        total: Node | None = None
        for sign, part in parts:
            one = isinstance(part, nodes.Selection) and len(part.sizes) == 1
            way = part if first or one else nodes.transposed(part)
            found = _moved(way, arg, axis, axes, shape)
            if found is None:
                return node
            if total is None:
                total = found if sign > 0 else nodes.Negate(found)
            else:
                total = (nodes.Add if sign > 0 else nodes.Subtract)(total, found)
        assert total is not None
        return outside(total)
    return node


def _one_by_one(node: nodes.MatMul) -> Node | None:
    """A product with constants one after the other: S @ (T @ X) for (S @ T) @ X."""
    parts = _constants(node.left)
    if parts is None or not any(isinstance(part, nodes.MatMul) for _, part in parts):
        return None
    total: Node | None = None
    for sign, part in parts:
        found = functools.reduce(
            lambda arg, constant: nodes.MatMul(constant, arg),
            reversed(list(nodes.operands_of(nodes.MatMul, part))),
            node.right,
        )
        if total is None:
            total = found if sign > 0 else nodes.Negate(found)
        else:
            total = (nodes.Add if sign > 0 else nodes.Subtract)(total, found)
    return total


def _apart(node: Node, shape: ShapeOf) -> tuple[Callable[[Node], Node], Node]:
    """A function that puts sign and numbers before an array, and the array without them."""
    match node:
        case nodes.Negate(arg):
            outside, inner = _apart(arg, shape)
            return (lambda found: nodes.Negate(outside(found))), inner
        case nodes.Multiply(number, arg) if not _dimensions(number, shape):
            outside, inner = _apart(arg, shape)
            return (lambda found: nodes.Multiply(number, outside(found))), inner
    return (lambda found: found), node


def _constants(node: Node, sign: int = 1) -> list[tuple[int, Node]] | None:
    """The constants that a matrix is the sum of, each with its sign."""
    match node:
        case nodes.Selection() | nodes.Transpose(nodes.Selection()):
            return [(sign, node)]
        case nodes.MatMul(left, right) if _constants(left) and _constants(right):
            return [(sign, node)]
        case nodes.Transpose(nodes.Add() | nodes.Subtract() as arg):
            return _constants(nodes.rebuilt(arg, map(nodes.transposed, nodes.children(arg))), sign)
        case nodes.Add(one, other) | nodes.Subtract(one, other):
            first = _constants(one, sign)
            second = _constants(other, sign if isinstance(node, nodes.Add) else -sign)
            return None if first is None or second is None else first + second
    return None


def _dimensions(node: Node, shape: ShapeOf) -> int:
    """The number of axes, 0 where the shapes do not fit."""
    try:
        return len(shape(node))
    except (InputError, KeyError):  # a name that is not known here
        return 0


def _moved(constant: Node, arg: Node, axis: int, dimensions: int, shape: ShapeOf) -> Node | None:
    """A product along an axis as a map, if there are words for it."""
    match constant:
        case nodes.Selection():
            moves: list[_Move] = list(as_moves(constant))
        case nodes.Transpose(nodes.Selection() as turned):
            moves = _backwards(turned, dimensions)
        case _:
            return None
    if not moves:
        return None
    outside, inner = _apart(arg, shape)
    turn = isinstance(inner, nodes.Transpose) and dimensions == _MATRIX
    if turn:
        inner, axis = nodes.transposed(inner), 1 - axis
    if (part := _part(inner, constant, axis, shape)) is not None:
        inner = part
    else:
        for move in moves:
            inner = _mapped(inner, move, axis if dimensions > 1 else None)
    turn = turn and moves[0][0] != "at"
    return outside(nodes.Transpose(inner) if turn else inner)


def _mapped(arg: Node, move: _Move, axis: int | None) -> Node:
    """A map of an array; a slice or an entry of a slice is one of the array."""
    match arg, move:
        case nodes.Mapped(inner, ("slice", start, stop, 1), along), ("at", place) if along == axis:
            if not _negative(start) and not _negative(place):
                return nodes.Mapped(inner, ("at", size_sum(start or 0, place or 0)), axis)
        case nodes.Mapped(inner, ("slice", start, stop, 1), along), ("slice", low, high, 1) if (
            along == axis
        ):
            if not any(map(_negative, (start, low, high))):
                first = size_sum(start or 0, low or 0)
                last = stop if high is None else size_sum(start or 0, high)
                return nodes.Mapped(inner, ("slice", first or None, last, 1), axis)
    return nodes.Mapped(arg, move, axis)


def _negative(place: int | str | None) -> bool:
    return isinstance(place, int) and place < 0


def _part(node: Node, constant: Node, axis: int, shape: ShapeOf) -> Node | None:
    """One of the arrays that were put together, where all of it is taken."""
    if not isinstance(node, nodes.Joined) or not isinstance(constant, nodes.Selection):
        return None
    new, along = new_axis_of(node, len(shape(node.right)))
    if along != axis or new != (constant.kind == "at"):
        return None
    place: int | str = 0
    for part in parts_of(node):
        size = 1 if new else size_name(shape(part)[axis])
        if place == constant.params[0] and (
            new or (size, 1) == (constant.sizes[0], constant.params[1])
        ):
            return part
        place = size_sum(place, size)
    return None


def _backwards(constant: nodes.Selection, dimensions: int) -> list[_Move]:
    """The maps that a transposed constant is, one after the other; none if there are no words."""
    rows, size = constant.sizes
    match constant:
        case nodes.Selection("slice", (first, 1)):
            after = size_difference(size_difference(size, first), rows)
            return [("pad", first, after, dimensions if dimensions > 1 else 0)]
        case nodes.Selection("slice", (first, -1)):
            flip: _Move = ("slice", None, None, -1)
            behind = size_difference(size_difference(size, first), 1)
            before = size_difference(size_difference(size, behind), rows)
            around: _Move = ("pad", before, behind, dimensions if dimensions > 1 else 0)
            return [flip] if rows == size else [flip, around]
        case nodes.Selection("roll", (int(shift),)):
            return [("roll", -shift)]
        case nodes.Selection("tri", (0,)) if rows == size:
            flip = ("slice", None, None, -1)
            return [flip, ("cumsum",), flip]
    return []


def _is_triangle(node: Node) -> bool:
    match node:
        case nodes.Selection("tri") | nodes.Transpose(nodes.Selection("tri")):
            return True
    return False


def _triangle(mask: Node, arg: Node, shape: ShapeOf) -> Node | None:
    """A product with a triangle of ones, entry by entry."""
    upper = isinstance(mask, nodes.Transpose)
    constant = mask.arg if isinstance(mask, nodes.Transpose) else mask
    assert isinstance(constant, nodes.Selection)
    (k,) = constant.params
    assert isinstance(k, int)
    if _dimensions(arg, shape) < _MATRIX:
        return None
    sizes = tuple(map(size_name, shape(arg)[-_MATRIX:]))
    if sizes != (constant.sizes[::-1] if upper else constant.sizes):
        return None
    outside, inner = _apart(arg, shape)
    move: _Move = ("triu", -k) if upper else ("tril", k)
    same = isinstance(inner, nodes.Mapped) and inner.move == move
    return outside(inner if same else nodes.Mapped(inner, move))
