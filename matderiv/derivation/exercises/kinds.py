"""Exercises about a whole program.

Everything is drawn from a `random.Random` and a derivation, so that the same seed gives the same
exercises everywhere. How they are worded is the business of `handout`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random
from typing import TypeVar

from matderiv.derivation.exercises.about import (
    Implement,
    Keep,
    Statement,
    Trap,
    implement,
    keep,
    statement,
    trap,
)
from matderiv.derivation.exercises.drawing import Draw, Drawn, drawn
from matderiv.derivation.exercises.entries import OneEntry, entries
from matderiv.derivation.exercises.mistakes import Mistake, mistakes
from matderiv.derivation.exercises.numbers import Numbers, numbers
from matderiv.derivation.exercises.related import Related, Uses, related, uses
from matderiv.derivation.exercises.shapes import Shapes, shape_exercises
from matderiv.derivation.exercises.theme import Theme
from matderiv.errors import MatderivError

__all__ = ["KINDS", "Material", "materials"]

_Finished = TypeVar("_Finished")

Material = (
    Shapes | OneEntry | Mistake | Uses | Numbers | Related | Statement | Trap | Keep | Implement
)

#: The kinds in the order in which they take turns; None instead of a kind that does not apply.
KINDS: tuple[Callable[[Theme], Draw[Material] | None], ...] = (
    shape_exercises,
    entries,
    mistakes,
    uses,
    numbers,
    related,
    statement,
    trap,
    keep,
    implement,
)


def materials(
    theme: Theme, count: int, chance: Random, finish: Callable[[Material], _Finished]
) -> Iterator[_Finished]:
    """So many exercises about a program, the kinds in turn, no two of them equal.

    An exercise that cannot be made or finished, or a kind of which there is none, is left out;
    there may be fewer than are asked for.
    """
    kinds = (_draw_of(kind, theme, finish) for kind in KINDS)
    return drawn([kind for kind in kinds if kind is not None], count, chance)


def _draw_of(
    kind: Callable[[Theme], Draw[Material] | None],
    theme: Theme,
    finish: Callable[[Material], _Finished],
) -> Draw[_Finished] | None:
    try:
        draw = kind(theme)
    except MatderivError:
        return None
    if draw is None:
        return None

    def finished(chance: Random) -> Drawn[_Finished]:
        found = draw(chance)
        if found is None:
            return None
        key, make = found
        return key, lambda: None if (made := make()) is None else finish(made)

    return finished
