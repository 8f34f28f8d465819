"""The size of a Jacobian ∂Y/∂X: counted, without building it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from matderiv.errors import InputError

__all__ = [
    "ITEM_SIZES",
    "REFERENCE",
    "JacobianSize",
    "SizeNumbers",
    "between",
    "item_size",
]

#: A number for each size letter: N, D and M of a product.
SizeNumbers = tuple[int, ...]

#: A layer of a size that is used: a batch of 64, and 4096 numbers in and out.
REFERENCE: SizeNumbers = (64, 4096, 4096)

_STEPS = 8  # from the smallest sizes of a chart to the largest

#: Bytes of one number of each type.
ITEM_SIZES = {
    "float16": 2,
    "bfloat16": 2,
    "float32": 4,
    "float64": 8,
    "float128": 16,
}


@dataclass(frozen=True, slots=True)
class JacobianSize:
    """The Jacobian of Y by X: all partial derivatives of entries of Y by entries of X.

    `matrix_form` is how many numbers the gradient's matrix form touches instead: ∂L/∂Y and
    the other factor are read, ∂L/∂X is written.
    """

    rows: int
    cols: int
    nonzero: int
    matrix_form: int
    item_size: int

    @property
    def count(self) -> int:
        """How many partial derivatives there are."""
        return self.rows * self.cols

    @property
    def memory(self) -> int:
        """Their memory in bytes."""
        return self.count * self.item_size

    @property
    def matrix_form_memory(self) -> int:
        """The memory of the matrix form in bytes."""
        return self.matrix_form * self.item_size


def item_size(dtype: str) -> int:
    """The bytes of one number.

    Raises:
        InputError: the type of a number is not known.
    """
    if dtype not in ITEM_SIZES:
        raise InputError(f"There is no number type {dtype!r} here; known: {', '.join(ITEM_SIZES)}.")
    return ITEM_SIZES[dtype]


def between(first: SizeNumbers, last: SizeNumbers) -> tuple[SizeNumbers, ...]:
    """Sizes that change by equal factors from the first to the last; small products come first.

    >>> between((1, 2), (256, 512))[:3]
    ((1, 2), (2, 4), (4, 8))
    """
    found: dict[int, SizeNumbers] = {}
    for t in range(_STEPS + 1):
        part = t / _STEPS
        pairs = zip(first, last, strict=True)
        sizes = tuple(round(a ** (1 - part) * b**part) for a, b in pairs)
        found.setdefault(math.prod(sizes), sizes)
    return tuple(sizes for _, sizes in sorted(found.items()))
