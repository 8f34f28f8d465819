"""A document as a list of blocks. Text and mathematics stay apart until a format joins them."""

from __future__ import annotations

from fractions import Fraction
from typing import Literal

from matderiv._hashed import Value, value
from matderiv.notation.boxes import Aligned, Box

__all__ = [
    "Block",
    "BoardBlock",
    "BoardRow",
    "Bullets",
    "Code",
    "CodeBlock",
    "Detail",
    "Document",
    "Equation",
    "Exercise",
    "Gap",
    "GraphBlock",
    "GraphNode",
    "Heading",
    "Math",
    "Paragraph",
    "Segment",
    "Segments",
    "Table",
    "Text",
]


@value
class Text(Value):
    """Words, as typed; each format escapes them."""

    text: str


@value
class Math(Value):
    """A formula inside a line."""

    box: Box


@value
class Code(Value):
    """Program text inside a line."""

    text: str


Segment = Text | Math | Code
Segments = tuple[Segment, ...]


@value
class Heading(Value):
    """A heading: level 2 starts a section, level 3 a part of one.

    Under one of an `answer` stands what readers look at only after they have tried it themselves;
    under one that is `aside`, what a page holds and a talk leaves out.
    """

    level: int
    segments: Segments
    answer: bool = False
    aside: bool = False


@value
class Paragraph(Value):
    """A paragraph."""

    segments: Segments


@value
class Bullets(Value):
    """A list."""

    items: tuple[Segments, ...]


@value
class Detail(Value):
    """The explanation of one entry: a sentence, and chains of proved equalities if there are any.

    `key` is that of the entry's `Tagged` box, `sources` are patterns of the keys of the entries
    that it comes from.
    """

    key: str
    sources: tuple[str, ...]
    segments: Segments
    boxes: tuple[Aligned, ...] = ()


@value
class Equation(Value):
    """A chain of equalities, displayed.

    `details` are about single entries of it, for formats that can show them when asked; `arrays`
    are those written out that entries come from and that do not stand in the equation itself.
    """

    box: Aligned
    details: tuple[Detail, ...] = ()
    arrays: tuple[Aligned, ...] = ()


@value
class CodeBlock(Value):
    """Lines of program text; `live` where a reader may run it in a notebook."""

    text: str
    language: Literal["python", "sh", "text"] = "python"
    live: bool = False


@value
class Table(Value):
    """Rows of cells under a row of headings, and a caption below; a cell may be empty."""

    head: tuple[Segments, ...]
    rows: tuple[tuple[Segments, ...], ...]
    caption: Segments


@value
class BoardRow(Value):
    """One line of a board: an equality, and at its right margin why it holds.

    Without a `left` side it goes on from the line above; one that `follows` begins with ⇒.
    """

    left: Box | None
    right: Box
    note: Segments
    follows: bool = False


@value
class BoardBlock(Value):
    """Lines of a board, one below the other."""

    rows: tuple[BoardRow, ...]


@value
class GraphNode(Value):
    """A value in a graph: its name, perhaps with its definition, its shape, and its gradient."""

    name: str
    label: Box
    shape: Box | None
    back: Box | None

    @property
    def width(self) -> float:
        """About how wide its box is, in em."""
        first = self.label.width + (1.3 + self.shape.width if self.shape is not None else 0.0)
        return max(first, self.back.width if self.back is not None else 0.0) + 1.2


@value
class GraphBlock(Value):
    """The graph of a program: values in an order in which they can be computed, and uses of them.

    An edge leads from what is used to the value that uses it. `rules` are how a gradient goes back
    along an edge, for what one value alone uses.
    """

    nodes: tuple[GraphNode, ...]
    edges: tuple[tuple[str, str], ...]
    caption: Segments
    rules: tuple[tuple[str, str, Box], ...] = ()


Block = Heading | Paragraph | Bullets | Equation | CodeBlock | Table | BoardBlock | GraphBlock


@value
class Gap(Value):
    """A part of an answer that a machine can check: by a number, or by texts that are right."""

    prompt: Segments
    texts: tuple[str, ...] = ()
    number: Fraction | int | None = None


@value
class Exercise(Value):
    """A question and its answer in full; its level from one to three, 0 of none, and a hint.

    `asked` are the parts of the answer that a machine can check, for a quiz.
    """

    question: tuple[Block, ...]
    answer: tuple[Block, ...]
    level: int = 0
    hint: tuple[Block, ...] = ()
    asked: tuple[Gap, ...] = ()


@value
class Document(Value):
    """A title and blocks in order, in one language; `whole` when no formula may lose a part.

    `live` follows where code can be run: it is for notebooks only. One that is `mono` has no
    colours. `quiz` holds its exercises and questions about its formulas, for quizzes only.
    """

    language: str
    title: Segments
    blocks: tuple[Block, ...]
    author: str = ""
    whole: bool = False
    live: tuple[Block, ...] = ()
    mono: bool = False
    quiz: tuple[Exercise, ...] = ()
