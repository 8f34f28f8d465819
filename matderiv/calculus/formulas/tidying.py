"""Tidying a formula: rewrites, one after another, until none makes it any better."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from functools import lru_cache

from matderiv._budget import spend
from matderiv.calculus.formulas.broadcasting import filled, is_entrywise
from matderiv.calculus.formulas.flattened import (
    chain,
    chained,
    cost,
    product_of,
    split_scalars,
    sum_of,
    terms,
)
from matderiv.calculus.formulas.rewrite_transposes import shortest_transpose
from matderiv.calculus.formulas.rewrites import REWRITES, Facts, RewriteName
from matderiv.errors import MatderivError
from matderiv.expression import nodes
from matderiv.expression.nodes import Node
from matderiv.expression.shapes import Shape

__all__ = ["Rewritten", "as_written", "completed", "tidied", "tidy", "transposes_collected"]

_SAVED = 3  # how much shorter a formula gets by a transpose around it; books keep Aᵀ@Bᵀ
_LONGEST = 300  # of a formula that is also tidied transposed
_REWRITE = 10  # steps of work to see whether a rewrite applies
_MOST = 2000  # rewrites of one formula; more would mean that two of them undo each other


@dataclass(frozen=True, slots=True)
class Rewritten:
    """One rewrite: its name, and the whole formula after it."""

    name: RewriteName
    formula: Node


def tidy(formula: Node, facts: Facts) -> Node:
    """The tidied formula."""
    for step in tidied(formula, facts):
        formula = step.formula
    return formula


def tidied(formula: Node, facts: Facts) -> Iterator[Rewritten]:
    """The rewrites that tidy a formula, in order, operands before the nodes that use them.

    The result may be smaller than the formula and stand for its broadcast.
    """
    tidier = _tidier(facts)
    tidier.left = _MOST
    return tidier.steps(formula, loose=True)


@lru_cache(maxsize=4)
def _tidier(facts: Facts) -> _Tidier:
    """One for all formulas of a program, which have most of their parts in common."""
    return _Tidier(facts)


class _Tidier:
    """Simplifies a formula; a part is `loose` if a smaller array that broadcasts to it will do."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.left = _MOST
        #: The rewrite of a formula, which may be loose or not; None for a formula that is tidy.
        self.known: dict[tuple[Node, bool], Rewritten | None] = {}

    def steps(self, node: Node, *, loose: bool) -> Generator[Rewritten, None, Node]:
        """The formula after each rewrite of it; the last one is returned as well."""
        while self.known.get((node, loose), self) is not None:
            node = yield from self.operands(node, loose=loose)
            found = self.rewritten(node, loose=loose)
            if found is None:
                break
            self.left -= 1
            if not self.left:
                raise MatderivError("a formula was rewritten without an end")
            yield found
            node = found.formula
        return node

    def operands(self, node: Node, *, loose: bool) -> Generator[Rewritten, None, Node]:
        """The rewrites of the operands, each shown in the whole node."""
        for place in range(len(nodes.children(node))):
            operands = nodes.children(node)
            inside = self.steps(operands[place], loose=self.may_shrink(node, place, loose=loose))
            for step in inside:
                made = (*operands[:place], step.formula, *operands[place + 1 :])
                node = nodes.rebuilt(node, made)
                yield Rewritten(step.name, node)
        return node

    def may_shrink(self, node: Node, place: int, *, loose: bool) -> bool:
        """Whether an operand may be a smaller array that broadcasts: the result stays the same."""
        if isinstance(node, nodes.Entrywise):
            other = nodes.children(node)[1 - place]
            return loose or self.facts.shape(other) == self.facts.shape(node)
        return loose and (isinstance(node, nodes.Negate) or is_entrywise(node))

    def rewritten(self, node: Node, *, loose: bool) -> Rewritten | None:
        """The first rewrite that applies to a node with tidy operands."""
        key = (node, loose)
        if key not in self.known:
            spend(_REWRITE)
            self.known[key] = self._rewritten(node, loose=loose)
        return self.known[key]

    def _rewritten(self, node: Node, *, loose: bool) -> Rewritten | None:
        for name, rewrite in REWRITES:
            made = rewrite(node, self.facts)
            if made is None or made == node:
                continue
            if not loose and self.facts.shape(made) != self.facts.shape(node):
                made = filled(made, self.facts.shape(node), self.facts.shape)
                if made == node:
                    continue
            return Rewritten(name, made)
        return None


