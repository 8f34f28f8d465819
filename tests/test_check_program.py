"""Claims about whole programs: right ones are proved, wrong ones differ at an entry."""

from __future__ import annotations

import json

import pytest

from matderiv.checking.check import check
from matderiv.checking.program import ProgramReport
from matderiv.errors import InputError
from matderiv.testing import assert_gradient

RIDGE = "L = sum((X @ W - T)**2) + lam*sum(W**2)"
ATTENTION = "P = softmax(Q @ K.T, axis=1); O = P @ V; L = Loss(O)"
LAYERS = "H = f(X @ W); Y = H @ V; L = Loss(Y)"


@pytest.mark.parametrize(
    ("program", "wrt", "claim"),
    [
        (RIDGE, "W", "2*X.T @ X @ W - 2*X.T @ T + 2*lam*W"),
        (RIDGE, "lam", "sum(W*W)"),
        (ATTENTION, "Q", "(P*(dP - sum(dP*P, axis=1, keepdims=True))) @ K"),
        (ATTENTION, "V", "softmax(Q @ K.T, axis=1).T @ dLoss(O)"),
        (LAYERS, "W", "X.T @ (dH*df(X @ W))"),
        (LAYERS, "W", "X.T @ ((dLoss(Y) @ V.T)*df(X @ W))"),
        ("L = logdet(S) + y @ inv(S) @ y", "S", "inv(S).T - outer(inv(S).T @ y, inv(S) @ y)"),
        ("L = norm(A @ x - b)", "x", "A.T @ (A @ x - b)/norm(A @ x - b)"),
    ],
)
def test_right_claims_are_proved_for_all_sizes(program: str, wrt: str, claim: str) -> None:
    """The gradient in other words, upstream gradients named or worked out, is proved."""
    report = check(program, wrt, claim)
    assert isinstance(report, ProgramReport)
    assert (report.status, report.verdict.index) == ("right", True)
    assert report.text().startswith(f"Right: {claim} is the gradient of L with respect to {wrt}.")


@pytest.mark.parametrize(
    ("program", "wrt", "claim"),
    [
        (RIDGE, "W", "2*X.T @ (X @ W - T) + lam*W"),
        (RIDGE, "lam", "2*sum(W**2)"),
        (ATTENTION, "Q", "P*(dP - sum(dP*P)) @ K"),
        (LAYERS, "W", "X.T @ (dH*f(X @ W))"),
        ("L = logdet(S)", "S", "inv(S)"),
        ("L = norm(A @ x - b)", "x", "A.T @ (A @ x - b)"),
    ],
)
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_wrong_claims_differ_at_an_entry(program: str, wrt: str, claim: str, lang: str) -> None:
    """What is wrong is shown by numbers that differ, with the inputs they are at."""
    report = check(program, wrt, claim)
    assert isinstance(report, ProgramReport)
    assert report.status == "wrong"
    assert report.difference is not None
    assert report.difference.claim != report.difference.gradient
    assert report.difference.claim in report.text(lang)
    assert report.gradient in report.text(lang)


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
    transposed = check(RIDGE, "W", "2*(X @ W - T).T @ X", shapes=square)
    assert transposed.misfit is None
    assert transposed.difference is not None
    apart = check(RIDGE, "W", "X + W").text()
    assert "X is N×D (2×4) and W is D×M (4×3); entry by entry, sizes must be equal or 1." in apart


def test_what_is_not_there_is_refused() -> None:
    """Names that mean nothing in the program are refused with those that do."""
    with pytest.raises(InputError, match="There is no name dZ here; there are X, W, T, lam"):
        check(RIDGE, "W", "X.T @ dZ")
    with pytest.raises(InputError, match="There is no Q in the program"):
        check(RIDGE, "Q", "X.T")


def test_answers_for_programs_and_suites() -> None:
    """JSON holds the verdict and the entry; an assertion fails with the text."""
    made = json.loads(check(RIDGE, "lam", "2*sum(W**2)").json())
    assert (made["verdict"], made["gradient"], made["entry"]["place"]) == ("wrong", "sum(W**2)", [])
    assert float(made["entry"]["claim_value"]) == 2 * float(made["entry"]["gradient_value"])
    assert_gradient(RIDGE, "lam", "sum(W**2)")
    with pytest.raises(AssertionError, match="Right is sum"):
        assert_gradient(RIDGE, "lam", "2*sum(W**2)")
