"""Single entries of the arrays that a derivation of a whole program writes out.

Each says which entries it comes from, and has its derivation at its own indices.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from matderiv.calculus.index_forms.contraction import contracted
from matderiv.calculus.index_forms.forms import (
    Entry,
    Form,
    Index,
    Indices,
    Rate,
    atoms_in,
    placed,
    single,
)
from matderiv.calculus.index_forms.partials import partial, with_deltas
from matderiv.calculus.sweep.task import Task
from matderiv.derivation.judge import Judge, chain_rule
from matderiv.derivation.links import Chain
from matderiv.derivation.program import Builder, Defining, elementwise
from matderiv.derivation.sides import (
    Cells,
    Formula,
    Indexed,
    Side,
    Slice,
    WrittenEntry,
    spelled,
    written,
)
from matderiv.expression.nodes import Name, Node
from matderiv.expression.shapes import Shape

__all__ = ["GradientEntries", "SliceEntries", "array_chain", "entries_in"]


@dataclass(frozen=True, slots=True)
class GradientEntries:
    """The entries of ∂L/∂X: proved once, at letters, and then said of numbers in their place."""

    task: Task
    name: str
    local: Node = field(init=False)
    _letters: Indices = field(init=False)
    _formula: Form = field(init=False)
    _general: tuple[Chain, ...] = field(init=False)

    def __post_init__(self) -> None:
        """The formula that they are entries of, and the chains that hold for every entry.

        Raises:
            ProofError: a link is not proved.
        """
        task, gradient = self.task, self.task.sweep.gradients[self.name]
        users = gradient.users
        local, at = task.whole(self.name, gradient.local), task.input_indices(self.shape)
        judge, build = Judge(task, self.name, users), _builder(task)
        rule = chain_rule(task, self.name, at)
        # What only the loss uses has no local derivative but the entry itself.
        changing = () if users == (task.sweep.graph.loss,) else users
        entry = build.chain(
            judge,
            "entry",
            Indexed(single(Entry(f"d{self.name}", at))),
            ("chain rule", Indexed(rule, spelled=True)),
            ("local derivatives", written(task, local, at, spelled=True)),
        )
        found = (*(self._local(build, judge, by, at) for by in changing), entry)
        object.__setattr__(self, "local", local)
        object.__setattr__(self, "_letters", at)
        object.__setattr__(self, "_formula", judge.entries.at(local, *at))
        object.__setattr__(self, "_general", found)

    @property
    def shape(self) -> Shape:
        """The shape of X."""
        return self.task.shapes[self.name]

    def left(self, at: Indices) -> Form:
        """∂L/∂x_pq."""
        return single(Entry(f"d{self.name}", at))

    def sources(self, at: Indices) -> tuple[Entry, ...]:
        """The entries of which ∂L/∂x_pq is made; a letter stands for an index that runs."""
        return entries_in(contracted(placed(self._formula, _places(self._letters, at))))

    def chains(self, at: Indices) -> Iterator[Chain]:
        """How each value changes with x_pq, and ∂L/∂x_pq by the chain rule."""
        places = _places(self._letters, at)

        def side(general: Side) -> Side:
            match general:
                case Indexed(form, term_by_term):
                    return Indexed(contracted(placed(form, places)), term_by_term)
                case WrittenEntry(node):
                    return written(self.task, node, at, spelled=general.spelled)
            raise TypeError(f"{general} is no entry")

        return (_said_of(chain, side) for chain in self._general)

    def _local(self, build: Builder, judge: Judge, by: str, at: Indices) -> Chain:
        """∂z_ij/∂x_pq."""
        graph = self.task.sweep.graph
        value, wrt = graph.definition(by), Entry(self.name, at)
        i = self.task.value_indices(graph.shapes[by])
        entries = Defining(self.task, by).entries
        rate = partial(entries.at(value, *i), wrt, entries.letter)
        left = Indexed(single(Rate(Entry(by, i), wrt)))
        return build.chain(judge, "local", left, ("local derivative", Indexed(rate)))


@dataclass(frozen=True, slots=True)
class SliceEntries:
    """The entries of ∂Z/∂x_pq, one slice that is written out; proved once as well."""

    task: Task
    slice: Slice
    cells: Cells
    _general: Chain = field(init=False)

    def __post_init__(self) -> None:
        """The chain that holds for every entry.

        Raises:
            ProofError: a link is not proved.
        """
        of, wrt = self.slice.of, self.slice.wrt
        value, judge = self.task.sweep.graph.definition(of.name), Judge(self.task, wrt.name)
        entries = judge.entries
        deltas = with_deltas(entries.at(value, *of.indices), wrt, entries.letter)
        chain = _builder(self.task).chain(
            judge,
            "entry",
            Indexed(single(Rate(of, wrt))),
            ("local derivative", Indexed(deltas, spelled=True)),
            ("deltas", Indexed(self.cells.entry)),
        )
        object.__setattr__(self, "_general", chain)

    @property
    def shape(self) -> Shape:
        """The shape of Z."""
        return self.cells.over

    def left(self, at: Indices) -> Form:
        """∂z_ij/∂x_pq."""
        return single(Rate(Entry(self.slice.of.name, at), self.slice.wrt))

    def sources(self, at: Indices) -> tuple[Entry, ...]:
        """The entries of which ∂z_ij/∂x_pq is made."""
        places = _places(self.slice.of.indices, at)
        return entries_in(contracted(placed(self.cells.entry, places)))

    def chains(self, at: Indices) -> Iterator[Chain]:
        """∂z_ij/∂x_pq by the definition of z_ij, and what the deltas leave of it."""
        places = _places(self.slice.of.indices, at)

        def side(general: Side) -> Side:
            assert isinstance(general, Indexed)
            form = placed(general.form, places)
            return Indexed(form if general.spelled else contracted(form), general.spelled)

        yield _said_of(self._general, side)


def _places(letters: Indices, at: Indices) -> dict[str, Index]:
    return {i: n for i, n in zip(letters, at, strict=True) if isinstance(i, str)}


def _said_of(chain: Chain, side: Callable[[Side], Side]) -> Chain:
    """A chain that holds at letters, with numbers in their place: what was proved of all of them.

    A link that was compared at the sizes was compared at these numbers, too.
    """
    links = (replace(one, left=side(one.left), right=side(one.right)) for one in chain.links)
    return Chain(chain.kind, tuple(links))


def array_chain(task: Task, name: str) -> Chain:
    """An array by its entries."""
    node = Name(name)
    judge = Judge(task, name)
    return _builder(task).chain(judge, "array", Formula(node), ("entries", spelled(task, node)))


def _builder(task: Task) -> Builder:
    return Builder(task, task.wrt, elementwise)


def entries_in(form: Form) -> tuple[Entry, ...]:
    """The entries that occur in a form, in order, at letters where an index runs.

    One that others say already is left out: x_12 beside x_1k.
    """
    atoms = (atom for atom in atoms_in(form) if isinstance(atom, Entry) and atom.name != "π")
    found = dict.fromkeys(Entry(atom.name, _lettered(atom.indices)) for atom in atoms)
    return tuple(
        one for one in found if not any(other != one and _covers(other, one) for other in found)
    )


def _lettered(indices: Indices) -> Indices:
    """The indices with the same letters for all entries that run in the same way."""
    letters: dict[str, str] = {}
    return tuple(
        i if isinstance(i, int) else letters.setdefault(i, "kl"[len(letters)]) for i in indices
    )


def _covers(one: Entry, other: Entry) -> bool:
    """Whether one pattern of entries includes all entries of another."""
    if one.name != other.name:
        return False
    at: dict[Index, Index] = {}
    return all(
        at.setdefault(i, j) == j if isinstance(i, str) else i == j
        for i, j in zip(one.indices, other.indices, strict=True)
    )
