"""Single entries of the arrays that a derivation of a whole program writes out.

Each is derived at its own indices, and each says which entries it comes from.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from matderiv.calculus.forms import (
    Atom,
    Call,
    Entry,
    Form,
    Index,
    Raised,
    Rate,
    Whole,
    placed,
    single,
)
from matderiv.calculus.partials import partial, with_deltas
from matderiv.calculus.system import System
from matderiv.derivation.equations import Judge, chain_rule
from matderiv.derivation.links import Chain
from matderiv.derivation.methods.sides import Cells, Slice
from matderiv.derivation.program import Builder, Defining, elementwise
from matderiv.derivation.sides import Formula, Indexed, Pushed, Spelled
from matderiv.expression.nodes import Name, Node
from matderiv.expression.shapes import Shape

__all__ = ["GradientEntries", "SliceEntries", "array_chain", "entries_in"]

Indices = tuple[Index, ...]


@dataclass(frozen=True, slots=True)
class GradientEntries:
    """The entries of ∂L/∂X."""

    system: System
    name: str
    judge: Judge = field(init=False)
    local: Node = field(init=False)

    def __post_init__(self) -> None:
        """One judge for all entries, and the formula that they are entries of."""
        gradient = self.system.sweep.gradients[self.name]
        judge = Judge(self.system, self.name, self.users)
        object.__setattr__(self, "judge", judge)
        object.__setattr__(self, "local", self.system.whole(self.name, gradient.local))

    @property
    def users(self) -> tuple[str, ...]:
        """The values that use X."""
        uses = self.system.sweep.gradients[self.name].uses
        return tuple(dict.fromkeys(use.by for use in uses))

    @property
    def shape(self) -> Shape:
        """The shape of X."""
        return self.system.shapes[self.name]

    def left(self, at: Indices) -> Form:
        """∂L/∂x_pq."""
        return single(Entry(f"d{self.name}", at))

    def sources(self, at: Indices) -> tuple[Entry, ...]:
        """The entries of which ∂L/∂x_pq is made; a letter stands for an index that runs."""
        return entries_in(self.judge.entries.at(self.local, *at))

    def chains(self, at: Indices) -> Iterator[Chain]:
        """How each value changes with x_pq, and ∂L/∂x_pq by the chain rule.

        Raises:
            ProofError: a link is not proved.
        """
        build = _builder(self.system)
        wrt = Entry(self.name, at)
        if self.users != (self.system.sweep.graph.loss,):
            for by in self.users:
                yield self._local(build, by, wrt)
        rule = chain_rule(self.system, self.name, at, self.judge.entries.letter)
        yield build.chain(
            self.judge,
            "entry",
            Indexed(self.left(at)),
            ("chain rule", Indexed(rule, spelled=True)),
            ("local derivatives", Pushed(self.local, at, spelled=True)),
        )

    def _local(self, build: Builder, by: str, wrt: Entry) -> Chain:
        graph = self.system.sweep.graph
        value = graph.value(by)
        assert value is not None
        i = self.system.places(graph.shapes[by], 0)
        entries = Defining(self.system, by).entries
        rate = partial(entries.at(value, *i), wrt, entries.letter)
        return build.chain(
            self.judge,
            "local",
            Indexed(single(Rate(Entry(by, i), wrt))),
            ("local derivative", Indexed(rate)),
        )


@dataclass(frozen=True, slots=True)
class SliceEntries:
    """The entries of ∂Z/∂x_pq, one slice that is written out."""

    system: System
    slice: Slice
    cells: Cells
    judge: Judge = field(init=False)

    def __post_init__(self) -> None:
        """One judge for all entries."""
        object.__setattr__(self, "judge", Judge(self.system, self.slice.wrt.name))

    @property
    def shape(self) -> Shape:
        """The shape of Z."""
        return self.cells.over

    def left(self, at: Indices) -> Form:
        """∂z_ij/∂x_pq."""
        return single(Rate(Entry(self.slice.of.name, at), self.slice.wrt))

    def sources(self, at: Indices) -> tuple[Entry, ...]:
        """The entries of which ∂z_ij/∂x_pq is made."""
        return entries_in(self.judge.entries.known(self._cell(at)))

    def _cell(self, at: Indices) -> Form:
        return placed(self.cells.entry, dict(zip(self.cells.indices, at, strict=True)))

    def chains(self, at: Indices) -> Iterator[Chain]:
        """∂z_ij/∂x_pq by the definition of z_ij, and what the deltas leave of it.

        Raises:
            ProofError: a link is not proved.
        """
        value = self.system.sweep.graph.value(self.slice.of.name)
        assert value is not None
        entries = self.judge.entries
        deltas = with_deltas(entries.at(value, *at), self.slice.wrt, entries.letter)
        yield _builder(self.system).chain(
            self.judge,
            "entry",
            Indexed(self.left(at)),
            (
                "local derivative",
                Indexed(deltas, spelled=True),
            ),
            ("deltas", Indexed(entries.known(self._cell(at)))),
        )


def array_chain(system: System, name: str) -> Chain:
    """An array by its entries."""
    node = Name(name)
    judge = Judge(system, name)
    return _builder(system).chain(judge, "array", Formula(node), ("entries", Spelled(node)))


def _builder(system: System) -> Builder:
    return Builder(system, system.wrt, elementwise)


def entries_in(form: Form) -> tuple[Entry, ...]:
    """The entries that occur in a form, in order, at letters where an index runs.

    One that others say already is left out: x_12 beside x_1k.
    """
    found = dict.fromkeys(_entries(form))
    return tuple(
        one for one in found if not any(other != one and _covers(other, one) for other in found)
    )


def _entries(form: Form) -> Iterator[Entry]:
    for term, _ in form:
        for atom, _ in term.atoms:
            yield from _entries_of(atom)


def _entries_of(atom: Atom) -> Iterator[Entry]:
    match atom:
        case Entry(name=name, indices=indices) if name != "π":
            yield Entry(name, _lettered(indices))
        case Call(arg=arg) | Whole(arg=arg):
            yield from _entries(arg)
        case Raised(base=base, exponent=exponent):
            yield from _entries(base)
            yield from _entries(exponent or ())


def _lettered(indices: Indices) -> Indices:
    """The indices with the same letters for all entries that run in the same way."""
    letters: dict[str, str] = {}
    return tuple(
        i if isinstance(i, int) else letters.setdefault(i, "kl"[len(letters)]) for i in indices
    )


def _covers(one: Entry, other: Entry) -> bool:
    """Whether all entries that another stands for are among those of one."""
    if one.name != other.name:
        return False
    at: dict[Index, Index] = {}
    return all(
        at.setdefault(i, j) == j if isinstance(i, str) else i == j
        for i, j in zip(one.indices, other.indices, strict=True)
    )
