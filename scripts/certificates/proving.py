"""A normal form of index notation: what has the same one is equal at all sizes.

A value is a sum of terms; a term is a number times factors to powers, summed over letters. Factors
are entries, sizes, deltas, functions of values (undefined ones too), powers of values and functions
of whole arrays. Deltas are contracted, products multiplied out, letters that are summed over named
by what they stand in. What is equal but does not come out the same here is not proved, no more.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from fractions import Fraction
from functools import lru_cache
from typing import Any

from certificates.frame import refuse
from certificates.functions import ARGUMENT, MIRRORED, SIMPLER, SLOPES
from certificates.lowering import Lowering
from certificates.program import Program
from certificates.reading import Tree

Atom = tuple[Any, ...]
Place = str | int
Factors = dict[Atom, int]
Bounds = dict[str, str]  # letters with the sizes that they run to
Number = int | Fraction
Value = list[tuple[Number, Factors, Bounds]]
Frozen = frozenset[Any]
Runs = tuple[tuple[str, str], ...]
Attempt = tuple[str, bool]  # which gradients are replaced, and whether values are

_ATTEMPTS: tuple[Attempt, ...] = (
    ("none", False),  # functions with names of ours stay as they are, too
    ("own", False),
    ("own", True),
    ("all", False),
    ("all", True),
)

MOST_WORK, MOST_WORK_IN_ALL = 20_000, 2_000_000  # for one side, and for a file, in terms
MOST_BITS = 20_000  # of a number
_TIES = 120  # ways to name letters that look alike


class NotProvedError(Exception):
    """It is not brought to normal form."""


class Prover:
    """Proves links of one certificate."""

    def __init__(self, program: Program, lowering: Lowering) -> None:
        self.program, self.lowering = program, lowering
        self._count = itertools.count()
        self._left, self._left_in_all = 0, MOST_WORK_IN_ALL
        self._definitions: dict[str, tuple[list[Place], Value]] = {}
        self._chains: dict[str, tuple[list[Place], Value]] = {}
        self._known: dict[object, Frozen | None] = {}
        self._over: Bounds = {}  # every letter, with the size that it runs to

    # -- asking ------------------------------------------------------------------------------------

    def same(self, left: Tree, right: Tree, about: str | None, runs: Mapping[str, str]) -> bool:
        """Whether two sides are proved equal; `runs` are the sizes of their free letters.

        First as they stand; then ∂L/∂x of the name that their step is about is replaced by the
        chain rule, then values by their definitions, then all gradients, then all.
        """
        self._over.update(runs)
        self._runs = frozenset(runs.items())
        for attempt in _ATTEMPTS:
            one = self._normal(left, about, attempt)
            if one is not None and one == self._normal(right, about, attempt):
                return True
        return False

    def _normal(self, tree: Tree, about: str | None, attempt: Attempt) -> Frozen | None:
        key = (tree, about, attempt, self._runs)
        if key not in self._known:
            self._left = MOST_WORK
            try:
                value = self._unfolded(self.value(tree, {}, about), about, attempt)
                self._known[key] = self.frozen(self._symmetric(value))
            except (NotProvedError, RecursionError):
                self._known[key] = None
        return self._known[key]

    def _unfolded(self, value: Value, about: str | None, attempt: Attempt) -> Value:
        """Gradients (one's own, or all) and values replaced by what they are."""
        gradients, values = attempt
        program = self.program
        if program.bodies and attempt != _ATTEMPTS[0]:
            value = self._bodies(value)
        for turn in range(2 * len(program.shapes)):
            table: dict[str, tuple[list[Place], Value]] = {}
            for name in {atom[1] for atom in _atoms(self.frozen(value)) if atom[0] == "entry"}:
                if name in program.definitions and values:
                    table[name] = self.definition(name)
                if name[0] == "d" and name[1:] in program.shapes:
                    own = name[1:] == about and not turn
                    if gradients == "all" or (gradients == "own" and own):
                        table[name] = self.chain(name[1:])
            if not table:
                break
            value = self._replaced(value, table)
        return value

    def _spend(self, amount: int) -> None:
        self._left -= amount
        self._left_in_all -= amount
        if self._left < 0 or self._left_in_all < 0:
            raise NotProvedError

    # -- what is known of the program --------------------------------------------------------------

    def letters(self, shape: Iterable[str]) -> tuple[list[Place], Bounds]:
        """Fresh letters for the indices of an array."""
        bounds: Bounds = {}
        places: list[Place] = []
        for size in shape:
            letter = self.letter(size)
            places.append(1 if size == "1" else letter)
            if size != "1":
                bounds[letter] = size
        return places, bounds

    def letter(self, size: str) -> str:
        """A fresh letter that runs to a size."""
        letter = f"#{next(self._count)}"
        self._over[letter] = size
        return letter

    def definition(self, name: str) -> tuple[list[Place], Value]:
        """The entry of a value by its definition, at letters."""
        found = self._definitions.get(name)
        if found is None:
            lowered = self.lowering.lower(self.program.definitions[name])
            places, _ = self.letters(lowered.shape)
            tree = lowered.at(tuple(("num" if p == 1 else "name", p) for p in places))
            found = self._definitions[name] = (places, self.value(tree, {}, None))
        return found

    def chain(self, name: str) -> tuple[list[Place], Value]:
        """∂L/∂x = Σ ∂L/∂z·∂z/∂x over all entries of all values that use x, at letters."""
        program = self.program
        found = self._chains.get(name)
        if found is None:
            own, _ = self.letters(program.shapes[name])
            total: Value = _number(int(name == program.loss))
            for of in program.definitions:
                if name in program.uses[of]:
                    places, bounds = self.letters(program.shapes[of])
                    rate = self.rate(("entry", of, *places), ("entry", name, *own))
                    up = _one(("entry", f"d{of}", *places)) if of != program.loss else _number(1)
                    total = total + self.bound(self.times(up, rate), bounds)
            found = self._chains[name] = (own, total)
        return found

    def _replaced(self, value: Value, table: Mapping[str, tuple[list[Place], Value]]) -> Value:
        """Entries of names replaced by what stands for them."""

        def entry(atom: Atom) -> Value:
            if atom[0] == "entry" and atom[1] in table:
                places, known = table[atom[1]]
                if len(places) != len(atom) - 2:
                    raise NotProvedError
                at = {p: i for p, i in zip(places, atom[2:], strict=True) if isinstance(p, str)}
                return self.placed(self.fresh(known), at)
            return self.inside(atom, lambda inner: self._replaced(inner, table))

        return self.mapped(value, entry)

    def _bodies(self, value: Value) -> Value:
        """Functions with names of ours, and their derivatives, by what they are."""

        def body(atom: Atom) -> Value:
            own = atom[1] if atom[0] == "call" else ""
            name = own if own in self.program.bodies else own[1:]
            if name not in self.program.bodies:
                return self.inside(atom, self._bodies)
            of, tree, _ = self.program.bodies[name]
            found = self.value(self.lowering.body(of, tree, ARGUMENT), {}, None)
            if own != name:
                found = self.derived(found, _ARGUMENT)
            return self._replaced_atom(found, _ARGUMENT, self._bodies(self.thawed(atom[2])))

        return self.mapped(value, body)

    def _replaced_atom(self, value: Value, old: Atom, new: Value) -> Value:
        def entry(atom: Atom) -> Value:
            if atom == old:
                return self.fresh(new)
            return self.inside(atom, lambda inner: self._replaced_atom(inner, old, new))

        return self.mapped(value, entry)

    def _symmetric(self, value: Value) -> Value:
        """Entries of matrices with a structure by the entries that they have of their own."""
        assumed = self.program.assumed

        def entry(atom: Atom) -> Value:
            match atom:
                case ("entry", name, a, b) if name in assumed:
                    if assumed[name] == "symmetric":
                        return _one(("pair", name, *sorted((a, b), key=str)))
                    return self.times(_one(_delta(a, b)), _one(("entry", name, a, a)))
            return self.inside(atom, self._symmetric)

        return self.mapped(value, entry) if assumed else value

    # -- reading -----------------------------------------------------------------------------------

    def value(self, tree: Tree, scope: Mapping[str, str], about: str | None) -> Value:
        """A tree of index notation; `scope` are the letters that are summed over."""

        def index(place: Tree) -> Place:
            return scope.get(place[1], place[1]) if place[0] == "name" else place[1]

        match tree:
            case ("num", number):
                return _number(number)
            case ("name", name) if tree == ARGUMENT:
                return _one(_ARGUMENT)
            case ("name", name) if name in self.lowering.sizes:
                return _one(("size", name))
            case ("name", name):
                return self.entry(name, (), about)
            case ("index", name, indices):
                return self.entry(name, tuple(map(index, indices)), about)
            case ("neg", part):
                return self.times(_number(-1), self.value(part, scope, about))
            case ("add", parts):
                return [term for part in parts for term in self.value(part, scope, about)]
            case ("mul", parts):
                return self.times(*(self.value(part, scope, about) for part in parts))
            case ("pow", base, exponent):
                return self.power(
                    self.value(base, scope, about), self.value(exponent, scope, about)
                )
            case ("call", "Sum", (body, *bounds)):
                new = {b[1][0][1]: self.letter(str(b[1][2][1])) for b in bounds}
                over = {letter: self._over[letter] for letter in new.values()}
                return self.bound(self.value(body, {**scope, **new}, about), over)
            case ("call", "KroneckerDelta", (one, other)):
                return self.contracted(_one(_delta(index(one), index(other))))
            case ("call", "Partial" | "Direct" as kind, (of, wrt)):
                (by,) = self.value(wrt, scope, None)[0][1]
                if of[0] in ("name", "index"):
                    (atom,) = self.value(of, scope, None)[0][1]
                    return self.rate(atom, by)
                return self.derived(self.value(of, scope, about), by, through=kind == "Partial")
            case ("call", "acos", _):
                return _one(("entry", "acos"))
            case ("call", name, (arg,)) if self.lowering.entrywise(name):
                return self.call(name, self.value(arg, scope, about))
            case ("call", name, (arg, *rest)):
                bounds = [part for part in rest if part[0] == "tuple"]
                new = {b[1][0][1]: self.letter(str(b[1][2][1])) for b in bounds}
                inner = self.value(arg, {**scope, **new}, about)
                runs = tuple((letter, self._over[letter]) for letter in new.values())
                at = tuple(index(part) for part in rest[len(bounds) :])
                return _one(self.whole(name, runs, inner, at))
        raise NotProvedError

    def entry(self, name: str, at: tuple[Place, ...], about: str | None) -> Value:
        """An entry of a name; a differential is that of what the step is about."""
        base, _, word = name.partition(".")
        for size, place in zip(self.lowering.shape_of(name), at, strict=True):
            there = isinstance(place, int) and not (size.isdigit() and place > int(size))
            if self._over.get(str(place)) != size and not there:
                refuse(f"an index of {name[:40]} does not run over its rows or columns")
        if word != "differential" or base == about:
            return _one(("entry", name, *at))
        if about is None:
            raise NotProvedError
        own, bounds = self.letters(self.program.shapes[about])
        change = _one(("entry", f"{about}.differential", *own))
        if base == self.program.loss:
            rate = _one(("entry", f"d{about}", *own))
        else:
            rate = self.rate(("entry", base, *at), ("entry", about, *own))
        return self.bound(self.times(rate, change), bounds)

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
                    kept = {k: size for k, size in b.items() if k != other}
                    if other not in b:
                        rest_of = self.placed([(c, rest, {})], {other: one})
                        queue += [(n, {**g, delta: 1}, {**b, **h}) for n, g, h in rest_of]
                    elif self._within(one, b[other]):
                        moved = self.placed([(c, rest, {})], {other: one})
                        queue += [(n, g, {**kept, **h}) for n, g, h in moved]
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

    def _within(self, place: Place, size: str) -> bool:
        """Whether an index lies in a range, at all sizes at which it is an index."""
        if isinstance(place, int):
            return not size.isdigit() or place <= int(size)
        if self._over.get(place) != size:
            raise NotProvedError
        return True

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
        if name in SIMPLER:
            return self.made_of(SIMPLER[name], arg)
        own = self.frozen(arg)
        if name in MIRRORED:
            other = frozenset((-c, f, b) for c, f, b in own)
            if _without_letters(other) < _without_letters(own):
                found: Value = [
                    (1 if MIRRORED[name] == "even" else -1, {("call", name, other): 1}, {})
                ]
                return found + _number(int(MIRRORED[name] == "complement"))
        return _one(("call", name, own))

    def made_of(self, tree: Tree, arg: Value) -> Value:
        """A formula in one number, with a value for it."""
        return self._replaced_atom(self.value(tree, {}, None), _ARGUMENT, arg)

    def whole(self, name: str, runs: Runs, arg: Value, at: tuple[Place, ...]) -> Atom:
        """A function of a whole array; the letters of its places are named by their order."""
        own = {letter: self.letter(size) for letter, size in runs}
        inner = self.frozen(self.placed(arg, own))
        level = 1 + max(_levels(_held(inner), "%"), default=0)
        names = {letter: f"%{level}.{n}" for n, letter in enumerate(own.values())}
        named = self.frozen(self.placed(self.thawed(inner), names))
        return ("whole", name, tuple((names[own[a]], size) for a, size in runs), named, *at)

    # -- derivatives -------------------------------------------------------------------------------

    def rate(self, of: Atom, wrt: Atom) -> Value:
        """∂z_ij/∂x_pq by the definition of z alone; ∂L/∂f(z_ij) by L in terms of f."""
        name = of[1]
        if name == wrt[1] and wrt[0] == "entry":
            return self.agree(of, wrt)
        if name == self.program.loss and wrt[0] == "call" and wrt[1] in self.program.bodies:
            lowered = self.lowering.lower(self.program.bodies[wrt[1]][2])
            return self.derived(self.value(lowered.at(()), {}, None), wrt)
        if name not in self.program.definitions:
            raise NotProvedError
        places, known = self.definition(name)
        if len(places) != len(of) - 2:
            raise NotProvedError
        at = {p: i for p, i in zip(places, of[2:], strict=True) if isinstance(p, str)}
        return self.derived(self.placed(self.fresh(known), at), wrt)

    def agree(self, one: Atom, other: Atom) -> Value:
        """1 where two entries of one array are the same."""
        if len(one) != len(other):
            raise NotProvedError
        deltas = {_delta(*pair): 1 for pair in zip(one[2:], other[2:], strict=True)}
        return self.contracted([(1, deltas, {})])

    def derived(self, value: Value, wrt: Atom, *, through: bool = False) -> Value:
        """The derivative of a value by an entry, or by a function of one.

        What is `through` other values of the program, by their definitions, is added if it is
        asked for.
        """
        made: Value = []
        for c, f, b in value:
            for atom, n in f.items():
                slope = self.slope(atom, wrt)
                if slope:
                    rest = {a: p for a, p in f.items() if a != atom}
                    rest |= {atom: n - 1} if n != 1 else {}
                    made += self.bound(self.times([(c * n, rest, {})], slope), b)
        if through:
            held = {atom[1] for atom in _atoms(self.frozen(value)) if atom[0] == "entry"}
            for name in sorted(held & self.program.definitions.keys() - {wrt[1]}):
                if wrt[1] in self.program.uses[name]:
                    places, bounds = self.letters(self.program.shapes[name])
                    z = ("entry", name, *places)
                    made += self.bound(
                        self.times(self.derived(value, z), self.rate(z, wrt)), bounds
                    )
        return made

    def slope(self, atom: Atom, wrt: Atom) -> Value:
        """The derivative of one factor."""
        match atom:
            case ("entry", name, *_):
                return self.agree(atom, wrt) if name == wrt[1] and wrt[0] == "entry" else []
            case ("size" | "delta", *_):
                return []
            case ("call", name, arg):
                if wrt[:2] == atom[:2]:
                    return self.agree(_only(arg), _only(wrt[2]))
                inner = self.derived(self.fresh(self.thawed(arg)), wrt)
                return self.times(self.outer(name, arg), inner) if inner else []
            case ("raised", base, power):
                below = self.derived(self.fresh(self.thawed(base)), wrt)
                if power == _UNIT:
                    return below
                up = self.thawed(power)
                lower = self.power(self.thawed(base), [*up, *_number(-1)])
                found = self.times(up, lower, below)
                moving = self.derived(self.fresh(up), wrt)
                if moving:
                    log = _one(("call", "log", base))
                    found = found + self.times(_one(atom), log, moving)
                return found
            case ("whole", name, runs, arg, *at):
                return self.slope_of_whole(name, runs, arg, tuple(at), wrt)
        raise NotProvedError

    def slope_of_whole(
        self, name: str, runs: Runs, arg: Frozen, at: tuple[Place, ...], wrt: Atom
    ) -> Value:
        """Σ ∂F(A)/∂a_kl·∂a_kl/∂x."""
        letters = {own: self.letter(size) for own, size in runs}
        bounds = {letter: self._over[letter] for letter in letters.values()}
        places = list(bounds)
        moved = self.placed(self.thawed(arg), letters)
        inner = self.derived(self.fresh(moved), wrt)
        if not inner:
            return []
        match name:
            case "inv":
                left = _one(("whole", "inv", runs, arg, at[0], places[0]))
                right = _one(("whole", "inv", runs, arg, places[1], at[1]))
                outer = self.times(_number(-1), left, right)
            case "logdet" | "det":
                outer = _one(("whole", "inv", runs, arg, places[1], places[0]))
                if name == "det":
                    outer = self.times(outer, _one(("whole", "det", runs, arg)))
            case _ if name in self.program.functions and not at:
                outer = _one(("whole", f"d{name}", runs, arg, *places))
            case _:
                raise NotProvedError
        return self.bound(self.times(outer, inner), bounds)

    def outer(self, name: str, arg: Frozen) -> Value:
        """f′ of a value."""
        if name in self.program.functions:
            return _one(("call", f"d{name}", arg))
        if name not in SLOPES:
            raise NotProvedError
        return self.made_of(SLOPES[name], self.thawed(arg))

    # -- letters -----------------------------------------------------------------------------------

    def inside(self, atom: Atom, change: Callable[[Value], Value]) -> Value:
        """A factor whose parts that are values are changed."""
        match atom:
            case ("call", name, arg):
                return self.call(name, change(self.thawed(arg)))
            case ("raised", base, power):
                found = change(self.thawed(base))
                return found if power == _UNIT else self.power(found, change(self.thawed(power)))
            case ("whole", name, runs, arg, *at):
                return _one(self.whole(name, runs, change(self.thawed(arg)), (*at,)))
        return _one(atom)

    def mapped(self, value: Value, change: Callable[[Atom], Value]) -> Value:
        """Each factor replaced by a value."""
        made: Value = []
        for c, f, b in value:
            parts: list[Value] = [[(c, {}, {})]]
            kept: Factors = {}
            for atom, n in f.items():
                new = change(atom)
                if new == _one(atom):
                    kept[atom] = n
                else:
                    parts.append(self.whole_power(new, n))
            term = self.times([(1, kept, {})], *parts)
            made += self.bound(term, b)
        return made

    def placed(self, value: Value, at: Mapping[str, Place]) -> Value:
        """Letters replaced by others, or by numbers."""
        if not at:
            return value
        made: Value = []
        for term in value:
            c, f, b = term
            moved: Factors = {}
            several = False
            for atom, n in f.items():
                found = self._moved(atom, at)
                several |= found is None or found in moved or found[0] == "delta"
                if several:
                    break
                assert found is not None
                moved[found] = n
            made += self._placed([term], at) if several else [(c, moved, b)]
        return made

    def _moved(self, atom: Atom, at: Mapping[str, Place]) -> Atom | None:
        """The factor with its letters replaced, if it is one factor still."""
        if atom[0] == "entry":
            return ("entry", atom[1], *(at.get(p, p) for p in atom[2:]))
        if not _letters(atom) & at.keys():
            return atom
        match atom:
            case ("pair", name, a, b):
                return ("pair", name, *sorted((at.get(a, a), at.get(b, b)), key=str))
            case ("call", name, arg):
                return ("call", name, self.frozen(self.placed(self.thawed(arg), at)))
            case ("whole", name, runs, arg, *places):
                inner = self.placed(self.thawed(arg), at)
                return self.whole(name, runs, inner, tuple(at.get(p, p) for p in places))
        return None

    def _placed(self, value: Value, at: Mapping[str, Place]) -> Value:
        def entry(atom: Atom) -> Value:
            found = self._moved(atom, at)
            if found is not None:
                return _one(found)
            if atom[0] == "delta":
                return self.contracted(_one(_delta(*(at.get(p, p) for p in atom[1:]))))
            return self.inside(atom, lambda inner: self.placed(inner, at))

        return self.mapped(value, entry)

    def fresh(self, value: Value) -> Value:
        """The same with other letters to sum over."""
        made: Value = []
        for c, f, b in value:
            new = {letter: self.letter(size) for letter, size in b.items()}
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

_ARGUMENT: Atom = ("entry", *ARGUMENT[1:])
_UNIT: Frozen = frozenset([(1, frozenset(), frozenset())])


def _number(number: Fraction | int) -> Value:
    whole = isinstance(number, Fraction) and number.denominator == 1
    return [(number.numerator if whole else number, {}, {})] if number else []


def _one(atom: Atom) -> Value:
    return [(1, {atom: 1}, {})]


def _joined(one: Factors, other: Factors) -> Factors:
    made = dict(one)
    for atom, n in other.items():
        once = atom[0] == "delta" or (atom[:2] == ("call", "step") and made.get(atom, n) > 0 < n)
        made[atom] = 1 if once else made.get(atom, 0) + n
    return {atom: n for atom, n in made.items() if n}


def _unmerged(atom: Atom, n: int) -> bool:
    """Whether a factor is a power of a power."""
    return atom[0] == "raised" and atom[2] != _UNIT and n != 1


def _delta(one: Place, other: Place) -> Atom:
    """Numbers come first, so that they are what letters are replaced by."""
    return ("delta", *sorted((one, other), key=lambda place: (isinstance(place, str), str(place))))


def _only(value: Frozen) -> Atom:
    """The entry that a value is."""
    match list(value):
        case [(c, factors, bounds)] if c == 1 and not bounds and len(factors) == 1:
            found: Atom
            ((found, n),) = factors
            if n == 1 and found[0] == "entry":
                return found
    raise NotProvedError


@lru_cache(maxsize=1 << 16)
def _letters(atom: Atom) -> frozenset[Place]:
    """The letters in a factor, those of sums inside it among them."""
    match atom:
        case ("delta", one, other):
            return frozenset((one, other))
        case ("entry" | "pair", _, *places):
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
def _atoms(value: Frozen) -> frozenset[Atom]:
    """All factors, also inside of others."""
    found = {atom for _, f, _ in value for atom, _ in f}
    inner = [
        part
        for atom in found
        for part in atom
        if isinstance(part, frozenset) and atom[0] != "entry"
    ]
    return frozenset(found).union(*map(_atoms, inner))


@lru_cache(maxsize=1 << 16)
def _without_letters(part: object) -> int:
    """A hash that is the same whatever letters stand in it."""
    match part:
        case frozenset():
            return hash(tuple(sorted(map(_without_letters, part))))
        case ("entry" | "pair" | "size", name, *_):
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
