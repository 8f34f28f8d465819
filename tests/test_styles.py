"""Other notations of a page: transposes, bold letters, gradients, names, and no colours."""

from __future__ import annotations

import re
from itertools import product

import pytest
from _derived import derived
from _programs import random_program
from _thorough import usually
from click.testing import CliRunner

import matderiv
from matderiv.calculus.sweep.task import read_task
from matderiv.cli._commands import cli
from matderiv.errors import InputError, MatderivError
from matderiv.expression.parse import parse
from matderiv.expression.renaming import read_names, renamed
from matderiv.handout.formats import write_text
from matderiv.notation.latex import latex
from matderiv.notation.names import name_box, partial_ratio, slashed
from matderiv.notation.styles import NOTATIONS, read_notation

PROGRAMS = [
    ("Y = X @ W; L = sum(f(Y))", None),
    ("L = logdet(S) + y @ inv(S) @ y", "S"),
    ("P = softmax(Q @ K.T/sqrt(d), axis=1); O = P @ V; L = sum(f(O))", None),
    ("H = relu(X @ W + b); Y = H @ V + c; L = sum((Y - T)**2)", None),
]
LENGTHS = ("card", "board", "short", "full")


def page(program: str, wrt: str | None, length: str, notation: str | None = None) -> str:
    """A page as LaTeX."""
    return derived(program, wrt=wrt).latex(length=length, notation=notation)


def without(command: str, source: str) -> str:
    r"""LaTeX with what is in the braces of a command alone: X for \boldsymbol{X}."""
    pattern = re.compile(rf"\\{command}\{{((?:[^{{}}]|\{{[^{{}}]*\}})*)\}}")
    while pattern.search(source):
        source = pattern.sub(r"\1", source)
    return source


def loose(source: str) -> str:
    """LaTeX without spaces, and with no braces around a base."""
    return re.sub(r"[\s{}]", "", source)


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize(("program", "wrt"), PROGRAMS)
def test_bold_pages_and_others_differ_in_their_signs_only(
    program: str, wrt: str | None, length: str
) -> None:
    """With the signs put back, the page is the usual one, letter by letter."""
    usual = page(program, wrt, length)
    top = page(program, wrt, length, "top")
    assert loose(top.replace(r"\top ", "T").replace("⊤", "ᵀ")) == loose(usual)
    bold = page(program, wrt, length, "bold")
    assert r"\boldsymbol{" in bold
    assert loose(without("boldsymbol", bold)) == loose(usual)
    assert "^{T}" not in page(program, wrt, length, "prime")


@pytest.mark.parametrize("gradients", ["nabla", "bar"])
@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize(("program", "wrt"), PROGRAMS)
def test_no_gradient_is_left_in_another_notation(
    program: str, wrt: str | None, length: str, gradients: str
) -> None:
    """Nowhere on the page ∂L/∂X, and with bars nowhere ∂L/∂x_ij."""
    made = page(program, wrt, length, gradients)
    names = derived(program, wrt=wrt).task.shapes
    for name in names:
        ratio = partial_ratio(name_box("L"), name_box(name))
        for box in (ratio, slashed(ratio)):
            assert latex(box) not in made
            assert latex(box).replace("dfrac", "frac") not in made
    assert (
        (r"\nabla _{" if gradients == "nabla" else r"\bar{")
        in made.replace(r"}_", "_").replace("{\\nabla", "\\nabla")
        or r"\nabla" in made
        or r"\bar" in made
    )
    if gradients == "bar":
        assert not re.search(r"frac\{\\partial L\}\{\\partial [a-z]_\{", made)


@pytest.mark.parametrize("seed", range(usually(8, thoroughly=100, least=3)))
def test_every_notation_of_random_programs_can_be_read_back(seed: int) -> None:
    """Boards of random programs: every notation has the lines of the usual one."""
    drawn = random_program(seed, 3)
    asked = {"program": drawn.text, "shapes": drawn.inputs}
    try:
        usual = matderiv.board(**asked)
    except MatderivError:
        pytest.skip("this program has no board")
    for words in product(*NOTATIONS.values()):
        made = matderiv.board(**asked, notation=",".join(words))
        if words == tuple(of[0] for of in NOTATIONS.values()):
            assert made == usual
        if words[0] != "T":
            assert "ᵀ" not in made
        if words[2] != "partial":
            assert not re.search(r"∂L/∂[A-Za-z]\b(?!_)", made)


