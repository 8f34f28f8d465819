"""A layered drawing of a graph: boxes in columns from left to right, lines at right angles.

Columns by longest paths, the order within each by barycentres (Sugiyama, Tagawa and Toda 1981).
Rows are lines of text, so that one drawing serves pages and terminals. A graph that is wider than
its room goes on below, where what it needs from above stands once more.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import TypeAlias

__all__ = [
    "IN_TERMINALS",
    "LINE",
    "ON_PAGES",
    "Drawing",
    "Placed",
    "Spacing",
    "Wire",
    "column_widths",
    "drawings",
    "middle",
]

_SWEEPS = 4
_LINES = 2  # of a box
_APART = 1  # lines between boxes

#: The height of a line on pages, in em.
LINE = 1.3

Edge: TypeAlias = tuple[str, str]
Corner: TypeAlias = tuple[float, int]


@dataclass(frozen=True, slots=True)
class Spacing:
    """How far lines stand apart.

    `gap`: between a box and the next line up or down; `track`: between two of those; `free`: lines
    of a box below those on which others arrive.
    """

    gap: float
    track: float
    free: int = 0


#: On pages, in em, and in terminals, in letters.
ON_PAGES = Spacing(0.9, 0.6)
IN_TERMINALS = Spacing(2, 2, 1)


@dataclass(frozen=True, slots=True)
class Placed:
    """A box: its left side, its first line, its width, its lines; `again` if it stood above."""

    key: str
    x: float
    row: int
    width: float
    rows: int
    again: bool


@dataclass(frozen=True, slots=True)
class Wire:
    """Corners of a line that goes right, then up or down, then right; `ends` at a box."""

    start: str
    points: tuple[Corner, ...]
    ends: str | None


@dataclass(frozen=True, slots=True)
class Drawing:
    """Boxes, the lines between them, and the points where a line parts."""

    boxes: tuple[Placed, ...]
    wires: tuple[Wire, ...]
    forks: tuple[Corner, ...]
    width: float
    rows: int


def middle(row: float) -> float:
    """Where on a page a line of a box stands, in em from above."""
    return (row + 0.5) * LINE


def column_widths(widths: Mapping[str, float], edges: Sequence[Edge]) -> list[float]:
    """The widths of the columns; of names in an order in which each comes after those it uses.

    >>> column_widths({"X": 1, "W": 2, "Y": 3, "L": 1}, [("X", "Y"), ("W", "Y"), ("Y", "L")])
    [2, 3, 1]
    """
    columns: defaultdict[int, float] = defaultdict(float)
    for name, column in _columns(widths, edges).items():
        columns[column] = max(columns[column], widths[name])
    return [columns[column] for column in sorted(columns)]


def drawings(
    widths: Mapping[str, float],
    edges: Sequence[Edge],
    room: float,
    space: Spacing,
) -> list[Drawing]:
    """The graph in as many drawings as the room asks for."""
    columns = _columns(widths, edges)
    uses = _uses(edges)
    values = [name for name in widths if uses[name]]
    at = column_widths(widths, edges)
    starts, taken = [0], 0.0
    for column in range(1, len(at)):
        wide = at[column] + 2 * (space.gap + space.track)
        taken += wide
        if taken + at[starts[-1]] > room and column > starts[-1] + 1:
            starts.append(column - 1)
            taken = wide
    made = []
    for start, end in itertools.pairwise((*starts, len(at))):
        end = end if end == len(at) else end + 1  # noqa: PLW2901 - the first column is seen twice
        own = [name for name in values if start < columns[name] < end]
        needed = [name for name in widths if any(name in uses[value] for value in own)]
        shown = [name for name in widths if name in own or name in needed]
        again = {name for name in needed if uses[name] and name not in own}
        part = [(one, other) for one, other in edges if other in own]
        own_widths = {name: widths[name] for name in shown}
        made.append(_Layout(own_widths, part, again, space).drawing())
    return made


def _uses(edges: Iterable[Edge]) -> defaultdict[str, list[str]]:
    found: defaultdict[str, list[str]] = defaultdict(list)
    for one, other in edges:
        found[other].append(one)
    return found


def _columns(names: Iterable[str], edges: Sequence[Edge]) -> dict[str, int]:
    """The column of each name: a value after all that it uses, an input right before its user."""
    uses = _uses(edges)
    found: dict[str, int] = {}
    for name in names:
        found[name] = 1 + max((found[used] for used in uses[name]), default=-1)
    for name in names:
        users = [found[other] for one, other in edges if one == name]
        if not uses[name] and users:
            found[name] = min(users) - 1
    return found


@dataclass(eq=False)
class _Spot:
    """A box, or where a longer line passes a column; `end` is the name of a box."""

    source: str
    column: int
    rows: int
    end: bool
    before: list[_Spot] = field(default_factory=list)
    after: list[_Spot] = field(default_factory=list)
    row: int = 0

    def entry(self, spot: _Spot) -> int:
        """The line on which another's line arrives."""
        return self.row + (self.before.index(spot) if self.end else 0)


