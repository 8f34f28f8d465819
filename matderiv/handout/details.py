"""What can be asked about a single entry of an array that is written out: what it comes from."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from matderiv.calculus.index_forms.forms import Entry, Index
from matderiv.handout.document import Math, Segments, Text
from matderiv.handout.sentences import fill, listed
from matderiv.notation.boxes import Box

__all__ = ["Namer", "origin"]


class Namer(Protocol):
    """How names of arrays and their entries are written; dX stands for ∂L/∂X."""

    def array(self, name: str) -> Box:
        """W, or ∂L/∂Y."""
        ...

    def entry(self, name: str, indices: tuple[Index, ...]) -> Box:
        """w_12, or ∂L/∂y_12."""
        ...


def origin(language: str, namer: Namer, x: Box, sources: Iterable[Entry]) -> Segments:
    """The sentence about what x comes from; a letter stands for an index that runs."""
    parts = [_part(language, namer, source) for source in sources]
    if not parts:
        return fill(language, "entry.constant", {"x": Math(x)})
    return fill(language, "entry.from", {"x": Math(x), "sources": listed(language, parts)})


def _part(language: str, namer: Namer, source: Entry) -> Segments:
    """An entry, a row, a column, the diagonal, or all of an array."""
    if all(isinstance(index, int) for index in source.indices):
        return (Math(namer.entry(source.name, source.indices)),)
    array = Math(namer.array(source.name))
    match source.indices:
        case (int() as number, _):
            return fill(language, "entry.row", {"number": Text(str(number)), "A": array})
        case (_, int() as number):
            return fill(language, "entry.column", {"number": Text(str(number)), "A": array})
        case (one, other) if one == other:
            return fill(language, "entry.diagonal", {"A": array})
    return fill(language, "entry.all", {"A": array})
