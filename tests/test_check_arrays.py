"""Claims about Jacobians and Hessians: right ones proved, wrong ones refused with the mistake."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

import matderiv
from matderiv.errors import InputError, MatderivError
from matderiv.testing import assert_hessian, assert_jacobian, check_hvp

LOGISTIC = "p = sigmoid(X @ w); L = -sum(y*log(p) + (1 - y)*log(1 - p))"

RIGHT = [
    ("jacobian", "A @ x", "x", "A"),
    ("jacobian", "relu(A @ x)", "x", "J = diag(step(A @ x)) @ A"),
    ("jacobian", "s = softmax(A @ x)", "x", "(diag(s) - outer(s, s)) @ A"),
    ("jacobian", "inv(A + theta*B)", "theta", "-inv(A + theta*B) @ B @ inv(A + theta*B)"),
    ("jacobian", "sum(f(x))", "x", "df(x)"),
    ("jacobian", "s = softmax(x)", "x", "∂s_i/∂x_j = s_i δ_ij - s_i s_j"),
    ("jacobian", "f(A @ x)", "x", "∂y_i/∂x_p = f′(Σ_k a_ik x_k) a_ip"),
    ("hessian", "x @ A @ x", "x", "∂²L/∂x_i∂x_j = a_ij + a_ji"),
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
    ("jacobian", "s = softmax(x)", "x", "∂s_i/∂x_j = -s_i s_j", "s_p·δ_ip"),
    ("jacobian", "A @ x", "x", "∂y_i/∂x_j = a_ji", "the other layout"),
    ("hessian", "x @ A @ x", "x", "∂²L/∂x_i∂x_j = a_ij", "The symmetric part is missing"),
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
    assert found.text() == (
        "Right if A is symmetric. In general: A + A.T.\nA: a matrix; x: a vector\n"
    )
    assumed = matderiv.check("x @ A @ x", "x", "2*A", kind="hessian", assume={"A": "symmetric"})
    assert assumed.status == "right"


# ---- Arrays of three and four axes ---------------------------------------------------------

#: Kind, program and input; of each, every form that the package prints is a claim that is right.
FOURS = [
    ("jacobian", "A @ X @ B", "X"),
    ("jacobian", "X.T @ A @ X", "X"),
    ("jacobian", "inv(X)", "X"),
    ("jacobian", "det(X)*inv(X)", "X"),
    ("jacobian", "tr(A)*A", "A"),
    ("jacobian", "tanh(X @ W + b)", "W"),
    ("jacobian", "tanh(X @ W + b)", "b"),
    ("jacobian", "X.T @ w", "X"),
    ("jacobian", "outer(x, x)", "x"),
    ("jacobian", "x*A", "x"),
    ("jacobian", "softmax(X, axis=1)", "X"),
    ("hessian", "logdet(X)", "X"),
    ("hessian", "tr(X.T @ A @ X)", "X"),
    ("hessian", "sum(f(A @ X))", "X"),
    ("hessian", "sum((A @ X - B)**2)", "X, B"),
]


@pytest.mark.parametrize("form", ["einsum", "vec", "index"])
@pytest.mark.parametrize(("kind", "program", "wrt"), FOURS)
def test_every_form_is_read_as_it_is_printed(kind: str, program: str, wrt: str, form: str) -> None:
    """What the package prints in a form is proved as a claim."""
    names = wrt.split(", ") if kind == "hessian" else wrt
    derivative = getattr(matderiv, kind)
    try:
        claim = str(derivative(program, wrt=names, form=form))
    except InputError:
        assert form == "vec"  # a softmax, for which there is no product by ⊗
        return
    report = matderiv.check(program, wrt, claim, kind=kind)
    assert report.status == "right", report.text()


#: Kind, program and input, a wrong claim, the words of the mistake, and what is put in its place.
SLIPS = [
    # the other layout
    ("jacobian", "A @ X", "X", "einsum('ip,jq->pqij', A, eye(M))", "other layout", "->ijpq"),
    ("jacobian", "A @ X @ B", "X", "kron(B.T, A).T", "other layout", "must be kron(B.T, A)."),
    ("jacobian", "A @ X @ B", "X", "J_pqij = a_ip*b_qj", "other layout", "∂y_ij/∂x_pq = b_qj·a_ip"),
    # a diagonal
    ("jacobian", "f(X)", "X", "einsum('ij,ip->ijp', df(X), eye(N))", "shape does not fit", ""),
    ("jacobian", "f(X)", "X", "df(X)", "diagonal matrix is left out", "'ij,ip,jq->ijpq', df(X)"),
    ("jacobian", "f(X)", "X", "vec(df(X))", "diagonal matrix is left", "diag(vec(df(X)))"),
    ("jacobian", "f(X)", "X", "∂y_ij/∂x_pq = f′(x_ij)", "diagonal matrix is", "·δ_ip·δ_jq"),
    # the symmetric part of a Hessian
    ("hessian", "tr(X.T @ A @ X)", "X", "einsum('ip,jq->ijpq', A, eye(N))", "symmetric part", ""),
    ("hessian", "tr(X.T @ A @ X)", "X", "kron(eye(N), A)", "symmetric part", "kron(eye(N), A.T)"),
    ("hessian", "tr(X.T @ A @ X)", "X", "H_ijpq = a_ip δ_jq", "symmetric part", ""),
    # a factor
    ("hessian", "sum(X**2)", "X", "einsum('ip,jq->ijpq', eye(N), eye(D))", "0.5 times", ""),
    ("hessian", "sum(X**2)", "X", "eye(N*D)", "0.5 times", "Right is 2*eye("),
    ("hessian", "sum(X**2)", "X", "∂²L/∂x_ij∂x_pq = δ_ip δ_jq", "0.5 times", ""),
    # the second term of the product rule
    ("jacobian", "X.T @ X", "X", "einsum('pj,iq->ijpq', X, eye(N))", "A term is missing", "'pi,jq"),
    ("jacobian", "X.T @ X", "X", "kron(eye(N), X.T)", "A term is missing", "@ K"),
    ("jacobian", "X.T @ X", "X", "J_ijpq = x_pj δ_iq", "A term is missing", "x_pi·δ_jq"),
    ("jacobian", "outer(x, x)", "x", "einsum('j,ip->ijp', x, eye(N))", "A term is missing", ""),
    # the order of vec
    ("jacobian", "A @ X @ B", "X", "kron(A, B.T)", "row by row", "must be kron(B.T, A)"),
    ("jacobian", "X @ w", "X", "kron(eye(N), w)", "row by row", "must be kron(w, eye(N))"),
    ("jacobian", "inv(X)", "X", "-kron(inv(X), inv(X).T)", "row by row", "-kron(inv(X).T, inv(X))"),
    # indices and transposes, a sign, the chain rule
    ("jacobian", "inv(X)", "X", "-einsum('jq,ip->ijpq', inv(X), inv(X))", "exchanged", "'qj,ip"),
    ("jacobian", "A @ X @ B", "X", "kron(B, A)", "exchanged", "must be kron(B.T, A)"),
    ("jacobian", "inv(X)", "X", "J_ijpq = -(X^(-1))_qj (X^(-1))_pi", "exchanged", ""),
    ("hessian", "logdet(X)", "X", "-kron(inv(X), inv(X).T)", "exchanged", "@ K"),
    ("jacobian", "inv(X)", "X", "kron(inv(X).T, inv(X))", "The sign is wrong", ""),
    (
        "jacobian",
        "tanh(A @ X)",
        "X",
        "kron(eye(M), A)",
        "chain rule",
        "diag(vec(1 - tanh(A @ X)**2))",
    ),
    # a size of an identity matrix
    ("jacobian", "A @ X", "X", "kron(eye(D), A)", "shape does not fit", "kron(eye(M), A)"),
    ("jacobian", "X.T @ X", "X", "einsum('pj,iq->ijpq', X, eye(D))", "must be", "eye(N)"),
]


@pytest.mark.parametrize("case", SLIPS, ids=lambda case: case[3])
def test_mistakes_in_arrays_of_more_axes(case: tuple[str, ...]) -> None:
    """Each is named, and what is right stands there in the form of the claim."""
    kind, program, wrt, claim, words, right = case
    report = matderiv.check(program, wrt, claim, kind=kind)
    assert report.status == "wrong", report.text()
    assert words in report.text()
    assert right in report.text()
    assert claim.rpartition("_pqij = ")[2].rpartition("_ijpq = ")[2] in report.text()


@pytest.mark.parametrize(
    ("claim", "words"),
    [
        ("kron(B.T)", "kron"),
        ("kron(B.T, sum(A))", "is no matrix"),
        ("kron(B.T, A) + 1", "multiply it by eye"),
        ("kron(B.T, A)*kron(B.T, A)", "multiplied with @"),
        ("kron(B.T, A) @ kron(B.T, A)", "do not fit"),
        ("kron(B.T, A) + vec(A)", "column vec"),
        ("kron(eye(Z), A)", "size Z is not known"),
        ("eye(N*N)", "write eye"),
        ("a_ip b_qj δ_", "on the left|cannot be read"),
        ("∂y_ij/∂x_pq = a_ip b_qz", "belongs to no array|is no entry|not the Jacobian"),
        ("∂y_ij/∂x_pq = a_ip c_qj", "c_qj is no entry here"),
        ("∂y_ij/∂x_p = a_ip", "4 axes"),
        ("∂y_ij/∂x_pq = (a_ip b_qj", "bracket is not closed"),
        ("∂y_ij/∂x_pq = a_ip b_qj)", "cannot be read"),
        ("∂y_ij/∂x_pq = a_ip b_qj ?", "cannot be read"),
        ("∂y_ij/∂x_pq =", "ends where"),
        ("∂y_ij/∂x_pq = δ_iz δ_jq", "belongs to no array"),
        ("∂y_ij/∂x_pq = sin a_ip b_qj", "sin"),
    ],
)
def test_claims_that_cannot_be_read(claim: str, words: str) -> None:
    """One line says what is wrong with the text."""
    try:
        report = matderiv.check("A @ X @ B", "X", claim, kind="jacobian")
    except MatderivError as error:
        assert re.search(words, str(error)), str(error)
        assert "\n" not in str(error)
    else:
        assert report.status == "wrong"
        assert re.search(words, report.text()), report.text()


def test_refused_claims() -> None:
    """Other kinds are refused in one line."""
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


#: Kind, program, input, and what is left of the Jacobian or Hessian without one of its terms.
HALVES = [
    ("hessian", "sum((x*x - b)**2)", "x", "8*diag(x**2)"),
    ("hessian", "sum(tanh(X @ w)**2)", "w", "2*X.T @ diag((1 - tanh(X @ w)**2)**2) @ X"),
    (
        "hessian",
        "s = sigmoid(X @ w); L = sum(s**2)",
        "w",
        "2*X.T @ diag((s*(1 - s))**2) @ X",
    ),
    ("hessian", "exp(x.T @ A @ x)", "x", "L*outer((A + A.T) @ x, (A + A.T) @ x)"),
    ("jacobian", "x*softmax(x)", "x", "diag(softmax(x))"),
]


@pytest.mark.parametrize(("kind", "program", "wrt", "claim"), HALVES)
def test_a_forgotten_term_of_the_product_rule(
    kind: str, program: str, wrt: str, claim: str
) -> None:
    """It is named, and what is put in place of the claim is right."""
    report = matderiv.check(program, wrt, claim, kind=kind)
    assert "term of the product rule is forgotten" in report.text()
    assert ("Gauss-Newton" in report.text()) == (kind == "hessian")
    assert "乘积法则" in report.text("zh")
    repaired = json.loads(report.json())["repaired"]
    assert matderiv.check(program, wrt, repaired, kind=kind).status == "right"
    off = matderiv.check(program, wrt, f"({claim}) + diag(7*{wrt})", kind=kind)
    assert "product rule" not in off.text()
