"""Likely mistakes behind a wrong result of a backward function, judged by its values alone."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from matderiv.checking.floats import Case
from matderiv.checking.question import Question
from matderiv.checking.report import slip_text
from matderiv.checking.slips import Slip, forgotten, place, slips
from matderiv.errors import InputError
from matderiv.expression.nodes import Node

__all__ = ["Sample", "looks_like"]

_DENOMINATOR = 20  # of a factor that is named
_MOST_TRIED = 12_000  # mistakes that a wrong result is compared with

#: Inputs, and what the function gave there.
Sample = tuple[Case, Any]


def looks_like(question: Question, samples: Sequence[Sample]) -> tuple[str | None, str]:
    """A sentence for what all results look like, and the value in whose gradient that happened."""
    factor = _factor(question, samples)
    if factor is not None:
        return f"It looks like {factor} times the gradient.", question.wrt
    for slip in itertools.islice(
        itertools.chain(forgotten(question), slips(question)), _MOST_TRIED
    ):
        if all(_gives(slip.formula, case, result) for case, result in samples):
            return slip_text(question, slip), _of(question, slip)
    return None, question.wrt


def _of(question: Question, slip: Slip) -> str:
    return place(question, slip.edit) if slip.of == question.wrt else slip.of


def _gives(formula: Node, case: Case, result: Any) -> bool:
    """Whether a formula has the values of a result."""
    try:
        value = case.value(formula)
    except (ArithmeticError, ValueError, InputError):
        return False
    return value.shape == result.shape and np.allclose(value, result, rtol=1e-6, atol=1e-9)


def _factor(question: Question, samples: Sequence[Sample]) -> str | None:
    """The factor that the gradient is off by, if that is all and it is the same everywhere."""
    factors = []
    for case, result in samples:
        value = case.value(question.gradient)
        below = float(np.vdot(value, value))
        if result.shape != value.shape or not below:
            return None
        factor = float(np.vdot(value, result)) / below
        if not factor or not np.allclose(result, factor * value, rtol=1e-6, atol=1e-9):
            return None
        factors.append(factor)
    ways = [list(_ways(question, case)) for case, _ in samples]
    for same in zip(*ways, strict=True):
        short = {
            Fraction(factor / value).limit_denominator(_DENOMINATOR)
            for (_, value), factor in zip(same, factors, strict=True)
        }
        (words, _), number = same[0], next(iter(short))
        exact = (
            math.isclose(number * value, factor, rel_tol=1e-6)
            for (_, value), factor in zip(same, factors, strict=True)
        )
        if len(short) == 1 and number and all(exact):
            return _written(number, words)
    return f"{factors[0]:.6g}" if len(samples) == 1 else None


def _ways(question: Question, case: Case) -> Iterator[tuple[str, float]]:
    """Factors other than numbers: "", and each scalar or size as a factor or a divisor."""
    yield "", 1.0
    known = {n: float(case.values[n]) for n in question.inputs if not question.shapes[n]}
    for name in question.inputs:
        shape = np.shape(case.values[name])
        known |= {d.symbol: float(n) for d, n in zip(question.shapes[name], shape, strict=True)}
    for name, value in known.items():
        if not name.isdigit():
            yield name, value
            yield f"1/{name}", 1 / value


def _written(number: Fraction, words: str) -> str:
    """A factor as a formula holds it: 3/lam, -N."""
    if abs(number) == 1:
        return f"{'-' if number < 0 else ''}{words or 1}"
    return f"{number}*{words}".replace("*1/", "/").removesuffix("*")
