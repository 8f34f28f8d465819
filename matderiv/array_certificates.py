"""Certificates of Jacobians and Hessians: the gradient of ⟨V, Y⟩ by X with a free V.

That gradient is linear in V, and where it is Jᵀv for a J without v, J is the Jacobian. The
certificate of a Hessian holds that of the gradient whose inner product with V it is about.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from matderiv.array_questions import Asked, array_program, gradient_at
from matderiv.errors import UnsupportedError
from matderiv.expression import nodes
from matderiv.handout.certificate import ReadOff, certificate
from matderiv.product_pages import derived, ending_in, gradient_and_program, product_steps

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matderiv.calculus.sweep.array_derivatives import ArrayProgram, Found
    from matderiv.expression.nodes import Node
    from matderiv.expression.shapes import Shape

__all__ = ["array_certificate"]

_MATRIX = 2  # dimensions


def array_certificate(asked: Asked, found: Found, shapes: Mapping[str, Shape]) -> str:
    """The certificate of a Jacobian, a Hessian or a product that was found, as text.

    Raises:
        ProofError: a link is not proved.
        UnsupportedError: the gradient that a Hessian is about is a constant.
    """
    if asked.direction:
        *before, last = product_steps(asked, found, dict(shapes))
        return certificate(last, before[0] if before else None)
    array, first = array_program(asked.program, shapes, dict(asked.assume)), None
    if asked.kind == "hessian":
        formula = gradient_at(asked, array.shapes).value
        array, first = gradient_and_program(array, asked.wrt[0], formula)
    direction = array.free(
        *(("tau", "nu"), ("v", "u", "z"), ("V", "U", "Z"))[min(len(array.shape), _MATRIX)]
    )
    wrt = asked.wrt[-1]
    if wrt not in array.shapes:
        raise UnsupportedError(
            f"The gradient by {asked.wrt[0]} does not hold {wrt}, so the Hessian is 0; a "
            "certificate would have nothing to prove; its page says so: --format text."
        )
    paired = array.along(direction)
    steps = derived(paired, wrt)
    product = _product(found, nodes.Name(direction), array, asked)
    if product is None or not nodes.names_in(product) <= paired.shapes.keys():
        return certificate(steps, first)
    read_off = ReadOff(found.node, direction, asked.layout)
    return certificate(ending_in(steps, wrt, product), first, read_off)


def _product(found: Found, v: Node, array: ArrayProgram, asked: Asked) -> Node | None:
    """Jᵀv by the formula of J; None where J has more axes than a matrix."""
    rows, cols = len(array.shape), len(found.dims) - len(array.shape)
    if not found.matrix or len(found.dims) > _MATRIX:
        return None
    match rows, cols:
        case 0, _:
            return nodes.Multiply(v, found.node)
        case _, 0:
            return nodes.Sum(nodes.Multiply(v, found.node))
    turned = found.node if asked.layout == "denominator" else nodes.transposed(found.node)
    return nodes.MatMul(turned, v)
