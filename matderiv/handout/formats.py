"""The formats of a document: a row for each, its module loaded when it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import PurePath
from typing import NamedTuple

from matderiv.errors import InputError
from matderiv.handout.document import Document, Equation

__all__ = ["FILES", "FORMATS", "Format", "estimated", "format_of", "write", "write_text"]


class Format(NamedTuple):
    """A format: the module and the function that writes it, and how large files of it are.

    They have about so many bytes for each square em of formulas, and these bytes beside.
    """

    module: str
    function: str
    density: float
    least: int = 0


#: By the suffix of a file. To add a format, write its module and its row.
FILES = {
    "md": Format("matderiv.handout.markdown", "to_markdown", 3.5),
    "tex": Format("matderiv.handout.latex", "to_standalone", 3.5),
    "html": Format("matderiv.handout.html", "to_html", 1.2, 200_000),
    "ipynb": Format("matderiv.handout.notebook", "to_notebook", 4.0),
    "pdf": Format("matderiv.handout.pdf", "to_pdf", 15.0, 100_000),
    "slides.html": Format("matderiv.handout.html", "to_html_slides", 1.2, 200_000),
    "slides.tex": Format("matderiv.handout.latex", "to_beamer", 3.5),
    "slides.pdf": Format("matderiv.handout.pdf", "to_pdf_slides", 15.0, 100_000),
    "moodle.xml": Format("matderiv.handout.moodle", "to_moodle", 3.5),
}

#: All formats by name; these are asked for by no suffix.
FORMATS = FILES | {
    "latex": Format("matderiv.handout.latex", "to_latex", 3.5),
    "markdown": FILES["md"],
    "text": Format("matderiv.handout.text", "to_text", 1.5),
}


def estimated(document: Document, form: str) -> int:
    """About how many bytes the document takes in a format of the table.

    >>> from matderiv import derive
    >>> large = derive("L = sum(f(X))", shapes={"X": (20, 20)}).document(show="all")
    >>> 0.5 < estimated(large, "latex")/len(write(large, "latex")) < 2
    True
    """
    chains = [block.box for block in document.blocks if isinstance(block, Equation)]
    area = sum(right.width * right.height for chain in chains for right in chain.rights)
    row = FORMATS[form]
    return row.least + round(area * row.density)


def write(document: Document, form: str) -> str | bytes:
    """The document in a format of the table.

    Raises:
        InputError: there is no such format, or what it needs is not installed.
    """
    if form not in FORMATS:
        raise InputError(f"There is no format {form!r}; there are: {', '.join(FORMATS)}.")
    row = FORMATS[form]
    writer: Callable[[Document], str | bytes] = getattr(import_module(row.module), row.function)
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

    >>> format_of("handout.tex"), format_of("talk.slides.tex")
    ('tex', 'slides.tex')
    """
    suffixes = "".join(PurePath(name).suffixes[-2:]).lower()
    for suffix in sorted(FILES, key=len, reverse=True):
        if suffixes.endswith(f".{suffix}"):
            return suffix
    known = ", ".join(f".{known}" for known in FILES)
    raise InputError(f"The suffix of {name!r} is none of {known}; it says what to write.")
