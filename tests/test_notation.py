"""Boxes: their widths, how they are broken, and how entries and expressions are written."""

from __future__ import annotations

import cProfile
import itertools
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import matderiv
from matderiv.calculus.sweep.task import read_task
from matderiv.expression.nodes import Node, walk
from matderiv.expression.vocabulary import DEFAULT_PROGRAM
from matderiv.handout.document import Equation
from matderiv.handout.notation_box import _boxes
from matderiv.notation.boxes import (
    Aligned,
    Box,
    Dots,
    Fence,
    Fraction,
    Grid,
    Lines,
    NumberBox,
    Operator,
    Row,
    Symbol,
    Terms,
)
from matderiv.notation.formulas import Formulas, Held
from matderiv.notation.latex import latex
from matderiv.notation.layout import fitted
from matderiv.notation.mathml import mathml
from matderiv.notation.names import name_box
from matderiv.notation.program import ProgramNotation, readable_show
from matderiv.notation.text import text
from matderiv.notation.typst import typst

X, Y = Symbol("x"), Symbol("y")


def terms(count: int) -> Terms:
    """A sum of that many letters."""
    return Terms(tuple(("+", X) for _ in range(count)))


@given(count=st.integers(1, 40), room=st.floats(3, 60))
def test_broken_sums_keep_their_terms(count: int, room: float) -> None:
    """Breaking a sum loses no term and changes no order."""
    numbered = Terms(tuple(("+", NumberBox(str(n))) for n in range(count)))
    box = fitted(numbered, room)
    rows = box.rows if isinstance(box, Lines) else (box,)
    assert [item for row in rows for item in row.items] == list(numbered.items)


@given(count=st.integers(2, 40), room=st.floats(6, 60))
def test_broken_sums_fit(count: int, room: float) -> None:
    """A sum of short terms is never wider than its room."""
    assert fitted(terms(count), room).width <= room


def test_wide_matrix_loses_middle_columns_only_where_it_may() -> None:
    """Columns make way for dots before the last one, and never when all is to be shown."""
    grid = Grid(tuple(tuple(NumberBox(f"{i}{j}") for j in range(9)) for i in range(2)))
    narrow = fitted(grid, 12)
    assert isinstance(narrow, Grid)
    assert narrow.width <= 12
    assert narrow.rows[0][0] == grid.rows[0][0]
    assert narrow.rows[0][-1] == grid.rows[0][-1]
    assert [row.count(Dots("across")) for row in narrow.rows] == [1, 1]
    assert fitted(grid, 12, elide=False) == grid


@settings(max_examples=15, deadline=None)
@given(rows=st.integers(1, 14), cols=st.integers(1, 14), inner=st.integers(1, 14))
def test_entries_never_print_alike(rows: int, cols: int, inner: int) -> None:
    """Two entries of any matrices of a program never share a printed name."""
    task = read_task(DEFAULT_PROGRAM, sizes={"N": rows, "D": inner, "M": cols})
    formulas = ProgramNotation(task, None).formulas
    printed: dict[str, tuple[object, ...]] = {}
    for name in ("X", "W", "Y"):
        a, b = (dim.size for dim in task.shapes[name])
        for i, j in itertools.product(range(1, a + 1), range(1, b + 1)):
            entry = (name, i, j)
            assert printed.setdefault(latex(formulas.entry(name, (i, j))), entry) == entry


@pytest.mark.parametrize("sizes", [(10, 1, 1), (1, 10, 1), (1, 1, 10)])
def test_one_large_size_puts_commas_everywhere(sizes: tuple[int, int, int]) -> None:
    """With any size of two digits every pair of indices is written with a comma."""
    page = matderiv.derive(sizes=dict(zip("NDM", sizes, strict=True))).latex()
    assert not re.search(r"[xwy]_\{\d+\}", page)
    assert not re.search(r"[xwy]_\{[ijkpq]{2}\}", page)
    assert re.search(r"x_\{1,1\}", page)


def test_small_sizes_have_no_commas() -> None:
    """With one-digit sizes indices stand side by side, as in the reference."""
    assert not re.search(r"_\{\d,\d\}", matderiv.derive().latex())


@pytest.mark.parametrize(
    ("name", "written"),
    [("W", "W"), ("lam", "λ"), ("Theta", "Θ"), ("W_q", "W_q"), ("W1", "W₁"), ("Key", "Key")],
)
def test_names(name: str, written: str) -> None:
    """Names are written as mathematics: Greek letters, subscripts, words."""
    assert text(name_box(name)) == written


@pytest.mark.parametrize(
    ("program", "written"),
    [
        ("sum(-Y**2)", "∂f(y_ij)/∂y_ij = -2y_ij"),
        ("sum((1 - Y)**3)", "= -3(1 - y_ij)²"),
        ("sum(exp(-Y**2))", "∂f(y_ij)/∂y_ij = -2y_ij·e^(-y_ij²)"),
        ("sum(lam*tanh(Y))", "= λ(1 - tanh²(y_ij))"),
        ("sum(sqrt(1 + Y**2))", "∂f(y_ij)/∂y_ij = y_ij/√(y_ij² + 1)"),
    ],
)
def test_derivatives_of_known_functions_are_written_to_be_read(program: str, written: str) -> None:
    """Signs, powers, roots and functions stand in the derivative of f as they do in a book."""
    derivation = matderiv.derive(f"Y = X @ W; L = {program}")
    notation = ProgramNotation(derivation.task, 6)
    (slope,) = (c for s in derivation.steps for c in s.chains if c.kind == "slope")
    lines = text(notation.chain(slope)).split("\n")
    assert written in (line.strip() for line in lines)


