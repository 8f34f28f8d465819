"""Index maps as they are typed: X[1:, 0], roll(X, 1, axis=0), concatenate((A, B)), onehot(y, K)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from matderiv.expression import nodes
from matderiv.expression.index_maps import parts_of
from matderiv.expression.nodes import Node
from matderiv.expression.size_text import SizeText, put, size_difference, size_sum

__all__ = [
    "as_moves",
    "gathered_text",
    "index_text",
    "indexed_base",
    "is_indexed",
    "joined_text",
    "mapped_text",
    "padded",
    "selection_text",
    "slices",
    "surface",
]

_MOST = 9  # axes
_Move = tuple[int | str | None, ...]


def as_moves(constant: nodes.Selection) -> tuple[_Move, ...]:
    """The maps whose constant this is, one after the other; none if it is no map along an axis.

    >>> as_moves(nodes.Selection("slice", (1, 1), ("N - 1", "N")))
    (('slice', 1, None, 1),)
    >>> as_moves(nodes.Selection("slice", (1, -1), (2, "N")))
    (('slice', None, 2, 1), ('slice', None, None, -1))
    """
    match constant:
        case nodes.Selection("slice", (last, int(step)), (rows, size)) if step < 0:
            reach = put(f"{-step}*n", {"n": size_difference(rows, 1)})
            first, taken = size_difference(last, reach), size_sum(reach, 1)
            plain = _as_move(nodes.Selection("slice", (first, 1), (taken, size)))
            assert plain is not None
            back: _Move = ("slice", None, None, step)
            return (back,) if plain == ("slice", None, None, 1) else (plain, back)
    move = _as_move(constant)
    return () if move is None else (move,)


def _as_move(constant: nodes.Selection) -> _Move | None:
    *rows, size = constant.sizes
    match constant:
        case nodes.Selection("at", (first,)):
            return ("at", _near_end(first, size))
        case nodes.Selection("slice", (first, int(step))):
            start = None if first == 0 else first
            last = size_sum(first, put(f"{step}*n", {"n": size_difference(rows[0], 1)}))
            whole = put(f"({size_difference(size, first)} + {step - 1})//{step}", {})
            stop = None if whole == rows[0] else _near_end(size_sum(last, 1), size)
            start = start if start is None else _near_end(start, size)
            return ("slice", start, stop, step)
        case nodes.Selection("roll", (int(shift),)):
            return ("roll", shift)
        case nodes.Selection("tri", (0,)) if rows[0] == size:
            return ("cumsum",)
        case nodes.Selection("repeat", (int(times),)):
            return ("repeat", times)
        case nodes.Selection("windows", (int(stride), int(dilation))):
            return ("windows", rows[1], stride, dilation)
    return None


def _near_end(place: SizeText, size: SizeText) -> SizeText:
    """A place counted from the last where that is a number: -1 for N - 1."""
    behind = size_difference(place, size)
    return behind if isinstance(place, str) and isinstance(behind, int) and behind < 0 else place


def _part(move: _Move, size: Callable[[SizeText], str] = str) -> str:
    match move:
        case ("at", place):
            return size(place or 0)
        case (_, start, stop, step):
            low, high = ("" if n is None else size(n) for n in (start, stop))
            return f"{low}:{high}" if step == 1 else f"{low}:{high}:{step}"
    raise AssertionError(move)


def indexed_base(node: nodes.Mapped) -> tuple[Node, str]:
    """The array that slices and entries are taken of, and all of them in one pair of brackets."""
    axis = node.axis or 0
    if axis < 0:
        rest = ", :" * (-1 - axis)
        return node.arg, f"[..., {_part(node.move)}{rest}]"
    base, parts = slices(node)
    return base, index_text(parts)


def index_text(parts: Mapping[int, _Move], size: Callable[[SizeText], str] = str) -> str:
    """The slices and entries along the axes, in brackets: [1:, 0].

    >>> index_text({1: ("slice", None, -1, 1)})
    '[:, :-1]'
    """
    words = (_part(parts[axis], size) if axis in parts else ":" for axis in range(max(parts) + 1))
    return f"[{', '.join(words)}]"


def is_indexed(node: Node) -> bool:
    """Whether a map takes a slice or an entry."""
    return isinstance(node, nodes.Mapped) and node.move[0] in ("slice", "at")


def _parts(node: Node) -> tuple[Node, dict[int, _Move], list[int]]:
    """The array, what is taken along each of its axes, and the axes that are left."""
    if not isinstance(node, nodes.Mapped) or not is_indexed(node) or (node.axis or 0) < 0:
        return node, {}, list(range(_MOST))
    base, parts, left = _parts(node.arg)
    own = left[node.axis or 0]
    if own in parts:  # a slice of a slice
        base, parts, left = node.arg, {}, list(range(_MOST))
        own = left[node.axis or 0]
    if node.move[0] == "at":
        left = [axis for axis in left if axis != own]
    return base, {**parts, own: node.move}, left


def mapped_text(node: nodes.Mapped, arg: str, axis_word: str = "axis") -> str:
    """A call that moves entries: roll(X, 1, axis=0), pad(X, ((1, 0), (0, 0)))."""
    name, *rest = node.move
    words = [arg]
    match node.move:
        case ("pad", before, after, _):
            words.append(f"({before}, {after})")
        case ("tril" | "triu", k):
            words += [str(k)] * (k != 0)
        case ("windows" | "fold", size, stride, dilation):
            words.append(str(size))
            words += [f"stride={stride}"] * (stride != 1)
            words += [f"dilation={dilation}"] * (dilation != 1)
        case _:
            words += map(str, rest)
    if node.axis is not None and name != "pad":
        words.append(f"{axis_word}={node.axis}")
    return f"{name}({', '.join(words)})"


def padded(node: nodes.Mapped, axes: int) -> tuple[Node, tuple[tuple[SizeText, SizeText], ...]]:
    """The array that zeros stand around, and how many before and after it along each axis."""
    widths: list[tuple[SizeText, SizeText]] = [(0, 0)] * axes
    base: Node = node
    while isinstance(base, nodes.Mapped) and base.move[0] == "pad":
        places = range(axes) if base.axis is None else [base.axis % axes]
        if any(widths[place] != (0, 0) for place in places):
            break
        _, before, after, _ = base.move
        for place in places:
            widths[place] = (before or 0, after or 0)
        base = base.arg
    return base, tuple(widths)


def joined_text(node: nodes.Joined, text: Callable[[Node], str], axis_word: str = "axis") -> str:
    """Arrays in one: concatenate((A, B), axis=1)."""
    parts = ", ".join(map(text, parts_of(node)))
    if node.how == "list":
        return f"[{parts}]"
    axis = f", {axis_word}={node.axis}" if node.axis else ""
    return f"{node.how}(({parts}){axis})"


def gathered_text(node: nodes.Gathered, labels: str, rows: str) -> str:
    """Labels in square brackets: [y], [:, y], [arange(N), y]."""
    return {
        "rows": f"[{labels}]",
        "columns": f"[:, {labels}]",
        "picked": f"[arange({rows}), {labels}]",
    }[node.how]


def slices(node: nodes.Mapped) -> tuple[Node, dict[int, _Move]]:
    """The array that slices and entries are taken of, and what is taken along each axis."""
    base, parts, _ = _parts(node)
    return base, parts


def surface(node: nodes.Selection) -> nodes.Mapped | nodes.Reshape:
    """A constant as an identity matrix in other sizes, or as the map of one.

    >>> surface(nodes.Selection("flat", (), ("N", "D", "D*N")))
    Reshape(arg=Eye(size='D*N'), sizes=('N', 'D', 'D*N'), how='C')
    """
    made: Node = nodes.Eye(node.sizes[-1])
    if node.kind == "flat":  # row i, k has its 1 where the entry i, k is read
        return nodes.Reshape(made, node.sizes)
    for move in as_moves(node):
        made = nodes.Mapped(made, move, 0)
    assert isinstance(made, nodes.Mapped)
    return made


def selection_text(node: nodes.Selection) -> Node | str:
    """A constant as the map of an identity matrix, or as a triangle of ones."""
    size = node.sizes[-1]
    if node.kind == "tri":
        (k,) = node.params
        words = [str(n) for n in node.sizes[: 1 if node.sizes[0] == size and k == 0 else None]]
        return f"tri({', '.join([*words, *([str(k)] * (k != 0))])})"
    return surface(node)
