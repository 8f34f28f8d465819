"""Index expressions: Σ_k x_ik w_kj + b_j, in the order and grouping in which a teacher writes it.

A form has no order and no grouping; an index expression has both, and `form_of` gives the form it
means. An entry on a page is printed from such an expression, and the expression is proved.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from functools import reduce

from matderiv._hashed import Value, value
from matderiv.calculus.index_forms.forms import (
    Index,
    indices_at,
)
from matderiv.expression.nodes import Node, Selection
from matderiv.expression.selections import at_sizes, places_of_one, value_at
from matderiv.expression.shapes import Dim

__all__ = [
    "ONE_NUMERAL",
    "Applied",
    "ArrayEntry",
    "Combined",
    "Extent",
    "Factors",
    "FunctionOfArray",
    "IndexExpression",
    "KroneckerDelta",
    "NamedEntry",
    "Numeral",
    "Omitted",
    "PartialDerivative",
    "PowerOf",
    "ProductOver",
    "Quotient",
    "SignedSum",
    "SumOver",
    "at_places",
    "delta",
    "free_letters",
    "holds_letters_or_deltas",
    "index_parts",
    "index_product",
    "negated",
    "quotient",
    "signed_sum",
    "sum_over",
    "term_by_term",
    "whole_power",
    "with_other_parts",
    "without_deltas",
]

#: Letters that a sum or a product runs over, each with the size that it runs to.
Runs = tuple[tuple[str, Dim], ...]


@value
class Numeral(Value):
    """A rational number that is not negative."""

    value: Fraction


@value
class Extent(Value):
    """N, a size as a number."""

    dim: Dim


@value
class NamedEntry(Value):
    """x_ij, or a scalar's name; π is a scalar."""

    name: str
    indices: tuple[Index, ...]


@value
class ArrayEntry(Value):
    """(A⁻¹)_ij: the entry of an array that is written as a formula."""

    node: Node
    indices: tuple[Index, ...]


@value
class KroneckerDelta(Value):
    """δ_ij: 1 where two indices agree, else 0."""

    one: Index
    other: Index


@value
class PartialDerivative(Value):
    """∂z_ij/∂x_pq, also of a sum or of f(z_ij), and by f(x_pq)."""

    of: IndexExpression
    wrt: IndexExpression


@value
class SignedSum(Value):
    """a - b + c, each term with its sign, 1 or -1."""

    items: tuple[tuple[int, IndexExpression], ...]


@value
class Factors(Value):
    """a·b·c in this order."""

    items: tuple[IndexExpression, ...]


@value
class Quotient(Value):
    """a/b."""

    above: IndexExpression
    below: IndexExpression


@value
class PowerOf(Value):
    """a to the power b."""

    base: IndexExpression
    exponent: IndexExpression


@value
class Applied(Value):
    """f(a), a function of one number."""

    function: str
    arg: IndexExpression


@value
class Combined(Value):
    """max(a, b), an operation on numbers that has a name in the language."""

    operation: str
    items: tuple[IndexExpression, ...]


@value
class SumOver(Value):
    """Σ_kl a."""

    letters: Runs
    body: IndexExpression


@value
class ProductOver(Value):
    """Π_kl a."""

    letters: Runs
    body: IndexExpression


@value
class FunctionOfArray(Value):
    """F(A) or an entry of it, A being the array whose entry at `letters` is `arg`."""

    function: str
    letters: Runs
    arg: IndexExpression
    indices: tuple[Index, ...]


@value
class Omitted(Value):
    """Dots in a sum: the terms at all places that are not shown."""

    total: SumOver
    shown: tuple[tuple[int, ...], ...]


IndexExpression = (
    Numeral
    | Extent
    | NamedEntry
    | ArrayEntry
    | KroneckerDelta
    | PartialDerivative
    | SignedSum
    | Factors
    | Quotient
    | PowerOf
    | Applied
    | Combined
    | SumOver
    | ProductOver
    | FunctionOfArray
    | Omitted
)

_ZERO, ONE_NUMERAL = Numeral(Fraction(0)), Numeral(Fraction(1))
_NUMERATOR = 8  # terms above a line, where they cannot be broken


