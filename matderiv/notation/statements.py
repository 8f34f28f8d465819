"""The assignments that work out gradients: the body of a function in any language."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from matderiv.calculus.sweep.results import Sweep
from matderiv.expression import nodes
from matderiv.expression.nodes import Node

__all__ = ["statements"]


def statements(
    swept: Sweep, formulas: Mapping[str, Node], parts: Iterable[Node] = ()
) -> dict[str, Node]:
    """Formulas by name, in the order to work them out: values, upstream gradients, `formulas`.

    `parts` are formulas besides whose names are needed, too.
    """
    graph = swept.graph
    steps = {a.name: a.value for a in graph.values if a.name in graph.lifted}
    steps |= {a.name: a.value for a in graph.program.assignments}
    order = [a.name for a in graph.values]
    for value in reversed(graph.values):
        if value.name in swept.gradients and value.name not in formulas:
            steps[f"d{value.name}"] = swept.gradients[value.name].formula
            order.append(f"d{value.name}")
    # The gradient by an assigned value may be upstream of another: from the loss backwards.
    rank = {a.name: n for n, a in enumerate(reversed(graph.values))}
    for name in sorted(formulas, key=lambda name: rank.get(name, len(rank))):
        steps[f"d{name}"] = formulas[name]
        order.append(f"d{name}")
    needed: set[str] = set()
    queue = [f"d{name}" for name in formulas]
    queue += (name for part in parts for name in nodes.names_in(part))
    while queue:
        name = queue.pop()
        if name in steps and name not in needed:
            needed.add(name)
            queue += nodes.names_in(steps[name])
    return {name: steps[name] for name in order if name in needed}
