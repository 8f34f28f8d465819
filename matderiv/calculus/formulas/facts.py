"""Facts that rewrites may rely on: shapes, what is assumed, and what names stand for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from types import MappingProxyType

from matderiv.calculus.formulas.broadcasting import ShapeOf
from matderiv.expression import nodes
from matderiv.expression.assumptions import ASSUMPTIONS, Assumed, Assumption
from matderiv.expression.nodes import Node

__all__ = ["Facts"]

_NOTHING: Assumed = MappingProxyType({})


def _undefined(_: str) -> Node | None:
    return None


@dataclass(frozen=True, slots=True, eq=False)
class Facts:
    """Shapes, what is assumed of inputs or known of values, and the definitions of values."""

    shape: ShapeOf
    assumed: Assumed = field(default_factory=lambda: _NOTHING)
    definition: Callable[[str], Node | None] = _undefined

    def known(self, node: Node) -> Assumption | None:
        """The assumption about a name; None about anything else."""
        if isinstance(node, nodes.OneHot):
            return ASSUMPTIONS["onehot"]
        if not isinstance(node, nodes.Name) or node.name not in self.assumed:
            return None
        return ASSUMPTIONS[self.assumed[node.name]]

    def is_symmetric(self, node: Node) -> bool:
        """Whether a node is a name of a matrix that is its own transpose."""
        known = self.known(node)
        return known is not None and known.symmetric
