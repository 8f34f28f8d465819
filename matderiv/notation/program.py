"""The chains of a whole program to boxes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import pairwise

from matderiv.calculus.contraction import contracted
from matderiv.calculus.forms import Index, placed
from matderiv.calculus.system import System
from matderiv.derivation.links import Chain
from matderiv.derivation.methods.sides import Cells, RouteSide
from matderiv.derivation.sides import (
    EntryOf,
    Formula,
    Indexed,
    Numerals,
    Pushed,
    Side,
    Spelled,
    SpelledProduct,
)
from matderiv.expression.nodes import Node, Number
from matderiv.expression.shapes import Shape
from matderiv.notation import methods, pushed
from matderiv.notation.boxes import Aligned, Box, Dots, Operator, Row
from matderiv.notation.formulas import Formulas
from matderiv.notation.latex import latex

__all__ = ["ProgramNotation", "readable_show"]

_COMMA_FROM = 10
#: The width of a page in em, less what stands before a written-out array.
_ROOM = 29.0
#: Wider ones are not written out: broken to the width of a page, they are too tall for it.
_WIDEST = 150.0
#: Entries of the largest array that are shown at most when the user does not say how many.
_READABLE = 20
_SHOWS = (4, 3, 2)


def readable_show(system: System) -> int:
    """How many rows, columns and terms are shown when the user does not say."""
    shapes = list(system.shapes.values())
    for show in _SHOWS:
        shown = [[d.size if d.size <= show + 1 else show for d in shape] for shape in shapes]
        if all(len(s) < 2 or s[0] * s[1] <= _READABLE for s in shown):  # noqa: PLR2004 - a matrix
            return show
    return _SHOWS[-1]


@dataclass(frozen=True, slots=True)
class ProgramNotation:
    """How a program is written, and how much of long rows and sums is shown."""

    system: System
    show: int | None
    formulas: Formulas = field(init=False)
    _general: pushed.Pushed = field(init=False)
    _spelled: tuple[pushed.Pushed, ...] = field(init=False)

    def __post_init__(self) -> None:
        """Make what writes formulas once for all chains."""
        system = self.system
        formulas = Formulas(
            str(system.loss),
            system.sweep.facts.shape,
            system.shapes,
            self.show,
            system.largest_size >= _COMMA_FROM,
            system.letters[4:] + system.letters[:4],
            system.held,
        )
        object.__setattr__(self, "formulas", formulas)
        object.__setattr__(self, "_general", pushed.Pushed(formulas, expanded=False))
        shows = [None] if self.show is None else range(self.show, 1, -1)
        spelled = (pushed.Pushed(replace(formulas, show=s), expanded=True) for s in shows)
        object.__setattr__(self, "_spelled", tuple(spelled))

    def chain(self, chain: Chain) -> Aligned:
        """A chain of equalities; a side that reads like the one before is left out."""
        left, *rights = (
            self.side(side) for n, side in enumerate(chain.sides) if n == 0 or self._fits(side)
        )
        read = [latex(box) for box in (left, *rights)]
        shown = [
            box for box, (one, other) in zip(rights, pairwise(read), strict=True) if one != other
        ]
        return Aligned(left, tuple(shown or rights[:1]))

    def _fits(self, side: Side) -> bool:
        """Whether a side is no array whose entries would fill a page; its formula says it all."""
        return not isinstance(side, Spelled) or self.written_out(side.node).width <= _WIDEST

    def side(self, side: Side) -> Box:
        """One side of an equality."""
        match side:
            case Formula(node):
                return self.formulas.node(node)
            case EntryOf(node, indices):
                return self.formulas.element(node, indices)
            case Pushed(node, indices):
                return self._general.at(node, indices)
            case Indexed(form):
                return self.formulas.form(form)
            case Spelled(node):
                return self.written_out(node)
            case SpelledProduct(left, right):
                return Row((self.written_out(left), Operator("cdot"), self.written_out(right)))
            case Cells():
                return self._cells(side)
            case Numerals(rows, dimensions):
                cells = [[self.formulas.node(Number(n)) for n in row] for row in rows]
                return self.formulas.grid(cells) if dimensions else cells[0][0]
        if isinstance(side, RouteSide):
            return methods.box(side, self.formulas)
        raise TypeError(f"{side} is not about a whole program")

    def written_out(self, node: Node) -> Box:
        """An array by its entries; as much is shown of their sums as a page has room for."""
        grids = (self._grid(node, spelled) for spelled in self._spelled)
        box = next(grids)
        for shorter in grids:
            if box.width <= _ROOM:
                break
            box = shorter
        return box

    def _cells(self, side: Cells) -> Box:
        """An array whose cells are worked out from the general entry."""

        def cell(at: tuple[int, ...]) -> Box:
            put: dict[str, Index] = dict(zip(side.indices, at, strict=True))
            return self.formulas.form(contracted(placed(side.entry, put)))

        return self._filled(side.over, cell)

    def _grid(self, node: Node, spelled: pushed.Pushed) -> Box:
        shape = self.system.sweep.facts.shape(node)
        return self._filled(shape, lambda at: spelled.at(node, at))

    def _filled(self, shape: Shape, cell: Callable[[tuple[int, ...]], Box]) -> Box:
        """An array by its cells, dots for those that are left out; a vector is a column."""
        counts = [self.formulas.shown(dim.size) for dim in shape]
        match counts:
            case []:
                return cell(())
            case [rows]:
                return self.formulas.grid([[_cell(cell, (i,))] for i in rows])
            case [rows, cols]:
                return self.formulas.grid([[_cell(cell, (i, j)) for j in cols] for i in rows])
        raise TypeError("an array has at most two dimensions")


def _cell(cell: Callable[[tuple[int, ...]], Box], place: tuple[int | None, ...]) -> Box:
    known = tuple(i for i in place if i is not None)
    if len(known) == len(place):
        return cell(known)
    if not known and len(place) > 1:
        return Dots("diagonal")
    return Dots("down" if place[:1] == (None,) else "across")
