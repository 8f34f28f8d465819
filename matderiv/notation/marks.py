"""Marks: the key of an entry, and patterns of keys for the rows and columns that it comes from.

The entry x₂₃ has the key `X-2-3`, ∂L/∂x₂₃ has `dX-2-3`, v₂ has `v-2`. In a pattern, * stands for
an index that runs, and = for one that is always the same as that before it: `W-3-*` is row 3 of W,
`A-*-=` its diagonal.
"""

from __future__ import annotations

from collections.abc import Callable

import sympy as sp

from matderiv.calculus.scalars import Index, Partial, name_of
from matderiv.calculus.series import Scalar
from matderiv.notation.boxes import Box, Tagged

__all__ = ["Mark", "key", "tagged", "turned"]

#: The key of the entry at indices.
Mark = Callable[..., str]


def key(name: str, *indices: Index | str) -> str:
    """The key of an entry, or a pattern of keys where an index is a letter.

    >>> key("X", 2, sp.Integer(3)), key("W", 3, sp.Symbol("k")), key("A", "k", "k")
    ('X-2-3', 'W-3-*', 'A-*-=')
    """
    places: list[str] = []
    letters: set[object] = set()
    for index in indices:
        if isinstance(index, int | sp.Integer):
            places.append(str(int(index)))
        else:
            places.append("=" if index in letters else "*")
            letters.add(index)
    return "-".join((name, *places))


def turned(mark: Mark) -> Mark:
    """The keys of the transpose of an array."""
    return lambda *at: mark(*at[::-1])


def tagged(box: Box, scalar: Scalar, name: str | None, i: int, j: int) -> Box:
    """The box of a cell at (i, j) with its key: in the matrix `name`, or that of what it holds."""
    own = _key_of(scalar) if name is None else key(name, i, j)
    return box if own is None else Tagged(box, own)


def _key_of(scalar: Scalar) -> str | None:
    """The key of an entry or of L differentiated by one; None for anything else."""
    of = scalar.wrt if isinstance(scalar, Partial) else scalar
    if not isinstance(of, sp.Indexed):
        return None
    if isinstance(scalar, Partial):
        return key(f"d{name_of(of)}", *of.indices) if scalar.of.is_Symbol else None
    return key(name_of(of), *of.indices)
