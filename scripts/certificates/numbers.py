"""Numbers to evaluate with: exact ones modulo a prime, real ones of 60 digits, and derivatives.

A program that only adds, multiplies and divides is evaluated modulo a prime of 127 bits. Two
formulas that differ agree at a random point with a probability of at most their degree over that
prime, so that agreement is exact but for a chance that nobody will meet. Functions such as exp and
log need real numbers; there two values agree if they differ by less than 1e-30 of their size.
"""

from __future__ import annotations

import contextlib
import decimal
import random
from collections.abc import Callable, Iterable
from decimal import Decimal
from fractions import Fraction
from typing import Any

from certificates.frame import refuse

PRIME = 2**127 - 1
DIGITS, CLOSE = 60, Decimal("1e-30")
MOST_POWER = 2000

#: A function of one number, and its derivative.
Smooth = tuple[Callable[[Any], Any], Callable[[Any], Any]]

Number = Any  # a residue, a decimal number, or a Variable with one of them as its value

_CONTEXT = decimal.Context(
    prec=DIGITS,
    Emax=999_999,
    Emin=-999_999,
    traps=[decimal.DivisionByZero, decimal.InvalidOperation, decimal.Overflow],
)


class NotRationalError(Exception):
    """An operation needs real numbers."""


class UndefinedError(ArithmeticError):
    """There is no value at this point; another point may have one."""


class Residue:
    """A number modulo the prime."""

    __slots__ = ("n",)

    def __init__(self, n: int) -> None:
        self.n = n % PRIME

    def __add__(self, other: Residue) -> Residue:
        return Residue(self.n + other.n) if type(other) is Residue else NotImplemented

    def __sub__(self, other: Residue) -> Residue:
        return Residue(self.n - other.n) if type(other) is Residue else NotImplemented

    def __mul__(self, other: Residue) -> Residue:
        return Residue(self.n * other.n) if type(other) is Residue else NotImplemented

    def __truediv__(self, other: Residue) -> Residue:
        if type(other) is not Residue:
            return NotImplemented
        if not other.n:
            raise UndefinedError
        return Residue(self.n * pow(other.n, -1, PRIME))

    def __neg__(self) -> Residue:
        return Residue(-self.n)


class Residues:
    """The field of residues. An undefined function is a random polynomial in it."""

    degree = 12

    def number(self, value: Fraction | int) -> Number:
        """A rational number."""
        value = Fraction(value)
        return Residue(value.numerator) / Residue(value.denominator)

    def drawn(self, chance: random.Random, _: str = "") -> Number:
        """Any residue."""
        return Residue(chance.randrange(PRIME))

    def magnitude(self, u: Number) -> Number:
        """How good a pivot it is."""
        return int(u.n != 0)

    def counts(self, u: Number, _: Number) -> bool:
        """Whether it can be divided by."""
        return bool(u.n != 0)

    def same(self, a: Number, b: Number) -> bool:
        """Whether two numbers are equal."""
        return bool(a.n == b.n)

    def zero(self, u: Number) -> bool:
        """Whether a number is 0."""
        return type(u) is Residue and u.n == 0

    def function(self, *_: object) -> Number:
        """No function is known, nor π."""
        raise NotRationalError

    slope = power = pi = function

    def smooth(self, chance: random.Random) -> Smooth:
        """A random polynomial and its derivative."""
        some = [self.drawn(chance) for _ in range(self.degree)]
        down = [self.number(n) * c for n, c in enumerate(some)][1:]

        def value(coefficients: list[Residue], u: Residue) -> Residue:
            total = Residue(0)
            for c in reversed(coefficients):
                total = total * u + c
            return total

        return (lambda u: value(some, u)), (lambda u: value(down, u))


def _mp(name: str, u: Decimal) -> Decimal:
    """A function of mpmath."""
    import mpmath

    with mpmath.workdps(DIGITS + 10):
        value = getattr(mpmath, name)(mpmath.mpf(str(u)))
        return Decimal(str(mpmath.nstr(value, DIGITS + 5)))


def _positive(u: Decimal) -> Decimal:
    if u <= 0:
        raise UndefinedError
    return u


def _moderate(u: Decimal) -> Decimal:
    """What exp is taken of: more would only cost digits."""
    if abs(u) > 1000:  # noqa: PLR2004
        raise UndefinedError
    return u


def _sign(u: Decimal) -> Decimal:
    return Decimal((u > 0) - (u < 0))


def _tanh(u: Decimal) -> Decimal:
    grown = _exp(2 * u)
    return (grown - 1) / (grown + 1)


