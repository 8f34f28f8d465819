"""Printed code in torch and JAX themselves: it runs, and is what their own differentiation says."""

from __future__ import annotations

import importlib
import importlib.util
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from _gradient_table import Gradient, sized, table
from _reference import UNDEFINED, Array
from test_array_derivatives import numbers
from test_code import SIZES, called, derived, drawn, error, ran
from test_second_table import FUNCTIONS as SECOND_FUNCTIONS
from test_second_table import Second
from test_second_table import table as second_table

import matderiv
from matderiv.expression.functions import FUNCTIONS

#: JAX is not loaded where these tests are only collected: it warns wherever its process is forked.
MISSING = [name for name in ("torch", "jax") if importlib.util.find_spec(name) is None]

pytestmark = [
    pytest.mark.parts,
    pytest.mark.skipif(
        bool(MISSING) and not os.environ.get("MATDERIV_FRAMEWORKS"),
        reason=f"not installed: {', '.join(MISSING)}; see the extra frameworks",
    ),
]

#: Programs whose losses torch and jax.numpy write with the same words.
LOSSES: list[tuple[str, str, dict[str, tuple[int, ...]], Callable[..., Any]]] = [
    ("sum((X @ W - T)**2)", "W", {}, lambda m, X, W, T: m.sum((X @ W - T) ** 2)),
    ("mean((X @ w - y)**2)", "w", {}, lambda m, X, w, y: m.mean((X @ w - y) ** 2)),
    (
        "H = tanh(X @ U + b); L = sum((H @ V)**2)",
        "U",
        {"b": (5,)},
        lambda m, X, U, b, V: m.sum((m.tanh(X @ U + b) @ V) ** 2),
    ),
    ("sum(exp(X @ W)*T)", "X", {}, lambda m, X, W, T: m.sum(m.exp(X @ W) * T)),
    (
        "logdet(S) + y @ inv(S) @ y",
        "S",
        {},
        lambda m, S, y: m.linalg.slogdet(S)[1] + y @ m.linalg.inv(S) @ y,
    ),
    (
        "tr(A @ inv(X) @ B)",
        "X",
        {"A": (4, 3), "B": (3, 4)},
        lambda m, A, X, B: m.trace(A @ m.linalg.inv(X) @ B),
    ),
    ("det(X)**2", "X", {}, lambda m, X: m.linalg.det(X) ** 2),
    ("norm(A @ x - b)", "x", {}, lambda m, A, x, b: m.linalg.norm(A @ x - b)),
    (
        "Y = X @ W; L = sum(logsumexp(Y, axis=1)) - sum(T*Y)",
        "W",
        {},
        lambda m, X, W, T: m.sum(m.log(m.sum(m.exp(X @ W), 1))) - m.sum(T * (X @ W)),
    ),
    (
        "P = softmax(Q @ K.T, axis=1); L = sum((P @ V)**2)",
        "K",
        {},
        lambda m, Q, K, V: m.sum(((m.exp(Q @ K.T) / m.exp(Q @ K.T).sum(1)[:, None]) @ V) ** 2),
    ),
    (
        "sum(sigmoid(X)*softplus(X))",
        "X",
        {},
        lambda m, X: m.sum(m.log(1 + m.exp(X)) / (1 + m.exp(-X))),
    ),
    (
        "sum(sqrt(sum(X**2, axis=1))) + sum(abs(X))",
        "X",
        {},
        lambda m, X: m.sum(m.sqrt(m.sum(X**2, 1))) + m.sum(m.abs(X)),
    ),
    (
        "sum(softmax(X)*T) + logsumexp(X)",
        "X",
        {},
        lambda m, X, T: m.sum(m.exp(X) * T) / m.sum(m.exp(X)) + m.log(m.sum(m.exp(X))),
    ),
    (
        "prod(x) + sum(outer(x, y)**2)",
        "x",
        {},
        lambda m, x, y: m.prod(x) + m.sum(m.outer(x, y) ** 2),
    ),
]

