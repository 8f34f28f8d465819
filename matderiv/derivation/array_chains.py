"""Chains of equalities about ∂Y/∂X, each link judged."""

from __future__ import annotations

from dataclasses import dataclass

from matderiv.calculus.sweep.array_steps import ArraySteps
from matderiv.derivation.array_judge import ArrayJudge
from matderiv.derivation.kinds import ChainKind, Reason
from matderiv.derivation.links import Chain
from matderiv.derivation.program import Builder, elementwise
from matderiv.derivation.sides import Side
from matderiv.derivation.traces import change_by_rules
from matderiv.expression.nodes import Node, names_in

__all__ = ["ArrayChains"]


@dataclass(frozen=True, slots=True)
class ArrayChains:
    """Makes chains about ∂Y/∂X."""

    about: ArraySteps
    judge: ArrayJudge

    @property
    def chains(self) -> Builder:
        """The maker of chains of links."""
        return Builder(self.about.task, (self.about.wrt,), elementwise)

    def chain(self, kind: ChainKind, first: Side, *rest: tuple[Reason, Side]) -> Chain:
        """A chain of equalities.

        Raises:
            ProofError: one of them is not proved.
        """
        return self.chains.chain(self.judge, kind, first, *rest)

    def moving(self, value: Node) -> tuple[str, ...]:
        """The names in a definition that change with X."""
        names = (self.about.wrt, *self.about.moving)
        return tuple(name for name in names if name in names_in(value))

    def change(self, name: str) -> Node:
        """The change dz in those of the names that z is computed from in a step."""
        value, facts = self.about.graph.definition(name), self.about.task.sweep.facts
        return change_by_rules(name, value, self.moving(value), facts)
