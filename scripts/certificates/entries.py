"""Index notation made ready to be evaluated, once for all worlds.

Functions are put in simpler terms, and the letters of a sum are summed over one after another, each
over the factors that hold it.
"""

from __future__ import annotations

from collections.abc import Iterable

from certificates.derivatives import Calculus
from certificates.frame import refuse
from certificates.functions import ARGUMENT, JUMPS, SIMPLER
from certificates.lowering import Places, summed, times
from certificates.reading import Tree, exchanged, walk, whole_number

#: Functions without a value somewhere, whatever their parts are, or that ask for a sign.
_PARTIAL = JUMPS | {"log", "erfinv", "gammaln", "digamma", "inv", "logdet", "max"}


class Entries:
    """Trees as all worlds see them; each part is looked at once."""

    def __init__(self, calculus: Calculus) -> None:
        self.calculus, self.program = calculus, calculus.program
        self.lowering = calculus.lowering
        self.signs: dict[Tree, set[int]] = {}  # of what no definition asks for the sign of
        self.jumped = False  # whether anything asked for a sign
        self._ready: dict[int, tuple[Tree, Tree]] = {}  # by id, beside what has it
        self._letters: dict[int, tuple[str, ...]] = {}
        self._total: dict[int, bool] = {}

    def ready(self, tree: Tree) -> Tree:
        """A tree made ready."""
        if id(tree) not in self._ready:
            self.lowering.work.spend(1)
            self._ready[id(tree)] = tree, self._simpler(tree)
        return self._ready[id(tree)][1]

    def _simpler(self, tree: Tree) -> Tree:
        match tree:
            case ("num" | "name" | "index", *_) | ("call", "KroneckerDelta" | "acos", _):
                return tree
            case ("pow", base, exponent) if whole_number(exponent) is not None:
                return ("pow", self.ready(base), exponent)
            case (("neg" | "pow") as kind, *parts):
                return (kind, *map(self.ready, parts))
            case (("add" | "mul") as kind, parts):
                return (kind, tuple(map(self.ready, parts)))
            case ("call", "Sum", (body, *bounds)):
                inner = self.ready(body)
                return self.one_by_one(inner[1] if inner[0] == "mul" else (inner,), bounds)
            case ("call", name, (arg,)) if name in SIMPLER:
                return self.ready(exchanged(SIMPLER[name], {ARGUMENT: arg}))
            case ("call", name, (arg,)) if made := self.calculus.named(name, arg):
                return self.ready(made)
            case ("call", name, (arg, *rest)):
                return ("call", name, (self.ready(arg), *rest))
        refuse(f"{str(tree[1])[:40]!r} has no value")

    def one_by_one(self, factors: Places, bounds: Iterable[Tree]) -> Tree:
        """Σ over letters, one after another, each over the factors that hold it alone."""
        left = {bound[1][0][1]: bound for bound in bounds}
        while left:
            held = {
                letter: [factor for factor in factors if letter in self.letters(factor)]
                for letter in left
            }
            # The letter is taken first that stands with the fewest others.
            letter = min(left, key=lambda one: len({n for f in held[one] for n in self.letters(f)}))
            own = summed(times(*held[letter]), [left.pop(letter)])
            factors = (*(factor for factor in factors if factor not in held[letter]), own)
        return times(*factors)

    def letters(self, tree: Tree) -> tuple[str, ...]:
        """The letters that are free in a tree that is ready."""
        if id(tree) not in self._letters:
            match tree:
                case ("num" | "name", _) | ("call", "acos", _):
                    found = set()
                case ("index", _, at) | ("call", "KroneckerDelta", at):
                    found = _named(at)
                case ("call", _, (arg, *rest)):
                    bounds = [part[1][0] for part in rest if part[0] == "tuple"]
                    found = {*self.letters(arg)} - _named(bounds) | _named(rest)
                case (kind, *parts):
                    some = parts[0] if kind in ("add", "mul") else parts
                    found = {letter for part in some for letter in self.letters(part)}
            self._letters[id(tree)] = tuple(sorted(found))
        return self._letters[id(tree)]

    def total(self, tree: Tree) -> bool:
        """Whether a tree that is ready has a value whatever its parts are."""
        if id(tree) not in self._total:
            self._total[id(tree)] = not any(map(_is_partial, walk(tree)))
        return self._total[id(tree)]


def _named(at: Iterable[Tree]) -> set[str]:
    """The letters among indices."""
    return {index[1] for index in at if index[0] == "name"}


def _is_partial(node: Tree) -> bool:
    if node[0] == "pow":
        n = whole_number(node[2])
        return n is None or n < 0
    return node[0] == "call" and node[1] in _PARTIAL