def _exp(u: Decimal) -> Decimal:
    return _moderate(u).exp()


def _sigmoid(u: Decimal) -> Decimal:
    return 1 / (1 + _exp(-u))


def _step(u: Decimal) -> Decimal:
    return Decimal(int(u > 0))


_NONE = Decimal(0)

#: Each function of one number, and its derivative.
FUNCTIONS: dict[str, tuple[Callable[[Decimal], Decimal], Callable[[Decimal], Decimal]]] = {
    "exp": (_exp, _exp),
    "log": (lambda u: _positive(u).ln(), lambda u: 1 / u),
    "sqrt": (lambda u: _positive(u).sqrt(), lambda u: 1 / (2 * u.sqrt())),
    "sin": (lambda u: _mp("sin", u), lambda u: _mp("cos", u)),
    "cos": (lambda u: _mp("cos", u), lambda u: -_mp("sin", u)),
    "tanh": (_tanh, lambda u: 1 - _tanh(u) ** 2),
    "sigmoid": (_sigmoid, lambda u: _sigmoid(u) * (1 - _sigmoid(u))),
    "softplus": (lambda u: (1 + _exp(u)).ln(), _sigmoid),
    "relu": (lambda u: u * _step(u), _step),
    "step": (_step, lambda _: _NONE),
    "abs": (abs, _sign),
    "sign": (_sign, lambda _: _NONE),
    "erf": (lambda u: _mp("erf", u), lambda u: 2 * _exp(-u * u) / Reals.pi().sqrt()),
}

#: Ranges that the inputs of a program are drawn from, in thousandths, until it has a value.
RANGES = {"any": (-1500, 1500), "positive": (200, 1500), "small": (10, 250), "large": (1500, 5000)}


class Reals:
    """Real numbers of 60 digits. An undefined function is a + b·u + c·exp(d·u)."""

    def number(self, value: Fraction | int) -> Number:
        """A rational number."""
        value = Fraction(value)
        return Decimal(value.numerator) / Decimal(value.denominator)

    def drawn(self, chance: random.Random, kind: str = "any") -> Number:
        """A number in a range, with random digits."""
        low, high = RANGES[kind]
        return Decimal(chance.randrange(low * 10**27, high * 10**27)).scaleb(-30)

    def magnitude(self, u: Number) -> Number:
        """How good a pivot it is."""
        return abs(u)

    def counts(self, u: Number, largest: Number) -> bool:
        """Whether it is more than what rounding leaves of numbers of a size."""
        return bool(abs(u) > CLOSE * largest)

    def same(self, a: Number, b: Number) -> bool:
        """Whether two numbers are equal but for rounding."""
        return bool(abs(a - b) <= CLOSE * (1 + abs(a) + abs(b)))

    def zero(self, u: Number) -> bool:
        """Whether a number is 0."""
        return type(u) is Decimal and u == 0

    def function(self, name: str, u: Number) -> Number:
        """A known function."""
        return FUNCTIONS[name][0](u)

    def slope(self, name: str, u: Number) -> Number:
        """Its derivative."""
        return FUNCTIONS[name][1](u)

    def power(self, u: Number, v: Number) -> Number:
        """u**v."""
        if v == v.to_integral_value() and abs(v) <= MOST_POWER:
            return u ** int(v) if v >= 0 else 1 / u ** int(-v)
        return _exp(v * _positive(u).ln())

    @staticmethod
    def pi() -> Decimal:
        """The number π, as 16 atan(1/5) - 4 atan(1/239)."""

        def inverse(n: int) -> Decimal:
            total, term, k = Decimal(0), Decimal(1) / n, 0
            while abs(term) > Decimal(10) ** -(DIGITS + 2):
                total += term / (2 * k + 1) * (-1) ** k
                term, k = term / (n * n), k + 1
            return total

        return 16 * inverse(5) - 4 * inverse(239)

    def smooth(self, chance: random.Random) -> Smooth:
        """A random smooth function and its derivative."""
        a, b, c, d = (self.drawn(chance, "small") for _ in range(4))
        a = a + 1
        return (lambda u: a + b * u + c * _exp(d * u)), (lambda u: b + c * d * _exp(d * u))


Field = Residues | Reals


def real_arithmetic() -> contextlib.AbstractContextManager[decimal.Context]:
    """A context in which decimal numbers have 60 digits, and have no infinities."""
    return decimal.localcontext(_CONTEXT)


# -- derivatives ---------------------------------------------------------------------------------


