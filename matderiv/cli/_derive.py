"""`matderiv derive`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from matderiv.cli._options import asks, assume, by, lang, method_option, output, show
from matderiv.cli._output import check_folder, progress, write_output

if TYPE_CHECKING:
    from matderiv.api import Derivation

__all__ = ["derive_command"]

_WRITERS: dict[str, Callable[[Derivation, str, Any], str]] = {
    "latex": lambda d, lang, show: d.latex(lang, show),
    "markdown": lambda d, lang, show: d.markdown(lang, show),
    "json": lambda d, _lang, _show: d.json(),
}


@click.command("derive")
@asks
@by
@assume
@method_option
@lang
@click.option(
    "--format",
    "form",
    type=click.Choice(list(_WRITERS)),
    default="latex",
    show_default=True,
    help="What to print.",
)
@show
@output
def derive_command(
    asked: dict[str, Any],
    lang: str,
    form: str,
    show: int | Literal["all"] | None,
    output: Path | None,
) -> None:
    """Derive the gradients of PROGRAM and print every step.

    PROGRAM defaults to "Y = X @ W; L = sum(f(Y))".
    """
    from matderiv import api
    from matderiv.handout.texts import messages

    messages(lang)
    check_folder(output)
    with progress() as report:
        derivation = api.derive(**asked, report=report)
        report("print")
        text = _WRITERS[form](derivation, lang, show)
    write_output(text, output)
