"""Rewrites of matrix products: scalars, inverses, diagonal matrices and outer products."""

from __future__ import annotations

from fractions import Fraction

from matderiv.calculus.formulas.broadcasting import size_name
from matderiv.calculus.formulas.facts import Facts
from matderiv.calculus.formulas.flattened import (
    BasePower,
    chain,
    chained,
    changed,
    factors,
    formula_key,
    product_of,
    split_scalars,
    sum_of,
    terms,
)
from matderiv.calculus.formulas.rewrite_reductions import hoisted
from matderiv.calculus.formulas.rewrite_transposes import shortest_transpose, with_diagonals
from matderiv.expression import nodes
from matderiv.expression.nodes import Node

__all__ = ["cancelled", "diagonal", "identity", "inverse", "outer", "scalars_out"]

_MATRIX = 2  # dimensions


def scalars_out(node: Node, facts: Facts) -> Node | None:
    """(c·A)@B = c·(A@B), (A·diag)…: numbers and scalars stand before a matrix product."""
    if not isinstance(node, nodes.MatMul):
        return None
    links = chain(node, facts.shape)
    number, scalars, left = Fraction(1), [], []
    for link in links:
        c, outside, inside = split_scalars(link, facts.shape)
        if not inside:
            return None
        number *= c
        scalars += outside
        left.append(product_of(Fraction(1), inside))
    if all(factors(link)[0] == 1 for link in links) and not scalars:
        return None  # two minus signs are taken out as well
    return product_of(number, [*scalars, (chained(left), nodes.ONE)])


def identity(node: Node, facts: Facts) -> Node | None:
    """I@A = A@I = A, A⁻¹@A = A@A⁻¹ = I, also where A is a product of several links."""
    if not isinstance(node, nodes.MatMul):
        return None
    links = chain(node, facts.shape)
    kept: list[Node] = [link for link in links if not isinstance(link, nodes.Eye)]
    for at, link in enumerate(kept):
        inside = [formula_key(part) for part in _inverted(link, facts)]
        for first in (at - len(inside), at + 1) if inside else ():
            beside = kept[max(first, 0) : first + len(inside)]
            if [formula_key(part) for part in beside] == inside:
                start = min(first, at)
                rest = [*kept[:start], *kept[start + len(inside) + 1 :]]
                one = nodes.Eye(size_name(facts.shape(link)[0]))
                return changed(node, chained(rest or [one]))
    return changed(node, chained(kept or links[:1]))


def _inverted(node: Node, facts: Facts) -> list[Node]:
    """The links of A where a node is A⁻¹; none where it is no inverse."""
    match node:
        case nodes.Inverse(arg):
            return chain(arg, facts.shape)
        case nodes.Transpose(nodes.Inverse(arg)):
            return chain(shortest_transpose(arg, facts), facts.shape)
    return []


def cancelled(node: Node, facts: Facts) -> Node | None:
    """B@(A@B)⁻¹ = A⁻¹ and (A@B)⁻¹@A = B⁻¹ for square A, B, and the same transposed."""
    if not isinstance(node, nodes.MatMul):
        return None
    links = with_diagonals(node, facts)
    for at, link in enumerate(links):
        turned = isinstance(link, nodes.Transpose)
        inner = link.arg if isinstance(link, nodes.Transpose) else link
        if not isinstance(inner, nodes.Inverse):
            continue
        inside = with_diagonals(inner.arg, facts)
        if len(inside) == 1:
            continue
        if any(facts.shape(part) != facts.shape(inner) for part in inside):
            continue
        # What stands on each side of the inverse, as factors of the product inside.
        before = links[at - 1] if at else None
        after = links[at + 1] if at + 1 < len(links) else None
        if turned:
            before, after = after, before
            before = before and shortest_transpose(before, facts)
            after = after and shortest_transpose(after, facts)
        if before is not None and formula_key(before) == formula_key(inside[-1]):
            left, gone = inside[:-1], at + 1 if turned else at - 1
        elif after is not None and formula_key(after) == formula_key(inside[0]):
            left, gone = inside[1:], at - 1 if turned else at + 1
        else:
            continue
        new: Node = nodes.Inverse(chained(left))
        if turned:
            new = nodes.Transpose(new)
        made = [new if n == at else part for n, part in enumerate(links) if n != gone]
        return chained(made)
    return None


def diagonal(node: Node, facts: Facts) -> Node | None:
    """A@diag(v) = A·v row by row, v·A column by column = diag(v)@A, diag(diag(v)) = v."""
    match node:
        case nodes.MatMul(left, nodes.Diag(v)) if (
            len(facts.shape(v)) == 1 and len(facts.shape(left)) > 0 and not _picks_rows(left)
        ):
            return nodes.Multiply(left, v)
        case nodes.Multiply() | nodes.Divide():
            number, parts = factors(node)
            if (scaled := _scaled_identity(number, parts, facts)) is not None:
                return scaled
            for part in parts:
                match part:
                    case (nodes.Outer(v, nodes.Ones((1,))), power) if power == nodes.ONE:
                        rest = [p for p in parts if p is not part and facts.shape(p[0])]
                        whole = facts.shape(product_of(Fraction(1), rest)) if rest else ()
                        if whole == facts.shape(node) and whole[:1] == facts.shape(v):
                            scalars = [p for p in parts if not facts.shape(p[0])]
                            made = nodes.MatMul(nodes.Diag(v), product_of(Fraction(1), rest))
                            return product_of(number, [*scalars, (made, nodes.ONE)])
        case nodes.MatMul(nodes.Diag(v), nodes.Ones((_, columns))) if len(facts.shape(v)) == 1:
            return nodes.Outer(v, nodes.Ones((columns,)))
        case nodes.MatMul(nodes.Diag(v), right) if len(facts.shape(v)) == 1 and (
            len(facts.shape(right)) == 1
        ):
            return nodes.Multiply(v, right)
        case nodes.Diag(arg) if len(facts.shape(arg)) > 1:
            return _of_matrix(arg, facts)
        case nodes.Diag(arg):
            return hoisted(node, arg, facts)
    return None


