"""A derivation as values: links between two sides, chains of links, steps of chains."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import sympy as sp

from matderiv.calculus.deciding.decide import Verdict
from matderiv.calculus.deciding.second_engine import SecondOpinion
from matderiv.calculus.sweep.task import Task
from matderiv.derivation.focus import CloseUp
from matderiv.derivation.kinds import ChainKind, Reason, StepKind
from matderiv.derivation.sides import Formula, Side
from matderiv.expression.nodes import Node

__all__ = ["Chain", "Link", "Proof", "ProvedSteps", "Step"]


@dataclass(frozen=True, slots=True, eq=False)
class Link:
    """One `=` of a page: its two sides, the kind of reason, and the verdict on it."""

    task: Task = field(repr=False)
    left: Side
    right: Side
    reason: Reason
    verdict: Verdict

    @property
    def lhs(self) -> sp.Basic:
        """The left side as a SymPy object: an expression or a matrix."""
        return self._expression(self.left)

    @property
    def rhs(self) -> sp.Basic:
        """The right side as a SymPy object: an expression or a matrix."""
        return self._expression(self.right)

    def _expression(self, side: Side) -> sp.Basic:
        # Loaded only when it is asked for: a page is made without SymPy's matrices.
        from matderiv.derivation import symbolic

        return symbolic.side_expression(side, self.task, most=symbolic.MOST_WRITTEN)


@dataclass(frozen=True, slots=True)
class Chain:
    """Links in a row, the right side of one being the left side of the next."""

    kind: ChainKind
    links: tuple[Link, ...]

    @property
    def sides(self) -> tuple[Side, ...]:
        """All sides, left to right."""
        return (self.links[0].left, *(link.right for link in self.links))


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a derivation; `wrt` is the matrix that it is about, if it is about one."""

    kind: StepKind
    chains: tuple[Chain, ...]
    wrt: str | None = None

    @property
    def links(self) -> tuple[Link, ...]:
        """All links of the step."""
        return tuple(link for chain in self.chains for link in chain.links)


@dataclass(frozen=True, slots=True)
class Proof:
    """How many equalities were proved, and how.

    `for_all_sizes` of them are proved in index notation; `compared` of them were compared entry
    by entry at the chosen sizes, `entries` comparisons in all.
    """

    equalities: int
    for_all_sizes: int
    compared: int
    entries: int


@dataclass(frozen=True, slots=True, eq=False)
class ProvedSteps:
    """The steps from a program to its gradients, every link of them proved."""

    task: Task
    wrt: tuple[str, ...]
    steps: tuple[Step, ...]
    #: The value that is shown close up, if one is.
    close: CloseUp | None = None
    #: The comparison with SymPy's own derivatives, if it was made.
    second: SecondOpinion | None = None

    @property
    def links(self) -> Iterator[Link]:
        """All links in order."""
        return (link for step in self.steps for link in step.links)

    @property
    def proof(self) -> Proof:
        """The counts of equalities by the way they were proved."""
        verdicts = [link.verdict for link in self.links]
        return Proof(
            equalities=len(verdicts),
            for_all_sizes=sum(verdict.index for verdict in verdicts),
            compared=sum(verdict.entries > 0 for verdict in verdicts),
            entries=sum(verdict.entries for verdict in verdicts),
        )

    def answer(self, name: str) -> Node:
        """The gradient by one matrix: the last side of the last chain about it."""
        kinds = ("matrix", "structure", "zero")
        step = next(s for s in reversed(self.steps) if s.kind in kinds and s.wrt == name)
        side = step.chains[-1].sides[-1]
        assert isinstance(side, Formula)
        return side.node

    @property
    def formulas(self) -> dict[str, str]:
        """The gradients as NumPy-like source, `dY` standing for ∂L/∂Y."""
        return {name: self.task.source(self.answer(name)) for name in self.wrt}

    @property
    def result(self) -> dict[str, sp.Basic]:
        """The gradients as SymPy matrix expressions of `dY` and the inputs.

        Where SymPy has no matrix expression, an explicit matrix at the sizes.
        """
        from matderiv.derivation.symbolic import formula_expression

        return {name: formula_expression(self.answer(name), self.task) for name in self.wrt}
