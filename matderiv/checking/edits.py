"""Single changes to a formula: a mistake seen one way, and its repair seen the other way.

The changes here need the formula alone; those that put in what a gradient is made of are in
`additions`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

from matderiv.calculus.formulas.broadcasting import is_entrywise
from matderiv.checking.question import Question
from matderiv.expression import nodes
from matderiv.expression.definitions import derivative
from matderiv.expression.nodes import Name, Node, Number, parts
from matderiv.expression.vocabulary import ELEMENTWISE

__all__ = ["Edit", "Kind", "edited", "factors_of", "product_of"]

_MOST_FACTORS = 4  # of a product whose orders are all tried
_MATRIX = 2  # dimensions


@dataclass(frozen=True, slots=True)
class Edit:
    """A change of one part of a formula, `before` to `after`; `node` is the formula after it."""

    kind: str
    node: Node
    before: Node
    after: Node


#: All changes of one kind.
Kind = Callable[[Node, Question], Iterator[Edit]]


def edited(kind: str, node: Node, change: Callable[[Node], Iterator[Node]]) -> Iterator[Edit]:
    """The edits that change any one part of a formula."""
    for part, rebuild in parts(node):
        for other in change(part):
            if other != part:
                yield Edit(kind, rebuild(other), part, other)


def transpose_whole(node: Node, _question: Question) -> Iterator[Edit]:
    """A is Aᵀ."""
    other = nodes.transposed(node)
    yield Edit("whole", other, node, other)


def transpose(node: Node, question: Question) -> Iterator[Edit]:
    """A name or a transpose with its transpose lost, or with one too many."""

    def change(part: Node) -> Iterator[Node]:
        if isinstance(part, nodes.Transpose) and part != node:
            yield part.arg
        elif isinstance(part, Name) and part != node and _is_matrix(part, question):
            yield nodes.Transpose(part)

    yield from edited("transpose", node, change)


def transpose_part(node: Node, question: Question) -> Iterator[Edit]:
    """A factor of several names with its transpose lost."""

    def change(part: Node) -> Iterator[Node]:
        if part == node or isinstance(part, nodes.Transpose | Name | Number):
            return  # the T of a transposed part is taken off above
        if question.fitting(part) is None or _is_matrix(part, question):
            yield nodes.Transpose(part)

    yield from edited("transpose", node, change)


def _is_matrix(part: Node, question: Question) -> bool:
    return len(question.fitting(part) or ()) == _MATRIX


def order(node: Node, _question: Question) -> Iterator[Edit]:
    """The factors of a product in another order."""

    def change(part: Node) -> Iterator[Node]:
        factors = factors_of(part)
        if isinstance(part, nodes.Outer):
            yield nodes.Outer(part.right, part.left)
        if 1 < len(factors) <= _MOST_FACTORS:
            yield from map(product_of, map(list, itertools.permutations(factors)))

    yield from edited("order", node, change)


def operator(node: Node, question: Question) -> Iterator[Edit]:
    """@ for * or * for @."""

    def change(part: Node) -> Iterator[Node]:
        if isinstance(part, nodes.MatMul | nodes.Multiply):
            kind = nodes.Multiply if isinstance(part, nodes.MatMul) else nodes.MatMul
            if all(question.fitting(c) != () for c in nodes.children(part)):
                yield kind(part.left, part.right)

    yield from edited("operator", node, change)


def sign(node: Node, _question: Question) -> Iterator[Edit]:
    """A minus for a plus inside the formula; the sign of the whole is a factor."""

    def change(part: Node) -> Iterator[Node]:
        match part:
            case nodes.Add(left, right):
                yield nodes.Subtract(left, right)
                yield nodes.Subtract(right, left)
            case nodes.Subtract(left, right):
                yield nodes.Add(left, right)
                yield nodes.Subtract(right, left)
            case nodes.Negate(arg):
                yield arg
            case Number(value):
                yield Number(-value)
            case Name() if part != node:
                yield nodes.Negate(part)

    yield from edited("sign", node, change)


def exponent(node: Node, _question: Question) -> Iterator[Edit]:
    """An exponent that is another one; a power or a root that is none, or that is left out."""

    def change(part: Node) -> Iterator[Node]:
        match part:
            case nodes.Power(base, Number(value)):
                for other in (value + 1, value - 1, 2 * value, value / 2, -value, Fraction(1)):
                    yield base if other == 1 else nodes.Power(base, Number(other))
            case nodes.Apply("sqrt", arg):
                yield arg
            case Name() | nodes.Apply() | nodes.Norm() | nodes.Sum():
                yield nodes.Power(part, Number(Fraction(2)))
                yield nodes.Apply("sqrt", part)

    yield from edited("number", node, change)


def along(node: Node, question: Question) -> Iterator[Edit]:
    """A sum along another axis, one that is left out, or one too many."""

    def another(part: Node) -> Iterator[Node]:
        if not isinstance(part, nodes.Reduction | nodes.Softmax):
            return
        for axis in (0, 1, None) if _is_matrix(part.arg, question) else (None,):
            if isinstance(part, nodes.Softmax):
                yield replace(part, axis=axis)
            else:
                yield replace(part, axis=axis, keepdims=False)
                yield replace(part, axis=axis, keepdims=True)

    def fewer(part: Node) -> Iterator[Node]:
        if isinstance(part, nodes.Sum | nodes.Mean | nodes.Trace):
            yield part.arg

    def more(part: Node) -> Iterator[Node]:
        shape = question.fitting(part)
        if shape and not isinstance(part, Number):
            yield nodes.Sum(part)
            if len(shape) == _MATRIX:
                for axis, kept in itertools.product((0, 1), (False, True)):
                    yield nodes.Sum(part, axis, kept)

    yield from edited("axis", node, another)
    yield from edited("sum_extra", node, fewer)
    yield from edited("sum_missing", node, more)


def reduction(node: Node, _question: Question) -> Iterator[Edit]:
    """A mean for a sum, or a sum for a mean."""

    def change(part: Node) -> Iterator[Node]:
        match part:
            case nodes.Sum(arg, axis, keepdims):
                yield nodes.Mean(arg, axis, keepdims)
            case nodes.Mean(arg, axis, keepdims):
                yield nodes.Sum(arg, axis, keepdims)

    yield from edited("name", node, change)


def inverse(node: Node, question: Question) -> Iterator[Edit]:
    """An inverse that is left out, or one too many; a division for a product."""

    def fewer(part: Node) -> Iterator[Node]:
        if isinstance(part, nodes.Inverse):
            yield part.arg

    def more(part: Node) -> Iterator[Node]:
        shape = question.fitting(part)
        if shape and len(shape) == _MATRIX and shape[0] == shape[1]:
            yield nodes.Inverse(part)

    def turned(part: Node) -> Iterator[Node]:
        match part:
            case nodes.Multiply(left, right):
                yield nodes.Divide(left, right)
                yield nodes.Divide(right, left)
            case nodes.Divide(left, right):
                yield nodes.Multiply(left, right)

    yield from edited("inverse_extra", node, fewer)
    yield from edited("inverse_lost", node, more)
    yield from edited("operator", node, turned)


def extra_part(node: Node, _question: Question) -> Iterator[Edit]:
    """A factor too many at one place."""

    def change(part: Node) -> Iterator[Node]:
        match part:
            case nodes.Multiply(left, right) | nodes.MatMul(left, right):
                yield left
                yield right
            case nodes.Divide(left, _):
                yield left

    yield from edited("part", node, change)


def extra_term(node: Node, _question: Question) -> Iterator[Edit]:
    """A term too many."""

    def change(part: Node) -> Iterator[Node]:
        if isinstance(part, nodes.Add | nodes.Subtract):
            yield part.left
            yield part.right if isinstance(part, nodes.Add) else nodes.Negate(part.right)

    yield from edited("extra", node, change)


def prime(node: Node, question: Question) -> Iterator[Edit]:
    """Whether f stands where f′ belongs, or f′ where f does."""
    slopes = {d[1:]: d for d in question.function_names if d.startswith("d")}
    functions = {d: f for f, d in slopes.items()}

    def change(part: Node) -> Iterator[Node]:
        if not isinstance(part, nodes.Apply) or not is_entrywise(part):
            return
        for table in (slopes, functions):
            if part.function in table:
                yield nodes.Apply(table[part.function], part.arg)
        if part.function in ELEMENTWISE and part.function not in ("step", "sign"):
            yield derivative(part.function, part.arg)

    yield from edited("prime", node, change)


def function(node: Node, question: Question) -> Iterator[Edit]:
    """One function in the place of another, one that is left out, or one too many."""
    own = [name for name in question.undefined if name[0].islower()]
    used = [f for f in ELEMENTWISE if f in question.program.functions()]
    names = dict.fromkeys([*own, *used, "exp", "log", "tanh", "sigmoid", "sin", "cos", "step"])

    def another(part: Node) -> Iterator[Node]:
        if isinstance(part, nodes.Apply) and is_entrywise(part):
            for name in names:
                yield nodes.Apply(name, part.arg)
        if isinstance(part, nodes.Apply) and part.function == "exp":  # not divided by their sum
            for axis in (1, 0, None) if _is_matrix(part, question) else (None,):
                yield nodes.Softmax(part.arg, axis)
        if isinstance(part, nodes.Softmax):
            yield nodes.Apply("exp", part.arg)

    def fewer(part: Node) -> Iterator[Node]:
        if isinstance(part, nodes.Apply) and is_entrywise(part):
            yield part.arg

    def more(part: Node) -> Iterator[Node]:
        if not isinstance(part, Number | nodes.Apply):
            for name in (*own, *used, "step"):
                yield nodes.Apply(name, part)

    yield from edited("name", node, another)
    yield from edited("function_extra", node, fewer)
    yield from edited("function_lost", node, more)


def name(node: Node, question: Question) -> Iterator[Edit]:
    """One name in the place of another."""

    def change(part: Node) -> Iterator[Node]:
        if isinstance(part, Name):
            for other in question.names:
                if other != question.loss:
                    yield Name(other)

    yield from edited("name", node, change)


def factors_of(node: Node) -> list[Node]:
    """The factors of a matrix product, from left to right."""
    if isinstance(node, nodes.MatMul):
        return [*factors_of(node.left), *factors_of(node.right)]
    return [node]


def product_of(factors: list[Node]) -> Node:
    """The matrix product of some factors."""
    made = factors[0]
    for factor in factors[1:]:
        made = nodes.MatMul(made, factor)
    return made
