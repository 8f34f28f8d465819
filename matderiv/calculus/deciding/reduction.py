"""Decides exactly whether an expression is 0, by polynomials with rational coefficients.

Each symbol, 1/p, root and value of a function is a generator of SymPy's ring of polynomials, and an
expression is a polynomial in them. Then p·(1/p) = 1, (√u)² = u and sin² = 1 - cos² are substituted,
the last generator first; if nothing is left, the expression is 0 wherever it has a value. Other
relations between generators are not used: they can leave a zero undecided, but nothing is taken for
0 that is not.
"""

from __future__ import annotations

import hashlib
import numbers
import operator
from collections.abc import Iterable
from typing import Any, TypeAlias, cast

import sympy as sp
from sympy.polys.orderings import lex
from sympy.polys.rings import PolyElement, PolyRing

from matderiv.calculus.index_forms.forms import TooLarge

__all__ = ["ZeroTest"]

#: Products of two terms for all expressions together, and generators.
_MOST_PRODUCTS = 40_000
_MOST_GENERATORS = 256

#: Polynomials with different values modulo this prime are different. It is 3 modulo 4, so that
#: a number with a square root has u^((p + 1)/4) as one.
_PRIME = 2**61 - 1

_Poly: TypeAlias = Any  # PolyElement, whose methods SymPy gives no types


class _FullError(Exception):
    """The ring has too few generators."""


