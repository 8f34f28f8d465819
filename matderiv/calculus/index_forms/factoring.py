"""Sums that do not depend on each other as factors: Σ_ij a_i b_j = (Σ_i a_i)·(Σ_j b_j)."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from fractions import Fraction

from matderiv.calculus.index_forms.canonical import sealed
from matderiv.calculus.index_forms.forms import (
    Atom,
    Call,
    Form,
    Raised,
    Term,
    Whole,
    added,
    letters_of,
    multiplied,
    raised,
    refreshed,
    single,
    to_the,
)

__all__ = ["factored"]

_SHORT = 4  # the largest power of a sum that is multiplied out


def factored(form: Form) -> Form:
    """The form with whole powers multiplied out, and each sum in a term as a separate factor.

    Raises:
        TooLarge: there are too many terms.

    >>> from matderiv.calculus.index_forms.forms import Entry
    >>> def x(letter): return ((Entry("x", (letter,)), 1),)
    >>> twice = Term(x("_1") + x("_2"), (("_1", "N"), ("_2", "N")))
    >>> ((term, _),) = factored(((twice, Fraction(1)),))
    >>> [power for _, power in term.atoms]
    [2]
    """
    numbers = itertools.count()
    return _factored(form, lambda: f"^{next(numbers)}")


def _factored(form: Form, fresh: Callable[[], str]) -> Form:
    made: list[Form] = []
    for term, number in form:
        product: Form = ((Term((), term.bound), number),)
        for atom, power in term.atoms:
            product = multiplied(product, _power(atom, power, fresh))
        made += (((_apart(part), c),) for part, c in product)
    return added(made)


def _power(atom: Atom, power: int, fresh: Callable[[], str]) -> Form:
    match atom:
        case Raised(base=base, exponent=None) if 0 < power <= _SHORT:
            inner = _factored(base, fresh)
            found = refreshed(inner, fresh)
            for _ in range(power - 1):
                found = multiplied(found, refreshed(inner, fresh))
            return found
        case Raised(base=base, exponent=None):
            return to_the(sealed(_factored(base, fresh)), power)
        case Raised(base=base, exponent=exponent) if exponent is not None:
            found = raised(sealed(_factored(base, fresh)), sealed(_factored(exponent, fresh)))
            return to_the(found, power)
        case Call(function=function, arg=arg):
            return single(Call(function, sealed(_factored(arg, fresh))), power)
        case Whole(function=function, letters=letters, arg=arg, indices=indices):
            return single(Whole(function, letters, _factored(arg, fresh), indices), power)
    return single(atom, power)


def _apart(term: Term) -> Term:
    """The term with atoms that share bound letters grouped under separate sum signs."""
    sizes = dict(term.bound)
    groups: list[tuple[set[str], list[tuple[Atom, int]]]] = []
    powers: dict[Atom, int] = {}
    for atom, power in term.atoms:
        letters = set(letters_of(atom) & sizes.keys())
        if not letters:
            powers[atom] = powers.get(atom, 0) + power
            continue
        atoms = [(atom, power)]
        for group in [g for g in groups if g[0] & letters]:
            letters |= group[0]
            atoms = group[1] + atoms
            groups.remove(group)
        groups.append((letters, atoms))
    for letters, atoms in groups:
        bound = tuple((letter, size) for letter, size in term.bound if letter in letters)
        whole = Raised(sealed(((Term(tuple(atoms), bound), Fraction(1)),)), None)
        powers[whole] = powers.get(whole, 0) + 1
    used = set[str]().union(*(letters for letters, _ in groups))
    idle = tuple((letter, size) for letter, size in term.bound if letter not in used)
    return Term(tuple((a, p) for a, p in powers.items() if p), idle)
