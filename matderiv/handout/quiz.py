"""The parts of exercises that a machine can check: formulas by their text, entries by numbers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from matderiv.calculus.sweep.task import Task
from matderiv.derivation.exercises.kinds import Material
from matderiv.derivation.exercises.mistakes import Mistake
from matderiv.derivation.exercises.numbers import Numbers
from matderiv.derivation.exercises.related import Related
from matderiv.derivation.exercises.shapes import Quantity, Shapes
from matderiv.derivation.sides import Formula, Numerals
from matderiv.expression import nodes
from matderiv.expression.nodes import Node, names_in
from matderiv.expression.program import Assignment, Program
from matderiv.handout.composer import ProgramComposer
from matderiv.handout.document import Gap, Math
from matderiv.handout.sentences import Fields, fill
from matderiv.notation.program import ProgramNotation

__all__ = ["accepted", "checked_parts"]


def checked_parts(composer: ProgramComposer, made: Material, line: int | None) -> tuple[Gap, ...]:
    """The parts of an answer that can be checked; `line` is the number of a wrong line in print."""
    match made:
        case Mistake() if line is not None:
            return (Gap(fill(composer.language, "quiz.line", {}), number=line),)
        case Shapes(quantities=quantities):
            return tuple(_shape(composer, quantity) for quantity in quantities)
        case Numbers():
            return tuple(_entries(composer, made))
        case Related():
            task = made.derivation.task
            (name,) = made.derivation.wrt
            return (Gap((), accepted(task, name)),)
    return ()


def accepted(task: Task, name: str) -> tuple[str, ...]:
    """Formulas of a gradient that are taken to be right, each with spaces and without.

    They are written with the values that the question names, and without them.

    >>> from matderiv.calculus.sweep.task import read_task
    >>> accepted(read_task("L = sum(exp(X @ W))", ("W",)), "W")[::2]
    ('X.T @ exp(X @ W)', 'X.T @ dZ', 'X.T @ exp(Z)')
    """
    values = task.sweep.graph.values
    known = task.program.names() | Program(values).names()
    known |= {f"d{of}" for of in known}
    formulas = [task.answer(name)]
    if task.way(name) is None:
        formulas += [task.spelled(name), task.sweep.gradients[name].local]
    formulas += [_by_name(formula, values) for formula in formulas]
    texts = [
        task.source(task.whole(name, formula)) for formula in formulas if names_in(formula) <= known
    ]
    return tuple(dict.fromkeys(text for one in texts for text in (one, one.replace(" ", ""))))


def _by_name(formula: Node, values: Iterable[Assignment]) -> Node:
    """The formula with the names of values in place of what they are."""
    for value in values:
        formula = nodes.substituted(formula, value.value, nodes.Name(value.name))
    return formula


def _shape(composer: ProgramComposer, quantity: Quantity) -> Gap:
    box = Math(composer.notation.formulas.node(quantity.node))
    prompt = fill(composer.language, "quiz.shape", {"quantity": box})
    if quantity.shape is None:
        return Gap(prompt, ("none", "None", "无", "不存在"))
    numbers = [str(size) for size in quantity.shape]
    if not numbers:
        return Gap(prompt, ("scalar", "()", "1", "标量"))
    python = f"({numbers[0]},)" if len(numbers) == 1 else f"({', '.join(numbers)})"
    return Gap(prompt, tuple(dict.fromkeys(("×".join(numbers), "x".join(numbers), python))))


def _entries(composer: ProgramComposer, made: Numbers) -> Iterator[Gap]:
    """One gap for each entry of the gradient that is asked for."""
    formulas = ProgramNotation(composer.task, None).formulas
    for chain in made.gradients:
        first, last = chain.sides[0], chain.sides[-1]
        if not isinstance(first, Formula) or f"d{made.name}" not in names_in(first.node):
            continue
        assert isinstance(last, Numerals)
        for i, row in enumerate(last.rows, 1):
            for j, number in enumerate(row, 1):
                indices = (i, j)[: last.dimensions]
                entry = formulas.entry(f"d{made.name}", indices)
                fields: Fields = {"quantity": Math(entry)}
                yield Gap(fill(composer.language, "quiz.entry", fields), number=number)
