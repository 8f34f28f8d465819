"""One entry of a gradient by the chain rule, at sizes for work by hand."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from random import Random

from matderiv.calculus.index_forms.expanded import written_out
from matderiv.calculus.index_forms.forms import (
    Atom,
    Call,
    Entry,
    Form,
    Index,
    Raised,
    Rate,
    Whole,
    single,
)
from matderiv.calculus.sweep.task import Task
from matderiv.derivation.exercises.drawing import Draw, Drawn
from matderiv.derivation.exercises.theme import Theme, users
from matderiv.derivation.judge import Judge, chain_rule
from matderiv.derivation.links import Chain
from matderiv.derivation.program import Builder, elementwise
from matderiv.derivation.sides import EntryOf, Indexed
from matderiv.errors import MatderivError

__all__ = ["OneEntry", "atoms_in", "entries"]

_MOST_ATOMS = 36  # of what is left, written out term by term


@dataclass(frozen=True, slots=True, eq=False)
class OneEntry:
    """∂L/∂x_pq at a place: the local derivatives, then the sum of all that reaches the loss.

    `needed` are the entries that are left, by the array that they are entries of.
    """

    task: Task
    name: str
    place: tuple[int, ...]
    local: tuple[Chain, ...]
    entry: Chain
    needed: tuple[tuple[str, tuple[Entry, ...]], ...]


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
        summed = judge.value(Indexed(rule))
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
    except MatderivError:
        return None
    return OneEntry(task, name, place, local, chain, _needed(written))


def _needed(form: Form) -> tuple[tuple[str, tuple[Entry, ...]], ...]:
    """The entries in a form by the array that they belong to."""
    found: dict[str, dict[Entry, None]] = {}
    for atom in atoms_in(form):
        if isinstance(atom, Entry) and atom.indices:
            found.setdefault(atom.name, {})[atom] = None
    return tuple(
        (name, tuple(sorted(some, key=lambda entry: tuple(map(str, entry.indices)))))
        for name, some in found.items()
    )


def atoms_in(form: Form) -> list[Atom]:
    """All atoms of a form, those inside of others included."""
    found: list[Atom] = []
    for term, _ in form:
        for atom, _ in term.atoms:
            found.append(atom)
            match atom:
                case Call(arg=arg) | Whole(arg=arg):
                    found += atoms_in(arg)
                case Raised(base=base, exponent=exponent):
                    found += atoms_in(base) + atoms_in(exponent or ())
                case Rate(of=of, wrt=wrt):
                    found += atoms_in(single(of)) + atoms_in(single(wrt))
    return found
