"""Values that are keys of many tables: each works its hash out once.

A form holds forms that hold forms, so that without this a look-up goes through all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from operator import attrgetter
from typing import Any, TypeVar, dataclass_transform

__all__ = ["Hashed", "hashed_once"]

_Class = TypeVar("_Class", bound="Hashed")


class Hashed:
    """A base that has room for the hash."""

    __slots__ = ("known_hash",)
    known_hash: int

    def __repr__(self) -> str:
        """As the dataclass is written."""
        made: Any = self
        named = (field.name for field in fields(made) if field.repr)
        held = ", ".join(f"{name}={getattr(self, name)!r}" for name in named)
        return f"{type(self).__qualname__}({held})"


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
    defined = dataclass(frozen=True, slots=True, eq=False, repr=False)(kind)
    made: Any = defined
    names = made.__match_args__
    held: Callable[[Any], Any] = attrgetter(*names) if names else type  # faster than methods made

    def remembered(self: Hashed) -> int:
        try:
            return self.known_hash
        except AttributeError:
            object.__setattr__(self, "known_hash", hash((made, held(self))))
        return self.known_hash

    def alike(self: object, other: object) -> bool:
        if self is other:
            return True
        if other.__class__ is not made or hash(self) != hash(other) or held(self) != held(other):
            return False
        for name in names:  # shared: compared once, not at every place that holds it
            object.__setattr__(self, name, getattr(other, name))
        return True

    made.__hash__ = remembered
    made.__eq__ = alike
    return defined
