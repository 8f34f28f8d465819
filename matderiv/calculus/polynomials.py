"""Exact normal forms: polynomials over SymPy atoms, with sums over indices and Kronecker deltas.

A polynomial maps a monomial to its coefficient. A monomial is a product of atoms, summed over
its bound indices. Two polynomials without bound indices are equal exactly when the mappings are;
with bound indices, when they are after `contracted`.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Mapping
from fractions import Fraction
from functools import reduce
from typing import NamedTuple

import sympy as sp

from matderiv.calculus.scalars import delta, xreplaced

__all__ = [
    "Coefficient",
    "Monomial",
    "Polynomial",
    "added",
    "atom",
    "collected",
    "constant",
    "contracted",
    "difference",
    "multiplied",
    "ordered",
    "product",
    "summed",
    "to_expr",
]


class Monomial(NamedTuple):
    """A product of atoms in one fixed order, summed over bound (index, size letter) pairs."""

    atoms: tuple[sp.Expr, ...]
    bound: tuple[tuple[sp.Symbol, str], ...] = ()


Coefficient = int | Fraction
Polynomial = Mapping[Monomial, Coefficient]

ONE = Monomial(())


def constant(number: sp.Rational) -> Polynomial:
    """A number."""
    if not number:
        return {}
    return {ONE: int(number) if number.is_Integer else Fraction(int(number.p), int(number.q))}


def atom(expr: sp.Expr) -> Polynomial:
    """A single atom."""
    return {Monomial((expr,)): 1}


def added(polynomials: Iterable[Polynomial]) -> Polynomial:
    """The sum, terms that cancel left out."""
    return collected(term for polynomial in polynomials for term in polynomial.items())


def collected(terms: Iterable[tuple[Monomial, Coefficient]]) -> Polynomial:
    """The sum of single terms; mostly no monomial comes twice, which takes no adding."""
    terms = list(terms)
    total: dict[Monomial, Coefficient] = dict(terms)
    if len(total) < len(terms):
        total = defaultdict(int)
        for monomial, number in terms:
            total[monomial] += number
    return total if all(total.values()) else {m: c for m, c in total.items() if c}


def multiplied(polynomials: Iterable[Polynomial]) -> Polynomial:
    """The product. Bound indices of different factors must have different names."""
    return reduce(product, polynomials, {ONE: 1})


def product(left: Polynomial, right: Polynomial) -> Polynomial:
    """The product of two."""
    if len(left) == len(right) == 1:
        ((m, c),) = left.items()
        ((n, d),) = right.items()
        return {_times(m, n): c * d}
    return collected((_times(m, n), c * d) for m, c in left.items() for n, d in right.items())


def _times(m: Monomial, n: Monomial) -> Monomial:
    if n == ONE:
        return m
    if m == ONE:
        return n
    return Monomial(ordered(m.atoms + n.atoms), m.bound + n.bound)


def ordered(atoms: Iterable[sp.Expr]) -> tuple[sp.Expr, ...]:
    """Atoms in the order of a monomial: any one will do, and this one is quick."""
    return tuple(sorted(atoms, key=hash))


def summed(polynomial: Polynomial, bound: Iterable[tuple[sp.Symbol, str]]) -> Polynomial:
    """The sum over further indices."""
    more = tuple(bound)
    if not more:
        return polynomial
    return {Monomial(m.atoms, m.bound + more): c for m, c in polynomial.items()}


def difference(left: Polynomial, right: Polynomial) -> Polynomial:
    """The difference left - right."""
    return collected(itertools.chain(left.items(), ((m, -c) for m, c in right.items())))


def contracted(polynomial: Polynomial) -> Polynomial:
    """The normal form of sums: Σ_i δ_ip a_i = a_p wherever it applies, bound names canonical.

    Σ_i runs over the whole size that p belongs to, so no term is lost.
    """
    made = ((_contract(m), c) for m, c in polynomial.items())
    return collected((m, c) for m, c in made if m is not None)


def _contract(monomial: Monomial) -> Monomial | None:
    """One monomial contracted; None where two deltas leave δ_12 = 0."""
    atoms, bound = list(monomial.atoms), list(monomial.bound)
    while True:
        names = {index for index, _ in bound}
        delta = next(
            (a for a in atoms if isinstance(a, sp.KroneckerDelta) and names & set(a.args)), None
        )
        if delta is None:
            break
        one, other = delta.args
        gone, stays = (one, other) if one in names else (other, one)
        atoms.remove(delta)
        atoms = [_replaced(a, gone, stays) for a in atoms]
        if sp.S.Zero in atoms:
            return None
        atoms = [a for a in atoms if a != 1]
        bound = [b for b in bound if b[0] != gone]
    if not bound:
        return Monomial(ordered(atoms))
    return _renamed(atoms, bound)


def _replaced(atom: sp.Expr, old: sp.Basic, new: sp.Basic) -> sp.Expr:
    if isinstance(atom, sp.KroneckerDelta):
        return delta(*(new if a == old else a for a in atom.args))
    return xreplaced(atom, {old: new})


def _renamed(atoms: list[sp.Expr], bound: list[tuple[sp.Symbol, str]]) -> Monomial:
    """The same sum under the names _1, _2, … that make its atoms come first in order."""
    if len(bound) == 1:
        ((old, size),) = bound
        new = sp.Symbol("_1", integer=True, positive=True)
        return Monomial(ordered(xreplaced(a, {old: new}) for a in atoms), ((new, size),))
    best: tuple[tuple[str, ...], Monomial] | None = None
    for order in itertools.permutations(bound):
        fresh = [
            (sp.Symbol(f"_{n}", integer=True, positive=True), size)
            for n, (_, size) in enumerate(order, 1)
        ]
        names = {old: new for (old, _), (new, _) in zip(order, fresh, strict=True)}
        renamed = sorted((xreplaced(a, names) for a in atoms), key=str)
        key = (*map(str, renamed), *(size for _, size in fresh))
        if best is None or key < best[0]:
            best = (key, Monomial(tuple(renamed), tuple(fresh)))
    assert best is not None
    return best[1]


def to_expr(polynomial: Polynomial) -> sp.Expr:
    """The SymPy expression of a polynomial without bound indices."""
    return sp.Add(*(sp.Mul(sp.Rational(c), *m.atoms) for m, c in polynomial.items()))
