"""The formats of a document: a row for each, its module loaded when it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import PurePath

from matderiv.errors import InputError
from matderiv.handout.document import Document

__all__ = ["FILES", "FORMATS", "format_of", "write", "write_text"]

#: suffix of a file: (module, function from a document to text or bytes). To add a format, write
#: its module and its row.
FILES = {
    "md": ("matderiv.handout.markdown", "to_markdown"),
    "tex": ("matderiv.handout.latex", "to_standalone"),
    "html": ("matderiv.handout.html", "to_html"),
    "ipynb": ("matderiv.handout.notebook", "to_notebook"),
    "pdf": ("matderiv.handout.pdf", "to_pdf"),
}

#: All formats by name; these are asked for by no suffix.
FORMATS = FILES | {
    "latex": ("matderiv.handout.latex", "to_latex"),
    "markdown": FILES["md"],
    "text": ("matderiv.handout.text", "to_text"),
}


def write(document: Document, form: str) -> str | bytes:
    """The document in a format of the table.

    Raises:
        InputError: there is no such format, or what it needs is not installed.
    """
    if form not in FORMATS:
        raise InputError(f"There is no format {form!r}; there are: {', '.join(FORMATS)}.")
    module, function = FORMATS[form]
    writer: Callable[[Document], str | bytes] = getattr(import_module(module), function)
    return writer(document)


def write_text(document: Document, form: str) -> str:
    """The document in a format that is text."""
    text = write(document, form)
    assert isinstance(text, str)
    return text


def format_of(name: str) -> str:
    """The format that the name of a file asks for by its suffix.

    Raises:
        InputError: there is no format of that suffix.

    >>> format_of("handout.tex")
    'tex'
    """
    suffix = PurePath(name).suffix[1:].lower()
    if suffix not in FILES:
        known = ", ".join(f".{known}" for known in FILES)
        raise InputError(f"The suffix of {name!r} is none of {known}; it says what to write.")
    return suffix
