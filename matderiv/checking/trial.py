"""Compares candidate formulas with the gradient at numbers; those that agree are then proved."""

from __future__ import annotations

import contextlib
import itertools

import numpy as np

from matderiv.checking.decide import judged
from matderiv.checking.factors import Sample, constant_factor
from matderiv.checking.floats import Case, multiple, random_case
from matderiv.checking.question import Question
from matderiv.errors import InputError
from matderiv.expression import nodes
from matderiv.expression.nodes import Node

__all__ = ["Trial"]

_DENOMINATOR = 1000  # of a factor that is named
_CLOSE = 1e-7  # relative to the largest entry: far more than rounding makes at such numbers

#: Sizes for letters where a factor may hold sizes, besides the question's own.
_SIZES = ((3, 2, 5, 4), (4, 5, 2, 3))


class Trial:
    """A formula's values at a few points, against which changed claims are held.

    The formula is the gradient, or `wanted`, such as a claim that a changed gradient may be.
    """

    def __init__(self, question: Question, wanted: Node | None = None) -> None:
        self.question = question
        self.wanted = question.gradient if wanted is None else wanted
        self.cases: list[Case] = []
        shapes = [question.shapes]
        if question.everywhere:
            letters = [dim.symbol for dim in question.dims]
            for sizes in _SIZES:
                known = dict(zip(letters, itertools.cycle(sizes), strict=False))
                shapes.append(question.sized(known))
        for number, there in enumerate(shapes):
            with contextlib.suppress(InputError, ValueError, ArithmeticError):
                case = random_case(question, there, np.random.default_rng(number))
                case.value(self.wanted)
                self.cases.append(case)

    def equal(self, node: Node) -> bool:
        """Whether a formula is proved to be the wanted one."""
        if self.question.fitting(node) != self.question.shape:
            return False
        try:
            return judged(self.question, node, self.wanted).status == "equal"
        except InputError:
            return False

    def near(self, node: Node) -> tuple[bool, bool]:
        """Whether rounded numbers let a formula be the wanted one, or c times it.

        Nearly all changes are dismissed here, a hundred times as fast as exactly.
        """
        with contextlib.suppress(ArithmeticError, ValueError, InputError):
            for case in self.cases[:1]:
                c = multiple(case.value(node), case.value(self.wanted), _CLOSE)
                return c is not None and abs(c - 1) < _CLOSE, c is not None
        return False, False

    def factor(self, node: Node) -> Node | None:
        """The constant c other than 1 for which the formula is proved to be c times the wanted."""
        if self.question.fitting(node) != self.question.shape:
            return None
        samples: list[Sample] = []
        with contextlib.suppress(ArithmeticError, ValueError, InputError):
            samples = [(case, case.value(node)) for case in self.cases]
        factor = constant_factor(self.question, self.wanted, samples, _DENOMINATOR, _CLOSE)
        if factor is None or not self.equal(nodes.Divide(node, factor)):
            return None
        return factor
