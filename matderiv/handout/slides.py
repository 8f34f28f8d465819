"""The slides of a document: one for each part of it, for talks set by TeX or Typst."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from matderiv.handout.document import Block, Document, Heading

__all__ = ["Slide", "slides"]


@dataclass(frozen=True, slots=True)
class Slide:
    """A heading and what stands under it; one of an `answer` is for the speaker."""

    heading: Heading
    blocks: tuple[Block, ...]

    def within(self, document: Document) -> Document:
        """The document with nothing but this slide's blocks."""
        return replace(document, blocks=self.blocks)


def slides(document: Document) -> Iterator[Slide]:
    """A slide for each heading that something stands under, and one for what stands before.

    What stands under a heading that is aside is left out.
    """
    heading, blocks = Heading(2, document.title), list[Block]()
    for block in (*document.blocks, None):
        if block is not None and not isinstance(block, Heading):
            blocks.append(block)
            continue
        if blocks and not heading.aside:
            yield Slide(heading, tuple(blocks))
        if block is not None:
            heading, blocks = block, []
