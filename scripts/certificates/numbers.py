"""Numbers to evaluate with: exact ones modulo a prime, and real ones with their errors.

A program that only adds, multiplies and divides is evaluated modulo random primes of 127 bits. Two
formulas that differ agree at a random point with a probability of at most their degree over such a
prime, so that agreement is exact but for a chance that nobody will meet. Functions such as exp and
log need real numbers. Each is an interval, with all that rounding has done to it, and two values
agree if these meet: nothing is close enough by being small.
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import cache, reduce
from typing import Any

from certificates.frame import refuse

MOST_POWER = 2000
DIGITS = 60
_DEGREE = 6  # of the polynomials that stand for undefined functions

#: A function of one number, and its derivative.
Smooth = tuple[Callable[[Any], Any], Callable[[Any], Any]]

Number = Any  # a residue or an interval


class NotRationalError(Exception):
    """An operation needs real numbers."""


class UndefinedError(ArithmeticError):
    """There is no value at this point; another point may have one."""


# -- exact ones ----------------------------------------------------------------------------------


def random_prime(chance: random.Random, bits: int = 127) -> int:
    """A prime that nobody can have known before."""
    from mpmath.libmp import isprime

    while True:
        n = chance.getrandbits(bits - 2) * 2 + 1 + (1 << (bits - 1))
        if isprime(n):
            return int(n)


class Residue:
    """A number modulo a prime."""

    __slots__ = ("n", "prime")

    def __init__(self, n: int, prime: int) -> None:
        self.n, self.prime = n % prime, prime

    def __add__(self, other: Residue) -> Residue:
        return Residue(self.n + other.n, self.prime)

    def __sub__(self, other: Residue) -> Residue:
        return Residue(self.n - other.n, self.prime)

    def __mul__(self, other: Residue) -> Residue:
        return Residue(self.n * other.n, self.prime)

    def __truediv__(self, other: Residue) -> Residue:
        return Residue(self.n * pow(other.n, -1, self.prime), self.prime)

    def __neg__(self) -> Residue:
        return Residue(-self.n, self.prime)


class Residues:
    """The field of residues."""

    def __init__(self, prime: int) -> None:
        self.prime = prime

    def number(self, value: Fraction | int) -> Number:
        """A rational number."""
        value = Fraction(value)
        return Residue(value.numerator, self.prime) / Residue(value.denominator, self.prime)

    def drawn(self, chance: random.Random, _: str = "") -> Number:
        """Any residue."""
        return Residue(chance.randrange(self.prime), self.prime)

    def magnitude(self, u: Number) -> Number:
        """How good a pivot it is: 0 if it is 0."""
        return int(u.n != 0)

    def same(self, a: Number, b: Number) -> bool:
        """Whether two numbers are equal."""
        return bool(a.n == b.n)

    def zero(self, u: Number) -> bool:
        """Whether a number is 0."""
        return bool(u.n == 0)

    def function(self, *_: object) -> Number:
        """No function is known, nor π."""
        raise NotRationalError

    power = pi = function


# -- real ones -----------------------------------------------------------------------------------


@cache
def _iv() -> Any:  # noqa: ANN401 - mpmath has no types
    import mpmath

    return mpmath.iv


def _rising(name: str) -> Callable[[Number], Number]:
    """A function that rises, of an interval: from that of its lower end to that of its upper."""

    def value(u: Number) -> Number:
        import mpmath

        iv = _iv()
        with mpmath.workprec(iv.prec + 20):
            ends = [getattr(mpmath, name)(mpmath.mpf(end)) for end in (u.a, u.b)]
            return iv.mpf(ends) * (1 + iv.mpf([-1, 1]) * iv.ldexp(1, -iv.prec))

    return value


def _log(u: Number) -> Number:
    if not u > 0:
        raise UndefinedError
    return _iv().log(u)


def _sign(u: Number) -> Number:
    """An interval that holds 0 is a 0 that rounding has blurred."""
    return _iv().mpf(int(bool(u > 0)) - int(bool(u < 0)))


#: The functions of one number that are not made of others.
_VALUES: dict[str, Callable[[Number], Number]] = {
    "exp": lambda u: _iv().exp(u),
    "log": _log,
    "sin": lambda u: _iv().sin(u),
    "cos": lambda u: _iv().cos(u),
    "tanh": _rising("tanh"),
    "arctan": _rising("atan"),
    "erf": _rising("erf"),
    "step": lambda u: _iv().mpf(int(bool(u > 0))),
    "sign": _sign,
}

#: Ranges that the inputs of a program are drawn from, in thousandths, until it has a value.
RANGES = {"any": (-1500, 1500), "positive": (200, 1500), "small": (10, 250), "large": (1500, 5000)}


class Reals:
    """Real numbers as intervals.

    `digits` are those after the point that an interval, of numbers about 1, must have at least for
    a comparison to mean anything.
    """

    def __init__(self, digits: int) -> None:
        iv = _iv()
        self.widest, self.nothing, self.most = iv.mpf(10) ** -digits, iv.mpf(0), iv.mpf(10) ** 1000
        self._numbers: dict[Fraction | int, Number] = {}

    def number(self, value: Fraction | int) -> Number:
        """A rational number."""
        if value not in self._numbers:
            self._numbers[value] = _iv().mpf(value.numerator) / value.denominator
        return self._numbers[value]

    def drawn(self, chance: random.Random, kind: str = "any") -> Number:
        """A number in a range, with random digits."""
        low, high = RANGES[kind]
        return self.number(Fraction(chance.randrange(low * 10**27, high * 10**27), 10**30))

    def magnitude(self, u: Number) -> Number:
        """How good a pivot it is: 0 if it may be 0."""
        return 0 if self.nothing in u else min(abs(u.a), abs(u.b))

    def same(self, a: Number, b: Number) -> bool:
        """Whether two numbers are equal but for rounding."""
        apart = a - b
        if not apart.delta < self.widest * (self.number(1) + abs(a) + abs(b)):
            raise UndefinedError
        return self.nothing in apart

    def zero(self, u: Number) -> bool:
        """Whether a number is 0."""
        return bool(u == self.nothing)

    def function(self, name: str, u: Number) -> Number:
        """A known function."""
        if not abs(u) < (self.number(1000) if name == "exp" else self.most):
            raise UndefinedError  # more would only cost digits
        return _VALUES[name](u)

    def power(self, u: Number, v: Number) -> Number:
        """u**v."""
        n = int(v.mid)
        if v == n and abs(n) <= MOST_POWER:
            return to_the(self, u, n)
        return self.function("exp", v * self.function("log", u))

    @staticmethod
    def pi() -> Number:
        """The number π."""
        return +_iv().pi


Field = Residues | Reals


@contextlib.contextmanager
def real_arithmetic(digits: int) -> Iterator[None]:
    """While real numbers have so many digits."""
    before, _iv().dps = _iv().dps, digits
    try:
        yield
    finally:
        _iv().dps = before


def smooth(field: Field, chance: random.Random) -> Smooth:
    """A random polynomial and its derivative, for an undefined function."""
    some = [field.drawn(chance, "small") for _ in range(_DEGREE + 1)]
    down = [field.number(n) * c for n, c in enumerate(some)][1:]

    def value(coefficients: list[Number], u: Number) -> Number:
        return reduce(lambda total, c: total * u + c, reversed(coefficients))

    return (lambda u: value(some, u)), (lambda u: value(down, u))


def to_the(field: Field, u: Number, n: int) -> Number:
    """A whole power, multiplied out."""
    if abs(n) > MOST_POWER:
        refuse(f"an exponent is over {MOST_POWER}")
    total, square, left = field.number(1), u, abs(n)
    while left:
        total = total * square if left % 2 else total
        left //= 2
        square = square * square if left else square
    if n >= 0:
        return total
    if not field.magnitude(total):
        raise UndefinedError
    return field.number(1) / total
