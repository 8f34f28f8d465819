"""The shorter pages of a derivation: as a board, on a card, or in short."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Literal, get_args

from matderiv.derivation.board import Board, build_board
from matderiv.derivation.links import ProvedSteps
from matderiv.derivation.sides import SpelledProduct
from matderiv.errors import InputError
from matderiv.handout.board import board_rows, board_title, given_rows, proof_words
from matderiv.handout.composer import ProgramComposer
from matderiv.handout.document import (
    Block,
    BoardBlock,
    Document,
    Equation,
    Heading,
    Math,
    Paragraph,
)
from matderiv.handout.principles import principle_table, shape_question
from matderiv.handout.program import numpy_answers
from matderiv.handout.sentences import Fields, fill, listed
from matderiv.notation.boxes import Aligned
from matderiv.notation.names import name_box
from matderiv.notation.program import ProgramNotation

__all__ = ["Length", "blocks_of", "compose_length", "read_length"]

#: How much of a derivation a page shows; "full" is every step.
Length = Literal["card", "board", "short", "full"]


def read_length(length: str) -> Length:
    """A length by its name.

    Raises:
        InputError: there is no such length.
    """
    for known in get_args(Length):
        if length == known:
            found: Length = known
            return found
    raise InputError(f"There is no length {length!r}; there are: {', '.join(get_args(Length))}.")


def compose_length(
    derivation: ProvedSteps, language: str, show: int | None, length: Length
) -> Document:
    """The page of a derivation in a length other than full.

    Raises:
        InputError: there is no such language.
        ProofError: a line is not proved.
    """
    board = build_board(derivation.task)
    composer = ProgramComposer(derivation, language, show)
    blocks = blocks_of(board, composer, length)
    return Document(language, board_title(board, language), tuple(blocks), whole=show is None)


def blocks_of(board: Board, composer: ProgramComposer, length: Length) -> Iterator[Block]:
    """The blocks of such a page."""
    for section in _SECTIONS[length]:
        yield from section(board, composer)


# -- sections ------------------------------------------------------------------------------------

_Section = Callable[[Board, ProgramComposer], Iterator[Block]]


def _problem(board: Board, composer: ProgramComposer) -> Iterator[Block]:
    """The gradients that are asked for, the values, and the shapes of the inputs."""
    language = composer.language
    formulas = ProgramNotation(board.task, None).formulas
    named = [(Math(formulas.gradient(name)),) for name in board.task.wrt]
    yield Paragraph(fill(language, "lengths.asked", {"gradients": listed(language, named)}))
    yield BoardBlock(given_rows(board))
    shapes = [composer.shape(name) for name in board.task.program.inputs()]
    yield Paragraph(fill(language, "lengths.inputs", {"shapes": listed(language, shapes)}))


def _lines(board: Board, composer: ProgramComposer) -> Iterator[Block]:
    yield Paragraph(fill(composer.language, "lengths.lines", {}))
    yield BoardBlock(board_rows(board, composer.language))


def _formulas(board: Board, composer: ProgramComposer) -> Iterator[Block]:
    """The gradients alone, with those that they call by name."""
    yield Paragraph(fill(composer.language, "lengths.formulas", {}))
    lines = board_rows(board, composer.language)
    rows = (replace(row, note=()) for row in lines if row.follows)
    yield BoardBlock(tuple(rows))


def _closer(board: Board, composer: ProgramComposer) -> Iterator[Block]:
    """The first product, its matrices written out."""
    del board
    wrt = composer.derivation.wrt
    for step in sorted(composer.derivation.steps, key=lambda step: step.wrt not in wrt):
        for chain in step.chains:
            if any(isinstance(side, SpelledProduct) for side in chain.sides):
                name = step.wrt or ""
                fields: Fields = {
                    "X": Math(name_box(name)),
                    "dX": Math(composer.notation.formulas.gradient(name)),
                }
                heading = {"Z": fields["dX"]}
                yield Heading(2, fill(composer.language, "lengths.closer", heading))
                yield Paragraph(composer.say("written_out_product", fields))
                box = composer.notation.chain(chain)
                yield Equation(Aligned(box.left, box.rights))
                product = next(s for s in chain.sides if isinstance(s, SpelledProduct))
                yield from composer.why_transposed(product, fields)
                return


def _principle(board: Board, composer: ProgramComposer) -> Iterator[Block]:
    return principle_table(board.task, composer.language)


def _question(board: Board, composer: ProgramComposer) -> Iterator[Block]:
    return shape_question(board.task, composer.language)


def _numpy(board: Board, composer: ProgramComposer) -> Iterator[Block]:
    del board
    return numpy_answers(composer)


def _proof(board: Board, composer: ProgramComposer) -> Iterator[Block]:
    yield Paragraph(proof_words(board, composer.language))


#: The sections of each length.
_SECTIONS: Mapping[Length, tuple[_Section, ...]] = {
    "board": (_problem, _lines, _numpy, _proof),
    "card": (_problem, _formulas, _principle, _numpy, _proof),
    "short": (_problem, _lines, _closer, _question, _principle, _numpy, _proof),
}
