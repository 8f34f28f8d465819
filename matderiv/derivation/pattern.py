"""Where a Jacobian is zero, read off the proved derivative of one entry by another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import sympy as sp

from matderiv.calculus.scalars import Index
from matderiv.calculus.series import Series
from matderiv.derivation.build import placed
from matderiv.derivation.links import Derivation
from matderiv.derivation.sides import Value

__all__ = ["Pattern", "pattern"]

Place = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Pattern:
    """Rows (i, j) and columns (p, q) of ∂Y/∂X read row by row, None where some are left out.

    `entries` holds what can be other than zero, by its row and column.
    """

    rows: tuple[Place | None, ...]
    cols: tuple[Place | None, ...]
    entries: Mapping[tuple[Place, Place], sp.Expr]

    @property
    def whole(self) -> bool:
        """Whether no row and no column is left out."""
        return None not in self.rows and None not in self.cols


def pattern(derivation: Derivation, wrt: str, most: int) -> Pattern:
    """The pattern of ∂Y/∂X, with at most about `most` rows and columns.

    Source:
        The last side of the proved chain ∂y_ij/∂x_pq = … = δ_ip w_qj of the derivation, at
        numbers in place of its letters.
    """
    problem = derivation.problem
    letters = problem.letters
    factors = _local(derivation, wrt)

    def at(row: Place, col: Place) -> sp.Expr:
        places: dict[sp.Basic, Index] = dict(
            zip((letters.i, letters.j, letters.p, letters.q), (*row, *col), strict=True)
        )
        return sp.Mul(*(placed(factor, places) for factor in factors))

    rows = _places(*(dim.size for dim in problem.shapes[problem.name]), most)
    cols = _places(*(dim.size for dim in problem.shapes[wrt]), most)
    values = {
        (row, col): at(row, col)
        for row in rows
        for col in cols
        if row is not None and col is not None
    }
    return Pattern(rows, cols, {place: value for place, value in values.items() if value != 0})


def _local(derivation: Derivation, wrt: str) -> tuple[sp.Expr, ...]:
    """The factors of ∂y_ij/∂x_pq, as proved for all sizes."""
    step = next(s for s in derivation.steps if s.kind == "index" and s.wrt == wrt)
    chain = next(c for c in step.chains if c.kind == "index local")
    side = chain.sides[-1]
    assert isinstance(side, Value)
    assert isinstance(side.scalar, Series)
    factors = side.scalar.term()
    return tuple(factor for factor in factors if isinstance(factor, sp.Expr))


def _places(outer: int, inner: int, most: int) -> tuple[Place | None, ...]:
    """All (i, j), or as many whole groups and places in a group as there is room for."""
    count = next(
        (n for n in range(max(outer, inner), 3, -1) if _shown(outer, n) * _shown(inner, n) <= most),
        3,
    )
    found: list[Place | None] = []
    for i in _elided(outer, count):
        if i is None:
            found.append(None)
            continue
        found += [None if j is None else (i, j) for j in _elided(inner, count)]
    return tuple(found)


def _shown(size: int, count: int) -> int:
    return min(size, count)


def _elided(size: int, count: int) -> list[int | None]:
    """1 … size if that is no more than `count`, else the first ones, None, and the last."""
    if size <= count:
        return list(range(1, size + 1))
    return [*range(1, count - 1), None, size]
