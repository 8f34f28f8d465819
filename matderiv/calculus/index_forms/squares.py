"""Inverses and determinants taken apart: by their matrix, or by its general entry."""

from __future__ import annotations

from fractions import Fraction

from matderiv.calculus.formulas.broadcasting import ShapeOf
from matderiv.calculus.index_forms.forms import (
    MINUS_ONE_FORM,
    Atom,
    Delta,
    Form,
    Index,
    Term,
    Whole,
    constant,
    letters_of,
    multiplied,
    placed,
    raised,
    scaled,
    single,
)
from matderiv.expression import nodes
from matderiv.expression.nodes import Node

__all__ = [
    "Letters",
    "diagonal_of",
    "divided",
    "multiple_of",
    "square_factors",
    "taken_apart",
]

#: The letters of a matrix's entry, each with that of its size.
Letters = tuple[tuple[str, str], ...]


def multiple_of(node: Node, shape: ShapeOf) -> tuple[Node, Node] | None:
    """The scalar c and the matrix A of c·A."""
    match node:
        case nodes.Negate(arg):
            return nodes.Number(Fraction(-1)), arg
        case nodes.Multiply(c, arg) if not shape(c):
            return c, arg
        case nodes.Multiply(arg, c) if not shape(c):
            return c, arg
        case nodes.Divide(arg, c) if not shape(c):
            return nodes.Divide(nodes.ONE, c), arg
        case nodes.MatMul(left, right):
            if (first := multiple_of(left, shape)) is not None:
                return first[0], nodes.MatMul(first[1], right)
            if (second := multiple_of(right, shape)) is not None:
                return second[0], nodes.MatMul(left, second[1])
    return None


def square_factors(node: Node, shape: ShapeOf) -> tuple[Node, Node] | None:
    """The square matrices A and B of A@B; A·v, column by column, is A@diag(v)."""

    def square(node: Node) -> bool:
        own = shape(node)
        return len(own) == 2 and own[0] == own[1]  # noqa: PLR2004 - a matrix

    match node:
        case nodes.MatMul(left, right) if square(left) and square(right):
            return left, right
        case nodes.Multiply(left, v) if square(left) and len(shape(v)) == 1:
            return left, nodes.Diag(v)
        case nodes.Multiply(v, right) if square(right) and len(shape(v)) == 1:
            return right, nodes.Diag(v)
        case nodes.Divide(left, v) if square(left) and len(shape(v)) == 1:
            return left, nodes.Inverse(nodes.Diag(v))
    return None


def taken_apart(function: str, entry: Form, letters: Letters, indices: tuple[Index, ...]) -> Form:
    """(A⁻¹)⁻¹ = A, (c·A)⁻¹ = A⁻¹/c; det A⁻¹ = 1/det A, log |det A⁻¹| = -log |det A|."""
    places = tuple(letter for letter, _ in letters)
    outside = constant(Fraction(1))
    if function == "inv":
        outside, entry = _scalars(entry, frozenset(places))
    match entry:
        case ((Term(((Whole(function="inv") as inner, 1),), ()), 1),) if set(inner.indices) == set(
            places
        ):
            if function == "inv":
                (row, _), (col, _) = inner.letters
                ends = indices if inner.indices == places else indices[::-1]
                found = placed(inner.arg, {row: ends[0], col: ends[1]})
            else:
                whole = single(Whole(function, inner.letters, inner.arg))
                negative = scaled(whole, Fraction(-1))
                return raised(whole, MINUS_ONE_FORM) if function == "det" else negative
        case _:
            found = single(Whole(function, letters, entry, indices))
    return multiplied(raised(outside, MINUS_ONE_FORM), found)


def _scalars(entry: Form, places: frozenset[str]) -> tuple[Form, Form]:
    """The number c and the matrix A of c·A, where c does not depend on the place."""
    if len(entry) != 1 or entry[0][0].bound:
        return constant(Fraction(1)), entry
    ((term, number),) = entry
    inside = tuple(a for a in term.atoms if letters_of(a[0]) & places)
    outside = tuple(a for a in term.atoms if a not in inside)
    if not inside:
        return constant(Fraction(1)), entry
    return ((Term(outside), number),), ((Term(inside), Fraction(1)),)


def diagonal_of(entry: Form, letters: Letters) -> Form | None:
    """The u_i of a diagonal matrix's entry δ_ij·u_i, at the first of the letters."""
    (row, _), (col, _) = letters
    deltas = {(Delta(row, col), 1), (Delta(col, row), 1)}
    if not entry or not all(deltas & set(term.atoms) for term, _ in entry):
        return None
    rest = tuple(
        (Term(tuple(a for a in term.atoms if a not in deltas), term.bound), number)
        for term, number in entry
    )
    return placed(rest, {col: row})


def divided(entry: Form, letters: Letters) -> tuple[Form, Form, Form] | None:
    """The u, the v and the rest of an entry u_i·a_ij·v_j, both at the first of the letters."""
    if len(entry) != 1:
        return None
    ((term, number),) = entry
    (row, _), (col, _) = letters
    bound = {letter for letter, _ in term.bound}
    rows: list[tuple[Atom, int]] = []
    cols: list[tuple[Atom, int]] = []
    rest: list[tuple[Atom, int]] = []
    for atom in term.atoms:
        free = letters_of(atom[0])
        own = {row, col} & free
        (rest if len(own) != 1 or free & bound else rows if row in own else cols).append(atom)
    held = frozenset[str]().union(*(letters_of(atom) for atom, _ in rest))
    if not {row, col} <= held or not (rows or cols):
        return None
    one = Fraction(1)
    return (
        ((Term(tuple(rows)), one),),
        placed(((Term(tuple(cols)), one),), {col: row}),
        ((Term(tuple(rest), term.bound), number),),
    )
