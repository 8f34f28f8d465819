"""Layout boxes: what formulas look like, free of any mathematics and of any target language.

Every box knows its width in em, an estimate on the wide side.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import field
from typing import Literal

from matderiv._records import record

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


@record
class _Measured:
    """A box that knows its width."""

    width: float = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "width", self._measured())  # boxes are frozen

    def _measured(self) -> float:
        raise NotImplementedError


@record
class Symbol(_Measured):
    """A letter: Latin, or a Greek one by its name."""

    name: str
    greek: bool = False

    def _measured(self) -> float:
        return 0.76 if self.name.isupper() else 0.62


@record
class Word(_Measured):
    """A name of several letters, upright for a known function (`tanh`)."""

    text: str
    upright: bool = False

    def _measured(self) -> float:
        return 0.52 * len(self.text)


@record
class NumberBox(_Measured):
    """Digits."""

    text: str

    def _measured(self) -> float:
        return 0.52 * len(self.text)


@record
class Operator(_Measured):
    """A sign by its name.

    plus, minus, equals, cdot, times, comma, quad (a wide space), partial, prime, kronecker, odot
    and oslash (entry by entry), bars (of a norm), langle and rangle (of an inner product),
    differential (an upright d).
    """

    name: str

    def _measured(self) -> float:
        return _OPERATORS.get(self.name, 0.58)


@record
class Row(_Measured):
    """Boxes side by side."""

    items: tuple[Box, ...]

    def _measured(self) -> float:
        return sum([box.width for box in self.items])


@record
class Fraction(_Measured):
    """One box over another."""

    above: Box
    below: Box

    def _measured(self) -> float:
        return max(self.above.width, self.below.width) + 0.28


@record
class Scripts(_Measured):
    """A base with a subscript, a superscript or both."""

    base: Box
    sub: Box | None = None
    sup: Box | None = None

    def _measured(self) -> float:
        scripts = [box.width for box in (self.sub, self.sup) if box is not None]
        return self.base.width + _SCRIPT * max(scripts, default=0.0)


@record
class Root(_Measured):
    """A square root."""

    body: Box

    def _measured(self) -> float:
        return self.body.width + 0.9


@record
class Fence(_Measured):
    """A box in round brackets, or between bars; `big` when it is taller than a line."""

    body: Box
    big: bool = False
    bars: bool = False

    def _measured(self) -> float:
        return self.body.width + (1.6 if self.big else 0.85)


@record
class BigSum(_Measured):
    """Σ, or Π if its sign is "product", with what it runs over below, before its term."""

    under: Box
    over: Box | None
    body: Box
    sign: Literal["sum", "product"] = "sum"

    def _measured(self) -> float:
        return max(1.5, self.under.width * _SCRIPT) + 0.2 + self.body.width


@record
class Dots(_Measured):
    """Dots for entries left out: across (⋯), down (⋮) or diagonally (⋱)."""

    direction: str

    def _measured(self) -> float:
        return 1.2


@record
class Terms(_Measured):
    """A sum of (sign, box); it may be broken before a sign where it is too wide.

    A sign is + or -; in a product that is broken into lines, it is an operator's name.
    """

    items: tuple[tuple[str, Box], ...]

    def _measured(self) -> float:
        signs = len(self.items) - (self.items[0][0] == "+")
        return sum([box.width for _, box in self.items]) + signs * SIGN


@record
class Lines(_Measured):
    """A sum or product broken into lines; the lines after the first start with their sign."""

    rows: tuple[Terms, ...]

    def _measured(self) -> float:
        return max(row.width for row in self.rows) + LINES


@record
class Grid(_Measured):
    """A matrix; its cells in rows."""

    rows: tuple[tuple[Box, ...], ...]

    def _measured(self) -> float:
        columns: list[float] = [
            max(cell.width for cell in column) for column in zip(*self.rows, strict=True)
        ]
        return sum(columns) + len(self.rows[0]) + BRACKETS


@record
class Tagged(_Measured):
    """A cell of a matrix with a key, so that a page can point to it."""

    body: Box
    key: str

    def _measured(self) -> float:
        return self.body.width


@record
class Aligned(_Measured):
    """A chain of equalities, each right side below the one before it."""

    left: Box
    rights: tuple[Box, ...]

    def _measured(self) -> float:
        return self.left.width + 1.35 + max(right.width for right in self.rights)


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
