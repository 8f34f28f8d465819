"""The chains of a whole program to boxes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise, product

from matderiv.calculus.index_forms.forms import Index
from matderiv.calculus.index_forms.index_expressions import (
    IndexExpression,
    at_places,
    holds_letters_or_deltas,
    term_by_term,
)
from matderiv.calculus.sweep.task import Task
from matderiv.derivation.links import Chain
from matderiv.derivation.sides import (
    Cells,
    EntryOf,
    Formula,
    Indexed,
    Numerals,
    RouteSide,
    Side,
    Slice,
    Spelled,
    SpelledProduct,
    WrittenEntry,
)
from matderiv.expression import nodes
from matderiv.expression.nodes import MatMul, Node
from matderiv.expression.shapes import Shape
from matderiv.notation import methods
from matderiv.notation.boxes import (
    BRACKETS,
    SIGN,
    Aligned,
    Box,
    Dots,
    Grid,
    Operator,
    Row,
    Tagged,
    Terms,
)
from matderiv.notation.formulas import Formulas
from matderiv.notation.indices import IndexNotation
from matderiv.notation.latex import latex
from matderiv.notation.marks import Mark, entry_key, turned_mark

__all__ = ["ProgramNotation", "array_mark", "factor_marks", "readable_show"]

_COMMA_FROM = 10
#: The width of a page in em, less what stands before a written-out array.
_ROOM = 29.0
#: Wider ones are not written out: broken to the width of a page, they are too tall for it.
_WIDEST = 150.0
#: Widths that differ by less, in em, are the same but for rounding.
_CLOSE = 1e-6
#: Terms of all entries of an array that are broken into lines at most.
_MOST_TERMS = 36
#: Entries of the largest array that are shown at most when the user does not say how many.
_READABLE = 20
_SHOWS = (4, 3, 2)

#: How sums in an entry are written: term by term, so many of each.
_Sums = Callable[[IndexExpression], IndexExpression]


def readable_show(task: Task) -> int:
    """How many rows, columns and terms are shown when the user does not say."""
    shape = task.sweep.facts.shape
    arrays = list(task.shapes.values())
    values = [a.value for a in task.sweep.graph.values]
    products = [(*shape(v.left), *shape(v.right)[1:]) for v in values if isinstance(v, MatMul)]

    def fit(show: int, shapes: list[Shape], most: int) -> bool:
        shown = ([d.size if d.size <= show + 1 else show for d in dims] for dims in shapes)
        return all(len(sizes) == 1 or math.prod(sizes) <= most for sizes in shown)

    found = (s for s in _SHOWS if fit(s, arrays, _READABLE) and fit(s, products, _MOST_TERMS))
    return next(found, _SHOWS[-1])


@dataclass(frozen=True, slots=True)
class ProgramNotation:
    """How a program is written, and how much of long rows and sums is shown."""

    task: Task
    show: int | None
    #: Whether cells of arrays are tagged with the entry that they are.
    marked: bool = False
    #: The name that a step is about, by which differentials of values are.
    about: str = ""
    #: Letters for gradients: δ for ∂L/∂Z.
    called: Mapping[str, str] = field(default_factory=dict)
    formulas: Formulas = field(init=False)
    indices: IndexNotation = field(init=False)

    def __post_init__(self) -> None:
        """Make what writes formulas once for all chains."""
        task = self.task
        formulas = Formulas(
            task.loss,
            task.textbook,
            task.shapes,
            self.show,
            task.largest_size >= _COMMA_FROM,
            task.sum_letters,
            task.held,
            self.about,
            task.input_letters,
            self.called,
        )
        object.__setattr__(self, "formulas", formulas)
        object.__setattr__(self, "indices", IndexNotation(formulas))

    def chain(self, chain: Chain) -> Aligned:
        """A chain of equalities; a side that reads like the one before is left out."""
        mark = array_mark(chain) if self.marked else None
        left, *rights = (
            self.side(side, mark)
            for n, side in enumerate(chain.sides)
            if n == 0 or self._fits(side)
        )
        pairs = pairwise((left, *rights))
        shown = [right for right, pair in zip(rights, pairs, strict=True) if not _alike(*pair)]
        return Aligned(left, tuple(shown or rights[:1]))

    def alike(self, one: Side, other: Side) -> bool:
        """Whether two sides read the same."""
        return _alike(self.side(one), self.side(other))

    def _fits(self, side: Side) -> bool:
        """Whether a side is to be printed: all are, if everything is to be shown.

        Of an array whose entries would fill a page, the formula says it all.
        """
        if self.show is None or not isinstance(side, Spelled):
            return True
        return self._width(side, self._fitting(side)) <= _WIDEST

    def side(self, side: Side, mark: Mark | None = None) -> Box:
        """One side of an equality; `mark` gives the keys of the array that the side equals."""
        match side:
            case Formula(node):
                return self.formulas.node(node)
            case EntryOf(node, indices):
                return self.formulas.element(node, indices)
            case WrittenEntry(expr=expr, spelled=spelled):
                return self.indices.box(term_by_term(expr, self.show) if spelled else expr)
            case Indexed(form, spelled, arranged):
                expr = arranged or self.task.written(form)
                return self.indices.box(term_by_term(expr, self.show) if spelled else expr)
            case Spelled():
                return self.written_out(side, mark)
            case SpelledProduct():
                marks = factor_marks(side, mark) if mark else (None, None)
                left, right = map(self.written_out, (side.left, side.right), marks)
                return Row((left, Operator("cdot"), right))
            case Cells():
                return self._cells(side, mark)
            case Numerals(rows, dimensions):
                cells = [[self.formulas.node(nodes.Number(n)) for n in row] for row in rows]
                return Grid(tuple(map(tuple, cells))) if dimensions else cells[0][0]
        if isinstance(side, RouteSide):
            return methods.box(side, self.formulas)
        raise TypeError(f"{side} is not about a whole program")

    def written_out(self, array: Spelled, mark: Mark | None = None) -> Box:
        """An array by its entries; as much is shown of their sums as a page has room for.

        Sums inside of others that do not fit term by term are written with a sign for the sum.
        """
        return self._grid(array, self._fitting(array), mark)

    def _fitting(self, array: Spelled) -> _Sums:
        """The first way to write sums that fits on a page, or the narrowest of the last two.

        Few terms in all may be broken into lines, one below the other.
        """
        for most in [None] if self.show is None else range(self.show, 1, -1):
            sums = partial(term_by_term, most=most)
            width = self._width(array, sums)
            if width <= _ROOM or self._in_lines(array, sums) <= _ROOM:
                return sums
        outer = partial(term_by_term, most=most, outer=True)
        return outer if self._width(array, outer) < width else sums

    def _width(self, array: Spelled, sums: _Sums) -> float:
        """About how wide an array is, by its entries at the corners; no other one is built."""
        return self._across(array, max(box.width for box in self._corners(array, sums)))

    def _in_lines(self, array: Spelled, sums: _Sums) -> float:
        """About how wide an array is with each term on a line; infinite if its terms are many."""
        corners = self._corners(array, sums)
        terms = [box.items if isinstance(box, Terms) else (("+", box),) for box in corners]
        shown = math.prod(len(self.formulas.shown(d.size)) for d in self._shape(array))
        if max(map(len, terms)) * shown > _MOST_TERMS:
            return math.inf
        return self._across(array, SIGN + max(box.width for some in terms for _, box in some))

    def _shape(self, array: Spelled) -> Shape:
        return self.task.sweep.facts.shape(array.node)

    def _corners(self, array: Spelled, sums: _Sums) -> list[Box]:
        ends = product(*(sorted({1, dim.size}) for dim in self._shape(array)))
        return list(map(self._entry(array, sums), ends))

    def _across(self, array: Spelled, widest: float) -> float:
        """How wide an array is whose widest entry is so wide."""
        shape = self._shape(array)
        across = shape[::-2] if len(shape) > 1 else ()  # a vector is a column
        columns = math.prod(len(self.formulas.shown(dim.size)) for dim in across)
        return columns * (widest + 1) + BRACKETS if shape else widest

    def _entry(self, array: Spelled, sums: _Sums) -> Callable[[tuple[int, ...]], Box]:
        """How the entry of an array at numbers is drawn.

        Where numbers change nothing but indices, sums are written term by term once for all.
        """
        return self._at_numbers(array.expr, array.indices, sums)

    def _at_numbers(
        self, expr: IndexExpression, indices: tuple[Index, ...], sums: _Sums
    ) -> Callable[[tuple[int, ...]], Box]:
        def places(at: tuple[int, ...]) -> dict[str, int]:
            pairs = zip(indices, at, strict=True)
            return self.task.sizes | {i: n for i, n in pairs if isinstance(i, str)}

        written = sums(expr)
        if holds_letters_or_deltas(written):
            return lambda at: self.indices.box(sums(at_places(expr, places(at))))
        return lambda at: self.indices.at(places(at)).box(written)

    def _cells(self, side: Cells, mark: Mark | None) -> Box:
        """An array by its cells, each of them the general entry at numbers."""
        cell = self._at_numbers(self.task.written(side.entry), side.indices, _as_they_are)
        return self._filled(side.over, cell, mark, side.picked)

    def _grid(self, array: Spelled, sums: _Sums, mark: Mark | None) -> Box:
        shape = self.task.sweep.facts.shape(array.node)
        return self._filled(shape, self._entry(array, sums), mark)

    def _filled(
        self,
        shape: Shape,
        inside: Callable[[tuple[int, ...]], Box],
        mark: Mark | None,
        also: Mapping[int, frozenset[int]] | None = None,
    ) -> Box:
        """An array by its cells, with dots for those left out; a vector is a column.

        One of three dimensions is a row of matrices, one of four a matrix of matrices.

        `also`: places along each axis that are shown in any case.
        """

        def cell(at: tuple[int, ...]) -> Box:
            return Tagged(inside(at), mark(*at)) if mark and at else inside(at)

        kept = also or {}
        counts = [self.formulas.shown(dim.size, kept.get(n, ())) for n, dim in enumerate(shape)]
        return _nested(counts, cell)


def _nested(counts: Sequence[Sequence[int | None]], cell: Callable[[tuple[int, ...]], Box]) -> Box:
    """The cells at the places that are shown: rows and columns, each perhaps a matrix again."""
    if not counts:
        return cell(())
    outer = 1 if len(counts) % 2 else 2

    def inside(at: tuple[int, ...]) -> Box:
        return _nested(counts[outer:], lambda further: cell((*at, *further)))

    across = len(counts) > 1
    boxes = [[_cell(inside, at) for at in product([i], *counts[1:outer])] for i in counts[0]]
    if outer == 1 and across:
        return Grid((tuple(box for (box,) in boxes),))
    return Grid(tuple(map(tuple, boxes)))


def array_mark(chain: Chain) -> Mark | None:
    """The keys of the array that a chain is about: ∂L/∂X, or the slice ∂Z/∂x_pq."""
    match chain.sides[0]:
        case Formula(nodes.Name(name)):
            return partial(entry_key, name)
        case Slice(of=of, wrt=wrt):
            return partial(entry_key, ".".join(map(str, (of.name, wrt.name, *wrt.indices))))
    return None


def factor_marks(product: SpelledProduct, mark: Mark) -> tuple[Mark, Mark]:
    """The keys of both factors: those of the named array, or else keys of the factor."""

    def of(factor: Node, side: str) -> Mark:
        match factor:
            case nodes.Name(name):
                return partial(entry_key, name)
            case nodes.Transpose(nodes.Name(name)):
                return turned_mark(partial(entry_key, name))
        return partial(entry_key, f"{mark()}.{side}")

    return of(product.left.node, "left"), of(product.right.node, "right")


def _as_they_are(expr: IndexExpression) -> IndexExpression:
    return expr


def _alike(one: Box, other: Box) -> bool:
    """Whether two boxes read the same; those of different widths do not, which is found at once."""
    return abs(one.width - other.width) < _CLOSE and latex(one) == latex(other)


def _cell(cell: Callable[[tuple[int, ...]], Box], place: tuple[int | None, ...]) -> Box:
    known = tuple(i for i in place if i is not None)
    if len(known) == len(place):
        return cell(known)
    if not known and len(place) > 1:
        return Dots("diagonal")
    return Dots("down" if place[:1] == (None,) else "across")
