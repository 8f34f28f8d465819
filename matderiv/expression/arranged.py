"""Calls that arrange entries by how many axes their array has: pieces, borders, tiles, pixels."""

from __future__ import annotations

from collections.abc import Callable

from matderiv.errors import ShapeError
from matderiv.expression import nodes
from matderiv.expression.axes import einsum, swapaxes
from matderiv.expression.index_calls import joining
from matderiv.expression.nodes import Node
from matderiv.expression.shape_calls import beside_middle, merged
from matderiv.expression.shorthand import Read
from matderiv.expression.size_text import SizeText

__all__ = ["arranged_calls"]

_Letter = Callable[[], str]
_Dimensions = Callable[[Node], int]

_BACKWARDS = ("slice", None, None, -1)
_MATRIX = 2  # dimensions
_MOST_TILES = 16


def _flip(arg: Node, axis: int | None = None, *, dimensions: _Dimensions) -> Node:
    """The entries from the last to the first along an axis, or along all axes."""
    count = dimensions(arg)
    if axis is not None or count <= 1:
        return nodes.Mapped(arg, _BACKWARDS, axis)
    for one in range(count):
        arg = nodes.Mapped(arg, _BACKWARDS, one)
    return arg


def _tile(arg: Node, times: int | tuple[int, ...], *, dimensions: _Dimensions) -> Node:
    """The array beside itself, along its last axes; new axes come first."""
    each = (times,) if isinstance(times, int) else times
    if not all(1 <= n <= _MOST_TILES for n in each):
        raise ShapeError(f"an array is written beside itself up to {_MOST_TILES} times.")
    more = len(each) - dimensions(arg)
    if more > 0 and len(each) > 1:
        arg = nodes.Rearrange(arg, (None,) * more, more)
    for axis, n in enumerate(each, -len(each)):
        arg = joining("concatenate")(*[arg] * n, axis=axis)
    return arg


def _pad(
    arg: Node,
    pad_width: tuple[tuple[SizeText, SizeText], ...],
    border: str = "constant",
    *,
    dimensions: _Dimensions,
) -> Node:
    """Zeros or entries of an array around it: of each axis before and after, or along every axis.

    `border`: "edge" repeats the first and the last entry.
    """
    if border != "constant":
        widths = pad_width * dimensions(arg) if len(pad_width) == 1 else pad_width
        for axis, (before, after) in enumerate(widths, -len(widths)):
            arg = _with_border(arg, axis, before, after)
        return arg
    if len(pad_width) == 1:
        return nodes.Mapped(arg, ("pad", *pad_width[0], 0))
    behind = -len(pad_width)
    for axis, width in enumerate(pad_width, behind):
        if width != (0, 0):
            arg = nodes.Mapped(arg, ("pad", *width, len(pad_width)), axis)
    return arg


def _with_border(arg: Node, axis: int, before: SizeText, after: SizeText) -> Node:
    if not isinstance(before, int) or not isinstance(after, int):
        raise ShapeError("the widths of such a border are whole numbers.")

    def part(first: int | None, last: int | None) -> Node:
        return nodes.Mapped(arg, ("slice", first, last, 1), axis)

    left = nodes.Mapped(part(None, 1), ("repeat", before), axis) if before else None
    right = nodes.Mapped(part(-1, None), ("repeat", after), axis) if after else None
    parts = [one for one in (left, arg, right) if one is not None]
    return joining("concatenate")(*parts, axis=axis)


def _split(
    arg: Node, parts: int, axis: int = 0, *, dimensions: _Dimensions, letter: _Letter
) -> Node:
    """So many parts of one length along an axis, the parts along a new first axis."""
    if parts < 1:
        raise ShapeError("an array is split into one part or more: split(X, 2).")
    count = dimensions(arg)
    if not -count <= axis < count:
        raise ShapeError(f"the array has {count} axes, and none of this number.")
    apart = nodes.Reshape(arg, (axis % count, parts, letter()), "unflatten")
    first = axis % count
    return _moved(apart, [first, *(n for n in range(count + 1) if n != first)])


def _moved(arg: Node, order: list[int]) -> Node:
    return arg if order == sorted(order) else nodes.Rearrange(arg, tuple(order))


