"""Choices, activations and losses that are read as formulas: values, gradients, bad input."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from _differences import central

import matderiv
from matderiv.errors import MatderivError
from matderiv.expression.numeric import numeric_value
from matderiv.expression.parse import parse
from matderiv.expression.shorthand import READ_AS

Array = npt.NDArray[np.float64]


def _relu(x: Array) -> Array:
    return np.maximum(x, 0)


def _elu(x: Array, alpha: float = 1) -> Array:
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


def _relu6(x: Array) -> Array:
    return np.clip(x, 0, 6)


def _huber(x: Array, d: float = 1) -> Array:
    return np.where(abs(x) <= d, x**2 / 2, d * (abs(x) - d / 2))


def _log_softmax(x: Array) -> Array:
    return x - np.log(np.exp(x).sum(axis=-1, keepdims=True))


#: Text with arrays X, T and a scalar `a`, and the same as NumPy and the frameworks define it.
MEANS: list[tuple[str, Callable[[Array, Array, float], Any]]] = [
    ("where(X > T, X, T**2)", lambda x, t, a: np.where(x > t, x, t**2)),
    ("where(abs(X - T) < a, X, 0)", lambda x, t, a: np.where(abs(x - t) < a, x, 0)),
    ("where(X - 1, X, T)", lambda x, t, a: np.where(x - 1, x, t)),
    ("where(0*X, X, T)", lambda x, t, a: np.where(0 * x, x, t)),
    ("where(X >= a, 20, T)", lambda x, t, a: np.where(x >= a, 20, t)),
    ("where(X <= T, X, T)*(X > 0)", lambda x, t, a: np.where(x <= t, x, t) * (x > 0)),
    ("clip(X, -a, a)", lambda x, t, a: np.clip(x, -a, a)),
    ("clamp(X, T - 1, T)", lambda x, t, a: np.clip(x, t - 1, t)),
    ("leaky_relu(X)", lambda x, t, a: np.where(x > 0, x, 0.01 * x)),
    ("leaky_relu(X, slope=a)", lambda x, t, a: np.where(x > 0, x, a * x)),
    ("elu(X)", lambda x, t, a: _elu(x)),
    ("elu(X, a)", lambda x, t, a: _elu(x, a)),
    ("relu6(4*X)", lambda x, t, a: _relu6(4 * x)),
    ("hardtanh(X)", lambda x, t, a: np.clip(x, -1, 1)),
    ("hardsigmoid(3*X)", lambda x, t, a: _relu6(3 * x + 3) / 6),
    ("hardswish(3*X)", lambda x, t, a: 3 * x * _relu6(3 * x + 3) / 6),
    ("softshrink(X)", lambda x, t, a: np.sign(x) * _relu(abs(x) - 0.5)),
    ("softshrink(X, lam=a)", lambda x, t, a: np.sign(x) * _relu(abs(x) - a)),
    ("tanhshrink(X)", lambda x, t, a: x - np.tanh(x)),
    ("huber(X)", lambda x, t, a: _huber(x)),
    ("huber(X - T, delta=a)", lambda x, t, a: _huber(x - t, a)),
    ("logaddexp(X, T)", lambda x, t, a: np.logaddexp(x, t)),
    ("hypot(X, T)", lambda x, t, a: np.hypot(x, t)),
    ("xlogy(X, T)", lambda x, t, a: x * np.log(t)),
    ("xlog1py(X, T)", lambda x, t, a: x * np.log1p(t)),
    ("arctan2(X, T - a)", lambda x, t, a: np.arctan2(x, t - a)),
    ("atan2(X, T - 1)", lambda x, t, a: np.arctan2(x, t - 1)),
    ("copysign(X, T - a)", lambda x, t, a: np.copysign(x, t - a)),
    ("celu(X)", lambda x, t, a: np.where(x > 0, x, np.exp(x) - 1)),
    ("celu(X, alpha=a)", lambda x, t, a: np.where(x > 0, x, a * (np.exp(x / a) - 1))),
    ("threshold(X)", lambda x, t, a: _relu(x)),
    ("threshold(X, a, 0.25)", lambda x, t, a: np.where(x > a, x, 0.25)),
    ("hardshrink(X)", lambda x, t, a: np.where(abs(x) > 0.5, x, 0)),
    ("hardshrink(X, lam=a)", lambda x, t, a: np.where(abs(x) > a, x, 0)),
    ("masked_fill(X, T > a, 2)", lambda x, t, a: np.where(t > a, 2, x)),
    ("X*logical_and(X > 0, T > a)", lambda x, t, a: x * ((x > 0) & (t > a))),
    ("X*logical_or(X > 0, T > a)", lambda x, t, a: x * ((x > 0) | (t > a))),
    ("X*logical_not(X > a)", lambda x, t, a: x * (x <= a)),
    ("mse_loss(X, T)", lambda x, t, a: ((x - t) ** 2).mean()),
    ("l1_loss(X, T)", lambda x, t, a: abs(x - t).mean()),
    ("huber_loss(X, T, delta=a)", lambda x, t, a: _huber(x - t, a).mean()),
    ("smooth_l1_loss(X, T, beta=a)", lambda x, t, a: (_huber(x - t, a) / a).mean()),
    ("smooth_l1_loss(X, T)", lambda x, t, a: _huber(x - t).mean()),
    (
        "binary_cross_entropy(sigmoid(X), T)",
        lambda x, t, a: -(t * -np.log1p(np.exp(-x)) + (1 - t) * -np.log1p(np.exp(x))).mean(),
    ),
    (
        "binary_cross_entropy_with_logits(X, T)",
        lambda x, t, a: (np.log1p(np.exp(x)) - t * x).mean(),
    ),
    ("cross_entropy(X, T)", lambda x, t, a: -(t * _log_softmax(x)).sum(axis=-1).mean()),
    (
        "cosine_similarity(X, T)",
        lambda x, t, a: (x * t).sum(-1) / np.linalg.norm(x, axis=-1) / np.linalg.norm(t, axis=-1),
    ),
    (
        "cosine_similarity(X @ sum(T, axis=0), sum(T, axis=1))",
        lambda x, t, a: (
            (x @ t.sum(0)) @ t.sum(1) / np.linalg.norm(x @ t.sum(0)) / np.linalg.norm(t.sum(1))
        ),
    ),
]


def test_every_shorthand_is_compared() -> None:
    """None is left out, from choices to the first losses in the table."""
    text = " ".join(text for text, _ in MEANS)
    names = list(READ_AS)
    chosen = names[names.index("where") : names.index("layer_norm")]
    assert "logical_not" in chosen
    assert all(f"{name}(" in text for name in chosen)


@pytest.mark.parametrize(("text", "means"), MEANS)
@pytest.mark.parametrize("seed", range(2))
def test_values_and_gradients_are_those_of_the_definition(
    text: str, means: Callable[[Array, Array, float], Any], seed: int
) -> None:
    """The value, and the gradient by X and T against central differences, away from kinks."""
    chance = random.Random(f"{text}{seed}")
    shape = (chance.randint(1, 3), chance.randint(2, 4))
    rng = np.random.default_rng(seed)
    at: dict[str, Any] = {"X": rng.normal(size=shape), "T": rng.uniform(0.1, 0.9, size=shape)}
    at["a"] = 0.625

    def value(v: dict[str, Any]) -> Array:
        return np.asarray(means(v["X"], v["T"], v["a"]))

    def loss(name: str, own: Array) -> float:
        return float(np.tanh(value(at | {name: own})).sum())

    program = parse(f"L = {text}")
    found = numeric_value(program.loss.value, {n: np.asarray(x) for n, x in at.items()})
    np.testing.assert_allclose(found, value(at), rtol=1e-12, atol=1e-12)
    names = program.inputs()
    shapes = {n: np.shape(at[n]) for n in names}
    for name in names if "beta" not in text else ("X", "T"):
        gradient = matderiv.gradient(f"L = sum(tanh({text}))", wrt=name, shapes=shapes)
        expected = central(partial(loss, name), at[name], 1e-6)
        own = {n: at[n] for n in names}
        np.testing.assert_allclose(gradient(**own), expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("text", "wrt", "answer"),
    [
        ("sum(G*(X > Y))", "X", "zeros((N, D))"),
        ("sum(where(C, X, Y))", "X", "step(abs(C))"),
        ("sum(where(C, X, Y))", "C", "zeros((N, D))"),
        ("sum(where(X > 0, X, 0))", "X", "step(X)"),
        (
            "sum(huber(A @ x - b))",
            "x",
            "A.T @ (A @ x - b - relu(abs(A @ x - b) - 1)*sign(A @ x - b))",
        ),
        ("tr(matrix_power(X, 3))", "X", "3*(X @ X).T"),
        ("det(matrix_power(X, 2))", "X", "2*det(X)**2*inv(X).T"),
        ("a @ solve(X, b)", "X", "-outer(inv(X).T @ a, inv(X) @ b)"),
        ("sum(logaddexp(X, Y))", "Y", "sigmoid(Y - X)"),
    ],
)
def test_answers(text: str, wrt: str, answer: str) -> None:
    """Short and proved, or at least found right by `check`."""
    assert matderiv.check(text, wrt=wrt, claim=answer).status == "right"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sum(0 < X < 1)", "is not in the language"),
        ("sum(where(X > 0, X))", "where takes three arrays"),
        ("sum(clip(X))", "clip takes three arrays"),
        ("sum(leaky_relu(X, alpha=1))", "alpha is not an option of leaky_relu; its option: slope."),
        ("tr(matrix_power(X))", "matrix_power takes"),
        ("tr(matrix_power(X, 1.5))", "whole number or a letter"),
    ],
)
def test_what_is_refused(text: str, message: str) -> None:
    """One line that says what to write."""
    with pytest.raises(MatderivError) as caught:
        matderiv.gradient(text)
    assert message in str(caught.value)


# -- the largest and the smallest entry ---------------------------------------------------------

TAKEN = [
    ("max(X)", lambda x: x.max()),
    ("min(X)", lambda x: x.min()),
    ("sum(tanh(max(X, axis=0)))", lambda x: np.tanh(x.max(0)).sum()),
    ("sum(X*min(X, axis=1, keepdims=True))", lambda x: (x * x.min(1, keepdims=True)).sum()),
    ("sum(exp(X - amax(X, axis=-1, keepdims=True)))", lambda x: np.exp(x.T - x.max(1)).sum()),
    ("X.max()*amin(X @ X.T)", lambda x: x.max() * (x @ x.T).min()),
    ("norm(X, 1)", lambda x: np.linalg.norm(x, 1)),
    ("norm(X, inf)", lambda x: np.linalg.norm(x, np.inf)),
    ("norm(X, -inf)", lambda x: np.linalg.norm(x, -np.inf)),
    ("norm(sum(X, axis=0), 3)", lambda x: np.linalg.norm(x.sum(0), 3)),
    ("sum(norm(X, 1, axis=1)**2)", lambda x: (np.linalg.norm(x, 1, axis=1) ** 2).sum()),
    ("sum(norm(X, ord=inf, axis=0))", lambda x: np.linalg.norm(x, np.inf, axis=0).sum()),
    ("norm(X, axis=(0, 1))", np.linalg.norm),
    ("sum(where(X == max(X), exp(X), X))", lambda x: x.sum() + np.exp(x.max()) - x.max()),
    ("sum((X != max(X))*X)", lambda x: x.sum() - x.max()),
]


@pytest.mark.parametrize(("text", "means"), TAKEN)
@pytest.mark.parametrize("shape", [(2, 3), (3, 1), (1, 1)])
def test_gradients_of_largest_entries(
    text: str, means: Callable[[Array], Any], shape: tuple[int, int]
) -> None:
    """At numbers of which no two are equal; the proof is for every size where there is one."""
    rng = np.random.default_rng(4)
    if "X @ X.T" in text and shape[0] > 1:
        text, means = "X.max()*amin(X)", lambda x: x.max() * x.min()
    at = rng.normal(size=shape)
    gradient = matderiv.gradient(text, wrt="X", shapes={"X": shape})
    assert gradient.verdict.status == "equal"
    found = numeric_value(parse(text).loss.value, {"X": at})
    np.testing.assert_allclose(found, means(at), rtol=1e-12)
    expected = central(means, at, 1e-6)
    np.testing.assert_allclose(gradient(X=at), expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("max(X)", "X == min(X)"),
        ("max(X)", "ones((N, D))"),
        ("sum(max(X, axis=0))", "X == max(X)"),
        ("sum(max(X, axis=0))", "X == max(X, axis=1, keepdims=True)"),
        ("sum(min(X, axis=1))", "-(X == min(X, axis=1, keepdims=True))"),
        ("sum(exp(max(X, axis=0)))", "X == max(X, axis=0)"),
        ("norm(X, 1)", "sign(X)"),
    ],
)
def test_a_wrong_claim_about_a_largest_entry_is_refused(text: str, wrong: str) -> None:
    """Each is one slip away from the gradient."""
    assert matderiv.check(text, "X", wrong).status == "wrong"


@pytest.mark.parametrize(
    "text",
    [
        "max(X + X.T)",
        "max(max(X + X.T, axis=0))",
        "max(x*roll(x, 2))",
        "min(X.T @ X, axis=0) @ y*max(outer(ones(3), z))",
    ],
)
def test_a_largest_entry_that_is_there_twice_is_refused(text: str) -> None:
    """Each of the two would be counted."""
    with pytest.raises(MatderivError, match="stand there twice"):
        matderiv.gradient(text)


def test_a_page_says_what_happens_at_ties() -> None:
    """The condition, and what PyTorch and JAX do where it does not hold."""
    page = matderiv.derive("sum(max(X, axis=0))")
    assert "larger than all others" in page.markdown()
    assert "share it out equally" in page.markdown()


# -- functions that jump -------------------------------------------------------------------------

JUMPS = {"floor": np.floor, "ceil": np.ceil, "round": np.round, "trunc": np.trunc}
WHERE = {
    "floor": "no entry of $X$ is a whole number",
    "ceil": "no entry of $X$ is a whole number",
    "round": r"no entry of $X +\frac{1}{2}$ is a whole number",
    "trunc": "no entry of $X$ is a whole number other than 0",
}


@pytest.mark.parametrize("name", JUMPS)
@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (3, 1)])
def test_a_function_that_jumps_has_a_gradient_of_zero(name: str, shape: tuple[int, int]) -> None:
    """It is proved for all sizes, and in a product the other factor alone changes."""
    zero = matderiv.gradient(f"sum(G*{name}(X))", wrt="X", shapes={"X": shape})
    assert zero.proof == "for all sizes"
    assert zero.formula.startswith("zeros(")
    x = np.random.default_rng(len(name)).uniform(-3, 3, size=shape)
    assert not np.any(zero(X=x, G=x))
    found = matderiv.gradient(f"sum({name}(2*X)*X**3)", wrt="X", shapes={"X": shape})
    slope = central(lambda x: np.sum(JUMPS[name](2 * x) * x**3), x)
    np.testing.assert_allclose(found(X=x), slope, rtol=1e-6)
    fraction = matderiv.gradient("sum(G*frac(X))", wrt="X", shapes={"X": shape})
    np.testing.assert_allclose(fraction(X=x, G=x**2), x**2)


@pytest.mark.parametrize("name", JUMPS)
def test_a_page_says_where_a_function_jumps(name: str) -> None:
    """The condition is in the words of the place where the function jumps."""
    assert WHERE[name] in matderiv.derive(f"sum(G*{name}(X))", wrt="X").markdown()
    assert "整数" in matderiv.derive(f"sum(G*{name}(X))", wrt="X").markdown("zh")


@pytest.mark.parametrize(
    ("program", "claim"),
    [
        ("sum(G*floor(X))", "dX = G"),
        ("sum(X*floor(X))", "dX = X"),
        ("sum(X*round(X))", "dX = floor(X)"),
        ("sum(X*ceil(X))", "dX = floor(X)"),
        ("sum(G*frac(X))", "dX = G*frac(X)"),
        ("sum(X*trunc(X))", "dX = floor(X)"),
    ],
)
def test_a_wrong_claim_about_a_jump_is_refused(program: str, claim: str) -> None:
    """What is 0 beside the jumps is not taken for something else."""
    assert matderiv.check(program, "X", claim).status == "wrong"


# -- functions of eigenvalues and factors --------------------------------------------------------

SPECTRAL = [
    ("sum(eigvalsh(A))", lambda a: np.linalg.eigvalsh(a).sum()),
    ("prod(eigvals(A))", lambda a: np.linalg.eigvalsh(a).prod()),
    ("sum(log(eigvalsh(A)))", lambda a: np.log(np.linalg.eigvalsh(a)).sum()),
    ("sum(eigvalsh(A)**2)", lambda a: (np.linalg.eigvalsh(a) ** 2).sum()),
    ("sum(1/eigvalsh(A))", lambda a: (1 / np.linalg.eigvalsh(a)).sum()),
    ("2*sum(log(diag(cholesky(A))))", lambda a: 2 * np.log(np.diag(np.linalg.cholesky(a))).sum()),
    ("logdet(cholesky(A))", lambda a: np.log(np.linalg.det(np.linalg.cholesky(a)))),
    ("prod(diag(cholesky(A)))", lambda a: np.diag(np.linalg.cholesky(a)).prod()),
    ("sum(svdvals(A)**2)", lambda a: (np.linalg.svd(a)[1] ** 2).sum()),
    ("norm(svdvals(A))", lambda a: np.linalg.norm(np.linalg.svd(a)[1])),
    ("logdet(expm(A))", np.trace),
    ("tr(logm(A))", lambda a: np.log(np.linalg.eigvalsh(a)).sum()),
    ("det(sqrtm(A))", lambda a: np.sqrt(np.linalg.eigvalsh(a)).prod()),
    ("det(expm(A)) + tr(A)", lambda a: np.exp(np.trace(a)) + np.trace(a)),
]


@pytest.mark.parametrize(("text", "means"), SPECTRAL)
@pytest.mark.parametrize("size", [1, 3])
def test_functions_of_eigenvalues_are_those_of_the_matrix(
    text: str, means: Callable[[Array], Any], size: int
) -> None:
    """The value at a positive definite matrix, and the slope along a symmetric direction."""
    rng = np.random.default_rng(size)
    root, way = rng.normal(size=(2, size, size))
    a, way = root @ root.T + np.eye(size), way + way.T
    assert numeric_value(parse(text).loss.value, {"A": a}) == pytest.approx(float(means(a)))
    gradient = matderiv.gradient(text, wrt="A", shapes={"A": (size, size)})
    slope = central(lambda t: means(a + t * way), np.zeros(()), 1e-6)
    assert np.sum(gradient(A=a) * way) == pytest.approx(float(slope), rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("text", ["eigvalsh(A)", "sum(f(eigvalsh(A)))", "sum(cholesky(A))"])
def test_single_eigenvalues_and_entries_of_factors_are_refused(text: str) -> None:
    """One line says for what there are words."""
    with pytest.raises(MatderivError, match=r"ha(s|ve) no words in this version"):
        matderiv.gradient(text)


def test_pseudo_inverse_and_least_squares() -> None:
    """Values are NumPy's where the columns are independent; a wide matrix is refused."""
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(5, 3)), rng.normal(size=5)
    found = numeric_value(parse("pinv(X)").loss.value, {"X": x})
    np.testing.assert_allclose(found, np.linalg.pinv(x))
    found = numeric_value(parse("lstsq(X, y)").loss.value, {"X": x, "y": y})
    np.testing.assert_allclose(found, np.linalg.lstsq(x, y)[0])
    gradient = matderiv.gradient("sum(G*pinv(X))", wrt="X", shapes={"X": (5, 3)})
    g, way = rng.normal(size=(3, 5)), rng.normal(size=(5, 3))
    slope = central(lambda t: np.sum(g * np.linalg.pinv(x + t * way)), np.zeros(()), 1e-6)
    assert np.sum(gradient(X=x, G=g) * way) == pytest.approx(float(slope), rel=1e-5)
    with pytest.raises(MatderivError, match="is singular whatever the inputs are"):
        matderiv.gradient("sum(G*pinv(X))", wrt="X", shapes={"X": (3, 5)})


