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
from functools import cached_property
from typing import Literal

from matderiv._budget import stage
from matderiv.calculus.deciding.decide import Verdict
from matderiv.calculus.formulas.broadcasting import ShapeOf, filled
from matderiv.calculus.formulas.flattened import (
    Addend,
    cost,
    formula_key,
    sum_of,
    terms,
    without_units,
)
from matderiv.calculus.formulas.tidying import tidy
from matderiv.calculus.index_forms.entries import Entries
from matderiv.calculus.index_forms.forms import Atom, Entry, Form, added
from matderiv.calculus.sweep.differentials import differential
from matderiv.calculus.sweep.results import GradientStages
from matderiv.calculus.sweep.sweep import replaced
from matderiv.calculus.sweep.task import Task, task_of
from matderiv.calculus.sweep.value_names import with_value_names
from matderiv.derivation.board_names import with_names
from matderiv.derivation.judge import Judge
from matderiv.derivation.links import Link, Proof
from matderiv.derivation.methods.differential import inner
from matderiv.derivation.program import Builder, elementwise
from matderiv.derivation.sides import Differential, Formula, Matrix, Side, change_of
from matderiv.errors import MatderivError, ProofError
from matderiv.expression import nodes
from matderiv.expression.functions import FUNCTIONS
from matderiv.expression.nodes import Name, Node, names_in
from matderiv.expression.source import source

__all__ = ["Board", "BoardLine", "LineKind", "build_board"]

#: The length of a second side from which on gradients are read off at once, in letters of source.
_LONG = 76
#: The cost up to which the gradient by the only value in dL is put into what follows.
_SHORT = 8

#: A judge of differentials is about the gradient by no name of the program.
_NO_NAME = "δ"

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
    names = task.program.names()
    given = {name: shape for name, shape in task.shapes.items() if name in names}
    named, shapes = with_names(task.program, given)
    if named != task.program:
        found = task_of(named, task.wrt, shapes, task.assumed)
        task = replace(task, program=found.program, sweep=found.sweep)
    try:
        return _with_room(task, frozenset(_usual_stops(task))).board()
    except MatderivError:
        return _Writer(task, frozenset(_stoppable(task)), thorough=True).board()


def _with_room(task: Task, stops: frozenset[str]) -> _Writer:
    """The writer of a board that also stops at values whose differentials make a line too long."""
    graph = task.sweep.graph
    while True:
        writer = _Writer(task, stops)
        more = {
            of
            for name, change in writer.blocks.items()
            if len(source(change)) > _LONG
            for of in names_in(graph.definition(name)) & writer.moving
            if of not in writer.ends and of not in graph.lifted and graph.shapes[of]
        }
        more &= task.sweep.gradients.keys()
        if not more:
            return writer
        stops |= more


# -- the values that have lines ------------------------------------------------------------------


def _stoppable(task: Task) -> Iterator[str]:
    """The values before the loss whose gradients are not 0."""
    graph, gradients = task.sweep.graph, task.sweep.gradients
    for assignment in graph.values:
        name = assignment.name
        if name != graph.loss and name in gradients and not gradients[name].vanishes:
            yield name


def _usual_stops(task: Task) -> Iterator[str]:
    """Those whose gradients are worth a line: see the head of this module."""
    graph = task.sweep.graph
    moving = graph.depends(frozenset(task.wrt))
    for name in _stoppable(task):
        value = replaced(graph.definition(name), task.sweep.lifted)
        users = [a for a in graph.values if a.name in task.sweep.gradients[name].users]
        if name in graph.lifted or not graph.shapes[name]:
            continue
        operands = names_in(value) & moving
        if (
            len(users) > 1
            or (_is_product(value) and len(operands) > 1)
            or any(_is_opened(user.value, name, product=_is_product(value)) for user in users)
            or (isinstance(value, nodes.Softmax) and any(u.name != graph.loss for u in users))
        ):
            yield name


