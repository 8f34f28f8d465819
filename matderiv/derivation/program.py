"""The derivation of a whole program: one step for each value, from the loss backwards."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from matderiv._budget import stage
from matderiv.calculus.formulas.flattened import sum_of, without_units
from matderiv.calculus.formulas.rewrites import ASSUMING
from matderiv.calculus.formulas.tidying import tidied
from matderiv.calculus.index_forms.entries import Entries
from matderiv.calculus.index_forms.forms import Atom, Entry, Form, Index, Rate, single
from matderiv.calculus.index_forms.partials import partial
from matderiv.calculus.sweep.results import GradientStages, Sweep
from matderiv.calculus.sweep.structure import by_structure
from matderiv.calculus.sweep.sweep import finished, inlined, replaced
from matderiv.calculus.sweep.task import Task
from matderiv.derivation.judge import Judge, chain_rule
from matderiv.derivation.kinds import ChainKind, Reason
from matderiv.derivation.links import Chain, Link, ProvedSteps, Step
from matderiv.derivation.local_formulas import local_by_formula
from matderiv.derivation.sides import (
    EntryOf,
    Formula,
    Indexed,
    Side,
    spelled,
    spelled_product,
    written,
)
from matderiv.errors import MatderivError, ProofError
from matderiv.expression.assumptions import assumed_to_be
from matderiv.expression.nodes import MatMul, Name, Node, names_in, walk
from matderiv.expression.program import Assignment

__all__ = ["Builder", "Defining", "Route", "build_program", "elementwise"]

_MATRIX = 2  # dimensions


def build_program(
    task: Task,
    wrt: tuple[str, ...],
    *,
    route: Route | None = None,
) -> ProvedSteps:
    """Derive the gradients of a program value by value; `route` derives each of them.

    Raises:
        ProofError: a link is not proved.
    """
    return ProvedSteps(task, wrt, tuple(Builder(task, wrt, route or elementwise).steps()))


@dataclass(frozen=True, slots=True)
class Builder:
    """Makes the steps of a derivation, each link judged."""

    task: Task
    wrt: tuple[str, ...]
    route: Route

    @property
    def sweep(self) -> Sweep:
        """The gradients."""
        return self.task.sweep

    def steps(self) -> Iterator[Step]:
        """The steps in order: the values, each gradient from the loss backwards, the formulas."""
        stage("the values of the program")
        yield Step("values", tuple(self.values()))
        for name, gradient in self.sweep.gradients.items():
            stage(f"the gradient by {name}")
            if gradient.vanishes:
                yield Step("zero", (self.vanishing(name, gradient),), name)
            else:
                yield from self.derived(name, gradient)
        for name in self.sweep.called:
            stage(f"the value {name}")
            yield Step("called", tuple(self.called(name)), name)
        for name in self.formulas:
            stage(f"the formula of the gradient by {name}")
            yield Step("matrix", (self.assembled(name, self.sweep.gradients[name]),), name)
        for name in self.wrt:
            if self.task.way(name) is not None and not self.sweep.gradients[name].vanishes:
                yield Step("structure", (self.structured(name),), name)
        yield from self.proofs()

    def derived(self, name: str, gradient: GradientStages) -> Iterator[Step]:
        """The steps to the gradient by one name."""
        yield self.route(self, name, gradient)

    def proofs(self) -> Iterator[Step]:
        """Further proofs at the end of the page."""
        return iter(())

    @property
    def formulas(self) -> tuple[str, ...]:
        """The names whose formulas the page ends with, after those that they mention.

        One of ours is among them where other gradients were put into it, or where its formula uses
        what is assumed of an input.
        """
        first = (
            name
            for name, stages in self.sweep.gradients.items()
            if name in self.sweep.graph.lifted
            and (stages.put or any(rewrite.name in ASSUMING for rewrite in stages.tidying))
        )
        needed = (*first, *(n for wrt in self.wrt for n in (*self.sweep.upstream(wrt), wrt)))
        return tuple(
            name
            for name in dict.fromkeys(needed)
            if name not in self.sweep.called and not self.sweep.gradients[name].vanishes
        )

    def chain(
        self, judge: Judge, kind: ChainKind, first: Side, *rest: tuple[Reason, Side]
    ) -> Chain:
        """A chain of links, each judged.

        Raises:
            ProofError: a link is not proved.
        """
        sides = [first, *(side for _, side in rest)]
        links = []
        for (left, right), (reason, _) in zip(itertools.pairwise(sides), rest, strict=True):
            verdict = judge.verdict(left, right)
            if verdict.status != "equal":
                raise ProofError(f"{kind}, {reason}: {verdict.status}; {verdict.reason}")
            links.append(Link(self.task, left, right, reason, verdict))
        return Chain(kind, tuple(links))

    def values(self) -> Iterator[Chain]:
        """A chain Z = ... for each value of the program."""
        for assignment in self.sweep.graph.values:
            yield from self.value(assignment)

    def value(self, assignment: Assignment) -> Iterator[Chain]:
        """A value by its definition."""
        yield self.chain(
            Defining(self.task, assignment.name),
            "value",
            Formula(Name(assignment.name)),
            ("definition", Formula(assignment.value)),
        )

    def gradient(self, name: str, gradient: GradientStages) -> Iterator[Chain]:
        """∂L/∂x by the chain rule, its local derivatives, and the formula of all entries."""
        graph = self.sweep.graph
        local = self.task.whole(name, gradient.local)
        users = gradient.users
        judge = Judge(self.task, name, users)
        own = graph.shapes[name]
        at = self.task.input_indices(own)
        direct = users == (graph.loss,)
        called = direct and not own and any(step.name == _NAMED for step in gradient.tidying)
        last: list[tuple[Reason, Side]] = [(_NAMED, Formula(local))] if called else []
        for by in users:
            yield from self.local(by, Entry(name, at), judge, last)
        rule = chain_rule(self.task, name, at)
        if not direct:
            alone = self.by_formula(users[0], Entry(name, at), judge) if len(users) == 1 else None
            summed = alone[1] if alone else Indexed(judge.worked_out(rule))
            yield self.chain(
                judge,
                "all entries",
                Indexed(single(Entry(f"d{name}", at))),
                ("chain rule", Indexed(rule)),
                ("local derivatives", summed),
                *self.elements(local, at),
            )
        if own:
            yield self.written_out(judge, name, local)
        elif not direct:
            yield self.chain(
                judge,
                "written out",
                Formula(Name(f"d{name}")),
                ("local derivatives", Formula(local)),
            )

    def written_out(self, judge: Judge, name: str, local: Node) -> Chain:
        """∂L/∂X by its entries, these worked out, and the formula whose entries they are."""
        return self.chain(
            judge,
            "written out",
            Formula(Name(f"d{name}")),
            ("entries", spelled(self.task, Name(f"d{name}"))),
            ("entries worked out", spelled(self.task, local)),
            *self.factors(local),
            ("matrix names", Formula(local)),
        )

    @staticmethod
    def elements(local: Node, at: tuple[Index, ...]) -> Iterator[tuple[Reason, Side]]:
        """The last side of the entry's chain: an entry of the formula."""
        if at:
            yield "matrix product", EntryOf(local, at)

    def factors(self, local: Node) -> Iterator[tuple[Reason, Side]]:
        """A product as two arrays written out, if both are matrices."""
        match local:
            case MatMul(left, right) if all(
                len(self.sweep.facts.shape(n)) == _MATRIX for n in (left, right)
            ):
                yield "row times column", spelled_product(self.task, left, right)

    def entry(self, by: str) -> Entry:
        """z_ij of a value z."""
        return Entry(by, self.task.value_indices(self.sweep.graph.shapes[by]))

    def entry_of_value(self, by: str) -> Chain:
        """z_ij by the definition of z."""
        of = self.entry(by)
        return self.chain(
            Defining(self.task, by),
            "entry of value",
            Indexed(single(of)),
            ("definition", written(self.task, self.sweep.graph.definition(by), of.indices)),
        )

    def local(
        self, by: str, wrt: Entry, judge: Judge, named: Sequence[tuple[Reason, Side]] = ()
    ) -> Iterator[Chain]:
        """The entry of a value by its definition, and its derivative by an entry.

        `named` is that derivative again, in names of functions that the value does not call.
        """
        yield self.entry_of_value(by)
        found = self.by_formula(by, wrt, judge)
        yield self.chain(
            judge,
            "local",
            Indexed(single(Rate(self.entry(by), wrt))),
            ("local derivative", found[0] if found else Indexed(self.rate(by, wrt))),
            *named,
        )

    def rate(self, by: str, wrt: Entry) -> Form:
        """∂z_ij/∂x_pq by the definition of z."""
        entries = Defining(self.task, by).entries
        z = self.sweep.graph.definition(by)
        return partial(entries.at(z, *self.entry(by).indices), wrt, entries.letter)

    def by_formula(self, by: str, wrt: Entry, judge: Judge) -> tuple[Indexed, Indexed] | None:
        """∂z_ij/∂x_pq and Σ ∂L/∂z_ij·∂z_ij/∂x_pq in the words of the formula, if those are few."""
        return local_by_formula(self.task, wrt, by, lambda: self.rate(by, wrt), judge.entries)

    def assembled(self, name: str, gradient: GradientStages) -> Chain:
        """The formula in terms of what the program names, tidied."""
        put = replaced(gradient.local, self.known)
        more = replaced(put, self.put(gradient))
        formulas: list[tuple[Reason, Node]] = [
            ("chain rule", gradient.local),
            ("put in", without_units(put)),
            ("put in", without_units(more)),
            *self.tidying(name, without_units(more)),
            ("rearranged", gradient.formula),
        ]
        changes: list[tuple[Reason, Node]] = [
            (reason, self.task.whole(name, formula))
            for number, (reason, formula) in enumerate(formulas)
            if number == 0 or formula != formulas[number - 1][1]
        ]
        first, *rest = changes
        start = self.chain(
            Judge(self.task, name, gradient.users),
            "assembled",
            Formula(Name(f"d{name}")),
            (first[0], Formula(first[1])),
        )
        links = (*start.links, *self.rewritten(name, first[1], rest))
        return Chain("assembled", links)

    def vanishing(self, name: str, gradient: GradientStages) -> Chain:
        """The formula by the chain rule, if anything uses the name, and that it is zero."""
        rules = self.task.whole(name, sum_of((Fraction(1), use.gradient) for use in gradient.uses))
        zero: tuple[Reason, Side] = ("zero", Formula(gradient.formula))
        judge = Judge(self.task, name, (use.by for use in gradient.uses))
        first = Formula(Name(f"d{name}"))
        if rules == gradient.formula:
            return self.chain(judge, "assembled", first, zero)
        start = self.chain(judge, "assembled", first, ("chain rule", Formula(rules)))
        end = self.rewritten(name, rules, [("zero", gradient.formula)])
        return Chain("assembled", (*start.links, *end))

    def rewritten(
        self, name: str, formula: Node, rewrites: list[tuple[Reason, Node]]
    ) -> Iterator[Link]:
        """The rewrites of a formula of ∂L/∂x; one that takes much work to decide is left out.

        Where the last is, ∂L/∂x is that formula by the proof that `gradient` has of it.

        Raises:
            ProofError: that formula is not proved, or a rewrite is refuted.
        """
        judges: dict[frozenset[str], Judge] = {}  # each remembers the entries of what it has read
        for number, (reason, new) in enumerate(rewrites, 1):
            names = self.differing(formula, new)
            judge = judges.setdefault(names, Judge(self.task, name, names))
            verdict = judge.little(Formula(formula), Formula(new))
            if verdict.status == "undecided":
                if number < len(rewrites):
                    continue
                verdict = self.task.prover.of(name)
            if verdict.status != "equal":
                raise ProofError(f"assembled, {reason}: {verdict.status}; {verdict.reason}")
            yield Link(self.task, Formula(formula), Formula(new), reason, verdict)
            formula = new

    def called(self, name: str) -> Iterator[Chain]:
        """A lifted value that formulas call by its name, and its gradient, in terms of others."""
        judge = Judge(self.task, "", self.sweep.graph.lifted)
        right = Formula(self.sweep.called[name])
        yield self.chain(judge, "value", Formula(Name(name)), ("put in", right))
        yield self.assembled(name, self.sweep.gradients[name])

    def structured(self, name: str) -> Chain:
        """The gradient by the independent entries of a matrix with a structure."""
        gradient = self.sweep.gradients[name]
        facts, way = self.sweep.facts, self.task.way(name)
        assert way is not None
        first, put = (
            by_structure(side, way, facts)
            for side in (Name(f"d{name}"), self.task.whole(name, gradient.formula))
        )
        own = self.task.answer(name)
        others = (f"d{of}" for of in self.sweep.gradients if of != name)
        diagonal = assumed_to_be("diagonal", self.task.assumed)
        judge = Judge(self.task, name, (*self.task.shapes, *others), diagonal)
        sides: list[tuple[Reason, Side]] = [("put in", Formula(put))]
        if own != put:
            sides.append(("rearranged", Formula(own)))
        return self.chain(judge, "structure", Formula(first), *sides)

    def tidying(self, name: str, put: Node) -> tuple[tuple[Reason, Node], ...]:
        """The rewrites of a formula; none where the rules would turn in a circle."""
        facts, own = self.sweep.facts, self.sweep.graph.shapes[name]
        try:
            steps = list(tidied(put, facts))
        except MatderivError:  # the last link still leads to the formula, and is proved
            return ()
        tidy = steps[-1].formula if steps else put
        steps += finished(tidy, name, own, self.sweep.names, facts)
        return tuple((step.name, step.formula) for step in steps)

    @property
    def known(self) -> dict[str, Node]:
        """The names to substitute: lifted values, and gradients that formulas do not mention."""
        graph, facts = self.sweep.graph, self.sweep.facts
        return dict(self.sweep.lifted) | {
            f"d{of}": self.task.whole(of, found.formula)
            for of, found in self.sweep.gradients.items()
            if inlined(of, found.formula, graph, facts)
        }

    def put(self, gradient: GradientStages) -> dict[str, Node]:
        """The gradients of values of the program that this one puts in, by their formulas."""
        return {
            name: self.task.whole(name[1:], self.sweep.gradients[name[1:]].formula)
            for name in gradient.put
        }

    def differing(self, left: Node, right: Node) -> frozenset[str]:
        """Names that one side holds and the other does not, and all lifted ones.

        Also those of gradients that a side holds both by name and as what they are.
        """
        one, other = map(names_in, (left, right))
        lifted = self.sweep.graph.lifted
        parts = {*walk(left), *walk(right)}
        meant = {name for name in one & other if self.task.wholes.get(name) in parts}
        through = {f"d{name}" for name in lifted & set(self.sweep.gradients)}
        return (one ^ other) | lifted | through | meant


#: The rewrite that writes sigmoid(u) for 1/(1 + exp(-u)), and the like.
_NAMED: Reason = "names of functions"

#: Derives the gradient by one name: one step.
Route = Callable[[Builder, str, GradientStages], Step]


def elementwise(builder: Builder, name: str, gradient: GradientStages) -> Step:
    """The gradient entry by entry, the arrays written out."""
    return Step("gradient", tuple(builder.gradient(name, gradient)), name)


class Defining(Judge):
    """A judge that unfolds one name."""

    def own(self, atom: Atom, entries: Entries) -> Form | None:
        """The entry of the formula assigned to the name."""
        match atom:
            case Entry(name=name, indices=indices) if name == self.name:
                value = self.task.sweep.graph.definition(name)
                return entries.at(value, *indices)
        return None
