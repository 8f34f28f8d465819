"""What pages say of gradients: each statement is proved, and none is made where it does not hold."""

from __future__ import annotations

from functools import cache
from typing import get_args

import pytest

from matderiv import _budget
from matderiv._budget import budget
from matderiv.calculus.deciding.decide import Verdict
from matderiv.calculus.sweep.proving import Prover
from matderiv.calculus.sweep.task import Task, read_task
from matderiv.derivation.board import with_board_names
from matderiv.derivation.judge import Judge
from matderiv.derivation.meanings import found as patterns
from matderiv.derivation.meanings.found import meanings
from matderiv.derivation.meanings.residual import even
from matderiv.derivation.meanings.statements import Meaning, MeaningKind, Unfolded
from matderiv.derivation.sides import Side
from matderiv.expression.nodes import walk
from matderiv.expression.source import source
from matderiv.handout.meanings import meaning_section
from matderiv.handout.texts import messages

ROWS = "m = mean(X, axis=1, keepdims=True); s = sqrt(mean((X - m)**2, axis=1, keepdims=True) + eps)"
COLUMNS = "(X - mean(X, axis=0, keepdims=True))/std(X, axis=0, keepdims=True)"
#: Programs, what is assumed, and what their gradients say.
SAID: dict[str, tuple[dict[str, str], set[str]]] = {
    "Z = X @ W + b; P = softmax(Z, axis=1); L = -sum(T*log(P))": (
        {"T": "onehot"},
        {"residual", "even_row", "broadcast"},
    ),
    "L = -sum(t*log(softmax(A @ x)))": ({"t": "stochastic"}, {"residual", "even_all"}),
    "L = -sum(T*log(softmax(A @ X, axis=0)))": ({}, set()),
    "p = sigmoid(X @ w); L = -sum(t*log(p) + (1 - t)*log(1 - p))": ({}, {"residual"}),
    "L = sum((X @ W - T)**2) + lam*sum(W**2)": ({}, {"normal", "fork"}),
    "L = mean((A @ X @ w - y)**2)/2": ({}, {"normal"}),
    "L = x @ A @ x/2 - c @ x": ({}, {"fork"}),
    f"{ROWS}; Y = (X - m)/s; L = Loss(Y)": (
        {},
        {"left_row", "even_row", "stretched_small"},
    ),
    f"Y = {COLUMNS}; L = Loss(Y)": (
        {},
        {"left_col", "even_col", "stretched"},
    ),
    "Y = (x - mean(x))/std(x); L = Loss(Y)": ({}, {"left_all"}),
    "O = softmax(Q @ K.T/sqrt(d), axis=1) @ V; L = Loss(O)": ({}, {"rowsums"}),
    "L = logdet(S) + y.T @ inv(S) @ y": ({}, {"likelihood", "samples", "fork"}),
    "L = -0.5*logdet(S) - 0.5*tr(inv(S) @ C)": ({}, {"likelihood", "estimate", "fork"}),
    "L = sum((X - X @ W @ W.T)**2)": ({}, {"eigenvectors", "fork"}),
    "L = sum(f(X @ W))": ({}, set()),
    "p = softmax(A @ x); s = p @ y; L = s**2": ({}, set()),
}


def task(program: str, assume: dict[str, str] | None = None) -> Task:
    """The task of a program as its board has it."""
    return with_board_names(read_task(program, assume=assume, scalar=True, roles=True))


@cache
def said_of(program: str) -> tuple[Meaning, ...]:
    """What the gradients of a program in the table say."""
    return meanings(task(program, SAID[program][0]))


@pytest.mark.parametrize("program", SAID)
def test_programs_say_what_they_are_known_for(program: str) -> None:
    """Each pattern is found where it is, and nothing is said that is not known to hold."""
    said, found = SAID[program][1], said_of(program)
    assert {meaning.kind for meaning in found} >= said
    if not said:
        assert found == ()
    assert all(link.verdict.status == "equal" for meaning in found for link in meaning.claims)
    assert all(meaning.claims for meaning in found)


