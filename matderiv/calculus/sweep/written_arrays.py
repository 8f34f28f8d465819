"""How an array of derivatives is written: calls of einsum, products ⊗, or its entry; all proved."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from matderiv.calculus.deciding.decide import Attempt, Pair, decide
from matderiv.calculus.formulas.broadcasting import filled
from matderiv.calculus.formulas.flattened import sum_of
from matderiv.calculus.index_forms.einsums import EinsumTerm, einsum_terms
from matderiv.calculus.index_forms.entries import Entries
from matderiv.calculus.index_forms.expanded import written_out_at
from matderiv.calculus.index_forms.forms import Form, Indices, added
from matderiv.calculus.index_forms.index_expressions import IndexExpression
from matderiv.calculus.index_forms.meaning import form_of
from matderiv.calculus.index_forms.product_entries import entry_of_products
from matderiv.calculus.index_forms.vec_forms import VecProduct, vec_entry, vec_product
from matderiv.calculus.index_forms.written_entry import entry_of
from matderiv.calculus.sweep.array_derivatives import Found, check_derivative
from matderiv.calculus.sweep.proving import Prover
from matderiv.errors import InputError
from matderiv.expression import nodes
from matderiv.expression.axes import einsum
from matderiv.expression.nodes import Node

__all__ = ["einsum_form", "entry_form", "vec_form"]


def einsum_form(found: Found, first: int) -> tuple[EinsumTerm, ...]:
    """The array of derivatives as a sum of calls of einsum; `first` axes are those of Y.

    Raises:
        ProofError: what the calls mean in NumPy is not proved to be the array.
    """
    made = einsum_terms(found.products, found.at, found.dims, first)
    terms = ((t.number, nodes.Multiply(t.scalar, einsum(t.subscripts, *t.operands))) for t in made)
    read = filled(sum_of(terms), found.dims, found.sweep.facts.shape)
    check_derivative(Prover(found.sweep).equal(found.node, read), found.name)
    return made


def vec_form(found: Found, first: int, *, by_rows: bool) -> tuple[VecProduct, ...]:
    """The array of derivatives as a sum of products ⊗ of matrices; `first` axes are those of Y.

    Raises:
        InputError: it has no such form.
        ProofError: what the products mean is not proved to be the array.
    """
    axes = tuple(zip(found.at, found.dims, strict=True))
    rows, cols = axes[:first], axes[first:]
    made: list[VecProduct] = []
    for product in found.products:
        one = vec_product(product, rows, cols, found.sweep.facts, by_rows=by_rows)
        if one is None:
            raise InputError(
                "It has no form with products of matrices by ⊗; choose the form einsum or index."
            )
        made.append(one)
    at = found.at[:first], found.at[first:]
    _check_entry(
        found,
        found.at,
        lambda entries: added(vec_entry(one, *at, entries, by_rows=by_rows) for one in made),
    )
    return tuple(made)


def entry_form(found: Found, at: Indices, letters: Sequence[str]) -> IndexExpression:
    """The entry of the array at indices, as it is written; sums take their `letters`.

    Raises:
        ProofError: it is not proved to be the entry of the array.
    """
    shape = found.sweep.facts.shape
    if found.products:
        places = dict(zip(found.at, at, strict=True))
        made = entry_of_products(found.products, places, shape, letters)
    else:
        made = entry_of(found.node, at, shape, letters)
    _check_entry(found, at, lambda entries: form_of(made, entries))
    return made


def _check_entry(found: Found, at: Indices, entry: Callable[[Entries], Form]) -> None:
    """Raise a ProofError unless the entry of the array is the one that is written."""
    swept = found.sweep
    sizes = {dim.symbol: dim.size for shape in swept.graph.shapes.values() for dim in shape}

    def attempt(what: str, definitions: Mapping[str, Node]) -> Attempt:
        def forms(place: tuple[int, ...] | None) -> Pair:
            entries = Entries(swept.facts.shape, definitions, assumed=swept.facts.assumed)
            one, other = entry(entries), entries.at(found.node, *at)
            if place is None:
                return one, other
            return written_out_at(one, at, place, sizes), written_out_at(other, at, place, sizes)

        return Attempt(what, forms, complete=bool(definitions))

    values = {a.name: a.value for a in swept.graph.values}
    attempts = attempt("as they stand", {}), attempt("values unfolded", values)
    check_derivative(decide(attempts, lambda: [dim.size for dim in found.dims], sizes), found.name)
