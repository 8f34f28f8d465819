"""The sides of equalities about a whole program, and the judge of those equalities."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from matderiv.calculus.contraction import contracted
from matderiv.calculus.entries import Entries
from matderiv.calculus.equality import same_form
from matderiv.calculus.forms import (
    Atom,
    Entry,
    Form,
    Index,
    Rate,
    Term,
    added,
    multiplied,
    refreshed,
    single,
)
from matderiv.calculus.partials import partial
from matderiv.calculus.sweep import Sweep
from matderiv.calculus.verdicts import Verdict
from matderiv.derivation.methods.sides import RouteSide
from matderiv.derivation.sides import Formula
from matderiv.expression.nodes import Node

__all__ = ["Element", "Formula", "Indexed", "Judge", "Pushed", "Side", "Spelled", "chain_rule"]


@dataclass(frozen=True, slots=True)
class Element:
    """The entry of an expression at given indices, as in (G·Wᵀ)_pq."""

    node: Node
    indices: tuple[Index, ...]


@dataclass(frozen=True, slots=True)
class Pushed:
    """The same entry, the indices pushed inwards to those of names: Σ_k x_ik w_kj + b_j."""

    node: Node
    indices: tuple[Index, ...]


@dataclass(frozen=True, slots=True)
class Indexed:
    """A scalar in index notation; `expanded` asks for its sums term by term."""

    form: Form
    expanded: bool = False


@dataclass(frozen=True, slots=True)
class Spelled:
    """An array written out by its entries, their sums term by term."""

    node: Node


Side = Formula | Element | Pushed | Indexed | Spelled | RouteSide


def chain_rule(
    sweep: Sweep, name: str, indices: tuple[Index, ...], fresh: Callable[[], str]
) -> Form:
    """∂L/∂x_pq = Σ over the values z that use x of Σ_ij ∂L/∂z_ij · ∂z_ij/∂x_pq."""
    graph = sweep.graph
    wrt = Entry(name, indices)
    parts: list[Form] = []
    for by in dict.fromkeys(use.by for use in sweep.gradients[name].uses):
        bound = tuple((fresh(), dim.symbol) for dim in graph.shapes[by])
        places = tuple(letter for letter, _ in bound)
        rate: tuple[tuple[Atom, int], ...] = ((Rate(Entry(by, places), wrt), 1),)
        if by != graph.loss:
            rate = ((Entry(f"d{by}", places), 1), *rate)
        parts.append(((Term(rate, bound), 1),))  # type: ignore[arg-type]
    return added(parts)


class Judge:
    """Decides equalities between sides, for every size.

    ∂L/∂x is what the chain rule says of it, ∂z/∂x what the definition of z says; gradients of
    values stay quantities of their own, but for the names to be `unfolded`.
    """

    def __init__(self, sweep: Sweep, name: str, unfolded: Iterable[str] = ()) -> None:
        definitions: dict[str, Node] = {}
        for unknown in unfolded:
            value = sweep.graph.value(unknown)
            if value is not None:
                definitions[unknown] = value
            elif unknown not in sweep.graph.shapes and unknown[1:] != name:
                definitions[unknown] = sweep.gradients[unknown[1:]].formula
        facts = sweep.facts
        self.sweep = sweep
        self.name = name
        self.entries = Entries(facts.shape, symmetric=facts.symmetric)
        self._unfolding = Entries(facts.shape, definitions, symmetric=facts.symmetric)

    def verdict(self, left: Side, right: Side) -> Verdict:
        """Whether two sides are equal at every size, as they stand or unfolded."""
        for entries in (self.entries, self._unfolding):
            if same_form(self.value(left, entries), self.value(right, entries)):
                return Verdict("equal", index=True)
        return Verdict("undecided", detail="the entries of both sides do not read the same")

    def value(self, side: Side, entries: Entries | None = None) -> Form:
        """The entry of a side at the letters p and q."""
        entries = entries or self.entries
        match side:
            case Formula(node) | Spelled(node):
                letters = ("p", "q")[: len(self.sweep.facts.shape(node))]
                return self._known(entries.at(node, *letters))
            case Element(node, indices) | Pushed(node, indices):
                return self._known(entries.at(node, *indices))
            case Indexed(form):
                return self._known(form)
            case _:
                return self._known(side.form(entries))

    def _known(self, form: Form) -> Form:
        """Rates by the definitions of values, and ∂L/∂x by the chain rule."""
        made: list[Form] = []
        for term, number in form:
            product: Form = ((Term((), term.bound), number),)
            for atom, power in term.atoms:
                known = self._atom(atom)
                if known is None:
                    product = multiplied(product, single(atom, power))
                    continue
                for _ in range(power):
                    product = multiplied(product, refreshed(known, self.entries.letter))
            made.append(product)
        return contracted(added(made))

    def _atom(self, atom: Atom) -> Form | None:
        match atom:
            case Rate(of=of, wrt=wrt):
                value = self.sweep.graph.value(of.name)
                assert value is not None
                return partial(self.entries.at(value, *of.indices), wrt, self.entries.letter)
            case Entry(name=name, indices=indices) if name == f"d{self.name}":
                rule = chain_rule(self.sweep, self.name, indices, self.entries.letter)
                return self._known(rule)
        return None