def test_every_kind_is_found_in_a_program_and_has_its_sentence() -> None:
    """No pattern is without a program, and none without words in every language."""
    found = {meaning.kind for program in SAID for meaning in said_of(program)}
    assert found == {*get_args(MeaningKind)}
    for language in ("en", "zh"):
        assert {f"meaning.{kind}" for kind in get_args(MeaningKind)} <= messages(language).keys()


def test_what_is_not_proved_is_not_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """A claim that is wrong takes its sentence with it: rows of T may sum to anything here."""
    program = task("Z = X @ W; P = softmax(Z, axis=1); L = sum(P*T)", {})

    def wrong(known: Unfolded) -> object:
        yield even(known, "X", 1)
        yield even(known, "Z", 1)

    monkeypatch.setattr(patterns, "_FINDERS", (wrong,))
    meanings.cache_clear()
    (said,) = meanings(program)
    assert source(said.shown["dX"]) == "dZ"  # type: ignore[arg-type]
    meanings.cache_clear()


def test_sections_define_the_names_that_a_page_lacks() -> None:
    """Where the page has no Z, the section begins with what it is; nothing is said of nothing."""
    program = task("L = -sum(T*log(softmax(X @ W, axis=1)))", {"T": "onehot"})
    kinds = [type(block).__name__ for block in meaning_section(program, {"L"}, "en")]
    assert kinds[:2] == ["Heading", "BoardBlock"]
    known = {a.name for a in program.program.assignments}
    assert "BoardBlock" not in {type(b).__name__ for b in meaning_section(program, known, "zh")}
    assert not list(meaning_section(task("L = sum(f(X @ W))"), set(), "en"))


def test_names_of_a_meaning_hold_those_that_gradients_are_by() -> None:
    """∂L/∂Z needs Z on the page."""
    (found,) = (
        m
        for m in meanings(task("p = sigmoid(X @ w); L = -sum(t*log(p) + (1 - t)*log(1 - p))"))
        if m.kind == "residual"
    )
    assert isinstance(found, Meaning)
    assert {"z", "p", "t"} <= found.names


@pytest.mark.parametrize(
    "layer", ["h{0} = tanh(h{1} @ W{0})", "h{0} = sin(h{1} @ W{0})*h{1} + h{1}"]
)
def test_meanings_of_many_layers(layer: str) -> None:
    """The last layers mean what they do without a hundred more below; nothing long is written out."""
    layers = "; ".join(layer.format(k, k - 1) for k in range(1, 121))
    program = f"{layers}; L = sum((h120 - T)**2)"
    task = read_task(program, ("W1", "W120"), shapes={"h0": (3, 3), "T": (3, 3)})
    found = Unfolded(task)
    assert "residual" in {meaning.kind for meaning in meanings(task)}
    assert found.gradient("W1") is None
    written = [node for node in found.values.values() if len([*walk(node)]) > 100]
    assert not written


def test_what_is_not_soon_proved_is_not_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """A claim takes some work and no more, and nothing else is proved for one that is not."""
    spent: dict[str, list[int]] = {"equal": [], "undecided": []}
    little = Judge.little

    def measured(judge: Judge, left: Side, right: Side) -> Verdict:
        before = spent_so_far()
        verdict = little(judge, left, right)
        spent[verdict.status].append(spent_so_far() - before)
        return verdict

    def spent_so_far() -> int:
        work = _budget._work.get()
        assert work is not None
        return work.allowed - work.left

    def asked(*_: object) -> Verdict:
        asked_for.append(1)
        return Verdict("equal", index=True)

    asked_for: list[int] = []
    monkeypatch.setattr(Judge, "little", measured)
    monkeypatch.setattr(Prover, "all_of", asked)
    values = "a = x/norm(x); b = x/std(a); c = b*b + b; d = sin(c)*c; u = x/std(d); v = u/norm(u)"
    task = read_task(f"{values}; L = sum(v)", ("x",))
    with budget(10**6):
        patterns.meanings.__wrapped__(task)
    assert spent["undecided"]
    assert max(spent["undecided"]) < 10_000
    assert len(asked_for) <= len(spent["equal"])
