"""A document as plain text, for terminals."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator

from matderiv.handout.document import (
    Block,
    BoardBlock,
    BoardRow,
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
from matderiv.notation.text import broken, text

__all__ = ["WIDTH", "board_lines", "is_wordy", "to_text", "wide", "words_of", "wrapped"]

_WORDY = 24  # columns that a cell takes; a number takes fewer

WIDTH = 80  # of a terminal
_APART = 2  # how far a rule stands from a formula


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
        case BoardBlock(rows=rows):
            return "\n".join(board_lines(rows, WIDTH))


def board_lines(
    rows: tuple[BoardRow, ...], width: int, paint: Callable[[str], str] = str
) -> Iterator[str]:
    """The lines of a board, rules at the right margin, or below where there is no room.

    `paint` is done to the formulas.
    """
    lead = max((wide(text(row.left)) for row in rows if row.left is not None), default=0)
    marked = any(row.follows for row in rows)
    for row in rows:
        left = "" if row.left is None else text(row.left)
        start = ("⇒ " if row.follows else "  ") * marked + left.rjust(lead)
        first, *more = broken(row.right, width - lead - 3 - 2 * marked)
        lines = [f"{start} = {first}"] + [" " * (len(start) + 3) + line for line in more]
        note = words_of(row.note)
        room = width - wide(lines[-1]) - wide(note)
        yield from map(paint, lines[:-1])
        if note and room < _APART:
            yield paint(lines[-1])
            yield " " * max(0, width - wide(note)) + note
        else:
            yield paint(lines[-1]) + (" " * room + note if note else "")


def wrapped(words: str, width: int) -> Iterator[str]:
    """Text in lines, broken at spaces and between Chinese letters."""
    line = ""
    for part in re.findall(r"[\u2e80-\uffef]|[^\s\u2e80-\uffef]+|\s+", words):
        if line and wide(line + part.rstrip()) > width and part not in "，。；：、）":
            yield line.rstrip()
            line = ""
        line += part if line else part.lstrip()
    yield line.rstrip()


def wide(words: str) -> int:
    """How many columns of a terminal words take: Chinese letters are two wide."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in words
    )


def _indented(words: str) -> str:
    return "\n".join(f"    {line}" for line in words.split("\n"))


def _table(rows: list[tuple[Segments, ...]]) -> str:
    cells = [[words_of(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(
        "    " + "  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip()
        for row in cells
    )


def is_wordy(table: Table) -> bool:
    """Whether the last column of a table holds sentences, which begin at its left."""
    return any(wide(words_of(row[-1])) > _WORDY for row in table.rows)


def words_of(segments: Segments) -> str:
    """Segments as words alone."""
    return "".join(map(_segment, segments))


def _segment(segment: Segment) -> str:
    match segment:
        case Text(text=words) | Code(text=words):
            return words
        case Math(box=box):
            return text(box)
