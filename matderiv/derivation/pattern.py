"""Where a Jacobian is zero, read off the proved derivative of one entry by another."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from matderiv.calculus.index_forms.forms import Form
from matderiv.expression.shapes import Shape

__all__ = ["Pattern", "Place", "pattern"]

_Place = tuple[int, ...]

_FEW = 3


@dataclass(frozen=True, slots=True)
class Place:
    """Row (i, j) or column (p, q) of a Jacobian.

    Dots inside a group have no inner index, dots between groups none at all. A vector is one group;
    `rank` is 2 for matrices, 1 for vectors, 0 for numbers.
    """

    outer: int | None
    inner: int | None
    rank: int = 2

    @property
    def left_out(self) -> bool:
        """Whether this place is dots."""
        return self.inner is None

    @property
    def indices(self) -> _Place:
        """The indices of one that is not left out."""
        assert self.outer is not None
        assert self.inner is not None
        return (self.outer, self.inner)[2 - self.rank :]


@dataclass(frozen=True, slots=True)
class Pattern:
    """Rows and columns of ∂Y/∂X read row by row, and what can be other than zero in them."""

    rows: tuple[Place, ...]
    cols: tuple[Place, ...]
    entries: Mapping[tuple[Place, Place], Form]

    @property
    def whole(self) -> bool:
        """Whether no row and no column is left out."""
        return not any(place.left_out for place in (*self.rows, *self.cols))


def pattern(of: Shape, wrt: Shape, most: int, at: Callable[[_Place, _Place], Form]) -> Pattern:
    """The pattern of a Jacobian by its entries; a form without terms is zero.

    It is whole if there are at most `most` rows, or columns.
    """
    rows, cols = _places(of, most), _places(wrt, most)
    entries: dict[tuple[Place, Place], Form] = {}
    for row, col in itertools.product(rows, cols):
        if row.left_out or col.left_out:
            continue
        value = at(row.indices, col.indices)
        if value:
            entries[row, col] = value
    return Pattern(rows, cols, entries)


def _places(shape: Shape, most: int) -> tuple[Place, ...]:
    """All (i, j) if there is room for them, else the first few and the last of each."""
    sizes = [dim.size for dim in shape]
    outer, inner = ([1] * (2 - len(sizes)) + sizes)[-2:]
    count = max(sizes, default=1) if math.prod(sizes) <= most else _FEW
    found: list[Place] = []
    for i in _elided(outer, count):
        if i is None:
            found.append(Place(None, None, len(sizes)))
        else:
            found += [Place(i, j, len(sizes)) for j in _elided(inner, count)]
    return tuple(found)


def _elided(size: int, count: int) -> list[int | None]:
    """1 … size if that is no more than `count`, else the first ones, None, and the last."""
    if size <= count + 1:
        return list(range(1, size + 1))
    return [*range(1, count), None, size]