def test_a_factor_beside_a_gradient_is_not_read_into_it() -> None:
    """(∇_Y L)Wᵀ and not ∇_Y LWᵀ; with a bar there are no brackets."""
    lines = matderiv.board(notation="nabla")
    assert "∇_XL = (∇_YL)Wᵀ" in lines
    assert "X\u0304 = Y\u0304Wᵀ" in matderiv.board(notation="bar")


def test_an_exponent_named_t_is_no_transpose() -> None:
    """Whatever the notation, x to the power T stays that."""
    derivation = matderiv.derive("L = x**T", wrt="x", shapes={"x": (), "T": ()})
    for notation in ("T", "prime", "top"):
        made = derivation.latex(length="board", notation=notation)
        assert "x^{T}" in made


@pytest.mark.parametrize(
    ("words", "said"),
    [("foo", "foo"), ("bold,plain", "arrays"), ("top,prime", "transposes"), ("T,nabla,bar", "gra")],
)
def test_a_notation_that_is_none_is_refused(words: str, said: str) -> None:
    """With what there is, or what two words are about."""
    with pytest.raises(InputError, match=said):
        read_notation(words)


# -- names ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", LENGTHS)
def test_a_renamed_page_is_that_of_the_renamed_program(length: str) -> None:
    r"""What \Theta makes of W is what a program with Theta says, shapes and all."""
    shapes = {"X": (2, 4), "W": (4, 3), "T": (2, 3)}
    first = matderiv.derive(
        "L = sum((X @ W - T)**2)", wrt="W", shapes=shapes, rename={"W": r"\Theta"}
    )
    again = {"X": (2, 4), "Theta": (4, 3), "T": (2, 3)}
    second = matderiv.derive("L = sum((X @ Theta - T)**2)", wrt="Theta", shapes=again)
    assert first.latex(length=length) == second.latex(length=length)
    assert first.formulas == second.formulas
    assert first.json() == second.json()


def test_what_was_guessed_is_said_with_the_new_names() -> None:
    """A target keeps its role under another name."""
    task = read_task("L = sum((X @ W - T)**2)", roles=True, rename={"T": "A", "W": "T"})
    assert task.wrt == ("X", "T")
    assert [reading.names for reading in task.readings if reading.kind == "targets"] == [("A",)]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Q", "Z"),
        ("W", "X"),
        ("W", r"\Foo"),
        ("W", "exp"),
        ("W", "lambda"),
        ("W", "a b"),
        ("W", "<b>"),
        ("W", r"\input{x}"),
        ("W", "X.T"),
        ("W", "dX"),
        ("W", "W" * 40),
        ("W", "f"),
        ("W", ""),
    ],
)
def test_a_name_that_cannot_stand_is_refused(old: str, new: str) -> None:
    """Nothing but a letter, a word or a Greek letter gets on a page, and no name twice."""
    with pytest.raises(MatderivError):
        matderiv.derive("Y = X @ W; L = sum(f(Y))", rename={old: new})


def test_names_that_change_places_do() -> None:
    """X for W and W for X at once."""
    program = parse("L = sum(X @ W)")
    names = read_names({"X": "W", "W": "X"}, program)
    assert renamed(program, names).source() == "L = sum(W @ X)"


# -- the command line ----------------------------------------------------------------------------


def test_the_options_are_of_all_three_commands() -> None:
    """derive, handout and show; the page says how it is made again."""
    options = ["--notation", "top,bar,bold", "--rename", r"W=\Theta", "--mono"]
    shown = CliRunner().invoke(cli, ["show", *options])
    assert shown.exit_code == 0, shown.output
    assert "X\u0304 = Y\u0304Θ⊤" in shown.output
    derive = CliRunner().invoke(cli, ["derive", *options, "--format", "latex", "--length", "card"])
    assert r"\boldsymbol{\Theta}" in derive.output
    assert r"\boldsymbol{\Theta}" in derive.output
    handout = CliRunner().invoke(cli, ["handout", *options, "--format", "md", "-o", "-"])
    assert "--notation top,bar,bold" in handout.output
    assert "Theta" in handout.output


def test_a_page_without_colours_says_so_to_its_style_sheet() -> None:
    """Its greys stand in the style sheet; other pages have their colours."""
    derivation = derived()
    for mono in (False, True):
        made = write_text(derivation.document(length="board", mono=mono), "html")
        assert ('class="mono"' in made) == mono
