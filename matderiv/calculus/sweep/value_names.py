"""Formulas in which the values of a program stand by their names."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

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


@dataclass(frozen=True, slots=True)
class ValueNames:
    """The names of values by the keys of their formulas, and those that are products or sums."""

    by_key: Mapping[object, str]
    #: Each value that is a product or sum of several parts, with its formula.
    composed: tuple[tuple[str, Node], ...] = ()

    def among(self, names: Container[str]) -> ValueNames:
        """Those of some values."""
        return ValueNames(
            {key: name for key, name in self.by_key.items() if name in names},
            tuple(one for one in self.composed if one[0] in names),
        )


def value_names(values: Sequence[tuple[str, Node]]) -> ValueNames:
    """The names of values with these formulas; one with two forms stands there twice."""
    worth = [(name, value) for name, value in values if _worth_a_name(value)]
    composed = [(n, v) for n, v in worth if len(factors(v)[1]) > 1 or len(terms(v)) > 1]
    return ValueNames({formula_key(v): n for n, v in worth}, tuple(composed))


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
    composed = [(name, value) for name, value in names.composed if name != but]

    def named(node: Node) -> Node:
        return with_value_names(
            node, names.by_key, but=but, parts=lambda part: _in_part(part, composed)
        )

    def through(node: Node) -> Node:
        made = nodes.rebuilt(node, map(through, nodes.children(node)))
        return _through_product(made, names.by_key, but, facts) or made

    best = named(through(node))
    for _ in range(_ROUNDS):
        others = [tidy(best, facts)] if best != node else []
        quotients = (_by_quotient(best, *value) for value in composed)
        others += [tidy(found, facts) for found in quotients if found]
        shortest = min(map(named, others), key=cost, default=best)
        if cost(shortest) >= cost(best):
            break
        best = shortest
    return best


def _in_part(node: Node, composed: Sequence[tuple[str, Node]]) -> Node:
    """A product or sum with names in place of some of its factors or terms."""
    for name, value in composed:
        match node:
            case nodes.Multiply() | nodes.Divide():
                found = _in_product(node, name, value)
            case nodes.Add() | nodes.Subtract():
                found = _in_sum(node, name, value)
            case _:
                return node
        if found is not None and cost(found) < cost(node):
            return _in_part(found, composed)
    return node


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


def _in_product(node: Node, name: str, value: Node) -> Node | None:
    """a·b·c = y·c for a value y = a·b."""
    own, wanted = factors(value)
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
    if len(wanted) == 1 or not own:
        return None
    return product_of(number / own, [*rest[:at], (nodes.Name(name), nodes.ONE), *rest[at:]])


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


def _in_sum(node: Node, name: str, value: Node) -> Node | None:
    """k·a + k·b + c = k·y + c for a value y = a + b."""
    wanted, rest = terms(value), list(terms(node))
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
    if ratio is None or len(wanted) == 1:
        return None
    one: Addend = (ratio, nodes.Name(name))
    return sum_of([*rest[:at], one, *rest[at:]])


def _by_quotient(node: Node, name: str, value: Node) -> Node | None:
    """The formula with y·s in place of c, for a value y = c/s; nothing inside s is replaced."""
    number, parts = factors(value)
    above = [p for p in parts if not (isinstance(p[1], nodes.Number) and p[1].value < 0)]
    below = [p for p in parts if p not in above]
    if number != 1 or len(above) != 1 or above[0][1] != nodes.ONE or not below:
        return None
    numerator = formula_key(above[0][0])
    kept = {formula_key(base) for base, _ in below}
    inverse = [(base, nodes.Number(-factors(power)[0])) for base, power in below]
    put = product_of(Fraction(1), [(nodes.Name(name), nodes.ONE), *inverse])

    def changed(part: Node) -> Node:
        key = formula_key(part)
        if key == numerator:
            return put
        return part if key in kept else nodes.rebuilt(part, map(changed, nodes.children(part)))

    found = changed(node)
    return None if found == node else found
