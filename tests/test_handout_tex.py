r"""Standalone handouts compile with a real XeTeX, and its log has nothing to complain of.

The handouts of a language have the same lines before \begin{document}, so that their pages can
stand in one document; titles that need fonts of their own are compiled each by itself.
"""

from __future__ import annotations

import itertools
import re
import subprocess
from pathlib import Path

import pytest
from _derived import derived
from _pages import facts, last_lines
from _tex import compile_all, complaints, find_tool, run_tex

pytestmark = pytest.mark.parts

OTHERS = [
    ("softplus", (2, 4, 3), "W"),
    ("theorem", (12, 3, 11), None),
    ("transposed", (3, 5, 2), "X"),
    ("words", (2, 4, 3), "Theta"),
]
SIZES = [(2, 4, 3), (1, 1, 1), (3, 5, 2), (8, 8, 8), (12, 3, 11), (64, 4096, 4096)]
PROGRAMS = {
    "linear": "Y = X @ W; L = sum(f(Y))",
    "softplus": "L = sum(log(1 + exp(X @ W)))",
    "theorem": "L = Loss(Q @ K.T)",
    "transposed": "L = Loss(X.T @ W.T)",
    "words": "Y_1 = X_1 @ Theta; lam = sum(f(Y_1))",
}
EXERCISES = {f"exercises {seed}": seed for seed in (1, 2)}
WHOLE = {
    "two layers": ("H = tanh(X @ W + b); Y = H @ V + c; L = sum((Y - T)**2)", "W", {}),
    "attention": (
        "S = Q @ K.T/sqrt(lam); P = softmax(S, axis=1); O = P @ V; L = Loss(O)",
        "Q",
        {"Q": (12, 3), "K": (11, 3)},
    ),
    "normalised": (
        "M = mean(X, axis=0); V = mean((X - M)**2, axis=0); L = Loss((X - M)/sqrt(V + lam))",
        "X",
        {"X": (64, 4096)},
    ),
    "all nodes": (
        (
            "L = logdet(A) + tr(inv(A) @ S) + det(A @ A) + norm(A @ v) + sum(prod(A, axis=1))"
            " + logsumexp(diag(A)) + sum(outer(v, v)*A) + sum(diag(v) @ A) + F(A)"
        ),
        "A",
        {},
    ),
}
CASES = (
    {f"linear {n} {d} {m}": (PROGRAMS["linear"], (n, d, m), None) for n, d, m in SIZES}
    | {f"by W {n}": (PROGRAMS["linear"], (n, d, m), "W") for n, d, m in (SIZES[2], SIZES[4])}
    | {f"{name} {n}": (PROGRAMS[name], (n, d, m), wrt) for name, (n, d, m), wrt in OTHERS}
)


#: The first handout is compiled in both languages, each other one in one of them.
LANGS = dict(zip([*CASES, *WHOLE, *EXERCISES], itertools.cycle([("zh",), ("en",)]), strict=False))
LANGS |= {"": ("en", "zh"), next(iter(CASES)): ("en", "zh")}


@pytest.fixture(scope="module")
def xelatex() -> str:
    """Where XeTeX is."""
    return find_tool("xelatex")


def parts(source: str) -> tuple[str, str]:
    """What stands before the document, and the document."""
    before, _, body = source.partition("\\begin{document}\n")
    return before, body.removesuffix("\\end{document}\n")


@pytest.fixture(scope="module")
def compiled(
    xelatex: str, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, dict[str, list[str]]]:
    """The complaints about every handout, by language."""
    found = {}
    for lang in ("en", "zh"):
        handouts = {
            name: derived(program, size, wrt).handout(lang=lang)
            for name, (program, size, wrt) in CASES.items()
            if lang in LANGS[name]
        }
        handouts |= {
            name: derived(program, wrt=wrt, shapes=shapes).handout(lang=lang, length="full")
            for name, (program, wrt, shapes) in WHOLE.items()
            if lang in LANGS[name]
        }
        handouts |= {
            name: derived(size=(1, 1, 1)).handout(lang=lang, exercises=12, seed=seed)
            for name, seed in EXERCISES.items()
            if lang in LANGS[name]
        }
        sources = {name: parts(str(handout.write("tex"))) for name, handout in handouts.items()}
        (preamble,) = {before for before, _ in sources.values()}
        bodies = {name: body for name, (_, body) in sources.items()}
        folder = tmp_path_factory.mktemp(lang)
        found[lang] = compile_all(xelatex, folder, preamble, bodies)
    return found


