"""Taylor polynomials: every derivative is that of the one before, and the sum is near the loss."""

from __future__ import annotations

import runpy
from collections.abc import Mapping
from math import factorial
from pathlib import Path

import numpy as np
import pytest

import matderiv
from matderiv.errors import InputError
from matderiv.expansions import Taylor

#: Programs with the input that moves and the shapes of all inputs.
PROGRAMS: list[tuple[str, str, Mapping[str, tuple[int, ...]]]] = [
    ("p = sigmoid(X @ w); L = -sum(y*log(p))", "w", {"X": (3, 2), "w": (2,), "y": (3,)}),
    ("f = exp(a @ x); L = f/(1 + f)", "x", {"a": (2,), "x": (2,)}),
    ("logsumexp(A @ x)", "x", {"A": (3, 1), "x": (1,)}),
    ("logdet(X.T @ X + B)", "X", {"X": (3, 2), "B": (2, 2)}),
    ("sum(sin(theta*x))", "theta", {"theta": (), "x": (3,)}),
]
_STEP = 1e-5


def point(found: Taylor, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    """Random inputs, and a direction."""
    chance = np.random.default_rng(3)
    own = {**shapes, found.direction: shapes[found.wrt]}
    return {name: np.asarray(chance.uniform(0.3, 1.2, shape)) for name, shape in own.items()}


@pytest.mark.parametrize(("program", "wrt", "shapes"), PROGRAMS)
def test_each_derivative_is_that_of_the_one_before(
    program: str, wrt: str, shapes: Mapping[str, tuple[int, ...]]
) -> None:
    """Central differences along the direction of each give the next."""
    found = matderiv.taylor(program, wrt=wrt, order=3, shapes=shapes)
    assert found.proof == "for all sizes"
    at = point(found, shapes)
    values = found(**at)
    moved = [found(**{**at, wrt: at[wrt] + sign * _STEP * at[found.direction]}) for sign in (1, -1)]
    slopes = [(one - other) / (2 * _STEP) for one, other in zip(*moved, strict=True)]
    assert np.allclose(values[1:], slopes[:-1], rtol=1e-5, atol=1e-7)


def test_the_first_two_are_those_of_the_gradient_and_the_hessian() -> None:
    """D1 is vᵀg and D2 is vᵀHv."""
    program, wrt, shapes = PROGRAMS[0]
    found = matderiv.taylor(program, wrt=wrt, shapes=shapes)
    at = point(found, shapes)
    v = at.pop(found.direction)
    first, second = found(**at, v=v)
    assert np.isclose(first, v @ matderiv.gradient(program, wrt=wrt, shapes=shapes)(**at))
    assert np.isclose(second, v @ matderiv.hessian(program, wrt=wrt, shapes=shapes)(**at) @ v)


def test_a_polynomial_is_exact() -> None:
    """Of a cubic three derivatives are all there are, and their sum is the loss itself."""
    found = matderiv.taylor("sum(x**3)", wrt="x", order=6, shapes={"x": (3,)})
    assert found.exact
    assert found.polynomial == "L(x + eps*v) = L + eps*D1 + eps**2/2*D2 + eps**3/6*D3"
    x, v = np.array([1.0, -2.0, 0.5]), np.array([0.3, 0.1, -0.7])
    total = (x**3).sum() + sum(d / factorial(n) for n, d in enumerate(found(x=x, v=v), 1))
    assert np.isclose(total, ((x + v) ** 3).sum())


def test_names_are_free_and_code_runs(tmp_path: Path) -> None:
    """A program may have names such as D1 and v itself; the code has a function for each term."""
    program = "D1 = a @ x; v = exp(D1); L = v**2"
    found = matderiv.taylor(program, wrt="x", shapes={"a": (2,), "x": (2,)})
    assert len({*found.names, "D1", "v", found.direction}) == 5
    file = tmp_path / "taylor.py"
    file.write_text(found.code(), encoding="utf-8")
    scope = runpy.run_path(str(file))
    x = np.array([0.2, -0.4])
    values = found(a=x, x=x, **{found.direction: x})
    functions = [scope[f"taylor_{name}"] for name in found.names]
    assert np.allclose([f(a=x, x=x, **{found.direction: x}) for f in functions], values)


@pytest.mark.parametrize("form", ["latex", "torch", "jax", "sympy"])
def test_other_formats(form: str) -> None:
    """Each of them says both derivatives."""
    found = matderiv.taylor("norm(x)", wrt="x")
    text = found.latex() if form == "latex" else found.code(form)
    assert ("D_{1}" in text and "D_{2}" in text) or ("D1" in text and "D2" in text)


@pytest.mark.parametrize(
    ("program", "order", "words"),
    [
        ("A @ x", 2, "ends in an array; a Taylor polynomial is of a number"),
        ("sum(x)", 0, "order is 0"),
        ("sum(x)", 7, "The order is 7; it is a whole number from 1 to 6"),
    ],
)
def test_what_has_no_polynomial_is_refused(program: str, order: int, words: str) -> None:
    """One line says what to write instead."""
    with pytest.raises(InputError, match=words):
        matderiv.taylor(program, wrt="x", order=order)
