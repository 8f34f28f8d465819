"""Sizes that a program asks its arrays for: X.shape[0], len(x), x.size, and n, d = X.shape.

While a program is read such a size is a letter that nobody can type, X·0; once the shapes of all
arrays are known it is the size's own letter.
"""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Iterable

from matderiv.expression.index_calls import read_size
from matderiv.expression.size_text import ALL, is_length, length_of

__all__ = ["Lengths", "asks_sizes"]

_AXIS = re.compile(r"-?\d")
_ASKED = re.compile(r"\.\s*(shape|size|numel)\b|\blen\s*\(")


def asks_sizes(text: str) -> bool:
    """Whether a text may ask an array for a size."""
    return _ASKED.search(text) is not None


class Lengths(ast.NodeTransformer):
    """Puts letters in the place of sizes that are asked for, and of the names given to them."""

    def __init__(self, names: Iterable[tuple[str, str]] = ()) -> None:
        self.given = {name: ast.parse(size, mode="eval").body for name, size in names}

    def named(self, statement: ast.stmt) -> list[ast.Name]:
        """The names that a statement gives to sizes and does nothing else; later they are sizes."""
        match statement:
            case ast.Assign([ast.Tuple(targets)], ast.Attribute(ast.Name() as of, "shape")):
                values = [_letter(of, str(axis), of) for axis in range(len(targets))]
            case ast.Assign([ast.Tuple(targets)], ast.Tuple(parts)) if len(targets) == len(parts):
                values = [self.visit(part) for part in parts]
            case ast.Assign([target], value):
                targets, values = [target], [self.visit(value)]
            case _:
                return []
        names = [target for target in targets if isinstance(target, ast.Name)]
        if len(names) < len(targets) or not all(map(_is_size, values)):
            return []
        self.given |= {name.id: value for name, value in zip(names, values, strict=True)}
        return names

    def names(self) -> tuple[tuple[str, str], ...]:
        """The names given to sizes, each with the text of the size."""
        return tuple((name, ast.unparse(value)) for name, value in self.given.items())

    def visit_Name(self, tree: ast.Name) -> ast.expr:
        """A size by the name that it was given."""
        known = self.given.get(tree.id) if isinstance(tree.ctx, ast.Load) else None
        return tree if known is None else ast.copy_location(copy.deepcopy(known), tree)

    def visit_Subscript(self, tree: ast.Subscript) -> ast.expr:
        """X.shape[0]."""
        match tree:
            case ast.Subscript(ast.Attribute(ast.Name() as of, "shape"), axis):
                return _letter(of, ast.unparse(axis), tree)
        self.generic_visit(tree)
        return tree

    def visit_Call(self, tree: ast.Call) -> ast.expr:
        """len(X), and X.size(0) and X.numel() of torch."""
        match tree:
            case ast.Call(ast.Name("len"), [ast.Name() as of], []):
                return _letter(of, "0", tree)
            case ast.Call(ast.Attribute(ast.Name() as of, "size"), [axis], []):
                return _letter(of, ast.unparse(axis), tree)
            case ast.Call(ast.Attribute(ast.Name() as of, "numel"), [], []):
                return _letter(of, ALL, tree)
        self.generic_visit(tree)
        return tree

    def visit_Attribute(self, tree: ast.Attribute) -> ast.expr:
        """x.size."""
        match tree:
            case ast.Attribute(ast.Name() as of, "size"):
                return _letter(of, ALL, tree)
        self.generic_visit(tree)
        return tree


def _letter(of: ast.Name, axis: str, tree: ast.expr) -> ast.expr:
    """The letter of a size; the tree itself where the axis is no number."""
    if axis != ALL and not _AXIS.fullmatch(axis):
        return tree
    return ast.copy_location(ast.Name(length_of(of.id, axis), ast.Load()), tree)


def _is_size(tree: ast.expr) -> bool:
    """Whether an expression is a whole formula of sizes that are asked for."""
    names = [part.id for part in ast.walk(tree) if isinstance(part, ast.Name)]
    return bool(names) and all(map(is_length, names)) and read_size(tree) is not None
