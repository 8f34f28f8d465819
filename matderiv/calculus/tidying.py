"""Tidying a formula: rewrites, one after another, until none makes it any better."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from matderiv.calculus.broadcasting import filled
from matderiv.calculus.rewrites import REWRITES, Facts
from matderiv.calculus.terms import chain, chained, cost, factors, product
from matderiv.errors import MatderivError
from matderiv.expression import nodes
from matderiv.expression.nodes import Node
from matderiv.expression.shapes import Shape

__all__ = ["Rewritten", "as_written", "completed", "tidied", "tidy", "transposes_collected"]

_ONE = nodes.Number(Fraction(1))
_MOST = 2000  # rewrites of one formula; more would mean that two of them undo each other


@dataclass(frozen=True, slots=True)
class Rewritten:
    """One rewrite: its name, and the whole formula after it."""

    name: str
    formula: Node


def tidy(formula: Node, facts: Facts) -> Node:
    """The tidied formula."""
    for step in tidied(formula, facts):
        formula = step.formula
    return formula


def tidied(formula: Node, facts: Facts) -> Iterator[Rewritten]:
    """The rewrites that tidy a formula, in order."""
    done: set[Node] = set()
    for _ in range(_MOST):
        found = _next(formula, facts, done)
        if found is None:
            return
        formula = found.formula
        yield found
    raise MatderivError("a formula was rewritten without an end")


def _next(node: Node, facts: Facts, done: set[Node]) -> Rewritten | None:
    """The first rewrite that applies, operands before the nodes that use them."""
    if node in done:
        return None
    for name in node.__dataclass_fields__:
        child: Any = getattr(node, name)
        if isinstance(child, Node):
            found = _next(child, facts, done)
            if found is not None:
                return Rewritten(found.name, replace(node, **{name: found.formula}))
    for name, rewrite in REWRITES:
        made = rewrite(node, facts)
        if made is not None and made != node:
            return Rewritten(name, made)
    done.add(node)
    return None


def as_written(formula: Node, facts: Facts) -> Node:
    """c·(A@B) as (c·A)@B, which is written with fewer brackets: 2*X.T @ Y."""
    match formula:
        case nodes.Negate(arg) if isinstance(arg, nodes.MatMul):
            links = chain(arg, facts.shape)
            return chained([nodes.Negate(links[0]), *links[1:]])
        case nodes.Add(left, right) | nodes.Subtract(left, right):
            return type(formula)(as_written(left, facts), as_written(right, facts))
        case nodes.Multiply() | nodes.Divide():
            number, parts = factors(formula)
            arrays = [part for part in parts if facts.shape(part[0]) or facts.shape(part[1])]
            scalars = [part for part in parts if part not in arrays]
            if len(arrays) == 1 and arrays[0][1] == _ONE and isinstance(arrays[0][0], nodes.MatMul):
                links = chain(arrays[0][0], facts.shape)
                first = product(number, [*scalars, (links[0], _ONE)])
                if isinstance(first, nodes.Divide):
                    below = product(Fraction(1), [(first.right, _ONE)])
                    top = first.left
                    return nodes.Divide(chained([top, *links[1:]]), below)
                return chained([first, *links[1:]])
    return formula


def transposes_collected(formula: Node, facts: Facts) -> Node:
    """Aᵀ@Bᵀ@Cᵀ = (C@B@A)ᵀ and Aᵀ@Bᵀ + Cᵀ = (B@A + C)ᵀ, where that saves a transpose or more."""
    if not isinstance(formula, nodes.Transpose) and len(facts.shape(formula)) > 1:
        turned = tidy(nodes.Transpose(formula), facts)
        if not isinstance(turned, nodes.Transpose) and cost(turned) + 3 <= cost(formula):
            return nodes.Transpose(turned)
    operands = nodes.children(formula)
    made = [transposes_collected(child, facts) for child in operands]
    changed = any(a is not b for a, b in zip(made, operands, strict=True))
    return nodes.rebuilt(formula, made) if changed else formula


def completed(formula: Node, target: Shape, facts: Facts) -> Node:
    """The formula with the shape of what it is the gradient by, entries of a broadcast filled in."""
    if facts.shape(formula) == target:
        return formula
    return tidy(filled(formula, target, facts.shape), facts)
