"""A program that ends in an array Y, in steps and in one piece, with a name for ∂Y/∂X.

Each value is defined twice: in a step from names, and over the inputs alone. By the second
definition ∂z/∂x is the whole derivative, through every other value.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from matderiv.calculus.deciding.second_engine import (
    OurGradients,
    SecondOpinion,
    second_opinion,
)
from matderiv.calculus.formulas.facts import Facts
from matderiv.calculus.formulas.flattened import cost, formula_key
from matderiv.calculus.formulas.shaping import shapes_over
from matderiv.calculus.index_forms.forms import Entry, Indices
from matderiv.calculus.sweep.array_derivatives import ArrayProgram, Found, contracted_with
from matderiv.calculus.sweep.graph import Graph, graph_of
from matderiv.calculus.sweep.results import Sweep
from matderiv.calculus.sweep.sweep import replaced
from matderiv.calculus.sweep.task import Task
from matderiv.calculus.sweep.value_names import value_names, with_value_names
from matderiv.errors import UnsupportedError
from matderiv.expression._names import tell_apart
from matderiv.expression.known_shapes import settled
from matderiv.expression.nodes import Name, Node, names_in
from matderiv.expression.program import Assignment, Program
from matderiv.expression.shapes import Shape

__all__ = ["ArrayNames", "ArraySteps", "array_steps", "second_opinion_on_array"]

_LONGEST = 400  # operations and names of a value in one piece
_MATRIX = 2  # dimensions


@dataclass(frozen=True, slots=True)
class ArrayNames:
    """The names of Y, of X and of ∂Y/∂X, which may be new.

    `turned`: whether the axes of X come before those of Y. `once`: the number whose gradient by X
    the array Y is, if it is one; `vector` is then a free name for any vector of that shape.
    `by_rows`: whether vec reads arrays row by row. `step`: a free name for Newton's step, where
    that is asked for.
    """

    of: str
    wrt: str
    array: str
    turned: bool = False
    once: str = ""
    vector: str = ""
    by_rows: bool = False
    step: str = ""


@dataclass(frozen=True, eq=False)
class ArraySteps:
    """∂Y/∂X of a program.

    `graph` has the definitions in steps; in the graph of `task` they are in one piece. `formula` is
    that of the array with names for all values; `by_steps` are these, by their formulas.
    """

    names: ArrayNames
    graph: Graph
    task: Task
    found: Found
    formula: Node
    by_steps: Mapping[object, str]

    @property
    def of(self) -> str:
        """The name of Y."""
        return self.names.of

    @property
    def wrt(self) -> str:
        """The name of X."""
        return self.names.wrt

    @property
    def moving(self) -> tuple[str, ...]:
        """The values that change with X, in order; Y is the last, also where it is constant."""
        reached = self.graph.depends(frozenset({self.wrt})) | {self.of}
        return tuple(a.name for a in self.graph.values if a.name in reached)

    @property
    def matrix(self) -> bool:
        """Whether the array is a formula of matrices, vectors and numbers."""
        return self.found.matrix and len(self.found.dims) <= _MATRIX

    def shape(self, name: str) -> Shape:
        """The shape of a name."""
        return self.graph.shapes[name]

    def split(self, at: Indices) -> tuple[Entry, Entry]:
        """The entries y_ij and x_pq of ∂y_ij/∂x_pq, the array's entry at all these indices."""
        first = len(self.shape(self.wrt if self.names.turned else self.of))
        rows, cols = at[:first], at[first:]
        if self.names.turned:
            rows, cols = cols, rows
        return Entry(self.of, rows), Entry(self.wrt, cols)

    def joined(self, rows: Indices, cols: Indices) -> Indices:
        """The indices of ∂y_ij/∂x_pq in the array."""
        return (*cols, *rows) if self.names.turned else (*rows, *cols)


