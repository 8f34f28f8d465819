"""Signs that textbooks have: ‖A‖_F², 1/N Σ_i x_i, log|S|, rowsum and softmax_row."""

from __future__ import annotations

from matderiv.calculus.formulas.broadcasting import ShapeOf
from matderiv.expression import nodes
from matderiv.expression.nodes import Node
from matderiv.notation.boxes import (
    BigSum,
    Box,
    Fence,
    Fraction,
    NumberBox,
    Operator,
    Row,
    Scripts,
    Symbol,
    Word,
    joined,
)
from matderiv.notation.indices import Names
from matderiv.notation.names import has_fraction

__all__ = ["average_box", "log_of_determinant", "norm_box", "word_of_axis"]

_MATRIX = 2  # dimensions
_BARS = Operator("bars")
_AXES = ("col", "row")


def norm_box(node: Node, names: Names, shape: ShapeOf) -> Box | None:
    """‖A‖_F, ‖a‖ and their powers; None of anything else."""
    match node:
        case nodes.Norm(arg):
            return _norm(arg, names, shape)
        case nodes.Power(nodes.Norm(arg), nodes.Number(n)) if n > 0 and n.denominator == 1:
            return _norm(arg, names, shape, NumberBox(str(n)))
    return None


def _norm(arg: Node, names: Names, shape: ShapeOf, above: Box | None = None) -> Box:
    bars = Row((_BARS, names.node(arg), _BARS))
    sub = Symbol("F") if len(shape(arg)) == _MATRIX else None
    return bars if sub is above is None else Scripts(bars, sub, above)


def average_box(node: Node, names: Names) -> Box | None:
    """1/(NM) before a sum or the square of a norm; None of anything else."""
    match node:
        case nodes.Multiply(
            nodes.Divide(nodes.ONE, count), (nodes.Sum() | nodes.Power(nodes.Norm())) as total
        ):
            sizes = list(nodes.operands_of(nodes.Multiply, count))
            if all(isinstance(size, nodes.Size | nodes.Number) for size in sizes):
                under = _product_of_sizes([names.node(size) for size in sizes])
                box = names.node(total)
                after = box if isinstance(box, BigSum | Scripts) else Fence(box)
                return Row((Fraction(NumberBox("1"), under), after))
    return None


def _product_of_sizes(boxes: list[Box]) -> Box:
    """NM, or 2·3 of numbers."""
    if len(boxes) == 1:
        return boxes[0]
    numbers = any(isinstance(box, NumberBox) for box in boxes)
    return joined(boxes, "cdot") if numbers else Row(tuple(boxes))


def word_of_axis(word: Word, axis: int, dimensions: int, *, keep: bool) -> Box | None:
    """Rowsum of a column of sums, softmax_row of what stays an array; None of more dimensions."""
    if dimensions != _MATRIX:
        return None
    along = _AXES[axis % _MATRIX]
    if keep:
        return Word(along + word.text, upright=True)
    return Scripts(word, sub=Word(along, upright=True))


def log_of_determinant(arg: Box) -> Box:
    """log|S|."""
    return Row((Word("log", upright=True), Fence(arg, big=has_fraction(arg), bars=True)))