def as_written(formula: Node, facts: Facts) -> Node:
    """2·(A@B) as (2·A)@B, -(A·B) as (-A)·B: written with fewer brackets, 2*X.T @ Y and -A*B.

    And x@Aᵀ as A@x.
    """
    return _as_written(_shorter_from_the_end(formula, facts), facts)


def _as_written(formula: Node, facts: Facts) -> Node:
    product = isinstance(formula, nodes.MatMul)
    made = [
        (_as_written if product and isinstance(part, nodes.MatMul) else as_written)(part, facts)
        for part in nodes.children(formula)
    ]
    formula = nodes.rebuilt(formula, made)
    match formula:
        case nodes.Negate(arg):
            return _negative(arg)
        case nodes.Multiply() | nodes.Divide():
            return _number_inside(formula, facts)
    return formula


def _shorter_from_the_end(formula: Node, facts: Facts) -> Node:
    """x@Aᵀ as A@x, and x@Aᵀ@y as y@A@x."""
    links = chain(formula, facts.shape)
    if len(links) == 1 or len(facts.shape(links[0])) > 1 or len(facts.shape(formula)) > 1:
        return formula
    turned = chained([shortest_transpose(link, facts) for link in reversed(links)])
    same = facts.shape(turned) == facts.shape(formula)
    return turned if same and cost(turned) < cost(formula) else formula


def _number_inside(formula: Node, facts: Facts) -> Node:
    """(c·A)@B for c·(A@B), where c is a number or 1/number."""
    number, scalars, arrays = split_scalars(formula, facts.shape)
    if len(arrays) != 1 or any(not _is_below(power) for _, power in scalars):
        return formula
    ((whole, power),) = arrays
    if power != nodes.ONE or not isinstance(whole, nodes.MatMul):
        return formula
    links = chain(whole, facts.shape)
    first = product_of(number, [*scalars, (links[0], nodes.ONE)])
    if isinstance(first, nodes.Divide):
        return nodes.Divide(chained([first.left, *links[1:]]), first.right)
    return chained([first, *links[1:]])


def _is_below(power: Node) -> bool:
    return isinstance(power, nodes.Number) and power.value < 0


def _negative(node: Node) -> Node:
    """The negative, the sign before the first factor."""
    match node:
        case nodes.Number(value):
            return nodes.Number(-value)
        case nodes.Negate(arg):
            return arg
        case nodes.Multiply(left, right) | nodes.Divide(left, right) | nodes.MatMul(left, right):
            return type(node)(_negative(left), right)
    return nodes.Negate(node)


def transposes_collected(formula: Node, facts: Facts) -> Node:
    """Aᵀ@Bᵀ@Cᵀ = (C@B@A)ᵀ and Aᵀ@Bᵀ + Cᵀ = (B@A + C)ᵀ, where that saves a transpose or more.

    What is seen to be zero by it is left out.
    """
    found = _collected(formula, facts)
    seen = found != formula and any(n == nodes.ZERO for n in nodes.walk(found))
    return tidy(found, facts) if seen else found


def _collected(formula: Node, facts: Facts) -> Node:
    turns = sum(isinstance(node, nodes.Transpose) for node in nodes.walk(formula))
    if turns < _SAVED - 1 or cost(formula) > _LONGEST:
        return formula
    if _is_shorter_turned(formula, facts):
        turned = completed(tidy(nodes.Transpose(formula), facts), facts.shape(formula)[::-1], facts)
        if not isinstance(turned, nodes.Transpose) and cost(turned) + _SAVED <= cost(formula):
            ends = [(c, _collected(t, facts)) for c, t in terms(turned)]
            if len(ends) > 1 and not any(isinstance(t, nodes.Transpose) for _, t in ends):
                return nodes.Transpose(turned)
            # (Aᵀ - B)ᵀ = A - Bᵀ and (-A)ᵀ = -Aᵀ
            return sum_of((c, shortest_transpose(t, facts)) for c, t in ends)
    made = [_collected(child, facts) for child in nodes.children(formula)]
    if isinstance(formula, nodes.Diag) and isinstance(made[0], nodes.Transpose):
        made = [made[0].arg]
    return nodes.rebuilt(formula, made)


def _is_shorter_turned(formula: Node, facts: Facts) -> bool:
    """Whether an array may be shorter transposed: it is before it is tidied."""
    if isinstance(formula, nodes.Transpose) or len(facts.shape(formula)) <= 1:
        return False
    return cost(shortest_transpose(formula, facts)) < cost(formula)


def completed(formula: Node, target: Shape, facts: Facts) -> Node:
    """The formula of ∂L/∂X broadcast to the full shape of X."""
    if facts.shape(formula) == target:
        return formula
    return tidy(filled(formula, target, facts.shape), facts)
