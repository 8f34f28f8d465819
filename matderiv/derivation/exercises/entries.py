"""One entry of a gradient by the chain rule, at sizes for work by hand."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Literal

from matderiv.calculus.index_forms.expanded import written_out
from matderiv.calculus.index_forms.forms import (
    Entry,
    Form,
    Index,
    atoms_in,
    single,
)
from matderiv.calculus.sweep.task import Task
from matderiv.derivation.exercises.drawing import Draw, Drawn
from matderiv.derivation.exercises.theme import Theme, users
from matderiv.derivation.judge import Judge, chain_rule
from matderiv.derivation.links import Chain
from matderiv.derivation.program import Builder, elementwise
from matderiv.derivation.sides import EntryOf, Formula, Indexed, spelled
from matderiv.errors import MatderivError
from matderiv.expression.nodes import Name

__all__ = ["Needed", "OneEntry", "entries"]

_MOST_ATOMS = 36  # of what is left, written out term by term


@dataclass(frozen=True, slots=True, eq=False)
class Needed:
    """Some entries of an array; `line` is the row or the column that they are all of, if any."""

    name: str
    entries: tuple[Entry, ...]
    line: tuple[Literal["row", "column"], int] | None


@dataclass(frozen=True, slots=True, eq=False)
class OneEntry:
    """∂L/∂x_pq at a place: the local derivatives, then the sum of all that reaches the loss.

    `needed` are the entries that are left, by the array that they are entries of. `whole` is all
    of ∂L/∂X written out, where it is a product of two matrices.
    """

    task: Task
    name: str
    place: tuple[int, ...]
    local: tuple[Chain, ...]
    entry: Chain
    needed: tuple[Needed, ...]
    whole: Chain | None


def entries(theme: Theme) -> Draw[OneEntry] | None:
    """Exercises about single entries; None where nothing that is differentiated by has any."""
    names = [name for name in theme.gradients if theme.task.shapes[name]]
    return partial(_draw, theme, theme.rather(names)) if names else None


def _draw(theme: Theme, names: list[str], chance: Random) -> Drawn[OneEntry]:
    name = chance.choice(names)
    sizes = theme.small(chance)
    place = tuple(chance.randint(1, size) for size in theme.shape(name, sizes))
    return (name, place), lambda: _made(theme.at(sizes), name, place)


def _made(task: Task, name: str, place: tuple[int, ...]) -> OneEntry | None:
    """The exercise about an entry, or None where too much is left, or more than can be proved."""
    judge = Judge(task, name, users(task, name))
    builder = Builder(task, (name,), elementwise)
    at: tuple[Index, ...] = place
    x = Entry(name, at)
    formula = task.whole(name, task.sweep.gradients[name].local)
    rule = chain_rule(task, name, at, judge.entries.letter)
    try:
        summed = judge.worked_out(rule)
        written = written_out(summed, task.sizes)
        if not written or sum(len(term.atoms) for term, _ in written) > _MOST_ATOMS:
            return None
        chain = builder.chain(
            judge,
            "entry",
            Indexed(single(Entry(f"d{name}", at))),
            ("chain rule", Indexed(rule)),
            ("local derivatives", Indexed(summed)),
            ("term by term", Indexed(written)),
            ("matrix product", EntryOf(formula, at)),
        )
        local = tuple(c for by in users(task, name) for c in builder.local(by, x, judge))
        whole = _written_out(builder, judge, name)
    except MatderivError:
        return None
    return OneEntry(task, name, place, local, chain, _needed(task, written), whole)


def _written_out(builder: Builder, judge: Judge, name: str) -> Chain | None:
    """∂L/∂X = (its entries) = (their sums) = (a matrix)(another), where it is such a product."""
    local = builder.task.whole(name, builder.sweep.gradients[name].local)
    product = tuple(builder.factors(local))
    if not product:
        return None
    gradient = Name(f"d{name}")
    return builder.chain(
        judge,
        "written out",
        Formula(gradient),
        ("entries", spelled(builder.task, gradient)),
        ("entries worked out", spelled(builder.task, local)),
        *product,
        ("matrix names", Formula(local)),
    )


def _needed(task: Task, form: Form) -> tuple[Needed, ...]:
    """The entries in a form by the array that they belong to."""
    found: dict[str, dict[Entry, None]] = {}
    for atom in atoms_in(form):
        if isinstance(atom, Entry) and atom.indices:
            found.setdefault(atom.name, {})[atom] = None
    made: list[Needed] = []
    for name, some in found.items():
        entries = tuple(sorted(some, key=lambda entry: tuple(map(str, entry.indices))))
        made.append(Needed(name, entries, _line(task, name, entries)))
    return tuple(made)


def _line(
    task: Task, name: str, entries: tuple[Entry, ...]
) -> tuple[Literal["row", "column"], int] | None:
    """The row or the column of a matrix that these are all entries of."""
    shape = [dim.size for dim in task.sweep.facts.shape(Name(name))]
    if len(shape) != len(("row", "column")):
        return None
    rows, cols = ({entry.indices[slot] for entry in entries} for slot in (0, 1))
    (row, *_), (col, *_) = rows, cols
    if len(rows) == 1 < len(cols) == shape[1] and isinstance(row, int):
        return "row", row
    if len(cols) == 1 < len(rows) == shape[0] and isinstance(col, int):
        return "column", col
    return None
