"""Called gradients and printed code have a value wherever the gradient has one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from _reference import Array, differences
from test_code import ran

import matderiv

BIG = np.array([1000.0, 0.0])

#: A program, what it is differentiated by, and arrays at which a formula taken literally is NaN.
EXTREME: list[tuple[str, str, dict[str, Array], object]] = [
    (
        "y = sigmoid(X @ w); L = -sum(t*log(y) + (1 - t)*log(1 - y))",
        "w",
        {"X": np.array([[40.0], [800]]), "w": np.ones(1), "t": np.array([0.0, 1])},
        [40.0],
    ),
    ("-t @ log(softmax(z))", "z", {"z": BIG, "t": np.array([0.0, 1])}, [1, -1]),
    ("p = softmax(z); L = -sum(p*log(p))", "z", {"z": BIG}, [0, 0]),
    (
        "p = softmax(z); q = softmax(y); L = sum(p*(log(p) - log(q)))",
        "z",
        {"z": BIG, "y": BIG[::-1]},
        [0, 0],
    ),
    ("y = sigmoid(z); L = t @ log(1 - y)", "t", {"z": BIG, "t": BIG}, [-1000, -np.log(2)]),
    ("sum(log(1 + exp(x)))", "x", {"x": BIG}, [1, 0.5]),
    ("sum(log(exp(x) + exp(y)))", "x", {"x": np.array([1000.0, -1000]), "y": BIG - 1000}, [1, 0.5]),
    ("sum(log(exp(x) + exp(y)))", "x", {"x": BIG - 1000, "y": BIG - 1000}, [0.5, 0.5]),
    ("e = exp(x); s = e + exp(y); L = sum(log(s))", "x", {"x": BIG, "y": -BIG}, [1, 0.5]),
    ("sum(t*log(2 + exp(x) + 3*exp(-x)))", "t", {"x": BIG, "t": BIG}, [1000, np.log(6)]),
    ("sum(log(2 + exp(x) + 3*exp(-x)))", "x", {"x": BIG}, [1, -1 / 3]),
    ("sum((exp(x) - exp(-x))/(exp(x) + exp(-x)))", "x", {"x": BIG}, [0, 1]),
]

#: Programs with a denominator that is infinite in floating point, where the quotient is 0.
INFINITE = [
    ("sum(1/(exp(x) + exp(-x)))", "x", {"x": BIG}, [0, 0]),
    ("sum(1/(exp(x) + exp(-x))**2)", "x", {"x": -BIG}, [0, 0]),
    ("sum(3/(exp(2*x) + exp(-2*x)))", "x", {"x": BIG}, [0, 0]),
    ("sum(1/cosh(x))", "x", {"x": BIG}, [0, 0]),
    ("sum(1/(exp(x) - exp(-x)))", "x", {"x": BIG + 800}, [0, 0]),
]

#: Programs of products and determinants, to be tried where one factor is zero.
SINGULAR = [
    ("prod(x)", "x", {"x": (3,)}),
    ("prod(x)**2*sum(x)", "x", {"x": (3,)}),
    ("prod(x*y)", "x", {"x": (3,), "y": (3,)}),
    ("prod(X)", "X", {"X": (2, 3)}),
    ("prod(X, axis=0) @ v", "X", {"X": (2, 3), "v": (3,)}),
    ("prod(X @ v)", "X", {"X": (2, 3), "v": (3,)}),
    ("prod(diag(x) + S)", "x", {"x": (3,), "S": (3, 3)}),
    ("prod(minimum(diag(x) + S, x))", "x", {"x": (3,), "S": (3, 3)}),
    ("prod(X, axis=1) @ v", "X", {"X": (3, 2), "v": (3,)}),
    ("v @ prod(A @ X, axis=1)", "X", {"X": (3, 2), "v": (4,), "A": (4, 3)}),
    ("sum(prod(X, axis=1)**2)", "X", {"X": (3, 1)}),
    ("sum(B*prod(X, axis=2))", "X", {"X": (2, 3, 4), "B": (2, 3)}),
    ("det(X)", "X", {"X": (3, 3)}),
    ("sin(det(X))*sum(Y)", "X", {"X": (3, 3), "Y": (2, 2)}),
    ("det(A + alpha*A)", "alpha", {"A": (3, 3), "alpha": ()}),
    ("det(diag(x) @ S)", "S", {"x": (3,), "S": (3, 3)}),
]


def ways(program: str, wrt: str, given: dict[str, Array], folder: Path) -> list[Array]:
    """The gradient as it is called, and as the printed function of NumPy works it out."""
    gradient = matderiv.gradient(program, wrt=wrt, shapes={n: a.shape for n, a in given.items()})
    printed = ran(gradient.code(), folder)["gradient"]
    return [np.asarray(gradient(**given)), np.asarray(printed(**given))]


@pytest.mark.parametrize(("program", "wrt", "given", "expected"), EXTREME)
def test_no_gradient_overflows(
    program: str, wrt: str, given: dict[str, Array], expected: object, tmp_path: Path
) -> None:
    """Where the gradient is finite, no step on the way to it is infinite or undefined."""
    with np.errstate(all="raise", under="ignore"):
        for value in ways(program, wrt, given, tmp_path):
            np.testing.assert_allclose(value, expected, atol=1e-12)


@pytest.mark.parametrize(("program", "wrt", "given", "expected"), INFINITE)
@pytest.mark.filterwarnings("ignore:overflow encountered")
def test_no_quotient_of_infinities(
    program: str, wrt: str, given: dict[str, Array], expected: list[float], tmp_path: Path
) -> None:
    """Where exp is infinite, the gradient is the limit and no NaN, in calls and printed texts."""
    with np.errstate(over="ignore"):
        for found in ways(program, wrt, given, tmp_path):
            np.testing.assert_allclose(found, expected, atol=1e-300)


@pytest.mark.parametrize(("program", "wrt", "shapes"), SINGULAR)
def test_a_zero_factor_is_no_pole(
    program: str, wrt: str, shapes: dict[str, tuple[int, ...]], tmp_path: Path
) -> None:
    """With a zero entry, or a singular matrix, the value is that of central differences."""
    rng = np.random.default_rng(5)
    for zero in (False, True):
        given = {name: np.asarray(rng.normal(size=shape)) for name, shape in shapes.items()}
        if zero:
            for array in given.values():
                if array.ndim:
                    array[0] = 0
        expected = differences(f"L = {program}", given, wrt)
        for value in ways(program, wrt, given, tmp_path):
            np.testing.assert_allclose(value, expected, atol=1e-7)


@pytest.mark.parametrize("program", ["sum(X)", "tr(X)*sum(w**2)", "sum(X @ w) + prod(w)"])
def test_single_precision_stays(program: str, tmp_path: Path) -> None:
    """Arrays of ones take the precision of the arrays that they stand beside."""
    given = {"X": np.eye(2, dtype=np.float32), "w": np.ones(2, dtype=np.float32)}
    gradient = matderiv.gradient(program, wrt="X", shapes={"X": (2, 2)})
    used = {name: array for name, array in given.items() if name in gradient.program.inputs()}
    assert ran(gradient.code(), tmp_path)["gradient"](**used).dtype == np.float32


def test_the_formula_says_where_it_has_no_value() -> None:
    """Beside a formula that divides by a factor of a product stands what is meant there."""
    assert "where an entry of x is 0" in matderiv.gradient("prod(x)").note
    rows = matderiv.gradient("v @ prod(A @ X, axis=1)", wrt="X").note
    assert rows.endswith("in place of prod(A @ X, axis=1, keepdims=True)/(A @ X).")
    assert "adjugate of X" in matderiv.gradient("det(X)").note
    assert matderiv.gradient("sum(log(x))").note == ""
