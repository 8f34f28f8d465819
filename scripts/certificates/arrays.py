"""Arrays of numbers, by place; inverses and determinants come from elimination."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

from certificates.frame import Work, refuse
from certificates.numbers import Real, Reals, UndefinedError

Shape = tuple[int, ...]
Array = dict[Shape, Real]  # by places, which are counted from 1, row by row

MOST_ENTRIES = 20_000  # of an array
MOST_ROWS = 40  # of a matrix that is inverted


def places(shape: Shape) -> list[Shape]:
    """All places of an array, row by row."""
    if math.prod(shape) > MOST_ENTRIES:
        refuse(f"an array of more than {MOST_ENTRIES:,} entries")
    return list(itertools.product(*(range(1, size + 1) for size in shape)))


def made(shape: Shape, entry: Callable[[Shape], Real]) -> Array:
    """An array by its entries."""
    return {place: entry(place) for place in places(shape)}


def rows_of(array: Array) -> list[list[Real]]:
    """The entries row by row, along the last axis."""
    grouped = itertools.groupby(array.items(), lambda item: item[0][:-1])
    return [[u for _, u in row] for _, row in grouped]


def eliminated(field: Reals, array: Array, work: Work) -> tuple[Array, Real]:
    """A⁻¹ and det A of a square A.

    Raises:
        UndefinedError: A has no inverse.
    """
    n = math.isqrt(len(array))
    if (n, n) not in array or n > MOST_ROWS:
        refuse(f"an inverse or a determinant of what is not square, or over {MOST_ROWS} rows")
    work.spend(n**3 * field.cost)
    determinant = one = field.number(1)
    rows = [
        row + [one if i == k else field.number(0) for k in range(n)]
        for i, row in enumerate(rows_of(array))
    ]
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
    inverse = itertools.chain.from_iterable(row[n:] for row in rows)
    return dict(zip(array, inverse, strict=True)), determinant
