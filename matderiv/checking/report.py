"""A report on a claim as text, in each language, and as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html import escape
from typing import Literal

from matderiv.arguments import checked
from matderiv.calculus.deciding.decide import Verdict
from matderiv.calculus.formulas.mistakes import Edit
from matderiv.checking.assuming import Condition
from matderiv.checking.decide import NO_VALUE
from matderiv.checking.diagnose import Cause
from matderiv.checking.evidence import Difference, Line, deciding_line
from matderiv.checking.misfit import Misfit
from matderiv.checking.question import Question
from matderiv.checking.slips import Slip
from matderiv.expression import nodes
from matderiv.expression.assumptions import ASSUMPTIONS
from matderiv.expression.nodes import Node, Number
from matderiv.expression.shapes import Shape
from matderiv.handout.readings import reading_texts
from matderiv.handout.texts import messages

__all__ = ["Check", "edit_key", "line_text", "slip_text"]

FORMAT, VERSION = "matderiv check", 1


@dataclass(frozen=True, slots=True, repr=False)
class Check:
    """The verdict on a claim, with its evidence; `print` of it is what the command prints.

    It is true if the claim is right: `assert check(…)`. One that is undecided is not.

    `other`: the input whose gradient the claim is, if it is that of another one. `misfit`, `cause`,
    `difference`: evidence that the claim is wrong, None where there is none. `condition`: the
    assumption under which it is right, if one was found.
    """

    question: Question
    claim: Node
    decision: Verdict
    other: str | None = None
    misfit: Misfit | None = None
    cause: Cause | None = None
    difference: Difference | None = None
    condition: Condition | None = None

    @property
    def status(self) -> Literal["right", "wrong", "undecided"]:
        """The verdict in one word."""
        words: dict[str, Literal["right", "wrong", "undecided"]]
        words = {"equal": "right", "refuted": "wrong", "undecided": "undecided"}
        return words[self.decision.status]

    @property
    def line(self) -> Line | None:
        """The line of the derivation that decides; None if it is not proved on its own."""
        if self.question.array:
            return None
        of = self.question.wrt if self.cause is None else self.cause.of
        return deciding_line(self.question, of)

    @property
    def gradient(self) -> str:
        """The gradient as the program's derivation ends."""
        return self.question.source(self.question.gradient)

    @property
    def facts(self) -> dict[str, object]:
        """The content of `json`: the verdict, what is right, and why a claim is wrong."""
        return _facts(self)

    @checked()
    def text(self, lang: str = "en") -> str:
        """The report as lines for a person.

        Raises:
            InputError: there is no such language.
        """
        lines = [
            *_lines(self, _Words(lang, self.question.kind)),
            *reading_texts(self.question.task.readings, lang),
        ]
        return "\n".join(lines) + "\n"

    def json(self) -> str:
        """The report as JSON; see the README."""
        return json.dumps(self.facts, ensure_ascii=False, indent=2) + "\n"

    def __str__(self) -> str:
        """The report in English."""
        return self.text().rstrip("\n")

    def __bool__(self) -> bool:
        """Whether the claim is right."""
        return self.status == "right"

    def __repr__(self) -> str:
        """The verdict, and on what."""
        return f"<Check: a claim about {self.question.label} is {self.status}>"

    def _repr_html_(self) -> str:
        return f"<pre>{escape(str(self))}</pre>"


class _Words:
    """The messages of a language, filled in."""

    def __init__(self, lang: str, kind: str = "gradient") -> None:
        self._messages = messages(lang)
        self._what = self._messages[f"check.what_{kind}"]

    def __call__(self, key: str, **fields: object) -> str:
        """A message with its fields filled in."""
        return self._messages[f"check.{key}"].format(**{"what": self._what, **fields})

    @staticmethod
    def shape(sizes: tuple[int, ...]) -> str:
        """2×4, or 2 for a vector; empty for a number."""
        return "×".join(map(str, sizes))

    def listed(self, items: list[str], separator: str = "comma") -> str:
        """Items in a row."""
        return self(separator).join(items)


