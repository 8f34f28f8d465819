"""Docstrings and comments on constants say what a thing is, without a relative clause for it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from _sources import parsed

import matderiv

PACKAGE = Path(matderiv.__file__).parent
FOLDERS = (PACKAGE, PACKAGE.parent / "scripts")

RIDDLE = re.compile(r"What\b(?!.*\?$)")


def sentences(source: str) -> Iterator[tuple[int, str]]:
    """Line and first line of each docstring and of each comment on a constant."""
    for node in ast.walk(parsed(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            words = ast.get_docstring(node)
            if words is not None:
                yield node.body[0].lineno, words.splitlines()[0]
    for line, text in enumerate(source.splitlines(), 1):
        if text.strip().startswith("#: "):
            yield line, text.strip().removeprefix("#: ")


def riddles(source: str) -> list[int]:
    """The lines of sentences that begin with "What", questions aside."""
    if "What" not in source:
        return []
    return [line for line, text in sentences(source) if RIDDLE.match(text)]


def test_no_sentence_begins_with_what() -> None:
    """A newcomer reads the field's word for a thing: "The loss", not "What is differentiated"."""
    files = [path for folder in FOLDERS for path in folder.rglob("*.py")]
    assert len(files) > 150
    found = {path: lines for path in files if (lines := riddles(path.read_text(encoding="utf-8")))}
    assert found == {}


@pytest.mark.parametrize(
    "planted",
    [
        '"""What rewrites may rely on."""',
        'def f():\n    """What is added.\n\n    More.\n    """',
        'class A:\n    """What it is."""',
        'class A:\n    def f(self):\n        """What it takes."""',
        "#: What stands there.\nX = 1",
        "class A:\n    #: What stands there.\n    x: int",
    ],
)
def test_planted_riddles_are_found(planted: str) -> None:
    """The check can fail, wherever a sentence stands."""
    assert len(riddles(planted)) == 1


def test_other_sentences_are_let_through() -> None:
    """Neither a question nor a "what" inside a sentence is blamed."""
    assert riddles('"""What is ∂L/∂X?"""\n#: Words for what it is.\nX = "What"  # What') == []
