"""The chains of a whole program to boxes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from matderiv.calculus.contraction import contracted
from matderiv.calculus.forms import Form, Index, placed
from matderiv.derivation.equations import Element, Formula, Indexed, Pushed, Side, Spelled
from matderiv.derivation.links import Chain
from matderiv.derivation.methods.sides import Cells
from matderiv.derivation.program import System
from matderiv.expression.nodes import Node
from matderiv.expression.shapes import Shape
from matderiv.notation import methods, pushed
from matderiv.notation.boxes import Aligned, Box, Dots
from matderiv.notation.formulas import Formulas

__all__ = ["ProgramNotation", "readable_show"]

_COMMA_FROM = 10
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
    _spelled: pushed.Pushed = field(init=False)

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
        )
        object.__setattr__(self, "formulas", formulas)
        object.__setattr__(self, "_general", pushed.Pushed(formulas, expanded=False))
        object.__setattr__(self, "_spelled", pushed.Pushed(formulas, expanded=True))

    def chain(self, chain: Chain) -> Aligned:
        """A chain of equalities; a side that reads like the one before is left out."""
        left, *rights = (self.side(side) for side in chain.sides)  # type: ignore[arg-type]
        shown = [box for n, box in enumerate(rights) if box != ([left, *rights][n])]
        return Aligned(left, tuple(shown or rights[:1]))

    def side(self, side: Side) -> Box:
        """One side of an equality."""
        match side:
            case Formula(node):
                return self.formulas.node(node)
            case Element(node, indices):
                return self.formulas.element(node, indices)
            case Pushed(node, indices):
                return self._general.at(node, indices)
            case Indexed(form, expanded):
                return self.formulas.form(form, expanded=expanded)
            case Spelled(node):
                return self._written_out(node)
            case Cells(entry, indices, over):
                return self._grid(over, lambda at: self._placed(entry, indices, at))
            case _:
                return methods.box(side, self.formulas)

    def _written_out(self, node: Node) -> Box:
        shape = self.system.sweep.facts.shape(node)
        if not shape:
            return self._spelled.at(node, ())
        return self._grid(shape, lambda at: self._spelled.at(node, at))

    def _placed(self, entry: Form, indices: tuple[str, ...], at: tuple[int, ...]) -> Box:
        """A cell, worked out from the general entry."""
        put: dict[str, Index] = dict(zip(indices, at, strict=True))
        return self.formulas.form(contracted(placed(entry, put)), expanded=True)

    def _grid(self, shape: Shape, cell: Callable[[tuple[int, ...]], Box]) -> Box:
        """An array by its cells, dots for those that are left out; a vector is a column."""
        counts = [self.formulas.shown(dim.size) for dim in shape]
        if len(counts) == 1:
            return self.formulas.grid([[_cell(cell, (i,))] for i in counts[0]])
        rows, cols = counts
        return self.formulas.grid([[_cell(cell, (i, j)) for j in cols] for i in rows])


def _cell(cell: Callable[[tuple[int, ...]], Box], place: tuple[int | None, ...]) -> Box:
    known = tuple(i for i in place if i is not None)
    if len(known) == len(place):
        return cell(known)
    if not known and len(place) > 1:
        return Dots("diagonal")
    return Dots("down" if place[:1] == (None,) else "across")