def _along(axis: int) -> Callable[..., Node]:
    def made(arg: Node, parts: int, *, dimensions: _Dimensions, letter: _Letter) -> Node:
        return _split(arg, parts, axis, dimensions=dimensions, letter=letter)

    return made


def _pixel_shuffle(arg: Node, factor: int, *, dimensions: _Dimensions) -> Node:
    """(…, C·r², H, W) as (…, C, H·r, W·r): each r² channels are the pixels of one square."""
    count = _image(arg, factor, dimensions)
    lead = count - 3
    apart = nodes.Reshape(arg, (lead, -1, factor, factor), "unflatten")
    c, r, s, h, w = range(lead, count + 2)
    turned = nodes.Rearrange(apart, (*range(lead), c, h, r, w, s))
    return merged(merged(turned, lead + 3, count + 2), lead + 1, count + 1)


def _pixel_unshuffle(arg: Node, factor: int, *, dimensions: _Dimensions) -> Node:
    """(…, C, H·r, W·r) as (…, C·r², H, W)."""
    count = _image(arg, factor, dimensions)
    lead = count - 3
    apart = nodes.Reshape(arg, (lead + 2, -1, factor), "unflatten")
    apart = nodes.Reshape(apart, (lead + 1, -1, factor), "unflatten")
    c, h, r, w, s = range(lead, count + 2)
    turned = nodes.Rearrange(apart, (*range(lead), c, r, s, h, w))
    return merged(merged(turned, lead, count + 2), lead, count + 1)


def _image(arg: Node, factor: int, dimensions: _Dimensions) -> int:
    count = dimensions(arg)
    if count <= _MATRIX or factor < 1:
        raise ShapeError(
            f"it takes channels, rows and columns, here {count} axes, and a whole number from 1, "
            "as in --shape X=4x3x3."
        )
    return count


def _interpolate(
    arg: Node, size: object = None, factor: int = 0, *, dimensions: _Dimensions
) -> Node:
    """Each entry of (N, C, …) written r times along every axis from the third on."""
    if size is not None or not factor:
        raise ShapeError(
            "torch takes the number after the array as the new size, which has no words here; "
            "say how often each entry is written: interpolate(X, scale_factor=2)."
        )
    for axis in range(_MATRIX, _image(arg, factor, dimensions)):
        arg = nodes.Mapped(arg, ("repeat", factor), axis)
    return arg


def _diagonal(  # noqa: PLR0913 - as NumPy has it
    arg: Node,
    k: int = 0,
    axis1: int = 0,
    axis2: int = 1,
    *,
    dimensions: _Dimensions,
    letter: _Letter,
) -> Node:
    """The entries with two equal indices, k places beside, along a new last axis."""
    count = dimensions(arg)
    if count <= _MATRIX and (axis1, axis2) in ((0, 1), (-2, -1)):
        return beside_middle(arg, k, dimensions=dimensions)
    if not (-count <= axis1 < count and -count <= axis2 < count) or axis1 % count == axis2 % count:
        raise ShapeError(f"the array has {count} axes; a diagonal takes two of them.")
    one, other = axis1 % count, axis2 % count
    if k:
        first, last = ("slice", abs(k), None, 1), ("slice", None, -abs(k), 1)
        arg = nodes.Mapped(arg, last if k > 0 else first, one)
        arg = nodes.Mapped(arg, first if k > 0 else last, other)
    turned = _moved(arg, [n for n in range(count) if n not in (one, other)] + [one, other])
    return nodes.Sum(nodes.Multiply(turned, nodes.Eye(letter())), -1)


def _trace(  # noqa: PLR0913 - as NumPy has it
    arg: Node,
    k: int = 0,
    axis1: int = 0,
    axis2: int = 1,
    *,
    dimensions: _Dimensions,
    letter: _Letter,
) -> Node:
    """The sum of a diagonal."""
    if k == 0 and dimensions(arg) <= _MATRIX and (axis1, axis2) in ((0, 1), (-2, -1)):
        return nodes.Trace(arg)
    own = _diagonal(arg, k, axis1, axis2, dimensions=dimensions, letter=letter)
    return nodes.Sum(own, -1) if dimensions(arg) > _MATRIX else nodes.Sum(own)


