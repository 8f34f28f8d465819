"""The shorter pages of a derivation: as a board, on a card, or in short."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from typing import Literal, get_args

from matderiv.calculus.sweep.conditions import conditions
from matderiv.calculus.sweep.sweep import replaced
from matderiv.derivation.board import Board, build_board
from matderiv.derivation.links import ProvedSteps
from matderiv.derivation.sides import Formula, SpelledProduct
from matderiv.errors import InputError
from matderiv.expression import nodes
from matderiv.expression.nodes import Node
from matderiv.expression.shapes import Shape
from matderiv.expression.source import source
from matderiv.handout.board import board_rows, board_title, given_rows, proof_words
from matderiv.handout.composer import ProgramComposer
from matderiv.handout.document import (
    Block,
    BoardBlock,
    BoardRow,
    CodeBlock,
    Document,
    Equation,
    Heading,
    Math,
    Paragraph,
    Segments,
    Table,
)
from matderiv.handout.meanings import meaning_section
from matderiv.handout.notation_box import notation_paragraph
from matderiv.handout.principles import principle_table, shape_question
from matderiv.handout.program import condition_section, numpy_answers
from matderiv.handout.readings import reading_sentences
from matderiv.handout.sentences import Fields, fill, listed, together
from matderiv.notation.boxes import Aligned, Operator, Row, times
from matderiv.notation.layout import fitted
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
    """The blocks of such a page; what its signs mean stands behind the problem, but on cards."""
    first, *others = (tuple(section(board, composer)) for section in _SECTIONS[length])
    rest = tuple(block for blocks in others for block in blocks)
    yield from first
    if length != "card":  # which is one page
        yield notation_paragraph((*first, *rest), composer.language)
    yield from rest


#: The width of a page in em.
_ROOM = 32.0

# -- sections ------------------------------------------------------------------------------------

_Section = Callable[[Board, ProgramComposer], Iterator[Block]]


def _given(board: Board, composer: ProgramComposer) -> Iterator[Block]:
    """The values."""
    del composer
    yield BoardBlock(given_rows(board))


def _asked(board: Board, composer: ProgramComposer) -> Iterator[Block]:
    """The gradients that are asked for, and the values."""
    language = composer.language
    formulas = ProgramNotation(board.task, None).formulas
    named = [(Math(formulas.gradient(name)),) for name in board.task.wrt]
    yield Paragraph(fill(language, "lengths.asked", {"gradients": listed(language, named)}))
    yield from _given(board, composer)


def _problem(board: Board, composer: ProgramComposer) -> Iterator[Block]:
    """The same, the shapes of the inputs, and how the program was read."""
    yield from _asked(board, composer)
    language = composer.language
    shapes = [composer.shape(name) for name in board.task.program.inputs()]
    said = [fill(language, "lengths.inputs", {"shapes": listed(language, shapes)})]
    said += reading_sentences(board.task.readings, language)
    yield Paragraph(together(language, said))


def _lines(board: Board, composer: ProgramComposer) -> Iterator[Block]:
    yield Paragraph(fill(composer.language, "lengths.lines", {}))
    yield BoardBlock(board_rows(board, composer.language))


def _formulas(board: Board, composer: ProgramComposer) -> Iterator[Block]:
    """A table of the gradients, those that they call by name among them, with all shapes."""
    language, task = composer.language, board.task
    lines = board_rows(board, language)
    found: dict[str, Segments] = {}
    for line, row in zip(board.lines, lines, strict=True):
        if row.follows and isinstance(line.link.left, Formula):
            equal = (row.left, Operator("equals"), row.right)
            name = source(line.link.left.node)[1:]
            found[name] = (Math(Row(tuple(box for box in equal if box is not None))),)
    given = fill(language, "lengths.given", {})
    names = (*task.program.inputs(), *(name for name in found if name not in task.wrt))
    rows = tuple(
        ((Math(name_box(name)),), _shape(task.shapes[name], language), found.get(name, given))
        for name in names
    )
    head = tuple(fill(language, f"lengths.{key}", {}) for key in ("name", "shape", "gradient"))
    yield Table(head, rows, fill(language, "lengths.caption", {}))


def _shape(dims: Shape, language: str) -> Segments:
    if not dims:
        return fill(language, "lengths.number", {})
    return (Math(times(*(dim.size for dim in dims))),)


def _closer(board: Board, composer: ProgramComposer) -> Iterator[Block]:
    """One product, its matrices written out: the lowest of those that are gradients of inputs."""
    steps = (step for step in composer.derivation.steps if step.wrt in composer.derivation.wrt)
    found = [
        (_but_names(composer.notation.chain(chain)), step, side)
        for step in steps
        for chain in step.chains
        for side in chain.sides
        if isinstance(side, SpelledProduct) and _names_agree(side, board, composer)
    ]
    if not found:
        return
    box, step, product = min(found, key=lambda one: fitted(one[0], _ROOM).height)
    name = step.wrt or ""
    gradient = Math(composer.notation.formulas.gradient(name))
    fields: Fields = {"X": Math(name_box(name)), "dX": gradient}
    yield Heading(2, fill(composer.language, "lengths.closer", {"Z": gradient}))
    yield Paragraph(composer.say("written_out_product", fields))
    yield from _new_values(product, board, composer)
    yield Equation(box)
    yield from composer.why_transposed(product, fields)


def _values(product: SpelledProduct, composer: ProgramComposer) -> dict[str, Node]:
    """The values that a product names, or takes the gradient by, with what they are."""
    factors = (nodes.walk(side.node) for side in (product.left, product.right))
    used = {node.name for node in itertools.chain(*factors) if isinstance(node, nodes.Name)}
    graph = composer.task.sweep.graph
    return {a.name: a.value for a in graph.values if not used.isdisjoint((a.name, f"d{a.name}"))}


def _names_agree(product: SpelledProduct, board: Board, composer: ProgramComposer) -> bool:
    """Whether no value of a product goes by a name that is another value's on the board."""
    graph = composer.task.sweep.graph
    ours = _settled({a.name: a.value for a in graph.values})
    known = _settled(dict(board.values))
    return all(known.get(name, ours[name]) == ours[name] for name in _values(product, composer))


