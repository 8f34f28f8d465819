"""Gradients that are zero at every input though their formulas do not read so.

A formula that is zero in floating point at a few places is a suspect; only one whose entries are
proved zero is called so.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping

from matderiv.calculus.formulas.broadcasting import filled
from matderiv.calculus.formulas.facts import Facts
from matderiv.calculus.index_forms.entries import Entries
from matderiv.calculus.index_forms.forms import Index, bounded
from matderiv.calculus.sweep.graph import Graph
from matderiv.errors import InputError
from matderiv.expression import nodes
from matderiv.expression.nodes import Node

__all__ = ["is_zero"]

#: What a value that never changes is made of, where like terms do not show it.
_SUSPECT = (
    nodes.Softmax,
    nodes.LogSumExp,
    nodes.Prod,
    nodes.Divide,
    nodes.Inverse,
    nodes.Determinant,
    nodes.LogDet,
)
_LARGEST = 2000  # entries of an array in a program that is worked out
_LONGEST = 20  # values of a program that are put into each other
_WRITTEN = 100  # entries of a gradient that are proved one by one
_WORK = 10_000  # products of terms in one proof


def is_zero(
    formula: Node, name: str, graph: Graph, facts: Facts, known: Mapping[str, Node]
) -> bool:
    """Whether the formula of a gradient is zero, those by other names being `known`."""
    sizes = [math.prod(dim.size for dim in shape) for shape in graph.shapes.values()]
    if max(sizes, default=0) > _LARGEST or len(graph.values) > _LONGEST:
        return False
    if not any(isinstance(n, _SUSPECT) for a in graph.values for n in nodes.walk(a.value)):
        return False
    from matderiv.expression.trial import looks_zero  # NumPy and SymPy are loaded where needed

    upstream = [(f"d{of}", found) for of, found in known.items()]
    steps = [*((a.name, a.value) for a in graph.values), *upstream, ("", formula)]
    if not looks_zero(steps, {n: graph.shapes[n] for n in graph.inputs()}, graph.shapes):
        return False
    from matderiv.calculus.deciding.equality import same_form

    gradients = {
        f"d{of}": filled(found, graph.shapes[of], facts.shape) for of, found in known.items()
    }
    values = {a.name: a.value for a in graph.values}
    lifted = {of: value for of, value in values.items() if of in graph.lifted}
    own = graph.shapes[name]
    letters: tuple[Index, ...] = tuple(
        1 if dim.symbol == "1" else letter for dim, letter in zip(own, "pq", strict=False)
    )
    places = list(itertools.product(*(range(1, dim.size + 1) for dim in own)))
    whole = filled(formula, own, facts.shape)

    def zero_at(
        at: tuple[Index, ...], definitions: Mapping[str, Node], *, written: bool = False
    ) -> bool:
        entries = Entries(facts.shape, definitions, symmetric=facts.symmetric, written=written)
        try:
            return same_form(entries.at(whole, *at), ())
        except InputError:  # not known, or too large
            return False

    everything = values | gradients
    with bounded(_WORK):
        return (
            zero_at(letters, lifted | gradients)
            or zero_at(letters, everything)
            or (
                len(places) <= _WRITTEN
                and all(zero_at(place, everything, written=True) for place in places)
            )
        )