class ZeroTest:
    """Reduces expressions to 0 within a budget of products of terms.

    >>> x, y = sp.symbols("x y", real=True)
    >>> reduction = ZeroTest()
    >>> reduction.is_zero(sp.sqrt(x**2 + y**2) - (x**2 + y**2) / sp.sqrt((x + y) ** 2 - 2 * x * y))
    True
    >>> reduction.is_zero(sp.exp(x + y) / (sp.exp(x) + 1) - sp.exp(y) / (1 + sp.exp(-x)))
    True
    >>> reduction.is_zero(1 / (x + y) - 1 / x - 1 / y)
    False
    """

    def __init__(self) -> None:
        self._left = _MOST_PRODUCTS
        self._begin(16)

    def _begin(self, generators: int) -> None:
        if generators > _MOST_GENERATORS:
            raise TooLarge("too many generators")
        self._ring = PolyRing([f"g{n}" for n in range(generators)], sp.QQ, lex)
        self._known: dict[sp.Basic, _Poly] = {}
        self._generators: dict[tuple[object, ...], int] = {}
        # of each generator g: (0, p) for g = 1/p, (n, u) for gⁿ = u, and None for any other
        self._relations: list[tuple[int, _Poly] | None] = []
        # the value of each generator modulo the prime, where its relation holds; None if unknown
        self._values: list[int | None] = []
        self._found: dict[_Poly, int | None] = {}

    def is_zero(self, expr: sp.Expr) -> bool:
        """Whether an expression is shown to be 0 wherever it has a value."""
        while self._left > 0:
            try:
                return not self._cleared(self._polynomial(expr))[0]
            except _FullError:
                try:
                    self._begin(2 * self._ring.ngens)
                except TooLarge:
                    self._left = 0
            except (TooLarge, ZeroDivisionError):
                return False
        return False

    # -- polynomials ---------------------------------------------------------------------------

    def _times(self, left: _Poly, right: _Poly) -> _Poly:
        self._left -= len(left) * len(right)
        if self._left < 0:
            raise TooLarge("too many products")
        return left * right

    def _product(self, factors: Iterable[_Poly]) -> _Poly:
        value = self._ring.one
        for factor in sorted(factors, key=len):
            value = self._times(value, factor)
        return value

    def _power(self, base: _Poly, exponent: int) -> _Poly:
        if exponent < 0:
            return self._power(self._inverse(base), -exponent)
        if len(base) == 1:
            return base**exponent
        return self._product([base] * exponent)

    def _cleared(self, value: _Poly, *, inverses: bool = True) -> tuple[_Poly, list[_Poly]]:
        """The numerator of a polynomial, and the factors of its denominator.

        No relation of a root is left to use; without `inverses`, theirs are.
        """
        factors = []
        degrees = value.degrees()
        for place in reversed(range(len(self._relations))):
            relation = self._relations[place]
            most = degrees[place]
            if relation is None or most < max(relation[0], 1) or not (inverses or relation[0]):
                continue
            degree, other = relation
            parts = self._by_powers(value, place)
            if degree == 0:
                value = self._horner([parts.get(n) for n in range(most + 1)], other)
                factors += [other] * most
            else:
                value = self._without_high_powers(parts, place, degree, other)
            degrees = value.degrees()
        return value, factors

    def _normal(self, value: _Poly) -> _Poly:
        """The polynomial without powers of roots that their relation removes."""
        return self._cleared(value, inverses=False)[0]

    def _without_high_powers(
        self, parts: dict[int, _Poly], place: int, degree: int, power: _Poly
    ) -> _Poly:
        """Σ_j gʲ Σ_i parts[j + i·degree]·powerⁱ over j < degree."""
        value = self._ring.zero
        most = max(parts)
        for rest in range(degree):
            places = range(rest, most + 1, degree)
            found = self._horner([parts.get(n) for n in reversed(places)], power)
            value += self._times(self._ring.gens[place] ** rest, found)
        return value

    def _by_powers(self, value: _Poly, place: int) -> dict[int, _Poly]:
        """The coefficient of each power of a generator."""
        parts: dict[int, dict[tuple[int, ...], Any]] = {}
        for monomial, number in value.iterterms():
            power = monomial[place]
            without = (*monomial[:place], 0, *monomial[place + 1 :]) if power else monomial
            parts.setdefault(power, {})[without] = number
        return {power: self._ring.from_dict(part) for power, part in parts.items()}

    def _horner(self, parts: list[_Poly | None], at: _Poly) -> _Poly:
        """The first part times the highest power, and so on."""
        value = self._ring.zero
        for part in parts:
            value = self._times(value, at)
            if part is not None:
                value += part
        return value

    def _inverse(self, value: _Poly) -> _Poly:
        """1/p as a new generator; inverses of numbers and of powers of generators are divided out.

        Raises:
            ZeroDivisionError: p is 0.
        """
        value, denominator = self._cleared(value)
        if not value:
            raise ZeroDivisionError
        number = value.LC
        powers = tuple(map(min, zip(*value.itermonoms(), strict=True)))
        value = self._ring.from_dict(
            {
                tuple(map(operator.sub, monomial, powers)): coefficient / number
                for monomial, coefficient in value.iterterms()
            }
        )
        factors = [self._ring.ground_new(1 / number), *denominator]
        for place, power in enumerate(powers):
            if power:
                base = self._ring.gens[place]
                factors.append(self._generator(("inverse", base), 0, base) ** power)
        if value != 1:
            factors.append(self._generator(("inverse", value), 0, value))
        return self._product(factors)

    # -- generators ----------------------------------------------------------------------------

    def _generator(
        self, key: tuple[object, ...], degree: int = 0, relation: _Poly | None = None
    ) -> _Poly:
        """The generator of a key; polynomials that differ by 0 are the same in it."""
        place = self._generators.get(key)
        if place is None:
            place = self._equal(key)
        if place is None:
            place = len(self._relations)
            if place == self._ring.ngens:
                raise _FullError
            self._values.append(self._solution(degree, relation))
            self._relations.append(None if relation is None else (degree, relation))
        self._generators[key] = place
        return cast("_Poly", self._ring.gens[place])

    def _equal(self, key: tuple[object, ...]) -> int | None:
        """The generator of an equal key, whose polynomials have other denominators."""
        if key[0] == "inverse" or not any(map(self._has_inverse, key)):
            return None
        for other, place in self._generators.items():
            if len(other) == len(key) and all(map(self._same, key, other)):
                return place
        return None

    def _has_inverse(self, part: object) -> bool:
        if not isinstance(part, PolyElement):
            return False
        inverse = [n for n, found in enumerate(self._relations) if found and not found[0]]
        return any(monomial[n] for monomial in part.itermonoms() for n in inverse)

    def _same(self, part: object, other: object) -> bool:
        if isinstance(part, PolyElement) and isinstance(other, PolyElement):
            one, two = self._value(part), self._value(other)
            different = one is not None and two is not None and one != two
            return not different and not self._cleared(part - other)[0]
        return part == other

    # -- values modulo a prime -----------------------------------------------------------------

    def _value(self, value: _Poly) -> int | None:
        """The value of a polynomial modulo the prime, if those of all its generators are known."""
        if value not in self._found:
            self._found[value] = self._at_the_point(value)
        return self._found[value]

    def _at_the_point(self, value: _Poly) -> int | None:
        total = 0
        for monomial, number in value.iterterms():
            if number.denominator % _PRIME == 0:
                return None
            term = int(number.numerator) * pow(int(number.denominator), -1, _PRIME)
            for known, power in zip(self._values, monomial, strict=False):
                if power:
                    if known is None:
                        return None
                    term = term * pow(known, power, _PRIME) % _PRIME
            total += term
        return total % _PRIME

    def _solution(self, degree: int, relation: _Poly | None) -> int | None:
        """A value for a new generator: any number, or one for which its relation holds."""
        if relation is None:
            digest = hashlib.sha256(b"%d" % len(self._values)).digest()
            return int.from_bytes(digest, "big") % _PRIME
        other = self._value(relation)
        if not other:
            return None
        if degree == 0:
            return pow(other, -1, _PRIME)
        root = pow(other, (_PRIME + 1) // 4, _PRIME)
        return root if pow(root, degree, _PRIME) == other else None

    # -- expressions ---------------------------------------------------------------------------

    def _polynomial(self, expr: sp.Basic) -> _Poly:
        known = self._known.get(expr)
        if known is None:
            known = self._known[expr] = self._read(expr)
        return known

    def _read(self, expr: sp.Basic) -> _Poly:
        if isinstance(expr, sp.Rational):
            return cast("_Poly", self._ring.ground_new(sp.QQ(expr.p, expr.q)))
        if isinstance(expr, sp.Add):
            return sum(map(self._polynomial, expr.args), start=self._ring.zero)
        if isinstance(expr, sp.Mul):
            return self._product(map(self._polynomial, expr.args))
        if isinstance(expr, sp.exp) or expr is sp.E:
            return self._exponential(
                self._polynomial(expr.args[0]) if expr.args else self._ring.one
            )
        if isinstance(expr, sp.Pow):
            return self._raised(self._polynomial(expr.base), expr.exp)
        if not expr.args:
            return self._generator((expr,))
        args = [self._normal(self._polynomial(arg)) for arg in expr.args]
        if isinstance(expr, sp.Abs):  # of a real number it is √u²
            return self._rational_power(self._power(args[0], 2), sp.QQ(1, 2))
        if isinstance(expr, sp.sin):
            cosine = self._generator((sp.cos, *args))
            return self._generator((sp.sin, *args), 2, 1 - cosine**2)
        return self._generator((expr.func, *args))

    def _exponential(self, value: _Poly) -> _Poly:
        """exp(Σ c m) = Π exp(m)ᶜ."""
        factors = []
        for monomial, number in self._normal(value).iterterms():
            base = self._generator((sp.exp, self._ring.from_dict({monomial: sp.QQ(1)})))
            factors.append(self._rational_power(base, number))
        return self._product(factors)

    def _rational_power(self, base: _Poly, exponent: numbers.Rational) -> _Poly:
        """p^(n/m) as the n-th power of the m-th root of p, whose m-th power is p."""
        root, power = int(exponent.denominator), int(exponent.numerator)
        if root > 1:
            base = self._normal(base)
            if self._cleared(base)[0]:
                base = self._generator(("root", root, base), root, base)
            else:
                base = self._ring.zero
        return self._power(base, power)

    def _raised(self, base: _Poly, exponent: sp.Expr) -> _Poly:
        """b^(c + k u) = b^c·(b^u)^k with rational c and integer k."""
        number, rest = exponent.as_coeff_Add()
        if not isinstance(number, sp.Rational):
            number, rest = sp.S.Zero, exponent
        factors = [self._rational_power(base, sp.QQ(number.p, number.q))]
        if rest != 0:
            times, rest = rest.as_coeff_Mul()
            if not isinstance(times, sp.Integer):
                times, rest = sp.S.One, times * rest
            key = ("power", self._normal(base), self._normal(self._polynomial(rest)))
            factors.append(self._power(self._generator(key), int(times)))
        return self._product(factors)
