"""What is assumed of inputs: used in formulas and proofs, and refused where it does not hold."""

from __future__ import annotations

import json
import re
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import verify_certificate
from _certificates import refused, sealed
from hypothesis import given, settings
from hypothesis import strategies as st

import matderiv
from matderiv import derive, gradient
from matderiv.calculus.index_forms.assumed import under_assumptions
from matderiv.calculus.index_forms.entries import Entries
from matderiv.calculus.index_forms.forms import Entry, Known, single
from matderiv.calculus.sweep.task import read_task
from matderiv.errors import InputError, ShapeError
from matderiv.expression.assumptions import ASSUMPTIONS
from matderiv.expression.parse import parse
from matderiv.expression.structured import is_structured, numbers_made, structured
from matderiv.testing import check_backward
from matderiv.testing.strategies import inputs

ENTROPY = "L = -sum(T*log(softmax(X @ W, axis=1)))"
NEAR = 1e-6

#: Programs in which an assumption makes the gradient by an input shorter, and that gradient.
SHORTER = [
    (ENTROPY, "W", {"T": "onehot"}, "X.T @ (softmax(X @ W, axis=1) - T)"),
    (ENTROPY, "W", {"T": "stochastic"}, "X.T @ (softmax(X @ W, axis=1) - T)"),
    ("L = -sum(t*log(softmax(z)))", "z", {"t": "onehot"}, "softmax(z) - t"),
    ("L = sum(X*T**2)", "X", {"T": "onehot"}, "T"),
    ("L = sum((Q @ x)**2)", "x", {"Q": "orthogonal"}, "2*x"),
    ("L = x @ inv(Q) @ y", "y", {"Q": "orthogonal"}, "Q @ x"),
    ("L = sum(w*sqrt(p**2))", "w", {"p": "positive"}, "p"),
    ("L = sum(abs(p*w))", "w", {"p": "positive"}, "sign(w)*p"),
    ("L = x @ S @ x", "x", {"S": "psd"}, "2*S @ x"),
    ("L = sum(abs(lam)*x)", "lam", {"lam": "positive"}, "sum(x)"),
]

SIZES = st.integers(1, 4)


@pytest.mark.parametrize(("program", "wrt", "assume", "formula"), SHORTER)
def test_an_assumption_makes_a_formula_shorter(
    program: str, wrt: str, assume: dict[str, str], formula: str
) -> None:
    """The formula under the assumption is proved for all sizes, and wrong without it."""
    found = gradient(program, wrt=wrt, assume=assume)
    assert str(found) == formula
    assert found.verdict.index
    assert matderiv.check(program, wrt, formula, assume=assume).status == "right"
    plain = gradient(program, wrt=wrt)
    assert str(plain) != formula


@pytest.mark.parametrize(("program", "wrt", "assume", "formula"), SHORTER)
def test_a_line_of_the_program_says_the_same(
    program: str, wrt: str, assume: dict[str, str], formula: str
) -> None:
    """`assume T onehot` in a program is what the option says."""
    lines = "\n".join(f"assume {name} {what}" for name, what in assume.items())
    assert str(gradient(f"{lines}\n{program}", wrt=wrt)) == formula


@pytest.mark.parametrize("target", ["numpy", "torch", "jax"])
def test_printed_code_says_what_its_inputs_must_be(target: str) -> None:
    """A function that stands alone holds only where its inputs are what was assumed."""
    text = gradient(ENTROPY, wrt="W", assume={"T": "onehot"}).code(target)
    assert "T (N, M) one-hot" in text
    assert "one-hot" not in gradient(ENTROPY, wrt="W").code(target)


