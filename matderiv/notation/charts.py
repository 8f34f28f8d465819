"""Data laid out as drawings: the pattern of a Jacobian, and quantities that grow."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from matderiv.derivation.pattern import Pattern, Place
from matderiv.notation.boxes import Box, Dots
from matderiv.notation.drawing import LABEL, Drawing, Label, Polyline, Rectangle, Shape, Tone
from matderiv.notation.names import has_fraction

__all__ = ["Curve", "Writer", "growth_drawing", "pattern_drawing"]

#: The entry at some indices.
Writer = Callable[[tuple[int, ...]], Box]

# Lengths of a pattern, in em.
_ROOM = 30.0  # beside the labels
_SQUARE = 1.05  # a cell that only says whether there is something
_HIGH = 1.5  # a cell with its entry
_GAP = 1.2  # what is left out
_PAD = 0.7
_INSET = 0.09


def pattern_drawing(pattern: Pattern[Box], writers: tuple[Writer, Writer]) -> Drawing:
    """A cell for each ∂y_ij/∂x_pq, those that can be other than zero filled, and their blocks.

    Each holds its entry where there is room for all of them; `writers` write y_ij and x_pq.
    """
    entries = pattern.entries
    of, wrt = writers
    heads = [_label(place, wrt, Dots("across")) for place in pattern.cols]
    sides = [_label(place, of, Dots("down")) for place in pattern.rows]
    wide = _PAD + LABEL * max(box.width for box in (*entries.values(), *heads))
    spelled = wide * len(heads) <= _ROOM and not any(map(has_fraction, entries.values()))
    xs = _ends(pattern.cols, wide if spelled else _SQUARE)
    ys = _ends(pattern.rows, _HIGH if spelled else _SQUARE)
    left = _PAD + LABEL * max(box.width for box in sides)
    top = _HIGH
    shapes: list[Shape] = []
    for (row, col), box in entries.items():
        n, m = pattern.rows.index(row), pattern.cols.index(col)
        x, y = left + xs[m], top + ys[n]
        width, height = xs[m + 1] - xs[m], ys[n + 1] - ys[n]
        shapes.append(
            Rectangle(
                x + _INSET,
                y + _INSET,
                width - 2 * _INSET,
                height - 2 * _INSET,
                tone="faint" if spelled else "first",
            )
        )
        if spelled:
            shapes.append(Label(x + width / 2, y + height / 2, box))
    width, height = xs[-1], ys[-1]
    shapes += (
        Polyline(((left + x, top), (left + x, top + height))) for x in _borders(pattern.cols, xs)
    )
    shapes += (
        Polyline(((left, top + y), (left + width, top + y))) for y in _borders(pattern.rows, ys)
    )
    shapes.append(Rectangle(left, top, width, height, filled=False))
    for n, box in enumerate(heads):
        if spelled or pattern.cols[n].left_out:
            shapes.append(Label(left + (xs[n] + xs[n + 1]) / 2, top / 2, box))
    if not spelled:
        shapes.append(Label(left, top / 2, heads[0], "start"))
        shapes.append(Label(left + width, top / 2, heads[-1], "end"))
    shapes += (
        Label(left - _PAD / 2, top + (ys[n] + ys[n + 1]) / 2, box, "end")
        for n, box in enumerate(sides)
    )
    gaps = itertools.product(_gaps(pattern.cols, xs), _gaps(pattern.rows, ys))
    shapes += (Label(left + x, top + y, Dots("diagonal")) for x, y in gaps)
    return Drawing(left + width + _PAD, top + height + _PAD, tuple(shapes))


def _label(place: Place, write: Writer, dots: Dots) -> Box:
    return dots if place.left_out else write(place.indices)


def _ends(places: Sequence[Place], size: float) -> list[float]:
    """Where cells begin, and where the last one ends."""
    sizes = (_GAP if place.left_out else size for place in places)
    return list(itertools.accumulate(sizes, initial=0.0))


def _gaps(places: Sequence[Place], ends: list[float]) -> list[float]:
    """The middles of what is left out."""
    return [(ends[n] + ends[n + 1]) / 2 for n, place in enumerate(places) if place.left_out]


def _borders(places: Sequence[Place], ends: list[float]) -> Iterator[float]:
    """Where one block ends and the next begins."""
    for n, (before, after) in enumerate(itertools.pairwise(places), 1):
        if before.outer != after.outer:
            yield ends[n]


@dataclass(frozen=True, slots=True)
class Curve:
    """What grows: a value for each place on the axis, and what stands at its end."""

    values: tuple[float, ...]
    label: str
    tone: Tone
    dashed: bool = False


_PLOT = 19.0, 12.0  # width and height of the plot itself
_MARGIN = 4.2, 2.2  # left of it and above it
_BELOW, _RIGHT = 3.4, 9.2
_TICK = 0.35
_DOT = 0.34
_NEAR = 0.3  # closer to the axis a line would touch it
_CLOSE = 1.1  # labels may not come closer to each other


def growth_drawing(
    places: tuple[float, ...],
    curves: tuple[Curve, ...],
    ticks: tuple[tuple[tuple[float, Box | str], ...], tuple[tuple[float, Box | str], ...]],
    marks: tuple[tuple[float, Box], ...],
    axis: str,
) -> Drawing:
    """Curves over places, both axes logarithmic, with ticks, marked places and labelled ends."""
    values = [v for curve in curves for v in curve.values]
    (left, top), (width, height) = _MARGIN, _PLOT
    low, high = math.log(min(values)), math.log(max(values))
    first, last = math.log(places[0]), math.log(places[-1])

    def x(place: float) -> float:
        return left + width * (math.log(place) - first) / (last - first)

    def y(value: float) -> float:
        return top + height * (1 - (math.log(value) - low) / (high - low))

    bottom = top + height
    shapes: list[Shape] = []
    horizontal, vertical = ticks
    for value, content in vertical:
        line = ((left, y(value)), (left + width, y(value)))
        near = bottom - y(value) < _NEAR  # there the axis stands
        shapes += [] if near else [Polyline(line, tone="faint")]
        shapes.append(Label(left - _TICK, y(value), content, "end"))
    for place, content in horizontal:
        shapes.append(Polyline(((x(place), bottom), (x(place), bottom + _TICK))))
        shapes.append(Label(x(place), bottom + 1.0, content))
    for place, box in marks:
        line = ((x(place), top), (x(place), bottom))
        shapes += [Polyline(line, dashed=True)] * (place > places[0])  # there the axis stands
        shapes.append(Label(x(place), top / 3, box, "end" if place == places[-1] else "middle"))
    shapes.append(Polyline(((left, top), (left, bottom), (left + width, bottom))))
    shapes.append(Label(left + width / 2, bottom + 2.5, axis))
    for curve in curves:
        points = tuple((x(p), y(v)) for p, v in zip(places, curve.values, strict=True))
        shapes.append(Polyline(points, tone=curve.tone, dashed=curve.dashed))
        shapes += (
            Rectangle(a - _DOT / 2, b - _DOT / 2, _DOT, _DOT, tone=curve.tone) for a, b in points
        )
    heights = [y(curve.values[-1]) for curve in curves]
    for curve, at in zip(curves, _apart(heights), strict=True):
        shapes.append(Label(left + width + 2 * _TICK, at, curve.label, "start"))
    return Drawing(left + width + _RIGHT, bottom + _BELOW, tuple(shapes))


def _apart(heights: list[float]) -> list[float]:
    """Heights moved down so far that no two labels meet."""
    order = sorted(range(len(heights)), key=lambda n: heights[n])
    moved = list(heights)
    for before, after in itertools.pairwise(order):
        moved[after] = max(moved[after], moved[before] + _CLOSE)
    return moved
