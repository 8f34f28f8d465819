"""A document as plain text, for terminals."""

from __future__ import annotations

from matderiv.handout.document import (
    Block,
    Bullets,
    Code,
    CodeBlock,
    Document,
    Equation,
    Heading,
    Math,
    Paragraph,
    Segment,
    Segments,
    Table,
    Text,
)
from matderiv.notation.text import text

__all__ = ["to_text", "words_of"]


def to_text(document: Document) -> str:
    """The whole document."""
    author = [document.author] * bool(document.author)
    parts = [words_of(document.title), *author, *map(_block, document.blocks)]
    return "\n\n".join(parts) + "\n"


def _block(block: Block) -> str:
    match block:
        case Heading(segments=segments) | Paragraph(segments=segments):
            return words_of(segments)
        case Bullets(items=items):
            return "\n".join("  - " + words_of(item) for item in items)
        case Equation(box=box):
            return _indented(text(box))
        case CodeBlock(text=code):
            return _indented(code)
        case Table(head=head, rows=rows, caption=caption):
            return f"{_table([head, *rows])}\n\n{words_of(caption)}"


def _indented(words: str) -> str:
    return "\n".join(f"    {line}" for line in words.split("\n"))


def _table(rows: list[tuple[Segments, ...]]) -> str:
    cells = [[words_of(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(
        "    " + "  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip()
        for row in cells
    )


def words_of(segments: Segments) -> str:
    """Segments as words alone."""
    return "".join(map(_segment, segments))


def _segment(segment: Segment) -> str:
    match segment:
        case Text(text=words) | Code(text=words):
            return words
        case Math(box=box):
            return text(box)
