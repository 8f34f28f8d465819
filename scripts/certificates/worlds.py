"""A world: sizes, random inputs, and all that a program makes of them.

∂L/∂z is how L changes with z where all that is defined by z goes along, everything else that z is
made of staying as it is; ∂z/∂x on its own is by the definition of z alone.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

from certificates.arrays import Array, Shape, made, places
from certificates.entries import Letters, Ready, Scope, Texts
from certificates.frame import RefusedError, Work, refuse
from certificates.numbers import RANGES, Field, Number, Smooth, Variable, gradients, smoothly
from certificates.reading import Tree

_TRIES = 120
_SHUFFLES = 12  # choices of sizes of each kind, where the program has no value at the first


class NoValueError(RefusedError):
    """The program has no value at these sizes, or none is found."""


class World(Scope):
    """One choice of sizes and inputs. Nothing in it is worked out before it is asked for."""

    def __init__(
        self, texts: Texts, field: Field, sizes: Mapping[str, int], seed: int, work: Work
    ) -> None:
        super().__init__(field, sizes, work)
        self.program, self.texts, self.seed = texts.program, texts, seed
        self.about: str | None = None
        self._values: dict[str, Array] = {}
        self._rates: dict[object, Array] = {}
        self._changes: dict[str, Array] = {}
        self._functions: dict[tuple[str, int], Smooth] = {}
        self._start()

    # -- values --------------------------------------------------------------------------------

    def _start(self) -> None:
        """Choose inputs for which every value is defined."""
        chance = random.Random(self.seed)  # noqa: S311 - points, not secrets
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
                    self._values[name] = self._defined(name, self)
            except ArithmeticError:
                continue
            return
        raise NoValueError("no point is found at which the program has a value")

    def _defined(self, name: str, scope: Scope) -> Array:
        """A value by its definition."""
        letters, ready = self.texts.definition(name)
        shape = self.shape_of(name)
        return made(shape, lambda p: ready.run(scope, _letters(letters, p)))

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

    def shape_of(self, name: str) -> Shape:
        """The shape of a name."""
        return self.shape(self.program.shapes[name])

    def array(self, name: str) -> Array:
        """The array of a name: a value, a gradient or a differential."""
        found = self._values.get(name)
        if found is not None:
            return found
        base, _, word = name.partition(".")
        if word == "differential" and base in self.program.shapes:
            return self._change(base)
        if name[0] == "d" and name[1:] in self.program.shapes:
            return self._gradients[name[1:]]
        refuse(f"{name[:40]!r} is not known here")

    def undefined(self, name: str, array: Array) -> Array:
        """An undefined function of each entry, or of the whole array; and its derivative."""
        own = name in self.program.functions
        if not own and not (name[0] == "d" and name[1:] in self.program.functions):
            refuse(f"{name[:40]!r} is not a function of the program")
        function = name if own else name[1:]
        if not function[0].isupper():
            both = self._function(function, 0)
            return array.each((lambda u: smoothly(both, u)) if own else both[1])
        parts = [self._of_whole(function, n, array) for n in range(2)]
        if not own and any(isinstance(u, Variable) for u in array.items):
            refuse(f"the derivative of {name[:40]} is not known")
        if own:
            return Array((), [parts[0][0] + parts[1][0]])
        both_slopes = zip(parts[0][1].items, parts[1][1].items, strict=True)
        return Array(array.shape, [u + v for u, v in both_slopes])

    def _of_whole(self, function: str, n: int, array: Array) -> tuple[Number, Array]:
        """h(Σ c_ij a_ij) for a random function h, and its derivative by every entry."""
        chance = random.Random(f"{self.seed} {function} {n} {array.shape}")  # noqa: S311
        some = made(array.shape, lambda _: self.field.drawn(chance, "small"))
        inner = self.number(0)
        for c, a in zip(some.items, array.items, strict=True):
            inner = inner + c * a
        both = self._function(function, n)
        value = smoothly(both, inner)
        if isinstance(inner, Variable):
            return value, some  # the derivative is not asked for
        return value, some.each(lambda c: both[1](inner) * c)

    def _function(self, name: str, n: int) -> Smooth:
        if (name, n) not in self._functions:
            chance = random.Random(f"{self.seed} {name} {n}")  # noqa: S311
            self._functions[name, n] = self.field.smooth(chance)
        return self._functions[name, n]

    # -- derivatives ---------------------------------------------------------------------------

    @cached_property
    def _gradients(self) -> dict[str, Array]:
        """∂L/∂z for every name."""
        known = {name: self._values[name].each(Variable) for name in self.program.inputs}
        scope = _Moved(self, known)
        for name in self.program.definitions:
            known[name] = self._defined(name, scope).each(_renamed)
        (end,) = known[self.program.loss].items
        slopes = gradients(end, self.field)
        zero = self.number(0)
        return {
            name: array.each(lambda u: slopes.get(id(u), zero)) for name, array in known.items()
        }

    def moved(self, name: str, *, through: bool) -> tuple[Scope, Array]:
        """The same world in which one array moves, alone or with all that is defined by it."""
        key = ("moved", name, through)
        if key not in self.memo:
            own = self.array(name).each(Variable)
            arrays = {name: own}
            scope = _Moved(self, arrays)
            for of in self.program.definitions if through else ():
                if of != name and self.program.uses[of] & arrays.keys():
                    arrays[of] = self._defined(of, scope)
            self.memo[key] = (scope, own)
        scope, own = self.memo[key]
        return scope, own

    def rate(self, of: str, row: Sequence[int], wrt: str, col: Sequence[int]) -> Number:
        """∂z_ij/∂x_pq, by Z's definition alone."""
        if of == wrt:
            _ = self.array(of).at(row), self.array(of).at(col)
            return self.number(int(tuple(row) == tuple(col)))
        if of not in self.program.definitions or wrt not in self.program.shapes:
            refuse("a derivative of what is not defined by the other")
        key = (of, tuple(row), wrt)
        found = self._rates.get(key)
        if found is None:
            self._values[of].at(row)
            letters, ready = self.texts.definition(of)
            found = self._rates[key] = self.slopes(
                ready, _letters(letters, row), wrt, through=False
            )
        return found.at(col)

    def by_function(self, function: str, z: str) -> Array:
        """∂L/∂f(z_ij), all values of f being variables of their own."""
        key = ("by", function, z)
        found: Array | None = self.memo.get(key)
        if found is None:
            letters, own, loss = self.texts.by_function(function, z)
            f = made(self.shape_of(z), lambda p: Variable(own.run(self, _letters(letters, p))))
            slopes = gradients(loss.run(_Moved(self, {"F.unit": f}), {}), self.field)
            zero = self.number(0)
            found = self.memo[key] = f.each(lambda u: slopes.get(id(u), zero))
        return found

    def slopes(self, ready: Ready, at: Letters, wrt: str, *, through: bool) -> Array:
        """The derivatives of a number by all entries of a name."""
        scope, own = self.moved(wrt, through=through)
        found = gradients(ready.run(scope, at), self.field)
        zero = self.number(0)
        return own.each(lambda u: found.get(id(u), zero))

    # -- steps and links -----------------------------------------------------------------------

    def begin(self, about: str | None) -> None:
        """Begin a step: differentials are by the name that it is about."""
        self.about = about
        self.memo.clear()
        self._changes.clear()

    def _change(self, name: str) -> Array:
        """Of X at random; dZ = Σ ∂Z/∂x_pq·dx_pq by the definition of Z; dL by all that uses X."""
        found = self._changes.get(name)
        if found is None:
            found = self._changes[name] = self._changed(name)
        return found

    def _changed(self, name: str) -> Array:
        about = self.about
        if about is None:
            refuse("a differential in a step that is about no name")
        if name == about:
            chance = random.Random(f"{self.seed} d {name}")  # noqa: S311
            return made(self.shape_of(name), lambda _: self.field.drawn(chance))
        own = self._change(about)
        if name == self.program.loss:
            return Array((), [self._paired(self._gradients[about], own)])
        cols = list(places(own.shape))
        return made(
            self.shape_of(name),
            lambda row: self._paired(
                Array(own.shape, [self.rate(name, row, about, col) for col in cols]), own
            ),
        )

    def _paired(self, one: Array, other: Array) -> Number:
        """Σ a_ij b_ij."""
        found = self.number(0)
        for a, b in zip(one.items, other.items, strict=True):
            found = found + a * b
        return found


