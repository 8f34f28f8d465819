"""Likely mistakes behind a wrong result of a backward function, judged by its values alone."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from matderiv.checking.factors import Sample, constant_factor
from matderiv.checking.floats import Case, multiple
from matderiv.checking.question import Question
from matderiv.checking.report import slip_text
from matderiv.checking.slips import Slip, forgotten, place, slips
from matderiv.errors import InputError
from matderiv.expression.nodes import Node, Number

__all__ = ["looks_like"]

_DENOMINATOR = 20  # of a factor that is named
_CLOSE = 1e-6  # relative to the largest entry; functions may work in single precision
_MOST_TRIED = 12_000  # mistakes that a wrong result is compared with


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
    found = constant_factor(question, question.gradient, samples, _DENOMINATOR, _CLOSE)
    if found is not None:
        return str(found.value) if isinstance(found, Number) else question.source(found)
    if len(samples) > 1:
        return None
    ((case, result),) = samples
    alone = multiple(result, case.value(question.gradient), _CLOSE)
    return None if alone is None else f"{alone:.6g}"
