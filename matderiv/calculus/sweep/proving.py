"""Proofs of gradients, one name at a time, so that a deep program costs no more per layer.

Take the gradients of the values Z that use x as known. Then two equalities prove ∂L/∂x: Σ_Z Σ_ij
dZ_ij ∂z_ij/∂x_pq = entry (p, q) of the sum that the adjoint rules give, and that sum = the formula,
with values and gradients unfolded. Both are decided in index notation for every size, or else entry
by entry at the chosen sizes.
"""

from __future__ import annotations

import functools
import itertools
from collections import ChainMap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from functools import cached_property

from matderiv._budget import bounded, stage
from matderiv.calculus.deciding.decide import (
    BUDGET,
    Attempt,
    Pair,
    Verdict,
    decide,
    decide_by_letters,
)
from matderiv.calculus.deciding.parts import arguments_named, differing, shared_parts_named
from matderiv.calculus.formulas.broadcasting import filled
from matderiv.calculus.formulas.flattened import Addend, cost, sum_of
from matderiv.calculus.formulas.shaping import shapes_over
from matderiv.calculus.index_forms.entries import Entries
from matderiv.calculus.index_forms.forms import Entry, Index, added
from matderiv.calculus.index_forms.letters import input_indices
from matderiv.calculus.index_forms.partials import partial
from matderiv.calculus.sweep.results import GradientStages, Sweep
from matderiv.calculus.sweep.sweep import replaced
from matderiv.errors import InputError, UnsupportedError
from matderiv.expression import nodes
from matderiv.expression.nodes import Node
from matderiv.expression.shapes import Shape

__all__ = ["Prover", "all_equal"]

#: Attempts that name parts of two formulas: see `shared_parts_named`.
_NAMINGS: tuple[tuple[str, Callable[[Node, Node], tuple[Node, Node, dict[str, Node]]]], ...] = (
    ("shared parts named", shared_parts_named),
    ("shared functions named", functools.partial(shared_parts_named, ring=False)),
    ("shared parts told apart", functools.partial(shared_parts_named, apart=True)),
    ("arguments named", arguments_named),
)
#: The name of the attempt that leaves no name with a definition.
_EVERYTHING = "all names unfolded"
_LITTLE = 2_000  # steps of work on a whole formula before it is proved rewrite by rewrite
_MANY = 50  # uses of a name that are proved one by one
_LONG = 200  # the length of two formulas up to which names of ours are written out


