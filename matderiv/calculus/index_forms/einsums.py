"""Sums of products of entries as calls of einsum, and as formulas that broadcast."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from matderiv.calculus.formulas.broadcasting import ShapeOf, filled, rearranged, size_name
from matderiv.calculus.formulas.flattened import sum_of
from matderiv.calculus.index_forms.forms import Index, Indices
from matderiv.calculus.index_forms.linear_maps import Product, without_ones
from matderiv.errors import MissingRuleError
from matderiv.expression import nodes
from matderiv.expression.dims import Shape
from matderiv.expression.nodes import Node

__all__ = ["EinsumTerm", "broadcasted", "einsum_terms"]

_FIRST, _LAST, _SUMMED = "ijuv", "pqrs", "klmnabcdefgh"


@dataclass(frozen=True, slots=True)
class EinsumTerm:
    """c·s·einsum(subscripts, operands)."""

    number: Fraction
    scalar: Node
    subscripts: str
    operands: tuple[Node, ...]


def einsum_terms(
    products: Iterable[Product], at: Indices, dims: Shape, first: int
) -> tuple[EinsumTerm, ...]:
    """The array whose entry at `at` is the sum of the products; `first` axes are those of Y.

    >>> from matderiv.expression.shapes import Dim
    >>> product = Product(factors=((nodes.Name("w"), ("q",)),), deltas=(("a", "p"),))
    >>> sizes = (Dim("N", 2), Dim("N", 2), Dim("D", 3))
    >>> (found,) = einsum_terms([product], ("a", "p", "q"), sizes, 1)
    >>> found.subscripts, found.operands
    ('q,ip->ipq', (Name(name='w'), Eye(size='N')))
    """
    letters = (*_FIRST[:first], *_LAST[: len(at) - first])
    return tuple(_term(product, at, dims, letters) for product in products)


def _term(product: Product, at: Indices, dims: Shape, letters: tuple[str, ...]) -> EinsumTerm:
    names: dict[Index, str] = {i: x for i, x in zip(at, letters, strict=True) if i != 1}
    free = iter(_SUMMED)
    names |= {letter: next(free) for letter, _ in product.summed}
    scalar: Node = nodes.ONE
    operands: list[tuple[str, Node]] = []
    for node, places in product.factors:
        if places:
            operands.append(("".join(names.get(i) or next(free) for i in places), node))
        else:
            scalar = node if scalar == nodes.ONE else nodes.Multiply(scalar, node)
    sizes = dict(zip(at, dims, strict=True))
    for one, other in product.deltas:
        operands.append((names[one] + names[other], nodes.Eye(size_name(sizes[one]))))
    used = set(itertools.chain.from_iterable(text for text, _ in operands))
    for letter, dim in zip(letters, dims, strict=True):
        if letter not in used:
            operands.append((letter, nodes.Ones((size_name(dim),))))
    for letter, dim in product.summed:
        if names[letter] not in used:
            operands.append((names[letter], nodes.Ones((size_name(dim),))))
    texts, arrays = zip(*operands, strict=True)
    return EinsumTerm(product.number, scalar, f"{','.join(texts)}->{''.join(letters)}", arrays)


def broadcasted(products: Iterable[Product], at: Indices, dims: Shape, shape: ShapeOf) -> Node:
    """The array whose entry at `at` is the sum of the products, by broadcasting: A[:, None]*B.

    >>> from matderiv.calculus.formulas.shaping import shapes_over
    >>> from matderiv.expression.shapes import Dim
    >>> from matderiv.expression.source import source
    >>> n, d, m = Dim("N", 2), Dim("D", 3), Dim("M", 4)
    >>> shape = shapes_over({"A": (n, d), "w": (m,)})
    >>> a, w = (nodes.Name("A"), ("i", "p")), (nodes.Name("w"), ("q",))
    >>> source(broadcasted([Product(factors=(a, w))], ("i", "p", "q"), (n, d, m), shape))
    'A[:, :, None]*w[None, None, :]'
    """
    made = ((p.number, _product(p, at, dims, shape)) for p in products)
    return filled(sum_of(made), dims, shape)


def _product(product: Product, at: Indices, dims: Shape, shape: ShapeOf) -> Node:
    letters: Indices = (*at, *(letter for letter, _ in product.summed))
    sizes = dict(zip(at, dims, strict=True)) | dict(product.summed)
    eyes = ((nodes.Eye(size_name(sizes[one])), (one, other)) for one, other in product.deltas)
    made: Node = nodes.ONE
    for node, places in (*product.factors, *eyes):
        part = _spread(node, places, letters, shape) if places else node
        made = part if made == nodes.ONE else nodes.Multiply(made, part)
    if not product.summed:
        return made
    made = filled(made, (*dims, *(dim for _, dim in product.summed)), shape)
    for axis in reversed(range(len(at), len(letters))):
        made = nodes.Sum(made, axis)
    return made


def _spread(node: Node, places: Indices, letters: Indices, shape: ShapeOf) -> Node:
    """The array with its axes at the places of their letters, and new ones between."""
    node, own = without_ones(node, places, shape)
    if len(own) == 2 and own[0] == own[1]:  # noqa: PLR2004 - the diagonal of a matrix
        node, own = nodes.Diag(node), own[:1]
    if len(set(own)) < len(own):
        raise MissingRuleError(node, "diagonal")
    if not own:
        return node
    return rearranged(node, tuple(own.index(i) if i in own else None for i in letters))
