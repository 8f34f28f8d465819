"""The results of a reverse sweep: each gradient with the stages of its derivation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from matderiv.calculus.formulas.rewrites import Facts
from matderiv.calculus.formulas.tidying import Rewritten
from matderiv.calculus.sweep.graph import Graph
from matderiv.calculus.sweep.value_names import ValueNames
from matderiv.expression import nodes
from matderiv.expression.nodes import Node

__all__ = ["GradientStages", "Sweep", "Use"]


@dataclass(frozen=True, slots=True)
class Use:
    """The term of the chain rule for one use of a name; `by` is the value that uses it."""

    by: str
    gradient: Node


@dataclass(frozen=True, slots=True)
class GradientStages:
    """∂L/∂x for one name x, in the stages of its derivation.

    `uses`: one term of the chain rule for each use of x, in the gradients of the values that
    use it. `local`: their sum, simplified. `assembled`: their sum with the values and gradients
    of lifted names substituted. `tidying`: the rewrites that turn it into `formula`, or into a
    formula that is 0 everywhere where the gradient `vanishes`; `formula` is then that zero.
    `put`: the gradients dY whose formulas are put in their place, because that gets shorter.
    """

    name: str
    uses: tuple[Use, ...]
    local: Node
    assembled: Node
    tidying: tuple[Rewritten, ...]
    formula: Node
    vanishes: bool = False
    put: frozenset[str] = frozenset()

    @property
    def users(self) -> tuple[str, ...]:
        """The values that use x and through which it reaches the loss."""
        return tuple(dict.fromkeys([use.by for use in self.uses]))


@dataclass(frozen=True, slots=True)
class Sweep:
    """The gradients of a graph by name, those of the last values first.

    `lifted`: the formulas of lifted names that no gradient mentions. `called`: the formulas of
    lifted names that gradients do mention. Both are in names of the program and of `called`.
    `names`: the name of each value, by its formula.
    """

    graph: Graph
    facts: Facts
    gradients: Mapping[str, GradientStages]
    lifted: Mapping[str, Node]
    called: Mapping[str, Node]
    names: ValueNames

    def upstream(self, name: str) -> tuple[str, ...]:
        """The names whose gradients the formula of `name` mentions, in order."""
        found: set[str] = set()
        queue = [self.gradients[name].formula]
        while queue:
            for other in nodes.names_in(queue.pop()):
                of = other[1:]
                if other not in self.graph.shapes and of in self.gradients and of not in found:
                    found.add(of)
                    queue.append(self.gradients[of].formula)
        return tuple(a.name for a in reversed(self.graph.values) if a.name in found)

    def values(self, name: str) -> tuple[str, ...]:
        """The lifted names in the formula of `name` or of its upstream gradients, in order."""
        formulas = [self.gradients[of].formula for of in (*self.upstream(name), name)]
        used = set[str]().union(*map(nodes.names_in, formulas))
        found: list[str] = []
        for value in reversed(tuple(self.called)):
            if value in used:
                found.insert(0, value)
                used |= nodes.names_in(self.called[value])
        return tuple(found)
