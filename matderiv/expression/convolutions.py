"""Convolution and pooling: windows of an array, summed against a kernel or reduced one by one.

As in the frameworks the kernel is not turned round: y_i = Σ_k w_k x_(s·i + d·k).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from matderiv.errors import ShapeError
from matderiv.expression import nodes
from matderiv.expression.axes import einsum, over_axes
from matderiv.expression.counted import counted
from matderiv.expression.nodes import Node
from matderiv.expression.size_text import SizeText, put

__all__ = [
    "Steps",
    "by_dimensions",
    "convolution",
    "pooling",
    "read_as_batch",
    "toeplitz",
    "transposed_convolution",
    "unfold",
]

_MATRIX = 2  # dimensions

#: A number of each axis, or one for all of them.
Steps = int | tuple[int, ...]


def _each(steps: Steps, axes: int, least: int, word: str) -> tuple[int, ...]:
    """One number for each axis.

    Raises:
        ShapeError: there are not as many numbers as axes, or one is too small.
    """
    found = (steps,) * axes if isinstance(steps, int) else steps
    if len(found) != axes or min(found) < least:
        raise ShapeError(f"{word} is a whole number from {least}, or one for each of {axes} axes.")
    return found


def _padded(arg: Node, padding: tuple[int, ...], axes: int) -> Node:
    """Zeros around the last axes of so many."""
    for axis, width in enumerate(padding, -len(padding)):
        if width and axes > 1:
            arg = nodes.Mapped(arg, ("pad", width, width, axes), axis)
        elif width:
            arg = nodes.Mapped(arg, ("pad", width, width, 0))
    return arg


def _in_windows(
    arg: Node, kernel: tuple[SizeText, ...], stride: tuple[int, ...], dilation: tuple[int, ...]
) -> Node:
    """The windows along the last axes, each before the axis of its entries."""
    axes = len(kernel)
    for n in reversed(range(axes)):  # those behind it are pairs by then
        behind = 2 * (axes - 1 - n)
        arg = nodes.Mapped(arg, ("windows", kernel[n], stride[n], dilation[n]), -1 - behind)
    return arg


def read_as_batch(arg: Node, dimensions: int, batch: int) -> tuple[Node, int]:
    """A name that is read as a matrix where nothing is declared, as one of a batch of channels."""
    if dimensions != _MATRIX or not isinstance(arg, nodes.Name):
        return arg, dimensions
    return nodes.Rearrange(arg, tuple(range(batch))), batch


def _axes_differ(own: int, kernel: int, axes: int, kernels: str) -> str:
    return (
        f"the arrays have {own} and {kernel} axes; {axes} and {axes} are a plain array and its "
        f"kernel, {axes + 2} and {axes + 2} a batch of channels and its kernels, as in "
        f"--shape X={'8x3' + 'x32' * axes} --shape W={kernels + 'x5' * axes}."
    )


def _in_batches(
    x: Node, w: Node, axes: int, dimensions: Callable[[Node], int]
) -> tuple[tuple[Node, int], tuple[Node, int]]:
    """An array and a kernel, each with its axes; of a batch where the other is one of channels."""
    own, kernel, batch = dimensions(x), dimensions(w), axes + 2
    if (own, kernel) == (_MATRIX, batch if axes == _MATRIX else _MATRIX):
        x, own = read_as_batch(x, own, batch)
    if own > axes:
        w, kernel = read_as_batch(w, kernel, batch)
    return (x, own), (w, kernel)


def convolution(axes: int) -> Callable[..., Node]:
    """conv1d or conv2d: a plain array by a kernel, or (…, C, H, W) by kernels (O, C, I, J)."""

    def made(  # noqa: PLR0913 - as the frameworks have it
        x: Node,
        w: Node,
        stride: Steps = 1,
        padding: Steps = 0,
        dilation: Steps = 1,
        *,
        dimensions: Callable[[Node], int],
        letter: Callable[[], str],
    ) -> Node:
        batch = axes + 2
        (x, own), (w, kernel) = _in_batches(x, w, axes, dimensions)
        channels = kernel == batch
        if (kernel, own - axes) not in ((axes, 0), (batch, 1), (batch, 2)):
            raise ShapeError(_axes_differ(own, kernel, axes, "4x3"))
        sizes = tuple(letter() for _ in range(axes))
        arg = _in_windows(
            _padded(x, _each(padding, axes, 0, "padding"), own),
            sizes,
            _each(stride, axes, 1, "stride"),
            _each(dilation, axes, 1, "dilation"),
        )
        w = counted(w, *sizes)
        if not channels and axes == 1:
            return nodes.MatMul(arg, w)
        places, inside = "hw"[:axes], "ij"[:axes]
        pairs = "".join(map("".join, zip(places, inside, strict=True)))
        if not channels:
            return einsum(f"{pairs},{inside}->{places}", arg, w)
        first = "n" * (own - axes - 1)
        return einsum(f"{first}c{pairs},oc{inside}->{first}o{places}", arg, w)

    return made


def by_dimensions(
    x: Node,
    w: Node,
    stride: Steps = 1,
    padding: Steps = 0,
    dilation: Steps = 1,
    **asked: Callable[..., Any],
) -> Node:
    """conv1d or conv2d, by how many axes the kernel has."""
    axes = 1 if asked["dimensions"](w) in (1, 3) else 2
    return convolution(axes)(x, w, stride, padding, dilation, **asked)


def transposed_convolution(axes: int) -> Callable[..., Node]:
    """conv_transpose1d or 2d: y_m = Σ_ik [m = s·i + d·k] x_i w_k, less the padding at both ends.

    It is the gradient of a convolution by its array. Kernels are (C, O, I, J).
    """

    def made(  # noqa: PLR0913 - as the frameworks have it
        x: Node,
        w: Node,
        stride: Steps = 1,
        padding: Steps = 0,
        dilation: Steps = 1,
        *,
        dimensions: Callable[[Node], int],
        letter: Callable[[], str],
    ) -> Node:
        batch = axes + 2
        (x, own), (w, kernel) = _in_batches(x, w, axes, dimensions)
        if (kernel, own) not in ((axes, axes), (batch, axes + 1), (batch, batch)):
            raise ShapeError(_axes_differ(own, kernel, axes, "3x4"))
        places, inside = "hw"[:axes], "ij"[:axes]
        pairs = "".join(map("".join, zip(places, inside, strict=True)))
        lengths = [(letter(), letter()) for _ in range(axes)]
        x = counted(x, *(place for place, _ in lengths))
        w = counted(w, *(width for _, width in lengths))
        if kernel == axes:
            made = einsum(f"{places},{inside}->{pairs}", x, w)
        else:
            first = "n" * (own - axes - 1)
            made = einsum(f"{first}c{places},co{inside}->{first}o{pairs}", x, w)
        steps = zip(
            lengths,
            _each(stride, axes, 1, "stride"),
            _each(padding, axes, 0, "padding"),
            _each(dilation, axes, 1, "dilation"),
            strict=True,
        )
        for n, ((place, width), by, less, apart) in enumerate(steps):
            # Pairs of axes behind this one are put together after it.
            behind = 2 * (axes - 1 - n)
            whole = put("s*(n - 1) + d*(k - 1) + 1", {"s": by, "n": place, "d": apart, "k": width})
            made = nodes.Mapped(made, ("fold", whole, by, apart), -1 - behind)
            if less:
                made = nodes.Mapped(made, ("slice", less, -less, 1), -1 - behind)
        return made

    return made


def toeplitz(c: Node, r: Node | None = None, *, letter: Callable[[], str]) -> Node:
    """T_ij = c_(i-j) below the diagonal and r_(j-i) above; with c alone it is symmetric.

    Its rows are the windows of r backwards and c, read from the last.
    """
    size = letter()
    row = c if r is None else r
    before = nodes.Mapped(nodes.Mapped(counted(row, size), ("slice", 1, None, 1)), _BACKWARDS)
    both = nodes.Joined(before, c, "concatenate", 0)
    return nodes.Mapped(nodes.Mapped(both, ("windows", size, 1, 1)), _BACKWARDS, 1)


_BACKWARDS = ("slice", None, None, -1)


def unfold(arg: Node, axis: int = -1, kernel: SizeText = 1, stride: Steps = 1) -> Node:
    """Windows whose entries stand along a new last axis, as torch and NumPy have them."""
    (step,) = _each(stride, 1, 1, "stride")
    windows = nodes.Mapped(arg, ("windows", kernel, step, 1), axis)
    inside = axis + 1 if axis >= 0 else axis
    return windows if axis == -1 else nodes.Rearrange(windows, (inside,), rest=0)


def pooling(kind: Callable[..., Node], axes: int) -> Callable[..., Node]:
    """The mean or the largest of each window along the last axes.

    Windows stand side by side unless a stride is given. Padding is with zeros, and so of means.
    """

    def made(
        arg: Node,
        kernel: SizeText,
        stride: Steps | None = None,
        padding: Steps = 0,
        *,
        dimensions: Callable[[Node], int],
    ) -> Node:
        widths = _each(padding, axes, 0, "padding")
        if any(widths) and kind is nodes.Max:
            raise ShapeError("of zeros around an array the largest may be one; leave padding out.")
        arg = _padded(arg, widths, dimensions(arg))
        if stride is None or stride == kernel:
            for n in range(axes):
                arg = nodes.Reshape(arg, (-1 - 2 * n, -1, kernel), "unflatten")
        else:
            steps = _each(stride, axes, 1, "stride")
            arg = _in_windows(arg, (kernel,) * axes, steps, (1,) * axes)
        return over_axes(kind, arg, tuple(-1 - 2 * n for n in range(axes)))

    return made
