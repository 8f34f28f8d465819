"""The source of the package, each file read and parsed once."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path


@cache
def parsed(source: str) -> ast.Module:
    """The syntax tree of a text."""
    return ast.parse(source)


@cache
def nodes_of(path: Path) -> tuple[ast.AST, ...]:
    """All nodes of the syntax tree of a file."""
    return tuple(ast.walk(parsed(path.read_text(encoding="utf-8"))))
