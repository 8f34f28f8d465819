"""The differentials of the values of a board, each proved.

That of a value is proved from its definition, by the derivatives of its entries; those of other
values are put in once they are proved.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from matderiv.calculus.formulas.broadcasting import filled
from matderiv.calculus.formulas.flattened import formula_key, without_units
from matderiv.calculus.formulas.tidying import tidy
from matderiv.calculus.index_forms.entries import Entries
from matderiv.calculus.index_forms.forms import Atom, Entry, Form, added
from matderiv.calculus.sweep.differentials import differential
from matderiv.calculus.sweep.sweep import replaced
from matderiv.calculus.sweep.task import Task
from matderiv.calculus.sweep.value_names import with_value_names
from matderiv.derivation.judge import Judge
from matderiv.derivation.links import Link
from matderiv.derivation.sides import Differential, Formula, Matrix, Side, change_of
from matderiv.derivation.traces import traced
from matderiv.errors import ProofError
from matderiv.expression import nodes
from matderiv.expression.nodes import Name, Node, names_in

__all__ = ["Changes", "Moving"]

#: A judge of differentials is about the gradient by no name of the program.
_NO_NAME = "δ"


@dataclass
class Changes:
    """The differentials of the values of a board that stops at some of them.

    `thorough`: whether equalities that letters do not decide are compared at the sizes.
    """

    task: Task
    stops: frozenset[str]
    thorough: bool = False
    #: Differentials in those of values at which the board stops and of inputs.
    known: dict[str, Node] = field(default_factory=dict)
    #: The differential of each value in those of the values that it is computed from.
    direct: dict[str, Node] = field(default_factory=dict)

    @cached_property
    def moving(self) -> frozenset[str]:
        """The names that change with an input that is differentiated by."""
        return self.task.sweep.graph.depends(frozenset(self.task.wrt))

    @cached_property
    def ends(self) -> frozenset[str]:
        """The names whose differentials stand on the board."""
        return self.stops | frozenset(self.task.wrt)

    @cached_property
    def hidden(self) -> dict[str, Node]:
        """The values that have no name on the board, with their definitions."""
        return {n: v for n, v in self.task.sweep.lifted.items() if n not in self.stops}

    @cached_property
    def named(self) -> dict[object, str]:
        """The names of the values of the program, by the keys of their definitions."""
        graph = self.task.sweep.graph
        return {
            formula_key(replaced(a.value, self.hidden)): a.name
            for a in graph.values[:-1]
            if a.name not in self.hidden and not isinstance(a.value, Name)
        }

    def short(self, node: Node) -> Node:
        """A formula tidied, without hidden names, other values called by theirs."""
        tidied = tidy(without_units(replaced(node, self.hidden)), self.task.sweep.facts)
        return with_value_names(tidied, self.named, but="")

    @cached_property
    def blocks(self) -> dict[str, Node]:
        """The differential of the loss and of each value at which the board stops."""
        return {name: self.of(name) for name in self.heads()}

    def heads(self) -> Iterator[str]:
        """The loss and the values at which the board stops, from the loss backwards."""
        graph = self.task.sweep.graph
        for assignment in reversed(graph.values):
            name = assignment.name
            if name in self.moving and (name == graph.loss or name in self.stops):
                yield name

    def of(self, name: str) -> Node:
        """The differential of a value, down to the names whose differentials stand on the board."""
        if name in self.known:
            return self.known[name]
        graph, facts = self.task.sweep.graph, self.task.sweep.facts
        value = graph.definition(name)
        operands = [n for n in sorted(names_in(value)) if n in self.moving]
        found = differential(value, {n: change_of(n) for n in operands}, facts.shape)
        if found is None:  # a spread or a softmax of one entry is the same at any input
            found = nodes.ZERO
        direct = with_value_names(tidy(found, facts), {formula_key(value): name}, but="")
        self.direct[name] = direct
        inside = {
            f"δ{n}": filled(self.of(n), graph.shapes[n], facts.shape)
            for n in operands
            if n not in self.ends
        }
        put = self.short(replaced(direct, inside))
        self.known[name] = put if graph.shapes[name] else traced(put, facts.shape)
        return self.known[name]

    def proofs(self, name: str) -> Iterator[Link]:
        """The differential of a value by the derivatives of its entries, and with others put in."""
        change, direct = self.known[name], self.direct[name]
        yield self.equal(_Defining(self.task, name), name, change_of(name), direct)
        if name not in self.blocks and change != direct:
            yield self.equal(self.judge(name), name, direct, change)

    def judge(self, name: str) -> Judge:
        """A judge that knows the differentials that are proved; of the value, that by its rules."""
        known = {of: node for of, node in self.known.items() if of not in self.ends}
        return Moving(self.task, known | {name: self.direct[name]}, self.hidden)

    def equal(self, judge: Judge, name: str, left: Node, right: Node) -> Link:
        """The equality of two differentials of a value; one may be repeated along its axes.

        Raises:
            ProofError: it is not proved.
        """
        sides = self.sides(name, left, right)
        verdict = judge.verdict(*sides)
        if verdict.status != "equal":
            raise ProofError(f"the differential of {name}: {verdict.status}; {verdict.reason}")
        return Link(self.task, *sides, "rules", verdict)

    def sides(self, name: str, left: Node, right: Node) -> tuple[Side, Side]:
        """Two arrays in the shape of a name; they are compared in letters, if not `thorough`."""
        over, shape = self.task.shapes[name], self.task.sweep.facts.shape
        if self.thorough and shape(left) == shape(right) == over:
            return Formula(left), Formula(right)
        at = self.task.value_indices(over)
        return Matrix(left, at, over), Matrix(right, at, over)

    def uses(self, name: str) -> Iterator[Node]:
        """The operations through which a value changes, with those of the values put in."""
        value = self.task.sweep.graph.definition(name)
        for node in nodes.walk(value):
            if nodes.children(node) and not self.moving.isdisjoint(names_in(node)):
                yield replaced(node, self.hidden)
        for of in sorted(names_in(value) & self.moving - self.ends):
            yield from self.uses(of)


class Moving(Judge):
    """A judge that puts in differentials that are proved."""

    def __init__(self, task: Task, known: Mapping[str, Node], unfolded: Iterable[str]) -> None:
        super().__init__(task, _NO_NAME, unfolded)
        self._known_changes = known

    def own(self, atom: Atom, entries: Entries) -> Form | None:
        """The entry of a differential."""
        match atom:
            case Entry(name=name, indices=indices) if name[1:] in self._known_changes and (
                name[0] == "δ"
            ):
                over = self.task.shapes[name[1:]]
                return Matrix(self._known_changes[name[1:]], indices, over).form(entries)
        return super().own(atom, entries)


class _Defining(Judge):
    """A judge that knows the differential of one value by the derivatives of its entries."""

    def __init__(self, task: Task, name: str) -> None:
        super().__init__(task, _NO_NAME, (name,))
        self._of = name
        graph = task.sweep.graph
        self._operands = names_in(graph.definition(name)) & graph.depends(frozenset(task.wrt))

    def own(self, atom: Atom, entries: Entries) -> Form | None:
        """Σ ∂z_ij/∂x_pq·dx_pq over all that the value is computed from, by its definition."""
        match atom:
            case Entry(name=name, indices=indices) if name == f"δ{self._of}":
                value = self.task.sweep.graph.definition(self._of)
                shapes = self.task.shapes
                return added(
                    Differential(self._of, value, of, indices, shapes[of]).form(self.entries)
                    for of in sorted(self._operands)
                )
        return super().own(atom, entries)
