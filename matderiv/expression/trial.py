"""Values of expressions at random places, all undefined functions defined somehow.

This module needs NumPy; import it where a value is asked for.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from matderiv.errors import InputError
from matderiv.expression import nodes
from matderiv.expression.nodes import Node
from matderiv.expression.numeric import Array, numeric_value, sizes_in
from matderiv.expression.shapes import Shape

__all__ = ["looks_zero"]

_TINY = 1e-9
#: Between what numbers the inputs of each try lie; roots and logarithms exist at positive ones.
_RANGES = ((0.3, 1.4), (0.3, 1.4), (-1.0, 1.0), (-2.0, 2.0))


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
    chance = np.random.default_rng(1)
    functions = _functions(steps)
    sizes = sizes_in(shapes)
    tries = 0
    for low, high in _RANGES:
        values: dict[str, Array] = {
            name: np.asarray(chance.uniform(low, high, tuple(dim.size for dim in shape)))
            for name, shape in inputs.items()
        }
        try:
            with np.errstate(all="ignore"):
                for name, value in steps:
                    values[name] = numeric_value(value, values, functions, sizes)
        except (InputError, ValueError, TypeError):  # a singular matrix, or too large a number
            continue
        found = values[steps[-1][0]]
        if not np.isfinite(found).all():
            continue
        if abs(found).max(initial=0.0) > _TINY:
            return False
        tries += 1
    return tries > 0


def _functions(steps: Sequence[tuple[str, Node]]) -> dict[str, Callable[[Any], Any]]:
    """Something for every function that may be undefined, no two of them alike."""
    found: dict[str, Callable[[Any], Any]] = {}
    for _, value in steps:
        for node in nodes.walk(value):
            match node:
                case nodes.Apply(function):
                    found[function] = _entrywise(function)
                case nodes.Functional(function):
                    found[function] = _whole(function)
                case _:
                    pass
    return found


def _entrywise(name: str) -> Callable[[Any], Any]:
    shift = random.Random(name).random()
    return lambda a: 1 + np.sin(a + shift) / 2


def _whole(name: str) -> Callable[[Any], Any]:
    function = _entrywise(name)
    return lambda a: function(a).sum()
