"""Formulas in which the values of a program stand by their names."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

from matderiv.calculus.formulas.broadcasting import ShapeOf
from matderiv.calculus.formulas.facts import Facts
from matderiv.calculus.formulas.flattened import (
    Addend,
    BasePower,
    cost,
    factors,
    formula_key,
    product_of,
    sum_of,
    terms,
)
from matderiv.calculus.formulas.rewrite_transposes import turned_matrices
from matderiv.calculus.formulas.tidying import tidy
from matderiv.expression import nodes
from matderiv.expression.nodes import Node

__all__ = ["ValueNames", "told_in_values", "value_names", "with_value_names"]

_ROUNDS = 3  # of naming and tidying


class _Value(NamedTuple):
    """A value with its formula; `place`: its place among all values."""

    place: int
    name: str
    formula: Node


#: Values by the key of one part, which a formula holds that they can stand in.
_ByPart = Mapping[object, Sequence[_Value]]


@dataclass(frozen=True, slots=True)
class ValueNames:
    """The names of values by the keys of their formulas, and those with several parts.

    `products` and `sums` by their first part, `quotients` such as c/s by c; `totals`, those that
    are a number times Σ a·b·…, by the key of a·b·…, with that number.
    """

    by_key: Mapping[object, str]
    products: _ByPart
    sums: _ByPart
    quotients: _ByPart
    totals: Mapping[object, tuple[str, Fraction]]

    def among(self, names: Container[str]) -> ValueNames:
        """Those of some values."""
        parts = (self.products, self.sums, self.quotients)
        kept = [{k: [v for v in t[k] if v.name in names] for k in t} for t in parts]
        by_key = {k: n for k, n in self.by_key.items() if n in names}
        totals = {k: (n, number) for k, (n, number) in self.totals.items() if n in names}
        return ValueNames(by_key, kept[0], kept[1], kept[2], totals)


def value_names(
    values: Iterable[tuple[str, Node]], totals: Iterable[tuple[str, Node]] = ()
) -> ValueNames:
    """The names of values with these formulas; one with two forms stands there twice.

    `totals`: numbers that are asked for as sums alone, by their formulas.
    """
    worth = [(name, value) for name, value in dict.fromkeys(values) if _worth_a_name(value)]
    products, sums, quotients = (defaultdict[object, list[_Value]](list) for _ in range(3))
    for place, (name, formula) in enumerate(worth):
        value, (number, parts), own = _Value(place, name, formula), factors(formula), terms(formula)
        if len(parts) > 1 and number:
            products[formula_key(parts[0][0])].append(value)
        if len(own) > 1:
            sums[formula_key(own[0][1])].append(value)
        if (above := _numerator(formula)) is not None:
            quotients[formula_key(above)].append(value)
    by_key = {formula_key(v): n for n, v in worth}
    whole = {
        formula_key(product): (name, number)
        for name, formula in totals
        for number, product in _total(formula)
    }
    return ValueNames(by_key, products, sums, quotients, whole)


def _total(formula: Node) -> Iterator[tuple[Fraction, Node]]:
    """The number and the product where a formula is a number times Σ a·b·…."""
    number, parts = factors(formula)
    match parts:
        case [(nodes.Sum(arg, None), nodes.ONE)]:
            inside, product = factors(arg)
            if len(product) > 1:
                yield number * inside, product_of(Fraction(1), product)


def _holding(table: _ByPart, keys: Iterable[object], but: str) -> list[_Value]:
    """The values that may stand in a formula with these parts, in their order."""
    return sorted({v for key in keys for v in table.get(key, ()) if v.name != but})


def _worth_a_name(value: Node) -> bool:
    """Whether a value is more than a name or a number."""
    return not isinstance(value, nodes.Name) and bool(nodes.names_in(value))


def with_value_names(
    node: Node,
    names: Mapping[object, str],
    *,
    but: str,
    parts: Callable[[Node], Node] = lambda n: n,
) -> Node:
    """The formula with names in place of the formulas of values, by their keys.

    `parts` is done to what is no value.
    """
    known: dict[Node, Node] = {}

    def named(part: Node) -> Node:
        if part not in known:
            name = names.get(formula_key(part), but)
            if name == but:
                inside = nodes.rebuilt(part, map(named, nodes.children(part)))
                known[part] = parts(inside)
            else:
                known[part] = nodes.Name(name)
        return known[part]

    return named(node)


def told_in_values(node: Node, names: ValueNames, facts: Facts, *, but: str) -> Node:
    """The formula with names for values and for parts of products and sums, tidied if shorter.

    Where y = c/s is a value, c may stand as y·s. Σ (A@Bᵀ)·C in rows is Σ A·y for a value y = C@B.
    """

    def named(node: Node) -> Node:
        return with_value_names(
            node, names.by_key, but=but, parts=lambda part: _in_part(part, names, but, facts.shape)
        )

    def through(node: Node) -> Node:
        made = nodes.rebuilt(node, map(through, nodes.children(node)))
        return _through_product(made, names.by_key, but, facts) or made

    best = named(through(node))
    for _ in range(_ROUNDS):
        others = [tidy(best, facts)] if best != node else []
        inside = {formula_key(part) for part in nodes.walk(best)} if names.quotients else ()
        quotients = (
            _by_quotient(best, v, facts.shape) for v in _holding(names.quotients, inside, but)
        )
        others += [tidy(found, facts) for found in quotients if found]
        shortest = min(map(named, others), key=cost, default=best)
        if cost(shortest) >= cost(best):
            break
        best = shortest
    return best


def _in_part(node: Node, names: ValueNames, but: str, shape: ShapeOf) -> Node:
    """A product or sum with names in place of some of its factors or terms."""
    match node:
        case nodes.Sum(arg, None) if names.totals:
            return _in_total(node, arg, names, but)
        case nodes.MatMul(left, right) if (
            names.totals and len(shape(left)) == len(shape(right)) == 1
        ):
            return _in_total(node, nodes.Multiply(left, right), names, but)
        case nodes.Add() | nodes.Subtract() if names.totals and all(c < 0 for c, _ in terms(node)):
            return nodes.Negate(sum_of((-c, term) for c, term in terms(node)))
        case nodes.Multiply() | nodes.Divide() if names.totals and any(
            isinstance(part, nodes.Negate) for part in nodes.children(node)
        ):
            return product_of(*factors(node))
        case nodes.Multiply() | nodes.Divide():
            keys = (formula_key(base) for base, _ in factors(node)[1])
            table, put = names.products, _in_product
        case nodes.Add() | nodes.Subtract():
            keys = (formula_key(term) for _, term in terms(node))
            table, put = names.sums, _in_sum
        case _:
            return node
    for value in _holding(table, keys, but):
        found = put(node, value)
        if found is not None and cost(found) < cost(node):
            return _in_part(found, names, but, shape)
    return node


def _in_total(node: Node, product: Node, names: ValueNames, but: str) -> Node:
    """Σ a·b·… as y/c for a value y = c·Σ a·b·…."""
    number, parts = factors(product)
    name, own = names.totals.get(formula_key(product_of(Fraction(1), parts)), (but, Fraction(1)))
    return node if name == but else product_of(number / own, [(nodes.Name(name), nodes.ONE)])


def _through_product(
    node: Node, names: Mapping[object, str], but: str, facts: Facts
) -> Node | None:
    """Σ (A@Bᵀ)·C in each row as Σ A·y for a value y = C@B, and so in each column."""
    if not isinstance(node, nodes.Sum) or node.axis is None:
        return None
    whole = facts.shape(node.arg)
    last = len(whole) - 1
    number, parts = factors(node.arg)
    for at, (product, power) in enumerate(parts):
        if not isinstance(product, nodes.MatMul) or power != nodes.ONE:
            continue
        left, right = product.left, product.right
        other = product_of(number, [*parts[:at], *parts[at + 1 :]])
        if {*map(len, map(facts.shape, (left, right, other)))} != {len(whole)}:
            continue
        if node.axis == last:
            kept, value = left, nodes.MatMul(other, turned_matrices(right, facts))
        elif node.axis == last - 1:
            kept, value = right, nodes.MatMul(turned_matrices(left, facts), other)
        else:
            continue
        name = names.get(formula_key(value), but)
        if name != but and facts.shape(other) == whole:
            return nodes.Sum(nodes.Multiply(kept, nodes.Name(name)), node.axis, node.keepdims)
    return None


def _in_product(node: Node, value: _Value) -> Node | None:
    """a·b·c = y·c for a value y = a·b."""
    own, wanted = factors(value.formula)
    number, parts = factors(node)
    rest = list(parts)
    at = len(rest)
    for base, power in wanted:
        place = next((n for n, part in enumerate(rest) if _left(part, base, power)), None)
        if place is None:
            return None
        left = _left(rest[place], base, power)
        rest[place : place + 1] = [] if left == nodes.ZERO else [(base, left)] if left else []
        at = min(at, place)
    return product_of(number / own, [*rest[:at], (nodes.Name(value.name), nodes.ONE), *rest[at:]])


def _left(part: BasePower, base: Node, power: Node) -> Node | None:
    """The rest of the power of a factor, without this one."""
    if formula_key(part[0]) != formula_key(base):
        return None
    if formula_key(part[1]) == formula_key(power):
        return nodes.ZERO
    match part[1], power:
        case nodes.Number(whole), nodes.Number(less) if 0 < less < whole or whole < less < 0:
            return nodes.Number(whole - less)
    return None


def _in_sum(node: Node, value: _Value) -> Node | None:
    """k·a + k·b + c = k·y + c for a value y = a + b."""
    wanted, rest = terms(value.formula), list(terms(node))
    ratio: Fraction | None = None
    at = len(rest)
    for number, term in wanted:
        place = next(
            (n for n, (_, t) in enumerate(rest) if formula_key(t) == formula_key(term)), None
        )
        if place is None or ratio not in (None, rest[place][0] / number):
            return None
        ratio = rest.pop(place)[0] / number
        at = min(at, place)
    if ratio is None:
        return None
    one: Addend = (ratio, nodes.Name(value.name))
    return sum_of([*rest[:at], one, *rest[at:]])


def _numerator(formula: Node) -> Node | None:
    """The c of a quotient c/s."""
    number, parts = factors(formula)
    above = [part for part in parts if not _is_below(part)]
    alone = number == 1 and len(above) == 1 < len(parts) and above[0][1] == nodes.ONE
    return above[0][0] if alone else None


def _is_below(part: BasePower) -> bool:
    return isinstance(part[1], nodes.Number) and part[1].value < 0


def _by_quotient(node: Node, value: _Value, shape: ShapeOf) -> Node | None:
    """The formula with y·s in place of c, for a value y = c/s; nothing inside s is replaced."""
    _, parts = factors(value.formula)
    below = list(filter(_is_below, parts))
    numerator = _numerator(value.formula)
    above = None if numerator is None else formula_key(numerator)
    kept = {formula_key(base) for base, _ in below}
    inverse = [(base, nodes.Number(-factors(power)[0])) for base, power in below]
    put = product_of(Fraction(1), [(nodes.Name(value.name), nodes.ONE), *inverse])
    if numerator is None or shape(put) != shape(numerator):  # such as a row for a vector
        return None

    def changed(part: Node) -> Node:
        key = formula_key(part)
        if key == above:
            return put
        return part if key in kept else nodes.rebuilt(part, map(changed, nodes.children(part)))

    found = changed(node)
    return None if found == node else found
