"""The form of a product of entries of formulas."""

from __future__ import annotations

from collections.abc import Mapping

from matderiv.calculus.formulas.linear_maps import Index, Product
from matderiv.calculus.index_forms.contraction import contracted
from matderiv.calculus.index_forms.entries import Entries
from matderiv.calculus.index_forms.forms import Delta, Form, Term, constant, multiplied, single

__all__ = ["product_form"]


def product_form(product: Product, places: Mapping[Index, Index], entries: Entries) -> Form:
    """c·Σ_k a_ik s_k δ_kp, the entries of arrays and the sum worked out; free letters at `places`.

    >>> from matderiv.expression.nodes import Name
    >>> from matderiv.calculus.formulas.shaping import shapes_over
    >>> from matderiv.expression.shapes import Dim
    >>> entries = Entries(shapes_over({"s": (Dim("N", 2),)}))
    >>> product = Product(factors=((Name("s"), ("i",)),), deltas=(("i", "p"),))
    >>> len(product_form(product, {"i": "j", "p": "q"}, entries)[0][0].atoms)
    2
    """
    inner = {letter: entries.letter() for letter, _ in product.summed}
    names = {**places, **inner}
    form = constant(product.number)
    for node, at in product.factors:
        form = multiplied(form, entries.at(node, *(names.get(i, i) for i in at)))
    for one, other in product.deltas:
        form = multiplied(form, single(Delta(names.get(one, one), names.get(other, other))))
    bound = tuple((inner[letter], dim.symbol) for letter, dim in product.summed)
    return contracted(tuple((Term(t.atoms, t.bound + bound), c) for t, c in form))
