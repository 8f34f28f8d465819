"""Products of sums as sums of products, each a number, scalars and matrices."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

from matderiv.calculus.formulas.broadcasting import ShapeOf
from matderiv.calculus.formulas.flattened import (
    BasePower,
    added_up,
    factors,
    product_of,
    split_scalars,
    terms,
)
from matderiv.expression import nodes
from matderiv.expression.nodes import Name, Node, transposed

__all__ = ["ScaledProduct", "scaled_products", "times_matrix"]


@dataclass(frozen=True, slots=True)
class ScaledProduct:
    """A number, powers of scalars, and factors of a matrix product."""

    number: Fraction
    scalars: tuple[BasePower, ...]
    factors: tuple[Node, ...]

    def over(self, other: ScaledProduct) -> Node:
        """The scalars of one over those of another."""
        ratio = nodes.Divide(
            product_of(self.number, self.scalars), product_of(other.number, other.scalars)
        )
        number, parts = factors(ratio)
        powers: dict[Node, Node] = {}
        for base, power in parts:
            powers[base] = added_up((*terms(powers.get(base, nodes.ZERO)), *terms(power)))
        return product_of(number, [part for part in powers.items() if part[1] != nodes.ZERO])


def scaled_products(node: Node, shape: ShapeOf) -> Iterator[ScaledProduct]:
    """A product of sums as a sum of products, where no term is broadcast."""
    parts = terms(node)
    if any(shape(term) != shape(node) for _, term in parts):
        yield ScaledProduct(Fraction(1), (), (node,))
        return
    for number, term in parts:
        more, scalars, arrays = split_scalars(term, shape)
        if not shape(term) and isinstance(term, nodes.MatMul):
            more, scalars, arrays = Fraction(1), [], [(term, nodes.ONE)]
        if len(arrays) > 1 or any(power != nodes.ONE for _, power in arrays):
            yield ScaledProduct(number * more, tuple(scalars), (term,))
            continue
        inner = arrays[0][0] if arrays else nodes.ONE
        match inner:
            case nodes.MatMul(left, right):
                sides = (scaled_products(side, shape) for side in (left, right))
                made = [
                    ScaledProduct(a.number * b.number, a.scalars + b.scalars, a.factors + b.factors)
                    for a, b in itertools.product(*sides)
                ]
            case nodes.Transpose(arg) if not isinstance(arg, Name):
                made = [
                    replace(one, factors=tuple(map(transposed, reversed(one.factors))))
                    for one in scaled_products(arg, shape)
                ]
            case nodes.Add() | nodes.Subtract() | nodes.Negate():
                made = [*scaled_products(inner, shape)]
            case _:
                made = [ScaledProduct(Fraction(1), (), (inner,))]
        for one in made:
            whole = (*scalars, *one.scalars)
            yield ScaledProduct(number * more * one.number, whole, one.factors)


def times_matrix(scalar: Node, matrix: Node, sign: int = 1) -> tuple[Fraction, Node]:
    """A scalar times a matrix as a term of a sum."""
    ((number, rest),) = terms(scalar) if len(terms(scalar)) == 1 else ((Fraction(1), scalar),)
    return sign * number, matrix if rest == nodes.ONE else nodes.Multiply(rest, matrix)
