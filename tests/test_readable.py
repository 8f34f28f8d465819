"""What a reader who knows only the page would misread: each kind that was found is gone."""

from __future__ import annotations

import re

import pytest

from matderiv.api import derive
from matderiv.calculus.index_forms.forms import Entry, Rate, single
from matderiv.calculus.sweep.task import read_task
from matderiv.derivation.methods.kronecker import by_kronecker
from matderiv.derivation.methods.table import METHODS
from matderiv.derivation.program import build_program
from matderiv.derivation.sides import Cells
from matderiv.expression.parse import parse
from matderiv.notation.program import ProgramNotation
from matderiv.notation.text import text


def page(program: str, method: str = "elementwise", **shapes: tuple[int, ...]) -> str:
    """What is printed."""
    return derive(program, method=method, shapes=shapes or None).markdown()


def formula(program: str, **shapes: tuple[int, ...]) -> str:
    """The value of a program of one line as text."""
    task = read_task(program, shapes=shapes)
    notation = ProgramNotation(task, None)
    return text(notation.formulas.node(parse(program).loss.value))


def test_a_root_to_a_power_stays_a_root() -> None:
    """(√2)² is not written 2²."""
    printed = page("L = sum(x*(1+erf(x/sqrt(2)))/2)", "index", x=(3,))
    assert "{2}^{2}" not in printed
    assert r"(\sqrt{2})^{2}" in printed


@pytest.mark.parametrize(
    ("program", "shapes", "identity"),
    [
        ("z = -x; L = Loss(z)", {"x": (3,)}, "-I_N"),
        ("Z = 0.5*S; L = Loss(Z)", {"S": (3, 3)}, "1/2·(I_N ⊗ I_D)"),
        ("Z = alpha*S; L = Loss(Z)", {"S": (2, 3)}, "α(I_N ⊗ I_D)"),
    ],
)
def test_a_jacobian_is_a_matrix(
    program: str, shapes: dict[str, tuple[int, ...]], identity: str
) -> None:
    """Of c·X it is c times an identity with its size, not the number c."""
    name = next(iter(shapes))
    task = read_task(program, (name,), shapes=shapes)
    notation = ProgramNotation(task, None)
    steps = build_program(task, (name,), route=by_kronecker).steps
    (link,) = [c.links[0] for step in steps for c in step.chains if c.kind == "jacobian"]
    assert text(notation.side(link.right)) == identity


def test_the_unit_vector_of_a_single_column_has_no_free_index() -> None:
    """∂Y/∂z_p1 is written with e_p and e_1, not with a q that stands nowhere else."""
    printed = page("Y = X - mean(X, axis=1, keepdims=True); L = Loss(Y)", "slice")
    assert "e_{p}e_{1}^{T}" in printed
    between = printed[printed.index(r"\partial z_{p1}") :].split("$$")[0]
    assert "e_{q}" not in between


@pytest.mark.parametrize("shape", [(), (5,), (2, 1)])
def test_the_differential_of_what_is_added_has_the_shape_of_the_sum(shape: tuple[int, ...]) -> None:
    """DY = d(U + c) is no vector and no number where Y is a matrix."""
    derivation = derive(
        "Y = U + c; L = Loss(Y)", wrt="c", method="differential", shapes={"U": (2, 5), "c": shape}
    )
    task = derivation.task
    links = [link for s in derivation.steps for c in s.chains for link in c.links]
    rules = [link.right for link in links if link.reason == "rules"]
    assert [task.sweep.facts.shape(side.node) for side in rules[-1:]] == [task.shapes["Y"]]  # type: ignore[union-attr]


def test_sums_that_keep_their_axis_are_told_from_those_that_do_not() -> None:
    """A single column and a vector meet a matrix in different ways, so they are written apart."""
    kept, gone = (
        formula(f"L = Loss(X + sum(X, axis=1{more}))", X=(3, 3)) for more in (", keepdims=True", "")
    )
    assert kept != gone
    printed = page("Y = X + sum(X, axis=1, keepdims=True); L = Loss(Y)", X=(3, 3))
    assert r"\operatorname{rowsum}(X)" in printed
    assert "one number for each row" in printed


