"""The algebra of constants of zeros and ones: eye(N)[1:], its rows, rolls and triangles of ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce

from matderiv.errors import ShapeError
from matderiv.expression.nodes import Selection
from matderiv.expression.size_text import SizeText, put, size_difference, size_number, size_sum

__all__ = [
    "after",
    "at_sizes",
    "flat_place",
    "is_identity",
    "places_in",
    "places_of_one",
    "rule_of",
    "share_no_column",
    "turned_constant",
    "value_at",
]


def rule_of(constant: Selection) -> tuple[str, SizeText, int]:
    """Which columns of row i hold a 1: ("=", a, s) is j = a + s·i, ("<=", a, 1) is j ≤ a + i.

    Of "roll" the place is taken round the end, of "repeat" it is i//s. In row i, k of "flat" there
    is a 1 in column i·K + k, the columns being those of an array of rows and columns in one row;
    in row i, k of "windows" in column s·i + d·k, d being the other number of the rule.
    """
    match constant:
        case Selection("slice", (first, int(step))):
            return "=", first, step
        case Selection("at", (first,)):
            return "=", first, 0
        case Selection("roll", (int(shift),)):
            return "roll", -shift, 1
        case Selection("tri", (int(k),)):
            return "<=", k, 1
        case Selection("repeat", (int(times),)):
            return "repeat", 0, times
        case Selection("flat"):
            return "flat", 0, 1
        case Selection("windows", (int(stride), _)):
            return "windows", 0, stride
    raise ShapeError(f"{constant.kind} is no rule of a constant.")


def turned_constant(rule: Selection) -> Selection | None:
    """The transpose of a flip or a roll, which is one as well; None of others.

    >>> turned_constant(Selection("roll", (1,), ("N", "N")))
    Selection(kind='roll', params=(-1,), sizes=('N', 'N'))
    """
    match rule:
        case Selection("slice", (_, -1), (rows, columns)) if rows == columns:
            return rule
        case Selection("roll", (int(shift),), sizes):
            return Selection("roll", (-shift,), sizes)
    return None


def value_at(rule: Selection, places: Sequence[int], sizes: Mapping[str, int]) -> int:
    """The 0 or 1 at places that count from 1.

    >>> value_at(Selection("slice", (1, 1), ("N - 1", "N")), (1, 2), {"N": 3})
    1
    """
    kind, first, step = rule_of(rule)
    *row, column = (place - 1 for place in places)
    at = size_number(first, sizes) + (step * row[0] if row else 0)
    match kind:
        case "=":
            return int(column == at)
        case "<=":
            return int(column <= at)
        case "roll":
            return int(column == at % size_number(rule.sizes[-1], sizes))
        case "flat":
            return int(column == flat_place(row, [size_number(s, sizes) for s in rule.sizes[:-1]]))
        case "windows":
            return int(column == _in_window(rule, row))
    return int(column == row[0] // step)


def at_sizes(rule: Selection, sizes: Mapping[str, SizeText]) -> Selection:
    """The constant with numbers for letters of sizes.

    >>> at_sizes(Selection("at", ("N - 1",), ("N",)), {"N": 3})
    Selection(kind='at', params=(2,), sizes=(3,))
    """
    params, own = (tuple(put(n, sizes) for n in part) for part in (rule.params, rule.sizes))
    return Selection(rule.kind, params, own)


def places_of_one(rule: Selection, indices: Sequence[int | str]) -> dict[int | str, int]:
    """The letters of indices that count from 1 which are known where the entry is 1.

    >>> places_of_one(Selection("flat", (), (2, 3, 6)), ("i", "k", 5))
    {'i': 2, 'k': 2}
    """
    kind, first, step = rule_of(rule)
    *row, column = indices
    before = [i - 1 for i in row if isinstance(i, int)]
    sizes = [size for size in rule.sizes if isinstance(size, int)]
    if len(sizes) < len(rule.sizes) or isinstance(first, str):
        return {}
    if kind not in ("=", "flat", "windows"):
        return {}
    if kind == "windows":
        if isinstance(column, int) or len(before) < len(row):
            return {}
        return {column: _in_window(rule, before) + 1}
    if isinstance(column, int):
        found = places_in(column - 1, sizes[:-1]) if kind == "flat" and not before else ()
        return {i: n + 1 for i, n in zip(row, found, strict=bool(found))}
    if len(before) < len(row):
        return {}
    if kind == "flat":
        return {column: flat_place(before, sizes[:-1]) + 1}
    return {column: first + step * (before[0] if row else 0) + 1}


def _in_window(rule: Selection, places: Sequence[int]) -> int:
    """s·i + d·k, the place of entry k of window i, all counted from 0."""
    return sum(int(step) * place for step, place in zip(rule.params, places, strict=True))


def flat_place(places: Sequence[int], sizes: Sequence[int]) -> int:
    """The place in one row of the entry at these places, all counted from 0.

    >>> flat_place((1, 2), (2, 5))
    7
    """
    return reduce(lambda at, pair: at * pair[1] + pair[0], zip(places, sizes, strict=True), 0)


def places_in(place: int, sizes: Sequence[int]) -> tuple[int, ...]:
    """The places of the entry that stands at this place in one row, all counted from 0.

    >>> places_in(7, (2, 5))
    (1, 2)
    """
    found: list[int] = []
    for size in reversed(sizes):
        place, own = divmod(place, size)
        found.insert(0, own)
    return tuple(found)


def is_identity(rule: Selection) -> bool:
    """Whether a constant is an identity matrix.

    >>> is_identity(Selection("slice", (0, 1), ("N", "N")))
    True
    """
    kind, first, step = rule_of(rule)
    if kind in ("flat", "windows"):
        return False
    same = len(rule.sizes) > 1 and rule.sizes[0] == rule.sizes[1] and first == 0
    return same and ((kind in ("=", "repeat") and step == 1) or kind == "roll")


def share_no_column(one: Selection, other: Selection) -> bool:
    """Whether no column holds a 1 in both of two slices by ones, so that S1 @ S2ᵀ = 0."""
    if any(rule_of(rule)[0] != "=" or rule_of(rule)[2] not in (0, 1) for rule in (one, other)):
        return False
    (low, high), (low_b, high_b) = map(_span, (one, other))
    return _at_least(low_b, high) or _at_least(low, high_b)


def _span(rule: Selection) -> tuple[SizeText, SizeText]:
    """The first column that holds a 1, and the one after the last, of a slice by ones."""
    first = rule_of(rule)[1]
    return first, size_sum(first, rule.sizes[0] if len(rule.sizes) > 1 else 1)


def _at_least(one: SizeText, other: SizeText) -> bool:
    """Whether a size is another or more, whatever the letters are."""
    more = size_difference(one, other)
    return more >= 0 if isinstance(more, int) else "-" not in more and "//" not in more


def after(one: Selection, other: Selection) -> Selection | None:
    """The constant that the product of two is, row after row."""
    kinds = [rule_of(rule) for rule in (one, other)]
    (kind, first, step), (kind_b, first_b, step_b) = kinds
    if len(other.sizes) == 1:
        return None
    sizes = (*one.sizes[:-1], other.sizes[-1])
    if kind == kind_b == "=":
        start = size_sum(first_b, put(f"{step_b}*n", {"n": first}))
        if len(sizes) == 1:
            return Selection("at", (start,), sizes)
        return Selection("slice", (start, step * step_b), sizes)
    if kind == kind_b == "roll" and isinstance(first, int) and isinstance(first_b, int):
        return Selection("roll", (-first - first_b,), sizes)
    return None
