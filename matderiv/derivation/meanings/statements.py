"""A statement about gradients, its claims, and the program that it is found in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from matderiv.calculus.formulas.broadcasting import ShapeOf
from matderiv.calculus.sweep.sweep import replaced
from matderiv.calculus.sweep.task import Task
from matderiv.derivation.links import Link
from matderiv.expression import nodes
from matderiv.expression.nodes import Name, Node, names_in

__all__ = [
    "Along",
    "Candidate",
    "Equality",
    "Finder",
    "Meaning",
    "MeaningKind",
    "Shown",
    "Unfolded",
    "along_of",
    "gradient_name",
    "zeros_like",
]

_MATRIX = 2  # dimensions

#: The statements, in the order in which a page says it. After an underscore: whether it is said of
#: rows, of columns, or of all entries.
MeaningKind = Literal[
    "residual",
    "normal",
    "left_row",
    "left_col",
    "left_all",
    "even_row",
    "even_col",
    "even_all",
    "stretched",
    "stretched_small",
    "rowsums",
    "likelihood",
    "estimate",
    "samples",
    "eigenvectors",
    "fork",
    "broadcast",
]
Along: TypeAlias = Literal["row", "col", "all"]
#: A formula, or an equation by its sides.
Shown: TypeAlias = Mapping[str, Node | tuple[Node, Node]]


@dataclass(frozen=True, slots=True)
class Meaning:
    """A statement: its kind, the formulas in its sentence, and the proofs of its claims."""

    kind: MeaningKind
    shown: Shown
    claims: tuple[Link, ...]

    @property
    def names(self) -> frozenset[str]:
        """The names in its formulas; of a gradient also what it is by."""
        found = set[str]()
        for part in self.shown.values():
            for node in part if isinstance(part, tuple) else (part,):
                found |= names_in(node)
        return frozenset(found | {name[1:] for name in found if name[0] == "d"})


@dataclass(frozen=True, slots=True)
class Equality:
    """Two sides that must be equal, in a task of their own where it is not that of the page."""

    left: Node
    right: Node
    task: Task | None = None


Candidate: TypeAlias = tuple[MeaningKind, Shown, tuple[Equality, ...]]
Finder: TypeAlias = Callable[["Unfolded"], Iterator[Candidate]]


class Unfolded:
    """A task, its values and its gradients in inputs alone."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.shape: ShapeOf = task.sweep.facts.shape
        self.values: dict[str, Node] = {}
        for assignment in task.sweep.graph.values:
            self.values[assignment.name] = replaced(assignment.value, self.values)
        hidden = task.sweep.graph.lifted
        self.unnamed = {name: value for name, value in self.values.items() if name in hidden}
        self.loss = self.values.get(task.loss, nodes.ZERO)
        self.named = [
            (a.name, replaced(a.value, self.unnamed))
            for a in task.sweep.graph.values
            if a.name not in hidden
        ]

    def gradient(self, name: str) -> Node | None:
        """The gradient by a name in inputs alone; None where that is not known."""
        found = self.task.sweep.gradients.get(name)
        if found is None or found.vanishes or self.task.way(name) is not None:
            return None
        return self.without(self.task.whole(name, found.formula), self.values)

    def without(self, node: Node, values: Mapping[str, Node]) -> Node:
        """A formula without some values and without their gradients."""
        gradients = self.task.sweep.gradients
        known = dict(values) | {
            f"d{of}": self.without(self.task.whole(of, gradients[of].formula), values)
            for of in values
            if f"d{of}" in names_in(node) and of in gradients
        }
        return replaced(node, known)

    def free(self, name: str) -> bool:
        """Whether the gradient by a name is that by all of its entries, and not 0."""
        found = self.task.sweep.gradients.get(name)
        return found is not None and not found.vanishes and self.task.way(name) is None


def gradient_name(name: str) -> Name:
    """The name of the gradient by a name."""
    return Name(f"d{name}")


def zeros_like(like: Node) -> Node:
    """Zeros of the shape of a formula."""
    return nodes.Multiply(nodes.ZERO, like)


def along_of(axis: int | None, dimensions: int) -> Along:
    """Whether sums along an axis are of rows, of columns or of all entries."""
    if dimensions < _MATRIX or axis is None:
        return "all"
    return "row" if axis == dimensions - 1 else "col"
