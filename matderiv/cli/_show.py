"""`matderiv show`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any, Literal

import click

from matderiv.cli._handout_files import files_option, handout_contents
from matderiv.cli._options import (
    asks,
    assume,
    by,
    convention,
    handout_length,
    lang,
    mono,
    notation,
    rename,
)
from matderiv.cli._output import check_folder, progress, write_files, write_output

__all__ = ["show_command"]


@click.command("show")
@asks
@by
@assume
@convention
@rename
@notation
@mono
@lang
@handout_length
@files_option(
    "Write the handout to this file, too; its suffix chooses the format. May be repeated."
)
def show_command(
    asked: dict[str, Any],
    lang: str,
    notation: str | None,
    mono: bool,
    length: Literal["card", "board", "short", "full"] | None,
    outputs: tuple[Path, ...],
) -> None:
    """Show the derivation as it is written on a board: a few lines, each of them proved.

    PROGRAM defaults to "Y = X @ W; L = sum(f(Y))". Every line has its rule at the right margin. On
    a terminal each matrix has a colour of its own, unless NO_COLOR is set.
    """
    from matderiv import api
    from matderiv.handout.formats import format_of
    from matderiv.handout.texts import messages

    messages(lang)
    forms = [format_of(output.name) for output in outputs]
    for output in outputs:
        check_folder(output)
    with progress():
        text = api.board(**asked, lang=lang, notation=notation, colours=not mono and _has_colours())
        contents: dict[Path, str | bytes] = {}
        if outputs:
            handout = api.derive(**asked).handout(
                lang=lang, length=length, notation=notation, mono=mono
            )
            made = handout.named(*(output.name for output in outputs))
            contents = handout_contents(made, zip(outputs, forms, strict=True))
    write_files(contents)
    write_output(text, None)
    for output in outputs:
        click.echo(f"→ {output}")


def _has_colours() -> bool:
    """Whether standard output is a terminal that is not asked to be plain."""
    return not os.environ.get("NO_COLOR") and sys.stdout is not None and sys.stdout.isatty()
