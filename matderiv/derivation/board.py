"""The derivation as it is written on a board: one chain of differentials, gradients read off.

The differential of the loss is worked out with the differentials of values already put in, down to
those values whose gradients are worth a line of their own: pre-activations, what an undefined loss
is a function of, and what is used more than once. From dL = tr(Gᵀ dZ) + … each gradient G is read
off; then the differential of each such value Z leads on.

Every line is proved. The differential of a value is proved from its definition, by the derivatives
of its entries; those of other values are put in once they are proved; a gradient that is read off
is the one that the sweep finds, and is proved as everywhere else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Literal

from matderiv._budget import stage
from matderiv.calculus.deciding.decide import Verdict
from matderiv.calculus.formulas.flattened import (
    cost,
    sum_of,
)
from matderiv.calculus.sweep.results import GradientStages
from matderiv.calculus.sweep.sweep import replaced
from matderiv.calculus.sweep.task import Task, task_of
from matderiv.derivation.board_changes import Changes, Moving
from matderiv.derivation.board_names import with_names
from matderiv.derivation.board_stops import possible_stops, usual_stops
from matderiv.derivation.judge import Judge
from matderiv.derivation.links import Link, Proof
from matderiv.derivation.program import Builder, elementwise
from matderiv.derivation.sides import Formula, Matrix, change_of
from matderiv.derivation.traces import inner
from matderiv.errors import MatderivError, ProofError
from matderiv.expression import nodes
from matderiv.expression.functions import FUNCTIONS
from matderiv.expression.nodes import Name, Node, names_in
from matderiv.expression.program import Program
from matderiv.expression.source import source

__all__ = ["Board", "BoardLine", "LineKind", "build_board", "with_board_names"]

#: The length of a second side from which on gradients are read off at once, in letters of source.
_LONG = 76
#: The cost up to which the gradient by the only value in dL is put into what follows.
_SHORT = 8

#: The kinds of lines: dL by gradients that are given, a differential by its rules, dL as tr(Gᵀ dX),
#: a gradient, a gradient that is 0, or the gradient by a matrix of declared structure.
LineKind = Literal["given", "differential", "collected", "read off", "zero", "structure"]


@dataclass(frozen=True, slots=True)
class BoardLine:
    """One line: a proved equality, and the operations whose differentials it takes.

    A line that `goes_on` has the left side of the line above.
    """

    kind: LineKind
    link: Link
    goes_on: bool = False
    uses: tuple[Node, ...] = ()


@dataclass(frozen=True, slots=True)
class Board:
    """The lines of a board.

    `values` are the definitions that it begins with, `put_in` the proved differentials of values
    that have no line of their own.
    """

    task: Task
    values: tuple[tuple[str, Node], ...]
    lines: tuple[BoardLine, ...]
    put_in: tuple[Link, ...]

    @property
    def proof(self) -> Proof:
        """The counts of equalities by the way they were proved."""
        verdicts = [link.verdict for link in (*self.put_in, *(line.link for line in self.lines))]
        return Proof(
            len(verdicts),
            sum(verdict.index for verdict in verdicts),
            sum(verdict.entries > 0 for verdict in verdicts),
            sum(verdict.entries for verdict in verdicts),
        )


def build_board(task: Task) -> Board:
    """The board of a task.

    Raises:
        ProofError: a line is not proved.
    """
    stage("the board")
    task = with_board_names(task)
    try:
        return _Writer(_with_room(task, frozenset(usual_stops(task)))).board()
    except MatderivError:
        return _Writer(Changes(task, frozenset(possible_stops(task)), thorough=True)).board()


def with_board_names(task: Task, *, lifted: bool = False) -> Task:
    """The task of the program with names for what a board gives a name; see `with_names`.

    With `lifted`, inner values keep the names that the task has for them.
    """
    graph = task.sweep.graph
    program = Program(graph.values, task.program.assumed) if lifted else task.program
    names = program.names()
    given = {name: shape for name, shape in task.shapes.items() if name in names}
    named, shapes = with_names(program, given)
    if named == task.program:
        return task
    found = task_of(named, task.wrt, shapes, task.assumed)
    return replace(task, program=found.program, sweep=found.sweep)


def _with_room(task: Task, stops: frozenset[str]) -> Changes:
    """The changes on a board that also stops at values with which a line gets too long."""
    graph = task.sweep.graph
    while True:
        changes = Changes(task, stops)
        more = {
            of
            for name, change in changes.blocks.items()
            if len(source(change)) > _LONG
            for of in names_in(graph.definition(name)) & changes.moving
            if of not in changes.ends and of not in graph.lifted and graph.shapes[of]
        }
        more &= task.sweep.gradients.keys()
        if not more:
            return changes
        stops |= more


@dataclass
class _Writer:
    """Writes the lines of a board that stops at some values."""

    changes: Changes
    #: Gradients that stand in dL and are put into what follows.
    put: dict[str, Node] = field(default_factory=dict)
    #: Values whose gradients are those of undefined functions.
    given: list[str] = field(default_factory=list)

    @property
    def task(self) -> Task:
        """The task of the board."""
        return self.changes.task

    def board(self) -> Board:
        """The board."""
        lines = tuple(self.lines())
        proofs = (link for name in self.changes.direct for link in self.changes.proofs(name))
        return Board(self.task, tuple(self.values(lines)), lines, tuple(proofs))

    def values(self, lines: Iterable[BoardLine]) -> Iterator[tuple[str, Node]]:
        """The definitions of the values that have names on the board."""
        sides = [side for line in lines for side in (line.link.left, line.link.right)]
        shown = (side.node for side in sides if isinstance(side, Formula | Matrix))
        used = frozenset[str]().union(*map(names_in, shown))
        called = self.changes.stops | used | {n[1:] for n in used}
        graph = self.task.sweep.graph
        for assignment in graph.values:
            name = assignment.name
            if name not in graph.lifted or (name in called and name not in self.changes.hidden):
                yield name, replaced(assignment.value, self.changes.hidden)

    def lines(self) -> Iterator[BoardLine]:
        """The lines in order."""
        ahead = {name: self.frontier(change) for name, change in self.changes.blocks.items()}
        for name, change in self.changes.blocks.items():
            here = ahead.pop(name)
            later = frozenset[str]().union(*ahead.values())
            if name != self.task.loss:
                yield self.differential(name, change)
            elif later.isdisjoint(here):
                yield from self.first(change, here)
            else:
                yield self.differential(name, change)
            for of in here:
                if of not in later and of not in self.put and of not in self.given:
                    yield self.read_off(of)
        for name in self.task.wrt:
            gradient = self.task.sweep.gradients[name]
            if gradient.vanishes:
                yield self.zero(name, gradient)
            elif self.task.way(name) is not None:
                chain = Builder(self.task, self.task.wrt, elementwise).structured(name)
                for number, link in enumerate(chain.links):
                    yield BoardLine("structure", link, goes_on=number > 0)

    def frontier(self, change: Node) -> tuple[str, ...]:
        """The names whose differentials stand in one, values first, then inputs in order."""
        found = {n[1:] for n in names_in(change) if n[0] == "δ"}
        values = [a.name for a in self.task.sweep.graph.values if a.name in found]
        inputs = [name for name in self.task.wrt if name in found]
        gone = self.task.sweep.gradients
        return tuple(n for n in (*inputs, *values) if not gone[n].vanishes)

    def differential(self, name: str, change: Node) -> BoardLine:
        """The differential dZ by the rules."""
        if isinstance(change, nodes.Number):  # 0 in each entry
            change = self.task.whole(name, change)
        link = self.changes.equal(self.changes.judge(name), name, change_of(name), change)
        return BoardLine("differential", link, uses=tuple(self.changes.uses(name)))

    # -- the change of the loss ----------------------------------------------------------------

    def first(self, change: Node, here: tuple[str, ...]) -> Iterator[BoardLine]:
        """The differential dL by its rules, and as tr(Gᵀ dX) + … where that is short enough."""
        loss = self.task.loss
        given = self.given = [name for name in here if self.is_given(name)]
        if here and len(given) == len(here):
            pairs = self.paired({name: Name(f"d{name}") for name in here})
            judge = Moving(self.task, {loss: self.changes.direct[loss]}, (f"d{n}" for n in here))
            yield BoardLine("given", self.changes.equal(judge, loss, change_of(loss), pairs))
            return
        line = self.differential(loss, change)
        yield line
        gradients = {n: Name(f"d{n}") if n in given else self.gradient(n)[0] for n in here}
        pairs = self.paired(gradients)
        alone = len(here) == 1 and here[0] in self.changes.stops
        if alone and cost(gradients[here[0]]) <= _SHORT:
            self.put = gradients
        same = change in (pairs, self.multiple(gradients))
        if same or (len(source(pairs)) > _LONG and not self.put) or not here:
            return
        judge = Moving(self.task, {}, (*self.changes.hidden, *(f"d{n}" for n in given)))
        yield BoardLine("collected", self.changes.equal(judge, loss, change, pairs), goes_on=True)

    def multiple(self, gradients: Mapping[str, Node]) -> Node | None:
        """The same with the number of the only gradient before it: 2⟨G, dX⟩ for ⟨2G, dX⟩."""
        if len(gradients) != 1:
            return None
        ((name, gradient),) = gradients.items()
        if not isinstance(gradient, nodes.Multiply) or not isinstance(gradient.left, nodes.Number):
            return None
        whole = self.task.whole(name, gradient.right)
        pair = inner(whole, change_of(name), self.task.sweep.facts.shape)
        return sum_of([(gradient.left.value, pair)])

    def paired(self, gradients: Mapping[str, Node]) -> Node:
        """⟨G, dX⟩ + …."""
        shape = self.task.sweep.facts.shape
        return sum_of(
            (Fraction(1), inner(self.task.whole(n, g), change_of(n), shape))
            for n, g in gradients.items()
        )

    # -- gradients -----------------------------------------------------------------------------

    def is_given(self, name: str) -> bool:
        """Whether a gradient is that of an undefined function, which nothing says more about."""
        if name not in self.changes.stops:
            return False
        functions = self.task.program.functions()
        return any(
            isinstance(node, nodes.Apply)
            and node.function not in FUNCTIONS
            and node.function[1:] in functions
            for node in nodes.walk(self.task.sweep.gradients[name].formula)
        )

    def read_off(self, name: str) -> BoardLine:
        """∂L/∂X, read off where dX stands."""
        node, verdict = self.gradient(name)
        sides = Formula(Name(f"d{name}")), Formula(self.task.whole(name, node))
        return BoardLine("read off", Link(self.task, *sides, "read off", verdict))

    def gradient(self, name: str) -> tuple[Node, Verdict]:
        """The shortest formula of a gradient that calls only gradients on the board, proved.

        Raises:
            ProofError: no formula is proved.
        """
        found = self.task.sweep.gradients[name]
        verdict = self.task.prover.all_of(name)
        others = {f"d{of}" for of in self.task.sweep.gradients if of != name}
        hidden = {of for of in others if of[1:] not in self.changes.stops or of[1:] in self.put}
        formulas = [self.changes.short(self.expanded(found.local))]
        if verdict.status == "equal" and hidden.isdisjoint(names_in(found.formula)):
            formulas.insert(0, found.formula)
        known = [of for of in hidden if self.task.prover.all_of(of[1:]).status == "equal"]
        for formula in sorted(formulas, key=cost):
            if formula != found.formula or verdict.status != "equal":
                verdict = self.proved(name, found, formula, (*known, *self.changes.hidden))
            if verdict.status == "equal":
                return formula, verdict
        raise ProofError(f"the gradient by {name} is {verdict.status}; {verdict.reason}")

    def zero(self, name: str, gradient: GradientStages) -> BoardLine:
        """∂L/∂X = 0.

        Raises:
            ProofError: it is not proved.
        """
        uses = sum_of((Fraction(1), use.gradient) for use in gradient.uses)
        users = tuple(use.by for use in gradient.uses)
        others = (f"d{of}" for of in self.task.sweep.gradients if of != name)
        left, rules, right = map(
            Formula, (Name(f"d{name}"), self.task.whole(name, uses), gradient.formula)
        )
        step = Judge(self.task, name, users).verdict(left, rules)
        verdict = Judge(self.task, name, (*others, *self.changes.hidden)).verdict(rules, right)
        if not verdict.status == step.status == "equal":
            raise ProofError(f"the gradient by {name} is not proved to be 0; {verdict.reason}")
        return BoardLine("zero", Link(self.task, left, right, "zero", verdict))

    def proved(
        self, name: str, found: GradientStages, formula: Node, unfolded: Iterable[str]
    ) -> Verdict:
        """Whether a formula is that of the chain rule, with what has no line put into it.

        Gradients in `put` are proved; each stands for its name.
        """
        local = self.task.whole(name, found.local)
        step = Judge(self.task, name, found.users)
        verdict = step.verdict(*self.changes.sides(name, Name(f"d{name}"), local))
        local = replaced(local, {f"d{of}": node for of, node in self.put.items()})
        if verdict.status != "equal" or local == formula:
            return verdict
        put = Judge(self.task, name, unfolded).verdict(*self.changes.sides(name, local, formula))
        return replace(put, index=put.index and verdict.index)

    def expanded(self, node: Node) -> Node:
        """A formula with those gradients put in that have no line."""
        gradients = self.task.sweep.gradients
        known: dict[str, Node] = {}
        for name in names_in(node):
            of = name[1:]
            if name in self.task.shapes or of not in gradients:
                continue
            if of in self.put:
                known[name] = self.put[of]
            elif of not in self.changes.stops:
                known[name] = self.expanded(self.task.whole(of, gradients[of].local))
        return replaced(node, known)
