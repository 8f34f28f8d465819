"""`matderiv derive`."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import click

from matderiv._budget import stage
from matderiv.cli._options import (
    asks,
    assume,
    by,
    chosen_form,
    convention,
    lang,
    length,
    method_option,
    mono,
    notation,
    output,
    rename,
    show,
)
from matderiv.cli._output import check_folder, progress, tell_size, write_output

__all__ = ["derive_command"]

#: The formats of a file of each suffix. Those but json are rows of `handout.formats`.
_SUFFIXES = {
    ".tex": ("latex",),
    ".md": ("markdown",),
    ".json": ("json",),
    ".html": ("html",),
    ".ipynb": ("ipynb",),
    ".pdf": ("pdf",),
    **{f".{name}": (name,) for name in ("slides.html", "slides.tex", "slides.pdf")},
    ".txt": ("text",),
}
_NAMES = tuple(name for names in _SUFFIXES.values() for name in names)


@click.command("derive")
@asks
@by
@assume
@convention
@rename
@notation
@mono
@method_option
@lang
@length
@click.option(
    "--format",
    "form",
    type=click.Choice(_NAMES),
    help="What to print. Default: what the suffix of the file asks for, or latex.",
)
@show
@output
def derive_command(
    asked: dict[str, Any],
    lang: str,
    notation: str | None,
    mono: bool,
    length: Literal["card", "board", "short", "full"],
    form: str | None,
    show: int | Literal["all"] | None,
    output: Path | None,
) -> None:
    """Derive the gradients of PROGRAM and print every step.

    PROGRAM defaults to "Y = X @ W; L = sum(f(Y))".
    """
    from matderiv import api
    from matderiv.handout.formats import write
    from matderiv.handout.texts import messages

    messages(lang)
    chosen = chosen_form(form, output, {"": _NAMES, **_SUFFIXES})
    check_folder(output)
    with progress():
        derivation = api.derive(**asked)
        stage("the page")
        if chosen == "json":
            made: str | bytes = derivation.json()
        else:
            document = derivation.document(lang, show, length, notation, mono)
            tell_size(document, chosen)
            made = write(document, chosen)
    write_output(made, output)
