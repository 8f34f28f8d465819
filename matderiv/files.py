"""Writing files whole or not at all."""

from __future__ import annotations

import contextlib
import os
import signal
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

__all__ = ["is_stream", "write_all"]

#: Where pipes and open files of this process have names.
_STREAMS = ("/dev/std", "/dev/fd/", "/proc/")


def write_all(contents: Mapping[Path, str | bytes]) -> None:
    """Write several files, text as UTF-8: every one of them, or none if one cannot be made.

    Each is written beside its place first; only when all are complete do they take their places.
    What no file can replace, such as a pipe, is written to before that.

    Raises:
        OSError: a file cannot be written; its `filename` is that file's.
    """
    ready: list[tuple[Path, Path, Path]] = []
    path = Path()
    data = {p: c.encode() if isinstance(c, str) else c for p, c in contents.items()}
    try:
        for path, content in data.items():
            if is_stream(path):
                with path.open("ab") as stream:  # what the shell opened may hold something
                    stream.write(content)
        with _undisturbed():
            try:
                for path, content in data.items():
                    if not is_stream(path):
                        target = Path(os.path.realpath(path))
                        ready.append((_beside(target, content), target, path))
                while ready:
                    temporary, target, path = ready[0]
                    temporary.replace(target)
                    del ready[0]
            finally:
                for temporary, _, _ in ready:
                    with contextlib.suppress(OSError):
                        temporary.unlink()
    except OSError as error:
        error.filename, error.filename2 = str(path), None
        raise


def is_stream(path: Path) -> bool:
    """Whether a path leads to a device, a pipe or an open file, such as /dev/stdout."""
    return str(path).startswith(_STREAMS) or (
        path.exists() and not (path.is_file() or path.is_dir())
    )


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """Work that signals wait for, so that none leaves a part of it behind."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    ending = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ending)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _beside(target: Path, data: bytes) -> Path:
    """A complete file in the folder of the target, with the permissions that it is to have."""
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=".matderiv-")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        mode = target.stat().st_mode if target.exists() else 0o666 & ~_umask()
        temporary.chmod(mode & 0o7777)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    return temporary


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
