"""The diagnosis of a wrong claim: a change that, as is proved, makes it right."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import mpmath

from matderiv.calculus.formulas.flattened import cost
from matderiv.calculus.formulas.mistakes import Edit, edits, plus
from matderiv.checking.array_slips import repairs
from matderiv.checking.decide import folded
from matderiv.checking.material import setting_of
from matderiv.checking.points import WORKING_DIGITS
from matderiv.checking.product_rule import without_terms
from matderiv.checking.question import Question
from matderiv.checking.slips import Slip, forgotten, place, slips
from matderiv.checking.trial import Trial
from matderiv.expression import nodes
from matderiv.expression.nodes import Node

__all__ = ["Cause", "cause"]

_MOST_PARTS = 14  # of a claim in which two mistakes are looked for
_MOST_PAIRS = 1500
_MOST_TRIED = 8_000  # changes of a claim, and mistakes in the gradient
_MOST_READ = 200_000  # operations and names in all of them together
_MOST_SCALED = 20  # changes that leave a factor


@dataclass(frozen=True, slots=True)
class Cause:
    """The changes that turn the claim into the gradient, and a factor that remains (else 1).

    `of` is the name in whose gradient the mistake is: that of the claim, or of a value behind it.
    `same` is the formula that the claim is, where the changes are said of that one.
    """

    edits: tuple[Edit, ...]
    factor: Node | None
    repaired: Node
    of: str
    same: Node | None = None


def cause(question: Question, claim: Node) -> Cause | None:
    """The first change in the order of the table that makes a claim right, if one is found.

    Mistakes in the gradient that lead to the claim are tried next, and two changes last.
    """
    with mpmath.workdps(WORKING_DIGITS):
        derivative = question.derivative
        if derivative and (claim in question.claimed or not derivative.answer.matrix):
            return _of_array(question, claim)
        claims = tuple(dict.fromkeys((claim, folded(question, claim))))
        for node in claims:
            found = _structured(question, node) or _changed(Trial(question), node)
            if found is not None:
                return found
        half = _half_of_products(question, claims[-1])
        if half is not None:
            return half
        tried = itertools.chain(forgotten(question), slips(question))
        return _slipped(question, claims[-1], tried) or _twice(question, claims[-1])


#: Where a factor of the whole is asked for, which is found by dividing; and where uses of a name
#: that are left out are, which are found in the gradient.
_FACTOR, _USES = "factor", "uses"


#: The changes in the order in which they are tried.
_TRIED = (
    "whole",
    "transpose",
    "order",
    "diagonal",
    "operator",
    _FACTOR,
    "sign",
    "exponent",
    "number",
    "coefficient",
    "multiple",
    "axis",
    "sum too many",
    "sum left out",
    "transposed part",
    "term too many",
    _USES,
    "term left out",
    "prime",
    "body",
    "chain",
    "factor left out",
    "function",
    "function too many",
    "function left out",
    "inverse too many",
    "inverse left out",
    "division",
    "factor too many",
    "mean or sum",
    "name",
)

#: The likeliest changes, of which two are tried one after the other; the whole comes last.
_LIKELY = ("order", "operator", "transpose", "whole")


def _of_array(question: Question, claim: Node) -> Cause | None:
    """A factor, or a change of a claim about an array of three or four axes."""
    trial = Trial(question)
    factor = trial.factor(claim)
    if factor is not None:
        return Cause((), factor, question.gradient, question.wrt)
    scaled: list[Edit] = []
    for edit, equal in repairs(question, claim):
        if equal:
            return Cause((edit,), None, edit.node, question.wrt)
        scaled.append(edit)
    for edit in scaled[:_MOST_SCALED]:
        factor = trial.factor(edit.node)
        if factor is not None:
            return Cause((edit,), factor, question.gradient, question.wrt)
    return None


def _changed(trial: Trial, claim: Node) -> Cause | None:
    question, setting = trial.question, setting_of(trial.question)
    scaled: list[Edit] = []
    count, most = itertools.count(), _tries(claim)
    for name in _TRIED:
        if name == _FACTOR:
            factor = trial.factor(claim)
            if factor is not None:
                return Cause((), factor, question.gradient, question.wrt)
            continue
        if name == _USES:
            found = _slipped(question, claim, forgotten(question))
            if found is not None and found.same is None:
                return found
            continue
        if name == "diagonal" and not question.array:
            continue
        for edit in edits(name, claim, setting):
            if next(count) > most:
                break
            equal, multiple = trial.near(edit.node)
            if equal and trial.equal(repaired := _without_ones(edit.node)):
                return Cause((edit,), None, repaired, place(question, edit))
            if multiple:
                scaled.append(edit)
    for edit in scaled[:_MOST_SCALED]:
        factor = trial.factor(edit.node)
        if factor is not None:
            return Cause((edit,), factor, question.gradient, place(question, edit))
    return None


def _tries(formula: Node) -> int:
    """How many changes of a formula are tried: a change of a long one takes longer."""
    return min(_MOST_TRIED, _MOST_READ // cost(formula))


def _without_ones(node: Node) -> Node:
    """The formula without factors, divisors and exponents of 1."""
    match nodes.rebuilt(node, map(_without_ones, nodes.children(node))):
        case nodes.Multiply(nodes.ONE, part):
            return part
        case (
            nodes.Multiply(part, nodes.ONE)
            | nodes.Divide(part, nodes.ONE)
            | nodes.Power(part, nodes.ONE)
        ):
            return part
        case made:
            return made


def _structured(question: Question, claim: Node) -> Cause | None:
    """The gradient by all entries, if the input has a declared structure."""
    task = question.task
    if task.way(question.wrt) is None:
        return None
    plain = task.whole(question.wrt, task.sweep.gradients[question.wrt].formula)
    if not Trial(question, plain).equal(claim):
        return None
    edit = Edit("structure", question.gradient, claim, question.gradient)
    return Cause((edit,), None, question.gradient, question.wrt)


def _slipped(question: Question, claim: Node, tried: Iterable[Slip]) -> Cause | None:
    """The first of some mistakes in the gradient that leads to the claim."""
    if question.fitting(claim) != question.shape:
        return None
    trial = Trial(question, claim)
    if not trial.cases:
        return None
    for slip in itertools.islice(tried, _tries(question.gradient)):
        if trial.near(slip.formula)[0] and trial.equal(slip.formula):
            return _said(question, claim, slip)
    return None


def _said(question: Question, claim: Node, slip: Slip) -> Cause:
    """A mistake in the gradient as an edit of the claim, as far as the claim contains it."""
    if slip.part is not None and slip.of == question.wrt:
        whole = plus(claim, slip.part)
        return Cause((Edit("use", whole, claim, whole),), None, whole, slip.of)
    edit = slip.edit
    before, after = question.plain(edit.before), question.plain(edit.after)
    # A change of the claim itself has been tried; this one is of the formula that it equals.
    within = slip.of != question.wrt and any(part == before for part in nodes.walk(claim))
    same = None if within else question.plain(slip.formula)
    made = Edit(edit.kind, edit.node, before, after)
    of = place(question, made) if slip.of == question.wrt else slip.of
    return Cause((made,), None, question.gradient_beside(claim), of, same)


def _half_of_products(question: Question, claim: Node) -> Cause | None:
    """A claim about a Jacobian or a Hessian in which terms of the product rule are forgotten."""
    if question.derivative is None or question.fitting(claim) != question.shape:
        return None
    trial = Trial(question, claim)
    kind = "gauss_newton" if question.kind == "hessian" else "product_rule"
    for wrong in without_terms(question.derivative) if trial.cases else ():
        if trial.near(wrong)[0] and trial.equal(wrong):
            right = question.gradient_beside(claim)
            return Cause((Edit(kind, right, claim, right),), None, right, question.wrt)
    return None


def _twice(question: Question, claim: Node) -> Cause | None:
    """Two of the likeliest changes, one after the other."""
    if sum(1 for _ in nodes.walk(claim)) > _MOST_PARTS:
        return None
    trial = Trial(question)
    for one, other in itertools.islice(_pairs(question, claim), _MOST_PAIRS):
        if trial.near(other.node)[0] and trial.equal(other.node):
            return Cause((one, other), None, other.node, question.wrt)
    return None


def _pairs(question: Question, claim: Node) -> Iterator[tuple[Edit, Edit]]:
    """Pairs of the likeliest changes."""
    setting = setting_of(question)
    for one in itertools.chain(*(edits(name, claim, setting) for name in _LIKELY)):
        for name in _LIKELY:
            for other in edits(name, one.node, setting):
                if other.node != claim:
                    yield one, other
