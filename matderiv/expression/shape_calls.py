"""Calls of NumPy's that give an array other sizes, as nodes, and how they are typed."""

from __future__ import annotations

from collections.abc import Callable

from matderiv.errors import ShapeError
from matderiv.expression import nodes
from matderiv.expression.nodes import Node
from matderiv.expression.size_text import SizeText

__all__ = ["beside_diagonal", "beside_middle", "kron_of", "merged", "reshape_text", "shape_calls"]

#: How many dimensions an expression has in the program that it stands in.
_Dimensions = Callable[[Node], int]
_MATRIX = 2  # dimensions


def _reshape(arg: Node, sizes: tuple[SizeText, ...] = (), how: str = "C") -> Node:
    if not sizes:
        raise ShapeError("write the new sizes: reshape(X, (2, 3)).")
    if sizes.count(-1) > 1:
        raise ShapeError("one size at most is -1.")
    return nodes.Reshape(arg, sizes, how)


def _flatten(
    arg: Node,
    start: int | None = None,
    end: int = -1,
    how: str = "C",
    *,
    dimensions: _Dimensions,
) -> Node:
    """All entries in a row, or the axes from one to another as one."""
    if start is None:
        return nodes.Reshape(arg, (-1,), how)
    count = dimensions(arg)
    if not (-count <= start < count and -count <= end < count and start % count <= end % count):
        raise ShapeError(f"the array has {count} axes; it takes the first and the last of some.")
    first = start % count
    for left in range(end % count - first):
        arg = merged(arg, first, count - left)
    return arg


def merged(arg: Node, axis: int, count: int) -> Node:
    """The array of so many axes with an axis and the next as one: of each pair one is made."""
    order: list[int | None] = []
    for n in range(count):
        order += [n] if n in (axis, axis + 1) else [None, n]
    return nodes.Reshape(nodes.Rearrange(arg, tuple(order)), (), "pairs")


