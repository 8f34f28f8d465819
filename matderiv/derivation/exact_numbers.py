"""Exact numbers on pages: fractions, and the formulas whose values at fractions are fractions."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from matderiv.derivation.sides import Numerals
from matderiv.errors import UnsupportedError
from matderiv.expression import nodes
from matderiv.expression.exact import NumberType
from matderiv.expression.functions import FUNCTIONS
from matderiv.expression.nodes import Node, Number, walk
from matderiv.expression.program import Assignment, Program
from matderiv.expression.vocabulary import ELEMENTWISE

__all__ = ["EXACT", "as_numerals", "is_rational", "with_squares"]

_MATRIX = 2  # dimensions

#: A number or an array of numbers, each of them exact.
_Array = Any


def _power(base: Fraction, power: Fraction) -> Fraction:
    if power.denominator != 1:
        raise ArithmeticError("roots are no fractions")
    return base ** int(power)


def _sign(number: Fraction) -> Fraction:
    if number == 0:
        raise ArithmeticError("there is no derivative at 0")
    return Fraction(1 if number > 0 else -1)


#: Fractions, and the functions of which a fraction is a fraction; none has a value at its kink.
EXACT = NumberType(
    Fraction,
    np.frompyfunc(_power, 2, 1),
    {
        "sign": np.frompyfunc(_sign, 1, 1),
        "step": np.frompyfunc(lambda u: (_sign(u) + 1) / 2, 1, 1),
    },
)


def with_squares(program: Program) -> Program:
    """The program with squares for its undefined functions of one number."""

    def put(node: Node) -> Node:
        made = nodes.rebuilt(node, map(put, nodes.children(node)))
        if isinstance(made, nodes.Apply) and made.function not in ELEMENTWISE:
            return nodes.Power(made.arg, nodes.TWO)
        return made

    return Program(tuple(Assignment(a.name, put(a.value)) for a in program.assignments))


def is_rational(node: Node, *, in_loss: bool = False) -> bool:
    """Whether a formula of fractions has a fraction as value; for a loss, its derivative."""
    return all(_keeps(part, in_loss=in_loss) for part in walk(node))


def _keeps(node: Node, *, in_loss: bool) -> bool:
    match node:
        case nodes.Apply(function):
            known = FUNCTIONS.get(function)
            return (known is not None and known.kink) or (in_loss and function == "log")
        case nodes.LogDet():
            return in_loss
        case nodes.Power(_, power):
            return isinstance(power, Number) and power.value.denominator == 1
    return not isinstance(
        node,
        nodes.Softmax
        | nodes.LogSumExp
        | nodes.Norm
        | nodes.Pi
        | nodes.Functional
        | nodes.MatrixFunction
        | nodes.Frechet,
    )


def as_numerals(array: _Array) -> Numerals:
    """An array of exact numbers as a page writes it.

    Raises:
        UnsupportedError: it has more than two dimensions.
    """
    dimensions = np.ndim(array)
    if dimensions > _MATRIX:
        raise UnsupportedError("numbers are written in matrices and vectors")
    rows = np.reshape(np.array(array, dtype=object), (len(array) if dimensions else 1, -1))
    return Numerals(tuple(tuple(map(Fraction, row)) for row in rows.tolist()), dimensions)
