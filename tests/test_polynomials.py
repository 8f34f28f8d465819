"""Exact normal forms: the same mathematics gives the same mapping, and nothing else does."""

from __future__ import annotations

import itertools
import random
from fractions import Fraction

import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from matderiv.calculus import polynomials as poly
from matderiv.calculus.polynomials import Monomial, Polynomial
from matderiv.calculus.scalars import delta, entry

SIZE = 3
P, Q = sp.symbols("p q", integer=True, positive=True)
I, J, K = sp.symbols("i j k", integer=True, positive=True)  # noqa: E741 - as in the mathematics
PLACES = {P: 1, Q: 3}


@st.composite
def sums(draw: st.DrawFn, free: tuple[sp.Symbol, ...] = (P, Q)) -> Monomial:
    """A product of entries and deltas, summed over some of its indices.

    With two `free` letters a δ_pq can be left, beside which p and q are the same.
    """
    letters = [*free, I, J, K]
    atoms = []
    for _ in range(draw(st.integers(1, 4))):
        a, b = draw(st.sampled_from(letters)), draw(st.sampled_from(letters))
        made = draw(
            st.sampled_from((entry("A", a, b), entry("B", a, Q), entry("A", a, 2), delta(a, b)))
        )
        if made != 1:
            atoms.append(made)
    bound = draw(st.lists(st.sampled_from([I, J, K]), unique=True))
    held = set().union(*(a.free_symbols for a in atoms)) & {I, J, K}
    bound = list(dict.fromkeys([*bound, *sorted(held, key=str)]))
    return Monomial(tuple(atoms), tuple((index, "N") for index in bound))


def brute(polynomial: Polynomial) -> Fraction:
    """The value with all sums written out, at p, q and numbers that belong to names."""
    total = Fraction(0)
    for monomial, number in polynomial.items():
        letters = [index for index, _ in monomial.bound]
        for values in itertools.product(range(1, SIZE + 1), repeat=len(letters)):
            places = {**PLACES, **dict(zip(letters, values, strict=True))}
            product = Fraction(number)
            for atom in monomial.atoms:
                product *= value(atom, places)
            total += product
    return total


def value(atom: sp.Expr, places: dict[sp.Basic, int]) -> Fraction:
    """The value of one atom."""
    if isinstance(atom, sp.KroneckerDelta):
        one, other = (places.get(a, a) for a in atom.args)
        return Fraction(int(one == other))
    if atom.is_Rational:
        return Fraction(int(atom.p), int(atom.q))
    at = (atom.base.name, *(int(places.get(i, i)) for i in atom.indices))
    return Fraction(random.Random(str(at)).randint(-9, 9), 7)


@settings(max_examples=80, deadline=None)
@given(st.lists(sums(), min_size=1, max_size=3))
def test_contracting_keeps_the_value(monomials: list[Monomial]) -> None:
    """Σ_i δ_ip a_i = a_p and the renaming of bound indices never change what a sum is worth."""
    before = poly.added({m: n} for n, m in enumerate(monomials, 1))
    assert brute(poly.contracted(before)) == brute(before)


@settings(max_examples=40, deadline=None)
@given(sums(free=(P,)), st.randoms(use_true_random=False))
def test_normal_form_knows_no_names(monomial: Monomial, chance: random.Random) -> None:
    """Other names for bound indices, in another order with factors shuffled: one normal form."""
    fresh = {
        old: sp.Symbol(f"_z{n}", integer=True, positive=True)
        for n, (old, _) in enumerate(monomial.bound)
    }
    atoms = [
        delta(*(fresh.get(a, a) for a in atom.args))
        if isinstance(atom, sp.KroneckerDelta)
        else atom.xreplace(fresh)
        for atom in monomial.atoms
    ]
    bound = [(fresh[old], size) for old, size in monomial.bound]
    chance.shuffle(atoms)
    chance.shuffle(bound)
    one = poly.contracted({monomial: 1})
    assert poly.contracted({Monomial(tuple(atoms), tuple(bound)): 1}) == one


def test_sums_over_other_sizes_differ() -> None:
    """Σ over N and Σ over M are told apart although their terms are the same."""
    atoms = (entry("A", P, I),)
    assert poly.contracted({Monomial(atoms, ((I, "N"),)): 1}) != poly.contracted(
        {Monomial(atoms, ((I, "M"),)): 1}
    )


def test_empty_sum_counts_its_terms() -> None:
    """Σ_i 1 stays a sum over i; it is N, not 1."""
    assert poly.contracted({Monomial((), ((I, "N"),)): 1}) != {poly.ONE: 1}


def test_two_deltas_that_cannot_both_hold_leave_nothing() -> None:
    """Σ_i δ_i1 δ_i2 = 0, and Σ_i δ_i1 δ_i1 = 1."""
    bound = ((I, "N"),)
    assert poly.contracted({Monomial((delta(I, 1), delta(I, 2)), bound): 1}) == {}
    assert poly.contracted({Monomial((delta(I, 1), delta(I, 1)), bound): 1}) == {poly.ONE: 1}


NUMBERS = st.builds(sp.Rational, st.integers(-3, 3), st.integers(1, 3))
SYMBOLS = sp.symbols("a b c")


@st.composite
def expressions(draw: st.DrawFn) -> tuple[Polynomial, sp.Expr]:
    """A polynomial and the SymPy expression that it is."""
    terms = draw(
        st.lists(st.tuples(NUMBERS, st.lists(st.sampled_from(SYMBOLS), max_size=3)), max_size=3)
    )
    made = [
        poly.multiplied([poly.constant(number), *map(poly.atom, factors)])
        for number, factors in terms
    ]
    return poly.added(made), sp.Add(*(number * sp.Mul(*factors) for number, factors in terms))


@settings(max_examples=40, deadline=None)
@given(expressions(), expressions())
def test_arithmetic_is_that_of_sympy(
    one: tuple[Polynomial, sp.Expr], other: tuple[Polynomial, sp.Expr]
) -> None:
    """Sums, products and differences are those of expressions; zero is the empty mapping."""
    (p, a), (q, b) = one, other
    assert sp.expand(poly.to_expr(poly.multiplied((p, q))) - a * b) == 0
    assert sp.expand(poly.to_expr(poly.added((p, q))) - a - b) == 0
    assert sp.expand(poly.to_expr(poly.difference(p, q)) - a + b) == 0
    assert poly.difference(p, p) == {}
    assert (poly.difference(p, q) == {}) == (sp.expand(a - b) == 0)


@pytest.mark.parametrize("number", [sp.Integer(0), sp.Integer(-2), sp.Rational(2, 3)], ids=str)
def test_constants_are_exact(number: sp.Rational) -> None:
    """A number is kept as a whole number or a fraction, and 0 holds no monomial."""
    made = poly.constant(number)
    assert poly.to_expr(made) == number
    assert all(isinstance(c, int | Fraction) for c in made.values())
    assert bool(made) == bool(number)
