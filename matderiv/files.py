"""Writing files whole or not at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

__all__ = ["write_all"]


def write_all(contents: Mapping[Path, str | bytes]) -> None:
    """Write several files, text as UTF-8: every one of them, or none if one cannot be made.

    Each is written beside its place first; only when all are complete do they take their places.

    Raises:
        OSError: a file cannot be written; its `filename` is that file's.
    """
    ready: list[tuple[Path, Path, Path]] = []
    path = Path()
    try:
        for path, content in contents.items():
            data = content.encode() if isinstance(content, str) else content
            target = Path(os.path.realpath(path))
            if target.exists() and not target.is_file():
                target.write_bytes(data)  # a device such as /dev/stdout
            else:
                ready.append((_beside(target, data), target, path))
        while ready:
            temporary, target, path = ready[0]
            temporary.replace(target)
            del ready[0]
    except OSError as error:
        error.filename, error.filename2 = str(path), None
        raise
    finally:
        for temporary, _, _ in ready:
            with contextlib.suppress(OSError):
                temporary.unlink()


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
