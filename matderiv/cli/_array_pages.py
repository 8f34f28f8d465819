"""The output of `matderiv jacobian`, `hessian` and the products: a formula or a page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from matderiv.cli._options import FORMULA_FILES, FORMULA_FORMATS, seed, whole_number
from matderiv.cli._output import check_folder, progress, tell_size, write_output

if TYPE_CHECKING:
    from matderiv.array_results import ArrayDerivative

__all__ = [
    "ARRAY_FILES",
    "PAGE_FORMATS",
    "PageWishes",
    "array_page_form",
    "page_exercises",
    "print_derivative",
]

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


def page_exercises(command: Callable[..., None]) -> Callable[..., None]:
    """The options about exercises of a page."""
    count = click.option(
        "--exercises",
        type=whole_number,
        default=0,
        metavar="K",
        help="Add this many exercises to the page.",
    )
    answers = click.option(
        "--answers",
        type=click.Choice(["none", "end"]),
        default="end",
        show_default=True,
        help="Where the answers to exercises stand.",
    )
    return count(seed(answers(command)))


@dataclass(frozen=True, slots=True)
class PageWishes:
    """The options of a page."""

    lang: str = "en"
    show: int | Literal["all"] | None = None
    newton: bool = False
    exercises: int = 0
    seed: int = 0
    answers: Literal["none", "end"] = "end"


_USUAL = PageWishes()


def print_derivative(
    derive: Callable[[], ArrayDerivative],
    form: str,
    output: Path | None,
    wishes: PageWishes = _USUAL,
) -> None:
    """Derive, and print in one of the formats; a page as it is wished for."""
    from matderiv.array_results import derivative_text

    if form not in PAGE_FORMATS:
        for option in ("newton", "exercises"):
            if getattr(wishes, option):
                raise click.UsageError(
                    f"--{option} is of the page; add --format text or -o NAME.html."
                )
    check_folder(output)
    with progress():
        found = derive()
        if form in PAGE_FORMATS:
            from matderiv.handout.formats import write

            document = found.document(**asdict(wishes))
            tell_size(document, PAGE_FORMATS[form])
            made = write(document, PAGE_FORMATS[form])
        elif form == "json":
            made = found.json()
        else:
            made = derivative_text(found, form)
    write_output(made, output)
