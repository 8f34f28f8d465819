"""Source as index notation: each operation of the language by the entry that it has.

`X @ W` at i and j is Sum(X[i, k]*W[k, j], (k, 1, D)). Shapes are rows of sizes: letters, or numbers
as text; along a size "1" an index is 1, and the array is repeated where a larger one is meant.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from certificates.frame import Work, refuse
from certificates.functions import COMPOSITE, FUNCTIONS, applied
from certificates.reading import PI, Tree, exchanged, walk, whole_number

Sizes = tuple[str, ...]
Places = tuple[Tree, ...]

ONE: Tree = ("num", 1)
_BELOW: Tree = ("num", -1)


class Lowered(NamedTuple):
    """An array: its shape, and its entry at a place."""

    shape: Sizes
    at: Callable[[Places], Tree]


def entry(name: str, at: Places) -> Tree:
    """An entry of a name."""
    return ("index", name, at) if at else ("name", name)


def times(*factors: Tree) -> Tree:
    """A product."""
    return factors[0] if len(factors) == 1 else ("mul", factors) if factors else ONE


def named(at: Iterable[Tree]) -> set[str]:
    """The letters among indices."""
    return {index[1] for index in at if index[0] == "name"}


class Lowering:
    """Lowers the source of one program; `shapes` are those of its names."""

    def __init__(
        self, sizes: Iterable[str], shapes: Mapping[str, Iterable[str]], functions: set[str]
    ) -> None:
        self.sizes, self.functions = set(sizes), functions
        self.shapes = {name: tuple(shape) for name, shape in shapes.items()}
        self.work = Work()
        self._count = itertools.count()
        self._letters: dict[int, tuple[Tree, tuple[str, ...]]] = {}  # by id, beside what has it

    def places(self, shape: Sizes, *, always: bool = False) -> tuple[Places, list[Tree]]:
        """Letters for an array's indices, with their bounds; 1 where there is but one index."""
        places: list[Tree] = []
        bounds: list[Tree] = []
        for size in shape:
            if size == "1" and not always:
                places.append(ONE)
                continue
            letter: Tree = ("name", f"#{next(self._count)}")  # no text of a file has such a name
            places.append(letter)
            end: Tree = ("num", int(size)) if size.isdigit() else ("name", size)
            bounds.append(("tuple", (letter, ONE, end)))
        return tuple(places), bounds

    def letters(self, tree: Tree) -> tuple[str, ...]:
        """The letters that are free in index notation."""
        if id(tree) not in self._letters:
            match tree:
                case ("num" | "name", _):
                    found = set()
                case ("index", _, at) | ("call", "KroneckerDelta", at):
                    found = named(at)
                case ("call", _, (arg, *rest)):
                    bounds = [part[1][0] for part in rest if part[0] == "tuple"]
                    found = {*self.letters(arg)} - named(bounds) | named(rest)
                case (kind, *parts):
                    some = parts[0] if kind in ("add", "mul") else parts
                    found = {letter for part in some for letter in self.letters(part)}
            self._letters[id(tree)] = tree, tuple(sorted(found))
        return self._letters[id(tree)][1]

    def summed(self, body: Tree, bounds: Iterable[Tree]) -> Tree:
        """Σ over letters, one after another, each over the factors that hold it alone."""
        left = {bound[1][0][1]: bound for bound in bounds}
        factors: Places = body[1] if body[0] == "mul" and left else (body,)
        while left:
            held = {n: [factor for factor in factors if n in self.letters(factor)] for n in left}
            # The letter is taken first that stands with the fewest others.
            letter = min(left, key=lambda one: len({n for f in held[one] for n in self.letters(f)}))
            own: Tree = ("call", "Sum", (times(*held[letter]), left.pop(letter)))
            factors = (*(factor for factor in factors if factor not in held[letter]), own)
        return times(*factors)

    def shape_of(self, name: str) -> Sizes:
        """The shape of a name, of its gradient or of its differential."""
        base, _, word = name.partition(".")
        if name in self.shapes:
            return self.shapes[name]
        if base in self.shapes and word == "differential":
            return self.shapes[base]
        if name[0] == "d" and name[1:] in self.shapes:
            return self.shapes[name[1:]]
        refuse(f"{name[:40]!r} is not a name of the program")

    def lower(self, tree: Tree) -> Lowered:
        """A formula as an array of entries."""
        self.work.spend(1)
        match tree:
            case ("num", _):
                return Lowered((), lambda _: tree)
            case ("name", name) if name in self.sizes or tree == PI:
                return Lowered((), lambda _: tree)
            case ("name", name):
                return Lowered(self.shape_of(name), lambda at: self.entry(name, at))
            case (("add" | "mul") as kind, parts):
                return self.spread(lambda *some: (kind, some), *map(self.lower, parts))
            case ("pow", *parts):
                return self.spread(lambda *some: ("pow", *some), *map(self.lower, parts))
            case ("matmul", left, right):
                return self.matmul(self.lower(left), self.lower(right))
            case (("T" | "mT") as kind, part):
                inner = self.lower(part)
                axes = range(len(inner.shape))
                kept = axes[:-2] if kind == "mT" else ()
                return self.rearranged(inner, [*kept, *reversed(axes[len(kept) :])])
            case ("call", "transpose", (part, ("tuple", order))):
                return self.rearranged(self.lower(part), [axis for _, axis in order])
            case ("new", part, axes):
                inner, count = self.lower(part), itertools.count()
                return self.rearranged(inner, [next(count) if a == ":" else None for a in axes])
            case ("call", name, arguments):
                return self.called(name, arguments)
        refuse(f"{str(tree[1])[:40]!r} cannot stand in a formula")

    def entry(self, name: str, at: Places) -> Tree:
        """An entry of a name, which may stand for something else where this is overridden."""
        return entry(name, at)

    def spread(self, operation: Callable[..., Tree], *parts: Lowered) -> Lowered:
        """A function of numbers, of each entry of arrays that are repeated as in NumPy."""
        shape: Sizes = ()
        for part in parts:
            shape = broadcast(shape, part.shape)
        return Lowered(shape, lambda at: operation(*(self.own(part, shape, at) for part in parts)))

    @staticmethod
    def own(array: Lowered, over: Sizes, at: Places) -> Tree:
        """The entry of an array at a place of a larger one."""
        if broadcast(array.shape, over) != over:
            refuse("an array does not have the shape of what it stands for")
        rest = at[len(over) - len(array.shape) :]
        return array.at(
            tuple(ONE if n == "1" else i for i, n in zip(rest, array.shape, strict=True))
        )

    def matmul(self, left: Lowered, right: Lowered) -> Lowered:
        """Σ_k a_ik b_kj: each row times each column entry by entry, and added up."""
        if not left.shape or not right.shape or left.shape[-1] != right.shape[-2:][0]:
            refuse("a product of sizes that differ")
        many, axes = bool(right.shape[1:]), range(len(right.shape))
        rows = self.rearranged(left, [*range(len(left.shape)), *[None] * many])
        cols = self.rearranged(right, [*axes[:-2], *[None] * bool(left.shape[1:]), *axes[-2:]])
        return self.reduction("sum", self.spread(times, rows, cols), {"axis": ("num", -1 - many)})

    @staticmethod
    def rearranged(array: Lowered, order: Sequence[int | None]) -> Lowered:
        """Axis n is axis order[n] of the array, or a new one of a single entry."""
        old = [n for n in order if n is not None]
        if sorted(old) != list(range(len(array.shape))):
            refuse("axes that an array does not have")
        shape = tuple("1" if n is None else array.shape[n] for n in order)
        return Lowered(shape, lambda at: array.at(tuple(at[order.index(n)] for n in sorted(old))))

    # -- functions -------------------------------------------------------------------------------

    def called(self, name: str, arguments: tuple[Tree, ...]) -> Lowered:
        """A function with its options."""
        options: dict[str, Any] = {part[1]: part[2] for part in arguments if part[0] == "option"}
        operands = [part for part in arguments if part[0] != "option"]
        if name in REDUCTIONS and len(operands) == 1:
            return self.reduction(name, self.lower(operands[0]), options)
        if name in COMPOSITE:
            return self.composite(name, operands, options)
        if options:
            refuse(f"{name[:40]} has no such options")
        match name, operands:
            case "eye", [n]:
                return Lowered((self.size(n),) * 2, lambda at: delta(*at))
            case "ones" | "zeros", [size]:
                sizes = size[1] if size[0] == "tuple" else (size,)
                return Lowered(tuple(map(self.size, sizes)), lambda _: ("num", int(name == "ones")))
            case _, [operand]:
                return self.of_one(name, self.lower(operand))
        refuse(f"{name[:40]!r} is not known with {len(operands)} operands")

    def composite(self, name: str, operands: list[Tree], options: dict[str, Tree]) -> Lowered:
        """An operation by simpler ones."""
        self.work.spend(20)
        left: dict[Tree, Tree] = {("name", o): tree for o, tree in options.items()}
        left |= {("name", o): tree for o, tree in zip("ab", operands, strict=False)}
        parts = {node for node in walk(COMPOSITE[name]) if node[0] == "name"}
        if not left.keys() <= parts or {("name", o) for o in "ab"} & parts - left.keys():
            refuse(f"{name[:40]} has no such operands or options")
        return self.lower(exchanged(COMPOSITE[name], _NOT_GIVEN | left))

    def size(self, tree: Tree) -> str:
        """A size."""
        match tree:
            case ("name", str(name)) if name in self.sizes:
                return name
            case ("num", int(n)) if n >= 1:
                return str(n)
        refuse(f"{str(tree[1])[:40]!r} is no size")

    def of_one(self, name: str, array: Lowered) -> Lowered:
        """A function of one array without options."""
        shape = array.shape
        square = len(shape) == 2 and shape[0] == shape[1]  # noqa: PLR2004 - rows and columns
        match name:
            case "inv" | "det" | "logdet" if not square:
                refuse(f"{name} of what is not square")
            case "inv":
                return Lowered(shape, lambda at: self.whole(name, array, at))
            case "det" | "logdet":
                return Lowered((), lambda _: self.whole(name, array))
            case "diag" if square:
                return Lowered(shape[:1], lambda at: array.at(at * 2))
            case "diag" if len(shape) == 1:
                return Lowered(shape * 2, lambda at: times(delta(*at), array.at(at[:1])))
        if self.entrywise(name):
            return Lowered(shape, lambda at: applied(name, array.at(at)))
        if name in self.functions:
            return Lowered((), lambda _: self.whole(name, array))
        if name[1:] in self.functions and name[0] == "d":
            return Lowered(shape, lambda at: self.whole(name, array, at))
        refuse(f"{name[:40]!r} is not a function of the program")

    def entrywise(self, name: str) -> bool:
        """Whether a function is one of numbers."""
        own = name if name in self.functions or name[0] != "d" else name[1:]
        return name in FUNCTIONS or (own in self.functions and own[0].islower())

    def whole(self, name: str, array: Lowered, at: Places = ()) -> Tree:
        """A function of a whole array, or an entry of its value."""
        own, bounds = self.places(array.shape, always=True)
        return ("call", name, (array.at(own), *bounds, *at))

    def reduction(self, name: str, array: Lowered, options: dict[str, Tree]) -> Lowered:
        """sum, mean, prod and max, of all entries or along an axis."""
        axis = options.pop("axis", _NONE)
        kept = options.pop("keepdims", _FALSE)
        if options or kept not in (_TRUE, _FALSE):
            refuse(f"{name} has no such options")
        dims, keepdims = len(array.shape), kept == _TRUE
        numbers = [whole_number(part) for part in (axis[1] if axis[0] == "tuple" else (axis,))]
        over = [n for n in range(dims) if axis == _NONE or {n, n - dims} & {*numbers}]
        if axis != _NONE and len(over) != len(numbers):
            refuse("an axis that an array does not have")
        shape = tuple(
            "1" if n in over else size
            for n, size in enumerate(array.shape)
            if keepdims or n not in over
        )

        def at(place: Places) -> Tree:
            inner, bounds = self.places(tuple(array.shape[n] for n in over))
            rest = iter(p for n, p in enumerate(place) if not (keepdims and n in over))
            own = iter(inner)
            entry = array.at(tuple(next(own if n in over else rest) for n in range(dims)))
            if name in ("prod", "max"):
                return ("call", name, (entry, *bounds)) if bounds else entry
            counts = (("pow", bound[1][2], _BELOW) for bound in bounds if name == "mean")
            return times(self.summed(entry, bounds), *counts)

        return Lowered(shape, at)


def delta(one: Tree, other: Tree) -> Tree:
    """1 where two indices agree."""
    return ("call", "KroneckerDelta", (one, other))


_NONE, _TRUE, _FALSE = ("name", "None"), ("name", "True"), ("name", "False")
_NOT_GIVEN = {("name", "axis"): _NONE, ("name", "keepdims"): _FALSE}
REDUCTIONS = frozenset(("sum", "mean", "prod", "max"))

#: Functions that have a name of their own in the language.
KNOWN = {*FUNCTIONS, *COMPOSITE, *REDUCTIONS} | set(
    "inv det logdet diag transpose eye ones zeros".split()
)


def broadcast(one: Sizes, other: Sizes) -> Sizes:
    """The shape that two shapes are broadcast to."""
    found = []
    for a, b in itertools.zip_longest(one[::-1], other[::-1], fillvalue="1"):
        if "1" != a != b != "1":
            refuse("arrays of sizes that differ")
        found.append(b if a == "1" else a)
    return tuple(found[::-1])
