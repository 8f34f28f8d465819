"""Mistakes in claims about arrays of three or four axes: changes that make them right."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction

from matderiv.calculus.formulas.mistakes import Edit
from matderiv.calculus.index_forms.linear_maps import Product, in_factors
from matderiv.checking.array_claims import claim_axes, claim_text
from matderiv.checking.claim_products import ArrayAxes, ArrayClaim, node_of
from matderiv.checking.question import Question
from matderiv.checking.trial import Trial
from matderiv.expression.nodes import Node

__all__ = ["repairs"]

_MOST = 2000  # changes that are tried


def repairs(question: Question, claim: Node) -> Iterator[tuple[Edit, bool]]:
    """Changes of a claim, each with whether it makes it right; else a factor is left."""
    assert question.derivative is not None
    axes, trial = claim_axes(question), Trial(question)
    known = question.claimed.get(claim) or _along_a_diagonal(question, claim, axes)
    if known is None:
        return
    flat = (in_factors(product, axes.shape) for product in known.products)
    known = replace(known, products=tuple(itertools.chain(*flat)))
    right = question.derivative.answer.products
    for kind, products in itertools.islice(_changes(known, right, axes), _MOST):
        node = node_of(products, axes)
        if node is None or question.fitting(node) != question.shape:
            continue
        equal, multiple = trial.near(node)
        if multiple and (not equal or trial.equal(node)):
            question.said[node] = claim_text(question, node, products, known.form)
            yield Edit(kind, node, claim, node), equal


def _along_a_diagonal(question: Question, claim: Node, axes: ArrayAxes) -> ArrayClaim | None:
    """f′(X) where the entries of a diagonal are meant, as products without deltas."""
    shape = question.fitting(claim)
    if shape is None or [d.symbol for d in shape] != [d.symbol for _, d in axes.rows]:
        return None
    form = "vec" if question.said.get(claim, "").startswith("vec(") else "einsum"
    return ArrayClaim(form, (Product(factors=((claim, axes.at[: len(shape)]),)),))


def _changes(
    claim: ArrayClaim, right: Sequence[Product], axes: ArrayAxes
) -> Iterator[tuple[str, tuple[Product, ...]]]:
    """Changes with their kinds, the likeliest first."""
    own = claim.products
    rows, cols = ([letter for letter, _ in side] for side in (axes.rows, axes.cols))
    turned = dict(zip(axes.at, (*cols, *rows), strict=True))
    if claim.turned:
        yield "vec_order", claim.turned
    yield "layout", tuple(product.renamed(turned) for product in own)
    if len(rows) == len(cols):
        yield "symmetric_part", (*own, *(product.renamed(turned) for product in own))
    for term in right:
        yield "missing", (*own, term)
    for n, product in enumerate(own):
        for kind, changed in _of_one(product, right, axes):
            yield kind, (*own[:n], changed, *own[n + 1 :])
    if len(own) > 1:
        for n, product in enumerate(own):
            rest = own[:n], own[n + 1 :]
            yield "extra", (*rest[0], *rest[1])
            yield "sign", (*rest[0], product.times(Fraction(-1)), *rest[1])
            for number in (Fraction(2), Fraction(1, 2)):
                yield "number", (*rest[0], product.times(number), *rest[1])


def _of_one(
    product: Product, right: Sequence[Product], axes: ArrayAxes
) -> Iterator[tuple[str, Product]]:
    """Changes of one product: its indices, its deltas, and factors."""
    for n, (node, at) in enumerate(product.factors):
        if len(set(at)) > 1 and 1 not in at:
            factors = (*product.factors[:n], (node, at[::-1]), *product.factors[n + 1 :])
            yield "indices", replace(product, factors=factors)
    letters = [i for i in axes.at if i != 1]
    for one, other in itertools.combinations(letters, 2):
        yield "indices", product.renamed({one: other, other: one})
    pairs = [(a, b) for a, b in itertools.combinations(letters, 2) if (a, b) not in product.deltas]
    for count in (1, 2):
        for deltas in itertools.combinations(pairs, count):
            yield "diagonal", product.also(deltas)
    for term in right:
        for factor in term.factors:
            if factor not in product.factors:
                yield "chain", product.times(Fraction(1), [factor])
