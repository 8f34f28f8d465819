"""Letters for the indices of an array, one for each of its dimensions."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

from matderiv.calculus.index_forms.forms import Index
from matderiv.expression.dims import SINGLE, Shape

__all__ = ["input_indices", "lettered"]


def lettered(shape: Shape, letters: Iterable[str]) -> tuple[Index, ...]:
    """A letter for each index of an array, 1 where there is but one index.

    >>> from matderiv.expression.dims import Dim
    >>> lettered((Dim("N", 2), SINGLE), "ij")
    ('i', 1)
    """
    pairs = zip(letters, shape, strict=False)
    found = tuple(1 if dim == SINGLE else letter for letter, dim in pairs)
    if len(found) < len(shape):
        raise ValueError(f"{len(shape)} indices have too few letters")
    return found


def input_indices(shape: Shape) -> tuple[Index, ...]:
    """The indices p, q, p_3, p_4 … of an array, where no program has names of its own.

    >>> from matderiv.expression.dims import Dim
    >>> input_indices((Dim("N", 2), Dim("D", 4), Dim("M", 3)))
    ('p', 'q', 'p_3')
    """
    return lettered(shape, itertools.chain("pq", (f"p_{n}" for n in itertools.count(3))))
