"""The values of index maps, whatever the entries are; this module needs NumPy."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from matderiv.errors import ShapeError
from matderiv.expression import nodes
from matderiv.expression.index_maps import new_axis_of
from matderiv.expression.selections import rule_of
from matderiv.expression.size_text import letters_of_size, size_number
from matderiv.expression.source import source

#: An array of numbers, exact ones and SymPy's included.
Values = npt.NDArray[Any]

__all__ = [
    "Values",
    "drawn_labels",
    "filled_with",
    "moved",
    "named_entries",
    "one_hot",
    "picked",
    "put_together",
    "refused_labels",
    "reshaped",
    "selection_values",
]


def named_entries(node: nodes.Node, sizes: Mapping[str, int]) -> int:
    """How many entries a text names: those of a constant, or of a map that makes them; else 0.

    A letter that has no number counts as 1.

    >>> named_entries(nodes.Ones((10, "N")), {"N": 3}), named_entries(nodes.Eye("N"), {})
    (30, 1)
    """
    named: tuple[int | str | None, ...]
    match node:
        case nodes.Ones(named) | nodes.Selection(sizes=named):
            pass
        case nodes.Eye(size):
            named = (size, size)
        case nodes.Mapped(move=("repeat" | "pad" | "fold" | "windows", *counts)):
            named = (max((n for n in counts if isinstance(n, int)), default=0),)
        case _:
            return 0
    known = (n for n in named if isinstance(n, int) or (n and set(letters_of_size(n)) <= {*sizes}))
    return math.prod(size_number(n, sizes) for n in known)


def selection_values(constant: nodes.Selection, sizes: Mapping[str, int]) -> Values:
    """The zeros and ones of a constant at given sizes.

    >>> selection_values(nodes.Selection("slice", (1, 1), (2, 3)), {}).tolist()
    [[0, 1, 0], [0, 0, 1]]
    """
    *rows, columns = (size_number(size, sizes) for size in constant.sizes)
    kind, first, step = rule_of(constant)
    if kind == "flat":
        return np.eye(columns, dtype=np.int64).reshape(*rows, columns)
    if kind == "windows":
        places = _window_places(rows[0], rows[1], *map(int, constant.params))
        return np.asarray(places[..., None] == np.arange(columns)).astype(np.int64)
    i, j = np.arange(rows[0] if rows else 1)[:, None], np.arange(columns)
    at = size_number(first, sizes)
    match kind:
        case "=":
            found = j == at + step * i
        case "<=":
            found = j <= at + i
        case "roll":
            found = j == (at + i) % columns
        case "repeat":
            found = j == i // step
        case _:
            raise KeyError(kind)
    return np.asarray(found if rows else found[0]).astype(np.int64)


def _window_places(count: int, width: int, stride: int, dilation: int) -> Values:
    """The place of entry k of window i."""
    return np.asarray(stride * np.arange(count)[:, None] + dilation * np.arange(width))


def _folded(array: Values, size: int, stride: int, dilation: int) -> Values:
    """The sum of windows, each entry at its place; they are the first two axes."""
    made = np.zeros((size, *array.shape[2:]), array.dtype)
    count, width = array.shape[:2]
    for k in range(width):
        first = dilation * k
        made[first : first + stride * (count - 1) + 1 : stride] += array[:, k]
    return made


def moved(node: nodes.Mapped, array: Values, sizes: Mapping[str, int]) -> Values:
    """The value of a map of an array, whatever its entries are.

    Raises:
        ShapeError: the array has no such place or axis.
    """
    try:
        return _moved(node, np.asarray(array), sizes)
    except (IndexError, TypeError, ValueError) as error:
        raise ShapeError(
            f"{source(node)} does not fit an array of shape {np.shape(array)}."
        ) from error


def _moved(node: nodes.Mapped, array: Values, sizes: Mapping[str, int]) -> Values:
    name, *params = node.move
    if name == "cumsum":
        return np.asarray(np.cumsum(array, axis=node.axis))
    numbers = [n if n is None else size_number(n, sizes) for n in params]
    match name, *numbers:
        case "tril" | "triu", int(k):
            return np.asarray((np.tril if name == "tril" else np.triu)(array, k))
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
            return np.asarray(array[tuple(index)])
        case "at", int(place):
            return np.asarray(np.take(array, place, axis))
        case "roll" | "repeat", int(n):
            return np.asarray((np.roll if name == "roll" else np.repeat)(array, n, axis))
        case "windows", int(width), int(stride), int(dilation):
            count = (array.shape[axis] - dilation * (width - 1) - 1) // stride + 1
            return np.asarray(np.take(array, _window_places(count, width, stride, dilation), axis))
        case "fold", int(size), int(stride), int(dilation):
            axis %= array.ndim - 1  # windows and their entries are one axis of the value
            first = np.moveaxis(array, (axis, axis + 1), (0, 1))
            return np.moveaxis(_folded(first, size, stride, dilation), 0, axis)
    raise ShapeError(f"{name} is no map along an axis.")


def reshaped(node: nodes.Reshape, array: Values, sizes: Mapping[str, int]) -> Values:
    """The value of an array in other sizes, whatever its entries are.

    Raises:
        ShapeError: there are not as many entries.
    """
    array = np.asarray(array)
    try:
        match node.how:
            case "squeeze":
                return np.squeeze(array, tuple(map(int, node.sizes)))
            case "pairs":
                pairs = zip(array.shape[::2], array.shape[1::2], strict=True)
                return array.reshape([one * other for one, other in pairs])
            case "unflatten":
                axis, *parts = _numbers(node, sizes)
                axis %= array.ndim
                return array.reshape([*array.shape[:axis], *parts, *array.shape[axis + 1 :]])
        return array.reshape(_numbers(node, sizes), order="F" if node.how == "F" else "C")
    except ValueError as error:
        raise ShapeError(f"{source(node)} does not fit an array of shape {array.shape}.") from error


def filled_with(shape: tuple[int, ...], entries: Iterable[object]) -> Values:
    """An array of any values, row by row.

    >>> filled_with((1, 2), ["a", "b"]).tolist()
    [['a', 'b']]
    """
    made = np.empty(shape, dtype=object)
    for at, entry in zip(np.ndindex(shape), entries, strict=True):
        made[at] = entry
    return made


def put_together(node: nodes.Joined, left: Values, right: Values) -> Values:
    """The value of two arrays in one; a stack grows by one array."""
    left, right = map(np.asarray, (left, right))
    new, axis = new_axis_of(node, right.ndim)
    if not new:
        return np.concatenate([left, right], axis)
    right = np.expand_dims(right, axis)
    return np.concatenate([left if node.more else np.expand_dims(left, axis), right], axis)


def one_hot(labels: npt.ArrayLike, size: int) -> Values:
    """The one-hot rows of integer labels.

    >>> one_hot([2, 0], 3).tolist()
    [[0, 0, 1], [1, 0, 0]]
    """
    return np.asarray(np.asarray(labels)[..., None] == np.arange(size)).astype(np.int64)


def drawn_labels(numbers: Values, count: int) -> Values:
    """Labels from 0 to count - 1 made of any numbers."""
    made = np.frompyfunc(lambda number: int(abs(number) * 97) % count, 1, 1)(numbers)
    return np.asarray(made).astype(np.asarray(numbers).dtype)


def refused_labels(labels: npt.ArrayLike, count: int | None = None) -> str:
    """Why numbers are no labels of rows or columns 0 to count - 1; empty if they are.

    >>> refused_labels([0, 2.5]), refused_labels([0, 3], 3)
    ('holds 2.5, and labels are whole numbers', 'holds 3, and labels go from 0 to 2')
    """
    for label in np.ravel(labels):
        if label % 1:
            return f"holds {label:g}, and labels are whole numbers"
        if count is not None and not 0 <= label < count:
            return f"holds {label:g}, and labels go from 0 to {count - 1}"
    return ""


def picked(node: nodes.Gathered, array: Values, labels: npt.ArrayLike) -> Values:
    """The value of entries at labels."""
    at = np.asarray(np.frompyfunc(int, 1, 1)(labels), dtype=np.int64)
    if node.how == "picked":
        return np.asarray(np.take_along_axis(array, at[..., None], -1)[..., 0])
    return np.asarray(np.take(array, at, 0 if node.how == "rows" else -1))


def _numbers(node: nodes.Reshape, sizes: Mapping[str, int]) -> list[int]:
    """The sizes of a reshape as numbers; -1 is worked out by NumPy."""
    return [-1 if size == -1 else size_number(size, sizes) for size in node.sizes]
