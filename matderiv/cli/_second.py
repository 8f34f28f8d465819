"""`matderiv hessian`, `jvp`, `vjp` and `hvp`."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import click

from matderiv.cli._array_pages import PAGE_FILES, PAGE_FORMATS, page
from matderiv.cli._options import (
    array_form,
    array_name,
    asks,
    assume,
    chosen_form,
    lang,
    output,
    show,
)
from matderiv.cli._output import check_folder, progress, write_output

__all__ = ["hessian_command", "product_commands"]

_FORMATS = ("formula", "latex", "numpy", "torch", "jax", "sympy")
_SOURCE = tuple(name for name in _FORMATS if name != "latex")

_format = click.option(
    "--format",
    "form",
    type=click.Choice(_FORMATS),
    help="What to print. Default: latex to a file .tex, or else formula.",
)


@click.command("hessian")
@asks
@click.option(
    "--wrt",
    type=array_name,
    multiple=True,
    metavar="NAME",
    help="Differentiate twice by this input; by two of them, given one after the other, it is the "
    "mixed block. Default: the only input that is an array.",
)
@assume
@array_form
@lang
@click.option(
    "--format",
    "form",
    type=click.Choice((*_FORMATS, *PAGE_FORMATS)),
    help="What to print; text, markdown, tex, html, ipynb and pdf are pages that derive it. "
    "Default: what the suffix of the file asks for, or formula.",
)
@show
@click.option("--newton", is_flag=True, help="Let the page go on to Newton's step.")
@output
def hessian_command(
    asked: dict[str, Any],
    written: str | None,
    lang: str,
    form: str | None,
    show: int | Literal["all"] | None,
    newton: bool,
    output: Path | None,
) -> None:
    """Print the Hessian of PROGRAM, which ends in a number, proved; or a page that derives it."""
    from matderiv import array_derivatives, array_results

    fitting = {
        "": (*_FORMATS, *PAGE_FORMATS),
        ".txt": ("text", *_FORMATS),
        ".py": _SOURCE,
        ".tex": ("tex", "latex"),
        **PAGE_FILES,
    }
    chosen = chosen_form(form, output, fitting)
    if newton and chosen not in PAGE_FORMATS:
        raise click.UsageError("--newton is of the page; add --format text or -o NAME.html.")
    check_folder(output)
    with progress():
        found = array_derivatives.hessian(**asked, form=written)
        if chosen in PAGE_FORMATS:
            made = page(found, chosen, lang, show, newton=newton)
        else:
            made = array_results.derivative_text(found, chosen)
    write_output(made, output)


def _product(name: str, what: str, of: str) -> click.Command:
    @click.command(name, help=what, short_help=what.partition(".")[0] + ".")
    @asks
    @click.option(
        "--wrt",
        type=array_name,
        metavar="NAME",
        help="The input to differentiate by. Default: the only one that is an array.",
    )
    @assume
    @click.option(
        "--direction",
        type=array_name,
        metavar="NAME",
        help=f"The name of the direction, in the shape of {of}. Default: v, or another free name.",
    )
    @_format
    @output
    def command(
        asked: dict[str, Any], direction: str | None, form: str | None, output: Path | None
    ) -> None:
        _write(name, {**asked, "direction": direction}, form, output)

    return command


product_commands = (
    _product(
        "jvp",
        "Print the Jacobian of what PROGRAM ends in, times a direction. It is the derivative along "
        "the direction, without the Jacobian.",
        "the input",
    ),
    _product(
        "vjp",
        "Print a direction times the Jacobian of what PROGRAM ends in. It is the gradient of their "
        "inner product, without the Jacobian.",
        "what PROGRAM ends in",
    ),
    _product(
        "hvp",
        "Print the Hessian of PROGRAM times a direction. It is the gradient of the inner product "
        "of the gradient and the direction, without the Hessian.",
        "the input",
    ),
)


def _write(kind: str, asked: dict[str, Any], form: str | None, output: Path | None) -> None:
    from matderiv import array_derivatives, array_results

    fitting = {"": _FORMATS, ".txt": _FORMATS, ".py": _SOURCE, ".tex": ("latex",)}
    chosen = chosen_form(form, output, fitting)
    check_folder(output)
    with progress():
        found = getattr(array_derivatives, kind)(**asked)
        text = array_results.derivative_text(found, chosen)
    write_output(text, output)
