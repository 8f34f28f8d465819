"""Calls of NumPy's that move entries, and indices in square brackets, as nodes."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Callable, Sequence

from matderiv.errors import ShapeError
from matderiv.expression import nodes
from matderiv.expression.nodes import Node
from matderiv.expression.size_text import SizeText, is_worked_out, put

__all__ = ["Labels", "block", "indexed", "joining", "literal", "map_calls", "read_size"]

Axis = int | None
_BACKWARDS = ("slice", None, None, -1)
_MOST_DIFFERENCES = 8


# -- calls -----------------------------------------------------------------------------------------


def _roll(arg: Node, shift: int, axis: Axis = None) -> Node:
    return nodes.Mapped(arg, ("roll", shift), axis)


def _cumsum(arg: Node, axis: Axis = None) -> Node:
    return nodes.Mapped(arg, ("cumsum",), axis)


def _diff(arg: Node, n: int = 1, axis: Axis = -1) -> Node:
    """Each entry less the one before it, n times over."""
    if not 0 <= n <= _MOST_DIFFERENCES:
        raise ShapeError(f"differences are taken up to {_MOST_DIFFERENCES} times: diff(X, 2).")
    ends = ("slice", 1, None, 1), ("slice", None, -1, 1)
    for _ in range(n):
        arg = nodes.Subtract(*(nodes.Mapped(arg, end, axis) for end in ends))
    return arg


def _repeat(arg: Node, times: int, axis: Axis = None) -> Node:
    if times < 1:
        raise ShapeError("an array is repeated once or more.")
    return nodes.Mapped(arg, ("repeat", times), axis)


def _triangle(kind: str) -> Callable[..., Node]:
    return lambda arg, k=0: nodes.Mapped(arg, (kind, k))


def _windows(
    arg: Node, kernel: SizeText, axis: Axis = -1, stride: int = 1, dilation: int = 1
) -> Node:
    """Entry k of window i is entry s·i + d·k: the axis of windows and that of their entries."""
    return nodes.Mapped(arg, ("windows", kernel, *_steps(stride, dilation)), axis)


def _fold(arg: Node, length: SizeText, axis: Axis = -1, stride: int = 1, dilation: int = 1) -> Node:
    """Windows added up, each entry at its place: the transposed map."""
    return nodes.Mapped(arg, ("fold", length, *_steps(stride, dilation)), axis)


def _steps(*steps: object) -> tuple[int, ...]:
    found = tuple(step for step in steps if isinstance(step, int) and step > 0)
    if len(found) < len(steps):
        raise ShapeError("stride and dilation are whole numbers from 1.")
    return found


def _tri(rows: SizeText, columns: SizeText | None = None, k: int = 0) -> Node:
    return nodes.Selection("tri", (k,), (rows, rows if columns is None else columns))


def _take(arg: Node, labels: Node, axis: Axis = None) -> Node:
    match labels:
        case nodes.Number(value) if value.denominator == 1:
            return nodes.Mapped(arg, ("at", int(value)), axis)
    if axis not in (None, 0, 1, -1):
        raise ShapeError("labels name rows, axis=0, or columns, axis=1.")
    return nodes.Gathered(arg, labels, "columns" if axis in (1, -1) else "rows")


#: Each call with the words of its operands and of its options, in order.
map_calls: dict[str, tuple[Callable[..., Node], tuple[str, ...], tuple[str, ...]]] = {
    "roll": (_roll, ("X",), ("shift", "axis")),
    "flipud": (lambda arg: nodes.Mapped(arg, _BACKWARDS, 0), ("X",), ()),
    "fliplr": (lambda arg: nodes.Mapped(arg, _BACKWARDS, 1), ("X",), ()),
    "cumsum": (_cumsum, ("X",), ("axis",)),
    "diff": (_diff, ("X",), ("n", "axis")),
    "repeat": (_repeat, ("X",), ("repeats", "axis")),
    "tril": (_triangle("tril"), ("X",), ("k",)),
    "triu": (_triangle("triu"), ("X",), ("k",)),
    "windows": (_windows, ("X",), ("kernel", "axis", "stride", "dilation")),
    "fold": (_fold, ("X",), ("length", "axis", "stride", "dilation")),
    "tri": (_tri, (), ("rows", "columns", "k")),
    "take": (_take, ("X", "y"), ("axis",)),
}


# -- arrays put together -----------------------------------------------------------------------


def joining(how: str) -> Callable[..., Node]:
    """The function that joins any number of arrays."""

    def make(*parts: Node, axis: int = 0) -> Node:
        along = axis if how in ("concatenate", "stack") else None
        if len(parts) == 1 and how == "concatenate":
            return parts[0]
        if len(parts) == 1:
            raise ShapeError("give two arrays or more.")
        first, *rest = parts
        for number, part in enumerate(rest):
            first = nodes.Joined(first, part, how, along, more=number > 0)
        return first

    return make


def _kept(row: Node) -> Node:
    return nodes.Rearrange(row, (None,), 1)


def literal(rows: Sequence[Node]) -> Node:
    """Numbers or arrays side by side along a new first axis."""
    return joining("list")(*rows) if len(rows) > 1 else _kept(rows[0])


def block(rows: Sequence[Sequence[Node]]) -> Node:
    """Matrices put together by rows and columns."""
    made = [joining("concatenate")(*row, axis=-1) for row in rows]
    return joining("concatenate")(*made, axis=-2 if len(made) > 1 else 0)


# -- indices in square brackets ------------------------------------------------------------------


class Labels:
    """An index that is no number: labels, given by their name, and the rows before it."""

    def __init__(self, tree: ast.expr, rows: ast.expr | None, how: str) -> None:
        self.tree = tree
        self.rows = rows
        self.how = how


def read_size(tree: ast.expr) -> SizeText | None:
    """A size as it is written, N - 1 or 3; None if it is none."""
    parts = (ast.BinOp, ast.UnaryOp, ast.Constant, ast.Name, ast.operator, ast.unaryop, ast.Load)
    if not all(isinstance(part, parts) for part in ast.walk(tree)):
        return None
    try:
        return put(ast.unparse(tree), {})
    except ValueError:
        return None


def indexed(arg: Node, index: ast.expr) -> Node | Labels:
    """A slice, an entry or new axes of an array; or the labels that it is indexed by.

    Raises:
        ShapeError: such an index is not in the language; the error says what to write.
    """
    parts = index.elts if isinstance(index, ast.Tuple) else [index]
    if (labels := _labels(parts)) is not None:
        return labels
    match parts:
        case [ast.List(elts=[_, *_] as places)]:
            rows = [nodes.Mapped(arg, _move(place) or (), 0) for place in places]
            if all(row.move[:1] == ("at",) for row in rows):
                return joining("stack")(*rows) if len(rows) > 1 else _kept(rows[0])
    dots = [n for n, part in enumerate(parts) if _is_dots(part)]
    if len(dots) > 1:
        raise ShapeError("one ellipsis is enough in an index.")
    cut = dots[0] if dots else len(parts)
    front, behind = parts[:cut], parts[cut + 1 :]
    ends = _axes(front, 0), _axes(behind, -sum(not _is_new(part) for part in behind))
    moves = [(axis, move) for part, axis in itertools.chain(*ends) if (move := _move(part))]
    for axis, move in moves:
        if move[0] != "at":
            arg = nodes.Mapped(arg, move, axis)
    taken = [(axis, move) for axis, move in moves if move[0] == "at"]
    # Of axes counted from the first the last goes first, so that the others keep their numbers.
    for axis, move in sorted(taken, key=lambda pair: (pair[0] < 0, -abs(pair[0]))):
        arg = nodes.Mapped(arg, move, axis)
    if not any(map(_is_new, parts)):
        return arg
    kept, last = ([p for p in end if _is_new(p) or not _takes_one(p)] for end in (front, behind))
    order = _order(kept, 0)
    return nodes.Rearrange(
        arg, (*order, *_order(last, -sum(not _is_new(part) for part in last))), len(order)
    )


def _axes(parts: list[ast.expr], first: int) -> list[tuple[ast.expr, int]]:
    """The parts of an index that stand for an axis, each with its number."""
    return list(zip((part for part in parts if not _is_new(part)), itertools.count(first)))


def _order(parts: list[ast.expr], first: int) -> list[int | None]:
    """The axes that are left, and None for new ones."""
    counted = itertools.count(first)
    return [None if _is_new(part) else next(counted) for part in parts]


def _labels(parts: list[ast.expr]) -> Labels | None:
    match parts:
        case [ast.Name(id=name) as labels] if name != "newaxis":
            return Labels(labels, None, "rows")
        case [ast.Name(id=name) as labels, ast.Slice(None, None, None)] if name != "newaxis":
            return Labels(labels, None, "rows")
        case [ast.Slice(None, None, None), ast.Name(id=name) as labels] if name != "newaxis":
            return Labels(labels, None, "columns")
        case [ast.Call(func=ast.Name(id="arange" | "range"), args=[rows]), ast.Name() as labels]:
            return Labels(labels, rows, "picked")
    return None


def _is_dots(tree: ast.expr) -> bool:
    return isinstance(tree, ast.Constant) and tree.value is ...


def _is_new(tree: ast.expr) -> bool:
    match tree:
        case ast.Constant(value=None) | ast.Name(id="newaxis"):
            return True
    return False


def _takes_one(tree: ast.expr) -> bool:
    return not isinstance(tree, ast.Slice)


def _move(tree: ast.expr) -> tuple[int | str | None, ...] | None:
    """The map of one part of an index; None where it takes all."""
    match tree:
        case ast.Slice(None, None, None):
            return None
        case ast.Slice(lower, upper, step):
            by = 1 if step is None else _place(step)
            if not isinstance(by, int) or by == 0:
                raise ShapeError("the step of a slice is a whole number other than 0.")
            return ("slice", *(None if n is None else _place(n) for n in (lower, upper)), by)
        case ast.Compare() | ast.BoolOp():
            raise ShapeError(
                "how many entries a condition takes is no size; multiply by the condition, as in "
                "sum(x*(x > 0))."
            )
    place = _place(tree)
    if isinstance(place, str) and not is_worked_out(place):
        raise ShapeError(f"an index is a whole number, a slice or labels, not {place}.")
    return ("at", place)


def _place(tree: ast.expr) -> SizeText:
    found = read_size(tree)
    if found is None:
        raise ShapeError(
            f"{ast.unparse(tree)[:24]} is no index; indices are whole numbers such as 0 and -1, "
            "slices such as 1: and ::2, and labels, an input by its name."
        )
    return found
