"""The value of index notation: sums over letters, entries of arrays, deltas and functions.

A tree is made ready once. Each sum, power and function in it is then worked out once for each
choice of the letters that are free in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import reduce
from operator import add, mul
from typing import TYPE_CHECKING

from certificates.arrays import Array, eliminated
from certificates.derivatives import Calculus
from certificates.frame import refuse
from certificates.functions import ARGUMENT, JUMPS, SIMPLER, SLOPES, VALUES
from certificates.numbers import Number, to_the
from certificates.reading import Tree, exchanged, whole_number

if TYPE_CHECKING:
    from certificates.worlds import World

Place = Mapping[str, int]
Run = Callable[["World", Place], Number]


class Ready:
    """A tree made ready to be worked out.

    `letters` are those that are free in it; `total`: it has a value whatever its parts are.
    """

    __slots__ = ("letters", "run", "total")

    def __init__(self, letters: Iterable[str], run: Run, *, total: bool = True) -> None:
        self.letters, self.run, self.total = frozenset(letters), run, total


class Entries:
    """Makes trees ready, each once."""

    def __init__(self, calculus: Calculus) -> None:
        self.calculus, self.program = calculus, calculus.program
        self.lowering = calculus.lowering
        self._known: dict[Tree, Ready] = {}
        self.signs: dict[Tree, set[int]] = {}  # of what no definition asks for the sign of
        self.jumped = False  # whether anything asked for a sign

    def ready(self, tree: Tree) -> Ready:
        """A tree made ready."""
        if tree not in self._known:
            self._known[tree] = self._ready(tree)
        return self._known[tree]

    def _ready(self, tree: Tree) -> Ready:
        self.lowering.work.spend(1)
        match tree:
            case ("num", number):
                return Ready((), lambda world, _: world.field.number(number))
            case ("name", name) if name in self.program.sizes:
                return Ready((), lambda world, _: world.field.number(world.sizes[name]))
            case ("name" | "index", name, *_):
                at = tree[2] if tree[0] == "index" else ()
                return Ready(_letters(at), lambda world, p: world.array(name).at(_at(at, p)))
            case ("neg", part):
                return _of([self._ready(part)], lambda _, u: -u)
            case ("add", parts):
                return _of(list(map(self._ready, parts)), lambda _, *some: reduce(add, some))
            case ("mul", parts):
                return _product(list(map(self._ready, parts)))
            case ("pow", base, exponent):
                return self.power(base, exponent)
            case ("call", "Sum", (body, *bounds)):
                return self.summed(body, bounds)
            case ("call", "KroneckerDelta", at):
                return Ready(
                    _letters(at), lambda world, p: world.field.number(int(len({*_at(at, p)}) == 1))
                )
            case ("call", "acos", _):
                return Ready((), lambda world, _: world.field.pi())
            case ("call", name, (arg,)) if self.lowering.entrywise(name):
                return self.function(name, arg)
            case ("call", name, (arg, *rest)):
                return self.whole(name, arg, rest)
        refuse(f"{str(tree[1])[:40]!r} has no value")

    def power(self, base: Tree, exponent: Tree) -> Ready:
        """A power; a whole one is multiplied out."""
        inner, n = self._ready(base), whole_number(exponent)
        if n is not None:
            return _of([inner], lambda field, u: to_the(field, u, n), total=n >= 0)
        both = [inner, self._ready(exponent)]
        return _of(both, lambda field, u, v: field.power(u, v), total=False)

    def function(self, name: str, arg: Tree) -> Ready:
        """A function of a number."""
        if name in SIMPLER:
            return self._ready(exchanged(SIMPLER[name], {ARGUMENT: arg}))
        if made := self.calculus.named(name, arg):
            return self._ready(made)
        inner = self._ready(arg)
        if name in JUMPS:

            def run(world: World, p: Place) -> Number:
                u = inner.run(world, p)
                if name != "iszero":
                    world.side(arg, u)
                return world.field.function(name, u)

            return _kept([inner], run, total=False)
        if name in SLOPES or name in VALUES:
            return _of(
                [inner],
                lambda field, u: field.function(name, u),
                total=name not in ("log", "erfinv", "gammaln", "digamma"),
            )
        own = name in self.program.functions

        def of_one(world: World, p: Place) -> Number:
            value, (slope,) = world.undefined(name, [inner.run(world, p)])
            return value if own else slope

        return _kept([inner], of_one)

    def summed(self, body: Tree, bounds: Sequence[Tree]) -> Ready:
        """Σ over letters, one after another, each over the factors that hold it alone."""
        factors = list(map(self._ready, body[1] if body[0] == "mul" else (body,)))
        left = {bound[1][0][1]: str(bound[1][2][1]) for bound in bounds}
        while left:

            def held(letter: str) -> frozenset[str]:
                return _union(factor for factor in factors if letter in factor.letters)  # noqa: B023

            letter = min(left, key=lambda one: len(held(one)))
            own = [factor for factor in factors if letter in factor.letters]
            factors = [factor for factor in factors if letter not in factor.letters]
            factors.append(_over(letter, left.pop(letter), own))
        return _product(factors)

    def whole(self, name: str, arg: Tree, rest: Sequence[Tree]) -> Ready:
        """A function of an array that is given by its general entry, or an entry of its value."""
        bounds = [bound[1] for bound in rest if bound[0] == "tuple"]
        at, inner = rest[len(bounds) :], self._ready(arg)
        letters = [bound[0][1] for bound in bounds]
        sizes = [str(bound[2][1]) for bound in bounds]

        def run(world: World, p: Place) -> Array:
            numbers = [
                inner.run(world, {**p, **dict(zip(letters, place, strict=True))})
                for place in world.places(sizes)
            ]
            return _of_array(world, name, Array(world.shape(sizes), numbers))

        kept = _kept([inner], run, without=letters, total=name not in ("inv", "logdet", "max"))
        free = kept.letters | _letters(at)
        return Ready(free, lambda world, p: kept.run(world, p).at(_at(at, p)), total=kept.total)


def _of(parts: list[Ready], operation: Callable[..., Number], *, total: bool = True) -> Ready:
    """An operation on numbers."""

    def run(world: World, p: Place) -> Number:
        return operation(world.field, *(part.run(world, p) for part in parts))

    return _kept(parts, run, total=total)


def _product(parts: list[Ready]) -> Ready:
    """Several factors; where one is 0, others are not worked out that have a value anyway."""

    def run(world: World, p: Place) -> Number:
        found = None
        for part in parts:
            if found is not None and part.total and world.field.zero(found):
                continue
            factor = part.run(world, p)
            found = factor if found is None else found * factor
        return found

    return Ready(_union(parts), run, total=all(part.total for part in parts))


def _over(letter: str, size: str, factors: list[Ready]) -> Ready:
    """Σ over one letter."""
    term = _product(factors)

    def run(world: World, p: Place) -> Number:
        places = world.places([size])
        if not factors:
            return world.field.number(len(places))
        terms = (term.run(world, {**p, letter: index}) for (index,) in places)
        return reduce(add, terms)

    return _kept([term], run, without=[letter])


def _kept(
    parts: list[Ready], run: Run, *, without: Iterable[str] = (), total: bool = True
) -> Ready:
    """The result for some parts, worked out once for each choice of its letters."""
    letters = _union(parts) - {*without}
    order = sorted(letters)
    mark = object()

    def once(world: World, p: Place) -> Number:
        key = (mark, *(p[letter] for letter in order))
        found = world.memo.get(key)
        if found is None:
            world.work.spend(world.field.cost)
            found = world.memo[key] = run(world, p)
        return found

    return Ready(letters, once, total=total and all(part.total for part in parts))


def _union(parts: Iterable[Ready]) -> frozenset[str]:
    return frozenset().union(*(part.letters for part in parts))


def _letters(at: Iterable[Tree]) -> frozenset[str]:
    return frozenset(index[1] for index in at if index[0] == "name")


def _at(at: Iterable[Tree], place: Place) -> list[int]:
    return [place[index[1]] if index[0] == "name" else index[1] for index in at]


def _of_array(world: World, name: str, array: Array) -> Array:
    field = world.field
    match name:
        case "inv":
            return eliminated(field, array, world.work)[0]
        case "det":
            return Array((), [eliminated(field, array, world.work)[1]])
        case "logdet":
            size = to_the(field, eliminated(field, array, world.work)[1], 2)
            return Array((), [field.function("log", size) / field.number(2)])
        case "max":
            ahead = array.items[0]
            for item in array.items[1:]:
                ahead = item if field.sign(item - ahead) > 0 else ahead
            return Array((), [ahead])
        case "prod":
            return Array((), [reduce(mul, array.items)])
    value, slopes = world.undefined(name, array.items)
    return Array((), [value]) if name in world.program.functions else Array(array.shape, slopes)
