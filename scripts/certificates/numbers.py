"""Numbers to evaluate with: exact ones modulo a prime, real ones with their errors, derivatives.

A program that only adds, multiplies and divides is evaluated modulo random primes of 127 bits. Two
formulas that differ agree at a random point with a probability of at most their degree over such a
prime, so that agreement is exact but for a chance that nobody will meet. Functions such as exp and
log need real numbers. Each carries a bound of what rounding has done to it, and two values agree if
they differ by no more: nothing is close enough by being small.
"""

from __future__ import annotations

import contextlib
import decimal
import operator
import random
from collections.abc import Callable, Iterable
from decimal import Decimal
from fractions import Fraction
from typing import Any

from certificates.frame import refuse
from certificates.functions import SIMPLER, SLOPES
from certificates.reading import Tree, whole_number

MOST_POWER = 2000
DIGITS = 60

#: A function of one number, and its derivative.
Smooth = tuple[Callable[[Any], Any], Callable[[Any], Any]]

Number = Any  # a residue, a real number, or a Variable with one of them as its value

_UP = decimal.Context(
    prec=6, rounding=decimal.ROUND_UP, Emax=999_999, Emin=-999_999, traps=[decimal.Overflow]
)


class NotRationalError(Exception):
    """An operation needs real numbers."""


class UndefinedError(ArithmeticError):
    """There is no value at this point; another point may have one."""


# -- exact ones ----------------------------------------------------------------------------------


def random_prime(chance: random.Random, bits: int = 127) -> int:
    """A prime that nobody can have known before."""
    while True:
        n = chance.getrandbits(bits - 2) * 2 + 1 + (1 << (bits - 1))
        if all(n % p for p in (3, 5, 7, 11, 13)) and _is_prime(n, chance):
            return n


def _is_prime(n: int, chance: random.Random) -> bool:
    """The test of Miller and Rabin, wrong with a probability below 4**-40."""
    odd, twos = n - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    for _ in range(40):
        x = pow(chance.randrange(2, n - 1), odd, n)
        if x in (1, n - 1):
            continue
        for _ in range(twos - 1):
            x = x * x % n
            if x == n - 1:
                break
        else:
            return False
    return True


class Residue:
    """A number modulo a prime."""

    __slots__ = ("n", "prime")

    def __init__(self, n: int, prime: int) -> None:
        self.n, self.prime = n % prime, prime

    def __add__(self, other: Residue) -> Residue:
        return Residue(self.n + other.n, self.prime) if type(other) is Residue else NotImplemented

    def __sub__(self, other: Residue) -> Residue:
        return Residue(self.n - other.n, self.prime) if type(other) is Residue else NotImplemented

    def __mul__(self, other: Residue) -> Residue:
        return Residue(self.n * other.n, self.prime) if type(other) is Residue else NotImplemented

    def __truediv__(self, other: Residue) -> Residue:
        if type(other) is not Residue:
            return NotImplemented
        if not other.n:
            raise UndefinedError
        return Residue(self.n * pow(other.n, -1, self.prime), self.prime)

    def __neg__(self) -> Residue:
        return Residue(-self.n, self.prime)


class Residues:
    """The field of residues. An undefined function is a random polynomial in it."""

    degree = 12

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
        """How good a pivot it is."""
        return int(u.n != 0)

    def same(self, a: Number, b: Number) -> bool:
        """Whether two numbers are equal."""
        return bool(a.n == b.n)

    def zero(self, u: Number) -> bool:
        """Whether a number is 0."""
        return type(u) is Residue and u.n == 0

    def function(self, *_: object) -> Number:
        """No function is known, nor π."""
        raise NotRationalError

    power = pi = function

    def smooth(self, chance: random.Random) -> Smooth:
        """A random polynomial and its derivative."""
        some = [self.drawn(chance) for _ in range(self.degree)]
        down = [self.number(n) * c for n, c in enumerate(some)][1:]

        def value(coefficients: list[Residue], u: Residue) -> Number:
            total = self.number(0)
            for c in reversed(coefficients):
                total = total * u + c
            return total

        return (lambda u: value(some, u)), (lambda u: value(down, u))


# -- real ones -----------------------------------------------------------------------------------


