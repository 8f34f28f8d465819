"""Functions of a whole square matrix: the exponential, the root, and parts by eigenvalues.

Each is a function f of the eigenvalues, f(A) = V f(Λ) V⁻¹, so that d tr f(A) = tr(f′(A) dA).
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from matderiv.errors import UnsupportedError
from matderiv.expression import nodes
from matderiv.expression.nodes import Node

__all__ = [
    "MATRIX_FUNCTIONS",
    "eigenvalue",
    "function_kind",
    "is_eigen",
    "is_eigenvalue",
    "is_symmetric_product",
    "matrix_slope",
    "nuclear_norm",
    "place_of",
    "singular_value",
    "slope_of_trace",
    "symmetric_names",
]

#: Functions by name; those of one eigenvalue have its place behind the name, as in "eigenvalue 0".
MATRIX_FUNCTIONS = ("expm", "sqrtm", "eigenvalue", "eigenprojector")

#: f′ by name of f: an exponential, 1/(2√), and the projector v·vᵀ in place of λ·v·vᵀ.
_SLOPES: dict[str, Callable[[nodes.MatrixFunction], Node]] = {
    "expm": lambda node: node,
    "sqrtm": lambda node: nodes.Divide(nodes.Inverse(node), nodes.TWO),
    "eigenvalue": lambda node: nodes.MatrixFunction(
        node.arg, node.function.replace("eigenvalue", "eigenprojector")
    ),
}


def function_kind(function: str) -> str:
    """The name without the place of an eigenvalue.

    >>> function_kind("eigenvalue -1"), function_kind("expm")
    ('eigenvalue', 'expm')
    """
    return function.partition(" ")[0]


def place_of(function: str) -> int:
    """The place of an eigenvalue, in ascending order and from 0; -1 is the largest."""
    return int(function.partition(" ")[2])


def is_eigen(function: str) -> bool:
    """Whether a function is one of a symmetric matrix, by one of its eigenvalues."""
    return function_kind(function).startswith("eigen")


def is_symmetric_product(node: Node) -> bool:
    """Whether a matrix is AᵀA or AAᵀ.

    >>> is_symmetric_product(nodes.MatMul(nodes.Transpose(nodes.Name("A")), nodes.Name("A")))
    True
    """
    return isinstance(node, nodes.MatMul) and nodes.transposed(node.left) == node.right


def is_eigenvalue(function: str) -> bool:
    """Whether the trace of a function is an eigenvalue: f keeps one and makes the others 0."""
    return function_kind(function) == "eigenvalue"


def eigenvalue(matrix: Node, place: int) -> Node:
    """λ = tr(λ·v·vᵀ), the trace of the part of a symmetric matrix that belongs to an eigenvalue."""
    return nodes.Trace(nodes.MatrixFunction(matrix, f"eigenvalue {place}"))


def singular_value(matrix: Node, place: int) -> Node:
    """A singular value, √λ of AᵀA; they are counted from the largest.

    >>> from matderiv.expression.source import source
    >>> source(singular_value(nodes.Name("A"), 0))
    'sqrt(eigvalsh(A.T @ A)[-1])'
    """
    square = nodes.MatMul(nodes.Transpose(matrix), matrix)
    return nodes.Apply("sqrt", eigenvalue(square, -1 - place))


def nuclear_norm(matrix: Node, *, wide: bool) -> Node:
    """The sum of the singular values: tr √(AᵀA), or of √(AAᵀ) where A is wide."""
    turned = nodes.Transpose(matrix)
    square = nodes.MatMul(matrix, turned) if wide else nodes.MatMul(turned, matrix)
    return nodes.Trace(nodes.MatrixFunction(square, "sqrtm"))


def symmetric_names(node: Node) -> frozenset[str]:
    """The names of matrices of which a formula has an eigenvalue: they are symmetric.

    >>> sorted(symmetric_names(eigenvalue(nodes.Name("S"), 0)))
    ['S']
    """
    return frozenset(
        part.arg.name
        for part in nodes.walk(node)
        if isinstance(part, nodes.MatrixFunction)
        and is_eigen(part.function)
        and isinstance(part.arg, nodes.Name)
    )


def matrix_slope(node: nodes.MatrixFunction) -> Node:
    """f′(A).

    Raises:
        UnsupportedError: there are no words for it.

    >>> from matderiv.expression.source import source
    >>> source(matrix_slope(nodes.MatrixFunction(nodes.Name("A"), "sqrtm")))
    'inv(sqrtm(A))/2'
    """
    made = _SLOPES.get(function_kind(node.function))
    if made is None:
        raise UnsupportedError(
            "The derivative of an eigenvector has no words in the language; write it as an input."
        )
    return made(node)


def slope_of_trace(node: nodes.MatrixFunction) -> Node:
    """The gradient f′(A)ᵀ of tr f(A); v·vᵀ is its own transpose."""
    found = matrix_slope(node)
    if is_eigen(node.function):
        return found
    if isinstance(found, nodes.Divide):
        return nodes.Multiply(nodes.Number(Fraction(1, 2)), nodes.Transpose(found.left))
    return nodes.Transpose(found)