def merged_axis(node: nodes.Reshape) -> tuple[Node, int] | None:
    """The array of which an axis and the next are one, and the axis.

    >>> merged_axis(merged(nodes.Name("X"), 1, 3))
    (Name(name='X'), 1)
    """
    match node:
        case nodes.Reshape(nodes.Rearrange(arg, order), (), "pairs"):
            axis = next((n // 2 for n in range(0, len(order), 2) if order[n] is not None), 0)
            return (arg, axis) if node == merged(arg, axis, len(order) // 2 + 1) else None
    return None


def _squeeze(arg: Node, axis: int | tuple[int, ...]) -> Node:
    return nodes.Reshape(arg, axis if isinstance(axis, tuple) else (axis,), "squeeze")


def _unflatten(arg: Node, axis: int, sizes: tuple[SizeText, ...]) -> Node:
    """Axis n taken apart: entry h, k of it is entry h·K + k."""
    if sizes.count(-1) > 1:
        raise ShapeError("one size at most is -1.")
    return nodes.Reshape(arg, (axis, *sizes), "unflatten")


def _kron(a: Node, b: Node, *, dimensions: _Dimensions) -> Node:
    """(A ⊗ B)_(i·P + p, j·Q + q) = a_ij·b_pq: pairs of axes of a product, each pair in one."""
    match dimensions(a), dimensions(b):
        case 1, 1:
            return nodes.Reshape(nodes.Outer(a, b), (), "pairs")
        case 2, 2:
            first = nodes.Rearrange(a, (0, None, 1, None))
            second = nodes.Rearrange(b, (None, 0, None, 1))
            return nodes.Reshape(nodes.Multiply(first, second), (), "pairs")
    raise ShapeError("both are vectors, or both are matrices; of others write einsum and reshape.")


def _atleast_2d(arg: Node, *, dimensions: _Dimensions) -> Node:
    """A vector as a matrix of one row."""
    return nodes.Rearrange(arg, (None, 0)) if dimensions(arg) == 1 else arg


def _broadcast_to(arg: Node, sizes: tuple[SizeText, ...]) -> Node:
    return nodes.Multiply(nodes.Ones(sizes), arg)


def beside_middle(arg: Node, k: int = 0, *, dimensions: _Dimensions) -> Node:
    """A vector k places beside the diagonal, or the diagonal k places beside the middle one."""
    if k == 0:
        return nodes.Diag(arg)
    if dimensions(arg) == 1:
        made: Node = nodes.Diag(arg)
        for axis, ends in enumerate([(0, k), (k, 0)] if k > 0 else [(-k, 0), (0, -k)]):
            made = nodes.Mapped(made, ("pad", *ends, _MATRIX), axis)
        return made
    first, last = ("slice", abs(k), None, 1), ("slice", None, -abs(k), 1)
    rows, columns = (last, first) if k > 0 else (first, last)
    return nodes.Diag(nodes.Mapped(nodes.Mapped(arg, rows, 0), columns, 1))


#: Each call with the words of its operands and of its options, in order, and whether what it is
#: read as depends on dimensions.
shape_calls: dict[str, tuple[Callable[..., Node], tuple[str, ...], tuple[str, ...], bool]] = {
    "reshape": (_reshape, ("X",), ("new_sizes", "order"), False),
    "ravel": (lambda arg, how="C": nodes.Reshape(arg, (-1,), how), ("X",), ("order",), False),
    "flatten": (_flatten, ("X",), ("start_dim", "end_dim", "order"), True),
    "vec": (lambda arg: nodes.Reshape(arg, (-1,), "F"), ("X",), (), False),
    "unflatten": (_unflatten, ("X",), ("dim", "new_sizes"), False),
    "squeeze": (_squeeze, ("X",), ("axis",), False),
    "broadcast_to": (_broadcast_to, ("x",), ("sizes",), False),
    "kron": (_kron, ("A", "B"), (), True),
    "atleast_2d": (_atleast_2d, ("x",), (), True),
    "diag": (beside_middle, ("x",), ("k",), True),
}


def kron_of(node: nodes.Reshape) -> tuple[Node, Node] | None:
    """The matrices or vectors of which an array is the Kronecker product."""
    if node.how != "pairs":
        return None
    match node.arg:
        case nodes.Multiply(
            nodes.Rearrange(a, (0, None, 1, None)), nodes.Rearrange(b, (None, 0, None, 1))
        ):
            return a, b
        case nodes.Outer(a, b):
            return a, b
    return None


def beside_diagonal(node: Node) -> tuple[Node, int] | None:
    """The vector that stands so many places above the diagonal, or below it, and how many."""
    match node:
        case nodes.Mapped(
            nodes.Mapped(nodes.Diag(v), ("pad", int(a), int(b), int()), int(one)),
            ("pad", int(c), int(d), int()),
            int(other),
        ) if {one, other} == {0, 1}:
            rows, columns = ((a, b), (c, d)) if one == 0 else ((c, d), (a, b))
            if rows == columns[::-1] and 0 in rows:
                return v, rows[1] - rows[0]
    return None


def reshape_text(node: nodes.Reshape, text: Callable[[Node], str]) -> str:
    """A call that gives an array other sizes: reshape(X, (B, T, H, D)), ravel(X), vec(X).

    >>> reshape_text(nodes.Reshape(nodes.Name("X"), (2, 3)), lambda node: node.name)
    'reshape(X, (2, 3))'
    """
    if (parts := kron_of(node)) is not None:
        return f"kron({text(parts[0])}, {text(parts[1])})"
    if (joined := merged_axis(node)) is not None:
        return f"flatten({text(joined[0])}, {joined[1]}, {joined[1] + 1})"
    sizes = ", ".join(map(str, node.sizes)) + "," * (len(node.sizes) == 1)
    if node.how == "squeeze":
        axes = sizes[:-1] if len(node.sizes) == 1 else f"({sizes})"
        return f"squeeze({text(node.arg)}, axis={axes})"
    if node.how == "unflatten":
        axis, *made = map(str, node.sizes)
        return f"unflatten({text(node.arg)}, {axis}, ({', '.join(made)}))"
    if len(node.sizes) == 1 and (node.sizes == (-1,) or "*" in sizes):
        if isinstance(node.arg, nodes.Transpose) and node.sizes != (-1,):
            return f"vec({text(node.arg.arg)})"
        return f"{'vec' if node.how == 'F' else 'ravel'}({text(node.arg)})"
    order = ', order="F"' if node.how == "F" else ""
    return f"reshape({text(node.arg)}, ({sizes}){order})"
