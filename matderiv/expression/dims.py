"""The sizes of an array, each a number with its letter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from matderiv.expression.size_text import is_worked_out, letters_of_size, size_number

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
    known = {d.symbol: d.size for shape in shapes.values() for d in shape} | dict(sizes)

    def new(dim: Dim) -> Dim:
        if is_worked_out(dim.symbol):
            letters = letters_of_size(dim.symbol)
            if all(letter in known for letter in letters):
                return Dim(dim.symbol, size_number(dim.symbol, known))
        return Dim(dim.symbol, sizes.get(dim.symbol, dim.size))

    return {name: tuple(map(new, shape)) for name, shape in shapes.items()}
