"""Layout boxes: what formulas look like, free of any mathematics and of any target language."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace

__all__ = [
    "Aligned",
    "Box",
    "BigSum",
    "Dots",
    "Fence",
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
    "fitted",
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
    """A sign by its name: plus, minus, equals, cdot, partial, comma, greater, nonzero."""

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
    """A chain of equalities below one another: left = first right side, = second, …"""

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

_SCRIPT = 0.72  # the size of an index beside its letter
_OPERATORS = {"plus": 1.25, "minus": 1.25, "equals": 1.35, "cdot": 0.72, "comma": 0.45}


def width(box: Box) -> float:
    """An estimate of a box's width in em, on the wide side."""
    match box:
        case Symbol():
            return 0.62
        case Word(text=text) | Number(text=text):
            return 0.52 * len(text)
        case Operator(name=name):
            return _OPERATORS.get(name, 0.58)
        case Row(items=items):
            return sum(map(width, items))
        case Fraction(above=above, below=below):
            return max(width(above), width(below)) + 0.28
        case Scripts(base=base, sub=sub, sup=sup):
            scripts = [width(s) * _SCRIPT for s in (sub, sup) if s is not None]
            return width(base) + max(scripts, default=0)
        case Root(body=body):
            return width(body) + 0.9
        case Fence(body=body):
            return width(body) + 0.85
        case BigSum(under=under, body=body):
            return max(1.5, width(under) * _SCRIPT) + 0.2 + width(body)
        case Dots():
            return 1.2
        case Terms(items=items):
            return sum(width(b) for _, b in items) + sum(
                1.25 if n or sign == "-" else 0.0 for n, (sign, _) in enumerate(items)
            )
        case Lines(rows=rows):
            return max(map(width, rows)) + 0.4
        case Grid(rows=rows):
            columns = zip(*rows, strict=True)
            return sum(max(map(width, column)) for column in columns) + 1.0 * len(rows[0]) + 0.6
        case Aligned(left=left, rights=rights):
            return width(left) + 1.35 + max(map(width, rights))


def fitted(box: Box, room: float) -> Box:
    """The same box with sums broken into lines so that it is no wider than `room`, if it can be.

    A sum inside a matrix gets its share of the room; a fraction's numerator is not broken.
    """
    match box:
        case Terms() if width(box) > room:
            return _broken(box, room)
        case Aligned(left=left, rights=rights):
            rest = room - width(left) - 1.35
            return Aligned(left, tuple(fitted(right, rest) for right in rights))
        case Grid(rows=rows) if width(box) > room:
            return Grid(_narrowed(rows, room))
        case Row(items=items) if width(box) > room:
            fixed = sum(width(b) for b in items if not isinstance(b, Grid))
            grids = [b for b in items if isinstance(b, Grid)]
            if not grids:
                return _folded(items, room)
            share = room - fixed
            total = sum(map(width, grids))
            return Row(
                tuple(
                    fitted(b, share * width(b) / total) if isinstance(b, Grid) else b
                    for b in items
                )
            )
        case BigSum(body=body):
            return replace(box, body=fitted(body, room - 1.7))
        case Fence(body=body) if width(box) > room:
            inner = fitted(body, room - 0.85)
            return Fence(inner, big=True) if isinstance(inner, Lines) else box
    return box


def _folded(items: tuple[Box, ...], room: float) -> Row:
    """Give the widest item of a row what room the others leave."""
    widest = max(range(len(items)), key=lambda n: width(items[n]))
    rest = room - sum(width(b) for n, b in enumerate(items) if n != widest)
    return Row(tuple(fitted(b, rest) if n == widest else b for n, b in enumerate(items)))


def _narrowed(rows: tuple[tuple[Box, ...], ...], room: float) -> tuple[tuple[Box, ...], ...]:
    """Cells broken until the columns fit: the widest columns give way first."""
    columns = [max(map(width, column)) for column in zip(*rows, strict=True)]
    free = room - 1.0 * len(columns) - 0.6
    limit = free / len(columns)
    while True:
        narrow = [w for w in columns if w <= limit]
        wide = len(columns) - len(narrow)
        if not wide:
            break
        better = (free - sum(narrow)) / wide
        if better <= limit + 0.01:
            break
        limit = better
    return tuple(tuple(fitted(cell, limit) for cell in row) for row in rows)


def _broken(terms: Terms, room: float) -> Lines | Terms:
    """As few lines as the room allows, and those as even as they can be."""
    items = [(sign, fitted(box, room - 1.65)) for sign, box in terms.items]
    needs = [width(box) + 1.25 for _, box in items]
    ends = _line_ends(needs, room)
    while room > 1.0 and len(tighter := _line_ends(needs, room - 0.25)) == len(ends):
        ends, room = tighter, room - 0.25
    if len(ends) == 1:
        return Terms(tuple(items))
    return Lines(
        tuple(Terms(tuple(items[a:b])) for a, b in itertools.pairwise((0, *ends)))
    )


def _line_ends(needs: list[float], room: float) -> list[int]:
    """Where lines end when each is filled as far as it goes."""
    ends: list[int] = []
    used = 0.0
    for number, need in enumerate(needs):
        if number and used + need > room:
            ends.append(number)
            used = 0.4
        used += need
    return [*ends, len(needs)]