class Real:
    """A number between value - error and value + error."""

    __slots__ = ("error", "value")

    def __init__(self, value: Decimal, error: Decimal) -> None:
        self.value, self.error = value, error

    def __add__(self, other: Real) -> Real:
        return (
            _rounded(self.value + other.value, _UP.add(self.error, other.error))
            if type(other) is Real
            else NotImplemented
        )

    def __sub__(self, other: Real) -> Real:
        return (
            _rounded(self.value - other.value, _UP.add(self.error, other.error))
            if type(other) is Real
            else NotImplemented
        )

    def __mul__(self, other: Real) -> Real:
        if type(other) is not Real:
            return NotImplemented
        one, two = _size(self.value), _UP.add(_size(other.value), other.error)
        error = _UP.add(_UP.multiply(one, other.error), _UP.multiply(two, self.error))
        return _rounded(self.value * other.value, error)

    def __truediv__(self, other: Real) -> Real:
        if type(other) is not Real:
            return NotImplemented
        if abs(other.value) <= 2 * other.error:
            raise UndefinedError
        value = self.value / other.value
        error = _UP.add(self.error, _UP.multiply(_size(value), other.error))
        return _rounded(value, _UP.divide(2 * error, abs(other.value)))

    def __neg__(self) -> Real:
        return Real(-self.value, self.error)


def _size(value: Decimal) -> Decimal:
    return _UP.abs(value)


def _rounded(value: Decimal, error: Decimal) -> Real:
    """A result of which the last digit is rounded; an exact 0 stays one."""
    if not value:
        return Real(value, error)
    last = _size(value).scaleb(1 - decimal.getcontext().prec, _UP)
    return Real(value, _UP.add(error, last))


def _mp(name: str, *u: Decimal) -> Decimal:
    """A function of mpmath, or its number π."""
    import mpmath

    digits = decimal.getcontext().prec
    with mpmath.workdps(digits + 10):
        known = getattr(mpmath, name)
        value = known(*(mpmath.mpf(str(v)) for v in u)) if u else +known
        return Decimal(str(mpmath.nstr(value, digits + 5)))


def _exp(u: Decimal) -> Decimal:
    if abs(u) > 1000:  # noqa: PLR2004 - more would only cost digits
        raise UndefinedError
    return u.exp()


def _log(u: Decimal) -> Decimal:
    if u <= 0:
        raise UndefinedError
    return u.ln()


_NONE = Decimal(0)

#: The functions of one number that are not made of others.
_VALUES: dict[str, Callable[[Decimal], Decimal]] = {
    "exp": _exp,
    "log": _log,
    "sin": lambda u: _mp("sin", u),
    "cos": lambda u: _mp("cos", u),
    "tanh": lambda u: _mp("tanh", u),
    "arctan": lambda u: _mp("atan", u),
    "erf": lambda u: _mp("erf", u),
    "step": lambda u: Decimal(int(u > 0)),
    "sign": lambda u: Decimal((u > 0) - (u < 0)),
}

#: Ranges that the inputs of a program are drawn from, in thousandths, until it has a value.
RANGES = {"any": (-1500, 1500), "positive": (200, 1500), "small": (10, 250), "large": (1500, 5000)}


