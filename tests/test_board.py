"""Boards: few lines, each of them proved, for every program of the language."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any, get_args

import numpy as np
import pytest
from _programs import random_program
from _thorough import usually

import matderiv
from matderiv.calculus.sweep.differentials import LINEAR_KINDS
from matderiv.calculus.sweep.task import Task, read_task
from matderiv.derivation import principles as rules
from matderiv.derivation.board import (
    Board,
    BoardLine,
    _Writer,
    build_board,
    with_board_names,
)
from matderiv.derivation.board_changes import Changes
from matderiv.derivation.board_stops import possible_stops
from matderiv.derivation.principles import (
    PrincipleKind,
    differential_rule,
    misleading_product,
    principles,
)
from matderiv.derivation.sides import Formula, Matrix, Side
from matderiv.errors import MatderivError, MissingRuleError, ProofError
from matderiv.expression import nodes
from matderiv.expression.nodes import Negate, Node, names_in
from matderiv.expression.numeric import numeric_value
from matderiv.expression.parse import parse
from matderiv.expression.source import source
from matderiv.handout import board as board_page
from matderiv.handout.principles import principle_table, shape_question
from matderiv.handout.texts import languages
from matderiv.notation.text import wide

RIDGE = "L = sum((X @ W - T)**2) + lam*sum(W**2)"
SOFTMAX = "P = softmax(X @ W, axis=1); L = -sum(T*log(P))"
LAYERS = "H = relu(X @ W1 + b1); Y = H @ W2 + b2; L = sum((Y - T)**2)/2"
GAUSSIAN = "L = logdet(S) + y @ inv(S) @ y"
ATTENTION = "L = Loss(softmax(Q @ K.T/sqrt(k), axis=1) @ V)"
RANDOM = usually(12, thoroughly=300, least=4)


def task(program: str, *wrt: str, assume: dict[str, str] | None = None) -> Task:
    """The task of a program."""
    return read_task(program, wrt or None, assume=assume, scalar=True)


def node(side: Side) -> Node:
    """The formula of a side of a line."""
    assert isinstance(side, Formula | Matrix)
    return side.node


@pytest.mark.parametrize(
    ("program", "wrt", "assume", "count"),
    [
        (GAUSSIAN, ("S",), None, 3),
        (RIDGE, ("W",), None, 3),
        (SOFTMAX, ("W",), {"T": "onehot"}, 4),
        (LAYERS, ("W1", "b1", "W2", "b2"), None, 8),
        (LAYERS.removesuffix("/2"), ("W1", "b1", "W2", "b2"), None, 8),
        ("p = sigmoid(X @ w); L = -sum(t*log(p) + (1 - t)*log(1 - p))", ("w",), None, 4),
        ("Y = X @ W; L = sum(f(Y))", (), None, 4),
    ],
)
def test_a_board_has_as_many_lines_as_a_teacher_writes(
    program: str, wrt: tuple[str, ...], assume: dict[str, str] | None, count: int
) -> None:
    """The known derivations take as many lines as in lectures, and hold for all sizes."""
    board = build_board(task(program, *wrt, assume=assume))
    assert len(board.lines) == count
    assert board.proof.for_all_sizes == board.proof.equalities


def test_a_pre_activation_has_a_name() -> None:
    """What a nonlinear function takes is called Z, and its differential has a line."""
    board = build_board(task(LAYERS, "W1"))
    names = [name for name, _ in board.values]
    assert names[0] == "Z"
    assert any(names_in(node(line.link.left)) == {"δZ"} for line in board.lines)


def read_off(board: Board) -> dict[str, list[BoardLine]]:
    """The lines that state a gradient, by its name."""
    found: dict[str, list[BoardLine]] = {}
    for line in board.lines:
        if line.kind in ("read off", "zero"):
            (name,) = names_in(node(line.link.left))
            found.setdefault(name, []).append(line)
    return found


@pytest.mark.parametrize("program", [RIDGE, SOFTMAX, LAYERS, GAUSSIAN, ATTENTION, "L = x @ A @ x"])
def test_each_input_is_read_off_once(program: str) -> None:
    """Every gradient that is asked for stands in one line, and calls only gradients above it."""
    board = build_board(task(program))
    found = read_off(board)
    assert {f"d{name}" for name in board.task.wrt} <= found.keys()
    assert all(len(lines) == 1 for lines in found.values())
    known = {
        f"d{name[1:]}"
        for line in board.lines
        for name in names_in(node(line.link.right))
        if line.kind == "given" and name[0] == "δ"
    }
    for line in board.lines:
        if line.kind == "read off":
            used = names_in(node(line.link.right)) - board.task.shapes.keys()
            assert {name for name in used if name[1:] in board.task.shapes} <= known
            known |= names_in(node(line.link.left))


@pytest.mark.parametrize("seed", range(RANDOM))
def test_random_programs_have_boards(seed: int) -> None:
    """Wherever a derivation is made, a board is, its lines proved."""
    made = random_program(seed + 300, depth=2 + seed % 2, chained=seed % 3 == 0)
    try:
        read = read_task(made.text, None, shapes=made.inputs, scalar=True)
        matderiv.derive(made.text, shapes=made.inputs, method="differential")
    except MatderivError:
        pytest.skip("the program has no derivation")
    board = build_board(read)
    assert {f"d{name}" for name in read.wrt} <= read_off(board).keys()
    assert all(line.link.verdict.status == "equal" for line in board.lines)


@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize(
    "program",
    ["p = diag(A); L = det(diag(p) @ (A + A))", "L = det(A**2 @ (B @ C))", "L = logdet(A @ (B*B))"],
)
def test_a_gradient_that_is_put_in_stands_for_its_name(program: str, size: int) -> None:
    """Where det(V) inv(V).T is short, it is put into the next gradient; twice it is refused."""
    shapes = {name: (size, size) for name in "ABC" if name in program}
    made = with_board_names(read_task(program, None, shapes=shapes, scalar=True))
    writer = _Writer(Changes(made, frozenset(possible_stops(made)), thorough=True))
    assert read_off(writer.board()).keys() >= {f"d{name}" for name in shapes}
    assert writer.put
    for name, found in writer.task.sweep.gradients.items():
        formula = writer.changes.short(writer.expanded(found.local))
        assert writer.proved(name, found, formula, ()).status == "equal"
        twice = nodes.Multiply(nodes.Number(Fraction(2)), formula)
        assert writer.proved(name, found, twice, ()).status != "equal"


def test_a_board_needs_no_formula_without_its_lines() -> None:
    """Gradients that are proved only by the lines above them are read off."""
    square = dict.fromkeys("ABC", (2, 2)) | {"a": (2,)}
    program = "q = diag(A*B + C); Q = diag(q) @ A.T; L = det(Q @ (A.T + diag(a)))"
    made = read_task(program, None, shapes=square, scalar=True)
    assert read_off(build_board(made)).keys() >= {f"d{name}" for name in square}


def test_every_operation_has_a_word_or_a_rule() -> None:
    """Each that can change is linear, has a rule in letters, is a product, or has a word of its own."""
    fixed = {nodes.Name, nodes.Number, nodes.Pi, nodes.Size, nodes.Ones, nodes.Eye}
    fixed |= {nodes.Selection, nodes.OneHot}
    products = {nodes.MatMul, nodes.Outer, nodes.Multiply, nodes.Divide}
    named = {kind for kind in vars(nodes).values() if isinstance(kind, type)}
    kinds = {kind for kind in named if issubclass(kind, nodes.Node) and kind != nodes.Node}
    kinds -= fixed | products | {*LINEAR_KINDS}
    assert kinds == {*board_page._WORDS, *board_page._STATED}
    with pytest.raises(MissingRuleError, match="kind Number has no word on boards"):
        board_page._word(nodes.ONE)


# -- pages ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("lang", languages())
def test_a_terminal_has_80_columns(lang: str) -> None:
    """No line of a board is wider, in any language."""
    text = matderiv.board(LAYERS, wrt=["W1", "b1", "W2", "b2"], lang=lang)
    assert text.count("⇒") == 5
    assert all(wide(line) <= 80 for line in text.splitlines())


def test_colours_change_nothing_but_colours() -> None:
    """Without the signs for colours the text is that of a terminal without them."""
    plain = matderiv.board(RIDGE, wrt="W")
    coloured = matderiv.board(RIDGE, wrt="W", colours=True)
    assert "\x1b[" not in plain
    assert coloured != plain
    assert re.sub(r"\x1b\[\d+m", "", coloured) == plain


@pytest.mark.long
@pytest.mark.parametrize("length", ["card", "board", "short"])
@pytest.mark.parametrize("lang", languages())
def test_lengths_are_shorter_than_full(length: str, lang: str) -> None:
    """Each length says the gradient, and less than the full page."""
    derivation = matderiv.derive(SOFTMAX, wrt="W", assume={"T": "onehot"})
    made = derivation.document(lang, length=length)
    assert len(made.blocks) < len(derivation.document(lang).blocks)
    page = derivation.markdown(lang, length=length)
    lines = ["dW = X.T @ (P - T)"] if length == "card" else ["dZ = P - T", "dW = X.T @ dZ"]
    assert all(f"\n{line}\n" in page for line in lines)


def test_an_unknown_length_is_refused() -> None:
    """It lists those there are."""
    with pytest.raises(matderiv.InputError, match="card, board, short, full"):
        matderiv.derive("L = sum(X**2)").document(length="long")  # type: ignore[arg-type]


def test_the_rules_of_a_page_are_those_it_used() -> None:
    """A program without a softmax has no rule for one."""
    tables = [list(principle_table(task(p), "en")) for p in (RIDGE, SOFTMAX)]
    words = [str(table) for table in tables]
    assert "weighted by Y" not in words[0]
    assert "weighted by Y" in words[1]


def test_every_rule_is_used_by_a_program() -> None:
    """Each is proved, and none is there for nothing."""
    programs = [RIDGE, SOFTMAX, LAYERS, GAUSSIAN]
    programs += ["L = tr(expm(X))", "L = tr(sqrtm(X @ X.T))", "L = eigvalsh(X + X.T)[0]"]
    found = {principle.kind for p in programs for principle in principles(task(p))}
    assert found == set(get_args(PrincipleKind))


@pytest.mark.parametrize("operation", ["logdet(A)", "inv(A)", "det(A)"])
@pytest.mark.parametrize("letter", ["A", "Y", "y"])
def test_a_rule_at_the_margin_is_proved(
    operation: str, letter: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is stated under the letter of the page; with a mistake in it, it is refused."""
    node = parse(f"L = {operation}").loss.value
    own, change = differential_rule(node, letter)
    assert names_in(own) == {letter}
    assert names_in(change) == {letter, f"δ{letter}"}
    monkeypatch.setattr(rules, "differential", lambda *_: Negate(change))
    with pytest.raises(ProofError, match="is not proved"):
        differential_rule(node, letter)


