"""Printing expressions back as source that means the same."""

from __future__ import annotations

from fractions import Fraction
from typing import get_args

import pytest
from _thorough import usually
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from matderiv.errors import InputError
from matderiv.expression import nodes
from matderiv.expression._constants import check_constants
from matderiv.expression.nodes import Node
from matderiv.expression.parse import parse
from matderiv.expression.program import Assignment, Program
from matderiv.expression.source import source
from matderiv.expression.vocabulary import ELEMENTWISE

_LEAVES: st.SearchStrategy[Node] = st.one_of(
    st.sampled_from([nodes.Name(name) for name in ("X", "W", "Y", "lam", "W_1")]),
    st.builds(
        lambda digits, power: nodes.Number(Fraction(digits) * Fraction(10) ** power),
        st.integers(-999, 999),
        st.integers(-40, 40),
    ),
)


_AXES = st.sampled_from([None, 0, 1, -1, -2])
_SIZES = st.one_of(st.integers(1, 10**9), st.sampled_from(["N", "K", "n_1"]))
_LEAVES_WITH_SIZES: st.SearchStrategy[Node] = st.one_of(
    _LEAVES,
    st.builds(nodes.Eye, _SIZES),
    st.builds(nodes.Ones, st.lists(_SIZES, min_size=1, max_size=2).map(tuple)),
)


def _grown(inner: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    binary = st.sampled_from([*get_args(nodes.Entrywise), nodes.MatMul, nodes.Outer])
    unary = st.sampled_from(
        [nodes.Transpose, nodes.Trace, nodes.Inverse, nodes.Determinant, nodes.LogDet, nodes.Diag]
    )
    reductions = st.sampled_from(get_args(nodes.Reduction))
    along = st.sampled_from(get_args(nodes.AlongAxis))
    # A minus before a number is part of the number, so it is never a node of its own.
    negated = inner.filter(lambda node: not isinstance(node, nodes.Number))
    return st.one_of(
        st.builds(lambda kind, a, b: kind(a, b), binary, inner, inner),
        st.builds(lambda kind, a: kind(a), unary, inner),
        st.builds(
            lambda kind, a, axis, keepdims: kind(a, axis, keepdims),
            reductions,
            inner,
            _AXES,
            st.booleans(),
        ),
        st.builds(lambda kind, a, axis: kind(a, axis), along, inner, _AXES),
        st.builds(nodes.Norm, inner, st.sampled_from([None, Fraction(2)])),
        st.builds(nodes.Negate, negated),
        st.builds(nodes.Apply, st.sampled_from([*ELEMENTWISE, "f", "g1"]), inner),
        st.builds(nodes.Functional, st.just("Loss"), inner),
        st.builds(
            lambda function, a, b: (
                nodes.Frechet(a, b, function)
                if function in _ALONG
                else nodes.MatrixFunction(a, function)
            ),
            st.sampled_from(["expm", "sqrtm", "eigenprojector -1", *_ALONG]),
            inner,
            inner,
        ),
    )


#: Functions of a matrix whose derivatives along another are tried.
_ALONG = ["logm", "matrix_power k - 1"]

#: Any expression of the language, whether its shapes fit or not.
EXPRESSIONS = st.recursive(_LEAVES_WITH_SIZES, _grown, max_leaves=12)


def _has_value(tree: Node) -> bool:
    """Whether no constant in an expression is without a value, as log(0) is; such are refused."""
    try:
        check_constants(Program((Assignment("L", tree),)))
    except InputError:
        return False
    return True


def _is_read_by_eigenvalues(node: Node) -> bool:
    """Whether reading says it of the matrix alone, as det(expm(X)) = exp(tr(X))."""
    match node:
        case nodes.Determinant(nodes.MatrixFunction(_, "expm" | "sqrtm")):
            return True
        case nodes.LogDet(nodes.MatrixFunction(_, "expm")):
            return True
    return False


@pytest.mark.long
@given(EXPRESSIONS)
@settings(max_examples=usually(400, 4000, least=150), deadline=None)
def test_source_is_read_as_the_same_tree(tree: Node) -> None:
    """Brackets, signs, numbers and options are printed so that reading changes nothing."""
    assume(_has_value(tree) and not any(map(_is_read_by_eigenvalues, nodes.walk(tree))))
    assert parse(f"L = {source(tree)}").loss.value == tree


@pytest.mark.long
def test_the_property_knows_every_node() -> None:
    """A node that is added to the language is added to the trees above."""
    seen: set[type] = set()

    @given(EXPRESSIONS)
    @settings(max_examples=400, deadline=None, database=None, derandomize=True)
    def look(tree: Node) -> None:
        seen.update(map(type, nodes.walk(tree)))

    look()
    maps = set(get_args(nodes.IndexMap))  # see test_index_maps
    assert seen == set(nodes.NODE_KINDS) - maps - {
        nodes.Size,
        nodes.Pi,
        nodes.Rearrange,
    }  # in formulas only


@pytest.mark.parametrize(
    "text",
    [
        "(-2)**3*Y",
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
        "sum(X, axis=0)",
        "sum(X, axis=-1, keepdims=True)",
        "mean(X, keepdims=True)",
        "softmax(X @ W, axis=1)",
        "trace(A @ B)*logdet(A)",
        "inv(A + B).T",
        "norm(x, 2)**2",
        "ones(3) @ ones((3, N))",
        "outer(x, y) - eye(4)",
    ],
)
def test_no_bracket_too_many(text: str) -> None:
    """Text with only the brackets it needs is printed as it was written."""
    assert source(parse(text).loss.value) == text


def test_a_number_that_is_no_decimal() -> None:
    """A third, which only a derivation can bring in, is printed as a fraction."""
    assert source(nodes.Multiply(nodes.Name("Y"), nodes.Number(Fraction(1, 3)))) == "Y*(1/3)"
