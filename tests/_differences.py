"""Derivatives by central differences, apart from the package."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Array = Any


def central(function: Callable[[Array], Array], at: Array, step: float = 1e-5) -> Array:
    """All partial derivatives of a function of one array; the axes of its value come first."""
    found = np.zeros((*np.shape(function(at)), *np.shape(at)))
    for place in np.ndindex(np.shape(at)):
        change = np.zeros(np.shape(at))
        change[place] = step
        found[(..., *place)] = (function(at + change) - function(at - change)) / (2 * step)
    return found
