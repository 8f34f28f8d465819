"""A document as plain text, for terminals."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Mapping

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
    GraphNode,
    Heading,
    Math,
    Paragraph,
    Segment,
    Segments,
    Table,
    Text,
)
from matderiv.handout.graph_layout import IN_TERMINALS, Drawing, drawings
from matderiv.notation.text import broken, spaced, text, wide

__all__ = [
    "WIDTH",
    "board_lines",
    "graph_text",
    "is_wordy",
    "to_text",
    "words_of",
    "wrapped",
]

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
        case GraphBlock(caption=caption):
            return f"{graph_text(block)}\n\n{words_of(caption)}"


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
        start = ("⇒ " if row.follows else "  ") * marked + " " * (lead - wide(left)) + left
        first, *more = broken(row.right, width - lead - 3 - 2 * marked)
        lines = [f"{start} = {first}"] + [" " * (wide(start) + 3) + line for line in more]
        note = words_of(row.note)
        room = width - wide(lines[-1]) - wide(note)
        yield from map(paint, lines[:-1])
        if note and room < _APART:
            yield paint(lines[-1])
            yield " " * max(0, width - wide(note)) + note
        else:
            yield paint(lines[-1]) + (" " * room + note if note else "")


def graph_text(graph: GraphBlock) -> str:
    """A graph drawn with the signs for lines that terminals have."""
    lines = {node.name: _graph_lines(node) for node in graph.nodes}
    widths = {name: float(max(map(wide, both)) + len(_EDGE)) for name, both in lines.items()}
    parts = drawings(widths, graph.edges, WIDTH - 2, IN_TERMINALS)
    return "\n\n".join("\n".join(_drawn(part, lines)) for part in parts)


def _graph_lines(node: GraphNode) -> tuple[str, str]:
    shape = "" if node.shape is None else f" {text(node.shape)}"
    return text(node.label) + shape, "" if node.back is None else text(node.back)


_LEFT, _RIGHT, _UP, _DOWN = 1, 2, 4, 8
#: The sign of a cell by where lines leave it.
_LINES = {
    3: "─",
    12: "│",
    10: "┌",
    9: "┐",
    6: "└",
    5: "┘",
    14: "├",
    13: "┤",
    11: "┬",
    7: "┴",
    15: "┼",
}


#: The left side of a value that uses several.
_EDGE = "│ "


def _drawn(drawing: Drawing, lines: Mapping[str, tuple[str, str]]) -> Iterator[str]:
    """The lines of a drawing."""
    ways: dict[tuple[int, int], int] = {}
    signs: dict[tuple[int, int], str] = {}
    for wire in drawing.wires:
        for (x, row), (to, end) in itertools.pairwise(wire.points):
            if row == end:
                cells = [(at, row) for at in range(round(x), round(to) + 1)]
                if wire.ends is not None and (to, end) == wire.points[-1]:
                    del cells[-1]
                first, second = _RIGHT, _LEFT
            else:
                step = 1 if end > row else -1
                cells = [(round(x), at) for at in range(row, end + step, step)]
                first, second = (_DOWN, _UP) if step > 0 else (_UP, _DOWN)
            for one, other in itertools.pairwise(cells):
                ways[one] = ways.get(one, 0) | first
                ways[other] = ways.get(other, 0) | second
        if wire.ends is not None:
            (x, row) = wire.points[-1]
            signs[round(x) - 1, row] = "►"
    signs = {cell: _LINES.get(way, "─") for cell, way in ways.items()} | signs
    for box in drawing.boxes:
        above, below = lines[box.key]
        ports = box.rows - 1
        edge = _EDGE * (ports > 1)  # on which several lines arrive
        if (round(box.x + box.width), box.row) in ways:
            above = f"{above} ".ljust(round(box.width) - len(edge), "─")
        for n in range(ports):
            signs |= {(round(box.x) + k, box.row + n): sign for k, sign in enumerate(edge)}
        for row, words in ((box.row, edge + above), (box.row + ports, " " * len(edge) + below)):
            signs |= {(round(box.x) + k, row): sign for k, sign in enumerate(words)}
    for row in range(drawing.rows):
        yield "".join(signs.get((x, row), " ") for x in range(round(drawing.width) + 1)).rstrip()


def wrapped(words: str, width: int) -> Iterator[str]:
    """Text in lines, broken at spaces and between Chinese letters."""
    line = ""
    for part in re.findall(r"[\u2e80-\uffef]|[^\s\u2e80-\uffef]+|\s+", words):
        if line and wide(line + part.rstrip()) > width and part not in "，。；：、）":
            yield line.rstrip()
            line = ""
        line += part if line else part.lstrip()
    yield line.rstrip()


def _indented(words: str) -> str:
    return "\n".join(f"    {line}" for line in words.split("\n"))


def _table(rows: list[tuple[Segments, ...]]) -> str:
    cells = [[words_of(cell) for cell in row] for row in rows]
    widths = [max(map(wide, column)) for column in zip(*cells, strict=True)]
    return "\n".join("    " + "  ".join(map(spaced, row, widths)).rstrip() for row in cells)


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
            return text(box).strip()  # a sign between two operands has spaces
