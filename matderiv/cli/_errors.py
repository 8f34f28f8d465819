"""Errors of the command line: one line on stderr and an exit code."""

from __future__ import annotations

import contextlib
import logging
import re
import sys
import unicodedata
from collections.abc import Iterator

import click

from matderiv._collector import kept_at_exit, uncollected
from matderiv.cli._output import drop_output
from matderiv.errors import MatderivError, ProgramSyntaxError, ProofError, visible
from matderiv.expression.spelling import READ

__all__ = ["run"]

USAGE, FAILURE, INTERRUPTED = 2, 1, 130


def run(command: click.Group, args: list[str] | None) -> None:
    """Run a command, or show help without one; every error is one line on stderr and a code."""
    kept_at_exit()
    given = (sys.argv[1:] if args is None else args) or ["--help"]
    words = [f" {word}" if _FORMULA.match(word) else word for word in given]  # - is no option's
    try:
        with (
            _echoed(),
            uncollected(),  # importing SymPy makes objects by the hundred thousand, all to stay
        ):
            code = command.main(words, prog_name="matderiv", standalone_mode=False)
    except click.ClickException as error:
        _fail(error.format_message() + _hint(error), error.exit_code)
    except click.Abort:
        click.echo(err=True)
        sys.exit(INTERRUPTED)
    except ProgramSyntaxError as error:
        _fail(str(error), USAGE, _caret(error))
    except ProofError as error:
        _fail(f"this derivation is refused, because a link is not proved: {error}", FAILURE)
    except MatderivError as error:
        _fail(str(error), USAGE)
    except OSError as error:
        drop_output()
        _fail(f"{error.strerror or error}.", USAGE)
    except RecursionError:
        _fail("the program is nested too deeply.", USAGE)
    else:
        sys.exit(code if isinstance(code, int) else 0)


#: A formula that starts with a minus; -N3, -ofile and the like are options.
_FORMULA = re.compile(r"-(?!-|[NDM]\s*[0-9]+\Z|o(?!\w*\()).*[(@*/+\\^‖|]", re.DOTALL)


@contextlib.contextmanager
def _echoed() -> Iterator[None]:
    """Print once each how a text was read, where it is not as it was typed."""
    handler = _Echo()
    level = READ.level
    READ.setLevel(logging.INFO)
    READ.addHandler(handler)
    try:
        yield
    finally:
        READ.removeHandler(handler)
        READ.setLevel(level)


class _Echo(logging.Handler):
    """A line on standard error for each message that is new."""

    def __init__(self) -> None:
        super().__init__()
        self.seen = set[str]()

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        if message not in self.seen:
            self.seen.add(message)
            click.echo(f"matderiv: {visible(message)}", err=True)


def _hint(error: click.ClickException) -> str:
    """Advice to add to a message of click."""
    if isinstance(error, click.NoSuchOption) and not error.option_name.startswith("--"):
        return " A program that starts with a minus stands after --."
    if "unexpected extra argument" in error.format_message():
        command = error.ctx.command if isinstance(error, click.UsageError) and error.ctx else None
        orders = command is not None and any(p.name == "order" for p in command.params)
        return ". Put the program in quotes" + (", and the order after --order." if orders else ".")
    return ""


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
    piece = "".join(
        c if c.isprintable() else " " if c.isspace() else "\N{REPLACEMENT CHARACTER}"
        for c in line[left : left + 100]
    )
    space = sum(map(_columns, line[left:column]))
    return f"\n  {piece}\n  {' ' * space}^"


def _columns(character: str) -> int:
    """How many columns of a terminal a character takes."""
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _fail(message: str, code: int, more: str = "") -> None:
    with contextlib.suppress(OSError):
        click.echo(f"matderiv: {visible(message)}{more}", err=True)
    sys.exit(code)