def test_terms_that_are_left_are_shown() -> None:
    """Of a sum of which a delta leaves one term, that term is written, not dots."""
    program = "Z = X @ W; L = sum(logsumexp(Z, axis=1)) - sum(T*Z)"
    printed = derive(program, wrt="W", sizes={"N": 4}).markdown()
    rows = printed[printed.index(r"All entries together") :]
    assert r"\cdots -t_{" not in printed
    assert r"-t_{11}" in rows
    assert r"-t_{41}" in rows


def test_a_slice_shows_the_row_and_the_column_that_are_not_zero() -> None:
    """Dots in a slice hide zeros only."""
    task = read_task("Y = X @ W; L = Loss(Y)", shapes={"X": (6, 7), "W": (7, 8)})
    notation = ProgramNotation(task, 2)
    for step in derive(
        "Y = X @ W; L = Loss(Y)", wrt="W", method="slice", shapes={"X": (6, 7), "W": (7, 8)}
    ).steps:
        for chain in step.chains:
            for side in chain.sides:
                if isinstance(side, Cells) and side.picked[1]:
                    assert "x_12" not in text(notation.side(side))
                    assert "x_11" in text(notation.side(side))
                    return
    raise AssertionError


def test_dots_never_stand_for_a_single_index() -> None:
    """1, 2, ⋯, 4 would be no shorter than what it hides."""
    formulas = ProgramNotation(read_task("L = sum(X)"), 2).formulas
    assert formulas.shown(9) == [1, None, 9]
    assert formulas.shown(9, {2}) == [1, 2, None, 9]
    assert formulas.shown(9, {3}) == [1, 2, 3, None, 9]
    assert formulas.shown(9, {5}) == [1, None, 5, None, 9]


def test_a_matrix_product_beside_an_entrywise_one_has_brackets() -> None:
    """AB ⊙ C reads as (AB) ⊙ C or as A(B ⊙ C)."""
    assert "(AB) ⊙ C" in formula("L = Loss((A @ B)*C)")
    assert "C ⊙ (AB)" in formula("L = Loss(C*(A @ B))")
    assert "(2AB) ⊙ C" in formula("L = Loss((2*(A @ B))*C)")
    assert "C ⊙ (2A)" in formula("L = Loss(C*(2*A))")
    assert "C ⊙ (2A ⊙ B)" in formula("L = Loss(C*(2*A*B))")
    assert r"\odot (e_{p}e_{q}^{T})" in page("Y = f(X); L = Loss(Y)", "slice", X=(2, 3))


def test_sums_are_written_as_in_textbooks() -> None:
    """A total is a norm or Σ, a sum along an axis a product with ones or of rows by name."""
    cases = {
        "sum((X - Y)**2)": "‖X - Y‖_F²",
        "sum(x**2)": "‖x‖²",
        "norm(X)": "‖X‖_F",
        "sum(f(X))": "Σ_ij f(x_ij)",
        "-sum(X*log(Y))": "-Σ_ij x_ij·log(y_ij)",
        "mean(x**3)": "1/N·Σ_i x_i³",
        "logdet(A)": "log|A|",
        "Loss(sum(X, axis=0))": "Loss(Xᵀ·1_N)",
        "Loss(sum(X, axis=1))": "Loss(X·1_D)",
        "Loss(X/sum(X, axis=1, keepdims=True))": "Loss(X ⊘ rowsum(X))",
        "Loss(softmax(X, axis=0))": "Loss(softmax_col(X))",
    }
    shapes = {"X": (2, 3), "Y": (2, 3), "A": (3, 3), "x": (4,)}
    for written, expected in cases.items():
        own = {name: shape for name, shape in shapes.items() if re.search(rf"\b{name}\b", written)}
        assert formula(f"L = {written}", **own) == expected


