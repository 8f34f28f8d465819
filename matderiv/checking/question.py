"""The gradient that a claim is compared with, and the definitions of all names."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from typing import Literal

from matderiv.array_derivatives import asked_for
from matderiv.array_results import ArrayDerivative
from matderiv.calculus.formulas.as_typed import as_typed
from matderiv.calculus.formulas.flattened import cost
from matderiv.calculus.formulas.shaping import (
    letters_in,
    scalars_known,
    shapes_over,
    signs_first,
)
from matderiv.calculus.index_forms.entries import Entries
from matderiv.calculus.sweep.sweep import replaced
from matderiv.calculus.sweep.task import Task, task_of
from matderiv.checking.claim_products import ArrayClaim
from matderiv.checking.fitting import Fitting
from matderiv.checking.task_with_names import HOLE, Given, bodies_of, task_with_names
from matderiv.errors import MatderivError, ProofError
from matderiv.expression import nodes
from matderiv.expression.assumptions import Convention, read_assumed, read_convention
from matderiv.expression.claim import Words, parse_claim
from matderiv.expression.dims import Dim, Shape
from matderiv.expression.known_shapes import (
    labels_of,
    sized_for,
    values_of_functions,
    with_axes,
    with_values,
)
from matderiv.expression.matrix_functions import symmetric_names
from matderiv.expression.nodes import Name, Node, names_in, substituted
from matderiv.expression.parse import parse
from matderiv.expression.program import Assignment, Program
from matderiv.expression.source import source
from matderiv.expression.vocabulary import DEFAULT_PROGRAM, KNOWN

__all__ = ["ArrayAsked", "Question", "ask", "ask_array"]

#: Sizes for letters: all different, so that no product fits by chance, and none is 1.
_GENERIC = (2, 4, 3, 5, 7, 6, 8, 9, 10, 11, 12, 13)
_LARGEST = 6  # the largest size of the user's that evidence is shown at
_LONGEST_CLAIM = 1000  # with names of ours replaced
_LONGEST = 60  # operations and names of a formula that is written out


@dataclass(frozen=True, slots=True)
class ArrayAsked:
    """A Jacobian or a Hessian of a program by an input, or by two.

    Claims about J are judged as claims about the gradient of Σ P∗J by P, which is J.
    """

    kind: Literal["jacobian", "hessian"]
    program: str
    wrt: tuple[str, ...]
    of: str = ""


@dataclass(frozen=True, eq=False)
class Question:
    """The gradient of a program's loss by one of its inputs, to compare claims with.

    `gradient`: the derived formula. `everywhere`: whether it is proved for all sizes.
    `definitions`: the formulas of values and of gradients such as dY. `bodies`: the formulas of f
    and f′, if the derivation of a product named f. `shapes`: of all names, at unequal sizes.
    `aliases`: further names for values, such as Y for a first product that the program leaves
    without one, and the names that pages give to values.
    """

    task: Task
    wrt: str
    gradient: Node
    everywhere: bool
    shapes: dict[str, Shape]
    definitions: dict[str, Node]
    bodies: dict[str, Node]
    aliases: dict[str, str]
    given: Given
    #: Values that have a name here and none in the text that was asked about.
    named: frozenset[str] = frozenset()
    #: The question for all sizes, if this one is about declared sizes only.
    whole: Question | None = None
    #: The Jacobian or Hessian that it is about, if it is no gradient.
    array: ArrayAsked | None = None
    #: That array as it is derived, if it has two axes or more.
    derivative: ArrayDerivative | None = None
    #: How formulas of such an array are said, where that is not their source.
    said: dict[Node, str] = field(default_factory=dict)
    #: Claims about such an array as sums of products, by their formulas.
    claimed: dict[Node, ArrayClaim] = field(default_factory=dict)

    @property
    def program(self) -> Program:
        """The program, its one product under a name."""
        return self.task.program

    @property
    def loss(self) -> str:
        """The name of the loss, or of the value whose Jacobian is meant."""
        return self.array.of if self.array else self.program.loss.name

    @property
    def kind(self) -> str:
        """The kind of derivative: gradient, jacobian or hessian."""
        return self.array.kind if self.array else "gradient"

    @property
    def by(self) -> str:
        """The names that the derivative is by, as they are told."""
        return ", ".join(self.array.wrt) if self.array else self.wrt

    @property
    def text(self) -> str:
        """The program as text."""
        return self.array.program if self.array else self.program.source()

    @property
    def shape(self) -> Shape:
        """The shape of the gradient, which is that of the input."""
        return self.shapes[self.wrt]

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names that have no definition."""
        return self.program.inputs()

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names that a claim may use: those of the program, and the gradients on the way."""
        lifted = self.task.sweep.graph.lifted
        hidden = {f"d{name}" for name in (*lifted, self.wrt)} | lifted
        if self.array:
            hidden |= {self.wrt, self.program.loss.name}
        return tuple(name for name in self.shapes if name not in hidden)

    @cached_property
    def further(self) -> dict[str, str]:
        """The aliases and the gradients by them, each with the name that has a definition."""
        known = {name: name for name in self.task.sweep.called} | self.aliases
        gradients = {f"d{alias}": f"d{name}" for alias, name in known.items()}
        return known | {d: name for d, name in gradients.items() if name in self.definitions}

    @cached_property
    def upstream(self) -> dict[str, str]:
        """The gradients such as dY by an undefined function of Y, and the name of that function."""
        return {
            name: node.function
            for name, node in self.definitions.items()
            if isinstance(node, nodes.Apply)
            and node.function[1:2].isupper()
            and node.arg == Name(name[1:])
        }

    @cached_property
    def undefined(self) -> tuple[str, ...]:
        """The functions of which nothing is known, each with its derivative."""
        found = sorted(self.program.functions() - set(KNOWN))
        return tuple(name for function in found for name in (function, f"d{function}"))

    @property
    def function_names(self) -> tuple[str, ...]:
        """The functions that a claim may use, the known ones of the language aside."""
        return (*self.undefined, *self.bodies)

    @cached_property
    def functions(self) -> dict[str, Callable[[Node], Node]]:
        """The known functions that have been given names, as functions of expressions."""

        def made(body: Node) -> Callable[[Node], Node]:
            return lambda arg: substituted(body, HOLE, arg)

        return {name: made(body) for name, body in self.bodies.items()}

    @property
    def dims(self) -> tuple[Dim, ...]:
        """All sizes with a letter of their own, each once, in the order of their first use."""
        found = dict.fromkeys(dim for shape in self.shapes.values() for dim in shape)
        return tuple(dim for dim in found if dim.symbol.isidentifier())

    @property
    def own_sizes(self) -> dict[str, int]:
        """The program's own sizes by letter."""
        return {s: n for s, n in self.task.sizes.items() if not s.isdigit()}

    @property
    def resized(self) -> bool:
        """Whether sizes are others than the program's, because those would hide mistakes."""
        return {dim.symbol: dim.size for dim in self.dims} != self.own_sizes

    def read(self, claim: str) -> Node:
        """Read a claim; a size in figures, as in ones((2, 4)), is read as its letter.

        It may be all the lines that `gradient` prints. Names that only our formulas have may be
        used; they are replaced by their definitions.

        Raises:
            ProgramSyntaxError: it cannot be read.
        """
        sizes = self.own_sizes
        counts = Counter(sizes.values())
        letters: dict[int, int | str] = {n: s for s, n in sizes.items() if counts[n] == 1}
        letters |= {n: n for s, n in self.task.sizes.items() if s.isdigit()}  # the program's own
        numbers: dict[str, Node] = {dim.symbol: _size_node(dim) for dim in self.dims}
        numbers["pi"] = nodes.Pi()
        names = dict.fromkeys((*self.names, *self.further))
        shapes = {name: tuple(map(_size_node, shape)) for name, shape in self.shapes.items()}
        windows = _sizes_of_windows(self.task.program, sizes)
        values = values_of_functions(self.task.program, self.shapes)
        words = Words(
            names,
            self.function_names,
            letters,
            numbers,
            shapes,
            self.label,
            windows,
            self.task.program.size_names,
            values,
        )
        read = with_values(parse_claim(claim, words), values, self.shapes)
        node = with_axes(read, self.shapes)
        if not names_in(node) & self.further.keys():
            return node
        known = {alias: Name(name) for alias, name in self.further.items()}
        return self.plain(replaced(node, known), _LONGEST_CLAIM)

    @property
    def label(self) -> str:
        """The name that the last line of a claim may assign: dX, J or H."""
        return self.wrt if self.array else f"d{self.wrt}"

    def sized(self, sizes: Mapping[str, int]) -> dict[str, Shape]:
        """The shapes at other sizes; an index may need larger ones."""
        return sized_for(self.program, self.shapes, sizes)

    def structure(self, name: str) -> str | None:
        """The structure of an input that is drawn: a matrix with eigenvalues is symmetric."""
        taken = (symmetric_names(a.value) for a in self.program.assignments)
        own = "symmetric" if any(name in names for names in taken) else None
        return self.task.assumed.get(name, own)

    def labels(self, shapes: Mapping[str, Shape]) -> dict[str, int]:
        """The inputs that hold labels, each with how many there are to choose from."""
        return labels_of((a.value for a in self.program.assignments), shapes)

    def source(self, node: Node) -> str:
        """A formula as NumPy-like source, sizes as letters, as a claim is written."""
        typed = signs_first(as_typed(node, self.shape_of))
        return self.said.get(node) or source(scalars_known(typed, self.shapes))

    @cached_property
    def fitting(self) -> Callable[[Node], Shape | None]:
        """The shape of a formula, or None if it has none; each part is worked out once."""
        return Fitting(self.shapes).or_none

    @cached_property
    def shape_of(self) -> Callable[[Node], Shape]:
        """The shape of any formula over the names."""
        return shapes_over(self.shapes)

    def entries(self, names: Iterable[str] = (), *, written: bool = False) -> Entries:
        """General entries in which the given names are replaced by their definitions."""
        known = {name: self.definitions[name] for name in names if name in self.definitions}
        assumed = self.task.sweep.facts.assumed
        return Entries(self.shape_of, known, self.functions, assumed=assumed, written=written)

    def about(self, wrt: str) -> Question | None:
        """The question about another input, if its gradient is derived and proved."""
        if self.array:
            return None
        if wrt not in self._others:
            self._others[wrt] = None
            with contextlib.suppress(MatderivError):
                self._others[wrt] = _asked(self.program.source(), wrt, self.given)
        return self._others[wrt]

    def assuming(self, more: Mapping[str, str], convention: Convention) -> Question:
        """The same question where more is assumed of inputs.

        Raises:
            MatderivError: that cannot be assumed, or the gradient is not proved.
        """
        assumed = {**self.given.assumed, **more}
        given = replace(self.given, assumed=assumed, convention=convention)
        if self.array:
            return ask_array(self.array, given)
        return _asked(self.program.source(), self.wrt, given)

    @cached_property
    def at_declared(self) -> Question | None:
        """The same question about the declared sizes only; None if no size is declared."""
        if not self.task.declared or self.array:
            return None
        given = replace(self.given, numbers=True)
        found = _asked(self.program.source(), self.wrt, given)
        return replace(found, whole=self)

    @cached_property
    def lettered(self) -> dict[str, int]:
        """The declared sizes that the gradient for all sizes holds as letters."""
        whole = self.whole
        if whole is None:
            return {}
        used = letters_in([whole.gradient, *whole.definitions.values()])
        return {s: n for s, n in whole.own_sizes.items() if s in used and s in self.task.declared}

    @cached_property
    def _others(self) -> dict[str, Question | None]:
        return {}

    def plain(self, node: Node, longest: int = _LONGEST) -> Node:
        """A formula in the names of the program alone, if it is not too long then."""
        sweep = self.task.sweep
        lifted = {**sweep.lifted, **sweep.called}
        known = dict(lifted) | {f"d{name}": self.definitions.get(f"d{name}") for name in lifted}
        values = {name: value for name, value in known.items() if value is not None}
        found = node
        while names_in(found) & values.keys():
            found = replaced(found, values)
            if cost(found) > longest:
                return node
        return found

    def gradient_beside(self, claim: Node) -> Node:
        """The gradient, without the upstream gradients that the claim does not use."""
        used = names_in(claim)
        found = self.gradient
        while unknown := {n for n in names_in(found) - used if self._is_known(n)}:
            put = replaced(found, {name: self.definitions[name] for name in unknown})
            if put == found or cost(put) > _LONGEST:
                break
            found = put
        return self.plain(found)

    def _is_known(self, name: str) -> bool:
        return name not in (*self.task.shapes, *self.upstream) and name in self.definitions


