"""Gradients that are zero everywhere although their formulas do not show it.

A formula that is 0 in floating point at a few places is a suspect; it counts as zero only if its
entries are proved to be 0.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from fractions import Fraction

from matderiv.calculus.deciding.decide import Attempt, Budget, Pair, decide
from matderiv.calculus.formulas.broadcasting import filled
from matderiv.calculus.formulas.facts import Facts
from matderiv.calculus.index_forms.canonical import canonical
from matderiv.calculus.index_forms.entries import Entries
from matderiv.calculus.index_forms.letters import input_indices
from matderiv.calculus.sweep.graph import Graph
from matderiv.errors import InputError
from matderiv.expression import nodes
from matderiv.expression.assumptions import ASSUMPTIONS
from matderiv.expression.dims import Shape
from matderiv.expression.known_shapes import sized_for
from matderiv.expression.nodes import Node

__all__ = [
    "Vanishing",
    "agree_somewhere",
    "agrees",
    "is_suspect",
    "is_suspect_here",
    "is_tied",
    "is_zero",
    "reads_zero",
]

#: Whether the formula of a gradient by a name is zero, given the gradients by other names.
Vanishing = Callable[[Node, str, Graph, Facts, Mapping[str, Node]], bool]

#: Nodes that can make a value constant although its terms do not cancel: softmax sums to 1.
_SUSPECT = (
    nodes.Softmax,
    nodes.LogSoftmax,
    nodes.LogSumExp,
    nodes.Prod,
    nodes.Divide,
    nodes.Inverse,
    nodes.Determinant,
    nodes.LogDet,
    nodes.MatrixFunction,
    nodes.Frechet,
)
_LARGEST = 2000  # entries of an array in a program that is worked out
_SMALL = (2, 3, 4)  # sizes at which values are compared
_NEAR = Fraction(1, 10**9)  # how near two numbers are that differ by rounding
_LONGEST = 20  # values of a program that are put into each other
_BUDGET = Budget(products=4_000)  # a suspicion is worth no more work than this


def reads_zero(formula: Node, facts: Facts, definitions: Mapping[str, Node] | None = None) -> bool:
    """Whether nothing is left of the general entry of a formula, whatever the inputs are.

    >>> from matderiv.calculus.formulas.shaping import shapes_over
    >>> from matderiv.expression.parse import parse
    >>> from matderiv.expression.shapes import infer
    >>> program = parse("L = x @ x - sum(x**2)")
    >>> reads_zero(program.loss.value, Facts(shapes_over(infer(program))))
    True
    """
    entries = Entries(facts.shape, definitions, assumed=facts.assumed)
    try:
        return not canonical(entries.at(formula, *input_indices(facts.shape(formula))))
    except InputError:  # not known, or too large
        return False


def agrees(apart: Node, graph: Graph) -> bool:
    """Whether a difference of values of a program is 0 wherever it is tried, at several sizes."""
    from matderiv.expression.trial import looks_zero  # NumPy is loaded where it is needed

    return all(looks_zero(*_trial(apart, graph, shapes)) for shapes in _sized(graph))


def agree_somewhere(sides: tuple[Node, Node], graph: Graph) -> bool:
    """Whether some entries of two values of a program, no constants, agree wherever it is tried.

    One size is enough: x and its reverse meet in the middle of an odd number of entries.
    """
    from matderiv.expression.trial import meet_somewhere  # as above

    one, other = sides
    whole = nodes.Add(one, nodes.Multiply(nodes.ZERO, other))  # of the shape of both
    return any(
        meet_somewhere(
            _trial(nodes.Subtract(one, other), graph, shapes)[0], *_trial(whole, graph, shapes)
        )
        for shapes in _sized(graph)
    )


def is_tied(node: nodes.Max | nodes.Min, graph: Graph, facts: Facts) -> bool:
    """Whether several entries are the largest, or smallest, at more than one place tried.

    Entries of a symmetric matrix are. What relu and clip make equal is the same number everywhere.
    One size is enough, as above.
    """
    from matderiv.expression.trial import distinct_values  # NumPy is loaded where it is needed

    whole = type(node)(node.arg, node.axis, keepdims=node.axis is not None)
    apart = nodes.Apply("abs", nodes.Subtract(node.arg, whole))
    near = nodes.Apply("step", nodes.Subtract(nodes.Number(_NEAR), apart))
    count = nodes.Sum(near, node.axis, keepdims=node.axis is not None)
    several = nodes.Multiply(nodes.Apply("step", nodes.Subtract(count, nodes.ONE)), whole)
    symmetric = (name for name, what in facts.assumed.items() if ASSUMPTIONS[what].symmetric)
    inputs = [nodes.Name(name) for name in symmetric if name in graph.given()]
    made = [(name.name, nodes.Add(name, nodes.Transpose(name))) for name in inputs]
    for shapes in _sized(graph):
        steps, given, _ = _trial(several, graph, shapes)
        if distinct_values([*made, *steps], given, shapes) > 1:
            return True
    return False


def _sized(graph: Graph) -> Iterator[dict[str, Shape]]:
    """The shapes of a program's values, unless they are large, and those at several small sizes."""
    if _entries(graph) <= _LARGEST:
        yield dict(graph.shapes)
    letters = {d.symbol for shape in graph.shapes.values() for d in shape if not d.symbol.isdigit()}
    for first in range(len(_SMALL) if letters else 0):
        sizes = itertools.islice(itertools.cycle(_SMALL), first, None)
        chosen = dict(zip(sorted(letters), sizes, strict=False))
        yield sized_for(graph.program, graph.shapes, chosen)


