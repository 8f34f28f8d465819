"""Whether two formulas are equal: proved for every size, proved at some, refuted, or neither."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from matderiv.calculus.entries import Entries
from matderiv.calculus.forms import Form, TooLarge, difference
from matderiv.calculus.identities import expression, summands_vanish, vanishes_quickly
from matderiv.calculus.naming import canonical
from matderiv.calculus.shaping import shapes_over
from matderiv.checking.points import apart, points
from matderiv.checking.question import Question, sized, substituted
from matderiv.expression import nodes
from matderiv.expression.nodes import Name, Node

__all__ = ["Decision", "decide", "equal_everywhere", "folded", "refuted"]

#: Of the row and the column of a general entry.
_LETTERS = ("p", "q")

#: Sizes at which entries are compared where no proof for every size is found.
_TRIED = ((2, 3, 2), (1, 2, 3), (2, 1, 1))


@dataclass(frozen=True, slots=True)
class Decision:
    """What is known: `index` is a proof with letters for sizes, `sizes` are those compared."""

    status: Literal["equal", "refuted", "undecided"]
    index: bool = False
    sizes: tuple[dict[str, int], ...] = ()


def decide(question: Question, claim: Node) -> Decision:
    """Whether a claim of the gradient's shape is the gradient.

    Random points refute; what proves is an exact normal form, in index notation or at sizes.
    """
    if equal_everywhere(question, claim):
        return Decision("equal", index=True)
    if refuted(question, claim):
        return Decision("refuted")
    if any(map(summands_vanish, _differences(question, claim))):
        return Decision("equal", index=True)
    sizes = tuple(_tried(question))
    if all(_equal_at(question, claim, known) for known in sizes):
        return Decision("equal", sizes=sizes)
    return Decision("undecided")


def equal_everywhere(question: Question, claim: Node) -> bool:
    """Whether the general entries read the same once they are multiplied out."""
    try:
        return any(not canonical(rest) for rest in _differences(question, claim))
    except TooLarge:
        return False


def refuted(question: Question, claim: Node) -> bool:
    """Whether the claim differs from the gradient at a point, at some sizes."""
    for point in points(question, claim):
        one, other = point.value(claim), point.value(question.gradient)
        if one is None or other is None:
            continue
        mask = apart(one, other, exact=point.exact)
        if mask is not None and mask.any():
            return True
    return False


def _differences(question: Question, claim: Node) -> Iterator[Form]:
    """The claim's general entry minus the gradient's.

    Names are unfolded in turn: none, the gradients, and all that has a definition.
    """
    claim = folded(question, claim)
    gradients = tuple(name for name in question.definitions if name.startswith("d"))
    for unfolded in ((), gradients, tuple(question.definitions)):
        entries = question.entries(*unfolded)
        places = _LETTERS[: len(question.shape)]
        try:
            one = entries.at(claim, *places)
            yield difference(one, entries.at(question.gradient, *places))
        except TooLarge:
            continue


def folded(question: Question, node: Node) -> Node:
    """The formula with what the program gives a name, such as X @ W, under that name."""
    for assignment in question.problem.program.assignments:
        node = _folded(node, assignment.name, assignment.value)
    return node


def _folded(node: Node, name: str, value: Node) -> Node:
    """The node with a definition written out, or its transpose, replaced by its name."""
    node = substituted(node, value, Name(name))
    if isinstance(value, nodes.MatMul):
        turned = nodes.MatMul(nodes.transposed(value.right), nodes.transposed(value.left))
        node = substituted(node, turned, nodes.Transpose(Name(name)))
    return node


def _tried(question: Question) -> Iterator[dict[str, int]]:
    letters = [dim.symbol for dim in question.dims]
    for sizes in _TRIED:
        yield dict(zip(letters, itertools.cycle(sizes), strict=False))


def _equal_at(question: Question, claim: Node, sizes: dict[str, int]) -> bool:
    """Whether all entries are proved equal at some sizes, every sum written out."""
    shapes = sized(question.shapes, sizes)
    entries = Entries(shapes_over(shapes), question.definitions, question.functions, written=True)
    ranges = (range(1, dim.size + 1) for dim in shapes[question.wrt])
    for places in itertools.product(*ranges):
        try:
            rest = difference(entries.at(claim, *places), entries.at(question.gradient, *places))
        except TooLarge:
            return False
        if not canonical(rest):
            continue
        try:
            expr = expression(rest, {})
        except TooLarge:
            return False
        if expr != 0 and not vanishes_quickly(expr):
            return False
    return True
