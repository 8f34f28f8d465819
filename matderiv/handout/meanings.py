"""The meaning of the gradients of a page, one paragraph for each pattern that is found in them."""

from __future__ import annotations

from collections.abc import Container, Iterator

from matderiv.calculus.sweep.task import Task
from matderiv.derivation.meanings.found import meanings
from matderiv.derivation.meanings.statements import Meaning
from matderiv.expression.nodes import Node, names_in
from matderiv.handout.document import (
    Block,
    BoardBlock,
    BoardRow,
    Heading,
    Math,
    Paragraph,
    Segments,
)
from matderiv.handout.sentences import Fields, fill
from matderiv.notation.boxes import Box, Operator, Row
from matderiv.notation.formulas import Formulas
from matderiv.notation.names import name_box
from matderiv.notation.program import ProgramNotation

__all__ = ["meaning_fields", "meaning_section"]


def meaning_section(task: Task, known: Container[str], language: str) -> Iterator[Block]:
    """The meaning of the gradients of a task; values without a name on the page come first."""
    found = meanings(task)
    if not found:
        return
    formulas = ProgramNotation(task, None).formulas
    yield Heading(2, fill(language, "meaning.heading", {}))
    needed = set[str]().union(*(meaning.names for meaning in found))
    new: dict[str, Node] = {}
    for assignment in reversed(task.program.assignments):
        if assignment.name in needed and assignment.name not in known:
            new[assignment.name] = assignment.value
            needed |= names_in(assignment.value)
    if new:
        rows = (BoardRow(name_box(n), formulas.node(new[n]), ()) for n in reversed(new))
        yield BoardBlock(tuple(rows))
    yield from (Paragraph(_words(meaning, formulas, language)) for meaning in found)
    yield Paragraph(fill(language, "meaning.proved", {}))


def _words(meaning: Meaning, formulas: Formulas, language: str) -> Segments:
    return fill(language, f"meaning.{meaning.kind}", meaning_fields(meaning, formulas))


def meaning_fields(meaning: Meaning, formulas: Formulas) -> Fields:
    """The formulas of sentences about a statement."""

    def box(part: Node | tuple[Node, Node]) -> Box:
        if not isinstance(part, tuple):
            return formulas.node(part)
        left, right = map(formulas.node, part)
        return Row((left, Operator("equals"), right))

    return {key: Math(box(part)) for key, part in meaning.shown.items()}
