"""The output of `matderiv jacobian`, `hessian` and the products: a formula or a page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from matderiv.cli._options import FORMULA_FILES, FORMULA_FORMATS
from matderiv.cli._output import check_folder, progress, tell_size, write_output

if TYPE_CHECKING:
    from matderiv.array_results import ArrayDerivative

__all__ = ["ARRAY_FILES", "PAGE_FORMATS", "array_page_form", "print_derivative"]

#: The formats of pages, each as a row of `handout.formats`.
PAGE_FORMATS = {
    "text": "text",
    "markdown": "markdown",
    "tex": "latex",
    "html": "html",
    "ipynb": "ipynb",
    "pdf": "pdf",
}

#: The formats that a file of each suffix may hold, for `chosen_form`.
ARRAY_FILES = {
    **FORMULA_FILES,
    "": (*FORMULA_FORMATS, *PAGE_FORMATS, "json"),
    ".txt": ("text", *FORMULA_FORMATS),
    ".tex": ("tex", "latex"),
    ".md": ("markdown",),
    ".html": ("html",),
    ".ipynb": ("ipynb",),
    ".pdf": ("pdf",),
    ".json": ("json",),
}

#: Whether a formula or a page is printed, and how.
array_page_form = click.option(
    "--format",
    "form",
    type=click.Choice(ARRAY_FILES[""]),
    help="What to print; text, markdown, tex, html, ipynb and pdf are pages that derive it, json "
    "is a certificate. Default: what the suffix of the file asks for, or formula.",
)


def print_derivative(
    derive: Callable[[], ArrayDerivative],
    form: str,
    output: Path | None,
    lang: str = "en",
    show: int | Literal["all"] | None = None,
    *,
    newton: bool = False,
) -> None:
    """Derive, and print in one of the formats; with `newton` a page has Newton's step."""
    from matderiv.array_results import derivative_text

    check_folder(output)
    with progress():
        found = derive()
        if form in PAGE_FORMATS:
            from matderiv.handout.formats import write

            document = found.document(lang, show, newton=newton)
            tell_size(document, PAGE_FORMATS[form])
            made = write(document, PAGE_FORMATS[form])
        elif form == "json":
            made = found.json()
        else:
            made = derivative_text(found, form)
    write_output(made, output)
