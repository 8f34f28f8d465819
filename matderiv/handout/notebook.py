"""A document as a Jupyter notebook: its text, and cells that derive and check it again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import Any

from matderiv.errors import MissingError
from matderiv.handout.document import Block, CodeBlock, Document, Heading, Paragraph, Text
from matderiv.handout.markdown import markdown

__all__ = ["to_notebook"]

_METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def to_notebook(document: Document) -> str:
    """The notebook without any output; the same document gives the same text.

    Raises:
        MissingError: the extra is not installed.
    """
    try:
        nbformat = import_module("nbformat")
    except ImportError:
        raise MissingError(
            "A notebook needs the package nbformat: pip install 'matderiv[notebook]', or in a "
            "checkout pip install '.[notebook]'."
        ) from None
    notebook = nbformat.v4.new_notebook(
        cells=list(_cells(document, nbformat.v4)), metadata=_METADATA
    )
    nbformat.validate(notebook)
    text: str = nbformat.writes(notebook)
    return text + "\n"


def _cells(document: Document, v4: Any) -> Iterator[object]:  # noqa: ANN401 - a module
    author = [Paragraph((Text(document.author),))] * bool(document.author)
    blocks = (Heading(1, document.title), *author, *document.blocks, *document.live)
    for number, group in enumerate(_groups(blocks), 1):
        # Ids that are drawn by chance would make every file a different one.
        place = {"id": f"cell-{number}"}
        if isinstance(group[0], CodeBlock) and group[0].live:
            yield v4.new_code_cell(group[0].text, **place)
        else:
            yield v4.new_markdown_cell(markdown(group, elide=not document.whole), **place)


def _groups(blocks: Sequence[Block]) -> Iterator[list[Block]]:
    """The blocks of each cell: one cell that runs, or a heading with what belongs to it."""
    group: list[Block] = []
    for block in blocks:
        if group and (isinstance(block, Heading) or _live(block) or _live(group[-1])):
            yield group
            group = []
        group.append(block)
    if group:
        yield group


def _live(block: Block) -> bool:
    return isinstance(block, CodeBlock) and block.live