def _is_product(value: Node) -> bool:
    return any(isinstance(node, nodes.MatMul) for node in nodes.walk(value))


def _is_opened(value: Node, name: str, *, product: bool) -> bool:
    """Whether a value is a nonlinear function of the entries of a product, or an unknown one."""
    return any(
        name in names_in(node)
        and (
            isinstance(node, nodes.Functional)
            or (isinstance(node, nodes.Apply) and (product or node.function not in FUNCTIONS))
            or (isinstance(node, nodes.AlongAxis | nodes.LogSumExp) and product)
        )
        for node in nodes.walk(value)
    )


# -- the lines -----------------------------------------------------------------------------------


@dataclass
class _Writer:
    """Writes the lines of a board that stops at some values."""

    task: Task
    stops: frozenset[str]
    #: Whether equalities that letters do not decide are compared at the sizes.
    thorough: bool = False
    #: Differentials that are proved, in those of values at which the board stops and of inputs.
    changes: dict[str, Node] = field(default_factory=dict)
    #: Gradients that stand in dL and are put into what follows.
    put: dict[str, Node] = field(default_factory=dict)
    put_in: list[Link] = field(default_factory=list)
    #: Values whose gradients are those of undefined functions.
    given: list[str] = field(default_factory=list)
    #: The differential of each value in those of the values that it is computed from.
    direct: dict[str, Node] = field(default_factory=dict)

    def board(self) -> Board:
        """The board."""
        lines = tuple(self.lines())
        for name in self.direct:
            self.put_in += self.proofs(name)
        return Board(self.task, tuple(self.values(lines)), lines, tuple(self.put_in))

    def values(self, lines: Iterable[BoardLine]) -> Iterator[tuple[str, Node]]:
        """The definitions of the values that have names on the board."""
        sides = [side for line in lines for side in (line.link.left, line.link.right)]
        shown = (side.node for side in sides if isinstance(side, Formula | Matrix))
        used = frozenset[str]().union(*map(names_in, shown))
        called = self.stops | used | {n[1:] for n in used}
        graph = self.task.sweep.graph
        for assignment in graph.values:
            name = assignment.name
            if name not in graph.lifted or (name in called and name not in self.hidden):
                yield name, replaced(assignment.value, self.hidden)

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

    def lines(self) -> Iterator[BoardLine]:
        """The lines in order."""
        ahead = {name: self.frontier(change) for name, change in self.blocks.items()}
        for name, change in self.blocks.items():
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

    @cached_property
    def blocks(self) -> dict[str, Node]:
        """The differential of the loss and of each value at which the board stops."""
        return {name: self.change(name) for name in self.heads()}

    def heads(self) -> Iterator[str]:
        """The loss and the values at which the board stops, from the loss backwards."""
        graph = self.task.sweep.graph
        for assignment in reversed(graph.values):
            name = assignment.name
            if name in self.moving and (name == graph.loss or name in self.stops):
                yield name

    def frontier(self, change: Node) -> tuple[str, ...]:
        """The names whose differentials stand in one, values first, then inputs in order."""
        found = {n[1:] for n in names_in(change) if n[0] == "δ"}
        values = [a.name for a in self.task.sweep.graph.values if a.name in found]
        inputs = [name for name in self.task.wrt if name in found]
        gone = self.task.sweep.gradients
        return tuple(n for n in (*inputs, *values) if not gone[n].vanishes)

    # -- differentials -------------------------------------------------------------------------

    def change(self, name: str) -> Node:
        """The differential of a value, down to the names whose differentials stand on the board."""
        if name in self.changes:
            return self.changes[name]
        graph, facts = self.task.sweep.graph, self.task.sweep.facts
        value = graph.definition(name)
        operands = [n for n in sorted(names_in(value)) if n in self.moving]
        found = differential(value, {n: change_of(n) for n in operands}, facts.shape)
        if found is None:  # a spread or a softmax of one entry is the same at any input
            found = nodes.ZERO
        direct = with_value_names(tidy(found, facts), {formula_key(value): name}, but="")
        self.direct[name] = direct
        inside = {
            f"δ{n}": filled(self.change(n), graph.shapes[n], facts.shape)
            for n in operands
            if n not in self.ends
        }
        put = self.short(replaced(direct, inside))
        self.changes[name] = put if graph.shapes[name] else _traced(put, facts.shape)
        return self.changes[name]

    def proofs(self, name: str) -> Iterator[Link]:
        """The differential of a value by the derivatives of its entries, and with others put in."""
        change, direct = self.changes[name], self.direct[name]
        yield self.equal(_Defining(self.task, name), name, change_of(name), direct)
        if name not in self.blocks and change != direct:
            yield self.equal(self.by_changes(name), name, direct, change)

    def by_changes(self, name: str) -> Judge:
        """A judge that knows the differentials that are proved; of the value, that by its rules."""
        known = {of: node for of, node in self.changes.items() if of not in self.ends}
        return _Moving(self.task, known | {name: self.direct[name]}, self.hidden)

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

    def differential(self, name: str, change: Node) -> BoardLine:
        """DZ by the rules for differentials."""
        link = self.equal(self.by_changes(name), name, change_of(name), change)
        return BoardLine("differential", link, uses=tuple(self.uses(name)))

    def uses(self, name: str) -> Iterator[Node]:
        """The operations through which a value changes, with those of the values put in."""
        value = self.task.sweep.graph.definition(name)
        for node in nodes.walk(value):
            if nodes.children(node) and not self.moving.isdisjoint(names_in(node)):
                yield replaced(node, self.hidden)
        for of in sorted(names_in(value) & self.moving - self.ends):
            yield from self.uses(of)

    # -- the change of the loss ----------------------------------------------------------------

    def first(self, change: Node, here: tuple[str, ...]) -> Iterator[BoardLine]:
        """DL by its rules, and as tr(Gᵀ dX) + … where that is short enough."""
        loss = self.task.loss
        given = self.given = [name for name in here if self.is_given(name)]
        if here and len(given) == len(here):
            pairs = self.paired({name: Name(f"d{name}") for name in here})
            judge = _Moving(self.task, {loss: self.direct[loss]}, (f"d{n}" for n in here))
            yield BoardLine("given", self.equal(judge, loss, change_of(loss), pairs))
            return
        line = self.differential(loss, change)
        yield line
        gradients = {n: Name(f"d{n}") if n in given else self.gradient(n)[0] for n in here}
        pairs = self.paired(gradients)
        alone = len(here) == 1 and here[0] in self.stops
        if alone and cost(gradients[here[0]]) <= _SHORT:
            self.put = gradients
        same = pairs == change
        if same or (len(source(pairs)) > _LONG and not self.put) or not here:
            return
        judge = _Moving(self.task, {}, (*self.hidden, *(f"d{n}" for n in given)))
        yield BoardLine("collected", self.equal(judge, loss, change, pairs), goes_on=True)

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
        if name not in self.stops:
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
        if verdict.status != "equal":
            raise ProofError(f"the gradient by {name} is {verdict.status}; {verdict.reason}")
        others = {f"d{of}" for of in self.task.sweep.gradients if of != name}
        hidden = {of for of in others if of[1:] not in self.stops or of[1:] in self.put}
        formulas = [self.short(self.expanded(found.local))]
        if hidden.isdisjoint(names_in(found.formula)):
            formulas.insert(0, found.formula)
        for formula in sorted(formulas, key=cost):
            if formula != found.formula:
                verdict = self.proved(name, found, formula, (*hidden, *self.hidden))
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
        verdict = Judge(self.task, name, (*others, *self.hidden)).verdict(rules, right)
        if not verdict.status == step.status == "equal":
            raise ProofError(f"the gradient by {name} is not proved to be 0; {verdict.reason}")
        return BoardLine("zero", Link(self.task, left, right, "zero", verdict))

    def proved(
        self, name: str, found: GradientStages, formula: Node, unfolded: Iterable[str]
    ) -> Verdict:
        """Whether a formula is that of the chain rule, with what has no line put into it."""
        local = self.task.whole(name, found.local)
        step = Judge(self.task, name, found.users)
        verdict = step.verdict(*self.sides(name, Name(f"d{name}"), local))
        if verdict.status != "equal" or local == formula:
            return verdict
        put = Judge(self.task, name, unfolded).verdict(*self.sides(name, local, formula))
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
            elif of not in self.stops:
                known[name] = self.expanded(self.task.whole(of, gradients[of].local))
        return replaced(node, known)


