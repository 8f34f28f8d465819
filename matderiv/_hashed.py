"""Values: dataclasses with slots that share what they can, and are made quickly.

A program imports some two hundred of them, and Python compiles six methods for each frozen
dataclass; these have one of their own, and type checkers alone keep them frozen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from operator import attrgetter
from typing import Any, ClassVar, TypeVar, dataclass_transform

__all__ = ["Hashed", "Value", "hashed_once", "value"]

_Any = TypeVar("_Any", bound="Value")
_Class = TypeVar("_Class", bound="Hashed")


class Value:
    """A base for all values; one is equal to another of its class whose fields are equal."""

    __slots__ = ()
    #: The fields of a value, as one tuple; of only one field, that.
    held: ClassVar[Callable[[Any], Any]]

    def __eq__(self, other: object) -> bool:
        made = type(self)
        return other.__class__ is made and made.held(self) == made.held(other)

    def __hash__(self) -> int:
        made = type(self)
        return hash((made, made.held(self)))

    def __repr__(self) -> str:
        """As the dataclass is written."""
        made: Any = self
        shown = ", ".join(f"{f.name}={getattr(self, f.name)!r}" for f in fields(made) if f.repr)
        return f"{type(self).__qualname__}({shown})"


class Hashed(Value):
    """A value that has room for its hash."""

    __slots__ = ("known_hash",)
    known_hash: int


@dataclass_transform(frozen_default=True)
def value(kind: type[_Any]) -> type[_Any]:
    """A dataclass with slots, frozen to type checkers.

    >>> @value
    ... class Point(Value):
    ...     x: int
    ...     y: int = 0
    >>> Point(1), Point(1) == Point(1, y=0), len({Point(1), Point(1, 0)})
    (Point(x=1, y=0), True, 1)
    """
    made: Any = dataclass(slots=True, eq=False, repr=False)(kind)
    names = made.__match_args__
    made.held = attrgetter(*names) if names else type  # faster than methods that are made
    defined: type[_Any] = made
    return defined


@dataclass_transform(frozen_default=True)
def hashed_once(kind: type[_Class]) -> type[_Class]:
    """A value that remembers its hash, and compares it first.

    It is a key of many tables, and holds such values in turn: without this, a look-up would go
    through all of them.
    """
    defined = value(kind)
    made: Any = defined
    held, names = made.held, made.__match_args__

    def remembered(self: Hashed) -> int:
        try:
            return self.known_hash
        except AttributeError:
            self.known_hash = hash((made, held(self)))
        return self.known_hash

    def alike(self: object, other: object) -> bool:
        if self is other:
            return True
        if other.__class__ is not made or hash(self) != hash(other) or held(self) != held(other):
            return False
        for name in names:  # shared: compared once, not at every place that holds it
            setattr(self, name, getattr(other, name))
        return True

    made.__hash__ = remembered
    made.__eq__ = alike
    return defined