def _sizes_of_windows(program: Program, sizes: Mapping[str, int]) -> dict[int, int | str]:
    """The sizes of windows by their figures: the program's own, or the only letter with them."""
    plain = {letter: number for letter, number in sizes.items() if letter.isidentifier()}
    counts = Counter(plain.values())
    found: dict[int, int | str] = {n: k for k, n in plain.items() if counts[n] == 1}
    for part in (part for a in program.assignments for part in nodes.walk(a.value)):
        match part:
            case nodes.Mapped(_, ("windows", int(size), *_)):
                found[size] = size
    return found


def ask(
    program: str = DEFAULT_PROGRAM,
    wrt: str = "X",
    *,
    sizes: Mapping[str, int | None] | None = None,
    shapes: Mapping[str, tuple[int, ...]] | None = None,
    assume: Mapping[str, str] | Iterable[tuple[str, str]] | None = None,
    convention: str | None = None,
) -> Question:
    """The question that a claimed gradient of a program answers; the gradient is proved.

    Raises:
        InputError: the program cannot be read, or has no such input.
        ProofError: its gradient is not proved.

    >>> source_of = ask("L = sum(f(X @ W))", "W")
    >>> source_of.names, source_of.undefined
    (('X', 'W', 'Y', 'L', 'dY'), ('f', 'df'))
    """
    assumed = read_assumed(parse(program, shapes), assume)
    meant = read_convention(convention, assumed)
    return _asked(program, wrt, Given(sizes, shapes, assumed, meant))


