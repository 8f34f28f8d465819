"""Graphs of programs: every use is a line, boxes stand apart, and no two lines lie on each other."""

from __future__ import annotations

import itertools
import random
import re

import pytest

from matderiv import derive
from matderiv.calculus.deciding.decide import Verdict
from matderiv.calculus.sweep.task import read_task
from matderiv.derivation.judge import Judge
from matderiv.handout.document import GraphBlock
from matderiv.handout.graph import graph_of_values
from matderiv.handout.graph_layout import (
    IN_TERMINALS,
    ON_PAGES,
    Drawing,
    column_widths,
    drawings,
)
from matderiv.handout.html import to_html
from matderiv.handout.latex import to_standalone
from matderiv.handout.markdown import to_markdown
from matderiv.handout.text import graph_text
from matderiv.notation.text import text

LAYERS = (
    "Z = X @ W + b; H = relu(Z); A = H @ V + c; G = tanh(A); Y = G @ U + X; P = softmax(Y, axis=1); "
    "L = -sum(T*log(P)) + lam*sum(W**2)"
)


def graph(seed: int) -> tuple[dict[str, float], list[tuple[str, str]]]:
    """A random graph of up to 15 values."""
    draw = random.Random(seed)
    names = [f"n{k}" for k in range(draw.randint(2, 15))]
    edges = []
    for k, name in enumerate(names[1:], 1):
        edges += [(one, name) for one in draw.sample(names[:k], draw.randint(0, min(k, 3)))]
    used = {name for edge in edges for name in edge}
    return {name: draw.randint(2, 9) for name in names if name in used}, edges


GRAPHS = [graph(seed) for seed in range(60)]
GRAPHS = [one for one in GRAPHS if one[1]]


def pieces(drawing: Drawing) -> list[tuple[str, tuple[float, float], tuple[float, float]]]:
    """The straight pieces of lines, each with the value that it comes from."""
    return [
        (wire.start, (min(x, to), max(x, to)), (min(row, end), max(row, end)))
        for wire in drawing.wires
        for (x, row), (to, end) in itertools.pairwise(wire.points)
        if (x, row) != (to, end)
    ]


def on_each_other(drawing: Drawing) -> int:
    """How many pieces of lines from different values run along each other."""
    count = 0
    for one, other in itertools.combinations(pieces(drawing), 2):
        (a, (x1, x2), (y1, y2)), (b, (u1, u2), (v1, v2)) = one, other
        level = y1 == y2 == v1 == v2 and min(x2, u2) - max(x1, u1) > 1e-9
        upright = x1 == x2 == u1 == u2 and min(y2, v2) > max(y1, v1)
        count += a != b and (level or upright)
    return count


def test_lines_lie_apart_and_boxes_too() -> None:
    """Whatever uses what, each line can be followed; exchanges that no order solves are rare."""
    wrong = 0
    for widths, edges in GRAPHS:
        (drawing,) = drawings(widths, edges, 1e9, ON_PAGES)
        wrong += on_each_other(drawing) > 0
        for one, other in itertools.combinations(drawing.boxes, 2):
            beside = one.x + one.width <= other.x or other.x + other.width <= one.x
            assert beside or one.row + one.rows <= other.row or other.row + other.rows <= one.row
        assert all(box.row >= 0 and box.row + box.rows <= drawing.rows for box in drawing.boxes)
    assert wrong <= len(GRAPHS) // 20


def test_every_use_arrives_once() -> None:
    """Each edge ends at its value, on a line of its own."""
    for widths, edges in GRAPHS:
        (drawing,) = drawings(widths, edges, 1e9, IN_TERMINALS)
        arrived = sorted((w.start, w.ends) for w in drawing.wires if w.ends is not None)
        assert arrived == sorted(set(edges))
        ends = [wire.points[-1] for wire in drawing.wires if wire.ends is not None]
        assert len(set(ends)) == len(ends)


