"""Shapes of formulas over names whose shapes are known; each is worked out once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction

from matderiv.calculus.formulas.broadcasting import ShapeOf, stacked
from matderiv.calculus.formulas.flattened import BasePower, factors, product_of
from matderiv.errors import ShapeError
from matderiv.expression import nodes
from matderiv.expression.definitions import unfolded
from matderiv.expression.dims import SINGLE
from matderiv.expression.nodes import Node
from matderiv.expression.shapes import Dim, Shape
from matderiv.expression.size_text import (
    is_worked_out,
    letters_of_size,
    put,
    size_number,
)
from matderiv.expression.source import source

__all__ = [
    "ShapesOver",
    "letters_in",
    "numbered",
    "places_of",
    "scalars_known",
    "shapes_over",
    "signs_first",
]


def shapes_over(names: Mapping[str, Shape]) -> ShapeOf:
    """The shape of any formula over names of known shapes; `dY` has the shape of Y.

    >>> from matderiv.expression.parse import parse
    >>> n, d = Dim("N", 2), Dim("D", 4)
    >>> shapes_over({"Y": (n, d)})(parse("sum(dY, axis=0)").loss.value)
    (Dim(symbol='D', size=4),)
    """
    return ShapesOver(names)


class ShapesOver:
    """A function of formulas that works the shape of each out once; see `shapes_over`.

    >>> ShapesOver({"y": (Dim("N", 2),)})(nodes.Name("dy"))
    (Dim(symbol='N', size=2),)
    """

    def __init__(self, names: Mapping[str, Shape]) -> None:
        self._names = names
        self._letters = {dim.symbol: dim for shape in names.values() for dim in shape}
        self._known: dict[Node, Shape] = {}

    def __call__(self, node: Node) -> Shape:
        """The shape of a formula."""
        found = self._known.get(node)
        if found is None:
            found = self._known[node] = self._of(node)
        return found

    def _of(self, node: Node) -> Shape:
        match node:
            case nodes.Name(name):
                return self._names[name if name in self._names else name[1:]]
            case nodes.Number() | nodes.Size() | nodes.Pi():
                return ()
            case nodes.Determinant():
                return ()
            case (
                nodes.Negate(arg)
                | nodes.Apply(_, arg)
                | nodes.Inverse(arg)
                | nodes.MatrixFunction(arg)
                | nodes.Frechet(arg)
            ):
                return self(arg)
            case _ if isinstance(node, nodes.AlongAxis):
                return self(node.arg)
            case nodes.Transpose(arg):
                return self(arg)[::-1]
            case nodes.Rearrange(arg, order):
                own = self(arg)
                return tuple(SINGLE if axis is None else own[axis] for axis in order)
            case nodes.MatMul(left, right):
                return self._matmul(node, self(left), self(right))
            case nodes.Outer(left, right):
                return self(left) + self(right)
            case nodes.Diag(arg):
                own = self(arg)
                return own * 2 if len(own) == 1 else own[:1]
            case nodes.Eye(size):
                return (self._dim(size),) * 2
            case (
                nodes.Ones(sizes)
                | nodes.Functional(sizes=sizes)
                | nodes.Selection(sizes=sizes)
                | nodes.Reshape(_, sizes)
            ):
                return tuple(map(self._dim, sizes))
            case nodes.OneHot(arg, size):
                return (*self(arg), self._dim(size))
            case _ if isinstance(node, nodes.Reduction):
                return self._reduction(node)
            case _ if isinstance(node, nodes.Entrywise):
                return self._broadcast(node, self(node.left), self(node.right))
        return self(unfolded(node, "shape", self))

    @staticmethod
    def _matmul(node: Node, left: Shape, right: Shape) -> Shape:
        if not (left and right):
            raise ShapeError(f"{source(node)}: one of the factors is a number.")
        inner = right[-2:][0]
        if left[-1].size != inner.size:
            raise ShapeError(f"{source(node)}: the inner sizes differ.")
        lead = stacked(left[:-2], right[:-2])
        return (*lead, *left[-2:-1], *(right[-1:] if len(right) > 1 else ()))

    def _reduction(self, node: nodes.Reduction) -> Shape:
        over = self(node.arg)
        if node.axis is None:
            return (SINGLE,) * len(over) if node.keepdims else ()
        axis = node.axis % len(over)
        return over[:axis] + ((SINGLE,) if node.keepdims else ()) + over[axis + 1 :]

    @staticmethod
    def _broadcast(node: Node, left: Shape, right: Shape) -> Shape:
        try:
            return stacked(left, right)
        except ShapeError as error:
            raise ShapeError(f"{source(node)}: {error}.") from None

    def _dim(self, size: int | str) -> Dim:
        if isinstance(size, int):
            return Dim(str(size), size)
        if size not in self._letters and is_worked_out(size):
            numbers = {letter: self._letters[letter].size for letter in letters_of_size(size)}
            return Dim(size, size_number(size, numbers))
        return self._letters[size]


def letters_in(formulas: Iterable[Node]) -> dict[str, None]:
    """The letters of sizes that formulas hold, as in eye(N) and 1/N, in order."""
    found: dict[str, None] = {}
    for node in (part for formula in formulas for part in nodes.walk(formula)):
        match node:
            case nodes.Size(symbol) | nodes.Eye(str(symbol)) | nodes.OneHot(_, str(symbol)):
                found |= dict.fromkeys(letters_of_size(symbol))
            case (
                nodes.Ones(sizes)
                | nodes.Selection(_, _, sizes)
                | nodes.Mapped(_, (_, *sizes))
                | nodes.Reshape(_, sizes)
            ):
                texts = (size for size in sizes if isinstance(size, str))
                found |= dict.fromkeys(letter for text in texts for letter in letters_of_size(text))
    return found


def places_of(
    letters: Iterable[str], shapes: Mapping[str, Shape], inputs: Iterable[str]
) -> dict[str, tuple[str, int]]:
    """For each letter of a size the first input that has it, and the axis, in their order."""
    wanted = frozenset(letters)
    found: dict[str, tuple[str, int]] = {}
    for name in inputs:
        for axis, dim in enumerate(shapes[name]):
            if dim.symbol in wanted:
                found.setdefault(dim.symbol, (name, axis))
    return found


def scalars_known(node: Node, shapes: Mapping[str, Shape]) -> Node:
    """The formula for `source`, which then knows its scalars and writes A @ B/d without brackets.

    >>> from matderiv.expression.parse import parse
    >>> from matderiv.expression.source import source
    >>> source(scalars_known(parse("(A @ B)/d").loss.value, {"d": ()}))
    'A @ B/d'
    """
    if isinstance(node, nodes.Name) and shapes.get(node.name) == ():
        return nodes.Size(node.name, 1)
    children = nodes.children(node)
    return nodes.rebuilt(node, (scalars_known(child, shapes) for child in children))


def signs_first(node: Node) -> Node:
    """The formula with a minus before a product on its first factor: -2*X, not -(2*X).

    >>> from matderiv.expression.nodes import Multiply, Name, Negate
    >>> source(signs_first(Negate(Multiply(Name("lam"), Name("X")))))
    '-lam*X'
    """
    made = nodes.rebuilt(node, map(signs_first, nodes.children(node)))
    return _turned(made.arg) if isinstance(made, nodes.Negate) else made


def _turned(node: Node) -> Node:
    match node:
        case nodes.Number(value) if value > 0:
            return nodes.Number(-value)
        case nodes.Multiply(left, right) | nodes.Divide(left, right) | nodes.MatMul(left, right):
            return nodes.rebuilt(node, (_turned(left), right))
    return nodes.Negate(node)


def numbered(node: Node, shapes: Mapping[str, Shape], kept: frozenset[str]) -> Node:
    """The formula with numbers for letters of sizes, so that it runs; the program's own stay.

    The numbers of a product are one: X/(2*4), where N = 2 and D = 4, is X/8.
    """
    sizes = {d.symbol: d.size for s in shapes.values() for d in s if d.symbol not in kept}

    match node:
        case nodes.Size(symbol, size) if (new := put(symbol, sizes)) != symbol:
            return nodes.Number(Fraction(new)) if isinstance(new, int) else nodes.Size(new, size)
        case nodes.Multiply() | nodes.Divide():
            node = _multiplied(node, kept)
    node = nodes.with_sizes(node, lambda size: put(size, sizes))
    return nodes.rebuilt(node, [numbered(child, shapes, kept) for child in nodes.children(node)])


def _multiplied(node: Node, kept: frozenset[str]) -> Node:
    """A product in which the numbers for letters of sizes are multiplied with its own number."""
    number, parts = factors(node)
    rest: list[BasePower] = []
    for part in parts:
        match part:
            case (nodes.Size(symbol, size), nodes.Number(power)) if (
                symbol.isdigit() or not kept.issuperset(letters_of_size(symbol))
            ) and power.denominator == 1:
                number *= Fraction(size) ** power.numerator
            case _:
                rest.append(part)
    return node if len(rest) == len(parts) else product_of(number, rest)
