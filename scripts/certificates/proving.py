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
from typing import Any

from certificates.derivatives import Calculus
from certificates.functions import ARGUMENT, MIRRORED, SIMPLER
from certificates.program import names
from certificates.reading import Tree, exchanged

Atom = tuple[Any, ...]
Place = str | int
Factors = dict[Atom, int]
Bounds = dict[str, str]  # letters with the sizes that they run to
Number = int | Fraction
Value = list[tuple[Number, Factors, Bounds]]
Frozen = frozenset[Any]
Runs = tuple[tuple[str, str], ...]
Attempt = frozenset[str] | None  # what is replaced; none: functions with names of ours stay, too

_AS_THEY_STAND: Attempt = None

MOST_WORK = 20_000  # for one side, in terms
MOST_BITS = 20_000  # of a number
_TIES = 120  # ways to name letters that look alike


class NotProvedError(Exception):
    """It is not brought to normal form."""


class Prover:
    """Proves links of one certificate."""

    def __init__(self, calculus: Calculus) -> None:
        self.program, self.lowering = calculus.program, calculus.lowering
        self.calculus = calculus
        self._count = itertools.count()
        self._left = 0
        self._unfolded: dict[tuple[str, Attempt], tuple[tuple[Place, ...], Value]] = {}
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
        self.lowering.work.spend(2 * amount)
        if self._left < 0:
            raise NotProvedError

    # -- reading -----------------------------------------------------------------------------------

    def value(self, tree: Tree, scope: Mapping[str, str]) -> Value:
        """A tree of index notation; `scope` are the letters that are summed over."""

        def index(place: Tree) -> Place:
            return scope.get(place[1], place[1]) if place[0] == "name" else place[1]

        self.lowering.work.spend(1)
        match tree:
            case ("num", number):
                return _number(number)
            case ("name", name) if name in self.program.sizes:
                return _one(("size", name))
            case ("name" | "index", name, *some):
                return self.entry(name, tuple(index(place) for at in some for place in at))
            case ("neg", part):
                return self.times(_number(-1), self.value(part, scope))
            case ("add", parts):
                return [term for part in parts for term in self.value(part, scope)]
            case ("mul", parts):
                return self.times(*(self.value(part, scope) for part in parts))
            case ("pow", base, exponent):
                return self.power(self.value(base, scope), self.value(exponent, scope))
            case ("call", "KroneckerDelta", (one, other)):
                return self.contracted(_one(_delta(index(one), index(other))))
            case ("call", "acos", _):
                return _one(("entry", "acos"))
            case ("call", name, (arg,)) if name in SIMPLER:
                return self.value(exchanged(SIMPLER[name], {ARGUMENT: arg}), scope)
            case ("call", name, (arg,)) if self.lowering.entrywise(name):
                if self._attempt is not None and (made := self.calculus.named(name, arg)):
                    return self.value(made, scope)
                return self.call(name, self.value(arg, scope))
            case ("call", name, (arg, *rest)):
                bounds = [part for part in rest if part[0] == "tuple"]
                new = {bound[1][0][1]: self.letter() for bound in bounds}
                inner = self.value(arg, {**scope, **new})
                runs = tuple((new[b[1][0][1]], str(b[1][2][1])) for b in bounds)
                if name == "Sum":
                    return self.bound(inner, dict(runs))
                at = tuple(index(part) for part in rest[len(bounds) :])
                return _one(self.whole(name, runs, inner, at))
        raise NotProvedError

    def entry(self, name: str, at: tuple[Place, ...]) -> Value:
        """An entry of a name, or of what it is unfolded to."""
        if name in (self._attempt or ()):
            places, known = self.unfolded(name)
            table = {p: i for p, i in zip(places, at, strict=True) if isinstance(p, str)}
            return self.placed(self.fresh(known), table)
        if self.program.says(name, "diagonal"):
            return self.times(_one(_delta(*at)), _one(("entry", name, at[0], at[0])))
        return _one(self.own_entry(name, at))

    def own_entry(self, name: str, at: Iterable[Place]) -> Atom:
        """An entry; of a symmetric matrix, one of the two that are equal."""
        symmetric = self.program.says(name, "symmetric", "psd")
        return ("entry", name, *(sorted(at, key=str) if symmetric else at))

    def unfolded(self, name: str) -> tuple[tuple[Place, ...], Value]:
        """The entry of a value by its definition, of a gradient by the chain rule, at letters."""
        key = (name, self._attempt)
        if key not in self._unfolded:
            places, tree = self.calculus.general(name)
            self._unfolded[key] = tuple(place[1] for place in places), self.value(tree, {})
        return self._unfolded[key]

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
        made: Value = []
        queue = list(value)
        while queue:
            self._spend(1)
            c, f, b = term = queue.pop()
            if not b and not any(atom[0] == "delta" for atom in f):
                made.append(term)
                continue
            delta = next(
                (atom for atom in f if atom[0] == "delta" and self._moves(atom, f, b)), None
            )
            if delta is not None:
                one, other = delta[1:]
                rest = {atom: n for atom, n in f.items() if atom != delta}
                if one == other:
                    queue.append((c, rest, b))
                elif not (isinstance(one, int) and isinstance(other, int)):
                    if other not in b:  # the other is the one to be replaced
                        one, other = (other, one) if one in b else (one, other)
                    kept = {} if other in b else {delta: 1}
                    left = {letter: size for letter, size in b.items() if letter != other}
                    moved = self.placed([(c, rest, {})], {other: one})
                    queue += [(n, {**g, **kept}, {**left, **h}) for n, g, h in moved]
                continue
            factors, bounds = dict(f), dict(b)
            free = frozenset[Place]().union(*map(_letters, factors))
            for letter in [letter for letter in bounds if letter not in free]:
                size = bounds.pop(letter)
                if size.isdigit():
                    c *= int(size)
                else:
                    factors["size", size] = factors.get(("size", size), 0) + 1
            made.append((c, {a: n for a, n in factors.items() if n}, bounds))
        return made

    @staticmethod
    def _moves(delta: Atom, factors: Factors, bounds: Bounds) -> bool:
        """Whether anything is to be done about a delta."""
        one, other = delta[1:]
        numbers = isinstance(one, int) and isinstance(other, int)
        if numbers or one == other or one in bounds or other in bounds:
            return True
        return any(other in _letters(atom) for atom in factors if atom != delta)

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
            made = self.times(made, _one(("raised", frozen, power)) if frozen != _UNIT else made)
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
            if not any(atom[0] == "delta" for atom in factors):
                return self.times(
                    [(Fraction(c) ** n, {atom: p * n for atom, p in factors.items()}, {})]
                )
        if not base:
            raise NotProvedError
        leading = min(base, key=lambda term: hash(self._named(term)[1:]))[0]
        scaled = self.frozen([(Fraction(c) / leading, f, b) for c, f, b in base])
        return [(Fraction(leading) ** n, {("raised", scaled, _UNIT): n}, {})]

    def merged(self, value: Value) -> Value:
        """Powers of powers, as √u² for u, put together."""
        made: Value = []
        for c, f, b in value:
            parts: list[Value] = [_number(c)]
            for atom, n in f.items():
                if _unmerged(atom, n):
                    power = self.times(_number(n), self.thawed(atom[2]))
                    parts.append(self.power(self.thawed(atom[1]), power))
                else:
                    parts.append([(1, {atom: n}, {})])
            made += self.bound(self.times(*parts), b)
        return made

    def call(self, name: str, arg: Value) -> Value:
        """A function of a number."""
        own = self.frozen(arg)
        if name == "iszero" and not own:
            return _number(1)
        if name in MIRRORED:
            other = frozenset((-c, f, b) for c, f, b in own)
            if _without_letters(other) < _without_letters(own):
                found: Value = [
                    (1 if MIRRORED[name] == "even" else -1, {("call", name, other): 1}, {})
                ]
                return found + _number(int(MIRRORED[name] == "complement"))
        return _one(("call", name, own))

    def whole(self, name: str, runs: Runs, arg: Value, at: tuple[Place, ...]) -> Atom:
        """A function of a whole array; the letters of its places are named by their order."""
        own = {letter: self.letter() for letter, _ in runs}
        inner = self.frozen(self.placed(arg, own))
        level = 1 + max(_levels(_held(inner), "%"), default=0)
        names = {letter: f"%{level}.{n}" for n, letter in enumerate(own.values())}
        named = self.frozen(self.placed(self.thawed(inner), names))
        return ("whole", name, tuple((names[own[a]], size) for a, size in runs), named, *at)

    # -- letters -----------------------------------------------------------------------------------

    def placed(self, value: Value, at: Mapping[str, Place]) -> Value:
        """Letters replaced by others, or by numbers."""
        if not at:
            return value
        made: Value = []
        for c, f, b in value:
            kept: Factors = {}
            others: list[Value] = []
            for atom, n in f.items():
                found = self._moved(atom, at)
                if isinstance(found, list):
                    others.append(self.whole_power(found, n))
                elif found in kept:
                    others.append([(1, {found: n}, {})])
                else:
                    kept[found] = n
            term: Value = [(c, kept, {})]
            made += self.bound(self.times(term, *others), b) if others else [(c, kept, b)]
        return made

    def _moved(self, atom: Atom, at: Mapping[str, Place]) -> Atom | Value:
        """A factor with its letters replaced: one factor still, or a value."""
        if not _letters(atom) & at.keys():
            return atom
        match atom:
            case ("entry", name, *places):
                return self.own_entry(name, [at.get(p, p) for p in places])
            case ("delta", *places):
                return self.contracted(_one(_delta(*(at.get(p, p) for p in places))))
            case ("call", name, arg):
                return ("call", name, self.frozen(self.placed(self.thawed(arg), at)))
            case ("raised", base, power):
                inner = self.placed(self.thawed(base), at)
                above = power if power == _UNIT else self.placed(self.thawed(power), at)
                return inner if power == _UNIT else self.power(inner, above)
            case ("whole", name, runs, arg, *places):
                inner = self.placed(self.thawed(arg), at)
                return self.whole(name, runs, inner, tuple(at.get(p, p) for p in places))
        raise NotProvedError

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


