"""A document as plain text, for terminals."""

from __future__ import annotations

from matderiv.handout.document import (
    Block,
    Bullets,
    Code,
    Document,
    Equation,
    Heading,
    Math,
    Paragraph,
    Segment,
    Text,
)
from matderiv.notation.text import text

__all__ = ["to_text"]


def to_text(document: Document) -> str:
    """The whole document."""
    return "\n\n".join([_segments(document.title), *map(_block, document.blocks)]) + "\n"


def _block(block: Block) -> str:
    match block:
        case Heading(segments=segments) | Paragraph(segments=segments):
            return _segments(segments)
        case Bullets(items=items):
            return "\n".join("  - " + _segments(item) for item in items)
        case Equation(box=box):
            return "\n".join(f"    {line}" for line in text(box).split("\n"))


def _segments(segments: tuple[Segment, ...]) -> str:
    return "".join(map(_segment, segments))


def _segment(segment: Segment) -> str:
    match segment:
        case Text(text=words) | Code(text=words):
            return words
        case Math(box=box):
            return text(box)
