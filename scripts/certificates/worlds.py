"""A world: sizes, random inputs, and all that a program makes of them.

∂L/∂z is how L changes with z where all that is defined by z goes along, everything else that z is
made of staying as it is; ∂z/∂x on its own is by the definition of z alone.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from functools import cached_property

from certificates.arrays import (
    MOST_DIMENSIONS,
    Array,
    Formulas,
    Shape,
    entrywise,
    made,
    places,
    transposed,
)
from certificates.frame import RefusedError, refuse
from certificates.numbers import (
    RANGES,
    Field,
    Number,
    Smooth,
    Variable,
    gradients,
    smoothly,
)
from certificates.reading import Tree

MOST_WORK = 30_000_000
_TRIES = 120
_SHUFFLES = 12  # choices of sizes of each kind, where the program has no value at the first


class Work:
    """What may still be done."""

    def __init__(self) -> None:
        self.left = MOST_WORK

    def spend(self, amount: int) -> None:
        """Take some of it."""
        self.left -= amount
        if self.left < 0:
            refuse("checking it takes more work than is allowed")


class Program:
    """A program as it is read: definitions in order, shapes in letters, functions."""

    def __init__(
        self,
        definitions: Mapping[str, Tree],
        shapes: Mapping[str, Sequence[str]],
        functions: set[str],
        assumed: Mapping[str, str],
    ) -> None:
        self.definitions, self.shapes = definitions, shapes
        self.functions, self.assumed = functions, assumed
        self.loss = list(definitions)[-1]
        self.inputs = [name for name in shapes if name not in definitions]


class NoValueError(RefusedError):
    """The program has no value at these sizes, or none is found."""


class World:
    """One choice of sizes and inputs. Nothing in it is worked out before it is asked for."""

    def __init__(
        self, program: Program, field: Field, sizes: Mapping[str, int], seed: int, work: Work
    ) -> None:
        self.program, self.field, self.sizes, self.work = program, field, sizes, work
        self.seed = seed
        self.memo: dict[object, Number] = {}
        self.about: str | None = None
        self._formulas = Formulas(
            field, sizes.get, self.array, self.undefined, self._slice_of, self._unit
        )
        self._values: dict[str, Array] = {}
        self._slopes: dict[str, dict[str, list[Array]]] = {}
        self._changes: dict[str, Array] = {}
        self._places: dict[tuple[str | int, ...], list[tuple[int, ...]]] = {}
        self._functions: dict[tuple[str, int], Smooth] = {}
        self._tables: dict[str, dict[tuple[int, ...], int]] = {}
        self._start()

    # -- values --------------------------------------------------------------------------------

    def _start(self) -> None:
        """Choose inputs for which every value is defined."""
        chance = random.Random(self.seed)  # noqa: S311 - points, not secrets
        kinds = list(RANGES)
        for attempt in range(_TRIES):
            kind = kinds[attempt % len(kinds)]
            self._values = {
                name: self._drawn(name, chance, kind if attempt < 2 * len(kinds) else "")
                for name in self.program.inputs
            }
            try:
                for name, tree in self.program.definitions.items():
                    found = self.formula(tree)
                    if found.shape != self.shape_of(name):
                        refuse(f"shapes: that of {name} does not follow")
                    self._values[name] = found
            except ArithmeticError:
                continue
            return
        raise NoValueError("no point is found at which the program has a value")

    def _drawn(self, name: str, chance: random.Random, kind: str) -> Array:
        """A random input that has the structure that it is assumed to have."""
        field = self.field
        kind = kind or chance.choice(list(RANGES))
        found = made(self.shape_of(name), lambda _: field.drawn(chance, kind))
        square = len(found.shape) == MOST_DIMENSIONS and found.shape[0] == found.shape[1]
        if square and chance.random() < 1 / 2:  # positive definite, for roots of what it makes
            more = field.number(found.shape[0])
            found = made(found.shape, lambda p: found.at(p) + more if p[0] == p[1] else found.at(p))
        match self.program.assumed.get(name):
            case "symmetric":
                return entrywise(lambda u, v: u + v, found, transposed(found))
            case "diagonal":
                zero = field.number(0)
                return made(found.shape, lambda p: found.at(p) if p[0] == p[1] else zero)
        return found

    def number(self, value: Fraction | int) -> Number:
        """A rational number."""
        return self.field.number(value)

    def shape(self, sizes: Sequence[str | int]) -> Shape:
        """Numbers for the letters of sizes."""
        return tuple(n if isinstance(n, int) else self._size(n) for n in sizes)

    def _size(self, size: str) -> int:
        return int(size) if size.isdigit() else self.sizes[size]

    def shape_of(self, name: str) -> Shape:
        """The shape of a name."""
        return self.shape(self.program.shapes[name])

    def has(self, name: str, place: Sequence[int]) -> bool:
        """Whether an array has an entry at a place."""
        return tuple(place) in self._table(name)

    def places(self, sizes: Sequence[str | int]) -> list[tuple[int, ...]]:
        """All places of an array of a shape."""
        key = tuple(sizes)
        found = self._places.get(key)
        if found is None:
            found = self._places[key] = list(places(self.shape(sizes)))
        self.work.spend(len(found))
        return found

    def formula(self, tree: Tree) -> Array:
        """What a formula is worth."""
        self.work.spend(10)
        return self._formulas.value(tree)

    def array(self, name: str) -> Array:
        """What a name stands for: a value, a gradient, a differential."""
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
            if not own:
                return entrywise(both[1], array)
            return entrywise(lambda u: smoothly(both, u), array)
        parts = [self._of_whole(function, n, array) for n in range(2)]
        if not own and any(isinstance(u, Variable) for u in array.items):
            refuse(f"the derivative of {name[:40]} is not known")
        if own:
            return Array((), [parts[0][0] + parts[1][0]])
        return entrywise(lambda u, v: u + v, parts[0][1], parts[1][1])

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
        return value, entrywise(lambda c: both[1](inner) * c, some)

    def _function(self, name: str, n: int) -> Smooth:
        if (name, n) not in self._functions:
            chance = random.Random(f"{self.seed} {name} {n}")  # noqa: S311
            self._functions[name, n] = self.field.smooth(chance)
        return self._functions[name, n]

    # -- derivatives ---------------------------------------------------------------------------

    @cached_property
    def _gradients(self) -> dict[str, Array]:
        """∂L/∂z for every name."""
        known: dict[str, Array] = {}

        def named(name: str) -> Array:
            return known[name] if name in known else refuse(f"{name[:40]!r} is not known here")

        formulas = Formulas(
            self.field, self.sizes.get, named, self.undefined, self._slice_of, self._unit
        )
        for name in self.program.inputs:
            known[name] = _variables(self._values[name])
        for name, tree in self.program.definitions.items():
            found = formulas.value(tree)
            known[name] = entrywise(_renamed, found)
        (end,) = known[self.program.loss].items
        slopes = gradients(end, self.field)
        zero = self.number(0)
        return {
            name: entrywise(lambda u: slopes.get(id(u), zero), array)
            for name, array in known.items()
        }

    def slope(self, tree: Tree, wrt: str) -> list[Array]:
        """For every entry of a formula, its derivatives by all entries of a name in it."""
        own = _variables(self.array(wrt))
        formulas = Formulas(
            self.field,
            self.sizes.get,
            lambda name: own if name == wrt else self.array(name),
            self.undefined,
            self._slice_of,
            self._unit,
        )
        zero = self.number(0)
        found = []
        for u in formulas.value(tree).items:
            slopes = gradients(u, self.field)
            found.append(entrywise(lambda v, s=slopes: s.get(id(v), zero), own))
        return found

    def slice(self, of: str, wrt: str, place: Sequence[int]) -> Array:
        """∂Z/∂x_pq: the derivatives of all entries of Z by one entry, by Z's definition alone."""
        if of not in self.program.shapes or wrt not in self.program.shapes:
            refuse("a derivative of what is not in the program")
        shape = self.shape_of(of)
        return made(shape, lambda p: self.rate(of, p, wrt, place))

    def rate(self, of: str, row: Sequence[int], wrt: str, col: Sequence[int]) -> Number:
        """∂z_ij/∂x_pq, by Z's definition alone."""
        if of not in self.program.shapes or wrt not in self.program.shapes:
            refuse("a derivative of what is not in the program")
        rows, cols = self._table(of), self._table(wrt)
        if tuple(row) not in rows or tuple(col) not in cols:
            refuse("an index is outside of its array, or is one too many")
        if of == wrt:
            return self.number(int(tuple(row) == tuple(col)))
        if of not in self.program.definitions:
            refuse(f"{of} is not defined by {wrt}")
        slopes = self._slopes.setdefault(of, {})
        if wrt not in slopes:
            slopes[wrt] = self.slope(self.program.definitions[of], wrt)
        return slopes[wrt][rows[tuple(row)]].items[cols[tuple(col)]]

    def _table(self, name: str) -> dict[tuple[int, ...], int]:
        """The places of a name's entries."""
        found = self._tables.get(name)
        if found is None:
            order = enumerate(places(self.shape_of(name)))
            found = self._tables[name] = {place: n for n, place in order}
        return found

    def _slice_of(self, of: str, wrt: Tree) -> Array:
        match wrt:
            case ("name", name):
                return self.slice(of, name, ())
            case ("index", name, indices):
                return self.slice(of, name, self._here(indices))
        refuse("a derivative is not by an entry")

    def _unit(self, tree: Tree) -> Array:
        """e_p e_qᵀ."""
        name, indices = tree[1], self._here(tree[2])
        base, _, word = name.partition(".")
        if word != "unit" or base not in self.program.shapes:
            refuse("an entry stands where an array should")
        shape = self.shape_of(base)
        if len(indices) != len(shape):
            refuse("an entry has another number of indices than its array")
        return made(shape, lambda place: self.number(int(place == tuple(indices))))

    def _here(self, indices: Sequence[Tree]) -> list[int]:
        """Indices in a formula, whose letters stand for the place that is looked at."""
        found = []
        for kind, index in indices:
            if kind == "num" and isinstance(index, int):
                found.append(index)
            elif kind == "name" and index in self.letters:
                found.append(self.letters[index])
            else:
                refuse(f"{str(index)[:40]!r} is not an index here")
        return found

    # -- steps and links -----------------------------------------------------------------------

    #: What the letters of a link stand for at the place that is looked at.
    letters: Mapping[str, int] = {}

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
            return Array((), [self.paired(self._gradients[about], own)])
        return self.differential(self.program.definitions.get(name), about)

    def differential(self, tree: Tree | None, wrt: str) -> Array:
        """Σ ∂(formula)/∂x_pq·dx_pq, all other names in the formula standing still."""
        if tree is None:
            refuse("a differential of an input")
        own = self._change(wrt)
        return Array(
            self.formula(tree).shape, [self.paired(slope, own) for slope in self.slope(tree, wrt)]
        )

    def paired(self, one: Array, other: Array) -> Number:
        """Σ a_ij b_ij."""
        found = self.number(0)
        for a, b in zip(one.items, other.items, strict=True):
            found = found + a * b
        return found


