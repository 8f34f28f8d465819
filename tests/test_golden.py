"""Whole pages that a person can read, byte for byte; `--rewrite-golden` writes them anew."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

import matderiv

GOLDEN = Path(__file__).parent / "golden"

#: Each folder's program with its sizes, and the pages of it that are kept.
PROBLEMS: dict[str, tuple[str, Mapping[str, int] | None, tuple[str, ...]]] = {
    "linear": (
        "Y = X @ W; L = sum(f(Y))",
        None,
        ("en.tex", "zh.tex", "en.md", "zh.md"),
    ),
    "softplus": ("Y = X @ W; L = sum(log(1 + exp(Y)))", None, ("en.tex",)),
    "theorem": ("L = Loss(Q @ K.T)", {"N": 1, "D": 3, "M": 2}, ("en.tex",)),
}
PAGES = [(problem, name) for problem, (_, _, names) in PROBLEMS.items() for name in names]


def page(problem: str, name: str) -> bytes:
    """What is printed now."""
    program, sizes, _ = PROBLEMS[problem]
    derivation = matderiv.derive(program, sizes=sizes)
    lang, form = name.split(".")
    text = derivation.markdown(lang) if form == "md" else derivation.latex(lang)
    return text.encode()


@pytest.mark.parametrize(("problem", "name"), PAGES, ids=[f"{p}/{n}" for p, n in PAGES])
def test_page_is_the_golden_one(problem: str, name: str, *, rewrite_golden: bool) -> None:
    """No word, formula or space of a page changes unnoticed."""
    path, printed = GOLDEN / problem / name, page(problem, name)
    if rewrite_golden:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(printed)
    # Compared as text first: its difference can be read line by line.
    assert printed.decode() == path.read_bytes().decode()
    assert printed == path.read_bytes()


def test_every_golden_page_is_compared() -> None:
    """No file stays in a problem's folder that nothing is compared with."""
    kept = {(p, path.name) for p in PROBLEMS for path in (GOLDEN / p).iterdir()}
    assert kept == set(PAGES)
