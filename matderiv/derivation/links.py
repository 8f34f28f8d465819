"""A derivation as values: sides, links between two sides, chains of links, steps of chains."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import sympy as sp

from matderiv.calculus.problem import Problem
from matderiv.calculus.scalars import Index, Partial, entry
from matderiv.calculus.series import Array, Bound, Scalar, Series
from matderiv.calculus.verdicts import Verdict
from matderiv.expression.nodes import Node
from matderiv.expression.shapes import Dim
from matderiv.expression.source import source

__all__ = [
    "Chain",
    "Derivation",
    "Element",
    "Formula",
    "Link",
    "MatrixPartial",
    "Proof",
    "Side",
    "Step",
    "Value",
    "VecPartial",
    "Written",
    "WrittenProduct",
    "flattened",
    "matrix_of",
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


Side = Value | Element | Written | WrittenProduct | Formula | MatrixPartial | VecPartial


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


@dataclass(frozen=True, slots=True, eq=False)
class Link:
    """One `=` of a page: its two sides, the kind of reason, and the verdict on it."""

    left: Side
    right: Side
    reason: str
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Chain:
    """Links in a row, the right side of one being the left side of the next."""

    kind: str
    links: tuple[Link, ...]

    @property
    def sides(self) -> tuple[Side, ...]:
        """All sides, left to right."""
        return (self.links[0].left, *(link.right for link in self.links))


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a derivation; `wrt` is the matrix that it is about, if it is about one."""

    kind: str
    chains: tuple[Chain, ...]
    wrt: str | None = None

    @property
    def links(self) -> tuple[Link, ...]:
        """All links of the step."""
        return tuple(link for chain in self.chains for link in chain.links)


@dataclass(frozen=True, slots=True)
class Proof:
    """What was checked: how many equalities, how many of them for all sizes, how many entries."""

    equalities: int
    for_all_sizes: int
    entries: int
    exhaustive: bool


@dataclass(frozen=True, slots=True)
class Derivation:
    """The steps from a program to its gradients, every link of them proved."""

    problem: Problem
    wrt: tuple[str, ...]
    steps: tuple[Step, ...]

    @property
    def links(self) -> Iterator[Link]:
        """All links in order."""
        return (link for step in self.steps for link in step.links)

    @property
    def proof(self) -> Proof:
        """What was checked."""
        verdicts = [link.verdict for link in self.links]
        return Proof(
            equalities=len(verdicts),
            for_all_sizes=sum(verdict.index for verdict in verdicts),
            entries=sum(verdict.entries for verdict in verdicts),
            exhaustive=all(v.entries for s in self.steps if s.kind != "index"
                           for link in s.links for v in (link.verdict,)),
        )

    def answer(self, name: str) -> Node:
        """The gradient by one matrix: the last side of the last chain about it."""
        step = next(s for s in reversed(self.steps) if s.kind == "matrix" and s.wrt == name)
        side = step.chains[-1].sides[-1]
        assert isinstance(side, Formula)
        return side.node

    @property
    def formulas(self) -> dict[str, str]:
        """The gradients as NumPy-like source, `dY` standing for ∂L/∂Y."""
        return {name: source(self.answer(name)) for name in self.wrt}

    @property
    def result(self) -> dict[str, sp.MatrixExpr]:
        """The gradients as SymPy matrix expressions of `dY` and the inputs."""
        from matderiv.derivation.symbolic import matrix_expression

        return {name: matrix_expression(self.answer(name), self.problem) for name in self.wrt}