class Variable:
    """A number that remembers what it was made of: each part with the derivative by it."""

    __slots__ = ("parts", "value")

    def __init__(self, value: Number, parts: tuple[tuple[Variable, Number], ...] = ()) -> None:
        self.value = value
        self.parts = parts

    def __add__(self, other: Number) -> Variable:
        return _made(lambda a, b: a + b, self, other, lambda *_: (1, 1))

    def __radd__(self, other: Number) -> Variable:
        return _made(lambda a, b: a + b, other, self, lambda *_: (1, 1))

    def __sub__(self, other: Number) -> Variable:
        return _made(lambda a, b: a - b, self, other, lambda *_: (1, -1))

    def __rsub__(self, other: Number) -> Variable:
        return _made(lambda a, b: a - b, other, self, lambda *_: (1, -1))

    def __mul__(self, other: Number) -> Variable:
        return _made(lambda a, b: a * b, self, other, lambda a, b: (b, a))

    def __rmul__(self, other: Number) -> Variable:
        return _made(lambda a, b: a * b, other, self, lambda a, b: (b, a))

    def __truediv__(self, other: Number) -> Variable:
        return _made(_divided, self, other, _divided_slopes)

    def __rtruediv__(self, other: Number) -> Variable:
        return _made(_divided, other, self, _divided_slopes)

    def __neg__(self) -> Variable:
        return Variable(-self.value, ((self, -1),))


def _divided(a: Number, b: Number) -> Number:
    return a / b


def _divided_slopes(a: Number, b: Number) -> tuple[Number, Number]:
    return (b / b) / b, -(a / b) / b


def _made(
    operation: Callable[[Number, Number], Number],
    one: Number,
    other: Number,
    slopes: Callable[[Number, Number], tuple[Number, Number]],
) -> Variable:
    a, b = value_of(one), value_of(other)
    by = zip((one, other), slopes(a, b), strict=True)
    return Variable(operation(a, b), tuple((u, d) for u, d in by if type(u) is Variable))


def value_of(u: Number) -> Number:
    """The number without its past."""
    return u.value if type(u) is Variable else u


def applied(field: Field, name: str, u: Number) -> Number:
    """A known function of a number, which remembers its derivative."""
    if name not in FUNCTIONS:
        refuse(f"{name[:40]!r} is not known here")
    if type(u) is not Variable:
        return field.function(name, u)
    return Variable(field.function(name, u.value), ((u, field.slope(name, u.value)),))


def smoothly(both: Smooth, u: Number) -> Number:
    """An undefined function of a number."""
    if type(u) is not Variable:
        return both[0](u)
    return Variable(both[0](u.value), ((u, both[1](u.value)),))


def to_the(field: Field, u: Number, n: int) -> Number:
    """A whole power, multiplied out."""
    if abs(n) > MOST_POWER:
        refuse(f"an exponent is over {MOST_POWER}")
    total, square, left = field.number(1), u, abs(n)
    while left:
        total = total * square if left % 2 else total
        left //= 2
        square = square * square if left else square
    return total if n >= 0 else field.number(1) / total


def raised(field: Field, u: Number, v: Number) -> Number:
    """u**v, which remembers its derivatives."""
    a, b = value_of(u), value_of(v)
    made = field.power(a, b)
    parts = []
    if type(u) is Variable:
        parts.append((u, b * field.power(a, b - 1)))
    if type(v) is Variable:
        parts.append((v, made * field.function("log", a)))
    return Variable(made, tuple(parts)) if parts else made


def gradients(end: Number, field: Field) -> dict[int, Number]:
    """The derivative of a number by each variable that it was made of, under that one's id."""
    found: dict[int, Number] = {}
    if type(end) is not Variable:
        return found
    found[id(end)] = field.number(1)
    for u in reversed(_in_order(end)):
        own = found[id(u)]
        for part, slope in u.parts:
            grown = own * slope if type(slope) is not int else own if slope == 1 else -own
            before = found.get(id(part))
            found[id(part)] = grown if before is None else before + grown
    return found


def _in_order(end: Variable) -> list[Variable]:
    """All variables that one was made of, each after its parts."""
    done: set[int] = set()
    order: list[Variable] = []
    stack: list[tuple[Variable, Iterable[Any]]] = [(end, iter(end.parts))]
    done.add(id(end))
    while stack:
        u, parts = stack[-1]
        part = next((p for p, _ in parts if id(p) not in done), None)
        if part is None:
            order.append(u)
            stack.pop()
        else:
            done.add(id(part))
            stack.append((part, iter(part.parts)))
    return order
