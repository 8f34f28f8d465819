"""Rewrites of transposes, and transposes written as short as they can be."""

from __future__ import annotations

import itertools
from fractions import Fraction
from functools import lru_cache

from matderiv.calculus.formulas.broadcasting import is_entrywise, rearranged, turned
from matderiv.calculus.formulas.facts import Facts
from matderiv.calculus.formulas.flattened import (
    chain,
    chained,
    cost,
    factors,
    formula_key,
    product_of,
    sum_of,
    terms,
)
from matderiv.calculus.formulas.rewrite_reductions import hoisted
from matderiv.expression import nodes
from matderiv.expression.nodes import Node
from matderiv.expression.selections import turned_constant

__all__ = ["shortest_transpose", "transpose", "turned_matrices", "with_diagonals"]

_MATRIX = 2  # dimensions


def transpose(node: Node, facts: Facts) -> Node | None:
    """(Aᵀ)ᵀ = A, (A@B)ᵀ = Bᵀ@Aᵀ, (A + B)ᵀ = Aᵀ + Bᵀ, f(Aᵀ) = f(A)ᵀ, where it is no longer."""
    match node:
        case nodes.Transpose(arg):
            found = shortest_transpose(arg, facts)
            if found != node and cost(found) <= cost(node):
                return found
        case nodes.Apply(function, nodes.Transpose(arg)) if is_entrywise(node):
            return nodes.Transpose(nodes.Apply(function, arg))
        case nodes.Inverse(nodes.Transpose(arg)):
            return nodes.Transpose(nodes.Inverse(arg))
        case nodes.MatrixFunction(nodes.Transpose(arg), function):
            return nodes.Transpose(nodes.MatrixFunction(arg, function))
        case nodes.Frechet(nodes.Transpose(arg), nodes.Transpose(change), function):
            return nodes.Transpose(nodes.Frechet(arg, change, function))
        case nodes.Determinant(nodes.Transpose(arg)) | nodes.LogDet(nodes.Transpose(arg)):
            return type(node)(arg)
        case nodes.Trace(nodes.Transpose(arg)) | nodes.Norm(nodes.Transpose(arg)):
            return type(node)(arg)
        case nodes.Rearrange():
            return _rearrange(node, facts)
        case nodes.Sum(nodes.Rearrange() as arg):
            return _sum_of_rearranged(node, arg)
    return None


def _rearrange(node: nodes.Rearrange, facts: Facts) -> Node | None:
    """Two rearrangements are one, and (A@B)ᵀ = Bᵀ@Aᵀ for each matrix of a stack."""
    arg, order = node.arg, node.order
    dimensions = len(facts.shape(arg))
    if order == tuple(range(dimensions)):
        return arg
    if isinstance(arg, nodes.Rearrange):
        return rearranged(arg, order)
    if isinstance(arg, nodes.Ones):
        return nodes.Ones(tuple(1 if n is None else arg.sizes[n] for n in order))
    if isinstance(arg, nodes.Transpose):
        turned = (1, 0)
        return nodes.Rearrange(arg.arg, tuple(None if n is None else turned[n] for n in order))
    if order == (1, 0):
        return nodes.Transpose(arg)
    swapped = (*range(dimensions - 2), dimensions - 1, dimensions - 2)
    if isinstance(arg, nodes.MatMul) and order == swapped:
        parts = nodes.children(arg)
        if all(len(facts.shape(part)) >= _MATRIX for part in parts):
            left, right = (turned_matrices(part, facts) for part in parts)
            product = nodes.MatMul(right, left)
            return product if cost(product) <= cost(node) else None
    if isinstance(arg, nodes.Multiply | nodes.Divide):
        found = _factors_rearranged(arg, order, facts)
        return found if cost(found) < cost(node) else hoisted(node, arg, facts)
    return hoisted(node, arg, facts)


def _factors_rearranged(node: Node, order: tuple[int | None, ...], facts: Facts) -> Node:
    """An entrywise product of factors that have their axes in another order."""
    count = len(facts.shape(node))

    def of(part: Node) -> Node:
        own = len(facts.shape(part))
        places = [None if n is None or n < count - own else n - count + own for n in order]
        made = rearranged(part, tuple(itertools.dropwhile(lambda n: n is None, places)))
        return _rearrange(made, facts) or made if isinstance(made, nodes.Rearrange) else made

    number, parts = factors(node)
    return product_of(number, [(of(base), of(power)) for base, power in parts])


def turned_matrices(node: Node, facts: Facts) -> Node:
    """A matrix transposed, or each matrix of a stack."""
    if len(facts.shape(node)) == _MATRIX:
        return shortest_transpose(node, facts)
    return turned(node, facts.shape)


