"""Functions of eigenvalues and factors of a matrix that are functions of the matrix itself."""

from __future__ import annotations

import ast
from collections.abc import Callable

from matderiv.expression import nodes
from matderiv.expression.nodes import Node

__all__ = ["of_matrix"]


def _half(node: Node) -> Node:
    return nodes.Divide(node, nodes.TWO)


def _tr_square(a: Node) -> Node:
    return nodes.Trace(nodes.MatMul(a, a))


#: Calls within calls, the outermost first, and what they are of a matrix A. The sum of eigenvalues
#: is the trace and their product the determinant; det A = (det L)² of the factor L of Cholesky.
_READ: dict[tuple[str, ...], Callable[[Node], Node]] = {
    **{
        key: made
        for eig in ("eigvalsh", "eigvals")
        for key, made in (
            (("sum", eig), nodes.Trace),
            (("prod", eig), nodes.Determinant),
            (("sum", "log", eig), nodes.LogDet),
            (("sum", "square", eig), _tr_square),
            (("sum", "reciprocal", eig), lambda a: nodes.Trace(nodes.Inverse(a))),
        )
    },
    ("sum", "log", "diag", "cholesky"): lambda a: _half(nodes.LogDet(a)),
    ("logdet", "cholesky"): lambda a: _half(nodes.LogDet(a)),
    ("prod", "diag", "cholesky"): lambda a: nodes.Apply("sqrt", nodes.Determinant(a)),
    ("det", "cholesky"): lambda a: nodes.Apply("sqrt", nodes.Determinant(a)),
    ("sum", "square", "svdvals"): lambda a: nodes.Sum(nodes.Power(a, nodes.TWO)),
    ("norm", "svdvals"): nodes.Norm,
    ("tr", "logm"): nodes.LogDet,
    ("trace", "logm"): nodes.LogDet,
    ("det", "expm"): lambda a: nodes.Apply("exp", nodes.Trace(a)),
    ("logdet", "expm"): nodes.Trace,
    ("det", "sqrtm"): lambda a: nodes.Apply("sqrt", nodes.Determinant(a)),
}
_LONGEST = max(map(len, _READ))


def of_matrix(tree: ast.Call) -> tuple[Callable[[Node], Node], ast.expr] | None:
    """The function of a matrix that a call is, and that matrix; None if it is read as it stands.

    >>> make, _ = of_matrix(ast.parse("sum(log(eigvalsh(A)))", mode="eval").body)
    >>> make(nodes.Name("A"))
    LogDet(arg=Name(name='A'))
    """
    names: tuple[str, ...] = ()
    part: ast.expr = tree
    while len(names) < _LONGEST:
        match part:
            case ast.Call(func=ast.Name(id=name), args=[inner], keywords=[]):
                names, part = (*names, name), inner
            case ast.BinOp(left=inner, op=ast.Pow(), right=ast.Constant(value=2)) if names:
                names, part = (*names, "square"), inner
            case ast.BinOp(left=ast.Constant(value=1), op=ast.Div(), right=inner) if names:
                names, part = (*names, "reciprocal"), inner
            case _:
                return None
        if names in _READ:
            return _READ[names], part
    return None
