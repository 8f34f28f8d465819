"""Losses that have a name of their own: softmax cross-entropy, the logistic loss."""

from __future__ import annotations

from typing import Literal

from matderiv.calculus.formulas.flattened import factors, terms
from matderiv.calculus.sweep.sweep import in_inputs
from matderiv.calculus.sweep.task import Task
from matderiv.expression import nodes
from matderiv.expression.nodes import Node
from matderiv.expression.readings import targets

__all__ = ["LossName", "loss_name"]

LossName = Literal["cross_entropy", "logistic"]


def loss_name(task: Task) -> LossName | None:
    """The name of -c Σ t log(softmax(·)), or of -c Σ (t log p + (1 - t) log(1 - p)).

    p is sigmoid(·), and t is an input that is called as targets are, or declared one-hot or
    stochastic; c is a positive number or one over a name. Sums may be means.
    """
    loss = task.program.loss
    values = in_inputs({a.name: a.value for a in task.program.assignments})
    sign, inner = _within(values.get(loss.name, loss.value))
    truth = {*targets(task.program), *task.assumed}
    found = [(sign * number, *_of_product(part)) for number, part in terms(inner)]
    if len({number for number, *_ in found}) > 1 or found[0][0] >= 0:
        return None
    match [tuple(parts) for _, *parts in found]:
        case [(nodes.Name(t), nodes.Softmax())] if t in truth:
            return "cross_entropy"
        case [(nodes.Name(t) as one, p), (other, q)] if t in truth:
            rest = _rest(one), _rest(p)
            sigmoid = isinstance(p, nodes.Apply) and p.function == "sigmoid"
            return "logistic" if sigmoid and (other, q) == rest else None
    return None


def _rest(part: Node | None) -> Node | None:
    """1 - t."""
    return None if part is None else nodes.Subtract(nodes.ONE, part)


def _within(node: Node) -> tuple[int, Node]:
    """The part that a loss adds up, and the sign before it."""
    sign = 1
    while True:
        match node:
            case nodes.Negate(arg):
                sign, node = -sign, arg
            case nodes.Sum(arg, _, _) | nodes.Mean(arg, _, _):
                node = arg
            case nodes.Divide(left, nodes.Name() | nodes.Number()):
                node = left
            case nodes.Multiply(nodes.Number(value), right) if value:
                sign, node = (sign if value > 0 else -sign), right
            case _:
                return sign, node


def _of_product(part: Node) -> tuple[Node | None, Node | None]:
    """A factor t, and p of the other factor log(p); None in place of what a product has not."""
    _, parts = factors(part)
    match sorted(parts, key=lambda one: isinstance(one[0], nodes.Apply | nodes.LogSoftmax)):
        case [(t, nodes.ONE), (nodes.Apply("log", p), nodes.ONE)]:
            return t, p
        case [(t, nodes.ONE), (nodes.LogSoftmax(z, axis), nodes.ONE)]:
            return t, nodes.Softmax(z, axis)
    return None, None
