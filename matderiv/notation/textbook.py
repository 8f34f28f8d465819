"""Signs that textbooks have: ‖A‖_F², Σ_ij f(y_ij), log|S|, sums of rows.

Reductions along an axis of a matrix are written without numbers of axes: as a product with an array
of ones, or with the word row or col beside their name.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction as Rational

from matderiv.calculus.formulas.broadcasting import ShapeOf, size_name
from matderiv.calculus.index_forms.written_entry import entry_of
from matderiv.expression import nodes
from matderiv.expression.nodes import Node
from matderiv.notation.boxes import (
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
from matderiv.notation.indices import IndexNotation, Names
from matderiv.notation.names import has_fraction

__all__ = [
    "as_product",
    "log_of_determinant",
    "norm_box",
    "printed_parts_of",
    "sum_box",
    "word_of_axis",
]

_MATRIX = 2  # dimensions
_BARS = Operator("bars")
_TWO = NumberBox("2")
_AXES = ("col", "row")

#: Nodes with an entry that is its operands' at the same place; sums in it are sums of entries.
_OPENED = (
    nodes.Name,
    nodes.Number,
    nodes.Size,
    nodes.Pi,
    nodes.Ones,
    nodes.Add,
    nodes.Subtract,
    nodes.Negate,
    nodes.Multiply,
    nodes.Divide,
    nodes.Power,
    nodes.Apply,
    nodes.Transpose,
    nodes.Sum,
)


def norm_box(node: Node, names: Names, shape: ShapeOf) -> Box | None:
    """‖A‖_F, ‖a‖ and their squares, which are sums of squares; None of anything else."""
    match node:
        case nodes.Norm(arg):
            return _norm(arg, names, shape)
        case nodes.Power(nodes.Norm(arg), nodes.TWO):
            return _norm(arg, names, shape, _TWO)
        case nodes.Sum(nodes.Power(arg, nodes.TWO), None, False) if 1 <= len(shape(arg)) <= _MATRIX:
            return _norm(arg, names, shape, _TWO)
    return None


def _norm(arg: Node, names: Names, shape: ShapeOf, above: Box | None = None) -> Box:
    bars = Row((_BARS, names.node(arg), _BARS))
    sub = Symbol("F") if len(shape(arg)) == _MATRIX else None
    return bars if sub is above is None else Scripts(bars, sub, above)


def sum_box(node: Node, names: Names, shape: ShapeOf, letters: tuple[str, ...]) -> Box | None:
    """Σ_ij of the entries of an array, and their mean; None of anything else."""
    match node:
        case nodes.Sum(arg, None, False) if shape(arg) and not _holds_unit(arg):
            found = entry_of(node, (), shape, letters, kept=_kept)
            return IndexNotation(names).box(found)
        case nodes.Mean(arg, None, False) if shape(arg):
            sizes = [names.size(str(size_name(dim))) for dim in shape(arg)]
            under = sizes[0] if len(sizes) == 1 else _sizes(sizes)
            return Row((Fraction(NumberBox("1"), under), names.node(nodes.Sum(arg))))
    return None


def _sizes(boxes: list[Box]) -> Box:
    """NM, or 2·3 of numbers."""
    numbers = any(isinstance(box, NumberBox) for box in boxes)
    return joined(boxes, "cdot") if numbers else Row(tuple(boxes))


def _holds_unit(node: Node) -> bool:
    """Whether e_p e_qᵀ stands in a formula, which has no name that an entry could have."""
    return any(name[0] == "ε" for name in nodes.names_in(node))


def _kept(node: Node) -> bool:
    """Whether an entry is written with the indices beside brackets: (XW)_ij."""
    return not isinstance(node, _OPENED)


def printed_parts_of(node: Node, shape: ShapeOf) -> Iterator[Node]:
    """The parts of a formula that stand in its print: of a sum over all entries, what is kept.

    A sum of squares is printed with a norm.
    """
    match node:
        case nodes.Sum(nodes.Power(arg, nodes.TWO), None, False) if 1 <= len(shape(arg)) <= _MATRIX:
            yield nodes.Norm(arg)
            yield from printed_parts_of(arg, shape)
        case nodes.Sum(arg, None, False) if shape(arg) and not _holds_unit(arg):
            for part in _whole(arg):
                yield from printed_parts_of(part, shape)
        case _:
            product = as_product(node, shape)
            if product is not None:
                yield from printed_parts_of(product, shape)
                return
            yield node
            for child in nodes.children(node):
                yield from printed_parts_of(child, shape)


def _whole(node: Node) -> Iterator[Node]:
    """The parts of a summand that keep brackets."""
    if _kept(node):
        yield node
        return
    for child in nodes.children(node):
        yield from _whole(child)


def as_product(node: Node, shape: ShapeOf) -> Node | None:
    """Aᵀ1, A1 and the same over their number, for sums and means of columns and of rows."""
    match node:
        case nodes.Sum(arg, int(axis), False) if len(shape(arg)) == _MATRIX:
            dim = shape(arg)[axis % _MATRIX]
            turned = arg if axis % _MATRIX else nodes.transposed(arg)
            return nodes.MatMul(turned, nodes.Ones((size_name(dim),)))
        case nodes.Mean(arg, int(axis), False) if len(shape(arg)) == _MATRIX:
            dim = shape(arg)[axis % _MATRIX]
            added = as_product(nodes.Sum(arg, axis), shape)
            assert added is not None
            named = dim.symbol != str(dim.size)
            size = nodes.Size(dim.symbol, dim.size) if named else nodes.Number(Rational(dim.size))
            return nodes.Divide(added, size)
    return None


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
