"""`matderiv jacobian`."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import click

from matderiv.cli._options import all_or_count, array_name, asks, assume, chosen_form, lang, output
from matderiv.cli._output import check_folder, write_output

__all__ = ["jacobian_command"]


_NAMES = ("text", "latex", "markdown")


@click.command("jacobian")
@asks
@click.option(
    "--wrt",
    type=array_name,
    metavar="NAME",
    help="The input to differentiate by. Default: the first array that nothing is assumed of.",
)
@assume
@click.option(
    "--dtype",
    default="float32",
    show_default=True,
    help="The type of one number: float16, float32, float64, …",
)
@lang
@click.option(
    "--format",
    "form",
    type=click.Choice(_NAMES),
    help="What to print. Default: what the suffix of the file asks for, or text.",
)
@click.option(
    "--show", type=all_or_count, metavar="all|K", help="Print the Jacobian itself, this much of it."
)
@output
def jacobian_command(
    asked: dict[str, Any],
    dtype: str,
    lang: str,
    form: str | None,
    show: int | Literal["all"] | None,
    output: Path | None,
) -> None:
    """State what the Jacobian of an array would take, and why nobody builds it.

    The array is what PROGRAM ends in, or the last one that its loss is computed from. How many
    partial derivatives the Jacobian has, their memory, how many are not zero, its Kronecker
    structure, and what the matrix form of a gradient needs instead.
    """
    from matderiv import jacobians

    fitting = {"": _NAMES, ".txt": ("text",), ".tex": ("latex",), ".md": ("markdown",)}
    chosen = chosen_form(form, output, fitting)
    check_folder(output)
    found = jacobians.jacobian(**asked, dtype=dtype)
    write_output(found.print(chosen, lang=lang, show=show), output)
