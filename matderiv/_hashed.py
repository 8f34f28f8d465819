"""Values that are keys of many tables: each works its hash out once.

A form holds forms that hold forms, so that without this a look-up goes through all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar, dataclass_transform

__all__ = ["Hashed", "hashed_once"]

_Class = TypeVar("_Class", bound="Hashed")


class Hashed:
    """A base that has room for the hash."""

    __slots__ = ("known_hash",)
    known_hash: int


@dataclass_transform(frozen_default=True)
def hashed_once(kind: type[_Class]) -> type[_Class]:
    """A frozen dataclass with slots that remembers its hash, and compares it first.

    >>> @hashed_once
    ... class Point(Hashed):
    ...     x: int
    ...     y: int = 0
    >>> Point(1), Point(1) == Point(1, y=0), len({Point(1), Point(1, 0)})
    (Point(x=1, y=0), True, 1)
    """
    defined = dataclass(frozen=True, slots=True)(kind)
    made: Any = defined
    work_out, same, names = made.__hash__, made.__eq__, made.__match_args__

    def remembered(self: Hashed) -> int:
        try:
            return self.known_hash
        except AttributeError:
            object.__setattr__(self, "known_hash", work_out(self))
        return self.known_hash

    def alike(self: object, other: object) -> bool:
        if self is other:
            return True
        if other.__class__ is not made or hash(self) != hash(other) or not same(self, other):
            return False
        for name in names:  # shared: compared once, not at every place that holds it
            object.__setattr__(self, name, getattr(other, name))
        return True

    made.__hash__ = remembered
    made.__eq__ = alike
    return defined
