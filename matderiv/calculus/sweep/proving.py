"""Proofs of gradients, one name at a time, so that a deep program costs no more per layer.

With the gradients of the values that use a name taken as known, two equalities prove its own:

    Σ_ij dZ_ij ∂z_ij/∂x_pq = the entry (p, q) of what the rules give, summed over the uses Z, and
    what the rules give = the formula, values and gradients without a name in the program put in.

Both are decided in index notation, for every size; where that says nothing, both are written out
at the sizes and compared entry by entry.
"""

from __future__ import annotations

import itertools
import math
from collections import ChainMap
from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from functools import cached_property

from matderiv.calculus.deciding.verdict import Verdict
from matderiv.calculus.formulas.broadcasting import filled
from matderiv.calculus.formulas.flattened import total
from matderiv.calculus.index_forms.entries import Entries
from matderiv.calculus.index_forms.factoring import read_the_same
from matderiv.calculus.index_forms.forms import Entry, Form, Index, added, bounded
from matderiv.calculus.index_forms.partials import partial
from matderiv.calculus.sweep.sweep import Gradient, Sweep
from matderiv.errors import InputError, UnsupportedError
from matderiv.expression import nodes
from matderiv.expression.nodes import Node

__all__ = ["Prover", "equal"]

_LETTERS = ("p", "q")

#: Entries of a gradient up to which it is written out at the chosen sizes.
_WRITTEN = 100

#: Products of terms in the proof for all sizes, and for one entry.
_WORK = 20_000

#: Values of a program up to which all of them are put in at once, with all gradients or with
#: those only whose names the program has not.
_SHORT, _MODERATE = 8, 24


def equal(pairs: Iterable[tuple[Form, Form]]) -> bool:
    """Whether the forms of some pair are proved equal; SymPy is asked if none read the same."""
    seen = []
    for pair in pairs:
        if read_the_same(*pair):
            return True
        seen.append(pair)
    from matderiv.calculus.deciding.equality import same_form

    return any(same_form(*pair) for pair in seen)


