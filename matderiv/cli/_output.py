"""Where output goes: progress to the terminal, pages to standard output or to files."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from matderiv import files
from matderiv._budget import watched

if TYPE_CHECKING:
    from matderiv.handout.document import Document

__all__ = [
    "STANDARD",
    "check_folder",
    "drop_output",
    "progress",
    "tell_size",
    "write_files",
    "write_output",
]

#: Standard output, as the name of a file.
STANDARD = Path("-")

_MEGABYTE = 1_000_000
_MOMENT = 1.0  # seconds between two looks at what is done


@contextlib.contextmanager
def progress() -> Iterator[None]:
    """Say in one line of a terminal what long work is at; nothing where nobody watches.

    A thread says it, so that one long stage is told of as well as many short ones. A pipe or a file
    as standard error gets errors and remarks only.
    """
    if not _is_watched():
        yield
        return
    at, done = ["the program"], threading.Event()
    thread = threading.Thread(target=_tell, args=(at, done), daemon=True)
    thread.start()
    try:
        with watched(lambda stage: at.__setitem__(0, stage)):
            yield
    finally:
        done.set()
        thread.join()


def _is_watched() -> bool:
    """Whether standard error is a terminal; it may be closed."""
    with contextlib.suppress(ValueError, AttributeError):
        return sys.stderr.isatty()
    return False


def _tell(at: Sequence[str], done: threading.Event) -> None:
    """Show the stage that `at` holds until the work is done, and leave no trace."""
    with contextlib.suppress(OSError, ValueError, AttributeError):  # the terminal is gone
        shown = False
        while not done.wait(_MOMENT):
            click.echo(f"\r\x1b[K{at[0]} …", err=True, nl=False)
            shown = True
        if shown:
            click.echo("\r\x1b[K", err=True, nl=False)


def tell_size(document: Document, form: str, name: str = "The page") -> None:
    """Say on standard error about how large a file will be, before it is made, if it is large."""
    from matderiv.handout.formats import estimated

    size = estimated(document, form) / _MEGABYTE
    if size >= 1:
        start = "\r\x1b[K" if _is_watched() else ""  # over what progress shows
        said = f"{name} will have about {size:.2g} megabytes; --show 4 makes it small."
        click.echo(f"{start}matderiv: {said}", err=True)


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
