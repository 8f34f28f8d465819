"""Eigenvectors, where the best projection is sought."""

from __future__ import annotations

from collections.abc import Iterator

from matderiv.calculus.formulas.flattened import chain, chained, product_of, split_scalars
from matderiv.derivation.meanings.statements import (
    Candidate,
    Equality,
    Shown,
    Unfolded,
    gradient_name,
)
from matderiv.expression import nodes
from matderiv.expression.nodes import Name, names_in, transposed

__all__ = ["eigenvectors"]


def eigenvectors(program: Unfolded) -> Iterator[Candidate]:
    """L = c‖X - XWWᵀ‖²: 0 with WᵀW = I where CW = W(WᵀCW), C = XᵀX."""
    shape = program.shape
    for name in program.task.wrt:
        number, scalars, _ = split_scalars(program.loss, shape)
        bases = [base for base, _ in scalars if name in names_in(base)]
        match bases:
            case [nodes.Sum(nodes.Power(nodes.Subtract(x, image), nodes.TWO), None)]:
                parts = chain(image, shape)
            case _:
                continue
        w = Name(name)
        if parts != [x, w, transposed(w)] or not isinstance(x, Name) or not program.free(name):
            continue
        rest = [part for part in scalars if part[0] not in bases]
        scale = product_of(-2 * number, rest)
        second = nodes.MatMul(transposed(x), x)
        image = nodes.MatMul(second, w)
        own = nodes.MatMul(w, chained([transposed(w), transposed(x), x, w]))
        eye = nodes.Eye(shape(w)[1].symbol)
        unit = nodes.MatMul(transposed(w), w)
        off = nodes.MatMul(image, nodes.Subtract(eye, unit))
        on = nodes.Subtract(image, own)
        whole = nodes.Multiply(scale, nodes.Add(on, off))
        shown: Shown = {
            "orthonormal": (unit, eye),
            "equation": (gradient_name(name), nodes.Multiply(scale, on)),
            "zero": (image, own),
            "C": second,
            "W": w,
        }
        yield "eigenvectors", shown, (Equality(gradient_name(name), whole),)