def _lines(report: Check, say: _Words) -> Iterator[str]:
    """One line for a right claim; for a wrong one its cause and its evidence."""
    question = report.question
    names = {"claim": question.source(report.claim), "X": question.by, "L": question.loss}
    if report.status == "undecided":
        yield _undecided(report, say, names)
        return
    if report.status == "right":
        yield _right(report, say, names)
        return
    found = report.condition
    if found is not None and (report.cause is None or found.name == question.wrt):
        words = {"condition": _condition(found, question, say), "X": found.name}
        if found.name in question.given.assumed:
            yield say(f"right_other_{found.convention}", gradient=report.gradient, **words)
        else:
            yield say("right_if", gradient=question.source(found.general), **words)
        if report.cause is not None:
            yield from _cause_lines(report.cause, question, say)
        return
    yield say("wrong", **names)
    sizes = say.listed([f"{dim.symbol} = {dim.size}" for dim in question.dims])
    if question.resized:
        yield say("resized", sizes=sizes)
    if report.misfit is not None:
        yield _misfit_text(report.misfit, question, say)
    if report.other is not None:
        yield say("other", other=report.other, **names)
    if report.cause is not None:
        yield from _cause_lines(report.cause, question, say)
    yield from _correct(report, say)
    if report.difference is not None:
        yield from _entry(report.difference, sizes, say, question.kind)
    line = report.line
    if line is not None:
        yield _line_text(line, say)
    if found is not None:
        yield say("also_if", condition=_condition(found, question, say))


def _condition(found: Condition, question: Question, say: _Words) -> str:
    """The assumption under which a claim is right, as half a sentence."""
    if found.convention is not None:
        key = f"if_{found.convention}"
    else:
        kind = ("scalar", "vector", "matrix")[len(question.shapes[found.name])]
        key = f"if_{found.what}" + ("" if ASSUMPTIONS[found.what].square else f"_{kind}")
    words = say(key, X=found.name)
    if found.beside is None:
        return words
    return say("if_both", one=say(f"if_{found.what}", X=found.beside), other=words)


def _line_text(line: Line, say: _Words) -> str:
    values = say.listed([f"{name} = {value}" for name, value in line.values])
    return say("line", line=line.text) + (say("line_where", values=values) if values else "")


def line_text(line: Line) -> str:
    """The line that decides, in English."""
    return _line_text(line, _Words("en"))


def slip_text(question: Question, slip: Slip) -> str:
    """A likely mistake behind a wrong result, in English."""
    say, words = _Words("en"), question.source
    found = [say("looks", same=words(question.plain(slip.formula)))]
    if slip.of != question.wrt:
        found.append(say("inside", L=question.loss, Z=slip.of))
    edit = slip.edit
    before, after = (words(question.plain(node)) for node in (edit.before, edit.after))
    found.append(say(edit_key(edit), before=before, after=after, X=question.wrt, Z=slip.of))
    return " ".join(found)


def _entry(found: Difference, sizes: str, say: _Words, kind: str) -> Iterator[str]:
    """The entry that differs, both sides of it, and where that was seen."""
    place = ", ".join(map(str, found.place))
    key = "entry" if place else "differ"
    yield say(key, place=place, sizes=sizes) if sizes else say(f"{key}_fixed", place=place)
    yield f"  {say('claim_label')}{found.claim} = {found.claim_value}"
    yield f"  {say(f'{kind}_label')}{found.gradient} = {found.gradient_value}"
    if found.point:
        point = say.listed([f"{name} = {value}" for name, value in found.point])
        yield f"  {say('where')}{point}"


def _right(report: Check, say: _Words, names: dict[str, str]) -> str:
    where = say("defined") if _partial(report.claim) else ""
    if report.question.given.numbers:
        return _right_as_declared(report, say, names) + where
    letters = [dim.symbol for dim in report.question.dims]
    if not letters:
        return say("right_fixed", **names) + where
    if report.decision.index:
        return say("right", letters=say.listed(letters, "letters"), **names) + where
    return say("right_at", **_sizes(report, say), **names) + where


