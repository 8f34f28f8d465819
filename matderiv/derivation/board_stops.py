"""The values that have lines of their own on a board."""

from __future__ import annotations

from collections.abc import Iterator

from matderiv.calculus.sweep.sweep import replaced
from matderiv.calculus.sweep.task import Task
from matderiv.expression import nodes
from matderiv.expression.functions import FUNCTIONS
from matderiv.expression.nodes import Node, names_in

__all__ = ["possible_stops", "usual_stops"]


def possible_stops(task: Task) -> Iterator[str]:
    """The values before the loss whose gradients are not 0."""
    graph, gradients = task.sweep.graph, task.sweep.gradients
    for assignment in graph.values:
        name = assignment.name
        if name != graph.loss and name in gradients and not gradients[name].vanishes:
            yield name


def usual_stops(task: Task) -> Iterator[str]:
    """Those whose gradients are worth a line.

    They are pre-activations, what an undefined loss is a function of, and what is used more than
    once.
    """
    graph = task.sweep.graph
    moving = graph.depends(frozenset(task.wrt))
    for name in possible_stops(task):
        value = replaced(graph.definition(name), task.sweep.lifted)
        users = [a for a in graph.values if a.name in task.sweep.gradients[name].users]
        if name in graph.lifted or not graph.shapes[name]:
            continue
        operands = names_in(value) & moving
        if (
            len(users) > 1
            or (_is_product(value) and len(operands) > 1)
            or any(_is_opened(user.value, name, product=_is_product(value)) for user in users)
            or (isinstance(value, nodes.Softmax) and any(u.name != graph.loss for u in users))
        ):
            yield name


def _is_product(value: Node) -> bool:
    return any(isinstance(node, nodes.MatMul) for node in nodes.walk(value))


def _is_opened(value: Node, name: str, *, product: bool) -> bool:
    """Whether a value is a nonlinear function of the entries of a product, or an unknown one."""
    return any(
        name in names_in(node)
        and (
            isinstance(node, nodes.Functional)
            or (isinstance(node, nodes.Apply) and (product or node.function not in FUNCTIONS))
            or (isinstance(node, nodes.AlongAxis | nodes.LogSumExp) and product)
        )
        for node in nodes.walk(value)
    )
