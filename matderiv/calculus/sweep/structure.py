"""The gradient by an input of which something is assumed, from the gradient G by all entries.

A symmetric, diagonal or triangular matrix has fewer independent entries. The gradient by those, in
the shape of the matrix, is G + Gᵀ - G∗I, G∗I or tril(G). The gradient in the space of symmetric
matrices, of which the inner product with a symmetric change dS is dL, is (G + Gᵀ)/2.

Sources: Petersen and Pedersen, The Matrix Cookbook, section 2.8; for the space of symmetric
matrices, Boyd and Vandenberghe, Convex Optimization, appendix A.4.
"""

from __future__ import annotations

from fractions import Fraction

from matderiv.calculus.deciding.decide import Attempt, Pair, Verdict, decide
from matderiv.calculus.formulas.broadcasting import size_name
from matderiv.calculus.formulas.flattened import added_up, cost, split, sum_of
from matderiv.calculus.formulas.rewrites import Facts
from matderiv.calculus.formulas.tidying import tidy
from matderiv.calculus.index_forms.contraction import contracted
from matderiv.calculus.index_forms.entries import Entries
from matderiv.calculus.index_forms.forms import (
    Delta,
    Form,
    Index,
    Term,
    added,
    difference,
    multiplied,
    scaled,
    single,
)
from matderiv.calculus.index_forms.letters import input_indices
from matderiv.errors import ProofError
from matderiv.expression import nodes
from matderiv.expression.assumptions import ASSUMPTIONS, Assumed, Convention, assumed_to_be
from matderiv.expression.nodes import Node

__all__ = [
    "by_structure",
    "follows",
    "is_diagonal",
    "own_formula",
    "own_gradient",
    "way_of",
]

_ONE = Fraction(1)


def own_formula(
    formula: Node, way: str, facts: Facts, diagonal: frozenset[str] = frozenset()
) -> Node:
    """The gradient that the way says, simplified, from the gradient by all entries.

    Each term is simplified by itself, so that it reads as in books.
    """
    if way == "diagonal" and is_diagonal(formula, diagonal):
        return formula
    size = size_name(facts.shape(formula)[0])
    if way == "lower":
        return tidy(nodes.Multiply(_triangle(size), formula), facts)
    identity = nodes.Eye(size)
    sides = (tidy(side, facts) for side in (formula, nodes.Transpose(formula)))
    one, other = sorted(sides, key=cost)
    if way == "inner":
        half = _ONE / 2
        return tidy(sum_of([(half, one), (half, other)]), facts)
    on_diagonal = tidy(nodes.Multiply(one, identity), facts)
    if way == "diagonal":
        return on_diagonal
    both = tidy(sum_of([(_ONE, one), (_ONE, other)]), facts)
    number, once = split(on_diagonal)
    return added_up([split(both), (-number, once)])


def follows(
    formula: Node,
    gradient: Node,
    way: str,
    facts: Facts,
    diagonal: frozenset[str] = frozenset(),
) -> Verdict:
    """Σ_ij G_ij m_ij is the formula's entry (p, q), where m_ij is what (p, q) stands for.

    By the entries of a symmetric S that is ∂s_ij/∂s_pq, which makes G_pq + G_qp, and G_pp on the
    diagonal; in the space of symmetric matrices it is the same at (p, q) and (q, p) with halves.
    By those of a triangular matrix it is G_pq where p ≥ q.
    The entries of `diagonal` matrices are 0 off the diagonal.
    """
    size, letters = facts.shape(gradient)[0], input_indices(facts.shape(gradient))

    def forms(place: tuple[int, ...] | None) -> Pair:
        entries = Entries(facts.shape, assumed=facts.assumed, diagonal=diagonal)
        i, j, (p, q) = entries.letter(), entries.letter(), place or letters
        on, across = (_deltas((i, x), (j, y)) for x, y in ((p, q), (q, p)))
        both = multiplied(on, single(Delta(i, j)))
        moved = {
            "symmetric": difference(added((on, across)), both),
            "diagonal": both,
            "lower": multiplied(on, entries.at(_triangle(size_name(size)), i, j)),
            "inner": scaled(added((on, across)), _ONE / 2),
        }[way]
        weighted = multiplied(entries.at(gradient, i, j), moved)
        bound = ((i, size.symbol), (j, size.symbol))
        summed = tuple((Term(t.atoms, (*t.bound, *bound)), c) for t, c in weighted)
        return contracted(summed), entries.at(formula, p, q)

    return decide([Attempt("by each entry", forms)])


def _deltas(*pairs: tuple[Index, Index]) -> Form:
    made = [single(Delta(*pair)) for pair in pairs]
    return multiplied(*made)


def way_of(structure: str, convention: Convention) -> str | None:
    """The way to the gradient by an input: None where that by all entries is meant."""
    known = ASSUMPTIONS[structure]
    if known.gradient != "own":
        return None
    for way in ("lower", "diagonal"):
        if way in known.parts:
            return way
    return "inner" if convention == "inner" else "symmetric"


def own_gradient(
    formula: Node, name: str, assumed: Assumed, convention: Convention, facts: Facts
) -> Node:
    """The gradient by an input of which something is assumed, proved to follow from `formula`.

    Raises:
        ProofError: it is not proved to follow from the gradient by all entries.
    """
    if formula == nodes.zeros(tuple(map(size_name, facts.shape(formula)))):
        return formula
    way = way_of(assumed[name], convention)
    if way is None:
        return formula
    diagonal = assumed_to_be("diagonal", assumed)
    own = own_formula(formula, way, facts, diagonal)
    verdict = follows(own, formula, way, facts, diagonal)
    if verdict.status != "equal":
        raise ProofError(
            f"the gradient by the entries of {name} alone is {verdict.status}: {verdict.reason}"
        )
    return own


def by_structure(gradient: Node, way: str, facts: Facts) -> Node:
    """G + Gᵀ - G∗I, G∗I, tril(G) or (G + Gᵀ)/2, not simplified."""
    if way == "inner":
        return nodes.Divide(nodes.Add(gradient, nodes.Transpose(gradient)), nodes.TWO)
    size = size_name(facts.shape(gradient)[0])
    if way == "lower":
        return nodes.Mapped(gradient, ("tril", 0))
    on_diagonal = nodes.Multiply(gradient, nodes.Eye(size))
    if way == "diagonal":
        return on_diagonal
    return nodes.Subtract(nodes.Add(gradient, nodes.Transpose(gradient)), on_diagonal)


def _triangle(size: int | str) -> Node:
    """1 on and below the diagonal, 0 above it."""
    return nodes.Selection("tri", (0,), (size, size))


def is_diagonal(node: Node, names: frozenset[str]) -> bool:
    """Whether a square matrix is 0 off its diagonal, whatever its entries are.

    >>> from matderiv.expression.parse import parse
    >>> is_diagonal(parse("L = inv(D) @ D.T").loss.value, frozenset("D"))
    True
    """
    parts = [is_diagonal(child, names) for child in nodes.children(node)]
    match node:
        case nodes.Name(name):
            return name in names
        case nodes.Eye():
            return True
        case nodes.Multiply():
            return any(parts)
        case nodes.Divide():
            return parts[0]
        case nodes.Add() | nodes.Subtract() | nodes.MatMul():
            return all(parts)
        case nodes.Negate() | nodes.Transpose() | nodes.Inverse() | nodes.MatrixFunction():
            return parts[0]
    return False
