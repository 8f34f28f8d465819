"""Facts that rewrites may rely on: shapes, and what is assumed of inputs."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType

from matderiv.calculus.formulas.broadcasting import ShapeOf
from matderiv.expression import nodes
from matderiv.expression.assumptions import ASSUMPTIONS, Assumed, Assumption
from matderiv.expression.nodes import Node

__all__ = ["Facts"]

_NOTHING: Assumed = MappingProxyType({})


@dataclass(frozen=True, slots=True, eq=False)
class Facts:
    """Shapes, and what is assumed of the names of inputs."""

    shape: ShapeOf
    assumed: Assumed = field(default_factory=lambda: _NOTHING)

    def known(self, node: Node) -> Assumption | None:
        """The assumption about an input; None about anything else."""
        if not isinstance(node, nodes.Name) or node.name not in self.assumed:
            return None
        return ASSUMPTIONS[self.assumed[node.name]]

    def is_symmetric(self, node: Node) -> bool:
        """Whether a node is an input that is its own transpose."""
        known = self.known(node)
        return known is not None and known.symmetric
