"""Rewrites of constants of zeros and ones: two after each other, and beside ones."""

from __future__ import annotations

import itertools

from matderiv.calculus.formulas.facts import Facts
from matderiv.calculus.formulas.flattened import chain, chained
from matderiv.expression import nodes
from matderiv.expression.nodes import Node
from matderiv.expression.selections import after, is_identity, share_no_column, turned_constant

__all__ = ["zeros_and_ones"]

_MATRIX = 2  # dimensions


def zeros_and_ones(node: Node, facts: Facts) -> Node | None:
    """S1@S2 of two slices is one, S@Sᵀ = I, a slice of ones is ones, rows of a slice sum to 1."""
    match node:
        case nodes.Selection() if is_identity(node):
            return nodes.Eye(node.sizes[0])
        case nodes.Transpose(nodes.Selection() as rule) if turned_constant(rule) is not None:
            return turned_constant(rule)
        case nodes.MatMul(arg, nodes.Selection() as rule) if (
            len(facts.shape(arg)) == 1 and (other := turned_constant(rule)) is not None
        ):
            return nodes.MatMul(other, arg)
        case nodes.MatMul():
            return _chained(node, facts)
        case nodes.Sum(nodes.Selection("at" | "slice" | "roll" | "repeat", _, sizes), axis, kept):
            if len(sizes) == 1 and not kept:
                return nodes.ONE
            if axis in (1, -1):
                return nodes.Ones((sizes[0], 1) if kept else sizes[:1])
    return None


def _chained(node: nodes.MatMul, facts: Facts) -> Node | None:
    links = list(chain(node, facts.shape))
    for n, (one, other) in enumerate(itertools.pairwise(links)):
        made = _both(one, other, facts)
        if made is None:
            continue
        rest = [*links[:n], made, *links[n + 2 :]]
        if not facts.shape(made) and len(rest) > 1:
            return None
        return made if made == nodes.ZERO else chained(rest)
    return None


def _both(one: Node, other: Node, facts: Facts) -> Node | None:
    """The product of two neighbours, if it is a constant or an array of ones."""
    match one, other:
        case nodes.Selection(), nodes.Selection(sizes=(_, _)):
            return after(one, other)
        case nodes.Transpose(nodes.Selection(sizes=(_, _)) as a), nodes.Transpose(
            nodes.Selection() as b
        ):
            made = after(b, a)
            return None if made is None else nodes.Transpose(made)
        case nodes.Selection(), nodes.Transpose(nodes.Selection() as b):
            return _across(one, b)
        case nodes.Selection(sizes=(_,)), nodes.Selection(sizes=(_,)):
            return _across(one, other)
        case nodes.Selection("at" | "slice"), nodes.Ones(sizes) if len(sizes) <= _MATRIX:
            left = (*one.sizes[:-1], *sizes[1:])
            return nodes.Ones(left) if left else nodes.ONE
        case nodes.Selection("at"), nodes.Multiply(row, nodes.Ones((_, _))) if (
            facts.shape(row) == facts.shape(other)[1:]
        ):
            return row
    return None


def _across(one: nodes.Selection, other: nodes.Selection) -> Node | None:
    """S1 @ S2ᵀ: the identity matrix of the same, zeros where no column is in both."""
    if one == other and one.kind in ("at", "slice"):
        return nodes.Eye(one.sizes[0]) if len(one.sizes) > 1 else nodes.ONE
    if (
        one.kind in ("at", "slice")
        and other.kind in ("at", "slice")
        and share_no_column(one, other)
    ):
        sizes = (*one.sizes[:-1], *other.sizes[:-1])
        return nodes.zeros(sizes) if sizes else nodes.ZERO
    return None
