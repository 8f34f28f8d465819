"""The gradient with one mistake: in the formula, or in the gradient of a value behind it.

A mistake in one step of the chain rule is followed to the end: the local formula of a value is
changed, and the gradients that depend on it are assembled again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from matderiv.calculus.formulas.flattened import sum_of
from matderiv.calculus.formulas.mistakes import Edit, edits, plus
from matderiv.calculus.formulas.tidying import tidy
from matderiv.calculus.sweep.sweep import replaced
from matderiv.checking.material import setting_of, ways
from matderiv.checking.question import Question
from matderiv.expression import nodes
from matderiv.expression.nodes import Name, Node, Number, names_in

__all__ = ["Slip", "forgotten", "place", "slips"]

#: The kind of an edit in the opposite direction: from the mistake to the right formula.
_REVERSED = {
    "extra": "missing",
    "part": "chain",
    "sum_extra": "sum_missing",
    "sum_missing": "sum_extra",
    "function_extra": "function_lost",
    "function_lost": "function_extra",
    "inverse_extra": "inverse_lost",
    "inverse_lost": "inverse_extra",
}


@dataclass(frozen=True, slots=True)
class Slip:
    """A mistake in the gradient by `of`: the edit that corrects it, and the wrong result.

    `part`: the term that is left out of a sum over the uses of a name.
    """

    of: str
    edit: Edit
    formula: Node
    part: Node | None = None


def _path(question: Question) -> tuple[str, ...]:
    """The names whose gradients the asked one follows from, itself first, towards the loss."""
    gradients = question.task.sweep.gradients
    found = {question.wrt: None}
    queue = [question.wrt]
    while queue:
        for use in gradients[queue.pop(0)].uses:
            if use.by in gradients and use.by not in found:
                found[use.by] = None
                queue.append(use.by)
    return tuple(found)


def place(question: Question, edit: Edit) -> str:
    """The name in whose gradient the corrected part stands, if it can be told."""
    old = set(nodes.walk(edit.before))
    new = [n for n in nodes.walk(edit.after) if n not in old and not isinstance(n, Name | Number)]
    locals_ = {of: set(nodes.walk(_local(question, of))) for of in _path(question)}
    for part in reversed(new):
        for of, inside in locals_.items():
            if part in inside:
                return of
    names = names_in(edit.after) - names_in(edit.before)
    for of, inside in locals_.items():
        if names and names <= {n.name for n in inside if isinstance(n, Name)}:
            return of
    return question.wrt


def _local(question: Question, name: str) -> Node:
    """The gradient by a name in terms of those of the values that use it, an entry for each."""
    task = question.task
    return task.whole(name, replaced(task.sweep.gradients[name].local, task.sweep.lifted))


#: The mistakes that are made, the likeliest first.
_MADE = (
    "whole",
    "transpose",
    "order",
    "operator",
    "term too many",
    "factor too many",
    "prime",
    "body",
    "sign",
    "axis",
    "sum too many",
    "sum left out",
    "transposed part",
    "exponent",
    "function",
    "function too many",
    "function left out",
    "inverse too many",
    "inverse left out",
    "division",
    "mean or sum",
    "name",
)


def _is_derived_further(question: Question) -> bool:
    """Whether the gradient is not the one that the chain rule ends in, but by fewer entries."""
    task = question.task
    own = task.sweep.gradients[question.wrt].formula
    return question.wrt in task.assumed and task.answer(question.wrt) != own


def slips(question: Question) -> Iterator[Slip]:
    """Single mistakes in the gradient, the formula's own first, then those behind it.

    If the gradient is by the independent entries of an input, only those of its formula.
    """
    setting = setting_of(question)
    further = _is_derived_further(question)
    for way in dict.fromkeys((question.gradient, *(() if further else ways(question)))):
        if question.fitting(way) == question.shape:
            for name in _MADE:
                for edit in edits(name, way, setting):
                    yield Slip(question.wrt, _mended(edit, way), edit.node)
    for of in () if further else _path(question)[1:]:
        right = _local(question, of)
        for name in _MADE:
            for edit in edits(name, right, setting):
                yield Slip(of, _mended(edit, right), _followed(question, of, edit.node))


def _mended(edit: Edit, right: Node) -> Edit:
    """The change seen from the mistake."""
    kind = _REVERSED.get(edit.kind, edit.kind)
    if kind == "chain" and isinstance(edit.before, nodes.MatMul):
        kind = "left_out"
    elif kind == "chain" and any(isinstance(n, Number) for n in nodes.children(edit.before)):
        kind = "number"
    return Edit(kind, right, edit.after, edit.before)


def forgotten(question: Question) -> Iterator[Slip]:
    """The gradients that come out if one term of the chain rule is forgotten."""
    task = question.task
    facts = task.sweep.facts
    for of in () if _is_derived_further(question) else _path(question):
        uses = task.sweep.gradients[of].uses
        users = tuple(dict.fromkeys(use.by for use in uses))
        for by in users if len(users) > 1 else ():
            rest, part = (
                tidy(question.plain(sum_of((Fraction(1), u.gradient) for u in some)), facts)
                for some in ([u for u in uses if u.by != by], [u for u in uses if u.by == by])
            )
            wrong, right = task.whole(of, rest), task.whole(of, plus(rest, part))
            edit = Edit("use", right, wrong, right)
            yield Slip(of, edit, _followed(question, of, wrong), part)


def _followed(question: Question, of: str, changed: Node) -> Node:
    """The gradient that is asked for, if that by one name were another formula."""
    gradients = question.task.sweep.gradients
    known: dict[str, Node | None] = {of: changed}

    def follow(name: str) -> Node | None:
        """The gradient by a name with the mistake, or None if it does not change."""
        if name not in known:
            users = set(gradients[name].users) & gradients.keys()
            found = {by: follow(by) for by in users}
            put = {f"d{by}": node for by, node in found.items() if node is not None}
            known[name] = replaced(_local(question, name), put) if put else None
        return known[name]

    return follow(question.wrt) or question.gradient
