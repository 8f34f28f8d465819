"""Claims about whole programs: right ones are proved, and of wrong ones the mistake is named."""

from __future__ import annotations

import json

import pytest

from matderiv.checking.check import check
from matderiv.errors import InputError
from matderiv.testing import assert_gradient

RIDGE = "L = sum((X @ W - T)**2) + lam*sum(W**2)"
ATTENTION = "P = softmax(Q @ K.T, axis=1); O = P @ V; L = Loss(O)"
LAYERS = "H = f(X @ W); Y = H @ V; L = Loss(Y)"
BIASED = "H = relu(X @ W + b); Y = H @ V; L = Loss(Y)"
ENTROPY = "Z = X @ W; L = sum(logsumexp(Z, axis=1)) - sum(T*Z)"
GAUSS = "L = logdet(S) + y @ inv(S) @ y"
TWICE = "H = relu(X @ W); Y = H @ V + H @ U; L = Loss(Y)"


@pytest.mark.parametrize(
    ("program", "wrt", "claim"),
    [
        (RIDGE, "W", "2*X.T @ X @ W - 2*X.T @ T + 2*lam*W"),
        (RIDGE, "lam", "sum(W*W)"),
        (ATTENTION, "Q", "(P*(dP - sum(dP*P, axis=1, keepdims=True))) @ K"),
        (ATTENTION, "V", "softmax(Q @ K.T, axis=1).T @ dLoss(O)"),
        (LAYERS, "W", "X.T @ (dH*df(X @ W))"),
        (LAYERS, "W", "X.T @ ((dLoss(Y) @ V.T)*df(X @ W))"),
        (GAUSS, "S", "inv(S).T - outer(inv(S).T @ y, inv(S) @ y)"),
        ("L = norm(A @ x - b)", "x", "A.T @ (A @ x - b)/norm(A @ x - b)"),
        ("L = mean((X @ w - y)**2)", "w", "2*X.T @ (X @ w - y)/N"),
        ("L = sum(erf(X))", "X", "2*exp(-X**2)/sqrt(pi)"),
    ],
)
def test_right_claims_are_proved_for_all_sizes(program: str, wrt: str, claim: str) -> None:
    """The gradient in other words, upstream gradients named or worked out, is proved."""
    report = check(program, wrt, claim)
    assert (report.status, report.decision.index) == ("right", True)
    assert report.text().startswith(f"Right: {claim} is the gradient of L with respect to {wrt}.")


