"""Answers about single entries of the arrays that a page writes out: what each comes from."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from matderiv.calculus.index_forms.forms import Entry
from matderiv.derivation.links import Chain
from matderiv.derivation.one_entry import GradientEntries, SliceEntries, array_chain
from matderiv.derivation.sides import Cells, Formula, Slice, Spelled, SpelledProduct
from matderiv.expression.nodes import Name
from matderiv.handout.document import Detail, Equation, Math, Segments, Text
from matderiv.handout.sentences import Fields, fill, listed
from matderiv.notation.boxes import Box
from matderiv.notation.marks import Mark, entry_key
from matderiv.notation.program import ProgramNotation, array_mark, factor_marks, readable_show

__all__ = ["Details"]

#: Entries of one array up to which each is derived; of more, it is said what they come from.
_MOST = 100

_Place = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Details:
    """Answers about the entries of the arrays of a derivation."""

    notation: ProgramNotation
    language: str
    short: ProgramNotation = field(init=False)

    def __post_init__(self) -> None:
        """A sum of many terms is shortened even on a page that shows everything."""
        task, show = self.notation.task, self.notation.show
        least = readable_show(task) if show is None else show
        object.__setattr__(self, "short", replace(self.notation, show=least, marked=False))

    def equation(self, chain: Chain) -> Equation:
        """A chain with what can be asked about the entries of the arrays that it writes out."""
        box, mark, found = self.notation.chain(chain), array_mark(chain), self._entries(chain)
        if mark is None or found is None:
            return Equation(box)
        products = (side for side in chain.sides if isinstance(side, SpelledProduct))
        factors = next((factor_marks(side, mark) for side in products), ())
        sources = {place: found.sources(place) for place in self._places(found)}
        details: list[Detail] = []
        for place, some in sources.items():
            marks = [entry_key(source.name, *source.indices) for source in some]
            marks += _unnamed(factors, place)
            x = self.notation.indices.form(found.left(place))
            detail = Detail(mark(*place), tuple(marks), self._origin(x, some))
            if len(sources) <= _MOST:
                detail = replace(detail, boxes=tuple(map(self.short.chain, found.chains(place))))
            details.append(detail)
        names = dict.fromkeys(s.name for some in sources.values() for s in some if s.indices)
        beside = {factor() for factor in factors}
        task = self.notation.task
        arrays = (self.notation.chain(array_chain(task, n)) for n in names if n not in beside)
        return Equation(box, tuple(details), tuple(arrays))

    def _entries(self, chain: Chain) -> GradientEntries | SliceEntries | None:
        """The derivations of single entries of the array that a chain writes out, if it does."""
        match chain.sides:
            case (Formula(Name(name)), Spelled(), *_) if name not in self.notation.task.shapes:
                return GradientEntries(self.notation.task, name[1:])
            case (Slice() as one, *_, Cells() as cells):
                return SliceEntries(self.notation.task, one, cells)
        return None

    def _places(self, found: GradientEntries | SliceEntries) -> list[_Place]:
        """The places of the entries that are shown."""
        also = found.cells.picked if isinstance(found, SliceEntries) else {}
        shown = self.notation.formulas.shown
        counts = [shown(dim.size, also.get(n, ())) for n, dim in enumerate(found.shape)]
        places = (tuple(i for i in at if i is not None) for at in itertools.product(*counts))
        return [place for place in places if len(place) == len(found.shape)]

    def _origin(self, x: Box, sources: Iterable[Entry]) -> Segments:
        """The sentence about the entries that x is computed from; a letter means all of them."""
        parts = [self._part(source) for source in sources]
        if not parts:
            return fill(self.language, "entry.constant", {"x": Math(x)})
        listed_ = listed(self.language, parts)
        return fill(self.language, "entry.from", {"x": Math(x), "sources": listed_})

    def _part(self, source: Entry) -> Segments:
        """An entry, a row, a column, the diagonal, or all of an array."""
        if all(isinstance(index, int) for index in source.indices):
            return (Math(self.notation.formulas.entry(source.name, source.indices)),)
        array = Math(self.notation.formulas.node(Name(source.name)))
        match source.indices:
            case (int() as number, _):
                return fill(self.language, "entry.row", {"number": Text(str(number)), "A": array})
            case (_, int() as number):
                words: Fields = {"number": Text(str(number)), "A": array}
                return fill(self.language, "entry.column", words)
            case (one, other) if one == other:
                return fill(self.language, "entry.diagonal", {"A": array})
        return fill(self.language, "entry.all", {"A": array})


def _unnamed(factors: tuple[Mark, ...], place: _Place) -> tuple[str, ...]:
    """The row and the column of factors that are no named arrays."""
    if not factors:
        return ()
    (left, right), (p, q) = factors, place
    runs = ((left, left(p, "k")), (right, right("k", q)))
    return tuple(run for factor, run in runs if "." in factor())