def _settled(values: Mapping[str, Node]) -> dict[str, Node]:
    """Values in terms of the inputs alone, as none names a later one."""
    found: dict[str, Node] = {}
    for name, value in values.items():
        found[name] = replaced(value, found)
    return found


def _new_values(
    product: SpelledProduct, board: Board, composer: ProgramComposer
) -> Iterator[Block]:
    """The definitions of those values that the board has no name for."""
    known, formulas = dict(board.values), composer.notation.formulas
    new = {n: v for n, v in _values(product, composer).items() if n not in known}
    if new:
        yield BoardBlock(tuple(BoardRow(name_box(n), formulas.node(v), ()) for n, v in new.items()))


def _but_names(box: Aligned) -> Aligned:
    """A chain without the array of the names of its entries, which is no news on a short page."""
    return Aligned(box.left, box.rights[1:] or box.rights)


def _principle(board: Board, composer: ProgramComposer) -> Iterator[Block]:
    found = principle_table(board.task, composer.language)
    return (block for block in found if not isinstance(block, Paragraph))


def _question(board: Board, composer: ProgramComposer) -> Iterator[Block]:
    return shape_question(board.task, composer.language)


def _meaning(board: Board, composer: ProgramComposer) -> Iterator[Block]:
    return meaning_section(board.task, {name for name, _ in board.values}, composer.language)


def _numpy(board: Board, composer: ProgramComposer) -> Iterator[Block]:
    del board
    return numpy_answers(composer)


def _code(board: Board, composer: ProgramComposer) -> Iterator[Block]:
    """The lines of NumPy alone, and where they hold."""
    del board
    _, *blocks = numpy_answers(composer)
    yield from (block for block in blocks if isinstance(block, CodeBlock))
    sweep = composer.task.sweep
    found = conditions(sweep.graph, sweep.lifted, composer.task.assumed)
    yield from condition_section(composer, found)


def _proof(board: Board, composer: ProgramComposer) -> Iterator[Block]:
    yield Paragraph(proof_words(board, composer.language))


#: The sections of each length.
_SECTIONS: Mapping[Length, tuple[_Section, ...]] = {
    "board": (_problem, _lines, _numpy, _proof),
    "card": (_given, _formulas, _principle, _code, _proof),
    "short": (_problem, _lines, _meaning, _question, _numpy, _closer, _proof),
}
