"""Exact values of expressions: what NumPy says in floating point, without the rounding."""

from __future__ import annotations

from fractions import Fraction

import mpmath
import numpy as np
import pytest

from matderiv.expression import numeric
from matderiv.expression.exact import NumberType, exact_value, precise_value
from matderiv.expression.parse import parse

EXACT = NumberType(Fraction, np.frompyfunc(lambda u, n: u ** int(n), 2, 1), {}, {"N": 3, "M": 2})
ROUNDED = NumberType(
    lambda v: mpmath.mpf(v.numerator) / v.denominator,
    pow,
    {f: np.frompyfunc(getattr(mpmath, f), 1, 1) for f in ("exp", "log", "sqrt")},
)


def exact(rows: int, cols: int) -> np.ndarray:
    """Fractions without a pattern."""
    chance = np.random.default_rng([rows, cols])
    made = [Fraction(int(n), int(d)) for n, d in chance.integers(1, 9, (rows * cols, 2))]
    return np.array(made, dtype=object).reshape(rows, cols)


VALUES = {"A": exact(3, 3), "B": exact(3, 2), "c": exact(1, 3)[0], "s": Fraction(2, 3)}
FLOATS = {name: np.asarray(value, dtype=np.float64) for name, value in VALUES.items()}


@pytest.mark.parametrize(
    "expression",
    [
        "(A @ B)**2 - 2*B/s",
        "-A.T @ B + outer(c, sum(B, axis=0))",
        "sum(B, axis=1, keepdims=True)*B",
        "mean(B, axis=0) + prod(B, axis=0)",
        "mean(B)*s",
        "inv(A) @ B",
        "det(A)*ones((N, M))",
        "det(outer(c, c))",
        "eye(N) + diag(c)*trace(A)",
        "diag(A) + A @ c",
    ],
)
def test_rational_values_are_exact(expression: str) -> None:
    """All that keeps fractions fractions is worked out without rounding."""
    node = parse(f"L = {expression}").loss.value
    value = exact_value(node, VALUES, EXACT)
    assert all(isinstance(v, Fraction) for v in np.ravel(np.asarray(value, dtype=object)))
    right = numeric.numeric_value(node, FLOATS, sizes={"N": 3, "M": 2})
    assert np.shape(value) == right.shape
    np.testing.assert_allclose(np.asarray(value, dtype=np.float64), right, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    "expression",
    [
        "softmax(B, axis=1)",
        "softmax(B)",
        "logsumexp(B, axis=0)",
        "logsumexp(B)",
        "logdet(A)",
        "norm(B)",
    ],
)
def test_other_values_have_many_digits(expression: str) -> None:
    """What exponentials and roots are in is right in all digits of floating point."""
    node = parse(f"L = {expression}").loss.value
    made = np.frompyfunc(ROUNDED.number, 1, 1)
    value = exact_value(node, {name: made(v) for name, v in VALUES.items()}, ROUNDED)
    right = numeric.numeric_value(node, FLOATS)
    np.testing.assert_allclose(np.asarray(value, dtype=np.float64), right, rtol=1e-9)


@pytest.mark.parametrize("arithmetic", [EXACT, ROUNDED], ids=["exact", "rounded"])
def test_a_singular_matrix_has_no_inverse(arithmetic: NumberType) -> None:
    """Rounding does not make an inverse out of nothing."""
    singular = np.frompyfunc(arithmetic.number, 1, 1)(np.outer(VALUES["c"], VALUES["c"]))
    with pytest.raises(ZeroDivisionError):
        exact_value(parse("L = inv(A)").loss.value, {"A": singular}, arithmetic)


@pytest.mark.parametrize("size", [1, 2, 5])
@pytest.mark.parametrize("scale", [Fraction(0), Fraction(1, 7), Fraction(1), Fraction(30)])
def test_exponentials_of_matrices_have_many_digits(size: int, scale: Fraction) -> None:
    """exp(A)·exp(-A) = I, sin² + cos² = I, and both are those that mpmath works out."""
    with mpmath.workdps(50):
        matrix = mpmath.matrix((exact(size, size) * scale / 9).tolist())
        one, e, sine, cosine = (
            mpmath.eye(size),
            *(precise_value(of, matrix) for of in ("expm", "sinm", "cosm")),
        )
        largest = 1 + mpmath.mnorm(e) * mpmath.mnorm(precise_value("expm", -matrix))
        for made, wanted in (
            (e * precise_value("expm", -matrix), one),
            (sine * sine + cosine * cosine, one),
            (e, mpmath.expm(matrix)),
            (sine, mpmath.sinm(matrix)),
        ):
            bound = 1 + max(largest, mpmath.mnorm(sine) ** 2)
            assert mpmath.mnorm(made - wanted) < mpmath.mpf(10) ** -45 * bound


def test_an_exponential_that_is_too_large_has_no_value() -> None:
    """The norm of the matrix says so, before anything is worked out."""
    with pytest.raises(ArithmeticError):
        precise_value("expm", mpmath.matrix([[10**9, 0], [0, 1]]))
