"""`matderiv gradient`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from matderiv.cli._options import (
    FORMULA_FILES,
    array_name,
    asks,
    assume,
    chosen_form,
    convention,
    formula_form,
    output,
)
from matderiv.cli._output import check_folder, progress, write_output

__all__ = ["gradient_command"]


@click.command("gradient")
@asks
@click.option(
    "--wrt",
    type=array_name,
    multiple=True,
    metavar="NAME",
    help="Differentiate by this input or assigned value; may be repeated. Default: every input "
    "that is an array.",
)
@assume
@convention
@formula_form
@output
def gradient_command(
    asked: dict[str, Any],
    form: str | None,
    output: Path | None,
) -> None:
    """Print the gradient of PROGRAM, proved, without its derivation.

    A formula is printed as assignments that run in NumPy after the program: upstream gradients
    first, the gradient last.
    """
    from matderiv import gradients

    chosen = chosen_form(form, output, FORMULA_FILES)
    check_folder(output)
    with progress():
        found = gradients.gradient(**asked)
        several = found if isinstance(found, dict) else {found.wrt: found}
        text = gradients.printed(several, chosen)
    write_output(text, output)
