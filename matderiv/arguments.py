"""The arguments of public functions: each is read once, at the door.

An argument of one name is of one kind in every function; the table `_KINDS` says which.
"""

from __future__ import annotations

import functools
import inspect
import math
import operator
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from pathlib import Path
from typing import Any, ParamSpec, SupportsIndex, TypeVar

from matderiv._budget import LONG, budget
from matderiv.errors import InputError, brief
from matderiv.tracing import program_of

__all__ = ["CLAIM", "NAME", "NAMES_AS_GIVEN", "POSITION", "Kind", "checked"]

_P = ParamSpec("_P")
_R = TypeVar("_R")

_LARGEST = 10**18
_LEAST_SHOWN, _MOST_SHOWN = 2, 1000


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of argument.

    `words`: what it is, with an example. `read`: makes the value of it that is worked with, or
    raises a TypeError or ValueError.
    """

    words: str
    read: Callable[[Any], Any]

    def of(self, name: str, value: object) -> object:
        """The value to work with.

        Raises:
            InputError: the argument is of another kind.
        """
        try:
            return self.read(value)
        except (TypeError, ValueError, OverflowError):
            raise InputError(f"{name} is {brief(value)}; it is {self.words}.") from None


def checked(times: int = 1, /, **own: Kind) -> Callable[[Callable[_P, _R]], Callable[_P, _R]]:
    """Read the arguments of a function before it is called, and let it take the budget of work.

    `own` kinds go before the table's. The budget is that of a formula, so many `times`; what has
    been derived already has that of a long program. Arrays that are given by any name, as
    `**arrays`, are left to the function.

    Raises:
        KeyError: a parameter is in no table; this comes when the function is defined.

    >>> @checked()
    ... def named(title, seed=0):
    ...     return f"{title} {seed}"
    >>> named("Sheet", seed=3)
    'Sheet 3'
    >>> named(None)
    Traceback (most recent call last):
    matderiv.errors.InputError: title is None; it is text.
    """

    def decorated(function: Callable[_P, _R]) -> Callable[_P, _R]:
        signature = inspect.signature(function)
        kinds = {
            name: own.get(name) or _KINDS[name]
            for name, parameter in signature.parameters.items()
            if name != "self" and parameter.kind is not parameter.VAR_KEYWORD
        }
        # None is read as "not given" where it is the default.
        optional = {n for n, p in signature.parameters.items() if p.default is None}

        @functools.wraps(function)
        def call(*args: _P.args, **kwargs: _P.kwargs) -> _R:
            __tracebackhide__ = True
            given = signature.bind(*args, **kwargs)
            for name, kind in kinds.items():
                if name in given.arguments:
                    value = given.arguments[name]
                    if value is not None or name not in optional:
                        given.arguments[name] = kind.of(name, value)
            texts = [given.arguments.get(name) for name in ("program", "claim")]
            length = sum(len(text) for text in texts if isinstance(text, str))
            letters = length if "program" in kinds else LONG
            with budget(letters=letters, times=times):
                return function(*given.args, **given.kwargs)

        return call

    return decorated


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return str(value)


def _program(value: object) -> str:
    return program_of(value) if callable(value) else _text(value)


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _whole(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, SupportsIndex):
        raise TypeError
    number = operator.index(value)
    if not -_LARGEST < number < _LARGEST:
        raise ValueError
    return number


def _show(value: object) -> int | str:
    if value == "all":
        return "all"
    number = _whole(value)
    if not _LEAST_SHOWN <= number <= _MOST_SHOWN:
        raise ValueError
    return number


def _real(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError
    if not math.isfinite(value):
        raise ValueError
    return float(value)


def _at_least(
    least: int, read: Callable[[Any], Any], *, more: bool = False
) -> Callable[[Any], Any]:
    """The same as `read`, from `least` on; without `least` itself if only more will do."""

    def bounded(value: object) -> object:
        number = read(value)
        if number < least or (more and number == least):
            raise ValueError
        return number

    return bounded


def _callable(value: object) -> Callable[..., Any]:
    if not callable(value):
        raise TypeError
    found: Callable[..., Any] = value
    return found


def _names(value: object) -> str | tuple[str, ...]:
    """One name, or several, each once."""
    names = _names_as_given(value)
    return names if isinstance(names, str) else tuple(dict.fromkeys(names))


def _names_as_given(value: object) -> str | tuple[str, ...]:
    """One name, or several, of which some may be the same."""
    if isinstance(value, str):
        return str(value)
    names = tuple(map(_text, _several(value)))
    if not names:
        raise ValueError
    return names


def _several(value: object) -> Iterable[Any]:
    if isinstance(value, str | bytes) or not isinstance(value, Iterable):
        raise TypeError
    return value


def _by_name(read: Callable[[Any], Any]) -> Callable[[object], dict[str, Any]]:
    """A dictionary with a name for each key."""

    def table(value: object) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise TypeError
        return {_text(name): read(item) for name, item in value.items()}

    return table


def _size(value: object) -> object:
    """A size; which number it may be is said where sizes are settled."""
    if isinstance(value, SupportsIndex) and not isinstance(value, bool):
        return operator.index(value)
    return value


def _shape(value: object) -> tuple[object, ...]:
    return tuple(map(_size, _several(value)))


def _structures(value: object) -> tuple[tuple[str, str], ...]:
    """Pairs of a name and a structure, from a dictionary or from pairs."""
    pairs = value.items() if isinstance(value, Mapping) else _several(value)
    return tuple((_text(name), _text(structure)) for name, structure in map(_several, pairs))


def _arguments(value: object) -> tuple[Any, ...]:
    """Several values in order; an array alone is not several."""
    if not isinstance(value, Sequence) or isinstance(value, str | bytes):
        raise TypeError
    return tuple(value)


def _path(value: object) -> Path:
    if not isinstance(value, str | os.PathLike) or "\0" in str(value):
        raise TypeError
    return Path(value)


_TEXT = Kind("text", _text)
_FUNCTION = Kind("a function", _callable)
_SHARE = Kind("a number from 0, such as 1e-6", _at_least(0, _real))
_NUMBER = Kind("a finite number", _real)
_FLAG = Kind("True or False", _flag)

#: One name, for parameters that elsewhere take several.
NAME = Kind('a name, such as "X"', _text)

#: Names that are counted as they are given, where the same may stand twice.
NAMES_AS_GIVEN = Kind('a name, such as "X", or two', _names_as_given)

#: A formula or a function that works it out, for claims that may be either.
CLAIM = Kind(
    'a formula as text, such as "2*X", or a function',
    lambda value: value if callable(value) else _text(value),
)

#: The place of an argument of a function, for parameters that elsewhere are names.
POSITION = Kind("the place of an argument, counted from 0", _whole)

#: For each name of a parameter, what it takes.
_KINDS = {
    "program": Kind('a program as text, such as "L = sum(X**2)", or a function', _program),
    "claim": Kind('a formula as text, such as "2*X"', _text),
    "wrt": Kind('a name, such as "X", or several', _names),
    "sizes": Kind('a dictionary of sizes, such as {"N": 2}', _by_name(_size)),
    "shapes": Kind('a dictionary of tuples, such as {"X": (2, 4), "x": (3,)}', _by_name(_shape)),
    "assume": Kind('a dictionary of words, such as {"S": "symmetric"}', _structures),
    "convention": _TEXT,
    "rename": Kind('a dictionary of names, such as {"W": "Theta"}', _structures),
    "notation": _TEXT,
    "mono": _FLAG,
    "method": _TEXT,
    "dtype": _TEXT,
    "lang": _TEXT,
    "length": _TEXT,
    "colours": _FLAG,
    "jacobian": _FLAG,
    "show": Kind("'all' or a whole number from 2 to 1000", _show),
    "title": _TEXT,
    "author": _TEXT,
    "exercises": Kind("a whole number from 0", _at_least(0, _whole)),
    "seed": Kind("a whole number from 0", _at_least(0, _whole)),
    "answers": _TEXT,
    "form": _TEXT,
    "layout": _TEXT,
    "direction": NAME,
    "kind": _TEXT,
    "target": _TEXT,
    "path": Kind('the path of a file, such as "handout.md"', _path),
    "name": NAME,
    "names": Kind("the names of files", lambda names: tuple(map(_text, names))),
    "fragment": _FLAG,
    "newton": _FLAG,
    "order": Kind("a whole number from 1", _at_least(1, _whole)),
    "functions": Kind('a dictionary of functions, such as {"f": numpy.sin}', _by_name(_callable)),
    "array": _FUNCTION,
    "forward": Kind("a function, or None", lambda v: None if v is None else _callable(v)),
    "backward": _FUNCTION,
    "func": _FUNCTION,
    "grad": _FUNCTION,
    "hvp": _FUNCTION,
    "args": Kind("a tuple of arguments", _arguments),
    "eps": Kind("a number above 0, such as 1e-5", _at_least(0, _real, more=True)),
    "rtol": _SHARE,
    "atol": _SHARE,
    "raise_exception": _FLAG,
    "largest": Kind("a whole number from 1", _at_least(1, _whole)),
    "low": _NUMBER,
    "high": _NUMBER,
}
