"""`matderiv jacobian`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, Literal

import click

from matderiv.cli._array_pages import (
    ARRAY_FILES,
    PAGE_FORMATS,
    PageWishes,
    array_page_form,
    page_exercises,
    print_derivative,
)
from matderiv.cli._options import (
    FORMULA_FORMATS,
    all_or_count,
    array_form,
    array_name,
    asks,
    assume,
    chosen_form,
    lang,
    output,
)

__all__ = ["jacobian_command"]


@click.command("jacobian")
@asks
@click.option(
    "--wrt",
    type=array_name,
    metavar="NAME",
    help="The input to differentiate by. Default: the first array that nothing is assumed of.",
)
@assume
@array_form
@click.option(
    "--layout",
    type=click.Choice(["numerator", "denominator"]),
    help="Whose entries are the rows: those of the value, or those of the input. Default: "
    "numerator.",
)
@click.option(
    "--dtype",
    default="float32",
    show_default=True,
    help="The type of one number, for the page: float16, float32, float64, …",
)
@lang
@array_page_form
@click.option(
    "--show",
    type=all_or_count,
    metavar="all|K",
    help="Print the page with the Jacobian itself, this much of it.",
)
@page_exercises
@output
def jacobian_command(
    asked: dict[str, Any],
    written: str | None,
    layout: str | None,
    dtype: str,
    lang: str,
    form: str | None,
    show: int | Literal["all"] | None,
    exercises: int,
    seed: int,
    answers: Literal["none", "end"],
    output: Path | None,
) -> None:
    """Print the Jacobian of what PROGRAM ends in, proved; or a page that derives it.

    Of a number it is the gradient; of a vector by a vector, a matrix. The page derives it by single
    entries, index notation and differentials, and says what the whole array would take: how
    many partial derivatives there are, their memory, how many are not zero, their Kronecker
    structure, and what the matrix form of a gradient needs instead. Where PROGRAM ends in a
    number, it says the latter of the last array on the way to it.
    """
    from matderiv.jacobians import jacobian

    if show is not None and form in FORMULA_FORMATS:
        raise click.UsageError(
            f"--show is of the page, and --format is {form}; leave one of them out."
        )
    files = ARRAY_FILES if show is None else {**ARRAY_FILES, "": tuple(PAGE_FORMATS)}
    chosen = chosen_form(form, output, files)
    derive = partial(jacobian, **asked, form=written, layout=layout, dtype=dtype)
    wishes = PageWishes(lang, show, exercises=exercises, seed=seed, answers=answers)
    print_derivative(derive, chosen, output, wishes)
