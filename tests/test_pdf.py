"""PDFs by the real Typst: their pages are rasterised and their text is read back."""

from __future__ import annotations

import itertools
import re
import subprocess
import sys
import unicodedata
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from _derived import SIZES, derived
from _pages import RESOLUTION, bottoms, facts, ink, sizes_of, words

import matderiv
from matderiv.errors import MissingError
from matderiv.handout import pdf as pdf_module
from matderiv.handout.document import (
    Bullets,
    Code,
    CodeBlock,
    Document,
    Equation,
    Heading,
    Math,
    Paragraph,
    Table,
    Text,
)
from matderiv.handout.pdf import to_pdf
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
    Symbol,
    Tagged,
    Terms,
    Word,
)
from matderiv.notation.signs import SIGNS
from matderiv.notation.text import text
from matderiv.notation.typst import typst

pytestmark = pytest.mark.parts

LANGUAGES = ["en", "zh"]
TEXT_SIZE = 11.0
SMALLEST = 0.7 * TEXT_SIZE

#: Texts that would be markup, code or a comment, if they were not escaped.
TYPED = [
    '"] #import "x"',
    "#panic(1)",
    "$x$ \\ \\u{41} *a* _b_ `c` <d> @e ~ -- // f /* g */ = h",
    "100% & {#} [^] <script>alert('x')</script>",
    "😀 矩阵求导 naïve Ångström",
]


