"""Formulas of whole programs as matrix expressions of SymPy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import sympy as sp

from matderiv.calculus.formulas.shaping import shapes_over
from matderiv.errors import UnsupportedError
from matderiv.expression import nodes
from matderiv.expression.nodes import Node
from matderiv.expression.shapes import Shape
from matderiv.expression.source import source

__all__ = ["matrix_expression"]


def matrix_expression(node: Node, shapes: Mapping[str, Shape]) -> sp.Basic:
    """An expression of SymPy `MatrixSymbol`s, `dY` standing for ∂L/∂Y.

    Vectors are columns, numbers are scalars.

    Raises:
        UnsupportedError: SymPy has no matrix expression for it.

    >>> from matderiv.expression.parse import parse
    >>> from matderiv.expression.shapes import infer
    >>> program = parse("Y = X @ W; L = sum(f(Y))")
    >>> matrix_expression(program.assignments[0].value, infer(program))
    X*W
    """
    return _Matrices(shapes).of(node)


class _Matrices:
    """Builds SymPy matrices, as Any: SymPy's types do not tell matrices from numbers."""

    def __init__(self, shapes: Mapping[str, Shape]) -> None:
        self.shape = shapes_over(shapes)

    def of(self, node: Node) -> Any:  # noqa: ANN401 - see the class
        match node:
            case nodes.Name(name):
                sizes = [dim.size for dim in self.shape(node)]
                if not sizes:
                    return sp.Symbol(name)
                return sp.MatrixSymbol(name, *sizes, *[1] * (2 - len(sizes)))
            case nodes.Number(value):
                return sp.Rational(value.numerator, value.denominator)
            case nodes.Size(_, size):
                return sp.Integer(size)
            case nodes.Pi():
                return sp.pi
            case nodes.Eye():
                return sp.Identity(self.shape(node)[0].size)
            case nodes.Negate(arg):
                return -self.of(arg)
            case nodes.Transpose(arg):
                return self.of(arg).T if len(self.shape(arg)) > 1 else self.of(arg)
            case nodes.Outer(left, right):
                return self.of(left) * self.of(right).T
            case nodes.MatMul():
                return self.matmul(node)
            case nodes.Add(left, right) | nodes.Subtract(left, right):
                if self.shape(left) == self.shape(right):
                    one, other = self.of(left), self.of(right)
                    return one + other if isinstance(node, nodes.Add) else one - other
            case nodes.Multiply(left, right):
                return self.times(left, self.of(left), right, self.of(right))
            case nodes.Divide(left, right) if not self.shape(right):
                return self.of(left) / self.of(right)
            case nodes.Power(base, power) if not (self.shape(base) or self.shape(power)):
                return self.of(base) ** self.of(power)
        return self.function(node)

    def matmul(self, node: nodes.MatMul) -> Any:  # noqa: ANN401
        """A product; vectors are columns, so vA is Aᵀv, and vw the number vᵀw."""
        left, right = self.of(node.left), self.of(node.right)
        if len(self.shape(node.left)) > 1:
            return left * right
        return sp.Trace(left.T * right) if not self.shape(node) else right.T * left

    def times(self, left: Node, one: Any, right: Node, other: Any) -> Any:  # noqa: ANN401
        """A number times an array, or two arrays of one shape entry by entry."""
        shapes = self.shape(left), self.shape(right)
        if all(shapes):
            if shapes[0] == shapes[1]:
                return sp.HadamardProduct(one, other)
            raise _unknown(nodes.Multiply(left, right))
        return one * other

    def function(self, node: Node) -> Any:  # noqa: ANN401
        rule = _FUNCTIONS.get(type(node))
        if rule is not None and isinstance(node, nodes.Inverse | nodes.Determinant | nodes.Trace):
            return rule(self.of(node.arg))
        if isinstance(node, nodes.Apply) and not self.shape(node.arg):
            known = getattr(sp, node.function, None) if node.function in _SCALAR else None
            return (known or sp.Function(node.function))(self.of(node.arg))
        raise _unknown(node)


def _unknown(node: Node) -> UnsupportedError:
    return UnsupportedError(f"SymPy has no matrix expression for {source(node)}")


_FUNCTIONS: dict[type, Callable[[Any], Any]] = {
    nodes.Inverse: sp.Inverse,
    nodes.Determinant: sp.Determinant,
    nodes.Trace: sp.Trace,
}

_SCALAR = frozenset({"exp", "log", "sqrt", "sin", "cos", "tanh", "erf"})
