"""The handout of a whole program: what is asked, the formulas, every step, what was checked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from matderiv.handout.code import IMPORTS, display_code, program_code
from matderiv.handout.document import (
    Block,
    CodeBlock,
    Document,
    Equation,
    Heading,
    Paragraph,
    Text,
)
from matderiv.handout.program import ProgramComposer
from matderiv.handout.program_figures import obstacle
from matderiv.handout.sentences import fill
from matderiv.notation.boxes import Aligned

__all__ = ["program_sheet"]


def program_sheet(
    composer: ProgramComposer, made: Sequence[Block], *, title: str | None, author: str
) -> Document:
    """The handout of a program's derivation; `made` says how it was made."""
    return Document(
        composer.language,
        composer.title() if title is None else (Text(title),),
        (*_blocks(composer), *made),
        author=author,
        whole=composer.show is None,
        live=tuple(_live(composer)),
    )


def _blocks(composer: ProgramComposer) -> Iterator[Block]:
    language = composer.language
    yield Heading(2, fill(language, "handout.problem", {}))
    yield from composer.asked()
    yield from obstacle(composer)
    yield Heading(2, fill(language, "handout.formulas", {}))
    yield Paragraph(composer.say("results", {}))
    for step in composer.derivation.steps:
        structured = step.kind == "matrix" and step.wrt in composer.task.assumed
        if step.kind in ("called", "matrix", "structure") and not structured:
            for one in step.chains:
                chain = composer.notation.chain(one)
                yield Equation(Aligned(chain.left, chain.rights[-1:]))
    yield from composer.steps()
    yield Heading(2, fill(language, "heading.checked", {}))
    yield from composer.checked()


def _live(composer: ProgramComposer) -> Iterator[Block]:
    """Cells of a notebook with a word before each."""
    call = program_code(composer.derivation)
    yield Heading(2, composer.say("live_heading", {}))
    yield Paragraph(composer.say("live_derive", {}))
    yield CodeBlock(f"{IMPORTS}{call}\nderivation.formulas", live=True)
    yield Paragraph(composer.say("live_sizes", {}))
    yield CodeBlock(f"{call}\n{display_code(composer.language)}", live=True)
