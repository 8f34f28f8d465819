"""Functions of arrays as programs: the same value, the same gradient, and refusals by line."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from _differences import central

import matderiv
from matderiv import testing
from matderiv.errors import InputError, MatderivError, UnsupportedError
from matderiv.tracing import program_of

Array = Any
Arrays = dict[str, Any]


def ridge(X: Array, W: Array, T: Array, lam: float = 0.1) -> Array:
    """A parameter with a default keeps it."""
    E = X @ W - T
    return np.sum(E**2) + lam * np.linalg.norm(W) ** 2


def recurrent(X: Array, W: Array, b: Array) -> Array:
    """One variable holds one value after the other."""
    h = X
    for _ in range(3):
        h = np.tanh(h @ W + b)
    return h.mean()


def _softmax(Z: Array) -> Array:
    E = np.exp(Z)
    return E / E.sum(axis=1, keepdims=True)


def helped(X: Array, W: Array, T: Array) -> Array:
    """A function that calls another."""
    P = _softmax(X @ W)
    return -np.mean(np.sum(T * np.log(P), axis=1))


def piled(x: Array) -> Array:
    """A value that nothing holds is used twice at each of 14 levels."""
    values = [x]
    for _ in range(14):
        values.append(np.tanh(values[-1]) + values[-1] / 2)
    return np.sum(values[-1])


def chosen(x: Array, y: Array) -> Array:
    """Comparisons, choices and einsum."""
    z = np.maximum(x, 0.5)
    return np.where(z > y, z, 2 * z).sum() + np.einsum("i,i->", x, y) + (x[:, None] * y).sum()


def gaussian(S: Array, y: Array) -> Array:
    """A pair is taken apart."""
    _, logdet = np.linalg.slogdet(S.T @ S + np.float64(1) * S)
    return logdet + y @ np.linalg.solve(S, y)


def numbers(x: Array) -> Array:
    """Numbers on the left of operators, with a sign, and of NumPy."""
    return 1 - (-2 * x + np.float64(0.25)) @ x + 2 ** x.sum() / 3 - abs(x.real).sum()


def moved(X: Array, G: Array) -> Array:
    """Entries that are moved, by functions, methods and indices."""
    return (
        (X.cumsum(1) * G).sum()
        + np.sum(np.roll(X, 2, axis=0)[1:] ** 2)
        + (np.concatenate([X, G])[::-1] ** 3).sum()
        + X[-1, 1:].sum() ** 2
        + np.max(X * G)
    )


def averaged(X: Array, w: Array, y: Array) -> Array:
    """Sizes of arrays, taken apart, by axis and all together."""
    n, d = X.shape
    r = X @ w - y
    return (r**2).sum() / (2 * n) + d * (w**2).sum() / w.size + (r**4).sum() / (r.shape[0] + 1)


FUNCTIONS: list[tuple[Callable[..., Any], Arrays]] = [
    (ridge, {"X": (3, 2), "W": (2, 4), "T": (3, 4)}),
    (recurrent, {"X": (2, 3), "W": (3, 3), "b": (3,)}),
    (helped, {"X": (3, 2), "W": (2, 4), "T": (3, 4)}),
    (piled, {"x": (3,)}),
    (chosen, {"x": (3,), "y": (3,)}),
    (gaussian, {"S": (3, 3), "y": (3,)}),
    (numbers, {"x": (3,)}),
    (moved, {"X": (3, 4), "G": (3, 4)}),
    (averaged, {"X": (3, 4), "w": (4,), "y": (3,)}),
    (averaged, {"X": (1, 1), "w": (1,), "y": (1,)}),
]


@pytest.mark.parametrize(("function", "shapes"), FUNCTIONS, ids=[f.__name__ for f, _ in FUNCTIONS])
def test_gradients_are_those_of_the_function(function: Callable[..., Any], shapes: Arrays) -> None:
    """The gradient of the program is that of the function, by differences of its own values."""
    rng = np.random.default_rng(0)
    at = {name: rng.uniform(0.3, 1.4, shape) for name, shape in shapes.items()}
    program = program_of(function)
    assert len(program) < 500
    for name in shapes:
        found = matderiv.gradient(program, wrt=name, shapes=shapes)(**at)
        expected = central(lambda x, n=name: function(**{**at, n: x}), at[name])
        assert np.allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_names_are_those_of_variables() -> None:
    """A value has the name of the first variable that held it; another gets a number."""
    assert program_of(ridge) == "E = X @ W - T; L = sum(E ** 2) + 0.1 * norm(W) ** 2"
    lines = program_of(recurrent).split("; ")
    assert [line.split(" = ")[0] for line in lines] == ["h", "h2", "h3", "L"]


def test_a_parameter_that_is_called_is_undefined() -> None:
    """f(Y) in a function is f(Y) in the program."""

    def layer(X: Array, W: Array, f: Array) -> Array:
        Y = X @ W
        return f(Y).sum()

    program = program_of(layer)
    assert program == "Y = X @ W; L = f(Y).sum()"
    assert str(matderiv.gradient(program, wrt="W")) == "X.T @ dY"


def test_names_that_mean_something_else() -> None:
    """A variable called as a function of the language, or as a gradient, gets another name."""

    def odd(X: Array) -> Array:
        mean = X + 1
        dX = mean * 2
        e = dX * mean
        return (e + dX + mean).sum()

    names = [line.split(" = ")[0] for line in program_of(odd).split("; ")]
    assert len(names) == len(set(names)) == 4
    assert not {"mean", "dX", "e"} & set(names)


def test_every_public_function_takes_a_function() -> None:
    """A function stands where a program stands."""

    def layer(X: Array, W: Array, T: Array) -> Array:
        E = X @ W - T
        return np.sum(E**2)

    assert str(matderiv.gradient(layer, wrt="W")) == "X.T @ dE"
    assert matderiv.check(layer, "W", "2*X.T @ E").status == "right"
    assert matderiv.check(layer, "W", "X.T @ E").status == "wrong"
    assert matderiv.derive(layer, wrt="W").formulas == {"W": "X.T @ dE"}
    assert str(matderiv.jacobian(lambda A, x: np.tanh(A @ x), wrt="x")).endswith("@ A")
    assert str(matderiv.hessian(lambda A, x: x @ A @ x, wrt="x")) == "A + A.T"
    testing.assert_gradient(layer, "W", "2*X.T @ E")
    with pytest.raises(AssertionError):
        testing.assert_gradient(layer, "W", "X @ E")
    testing.check_backward(None, lambda X, W, T: 2 * X.T @ (X @ W - T), layer, "W")


@pytest.mark.parametrize(
    "function", [np.cumsum, lambda X: np.roll(X, 1), lambda X: np.repeat(X, 2)]
)
def test_what_numpy_flattens_is_not_read_otherwise(function: Callable[[Array], Array]) -> None:
    """Without an axis these arrange a matrix in one row first, which the language does not."""
    with pytest.raises(InputError):
        matderiv.gradient(lambda X: (function(X) ** 2).sum(), shapes={"X": (2, 3)})


def _branch(x: Array) -> Array:
    if x.sum() > 0:
        return x.sum()
    return -x.sum()


def _in_place(x: Array) -> Array:
    x += 1
    return x.sum()


def _entry(x: Array) -> Array:
    x[0] = 1
    return x.sum()


def _constant(x: Array) -> Array:
    return (np.arange(3) * x).sum()


def _loop(x: Array) -> Array:
    return sum(v for v in x)


def _length(x: Array) -> Array:
    return x.sum() / len(x)


def _number(x: Array) -> Array:
    return float(x.sum())


def _reduced(x: Array) -> Array:
    return np.add.reduce(x)


def _out(x: Array) -> Array:
    return np.exp(x, out=x).sum()


def _attribute(X: Array) -> Array:
    return X.flat.sum()


def _random(x: Array) -> Array:
    return np.sort(np.asarray(x)).sum()


REFUSED = {
    _branch: "depends on a value",
    _in_place: "in place",
    _entry: "entry is written",
    _constant: "no parameter",
    _loop: "loop",
    _length: "a length is asked for",
    _number: "made a number",
    _reduced: "np.add.reduce",
    _out: "with out",
    _attribute: ".flat",
    _random: "asks an array for its numbers",
}


@pytest.mark.parametrize(("function", "why"), REFUSED.items(), ids=[f.__name__ for f in REFUSED])
def test_what_cannot_be_traced_is_refused_by_line(function: Callable[..., Any], why: str) -> None:
    """A message names the line of the function, and what to do."""
    first = inspect.getsourcelines(function)[1]
    with pytest.raises(UnsupportedError, match=rf"line {first + 1} of .*{why}"):
        program_of(function)


def _fails(x: Array) -> Array:
    return x.sum() + "one"


@pytest.mark.parametrize(
    ("function", "why"),
    [
        (np.exp, "not written in Python"),
        (lambda *x: x[0], "give each array a parameter"),
        (lambda x: 3, "must return one array"),  # noqa: ARG005
        (lambda x: (x, x), "must return one array"),
        (lambda x: x / 0, "divides by zero"),
        (_fails, "one"),
    ],
)
def test_functions_that_are_no_program(function: Callable[..., Any], why: str) -> None:
    """Whatever the function does, the error is ours and one line."""
    with pytest.raises(MatderivError, match=why) as caught:
        matderiv.gradient(program_of(function))
    assert "\n" not in str(caught.value)


def test_a_function_that_fails() -> None:
    """An error inside the function is told with its words."""

    def broken(x: Array) -> Array:
        return x + undefined_name  # type: ignore[name-defined] # noqa: F821

    with pytest.raises(InputError, match="broken cannot be traced: NameError"):
        program_of(broken)
