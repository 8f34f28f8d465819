"""The entry of an array that is a sum of products of entries, as a teacher writes it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from matderiv.calculus.formulas.broadcasting import ShapeOf
from matderiv.calculus.index_forms.forms import Index
from matderiv.calculus.index_forms.index_expressions import (
    IndexExpression,
    Numeral,
    SumOver,
    delta,
    index_product,
    signed_sum,
    sum_over,
)
from matderiv.calculus.index_forms.linear_maps import Product
from matderiv.calculus.index_forms.written_entry import entry_of

__all__ = ["entry_of_products"]


def entry_of_products(
    products: Iterable[Product],
    places: Mapping[Index, Index],
    shape: ShapeOf,
    letters: Sequence[str],
) -> IndexExpression:
    """The sum of products, with other indices for their free letters; sums take their `letters`."""
    terms = []
    for product in products:
        free = iter(letters)
        names: dict[str, str] = {letter: next(free) for letter, _ in product.summed}
        inside = tuple(free)
        known: dict[Index, Index] = {**places, **dict(names.items())}
        items = [
            entry_of(node, tuple(known.get(i, i) for i in at), shape, inside)
            for node, at in product.factors
        ]
        deltas = [delta(known[a], known[b]) for a, b in product.deltas]
        runs = tuple((names[letter], dim) for letter, dim in product.summed)
        number = Numeral(abs(product.number))
        sums = [item for item in items if isinstance(item, SumOver)]
        items = [item for item in items if item not in sums]
        body = sum_over(runs, index_product([*items, *deltas, *sums]))
        terms.append((1 if product.number > 0 else -1, index_product([number, body])))
    return signed_sum(terms)
