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

__all__ = [
    "STANDARD",
    "check_folder",
    "drop_output",
    "progress",
    "write_files",
    "write_output",
]

#: Standard output, as the name of a file.
STANDARD = Path("-")


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
    if output is None or output == STANDARD or files.is_stream(output):
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


def write_output(text: str | bytes, output: Path | None) -> None:
    """Write to a file, whole or not at all, or to standard output; see `write_files`."""
    write_files({output or STANDARD: text})


def write_files(contents: Mapping[Path, str | bytes]) -> None:
    """Write all files, or none; what goes to standard output is written last.

    Raises:
        click.UsageError: one cannot be written; it and the reason are named.
    """
    try:
        files.write_all({path: data for path, data in contents.items() if path != STANDARD})
    except OSError as error:
        raise _unwritable(repr(error.filename), error) from None
    if STANDARD in contents:
        try:
            _print(contents[STANDARD])
        except OSError as error:
            raise _unwritable("Standard output", error) from None


def _unwritable(where: str, error: OSError) -> click.UsageError:
    drop_output()
    return click.UsageError(
        f"{where} cannot be written: {error.strerror or error}. Choose another place with -o."
    )


def drop_output() -> None:
    """Let nothing more reach standard output; Python would complain once more at exit."""
    with contextlib.suppress(OSError, AttributeError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _print(content: str | bytes) -> None:
    if sys.stdout is None:
        raise OSError(errno.EBADF, "it is closed")
    sys.stdout.flush()
    sys.stdout.buffer.write(content.encode() if isinstance(content, str) else content)
    sys.stdout.buffer.flush()
