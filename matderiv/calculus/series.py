"""Lazy scalars: a long sum is a term and a range, and is built only as far as it is looked at."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import sympy as sp

from matderiv.calculus.scalars import Index, Partial
from matderiv.expression.shapes import Dim

__all__ = ["Array", "Bound", "Filled", "PartialOfSum", "Scalar", "Series", "to_sympy"]


@dataclass(frozen=True, slots=True)
class Bound:
    """A summation index and the size that it runs up to, from 1."""

    letter: sp.Symbol
    dim: Dim


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """Σ over `bounds` of the product of `term(*indices)`, the factors in written order.

    Without bounds it is one product whose factors keep their order.
    """

    bounds: tuple[Bound, ...]
    term: Callable[..., tuple[Scalar, ...]]

    def __len__(self) -> int:
        """The number of terms."""
        return math.prod(bound.dim.size for bound in self.bounds)

    def terms(self) -> Iterator[tuple[Scalar, ...]]:
        """All terms, the last index running fastest."""
        ranges = (range(1, bound.dim.size + 1) for bound in self.bounds)
        return (self.term(*indices) for indices in itertools.product(*ranges))

    def general_term(self) -> tuple[Scalar, ...]:
        """The term at the summation letters themselves."""
        return self.term(*(bound.letter for bound in self.bounds))


@dataclass(frozen=True, slots=True, eq=False)
class Filled:
    """`expr` with one of its entries written out, as in f(x₁₁w₁₁ + x₁₂w₂₁)."""

    expr: sp.Expr
    entry: sp.Indexed
    by: Series


@dataclass(frozen=True, slots=True, eq=False)
class PartialOfSum:
    """∂(a + b + …)/∂ wrt, the sum written out in the numerator."""

    of: Series
    wrt: sp.Expr


Scalar = sp.Expr | Series | Filled | PartialOfSum


@dataclass(frozen=True, slots=True, eq=False)
class Array:
    """A matrix as a shape and a function from (i, j), counted from 1, to its entry."""

    rows: Dim
    cols: Dim
    at: Callable[[Index, Index], Scalar]


def to_sympy(scalar: Scalar, *, most: int | None) -> sp.Expr:
    """The SymPy expression of a scalar; a sum of more than `most` terms is a SymPy `Sum`.

    With `most` None every sum is a `Sum`, and runs to the letter of its size.
    """
    match scalar:
        case Series(bounds=()):
            return sp.Mul(*(to_sympy(f, most=most) for f in scalar.term()))
        case Series(bounds=bounds):
            if most is not None and len(scalar) <= most:
                return sp.Add(
                    *(sp.Mul(*(to_sympy(f, most=most) for f in term)) for term in scalar.terms())
                )
            general = sp.Mul(*(to_sympy(f, most=most) for f in scalar.general_term()))
            return sp.Sum(
                general,
                *(
                    (b.letter, 1, sp.Symbol(b.dim.symbol) if most is None else b.dim.size)
                    for b in bounds
                ),
            )
        case Filled(expr=expr, entry=entry, by=by):
            return expr.xreplace({entry: to_sympy(by, most=most)})
        case PartialOfSum(of=of, wrt=wrt):
            return Partial(to_sympy(of, most=most), wrt)
        case _:
            return scalar
