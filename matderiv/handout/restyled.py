"""Documents in another notation: every formula of every block."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any, TypeVar, get_args

from matderiv._hashed import Value
from matderiv.calculus.sweep.task import Task
from matderiv.derivation.board_names import with_names
from matderiv.expression.program import Program
from matderiv.handout.document import Document, Text
from matderiv.notation.boxes import Box
from matderiv.notation.styles import Style, read_notation

__all__ = ["in_notation", "restyled", "style_of"]

_Any = TypeVar("_Any")
_BOXES = get_args(Box)


def style_of(task: Task, notation: str | None) -> Style:
    """The style of a notation for the formulas of a task.

    Raises:
        InputError: there is no such notation.
    """
    graph, read = task.sweep.graph, read_notation(notation)
    shapes = task.shapes
    if "bold" in read:  # names that boards and graphs give to values are bold as well
        for program in (task.program, Program(graph.values)):
            names = program.names()
            given = {name: shape for name, shape in task.shapes.items() if name in names}
            shapes = {**with_names(program, given)[1], **shapes}
    return Style(read, task.loss, frozenset(name for name, dims in shapes.items() if dims))


def in_notation(document: Document, style: Style, *, mono: bool) -> Document:
    """The document with its formulas in a style, `mono` or not."""
    return replace(restyled(document, style), mono=mono)


def restyled(content: _Any, style: Style) -> _Any:
    """Blocks, or parts of them, with their formulas in a style."""
    return content if style.usual else _in_style(content, style)


def _in_style(content: _Any, style: Style) -> _Any:
    part: Any = content
    if isinstance(part, _BOXES):
        part = style(part)
    elif isinstance(part, tuple):
        part = tuple(_in_style(inner, style) for inner in part)
    elif isinstance(part, Text):  # a rule in words, such as (AB)ᵀ = BᵀAᵀ
        part = Text(part.text.replace("ᵀ", style.transposed))
    elif isinstance(part, Value):
        made: Any = part
        values = {f.name: _in_style(getattr(part, f.name), style) for f in fields(made)}
        part = replace(made, **values)
    found: _Any = part
    return found
