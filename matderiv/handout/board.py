"""The page of a board: what is given, the lines with their rules at the margin, and NumPy."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

from matderiv.calculus.deciding.textbook import Textbook
from matderiv.calculus.formulas.shaping import shapes_over
from matderiv.calculus.sweep.differentials import LINEAR_KINDS
from matderiv.calculus.sweep.task import Task
from matderiv.derivation.board import Board, BoardLine, build_board
from matderiv.derivation.loss_names import loss_name
from matderiv.derivation.principles import differential_rule
from matderiv.derivation.sides import Formula, Matrix, Side, change_of
from matderiv.errors import MissingRuleError
from matderiv.expression import nodes
from matderiv.expression.functions import FUNCTIONS
from matderiv.expression.nodes import Name, Node, names_in
from matderiv.expression.operations import OPERATIONS
from matderiv.handout.document import (
    BoardRow,
    Code,
    Math,
    Segment,
    Segments,
    Text,
)
from matderiv.handout.program import loss_box
from matderiv.handout.readings import reading_sentences
from matderiv.handout.restyled import restyled, style_of
from matderiv.handout.sentences import fill, listed, together
from matderiv.handout.text import WIDTH, board_lines, words_of, wrapped
from matderiv.handout.texts import messages
from matderiv.notation.boxes import Box, Fence, Operator, Row, Symbol
from matderiv.notation.formulas import Formulas
from matderiv.notation.names import name_box, raised_box
from matderiv.notation.program import ProgramNotation
from matderiv.notation.text import text

__all__ = ["board_rows", "board_title", "given_rows", "proof_words", "terminal_board"]
_FEW = 2  # gradients in a title

#: The operations whose rules are stated as formulas.
_STATED = (nodes.LogDet, nodes.Inverse, nodes.Determinant)
#: Letters for a matrix in a rule.
_LETTERS = "ABCUVFGHKM"

#: The word for the rule of an operation; those of one operand that are linear have none.
_WORDS: Mapping[type[Node], str] = {
    nodes.Power: "power",
    nodes.Apply: "function",
    nodes.Functional: "functional",
    nodes.MatrixFunction: "matrix_function",
    nodes.Frechet: "linear",
    nodes.LogSumExp: "logsumexp",
    nodes.LogSoftmax: "logsoftmax",
    nodes.Softmax: "softmax",
    nodes.Norm: "norm",
    nodes.Prod: "prod",
    nodes.Std: "std",
    nodes.Var: "var",
    nodes.Max: "defined",
    nodes.Min: "defined",
    nodes.Maximum: "defined",
    nodes.Minimum: "defined",
    nodes.Mapped: "defined",
    nodes.Gathered: "defined",
    nodes.Joined: "defined",
}


def terminal_board(task: Task, language: str, notation: str | None = None, *, colours: bool) -> str:
    """The board as text of 80 columns; with `colours`, each array has one of its own.

    Raises:
        InputError: there is no such language.
        ProofError: a line is not proved.
    """
    board = build_board(task)
    paint = _painter(board) if colours else str
    style = style_of(board.task, notation)
    parts = (
        board_lines(restyled(given_rows(board), style), WIDTH, paint),
        board_lines(restyled(board_rows(board, language), style), WIDTH, paint),
        wrapped(words_of(proof_words(board, language)), WIDTH),
    )
    read = [words_of(sentence) for sentence in reading_sentences(task.readings, language)]
    return "\n\n".join("\n".join(part) for part in (*parts, read) if part) + "\n"


#: Colours of a terminal: cyan, yellow, green, magenta, blue, red.
_COLOURS = (36, 33, 32, 35, 34, 31)
_LETTERS_ALONE = re.compile(r"[^\W\d_]+[₀-₉]*")


def _painter(board: Board) -> Callable[[str], str]:
    """Gives each array its colour in a line of text."""
    task = board.task
    arrays = [name for name, dims in task.shapes.items() if dims and name not in task.sweep.lifted]
    names = {text(name_box(n)): _COLOURS[k % len(_COLOURS)] for k, n in enumerate(arrays)}
    parts = re.compile("|".join(map(re.escape, sorted(names, key=len, reverse=True))) or "(?!)")

    def run(match: re.Match[str]) -> str:
        if match[0] in _WORDS_IN_FORMULAS:
            return match[0]
        return parts.sub(lambda m: f"\x1b[{names[m[0]]}m{m[0]}\x1b[0m", match[0])

    return lambda line: _LETTERS_ALONE.sub(run, line)


#: Words in formulas that are no names.
_WORDS_IN_FORMULAS = (
    frozenset(FUNCTIONS)
    | {operation.word or name.replace("_", "") for name, operation in OPERATIONS.items()}
    | {"keep"}
)


def board_title(board: Board, language: str) -> Segments:
    """∂L/∂W of ‖XW - T‖², or without a loss that is long."""
    formulas = ProgramNotation(board.task, None).formulas
    named = [(Math(formulas.gradient(name)),) for name in board.task.wrt]
    fields: dict[str, Segment | Segments] = {"gradients": listed(language, named)}
    loss, name = loss_box(board.task, formulas), loss_name(board.task)
    key = "title" if len(named) <= _FEW else "title_many"
    if name is not None:
        key, fields = f"{key}_named", fields | {"name": fill(language, f"loss.{name}", {})}
    elif loss == name_box(board.task.program.loss.name):
        key += "_alone"
    return fill(language, f"board.{key}", fields | {"loss": Math(loss)})


def proof_words(board: Board, language: str) -> Segments:
    """That every line is proved, and which command shows every step."""
    proof = board.proof
    fields: dict[str, Segment | Segments] = {
        "equalities": Text(str(proof.equalities)),
        "general": Text(str(proof.for_all_sizes)),
        "command": Code("matderiv derive --length full"),
    }
    key = "checked_all" if proof.for_all_sizes == proof.equalities else "checked_some"
    words = (fill(language, f"board.{key}", fields), fill(language, "board.full", fields))
    return together(language, words)


def given_rows(board: Board) -> tuple[BoardRow, ...]:
    """The definitions of the values that the board names, with which it begins."""
    formulas = ProgramNotation(board.task, None).formulas
    return tuple(BoardRow(name_box(name), formulas.node(value), ()) for name, value in board.values)


def board_rows(board: Board, language: str) -> tuple[BoardRow, ...]:
    """The lines, each with the rules that it follows."""
    writer = _Writer(board, language)
    return tuple(map(writer.row, board.lines))


def _node(side: Side) -> Node:
    assert isinstance(side, Formula | Matrix)
    return side.node


class _Writer:
    """Writes the lines of a board in one language."""

    def __init__(self, board: Board, language: str) -> None:
        self.board = board
        self.language = language
        self.formulas = ProgramNotation(board.task, None).formulas
        graph = board.task.sweep.graph
        self.moving = graph.depends(frozenset(board.task.wrt))
        self._read_before = False

    def say(self, key: str, **fields: Box) -> Segments:
        """A message of the board."""
        return fill(self.language, f"board.{key}", {k: Math(box) for k, box in fields.items()})

    def row(self, line: BoardLine) -> BoardRow:
        """One line."""
        left, right = (self.formulas.node(_node(s)) for s in (line.link.left, line.link.right))
        notes = list(self.notes(line))
        between = Text(messages(self.language)["board.between"])
        joined = [segment for note in notes for segment in (between, *note)][1:]
        follows = line.kind in ("read off", "zero", "structure") and not line.goes_on
        return BoardRow(None if line.goes_on else left, right, tuple(joined), follows=follows)

    def notes(self, line: BoardLine) -> Iterator[Segments]:
        """The rules that a line follows."""
        match line.kind:
            case "given":
                names = [n for n in names_in(_node(line.link.right)) if n[0] == "δ"]
                yield self.say("given", dY=self.formulas.gradient(min(names)[1:]))
            case "differential":
                yield from self.rules(line)
            case "collected":
                yield from self.collected(line)
            case "read off":
                yield self.read_off(line)
            case "zero":
                yield self.say("zero", L=name_box(self.board.task.loss))
            case "structure":
                yield self.say("structure")

    # -- rules for differentials ---------------------------------------------------------------

    def rules(self, line: BoardLine) -> Iterator[Segments]:
        """The rules, formulas first, each once; that a map is linear only if nothing else is."""
        head = _node(line.link.left)
        uses = dict.fromkeys(line.uses)
        stated: dict[type[Node], Node] = {}
        for node in uses:
            if isinstance(node, (*_STATED, nodes.Softmax)):
                stated.setdefault(type(node), node)
        words: list[str] = []
        for node in stated.values():
            rule = self.stated(node, head)
            if rule is None:
                words.append(_word(node))
            else:
                yield (Math(rule),)
        words += [word for node in uses for word in self.words(node)]
        for word in dict.fromkeys(words):
            yield self.say(word)
        if not stated and not words:
            fixed = self.fixed(uses)
            yield self.say("constant", X=name_box(fixed)) if fixed else self.say("linear")

    def words(self, node: Node) -> Iterator[str]:
        """The word for a rule that is no formula and not linear."""
        match node:
            case nodes.MatMul() | nodes.Outer() | nodes.Multiply():
                if all(map(self.moves, nodes.children(node))):
                    yield "product"
            case nodes.Divide(_, right):
                if self.moves(right):
                    yield "quotient"
            case _ if isinstance(node, (*LINEAR_KINDS, *_STATED, nodes.Softmax)):
                pass
            case _:
                yield _word(node)

    def moves(self, node: Node) -> bool:
        """Whether a part of a definition changes."""
        return not self.moving.isdisjoint(names_in(node))

    def fixed(self, uses: Mapping[Node, None]) -> str | None:
        """The matrix that a change is multiplied with, if it is an input."""
        for node in uses:
            if isinstance(node, nodes.MatMul):
                for side in nodes.children(node):
                    if isinstance(side, Name) and side.name not in self.moving:
                        return side.name
        return None

    def stated(self, node: Node, head: Node) -> Box | None:
        """The rule d log|S| = tr(S⁻¹dS) of an operation, of its name if it has one."""
        if isinstance(node, nodes.Softmax):
            return self.of_value(node, head)
        (arg,) = nodes.children(node)
        letter = arg.name if isinstance(arg, Name) else self.letter()
        shapes = {letter: self.formulas.shape(arg)}
        textbook = Textbook(shapes_over(shapes), self.formulas.textbook.letters)
        formulas = replace(self.formulas, textbook=textbook, names=shapes)
        own, change = map(formulas.node, differential_rule(node, letter))
        return Row((Operator("differential"), own, Operator("equals"), change))

    def of_value(self, node: nodes.Softmax, head: Node) -> Box | None:
        """The rule dP = P ⊙ (dZ - …) for P = softmax(Z), unless that is the line itself."""
        name = next((name for name, value in self.board.values if value == node), None)
        if name is None or head == change_of(name) or not isinstance(node.arg, Name):
            return None
        links = (link for link in self.board.put_in if _node(link.left) == change_of(name))
        change = self.formulas.node(_node(next(links).right))
        return Row((self.formulas.change(name)[0], Operator("equals"), change))

    def letter(self, wished: str = "") -> str:
        """A letter for a matrix that the program does not use."""
        taken = {name.upper() for name in self.formulas.names}
        return next(letter for letter in wished + _LETTERS if letter not in taken)

    # -- gradients -----------------------------------------------------------------------------

    def collected(self, line: BoardLine) -> Iterator[Segments]:
        """How dL comes into the form tr(Gᵀ dX)."""
        before = _node(line.link.left)
        found = list(nodes.walk(before))
        numbers = [n for n in found if isinstance(n, nodes.MatMul) and self._is_number(n)]
        products = [[*nodes.operands_of(nodes.MatMul, n)] for n in numbers]
        of_matrix = [
            factors
            for factors in products
            if any(_is_change(n) and len(self.formulas.shape(n)) > 1 for n in _walked(factors))
        ]
        if of_matrix:
            yield self.say("trace_of_number")
        traces = [
            [*nodes.operands_of(nodes.MatMul, n.arg)] for n in found if isinstance(n, nodes.Trace)
        ]
        if any(not _is_change(factors[-1]) for factors in (*of_matrix, *traces)):
            yield self.say("cyclic")
        if any(isinstance(n, nodes.Transpose) and _is_change(n.arg) for n in _walked(traces)):
            yield self.say("transposed")
        sums = any(isinstance(n, nodes.Sum) for n in found)
        if sums:
            yield self.say("inner")
        rows = [n for n, what in self.board.task.assumed.items() if what in _ROWS]
        lost = [n for n in rows if n in names_in(before)]
        if lost and sums:
            yield self.say("rows", T=name_box(lost[0]))
        if not (of_matrix or sums or traces):
            yield self.say("terms")
        elif traces and not of_matrix and all(_is_change(factors[-1]) for factors in traces):
            plain = all(len(factors) == len(("G", "dX")) for factors in traces)
            yield self.say("terms" if plain else "transposes")

    def _is_number(self, node: Node) -> bool:
        return not self.formulas.shape(node)

    def read_off(self, line: BoardLine) -> Segments:
        """That the gradient stands beside dX; said once, and then that it goes likewise."""
        name = _node(line.link.left)
        assert isinstance(name, Name)
        right = _node(line.link.right)
        added = isinstance(right, nodes.Sum) and right.axis == 0
        if added and len(self.formulas.shape(name)) == 1:
            return self.say("broadcast")
        if self._read_before:
            return self.say("likewise")
        self._read_before = True
        of = name.name[1:]
        dims = len(self.formulas.shape(name))
        letter = self.letter("G")
        g = Symbol(letter if dims > 1 else letter.lower())
        turned = raised_box(g, Operator("transpose")) if dims else g
        change = Row((turned, self.formulas.change(of)[0]))
        pairing = Row((Formulas.word("trace"), Fence(change))) if dims > 1 else change
        loss = self.formulas.change(self.board.task.loss)[0]
        return self.say("read_off", pairing=Row((loss, Operator("equals"), pairing)))


_ROWS = ("onehot", "stochastic")


def _word(node: Node) -> str:
    """The word for the rule of an operation.

    Raises:
        MissingRuleError: there is none for operations of this kind.
    """
    if type(node) not in _WORDS:
        raise MissingRuleError(node, "word on boards")
    return _WORDS[type(node)]


def _is_change(node: Node) -> bool:
    return isinstance(node, Name) and node.name[:1] == "δ"


def _walked(some: Iterable[Node | Iterable[Node]]) -> Iterator[Node]:
    """All parts of formulas, and of lists of formulas."""
    for item in some:
        yield from nodes.walk(item) if isinstance(item, Node) else _walked(item)
