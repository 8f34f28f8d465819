"""The sizes of an array, each a number with the letter that stands for it."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Dim", "Shape"]


@dataclass(frozen=True, slots=True)
class Dim:
    """A size with the letter that stands for it when a statement holds for every size.

    A size that is a number in the program, such as the 1 that keepdims leaves, has that number
    for its letter.
    """

    symbol: str
    size: int


Shape = tuple[Dim, ...]
