"""Derivations in index notation: ∂z_ij/∂x_pq by the product rule, then sums over deltas."""

from __future__ import annotations

from collections.abc import Iterator

from matderiv.calculus.index_forms.forms import (
    Entry,
    Form,
    Index,
    Rate,
    Term,
    added,
    multiplied,
    single,
)
from matderiv.calculus.index_forms.partials import partial, product_rule, with_deltas
from matderiv.calculus.sweep.results import GradientStages
from matderiv.derivation.judge import chain_rule
from matderiv.derivation.kinds import Reason
from matderiv.derivation.links import Chain, Step
from matderiv.derivation.methods.judge import RouteJudge
from matderiv.derivation.program import Builder
from matderiv.derivation.sides import (
    Contraction,
    EntryOf,
    Formula,
    Indexed,
    Side,
    bound_letters,
)
from matderiv.expression import nodes
from matderiv.expression.nodes import Name, Node
from matderiv.expression.operations import COMPOSITE

__all__ = ["entry_chains", "index", "read_off"]


def index(builder: Builder, name: str, gradient: GradientStages) -> Step:
    """∂L/∂x_pq = Σ_ij ∂L/∂z_ij·∂z_ij/∂x_pq, worked out in letters."""
    return Step("index", tuple(_chains(builder, name, gradient)), name)


def _chains(builder: Builder, name: str, gradient: GradientStages) -> Iterator[Chain]:
    yield from entry_chains(builder, name, gradient, turned=True)
    yield builder.chain(
        RouteJudge(builder.task, name),
        "formula",
        Formula(Name(f"d{name}")),
        ("entries", Formula(builder.task.whole(name, gradient.local))),
    )


def entry_chains(
    builder: Builder, name: str, gradient: GradientStages, *, turned: bool
) -> Iterator[Chain]:
    """The chain that works out ∂L/∂x_pq; `turned`: entries of transposes are not rewritten."""
    judge = RouteJudge(builder.task, name)
    graph = builder.sweep.graph
    at = builder.task.input_indices(graph.shapes[name])
    wrt = Entry(name, at)
    last = list(read_off(builder, name, gradient.local, turned=turned))
    direct = judge.users == (graph.loss,)
    for by in judge.users:
        yield builder.entry_of_value(by)
        yield from _local(builder, judge, by, wrt, last if direct else [])
    if not direct:
        rule = chain_rule(builder.task, name, at)
        alone = _by_formula(builder, judge, *judge.users, wrt) if len(judge.users) == 1 else None
        sides: list[tuple[Reason, Side]] = [("chain rule", Indexed(rule))]
        if alone is not None:
            sides.append(("local derivatives", alone[1]))
        else:
            sides.append(("local derivatives", Indexed(_put_in(builder, judge, wrt))))
            sides.append(("deltas", Indexed(judge.worked_out(rule))))
        start = Indexed(single(Entry(f"d{name}", at)))
        yield builder.chain(judge, "contracted", start, *sides, *last)


def _local(
    builder: Builder, judge: RouteJudge, by: str, wrt: Entry, last: list[tuple[Reason, Side]]
) -> Iterator[Chain]:
    """∂z_ij/∂x_pq by the product rule, with deltas, and without; or in the formula's words."""
    of = builder.entry(by)
    found = _by_formula(builder, judge, by, wrt)
    sides: list[tuple[Reason, Side]]
    if found is not None:
        sides = [("local derivative", found[0])]
    else:
        entry = judge.entries.at(builder.sweep.graph.definition(by), *of.indices)
        fresh = judge.entries.letter
        sides = [
            ("product rule", Indexed(product_rule(entry, wrt, fresh))),
            ("indices that agree", Indexed(with_deltas(entry, wrt, fresh))),
            ("deltas", Indexed(partial(entry, wrt, fresh))),
        ]
    yield builder.chain(judge, "local", Indexed(single(Rate(of, wrt))), *sides, *last)


def _by_formula(
    builder: Builder, judge: RouteJudge, by: str, wrt: Entry
) -> tuple[Indexed, Indexed] | None:
    """The derivative of what is defined by others, whose definition multiplied out is long."""
    composite = isinstance(builder.sweep.graph.value(by), tuple(COMPOSITE))
    return builder.by_formula(by, wrt, judge) if composite else None


def _put_in(builder: Builder, judge: RouteJudge, wrt: Entry) -> Form:
    """The chain rule with the local derivatives in it, deltas and all."""
    graph = builder.sweep.graph
    parts: list[Form] = []
    for by in judge.users:
        places = builder.entry(by).indices
        bound = bound_letters(places, graph.shapes[by])
        entry = judge.entries.at(graph.definition(by), *places)
        rate = partial(entry, wrt, judge.entries.letter)
        if by != graph.loss:
            rate = multiplied(single(Entry(f"d{by}", places)), rate)
        parts.append(tuple((Term(t.atoms, t.bound + bound), c) for t, c in rate))
    return added(parts)


def read_off(
    builder: Builder, name: str, local: Node, *, turned: bool = True
) -> Iterator[tuple[Reason, Side]]:
    """The last sides of an entry's chain: an entry of the formula, if that has its shape."""
    own = builder.sweep.graph.shapes[name]
    if not own or builder.sweep.facts.shape(local) != own:
        return
    at: tuple[Index, ...] = builder.task.input_indices(own)
    if turned and _turned(local) and len(own) > 1:
        assert isinstance(local, nodes.MatMul)
        yield "transposes", Contraction(local, at)
    yield "matrix product", EntryOf(local, at)


def _turned(node: Node) -> bool:
    """Whether a product has a transposed factor, whose entries are to be turned round first."""
    return isinstance(node, nodes.MatMul) and any(
        isinstance(factor, nodes.Transpose) for factor in (node.left, node.right)
    )