# -- products of vectors, bands, triangles, spreads that divide by one less ------------------------

READINGS: list[tuple[str, Callable[..., Any], dict[str, tuple[int, ...]]]] = [
    ("cross(x, y)", np.cross, {"x": (3,), "y": (3,)}),
    ("vdot(x, y)", np.vdot, {"x": (4,), "y": (4,)}),
    ("vdot(X, Y)", np.vdot, {"X": (2, 3), "Y": (2, 3)}),
    ("conj(X).T @ real(X)", lambda x: x.T @ x, {"X": (2, 3)}),
    (
        "tridiagonal(a, b, c)",
        lambda a, b, c: np.diag(b) + np.diag(a, -1) + np.diag(c, 1),
        {"a": (3,), "b": (4,), "c": (3,)},
    ),
    (
        "tridiagonal(a, b, c)",
        lambda a, b, c: np.diag(b) + np.diag(a, -1) + np.diag(c, 1),
        {"a": (1,), "b": (2,), "c": (1,)},
    ),
    (
        "solve_triangular(A, B)",
        lambda a, b: np.linalg.solve(np.triu(a), b),
        {"A": (3, 3), "B": (3, 2)},
    ),
    ("var(x, ddof=1)", lambda x: x.var(ddof=1), {"x": (5,)}),
    ("std(X, axis=0, ddof=1)", lambda x: x.std(axis=0, ddof=1), {"X": (4, 3)}),
    ("X.var(axis=1, ddof=2)", lambda x: x.var(axis=1, ddof=2), {"X": (2, 4)}),
    (
        "var(X, axis=2, ddof=1, keepdims=True)",
        lambda x: x.var(axis=2, ddof=1, keepdims=True),
        {"X": (2, 3, 4)},
    ),
    ("array([[0, m], [n, 0]])", lambda m, n: np.array([[0, m], [n, 0]]), {"m": (), "n": ()}),
    ("array([x, 2*x])", lambda x: np.array([x, 2 * x]), {"x": (3,)}),
]