# -- making them -----------------------------------------------------------------------------


def signed_sum(items: Iterable[tuple[int, IndexExpression]]) -> IndexExpression:
    """A sum; terms that are 0 are left out, and a + (b - c) is a + b - c."""
    made: list[tuple[int, IndexExpression]] = []
    for sign, item in items:
        match item:
            case SignedSum(items=inner) if sign > 0 or len(inner) == 1:
                made += [(sign * own, term) for own, term in inner]
            case _ if not _is_number(item, 0):
                made.append((sign, item))
    match made:
        case []:
            return _ZERO
        case [(1, only)]:
            return only
    return SignedSum(tuple(made))


def _is_number(expr: IndexExpression, number: int) -> bool:
    return isinstance(expr, Numeral) and expr.value == number


def negated(expr: IndexExpression) -> IndexExpression:
    """-a."""
    return signed_sum([(-1, expr)])


def index_product(items: Iterable[IndexExpression]) -> IndexExpression:
    """A product; a factor 1 is left out, and one that is 0 is all of it."""
    made: list[IndexExpression] = []
    for item in items:
        for factor in item.items if isinstance(item, Factors) else (item,):
            if _is_number(factor, 0):
                return _ZERO
            if not _is_number(factor, 1):
                made.append(factor)
    match made:
        case []:
            return ONE_NUMERAL
        case [only]:
            return only
    return Factors(tuple(made))


def quotient(above: IndexExpression, below: IndexExpression) -> IndexExpression:
    """a/b, 0 where a is."""
    zero = _is_number(above, 0) and not _is_number(below, 0)
    return _ZERO if zero else Quotient(above, below)


def whole_power(base: IndexExpression, power: int) -> IndexExpression:
    """The power with a number above 0 for its exponent."""
    return base if power == 1 else PowerOf(base, Numeral(Fraction(power)))


def delta(one: Index, other: Index) -> IndexExpression:
    """δ_ij, 1 if both indices are the same, 0 for two numbers."""
    if one == other:
        return ONE_NUMERAL
    numbers = isinstance(one, int) and isinstance(other, int)
    return _ZERO if numbers else KroneckerDelta(one, other)


def sum_over(letters: Runs, body: IndexExpression) -> IndexExpression:
    """Σ_kl a, and a itself where nothing runs, or where it is 0."""
    return SumOver(letters, body) if letters and not _is_number(body, 0) else body


def _rebuilt(
    expr: IndexExpression, made: Callable[[IndexExpression], IndexExpression]
) -> IndexExpression:
    """The expression with each of its operands made anew."""
    match expr:
        case SignedSum(items):
            return signed_sum((sign, made(item)) for sign, item in items)
        case Factors(items):
            return index_product(map(made, items))
        case Quotient(above, below):
            return quotient(made(above), made(below))
        case PowerOf(base, exponent):
            return PowerOf(made(base), made(exponent))
        case Applied(function, arg):
            return Applied(function, made(arg))
        case Combined(operation, items):
            return Combined(operation, tuple(map(made, items)))
        case SumOver(letters, body):
            return sum_over(letters, made(body))
        case ProductOver():
            return replace(expr, body=made(expr.body))
        case FunctionOfArray():
            return replace(expr, arg=made(expr.arg))
        case PartialDerivative(of, wrt):
            return PartialDerivative(made(of), made(wrt))
        case Numeral() | Extent() | NamedEntry() | ArrayEntry() | KroneckerDelta() | Omitted():
            return expr


def with_other_parts(
    expr: IndexExpression, new: Callable[[IndexExpression], IndexExpression | None]
) -> IndexExpression:
    """The expression with others in the place of parts, the largest first."""
    found = new(expr)
    return _rebuilt(expr, lambda part: with_other_parts(part, new)) if found is None else found


def _operands(expr: IndexExpression) -> tuple[IndexExpression, ...]:
    match expr:
        case SignedSum(items):
            return tuple(item for _, item in items)
        case Factors(items) | Combined(items=items):
            return items
        case Quotient(one, other) | PowerOf(one, other) | PartialDerivative(one, other):
            return one, other
        case Applied(arg=part) | FunctionOfArray(arg=part):
            return (part,)
        case SumOver(body=part) | ProductOver(body=part):
            return (part,)
        case Omitted(total):
            return (total,)
        case Numeral() | Extent() | NamedEntry() | ArrayEntry() | KroneckerDelta():
            return ()


