"""Entries of any expression in index notation: sums of products of atoms, sizes left as letters.

A form is a sum of terms; a term is a number times a product of atoms to whole powers, summed over
its bound letters. An atom is an entry of a named array, the letter of a size, a function of a
form, or a power of one. Two forms that read the same after `canonical` are equal at every size;
forms that read differently may still be equal, so a difference decides nothing.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache

from matderiv.errors import UnsupportedError

__all__ = [
    "ONE",
    "Atom",
    "Call",
    "Delta",
    "Entry",
    "Form",
    "Index",
    "Raised",
    "Size",
    "Term",
    "TooLarge",
    "Whole",
    "added",
    "atom_name",
    "canonical",
    "constant",
    "contracted",
    "difference",
    "letters_of",
    "multiplied",
    "named",
    "placed",
    "raised",
    "refreshed",
    "scaled",
    "sealed",
    "single",
]

Index = int | str

_MAX_TERMS = 2000  # of a form; more are not multiplied out
_MAX_ORDERS = 720  # of the bound letters of a term that are tried
_MAX_BITS = 4096  # of an exact number


class TooLarge(UnsupportedError):  # noqa: N818 - named for what is too large: the form
    """A form would hold more terms than are multiplied out."""


@dataclass(frozen=True, slots=True)
class Entry:
    """x_ij, an entry of a named array; a scalar has no indices."""

    name: str
    indices: tuple[Index, ...]
    symmetric: bool = False


@dataclass(frozen=True, slots=True)
class Size:
    """A size as a number: Σ_i 1 = N."""

    letter: str


@dataclass(frozen=True, slots=True)
class Call:
    """f(u), a function of one number."""

    function: str
    arg: Form


@dataclass(frozen=True, slots=True)
class Raised:
    """u**v, or u itself as one atom where `exponent` is None."""

    base: Form
    exponent: Form | None


@dataclass(frozen=True, slots=True)
class Whole:
    """An entry of F(U), a function of the whole array U whose entry at `letters` is `arg`."""

    function: str
    letters: tuple[tuple[str, str], ...]
    arg: Form
    indices: tuple[Index, ...] = ()


@dataclass(frozen=True, slots=True)
class Delta:
    """δ_ij: 1 where two indices agree, else 0."""

    one: Index
    other: Index


Atom = Entry | Size | Call | Raised | Whole | Delta


@dataclass(frozen=True, slots=True)
class Term:
    """A product of atoms to whole powers, summed over (letter, size letter) pairs."""

    atoms: tuple[tuple[Atom, int], ...] = ()
    bound: tuple[tuple[str, str], ...] = ()


Form = tuple[tuple[Term, Fraction], ...]

ONE = Term()


def added(forms: Iterable[Form]) -> Form:
    total: dict[Term, Fraction] = {}
    for form in forms:
        for term, number in form:
            total[term] = total.get(term, Fraction(0)) + number
    if len(total) > _MAX_TERMS:
        raise TooLarge("the entries hold too many terms")
    return tuple((term, number) for term, number in total.items() if number)


def multiplied(one: Form, other: Form) -> Form:
    if len(one) * len(other) > _MAX_TERMS:
        raise TooLarge("the entries hold too many terms")
    return added(
        (((times(m, n), c * d),) for (m, c), (n, d) in itertools.product(one, other)),
    )


def times(m: Term, n: Term) -> Term:
    """The product of two terms whose bound letters differ."""
    if not n.atoms and not n.bound:
        return m
    powers = dict(m.atoms)
    for atom, power in n.atoms:
        powers[atom] = _power(atom, powers.get(atom, 0) + power)
    return Term(tuple((a, p) for a, p in powers.items() if p), m.bound + n.bound)


def _power(atom: Atom, power: int) -> int:
    """The power of an atom: step(u)ⁿ is step(u), and sign(u)² is 1, away from u = 0."""
    match atom:
        case Call(function="step"):
            return min(power, 1)
        case Call(function="sign"):
            return power % 2
    return power


def scaled(form: Form, number: Fraction) -> Form:
    return tuple((term, c * number) for term, c in form) if number else ()


def constant(value: Fraction) -> Form:
    return ((ONE, value),) if value else ()


def single(atom: Atom, power: int = 1) -> Form:
    return ((Term(((atom, power),)), Fraction(1)),)


def difference(left: Form, right: Form) -> Form:
    """left - right, equal terms dropped."""
    return added((left, scaled(right, Fraction(-1))))


def raised(form: Form, exponent: Form) -> Form:
    """form ** exponent: whole powers are powers of atoms, the rest lies from 0 to 1.

    Raises:
        ZeroDivisionError: 0 to a negative power.
        TooLarge: a number is too large.
    """
    whole = math.floor(sum((c for term, c in exponent if term == ONE), Fraction(0)))
    rest = difference(exponent, constant(Fraction(whole)))
    made = to_the(form, whole)
    if not rest or form == constant(Fraction(1)):
        return made
    return multiplied(made, single(Raised(form, rest)))


def to_the(form: Form, power: int) -> Form:
    """A form to a whole power: a product's is the product of its atoms' powers."""
    if power == 0:
        return constant(Fraction(1))
    if not form:
        if power > 0:
            return ()
        raise ZeroDivisionError
    if len(form) > 1 or form[0][0].bound:
        return single(Raised(form, None), power)
    ((term, number),) = form
    bits = max(abs(number.numerator).bit_length(), number.denominator.bit_length())
    if number not in (1, -1) and abs(power) * bits > _MAX_BITS:
        raise TooLarge("a number is too large")
    return ((Term(tuple((a, p * power) for a, p in term.atoms)), number**power),)


# -- indices ---------------------------------------------------------------------------------


def placed(form: Form, places: Mapping[str, Index]) -> Form:
    """The form with free letters replaced by other indices; bound ones must be none of them."""
    return added(((_placed_term(term, places), number),) for term, number in form)


def _placed_term(term: Term, places: Mapping[str, Index]) -> Term:
    own = {letter for letter, _ in term.bound}
    inside = {old: new for old, new in places.items() if old not in own}
    powers: dict[Atom, int] = {}
    for atom, power in term.atoms:
        new = _placed_atom(atom, inside)
        powers[new] = powers.get(new, 0) + power
    return Term(tuple((a, p) for a, p in powers.items() if p), term.bound)


def _placed_atom(atom: Atom, places: Mapping[str, Index]) -> Atom:
    if not letters_of(atom) & places.keys():
        return atom
    match atom:
        case Entry(indices=indices):
            return replace(atom, indices=_put(indices, places))
        case Call(arg=form):
            return replace(atom, arg=placed(form, places))
        case Raised(base=base, exponent=exponent):
            power = None if exponent is None else placed(exponent, places)
            return Raised(placed(base, places), power)
        case Whole(letters=letters, arg=form, indices=indices):
            own = {letter for letter, _ in letters}
            inside = {old: new for old, new in places.items() if old not in own}
            return replace(atom, arg=placed(form, inside), indices=_put(indices, places))
        case Delta(one=one, other=other):
            return Delta(*_put((one, other), places))
        case Size():
            return atom


def _put(indices: tuple[Index, ...], places: Mapping[str, Index]) -> tuple[Index, ...]:
    return tuple(places.get(i, i) if isinstance(i, str) else i for i in indices)


def refreshed(form: Form, fresh: Callable[[], str]) -> Form:
    """The same form under new names of the letters that its terms are summed over."""
    made = []
    for term, number in form:
        names = {letter: fresh() for letter, _ in term.bound}
        atoms = _placed_term(Term(term.atoms), names).atoms
        made.append((Term(atoms, tuple((names[b], size) for b, size in term.bound)), number))
    return tuple(made)


def contracted(form: Form) -> Form:
    """Σ_i δ_ip a_i = a_p wherever it applies; δ_pp = 1, and δ_12 = 0.

    Σ_i runs over the whole size that p belongs to, so no term is lost.
    """
    made = []
    for term, number in form:
        found = _contracted(term)
        if found is not None:
            made.append(((found, number),))
    return added(made)


def _contracted(term: Term) -> Term | None:
    while True:
        bound = dict(term.bound)
        for atom, _ in term.atoms:
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
                term = _placed_term(Term(rest, left), {str(gone): stays})
                break
        else:
            return term


def sealed(form: Form) -> Form:
    """The form inside an atom: its own letters renamed so that the same reads the same."""
    made = []
    for term, number in form:
        key, names = named(term, {})
        places = {letter: f"~{names[letter]}" for letter, _ in term.bound if letter in names}
        atoms = _placed_term(Term(term.atoms), places).atoms
        bound = tuple((places.get(letter, letter), size) for letter, size in term.bound)
        made.append((key, (Term(atoms, bound), number)))
    return tuple(found for _, found in sorted(made, key=lambda pair: pair[0]))


# -- reading the same --------------------------------------------------------------------------


def canonical(form: Form) -> dict[str, Fraction]:
    """The terms of a form, each under a name that does not depend on its bound letters.

    Raises:
        TooLarge: there are too many orders of bound letters to try.
    """
    total: dict[str, Fraction] = {}
    for term, number in form:
        key = _key(term, {})
        total[key] = total.get(key, Fraction(0)) + number
    return {key: number for key, number in total.items() if number}


@lru_cache(maxsize=1 << 14)
def letters_of(atom: Atom) -> frozenset[str]:
    """The letters that an atom holds and does not bind itself."""
    match atom:
        case Entry(indices=indices):
            return frozenset(i for i in indices if isinstance(i, str))
        case Size():
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


def _free(form: Form) -> frozenset[str]:
    found: frozenset[str] = frozenset()
    for term, _ in form:
        inside = frozenset[str]().union(*(letters_of(atom) for atom, _ in term.atoms))
        found |= inside - {letter for letter, _ in term.bound}
    return found


def _key(term: Term, names: Mapping[str, str]) -> str:
    return named(term, names)[0]


def named(term: Term, names: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """The least of the names of a term over all orders of its bound letters; and that order."""
    used = frozenset[str]().union(*(letters_of(atom) for atom, _ in term.atoms))
    idle = sorted(size for letter, size in term.bound if letter not in used)
    extra = [f"|{size}|" for size in idle]
    bound = [(letter, size) for letter, size in term.bound if letter in used]
    best: tuple[str, dict[str, str]] | None = None
    for order in _orders(term, bound, names):
        inner = dict(names)
        for letter, size in order:
            inner[letter] = f"{size}:{len(inner)}"
        atoms = sorted([*extra, *(_written(a, p, inner) for a, p in term.atoms)])
        sizes = ",".join(inner[letter] for letter, _ in order)
        text = f"{'·'.join(atoms)}{{{sizes}}}"
        if best is None or text < best[0]:
            best = (text, inner)
    assert best is not None
    return best


def _orders(
    term: Term, bound: list[tuple[str, str]], names: Mapping[str, str]
) -> Iterable[tuple[tuple[str, str], ...]]:
    """Orders of the bound letters to try: those that what stands around them leaves open."""
    if len(bound) <= 1:
        return [tuple(bound)]
    colour = {letter: size for letter, size in bound}
    for _ in bound:
        seen = {letter: _surroundings(term, letter, colour, names) for letter, _ in bound}
        ranks = {text: n for n, text in enumerate(sorted(set(seen.values())))}
        colour = {letter: f"{size}.{ranks[seen[letter]]}" for letter, size in bound}
    groups = [
        [pair for pair in bound if colour[pair[0]] == kind] for kind in sorted(set(colour.values()))
    ]
    if math.prod(math.factorial(len(group)) for group in groups) > _MAX_ORDERS:
        raise TooLarge("a sum runs over too many indices that are alike")
    return (
        tuple(itertools.chain(*choice))
        for choice in itertools.product(*(itertools.permutations(group) for group in groups))
    )


def _surroundings(
    term: Term, letter: str, colour: Mapping[str, str], names: Mapping[str, str]
) -> str:
    inner = {**names, **colour, letter: f"*{colour[letter]}"}
    atoms = (_written(a, p, inner) for a, p in term.atoms if letter in letters_of(a))
    return " ".join(sorted(atoms))


def _written(atom: Atom, power: int, names: Mapping[str, str]) -> str:
    text = atom_name(atom, names)
    return text if power == 1 else f"{text}^{power}"


def atom_name(atom: Atom, names: Mapping[str, str]) -> str:
    """The name of an atom, its letters under other names."""
    match atom:
        case Entry(name=name, indices=indices, symmetric=symmetric):
            places = [names.get(str(i), str(i)) for i in indices]
            return f"{name}[{','.join(sorted(places) if symmetric else places)}]"
        case Size(letter=letter):
            return f"|{letter}|"
        case Call(function=function, arg=form):
            return f"{function}({form_name(form, names)})"
        case Raised(base=base, exponent=None):
            return f"({form_name(base, names)})"
        case Raised(base=base, exponent=exponent):
            assert exponent is not None
            return f"({form_name(base, names)})^({form_name(exponent, names)})"
        case Whole(function=function, letters=letters, arg=form):
            inner = dict(names)
            for letter, size in letters:
                inner[letter] = f"{size}:{len(inner)}"
            return f"{function}[{form_name(form, inner)}]"


def form_name(form: Form, names: Mapping[str, str]) -> str:
    """The name of a form, its letters under other names."""
    total: dict[str, Fraction] = {}
    for term, number in form:
        key = _key(term, names)
        total[key] = total.get(key, Fraction(0)) + number
    return " + ".join(f"{c}*{k}" for k, c in sorted(total.items()) if c)


#: Functions F of a square matrix with F(Aᵀ) = F(A)ᵀ: both ways of reading A are the same.
_TURNED = frozenset({"inv", "det", "logdet"})


def _turned(atom: Whole) -> Whole:
    return replace(atom, letters=atom.letters[::-1], indices=atom.indices[::-1])


def _whole_name(atom: Whole, names: Mapping[str, str]) -> str:
    inner = dict(names)
    for letter, size in atom.letters:
        inner[letter] = f"{size}{len(inner)}"
    places = ",".join(names.get(str(i), str(i)) for i in atom.indices)
    return f"{atom.function}[{form_name(atom.arg, inner)}][{places}]"
