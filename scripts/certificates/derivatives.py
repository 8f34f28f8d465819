"""Index notation read: what is not known is refused, and derivatives are worked out.

What comes out is made of numbers, sizes, entries, sums over letters, deltas and functions alone;
the prover and the evaluator know nothing else. `Partial(Z[i, j], X[p, q])` is by the definition of
Z alone; ∂L/∂Z is through everything that is computed from Z; relu′ is step and abs′ is sign.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from certificates.frame import refuse
from certificates.functions import ARGUMENT, SIMPLER, SLOPES
from certificates.lowering import ONE, Lowered, Lowering, Places, Sizes, delta, entry, named, times
from certificates.program import Program, names
from certificates.reading import PI, Tree, exchanged, minus, parse, walk, whole_number

MOST_FIXED = 1000  # that a sum runs to which runs to a number

Letters = Mapping[str, str]  # letters with the sizes that they run to
Leaf = Callable[[Tree], Places | None]
_Slope = tuple[Places, Places, Places]  # factors, the sums over them, and where it stands

#: Functions of whole matrices, and of whole arrays: how many indices an entry of theirs has.
_WHOLE = {"inv": 2, "det": 0, "logdet": 0, "prod": 0, "max": 0}

_BELOW: Tree = ("num", -1)


class Calculus(Lowering):
    """Index notation about one program."""

    def __init__(self, program: Program) -> None:
        super().__init__(program.sizes, program.shapes, program.functions)
        self.program = program
        self.scope: Letters = {}  # letters that are free in what is read
        self.about: str | None = None  # the name that differentials are by
        self.numbers: set[tuple[str, int]] = set()  # sizes, and numbers that index them
        self._general: dict[str, tuple[Places, Tree]] = {}
        self._bodies: dict[str, Tree] = {}
        self._made: dict[tuple[str, int], tuple[Tree, Tree]] = {}  # by id, beside what has it

    # -- reading -----------------------------------------------------------------------------------

    def begin(self, letters: Letters, about: str | None) -> None:
        """Begin to read what holds free letters; differentials are by the name `about`."""
        self.scope, self.about = letters, about
        self.numbers.clear()

    def source(self, text: str, over: Sizes, at: Places, kind: str) -> Tree:
        """The entry of a formula at indices: of its shape, at a `place`, or `repeated`."""
        lowered = self.lower(parse(text))
        if kind == "place" and len(lowered.shape) == len(over):
            sizes = zip(lowered.shape, over, at, strict=True)
            over = tuple(own if index[0] == "num" else size for own, size, index in sizes)
            self.fitting(at, over)
        elif any(index[0] == "num" and index[1] != 1 for index in at):
            refuse("an index is a number where an array is meant")
        if kind != "repeated" and lowered.shape != over:
            refuse("a formula does not have the shape that its indices run over")
        return self.own(lowered, over, at)

    def number(self, tree: Tree) -> Tree:
        """A formula of a number."""
        lowered = self.lower(tree)
        if lowered.shape:
            refuse("an array stands where a number is meant")
        return lowered.at(())

    def lower(self, tree: Tree) -> Lowered:
        """A formula as an array of entries; entries, sums over letters and derivatives, too."""
        match tree:
            case ("index", str(name), at) if name.endswith(".unit"):
                shape = self.shape_of(name.removesuffix(".unit"))
                self.fitting(at, shape)
                return Lowered(shape, lambda place: times(*map(delta, place, at)))
            case ("index", str(name), at):
                self.fitting(at, self.shape_of(name))
                return Lowered((), lambda _: self.entry(name, at))
            case ("call", "KroneckerDelta", (one, other)):
                self.fitting((one, other), (self.size_of(other), self.size_of(one)))
                return Lowered((), lambda _: tree)
            case ("call", "Partial", (of, wrt)):
                return self.partial(of, wrt)
            case ("call", "differential", (of, ("name", about))) if about in self.program.shapes:
                inner = self.lower(of)
                return Lowered(inner.shape, lambda at: self.changed(inner.at(at), about))
            case ("call", name, (body, ("tuple", (("name", _), *_)), *_)):
                made = self.over_letters(name, body, tuple(tree[2][1:]))
                return Lowered((), lambda _: made)
        return super().lower(tree)

    def over_letters(self, name: str, body: Tree, rest: Places) -> Tree:
        """A sum, or a function of an array that is given by its general entry."""
        bounds = tuple(itertools.takewhile(lambda tree: tree[0] == "tuple", rest))
        at, outside = rest[len(bounds) :], self.scope
        inside = self.inside(bounds)
        sizes = tuple(inside[bound[1][0][1]] for bound in bounds)
        functions = self.program.functions
        if name == "Sum":
            known = not at
        elif name in _WHOLE:
            square = name in ("prod", "max") or (len(sizes) == 2 and len({*sizes}) == 1)  # noqa: PLR2004
            known = square and len(at) == _WHOLE[name]
        else:
            known = name in functions or (name[0] == "d" and name[1:] in functions)
            known = known and len(at) == (0 if name in functions else len(sizes))
        if not known or self.entrywise(name):
            refuse(f"{name[:40]!r} is not known with what it is given here")
        self.fitting(at, sizes[: len(at)])
        self.scope = inside
        inner = self.number(body)
        self.scope = outside
        return self.summed(inner, bounds) if name == "Sum" else ("call", name, (inner, *rest))

    def inside(self, bounds: Iterable[Tree]) -> Letters:
        """The letters within a sum."""
        found = dict(self.scope)
        for bound in bounds:
            match bound:
                case ("tuple", (("name", str(letter)), ("num", 1), (_, size))):
                    pass
                case _:
                    refuse("a sum does not run over a letter from 1 to a size")
            if letter in found or letter in self.program.sizes or letter in self.program.shapes:
                refuse(f"the letter {letter[:20]} has two meanings")
            known = self.program.sizes if isinstance(size, str) else range(1, MOST_FIXED + 1)
            if size not in known:
                refuse(f"{str(size)[:20]} is no size")
            found[letter] = str(size)
        return found

    def size_of(self, index: Tree) -> str | None:
        """The size that an index runs to, if it is a letter."""
        match index:
            case ("num", int(n)) if n >= 1:
                return None
            case ("name", str(letter)) if letter in self.scope:
                return self.scope[letter]
        refuse(f"{str(index[1])[:40]!r} is not an index here")

    def fitting(self, at: Sequence[Tree], sizes: Sequence[str | None]) -> None:
        """Refuse indices that are not those of some axes."""
        if len(at) != len(sizes):
            refuse("an entry has another number of indices than its array")
        for index, size in zip(at, sizes, strict=True):
            own = self.size_of(index)
            if size and own is None and index[1] <= int(self.program.sizes.get(size, 0) or size):
                self.numbers.add((size, index[1]))
            elif size and own != size:
                refuse(f"the index {str(index[1])[:20]} does not run over its rows or columns")

    def entry(self, name: str, at: Places) -> Tree:
        """An entry of a name; of a differential, by the name that the step is about."""
        base, _, word = name.partition(".")
        if not word or base == self.about:
            return entry(name, at)
        if self.about is None:
            refuse("a differential in a step that is about no name")
        if base != self.program.loss:
            return self.changed(self.definition(base, at), self.about)
        own, bounds = self.places(self.shape_of(self.about))
        pair = entry(f"d{self.about}", own), entry(f"{self.about}.differential", own)
        return self.summed(times(*pair), bounds)

    # -- derivatives -------------------------------------------------------------------------------

    def definition(self, name: str, at: Places) -> Tree:
        """The entry of a value by its definition."""
        if name not in self.program.definitions:
            refuse(f"a derivative of {name[:40]}, which is not defined by the other")
        return self.lower(self.program.definitions[name]).at(at)

    def general(self, name: str) -> tuple[Places, Tree]:
        """Letters, and the entry there of a value by its definition or of dX by the chain rule."""
        if name not in self._general:
            at, _ = self.places(self.shape_of(name))
            known = name in self.program.definitions
            made = self.definition(name, at) if known else self.gradient(name[1:], at)
            self._general[name] = at, made
        return self._general[name]

    def partial(self, of: Tree, wrt: Tree) -> Lowered:
        """∂z_ij/∂x_pq; that of any number through all values in it; ∂L/∂f(z_ij)."""
        program, about = self.program, wrt[1]
        whole: Tree = program.definitions[program.loss]
        by: Tree = wrt
        match wrt:
            case ("name" | "index", _, *_) if about in program.shapes:
                leaf = _entries(about)
            case ("call", str(f), (("name" | "index", about, *_),)) if (
                of == ("name", program.loss) and about in program.shapes and f not in SIMPLER
            ):
                leaf, by = _calls(f, about), tuple(wrt[2][0])
                whole = program.bodies[f][2] if f in program.bodies else whole
            case _:
                refuse("a derivative is not by an entry")
        at = _at(by)
        self.fitting(at, self.shape_of(about))
        if any(node[:2] == ("call", "Partial") for node in walk(of)):
            refuse("a derivative of a derivative is not known here")
        if of[0] not in ("name", "index"):
            made = self.through(self.number(of), about, at)
            return Lowered((), lambda _: made)

        def rate(own: Places) -> Tree:
            if of[1] == about and by is wrt:
                return self.collected([((), (), own)], at)
            tree = self.definition(of[1], own) if by is wrt else self.lower(whole).at(own)
            return self.collected(self.slopes(tree, leaf), at)

        shape = self.shape_of(of[1])
        if of[0] == "name":
            return Lowered(shape, rate)
        self.fitting(of[2], shape)
        return Lowered((), lambda _: rate(of[2]))

    def through(self, tree: Tree, wrt: str, at: Places) -> Tree:
        """The derivative of a number by an entry, through all values in it that use the entry."""
        found = [self.collected(self.slopes(tree, _entries(wrt)), at)]
        for name in names(tree) & self.program.definitions.keys() - {wrt}:
            if wrt in self.program.reach[name]:
                places, bounds = self.places(self.shape_of(name))
                rate = self.through(self.definition(name, places), wrt, at)
                own = self.collected(self.slopes(tree, _entries(name)), places)
                found.append(self.summed(times(own, rate), bounds))
        return added(found)

    def gradient(self, name: str, at: Places) -> Tree:
        """∂L/∂x = Σ ∂L/∂z·∂z/∂x over all entries of all values that use x."""
        program = self.program
        found = [ONE] if name == program.loss else []
        for of in program.definitions:
            if name in program.uses[of]:
                places, bounds = self.places(self.shape_of(of))
                up = ONE if of == program.loss else entry(f"d{of}", places)
                slopes = self.slopes(self.definition(of, places), _entries(name))
                found.append(self.collected(slopes, at, up, bounds=bounds))
        return added(found)

    def changed(self, tree: Tree, about: str) -> Tree:
        """Σ ∂(formula)/∂x_pq·dx_pq, all other names in the formula standing still."""
        return added(
            self.summed(times(*factors, entry(f"{about}.differential", at)), bounds)
            for factors, bounds, at in self.slopes(tree, _entries(about))
        )

    def body(self, name: str, arg: Tree) -> Tree | None:
        """The value at a number of a function with a name of ours, or of its derivative."""
        function = name if name in self.program.bodies else name[1:]
        if function not in self.program.bodies or name not in (function, f"d{function}"):
            return None
        if name not in self._bodies:
            of, body, _ = self.program.bodies[function]
            places, _ = self.places(self.shape_of(of))
            lowered = self.lower(body)
            if lowered.shape != self.shape_of(of):
                refuse("functions: one is not of each entry")
            found = exchanged(lowered.at(places), {entry(of, places): ARGUMENT})
            if {*self.letters(found)} & named(places):
                refuse("functions: one is not of one entry alone")
            own = self.slopes(found, lambda tree: () if tree == ARGUMENT else None)
            self._bodies[name] = found if function == name else self.collected(own, ())
        if (name, id(arg)) not in self._made:
            self._made[name, id(arg)] = arg, exchanged(self._bodies[name], {ARGUMENT: arg})
        return self._made[name, id(arg)][1]

    def slopes(self, tree: Tree, leaf: Leaf) -> Iterator[_Slope]:
        """The derivative, for each time that what it is by stands in a tree."""
        self.work.spend(len(tree[1]) if tree[0] == "mul" else 1)
        at = leaf(tree)
        if at is not None:
            yield (), (), at
            return
        for factors, bounds, part in self.outer(tree):
            if ("num", 0) not in factors:
                for more, inner, at in self.slopes(part, leaf):
                    yield (*factors, *more), (*bounds, *inner), at

    def outer(self, tree: Tree) -> Iterable[tuple[Places, Places, Tree]]:
        """The parts of a tree, with the factors and the sums of the derivative by each."""
        match tree:
            case ("num", _) | ("call", "KroneckerDelta", _):
                return []
            case ("name" | "index", name, *_):
                known = self.program.shapes.keys() | self.program.sizes.keys()
                if name not in known and tree not in (PI, ARGUMENT):
                    refuse("a derivative of a derivative is not known here")
                return []
            case ("add", parts):
                return [((), (), part) for part in parts]
            case ("mul", parts):
                return [((*parts[:n], *parts[n + 1 :]), (), part) for n, part in enumerate(parts)]
            case ("pow", base, exponent):
                n = whole_number(exponent)
                less = ("add", (exponent, _BELOW)) if n is None else ("num", n - 1)
                slope = (exponent, ("pow", base, less))
                return [(slope, (), base), ((tree, ("call", "log", (base,))), (), exponent)]
            case ("call", name, (arg,)) if name in SLOPES:
                return [((exchanged(SLOPES[name], {ARGUMENT: arg}),), (), arg)]
            case ("call", name, (arg,)) if self.entrywise(name):
                return [((self.derived(name, arg),), (), arg)]
            case ("call", name, (inside, *rest)):
                old = [part for part in rest if part[0] == "tuple"]
                places, _ = self.places(("",) * len(old))
                fresh = dict(zip((bound[1][0] for bound in old), places, strict=True))
                arg, *bounds = exchanged((inside, *old), fresh)
                factors = self.of_array(tree, (inside, *old), (arg, *places), rest[len(old) :])
                return [(factors, tuple(bounds), arg)]
        refuse(f"a derivative of {str(tree[1])[:40]!r} is not known here")

    def of_array(self, tree: Tree, inside: Places, there: Places, at: Sequence[Tree]) -> Places:
        """The derivative of a function of an array by one entry, given that and its places."""
        arg, *places = there

        def inverse(*at: Tree) -> Tree:
            return ("call", "inv", (*inside, *at))

        match tree[1]:
            case "Sum":
                return ()
            case "inv":
                (i, j), (a, b) = at, places
                return (_BELOW, inverse(i, a), inverse(b, j))
            case "logdet":
                return (inverse(*places[::-1]),)
            case "det":
                return (tree, inverse(*places[::-1]))
            case "max":  # 1 at the largest entry
                return (("call", "iszero", (("add", (arg, minus(tree))),)),)
            case "prod":
                return (tree, ("pow", arg, _BELOW))
        return (self.derived(tree[1], *inside, *places),)

    def derived(self, name: str, *arguments: Tree) -> Tree:
        """The derivative of an undefined function."""
        if name not in self.program.functions:
            refuse("a derivative of a derivative is not known here")
        return ("call", f"d{name}", arguments)

    def collected(
        self, slopes: Iterable[_Slope], at: Places, *outer: Tree, bounds: Iterable[Tree] = ()
    ) -> Tree:
        """A derivative by the entry at a place; sums over deltas are worked out."""
        found = []
        for factors, inner, own in slopes:
            left = {bound[1][0]: bound for bound in (*bounds, *inner)}
            product, pairs, deltas = (*outer, *factors), tuple(zip(own, at, strict=True)), []
            while pairs:
                (one, other), *rest = pairs
                pairs = tuple(rest)
                if one not in left:
                    one, other = other, one
                if one != other and one in left:
                    del left[one]
                    product, pairs = exchanged((product, pairs), {one: other})
                elif one != other:
                    deltas.append(delta(one, other))
            found.append(self.summed(times(*product, *deltas), left.values()))
        return added(found)


def _entries(name: str) -> Leaf:
    """The entries of a name."""
    return lambda tree: _at(tree) if tree[0] in ("name", "index") and tree[1] == name else None


def _calls(function: str, name: str) -> Leaf:
    """A function of the entries of a name."""
    inner = _entries(name)
    return lambda tree: inner(tree[2][0]) if tree[:2] == ("call", function) else None


def _at(tree: Tree) -> Places:
    return tree[2] if tree[0] == "index" else ()


def added(parts: Iterable[Tree]) -> Tree:
    """A sum."""
    some = tuple(parts)
    return some[0] if len(some) == 1 else ("add", some) if some else ("num", 0)
