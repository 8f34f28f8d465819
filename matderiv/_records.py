"""Records: frozen dataclasses with slots that take a tenth of the time to define.

`dataclass` writes and compiles the text of each method of each class; at start-up that took as
long as the rest of this package. The methods of records are closures, the same for every class.
"""

from __future__ import annotations

from dataclasses import MISSING, FrozenInstanceError, dataclass, field, fields
from operator import attrgetter
from typing import Any, NoReturn, TypeVar, dataclass_transform

__all__ = ["Hashed", "record"]

_Class = TypeVar("_Class")


class Hashed:
    """A base of records that are keys of many tables: each works its hash out once."""

    __slots__ = ("known_hash",)
    known_hash: int


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def record(kind: type[_Class]) -> type[_Class]:
    """A frozen dataclass with slots; two are equal if they are of one class and all fields are.

    >>> @record
    ... class Point:
    ...     x: int
    ...     y: int = 0
    >>> Point(1), Point(1) == Point(1, y=0), len({Point(1), Point(1, 0)})
    (Point(x=1, y=0), True, 1)
    """
    defined = dataclass(init=False, eq=False, repr=False, slots=True)(kind)
    made: Any = defined
    names: tuple[str, ...] = made.__match_args__
    setters = [getattr(made, name).__set__ for name in names]
    defaults = {f.name: f.default for f in fields(made) if f.default is not MISSING}
    finish = getattr(made, "__post_init__", None)
    parts = attrgetter(*names) if names else lambda _: ()

    def init(self: object, *values: object, **named: object) -> None:
        if named or len(values) < len(names):
            rest = [named.pop(name, defaults.get(name, MISSING)) for name in names[len(values) :]]
            if named or MISSING in rest:
                raise TypeError(f"{made.__name__} has the fields {', '.join(names)}")
            values += tuple(rest)
        for put, value in zip(setters, values, strict=True):
            put(self, value)
        if finish is not None:
            finish(self)

    def equal(self: object, other: object) -> bool:
        return parts(self) == parts(other) if other.__class__ is made else NotImplemented

    def alike(self: object, other: object) -> bool:
        if self is other:
            return True
        if other.__class__ is not made or hash(self) != hash(other) or parts(self) != parts(other):
            return False
        for name, put in zip(names, setters, strict=True):  # shared: compared once, not at
            put(self, getattr(other, name))  # every place where a larger record holds it
        return True

    def hashed(self: object) -> int:
        return hash((made.__qualname__, parts(self)))

    def remembered(self: Hashed) -> int:
        try:
            return self.known_hash
        except AttributeError:
            object.__setattr__(self, "known_hash", hashed(self))
        return self.known_hash

    made.__init__ = init
    made.__eq__ = alike if issubclass(kind, Hashed) else equal
    made.__hash__ = remembered if issubclass(kind, Hashed) else hashed
    made.__repr__ = _shown
    made.__reduce__ = _reduced
    made.__setattr__ = made.__delattr__ = _refused
    return defined


def _shown(self: Any) -> str:  # noqa: ANN401 - a record
    inside = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__match_args__)
    return f"{self.__class__.__qualname__}({inside})"


def _reduced(self: Any) -> tuple[Any, tuple[object, ...]]:  # noqa: ANN401 - a record
    return self.__class__, tuple(getattr(self, name) for name in self.__match_args__)


def _refused(self: object, name: str, *_: object) -> NoReturn:
    raise FrozenInstanceError(f"{name} of {self!r} cannot be changed")
