"""The constant factor by which a result is off: a number, times or over quantities of a program."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import reduce
from typing import Any

from matderiv.calculus.formulas.shaping import signs_first
from matderiv.checking.floats import Case, multiple
from matderiv.checking.question import Question
from matderiv.expression import nodes
from matderiv.expression.nodes import Name, Node, Number

__all__ = ["Sample", "constant_factor"]

#: Inputs, and the value of something there.
Sample = tuple[Case, Any]


def constant_factor(
    question: Question, wanted: Node, samples: Sequence[Sample], most: int, tolerance: float
) -> Node | None:
    """The constant c other than 1 for which all results are c times a formula, if it is simple.

    `most` is the largest denominator of a number that is named.
    """
    found = [multiple(result, case.value(wanted), tolerance) for case, result in samples]
    ratios = [ratio for ratio in found if ratio is not None]
    if not found or len(ratios) < len(found):
        return None
    for quantities, up in itertools.product(((), *_quantities(question)), (True, False)):
        constants = []
        for ratio, (case, _) in zip(ratios, samples, strict=True):
            by = math.prod(float(case.value(quantity)) for quantity in quantities)
            constants.append(ratio / by if up else ratio * by)
        number = Fraction(constants[0]).limit_denominator(most)
        close = (math.isclose(c, number, rel_tol=tolerance) for c in constants)
        if number and (number != 1 or quantities) and all(close):
            return _written(number, quantities, up=up)
    return None


def _quantities(question: Question) -> Iterator[tuple[Node, ...]]:
    """Quantities that a constant factor may hold: a scalar of the program, a size or two."""
    for name in question.inputs:
        if not question.shapes[name] and name != question.wrt:
            yield (Name(name),)
    sizes: list[Node] = [nodes.Size(dim.symbol, dim.size) for dim in question.dims]
    yield from ((size,) for size in sizes)
    yield from itertools.combinations(sizes, 2)


def _written(number: Fraction, quantities: tuple[Node, ...], *, up: bool) -> Node:
    """A number times or over quantities, as it is written: -2*N*D/3, 1/lam."""
    if not quantities:
        return Number(number)

    def product(first: int, others: tuple[Node, ...]) -> Node:
        numbers = (Number(Fraction(first)),) if abs(first) != 1 or not others else ()
        made: Node = reduce(nodes.Multiply, (*numbers, *others))
        return made if numbers or first > 0 else signs_first(nodes.Negate(made))

    above = product(number.numerator, quantities if up else ())
    below = product(number.denominator, () if up else quantities)
    return above if below == nodes.ONE else nodes.Divide(above, below)
