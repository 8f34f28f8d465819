"""Loops that are written out: the program they are, and backpropagation through time."""

from __future__ import annotations

import numpy as np
import pytest

import matderiv
from matderiv.errors import MatderivError
from matderiv.expression.parse import parse


@pytest.mark.parametrize(
    ("text", "program"),
    [
        (
            "for t in range(2): h = tanh(W @ h)\nL = sum(h)",
            "h_t0 = tanh(W @ h); h_t1 = tanh(W @ h_t0); L = sum(h_t1)",
        ),
        (
            "h = x; for t in range(1, 3):\n    y = t*h\n    h = exp(y)\nsum(h)",
            "h = x; y_t1 = 1*h; h_t1 = exp(y_t1); y_t2 = 2*h_t1; h_t2 = exp(y_t2); L = sum(h_t2)",
        ),
        (
            "for t in range(2): s += sum(x)**t; L = s",
            "s_t0 = s + sum(x)**0; L_t0 = s_t0; s_t1 = s_t0 + sum(x)**1; L_t1 = s_t1",
        ),
    ],
)
def test_a_loop_is_the_program_of_its_steps(text: str, program: str) -> None:
    """Each step has values of its own, which the next one takes."""
    assert parse(text).source() == program


@pytest.mark.parametrize("steps", [1, 2, 4])
def test_gradients_go_back_through_time(steps: int) -> None:
    """Those by the weights, the inputs and the first state are the slopes of the recurrence."""
    text = f"for t in range({steps}): h = tanh(W @ h + U @ x)\nL = h @ h"
    rng = np.random.default_rng(steps)
    at = {
        "W": rng.normal(size=(3, 3)),
        "U": rng.normal(size=(3, 2)),
        "x": rng.normal(size=2),
        "h": rng.normal(size=3),
    }

    def loss(v: dict[str, np.ndarray]) -> float:
        h = v["h"]
        for _ in range(steps):
            h = np.tanh(v["W"] @ h + v["U"] @ v["x"])
        return float(h @ h)

    shapes = {name: value.shape for name, value in at.items()}
    for name, gradient in matderiv.gradient(text, wrt=list(at), shapes=shapes).items():
        assert gradient.verdict.status == "equal"
        way = rng.normal(size=at[name].shape)
        ends = [loss(at | {name: at[name] + side * 1e-6 * way}) for side in (1, -1)]
        slope = np.sum(gradient(**at) * way)
        assert slope == pytest.approx((ends[0] - ends[1]) / 2e-6, rel=1e-5, abs=1e-7)


def test_a_page_of_a_loop_names_the_steps() -> None:
    """The values of all steps have names on the page."""
    page = matderiv.derive("for t in range(2): h = tanh(W @ h)\nL = sum(h)", wrt=["W"]).markdown()
    assert "t0" in page
    assert "t1" in page


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("for t in range(n): h = f(h)\nsum(h)", "a letter has no words in this version"),
        ("for t in range(0): h = f(h)\nsum(h)", "such as range(3)"),
        ("for t in x: h = f(h)\nsum(h)", "such as range(3)"),
        ("for t in range(99): h = f(h)\nsum(h)", "at most 64 statements"),
        ("for t in range(2): sum(h)\nsum(h)", "The body of a loop assigns values"),
        ("for a, b in range(2): h = f(h)\nsum(h)", "A loop is written as"),
        ("for t in range(2):\n  for k in range(1): a = a*x\nsum(a)", "stands in no other loop"),
        ("while h: h = f(h)", "is not an assignment"),
    ],
)
def test_other_loops_are_refused(text: str, message: str) -> None:
    """One line says how a loop is written."""
    with pytest.raises(MatderivError) as caught:
        matderiv.gradient(text)
    assert message in str(caught.value)
