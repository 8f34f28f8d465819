"""Axes moved, added and named by subscripts: what NumPy writes, as nodes."""

from __future__ import annotations

import functools
import itertools
import re
import string
from collections import Counter
from collections.abc import Callable

from matderiv.errors import ShapeError
from matderiv.expression import nodes
from matderiv.expression.nodes import Node

__all__ = [
    "as_einsum",
    "at_once",
    "einsum",
    "expand_dims",
    "full_order",
    "in_one_order",
    "moveaxis",
    "over_axes",
    "permuted",
    "swapaxes",
    "tensordot",
    "variance",
]

Axes = tuple[int, ...]
_MOST_AXES = 8

#: Reductions along one axis after the other that are the same over all of them at once.
_SEVERAL = nodes.Sum | nodes.Mean | nodes.Max | nodes.Min


def full_order(node: nodes.Rearrange, dimensions: int) -> tuple[int | None, ...] | None:
    """The order of an array's axes with each one named; None where it has other axes.

    >>> full_order(nodes.Rearrange(nodes.Name("X"), (-1, -2), rest=0), 3)
    (0, 2, 1)
    >>> full_order(nodes.Rearrange(nodes.Name("X"), (0, None), rest=2), 2)
    (0, None, 1)
    """
    named = [n if n is None or n >= 0 else n + dimensions for n in node.order]
    if node.rest is not None:
        others = [n for n in range(dimensions) if n not in named]
        named[node.rest : node.rest] = others
    fits = sorted(n for n in named if n is not None) == list(range(dimensions))
    return tuple(named) if fits else None


def permuted(arg: Node, axes: Axes | None = None) -> Node:
    """Axis n is axis axes[n] of A; without axes their order is turned round.

    >>> permuted(nodes.Name("X"))
    Transpose(arg=Name(name='X'))
    """
    return nodes.Transpose(arg) if axes is None else nodes.Rearrange(arg, axes)


def swapaxes(arg: Node, axis1: int, axis2: int) -> Node:
    """Two axes change places; all others stay.

    >>> swapaxes(nodes.Name("X"), -1, -2)
    Rearrange(arg=Name(name='X'), order=(-1, -2), rest=0)
    """
    first, last = sorted((axis1, axis2))
    if first >= 0:  # both are counted from the first
        return nodes.Rearrange(arg, (*range(first), last, *range(first + 1, last), first), last + 1)
    if last < 0:
        return nodes.Rearrange(arg, (last, *range(first + 1, last), first, *range(last + 1, 0)), 0)
    return nodes.Rearrange(arg, (*range(last), first, last, *range(first + 1, 0)), last + 1)


def moveaxis(arg: Node, source: int, destination: int) -> Node:
    """Axis `source` moves to place `destination`; the others keep their order.

    Raises:
        ShapeError: a place in the middle is counted from the other end than the axis.
    """
    axis, to = source, destination
    if to in (0, -1):
        return nodes.Rearrange(arg, (axis,), rest=1 if to == 0 else 0)
    if axis >= 0 and to >= 0:
        before = [n for n in range(max(axis, to) + 1) if n != axis]
        order = (*before[:to], axis, *before[to:])
        return nodes.Rearrange(arg, order, len(order))
    if axis < 0 and to < 0:
        behind = [n for n in range(min(axis, to), 0) if n != axis]
        place = len(behind) + 1 + to
        return nodes.Rearrange(arg, (*behind[:place], axis, *behind[place:]), 0)
    raise ShapeError("count both axes from the first, or both from the last.")


def expand_dims(arg: Node, axis: int) -> Node:
    """A new axis of a single entry at place `axis`.

    >>> expand_dims(nodes.Name("x"), 1)
    Rearrange(arg=Name(name='x'), order=(0, None), rest=2)
    """
    if axis >= 0:
        return nodes.Rearrange(arg, (*range(axis), None), axis + 1)
    return nodes.Rearrange(arg, (None, *range(axis + 1, 0)), 0)


