"""Entries of any expression in index notation: sums of products of atoms, sizes left as letters.

A form is a sum of terms; a term is a number times a product of atoms to whole powers, summed over
its bound letters. An atom is an entry of a named array, the letter of a size, a function of a
form, or a power of one. Two forms that read the same after `canonical` are equal at every size;
forms that read differently may still be equal, so a difference decides nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache, reduce
from typing import NamedTuple

from matderiv._budget import MOST_TERMS, spend
from matderiv._hashed import Hashed, hashed_once
from matderiv.errors import TooLarge, ZeroDividedError
from matderiv.expression.assumptions import ASSUMPTIONS
from matderiv.expression.functions import FUNCTIONS
from matderiv.expression.nodes import OneHot, Selection
from matderiv.expression.size_text import is_worked_out, terms_of_size

__all__ = [
    "MINUS_ONE_FORM",
    "ONE_FORM",
    "UNIT_TERM",
    "Atom",
    "Call",
    "Chosen",
    "Delta",
    "Entry",
    "Form",
    "Index",
    "Indices",
    "Known",
    "Raised",
    "Rate",
    "SizeAtom",
    "Term",
    "Whole",
    "added",
    "atoms_in",
    "constant",
    "difference",
    "indices_at",
    "letters_of",
    "multiplied",
    "placed",
    "placed_term",
    "raised",
    "refreshed",
    "scaled",
    "single",
    "size_form",
    "undivided",
]

Index = int | str
#: The indices of one entry.
Indices = tuple[Index, ...]

_MAX_BITS = 4096  # of an exact number
_DEGREE = 8  # of a polynomial in sizes whose sign is asked


class Known(NamedTuple):
    """The assumption about an array, and the size of its last axis, "" for a scalar."""

    what: str
    size: str


@hashed_once
class Entry(Hashed):
    """x_ij, an entry of a named array; a scalar has no indices.

    `known` is what is assumed of the array. It is used where forms are compared and nowhere
    before, so that derivatives are those of the entries as if each were free. `node` is the array
    where it is the one-hot rows of labels, which have no name but their source.
    """

    name: str
    indices: tuple[Index, ...]
    known: Known | None = None
    node: OneHot | None = None

    @property
    def symmetric(self) -> bool:
        """Whether x_ij = x_ji."""
        return self.known is not None and ASSUMPTIONS[self.known.what].symmetric


@hashed_once
class SizeAtom(Hashed):
    """A size as a number: Σ_i 1 = N."""

    letter: str


@hashed_once
class Call(Hashed):
    """f(u), a function of one number."""

    function: str
    arg: Form


@hashed_once
class Raised(Hashed):
    """u**v, or u itself as one atom where `exponent` is None."""

    base: Form
    exponent: Form | None


@hashed_once
class Whole(Hashed):
    """An entry of F(U), a function of the whole array U whose entry at `letters` is `arg`."""

    function: str
    letters: tuple[tuple[str, str], ...]
    arg: Form
    indices: tuple[Index, ...] = ()


@hashed_once
class Delta(Hashed):
    """δ_ij: 1 where two indices agree, else 0."""

    one: Index
    other: Index


@hashed_once
class Chosen(Hashed):
    """An entry of a constant matrix of zeros and ones, such as [j = i + 1]."""

    constant: Selection
    indices: tuple[Index, ...]


@hashed_once
class Rate(Hashed):
    """∂z_ij/∂x_pq, ∂f(z_ij)/∂x_pq or ∂L/∂f(z_ij), as an atom.

    A sum is differentiated as one `Raised` atom: ∂(f(z_11) + f(z_12))/∂x_pq.
    """

    of: Entry | Call | Raised
    wrt: Entry | Call


Atom = Entry | SizeAtom | Call | Raised | Whole | Delta | Chosen | Rate


@hashed_once
class Term(Hashed):
    """A product of atoms to whole powers, summed over (letter, size letter) pairs."""

    atoms: tuple[tuple[Atom, int], ...] = ()
    bound: tuple[tuple[str, str], ...] = ()


Form = tuple[tuple[Term, Fraction], ...]

UNIT_TERM = Term()
_UNIT = Fraction(1)


def added(forms: Iterable[Form]) -> Form:
    """The sum of forms, like terms added up."""
    total: dict[Term, Fraction] = {}
    for form in forms:
        for term, number in form:
            before = total.get(term)
            total[term] = number if before is None else before + number
    if len(total) > MOST_TERMS:
        raise TooLarge("the entries hold too many terms")
    return tuple((term, number) for term, number in total.items() if number)


def multiplied(one: Form, other: Form) -> Form:
    """The product of two forms whose bound letters differ, multiplied out."""
    if len(one) * len(other) > MOST_TERMS:
        raise TooLarge("the entries hold too many terms")
    spend(len(one) * len(other))
    return added(
        (((_times(m, n), c if d is _UNIT else c * d),) for m, c in one for n, d in other),
    )


def _times(m: Term, n: Term) -> Term:
    """The product of two terms whose bound letters differ."""
    if not n.atoms and not n.bound:
        return m
    powers = dict(m.atoms)
    for atom, power in n.atoms:
        powers[atom] = _power(atom, powers.get(atom, 0) + power)
    return Term(tuple((a, p) for a, p in powers.items() if p), m.bound + n.bound)


def _power(atom: Atom, power: int) -> int:
    """The power of an atom: δ_ijⁿ is δ_ij, step(u)ⁿ is step(u), sign(u)² is 1 away from u = 0."""
    if isinstance(atom, Delta | Chosen):
        return min(power, 1)
    known = FUNCTIONS.get(atom.function) if isinstance(atom, Call) else None
    match known.powers if known else "":
        case "the same":
            return min(power, 1)
        case "1 or itself":
            return power % 2
    return power


def scaled(form: Form, number: Fraction) -> Form:
    """A rational multiple of a form."""
    return tuple((term, c * number) for term, c in form) if number else ()


def constant(value: Fraction) -> Form:
    """A number as a form."""
    return ((UNIT_TERM, _UNIT if value == 1 else value),) if value else ()


ONE_FORM, MINUS_ONE_FORM = constant(Fraction(1)), constant(Fraction(-1))


def single(atom: Atom, power: int = 1) -> Form:
    """A power of one atom as a form."""
    return ((Term(((atom, power),)), _UNIT),)


def size_form(symbol: str) -> Form:
    """N as a number; of a size that is worked out, such as N - 1, its sum of products.

    >>> size_form("N - 1") == difference(single(SizeAtom("N")), ONE_FORM)
    True
    """
    if symbol.isdigit():
        return constant(Fraction(symbol))
    if not is_worked_out(symbol):
        return single(SizeAtom(symbol))
    return added(
        scaled(reduce(multiplied, (single(SizeAtom(letter)) for letter in product), ONE_FORM), n)
        for product, n in ((p, Fraction(n)) for p, n in terms_of_size(symbol).items())
    )


def difference(left: Form, right: Form) -> Form:
    """The difference left - right, equal terms dropped."""
    return added((left, scaled(right, Fraction(-1))))


def raised(form: Form, exponent: Form) -> Form:
    """A power of a form: whole powers are powers of atoms, the rest lies from 0 to 1.

    Raises:
        ZeroDivisionError: 0 to a negative power.
        TooLarge: a number is too large.
    """
    whole = math.floor(sum((c for term, c in exponent if term == UNIT_TERM), Fraction(0)))
    rest = difference(exponent, constant(Fraction(whole)))
    if not form and whole == 0 and all(term == UNIT_TERM for term, _ in rest):
        return () if rest else constant(Fraction(1))  # such as 0**(1/2)
    if not form and rest:
        if _is_positive_at_all_sizes(exponent):
            return ()
        if whole >= 0:  # 0**(12 - N) is 1 at N = 12, and has no value above it
            return single(Raised(form, exponent))
    if len(form) > 1 and any(term != UNIT_TERM for term, _ in rest):  # a sum that may be 0
        return single(Raised(form, exponent))
    made = to_the(form, whole)
    if not rest or form == constant(Fraction(1)):
        return made
    return multiplied(made, single(Raised(form, rest)))


def _is_positive_at_all_sizes(form: Form) -> bool:
    """Whether a polynomial in sizes shows that it is: with 1 + m for each, no number is negative.

    >>> size = single(SizeAtom("N"))
    >>> _is_positive_at_all_sizes(size)
    True
    >>> _is_positive_at_all_sizes(difference(constant(Fraction(12)), size))
    False
    """
    parts: list[Form] = []
    for term, number in form:
        degree = sum(abs(power) for _, power in term.atoms)
        if (
            term.bound
            or degree > _DEGREE
            or not all(isinstance(atom, SizeAtom) and power > 0 for atom, power in term.atoms)
        ):
            return False
        above = (added((single(a), ONE_FORM)) for a, power in term.atoms for _ in range(power))
        parts.append(scaled(reduce(multiplied, above, ONE_FORM), number))
    shifted = added(parts)
    return all(n > 0 for _, n in shifted) and any(term == UNIT_TERM for term, _ in shifted)


def to_the(form: Form, power: int) -> Form:
    """A form to a whole power: a product's is the product of its atoms' powers."""
    if power == 0:
        return constant(Fraction(1))
    match form:
        case ():
            if power > 0:
                return ()
            raise ZeroDividedError
        case ((term, number),) if not term.bound:
            pass
        case _:
            return single(Raised(form, None), power)
    bits = max(abs(number.numerator).bit_length(), number.denominator.bit_length())
    if number not in (1, -1) and abs(power) * bits > _MAX_BITS:
        raise TooLarge("a number is too large")
    return ((Term(tuple((a, p * power) for a, p in term.atoms)), number**power),)


def undivided(form: Form) -> Form:
    """A form as a factor that stays one: a sum is not multiplied out."""
    return form if len(form) < 2 else single(Raised(form, None))  # noqa: PLR2004 - no sum


def atoms_in(form: Form) -> Iterator[Atom]:
    """All atoms of a form, those inside of others included.

    >>> rate = Rate(Entry("z", ()), Entry("x", ()))
    >>> list(atoms_in(single(rate))) == [rate, rate.of, rate.wrt]
    True
    """
    for term, _ in form:
        for atom, _ in term.atoms:
            yield atom
            match atom:
                case Call(arg=arg) | Whole(arg=arg):
                    yield from atoms_in(arg)
                case Raised(base=base, exponent=exponent):
                    yield from atoms_in(base)
                    yield from atoms_in(exponent or ())
                case Rate(of=of, wrt=wrt):
                    yield from atoms_in(single(of))
                    yield from atoms_in(single(wrt))


# -- indices ---------------------------------------------------------------------------------


def placed(form: Form, places: Mapping[str, Index]) -> Form:
    """The form with free letters replaced by other indices; bound ones must be none of them."""
    return added(((placed_term(term, places), number),) for term, number in form)


def placed_term(term: Term, places: Mapping[str, Index]) -> Term:
    """The term with free letters replaced by other indices."""
    spend(1)
    own = {letter for letter, _ in term.bound}
    inside = {old: new for old, new in places.items() if old not in own}
    powers: dict[Atom, int] = {}
    for atom, power in term.atoms:
        new = _placed_atom(atom, inside)
        powers[new] = _power(new, powers.get(new, 0) + power)
    return Term(tuple((a, p) for a, p in powers.items() if p), term.bound)


def _placed_atom(atom: Atom, places: Mapping[str, Index]) -> Atom:
    if not letters_of(atom) & places.keys():
        return atom
    match atom:
        case Entry(indices=indices) | Chosen(indices=indices):
            return replace(atom, indices=indices_at(indices, places))
        case Call(arg=form):
            return replace(atom, arg=placed(form, places))
        case Raised(base=base, exponent=exponent):
            power = None if exponent is None else placed(exponent, places)
            return Raised(placed(base, places), power)
        case Whole(letters=letters, arg=form, indices=indices):
            own = {letter for letter, _ in letters}
            inside = {old: new for old, new in places.items() if old not in own}
            return replace(atom, arg=placed(form, inside), indices=indices_at(indices, places))
        case Delta(one=one, other=other):
            return Delta(*indices_at((one, other), places))
        case Rate(of=of, wrt=wrt):
            first, second = (_placed_atom(a, places) for a in (of, wrt))
            assert isinstance(first, Entry | Call | Raised)
            assert isinstance(second, Entry | Call)
            return Rate(first, second)
        case SizeAtom():
            return atom


def indices_at(indices: tuple[Index, ...], places: Mapping[str, Index]) -> tuple[Index, ...]:
    """The indices with letters replaced by other indices."""
    if not places:
        return indices
    return tuple([places.get(i, i) if isinstance(i, str) else i for i in indices])


def refreshed(form: Form, fresh: Callable[[], str]) -> Form:
    """The same form under new names of the letters that its terms are summed over."""
    made = []
    for term, number in form:
        names = {letter: fresh() for letter, _ in term.bound}
        atoms = placed_term(Term(term.atoms), names).atoms
        made.append((Term(atoms, tuple((names[b], size) for b, size in term.bound)), number))
    return tuple(made)


@lru_cache(maxsize=1 << 16)
def letters_of(atom: Atom) -> frozenset[str]:
    """The letters that an atom holds and does not bind itself."""
    match atom:
        case Entry(indices=indices) | Chosen(indices=indices):
            return frozenset(i for i in indices if isinstance(i, str))
        case SizeAtom():
            return frozenset()
        case Call(arg=form):
            return _free(form)
        case Raised(base=base, exponent=exponent):
            return _free(base) | (_free(exponent) if exponent is not None else frozenset())
        case Whole(letters=letters, arg=form, indices=indices):
            own = frozenset(i for i in indices if isinstance(i, str))
            return own | (_free(form) - {letter for letter, _ in letters})
        case Delta(one=one, other=other):
            return frozenset(i for i in (one, other) if isinstance(i, str))
        case Rate(of=of, wrt=wrt):
            return letters_of(of) | letters_of(wrt)


def _free(form: Form) -> frozenset[str]:
    found: frozenset[str] = frozenset()
    for term, _ in form:
        inside = frozenset[str]().union(*(letters_of(atom) for atom, _ in term.atoms))
        found |= inside - {letter for letter, _ in term.bound}
    return found
