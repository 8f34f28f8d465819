"""How far verdicts can be trusted, on a small sample of what scripts/soundness.py measures."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import pytest
from _gradient_table import Gradient
from _thorough import usually

#: Claims of each kind; scripts/soundness.py asks thousands.
MANY = usually(24, thoroughly=60, least=8)
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


def cases(soundness: ModuleType, about: str) -> Sequence[object]:
    """Claims about programs of one product, or about every third program of the table."""
    return soundness.products() if about == "products" else soundness.programs(every=3)


@pytest.mark.long
@pytest.mark.parametrize(("about", "count", "most"), [("products", MANY, 0), ("programs", MANY, 3)])
def test_no_right_formula_is_refused(
    soundness: ModuleType, about: str, count: int, most: int
) -> None:
    """Right formulas, rewritten at random, are proved; some of inverses stay undecided."""
    verdicts, refused, _ = soundness.rewrites(cases(soundness, about), count, seed=101)
    assert refused == []
    assert verdicts["right"] >= count - most


@pytest.mark.long
@pytest.mark.parametrize(("about", "count"), [("products", MANY), ("programs", MANY)])
def test_no_wrong_formula_is_accepted(soundness: ModuleType, about: str, count: int) -> None:
    """Formulas changed in one place are refused unless the change is harmless, and named."""
    verdicts, wrongly, misread, _ = soundness.changes(cases(soundness, about), count, seed=102)
    assert wrongly == []
    assert verdicts["accepted"] == 0
    assert verdicts["wrong"] > 0.7 * (count - verdicts["harmless"])
    assert len(misread) <= 0.1 * verdicts["wrong"]


@pytest.mark.parametrize(
    ("claim", "equal"),
    [("dY @ W.T", True), ("(W @ dY.T).T", True), ("2*dY @ W.T", False), ("dY @ W", False)],
)
def test_central_differences_can_tell(soundness: ModuleType, claim: str, equal: bool) -> None:
    """The comparison that decides what is harmless says yes and no where it should."""
    program = "Y = X @ W; L = sum(log(1 + exp(Y)))"
    claims = sys.modules[soundness.rewrites.__module__]
    shapes = {"X": "m n", "W": "n k"}
    gradient, question, _ = claims._asked(Gradient(program, "", program, shapes, "X", "dY @ W.T"))
    assert claims.is_gradient(gradient, question, question.read(claim)) is equal
