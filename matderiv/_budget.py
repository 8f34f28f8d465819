"""One budget of work for everything: what is made is counted, and what makes too much ends.

A step of work is one small thing that is made: a term of an index form, an entry of a node, a
rewrite of a formula, an entry of an array, a box on a page. Each such place calls `spend`; nothing
measures time, so that the same input ends in the same way on every machine. Limits that keep single
things small, whatever the budget is, stand here beside it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from matderiv.errors import BudgetError, InputError, TooLarge

__all__ = [
    "LONG",
    "MOST_DIGITS",
    "MOST_SHOWN_ENTRIES",
    "MOST_TERMS",
    "MOST_WRITTEN_ENTRIES",
    "PAGE_WORK",
    "aside",
    "bounded",
    "budget",
    "spend",
    "stage",
    "watched",
]

#: Digits of an exact number, terms of an index form, entries of an array whose sums are written
#: out in a proof, and entries of one that `show="all"` prints.
MOST_DIGITS = 1200
MOST_TERMS = 2000
MOST_WRITTEN_ENTRIES = 10_000
MOST_SHOWN_ENTRIES = 4_000

#: How many times the work of a formula the pages about it may take.
PAGE_WORK = 10

_VARIABLE = "MATDERIV_BUDGET"
_STEPS = 400  # of work for each letter of a program
_LETTERS = 100  # that a program has at least, for its budget
#: Letters of a long program.
LONG = 10_000
_UNLIMITED = 1 << 62


class _Work:
    """The steps that are left; below `floor`, the part in hand is given up, and below 0 all."""

    __slots__ = ("allowed", "doing", "floor", "left")

    def __init__(self, allowed: int) -> None:
        self.allowed = self.left = allowed
        self.floor = 0
        self.doing = "this"


_work: ContextVar[_Work | None] = ContextVar("_work", default=None)
_watcher: ContextVar[Callable[[str], None] | None] = ContextVar("_watcher", default=None)


@contextmanager
def budget(steps: int | None = None, *, letters: int = 0, times: int = 1) -> Iterator[None]:
    """Let everything inside take this many steps of work; inside another budget, that one holds.

    Without a number, it is that of the variable MATDERIV_BUDGET, or else grows with the letters of
    the program, and is so many `times` as much.

    Raises:
        BudgetError: the steps are used up.
        InputError: the number is not a whole one from 1.

    >>> from matderiv import gradient
    >>> with budget(10):
    ...     gradient("L = sum((X @ Omega - T)**2)", wrt="Omega")
    Traceback (most recent call last):
    matderiv.errors.BudgetError: ...
    """
    if _work.get() is not None:
        yield
        return
    if steps is None:
        steps = _from_environment() or _STEPS * max(letters, _LETTERS) * times
    if isinstance(steps, bool) or not isinstance(steps, int) or steps < 1:
        raise InputError(f"A budget of {steps!r:.40} steps; it is a whole number from 1.")
    token = _work.set(_Work(steps))
    try:
        yield
    finally:
        _work.reset(token)


def _from_environment() -> int | None:
    given = os.environ.get(_VARIABLE, "").strip()
    if not given:
        return None
    if not (given.isascii() and given.isdigit() and int(given[:20])):
        raise InputError(f"{_VARIABLE} is {given[:40]!r}; it is a whole number from 1.")
    return int(given[:20])


@contextmanager
def aside(steps: int) -> Iterator[None]:
    """Let everything inside take at most so many steps, which are not those of the budget.

    Raises:
        BudgetError: the steps are used up; those of the budget are not.

    >>> with budget(10):
    ...     with aside(5):
    ...         spend(4)
    ...     spend(10)
    """
    token = _work.set(_Work(steps))
    try:
        yield
    finally:
        _work.reset(token)


@contextmanager
def bounded(steps: int) -> Iterator[None]:
    """Give up the part in hand after this many steps; inside another such limit, that one holds.

    >>> with bounded(1):
    ...     spend(2)
    Traceback (most recent call last):
    matderiv.errors.TooLarge: the entries take too long to work out
    """
    work = _work.get()
    if work is None:
        with budget(_UNLIMITED), bounded(steps):
            yield
    elif work.floor:
        yield
    else:
        work.floor = max(work.left - steps, 0)
        try:
            yield
        finally:
            work.floor = 0


def spend(steps: int = 1) -> None:
    """Subtract work from the budget.

    Raises:
        TooLarge: the part in hand may take no more.
        BudgetError: nothing may take any more.
    """
    work = _work.get()
    if work is None:
        return
    work.left -= steps
    if work.left < work.floor:
        if work.left < 0:
            raise BudgetError(
                f"{work.doing[:1].upper()}{work.doing[1:]} takes more than the budget of "
                f"{work.allowed:,} steps of work; write the program shorter, or allow more with "
                f"--budget or {_VARIABLE}."
            )
        raise TooLarge("the entries take too long to work out")


def stage(doing: str) -> None:
    """Say what is being worked on now, for whoever watches and for the error of the budget."""
    work, watcher = _work.get(), _watcher.get()
    if work is not None:
        work.doing = doing
    if watcher is not None:
        watcher(doing)


@contextmanager
def watched(watcher: Callable[[str], None]) -> Iterator[None]:
    """Tell somebody of every stage of the work inside."""
    token = _watcher.set(watcher)
    try:
        yield
    finally:
        _watcher.reset(token)
