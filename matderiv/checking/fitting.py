"""Shapes of formulas whose parts may not fit."""

from __future__ import annotations

from collections.abc import Mapping

from matderiv.calculus.formulas.shaping import ShapesOver
from matderiv.errors import InputError, ShapeError
from matderiv.expression import nodes
from matderiv.expression.dims import Shape
from matderiv.expression.nodes import Node

__all__ = ["Fitting"]


class Fitting(ShapesOver):
    """Shapes of formulas, remembered by identity, which is faster than by equality.

    >>> from matderiv.expression.dims import Dim
    >>> x = nodes.Name("x")
    >>> fitting = Fitting({"x": (Dim("N", 2),)})
    >>> fitting.or_none(nodes.Outer(x, x)), fitting.or_none(nodes.Trace(x))
    ((Dim(symbol='N', size=2), Dim(symbol='N', size=2)), None)
    """

    def __init__(self, names: Mapping[str, Shape]) -> None:
        super().__init__(names)
        self._seen: dict[int, tuple[Node, Shape]] = {}

    def __call__(self, node: Node) -> Shape:
        """The shape of a formula.

        Raises:
            ShapeError: the operand of a function of square matrices, diag or outer does not fit.
        """
        found = self._seen.get(id(node))
        if found is None:
            shapes = [self(child) for child in nodes.children(node)]  # those of a number, too
            if isinstance(node, nodes.OfSquare):
                rows, *cols = shapes[0] or (None,)
                if cols != [rows]:
                    raise ShapeError(f"{type(node).__name__} takes a square matrix.")
                if isinstance(node, nodes.Frechet) and shapes[1] != shapes[0]:
                    raise ShapeError("Frechet takes two matrices of one shape.")
            if isinstance(node, nodes.Diag) and len(set(shapes[0])) != 1:
                raise ShapeError("diag takes a vector or a square matrix.")
            if isinstance(node, nodes.Outer) and any(len(shape) != 1 for shape in shapes):
                raise ShapeError("outer takes two vectors.")
            found = self._seen[id(node)] = (node, self._of(node))
        return found[1]

    def or_none(self, node: Node) -> Shape | None:
        """The shape of a formula whose parts may not fit."""
        try:
            return self(node)
        except (InputError, LookupError, ArithmeticError):
            return None
