"""Functions of one number: the chain rule, tidying, domains, and the way to nodes and back."""

from __future__ import annotations

import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from matderiv.calculus.elementwise import chain_rule, constant, domain, scalar_of, tidy, to_node
from matderiv.calculus.scalars import undefined_function
from matderiv.calculus.verdicts import vanishes
from matderiv.errors import InputError, UnsupportedError
from matderiv.expression.nodes import Name, Node
from matderiv.expression.parse import parse
from matderiv.expression.source import source

Y = sp.Symbol("y", real=True)


def node(text: str) -> Node:
    """The expression node of a text."""
    return parse(f"L = sum({text})").loss.value.arg  # type: ignore[union-attr]


def scalar(text: str) -> sp.Expr:
    """The function of y that a text is, Y standing for y."""
    return scalar_of(node(text), "Y", Y)


TEXTS = st.recursive(
    st.sampled_from(["Y", "Y", "2", "1/3", "lam"]),
    lambda inner: st.one_of(
        st.builds("exp({})".format, inner),
        st.builds("tanh({})".format, inner),
        st.builds("sigmoid({})".format, inner),
        st.builds("sin({})".format, inner),
        st.builds("({} + {})".format, inner, inner),
        st.builds("({} - {})".format, inner, inner),
        st.builds("{}*{}".format, inner, inner),
        st.builds("({})**2".format, inner),
        st.builds("({})/(1 + Y**2)".format, inner),
    ),
    max_leaves=4,
)


@settings(max_examples=25, deadline=None)
@given(TEXTS.filter(lambda text: scalar(text).has(Y)))
def test_chain_rule_is_the_derivative(text: str) -> None:
    """The product of the factors is SymPy's derivative, at a point and so not by its shape."""
    expr = scalar(text)
    made, known = sp.Mul(*chain_rule(expr, Y)), expr.diff(Y)
    for point in (sp.Rational(3, 7), sp.Rational(-5, 4)):
        at = {Y: point, sp.Symbol("lam", real=True): sp.Rational(2, 3)}
        assert abs(sp.N((made - known).subs(at), 30)) < sp.Float(10) ** -20


@settings(max_examples=25, deadline=None)
@given(TEXTS)
def test_tidying_keeps_the_value_and_makes_nothing_longer(text: str) -> None:
    """The shortest rewriting is equal to what was rewritten, and no longer."""
    expr = scalar(text)
    short = tidy(expr)
    assert sp.count_ops(short) <= sp.count_ops(expr)
    at = {Y: sp.Rational(4, 9), sp.Symbol("lam", real=True): sp.Rational(2, 3)}
    assert abs(sp.N((short - expr).subs(at), 30)) < sp.Float(10) ** -20


@settings(max_examples=40, deadline=None)
@given(TEXTS)
def test_expression_written_as_source_is_read_as_the_same(text: str) -> None:
    """A function printed as NumPy-like source and parsed again is the same function."""
    expr = scalar(text)
    written = source(to_node(expr, Y, Name("Y")))
    assert vanishes(scalar_of(node(written), "Y", Y) - expr) is True, written


@pytest.mark.parametrize(
    ("text", "factors"),
    [
        ("log(1 + exp(Y))", 2),
        ("tanh(3*Y)", 2),
        ("sin(exp(cos(Y)))", 3),
        ("Y", 1),
        ("5*Y", 1),
        ("Y**3", 1),
        ("(1 + Y)**2", 2),
        ("4*exp(2*Y)", 3),
        ("Y*exp(Y)", 1),
        ("sqrt(Y)", 1),
    ],
)
def test_each_layer_gives_a_factor(text: str, factors: int) -> None:
    """g(u(y)) gives g′(u) and u′; a sum or product of functions is one factor."""
    assert len(chain_rule(scalar(text), Y)) == factors


@pytest.mark.parametrize(
    ("text", "conditions"),
    [
        ("log(Y)", [("positive", Y)]),
        ("log(1 + exp(Y))", []),
        ("log(1 + Y**2)", []),
        ("1/Y", [("nonzero", Y)]),
        ("1/Y + log(Y)", [("positive", Y)]),
        ("sqrt(Y)", [("positive", Y)]),
        ("relu(Y - 1)", [("nonzero", Y - 1)]),
        ("Y**Y", [("positive", Y)]),
        ("2**Y", []),
        ("Y**3", []),
        ("lam**Y", [("positive", sp.Symbol("lam", real=True))]),
    ],
)
def test_domain_says_where_a_function_has_a_derivative(
    text: str, conditions: list[tuple[str, sp.Expr]]
) -> None:
    """What must be positive or not zero is stated, and what always is so is not."""
    assert list(domain(scalar(text), Y)) == conditions


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Y/0", "divides by zero"),
        ("Y/(1 - 1)", "divides by zero"),
        ("Y + log(0)", "no finite real value"),
        ("Y + log(-1)", "no finite real value"),
        ("Y**10000", "exponent is at most 1,000"),
        ("Y + 9**9**9**9", "exponent|bits"),
        ("Y + (10**50)**100", "bits"),
        ("Y + (-2)**(1/2)", "must be positive"),
    ],
)
def test_what_has_no_real_value_is_refused(text: str, words: str) -> None:
    """A function that is not a finite real number, or one too large to hold, raises by name."""
    with pytest.raises(InputError, match=words):
        scalar(text)


def test_matrix_inside_a_function_of_one_entry_is_refused() -> None:
    """sum(…) holds functions of single entries; a matrix product in it is named."""
    with pytest.raises(UnsupportedError, match=r"A @ B is not a function of one entry"):
        scalar("Y*(A @ B)")


def test_constants_are_exact() -> None:
    """Decimal numbers are the fractions that they are written as."""
    assert constant(node("0.1 + 0.2")) == sp.Rational(3, 10)
    assert constant(node("2*lam")) == 2 * sp.Symbol("lam", real=True)


@pytest.mark.parametrize("program", ["sum(sqrt((X @ W)**2))", "sum(((X @ W)**4)**0.25)"])
def test_an_absolute_value_in_disguise_is_refused(program: str) -> None:
    """SymPy's Abs has no derivative at 0 and is no word of the language, so it is refused."""
    with pytest.raises(UnsupportedError, match="absolute value"):
        scalar_of(
            parse(program.replace("X @ W", "Y")).loss.value.arg, "Y", sp.Symbol("y", real=True)
        )


def test_sympy_s_own_function_of_the_name_is_another() -> None:
    """What SymPy's cache knows of its own f is not taken for ours, which has another derivative."""
    y = sp.Symbol("y", real=True)
    theirs, ours = sp.Function("f"), undefined_function("f")
    assert (theirs(y) ** 2 + 1).diff(y).has(sp.Derivative)
    assert (ours(y) ** 2 + 1).diff(y) == 2 * ours(y) * undefined_function("df")(y)
    assert theirs(y) != ours(y)
    assert ours(y) != theirs(y)
