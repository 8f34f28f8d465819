"""LaTeX as input: what is read, and what is refused rather than guessed."""

from __future__ import annotations

import random

import numpy as np
import pytest

from matderiv.checking.check import check
from matderiv.errors import InputError, ProgramSyntaxError
from matderiv.expression.latex_input import latex_program
from matderiv.expression.latex_signs import is_latex
from matderiv.expression.numeric import numeric_value
from matderiv.expression.parse import parse
from matderiv.gradients import gradient

READ = [
    (
        r"\frac{1}{2}\lVert Xw - y\rVert_2^2 + \lambda w^\top w",
        "1/2*norm(X @ w - y)**2 + lam*w.T @ w",
    ),
    (r"Y = XW, \quad L = \sum_{ij} f(y_{ij})", "Y = X @ W; L = sum(f(Y))"),
    (r"x^{T} A x + b^\mathsf{T} x + c^{\mathrm T} x", "x.T @ A @ x + b.T @ x + c.T @ x"),
    (r"\operatorname{tr}(X^\top A X^{-1} B)", "tr(X.T @ A @ inv(X) @ B)"),
    (r"\mathrm{tr} X^{-\top} A", "tr(inv(X).T @ A)"),
    (r"\log\det X + \log|X^\top X| + \ln \det(A)", "logdet(X) + logdet(X.T @ X) + logdet(A)"),
    (r"\|AX - B\|_F^2 + \left\| x \right\|", "norm(A @ X - B)**2 + norm(x)"),
    (r"\frac{1}{2n}\sum_{i=1}^{n} (y_i - m_i)^2", "1/(2*n)*sum((y - m)**2)"),
    (r"\frac1N\sum_{i,j}\left( (XW)_{ij} - t_{ij} \right)^2", "1/N*sum((X @ W - T)**2)"),
    (r"\sum_{i=1}^n\sum_{j=1}^m X_{ij}^2", "sum(X**2)"),
    (r"\sum_i \log(1 + e^{-z_i})", "sum(log(1 + exp(-z)))"),
    (r"\sum_{ij} (A \odot \sigma(X W))_{ij}", "sum(A*sigmoid(X @ W))"),
    (
        r"\operatorname{tr}(X^2 + X^3) + \sum_{ij} (X^{\odot 2})_{ij}",
        "tr(X @ X + X @ X @ X) + sum(X**2)",
    ),
    (r"a^\top u v^\top b + \operatorname{tr}(uv^\top A)", "a.T @ u*v.T @ b + tr(outer(u, v) @ A)"),
    (r"(x-\mu)^\top\Sigma^{-1}(x-\mu)", "(x - mu).T @ inv(Sigma) @ (x - mu)"),
    (r"\|y - X\beta\|^2 + \lambda\|\beta\|^2", "norm(y - X @ beta)**2 + lam*norm(beta)**2"),
    (r"\log\det(A + \lambda I)", "logdet(A + lam*eye(n))"),
    (r"\frac{x^\top A x}{x^\top x}", "x.T @ A @ x/(x.T @ x)"),
    (r"$\mathbf{w}^\top \hat{y} + \pi$", "w.T @ y_hat + pi"),
    (r"\mathcal{L} = \|W_2 \tanh(W_1 x)\|^2", "L = norm(W_2 @ tanh(W_1 @ x))**2"),
    (r"x \cdot y + 2 \times x^\top x", "x @ y + 2*x.T @ x"),
    (r"\sum_i |x_i| + \|x\|^23", "sum(abs(x)) + norm(x)**2*3"),
    (r"\operatorname{Loss}(XW)", "Loss(X @ W)"),
    (r"\frac12 x^\top x + \frac 2 3 \sqrt2", "1/2*x.T @ x + 2/3*sqrt(2)"),
    (r"J(w) = \|Xw - y\|^2", "J = norm(X @ w - y)**2"),
    (r"z = Xw, \mathcal{L}(W, \beta) = \sum_i f(z_i)", "z = X @ w; L = sum(f(z))"),
    (r"\ell(w) = \|w\|_1 + \langle A, W \rangle", "ell = norm(w, 1) + sum(A*W)"),
    (r"\langle x - y, z \rangle^2", "((x - y) @ z)**2"),
    (r"\sum_i \max(0, 1 - y_i z_i)", "sum(maximum(0, 1 - y*z))"),
    (r"\sum_i (1 - y_i z_i)_+ + \sum_i \min\{x_i, 1\}", "sum(relu(1 - y*z)) + sum(minimum(x, 1))"),
]


@pytest.mark.parametrize(("latex", "text"), READ)
def test_latex_is_read(latex: str, text: str, caplog: pytest.LogCaptureFixture) -> None:
    """Factors side by side are matrix products, and it is said how the text was read."""
    with caplog.at_level("INFO"):
        assert parse(latex) == parse(text)
    assert caplog.messages == [f"Read as: {latex_program(latex)}"]


