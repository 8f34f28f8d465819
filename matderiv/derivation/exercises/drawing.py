"""Drawing exercises: the kinds in turn, no two exercises equal, all of it from one seed."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from random import Random
from typing import TypeVar

from matderiv.errors import MatderivError

__all__ = ["Draw", "Drawn", "drawn"]

_ATTEMPTS = 400
_FAILURES = 60  # after so many, what is left of a kind is given up

_Item = TypeVar("_Item")

#: A key, the same for equal exercises of a kind, and a function that makes the exercise, or
#: returns None or raises a MatderivError if there is none after all. None: nothing was drawn.
Drawn = tuple[tuple[object, ...], Callable[[], _Item | None]] | None

#: A kind of exercise: draws one of it.
Draw = Callable[[Random], Drawn[_Item]]


def drawn(kinds: Iterable[Draw[_Item]], count: int, chance: Random) -> Iterator[_Item]:
    """So many exercises, the kinds in turn; a kind of which there are no more is passed over.

    The first exercises are the same, however many are asked for. There are fewer if no kind has
    more.

    >>> dice = lambda chance: ((n := chance.randint(1, 6),), lambda: n)
    >>> sorted(drawn([dice], 7, Random(1)))
    [1, 2, 3, 4, 5, 6]
    """
    queue = deque(kinds)
    seen: set[tuple[Draw[_Item], tuple[object, ...]]] = set()
    while queue and count:
        kind = queue.popleft()
        made = _one(kind, seen, chance)
        if made is not None:
            queue.append(kind)
            count -= 1
            yield made


def _one(
    kind: Draw[_Item], seen: set[tuple[Draw[_Item], tuple[object, ...]]], chance: Random
) -> _Item | None:
    """A new exercise, if one is found; a drawing that failed is not tried again."""
    failures = 0
    for _ in range(_ATTEMPTS):
        found = kind(chance)
        if found is None:
            continue
        key, make = found
        if (kind, key) in seen:
            continue
        seen.add((kind, key))
        try:
            made = make()
        except MatderivError:  # shapes that do not fit, too large a formula, or no proof
            made = None
        if made is not None:
            return made
        failures += 1
        if failures == _FAILURES:
            break
    return None
