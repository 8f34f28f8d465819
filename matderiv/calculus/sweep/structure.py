"""Declared structure of inputs: the rewrites it allows, and the gradient by independent entries.

A symmetric or diagonal matrix has fewer independent entries. The gradient by those, in the shape of
the matrix, follows from the gradient G by all entries:

symmetric: G + Gᵀ - G∗I, diagonal: G∗I.


Source: Petersen and Pedersen, The Matrix Cookbook, section 2.8.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import cast

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
    single,
)
from matderiv.calculus.index_forms.letters import input_indices
from matderiv.errors import InputError, ProofError, ShapeError
from matderiv.expression import nodes
from matderiv.expression.nodes import Node
from matderiv.expression.program import Assignment, Program
from matderiv.expression.shapes import Shape, infer
from matderiv.expression.vocabulary import did_you_mean

__all__ = [
    "STRUCTURES",
    "Assumed",
    "by_structure",
    "follows",
    "independent",
    "infer_assumed",
    "is_diagonal",
    "own_gradient",
    "read_assumed",
]

#: The structures that can be declared; each makes the matrix square and symmetric.
STRUCTURES = ("symmetric", "diagonal")

#: The structure of inputs by name.
Assumed = Mapping[str, str]

_ONE = Fraction(1)


def read_assumed(
    program: Program, assume: Mapping[str, str] | Iterable[tuple[str, str]] | None
) -> dict[str, str]:
    """The structure of each name, checked against the program.

    Raises:
        InputError: no such name or structure, or two structures of one name.

    >>> from matderiv.expression.parse import parse
    >>> read_assumed(parse("x @ S @ x"), {"S": "symmetric"})
    {'S': 'symmetric'}
    """
    found: dict[str, str] = {}
    if isinstance(assume, Mapping):
        assume = cast("Mapping[str, str]", assume).items()
    for name, structure in assume or ():
        _check(program, name, structure)
        if found.setdefault(name, structure) != structure:
            raise InputError(
                f"{name} is assumed to be {found[name]} and {structure}; leave one of them out."
            )
    return found


def _check(program: Program, name: str, structure: str) -> None:
    if structure not in STRUCTURES:
        raise InputError(
            f"{name} cannot be assumed to be {str(structure)[:40]!r}; what can be assumed is "
            f"{' or '.join(STRUCTURES)}." + did_you_mean(structure, STRUCTURES)
        )
    inputs = program.inputs()
    if name not in inputs:
        what = (
            "is assigned; only of inputs can something be assumed"
            if name in program.names()
            else "is not in the program"
        )
        raise InputError(
            f"{str(name)[:40]} {what}. Inputs are: {', '.join(inputs) or 'none'}."
            + did_you_mean(name, inputs)
        )


def infer_assumed(
    program: Program,
    assumed: Assumed,
    *,
    sizes: Mapping[str, int | None] | None = None,
    shapes: Mapping[str, tuple[int, ...]] | None = None,
    scalar: bool = False,
) -> dict[str, Shape]:
    """The shape of every name, where matrices with a structure are square.

    Raises:
        ShapeError: shapes do not fit, or a matrix with a structure cannot be square.
    """
    plain = infer(program, sizes=sizes, shapes=shapes, scalar=scalar)
    for name, structure in assumed.items():
        if len(plain[name]) != 2:  # noqa: PLR2004 - a matrix
            kind = ("a scalar", "a vector")[len(plain[name])]
            raise ShapeError(f"{name} is {kind}; only a matrix can be {structure}.")
    if not assumed:
        return plain
    # A trace is what only a square matrix has; the sizes that nobody gave are chosen to suit it.
    traces = {f"trace of {name}": nodes.Trace(nodes.Name(name)) for name in assumed}
    extra = tuple(Assignment(label, trace) for label, trace in traces.items())
    whole = Program((*program.assignments[:-1], *extra, program.loss))
    try:
        found = infer(whole, sizes=sizes, shapes=shapes, scalar=scalar)
    except ShapeError:
        name = next(
            (n for n in assumed if plain[n][0].size != plain[n][1].size), next(iter(assumed))
        )
        rows, cols = (dim.size for dim in plain[name])
        raise ShapeError(
            f"{name} is {rows}×{cols}, but a {assumed[name]} matrix is square; "
            f"declare --shape {name}={rows}x{rows}, or leave --assume {name}={assumed[name]} out."
        ) from None
    return {name: shape for name, shape in found.items() if name not in traces}


def independent(formula: Node, structure: str, facts: Facts, diagonal: frozenset[str]) -> Node:
    """The gradient by the independent entries, simplified: G + Gᵀ - G∗I or G∗I.

    Each term is simplified by itself, so that it reads as in books.
    """
    if structure == "diagonal" and is_diagonal(formula, diagonal):
        return formula
    identity = nodes.Eye(size_name(facts.shape(formula)[0]))
    sides = (tidy(side, facts) for side in (formula, nodes.Transpose(formula)))
    one, other = sorted(sides, key=cost)
    on_diagonal = tidy(nodes.Multiply(one, identity), facts)
    if structure == "diagonal":
        return on_diagonal
    both = tidy(sum_of([(_ONE, one), (_ONE, other)]), facts)
    number, once = split(on_diagonal)
    return added_up([split(both), (-number, once)])


def follows(
    formula: Node,
    gradient: Node,
    structure: str,
    facts: Facts,
    diagonal: frozenset[str] = frozenset(),
) -> Verdict:
    """Σ_ij G_ij ∂s_ij/∂s_pq over the entries that s_pq stands for is the formula's entry (p, q).

    For a symmetric S that is G_pq + G_qp, and G_pp on the diagonal. The entries of `diagonal`
    matrices are 0 off the diagonal.
    """
    size, letters = facts.shape(gradient)[0], input_indices(facts.shape(gradient))

    def forms(place: tuple[int, ...] | None) -> Pair:
        entries = Entries(facts.shape, symmetric=facts.symmetric, diagonal=diagonal)
        i, j, (p, q) = entries.letter(), entries.letter(), place or letters
        on, across = (_deltas((i, x), (j, y)) for x, y in ((p, q), (q, p)))
        both = multiplied(on, single(Delta(i, j)))
        moved = both if structure == "diagonal" else difference(added((on, across)), both)
        weighted = multiplied(entries.at(gradient, i, j), moved)
        bound = ((i, size.symbol), (j, size.symbol))
        summed = tuple((Term(t.atoms, (*t.bound, *bound)), c) for t, c in weighted)
        return contracted(summed), entries.at(formula, p, q)

    return decide([Attempt("by each entry", forms)])


def _deltas(*pairs: tuple[Index, Index]) -> Form:
    made = [single(Delta(*pair)) for pair in pairs]
    return multiplied(*made)


def own_gradient(formula: Node, name: str, assumed: Assumed, facts: Facts) -> Node:
    """The gradient by the independent entries of a matrix with a structure, proved.

    Raises:
        ProofError: it is not proved to follow from the gradient by all entries.
    """
    diagonal = frozenset(n for n, structure in assumed.items() if structure == "diagonal")
    if formula == nodes.zeros(tuple(map(size_name, facts.shape(formula)))):
        return formula
    own = independent(formula, assumed[name], facts, diagonal)
    verdict = follows(own, formula, assumed[name], facts, diagonal)
    if verdict.status != "equal":
        raise ProofError(
            f"the gradient by the entries of {name} alone is {verdict.status}: {verdict.reason}"
        )
    return own


def by_structure(gradient: Node, structure: str, facts: Facts) -> Node:
    """G + Gᵀ - G∗I or G∗I, not simplified."""
    on_diagonal = nodes.Multiply(gradient, nodes.Eye(size_name(facts.shape(gradient)[0])))
    if structure == "diagonal":
        return on_diagonal
    return nodes.Subtract(nodes.Add(gradient, nodes.Transpose(gradient)), on_diagonal)


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
        case nodes.Negate() | nodes.Transpose() | nodes.Inverse():
            return parts[0]
    return False
