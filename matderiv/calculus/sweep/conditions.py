"""Where a program is defined and differentiable, where that is not everywhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from matderiv.calculus.sweep.graph import Graph
from matderiv.calculus.sweep.sweep import replaced
from matderiv.expression import nodes
from matderiv.expression.functions import FUNCTIONS
from matderiv.expression.nodes import Node

__all__ = ["conditions"]


def conditions(graph: Graph, lifted: Mapping[str, Node]) -> tuple[tuple[str, Node], ...]:
    """What must hold: a word ("positive", "nonzero", "invertible") and what it is said of.

    What `lifted` names stand for is put in.

    >>> from matderiv.calculus.sweep.graph import graph_of
    >>> from matderiv.expression.parse import parse
    >>> from matderiv.expression.shapes import infer
    >>> program = parse("L = sum(log(X))")
    >>> conditions(graph_of(program, infer(program)), {})
    (('positive', Name(name='X')),)
    """
    found = dict.fromkeys(
        condition
        for assignment in graph.values
        for node in nodes.walk(assignment.value)
        for condition in _of(replaced(node, lifted))
    )
    return tuple(found)


def _of(node: Node) -> Iterator[tuple[str, Node]]:
    match node:
        case nodes.Apply(function, arg) if function in FUNCTIONS:
            if FUNCTIONS[function].domain == "positive" and not _positive(arg):
                yield "positive", arg
            if FUNCTIONS[function].kink:
                yield "nonzero", arg
        case nodes.Divide(_, nodes.Number()):
            return
        case nodes.Divide(_, nodes.Apply("sqrt") | nodes.Norm()):
            return  # said of what is under the root, and of what the norm is of
        case nodes.Divide(_, below):
            if not _positive(below):
                yield "nonzero", below
        case nodes.Power(base, nodes.Number(value)):
            if value.denominator != 1:
                yield "positive", base
            elif value < 0:
                yield "nonzero", base
        case nodes.Power(base, _):
            if not _positive(base):
                yield "positive", base
        case nodes.Inverse(arg) | nodes.LogDet(arg) | nodes.Determinant(arg):
            yield "invertible", arg
        case nodes.Norm(arg):
            yield "nonzero_somewhere", arg
        case nodes.Prod(arg):
            yield "nonzero", arg


def _positive(node: Node) -> bool:
    """Whether a value is positive whatever the inputs are."""
    match node:
        case nodes.Apply(function):
            return function in FUNCTIONS and FUNCTIONS[function].positive
        case nodes.Softmax():
            return True
        case nodes.Number(value):
            return value > 0
        case nodes.Sum(arg) | nodes.Mean(arg) | nodes.Prod(arg):
            return _positive(arg)
        case nodes.Add(left, right) | nodes.Multiply(left, right) | nodes.Divide(left, right):
            return _positive(left) and _positive(right)
    return False