def _variables(array: Array) -> Array:
    return entrywise(Variable, array)


def _renamed(u: Number) -> Variable:
    """A variable of its own: where Z is X, it has another gradient than X."""
    return Variable(u.value, ((u, 1),)) if isinstance(u, Variable) else Variable(u)


def worlds(
    program: Program,
    field: Field,
    chosen: Mapping[str, int] | None,
    names: Sequence[str],
    seed: int,
) -> Iterator[World]:
    """Worlds of the chosen sizes, if they are given, and of two others, two points in each.

    Other sizes at which the program has no value, as a product that is singular there, are passed
    over; where there are no others, the certificate is refused.
    """
    chance = random.Random(seed)  # noqa: S311
    work = Work()

    def pair(sizes: Mapping[str, int]) -> list[World]:
        return [World(program, field, sizes, chance.randrange(2**64), work) for _ in range(2)]

    if chosen is not None:
        yield from pair(chosen)
    for kind in range(len(other_sizes(names, chance))):
        for left in reversed(range(_SHUFFLES)):
            try:
                found = pair(other_sizes(names, chance)[kind])
            except NoValueError:
                if not left:
                    raise
            else:
                yield from found
                break


def other_sizes(names: Sequence[str], chance: random.Random) -> list[dict[str, int]]:
    """Sizes that differ from their neighbours; in the second choice, one of them is 1."""
    order = list(names)
    chance.shuffle(order)
    found = [
        dict(zip(order, itertools.cycle(cycle), strict=False)) for cycle in ((2, 3, 4), (3, 2))
    ]
    if order:
        found[1][chance.choice(order)] = 1
    return found if order else found[:1]
