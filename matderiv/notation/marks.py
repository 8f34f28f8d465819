"""Marks: the key of a matrix entry, and the keys of the rows and columns it is made of.

The entry x₂₃ has the key `X-2-3`, ∂L/∂x₂₃ has `dX-2-3`; with * for an index that runs, `W-3-*` is
row 3 of W.
"""

from __future__ import annotations

import sympy as sp

from matderiv.calculus.scalars import Index, Partial, name_of
from matderiv.calculus.series import Scalar, Series
from matderiv.notation.boxes import Box, Tagged

__all__ = ["key", "tagged"]


def key(name: str, *indices: Index) -> str:
    """The key of an entry.

    >>> key("X", 2, sp.Integer(3)), key("W", 3, sp.Symbol("k"))
    ('X-2-3', 'W-3-*')
    """
    places = (str(int(n)) if isinstance(n, int | sp.Integer) else "*" for n in indices)
    return "-".join((name, *places))


def tagged(box: Box, scalar: Scalar, name: str | None, i: int, j: int) -> Box:
    """The box of a cell at (i, j) with its marks: of the matrix `name`, or of what it holds.

    A sum is made of the rows and columns that its general term runs along.
    """
    own = _key_of(scalar) if name is None else key(name, i, j)
    if own is None:
        return box
    runs = isinstance(scalar, Series) and len(scalar.bounds) == 1
    found = map(_key_of, scalar.general_term()) if runs and isinstance(scalar, Series) else ()
    return Tagged(box, own, tuple(sorted({k for k in found if k is not None})))


def _key_of(scalar: Scalar) -> str | None:
    """The key of an entry or of L differentiated by one; None for anything else."""
    of = scalar.wrt if isinstance(scalar, Partial) else scalar
    if not isinstance(of, sp.Indexed):
        return None
    if isinstance(scalar, Partial):
        return key(f"d{name_of(of)}", *of.indices) if scalar.of.is_Symbol else None
    return key(name_of(of), *of.indices)