@pytest.mark.parametrize(
    ("wrt", "right", "wrong"), [("Y", "dZ @ L.T", "dZ @ L"), ("L", "Y.T @ dZ", "Y @ dZ")]
)
def test_a_product_misleads_whatever_its_factors_are_called(
    wrt: str, right: str, wrong: str
) -> None:
    """The names of the rule, Y and L among them, are free for the program."""
    found = misleading_product(task("Z = Y @ L; S = sum(f(Z))", wrt))
    assert found is not None
    assert (found.name, found.of) == (wrt, "Z")
    assert (source(found.right), source(found.wrong)) == (right, wrong)


def test_shapes_alone_are_asked_about_only_where_they_mislead() -> None:
    """A product of matrices has the box; a program without one has none."""
    assert list(shape_question(task("Y = X @ W; L = sum(f(Y))"), {"Y"}, "en"))
    assert not list(shape_question(task("L = sum(X**2)"), {"X"}, "en"))
    added = task("L = Loss(sum(X @ W, axis=0))")
    assert misleading_product(added).of not in added.program.names()


def test_numpy_lines_name_what_the_board_names() -> None:
    """A value that a page names is assigned before it is used, and a gradient is worked out once."""
    program = "H = relu(X @ W + b); Y = H @ V; L = sum((Y - T)**2)"
    page = matderiv.derive(program).markdown(length="short")
    lines = page.split("```python\n")[1].split("\n```")[0].splitlines()
    assert lines[0] == "Z = X @ W + b"
    assert sum("step(" in line for line in lines) == 1
    shapes = {"X": (2, 4), "W": (4, 3), "b": (3,), "V": (3, 5), "T": (2, 5)}
    chance = np.random.default_rng(5)
    given = {name: chance.normal(size=shape) for name, shape in shapes.items()}
    known = dict(given)
    known["H"] = np.maximum(given["X"] @ given["W"] + given["b"], 0)
    known["Y"] = known["H"] @ given["V"]
    for line in lines:
        name, _, formula = line.partition(" = ")
        known[name] = numeric_value(parse(f"out = {formula}").loss.value, known)

    def loss(values: dict[str, Any]) -> float:
        hidden = np.maximum(values["X"] @ values["W"] + values["b"], 0)
        return float(((hidden @ values["V"] - values["T"]) ** 2).sum())

    for name in ("X", "W", "b", "V"):
        change = chance.normal(size=given[name].shape)
        up, down = (loss(given | {name: given[name] + s * 1e-6 * change}) for s in (1, -1))
        assert np.isclose((up - down) / 2e-6, (known[f"d{name}"] * change).sum(), rtol=1e-5)


@pytest.mark.parametrize(
    ("value", "first"),
    [
        ("A*(a @ a)", "Y = A(aᵀa)"),
        ("A*alpha*(a @ a)", "Y = Aα(aᵀa)"),
        ("(a @ b)*A*(a @ a)", "Y = (aᵀb)·A(aᵀa)"),
        ("x*(a @ B @ a)", "Y = x(aᵀBa)"),
    ],
)
def test_an_inner_product_beside_an_array_stands_in_brackets(value: str, first: str) -> None:
    """Aaᵀa would be read as (Aa)aᵀa, which is another array or none."""
    shown = matderiv.board(f"Y = {value}; L = Loss(Y)")
    assert str(shown).splitlines()[0] == first