class Prover:
    """Proves the gradients of one sweep; each once."""

    def __init__(self, sweep: Sweep) -> None:
        self.sweep = sweep
        self._values = {a.name: a.value for a in sweep.graph.values}
        self._known: dict[str, Verdict] = {}

    def all_of(self, name: str) -> Verdict:
        """The verdict on a gradient and on every gradient that it follows from.

        >>> from matderiv.calculus.sweep.graph import graph_of
        >>> from matderiv.calculus.sweep.sweep import sweep
        >>> from matderiv.expression.parse import parse
        >>> from matderiv.expression.shapes import infer
        >>> program = parse("H = tanh(X @ W); L = sum(H**2)")
        >>> Prover(sweep(graph_of(program, infer(program)), ("W",))).all_of("W").index
        True
        """
        index, entries = True, 0
        for needed in self.behind(name):
            verdict = self.of(needed)
            if verdict.status != "equal":
                return verdict
            index, entries = index and verdict.index, entries + verdict.entries
        return Verdict("equal", index=index, entries=entries)

    def behind(self, name: str) -> tuple[str, ...]:
        """A name and all names whose gradients its own follows from."""
        found = {name: None}
        queue = [name]
        while queue:
            for use in self.sweep.gradients[queue.pop()].uses:
                if use.by != self.sweep.graph.loss and use.by not in found:
                    found[use.by] = None
                    queue.append(use.by)
        return tuple(found)

    def of(self, name: str) -> Verdict:
        """The verdict on one gradient, those that it follows from taken as known."""
        verdict = self._known.get(name)
        if verdict is None:
            verdict = self._known[name] = self._decided(self.sweep.gradients[name])
        return verdict

    def _decided(self, gradient: Gradient) -> Verdict:
        shape = self.sweep.graph.shapes[gradient.name]
        letters = tuple(
            1 if dim.symbol == "1" else letter for dim, letter in zip(shape, _LETTERS, strict=False)
        )
        with bounded(_WORK):
            if self._holds(gradient, letters, written=False):
                return Verdict("equal", index=True)
        count = math.prod(dim.size for dim in shape)
        if count > _WRITTEN:
            why = f"not decided for all sizes, and {count} entries are too many to write out"
            return Verdict("undecided", detail=why)
        for place in itertools.product(*(range(1, dim.size + 1) for dim in shape)):
            with bounded(_WORK):
                holds = self._holds(gradient, place, written=True)
            if not holds:
                return Verdict("undecided", detail=f"not decided at entry {place}")
        return Verdict("equal", entries=count)

    def _holds(self, gradient: Gradient, at: tuple[Index, ...], *, written: bool) -> bool:
        """Whether both equalities hold at an entry, with letters or at the sizes."""
        try:
            if not equal([self._local(gradient, at, written=written)]):
                return False
            return equal(
                self._put_in(gradient, at, definitions, written=written)
                for definitions in self._definitions(gradient)
            )
        except (UnsupportedError, InputError, RecursionError):  # nested too deeply
            return False

    def _local(
        self, gradient: Gradient, at: tuple[Index, ...], *, written: bool
    ) -> tuple[Form, Form]:
        """Σ_ij dZ_ij ∂z_ij/∂x_pq over the uses Z of x, and the entry of what the rules give."""
        entries = self._entries({}, written=written)
        wrt = Entry(gradient.name, at)
        found = added(
            partial(entries.at(self._contracted(by)), wrt, entries.letter)
            for by in dict.fromkeys(use.by for use in gradient.uses)
        )
        return found, entries.at(self._filled(gradient.name, _by_rules(gradient)), *at)

    def _contracted(self, name: str) -> Node:
        """Σ_ij dZ_ij z_ij, whose partial derivatives with dZ held fixed are those of the loss."""
        value = self._values[name]
        if name == self.sweep.graph.loss:
            return value
        weighted = nodes.Multiply(nodes.Name(f"d{name}"), value)
        return nodes.Sum(weighted) if self.sweep.graph.shapes[name] else weighted

    def _put_in(
        self,
        gradient: Gradient,
        at: tuple[Index, ...],
        definitions: Mapping[str, Node],
        *,
        written: bool,
    ) -> tuple[Form, Form]:
        """What the rules give and the formula, values and gradients put in both."""
        entries = self._entries(definitions, written=written)
        sides = _by_rules(gradient), gradient.formula
        one, other = (self._filled(gradient.name, side) for side in sides)
        return entries.at(one, *at), entries.at(other, *at)

    def _definitions(self, gradient: Gradient) -> Iterator[Mapping[str, Node]]:
        """What is put in: names that one side has and the other has not, then more of them.

        Those that the program has not itself come first, as the formula holds none of them.
        """
        local, formula = _names(_by_rules(gradient)), _names(gradient.formula)
        differing, shared = local ^ formula, local & formula
        if not differing <= self._lifted:
            yield self._unfolding(differing & self._lifted, shared)
        yield self._unfolding(differing, shared)
        if len(self._values) <= _SHORT:
            yield ChainMap(self._gradients, self._values)
        if len(self._values) <= _MODERATE:
            without_names = {n: g for n, g in self._gradients.items() if n in self._lifted}
            yield ChainMap(without_names, self._values)

    def _unfolding(self, names: set[str], kept: set[str]) -> dict[str, Node]:
        """The definitions of some names, and of the names in them that the program has not."""
        found: dict[str, Node] = {}
        queue = list(names)
        while queue:
            name = queue.pop()
            value = self._gradients.get(name, self._values.get(name))
            if value is None or name in found:
                continue
            found[name] = value
            queue += (_names(value) & self._lifted) - kept
        return found

    def _entries(self, definitions: Mapping[str, Node], *, written: bool) -> Entries:
        facts = self.sweep.facts
        return Entries(facts.shape, definitions, symmetric=facts.symmetric, written=written)

    def _filled(self, name: str, formula: Node) -> Node:
        return filled(formula, self.sweep.graph.shapes[name], self.sweep.facts.shape)

    @cached_property
    def _gradients(self) -> dict[str, Node]:
        return {f"d{n}": self._filled(n, g.formula) for n, g in self.sweep.gradients.items()}

    @cached_property
    def _lifted(self) -> frozenset[str]:
        """The names, and those of gradients, that the program does not have itself."""
        lifted = self.sweep.graph.lifted
        return lifted | {f"d{name}" for name in lifted}


def _by_rules(gradient: Gradient) -> Node:
    """The sum over the uses of a name, as the rules of differentiation give it."""
    return total((Fraction(1), use.gradient) for use in gradient.uses)


def _names(node: Node) -> set[str]:
    return {n.name for n in nodes.walk(node) if isinstance(n, nodes.Name)}
