"""Other dimensions of names than the convention gives them, where only one reading fits."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping

__all__ = ["WORDS", "other_readings"]

#: Shapes in a sentence, by their number of dimensions.
WORDS = ("a scalar", "a vector", "a matrix")

_MOST_NAMES = 12  # of which two are changed together
_MOST_SINGLE = 60  # of which one is changed

_Change = dict[str, int]


def other_readings(
    dimensions: Mapping[str, int], fits: Callable[[_Change], bool]
) -> tuple[_Change, ...]:
    """The smallest changes of the dimensions of names that fit: one name first, then two.

    Of changes of as many names, those come first that add or take away fewer dimensions.

    >>> other_readings({"X": 2, "theta": 0}, lambda change: change.get("theta") == 1)
    ({'theta': 1},)
    """
    for count, most in ((1, _MOST_SINGLE), (2, _MOST_NAMES)):
        if len(dimensions) > most:
            return ()
        changes = sorted(_changes(dimensions, count), key=lambda c: _distance(dimensions, c))
        for _, alike in itertools.groupby(changes, key=lambda c: _distance(dimensions, c)):
            fitting = tuple(change for change in alike if fits(change))
            if fitting:
                return fitting
    return ()


def _changes(dimensions: Mapping[str, int], count: int) -> Iterator[_Change]:
    for names in itertools.combinations(dimensions, count):
        others = [[n for n in range(len(WORDS)) if n != dimensions[name]] for name in names]
        for chosen in itertools.product(*others):
            yield dict(zip(names, chosen, strict=True))


def _distance(dimensions: Mapping[str, int], change: _Change) -> int:
    return sum(abs(dimensions[name] - number) for name, number in change.items())
