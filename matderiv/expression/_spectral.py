"""Functions of eigenvalues and factors of a matrix that are functions of the matrix itself."""

from __future__ import annotations

import ast

__all__ = ["of_matrix"]


#: Calls within calls, the outermost first, and what they are of a matrix A. The sum of eigenvalues
#: is the trace and their product the determinant; det A = (det L)² of the factor L of Cholesky.
_READ = {
    **{
        (*calls.split(), eig): formula
        for eig in ("eigvalsh", "eigvals")
        for calls, formula in (
            ("sum", "tr(A)"),
            ("prod", "det(A)"),
            ("sum log", "logdet(A)"),
            ("sum square", "tr(A @ A)"),
            ("sum reciprocal", "tr(inv(A))"),
        )
    },
    ("sum", "log", "diag", "cholesky"): "logdet(A)/2",
    ("logdet", "cholesky"): "logdet(A)/2",
    ("prod", "diag", "cholesky"): "sqrt(det(A))",
    ("det", "cholesky"): "sqrt(det(A))",
    ("sum", "square", "svdvals"): "sum(A**2)",
    ("norm", "svdvals"): "norm(A)",
    ("tr", "logm"): "logdet(A)",
    ("trace", "logm"): "logdet(A)",
    ("det", "expm"): "exp(tr(A))",
    ("logdet", "expm"): "tr(A)",
    ("det", "sqrtm"): "sqrt(det(A))",
}
_LONGEST = max(map(len, _READ))


def of_matrix(tree: ast.Call) -> tuple[str, ast.expr] | None:
    """The formula of a matrix A that a call is, and the matrix; None if it is read as it stands.

    >>> of_matrix(ast.parse("sum(log(eigvalsh(X)))", mode="eval").body)[0]
    'logdet(A)'
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
