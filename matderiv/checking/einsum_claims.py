"""Claims about arrays of three and four axes with einsum."""

from __future__ import annotations

import ast

from matderiv.calculus.index_forms.forms import Index
from matderiv.calculus.index_forms.linear_maps import Factor, Product
from matderiv.checking.claim_products import ArrayAxes, multiplied_sums, scaled_sum
from matderiv.expression.dims import SINGLE, Dim

__all__ = ["einsum_products"]


def einsum_products(tree: ast.expr, axes: ArrayAxes) -> list[Product] | None:
    """The products of a sum of calls of einsum, each perhaps times numbers; None of another."""
    match tree:
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub() as op, right=right):
            one, other = (einsum_products(side, axes) for side in (left, right))
            if one is None or other is None:
                return None
            return [*one, *scaled_sum(other, 1 if isinstance(op, ast.Add) else -1)]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            found = einsum_products(operand, axes)
            return None if found is None else scaled_sum(found, -1)
        case ast.BinOp(left=left, op=ast.Mult() | ast.Div() as op, right=right):
            held = ["einsum(" in ast.unparse(side) for side in (left, right)]
            if held == [True, False]:
                inside, beside = left, ast.unparse(right)
            elif held == [False, True] and isinstance(op, ast.Mult):
                inside, beside = right, ast.unparse(left)
            else:
                return None
            found = einsum_products(inside, axes)
            scalar = axes.read(f"1/({beside})" if isinstance(op, ast.Div) else beside)
            if found is None or axes.shape(scalar):
                return None
            return list(multiplied_sums([Product(factors=((scalar, ()),))], found))
        case ast.Call(
            func=ast.Name("einsum"),
            args=[ast.Constant(value=str() as subscripts), *operands],
            keywords=[],
        ):
            return _einsum_call(subscripts.replace(" ", ""), operands, axes)
    return None


def _einsum_call(
    subscripts: str, operands: list[ast.expr], axes: ArrayAxes
) -> list[Product] | None:
    inputs, _, output = subscripts.partition("->")
    letters = inputs.split(",")
    arrays = [axes.read(ast.unparse(operand)) for operand in operands]
    fits = len(letters) == len(arrays) and len(output) == len(set(output)) == len(axes.at)
    if not fits or any(
        len(own) != len(axes.shape(array)) for own, array in zip(letters, arrays, strict=True)
    ):
        return None  # to be read whole, which says what does not fit
    names: dict[str, Index] = dict(zip(output, axes.at, strict=True))
    summed: dict[str, Dim] = {}
    factors: list[Factor] = []
    for own, array in zip(letters, arrays, strict=True):
        places: list[Index] = []
        for letter, dim in zip(own, axes.shape(array), strict=True):
            place = names.setdefault(letter, f"e{len(names)}" if dim != SINGLE else 1)
            if letter not in output and isinstance(place, str):
                summed[place] = dim
            places.append(place)
        factors.append((array, tuple(places)))
    return [Product(factors=tuple(factors), summed=tuple(summed.items()))]
