"""Fitting boxes into the room that a page has: sums broken into lines, columns left out."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace

from matderiv.notation import boxes
from matderiv.notation.boxes import BRACKETS, BREAKING, LINES, SIGN, Box

__all__ = ["fitted"]

_Cells = tuple[tuple[Box, ...], ...]

_BREAKABLE = frozenset(
    {boxes.Terms, boxes.Grid, boxes.Fence, boxes.BigSum, boxes.Scripts, boxes.Fraction}
)  # of the parts of a row
_BIG = 1.6  # a pair of brackets as high as what is in them
_BAR = 0.28  # how much longer the bar of a fraction is than what it divides
_SMALLER = 1.12  # what a smaller font gains is better than brackets broken in a matrix
_TRIES = 2  # numbers of items that give way, of those that may be enough
_FINE = 0.25  # how finely the room of broken lines is searched


def fitted(box: Box, room: float, *, elide: bool = True) -> Box:
    """The box with sums broken into lines so that it is no wider than `room`, if it can be.

    A sum inside a matrix gets its share of the room. What stands in brackets or in a fraction is
    broken inside them, and a long product before its operators. A matrix that is still too wide
    loses columns before its last, with dots in their place, if it may (`elide`); only then are
    brackets and fractions in it broken.
    """
    return _Fitter(elide).fitted(box, room)


@dataclass(frozen=True, slots=True)
class _Fitter:
    elide: bool
    #: Whether what stands in brackets and fractions may be broken.
    inside: bool = True

    def fitted(self, box: Box, room: float) -> Box:
        """See the function of that name."""
        if box.width <= room or box.rigid:
            return box
        match box:
            case boxes.Terms():
                return self._broken(box, room)
            case boxes.Aligned(left=left, rights=rights):
                rest = room - left.width - 1.35
                return boxes.Aligned(left, tuple(self.fitted(right, rest) for right in rights))
            case boxes.Grid(rows=rows):
                return self._grid(rows, room)
            case boxes.Row():
                return self._row(box, room)
            case boxes.Tagged(body=body):
                return replace(box, body=self.fitted(body, room))
            case boxes.BigSum(body=body):
                return replace(box, body=self.fitted(body, room - 1.7))
            case boxes.Fence(body=body) if self.inside:
                inner = self.fitted(body, room - _BIG)
                return replace(box, body=inner, big=True) if inner.width < body.width else box
            case boxes.Fraction(above=above, below=below) if self.inside:
                return boxes.Fraction(*(self.fitted(part, room - _BAR) for part in (above, below)))
            case boxes.Scripts(base=base):
                return replace(box, base=self.fitted(base, room - box.width + base.width))
        return box

    def _grid(self, rows: _Cells, room: float) -> boxes.Grid:
        """A matrix; brackets in it are broken last, if columns may be left out."""
        closed = replace(self, inside=self.inside and not self.elide)
        narrow = closed.narrowed(rows, room)
        while self.elide and narrow.width > room and _can_lose(rows):
            rows = _without_a_column(rows)
            narrow = closed.narrowed(rows, room)
        if self.elide and self.inside and narrow.width > room * _SMALLER:
            return self.narrowed(rows, room)
        return narrow

    def _row(self, row: boxes.Row, room: float) -> Box:
        """Matrices share what room the rest leaves; without any, the widest items get it.

        As few items give way as can be; if that is not enough, the product goes on in a new line.
        """
        items = _side_by_side(row)
        wide = [n for n, box in enumerate(items) if isinstance(box, boxes.Grid)]
        if wide:
            return self._shared(items, wide, room)
        gains = {
            n: box.width - self._least(box)
            for n, box in enumerate(items)
            if type(box) in _BREAKABLE
        }
        wide = sorted((n for n, gain in gains.items() if gain > 0), key=lambda n: -items[n].width)
        widths = [row.width - gain for gain in itertools.accumulate(gains[n] for n in wide)]
        enough = [count for count, width in enumerate(widths, 1) if width <= room]
        found: list[Box] = [row]
        for count in enough[:_TRIES]:
            found.append(self._shared(items, wide[:count], room))
            if found[-1].width <= room:
                return found[-1]
        if _in_parts(items) and (enough or self._least(row) < min(widths, default=row.width)):
            found.append(self._broken(_parts(items), room))
        elif wide and not enough:
            found.append(self._shared(items, wide, room))
        return min(found, key=lambda box: max(box.width, room))

    def _least(self, box: Box) -> float:
        """About the least width that a box can be brought to without leaving out columns."""
        match box:
            case boxes.Terms(items=terms):
                return max(self._least(item) for _, item in terms) + SIGN + LINES
            case boxes.Row():
                items = _side_by_side(box)
                widths = list(map(self._least, items))
                if not _in_parts(items):
                    return sum(widths)
                ends = [n for n, item in enumerate(items) if _starts_part(item)]
                lines = itertools.pairwise((0, *ends, len(items)))
                return max(sum(widths[start:end]) for start, end in lines) + SIGN
            case boxes.Fence(body=body) if self.inside:
                return min(box.width, self._least(body) + _BIG)
            case boxes.Fraction(above=above, below=below) if self.inside:
                return max(self._least(above), self._least(below)) + _BAR
            case boxes.BigSum(body=body) | boxes.Scripts(base=body):
                return box.width - body.width + self._least(body)
        return box.width

    def _shared(self, items: tuple[Box, ...], wide: list[int], room: float) -> boxes.Row:
        """A row of which some items share the room that the rest leaves."""
        total = sum(items[n].width for n in wide)
        rest = room - sum(box.width for box in items) + total
        shares = (rest * box.width / total if n in wide else None for n, box in enumerate(items))
        pairs = zip(items, shares, strict=True)
        return boxes.Row(
            tuple(box if share is None else self.fitted(box, share) for box, share in pairs)
        )

    def narrowed(self, rows: _Cells, room: float) -> boxes.Grid:
        """Cells broken until the columns fit: the widest columns give way first."""
        columns = [max(cell.width for cell in column) for column in zip(*rows, strict=True)]
        free = room - len(columns) - BRACKETS
        limit = free / len(columns)
        while True:
            narrow = [w for w in columns if w <= limit]
            wide = len(columns) - len(narrow)
            better = (free - sum(narrow)) / wide if wide else limit
            if better <= limit + 0.01:
                break
            limit = better
        return boxes.Grid(tuple(tuple(self.fitted(cell, limit) for cell in row) for row in rows))

    def _broken(self, terms: boxes.Terms, room: float) -> boxes.Lines | boxes.Terms:
        """As few lines as the room allows, and those as even as they can be."""
        items = [(sign, self.fitted(box, room - SIGN - 0.4)) for sign, box in terms.items]
        needs = [box.width + SIGN for _, box in items]
        if sum(needs) - SIGN > room:
            room -= LINES
        ends = _line_ends(needs, room)
        if len(ends) == 1:
            return boxes.Terms(tuple(items))
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
        return boxes.Lines(
            tuple(boxes.Terms(tuple(items[a:b])) for a, b in itertools.pairwise((0, *ends)))
        )


def _in_parts(items: tuple[Box, ...]) -> bool:
    """Whether a product can go on in a new line."""
    operators = {box.name for box in items if isinstance(box, boxes.Operator)}
    return bool(operators & BREAKING) and "langle" not in operators


def _side_by_side(row: boxes.Row) -> tuple[Box, ...]:
    """The items of a row and of the rows in it."""
    found: list[Box] = []
    for box in row.items:
        found += _side_by_side(box) if isinstance(box, boxes.Row) else (box,)
    return tuple(found)


def _starts_part(box: Box) -> bool:
    return isinstance(box, boxes.Operator) and box.name in BREAKING


def _parts(items: tuple[Box, ...]) -> boxes.Terms:
    """A product as its parts, each with the operator before it."""
    starts = [n for n, box in enumerate(items) if _starts_part(box)]
    made: list[tuple[str, Box]] = [("+", boxes.Row(items[: starts[0]]))]
    for start, end in itertools.pairwise((*starts, len(items))):
        operator = items[start]
        assert isinstance(operator, boxes.Operator)
        made.append((operator.name, boxes.Row(items[start + 1 : end])))
    return boxes.Terms(tuple(made))


def _dots_column(rows: _Cells) -> int | None:
    """The number of the column of dots, None if there is none."""
    marks = (boxes.Dots("across"), boxes.Dots("diagonal"))
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
        (*row[:-2], boxes.Dots("diagonal" if row[0] == boxes.Dots("down") else "across"), row[-1])
        for row in rows
    )


def _line_ends(needs: list[float], room: float) -> list[int]:
    """The ends of lines, each line as full as possible."""
    ends: list[int] = []
    used = 0.0
    for number, need in enumerate(needs):
        if number and used + need > room:
            ends.append(number)
            used = -0.25  # a sign at the start of a line has space on one side only
        used += need if number else need - SIGN
    return [*ends, len(needs)]
