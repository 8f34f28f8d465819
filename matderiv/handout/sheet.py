"""The handout of a derivation: problem, formulas, steps, what was checked, and exercises."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import Literal

from matderiv._version import __version__
from matderiv.derivation.board import with_board_names
from matderiv.derivation.exchanged import exchanged
from matderiv.derivation.program import build_program
from matderiv.expression.nodes import MatMul, Name
from matderiv.handout.code import IMPORTS, check_code, display_code, program_code, undefined
from matderiv.handout.command import Command
from matderiv.handout.composer import ProgramComposer
from matderiv.handout.document import (
    Block,
    Code,
    CodeBlock,
    Document,
    Equation,
    Exercise,
    Heading,
    Math,
    Paragraph,
    Text,
)
from matderiv.handout.graph import graph_of_values
from matderiv.handout.notation_box import signs_not_introduced, with_delta
from matderiv.handout.numbers import number_section
from matderiv.handout.obstacle import jacobian_appendix, obstacle
from matderiv.handout.program import (
    page_title,
    proof_section,
    step_sections,
    task_section,
    what_it_says,
)
from matderiv.handout.sentences import Fields, fill
from matderiv.notation.boxes import Aligned, Box, Operator, Row, times
from matderiv.notation.names import name_box

__all__ = ["answer_sheet", "how_it_was_made", "live_cells", "sheet", "with_exercises"]


def sheet(
    composer: ProgramComposer,
    made: Sequence[Block],
    *,
    title: str | None,
    author: str,
    jacobian: bool = True,
) -> Document:
    """The handout without exercises; `made` says how it was made.

    `jacobian`: whether an appendix shows the Jacobian.
    """
    return Document(
        composer.language,
        page_title(composer) if title is None else (Text(title),),
        (*with_delta(_blocks(composer, jacobian=jacobian), composer.language), *made),
        author=author,
        whole=composer.show is None,
        live=tuple(live_cells(composer)),
    )


def _blocks(composer: ProgramComposer, *, jacobian: bool) -> Iterator[Block]:
    language, derivation = composer.language, composer.derivation
    other = exchanged(derivation.task)
    second = None if other is None else build_program(other, other.wrt)
    yield Heading(2, fill(language, "handout.problem", {}))
    yield from task_section(composer)
    yield from graph_of_values(with_board_names(derivation.task, lifted=True), language)
    yield from obstacle(composer, appendix=jacobian)
    yield Heading(2, fill(language, "handout.formulas", {}))
    yield Paragraph(composer.say("results", {}))
    yield from _formulas(composer)
    yield from _first_check(composer)
    if second is not None:
        beside = ProgramComposer(second, language, composer.show)
        fields: Fields = {"product_second": Math(_product(beside))}
        fields["equalities_second"] = Text(str(second.proof.equalities))
        yield Paragraph(fill(language, "handout.exchanged", fields))
        yield from _formulas(beside, second.wrt)
    yield from step_sections(composer)
    yield from number_section(composer.task, language)
    yield from what_it_says(composer)
    yield Heading(2, fill(language, "program.heading_checked", {}), aside=True)
    yield from proof_section(composer)
    if second is not None:
        yield Paragraph(fill(language, "handout.checked_second", fields))
    if jacobian:
        yield from jacobian_appendix(composer)


def _formulas(composer: ProgramComposer, wrt: Collection[str] | None = None) -> Iterator[Equation]:
    """The results, each as the first and the last side of its proof; of all steps, or by `wrt`."""
    for step in composer.derivation.steps:
        structured = step.kind == "matrix" and composer.task.way(step.wrt or "") is not None
        if step.kind not in ("called", "matrix", "structure") or structured:
            continue
        if wrt is None or step.wrt in wrt:
            for one in step.chains:
                chain = composer.notation.chain(one)
                yield Equation(Aligned(chain.left, chain.rights[-1:]))


def _first_check(composer: ProgramComposer) -> Iterator[Paragraph]:
    """That the shapes of a product of two matrices give that of the gradient it is."""
    shape = composer.task.sweep.facts.shape
    for name in composer.derivation.wrt:
        formula = composer.task.answer(name)
        if isinstance(formula, MatMul) and len(shape(Name(name))) == len("NM"):
            sides = {"first": formula.left, "second": formula.right, "X": formula}
            fields: Fields = {
                f"{key}_shape": Math(times(*(dim.size for dim in shape(node))))
                for key, node in sides.items()
            }
            fields["X"] = Math(name_box(name))
            yield Paragraph(fill(composer.language, "handout.shapes", fields))
            return


def _product(composer: ProgramComposer) -> Box:
    """Y = WX: the value that holds the product."""
    graph = composer.task.sweep.graph
    found = next(a for a in graph.values if isinstance(a.value, MatMul))
    formulas = composer.notation.formulas
    return Row((name_box(found.name), Operator("equals"), formulas.node(found.value)))


def live_cells(composer: ProgramComposer) -> Iterator[Block]:
    """Cells of a notebook with a word before each."""
    call = program_code(composer.derivation)
    yield Heading(2, composer.say("live_heading", {}))
    yield Paragraph(composer.say("live_derive", {}))
    yield CodeBlock(f"{IMPORTS}{call}\nderivation.formulas", live=True)
    yield Paragraph(composer.say("live_sizes", {}))
    yield CodeBlock(f"{call}\n{display_code(composer.language)}", live=True)
    check = check_code(composer.derivation)
    if check is not None:
        yield Paragraph(
            composer.say("live_check", {"L": Math(name_box(composer.task.sweep.graph.loss))})
        )
        for name, of_array in undefined(composer.derivation):
            key = "live_check_array" if of_array else "live_check_function"
            yield Paragraph(composer.say(key, {"f": Code(name)}))
        yield CodeBlock(check, live=True)


def with_exercises(
    document: Document,
    exercises: Sequence[Exercise],
    asked: int,
    answers: Literal["none", "end", "separate"],
) -> Document:
    """The handout with its exercises, and with the answers if they stand at the end.

    Where fewer could be made than were asked for, it says so.
    """
    if not asked:
        return document
    levels = [e.level for e in exercises]
    texts = [e.question for e in exercises]
    blocks = list(_numbered(document.language, "exercise", texts, levels))
    if len(exercises) < asked:
        numbers = {"asked": Text(str(asked)), "made": Text(str(len(exercises)))}
        blocks.insert(1, Paragraph(fill(document.language, "handout.exercises_left_out", numbers)))
    if any(e.hint for e in exercises):
        texts = [e.hint for e in exercises]
        blocks += _numbered(document.language, "hint", texts, answer=True)
    if answers == "end" and exercises:
        texts = [e.answer for e in exercises]
        blocks += _numbered(document.language, "answer", texts, answer=True)
    blocks[1:1] = signs_not_introduced(blocks, document.blocks, document.language)
    return replace(document, blocks=(*document.blocks, *blocks))


def how_it_was_made(language: str, key: str, command: Command) -> tuple[Block, ...]:
    """The version and a command, which the message says what to do with."""
    words = fill(language, f"handout.{key}", {"version": Text(__version__)})
    return Paragraph(words), CodeBlock(command.text, "sh")


def answer_sheet(
    document: Document, exercises: Sequence[Exercise], made: Sequence[Block]
) -> Document:
    """The answers to the exercises of a handout as a separate document."""
    language = document.language
    words = fill(language, "handout.answers_to", {"title": Text("")})
    answers = list(_numbered(language, "answer", [e.answer for e in exercises]))
    answers[1:1] = signs_not_introduced(answers, (), language)
    return replace(
        document,
        title=(*words, *document.title),
        blocks=(*answers, *made),
        live=(),
    )


def _numbered(
    language: str,
    key: str,
    parts: Sequence[tuple[Block, ...]],
    levels: Sequence[int] = (),
    *,
    answer: bool = False,
) -> Iterator[Block]:
    """A section of numbered parts, with stars for their levels; parts without blocks are left out.

    Such as hints, of which not every exercise has one.
    """
    yield Heading(2, fill(language, f"handout.{key}s", {}))
    for number, blocks in enumerate(parts, 1):
        if not blocks:
            continue
        title = fill(language, f"handout.{key}", {"number": Text(str(number))})
        stars = levels[number - 1] if levels else 0
        if stars:
            title += (Text(" "), Math(Row((Operator("star"),) * stars)))
        yield Heading(3, title, answer)
        yield from blocks
