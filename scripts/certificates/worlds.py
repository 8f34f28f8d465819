"""A world: sizes, random inputs, and all that a program makes of them."""

from __future__ import annotations

import contextlib
import itertools
import random
from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from operator import add, eq, ge
from typing import Any

from certificates.arrays import Array, Shape, made, places
from certificates.entries import Entries
from certificates.frame import RefusedError, refuse
from certificates.numbers import RANGES, Field, Number
from certificates.reading import Tree, walk, whole_number

CHANCE = random.SystemRandom()

_TRIES = 120
_SHUFFLES = 12  # choices of sizes of each kind, where the program has no value at the first


#: Ranges of positive numbers.
_POSITIVE = ("positive", "small", "large")


def _rows(array: Array) -> list[list[Number]]:
    """The entries row by row, along the last axis."""
    length = array.shape[-1]
    return [array.items[n : n + length] for n in range(0, len(array.items), length)]


def _inner(one: Sequence[Number], other: Sequence[Number]) -> Number:
    return reduce(add, (u * v for u, v in zip(one, other, strict=True)))


class NoValueError(RefusedError):
    """The program has no value at these sizes, or none is found."""


class World:
    """One choice of sizes and inputs. Nothing in it is worked out before it is asked for."""

    def __init__(
        self,
        entries: Entries,
        field: Field,
        sizes: Mapping[str, int],
        first: int = 0,
    ) -> None:
        self.entries, self.program = entries, entries.program
        self.field, self.sizes, self.work = field, sizes, entries.lowering.work
        self.seed = CHANCE.getrandbits(64)
        self.about: str | None = None
        self.memo: dict[object, Any] = {}
        self._values: dict[str, Array] = {}
        self._marks: set[int] = set()  # numbers that definitions ask for the sign of
        self._starting = True
        self._start([*RANGES][first:] + [*RANGES][:first])
        self._starting = False

    def shape(self, sizes: Sequence[str]) -> Shape:
        """Numbers for the letters of sizes."""
        return tuple(self.sizes.get(n) or int(n) for n in sizes)

    def places(self, sizes: Sequence[str]) -> list[tuple[int, ...]]:
        """All places of an array of a shape."""
        key = ("places", *sizes)
        if key not in self.memo:
            self.memo[key] = list(places(self.shape(sizes)))
        found: list[tuple[int, ...]] = self.memo[key]
        self.work.spend(len(found))
        return found

    def shape_of(self, name: str) -> Shape:
        """The shape of a name."""
        return self.shape(self.program.shapes[name])

    # -- values --------------------------------------------------------------------------------

    def _start(self, kinds: Sequence[str]) -> None:
        """Choose inputs for which every value is defined, from the first range that has some."""
        chance = random.Random(self.seed)
        for attempt in range(_TRIES):
            kind = kinds[attempt % len(kinds)]
            self.memo.clear()
            self._marks.clear()
            self._values = {
                name: self._drawn(name, chance, kind if attempt < 2 * len(kinds) else "")
                for name in self.program.inputs
            }
            try:
                for name in self.program.definitions:
                    self._values[name] = self._made(name)
            except ArithmeticError:
                continue
            return
        raise NoValueError("no point is found at which the program has a value")

    def _made(self, name: str) -> Array:
        """A value or a gradient, by its general entry."""
        at, tree = self.entries.calculus.general(name)
        ready, letters = self.entries.ready(tree), [index[1] for index in at]
        return made(
            self.shape(self.entries.lowering.shape_of(name)),
            lambda place: ready.run(self, dict(zip(letters, place, strict=True))),
        )

    def _drawn(self, name: str, chance: random.Random, kind: str) -> Array:
        """A random input that has the structure that it is assumed to have."""
        field = self.field
        kind = kind or chance.choice(list(RANGES))
        shape = self.shape_of(name)
        found = made(shape, lambda _: field.drawn(chance, kind))
        square = len(shape) == 2 and shape[0] == shape[1]  # noqa: PLR2004 - rows and columns
        if square and chance.random() < 1 / 2:  # positive definite, for roots of what it makes
            more = field.number(shape[0])
            found = made(shape, lambda p: found.at(p) + more if p[0] == p[1] else found.at(p))
        for word in reversed(self.program.assumed.get(name, "").split(", ")):
            found = self._as_assumed(found, word, chance)
        return found

    def _as_assumed(self, own: Array, word: str, chance: random.Random) -> Array:
        """An array that is what one word says, made of another."""
        field, shape = self.field, own.shape
        zero, one = field.number(0), field.number(1)
        match word:
            case "symmetric":
                return made(shape, lambda p: own.at(p) + own.at(p[::-1]))
            case "diagonal" | "lower" as structure:
                kept = eq if structure == "diagonal" else ge
                return made(shape, lambda p: own.at(p) if kept(*p) else zero)
            case "psd":
                rows = _rows(own)
                plus = made(shape, lambda p: _inner(rows[p[0] - 1], rows[p[1] - 1]))
                return made(shape, lambda p: plus.at(p) + one if p[0] == p[1] else plus.at(p))
            case "orthogonal":
                return self._orthogonal(_rows(own), chance)
            case "positive":
                return made(shape, lambda _: field.drawn(chance, chance.choice(_POSITIVE)))
            case "stochastic":
                return Array(shape, [u / reduce(add, row) for row in _rows(own) for u in row])
            case "onehot":
                labels = [chance.randrange(shape[-1]) for _ in _rows(own)]
                return Array(
                    shape, [one if k == n else zero for n in labels for k in range(shape[-1])]
                )
        return own

    def _orthogonal(self, rows: list[list[Number]], chance: random.Random) -> Array:
        """A product of reflections I - 2vvᵀ/vᵀv, an even or an odd number of them."""
        field, n = self.field, len(rows)
        two = field.number(2)
        made_of = rows[: n - chance.randrange(2)]
        found = [[field.number(int(i == k)) for k in range(n)] for i in range(n)]
        for v in made_of:
            over = two / _inner(v, v)
            moved = [_inner(row, v) * over for row in found]
            found = [
                [u - m * w for u, w in zip(row, v, strict=True)]
                for row, m in zip(found, moved, strict=True)
            ]
        return Array((n, n), [u for row in found for u in row])

    def array(self, name: str) -> Array:
        """The array of a name: a value, a gradient or a differential."""
        if name not in self._values:
            base, _, word = name.partition(".")
            if word == "differential" and base == self.about:
                chance = random.Random(f"{self.seed} d {base}")
                shape = self.shape_of(base)
                self._values[name] = made(shape, lambda _: self.field.drawn(chance))
            elif name[0] == "d" and name[1:] in self.program.shapes:
                self._values[name] = self._made(name)
            else:
                refuse(f"{name[:40]!r} is not known here")
        return self._values[name]

    def undefined(self, name: str, some: list[Number]) -> tuple[Number, list[Number]]:
        """An undefined function, by its name or that of its derivative, and its derivatives."""
        function = name if name in self.program.functions else name[1:]
        return self.field.undefined(f"{self.seed} {function}", some)

    def side(self, tree: Tree, u: Number) -> None:
        """Remember on which side of a jump a number is, of those of which no definition asks it."""
        sign, self.entries.jumped = self.field.sign(u), True
        mark = self.field.rounded(u if sign > 0 else -u)
        if self._starting:
            self._marks.add(mark)
        elif sign and mark not in self._marks:
            self.entries.signs.setdefault(tree, set()).add(sign)

    def begin(self, about: str | None) -> None:
        """Begin a step: differentials are by the name that it is about."""
        if about != self.about:
            self.about = about
            self.memo.clear()


