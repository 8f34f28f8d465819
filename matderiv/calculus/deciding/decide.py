"""Decides whether two forms are equal.

Every equality of the package is decided here: links of derivations, gradients, claims, structure
and zeros. A caller lists its attempts, each a way of unfolding both sides; `decide` goes through
them, first by reading alone, then by SymPy, then entry by entry at the chosen sizes.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from matderiv._budget import bounded
from matderiv.calculus.index_forms.assumed import under_assumptions
from matderiv.calculus.index_forms.canonical import canonical
from matderiv.calculus.index_forms.factoring import factored
from matderiv.calculus.index_forms.forms import Form, difference
from matderiv.calculus.index_forms.known_functions import mirrored
from matderiv.errors import TooLarge, UnsupportedError

__all__ = [
    "BUDGET",
    "Attempt",
    "Budget",
    "Pair",
    "Verdict",
    "compare",
    "decide",
    "decide_by_letters",
    "read_the_same",
    "same_form",
]

#: The two sides as forms.
Pair = tuple[Form, Form]


@dataclass(frozen=True, slots=True)
class Budget:
    """How much work a decision may take.

    `products`: products of terms in one attempt.
    `entries`: entries of an array up to which it is compared at the sizes.
    `few`, `some`: values of a program up to which all of them are unfolded at once, with every
    gradient, or only with those whose names the program does not have.
    """

    products: int = 20_000
    entries: int = 100
    few: int = 8
    some: int = 24


BUDGET = Budget()


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether an equality holds, how that is known, and the reason where it is not proved.

    `index`: proved in index notation, for all sizes.
    `entries`: how many entries were compared one by one at the chosen sizes; `sizes` are those
    sizes where a caller tried several.
    `reason`: the entry and a point at which the sides differ, or why each attempt failed.
    `entry`: the entry at which they differ, counted from 1.
    """

    status: Literal["equal", "refuted", "undecided"]
    index: bool = False
    entries: int = 0
    reason: str = ""
    entry: tuple[int, ...] | None = None
    sizes: tuple[Mapping[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Attempt:
    """One way of unfolding both sides; the forms are worked out only when they are asked for.

    `forms(None)` are the sides with letters for indices and sizes; `forms((1, 2))` are entries at
    the chosen sizes, sums written out. In a `complete` attempt nothing is left that has a
    definition, so that a point at which the forms differ refutes the equality.
    """

    name: str
    forms: Callable[[tuple[int, ...] | None], Pair]
    complete: bool = False


def decide(
    attempts: Iterable[Attempt],
    runs: Callable[[], Sequence[int]] | None = None,
    sizes: Mapping[str, int] | None = None,
    *,
    refuted: Callable[[], str | None] = lambda: None,
    budget: Budget = BUDGET,
) -> Verdict:
    """Whether the two sides are equal: for all sizes if possible, else at the chosen sizes.

    Raises:
        InputError: a side divides by zero.

    `runs` says how far each index of a general entry runs; without it, nothing is compared entry
    by entry. `refuted` is asked for a point at which the sides differ once reading has failed.

    >>> from matderiv.calculus.index_forms.forms import Entry, single
    >>> x = single(Entry("x", ("i",)))
    >>> decide([Attempt("as they stand", lambda _: (x, x))]).index
    True
    >>> decide([Attempt("as they stand", lambda _: (x, ()))]).reason
    'as they stand: the sides do not read the same'
    """
    attempts = tuple(attempts)
    found = _by_form(attempts, None, budget, refuted)
    if found.status != "undecided" or runs is None:
        return found
    return compare(attempts, runs(), sizes or {}, budget=budget, before=found.reason)


def compare(
    attempts: Sequence[Attempt],
    runs: Sequence[int],
    sizes: Mapping[str, int],
    *,
    budget: Budget = BUDGET,
    before: str = "",
) -> Verdict:
    """Whether the two sides are equal at chosen sizes, each entry by some attempt.

    `before` is why they are not decided for all sizes, for the reason if they are not equal.
    """
    why = f"{before}; " if before else ""
    count = math.prod(runs)
    if count > budget.entries:
        return Verdict("undecided", reason=f"{why}{count} entries are too many to compare")
    for place in itertools.product(*(range(1, run + 1) for run in runs)):
        where = f"entry {place}: " if place else ""
        found = _by_form(attempts, place, budget, sizes=sizes)
        if found.status == "refuted":
            return Verdict("refuted", reason=f"{where}{found.reason}", entry=place)
        if found.status == "undecided":
            return Verdict("undecided", reason=f"{why}{where}{found.reason}", entry=place)
    return Verdict("equal", entries=count)


def decide_by_letters(attempts: Iterable[Attempt], *, budget: Budget = BUDGET) -> Verdict:
    """Whether the two sides are seen to be equal, in letters and without SymPy."""
    return _read(attempts, None, budget)[0]


def _read(
    attempts: Iterable[Attempt],
    place: tuple[int, ...] | None,
    budget: Budget,
    sizes: Mapping[str, int] | None = None,
) -> tuple[Verdict, dict[str, Pair]]:
    """Whether the sides of some attempt read the same; and the forms of all that do not.

    Both are read as they stand and with what is assumed of inputs used.
    """
    unequal: dict[str, Pair] = {}
    reasons: dict[str, str] = {}
    for attempt in attempts:
        try:
            with bounded(budget.products):
                pair = attempt.forms(place)
                if read_the_same(*pair):
                    return Verdict("equal", index=True), {}
                one, other = (under_assumptions(side, sizes) for side in pair)
                if (one, other) != pair and read_the_same(one, other):
                    return Verdict("equal", index=True), {}
        except RecursionError:
            reasons[attempt.name] = "nested too deeply"
        except UnsupportedError as error:
            reasons[attempt.name] = str(error)
        else:
            unequal[attempt.name] = (one, other)
            reasons[attempt.name] = "the sides do not read the same"
    return Verdict("undecided", reason=_said(reasons)), unequal


def _by_form(
    attempts: Sequence[Attempt],
    place: tuple[int, ...] | None,
    budget: Budget,
    refuted: Callable[[], str | None] = lambda: None,
    sizes: Mapping[str, int] | None = None,
) -> Verdict:
    """Whether the forms of some attempt are equal, in letters or at a place."""
    found, unequal = _read(attempts, place, budget, None if place is None else sizes or {})
    if found.status == "equal":
        return found
    from matderiv.calculus.deciding.points import differ  # loads mpmath: only where needed

    point = refuted()
    if point is None and place is not None:
        point = _refuting(attempts, unequal, sizes or {})
    if point is not None:
        return Verdict("refuted", reason=f"the sides differ at {point}")
    for pair in dict.fromkeys(unequal.values()):
        with suppress(TooLarge), bounded(budget.products):
            if not differ(*pair) and same_form(*pair):
                return Verdict("equal", index=True)
    return found


def _refuting(
    attempts: Iterable[Attempt], pairs: Mapping[str, Pair], sizes: Mapping[str, int]
) -> str | None:
    """A point at which the forms of a complete attempt differ."""
    from matderiv.calculus.deciding.points import refuting_point  # as above

    for attempt in attempts:
        if attempt.complete and attempt.name in pairs:
            return refuting_point(*pairs[attempt.name], sizes)
    return None


def _said(reasons: Mapping[str, str]) -> str:
    """Why each attempt failed, attempts that failed for the same reason together."""
    together: dict[str, list[str]] = {}
    for name, why in reasons.items():
        together.setdefault(why, []).append(name)
    return "; ".join(f"{', '.join(names)}: {why}" for why, names in together.items())


def read_the_same(one: Form, other: Form) -> bool:
    """Whether two forms have the same normal form, as they stand, factored, or f(-u) by f(u).

    Then they are equal.

    Nothing but names is compared, so SymPy is not loaded.
    """
    try:
        if one == other or canonical(one) == canonical(other):
            return True
        if canonical(factored(one)) == canonical(factored(other)):
            return True
        return canonical(mirrored(one)) == canonical(mirrored(other))
    except TooLarge:
        return False


def same_form(one: Form, other: Form) -> bool:
    """Whether two forms are proved equal, for every value of their letters and sizes.

    Where they do not read the same, SymPy is asked whether their difference is zero.
    """
    from matderiv.calculus.deciding.identities import summands_vanish  # loads SymPy

    def same(one: Form, other: Form) -> bool:
        return canonical(one) == canonical(other) or summands_vanish(difference(one, other))

    try:
        if same(one, other) or canonical(mirrored(one)) == canonical(mirrored(other)):
            return True
        if same(factored(one), factored(other)):
            return True
        turned = mirrored(one), mirrored(other)
        return turned != (one, other) and summands_vanish(difference(*turned))
    except (UnsupportedError, RecursionError):
        return False
