"""A function that works out a Jacobian or a Hessian held against the proved formula."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from matderiv.checking.floats import multiple
from matderiv.checking.question import Question
from matderiv.testing._backward import called_by_name, random_cases, shapes_of
from matderiv.testing._numeric import real_array, worst_of

__all__ = ["wrong_function"]

_TOLERANCE = (1e-5, 1e-7)  # relative and absolute; torch and JAX may work in single precision


def wrong_function(
    question: Question,
    function: Callable[..., Any],
    array: Callable[[Any], Any] | None,
    *,
    fixed: bool,
) -> str:
    """A message if a function of the program's inputs gives another array at random inputs.

    `array` makes the function's arrays of NumPy's. `fixed`: whether all shapes are given.

    Raises:
        InputError: it asks for what the program does not have, or returns no array of numbers.
    """
    function = _of_arrays(function, array) if array else function
    what = question.kind.capitalize()
    for case in random_cases(question, question.definitions, 0, fixed=fixed):
        right = np.asarray(case.value(question.gradient))
        result = real_array(
            called_by_name((question,), case, function, "the function"), "It returns"
        )
        shapes = shapes_of(question, case)
        if result.shape != right.shape:
            return (
                f"The function gives the shape {result.shape}, but the {what} by {question.by} has "
                f"{right.shape} at the shapes {shapes}."
            )
        worst = worst_of(result, right, *_TOLERANCE)
        if worst is None:
            continue
        return (
            f"The {what} by {question.by} is wrong in {worst.many} at the shapes {shapes}. Worst "
            f"is {worst.place}, counted from 1: the function gives {worst.one}, and it is "
            f"{worst.other}.{_looks(question, result, right)}"
        )
    return ""


def _of_arrays(function: Callable[..., Any], array: Callable[[Any], Any]) -> Callable[..., Any]:
    """The function with arrays of another library, and what it returns as it is."""

    def made(value: Any) -> Any:
        return value if callable(value) else array(value)

    @functools.wraps(function)
    def call(*args: Any, **named: Any) -> Any:
        found = function(*map(made, args), **{name: made(value) for name, value in named.items()})
        return found.detach() if hasattr(found, "detach") else found  # of torch

    return call


def _looks(question: Question, result: Any, right: Any) -> str:
    """The likeliest mistakes: a factor, and the other layout."""
    factor = multiple(result, right, 1e-4)
    if factor is not None:
        return f" It looks like {factor:.4g} times the right one."
    half = right.ndim // 2
    turned = np.transpose(right, (*range(half, right.ndim), *range(half)))
    if question.kind == "jacobian" and turned.shape == result.shape and np.allclose(result, turned):
        return " It looks like the other layout, the transpose."
    return ""
