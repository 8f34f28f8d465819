"""A world: sizes, random inputs, and all that a program makes of them."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import add, eq, ge, mul
from typing import Any

from certificates.derivatives import Calculus
from certificates.frame import RefusedError, Work, refuse
from certificates.functions import FUNCTIONS, JUMPS
from certificates.lowering import Places
from certificates.numbers import RANGES, Real, Reals, UndefinedError
from certificates.reading import PI, Tree, walk, whole_number

CHANCE = random.SystemRandom()
MOST_ENTRIES = 20_000  # of an array
MOST_ROWS = 40  # of a matrix that is inverted

_TRIES = 120

#: Ranges of positive numbers.
_POSITIVE = ("positive", "small", "large")

#: Functions without a value somewhere, whatever their parts are, or that ask for a sign.
_PARTIAL = JUMPS | {"log", "erfinv", "gammaln", "digamma", "trigamma", "inv", "logdet", "max"}

Shape = tuple[int, ...]
Array = dict[Shape, Real]  # by places, which are counted from 1, row by row
Place = Mapping[str, int]


class NoValueError(RefusedError):
    """The program has no value at these sizes, or none is found."""


@dataclass
class Jumps:
    """All that the worlds have seen of functions that take few values, and how far inputs go."""

    seen: bool = False
    scale: int = 1
    #: The signs of what such functions are asked about, and those of which no definition asks.
    signs: dict[Tree, set[int]] = field(default_factory=dict)
    unasked: set[Tree] = field(default_factory=set)

    @property
    def one_sided(self) -> list[Tree]:
        """The values whose sign no definition asks about, and that always have the same."""
        return [tree for tree in self.unasked if len(self.signs[tree]) == 1]


class World:
    """One choice of sizes and inputs. Nothing in it is worked out before it is asked for."""

    def __init__(
        self,
        calculus: Calculus,
        jumps: Jumps,
        reals: Reals,
        sizes: Mapping[str, int],
        first: int = 0,
    ) -> None:
        self.calculus, self.program, self.work = calculus, calculus.program, calculus.work
        self.jumps, self.field, self.sizes = jumps, reals, sizes
        self.seed = CHANCE.getrandbits(64)
        self.about: str | None = None
        self.memo: dict[object, Any] = {}
        self._values: dict[str, Array] = {}
        self._marks: set[int] = set()  # numbers that definitions ask for the sign of
        self._starting = True
        self._start([*RANGES][first:] + [*RANGES][:first])
        self._starting = False

    def shape(self, sizes: Iterable[str]) -> Shape:
        """Numbers for the letters of sizes."""
        return tuple(self.sizes.get(n) or int(n) for n in sizes)

    def at(self, indices: Iterable[Tree], p: Place) -> Shape:
        """Numbers for the letters among indices."""
        return tuple(p[index[1]] if index[0] == "name" else index[1] for index in indices)

    # -- values --------------------------------------------------------------------------------

    def value(self, tree: Tree, p: Place) -> Real:
        """The value of index notation, worked out once for each choice of the letters in it."""
        key = (id(tree), *(p[letter] for letter in self.calculus.letters(tree)))
        found = self.memo.get(key)
        if found is None:
            found = self.memo[key] = self._worked_out(tree, p)
        return found

    def _worked_out(self, tree: Tree, p: Place) -> Real:
        match tree:
            case ("num", number):
                return self.field.number(number)
            case ("name" | "index", name, *indices):
                array, at = self.array(name), self.at(indices[0] if indices else (), p)
                return array[at] if at in array else refuse(f"{name} has no entry at {at}")
            case ("call", "KroneckerDelta", indices):
                return self.field.number(int(len({*self.at(indices, p)}) == 1))
        self.work.spend(self.field.cost)
        match tree:
            case ("add", parts):
                return reduce(add, (self.value(part, p) for part in parts))
            case ("mul", parts):
                return self._product(parts, p)
            case ("pow", base, exponent):
                n = whole_number(exponent)
                if n is not None:
                    return self.field.to_the(self.value(base, p), n)
                return self.field.power(self.value(base, p), self.value(exponent, p))
            case ("call", "Sum", (body, bound)):
                return reduce(add, (self.value(body, {**p, **k}) for k in self.places([bound])))
            case ("call", name, (arg,)) if name in FUNCTIONS:
                u = self.value(arg, p)
                if name in JUMPS and name != "iszero":
                    self._side(arg, u)
                return self.field.function(name, u)
            case ("call", name, (arg,)) if (made := self.calculus.body(name, arg)) is not None:
                return self.value(made, p)
            case ("call", name, (arg, *rest)):
                bounds = [part for part in rest if part[0] == "tuple"]
                return self._whole(name, arg, bounds, p)[self.at(rest[len(bounds) :], p)]
        refuse(f"{str(tree[1])[:40]!r} has no value")

    def places(self, bounds: Iterable[Tree]) -> list[Place]:
        """All choices of the letters of sums."""
        letters = [bound[1][0][1] for bound in bounds]
        sizes = self.shape(str(bound[1][2][1]) for bound in bounds)
        found: list[Place] = [dict(zip(letters, place, strict=True)) for place in places(sizes)]
        self.work.spend(len(found))
        return found

    def _product(self, parts: Places, p: Place) -> Real:
        """Several factors; where one is 0, others are not worked out that have a value anyway."""
        first, *others = parts
        found = self.value(first, p)
        for part in others:
            if not (self.field.zero(found) and not any(map(_is_partial, walk(part)))):
                found = found * self.value(part, p)
        return found

    def _side(self, tree: Tree, u: Real) -> None:
        """Remember on which side of a jump a number is, of those of which no definition asks it."""
        sign, self.jumps.seen = self.field.sign(u), True
        mark = self.field.rounded(u if sign > 0 else -u)
        if self._starting:
            self._marks.add(mark)
        elif sign:
            self.jumps.signs.setdefault(tree, set()).add(sign)
            if mark not in self._marks:
                self.jumps.unasked.add(tree)

    def _whole(self, name: str, arg: Tree, bounds: Sequence[Tree], p: Place) -> Array:
        """A function of an array that is given by its general entry."""
        own = {bound[1][0][1] for bound in bounds}
        key = (name, id(arg), *(p[n] for n in self.calculus.letters(arg) if n not in own))
        if key not in self.memo:
            array = {
                tuple(place.values()): self.value(arg, {**p, **place})
                for place in self.places(bounds)
            }
            self.memo[key] = self._of_array(name, array)
        found: Array = self.memo[key]
        return found

    def _of_array(self, name: str, array: Array) -> Array:
        reals, items = self.field, [*array.values()]
        match name:
            case "inv":
                return eliminated(reals, array, self.work)[0]
            case "det":
                return {(): eliminated(reals, array, self.work)[1]}
            case "logdet":
                square = reals.to_the(eliminated(reals, array, self.work)[1], 2)
                return {(): reals.function("log", square) / reals.number(2)}
            case "max":
                return {(): reduce(lambda u, v: v if reals.sign(v - u) > 0 else u, items)}
            case "prod":
                return {(): reduce(mul, items)}
        own = name in self.program.functions
        function = name if own else name[1:]
        value, slopes = reals.undefined(f"{self.seed} {function}", items)
        return {(): value} if own else dict(zip(array, slopes, strict=True))

    # -- arrays --------------------------------------------------------------------------------

    def _start(self, kinds: Sequence[str]) -> None:
        """Choose inputs for which every value is defined, from the first range that has some."""
        chance = random.Random(self.seed)
        for attempt in range(_TRIES):
            kind = kinds[attempt % len(kinds)]
            self.memo.clear()
            self._marks.clear()
            self._values = {name: {(): self.field.number(n)} for name, n in self.sizes.items()}
            self._values[PI[1]] = {(): self.field.pi()}
            for name in self.program.inputs:
                self._values[name] = self._drawn(
                    name, chance, kind if attempt < 2 * len(kinds) else ""
                )
            try:
                for name in self.program.definitions:
                    self._values[name] = self._made(name)
            except ArithmeticError:
                continue
            return
        raise NoValueError("no point is found at which the program has a value")

    def _made(self, name: str) -> Array:
        """A value or a gradient, by its general entry."""
        at, tree = self.calculus.general(name)
        letters = [index[1] for index in at]
        return {
            place: self.value(tree, dict(zip(letters, place, strict=True)))
            for place in places(self.shape(self.calculus.shape_of(name)))
        }

    def _drawn(self, name: str, chance: random.Random, kind: str) -> Array:
        """A random input that has the structure that it is assumed to have."""
        shape = self.shape(self.program.shapes[name])
        kind = kind or chance.choice(list(RANGES))
        scale = self.field.number(self.jumps.scale)
        found = {place: self.field.drawn(chance, kind) * scale for place in places(shape)}
        square = len(shape) == 2 and shape[0] == shape[1]  # noqa: PLR2004 - rows and columns
        if square and chance.random() < 1 / 2:  # positive definite, for roots of what it makes
            found = self._shifted(found, shape[0])
        for word in reversed(self.program.assumed.get(name, "").split(", ")):
            found = self._as_assumed(found, word, chance)
        return found

    def _shifted(self, array: Array, by: int) -> Array:
        """A + n·I."""
        return {p: u + self.field.number(by) if p[0] == p[1] else u for p, u in array.items()}

    def _as_assumed(self, own: Array, word: str, chance: random.Random) -> Array:
        """An array that is what one word says, made of another."""
        rows = rows_of(own)
        match word:
            case "symmetric":
                return {p: u + own[p[::-1]] for p, u in own.items()}
            case "diagonal" | "lower" as structure:
                kept = eq if structure == "diagonal" else ge
                return {p: u if kept(*p) else self.field.number(0) for p, u in own.items()}
            case "psd":  # AAᵀ + I
                return self._shifted(_product_of(own, {p: own[p[::-1]] for p in own}), 1)
            case "orthogonal":  # (I - S)(I + S)⁻¹ for S = A - Aᵀ, with either determinant
                skew = {p: u - own[p[::-1]] for p, u in own.items()}
                turned, _ = eliminated(self.field, self._shifted(skew, 1), self.work)
                back = self._shifted({p: -u for p, u in skew.items()}, 1)
                sign = chance.choice((1, -1))
                found = _product_of(back, turned)
                return {p: u if p[0] > 1 or sign > 0 else -u for p, u in found.items()}
            case "positive":
                return {p: self.field.drawn(chance, chance.choice(_POSITIVE)) for p in own}
            case "stochastic":
                return {p: u / reduce(add, rows[p[:-1]]) for p, u in own.items()}
            case "onehot":
                labels = {at: chance.randint(1, len(row)) for at, row in rows.items()}
                return {p: self.field.number(int(p[-1] == labels[p[:-1]])) for p in own}
        return own

    def array(self, name: str) -> Array:
        """The array of a name: a value, a gradient or a differential."""
        if name not in self._values:
            base, _, word = name.partition(".")
            if word == "differential" and base == self.about:
                chance = random.Random(f"{self.seed} d {base}")
                shape = self.shape(self.program.shapes[base])
                self._values[name] = {place: self.field.drawn(chance) for place in places(shape)}
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


# -- arrays of numbers -----------------------------------------------------------------------------


def places(shape: Shape) -> list[Shape]:
    """All places of an array, row by row."""
    if math.prod(shape) > MOST_ENTRIES:
        refuse(f"an array of more than {MOST_ENTRIES:,} entries")
    return list(itertools.product(*(range(1, size + 1) for size in shape)))


def rows_of(array: Array) -> dict[Shape, list[Real]]:
    """The entries along the last axis, by the place of each row."""
    grouped = itertools.groupby(array.items(), lambda item: item[0][:-1])
    return {at: [u for _, u in row] for at, row in grouped}


def _product_of(a: Array, b: Array) -> Array:
    """AB, of square matrices."""
    n = math.isqrt(len(a))
    return {(i, j): reduce(add, (a[i, k] * b[k, j] for k in range(1, n + 1))) for i, j in a}


def eliminated(reals: Reals, array: Array, work: Work) -> tuple[Array, Real]:
    """A⁻¹ and det A of a square A.

    Raises:
        UndefinedError: A has no inverse.
    """
    n = math.isqrt(len(array))
    if (n, n) not in array or n > MOST_ROWS:
        refuse(f"an inverse or a determinant of what is not square, or over {MOST_ROWS} rows")
    work.spend(n**3 * reals.cost)
    determinant = one = reals.number(1)
    rows = [
        row + [one if i == k else reals.number(0) for k in range(n)]
        for i, row in enumerate(rows_of(array).values())
    ]
    for k in range(n):
        best = max(range(k, n), key=lambda i: reals.magnitude(rows[i][k]))
        if not reals.magnitude(rows[best][k]):
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
    inverse = itertools.chain.from_iterable(row[n:] for row in rows)
    return dict(zip(array, inverse, strict=True)), determinant


def _is_partial(node: Tree) -> bool:
    """Whether a part of a formula has no value somewhere, or asks for a sign."""
    if node[0] == "pow":
        n = whole_number(node[2])
        return n is None or n < 0
    return node[0] == "call" and node[1] in _PARTIAL
