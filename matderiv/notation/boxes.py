"""Layout boxes: what formulas look like, free of any mathematics and of any target language."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace

__all__ = [
    "Aligned",
    "BigSum",
    "Box",
    "Dots",
    "Fence",
    "Fitter",
    "Fraction",
    "Grid",
    "Lines",
    "Number",
    "Operator",
    "Root",
    "Row",
    "Scripts",
    "Symbol",
    "Terms",
    "Word",
    "width",
]


@dataclass(frozen=True, slots=True)
class Symbol:
    """A letter: Latin, or a Greek one by its name."""

    name: str
    greek: bool = False


@dataclass(frozen=True, slots=True)
class Word:
    """A name of several letters, upright for a known function (`tanh`)."""

    text: str
    upright: bool = False


@dataclass(frozen=True, slots=True)
class Number:
    """Digits."""

    text: str


@dataclass(frozen=True, slots=True)
class Operator:
    """A sign by its name: plus, minus, equals, cdot, times, comma, partial, prime, kronecker."""

    name: str


@dataclass(frozen=True, slots=True)
class Row:
    """Boxes side by side."""

    items: tuple[Box, ...]


@dataclass(frozen=True, slots=True)
class Fraction:
    """One box over another."""

    above: Box
    below: Box


@dataclass(frozen=True, slots=True)
class Scripts:
    """A base with a subscript, a superscript or both."""

    base: Box
    sub: Box | None = None
    sup: Box | None = None


@dataclass(frozen=True, slots=True)
class Root:
    """A square root."""

    body: Box


@dataclass(frozen=True, slots=True)
class Fence:
    """A box in round brackets; `big` when it is taller than a line."""

    body: Box
    big: bool = False


@dataclass(frozen=True, slots=True)
class BigSum:
    """Σ with what it runs over below, before its term."""

    under: Box
    over: Box | None
    body: Box


@dataclass(frozen=True, slots=True)
class Dots:
    """What is left out: across (⋯), down (⋮) or diagonally (⋱)."""

    direction: str


@dataclass(frozen=True, slots=True)
class Terms:
    """A sum of (sign, box); it may be broken before a sign where it is too wide."""

    items: tuple[tuple[str, Box], ...]


@dataclass(frozen=True, slots=True)
class Lines:
    """A sum that was broken into lines; the lines after the first start with their sign."""

    rows: tuple[Terms, ...]


@dataclass(frozen=True, slots=True)
class Grid:
    """A matrix; its cells in rows."""

    rows: tuple[tuple[Box, ...], ...]


@dataclass(frozen=True, slots=True)
class Aligned:
    """A chain of equalities, each right side below the one before it."""

    left: Box
    rights: tuple[Box, ...]


Box = (
    Symbol
    | Word
    | Number
    | Operator
    | Row
    | Fraction
    | Scripts
    | Root
    | Fence
    | BigSum
    | Dots
    | Terms
    | Lines
    | Grid
    | Aligned
)

_BRACKETS = 1.0  # a matrix's round brackets
_LINES = 1.3  # what broken lines take beside their terms
_FINE = 0.25  # how finely the room of broken lines is searched
_SIGN = 1.25  # a + or - between two terms, with the space around it
_SCRIPT = 0.74  # the size of an index beside its letter
_OPERATORS = {"plus": _SIGN, "minus": _SIGN, "equals": 1.35, "cdot": 0.72, "comma": 0.45}


def width(box: Box) -> float:
    """An estimate of a box's width in em, on the wide side."""
    return Fitter().width(box)