def _right_as_declared(report: Check, say: _Words, names: dict[str, str]) -> str:
    """Right at the declared sizes alone, and the letters that make it right for all of them."""
    question = report.question
    sizes = question.given
    declared = [f"{letter} = {n}" for letter, n in (sizes.sizes or {}).items() if n is not None]
    shapes = {name: say.shape(shape) for name, shape in (sizes.shapes or {}).items()}
    words = [f"{name} {shape}" for name, shape in shapes.items() if shape]
    declared += list(shapes.values()) if len(words) == 1 and not declared else words
    letters = [say("write", letter=letter, size=size) for letter, size in question.lettered.items()]
    text = say("right_declared", declared=say.listed(declared), **names)
    return text + (say("for_every", letters=say.listed(letters)) if letters else say("stop"))


def _undecided(report: Check, say: _Words, names: dict[str, str]) -> str:
    if report.decision.reason == NO_VALUE:
        return say("no_value", **names)
    if report.decision.sizes:
        return say("not_proved", **_sizes(report, say), **names)
    return say("undecided", **names)


def _sizes(report: Check, say: _Words) -> dict[str, str]:
    """The letters of the sizes, and the sizes at which all entries were compared."""
    tried = ["×".join(map(str, sizes.values())) for sizes in report.decision.sizes]
    return {
        "letters": "×".join(report.decision.sizes[0]),
        "sizes": say.listed(tried, "letters"),
    }


def _partial(node: Node) -> bool:
    """Whether a formula can be undefined at some inputs."""
    return any(
        (isinstance(n, nodes.Divide) and not _is_positive(n.right))
        or (isinstance(n, nodes.Apply) and n.function in ("log", "sqrt"))
        or (
            isinstance(n, nodes.Power)
            and not (
                isinstance(n.right, Number) and n.right.value.denominator == 1 and n.right.value > 0
            )
        )
        for n in nodes.walk(node)
    )


def _is_positive(node: Node) -> bool:
    """Whether a divisor is a number or a product of sizes."""
    match node:
        case nodes.Multiply(left, right):
            return _is_positive(left) and _is_positive(right)
    return isinstance(node, Number | nodes.Size)


def _misfit_text(found: Misfit, question: Question, say: _Words) -> str:
    """Which shapes do not fit, and where."""
    fields = {
        "part": question.source(found.part),
        "left": question.source(found.left),
        "right": question.source(found.right),
        "left_shape": _shape_words(found.left_shape, say),
        "right_shape": _shape_words(found.right_shape, say),
    }
    if found.kind == "inner":
        inner = found.left_shape[-1], found.right_shape[-2:][0]
        return say("misfit_inner", left_size=inner[0].size, right_size=inner[1].size, **fields)
    if found.kind == "square":
        return say("misfit_square", **fields)
    if found.kind == "operand":
        scalar = found.right if found.left_shape else found.left
        return say("misfit_operand", part=fields["part"], scalar=question.source(scalar))
    if found.kind == "entries":
        return say("misfit_entries", **fields)
    if question.array:
        names = {"L": question.loss, "claim": fields["left"], "X": question.by}
        shapes = {"shape": fields["left_shape"], "right_shape": fields["right_shape"]}
        return say("misfit_array", **names, **shapes)
    return say(
        "misfit_whole",
        claim=fields["left"],
        X=fields["right"],
        shape=fields["left_shape"],
        right_shape=fields["right_shape"],
    )


def _shape_words(shape: Shape, say: _Words) -> str:
    """N×M (2×3), or the word for a number."""
    if not shape:
        return say("scalar")
    letters = "×".join(dim.symbol for dim in shape)
    return say("shape", letters=letters, sizes="×".join(str(dim.size) for dim in shape))


