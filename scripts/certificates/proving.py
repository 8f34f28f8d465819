"""A normal form of index notation: what has the same one is equal at all sizes.

A value is a sum of terms; a term is a number times factors to powers, summed over letters. Factors
are entries, sizes, deltas, functions of values (undefined ones too), powers of values and functions
of whole arrays. Deltas are contracted, products multiplied out, letters that are summed over named
by what they stand in. What is equal but does not come out the same here is not proved, no more.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from functools import lru_cache
from typing import Any, NamedTuple

from certificates.derivatives import Calculus
from certificates.functions import MIRRORED
from certificates.program import names
from certificates.reading import Tree

Place = str | int
Bounds = dict[str, str]  # letters with the sizes that they run to
Number = int | Fraction
Frozen = frozenset[Any]
Runs = tuple[tuple[str, str], ...]
Letters = Mapping[Any, Place]  # letters by what they stand for
Attempt = frozenset[str] | None  # what is replaced; none: functions with names of ours stay, too


class Atom(NamedTuple):
    """A factor: an entry, a size, a delta, a call, a raised value, a function of a whole array."""

    kind: str
    name: str = ""
    at: tuple[Place, ...] = ()
    args: tuple[Frozen, ...] = ()
    runs: Runs = ()  # the letters of a whole array, with their sizes


Factors = dict[Atom, int]
Value = list[tuple[Number, Factors, Bounds]]

_AS_THEY_STAND: Attempt = None

MOST_WORK = 20_000  # for one side, in terms
MOST_BITS = 20_000  # of a number
_TIES = 120  # ways to name letters that look alike


class NotProvedError(Exception):
    """It is not brought to normal form."""


class Prover:
    """Proves links of one certificate."""

    def __init__(self, calculus: Calculus) -> None:
        self.program, self.calculus = calculus.program, calculus
        self._count = itertools.count()
        self._left = 0
        self._unfolded: dict[tuple[str, tuple[Place, ...], Attempt], Value] = {}
        self._known: dict[tuple[Tree, Attempt], Frozen | None] = {}
        self._attempt = _AS_THEY_STAND

    # -- asking ------------------------------------------------------------------------------------

    def same(self, left: Tree, right: Tree, about: str | None) -> bool:
        """Whether two sides are proved equal.

        First as they stand; then ∂L/∂x of the name that their step is about is replaced by the
        chain rule, then values by their definitions, then all gradients, then all.
        """
        program = self.program
        own = frozenset([f"d{about}"])
        gradients = frozenset(f"d{name}" for name in program.shapes)
        values = frozenset(program.definitions)
        for attempt in (None, frozenset[str](), own, own | values, gradients, gradients | values):
            one = self._normal(left, attempt)
            if one is not None and one == self._normal(right, attempt):
                return True
        return False

    def _normal(self, tree: Tree, attempt: Attempt) -> Frozen | None:
        """The normal form, if it is found."""
        if attempt is not None and not self.program.bodies and not names(tree) & attempt:
            attempt = _AS_THEY_STAND
        key = (tree, attempt)
        if key not in self._known:
            self._left, self._attempt = MOST_WORK, attempt
            try:
                self._known[key] = self.frozen(self.value(tree, {}))
            except (NotProvedError, RecursionError):
                self._known[key] = None
        return self._known[key]

    def _spend(self, amount: int) -> None:
        self._left -= amount
        self.calculus.work.spend(2 * amount)
        if self._left < 0:
            raise NotProvedError

    # -- reading -----------------------------------------------------------------------------------

    def value(self, tree: Tree, scope: Letters) -> Value:
        """A tree of index notation; `scope` says what letters stand for."""

        def index(place: Tree) -> Place:
            return scope.get(place[1], place[1]) if place[0] == "name" else place[1]

        self.calculus.work.spend(1)
        match tree:
            case ("num", number):
                return _number(number)
            case ("name", name) if name in self.program.sizes:
                return _one(Atom("size", name))
            case ("name" | "index", name, *some):
                return self.entry(name, tuple(index(place) for at in some for place in at))
            case ("add", parts):
                return [term for part in parts for term in self.value(part, scope)]
            case ("mul", parts):
                return self.times(*(self.value(part, scope) for part in parts))
            case ("pow", base, exponent):
                return self.power(self.value(base, scope), self.value(exponent, scope))
            case ("call", "KroneckerDelta", at):
                return self.delta(map(index, at))
            case ("call", name, (arg,)) if self.calculus.entrywise(name):
                if self._attempt is not None and (made := self.calculus.body(name, arg)):
                    return self.value(made, scope)
                return self.call(name, self.value(arg, scope))
            case ("call", name, (arg, *rest)):
                bounds = [part for part in rest if part[0] == "tuple"]
                new = {bound[1][0][1]: self.letter() for bound in bounds}
                inner = self.value(arg, {**scope, **new})
                runs = tuple((new[b[1][0][1]], str(b[1][2][1])) for b in bounds)
                if name == "Sum":
                    return self.bound(inner, dict(runs))
                return self.whole(name, runs, inner, map(index, rest[len(bounds) :]))
        raise NotProvedError

    def entry(self, name: str, at: tuple[Place, ...]) -> Value:
        """An entry of a name, or of what it is unfolded to."""
        if name in (self._attempt or ()):
            key = (name, at, self._attempt)
            if key not in self._unfolded:
                places, tree = self.calculus.general(name)
                scope = {place[1]: i for place, i in zip(places, at, strict=True)}
                self._unfolded[key] = self.value(tree, scope)
            return self.fresh(self._unfolded[key])
        if self.program.says(name, "diagonal"):
            return self.times(self.delta(at), self.own_entry(name, at[:1] * 2))
        return self.own_entry(name, at)

    def own_entry(self, name: str, at: Iterable[Place]) -> Value:
        """An entry; of a symmetric matrix, one of the two that are equal."""
        symmetric = self.program.says(name, "symmetric", "psd")
        return _one(Atom("entry", name, tuple(sorted(at, key=str) if symmetric else at)))

    def delta(self, at: Iterable[Place]) -> Value:
        """A delta; numbers come first, so that they are what letters are replaced by."""
        places = sorted(at, key=lambda place: (isinstance(place, str), str(place)))
        return self.contracted(_one(Atom("delta", at=tuple(places))))

    def letter(self) -> str:
        """A fresh letter to sum over."""
        return f"~{next(self._count)}"

    # -- arithmetic --------------------------------------------------------------------------------

    def times(self, *values: Value) -> Value:
        """A product, multiplied out."""
        made = _number(1)
        for value in values:
            self._spend(len(made) * len(value))
            made = [
                (a * b, _joined(one, other), over | under)
                for a, one, over in made
                for b, other, under in value
            ]
            made = self.contracted(made)
            if any(
                max(c.numerator, c.denominator, key=abs).bit_length() > MOST_BITS
                for c, _, _ in made
            ):
                raise NotProvedError
        if any(_unmerged(atom, n) for _, f, _ in made for atom, n in f.items()):
            made = self.merged(made)
        return made

    def bound(self, value: Value, over: Bounds) -> Value:
        """Σ over letters."""
        return self.contracted([(c, f, b | over) for c, f, b in value])

    def contracted(self, value: Value) -> Value:
        """Deltas contracted, and letters that nothing holds counted."""
        made, queue = list[tuple[Number, Factors, Bounds]](), list(value)
        while queue:
            self._spend(1)
            term = queue.pop()
            found = self._contracted(*term)
            if found is None:
                made.append(_counted(*term))
            else:
                queue += found
        return made

    def _contracted(self, c: Number, f: Factors, b: Bounds) -> Value | None:
        """A term with one delta contracted, if there is one about which anything is to be done."""
        for delta in [atom for atom in f if atom.kind == "delta"]:
            one, other = delta.at
            if one in b and other not in b:  # the other is the one to be replaced
                one, other = other, one
            rest = {atom: n for atom, n in f.items() if atom != delta}
            if one == other:
                return [(c, rest, b)]
            if isinstance(one, int) and isinstance(other, int):
                return []
            if other in b or any(other in _letters(atom) for atom in rest):
                kept = {} if other in b else {delta: 1}
                left = {letter: size for letter, size in b.items() if letter != other}
                moved = self.placed([(c, rest, {})], {other: one})
                return [(n, {**g, **kept}, {**left, **h}) for n, g, h in moved]
        return None

    def power(self, base: Value, exponent: Value) -> Value:
        """A power: whole parts of the exponent are multiplied out, or turned over."""
        rest, whole = [], Fraction(0)
        for c, f, b in exponent:
            if f or b:
                rest.append((c, f, b))
            else:
                whole += c
        above, below = divmod(whole, 1)
        made = self.whole_power(base, int(above))
        if below and not rest and len(base) == 1 and not base[0][2]:
            ((c, f, _),) = base
            if c > 0 and c != 1 and (f or isinstance(c, Fraction)):  # √(2u/3) as √2·√u/√3
                up, down = (_number(n) for n in (c.numerator, c.denominator))
                parts = self.power([(1, f, {})], _number(below)), self.power(up, _number(below))
                return self.times(made, *parts, self.power(down, _number(-below)))
        if below or rest:
            power = self.frozen([*rest, *_number(below)])
            frozen = self.frozen(base)
            if frozen != _UNIT:
                made = self.times(made, _one(Atom("raised", args=(frozen, power))))
        return made

    def whole_power(self, base: Value, n: int) -> Value:
        """A whole power."""
        self._spend(abs(n))
        if n == 1:
            return base
        if n >= 0:
            made = _number(1)
            for _ in range(n):
                made = self.times(made, self.fresh(base))
            return made
        base = self.thawed(self.frozen(base))
        if len(base) == 1 and not base[0][2]:
            ((c, factors, _),) = base
            if abs(n) * max(c.numerator, c.denominator, key=abs).bit_length() > MOST_BITS:
                raise NotProvedError
            if not any(atom.kind == "delta" for atom in factors):
                return self.times(
                    [(Fraction(c) ** n, {atom: p * n for atom, p in factors.items()}, {})]
                )
        if not base:
            raise NotProvedError
        leading = min(base, key=lambda term: (len(term[1]), hash(self._named(term)[1:])))[0]
        scaled = self.frozen([(Fraction(c) / leading, f, b) for c, f, b in base])
        return [(Fraction(leading) ** n, {Atom("raised", args=(scaled, _UNIT)): n}, {})]

    def merged(self, value: Value) -> Value:
        """Powers of powers, as √u² for u, put together."""
        made: Value = []
        for c, f, b in value:
            parts: list[Value] = [_number(c)]
            for atom, n in f.items():
                if _unmerged(atom, n):
                    base, power = map(self.thawed, atom.args)
                    parts.append(self.power(base, self.times(_number(n), power)))
                else:
                    parts.append([(1, {atom: n}, {})])
            made += self.bound(self.times(*parts), b)
        return made

    def call(self, name: str, arg: Value) -> Value:
        """A function of a number."""
        own = self.frozen(arg)
        if name == "iszero" and not own:
            return _number(1)
        sign, complement = 1, False
        if name in MIRRORED:
            other = frozenset((-c, f, b) for c, f, b in own)
            if _without_letters(other) < _without_letters(own):
                own, complement = other, MIRRORED[name] == "complement"
                sign = 1 if MIRRORED[name] == "even" else -1
        return [(sign, {Atom("call", name, args=(own,)): 1}, {}), *_number(int(complement))]

    def whole(self, name: str, runs: Runs, arg: Value, at: Iterable[Place]) -> Value:
        """A function of a whole array; the letters of its places are named by their order."""
        own = {letter: self.letter() for letter, _ in runs}
        inner = self.frozen(self.placed(arg, own))
        level = 1 + max(_levels(_held(inner), "%"), default=0)
        names = {letter: f"%{level}.{n}" for n, letter in enumerate(own.values())}
        named = self.frozen(self.placed(self.thawed(inner), names))
        new = tuple((names[own[letter]], size) for letter, size in runs)
        return _one(Atom("whole", name, tuple(at), (named,), new))

    # -- letters -----------------------------------------------------------------------------------

    def placed(self, value: Value, at: Letters) -> Value:
        """Letters replaced by others, or by numbers."""
        if not at:
            return value
        made: Value = []
        for c, f, b in value:
            kept: Factors = {}
            others: list[Value] = []
            for atom, n in f.items():
                found = self._moved(atom, at)
                one = _single(found)
                if one is None or one in kept:
                    others.append(self.whole_power(found, n))
                else:
                    kept[one] = n
            term: Value = [(c, kept, {})]
            made += self.bound(self.times(term, *others), b) if others else [(c, kept, b)]
        return made

    def _moved(self, atom: Atom, table: Letters) -> Value:
        """A factor with its letters replaced."""
        if not _letters(atom) & table.keys():
            return _one(atom)
        at = tuple(table.get(place, place) for place in atom.at)
        args = [self.placed(self.thawed(arg), table) for arg in atom.args]
        match atom.kind:
            case "entry":
                return self.own_entry(atom.name, at)
            case "delta":
                return self.delta(at)
            case "call":
                return self.call(atom.name, *args)
            case "raised":
                return args[0] if atom.args[1] == _UNIT else self.power(*args)
        return self.whole(atom.name, atom.runs, args[0], at)

    def fresh(self, value: Value) -> Value:
        """The same with other letters to sum over."""
        made: Value = []
        for c, f, b in value:
            new = {letter: self.letter() for letter in b}
            for number, factors, _ in self.placed([(c, f, {})], new):
                made.append((number, factors, {new[k]: size for k, size in b.items()}))
        return made

    def frozen(self, value: Value) -> Frozen:
        """The normal form."""
        total: dict[Any, Number] = {}
        for term in value:
            self._spend(1)
            named = self._named(term)
            total[named[1:]] = total.get(named[1:], 0) + named[0]
        return frozenset((c, *term) for term, c in total.items() if c)

    def thawed(self, value: Frozen) -> Value:
        """A value to reckon with, its letters fresh."""
        return self.fresh([(c, dict(f), dict(b)) for c, f, b in value])

    def _named(self, term: tuple[Number, Factors, Bounds]) -> tuple[Any, ...]:
        """A term with the letters that it is summed over named by what they stand in."""
        c, f, b = term
        if not b:
            return c, frozenset(f.items()), frozenset()
        signs: dict[str, int] = {letter: hash(size) for letter, size in b.items()}
        if len(b) > 1:
            for _ in range(2):
                signs = {own: self._sign(own, f, signs) for own in b}
        level = 1 + max(_levels(frozenset[Place]().union(*map(_letters, f)), "*"), default=0)
        groups = [
            list(some)
            for _, some in itertools.groupby(sorted(b, key=signs.__getitem__), signs.__getitem__)
        ]
        best = None
        orders = itertools.product(*map(itertools.permutations, groups))
        for count, order in enumerate(orders):
            if count > _TIES:
                raise NotProvedError
            names = {own: f"*{level}.{n}" for n, own in enumerate(itertools.chain(*order))}
            moved = self.placed([(c, f, {})], names)
            if len(moved) != 1:
                raise NotProvedError
            ((number, factors, _),) = moved
            found = (frozenset(factors.items()), frozenset((names[k], s) for k, s in b.items()))
            if best is None or hash(found) < hash(best[1:]):
                best = (number, *found)
        assert best is not None
        return best

    def _sign(self, own: str, factors: Factors, signs: Mapping[str, int]) -> int:
        """A hash of all places of a letter, where other letters are known by their signs only."""
        names = {k: "!" if k == own else f"?{sign}" for k, sign in signs.items()}
        held = {atom: n for atom, n in factors.items() if own in _letters(atom)}
        moved = self.placed([(1, held, {})], names)
        return hash((signs[own], frozenset((c, frozenset(f.items())) for c, f, _ in moved)))


# -- small things ----------------------------------------------------------------------------------

#: Functions of which each power is the function.
_ONCE = (("call", "step"), ("call", "iszero"))

_UNIT: Frozen = frozenset([(1, frozenset(), frozenset())])


def _number(number: Number) -> Value:
    whole = isinstance(number, Fraction) and number.denominator == 1
    return [(number.numerator if whole else number, {}, {})] if number else []


def _one(atom: Atom) -> Value:
    return [(1, {atom: 1}, {})]


def _single(value: Value) -> Atom | None:
    """The factor that a value is, if it is one alone."""
    match value:
        case [(1, factors, {**bounds})] if not bounds and [*factors.values()] == [1]:
            return next(iter(factors))
    return None


def _counted(c: Number, f: Factors, b: Bounds) -> tuple[Number, Factors, Bounds]:
    """A term with the letters counted that nothing holds."""
    factors, bounds = {atom: n for atom, n in f.items() if n}, dict(b)
    held = frozenset[Place]().union(*map(_letters, f))
    for letter in b.keys() - held:
        size = bounds.pop(letter)
        if size.isdigit():
            c *= int(size)
        else:
            factors = _joined(factors, {Atom("size", size): 1})
    return c, factors, bounds


def _joined(one: Factors, other: Factors) -> Factors:
    made = dict(one)
    for atom, n in other.items():
        once = atom.kind == "delta" or (atom[:2] in _ONCE and made.get(atom, n) > 0 < n)
        made[atom] = 1 if once else made.get(atom, 0) + n
    return {atom: n for atom, n in made.items() if n}


def _unmerged(atom: Atom, n: int) -> bool:
    """Whether a factor is a power of a power."""
    return atom.kind == "raised" and atom.args[1] != _UNIT and n != 1


@lru_cache(maxsize=1 << 16)
def _letters(atom: Atom) -> frozenset[Place]:
    """The letters in a factor, those of sums inside it among them."""
    return frozenset(atom.at).union(*map(_held, atom.args))


@lru_cache(maxsize=1 << 16)
def _held(value: Frozen) -> frozenset[Place]:
    return frozenset().union(*(_letters(atom) for _, f, _ in value for atom, _ in f))


@lru_cache(maxsize=1 << 16)
def _without_letters(value: Frozen) -> int:
    """A hash that is the same whatever letters stand in it."""
    terms = []
    for c, f, b in value:
        atoms = sorted(hash((atom[:2], *map(_without_letters, atom.args), n)) for atom, n in f)
        terms.append(hash((c, *atoms, *sorted(hash(size) for _, size in b))))
    return hash(tuple(sorted(terms)))


def _levels(letters: Iterable[Place], kind: str) -> Iterator[int]:
    """How deep sums, or functions of arrays, are nested, by the names of their letters."""
    for letter in letters:
        if isinstance(letter, str) and letter[0] == kind:
            yield int(letter[1:].partition(".")[0])