def ask_array(array: ArrayAsked, given: Given) -> Question:
    """The question that a claim about a Jacobian or a Hessian answers; the formula is proved.

    Raises:
        InputError: the program cannot be read, or has no such input.
        ProofError: the derivative is not proved.
        UnsupportedError: it has more than two axes.
    """
    found = asked_for(
        array.kind,
        array.program,
        array.wrt or None,
        sizes=given.sizes,
        shapes=given.shapes,
        assume=given.assumed,
    )
    answer, label = found.answer, found.label
    last = found.program.loss.name
    weighted: Node = nodes.Multiply(Name(label), answer.node)
    weighted = nodes.Sum(weighted) if answer.dims else weighted
    total = next(name for name in ("S", "E", "J", "Q") if name not in {*found.shapes, label})
    program = Program((*found.program.assignments, Assignment(total, weighted)))
    if last == "L" and found.shapes[last]:  # a value without a name
        program = Program((*found.program.assignments[:-1], Assignment(total, weighted)))
    shapes = {**found.shapes, label: answer.dims, total: ()}
    task = task_of(program, (label,), shapes, given.assumed)
    task = replace(task, declared=found.declared, readings=found.read)
    told = replace(array, wrt=found.wrt, of=last)
    made = _about_task(task, label, {}, given, frozenset())
    derivative = found if len(answer.at) > 1 else None
    return replace(made, gradient=answer.node, array=told, derivative=derivative)


