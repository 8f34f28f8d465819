"""A world: sizes, random inputs, and all that a program makes of them."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from operator import add, eq, ge, mul
from typing import Any

from certificates.arrays import Array, Shape, eliminated, made, places, rows_of
from certificates.entries import Entries
from certificates.frame import RefusedError, refuse
from certificates.functions import FUNCTIONS, JUMPS
from certificates.lowering import Places
from certificates.numbers import RANGES, Real, Reals
from certificates.reading import Tree, whole_number

CHANCE = random.SystemRandom()

_TRIES = 120

#: Ranges of positive numbers.
_POSITIVE = ("positive", "small", "large")

Place = Mapping[str, int]


def _inner(one: Sequence[Real], other: Sequence[Real]) -> Real:
    return reduce(add, (u * v for u, v in zip(one, other, strict=True)))


class NoValueError(RefusedError):
    """The program has no value at these sizes, or none is found."""


class World:
    """One choice of sizes and inputs. Nothing in it is worked out before it is asked for."""

    def __init__(
        self, entries: Entries, field: Reals, sizes: Mapping[str, int], first: int = 0
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

    def shape_of(self, name: str) -> Shape:
        """The shape of a name."""
        return self.shape(self.program.shapes[name])

    def at(self, indices: Iterable[Tree], p: Place) -> Shape:
        """Numbers for the letters among indices."""
        return tuple(p[index[1]] if index[0] == "name" else index[1] for index in indices)

    # -- values --------------------------------------------------------------------------------

    def value(self, tree: Tree, p: Place) -> Real:
        """The value of index notation whose letters stand for numbers."""
        return self._value(self.entries.ready(tree), p)

    def _value(self, tree: Tree, p: Place) -> Real:
        """The same of a tree that is ready, once for each choice of the letters in it."""
        key = (id(tree), *(p[letter] for letter in self.entries.letters(tree)))
        found = self.memo.get(key)
        if found is None:
            found = self.memo[key] = self._worked_out(tree, p)
        return found

    def _worked_out(self, tree: Tree, p: Place) -> Real:
        field = self.field
        match tree:
            case ("num", number):
                return field.number(number)
            case ("name", name) if name in self.sizes:
                return field.number(self.sizes[name])
            case ("name" | "index", name, *indices):
                array, at = self.array(name), self.at(indices[0] if indices else (), p)
                return array[at] if at in array else refuse(f"{name} has no entry at {at}")
            case ("call", "KroneckerDelta", indices):
                return field.number(int(len({*self.at(indices, p)}) == 1))
            case ("call", "acos", _):
                return field.pi()
        self.work.spend(field.cost)
        match tree:
            case ("neg", part):
                return -self._value(part, p)
            case ("add", parts):
                return reduce(add, (self._value(part, p) for part in parts))
            case ("mul", parts):
                return self._product(parts, p)
            case ("pow", base, exponent):
                n = whole_number(exponent)
                if n is not None:
                    return field.to_the(self._value(base, p), n)
                return field.power(self._value(base, p), self._value(exponent, p))
            case ("call", "Sum", (body, bound)):
                return reduce(add, (self._value(body, {**p, **k}) for k in self.places([bound])))
            case ("call", name, (arg,)) if self.entries.lowering.entrywise(name):
                return self._function(name, arg, self._value(arg, p))
            case ("call", name, (arg, *rest)):
                bounds = [part for part in rest if part[0] == "tuple"]
                return self._whole(name, arg, bounds, p)[self.at(rest[len(bounds) :], p)]
        refuse(f"{str(tree[1])[:40]!r} has no value")

    def places(self, bounds: Iterable[Tree]) -> list[Place]:
        """All choices of the letters of sums."""
        letters = [bound[1][0][1] for bound in bounds]
        sizes = self.shape([str(bound[1][2][1]) for bound in bounds])
        found: list[Place] = [dict(zip(letters, place, strict=True)) for place in places(sizes)]
        self.work.spend(len(found))
        return found

    def _product(self, parts: Places, p: Place) -> Real:
        """Several factors; where one is 0, others are not worked out that have a value anyway."""
        first, *others = parts
        found = self._value(first, p)
        for part in others:
            if not (self.field.zero(found) and self.entries.total(part)):
                found = found * self._value(part, p)
        return found

    def _function(self, name: str, arg: Tree, u: Real) -> Real:
        """A function of a number."""
        if name in JUMPS and name != "iszero":
            self._side(arg, u)
        if name in FUNCTIONS:
            return self.field.function(name, u)
        value, (slope,) = self._undefined(name, [u])
        return value if name in self.program.functions else slope

    def _side(self, tree: Tree, u: Real) -> None:
        """Remember on which side of a jump a number is, of those of which no definition asks it."""
        sign, self.entries.jumped = self.field.sign(u), True
        mark = self.field.rounded(u if sign > 0 else -u)
        if self._starting:
            self._marks.add(mark)
        elif sign and mark not in self._marks:
            self.entries.signs.setdefault(tree, set()).add(sign)

    def _whole(self, name: str, arg: Tree, bounds: Sequence[Tree], p: Place) -> Array:
        """A function of an array that is given by its general entry."""
        own = {bound[1][0][1] for bound in bounds}
        key = (name, id(arg), *(p[n] for n in self.entries.letters(arg) if n not in own))
        if key not in self.memo:
            array = {
                tuple(place.values()): self._value(arg, {**p, **place})
                for place in self.places(bounds)
            }
            self.memo[key] = self._of_array(name, array)
        found: Array = self.memo[key]
        return found

    def _of_array(self, name: str, array: Array) -> Array:
        field, items = self.field, [*array.values()]
        match name:
            case "inv":
                return eliminated(field, array, self.work)[0]
            case "det":
                return {(): eliminated(field, array, self.work)[1]}
            case "logdet":
                square = field.to_the(eliminated(field, array, self.work)[1], 2)
                return {(): field.function("log", square) / field.number(2)}
            case "max":
                return {(): reduce(lambda u, v: v if field.sign(v - u) > 0 else u, items)}
            case "prod":
                return {(): reduce(mul, items)}
        value, slopes = self._undefined(name, items)
        own = name in self.program.functions
        return {(): value} if own else dict(zip(array, slopes, strict=True))

    def _undefined(self, name: str, some: list[Real]) -> tuple[Real, list[Real]]:
        """An undefined function, by its name or that of its derivative, and its derivatives."""
        function = name if name in self.program.functions else name[1:]
        return self.field.undefined(f"{self.seed} {function}", some)

    # -- arrays --------------------------------------------------------------------------------

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
        letters = [index[1] for index in at]
        return made(
            self.shape(self.entries.lowering.shape_of(name)),
            lambda place: self.value(tree, dict(zip(letters, place, strict=True))),
        )

    def _drawn(self, name: str, chance: random.Random, kind: str) -> Array:
        """A random input that has the structure that it is assumed to have."""
        field, shape = self.field, self.shape_of(name)
        kind = kind or chance.choice(list(RANGES))
        found = made(shape, lambda _: field.drawn(chance, kind))
        square = len(shape) == 2 and shape[0] == shape[1]  # noqa: PLR2004 - rows and columns
        if square and chance.random() < 1 / 2:  # positive definite, for roots of what it makes
            more = field.number(shape[0])
            found = {p: u + more if p[0] == p[1] else u for p, u in found.items()}
        for word in reversed(self.program.assumed.get(name, "").split(", ")):
            found = self._as_assumed(found, word, chance)
        return found

    def _as_assumed(self, own: Array, word: str, chance: random.Random) -> Array:
        """An array that is what one word says, made of another."""
        field, rows = self.field, rows_of(own)
        zero, one = field.number(0), field.number(1)
        match word:
            case "symmetric":
                return {p: u + own[p[::-1]] for p, u in own.items()}
            case "diagonal" | "lower" as structure:
                kept = eq if structure == "diagonal" else ge
                return {p: u if kept(*p) else zero for p, u in own.items()}
            case "psd":
                plus = {(i, k): _inner(rows[i - 1], rows[k - 1]) for i, k in own}
                return {p: u + one if p[0] == p[1] else u for p, u in plus.items()}
            case "orthogonal":
                new = self._orthogonal(rows, chance)
            case "positive":
                return {p: field.drawn(chance, chance.choice(_POSITIVE)) for p in own}
            case "stochastic":
                new = [[u / reduce(add, row) for u in row] for row in rows]
            case "onehot":
                labels = [chance.randrange(len(row)) for row in rows]
                new = [
                    [one if k == n else zero for k in range(len(row))]
                    for n, row in zip(labels, rows, strict=True)
                ]
            case _:
                return own
        return dict(zip(own, itertools.chain(*new), strict=True))

    def _orthogonal(self, rows: list[list[Real]], chance: random.Random) -> list[list[Real]]:
        """A product of reflections I - 2vvᵀ/vᵀv, an even or an odd number of them."""
        field, n = self.field, len(rows)
        found = [[field.number(int(i == k)) for k in range(n)] for i in range(n)]
        for v in rows[: n - chance.randrange(2)]:
            over = field.number(2) / _inner(v, v)
            moved = [_inner(row, v) * over for row in found]
            found = [
                [u - m * w for u, w in zip(row, v, strict=True)]
                for row, m in zip(found, moved, strict=True)
            ]
        return found

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

    def begin(self, about: str | None) -> None:
        """Begin a step: differentials are by the name that it is about."""
        if about != self.about:
            self.about = about
            self.memo.clear()