def test_wide_graphs_go_on_below() -> None:
    """Each value has its box once; what is needed further below stands there again."""
    for widths, edges in GRAPHS:
        parts = drawings(widths, edges, 40.0, ON_PAGES)
        own = [box.key for part in parts for box in part.boxes if not box.again]
        assert set(edges) == {
            (wire.start, wire.ends) for part in parts for wire in part.wires if wire.ends
        }
        values = {other for _, other in edges}
        assert all(own.count(name) == 1 for name in values)


def test_inputs_stand_beside_their_first_use() -> None:
    """V is used late, so it stands late."""
    edges = [("X", "Z"), ("Z", "H"), ("H", "Y"), ("V", "Y")]
    assert column_widths({"X": 1, "Z": 2, "H": 3, "V": 9, "Y": 4}, edges) == [1, 2, 9, 4]


@pytest.fixture(scope="module")
def block() -> GraphBlock:
    """The graph of a program of 15 names."""
    (found,) = graph_of_values(read_task(LAYERS, scalar=True, roles=True), "en")
    assert isinstance(found, GraphBlock)
    return found


def test_terminals_have_room_for_fifteen_names(block: GraphBlock) -> None:
    """No line is wider than a terminal, and every name and gradient stands there."""
    drawn = graph_text(block)
    assert max(map(len, drawn.splitlines())) <= 80
    assert len(block.nodes) >= 15
    for name in "XWbZHVcAGUYPTL":
        assert re.search(rf"(^|[ ►│]){name}( |$)", drawn, re.MULTILINE), name
        if name not in "TL":
            assert f"∂L/∂{name}" in drawn


def test_clicks_on_boxes_lead_to_lines_of_the_board() -> None:
    """In HTML a value with a gradient on the board is a link to it; every link has its place."""
    document = derive("Z = X @ W + b; L = sum(tanh(Z))").document(length="short")
    page = to_html(document)
    links = re.findall(r'<a class="node[^>]* href="#(\w+)"', page)
    assert len(links) >= len("XWb")
    assert all(f'id="{link}"' in page for link in links)
    assert r"\begin{picture}" in to_standalone(document)
    assert "```text" in to_markdown(document)


@pytest.mark.parametrize(
    ("program", "found"),
    [
        (
            "H = relu(X @ W + b); Y = H @ V; L = Loss(Y)",
            {
                ("X", "Z"): "∂L/∂X = ∂L/∂Z·Wᵀ",
                ("W", "Z"): "∂L/∂W = Xᵀ∂L/∂Z",
                ("b", "Z"): "∂L/∂b = (∂L/∂Z)ᵀ·1_N",
                ("Z", "H"): "∂L/∂Z = ∂L/∂H ⊙ step(Z)",
                ("H", "Y"): "∂L/∂H = ∂L/∂Y·Vᵀ",
                ("V", "Y"): "∂L/∂V = Hᵀ∂L/∂Y",
            },
        ),
        ("Y = X @ W; Z = X @ V; L = Loss(Y) + Loss(Z)", {}),
        ("L = sum(X**2)", {}),
    ],
)
def test_arrows_show_their_rules(
    program: str, found: dict[tuple[str, str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """How a gradient goes back to what one value alone uses; nothing that is not proved."""
    document = derive(program).document(length="short")
    (graph,) = (block for block in document.blocks if isinstance(block, GraphBlock))
    rules = {(used, by): text(rule) for used, by, rule in graph.rules}
    assert rules.items() >= found.items()
    assert set(rules) <= set(graph.edges)
    assert not any(used == "X" for used, _ in rules) or program.count("X") == 1
    page = to_html(document)
    assert page.count('<g class="rule">') == len(rules)
    assert all(f"<title>{rule}</title>" in page for rule in rules.values())
    monkeypatch.setattr(Judge, "verdict", lambda *_: Verdict("refuted"))
    task = read_task(program, scalar=True)
    blocks = graph_of_values(task, "en")
    assert all(not block.rules for block in blocks if isinstance(block, GraphBlock))
