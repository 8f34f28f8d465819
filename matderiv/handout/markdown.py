"""A document as Markdown with `$$` blocks, for Jupyter, GitHub and other viewers."""

from __future__ import annotations

import re
from collections.abc import Iterable

from matderiv.handout.document import (
    Block,
    BoardBlock,
    BoardRow,
    Bullets,
    Code,
    CodeBlock,
    Document,
    Equation,
    GraphBlock,
    Heading,
    Math,
    Paragraph,
    Segment,
    Segments,
    Table,
    Text,
)
from matderiv.handout.letters import escape_latex
from matderiv.handout.text import graph_text
from matderiv.notation.latex import inline_latex, latex
from matderiv.notation.layout import fitted

__all__ = ["escape_markdown", "markdown", "to_markdown"]

_ROOM = 46.0

#: Signs that make a line a list, a rule or the line below a heading, and are none elsewhere.
_AT_A_START = r"^(\d{1,9}(?=[.)](?:\s|$))|(?=[-+=]))"


def to_markdown(document: Document) -> str:
    """The whole document."""
    author = [Paragraph((Text(document.author),))] * bool(document.author)
    blocks = (Heading(1, document.title), *author, *document.blocks)
    return markdown(blocks, elide=not document.whole) + "\n"


def markdown(blocks: Iterable[Block], *, elide: bool) -> str:
    """Some blocks; `elide` if a formula that is too wide may lose a part."""
    return "\n\n".join(_block(block, elide=elide) for block in blocks)


def _block(block: Block, *, elide: bool) -> str:
    match block:
        case Heading(level=level, segments=segments):
            return "#" * level + " " + _segments(segments)
        case Paragraph(segments=segments):
            return _line(segments)
        case Bullets(items=items):
            return "\n".join("- " + _line(item) for item in items)
        case Equation(box=box):
            source = latex(fitted(box, _ROOM, elide=elide))
            # KaTeX, which some viewers use, would print the placement.
            return "$$\n" + source.replace(r"\begin{aligned}[t]", r"\begin{aligned}") + "\n$$"
        case CodeBlock(text=text, language=language):
            fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
            return f"{fence}{language}\n{text}\n{fence}"
        case Table(head=head, rows=rows, caption=caption):
            lines = [_row(head), "|" + " --- |" * len(head), *map(_row, rows)]
            return "\n".join([*lines, "", _segments(caption)])
        case GraphBlock(caption=caption):
            return f"```text\n{graph_text(block)}\n```\n\n{_segments(caption)}"
        case BoardBlock(rows=rows):
            inside = " \\\\\n".join(map(_board_row, rows))
            return f"$$\n\\begin{{aligned}}\n{inside}\n\\end{{aligned}}\n$$"


def _board_row(row: BoardRow) -> str:
    """One line of a board, its rule in a column of its own."""
    arrow = r"\Rightarrow\ " if row.follows else ""
    left = "" if row.left is None else latex(row.left)
    note = "".join(
        latex(part.box) if isinstance(part, Math) else rf"\text{{{escape_latex(part.text)}}}"
        for part in row.note
    )
    right = latex(fitted(row.right, _ROOM, elide=False))
    return f"{arrow}{left} & = {right}" + (rf" & & \quad {note}" if note else "")


def _row(cells: tuple[Segments, ...]) -> str:
    return "| " + " | ".join(map(_segments, cells)) + " |"


def _line(segments: Segments) -> str:
    """Words that start a line, whose first sign would make it a list, a rule or a heading."""
    return re.sub(_AT_A_START, r"\1\\", _segments(segments), flags=re.MULTILINE)


def _segments(segments: Segments) -> str:
    return "".join(map(_segment, segments))


def _segment(segment: Segment) -> str:
    match segment:
        case Text(text=text):
            return escape_markdown(text)
        case Math(box=box):
            return f"${inline_latex(box)}$"
        case Code(text=text):
            return f"`{text}`"


def escape_markdown(text: str) -> str:
    """Text as typed, for Markdown: nothing in it is markup, a formula or a tag.

    Jupyter looks for formulas once Markdown is HTML, when a backslash before $ is gone; two
    dollars in elements of their own are never a pair.
    """
    marked = re.sub(r"([\\`*_{}\[\]<>#|~&])", r"\\\1", text)
    return marked.replace("$", "<span>&#36;</span>")
