"""Local derivatives of composite reductions, in the words of the formula."""

from __future__ import annotations

import pytest
from _derived import derived

import matderiv
from matderiv.calculus.index_forms.entries import Entries
from matderiv.calculus.index_forms.index_expressions import (
    IndexExpression,
    NamedEntry,
    Quotient,
    index_parts,
    with_other_parts,
)
from matderiv.calculus.index_forms.meaning import form_of
from matderiv.derivation.judge import Judge
from matderiv.derivation.sides import Indexed, Side

CASES = [
    ("", (2, 3)),
    (", axis=0", (3, 1)),
    (", axis=1", (1, 3)),
    (", axis=1", (3, 2)),
    (", axis=1, keepdims=True", (2, 3)),
]


def local(derivation: matderiv.Derivation) -> tuple[Side, Side]:
    """∂u/∂X and what it is."""
    steps = (step for step in derivation.steps if step.wrt == "X")
    (chain,) = (c for step in steps for c in step.chains if c.kind == "local")
    left, right = chain.sides
    return left, right


@pytest.mark.parametrize("method", ["elementwise", "index"])
@pytest.mark.parametrize("operation", ["std", "var"])
@pytest.mark.parametrize(("options", "shape"), CASES)
def test_the_local_derivative_is_one_fraction(
    operation: str, options: str, shape: tuple[int, int], method: str
) -> None:
    """δ_ip (x_pq - m_p)/(D u_p): no sum is multiplied out, and the root goes by its name."""
    program = f"u = {operation}(X{options}); L = Loss(u)"
    derivation = derived(program, shapes={"X": shape}, wrt="X", method=method)
    judge = Judge(derivation.task, "X", ("u",))
    left, side = local(derivation)
    assert isinstance(side, Indexed)
    assert isinstance(side.expr, Quotient)
    named = [p for p in index_parts(side.expr) if isinstance(p, NamedEntry) and p.name == "u"]
    assert len(named) == (operation == "std")
    assert all(len(part.indices) == len(derivation.task.shapes["u"]) for part in named)
    assert judge.verdict(left, side).status == "equal"


@pytest.mark.long
def test_a_wrong_word_is_refuted() -> None:
    """With another entry of u in it, what is printed is not the derivative."""
    derivation = derived("u = std(X, axis=1); L = Loss(u)")
    task = derivation.task
    judge = Judge(task, "X", ("u",))
    left, right = local(derivation)
    assert isinstance(right, Indexed)
    assert right.expr is not None

    def wrong(part: IndexExpression) -> IndexExpression | None:
        return NamedEntry("u", (1,)) if part == NamedEntry("u", ("p",)) else None

    planted = with_other_parts(right.expr, wrong)
    assert planted != right.expr
    form = form_of(planted, Entries(task.sweep.facts.shape))
    assert judge.verdict(left, Indexed(form, expr=planted)).status == "refuted"


@pytest.mark.parametrize("value", ["logsumexp(X, axis=1)", "softmax(X, axis=1)", "mean(X, axis=0)"])
def test_what_is_short_stays(value: str) -> None:
    """Where the formula has no fewer signs, the derivative is as worked out from the definition."""
    derivation = derived(f"u = {value}; L = Loss(u)")
    sides = [s for step in derivation.steps for c in step.chains for s in c.sides]
    assert sides
    assert not any(isinstance(side, Indexed) and side.expr for side in sides)
