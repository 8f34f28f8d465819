"""A page's program in small numbers, its gradients there, and one entry nudged."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from typing import TYPE_CHECKING

from matderiv.calculus.sweep.task import Task
from matderiv.derivation.sides import Numerals
from matderiv.handout.document import Block, Equation, Heading, Math, Paragraph, Segments
from matderiv.handout.sentences import fill, listed, together
from matderiv.notation.boxes import Aligned, Box, NumberBox, Operator, Row, Scripts, Terms
from matderiv.notation.formulas import Formulas
from matderiv.notation.names import call, function_box, name_box
from matderiv.notation.program import ProgramNotation

if TYPE_CHECKING:
    from matderiv.derivation.worked_numbers import Nudge, WorkedNumbers

__all__ = ["number_section"]

#: The width in em up to which arrays stand side by side.
_ROOM = 29.0
_DIGITS = 8  # behind the point, of a loss at most


def number_section(task: Task, language: str) -> Iterator[Block]:
    """The section; nothing where the values of the program are no fractions at whole numbers."""
    from matderiv.derivation.worked_numbers import worked_numbers

    found = worked_numbers(task)
    if found is None:
        return
    notation = ProgramNotation(found.task, None)
    formulas = notation.formulas

    def lines(arrays: Mapping[str, Numerals], *, backward: bool = False) -> Iterator[Block]:
        named = (
            (formulas.gradient(n) if backward else name_box(n), notation.side(numerals))
            for n, numerals in arrays.items()
        )
        return map(Equation, _packed(named))

    yield Heading(2, fill(language, "numbers.heading", {}))
    yield Paragraph(_given(task, found, language))
    yield from lines(found.inputs)
    yield Paragraph(fill(language, "numbers.forward", {}))
    yield from lines(found.values)
    yield Paragraph(fill(language, "numbers.backward", {}))
    yield from lines(found.gradients, backward=True)
    yield Paragraph(_nudged(found.nudge, name_box(found.task.loss), formulas, language))


def _given(task: Task, found: WorkedNumbers, language: str) -> Segments:
    if not found.squares:
        return fill(language, "numbers.given", {})
    u = name_box("u")
    squares: list[Segments] = [
        (
            Math(
                Row(
                    (call(function_box(f), [u]), Operator("equals"), Scripts(u, sup=NumberBox("2")))
                )
            ),
        )
        for f in sorted(task.program.functions())
    ]
    return fill(language, "numbers.given_squares", {"squares": listed(language, squares)})


def _packed(named: Iterable[tuple[Box, Box]]) -> Iterator[Aligned]:
    """Equalities, as many beside each other as a line holds."""
    line: list[Box] = []
    for left, right in named:
        one = Row((left, Operator("equals"), right))
        if line and Row((*line, one)).width > _ROOM:
            yield _line(line)
            line = []
        line += [Operator("comma"), Operator("quad")] * bool(line) + [left, right]
    if line:
        yield _line(line)


def _line(parts: list[Box]) -> Aligned:
    left, *rest = parts
    made: list[Box] = []
    for n, part in enumerate(rest):
        made.append(part)
        if n and isinstance(rest[n - 1], Operator) and rest[n - 1] == Operator("quad"):
            made.append(Operator("equals"))
    return Aligned(left, (Row(tuple(made)),))


def _nudged(nudge: Nudge, loss: Box, formulas: Formulas, language: str) -> Segments:
    """The loss predicted and computed."""
    entry = formulas.entry(nudge.name, tuple(i + 1 for i in nudge.indices))
    change = nudge.slope * nudge.step
    product = (_decimal(nudge.slope), Operator("times"), _decimal(nudge.step))
    fields = {
        "x": entry,
        "L": loss,
        "step": _decimal(nudge.step),
        "before": _decimal(nudge.before),
        "after": _decimal(nudge.after),
        "found": _decimal(nudge.after - nudge.before),
        "product": Row((*product, Operator("equals"), _decimal(change))),
    }
    shown = {key: Math(box) for key, box in fields.items()}
    words = (fill(language, f"numbers.{key}", shown) for key in ("raised", "predicted"))
    return together(language, words)


def _decimal(number: Fraction) -> Box:
    """A decimal number of no more digits than these.

    >>> _decimal(Fraction(299005, 100000))
    NumberBox(text='2.99005')
    """
    text = f"{float(abs(number)):.{_DIGITS}f}".rstrip("0").rstrip(".")
    return Terms((("-", NumberBox(text)),)) if number < 0 else NumberBox(text)
