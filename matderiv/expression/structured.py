"""Arrays of which something is assumed: whether it holds, and arrays that are made so.

This module needs NumPy; import it where a value is asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from matderiv.expression.assumptions import ASSUMPTIONS

__all__ = ["is_structured", "numbers_made", "structured"]

_REFLECTIONS = 4  # that a random orthogonal matrix is made of, at most


def is_structured(array: Any, what: str) -> bool:
    """Whether an array of floats is what it is assumed to be, but for rounding.

    >>> is_structured(np.asarray([[0.0, 1.0], [1.0, 0.0]]), "onehot")
    True
    """
    if ASSUMPTIONS[what].symmetric and not np.allclose(array, array.T):
        return False
    return all(_is(array, part) for part in ASSUMPTIONS[what].parts)


def _is(array: Any, what: str) -> bool:
    match what:
        case "symmetric":
            return True
        case "diagonal":
            return bool(np.allclose(array, np.diag(np.diag(array))))
        case "psd":
            values = np.linalg.eigvalsh(array)
            return bool(np.min(values) >= -1e-8 * max(1.0, float(np.max(values))))
        case "lower":
            return bool(np.allclose(array, np.tril(array)))
        case "orthogonal":
            return bool(np.allclose(array.T @ array, np.eye(len(array))))
        case "stochastic":
            return bool(np.allclose(array.sum(axis=-1), 1))
        case "onehot":
            labels = (array == 0) | (array == 1)
            return bool(np.all(labels) and np.all(array.sum(axis=-1) == 1))
        case "positive":
            return bool(np.min(array) > 0)
    raise KeyError(what)


def structured(value: Any, what: str | None) -> Any:
    """An array of the same shape that is what it is assumed to be, made of a random one.

    Its entries may be of any kind of number that NumPy reckons with, fractions among them.

    >>> structured(np.asarray([[1.0, 3.0], [2.0, 2.0]]), "stochastic")
    array([[0.25, 0.75],
           [0.5 , 0.5 ]])
    """
    for part in () if what is None else reversed(ASSUMPTIONS[what].parts):
        value = _made(value, part)
    return value


def _made(value: Any, what: str) -> Any:
    match what:
        case "symmetric":
            return value + value.T
        case "diagonal":
            return value * np.eye(len(value), dtype=np.int64)
        case "psd":
            return value @ value.T + np.eye(len(value), dtype=np.int64)
        case "lower":
            return value * np.tril(np.ones(value.shape, dtype=np.int64))
        case "orthogonal":
            return _orthogonal(value)
        case "stochastic":
            total = value.sum(axis=-1, keepdims=True)
            return (value + (total == 0)) / (total + (total == 0) * value.shape[-1])
        case "onehot":
            places = np.argmax(value, axis=-1)
            return value * 0 + np.eye(value.shape[-1], dtype=np.int64)[places]
        case "positive":
            return _positive(value)
    raise KeyError(what)


def numbers_made(numbers: Sequence[Fraction], shape: tuple[int, ...], what: str) -> list[Fraction]:
    """The entries of an array, row by row, made so that the array is what it is assumed to be."""
    array = np.empty(len(numbers), dtype=object)
    array[:] = numbers
    return list(np.ravel(structured(array.reshape(shape), what)))


def _positive(value: Any) -> Any:
    """|a|, and 1 for a 0."""
    return abs(value) + (value == 0)


def _orthogonal(value: Any) -> Any:
    """A product of reflections I - 2vvᵀ/vᵀv, an even or odd number of them by chance."""
    made = value * 0 + np.eye(len(value), dtype=np.int64)
    count = min(len(value), _REFLECTIONS)
    for row in value[: count - bool(value[0, 0] > value[-1, -1])]:
        if row @ row:
            made = made - 2 * np.outer(made @ row, row) / (row @ row)
    return made
