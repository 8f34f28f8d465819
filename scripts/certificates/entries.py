"""The value of index notation: sums over letters, entries of arrays, deltas and derivatives.

A text is made ready once. Each sum, function and array in it is then worked out once for each
choice of the letters that are free in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from certificates.arrays import Array, Shape, determinant, inverse, places, product
from certificates.frame import Work, refuse
from certificates.functions import FUNCTIONS
from certificates.lowering import Lowering, Places, Sizes
from certificates.numbers import Field, Number, applied, raised, to_the
from certificates.program import Program
from certificates.reading import Tree, parse, whole_number

Letters = Mapping[str, int]

MOST_FIXED = 1000  # that a sum runs to which runs to a number


class Scope:
    """The values of names; a value that was worked out once is kept."""

    def __init__(self, field: Field, sizes: Mapping[str, int], work: Work) -> None:
        self.field, self.sizes, self.work = field, sizes, work
        self.memo: dict[object, Any] = {}
        self._places: dict[tuple[str | int, ...], list[tuple[int, ...]]] = {}

    def number(self, value: Fraction | int) -> Number:
        """A rational number."""
        return self.field.number(value)

    def shape(self, sizes: Sequence[str | int]) -> Shape:
        """Numbers for the letters of sizes."""
        return tuple(self.sizes.get(str(n)) or int(n) for n in sizes)

    def places(self, sizes: Sequence[str | int]) -> list[tuple[int, ...]]:
        """All places of an array of a shape."""
        key = tuple(sizes)
        found = self._places.get(key)
        if found is None:
            found = self._places[key] = list(places(self.shape(sizes)))
        self.work.spend(len(found))
        return found

    def array(self, name: str) -> Array:
        """The array of a name."""
        refuse(f"{name[:40]!r} is not known here")

    def undefined(self, name: str, array: Array) -> Array:
        """An undefined function."""
        del array
        refuse(f"{name[:40]!r} is not known here")

    def derivative(self, *_: object, **__: object) -> Any:  # noqa: ANN401 - there is none
        """∂z_ij/∂x_pq, ∂L/∂f(z_ij), those of a number by all entries; a `World` has them."""
        refuse("a derivative of a derivative is not known here")

    rate: Callable[..., Number] = derivative
    by_function: Callable[..., Array] = derivative
    slopes: Callable[..., Array] = derivative


Run = Callable[[Scope, Letters], Number]


class Ready:
    """A tree made ready to be worked out; `letters` are those that are free in it."""

    __slots__ = ("letters", "run")

    def __init__(self, letters: frozenset[str], run: Run) -> None:
        self.letters, self.run = letters, run


class Texts:
    """Makes texts ready, each once for the letters that are free around it."""

    def __init__(self, program: Program) -> None:
        self.program, self.names = program, program.shapes
        self.sizes = {n for shape in program.shapes.values() for n in shape}
        self.lowering = Lowering(program.sizes, program.shapes, program.functions)
        self._known: dict[tuple[Tree, frozenset[str]], Ready] = {}
        self._sources: dict[object, Tree] = {}
        self._definitions: dict[str, tuple[Sequence[Tree], Ready]] = {}

    def ready(self, text: str, letters: frozenset[str]) -> Ready:
        """A text made ready."""
        return self.tree_ready(parse(text), letters)

    def tree_ready(self, tree: Tree, letters: frozenset[str]) -> Ready:
        """A tree made ready."""
        found = self._known.get((tree, letters))
        if found is None:
            if letters & self.names.keys() or letters & self.program.sizes.keys():
                refuse("an index letter is a name of the program")
            found = self._known[tree, letters] = self.tree(tree, letters)
        return found

    def source(self, text: str, over: Sizes, at: Places, kind: str) -> Tree:
        """The entry of a formula at indices: of its shape, at a `place`, or `repeated`."""
        key = (text, over, at, kind)
        if key not in self._sources:
            lowered = self.lowering.lower(parse(text))
            numbers = [index[0] == "num" for index in at]
            if kind == "place" and len(lowered.shape) == len(over):
                over = tuple(
                    own if number else size
                    for own, size, number in zip(lowered.shape, over, numbers, strict=True)
                )
            elif any(index[0] == "num" and index[1] != 1 for index in at):
                refuse("an index is a number where an array is meant")
            if kind != "repeated" and lowered.shape != over:
                refuse("a formula does not have the shape that its indices run over")
            self._sources[key] = self.lowering.own(lowered, over, at)
        return self._sources[key]

    def by_function(self, function: str, z: str) -> tuple[Places, Ready, Ready]:
        """The letters and the value of f(z_ij), and the loss with F for f(z_ij)."""
        bodies, loss = self.program.bodies, self.program.loss
        whole = bodies[function][2] if function in bodies else self.program.definitions[loss]

        def put(tree: Any) -> Any:  # noqa: ANN401 - a tree or a leaf
            match tree:
                case ("call", name, (("index" | "name" as kind, of, *at),)) if (name, of) == (
                    function,
                    z,
                ):
                    return (kind, "F.unit", *at)
            return tuple(map(put, tree)) if isinstance(tree, tuple) else tree

        at, _ = self.lowering.places(self.lowering.shape_of(z))
        letters = frozenset(index[1] for index in at if index[0] == "name")
        own = self.tree_ready(("call", function, (self.lowering.entry(z, at),)), letters)
        return at, own, self.tree_ready(put(self.lowering.lower(whole).at(())), frozenset())

    def definition(self, name: str) -> tuple[Sequence[Tree], Ready]:
        """The entry of a value by its definition, and the indices at which it is."""
        found = self._definitions.get(name)
        if found is None:
            lowered = self.lowering.lower(self.program.definitions[name])
            at, _ = self.lowering.places(lowered.shape)
            letters = frozenset(index[1] for index in at if index[0] == "name")
            ready = self.tree_ready(lowered.at(at), letters)
            found = self._definitions[name] = (at, ready)
        return found

    def tree(self, tree: Tree, scope: frozenset[str]) -> Ready:
        """A tree made ready, within a scope of letters."""
        match tree:
            case ("num", number):
                return Ready(frozenset(), lambda world, _: world.number(number))
            case ("name", name):
                return self.scalar(name)
            case ("neg", part):
                inner = self.tree(part, scope)
                return Ready(inner.letters, lambda world, at: -inner.run(world, at))
            case ("add", parts):
                return self.sum([self.tree(part, scope) for part in parts])
            case ("mul", parts):
                return self.product([self.tree(part, scope) for part in parts])
            case ("pow", base, exponent):
                return self.power(base, exponent, scope)
            case ("index", name, indices):
                places = [self.index(index, scope) for index in indices]
                return Ready(
                    _letters(places), lambda world, at: world.array(name).at(_at(places, at))
                )
            case ("call", "Sum", (body, *bounds)) if bounds:
                return self.summed(body, bounds, scope)
            case ("call", "KroneckerDelta", (a, b)) if {a[0], b[0]} <= {"name", "num"}:
                return self.delta([self.index(a, scope), self.index(b, scope)])
            case ("call", "Partial" | "Direct" as kind, (of, wrt)) if wrt[0] != "tuple":
                return self.rate(of, wrt, scope, through=kind == "Partial")
            case ("call", "acos", (("neg", ("num", 1)),)):
                return Ready(frozenset(), lambda world, _: world.field.pi())
            case ("call", name, (arg, *rest)):
                return self.called(name, arg, rest, scope)
        refuse(f"{str(tree[1])[:40]!r} cannot stand in index notation")

    def scalar(self, name: str) -> Ready:
        """The letter of a size, or a number that has a name."""
        if name in self.program.sizes:
            return Ready(frozenset(), lambda world, _: world.number(world.sizes[name]))
        return Ready(frozenset(), lambda world, _: world.array(name).at(()))

    def sum(self, parts: list[Ready]) -> Ready:
        """Several terms."""

        def run(world: Scope, at: Letters) -> Number:
            first, *rest = parts
            found = first.run(world, at)
            for part in rest:
                found = found + part.run(world, at)
            return found

        return Ready(_union(parts), run)

    def product(self, parts: list[Ready]) -> Ready:
        """Several factors; the others are not worked out where one is 0."""

        def run(world: Scope, at: Letters) -> Number:
            found = None
            for part in parts:
                factor = part.run(world, at)
                if world.field.zero(factor):
                    return factor
                found = factor if found is None else found * factor
            return found

        return Ready(_union(parts), run)

    def power(self, base: Tree, exponent: Tree, scope: frozenset[str]) -> Ready:
        """A power; a whole one is multiplied out."""
        inner, n = self.tree(base, scope), whole_number(exponent)
        if n is not None:
            return self.kept(
                inner.letters, lambda world, at: to_the(world.field, inner.run(world, at), n)
            )
        above = self.tree(exponent, scope)
        return self.kept(
            inner.letters | above.letters,
            lambda world, at: raised(world.field, inner.run(world, at), above.run(world, at)),
        )

    def kept(self, letters: frozenset[str], run: Run) -> Ready:
        """The same, worked out once for each choice of its letters."""
        order = sorted(letters)
        mark = object()

        def once(world: Scope, at: Letters) -> Number:
            key = (mark, *(at[letter] for letter in order))
            found = world.memo.get(key)
            if found is None:
                found = world.memo[key] = run(world, at)
            return found

        return Ready(letters, once)

    def bounds(self, bounds: list[Tree], scope: frozenset[str]) -> list[tuple[str, str | int]]:
        """Letters to run over, and how far."""
        found: list[tuple[str, str | int]] = []
        for bound in bounds:
            match bound:
                case ("tuple", (("name", str(letter)), ("num", 1), (_, size))):
                    pass
                case _:
                    refuse("a sum does not run over a letter from 1 to a size")
            taken = {*scope, *(own for own, _ in found), *self.names, *self.program.sizes}
            if letter in taken:
                refuse(f"the letter {letter[:20]} has two meanings")
            known = self.program.sizes if isinstance(size, str) else range(1, MOST_FIXED + 1)
            if size not in known:
                refuse(f"{str(size)[:20]} is no size")
            found.append((letter, size))
        return found

    def summed(self, body: Tree, bounds: list[Tree], scope: frozenset[str]) -> Ready:
        """Σ over letters, one after another, each over the factors that hold it alone."""
        runs = self.bounds(bounds, scope)
        inside = scope | {letter for letter, _ in runs}
        parts = body[1] if body[0] == "mul" else (body,)
        factors = [self.tree(part, inside) for part in parts]
        left = dict(runs)
        while left:

            def held(letter: str) -> frozenset[str]:
                return _union(factor for factor in factors if letter in factor.letters)  # noqa: B023

            letter = min(left, key=lambda one: len(held(one)))
            own = [factor for factor in factors if letter in factor.letters]
            factors = [factor for factor in factors if letter not in factor.letters]
            factors.append(self.over(letter, left.pop(letter), own))
        return self.product(factors)

    def over(self, letter: str, size: str | int, factors: list[Ready]) -> Ready:
        """Σ over one letter."""
        term = self.product(factors)

        def run(world: Scope, at: Letters) -> Number:
            places = world.places([size])
            if not factors:
                return world.number(len(places))
            found = world.number(0)
            for (index,) in places:
                found = found + term.run(world, {**at, letter: index})
            return found

        return self.kept(_union(factors) - {letter}, run)

    def index(self, tree: Tree, scope: frozenset[str]) -> str | int:
        """An index: a letter that is free here, or a number."""
        match tree:
            case ("num", int(n)):
                return n
            case ("name", name) if name in scope:
                return str(name)
        refuse(f"{str(tree[1])[:40]!r} is not an index here")

    def delta(self, places: list[str | int]) -> Ready:
        """1 where two indices agree, else 0."""

        def run(world: Scope, at: Letters) -> Number:
            one, other = _at(places, at)
            return world.number(int(one == other))

        return Ready(_letters(places), run)

    def entry(self, tree: Tree, scope: frozenset[str]) -> tuple[str, list[str | int]]:
        """The name and the indices of an entry."""
        match tree:
            case ("name", str(name)):
                return name, []
            case ("index", str(name), indices):
                return name, [self.index(index, scope) for index in indices]
        refuse("a derivative is not by an entry")

    def rate(self, of: Tree, wrt: Tree, scope: frozenset[str], *, through: bool) -> Ready:
        """∂z_ij/∂x_pq by the definition of z alone; that of any number, `through` values or not."""
        match wrt:
            case ("call", function, (inner,)) if of == ("name", self.program.loss):
                z, p = self.entry(inner, scope)
                return Ready(
                    _letters(p), lambda world, at: world.by_function(function, z).at(_at(p, at))
                )
        name, p = self.entry(wrt, scope)
        match of:
            case ("name" | "index", *_):
                value, i = self.entry(of, scope)
                return Ready(
                    _letters(i + p),
                    lambda world, at: world.rate(value, _at(i, at), name, _at(p, at)),
                )
        inner = self.tree(of, scope)
        slopes = self.kept(
            inner.letters, lambda world, at: world.slopes(inner, at, name, through=through)
        )
        return Ready(
            inner.letters | _letters(p), lambda world, at: slopes.run(world, at).at(_at(p, at))
        )

    def called(self, name: str, arg: Tree, rest: list[Tree], scope: frozenset[str]) -> Ready:
        """A function of a number, or of an array that is given by its general entry."""
        if not rest and name in self.program.bodies:
            of, body, _ = self.program.bodies[name]
            return self.tree(self.lowering.body(of, body, arg), scope)
        if not rest and name in FUNCTIONS:
            inner = self.tree(arg, scope)
            return self.kept(
                inner.letters,
                lambda world, at: applied(world.field, name, inner.run(world, at)),
            )
        count = next((n for n, part in enumerate(rest) if part[0] != "tuple"), len(rest))
        runs = self.bounds(rest[:count], scope)
        places = [self.index(index, scope) for index in rest[count:]]
        own = frozenset(letter for letter, _ in runs)
        inner = self.tree(arg, scope | own)

        def run(world: Scope, at: Letters) -> Array:
            numbers = [
                inner.run(world, {**at, **dict(zip((a for a, _ in runs), place, strict=True))})
                for place in world.places([size for _, size in runs])
            ]
            array = Array(world.shape([size for _, size in runs]), numbers)
            return _of_array(world, name, array)

        kept = self.kept(inner.letters - own, run)
        return Ready(
            kept.letters | _letters(places),
            lambda world, at: kept.run(world, at).at(_at(places, at)),
        )


def _union(parts: Iterable[Ready]) -> frozenset[str]:
    return frozenset().union(*(part.letters for part in parts))


def _letters(places: list[str | int]) -> frozenset[str]:
    return frozenset(place for place in places if isinstance(place, str))


def _at(places: list[str | int], at: Letters) -> list[int]:
    return [at[place] if isinstance(place, str) else place for place in places]


def _of_array(world: Scope, name: str, array: Array) -> Array:
    match name:
        case "inv":
            return inverse(world.field, array)
        case "det":
            return Array((), [determinant(world.field, array)])
        case "logdet":
            size = applied(world.field, "abs", determinant(world.field, array))
            return Array((), [applied(world.field, "log", size)])
        case "prod":
            return Array((), [product(world.field, array.items)])
    return world.undefined(name, array)
