"""Whether two formulas are equal: proved for every size, proved at some, refuted, or neither."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace

from matderiv.calculus.deciding.decide import Attempt, Pair, Verdict, compare, decide
from matderiv.calculus.formulas.shaping import shapes_over
from matderiv.calculus.index_forms.entries import Entries
from matderiv.calculus.index_forms.forms import Index
from matderiv.calculus.index_forms.letters import input_indices
from matderiv.checking.points import Point, apart, points, points_of_many_sizes
from matderiv.checking.question import Question
from matderiv.expression import nodes
from matderiv.expression.nodes import Name, Node, names_in, substituted

__all__ = ["NO_VALUE", "folded", "judged", "judged_at_points", "refuted_at"]

#: The reason of a verdict on a formula that has no value where the gradient has one.
NO_VALUE = "the formula has no value"

#: Sizes at which entries are compared where no proof for every size is found.
_TRIED = ((2, 3, 2), (1, 2, 3), (2, 1, 1))


def judged(question: Question, claim: Node, other: Node | None = None) -> Verdict:
    """Whether a claim is the gradient, or another formula of the same shape.

    Random points refute; a proof is an exact normal form in index notation, for all sizes. If the
    gradient itself is proved at the program's sizes only, they are all that is asked about. A
    formula is not the gradient if it has no value where the gradient has one.
    """
    other = question.gradient if other is None else other
    found = _decided(question, claim, other)
    if found.status == "equal" and _has_no_value(question, claim, other):
        return Verdict("undecided", reason=NO_VALUE)
    return found


def judged_at_points(question: Question, claim: Node) -> Verdict:
    """The verdict on a claim that has no general entry: refuted by a point, or not at all."""
    reason = _refuted(question, claim, question.gradient)
    return Verdict(
        "undecided" if reason is None else "refuted", reason=reason or "no point differs"
    )


def _decided(question: Question, claim: Node, other: Node) -> Verdict:
    found = decide(
        _attempts(question, claim, other), refuted=lambda: _refuted(question, claim, other)
    )
    if found.status == "equal" and not question.everywhere:
        return Verdict("equal", sizes=(question.own_sizes,))
    if found.status != "undecided":
        return found
    tried = tuple(_tried(question))
    for sizes in tried:
        at_sizes = _compared(question, (claim, other), sizes)
        if at_sizes.status != "equal":
            return replace(at_sizes, reason=f"{found.reason}; {at_sizes.reason}")
    if question.everywhere:
        return Verdict("undecided", reason=found.reason, sizes=tried)
    return Verdict("equal", sizes=tried)


def _has_no_value(question: Question, claim: Node, other: Node) -> bool:
    """Whether a claim has no value at any of a few points, and the other side has one at some.

    Points where a size is 1 count only if there are no others: outer(x, x) has an inverse there,
    and of labels none is a 0.
    """
    tried = list(points(question, claim, other, count=8))
    wide = [p for p in tried if all(d.size > 1 for x in question.inputs for d in p.shapes[x])]
    found = wide or tried
    return not any(p.has_value(claim) for p in found) and any(p.has_value(other) for p in found)


def _refuted(question: Question, claim: Node, other: Node) -> str | None:
    """A point at which the two differ, at some sizes."""
    for point in itertools.chain(
        points(question, claim, other), points_of_many_sizes(question, claim, other)
    ):
        if refuted_at(point, claim, other):
            return "random numbers"
    return None


def refuted_at(point: Point, one: Node, other: Node) -> bool:
    """Whether two formulas have values at a point that differ."""
    values = point.value(one), point.value(other)
    if values[0] is None or values[1] is None:
        return False
    mask = apart(*values, exact=point.exact)
    return mask is not None and bool(mask.any())


def _attempts(question: Question, claim: Node, other: Node) -> Iterator[Attempt]:
    """The general entries of the two, with more and more names unfolded.

    In turn: none, what only one side holds, the gradients, and all that has a definition.
    """
    claim = folded(question, claim)
    gradients = {f"d{name}" for name in question.task.sweep.gradients}
    one_sided = names_in(claim) ^ names_in(other)
    wanted = {
        "as they stand": frozenset[str](),
        "names of one side unfolded": one_sided,
        "gradients unfolded": gradients,
        "gradients and names of one side unfolded": one_sided | gradients,
        "all names unfolded": frozenset(question.definitions),
    }
    places = input_indices(question.shape)
    seen: set[frozenset[str]] = set()
    for what, names in wanted.items():
        known = frozenset(names & question.definitions.keys())
        if known not in seen:
            seen.add(known)
            yield Attempt(what, _general(question, known, (claim, other), places))


def _general(
    question: Question, names: frozenset[str], sides: tuple[Node, Node], places: tuple[Index, ...]
) -> Callable[[tuple[int, ...] | None], Pair]:
    def forms(_: tuple[int, ...] | None) -> Pair:
        entries = question.entries(names)
        one, other = (entries.at(side, *places) for side in sides)
        return one, other

    return forms


def folded(question: Question, node: Node) -> Node:
    """The formula with names in place of the values that the program names, such as X @ W."""
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


def _compared(question: Question, sides: tuple[Node, Node], sizes: dict[str, int]) -> Verdict:
    """Whether all entries are proved equal at some sizes, every sum written out."""
    shapes = question.sized(sizes)
    entries = Entries(
        shapes_over(shapes),
        question.definitions,
        question.functions,
        assumed=question.task.sweep.facts.assumed,
        written=True,
    )

    def forms(place: tuple[int, ...] | None) -> Pair:
        one, other = (entries.at(side, *(place or ())) for side in sides)
        return one, other

    runs = tuple(dim.size for dim in shapes[question.wrt])
    numbers = {dim.symbol: dim.size for shape in shapes.values() for dim in shape}
    return compare([Attempt("all names unfolded", forms, complete=True)], runs, numbers)
