"""Gradients of programs that are like the one of the handout, and what each use adds to one."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import TypeVar

from matderiv.calculus.formulas.flattened import cost
from matderiv.calculus.index_forms.forms import Entry, Form
from matderiv.calculus.sweep.task import Task
from matderiv.derivation.exercises.drawing import Draw, Drawn
from matderiv.derivation.exercises.mistakes import holds
from matderiv.derivation.exercises.theme import Theme, users
from matderiv.derivation.exercises.variants import Variant, regularised, variants
from matderiv.derivation.judge import Judge, chain_rule
from matderiv.derivation.links import Chain, ProvedSteps
from matderiv.derivation.local_formulas import contribution
from matderiv.derivation.program import Builder, build_program, elementwise
from matderiv.derivation.sides import EntryOf, Formula, Indexed
from matderiv.errors import MatderivError
from matderiv.expression.nodes import Name

__all__ = ["Contribution", "Related", "Uses", "related", "uses"]

_LONGEST = 26  # operations and names of a gradient
_MOST_STEPS = 4  # gradients on the way to it

M = TypeVar("M")


@dataclass(frozen=True, slots=True, eq=False)
class Related:
    """Derive the gradient of another program by one of its inputs."""

    derivation: ProvedSteps


@dataclass(frozen=True, slots=True, eq=False)
class Contribution:
    """One term of the chain rule: Σ ∂L/∂z · ∂z/∂x for one value z that uses x."""

    by: str
    local: tuple[Chain, ...]
    chain: Chain


@dataclass(frozen=True, slots=True, eq=False)
class Uses:
    """Exercise: name the term of the chain rule for each value that uses x, and add them up."""

    task: Task
    name: str
    contributions: tuple[Contribution, ...]
    whole: Chain


def related(theme: Theme) -> Draw[Related] | None:
    """Exercises about other programs; None where nothing can be another in this one."""
    found = variants(theme.program, _arrays(theme))
    by_name = dict.fromkeys(theme.rather(theme.task.wrt), found)
    return functools.partial(_draw, theme, by_name, _related) if found else None


def uses(theme: Theme) -> Draw[Uses] | None:
    """Exercises about inputs that are used more than once, in other programs."""
    by_name = {
        name: [Variant(program) for program in regularised(theme.program, name)]
        for name in _arrays(theme)
    }
    others = variants(theme.program, _arrays(theme))
    for name, found in by_name.items():
        if len(users(theme.task, name)) > 1:
            found += [variant for variant in others if variant not in found]
    by_name = {name: by_name[name] for name in theme.rather(by_name) if by_name[name]}
    return functools.partial(_draw, theme, by_name, _uses) if by_name else None


def _arrays(theme: Theme) -> tuple[str, ...]:
    return tuple(name for name in theme.task.wrt if theme.task.shapes[name])


def _draw(
    theme: Theme,
    by_name: Mapping[str, list[Variant]],
    make: Callable[[Task, str], M | None],
    chance: Random,
) -> Drawn[M]:
    """Another program at sizes that are all different, and an input of it."""
    name = chance.choice(list(by_name))
    variant = chance.choice(by_name[name])
    sizes = theme.unequal(chance, 2)

    def made() -> M | None:
        try:
            task = theme.other(variant.program, (name,), sizes, variant.turned)
            return make(task, name) if _is_new(task, theme) else None
        except MatderivError:  # shapes that do not fit, or nothing is proved
            return None

    return (variant.program, name), made


def _is_new(task: Task, theme: Theme) -> bool:
    """Whether the gradients are not those of the handout."""
    return any(
        of not in theme.gradients or found.local != theme.gradients[of].local
        for of, found in task.sweep.gradients.items()
    )


def _is_short(task: Task) -> bool:
    """Whether every gradient on the way can be written by hand."""
    gradients = task.sweep.gradients.values()
    return len(gradients) <= _MOST_STEPS and all(
        max(cost(g.local), cost(g.formula)) <= _LONGEST for g in gradients
    )


def _related(task: Task, name: str) -> Related | None:
    if not _is_short(task):
        return None
    return Related(build_program(task, (name,)))


def _uses(task: Task, name: str) -> Uses | None:
    """The exercise about a name, if several values use it."""
    several = users(task, name)
    long = cost(task.sweep.gradients[name].local) > _LONGEST
    if long or not several[1:]:  # nothing to add up
        return None
    judge = Judge(task, name, several)
    builder = Builder(task, (name,), elementwise)
    rule = chain_rule(task, name, task.input_indices(task.shapes[name]), judge.entries.letter)
    parts = tuple(_contribution(builder, judge, name, by, rule) for by in several)
    local = task.whole(name, task.sweep.gradients[name].local)
    first = Formula(Name(f"d{name}"))
    whole = builder.chain(judge, "whole", first, ("added up", Formula(local)))
    return Uses(task, name, parts, whole)


def _contribution(builder: Builder, judge: Judge, of: str, by: str, rule: Form) -> Contribution:
    """Σ_ij ∂L/∂z_ij · ∂z_ij/∂x_pq as an entry of a formula."""
    task = builder.task
    at = task.input_indices(task.shapes[of])
    part = tuple((term, number) for term, number in rule if holds(term, by))
    chain = builder.chain(
        judge,
        "contribution",
        Indexed(part),
        ("local derivatives", Indexed(judge.worked_out(part))),
        ("matrix product", EntryOf(contribution(task, of, by), at)),
    )
    return Contribution(by, tuple(builder.local(by, Entry(of, at), judge)), chain)