def test_a_kronecker_product_before_vec_has_brackets() -> None:
    """(I ⊗ I)vec(G), where a value is another and a constant, is no product of I and vec(G)."""
    printed = page("Y = Z + eye(3); L = Loss(Y)", "kronecker", Z=(3, 3))
    assert r"(I_{3}\otimes I_{3})\operatorname{vec}" in printed
    assert r"\otimes I_{3}\operatorname{vec}" not in printed


def test_numbers_that_touch_have_a_dot_between_them() -> None:
    """3·3^(3/2) is not written 33^(3/2)."""
    for method in ("elementwise", "index"):
        printed = page("L = sum(3*x*3**(3/2))", method, x=(2,))
        assert not re.search(r"3\s*\{?\(?3\}?\)?\^", printed)


def test_a_product_over_an_index_has_a_sign_of_its_own() -> None:
    """Π_k x_ik beside prod_1(X): the foot of one is an index, that of the other an axis."""
    printed = page("L = sum(prod(X, axis=1))", "index")
    assert r"\prod_{k} x_{ik}" in printed
    assert r"\operatorname{prod}}_{k}" not in printed


def test_a_direct_derivative_says_what_it_holds_fixed() -> None:
    """∂r/∂y_p = u_p where r = y ⊙ u and u depends on y, too."""
    task = read_task("u = f(y); r = y*u; L = sum(r)", shapes={"y": (3,)})
    assert task.held == {("r", "y"): ("u",)}
    notation = ProgramNotation(task, None)
    direct, whole = (
        text(notation.indices.form(single(Rate(Entry(of, ("i",)), Entry("y", ("p",))))))
        for of in ("r", "u")
    )
    assert direct == "(∂r_i/∂y_p)_u"
    assert whole == "∂u_i/∂y_p"
    assert "reaches $r$ through $u$ as well" in page("u = f(y); r = y*u; L = sum(r)", y=(3,))


@pytest.mark.parametrize("method", METHODS)
def test_an_array_of_ones_is_introduced(method: str) -> None:
    """Where 1_N stands in a formula of a page, a sentence says what it is."""
    printed = page("Y = X @ W + b; L = Loss(Y)", method, X=(2, 3), W=(3, 4), b=(4,))
    assert ("{1}_{N" in printed) == ("in which every entry is 1" in printed)
    assert method != "differential" or "{1}_{N" in printed


def test_the_transpose_of_a_row_has_brackets() -> None:
    """A Jacobian that is a row bᵀ stands in brackets before it is transposed."""
    printed = page("L = cos(a @ b)", "kronecker", a=(3,), b=(3,))
    assert r"(b^{T})^{T}" in printed
    assert "{b^{T}}^{T}" not in printed


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_short_page_says_what_its_signs_mean(lang: str) -> None:
    """The layout has a name, and the signs that are explained are those on the page."""
    program = "Y = X @ W + b; L = sum((Y - T)**2)"
    printed = derive(program).markdown(lang=lang, length="short")
    layout, ones, odot = (
        {
            "en": ("denominator layout", "column of ones", "multiplies entry by entry"),
            "zh": ("分母布局", "全 1 列向量", "逐元素相乘"),
        }
    )[lang]
    assert layout in printed
    assert ones in printed
    assert odot not in printed


def test_targets_are_not_differentiated_on_pages() -> None:
    """T in XW - T is what the prediction is held against; the page says so, and --wrt decides."""
    program = "L = sum((X @ W - T)**2)"
    found = derive(program)
    assert found.wrt == ("X", "W")
    assert any("T is taken to be a target" in reading for reading in found.readings)
    assert "`--wrt T` asks for it" in found.markdown(length="short")
    assert derive(program, wrt=("T",)).wrt == ("T",)
    assert derive("L = sum(y @ A)").wrt == ("y", "A")
