"""Shapes that do not fit: the first part of a claim that cannot be worked out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from matderiv.errors import ShapeError
from matderiv.expression import nodes
from matderiv.expression.known_shapes import shape_of
from matderiv.expression.nodes import Name, Node
from matderiv.expression.shapes import Shape

__all__ = ["Misfit", "misfit"]

_OF_TWO = nodes.MatMul | nodes.Entrywise
_OF_A_SQUARE = nodes.OfSquare | nodes.Diag


@dataclass(frozen=True, slots=True)
class Misfit:
    """A part of a claim whose operands' shapes do not fit, or a claim of another shape.

    `kind`: "inner" for a matrix product; "entries" for an entrywise operation; "operand" for a
    matrix product with a scalar; "square" for an operation on square matrices, such as an inverse
    (`left` and `right` are the same); "whole" for the claim itself.
    """

    kind: str
    part: Node
    left: Node
    right: Node
    left_shape: Shape
    right_shape: Shape


def misfit(claim: Node, shapes: Mapping[str, Shape], wrt: str) -> Misfit | None:
    """The first part whose shapes do not fit at these sizes, or the claim if not shaped as `wrt`.

    Raises:
        ShapeError: shapes do not fit in another way, such as an axis that a part does not have.
    """
    for part in nodes.walk(claim):
        try:
            shape_of(part, shapes)
        except ShapeError:
            if not isinstance(part, _OF_TWO | _OF_A_SQUARE):
                raise
            left, *_, right = (*nodes.children(part), *nodes.children(part))
            a, b = shape_of(left, shapes), shape_of(right, shapes)
            kind = "square" if isinstance(part, _OF_A_SQUARE) else "entries"
            if isinstance(part, nodes.MatMul):
                kind = "inner" if a and b else "operand"
            return Misfit(kind, part, left, right, a, b)
    shape, own = shape_of(claim, shapes), shapes[wrt]
    if [dim.size for dim in shape] != [dim.size for dim in own]:
        return Misfit("whole", claim, claim, Name(wrt), shape, own)
    return None
