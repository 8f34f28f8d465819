"""Sums over [m = h·D + d], the place of entry h, d in one row: each m has one pair h, d.

So a constant of them is a function both ways. Two that agree at one side agree at the other; a sum
over a side that nothing else holds is 1; and f(Σ_m [m = h·D + d] x_m) = Σ_m [m = h·D + d] f(x_m).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace

from matderiv.calculus.index_forms.canonical import sealed
from matderiv.calculus.index_forms.forms import (
    Atom,
    Call,
    Chosen,
    Delta,
    Form,
    Index,
    Raised,
    Term,
    Whole,
    added,
    letters_of,
    placed_term,
)

__all__ = ["without_flat_places"]

#: Atoms that hold forms.
_Holder = Call | Raised | Whole


def without_flat_places(term: Term) -> Term:
    """The term with one thing less to say about places in a row; itself where all is said."""
    known = [atom for atom, _ in term.atoms if _is_flat(atom)]
    for rewrite in (_joined, _told_inside, _pulled_out, _dropped) if known else (_pulled_out,):
        found = rewrite(term, known)
        if found is not None:
            return found
    return term


def _is_flat(atom: Atom) -> bool:
    return isinstance(atom, Chosen) and atom.constant.kind == "flat"


def _flats(term: Term) -> list[Chosen]:
    return [a for a, _ in term.atoms if isinstance(a, Chosen) and a.constant.kind == "flat"]


def _without(term: Term, gone: Atom, *new: Atom) -> Term:
    atoms = dict(pair for pair in term.atoms if pair[0] != gone)
    return Term((*atoms.items(), *((a, 1) for a in new if a not in atoms)), term.bound)


def _joined(term: Term, known: list[Atom]) -> Term | None:
    """Two places of one row are the same where what stands there is, and the other way round."""
    del known
    for one, other in itertools.combinations(_flats(term), 2):
        if one.constant != other.constant:
            continue
        (*a, m), (*b, n) = one.indices, other.indices
        if a == b:
            return _without(term, other, Delta(m, n))
        if m == n:
            return _without(
                term, other, *(Delta(i, j) for i, j in zip(a, b, strict=True) if i != j)
            )
    return None


def _dropped(term: Term, known: list[Atom]) -> Term | None:
    """A sum over one side of a constant that nothing else holds is 1."""
    del known
    bound = {letter for letter, _ in term.bound}
    for atom in _flats(term):
        *pair, place = atom.indices
        others = {i for a, _ in term.atoms if a != atom for i in letters_of(a)}
        for side in ([place], pair):
            free = {i for i in side if i in bound and i not in others}
            if len(free) == len(side):
                left = tuple(b for b in term.bound if b[0] not in free)
                return replace(_without(term, atom), bound=left)
    return None


# -- inside of functions -------------------------------------------------------------------------


def _told_inside(term: Term, known: list[Atom]) -> Term | None:
    """Where [m = h·D + d] is a factor, a sum over it inside of another factor goes away."""
    facts = [atom for atom in known if isinstance(atom, Chosen)]
    atoms = tuple((_told_atom(atom, facts), power) for atom, power in term.atoms)
    return None if atoms == term.atoms else Term(atoms, term.bound)


def _told_atom(atom: Atom, facts: list[Chosen]) -> Atom:
    return _with_forms(atom, lambda form: _told(form, facts))


def _with_forms(atom: Atom, new: Callable[[Form], Form]) -> Atom:
    """The atom with other forms in the place of those that it holds."""
    match atom:
        case Call(arg=form) | Whole(arg=form):
            made = new(form)
            return atom if made is form else replace(atom, arg=sealed(made))
        case Raised(base=base, exponent=exponent):
            below, above = new(base), None if exponent is None else new(exponent)
            if below is base and above is exponent:
                return atom
            return Raised(sealed(below), None if above is None else sealed(above))
    return atom


def _told(form: Form, facts: list[Chosen]) -> Form:
    made = [(_told_term(term, facts), number) for term, number in form]
    same = all(new is term for (new, _), (term, _) in zip(made, form, strict=True))
    return form if same else added([((new, number),) for new, number in made])


def _told_term(term: Term, facts: list[Chosen]) -> Term:
    bound = {letter for letter, _ in term.bound}
    for atom, fact in itertools.product(_flats(term), facts):
        if atom.constant != fact.constant:
            continue
        (*own, place), (*pair, at) = atom.indices, fact.indices
        places: dict[str, Index] | None = None
        if own == pair and (place == at or place in bound):
            places = {str(place): at} if place != at else {}
        elif place == at and len(bound.intersection(own)) == len(own):
            places = dict(zip(map(str, own), pair, strict=True))
        if places is not None:
            rest = placed_term(Term(_without(term, atom).atoms), places).atoms
            left = tuple(b for b in term.bound if b[0] not in places)
            return _told_term(Term(rest, left), facts)
    atoms = tuple((_told_atom(atom, facts), power) for atom, power in term.atoms)
    return term if atoms == term.atoms else Term(atoms, term.bound)


def _pulled_out(term: Term, known: list[Atom]) -> Term | None:
    """f(Σ_m [m = h·D + d] x_m) = Σ_m [m = h·D + d] f(x_m), for there is one such m."""
    del known
    for atom, _ in term.atoms:
        found = next(_inner(atom, frozenset()), None)
        if found is None:
            continue
        flat, inside = found
        used = set(_letters(term))
        fresh = (name for name in map("^{}".format, itertools.count()) if name not in used)
        new = tuple(next(fresh) if i in inside else i for i in flat.indices)
        sizes = zip(new, flat.constant.sizes, strict=True)
        bound = tuple((str(i), str(size)) for i, size in sizes if i not in flat.indices)
        factor = Chosen(flat.constant, new)
        return Term((*term.atoms, (factor, 1)), (*term.bound, *bound))
    return None


def _inner(atom: Atom, taken: frozenset[Index]) -> Iterator[tuple[Chosen, frozenset[Index]]]:
    """Constants inside of an atom of which one side comes from outside; the other is summed."""
    match atom:
        case Call(arg=form):
            forms, own = [form], taken
        case Whole(letters=letters, arg=form):
            forms, own = [form], taken | {letter for letter, _ in letters}
        case Raised(base=base, exponent=exponent):
            forms, own = [base, exponent or ()], taken
        case _:
            return
    for term, _ in itertools.chain(*forms):
        bound = frozenset(letter for letter, _ in term.bound)
        for flat in _flats(term):
            *pair, place = flat.indices
            for inside, outside in (([place], pair), (pair, [place])):
                if bound.issuperset(inside) and not (own | bound).intersection(outside):
                    yield flat, frozenset(inside)
        for part, _ in term.atoms:
            yield from _inner(part, own | bound)


def _letters(term: Term) -> Iterator[Index]:
    """All letters of a term, those that its atoms bind included."""
    yield from (letter for letter, _ in term.bound)
    for atom, _ in term.atoms:
        yield from letters_of(atom)
        match atom:
            case Call(arg=form) | Whole(arg=form):
                forms = [form]
            case Raised(base=base, exponent=exponent):
                forms = [base, exponent or ()]
            case _:
                forms = []
        for part, _ in itertools.chain(*forms):
            yield from _letters(part)
