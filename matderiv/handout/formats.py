"""The formats of a document: a row for each, its module loaded when it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from matderiv.handout.document import Document

__all__ = ["FORMATS", "write"]

#: format: (module, function from a document to text)
FORMATS = {
    "latex": ("matderiv.handout.latex", "to_latex"),
    "markdown": ("matderiv.handout.markdown", "to_markdown"),
    "text": ("matderiv.handout.text", "to_text"),
}


def write(document: Document, form: str) -> str:
    """The document in a format of the table."""
    module, function = FORMATS[form]
    writer: Callable[[Document], str] = getattr(import_module(module), function)
    return writer(document)
