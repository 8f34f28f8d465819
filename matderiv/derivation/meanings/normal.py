"""Normal equations: where the gradient of a sum of squares is 0."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from matderiv.calculus.formulas.flattened import chained, product_of, sum_of
from matderiv.derivation.meanings.products import ScaledProduct, scaled_products, times_matrix
from matderiv.derivation.meanings.statements import (
    Candidate,
    Equality,
    Shown,
    Unfolded,
    gradient_name,
)
from matderiv.expression import nodes
from matderiv.expression.nodes import Name, Node, names_in, transposed

__all__ = ["normal"]

_MATRIX = 2  # dimensions


def normal(program: Unfolded) -> Iterator[Candidate]:
    """∂L/∂W = c((XᵀX + λI)W - XᵀT): 0 where (XᵀX + λI)W = XᵀT."""
    shape = program.shape
    for name in program.task.wrt:
        gradient = program.gradient(name)
        if gradient is None or len(shape(Name(name))) not in (1, _MATRIX):
            continue
        own, right = list[ScaledProduct](), list[ScaledProduct]()
        for product in scaled_products(gradient, shape):
            (own if product.factors[-1:] == (Name(name),) else right).append(product)
        scalars = [base for one in (*own, *right) for base, _ in one.scalars]
        held = [*scalars, *(f for one in own for f in one.factors[:-1])]
        held += [f for one in right for f in one.factors]
        squares = [one for one in own if _is_square(one.factors[:-1])]
        if not squares or not right or any(name in names_in(node) for node in held):
            continue
        first = squares[0]
        own.remove(first)
        size = shape(Name(name))[0].symbol
        parts = [(Fraction(1), chained(first.factors[:-1]))]
        for one in own:
            factors = one.factors[:-1]
            matrix = chained(factors) if factors else nodes.Eye(size)
            parts.append(times_matrix(one.over(first), matrix))
        left = nodes.MatMul(sum_of(parts), Name(name))
        known = sum_of(times_matrix(one.over(first), chained(one.factors), -1) for one in right)
        scale = product_of(first.number, first.scalars)
        whole = nodes.Multiply(scale, nodes.Subtract(left, known))
        shown: Shown = {"dW": gradient_name(name), "W": Name(name), "equation": (left, known)}
        yield "normal", shown, (Equality(gradient_name(name), whole),)


def _is_square(factors: tuple[Node, ...]) -> bool:
    """Whether a product is AᵀA."""
    half = len(factors) // 2
    turned = tuple(map(transposed, reversed(factors[half:])))
    return bool(factors) and len(factors) % 2 == 0 and factors[:half] == turned