def _cause_lines(cause: Cause, question: Question, say: _Words) -> Iterator[str]:
    """One line for each change that makes the claim right."""
    if cause.same is not None:
        yield say("same", same=question.source(cause.same))
    if cause.same is not None and cause.of != question.wrt and not question.array:
        yield say("inside", L=question.loss, Z=cause.of)
    for edit in cause.edits:
        before, after = question.source(edit.before), question.source(edit.after)
        layout = question.kind == "jacobian" and edit.kind == "whole"
        key = "layout" if layout else edit_key(edit)
        yield say(key, before=before, after=after, X=question.wrt, Z=cause.of)
    if cause.factor is not None:
        sign = isinstance(cause.factor, Number) and cause.factor.value == -1
        factor = question.source(cause.factor)
        yield say("sign_whole") if sign else say("factor", factor=factor)


def edit_key(edit: Edit) -> str:
    """The message about a change: whether a transpose is lost or too many shows in its parts."""
    if edit.kind == "transpose":
        return "transpose_extra" if isinstance(edit.before, nodes.Transpose) else "transpose_lost"
    if edit.kind == "operator":
        if isinstance(edit.after, nodes.Divide) or isinstance(edit.before, nodes.Divide):
            return (
                "operator_divide" if isinstance(edit.after, nodes.Divide) else "operator_multiply"
            )
        product = isinstance(edit.after, nodes.MatMul)
        return "operator_product" if product else "operator_entries"
    return edit.kind


def _correct(report: Check, say: _Words) -> Iterator[str]:
    """The claim set right, and the gradient as the derivation has it."""
    found, question = report.cause, report.question
    gradient = report.gradient
    if found is None or found.factor is not None or not found.edits:
        beside = question.source(question.gradient_beside(report.claim))
        if beside != gradient:
            yield say("correct_same", repaired=beside, gradient=gradient)
        else:
            yield say("correct", gradient=gradient)
        return
    repaired = question.source(found.repaired)
    if repaired != gradient:
        yield say("correct_same", repaired=repaired, gradient=gradient)
    elif question.source(found.edits[-1].after) != gradient:  # else it has just been said
        yield say("correct", gradient=gradient)


def _facts(report: Check) -> dict[str, object]:
    """The same facts for a program, in no language."""
    question, decision = report.question, report.decision
    words = question.source
    line = report.line
    made: dict[str, object] = {
        "format": FORMAT,
        "version": VERSION,
        "program": question.text,
        "kind": question.kind,
        "wrt": question.by,
        "claim": words(report.claim),
        "verdict": report.status,
        "for_all_sizes": decision.index and not question.given.numbers
        if report.status == "right"
        else None,
        "sizes_compared": list(decision.sizes),
        "gradient": report.gradient,
        "line": None if line is None else line.text,
        "readings": list(reading_texts(question.task.readings)),
    }
    if report.status == "wrong":
        found = report.difference
        made |= {
            "misfit": _misfit_json(report.misfit, words),
            "gradient_of": report.other,
            "causes": _causes_json(report.cause, words),
            "repaired": words(report.cause.repaired) if report.cause else None,
            "condition": None
            if report.condition is None
            else {
                "assume": report.condition.assumed,
                "convention": report.condition.convention,
                "otherwise": words(report.condition.general),
            },
            "entry": None
            if found is None
            else {
                "place": list(found.place),
                "sizes": {dim.symbol: dim.size for dim in question.dims},
                "claim": found.claim,
                "gradient": found.gradient,
                "point": dict(found.point),
                "claim_value": found.claim_value,
                "gradient_value": found.gradient_value,
            },
        }
    return made


def _misfit_json(found: Misfit | None, words: Callable[[Node], str]) -> dict[str, object] | None:
    """The same as JSON."""
    if found is None:
        return None
    return {
        "kind": found.kind,
        "part": words(found.part),
        "left": words(found.left),
        "right": words(found.right),
        "left_shape": [dim.size for dim in found.left_shape],
        "right_shape": [dim.size for dim in found.right_shape],
    }


def _causes_json(cause: Cause | None, words: Callable[[Node], str]) -> list[dict[str, str]]:
    if cause is None:
        return []
    made = [
        {"kind": edit_key(e), "before": words(e.before), "after": words(e.after)}
        for e in cause.edits
    ]
    if cause.factor is not None:
        made.append({"kind": "factor", "factor": words(cause.factor)})
    return made