def test_lines_that_assume_are_read() -> None:
    """They stand anywhere, name several inputs, and may say is; a variable may have the name."""
    program = parse("assume p, q positive; x = p*q\nassume S is psd  # as said\nL = sum(x) + tr(S)")
    assert program.assumed == (("p", "positive"), ("q", "positive"), ("S", "psd"))
    assert parse("assume = 2*x; L = sum(assume)").assumed == ()
    assert parse("# why; assume S symmetric\nL = tr(S)").assumed == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("assume S; L = tr(S)", "such as assume S symmetric"),
        ("assume S very symmetric; L = tr(S)", "such as assume S symmetric"),
        ("assume S symetric; L = tr(S)", "Did you mean symmetric?"),
        ("assume Z symmetric; L = tr(S)", "Z is not in the program"),
        ("assume S psd; assume S lower; L = tr(S)", "psd and lower: leave one of them out"),
        ("assume S symmetric", "empty"),
    ],
)
def test_lines_that_assume_too_little_are_refused(text: str, message: str) -> None:
    """Each is one line that says what to write."""
    with pytest.raises(InputError, match=re.escape(message)):
        gradient(text)


@pytest.mark.parametrize(
    ("program", "assume", "message"),
    [
        ("sum(x**2)", {"x": "orthogonal"}, "x is a vector; only a matrix can be orthogonal"),
        ("lam*sum(x)", {"lam": "onehot"}, "lam is a scalar; only a vector or a matrix can be"),
    ],
)
def test_assumptions_about_other_shapes_are_refused(
    program: str, assume: dict[str, str], message: str
) -> None:
    """A vector is not orthogonal, and a number is no row."""
    with pytest.raises(ShapeError, match=re.escape(message)):
        gradient(program, assume=assume)


# -- arrays ------------------------------------------------------------------------------------


def _shape(what: str, n: int, m: int) -> tuple[int, ...]:
    return (n, n) if ASSUMPTIONS[what].square else (n, m)


@pytest.mark.parametrize("what", ASSUMPTIONS)
@given(n=SIZES, m=SIZES, seed=st.integers(0, 99))
@settings(max_examples=12, deadline=None)
def test_arrays_are_made_so_that_an_assumption_holds(what: str, n: int, m: int, seed: int) -> None:
    """Of floats and of fractions; with one entry moved, it does not hold any more."""
    shape = _shape(what, n, m)
    chance = np.random.default_rng(seed)
    made = structured(chance.uniform(-1.5, 1.5, shape), what)
    assert made.shape == shape
    assert is_structured(made, what)
    numbers = [Fraction(int(k), 7) for k in chance.integers(-9, 9, n * shape[-1])]
    exact = numbers_made(numbers, shape, what)
    assert all(isinstance(entry, Fraction) for entry in exact)
    assert is_structured(np.asarray(exact, dtype=float).reshape(shape), what)
    moved = made.copy()
    moved[0, -1] = -3
    if n > 1 or not ASSUMPTIONS[what].square:
        assert not is_structured(moved, what)


@pytest.mark.parametrize("what", ASSUMPTIONS)
def test_a_gradient_is_not_called_with_other_arrays(what: str) -> None:
    """An array of which the assumption does not hold is refused by name."""
    found = gradient("L = sum(A*X)", wrt="X", assume={"A": what})
    bad = np.asarray([[1.0, -2.0], [3.0, 4.0]])
    with pytest.raises(InputError, match=f"A is not {ASSUMPTIONS[what].words}, as was assumed"):
        found(A=bad, X=np.ones((2, 2)))


# -- values ------------------------------------------------------------------------------------

#: Programs over a structured A, and the input that is differentiated by.
VALUES = [
    ("L = sum((A @ x - y)**2)", "x"),
    ("L = sum(abs(A)*X) + sum(A*X**2)", "X"),
    ("L = sum(A*log(softmax(X, axis=1)))", "X"),
    ("L = sum(A**2*exp(X)) + sum(sqrt(A**2)*X)", "X"),
]


@pytest.mark.parametrize("what", ASSUMPTIONS)
@pytest.mark.parametrize(("program", "wrt"), VALUES)
def test_values_are_those_without_the_assumption(program: str, wrt: str, what: str) -> None:
    """Where the assumption holds, the formula under it has the values of the plain formula."""
    chance = np.random.default_rng(3)
    under = gradient(program, wrt=wrt, assume={"A": what})
    shape = _shape(what, 3, 4)
    values = {
        "A": structured(chance.uniform(0.3, 1.5, shape), what),
        "x": chance.uniform(0.3, 1.5, shape[1]),
        "y": chance.uniform(0.3, 1.5, shape[0]),
        "X": chance.uniform(0.3, 1.5, shape),
    }
    given_ = {name: values[name] for name in under.program.inputs()}
    plain = gradient(program, wrt=wrt)
    assert np.allclose(under(**given_), plain(**given_), atol=NEAR)