def _entries(graph: Graph) -> int:
    """The entries of the largest array of a program."""
    return max(math.prod(dim.size for dim in shape) for shape in graph.shapes.values())


def _trial(
    node: Node, graph: Graph, shapes: dict[str, Shape]
) -> tuple[list[tuple[str, Node]], dict[str, Shape], dict[str, Shape]]:
    """An expression of a program's values, with all that it is tried with, at given shapes."""
    steps = [*((a.name, a.value) for a in graph.values), ("", node)]
    return steps, _given(graph, shapes), shapes


def _given(graph: Graph, shapes: Mapping[str, Shape]) -> dict[str, Shape]:
    """The names without a definition; dY has the shape of Y."""
    return {name: shapes[name if name in shapes else name[1:]] for name in graph.given()}


def is_suspect(
    formula: Node, _name: str, graph: Graph, _facts: Facts, known: Mapping[str, Node]
) -> bool:
    """Whether the formula of a gradient is 0 wherever it is tried, which proves nothing.

    It is tried at several sizes: x less its mean over its spread is ±1 where there are two entries.
    """
    return all(_tried(formula, graph, known, _sized(graph)))


def is_suspect_here(
    formula: Node, _name: str, graph: Graph, _facts: Facts, known: Mapping[str, Node]
) -> bool:
    """The same at the sizes of the program alone, which are meant where it is worked by hand."""
    return all(_tried(formula, graph, known, [dict(graph.shapes)]))


def _tried(
    formula: Node, graph: Graph, known: Mapping[str, Node], sizes: Iterable[dict[str, Shape]]
) -> Iterator[bool]:
    """Whether a gradient is 0 at each of some sizes; that of a plain or large program is not."""
    plain = not any(isinstance(n, _SUSPECT) for a in graph.values for n in nodes.walk(a.value))
    if plain or _entries(graph) > _LARGEST or len(graph.values) > _LONGEST:
        yield False
        return
    from matderiv.expression.trial import looks_zero  # NumPy and SymPy are loaded where needed

    upstream = [(f"d{of}", found) for of, found in known.items()]
    steps = [*((a.name, a.value) for a in graph.values), *upstream, ("", formula)]
    for shapes in sizes:
        yield looks_zero(steps, _given(graph, shapes), shapes)


def is_zero(
    formula: Node, name: str, graph: Graph, facts: Facts, known: Mapping[str, Node]
) -> bool:
    """Whether the formula of a gradient is proved zero; `known` are the gradients by others."""
    if not is_suspect(formula, name, graph, facts, known):
        return False
    gradients = {
        f"d{of}": filled(found, graph.shapes[of], facts.shape) for of, found in known.items()
    }
    values = {a.name: a.value for a in graph.values}
    lifted = {of: value for of, value in values.items() if of in graph.lifted}
    own = graph.shapes[name]
    whole = filled(formula, own, facts.shape)
    letters = input_indices(own)

    def attempt(what: str, definitions: Mapping[str, Node]) -> Attempt:
        def forms(place: tuple[int, ...] | None) -> Pair:
            written = place is not None
            entries = Entries(facts.shape, definitions, assumed=facts.assumed, written=written)
            return entries.at(whole, *(place or letters)), ()

        return Attempt(what, forms)

    attempts = [
        attempt("gradients unfolded", lifted | gradients),
        attempt("all names unfolded", values | gradients),
    ]
    return (
        decide(attempts, lambda: tuple(dim.size for dim in own), budget=_BUDGET).status == "equal"
    )
