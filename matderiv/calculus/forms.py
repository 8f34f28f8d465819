"""Sums of products of atoms over indices, and what they read once letters do not matter.

A form is a sum of terms; a term is a number times a product of atoms to whole powers, summed over
its bound letters. An atom is an entry of a named array, the letter of a size, a function of a
form, or a power of one. Two forms that read the same after `canonical` are equal at every size;
forms that read differently may still be equal, so a difference decides nothing.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from matderiv.errors import UnsupportedError

__all__ = [
    "ONE",
    "Atom",
    "Call",
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
    "difference",
    "letters_of",
    "multiplied",
    "named",
    "scaled",
    "single",
]

Index = int | str

_MAX_TERMS = 2000  # of a form; more are not multiplied out
_MAX_ORDERS = 720  # of the bound letters of a term that are tried


class TooLarge(UnsupportedError):  # noqa: N818 - named for what is too large: the form
    """A form would hold more terms than are multiplied out."""


@dataclass(frozen=True, slots=True)
class Entry:
    """x_ij, an entry of a named array; a scalar has no indices."""

    name: str
    indices: tuple[Index, ...]


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
    """Loss(U), an undefined function of a whole array whose entry at `letters` is `arg`."""

    function: str
    letters: tuple[tuple[str, str], ...]
    arg: Form


Atom = Entry | Size | Call | Raised | Whole


@dataclass(frozen=True, slots=True)
class Term:
    """A product of atoms to whole powers, summed over (letter, size letter) pairs."""

    atoms: tuple[tuple[Atom, int], ...] = ()
    bound: tuple[tuple[str, str], ...] = ()


Form = tuple[tuple[Term, Fraction], ...]

ONE = Term()


def added(forms: Iterable[Form]) -> Form:
    """The sum, terms that cancel left out."""
    total: dict[Term, Fraction] = {}
    for form in forms:
        for term, number in form:
            total[term] = total.get(term, Fraction(0)) + number
    if len(total) > _MAX_TERMS:
        raise TooLarge("the entries hold too many terms")
    return tuple((term, number) for term, number in total.items() if number)


def multiplied(one: Form, other: Form) -> Form:
    """The product. Bound letters of the two must have different names."""
    if len(one) * len(other) > _MAX_TERMS:
        raise TooLarge("the entries hold too many terms")
    return added(
        (((_times(m, n), c * d),) for (m, c), (n, d) in itertools.product(one, other)),
    )


def _times(m: Term, n: Term) -> Term:
    if not n.atoms and not n.bound:
        return m
    powers = dict(m.atoms)
    for atom, power in n.atoms:
        powers[atom] = powers.get(atom, 0) + power
    return Term(tuple((a, p) for a, p in powers.items() if p), m.bound + n.bound)


def scaled(form: Form, number: Fraction) -> Form:
    """The form times a number."""
    return tuple((term, c * number) for term, c in form) if number else ()


def constant(value: Fraction) -> Form:
    """A number."""
    return ((ONE, value),) if value else ()


def single(atom: Atom, power: int = 1) -> Form:
    """A power of one atom."""
    return ((Term(((atom, power),)), Fraction(1)),)


def difference(left: Form, right: Form) -> Form:
    """The difference left - right, equal terms dropped."""
    return added((left, scaled(right, Fraction(-1))))


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
        case Whole(letters=letters, arg=form):
            return _free(form) - {letter for letter, _ in letters}


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
    colour = dict(bound)
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
        case Entry(name=name, indices=indices):
            return f"{name}[{','.join(names.get(str(i), str(i)) for i in indices)}]"
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
