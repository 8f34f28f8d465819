"""Whether two formulas are equal: proved for every size, proved at some, refuted, or neither."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from matderiv.calculus.deciding.decide import same_form
from matderiv.calculus.deciding.identities import expression, vanishes_quickly
from matderiv.calculus.formulas.shaping import shapes_over
from matderiv.calculus.index_forms.canonical import canonical
from matderiv.calculus.index_forms.entries import Entries
from matderiv.calculus.index_forms.forms import Form, TooLarge, bounded, difference
from matderiv.checking.points import apart, points
from matderiv.checking.question import Question, names_in, sized, substituted
from matderiv.expression import nodes
from matderiv.expression.nodes import Name, Node

__all__ = ["Decision", "decide", "folded"]

#: Of the row and the column of a general entry.
_LETTERS = ("p", "q")

#: Sizes at which entries are compared where no proof for every size is found.
_TRIED = ((2, 3, 2), (1, 2, 3), (2, 1, 1))

#: Products of terms in one attempt at a proof, and in one entry.
_WORK = 20_000


@dataclass(frozen=True, slots=True)
class Decision:
    """What is known: `index` is a proof with letters for sizes, `sizes` are those compared."""

    status: Literal["equal", "refuted", "undecided"]
    index: bool = False
    sizes: tuple[dict[str, int], ...] = ()


def decide(question: Question, claim: Node, other: Node | None = None) -> Decision:
    """Whether a claim is the gradient, or another formula; all are of the gradient's shape.

    Random points refute; what proves is an exact normal form, in index notation or at sizes.
    """
    other = question.gradient if other is None else other
    if any(_reads_the_same(pair) for pair in _entries(question, claim, other)):
        return _everywhere(question)
    if _refuted(question, claim, other):
        return Decision("refuted")
    for one, two in _entries(question, claim, other):
        with bounded(_WORK):
            if same_form(one, two):
                return _everywhere(question)
    sizes = tuple(_tried(question))
    if all(_equal_at(question, (claim, other), known) for known in sizes):
        return Decision("equal", sizes=sizes)
    return Decision("undecided")


def _everywhere(question: Question) -> Decision:
    """What the gradient itself is proved for."""
    if question.everywhere:
        return Decision("equal", index=True)
    return Decision("equal", sizes=(question.own_sizes,))


def _reads_the_same(pair: tuple[Form, Form]) -> bool:
    """Whether two general entries read the same once they are multiplied out."""
    try:
        with bounded(_WORK):
            return not canonical(difference(*pair))
    except TooLarge:
        return False


def _refuted(question: Question, claim: Node, other: Node) -> bool:
    """Whether the two differ at a point, at some sizes."""
    for point in points(question, claim, other):
        one, two = point.value(claim), point.value(other)
        if one is None or two is None:
            continue
        mask = apart(one, two, exact=point.exact)
        if mask is not None and mask.any():
            return True
    return False


def _entries(question: Question, claim: Node, other: Node) -> Iterator[tuple[Form, Form]]:
    """The general entries of the two, in letters.

    Names are unfolded in turn: none, what only one side holds, the gradients, and all that has a
    definition.
    """
    claim = folded(question, claim)
    gradients = {f"d{name}" for name in question.task.sweep.gradients}
    one_sided = names_in(claim) ^ names_in(other)
    attempts = [frozenset[str](), one_sided, gradients, one_sided | gradients, question.definitions]
    known = dict.fromkeys(frozenset(n for n in a if n in question.definitions) for a in attempts)
    places = tuple(
        1 if dim.symbol == "1" else letter
        for letter, dim in zip(_LETTERS, question.shape, strict=False)
    )
    for names in known:
        entries = question.entries(names)
        try:
            with bounded(_WORK):
                yield entries.at(claim, *places), entries.at(other, *places)
        except TooLarge:
            continue


def folded(question: Question, node: Node) -> Node:
    """The formula with what the program gives a name, such as X @ W, under that name."""
    for assignment in question.program.assignments[:-1]:
        if nodes.children(assignment.value):
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
    if not question.everywhere:
        yield question.own_sizes
        return
    letters = [dim.symbol for dim in question.dims]
    for sizes in _TRIED:
        yield dict(zip(letters, itertools.cycle(sizes), strict=False))


def _equal_at(question: Question, sides: tuple[Node, Node], sizes: dict[str, int]) -> bool:
    """Whether all entries are proved equal at some sizes, every sum written out."""
    shapes = sized(question.shapes, sizes)
    symmetric = question.task.sweep.facts.symmetric
    entries = Entries(
        shapes_over(shapes),
        question.definitions,
        question.functions,
        symmetric=symmetric,
        written=True,
    )
    ranges = (range(1, dim.size + 1) for dim in shapes[question.wrt])
    try:
        with bounded(_WORK):
            for places in itertools.product(*ranges):
                rest = difference(*(entries.at(side, *places) for side in sides))
                if not canonical(rest):
                    continue
                expr = expression(rest, {})
                if expr != 0 and not vanishes_quickly(expr):
                    return False
    except TooLarge:
        return False
    return True
