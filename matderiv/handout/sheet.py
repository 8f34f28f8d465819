"""The handout of a derivation: problem, formulas, steps, proofs, checks and exercises."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Literal

from matderiv._version import __version__
from matderiv.derivation.links import Derivation
from matderiv.handout.command import Command
from matderiv.handout.compose import Composer, Fields, fill
from matderiv.handout.document import (
    Block,
    CodeBlock,
    Document,
    Exercise,
    Heading,
    Paragraph,
    Text,
)

__all__ = ["answer_sheet", "sheet", "with_exercises"]


def sheet(
    derivation: Derivation,
    language: str,
    show: int | None,
    *,
    command: Command,
    title: str | None,
    author: str,
) -> Document:
    """The handout without exercises.

    Raises:
        InputError: there is no such language.
    """
    composer = Composer(derivation, language, show)
    fields = composer.fields() | {"version": Text(__version__)}
    usual = composer.say("heading.title", fields)
    return Document(
        language,
        usual if title is None else (Text(title),),
        tuple(_blocks(composer, fields, command)),
        author=author,
        whole=show is None,
    )


def _blocks(composer: Composer, fields: Fields, command: Command) -> Iterator[Block]:
    yield Heading(2, composer.say("handout.problem", fields))
    yield composer.asked(fields)
    yield from composer.steps(fields)
    yield Heading(2, composer.say("heading.checked", fields))
    yield from composer.checked(fields)
    yield Paragraph(composer.say("handout.again", fields))
    yield CodeBlock(command.text, "sh")


def with_exercises(
    document: Document,
    exercises: Sequence[Exercise],
    answers: Literal["none", "end", "separate"],
) -> Document:
    """The handout with its exercises, and with the answers if they stand at the end."""
    if not exercises:
        return document
    blocks = list(_numbered(document.language, "exercise", [e.question for e in exercises]))
    if answers == "end":
        blocks += _numbered(document.language, "answer", [e.answer for e in exercises])
    return replace(document, blocks=(*document.blocks, *blocks))


def answer_sheet(document: Document, exercises: Sequence[Exercise]) -> Document:
    """The answers to the exercises of a handout as a document of their own."""
    language = document.language
    blocks = (*_numbered(language, "answer", [e.answer for e in exercises]),)
    title = fill(language, "handout.answers_to", {"title": Text("")})
    return replace(document, title=(*title, *document.title), blocks=blocks)


def _numbered(language: str, key: str, parts: Sequence[tuple[Block, ...]]) -> Iterator[Block]:
    yield Heading(2, fill(language, f"handout.{key}s", {}))
    for number, blocks in enumerate(parts, 1):
        yield Heading(3, fill(language, f"handout.{key}", {"number": Text(str(number))}))
        yield from blocks
