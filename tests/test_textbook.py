"""Formulas in the words of textbooks: what is printed is what was proved."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from matderiv import derive
from matderiv.calculus.deciding import textbook
from matderiv.calculus.deciding.textbook import Textbook, Worded
from matderiv.calculus.formulas.broadcasting import ShapeOf
from matderiv.calculus.formulas.shaping import shapes_over
from matderiv.calculus.index_forms.index_expressions import (
    Numeral,
    SignedSum,
    SumOver,
    index_product,
)
from matderiv.errors import ProofError
from matderiv.expression import nodes
from matderiv.expression.dims import Dim
from matderiv.expression.nodes import Node
from matderiv.expression.parse import parse

#: A program for each rule that writes a part of it in other words.
PROGRAMS = {
    "_squares": "L = sum(X**2)",
    "_total": "L = sum(f(X) - Y)",
    "_average": "L = mean(X*Y)",
    "_along": "L = Loss(sum(X, axis=0))",
    "_typed": "L = sum(f(X[1:] - X[:-1]))",
}
Mutant = Callable[[Worded], Worded | None]


def twice(made: Worded) -> Worded:
    """A factor too many."""
    if isinstance(made, Node):
        return nodes.Multiply(nodes.TWO, made)
    return index_product([Numeral(nodes.TWO.value), made])


def turned(made: Worded) -> Worded | None:
    """A transpose lost, or one too many; None where nothing is changed by it."""
    match made:
        case nodes.MatMul(nodes.Transpose(arg), right):
            return nodes.MatMul(arg, right)
        case nodes.Mapped(arg, move, axis):
            return nodes.Transpose(nodes.Mapped(nodes.Transpose(arg), move, axis))
    return None


def halved(made: Worded) -> Worded | None:
    """A term left out of a sum."""
    match made:
        case SumOver(letters, SignedSum(items)):
            return SumOver(letters, items[0][1])
        case nodes.Power(base, _):
            return base
        case nodes.Multiply(_, total):
            return total
    return None


CASES = [
    ("_squares", twice),
    ("_squares", halved),
    ("_total", twice),
    ("_total", halved),
    ("_average", twice),
    ("_average", halved),
    ("_along", twice),
    ("_along", turned),
    ("_typed", twice),
    ("_typed", turned),
]


@pytest.mark.parametrize(("rule", "mutant"), CASES)
def test_a_page_with_wrong_words_is_refused(
    rule: str, mutant: Mutant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A factor, a transpose or a term that a rule gets wrong never reaches a page."""

    def wrong(own: textbook.WordingRule) -> textbook.WordingRule:
        def made(node: Node, shape: ShapeOf, letters: tuple[str, ...]) -> Worded | None:
            found = own(node, shape, letters)
            return None if found is None else mutant(found) or found

        return made

    rules = tuple(wrong(r) if r.__name__ == rule else r for r in textbook.OTHER_WORDS)
    monkeypatch.setattr(textbook, "OTHER_WORDS", rules)
    program = PROGRAMS[rule]
    derivation = derive(program, shapes=dict.fromkeys(parse(program).inputs(), (3, 3)))
    with pytest.raises(ProofError, match="in other words"):
        derivation.markdown()


def test_every_rule_has_mutants() -> None:
    """No rule is added without a page that is refused where it goes wrong."""
    assert {rule.__name__ for rule in textbook.OTHER_WORDS} == {rule for rule, _ in CASES}


@pytest.mark.parametrize("sizes", [(1, 1), (1, 3), (3, 1), (2, 4), (3, 3)])
def test_words_are_proved_at_all_sizes(sizes: tuple[int, int]) -> None:
    """Also of a single row or column, whose index is 1."""
    named = tuple(Dim("1" if n == 1 else c, n) for c, n in zip("NM", sizes, strict=True))
    words = Textbook(shapes_over({"X": named}), ("i", "j", "k"))
    for text in (
        "sum(X**2)",
        "sum(f(X) + X @ X.T @ X)",
        "mean(X**3)",
        "sum(X, axis=0)",
        "mean(X, axis=1)",
    ):
        assert words.of(parse(text).loss.value) is not None


def test_words_are_proved_without_multiplying_out() -> None:
    """High powers of long sums are proved as they stand, and written with Σ."""
    shapes = {"x": (Dim("N", 3),), "A": (Dim("N", 3), Dim("N", 3))}
    words = Textbook(shapes_over(shapes), ("i", "j", "k", "l"))
    for text in ("sum((x - sum(x)/sum(x**2))**8)", "sum((A @ A @ A)**6)"):
        assert words.of(parse(text).loss.value) is not None


def test_words_that_are_not_decided_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """The formula is written as it stands."""
    undecided = textbook.Verdict("undecided")
    monkeypatch.setattr(textbook, "decide", lambda *_: undecided)
    words = Textbook(shapes_over({"x": (Dim("N", 3),)}), ("i",))
    assert words.of(parse("sum(x**3)").loss.value) is None
