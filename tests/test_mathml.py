"""MathML: well-formed, nothing that browsers have dropped, and the letters of the other formats."""

from __future__ import annotations

import functools
import itertools
import re
from typing import get_args
from xml.etree import ElementTree as ET

import pytest

import matderiv
from matderiv.api import shown
from matderiv.handout.composer import ProgramComposer
from matderiv.handout.document import Equation, Math, Paragraph
from matderiv.handout.program import page_blocks
from matderiv.notation.boxes import (
    Aligned,
    BigSum,
    Box,
    Dots,
    Fence,
    Fraction,
    Grid,
    Lines,
    NumberBox,
    Operator,
    Root,
    Row,
    Scripts,
    Styled,
    Symbol,
    Tagged,
    Terms,
    Word,
)
from matderiv.notation.latex import latex
from matderiv.notation.layout import fitted
from matderiv.notation.mathml import equalities, mathml
from matderiv.notation.program import ProgramNotation

#: Elements of MathML Core, and the attributes of each that are used; `class` and `data-` are HTML.
CORE = {
    "math": {"displaystyle"}, "mrow": set(), "mi": {"mathvariant"}, "mn": set(),
    "mo": {"form", "lspace", "rspace", "stretchy"}, "mfrac": set(), "msqrt": set(),
    "msub": set(), "msup": set(), "msubsup": set(), "munder": set(), "munderover": set(),
    "mover": {"accent"},
    "mtable": {"displaystyle"}, "mtr": set(), "mtd": set(),
}  # fmt: skip

CHILDREN = {
    "mfrac": 2,
    "msub": 2,
    "msup": 2,
    "msubsup": 3,
    "munder": 2,
    "mover": 2,
    "munderover": 3,
}

PROGRAMS = [
    "Y = X @ W; L = sum(f(Y))",
    "Y = W.T @ X; L = lam*sum(tanh(Y)**2)/3",
    "L = sum(log(1 + exp(A_1 @ Key.T)))",
    "L = Loss(Theta @ W_q)",
    "L = sum(sqrt(1 + (A @ B)**2) - 2)",
]

x, two = Symbol("x"), NumberBox("2")
KINDS: list[Box] = [
    x, Symbol("lambda", greek=True), Symbol("Omega", greek=True),
    Word("a<b&c"), Word("tanh", upright=True), two,
    *(Operator(n) for n in "plus minus equals cdot times comma partial prime kronecker".split()),
    Row((two, x)), Row((Word("tanh", upright=True), Fence(x))), Row(()),
    Fraction(x, two), Scripts(x, two), Scripts(x, sup=two), Scripts(x, two, two),
    Root(x), Fence(x), Fence(Fraction(x, two), big=True), BigSum(x, None, x), BigSum(x, two, x),
    *(Dots(direction) for direction in ("across", "down", "diagonal")),
    Terms((("-", x), ("+", two))), Lines((Terms((("+", x),)), Terms((("-", two),)))),
    Grid(((x, two), (Dots("down"), x))), Grid(((Tagged(x, "X-1-1"),),)),
    Tagged(x, "X-1-1"), Styled(x, "bold"), Styled(x, "bar"),
    Aligned(x, (two, Lines((Terms((("+", x),)), Terms((("-", two),)))))),
]  # fmt: skip


derived = functools.cache(matderiv.derive)


def parsed(markup: str) -> ET.Element:
    """The tree of a piece of MathML, each element checked to be of the core."""
    tree = ET.fromstring(f"<math>{markup}</math>")  # noqa: S314 - our own output
    for element in tree.iter():
        allowed = CORE[element.tag] | {"class", "data-key"}
        assert set(element.attrib) <= allowed, element.tag
        assert len(element) == CHILDREN.get(element.tag, len(element)), element.tag
        assert element.attrib.get("mathvariant", "normal") == "normal"
    return tree


