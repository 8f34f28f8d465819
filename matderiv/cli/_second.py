"""`matderiv hessian`, `jvp`, `vjp` and `hvp`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, Literal

import click

from matderiv.cli._array_pages import (
    ARRAY_FILES,
    PageWishes,
    array_page_form,
    page_exercises,
    print_derivative,
)
from matderiv.cli._options import (
    array_form,
    array_name,
    asks,
    assume,
    chosen_form,
    direction_of,
    lang,
    output,
    show,
)

__all__ = ["hessian_command", "hvp_command", "jvp_command", "vjp_command"]


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
@array_page_form
@show
@click.option("--newton", is_flag=True, help="Let the page go on to Newton's step.")
@page_exercises
@output
def hessian_command(
    asked: dict[str, Any],
    written: str | None,
    lang: str,
    form: str | None,
    show: int | Literal["all"] | None,
    newton: bool,
    exercises: int,
    seed: int,
    answers: Literal["none", "end"],
    output: Path | None,
) -> None:
    """Print the Hessian of PROGRAM, which ends in a number, proved; or a page that derives it."""
    from matderiv.array_derivatives import hessian

    chosen = chosen_form(form, output, ARRAY_FILES)
    derive = partial(hessian, **asked, form=written)
    wishes = PageWishes(lang, show, newton, exercises, seed, answers)
    print_derivative(derive, chosen, output, wishes)


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
    @direction_of(of)
    @lang
    @array_page_form
    @output
    def command(
        asked: dict[str, Any],
        direction: str | None,
        lang: str,
        form: str | None,
        output: Path | None,
    ) -> None:
        from matderiv import array_derivatives

        chosen = chosen_form(form, output, ARRAY_FILES)
        derive = partial(getattr(array_derivatives, name), **asked, direction=direction)
        print_derivative(derive, chosen, output, PageWishes(lang))

    return command


jvp_command = _product(
    "jvp",
    "Print the Jacobian of what PROGRAM ends in, times a direction. It is the derivative along "
    "the direction, without the Jacobian.",
    "the input",
)
vjp_command = _product(
    "vjp",
    "Print a direction times the Jacobian of what PROGRAM ends in. It is the gradient of their "
    "inner product, without the Jacobian.",
    "what PROGRAM ends in",
)
hvp_command = _product(
    "hvp",
    "Print the Hessian of PROGRAM times a direction. It is the gradient of the inner product "
    "of the gradient and the direction, without the Hessian.",
    "the input",
)
