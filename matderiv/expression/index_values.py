"""The values of index maps, whatever the entries are; this module needs NumPy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from matderiv.errors import ShapeError
from matderiv.expression import nodes
from matderiv.expression.index_maps import condition, way_of
from matderiv.expression.size_text import size_number

__all__ = ["moved", "one_hot", "picked", "put_together", "selection_values"]


def selection_values(constant: nodes.Selection, sizes: Mapping[str, int]) -> Any:
    """The zeros and ones of a constant at given sizes.

    >>> selection_values(nodes.Selection("slice", (1, 1), (2, 3)), {}).tolist()
    [[0, 1, 0], [0, 0, 1]]
    """
    *rows, columns = (size_number(size, sizes) for size in constant.sizes)
    kind, first, step = condition(constant)
    i, j = np.arange(rows[0] if rows else 1)[:, None], np.arange(columns)
    at = size_number(first, sizes)
    match kind:
        case "=":
            found = j == at + step * i
        case "<=":
            found = j <= at + i
        case "roll":
            found = j == (at + i) % columns
        case _:
            found = j == i // step
    return (found if rows else found[0]).astype(np.int64)


def moved(node: nodes.Mapped, array: Any, sizes: Mapping[str, int]) -> Any:
    """The value of a map of an array, whatever its entries are."""
    name, *params = node.move
    if name == "cumsum":
        return np.cumsum(array, axis=node.axis)
    numbers = [n if n is None else size_number(n, sizes) for n in params]
    match name, *numbers:
        case "tril" | "triu", int(k):
            return (np.tril if name == "tril" else np.triu)(array, k)
        case "pad", int(before), int(after), _:
            axes = range(array.ndim) if node.axis is None else [node.axis % array.ndim]
            return np.pad(
                array, [(before, after) if n in axes else (0, 0) for n in range(array.ndim)]
            )
    axis = node.axis or 0
    match name, *numbers:
        case "slice", start, stop, step:
            index = [slice(None)] * array.ndim
            index[axis] = slice(start, stop, step)
            return array[tuple(index)]
        case "at", int(place):
            return np.take(array, place, axis)
        case "roll" | "repeat", int(n):
            return (np.roll if name == "roll" else np.repeat)(array, n, axis)
    raise ShapeError(f"{name} is no map along an axis.")


def put_together(node: nodes.Joined, left: Any, right: Any) -> Any:
    """The value of two arrays in one; a stack grows by one array."""
    left, right = map(np.asarray, (left, right))
    new, axis = way_of(node, right.ndim)
    if not new:
        return np.concatenate([left, right], axis)
    right = np.expand_dims(right, axis)
    return np.concatenate([left if node.more else np.expand_dims(left, axis), right], axis)


def one_hot(labels: Any, size: int) -> Any:
    """The one-hot rows of integer labels.

    >>> one_hot([2, 0], 3).tolist()
    [[0, 0, 1], [1, 0, 0]]
    """
    return (np.asarray(labels)[..., None] == np.arange(size)).astype(np.int64)


def picked(node: nodes.Gathered, array: Any, labels: Any) -> Any:
    """The value of entries at labels."""
    at = np.vectorize(int, otypes=[np.int64])(labels) if np.size(labels) else labels
    if node.how == "picked":
        return np.take_along_axis(array, at[..., None], -1)[..., 0]
    return np.take(array, at, 0 if node.how == "rows" else -1)
