"""Claims about arrays of three and four axes as sums of products of entries."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

from matderiv.calculus.formulas.broadcasting import ShapeOf
from matderiv.calculus.formulas.flattened import sum_of
from matderiv.calculus.index_forms.einsums import broadcasted
from matderiv.calculus.index_forms.forms import Index, Indices
from matderiv.calculus.index_forms.linear_maps import Product
from matderiv.errors import InputError
from matderiv.expression.dims import SINGLE, Dim, Shape
from matderiv.expression.nodes import Node

__all__ = ["ArrayAxes", "ArrayClaim", "multiplied_sums", "node_of", "scaled_sum"]

_MOST = 200  # products of a claim


@dataclass(frozen=True, slots=True)
class ArrayAxes:
    """The axes of an array, and the words to read claims about it with.

    `rows` and `cols`: the letters and sizes of the axes of Y and of X. `read`: an expression of the
    language. `shape`: the shape of a formula. `names`: those that a claim may use.
    """

    rows: tuple[tuple[Index, Dim], ...]
    cols: tuple[tuple[Index, Dim], ...]
    read: Callable[[str], Node]
    shape: ShapeOf
    names: Mapping[str, Shape]

    @property
    def at(self) -> Indices:
        """The letters of all axes."""
        return tuple(letter for letter, _ in (*self.rows, *self.cols))

    @property
    def dims(self) -> Shape:
        """The sizes of all axes."""
        return tuple(dim for _, dim in (*self.rows, *self.cols))


@dataclass(frozen=True, slots=True)
class ArrayClaim:
    """A claim as a sum of products of entries; in a form with vec, also read the other way round.

    `form`: as in FORMS.
    """

    form: str
    products: tuple[Product, ...]
    turned: tuple[Product, ...] = ()


def node_of(products: Iterable[Product], axes: ArrayAxes) -> Node | None:
    """The array whose entry is the sum of the products; None where two sizes meet at one index."""
    terms = [_node(product, axes) for product in products]
    found = [(Fraction(1), term) for term in terms if term is not None]
    return sum_of(found) if found and len(found) == len(terms) else None


def _node(product: Product, axes: ArrayAxes) -> Node | None:
    own: dict[Index, Dim] = {}
    for node, places in product.factors:
        for i, dim in zip(places, axes.shape(node), strict=True):
            if own.setdefault(i, dim).symbol != dim.symbol and i != 1:
                return None
    dims = dict(zip(axes.at, axes.dims, strict=True)) | dict(product.summed)
    for one, other in product.deltas * 2:
        known = own.get(one) or own.get(other) or dims[one]
        if {own.setdefault(i, known).symbol for i in (one, other)} != {known.symbol}:
            return None
    summed = tuple((letter, own.get(letter, dim)) for letter, dim in product.summed)
    sizes = tuple(own.get(i, dims[i]) if i != 1 else SINGLE for i in axes.at)
    made = replace(product, summed=summed)
    return broadcasted([made], axes.at, sizes, axes.shape)


def multiplied_sums(*some: Iterable[Product]) -> Iterator[Product]:
    """The product of sums of products."""
    for count, parts in enumerate(itertools.product(*some)):
        if count > _MOST:
            raise InputError(f"The claim has more than {_MOST} products; write it shorter.")
        made = Product()
        for one in parts:
            made = made.times(one.number, one.factors).also(one.deltas, one.summed)
        yield made


def scaled_sum(products: Iterable[Product], number: Fraction | int) -> list[Product]:
    """A sum of products times a number."""
    return [product.times(Fraction(number)) for product in products]
