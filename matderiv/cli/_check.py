"""`matderiv check`."""

from __future__ import annotations

from typing import Any

import click

from matderiv.cli._options import array_name, asks, assume, convention, lang
from matderiv.cli._output import progress, write_output

__all__ = ["check_command"]

_EXIT_CODES = {"right": 0, "wrong": 1, "undecided": 2}


@click.command("check")
@asks
@click.option(
    "--wrt",
    type=array_name,
    metavar="NAME",
    help="What the claimed gradient is by, an input or an assigned value. Default: the input that "
    "is an array and that FORMULA is the gradient by.",
)
@click.option(
    "--claim", required=True, metavar="FORMULA", help='The formula to check, such as "dY @ W.T".'
)
@click.option(
    "--kind",
    type=click.Choice(["gradient", "jacobian", "hessian"]),
    default="gradient",
    show_default=True,
    help="The derivative that the claim is about.",
)
@assume
@convention
@lang
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="What to print.",
)
def check_command(
    asked: dict[str, Any],
    claim: str,
    kind: str,
    lang: str,
    form: str,
) -> None:
    """Say whether a formula is the gradient of PROGRAM, and if not, what is wrong with it.

    In the formula dY is the gradient by Y and df is the derivative of f. Exit code: 0 if it is
    right, 1 if it is wrong, 2 if it cannot be read or decided.
    """
    from matderiv.checking import check as checking
    from matderiv.handout.texts import messages

    messages(lang)
    with progress():
        report = checking.check(**asked, claim=claim, kind=kind)
        text = report.json() if form == "json" else report.text(lang)
    write_output(text, None)
    raise click.exceptions.Exit(_EXIT_CODES[report.status])
