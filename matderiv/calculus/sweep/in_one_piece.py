"""The array that a program computes, written in one piece over the inputs."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from matderiv.calculus.formulas.flattened import cost
from matderiv.calculus.formulas.shaping import shapes_over
from matderiv.calculus.sweep.graph import Graph, graph_of
from matderiv.calculus.sweep.singular import refuse_singular
from matderiv.calculus.sweep.sweep import replaced, sweep
from matderiv.calculus.sweep.task import Task, chosen, task_of
from matderiv.errors import InputError, UnsupportedError
from matderiv.expression import nodes
from matderiv.expression.assumptions import ASSUMPTIONS, read_shaped
from matderiv.expression.declared import declared_letters
from matderiv.expression.known_shapes import settled
from matderiv.expression.nodes import Node
from matderiv.expression.operations import ShapeOf
from matderiv.expression.program import Assignment, Program
from matderiv.expression.shapes import Shape
from matderiv.expression.source import source

__all__ = ["ArrayTask", "read_array"]

_LONGEST = 200  # operations and names of the array's definition


@dataclass(frozen=True, slots=True)
class ArrayTask:
    """An array Y and an input X that it is computed from.

    `task` is of the program Y = …, with the whole definition of Y in one formula, so that ∂Y/∂X has
    one meaning. In `steps` each product, inverse or sum inside that formula is a separate value.
    `tied`: the structure assumed of X, of which all entries are taken as if each were free.
    """

    of: str
    wrt: str
    task: Task
    steps: Task
    tied: str = ""


def read_array(
    program: str,
    wrt: str | None = None,
    *,
    sizes: Mapping[str, int | None] | None = None,
    shapes: Mapping[str, tuple[int, ...]] | None = None,
    assume: Mapping[str, str] | Iterable[tuple[str, str]] | None = None,
) -> ArrayTask:
    """The array that a program ends in, or the last array that its loss is computed from.

    Raises:
        InputError: the program cannot be read or computes no array, or `wrt` is no input of it.

    >>> found = read_array("V = A @ X; Y = V @ B")
    >>> found.of, found.wrt, source(found.task.sweep.graph.value("Y"))
    ('Y', 'A', 'A @ X @ B')
    """
    written, assumed, known = read_shaped(program, assume, sizes=sizes, shapes=shapes, wrt=wrt)
    refuse_singular(written, known, declared_letters(known, sizes, shapes))
    of, value, known = _array(written, known)
    whole = Program((Assignment(of, value),))
    inputs = whole.inputs()
    if not inputs:
        raise InputError("The program has no inputs; there is nothing to differentiate by.")
    bound = {n: what for n, what in assumed.items() if ASSUMPTIONS[what].gradient == "own"}
    free = (n for n in inputs if known[n] and n not in bound)
    (name,) = chosen(whole, (wrt or next(free, inputs[0]),), known)
    tied = bound.get(name, "")
    kept = {n: assumed[n] for n in inputs if n in assumed and not (tied and n == name)}
    names = {name: known[name] for name in (*inputs, of)}
    steps = task_of(whole, (name,), names, kept)
    graph = Graph(steps.program, steps.program.assignments, names, frozenset())
    one_piece = sweep(graph, (name,), steps.assumed)
    return ArrayTask(of, name, replace(steps, sweep=one_piece), steps, tied)


def _array(program: Program, known: dict[str, Shape]) -> tuple[str, Node, dict[str, Shape]]:
    """The array, its definition over inputs, and the shapes of all names."""
    graph = graph_of(settled(program, known), known)
    shape = shapes_over(graph.shapes)
    arrays = [(a.name, a, a.value) for a in graph.values if graph.shapes[a.name]] or [
        ("", a, part) for a in graph.values for part in _arrays(a.value, shape)
    ]
    if not arrays:
        loss = f"{program.loss.name} = {source(program.loss.value)}"
        raise InputError(f"{loss} is a number, and no array is computed on the way to it.")
    name, within, value = arrays[-1]
    if name in {"", "L"}:  # a program without a name is called L
        taken = {other.lower() for other in (*known, *graph.shapes)}
        wishes = (
            ("y", "u", "z", "r", "y1") if len(shape(value)) == 1 else ("Y", "Z", "U", "P", "Y1")
        )
        name = next(n for n in wishes if n.lower() not in taken)
    before = itertools.takewhile(lambda one: one is not within, graph.values)
    defined: dict[str, Node] = {}
    for of, definition in (*((one.name, one.value) for one in before), (name, value)):
        defined[of] = replaced(definition, defined)
        if cost(defined[of]) > _LONGEST:
            raise UnsupportedError(f"{of} is too long to be written in one piece.")
    return name, defined[name], {**graph.shapes, name: shape(value)}


def _arrays(node: Node, shape: ShapeOf) -> Iterator[Node]:
    """The outermost arrays that are computed inside a number."""
    for child in nodes.children(node):
        if not shape(child):
            yield from _arrays(child, shape)
        elif not isinstance(child, nodes.Name):
            yield child