EVERY_LOSS = pytest.mark.parametrize(
    ("program", "wrt", "shapes", "loss"), LOSSES, ids=[program for program, *_ in LOSSES]
)


def framework(name: str) -> Any:
    """Return torch or JAX."""
    found = importlib.import_module(name)
    if name == "jax":
        found.config.update("jax_enable_x64", val=True)
        # Each operation runs a few times, so that compiling it is nearly all that it costs.
        found.config.update("jax_disable_most_optimizations", val=True)
    return found


def given(name: str, array: Array, kind: type) -> Any:
    """An array of a library's own, of one precision."""
    library = framework(name)
    return (
        library.tensor(array.astype(kind))
        if name == "torch"
        else library.numpy.asarray(array, kind)
    )


def _in(name: str, function: Callable[..., Any], kind: type) -> Callable[..., Any]:
    """A function of NumPy's arrays as one of a library's."""
    return lambda array: given(name, np.asarray(function(np.asarray(array))), kind)


def single_result(
    function: Callable[..., Any], arrays: dict[str, Any], sizes: dict[str, int]
) -> Any:
    """The shape and the type that JAX gives the result for such inputs, without compiling it."""
    functions = dict.fromkeys(UNDEFINED, lambda array: array) | sizes
    return framework("jax").eval_shape(lambda given: called(function, given, functions), arrays)


BOTH = pytest.mark.parametrize("target", ["torch", "jax"])


@BOTH
@pytest.mark.parametrize("gradient", table(), ids=lambda gradient: gradient.id)
def test_every_printed_text_runs(gradient: Gradient, target: str, tmp_path: Path) -> None:
    """It agrees with central differences, and its result has the precision of its inputs."""
    framework(target)
    found = derived(gradient)
    function = ran(found.code(target), tmp_path)["gradient"]
    fixed = all(dim.symbol.isdigit() for shape in found.shapes.values() for dim in shape)
    sizes = gradient.sizes([(1 if fixed else 2) * n for n in SIZES])
    inputs = gradient.inputs(sizes, np.random.default_rng(1))
    expected = gradient.differences(sizes, inputs)
    for kind, far in ((np.float64, 1e-6), (np.float32, 1e-2)):
        functions = {name: _in(target, of, kind) for name, of in UNDEFINED.items()}
        arrays = {
            name: given(target, array, gradient.kind(name, kind)) for name, array in inputs.items()
        }
        if target == "jax" and kind is np.float32:
            result = single_result(function, arrays, sizes)
            assert (result.shape, result.dtype) == (expected.shape, kind)
            continue
        result = called(function, arrays, functions | sizes)
        assert error(result, expected) < far
        assert np.asarray(result).dtype == kind


@BOTH
@pytest.mark.parametrize("second", second_table(), ids=lambda second: second.id)
def test_every_printed_array_runs(second: Second, target: str, tmp_path: Path) -> None:
    """The text of a Jacobian or Hessian agrees with central differences."""
    framework(target)
    sizes = second.sizes(SIZES)
    answer = getattr(matderiv, second.kind)(sized(second.program, sizes), wrt=second.wrt)
    function = ran(answer.code(target), tmp_path)[second.kind]
    arrays = {name: given(target, a, np.float64) for name, a in second.inputs(sizes).items()}
    functions = {name: _in(target, of, np.float64) for name, of in SECOND_FUNCTIONS.items()}
    assert error(called(function, arrays, functions), second.array(sizes)) < 1e-5


#: Functions of one number whose derivatives have words, and where all of them have values.
FUNCTIONS_OF_ONE = [name for name in FUNCTIONS if name != "trigamma"]
PLACES = np.array([[0.3, 0.5], [0.7, 0.2]])


