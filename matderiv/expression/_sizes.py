"""Sizes as unknowns, and equations between them."""

from __future__ import annotations

__all__ = ["ShapeVariables", "SizeVariable", "broadcast", "join", "words"]


class SizeVariable:
    """A size; equal sizes are joined to one representative.

    `fixed`: the program writes it as a number, or needs it to be 1; it gets no letter.
    """

    __slots__ = ("_fixed", "_number", "parent")

    def __init__(self, number: int | None = None, *, fixed: bool = False) -> None:
        self.parent: SizeVariable | None = None
        self._number = number
        self._fixed = fixed

    def root(self) -> SizeVariable:
        """The representative of all sizes that are equal to this one."""
        size = self
        while size.parent is not None:
            size = size.parent
        if size is not self:
            self.parent = size  # a long chain is followed once
        return size

    @property
    def number(self) -> int | None:
        """The number, if it is known."""
        return self.root()._number  # noqa: SLF001 - its own class

    @property
    def fixed(self) -> bool:
        """Whether the size gets no letter."""
        return self.root()._fixed  # noqa: SLF001 - its own class

    def settle(self, number: int) -> None:
        """Give a size its number."""
        self.root()._number = number  # noqa: SLF001 - its own class

    def fix(self) -> None:
        """Give the size no letter."""
        self.root()._fixed = True  # noqa: SLF001 - its own class

    def __str__(self) -> str:
        number = self.number
        return "?" if number is None else str(number)


ShapeVariables = tuple[SizeVariable, ...]


def join(a: SizeVariable, b: SizeVariable) -> bool:
    """Make two sizes one, and say whether that can be."""
    a, b = a.root(), b.root()
    if a is b:
        return True
    if a.number is not None and b.number is not None and a.number != b.number:
        return False
    if a.number is None and b.number is not None:
        a.settle(b.number)
    if b.fixed:
        a.fix()
    b.parent = a
    return True


def broadcast(a: SizeVariable, b: SizeVariable) -> SizeVariable | None:
    """The size of a result, entry by entry: equal sizes, or 1 beside any; None if neither."""
    for one, other in ((a, b), (b, a)):
        if one.number == 1 and other.number != 1:
            one.fix()
            return other
    return a if join(a, b) else None


def words(sizes: ShapeVariables) -> str:
    """A shape in a sentence: 2×4; where no size is known, "a matrix"."""
    if all(size.number is None for size in sizes):
        known = dict(enumerate(("a scalar", "a vector", "a matrix")))
        return known.get(len(sizes), f"an array of {len(sizes)} dimensions")
    if len(sizes) == 1:
        return f"a vector of {sizes[0]}"
    return "×".join(map(str, sizes))
