"""What is known of an equality."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import sympy as sp

__all__ = ["Verdict"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is known of one equality.

    `index`: proved in index notation, entries and sizes left as letters.
    `entries`: how many entries were compared one by one, exactly, at the chosen sizes.
    `detail`: for a refuted one the entry and a rational point at which the sides differ;
    for an undecided one the reason.
    `entry`, `point`: the same entry and the whole point, for a refuted one that was compared
    entry by entry.
    """

    status: Literal["equal", "refuted", "undecided"]
    index: bool = False
    entries: int = 0
    detail: str = ""
    entry: tuple[int, ...] | None = None
    point: tuple[tuple[sp.Expr, sp.Rational], ...] = ()
