"""Norms of other orders than 2, and along axes, as formulas."""

from __future__ import annotations

from fractions import Fraction

from matderiv.errors import ShapeError
from matderiv.expression import nodes
from matderiv.expression.axes import over_axes
from matderiv.expression.matrix_functions import nuclear_norm, singular_value
from matderiv.expression.nodes import Node

__all__ = ["Order", "norm", "plain_norm"]

#: The order of a norm: a number, "inf", "-inf" or "nuc"; "fro" is the root of the sum of squares.
Order = Fraction | str

_MATRIX = 2  # dimensions
_TWO = Fraction(2)


def norm(
    y: Node,
    order: Order | None = None,
    axis: int | tuple[int, ...] | None = None,
    *,
    keepdims: bool = False,
) -> Node:
    """The norm of an array, or of each vector along an axis.

    Raises:
        ShapeError: it is that of matrices in an array of more dimensions, and no Frobenius norm.

    >>> from matderiv.expression.source import source
    >>> source(norm(nodes.Name("X"), Fraction(1), 1))
    'sum(abs(X), axis=1)'
    """
    if axis is None:
        if keepdims:
            raise ShapeError("keepdims goes with an axis; leave it out.")
        return nodes.Norm(y, None if order == "fro" else order)
    if isinstance(axis, tuple):
        if order not in (None, "fro"):
            raise ShapeError("over several axes the norm is the root of the sum of the squares.")
        squares = over_axes(nodes.Sum, nodes.Power(y, nodes.TWO), axis, keepdims=keepdims)
        return nodes.Apply("sqrt", squares)
    if order in ("fro", "nuc"):
        raise ShapeError("such a norm is one of matrices; leave the order out.")
    return _of_vectors(y, _TWO if order is None else order, axis, keepdims=keepdims)


def plain_norm(node: nodes.Norm, dimensions: int, *, wide: bool = False) -> Node:
    """The norm of a vector or of a matrix as one of order 2, or as another formula.

    That of order 1 of a matrix is its largest sum of a column, that of order inf of a row, that of
    order 2 its largest singular value, and "nuc" is the sum of these; a `wide` matrix has more
    columns than rows.

    >>> from matderiv.expression.source import source
    >>> source(plain_norm(nodes.Norm(nodes.Name("X"), "inf"), 2))
    'max(sum(abs(X), axis=1))'
    """
    order = node.order
    if order is None or (order == _TWO and dimensions == 1):
        return nodes.Norm(node.arg)
    if dimensions < _MATRIX:
        return _of_vectors(node.arg, order, None, keepdims=False)
    if order == "nuc":
        return nuclear_norm(node.arg, wide=wide)
    if order == _TWO:
        return singular_value(node.arg, 0)
    kind = nodes.Max if order in (Fraction(1), "inf") else nodes.Min
    sums = nodes.Sum(nodes.Apply("abs", node.arg), int(order in ("inf", "-inf")))
    return kind(sums)


def _of_vectors(y: Node, order: Order, axis: int | None, *, keepdims: bool) -> Node:
    """(Σ |y|ᵖ)^(1/p), max |y| or min |y|."""
    size = nodes.Apply("abs", y)
    if isinstance(order, str):
        return (nodes.Max if order == "inf" else nodes.Min)(size, axis, keepdims)
    if order == 1:
        return nodes.Sum(size, axis, keepdims)
    base = y if order.denominator == 1 and order.numerator % 2 == 0 else size
    total = nodes.Sum(nodes.Power(base, nodes.Number(order)), axis, keepdims)
    if order == _TWO:
        return nodes.Apply("sqrt", total)
    return nodes.Power(total, nodes.Number(1 / order))
