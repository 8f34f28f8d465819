"""Layout boxes: what formulas look like, free of any mathematics and of any target language.

Every box knows its width in em, an estimate on the wide side.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

__all__ = [
    "BRACKETS",
    "LINES",
    "SIGN",
    "Aligned",
    "BigSum",
    "Box",
    "Dots",
    "Fence",
    "Fraction",
    "Grid",
    "Lines",
    "NumberBox",
    "Operator",
    "Root",
    "Row",
    "Scripts",
    "Symbol",
    "Tagged",
    "Terms",
    "Word",
    "joined",
    "times",
]

BRACKETS = 1.0  # a matrix's round brackets
LINES = 1.13  # what broken lines take beside their terms
SIGN = 1.25  # a + or - between two terms, with the space around it
_SCRIPT = 0.74  # the size of an index beside its letter
_OPERATORS = {
    "plus": SIGN,
    "minus": SIGN,
    "equals": 1.35,
    "cdot": 0.72,
    "comma": 0.45,
    "quad": 1.0,
    "odot": SIGN,
    "oslash": SIGN,
}


def _set_width(box: object, width: float) -> None:
    object.__setattr__(box, "width", width)  # boxes are frozen


@dataclass(frozen=True, slots=True)
class Symbol:
    """A letter: Latin, or a Greek one by its name."""

    name: str
    greek: bool = False
    width: float = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _set_width(self, 0.76 if self.name.isupper() else 0.62)


@dataclass(frozen=True, slots=True)
class Word:
    """A name of several letters, upright for a known function (`tanh`)."""

    text: str
    upright: bool = False
    width: float = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _set_width(self, 0.52 * len(self.text))


@dataclass(frozen=True, slots=True)
class NumberBox:
    """Digits."""

    text: str
    width: float = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _set_width(self, 0.52 * len(self.text))


@dataclass(frozen=True, slots=True)
class Operator:
    """A sign by its name.

    plus, minus, equals, cdot, times, comma, quad (a wide space), partial, prime, kronecker, odot
    and oslash (entry by entry), bars (of a norm), langle and rangle (of an inner product),
    differential (an upright d).
    """

    name: str
    width: float = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _set_width(self, _OPERATORS.get(self.name, 0.58))


@dataclass(frozen=True, slots=True)
class Row:
    """Boxes side by side."""

    items: tuple[Box, ...]
    width: float = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _set_width(self, sum([box.width for box in self.items]))


@dataclass(frozen=True, slots=True)
class Fraction:
    """One box over another."""

    above: Box
    below: Box
    width: float = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _set_width(self, max(self.above.width, self.below.width) + 0.28)


@dataclass(frozen=True, slots=True)
class Scripts:
    """A base with a subscript, a superscript or both."""

    base: Box
    sub: Box | None = None
    sup: Box | None = None
    width: float = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        scripts = [box.width for box in (self.sub, self.sup) if box is not None]
        _set_width(self, self.base.width + _SCRIPT * max(scripts, default=0.0))


@dataclass(frozen=True, slots=True)
class Root:
    """A square root."""

    body: Box
    width: float = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _set_width(self, self.body.width + 0.9)


@dataclass(frozen=True, slots=True)
class Fence:
    """A box in round brackets, or between bars; `big` when it is taller than a line."""

    body: Box
    big: bool = False
    bars: bool = False
    width: float = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _set_width(self, self.body.width + (1.6 if self.big else 0.85))


@dataclass(frozen=True, slots=True)
class BigSum:
    """Σ, or Π if its sign is "product", with what it runs over below, before its term."""

    under: Box
    over: Box | None
    body: Box
    sign: Literal["sum", "product"] = "sum"
    width: float = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _set_width(self, max(1.5, self.under.width * _SCRIPT) + 0.2 + self.body.width)


@dataclass(frozen=True, slots=True)
class Dots:
    """Dots for entries left out: across (⋯), down (⋮) or diagonally (⋱)."""

    direction: str
    width: float = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _set_width(self, 1.2)


@dataclass(frozen=True, slots=True)
class Terms:
    """A sum of (sign, box); it may be broken before a sign where it is too wide.

    A sign is + or -; in a product that is broken into lines, it is an operator's name.
    """

    items: tuple[tuple[str, Box], ...]
    width: float = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        signs = len(self.items) - (self.items[0][0] == "+")
        _set_width(self, sum([box.width for _, box in self.items]) + signs * SIGN)


@dataclass(frozen=True, slots=True)
class Lines:
    """A sum or product broken into lines; the lines after the first start with their sign."""

    rows: tuple[Terms, ...]
    width: float = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _set_width(self, max(row.width for row in self.rows) + LINES)


@dataclass(frozen=True, slots=True)
class Grid:
    """A matrix; its cells in rows."""

    rows: tuple[tuple[Box, ...], ...]
    width: float = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        columns = (max(cell.width for cell in column) for column in zip(*self.rows, strict=True))
        _set_width(self, sum(columns) + len(self.rows[0]) + BRACKETS)


@dataclass(frozen=True, slots=True)
class Tagged:
    """A cell of a matrix with a key, so that a page can point to it."""

    body: Box
    key: str
    width: float = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _set_width(self, self.body.width)


@dataclass(frozen=True, slots=True)
class Aligned:
    """A chain of equalities, each right side below the one before it."""

    left: Box
    rights: tuple[Box, ...]
    width: float = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _set_width(self, self.left.width + 1.35 + max(right.width for right in self.rights))


Box = (
    Symbol
    | Word
    | NumberBox
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
    | Tagged
    | Aligned
)


def joined(boxes: Iterable[Box], operator: str = "comma") -> Row:
    """Boxes side by side with an operator between them: i, j."""
    return Row(tuple(box for each in boxes for box in (Operator(operator), each))[1:])


def times(*numbers: int) -> Row:
    """2×4, or 2×3×2×4.

    >>> [type(box).__name__ for box in times(2, 4).items]
    ['NumberBox', 'Operator', 'NumberBox']
    """
    return joined((NumberBox(str(number)) for number in numbers), "times")
