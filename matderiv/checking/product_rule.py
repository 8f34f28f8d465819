"""The Jacobian or Hessian that comes out if terms of the product rule are forgotten."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator, Sequence

from matderiv.array_questions import array_program, gradient_at
from matderiv.array_results import ArrayDerivative
from matderiv.calculus.formulas.flattened import cost
from matderiv.calculus.sweep.array_derivatives import ArrayProgram, jacobian_of
from matderiv.calculus.sweep.sweep import replaced
from matderiv.errors import MatderivError
from matderiv.expression import nodes
from matderiv.expression.nodes import Name, Node
from matderiv.expression.program import Assignment, Program

__all__ = ["without_terms"]

_MOST = 24  # products of which a factor is held fixed
_LONGEST = 200  # operations and names of the value in one piece
_POWERS = range(2, 10)  # that are read as products
_PRODUCTS = (nodes.Multiply, nodes.MatMul, nodes.Outer, nodes.Divide, nodes.Power)


def without_terms(derivative: ArrayDerivative) -> Iterator[Node]:
    """∂Y/∂X where in one product of Y only some factors are differentiated; Y may be a gradient.

    >>> from matderiv import hessian
    >>> from matderiv.expression.source import source
    >>> [source(node) for node in without_terms(hessian("sum((x*x - b)**2)", wrt="x"))][1]
    '8*diag(x*x)'
    """
    asked, shapes = derivative.asked, derivative.shapes
    of = array_program(asked.program, shapes, dict(asked.assume))
    with contextlib.suppress(MatderivError):
        of = gradient_at(asked, shapes) if asked.kind == "hessian" else of
        yield from _derived(of, asked.wrt[-1])


def _derived(of: ArrayProgram, wrt: str) -> Iterator[Node]:
    """The Jacobians of a value by X where some factors are held fixed, as far as there are some."""
    known: dict[str, Node] = {}
    for assignment in of.program.assignments:
        known[assignment.name] = replaced(assignment.value, known)
        if cost(known[assignment.name]) > _LONGEST:
            return
    last = of.program.loss.name
    fixed = of.free("H", "Z", "F")
    shapes = {name: shape for name, shape in of.shapes.items() if name not in known}
    shapes |= {fixed: of.shapes[wrt], last: of.shape}
    tried = dict.fromkeys(_partly_fixed(known[last], wrt, Name(fixed)))
    for value in itertools.islice(tried, _MOST):
        program = ArrayProgram(Program((Assignment(last, value),)), shapes, of.assumed, named=False)
        with contextlib.suppress(MatderivError):
            found = jacobian_of(program, wrt)
            yield replaced(found.node, {fixed: Name(wrt)})


def _partly_fixed(node: Node, wrt: str, fixed: Name) -> Iterator[Node]:
    """The formula with X held fixed in some factors of one product, and left in the others."""
    parts = tuple(nodes.children(node))
    moving = [n for n, part in enumerate(parts) if wrt in nodes.names_in(part)]

    def put(place: int, part: Node, base: Sequence[Node] = parts) -> tuple[Node, ...]:
        return (*base[:place], part, *base[place + 1 :])

    match node:
        case nodes.Power(base, nodes.Number(power)) if moving and power in _POWERS:
            held = nodes.Power(replaced(base, {wrt: fixed}), nodes.Number(power - 1))
            yield nodes.Multiply(base, held)
    if isinstance(node, _PRODUCTS) and len(moving) > 1:
        for place in moving:
            other = 1 - place
            kept = put(place, replaced(parts[place], {wrt: fixed}))
            yield nodes.rebuilt(node, kept)
            if isinstance(parts[other], _PRODUCTS):
                for part in _partly_fixed(parts[other], wrt, fixed):
                    yield nodes.rebuilt(node, put(other, part, kept))
    for place in moving:
        for part in _partly_fixed(parts[place], wrt, fixed):
            yield nodes.rebuilt(node, put(place, part))
