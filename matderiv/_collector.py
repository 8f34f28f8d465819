"""Python's collector of cycles, kept from walking objects that are in no cycle."""

from __future__ import annotations

import atexit
import contextlib
import gc
from collections.abc import Iterator

__all__ = ["kept_at_exit", "uncollected"]


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Work whose values hold no cycles; the collector would walk them all, time and again.

    Afterwards they count as old, so that it does not walk them all at once either.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            if not gc.get_freeze_count():  # else others have frozen objects of theirs
                gc.freeze()
                gc.unfreeze()
            gc.enable()


def kept_at_exit() -> None:
    """When the process ends, leave its memory to the system: the last walk finds nothing."""
    atexit.register(gc.freeze)
