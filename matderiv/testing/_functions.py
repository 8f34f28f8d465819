"""The functions of the language on float64 arrays, and stand-ins for undefined ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

__all__ = ["KNOWN", "undefined"]

KNOWN: dict[str, Callable[[Any], Any]] = {
    "exp": np.exp,
    "log": np.log,
    "sqrt": np.sqrt,
    "tanh": np.tanh,
    "sigmoid": lambda u: 1 / (1 + np.exp(-u)),
    "sin": np.sin,
    "cos": np.cos,
    "relu": lambda u: np.maximum(u, 0.0),
    "step": lambda u: np.heaviside(u, 0.5),
}


def undefined(names: Sequence[str], chance: np.random.Generator) -> dict[str, Callable[[Any], Any]]:
    """f(u) = a·sin(b·u + c) + u²/3 and f′, with other constants for each f; Loss(U) = Σ c·U."""
    made: dict[str, Callable[[Any], Any]] = {}
    for name in names:
        if name in made:
            continue
        a, b, c = (float(n) for n in chance.uniform(0.5, 1.5, 3))
        if name[0].isupper():
            made[name] = _linear(a)
            continue
        made[name] = _wave(a, b, c)
        made[f"d{name}"] = _wave_slope(a, b, c)
    return made


def _linear(a: float) -> Callable[[Any], Any]:
    return lambda array: a * np.sum(array)


def _wave(a: float, b: float, c: float) -> Callable[[Any], Any]:
    return lambda u: a * np.sin(b * np.asarray(u) + c) + np.asarray(u) ** 2 / 3


def _wave_slope(a: float, b: float, c: float) -> Callable[[Any], Any]:
    return lambda u: a * b * np.cos(b * np.asarray(u) + c) + 2 * np.asarray(u) / 3