def index_parts(expr: IndexExpression) -> Iterator[IndexExpression]:
    """The expression and all expressions inside it."""
    yield expr
    for part in _operands(expr):
        yield from index_parts(part)


# -- indices ---------------------------------------------------------------------------------


def free_letters(expr: IndexExpression) -> frozenset[str]:
    """The letters of an expression that it does not bind itself."""
    inside = frozenset[str]().union(*map(free_letters, _operands(expr)))
    match expr:
        case NamedEntry(indices=indices) | ArrayEntry(indices=indices):
            return frozenset(i for i in indices if isinstance(i, str))
        case KroneckerDelta(one, other):
            return frozenset(i for i in (one, other) if isinstance(i, str))
        case SumOver(letters) | ProductOver(letters):
            return inside - {letter for letter, _ in letters}
        case FunctionOfArray(_, letters, _, indices):
            own = frozenset(i for i in indices if isinstance(i, str))
            return own | (inside - {letter for letter, _ in letters})
    return inside


def at_places(expr: IndexExpression, places: Mapping[str, Index]) -> IndexExpression:
    """The expression with other indices in the place of free letters; δ_12 is 0, and δ_11 is 1.

    >>> at_places(KroneckerDelta("i", "p"), {"i": 1, "p": 2})
    Numeral(value=Fraction(0, 1))
    """
    match expr:
        case NamedEntry(name, indices):
            return NamedEntry(name, indices_at(indices, places))
        case Factors(items):
            return index_product([at_places(item, places) for item in items])
        case ArrayEntry(node, indices):
            return _picked_entry(node, indices_at(indices, places), places)
        case KroneckerDelta(one, other):
            return delta(*indices_at((one, other), places))
        case SumOver() | ProductOver() | FunctionOfArray():
            own = {letter for letter, _ in expr.letters}
            inside = {letter: place for letter, place in places.items() if letter not in own}
            if isinstance(expr, FunctionOfArray):
                expr = replace(expr, indices=indices_at(expr.indices, places))
            put = _rebuilt(expr, lambda part: at_places(part, inside))
            return without_deltas(put) if isinstance(put, SumOver) else put
        case Omitted(total, shown):
            put = at_places(total, places)
            return Omitted(put, shown) if isinstance(put, SumOver) else put
    found = _rebuilt(expr, lambda part: at_places(part, places))
    return _collected(found) if isinstance(found, SignedSum) else found


def _picked_entry(
    node: Node, indices: tuple[Index, ...], places: Mapping[str, Index]
) -> IndexExpression:
    """An entry of an array; of a constant that picks entries 0 or 1 where that is known."""
    if not isinstance(node, Selection):
        return ArrayEntry(node, indices)
    node = at_sizes(node, places)
    numbers = [i for i in indices if isinstance(i, int)]
    if len(numbers) < len(indices):
        return ArrayEntry(node, indices)
    try:
        return Numeral(Fraction(value_at(node, numbers, {})))
    except KeyError:  # of sizes that are letters
        return ArrayEntry(node, indices)


def _collected(total: SignedSum) -> IndexExpression:
    """A sum with 2a for a + a: terms that differ at letters may be alike at numbers."""
    counts: dict[IndexExpression, Fraction] = {}
    for sign, item in total.items:
        number, rest = _number_and_rest(item)
        counts[rest] = counts.get(rest, Fraction(0)) + sign * number
    if len(counts) == len(total.items):
        return total
    return signed_sum(
        (1 if number > 0 else -1, index_product([Numeral(abs(number)), rest]))
        for rest, number in counts.items()
        if number
    )


def _number_and_rest(expr: IndexExpression) -> tuple[Fraction, IndexExpression]:
    match expr:
        case Numeral(value):
            return value, Numeral(Fraction(1))
        case Factors((Numeral(value), *rest)):
            return value, index_product(rest)
    return Fraction(1), expr


