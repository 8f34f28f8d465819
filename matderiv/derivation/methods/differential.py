"""Differentials and traces: dL = tr((∂L/∂Z)ᵀ dZ), brought into the form tr(Gᵀ dX)."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from matderiv.calculus.formulas.broadcasting import ShapeOf, spread, unbroadcast
from matderiv.calculus.formulas.flattened import sum_of
from matderiv.calculus.formulas.tidying import tidy
from matderiv.calculus.sweep.adjoints import adjoint
from matderiv.calculus.sweep.results import GradientStages
from matderiv.derivation.kinds import Reason
from matderiv.derivation.links import Chain, Step
from matderiv.derivation.methods.judge import RouteJudge
from matderiv.derivation.program import Builder
from matderiv.derivation.sides import Differential, Formula, Matrix, Side, change_of
from matderiv.derivation.traces import change_by_rules, inner
from matderiv.expression import nodes
from matderiv.expression.nodes import Name, Node

__all__ = ["by_differentials"]


#: ⟨G, D⟩ = Σ g·d, D linear in dX.
_Pair = tuple[Node, Node]


def by_differentials(builder: Builder, name: str, gradient: GradientStages) -> Step:
    """The step to dL = tr(Gᵀ dX) for every dX, hence ∂L/∂X = G."""
    return Step("differential", tuple(_chains(builder, name, gradient)), name)


def _chains(builder: Builder, name: str, gradient: GradientStages) -> Iterator[Chain]:
    judge = RouteJudge(builder.task, name)
    graph, facts = builder.sweep.graph, builder.sweep.facts
    own = graph.shapes[name]
    pairs: list[_Pair] = []
    opened: list[_Pair] = []
    short: list[_Pair] = []
    for by in judge.users:
        value = graph.definition(by)
        change = change_by_rules(by, value, (name,), facts)
        over = graph.shapes[by]
        i = builder.task.value_indices(over)
        upstream: Node = nodes.ONE if by == graph.loss else Name(f"d{by}")
        if change != nodes.ZERO:  # as that of a/a is
            wide = unbroadcast(upstream, over, facts.shape(change), facts.shape)
            pairs.append((upstream, change))
            opened.append((wide, change))
        if by == graph.loss and len(judge.users) > 1:
            short.append((upstream, change))  # dL is more than this
            continue
        short.append((upstream, change_of(by)))
        yield builder.chain(
            judge,
            "differential",
            Matrix(change_of(by), i, over),
            ("definition", Differential(by, value, name, i, own)),
            ("rules", Matrix(spread(change, over, facts.shape), i, over)),
        )
    sides: list[tuple[Reason, Node]] = []
    if judge.users != (graph.loss,):
        sides.append(("chain rule", _added(short, facts.shape)))
    sides.append(("differentials put in", _added(pairs, facts.shape)))
    sides += _moved(builder, name, opened)
    sides.append(("gradient", inner(gradient.local, change_of(name), facts.shape)))
    if graph.loss is not None:
        sides.insert(0, ("definition", change_of(graph.loss)))
    (_, first), *rest = _told_apart(sides)
    if rest:
        yield builder.chain(judge, "pairing", first, *rest)
    yield builder.chain(
        judge,
        "read off",
        Formula(Name(f"d{name}")),
        ("read off", Formula(builder.task.whole(name, gradient.local))),
    )


def _told_apart(sides: list[tuple[Reason, Node]]) -> Iterator[tuple[Reason, Side]]:
    """The sides without repetitions of the one before."""
    before: Node | None = None
    for reason, node in sides:
        if node != before:
            yield reason, Formula(node)
        before = node


def _moved(builder: Builder, name: str, opened: list[_Pair]) -> Iterator[tuple[Reason, Node]]:
    """⟨G, A·dX⟩ = ⟨Aᵀ·G, dX⟩ and the like, one operation after another, until dX stands alone."""
    facts = builder.sweep.facts
    change = change_of(name)
    while any(d != change for _, d in opened):
        turned = [_cyclic(g, d, facts.shape) for g, d in opened]
        if any(node is not None for node in turned):
            parts = [
                inner(g, d, facts.shape) if node is None else node
                for node, (g, d) in zip(turned, opened, strict=True)
            ]
            yield "cyclic rule", sum_of((Fraction(1), part) for part in parts)
        opened = [
            (tidy(g, facts), d) for pair in opened for g, d in _step(pair, change, facts.shape)
        ]
        yield "moved", _added(opened, facts.shape)


def _step(pair: _Pair, change: Name, shape: ShapeOf) -> Iterator[_Pair]:
    """One operation moved from the side of dX to the side of G."""
    g, d = pair
    if d == change:
        yield pair
        return
    operands = nodes.children(d)
    for operand, gradient in zip(operands, adjoint(d, g, shape), strict=True):
        if any(node == change for node in nodes.walk(operand)):
            yield gradient, operand


def _added(pairs: list[_Pair], shape: ShapeOf) -> Node:
    return sum_of((Fraction(1), inner(g, d, shape)) for g, d in pairs)


def _cyclic(g: Node, d: Node, shape: ShapeOf) -> Node | None:
    """tr(Gᵀ·dX·W) as tr(W·Gᵀ·dX): the last factor comes first."""
    match d:
        case nodes.MatMul(left, right) if (
            shape(g) == shape(d)
            and len(shape(left)) == len(shape(right)) == 2  # noqa: PLR2004 - matrices
            and any(isinstance(n, Name) and n.name[:1] == "δ" for n in nodes.walk(left))
        ):
            turned = nodes.MatMul(nodes.MatMul(right, nodes.transposed(g)), left)
            return nodes.Trace(turned)
    return None
