#!/usr/bin/env python3
"""Check a matderiv certificate link by link, without matderiv.

    matderiv derive --format json -o certificate.json
    python scripts/verify_certificate.py certificate.json
    python scripts/verify_certificate.py --links certificate.json

Exit code 0 and one line on stdout: every link is confirmed; with `--links` a line for each of them
before, which says how. 1 and one line on stderr: the first thing that is wrong. 2: the file cannot
be read. A name of `-` reads standard input.

Nothing of matderiv is imported and no text of the file is evaluated: a small parser reads it, and
refuses what it does not know by name, index maps such as X[1:], x[labels] and cumsum(x) among it.
What is checked, in this order:

1. the SHA-256 digest of the content. It finds every alteration, but whoever alters a file can
   compute the digest anew; the checks below do not rest on it. The `latex` texts are for display
   only, and the digest alone protects them;
2. the program is read again, and the definitions, shapes and sizes are compared with it;
3. each link: proved for all sizes, or else evaluated at random points (`certificates/checking.py`);
4. every gradient that was asked for is where a chain ends that begins with ∂L/∂x.

The words `kind` and `reason` prove nothing; they must be known ones.
"""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path
from typing import NoReturn

from certificates.checking import check, summary
from certificates.frame import MOST_BYTES, Json, RefusedError, load

SECONDS = 120  # for one file
MEMORY = 4 * 2**30


class _OutOfTimeError(BaseException):
    """Not an Exception, so that nothing in between takes it for its own."""


def _out_of_time(*_: object) -> NoReturn:
    raise _OutOfTimeError


def outcome(data: Json, *, links: bool = False) -> tuple[int, str]:
    """The exit code for a certificate, and what to print."""
    try:
        found = check(data)
    except RefusedError as error:
        return 1, _line(str(error))
    except Exception as error:  # noqa: BLE001 - what cannot be checked is not confirmed
        return 1, f"not well formed ({type(error).__name__})"
    told = [f"{how}: {link}\n" for link, how in found] if links else []
    return 0, "".join(told) + _line(summary(data, found))


def _line(text: str) -> str:
    return " ".join(text.split())[:1000]


def _limit() -> None:
    """Bound time and memory, besides the limits on work."""
    if hasattr(signal, "SIGALRM"):
        signal.signal(signal.SIGALRM, _out_of_time)
        signal.alarm(SECONDS)
        import resource

        _, most = resource.getrlimit(resource.RLIMIT_AS)
        limit = MEMORY if most == resource.RLIM_INFINITY else min(MEMORY, most)
        resource.setrlimit(resource.RLIMIT_AS, (limit, most))


def main(arguments: list[str]) -> int:
    """Check the file that is named; the exit code."""
    parser = argparse.ArgumentParser(description="Check a matderiv certificate link by link.")
    parser.add_argument("--links", action="store_true", help="a line for each link")
    parser.add_argument("file", help="- for standard input")
    given = parser.parse_args(arguments)
    name = given.file
    try:
        with sys.stdin.buffer if name == "-" else Path(name).open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
        code, message = outcome(load(raw), links=given.links)
    except (OSError, ValueError, RecursionError) as error:
        code, message = 2, _line(f"cannot be read: {error}")
    except _OutOfTimeError:
        code, message = 1, f"not confirmed within {SECONDS} seconds"
    *lines, last = message.splitlines() or [""]
    print(*lines, f"{name}: {last}", sep="\n", file=sys.stderr if code else sys.stdout)
    return code


if __name__ == "__main__":
    _limit()
    sys.exit(main(sys.argv[1:]))
