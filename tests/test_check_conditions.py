"""A wrong claim that is right under an assumption: it is found, proved and said."""

from __future__ import annotations

import json

import pytest

from matderiv import check
from matderiv.calculus.sweep.conditions import conditions
from matderiv.calculus.sweep.task import read_task
from matderiv.checking.question import Question
from matderiv.handout.texts import languages

ENTROPY = "P = softmax(X @ W, axis=1); L = -sum(T*log(P))"

#: A program, the input, a claim that is wrong, the assumption under which it is right, and words.
CASES = [
    (
        ENTROPY, "W", "X.T @ (P - T)", {"T": "stochastic"},
        "Right if every row of T sums to 1, as one-hot labels do. In general: X.T @ (P*sum(T, axis=1, keepdims=True) - T).",
    ),
    (
        "L = -sum(t*log(softmax(z)))", "z", "softmax(z) - t", {"t": "stochastic"},
        "Right if the entries of t sum to 1, as those of a one-hot label do. In general: sum(t)*softmax(z) - t.",
    ),
    (
        "L = sum(T**2*X)", "X", "T", {"T": "onehot"},
        "Right if every row of T is one-hot: one entry is 1, the others are 0. In general: T**2.",
    ),
    ("x @ A @ x", "x", "2*A @ x", {"A": "symmetric"}, "Right if A is symmetric. In general: "),
    ("x.T @ A @ x + b.T @ x", "x", "2*A @ x + b", {"A": "symmetric"}, "Right if A is symmetric. In "),
    ("1/2*x.T @ Q @ x - b.T @ x", "x", "Q @ x - b", {"Q": "symmetric"}, "Right if Q is symmetric. "),
    ("sum((Q @ x)**2)", "x", "2*x", {"Q": "orthogonal"}, "Right if Q is orthogonal. In general: "),
    (
        "x @ A @ x + x @ B @ x", "x", "2*(A + B) @ x", {"A": "symmetric", "B": "symmetric"},
        "Right if A is symmetric, and B is symmetric. In general: ",
    ),
    ("sum(w*abs(p))", "w", "p", {"p": "positive"}, "Right if every entry of p is positive. In "),
    ("abs(lam)*sum(x)", "x", "lam*ones(N)", {"lam": "positive"}, "Right if lam is positive. In "),
]  # fmt: skip


@pytest.mark.parametrize(("program", "wrt", "claim", "assume", "words"), CASES)
def test_the_condition_is_found_and_is_right(
    program: str, wrt: str, claim: str, assume: dict[str, str], words: str
) -> None:
    """The claim is wrong as it stands, says why it is not quite, and is right when that is said."""
    found = check(program, wrt, claim)
    assert found.status == "wrong"
    assert found.text().startswith(words)
    assert json.loads(found.json())["condition"]["assume"] == assume
    assert check(program, wrt, claim, assume=assume).status == "right"
    general = json.loads(found.json())["condition"]["otherwise"]
    assert check(program, wrt, general).status == "right"


@pytest.mark.parametrize(
    ("program", "wrt", "claim"),
    [
        (ENTROPY, "W", "X.T @ (T - P)"),
        (ENTROPY, "W", "X.T @ (P - 2*T)"),
        ("P = softmax(X, axis=0); L = -sum(T*log(P))", "X", "P - T"),
        ("x @ A @ x", "x", "A @ x"),
        ("sum((Q @ x)**2)", "x", "3*x"),
        ("L = sum(T**2*X)", "X", "2*T"),
        ("sum(w*abs(p))", "w", "-p"),
    ],
)
def test_no_condition_is_made_up(program: str, wrt: str, claim: str) -> None:
    """What no assumption makes right is wrong, as before."""
    found = check(program, wrt, claim)
    assert found.condition is None
    assert found.text().startswith("Wrong: ")


SYMMETRIC = [
    ("L = logdet(S)", "inv(S)", "inner"),
    ("L = logdet(S)", "2*inv(S) - inv(S)*eye(N)", "entries"),
    ("L = tr(A @ S)", "(A + A.T)/2", "inner"),
    ("L = tr(A @ S)", "A + A.T - A*eye(N)", "entries"),
    ("a @ S @ a", "outer(a, a)", "inner"),
    ("a @ S @ a", "2*outer(a, a) - outer(a, a)*eye(D)", "entries"),
]


