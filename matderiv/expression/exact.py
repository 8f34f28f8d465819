"""The value of an expression in exact numbers, or in numbers of many digits: see `numeric`."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np

from matderiv._budget import MOST_WRITTEN_ENTRIES
from matderiv.errors import MissingRuleError, TooLarge
from matderiv.expression import nodes
from matderiv.expression.definitions import definition
from matderiv.expression.index_values import (
    moved,
    named_entries,
    one_hot,
    picked,
    put_together,
    reshaped,
    selection_values,
)
from matderiv.expression.matrix_functions import (
    exponent_of,
    function_kind,
    place_of,
    with_exponent,
)
from matderiv.expression.nodes import Node
from matderiv.expression.numeric import rearrange
from matderiv.expression.size_text import size_number

__all__ = ["NumberType", "exact_value", "precise_change", "precise_value"]

_STEPS = 30  # of an iteration that converges quadratically
_SMALL = 1e-20  # between entries of a matrix that are equal
_LARGEST_NORM = 1000  # of a matrix whose exponential is worked out
_HALVINGS = 6  # of a matrix of norm 1, so that its series is short
_GUARD = 24  # bits beyond those asked for, since each product is rounded
_SINGULAR = 10**30  # how much smaller than its matrix a rounded pivot is taken for 0


@dataclass(frozen=True, slots=True)
class NumberType:
    """A number type: how to make a number, raise it to a power and apply functions to it.

    `functions`: every function of the program by name, undefined ones included. `sizes`: the
    numbers that the letters in eye(N) and ones((N, M)) stand for.
    """

    number: Callable[[Fraction], Any]
    power: Callable[[Any, Any], Any]
    functions: Mapping[str, Callable[[Any], Any]]
    sizes: Mapping[str, int] = field(default_factory=dict)

    def eye(self, size: int | str) -> Any:
        """The identity matrix in this number type."""
        return self.made(np.eye(self.size(size), dtype=np.int64))

    def ones(self, sizes: tuple[int | str, ...]) -> Any:
        """An array of ones in this number type."""
        return self.made(np.ones([self.size(size) for size in sizes], dtype=np.int64))

    def size(self, size: int | str) -> int:
        """The value of a size letter."""
        return size_number(size, self.sizes)

    def made(self, array: Any) -> Any:
        """An array of whole numbers in this number type."""
        return np.frompyfunc(lambda n: self.number(Fraction(int(n))), 1, 1)(array)


def exact_value(node: Node, values: Mapping[str, Any], arithmetic: NumberType) -> Any:
    """The value of an expression where names have the given values: numbers or object arrays.

    Raises:
        ArithmeticError: there is no value, such as that of the inverse of a singular matrix.
        TooLarge: a constant has too many entries to be made.

    >>> from matderiv.expression.parse import parse
    >>> plain = NumberType(Fraction, pow, {"f": abs})
    >>> exact_value(parse("f(b - 2*c)/3").loss.value, {"b": 1, "c": 3}, plain)
    Fraction(5, 3)
    >>> a = np.array([[Fraction(1), Fraction(2)], [Fraction(3), Fraction(4)]])
    >>> exact_value(parse("det(A) + tr(inv(A))").loss.value, {"A": a}, plain)
    Fraction(-9, 2)
    """

    def value(part: Node) -> Any:
        match part:
            case nodes.Name(name):
                return values[name]
            case nodes.Number(number):
                return arithmetic.number(number)
            case nodes.Apply(function, arg) | nodes.Functional(function, arg) if (
                function in arithmetic.functions
            ):
                return arithmetic.functions[function](value(arg))
        if named_entries(part, arithmetic.sizes) > MOST_WRITTEN_ENTRIES:
            raise TooLarge("a constant has too many entries")
        if type(part) in _OPERATORS:
            return _OPERATORS[type(part)](*map(value, nodes.children(part)))
        if type(part) in _VALUES:
            return _VALUES[type(part)](part, arithmetic, *map(value, nodes.children(part)))
        simpler = definition(part)
        if simpler is None:
            raise MissingRuleError(part, "exact value")
        return value(simpler)

    return value(node)


def _mean(node: nodes.Mean, arithmetic: NumberType, value: Any) -> Any:
    total = np.sum(value, axis=node.axis, keepdims=node.keepdims)
    return total * arithmetic.number(Fraction(np.size(total), np.size(value)))


def _inverse(matrix: Any, arithmetic: NumberType) -> Any:
    determinant, inverse = _eliminated(matrix, arithmetic)
    if not determinant:
        raise ZeroDivisionError
    return inverse


def precise_value(function: str, matrix: Any) -> Any:
    """The value of a function of a matrix of mpmath's, to as many digits as it works with.

    Raises:
        ArithmeticError: there is no value: a matrix is not symmetric, or has no such root.
    """
    kind, size = function_kind(function), matrix.rows
    match kind:
        case "sqrtm":
            return _precise_root(matrix)
        case "matrix_power":
            return matrix ** int(exponent_of(function))
        case "expm":
            return _precise_exponential(matrix)
        case "sinm" | "cosm":
            turned = mpmath.zeros(2 * size)
            turned[:size, size:], turned[size:, :size] = matrix, -matrix
            found = _precise_exponential(turned)
            return found[:size, size:] if kind == "sinm" else found[:size, :size]
        case "logm":
            found = mpmath.logm(matrix)
            if any(abs(mpmath.im(value)) > _SMALL for value in found):
                raise ArithmeticError("the matrix has no real logarithm")
            return found.apply(mpmath.re)
    if any(abs(matrix[i, j] - matrix[j, i]) > _SMALL for i in range(size) for j in range(i)):
        raise ArithmeticError("the matrix is not symmetric")
    values, vectors = mpmath.eigsy(matrix)
    if not -size <= place_of(function) < size:
        raise ArithmeticError("there is no such eigenvalue")
    place = place_of(function) % size
    part = vectors[:, place] * vectors[:, place].T
    return part if kind == "eigenprojector" else part * values[place]


def precise_change(function: str, matrix: Any, change: Any) -> Any:
    """The derivative of a function of a matrix along another, the upper right block.

    Raises:
        ArithmeticError: there is no value.
    """
    size = matrix.rows
    double = mpmath.zeros(2 * size)
    double[:size, :size] = double[size:, size:] = matrix
    double[:size, size:] = change
    return precise_value(function, double)[:size, size:]


def _precise_exponential(matrix: Any) -> Any:
    """The 2ⁿ-th power of the series of A/2ⁿ, in whole numbers of units so small that it is exact.

    Whole numbers are multiplied fifty times as fast as those of mpmath. Powers make an error at
    most 2ⁿ·e^|A| times as large, so the units are smaller than the last digit by that.

    Raises:
        OverflowError: a norm is too large for a value.
    """
    if any(isinstance(entry, mpmath.mpc) for entry in matrix):
        return mpmath.expm(matrix)
    norm = float(mpmath.mnorm(matrix, 1))
    if not norm < _LARGEST_NORM:
        raise OverflowError("the exponential of a matrix is too large")
    halvings = max(0, math.frexp(norm)[1]) + _HALVINGS
    bits = mpmath.mp.prec + halvings + math.ceil(3 * norm) + _GUARD
    unit = 1 << bits
    rows = [[int(mpmath.ldexp(entry, bits - halvings)) for entry in row] for row in matrix.tolist()]
    small = np.array(rows, dtype=object)
    total = term = np.diag(np.array([unit] * len(small), dtype=object))
    count = 0
    while term.any():
        count += 1
        term = (term @ small) // (unit * count)
        total = total + term
        if abs(term).max() <= 1:  # negative ones are rounded down, to -1 at last
            break
    for _ in range(halvings):
        total = (total @ total) // unit
    return mpmath.matrix([[+mpmath.ldexp(entry, -bits) for entry in row] for row in total.tolist()])


def _precise_root(matrix: Any) -> Any:
    """The principal root by the iteration of Denman and Beavers.

    Raises:
        ArithmeticError: it does not converge, as for a singular matrix.
    """
    root, inverse = matrix, mpmath.eye(matrix.rows)
    for _ in range(_STEPS):
        root, inverse = (root + inverse**-1) / 2, (inverse + root**-1) / 2
        if mpmath.mnorm(root * root - matrix) <= _SMALL * mpmath.mnorm(matrix):
            return root
    raise ArithmeticError("the matrix has no root")


def _function_of_matrix(
    node: nodes.MatrixFunction | nodes.Frechet, arithmetic: NumberType, *operands: Any
) -> Any:
    """The value by mpmath; no fraction has one.

    Raises:
        ArithmeticError: numbers are fractions, or a matrix with real eigenvalues is not symmetric.
    """
    rounded = isinstance(arithmetic.number(Fraction(1)), mpmath.mpf)
    if not rounded:
        raise ArithmeticError("a function of a matrix is no fraction")
    made = precise_value if len(operands) == 1 else precise_change
    matrices = (mpmath.matrix(operand.tolist()) for operand in operands)
    found = made(with_exponent(node.function, arithmetic.sizes), *matrices)
    return np.array(found.tolist(), dtype=object)


def _eliminated(matrix: Any, arithmetic: NumberType) -> tuple[Any, Any]:
    """The determinant and, unless that is 0, the inverse of a matrix, by Gauss and Jordan.

    Raises:
        ZeroDivisionError: rounding has left nothing of the determinant.
    """
    size = len(matrix)
    rows = np.concatenate([matrix, arithmetic.eye(size)], axis=1)
    determinant = arithmetic.number(Fraction(1))
    exact = isinstance(determinant, Fraction)
    least = 0 if exact else np.max(np.abs(matrix)) / _SINGULAR
    for k in range(size):
        pivot = max(range(k, size), key=lambda i: abs(rows[i, k]))
        if abs(rows[pivot, k]) <= least:
            if exact:
                return Fraction(0), None
            raise ZeroDivisionError
        if pivot != k:
            rows[[k, pivot]] = rows[[pivot, k]]
            determinant = -determinant
        determinant *= rows[k, k]
        rows[k] = rows[k] / rows[k, k]
        for i in range(size):
            if i != k:
                rows[i] = rows[i] - rows[k] * rows[i, k]
    return determinant, rows[:, size:]


#: Nodes that are worked out by an operator of Python, whatever the operands are.
_OPERATORS: dict[type, Callable[..., Any]] = {
    nodes.Add: operator.add,
    nodes.Subtract: operator.sub,
    nodes.Multiply: operator.mul,
    nodes.Divide: operator.truediv,
    nodes.MatMul: operator.matmul,
    nodes.Negate: operator.neg,
    nodes.Transpose: lambda a: getattr(a, "T", a),
    nodes.Outer: np.multiply.outer,
}

#: Nodes whose value depends on their axis or sizes, or on the number type.
_VALUES: dict[type, Callable[..., Any]] = {
    nodes.Size: lambda node, by: by.number(Fraction(by.sizes.get(node.symbol, node.size))),
    nodes.Pi: lambda _, __: +mpmath.pi,
    nodes.Power: lambda _, by, base, exponent: by.power(base, exponent),
    nodes.Eye: lambda node, by: by.eye(node.size),
    nodes.Ones: lambda node, by: by.ones(node.sizes),
    nodes.Selection: lambda node, by: by.made(selection_values(node, by.sizes)),
    nodes.OneHot: lambda node, by, a: by.made(one_hot(a, by.size(node.size))),
    nodes.Mapped: lambda node, by, a: moved(node, a, by.sizes),
    nodes.Reshape: lambda node, by, a: reshaped(node, a, by.sizes),
    nodes.Joined: lambda node, _, a, b: put_together(node, a, b),
    nodes.Gathered: lambda node, _, a, labels: picked(node, a, labels),
    nodes.Rearrange: lambda node, _, a: rearrange(a, node),
    nodes.Sum: lambda node, _, a: np.sum(a, axis=node.axis, keepdims=node.keepdims),
    nodes.Prod: lambda node, _, a: np.prod(a, axis=node.axis, keepdims=node.keepdims),
    nodes.Max: lambda node, _, a: np.max(a, axis=node.axis, keepdims=node.keepdims),
    nodes.Mean: _mean,
    nodes.Diag: lambda _, by, a: np.diagonal(a) if a.ndim > 1 else by.eye(len(a)) * a,
    nodes.Determinant: lambda _, by, a: _eliminated(a, by)[0],
    nodes.LogDet: lambda _, by, a: by.functions["log"](abs(_eliminated(a, by)[0])),
    nodes.Inverse: lambda _, by, a: _inverse(a, by),
    nodes.MatrixFunction: _function_of_matrix,
    nodes.Frechet: _function_of_matrix,
}
