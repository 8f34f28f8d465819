"""Index maps: slices, joined arrays, sums along an axis and labels, as products with constants.

Each is linear in what it moves. `X[1:]` is S @ X, where S = eye(N)[1:]; cumsum is a product with a
triangle of ones; `E[y]` is onehot(y, V) @ E. So gradients, entries and proofs are those of products
with constant matrices, and hold for every size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from matderiv.errors import ShapeError
from matderiv.expression import nodes
from matderiv.expression.dims import Dim, Shape
from matderiv.expression.nodes import Node
from matderiv.expression.size_text import SizeText, put, size_difference, size_sum

__all__ = [
    "Move",
    "applied",
    "gathered",
    "is_windowed",
    "least_size",
    "mapped",
    "new_axis_of",
    "parts_of",
    "put_beside",
    "result_size",
    "selection",
]

#: A kind of map and its numbers: ("slice", 1, None, 1), ("roll", 1), ("cumsum",).
Move = tuple[int | str | None, ...]
_ShapeOf = Callable[[Node], Shape]
_MATRIX = 2  # dimensions

#: The letter of the size of the axis that is moved, in texts of sizes.
_OWN = "_n"


# -- what a map does to a size -------------------------------------------------------------------


def _from_end(place: int | str) -> SizeText:
    """A place counted from the first; -1 is the last."""
    return size_sum(_OWN, place) if isinstance(place, int) and place < 0 else place


def _sliced(start: SizeText | None, stop: SizeText | None, step: int) -> tuple[SizeText, SizeText]:
    """How many entries a slice has, and the first of them.

    Raises:
        ShapeError: a slice goes backwards from or to a place.
    """
    if step < 0:
        if start is not None or stop is not None:
            raise ShapeError("backwards, a slice runs along the whole axis, as in [::-1].")
        return put(f"({_OWN} + {-step - 1})//{-step}", {}), size_difference(_OWN, 1)
    first = 0 if start is None else _from_end(start)
    last = _OWN if stop is None else _from_end(stop)
    return put(f"({size_difference(last, first)} + {step - 1})//{step}", {}), first


def result_size(move: Move, size: SizeText) -> SizeText | None:
    """The size of an axis after a map; None where the map takes one entry.

    Raises:
        ShapeError: nothing is left.

    >>> result_size(("slice", 1, None, 1), "N"), result_size(("pad", 1, 2, 0), 4)
    ('N - 1', 7)
    """
    match move:
        case ("at", _):
            return None
        case ("slice", start, stop, int(step)):
            found = put(_sliced(start, stop, step)[0], {_OWN: size})
        case ("pad", before, after, _):
            found = size_sum(size_sum(size, before or 0), after or 0)
        case ("repeat", int(times)):
            found = put(f"{times}*n", {"n": size})
        case ("windows", width, stride, dilation):
            reach = f"{dilation}*({width} - 1) + 1"
            found = put(f"({_OWN} - ({reach}) + {stride})//{stride}", {_OWN: size})
        case ("fold", length, _, _):
            assert length is not None
            found = length
        case _:
            found = size
    if isinstance(found, int) and found < 1:
        raise ShapeError(f"no entry of {size} is left.")
    return found


def least_size(move: Move) -> int:
    """The smallest size of an axis that a map fits to."""
    match move:
        case ("at", int(place)):
            return place + 1 if place >= 0 else -place
        case ("slice", start, stop, _):
            ends = [0 if n is None or isinstance(n, str) else int(n) for n in (start, stop)]
            more = 1 if stop is None or ends[1] < 0 else 0
            return max(1, *(n + more if n >= 0 else -n for n in ends[:1]), abs(ends[1]))
        case ("windows", int(width), _, int(dilation)):
            return dilation * (width - 1) + 1
    return 1


# -- the constants -------------------------------------------------------------------------------


def selection(move: Move, size: SizeText) -> Node:
    """The constant matrix of a map along an axis of this size, or the row of one entry.

    >>> selection(("slice", 1, None, 1), "N")
    Selection(kind='slice', params=(1, 1), sizes=('N - 1', 'N'))
    """
    match move:
        case ("at", place):
            assert place is not None
            return nodes.Selection("at", (put(_from_end(place), {_OWN: size}),), (size,))
        case ("slice", start, stop, int(step)):
            first = put(_sliced(start, stop, step)[1], {_OWN: size})
            return nodes.Selection("slice", (first, step), (_known(move, size), size))
        case ("pad", before, _, _):
            wide = _known(move, size)
            return nodes.Transpose(nodes.Selection("slice", (before or 0, 1), (size, wide)))
        case ("roll", int(shift)):
            return nodes.Selection("roll", (shift,), (size, size))
        case ("cumsum",):
            return nodes.Selection("tri", (0,), (size, size))
        case ("repeat", int(times)):
            return nodes.Selection("repeat", (times,), (_known(move, size), size))
        case ("windows", width, int(stride), int(dilation)):
            assert width is not None
            sizes = (_known(move, size), width, size)
            return nodes.Selection("windows", (stride, dilation), sizes)
    raise ShapeError(f"{move[0]} is no map along an axis.")


def is_windowed(node: Node) -> bool:
    """Whether a map takes windows along an axis, or adds them up."""
    return isinstance(node, nodes.Mapped) and node.move[0] in ("windows", "fold")


def _known(move: Move, size: SizeText) -> SizeText:
    found = result_size(move, size)
    assert found is not None, "an axis is left"
    return found


# -- maps in simpler operations ------------------------------------------------------------------


def _size(dim: Dim) -> SizeText:
    return dim.size if dim.symbol == str(dim.size) else dim.symbol


def mapped(node: nodes.Mapped, shape: _ShapeOf) -> Node:
    """A map as a product with its constant, of a triangle entry by entry."""
    own = shape(node.arg)
    match node.move:
        case ("tril", int(k)):
            return nodes.Multiply(_triangle(k, own), node.arg)
        case ("triu", int(k)):
            return nodes.Multiply(nodes.Transpose(_triangle(-k, own[:-2] + own[:-3:-1])), node.arg)
        case ("pad", *_) if node.axis is None and len(own) > 1:
            made: Node = node.arg
            for axis in range(len(own)):
                made = applied(selection(node.move, _size(own[axis])), made, axis, len(own))
            return made
    if is_windowed(node):
        return _windowed(node, own)
    axis = (node.axis or 0) % len(own)
    return applied(selection(node.move, _size(own[axis])), node.arg, axis, len(own))


def _windowed(node: nodes.Mapped, own: Shape) -> Node:
    """Σ_n [n = s·i + d·k] x_n, or the sum of the same over all i and k."""
    axis = node.axis or 0
    taken = node.move[0] == "windows"
    if taken:
        constant = selection(node.move, _size(own[axis]))
    else:
        _, size, stride, dilation = node.move
        assert size is not None
        assert isinstance(stride, int)
        assert isinstance(dilation, int)
        sizes = (_size(own[axis]), _size(own[axis + 1]), size)
        constant = nodes.Selection("windows", (stride, dilation), sizes)
    if taken and len(own) == 1:
        return nodes.MatMul(constant, node.arg)
    middle = axis if taken else axis + 2
    new = (None, None) if taken else (None,)
    spread = nodes.Rearrange(node.arg, (*range(middle), *new, *range(middle, len(own))))
    behind = len(own) - middle - taken
    if behind:
        constant = nodes.Rearrange(constant, (0, 1, 2, *(None,) * behind))
    product = nodes.Multiply(constant, spread)
    if taken:
        return nodes.Sum(product, axis + 2)
    return nodes.Sum(nodes.Sum(product, axis), axis if len(own) > _MATRIX else 0)


def _triangle(k: int, shape: Shape) -> Node:
    rows, columns = shape[-2:]
    return nodes.Selection("tri", (k,), (_size(rows), _size(columns)))


def applied(constant: Node, arg: Node, axis: int, dimensions: int) -> Node:
    """The product of a constant and an array along an axis of the array."""
    drops = isinstance(constant, nodes.Selection) and len(constant.sizes) == 1
    if dimensions == 1 or axis == dimensions - _MATRIX:
        return constant if isinstance(arg, nodes.Eye) else nodes.MatMul(constant, arg)
    across = constant if drops else nodes.transposed(constant)
    if axis == dimensions - 1:
        return across if isinstance(arg, nodes.Eye) else nodes.MatMul(arg, across)
    rest = tuple(n for n in range(dimensions) if n != axis)
    made = nodes.MatMul(nodes.Rearrange(arg, (*rest, axis)), across)
    if drops:
        return made
    back = (*range(axis), dimensions - 1, *range(axis, dimensions - 1))
    return nodes.Rearrange(made, back)


def parts_of(node: nodes.Joined) -> Iterator[Node]:
    """The arrays that are joined, in order."""
    if node.more:
        assert isinstance(node.left, nodes.Joined)
        yield from parts_of(node.left)
    else:
        yield node.left
    yield node.right


def new_axis_of(node: nodes.Joined, dimensions: int) -> tuple[bool, int]:
    """Whether arrays of so many dimensions get a new axis, and along which axis they stand."""
    match node.how:
        case "vstack":
            return dimensions < _MATRIX, 0
        case "hstack":
            return dimensions < 1, min(dimensions - 1, 1) if dimensions else 0
    new = node.how in ("stack", "list")
    axis = node.axis or 0
    return new, axis + (dimensions + new if axis < 0 else 0)


def put_beside(node: nodes.Joined, shape: _ShapeOf) -> Node:
    """Two arrays in one: the sum of them, each moved to its place among zeros."""
    own = shape(node.right)
    new, axis = new_axis_of(node, len(own))
    first: SizeText = 1 if new and not node.more else _size(shape(node.left)[axis])
    total = size_sum(first, 1 if new else _size(own[axis]))
    if new and not node.more:
        left = _placed(node.left, 0, 2, axis, own)
    else:
        before = nodes.Selection("slice", (0, 1), (first, total))
        left = applied(nodes.Transpose(before), node.left, axis, len(own) + new)
    if new:
        assert isinstance(first, int)
        return nodes.Add(left, _placed(node.right, first, first + 1, axis, own))
    after = nodes.Selection("slice", (first, 1), (_size(own[axis]), total))
    return nodes.Add(left, applied(nodes.Transpose(after), node.right, axis, len(own)))


def _placed(part: Node, place: int, count: int, axis: int, own: Shape) -> Node:
    """An array at one place of a new axis, zeros at the others."""
    unit = nodes.Selection("at", (place,), (count,))
    match len(own):
        case 0:
            return unit if part == nodes.ONE else nodes.Multiply(part, unit)
        case 1:
            return nodes.Outer(*((part, unit) if axis else (unit, part)))
    dimensions = len(own)
    behind = dimensions - axis
    beside = nodes.Rearrange(unit, (0, *(None,) * behind)) if behind else unit
    order = (*range(axis), None, *range(axis, dimensions))
    return nodes.Multiply(nodes.Rearrange(part, order), beside)


def gathered(node: nodes.Gathered, shape: _ShapeOf) -> Node:
    """Entries at labels: a product with the one-hot rows of the labels."""
    own = shape(node.array)
    if node.how == "rows":
        return nodes.MatMul(nodes.OneHot(node.labels, _size(own[0])), node.array)
    chosen = nodes.OneHot(node.labels, _size(own[-1]))
    if node.how == "columns":
        turned = nodes.Transpose(chosen) if len(shape(node.labels)) == 1 else chosen
        return nodes.MatMul(node.array, turned)
    axis = len(own) - 1
    return nodes.Sum(nodes.Multiply(chosen, node.array), axis or None)
