"""Entries in index notation: what reads the same is equal, and letters do not matter."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matderiv.calculus.deciding import identities
from matderiv.calculus.deciding.identities import summands_vanish
from matderiv.calculus.formulas.shaping import shapes_over
from matderiv.calculus.index_forms.canonical import canonical
from matderiv.calculus.index_forms.entries import Entries
from matderiv.calculus.index_forms.forms import difference
from matderiv.errors import TooLarge
from matderiv.expression.claim import Words, parse_claim
from matderiv.expression.known_shapes import shape_of
from matderiv.expression.nodes import Name, Node, Sum
from matderiv.expression.shapes import Dim

N, D, M = Dim("N", 2), Dim("D", 4), Dim("M", 3)
SHAPES = {"X": (N, D), "W": (D, M), "Y": (N, M), "b": (M,), "lam": ()}
FUNCTIONS = ("f", "df")


def read(text: str) -> Node:
    """An expression of the names above."""
    return parse_claim(text, Words(tuple(SHAPES), FUNCTIONS))


def same(one: str, other: str) -> bool:
    """Whether the general entries of two expressions read the same."""
    entries = Entries(shapes_over(SHAPES))
    left, right = read(one), read(other)
    places = ("p", "q")[: len(entries.shape(left))]
    return not canonical(difference(entries.at(left, *places), entries.at(right, *places)))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("(X @ W).T", "W.T @ X.T"),
        ("(X @ W) @ Y.T", "X @ (W @ Y.T)"),
        ("(X + X) @ W", "2*(X @ W)"),
        ("(X @ W)**2", "(X @ W)*(X @ W)"),
        ("sum(X @ W)", "sum((W.T @ X.T).T)"),
        ("X*sum(Y)", "sum(Y.T)*X"),
        ("(X*X)**2/X", "X**3"),
        ("f(X @ W) @ W.T", "(W @ f(W.T @ X.T)).T"),
        ("sum(X @ W @ Y.T @ X)", "sum(X.T @ Y @ W.T @ X.T)"),
        ("Y + lam*b", "lam*b + Y"),
        ("1/(X + 1)", "(1 + X)**-1"),
        ("sqrt(X)", "X**0.5"),
    ],
)
def test_what_is_equal_reads_the_same(one: str, other: str) -> None:
    """Order, brackets, transposes and the names of bound letters make no difference."""
    assert same(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("X @ W", "Y"),
        ("X @ X.T", "(X @ X.T)**2"),
        ("sum(X)*sum(X)", "sum(X*X)"),
        ("f(X)", "df(X)"),
        ("(X @ W)**2", "(X*X) @ (W*W)"),
        ("sum(X @ W @ Y.T)", "sum(X @ W)*sum(Y)"),
        ("sum(X + 1)", "sum(X) + 1"),
    ],
)
def test_what_differs_reads_differently(one: str, other: str) -> None:
    """The normal form tells apart what differs at some sizes."""
    assert not same(one, other)


def test_a_sum_of_ones_is_a_size() -> None:
    """Σ_ij 1 is N·M, with letters for the sizes."""
    entries = Entries(shapes_over(SHAPES))
    assert canonical(entries.at(Sum(read("Y/Y")))) == {"|M|·|N|{}": Fraction(1)}


def test_a_form_that_would_be_too_long_is_not_built() -> None:
    """A power of a long sum is given up before it fills the memory."""
    with pytest.raises(TooLarge):
        Entries(shapes_over(SHAPES)).at(
            read("((X + X**2 + X**3 + f(X) + df(X) + 1)**8 + lam)**8"), "p", "q"
        )


def test_definitions_are_unfolded_only_where_asked() -> None:
    """Y is itself, or X @ W, as the caller likes."""
    folded = Entries(shapes_over(SHAPES)).at(Name("Y"), "p", "q")
    unfolded = Entries(shapes_over(SHAPES), {"Y": read("X @ W")}).at(Name("Y"), "p", "q")
    assert canonical(folded) == {"Y[p,q]{}": 1}
    assert canonical(unfolded) == canonical(
        Entries(shapes_over(SHAPES)).at(read("X @ W"), "p", "q")
    )


def test_known_functions_are_compared_under_the_sum() -> None:
    """Σ_j (tanh² + 1/cosh² - 1)·w is zero though its terms read differently."""
    entries = Entries(shapes_over(SHAPES))
    zero = "(tanh(Y)**2 + 4/(exp(Y) + exp(-Y))**2 - 1) @ W.T"
    assert summands_vanish(entries.at(read(zero), "p", "q"))
    assert not summands_vanish(entries.at(read(f"{zero} + X"), "p", "q"))


def test_a_value_is_found_before_a_proof_is_sought(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not zero at a point is not multiplied out; what is zero there is still decided."""
    asked: list[object] = []
    monkeypatch.setattr(identities, "_vanishes", lambda expr: bool(asked.append(expr)))
    entries = Entries(shapes_over(SHAPES))
    for other in ("X", "X/10", "exp(-X)"):
        assert not summands_vanish(entries.at(read(f"exp(X)*exp(X) - {other}"), "p", "q"))
    assert not asked
    summands_vanish(entries.at(read("tanh(Y)**2 + 4/(exp(Y) + exp(-Y))**2 - 1"), "p", "q"))
    assert len(asked) == 1


@given(st.permutations(["X @ W", "Y", "f(Y)", "lam*Y", "Y*Y", "b + Y"]), st.data())
def test_the_order_of_terms_makes_no_difference(terms: list[str], data: st.DataObject) -> None:
    """Sums in any order, with any brackets, read the same."""
    cut = data.draw(st.integers(1, len(terms) - 1))
    assert same(" + ".join(terms), f"({' + '.join(terms[cut:])}) + ({' + '.join(terms[:cut])})")


def test_shapes_are_inferred_with_letters() -> None:
    """The shape of a claim is one of letters, so that it holds for every size."""
    assert shape_of(read("W.T @ X.T"), SHAPES) == (M, N)
