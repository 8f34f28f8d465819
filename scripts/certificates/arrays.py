"""Arrays of numbers; inverses and determinants come from elimination."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from certificates.frame import Work, refuse
from certificates.numbers import Field, Number, UndefinedError

Shape = tuple[int, ...]

MOST_ENTRIES = 20_000  # of an array
MOST_ROWS = 40  # of a matrix that is inverted


@dataclass(frozen=True, slots=True)
class Array:
    """Numbers row by row."""

    shape: Shape
    items: list[Number]

    def at(self, place: Sequence[int]) -> Number:
        """The entry at a place, counted from 1."""
        if len(place) != len(self.shape):
            refuse("an entry has another number of indices than its array")
        number = 0
        for index, size in zip(place, self.shape, strict=True):
            if not 1 <= index <= size:
                refuse(f"an index {index} is outside of 1 … {size}")
            number = number * size + index - 1
        return self.items[number]


def places(shape: Shape) -> Iterator[tuple[int, ...]]:
    """All places of an array, row by row."""
    if math.prod(shape) > MOST_ENTRIES:
        refuse(f"an array of more than {MOST_ENTRIES:,} entries")
    return itertools.product(*(range(1, size + 1) for size in shape))


def made(shape: Shape, entry: Callable[[tuple[int, ...]], Number]) -> Array:
    """An array by its entries."""
    return Array(shape, [entry(place) for place in places(shape)])


def eliminated(field: Field, array: Array, work: Work) -> tuple[Array, Number]:
    """A⁻¹ and det A of a square A.

    Raises:
        UndefinedError: A has no inverse.
    """
    n = array.shape[0]
    if array.shape != (n, n) or n > MOST_ROWS:
        refuse(f"an inverse or a determinant of what is not square, or over {MOST_ROWS} rows")
    work.spend(n**3 * field.cost)
    zero, one = field.number(0), field.number(1)
    rows = [
        [*array.items[n * i : n * (i + 1)], *(one if i == k else zero for k in range(n))]
        for i in range(n)
    ]
    determinant = one
    for k in range(n):
        best = max(range(k, n), key=lambda i: field.magnitude(rows[i][k]))
        if not field.magnitude(rows[best][k]):
            raise UndefinedError
        if best != k:
            rows[k], rows[best] = rows[best], rows[k]
            determinant = -determinant
        pivot = rows[k][k]
        determinant = determinant * pivot
        rows[k] = [u / pivot for u in rows[k]]
        for i in range(n):
            if i != k:
                factor = rows[i][k]
                rows[i] = [u - factor * v for u, v in zip(rows[i], rows[k], strict=True)]
    return Array(array.shape, [u for row in rows for u in row[n:]]), determinant