def over_axes(kind: Callable[..., Node], arg: Node, axes: Axes, *, keepdims: bool = False) -> Node:
    """A reduction, or softmax, over several axes at once.

    Raises:
        ShapeError: axes are counted from both ends, or one is named twice.
    """
    if len({axis < 0 for axis in axes}) != 1:
        raise ShapeError("count all axes from the first, as in axis=(0, 1), or all from the last.")
    if len(set(axes)) < len(axes):
        raise ShapeError("each axis is named once.")
    order = sorted(axes, key=abs, reverse=True)  # so that those to come keep their numbers

    def nested(kind: Callable[..., Node], arg: Node, *, keepdims: bool) -> Node:
        for axis in order:
            arg = kind(arg, axis, keepdims=keepdims)
        return arg

    if kind in (nodes.Var, nodes.Std):
        mean = nested(nodes.Mean, arg, keepdims=True)
        square = nodes.Power(nodes.Subtract(arg, mean), nodes.TWO)
        var = nested(nodes.Mean, square, keepdims=keepdims)
        return var if kind is nodes.Var else nodes.Apply("sqrt", var)
    if kind is nodes.Softmax:
        powers = nodes.Apply("exp", arg)
        return nodes.Divide(powers, nested(nodes.Sum, powers, keepdims=True))
    if kind is nodes.LogSoftmax:
        return nodes.Subtract(arg, nested(nodes.LogSumExp, arg, keepdims=True))
    return nested(kind, arg, keepdims=keepdims)


def variance(
    kind: Callable[..., Node],
    arg: Node,
    axis: int | Axes | None = None,
    ddof: int = 0,
    *,
    keepdims: bool = False,
) -> Node:
    """The variance or the standard deviation of n entries, that divides by n - ddof.

    Raises:
        ShapeError: several axes are named, and a number to take from their entries.
    """
    if not isinstance(axis, tuple):
        return kind(arg, axis, keepdims, ddof)
    if ddof:
        raise ShapeError("over several axes it divides by n; multiply it by n/(n - 1).")
    return over_axes(kind, arg, axis, keepdims=keepdims)


def at_once(node: Node) -> tuple[Node, Axes] | None:
    """The array of which sums of sums and the like are one over several axes, and these.

    >>> at_once(over_axes(nodes.Sum, nodes.Name("X"), (0, 2)))
    (Name(name='X'), (0, 2))
    """
    found = _nested(node)
    return found if found and in_one_order(node) == node else None


def in_one_order(node: Node) -> Node:
    """Sums of sums in the order in which several axes at once are read: the last axis first.

    >>> in_one_order(nodes.Sum(nodes.Sum(nodes.Name("X"), 0), 0))
    Sum(arg=Sum(arg=Name(name='X'), axis=1, keepdims=False), axis=0, keepdims=False)
    """
    found = _nested(node)
    if found is None or not isinstance(node, _SEVERAL):
        return node
    return over_axes(type(node), *found, keepdims=node.keepdims)


def _nested(node: Node) -> tuple[Node, Axes] | None:
    if not isinstance(node, _SEVERAL) or not isinstance(node.arg, type(node)):
        return None
    within, axis = node.arg, node.axis
    if axis is None or within.axis is None or min(axis, within.axis) < 0:
        return None
    if within.keepdims != node.keepdims:
        return None
    arg, axes = _nested(within) or (within.arg, (within.axis,))
    if not node.keepdims:  # the axes before are counted again
        for gone in axes:
            axis += gone <= axis
    return arg, tuple(sorted({*axes, axis}))


def einsum(subscripts: str, *operands: Node) -> Node:
    """Σ of the product of the operands' entries over all letters that the result lacks.

    Raises:
        ShapeError: the subscripts do not say what NumPy would read.

    >>> from matderiv.expression.source import source
    >>> source(einsum("ij,kj->ik", nodes.Name("A"), nodes.Name("B")))
    '(A @ transpose(B, (1, 0)))'
    """
    text = subscripts.replace(" ", "")
    dots = "..." in text
    if dots:
        text = _without_dots(text)
    if not re.fullmatch(r"[A-Za-z]*(,[A-Za-z]*)*(->[A-Za-z]*)?", text):
        raise ShapeError(f"{subscripts!r} are no subscripts such as 'ij,jk->ik', a letter an axis.")
    inputs, arrow, result = text.partition("->")
    letters = inputs.split(",")
    if len(letters) != len(operands):
        raise ShapeError(f"{subscripts!r} names {len(letters)} arrays and {len(operands)} follow.")
    counts = Counter(inputs.replace(",", ""))
    if not arrow:
        result = "".join(sorted(letter for letter, number in counts.items() if number == 1))
    if doubtful := [
        letter for letter in result if letter not in counts or result.count(letter) > 1
    ]:
        raise ShapeError(
            f"{doubtful[0]} stands after the arrow, and must stand there once and in front "
            "of it at least once."
        )
    if dots:
        written = subscripts.replace(" ", "").split("->")[0].split(",")
        return _of_last_axes([*zip(operands, letters, written, strict=True)], result)
    left, over = _plain(operands[0], letters[0])
    for n, (operand, subs) in enumerate(zip(operands[1:], letters[1:], strict=True), 1):
        right, axes = _plain(operand, subs)
        later = set(result).union(*letters[n + 1 :])
        left, over = _contracted((left, over), (right, axes), later)
    left, over = _summed(left, over, set(result))
    return _ordered(left, over, result)