@BOTH
@pytest.mark.parametrize("function", FUNCTIONS_OF_ONE)
def test_every_function_runs(function: str, target: str, tmp_path: Path) -> None:
    """Its value and its derivative are those of NumPy, in the precision of the input."""
    framework(target)
    gradient = matderiv.gradient(f"sum({function}(X)*X)", wrt="X")
    places = PLACES + 1 if function == "arccosh" else PLACES
    expected = gradient(X=places)
    printed = ran(gradient.code(target), tmp_path)["gradient"]
    for kind, far in ((np.float64, 1e-9), (np.float32, 1e-4)):
        found = printed(given(target, places, kind))
        assert error(found, expected) < far
        assert np.asarray(found).dtype == kind


@EVERY_LOSS
def test_torch_text(
    program: str, wrt: str, shapes: Any, loss: Callable[..., Any], tmp_path: Path
) -> None:
    """The torch text gives what torch.autograd gives."""
    torch = framework("torch")
    gradient = matderiv.gradient(program, wrt=wrt, shapes=shapes)
    inputs = {k: torch.tensor(v, requires_grad=k == wrt) for k, v in drawn(gradient).items()}
    loss(torch, **inputs).backward()
    with torch.no_grad():
        found = called(ran(gradient.code("torch"), tmp_path)["gradient"], inputs)
    assert error(found, inputs[wrt].grad.numpy()) < 1e-10


@EVERY_LOSS
def test_jax_text(
    program: str, wrt: str, shapes: Any, loss: Callable[..., Any], tmp_path: Path
) -> None:
    """The JAX text gives what jax.grad gives."""
    jax = framework("jax")
    gradient = matderiv.gradient(program, wrt=wrt, shapes=shapes)
    inputs = {k: jax.numpy.asarray(v) for k, v in drawn(gradient).items()}
    expected = jax.grad(lambda x: loss(jax.numpy, **{**inputs, wrt: x}))(inputs[wrt])
    found = called(ran(gradient.code("jax"), tmp_path)["gradient"], inputs)
    assert error(found, np.asarray(expected)) < 1e-10


def test_jax_arrays() -> None:
    """Jacobians, Hessians and their products are those of JAX."""
    jax = framework("jax")
    names = numbers({"A": (3, 2), "x": (2,), "X": (2, 4), "v": (2,), "V": (3, 4), "U": (2, 4)})
    matrix, jnp = names["A"], jax.numpy

    def vector(x: Any) -> Any:
        return jax.nn.softmax(matrix @ x)

    def layer(x: Any) -> Any:
        return jnp.tanh(matrix @ x)

    def loss(x: Any) -> Any:
        return jnp.sum(jnp.exp(matrix @ x) ** 2)

    texts = {"vector": "softmax(A @ x)", "layer": "tanh(A @ X)", "loss": "sum(exp(A @ x)**2)"}
    x, v, over, u, w = (names[name] for name in ("x", "v", "X", "U", "V"))
    theirs = {
        ("jacobian", "vector"): jax.jacobian(vector)(x),
        ("jvp", "vector"): jax.jvp(vector, (x,), (v,))[1],
        ("jacobian", "layer"): jax.jacobian(layer)(over),
        ("jvp", "layer"): jax.jvp(layer, (over,), (u,))[1],
        ("vjp", "layer"): jax.vjp(layer, over)[1](w)[0],
        ("hessian", "loss"): jax.hessian(loss)(x),
        ("hvp", "loss"): jax.jvp(jax.grad(loss), (x,), (v,))[1],
    }
    for (kind, function), expected in theirs.items():
        found = getattr(matderiv, kind)(texts[function], wrt="X" if function == "layer" else "x")
        direction = {"jvp": u, "vjp": w}[kind] if function == "layer" and kind != "jacobian" else v
        own = {name: names[name] for name in found.program.inputs()}
        given = {found.asked.direction: direction} if found.asked.direction else {}
        assert np.allclose(found(**own, **given), expected, atol=1e-9), (kind, function)
