"""Names for inner values, where they make long formulas short.

The formula of the gradient by the argument of a softmax mentions the upstream gradient twice. If
that is long, the value U of the softmax gets a name: `dU - sum(dU*U)`, after formulas of U and dU.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

from matderiv.calculus.formulas.broadcasting import ShapeOf
from matderiv.calculus.formulas.flattened import cost, formula_key
from matderiv.calculus.sweep.graph import Graph
from matderiv.calculus.sweep.results import Sweep
from matderiv.expression import nodes
from matderiv.expression.nodes import Node

__all__ = ["shortened"]

_WORTH = 3  # the length from which on a gradient that stands twice in a formula may get a name
_WHOLE = 30  # the length up to which formulas stay whole all the same
_SHORTER = 0.8  # of their length, at most, is what a name leaves of longer ones
_LONG = 70  # the length from which on the values of a deep formula all get names
_DEEP = 6  # hidden values that follow from each other, up to which a formula is not deep


def shortened(graph: Graph, wrt: tuple[str, ...], swept: Callable[[Graph], Sweep]) -> Sweep:
    """The sweep of a graph, with names for gradients that its formulas would write out twice.

    A name has to make formulas much shorter; short formulas stay whole. Where the values of long
    formulas follow from many others, each of them gets a name, so that each is one step.
    """
    found = swept(graph)
    length = _length(found, wrt)
    if length >= _LONG and _depth(graph) > _DEEP:
        return swept(replace(graph, called=graph.lifted))
    better = True
    while better and length >= _WHOLE:
        better = False
        for name in _written_twice(found, wrt):
            new = swept(replace(found.graph, called=found.graph.called | {name}))
            if _length(new, wrt) <= _SHORTER * length:
                found, length, better = new, _length(new, wrt), True
                break
    return found


def _depth(graph: Graph) -> int:
    """How many hidden values follow from each other; all factors of a product are one step."""
    depths: dict[str, int] = {}
    for name, value in ((a.name, a.value) for a in graph.values if graph.hides(a.name)):
        before = max((depths.get(of, 0) for of in nodes.names_in(value)), default=0)
        depths[name] = before + (not isinstance(value, nodes.MatMul))
    return max(depths.values(), default=0)


def _written_twice(found: Sweep, wrt: tuple[str, ...]) -> list[str]:
    """Lifted values whose gradients occur twice in one formula, the longest gradient first."""
    told = {of for name in wrt for of in (*found.upstream(name), name)}
    parts = (Counter(map(formula_key, nodes.walk(found.gradients[name].formula))) for name in told)
    twice = {part for counts in parts for part, count in counts.items() if count > 1}
    hidden = {
        name: _unscaled(gradient.formula, found.facts.shape)
        for name, gradient in found.gradients.items()
        if name in found.lifted
    }
    names = [n for n, f in hidden.items() if cost(f) >= _WORTH and formula_key(f) in twice]
    return sorted(names, key=lambda name: -cost(hidden[name]))


def _unscaled(node: Node, shape: ShapeOf) -> Node:
    """The formula without numerical factors, which rewrites may move elsewhere."""
    match node:
        case nodes.Negate(arg):
            return _unscaled(arg, shape)
        case nodes.Multiply(left, right) if not shape(left):
            return _unscaled(right, shape)
        case nodes.Multiply(left, right) | nodes.Divide(left, right) if not shape(right):
            return _unscaled(left, shape)
    return node


def _length(found: Sweep, wrt: tuple[str, ...]) -> int:
    """The length of the formulas by `wrt` and of all formulas that they mention."""
    formulas = {n: found.gradients[n].formula for n in wrt}
    before = {n: found.gradients[n].formula for name in wrt for n in found.upstream(name)}
    return sum(map(cost, (*(formulas | before).values(), *found.called.values())))