def as_einsum(node: Node) -> tuple[str, tuple[Node, ...]] | None:
    """The subscripts and the arrays of a sum of products of arrays with axes in other orders.

    >>> left = nodes.Rearrange(nodes.Name("A"), (1, 0, None, 2))
    >>> right = nodes.Rearrange(nodes.Name("B"), (None, 0, 1))
    >>> as_einsum(nodes.Sum(nodes.Multiply(left, right), 3))
    ('jil,kl->ijk', (Name(name='A'), Name(name='B')))
    """
    outer = list(range(_MOST_AXES))
    match node:
        case nodes.Rearrange(nodes.Sum() as total, order, None) if None not in order:
            outer, node = [axis for axis in order if axis is not None], total
    if not isinstance(node, nodes.Sum) or node.keepdims or node.axis is None:
        return None
    inner, gone = _nested(node) or (node.arg, (node.axis,))
    parts = list(nodes.operands_of(nodes.Multiply, inner))
    if min(gone) < 0 or not all(isinstance(p, nodes.Rearrange) and p.rest is None for p in parts):
        return None
    orders = [part.order for part in parts if isinstance(part, nodes.Rearrange)]
    count = max(map(len, orders))
    kept = [axis for axis in range(count) if axis not in gone]
    kept = [kept[axis] for axis in outer[: len(kept)]]
    names = dict(zip([*kept, *sorted(gone)], string.ascii_lowercase[8:], strict=False))
    held = {n + count - len(o) for o in orders for n, axis in enumerate(o) if axis is not None}
    if len(parts) < 2 or held != set(range(count)):  # noqa: PLR2004 - one array alone
        return None
    words, arrays = [], []
    for part, order in zip(parts, orders, strict=True):
        first = count - len(order)
        own = {axis: names[n + first] for n, axis in enumerate(order) if axis is not None}
        words.append("".join(own[axis] for axis in sorted(own)))
        arrays.append(nodes.children(part)[0])
    return f"{','.join(words)}->{''.join(names[axis] for axis in kept)}", tuple(arrays)


def _without_dots(text: str) -> str:
    """Subscripts of the last axes, where those before stand in every array that has them."""
    parts = text.replace("->", ",").split(",")
    if any("." in part.removeprefix("...") for part in parts) or "->" not in text:
        raise ShapeError(
            "an ellipsis stands before letters and after the arrow: '...ij,jk->...ik'."
        )
    if not parts[-1].startswith("..."):
        raise ShapeError("an ellipsis stands after the arrow too; sums over its axes are not read.")
    return text.replace("...", "")


def _of_last_axes(arrays: list[tuple[Node, str, str]], result: str) -> Node:
    """Σ of a product of arrays over letters of the last axes; all axes before broadcast.

    Each array has its letters, and the same as written: without an ellipsis they are all its axes.
    """
    if any(len(set(own)) < len(own) for _, own, _ in arrays):
        raise ShapeError("beside an ellipsis every letter stands once in each array.")
    match arrays:
        case [(left, a, first), (right, b, second)] if len(a) == len(b) == len("ij"):
            inner = [n for n in a if n in b and n not in result]
            rows, cols = (own.replace(inner[0], "") for own in (a, b)) if inner else ("", "")
            if len(rows) == len(cols) == 1 and sorted(result) == sorted(rows + cols):
                left = _last_ordered(left, first, rows + inner[0])
                made: Node = nodes.MatMul(left, _last_ordered(right, second, inner[0] + cols))
                return _last_ordered(made, f"...{rows}{cols}", result)
    match sorted(arrays, key=lambda array: len(array[1])):
        case [(row, a, dotted), (matrix, b, plain)] if (
            (dotted, plain) == (f"...{a}", b) and len(a) == len(result) == 1
        ) and sorted(b) == sorted(a + result):
            return nodes.MatMul(row, _last_ordered(matrix, plain, a + result))
    over = "".join(dict.fromkeys("".join(own for _, own, _ in arrays)))
    spread = (_last_ordered(one, written, over) for one, _, written in arrays)
    total = functools.reduce(nodes.Multiply, spread)
    gone = [n - len(over) for n, letter in enumerate(over) if letter not in result]
    for axis in gone:  # from the first of them, so that those behind keep their numbers
        total = nodes.Sum(total, axis)
    return _last_ordered(total, "..." + "".join(n for n in over if n in result), result)