def letters(markup: str) -> str:
    """What of a piece of MathML is seen, in order."""
    text = "".join(parsed(markup).itertext())
    return "".join(c for c in text if c not in "\u2061\u2062\u2063")


def latin(text: str) -> str:
    """The Latin letters and digits of a text."""
    return "".join(re.findall("[A-Za-z0-9]", text))


def without_commands(source: str) -> str:
    """LaTeX source without commands, but for those that set a function's name."""
    source = re.sub(r"\\\\\*?(\[-?\d+pt\])?|\\(begin|end)\{\w+\}(\[t\])?", " ", source)
    return re.sub(r"\\(?!exp|log|sin|cos|tanh)[A-Za-z]+", " ", source)


@pytest.mark.parametrize("box", KINDS, ids=lambda box: type(box).__name__)
def test_every_kind_of_box_is_core_mathml(box: Box) -> None:
    """Every kind of box is well-formed MathML of the core, also inside a fraction."""
    parsed(mathml(box))
    parsed(mathml(Fraction(box, box)))


def test_every_kind_of_box_is_tried() -> None:
    """No kind of box is left out of the list above."""
    assert {type(box) for box in KINDS} == set(get_args(Box))


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("marked", [False, True])
def test_pages_hold_the_same_letters_as_in_latex(program: str, *, marked: bool) -> None:
    """No letter or digit of any formula is lost, added or moved on the way to MathML."""
    derivation = derived(program)
    composer = ProgramComposer(derivation, "en", shown(derivation.task, None), marked=marked)
    boxes: list[Box] = []
    for block in page_blocks(composer):
        if isinstance(block, Equation):
            boxes += [block.box, *(box for d in block.details for box in d.boxes)]
        elif isinstance(block, Paragraph):
            boxes += [s.box for s in block.segments if isinstance(s, Math)]
    assert len(boxes) > 20
    for box in boxes:
        fit = fitted(box, 30)
        assert latin(letters(mathml(fit))) == latin(without_commands(latex(fit)))


@pytest.mark.long
def test_marks_change_no_formula() -> None:
    """With marks every formula is the same in LaTeX, byte for byte."""
    for program, show in itertools.product(PROGRAMS[:3], (2, None)):
        derivation = derived(program)
        plain, marked = (ProgramNotation(derivation.task, show, m) for m in (False, True))
        for step in derivation.steps:
            for chain in step.chains:
                assert latex(marked.chain(chain)) == latex(plain.chain(chain))


def test_a_prime_is_no_superscript() -> None:
    """The sign of a derivative is small and raised by itself; it would be tiny in a superscript."""
    slope = Scripts(Symbol("f"), sub=two, sup=Operator("prime"))
    assert mathml(slope) == f"<mrow>{mathml(Scripts(Symbol('f'), sub=two))}<mo>′</mo></mrow>"


def test_broken_sums_follow_the_equals_sign() -> None:
    """A sum in lines stands beside its equals sign, each further line with its sign in front."""
    terms = Terms((("+", x), ("-", two)))
    chain = Aligned(x, (two, Lines((Terms(terms.items[:1]), Terms(terms.items[1:])))))
    first, second = equalities(chain)
    assert [letters(part) for part in first] == ["x", "=2"]
    assert [letters(part) for part in second] == ["=x", "−2"]


@pytest.mark.parametrize(
    ("box", "spoken"),
    [
        (Row((two, x)), "2\u2062x"),
        (Row((Word("tanh", upright=True), Fence(x))), "tanh\u2061(x)"),
        (Row((x, Fence(x))), "x(x)"),
        (Row((two, Fence(x))), "2\u2062(x)"),
        (Scripts(x, Row((two, two))), "x2\u20632"),
        (Row((x, Operator("cdot"), x)), "x⋅x"),
    ],
)
def test_what_is_not_written_is_said(box: Box, spoken: str) -> None:
    """Products, applied functions and indices side by side can be told apart by ear."""
    assert "".join(parsed(mathml(box)).itertext()) == spoken
