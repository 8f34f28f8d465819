"""Regrouping: reading a product of matrices off the pattern of indices of an entry."""

from __future__ import annotations

import sympy as sp

from matderiv.calculus.polynomials import Polynomial
from matderiv.calculus.scalars import Partial, name_of
from matderiv.errors import UnsupportedError
from matderiv.expression.nodes import MatMul, Name, Node, Transpose

__all__ = ["regrouped"]


def regrouped(value: Polynomial, row: sp.Symbol, col: sp.Symbol) -> Node:
    """The matrix expression whose (row, col) entry is `value`.

    Σ_j g_pj w_qj starts at p, goes through g to j, through w (backwards, so transposed) to q:
    the chain p → j → q is the product G·Wᵀ.

    Raises:
        UnsupportedError: the indices form no chain from the row to the column.
    """
    if len(value) != 1:
        raise UnsupportedError("an entry that is not one sum of products is not regrouped")
    ((monomial, number),) = value.items()
    left = list(monomial.atoms)
    node: Node | None = None
    here: sp.Basic = row
    while left:
        step = next((a for a in left if here in _indices(a)), None)
        if step is None:
            break
        left.remove(step)
        first, second = _indices(step)
        matrix: Node = Name(_matrix(step))
        if first != here:
            first, second, matrix = second, first, Transpose(matrix)
        node = matrix if node is None else MatMul(node, matrix)
        here = second
    if left or node is None or here != col or number != 1:
        raise UnsupportedError("the indices of an entry form no chain from its row to its column")
    return node


def _indices(atom: sp.Expr) -> tuple[sp.Basic, sp.Basic]:
    of = _entry(atom)
    if of is None or len(of.indices) != 2:  # noqa: PLR2004 - a matrix entry
        raise UnsupportedError(f"{atom} is not an entry of a matrix")
    first, second = of.indices
    return first, second


def _matrix(atom: sp.Expr) -> str:
    of = _entry(atom)
    assert of is not None
    return f"d{name_of(of)}" if isinstance(atom, Partial) else name_of(of)


def _entry(atom: sp.Expr) -> sp.Indexed | None:
    """The matrix entry that an atom is, or that it is a derivative by."""
    of = atom.wrt if isinstance(atom, Partial) else atom
    return of if isinstance(of, sp.Indexed) else None
