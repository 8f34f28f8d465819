"""Examples in numbers: exact, small, and with a nudge that agrees with the gradient."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import matderiv
from matderiv.calculus.sweep.task import read_task
from matderiv.derivation.sides import Numerals
from matderiv.derivation.worked_numbers import worked_numbers
from matderiv.handout.document import Equation
from matderiv.handout.numbers import number_section

RATIONAL = (
    "L = sum((X @ W - T)**2)/2",
    "H = relu(X @ W + b); Y = H @ V + c; L = sum((Y - T)**2)",
    "L = mean((X @ w - y)**2) + lam*sum(w**2)",
    "L = sum((X - X @ W @ W.T)**2)",
    "L = tr(A.T @ B @ A)/2 - sum(abs(A))",
)
OTHERS = (
    "L = sum(exp(X))",
    "L = Loss(X @ W)",
    "L = logdet(S)",
    "L = norm(x)",
    "L = sum(max(X, axis=1)/x)",
)


def array(numerals: Numerals) -> np.ndarray:
    """The numbers as NumPy has them."""
    rows = np.array(numerals.rows, dtype=float)
    return rows if numerals.dimensions == 2 else rows[:, 0] if numerals.dimensions else rows[0, 0]


@pytest.mark.parametrize("program", RATIONAL)
def test_gradients_are_those_of_the_callable(program: str) -> None:
    """Each array of numbers is the value of the proved formula at the inputs."""
    found = worked_numbers(read_task(program, scalar=True, roles=True))
    assert found is not None
    inputs: dict[str, Any] = {n: array(numerals) for n, numerals in found.inputs.items()}
    assert found.task.wrt
    for name in found.task.wrt:
        own = matderiv.gradient(program, wrt=name)(**inputs)
        assert np.allclose(own, array(found.gradients[name])), name


@pytest.mark.parametrize("program", RATIONAL)
def test_nudges_agree_with_gradients_to_first_order(program: str) -> None:
    """The loss moves as predicted, up to the square of the step, and the prediction is not 0."""
    found = worked_numbers(read_task(program, scalar=True, roles=True))
    assert found is not None
    nudge = found.nudge
    assert nudge.slope
    assert abs(nudge.after - nudge.before - nudge.slope * nudge.step) <= 200 * nudge.step**2
    numbers = [
        n for part in (found.values, found.gradients) for one in part.values() for n in one.rows
    ]
    assert all(abs(n) <= 60 and n.denominator <= 6 for row in numbers for n in row)


@pytest.mark.parametrize("program", OTHERS)
def test_what_is_no_fraction_has_no_section(program: str) -> None:
    """A page without the section, not one with rounded numbers."""
    assert not list(number_section(read_task(program, scalar=True), "en"))


def test_undefined_functions_are_squares() -> None:
    """f(u) = u² is said, and the derivative is 2u."""
    found = worked_numbers(read_task("Y = X @ W; L = sum(f(Y))"))
    assert found is not None
    assert found.squares
    assert np.allclose(array(found.gradients["Y"]), 2 * array(found.values["Y"]))
    assert found.nudge.step == Fraction(1, 100)
    blocks = list(number_section(read_task("Y = X @ W; L = sum(f(Y))"), "zh"))
    assert sum(isinstance(block, Equation) for block in blocks) >= 3
