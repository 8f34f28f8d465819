"""The sides of an equality: what is written there, and the mathematics that it stands for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, TypeAlias, Union

import sympy as sp

from matderiv.calculus.index_forms.written_entry import entry_of
from matderiv.calculus.problem import Problem
from matderiv.calculus.scalars import Index, Partial, entry
from matderiv.calculus.series import Array, Bound, Scalar, Series
from matderiv.expression.nodes import Node
from matderiv.expression.shapes import Dim

if TYPE_CHECKING:
    from matderiv.calculus.index_forms import forms
    from matderiv.calculus.index_forms.forms import Form
    from matderiv.calculus.index_forms.index_expressions import IndexExpression
    from matderiv.calculus.sweep.task import Task
    from matderiv.derivation.methods.sides import RouteSide

__all__ = [
    "Element",
    "EntryOf",
    "Formula",
    "Indexed",
    "MatrixPartial",
    "Numerals",
    "Side",
    "Spelled",
    "SpelledProduct",
    "Value",
    "VecPartial",
    "Written",
    "WrittenEntry",
    "WrittenProduct",
    "flattened",
    "matrix_of",
    "spelled",
    "spelled_product",
    "written",
]


@dataclass(frozen=True, slots=True, eq=False)
class Value:
    """A scalar. `sigma` asks for a sum to be printed with Σ, not term by term."""

    scalar: Scalar
    sigma: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Element:
    """The entry of a matrix expression at given indices, as in (G·Wᵀ)_pq."""

    node: Node
    row: sp.Basic
    col: sp.Basic


@dataclass(frozen=True, slots=True, eq=False)
class Written:
    """A matrix written out by its entries."""

    array: Array


@dataclass(frozen=True, slots=True, eq=False)
class WrittenProduct:
    """The product of two matrices that are both written out."""

    left: Array
    right: Array
    bound: Bound


@dataclass(frozen=True, slots=True)
class Formula:
    """A matrix as an expression of names: XW, ∂L/∂Y·Wᵀ."""

    node: Node


@dataclass(frozen=True, slots=True)
class MatrixPartial:
    """∂Y/∂x₁₁: the matrix of the partial derivatives of all entries of Y by one entry."""

    name: str
    wrt: sp.Expr


@dataclass(frozen=True, slots=True)
class VecPartial:
    """∂vec(Y)/∂vec(X): the Jacobian matrix, both matrices read row by row."""

    name: str
    wrt: str


@dataclass(frozen=True, slots=True)
class EntryOf:
    """The entry of any expression at given indices, as in (G·Wᵀ)_pq or v_p."""

    node: Node
    indices: tuple[forms.Index, ...]


@dataclass(frozen=True, slots=True)
class WrittenEntry:
    """The same entry as a teacher writes it, Σ_k x_ik w_kj + b_j; see `written`.

    The expression is what is printed and what is proved. `spelled` asks for sums term by term.
    """

    node: Node
    indices: tuple[forms.Index, ...]
    expr: IndexExpression
    spelled: bool = False


@dataclass(frozen=True, slots=True)
class Indexed:
    """A scalar in index notation; `spelled` asks for its sums term by term."""

    form: Form
    spelled: bool = False


@dataclass(frozen=True, slots=True)
class Spelled:
    """An array written out by its entries, their sums term by term; see `spelled`.

    Each cell is the general entry, which is proved, with numbers for its indices.
    """

    node: Node
    indices: tuple[forms.Index, ...]
    expr: IndexExpression


@dataclass(frozen=True, slots=True)
class SpelledProduct:
    """The product of two arrays that are both written out."""

    left: Spelled
    right: Spelled


@dataclass(frozen=True, slots=True)
class Numerals:
    """An array of numbers, row by row; a vector is one column, and a number has `dimensions` 0."""

    rows: tuple[tuple[Fraction, ...], ...]
    dimensions: int


#: What stands on a page about one product, and on one about a whole program.
Side: TypeAlias = Union[
    Value,
    Element,
    Written,
    WrittenProduct,
    Formula,
    MatrixPartial,
    VecPartial,
    EntryOf,
    WrittenEntry,
    Indexed,
    Spelled,
    SpelledProduct,
    Numerals,
    "RouteSide",
]


def written(
    task: Task, node: Node, indices: tuple[forms.Index, ...], *, spelled: bool = False
) -> WrittenEntry:
    """The entry of an expression as a teacher writes it."""
    letters = task.letters[4:] + task.letters[:4]
    expr = entry_of(node, indices, task.sweep.facts.shape, letters)
    return WrittenEntry(node, indices, expr, spelled)


def spelled(task: Task, node: Node) -> Spelled:
    """An array written out by its entries."""
    indices = task.places(task.sweep.facts.shape(node), 2)
    return Spelled(node, indices, written(task, node, indices).expr)


def spelled_product(task: Task, left: Node, right: Node) -> SpelledProduct:
    """The product of two arrays that are both written out."""
    return SpelledProduct(spelled(task, left), spelled(task, right))


def matrix_of(side: Side, problem: Problem) -> Array | Scalar:
    """What a side stands for: the lazy matrix, or the scalar."""
    match side:
        case Value(scalar=scalar):
            return scalar
        case Element(node=node, row=row, col=col):
            return problem.array(node).at(row, col)
        case Written(array=array):
            return array
        case Formula(node=node):
            return problem.array(node)
        case MatrixPartial(name=name, wrt=wrt):
            rows, cols = problem.shapes[name]
            return Array(rows, cols, lambda i, j: Partial(entry(name, i, j), wrt))
        case VecPartial(name=name, wrt=wrt):
            return flattened(
                problem, name, wrt, lambda i, j, p, q: Partial(entry(name, i, j), entry(wrt, p, q))
            )
        case WrittenProduct(left=a, right=b, bound=bound):
            return Array(
                a.rows,
                b.cols,
                lambda i, j: Series((bound,), lambda k: (a.at(i, k), b.at(k, j))),
            )
    raise TypeError(f"{side} is not about a product")


def flattened(
    problem: Problem, name: str, wrt: str, at: Callable[[int, int, int, int], Scalar]
) -> Array:
    """The matrix with row (i, j) and column (p, q), both counted row by row.

    Its indices are numbers: a letter would have to be divided with remainder.
    """
    (rows, cols), (wrt_rows, wrt_cols) = problem.shapes[name], problem.shapes[wrt]

    def flat(row: Index, col: Index) -> Scalar:
        assert isinstance(row, int)
        assert isinstance(col, int)
        i, j = divmod(row - 1, cols.size)
        p, q = divmod(col - 1, wrt_cols.size)
        return at(i + 1, j + 1, p + 1, q + 1)

    return Array(
        Dim(f"{rows.symbol}*{cols.symbol}", rows.size * cols.size),
        Dim(f"{wrt_rows.symbol}*{wrt_cols.symbol}", wrt_rows.size * wrt_cols.size),
        flat,
    )