@dataclass(frozen=True, slots=True)
class Made:
    """A document and the file that was made of it."""

    document: Document
    path: Path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the files of this module go."""
    return tmp_path_factory.mktemp("pdf")


#: The usual size in both languages, each other one in one of them.
HANDOUTS = [((2, 4, 3), "en"), *zip(SIZES, itertools.cycle(["zh", "en"]), strict=False)]


@pytest.fixture(scope="module", params=HANDOUTS, ids=str)
def made(request: pytest.FixtureRequest, folder: Path) -> Made:
    """The handout at each size in each language."""
    size, lang = request.param
    document = derived(size=size).handout(lang=lang, author="Émilie Noether").document
    path = folder / f"{lang}-{'x'.join(map(str, size))}.pdf"
    path.write_bytes(to_pdf(document))
    return Made(document, path)


def page(folder: Path, *blocks: object, title: str = "Title") -> Path:
    """A file with these blocks."""
    path = folder / f"{len(list(folder.glob('*.pdf')))}.pdf"
    path.write_bytes(to_pdf(Document("en", (Text(title),), blocks, whole=True)))  # type: ignore[arg-type]
    return path


def squeezed(words: str) -> str:
    """Text without white space, and with the italic letters of formulas as plain ones."""
    return "".join(unicodedata.normalize("NFKC", words).split())


# -- handouts --------------------------------------------------------------------------------


def test_pages_are_clean(made: Made, folder: Path) -> None:
    """A4 throughout, and no ink in any margin; the number of the page stands in the lowest."""
    told = facts(made.path)
    pages = ink(made.path, folder)
    assert {v for k, v in told.items() if re.fullmatch(r"Page +\d+ size", k)} == {
        "595.276 x 841.89 pts (A4)"
    }
    assert len(pages) == int(told["Pages"])
    per_cm = RESOLUTION / 2.54
    for dark in pages:
        height, width = dark.shape
        side, top, bottom = (round(cm * per_cm) for cm in (2.3, 2.2, 2.5))
        assert not dark[:top].any()
        assert not dark[:, :side].any()
        assert not dark[:, width - side :].any()
        foot = dark[height - bottom :]
        assert foot.any()
        third = width // 3
        assert not foot[:, :third].any()
        assert not foot[:, -third:].any()


def test_text_is_found(made: Made) -> None:
    """Every heading, and what was typed, can be searched for and copied."""
    found = words(made.path)
    for block in made.document.blocks:
        if isinstance(block, Heading):
            for segment in block.segments:
                if isinstance(segment, Text):
                    assert all(word in found for word in segment.text.split())
    assert "Émilie Noether" in found


def test_nothing_is_small(made: Made) -> None:
    """No formula is set smaller than 70 % of the text: its signs of equality are measured."""
    sizes = sizes_of("=", made.path)
    assert len(sizes) > 20
    assert min(sizes) >= SMALLEST


def test_file_describes_itself(made: Made) -> None:
    """Title, author and a structure for screen readers; no time at which it was made."""
    told = facts(made.path)
    assert told["Title"] == "".join(
        text(s.box) if isinstance(s, Math) else s.text for s in made.document.title
    )
    assert told["Author"] == "Émilie Noether"
    assert told["Tagged"] == "yes"
    assert "CreationDate" not in told
    assert b"pdfuaid" in made.path.read_bytes()


@pytest.mark.parametrize(
    "program", ["sum(log(1 + exp(X @ W)))", "Loss(Q @ K.T)", "Phi = Theta @ Psi; lam = sum(f(Phi))"]
)
def test_other_programs(folder: Path, program: str) -> None:
    """A known function, a theorem and Greek letters are pages like the rest."""
    path = folder / f"{abs(hash(program))}.pdf"
    path.write_bytes(derived(program).handout(length="full").write("pdf"))  # type: ignore[arg-type]
    assert min(sizes_of("=", path)) >= SMALLEST


# -- single blocks ---------------------------------------------------------------------------


def test_typed_text_comes_out_as_typed(folder: Path) -> None:
    """Nothing that a user types is markup or code, wherever it stands."""
    for title in TYPED:
        segments = (Text(title), Code(title))
        path = page(
            folder,
            Paragraph(segments),
            Heading(2, segments),
            Bullets((segments, segments)),
            CodeBlock(title),
            Table((segments,), ((segments,),), (Text(title),)),
            Equation(Aligned(Word(title), (Word(title, upright=True), NumberBox(title)))),
            title=title,
        )
        assert facts(path)["Title"] == title
        # Every sign as often as it was typed, besides bullets, signs of equality and the number of
        # the page. In which order the lines of a table come out is up to the version of poppler.
        times = 1 + 2 + 2 + 4 + 1 + 5 + 3
        found = Counter(squeezed(words(path)))
        found.subtract("••==1/1")
        assert +found == Counter(squeezed(title) * times)


def test_letters_that_are_code_elsewhere(folder: Path) -> None:
    """Names of one or several letters, whatever they are, stand side by side as they are."""
    names = ["#", "$", '"', "\\", "&", ";", ",", "(", "_", "^", "/", "%", "pi", "mat", "x2"]
    row = Row(tuple(Symbol(name) for name in names))
    path = page(folder, Equation(Aligned(Symbol("A"), (row, Grid(((row, row),))))))
    found = squeezed(words(path))
    assert found.count("".join(names)) == 3


def test_every_kind_of_box(folder: Path) -> None:
    """Boxes of every kind are set with their signs in order."""
    x, y, one = Symbol("x"), Symbol("y"), NumberBox("1")
    cases: dict[str, Box] = {
        "QueryKey": Row((Word("Query"), Word("Key"))),
        "2x11y": Row((NumberBox("2"), x, one, one, y)),
        "−a+b−c": Terms((("-", Symbol("a")), ("+", Symbol("b")), ("-", Symbol("c")))),
        "tanh(x)": Row((Word("tanh", upright=True), Fence(x))),
        "λεϕϵ": Row(
            tuple(Symbol(g, greek=True) for g in ("lambda", "varepsilon", "phi", "epsilon"))
        ),
        "Γ": Symbol("Gamma", greek=True),
        "x×y⊗x⋅y": Row((x, Operator("times"), y, Operator("kronecker"), x, Operator("cdot"), y)),
        "∂x": Row((Operator("partial"), x)),
        "√": Root(x),
        "∑x": BigSum(Row(()), None, x),
        "f′": Scripts(Symbol("f"), sup=Operator("prime")),
        "x1,1": Scripts(x, Row((one, Operator("comma"), one))),
        "x+y⋯1": Row((Lines((Terms((("+", x), ("+", y))),)), Dots("across"), Terms((("+", one),)))),
        "⋮⋱": Row((Dots("down"), Dots("diagonal"))),
        "Z": Tagged(Symbol("Z"), "1"),
    }
    blocks = [Equation(Aligned(Symbol("A"), (box,))) for box in cases.values()]
    path = page(folder, *blocks, Paragraph(tuple(Math(box) for box in cases.values())))
    found = squeezed(words(path))
    assert [signs for signs in cases if found.count(squeezed(signs)) < 2] == []


def test_every_sign_of_latex_is_one_of_typst() -> None:
    """No method's pages lack a sign that its LaTeX has."""
    assert SIGNS
    assert all(typst(Operator(name)) for name in SIGNS)
    x = Symbol("x")
    assert typst(Row((x, Operator("differential"), x))) == "x thin upright(d)x"


