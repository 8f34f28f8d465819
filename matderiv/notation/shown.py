"""How many rows, columns and terms of long ones a page shows."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Literal

from matderiv.calculus.problem import Problem
from matderiv.errors import InputError
from matderiv.notation.compose import automatic_show

if TYPE_CHECKING:
    from matderiv.calculus.sweep.task import Task

__all__ = ["MOST_SHOWN", "Show", "shown"]

#: Products (rows × inner × columns) up to which everything can be shown.
MOST_SHOWN = 40_000
#: Entries of a program's largest array up to which everything can be shown.
_MOST_ENTRIES = 4_000

_LEAST, _LARGEST = 2, 1000

Show = int | Literal["all"] | None


def shown(subject: Problem | Task, show: Show) -> int | None:
    """How much is shown, None for all.

    Raises:
        InputError: it is more than a page can hold.
    """
    if show is None:
        if isinstance(subject, Problem):
            return automatic_show(subject)
        from matderiv.notation.program import readable_show  # of whole programs only

        return readable_show(subject)
    if show == "all":
        _check_all(subject)
        return None
    if isinstance(show, bool) or not isinstance(show, int) or not _LEAST <= show <= _LARGEST:
        raise InputError(
            f"show is {show!r}; it is 'all' or a whole number from {_LEAST} to {_LARGEST}."
        )
    return show


def _check_all(subject: Problem | Task) -> None:
    if isinstance(subject, Problem):
        sizes = [dim.size for dim in subject.dims]
        largest = prod(sizes)
        what, most = f"{largest:,} products; at most {MOST_SHOWN:,}", MOST_SHOWN
        asked = f"To show all of {'×'.join(map(str, sizes))} is"
    else:
        largest = max(prod(dim.size for dim in shape) for shape in subject.shapes.values())
        what, most = f"arrays of {largest:,} entries; at most {_MOST_ENTRIES:,}", _MOST_ENTRIES
        asked = "To show all would be to write"
    if largest > most:
        raise InputError(
            f"{asked} {what} can be shown. Use --show 3; what is hidden is still proved."
        )