def _asked(program: str, wrt: str, given: Given) -> Question:
    task, aliases = task_with_names(program, wrt, given)
    if any(reading.kind == "zero" for reading in task.readings):  # at the declared sizes alone
        given = replace(given, numbers=True)
    new = task.program.names() - parse(program, given.shapes).names()
    return _about_task(task, wrt, aliases, given, new)


def _about_task(
    task: Task, wrt: str, aliases: dict[str, str], given: Given, new: frozenset[str]
) -> Question:
    verdict = task.prover.all_of(wrt)
    if verdict.status != "equal":
        raise ProofError(f"the gradient by {wrt} is {verdict.status}: {verdict.reason}")
    upstream = {name: whole for name, whole in task.wholes.items() if name != f"d{wrt}"}
    known = task.shapes | {name: task.shapes[name[1:]] for name in upstream}
    return Question(
        task,
        wrt,
        task.whole(wrt, task.spelled(wrt) if task.way(wrt) is None else task.answer(wrt)),
        verdict.index,
        sized_for(task.program, known, _sizes(task)) if verdict.index else known,
        {a.name: a.value for a in task.sweep.graph.values} | upstream,
        {} if given.assumed else bodies_of(task),
        aliases,
        given,
        new,
    )


def _sizes(task: Task) -> dict[str, int]:
    """The user's sizes if they are small and tell all letters apart, else generic ones."""
    own = {s: n for s, n in task.sizes.items() if not s.isdigit()}
    if len(set(own.values())) == len(own) and all(2 <= n <= _LARGEST for n in own.values()):  # noqa: PLR2004 - at 1 all orders look alike
        return own
    return dict(zip(own, _GENERIC, strict=False))


def _size_node(dim: Dim) -> Node:
    """A size in a formula: its letter, or its number if it has none."""
    return (
        nodes.Number(Fraction(dim.size))
        if dim.symbol.isdigit()
        else nodes.Size(dim.symbol, dim.size)
    )