def test_the_condition_of_the_other_axis_is_not_used() -> None:
    """Rows of T sum to 1, not its columns: neither in formulas nor in proofs."""
    by_columns = "L = -sum(T*log(softmax(X, axis=0)))"
    found = gradient(by_columns, wrt="X", assume={"T": "stochastic"})
    assert str(found) == "softmax(X, axis=0)*sum(T, axis=0, keepdims=True) - T"
    wrong = matderiv.check(by_columns, "X", "softmax(X, axis=0) - T", assume={"T": "stochastic"})
    assert wrong.status == "wrong"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("sum(A, axis=0) @ x", "stochastic"),
        ("sum(A**2)", "stochastic"),
        ("tr(A @ A)", "orthogonal"),
        ("det(A)", "orthogonal"),
        ("logdet(A + A)", "orthogonal"),
        ("sum(sqrt(A + 1))", "positive"),
    ],
)
def test_no_more_is_used_than_is_assumed(text: str, what: str) -> None:
    """A form stays as it is where no fact applies."""
    entries = Entries(read_task(text).sweep.facts.shape, assumed={"A": what})
    form = entries.at(parse(text).loss.value)
    assert under_assumptions(form) == form


@pytest.mark.parametrize(("place", "zero"), [((2, 10), True), ((10, 2), False), ((10, 10), False)])
def test_a_triangle_is_zero_above_its_diagonal(place: tuple[int, int], zero: object) -> None:
    """At any size, by the numbers of row and column."""
    entry = single(Entry("A", place, Known("lower", "N")))
    assert under_assumptions(entry) == (() if zero else entry)


# -- the input itself --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("program", "wrt", "what", "formula"),
    [
        ("L = tr(A.T @ A @ B)", "A", "orthogonal", "A @ (B + B.T)"),
        ("L = sum(T*log(P))", "T", "onehot", "log(P)"),
        ("L = sum(t)**2", "t", "stochastic", "2*ones(N)"),
        ("L = sum(abs(p))", "p", "positive", "ones(N)"),
    ],
)
def test_the_gradient_by_tied_entries_is_by_all_of_them(
    program: str, wrt: str, what: str, formula: str
) -> None:
    """It is not the derivative of what the assumption makes of the program, and it says so."""
    found = gradient(program, wrt=wrt, assume={wrt: what})
    assert str(found) == formula
    tied = "its entries are tied to each other" in found.note
    assert tied == (ASSUMPTIONS[what].gradient == "all")
    page = derive(program, wrt=wrt, assume={wrt: what}).markdown()
    assert ("are tied to each other" in page) == tied


def test_both_gradients_by_a_symmetric_matrix() -> None:
    """By its own entries, and in the space of symmetric matrices; each names the other."""
    symmetric = {"S": "symmetric"}
    entries = gradient("logdet(S)", assume=symmetric)
    inner = gradient("logdet(S)", assume=symmetric, convention="inner")
    assert (str(entries), str(inner)) == ("2*inv(S) - inv(S)*eye(N)", "inv(S)")
    assert "--convention inner" in entries.note
    assert "--convention entries" in inner.note
    for language in ("en", "zh"):
        for convention, other in (("inner", "entries"), ("entries", "inner")):
            made = derive("logdet(S)", assume=symmetric, convention=convention)
            assert f"--convention {other}" in made.markdown(lang=language)
            assert made.second.status == "agrees"


