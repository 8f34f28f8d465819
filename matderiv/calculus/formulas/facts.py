"""Facts that rewrites may rely on: shapes, symmetric matrices, and what names stand for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from matderiv.calculus.formulas.broadcasting import ShapeOf
from matderiv.expression.nodes import Node

__all__ = ["Facts"]


def _nothing(_: str) -> Node | None:
    return None


@dataclass(frozen=True, slots=True)
class Facts:
    """Shapes, which names are symmetric matrices, and the definitions of names that are values."""

    shape: ShapeOf
    symmetric: frozenset[str] = field(default_factory=frozenset)
    definition: Callable[[str], Node | None] = _nothing
