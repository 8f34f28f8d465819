"""The handout of a derivation: problem, formulas, steps, proofs, checks and exercises."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

from matderiv._version import __version__
from matderiv.calculus.jacobian import REFERENCE, growth, jacobian_size
from matderiv.derivation.links import Derivation
from matderiv.derivation.pattern import product_pattern
from matderiv.expression.nodes import MatMul
from matderiv.expression.shapes import Dim
from matderiv.handout.command import Command
from matderiv.handout.compose import Composer
from matderiv.handout.document import (
    Block,
    CodeBlock,
    Document,
    Equation,
    Exercise,
    Heading,
    Math,
    Paragraph,
    Segments,
    Text,
)
from matderiv.handout.figures import DTYPE, MOST_WHOLE, growth_figure, pattern_figure
from matderiv.handout.jacobian import (
    block,
    jacobian_fields,
    memory_words,
    reordered,
    structure_words,
)
from matderiv.handout.live import live
from matderiv.handout.sentences import Fields, fill, together
from matderiv.handout.texts import messages
from matderiv.notation.boxes import times

__all__ = ["answer_sheet", "how_it_was_made", "sheet", "with_exercises"]


def sheet(
    composer: Composer,
    second: Composer,
    made: Sequence[Block],
    *,
    title: str | None,
    author: str,
) -> Document:
    """The handout without exercises; `second` is about the product with its names exchanged.

    `made` says how it was made.
    """
    parts = _Sheet(composer, second)
    usual = composer.say("heading.title", composer.fields())
    return Document(
        composer.language,
        usual if title is None else (Text(title),),
        (*parts.blocks(), *made),
        author=author,
        whole=composer.show is None,
        live=tuple(live(composer)),
    )


@dataclass(frozen=True, slots=True)
class _Sheet:
    composer: Composer
    second: Composer

    @property
    def derivation(self) -> Derivation:
        return self.composer.derivation

    def blocks(self) -> Iterator[Block]:
        composer = self.composer
        fields = composer.fields() | self.numbers()
        yield Heading(2, self.say("problem", fields))
        yield composer.asked(fields)
        yield from self.obstacle(fields)
        yield Heading(2, self.say("formulas", fields))
        yield from self.formulas(fields)
        yield from composer.steps(fields)
        yield Heading(2, composer.say("heading.checked", fields))
        yield from composer.checked(fields)
        yield Paragraph(self.say("checked_second", fields))

    def say(self, key: str, fields: Fields) -> Segments:
        return self.composer.say(f"handout.{key}", fields)

    # -- the problem -------------------------------------------------------------------------

    def obstacle(self, fields: Fields) -> Iterator[Block]:
        """Why the Jacobian is not an option, and what it would hold."""
        problem, wrt, language = self.derivation.problem, self.wrt, self.composer.language
        notation = self.composer.notation
        sizes = growth(problem, wrt, DTYPE)
        letters = tuple(dim.symbol for dim in problem.dims)
        yield Paragraph(self.say("jacobian", fields))
        if tuple(dim.size for dim in problem.dims) != REFERENCE:
            yield Paragraph(self.say("reference", fields))
        yield growth_figure(sizes, letters, language, fields)
        yield Paragraph(self.say("pattern", fields))
        found = product_pattern(self.derivation, wrt, MOST_WHOLE)
        writers = (partial(notation.entry, problem.name), partial(notation.entry, wrt))
        size = jacobian_size(problem, wrt, DTYPE)
        zeros = size.nonzero < size.count
        blocks = [self.say("pattern_blocks", fields)] if zeros else []
        drawn = found.mapped(notation.expr)
        yield pattern_figure(drawn, writers, size, language, fields, *blocks)
        words = [structure_words(problem, wrt, language, fields)]
        if problem.factors[0] == wrt and not reordered(problem, wrt):
            words.append(self.say("block" if zeros else "block_one", fields))
        yield Paragraph(together(language, words))

    @property
    def wrt(self) -> str:
        """The matrix whose Jacobian is looked at."""
        return self.derivation.wrt[0]

    def numbers(self) -> Fields:
        """The fields about the Jacobian and about the second form."""
        problem, wrt, language = self.derivation.problem, self.wrt, self.composer.language
        chosen = jacobian_size(problem, wrt, DTYPE)
        large = jacobian_size(problem, wrt, DTYPE, REFERENCE)
        proof = self.second.derivation.proof
        word = messages(language)["jacobian.bytes"]
        answer = self.derivation.answer(wrt)
        assert isinstance(answer, MatMul)
        factors = (problem.array(answer.left), problem.array(answer.right))
        fields = jacobian_fields(problem, wrt, chosen, self.composer.notation, language)
        fields |= {
            f"{key}_shape": Math(times(array.rows.size, array.cols.size))
            for key, array in zip(("first", "second"), factors, strict=True)
        }
        fields |= {
            f"ref_{key}": Math(Composer.size(Dim(dim.symbol, size)))
            for key, dim, size in zip("NDM", problem.dims, REFERENCE, strict=True)
        }
        return fields | {
            "dtype": Text(DTYPE),
            "ref_count": Text(f"{large.count:,}"),
            "ref_memory": Text(memory_words(large.memory, word)),
            "ref_matrix_memory": Text(memory_words(large.matrix_form_memory, word)),
            "block": Math(block(problem, self.composer.notation)),
            "product_second": self.second.fields()["product"],
            "equalities_second": Text(str(proof.equalities)),
        }

    # -- the formulas ------------------------------------------------------------------------

    def formulas(self, fields: Fields) -> Iterator[Block]:
        """The results, up front, in both forms."""
        several = len(self.derivation.wrt) > 1
        yield Paragraph(self.say("results" if several else "result", fields))
        yield from results(self.composer)
        yield Paragraph(self.say("shapes", fields))
        yield Paragraph(self.say("exchanged", fields))
        yield from results(self.second)
        yield Paragraph(self.say("road", fields))


def results(composer: Composer) -> Iterator[Equation]:
    """The formulas of a derivation, each the first and the last side of its proof."""
    step = next(step for step in composer.derivation.steps if step.kind == "conclusion")
    return (Equation(composer.notation.chain(chain)) for chain in step.chains)


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


def how_it_was_made(language: str, key: str, command: Command) -> tuple[Block, ...]:
    """The version and a command, which the message says what to do with."""
    words = fill(language, f"handout.{key}", {"version": Text(__version__)})
    return Paragraph(words), CodeBlock(command.text, "sh")


def answer_sheet(
    document: Document, exercises: Sequence[Exercise], made: Sequence[Block]
) -> Document:
    """The answers to the exercises of a handout as a document of their own."""
    language = document.language
    words = fill(language, "handout.answers_to", {"title": Text("")})
    return replace(
        document,
        title=(*words, *document.title),
        blocks=(
            *_numbered(language, "answer", [e.answer for e in exercises]),
            *made,
        ),
        live=(),
    )


def _numbered(language: str, key: str, parts: Sequence[tuple[Block, ...]]) -> Iterator[Block]:
    yield Heading(2, fill(language, f"handout.{key}s", {}))
    for number, blocks in enumerate(parts, 1):
        yield Heading(3, fill(language, f"handout.{key}", {"number": Text(str(number))}))
        yield from blocks