def test_signs_do_not_stand_side_by_side() -> None:
    """-(-AB) has brackets, and no page says --AB."""
    derivation = matderiv.derive("P = -(-A) @ B; L = sum(P)", shapes={"A": (2, 2), "B": (2, 2)})
    page = derivation.markdown(length="board")
    assert "-(-AB)" in page
    assert "--A" not in page


def test_show_counts_rows_columns_and_terms() -> None:
    """`show` leaves a row whole up to one more item than it says, else dots before the last."""
    task = read_task(DEFAULT_PROGRAM, sizes={"N": 64, "D": 4096, "M": 4096})
    assert readable_show(task) == 3
    assert ProgramNotation(task, 3).formulas.shown(4) == [1, 2, 3, 4]
    assert ProgramNotation(task, 3).formulas.shown(64) == [1, 2, None, 64]
    assert ProgramNotation(task, None).formulas.shown(5) == [1, 2, 3, 4, 5]


def test_width_of_a_row_is_that_of_its_parts() -> None:
    """Widths add up, so that what is fitted to a page is measured the same way everywhere."""
    assert Row((X, Y)).width == X.width + Y.width


def in_brackets(count: int) -> Row:
    """(x ⊙ (y + … + y))x, which has no sum outside of brackets."""
    inner = Row((X, Operator("odot"), Fence(Terms(tuple(("+", Y) for _ in range(count))))))
    return Row((Fence(inner), X))


@given(count=st.integers(4, 40), room=st.floats(14, 60))
def test_what_stands_in_brackets_is_broken_there(count: int, room: float) -> None:
    """A product of long factors fits its room, brackets grow with it, and it reads the same."""
    box = in_brackets(count)
    narrow = fitted(box, room)
    assert narrow.width <= room
    assert text(narrow) == text(box)
    if box.width > room:
        assert r"\left(" in latex(narrow)


@given(count=st.integers(3, 30), room=st.floats(8, 40))
def test_long_products_are_broken_before_their_signs(count: int, room: float) -> None:
    """A product x ⊙ x ⊙ … goes on in lines that start with the sign, in every notation."""
    box = Row(tuple(b for _ in range(count) for b in (Operator("odot"), X))[1:])
    narrow = fitted(box, room)
    assert narrow.width <= room + 0.25  # a sign at a line's start has space on one side only
    assert text(narrow) == text(box)
    lines = len(narrow.rows) if isinstance(narrow, Lines) else 1
    assert latex(narrow).count(r"{} \odot") == lines - 1
    assert mathml(narrow).count("⊙") == typst(narrow).count("dot.o") == count - 1


@given(count=st.integers(5, 40), room=st.floats(12, 60))
def test_what_is_divided_is_broken_in_its_fraction(count: int, room: float) -> None:
    """A fraction of a long sum fits its room and reads the same."""
    box = Row((X, Fraction(terms(count), Y)))
    narrow = fitted(box, room)
    assert narrow.width <= room
    assert text(narrow) == text(box)


def test_inner_products_stay_in_one_line() -> None:
    r"""\left and \right stand in one line, so what is between them is not taken apart."""
    inner = (Operator("langle"), *[X, Operator("odot")] * 20, X, Operator("rangle"))
    assert fitted(Row(inner), 10) == Row(inner)


@pytest.mark.parametrize("big", [False, True])
def test_absolute_values_stand_between_bars(*, big: bool) -> None:
    """|x| in every notation, with bars that grow where they must."""
    bars = Fence(X, big=big, bars=True)
    assert text(bars) == "|x|"
    assert latex(bars).strip() == (r"\left\lvert x\right\rvert" if big else r"\lvert x\rvert")
    assert typst(bars) == "abs(x)"
    assert mathml(bars).count("|</mo>") == 2


def test_brackets_in_brackets_take_work_in_proportion() -> None:
    """Twice as deep, a product that does not fit takes at most six times as many calls."""

    def nested(depth: int) -> Box:
        box: Box = Row((X, Y))
        for _ in range(depth):
            box = Row((Fence(Row((box, X))), Operator("odot"), Fence(Terms((("+", X), ("-", Y))))))
        return box

    calls = []
    for depth in (8, 16):
        profile = cProfile.Profile()
        profile.runcall(fitted, nested(depth), 10.0)
        calls.append(sum(entry.callcount for entry in profile.getstats()))
    assert calls[1] < 6 * calls[0]


def test_a_part_that_is_shared_is_boxed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The gradient of a tower of powers holds the tower's parts at ever more places."""
    task = read_task(f"L = {'**'.join(['lam'] * 8)}")
    formula, boxed = task.answer("lam"), list[Node]()
    made = Formulas._held

    def counted(self: Formulas, node: Node) -> Held:
        boxed.append(node)
        return made(self, node)

    monkeypatch.setattr(Formulas, "_held", counted)
    ProgramNotation(task, None).formulas.node(formula)
    assert len(boxed) == len(set(boxed)) < sum(1 for _ in walk(formula))


def test_the_boxes_of_a_block_come_in_order_and_once() -> None:
    """Signs are explained where they stand first; a box that is shared is looked at once."""
    shared, minus = Row((X, Y)), Terms((("+", X), ("-", Fence(Y))))
    found = list(_boxes(Equation(Aligned(shared, (shared, minus, Row((shared, minus)))))))
    assert found[1:6] == [shared, X, Y, minus, minus.items[1][1]]
    assert len(found) == len(set(map(id, found)))
    assert sum(box is shared for box in found) == 1
