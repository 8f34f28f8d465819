"""`matderiv handout`."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import click

from matderiv._budget import stage
from matderiv.cli._handout_files import files_option, handout_contents
from matderiv.cli._options import (
    asks,
    assume,
    by,
    convention,
    handout_length,
    lang,
    method_option,
    mono,
    notation,
    rename,
    seed,
    show,
    whole_number,
)
from matderiv.cli._output import check_folder, progress, write_files

__all__ = ["handout_command"]

#: Those of `handout.formats.FILES`, which are not loaded for help.
_SUFFIXES = (
    "md",
    "tex",
    "html",
    "ipynb",
    "pdf",
    "slides.html",
    "slides.tex",
    "slides.pdf",
    "moodle.xml",
)


@click.command("handout")
@asks
@by
@assume
@convention
@rename
@notation
@mono
@method_option
@lang
@handout_length
@show
@click.option(
    "--title", metavar="TEXT", help="The title. Default: Gradients of the loss, step by step."
)
@click.option("--author", default="", metavar="TEXT", help="Who hands it out.")
@click.option(
    "--exercises", type=whole_number, default=0, metavar="K", help="Add this many exercises."
)
@seed
@click.option(
    "--answers",
    type=click.Choice(["none", "end", "separate"]),
    default="end",
    show_default=True,
    help="Where the answers stand; separate ones are written to NAME-answers.SUFFIX.",
)
@click.option(
    "--jacobian/--no-jacobian",
    default=True,
    help="With or without the appendix on the Jacobian, which full handouts have.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(_SUFFIXES),
    help="What to write where the FILE has no suffix, such as -.",
)
@click.option(
    "--fragment", is_flag=True, help="Write .tex files as pieces to \\input, without a preamble."
)
@files_option(
    "Write this file; its suffix chooses the format. May be repeated; - is standard output.",
    required=True,
)
def handout_command(
    asked: dict[str, Any],
    lang: str,
    notation: str | None,
    mono: bool,
    length: Literal["card", "board", "short", "full"] | None,
    show: int | Literal["all"] | None,
    title: str | None,
    author: str,
    exercises: int,
    seed: int,
    answers: Literal["none", "end", "separate"],
    jacobian: bool,
    form: str | None,
    fragment: bool,
    outputs: tuple[Path, ...],
) -> None:
    """Write a handout about the gradients of PROGRAM, in every format that a FILE asks for.

    It holds the problem, the formulas, every step, the proof for all sizes, what was checked,
    and exercises if any are asked for. PROGRAM defaults to "Y = X @ W; L = sum(f(Y))".
    """
    from matderiv import api
    from matderiv.handout.texts import messages

    messages(lang)
    forms = [_form_of(output, form) for output in outputs]
    if answers == "separate" and any(not output.suffix for output in outputs):
        raise click.UsageError("Separate answers need a file beside them; give -o a name.")
    if fragment and "tex" not in forms:
        raise click.UsageError("--fragment is about .tex files, and none is asked for.")
    if fragment:
        forms = ["latex" if kind == "tex" else kind for kind in forms]
    for output in outputs:
        check_folder(output)
    with progress():
        derivation = api.derive(**asked)
        stage("the handout")
        made = derivation.handout(
            lang=lang,
            title=title,
            author=author,
            show=show,
            exercises=exercises,
            seed=seed,
            answers=answers,
            length=length,
            jacobian=jacobian,
            notation=notation,
            mono=mono,
        ).named(*(output.name for output in outputs), fragment=fragment)
        contents = handout_contents(made, zip(outputs, forms, strict=True))
    write_files(contents)
    if made.left_out:
        said = f"{made.left_out} of {exercises} exercises cannot be made about this program."
        click.echo(f"matderiv: {said}", err=True)


def _form_of(output: Path, form: str | None) -> str:
    from matderiv.handout.formats import format_of

    if output.suffix:
        return format_of(output.name)
    if form is None:
        raise click.UsageError(
            f"{str(output)!r} has no suffix that says what to write; add --format md, for example."
        )
    return form
