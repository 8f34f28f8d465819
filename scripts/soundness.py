"""How far the verdicts of `matderiv check` can be trusted, in figures.

    python scripts/soundness.py [--scale 0.01]

Right formulas are rewritten without changing what they mean, and none may be refused. Right
formulas are changed in one place, and none may be accepted unless central differences find the
change harmless. They are about programs of one product, and about the whole programs of
tests/gradients.toml. Exit code 1 if a target is missed.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from _soundness_claims import Case, changes, products, programs, rewrites

from matderiv.checking.check import check

__all__ = ["Figures", "changes", "measure", "products", "programs", "rewrites"]

# Targets: seconds of a claim, in the middle and at most, and the share of mistakes named rightly.
_QUICK, _SLOW, _NAMED = {"one product": 0.05, "whole programs": 0.2}, 2.0, 0.9


@dataclass(frozen=True)
class Figures:
    """One line of the table: what was measured, and whether it is as it should be."""

    what: str
    value: str
    good: bool


def measure(scale: float) -> Iterator[Figures]:
    """All figures, with `scale` times as many examples as the targets ask for."""
    yield from _claims("one product", products(), int(10_000 * scale))
    yield from _claims("whole programs", programs(), int(1_000 * scale))
    started = time.perf_counter()
    check("Y = X @ W; L = sum(f(Y))", "X", "dY @ W.T")
    once = time.perf_counter() - started
    yield Figures(
        "program and claim read and judged", f"{once * 1000:.1f} ms", once < _QUICK["one product"]
    )


def _claims(about: str, cases: Sequence[Case], count: int) -> Iterator[Figures]:
    """The figures about claims of one kind."""
    verdicts, refused, right = rewrites(cases, count)
    yield Figures(f"{about}: right claims", _counted(verdicts), not refused)
    _print("refused", refused)
    verdicts, wrongly, misread, wrong = changes(cases, count)
    yield Figures(f"{about}: changed claims", _counted(verdicts), not wrongly)
    _print("accepted", wrongly)
    share = 1 - len(misread) / verdicts["wrong"]
    words = f"{share:.1%} of {verdicts['wrong']:,}"
    yield Figures(f"{about}: mistakes named", words, share >= _NAMED)
    _print("misread", misread)
    for what, times in (("right", right), ("changed", wrong)):
        middle, last = statistics.median(times), max(times)
        words = f"{middle * 1000:.1f} ms, at most {last:.2f} s"
        good = middle < _QUICK[about] and last < _SLOW
        yield Figures(f"{about}: time for a {what} claim", words, good)


def _counted(verdicts: Counter[str]) -> str:
    return ", ".join(f"{n:,} {kind}" for kind, n in sorted(verdicts.items()))


def _print(what: str, words: Sequence[str]) -> None:
    for line in words[:5]:
        print(f"  {what}: {line}")


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
