"""A table of the rules by which gradients go back, and a box on what shapes alone cannot tell."""

from __future__ import annotations

from collections.abc import Container, Iterator

from matderiv.calculus.sweep.task import Task
from matderiv.derivation.principles import Principle, misleading_product, principles
from matderiv.expression.nodes import Name
from matderiv.handout.document import Block, Heading, Math, Paragraph, Segments, Table
from matderiv.handout.sentences import fill, together
from matderiv.notation.boxes import Operator, Row, times
from matderiv.notation.names import name_box
from matderiv.notation.program import ProgramNotation

__all__ = ["principle_table", "shape_question"]


def principle_table(task: Task, language: str) -> Iterator[Block]:
    """The rules that a program uses, each with the gradient that is proved for it.

    Raises:
        ProofError: a rule is not proved for all sizes.
    """
    rows = tuple(_row(principle, language) for principle in principles(task))
    if not rows:
        return
    head = tuple(fill(language, f"principle.{key}", {}) for key in ("forward", "backward", "words"))
    yield Heading(2, fill(language, "principle.heading", {}))
    yield Paragraph(fill(language, "principle.about", {}))
    yield Table(head, rows, fill(language, "principle.caption", {}))


def _row(principle: Principle, language: str) -> tuple[Segments, ...]:
    """Y = AB; ∂L/∂A = ∂L/∂Y Bᵀ, and the same for B; the rule in words."""
    task = principle.task
    formulas = ProgramNotation(task, None).formulas
    first = task.program.assignments[0]
    forward = Row((name_box(first.name), Operator("equals"), formulas.node(first.value)))
    gradients = [
        Row(
            (
                formulas.gradient(name),
                Operator("equals"),
                formulas.node(task.sweep.gradients[name].formula),
            )
        )
        for name in task.wrt
    ]
    boxes = [part for box in gradients for part in (Operator("comma"), Operator("quad"), box)][2:]
    words = fill(language, f"principle.{principle.kind}", {})
    return (Math(forward),), (Math(Row(tuple(boxes))),), words


def shape_question(task: Task, known: Container[str], language: str) -> Iterator[Block]:
    """That shapes alone do not give the gradient by a factor of the first product.

    Nothing where no product of two matrices of unequal sizes is differentiated. A product that is
    not `known` on the page is said to be called by its name.

    Raises:
        ProofError: the wrong formula of the same shape is not refuted.
    """
    found = misleading_product(task)
    if found is None:
        return
    formulas = ProgramNotation(task, None).formulas
    dims = task.sweep.facts.shape(Name(found.name))
    yield Heading(2, fill(language, "principle.question", {}))
    said = list[Segments]()
    if found.of not in known:
        value = task.sweep.graph.definition(found.of)
        equation = Row((name_box(found.of), Operator("equals"), formulas.node(value)))
        said.append(fill(language, "principle.called", {"equation": Math(equation)}))
    said.append(
        fill(
            language,
            "principle.shapes",
            {
                "dA": Math(formulas.gradient(found.name)),
                "A": Math(name_box(found.name)),
                "dY": Math(formulas.gradient(found.of)),
                "B": Math(name_box(found.by)),
                "dims": Math(times(*(dim.size for dim in dims))),
                "right": Math(formulas.node(found.right)),
                "wrong": Math(formulas.node(found.wrong)),
            },
        )
    )
    yield Paragraph(together(language, said))