class Prover:
    """Proves the gradients of one sweep, each once."""

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
        return all_equal(map(self.of, self.behind(name)))

    def behind(self, name: str) -> tuple[str, ...]:
        """A name and all names whose gradients its own follows from."""
        found = {name: None}
        queue = [name]
        while queue:
            for by in self._users.get(queue.pop(), ()):
                if by not in found:
                    found[by] = None
                    queue.append(by)
        return tuple(by for by in found if by in self.sweep.gradients)

    @cached_property
    def _users(self) -> dict[str, list[str]]:
        """The values that use each name; gradients by them that are 0 are left out of its uses."""
        found: dict[str, list[str]] = {}
        for value in self.sweep.graph.values[:-1]:
            for name in nodes.names_in(value.value):
                found.setdefault(name, []).append(value.name)
        return found

    def of(self, name: str) -> Verdict:
        """The verdict on one gradient, those that it follows from taken as known."""
        verdict = self._known.get(name)
        if verdict is None:
            stage(f"the proof of the gradient by {name}")
            try:
                verdict = self._decided(self.sweep.gradients[name])
            except RecursionError:
                verdict = Verdict("undecided", reason="the formula is nested too deeply")
            self._known[name] = verdict
        return verdict

    def _decided(self, gradient: GradientStages) -> Verdict:
        rules = _by_rules(gradient)
        chain_rule = self._by_chain_rule(gradient, rules)
        if chain_rule.status != "equal":
            return chain_rule
        name, formula = gradient.name, gradient.formula
        if self._read_off(self._filled(name, rules), self._filled(name, formula)):
            return chain_rule
        verdict = all_equal(self._by_rewrites(gradient, rules))
        if verdict.status == "undecided":
            verdict = self.same(rules, formula, name)
        return all_equal([chain_rule, verdict])

    def _by_chain_rule(self, gradient: GradientStages, rules: Node) -> Verdict:
        """Whether Σ_ij dZ_ij ∂z_ij/∂x_pq over the uses Z of x is the entry that the rules give.

        Where there are many uses, the share of each value Z is compared by itself.
        """
        name, users = gradient.name, gradient.users
        if len(users) <= _MANY:
            return self._shares(name, users, rules)
        uses: dict[str, list[Addend]] = {}
        for use in gradient.uses:
            uses.setdefault(use.by, []).append((Fraction(1), use.gradient))
        return all_equal(self._shares(name, (by,), sum_of(part)) for by, part in uses.items())

    def _shares(self, name: str, users: Sequence[str], rules: Node) -> Verdict:
        """Whether Σ_ij dZ_ij ∂z_ij/∂x_pq over some uses Z of x is the entry of this formula."""
        whole = self._filled(name, rules)

        def pair(entries: Entries, at: tuple[Index, ...]) -> Pair:
            wrt = Entry(name, at)
            found = added(
                partial(entries.at(self._contracted(by)), wrt, entries.letter) for by in users
            )
            return found, entries.at(whole, *at)

        shape = self.sweep.graph.shapes[name]
        return self._decide(shape, [self._attempt("chain rule", shape, pair, {})])

    def _by_rewrites(self, gradient: GradientStages, rules: Node) -> Iterator[Verdict]:
        """The verdict on each rewrite of the formula, up to the first that is not proved."""
        sides = [rules, gradient.assembled, *(step.formula for step in gradient.tidying)]
        for one, other in itertools.pairwise([*sides, gradient.formula]):
            if one != other:
                verdict = self.same(one, other, gradient.name)
                yield verdict
                if verdict.status != "equal":
                    return

    def same(self, one: Node, other: Node, name: str) -> Verdict:
        """The verdict on two formulas of the gradient by a name.

        Formulas that differ in small parts are compared part by part, else as a whole.
        """
        one, other = (self._filled(name, side) for side in (one, other))
        whole = ((one, other),)
        ways = (self._differing(one, other), self._differing(one, other, kept=(nodes.Divide,)))
        small = [parts for parts in dict.fromkeys(ways) if self._are_small(one, other, parts)]
        if any(map(self._seem_alike, [*small, whole])):
            return Verdict("equal", index=True)
        for attempts, parts in itertools.product((self._as_they_stand, self._unfolded), small):
            if all(decide(attempts(*part)).status == "equal" for part in parts):
                return Verdict("equal", index=True)
        found = self.equal(one, other)
        if found.status == "undecided":
            for parts in ways:
                if parts != whole:
                    by_part = all_equal(self.equal(*part) for part in parts)
                    found = by_part if by_part.status == "equal" else found
        return found

    def _read_off(self, one: Node, other: Node) -> bool:
        """Whether two formulas are seen to be equal with little work."""
        with bounded(_LITTLE):
            parts = self._differing(one, other)
            if self._are_small(one, other, parts) and all(
                decide_by_letters(self._unfolded(*part)).status == "equal" for part in parts
            ):
                return True
        with bounded(_LITTLE):
            return decide_by_letters(self._unfolded(one, other)).status == "equal"

    def _differing(
        self, one: Node, other: Node, kept: tuple[type, ...] = ()
    ) -> tuple[tuple[Node, Node], ...]:
        known = ChainMap(self._gradients, self._values)
        return differing(one, other, known, self.sweep.facts.shape, kept=kept)

    @staticmethod
    def _are_small(one: Node, other: Node, parts: Iterable[tuple[Node, Node]]) -> bool:
        """Whether the parts in which two formulas differ are less than these."""
        return sum(cost(a) + cost(b) for a, b in parts) < cost(one) + cost(other)

    def _seem_alike(self, pairs: Iterable[tuple[Node, Node]]) -> bool:
        """Whether formulas are seen to be equal with little work, what they share under names."""
        with bounded(_LITTLE):
            return all(
                decide_by_letters(self._as_they_stand(*pair)).status == "equal" for pair in pairs
            )

    def equal(self, one: Node, other: Node) -> Verdict:
        """The verdict on two formulas of one shape."""
        return self._decide(self.sweep.facts.shape(one), self._unfolded(one, other))

    def _unfolded(self, one: Node, other: Node) -> Iterator[Attempt]:
        """The general entries of two formulas, with more and more names unfolded."""
        yield from self._with_parts_named(one, other)
        for what, definitions in self._definitions(one, other):
            yield self._of_pair(what, one, other, definitions)

    def _as_they_stand(self, one: Node, other: Node) -> Iterator[Attempt]:
        """The general entries of two formulas, with no names unfolded but those that one has."""
        yield from self._with_parts_named(one, other)
        yield self._of_pair("as they stand", one, other, {})

    def _with_parts_named(self, one: Node, other: Node) -> Iterator[Attempt]:
        """The entries of two formulas, each of the parts that they share under one name.

        The same is tried before with values under their names, if then fewer names are on one side.
        """
        tried: set[tuple[Node, Node]] = set()
        folded = self._folded(one), self._folded(other)
        fewer = _apart(*folded) < _apart(one, other)
        for how, pair in [(", values folded", folded)] * fewer + [("", (one, other))]:
            sides = self._in_shared_names(*pair)
            for what, naming in _NAMINGS:
                left, right, parts = naming(*sides)
                if (parts or how) and (left, right) not in tried:
                    tried.add((left, right))
                    yield self._named_attempt(what + how, left, right, parts)

    def _folded(self, node: Node) -> Node:
        """The formula with the names of values in place of what they are defined by."""
        made = nodes.rebuilt(node, map(self._folded, nodes.children(node)))
        return self._names.get(made, made)

    @cached_property
    def _names(self) -> dict[Node, Node]:
        given = self.sweep.graph.values[:-1]
        return {a.value: nodes.Name(a.name) for a in given if cost(a.value) > 1}

    def _named_attempt(
        self, what: str, left: Node, right: Node, parts: Mapping[str, Node]
    ) -> Attempt:
        """The entries of two formulas in which parts have names, those of one side unfolded."""
        facts = self.sweep.facts
        known = {name: facts.shape(part) for name, part in parts.items()}
        shape = shapes_over({**self.sweep.graph.shapes, **known})
        letters = input_indices(shape(left))

        def forms(place: tuple[int, ...] | None) -> Pair:
            definitions = self._of_one_side(nodes.names_in(left), nodes.names_in(right))
            written = place is not None
            entries = Entries(shape, definitions, assumed=facts.assumed, written=written)
            at = letters if place is None else place
            try:
                return entries.at(left, *at), entries.at(right, *at)
            except UnsupportedError:
                raise
            except InputError:  # told by the next attempt, in the names of the program
                raise UnsupportedError("a shared part divides by zero") from None

        return Attempt(what, forms)

    def _in_shared_names(self, one: Node, other: Node) -> tuple[Node, Node]:
        """Two formulas, gradients and values that only one has written out if that is short.

        Those that follow from others are written out before these.
        """
        while names := (nodes.names_in(one) ^ nodes.names_in(other)) & self._defined.keys():
            name = max(names, key=self._places.__getitem__)
            known = {name: self._defined[name]}
            left, right = replaced(one, known), replaced(other, known)
            if cost(left) + cost(right) > _LONG:
                break
            one, other = left, right
        return one, other

    @cached_property
    def _defined(self) -> dict[str, Node]:
        """The definitions of values and of gradients, each after those that it mentions."""
        return self._values | self._gradients

    @cached_property
    def _places(self) -> dict[str, int]:
        return {name: place for place, name in enumerate(self._defined)}

    def _of_pair(
        self, what: str, one: Node, other: Node, definitions: Mapping[str, Node]
    ) -> Attempt:
        def pair(entries: Entries, at: tuple[Index, ...]) -> Pair:
            return entries.at(one, *at), entries.at(other, *at)

        return self._attempt(what, self.sweep.facts.shape(one), pair, definitions)

    def _attempt(
        self,
        what: str,
        shape: Shape,
        pair: Callable[[Entries, tuple[Index, ...]], Pair],
        definitions: Mapping[str, Node],
    ) -> Attempt:
        """The general entries of two sides, or single ones with every sum written out."""
        letters = input_indices(shape)

        def forms(place: tuple[int, ...] | None) -> Pair:
            entries = self._entries(definitions, written=place is not None)
            return pair(entries, letters if place is None else place)

        return Attempt(what, forms, complete=what == _EVERYTHING)

    def _decide(self, shape: Shape, attempts: Iterable[Attempt]) -> Verdict:
        return decide(attempts, lambda: tuple(dim.size for dim in shape), self._sizes)

    def _contracted(self, name: str) -> Node:
        """Σ_ij dZ_ij z_ij, or L: its derivative at fixed dZ is the part of ∂L/∂x through Z."""
        value = self._values[name]
        if name == self.sweep.graph.loss:
            return value
        weighted = nodes.Multiply(nodes.Name(f"d{name}"), value)
        return nodes.Sum(weighted) if self.sweep.graph.shapes[name] else weighted

    def _definitions(self, one: Node, other: Node) -> Iterator[tuple[str, Mapping[str, Node]]]:
        """The names to unfold, attempt by attempt: those that only one side has, then more.

        Lifted names come first: the program does not have them, so formulas must not either.
        """
        names, others = nodes.names_in(one), nodes.names_in(other)
        differing, shared = names ^ others, names & others
        if not differing <= self._lifted:
            yield "names of ours unfolded", self._unfolding(differing & self._lifted, shared)
        yield "names of one side unfolded", self._of_one_side(names, others)
        if len(self._values) <= BUDGET.some:
            without_names = {n: g for n, g in self._gradients.items() if n in self._lifted}
            yield "values unfolded", ChainMap(without_names, self._values)
        if len(self._values) <= BUDGET.few:
            yield _EVERYTHING, ChainMap(self._gradients, self._values)

    def _unfolding(self, names: frozenset[str], kept: frozenset[str]) -> dict[str, Node]:
        """The definitions of some names and of all lifted names in these definitions."""
        found: dict[str, Node] = {}
        queue = list(names)
        while queue:
            name = queue.pop()
            value = self._gradients.get(name, self._values.get(name))
            if value is None or name in found:
                continue
            found[name] = value
            queue += (nodes.names_in(value) & self._lifted) - kept
        return found

    def _of_one_side(self, one: frozenset[str], other: frozenset[str]) -> dict[str, Node]:
        """The definitions of names that only one formula has, until both have the same.

        Names that follow from others come first: what they mention may be what the other formula
        has. Of the values of ours that only one has, none is left.
        """
        found: dict[str, Node] = {}
        gone = (one ^ other) & self.sweep.graph.lifted
        while names := ((one ^ other) | ((one | other) & gone)) & self._places.keys():
            name = max(names, key=self._places.__getitem__)
            found[name] = value = self._defined[name]
            inside = nodes.names_in(value)
            one, other = ((s - {name}) | inside if name in s else s for s in (one, other))
        return found

    def _entries(self, definitions: Mapping[str, Node], *, written: bool) -> Entries:
        facts = self.sweep.facts
        return Entries(facts.shape, definitions, assumed=facts.assumed, written=written)

    def _filled(self, name: str, formula: Node) -> Node:
        return filled(formula, self.sweep.graph.shapes[name], self.sweep.facts.shape)

    @cached_property
    def _sizes(self) -> dict[str, int]:
        return {d.symbol: d.size for shape in self.sweep.graph.shapes.values() for d in shape}

    @cached_property
    def _gradients(self) -> dict[str, Node]:
        return {f"d{n}": self._filled(n, g.formula) for n, g in self.sweep.gradients.items()}

    @cached_property
    def _lifted(self) -> frozenset[str]:
        """The lifted names and the names of their gradients."""
        lifted = self.sweep.graph.lifted
        return lifted | {f"d{name}" for name in lifted}


def all_equal(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict on several equalities that all have to hold: the first that is not proved."""
    index, entries = True, 0
    for verdict in verdicts:
        if verdict.status != "equal":
            return verdict
        index, entries = index and verdict.index, entries + verdict.entries
    return Verdict("equal", index=index, entries=entries)


def _apart(one: Node, other: Node) -> int:
    """How many names only one of two formulas has."""
    return len(nodes.names_in(one) ^ nodes.names_in(other))


def _by_rules(gradient: GradientStages) -> Node:
    """The sum of the adjoint rules over the uses of a name."""
    return sum_of((Fraction(1), use.gradient) for use in gradient.uses)
