"""One try of a fuzzer: in a child process, with its time and its memory capped."""

from __future__ import annotations

import contextlib
import os
import pickle
import resource
import select
import signal
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matderiv.errors import MatderivError

__all__ = ["Found", "Limits", "isolated", "refusal", "shrunk", "tried"]

#: Processor time and memory are the process's own; a wait for something else is cut here.
_PATIENCE = 30


@dataclass(frozen=True)
class Found:
    """The outcome of a try; `bad` if there should be none such."""

    what: str
    words: str = ""
    bad: bool = False
    seconds: float = 0.0


@dataclass(frozen=True)
class Limits:
    """Seconds of processor time, and megabytes beyond those that are in use already."""

    seconds: int
    megabytes: int = 1500


def refusal(error: MatderivError) -> Found:
    """An error on purpose, which is one line that a terminal shows as it is."""
    words = str(error)
    if not words or not words.isprintable():
        return Found("a message of several lines", repr(words), bad=True)
    return Found("refused", f"{type(error).__name__}: {words}")


def isolated(trial: Callable[[Any], Found], case: object, limits: Limits) -> Found:
    """The outcome of a try in a child process; whatever becomes of the child is one, too."""
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(ours)
        _cap(limits)
        found = tried(trial, case)
        with contextlib.suppress(OSError), os.fdopen(theirs, "wb") as pipe:
            pickle.dump(found, pipe)
        os._exit(0)
    os.close(theirs)
    started = time.monotonic()
    with os.fdopen(ours, "rb") as pipe:
        ready = bool(select.select([pipe], [], [], _PATIENCE * limits.seconds)[0])
        if not ready:
            os.kill(child, signal.SIGKILL)
        sent = pipe.read()
    _, status, used = os.wait4(child, 0)
    spent = used.ru_utime + used.ru_stime
    if sent:
        found = pickle.loads(sent)  # noqa: S301 - from our own child
        return Found(found.what, found.words, found.bad, spent)
    if not ready or spent > limits.seconds - 0.5:
        return Found("over time", f"{spent:.1f} s of {limits.seconds}", bad=True, seconds=spent)
    how = f"status {status} after {time.monotonic() - started:.1f} s"
    return Found("a crash", how, bad=True, seconds=spent)


def _cap(limits: Limits) -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (limits.seconds, limits.seconds + 1))
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + limits.megabytes * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def tried(trial: Callable[[Any], Found], case: object) -> Found:
    try:
        return trial(case)
    except MatderivError as error:
        return refusal(error)
    except MemoryError:
        return Found("over memory", bad=True)
    except BaseException as error:  # noqa: BLE001 - that there is none is what is tried
        last = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(last.filename).name}:{last.lineno}"
        return Found(f"traceback {type(error).__name__}", f"{error} at {where}"[:300], bad=True)


def shrunk(
    case: Any,  # noqa: ANN401 - of whatever kind
    cuts: Callable[[Any], Iterator[Any]],
    fails: Callable[[Any], bool],
    tries: int = 200,
) -> Any:  # noqa: ANN401 - as above
    """A case that fails as the given one does, cut down as far as single cuts go."""
    while True:
        for other in cuts(case):
            tries -= 1
            if tries < 0:
                return case
            if fails(other):
                case = other
                break
        else:
            return case
