"""Printing expressions back as source that means the same."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matderiv.expression import nodes
from matderiv.expression.nodes import Node
from matderiv.expression.parse import parse
from matderiv.expression.source import source

_LEAVES: st.SearchStrategy[Node] = st.one_of(
    st.sampled_from([nodes.Name(name) for name in ("X", "W", "Y", "lam", "W_1")]),
    st.builds(
        lambda digits, power: nodes.Number(Fraction(digits) * Fraction(10) ** power),
        st.integers(-999, 999),
        st.integers(-40, 40),
    ),
)


def _grown(inner: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    binary = st.sampled_from(
        [nodes.Add, nodes.Subtract, nodes.Multiply, nodes.Divide, nodes.Power, nodes.MatMul]
    )
    # A minus before a number is part of the number, so it is never a node of its own.
    negated = inner.filter(lambda node: not isinstance(node, nodes.Number))
    return st.one_of(
        st.builds(lambda kind, a, b: kind(a, b), binary, inner, inner),
        st.builds(nodes.Negate, negated),
        st.builds(nodes.Transpose, inner),
        st.builds(nodes.Sum, inner),
        st.builds(nodes.Apply, st.sampled_from(["exp", "f", "g1"]), inner),
        st.builds(nodes.Functional, st.just("Loss"), inner),
    )


@given(st.recursive(_LEAVES, _grown, max_leaves=12))
@settings(max_examples=400, deadline=None)
def test_source_is_read_as_the_same_tree(tree: Node) -> None:
    """Brackets, signs and numbers are printed so that nothing changes when they are read."""
    assert parse(f"L = {source(tree)}").loss.value == tree


@pytest.mark.parametrize(
    "text",
    [
        "(-2)**Y",
        "-2**Y",
        "-Y**2",
        "(-Y)**2",
        "2**-Y",
        "A - (B - C)",
        "A/(B*C)",
        "A*(B/C)",
        "(A @ B).T",
        "A @ B.T",
        "(X + W).T",
        "(Y**2)**3",
        "Y**2**3",
        "-(A + B)",
        "-A*B",
        "A @ (B @ C)",
        "0.5*Y",
        "1e-99*Y",
        "1e99*Y",
        "0.001*Y",
        "A - -B",
        "f(-Y)",
        "-X.T",
        "(-X).T",
    ],
)
def test_no_bracket_too_many(text: str) -> None:
    """Text with only the brackets it needs is printed as it was written."""
    assert source(parse(text).loss.value) == text


def test_a_number_that_is_no_decimal() -> None:
    """A third, which only a derivation can bring in, is printed as a fraction."""
    assert source(nodes.Multiply(nodes.Name("Y"), nodes.Number(Fraction(1, 3)))) == "Y*(1/3)"
