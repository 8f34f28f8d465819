"""Numbers to evaluate with: intervals that know their errors.

A number is an interval, with all that rounding has done to it, and knows the finest part that it is
made of: two values agree if they meet where even that part would be seen.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from fractions import Fraction
from functools import reduce
from operator import add
from typing import Any

import mpmath
from mpmath import libmp

from certificates.frame import refuse

MOST_POWER = 2000


class ImpreciseError(Exception):
    """It takes more digits to see the finest part of a number."""


class UndefinedError(ArithmeticError):
    """There is no value at this point; another point may have one."""


Ends = tuple[Any, Any]

_NOTHING = 10**9  # the finest part of an exact 0, as a power of 2
_SEEN = 30  # bits that the finest part of a number must have

_ZERO = (libmp.fzero, libmp.fzero)


def _top(ends: Ends) -> int:
    """A power of 2 that is larger than all numbers of an interval."""
    found = [end[2] + end[3] for end in ends if end[1]]
    return int(max(found)) if found else -_NOTHING


class Real:
    """A real number in an interval; lies in it that are not smaller than 2**`grain` are seen."""

    __slots__ = ("bits", "ends", "grain")

    def __init__(self, ends: Ends, grain: int, bits: int) -> None:
        self.ends, self.grain, self.bits = ends, grain, bits

    def __contains__(self, _: int) -> bool:
        """Whether it may be 0."""
        low, high = self.ends
        return not (libmp.mpf_sign(low) > 0 or libmp.mpf_sign(high) < 0)

    def __add__(self, other: Real) -> Real:
        ends = libmp.mpi_add(self.ends, other.ends, self.bits)
        return Real(ends, min(self.grain, other.grain), self.bits)

    def __sub__(self, other: Real) -> Real:
        return self + -other

    def __neg__(self) -> Real:
        return Real(libmp.mpi_neg(self.ends), self.grain, self.bits)

    def __mul__(self, other: Real) -> Real:
        if _ZERO in (self.ends, other.ends):
            return Real(_ZERO, _NOTHING, self.bits)
        here, there = 0 in self, 0 in other
        grain = min(
            _NOTHING if here and not there else _top(self.ends) + other.grain,
            _NOTHING if there and not here else _top(other.ends) + self.grain,
        )
        return Real(libmp.mpi_mul(self.ends, other.ends, self.bits), grain, self.bits)

    def __truediv__(self, other: Real) -> Real:
        if 0 in other:
            raise UndefinedError
        ends = libmp.mpi_div((libmp.fone, libmp.fone), other.ends, self.bits)
        return self * Real(ends, other.grain - 2 * _top(other.ends), self.bits)


def _erfinv(end: Any, bits: int, _: str) -> Any:  # noqa: ANN401 - mpmath's numbers have no types
    if libmp.mpf_cmp(libmp.mpf_abs(end), libmp.fone) >= 0:
        raise UndefinedError
    with mpmath.workprec(bits):
        return mpmath.erfinv(mpmath.make_mpf(end))._mpf_


def _trigamma(end: Any, bits: int, rounding: str) -> Any:  # noqa: ANN401 - as above
    return libmp.mpf_psi(1, end, bits, rounding)


def _of_gamma(ends: Ends, bits: int) -> Ends:
    if libmp.mpf_sign(ends[0]) <= 0:
        raise UndefinedError
    return libmp.mpi_loggamma(ends, bits)  # type: ignore[no-any-return]


def _rising(function: Callable[..., Any]) -> Callable[[Ends, int], Ends]:
    """A function that rises, of an interval: from that of its lower end to that of its upper."""

    def value(ends: Ends, bits: int) -> Ends:
        low, high = (function(end, bits + 20, "n") for end in ends)
        one, ulp = libmp.fone, libmp.mpf_shift(libmp.fone, -bits)
        about = libmp.mpf_sub(one, ulp), libmp.mpf_add(one, ulp)
        return libmp.mpi_mul((low, high), about, bits)  # type: ignore[no-any-return]

    return value


def _falling(function: Callable[..., Any]) -> Callable[[Ends, int], Ends]:
    """The same of a function that falls."""
    rising = _rising(function)
    return lambda ends, bits: rising((ends[1], ends[0]), bits)


def _log2(u: float) -> float:
    return math.log2(abs(u) or 1e-300)


#: The functions of one number that are not made of others, of an interval, and the logarithm to the
#: base 2 of the derivative of each, or about that.
_KNOWN: dict[str, tuple[Callable[[Ends, int], Ends], Callable[[float], float]]] = {
    "exp": (libmp.mpi_exp, lambda u: 1.443 * u),
    "log": (libmp.mpi_log, lambda u: -_log2(u)),
    "sin": (libmp.mpi_sin, lambda _: 0),
    "cos": (libmp.mpi_cos, lambda u: min(_log2(u), 0)),
    "tan": (libmp.mpi_tan, lambda u: -2 * _log2(math.cos(u))),
    "arctan": (libmp.mpi_atan, lambda u: min(-2 * _log2(u), 0)),
    "arcsin": (_rising(libmp.mpf_asin), lambda u: -0.5 * _log2(1 - u * u)),
    "arcsinh": (_rising(libmp.mpf_asinh), lambda u: -0.5 * _log2(1 + u * u)),
    "arccosh": (_rising(libmp.mpf_acosh), lambda u: -0.5 * _log2(u * u - 1)),
    "arctanh": (_rising(libmp.mpf_atanh), lambda u: -_log2(1 - u * u)),
    "tanh": (_rising(libmp.mpf_tanh), lambda u: 2 - 2.886 * abs(u)),
    "erf": (_rising(libmp.mpf_erf), lambda u: 1 - 1.443 * u * u),
    "erfinv": (_rising(_erfinv), lambda u: -_log2(1 - u * u)),
    "gammaln": (_of_gamma, lambda u: -_log2(u)),
    "digamma": (_rising(libmp.mpf_psi0), lambda u: -2 * _log2(u)),
    "trigamma": (_falling(_trigamma), lambda u: -3 * _log2(u)),
}

#: The names in mpmath of functions whose values are whole numbers.
_WHOLE = {"floor": "floor", "round": "nint"}

#: Ranges that the inputs of a program are drawn from, in thousandths, until it has a value.
RANGES = {"any": (-1500, 1500), "positive": (200, 1500), "small": (10, 250), "large": (1500, 5000)}
_WAVE = ("positive", "positive", "small", "positive", "small")


class Reals:
    """Real numbers as intervals, with so many digits."""

    def __init__(self, digits: int) -> None:
        self.bits = digits * 10 // 3
        self.cost = 1 + self.bits // 400
        self._numbers: dict[Fraction | int, Real] = {}
        self._functions: dict[str, Any] = {}

    def number(self, value: Fraction | int) -> Real:
        """A rational number."""
        if value not in self._numbers:
            parts = (libmp.from_int(n) for n in (value.numerator, value.denominator))
            above, below = ((part, part) for part in parts)
            ends = libmp.mpi_div(above, below, self.bits)
            self._numbers[value] = Real(ends, _top(ends) if value else _NOTHING, self.bits)
        return self._numbers[value]

    def drawn(self, chance: random.Random, kind: str = "any") -> Real:
        """A number in a range, with random digits."""
        low, high = RANGES[kind]
        return self.number(Fraction(chance.randrange(low * 10**27, high * 10**27), 10**30))

    def magnitude(self, u: Real) -> int:
        """How good a pivot it is: 0 if it may be 0."""
        return 0 if 0 in u else _NOTHING + _top(u.ends)

    def same(self, a: Real, b: Real) -> bool:
        """Whether two numbers are equal but for rounding."""
        return self.sign(a - b) == 0

    def zero(self, u: Real) -> bool:
        """Whether a number is 0."""
        return bool(u.ends == _ZERO)

    def undefined(self, seed: str, some: list[Real]) -> tuple[Real, list[Real]]:
        """Some undefined function Σ a + b·v + c·sin(dv) of v = u + Σ e·u, and its derivatives."""
        key = f"{seed} {len(some)}"
        if key not in self._functions:
            chance = random.Random(key)
            self._functions[key] = [[self.drawn(chance, kind) for kind in _WAVE] for _ in some]
        total, slopes = self.number(0), list[Real]()
        waves = list(zip(self._functions[key], some, strict=True))
        middle = reduce(add, (e * u for (*_, e), u in waves))
        for (a, b, c, d, _), u in waves:
            sin, cos = (self.function(name, d * (u + middle)) for name in ("sin", "cos"))
            total += a + b * (u + middle) + c * sin
            slopes.append(b + c * d * cos)
        tilt = reduce(add, slopes)
        return total, [slope + e * tilt for slope, ((*_, e), _) in zip(slopes, waves, strict=True)]

    def sign(self, u: Real) -> int:
        """The sign; a 0 that rounding has blurred is a 0, if it would be seen that it is none."""
        if 0 not in u:
            return int(libmp.mpf_sign(u.ends[0]))
        if _top((libmp.mpi_delta(u.ends, self.bits),) * 2) > u.grain - _SEEN:
            raise ImpreciseError
        return 0

    @staticmethod
    def rounded(u: Real) -> int:
        """The same for what is equal but for rounding."""
        shifted: Any = libmp.mpf_shift(u.ends[0], 80)
        return int(libmp.to_int(shifted) or 0)

    def function(self, name: str, u: Real) -> Real:
        """A known function."""
        if name == "iszero":
            return self.number(int(self.sign(u) == 0))
        if name in ("step", "sign"):
            sign = self.sign(u)
            return self.number(max(sign, 0) if name == "step" else sign)
        if name in ("floor", "round"):
            low, high = (getattr(mpmath, _WHOLE[name])(mpmath.make_mpf(end)) for end in u.ends)
            if low != high:
                raise ImpreciseError
            return self.number(int(low))
        if _top(u.ends) > (10 if name == "exp" else 1000):
            raise UndefinedError  # more would only cost digits
        if name in ("log", "digamma", "trigamma") and (0 in u or libmp.mpf_sign(u.ends[0]) < 0):
            raise UndefinedError
        value, steep = _KNOWN[name]
        grain = u.grain + int(steep(libmp.to_float(u.ends[0]) or 1e-300))
        try:
            return Real(value(u.ends, self.bits), grain, self.bits)
        except libmp.ComplexResult:
            raise UndefinedError from None

    def power(self, u: Real, v: Real) -> Real:
        """u**v."""
        low, high = v.ends
        if low == high and _top(v.ends) < MOST_POWER.bit_length():
            n = int(libmp.to_int(low) or 0)
            if libmp.from_int(n) == low:
                return self.to_the(u, n)
        return self.function("exp", v * self.function("log", u))

    def to_the(self, u: Real, n: int) -> Real:
        """A whole power, multiplied out."""
        if abs(n) > MOST_POWER:
            refuse(f"an exponent is over {MOST_POWER}")
        total, square, left = None, u, abs(n)
        while left:
            if left % 2:
                total = square if total is None else total * square
            left //= 2
            square = square * square if left else square
        one = self.number(1)
        return one if total is None else total if n > 0 else one / total

    def pi(self) -> Real:
        """The number π."""
        low, high = (libmp.mpf_pi(self.bits, end) for end in "fc")
        return Real((low, high), 1, self.bits)