def _traced(node: Node, shape: ShapeOf) -> Node:
    """A number as a sum of tr(Aᵀ·dX·B), aᵀ·dx and the like, dX after what stands before it."""
    return sum_of((number, _turned(term, shape)) for number, term in _multiplied_out(node, shape))


def _turned(node: Node, shape: ShapeOf) -> Node:
    """A term of a number as a trace, with dx last in a product of vectors."""
    match node:
        case nodes.Sum(nodes.Multiply() as product, None):
            return _as_trace(product, shape)
        case nodes.MatMul(Name() as left, right) if _moves(left) and not _moves(right):
            return nodes.MatMul(right, left) if shape(left) == shape(right) else node
        case nodes.Multiply(left, right):
            return nodes.Multiply(_turned(left, shape), _turned(right, shape))
        case nodes.Divide(left, right):
            return nodes.Divide(_turned(left, shape), right)
    return node


def _multiplied_out(node: Node, shape: ShapeOf) -> Iterator[Addend]:
    """The terms of a number, products of sums of differentials multiplied out."""
    for number, term in terms(node):
        for part in _parts(term, shape):
            if part == term:
                yield number, term
            else:
                yield from ((number * c, t) for c, t in _multiplied_out(part, shape))


def _parts(node: Node, shape: ShapeOf) -> Iterator[Node]:
    """A(dB + dC) as A·dB and A·dC; anything else as it is."""
    match node:
        case nodes.Add() | nodes.Subtract():
            for number, term in terms(node):
                yield nodes.Multiply(nodes.Number(number), term) if number != 1 else term
            return
        case nodes.Multiply(left, right) | nodes.MatMul(left, right) if not shape(node):
            for n, some in enumerate((left, right)):
                if isinstance(some, nodes.Add | nodes.Subtract | nodes.Negate) and _moves(some):
                    for number, term in terms(some):
                        put = nodes.rebuilt(node, (term, right) if n == 0 else (left, term))
                        yield nodes.Multiply(nodes.Number(number), put) if number != 1 else put
                    return
    yield node


def _as_trace(product: nodes.Multiply, shape: ShapeOf) -> Node:
    """tr(Aᵀ·dX·B) for the sum of the entries of A ⊙ (dX·B)."""
    parts = list(_factors(product))
    moving = [part for part in parts if _moves(part)]
    rest = [part for part in parts if not _moves(part)]
    if len(moving) == 1 and rest and isinstance(moving[0], Name | nodes.MatMul):
        other = rest[0]
        for part in rest[1:]:
            other = nodes.Multiply(other, part)
        if shape(other) == shape(moving[0]):
            return inner(other, moving[0], shape)
    return nodes.Sum(product)


def _moves(node: Node) -> bool:
    """Whether a differential stands in a formula."""
    return any(name[0] == "δ" for name in names_in(node))


def _factors(node: Node) -> Iterator[Node]:
    if isinstance(node, nodes.Multiply):
        yield from _factors(node.left)
        yield from _factors(node.right)
    else:
        yield node


class _Moving(Judge):
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