@given(n=SIZES, seed=st.integers(0, 99))
@settings(max_examples=10, deadline=None)
def test_the_inner_gradient_gives_the_change_of_the_loss(n: int, seed: int) -> None:
    """⟨∇, dS⟩ is dL for a symmetric dS; by the entries it is the derivative by each of them."""
    program = "L = logdet(S) + tr(A @ S @ B)"
    chance = np.random.default_rng(seed)
    a, b, change = (chance.uniform(-1, 1, (n, n)) for _ in range(3))
    s = structured(chance.uniform(-1, 1, (n, n)), "psd")
    change = change + change.T

    def loss(at: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> float:
        return float(np.linalg.slogdet(at)[1] + np.trace(a @ at @ b))

    step = 1e-5
    slope = (loss(s + step * change) - loss(s - step * change)) / (2 * step)
    inner = gradient(program, wrt="S", assume={"S": "psd"}, convention="inner")
    assert np.isclose(np.sum(inner(S=s, A=a, B=b) * change), slope, atol=NEAR, rtol=NEAR)
    entries = gradient(program, wrt="S", assume={"S": "psd"})
    free = np.triu(entries(S=s, A=a, B=b))
    assert np.isclose(np.sum(free * change), slope, atol=NEAR, rtol=NEAR)


@pytest.mark.parametrize("assume", [None, {"Q": "orthogonal"}, {"D": "positive"}])
def test_a_convention_without_a_symmetric_input_is_refused(assume: dict[str, str] | None) -> None:
    """It would say nothing."""
    with pytest.raises(InputError, match="no input is assumed to be symmetric"):
        gradient("tr(Q @ D)", assume=assume, convention="inner")
    with pytest.raises(InputError, match="no convention 'other'; there are: entries, inner"):
        gradient("tr(Q @ D)", assume={"Q": "symmetric"}, convention="other")


# -- labels ------------------------------------------------------------------------------------


@pytest.mark.long
def test_gradients_by_labels_come_only_when_asked_for() -> None:
    """Data whose entries are tied to each other are no default, unless there is nothing else."""
    labels = {"T": "onehot"}
    assert set(gradient(ENTROPY, assume=labels)) == {"X", "W"}
    assert derive(ENTROPY, assume=labels).wrt == ("X", "W")
    assert gradient(ENTROPY, wrt="T", assume=labels).wrt == "T"
    assert str(gradient("L = sum(T**2)", assume=labels)) == "2*T"
    claim = "dT = -log(softmax(X @ W, axis=1))"
    assert matderiv.check(ENTROPY, None, claim, assume=labels).status == "right"


def _entropy_gradient(T: Any, X: Any, W: Any) -> Any:
    scores = np.exp(X @ W)
    return X.T @ (scores / scores.sum(axis=1, keepdims=True) - T)


def test_functions_are_tried_at_inputs_of_which_the_assumption_holds() -> None:
    """A backward pass for labels is right for labels, and wrong for other arrays."""
    assert check_backward(None, _entropy_gradient, ENTROPY, "W", assume={"T": "onehot"})
    assert check_backward(None, _entropy_gradient, f"assume T stochastic\n{ENTROPY}", "W")
    assert not check_backward(None, _entropy_gradient, ENTROPY, "W", raise_exception=False)


@pytest.mark.parametrize("what", ASSUMPTIONS)
def test_strategies_draw_inputs_of_which_the_assumption_holds(what: str) -> None:
    """Every example of `inputs` keeps what its program says."""

    @given(inputs(f"assume A {what}\nL = sum(A*X)", largest=3))
    @settings(max_examples=10, deadline=None)
    def kept(arrays: dict[str, Any]) -> None:
        assert is_structured(arrays["A"], what)

    kept()


@pytest.mark.parametrize(
    ("program", "assume", "kept"),
    [
        ("L = sum(log(p)) + norm(p) + sum(1/p)", {}, True),
        ("L = sum(log(p)) + norm(p) + sum(1/p)", {"p": "positive"}, False),
        ("L = logdet(A)", {"A": "orthogonal"}, False),
        ("L = logdet(A) + sum(log(p))", {"A": "orthogonal"}, True),
    ],
)
def test_what_is_assumed_is_no_condition(
    program: str, assume: dict[str, str], kept: object
) -> None:
    """A page does not ask for positive numbers where they are assumed."""
    page = derive(program, assume=assume).markdown()
    assert ("holds where the program can be differentiated" in page) == kept


# -- pages and certificates --------------------------------------------------------------------


@pytest.mark.parametrize(("program", "wrt", "assume", "formula"), SHORTER)
def test_certificates_state_what_is_assumed(
    program: str, wrt: str, assume: dict[str, str], formula: str
) -> None:
    """The checker confirms them; without the assumption, or with another, it refuses them."""
    made = derive(program, wrt=wrt, assume=assume)
    assert made.second.status == "agrees"
    data = json.loads(made.json())
    assert data["gradients"][wrt] == formula
    assert verify_certificate.outcome(data)[0] == 0
    assert refused(sealed(data | {"assume": {}}))
    (name,) = assume
    assert "cannot be round" in refused(sealed(data | {"assume": {name: "round"}}))


@pytest.mark.long
@pytest.mark.parametrize(
    ("language", "top", "place"),
    [
        ("en", "so every row sums to 1", "every row of $T$ sums to 1"),
        ("zh", "所以每一行的和为 1", "用到 $T$ 每一行的和为 1"),
    ],
)
def test_a_page_names_the_condition(language: str, top: str, place: str) -> None:
    """At the top, and where it is used."""
    page = derive(ENTROPY, wrt="W", assume={"T": "onehot"}).markdown(lang=language)
    assert page.index(top) < page.index(place)
    assert place not in derive(ENTROPY, wrt="W").markdown(lang=language)


@pytest.mark.parametrize(
    ("program", "formula"),
    [
        ("L = sum((A @ x - y)**2)", "2*tril(outer(A @ x - y, x))"),
        ("L = logdet(A) + tr(A.T @ A @ B)", "tril(A @ (B + B.T) + inv(A).T)"),
    ],
)
def test_the_gradient_by_a_triangular_matrix_is_by_its_own_entries(
    program: str, formula: str
) -> None:
    """It is 0 above the diagonal, SymPy agrees, and the page says it; the one by all is wrong."""
    triangle = {"A": "lower"}
    found = gradient(program, wrt="A", assume=triangle)
    assert str(found) == formula
    assert "on and below its diagonal" in found.note
    assert derive(program, wrt="A", assume=triangle).second.status == "agrees"
    page = derive(program, wrt="A", assume=triangle).markdown(lang="zh")
    assert "下三角" in page
    assert matderiv.check(program, "A", formula, assume=triangle).status == "right"
    free = str(gradient(program, wrt="A"))
    assert matderiv.check(program, "A", free, assume=triangle).status == "wrong"


def test_a_triangular_matrix_is_known_of_other_inputs() -> None:
    """Its determinant is the product of its diagonal."""
    program, claim = "L = lam*logdet(A)", "sum(log(abs(diag(A))))"
    assert matderiv.check(program, "lam", claim).status == "wrong"
    assert matderiv.check(program, "lam", claim, assume={"A": "lower"}).status == "right"


@pytest.mark.parametrize(
    ("text", "assume", "found"),
    [
        ("tr(S)", [("S", "symmetric"), ("S", "positive")], "symmetric, positive"),
        ("assume S symmetric, psd; tr(S)", None, "psd"),
        ("assume S positive and psd; tr(S)", None, "psd, positive"),
        ("assume S positive; tr(S)", {"S": "symmetric"}, "symmetric, positive"),
        ("tr(S)", {"S": "psd,diagonal"}, "diagonal, psd"),
    ],
)
def test_several_things_are_assumed_of_an_input(text: str, assume: Any, found: str) -> None:
    """They go together in any order, and what follows is left out."""
    made = gradient(text, assume=assume)
    assert made.assume == {"S": found}
    page = derive(text, assume=assume)
    assert page.markdown(lang="en") != page.markdown(lang="zh")
    assert verify_certificate.outcome(json.loads(page.json()))[0] == 0


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("symmetric, lower", "write diagonal"),
        ("diagonal, positive", "write diagonal, psd"),
        ("psd, orthogonal", "write eye(N) for it"),
        ("orthogonal, symmetric", "what goes together: symmetric and positive, psd and positive"),
    ],
)
def test_what_does_not_go_together_is_refused(what: str, message: str) -> None:
    """Each reason says what to write instead."""
    with pytest.raises(InputError, match=re.escape(message)):
        gradient("x @ S @ x", assume={"S": what})
