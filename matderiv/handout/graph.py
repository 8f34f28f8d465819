"""The computational graph of a page: values with their shapes, and the gradients that come back."""

from __future__ import annotations

from collections.abc import Iterator

from matderiv.calculus.sweep.sweep import replaced
from matderiv.calculus.sweep.task import Task
from matderiv.derivation.judge import Judge
from matderiv.derivation.sides import Formula
from matderiv.expression.nodes import Name, Node, names_in
from matderiv.handout.document import Block, GraphBlock, GraphNode
from matderiv.handout.graph_layout import column_widths
from matderiv.handout.sentences import fill
from matderiv.notation.boxes import Box, NumberBox, Operator, Row, times
from matderiv.notation.formulas import Formulas
from matderiv.notation.names import name_box, slashed
from matderiv.notation.program import ProgramNotation

__all__ = ["graph_of_values"]

#: A graph of more names is no help to a reader.
_MOST = 40
#: The width in em of all columns up to which boxes hold definitions, and that of one.
_ROOM, _LONG = 30.0, 9.0


def graph_of_values(task: Task, language: str) -> Iterator[Block]:
    """The names of a program, what is computed from what, and the gradients."""
    graph, program = task.sweep.graph, task.program
    values = {a.name: a.value for a in program.assignments}
    names = [*program.inputs(), *values]
    if len(names) > _MOST:
        return
    formulas = ProgramNotation(task, None).formulas
    edges = tuple(
        (used, name) for name, value in values.items() for used in names if used in names_in(value)
    )
    moving = graph.depends(frozenset(task.wrt))

    def node(name: str, *, defined: bool) -> GraphNode:
        label: Box = name_box(name)
        if defined and name in values:
            whole = Row((label, Operator("equals"), formulas.node(values[name])))
            label = whole if whole.width <= _LONG else label
        dims = task.shapes[name]
        shape = times(*(dim.size for dim in dims)) if dims else None
        if len(dims) == 1:
            shape = Row((NumberBox(str(dims[0].size)),))
        found = task.sweep.gradients.get(name)
        back = slashed(formulas.gradient(name)) if name in moving and found is not None else None
        return GraphNode(name, label, shape, back)

    long, short = (
        tuple(node(name, defined=defined) for name in names) for defined in (True, False)
    )
    fits = sum(column_widths({one.name: one.width for one in long}, edges)) <= _ROOM
    caption = fill(language, "graph.caption", {})
    yield GraphBlock(long if fits else short, edges, caption, tuple(_rules(task, edges, formulas)))


def _rules(
    task: Task, edges: tuple[tuple[str, str], ...], formulas: Formulas
) -> Iterator[tuple[str, str, Box]]:
    """∂L/∂X = ∂L/∂Y·Wᵀ for what Y alone uses, where it is proved and calls known names only."""
    known = task.program.names()
    known |= {f"d{name}" for name in known}
    gradients = task.sweep.gradients
    for used, by in edges:
        found = gradients.get(used)
        if found is None or by == task.loss or len(found.users) != 1:
            continue
        (user,) = found.users
        inner: dict[str, Node] = {}  # the gradient by an inner value that has no box
        if user in task.sweep.lifted and gradients[user].users == (by,):
            inner = {f"d{user}": task.whole(user, gradients[user].local)}
        elif user != by:
            continue
        local = task.whole(used, replaced(found.local, inner))
        judge = Judge(task, used, (user, *inner))
        sides = Formula(Name(f"d{used}")), Formula(local)
        if names_in(local) <= known and judge.verdict(*sides).status == "equal":
            equal = (formulas.gradient(used), Operator("equals"), formulas.node(local))
            yield used, by, Row(equal)