class Fitter:
    """Fits the boxes of a page. Widths are kept: entries stand in many places as one box."""

    def __init__(self, *, elide: bool = True) -> None:
        self.elide = elide
        self._widths: dict[int, float] = {}
        self._kept: list[Box] = []  # a width is kept by a box's identity, so the box must live

    def width(self, box: Box) -> float:
        """An estimate of a box's width in em, on the wide side."""
        known = self._widths.get(id(box))
        if known is None:
            known = self._widths[id(box)] = self._width(box)
            self._kept.append(box)
        return known

    def _width(self, box: Box) -> float:
        width = self.width
        match box:
            case Row(items=items):
                return sum(map(width, items))
            case Symbol():
                return 0.62
            case Word(text=text) | Number(text=text):
                return 0.52 * len(text)
            case Operator(name=name):
                return _OPERATORS.get(name, 0.58)
            case Scripts(base=base, sub=sub, sup=sup):
                scripts = [width(s) * _SCRIPT for s in (sub, sup) if s is not None]
                return width(base) + max(scripts, default=0)
            case Fraction(above=above, below=below):
                return max(width(above), width(below)) + 0.28
            case Terms(items=items):
                return sum(width(b) for _, b in items) + sum(
                    _SIGN if n or sign == "-" else 0.0 for n, (sign, _) in enumerate(items)
                )
            case Root(body=body):
                return width(body) + 0.9
            case Fence(body=body):
                return width(body) + (1.6 if box.big else 0.85)
            case BigSum(under=under, body=body):
                return max(1.5, width(under) * _SCRIPT) + 0.2 + width(body)
            case Dots():
                return 1.2
            case Lines(rows=rows):
                return max(map(width, rows)) + _LINES
            case Grid(rows=rows):
                columns = zip(*rows, strict=True)
                return sum(max(map(width, column)) for column in columns) + len(rows[0]) + _BRACKETS
            case Aligned(left=left, rights=rights):
                return width(left) + 1.35 + max(map(width, rights))

    def fitted(self, box: Box, room: float) -> Box:
        """The box with sums broken into lines so that it is no wider than `room`, if it can be.

        A sum inside a matrix gets its share of the room; a fraction's numerator is not broken.
        A matrix that is still too wide loses columns before its last, with dots in their place.
        """
        if self.width(box) <= room:
            return box
        match box:
            case Terms():
                return self._broken(box, room)
            case Aligned(left=left, rights=rights):
                rest = room - self.width(left) - 1.35
                return Aligned(left, tuple(self.fitted(right, rest) for right in rights))
            case Grid(rows=rows):
                narrow = Grid(self._narrowed(rows, room))
                while self.elide and self.width(narrow) > room and _can_lose(rows):
                    rows = _without_a_column(rows)
                    narrow = Grid(self._narrowed(rows, room))
                return narrow
            case Row(items=items):
                return self._fitted_row(items, room)
            case BigSum(body=body):
                return replace(box, body=self.fitted(body, room - 1.7))
            case Fence(body=body):
                inner = self.fitted(body, room - 0.85)
                return Fence(inner, big=True) if isinstance(inner, Lines) else box
        return box

    def _fitted_row(self, items: tuple[Box, ...], room: float) -> Row:
        """Matrices share what room the rest leaves; without any, the widest item gets it."""
        wide = [n for n, box in enumerate(items) if isinstance(box, Grid)]
        if not wide:
            wide = [max(range(len(items)), key=lambda n: self.width(items[n]))]
        total = sum(self.width(items[n]) for n in wide)
        rest = room - sum(map(self.width, items)) + total
        return Row(
            tuple(
                self.fitted(box, rest * self.width(box) / total) if n in wide else box
                for n, box in enumerate(items)
            )
        )

    def _narrowed(self, rows: tuple[tuple[Box, ...], ...], room: float) -> _Cells:
        """Cells broken until the columns fit: the widest columns give way first."""
        columns = [max(map(self.width, column)) for column in zip(*rows, strict=True)]
        free = room - len(columns) - _BRACKETS
        limit = free / len(columns)
        while True:
            narrow = [w for w in columns if w <= limit]
            wide = len(columns) - len(narrow)
            better = (free - sum(narrow)) / wide if wide else limit
            if better <= limit + 0.01:
                break
            limit = better
        return tuple(tuple(self.fitted(cell, limit) for cell in row) for row in rows)

    def _broken(self, terms: Terms, room: float) -> Lines | Terms:
        """As few lines as the room allows, and those as even as they can be."""
        items = [(sign, self.fitted(box, room - _SIGN - 0.4)) for sign, box in terms.items]
        needs = [self.width(box) + _SIGN for _, box in items]
        if sum(needs) - _SIGN > room:
            room -= _LINES
        ends = _line_ends(needs, room)
        if len(ends) == 1:
            return Terms(tuple(items))
        if len(ends) < len(items):
            # The narrowest room for as many lines, found by halving.
            low, high = max(needs), room
            while high - low > _FINE:
                middle = (low + high) / 2
                tighter = _line_ends(needs, middle)
                if len(tighter) == len(ends):
                    ends, high = tighter, middle
                else:
                    low = middle
        return Lines(tuple(Terms(tuple(items[a:b])) for a, b in itertools.pairwise((0, *ends))))


_Cells = tuple[tuple[Box, ...], ...]


def _dots_column(rows: _Cells) -> int | None:
    """The number of the column of dots, if there is one."""
    marks = (Dots("across"), Dots("diagonal"))
    return next((n for n, cell in enumerate(rows[0]) if cell in marks), None)


def _can_lose(rows: _Cells) -> bool:
    """Whether more than the first column, dots and the last are left."""
    return len(rows[0]) > (2 if _dots_column(rows) is None else 3)


def _without_a_column(rows: _Cells) -> _Cells:
    """The column before the dots gone, or turned into dots where there are none yet."""
    dots = _dots_column(rows)
    if dots is not None:
        return tuple(row[: dots - 1] + row[dots:] for row in rows)
    return tuple(
        (*row[:-2], Dots("diagonal" if row[0] == Dots("down") else "across"), row[-1])
        for row in rows
    )


def _line_ends(needs: list[float], room: float) -> list[int]:
    """Where lines end when each is filled as far as it goes."""
    ends: list[int] = []
    used = 0.0
    for number, need in enumerate(needs):
        if number and used + need > room:
            ends.append(number)
            used = -0.25  # a sign at the start of a line has space on one side only
        used += need if number else need - _SIGN
    return [*ends, len(needs)]
