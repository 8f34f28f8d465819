"""Differentials by their rules, those of numbers as inner products: tr(Aᵀ·dX), aᵀ·dx."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from matderiv.calculus.formulas.broadcasting import ShapeOf
from matderiv.calculus.formulas.facts import Facts
from matderiv.calculus.formulas.flattened import Addend, formula_key, sum_of, terms, without_units
from matderiv.calculus.formulas.tidying import tidy
from matderiv.calculus.sweep.differentials import differential
from matderiv.calculus.sweep.value_names import with_value_names
from matderiv.derivation.sides import change_of
from matderiv.expression import nodes
from matderiv.expression.nodes import Name, Node, names_in

__all__ = ["change_by_rules", "inner", "traced"]

_MATRIX = 2  # dimensions


def change_by_rules(name: str, value: Node, moving: Iterable[str], facts: Facts) -> Node:
    """The change dz of z = value in those of the names that move, with z where its value stands."""
    change = differential(value, {of: change_of(of) for of in moving}, facts.shape)
    if change is None:  # a spread or a softmax of one entry is the same at any input
        return nodes.ZERO
    return with_value_names(tidy(change, facts), {formula_key(value): name}, but="")


def inner(g: Node, d: Node, shape: ShapeOf) -> Node:
    """⟨G, D⟩: tr(Gᵀ·D) for matrices, gᵀ·d for vectors, ΣG∘D if one of them broadcasts."""
    one, two = shape(g), shape(d)
    if not two:
        g = nodes.Sum(g) if one else g
        return without_units(nodes.Multiply(g, d))
    if g == nodes.ONE:
        return nodes.Sum(d)
    if one != two:
        scaled = without_units(nodes.Multiply(g, nodes.Sum(d)))
        return scaled if not one else nodes.Sum(nodes.Multiply(g, d))
    if len(two) == 1:
        return nodes.MatMul(g, d)
    if len(two) > _MATRIX or isinstance(d, nodes.Multiply | nodes.Divide):
        return nodes.Sum(nodes.Multiply(g, d))
    return nodes.Trace(nodes.MatMul(nodes.transposed(g), d))


def traced(node: Node, shape: ShapeOf) -> Node:
    """A number as a sum of tr(Aᵀ·dX·B), aᵀ·dx and the like, dX after what stands before it."""
    return sum_of((number, _turned(term, shape)) for number, term in _multiplied_out(node, shape))


def _turned(node: Node, shape: ShapeOf) -> Node:
    """A term of a number as a trace, with dx last in a product of vectors."""
    match node:
        case nodes.Sum(nodes.Multiply() as product, None):
            return _as_trace(product, shape)
        case nodes.MatMul(Name() as left, right) if _moves(left) and not _moves(right):
            return nodes.MatMul(right, left) if shape(left) == shape(right) else node
        case nodes.Multiply(left, right):
            return nodes.Multiply(_turned(left, shape), _turned(right, shape))
        case nodes.Divide(left, right):
            return nodes.Divide(_turned(left, shape), right)
    return node


def _multiplied_out(node: Node, shape: ShapeOf) -> Iterator[Addend]:
    """The terms of a number, products of sums of differentials multiplied out."""
    for number, term in terms(node):
        for part in _parts(term, shape):
            if part == term:
                yield number, term
            else:
                yield from ((number * c, t) for c, t in _multiplied_out(part, shape))


def _parts(node: Node, shape: ShapeOf) -> Iterator[Node]:
    """A(dB + dC) as A·dB and A·dC; anything else as it is."""
    match node:
        case nodes.Add() | nodes.Subtract():
            for number, term in terms(node):
                yield nodes.Multiply(nodes.Number(number), term) if number != 1 else term
            return
        case nodes.Multiply(left, right) | nodes.MatMul(left, right) if not shape(node):
            for n, some in enumerate((left, right)):
                if _is_sum_of_changes(some, shape):
                    for number, term in terms(some):
                        put = nodes.rebuilt(node, (term, right) if n == 0 else (left, term))
                        yield nodes.Multiply(nodes.Number(number), put) if number != 1 else put
                    return
    yield node


def _is_sum_of_changes(node: Node, shape: ShapeOf) -> bool:
    """Whether a sum can be multiplied out: its terms are differentials, all of its own shape."""
    if not isinstance(node, nodes.Add | nodes.Subtract | nodes.Negate) or not _moves(node):
        return False
    return all(shape(term) == shape(node) for _, term in terms(node))


def _as_trace(product: nodes.Multiply, shape: ShapeOf) -> Node:
    """tr(Aᵀ·dX·B) for the sum of the entries of A ⊙ (dX·B)."""
    parts = list(nodes.operands_of(nodes.Multiply, product))
    moving = [part for part in parts if _moves(part)]
    rest = [part for part in parts if not _moves(part)]
    if len(moving) == 1 and rest and isinstance(moving[0], Name | nodes.MatMul):
        other = rest[0]
        for part in rest[1:]:
            other = nodes.Multiply(other, part)
        if shape(other) == shape(moving[0]):
            return inner(other, moving[0], shape)
    return nodes.Sum(product)


def _moves(node: Node) -> bool:
    """Whether a differential stands in a formula."""
    return any(name[0] == "δ" for name in names_in(node))
