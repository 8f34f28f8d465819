"""Layout boxes: what formulas look like, free of any mathematics and of any target language.

Every box knows how wide and how high it is, in em, both estimates on the large side.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from matderiv._hashed import Value, value

__all__ = [
    "BRACKETS",
    "BREAKING",
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
    "Styled",
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
#: The height of a line, the space between two that are high, and what alignments add.
_LINE, _GAP, _JOT = 1.2, 1.0, 0.3
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
#: The operators before which a product is broken.
BREAKING = frozenset({"odot", "oslash", "kronecker"})


class _Measured(Value):
    """The measures of a box, worked out from those of its parts."""

    __slots__ = ("height", "rigid", "tall", "width")
    width: float
    #: About how high it is where it is displayed.
    height: float
    #: Whether it stands higher than a line of text, so that rows around it have to be apart.
    tall: bool
    #: Whether it is a product of entries, say, which nothing can make narrower.
    rigid: bool

    def _measured(
        self, width: float, height: float = _LINE, *, tall: bool = False, rigid: bool = False
    ) -> None:
        self.width, self.height, self.tall, self.rigid = width, height, tall, rigid


@value
class Symbol(_Measured):
    """A letter: Latin, or a Greek one by its name."""

    name: str
    greek: bool = False

    def __post_init__(self) -> None:
        self._measured(0.76 if self.name.isupper() else 0.62, rigid=True)


@value
class Word(_Measured):
    """A name of several letters, upright for a known function (`tanh`)."""

    text: str
    upright: bool = False

    def __post_init__(self) -> None:
        self._measured(0.52 * len(self.text), rigid=True)


@value
class NumberBox(_Measured):
    """Digits."""

    text: str

    def __post_init__(self) -> None:
        self._measured(0.52 * len(self.text), rigid=True)


@value
class Operator(_Measured):
    """A sign by its name.

    plus, minus, equals, cdot, times, comma, colon, quad (a wide space), partial, prime, kronecker,
    odot and oslash (entry by entry), slash (of a fraction in one line), bars (of a norm), langle
    and rangle (of an inner product), differential (an upright d), star (of a level), nabla, and
    transpose or top, which stand above a matrix.
    """

    name: str

    def __post_init__(self) -> None:
        self._measured(_OPERATORS.get(self.name, 0.58), rigid=self.name not in BREAKING)


@value
class Row(_Measured):
    """Boxes side by side."""

    items: tuple[Box, ...]

    def __post_init__(self) -> None:
        width, height, tall, rigid = 0.0, _LINE, False, True
        for box in self.items:
            width += box.width
            height = max(height, box.height)
            tall = tall or box.tall
            rigid = rigid and box.rigid
        self._measured(width, height, tall=tall, rigid=rigid)


@value
class Fraction(_Measured):
    """One box over another."""

    above: Box
    below: Box

    def __post_init__(self) -> None:
        above, below = self.above, self.below
        self._measured(
            max(above.width, below.width) + 0.28,
            above.height + below.height + 0.2,
            tall=True,
            rigid=above.rigid and below.rigid,
        )


@value
class Scripts(_Measured):
    """A base with a subscript, a superscript or both."""

    base: Box
    sub: Box | None = None
    sup: Box | None = None

    def __post_init__(self) -> None:
        scripts = [box.width for box in (self.sub, self.sup) if box is not None]
        base = self.base
        width = base.width + _SCRIPT * max(scripts, default=0.0)
        self._measured(width, base.height, rigid=base.rigid)


@value
class Root(_Measured):
    """A square root."""

    body: Box

    def __post_init__(self) -> None:
        self._measured(self.body.width + 0.9, self.body.height, tall=self.body.tall, rigid=True)


@value
class Fence(_Measured):
    """A box in round brackets, or between bars; `big` when it is taller than a line."""

    body: Box
    big: bool = False
    bars: bool = False

    def __post_init__(self) -> None:
        body = self.body
        self._measured(body.width + (1.6 if self.big else 0.85), body.height, tall=body.tall)


@value
class BigSum(_Measured):
    """Σ, or Π if its sign is "product", with what it runs over below, before its term."""

    under: Box
    over: Box | None
    body: Box
    sign: Literal["sum", "product"] = "sum"

    def __post_init__(self) -> None:
        width = max(1.5, self.under.width * _SCRIPT) + 0.2 + self.body.width
        self._measured(width, max(2.8, self.body.height))


@value
class Dots(_Measured):
    """Dots for entries left out: across (⋯), down (⋮) or diagonally (⋱)."""

    direction: str

    def __post_init__(self) -> None:
        self._measured(1.2, rigid=True)


@value
class Terms(_Measured):
    """A sum of (sign, box); it may be broken before a sign where it is too wide.

    A sign is + or -; in a product that is broken into lines, it is an operator's name.
    """

    items: tuple[tuple[str, Box], ...]

    def __post_init__(self) -> None:
        signs = len(self.items) - (self.items[0][0] == "+")
        width, height, tall = 0.0, _LINE, False
        for _, box in self.items:
            width += box.width
            height = max(height, box.height)
            tall = tall or box.tall
        self._measured(width + signs * SIGN, height, tall=tall)


@value
class Lines(_Measured):
    """A sum or product broken into lines; the lines after the first start with their sign."""

    rows: tuple[Terms, ...]

    def __post_init__(self) -> None:
        rows = self.rows
        height = _stacked([(row.height, row.tall) for row in rows]) + len(rows) * _JOT
        self._measured(max(row.width for row in rows) + LINES, height, tall=True)


@value
class Grid(_Measured):
    """A matrix; its cells in rows."""

    rows: tuple[tuple[Box, ...], ...]

    def __post_init__(self) -> None:
        columns = (max(cell.width for cell in column) for column in zip(*self.rows, strict=True))
        width = sum(columns) + len(self.rows[0]) + BRACKETS
        rows = [
            (max([cell.height for cell in row], default=_LINE), any(cell.tall for cell in row))
            for row in self.rows
        ]
        self._measured(width, _stacked(rows), tall=True)


@value
class Tagged(_Measured):
    """A cell of a matrix with a key, so that a page can point to it."""

    body: Box
    key: str

    def __post_init__(self) -> None:
        self._measured(self.body.width, self.body.height, tall=self.body.tall)


@value
class Styled(_Measured):
    """A name in bold letters, or below a bar."""

    body: Box
    style: Literal["bold", "bar"]

    def __post_init__(self) -> None:
        self._measured(self.body.width, self.body.height, rigid=True)


@value
class Aligned(_Measured):
    """A chain of equalities, each right side below the one before it."""

    left: Box
    rights: tuple[Box, ...]

    def __post_init__(self) -> None:
        rights = self.rights
        self._measured(
            self.left.width + 1.35 + max(right.width for right in rights),
            sum([right.height for right in rights]) + (len(rights) - 1) * (_GAP + _JOT),
        )


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
    | Styled
    | Aligned
)


def _stacked(rows: list[tuple[float, bool]]) -> float:
    """The height of rows one below another, each by its height and whether it is tall."""
    gap = _GAP if any(tall for _, tall in rows) else 0.0
    return sum(each for each, _ in rows) + (len(rows) - 1) * gap


def joined(boxes: Iterable[Box], operator: str = "comma") -> Row:
    """Boxes side by side with an operator between them: i, j."""
    return Row(tuple(box for each in boxes for box in (Operator(operator), each))[1:])


def times(*numbers: int) -> Row:
    """2×4, or 2×3×2×4.

    >>> [type(box).__name__ for box in times(2, 4).items]
    ['NumberBox', 'Operator', 'NumberBox']
    """
    return joined((NumberBox(str(number)) for number in numbers), "times")
