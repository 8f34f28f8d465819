"""The command line: the only place that knows terminals and exit codes."""

from __future__ import annotations

import signal

__all__ = ["main"]


def main(args: list[str] | None = None) -> None:
    """Run the command line; every error is one line on stderr and an exit code.

    As a process of its own, without `args`, it ends at an interrupt, and when the reader of its
    output is gone, as other tools of a shell do: at once, and without a word.
    """
    if args is None:
        for name in ("SIGINT", "SIGPIPE"):  # the second one is not known everywhere
            if hasattr(signal, name):
                signal.signal(getattr(signal, name), signal.SIG_DFL)
    from matderiv._collector import uncollected

    with uncollected():
        from matderiv.cli._commands import cli
        from matderiv.cli._errors import run
    run(cli, args)
