"""How far the verdicts of `matderiv check` can be trusted, in figures.

    python scripts/soundness.py [--scale 0.01]

Right formulas are rewritten without changing what they mean, and none may be refused. Right
formulas are changed in one place, and none may be accepted unless brute force finds the change
harmless: SymPy's own derivatives with every entry written out for programs of one product, central
differences for the whole programs of tests/gradients.toml. Random text and random trees must end
in a verdict or in one line that says what is wrong. Exit code 1 if a target is missed.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from _soundness_claims import changes, rewrites
from _soundness_fuzz import HANG, fuzz
from _soundness_programs import program_changes, program_rewrites

from matderiv.checking.check import check

__all__ = [
    "Figures",
    "changes",
    "fuzz",
    "measure",
    "program_changes",
    "program_rewrites",
    "rewrites",
]

# Targets: seconds of a claim, and of a wrong one about a whole program at worst; megabytes; and the
# share of mistakes that is named rightly.
_QUICK, _MEMORY, _NAMED = 0.05, 500, 0.95
_PROGRAM_MEDIAN, _PROGRAM_WORST, _PROGRAM_NAMED = 0.2, 2.0, 0.9


@dataclass(frozen=True)
class Figures:
    """One line of the table: what was measured, and whether it is as it should be."""

    what: str
    value: str
    good: bool


def measure(scale: float) -> Iterator[Figures]:
    """All figures, with `scale` times as many examples as the targets ask for."""
    count, refused, times = rewrites(int(10_000 * scale))
    yield Figures(
        "right claims, rewritten", f"{count:,} judged, {len(refused)} refused", not refused
    )
    for words in refused[:5]:
        print("  refused:", words)
    verdicts, wrongly, misread, more = changes(int(10_000 * scale))
    total = sum(verdicts.values())
    shown = ", ".join(f"{n:,} {kind}" for kind, n in sorted(verdicts.items()))
    yield Figures(
        "claims changed in one place",
        f"{total:,} judged: {shown}",
        not wrongly,
    )
    for words in wrongly[:5]:
        print("  accepted:", words)
    wrong = verdicts["wrong"]
    share = 1 - len(misread) / wrong
    yield Figures("mistakes named rightly", f"{share:.1%} of {wrong:,}", share >= _NAMED)
    for words in misread[:5]:
        print("  misread:", words)
    for what, taken in (("right", times), ("wrong", more)):
        middle, last = statistics.median(taken), sorted(taken)[int(len(taken) * 0.99)]
        yield Figures(
            f"time for a {what} claim",
            f"{middle * 1000:.1f} ms, 99 % within {last * 1000:.1f} ms",
            middle < _QUICK,
        )
    yield from _programs(scale)
    started = time.perf_counter()
    check("Y = X @ W; L = sum(f(Y))", "X", "dY @ W.T")
    once = time.perf_counter() - started
    yield Figures("program and claim read and judged", f"{once * 1000:.1f} ms", once < _QUICK)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    fuzzed = fuzz(int(90_000 * scale), int(15_000 * scale))
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    shown = ", ".join(f"{n:,} {kind}" for kind, n in sorted(fuzzed.verdicts.items()))
    yield Figures(
        "random inputs", f"{shown}, {len(fuzzed.tracebacks)} tracebacks", not fuzzed.tracebacks
    )
    for words in fuzzed.tracebacks[:5]:
        print("  traceback:", words)
    seconds, claim = fuzzed.slowest
    for words in fuzzed.hangs[:5]:
        print("  over 2 s:", words)
    words = f"{seconds:.2f} s: {claim[:60]!r}, {len(fuzzed.hangs)} over {HANG:.0f} s"
    yield Figures("slowest of them", words, not fuzzed.hangs)
    yield Figures("memory they added", f"{grown:.0f} MB", grown < _MEMORY)


def _programs(scale: float) -> Iterator[Figures]:
    """The figures about whole programs."""
    verdicts, refused = program_rewrites(int(1_000 * scale))
    shown = ", ".join(f"{n:,} {kind}" for kind, n in sorted(verdicts.items()))
    yield Figures("right claims about whole programs", shown, not refused)
    for words in refused[:5]:
        print("  refused:", words)
    verdicts, wrongly, misread, times = program_changes(int(1_000 * scale))
    shown = ", ".join(f"{n:,} {kind}" for kind, n in sorted(verdicts.items()))
    yield Figures(
        "the same, changed in one place", f"{sum(verdicts.values()):,}: {shown}", not wrongly
    )
    for words in wrongly[:5]:
        print("  accepted:", words)
    share = 1 - len(misread) / verdicts["wrong"]
    good = share >= _PROGRAM_NAMED
    yield Figures("mistakes in them named rightly", f"{share:.1%} of {verdicts['wrong']:,}", good)
    for words in misread[:5]:
        print("  misread:", words)
    middle, last = statistics.median(times), max(times)
    good = middle < _PROGRAM_MEDIAN and last < _PROGRAM_WORST
    yield Figures("time for one of them", f"{middle:.3f} s, at most {last:.2f} s", good)


def main() -> int:
    """Print the table; 1 if a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0] if __doc__ else "")
    parser.add_argument("--scale", type=float, default=1.0, help="examples, as a share of all")
    scale = parser.parse_args().scale
    missed = 0
    for figures in measure(scale):
        missed += not figures.good
        print(
            f"{'ok    ' if figures.good else 'MISSED'}  {figures.what:36} {figures.value}",
            flush=True,
        )
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