@pytest.mark.parametrize(
    ("latex", "message"),
    [
        (r"\foo x", r"\foo is not read; what is read are names, Greek letters"),
        (r"\begin{aligned} x \end{aligned}", r"\begin is not read"),
        (r"A \times B", "A beside B has two readings: A @ B"),
        (r"\|x y\|", "x beside y has two readings: x @ y"),
        (r"\sum_i x_i^\top w", "x.T beside w has entries with other indices"),
        (r"\sum_i \mu_i", r"\mu_i: Greek names are numbers"),
        (r"\sum_i x^\top x", r"\sum is read over all entries"),
        (r"\sum_{ij} a_i X_{ij}", "a beside X has entries with other indices"),
        (r"\sum_i X_{ij}", r"\sum is read over all entries"),
        (r"\log x^\top y", "Write what log is applied to in brackets."),
        (r"\operatorname{tr}(X^{1/2})", "The power 1/2 of the matrix X"),
        (r"\|W\|_1", "The norm _1 is not read"),
        (r"\operatorname{softmax}(QK^\top)V", "softmax(Y, axis=1) is by rows"),
        (r"\mathbf{1}^\top x", "1 is no name; an array of ones is ones(n)."),
        (r"\|x\|^{2", "In this LaTeX } is missing"),
        (r"x^\top A \|", "This LaTeX cannot be read from its end on."),
        (r"2x = \top", "= stands after a name"),
        (r"\|X\|_*", "The norm _* is not read"),
        (r"\mathbb{E}[x]", r"\mathbb{E} is not read"),
        (r"\max(x)", "In this LaTeX , is missing"),
    ],
)
def test_what_latex_is_refused(latex: str, message: str) -> None:
    """An unknown command is refused by its name, and what has two readings with both."""
    with pytest.raises(ProgramSyntaxError) as caught:
        parse(latex)
    assert str(caught.value).startswith(message)
    assert caught.value.offset is not None
    assert 0 <= caught.value.offset <= len(caught.value.text)


@pytest.mark.parametrize("text", ["X.T @ X", "x^2", "x'*x", "A \\ b", "‖x‖²", "X_1 @ W"])
def test_other_texts_are_no_latex(text: str) -> None:
    """A backslash alone is no command."""
    assert not is_latex(text)


def test_products_have_the_values_that_the_mathematics_gives() -> None:
    """Columns, rows, outer products, powers and inverses of matrices are those of LaTeX."""
    rng = np.random.default_rng(0)
    X, A = rng.normal(size=(3, 3)), rng.normal(size=(3, 3))  # noqa: N806 - matrices
    x, u, v = rng.normal(size=(3, 3, 1))  # columns
    given = {"X": X, "A": A, "x": x[:, 0], "u": u[:, 0], "v": v[:, 0]}
    inverse = np.linalg.inv(X)
    for latex, expected in {
        r"\operatorname{tr}(u v^\top X^2 A)": np.trace(u @ v.T @ X @ X @ A),
        r"x^\top u v^\top A x": x.T @ u @ v.T @ A @ x,
        r"\operatorname{tr}((x - u)(x - v)^\top X^{-1})": np.trace((x - u) @ (x - v).T @ inverse),
        r"\frac{1}{2} x^\top X^{-\top} A u": x.T @ inverse.T @ A @ u / 2,
        r"\operatorname{tr} X u x^\top": np.trace(X @ u @ x.T),
        r"\|X u v^\top - A\|_F^2": ((X @ u @ v.T - A) ** 2).sum(),
    }.items():
        found = numeric_value(parse(latex).loss.value, given, {}, {})
        np.testing.assert_allclose(float(found), float(np.squeeze(expected)), rtol=1e-12)


def test_claims_and_programs_may_be_latex() -> None:
    """A claim may name ∂L/∂Y as a fraction or with a nabla."""
    assert str(gradient(r"\frac12\|Xw - y\|^2", wrt="w")) == "X.T @ (X @ w - y)"
    program = r"Y = XW; L = \sum_{ij} f(y_{ij})"
    for claim in (
        r"X^\top \frac{\partial L}{\partial Y}",
        r"X^\top \nabla_Y L",
        r"X^{\top} f'(XW)",
        r"X^\top \frac{\partial \mathcal{L}}{\partial \mathbf{Y}}",
    ):
        assert check(program, "W", claim).status == "right"


SIGNS = (
    r"\frac \sum \sqrt \top \lVert \rVert \| | { } ( ) ^ _ ' x X \mu 2 n + - = , ; \\ \log \det \hat "
    r"\mathbf \operatorname{tr} _{ij} ^{-1} \cdot \times \odot \left \right y_{ij} \partial \nabla I e"
).split(" ")


def test_any_signs_are_read_or_refused() -> None:
    """Whatever is typed is a text of the language or an error with a place inside the text."""
    chance = random.Random(3)
    read = 0
    for _ in range(2000):
        text = " ".join(chance.choices(SIGNS, k=chance.randint(1, 14)))
        try:
            latex_program(text)
        except ProgramSyntaxError as error:
            assert error.offset is not None
            assert 0 <= error.offset <= len(error.text)
        else:
            read += 1
    assert read > 20


@pytest.mark.parametrize("sign", [r"\sqrt", r"\log", "{", "(", r"\frac", r"\|", r"\hat"])
def test_deep_latex_is_refused(sign: str) -> None:
    """However deep the nesting is, the error is one line."""
    with pytest.raises(InputError):
        parse(sign * 9000 + r"\x")
