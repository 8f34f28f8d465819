"""The assumption under which a wrong claim is right: it is looked for, and proved."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace

from matderiv._budget import aside
from matderiv.calculus.formulas.tidying import tidy
from matderiv.calculus.sweep.structure import by_structure, way_of
from matderiv.calculus.sweep.sweep import finished, replaced
from matderiv.checking.decide import judged, refuted_at
from matderiv.checking.points import points
from matderiv.checking.question import Question
from matderiv.errors import BudgetError, InputError, MatderivError, ProofError
from matderiv.expression.assumptions import ASSUMPTIONS, Convention
from matderiv.expression.known_shapes import sized_for
from matderiv.expression.nodes import Node, names_in

__all__ = ["Condition", "condition"]

#: The assumptions that are tried on each input, the weakest first; what a stronger one would add
#: is used nowhere, or follows. The strong ones leave few values, at which much is equal by chance.
_WEAK = ("symmetric", "stochastic", "positive")
_STRONG = ("onehot", "orthogonal", "diagonal", "lower")
_OWN = ("symmetric", "positive")  # of the input that the claim is the gradient by
_TURNED = "orthogonal"  # which a matrix of two sizes may be, where they are equal
_POINTS = 2  # at which a claim is refuted before anything is derived
_MATRIX = 2  # dimensions
_EQUAL = 3  # all sizes at points where a matrix of two sizes is square
_STEPS = 20_000  # of work, beside those of the budget
_PAIRED = 4  # data of which two are assumed to be symmetric
_MOST = 60  # values of a program in which conditions are looked for


@dataclass(frozen=True, slots=True)
class Condition:
    """A claim is right if an input `name` is `what`; `general` is the gradient without that.

    `convention`: which gradient by a symmetric input the claim is, if it is about that one.
    `beside`: another input that must be `what` too.
    """

    name: str
    what: str
    convention: Convention | None
    general: Node
    beside: str | None = None

    @property
    def assumed(self) -> dict[str, str]:
        """The assumption about each input."""
        return dict.fromkeys([name for name in (self.beside, self.name) if name], self.what)


def condition(question: Question, claim: Node) -> Condition | None:
    """The first assumption about one input, or two, under which a claim is proved to be right.

    The other gradient by a symmetric input comes first. Data come before the input that the claim
    is the gradient by, and strong assumptions about them last. Points refute most of them. The
    claim has to fit the shapes as they are.
    """
    if len(question.definitions) > _MOST or not question.everywhere:
        return None
    with contextlib.suppress(BudgetError), aside(_STEPS):
        return _found(question, claim)
    return None


def _found(question: Question, claim: Node) -> Condition | None:
    if question.fitting(claim) != question.shape:
        return None
    for found in _candidates(question, claim):
        if _refuted(question, claim, found):
            continue
        with contextlib.suppress(InputError, ProofError):
            convention = found.convention or question.given.convention
            under = question.assuming(found.assumed, convention)
            if under.fitting(claim) == under.shape and judged(under, claim).status == "equal":
                return replace(found, general=_short(question, claim))
    return None


def _candidates(question: Question, claim: Node) -> Iterator[Condition]:
    """Conditions to try, on one input first; `general` is the claim as long as none is found."""
    known = question.given.assumed
    wrt = question.wrt
    if (
        wrt in known
        and ASSUMPTIONS[known[wrt]].symmetric
        and "diagonal" not in ASSUMPTIONS[known[wrt]].parts
    ):
        way: Convention = "entries" if question.given.convention == "inner" else "inner"
        yield Condition(wrt, known[wrt], way, claim)
    used = names_in(claim) | names_in(question.gradient)
    behind = {n for name in used & question.definitions.keys() for n in _behind(question, name)}
    data = [n for n in question.inputs if n != wrt and n not in known and n in used | behind]
    own: list[Condition] = []
    for what in _OWN if wrt in question.inputs and wrt not in known else ():
        ways: tuple[Convention | None, ...] = (None,)
        if what == "symmetric":
            ways = ("inner", "entries")
        if _fits(question, wrt, what):
            own += [Condition(wrt, what, which, claim) for which in ways]
    weak, strong = (
        [
            Condition(n, what, None, claim)
            for n in data
            for what in tried
            if _fits(question, n, what)
        ]
        for tried in (_WEAK, _STRONG)
    )
    yield from (*weak, *own, *strong)
    symmetric = [found for found in weak if found.what == "symmetric"][:_PAIRED]
    symmetric += [found for found in own if found.what == "symmetric"]
    for one, other in itertools.combinations(symmetric, 2):
        if one.name != other.name:
            yield replace(other, beside=one.name)


def _behind(question: Question, name: str) -> frozenset[str]:
    """The names that a definition is made of, through others too."""
    found = {name}
    queue = [name]
    while queue:
        for other in names_in(question.definitions[queue.pop()]) - found:
            found.add(other)
            if other in question.definitions:
                queue.append(other)
    return frozenset(found)


def _fits(question: Question, name: str, what: str) -> bool:
    """Whether something can be assumed of an input of its shape."""
    shape = question.shapes[name]
    if ASSUMPTIONS[what].square:
        free = not any(dim.symbol.isdigit() for dim in shape)
        return len(shape) == _MATRIX and (shape[0] == shape[1] or (free and what == _TURNED))
    return len(shape) >= ASSUMPTIONS[what].least


def _refuted(question: Question, claim: Node, under: Condition) -> bool:
    """Whether the claim is not the gradient at a point where the assumption holds."""
    task, name, what = question.task, under.name, under.what
    gradient = question.gradient
    if under.convention is not None:
        if name in task.assumed:  # the gradient that is known is by its independent entries
            return False
        way = way_of(what, under.convention)
        assert way is not None
        gradient = by_structure(gradient, way, task.sweep.facts)
    assumed = replace(task, assumed={**task.assumed, **under.assumed})
    shapes, equal = question.shapes, False
    if ASSUMPTIONS[what].square and shapes[name][0] != shapes[name][1]:
        equal = True
        sizes = {dim.symbol: _EQUAL for dim in question.dims}
        shapes = sized_for(question.program, shapes, sizes)
        if len({dim.size for dim in shapes[name]}) > 1:  # it is square only where sizes differ
            return True
    there = replace(question, task=assumed, shapes=shapes)
    return any(
        refuted_at(point, claim, gradient)
        for point in points(there, claim, gradient, count=_POINTS, small=equal)
    )


def _short(question: Question, claim: Node) -> Node:
    """The gradient beside the claim, as short as it can be proved to be."""
    known = {n: question.definitions[n] for n in question.named & question.definitions.keys()}
    plain = replaced(question.gradient_beside(claim), known)
    sweep, wrt = question.task.sweep, question.wrt
    with contextlib.suppress(MatderivError):
        found = tidy(plain, sweep.facts)
        names = sweep.names.among(question.task.sweep.graph.shapes.keys() - question.named)
        for rewrite in finished(found, wrt, question.task.shapes[wrt], names, sweep.facts):
            found = rewrite.formula
        if judged(question, found).status == "equal":
            return found
    return plain
