"""Points at which two forms differ: one such point refutes an equality, none proves it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from itertools import product
from random import Random
from typing import Any, TypeAlias

import mpmath

from matderiv.calculus.index_forms.forms import (
    Atom,
    Call,
    Chosen,
    Delta,
    Entry,
    Form,
    Index,
    Known,
    Raised,
    Rate,
    SizeAtom,
    Term,
    Whole,
    atoms_in,
    letters_of,
    placed,
    placed_term,
)
from matderiv.errors import UnsupportedError
from matderiv.expression.exact import precise_change, precise_value
from matderiv.expression.functions import FUNCTIONS
from matderiv.expression.matrix_functions import (
    MATRIX_FUNCTIONS,
    SMOOTH,
    exponents,
    function_kind,
    with_exponent,
)
from matderiv.expression.selections import value_at
from matderiv.expression.size_text import letters_of_size, size_number

__all__ = ["differ", "refuting_point"]

Real: TypeAlias = Any  # a number of mpmath, whose classes are no types to a checker

_DIGITS = 50  # of the numbers that are worked out
_SMALL = mpmath.mpf(10) ** -25  # a difference, relative to the sides, that is none
_SAME = 30  # digits by which two arguments of an undefined function are the same
_POINTS = 3
_NAMED = 8  # entries of a point that are named
_LARGEST = 10**6  # number of which a function or a power is worked out
_MOST = 2000  # terms that are added up
_SIZE = 2  # the least that a letter stands for in forms that are to be equal at all sizes


def refuting_point(one: Form, other: Form, sizes: Mapping[str, int] | None) -> str | None:
    """A rational point at which two entries without free letters differ, if one is found.

    Entries, undefined functions and their derivatives have random values there; inverses and
    determinants are worked out, so that a point is one that there is. Without `sizes`, all sizes
    are small, yet no place in the forms lies beyond them, and derivatives that are quantities of
    their own have random values as well.

    >>> from matderiv.calculus.index_forms.forms import single
    >>> refuting_point(single(Entry("x", (1,))), single(Entry("x", (2,))), {})
    'x[1] = 4/3, x[2] = 17/6'
    """
    small = max(_SIZE, _greatest(one), _greatest(other)) if sizes is None else 0
    with mpmath.workdps(_DIGITS):
        for seed in range(_POINTS):
            point = _Point(seed, sizes, small)
            try:
                first, second = point.form(one), point.form(other)
            except (ArithmeticError, ValueError):  # a value that is not there
                continue
            except (UnsupportedError, RecursionError):
                return None
            scale = max(1, abs(first), abs(second))
            if mpmath.isfinite(scale) and abs(first - second) > _SMALL * scale:
                return ", ".join(f"{k} = {v}" for k, v in list(point.entries.items())[:_NAMED])
    return None


def differ(one: Form, other: Form) -> bool:
    """Whether two forms differ at a point and at small sizes, so that no proof exists.

    Named quantities get any values here, also impossible ones, so this refutes no equality.


    >>> from matderiv.calculus.index_forms.forms import single
    >>> differ(single(Entry("x", ("i",))), single(Entry("y", ("i",))))
    True
    """
    free = frozenset[str]().union(
        *(
            letters_of(atom) - {letter for letter, _ in term.bound}
            for form in (one, other)
            for term, _ in form
            for atom, _ in term.atoms
        )
    )
    at: dict[str, Index] = {letter: 1 + n % _SIZE for n, letter in enumerate(sorted(free))}
    return refuting_point(placed(one, at), placed(other, at), None) is not None


class _Point:
    """A random value for each entry; without `sizes`, every size is `small`."""

    def __init__(self, seed: int, sizes: Mapping[str, int] | None, small: int) -> None:
        self.seed = seed
        self.sizes = sizes
        self.small = small
        self.terms = 0
        self.entries: dict[str, Fraction] = {}
        self._atoms: dict[Atom, Real] = {}

    def random(self, key: str) -> Fraction:
        """A random value for a key, always the same for the same key; positive at first."""
        chance = Random(f"{self.seed}:{key}")
        sign = chance.choice((1, -1)) if self.seed else 1
        return sign * Fraction(chance.randint(1, 19), chance.randint(2, 9))

    def form(self, form: Form) -> Real:
        """The value of a form.

        Raises:
            ArithmeticError, ValueError: it has no real value here.
            UnsupportedError: it holds what no value is known of.
        """
        total = mpmath.mpf(0)
        for term, number in form:
            for place in self.places(term.bound):
                at = dict(zip((letter for letter, _ in term.bound), place, strict=True))
                value = mpmath.mpf(number.numerator) / number.denominator
                for atom, power in placed_term(Term(term.atoms), dict(at)).atoms:
                    value *= self.atom(atom) ** _bounded(power)
                total += value
        return _real(total)

    def places(self, bound: Iterable[tuple[str, str]]) -> Iterator[tuple[int, ...]]:
        """The numbers that letters run through; all numbers of a point together are bounded.

        Raises:
            UnsupportedError: there are too many.
        """
        sizes = [self.size(size) for _, size in bound]
        self.terms += math.prod(sizes)
        if self.terms > _MOST:
            raise UnsupportedError("there are too many terms to add up")
        return product(*(range(1, size + 1) for size in sizes))

    def size(self, letter: str) -> int:
        """The value of a size letter."""
        if letter.isdigit():
            return int(letter)
        return self.small if self.sizes is None else size_number(letter, self.sizes)

    def atom(self, atom: Atom) -> Real:
        """The value of an atom, worked out once."""
        if atom not in self._atoms:
            self._atoms[atom] = self._worked_out(atom)
        return self._atoms[atom]

    def _worked_out(self, atom: Atom) -> Real:
        match atom:
            case Entry("π", ()):
                return +mpmath.pi
            case Entry():
                value = self.entry(atom)
                return mpmath.mpf(value.numerator) / value.denominator
            case SizeAtom(letter):
                return mpmath.mpf(self.size(letter))
            case Delta(one, other) if isinstance(one, int) and isinstance(other, int):
                return mpmath.mpf(one == other)
            case Chosen():
                return mpmath.mpf(self.chosen(atom))
            case Call(function, arg):
                return self.call(function, self.form(arg))
            case Raised(base, exponent):
                power = 1 if exponent is None else self.form(exponent)
                return _real(mpmath.power(self.form(base), _bounded(power)))
            case Whole():
                return self.whole(atom)
            case Rate() if self.sizes is None:
                return self.drawn(str(atom))
        raise UnsupportedError(f"{atom} has no value at a point")

    def chosen(self, atom: Chosen) -> int:
        """An entry of a constant of zeros and ones; any of the two without sizes."""
        if self.sizes is None:
            return int(self.random(str(atom)) > 1)
        return value_at(atom.constant, tuple(map(int, atom.indices)), self.sizes)

    def entry(self, entry: Entry) -> Fraction:
        """The value of an entry; what is assumed of its array holds at a point of given sizes.

        Raises:
            UnsupportedError: such arrays are not drawn entry by entry.
        """
        indices = sorted(entry.indices, key=str) if entry.symmetric else entry.indices
        key = f"{entry.name}[{','.join(map(str, indices))}]" if indices else entry.name
        if key not in self.entries:
            value = self.random(key)
            known = None if self.sizes is None else entry.known
            self.entries[key] = value if known is None else self.assumed(value, entry, known)
        return self.entries[key]

    def assumed(self, value: Fraction, entry: Entry, known: Known) -> Fraction:
        """A random value such that what is assumed of an array holds.

        Of rows that sum to 1 the last entry is never asked for: it is written as 1 - the others.
        """
        row = ",".join(map(str, entry.indices[:-1]))
        match known.what:
            case "symmetric" | "stochastic":
                return value
            case "positive" | "symmetric, positive":
                return abs(value)
            case "stochastic, positive":  # all but the last of a row, together less than 1
                return abs(value) / (1 + abs(value)) / self.size(known.size)
            case "diagonal" | "diagonal, psd" | "lower":
                above, below = entry.indices
                lower = known.what == "lower" and int(above) > int(below)
                if known.what == "diagonal, psd":
                    value = abs(value)
                return value if above == below or lower else Fraction(0)
            case "onehot":
                label = Random(f"{self.seed}:{entry.name}[{row}]").randint(1, self.size(known.size))
                return Fraction(label == entry.indices[-1])
        raise UnsupportedError(f"no entry of an {known.what} array is drawn alone")

    def call(self, function: str, at: Real) -> Real:
        """f(u), an undefined function's the same for the same u."""
        if function not in FUNCTIONS:
            return self.drawn(f"{function}({_digits([at])})")
        name = FUNCTIONS[function].sympy(function)
        if name == "iszero":
            return mpmath.mpf(at == 0)
        if name == "Heaviside":
            return mpmath.mpf(at > 0)
        if name == "round":
            return mpmath.nint(at)
        if name is None:
            raise UnsupportedError(f"{function} is to be written by its definition")
        return _real(getattr(mpmath, name)(_bounded(at)))

    def drawn(self, key: str) -> Real:
        """A random value that belongs to no entry."""
        value = self.random(key)
        return mpmath.mpf(value.numerator) / value.denominator

    def whole(self, atom: Whole) -> Real:
        """An entry of a function of a whole array."""
        letters = [letter for letter, _ in atom.letters]
        values = [
            self.form(placed(atom.arg, dict(zip(letters, place, strict=True))))
            for place in self.places(atom.letters)
        ]
        if atom.function == "prod":
            return math.prod(values, start=mpmath.mpf(1))
        if atom.function == "max":
            return max(values)
        kind = function_kind(atom.function)
        known, along = kind in MATRIX_FUNCTIONS, kind[0] == "d" and kind[1:] in SMOOTH
        if not (known or along) and atom.function not in ("inv", "det", "logdet"):
            return self.drawn(f"{atom.function}({_digits(values)}){atom.indices}")
        rows = self.size(atom.letters[0][1])
        matrix = mpmath.matrix([values[n * rows : (n + 1) * rows] for n in range(rows)])
        if known:
            row, col = map(int, atom.indices)
            function = self._function(atom.function)
            return _real(precise_value(function, matrix)[row - 1, col - 1])
        if along:
            row, col, k, m = (int(place) - 1 for place in atom.indices)
            change = mpmath.zeros(rows)
            change[k, m] = 1
            return _real(
                precise_change(self._function(atom.function[1:]), matrix, change)[row, col]
            )
        if atom.function == "inv":
            row, col = map(int, atom.indices)
            if max(row, col) > rows:
                raise ValueError("the matrix has no such place")
            if any(not any(matrix[:, n]) for n in range(rows)):  # mpmath finds no pivot there
                raise ZeroDivisionError("a column of the matrix is zero")
            return (matrix**-1)[row - 1, col - 1]
        value = mpmath.det(matrix)
        return value if atom.function == "det" else mpmath.log(abs(value))

    def _function(self, function: str) -> str:
        sizes = {
            letter: self.size(letter) for e in exponents(function) for letter in letters_of_size(e)
        }
        return with_exponent(function, sizes)


def _greatest(form: Form) -> int:
    """The greatest place that a form names as a number, 0 if it names none."""
    places = (
        (atom.one, atom.other) if isinstance(atom, Delta) else getattr(atom, "indices", ())
        for atom in atoms_in(form)
    )
    return max((i for some in places for i in some if isinstance(i, int)), default=0)


def _digits(values: Iterable[Real]) -> str:
    return ",".join(str(mpmath.nstr(value, _SAME)) for value in values)


def _bounded(value: Real | int) -> Real | int:
    """A number, refused if it is so large that a function of it would fill the memory."""
    if abs(value) > _LARGEST:
        raise ArithmeticError("a number is too large")
    return value


def _real(value: Real) -> Real:
    if isinstance(value, mpmath.mpc):
        if value.imag:
            raise ValueError("the value is not real")
        return value.real
    return value