def holds_letters_or_deltas(expr: IndexExpression) -> bool:
    """Whether numbers for its free letters change more than indices: a δ_ij, or letters of its own.

    >>> holds_letters_or_deltas(NamedEntry("x", ("i", 1))), holds_letters_or_deltas(delta("i", 1))
    (False, True)
    """
    kinds = KroneckerDelta | SumOver | ProductOver | FunctionOfArray | Omitted
    return any(
        isinstance(part, kinds)
        or (isinstance(part, ArrayEntry) and isinstance(part.node, Selection))
        for part in index_parts(expr)
    )


# -- sums term by term -----------------------------------------------------------------------


def term_by_term(
    expr: IndexExpression, most: int | None, *, outer: bool = False
) -> IndexExpression:
    """Σ_k a_k as a_1 + a_2 + … + a_K; of a longer sum than `most` the middle is left out.

    Terms that a delta makes 0 are left out first: Σ_k δ_2k a_k is a_2. If `outer`, a sum inside
    of a factor, a fraction or a function stays a sum.
    """
    if isinstance(expr, SumOver):
        expr = without_deltas(expr)
    match expr:
        case SumOver(letters, body):
            names = [letter for letter, _ in letters]
            places = [dim.size for _, dim in letters]
            shown = tuple(_shown(places, most))
            terms = [at_places(body, dict(zip(names, at, strict=True))) for at in shown]
            if any(isinstance(part, SumOver | Omitted) for part in index_parts(body)):
                terms = [term_by_term(term, most, outer=outer) for term in terms]
            items = [(1, term) for term in terms]
            if len(shown) < _count(places):
                items.insert(-1, (1, Omitted(expr, shown)))
            return signed_sum(items)
        case SignedSum():
            return _rebuilt(expr, lambda part: term_by_term(part, most, outer=outer))
        case _ if outer:
            return expr
        case PartialDerivative(SumOver(runs, _) as total, wrt) if most is not None:
            few = _count([dim.size for _, dim in runs]) <= _NUMERATOR
            return PartialDerivative(term_by_term(total, most if few else 1), wrt)
        case Numeral() | Extent() | NamedEntry() | ArrayEntry() | KroneckerDelta():
            return expr
    return _rebuilt(expr, lambda part: term_by_term(part, most))


def without_deltas(expr: SumOver) -> IndexExpression:
    """Σ_k δ_2k a_k = a_2, in each term of a sum; so for letters that the sum does not run over."""
    letters = {letter for letter, _ in expr.letters}
    items = expr.body.items if isinstance(expr.body, SignedSum) else ((1, expr.body),)
    picked = [_picked(item, letters) for _, item in items]
    if not any(picked):
        return expr
    made = []
    for (sign, item), at in zip(items, picked, strict=True):
        runs = tuple((letter, dim) for letter, dim in expr.letters if letter not in at)
        made.append((sign, sum_over(runs, at_places(item, at))))
    return signed_sum(made)


def _picked(expr: IndexExpression, letters: set[str]) -> dict[str, Index]:
    """The letters that deltas among the factors of a term hold at another index."""
    match expr:
        case Quotient(above, _):
            return _picked(above, letters)
        case Factors(items):
            found = [_picked(item, letters) for item in items]
            return reduce(lambda one, other: other | one, found, {})
        case ArrayEntry(Selection() as rule, indices):
            known = places_of_one(rule, indices)
            return {str(letter): n for letter, n in known.items() if letters >= known.keys()}
        case KroneckerDelta(one, other):
            for letter, index in ((other, one), (one, other)):
                if isinstance(letter, str) and letter in letters and index not in letters:
                    return {letter: index}
    return {}


def _count(sizes: list[int]) -> int:
    return reduce(lambda one, other: one * other, sizes, 1)


def _shown(sizes: list[int], most: int | None) -> Iterator[tuple[int, ...]]:
    """The index tuples of a sum that are shown: all, or the first ones and the last."""
    places = itertools.product(*(range(1, size + 1) for size in sizes))
    if most is None or all(size <= most + 1 for size in sizes):
        return places
    return itertools.chain(itertools.islice(places, max(1, most - 1)), [tuple(sizes)])


# -- what they mean --------------------------------------------------------------------------
