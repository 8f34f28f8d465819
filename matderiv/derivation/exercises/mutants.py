"""Mistakes that people make in a formula: each changes one part of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

from matderiv.calculus.formulas.broadcasting import ShapeOf
from matderiv.errors import InputError
from matderiv.expression import nodes
from matderiv.expression.nodes import Node, parts

__all__ = ["Mutant", "mutants"]


@dataclass(frozen=True, slots=True)
class Mutant:
    """A formula with a mistake: `stands` where `belongs` belongs.

    `square` if the shapes would show it unless all matrices are square.
    """

    kind: str
    formula: Node
    belongs: Node
    stands: Node
    square: bool = False


#: A part of a formula to what may stand in its place by mistake, and whether shapes would show it.
_Slip = Callable[[Node, "_At"], Iterator[tuple[Node, bool]]]


@dataclass(frozen=True, slots=True)
class _At:
    """Where a formula stands: the shapes of its parts, and the names of gradients in it."""

    shape: ShapeOf
    upstream: frozenset[str]


def mutants(formula: Node, shape: ShapeOf, upstream: frozenset[str]) -> Iterator[Mutant]:
    """All single mistakes in a formula; `upstream` are the names of gradients in it.

    >>> from matderiv.calculus.formulas.shaping import shapes_over
    >>> from matderiv.expression.parse import parse
    >>> from matderiv.expression.shapes import infer
    >>> from matderiv.expression.source import source
    >>> known = shapes_over(infer(parse("L = Loss(X @ W)")))
    >>> for m in mutants(parse("dX @ W").loss.value, known, frozenset({"dX"})):
    ...     print(m.kind, source(m.formula))
    transpose dX.T @ W
    transpose dX @ W.T
    order W @ dX
    hadamard dX*W
    factor 2*(dX @ W)
    sign -(dX @ W)
    """
    at = _At(shape, upstream)
    for kind, slip in _SLIPS.items():
        for part, rebuild in parts(formula):
            for other, square in slip(part, at):
                yield Mutant(kind, rebuild(other), part, other, square)
    if not any(isinstance(n, nodes.Number) and n.value not in _UNITS for n in nodes.walk(formula)):
        doubled = nodes.Multiply(nodes.Number(Fraction(2)), formula)
        yield Mutant("factor", doubled, formula, doubled)
    turned = formula.arg if isinstance(formula, nodes.Negate) else nodes.Negate(formula)
    yield Mutant("sign", turned, formula, turned)


_UNITS = (0, 1, -1)


def _is_matrix(node: Node, at: _At) -> bool:
    try:
        return len(at.shape(node)) == 2  # noqa: PLR2004 - a matrix
    except (InputError, KeyError):
        return False


def _transpose(part: Node, at: _At) -> Iterator[tuple[Node, bool]]:
    """A factor of a product stands the wrong way round: its transpose is lost, or one too many."""
    if isinstance(part, nodes.MatMul):
        if _is_matrix(part.left, at):
            yield nodes.MatMul(nodes.transposed(part.left), part.right), True
        if _is_matrix(part.right, at):
            yield nodes.MatMul(part.left, nodes.transposed(part.right)), True
    elif isinstance(part, nodes.Transpose) and isinstance(part.arg, nodes.Inverse):
        yield part.arg, True


def _order(part: Node, at: _At) -> Iterator[tuple[Node, bool]]:
    """Two factors have changed places."""
    if isinstance(part, nodes.MatMul) and _matrices(part, at):
        yield nodes.MatMul(part.right, part.left), True


def _hadamard(part: Node, at: _At) -> Iterator[tuple[Node, bool]]:
    """@ for * or * for @."""
    if isinstance(part, nodes.MatMul | nodes.Multiply) and _matrices(part, at):
        other = nodes.Multiply if isinstance(part, nodes.MatMul) else nodes.MatMul
        yield other(part.left, part.right), True


def _matrices(part: nodes.MatMul | nodes.Multiply, at: _At) -> bool:
    return _is_matrix(part.left, at) and _is_matrix(part.right, at)


def _axis(part: Node, _at: _At) -> Iterator[tuple[Node, bool]]:
    """A sum or the like runs along the other axis."""
    if isinstance(part, nodes.Reduction | nodes.AlongAxis) and part.axis is not None:
        yield replace(part, axis=1 - part.axis), True


def _factor(part: Node, _at: _At) -> Iterator[tuple[Node, bool]]:
    """A number in front is lost."""
    match part:
        case nodes.Multiply(nodes.Number(value), rest) if value not in _UNITS:
            yield rest, False
        case nodes.Divide(rest, nodes.Number() | nodes.Size()):
            yield rest, False


def _sign(part: Node, _at: _At) -> Iterator[tuple[Node, bool]]:
    """A minus for a plus, or a plus for a minus."""
    match part:
        case nodes.Add(left, right):
            yield nodes.Subtract(left, right), False
        case nodes.Subtract(left, right):
            yield nodes.Add(left, right), False


def _derivative(part: Node, _at: _At) -> Iterator[tuple[Node, bool]]:
    """A function stands where its derivative belongs."""
    match part:
        case nodes.Apply(function, arg) if function in _WHOSE_SLOPE:
            yield nodes.Apply(_WHOSE_SLOPE[function], arg), False
        case nodes.Apply(function, arg) if function[:1] == "d" and function[1:2].islower():
            yield nodes.Apply(function[1:], arg), False


#: The functions whose derivatives are known by names of their own.
_WHOSE_SLOPE = {"step": "relu", "cos": "sin", "sigmoid": "softplus", "sign": "abs"}


def _chain(part: Node, at: _At) -> Iterator[tuple[Node, bool]]:
    """A factor of the chain rule is lost; the gradient that comes from above stays."""
    if isinstance(part, nodes.Multiply) and at.shape(part.left) and at.shape(part.right):
        if not _holds_gradient(part.right, at):
            yield part.left, False
        if not _holds_gradient(part.left, at):
            yield part.right, False


def _holds_gradient(node: Node, at: _At) -> bool:
    return any(isinstance(n, nodes.Name) and n.name in at.upstream for n in nodes.walk(node))


_SLIPS: dict[str, _Slip] = {
    "transpose": _transpose,
    "order": _order,
    "hadamard": _hadamard,
    "axis": _axis,
    "factor": _factor,
    "sign": _sign,
    "derivative": _derivative,
    "chain": _chain,
}
