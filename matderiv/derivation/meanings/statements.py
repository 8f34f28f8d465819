"""A statement about gradients, its claims, and the program that it is found in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from matderiv.calculus.formulas.broadcasting import ShapeOf
from matderiv.calculus.sweep.sweep import in_inputs, replaced
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
    """A task, its values and its gradients in inputs alone, as far as these are short."""

    def __init__(self, task: Task) -> None:
        graph = task.sweep.graph
        self.task = task
        self.shape: ShapeOf = task.sweep.facts.shape
        every = frozenset(a.name for a in graph.values)
        self.values = self._written_out(every)
        self._unnamed = self._written_out(graph.lifted)
        self.loss = self._in_inputs(Name(task.loss)) or nodes.ZERO
        self.named = [
            (a.name, self.named_only(a.value)) for a in graph.values if a.name not in graph.lifted
        ]

    def _written_out(self, names: frozenset[str]) -> dict[str, Node]:
        """Values, and the gradients by them, without their names; but see `in_inputs`."""
        sweep = self.task.sweep
        formulas = {a.name: a.value for a in sweep.graph.values if a.name in names}
        for name, found in sweep.gradients.items():  # each after those that it mentions
            if name in names:
                formulas[f"d{name}"] = self.task.whole(name, found.formula)
        return in_inputs(formulas)

    def named_only(self, formula: Node) -> Node:
        """A formula without the names that the program does not have, and their gradients."""
        return replaced(formula, self._unnamed)

    def _in_inputs(self, formula: Node) -> Node | None:
        """A formula in inputs alone; None where that is long."""
        made = replaced(formula, self.values)
        sweep = self.task.sweep
        ours = {a.name for a in sweep.graph.values} | {f"d{of}" for of in sweep.gradients}
        return None if names_in(made) & ours else made

    def gradient(self, name: str) -> Node | None:
        """The gradient by a name in inputs alone; None where that is not known, or long."""
        found = self.task.sweep.gradients.get(name)
        if found is None or found.vanishes or self.task.way(name) is not None:
            return None
        return self._in_inputs(self.task.whole(name, found.formula))

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