class Point:
    """Worlds of one choice of sizes: more of them where a formula has no value in the first."""

    def __init__(self, entries: Entries, field: Field, sizes: Mapping[str, int]) -> None:
        self.entries, self.field, self.sizes = entries, field, sizes
        self._made = [World(entries, field, sizes)]

    def worlds(self) -> Iterator[World]:
        """The worlds in order, the inputs of each from another range."""
        for n in range(len(RANGES)):
            if n == len(self._made):
                self._made.append(World(self.entries, self.field, self.sizes, n))
            yield self._made[n]


def other_points(
    entries: Entries, fields: Sequence[Field], spread: Mapping[str, int]
) -> Iterator[Point]:
    """Points at two other choices of sizes than those of the file, one for each field.

    Sizes at which the program has no value, as a product that is singular there, are passed over.
    Where two formulas may agree at `spread` sizes that a letter may have, though they differ, one
    more is tried, and another.
    """
    names = list(entries.program.sizes)
    sizes: dict[str, int] = {}
    for _ in range(2 if names else 1):
        before = sizes
        for left in reversed(range(2 * _SHUFFLES)):
            sizes = other_sizes(names, CHANCE, before, least=1 + (left < _SHUFFLES))
            with contextlib.suppress(NoValueError):
                yield from [Point(entries, field, sizes) for field in fields]
                break
    for name, most in spread.items():
        for size in range(1, most + 3 if most > 1 else 1):
            for _ in range(_SHUFFLES):
                sizes = {n: CHANCE.randint(1, spread.get(n, 0) + 3) for n in names}
                with contextlib.suppress(NoValueError):
                    yield Point(entries, fields[0], sizes | {name: size})
                    break


Spread = tuple[int, int, int]  # the lowest and the highest power of a size, and those below


def spread_of(tree: Tree, size: str) -> Spread:
    """At how many sizes a formula may be 0 that is not 0: as a polynomial in one of its sizes."""
    match tree:
        case ("name", name):
            return (1, 1, 0) if name == size else (0, 0, 0)
        case ("neg", part):
            return spread_of(part, size)
        case (("add" | "mul") as kind, parts):
            lows, highs, more = zip(*(spread_of(part, size) for part in parts), strict=True)
            low, high = (min(lows), max(highs)) if kind == "add" else (sum(lows), sum(highs))
            return low, high, sum(more)
        case ("pow", base, exponent):
            low, high, below = spread_of(base, size)
            n = whole_number(exponent)
            if n is None or any(spread_of(exponent, size)):
                return 0, 2 * (high - low + below) + 9 * any(spread_of(exponent, size)), 0
            if n >= 0 or low == high:
                return min(n * low, n * high), max(n * low, n * high), abs(n) * below
            return n * low, n * low, -n * (high - low + below)
        case ("call", name, (body, *rest)):
            low, high, below = spread_of(body, size)
            if name == "Sum":
                held = {at for node in walk(body) if node[0] == "index" for at in node[2]}
                free = [bound[1][2] for bound in rest if bound[1][0] not in held]
                return low, high + free.count(("name", size)), below
            many = 9 if name in ("sin", "cos") else 1
            return 0, (max(abs(low), abs(high)) + below) * many, 0
    return 0, 0, 0


def other_sizes(
    names: Sequence[str], chance: random.Random, before: Mapping[str, int], least: int = 1
) -> dict[str, int]:
    """Sizes that differ from their neighbours, or from those before, when one is the least."""
    order = list(names)
    chance.shuffle(order)
    if not before:
        return dict(zip(order, itertools.cycle((2, 3, 4)), strict=False))
    found = {n: chance.choice([size for size in (2, 3, 4) if size != before[n]]) for n in order}
    small = next((n for n in order if before[n] != least), None)
    return found if small is None else found | {small: least}
