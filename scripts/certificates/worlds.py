"""A world: sizes, random inputs, and all that a program makes of them."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import reduce
from operator import add, mul
from typing import Any

from certificates.arrays import Array, Shape, made, places
from certificates.entries import Entries
from certificates.frame import RefusedError, Work, refuse
from certificates.lowering import Places
from certificates.numbers import RANGES, Field, Number, Smooth, smooth
from certificates.reading import Tree

_TRIES = 120
_SHUFFLES = 12  # choices of sizes of each kind, where the program has no value at the first


class NoValueError(RefusedError):
    """The program has no value at these sizes, or none is found."""


class World:
    """One choice of sizes and inputs. Nothing in it is worked out before it is asked for."""

    def __init__(
        self,
        entries: Entries,
        field: Field,
        sizes: Mapping[str, int],
        chance: random.Random,
        work: Work,
    ) -> None:
        self.entries, self.program = entries, entries.program
        self.field, self.sizes, self.work = field, sizes, work
        self.seed = chance.getrandbits(64)
        self.about: str | None = None
        self.memo: dict[object, Any] = {}
        self._values: dict[str, Array] = {}
        self._functions: dict[str, Smooth] = {}
        self._start()

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

    def _start(self) -> None:
        """Choose inputs for which every value is defined."""
        chance = random.Random(self.seed)
        kinds = list(RANGES)
        for attempt in range(_TRIES):
            kind = kinds[attempt % len(kinds)]
            self.memo.clear()
            self._values = {
                name: self._drawn(name, chance, kind if attempt < 2 * len(kinds) else "")
                for name in self.program.inputs
            }
            try:
                for name in self.program.definitions:
                    self._values[name] = self._made(name, self.entries.calculus.definition)
            except ArithmeticError:
                continue
            return
        raise NoValueError("no point is found at which the program has a value")

    def _made(self, name: str, entry: Callable[[str, Places], Tree]) -> Array:
        """An array of the shape of a name, by its general entry."""
        key = (entry.__name__, name)
        if key not in self.entries.general:
            lowering = self.entries.lowering
            at, _ = lowering.places(lowering.shape_of(name))
            self.entries.general[key] = at, self.entries.ready(entry(name, at))
        at, ready = self.entries.general[key]
        letters = [index[1] for index in at]
        return made(
            self.shape_of(name),
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
        own = found
        match self.program.assumed.get(name):
            case "symmetric":
                return made(shape, lambda p: own.at(p) + own.at(p[::-1]))
            case "diagonal":
                zero = field.number(0)
                return made(shape, lambda p: own.at(p) if p[0] == p[1] else zero)
        return own

    def array(self, name: str) -> Array:
        """The array of a name: a value, a gradient or a differential."""
        calculus = self.entries.calculus
        if name not in self._values:
            base, _, word = name.partition(".")
            if word == "differential" and base == self.about:
                chance = random.Random(f"{self.seed} d {base}")
                change = made(self.shape_of(base), lambda _: self.field.drawn(chance))
                self._values[name] = change
            elif name[0] == "d" and name[1:] in self.program.shapes:
                self._values[name] = self._made(name[1:], calculus.gradient)
            else:
                refuse(f"{name[:40]!r} is not known here")
        return self._values[name]

    def undefined(self, name: str) -> Callable[[Number], Number]:
        """An undefined function of a number, or its derivative."""
        own = name in self.program.functions
        return self._function(name if own else name[1:])[0 if own else 1]

    def of_array(self, name: str, array: Array) -> Array:
        """h₁(Σ b_ij a_ij) + h₂(Σ c_ij a_ij) for random functions, or its derivative."""
        own = name in self.program.functions
        function = name if own else name[1:]
        found = []
        for n in "12":
            chance = random.Random(f"{self.seed} {function} {n} {array.shape}")
            some = [self.field.drawn(chance, "small") for _ in array.items]
            inner = reduce(add, map(mul, some, array.items))
            both = self._function(function + n)
            found.append([both[0](inner)] if own else [both[1](inner) * c for c in some])
        return Array(() if own else array.shape, list(map(add, *found)))

    def _function(self, name: str) -> Smooth:
        if name not in self._functions:
            chance = random.Random(f"{self.seed} {name}")
            self._functions[name] = smooth(self.field, chance)
        return self._functions[name]

    def begin(self, about: str | None) -> None:
        """Begin a step: differentials are by the name that it is about."""
        self.about = about
        self.memo.clear()


def other_worlds(
    entries: Entries, fields: Sequence[Field], work: Work, chance: random.Random
) -> Iterator[World]:
    """Worlds of two other choices of sizes than those of the file, a point for each field.

    Sizes at which the program has no value, as a product that is singular there, are passed over;
    where there are no others, the certificate is refused.
    """
    names = list(entries.program.sizes)
    sizes: dict[str, int] = {}
    for _ in range(2 if names else 1):
        before = sizes
        for left in reversed(range(2 * _SHUFFLES)):
            sizes = other_sizes(names, chance, before, least=1 + (left < _SHUFFLES))
            try:
                found = [World(entries, field, sizes, chance, work) for field in fields]
            except NoValueError:
                if not left:
                    raise
            else:
                yield from found
                break


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