@pytest.mark.parametrize(("text", "means", "shapes"), READINGS)
def test_readings_have_the_values_and_gradients_of_numpy(
    text: str, means: Callable[..., Any], shapes: dict[str, tuple[int, ...]]
) -> None:
    """The loss is a weighted sum of cubes, and its gradient by every operand is proved."""
    rng = np.random.default_rng(len(text))
    at = {name: 2 + rng.uniform(-1, 1, size=shape) for name, shape in shapes.items()}
    weights = rng.normal(size=np.shape(means(*at.values())))
    known = {**shapes, "Q": weights.shape}
    found = matderiv.gradient(f"sum(Q*({text})**3)", wrt=list(shapes), shapes=known)

    def loss(name: str, own: Array) -> float:
        return float(np.sum(weights * means(*(at | {name: own}).values()) ** 3))

    for name, gradient in found.items():
        assert gradient.verdict.status == "equal"
        slope = central(partial(loss, name), at[name])
        value = np.broadcast_to(gradient(**at, Q=weights), np.shape(at[name]))
        np.testing.assert_allclose(value, slope, rtol=1e-6, atol=1e-6)


def test_spreads_divide_by_one_less_for_all_sizes() -> None:
    """The number of entries has a letter; to divide by n is refused as the gradient."""
    found = matderiv.gradient("var(x, ddof=1)", wrt="x")
    assert found.proof == "for all sizes"
    assert found.formula == "2*(x - mean(x))/(N - 1)"
    assert matderiv.check("var(x, ddof=1)", "x", "dx = 2*(x - mean(x))/len(x)").status == "wrong"


