"""Lazy scalars: a long sum is a term and a range, and is built only as far as it is looked at."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import sympy as sp

from matderiv.calculus.scalars import Index, Partial, delta, entry, name_of, xreplaced
from matderiv.expression.shapes import Dim

__all__ = [
    "Array",
    "Bound",
    "Filled",
    "PartialOfSum",
    "Scalar",
    "Series",
    "spots",
    "to_sympy",
    "uniform",
    "uniform_array",
]


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


Scalar: TypeAlias = sp.Expr | Series | Filled | PartialOfSum


@dataclass(frozen=True, slots=True, eq=False)
class Array:
    """A matrix as a shape and a function from (i, j), counted from 1, to its entry."""

    rows: Dim
    cols: Dim
    at: Callable[[Index, Index], Scalar]


def spots(count: int) -> tuple[int, ...]:
    """The numbers of 1 … count that an elided page shows: all of a few, else 1, 2 and count."""
    return tuple(range(1, count + 1)) if count <= 4 else (1, 2, count)  # noqa: PLR2004 - a few


def uniform(scalar: Scalar, depth: int = 0) -> bool:
    """Whether the terms that an elided page shows are its general term at their indices.

    A term is a Python function; a proof in index notation asks it for letters only, and would
    not see one that answers differently for numbers. `depth` counts the letters in use.
    """
    match scalar:
        case Series(bounds=bounds, term=term):
            letters = _LETTERS[depth : depth + len(bounds)]
            inside = depth + len(bounds)
            general = term(*letters)
            return all(uniform(factor, inside) for factor in general) and all(
                _alike(general, term(*place), dict(zip(letters, place, strict=True)), inside)
                for place in itertools.product(*(spots(bound.dim.size) for bound in bounds))
            )
        case Filled(by=by):
            return uniform(by, depth)
        case PartialOfSum(of=of):
            return uniform(of, depth)
    return True


def uniform_array(array: Array) -> bool:
    """Whether the entries that an elided page shows are the general entry at their indices."""
    row, col = _LETTERS[:2]
    general = array.at(row, col)
    return uniform(general, 2) and all(
        _alike((general,), (array.at(i, j),), {row: i, col: j}, 2) and uniform(array.at(i, j), 2)
        for i, j in itertools.product(spots(array.rows.size), spots(array.cols.size))
    )


_LETTERS = sp.symbols("_u:12", integer=True, positive=True)


def _alike(
    general: tuple[Scalar, ...],
    special: tuple[Scalar, ...],
    places: dict[sp.Basic, int],
    depth: int,
) -> bool:
    """Whether the special factors are the general ones with numbers in the place of letters."""
    if len(general) != len(special):
        return False
    for one, other in zip(general, special, strict=True):
        match one, other:
            case sp.Expr(), sp.Expr():
                same = _placed(one, places) == other
            case Series(), Series():
                same = one.bounds == other.bounds
                letters = _LETTERS[depth : depth + len(one.bounds)]
                inside = depth + len(one.bounds)
                same = same and _alike(one.term(*letters), other.term(*letters), places, inside)
            case Filled(), Filled():
                same = _alike(
                    (one.expr, one.entry, one.by),
                    (other.expr, other.entry, other.by),
                    places,
                    depth,
                )
            case PartialOfSum(), PartialOfSum():
                same = _alike((one.of, one.wrt), (other.of, other.wrt), places, depth)
            case _:
                same = False
        if not same:
            return False
    return True


def _placed(expr: sp.Expr, places: dict[sp.Basic, int]) -> sp.Expr:
    """`expr.xreplace(places)`, without SymPy's work on the few kinds that nearly all are."""
    if type(expr) is sp.Indexed:
        return entry(name_of(expr), *(places.get(i, i) for i in expr.indices))
    if type(expr) is Partial:
        return Partial(_placed(expr.of, places), _placed(expr.wrt, places))
    if type(expr) is sp.KroneckerDelta:
        return delta(*(places.get(i, i) for i in expr.args))
    if not expr.args:
        return expr
    deltas = {d: _placed(d, places) for d in expr.atoms(sp.KroneckerDelta)}
    return xreplaced(expr, {**deltas, **{old: sp.Integer(new) for old, new in places.items()}})


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
            return sp.Sum(  # pyright: ignore[reportReturnType] - of an equality it is one
                general,
                *(
                    (b.letter, 1, sp.Symbol(b.dim.symbol) if most is None else b.dim.size)
                    for b in bounds
                ),
            )
        case Filled(expr=expr, entry=hole, by=by):
            return xreplaced(expr, {hole: to_sympy(by, most=most)})
        case PartialOfSum(of=of, wrt=wrt):
            return Partial(to_sympy(of, most=most), wrt)
        case _:
            return scalar
