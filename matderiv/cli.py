"""The command line: the only place that knows files, terminals and exit codes."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import sys
import tempfile
import time
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from matderiv._collector import kept_at_exit, uncollected
from matderiv._version import __version__
from matderiv.errors import MatderivError, ProgramSyntaxError, ProofError
from matderiv.expression.vocabulary import DEFAULT_PROGRAM

if TYPE_CHECKING:
    from matderiv.api import Derivation

    _ParamType = click.ParamType[Any]
else:
    _ParamType = click.ParamType

__all__ = ["main"]

USAGE, FAILURE = 2, 1

FORMATS: dict[str, Callable[[Derivation, str, Any], str]] = {
    "latex": lambda d, lang, show: d.latex(lang, show),
    "markdown": lambda d, lang, show: d.markdown(lang, show),
    "json": lambda d, _lang, _show: d.json(),
}


_DIGITS = 30  # of a size; one that long is refused by its value


class _Quantity(_ParamType):
    """A whole number; what is wrong with any other is said by the shape inference."""

    name = "n"

    def convert(self, value: object, param: click.Parameter | None, ctx: object) -> int:
        text = str(value)
        if not re.fullmatch(r"[+-]?[0-9]+", text):
            self.fail(f"{text[:40]!r} is not a whole number; write one from 1, such as 4.", param)
        if len(text) > _DIGITS:
            self.fail(f"{text[:12]}… is too large; write fewer digits.", param)
        return int(text)


class _Shape(_ParamType):
    """NAME=2x4, NAME=3 or NAME=scalar."""

    name = "name=shape"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: object
    ) -> tuple[str, tuple[int, ...]]:
        name, equals, shape = str(value).partition("=")
        name = name.strip()
        if not equals or not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name):
            self.fail(f"{str(value)[:40]!r}: write NAME=2x4, NAME=3 or NAME=scalar.", param)
        if shape.strip() == "scalar":
            return name, ()
        if not re.fullmatch(r"\s*-?[0-9]{1,30}\s*([x×]\s*-?[0-9]{1,30}\s*)*", shape):
            self.fail(
                f"{shape[:40]!r} is not a shape; write {name}=2x4, {name}=3 or {name}=scalar.",
                param,
            )
        return name, tuple(int(part) for part in re.split("[x×]", shape))


class _Name(_ParamType):
    """The name of a matrix."""

    name = "name"

    def convert(self, value: object, param: click.Parameter | None, ctx: object) -> str:
        text = str(value).strip()
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", text):
            self.fail(f"{text[:40]!r} is not the name of a matrix, such as X.", param)
        return text


class _Show(_ParamType):
    """all, or a whole number."""

    name = "all|k"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: object
    ) -> int | Literal["all"]:
        text = str(value)
        if text == "all":
            return "all"
        if not re.fullmatch(r"[0-9]{1,9}", text):
            self.fail(f"{text[:40]!r} is neither 'all' nor a whole number from 2.", param)
        return int(text)


def _sizes(command: Callable[..., None]) -> Callable[..., None]:
    """The argument and options that say which product is meant, at which sizes."""
    for option in reversed(
        [
            click.argument("program", default=DEFAULT_PROGRAM),
            click.option("-N", "n", type=_Quantity(), help="Rows of the first factor."),
            click.option("-D", "d", type=_Quantity(), help="The inner size."),
            click.option("-M", "m", type=_Quantity(), help="Columns of the second factor."),
            click.option(
                "--shape",
                "shapes",
                type=_Shape(),
                multiple=True,
                help="Declare a shape: X=2x4, b=3, lam=scalar.",
            ),
        ]
    ):
        command = option(command)
    return command


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="matderiv")
def cli() -> None:
    """Gradients of matrix expressions, derived step by step, every line proved."""


@cli.command()
@_sizes
@click.option(
    "--wrt",
    type=_Name(),
    multiple=True,
    metavar="NAME",
    help="Differentiate by this matrix; may be repeated. Default: every factor.",
)
@click.option("--lang", default="en", show_default=True, metavar="en|zh", help="Language.")
@click.option(
    "--format",
    "form",
    type=click.Choice(list(FORMATS)),
    default="latex",
    show_default=True,
    help="What to print.",
)
@click.option(
    "--show", type=_Show(), metavar="all|K", help="Rows, columns and terms shown of long ones."
)
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, readable=False, path_type=Path),
    help="Write to this file instead of standard output.",
)
def derive(
    program: str,
    n: int | None,
    d: int | None,
    m: int | None,
    shapes: tuple[tuple[str, tuple[int, ...]], ...],
    wrt: tuple[str, ...],
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
    _check_folder(output)
    with _progress() as report:
        derivation = api.derive(
            program,
            wrt=wrt or None,
            sizes={"N": n, "D": d, "M": m},
            shapes=_once(shapes),
            report=report,
        )
        report("print")
        text = FORMATS[form](derivation, lang, show)
    _write(text, output)


@cli.command()
@_sizes
@click.option(
    "--wrt",
    type=_Name(),
    metavar="NAME",
    help="The factor to differentiate by. Default: the first.",
)
@click.option(
    "--dtype",
    default="float32",
    show_default=True,
    help="The type of one number: float16, float32, float64, …",
)
@click.option("--lang", default="en", show_default=True, metavar="en|zh", help="Language.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "latex", "markdown"]),
    default="text",
    show_default=True,
    help="What to print.",
)
@click.option(
    "--show", type=_Show(), metavar="all|K", help="Print the Jacobian itself, this much of it."
)
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, readable=False, path_type=Path),
    help="Write to this file instead of standard output.",
)
def jacobian(
    program: str,
    n: int | None,
    d: int | None,
    m: int | None,
    shapes: tuple[tuple[str, tuple[int, ...]], ...],
    wrt: str | None,
    dtype: str,
    lang: str,
    form: str,
    show: int | Literal["all"] | None,
    output: Path | None,
) -> None:
    """State what the Jacobian of the product would take, and why nobody builds it.

    How many partial derivatives it has, their memory, how many are not zero, its Kronecker
    structure, and what the matrix form needs instead.
    """
    from matderiv import jacobians

    _check_folder(output)
    text = jacobians.jacobian(
        program,
        wrt=wrt,
        sizes={"N": n, "D": d, "M": m},
        shapes=_once(shapes),
        dtype=dtype,
    ).print(form, lang=lang, show=show)
    _write(text, output)


def _once(shapes: tuple[tuple[str, tuple[int, ...]], ...]) -> dict[str, tuple[int, ...]]:
    found: dict[str, tuple[int, ...]] = {}
    for name, shape in shapes:
        if found.setdefault(name, shape) != shape:
            raise click.UsageError(
                f"--shape {name} is given twice with different shapes; leave one of them out."
            )
    return found


# -- terminals -------------------------------------------------------------------------------


@contextlib.contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    """Report what is being done on stderr, from the second second on, if it is a terminal."""
    started = time.monotonic()
    shown = False

    def report(step: str) -> None:
        nonlocal shown
        if sys.stderr.isatty() and time.monotonic() - started > 1.0:
            click.echo(f"\r\x1b[K{step} …", err=True, nl=False)
            shown = True

    try:
        yield report
    finally:
        if shown:
            click.echo("\r\x1b[K", err=True, nl=False)


# -- files -----------------------------------------------------------------------------------


def _check_folder(output: Path | None) -> None:
    """Fail before the work is done, not after it."""
    if output is None:
        return
    folder = output.absolute().parent
    if not folder.is_dir():
        raise click.UsageError(
            f"{str(output)!r} cannot be written: the folder {str(output.parent)!r} does not exist. "
            "Make it first, or choose another."
        )
    if output.is_dir():
        raise click.UsageError(f"{str(output)!r} is a folder; give the name of a file in it.")
    if output.exists() and not os.access(output, os.W_OK):
        raise click.UsageError(
            f"{str(output)!r} cannot be written: it is protected. Choose another file."
        )


def _write(text: str, output: Path | None) -> None:
    """Write whole or not at all.

    Raises:
        click.UsageError: the text cannot be written; the place and the reason are named.
        BrokenPipeError: whoever read standard output has seen enough.
    """
    try:
        if output is None:
            _print(text)
        else:
            _replace(Path(os.path.realpath(output)), text)
    except BrokenPipeError:
        raise
    except OSError as error:
        where = "Standard output" if output is None else repr(str(output))
        _drop_output()
        raise click.UsageError(
            f"{where} cannot be written: {error.strerror or error}. Choose another place with -o."
        ) from None


def _print(text: str) -> None:
    if sys.stdout is None:
        raise OSError(errno.EBADF, "it is closed")
    sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]  # no text buffer in memory
    sys.stdout.write(text)
    sys.stdout.flush()


def _replace(target: Path, text: str) -> None:
    """Write to a new file beside the old one, which then takes its place."""
    if target.exists() and not target.is_file():
        with target.open("w", encoding="utf-8") as file:  # a device such as /dev/stdout
            file.write(text)
        return
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=".matderiv-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        mode = target.stat().st_mode if target.exists() else 0o666 & ~_umask()
        Path(temporary).chmod(mode & 0o7777)
        Path(temporary).replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(temporary).unlink()
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


# -- errors ----------------------------------------------------------------------------------


def main(args: list[str] | None = None) -> None:
    """Run the command line; every error is one line on stderr and an exit code."""
    kept_at_exit()
    try:
        with uncollected():  # importing SymPy makes objects by the hundred thousand, all to stay
            code = cli.main(args, prog_name="matderiv", standalone_mode=False)
    except click.ClickException as error:
        _fail(error.format_message() + _hint(error), error.exit_code)
    except click.Abort:
        _fail("interrupted", 130)
    except ProgramSyntaxError as error:
        _fail(str(error), USAGE, _caret(error))
    except ProofError as error:
        _fail(f"this derivation is refused, because a link is not proved: {error}", FAILURE)
    except MatderivError as error:
        _fail(str(error), USAGE)
    except BrokenPipeError:
        _drop_output()  # whoever read the output has seen enough
        sys.exit(0)
    except OSError as error:
        _drop_output()
        _fail(f"{error.strerror or error}.", USAGE)
    except RecursionError:
        _fail("the program is nested too deeply.", USAGE)
    else:
        sys.exit(code if isinstance(code, int) else 0)


def _hint(error: click.ClickException) -> str:
    """What click leaves unsaid."""
    if isinstance(error, click.NoSuchOption) and not error.option_name.startswith("--"):
        return " A program that starts with a minus stands after --."
    if "unexpected extra argument" in error.format_message():
        return ". Put the program in quotes."
    return ""


def _drop_output() -> None:
    """Let nothing more reach standard output; Python would complain once more at exit."""
    with contextlib.suppress(OSError, AttributeError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _caret(error: ProgramSyntaxError) -> str:
    """The line of the program that the error is in, with a caret below the place."""
    if error.offset is None:
        return ""
    before = error.text[: error.offset]
    start = before.rfind("\n") + 1
    end = error.text.find("\n", start)
    line = error.text[start : end if end >= 0 else None]
    column = error.offset - start
    left = max(0, column - 60)
    piece = "".join(c if c.isprintable() else " " for c in line[left : left + 100])
    space = sum(map(_columns, line[left:column]))
    return f"\n  {piece}\n  {' ' * space}^"


def _columns(character: str) -> int:
    """How many columns of a terminal a character takes."""
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _fail(message: str, code: int, more: str = "") -> None:
    line = " ".join("".join(c if c.isprintable() else " " for c in message).split())
    with contextlib.suppress(OSError):
        click.echo(f"matderiv: {line}{more}", err=True)
    sys.exit(code)


if __name__ == "__main__":
    main()
