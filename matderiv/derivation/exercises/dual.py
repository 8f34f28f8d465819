"""Numbers a + bε with ε² = 0: whatever is worked out with them has its derivative beside it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from matderiv.expression.exact import Arithmetic

__all__ = ["DUAL", "EXACT", "Dual", "Real", "slope"]

#: A whole number or fraction; nan for a value that is neither, and not needed.
Real = Fraction | float


@dataclass(frozen=True, slots=True)
class Dual:
    """A value and its derivative.

    >>> x = Dual(Fraction(3), Fraction(1))
    >>> (x*x - 1/x).slope
    Fraction(55, 9)
    """

    value: Real
    slope: Real

    def __add__(self, other: Number) -> Dual:
        """The rule (u + v)′ = u′ + v′."""
        v = _dual(other)
        return Dual(self.value + v.value, self.slope + v.slope)

    def __sub__(self, other: Number) -> Dual:
        """The rule (u - v)′ = u′ - v′."""
        return self + -_dual(other)

    def __mul__(self, other: Number) -> Dual:
        """The rule (u·v)′ = u′·v + u·v′."""
        v = _dual(other)
        return Dual(self.value * v.value, self.slope * v.value + self.value * v.slope)

    def __truediv__(self, other: Number) -> Dual:
        """The rule (u/v)′ = (u′ - (u/v)·v′)/v."""
        v = _dual(other)
        ratio = self.value / v.value
        return Dual(ratio, (self.slope - ratio * v.slope) / v.value)

    def __neg__(self) -> Dual:
        """The rule (-u)′ = -u′."""
        return Dual(-self.value, -self.slope)

    def __abs__(self) -> Dual:
        """The rule |u|′ = ±u′, for comparing sizes; `abs` in a program has no derivative at 0."""
        return -self if self.value < 0 else self

    def __radd__(self, other: Number) -> Dual:
        """A plain number on the left."""
        return self + other

    def __rsub__(self, other: Number) -> Dual:
        """A plain number on the left."""
        return _dual(other) - self

    def __rmul__(self, other: Number) -> Dual:
        """A plain number on the left."""
        return self * other

    def __rtruediv__(self, other: Number) -> Dual:
        """A plain number on the left."""
        return _dual(other) / self

    def __pow__(self, power: Number) -> Dual:
        """The rule (uⁿ)′ = n·uⁿ⁻¹·u′ for whole n."""
        n = _whole(power)
        if n == 0:
            return Dual(Fraction(1), Fraction(0))
        return Dual(self.value**n, n * self.value ** (n - 1) * self.slope)

    def __le__(self, other: Number) -> bool:
        """By value."""
        return self.value <= _dual(other).value

    def __lt__(self, other: Number) -> bool:
        """By value."""
        return self.value < _dual(other).value

    def __ge__(self, other: Number) -> bool:
        """By value."""
        return self.value >= _dual(other).value

    def __gt__(self, other: Number) -> bool:
        """By value."""
        return self.value > _dual(other).value

    def __bool__(self) -> bool:
        """Whether the value is not 0."""
        return bool(self.value)


Number = Dual | Fraction | int


def _dual(number: Number) -> Dual:
    return number if isinstance(number, Dual) else Dual(Fraction(number), Fraction(0))


def slope(number: Number) -> Real:
    """The derivative of what may be a number without one, which is 0."""
    return _dual(number).slope


def _whole(power: Number) -> int:
    value = power.value if isinstance(power, Dual) else power
    if isinstance(value, float) or value != int(value):
        raise ArithmeticError("roots are no fractions")
    return int(value)


def _split(number: Dual, below: Dual, above: Dual) -> Dual:
    """One thing below 0, another above; at 0 there is no derivative."""
    if number.value == 0:
        raise ArithmeticError("there is no derivative at 0")
    return above if number.value > 0 else below


def _constant(value: int) -> Dual:
    return Dual(Fraction(value), Fraction(0))


def _log(u: Dual) -> Dual:
    """The rule log(u)′ = u′/u; the logarithm itself is no fraction."""
    return Dual(math.nan, u.slope / u.value)


_FUNCTIONS: dict[str, Callable[[Dual], Dual]] = {
    "relu": lambda u: _split(u, _constant(0), u),
    "step": lambda u: _split(u, _constant(0), _constant(1)),
    "sign": lambda u: _split(u, _constant(-1), _constant(1)),
    "abs": lambda u: _split(u, -u, u),
    "log": _log,
}


def _plain(function: Callable[[Dual], Dual]) -> Callable[[Fraction], Real]:
    return lambda u: function(_dual(u)).value


def _lifted(function: Callable[[Dual], Dual]) -> Callable[[Number], Dual]:
    return lambda u: function(_dual(u))


def _power(base: Fraction, power: Fraction) -> Fraction:
    return base ** _whole(power)


#: Fractions, and fractions with their derivatives.
EXACT = Arithmetic(
    Fraction,
    np.frompyfunc(_power, 2, 1),
    {name: np.frompyfunc(_plain(f), 1, 1) for name, f in _FUNCTIONS.items() if name != "log"},
)
DUAL = Arithmetic(
    _dual,
    np.frompyfunc(lambda u, n: _dual(u) ** n, 2, 1),
    {name: np.frompyfunc(_lifted(f), 1, 1) for name, f in _FUNCTIONS.items()},
)
