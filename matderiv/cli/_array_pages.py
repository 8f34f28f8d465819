"""The pages of `matderiv jacobian` and `matderiv hessian`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from matderiv.cli._output import tell_size

if TYPE_CHECKING:
    from matderiv.array_results import ArrayDerivative

__all__ = ["PAGE_FILES", "PAGE_FORMATS", "page"]

#: The formats of pages, each as a row of `handout.formats`.
PAGE_FORMATS = {
    "text": "text",
    "markdown": "markdown",
    "tex": "latex",
    "html": "html",
    "ipynb": "ipynb",
    "pdf": "pdf",
}

#: The suffixes that pages alone are written to.
PAGE_FILES = {".md": ("markdown",), ".html": ("html",), ".ipynb": ("ipynb",), ".pdf": ("pdf",)}


def page(
    found: ArrayDerivative,
    form: str,
    lang: str,
    show: int | Literal["all"] | None,
    *,
    newton: bool = False,
) -> str | bytes:
    """The page about a derivative in one of the formats; with `newton` it has Newton's step."""
    from matderiv.handout.formats import write

    document = found.document(lang, show, newton=newton)
    tell_size(document, PAGE_FORMATS[form])
    return write(document, PAGE_FORMATS[form])
