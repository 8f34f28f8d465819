"""Gradient checks for test suites: what is right passes, what is wrong is named."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from _reference import Array
from hypothesis import HealthCheck, given, settings

from matderiv.errors import InputError
from matderiv.testing import (
    assert_gradient,
    assert_hessian,
    assert_jacobian,
    check_backward,
    check_grad,
)
from matderiv.testing.strategies import inputs, shapes

THEOREM = "Y = X @ W; L = Loss(Y)"


def product(X: Any, W: Any) -> Any:
    """The forward function of a linear layer."""
    return X @ W


def test_right_formulas_pass() -> None:
    """A formula that is the gradient raises nothing."""
    assert_gradient("Y = X @ W; L = sum(f(Y))", "X", "df(Y) @ W.T")


def test_wrong_formulas_fail_in_either_language() -> None:
    """The error is the report that the command prints."""
    with pytest.raises(AssertionError, match="W lost its transpose"):
        assert_gradient(THEOREM, "X", "dY @ W")
    with pytest.raises(AssertionError, match="W 漏了转置"):
        assert_gradient(THEOREM, "X", "dY @ W", lang="zh")


@pytest.mark.parametrize(
    ("forward", "backward", "program", "wrt"),
    [
        (product, lambda dY, X, W: (dY @ W.T, X.T @ dY), THEOREM, None),
        (product, lambda dY, X, W: {"W": X.T @ dY, "X": dY @ W.T}, THEOREM, None),
        (product, lambda W, dY: [[float(v) for v in row] for row in dY @ W.T], THEOREM, "X"),
        (lambda X, W, f: f(X @ W).sum(), lambda X, Y, df: X.T @ df(Y), "sum(f(X @ W))", "W"),
        (None, lambda X, W, scale=1.0: (X @ W > 0) @ W.T * scale, "sum(relu(X @ W))", "X"),
        (None, lambda Y, W, **_: (1 / Y) @ W.T, "sum(log(X @ W))", "X"),
        (None, lambda Y, W, lam: lam * (1 - Y**2 * 0) @ W.T, "lam*sum(X @ W)", "X"),
        (None, lambda dY, Q: dY.T @ Q, "L = Loss(Q @ K.T)", ["K"]),
    ],
)
def test_right_functions_pass(
    forward: Callable[..., Any] | None, backward: Callable[..., Any], program: str, wrt: Any
) -> None:
    """Functions are called by the names of their parameters and may return any array."""
    assert check_backward(forward, backward, program, wrt)


@pytest.mark.parametrize(
    ("backward", "program", "words"),
    [
        (lambda dY, W: 2 * dY @ W.T, THEOREM, "It looks like 2 times the gradient."),
        (lambda dY, W: W @ dY.T, THEOREM, "the shape 4×2, but X is 2×4.\nIt looks like (dY @ W.T).T."),
        (lambda dY, W: dY @ W, THEOREM, "backward fails at the shapes X = 2×4, W = 4×3: ValueError"),
        (lambda dY, W: dY @ W, THEOREM, "It looks like dY @ W. W lost its transpose: it must be W.T."),
        (lambda Y, W, f: f(Y) @ W.T, "sum(f(X @ W))", "It looks like f(Y) @ W.T. The derivative is left out"),
        (lambda Y, W: (1 - np.tanh(Y)) @ W.T, "sum(tanh(X @ W))", "A number is wrong: tanh(Y) must be tanh(Y)**2."),
        (lambda Y, W: 2 * Y @ W.T, "sum((X @ W)**2 - X @ W)", "A term is missing: 2*Y must be 2*Y - 1."),
        (lambda dY, W: dY @ W.T * np.nan, THEOREM, "differs in 8 of 8 entries"),
    ],
)  # fmt: skip
def test_wrong_functions_are_diagnosed(
    backward: Callable[..., Any], program: str, words: str
) -> None:
    """The message names what the mistake looks like and the line that decides."""
    with pytest.raises(AssertionError) as error:
        check_backward(None, backward, program, "X")
    assert words in str(error.value)
    lines = ("∂L/∂x_pq = Σ_j ∂L/∂y_pj·w_qj", "∂L/∂y_pq = ")  # where the mistake is
    assert any(f"that decides: {line}" in str(error.value) for line in lines)
    assert not check_backward(None, backward, program, "X", raise_exception=False)


def test_the_worst_entry_is_named_from_one() -> None:
    """One entry that is off is the one that is named, with both values."""

    def backward(dY: Any, W: Any) -> Any:
        right = dY @ W.T
        right[-1, 0] += 5
        return right

    with pytest.raises(
        AssertionError, match=r"in 1 of 8 entries .* Worst is entry \(2, 1\), counted"
    ):
        check_backward(None, backward, THEOREM, "X")


def test_a_mistake_that_only_size_one_shows_is_found() -> None:
    """Each size is 1 in turn: a squeeze that drops it is caught."""
    with pytest.raises(AssertionError, match="has the shape"):
        check_backward(None, lambda dY, W: np.squeeze(dY @ W.T), THEOREM, "X")


def test_wrong_forward_functions_are_found() -> None:
    """A backward function is not judged by a forward function of something else."""
    with pytest.raises(AssertionError, match="forward is not Y = X @ W; "):
        check_backward(lambda X, W: X @ W + 1, lambda dY, W: dY @ W.T, THEOREM, "X")


@pytest.mark.parametrize(
    ("backward", "wrt", "message"),
    [
        (lambda grad, W: grad @ W.T, "X", "backward asks for grad, which the program does not have"),
        (lambda dY, W: dY @ W.T, None, "backward must return 2 gradients, by X and W"),
        (lambda dY: {"W": dY}, ["X"], "a dictionary without X"),
        (lambda: "text", "X", "backward returns str, which is no array"),
        (lambda dY: dY, "Z", "There is no Z in the program"),
    ],
)  # fmt: skip
def test_what_cannot_be_checked(backward: Callable[..., Any], wrt: Any, message: str) -> None:
    """Misuse is an input error that says what was expected, not a wrong gradient."""
    with pytest.raises(InputError) as error:
        check_backward(None, backward, THEOREM, wrt)
    assert message in str(error.value)


def test_differences_for_arrays_of_any_shape() -> None:
    """Every entry of an array of three dimensions is compared, by any of the arguments."""
    x = np.linspace(0.5, 2, 24).reshape(2, 3, 4)
    assert check_grad(lambda x: (x**3).sum(), lambda x: 3 * x**2, (x,))
    assert check_grad(lambda a, x: a * x.sum(), lambda _, x: x.sum(), (2, x))
    assert check_grad(lambda a, x: a * x.sum(), lambda a, x: a + 0 * x, (2, x), wrt=1)
    assert check_grad(
        lambda x: np.float32(x.sum()) * 0 + x.sum(), lambda x: 0 * x + 1, ([1, 2, 3],)
    )


def test_differences_name_the_worst_entry() -> None:
    """A wrong gradient is named by its worst entry, its values, and a factor if there is one."""
    x = np.arange(6.0).reshape(1, 2, 3)

    def off(x: Any) -> Any:
        right = 2 * x
        right[0, 1, 0] = 7
        return right

    with pytest.raises(
        AssertionError, match=r"1 of 6 entries. Worst is entry \(1, 2, 1\), .* is 7, .* give 6"
    ):
        check_grad(lambda x: (x**2).sum(), off, (x,))
    with pytest.raises(AssertionError, match=r"like 0\.5 times the right"):
        check_grad(lambda x: (x**2).sum(), lambda x: x, (x,))
    assert not check_grad(lambda x: (x**2).sum(), lambda x: x.T, (x,), raise_exception=False)
    with pytest.raises(InputError, match="it must be a scalar"):
        check_grad(lambda x: x**2, lambda x: x, (x,))
    with pytest.raises(InputError, match="there are 1 arguments"):
        check_grad(lambda x: x.sum(), lambda x: x, (x,), wrt=1)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(inputs("Y = X @ W.T; L = lam*sum(f(Y))", largest=4))
def test_inputs_fit_the_program(values: dict[str, Any]) -> None:
    """The strategy makes arrays of shapes that fit, and numbers for scalars."""
    assert (values["X"] @ values["W"].T).shape == (len(values["X"]), len(values["W"]))
    assert isinstance(values["lam"], float)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(shapes(THEOREM, largest=3))
def test_shapes_fit_the_program(found: dict[str, tuple[int, ...]]) -> None:
    """Shapes agree where the program joins them; dY of an undefined loss is an input."""
    assert found["X"][1] == found["W"][0]
    assert found["dY"] == (found["X"][0], found["W"][1])


def run(folder: Path, suite: str) -> str:
    """What pytest prints for a file of tests, all warnings being errors."""
    (folder / "test_it.py").write_text(suite, encoding="utf-8")
    options = ["-q", "-W", "error", "-p", "no:cacheprovider"]
    command = [sys.executable, "-m", "pytest", *options, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)
    return done.stdout + done.stderr


@pytest.mark.parts
def test_the_fixture_reports_all_wrong_gradients_at_once(tmp_path: Path) -> None:
    """One message holds all failures; the test runs to its end and fails, once."""
    printed = run(
        tmp_path,
        """
