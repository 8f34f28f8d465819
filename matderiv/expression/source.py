"""Printing an expression back as NumPy-like source that parses to the same tree."""

from __future__ import annotations

from fractions import Fraction

from matderiv.expression import nodes
from matderiv.expression.nodes import Node

__all__ = ["source"]

# node: (operator, its precedence, the least precedence of the left and of the right operand)
_BINARY: dict[type, tuple[str, int, int, int]] = {
    nodes.Add: (" + ", 1, 1, 2),
    nodes.Subtract: (" - ", 1, 1, 2),
    nodes.Multiply: ("*", 2, 2, 3),
    nodes.Divide: ("/", 2, 2, 3),
    nodes.MatMul: (" @ ", 2, 2, 3),
    nodes.Power: ("**", 4, 5, 3),
}
_UNARY, _ATOM = 3, 5


def source(node: Node) -> str:
    """NumPy-like text with no more brackets than needed.

    >>> from matderiv.expression.nodes import MatMul, Name, Transpose
    >>> source(MatMul(Name("dY"), Transpose(Name("W"))))
    'dY @ W.T'
    """
    return _source(node)[0]


def _source(node: Node) -> tuple[str, int]:
    match node:
        case nodes.Name(name):
            return name, _ATOM
        case nodes.Number(value):
            return _number(value)
        case nodes.Negate(arg):
            return "-" + _wrapped(arg, _UNARY), _UNARY
        case nodes.Transpose(arg):
            return _wrapped(arg, _ATOM) + ".T", _ATOM
        case nodes.Apply(function, arg) | nodes.Functional(function, arg):
            return f"{function}({source(arg)})", _ATOM
        case nodes.Sum(arg):
            return f"sum({source(arg)})", _ATOM
        case _:
            operator, own, left, right = _BINARY[type(node)]
            return _wrapped(node.left, left) + operator + _wrapped(node.right, right), own


def _number(value: Fraction) -> tuple[str, int]:
    if value.denominator == 1:
        return str(value), _ATOM if value >= 0 else _UNARY
    return f"{value.numerator}/{value.denominator}", 2 if value >= 0 else 1


def _wrapped(node: Node, least: int) -> str:
    text, precedence = _source(node)
    return text if precedence >= least else f"({text})"
