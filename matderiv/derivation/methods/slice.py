"""Slices: ∂L/∂x_pq is the inner product of ∂L/∂Z with ∂Z/∂x_pq, one slice for each entry of X."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from matderiv.calculus.formulas.broadcasting import spread
from matderiv.calculus.formulas.tidying import tidy
from matderiv.calculus.index_forms.forms import Entry, single
from matderiv.calculus.index_forms.partials import partial
from matderiv.calculus.sweep.differentials import differential
from matderiv.calculus.sweep.results import GradientStages
from matderiv.derivation.judge import chain_rule
from matderiv.derivation.links import Chain, Step
from matderiv.derivation.methods.index import read_off
from matderiv.derivation.methods.judge import RouteJudge
from matderiv.derivation.program import Builder, elementwise
from matderiv.derivation.sides import Cells, Formula, Indexed, Inner, Matrix, Slice, unit_of
from matderiv.expression import nodes
from matderiv.expression.nodes import Name, Node
from matderiv.expression.shapes import Shape

__all__ = ["by_slices"]


def by_slices(builder: Builder, name: str, gradient: GradientStages) -> Step:
    """∂L/∂x_pq = ⟨∂L/∂Z, ∂Z/∂x_pq⟩; for a name that the loss uses directly, entry by entry."""
    users = set(gradient.users)
    if builder.sweep.graph.loss in users:
        return replace(elementwise(builder, name, gradient), kind="direct")
    return Step("slice", tuple(_chains(builder, name, gradient)), name)


def _chains(builder: Builder, name: str, gradient: GradientStages) -> Iterator[Chain]:
    judge = RouteJudge(builder.task, name)
    graph = builder.sweep.graph
    own = graph.shapes[name]
    at = builder.task.input_indices(own)
    wrt = Entry(name, at)
    slices: list[tuple[str, Node | Slice]] = []
    found: list[tuple[str, Node | Slice]] = []
    for by in judge.users:
        slope = _slope(builder, by, name)
        of = Entry(by, builder.task.value_indices(graph.shapes[by]))
        yield builder.chain(
            judge,
            "slice",
            Slice(of, wrt),
            ("one entry", Matrix(slope, of.indices, _shape(builder, by))),
        )
        if own and of.indices:
            yield _written(builder, judge, of, name)
        slices.append((by, Slice(of, wrt)))
        found.append((by, slope))
    shapes = tuple(_shape(builder, by) for by in judge.users)
    rule = chain_rule(builder.task, name, at)
    yield builder.chain(
        judge,
        "inner products",
        Indexed(single(Entry(f"d{name}", at))),
        ("chain rule", Indexed(rule)),
        ("inner product", Inner(tuple(slices), shapes)),
        ("slices put in", Inner(tuple(found), shapes)),
        ("entries that are not zero", Indexed(judge.worked_out(rule))),
        *read_off(builder, name, gradient.local),
    )
    yield builder.chain(
        judge,
        "formula",
        Formula(Name(f"d{name}")),
        ("entries", Formula(builder.task.whole(name, gradient.local))),
    )


def _shape(builder: Builder, by: str) -> Shape:
    return builder.sweep.graph.shapes[by]


def _slope(builder: Builder, by: str, name: str) -> Node:
    """∂Z/∂x_pq: the differential of Z where dX is e_p e_qᵀ."""
    graph, facts = builder.sweep.graph, builder.sweep.facts
    value = graph.definition(by)
    unit: Node = unit_of(name) if graph.shapes[name] else nodes.ONE
    made = differential(value, {name: unit}, facts.shape)
    if made is None:  # a spread or a softmax of one entry is the same at any input
        made = nodes.ZERO
    return spread(tidy(made, facts), graph.shapes[by], facts.shape)


def _written(builder: Builder, judge: RouteJudge, of: Entry, name: str) -> Chain:
    """One slice ∂Z/∂x_pq written out, off the diagonal if possible."""
    own = builder.sweep.graph.shapes[name]
    place = tuple(min(number, dim.size) for number, dim in zip((1, 2), own, strict=False))
    wrt = Entry(name, place)
    value = builder.sweep.graph.definition(of.name)
    entry = partial(judge.entries.at(value, *of.indices), wrt, judge.entries.letter)
    letters = tuple(str(i) for i in of.indices)
    return builder.chain(
        judge,
        "slice written out",
        Slice(of, wrt),
        ("partial derivatives", Cells(entry, letters, _shape(builder, of.name))),
    )