def test_two(gradient_check):
    assert not gradient_check.assert_gradient("L = Loss(X @ W)", "X", "dY @ W")
    gradient_check.check_grad(lambda x: x**2, lambda x: x, (3.0,))
    gradient_check.assert_gradient("L = Loss(X @ W)", "X", "dY @ W.T")
    print("to the end")

def test_other(gradient_check):
    gradient_check.assert_gradient("L = Loss(X @ W)", "W", "X @ dY")
    raise ValueError("the test's own")

def test_right(gradient_check):
    assert gradient_check.assert_gradient("L = Loss(X @ W)", "W", "X.T @ dY")
""",
    )
    assert "2 failed, 1 passed" in printed
    assert "2 wrong gradients:\n1. Wrong: dY @ W is not" in printed
    assert "\n2. The gradient by argument 0 is wrong in 1 of 1 entries." in printed
    assert "to the end" in printed
    assert "the test's own" in printed
    assert "X lost its transpose" in printed


@pytest.mark.parts
def test_the_plugin_loads_nothing_unless_used(tmp_path: Path) -> None:
    """A run of pytest that checks no gradient pays nothing for the plugin."""
    suite = "import sys\ndef test_it():\n    assert not {'sympy', 'numpy'} & set(sys.modules)\n"
    assert "1 passed" in run(tmp_path, suite)


@pytest.mark.parametrize(
    ("backward", "program", "words"),
    [
        (lambda X, W: 2 * (X @ W) @ W.T, "lam*sum((X @ W)**2)", "1/lam times the gradient"),
        (lambda dY, W, lam: -lam * dY @ W.T, "lam*sum(f(X @ W))", "-lam times the gradient"),
        (lambda dY, W, lam: 3 / lam * dY @ W.T, "lam*sum(f(X @ W))", "3/lam times the gradient"),
        (lambda dY, W: dY @ W.T / 3, "Loss(X @ W)", "1/3 times the gradient"),
        (lambda Y, W: np.maximum(Y, 0) @ W.T, "sum(relu(X @ W))", "relu(Y) must be step(Y)"),
        (lambda Y, W: np.tanh(Y) @ W.T, "sum(tanh(X @ W))", "tanh(Y) must be 1 - tanh(Y)**2"),
    ],
)
def test_what_a_wrong_function_looks_like(
    backward: Callable[..., Any], program: str, words: str
) -> None:
    """Factors are told as a formula holds them, and a derivative that is left out is named."""
    with pytest.raises(AssertionError) as error:
        check_backward(None, backward, program, "X")
    assert words in str(error.value)


def test_complex_results_are_refused() -> None:
    """An imaginary part is not dropped, whatever the real part is."""
    with pytest.raises(InputError, match="backward returns complex numbers"):
        check_backward(None, lambda dY, W: dY @ W.T + 1j, THEOREM, "X")
    with pytest.raises(InputError, match="grad returns complex numbers"):
        check_grad(np.sum, lambda x: np.ones_like(x) + 1j, (np.ones((2, 3)),))


def test_functions_that_work_an_array_out() -> None:
    """A right one passes at all shapes, of two axes and of four; what is wrong is said."""

    def softmax(A: Array, x: Array) -> Array:
        powers = np.exp(A @ x)
        s = powers / powers.sum()
        return (np.diag(s) - np.outer(s, s)) @ A

    def layer(A: Array, X: Array) -> Array:
        slope = 1 - np.tanh(A @ X) ** 2
        return np.einsum("ij,ip,jq->ijpq", slope, A, np.eye(X.shape[1]))

    def composed(A: Array, x: Array, ddf: Callable[[Array], Array]) -> Array:
        return A.T @ np.diag(ddf(A @ x)) @ A

    assert_jacobian("softmax(A @ x)", "x", softmax)
    assert_jacobian("tanh(A @ X)", "X", layer)
    assert_hessian("sum(f(A @ x))", "x", composed)
    assert_hessian("x @ A @ y", "x, y", lambda A: A)
    assert_jacobian("f(x)", "x", lambda x, df: np.diag(df(x)), shapes={"x": (3,)})
    for function, words in (
        (lambda A, x: 2 * softmax(A, x), "It looks like 2 times"),
        (lambda A, x: softmax(A, x).T, "shape"),
        (lambda A, x: softmax(A, x) + 0.1 * (len(x) == 1), "1 of|entries"),
    ):
        with pytest.raises(AssertionError, match=words):
            assert_jacobian("softmax(A @ x)", "x", function)
    with pytest.raises(AssertionError, match="the other layout"):
        assert_jacobian(
            "tanh(A @ X)",
            "X",
            lambda A, X: layer(A, X).transpose((2, 3, 0, 1)),
            shapes={"A": (3, 3), "X": (3, 2)},
        )
    with pytest.raises(InputError, match="asks for Z"):
        assert_jacobian("tanh(A @ x)", "x", lambda Z: Z)
    with pytest.raises(InputError, match="leave it out"):
        assert_jacobian("A @ x", "x", "A", array=np.asarray)


def test_functions_get_arrays_of_other_libraries() -> None:
    """What `array` makes is given to the function, functions as they are."""
    seen = []

    class Own(np.ndarray):
        def detach(self) -> Array:
            seen.append(self.shape)
            return np.asarray(self)

    def given(x: Own, df: Callable[[Array], Array]) -> Own:
        assert isinstance(x, Own)
        return np.diag(df(x)).view(Own)

    assert_jacobian("f(x)", "x", given, array=lambda x: np.asarray(x).view(Own))
    assert len(set(seen)) > 1
    with pytest.raises(AssertionError, match="3 times"):
        assert_jacobian(
            "f(x)", "x", lambda x, df: 3 * given(x, df), array=lambda x: np.asarray(x).view(Own)
        )


@pytest.mark.parametrize("library", ["torch", "jax"])
def test_functions_of_torch_and_jax(library: str) -> None:
    """Their own Jacobians and Hessians are right, of tensors that their makers make."""
    module = pytest.importorskip(library)
    if library == "torch":
        assert_jacobian(
            "tanh(A @ x)",
            "x",
            lambda A, x: module.func.jacrev(lambda x: module.tanh(A @ x))(x),
            array=module.from_numpy,
        )
        return
    module.config.update("jax_enable_x64", val=True)
    numpy = module.numpy
    assert_jacobian(
        "tanh(A @ x)",
        "x",
        lambda A, x: module.jacobian(lambda x: numpy.tanh(A @ x))(x),
        array=numpy.asarray,
    )
    assert_hessian(
        "sum(exp(A @ x))",
        "x",
        lambda A, x: module.hessian(lambda x: numpy.sum(numpy.exp(A @ x)))(x),
        array=numpy.asarray,
    )
