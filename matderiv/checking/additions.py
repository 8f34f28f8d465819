"""Changes to a formula that put in what the gradient is made of: terms, factors, numbers."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import lru_cache

from matderiv.calculus.formulas.flattened import cost, key
from matderiv.calculus.sweep.sweep import replaced
from matderiv.checking.edits import Edit, edited, factors_of
from matderiv.checking.question import Question, names_in, substituted
from matderiv.expression import nodes
from matderiv.expression.definitions import derivative
from matderiv.expression.nodes import Name, Node, Number, parts
from matderiv.expression.vocabulary import ELEMENTWISE

__all__ = ["Material", "material", "plus"]

_LONGEST = 120  # operations and names of a way to write the gradient
_MOST = 40  # terms, and factors, that are tried


class Material:
    """What the gradient of a question is made of, in all ways in which it is written."""

    def __init__(self, question: Question) -> None:
        self.question = question
        self.ways = tuple(dict.fromkeys(_ways(question)))
        inside = [n for way in self.ways for n in nodes.walk(way)]
        self.numbers = tuple(
            dict.fromkeys(Number(abs(n.value)) for n in inside if isinstance(n, Number))
        )
        self.terms = tuple(dict.fromkeys(t for way in self.ways for t in _terms(way)))[:_MOST]
        self.entry_factors = tuple(dict.fromkeys(_entry_factors(inside)))[:_MOST]
        self.factors = tuple(
            dict.fromkeys(f for n in inside if isinstance(n, nodes.MatMul) for f in factors_of(n))
        )[:_MOST]

        self.slopes: dict[object, Node] = {}
        for body, slope in _slopes(question):
            self.slopes.setdefault(key(body), slope)
            self.slopes.setdefault(key(slope), body)

    def number(self, node: Node, _question: Question) -> Iterator[Edit]:
        """A number that is another one, or a term that lacks one."""
        wanted = dict.fromkeys([*self.numbers, *(Number(Fraction(n)) for n in (1, 2, 3))])
        one = Number(Fraction(1))

        def another(part: Node) -> Iterator[Node]:
            if isinstance(part, Number):
                yield from wanted

        def lacking(part: Node) -> Iterator[Node]:
            if not isinstance(part, nodes.Add | nodes.Subtract):
                return
            for number in wanted:
                for left, right in ((number, one), (one, number)):
                    if number != one:
                        yield type(part)(_times(left, part.left), _times(right, part.right))

        def times(part: Node) -> Iterator[Node]:
            if not isinstance(part, Number):
                for number in wanted:
                    if number != one:
                        yield nodes.Multiply(number, part)
                        yield nodes.Divide(part, number)

        yield from edited("number", node, another)
        yield from edited("number", node, lacking)
        yield from edited("number", node, times)

    def term(self, node: Node, question: Question) -> Iterator[Edit]:
        """A term that is missing."""

        def change(part: Node) -> Iterator[Node]:
            shape = question.fitting(part)
            for term in self.terms:
                if isinstance(part, Number) and isinstance(term, Number):
                    continue  # one number for another
                if shape is not None and question.fitting(term) in (shape, ()):
                    yield plus(part, term)

        yield from edited("missing", node, change)

    def chain(self, node: Node, question: Question) -> Iterator[Edit]:
        """A factor of the chain rule left out."""

        def beside(part: Node) -> Iterator[Node]:
            shape = question.fitting(part)
            for factor in self.entry_factors:
                own = question.fitting(factor)
                if shape is None or own is None:
                    continue
                if own == () and not isinstance(part, Number):
                    yield nodes.Multiply(factor, part)  # a number stands before a matrix
                    yield nodes.Divide(part, factor)
                elif shape in (own, ()):
                    yield nodes.Multiply(part, factor)

        def product(part: Node) -> Iterator[Node]:
            if isinstance(part, Number):
                return
            for factor in self.factors:
                for one, g in itertools.product(
                    (part, nodes.transposed(part)), (factor, nodes.transposed(factor))
                ):
                    for left, right in ((g, one), (one, g)):
                        outer, inner = question.fitting(left), question.fitting(right)
                        if outer and inner and outer[-1] == inner[0]:
                            yield nodes.MatMul(left, right)

        yield from edited("chain", node, beside)
        yield from edited("left_out", node, product)

    def body(self, node: Node, _question: Question) -> Iterator[Edit]:
        """The body of a known function in the place of its derivative, or the other way round."""
        for part, rebuild in parts(node):
            other = self.slopes.get(key(part))
            if other is not None:
                yield Edit("prime", rebuild(other), part, other)


def _slopes(question: Question) -> Iterator[tuple[Node, Node]]:
    """Functions of the program and their derivatives, as they stand in formulas."""
    y = next((Name(a.name) for a in question.program.assignments[:-1]), Name(""))
    for slope in (name for name in question.bodies if name.startswith("d")):
        body, derived = (substituted(question.bodies[n], Name(""), y) for n in (slope[1:], slope))
        yield body, derived
    for value in question.definitions.values():
        for part in nodes.walk(question.plain(value)):
            if isinstance(part, nodes.Apply) and part.function in ELEMENTWISE:
                yield part, derivative(part.function, part.arg)


def _ways(question: Question) -> Iterator[Node]:
    """The gradient in its own words, with upstream gradients written out, and term by term."""
    task = question.task
    gradients = {n: v for n, v in question.definitions.items() if n not in task.shapes}
    own = task.sweep.gradients[question.wrt]
    found = [
        question.gradient,
        replaced(question.gradient, gradients),
        own.local,
        own.assembled,
        replaced(own.assembled, gradients),
        *(gradients[name] for name in names_in(question.gradient) & gradients.keys()),
    ]
    known = set(question.names)
    for way in found:
        plain = question.plain(way, _LONGEST)
        if cost(plain) > _LONGEST or not names_in(plain) <= known:
            continue
        yield plain
        spread = _spread(plain)
        if cost(spread) <= _LONGEST:
            yield spread


def _spread(node: Node) -> Node:
    """The formula with products of sums multiplied out."""
    made = nodes.rebuilt(node, map(_spread, nodes.children(node)))
    match made:
        case nodes.Multiply(left, right) | nodes.MatMul(left, right):
            kind = type(made)
            if isinstance(right, nodes.Add | nodes.Subtract):
                return _both(right, lambda term: kind(left, term))
            if isinstance(left, nodes.Add | nodes.Subtract):
                return _both(left, lambda term: kind(term, right))
        case nodes.Divide(nodes.Add() | nodes.Subtract() as above, below):
            return _both(above, lambda term: nodes.Divide(term, below))
        case nodes.Negate(nodes.Add(a, b)):
            return nodes.Subtract(nodes.Negate(a), b)
        case nodes.Negate(nodes.Subtract(a, b)):
            return nodes.Subtract(b, a)
    return made


def _both(node: nodes.Add | nodes.Subtract, change: Callable[[Node], Node]) -> Node:
    """A sum or a difference with both of its terms changed."""
    return type(node)(_spread(change(node.left)), _spread(change(node.right)))


def _times(number: Number, node: Node) -> Node:
    """A term with a number before it, as it is written."""
    match node:
        case _ if number.value == 1:
            return node
        case Number(value):
            return Number(value * number.value)
        case nodes.Multiply(left, right) | nodes.MatMul(left, right):
            return type(node)(_times(number, left), right)
    return nodes.Multiply(number, node)


def plus(node: Node, term: Node) -> Node:
    """A sum, or a difference where the term is negative."""
    match term:
        case nodes.Negate(arg):
            return nodes.Subtract(node, arg)
        case Number(value) if value < 0:
            return nodes.Subtract(node, Number(-value))
    return nodes.Add(node, term)


def _terms(root: Node) -> Iterator[Node]:
    """The terms of all sums in a formula, each with its sign."""
    for part in nodes.walk(root):
        if isinstance(part, nodes.Add | nodes.Subtract):
            yield part.left
            yield part.right if isinstance(part, nodes.Add) else _negative(part.right)


def _negative(node: Node) -> Node:
    return Number(-node.value) if isinstance(node, Number) else nodes.Negate(node)


def _entry_factors(inside: list[Node]) -> Iterator[Node]:
    """What is multiplied entry by entry, and what is divided by."""
    for part in inside:
        if isinstance(part, nodes.Multiply):
            yield from (n for n in nodes.children(part) if not isinstance(n, Number))
        elif isinstance(part, nodes.Divide) and not isinstance(part.right, Number):
            yield part.right


@lru_cache(maxsize=64)
def material(question: Question) -> Material:
    """What the gradient is made of; worked out once for a question."""
    return Material(question)
