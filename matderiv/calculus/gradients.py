"""The reverse sweep: all gradients of a program in one pass from the loss backwards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from matderiv.calculus.adjoints import adjoint
from matderiv.calculus.broadcasting import ShapeOf
from matderiv.expression import nodes
from matderiv.expression.nodes import Node

__all__ = ["Contribution", "contributions"]


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one use of a name adds to its gradient."""

    name: str
    gradient: Node


def contributions(value: Node, upstream: Node, shape: ShapeOf) -> list[Contribution]:
    """What every use of a name in `value` adds to the gradient by that name, in order of use."""
    if isinstance(value, nodes.Name):
        return [Contribution(value.name, upstream)]
    operands = [child for child in nodes.children(value)]
    if not any(isinstance(n, nodes.Name) for n in nodes.walk(value)):
        return []
    found: list[Contribution] = []
    for operand, gradient in zip(operands, adjoint(value, upstream, shape), strict=True):
        found += contributions(operand, gradient, shape)
    return found
