"""Functions of whole matrices under a trace, single eigenvalues and norms by singular values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from _differences import central

import matderiv
from matderiv.errors import MatderivError
from matderiv.expression.matrix_values import matrix_value
from matderiv.expression.numeric import numeric_value
from matderiv.expression.parse import parse
from matderiv.expression.source import source

Array = npt.NDArray[np.float64]


def of_eigenvalues(function: Callable[[Any], Any], matrix: Array) -> Array:
    """V f(Λ) V⁻¹, by NumPy alone."""
    values, vectors = np.linalg.eig(matrix)
    return np.real(vectors @ np.diag(function(values)) @ np.linalg.inv(vectors))


def expm(matrix: Array) -> Array:
    """The exponential."""
    return of_eigenvalues(np.exp, matrix)


def sqrtm(matrix: Array) -> Array:
    """The principal root."""
    return of_eigenvalues(lambda u: np.sqrt(u + 0j), matrix)


def singular(matrix: Array) -> Array:
    """The singular values."""
    return np.linalg.svd(matrix)[1]


#: Losses of a matrix X of n rows, or of a wide one, and the same in NumPy.
SQUARE: list[tuple[str, Callable[[Array], Any]]] = [
    ("tr(expm(X))", lambda x: np.trace(expm(x))),
    ("tr(expm(2*X.T).T)/3", lambda x: np.trace(expm(2 * x)) / 3),
    ("log(tr(expm(X @ X)))", lambda x: np.log(np.trace(expm(x @ x)))),
    ("tr(expm(X*X/9))", lambda x: np.trace(expm(x * x / 9))),
    ("tr(sqrtm(X))", lambda x: np.trace(sqrtm(x))),
    ("exp(-tr(sqrtm(X @ X.T + X)))", lambda x: np.exp(-np.trace(sqrtm(x @ x.T + x)))),
    ("eigvalsh(X + X.T)[0]", lambda x: np.linalg.eigvalsh(x + x.T)[0]),
    ("max(eigvalsh(X @ X.T))**2", lambda x: np.linalg.eigvalsh(x @ x.T)[-1] ** 2),
    ("eigh(X.T @ X)[0][-1]*tr(X)", lambda x: np.linalg.eigvalsh(x.T @ x)[-1] * np.trace(x)),
]
ANY: list[tuple[str, Callable[[Array], Any]]] = [
    ("norm(X, 'nuc')", lambda x: singular(x).sum()),
    ("sum(svdvals(X))**2", lambda x: singular(x).sum() ** 2),
    ("norm(X, 2)", lambda x: singular(x)[0]),
    ("svdvals(X)[0]*norm(X)", lambda x: singular(x)[0] * np.linalg.norm(x)),
]


def regular(size: int, seed: int) -> Array:
    """A matrix that is not symmetric, whose eigenvalues are apart and near the positive axis."""
    noise = np.random.default_rng(seed).normal(size=(size, size))
    return np.diag(1.0 + np.arange(size)) + 0.2 * noise


@pytest.mark.parametrize(("text", "means"), SQUARE)
@pytest.mark.parametrize("size", [1, 2, 4])
def test_gradients_of_functions_of_square_matrices(
    text: str, means: Callable[[Array], Any], size: int
) -> None:
    """Proved for all sizes, with the values and the slopes of NumPy's eigenvalues."""
    x = regular(size, size)
    found = matderiv.gradient(text, wrt="X", shapes={"X": (size, size)})
    assert found.proof == "for all sizes"
    assert float(numeric_value(parse(text).loss.value, {"X": x})) == pytest.approx(float(means(x)))
    np.testing.assert_allclose(found(X=x), central(means, x), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(("text", "means"), ANY)
@pytest.mark.parametrize("shape", [(4, 2), (2, 3), (3, 3), (1, 1), (3, 1)])
def test_gradients_of_norms_by_singular_values(
    text: str, means: Callable[[Array], Any], shape: tuple[int, int]
) -> None:
    """Tall, wide and square matrices: the nuclear norm is that of the smaller square."""
    x = np.random.default_rng(sum(shape)).normal(size=shape)
    found = matderiv.gradient(text, wrt="X", shapes={"X": shape})
    assert found.proof == "for all sizes"
    np.testing.assert_allclose(found(X=x), central(means, x), rtol=1e-5, atol=1e-7)


#: Losses outside a trace, and the same in NumPy; B is a constant matrix, k is 3.
_B = np.array(
    [[0.3, -1.0, 0.5, 0.2], [0.8, 0.1, -0.4, 1.1], [-0.6, 0.9, 0.7, -0.2], [1.0, 0.4, -0.3, 0.6]]
)
OUTSIDE: list[tuple[str, Callable[[Array, Array], Any]]] = [
    ("sum(expm(X)*B)", lambda x, e: np.sum(expm(x) * e)),
    ("tr(B @ sqrtm(X))/2", lambda x, e: np.trace(e @ sqrtm(x)) / 2),
    ("sum(logm(X @ X.T)*B)", lambda x, e: np.sum(of_eigenvalues(np.log, x @ x.T) * e)),
    ("tr(sinm(X)) - sum(cosm(X.T)*B)", lambda x, e: (
        np.trace(of_eigenvalues(np.sin, x)) - np.sum(of_eigenvalues(np.cos, x.T) * e)
    )),
    ("norm(expm(X - B))**2", lambda x, e: np.sum(expm(x - e) ** 2)),
    ("sum(matrix_power(X, k)*B)", lambda x, e: np.sum(np.linalg.matrix_power(x, 3) * e)),
    ("tr(matrix_power(X, k + 1)) + tr(B)", lambda x, e: (
        np.trace(np.linalg.matrix_power(x, 4)) + np.trace(e)
    )),
]  # fmt: skip


@pytest.mark.parametrize(("text", "means"), OUTSIDE)
@pytest.mark.parametrize("size", [1, 2, 4])
def test_gradients_outside_a_trace(
    text: str, means: Callable[[Array, Array], Any], size: int
) -> None:
    """Fréchet derivatives by the block matrix: proved for all sizes, also in the printed code."""
    x, e = regular(size, size), _B[:size, :size]
    given = {"k": 3} if "k" in text else {}
    found = matderiv.gradient(text, wrt="X", shapes={"X": (size, size), "k": ()} if given else None)
    assert found.proof == "for all sizes"
    slope = central(lambda t: means(t, e), x)
    np.testing.assert_allclose(found(X=x, B=e, **given), slope, rtol=1e-5, atol=1e-7)
    names: dict[str, Any] = {}
    exec(found.code("numpy"), names)  # noqa: S102 - it is our own
    np.testing.assert_allclose(names["gradient"](X=x, B=e, **given), slope, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(
    "claim",
    [
        "expm_frechet(X, B)",
        "expm_frechet(X.T, B.T)",
        "sqrtm_frechet(X.T, B)",
        "B @ expm(X).T",
        "expm(X).T*B",
        "2*expm_frechet(X.T, B)",
    ],
)
def test_a_wrong_derivative_along_a_matrix_is_refused(claim: str) -> None:
    """The right one is expm_frechet(X.T, B), also where it is written as a transpose."""
    shapes = {"X": (3, 3), "B": (3, 3)}
    right = matderiv.check("sum(expm(X)*B)", "X", "dX = expm_frechet(X, B.T).T", shapes=shapes)
    assert right.status == "right"
    found = matderiv.check("sum(expm(X)*B)", "X", f"dX = {claim}", shapes=shapes)
    assert found.status == "wrong"


def test_powers_that_are_not_written_out() -> None:
    """The power 0 is the identity matrix, and a large one stands as it is."""
    found = matderiv.gradient("tr(matrix_power(X, 0) @ X)")
    np.testing.assert_allclose(found(X=np.ones((3, 3))), np.eye(3))
    found = matderiv.gradient("tr(matrix_power(X, 100))")
    assert (str(found), found.proof) == ("100*matrix_power(X, 99).T", "for all sizes")


def test_the_exponential_along_a_line() -> None:
    """By the number theta the gradient is tr(A expm(theta A))."""
    a = regular(3, 5)
    found = matderiv.gradient("tr(expm(theta*A))", wrt="theta", shapes={"A": (3, 3)})
    slope = central(lambda t: np.trace(expm(t * a)), np.array(0.3))
    assert float(found(A=a, theta=0.3)) == pytest.approx(float(slope), rel=1e-6)


@pytest.mark.parametrize(
    ("program", "claim"),
    [
        ("tr(expm(X))", "expm(X)"),
        ("tr(expm(X))", "exp(X).T"),
        ("tr(expm(X))", "expm(X).T @ X"),
        ("tr(sqrtm(X))", "inv(sqrtm(X))/2"),
        ("tr(sqrtm(X))", "inv(sqrtm(X)).T"),
        ("tr(sqrtm(X))", "sqrtm(X).T/2"),
        ("eigvalsh(X)[0]", "outer(eigh(X)[1][:, 1], eigh(X)[1][:, 1])"),
        ("eigvalsh(X)[-1]", "eigvalsh(X)[-1]*eye(3)"),
        ("norm(X, 2)", "X @ outer(eigh(X.T @ X)[1][:, -1], eigh(X.T @ X)[1][:, -1])"),
        ("norm(X, 'nuc')", "X @ sqrtm(X.T @ X)"),
    ],
)
def test_a_wrong_formula_is_refused(program: str, claim: str) -> None:
    """No mutant of a rule is taken for the rule."""
    assert matderiv.check(program, "X", f"dX = {claim}", shapes={"X": (3, 3)}).status == "wrong"


@pytest.mark.parametrize(
    ("text", "part", "instead"),
    [
        ("sum(expm_frechet(A, B)*A)", "second derivative of expm", ""),
        ("tr(matrix_power(X, 1.5))", "whole number or a letter", ""),
        ("b = sum(A, axis=0); L = sum(expm_frechet(A, b))", "must be", ""),
        ("x = sum(X, axis=0); L = tr(expm(x))", "square matrix", ""),
        ("x = sum(X, axis=0); L = norm(x, 'nuc')", "one of a matrix", ""),
        ("norm(X, 'row')", "'nuc'", ""),
        ("sum(f(eigvalsh(A)))", "no words", "tr(A)"),
    ],
)
def test_bad_input_is_named(text: str, part: str, instead: str) -> None:
    """The message names the part, and the way round can be pasted."""
    with pytest.raises(MatderivError, match=part) as raised:
        matderiv.gradient(text)
    assert instead in str(raised.value)
    if instead:
        assert matderiv.gradient(instead).proof == "for all sizes"


def test_determinants_of_powers_by_a_letter() -> None:
    """det(Xᵏ) = det(X)ᵏ, by a number k that is given with the arrays."""
    x = regular(3, 2)
    for text, means in (
        ("det(matrix_power(X, k))", lambda x: np.linalg.det(x) ** 3),
        ("logdet(matrix_power(X, k))", lambda x: 3 * np.log(abs(np.linalg.det(x)))),
    ):
        found = matderiv.gradient(text, wrt="X", shapes={"k": ()})
        assert found.proof == "for all sizes"
        np.testing.assert_allclose(found(X=x, k=3.0), central(means, x), rtol=1e-5)
    with pytest.raises(MatderivError, match="both as a size and as a name"):
        matderiv.gradient("tr(matrix_power(X, k)) + k*sum(X)")


def test_second_derivatives_of_eigenvalues_are_refused() -> None:
    """The reason is the eigenvector, whose derivative has no words."""
    with pytest.raises(MatderivError, match="derivative of an eigenvector"):
        matderiv.hessian("eigvalsh(S)[0]", wrt="S")


def test_an_eigenvalue_that_is_not_there_is_refused() -> None:
    """A matrix of two rows has no third eigenvalue."""
    found = matderiv.gradient("eigvalsh(S)[2]", wrt="S")
    with pytest.raises(MatderivError, match="no eigenvalue 2"):
        found(S=np.eye(2))


@pytest.mark.parametrize(("text", "means"), SQUARE[4:5])
def test_a_matrix_without_a_real_root_has_no_value(
    text: str, means: Callable[[Array], Any]
) -> None:
    """A negative eigenvalue gives no number, where NumPy's would be complex."""
    assert means(np.eye(2)) == pytest.approx(2)
    assert not np.isfinite(numeric_value(parse(text).loss.value, {"X": np.diag([-1.0, 2.0])}))


@pytest.mark.parametrize("name", ["expm", "sqrtm"])
@pytest.mark.parametrize("size", [1, 2, 5])
def test_values_are_those_by_eigenvalues(name: str, size: int) -> None:
    """Also of a matrix without a basis of eigenvectors, by its square or inverse."""
    made = {"expm": expm, "sqrtm": sqrtm}[name]
    x = regular(size, 3)
    np.testing.assert_allclose(matrix_value(name, x), made(x), rtol=1e-9, atol=1e-9)
    block = np.eye(size) + np.eye(size, k=1)
    value = matrix_value(name, block)
    other = block if name == "sqrtm" else matrix_value("expm", 2 * block)
    np.testing.assert_allclose(value @ value, other, atol=1e-8)


@pytest.mark.parametrize(
    ("program", "sentence", "satz"),
    [
        ("tr(expm(A))", "go round in a circle", "循环移动"),
        ("tr(sqrtm(A))", "no eigenvalue of $A$ is zero or a negative number", "负特征值"),
        ("eigvalsh(A)[0]", "$A$ is symmetric", "$A$ 是对称矩阵"),
        ("eigvalsh(A.T @ A)[0]", "is simple: no other one is equal to it", "不与其他特征值相等"),
    ],
)
def test_pages_state_the_identity_and_where_it_holds(
    program: str, sentence: str, satz: str
) -> None:
    """The identity that is differentiated, and the conditions, in both languages."""
    page = matderiv.derive(program)
    assert sentence in page.markdown()
    assert satz in page.markdown("zh")
    assert matderiv.derive(program, method="differential").markdown(length="short")


@pytest.mark.parametrize(
    "text", ["tr(expm(A))", "eigvalsh(S)[-1]", "outer(eigh(S)[1][:, 0], eigh(S)[1][:, 0])"]
)
def test_what_is_printed_is_read(text: str) -> None:
    """Formulas with eigenvectors are read as what they were printed from."""
    assert source(parse(text).loss.value) == text.replace("tr(", "trace(")


@pytest.mark.parametrize("text", ["eigvalsh(S)[0]", "sum(eigvalsh(S)**2)", "logdet(cholesky(S))"])
def test_a_symmetric_matrix_is_asked_for(text: str, caplog: pytest.LogCaptureFixture) -> None:
    """Eigenvalues as libraries compute them are those of symmetric matrices, and that is said."""
    with caplog.at_level("INFO", logger="matderiv"):
        parse(f"L = {text}")
    assert "of a symmetric matrix, which S must be" in caplog.text


@pytest.mark.long
@pytest.mark.parametrize(
    ("program", "claims"),
    [
        ("sum(B*logm(X))", ("-B", "B", "logm(X)*B")),
        ("sum(B*erfinv(X))", ("2*B", "B*erfinv(X)", "B*sqrt(pi)*exp(erfinv(X)**2)")),
    ],
)
def test_wrong_claims_are_judged_where_a_function_has_few_values(
    program: str, claims: tuple[str, ...]
) -> None:
    """Matrices without a real logarithm, and numbers beyond 1, are no points to compare at."""
    for claim in claims:
        assert matderiv.check(program, wrt="X", claim=claim).status == "wrong"


@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize(
    ("text", "formula"),
    [
        ("expm(theta*A)", "expm_frechet(theta*A, A)"),
        ("B @ expm(theta*A) @ x", "B @ expm_frechet(theta*A, A) @ x"),
        ("inv(sqrtm(theta*A))", None),
        ("logm(A + theta*B)", "logm_frechet(A + theta*B, B)"),
        ("theta**2*matrix_power(A + theta*B, k)", None),
    ],
)
def test_arrays_by_a_number(text: str, formula: str | None, size: int) -> None:
    """The array of derivatives along a line is proved, and that of central differences."""
    found = matderiv.jacobian(text, wrt="theta")
    assert found.proof == "for all sizes"
    assert formula is None or found.formula == formula
    rng = np.random.default_rng(size)
    at = {
        "A": np.eye(size) + rng.uniform(0, 0.2, (size, size)),
        "B": rng.uniform(size=(size, size)),
    }
    at |= {"x": rng.normal(size=size), "theta": np.array(1.25)}
    program = parse(text)
    used = {name: at[name] for name in program.inputs() if name in at}
    power = {"k": 3} if "k" in text else {}

    def value(theta: Array) -> Array:
        there = used | {"theta": theta} | {n: np.asarray(float(k)) for n, k in power.items()}
        return np.asarray(numeric_value(program.loss.value, there, {}, power))

    step = 1e-5
    expected = (value(at["theta"] + step) - value(at["theta"] - step)) / (2 * step)
    np.testing.assert_allclose(found(**used, **power), expected, rtol=1e-6, atol=1e-7)


def test_arrays_by_a_matrix_are_refused_with_what_to_ask() -> None:
    """No array of four axes is printed for the derivative of a function of a matrix."""
    with pytest.raises(MatderivError, match="along V it is expm_frechet"):
        matderiv.jacobian("expm(A)", wrt="A")
    assert str(matderiv.jvp("expm(A)", wrt="A")) == "expm_frechet(A, V)"
