"""Points to evaluate at: choices of sizes, with worlds of random inputs at each."""

from __future__ import annotations

import contextlib
import itertools
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

from certificates.derivatives import Calculus
from certificates.numbers import RANGES, Reals
from certificates.reading import Tree, walk, whole_number
from certificates.worlds import CHANCE, Jumps, NoValueError, World

_SHUFFLES = 12  # choices of sizes of each kind, where the program has no value at the first


class Point:
    """Worlds of one choice of sizes: more of them where a formula has no value in the first."""

    def __init__(
        self, calculus: Calculus, jumps: Jumps, field: Reals, sizes: Mapping[str, int]
    ) -> None:
        self.sizes, self._make = sizes, partial(World, calculus, jumps, field, sizes)
        self._made = [self._make()]

    def worlds(self) -> Iterator[World]:
        """The worlds in order, the inputs of each from another range."""
        for n in range(len(RANGES)):
            if n == len(self._made):
                self._made.append(self._make(n))
            yield self._made[n]


def other_points(
    point: Callable[[Mapping[str, int]], Point],
    names: Sequence[str],
    spread: Mapping[str, int],
    count: int,
) -> Iterator[Point]:
    """Points at two other choices of sizes than those of the file, `count` at each.

    Sizes at which the program has no value, as a product that is singular there, are passed over.
    Where two formulas may agree at `spread` sizes that a letter may have, though they differ, one
    more is tried, and another.
    """
    sizes: dict[str, int] = {}
    for _ in range(2 if names else 1):
        before = sizes
        for left in reversed(range(2 * _SHUFFLES)):
            sizes = other_sizes(names, CHANCE, before, least=1 + (left < _SHUFFLES))
            with contextlib.suppress(NoValueError):
                yield from [point(sizes) for _ in range(count)]
                break
    for name, most in spread.items():
        for size in range(1, most + 3 if most > 1 else 1):
            for _ in range(_SHUFFLES):
                sizes = {n: CHANCE.randint(1, spread.get(n, 0) + 3) for n in names}
                with contextlib.suppress(NoValueError):
                    yield point(sizes | {name: size})
                    break


Spread = tuple[int, int, int]  # the lowest and the highest power of a size, and those below


def spread_of(tree: Tree, size: str) -> Spread:
    """At how many sizes a formula may be 0 that is not 0: as a polynomial in one of its sizes."""
    match tree:
        case ("name", name):
            return (1, 1, 0) if name == size else (0, 0, 0)
        case (("add" | "mul") as kind, parts):
            lows, highs, more = zip(*(spread_of(part, size) for part in parts), strict=True)
            low, high = (min(lows), max(highs)) if kind == "add" else (sum(lows), sum(highs))
            return low, high, sum(more)
        case ("pow", base, exponent):
            low, high, below = spread_of(base, size)
            n = whole_number(exponent)
            if n is None or any(spread_of(exponent, size)):
                return 0, 2 * (high - low + below) + 9 * any(spread_of(exponent, size)), 0
            if n >= 0 or low == high:
                return min(n * low, n * high), max(n * low, n * high), abs(n) * below
            return n * low, n * low, -n * (high - low + below)
        case ("call", name, (body, *rest)):
            low, high, below = spread_of(body, size)
            if name == "Sum":
                held = {at for node in walk(body) if node[0] == "index" for at in node[2]}
                free = [bound[1][2] for bound in rest if bound[1][0] not in held]
                return low, high + free.count(("name", size)), below
            many = 9 if name in ("sin", "cos") else 1
            return 0, (max(abs(low), abs(high)) + below) * many, 0
    return 0, 0, 0


def other_sizes(
    names: Sequence[str], chance: random.Random, before: Mapping[str, int], least: int = 1
) -> dict[str, int]:
    """Sizes that differ from their neighbours, or from those before, when one is the least."""
    order = list(names)
    chance.shuffle(order)
    if not before:
        return dict(zip(order, itertools.cycle((2, 3, 4)), strict=False))
    found = {n: chance.choice([size for size in (2, 3, 4) if size != before[n]]) for n in order}
    small = next((n for n in order if before[n] != least), None)
    return found if small is None else found | {small: least}
