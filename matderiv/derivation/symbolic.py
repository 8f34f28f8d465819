"""Sides as SymPy objects that a user can take further."""

from __future__ import annotations

import sympy as sp

from matderiv.calculus.problem import Problem
from matderiv.calculus.series import Array, to_sympy
from matderiv.derivation.sides import Element, Formula, Side, matrix_of
from matderiv.expression.nodes import MatMul, Name, Node, Transpose

__all__ = ["MOST_WRITTEN", "matrix_expression", "side_expression"]

#: Terms of a sum, and entries of a matrix, up to which a SymPy object writes them out.
MOST_WRITTEN = 200


def matrix_expression(node: Node, problem: Problem) -> sp.MatrixExpr:
    """A matrix expression of SymPy `MatrixSymbol`s, `dY` standing for ∂L/∂Y."""
    match node:
        case Name(name):
            rows, cols = problem.shapes[name if name in problem.shapes else name[1:]]
            return sp.MatrixSymbol(name, rows.size, cols.size)
        case Transpose(arg):
            return matrix_expression(arg, problem).T
        case MatMul(left, right):
            a, b = matrix_expression(left, problem), matrix_expression(right, problem)
            return a * b  # pyright: ignore[reportReturnType] - a matrix, as both are
    raise TypeError(f"{node} is not a matrix expression")


def side_expression(side: Side, problem: Problem, *, most: int) -> sp.Basic:
    """The SymPy object of one side: an expression or a matrix.

    A sum of more than `most` terms stays a SymPy `Sum`; a matrix of more than `most` terms in
    all is a `FunctionMatrix` whose indices count from 0.
    """
    if isinstance(side, Formula):
        return matrix_expression(side.node, problem)
    if isinstance(side, Element):
        return to_sympy(problem.array(side.node).at(side.row, side.col), most=0)
    value = matrix_of(side, problem)
    if not isinstance(value, Array):
        return to_sympy(value, most=most)
    rows, cols = value.rows.size, value.cols.size
    if rows * cols <= most:
        return sp.ImmutableDenseMatrix(
            rows, cols, lambda i, j: to_sympy(value.at(int(i) + 1, int(j) + 1), most=most)
        )
    p, q = problem.letters.p, problem.letters.q
    general = to_sympy(value.at(p + 1, q + 1), most=0)
    return sp.FunctionMatrix(rows, cols, sp.Lambda((p, q), general))