def array_steps(
    of: ArrayProgram, found: Found, names: ArrayNames, *, lifted: bool = True
) -> ArraySteps:
    """The steps of a derivative that was found; its last value goes by the name of Y.

    `lifted`: whether parts of the values get names of their own.

    Raises:
        InputError: two names cannot be told apart on a page.
        UnsupportedError: a value is too long in one piece.
    """
    name = names.of
    *before, last = settled(of.program, of.shapes).assignments
    program = Program((*before, Assignment(name, last.value)))
    named = {*program.names(), names.wrt}  # Y may be constant in X
    shapes = {key: shape for key, shape in of.shapes.items() if key in named}
    shapes[name] = of.shape
    tell_apart(program, {key: len(shape) for key, shape in shapes.items()})
    own = {vector: found.dims[:1] for vector in (names.vector, names.step) if vector}
    if lifted:  # no part takes a name of the page
        graph = graph_of(program, {**shapes, **own, names.array: found.dims})
    else:
        graph = Graph(program, program.assignments, shapes, frozenset())
    graph = _used(graph, {*names_in(found.node), names.wrt})
    program = Program(tuple(a for a in program.assignments if a.name in graph.shapes))
    whole = _in_one_piece(graph)
    shapes = {**graph.shapes, **own}
    if found.matrix:
        shapes[names.array] = found.dims
    pieces = Graph(
        program,
        tuple(Assignment(a.name, whole[a.name]) for a in graph.values),
        shapes,
        graph.lifted,
    )
    definitions = {a.name: a.value for a in pieces.values}
    twice = {f"δδ{names.once}": ()} if names.once else {}
    facts = Facts(shapes_over({**shapes, **twice}), of.assumed, definitions.get)
    known = value_names(tuple(whole.items()))
    sweep = Sweep(pieces, facts, {}, {}, {}, known)
    task = Task(program, sweep, (names.wrt,), method="index", assumed=of.assumed)
    by_steps = _by_steps(graph, whole)
    formula = with_value_names(found.node, by_steps, but="")
    return ArraySteps(names, graph, task, found, formula, by_steps)


def _by_steps(graph: Graph, whole: Mapping[str, Node]) -> dict[object, str]:
    """The name of each value, by its formula in steps and by that in one piece."""
    pairs = ((a.name, value) for a in graph.values for value in (whole[a.name], a.value))
    return {formula_key(value): name for name, value in pairs if not isinstance(value, Name)}


def _used(graph: Graph, also: Collection[str]) -> Graph:
    """The graph without values that neither the last one needs nor those of some names."""
    needed = {graph.result, *also}
    kept: list[Assignment] = []
    for assignment in reversed(graph.values):
        if assignment.name in needed:
            kept.insert(0, assignment)
            needed |= names_in(assignment.value)
    shapes = {name: shape for name, shape in graph.shapes.items() if name in needed}
    return replace(graph, values=tuple(kept), shapes=shapes)


def _in_one_piece(graph: Graph) -> dict[str, Node]:
    whole: dict[str, Node] = {}
    for assignment in graph.values:
        value = replaced(assignment.value, whole)
        if cost(value) > _LONGEST:
            raise UnsupportedError(
                f"{assignment.name} is too long to be written in one piece; derive the page of a "
                "shorter program."
            )
        whole[assignment.name] = value
    return whole


def second_opinion_on_array(steps: ArraySteps) -> SecondOpinion:
    """Compare ⟨V, ∂Y/∂X⟩, V free, with SymPy's own derivatives of ⟨V, Y⟩ = Σ V∗Y by X.

    Raises:
        ProofError: SymPy finds another derivative.
    """
    task = steps.task
    named = task.program.names()
    shapes = {n: shape for n, shape in task.shapes.items() if n in named or n == steps.wrt}
    of = ArrayProgram(task.program, shapes, task.assumed)
    direction = of.free("V", "Z", "P")
    paired = of.along(direction)
    sides = (steps.shape(steps.of), steps.shape(steps.wrt))
    first, last = sides[::-1] if steps.names.turned else sides
    product = contracted_with(
        Name(direction), steps.found.node, first, last, denominator=steps.names.turned
    )
    answers = OurGradients(
        program=paired.program,
        shapes=paired.shapes,
        sizes=task.sizes,
        gradients={steps.wrt: product},
        known={},
        structures=task.assumed,
    )
    return second_opinion(answers)
