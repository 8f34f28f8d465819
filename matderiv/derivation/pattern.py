"""Where a Jacobian is zero, read off the proved derivative of one entry by another."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

import sympy as sp

from matderiv.calculus.scalars import Index
from matderiv.calculus.series import Series
from matderiv.derivation.build import placed
from matderiv.derivation.links import Derivation
from matderiv.derivation.sides import Value
from matderiv.expression.shapes import Shape

__all__ = ["Pattern", "Place", "pattern", "product_pattern"]

V = TypeVar("V")
W = TypeVar("W")
Indices = tuple[int, ...]

_FEW = 3


@dataclass(frozen=True, slots=True)
class Place:
    """Row (i, j) or column (p, q); what is left out has no inner index, and between groups none.

    A vector is one group; it has `rank` 1.
    """

    outer: int | None
    inner: int | None
    rank: int = 2

    @property
    def left_out(self) -> bool:
        """Whether it stands for rows or columns that are left out."""
        return self.inner is None

    @property
    def indices(self) -> Indices:
        """The indices of one that is not left out."""
        assert self.outer is not None
        assert self.inner is not None
        return (self.outer, self.inner)[2 - self.rank :]


@dataclass(frozen=True, slots=True)
class Pattern(Generic[V]):
    """Rows and columns of ∂Y/∂X read row by row, and what can be other than zero in them."""

    rows: tuple[Place, ...]
    cols: tuple[Place, ...]
    entries: Mapping[tuple[Place, Place], V]

    @property
    def whole(self) -> bool:
        """Whether no row and no column is left out."""
        return not any(place.left_out for place in (*self.rows, *self.cols))

    def mapped(self, to: Callable[[V], W]) -> Pattern[W]:
        """The same with something else in the place of each entry."""
        return Pattern(self.rows, self.cols, {at: to(v) for at, v in self.entries.items()})


def pattern(
    of: Shape, wrt: Shape, most: int, at: Callable[[Indices, Indices], V | None]
) -> Pattern[V]:
    """The pattern of a Jacobian by its entries, None for zero.

    It is whole if there are at most `most` rows, or columns.
    """
    rows, cols = _places(of, most), _places(wrt, most)
    entries: dict[tuple[Place, Place], V] = {}
    for row, col in itertools.product(rows, cols):
        if row.left_out or col.left_out:
            continue
        value = at(row.indices, col.indices)
        if value is not None:
            entries[row, col] = value
    return Pattern(rows, cols, entries)


def product_pattern(derivation: Derivation, wrt: str, most: int) -> Pattern[sp.Expr]:
    """The pattern of ∂Y/∂X of a product.

    Source:
        The last side of the proved chain ∂y_ij/∂x_pq = … = δ_ip w_qj of the derivation, at
        numbers in place of its letters.
    """
    problem = derivation.problem
    letters = problem.letters
    factors = _local(derivation, wrt)
    names = (letters.i, letters.j, letters.p, letters.q)

    def at(row: Indices, col: Indices) -> sp.Expr | None:
        places: dict[sp.Basic, Index] = dict(zip(names, row + col, strict=True))
        value = sp.Mul(*(placed(factor, places) for factor in factors))
        return value if value != 0 else None

    return pattern(problem.shapes[problem.name], problem.shapes[wrt], most, at)


def _local(derivation: Derivation, wrt: str) -> tuple[sp.Expr, ...]:
    """The factors of ∂y_ij/∂x_pq, as proved for all sizes."""
    step = next(s for s in derivation.steps if s.kind == "index" and s.wrt == wrt)
    chain = next(c for c in step.chains if c.kind == "index local")
    side = chain.sides[-1]
    assert isinstance(side, Value)
    assert isinstance(side.scalar, Series)
    factors = side.scalar.term()
    return tuple(factor for factor in factors if isinstance(factor, sp.Expr))


def _places(shape: Shape, most: int) -> tuple[Place, ...]:
    """All (i, j) if there is room for them, else the first few and the last of each."""
    sizes = [dim.size for dim in shape]
    outer, inner = ([1] * (2 - len(sizes)) + sizes)[-2:]
    count = max(sizes) if math.prod(sizes) <= most else _FEW
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
