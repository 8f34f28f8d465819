"""The value of an expression: its nodes applied to whatever arrays and numbers the caller gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from matderiv.expression import nodes
from matderiv.expression.nodes import Node

__all__ = ["Arithmetic", "evaluate"]


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """What numbers are made of, how they are raised to powers, and what each function does.

    `functions` are applied to arrays and numbers as they are, undefined functions included.
    """

    number: Callable[[Fraction], Any]
    power: Callable[[Any, Any], Any]
    functions: Mapping[str, Callable[[Any], Any]]


def evaluate(node: Node, values: Mapping[str, Any], arithmetic: Arithmetic) -> Any:
    """The value of an expression where names have the given values, by NumPy's operators.

    An array is anything with the operators of NumPy's, `.T` and `.sum()`.

    >>> from matderiv.expression.parse import parse
    >>> plain = Arithmetic(float, pow, {"f": abs})
    >>> evaluate(parse("f(b - 2*c)").loss.value, {"b": 1, "c": 3}, plain)
    5.0
    """

    def value(part: Node) -> Any:
        match part:
            case nodes.Name(name):
                return values[name]
            case nodes.Number(number):
                return arithmetic.number(number)
            case nodes.Add(left, right):
                return value(left) + value(right)
            case nodes.Subtract(left, right):
                return value(left) - value(right)
            case nodes.Multiply(left, right):
                return value(left) * value(right)
            case nodes.Divide(left, right):
                return value(left) / value(right)
            case nodes.Power(left, right):
                return arithmetic.power(value(left), value(right))
            case nodes.MatMul(left, right):
                return value(left) @ value(right)
            case nodes.Negate(arg):
                return -value(arg)
            case nodes.Transpose(arg):
                inner = value(arg)
                return inner.T if hasattr(inner, "T") else inner
            case nodes.Sum(arg):
                inner = value(arg)
                return inner.sum() if hasattr(inner, "sum") else inner
            case nodes.Apply(function, arg) | nodes.Functional(function, arg):
                return arithmetic.functions[function](value(arg))

    return value(node)
