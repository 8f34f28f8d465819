"""Pages about whole programs: both languages, every format, and what is said where."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import matderiv
from matderiv.calculus.system import read_system
from matderiv.expression.nodes import Node
from matderiv.expression.parse import parse
from matderiv.notation.program import ProgramNotation
from matderiv.notation.text import text

SHAPES = {"A": (3, 3), "B": (3, 3), "C": (3, 3), "v": (3,), "u": (3,), "lam": ()}
LINE = "L = sum(A @ B*C) + sum(u*v)*lam"


def written(source: str) -> str:
    """An expression in matrix notation, as plain text."""
    system = read_system(LINE, ("A",), shapes=SHAPES)
    node: Node = parse(f"L = {source}").loss.value
    return text(ProgramNotation(system, 3).formulas.node(node)).replace(" ", "")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("A @ (B*C)", "(A @ B)*C"),
        ("(A*B) @ C", "A*(B @ C)"),
        ("A @ (B + C)", "A @ B + C"),
        ("(A + B).T", "A + B.T"),
        ("A*(B/C)", "A/(B*C)"),
        ("(A @ B)**2", "A @ B**2"),
        ("outer(u*v, v)", "u*v @ outer(v, v)"),
        ("lam*(A + B)", "lam*A + B"),
        ("A - (B - C)", "A - B - C"),
        ("dA @ (dB*C)", "(dA @ B)*C"),
    ],
)
def test_formulas_that_differ_read_differently(one: str, other: str) -> None:
    """Brackets stand wherever another formula would be read without them."""
    assert written(one) != written(other)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_letters_are_no_names(lang: str) -> None:
    """An index is never called like a value, nor like an entry of one."""
    derivation = matderiv.derive("i = p @ q; Z = J*i; L = sum(Z*K)", wrt="p")
    assert not {"i", "p", "q", "z", "j", "k"} & set(derivation.system.letters)
    assert derivation.markdown(lang)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_every_format_is_written(tmp_path: Path, lang: str) -> None:
    """One derivation, every kind of file; the notebook derives it again."""
    pytest.importorskip("nbformat")
    handout = matderiv.derive("L = norm(X @ w - y)/lam", wrt="w").handout(lang=lang)
    for form in ("md", "tex", "html", "ipynb"):
        (path,) = handout.save(tmp_path / f"page.{form}")
        assert path.stat().st_size > 1000
    cells = json.loads((tmp_path / "page.ipynb").read_text(encoding="utf-8"))["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    assert len(code) == 2
    for cell in code:
        compile(cell, "cell", "exec")
    assert 'wrt=["w"]' in code[0]


def test_conditions_are_those_of_the_program() -> None:
    """A number is positive, an array has positive entries; what always holds is not said."""
    page = matderiv.derive("L = sum(log(X))*log(lam) + sum(log(exp(X)))", wrt="X").markdown()
    found = re.findall(r"^- (.* (?:positive|zero|invertible))$", page, re.MULTILINE)
    assert found == ["every entry of $X$ is positive", r"$\lambda$ is positive"]


def test_a_page_of_a_large_program_stays_short() -> None:
    """Sums and arrays of thousands of entries are elided, not written and then cut."""
    shapes = {"X": (64, 4096), "W": (4096, 4096)}
    page = matderiv.derive("L = mean(f(X @ W))", wrt="W", shapes=shapes).markdown()
    assert len(page) < 12_000
    assert r"\cdots" in page


def test_the_sum_of_a_number_is_written_as_the_number() -> None:
    """A sum sign with nothing below it stands on no page."""
    page = matderiv.derive("L = sum(x @ y)*sum(x)", wrt="x")
    assert page.handout().write("html")
    assert r"\sum_{}" not in page.markdown()


def test_the_transposed_factor_is_explained() -> None:
    """The reason for a transpose stands below the product that it is in."""
    page = matderiv.derive("L = mean(f(X @ W))", wrt="W").markdown()
    assert "$X$ stands there as its transpose, because the sum runs over its row index" in page


@pytest.mark.parametrize("method", ["elementwise", "index", "slice", "kronecker"])
def test_no_two_quantities_are_written_alike(method: str) -> None:
    """What the loss gives with other values held fixed is not written as the whole derivative."""
    page = matderiv.derive(
        "L = sum((X @ W - T)**2) + lam*sum(W**2)", wrt="W", method=method
    ).markdown()
    whole = r"\dfrac{\partial L}{\partial w_{pq}}"
    part = rf"\left({whole}\right)_{{Z}}"
    assert rf"{part} & = " in page
    assert rf"+{part} \\" in page
    assert rf"+{whole} \\" not in page


def test_nothing_is_held_fixed_where_one_value_leads_to_the_loss() -> None:
    """Brackets stand only where a name reaches the loss on several ways."""
    page = matderiv.derive("L = sum((X @ W - T)**2) + sum(X)", wrt="W").markdown()
    assert r"\right)_{Z} & =" not in page


@pytest.mark.parametrize("method", ["elementwise", "index", "differential", "slice"])
@pytest.mark.parametrize("structure", ["symmetric", "diagonal"])
def test_declared_structure_is_a_step(method: str, structure: str) -> None:
    """A page says what a structure makes of a gradient, and ends like the gradient alone."""
    program, assume = "L = tr(A @ S @ S) + x @ S @ x", {"S": structure}
    derivation = matderiv.derive(program, wrt="S", assume=assume, method=method)
    assert derivation.formulas["S"] == str(matderiv.gradient(program, wrt="S", assume=assume))
    assert derivation.formulas != matderiv.derive(program, wrt="S", method=method).formulas
    page = derivation.markdown()
    assert "The structure of $S$" in page
    assert f"$S$ is a {structure} " in page
    assert f"--assume S={structure}" in derivation.handout().write("md")
    assert derivation.steps[-1].kind == "structure"


def test_structure_of_other_names_is_used() -> None:
    """A symmetric matrix makes the gradient by another name shorter, with no step of its own."""
    derivation = matderiv.derive("L = x @ S @ x", wrt="x", assume={"S": "symmetric"})
    assert derivation.formulas == {"x": "2*S @ x"}
    assert {step.kind for step in derivation.steps} == {"values", "gradient", "matrix"}


def test_lines_in_numpy_name_no_letter_that_has_no_value() -> None:
    """Sizes are numbers in the lines of a page, unless the program itself has their letters."""
    assert matderiv.derive("L = sum(X)").formulas == {"X": "ones((2, 4))"}
    shapes = {"X": (2, 4), "K": (3, 3)}
    page = matderiv.derive("L = sum(X) + tr(K @ eye(m))", shapes=shapes).markdown()
    assert "dX = ones((2, 4))" in page
    assert "dK = eye(m)" in page
