"""The parts that normalising takes from a gradient: along ones, and along the value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

from matderiv.calculus.formulas.broadcasting import ShapeOf
from matderiv.calculus.sweep.sweep import replaced
from matderiv.calculus.sweep.task import Task, task_of
from matderiv.derivation.meanings.residual import even
from matderiv.derivation.meanings.statements import (
    Along,
    Candidate,
    Equality,
    MeaningKind,
    Shown,
    Unfolded,
    along_of,
    gradient_name,
    zeros_like,
)
from matderiv.expression import nodes
from matderiv.expression.nodes import Name, Node, names_in
from matderiv.expression.program import Assignment, Program

__all__ = ["normalised"]

_MATRIX = 2  # dimensions


def normalised(program: Unfolded) -> Iterator[Candidate]:
    """Y = (X - m)/s by rows: ∂L/∂X has no part along ones, and without ε none along X - m."""
    task = program.task
    for name in task.wrt:
        if not program.free(name):
            continue
        for value, node in program.named:
            for part in nodes.walk(node):
                match part:
                    case nodes.Divide(above, below):
                        axis = _centred(replaced(above, program.values), name)
                        if axis != _NOT and name in names_in(replaced(below, program.values)):
                            own = value if part == node else ""
                            yield from _left(program, name, (axis, part, own))
                            return


_NOT: Literal["not"] = "not"


def _centred(node: Node, name: str) -> int | Literal["not"] | None:
    """The axis of the mean m in X - m."""
    match node:
        case nodes.Subtract(Name(one), nodes.Mean(Name(other), axis, _)) if one == other == name:
            return axis
    return _NOT


def _left(
    program: Unfolded, name: str, found: tuple[int | None, nodes.Divide, str]
) -> Iterator[Candidate]:
    axis, part, value = found
    task, own = program.task, gradient_name(name)
    dims = len(program.shape(Name(name)))
    axis = axis if dims == _MATRIX else None
    keep = axis is not None
    along = along_of(axis, dims)
    if value and value in task.sweep.gradients:
        above, y = gradient_name(value), Name(value)
        rest = nodes.Subtract(
            nodes.Subtract(above, nodes.Mean(above, axis, keep)),
            nodes.Multiply(nodes.Mean(nodes.Multiply(above, y), axis, keep), y),
        )
        shown: Shown = {"dX": own, "dY": above, "Y": y, "s": part.right}
        yield _LEFT[along], shown, (Equality(own, nodes.Divide(rest, part.right)),)
    yield even(program, name, axis)
    if along == "all" or value not in task.sweep.gradients:  # of vectors it is not proved
        return
    small = _epsilon(replaced(part.right, program.values), program.shape)
    plain = task if small is None else _without(small, task)
    said: Shown = {"dX": own, "Y": Name(value), "L": Name(task.loss)}
    claims = tuple(_stretched(name, value, part.right, axis, plain))
    if small is None:
        yield "stretched", said, claims
    else:
        yield "stretched_small", {**said, "small": small}, claims


def _stretched(
    name: str, value: str, divisor: Node, axis: int | None, plain: Task
) -> Iterator[Equality]:
    """Σ dX⊙Y = (Σ dY⊙Y (1 - mean Y²) - mean dY Σ Y)/s; without ε mean Y² is 1, and Σ Y is 0."""
    y, above = Name(value), gradient_name(value)

    def mean(node: Node) -> Node:
        return nodes.Mean(node, axis, keepdims=True)

    def total(node: Node) -> Node:
        return nodes.Sum(node, axis, keepdims=True)

    square = mean(nodes.Multiply(y, y))
    first = nodes.Multiply(total(nodes.Multiply(above, y)), nodes.Subtract(nodes.ONE, square))
    rest = nodes.Subtract(first, nodes.Multiply(mean(above), total(y)))
    yield Equality(total(nodes.Multiply(gradient_name(name), y)), nodes.Divide(rest, divisor))
    yield Equality(total(y), zeros_like(total(Name(name))), plain)
    yield Equality(square, nodes.Add(nodes.ONE, zeros_like(total(Name(name)))), plain)


_LEFT: Mapping[Along, MeaningKind] = {"row": "left_row", "col": "left_col", "all": "left_all"}


def _epsilon(divisor: Node, shape: ShapeOf) -> Node | None:
    """ε of √(v + ε), a number or a scalar."""
    for node in nodes.walk(divisor):
        match node:
            case nodes.Apply("sqrt", nodes.Add(_, nodes.Number() | Name() as small)):
                return None if shape(small) else small
    return None


def _without(small: Node, task: Task) -> Task:
    """The task with √v in place of √(v + ε)."""
    values = (Assignment(a.name, _dropped(a.value, small)) for a in task.program.assignments)
    program = Program(tuple(values), task.program.assumed)
    known = {name: shape for name, shape in task.shapes.items() if name in program.names()}
    return task_of(program, task.wrt, known, task.assumed)


def _dropped(node: Node, small: Node) -> Node:
    """The formula with v in place of v + ε."""
    node = nodes.rebuilt(node, [_dropped(child, small) for child in nodes.children(node)])
    return node.left if isinstance(node, nodes.Add) and node.right == small else node
