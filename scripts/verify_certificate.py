#!/usr/bin/env python3
"""Check a matderiv certificate link by link, without matderiv.

    matderiv derive --format json -o certificate.json
    python scripts/verify_certificate.py certificate.json

Exit code 0 and one line on stdout: every link is confirmed. 1 and one line on stderr: the first
thing that is wrong. 2: the file cannot be read. A name of `-` reads standard input.

Nothing of matderiv is imported and no text of the file is evaluated: a small parser reads it.
What is checked, in this order:

1. the SHA-256 digest of the content. It finds every alteration, but whoever alters a file can
   compute the digest anew; the checks below do not rest on it. The `latex` texts are for display
   only, and the digest alone protects them;
2. the program is read again, and the definitions, shapes and sizes are compared with it;
3. each link. One product with a loss (`kind` is "product") is proved again for all sizes, with
   SymPy. A whole program ("program") is evaluated, with the standard library and mpmath: both
   sides of every link, at all their entries, at random points of several sizes. That finds what
   is false, but is no proof: see `certificates/program.py`;
4. the structure: steps and chains are complete, each link goes on where the last one ended, each
   chain starts and ends where it must, verdicts and counts are those found here.

The words `reason` prove nothing; they must be the known ones, in a known order.
"""

from __future__ import annotations

import importlib
import signal
import sys
from pathlib import Path
from typing import NoReturn

from certificates.frame import MOST_BYTES, Json, RefusedError, load, refuse

SECONDS = 600  # for one file


def check(data: Json) -> str:
    """Check a certificate; the answer is a line that says what was confirmed.

    Raises:
        RefusedError: at the first thing that is wrong.
    """
    kind = data.get("kind") if isinstance(data, dict) else None
    if kind not in ("product", "program"):
        refuse("kind: not of the form of a certificate, version 1")
    return str(importlib.import_module(f"certificates.{kind}").check(data))


class _OutOfTimeError(BaseException):
    """Not an Exception, so that nothing in between takes it for its own."""


def _out_of_time(*_: object) -> NoReturn:
    raise _OutOfTimeError


def outcome(data: Json) -> tuple[int, str]:
    """The exit code for a certificate, and the line to print."""
    try:
        return 0, check(data)
    except RefusedError as error:
        return 1, str(error)
    except Exception as error:  # noqa: BLE001 - what cannot be checked is not confirmed
        return 1, f"not well formed ({type(error).__name__})"


def main(arguments: list[str]) -> int:
    """Check the file that is named; the exit code."""
    if len(arguments) != 1 or arguments[0] in ("-h", "--help"):
        print("usage: verify_certificate.py FILE   (- for standard input)", file=sys.stderr)
        return 2
    (name,) = arguments
    if hasattr(signal, "SIGALRM"):  # besides the limits on work, which do not count SymPy's own
        signal.signal(signal.SIGALRM, _out_of_time)
        signal.alarm(SECONDS)
    try:
        with sys.stdin.buffer if name == "-" else Path(name).open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
        code, message = outcome(load(raw))
    except (OSError, ValueError, RecursionError) as error:
        code, message = 2, f"cannot be read: {error}"
    except _OutOfTimeError:
        code, message = 1, f"not confirmed within {SECONDS} seconds"
    line = f"{name}: {' '.join(message.split())[:500]}"
    print(line, file=sys.stderr if code else sys.stdout)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
