"""`matderiv gradient`."""

from __future__ import annotations

from pathlib import Path

import click

from matderiv.cli._options import NameType, assume, once, output, sizes
from matderiv.cli._output import check_folder, write_output

__all__ = ["gradient_command"]

FORMATS = ("formula", "latex", "numpy", "torch", "jax", "sympy")


@click.command("gradient")
@sizes
@click.option(
    "--wrt",
    type=NameType(),
    multiple=True,
    metavar="NAME",
    help="Differentiate by this name; may be repeated. Not needed if the program has one input.",
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
    program: str,
    n: int | None,
    d: int | None,
    m: int | None,
    shapes: tuple[tuple[str, tuple[int, ...]], ...],
    wrt: tuple[str, ...],
    assume: tuple[tuple[str, str], ...],
    form: str,
    output: Path | None,
) -> None:
    """Print the gradient of PROGRAM, proved, without its derivation.

    A formula is printed as assignments that run in NumPy after the program: upstream gradients
    first, the gradient last.
    """
    from matderiv import gradients

    check_folder(output)
    found = gradients.gradient(
        program,
        wrt=wrt or None,
        sizes={"N": n, "D": d, "M": m},
        shapes=once(shapes),
        assume=assume,
    )
    several = found if isinstance(found, dict) else {found.wrt: found}
    write_output(gradients.printed(several, form), output)
