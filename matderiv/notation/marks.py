"""Marks: the key of an entry, and patterns of keys for the rows and columns that it comes from.

The entry x₂₃ has the key `X-2-3`, ∂L/∂x₂₃ has `dX-2-3`, v₂ has `v-2`. In a pattern, * stands for
an index that runs, and = for one that is always the same as that before it: `W-3-*` is row 3 of W,
`A-*-=` its diagonal.
"""

from __future__ import annotations

from collections.abc import Callable

from matderiv.calculus.index_forms.forms import Index

__all__ = ["Mark", "entry_key", "turned_mark"]

#: The key of the entry at indices.
Mark = Callable[..., str]


def entry_key(name: str, *indices: Index) -> str:
    """The key of an entry, or a pattern of keys where an index is a letter.

    >>> entry_key("X", 2, 3), entry_key("W", 3, "k"), entry_key("A", "k", "k")
    ('X-2-3', 'W-3-*', 'A-*-=')
    """
    places: list[str] = []
    letters: set[object] = set()
    for index in indices:
        if isinstance(index, int):
            places.append(str(index))
        else:
            places.append("=" if index in letters else "*")
            letters.add(index)
    return "-".join((name, *places))


def turned_mark(mark: Mark) -> Mark:
    """The keys of the transpose of an array."""
    return lambda *at: mark(*at[::-1])
