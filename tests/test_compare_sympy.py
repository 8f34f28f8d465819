"""scripts/compare_sympy.py: SymPy's answers are judged by their values and measured as ours are."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest
import sympy as sp
from _gradient_table import Gradient, cost, table

SCRIPT = Path(__file__).parents[1] / "scripts" / "compare_sympy.py"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    """The script as a module."""
    spec = importlib.util.spec_from_file_location("compare_sympy", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["compare_sympy"] = module
    spec.loader.exec_module(module)
    return module


def named(name: str) -> Gradient:
    """A gradient of the table."""
    return next(gradient for gradient in table() if gradient.id == name)


X, B = sp.MatrixSymbol("x", 3, 1), sp.MatrixSymbol("B", 3, 3)


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        ((B + B.T) * X, "right"),
        (B * X + B.T * X, "right"),
        (B * X, "wrong"),
        (X.T * (B + B.T), "wrong"),
        (sp.Integer(0), "zero"),
        (sp.ZeroMatrix(3, 1), "zero"),
        (sp.Derivative(sp.Determinant(B), B), "leftovers"),
    ],
)
def test_answers_are_judged_by_their_values(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, answer: sp.Basic, verdict: str
) -> None:
    """Whatever `diff` returns, it is right only with the value and shape of the gradient."""
    monkeypatch.setattr(script, "_in_time", lambda _: answer)
    assert script.compared(named("quadratic form")).verdict == verdict


def test_what_diff_raises_is_an_error(script: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception of SymPy's is a verdict and does not end the comparison."""

    def fail(work: object) -> None:
        raise ValueError("no")

    monkeypatch.setattr(script, "_in_time", fail)
    row = script.compared(named("quadratic form"))
    assert (row.verdict, row.text) == ("error", "ValueError: no")


def test_a_derivative_that_takes_too_long_is_stopped(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing that SymPy does can hold up the comparison."""
    monkeypatch.setattr(script, "SECONDS", 1)

    def forever() -> None:
        while True:
            pass

    with pytest.raises(TimeoutError):
        script._in_time(forever)


@pytest.mark.long
def test_each_gradient_is_said_or_refused_with_a_reason(script: ModuleType) -> None:
    """An operation that the table gains is written for SymPy or left out by name."""
    said, reasons = [], {}
    for gradient in table():
        try:
            said.append(next(script.said(gradient)))
        except script.CannotSayError as error:
            reasons[gradient.id] = str(error)
    assert len(said) > len(reasons)
    assert all(": " in reason for reason in reasons.values())


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        ("sum(x[1:])", r"sum\(x\[1:\]\): .* cannot be said"),
        ("norm(x, dtype=0)", "dtype"),
        ("sum(x, dtype=0)", "dtype"),
        ("Loss(x)", "Loss: a function of a whole array"),
    ],
)
def test_what_cannot_be_said_is_named(script: ModuleType, program: str, reason: str) -> None:
    """An operation without a matrix expression is left out by name, and no keyword is ignored."""
    with pytest.raises(script.CannotSayError, match=reason):
        script.SPELLINGS[0].loss(program, {"x": script.Value(X, (3,))})


@pytest.mark.parametrize("name", ["trace", "product of affine maps", "determinant, symmetric"])
def test_sympy_is_asked(script: ModuleType, name: str) -> None:
    """What SymPy can do it is seen to do; what it cannot be asked is left out."""
    row = script.compared(named(name))
    assert row.verdict == ("-" if row.gradient.assume else "right")
    assert (row.length is None) == (row.verdict != "right")


def test_lengths_are_counted_alike(script: ModuleType) -> None:
    """A SymPy expression is as long as the same formula in the language."""
    x, a = sp.MatrixSymbol("X", 3, 3), sp.MatrixSymbol("A", 3, 3)
    pairs = [
        (x, "X"),
        (-x, "-X"),
        (2 * x.T, "2*X.T"),
        (-2 * x, "-2*X"),
        (x * a - a, "X @ A - A"),
        (-(x * a) - a, "-X @ A - A"),
        (x.I.T, "inv(X).T"),
        (sp.Trace(x) * sp.Identity(3), "tr(X)*eye(3)"),
        (sp.HadamardProduct(x, a), "X*A"),
        (x.applyfunc(sp.sin), "sin(X)"),
        (sp.OneMatrix(3, 3), "ones((3, 3))"),
    ]
    for expression, formula in pairs:
        assert script.length(expression) == cost(formula), formula
