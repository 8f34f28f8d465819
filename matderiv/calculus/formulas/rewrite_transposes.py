"""Rewrites of transposes, and transposes written as short as they can be."""

from __future__ import annotations

from dataclasses import replace

from matderiv.calculus.formulas.broadcasting import is_entrywise
from matderiv.calculus.formulas.facts import Facts
from matderiv.calculus.formulas.flattened import (
    chain,
    chained,
    cost,
    factors,
    product_of,
    sum_of,
    terms,
)
from matderiv.expression import nodes
from matderiv.expression.nodes import Node

__all__ = ["shortest_transpose", "transpose"]

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
        case nodes.Determinant(nodes.Transpose(arg)) | nodes.LogDet(nodes.Transpose(arg)):
            return type(node)(arg)
        case nodes.Trace(nodes.Transpose(arg)) | nodes.Norm(nodes.Transpose(arg)):
            return type(node)(arg)
    return None


def shortest_transpose(node: Node, facts: Facts) -> Node:
    """The transpose, written as short as it can be."""
    shape = facts.shape
    if len(shape(node)) < _MATRIX:  # a vector is its own transpose
        return node
    whole = nodes.Transpose(node)
    match node:
        case nodes.Name() if facts.is_symmetric(node):
            return node
        case nodes.Transpose(arg):
            return arg
        case nodes.Eye():
            return node
        case nodes.Diag(v) if len(shape(v)) == 1:
            return node
        case nodes.Outer(a, b):
            return nodes.Outer(shortest_transpose(b, facts), shortest_transpose(a, facts))
        case nodes.Ones(sizes):
            return nodes.Ones(sizes[::-1])
        case nodes.MatMul():
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
        case nodes.Apply() | nodes.Inverse():  # a transpose stands outside unless it goes away
            found = replace(node, arg=shortest_transpose(node.arg, facts))
            return found if cost(found) < cost(whole) else whole
        case _:
            return whole
    return found if cost(found) <= cost(whole) else whole


def _repeated(part: Node, whole: Node, facts: Facts) -> bool:
    """Whether an operand, such as a row in each row, has fewer dimensions than the whole."""
    return 0 < len(facts.shape(part)) < len(facts.shape(whole))
