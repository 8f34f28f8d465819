"""Two formulas compared part by part: only what differs in them needs a proof.

f(A) = f(B) wherever A = B, for every operation f. So two large formulas that differ in one small
part are equal if that part is, and no entry of the whole has to be worked out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from matderiv.expression.nodes import Name, Node, children, rebuilt
from matderiv.expression.shapes import Shape

__all__ = ["differing"]


def differing(
    one: Node, other: Node, definitions: Mapping[str, Node], shape: Callable[[Node], Shape]
) -> tuple[tuple[Node, Node], ...]:
    """The smallest pairs of parts, of one shape each, whose equality makes two formulas equal.

    A name is replaced by its definition where the other formula has something else.

    >>> from matderiv.calculus.formulas.shaping import shapes_over
    >>> from matderiv.expression.parse import parse
    >>> from matderiv.expression.shapes import infer
    >>> p = parse("Y = X + X; A = tanh(Y) @ B; C = tanh(2*X) @ B; L = sum(A) + sum(C)")
    >>> a, c = (p.assignments[n].value for n in (1, 2))
    >>> from matderiv.expression.source import source
    >>> pairs = differing(a, c, {"Y": p.assignments[0].value}, shapes_over(infer(p)))
    >>> [(source(x), source(y)) for x, y in pairs]
    [('X + X', '2*X')]
    """
    if one == other:
        return ()
    if isinstance(one, Name) and one.name in definitions:
        return differing(definitions[one.name], other, definitions, shape)
    if isinstance(other, Name) and other.name in definitions:
        return differing(one, definitions[other.name], definitions, shape)
    left, right = children(one), children(other)
    if not left or type(one) is not type(other) or rebuilt(one, right) != other:
        return ((one, other),)
    if any(shape(a) != shape(b) for a, b in zip(left, right, strict=True)):
        return ((one, other),)
    found: dict[tuple[Node, Node], None] = {}
    for a, b in zip(left, right, strict=True):
        found |= dict.fromkeys(differing(a, b, definitions, shape))
    return tuple(found)
