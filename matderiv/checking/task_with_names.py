"""The task that a claim is about: its one product has a name, and so have f and f′ of that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from matderiv.calculus.sweep.graph import graph_of
from matderiv.calculus.sweep.sweep import sweep
from matderiv.calculus.sweep.task import Task, read_task
from matderiv.derivation.focus import first_product
from matderiv.expression import nodes
from matderiv.expression.assumptions import Assumed, Convention, read_shaped
from matderiv.expression.nodes import Name, Node, names_in, substituted
from matderiv.expression.program import Assignment, Program

__all__ = ["HOLE", "Given", "bodies_of", "task_with_names"]

#: The variable of the bodies of known functions.
HOLE = Name("")


@dataclass(frozen=True, slots=True)
class Given:
    """Sizes, shapes and assumptions that a user gave.

    With `numbers` it is asked about declared sizes only.
    """

    sizes: Mapping[str, int | None] | None
    shapes: Mapping[str, tuple[int, ...]] | None
    assumed: Assumed
    convention: Convention
    numbers: bool = False


def task_with_names(program: str, wrt: str, given: Given) -> tuple[Task, dict[str, str]]:
    """The task, and further names for its values; the product in L = sum(f(X @ W)) has a name."""
    written, _, _ = read_shaped(
        program, given.assumed, sizes=given.sizes, shapes=given.shapes, wrt=wrt
    )

    def read(text: str) -> Task:
        return read_task(
            text,
            (wrt,),
            sizes=given.sizes,
            shapes=given.shapes,
            assume=given.assumed,
            convention=given.convention if given.convention == "inner" else None,
            scalar=True,
            assigned=True,
            numbers=given.numbers,
        )

    task = read(program)
    lifted = task.sweep.graph.lifted
    first = first_product(task)
    aliases = {name: name for name in lifted}
    used = written.names() | written.functions() | written.letters()
    taken = {name.lower() for name in used}  # y beside Y would look alike
    free = [name for name in "YZPAUVHQ" if name.lower() not in taken]
    if first is not None and first.value in lifted and free[:1] == ["Y"]:
        aliases["Y"] = first.value
    product = _only_product(written)
    if given.assumed or product is None or not free:
        return task, aliases
    loss = Assignment(written.loss.name, substituted(written.loss.value, product, Name(free[0])))
    named = read(replace(written, assignments=(Assignment(free[0], product), loss)).source())
    close = first_product(named)
    opaque = any(isinstance(n, nodes.Functional) for n in nodes.walk(loss.value))
    if not opaque and (close is None or close.summand is None):
        return task, aliases
    also = {} if first is None or first.value in named.shapes else {first.value: free[0]}
    return named, also


def _only_product(program: Program) -> Node | None:
    """The product of a program of one line that has no other."""
    found = {n for n in nodes.walk(program.loss.value) if isinstance(n, nodes.MatMul)}
    if len(program.assignments) != 1 or len(found) != 1:
        return None
    return found.pop()


def bodies_of(task: Task) -> dict[str, Node]:
    """The formulas of f and f′ that the derivation of a product names."""
    close = first_product(task)
    if close is None or close.summand is None or close.summand.body is None:
        return {}
    function, body = close.summand.function, close.summand.body
    names = names_in(body)
    shapes = {name: shape for name, shape in task.shapes.items() if name in names}
    total = Program((Assignment(task.sweep.graph.result, nodes.Sum(body)),))
    graph = graph_of(total, shapes | {task.sweep.graph.result: ()})
    slope = sweep(graph, (close.value,)).gradients[close.value].formula
    made, derivative = (substituted(node, Name(close.value), HOLE) for node in (body, slope))
    for ones in {n for n in nodes.walk(derivative) if isinstance(n, nodes.Ones)}:
        derivative = substituted(derivative, ones, nodes.ONE)
    if HOLE not in nodes.walk(derivative):  # each entry of dY is the same number
        zero = nodes.Multiply(nodes.ZERO, HOLE)
        derivative = nodes.Add(derivative, zero)
    return {function: made, f"d{function}": derivative}