@pytest.mark.parametrize(
    ("text", "message", "instead"),
    [
        ("sum(x*argmax(x))", "no derivative", "sum(x[y])"),
        ("sum(accumulate(x)**3)", "of sums", "sum(cumsum(x)**3)"),
        ("sum(modf(X))", "two values", "sum(frac(X))"),
    ],
)
def test_a_refusal_has_a_way_round_that_works(text: str, message: str, instead: str) -> None:
    """The reason is said, and the formula to write instead has a proved gradient."""
    with pytest.raises(MatderivError, match=message):
        matderiv.gradient(text)
    wrt = instead[instead.index("x" if "x" in instead else "X")]
    assert matderiv.gradient(instead, wrt=wrt).proof == "for all sizes"


def test_a_cross_product_is_of_three_numbers() -> None:
    """Other lengths do not fit."""
    with pytest.raises(MatderivError, match="vector of 3"):
        matderiv.gradient("sum(g*cross(x, y))", shapes={"x": (4,)})


def test_bands_of_equal_length_have_one_size() -> None:
    """From a + 1 = c + 1 follows a = c."""
    found = matderiv.gradient("sum(G*tridiagonal(a, b, c))", wrt="c")
    assert found.formula == "diag(G[:-1, 1:])"
    assert found.proof == "for all sizes"


