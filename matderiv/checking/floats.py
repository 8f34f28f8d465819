"""Random float64 inputs of a program, at which everything is defined and smooth."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from matderiv._budget import MOST_WRITTEN_ENTRIES
from matderiv.checking.question import Question
from matderiv.errors import InputError
from matderiv.expression import nodes
from matderiv.expression.definitions import domain_of
from matderiv.expression.functions import FUNCTIONS
from matderiv.expression.index_values import drawn_labels
from matderiv.expression.matrix_functions import is_eigen
from matderiv.expression.nodes import Node
from matderiv.expression.numeric import Evaluator, numeric_value, sizes_in
from matderiv.expression.shapes import Shape
from matderiv.expression.structured import structured

__all__ = ["Case", "multiple", "random_case"]

_KINK = 1e-2  # how far from its kink the argument of relu stays
_CONDITION = 1e4  # of a matrix that is inverted, at most
_ATTEMPTS = 60
_SQUARE = 2  # dimensions


@dataclass(frozen=True, slots=True)
class Case:
    """One set of inputs: a value for each name, and a function for each undefined one."""

    values: dict[str, Any]
    functions: dict[str, Callable[[Any], Any]]
    evaluator: Evaluator

    def value(self, node: Node) -> Any:
        """The value of an expression in float64."""
        with np.errstate(all="ignore"):
            return self.evaluator.of(node)


def random_case(
    question: Question,
    shapes: Mapping[str, Shape],
    chance: np.random.Generator,
    definitions: Mapping[str, Node] | None = None,
) -> Case:
    """Random inputs at which everything is defined and smooth; positive ones if need be.

    `definitions`: formulas of further names to evaluate. An undefined f becomes a smooth function
    with a derivative that is not trivial, and so does an undefined function of an array. Inputs
    keep away from the kink of relu and the jumps of floor, and matrices to invert are far from
    singular.


    Raises:
        InputError: no such inputs were found.
    """
    functions = _undefined(question.undefined, chance)
    for name, body in question.bodies.items():
        functions[name] = _of(body)
    definitions = {**question.definitions, **(definitions or {})}
    labels = question.labels(shapes)
    for attempt in range(_ATTEMPTS):
        low = -1.5 if attempt % 2 == 0 else 0.3
        values: dict[str, Any] = {}
        for name in question.inputs:
            value = chance.uniform(low, 1.5, [dim.size for dim in shapes[name]])
            if attempt % 4 > 1 and value.ndim == _SQUARE and value.shape[0] == value.shape[1]:
                value = value @ value.T + np.eye(len(value))
            values[name] = structured(value, question.structure(name))
            if name in labels:
                values[name] = drawn_labels(value, labels[name])
        evaluator = Evaluator(values, functions, sizes_in(shapes), MOST_WRITTEN_ENTRIES)
        case = Case(values, functions, evaluator)
        try:
            for name, definition in definitions.items():
                values[name] = case.value(definition)
            if _smooth((*definitions.values(), question.gradient), case):
                return case
        except InputError:  # a matrix is singular
            continue
    raise InputError(f"No inputs were found at which {question.program.source()} is defined.")


def multiple(result: Any, value: Any, tolerance: float) -> float | None:
    """The c for which a result is c times a value, to a tolerance relative to the largest entry."""
    if np.shape(result) != np.shape(value) or not np.any(value):
        return None
    with np.errstate(all="ignore"):
        c = float(np.vdot(value, result)) / float(np.vdot(value, value))
        near = np.max(np.abs(result - c * value)) <= tolerance * abs(c) * np.max(np.abs(value))
    return c if c and near else None


def _of(body: Node) -> Callable[[Any], Any]:
    return lambda value: numeric_value(body, {"": value})


def _smooth(formulas: Iterable[Node], case: Case) -> bool:
    for formula in formulas:
        for part in nodes.walk(formula):
            value = case.value(part)
            if not np.all(np.isfinite(value)):
                return False
            match part:
                case nodes.Apply(function, arg) if (
                    function in FUNCTIONS and FUNCTIONS[function].kink
                ):
                    ahead = np.abs(case.value(arg))
                    if function == "iszero":  # which is 1 at the largest entry of an array
                        ahead = ahead[ahead > 0]
                    if np.min(ahead, initial=1) < _KINK:
                        return False
                case nodes.Apply(function, arg) if (jumps := domain_of(function, arg)) and (
                    "not_whole" in jumps[0]
                ):
                    place = case.value(jumps[1])
                    if np.min(np.abs(place - np.round(place)), initial=1) < _KINK:
                        return False
                case nodes.MatrixFunction(arg, function) if is_eigen(function):
                    if not _has_simple_eigenvalues(case.value(arg)):
                        return False
                case nodes.Inverse(arg) | nodes.Determinant(arg) | nodes.LogDet(arg):
                    if np.linalg.cond(case.value(arg)) > _CONDITION:
                        return False
    return True


def _has_simple_eigenvalues(matrix: Any) -> bool:
    """Whether a matrix is symmetric and its eigenvalues are apart."""
    apart = np.diff(np.linalg.eigvalsh(matrix))
    return bool(np.allclose(matrix, matrix.T) and np.min(apart, initial=1) > _KINK)


def _undefined(
    names: Sequence[str], chance: np.random.Generator
) -> dict[str, Callable[[Any], Any]]:
    """f(u) = a·sin(b·u + c) + u²/3 and f′; Loss(U) = Σ w·f(U), whose ∂L/∂u is w·f′(u)."""
    made: dict[str, Callable[[Any], Any]] = {}
    for name in names[::2]:  # each is followed by its derivative
        a, b, c = (float(n) for n in chance.uniform(0.5, 1.5, 3))

        def value(u: Any, a: float = a, b: float = b, c: float = c) -> Any:
            return a * np.sin(b * np.asarray(u) + c) + np.asarray(u) ** 2 / 3

        def slope(u: Any, a: float = a, b: float = b, c: float = c) -> Any:
            return a * b * np.cos(b * np.asarray(u) + c) + 2 * np.asarray(u) / 3

        whole = name[0].isupper()
        made[name] = _weighted_sum(value) if whole else value
        made[f"d{name}"] = _weighted(slope) if whole else slope
    return made


def _weighted(of: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The values of a function, another weight for every entry of the array."""

    def values(array: Any) -> Any:
        shape = np.shape(array)
        numbers = np.arange(np.prod(shape, dtype=int)).reshape(shape)
        return (1 + np.sin(1 + 2 * numbers) / 2) * of(array)

    return values


def _weighted_sum(of: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda array: np.sum(_weighted(of)(array))