@pytest.mark.parametrize(
    ("case", "lang"), [(case, lang) for case, langs in LANGS.items() for lang in langs]
)
def test_a_handout_compiles_cleanly(
    compiled: dict[str, dict[str, list[str]]], lang: str, case: str
) -> None:
    """No error, nothing sticking out of the page, no letter without a glyph, at any size."""
    assert compiled[lang][case] == []


#: Programs whose pages have many headings, and a method for each.
MANY = [
    ("L = Loss(softmax(Q @ K.T, axis=1) @ V)", "differential"),
    ("H = relu(X @ W + b); L = sum((H @ V + c - T)**2)", "elementwise"),
    ("H = tanh(X @ W); U = tanh(H @ V); L = norm(U @ k - y)", "slice"),
    ("L = logdet(S) + y @ inv(S) @ y", "index"),
]
_HEADING = re.compile(r"Step \d+\.|第 ?\d+ ?步|Conclusion|结论|What was checked|检验说明")


@pytest.mark.parametrize("form", ["tex", "pdf"])
def test_no_heading_stands_at_the_foot_of_a_page(tmp_path: Path, form: str) -> None:
    """A heading is followed by more than one line of its section, whoever makes the page.

    Each program is printed by both, in one language by the one and in the other by the other.
    """
    ends: list[str] = []
    for number, (program, method) in enumerate(MANY):
        path = tmp_path / f"{number}.pdf"
        lang = ("en", "zh")[(number + (form == "tex")) % 2]
        handout = derived(program, method=method).handout(lang=lang, length="full")
        if form == "tex":
            run_tex(find_tool("xelatex"), tmp_path, str(handout.write("tex")))
            tmp_path.joinpath("main.pdf").rename(path)
        else:
            pytest.importorskip("typst")
            handout.save(path)
        ends += last_lines(path)
    assert len(ends) > 10
    assert [end for end in ends if _HEADING.search(end)] == []


def test_what_is_too_large_gets_a_larger_page(xelatex: str, tmp_path: Path) -> None:
    """With everything shown nothing sticks out: the page grows, and only where it has to."""
    derivation = derived(size=(12, 5, 9))
    source = str(derivation.handout(lang="zh", show="all", length="full").write("tex"))
    assert r" & \cdots & " not in source
    assert complaints(run_tex(xelatex, tmp_path, source)) == []
    known = facts(tmp_path / "main.pdf")
    found = [value for key, value in known.items() if re.fullmatch(r"Page +\d+ size", key)]
    usual = [size for size in found if "A4" in size]
    assert 0 < len(usual) < len(found) == int(known["Pages"])
    assert r"\largepage" not in str(derivation.handout(lang="zh", length="full").write("tex"))


ODD = """50% off_A & B <script>alert("1")</script> $x^2$ ~\\foo{} # `x` -- 矩阵 Ω é Привет"""


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_titles_come_out_as_typed(xelatex: str, tmp_path: Path, lang: str) -> None:
    """A title with signs and scripts that TeX has other ideas about is read back off the page."""
    handout = derived(size=(1, 1, 1)).handout(lang=lang, title=ODD, author="Dr. Ärger & 王老师")
    log = run_tex(xelatex, tmp_path, str(handout.write("tex")))
    assert complaints(log) == []
    reader = find_tool("pdftotext")
    text = subprocess.run(
        [reader, "-l", "1", str(tmp_path / "main.pdf"), "-"],
        capture_output=True, check=True, timeout=300,
    ).stdout.decode()  # fmt: skip
    title = "".join(text.split())
    # Spaces beside Chinese letters are TeX's.
    assert "".join(ODD.split()).replace("--", "--") in title
    assert "Dr.Ärger&王老师" in title


def test_a_title_with_pictures(xelatex: str, tmp_path: Path) -> None:
    """Emoji come from a font, or the page says which they were; none is lost."""
    handout = derived(size=(1, 1, 1)).handout(title="Go 🚀 👩‍🏫 🇨🇳 👍🏽 ☎️ 😀!")
    source = str(handout.write("tex"))
    log = run_tex(xelatex, tmp_path, source)
    assert complaints(log) == []
    for letter in "🚀👩🏫🇨🇳👍😀":
        assert rf"\otherletter{{{ord(letter):04X}}}" in source


def test_only_what_needs_other_letters_loads_fonts() -> None:
    """A plain handout needs few packages; a Chinese title in an English one asks for ctex."""
    plain = parts(str(derived().handout().write("tex")))[0]
    assert "ctex" not in plain
    assert "fontspec" not in plain
    chinese = parts(str(derived().handout(title="为什么转置？").write("tex")))[0]
    assert r"\usepackage[scheme=plain,space=true]{ctex}" in chinese
    assert "fontspec" not in chinese
