"""Reading mathematics: Python's `ast` as the parser, and a list of what may stand in a formula."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from fractions import Fraction
from functools import lru_cache
from typing import Any, NoReturn

from certificates.frame import refuse

MOST_TEXT, MOST_DIGITS, MOST_DEPTH = 200_000, 1300, 200

Tree = tuple[Any, ...]

#: The number π, which is written acos(-1); no name of a program is written so.
PI: Tree = ("name", "π")
_ARC: Tree = ("call", "acos", (("num", -1),))
_BELOW: Tree = ("num", -1)

#: Calls that put entries in other places; so do slices, labels and lists of arrays.
INDEX_MAPS = frozenset(
    "concatenate cumsum fold hstack kron onehot pad ravel repeat reshape roll stack tri tril triu "
    "vec vstack windows".split()
)

_FOREIGN = re.compile(r"[^A-Za-z0-9_ +\-*/@().,:=\[\]]")
_NUMBER = re.compile(r"(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:e-?[0-9]{1,3})?")


@lru_cache(maxsize=1 << 14)
def parse(text: str) -> Tree:
    """The tree of an expression: numbers, names, calls, entries, + - * / ** @ .T .mT and [:, None].

    `X.differential` is a name, and `X.unit[p, q]` an entry, of arrays with a dot in their names.
    """
    if not isinstance(text, str) or len(text) > MOST_TEXT:
        refuse("an expression is no text, or too long")
    if foreign := _FOREIGN.search(text):
        refuse(f"{text[:60]!r} cannot be read at {foreign[0]!r}")
    try:
        return _tree(ast.parse(text.strip(), mode="eval").body, text.strip(), 0)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        refuse(f"{text[:60]!r} is no expression, or nested too deeply")


def _tree(node: ast.expr, text: str, depth: int) -> Tree:
    """The tree of a part of a text."""

    def part(inner: ast.expr) -> Tree:
        return _tree(inner, text, depth + 1)

    def row(kind: str, first: type[ast.operator], other: type[ast.operator]) -> Tree:
        """A sum or a product of parts; those after the other operator are turned over."""
        left, found = node, []
        while isinstance(left, ast.BinOp) and isinstance(left.op, first | other):
            right = part(left.right)
            found.append(_TURNED[kind](right) if isinstance(left.op, other) else right)
            left = left.left
        return kind, (part(left), *found[::-1])

    written = text[node.col_offset : node.end_col_offset]
    if depth > MOST_DEPTH:
        refuse(f"an expression is nested more than {MOST_DEPTH} levels deep")
    match node:
        case (
            ast.Constant(value=bool() | None)
            | ast.Name()
            | ast.Attribute(value=ast.Name(), attr="differential" | "unit")
        ):
            return ("name", written)
        case ast.Constant() if _NUMBER.fullmatch(written) and len(written) <= MOST_DIGITS:
            return ("num", int(written) if written.isdigit() else Fraction(written))
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return minus(part(operand))
        case ast.BinOp(op=ast.Add() | ast.Sub()):
            return row("add", ast.Add, ast.Sub)
        case ast.BinOp(op=ast.Mult() | ast.Div()):
            return row("mul", ast.Mult, ast.Div)
        case ast.BinOp(left=left, op=ast.MatMult() | ast.Pow() as sign, right=right):
            kind = "pow" if isinstance(sign, ast.Pow) else "matmul"
            return (kind, part(left), part(right))
        case ast.Compare(left=left, ops=[ast.Eq()], comparators=[right]):
            one, other = part(left), part(right)
            apart = one if other == ("num", 0) else ("add", (one, minus(other)))
            return ("call", "iszero", (apart,))
        case ast.Attribute(value=value, attr="T" | "mT" as word):
            return (word, part(value))
        case ast.Subscript(value=value, slice=ast.Tuple(elts=items) | items):
            several = items if isinstance(items, list) else [items]
            axes = list(map(_axis, several))
            if all(axes):
                return ("new", part(value), "".join(axes))
            name = part(value)
            if name[0] == "name" and not any(axes):
                return ("index", name[1], tuple(map(part, several)))
        case ast.Tuple(elts=several):
            return ("tuple", tuple(map(part, several)))
        case ast.Call(func=ast.Name(id=name), args=several, keywords=options) if all(
            option.arg for option in options
        ):
            given = (("option", option.arg, part(option.value)) for option in options)
            found: Tree = ("call", name, (*map(part, several), *given))
            return PI if found == _ARC else found
    _refuse_part(node, text, written)


def _refuse_part(node: ast.expr, text: str, written: str) -> NoReturn:
    match node:
        case ast.Subscript(
            ast.Call(ast.Name(word)), ast.Name() | ast.Tuple(elts=[ast.Name(), *_])
        ) if word not in INDEX_MAPS:
            refuse(f"{text[:60]!r}: entries are those of names, and {word[:20]!r} is a function")
    if isinstance(node, ast.Subscript | ast.Slice | ast.List):
        refuse_index_map(text)
    refuse(f"{text[:60]!r} cannot be read at {written[:20]!r}")


def refuse_index_map(where: str) -> NoReturn:
    """Refuse a formula that takes entries from other places."""
    refuse(
        f"{where[:60]!r} holds an index map (a slice, an entry, labels, windows, arrays put "
        "together or in another shape, a running sum), and this script does not read "
        "certificates with index maps"
    )


def minus(tree: Tree) -> Tree:
    """A number below 0 as such; -u as -1 times u."""
    return ("num", -tree[1]) if tree[0] == "num" else ("mul", (_BELOW, tree))


def over(tree: Tree) -> Tree:
    """1/u."""
    return ("pow", tree, _BELOW)


_TURNED = {"add": minus, "mul": over}


def _axis(index: ast.expr) -> str:
    """An axis in an index such as [:, None]: a colon or an N."""
    match index:
        case ast.Slice(lower=None, upper=None, step=None):
            return ":"
        case ast.Constant(value=None):
            return "N"
    return ""


def walk(tree: Tree) -> Iterator[Tree]:
    """All parts of a tree."""
    left = [tree]
    while left:
        node = left.pop()
        if isinstance(node[0], str):
            yield node
        left.extend(part for part in node if isinstance(part, tuple))


def exchanged(tree: Any, table: Mapping[Tree, Tree]) -> Any:  # noqa: ANN401 - a tree or a leaf
    """The tree with some of its parts exchanged for others."""
    kinds, known = {part[0] for part in table}, {}

    def change(part: Any) -> Any:  # noqa: ANN401
        if not isinstance(part, tuple):
            return part
        if part and isinstance(part[0], str) and part[0] in kinds and part in table:
            return table[part]
        if id(part) not in known:
            known[id(part)] = tuple(map(change, part))
        return known[id(part)]

    return change(tree)


def whole_number(tree: Tree) -> int | None:
    """The whole number that is written, if one is."""
    return tree[1] if tree[0] == "num" and isinstance(tree[1], int) else None
