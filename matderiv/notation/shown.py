"""How many rows, columns and terms of long ones a page shows."""

from __future__ import annotations

from math import prod
from typing import Literal

from matderiv.calculus.sweep.task import Task
from matderiv.errors import InputError
from matderiv.notation.program import readable_show

__all__ = ["MOST_SHOWN", "Show", "shown"]

#: Entries of a Jacobian up to which all can be shown.
MOST_SHOWN = 40_000
#: Entries of a program's largest array up to which everything can be shown.
_MOST_ENTRIES = 4_000

Show = int | Literal["all"] | None


def shown(task: Task, show: Show) -> int | None:
    """How much is shown, None for all.

    Raises:
        InputError: it is more than a page can hold.
    """
    if show is None:
        return readable_show(task)
    if show == "all":
        _check_all(task)
        return None
    return show


def _check_all(task: Task) -> None:
    counts = {name: prod(dim.size for dim in shape) for name, shape in task.shapes.items()}
    name, largest = max(counts.items(), key=lambda item: item[1])
    if largest > _MOST_ENTRIES:
        raise InputError(
            f"To show all is to write out {name} with its {largest:,} entries; at most "
            f"{_MOST_ENTRIES:,} can be shown. Use --show 3; what is hidden is still proved."
        )
