"""Entries in order, and sums and products of those before each: by comparisons of all pairs.

How many entries are smaller than x_i, its rank, does not move where all entries differ. So a sorted
vector is a product with a matrix of zeros and ones, [rank of x_i = k], and its gradient the product
with the transposed one. The largest entry up to a place is found in the same way.
"""

from __future__ import annotations

from collections.abc import Callable

from matderiv.errors import ShapeError
from matderiv.expression import nodes
from matderiv.expression.counted import counted
from matderiv.expression.nodes import Node
from matderiv.expression.shorthand import equal

__all__ = ["cummax", "cummin", "cumprod", "kthvalue", "median", "sort", "take_along_axis", "top_k"]

_Letter = Callable[[], str]
_Dimensions = Callable[[Node], int]


def _column(arg: Node) -> Node:
    """X[..., None]."""
    return nodes.Rearrange(arg, (None,), 0)


def _row(arg: Node) -> Node:
    """X[..., None, :]."""
    return nodes.Rearrange(arg, (None, -1), 0)


def _last(arg: Node, axis: int | None, count: int) -> Node:
    """The array of so many axes, turned so that the axis is its last one.

    Raises:
        ShapeError: the array has several axes, and none is named; or it has no such axis.
    """
    if axis is None and count > 1:
        raise ShapeError("say along which axis, such as axis=0.")
    if axis in (None, -1, count - 1):
        return arg
    if count != 2 or axis not in (0, -2):  # noqa: PLR2004 - a matrix
        raise ShapeError(f"of {count} axes it runs along the last, axis=-1.")
    return nodes.Transpose(arg)


def _along_last(
    make: Callable[[Node, str], Node],
    arg: Node,
    axis: int | None,
    dimensions: _Dimensions,
    letter: _Letter,
) -> Node:
    """An operation along the last axis, given its size, along another one.

    Raises:
        ShapeError: as `_last`.
    """
    size = letter()
    last = _last(arg, axis, dimensions(arg))
    made = make(counted(last, size), size)
    return made if last is arg else nodes.Transpose(made)


def _smaller(arg: Node, size: str) -> Node:
    """S_ij = 1 where x_j is smaller than x_i, or the same and stands before it.

    Less the identity matrix, no difference on the diagonal is 0, of which nothing is said.
    """
    apart = nodes.Subtract(nodes.Subtract(_column(arg), _row(arg)), nodes.Eye(size))
    before = nodes.Mapped(nodes.Apply("iszero", apart), ("tril", -1))
    return nodes.Add(nodes.Apply("step", apart), before)


def sort(arg: Node, axis: int | None = -1, *, dimensions: _Dimensions, letter: _Letter) -> Node:
    """X @ P with P_ik = [rank of x_i = k], from the smallest on."""

    def made(x: Node, size: str) -> Node:
        rank = nodes.Sum(_smaller(x, size), -1)
        places = nodes.Subtract(nodes.Mapped(nodes.Ones((size,)), ("cumsum",)), nodes.ONE)
        chosen = equal(_column(rank), places)
        if dimensions(arg) == 1:
            return nodes.MatMul(x, chosen)
        return nodes.Sum(nodes.Multiply(_column(x), chosen), -2)

    return _along_last(made, arg, axis, dimensions, letter)


def top_k(arg: Node, k: int, *, dimensions: _Dimensions, letter: _Letter) -> Node:
    """The k largest entries of a vector, the largest first."""
    _vector(arg, dimensions)
    if k < 1:
        raise ShapeError("it takes one entry or more: top_k(x, 2).")
    backwards = nodes.Mapped(
        sort(arg, dimensions=dimensions, letter=letter), ("slice", None, None, -1)
    )
    return nodes.Mapped(backwards, ("slice", None, k, 1))


def kthvalue(arg: Node, k: int, *, dimensions: _Dimensions, letter: _Letter) -> Node:
    """The k-th smallest entry of a vector, k counted from 1."""
    _vector(arg, dimensions)
    if k < 1:
        raise ShapeError("places are counted from 1: kthvalue(x, 1) is the smallest entry.")
    return nodes.Mapped(sort(arg, dimensions=dimensions, letter=letter), ("at", k - 1))


def median(arg: Node, axis: int | None = None, *, dimensions: _Dimensions, letter: _Letter) -> Node:
    """The entry in the middle of sorted ones, or the mean of the two that are there.

    With ranks r from 0 it is Σ x_i relu(1 - |2r_i - n + 1|/2), of which 1 or 1/2 + 1/2 is left.
    """
    count = dimensions(arg)
    size = letter()
    x = counted(_last(arg, axis, count), size)
    twice = nodes.Multiply(nodes.TWO, nodes.Sum(_smaller(x, size), -1))
    beside = nodes.Subtract(twice, nodes.Subtract(nodes.Sum(nodes.Ones((size,))), nodes.ONE))
    away = nodes.Divide(nodes.Apply("abs", beside), nodes.TWO)
    share = nodes.Apply("relu", nodes.Subtract(nodes.ONE, away))
    return nodes.MatMul(x, share) if count == 1 else nodes.Sum(nodes.Multiply(x, share), -1)


def _vector(arg: Node, dimensions: _Dimensions) -> None:
    if dimensions(arg) != 1:
        raise ShapeError("it is that of a vector; of a matrix take one row, such as X[0].")


def take_along_axis(
    arg: Node,
    labels: Node,
    axis: int | None = None,
    *,
    dimensions: _Dimensions,
    letter: _Letter,
) -> Node:
    """The entries that labels name in their own row or column: Σ_j [y_ik = j]·x_ij.

    Raises:
        ShapeError: as `_last`.
    """
    count, size = dimensions(arg), letter()
    last = _last(arg, axis, count)
    chosen = nodes.OneHot(labels, size)
    if count == 1:
        return nodes.MatMul(counted(arg, size), nodes.Transpose(chosen))
    held = _row(counted(last, size)) if last is arg else counted(last, size)
    return nodes.Sum(nodes.Multiply(held, chosen), -1)


def _triangle(size: str) -> Node:
    return nodes.Selection("tri", (0,), (size, size))


def cumprod(
    arg: Node, axis: int | None = None, *, dimensions: _Dimensions, letter: _Letter
) -> Node:
    """The products of all entries up to each place: Π_j (1 + [j ≤ i]·(x_j - 1))."""

    def made(x: Node, size: str) -> Node:
        less = nodes.Subtract(_row(x), nodes.ONE)
        factors = nodes.Add(nodes.ONE, nodes.Multiply(_triangle(size), less))
        return nodes.Prod(factors, -1)

    return _along_last(made, arg, axis, dimensions, letter)


def cummax(arg: Node, axis: int | None = None, *, dimensions: _Dimensions, letter: _Letter) -> Node:
    """The largest entry up to each place: that which no entry there is larger than."""

    def made(x: Node, size: str) -> Node:
        larger = nodes.MatMul(_triangle(size), _smaller(x, size))
        chosen = nodes.Multiply(_triangle(size), equal(larger, nodes.ZERO))
        if dimensions(arg) == 1:
            return nodes.MatMul(chosen, x)
        return nodes.Sum(nodes.Multiply(chosen, _row(x)), -1)

    return _along_last(made, arg, axis, dimensions, letter)


def cummin(arg: Node, axis: int | None = None, *, dimensions: _Dimensions, letter: _Letter) -> Node:
    """The smallest entry up to each place."""
    turned = cummax(nodes.Negate(arg), axis, dimensions=dimensions, letter=letter)
    return nodes.Negate(turned)
