"""Where output goes: progress to the terminal, pages to standard output or to files."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import click

from matderiv import files

__all__ = ["check_folder", "drop_output", "progress", "write_files", "write_output"]


@contextlib.contextmanager
def progress() -> Iterator[Callable[[str], None]]:
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


def check_folder(output: Path | None) -> None:
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


def write_output(text: str, output: Path | None) -> None:
    """Write to a file, whole or not at all, or to standard output.

    Raises:
        click.UsageError: the text cannot be written; the place and the reason are named.
        BrokenPipeError: whoever read standard output has seen enough.
    """
    if output is not None:
        write_files({output: text})
        return
    try:
        _print(text)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise _unwritable("Standard output", error) from None


def write_files(contents: Mapping[Path, str | bytes]) -> None:
    """Write all files, or none.

    Raises:
        click.UsageError: one cannot be written; it and the reason are named.
        BrokenPipeError: whoever read a pipe has seen enough.
    """
    try:
        files.write_all(contents)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise _unwritable(repr(error.filename), error) from None


def _unwritable(where: str, error: OSError) -> click.UsageError:
    drop_output()
    return click.UsageError(
        f"{where} cannot be written: {error.strerror or error}. Choose another place with -o."
    )


def drop_output() -> None:
    """Let nothing more reach standard output; Python would complain once more at exit."""
    with contextlib.suppress(OSError, AttributeError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _print(text: str) -> None:
    if sys.stdout is None:
        raise OSError(errno.EBADF, "it is closed")
    sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]  # no text buffer in memory
    sys.stdout.write(text)
    sys.stdout.flush()
