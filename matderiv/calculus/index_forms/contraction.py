"""Sums that go away: Kronecker deltas, an inverse beside its matrix, a softmax along its axis."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache

from matderiv._budget import spend
from matderiv.calculus.index_forms.canonical import sealed
from matderiv.calculus.index_forms.constants import known_entry, without_constants
from matderiv.calculus.index_forms.forms import (
    UNIT_TERM,
    Atom,
    Call,
    Chosen,
    Delta,
    Entry,
    Form,
    Index,
    Raised,
    Term,
    Whole,
    added,
    constant,
    letters_of,
    multiplied,
    placed_term,
    raised,
    scaled,
    single,
    size_form,
    to_the,
)
from matderiv.calculus.index_forms.known_functions import exponential
from matderiv.expression import nodes
from matderiv.expression.matrix_functions import exponents, slope_parts

__all__ = ["contracted"]

_A = nodes.Name("A")
_DERIVATIVE = 4  # indices of the derivative of an entry of f(A) by an entry of A
_OPEN = 2  # letters in what is no entry of a name, of which every place is tried
_FEW = 6  # terms of a sum that is tried over one denominator


def contracted(form: Form) -> Form:
    """Σ_i δ_ip a_i = a_p wherever it applies; δ_pp = 1, and δ_12 = 0.

    Σ_i runs over the whole size that p belongs to, so no term is lost. Also Σ_k A⁻¹_ik a_kj =
    δ_ij, Σ_j b_j / Σ_j b_j = 1, and (bⁿ)ᵐ = bⁿᵐ.
    """
    return added(
        _contracted(part, c) for term, number in form for part, c in _inside(_powers(term), number)
    )


def _inside(term: Term, number: Fraction) -> Form:
    """The term with what its atoms hold contracted as well."""
    if not any(isinstance(atom, Call | Raised) for atom, _ in term.atoms):
        return ((term, number),)
    bare = Term(tuple(a for a in term.atoms if not isinstance(a[0], Call | Raised)), term.bound)
    made: Form = ((bare, number),)
    for atom, power in term.atoms:
        if isinstance(atom, Call | Raised):
            made = multiplied(made, to_the(_normal(atom), power))
    return made


@lru_cache(maxsize=1 << 14)
def _normal(atom: Call | Raised) -> Form:
    """A function or a power of a form in which no sum is left that goes away.

    What all terms of a base have in common is a factor beside it: (c·b)ⁿ = cⁿ·bⁿ.
    """
    match atom:
        case Call(function=function, arg=arg):
            inner = sealed(_over_one(contracted(arg)))
            return exponential(inner) if function == "exp" else single(Call(function, inner))
        case Raised(base=base, exponent=None):
            common, rest = _common(sealed(_over_one(contracted(base))))
            found = to_the(rest, 1) if _is_product(rest) else single(Raised(sealed(rest), None))
            return multiplied(common, found)
        case Raised(base=base, exponent=exponent):
            assert exponent is not None
            return raised(sealed(_over_one(contracted(base))), sealed(contracted(exponent)))


def _over_one(form: Form) -> Form:
    """1 - b/(1 + b) = 1/(1 + b): over one denominator, where that leaves fewer terms."""
    if not 1 < len(form) <= _FEW or any(term.bound for term, _ in form):
        return form
    powers = [dict(term.atoms) for term, _ in form]
    below = {atom: min(p.get(atom, 0) for p in powers) for own in powers for atom in own}
    for atom, least in below.items():
        if least >= 0 or not isinstance(atom, Raised) or atom.exponent is not None:
            continue
        if any(term.bound for term, _ in atom.base):
            continue
        above: list[Form] = []
        for own, (_, number) in zip(powers, form, strict=True):
            rest = Term(tuple((a, p) for a, p in own.items() if a != atom))
            made: Form = ((rest, number),)
            for _ in range(own.get(atom, 0) - least):
                made = multiplied(made, atom.base)
            above.append(made)
        if len(added(above)) < len(form):
            return multiplied(added(above), single(atom, least))
    return form


def _is_apart(part: tuple[Atom, int]) -> bool:
    """Whether the base of a whole power is a product, or has a factor that stands beside it."""
    atom, _ = part
    return isinstance(atom, Raised) and not atom.exponent and _normal(atom) != single(atom)


def _is_product(form: Form) -> bool:
    return not form or (len(form) == 1 and not form[0][0].bound)


def _common(form: Form) -> tuple[Form, Form]:
    """The factor that all terms share, and the form divided by it."""
    one = constant(Fraction(1))
    if _is_product(form):
        return one, form
    powers: dict[Atom, int] = {}
    for atom, power in form[0][0].atoms:
        others = [dict(term.atoms).get(atom, 0) for term, _ in form]
        bound = {letter for term, _ in form for letter, _ in term.bound}
        least = min(others) if min(others) > 0 else min(0, max(others))
        if least and power and not letters_of(atom) & bound:
            powers[atom] = least
    number = Fraction(
        math.gcd(*(c.numerator for _, c in form)), math.lcm(*(c.denominator for _, c in form))
    )
    if all(c < 0 for _, c in form):
        number = -number
    rest = tuple(
        (
            Term(
                tuple((a, p - powers.get(a, 0)) for a, p in term.atoms if p != powers.get(a, 0)),
                term.bound,
            ),
            c / number,
        )
        for term, c in form
    )
    return ((Term(tuple(powers.items())), number),), rest


def _contracted(term: Term, number: Fraction) -> Form:
    while True:
        spend()
        term = _powers(term)
        if any(map(_is_apart, term.atoms)):  # √u·√u, say, is u
            ((term, number),) = _inside(term, number)
        found = _deltas(term)
        if found is None:
            return ()
        fewer = without_constants(found)
        if fewer is None:
            return ()
        if fewer != found:
            term = fewer
            continue
        beside = _inverse(found)
        if beside is not None:
            term = beside
            continue
        quotient = _quotient(found)
        if quotient is not None:
            term, number = quotient[0], number * quotient[1]
            continue
        parts = _trace(found) or _summand(found)
        if parts is None:
            return ((found, number),)
        return added(_contracted(part, number * own) for part, own in parts)


def _deltas(term: Term) -> Term | None:
    """The deltas that join a bound letter gone; None where one of them is 0."""
    while True:
        bound = dict(term.bound)
        for atom, _ in term.atoms:
            if isinstance(atom, Chosen):
                known = known_entry(atom)
                if known is None:
                    continue
                if known == 0:
                    return None
                rest = tuple(a for a in term.atoms if a[0] != atom)
                beside = ((known, 1),) if isinstance(known, Delta) else ()
                term = Term((*rest, *beside), term.bound)
                break
            if not isinstance(atom, Delta):
                continue
            one, other = atom.one, atom.other
            rest = tuple(a for a in term.atoms if a[0] != atom)
            if one == other:
                term = Term(rest, term.bound)
                break
            if isinstance(one, int) and isinstance(other, int):
                return None
            gone = next((i for i in (one, other) if i in bound), None)
            if gone is not None:
                stays = other if gone == one else one
                left = tuple(b for b in term.bound if b[0] != gone)
                term = placed_term(Term(rest, left), {str(gone): stays})
                break
            first, last = sorted((one, other), key=_order)
            if any(last in letters_of(a) for a, _ in rest):  # δ_pq·x_pq = δ_pq·x_pp
                atoms = placed_term(Term(rest, term.bound), {str(last): first}).atoms
                term = Term((*atoms, (atom, 1)), term.bound)
                break
        else:
            return term


def _order(index: Index) -> tuple[bool, str]:
    """Numbers before letters."""
    return isinstance(index, str), str(index)


def _powers(term: Term) -> Term:
    """(bⁿ)ᵐ = bⁿᵐ: whole exponents are multiplied; a base keeps one exponent from 0 to 1."""
    if not any(isinstance(a, Raised) and a.exponent is not None for a, _ in term.atoms):
        return term
    exponents: dict[Form, Form] = {}
    atoms: list[tuple[Atom, int]] = []
    for atom, power in term.atoms:
        if isinstance(atom, Raised):
            own = constant(Fraction(1)) if atom.exponent is None else atom.exponent
            grown = scaled(own, Fraction(power))
            exponents[atom.base] = added((exponents.get(atom.base, ()), grown))
        else:
            atoms.append((atom, power))
    for base, exponent in exponents.items():
        if any(t != UNIT_TERM for t, _ in exponent):  # b**(12 - N) is 1 at b = 0, N = 12
            atoms.append((Raised(base, exponent), 1))
            continue
        whole = math.floor(sum((c for t, c in exponent if t == UNIT_TERM), Fraction(0)))
        rest = added((exponent, constant(Fraction(-whole))))
        if whole:
            atoms.append((Raised(base, None), whole))
        if rest:
            atoms.append((Raised(base, rest), 1))
    return Term(tuple(atoms), term.bound)


def _inverse(term: Term) -> Term | None:
    """Σ_k A⁻¹_ik a_kj = δ_ij = Σ_k a_ik A⁻¹_kj, for a matrix A with a name."""
    for inverse, power in term.atoms:
        if not isinstance(inverse, Whole) or inverse.function != "inv" or power != 1:
            continue
        match inverse.arg:
            case ((Term(((Entry() as own, 1),), ()), 1),):
                pass
            case ((Term() as own, 1),) if (found := _beside(term, inverse, own)) is not None:
                return found
            case _:
                continue
        row, col = inverse.indices
        if own.indices != tuple(letter for letter, _ in inverse.letters):
            row, col = col, row  # the inverse of Aᵀ
        for entry, times in term.atoms:
            if not isinstance(entry, Entry) or entry.name != own.name or times != 1:
                continue
            ways = [(col, row, entry.indices), (row, col, entry.indices[::-1])]
            if entry.symmetric:
                ways += [(col, row, entry.indices[::-1]), (row, col, entry.indices)]
            for shared, stays, (near, far) in ways:
                if near == shared and _only(term, shared, inverse, entry):
                    rest = tuple(a for a in term.atoms if a[0] not in (inverse, entry))
                    bound = tuple(b for b in term.bound if b[0] != shared)
                    return Term((*rest, (Delta(stays, far), 1)), bound)
    return None


def _trace(term: Term) -> Form | None:
    """∂(tr f(A))/∂a_kl = f′(A)_lk: Σ_i of the derivatives of f(A)_ii, f a function of a matrix.

    Σ_k of the derivatives of f(A)_ij by a_kk is f′(A)_ij.
    """
    for atom, power in term.atoms:
        if not isinstance(atom, Whole) or power != 1 or len(atom.indices) != _DERIVATIVE:
            continue
        first, second = atom.indices[:2], atom.indices[2:]
        for (row, col), (k, m) in ((first, second), (second[::-1], first[::-1])):
            others = (a for a, _ in term.atoms if a != atom)
            alone = row == col and row not in (k, m) and any(row == b for b, _ in term.bound)
            if not alone or any(row in letters_of(a) for a in others):
                continue
            rest = Term(
                tuple(a for a in term.atoms if a[0] != atom),
                tuple(b for b in term.bound if b[0] != row),
            )
            return multiplied(((rest, Fraction(1)),), _slope(atom, m, k))
    return None


def _slope(atom: Whole, row: Index, col: Index) -> Form:
    """The entry of f′(A), of a derivative of f(A)."""
    factor, found = slope_parts(nodes.MatrixFunction(_A, atom.function[1:]))
    match found:
        case nodes.MatrixFunction(_, function):
            made = single(replace(atom, function=function, indices=(row, col)))
            if exponents(function) == ("0",):
                made = single(Delta(row, col))
        case nodes.Inverse(nodes.MatrixFunction(_, function)):
            letters = tuple((f"{letter}'", size) for letter, size in atom.letters)
            inner = tuple(letter for letter, _ in letters)
            root = single(replace(atom, function=function, indices=inner))
            made = single(Whole("inv", letters, root, (row, col)))
        case _:  # the inverse of A
            made = single(replace(atom, function="inv", indices=(row, col)))
    if isinstance(factor, str):
        return multiplied(size_form(factor), made)
    return scaled(made, factor)


def _beside(term: Term, inverse: Whole, own: Term) -> Term | None:
    """The same for a matrix whose entry is a product of atoms, perhaps summed over letters."""
    found = _next_to(term, inverse, own)
    if found is None:
        return None
    rest, delta, places = found
    gone = {places[0][1], *(place for _, place in places[2:])}
    return Term((*rest, (delta, 1)), tuple(b for b in term.bound if b[0] not in gone))


def _next_to(
    term: Term, inverse: Whole, own: Term
) -> tuple[tuple[tuple[Atom, int], ...], Delta, tuple[tuple[str, Index], ...]] | None:
    """Where the atoms of an entry stand beside an inverse: the rest, the delta of both, the places.

    The first of the places is that of the letter that is summed over, the second that of the other
    letter of the entry; then come those of the letters that the entry itself sums over.
    """
    powers = dict(term.atoms)
    (first, _), (second, _) = inverse.letters
    ways = (inverse.indices, (first, second)), (inverse.indices[::-1], (second, first))
    for (stays, shared), (near, far) in ways:
        if stays == shared or not any(shared == letter for letter, _ in term.bound):
            continue
        for placed in _placings(own, term, {near: shared}, far):
            place, inner = placed[far], {placed[letter] for letter, _ in own.bound}
            apart = len({shared, stays, place, *inner}) >= len(own.bound) + len({stays, place}) + 1
            if not (apart and _bound_alike(own, term, placed)):
                continue
            wanted = placed_term(Term(own.atoms), placed).atoms
            if any(powers.get(a, 0) != p for a, p in wanted):
                continue
            gone = {inverse, *(a for a, _ in wanted)}
            rest = tuple((a, p) for a, p in term.atoms if a not in gone)
            others = (replace(inverse, indices=(stays,)), *(a for a, _ in rest))
            if all({shared, *inner}.isdisjoint(letters_of(a)) for a in others):
                summed = ((letter, placed[letter]) for letter, _ in own.bound)
                return rest, Delta(stays, place), ((near, shared), (far, place), *summed)
    return None


def _bound_alike(own: Term, term: Term, placed: Mapping[str, Index]) -> bool:
    """Whether letters that are summed over stand for such that are, over the same sizes."""
    runs = dict(term.bound)
    return all(runs.get(str(placed[letter])) == size for letter, size in own.bound)


def _placings(
    own: Term, term: Term, placed: dict[str, Index], far: str
) -> Iterator[dict[str, Index]]:
    """Ways to read the letters of one term as indices of another, entry by entry of a name."""
    letters = {far, *(letter for letter, _ in own.bound)}
    entries = [atom for atom, _ in own.atoms if isinstance(atom, Entry)]
    others = [atom for atom, _ in term.atoms if isinstance(atom, Entry)]

    def read(left: list[Entry], known: dict[str, Index]) -> Iterator[dict[str, Index]]:
        if not left:
            open_ = sorted(letters - known.keys())  # they stand in what is no entry of a name
            if len(open_) < _OPEN:
                there: set[Index] = {
                    1,
                    *(letter for atom, _ in term.atoms for letter in letters_of(atom)),
                }
                for chosen in itertools.product(there, repeat=len(open_)):
                    spend(1)
                    yield {**known, **dict(zip(open_, chosen, strict=True))}
            return
        atom = max(left, key=lambda entry: sum(i in known for i in entry.indices))
        for other in others:
            spend(1)
            if other.name != atom.name or len(other.indices) != len(atom.indices):
                continue
            both: list[tuple[Index, ...]] = [other.indices, other.indices[::-1]]
            for indices in both if other.symmetric else both[:1]:
                more = dict(known)
                for one, index in zip(atom.indices, indices, strict=True):
                    if isinstance(one, str) and one in letters | placed.keys():
                        more.setdefault(one, index)
                if all(
                    more.get(str(one), one) == index
                    for one, index in zip(atom.indices, indices, strict=True)
                ):
                    yield from read([entry for entry in left if entry is not atom], more)

    yield from read(entries, placed)


def _summand(term: Term) -> Form | None:
    """Σ_k F⁻¹_ik a_kj = δ_ij - Σ_k F⁻¹_ik b_kj for F = a + b: no a is left beside the inverse."""
    for inverse, power in term.atoms:
        if not isinstance(inverse, Whole) or inverse.function != "inv" or power != 1:
            continue
        first = _first(inverse)
        if first is None:
            continue
        found = _next_to(term, inverse, first[0])
        if found is None:
            continue
        rest, delta, places = found
        shared, inner = places[0][1], {place for _, place in places[2:]}
        summed = tuple(b for b in term.bound if b[0] not in inner)
        kept = tuple(b for b in summed if b[0] != shared)
        made: list[Form] = [((Term((*rest, (delta, 1)), kept), 1 / first[1]),)]
        for part, number in inverse.arg:
            if (part, number) != first:
                whole = Term((*rest, (inverse, 1)), summed)
                beside = _with_new_letters(part, dict(places[:2]), term)
                made.append(multiplied(((whole, -number / first[1]),), ((beside, Fraction(1)),)))
        return added(made)
    return None


def _with_new_letters(part: Term, places: Mapping[str, Index], term: Term) -> Term:
    """A term at other places, summed over letters that another term does not have."""
    taken = {str(i) for atom, _ in term.atoms for i in letters_of(atom)}
    taken |= {letter for letter, _ in term.bound} | {str(place) for place in places.values()}
    new: dict[str, str] = {}
    for letter, _ in part.bound:
        marks = (letter + "'" * n for n in itertools.count(1))
        new[letter] = next(name for name in marks if name not in taken)
    bound = tuple((new[letter], size) for letter, size in part.bound)
    return Term(placed_term(Term(part.atoms), {**places, **new}).atoms, bound)


def _first(inverse: Whole) -> tuple[Term, Fraction] | None:
    """The term of a matrix that is put in terms of the others, the same in whatever order."""
    letters = {letter for letter, _ in inverse.letters}
    names = {letter: str(n) for n, (letter, _) in enumerate(inverse.letters)}
    terms = [
        part
        for part in inverse.arg
        if all(any(i in letters_of(a) for a, _ in part[0].atoms) for i in letters)
        and not any(isinstance(a, Delta) for a, _ in part[0].atoms)
    ]
    if len(inverse.arg) == 1:
        return None
    return min(terms, key=lambda part: str(placed_term(part[0], dict(names))), default=None)


def _only(term: Term, letter: object, *atoms: Atom) -> bool:
    """Whether a letter is bound, and stands in these atoms only, once in each."""
    return any(letter == b for b, _ in term.bound) and all(
        sum(index == letter for index in _indices(a)) == 1
        if a in atoms
        else letter not in letters_of(a)
        for a, _ in term.atoms
    )


def _indices(atom: Atom) -> tuple[object, ...]:
    return atom.indices if isinstance(atom, Entry | Whole) else ()


def _quotient(term: Term) -> tuple[Term, Fraction] | None:
    """Σ_j b_j/(c·Σ_j b_j) = 1/c: a sum is cancelled with one power of it in a denominator."""
    for below, power in term.atoms:
        if not isinstance(below, Raised) or below.exponent is not None or power >= 0:
            continue
        match below.base:
            case ((Term(atoms, ((letter, size),)), number),):
                pass
            case _:
                continue
        for bound, own in term.bound:
            if own != size:
                continue
            wanted = placed_term(Term(atoms), {letter: bound}).atoms
            rest = dict(term.atoms)
            for atom, times in wanted:
                rest[atom] = rest.get(atom, 0) - times
            if any(rest[atom] < 0 for atom, _ in wanted):
                continue
            rest[below] += 1
            left = tuple((a, p) for a, p in rest.items() if p)
            if all(bound not in letters_of(a) for a, _ in left):
                return Term(left, tuple(b for b in term.bound if b[0] != bound)), 1 / number
    return None
