"""The array that a program computes, written in one piece over the inputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from matderiv.calculus.formulas.flattened import cost
from matderiv.calculus.sweep.graph import Graph, graph_of
from matderiv.calculus.sweep.sweep import replaced, sweep
from matderiv.calculus.sweep.task import Task, task_of
from matderiv.errors import InputError, UnsupportedError
from matderiv.expression.nodes import Node
from matderiv.expression.parse import parse
from matderiv.expression.program import Assignment, Program
from matderiv.expression.shapes import Shape, infer, settled
from matderiv.expression.source import source

__all__ = ["ArrayTask", "read_array"]

_LONGEST = 200  # operations and names of the array's definition


@dataclass(frozen=True, slots=True)
class ArrayTask:
    """An array Y and an input X that it is computed from.

    `task` is of the program Y = …, with the whole definition of Y in one formula, so that ∂Y/∂X has
    one meaning. In `steps` each product, inverse or sum inside that formula is a separate value.
    """

    of: str
    wrt: str
    task: Task
    steps: Task


def read_array(
    program: str,
    wrt: str | None = None,
    *,
    sizes: Mapping[str, int | None] | None = None,
    shapes: Mapping[str, tuple[int, ...]] | None = None,
) -> ArrayTask:
    """The array that a program ends in, or the last array that its loss is computed from.

    Raises:
        InputError: the program cannot be read or computes no array, or `wrt` is no input of it.

    >>> found = read_array("V = A @ X; Y = V @ B")
    >>> found.of, found.wrt, source(found.task.sweep.graph.value("Y"))
    ('Y', 'A', 'A @ X @ B')
    """
    of, value, known = _array(parse(program), sizes, shapes)
    whole = Program((Assignment(of, value),))
    inputs = whole.inputs()
    if not inputs:
        raise InputError("The program has no inputs; there is nothing to differentiate by.")
    name = wrt or next((n for n in inputs if known[n]), inputs[0])
    names = {name: known[name] for name in (*inputs, of)}
    steps = task_of(whole, (name,), names, {})
    graph = Graph(steps.program, steps.program.assignments, names, frozenset())
    return ArrayTask(of, name, replace(steps, sweep=sweep(graph, (name,))), steps)


def _array(
    program: Program,
    sizes: Mapping[str, int | None] | None,
    shapes: Mapping[str, tuple[int, ...]] | None,
) -> tuple[str, Node, dict[str, Shape]]:
    """The array, its definition over inputs, and the shapes of all names."""
    known = infer(program, sizes=sizes, shapes=shapes)
    graph = graph_of(settled(program, known), known)
    arrays = [a.name for a in graph.values if graph.shapes[a.name]]
    if not arrays:
        loss = source(program.loss.value)
        raise InputError(f"{program.loss.name} = {loss} is a number computed from no array.")
    of = arrays[-1]
    defined: dict[str, Node] = {}
    for assignment in graph.values:
        defined[assignment.name] = replaced(assignment.value, defined)
        if cost(defined[assignment.name]) > _LONGEST:
            raise UnsupportedError(f"{assignment.name} is too long to be written in one piece.")
        if assignment.name == of:
            break
    name = of
    if of == "L":  # the reader has called a program without a name so
        names = {*known, *graph.shapes}
        name = next(n for n in ("Y", "Z", "P", "A", "Y1") if n not in names)
    return name, defined[of], {**graph.shapes, name: graph.shapes[of]}
