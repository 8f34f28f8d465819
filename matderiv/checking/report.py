"""A report on a claim as text, in each language, and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator

from matderiv.checking.check import Report
from matderiv.checking.diagnose import Cause, Misfit
from matderiv.checking.edits import Edit
from matderiv.expression import nodes
from matderiv.expression.nodes import Node, Number
from matderiv.expression.shapes import Shape
from matderiv.expression.source import source
from matderiv.handout.texts import messages

__all__ = [
    "Words",
    "cause_lines",
    "edit_key",
    "edit_text",
    "misfit_json",
    "misfit_text",
    "to_json",
    "to_text",
]

FORMAT, VERSION = "matderiv check", 1


def to_text(report: Report, lang: str) -> str:
    """One line for a claim that is right, else what is wrong and how that is seen."""
    return "\n".join(_lines(report, Words(lang))) + "\n"


class Words:
    """The messages of a language, filled in."""

    def __init__(self, lang: str) -> None:
        self._messages = messages(lang)

    def __call__(self, key: str, **fields: object) -> str:
        """A message with its fields filled in."""
        return self._messages[f"check.{key}"].format(**fields)

    def listed(self, items: list[str], separator: str = "comma") -> str:
        """Items in a row."""
        return self(separator).join(items)


def _lines(report: Report, say: Words) -> Iterator[str]:
    question = report.question
    names = {"claim": source(report.claim), "X": question.wrt, "L": question.loss}
    if report.status == "undecided":
        yield say("undecided", **names)
        return
    if report.status == "right":
        yield _right(report, say, names)
        return
    yield say("wrong", **names)
    sizes = say.listed([f"{dim.symbol} = {dim.size}" for dim in question.dims])
    if question.resized:
        yield say("resized", sizes=sizes)
    if report.misfit is not None:
        yield misfit_text(report.misfit, say)
    if report.other is not None:
        yield say("other", other=report.other, **names)
    if report.cause is not None:
        yield from cause_lines(report.cause, say)
    yield from _correct(report, say)
    if report.difference is not None:
        found = report.difference
        yield say("entry", place=", ".join(map(str, found.place)), sizes=sizes)
        yield f"  {say('claim_label')}{found.claim} = {found.claim_value}"
        yield f"  {say('gradient_label')}{found.gradient} = {found.gradient_value}"
        if found.point:
            point = say.listed([f"{name} = {value}" for name, value in found.point])
            yield f"  {say('where')}{point}"
    yield say("line", line=report.line)


def _right(report: Report, say: Words, names: dict[str, str]) -> str:
    where = say("defined") if _partial(report.claim) else ""
    if report.decision.index:
        letters = say.listed([dim.symbol for dim in report.question.dims], "letters")
        return say("right", letters=letters, **names) + where
    tried = ["×".join(map(str, sizes.values())) for sizes in report.decision.sizes]
    letters = "×".join(report.decision.sizes[0])
    return say("right_at", letters=letters, sizes=say.listed(tried, "letters"), **names) + where


def _partial(node: Node) -> bool:
    """Whether a formula is not defined everywhere, whatever it is made of."""
    return any(
        (isinstance(n, nodes.Divide) and not isinstance(n.right, Number))
        or (isinstance(n, nodes.Apply) and n.function in ("log", "sqrt"))
        or (
            isinstance(n, nodes.Power)
            and not (
                isinstance(n.right, Number) and n.right.value.denominator == 1 and n.right.value > 0
            )
        )
        for n in nodes.walk(node)
    )


def misfit_text(found: Misfit, say: Words) -> str:
    """Which shapes do not fit, and where."""
    fields = {
        "part": source(found.part),
        "left": source(found.left),
        "right": source(found.right),
        "left_shape": shape_words(found.left_shape, say),
        "right_shape": shape_words(found.right_shape, say),
    }
    if found.kind == "inner":
        inner = found.left_shape[-1], found.right_shape[-2:][0]
        return say("misfit_inner", left_size=inner[0].size, right_size=inner[1].size, **fields)
    if found.kind == "square":
        return say("misfit_square", **fields)
    if found.kind == "operand":
        scalar = found.right if found.left_shape else found.left
        return say("misfit_operand", part=fields["part"], scalar=source(scalar))
    if found.kind == "entries":
        return say("misfit_entries", **fields)
    return say(
        "misfit_whole",
        claim=fields["left"],
        X=fields["right"],
        shape=fields["left_shape"],
        right_shape=fields["right_shape"],
    )


def shape_words(shape: Shape, say: Words) -> str:
    """N×M (2×3), or the word for a number."""
    if not shape:
        return say("scalar")
    letters = "×".join(dim.symbol for dim in shape)
    return say("shape", letters=letters, sizes="×".join(str(dim.size) for dim in shape))


def cause_lines(cause: Cause, say: Words) -> Iterator[str]:
    """What is wrong, a line for each change that makes it right."""
    for edit in cause.edits:
        yield say(edit_key(edit), before=source(edit.before), after=source(edit.after))
    if cause.factor is not None:
        sign = isinstance(cause.factor, Number) and cause.factor.value == -1
        factor = source(cause.factor)
        yield say("sign_whole") if sign else say("factor", factor=factor)


def edit_text(edit: Edit) -> str:
    """What is wrong by a change that makes it right, in English."""
    return Words("en")(edit_key(edit), before=source(edit.before), after=source(edit.after))


def edit_key(edit: Edit) -> str:
    """The message about a change: whether a transpose is lost or too many shows in its parts."""
    if edit.kind == "transpose":
        return "transpose_extra" if isinstance(edit.before, nodes.Transpose) else "transpose_lost"
    if edit.kind == "operator":
        product = isinstance(edit.after, nodes.MatMul)
        return "operator_product" if product else "operator_entries"
    return edit.kind


def _correct(report: Report, say: Words) -> Iterator[str]:
    """The claim set right, and the gradient as the derivation has it."""
    found = report.cause
    gradient = report.gradient
    if found is None or found.factor is not None or not found.edits:
        beside = source(report.question.gradient_beside(report.claim))
        if beside != gradient:
            yield say("correct_same", repaired=beside, gradient=gradient)
        else:
            yield say("correct", gradient=gradient)
        return
    repaired = source(found.repaired)
    if repaired != gradient:
        yield say("correct_same", repaired=repaired, gradient=gradient)
    elif source(found.edits[-1].after) != gradient:  # else it has just been said
        yield say("correct", gradient=gradient)


def to_json(report: Report) -> str:
    """The same facts for a program, in no language."""
    question, decision = report.question, report.decision
    made: dict[str, object] = {
        "format": FORMAT,
        "version": VERSION,
        "program": question.problem.program.source(),
        "wrt": question.wrt,
        "claim": source(report.claim),
        "verdict": report.status,
        "for_all_sizes": decision.index if report.status == "right" else None,
        "sizes_compared": list(decision.sizes),
        "gradient": report.gradient,
        "line": report.line,
    }
    if report.status == "wrong":
        made |= {
            "misfit": misfit_json(report.misfit),
            "gradient_of": report.other,
            "causes": _causes_json(report.cause),
            "repaired": source(report.cause.repaired) if report.cause else None,
            "entry": None
            if report.difference is None
            else {
                "place": list(report.difference.place),
                "sizes": {dim.symbol: dim.size for dim in question.dims},
                "claim": report.difference.claim,
                "gradient": report.difference.gradient,
                "point": dict(report.difference.point),
                "claim_value": report.difference.claim_value,
                "gradient_value": report.difference.gradient_value,
            },
        }
    return json.dumps(made, ensure_ascii=False, indent=2) + "\n"


def misfit_json(found: Misfit | None) -> dict[str, object] | None:
    """The same as JSON."""
    if found is None:
        return None
    return {
        "kind": found.kind,
        "part": source(found.part),
        "left": source(found.left),
        "right": source(found.right),
        "left_shape": [dim.size for dim in found.left_shape],
        "right_shape": [dim.size for dim in found.right_shape],
    }


def _causes_json(cause: Cause | None) -> list[dict[str, str]]:
    if cause is None:
        return []
    made = [
        {"kind": edit_key(e), "before": source(e.before), "after": source(e.after)}
        for e in cause.edits
    ]
    if cause.factor is not None:
        made.append({"kind": "factor", "factor": source(cause.factor)})
    return made
