"""Regrouping: a product of matrices is read off the indices of an entry, or refused."""

from __future__ import annotations

import itertools

import pytest
import sympy as sp

from matderiv.api import read
from matderiv.calculus import polynomials as poly
from matderiv.calculus.polynomials import Monomial
from matderiv.calculus.regroup import regrouped
from matderiv.calculus.scalars import Partial, entry
from matderiv.calculus.values import Values
from matderiv.errors import UnsupportedError
from matderiv.expression.source import source

P, Q, J, K = sp.symbols("p q j k", integer=True, positive=True)
LOSS = sp.Symbol("L")


@pytest.mark.parametrize(
    ("atoms", "bound", "expected"),
    [
        ((Partial(LOSS, entry("Y", P, J)), entry("W", Q, J)), [J], "dY @ W.T"),
        ((entry("X", J, P), Partial(LOSS, entry("Y", J, Q))), [J], "X.T @ dY"),
        ((Partial(LOSS, entry("Y", P, J)), entry("W", J, Q)), [J], "dY @ W"),
        ((entry("W", J, P), Partial(LOSS, entry("Y", Q, J))), [J], "W.T @ dY.T"),
        ((Partial(LOSS, entry("Y", P, Q)),), [], "dY"),
        ((entry("X", Q, P),), [], "X.T"),
        ((entry("A", P, J), entry("B", K, J), entry("C", K, Q)), [J, K], "A @ B.T @ C"),
    ],
)
def test_pattern_of_indices_is_the_product(
    atoms: tuple[sp.Expr, ...], bound: list[sp.Symbol], expected: str
) -> None:
    """A chain of indices from row to column is a product, whatever the order of its factors."""
    for order in itertools.permutations(atoms):
        monomial = Monomial(order, tuple((index, "N") for index in bound))
        assert source(regrouped({monomial: 1}, P, Q)) == expected


@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize(
    ("product", "answers"),
    [
        ("X @ W", ("dY @ W.T", "X.T @ dY")),
        ("X.T @ W", ("W @ dY.T", "X @ dY")),
        ("X @ W.T", ("dY @ W", "dY.T @ X")),
        ("X.T @ W.T", ("W.T @ dY.T", "dY.T @ X.T")),
    ],
)
def test_answers_do_not_depend_on_sizes(product: str, answers: tuple[str, str], size: int) -> None:
    """All four placings of transposes, at square sizes too, where every product would fit."""
    problem = read(f"Y = {product}; L = Loss(Y)", sizes=dict.fromkeys("NDM", size))
    p, q = problem.letters.p, problem.letters.q
    values = Values(problem, general=True, upstream=True)
    found = [
        source(regrouped(values.of(Partial(problem.loss, entry(name, p, q))), p, q))
        for name in problem.factors
    ]
    assert tuple(found) == answers


@pytest.mark.parametrize(
    "value",
    [
        {},
        {Monomial((entry("A", P, Q),)): 2},
        {Monomial((entry("A", P, Q),)): 1, Monomial((entry("B", P, Q),)): 1},
        {Monomial((entry("A", P, J), entry("B", K, Q)), ((J, "N"), (K, "N"))): 1},
        {Monomial((entry("A", P, P),)): 1},
        {Monomial((entry("A", P, J), entry("B", J, Q), entry("C", J, J)), ((J, "N"),)): 1},
        {Monomial((sp.Symbol("lam"), entry("A", P, Q))): 1},
        {Monomial((entry("A", P),)): 1},
        {poly.ONE: 1},
    ],
    ids=[
        "zero",
        "a factor",
        "two terms",
        "a gap",
        "a stuck index",
        "a factor too many",
        "a scalar",
        "one index",
        "a number",
    ],
)
def test_what_forms_no_chain_is_refused(value: poly.Polynomial) -> None:
    """What is not one product of matrices is not guessed to be one."""
    with pytest.raises(UnsupportedError):
        regrouped(value, P, Q)
