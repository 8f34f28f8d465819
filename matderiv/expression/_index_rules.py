"""The shapes of index maps: slices, arrays put together, the same entries in other sizes."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Container

from matderiv.errors import ShapeError
from matderiv.expression import nodes
from matderiv.expression._sizes import ShapeVariables, SizeVariable, join, words
from matderiv.expression._worked_sizes import WorkedSizes
from matderiv.expression.index_maps import least_size, new_axis_of, parts_of, result_size
from matderiv.expression.nodes import Node
from matderiv.expression.size_text import is_unnamed, put, size_difference, size_sum
from matderiv.expression.source import source

__all__ = ["IndexMapRules", "axes_of", "declare"]

_MATRIX = 2  # dimensions


class IndexMapRules:
    """The shapes of index maps from those of their operands, which `shape` gives."""

    def __init__(
        self,
        shape: Callable[[Node], ShapeVariables],
        sizes: WorkedSizes,
        assigned: Container[str],
    ) -> None:
        self.shape = shape
        self.sizes = sizes
        #: Sizes that are at least a number, each with what needs it.
        self.least: list[tuple[SizeVariable, int, nodes.Mapped]] = []
        self._assigned = assigned

    def of(self, node: nodes.IndexMap) -> ShapeVariables:
        """The shape of an index map.

        Raises:
            ShapeError: shapes do not fit.
        """
        match node:
            case nodes.Selection(sizes=sizes):
                return tuple(map(self.sizes.size, sizes))
            case nodes.OneHot(arg, size):
                return (*self._labels(node, arg), self.sizes.size(size))
            case nodes.Mapped():
                return self._mapped(node)
            case nodes.Joined():
                return self._joined(node)
            case nodes.Gathered():
                return self._gathered(node)
            case nodes.Reshape():
                return self._reshaped(node)

    def _mapped(self, node: nodes.Mapped) -> ShapeVariables:
        shape = self.shape(node.arg)
        what = f"{source(node)}: {source(node.arg)} is {words(shape)}"
        if node.move[0] in ("tril", "triu"):
            if len(shape) < _MATRIX:
                raise ShapeError(f"{what}; a triangle is that of a matrix.")
            return shape
        if not shape:
            raise ShapeError(f"{what}; it has no axis.{declare(node.arg, '3')}")
        if node.move[0] == "fold":
            return self._folded(node, shape)
        everywhere = node.axis is None and node.move[0] == "pad"
        if node.axis is None and len(shape) > 1 and not everywhere:
            raise ShapeError(f"{what}; say along which axis, such as axis=0.")
        if node.axis is not None and not -len(shape) <= node.axis < len(shape):
            raise ShapeError(f"{what}; {axes_of(shape)}.")
        axes = range(len(shape)) if everywhere else [(node.axis or 0) % len(shape)]
        made: list[SizeVariable] = []
        for axis, size in enumerate(shape):
            made += self._moved(node, size) if axis in axes else [size]
        return tuple(made)

    def _moved(self, node: nodes.Mapped, size: SizeVariable) -> list[SizeVariable]:
        """The size of an axis that is moved, none where one entry is taken."""
        least = least_size(node.move)
        if size.number is not None and size.number < least:
            raise ShapeError(
                f"{source(node)}: {source(node.arg)} has {size.number} "
                f"{'entry' if size.number == 1 else 'entries'} there, and needs {least}."
            )
        self.least.append((size, least, node))
        own = "_n"
        try:
            found = result_size(node.move, own)
        except ShapeError as error:
            raise ShapeError(f"{source(node)}: {error}") from None
        match node.move:
            case ("slice", _, str(stop), _):  # what is left behind it and one more
                self.sizes.worked_out(size_sum(size_difference(own, stop), 1), {own: size})
            case ("at", str(place)):  # one entry at least is left from it on
                self.sizes.worked_out(size_difference(own, place), {own: size})
            case ("windows", width, _, _):
                assert width is not None
                return [self.sizes.worked_out(found or 1, {own: size}), self.sizes.size(width)]
        return [] if found is None else [self.sizes.worked_out(found, {own: size})]

    def _folded(self, node: nodes.Mapped, shape: ShapeVariables) -> ShapeVariables:
        """Windows of an axis and their entries, two axes, become the axis."""
        what = f"{source(node)}: {source(node.arg)} is {words(shape)}"
        count = len(shape) - 1
        axis = node.axis or 0
        _, length, stride, dilation = node.move
        if count < 1 or not -count <= axis < count:
            raise ShapeError(f"{what}; windows and their entries are two axes, axis the first.")
        assert length is not None
        axis %= count
        size = self.sizes.size(length)
        text = result_size(("windows", "_k", stride, dilation), "_n")
        inside = shape[axis + 1].root()
        letters = {name: own.root() for name, own in self.sizes.letters.items()}
        kernel = next((name for name, own in letters.items() if own is inside), "_k")
        whole = put(text or 1, {"_n": length, "_k": kernel})
        if whole in self.sizes.letters:  # the length is that of so many windows
            windows = self.sizes.letters[str(whole)]
        else:
            windows = self.sizes.worked_out(text or 1, {"_n": size, "_k": shape[axis + 1]})
        if not join(windows, shape[axis]):
            raise ShapeError(f"{what}; {size} entries have {windows} such windows.")
        return (*shape[:axis], size, *shape[axis + 2 :])

    def _joined(self, node: nodes.Joined) -> ShapeVariables:
        parts = tuple(parts_of(node))
        shapes = [self.shape(part) for part in parts]
        what = ", ".join(f"{source(p)} is {words(s)}" for p, s in zip(parts, shapes, strict=True))
        if len({len(shape) for shape in shapes}) > 1:
            raise ShapeError(
                f"{source(node)}: {what}; arrays that are put together have as many axes."
            )
        new, axis = new_axis_of(node, len(shapes[0]))
        if not 0 <= axis < len(shapes[0]) + new:
            raise ShapeError(f"{source(node)}: {what}; {axes_of(shapes[0])}.")
        for shape in shapes[1:]:
            for place, (one, other) in enumerate(zip(shapes[0], shape, strict=True)):
                if (new or place != axis) and not join(one, other):
                    raise ShapeError(
                        f"{source(node)}: {what}; only along axis {axis} may sizes differ."
                    )
        for above, below in itertools.pairwise(parts):
            self._aligned(above, below)
        first = shapes[0]
        if new:
            return (*first[:axis], SizeVariable(len(parts), fixed=True), *first[axis:])
        own = {f"_n{n}": shape[axis] for n, shape in enumerate(shapes)}
        return (*first[:axis], self.sizes.total(own), *first[axis + 1 :])

    def _aligned(self, one: Node, other: Node) -> None:
        """Rows of a block matrix have their parts below each other, unless sizes say otherwise."""
        if not (isinstance(one, nodes.Joined) and isinstance(other, nodes.Joined)):
            return
        for above, below in zip(parts_of(one), parts_of(other), strict=False):
            ends = (*self.shape(above)[-1:], *self.shape(below)[-1:])
            if one.axis == other.axis == -1 and all(size.number is None for size in ends):
                join(*ends)

    # -- the same entries in other sizes -----------------------------------------------------

    def _reshaped(self, node: nodes.Reshape) -> ShapeVariables:
        own = self.shape(node.arg)
        match node.how:
            case "pairs":
                return tuple(self.sizes.product(own[n : n + 2]) for n in range(0, len(own), 2))
            case "squeeze":
                return self._squeezed(node, own)
            case "unflatten":
                return self._unflattened(node, own)
        new = [None if size == -1 else self.sizes.size(size) for size in node.sizes]
        if None in new:
            place = new.index(None)
            known = [size for size in new if size is not None]
            new[place] = self._rest(node, own, known)
        made = tuple(size for size in new if size is not None)
        step = -1 if node.how == "F" else 1
        self._same_entries(node, own[::step], made[::step])
        return made

    def _unflattened(self, node: nodes.Reshape, own: ShapeVariables) -> ShapeVariables:
        axis, *parts = node.sizes
        what = f"{source(node)}: {source(node.arg)} is {words(own)}"
        if not isinstance(axis, int) or not -len(own) <= axis < len(own):
            raise ShapeError(f"{what}; {axes_of(own)}.")
        axis %= len(own)
        made = [SizeVariable() if size == -1 else self.sizes.size(size) for size in parts]
        total, taken = own[axis].number, math.prod(size.number or 1 for size in made)
        numbers = [size.number for size in made if size.number is not None]
        if -1 in parts and (total is None or len(numbers) < len(made) - 1):
            raise ShapeError(
                f"{what}; declare its shape with --shape, or write the size in place of -1."
            )
        whole = total == taken if len(numbers) == len(made) else (total or 0) % taken == 0
        if total is not None and len(numbers) >= len(made) - 1 and not whole:
            raise ShapeError(f"{what}; {total} entries along axis {axis} are no rows of {taken}.")
        for part, size in zip(parts, made, strict=True):
            if part == -1:
                size.settle((total or 0) // taken)
            elif total is not None and size.number is None and len(numbers) == len(made) - 1:
                size.settle(total // taken)
        hidden = any(part == -1 or is_unnamed(str(part)) for part in parts)
        if hidden and total is not None:  # its letter would stand nowhere else
            for size in (own[axis], *made):
                size.fix()
        self.sizes.related([own[axis]], made)
        return (*own[:axis], *made, *own[axis + 1 :])

    def _squeezed(self, node: nodes.Reshape, own: ShapeVariables) -> ShapeVariables:
        what = f"{source(node)}: {source(node.arg)} is {words(own)}"
        axes = [int(n) for n in node.sizes]
        for axis in axes:
            if not -len(own) <= axis < len(own):
                raise ShapeError(f"{what}; {axes_of(own)}.")
            if own[axis].number not in (1, None):
                raise ShapeError(f"{what}; only an axis of a single entry goes.")
            if not join(own[axis], SizeVariable(1, fixed=True)):
                raise ShapeError(f"{what}; only an axis of a single entry goes.")
        gone = {axis % len(own) for axis in axes}
        return tuple(size for n, size in enumerate(own) if n not in gone)

    def _rest(
        self, node: nodes.Reshape, own: ShapeVariables, known: list[SizeVariable]
    ) -> SizeVariable:
        """The size that -1 stands for: the product of the sizes of A that no other size takes."""
        left, over = list(own), []
        for size in known:
            same = next((n for n, other in enumerate(left) if other.root() is size.root()), None)
            if same is not None:
                del left[same]
            elif size.number != 1:
                over.append(size)
        if not over:
            return self.sizes.product(left)
        numbers = [size.number for size in left], [size.number for size in over]
        what = f"{source(node)}: {source(node.arg)} is {words(own)}"
        if any(number is None for number in itertools.chain(*numbers)):
            raise ShapeError(f"{what}; write the size in place of -1.")
        total, taken = (math.prod(n for n in side if n) for side in numbers)
        if total % taken:
            raise ShapeError(f"{what}; {total} entries are no rows of {taken}.")
        for size in (*left, *over):
            size.fix()
        return SizeVariable(total // taken, fixed=True)

    def _same_entries(self, node: nodes.Reshape, own: ShapeVariables, new: ShapeVariables) -> None:
        """Join sizes that hold the same entries; what is put together is a product.

        Raises:
            ShapeError: there are not as many entries.
        """
        old, made = ([s for s in side if not (s.fixed and s.number == 1)] for side in (own, new))
        numbers = [size.number for size in (*old, *made)]
        if all(numbers):
            total, other = (math.prod(s.number or 1 for s in side) for side in (old, made))
            if total != other:
                raise ShapeError(
                    f"{source(node)}: {source(node.arg)} is {words(own)}, which is {total} "
                    f"entries, and the new sizes hold {other}; give sizes with as many."
                )
            for held in _groups(old, made):
                self.sizes.related(*held)
            return
        few = min(len(old), len(made)) - 1
        for one, two in zip(old[: max(few, 0)], made, strict=False):
            self.sizes.related([one], [two])
        if few >= 0:
            self.sizes.related(old[few:], made[few:])

    def _labels(self, node: Node, labels: Node) -> ShapeVariables:
        if not isinstance(labels, nodes.Name) or labels.name in self._assigned:
            raise ShapeError(f"{source(node)}: labels are an input, given by its name.")
        return self.shape(labels)

    def _gathered(self, node: nodes.Gathered) -> ShapeVariables:
        array, labels = self.shape(node.array), self._labels(node, node.labels)
        what = f"{source(node)}: {source(node.array)} is {words(array)}"
        most = 1 if node.how == "picked" else 0
        least = 1 + most if node.how == "columns" else 1
        if node.how == "picked" and len(array) != len(labels) + 1:
            raise ShapeError(
                f"{what} and {source(node.labels)} {words(labels)}; there is a label for each row."
            )
        if node.how != "picked" and not least <= len(array) <= _MATRIX:
            raise ShapeError(f"{what}; labels name rows or columns of a matrix.")
        if node.how == "rows":
            return (*labels, *array[1:])
        if node.how == "columns":
            return (*array[:1], *labels)
        fits = [join(a, b) for a, b in zip(array, labels, strict=False)]  # join all, then ask
        if not all(fits):
            raise ShapeError(
                f"{what}, with {words(labels)} of labels; there is a label for each row."
            )
        if node.rows is not None and not join(labels[0], self.sizes.size(node.rows)):
            raise ShapeError(f"{what}; {node.rows} is not how many rows there are.")
        return labels


def _groups(
    own: list[SizeVariable], new: list[SizeVariable]
) -> list[tuple[list[SizeVariable], list[SizeVariable]]]:
    """Sizes with the same product, as few together as can be, in order."""
    found: list[tuple[list[SizeVariable], list[SizeVariable]]] = []
    left, right = list(own), list(new)
    while left or right:
        if not (left and right):  # sizes of 1
            found = found or [([], [])]
            found[-1][0].extend(left)
            found[-1][1].extend(right)
            break
        one, other = [left.pop(0)], [right.pop(0)]
        while (total := math.prod(s.number or 1 for s in one)) != (
            more := math.prod(s.number or 1 for s in other)
        ):
            if total < more:
                one.append(left.pop(0))
            else:
                other.append(right.pop(0))
        found.append((one, other))
    return found


def axes_of(shape: ShapeVariables) -> str:
    """The numbers of an array's axes, in words."""
    known = {0: "it has no axis", 1: "its only axis is 0", 2: "its axes are 0 and 1"}
    return known.get(len(shape), f"its axes are 0 to {len(shape) - 1}")


def declare(node: Node, shape: str, why: str = "") -> str:
    """How an input gets another shape."""
    if not isinstance(node, nodes.Name):
        return ""
    return f" {f'{why.capitalize()}, declare' if why else 'Declare'} --shape {node.name}={shape}."