@pytest.mark.parametrize(("program", "claim", "convention"), SYMMETRIC)
def test_both_gradients_by_a_symmetric_input_are_known(
    program: str, claim: str, convention: str
) -> None:
    """Asked for the one, a claim that is the other is told so; asked for neither, which it is."""
    other = "entries" if convention == "inner" else "inner"
    assume = {"S": "symmetric"}
    assert check(program, "S", claim, assume=assume, convention=convention).status == "right"
    wrong = check(program, "S", claim, assume=assume, convention=other)
    assert wrong.status == "wrong"
    assert f"is meant (--convention {convention})" in wrong.text()
    if "logdet" in program:  # the other may also be meant where A is symmetric
        assert f"is meant (--convention {convention})" in check(program, "S", claim).text()
    assert json.loads(wrong.json())["condition"]["convention"] == convention


def test_data_and_the_input_itself_are_symmetric_together() -> None:
    """Neither alone makes the claim right; both do, in the space of symmetric matrices."""
    program, claim = "logdet(S) + tr(inv(S) @ C)", "inv(S) - inv(S) @ C @ inv(S)"
    found = check(program, "S", claim)
    assert found.text().startswith("Right if C is symmetric, and S is symmetric and the gradient ")
    assume = json.loads(found.json())["condition"]["assume"]
    assert assume == {"C": "symmetric", "S": "symmetric"}
    assert check(program, "S", claim, assume=assume, convention="inner").status == "right"
    for name in assume:
        alone = check(program, "S", claim, assume={name: "symmetric"}, convention="inner")
        assert alone.status == "wrong"


@pytest.mark.parametrize(
    ("program", "claim"),
    [("sum((X @ W - T)**2)", "(X @ W - T) @ W.T"), ("sum(X*A)", "2*A"), ("sum(f(X))", "X")],
)
def test_nothing_is_derived_for_a_condition_that_a_point_refutes(
    program: str, claim: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A claim that is wrong at symmetric matrices too costs no derivation by one, in either sense."""
    monkeypatch.setattr(Question, "assuming", lambda *_: pytest.fail("derived anew"))
    assert check(program, "X", claim).status == "wrong"


def test_a_lost_transpose_stays_one() -> None:
    """Of data the slip is named first, and that it would not matter last."""
    text = check("y @ A @ A @ x", "x", "A @ A.T @ y").text()
    assert text.startswith("Wrong: ")
    assert "A lost its transpose: it must be A.T." in text
    assert text.splitlines()[-2] == "It is right if A is symmetric."


@pytest.mark.parametrize("language", languages())
def test_conditions_are_said_in_every_language(language: str) -> None:
    """No sentence lacks a field, and the input is named in it."""
    for program, wrt, claim, assume, _ in CASES:
        text = check(program, wrt, claim).text(language)
        assert all(f" {name} " in text for name in assume)


@pytest.mark.parametrize("shapes", [None, {"X": (4, 4)}])
def test_a_matrix_of_two_sizes_is_not_called_symmetric(
    shapes: dict[str, tuple[int, ...]] | None,
) -> None:
    """X is N×D, so the claim XXᵀ does not fit, and no symmetry of X mends that."""
    found = check("sum((X @ w - y)**2)", "w", "2*X @ X.T", kind="hessian", shapes=shapes)
    assert found.condition is None
    assert found.text().startswith("Wrong: ")


@pytest.mark.parametrize("claim", ["A**2", "2*A", "exp(A)"])
def test_a_matrix_that_is_not_square_where_other_sizes_are_equal(claim: str) -> None:
    """With D = 2 entries of a[:-1] and a of size 3, A is 3×2: it is not turned by anything."""
    report = check("L = sin(min(A, axis=0) @ a[:-1])", "A", claim)
    assert (report.status, report.condition) == ("wrong", None)


@pytest.mark.parametrize(
    ("program", "kinds"),
    [
        ("p = sigmoid(x); L = sum(log(p) + log(1 - p))", []),
        ("Q = softmax(X, axis=1); L = -sum(T*log(Q))", []),
        ("z = exp(x); p = z/sum(z); L = sum(log(p))", []),
        ("s = sqrt(sum(x**2) + eps); L = sum(x/s)", ["positive"]),
        ("r = sqrt(x); s = 1/r; L = sum(log(s))", ["positive"]),
        ("p = tanh(x); L = sum(log(1 - p))", ["positive"]),
        ("q = softmax(x); L = sum(log(1 - q))", ["positive"]),
        ("p = sigmoid(x); L = sum(log(p - 1))", ["positive"]),
        ("p = sigmoid(x); L = sum(1/(2 - p))", ["nonzero"]),
        ("s = sqrt(x); L = sum(1/(1 - s))", ["positive", "nonzero"]),
    ],
)
def test_conditions_that_always_hold_are_not_made(program: str, kinds: list[str]) -> None:
    """What a name stands for may be positive wherever the program has a value, and only then."""
    task = read_task(program, scalar=True)
    found = conditions(task.sweep.graph, task.sweep.lifted)
    assert [kind for kind, _ in found] == kinds
