"""Where a Hessian by a matrix is positive semidefinite, as its products ⊗ show.

A ⊗ B is, where A and B are, for its eigenvalues are the products of theirs; so are sums of such.
"""

from __future__ import annotations

from fractions import Fraction

from matderiv.calculus.formulas.flattened import factors, product_of, sum_of
from matderiv.calculus.index_forms.vec_forms import VecProduct
from matderiv.calculus.sweep.array_derivatives import ArrayProgram, Curvature, Found, is_smooth
from matderiv.calculus.sweep.definite import semidefinite
from matderiv.calculus.sweep.written_arrays import vec_form
from matderiv.errors import MatderivError
from matderiv.expression import nodes

__all__ = ["curvature_of_products"]


def curvature_of_products(found: Found, of: ArrayProgram, wrt: str) -> Curvature:
    """The sign of a Hessian by a matrix; 0 where its products ⊗ do not show it."""
    try:
        made = vec_form(found, len(found.dims) // 2, by_rows=False)
    except MatderivError:
        return Curvature(0)
    for sign in (1, -1):
        needed = [_needed(product, sign, found, of) for product in made]
        known = [names for names in needed if names is not None]
        if known and len(known) == len(needed):
            return Curvature(sign, frozenset().union(*known), is_smooth(of, wrt))
    return Curvature(0)


def _needed(
    product: VecProduct, sign: int, found: Found, of: ArrayProgram
) -> frozenset[str] | None:
    """The inputs that must not be negative for ± A ⊗ B to be positive semidefinite, or None."""
    if product.pair is None or product.left or product.right or product.swapped:
        return None
    number, own = factors(product.scalar)
    scale = product_of(number * product.number * sign, own)
    values = {a.name: a.value for a in of.program.assignments[:-1]}
    inputs = frozenset(of.program.inputs())
    facts = found.sweep.facts
    for one, other in (product.pair, product.pair[::-1]):  # a sign may stand in either
        scaled = sum_of([(Fraction(1), nodes.Multiply(scale, one))])
        first = semidefinite(scaled, facts, values, inputs)
        last = semidefinite(other, facts, values, inputs)
        if first is not None and last is not None:
            return first | last
    return None