@pytest.mark.parametrize("method", ["differential", "slice", "kronecker"])
def test_every_method_makes_a_pdf(folder: Path, method: str) -> None:
    """Differentials, inner products and Kronecker products are set as well."""
    derivation = matderiv.derive("Z = X @ W; L = sum(f(Z))", method=method)
    path = folder / f"{method}.pdf"
    derivation.handout(length="full").save(path)
    assert "Step 4" in words(path)


def test_rows_of_fractions_do_not_touch(folder: Path) -> None:
    """Between rows there is more room than between a fraction and its line."""
    fraction = Fraction(Symbol("a"), Symbol("b"))
    sums = Lines(tuple(Terms((("-", fraction),)) for _ in range(2)))
    for cell, fractions in ((fraction, 3), (Tagged(sums, "1"), 6)):
        path = page(folder, Equation(Aligned(Symbol("A"), (Grid(((cell,) * 9,) * 3),))))
        (dark,) = ink(path, folder, resolution=200)
        dark = dark[250:1000]  # without title and number
        center = dark.shape[1] // 2
        middle = dark[:, center - 100 : center + 100]  # far from the brackets
        gaps = np.sort(np.diff(np.flatnonzero(middle.any(axis=1))) - 1)
        gaps = gaps[gaps > 0]
        assert len(gaps) == 3 * fractions - 1  # above and below each line, and between them
        assert gaps[2 * fractions] > 1.5 * gaps[2 * fractions - 1]


def test_lines_with_fractions_do_not_touch(folder: Path) -> None:
    """Fractions inside lines of text move the lines apart."""
    fraction = Fraction(Symbol("L"), Scripts(Symbol("y"), NumberBox("11")))
    short, long = Math(fraction), Math(Terms((("+", fraction),) * 30))
    path = page(folder, Paragraph((Text("and "), short) * 60), Paragraph((long,)))
    (dark,) = ink(path, folder, resolution=200)
    rows = dark[240:-400].any(axis=1).astype(int)  # without title and number
    changes = np.diff(rows, prepend=0, append=0)
    starts, ends = np.flatnonzero(changes == 1), np.flatnonzero(changes == -1)
    assert len(starts) > 4
    assert (ends - starts).max() < 2 * TEXT_SIZE * 200 / 72


@pytest.mark.parametrize(
    ("digits", "page_size", "scale"),
    [(60, (595, 842), 1.0), (100, (595, 842), 0.8), (140, (842, 595), 0.9), (400, None, 1.0)],
)
def test_wide_formula(
    folder: Path, digits: int, page_size: tuple[int, int] | None, scale: float
) -> None:
    """It shrinks to no less than 70 %, then its page is turned, then its page grows."""
    wide = Equation(Aligned(Symbol("A"), (NumberBox("1" * digits),)))
    path = page(folder, Paragraph((Text("Before"),)), wide, Paragraph((Text("After"),)))
    pages = ink(path, folder)
    (number,) = (n for n in range(1, len(pages) + 1) if "1" * digits in words(path, n))
    width, height = facts(path)[f"Page {number:4} size"].split()[:3:2]
    if page_size is not None:
        assert (round(float(width)), round(float(height))) == page_size
    (size,) = sizes_of("=", path)
    assert size / TEXT_SIZE == pytest.approx(scale, abs=0.1)
    for dark in pages:
        side = round(2.3 * RESOLUTION / 2.54)
        assert not dark[:, :side].any()
        assert not dark[:, -side:].any()
    assert "Before" in words(path)
    assert "After" in words(path)


def test_tall_matrix(folder: Path) -> None:
    """A matrix that is higher than a page gets a page that is high enough."""
    grid = Grid(tuple((NumberBox(f"{n}"),) for n in range(100, 160)))
    path = page(folder, Equation(Aligned(Symbol("A"), (grid,))))
    heights = [float(v.split()[2]) for k, v in facts(path).items() if re.match(r"Page .*size", k)]
    assert max(heights) > 1000
    for dark in ink(path, folder):
        assert not dark[: round(2.2 * RESOLUTION / 2.54)].any()
    assert all(str(n) in words(path) for n in range(100, 160))