class _Moved(Scope):
    """A world in which some arrays are others."""

    def __init__(self, world: World, arrays: Mapping[str, Array]) -> None:
        super().__init__(world.field, world.sizes, world.work)
        self.world, self.arrays = world, arrays

    def array(self, name: str) -> Array:
        """One of the others, or the array of the world."""
        return self.arrays[name] if name in self.arrays else self.world.array(name)

    def undefined(self, name: str, array: Array) -> Array:
        """A function is the same in all of them."""
        return self.world.undefined(name, array)


def _letters(letters: Sequence[Tree], place: Sequence[int]) -> dict[str, int]:
    """The letters at a place."""
    pairs = zip(letters, place, strict=True)
    return {letter[1]: index for letter, index in pairs if letter[0] == "name"}


def _renamed(u: Number) -> Variable:
    """A variable of its own: where Z is X, it has another gradient than X."""
    return Variable(u.value, ((u, 1),)) if isinstance(u, Variable) else Variable(u)


def worlds(
    texts: Texts,
    fields: Sequence[Field],
    chosen: Mapping[str, int] | None,
    work: Work,
    chance: random.Random,
) -> Iterator[World]:
    """Worlds of the chosen sizes, if they are given, and of two others, a point for each field.

    Other sizes at which the program has no value, as a product that is singular there, are passed
    over; where there are no others, the certificate is refused.
    """
    names = [size for size in texts.sizes if not size.isdigit()]

    def some(sizes: Mapping[str, int]) -> list[World]:
        return [World(texts, f, sizes, chance.getrandbits(64), work) for f in fields]

    if chosen is not None:
        yield from some(chosen)
    for kind in range(2 if names else 1):
        for left in reversed(range(2 * _SHUFFLES)):
            try:
                found = some(other_sizes(names, chance, least=1 + (left < _SHUFFLES))[kind])
            except NoValueError:
                if not left:
                    raise
            else:
                yield from found
                break


def other_sizes(
    names: Sequence[str], chance: random.Random, least: int = 1
) -> list[dict[str, int]]:
    """Sizes that differ from their neighbours; in the second choice, one of them is the least."""
    order = list(names)
    chance.shuffle(order)
    found = [dict(zip(order, itertools.cycle(some), strict=False)) for some in ((2, 3, 4), (3, 2))]
    if order:
        found[1][chance.choice(order)] = least
    return found
