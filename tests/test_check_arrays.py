"""Claims about Jacobians and Hessians: right ones proved, wrong ones refused with the mistake."""

from __future__ import annotations

import json

import numpy as np
import pytest

import matderiv
from matderiv.errors import InputError, UnsupportedError
from matderiv.testing import assert_hessian, assert_jacobian, check_hvp

LOGISTIC = "p = sigmoid(X @ w); L = -sum(y*log(p) + (1 - y)*log(1 - p))"

RIGHT = [
    ("jacobian", "A @ x", "x", "A"),
    ("jacobian", "relu(A @ x)", "x", "J = diag(step(A @ x)) @ A"),
    ("jacobian", "s = softmax(A @ x)", "x", "(diag(s) - outer(s, s)) @ A"),
    ("jacobian", "inv(A + theta*B)", "theta", "-inv(A + theta*B) @ B @ inv(A + theta*B)"),
    ("jacobian", "sum(f(x))", "x", "df(x)"),
    ("hessian", "x @ A @ x", "x", "A.T + A"),
    ("hessian", LOGISTIC, "w", "X.T @ diag(p*(1 - p)) @ X"),
    ("hessian", "sum(f(A @ x))", "x", "A.T @ diag(ddf(A @ x)) @ A"),
    ("hessian", "x @ A @ y", "x, y", "A"),
    ("hessian", "theta**3", "theta", "6*theta"),
]

#: Kind, program, input, claim, and the words of the mistake.
WRONG = [
    ("jacobian", "A @ x", "x", "A.T", "as the other layout has it"),
    ("jacobian", "f(A @ x)", "x", "df(A @ x)*A", "must be diag(df(A @ x)) @ A"),
    ("jacobian", "f(x)", "x", "df(x)", "A diagonal matrix is left out: df(x) must be diag(df(x))"),
    ("jacobian", "s = softmax(x)", "x", "diag(s)", "A term is missing"),
    ("jacobian", "s = softmax(x)", "x", "diag(s) + outer(s, s)", "A sign is wrong"),
    ("jacobian", "(A + theta*B) @ (C + theta*D)", "theta", "B @ (C + theta*D)", "is missing"),
    ("hessian", "x @ A @ x", "x", "A", "A term is missing: A must be A + A.T"),
    ("hessian", "sum((X @ w - y)**2)", "w", "X.T @ X", "0.5 times the Hessian"),
    ("hessian", LOGISTIC, "w", "X.T @ (p*(1 - p)) @ X", "must be X.T @ diag(p*(1 - p))"),
    ("hessian", "(x @ A @ x)**2", "x", "2*(x @ A @ x)*(A + A.T)", "is missing"),
]


@pytest.mark.parametrize(("kind", "program", "wrt", "claim"), RIGHT)
def test_right_claims(kind: str, program: str, wrt: str, claim: str) -> None:
    """They are proved for all sizes, however they are written."""
    report = matderiv.check(program, wrt, claim, kind=kind)
    assert report.status == "right", report.text()
    assert f"is the {kind.capitalize()} of" in report.text()
    facts = json.loads(report.json())
    assert (facts["kind"], facts["wrt"], facts["for_all_sizes"]) == (kind, wrt, True)


@pytest.mark.parametrize(("kind", "program", "wrt", "claim", "words"), WRONG)
def test_wrong_claims(kind: str, program: str, wrt: str, claim: str, words: str) -> None:
    """The mistake is named in both languages; the word gradient does not occur."""
    report = matderiv.check(program, wrt, claim, kind=kind)
    assert report.status == "wrong"
    assert words in report.text()
    assert "gradient" not in report.text()
    chinese = report.text("zh")
    assert {"jacobian": "雅可比矩阵", "hessian": "黑塞矩阵"}[kind] in chinese
    assert "梯度" not in chinese


def test_assumptions_under_which_a_claim_is_right() -> None:
    """2A is the Hessian of xᵀAx where A is symmetric."""
    found = matderiv.check("x @ A @ x", "x", "2*A", kind="hessian")
    assert found.text() == "Right if A is symmetric. In general: A + A.T.\n"
    assumed = matderiv.check("x @ A @ x", "x", "2*A", kind="hessian", assume={"A": "symmetric"})
    assert assumed.status == "right"


def test_refused_claims() -> None:
    """Arrays of more axes and other kinds are refused in one line."""
    with pytest.raises(UnsupportedError, match="has 4 axes"):
        matderiv.check("inv(X)", "X", "inv(X)", kind="jacobian")
    with pytest.raises(InputError, match="There is no kind 'hesse'"):
        matderiv.check("x @ A @ x", "x", "A", kind="hesse")


def test_assertions() -> None:
    """They pass for what is right and say what is wrong."""
    assert_jacobian("A @ x", "x", "A")
    assert_hessian("x @ A @ x", "x", "A + A.T")
    with pytest.raises(AssertionError, match="not the Jacobian of L"):
        assert_jacobian("A @ x", "x", "2*A")
    with pytest.raises(AssertionError, match="not the Hessian of L"):
        assert_hessian("x @ A @ x", "x", "A")


def test_products_with_the_hessian() -> None:
    """A right product passes; a wrong factor, shape or direction is said."""
    matrix, x, v = np.arange(6.0).reshape(2, 3), np.ones(3), np.array([1.0, -2.0, 0.5])

    def grad(x: np.ndarray) -> np.ndarray:
        return matrix.T @ np.exp(matrix @ x / 5) / 5

    def hvp(x: np.ndarray, v: np.ndarray) -> np.ndarray:
        return matrix.T @ (np.exp(matrix @ x / 5) * (matrix @ v)) / 25

    assert check_hvp(grad, hvp, (x,), v)
    with pytest.raises(AssertionError, match="2 times the right one"):
        check_hvp(grad, lambda x, v: 2 * hvp(x, v), (x,), v)
    with pytest.raises(AssertionError, match=r"The product has the shape \(1,\)"):
        check_hvp(grad, lambda x, v: hvp(x, v)[:1], (x,), v)
    with pytest.raises(InputError, match="The direction has the shape"):
        check_hvp(grad, hvp, (x,), v[:2])
    assert not check_hvp(grad, lambda x, v: -hvp(x, v), (x,), v, raise_exception=False)


def test_products_with_the_hessian_of_torch() -> None:
    """Functions of torch get tensors."""
    torch = pytest.importorskip("torch")
    matrix = torch.arange(4.0, dtype=torch.float64).reshape(2, 2)
    x, v = torch.ones(2, dtype=torch.float64), torch.tensor([1.0, 2.0], dtype=torch.float64)
    assert check_hvp(
        lambda x: 2 * matrix.T @ matrix @ x, lambda _, v: 2 * matrix.T @ matrix @ v, (x,), v
    )