def _last_ordered(node: Node, written: str, wanted: str) -> Node:
    """The array with its last axes in another order, and new ones for letters that it lacks."""
    letters = written.removeprefix("...")
    if letters == written:
        return _spread(node, letters, wanted)
    if letters == wanted:
        return node
    order = [letters.index(n) - len(letters) if n in letters else None for n in wanted]
    return nodes.Rearrange(node, tuple(order), 0)


def tensordot(
    a: Node, b: Node, over: int | tuple[Axes, Axes] = 2, *, dimensions: Callable[[Node], int]
) -> Node:
    """Σ of the products of entries over some axes of A and as many of B; the others follow.

    Raises:
        ShapeError: an array has no such axis.
    """
    own, other = dimensions(a), dimensions(b)
    first, second = (
        (tuple(range(own - over, own)), tuple(range(over))) if isinstance(over, int) else over
    )
    if len(first) != len(second) or any(
        not -count <= axis < count
        for count, axes in ((own, first), (other, second))
        for axis in axes
    ):
        raise ShapeError(f"{own} and {other} dimensions have no such axes; name as many of each.")
    left = list(itertools.islice(string.ascii_letters, own))
    right = list(itertools.islice(string.ascii_letters, own, own + other))
    for one, two in zip(first, second, strict=True):
        right[two] = left[one]
    kept = "".join(n for n in left + right if (n in left) != (n in right))
    return einsum(f"{''.join(left)},{''.join(right)}->{kept}", a, b)


def _plain(operand: Node, letters: str) -> tuple[Node, str]:
    """An operand with each letter once: of a repeated one the diagonal."""
    if len(set(letters)) == len(letters):
        return nodes.Rearrange(operand, tuple(range(len(letters)))), letters
    if len(letters) == 2:  # noqa: PLR2004 - ii
        return nodes.Diag(operand), letters[0]
    raise ShapeError(
        f"{letters} takes a diagonal of an array of more than two dimensions, which is not "
        "in the language."
    )


def _contracted(
    one: tuple[Node, str], other: tuple[Node, str], later: set[str]
) -> tuple[Node, str]:
    """Σ of the product of two arrays over the letters that nothing else needs."""
    left, a = _summed(*one, later | set(other[1]))
    right, b = _summed(*other, later | set(a))
    inner = [n for n in a if n in b and n not in later]
    batch = "".join(n for n in a if n in b and n in later)
    rows, cols = ("".join(n for n in own if n not in rest) for own, rest in ((a, b), (b, a)))
    stack = batch or cols[:-1]  # a plain matrix goes with each matrix of a stack
    fits = len(cols) == 1 or not batch
    fits &= len(rows) == 1 if stack else len(cols) <= 1
    if len(inner) == 1 and fits:
        cols = cols.removeprefix(stack)
        made = nodes.MatMul(
            _ordered(left, a, batch + rows + inner[0]),
            _ordered(right, b, stack + inner[0] + cols),
        )
        return made, stack + rows + cols
    if not inner and not batch and len(a) == len(b) == 1:
        return nodes.Outer(_ordered(left, a, a), _ordered(right, b, b)), a + b
    over = a + cols
    product = nodes.Multiply(_spread(left, a, over), _spread(right, b, over))
    return _summed(product, over, later)


def _summed(node: Node, letters: str, kept: set[str]) -> tuple[Node, str]:
    if letters and not kept.intersection(letters):
        return nodes.Sum(_ordered(node, letters, letters)), ""
    for axis in reversed(range(len(letters))):
        if letters[axis] not in kept:
            node = nodes.Sum(node, axis)
            letters = letters[:axis] + letters[axis + 1 :]
    return node, letters


def _ordered(node: Node, letters: str, wanted: str) -> Node:
    return nodes.Rearrange(node, tuple(map(letters.index, wanted)))


def _spread(node: Node, letters: str, over: str) -> Node:
    """The array with its axes in the order of `over`, and new ones for letters it lacks."""
    order = [letters.index(n) if n in letters else None for n in over]
    return nodes.Rearrange(node, tuple(itertools.dropwhile(lambda n: n is None, order)))
