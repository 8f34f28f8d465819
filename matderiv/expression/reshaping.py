"""The same entries in an array of other sizes: which axes of one are which axes of the other.

Axes of the same size stay; axes that are put together, as in (B, T, H, D) and (B, T, H*D), are
counted through: entry h, d of an axis taken apart is entry h·D + d of the axis.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

from matderiv.errors import ShapeError
from matderiv.expression import nodes
from matderiv.expression.dims import SINGLE, Dim, Shape
from matderiv.expression.nodes import Node
from matderiv.expression.size_text import SizeText, put

__all__ = ["index_groups", "moved_indices", "plain_reshape", "product_of_sizes", "size_of_dim"]

_MATRIX = 2  # dimensions

_Index = int | str
#: Axes of an array, and the axes of the other that hold the same entries.
_Groups = Iterator[tuple[tuple[int, ...], tuple[int, ...]]]
#: Constants with their indices, and the indices of the operand.
_Places = tuple[list[tuple[nodes.Selection, tuple[_Index, ...]]], tuple[_Index, ...]]


def size_of_dim(dim: Dim) -> SizeText:
    """A size as it is written, by its number if it has no letter."""
    return dim.size if dim.symbol == str(dim.size) else dim.symbol


def product_of_sizes(dims: Sequence[Dim]) -> Dim:
    """The size of all these axes put together.

    >>> product_of_sizes([Dim("H", 2), Dim("D", 3)])
    Dim(symbol='D*H', size=6)
    """
    text: SizeText = 1
    for dim in dims:
        text = put("a*b", {"a": text, "b": size_of_dim(dim)})
    return Dim(str(text), math.prod(dim.size for dim in dims))


def index_groups(own: Shape, new: Shape) -> _Groups:
    """The axes that hold the same entries, as few together as can be; those of size 1 left out.

    Raises:
        ShapeError: there are not as many entries.

    >>> b, h, d = Dim("B", 2), Dim("H", 2), Dim("D", 3)
    >>> list(index_groups((b, Dim("D*H", 6)), (b, h, d)))
    [((0,), (0,)), ((1,), (1, 2))]
    """
    left, right = (
        [(n, dim) for n, dim in enumerate(shape) if dim != SINGLE] for shape in (own, new)
    )
    while left and right:
        old, fresh = [left.pop(0)], [right.pop(0)]
        while True:
            one, other = (product_of_sizes([dim for _, dim in axes]) for axes in (old, fresh))
            if one.symbol == other.symbol:
                break
            if one.size <= other.size and left:
                old.append(left.pop(0))
            elif right:
                fresh.append(right.pop(0))
            else:
                raise ShapeError("an array has as many entries in other sizes")
        yield tuple(n for n, _ in old), tuple(n for n, _ in fresh)
    if left or right:
        raise ShapeError("an array has as many entries in other sizes")


def moved_indices(
    own: Shape, new: Shape, at: Sequence[_Index], letter: Callable[[Dim], _Index]
) -> _Places:
    """The entry of an array in other sizes as entries of the array, picked by constants.

    `letter` gives the letters of sums. Entry h, d of x taken apart is Σ_m [m = h·D + d] x_m.
    """
    places: list[_Index] = [1] * len(own)
    constants = []
    for old, fresh in index_groups(own, new):
        if len(fresh) == 1:
            middle = at[fresh[0]]
        elif len(old) == 1:
            middle = letter(own[old[0]])
        else:
            middle = letter(product_of_sizes([own[n] for n in old]))
        if len(fresh) > 1:
            over = [new[n] for n in fresh]
            constants.append((_flat(over), (*(at[n] for n in fresh), middle)))
        if len(old) == 1:
            places[old[0]] = middle
            continue
        for n in old:
            places[n] = letter(own[n])
        over = [own[n] for n in old]
        constants.append((_flat(over), (*(places[n] for n in old), middle)))
    return constants, tuple(places)


def _flat(dims: Sequence[Dim]) -> nodes.Selection:
    sizes = (*dims, product_of_sizes(dims))
    return nodes.Selection("flat", (), tuple(map(size_of_dim, sizes)))


def plain_reshape(node: nodes.Reshape, own: Shape, new: Shape) -> Node:
    """The array in other sizes that all are known, row by row; new axes only where that is all."""
    arg = node.arg
    if node.how == "F":
        inner = nodes.Reshape(_turned(arg, len(own)), ())
        return _turned(plain_reshape(inner, own[::-1], new[::-1]), len(new))
    if new == own:
        return arg
    if SINGLE not in own and [dim for dim in new if dim != SINGLE] == list(own):
        axes = iter(range(len(own)))
        return nodes.Rearrange(arg, tuple(None if dim == SINGLE else next(axes) for dim in new))
    how = "pairs" if node.how == "pairs" else "C"  # A ⊗ B is written as such
    return nodes.Reshape(arg, tuple(map(size_of_dim, new)), how)


def _turned(arg: Node, dimensions: int) -> Node:
    """The array with its axes in the opposite order."""
    if dimensions < _MATRIX:
        return arg
    order = tuple(reversed(range(dimensions)))
    return nodes.transposed(arg) if dimensions == _MATRIX else nodes.Rearrange(arg, order)