#: Programs, claims, what is said of them, and the value in whose gradient the mistake is.
MISTAKES = [
    (RIDGE, "W", "2*X.T @ (X @ W - T) + lam*W", "A number is wrong: 2*X.T @ (X @ W - T) + lam*W must be 2*X.T @ (X @ W - T) + 2*lam*W.", "W"),
    (RIDGE, "W", "2*X.T @ (X @ W - T)", "W is used more than once, and what one use adds is left out: 2*X.T @ (X @ W - T) must be 2*X.T @ (X @ W - T) + 2*lam*W.", "W"),
    (RIDGE, "W", "2*X @ (X @ W - T) + 2*lam*W", "X lost its transpose: it must be X.T.", "W"),
    (RIDGE, "W", "2*X.T @ (X @ W + T) + 2*lam*W", "A sign is wrong: X @ W + T must be X @ W - T.", "Z"),
    (RIDGE, "lam", "2*sum(W**2)", "The constant factor is wrong: the claim is 2 times the gradient.", "lam"),
    (RIDGE, "W", "X.T @ (X @ W - T) + lam*W", "The constant factor is wrong: the claim is 0.5 times the gradient.", "W"),
    (ATTENTION, "Q", "P*(dP - sum(dP*P)) @ K", "A sum runs along the wrong axis or leaves the wrong shape: sum(dP*P) must be sum(dP*P, axis=1, keepdims=True).", "Z"),
    (ATTENTION, "Q", "P*dP @ K", "A term is missing: (P*dP) @ K must be (P*dP) @ K - (P*sum(dO*O, axis=1, keepdims=True)) @ K.", "Q"),
    (ATTENTION, "V", "P @ dO", "P lost its transpose: it must be P.T.", "V"),
    (ATTENTION, "K", "P*(dP - sum(dP*P, axis=1, keepdims=True)) @ Q", "lost its transpose: it must be (P*(dP - sum(dP*P, axis=1, keepdims=True))).T.", "K"),
    (LAYERS, "W", "X.T @ dH", "A factor of the chain rule is missing: dH must be dH*df(X @ W).", "Z"),
    (LAYERS, "W", "X.T @ (dH*f(X @ W))", "The derivative is left out: f(X @ W) must be df(X @ W).", "Z"),
    (LAYERS, "W", "X.T @ (dLoss(Y) @ V*df(X @ W))", "V lost its transpose: it must be V.T.", "H"),
    (LAYERS, "W", "X.T @ (dY*df(X @ W))", "A factor is missing: dY must be dY @ V.T.", "H"),
    (BIASED, "b", "dH*step(X @ W + b)", "A sum is missing: dH*step(X @ W + b) must be sum(dH*step(X @ W + b), axis=0).", "b"),
    (BIASED, "b", "sum(dH*step(X @ W + b), axis=1)", "must be sum(dH*step(X @ W + b), axis=0).", "b"),
    (BIASED, "W", "X.T @ dH", "A factor of the chain rule is missing: dH must be dH*step(X @ W + b).", "Z"),
    (BIASED, "b", "sum(dY @ V*step(X @ W + b), axis=0)", "V lost its transpose: it must be V.T.", "H"),
    (ATTENTION, "K", "(P*(dP - sum(dP*P, axis=1, keepdims=True))).T @ K", "K stands where Q belongs.", "K"),
    (TWICE, "W", "X.T @ (dY @ V.T*step(X @ W))", "H is used more than once, and what one use adds is left out: dY @ V.T must be dY @ V.T + dY @ U.T.", "H"),
    (ENTROPY, "W", "X.T @ (softmax(Z, axis=0) - T)", "softmax(Z, axis=0) must be softmax(Z, axis=1).", "Z"),
    (ENTROPY, "W", "X.T @ (exp(Z) - T)", "exp(Z) stands where softmax(Z, axis=1) belongs.", "Z"),
    (GAUSS, "S", "inv(S).T + outer(inv(S).T @ y, inv(S) @ y)", "A sign is wrong:", "S"),
    (GAUSS, "S", "S.T - outer(inv(S).T @ y, inv(S) @ y)", "An inverse is left out: S.T must be inv(S.T).", "S"),
    ("L = logdet(S)", "S", "inv(S)", "It is right up to a transpose of the whole: inv(S) must be inv(S).T.", "S"),
    ("L = norm(A @ x - b)", "x", "A.T @ (A @ x - b)", "A factor of the chain rule is missing:", "v"),
    ("L = mean((X @ w - y)**2)", "w", "2*X.T @ (X @ w - y)", "The constant factor is wrong: the claim is N times the gradient.", "w"),
    ("L = sum(f(A @ x)) + sum(f(B @ y))", "x", "B.T @ df(B @ y)", "It is the gradient with respect to y.", "x"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("program", "wrt", "claim", "words", "of"), MISTAKES, ids=[m[2] for m in MISTAKES]
)
def test_each_mistake_is_named(program: str, wrt: str, claim: str, words: str, of: str) -> None:
    """The sentence names the part, the line is that of the value where it happened.

    The claim set right is the gradient, by a check of its own.
    """
    report = check(program, wrt, claim)
    text = report.text()
    assert report.status == "wrong"
    assert words in text
    assert of == (wrt if report.cause is None else report.cause.of)
    assert report.line is not None
    entry = of[0].lower() + of[1:] if of != "lam" else "λ"
    assert report.line.text.startswith((f"∂L/∂{entry}_", f"∂L/∂{entry} = ", f"(∂L/∂{entry}_"))
    assert "{" not in report.text("zh")
    if report.cause is None:
        assert claim == "B.T @ df(B @ y)"  # the gradient by another name
    else:
        repaired = report.question.source(report.cause.repaired)
        assert check(program, wrt, repaired).status == "right"


def test_a_mistake_behind_the_formula_is_followed_to_it() -> None:
    """A claim in other words than ours is told what it is, and in which step the mistake lies."""
    claim = "sum(dY, axis=0) @ V.T + 0*b"
    text = check("H = X @ W + b; Y = f(H) @ V; L = Loss(Y)", "b", claim).text()
    assert "It is the same as sum(dY @ V.T, axis=0)." in text
    assert "The mistake is in the step to ∂L/∂H." in text
    assert "The line of the derivation that decides: ∂L/∂h_pq = " in text


def test_wrong_claims_that_hold_no_single_mistake_differ_at_an_entry() -> None:
    """Where no change makes a claim right, both entries are shown in symbols and in numbers."""
    report = check(RIDGE, "W", "sin(W) + X.T @ X @ W*W")
    assert report.cause is None
    assert report.difference is not None
    assert report.difference.claim_value != report.difference.gradient_value
    assert "w_11" in dict(report.difference.point)
    for lang in ("en", "zh"):
        assert report.difference.claim_value in report.text(lang)
        assert report.gradient in report.text(lang)


def test_a_structure_that_is_forgotten_is_named() -> None:
    """The gradient by all entries is not that by the entries of a symmetric matrix."""
    assume = {"S": "symmetric"}
    right = check("L = logdet(S)", "S", "2*inv(S) - inv(S)*eye(2)", assume=assume)
    assert (right.status, right.decision.index) == ("right", True)
    wrong = check("L = tr(A @ S)", "S", "A.T", assume=assume)
    words = "S has a structure, and A.T treats all its entries as free: it must be A + A.T - A*eye"
    assert words in wrong.text()
    assert wrong.line is not None
    assert wrong.line.text == "∂L/∂S + (∂L/∂S)ᵀ - ∂L/∂S ⊙ I_N = A + Aᵀ - A ⊙ I_N"


@pytest.mark.long
def test_shapes_that_do_not_fit_are_named() -> None:
    """A claim that cannot be worked out, or has another shape, is wrong for that reason."""
    inner = check(RIDGE, "W", "X @ (X @ W - T)")
    said = "X is N×D (2×4) and X @ W - T is N×M (2×3); the inner sizes 4 and 2 differ."
    assert said in inner.text()
    assert "X 是 N×D（2×4），X @ W - T 是 N×M（2×3）" in inner.text("zh")
    assert json.loads(inner.json())["misfit"] == {
        "kind": "inner",
        "part": "X @ (X @ W - T)",
        "left": "X",
        "right": "X @ W - T",
        "left_shape": [2, 4],
        "right_shape": [2, 3],
    }
    whole = check(RIDGE, "W", "(X @ W - T).T @ X").text()
    said = "(X @ W - T).T @ X is M×D (3×4), but a gradient with respect to W has the shape of W"
    assert f"{said}, D×M (4×3)." in whole
    square = dict.fromkeys("XWT", (3, 3))  # M×D fits D×M at these sizes
    transposed = check(RIDGE, "W", "2*(X @ W - T).T @ X + 2*lam*W.T", shapes=square)
    assert transposed.misfit is not None
    assert "It is right up to a transpose of the whole" in transposed.text()
    apart = check(RIDGE, "W", "X + W").text()
    assert "X is N×D (2×4) and W is D×M (4×3); entry by entry, sizes must be equal or 1." in apart


def test_what_is_not_there_is_refused() -> None:
    """Names that mean nothing in the program are refused with those that do."""
    with pytest.raises(InputError, match="There is no name dQ here; there are X, W, T, lam"):
        check(RIDGE, "W", "X.T @ dQ")
    with pytest.raises(InputError, match="There is no Q in the program"):
        check(RIDGE, "Q", "X.T")


@pytest.mark.parametrize(
    ("program", "wrt", "claim"),
    [
        ("L = lam*sum(X @ W)", "X", "dY @ W.T"),
        (RIDGE, "W", "X.T @ dY + 2*lam*W"),
        (RIDGE, "W", "2*X.T @ (Z - T) + 2*lam*W"),
        ("L = Loss(softmax(X @ W, axis=1) @ V)", "X", "dY @ W.T"),
        ("L = sum(f(X @ W))", "X", "df(Z) @ W.T"),
        ("L = sum(Y*(X @ W))", "X", "dZ @ W.T"),
    ],
)
def test_values_without_a_name(program: str, wrt: str, claim: str) -> None:
    """A first product without a name is Y where that is free; others go by their names on pages."""
    assert check(program, wrt, claim).status == "right"


def test_lines_and_repairs_are_short() -> None:
    """The gradient decides where its entry is long; a claim set right has no factors of 1."""
    text = check("L = std(X)", "X", "(X - mean(X))/(4*std(X))").text()
    assert "the claim is N*D/4 times the gradient" in text
    assert "that decides: ∂L/∂x_pq = (x_pq - (Σ_km x_km)/(ND))/(NDL)\n" in text
    program = "L = sum(log_softmax(X, axis=1)*T)"
    text = check(program, "X", "T - 2*softmax(X, axis=1)*sum(T, axis=1, keepdims=True)").text()
    assert "Right is T - softmax(X, axis=1)*sum(T, axis=1, keepdims=True), which" in text
    assert "that decides: ∂L/∂x_pq = ∂L/∂z_pq - Σ_j ∂L/∂z_pj·e^x_pq/(Σ_k e^x_pk), where" in text


def test_answers_for_programs_and_suites() -> None:
    """JSON holds the same facts as for one product; an assertion fails with the text."""
    made = json.loads(check(LAYERS, "W", "X.T @ dH").json())
    assert (made["verdict"], made["gradient"]) == ("wrong", "X.T @ (dH*df(X @ W))")
    assert made["causes"] == [{"kind": "chain", "before": "dH", "after": "dH*df(X @ W)"}]
    assert made["repaired"] == made["gradient"]
    assert made["gradient_of"] is None
    assert made["line"] == "∂L/∂z_pq = ∂L/∂h_pq·f′(z_pq)"
    assert made["entry"]["place"] == [1, 1]
    made = json.loads(check(RIDGE, "lam", "2*sum(W**2)").json())
    assert float(made["entry"]["claim_value"]) == 2 * float(made["entry"]["gradient_value"])
    assert_gradient(RIDGE, "lam", "sum(W**2)")
    with pytest.raises(AssertionError, match="Right is sum"):
        assert_gradient(RIDGE, "lam", "2*sum(W**2)")


@pytest.mark.parametrize(
    ("wrt", "claim"),
    [
        ("X", "diag(lam)"),
        ("lam", "tr(2)"),
        ("W", "X.T @ (X @ W - T)/norm(X - T)"),
        ("W", "X.T @ (X @ W - T)/det(X)"),
    ],
)
def test_parts_that_have_no_value_are_misfits(wrt: str, claim: str) -> None:
    """What is of no square matrix or no vectors is refused, also where a number is made of it."""
    report = check(RIDGE, wrt, claim)
    assert report.status == "wrong"
    assert report.misfit is not None
