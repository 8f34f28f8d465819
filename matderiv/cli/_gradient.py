"""`matderiv gradient`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from matderiv.cli._options import array_name, asks, assume, output
from matderiv.cli._output import check_folder, write_output

__all__ = ["gradient_command"]

#: Those of `gradients.GRADIENT_FORMATS`, which are not loaded for help.
FORMATS = ("formula", "latex", "numpy", "torch", "jax", "sympy")


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
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    default="formula",
    show_default=True,
    help="What to print.",
)
@output
def gradient_command(
    asked: dict[str, Any],
    form: str,
    output: Path | None,
) -> None:
    """Print the gradient of PROGRAM, proved, without its derivation.

    A formula is printed as assignments that run in NumPy after the program: upstream gradients
    first, the gradient last.
    """
    from matderiv import gradients

    check_folder(output)
    found = gradients.gradient(**asked)
    several = found if isinstance(found, dict) else {found.wrt: found}
    write_output(gradients.printed(several, form), output)