def test_rows_of_tables_stand_on_one_line(folder: Path) -> None:
    """In a table, the letters of formulas share a line with words, and all rows are as high."""
    formula, word = (Math(Symbol("x")),), (Text("word"),)
    cells = ((formula, word), (formula, formula), (word, word))
    path = page(folder, Table((word, formula), cells, (Text("Caption"),)))
    lines = [line for sign in ("𝑥", "word") for line in bottoms(sign, path)]
    rows = sorted(set(lines))
    assert [lines.count(row) for row in rows] == [2] * 4
    assert len({round(b - a, 2) for a, b in itertools.pairwise(rows)}) == 1


# -- what has to be installed ----------------------------------------------------------------


@pytest.fixture
def bundled_fonts_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without any font of its own."""
    real = pdf_module._fonts
    monkeypatch.setattr(pdf_module, "_fonts", lambda **_: real(system=False))


def test_no_chinese_font(bundled_fonts_only: None, tmp_path: Path) -> None:
    """Without a Chinese font the error says what to install, and nothing is written."""
    with pytest.raises(MissingError) as caught:
        derived().handout(lang="zh").save(tmp_path / "handout.pdf")
    assert str(caught.value) == (
        "No font on this machine has a shape for '的梯度：逐步推导…'; install a Chinese font, "
        "such as Noto Serif CJK SC (Debian and Ubuntu: fonts-noto-cjk)."
    )
    assert not list(tmp_path.iterdir())


def test_english_needs_no_font_of_the_machine(bundled_fonts_only: None) -> None:
    """English is set in the fonts that Typst brings along; a letter none has is named."""
    handout = derived().handout(title="Émile’s “Größe” – naïve")
    assert isinstance(handout.write("pdf"), bytes)
    for letter, font in {
        "🚀": "Noto Color Emoji",
        "ท": "Noto Sans",
        "題": "Noto Serif CJK",
    }.items():
        with pytest.raises(MissingError, match=f"has a shape for '{letter}'; install .* {font}"):
            derived(size=(1, 1, 1)).handout(title=f"To {letter}").write("pdf")


def test_without_the_extra(tmp_path: Path) -> None:
    """Without Typst one line says how to install it, and no file is written, not even another."""
    code = (
        "import sys; sys.modules['typst'] = None; from matderiv.cli import main; "
        "main(['handout', '-o', 'a.md', '-o', 'a.pdf'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert done.returncode == 2
    assert done.stderr == (
        "matderiv: A PDF is made by Typst, which is not installed: pip install 'matderiv[pdf]', "
        "or in a checkout pip install '.[pdf]'.\n"
    )
    assert done.stdout == ""
    assert not list(tmp_path.iterdir())


def test_errors_of_typst_are_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of Typst that is not about letters is passed on as it is."""
    import typst

    monkeypatch.setattr(pdf_module, "_source", lambda *_: "#panic(1)")
    with pytest.raises(typst.TypstError, match="panicked"):
        derived().handout().write("pdf")


#: Programs with the most pages that a short handout of each has.
SHORT = {
    "L = -sum(T*log(softmax(X @ W + b, axis=1)))": 2,
    "H = relu(X @ W + b); Y = H @ V + c; L = sum((Y - T)**2)/2": 3,
    "S = Q @ K.T/sqrt(d); P = softmax(S, axis=1); O = P @ V; L = Loss(O)": 4,
}


@pytest.mark.parametrize("program", SHORT)
@pytest.mark.parametrize("lang", LANGUAGES)
def test_short_handouts_have_few_pages_and_cards_one(folder: Path, program: str, lang: str) -> None:
    """Softmax cross-entropy takes two pages, a network of two layers three, attention four."""
    assume = {"T": "onehot"} if "log" in program else None
    derivation = matderiv.derive(program, assume=assume)
    for length, most in ((None, SHORT[program]), ("card", 1)):
        path = folder / f"{length}.pdf"
        derivation.handout(lang=lang, length=length).save(path)  # type: ignore[arg-type]
        assert int(facts(path)["Pages"]) <= most