class Reals:
    """Real numbers, each with a bound of its error. An undefined function is a + b·u + c·exp(d·u).

    Two numbers are equal if they differ by less than their errors; `tiny` is how large errors may
    be, beside the numbers and beside 1, for that to mean anything.
    """

    def __init__(self, tiny: Decimal) -> None:
        self.tiny = tiny

    def number(self, value: Fraction | int) -> Number:
        """A rational number."""
        value = Fraction(value)
        if value.denominator == 1 and abs(value.numerator) < 10**DIGITS:
            return Real(Decimal(value.numerator), _NONE)
        return _rounded(Decimal(value.numerator) / Decimal(value.denominator), _NONE)

    def drawn(self, chance: random.Random, kind: str = "any") -> Number:
        """A number in a range, with random digits."""
        low, high = RANGES[kind]
        return Real(Decimal(chance.randrange(low * 10**27, high * 10**27)).scaleb(-30), _NONE)

    def magnitude(self, u: Number) -> Number:
        """How good a pivot it is: 0 if it may be 0."""
        return abs(u.value) if abs(u.value) > 2 * u.error else _NONE

    def same(self, a: Number, b: Number) -> bool:
        """Whether two numbers are equal but for rounding."""
        error = _UP.add(a.error, b.error)
        if error > self.tiny * max(abs(a.value), abs(b.value), 1):
            raise UndefinedError
        return bool(abs(a.value - b.value) <= error)

    def zero(self, u: Number) -> bool:
        """Whether a number is 0."""
        return type(u) is Real and u.value == 0 and u.error == 0

    def function(self, name: str, u: Number) -> Number:
        """A known function; the error is that of the argument times the slope, doubled."""
        at = u.value if abs(u.value) > u.error else _NONE  # a 0 that rounding has blurred
        error = _NONE
        if u.error:
            slope = made_of(self, SLOPES[name], Real(at, _NONE))
            error = _UP.multiply(2 * u.error, _UP.add(_size(slope.value), slope.error))
        return _rounded(_VALUES[name](at), error)

    def power(self, u: Number, v: Number) -> Number:
        """u**v."""
        n = int(v.value.to_integral_value())
        if v.value == n and not v.error and abs(n) <= MOST_POWER:
            return to_the(self, u, n)
        return self.function("exp", v * self.function("log", u))

    @staticmethod
    def pi() -> Real:
        """The number π."""
        return _rounded(_mp("pi"), _NONE)

    def smooth(self, chance: random.Random) -> Smooth:
        """A random smooth function and its derivative."""
        a, b, c, d = (self.drawn(chance, "small") for _ in range(4))
        a = a + self.number(1)

        def value(u: Number) -> Number:
            return a + b * u + c * self.function("exp", d * u)

        return value, (lambda u: b + c * d * self.function("exp", d * u))


Field = Residues | Reals


def real_arithmetic(digits: int) -> contextlib.AbstractContextManager[decimal.Context]:
    """A context in which decimal numbers have so many digits, and have no infinities."""
    return decimal.localcontext(
        decimal.Context(
            prec=digits,
            Emax=999_999,
            Emin=-999_999,
            traps=[decimal.DivisionByZero, decimal.InvalidOperation, decimal.Overflow],
        )
    )


# -- derivatives ---------------------------------------------------------------------------------


def _operator(
    made: Callable[[Number, Number], Number],
    slopes: Callable[[Number, Number], tuple[Number, Number]],
) -> tuple[Callable[[Variable, Number], Variable], ...]:
    """An operation with a variable on the left, and with one on the right."""
    return (
        lambda one, other: _made(made, one, other, slopes),
        lambda other, one: _made(made, one, other, slopes),
    )


class Variable:
    """A number that remembers what it was made of: each part with the derivative by it."""

    __slots__ = ("parts", "value")

    def __init__(self, value: Number, parts: tuple[tuple[Variable, Number], ...] = ()) -> None:
        self.value = value
        self.parts = parts

    __add__, __radd__ = _operator(operator.add, lambda *_: (1, 1))
    __sub__, __rsub__ = _operator(operator.sub, lambda *_: (1, -1))
    __mul__, __rmul__ = _operator(operator.mul, lambda a, b: (b, a))
    __truediv__, __rtruediv__ = _operator(
        operator.truediv, lambda a, b: ((b / b) / b, -(a / b) / b)
    )

    def __neg__(self) -> Variable:
        return Variable(-self.value, ((self, -1),))


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
    if name in SIMPLER:
        return made_of(field, SIMPLER[name], u)
    if name not in SLOPES:
        refuse(f"{name[:40]!r} is not known here")
    made = field.function(name, value_of(u))
    if type(u) is not Variable:
        return made
    return Variable(made, ((u, made_of(field, SLOPES[name], u.value)),))


def made_of(field: Field, tree: Tree, u: Number) -> Number:
    """A formula in one number."""
    match tree:
        case ("num", number):
            return field.number(number)
        case ("name", _):
            return u
        case ("neg", part):
            return -made_of(field, part, u)
        case ("add" | "mul" as kind, (first, *rest)):
            made = made_of(field, first, u)
            for part in rest:
                other = made_of(field, part, u)
                made = made + other if kind == "add" else made * other
            return made
        case ("pow", base, exponent):
            n, under = whole_number(exponent), made_of(field, base, u)
            if n is not None:
                return to_the(field, under, n)
            return raised(field, under, made_of(field, exponent, u))
        case ("call", "acos", _):
            return field.pi()
        case ("call", name, (part,)):
            return applied(field, name, made_of(field, part, u))
    refuse("a formula that is not in one number")


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
        parts.append((u, b * field.power(a, b - field.number(1))))
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
