"""The formats of a document: a row for each, its module loaded when it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from matderiv.errors import InputError
from matderiv.handout.document import Document

__all__ = ["FORMATS", "write"]

#: format: (module, function from a document to text)
FORMATS = {
    "latex": ("matderiv.handout.latex", "to_latex"),
    "markdown": ("matderiv.handout.markdown", "to_markdown"),
    "text": ("matderiv.handout.text", "to_text"),
}


def write(document: Document, form: str) -> str:
    """The document in a format of the table.

    Raises:
        InputError: there is no such format.
    """
    if form not in FORMATS:
        raise InputError(f"There is no format {form!r}; there are: {', '.join(FORMATS)}.")
    module, function = FORMATS[form]
    writer: Callable[[Document], str] = getattr(import_module(module), function)
    return writer(document)
