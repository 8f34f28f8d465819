"""The files that `matderiv handout` and `matderiv show` write."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from matderiv._budget import stage
from matderiv.cli._options import output_file
from matderiv.cli._output import tell_size

if TYPE_CHECKING:
    from matderiv.handouts import Handout

__all__ = ["files_option", "handout_contents"]


def files_option(
    what: str, *, required: bool = False
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """The option for files, of which there may be several."""
    return click.option(
        "-o",
        "--output",
        "outputs",
        type=output_file,
        multiple=True,
        required=required,
        metavar="FILE",
        help=what,
    )


def handout_contents(
    handout: Handout, files: Iterable[tuple[Path, str]]
) -> dict[Path, str | bytes]:
    """The contents of files of a handout, each with its format.

    Raises:
        click.UsageError: one would be written twice.
    """
    contents: dict[Path, str | bytes] = {}
    for output, form in files:
        stage(f"the file {output.name}")
        tell_size(handout.document, form, output.name)
        found = handout.contents(output, form)
        twice = next((path for path in found if path in contents), None)
        if twice is not None:
            raise click.UsageError(f"{str(twice)!r} would be written twice; rename one -o.")
        contents |= found
    return contents
