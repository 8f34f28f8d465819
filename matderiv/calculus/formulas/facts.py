"""Facts that rewrites may rely on: shapes, and which matrices are symmetric."""

from __future__ import annotations

from dataclasses import dataclass, field

from matderiv.calculus.formulas.broadcasting import ShapeOf

__all__ = ["Facts"]


@dataclass(frozen=True, slots=True)
class Facts:
    """Shapes, and which names are symmetric matrices."""

    shape: ShapeOf
    symmetric: frozenset[str] = field(default_factory=frozenset)
