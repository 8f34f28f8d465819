"""The task of a derivation: a program with its graph and its gradients."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType

from matderiv.calculus.deciding.textbook import Textbook
from matderiv.calculus.formulas.broadcasting import filled
from matderiv.calculus.formulas.runnable import size_lines, written_for
from matderiv.calculus.index_forms.forms import Form, Index
from matderiv.calculus.index_forms.index_expressions import IndexExpression
from matderiv.calculus.index_forms.letters import lettered
from matderiv.calculus.index_forms.ordered import ordered
from matderiv.calculus.sweep.graph import graph_of
from matderiv.calculus.sweep.low_rank import zero_determinants, zeros_written
from matderiv.calculus.sweep.proving import Prover
from matderiv.calculus.sweep.results import Sweep
from matderiv.calculus.sweep.singular import refuse_singular
from matderiv.calculus.sweep.structure import own_gradient, way_of
from matderiv.calculus.sweep.sweep import replaced, sweep
from matderiv.calculus.sweep.vanishing import Vanishing, is_zero
from matderiv.errors import InputError
from matderiv.expression._names import entry_name, subscripts, tell_apart
from matderiv.expression.assumptions import (
    ASSUMPTIONS,
    Assumed,
    Convention,
    read_convention,
    read_shaped,
)
from matderiv.expression.declared import as_numbers, declared_letters
from matderiv.expression.known_shapes import labels_of, settled, taken_as_numbers
from matderiv.expression.nodes import Node
from matderiv.expression.program import Program
from matderiv.expression.readings import Reading, targets
from matderiv.expression.renaming import read_names, renamed
from matderiv.expression.shapes import Shape, read_as

__all__ = ["Task", "chosen", "read_task", "task_of"]


@dataclass(frozen=True, eq=False)
class Task:
    """A program with its graph and its gradients by the names `wrt`.

    `assumed` is what is assumed of inputs, `convention` which gradient by a symmetric one is
    meant. `declared`: the letters of sizes
    whose numbers the user gave; formulas hold those numbers, and letters for all other sizes.
    """

    program: Program
    sweep: Sweep
    wrt: tuple[str, ...]
    method: str = "elementwise"
    assumed: Assumed = field(default_factory=dict)
    convention: Convention = "entries"
    declared: frozenset[str] = frozenset()
    #: How the program was read where another reading fits as well.
    readings: tuple[Reading, ...] = ()

    @property
    def shapes(self) -> dict[str, Shape]:
        """The shapes of all names, lifted ones included."""
        return dict(self.sweep.graph.shapes)

    @property
    def loss(self) -> str:
        """The name of the scalar that is differentiated."""
        return self.sweep.graph.scalar

    @cached_property
    def prover(self) -> Prover:
        """Proves the formulas of the gradients."""
        return Prover(self.sweep)

    @cached_property
    def wholes(self) -> dict[str, Node]:
        """The formula of each gradient dX, in the shape of X."""
        return {
            f"d{name}": self.whole(name, found.formula)
            for name, found in self.sweep.gradients.items()
        }

    @cached_property
    def _letters(self) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
        """Letters that are no name: i, j for values, p, q for inputs, and those of sums.

        Arrays of more dimensions have as many letters as they need of those after q.
        """
        graph = self.sweep.graph
        names = set(graph.shapes) | graph.program.functions()
        taken = names | set(map(entry_name, names)) | self.sizes.keys()
        taken |= subscripts({name: len(shape) for name, shape in graph.shapes.items()})
        free = [c for c in "ijpqklmnrstuvabcdgh" if c not in taken]
        more = max(0, max(map(len, graph.shapes.values()), default=0) - 2)
        free += (f"i_{n}" for n in range(1, 20 + 2 * more))
        further = free[4:]
        return (
            (*free[:2], *further[:more]),
            (*free[2:4], *further[more : 2 * more]),
            tuple(further[2 * more :]),
        )

    @property
    def letters(self) -> tuple[str, ...]:
        """All index letters: those of values, those of inputs, those of sums."""
        values, inputs, sums = self._letters
        return (*values, *inputs, *sums)

    @property
    def input_letters(self) -> tuple[str, ...]:
        """Index letters p, q for the input that a gradient is taken by."""
        return self._letters[1]

    @property
    def sum_letters(self) -> tuple[str, ...]:
        """Letters k, l, m … for sums; when they run out, those of values and of inputs."""
        values, inputs, sums = self._letters
        return (*sums, *values, *inputs)

    @cached_property
    def textbook(self) -> Textbook:
        """The proved words of formulas; letters i, j, k … of sums over all entries of an array."""
        values, inputs, sums = self._letters
        return Textbook(self.sweep.facts.shape, (*values, *sums, *inputs))

    def value_indices(self, shape: Shape) -> tuple[Index, ...]:
        """Indices i, j of a value; 1 along an axis of size 1."""
        return lettered(shape, self._letters[0])

    def input_indices(self, shape: Shape) -> tuple[Index, ...]:
        """Indices p, q of the input that a gradient is taken by; 1 along an axis of size 1."""
        return lettered(shape, self._letters[1])

    @cached_property
    def sizes(self) -> dict[str, int]:
        """The number of each size letter."""
        return {d.symbol: d.size for shape in self.shapes.values() for d in shape}

    @property
    def largest_size(self) -> int:
        """The largest number that an index takes."""
        return max(self.sizes.values(), default=1)

    @cached_property
    def _written(self) -> dict[Form, IndexExpression]:
        return {}

    def written(self, form: Form) -> IndexExpression:
        """A form in an order to read. It is this expression that is judged and printed."""
        found = self._written.get(form)
        if found is None:
            found = self._written[form] = ordered(form, self.sum_letters, self.sizes)
        return found

    @cached_property
    def held(self) -> dict[tuple[str, str], tuple[str, ...]]:
        """For (z, x): the values that z uses and that depend on x, held fixed in ∂z/∂x."""
        found: dict[tuple[str, str], tuple[str, ...]] = {}
        for name, gradient in self.sweep.gradients.items():
            users = gradient.users
            leads = {user: self.sweep.graph.depends(frozenset({user})) for user in users}
            for of in users:
                others = tuple(user for user in users if user != of and of in leads[user])
                if others:
                    found[of, name] = others
        return found

    def answer(self, name: str) -> Node:
        """The gradient by a name; by an input that is assumed to be something, the one meant."""
        formula = self.sweep.gradients[name].formula
        if self.way(name) is None:
            return formula
        return own_gradient(formula, name, self.assumed, self.convention, self.sweep.facts)

    def way(self, name: str) -> str | None:
        """The way to the gradient by a name from that by all entries; None if it is that one."""
        structure = self.assumed.get(name)
        return None if structure is None else way_of(structure, self.convention)

    def source(self, formula: Node) -> str:
        """A formula as NumPy-like source that runs after the program and `size_lines`."""
        return written_for(self.program, self.sweep.graph.shapes, self.declared, formula)

    def size_lines(self, formulas: Iterable[Node]) -> dict[str, str]:
        """The sizes that formulas hold, as assignments that read them off arrays."""
        return size_lines(self.program, self.shapes, self.declared, formulas)

    def spelled(self, name: str) -> Node:
        """The gradient by a name, without names that the program does not have."""
        found, called = self.sweep, self.sweep.called
        reached = called.keys() & found.gradients.keys()  # the others do not depend on an input
        known = {f"d{of}": self.whole(of, found.gradients[of].formula) for of in reached}
        known |= called
        formula = found.gradients[name].formula
        for _ in known:  # one may stand in another
            formula = replaced(formula, known)
        return formula

    def whole(self, name: str, formula: Node) -> Node:
        """A formula of ∂L/∂x, broadcast to the full shape of x."""
        return filled(formula, self.sweep.graph.shapes[name], self.sweep.facts.shape)


def read_task(  # noqa: PLR0913 - what a user says of a program
    program: str,
    wrt: tuple[str, ...] | None = None,
    *,
    sizes: Mapping[str, int | None] | None = None,
    shapes: Mapping[str, tuple[int, ...]] | None = None,
    assume: Mapping[str, str] | Iterable[tuple[str, str]] | None = None,
    convention: str | None = None,
    scalar: bool = False,
    numbers: bool = False,
    assigned: bool = False,
    roles: bool = False,
    rename: Mapping[str, str] | Iterable[tuple[str, str]] | None = None,
) -> Task:
    """The graph of a program and its gradients; see `chosen` for those by default.

    With `roles`, targets, labels and masks are not differentiated by unless `wrt` says so. What
    `rename` says of names is done last: `wrt`, `shapes` and `assume` go by the names in the text.

    The result of the program has any shape, unless it has to be a `scalar`. With `numbers`,
    declared sizes have no letters.

    Raises:
        InputError: the program cannot be read, a name is no input of it, or two look alike.

    >>> read_task("L = sum(X**2)").sweep.gradients["X"].formula
    Multiply(left=Number(value=Fraction(2, 1)), right=Name(name='X'))
    """
    written, assumed, known = read_shaped(
        program, assume, sizes=sizes, shapes=shapes, scalar=scalar, wrt=wrt
    )
    meant = read_convention(convention, assumed)
    declared = declared_letters(known, sizes, shapes)
    names = chosen(written, wrt, known, assumed=assumed, assigned=assigned)
    readings = read_as(written, known, shapes or (), scalar=scalar)
    if roles and wrt is None:
        truth = [name for name in targets(written) if name in names]
        names = tuple(name for name in names if name not in truth) or names
        readings += tuple(Reading("targets", (name,)) for name in truth if name not in names)
    readings += zero_determinants(written, known, declared)
    written, known = zeros_written(written, known, declared)
    refuse_singular(written, known, declared)
    if numbers:
        fixed = as_numbers(known, declared - written.letters())
        written, known = taken_as_numbers(written, known, fixed), fixed
    new = read_names(rename, written)
    if new:
        written = renamed(written, new)
        names = tuple(new.get(name, name) for name in names)
        known = {new.get(name, name): dims for name, dims in known.items()}
        assumed = {new.get(name, name): what for name, what in assumed.items()}
        readings = tuple(reading.renamed(new) for reading in readings)
    task = task_of(written, names, known, assumed)
    return replace(task, declared=declared, convention=meant, readings=readings)


def chosen(
    program: Program,
    wrt: tuple[str, ...] | None,
    shapes: Mapping[str, Shape],
    *,
    assumed: Assumed = MappingProxyType({}),
    assigned: bool = False,
) -> tuple[str, ...]:
    """The names to differentiate by; if none are given, all inputs that are arrays, or all inputs.

    Arrays whose entries are tied to each other, such as labels, come only if there are no others.

    Raises:
        InputError: a name is no input, and no value before the loss where those that are
            `assigned` may be given as well.
    """
    inputs = program.inputs()
    if not inputs:
        raise InputError("The program has no inputs; there is nothing to differentiate by.")
    known = (*inputs, *(a.name for a in program.assignments[:-1] if assigned))
    for name in wrt or ():
        if name == program.loss.name and assigned:
            raise InputError(f"{name} is the loss itself; its gradient by itself is 1.")
        if name not in known:
            raise InputError(_unknown(name, known, shapes))
    labels = labels_of((a.value for a in program.assignments), shapes)
    for name in wrt or ():
        if name in labels:
            raise InputError(
                f"{name} holds labels, which are whole numbers; there is no gradient by it."
            )
    inputs = tuple(name for name in inputs if name not in labels)
    if not inputs:
        raise InputError("The program has no inputs besides labels; there is nothing to derive.")
    arrays = tuple(name for name in inputs if shapes[name])
    tied = {name for name, what in assumed.items() if ASSUMPTIONS[what].gradient == "all"}
    return wrt or tuple(name for name in arrays if name not in tied) or arrays or inputs


def task_of(
    program: Program,
    wrt: tuple[str, ...],
    shapes: Mapping[str, Shape],
    assumed: Assumed,
    zero: Vanishing = is_zero,
) -> Task:
    """The same of a program whose shapes are known; see `read_task`, and `sweep` for `zero`.

    Raises:
        InputError: two names cannot be told apart on a page.
    """
    clear = settled(program, shapes)
    tell_apart(program, {name: len(shape) for name, shape in shapes.items()})
    found = sweep(graph_of(clear, shapes), wrt, assumed, zero)
    return Task(clear, found, wrt, assumed=assumed)


def _unknown(name: str, known: tuple[str, ...], shapes: Mapping[str, Shape]) -> str:
    what = (
        f"{name} is computed by the program"
        if name in shapes
        else f"There is no {name[:40]} in the program"
    )
    *most, last = known
    listed = f"{', '.join(most)} and {last}" if most else last
    lower = {other.lower(): other for other in known}
    near = difflib.get_close_matches(name.lower(), lower, n=1, cutoff=0.6)
    hint = f" Did you mean {lower[near[0]]}?" if near and name not in shapes else ""
    for other in known:  # letters side by side, as in tr(AXB)
        if len(name) == 1 and name in other and re.fullmatch("[A-Z]{1,3}[A-Za-z]", other):
            product = " @ ".join(other)
            hint = f" {other} is read as one name; the matrix product is {product}."
    return f"{what}; gradients can be derived by {listed}.{hint}"
