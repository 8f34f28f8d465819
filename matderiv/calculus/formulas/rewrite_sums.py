"""Rewrites of sums: like terms, and what their terms have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

from matderiv.calculus.formulas.facts import Facts
from matderiv.calculus.formulas.flattened import (
    Addend,
    BasePower,
    added_up,
    chained,
    changed,
    cost,
    factors,
    formula_key,
    product_of,
    split,
    sum_of,
    terms,
)
from matderiv.calculus.formulas.rewrite_transposes import shortest_transpose, with_diagonals
from matderiv.expression import nodes
from matderiv.expression.nodes import Node

__all__ = ["common_factor", "like_terms"]

_MATRIX = 2  # dimensions
_MANY = 12  # terms of a sum in which common factors are no longer looked for
_SUMS = (nodes.Add, nodes.Subtract, nodes.Negate)


def like_terms(node: Node, _: Facts) -> Node | None:
    """a·A + b·A = (a + b)·A, and A + 0 = A."""
    if not isinstance(node, _SUMS):
        return None
    found = added_up(
        (number * more, rest) for number, term in terms(node) for more, rest in [split(term)]
    )
    return changed(node, found)


def common_factor(node: Node, facts: Facts) -> Node | None:
    """A@B + A@C = A@(B + C), A@C + B@C = (A + B)@C, c·A + c·B = c·(A + B), Aᵀ + Bᵀ = (A + B)ᵀ."""
    if not isinstance(node, nodes.Add | nodes.Subtract):
        return None
    parts = terms(node)
    if len(parts) > _MANY:
        return None
    best: Node | None = None
    takes: tuple[_Take, ...] = (_number, _transpose, _ends, _entrywise)
    for take in takes:
        for candidate in take(parts, facts):
            if cost(candidate) < cost(best or node):
                best = candidate
    return best


#: From terms to sums of the same value in which something that they share stands once.
_Take = Callable[[tuple[Addend, ...], Facts], list[Node]]

#: A key, the same for equal factors; the factor taken out of a term; and what is left of it.
_Taken = tuple[object, Node, Addend]


def _number(parts: tuple[Addend, ...], _: Facts) -> list[Node]:
    """The same number before every term."""
    number = parts[0][0]
    if number == 1 or any(abs(part[0]) != abs(number) for part in parts):
        return []
    made = factors(sum_of((c / number, t) for c, t in parts))[1]
    return [product_of(number, made)]


def _transpose(parts: tuple[Addend, ...], facts: Facts) -> list[Node]:
    inside = [(c, t.arg) for c, t in parts if isinstance(t, nodes.Transpose)]
    if len(inside) == len(parts) and len({facts.shape(t) for _, t in inside}) == 1:
        return [nodes.Transpose(sum_of(inside))]
    return []


def _grouped(
    parts: tuple[Addend, ...], taken: Sequence[_Taken | None], join: Callable[..., Node]
) -> list[Node]:
    """All terms of one key joined, the others left as they are."""
    made = []
    for found in dict.fromkeys(t[0] for t in taken if t is not None):
        first, *more = (t for t in taken if t is not None and t[0] == found)
        if not more:
            continue
        number = first[2][0]
        if any(abs(t[2][0]) != abs(number) for t in more):
            number = Fraction(1)
        if number < 0 and any(t[2][0] > 0 for t in more):
            number = -number
        joined = join(first[1], sum_of((t[2][0] / number, t[2][1]) for t in (first, *more)))
        rest = [p for p, t in zip(parts, taken, strict=True) if t is None or t[0] != found]
        made.append(sum_of([(number, joined), *rest]))
    return made


def _ends(parts: tuple[Addend, ...], facts: Facts) -> list[Node]:
    """The same first or the same last factor of matrix products."""
    made: list[Node] = []
    for end, matrix, left in ((0, 0, slice(1, None)), (-1, -2, slice(-1))):
        taken: list[_Taken | None] = []
        seen: set[object] = set()
        for number, rest in parts:
            links, key, sign = _links(rest, facts), None, 1
            if len(links) > 1 and len(facts.shape(links[matrix])) > 1:
                # b - a beside a - b is its negative.
                turned = formula_key(nodes.Negate(links[end]))
                sign = -1 if turned in seen else 1
                key = (turned if sign < 0 else formula_key(links[end]), facts.shape(rest))
                seen.add(key[0])
            taken.append(key and (key, links[end], (sign * number, chained(links[left]))))
        made += _grouped(parts, taken, nodes.MatMul if end == 0 else _before)
    return made


def _before(last: Node, rest: Node) -> Node:
    return nodes.MatMul(rest, last)


def _links(node: Node, facts: Facts) -> list[Node]:
    """The factors of a matrix product, x@A written as Aᵀ@x, and A·v, row by row, as A@diag(v)."""
    links = with_diagonals(node, facts)
    first, *more = (len(facts.shape(link)) for link in links)
    if more and first == 1 and all(dimensions == _MATRIX for dimensions in more):
        return [shortest_transpose(link, facts) for link in reversed(links)]
    return links


def _entrywise(parts: tuple[Addend, ...], _: Facts) -> list[Node]:
    """The same factor of entrywise products; of a higher power, the rest stays where it is."""
    made: list[Node] = []
    every = [f for _, rest in parts for f in factors(rest)[1] if rest != nodes.ONE]
    for base, power in dict.fromkeys(every):
        wanted = (formula_key(base), formula_key(power))
        one = product_of(Fraction(1), [(base, power)])
        taken: list[_Taken | None] = []
        for number, rest in parts:
            own = list(factors(rest)[1])
            for at, (other, higher) in enumerate(own):
                left = formula_key(other) == wanted[0] and _left(higher, power)
                if left:
                    own[at : at + 1] = [] if left == nodes.ZERO else [(other, left)]
                    taken.append((wanted, one, (number, _product(own))))
                    break
            else:
                taken.append(None)
        made += _grouped(parts, taken, _beside)
    return made


def _left(power: Node, taken: Node) -> Node | None:
    """The rest of a power when one of the same sign, as large at most, is taken from it."""
    if formula_key(power) == formula_key(taken):
        return nodes.ZERO
    match power, taken:
        case nodes.Number(whole), nodes.Number(part) if 0 < part < whole or whole < part < 0:
            return nodes.Number(whole - part)
    return None


def _product(parts: list[BasePower]) -> Node:
    return product_of(Fraction(1), parts) if parts else nodes.ONE


def _beside(common: Node, rest: Node) -> Node:
    number, parts = factors(common)
    if isinstance(rest, nodes.Add | nodes.Subtract | nodes.Negate):
        return product_of(number, [*parts, (rest, nodes.ONE)])
    other, more = factors(rest)
    return product_of(number * other, [*parts, *more])
