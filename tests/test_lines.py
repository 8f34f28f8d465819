"""Formulas as lines of a program: they stay Python however they are broken."""

from __future__ import annotations

import ast

from hypothesis import given
from hypothesis import strategies as st

from matderiv.expression.nodes import Apply, Inverse, Name, Softmax
from matderiv.handout.lines import assignment, derivatives_in, foreign_names

#: Formulas of names, sums, products and calls.
FORMULAS = st.recursive(
    st.sampled_from(["X", "W", "dLoss(Y)", "inv(K).T", "lam"]),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from([" + ", " - ", " @ ", "*"]), inner).map(
            lambda parts: f"({''.join(parts)})"
        ),
        inner.map(lambda text: f"sum({text}, axis=1, keepdims=True)"),
        st.tuples(inner, inner).map(lambda pair: f"outer({', '.join(pair)})"),
    ),
    max_leaves=30,
)


@given(formula=FORMULAS)
def test_a_broken_line_is_the_same_formula(formula: str) -> None:
    """A long assignment goes on in other lines inside brackets and means what it meant."""
    made = assignment("dX", formula)
    assert ast.dump(ast.parse(made)) == ast.dump(ast.parse(f"dX = {formula}"))
    lines = made.split("\n")
    short = len(f"dX = {formula}") <= 72
    assert (made == f"dX = {formula}") == short or len(lines) == 1
    assert all(len(line) <= 72 or not _breakable(line) for line in lines)


def _breakable(line: str) -> bool:
    return any(mark in line.strip()[:60] for mark in (", ", " + ", " - ", " @ "))


def test_lines_end_between_terms() -> None:
    """A line ends before a term rather than inside a product, and outside of inner brackets."""
    made = assignment("dW", " + ".join(f"lam*A{n} @ (B{n} + C)" for n in range(6)))
    first, second = made.split("\n")
    assert first.startswith("dW = (lam*A0 @ (B0 + C) + lam*A1")
    assert second.startswith("      + lam*A")


def test_names_that_need_a_word() -> None:
    """Derivatives of undefined functions, and functions that NumPy has not by these names."""
    formulas = [Apply("df", Inverse(Name("K"))), Softmax(Apply("dexp", Name("X")))]
    assert list(derivatives_in(formulas, ["f", "g"])) == ["f"]
    assert foreign_names(formulas) == ("inv", "softmax")