@pytest.mark.parametrize(
    ("program", "wrt", "formula"),
    [
        ("F(x, y)", "x", "dF(concatenate((x, y)))[:N]"),
        ("F(x, x)", "x", "dF(concatenate((x, x)))[:N] + dF(concatenate((x, x)))[N:]"),
        ("log(F(x, y))", "y", "dF(concatenate((x, y)))[N:]/F(concatenate((x, y)))"),
        ("Loss(X, y)", "X", "reshape(dLoss(concatenate((ravel(X), y)))[:D*N], (N, D))"),
        ("F(x, alpha)", "alpha", "sum(dF(concatenate((x, alpha[None])))[-1:], axis=0)"),
    ],
)
def test_undefined_functions_of_several_arrays(program: str, wrt: str, formula: str) -> None:
    """They are functions of all entries in a row; the gradient by each array is its part."""
    found = matderiv.gradient(program, wrt=wrt)
    assert (str(found), found.proof) == (formula, "for all sizes")
    rng = np.random.default_rng(0)
    shapes = {"x": (3,), "y": (2,), "X": (2, 4), "alpha": ()}
    given = {name: rng.normal(size=shapes[name]) for name in found.program.inputs()}
    weights = np.cos(np.arange(30.0))
    functions = {
        name + rest: part
        for name in ("F", "Loss")
        for rest, part in (("", lambda a: 9 + weights[: len(a)] @ a**2),)
    }
    functions |= {f"d{name}": lambda a: 2 * weights[: len(a)] * a for name in ("F", "Loss")}

    def loss(value: object) -> float:
        row = [np.ravel(v) for v in (given | {wrt: value}).values()]
        row *= 2 if program == "F(x, x)" else 1
        total = 9 + weights[: sum(map(len, row))] @ np.concatenate(row) ** 2
        return float(np.log(total) if program.startswith("log") else total)

    slope = central(loss, given[wrt])
    np.testing.assert_allclose(found(**given, functions=functions), slope, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize(
    ("program", "formula"),
    [
        ("tr(kron(A, X))", "trace(A)*eye(D)"),
        ("tr(kron(X, X))", "2*trace(X)*eye(N)"),
        ("det(kron(A, X))", "N*det(A)**D*det(X)**N*inv(X).T"),
        ("logdet(kron(A, X))", "N*inv(X).T"),
    ],
)
def test_kronecker_products_of_square_matrices(program: str, formula: str) -> None:
    """Traces and determinants are those of the factors; other factors are not square."""
    found = matderiv.gradient(program, wrt="X")
    assert (str(found), found.proof) == (formula, "for all sizes")
    other = matderiv.gradient("tr(kron(A, X))", wrt="X", shapes={"A": (2, 3), "X": (3, 2)})
    assert "reshape" in str(other)
