"""Rewrites of arrays in other sizes: two after each other, and functions of each entry."""

from __future__ import annotations

from matderiv.calculus.formulas.broadcasting import is_entrywise, size_name
from matderiv.calculus.formulas.facts import Facts
from matderiv.calculus.formulas.flattened import cost
from matderiv.calculus.formulas.rewrite_reductions import hoisted
from matderiv.expression import nodes
from matderiv.expression.nodes import Node

__all__ = ["other_sizes"]

_Sizes = tuple[int | str, ...]
_EACH = nodes.Apply | nodes.Negate | nodes.Entrywise


def other_sizes(node: Node, facts: Facts) -> Node | None:
    """Back in its own sizes an array is itself; f, numbers and sums do not ask for sizes."""
    match node:
        case nodes.Reshape(nodes.Reshape(arg), sizes):
            return arg if _sizes(arg, facts) == sizes else nodes.Reshape(arg, sizes)
        case nodes.Reshape(nodes.Ones(), sizes):
            return nodes.Ones(sizes)
        case nodes.Reshape(arg, sizes) if _sizes(arg, facts) == sizes:
            return arg
        case nodes.Reshape(arg, sizes):
            pushed = _in_sizes(arg, sizes, facts)
            return pushed if cost(pushed) < cost(node) else hoisted(node, arg, facts)
        case nodes.Norm(nodes.Reshape(arg), order):
            return nodes.Norm(arg, order)
        case nodes.Sum(arg, None, False) if (own := _sizes_inside(arg, facts)) is not None:
            pushed = _in_sizes(arg, own, facts)
            return nodes.Sum(pushed) if cost(pushed) < cost(arg) else None
    return None


def _sizes(node: Node, facts: Facts) -> _Sizes:
    return tuple(map(size_name, facts.shape(node)))


def _sizes_inside(node: Node, facts: Facts) -> _Sizes | None:
    """The sizes that an array had which a function of each entry takes in others."""
    match node:
        case nodes.Reshape(arg):
            return _sizes(arg, facts)
        case _ if isinstance(node, _EACH):
            if isinstance(node, nodes.Apply) and not is_entrywise(node):
                return None
            found = (_sizes_inside(part, facts) for part in nodes.children(node))
            return next((sizes for sizes in found if sizes is not None), None)
    return None


def _in_sizes(node: Node, sizes: _Sizes, facts: Facts) -> Node:
    """An array in other sizes, so that those of its operands are changed, not its own."""
    own = facts.shape(node)
    match node:
        case nodes.Reshape(arg):
            return arg if _sizes(arg, facts) == sizes else nodes.Reshape(arg, sizes)
        case nodes.Ones():
            return nodes.Ones(sizes)
        case _ if isinstance(node, _EACH):
            parts = nodes.children(node)
            whole = all(facts.shape(part) in ((), own) for part in parts)
            if whole and (is_entrywise(node) or not isinstance(node, nodes.Apply)):
                shaped = (_in_sizes(p, sizes, facts) if facts.shape(p) else p for p in parts)
                return nodes.rebuilt(node, shaped)
    return nodes.Reshape(node, sizes)
