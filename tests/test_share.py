"""The plain test command runs a share of the suite, and CI all of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import share

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 7, 12, 99, 100, 250])
def test_every_case_has_its_turn(count: int) -> None:
    """Of each family some cases are run, at most half of them or so, and each case in some turn."""
    cases = list(range(count))
    shares = [share(cases, turn) for turn in range(40)]
    assert {case for some in shares for case in some} == set(cases)
    assert all(len(some) >= (1 if count < 4 else 2) for some in shares)
    assert max(map(len, shares)) <= count / 2 + 1


def test_ci_runs_everything() -> None:
    """The one list of checks leaves nothing out, and the README says how to do so."""
    assert "pytest --whole" in (ROOT / "scripts" / "check.sh").read_text(encoding="utf-8")
    assert "pytest --whole" in (ROOT / "README.md").read_text(encoding="utf-8")
