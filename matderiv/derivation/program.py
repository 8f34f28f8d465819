"""The derivation of a whole program: one step for each value, from the loss backwards."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import sympy as sp

from matderiv.calculus.forms import Atom, Entry, Form, Index, Rate, single
from matderiv.calculus.partials import partial
from matderiv.calculus.sweep import Gradient, Sweep, inlined, replaced
from matderiv.calculus.tidying import Rewritten, tidied
from matderiv.derivation.equations import (
    Element,
    Formula,
    Indexed,
    Judge,
    Pushed,
    Side,
    Spelled,
    chain_rule,
)
from matderiv.derivation.links import Chain, Derivation, Link, Step
from matderiv.errors import ProofError, ShapeError
from matderiv.expression.nodes import Name, Node, walk
from matderiv.expression.program import Program
from matderiv.expression.shapes import Shape

__all__ = ["Builder", "Defining", "Route", "System", "build_program", "elementwise"]

Report = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class System:
    """A program with its graph and gradients: what a derivation of it is about."""

    program: Program
    sweep: Sweep
    wrt: tuple[str, ...]
    method: str = "elementwise"

    @property
    def shapes(self) -> dict[str, Shape]:
        """The shapes of all names, lifted ones included."""
        return dict(self.sweep.graph.shapes)

    @property
    def loss(self) -> sp.Symbol:
        """The loss as a symbol."""
        return sp.Symbol(self.sweep.graph.loss)

    @cached_property
    def letters(self) -> tuple[str, ...]:
        """Index letters that are no name: two for values, two for inputs, then those of sums."""
        graph = self.sweep.graph
        names = set(graph.shapes) | graph.program.functions() | graph.program.letters()
        taken = names | {name[0].lower() + name[1:] for name in names}
        free = [c for c in "ijpqklmnrstuvabcdgh" if c not in taken]
        return (*free, *(f"i_{n}" for n in range(1, 20)))

    @property
    def largest_size(self) -> int:
        """The largest number that an index takes."""
        return max((d.size for shape in self.shapes.values() for d in shape), default=1)


def build_program(
    system: System,
    wrt: tuple[str, ...],
    *,
    route: Route | None = None,
    report: Report = lambda _: None,
) -> Derivation:
    """Derive the gradients of a program value by value; `route` derives each of them.

    Raises:
        ProofError: a link is not proved.
    """
    return Derivation(system, wrt, tuple(Builder(system, wrt, route or elementwise).steps(report)))  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Builder:
    """Makes the steps of a derivation, each link judged."""

    system: System
    wrt: tuple[str, ...]
    route: Route

    @property
    def sweep(self) -> Sweep:
        """The gradients."""
        return self.system.sweep

    def steps(self, report: Report) -> Iterator[Step]:
        """What is computed, one gradient after another, and the formulas."""
        report("given")
        yield Step("values", tuple(self.values()))
        for name, gradient in self.sweep.gradients.items():
            report(f"gradient {name}")
            yield self.route(self, name, gradient)
        for name in self.wrt:
            report(f"matrix {name}")
            yield Step("matrix", (self.assembled(name, self.sweep.gradients[name]),), name)

    def chain(self, judge: Judge, kind: str, first: Side, *rest: tuple[str, Side]) -> Chain:
        """A chain of links, each judged.

        Raises:
            ProofError: a link is not proved.
        """
        sides = [first, *(side for _, side in rest)]
        links = []
        for (left, right), (reason, _) in zip(itertools.pairwise(sides), rest, strict=True):
            verdict = judge.verdict(left, right)
            if verdict.status != "equal":
                raise ProofError(f"{kind}, {reason}: {verdict.status}; {verdict.detail}")
            links.append(Link(self.system, left, right, reason, verdict))  # type: ignore[arg-type]
        return Chain(kind, tuple(links))

    def values(self) -> Iterator[Chain]:
        """What is computed, value by value."""
        for assignment in self.sweep.graph.values:
            judge = Defining(self.sweep, assignment.name)
            yield self.chain(
                judge,
                "value",
                Formula(Name(assignment.name)),
                ("definition", Formula(assignment.value)),
            )

    def gradient(self, name: str, gradient: Gradient) -> Iterator[Chain]:
        """∂L/∂x by the chain rule, its local derivatives, and the formula of all entries."""
        graph = self.sweep.graph
        users = tuple(dict.fromkeys(use.by for use in gradient.uses))
        judge = Judge(self.sweep, name, users)
        own = graph.shapes[name]
        at = self.letters(own, 2)
        direct = users == (graph.loss,)
        for by in users:
            yield from self.local(by, Entry(name, at), judge)
        rule = chain_rule(self.sweep, name, at, judge.entries.letter)
        if not direct:
            summed = judge.value(Indexed(rule))
            yield self.chain(
                judge,
                "all entries",
                Indexed(single(Entry(f"d{name}", at))),
                ("chain rule", Indexed(rule)),
                ("local derivatives", Indexed(summed)),
                *self.elements(gradient.local, own, at),
            )
        if own:
            yield self.chain(
                judge,
                "written out",
                Formula(Name(f"d{name}")),
                ("entries", Spelled(Name(f"d{name}"))),
                ("entries worked out", Spelled(gradient.local)),
                ("matrix names", Formula(gradient.local)),
            )
        elif not direct:
            yield self.chain(
                judge,
                "written out",
                Formula(Name(f"d{name}")),
                ("local derivatives", Formula(gradient.local)),
            )

    def elements(
        self, local: Node, own: Shape, at: tuple[Index, ...]
    ) -> Iterator[tuple[str, Side]]:
        """The last side of the entry's chain: an entry of the formula, if that has its shape."""
        if own and self.sweep.facts.shape(local) == own:
            yield "matrix product", Element(local, at)

    def local(self, by: str, wrt: Entry, judge: Judge) -> Iterator[Chain]:
        """The entry of a value by its definition, and its derivative by an entry."""
        graph = self.sweep.graph
        value = graph.value(by)
        assert value is not None
        i = self.letters(graph.shapes[by], 0)
        define = Defining(self.sweep, by)
        yield self.chain(
            define,
            "entry of value",
            Indexed(single(Entry(by, i))),
            ("definition", Pushed(value, i)),
        )
        rate = partial(define.entries.at(value, *i), wrt, define.entries.letter)
        yield self.chain(
            judge,
            "local",
            Indexed(single(Rate(Entry(by, i), wrt))),
            ("local derivative", Indexed(rate)),
        )

    def letters(self, shape: Shape, start: int) -> tuple[str, ...]:
        """Letters for the indices of an array: of a value from 0, of an input from 2."""
        return self.system.letters[start : start + len(shape)]

    def assembled(self, name: str, gradient: Gradient) -> Chain:
        """The formula in terms of what the program names, tidied."""
        steps = [("chain rule", gradient.local)]
        put, tidying = self.put_in(gradient)
        if put != gradient.local:
            steps.append(("put in", put))
        for step in tidying:
            if step.formula != steps[-1][1]:
                steps.append((step.name, step.formula))
        if steps[-1][1] != gradient.formula:
            steps.append(("rearranged", gradient.formula))
        first, *rest = steps
        start = self.chain(
            Judge(self.sweep, name, (use.by for use in gradient.uses)),
            "assembled",
            Formula(Name(f"d{name}")),
            (first[0], Formula(first[1])),
        )
        links = list(start.links)
        for (_, left), (reason, right) in itertools.pairwise((first, *rest)):
            judge = Judge(self.sweep, name, self.differing(left, right))
            links += self.chain(judge, "assembled", Formula(left), (reason, Formula(right))).links
        return Chain("assembled", tuple(links))

    def put_in(self, gradient: Gradient) -> tuple[Node, tuple[Rewritten, ...]]:
        """The formula with lifted names put in, and how it is tidied.

        A gradient that stands for its broadcast cannot be put in everywhere; then the rules of
        differentiation are followed again with it, which is `assembled`.
        """
        graph, facts = self.sweep.graph, self.sweep.facts
        values = dict(self.sweep.lifted)
        for of, known in self.sweep.gradients.items():
            if inlined(of, known.formula, graph, facts):
                values[f"d{of}"] = known.formula
        put = replaced(gradient.local, values)
        try:
            facts.shape(put)
            return put, tuple(tidied(put, facts))
        except ShapeError:
            return gradient.assembled, gradient.tidying

    def differing(self, left: Node, right: Node) -> set[str]:
        """Names that one side holds and the other does not, and all lifted ones."""
        one, other = ({n.name for n in walk(side) if isinstance(n, Name)} for side in (left, right))
        lifted = self.sweep.graph.lifted
        return (one ^ other) | lifted | {f"d{name}" for name in lifted & set(self.sweep.gradients)}


#: Derives the gradient by one name: one step.
Route = Callable[[Builder, str, Gradient], Step]


def elementwise(builder: Builder, name: str, gradient: Gradient) -> Step:
    """The gradient entry by entry, the arrays written out."""
    return Step("gradient", tuple(builder.gradient(name, gradient)), name)


class Defining(Judge):
    """A judge for whom one name is what is assigned to it."""

    def __init__(self, sweep: Sweep, name: str) -> None:
        super().__init__(sweep, name)
        self._value = sweep.graph.value(name)

    def _atom(self, atom: Atom) -> Form | None:
        match atom:
            case Entry(name=name, indices=indices) if name == self.name:
                assert self._value is not None
                return self.entries.at(self._value, *indices)
        return None
