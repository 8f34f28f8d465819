"""Functions of a whole square matrix: exponential, root, logarithm, powers, parts by eigenvalues.

Each is a function f of the eigenvalues, f(A) = V f(Λ) V⁻¹, so that d tr f(A) = tr(f′(A) dA).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction

from matderiv.errors import UnsupportedError
from matderiv.expression import nodes
from matderiv.expression.dims import Shape
from matderiv.expression.nodes import Node
from matderiv.expression.size_text import size_number, size_sum

__all__ = [
    "MATRIX_FUNCTIONS",
    "SMOOTH",
    "call_of",
    "eigenvalue",
    "exponent_of",
    "exponents",
    "function_kind",
    "is_eigen",
    "is_eigenvalue",
    "is_symmetric_product",
    "matrix_slope",
    "matrix_times",
    "nuclear_norm",
    "place_of",
    "singular_value",
    "slope_of_trace",
    "slope_parts",
    "symmetric_names",
    "with_exponent",
]

#: Functions that have a derivative along a matrix, by name; a power has its exponent, the text of a
#: size, behind the name, as in "matrix_power k - 1".
SMOOTH = ("expm", "sqrtm", "logm", "sinm", "cosm", "matrix_power")

#: All of them; those of one eigenvalue have its place behind the name, as in "eigenvalue 0".
MATRIX_FUNCTIONS = (*SMOOTH, "eigenvalue", "eigenprojector")


def _power_below(node: nodes.MatrixFunction) -> Node:
    """The slope k·Aᵏ⁻¹, without the k."""
    return nodes.MatrixFunction(
        node.arg, f"matrix_power {size_sum(exponent_of(node.function), -1)}"
    )


#: The matrix that f′(A) is a multiple of, by name of f: the inverse of the root, and the
#: projector v·vᵀ in place of λ·v·vᵀ.
_SLOPES: dict[str, Callable[[nodes.MatrixFunction], Node]] = {
    "expm": lambda node: node,
    "sqrtm": nodes.Inverse,
    "logm": lambda node: nodes.Inverse(node.arg),
    "sinm": lambda node: nodes.MatrixFunction(node.arg, "cosm"),
    "cosm": lambda node: nodes.MatrixFunction(node.arg, "sinm"),
    "matrix_power": _power_below,
    "eigenvalue": lambda node: nodes.MatrixFunction(
        node.arg, node.function.replace("eigenvalue", "eigenprojector")
    ),
}
#: The number that it is multiplied by, where that is not 1.
_FACTORS = {"sqrtm": Fraction(1, 2), "cosm": Fraction(-1)}


def function_kind(function: str) -> str:
    """The name without the place of an eigenvalue.

    >>> function_kind("eigenvalue -1"), function_kind("expm")
    ('eigenvalue', 'expm')
    """
    return function.partition(" ")[0]


def exponent_of(function: str) -> str:
    """The exponent of a power, the text of a size.

    >>> exponent_of("matrix_power k - 1")
    'k - 1'
    """
    return function.partition(" ")[2]


def exponents(function: str) -> tuple[str, ...]:
    """The exponent of a power, and none of another function."""
    return (exponent_of(function),) if function_kind(function) == "matrix_power" else ()


def with_exponent(function: str, sizes: Mapping[str, int]) -> str:
    """The function with a number for the letter in its exponent.

    >>> with_exponent("matrix_power k - 1", {"k": 3}), with_exponent("expm", {})
    ('matrix_power 2', 'expm')
    """
    for exponent in exponents(function):
        return f"matrix_power {size_number(exponent, sizes)}"
    return function


def call_of(name: str, function: str, operands: Sequence[str]) -> str:
    """A call as it is written, the exponent of a power last.

    >>> call_of("{}_frechet", "matrix_power 3", ["A", "E"])
    'matrix_power_frechet(A, E, 3)'
    """
    called = ", ".join((*operands, *exponents(function)))
    return f"{name.format(function_kind(function))}({called})"


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


def slope_parts(node: nodes.MatrixFunction) -> tuple[Fraction | str, Node]:
    """A number, or the text of a size, and the matrix that it is multiplied by in f′(A).

    Raises:
        UnsupportedError: there are no words for it.

    >>> slope_parts(nodes.MatrixFunction(nodes.Name("A"), "matrix_power k"))
    ('k', MatrixFunction(arg=Name(name='A'), function='matrix_power k - 1'))
    """
    kind = function_kind(node.function)
    made = _SLOPES.get(kind)
    if made is None:
        raise UnsupportedError(
            "The derivative of an eigenvector has no words in the language; write it as an input."
        )
    if kind == "matrix_power":
        return exponent_of(node.function), made(node)
    return _FACTORS.get(kind, Fraction(1)), made(node)


def matrix_slope(node: nodes.MatrixFunction, shape: Callable[[Node], Shape]) -> Node:
    """f′(A).

    Raises:
        UnsupportedError: there are no words for it.

    >>> from matderiv.expression.source import source
    >>> source(matrix_slope(nodes.MatrixFunction(nodes.Name("A"), "sqrtm"), lambda _: ()))
    'inv(sqrtm(A))/2'
    """
    factor, matrix = slope_parts(node)
    return matrix_times(factor, matrix, shape)


def slope_of_trace(node: nodes.MatrixFunction, shape: Callable[[Node], Shape]) -> Node:
    """The gradient f′(A)ᵀ of tr f(A); v·vᵀ is its own transpose."""
    factor, matrix = slope_parts(node)
    return matrix_times(
        factor, matrix if is_eigen(node.function) else nodes.Transpose(matrix), shape
    )


def matrix_times(factor: Fraction | str, matrix: Node, shape: Callable[[Node], Shape]) -> Node:
    """A multiple of a matrix, by a number or a size."""
    match factor:
        case Fraction(numerator=1):
            below = nodes.Number(Fraction(factor.denominator))
            return matrix if factor == 1 else nodes.Divide(matrix, below)
        case Fraction():
            return (
                nodes.Negate(matrix)
                if factor == -1
                else nodes.Multiply(nodes.Number(factor), matrix)
            )
    if factor.isdigit():
        return nodes.Multiply(nodes.Number(Fraction(factor)), matrix)
    (dim,) = shape(nodes.Ones((factor,)))
    return nodes.Multiply(nodes.Size(dim.symbol, dim.size), matrix)
