"""Parts of formulas that have a value where a formula divides by zero, and how they are called.

Π_j x_j/x_i is the product of the other entries, and det(A)·A⁻¹ is the adjugate of A.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import partial

from matderiv.calculus.formulas.broadcasting import ShapeOf
from matderiv.calculus.formulas.flattened import (
    BasePower,
    chain,
    factors,
    formula_key,
    product_of,
    sum_of,
    terms,
)
from matderiv.expression import nodes
from matderiv.expression.nodes import Node

__all__ = ["ADJUGATE", "OTHERS", "removed", "stood_for"]

_MOST = 8  # dimensions of an array

#: The name of the function of a matrix, and of those of an array by the axis of the products.
ADJUGATE = "adjugate"
OTHERS: dict[int | None, str] = {None: "others"} | {axis: f"others_{axis}" for axis in range(_MOST)}

#: The factors of a product with some of them exchanged, or None.
_Exchange = Callable[[list[BasePower]], list[BasePower] | None]

_LINEAR = (
    nodes.MatMul
    | nodes.Outer
    | nodes.Transpose
    | nodes.Reshape
    | nodes.Trace
    | nodes.Diag
    | nodes.Negate
    | nodes.Sum
)


def removed(node: Node, shape: ShapeOf) -> Node:
    """The formula with products of others for Π x/x and the adjugate of A for det(A)·A⁻¹.

    >>> from matderiv.expression.parse import parse
    >>> from matderiv.expression.source import source
    >>> source(removed(parse("L = 2*det(A)*inv(A).T").loss.value, lambda node: ()))
    '2*adjugate(A).T'
    """
    if isinstance(node, nodes.Multiply | nodes.Divide):
        number, parts = factors(node)
        for at, (base, power) in enumerate(parts):
            if not isinstance(power, nodes.Number) or power.value < 1 or power.value % 1:
                continue
            found = _joined(base, [*parts[:at], *parts[at + 1 :]], shape)
            if found is None:
                continue
            if power.value > 1:
                found.append((base, nodes.Number(power.value - 1)))
            made = product_of(number, found)
            if shape(made) == shape(node):  # Π cx/c is one number, not one for each x
                return removed(made, shape)
    return nodes.rebuilt(node, [removed(part, shape) for part in nodes.children(node)])


def stood_for(call: nodes.Apply) -> Node:
    """The formula that divides by zero, for a call of one of these functions.

    >>> from matderiv.expression.source import source
    >>> source(stood_for(nodes.Apply(OTHERS[1], nodes.Name("X"))))
    'prod(X, axis=1, keepdims=True)/X'
    """
    if call.function == ADJUGATE:
        return nodes.Multiply(nodes.Determinant(call.arg), nodes.Inverse(call.arg))
    axis = next(axis for axis, name in OTHERS.items() if name == call.function)
    return nodes.Divide(nodes.Prod(call.arg, axis, axis is not None), call.arg)


def _joined(base: Node, rest: list[BasePower], shape: ShapeOf) -> list[BasePower] | None:
    """A product or determinant times other factors, joined with the one that divides by zero.

    Rows or columns may be scaled by a diagonal matrix: (D@A)·B = D@(A·B).
    """
    match base:
        case nodes.MatMul(nodes.Diag() as scales, arg) | nodes.MatMul(arg, nodes.Diag() as scales):
            left = _joined(arg, rest, shape) if len(shape(scales)) > 1 else None
            if left is not None:
                whole = product_of(Fraction(1), left)
                sides = (whole, scales) if base.right is scales else (scales, whole)
                return [(nodes.MatMul(*sides), nodes.ONE)]
        case nodes.Prod(arg, axis, keepdims) if axis in OTHERS and (keepdims or not axis):
            divided = partial(_divided, OTHERS[axis], arg)
            left = divided(rest) if axis is not None else _within(rest, divided)
            if left is not None:
                return left
        case nodes.Determinant(arg):
            links = chain(arg, shape)
            square = all(shape(link) == shape(arg) for link in links)
            for n, link in enumerate(links if square else [arg]):
                left = _within(rest, partial(_inverted, link))
                if left is not None:
                    others = [*links[:n], *links[n + 1 :]] if square else []
                    return [*((nodes.Determinant(one), nodes.ONE) for one in others), *left]
        case _:
            return None
    for n, (other, power) in enumerate(rest):
        if power == nodes.ONE and isinstance(other, nodes.Add | nodes.Subtract):
            within = [(c, *factors(term)) for c, term in terms(other)]
            made = [(c * d, _joined(base, list(parts), shape), parts) for c, d, parts in within]
            if any(found is not None for _, found, _ in made):
                whole = sum_of(
                    (c, product_of(Fraction(1), found or [(base, nodes.ONE), *parts]))
                    for c, found, parts in made
                )
                return [*rest[:n], (whole, nodes.ONE), *rest[n + 1 :]]
    return None


def _divided(others: str, arg: Node, parts: list[BasePower]) -> list[BasePower] | None:
    """The factors with `others` for 1/x, and with y beside them for x·y; None without 1/x."""
    number, wanted = factors(arg)
    left, beside = list(parts), []
    for base, power in wanted:
        minus = nodes.Number(-factors(power)[0])
        keys = [(formula_key(b), p) for b, p in left]
        if (formula_key(base), minus) in keys:
            left.pop(keys.index((formula_key(base), minus)))
        else:
            beside.append((base, power))
    if number != 1 or len(beside) == len(wanted):
        return None
    return [(nodes.Apply(others, arg), nodes.ONE), *left, *beside]


def _inverted(matrix: Node, parts: list[BasePower]) -> list[BasePower] | None:
    """The factors with the adjugate in the place of A⁻¹; None without A⁻¹."""
    inverse = formula_key(nodes.Inverse(matrix))
    for n, (base, power) in enumerate(parts):
        if power == nodes.ONE and formula_key(base) == inverse:
            return [*parts[:n], (nodes.Apply(ADJUGATE, matrix), nodes.ONE), *parts[n + 1 :]]
    return None


def _within(parts: list[BasePower], exchange: _Exchange) -> list[BasePower] | None:
    """The factors after an exchange, in one of them if it is linear: p·diag(A/x) = diag(p·A/x)."""
    if (found := exchange(parts)) is not None:
        return found
    for n, (base, power) in enumerate(parts):
        if power == nodes.ONE and (made := _in_linear(base, exchange)) is not None:
            return [*parts[:n], (made, nodes.ONE), *parts[n + 1 :]]
    return None


def _in_linear(node: Node, exchange: _Exchange) -> Node | None:
    """A linear operation with an exchange in one of its operands."""
    if not isinstance(node, _LINEAR):
        return None
    operands = nodes.children(node)
    for n, operand in enumerate(operands):
        number, parts = factors(operand)
        if (left := _within(list(parts), exchange)) is not None:
            made = product_of(number, left)
            return nodes.rebuilt(node, (*operands[:n], made, *operands[n + 1 :]))
    return None
