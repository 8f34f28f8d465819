r"""The LaTeX fragments compile with a real XeTeX, and its log has nothing to complain of.

All cases of a language stand in one document, because starting TeX takes longer than setting a
page. Marks that TeX writes into its log around each case tell which case a complaint is about.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from _derived import LINEAR, USUAL, derived
from _gradient_table import sized, table
from _tex import compile_all, find_tool
from _thorough import usually

import matderiv
from matderiv.errors import InputError

pytestmark = pytest.mark.parts

PREAMBLES = {
    "en": "\\documentclass{article}\n\\usepackage{amsmath}\n",
    # The Fandol fonts come with the Chinese classes; others depend on the machine.
    "zh": "\\documentclass[fontset=fandol]{ctexart}\n\\usepackage{amsmath}\n",
}


@dataclass(frozen=True, slots=True)
class Case:
    """A derivation, and how much of it is printed.

    A product of long names is one fraction beside another, and no line can be broken there: at
    `may_stick_out` it may be wider than the page, and nothing else may be wrong with it.
    """

    name: str
    program: str = LINEAR
    size: tuple[int, int, int] = USUAL
    show: int | None = None
    may_stick_out: bool = False
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    method: str = "elementwise"
    langs: tuple[str, ...] = ("en", "zh")

    def fragment(self, lang: str) -> str:
        """The LaTeX of the case in a language; a case is derived once for all of them."""
        derivation = derived(self.program, self.size, shapes=self.shapes, method=self.method)
        return derivation.latex(lang=lang, show=self.show)


SOFTPLUS = "sum(log(1 + exp(X @ W)))"
THEOREM = "Loss(Q @ K.T)"
WORDS = "function act; Score = Query @ Key.T; Cost = sum(act(Score))"
ATTENTION = "L = Loss(softmax(Q @ K.T, axis=1) @ V)"
SQUARED = "L = sum((softmax(relu(Data @ Weights) @ V, axis=1) - Targets)**2)"
METHODS = ("elementwise", "index", "differential", "slice")
SECOND = "Y = W @ X; L = sum(f(Y))"

#: Every kind of program at the usual size in both languages, and at another size in one of them.
CASES = [
    Case("default"),
    Case("softplus", SOFTPLUS),
    Case("theorem", THEOREM),
    Case("second", SECOND),
    Case("default-1x1x1", size=(1, 1, 1), langs=("en",)),
    Case("default-3x5x2", size=(3, 5, 2), langs=("zh",)),
    Case("default-12x3x11", size=(12, 3, 11), langs=("en",)),
    Case("default-4x4x4", size=(4, 4, 4), langs=("zh",)),
    Case("softplus-1x1x1", SOFTPLUS, (1, 1, 1), langs=("zh",)),
    Case("softplus-6x2x5", SOFTPLUS, (6, 2, 5), langs=("en",)),
    Case("softplus-12x3x11", SOFTPLUS, (12, 3, 11), langs=("zh",)),
    Case("theorem-3x5x2", THEOREM, (3, 5, 2), langs=("en",)),
    Case("theorem-12x3x11", THEOREM, (12, 3, 11), langs=("zh",)),
    Case("second-12x3x11", SECOND, (12, 3, 11), langs=("en",)),
    Case("large", size=(64, 4096, 4096)),
    Case("large-softplus", SOFTPLUS, (64, 4096, 4096), langs=("zh",)),
    Case("row-times-column", size=(1, 12, 1), langs=("zh",)),
    Case("column-times-row", size=(12, 1, 12), langs=("en",)),
    Case("show-2", size=(12, 13, 14), show=2),
    Case("subscripts", "Y_1 = X_1 @ W_q; L = sum(f(Y_1))", langs=("en",)),
    Case("named-subscripts", "Y = Key @ W_q; L = sum(f(Y))", langs=("en",)),
    Case("greek", "Phi = Theta @ Psi; lam = sum(f(Phi))"),
    Case("words", WORDS, may_stick_out=True),
    Case("words-large", WORDS, (12, 3, 11), may_stick_out=True, langs=("zh",)),
    Case("scalar-parameter", "Y = X @ W; L = sum(lam * Y**2) / 2", langs=("en",)),
    Case("polynomial", "Y = X @ W; L = sum(3*Y**3 - Y/2 + 1)", langs=("zh",)),
    Case("quotient", "Y = X @ W; L = sum(1 / (1 + Y**2))", langs=("en",)),
    Case("nested", "sum(sqrt(1 + sin(X @ W)**2) * exp(-(X @ W)))", may_stick_out=True),
    Case("relu", "sum(relu(X @ W))", langs=("en",)),
    Case("sigmoid", "Y = X @ W; L = -sum(log(sigmoid(Y)))", langs=("zh",)),
    *[
        Case(f"{name}-{method}", program, shapes=shapes, method=method, langs=(lang,))
        for name, program, shapes in [
            ("attention", ATTENTION, {"Q": (2, 3), "K": (4, 3), "V": (4, 3)}),
            ("squared-softmax", SQUARED, {"Data": (2, 2), "V": (2, 2)}),
        ]
        for method, lang in zip(METHODS, itertools.cycle(["zh", "en"]), strict=False)
    ],
    Case("squared-softmax-large", SQUARED, shapes={"Data": (12, 4), "V": (3, 12)}, langs=("en",)),
]


@pytest.fixture(scope="module")
def xelatex() -> str:
    """Where XeTeX is."""
    return find_tool("xelatex")


@pytest.fixture(scope="module")
def compiled(
    xelatex: str, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, dict[str, list[str]]]:
    """The complaints about every case, by language."""
    return {
        lang: compile_all(
            xelatex,
            tmp_path_factory.mktemp(lang),
            PREAMBLES[lang],
            {case.name: case.fragment(lang) for case in CASES if lang in case.langs},
        )
        for lang in PREAMBLES
    }


#: Characters of a formula that a line holds; a display is not broken into lines.
_LINE = 60


def test_formulas_of_gradients_compile(xelatex: str, tmp_path: Path) -> None:
    """Those of every so-manieth entry of the table, in one run of TeX; only long ones stick out."""
    bodies, long = {}, set()
    for entry in table()[:: usually(12, 1, least=30)]:
        shapes = {name: entry.shape(name, entry.sizes((3, 2, 4, 2, 3))) for name in entry.shapes}
        program = sized(entry.program, entry.sizes((3, 2, 4, 2, 3)))
        with contextlib.suppress(InputError):  # at these sizes there is none
            found = matderiv.gradient(program, wrt=entry.wrt, shapes=shapes, assume=entry.assume)
            bodies[entry.id] = f"\\[\n{found.latex()}\\]\n"
            if len(found.formula) > _LINE:
                long.add(entry.id)
    assert len(bodies.keys() - long) > 5
    log = compile_all(xelatex, tmp_path, PREAMBLES["en"], bodies)
    wide = {name: [s for s in found if s.startswith("Overfull")] for name, found in log.items()}
    assert not {name: found for name, found in log.items() if found != wide[name]}
    assert not {name for name, found in wide.items() if found} - long


@pytest.mark.parametrize(
    ("lang", "case"),
    [pytest.param(lang, case, id=f"{case.name}-{lang}") for case in CASES for lang in case.langs],
)
def test_a_page_compiles_cleanly(
    compiled: dict[str, dict[str, list[str]]], lang: str, case: Case
) -> None:
    """No error, nothing sticking out of the page, no letter without a glyph, at any size."""
    found = compiled[lang][case.name]
    if case.may_stick_out:
        found = [complaint for complaint in found if not complaint.startswith(r"Overfull \hbox")]
    assert found == []


@pytest.mark.parametrize("lang", PREAMBLES)
def test_all_pages_make_one_document(compiled: dict[str, dict[str, list[str]]], lang: str) -> None:
    """Nothing goes wrong before, between or after the fragments, and pages are written."""
    assert compiled[lang][""] == []


@pytest.mark.parametrize("lang", PREAMBLES)
def test_two_fragments_share_a_lecture(xelatex: str, tmp_path: Path, lang: str) -> None:
    r"""A fragment can be \input twice, between other text, and leaves the lecture as it was."""
    fragment = Case("").fragment(lang)
    lecture = (
        "\\section{One}\n\\begin{equation}a=b\\end{equation}\n"
        f"{fragment}\n\\section{{Two}}\n\\begin{{equation}}c=d\\end{{equation}}\n{fragment}"
        "\\typeout{sections \\arabic{section}, equations \\arabic{equation}, "
        "\\the\\parindent=\\parindent}\n"
    )
    assert compile_all(xelatex, tmp_path, PREAMBLES[lang], {"lecture": lecture}) == {
        "": [],
        "lecture": [],
    }
    log = tmp_path.joinpath("main.log").read_text(encoding="utf-8", errors="replace")
    assert "sections 2, equations 2," in log


@pytest.mark.parametrize("lang", PREAMBLES)
def test_everything_shown_is_still_tex(xelatex: str, tmp_path: Path, lang: str) -> None:
    """More columns than amsmath allows unasked are no error; too wide for a page they may be."""
    fragment = Case("all", size=(2, 3, 12), show=20).fragment(lang)
    found = compile_all(xelatex, tmp_path, PREAMBLES[lang], {"all": fragment})
    assert [c for c in found["all"] if not c.startswith("Overfull")] == []


@pytest.mark.parametrize(
    ("planted", "complaint"),
    [
        (r"$\undefinedhere$", "! Undefined control sequence"),
        (r"\[ \begin{pmatrix} 1 & 2", "! "),
        (r"\[ \begin{pmatrix} 1&2&3&4&5&6&7&8&9&10&11 \end{pmatrix} \]", "! Extra alignment tab"),
        (r"\[ \rule{50em}{1em} \]", r"Overfull \hbox"),
        (r"\noindent\mbox{" + "long " * 50 + "}", r"Overfull \hbox"),
        (r"\noindent\rule{1em}{70em}", r"Overfull \vbox"),
        ("矩阵", "Missing character"),
        (r"\ref{nowhere}", "LaTeX Warning"),
    ],
)
def test_complaints_are_heard(xelatex: str, tmp_path: Path, planted: str, complaint: str) -> None:
    """The check can fail: it hears each kind of trouble, and blames the right case for it."""
    found = compile_all(xelatex, tmp_path, PREAMBLES["en"], {"before": "fine", "planted": planted})
    assert found["before"] == []
    assert any(c.startswith(complaint) for c in found["planted"])
