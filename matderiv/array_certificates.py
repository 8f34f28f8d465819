"""Certificates of Jacobians and Hessians: the gradient of ⟨V, Y⟩ by X with a free V.

That gradient is linear in V, and where it is Jᵀv for a J without v, J is the Jacobian. The
certificate of a Hessian holds that of the gradient whose inner product with V it is about.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from matderiv.array_pages import gradient_in_values
from matderiv.array_questions import Asked, array_program, gradient_at
from matderiv.calculus.sweep.sweep import replaced
from matderiv.calculus.sweep.task import task_of
from matderiv.derivation.links import Chain, ProvedSteps
from matderiv.derivation.methods.table import METHODS, usual_method
from matderiv.derivation.program import Builder, build_program
from matderiv.errors import UnsupportedError
from matderiv.expression import nodes
from matderiv.handout.certificate import ReadOff, certificate

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from matderiv.calculus.sweep.array_derivatives import ArrayProgram, Found
    from matderiv.expression.nodes import Node
    from matderiv.expression.shapes import Shape

__all__ = ["array_certificate"]

_MATRIX = 2  # dimensions


def array_certificate(asked: Asked, found: Found, shapes: Mapping[str, Shape]) -> str:
    """The certificate of a Jacobian or a Hessian that was found, as text.

    Raises:
        ProofError: a link is not proved.
        UnsupportedError: the gradient that a Hessian is about is a constant.
    """
    array, first = array_program(asked.program, shapes, dict(asked.assume)), None
    if asked.kind == "hessian":
        array, first = _gradient(asked, array)
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
    steps = _derived(paired, wrt)
    product = _product(found, nodes.Name(direction), array, asked)
    if product is None or not nodes.names_in(product) <= paired.shapes.keys():
        return certificate(steps, first)
    read_off = ReadOff(found.node, direction, asked.layout)
    return certificate(_ending_in(steps, wrt, product), first, read_off)


def _derived(array: ArrayProgram, wrt: str) -> ProvedSteps:
    """The gradient of a number by an input, in steps."""
    task = task_of(array.program, (wrt,), array.shapes, array.assumed)
    task = replace(task, method=usual_method(task))
    return build_program(task, (wrt,), route=METHODS[task.method])


def _gradient(asked: Asked, of: ArrayProgram) -> tuple[ArrayProgram, ProvedSteps]:
    """The program that ends in the gradient, and the steps to it, in the same names."""
    wrt = asked.wrt[0]
    steps = _derived(of, wrt)
    formula = gradient_at(asked, of.shapes).value
    array = gradient_in_values(steps.task, wrt, formula)
    for end in (steps.task.whole(wrt, formula), array.value):
        steps = _ending_in(steps, wrt, end)
    shapes = {n: shape for n, shape in array.shapes.items() if n in array.program.names()}
    return replace(array, shapes=shapes), steps


def _ending_in(steps: ProvedSteps, wrt: str, formula: Node) -> ProvedSteps:
    """The steps with one more link at their end, to another formula of the answer."""
    last = steps.answer(wrt)
    if last == formula:
        return steps
    rewrites = [*_in_one_piece(steps, last), formula]
    builder = Builder(steps.task, (wrt,), METHODS["elementwise"])
    links = builder.rewritten(wrt, last, [("put in", new) for new in rewrites])
    kinds = ("matrix", "structure", "zero")
    place = max(n for n, s in enumerate(steps.steps) if s.kind in kinds and s.wrt == wrt)
    *before, chain = steps.steps[place].chains
    longer = replace(
        steps.steps[place], chains=(*before, Chain(chain.kind, (*chain.links, *links)))
    )
    return replace(steps, steps=(*steps.steps[:place], longer, *steps.steps[place + 1 :]))


def _in_one_piece(steps: ProvedSteps, formula: Node) -> Iterator[Node]:
    """The formula with the gradients put in that it mentions, those in these next."""
    task = steps.task
    known = {f"d{of}": task.whole(of, g.formula) for of, g in task.sweep.gradients.items()}
    while (put := replaced(formula, known)) != formula:
        yield put
        formula = put


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