def _number(number: Fraction | int) -> Value:
    whole = isinstance(number, Fraction) and number.denominator == 1
    return [(number.numerator if whole else number, {}, {})] if number else []


def _one(atom: Atom) -> Value:
    return [(1, {atom: 1}, {})]


def _joined(one: Factors, other: Factors) -> Factors:
    made = dict(one)
    for atom, n in other.items():
        once = atom[0] == "delta" or (atom[:2] in _ONCE and made.get(atom, n) > 0 < n)
        made[atom] = 1 if once else made.get(atom, 0) + n
    return {atom: n for atom, n in made.items() if n}


def _unmerged(atom: Atom, n: int) -> bool:
    """Whether a factor is a power of a power."""
    return atom[0] == "raised" and atom[2] != _UNIT and n != 1


def _delta(one: Place, other: Place) -> Atom:
    """Numbers come first, so that they are what letters are replaced by."""
    return ("delta", *sorted((one, other), key=lambda place: (isinstance(place, str), str(place))))


@lru_cache(maxsize=1 << 16)
def _letters(atom: Atom) -> frozenset[Place]:
    """The letters in a factor, those of sums inside it among them."""
    match atom:
        case ("delta", one, other):
            return frozenset((one, other))
        case ("entry", _, *places):
            return frozenset(places)
        case ("size", _):
            return frozenset()
        case ("whole", _, _, arg, *places):
            return frozenset(places) | _held(arg)
    return frozenset().union(*(_held(part) for part in atom if isinstance(part, frozenset)))


@lru_cache(maxsize=1 << 16)
def _held(value: Frozen) -> frozenset[Place]:
    return frozenset().union(*(_letters(atom) for _, f, _ in value for atom, _ in f))


@lru_cache(maxsize=1 << 16)
def _without_letters(part: object) -> int:
    """A hash that is the same whatever letters stand in it."""
    match part:
        case frozenset():
            return hash(tuple(sorted(map(_without_letters, part))))
        case ("entry" | "size", name, *_):
            return hash(name)
        case ("call", name, arg) | ("whole", name, _, arg, *_):
            return hash((name, _without_letters(arg)))
        case tuple():
            return hash(tuple(map(_without_letters, part)))
    return 0 if isinstance(part, str) else hash(part)


def _levels(letters: Iterable[Place], kind: str) -> Iterator[int]:
    """How deep sums, or functions of arrays, are nested, by the names of their letters."""
    for letter in letters:
        if isinstance(letter, str) and letter[0] == kind:
            yield int(letter[1:].partition(".")[0])
