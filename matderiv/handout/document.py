"""A document as a list of blocks. Text and mathematics stay apart until a format joins them."""

from __future__ import annotations

from dataclasses import dataclass

from matderiv.notation.boxes import Aligned, Box

__all__ = [
    "Block",
    "Bullets",
    "Code",
    "Document",
    "Equation",
    "Heading",
    "Math",
    "Paragraph",
    "Segment",
    "Text",
]


@dataclass(frozen=True, slots=True)
class Text:
    """Words, as typed; each format escapes them."""

    text: str


@dataclass(frozen=True, slots=True)
class Math:
    """A formula inside a line."""

    box: Box


@dataclass(frozen=True, slots=True)
class Code:
    """Program text inside a line."""

    text: str


Segment = Text | Math | Code
Segments = tuple[Segment, ...]


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading; level 1 is the document's."""

    level: int
    segments: Segments


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph."""

    segments: Segments


@dataclass(frozen=True, slots=True)
class Bullets:
    """A list."""

    items: tuple[Segments, ...]


@dataclass(frozen=True, slots=True)
class Equation:
    """A chain of equalities, displayed."""

    box: Aligned


Block = Heading | Paragraph | Bullets | Equation


@dataclass(frozen=True, slots=True)
class Document:
    """Blocks in order, in one language; `whole` when nothing of a formula may be left out."""

    language: str
    blocks: tuple[Block, ...]
    whole: bool = False
