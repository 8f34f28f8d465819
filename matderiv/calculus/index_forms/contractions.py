"""The entries of operands that an entry of a product, a sum or a rearranged array is made of.

(AB)_ij is Σ_k a_ik b_kj, (Aᵀ)_ij is a_ji, and diag(v)_ij is δ_ij v_i. Entries as a teacher writes
them and linear maps are read off this table. What is read is proved with `Entries`, which works the
same out on its own: an error here is refused there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from matderiv.calculus.formulas.broadcasting import ShapeOf, varies
from matderiv.calculus.index_forms.forms import Index, Indices
from matderiv.expression import nodes
from matderiv.expression.dims import Shape
from matderiv.expression.nodes import Node

__all__ = ["CONTRACTED", "contraction", "own_indices", "under_reduction"]

#: The kinds of nodes that the table is about.
CONTRACTED = (nodes.MatMul, nodes.Outer, nodes.Transpose, nodes.Rearrange, nodes.Diag, nodes.Sum)


@dataclass(frozen=True, slots=True)
class _Contraction:
    """Σ over indices that run to `dims` of a product of deltas and of entries of operands.

    `entries`: each operand and its indices, given the indices of the sum.
    """

    dims: Shape
    entries: Callable[[Indices], tuple[tuple[Node, Indices], ...]]
    deltas: tuple[tuple[Index, Index], ...] = ()


def contraction(node: Node, at: Indices, shape: ShapeOf) -> _Contraction | None:
    """The entry of a node at these indices; None for a kind that is not in the table."""
    match node:
        case nodes.MatMul():
            return _matmul(node, at, shape)
        case nodes.Outer(left, right):
            middle = len(shape(left))
            return _Contraction((), lambda _: ((left, at[:middle]), (right, at[middle:])))
        case nodes.Transpose(arg):
            return _Contraction((), lambda _: ((arg, at[::-1]),))
        case nodes.Rearrange(arg, order):
            places = dict(zip(order, at, strict=True))
            own = tuple(places[axis] for axis in range(len(shape(arg))))
            return _Contraction((), lambda _: ((arg, own),))
        case nodes.Diag(arg) if len(shape(arg)) == 1:
            one, other = at
            return _Contraction((), lambda _: ((arg, (one,)),), ((one, other),))
        case nodes.Diag(arg):
            return _Contraction((), lambda _: ((arg, at * 2),))
        case nodes.Sum(arg):
            dims, indices = under_reduction(node, at, shape(arg))
            return _Contraction(dims, lambda k: ((arg, indices(k)),))
    return None


def _matmul(node: nodes.MatMul, at: Indices, shape: ShapeOf) -> _Contraction:
    """Σ_k a_ik b_kj; the indices of a stack, before the last two, stay as they are."""
    left, right = shape(node.left), shape(node.right)
    stack = max(len(left) - 2, len(right) - 2, 0)
    row = at[stack : stack + 1] if len(left) > 1 else ()
    col = at[len(at) - 1 :] if len(right) > 1 else ()
    lead = shape(node)[:stack]
    before, beside = (own_indices(side[:-2], lead, at[:stack]) for side in (left, right))
    return _Contraction(
        left[-1:], lambda k: ((node.left, (*before, *row, *k)), (node.right, (*beside, *k, *col)))
    )


def own_indices(own: Shape, over: Shape, at: Indices) -> Indices:
    """The indices of an array of a shape that is broadcast; 1 along an axis that is repeated."""
    lead = len(over) - len(own)
    return tuple(i if varies(own, over, lead + n) else 1 for n, i in enumerate(at[lead:]))


def under_reduction(
    node: nodes.Reduction, at: Indices, over: Shape
) -> tuple[Shape, Callable[[Indices], Indices]]:
    """The sizes that a reduction runs over, and the indices of its operand, given those of it."""
    if node.axis is None:
        return over, lambda k: k
    place = node.axis % len(over)
    others = at[:place] + (at[place + 1 :] if node.keepdims else at[place:])
    return (over[place],), lambda k: (*others[:place], *k, *others[place:])
