"""Index maps as NumPy, torch and JAX write them: X[1:], np.pad, torch.roll, one-hot rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from matderiv.expression import nodes
from matderiv.expression.dims import Dim, Shape
from matderiv.expression.index_maps import parts_of, result_size
from matderiv.expression.index_source import index_text, is_indexed, padded, slices, surface
from matderiv.expression.nodes import Node
from matderiv.expression.reshaping import size_of_dim
from matderiv.expression.shape_calls import beside_diagonal, kron_of
from matderiv.expression.size_text import SizeText

__all__ = ["MapCode"]


@dataclass(frozen=True, slots=True)
class MapCode:
    """Writes index maps in one library; the functions write operands, sizes and plain numbers.

    `like`: the input whose precision constants have.
    """

    module: str
    text: Callable[[Node], str]
    atom: Callable[[Node], str]
    array: Callable[[Node], str]
    size: Callable[[SizeText], str]
    shape: Callable[[Node], Shape]
    like: Callable[[], str]

    def of(self, node: Node) -> str:
        """The text of a map or of a constant."""
        match node:
            case nodes.Selection("tri", (int(k),), sizes):
                return self.of(nodes.Mapped(nodes.Ones(sizes), ("tril", k)))
            case nodes.Selection():
                return self.of(surface(node))
            case nodes.OneHot(arg, size):
                return self._one_hot(self.atom(arg), self.size(size))
            case nodes.Mapped() if is_indexed(node):
                return self._indexed(node)
            case nodes.Mapped() if (found := beside_diagonal(node)) is not None:
                return f"{self.module}.diag({self.text(found[0])}, {found[1]})"
            case nodes.Mapped():
                return self._moved(node)
            case nodes.Reshape():
                return self._reshaped(node)
            case nodes.Joined():
                return self._joined(node)
            case nodes.Gathered(array, labels, how):
                named = self.text(labels)
                rows = f"{self.module}.arange(len({named}))"
                index = {"rows": named, "columns": f":, {named}", "picked": f"{rows}, {named}"}
                return f"{self.atom(array)}[{index[how]}]"
        raise AssertionError(node)

    def _reshaped(self, node: nodes.Reshape) -> str:
        if (parts := kron_of(node)) is not None:
            return f"{self.module}.kron({', '.join(map(self.text, parts))})"
        if len(node.sizes) == 1:
            return f"{self.module}.ravel({self.text(node.arg)})"
        sizes = ", ".join(map(self.size, node.sizes))
        return f"{self.module}.reshape({self.text(node.arg)}, ({sizes}))"

    @property
    def _torch(self) -> bool:
        return self.module == "torch"

    def _one_hot(self, labels: str, size: str) -> str:
        match self.module:
            case "torch":
                return f"torch.nn.functional.one_hot({labels}, {size}).to({self.like()}.dtype)"
            case "jnp":
                return f"jax.nn.one_hot({labels}, {size}, dtype={self.like()}.dtype)"
        return f"np.eye({size}, dtype={self.like()}.dtype)[{labels}]"

    def _indexed(self, node: nodes.Mapped) -> str:
        base, parts = slices(node)
        backwards = any(
            isinstance(p[-1], int) and p[-1] < 0 and p[0] == "slice" for p in parts.values()
        )
        if not (self._torch and backwards):
            return self.atom(base) + index_text(parts, self.size)
        axis = node.axis or 0
        match node.move:
            case ("slice", None, None, int(step)) if step < 0:  # torch has no slices backwards
                flipped = f"torch.flip({self.text(node.arg)}, ({axis},))"
                return flipped + (
                    index_text({axis: ("slice", None, None, -step)}, str) if step < -1 else ""
                )
        return self.atom(node.arg) + index_text({axis: node.move}, self.size)

    def _moved(self, node: nodes.Mapped) -> str:
        name, *rest = node.move
        arg, m = self.text(node.arg), self.module
        axis = node.axis
        match name, self._torch:
            case "pad", _:
                return self._padded(node)
            case (("tril" | "triu"), _):
                return f"{m}.{name}({arg}{f', {rest[0]}' if rest[0] else ''})"
            case "windows", _:
                places = self._places(node, self.shape(node.arg)[axis or 0], rest[0])
                return f"{self.atom(node.arg)}[{':, ' * (axis or 0)}{places}]"
            case "fold", _:
                return self._folded(node, arg)
            case "cumsum", _:
                along = f", {'dim' if self._torch else 'axis'}={axis or 0}"
                return f"{m}.cumsum({arg}{along if self._torch or axis is not None else ''})"
            case "repeat", True:
                return f"torch.repeat_interleave({arg}, {rest[0]}, dim={axis or 0})"
            case "roll", True:
                return f"torch.roll({arg}, {rest[0]}, dims={axis or 0})"
        along = "" if axis is None else f", axis={axis}"
        return f"{m}.{name}({arg}, {rest[0]}{along})"

    def _places(self, node: nodes.Mapped, length: Dim, width: SizeText | None) -> str:
        """The place of entry k of window i along an axis, as an array."""
        _, _, stride, dilation = node.move
        assert width is not None
        assert stride is not None
        count = result_size(("windows", width, stride, dilation), size_of_dim(length))
        arange = f"{self.module}.arange"
        first, inside = (f"{arange}({self.size(size or 1)})" for size in (count, width))
        first += "[:, None]"
        first = first if stride == 1 else f"{stride}*{first}"
        return f"{first} + {inside}" if dilation == 1 else f"{first} + {dilation}*{inside}"

    def _folded(self, node: nodes.Mapped, arg: str) -> str:
        """The sum over all windows and their entries, by one-hot rows of their places."""
        axis, own = node.axis or 0, self.shape(node.arg)
        length = self.shape(node)[axis]
        places = self._places(node, length, size_of_dim(own[axis + 1]))
        letters = "abcdefgh"[: len(own) - 2]
        before, after = letters[:axis], letters[axis:]
        text = f"{before}ik{after},ikn->{before}n{after}"
        rows = self._one_hot(places, self.size(size_of_dim(length)))
        return f"{self.module}.einsum('{text}', {arg}, {rows})"

    def _padded(self, node: nodes.Mapped) -> str:
        count = len(self.shape(node.arg))
        base, ends = padded(node, count)
        arg = self.text(base)
        widths = [tuple(map(self.size, pair)) for pair in ends]
        if self._torch:
            flat = ", ".join(n for pair in reversed(widths) for n in pair)
            return f"torch.nn.functional.pad({arg}, ({flat}))"
        pairs = [f"({', '.join(pair)})" for pair in widths]
        around = pairs[0] if count == 1 else f"({', '.join(pairs)})"
        return f"{self.module}.pad({arg}, {around})"

    def _joined(self, node: nodes.Joined) -> str:
        new = node.how in ("stack", "list")
        parts = ", ".join(map(self.array if new else self.text, parts_of(node)))
        name = "stack" if new else "cat" if self._torch else "concatenate"
        along = f", {'dim' if self._torch else 'axis'}={node.axis}" if node.axis else ""
        return f"{self.module}.{name}(({parts}){along})"
