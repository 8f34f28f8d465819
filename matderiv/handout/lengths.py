"""The shorter pages of a derivation: as a board, on a card, or in short."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Literal, get_args

from matderiv.calculus.sweep.conditions import conditions
from matderiv.calculus.sweep.sweep import replaced
from matderiv.derivation.board import Board, build_board
from matderiv.derivation.judge import Judge
from matderiv.derivation.links import ProvedSteps
from matderiv.derivation.program import Builder, elementwise
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
    CodeBlock,
    Document,
    Equation,
    Heading,
    Math,
    Paragraph,
    Segments,
    Table,
)
from matderiv.handout.graph import graph_of_values
from matderiv.handout.meanings import meaning_section
from matderiv.handout.notation_box import notation_paragraph
from matderiv.handout.numbers import number_section
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
    fields: Fields = {"L": Math(name_box(board.task.loss))}
    asked = fill(language, "lengths.asked", {"gradients": listed(language, named), **fields})
    yield Paragraph(asked)
    yield from _given(board, composer)


def _problem(board: Board, composer: ProgramComposer) -> Iterator[Block]:
    """The same, the shapes of the inputs, and how the program was read."""
    yield from _asked(board, composer)
    language = composer.language
    shapes = [composer.shape(name) for name in board.task.program.inputs()]
    said = [fill(language, "lengths.inputs", {"shapes": listed(language, shapes, "clause_")})]
    said += reading_sentences(board.task.readings, language)
    yield Paragraph(together(language, said))


def _graph(board: Board, composer: ProgramComposer) -> Iterator[Block]:
    return graph_of_values(board.task, composer.language)


def _small_graph(board: Board, composer: ProgramComposer) -> Iterator[Block]:
    """The graph on a card, which has room for a small one."""
    if len(board.task.program.names()) <= _FEW_NAMES:
        yield from graph_of_values(board.task, composer.language)


_FEW_NAMES = 7


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
    found = [made for name in board.task.wrt if (made := _written_out(name, board, composer))]
    if not found:
        return
    box, name, product, letters = min(found, key=lambda one: fitted(one[0], _ROOM).height)
    language, formulas = composer.language, ProgramNotation(board.task, None).formulas
    gradient = Math(formulas.gradient(name))
    fields: Fields = {"X": Math(name_box(name)), "dX": gradient}
    yield Heading(2, fill(language, "lengths.closer", {"Z": gradient}))
    said = [composer.say("written_out_product", fields)]
    for of, letter in letters.items():
        equal = Row((name_box(letter), Operator("equals"), formulas.gradient(of[1:])))
        said.insert(0, fill(language, "lengths.called", {"equation": Math(equal)}))
    yield Paragraph(together(language, said))
    yield Equation(box)
    yield from composer.why_transposed(product, fields)


#: The letter of the gradient by the value that a product comes from.
_DELTA = "delta"


def _written_out(
    name: str, board: Board, composer: ProgramComposer
) -> tuple[Aligned, str, SpelledProduct, Mapping[str, str]] | None:
    """The gradient by a name as a product of matrices written out, if it is one.

    What stands for the same gradient is called by the name that the board has for it, and then δ.
    """
    task, shape = board.task, board.task.sweep.facts.shape
    found = task.sweep.gradients[name]
    same: dict[str, Node] = {}
    for of in found.users:
        if of in task.sweep.graph.lifted and of != task.loss:
            match task.sweep.gradients[of].local:
                case nodes.Name() as gradient if shape(gradient) == shape(nodes.Name(of)):
                    same[f"d{of}"] = gradient
    local = task.whole(name, replaced(found.local, same))
    shown = {f"d{n}" for n, _ in board.values} | task.sweep.graph.shapes.keys()
    if not nodes.names_in(local) <= shown:
        return None
    judge = Judge(task, name, (*found.users, *same))
    chain = Builder(task, task.wrt, elementwise).written_out(judge, name, local)
    product = next((side for side in chain.sides if isinstance(side, SpelledProduct)), None)
    if product is None:
        return None
    gradients = [n for n in nodes.names_in(local) if n not in task.shapes]
    free = _DELTA not in task.program.names() and len(gradients) == 1
    letters = {gradients[0]: _DELTA} if free else {}
    notation = ProgramNotation(task, composer.show, composer.marked, called=letters)
    return _but_names(notation.chain(chain)), name, product, letters


def _but_names(box: Aligned) -> Aligned:
    """A chain without the array of the names of its entries, which is no news on a short page."""
    return Aligned(box.left, box.rights[1:] or box.rights)


def _principle(board: Board, composer: ProgramComposer) -> Iterator[Block]:
    found = principle_table(board.task, composer.language)
    return (block for block in found if not isinstance(block, Paragraph))


def _question(board: Board, composer: ProgramComposer) -> Iterator[Block]:
    known = {*board.task.program.inputs(), *(name for name, _ in board.values)}
    return shape_question(board.task, known, composer.language)


def _meaning(board: Board, composer: ProgramComposer) -> Iterator[Block]:
    return meaning_section(board.task, {name for name, _ in board.values}, composer.language)


def _numbers(board: Board, composer: ProgramComposer) -> Iterator[Block]:
    return number_section(board.task, composer.language)


def _numpy(board: Board, composer: ProgramComposer) -> Iterator[Block]:
    return numpy_answers(composer, board.task)


def _code(board: Board, composer: ProgramComposer) -> Iterator[Block]:
    """The lines of NumPy alone, as few as a card has room for, and where they hold."""
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
    "board": (_problem, _graph, _lines, _numpy, _proof),
    "card": (_given, _small_graph, _formulas, _principle, _code, _proof),
    "short": (_problem, _graph, _lines, _numpy, _meaning, _numbers, _question, _closer, _proof),
}
