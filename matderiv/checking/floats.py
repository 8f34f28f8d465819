"""Random float64 inputs of a program, at which everything is defined and smooth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from matderiv.checking.question import Question
from matderiv.errors import InputError
from matderiv.expression import nodes
from matderiv.expression.nodes import Node
from matderiv.expression.numeric import evaluate, sizes_in
from matderiv.expression.shapes import Shape

__all__ = ["Case", "random_case"]

_KINK = 1e-2  # how far from its kink the argument of relu stays
_ATTEMPTS = 50


@dataclass(frozen=True, slots=True)
class Case:
    """One set of inputs: what each name is, what each function does, and the letters' sizes."""

    values: dict[str, Any]
    functions: dict[str, Callable[[Any], Any]]
    sizes: dict[str, int]

    def value(self, node: Node) -> Any:
        """The value of an expression in float64."""
        with np.errstate(all="ignore"):
            return evaluate(node, self.values, self.functions, self.sizes)


def random_case(question: Question, shapes: dict[str, Shape], chance: np.random.Generator) -> Case:
    """Random inputs at which everything is defined and smooth; positive ones if need be.

    An undefined f is a smooth function with a derivative that is not trivial; dY of an
    undefined loss is random. At relu the inputs keep away from its kink.

    Raises:
        InputError: no such inputs were found.
    """
    functions = _undefined(question.undefined, chance)
    for name, body in question.bodies.items():
        functions[name] = _of(body)
    for attempt in range(_ATTEMPTS):
        low = -1.5 if attempt % 2 == 0 else 0.3
        values: dict[str, Any] = {
            name: chance.uniform(low, 1.5, [dim.size for dim in shapes[name]])
            for name in question.inputs
        }
        values = {k: v if v.ndim else float(v) for k, v in values.items()}
        case = Case(values, functions, sizes_in(shapes))
        for name, definition in question.definitions.items():
            values[name] = case.value(definition)
        if _smooth(question, case):
            return case
    raise InputError(
        f"No inputs were found at which {question.problem.program.source()} is defined."
    )


def _of(body: Node) -> Callable[[Any], Any]:
    return lambda value: evaluate(body, {"": value})


def _smooth(question: Question, case: Case) -> bool:
    for definition in question.definitions.values():
        for part in nodes.walk(definition):
            value = case.value(part)
            if not np.all(np.isfinite(value)):
                return False
            match part:
                case nodes.Apply("relu" | "step", arg):
                    if np.min(np.abs(case.value(arg))) < _KINK:
                        return False
    return True


def _undefined(
    names: Sequence[str], chance: np.random.Generator
) -> dict[str, Callable[[Any], Any]]:
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
