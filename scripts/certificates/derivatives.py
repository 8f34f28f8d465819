"""Index notation read: what is not known is refused, and derivatives are worked out.

What comes out is made of numbers, sizes, entries, sums over letters, deltas and functions alone;
the prover and the evaluator know nothing else. `Partial(Z[i, j], X[p, q])` is by the definition of
Z alone; ∂L/∂Z is through everything that is computed from Z; relu′ is step and abs′ is sign.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from certificates.frame import refuse
from certificates.functions import ARGUMENT, SIMPLER, SLOPES
from certificates.lowering import ONE, Lowering, Places, Sizes, delta, entry, summed, times
from certificates.program import Program, names
from certificates.reading import Tree, exchanged, parse, walk, whole_number

MOST_FIXED = 1000  # that a sum runs to which runs to a number

Letters = Mapping[str, str]  # letters with the sizes that they run to
Leaf = Callable[[Tree], Places | None]

#: Functions of whole matrices, and of whole arrays: how many indices an entry of theirs has.
_WHOLE = {"inv": 2, "det": 0, "logdet": 0, "prod": 0, "max": 0}

_BELOW: Tree = ("num", -1)


class Calculus:
    """Index notation about one program."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.lowering = Lowering(program.sizes, program.shapes, program.functions)
        self.numbers: set[tuple[str, int]] = set()  # sizes, and numbers that index them
        self._general: dict[str, tuple[Places, Tree]] = {}

    # -- reading -----------------------------------------------------------------------------------

    def read(self, tree: Tree, letters: Letters, about: str | None) -> Tree:
        """A tree without derivatives; `letters` are free, differentials are by the name `about`."""

        def part(inner: Tree) -> Tree:
            return self.read(inner, letters, about)

        match tree:
            case ("num", _):
                return tree
            case ("name", name) if name in self.program.sizes:
                return tree
            case ("name" | "index", name, *_):
                at = self.indices(tree, letters)
                base, _, word = name.partition(".")
                if word == "unit":
                    refuse(f"{name[:40]} cannot stand in index notation")
                return tree if base == about or not word else self.differential(base, at, about)
            case (("neg" | "pow") as kind, *parts):
                return (kind, *map(part, parts))
            case (("add" | "mul") as kind, parts):
                return (kind, tuple(map(part, parts)))
            case ("call", "acos", (("neg", ("num", 1)),)):
                return tree
            case ("call", "KroneckerDelta", (one, other)):
                self.fit(one, self.size_of(other, letters), letters)
                self.fit(other, self.size_of(one, letters), letters)
                return tree
            case ("call", "Partial", (of, wrt)):
                return self.partial(of, wrt, letters)
            case ("call", "differential", (of, ("name", wrt))) if wrt in self.program.shapes:
                return self.changed(part(of), wrt)
            case ("call", name, (body, *rest)):
                return self.called(name, body, rest, letters, about)
        refuse(f"{str(tree[1])[:40]!r} cannot stand in index notation")

    def called(
        self, name: str, body: Tree, rest: Sequence[Tree], letters: Letters, about: str | None
    ) -> Tree:
        """A sum, or a function of a number, or of an array that is given by its general entry."""
        bounds = [tree for tree in rest if tree[0] == "tuple"]
        at, inside = rest[len(bounds) :], self.inside(bounds, letters)
        sizes = tuple(inside[bound[1][0][1]] for bound in bounds)
        functions = self.program.functions
        if name == "Sum":
            known = bool(sizes) and not at
        elif name in _WHOLE:
            square = name in ("prod", "max") or (len(sizes) == 2 and len({*sizes}) == 1)  # noqa: PLR2004
            known = square and len(at) == _WHOLE[name]
        elif self.lowering.entrywise(name):
            known = not rest
        else:
            known = name in functions or (name[0] == "d" and name[1:] in functions)
            known = known and len(at) == (0 if name in functions else len(sizes))
        if not known or {*bounds, *at} != {*rest} or rest[: len(bounds)] != bounds:
            refuse(f"{name[:40]!r} is not known with what it is given here")
        for index, size in zip(at, sizes, strict=False):
            self.fit(index, size, letters)
        return ("call", name, (self.read(body, inside, about), *rest))

    def inside(self, bounds: Iterable[Tree], letters: Letters) -> Letters:
        """The letters within a sum."""
        found = dict(letters)
        for bound in bounds:
            match bound:
                case ("tuple", (("name", str(letter)), ("num", 1), (_, size))):
                    pass
                case _:
                    refuse("a sum does not run over a letter from 1 to a size")
            if letter in found or letter in self.program.sizes or letter in self.program.shapes:
                refuse(f"the letter {letter[:20]} has two meanings")
            known = self.program.sizes if isinstance(size, str) else range(1, MOST_FIXED + 1)
            if size not in known and not letter.startswith("#"):
                refuse(f"{str(size)[:20]} is no size")
            found[letter] = str(size)
        return found

    def size_of(self, index: Tree, letters: Letters) -> str | None:
        """The size that an index runs to, if it is a letter."""
        match index:
            case ("num", int(n)) if n >= 1:
                return None
            case ("name", str(letter)) if letter in letters:
                return letters[letter]
        refuse(f"{str(index[1])[:40]!r} is not an index here")

    def fit(self, index: Tree, size: str | None, letters: Letters) -> None:
        """Refuse an index that is not one of an axis."""
        own = self.size_of(index, letters)
        if size and own is None and index[1] <= int(self.program.sizes.get(size, 0) or size):
            self.numbers.add((size, index[1]))
        elif size and own != size:
            refuse(f"the index {str(index[1])[:20]} does not run over its rows or columns")

    def indices(self, tree: Tree, letters: Letters) -> Places:
        """The indices of an entry."""
        at: Places = tree[2] if tree[0] == "index" else ()
        shape = self.lowering.shape_of(tree[1])
        if len(at) != len(shape):
            refuse("an entry has another number of indices than its array")
        for index, size in zip(at, shape, strict=True):
            self.fit(index, size, letters)
        return at

    def source(self, text: str, over: Sizes, at: Places, kind: str) -> Tree:
        """The entry of a formula at indices: of its shape, at a `place`, or `repeated`."""
        lowered = self.lowering.lower(parse(text))
        if kind == "place" and len(lowered.shape) == len(over):
            sizes = zip(lowered.shape, over, at, strict=True)
            over = tuple(own if index[0] == "num" else size for own, size, index in sizes)
            for index, size in zip(at, over, strict=True):
                if index[0] == "num":
                    self.fit(index, size, {})
        elif any(index[0] == "num" and index[1] != 1 for index in at):
            refuse("an index is a number where an array is meant")
        if kind != "repeated" and lowered.shape != over:
            refuse("a formula does not have the shape that its indices run over")
        return self.lowering.own(lowered, over, at)

    # -- derivatives -------------------------------------------------------------------------------

    def definition(self, name: str, at: Places) -> Tree:
        """The entry of a value by its definition."""
        if name not in self.program.definitions:
            refuse(f"a derivative of {name[:40]}, which is not defined by the other")
        return self.lowering.lower(self.program.definitions[name]).at(at)

    def general(self, name: str) -> tuple[Places, Tree]:
        """Letters, and the entry there of a value by its definition or of dX by the chain rule."""
        if name not in self._general:
            at, _ = self.lowering.places(self.lowering.shape_of(name))
            known = name in self.program.definitions
            made = self.definition(name, at) if known else self.gradient(name[1:], at)
            self._general[name] = at, made
        return self._general[name]

    def partial(self, of: Tree, wrt: Tree, letters: Letters) -> Tree:
        """∂z_ij/∂x_pq; that of any number through all values in it; ∂L/∂f(z_ij)."""
        program, about = self.program, wrt[1]
        match wrt:
            case ("name" | "index", _, *_) if about in program.shapes:
                at, leaf = self.indices(wrt, letters), _entries(about)
            case ("call", str(f), (inner,)) if inner[0] in ("name", "index") and of == (
                "name",
                program.loss,
            ):
                at, leaf = self.indices(inner, letters), _calls(f, inner[1])
                loss = program.definitions[program.loss]
                loss = program.bodies[f][2] if f in program.bodies else loss
                return collected(self.slopes(self.lowering.lower(loss).at(()), leaf), at)
            case _:
                refuse("a derivative is not by an entry")
        if of[0] in ("name", "index"):
            own = self.indices(of, letters)
            if of[1] == about:
                return collected([((), (), own)], at)
            return collected(self.slopes(self.definition(of[1], own), leaf), at)
        if any(node[:2] == ("call", "Partial") for node in walk(of)):
            refuse("a derivative of a derivative is not known here")
        return self.through(self.read(of, letters, None), about, at)

    def through(self, tree: Tree, wrt: str, at: Places) -> Tree:
        """The derivative of a number by an entry, through all values in it that use the entry."""
        found = [collected(self.slopes(tree, _entries(wrt)), at)]
        for name in names(tree) & self.program.definitions.keys() - {wrt}:
            if wrt in self.program.reach[name]:
                places, bounds = self.lowering.places(self.lowering.shape_of(name))
                rate = self.through(self.definition(name, places), wrt, at)
                own = collected(self.slopes(tree, _entries(name)), places)
                found.append(summed(times(own, rate), bounds))
        return added(found)

    def gradient(self, name: str, at: Places) -> Tree:
        """∂L/∂x = Σ ∂L/∂z·∂z/∂x over all entries of all values that use x."""
        program = self.program
        found = [ONE] if name == program.loss else []
        for of in program.definitions:
            if name in program.uses[of]:
                places, bounds = self.lowering.places(self.lowering.shape_of(of))
                up = ONE if of == program.loss else entry(f"d{of}", places)
                slopes = self.slopes(self.definition(of, places), _entries(name))
                found.append(collected(slopes, at, up, bounds=bounds))
        return added(found)

    def differential(self, name: str, at: Places, about: str | None) -> Tree:
        """dz_ij = Σ ∂z_ij/∂x_pq·dx_pq by the definition of z; dL through all that uses x."""
        if about is None:
            refuse("a differential in a step that is about no name")
        if name != self.program.loss:
            return self.changed(self.definition(name, at), about)
        own, bounds = self.lowering.places(self.lowering.shape_of(about))
        pair = entry(f"d{about}", own), entry(f"{about}.differential", own)
        return summed(times(*pair), bounds)

    def changed(self, tree: Tree, about: str) -> Tree:
        """Σ ∂(formula)/∂x_pq·dx_pq, all other names in the formula standing still."""
        return added(
            summed(times(*factors, entry(f"{about}.differential", at)), bounds)
            for factors, bounds, at in self.slopes(tree, _entries(about))
        )

    def named(self, name: str, arg: Tree) -> Tree | None:
        """The value at a number of a function with a name of ours, or of its derivative."""
        for function, (of, body, _) in self.program.bodies.items():
            if name in (function, f"d{function}"):
                found = self.lowering.body(of, body, ARGUMENT)
                if function != name:
                    found = collected(self.slopes(found, _argument), ())
                made: Tree = exchanged(found, {ARGUMENT: arg})
                return made
        return None

    def slopes(self, tree: Tree, leaf: Leaf) -> Iterator[_Slope]:
        """The derivative, for each time that what it is by stands in a tree."""
        self.lowering.work.spend(len(tree[1]) if tree[0] == "mul" else 1)
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
            case ("num", _) | ("call", "acos" | "KroneckerDelta", _):
                return []
            case ("name" | "index", name, *_):
                if not {name} & (self.program.shapes.keys() | self.program.sizes.keys()):
                    refuse("a derivative of a derivative is not known here")
                return []
            case ("neg", part):
                return [((_BELOW,), (), part)]
            case ("add", parts):
                return [((), (), part) for part in parts]
            case ("mul", parts):
                return [((*parts[:n], *parts[n + 1 :]), (), part) for n, part in enumerate(parts)]
            case ("pow", base, exponent):
                n = whole_number(exponent)
                less = ("add", (exponent, _BELOW)) if n is None else ("num", n - 1)
                slope = (exponent, ("pow", base, less))
                return [(slope, (), base), ((tree, ("call", "log", (base,))), (), exponent)]
            case ("call", "Sum", _):
                body, *bounds = self.fresh(tree)[2]
                return [((), tuple(bounds), body)]
            case ("call", name, (arg,)) if name in SIMPLER:
                return [((), (), exchanged(SIMPLER[name], {ARGUMENT: arg}))]
            case ("call", name, (arg,)) if name in SLOPES:
                return [((exchanged(SLOPES[name], {ARGUMENT: arg}),), (), arg)]
            case ("call", name, (arg,)) if self.lowering.entrywise(name):
                return [((self.derived(name, arg),), (), arg)]
            case ("call", name, (inside, *rest)):
                arg, *bounds = self.fresh(tree)[2][: 1 + sum(t[0] == "tuple" for t in rest)]
                own = tuple(rest[: len(bounds)])
                places = tuple(bound[1][0] for bound in bounds)
                factors = self.of_array(tree, (inside, *own), (arg, *places), rest[len(bounds) :])
                return [(factors, tuple(bounds), arg)]
        refuse(f"a derivative of {str(tree[1])[:40]!r} is not known here")

    def of_array(self, tree: Tree, inside: Places, there: Places, at: Sequence[Tree]) -> Places:
        """The derivative of a function of an array by one entry, given that and its places."""
        arg, *places = there

        def inverse(*at: Tree) -> Tree:
            return ("call", "inv", (*inside, *at))

        match tree[1]:
            case "inv":
                (i, j), (a, b) = at, places
                return (_BELOW, inverse(i, a), inverse(b, j))
            case "logdet":
                return (inverse(*places[::-1]),)
            case "det":
                return (tree, inverse(*places[::-1]))
            case "max":  # 1 at the largest entry
                return (("call", "iszero", (("add", (arg, ("neg", tree))),)),)
            case "prod":
                return (tree, ("pow", arg, _BELOW))
        return (self.derived(tree[1], *inside, *places),)

    def derived(self, name: str, *arguments: Tree) -> Tree:
        """The derivative of an undefined function."""
        if name not in self.program.functions:
            refuse("a derivative of a derivative is not known here")
        return ("call", f"d{name}", arguments)

    def fresh(self, tree: Tree) -> Tree:
        """The same with other letters to sum over."""
        if not isinstance(tree, tuple):
            return tree
        made = tuple(map(self.fresh, tree))
        if tree[:1] != ("call",):
            return made
        old = [part[1][0] for part in tree[2] if part[0] == "tuple"]
        new, _ = self.lowering.places(("",) * len(old))
        found: Tree = exchanged(made, dict(zip(old, new, strict=True)))
        return found


_Slope = tuple[Places, Places, Places]  # factors, the sums over them, and where it stands


def _entries(name: str) -> Leaf:
    """The entries of a name."""
    return lambda tree: _at(tree) if tree[0] in ("name", "index") and tree[1] == name else None


def _calls(function: str, name: str) -> Leaf:
    """A function of the entries of a name."""
    inner = _entries(name)
    return lambda tree: inner(tree[2][0]) if tree[:2] == ("call", function) else None


def _argument(tree: Tree) -> Places | None:
    return () if tree == ARGUMENT else None


def _at(tree: Tree) -> Places:
    return tree[2] if tree[0] == "index" else ()


def added(parts: Iterable[Tree]) -> Tree:
    """A sum."""
    some = tuple(parts)
    return some[0] if len(some) == 1 else ("add", some) if some else ("num", 0)


def collected(
    slopes: Iterable[_Slope], at: Places, *outer: Tree, bounds: Iterable[Tree] = ()
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
        found.append(summed(times(*product, *deltas), left.values()))
    return added(found)
