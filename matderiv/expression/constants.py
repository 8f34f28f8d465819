"""Numbers that a program writes as expressions: log(0) and sqrt(-2) have no value."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable

from matderiv.errors import InputError
from matderiv.expression import nodes
from matderiv.expression.nodes import Node
from matderiv.expression.program import Program
from matderiv.expression.source import source

__all__ = ["check_constants"]

_FUNCTIONS: dict[str, Callable[[float], float]] = {
    "exp": math.exp,
    "log": math.log,
    "sqrt": math.sqrt,
    "sin": math.sin,
    "cos": math.cos,
    "tanh": math.tanh,
    "arctan": math.atan,
    "abs": abs,
}
_OPERATORS: dict[type, Callable[[float, float], float]] = {
    nodes.Add: operator.add,
    nodes.Subtract: operator.sub,
    nodes.Multiply: operator.mul,
    nodes.Divide: operator.truediv,
    nodes.Power: operator.pow,
}


def check_constants(program: Program) -> None:
    """Refuse constant parts of a program that have no finite real value.

    Raises:
        InputError: a constant part has no value, or a number that is not positive is raised to
            a power that is not constant.

    >>> from matderiv.expression.parse import parse
    >>> check_constants(parse("L = sum(log(0)*X)"))
    Traceback (most recent call last):
    matderiv.errors.InputError: log(0) has no finite real value; write one that has.
    """
    for assignment in program.assignments:
        _value(assignment.value)


def _value(node: Node) -> float | None:
    """The value of a constant part; None for anything else, and for numbers that are too large."""
    values = [_value(child) for child in nodes.children(node)]
    match node, values:
        case nodes.Number(value), _:
            return _rounded(value.numerator, value.denominator)
        case nodes.Pi(), _:
            return math.pi
        case nodes.Negate(), [float() as value]:
            return -value
        case nodes.Power(), [float() as base, None] if base <= 0:
            raise InputError(
                f"{source(node)}: the base of such a power must be positive; "
                "write a positive number."
            )
        case _ if not values or None in values:
            return None
    known = [value for value in values if value is not None]
    try:
        if isinstance(node, nodes.Apply) and node.function in _FUNCTIONS:
            return _FUNCTIONS[node.function](known[0])
        made = _OPERATORS[type(node)](*known) if type(node) in _OPERATORS else None
    except ZeroDivisionError:
        raise InputError(f"{source(node)} divides by zero; write another divisor.") from None
    except ValueError:
        made = 1j
    except OverflowError:
        if isinstance(node, nodes.Power):
            raise InputError(
                f"{source(node)} is too large a number; write a smaller one."
            ) from None
        return None
    if isinstance(made, complex):
        raise InputError(f"{source(node)} has no finite real value; write one that has.")
    return made


def _rounded(above: int, below: int) -> float | None:
    try:
        return above / below
    except OverflowError:
        return None
