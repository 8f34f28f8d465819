"""Products of constants of zeros and ones: Σ_j [j = i + 1][k = j - 1] is δ_ik, and Σ_j [j = i] 1.

Each row of a slice, a roll or a repetition has a single 1, so that a sum over its columns goes
away. Two of them after each other are one; of a slice and a transposed one with other entries the
product is 0.
"""

from __future__ import annotations

from collections.abc import Iterator

from matderiv.calculus.index_forms.flat_places import without_flat_places
from matderiv.calculus.index_forms.forms import Atom, Chosen, Delta, Index, Term, letters_of
from matderiv.expression.nodes import Selection
from matderiv.expression.selections import (
    after,
    is_identity,
    rule_of,
    share_no_column,
    turned_constant,
    value_at,
)
from matderiv.expression.size_text import SizeText

__all__ = ["known_entry", "without_constants"]


def known_entry(atom: Chosen) -> Delta | int | None:
    """An entry as 0 or 1 where its places and its rule are numbers, of an identity matrix as δ."""
    rule = atom.constant
    kind, first, _ = rule_of(rule)
    places = [i for i in atom.indices if isinstance(i, int)]
    known = kind != "flat" or all(isinstance(size, int) for size in rule.sizes)
    if len(places) == len(atom.indices) and known and not isinstance(first, str) and kind != "roll":
        return value_at(rule, places, {})
    return Delta(*atom.indices) if is_identity(rule) else None


def without_constants(term: Term) -> Term | None:
    """The term with one sum over a column or a shared letter less; itself where none goes away.

    None is returned where two constants have no column in common, so that the term is 0.
    """
    chosen = [atom for atom, _ in term.atoms if isinstance(atom, Chosen)]
    fewer = without_flat_places(term)
    if fewer != term:
        return fewer
    for atom in chosen:
        if atom.constant.kind == "flat":
            continue
        for own in _ways(atom):
            column = own.indices[-1]
            if not _sums_to_one(own.constant) or (column, own.constant.sizes[-1]) not in _bound(
                term
            ):
                continue
            holders = [a for a, _ in term.atoms if column in letters_of(a)]
            if holders == [atom]:
                return _replaced(term, (atom,), (), column)
            others = [a for a in holders if a != atom]
            made = None
            match others:
                case [Chosen() as other]:
                    made = _product(own, other)
            if isinstance(made, int):
                return _replaced(term, (atom, *others), (), column) if made else None
            if made is not None:
                return _replaced(term, (atom, *others), (made,), column)
    return _turned_triangle(term, chosen)


def _bound(term: Term) -> tuple[tuple[Index, SizeText], ...]:
    return tuple((letter, int(size) if size.isdigit() else size) for letter, size in term.bound)


def _replaced(term: Term, gone: tuple[Atom, ...], new: tuple[Atom, ...], letter: Index) -> Term:
    rest = tuple(pair for pair in term.atoms if pair[0] not in gone)
    added = tuple((atom, 1) for atom in new if all(atom != a for a, _ in rest))
    return Term((*rest, *added), tuple(b for b in term.bound if b[0] != letter))


def _sums_to_one(rule: Selection) -> bool:
    return rule_of(rule)[0] != "<="


def _ways(atom: Chosen) -> Iterator[Chosen]:
    """An entry as it is, and of a permutation that is known turned as that of the other one."""
    yield atom
    if (other := turned_constant(atom.constant)) is not None:
        yield Chosen(other, atom.indices[::-1])


def _product(one: Chosen, other: Chosen) -> Atom | int | None:
    """Σ_j of two entries that share the column j of the first; None where it is no known entry."""
    column = one.indices[-1]
    for way in _ways(other):
        if way.indices[:-1] == (column,):  # one row after the other
            made = after(one.constant, way.constant)
            if made is not None:
                return Chosen(made, (*one.indices[:-1], way.indices[-1]))
    if other.indices[-1] != column:
        return None
    a, b = one.constant, other.constant
    if a == b and rule_of(a)[0] == "=":
        return Delta(one.indices[0], other.indices[0]) if len(a.sizes) > 1 else 1
    return 0 if share_no_column(a, b) else None


def _turned_triangle(term: Term, chosen: list[Chosen]) -> Term | None:
    """A triangle between two flips is the transposed one."""
    flips = [a for a in chosen if a.constant.kind == "slice" and a.constant.params[1] == -1]
    for atom in chosen:
        if atom.constant.kind != "tri" or len(set(atom.constant.sizes)) > 1:
            continue
        size = atom.constant.sizes[0]
        beside = []
        for place in atom.indices:
            holders = [a for a, _ in term.atoms if place in letters_of(a) and a != atom]
            flip = next((flip for flip in flips if holders == [flip]), None)
            if flip is not None and (place, size) in _bound(term):
                beside.append(flip)
        if len(beside) == 2 and beside[0] != beside[1]:  # noqa: PLR2004 - rows and columns
            ends = [
                next(i for i in f.indices if i != p)
                for f, p in zip(beside, atom.indices, strict=True)
            ]
            made = Chosen(atom.constant, (ends[1], ends[0]))
            term = _replaced(term, (atom, *beside), (made,), atom.indices[0])
            return Term(term.atoms, tuple(b for b in term.bound if b[0] != atom.indices[1]))
    return term
