"""The sizes of an array, each a number with its letter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["SINGLE", "Dim", "Shape", "sized"]


@dataclass(frozen=True, slots=True)
class Dim:
    """A size: its number, and its letter in statements that hold for every size.

    A size that is a number in the program, such as the 1 that keepdims leaves, has that number as
    its letter.
    """

    symbol: str
    size: int


Shape = tuple[Dim, ...]

#: The size of an axis that has one place whatever the other sizes are.
SINGLE = Dim("1", 1)


def sized(shapes: Mapping[str, Shape], sizes: Mapping[str, int]) -> dict[str, Shape]:
    """The same shapes with other sizes for their letters."""
    return {
        name: tuple(Dim(dim.symbol, sizes.get(dim.symbol, dim.size)) for dim in shape)
        for name, shape in shapes.items()
    }
