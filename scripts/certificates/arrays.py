"""What NumPy-like source is worth: arrays of numbers, broadcast and reduced as NumPy does.

Inverses and determinants come from elimination, so that their derivatives follow from those of
sums, products and quotients alone.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from certificates.frame import refuse
from certificates.numbers import (
    FUNCTIONS,
    Field,
    Number,
    UndefinedError,
    applied,
    raised,
    to_the,
    value_of,
)
from certificates.reading import Tree, walk

Shape = tuple[int, ...]

MOST_ENTRIES = 100_000  # of an array
MOST_DIMENSIONS = 2


@dataclass(frozen=True)
class Array:
    """Numbers row by row."""

    shape: Shape
    items: list[Number]

    def at(self, place: Sequence[int]) -> Number:
        """The entry at a place, counted from 1."""
        if len(place) != len(self.shape):
            refuse("an entry has another number of indices than its array")
        number = 0
        for index, size in zip(place, self.shape, strict=True):
            if not 1 <= index <= size:
                refuse(f"an index {index} is outside of 1 … {size}")
            number = number * size + index - 1
        return self.items[number]

    def over(self, shape: Shape, place: Sequence[int]) -> Number:
        """The entry at a place of an array of another shape that this one is broadcast to."""
        if broadcast(self.shape, shape) != shape:
            refuse("an array does not have the shape of what it stands for")
        own = place[len(shape) - len(self.shape) :]
        return self.at([i if n > 1 else 1 for i, n in zip(own, self.shape, strict=True)])


def places(shape: Shape) -> Iterator[tuple[int, ...]]:
    """All places of an array, row by row."""
    return itertools.product(*(range(1, size + 1) for size in shape))


def made(shape: Shape, entry: Callable[[tuple[int, ...]], Number]) -> Array:
    """An array by its entries."""
    if math.prod(shape) > MOST_ENTRIES:
        refuse(f"an array of more than {MOST_ENTRIES:,} entries")
    return Array(shape, [entry(place) for place in places(shape)])


def broadcast(one: Shape, other: Shape) -> Shape:
    """The shape that two shapes are broadcast to."""
    found = []
    for a, b in itertools.zip_longest(one[::-1], other[::-1], fillvalue=1):
        if 1 != a != b != 1:
            refuse("arrays of sizes that differ")
        found.append(max(a, b) if min(a, b) == 1 else a)
    return tuple(found[::-1])


def entrywise(operation: Callable[..., Number], *arrays: Array) -> Array:
    """A function of numbers, of each entry."""
    shape: Shape = ()
    for array in arrays:
        shape = broadcast(shape, array.shape)
    if all(array.shape == shape for array in arrays):
        return Array(shape, [operation(*some) for some in zip(*(a.items for a in arrays))])  # noqa: B905
    return made(shape, lambda place: operation(*(a.over(shape, place) for a in arrays)))


def transposed(array: Array) -> Array:
    """Rows as columns; a vector as it is."""
    return made(array.shape[::-1], lambda place: array.at(place[::-1]))


def total(field: Field, numbers: Iterable[Number]) -> Number:
    """The sum."""
    found: Number = None
    for number in numbers:
        found = number if found is None else found + number
    return field.number(0) if found is None else found


def product(field: Field, numbers: Iterable[Number]) -> Number:
    """The product."""
    found = field.number(1)
    for number in numbers:
        found = found * number
    return found


def multiplied(field: Field, left: Array, right: Array) -> Array:
    """The matrix product."""
    if not left.shape or not right.shape or left.shape[-1] != right.shape[0]:
        refuse("a product of sizes that differ")
    rows = len(left.shape) - 1
    inner = range(1, right.shape[0] + 1)
    return made(
        left.shape[:-1] + right.shape[1:],
        lambda place: total(
            field, (left.at((*place[:rows], k)) * right.at((k, *place[rows:])) for k in inner)
        ),
    )


def eliminated(field: Field, array: Array, beside: Array) -> tuple[Array, Number]:
    """A⁻¹·B and det A of a square A.

    Raises:
        UndefinedError: A has no inverse.
    """
    if len(array.shape) != MOST_DIMENSIONS or array.shape[0] != array.shape[1]:
        refuse("an inverse or a determinant of what is not square")
    n = array.shape[0]
    width = beside.shape[1]
    rows = [
        array.items[n * i : n * (i + 1)] + beside.items[width * i : width * (i + 1)]
        for i in range(n)
    ]
    determinant = field.number(1)
    largest = max(field.magnitude(value_of(u)) for u in array.items)
    for k in range(n):
        best = max(range(k, n), key=lambda i: field.magnitude(value_of(rows[i][k])))
        if not field.counts(value_of(rows[best][k]), largest):
            raise UndefinedError
        if best != k:
            rows[k], rows[best] = rows[best], rows[k]
            determinant = -determinant
        pivot = rows[k][k]
        determinant = determinant * pivot
        rows[k] = [u / pivot for u in rows[k]]
        for i in range(n):
            if i != k:
                factor = rows[i][k]
                rows[i] = [u - factor * v for u, v in zip(rows[i], rows[k], strict=True)]
    return Array(beside.shape, [u for row in rows for u in row[n:]]), determinant


def identity(field: Field, n: int) -> Array:
    """The identity matrix."""
    return made((n, n), lambda place: field.number(int(place[0] == place[1])))


def inverse(field: Field, array: Array) -> Array:
    """A⁻¹."""
    return eliminated(field, array, identity(field, (*array.shape, 0)[0]))[0]


def determinant(field: Field, array: Array) -> Number:
    """The determinant of A."""
    return eliminated(field, array, Array(((*array.shape, 0)[0], 0), []))[1]


def reduced(
    array: Array, axis: int | None, operation: Callable[[list[Number]], Number], *, keepdims: bool
) -> Array:
    """An operation on all entries, or along an axis."""
    if axis is None:
        shape = (1,) * len(array.shape) if keepdims else ()
        return Array(shape, [operation(array.items)])
    if not -len(array.shape) <= axis < len(array.shape):
        refuse("an axis that an array does not have")
    axis %= len(array.shape)
    before, size, after = array.shape[:axis], array.shape[axis], array.shape[axis + 1 :]

    def along(place: tuple[int, ...]) -> Number:
        rest = place[axis + 1 :] if keepdims else place[axis:]
        return operation([array.at((*place[:axis], k, *rest)) for k in range(1, size + 1)])

    return made(before + (1,) * keepdims + after, along)


def whole_number(tree: Tree) -> int | None:
    """The whole number that is written, if one is."""
    match tree:
        case ("num", int(n)):
            return n
        case ("neg", ("num", int(n))):
            return -n
    return None


class Formulas:
    """Evaluates source. What names, slices and undefined functions stand for is asked of others.

    `size` gives the number that the letter of a size stands for, or None, `name` the array of a
    name, `call` that of an undefined function of an array, `slope` ∂Z/∂x_pq, and `unit` e_p e_qᵀ.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - what it asks of others
        self,
        field: Field,
        size: Callable[[str], int | None],
        name: Callable[[str], Array],
        call: Callable[[str, Array], Array],
        slope: Callable[[str, Tree], Array],
        unit: Callable[[Tree], Array],
    ) -> None:
        self.field, self.size, self.name = field, size, name
        self.call, self.slope, self.unit = call, slope, unit

    def value(self, tree: Tree) -> Array:
        """What a tree is worth."""
        field = self.field
        match tree:
            case ("num", number):
                return Array((), [field.number(number)])
            case ("name", name):
                size = self.size(name)
                return self.name(name) if size is None else Array((), [field.number(size)])
            case ("neg", part):
                return entrywise(lambda u: -u, self.value(part))
            case ("add", (first, *rest)):
                found = self.value(first)
                for part in rest:
                    found = self.plus(found, part)
                return found
            case ("mul", (first, *rest)):
                found = self.value(first)
                for part in rest:
                    found = self.times(found, part)
                return found
            case ("pow", base, exponent):
                return self.power(base, exponent)
            case ("matmul", left, right):
                return multiplied(field, self.value(left), self.value(right))
            case ("T", part):
                return transposed(self.value(part))
            case ("index", _, _):
                return self.unit(tree)
            case ("call", name, arguments):
                return self.called(name, arguments)
        refuse(f"{str(tree[1])[:40]!r} cannot stand here")

    def plus(self, found: Array, part: Tree) -> Array:
        """A + B or A - B."""
        if part[0] == "neg":
            return entrywise(lambda u, v: u - v, found, self.value(part[1]))
        return entrywise(lambda u, v: u + v, found, self.value(part))

    def times(self, found: Array, part: Tree) -> Array:
        """A*B or A/B, entry by entry."""
        match part:
            case ("pow", below, ("num", -1)):
                return entrywise(lambda u, v: u / v, found, self.value(below))
        return entrywise(lambda u, v: u * v, found, self.value(part))

    def power(self, base: Tree, exponent: Tree) -> Array:
        """A**B, entry by entry; whole powers are multiplied out."""
        field, n = self.field, whole_number(exponent)
        if n is not None:
            return entrywise(lambda u: to_the(field, u, n), self.value(base))
        both = (self.value(base), self.value(exponent))
        return entrywise(lambda u, v: raised(field, u, v), *both)

    def called(self, name: str, arguments: tuple[Tree, ...]) -> Array:
        """A function with its options."""
        options: dict[str, Any] = {}
        operands = []
        for argument in arguments:
            match argument:
                case ("option", str(option), value) if option not in options:
                    options[option] = value
                case ("option", *_):
                    refuse(f"{name[:40]} is given an option twice")
                case _ if options:
                    refuse(f"{name[:40]} has an operand after its options")
                case _:
                    operands.append(argument)
        if name in REDUCTIONS and len(operands) == 1:
            return self.reduction(name, self.value(operands[0]), options)
        if options:
            refuse(f"{name[:40]} has no such options")
        match name, operands:
            case "Partial", [("name", of), wrt]:
                return self.slope(of, wrt)
            case "acos", [("neg", ("num", 1))]:
                return Array((), [self.field.pi()])
            case "eye", [n]:
                return identity(self.field, self.number(n))
            case "ones", [("tuple", sizes)]:
                return made(tuple(map(self.number, sizes)), lambda _: self.field.number(1))
            case "ones", [size]:
                return made((self.number(size),), lambda _: self.field.number(1))
            case "outer", [left, right]:
                one, other = self.value(left), self.value(right)
                if [len(one.shape), len(other.shape)] != [1, 1]:
                    refuse("an outer product of what are no vectors")
                return made(one.shape + other.shape, lambda p: one.at(p[:1]) * other.at(p[1:]))
            case _, [operand]:
                return self.of_one(name, self.value(operand))
        refuse(f"{name[:40]!r} is not known with {len(operands)} operands")

    def number(self, tree: Tree) -> int:
        """A size."""
        size = self.size(tree[1]) if tree[0] == "name" else whole_number(tree)
        if size is None or not 1 <= size <= MOST_ENTRIES:
            refuse(f"{str(tree[1])[:40]!r} is no size")
        return size

    def of_one(self, name: str, array: Array) -> Array:
        """A function of one array without options."""
        field = self.field
        if name in FUNCTIONS:
            return entrywise(lambda u: applied(field, name, u), array)
        match name:
            case "inv":
                return inverse(field, array)
            case "det":
                return Array((), [determinant(field, array)])
            case "logdet":
                size = applied(field, "abs", determinant(field, array))
                return Array((), [applied(field, "log", size)])
            case "trace" | "diag" if len(array.shape) == MOST_DIMENSIONS:
                n = array.shape[0]
                if array.shape[1] != n:
                    refuse(f"{name} of what is not square")
                on = [array.at((i, i)) for i in range(1, n + 1)]
                return Array((n,), on) if name == "diag" else Array((), [total(field, on)])
            case "diag" if len(array.shape) == 1:
                zero = field.number(0)
                return made(array.shape * 2, lambda p: array.at(p[:1]) if p[0] == p[1] else zero)
            case "norm":
                square = total(field, (u * u for u in array.items))
                return Array((), [applied(field, "sqrt", square)])
        return self.call(name, array)

    def reduction(self, name: str, array: Array, options: dict[str, Tree]) -> Array:
        """sum, mean, prod, logsumexp and softmax."""
        axis = whole_number(options.pop("axis", ("num", 0))) if "axis" in options else None
        kept = options.pop("keepdims", ("name", "False"))
        if options or kept not in (("name", "True"), ("name", "False")):
            refuse(f"{name} has no such options")
        keepdims = kept == ("name", "True") or name == "softmax"
        operation = REDUCTIONS[name]
        found = reduced(array, axis, lambda some: operation(self.field, some), keepdims=keepdims)
        if name != "softmax":
            return found
        field = self.field
        return entrywise(lambda u, v: applied(field, "exp", u) / v, array, found)


def _exponentials(field: Field, numbers: list[Number]) -> Number:
    return total(field, (applied(field, "exp", u) for u in numbers))


REDUCTIONS: dict[str, Callable[[Field, list[Number]], Number]] = {
    "sum": total,
    "mean": lambda field, some: total(field, some) / field.number(len(some)),
    "prod": product,
    "logsumexp": lambda field, some: applied(field, "log", _exponentials(field, some)),
    "softmax": _exponentials,
}

#: What is called by a name of its own.
KNOWN = {*FUNCTIONS, *REDUCTIONS} | set(
    "inv det logdet trace diag norm outer eye ones acos".split()
)


def undefined(tree: Tree) -> set[str]:
    """The undefined functions that a program calls."""
    return {node[1] for node in walk(tree) if node[0] == "call"} - KNOWN
