"""vec and Kronecker products: vec(∂L/∂X) = (A ⊗ Bᵀ)ᵀ vec(∂L/∂Z), arrays read row by row."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from matderiv.calculus.formulas.broadcasting import ShapeOf, filled, size_name
from matderiv.calculus.formulas.tidying import tidy
from matderiv.calculus.index_forms.forms import Entry
from matderiv.calculus.sweep.differentials import differential
from matderiv.calculus.sweep.results import GradientStages
from matderiv.derivation.kinds import Reason
from matderiv.derivation.links import Chain, Step
from matderiv.derivation.methods.judge import RouteJudge
from matderiv.derivation.program import Builder, Defining, elementwise
from matderiv.derivation.sides import (
    Formula,
    Kronecker,
    KroneckerFactor,
    Kroneckers,
    Side,
    Times,
    Vec,
    VecPartial,
)
from matderiv.errors import UnsupportedError
from matderiv.expression import nodes
from matderiv.expression.nodes import Name, Node
from matderiv.expression.shapes import Shape
from matderiv.expression.source import source

__all__ = ["by_kronecker", "jacobians"]

_MATRIX = 2  # dimensions
_ENTRYWISE = nodes.Entrywise | nodes.Negate | nodes.Apply


def by_kronecker(builder: Builder, name: str, gradient: GradientStages) -> Step:
    """vec(∂L/∂X) = Σ Jᵀ vec(∂L/∂Z); for a name that the loss uses directly, entry by entry.

    Raises:
        UnsupportedError: a value is neither a product, a transpose nor computed entry by entry.
    """
    users = set(gradient.users)
    if builder.sweep.graph.loss in users:
        return replace(elementwise(builder, name, gradient), kind="direct")
    return Step("kronecker", tuple(_chains(builder, name, gradient)), name)


def _chains(builder: Builder, name: str, gradient: GradientStages) -> Iterator[Chain]:
    judge = RouteJudge(builder.task, name)
    graph, facts = builder.sweep.graph, builder.sweep.facts
    own = graph.shapes[name]
    at = builder.task.input_indices(own)
    wrt = Entry(name, at)
    whole: list[tuple[VecPartial | Kronecker, Node]] = []
    parts: list[tuple[VecPartial | Kronecker, Node]] = []
    for by in judge.users:
        value = graph.definition(by)
        of = Entry(by, builder.task.value_indices(graph.shapes[by]))
        found = tuple(jacobians(builder, value, of, wrt))
        if len(found) == 1 and found[0].diagonal is None and not _fixed(value, name):
            defining = Defining(builder.task, by)
            yield builder.chain(
                defining,
                "vec",
                Vec(Name(by), of.indices),
                ("definition", Vec(value, of.indices)),
                ("row by row", Times(((found[0], Name(name)),), of.indices, transposed=False)),
            )
        partial = VecPartial(of, wrt)
        yield builder.chain(judge, "jacobian", partial, ("entries", Kroneckers(found)))
        upstream = Name(f"d{by}")
        whole.append((partial, upstream))
        parts += [(part, upstream) for part in found]
    last: list[tuple[Reason, Side]] = [("row by row", Vec(gradient.local, at))]
    yield builder.chain(
        judge,
        "transposed",
        Vec(Name(f"d{name}"), at),
        ("chain rule", Times(tuple(whole), at, transposed=True)),
        ("jacobians put in", Times(tuple(parts), at, transposed=True)),
        ("transposed", Times(tuple(parts), at, transposed=True, inward=True)),
        *(last if facts.shape(gradient.local) == own else []),
    )
    yield builder.chain(
        judge,
        "formula",
        Formula(Name(f"d{name}")),
        ("same vec", Formula(builder.task.whole(name, gradient.local))),
    )


def _fixed(value: Node, name: str) -> bool:
    """Whether a value is more than a product that X is a factor of."""
    return not isinstance(value, nodes.MatMul | nodes.Outer | nodes.Transpose) or not any(
        _bare(child) == name for child in nodes.children(value)
    )


def _bare(node: Node) -> str | None:
    """The name that a node is, perhaps transposed."""
    if isinstance(node, nodes.Transpose):
        node = node.arg
    return node.name if isinstance(node, Name) else None


def jacobians(builder: Builder, value: Node, of: Entry, wrt: Entry) -> Iterator[Kronecker]:
    """∂vec(Z)/∂vec(X), one part for each place where X stands.

    Raises:
        UnsupportedError: the value is none that Kronecker products are written for.
    """
    shape = builder.sweep.facts.shape
    name = wrt.name
    over = shape(value)
    blank = Kronecker(of.indices, wrt.indices, over)
    match value:
        case Name() | nodes.Transpose() if _bare(value) == name:
            swapped = isinstance(value, nodes.Transpose) and len(over) == _MATRIX
            yield replace(blank, factors=_identities(over), swapped=swapped)
            return
        case nodes.Transpose(arg) if isinstance(arg, _ENTRYWISE):
            for part in jacobians(builder, arg, of, wrt):
                if part.diagonal is not None:
                    turned = tidy(nodes.Transpose(part.diagonal), builder.sweep.facts)
                    yield replace(part, over=over, diagonal=turned, swapped=True)
                    return
        case nodes.Sum(arg, axis) | nodes.Mean(arg, axis) if _bare(arg) == name and not (
            value.keepdims or isinstance(arg, nodes.Transpose)
        ):
            yield replace(blank, factors=tuple(_summed(shape(arg), axis, value)))
            return
        case nodes.Inverse(arg) if _bare(arg) == name:
            swapped = isinstance(arg, nodes.Transpose)
            turned = tidy(nodes.Transpose(value), builder.sweep.facts)
            factors = (
                KroneckerFactor(nodes.Negate(value), "", 0, 0),
                KroneckerFactor(turned, "", 1, 1),
            )
            yield replace(blank, factors=factors, swapped=swapped)
            return
        case nodes.MatMul(left, right) | nodes.Outer(left, right) if all(
            _bare(child) == name or name not in nodes.names_in(child) for child in (left, right)
        ):
            for place, (operand, partner) in enumerate(((left, right), (right, left))):
                if _bare(operand) != name:
                    continue
                make = _outer if isinstance(value, nodes.Outer) else _product
                swapped = isinstance(operand, nodes.Transpose) and len(shape(operand)) == _MATRIX
                yield replace(
                    blank, factors=make(place, shape(operand), partner, shape), swapped=swapped
                )
            return
        case _ if isinstance(value, _ENTRYWISE) and not _turned(value, name):
            slope = differential(value, {name: nodes.ONE}, shape)
            assert slope is not None
            slope = tidy(slope, builder.sweep.facts)
            own = shape(Name(name))
            if own == over and over:
                yield replace(blank, diagonal=filled(slope, over, shape) if shape(slope) else slope)
                return
            if slope == nodes.ONE and len(own) == 1 and own == over[1:]:
                ones = nodes.Ones((size_name(over[0]),))
                factors = (
                    KroneckerFactor(ones, "", 0, None),
                    KroneckerFactor(None, own[0].symbol, 1, 0),
                )
                yield replace(blank, factors=factors)
                return
    raise UnsupportedError(
        f"{of.name} = {source(value)} is not written with vec and Kronecker products by {name}: "
        "that is for products, transposes, inverses, sums, means and functions of each entry, and "
        "for a vector added to every row. Use --method elementwise, index, differential or slice."
    )


def _turned(value: Node, name: str) -> bool:
    return any(isinstance(n, nodes.Transpose) and _bare(n) == name for n in nodes.walk(value))


def _identities(over: Shape) -> tuple[KroneckerFactor, ...]:
    return tuple(KroneckerFactor(None, dim.symbol, n, n) for n, dim in enumerate(over))


def _summed(own: Shape, axis: int | None, value: Node) -> Iterator[KroneckerFactor]:
    """1ᵀ ⊗ I for the sum along the first axis, I ⊗ 1ᵀ along the second; the mean divides by n."""
    kept = 0
    for n, dim in enumerate(own):
        if axis is not None and n != axis % len(own):
            yield KroneckerFactor(None, dim.symbol, kept, n)
            kept += 1
            continue
        ones: Node = nodes.Ones((size_name(dim),))
        if isinstance(value, nodes.Mean):
            ones = nodes.Divide(ones, nodes.Size(dim.symbol, dim.size))
        yield KroneckerFactor(ones, "", None, n)


def _product(place: int, own: Shape, partner: Node, shape: ShapeOf) -> tuple[KroneckerFactor, ...]:
    """A ⊗ I for A·X and I ⊗ Bᵀ for X·B; a vector leaves out the factor that it has no index for."""
    other: Shape = shape(partner)
    turned = nodes.transposed(partner)
    match place, len(own), len(other):
        case 0, 2, 2:
            return KroneckerFactor(None, own[0].symbol, 0, 0), KroneckerFactor(turned, "", 1, 1)
        case 1, 2, 2:
            return KroneckerFactor(partner, "", 0, 0), KroneckerFactor(None, own[1].symbol, 1, 1)
        case 0, 2, 1:
            return KroneckerFactor(None, own[0].symbol, 0, 0), KroneckerFactor(partner, "", None, 1)
        case 1, 2, 1:
            return KroneckerFactor(partner, "", None, 0), KroneckerFactor(None, own[1].symbol, 0, 1)
        case 0, 1, 2:
            return (KroneckerFactor(turned, "", 0, 0),)
        case 1, 1, 2:
            return (KroneckerFactor(partner, "", 0, 0),)
    return (KroneckerFactor(partner, "", None, 0),)


def _outer(place: int, own: Shape, partner: Node, shape: ShapeOf) -> tuple[KroneckerFactor, ...]:
    """I ⊗ b for a·bᵀ by a, and a ⊗ I by b."""
    del shape
    own_factor = KroneckerFactor(None, own[0].symbol, place, 0)
    beside = KroneckerFactor(partner, "", 1 - place, None)
    return (own_factor, beside) if place == 0 else (beside, own_factor)