def _scatter_add(
    arg: Node, labels: Node, more: Node, *, dimensions: _Dimensions, letter: _Letter
) -> Node:
    """The array and rows that are added to those that labels name: X + onehot(y).T @ Y.

    With a matrix of labels each entry of Y is added to its own column.
    """
    chosen = nodes.OneHot(labels, letter())
    if dimensions(labels) == 1:
        return nodes.Add(arg, nodes.MatMul(nodes.Transpose(chosen), more))
    return nodes.Add(arg, einsum("ijr,ij->rj", chosen, more))


def _renorm(  # noqa: PLR0913 - as torch has it
    arg: Node, p: Node, axis: int, maxnorm: Node, *, dimensions: _Dimensions, read: Read
) -> Node:
    """Each slice along an axis, made shorter where its norm is above a number."""
    if p != nodes.TWO or dimensions(arg) != _MATRIX or axis not in (0, 1, -1, -2):
        raise ShapeError("it is that of the rows or columns of a matrix by their norms of order 2.")
    text = f"sqrt(sum(X**2, axis={1 - axis % 2}, keepdims=True))"
    values = {"X": arg, "S": read(text, {"X": arg}, {}), "c": maxnorm}
    return read("X*where(S > c, c/(S + 1e-7), 1)", values, {})


def _multi_head_attention(  # noqa: PLR0913 - as the frameworks have it
    q: Node,
    k: Node,
    v: Node,
    heads: SizeText,
    d: Node,
    *,
    dimensions: _Dimensions,
    read: Read,
    letter: _Letter,
) -> Node:
    """Attention of each group of columns, the groups side by side again."""

    def apart(x: Node) -> Node:
        groups = nodes.Reshape(x, (-1, heads, letter()), "unflatten")
        return swapaxes(groups, -2, -3)

    values = {name: apart(x) for name, x in (("Q", q), ("K", k), ("V", v))}
    made = read("attention(Q, K, V, d)", values, {"d": d})
    count = dimensions(q) + 1
    return merged(swapaxes(made, -2, -3), count - 2, count)


_BY_AXES = ("dimensions",)
_BY_SIZES = ("dimensions", "letter")

#: Each call: how it is made, its operands, its options in order, and what it asks the reader.
arranged_calls: dict[
    str, tuple[Callable[..., Node], tuple[str, ...], tuple[str, ...], tuple[str, ...]]
] = {
    "flip": (_flip, ("X",), ("axis",), _BY_AXES),
    "tile": (_tile, ("x",), ("reps",), _BY_AXES),
    "pad": (_pad, ("X",), ("pad_width", "mode"), _BY_AXES),
    **dict.fromkeys(
        ("split", "array_split", "chunk"), (_split, ("X",), ("parts", "axis"), _BY_SIZES)
    ),
    "vsplit": (_along(0), ("X",), ("parts",), _BY_SIZES),
    "hsplit": (_along(1), ("X",), ("parts",), _BY_SIZES),
    "pixel_shuffle": (_pixel_shuffle, ("X",), ("upscale_factor",), _BY_AXES),
    "pixel_unshuffle": (_pixel_unshuffle, ("X",), ("downscale_factor",), _BY_AXES),
    **dict.fromkeys(
        ("interpolate", "upsample"), (_interpolate, ("X",), ("size", "scale_factor"), _BY_AXES)
    ),
    "diagonal": (_diagonal, ("X",), ("offset", "axis1", "axis2"), _BY_SIZES),
    "trace": (_trace, ("Y",), ("offset", "axis1", "axis2"), _BY_SIZES),
    **dict.fromkeys(("scatter_add", "index_add"), (_scatter_add, ("X", "y", "Y"), (), _BY_SIZES)),
    "renorm": (_renorm, ("X",), ("p", "dim", "maxnorm"), ("dimensions", "read")),
    "multi_head_attention": (
        _multi_head_attention,
        ("Q", "K", "V"),
        ("heads", "d"),
        ("dimensions", "read", "letter"),
    ),
}
