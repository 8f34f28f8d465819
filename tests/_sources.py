"""The source of the package: each file is read and parsed once, and its tree is not kept."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

from matderiv._collector import uncollected


def parsed(source: str) -> ast.Module:
    """The syntax tree of a text."""
    with uncollected():
        return ast.parse(source)


@cache
def leaves_of(path: Path) -> tuple[ast.Import | ast.ImportFrom | ast.Constant, ...]:
    """The imports and the strings in a file, without the rest of its tree."""
    return tuple(
        node
        for node in ast.walk(parsed(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Import | ast.ImportFrom)
        or (isinstance(node, ast.Constant) and isinstance(node.value, str))
    )
