"""Formulas as matrix expressions of SymPy's: vectors are columns, and sizes may be letters.

SymPy does not broadcast, so that a smaller operand is written as a product with ones.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Collection
from typing import cast

import sympy as sp

from matderiv.calculus.deciding.explicit import value_of
from matderiv.errors import UnsupportedError
from matderiv.expression import nodes
from matderiv.expression.definitions import definition
from matderiv.expression.dims import SINGLE
from matderiv.expression.nodes import Node
from matderiv.expression.operations import ShapeOf
from matderiv.expression.shapes import Shape
from matderiv.expression.source import source
from matderiv.expression.vocabulary import is_slope

__all__ = ["MatrixExpressions", "rows_and_columns"]

_MATRIX = 2  # dimensions
_HERE = "in SymPy's matrix expressions"


def rows_and_columns(shape: Shape) -> tuple[str, str]:
    """The sizes of a matrix; a vector is a column.

    Raises:
        UnsupportedError: there are more than two dimensions.
    """
    if len(shape) > _MATRIX:
        raise UnsupportedError(f"SymPy has no matrix with {len(shape)} dimensions.")
    rows, cols = (*shape, SINGLE, SINGLE)[:_MATRIX]
    return rows.symbol, cols.symbol


class MatrixExpressions:
    """Formulas with a `MatrixSymbol` for each name of an array, `dY` standing for ∂L/∂Y.

    `size` gives a number or a symbol for each size; `functions` are those of the program. `total`
    makes a number of a product of ones, a matrix and ones.

    >>> from matderiv.expression.parse import parse
    >>> from matderiv.expression.shapes import infer
    >>> from matderiv.calculus.formulas.shaping import shapes_over
    >>> program = parse("Y = X @ W + c; L = sum(f(Y))")
    >>> MatrixExpressions(shapes_over(infer(program)), sp.Symbol).of(program.assignments[0].value)
    X*W + 1*c.T
    """

    def __init__(
        self,
        shape: ShapeOf,
        size: Callable[[str], sp.Expr],
        functions: Collection[str] = (),
        total: Callable[[sp.Expr], sp.Expr] = sp.Trace,
    ) -> None:
        self.shape = shape
        self.size = size
        self.functions = functions
        self.total = total

    def of(self, node: Node) -> sp.Expr:
        """A number, or a matrix.

        Raises:
            UnsupportedError: SymPy has no matrix expression for it.
        """
        rule = _RULES.get(type(node))
        if rule is not None:
            return rule(self, node, *map(self.of, nodes.children(node)))
        simpler = definition(node, self.shape)
        if simpler is None:
            raise _unsaid(node, _HERE)
        return self.of(simpler)

    def symbol(self, name: str) -> sp.Expr:
        """A name of the program."""
        shape = self.shape(nodes.Name(name))
        if not shape:
            return cast("sp.Expr", sp.Symbol(name))
        return sp.MatrixSymbol(name, *map(self.size, rows_and_columns(shape)))

    def ones(self, rows: str, cols: str) -> sp.Expr:
        """A matrix of ones."""
        return sp.OneMatrix(self.size(rows), self.size(cols))

    def both(self, node: nodes.Entrywise, left: sp.Expr, right: sp.Expr) -> tuple[sp.Expr, sp.Expr]:
        """The operands, each with every entry of the result."""
        over = self.shape(node)
        if not over:
            return left, right
        return (
            self.spread(left, self.shape(node.left), over),
            self.spread(right, self.shape(node.right), over),
        )

    def spread(self, matrix: sp.Expr, own: Shape, over: Shape) -> sp.Expr:
        """A smaller operand repeated; a vector beside a matrix is a row of it."""
        rows, cols = rows_and_columns(over)
        if not own:
            return matrix * self.ones(rows, cols)
        if len(own) < len(over):
            matrix, own = _transposed(matrix), (SINGLE, *own)
        if own[0] != over[0]:
            matrix = self.ones(rows, "1") * matrix
        return matrix if own[1:] == over[1:] else matrix * self.ones("1", cols)


def _unsaid(node: Node, where: str) -> UnsupportedError:
    return UnsupportedError(
        f"{source(node)} cannot be said {where}; take numpy, torch or jax instead."
    )


def _transposed(matrix: sp.Expr) -> sp.Expr:
    return cast("sp.MatrixExpr", matrix).T


# -- rules: each from a node and its operands --------------------------------------------------


def _times(by: MatrixExpressions, node: nodes.Multiply, left: sp.Expr, right: sp.Expr) -> sp.Expr:
    if by.shape(node.left) and by.shape(node.right):
        return sp.HadamardProduct(*by.both(node, left, right))
    return left * right


def _divided(by: MatrixExpressions, node: nodes.Divide, left: sp.Expr, right: sp.Expr) -> sp.Expr:
    if not by.shape(node.right):
        return left / right
    left, right = by.both(node, left, right)
    return sp.HadamardProduct(left, sp.HadamardPower(right, -1))


def _raised(by: MatrixExpressions, node: nodes.Power, base: sp.Expr, power: sp.Expr) -> sp.Expr:
    match bool(by.shape(node.left)), bool(by.shape(node.right)):
        case False, False:
            return cast("sp.Expr", sp.Pow(base, power))
        case True, False:
            return sp.HadamardPower(base, power)
        case False, True:
            return _of_each(power, lambda u: cast("sp.Expr", sp.Pow(base, u)))
    raise _unsaid(node, _HERE)


def _product(by: MatrixExpressions, node: nodes.MatMul, left: sp.Expr, right: sp.Expr) -> sp.Expr:
    """A product; vectors are columns, so vA is Aᵀv, and vw the number vᵀw."""
    match len(by.shape(node.left)), len(by.shape(node.right)):
        case 1, 1:
            return sp.Trace(_transposed(left) * right)
        case 1, _:
            return _transposed(right) * left
    return left * right


def _summed(by: MatrixExpressions, node: nodes.Sum, arg: sp.Expr) -> sp.Expr:
    shape = by.shape(node.arg)
    if not shape:
        return arg
    rows, cols = rows_and_columns(shape)
    if node.axis != 1:
        arg = by.ones("1", rows) * arg
    if len(shape) == _MATRIX and node.axis != 0:
        arg *= by.ones(cols, "1")
    if not by.shape(node):
        return by.total(arg)
    return _transposed(arg) if node.axis == 0 and not node.keepdims else arg


def _applied(by: MatrixExpressions, node: nodes.Apply, arg: sp.Expr) -> sp.Expr:
    name = node.function
    if is_slope(name):
        raise _unsaid(node, "inside a formula of SymPy's")
    if not by.shape(node.arg):
        return value_of(name, arg, by.functions)
    return _of_each(arg, lambda u: value_of(name, u, by.functions))


def _of_each(matrix: sp.Expr, function: Callable[[sp.Expr], sp.Expr]) -> sp.Expr:
    """A function of every entry."""
    of = cast("sp.MatrixExpr", matrix)
    if of.shape == (1, 1):
        raise UnsupportedError("SymPy applies a function to the whole of a 1×1 matrix.")
    u = cast("sp.Expr", sp.Dummy("u", real=True))
    return of.applyfunc(sp.Lambda(u, function(u)))


def _diagonal(by: MatrixExpressions, node: nodes.Diag, arg: sp.Expr) -> sp.Expr:
    return sp.DiagMatrix(arg) if len(by.shape(node.arg)) == 1 else sp.DiagonalOf(arg)


_RULES: dict[type, Callable[..., sp.Expr]] = {
    nodes.Name: lambda by, node: by.symbol(node.name),
    nodes.Number: lambda _, node: sp.Rational(*node.value.as_integer_ratio()),
    nodes.Size: lambda by, node: by.size(node.symbol),
    nodes.Pi: lambda *_: sp.pi,
    nodes.Eye: lambda by, node: sp.Identity(by.size(str(node.size))),
    nodes.Ones: lambda by, node: by.ones(*rows_and_columns(by.shape(node))),
    nodes.Add: lambda by, node, *sides: operator.add(*by.both(node, *sides)),
    nodes.Subtract: lambda by, node, *sides: operator.sub(*by.both(node, *sides)),
    nodes.Multiply: _times,
    nodes.Divide: _divided,
    nodes.Power: _raised,
    nodes.Negate: lambda _, __, arg: -arg,
    nodes.MatMul: _product,
    nodes.Outer: lambda _, __, left, right: left * _transposed(right),
    nodes.Transpose: lambda by, node, arg: _transposed(arg) if by.shape(node)[1:] else arg,
    nodes.Apply: _applied,
    nodes.Sum: _summed,
    nodes.Diag: _diagonal,
    nodes.Trace: lambda _, __, arg: sp.Trace(arg),
    nodes.Inverse: lambda _, __, arg: sp.Inverse(arg),
    nodes.Determinant: lambda _, __, arg: sp.Determinant(arg),
}
