"""How far verdicts can be trusted, on a small sample of what scripts/soundness.py measures."""

from __future__ import annotations

import importlib.util
import statistics
import sys
from pathlib import Path
from types import ModuleType

import pytest

from matderiv.checking.question import ask

SCRIPT = Path(__file__).parent.parent / "scripts" / "soundness.py"


@pytest.fixture(scope="module")
def soundness() -> ModuleType:
    """The script as a module."""
    spec = importlib.util.spec_from_file_location("soundness", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules["soundness"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_rewriting_never_makes_a_right_formula_wrong(soundness: ModuleType) -> None:
    """Right formulas, rewritten at random, are all proved, and quickly."""
    count, refused, times = soundness.rewrites(120, seed=101)
    assert count == 120
    assert refused == []
    assert statistics.median(times) < 0.05


def test_no_wrong_formula_is_accepted(soundness: ModuleType) -> None:
    """Formulas changed in one place are refused unless the change is harmless, and named."""
    verdicts, wrongly, misread, _ = soundness.changes(120, seed=102)
    assert wrongly == []
    assert verdicts["accepted"] == 0
    assert verdicts["wrong"] > 100
    assert len(misread) <= 0.1 * verdicts["wrong"]  # 5 % over many; this sample is small


def test_no_right_claim_about_a_whole_program_is_refused(soundness: ModuleType) -> None:
    """The books' formulas of the whole table, rewritten at random, are proved, nearly all."""
    verdicts, refused = soundness.program_rewrites(80, seed=104)
    assert refused == []
    assert verdicts["right"] >= 75  # of inverses and determinants of sums some stay undecided


def test_mistakes_in_whole_programs_are_refused_and_named(soundness: ModuleType) -> None:
    """Over gradients of the table changed in one place: none accepted, most named, in time."""
    verdicts, wrongly, misread, times = soundness.program_changes(150, seed=105)
    assert wrongly == []
    assert verdicts["accepted"] == 0
    assert verdicts["wrong"] > 120
    assert len(misread) <= 0.1 * verdicts["wrong"]
    assert statistics.median(times) < 0.2
    assert max(times) < 2


def test_anything_ends_in_a_verdict_or_a_clean_error(soundness: ModuleType) -> None:
    """Random texts and trees raise nothing else, and none hangs."""
    found = soundness.fuzz(300, 60, seed=103)
    assert found.tracebacks == []
    assert found.hangs == []
    assert sum(found.verdicts.values()) == 360
    assert found.verdicts["clean error"] > 100
    assert found.verdicts["wrong"] > 30


@pytest.mark.parametrize(
    ("claim", "equal"),
    [("dY @ W.T", True), ("(W @ dY.T).T", True), ("2*dY @ W.T", False), ("dY @ W", False)],
)
def test_brute_force_can_tell(soundness: ModuleType, claim: str, equal: bool) -> None:
    """The comparison that decides what is harmless says yes and no where it should."""
    question = ask("Y = X @ W; L = sum(log(1 + exp(Y)))", "X")
    made = question.read(claim)
    assert sys.modules["_soundness_brute"].brute_force_equal(question, made) is equal
