"""Local derivatives of composite reductions, read off the formula of the gradient.

Worked out from the definition, ∂u_i/∂x_pq of u = std(X, axis=1) is a root of sums multiplied out.
The formula of its part of ∂L/∂X says δ_ip (x_pq - Σ_k x_pk/D)/(D u_p), which is proved to be it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from fractions import Fraction

from matderiv.calculus.formulas.flattened import sum_of
from matderiv.calculus.formulas.tidying import tidy
from matderiv.calculus.index_forms.entries import Entries
from matderiv.calculus.index_forms.forms import Entry, Form, Index
from matderiv.calculus.index_forms.index_expressions import (
    IndexExpression,
    NamedEntry,
    SumOver,
    at_places,
    delta,
    index_parts,
    index_product,
    with_other_parts,
    without_deltas,
)
from matderiv.calculus.index_forms.meaning import form_of
from matderiv.calculus.index_forms.ordered import ordered
from matderiv.calculus.index_forms.written_entry import entry_of
from matderiv.calculus.sweep.task import Task
from matderiv.derivation.sides import Indexed
from matderiv.expression import nodes
from matderiv.expression.nodes import Node

__all__ = ["contribution", "local_by_formula", "single_term"]


def contribution(task: Task, name: str, by: str) -> Node:
    """The formula of Σ ∂L/∂z · ∂z/∂x for one value z that uses x, with all its entries."""
    mine = (use for use in task.sweep.gradients[name].uses if use.by == by)
    formula = tidy(sum_of((Fraction(1), use.gradient) for use in mine), task.sweep.facts)
    return task.whole(name, formula)


def local_by_formula(
    task: Task, wrt: Entry, by: str, rate: Callable[[], Form], entries: Entries
) -> tuple[Indexed, Indexed] | None:
    """∂z_ij/∂x_pq, which `rate` works out, and Σ ∂L/∂z_ij · ∂z_ij/∂x_pq as the formula says them.

    None unless z is a composite reduction of which the formula says no more than one entry of
    ∂L/∂z, and says it in fewer signs than the form has.
    """
    value = task.sweep.graph.value(by)
    if not isinstance(value, nodes.Reduction | nodes.AlongAxis):
        return None
    name, shape = wrt.name, task.sweep.facts.shape
    at = task.input_indices(task.shapes[name])
    own: dict[IndexExpression, IndexExpression] = {}
    for some in itertools.permutations(at, len(task.shapes[by])):
        pairs = zip(some, task.shapes[by], strict=True)
        places = tuple(1 if dim.symbol == "1" else index for index, dim in pairs)
        own[entry_of(value, places, shape, task.sum_letters)] = NamedEntry(by, places)
    formula = entry_of(contribution(task, name, by), at, shape, task.sum_letters)
    whole = with_other_parts(with_other_parts(formula, single_term), own.get)
    above = [p for p in index_parts(whole) if isinstance(p, NamedEntry) and p.name == f"d{by}"]
    if not all(set(part.indices) <= {1, *at} for part in above):
        return None
    local = with_other_parts(whole, lambda part: _deltas(task, by, part) if part in above else None)
    plain = ordered(rate(), task.sum_letters, task.sizes)
    if sum(1 for _ in index_parts(local)) >= sum(1 for _ in index_parts(plain)):
        return None
    numbers = {str(letter): to for letter, to in zip(at, wrt.indices, strict=True) if letter != to}
    found = [at_places(one, numbers) if numbers else one for one in (local, whole)]
    one, other = (Indexed(form_of(expr, entries), expr=expr) for expr in found)
    return one, other


def single_term(part: IndexExpression) -> IndexExpression | None:
    """The term a_p for Σ_k δ_pk a_k; None for anything else."""
    made = without_deltas(part) if isinstance(part, SumOver) else part
    return None if made == part else with_other_parts(made, single_term)


def _deltas(task: Task, by: str, upstream: IndexExpression) -> IndexExpression:
    """δ_ip for ∂L/∂z_p, which is what is left of it in ∂z_i/∂x_pq."""
    assert isinstance(upstream, NamedEntry)
    places: tuple[Index, ...] = task.value_indices(task.shapes[by])
    return index_product(map(delta, places, upstream.indices))
