"""Values of expressions at random places, all undefined functions defined somehow.

This module needs NumPy; import it where a value is asked for.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from matderiv._budget import MOST_WRITTEN_ENTRIES
from matderiv.errors import InputError
from matderiv.expression import nodes
from matderiv.expression.index_values import drawn_labels
from matderiv.expression.known_shapes import labels_of
from matderiv.expression.nodes import Node
from matderiv.expression.numeric import Array, numeric_value, sizes_in
from matderiv.expression.shapes import Shape
from matderiv.expression.size_text import size_number
from matderiv.expression.structured import structured

__all__ = ["different", "distinct_values", "looks_singular", "looks_zero", "meet_somewhere"]

_TINY = 1e-9
_FAR = 1e-5  # between values that are worked out in two ways, relative to the largest entry
_MOST = 20_000  # entries of arrays that are tried at their own sizes
_ROUNDING = 1e-13  # the least singular value beside the largest, of a matrix of low rank
#: Between what numbers the inputs of each try lie; roots and logarithms exist at positive ones,
#: and relu has zeros in too many places where half of all numbers are negative.
_RANGES = ((0.3, 1.4), (0.3, 1.4), (-1.0, 1.0), (-2.0, 2.0))
_NEGATIVE = ((-2.0, 0.2), (-2.0, 0.2), (-1.0, 1.0), (-1.0, 1.0))


def looks_zero(
    steps: Sequence[tuple[str, Node]], inputs: Mapping[str, Shape], shapes: Mapping[str, Shape]
) -> bool:
    """Whether the last of some values is zero wherever it is tried, each given by those before.

    >>> from matderiv.expression.parse import parse
    >>> from matderiv.expression.shapes import infer
    >>> def zero(text):
    ...     program = parse(text)
    ...     shapes = infer(program)
    ...     steps = [(a.name, a.value) for a in program.assignments]
    ...     return looks_zero(steps, {"x": shapes["x"]}, shapes)
    >>> zero("sum(x - x)"), zero("sum(relu(-x))")
    (True, False)
    """
    return _hold(lambda found: abs(found).max(initial=0.0) <= _TINY, _tried(steps, inputs, shapes))


def meet_somewhere(
    apart: Sequence[tuple[str, Node]],
    steps: Sequence[tuple[str, Node]],
    inputs: Mapping[str, Shape],
    shapes: Mapping[str, Shape],
) -> bool:
    """Whether a difference of arrays has entries that are 0 wherever it is tried, one no constant.

    That of X and its transpose has them on the diagonal. `steps` end with one of the two arrays.
    """
    ranges = (*_RANGES, *_NEGATIVE)
    away, found = (list(_tried(some, inputs, shapes, ranges)) for some in (apart, steps))
    if len(away) != len(found) or len(away) <= 1:
        return False
    same = np.abs(away).max(axis=0) <= _TINY
    return bool((same & (np.ptp(found, axis=0) > _TINY)).any())


def distinct_values(
    steps: Sequence[tuple[str, Node]], inputs: Mapping[str, Shape], shapes: Mapping[str, Shape]
) -> int:
    """How many different numbers but 0 stand in the last of some values, all tries together."""
    found = [value.ravel() for value in _tried(steps, inputs, shapes, _RANGES * 4)]
    numbers = np.unique(np.round(np.concatenate([[0.0], *found]), 9))
    return len(numbers[numbers != 0])


def looks_singular(
    steps: Sequence[tuple[str, Node]], inputs: Mapping[str, Shape], shapes: Mapping[str, Shape]
) -> bool:
    """Whether the last of some values is a matrix without an inverse wherever it is tried."""
    return _hold(_is_singular, _tried(steps, inputs, shapes, (*_RANGES, *_NEGATIVE)))


def different(
    steps: Mapping[str, Node],
    others: Mapping[str, Node],
    inputs: Mapping[str, Shape],
    shapes: Mapping[str, Shape],
    assumed: Mapping[str, str],
) -> str | None:
    """The first of some values that another formula gives otherwise wherever both have a value.

    >>> from matderiv.expression.parse import parse
    >>> from matderiv.expression.shapes import infer
    >>> program = parse("y = tanh(x); L = sum(y)")
    >>> shapes = infer(program)
    >>> steps = {a.name: a.value for a in program.assignments}
    >>> for text in ("sum(tanh(x))", "sum(x)"):
    ...     print(different(steps, {"L": parse(text).loss.value}, {"x": shapes["x"]}, shapes, {}))
    None
    L
    """
    shapes = _tried_at(shapes)
    inputs = {name: shapes.get(name, shape) for name, shape in inputs.items()}
    if sum(map(_entries, shapes.values())) > _MOST:
        return None
    written = [*steps.items(), *((f" {name}", other) for name, other in others.items())]
    square = {n: "psd" for n, shape in inputs.items() if len(shape) > 1 and shape[-1] == shape[-2]}
    left = list(others)
    for known in (assumed, {**square, **assumed}):  # where logarithms of matrices exist
        apart: dict[str, list[bool]] = {}
        for values in _points(written, inputs, shapes, (*_RANGES, *_NEGATIVE), known):
            for name in left:
                one, other = values[name], values[f" {name}"]
                largest = max(abs(one).max(initial=0.0), abs(other).max(initial=0.0))
                if _TINY < largest < np.inf:  # not of NaN
                    same = one.shape == other.shape and abs(one - other).max() <= _FAR * largest
                    apart.setdefault(name, []).append(not same)
        wrong = next((name for name, far in apart.items() if all(far)), None)
        left = [name for name in left if name not in apart]
        if wrong is not None or not left:
            return wrong
    return None


def _tried_at(shapes: Mapping[str, Shape]) -> Mapping[str, Shape]:
    """Shapes as they are, or with 2 and 3 for letters of sizes, where there are many entries."""
    if sum(map(_entries, shapes.values())) <= _MOST:
        return shapes
    letters = sorted({dim.symbol for shape in shapes.values() for dim in shape})
    sizes = {letter: 2 + n % 2 for n, letter in enumerate(letters) if letter.isidentifier()}
    return {
        name: tuple(replace(dim, size=size_number(dim.symbol, sizes)) for dim in shape)
        for name, shape in shapes.items()
    }


def _entries(shape: Shape) -> int:
    return math.prod(dim.size for dim in shape)


def _hold(property_of: Callable[[Array], bool], found: Iterator[Array]) -> bool:
    """Whether all values have a property, and there are some."""
    some = False
    for value in found:
        if not property_of(value):
            return False
        some = True
    return some


def _is_singular(matrix: Array) -> bool:
    sizes = np.linalg.svd(matrix, compute_uv=False)  # the largest first
    return bool(sizes[-1] <= _ROUNDING * sizes[0])


def _tried(
    steps: Sequence[tuple[str, Node]],
    inputs: Mapping[str, Shape],
    shapes: Mapping[str, Shape],
    ranges: Sequence[tuple[float, float]] = _RANGES,
) -> Iterator[Array]:
    """The last of some values at random inputs, where it has one."""
    for values in _points(steps, inputs, shapes, ranges):
        if np.isfinite(values[steps[-1][0]]).all():
            yield values[steps[-1][0]]


def _points(
    steps: Sequence[tuple[str, Node]],
    inputs: Mapping[str, Shape],
    shapes: Mapping[str, Shape],
    ranges: Sequence[tuple[float, float]] = _RANGES,
    assumed: Mapping[str, str] | None = None,
) -> Iterator[Mapping[str, Array]]:
    """All values at random inputs, where they can be worked out."""
    chance = np.random.default_rng(1)
    sizes = sizes_in(shapes)
    functions = _functions(steps, sizes)
    for low, high in ranges:
        values: dict[str, Array] = {
            name: np.asarray(chance.uniform(low, high, tuple(dim.size for dim in shape)))
            for name, shape in inputs.items()
        }
        for name, what in (assumed or {}).items():
            if name in values:
                values[name] = structured(values[name], what)
        for name, count in labels_of((value for _, value in steps), shapes).items():
            values[name] = drawn_labels(values[name], count)
        try:
            with np.errstate(all="ignore"):
                for name, value in steps:
                    values[name] = numeric_value(
                        value, values, functions, sizes, most=MOST_WRITTEN_ENTRIES
                    )
        except (InputError, ValueError, TypeError):  # a singular matrix, or too large a number
            continue
        yield values


def _functions(
    steps: Sequence[tuple[str, Node]], sizes: Mapping[str, int]
) -> dict[str, Callable[[Any], Any]]:
    """Something for every function that may be undefined, no two of them alike."""
    found: dict[str, Callable[[Any], Any]] = {}
    for _, value in steps:
        for node in nodes.walk(value):
            match node:
                case nodes.Apply(function):
                    found[function] = _entrywise(function)
                case nodes.Functional(function, _, own):
                    shape = tuple(size_number(size, sizes) for size in own)
                    found[function] = _whole(function, shape)
                case _:
                    pass
    return found


def _entrywise(name: str) -> Callable[[Any], Any]:
    shift = random.Random(name).random()
    return lambda a: 1 + np.sin(a + shift) / 2


def _whole(name: str, shape: tuple[int, ...]) -> Callable[[Any], Any]:
    function = _entrywise(name)
    own = np.arange(1, math.prod(shape) + 1).reshape(shape)
    return lambda a: np.sin(own**2 + function(a).sum()) if shape else function(a).sum()
