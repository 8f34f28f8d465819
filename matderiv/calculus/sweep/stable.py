"""Logarithms that stay finite where what they are of is too small for a floating-point number."""

from __future__ import annotations

from matderiv.calculus.sweep.results import Sweep
from matderiv.calculus.sweep.sweep import replaced
from matderiv.expression import nodes
from matderiv.expression.nodes import Node

__all__ = ["stable"]


def stable(formula: Node, swept: Sweep) -> Node:
    """The formula with log_softmax(z) for log(softmax(z)), -softplus(-z) for log(sigmoid(z)).

    And with -softplus(z) for log(1 - sigmoid(z)). A name may stand for the softmax or sigmoid.

    >>> from matderiv.calculus.sweep.graph import graph_of
    >>> from matderiv.calculus.sweep.sweep import sweep
    >>> from matderiv.expression.parse import parse
    >>> from matderiv.expression.shapes import infer
    >>> from matderiv.expression.source import source
    >>> program = parse("p = sigmoid(z); L = y @ log(1 - p)")
    >>> swept = sweep(graph_of(program, infer(program)), ("y",))
    >>> source(stable(swept.gradients["y"].formula, swept))
    '-softplus(z)'
    """
    if isinstance(formula, nodes.Apply) and formula.function == "log":
        match _whole(formula.arg, swept):
            case nodes.Softmax(z, axis):
                return nodes.LogSoftmax(z, axis)
            case nodes.Apply("sigmoid", z):
                return nodes.Negate(nodes.Apply("softplus", nodes.Negate(z)))
            case nodes.Subtract(nodes.Number(value), b) if value == 1:
                match _whole(b, swept):
                    case nodes.Apply("sigmoid", z):
                        return nodes.Negate(nodes.Apply("softplus", z))
    return nodes.rebuilt(formula, [stable(part, swept) for part in nodes.children(formula)])


def _whole(node: Node, swept: Sweep) -> Node:
    """The formula of a name, in names that formulas may use."""
    if not isinstance(node, nodes.Name):
        return node
    value = swept.graph.value(node.name)
    whole = node if value is None else replaced(value, swept.lifted)
    return whole if nodes.names_in(whole) <= swept.graph.program.names() else node