def _picks_rows(node: Node) -> bool:
    """Whether a matrix moves rows: beside it a diagonal matrix is kept, and read as diag(v, 1)."""
    inner = node.arg if isinstance(node, nodes.Transpose) else node
    return isinstance(inner, nodes.Selection) and len(inner.sizes) == _MATRIX


def _scaled_identity(number: Fraction, parts: tuple[BasePower, ...], facts: Facts) -> Node | None:
    """I·v = diag(v), row by row."""
    identities = [p for p in parts if isinstance(p[0], nodes.Eye)]
    if len(identities) != 1 or any(facts.shape(power) for _, power in parts):
        return None
    rest = [p for p in parts if p not in identities]
    vectors = [p for p in rest if facts.shape(p[0])]
    diagonal = product_of(Fraction(1), vectors)
    whole = facts.shape(product_of(number, parts))
    if facts.shape(identities[0][0]) != whole or facts.shape(diagonal) != whole[1:]:
        return None
    scalars = [p for p in rest if p not in vectors]
    return product_of(number, [*scalars, (nodes.Diag(diagonal), nodes.ONE)])


#: Matrices whose diagonal is a vector that can be written without them.
_PLAIN = nodes.Diag | nodes.Outer | nodes.Ones | nodes.Eye


def _of_matrix(arg: Node, facts: Facts) -> Node | None:
    """The diagonal of a matrix, which of sums and entrywise products is taken part by part."""
    match arg:
        case nodes.Diag(v):
            return v
        case nodes.Outer(a, b):
            return nodes.Multiply(a, b)
        case nodes.Ones() | nodes.Eye():
            return nodes.Ones((size_name(facts.shape(arg)[0]),))
        case nodes.Transpose(inner):
            return nodes.Diag(inner)
        case nodes.MatMul(nodes.Diag(v), right):
            return nodes.Multiply(v, nodes.Diag(right))
    square = facts.shape(arg)
    some = terms(arg)
    plain = any(isinstance(base, _PLAIN) for _, term in some for base, _ in factors(term)[1])
    if len(some) > 1:
        if not plain or any(facts.shape(term) != square for _, term in some):
            return None
        return sum_of((number, nodes.Diag(term)) for number, term in some)
    number, parts = factors(arg)
    inside = [p for p in parts if len(facts.shape(p[0])) > 1 or facts.shape(p[1])]
    outside = [p for p in parts if p not in inside]
    if any(facts.shape(base) != square or facts.shape(power) for base, power in inside):
        return None
    if plain:
        return product_of(
            number, [*outside, *((nodes.Diag(base), power) for base, power in inside)]
        )
    if not inside or (number == 1 and not outside):
        return None
    return product_of(number, [*outside, (nodes.Diag(product_of(Fraction(1), inside)), nodes.ONE)])


def outer(node: Node, facts: Facts) -> Node | None:
    """A@(a⊗b) = (A@a)⊗b, (a⊗b)@B = a⊗(Bᵀ@b), (c·a)⊗b = c·(a⊗b)."""
    shape = facts.shape
    match node:
        case nodes.MatMul(left, nodes.Outer(a, b)) if len(shape(left)) > len(shape(a)) == 1:
            return nodes.Outer(nodes.MatMul(left, a), b)
        case nodes.MatMul(nodes.Outer(a, b), right) if (
            len(shape(a)) == len(shape(b)) == 1 and len(shape(right)) <= _MATRIX
        ):
            if len(shape(right)) == 1:
                return nodes.Multiply(nodes.MatMul(b, right), a)
            return nodes.Outer(a, nodes.MatMul(shortest_transpose(right, facts), b))
        case nodes.Outer(a, b):
            number, parts = Fraction(1), []
            inner = []
            for side in (a, b):
                c, outside, inside = split_scalars(side, shape)
                if not inside:
                    return None
                number *= c
                parts += outside
                inner.append(product_of(Fraction(1), inside))
            if number == 1 and not parts:
                return None
            return product_of(number, [*parts, (nodes.Outer(*inner), nodes.ONE)])
    return None


def inverse(node: Node, facts: Facts) -> Node | None:
    """(A⁻¹)⁻¹ = A, I⁻¹ = I, (c·A)⁻¹ = A⁻¹/c, diag(v)⁻¹ = diag(1/v), det diag(v) = Π_i v_i."""
    match node:
        case nodes.Inverse(nodes.Inverse(arg)):
            return arg
        case nodes.Inverse(nodes.Eye()):
            return node.arg
        case nodes.Inverse(nodes.Diag(v)) if len(facts.shape(v)) == 1:
            return nodes.Diag(nodes.Divide(nodes.ONE, v))
        case nodes.Determinant(nodes.Diag(v)) if len(facts.shape(v)) == 1:
            return nodes.Prod(v)
        case nodes.Determinant(nodes.Inverse(arg)):
            return nodes.Divide(nodes.ONE, nodes.Determinant(arg))
        case nodes.Inverse(arg):
            number, outside, inside = split_scalars(arg, facts.shape)
            if inside and number and (number != 1 or outside):
                below = product_of(number, outside)
                return nodes.Divide(nodes.Inverse(product_of(Fraction(1), inside)), below)
    return None
