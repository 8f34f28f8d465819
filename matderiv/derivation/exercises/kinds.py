"""Exercises about a whole program.

Everything is drawn from a `random.Random` and a derivation, so that the same seed gives the same
exercises everywhere. How they are worded is the business of `handout`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random

from matderiv.derivation.exercises.drawing import Draw, drawn
from matderiv.derivation.exercises.entries import OneEntry, entries
from matderiv.derivation.exercises.mistakes import Mistake, mistakes
from matderiv.derivation.exercises.numbers import Numbers, numbers
from matderiv.derivation.exercises.related import Related, Uses, related, uses
from matderiv.derivation.exercises.shapes import Shapes, shape_exercises
from matderiv.derivation.exercises.theme import Theme
from matderiv.errors import MatderivError

__all__ = ["KINDS", "Material", "materials"]

Material = Shapes | OneEntry | Mistake | Uses | Numbers | Related

#: The kinds in the order in which they take turns; None instead of a kind that does not apply.
KINDS: tuple[Callable[[Theme], Draw[Material] | None], ...] = (
    shape_exercises,
    entries,
    mistakes,
    uses,
    numbers,
    related,
)


def materials(theme: Theme, count: int, chance: Random) -> Iterator[Material]:
    """So many exercises about a program, the kinds in turn, no two of them equal.

    A kind that fails, say at sizes that a program cannot have, is left out.

    Raises:
        InputError: there are not so many.
    """
    kinds = (_draw_of(kind, theme) for kind in KINDS)
    return drawn([kind for kind in kinds if kind is not None], count, chance)


def _draw_of(kind: Callable[[Theme], Draw[Material] | None], theme: Theme) -> Draw[Material] | None:
    try:
        return kind(theme)
    except MatderivError:
        return None
