"""Whether the numbers that a program is written with exist: 1/0, log(0) and (-2)**Y do not."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from fractions import Fraction
from statistics import NormalDist
from typing import Any

from matderiv._budget import MOST_DIGITS
from matderiv.errors import InputError
from matderiv.expression import nodes
from matderiv.expression.nodes import Node
from matderiv.expression.program import Program
from matderiv.expression.source import source

__all__ = ["check_constants"]

Constant = Fraction | float

_OPERATORS: dict[type, Callable[..., Any]] = {
    nodes.Add: operator.add,
    nodes.Subtract: operator.sub,
    nodes.Multiply: operator.mul,
    nodes.Negate: operator.neg,
}
#: Functions whose values can be 0 or negative, and those that have no value there.
_VALUES: dict[str, Callable[[float], float]] = {
    **{
        name: getattr(math, name.replace("arc", "a"))
        for name in (
            "exp log sqrt tanh sin cos arctan arcsin arccos arcsinh arccosh arctanh tan sinh erf "
            "floor ceil trunc"
        ).split()
    },
    "erfinv": lambda u: NormalDist().inv_cdf((1 + u) / 2) / math.sqrt(2),
    "gammaln": math.lgamma,
    "iszero": lambda u: float(u == 0),
    "abs": abs,
    "relu": lambda u: max(u, 0.0),
    "sign": lambda u: float((u > 0) - (u < 0)),
    "step": lambda u: float(u > 0),
    "round": round,
}


def check_constants(program: Program) -> None:
    """Refuse a part without names that has no finite real value, or too long a one.

    Raises:
        InputError: there is such a part, or a power whose base is such a number.

    >>> from matderiv.expression.parse import parse
    >>> parse("L = sum(log(0)*Y)")
    Traceback (most recent call last):
    ...
    matderiv.errors.InputError: log(0) has no finite real value; write one that has.
    """
    for assignment in program.assignments:
        _constant(assignment.value)


def _constant(node: Node) -> Constant | None:
    """The value of an expression of numbers; None if it holds a name, or is not worked out."""
    parts = [_constant(child) for child in nodes.children(node)]
    match node:
        case nodes.Number(value):
            return value
        case nodes.Pi():
            return math.pi
        case nodes.Divide() if parts[1] == 0:
            raise InputError(f"{source(node)} divides by zero; write another divisor.")
        case nodes.Power():
            return _power(node, *parts)
    operands = [part for part in parts if part is not None]
    if not operands or len(operands) < len(parts):
        return None
    try:
        match node:
            case nodes.Divide():
                return operands[0] / operands[1]
            case nodes.Apply(function) if function in _VALUES:
                return _VALUES[function](float(operands[0]))
        found: Constant | None = _OPERATORS.get(type(node), _unknown)(*operands)
    except OverflowError:
        return None
    except ValueError:
        raise _none(node) from None
    return found


def _unknown(*_: Constant) -> None:
    """No value: an operation of which none is worked out."""


def _power(node: nodes.Power, base: Constant | None, exponent: Constant | None) -> Constant | None:
    if base is None:
        return None
    if exponent is None:
        if base <= 0 and nodes.names_in(node.right):
            raise InputError(
                f"{source(node)}: the base of such a power must be positive; write a positive "
                "number."
            )
        return None
    if base == 0 and exponent < 0:
        raise InputError(f"{source(node)} divides by zero; write another base.")
    if base < 0 and exponent != int(exponent):
        raise _none(node)
    if isinstance(base, Fraction) and isinstance(exponent, Fraction) and exponent.denominator == 1:
        digits = math.log10(max(abs(base.numerator), base.denominator))
        if digits and abs(exponent) > MOST_DIGITS / digits:
            raise InputError(
                f"{source(node)} is a number of more than {MOST_DIGITS:,} digits; write a "
                "smaller one."
            )
    try:
        return base ** (int(exponent) if exponent == int(exponent) else exponent)
    except OverflowError:
        return None


def _none(node: Node) -> InputError:
    return InputError(f"{source(node)} has no finite real value; write one that has.")
