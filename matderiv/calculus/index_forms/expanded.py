"""Forms at chosen sizes: every sum written out term by term."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from fractions import Fraction

from matderiv.calculus.index_forms.canonical import sealed
from matderiv.calculus.index_forms.contraction import contracted
from matderiv.calculus.index_forms.forms import (
    Atom,
    Call,
    Chosen,
    Form,
    Indices,
    Raised,
    SizeAtom,
    Term,
    Whole,
    added,
    constant,
    multiplied,
    placed,
    placed_term,
    raised,
    single,
    to_the,
    undivided,
)
from matderiv.errors import TooLarge
from matderiv.expression.selections import value_at
from matderiv.expression.size_text import size_number

__all__ = ["written_out", "written_out_at"]

_MOST_TERMS = 2000  # of one sum


def written_out_at(
    form: Form, indices: Indices, place: Sequence[int], sizes: Mapping[str, int]
) -> Form:
    """A form with numbers for its free letters, its sums written out."""
    pairs = zip(indices, place, strict=True)
    return written_out(placed(form, {i: n for i, n in pairs if isinstance(i, str)}), sizes)


def written_out(form: Form, sizes: Mapping[str, int]) -> Form:
    """The form without sums over letters and without letters of sizes.

    Raises:
        TooLarge: there are too many terms.

    >>> from matderiv.calculus.index_forms.forms import Entry
    >>> total = ((Term(((Entry("v", ("_0",)), 1),), (("_0", "N"),)), Fraction(1)),)
    >>> [term.atoms[0][0].indices for term, _ in written_out(total, {"N": 3})]
    [(1,), (2,), (3,)]
    """
    made: list[Form] = []
    for term, number in form:
        letters = [letter for letter, _ in term.bound]
        counts = [_number(size, sizes) for _, size in term.bound]
        if math.prod(counts) > _MOST_TERMS:
            raise TooLarge("a sum has too many terms to write out")
        for place in itertools.product(*(range(1, count + 1) for count in counts)):
            at = dict(zip(letters, place, strict=True))
            product = constant(number)
            for atom, power in placed_term(Term(term.atoms), dict(at)).atoms:
                found = _atom(atom, sizes)
                if power < 0:
                    product = multiplied(product, to_the(found, power))
                for _ in range(power):
                    product = multiplied(product, found)
            made.append(product)
    return contracted(added(made))


def _number(size: str, sizes: Mapping[str, int]) -> int:
    """The value of a size letter, or of a number that the program writes as a size."""
    return size_number(size, sizes)


def _atom(atom: Atom, sizes: Mapping[str, int]) -> Form:
    match atom:
        case SizeAtom(letter):
            return constant(Fraction(_number(letter, sizes)))
        case Chosen(rule, indices):
            places = [i for i in indices if isinstance(i, int)]
            if len(places) == len(indices):
                return constant(Fraction(value_at(rule, places, sizes)))
        case Call(function, arg):
            return single(Call(function, sealed(written_out(arg, sizes))))
        case Raised(base, exponent):
            inner = written_out(base, sizes)
            return inner if exponent is None else raised(inner, written_out(exponent, sizes))
        case Whole("prod", letters, arg):
            made = constant(Fraction(1))
            for place in itertools.product(
                *(range(1, _number(size, sizes) + 1) for _, size in letters)
            ):
                at = dict(zip((letter for letter, _ in letters), place, strict=True))
                made = multiplied(made, undivided(written_out(placed(arg, dict(at)), sizes)))
            return made
    return single(atom)