def _sum_of_rearranged(node: nodes.Sum, arg: nodes.Rearrange) -> Node | None:
    """The sum before axes take other places, along the axis that is meant."""
    if node.axis is None:
        return nodes.Sum(arg.arg) if not node.keepdims else None
    old, places = arg.order[node.axis], list(arg.order)
    if node.keepdims:
        places[node.axis] = None
    else:
        del places[node.axis]
    if old is None:
        return nodes.Rearrange(arg.arg, tuple(places))
    left = (n if n is None or n < old else n - 1 for n in places)
    return nodes.Rearrange(nodes.Sum(arg.arg, old), tuple(left))


@lru_cache(maxsize=1 << 12)
def shortest_transpose(node: Node, facts: Facts) -> Node:
    """The transpose, written as short as it can be."""
    shape = facts.shape
    if len(shape(node)) < _MATRIX:  # a vector is its own transpose
        return node
    other = turned_constant(node) if isinstance(node, nodes.Selection) else None
    whole = other or nodes.Transpose(node)
    match node:
        case nodes.Name() if facts.is_symmetric(node):
            return node
        case nodes.Transpose(arg):
            return arg
        case nodes.Eye() | nodes.Diag():  # a diagonal matrix: of others, the diagonal is a vector
            return node
        case nodes.Outer(a, b):
            return nodes.Outer(shortest_transpose(b, facts), shortest_transpose(a, facts))
        case nodes.Ones(sizes):
            return nodes.Ones(sizes[::-1])
        case nodes.MatMul():
            if _is_mirrored(node, facts):
                return node
            links = chain(node, shape)
            if any(len(shape(link)) != _MATRIX for link in links):
                return whole
            found: Node = chained([shortest_transpose(link, facts) for link in reversed(links)])
        case nodes.Add() | nodes.Subtract() | nodes.Negate():
            if any(_repeated(t, node, facts) for _, t in terms(node)):
                return whole
            found = sum_of((c, shortest_transpose(t, facts)) for c, t in terms(node))
        case nodes.Multiply() | nodes.Divide() | nodes.Power():
            number, parts = factors(node)
            made = []
            for base, power in parts:
                if _repeated(base, node, facts) or _repeated(power, node, facts):
                    return whole
                made.append((shortest_transpose(base, facts), shortest_transpose(power, facts)))
            found = product_of(number, made)
        case nodes.Apply() if not is_entrywise(node):
            return whole
        case nodes.Apply() | nodes.Inverse() | nodes.MatrixFunction() | nodes.Frechet():
            found = nodes.rebuilt(
                node, [shortest_transpose(a, facts) for a in nodes.children(node)]
            )
            # a transpose stands outside unless it goes away
            return found if cost(found) < cost(whole) else whole
        case _:
            return whole
    return found if cost(found) <= cost(whole) else whole


def _is_mirrored(node: Node, facts: Facts) -> bool:
    """Whether a matrix product reads the same from the other end, as A@diag(v)@Aᵀ does."""
    links = with_diagonals(node, facts)
    turned = [shortest_transpose(link, facts) for link in reversed(links)]
    return list(map(formula_key, turned)) == list(map(formula_key, links))


def with_diagonals(node: Node, facts: Facts) -> list[Node]:
    """The factors of a matrix product; A·v, row by row, is A@diag(v)."""
    made: list[Node] = []
    for link in chain(node, facts.shape):
        turned = isinstance(link, nodes.Transpose)
        scaled = _columns_scaled(link.arg if isinstance(link, nodes.Transpose) else link, facts)
        if scaled is None:
            made.append(link)
            continue
        inside = [*with_diagonals(scaled[0], facts), nodes.Diag(scaled[1])]
        made += [shortest_transpose(x, facts) for x in inside[::-1]] if turned else inside
    return made


def _columns_scaled(node: Node, facts: Facts) -> tuple[Node, Node] | None:
    """The A and v of A·v, row by row."""
    number, parts = factors(node)
    vectors = [p for p in parts if len(facts.shape(p[0])) == 1]
    rest = [p for p in parts if p not in vectors]
    if not vectors or not rest or any(facts.shape(power) for _, power in parts):
        return None
    matrix, v = product_of(number, rest), product_of(Fraction(1), vectors)
    whole = facts.shape(node)
    is_matrix = len(whole) == _MATRIX and facts.shape(matrix) == whole
    return (matrix, v) if is_matrix and facts.shape(v) == whole[1:] else None


def _repeated(part: Node, whole: Node, facts: Facts) -> bool:
    """Whether an operand, such as a row in each row, has fewer dimensions than the whole."""
    return 0 < len(facts.shape(part)) < len(facts.shape(whole))
