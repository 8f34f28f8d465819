"""Functions of eigenvalues and factors of a matrix that are functions of the matrix itself."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable
from functools import partial

from matderiv.expression import nodes
from matderiv.expression.libraries import is_module
from matderiv.expression.matrix_functions import eigenvalue, singular_value
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
    ("sum", "svdvals"): lambda a: nodes.Norm(a, "nuc"),
    ("max", "svdvals"): lambda a: nodes.Norm(a, nodes.TWO.value),
    **{
        (how, eig): partial(eigenvalue, place=place)
        for eig in ("eigvalsh", "eigvals")
        for how, place in (("max", -1), ("min", 0))
    },
    ("det", "sqrtm"): lambda a: nodes.Apply("sqrt", nodes.Determinant(a)),
}
_LONGEST = max(map(len, _READ))


def of_matrix(tree: ast.expr) -> tuple[Callable[[Node], Node], ast.expr] | None:
    """The function of a matrix that an expression is, and that matrix; None if it is another.

    >>> make, _ = of_matrix(ast.parse("sum(log(eigvalsh(A)))", mode="eval").body)
    >>> make(nodes.Name("A"))
    LogDet(arg=Name(name='A'))
    >>> make, _ = of_matrix(ast.parse("eigvalsh(A)[0]", mode="eval").body)
    >>> make(nodes.Name("A"))
    Trace(arg=MatrixFunction(arg=Name(name='A'), function='eigenvalue 0'))
    """
    plain = _Values().visit(copy.deepcopy(tree)) if _of_several(tree) else tree
    match plain:
        case ast.Call(func=ast.Name(id="logdet"), args=[inner]) if plain is not tree:
            return nodes.LogDet, inner
    return _single(plain) or _nested(plain)


def _of_several(tree: ast.expr) -> bool:
    """Whether a part is one of several results: eigh(A)[0], svd(A)[1], slogdet(A)[1]."""
    return any(
        isinstance(part, ast.Subscript) and _Values.result(part) is not None
        for part in ast.walk(tree)
    )


class _Values(ast.NodeTransformer):
    """Puts eigvalsh(A) for eigh(A)[0], svdvals(A) for svd(A)[1] and logdet(A) for slogdet(A)[1]."""

    @staticmethod
    def result(tree: ast.Subscript) -> ast.Call | None:
        """The call of one function that is one result of another."""
        match tree:
            case ast.Subscript(
                value=ast.Call(
                    func=ast.Name(id=name) | ast.Attribute(attr=name), args=[_], keywords=[]
                ) as call,
                slice=ast.Constant(value=int(place)),
            ) if _is_plain(call.func) and (own := _RESULTS.get((name, place))) is not None:
                made = ast.Call(ast.copy_location(ast.Name(own, ast.Load()), call), call.args, [])
                return ast.copy_location(made, tree)
        return None

    def visit_Subscript(self, tree: ast.Subscript) -> ast.AST:
        """One result, or what is inside."""
        self.generic_visit(tree)
        return self.result(tree) or tree


def _is_plain(function: ast.expr) -> bool:
    """Whether a function is called by its name, alone or behind that of a library."""
    if isinstance(function, ast.Attribute):
        return is_module(function.value)
    return isinstance(function, ast.Name)


#: Functions with several results, and the place of one that is a function by itself.
_RESULTS = {
    **dict.fromkeys((("eigh", 0), ("eig", 0)), "eigvalsh"),
    ("svd", 1): "svdvals",
    ("slogdet", 1): "logdet",
}


def _nested(tree: ast.expr) -> tuple[Callable[[Node], Node], ast.expr] | None:
    """A call within calls, by the table."""
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


def _single(tree: ast.expr) -> tuple[Callable[[Node], Node], ast.expr] | None:
    """One eigenvalue, one singular value, or outer(v, v) of one eigenvector."""
    match tree:
        case ast.Subscript(
            value=ast.Call(func=ast.Name(id="eigvalsh" | "eigvals"), args=[inner], keywords=[])
            | ast.Subscript(
                value=ast.Call(func=ast.Name(id="eigh"), args=[inner], keywords=[]),
                slice=ast.Constant(value=0),
            ),
            slice=index,
        ) if (place := _place(index)) is not None:
            return partial(eigenvalue, place=place), inner
        case ast.Subscript(
            value=ast.Call(func=ast.Name(id="svdvals"), args=[inner], keywords=[]), slice=index
        ) if (place := _place(index)) is not None:
            return partial(singular_value, place=place), inner
        case ast.Call(
            func=ast.Name(id="det" | "logdet" as name),
            args=[ast.Call(func=ast.Name(id="matrix_power"), args=[inner, ast.Name(id=power)])],
        ):
            return partial(_of_power, name, nodes.Name(power)), inner
        case ast.Call(func=ast.Name(id="outer"), args=[one, other], keywords=[]) if (
            ast.dump(one) == ast.dump(other) and (vector := _eigenvector(one)) is not None
        ):
            inner, place = vector
            return partial(nodes.MatrixFunction, function=f"eigenprojector {place}"), inner
    return None


def _of_power(name: str, power: Node, matrix: Node) -> Node:
    """The determinant of a power is the power of the determinant, its logarithm a multiple."""
    if name == "det":
        return nodes.Power(nodes.Determinant(matrix), power)
    return nodes.Multiply(power, nodes.LogDet(matrix))


def _eigenvector(tree: ast.expr) -> tuple[ast.expr, int] | None:
    """The matrix and the place in eigh(A)[1][:, 0]."""
    match tree:
        case ast.Subscript(
            value=ast.Subscript(
                value=ast.Call(func=ast.Name(id="eigh"), args=[inner], keywords=[]),
                slice=ast.Constant(value=1),
            ),
            slice=ast.Tuple(elts=[ast.Slice(lower=None, upper=None, step=None), index]),
        ) if (place := _place(index)) is not None:
            return inner, place
    return None


def _place(index: ast.expr) -> int | None:
    match index:
        case ast.Constant(value=int(place)) if not isinstance(index.value, bool):
            return place
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int(place))):
            return -place
    return None
