"""Points at which two formulas are compared exactly, entry by entry: they refute, never prove."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np

from matderiv.checking.question import Question
from matderiv.expression import nodes
from matderiv.expression.definitions import simpler_parts
from matderiv.expression.exact import NumberType, exact_value
from matderiv.expression.functions import FUNCTIONS, Function
from matderiv.expression.index_values import drawn_labels, named_entries
from matderiv.expression.nodes import Node
from matderiv.expression.numeric import sizes_in
from matderiv.expression.program import Program
from matderiv.expression.shapes import Shape
from matderiv.expression.size_text import size_number
from matderiv.expression.structured import structured
from matderiv.expression.vocabulary import is_slope

__all__ = ["WORKING_DIGITS", "Point", "apart", "points", "points_of_many_sizes"]

WORKING_DIGITS = 60  # of numbers where functions such as exp are involved
_APART = mpmath.mpf(10) ** -25  # relative; rounding stays far below it
_MAX_BITS = 20_000  # of an exact number
_MOST_ENTRIES = 20_000  # of all arrays at a point
_MAX_ARGUMENT = 10_000  # of exp, whose value would fill the memory

#: Nodes whose values are no fractions; a power is one only if its exponent is whole.
_IRRATIONAL = (nodes.MatrixFunction, nodes.Frechet, nodes.Power, nodes.Pi)

#: Sizes for a program's letters in turn, shifted from one letter to the next.
_SIZES = (2, 3, 1, 4)
_LARGEST = 11  # of the sizes: a prime, so that each letter takes every size


class _UnfitError(ArithmeticError):
    """A formula has no value at a point, or none that can be held."""


@dataclass(frozen=True, slots=True)
class Point:
    """A value for every name, at given sizes."""

    shapes: dict[str, Shape]
    values: dict[str, Any]
    arithmetic: NumberType
    exact: bool

    def value(self, node: Node) -> Any | None:
        """The value of an expression, an array of exact or very precise numbers, if it has one."""
        if any(self.values.get(name, 0) is None for name in nodes.names_in(node)):
            return None  # of what has none itself
        try:
            with mpmath.workdps(WORKING_DIGITS), np.errstate(all="ignore"):
                return exact_value(node, self.values, self.arithmetic)
        except (ArithmeticError, ValueError, TypeError, RecursionError, MemoryError):
            return None

    def has_value(self, node: Node) -> bool:
        """Whether an expression has a value, steps and signs of 0 included."""
        functions = {**self.arithmetic.functions, **_KINKS}
        return (
            replace(self, arithmetic=replace(self.arithmetic, functions=functions)).value(node)
            is not None
        )


def points(
    question: Question, *formulas: Node, count: int = 4, small: bool = False
) -> Iterator[Point]:
    """Points at which formulas are tried: with `small`, whole numbers at the question's own sizes.

    The first is positive, where logarithms and roots like it.
    """
    exact, constants = _are_fractions(question, formulas), _constants(question, formulas)
    letters = [dim.symbol for dim in question.dims]
    for number in range(count):
        chance = random.Random(number)
        shapes = question.shapes
        if question.everywhere and not small:
            sizes = {s: _SIZES[(n + number) % len(_SIZES)] for n, s in enumerate(letters)}
            shapes = question.sized(sizes)
        if _entries(shapes) + constants <= _MOST_ENTRIES:
            yield _point(question, shapes, chance, (exact, small, number % 2 == 1))


def _entries(shapes: Mapping[str, Shape]) -> int:
    """How many values a point has."""
    return sum(math.prod(d.size for d in shape) for shape in shapes.values())


def _constants(question: Question, formulas: Iterable[Node]) -> int:
    """The entries of the largest constant whose sizes are numbers."""
    roots = (*formulas, question.gradient, *question.definitions.values())
    return max(named_entries(node, {}) for root in roots for node in _walk(root, question))


def points_of_many_sizes(question: Question, *formulas: Node) -> Iterator[Point]:
    """Points at larger sizes, for formulas that hold sizes as numbers, such as (N-1)*(N-2)*X.

    A formula of degree d in a size may vanish at d sizes; more than that are tried.
    """
    degree = sum(isinstance(n, nodes.Size) for formula in formulas for n in nodes.walk(formula))
    if not degree or not question.everywhere or _constants(question, formulas) > _MOST_ENTRIES:
        return
    exact = _are_fractions(question, formulas)
    letters = [dim.symbol for dim in question.dims]
    for number in range(min(degree, _LARGEST) + 1):
        chance = random.Random(number)
        sizes = {s: number * (n % 10 + 1) % _LARGEST + 1 for n, s in enumerate(letters)}
        shapes = question.sized(sizes)
        if _entries(shapes) <= _MOST_ENTRIES:
            yield _point(question, shapes, chance, (exact, False, False))


def _are_fractions(question: Question, formulas: Iterable[Node]) -> bool:
    """Whether all values are fractions where the inputs are."""
    return not any(
        isinstance(n, _IRRATIONAL) or (isinstance(n, nodes.Apply) and n.function in FUNCTIONS)
        for root in (*formulas, question.gradient, *question.definitions.values())
        for n in _walk(root, question)
        if not (isinstance(n, nodes.Power) and _whole(n.right))
    )


def _walk(root: Node, question: Question) -> Iterator[Node]:
    for node in nodes.walk(root):
        yield from simpler_parts(node)
        if isinstance(node, nodes.Apply) and node.function in question.bodies:
            yield from nodes.walk(question.bodies[node.function])


def _whole(node: Node) -> bool:
    return isinstance(node, nodes.Number) and node.value.denominator == 1


def _point(
    question: Question,
    shapes: dict[str, Shape],
    chance: random.Random,
    kind: tuple[bool, bool, bool],
) -> Point:
    exact, small, signed = kind
    whole = (1 if exact else 4) if small else 0  # quarters keep exp within what can be read

    def number() -> Any:
        sign = -1 if signed and chance.random() < 0.5 else 1  # noqa: PLR2004 - a coin
        value = Fraction(sign * chance.randint(1, 5 if small else 9), whole or chance.randint(2, 7))
        return value if exact else mpmath.mpf(value.numerator) / value.denominator

    def values(shape: Shape) -> Any:
        if not shape:
            return number()
        array = np.empty([dim.size for dim in shape], dtype=object)
        for place in np.ndindex(array.shape):
            array[place] = number()
        return array

    functions = dict(_FUNCTIONS)
    of_arrays = _values_of_functions(question.program, sizes_in(shapes))
    functions |= {
        name: _function(name, number, of_arrays, exact=exact) for name in question.undefined
    }
    arithmetic = NumberType(
        number=(lambda v: v) if exact else (lambda v: mpmath.mpf(v.numerator) / v.denominator),
        power=np.frompyfunc(_power, 2, 1),
        functions=functions,
        sizes=sizes_in(shapes),
    )
    for name, body in question.bodies.items():
        functions[name] = _of_body(body, arithmetic)
    with mpmath.workdps(WORKING_DIGITS):  # rows sum to 1 to the last digit
        found: dict[str, Any] = {
            name: structured(values(shapes[name]), question.structure(name))
            for name in question.inputs
        }
    for name, count in question.labels(shapes).items():
        found[name] = drawn_labels(found[name], count)
    point = Point(shapes, found, arithmetic, exact)
    for name, definition in question.definitions.items():
        found[name] = point.value(definition)
    return point


def _of_body(body: Node, arithmetic: NumberType) -> Callable[[Any], Any]:
    return lambda value: exact_value(body, {"": value}, arithmetic)


def _values_of_functions(program: Program, sizes: Mapping[str, int]) -> dict[str, tuple[int, ...]]:
    """The shapes of the values of undefined functions of whole arrays."""
    return {
        node.function: tuple(size_number(size, sizes) for size in node.sizes)
        for assignment in program.assignments
        for node in nodes.walk(assignment.value)
        if isinstance(node, nodes.Functional)
    }


def _function(
    name: str,
    number: Callable[[], Any],
    of_arrays: Mapping[str, tuple[int, ...]],
    *,
    exact: bool,
) -> Callable[[Any], Any]:
    if name in of_arrays:
        own = of_arrays[name]
        return _array_of_array(number, lambda _: own, exact=exact) if own else _of_array(number)
    if is_slope(name):
        places = of_arrays.get(name[1:], ())
        return _array_of_array(number, lambda shape: places + shape, exact=exact)
    return _undefined(number, exact=exact)


def _undefined(number: Callable[[], Any], *, exact: bool) -> Callable[[Any], Any]:
    """A function of which nothing is known: any value, but the same one for the same argument.

    Rounding would tell equal arguments apart, so there it is a smooth function instead.
    """
    if not exact:
        a, b, c = number(), number(), number()
        return _each(lambda u: a * mpmath.cos(b + u / 3) + c * u)
    known: dict[Any, Any] = {}

    def once(value: Any) -> Any:
        if value not in known:
            known[value] = number()
        return known[value]

    return _each(once)


def _of_array(number: Callable[[], Any]) -> Callable[[Any], Any]:
    """An undefined function of a whole array: any linear function will do."""
    factors: list[Any] = []

    def value(array: Any) -> Any:
        parts = np.ravel(np.asarray(array, dtype=object))
        factors.extend(number() for _ in range(len(parts) - len(factors)))
        return sum((c * u for c, u in zip(factors, parts, strict=False)), start=number() * 0)

    return value


def _array_of_array(
    number: Callable[[], Any],
    shape_at: Callable[[tuple[int, ...]], tuple[int, ...]],
    *,
    exact: bool,
) -> Callable[[Any], Any]:
    """An array of any numbers, in `shape_at` that of the argument: F(A), or the derivatives."""
    known: dict[Any, Any] = {}
    slopes: list[Callable[[Any], Any]] = []

    def value(array: Any) -> Any:
        whole = np.asarray(array, dtype=object)
        parts, shape = whole.ravel(), shape_at(whole.shape)
        count = math.prod(shape)
        if exact:
            key = (whole.shape, *parts)
            if key not in known:
                known[key] = [number() for _ in range(count)]
            entries = known[key]
        else:
            slopes.extend(_undefined(number, exact=False) for _ in range(count - len(slopes)))
            at = itertools.islice(itertools.cycle(parts), count)
            entries = [slope(u) for slope, u in zip(slopes, at, strict=False)]
        made = np.empty(count, dtype=object)
        made[:] = entries
        return made.reshape(shape) if shape else made[0]

    return value


def _each(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    made: Callable[[Any], Any] = np.frompyfunc(function, 1, 1)
    return made


def _power(base: Any, exponent: Any) -> Any:
    if isinstance(base, Fraction):
        bits = max(abs(base.numerator).bit_length(), base.denominator.bit_length())
        if abs(exponent) * bits > _MAX_BITS:
            raise _UnfitError
        return base ** int(exponent)
    if base <= 0 and not mpmath.isint(exponent):
        raise _UnfitError
    if abs(exponent) * abs(mpmath.log(abs(base) or 1)) > _MAX_ARGUMENT:
        raise _UnfitError
    return base**exponent


def _where(
    has_value: Callable[[Any], bool], function: Callable[[Any], Any]
) -> Callable[[Any], Any]:
    """The function where it has a value that can be held."""

    def checked(u: Any) -> Any:
        if not has_value(u):
            raise _UnfitError
        return function(u)

    return checked


#: Whether what must be positive for a function is so at u.
_POSITIVE: dict[str, Callable[[Any], bool]] = {
    "u": lambda u: bool(u > 0),
    "1 - u**2": lambda u: bool(abs(u) < 1),
    "u - 1": lambda u: bool(u > 1),
}


def _precise(name: str, function: Function) -> Callable[[Any], Any]:
    """A function that others are defined by, as mpmath has it, where it has a value."""
    value = getattr(mpmath, function.sympy(name) or name)
    if function.domain and function.domain[0] == "positive":
        return _where(_POSITIVE[function.domain[1]], value)
    return _where(lambda u: abs(u) <= _MAX_ARGUMENT, value)


#: The values where there is no derivative, too.
_KINKS = {
    "sign": _each(lambda u: (u > 0) - (u < 0) + 0 * u),
    "step": _each(lambda u: u * 0 + (u > 0)),
}

_OWN = {
    "sign": _where(bool, lambda u: 2 * (u > 0) - 1 + 0 * u),
    "iszero": lambda u: u * 0 + (u == 0),
    "step": _where(bool, lambda u: u * 0 + (u > 0)),
    "trigamma": _where(_POSITIVE["u"], lambda u: mpmath.polygamma(1, u)),
    "floor": lambda u: u * 0 + math.floor(u),
    "round": lambda u: u * 0 + round(u) if isinstance(u, Fraction) else mpmath.nint(u),
}
#: Functions that have no definition; the rest have their values by it.
_FUNCTIONS = {
    name: _each(_OWN[name] if name in _OWN else _precise(name, function))
    for name, function in FUNCTIONS.items()
    if name in _OWN or not function.definition
}


def apart(one: Any, other: Any, *, exact: bool) -> Any | None:
    """Where two values differ, as a mask; None if their shapes differ."""
    a, b = np.asarray(one, dtype=object), np.asarray(other, dtype=object)
    if a.shape != b.shape:
        return None
    if exact:
        return np.asarray(a != b, dtype=bool)
    with mpmath.workdps(WORKING_DIGITS):
        return np.asarray(np.frompyfunc(_far, 2, 1)(a, b), dtype=bool)


def _far(one: Any, other: Any) -> bool:
    return bool(abs(one - other) > _APART * (1 + abs(one) + abs(other)))