@dataclass
class _Layout:
    widths: Mapping[str, float]
    edges: Sequence[Edge]
    again: set[str]
    space: Spacing

    def drawing(self) -> Drawing:
        """The boxes and lines."""
        layers = self.spots()
        _order(layers)
        _rows(layers)
        wide = [
            max((self.widths[s.source] for s in layer if s.end), default=0.0) for layer in layers
        ]
        wires, forks = list[Wire](), list[Corner]()
        lefts, x = list[float](), 0.0
        for n, layer in enumerate(layers):
            lefts.append(x)
            tracks = _tracks(layer)
            right = x + wide[n]
            x = (
                right
                + 2 * self.space.gap
                + max(0, len(set(tracks.values())) - 1) * self.space.track
            )
            for spot in layer:
                turn = right + self.space.gap + tracks.get(spot, 0) * self.space.track
                start = lefts[n] if not spot.end else right
                lines = [(other.entry(spot), other) for other in spot.after]
                for row, other in lines:
                    level = row == spot.row
                    corners = () if level else ((turn, spot.row), (turn, row))
                    ends = other.source if other.end else None
                    wires.append(Wire(spot.source, ((start, spot.row), *corners, (x, row)), ends))
                forks += [(turn, row) for row in _partings(spot.row, [row for row, _ in lines])]
        boxes = tuple(
            Placed(s.source, lefts[n], s.row, wide[n], s.rows, s.source in self.again)
            for n, layer in enumerate(layers)
            for s in layer
            if s.end
        )
        rows = max(s.row + s.rows for layer in layers for s in layer)
        return Drawing(boxes, tuple(wires), tuple(forks), lefts[-1] + wide[-1], rows)

    def spots(self) -> list[list[_Spot]]:
        """The boxes of each column, and the spots where longer lines pass it."""
        columns = _columns(self.widths, self.edges)
        uses = _uses(self.edges)
        layers: list[list[_Spot]] = [[] for _ in range(max(columns.values()) + 1)]
        last: dict[str, list[_Spot]] = {}
        for name in self.widths:
            rows = max(_LINES, len(uses[name]) + self.space.free)
            spot = _Spot(name, columns[name], rows, end=True)
            layers[spot.column].append(spot)
            last[name] = [spot]
            for used in dict.fromkeys(uses[name]):
                line = last[used]
                while line[-1].column < spot.column - 1:
                    passing = _Spot(used, line[-1].column + 1, 1, end=False)
                    layers[passing.column].append(passing)
                    _join(line[-1], passing)
                    line.append(passing)
                _join(line[spot.column - 1 - line[0].column], spot)
        return layers


def _join(one: _Spot, other: _Spot) -> None:
    one.after.append(other)
    other.before.append(one)


def _order(layers: list[list[_Spot]]) -> None:
    """Each column in the order of the means of what it is joined to, the best of some sweeps."""
    best, least = [list(layer) for layer in layers], _crossings(layers)
    for sweep in range(_SWEEPS):
        down = sweep % 2 == 0
        for layer in layers[1:] if down else layers[-2::-1]:
            places = {s: n for other in layers for n, s in enumerate(other)}

            def mean(spot: _Spot, places: dict[_Spot, int] = places, down: bool = down) -> float:  # noqa: FBT001 - of this sweep
                joined = spot.before if down else spot.after
                return fmean(places[other] for other in joined) if joined else places[spot]

            layer.sort(key=mean)
        found = _crossings(layers)
        if found < least:
            best, least = [list(layer) for layer in layers], found
    for layer, order in zip(layers, best, strict=True):
        layer[:] = order
        places = {s: n for other in best for n, s in enumerate(other)}
        for spot in layer:
            spot.before.sort(key=places.__getitem__)


def _crossings(layers: list[list[_Spot]]) -> int:
    """How often lines between neighbouring columns cross."""
    count = 0
    for layer, after in itertools.pairwise(layers):
        places = {s: n for n, s in enumerate(after)}
        ends = [(n, places[other]) for n, s in enumerate(layer) for other in s.after]
        count += sum(
            (a < c and b > d) or (a > c and b < d)
            for (a, b), (c, d) in itertools.combinations(ends, 2)
        )
    return count


def _rows(layers: list[list[_Spot]]) -> None:
    """The line of each spot: near what leads to it, and below what stands above it."""
    for layer in layers:
        free = 0
        for spot in layer:
            joined = [one.row - n * spot.end for n, one in enumerate(spot.before)]
            wish = round(fmean(joined)) if joined else free
            spot.row = max(free, wish)
            free = spot.row + spot.rows + (_APART if spot.end else 0)
    top = min(spot.row for layer in layers for spot in layer)
    for layer in layers:
        for spot in layer:
            spot.row -= top


def _tracks(layer: list[_Spot]) -> dict[_Spot, int]:
    """Where the line of each spot goes up or down, so that no two lines lie on each other.

    One turns before another that arrives on its line.
    """
    turning = [s for s in layer if any(other.entry(s) != s.row for other in s.after)]
    arrives = {s: {other.entry(s) for other in s.after} for s in turning}
    ahead = {s: [o for o in turning if o is not s and o.row in arrives[s]] for s in turning}
    placed: dict[_Spot, int] = {}

    def place(spot: _Spot, waiting: frozenset[_Spot]) -> None:
        for other in ahead[spot]:
            if other not in placed and other not in waiting:
                place(other, waiting | {spot})
        low, high = _span(spot, arrives)
        taken = {
            placed[o]
            for o in placed
            if _span(o, arrives)[0] <= high and low <= _span(o, arrives)[1]
        }
        first = max((placed[o] + 1 for o in ahead[spot] if o in placed), default=0)
        placed[spot] = next(n for n in itertools.count(first) if n not in taken)

    for spot in turning:
        if spot not in placed:
            place(spot, frozenset())
    return placed


def _span(spot: _Spot, arrives: Mapping[_Spot, set[int]]) -> tuple[int, int]:
    rows = {spot.row, *arrives[spot]}
    return min(rows), max(rows)


def _partings(row: int, ends: list[int]) -> Iterable[int]:
    """The lines on which a line parts: its own, and all but the last that it goes up or down to."""
    above, below = {e for e in ends if e < row}, {e for e in ends if e > row}
    if sum((bool(above), bool(below), row in ends)) > 1:
        yield row
    yield from sorted(above)[1:]
    yield from sorted(below)[:-1]
