"""`matderiv taylor`."""

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
    direction_of,
    formula_form,
    output,
    whole_number,
)
from matderiv.cli._output import check_folder, progress, write_output

__all__ = ["taylor_command"]


@click.command("taylor")
@asks
@click.option(
    "--wrt",
    type=array_name,
    metavar="NAME",
    help="The input that moves. Default: the only one that is an array.",
)
@assume
@click.option(
    "--order",
    type=whole_number,
    default=2,
    show_default=True,
    metavar="K",
    help="The highest power of eps, up to 6.",
)
@direction_of("the input")
@formula_form
@output
def taylor_command(
    asked: dict[str, Any],
    order: int,
    direction: str | None,
    form: str | None,
    output: Path | None,
) -> None:
    """Print the Taylor polynomial of PROGRAM, which ends in a number, along a direction.

    L(x + eps*v) is a sum of powers of eps with derivatives D1, D2, … along v, each of which is
    proved to be the derivative of the one before.
    """
    from matderiv import expansions

    chosen = chosen_form(form, output, FORMULA_FILES)
    check_folder(output)
    with progress():
        found = expansions.taylor(**asked, order=order, direction=direction)
        readings = "".join(f"# {line}\n" for line in found.terms[0].readings)
        if chosen == "formula":
            made = f"{readings}{found}\n"
        else:
            made = found.latex() if chosen == "latex" else found.code(chosen)
    write_output(made, output)
