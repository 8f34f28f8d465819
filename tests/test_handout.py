"""Handouts: what they hold, that it is computed, and that files are written whole or not at all."""

from __future__ import annotations

import functools
import importlib
import itertools
import os
import re
import shlex
from dataclasses import replace
from pathlib import Path

import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

import matderiv
from matderiv import cli
from matderiv.calculus.sweep.local_jacobian import LocalJacobian
from matderiv.derivation.exchanged import exchanged
from matderiv.derivation.pattern import pattern
from matderiv.errors import BIDIRECTIONAL, InputError
from matderiv.handout.document import (
    Document,
    Equation,
    Exercise,
    Heading,
    Math,
    Paragraph,
    Segments,
    Table,
    Text,
)
from matderiv.handout.formats import FORMATS, write
from matderiv.handout.sheet import answer_sheet, with_exercises
from matderiv.handout.text import to_text, words_of
from matderiv.handout.texts import messages

PROGRAMS = ["Y = X @ W", "Y = Q @ K.T", "Y = X.T @ W", "Y = X.T @ W.T"]
GOLDEN = Path(__file__).parent / "golden" / "handout"
PAGES = ("en.tex", "zh.tex", "en.md", "zh.md")


@functools.cache
def derived(n: int = 2, d: int = 4, m: int = 3, wrt: str | None = None) -> matderiv.Derivation:
    """The worked example at sizes, derived once."""
    return matderiv.derive(wrt=wrt, sizes={"N": n, "D": d, "M": m})


def default(lang: str = "en", **wishes: object) -> matderiv.Handout:
    """The handout of the worked example."""
    return derived().handout(lang=lang, **wishes)  # type: ignore[arg-type]


def run(*args: str) -> int:
    """Run the command line in this process; its exit code."""
    with pytest.raises(SystemExit) as caught:
        cli.main(list(args))
    assert isinstance(caught.value.code, int)
    return caught.value.code


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to stand in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


# -- what it holds ---------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES)
def test_page_is_the_golden_one(page: str, *, rewrite_golden: bool) -> None:
    """No word, formula or space of a handout changes unnoticed."""
    lang, form = page.split(".")
    printed = default(lang).named(f"handout.{form}").write(form)
    assert isinstance(printed, str)
    # The version is no part of what is kept.
    printed = printed.replace(matderiv.__version__, "VERSION")
    if rewrite_golden:
        GOLDEN.mkdir(exist_ok=True)
        (GOLDEN / page).write_text(printed, encoding="utf-8")
    assert printed == (GOLDEN / page).read_text(encoding="utf-8")


def test_every_golden_page_is_compared() -> None:
    """No file stays in the folder that nothing is compared with."""
    assert {path.name for path in GOLDEN.iterdir()} == set(PAGES)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_numbers_are_those_of_the_reference(lang: str) -> None:
    """The count and the memory that make the Jacobian impossible, and those at the chosen size."""
    text = to_text(default(lang).document)
    assert "N = 64" in text
    assert "256 GiB" in text
    assert "2×3×2×4 = 48" in text


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_both_forms_stand_up_front(lang: str) -> None:
    """The formulas of Y = XW and of Y = WX come before the first step, in the reference's order."""
    document = default(lang).document
    steps = next(
        n
        for n, block in enumerate(document.blocks)
        if isinstance(block, Heading)
        and isinstance(block.segments[0], Text)
        and re.match(r"Step 1|第 1|Step |第", block.segments[0].text)
    )
    front = Document(lang, (), tuple(b for b in document.blocks[:steps] if isinstance(b, Equation)))
    lines = [line.strip() for line in to_text(front).splitlines() if line.strip()]
    assert lines == [
        "∂L/∂Y = f′(Y)",
        "∂L/∂X = ∂L/∂Y·Wᵀ",
        "∂L/∂W = Xᵀ∂L/∂Y",
        "∂L/∂W = ∂L/∂Y·Xᵀ",
        "∂L/∂X = Wᵀ∂L/∂Y",
    ]


@pytest.mark.long
@settings(max_examples=10, deadline=None)
@given(program=st.sampled_from(PROGRAMS), sizes=st.tuples(*[st.integers(1, 3)] * 3))
def test_the_second_form_is_that_of_the_exchanged_program(
    program: str, sizes: tuple[int, int, int]
) -> None:
    """Exchanging names gives the problem that a user would write with the names exchanged."""
    named = dict(zip("NDM", sizes, strict=True))
    derivation = matderiv.derive(f"{program}; L = Loss(Y)", sizes=named)
    left, right = derivation.task.program.inputs()
    names = {left: right, right: left}
    written = re.sub(r"\b[XWQK]\b", lambda m: names[m[0]], program)
    other = matderiv.derive(f"{written}; L = Loss(Y)", sizes=named)
    made = exchanged(derivation.task)
    assert made is not None
    assert made.program == other.task.program
    assert made.shapes == other.task.shapes
    assert made.wrt == other.wrt


@pytest.mark.parametrize(
    "program", ["L = sum((X @ W - T)**2)", "L = Loss(X @ X)", "L = x @ A @ y", "L = sum(tanh(X))"]
)
def test_names_are_exchanged_in_one_product_only(program: str) -> None:
    """Where there is more than one product of two inputs, no book writes it another way."""
    assert exchanged(matderiv.derive(program).task) is None


@pytest.mark.long
def test_the_handout_changes_with_nothing_but_its_input() -> None:
    """The same wishes give the same bytes, and another title gives others."""
    assert matderiv.derive().handout(title="a").write("tex") == default(title="a").write("tex")
    assert default(title="a").write("tex") != default(title="b").write("tex")


def test_the_printed_command_makes_the_same_file_again(folder: Path) -> None:
    """Quoted as it is, the command in a handout writes that handout, byte for byte."""
    title = """50 % of "A_1" & <b>, it's $x$ \\ 矩阵 🚀"""
    assert run(
        "handout", "sum(tanh(Q @ K.T))", "--shape", "Q=1x3", "--shape", "K=2x3", "--wrt", "K",
        "--lang", "zh", "--show", "3", "--title", title, "--author", "A. & B.", "-o", "a b.md",
    ) == 0  # fmt: skip
    first = (folder / "a b.md").read_bytes()
    command = first.decode().split("```sh\n")[1].split("\n```")[0]
    (folder / "a b.md").unlink()
    assert run(*shlex.split(command.replace("\\\n", ""))[1:]) == 0
    assert (folder / "a b.md").read_bytes() == first


def test_shapes_that_do_not_follow_from_sizes_are_in_the_command() -> None:
    """A lower-case matrix is one because --shape says so; the command has to say it, too."""
    derivation = matderiv.derive("Y = x @ w; L = sum(f(Y))", shapes={"x": (2, 4), "w": (4, 3)})
    command = derivation.handout().command.text
    assert "--shape x=2x4 --shape w=4x3" in command.replace("\\\n    ", "")


@pytest.mark.parametrize(
    ("wishes", "message"),
    [
        ({"title": " \n "}, "The title is empty; give some words, or leave it out."),
        ({"title": "a\x07b"}, r"The title holds U\+0007, which is no letter; drop it."),
        ({"author": "\udcff"}, r"The author holds U\+DCFF, which is no letter; drop it."),
        ({"title": "x" * 301}, "The title has 301 letters; at most 300 fit."),
        ({"lang": "fr"}, "There is no language 'fr'"),
        ({"answers": "maybe"}, "answers is 'maybe'; there are: none, end, separate."),
        ({"answers": "separate"}, "Separate answers need exercises"),
        ({"exercises": -1}, "exercises is -1; it is a whole number from 0."),
        ({"show": 1}, "show is 1"),
    ],
)
def test_wishes_that_cannot_be_fulfilled(wishes: dict[str, object], message: str) -> None:
    """Each is refused in one sentence that names it."""
    with pytest.raises(InputError, match=message):
        default(**wishes)  # type: ignore[arg-type]


# -- tables ----------------------------------------------------------------------------------


def tables(document: Document) -> list[Table]:
    """The tables of a document."""
    return [block for block in document.blocks if isinstance(block, Table)]


def jacobian(program: str, wrt: str, **wishes: object) -> LocalJacobian:
    """The Jacobian of the first value of a program."""
    task = matderiv.derive(program, **wishes).task  # type: ignore[arg-type]
    return LocalJacobian(task, task.program.assignments[0].name, wrt)


@settings(max_examples=10, deadline=None)
@given(
    program=st.sampled_from(PROGRAMS),
    sizes=st.tuples(*[st.integers(1, 3)] * 3),
    first=st.booleans(),
    most=st.sampled_from([2, 100]),
)
def test_the_pattern_is_that_of_the_true_jacobian(
    program: str,
    sizes: tuple[int, int, int],
    first: bool,  # noqa: FBT001
    most: int,
) -> None:
    """An entry stands where SymPy's derivative of the written-out product is not zero."""
    named = dict(zip("NDM", sizes, strict=True))
    task = matderiv.derive(f"{program}; L = Loss(Y)", sizes=named).task
    name = task.program.inputs()[0 if first else 1]
    local = LocalJacobian(task, "Y", name)
    found = pattern(*local.shapes, most, local.at)
    places = itertools.product(found.rows, found.cols)
    shown = [(row, col) for row, col in places if not (row.left_out or col.left_out)]
    assert shown
    matrices = {
        n: sp.Matrix(*(d.size for d in task.shapes[n]), lambda i, j, n=n: sp.Symbol(f"{n}{i},{j}"))
        for n in task.program.inputs()
    }
    left, right = (
        matrices[factor[0]].T if factor.endswith(".T") else matrices[factor]
        for factor in program.removeprefix("Y = ").split(" @ ")
    )
    product = left * right
    for row, col in shown:
        (i, j), (p, q) = row.indices, col.indices
        true = product[i - 1, j - 1].diff(matrices[name][p - 1, q - 1])
        assert ((row, col) in found.entries) == (true != 0)


def test_a_large_pattern_shows_the_first_and_the_last_blocks() -> None:
    """Nothing of the size of the Jacobian is built, and what is left out is marked."""
    local = jacobian("Y = X @ W; L = sum(f(Y))", "X", sizes={"N": 64, "D": 4096, "M": 4096})
    found = pattern(*local.shapes, 16, local.at)
    assert not found.whole
    assert [(p.outer, p.inner) for p in found.rows[:5]] == [
        (1, 1), (1, 2), (1, None), (1, 4096), (2, 1),
    ]  # fmt: skip
    assert found.rows[-1].indices == (64, 4096)
    assert found.entries
    assert all(row.outer == col.outer for row, col in found.entries)


@pytest.mark.parametrize(
    "sizes", [(2, 4, 3), (1, 1, 1), (64, 4096, 4096), (100, 5000, 5000), (4096, 64, 4096)]
)
def test_memory_grows_from_the_chosen_size_to_a_layer(sizes: tuple[int, int, int]) -> None:
    """The own sizes are an end of the table, each row is counted for itself, and work only grows."""
    named = dict(zip("NDM", sizes, strict=True))
    local = jacobian("Y = X @ W; L = sum(f(Y))", "X", sizes=named)
    points = local.growth("float32")
    assert len(points) > 1
    assert sizes in (points[0][0], points[-1][0])
    if max(sizes) < 4096:
        assert points[-1][0] == (64, 4096, 4096)
        assert points[-1][1].memory == 4 * 64 * 4096 * 64 * 4096
    work = [s[0] * s[1] * s[2] for s, _ in points]
    assert work == sorted(set(work))


#: Programs with the shapes of their inputs, and how many tables their handouts have.
WHOLE: dict[str, tuple[str, dict[str, tuple[int, ...]], int]] = {
    "ridge": ("L = sum((X @ W - T)**2) + lam*sum(W**2)", {}, 3),
    "large": ("H = tanh(X @ W + b); L = Loss(H)", {"X": (12, 3), "W": (3, 11)}, 3),
    "bias": ("H = f(X + b); L = Loss(H)", {"X": (64, 4096)}, 3),
    "softmax": ("P = softmax(S, axis=1); L = Loss(P)", {"S": (3, 4)}, 2),
    "vectors": ("L = y @ inv(K) @ y", {"y": (3,)}, 2),
    "fixed": ("Y = eye(2) @ X @ eye(2); L = Loss(Y)", {}, 1),
    "numbers": ("L = (x @ y - lam)**2", {}, 0),
}


@functools.cache
def whole(name: str, lang: str = "en") -> Document:
    """The handout of a whole program."""
    program, shapes, _ = WHOLE[name]
    return matderiv.derive(program, shapes=shapes).handout(lang=lang, length="full").document


@pytest.mark.parametrize("name", WHOLE)
def test_tables_fit_the_page(name: str) -> None:
    """As many as there should be, all lines equally long, none wider than a page of LaTeX."""
    found = tables(whole(name))
    assert len(found) == WHOLE[name][2]
    for table in found:
        lines = (table.head, *table.rows)
        assert len({len(line) for line in lines}) == 1
        widths = [max(map(width, column)) for column in zip(*lines, strict=True)]
        assert sum(widths) + 0.7 * len(widths) <= 34.5


def width(cell: Segments) -> float:
    """About the width of a cell, in em."""
    return sum(s.box.width if isinstance(s, Math) else 0.5 * len(s.text) for s in cell)


def captions(document: Document) -> list[str]:
    """What stands below the tables of a document."""
    return [words_of(table.caption) for table in tables(document)]


def test_captions_say_which_jacobian_is_shown() -> None:
    """The value by its definition, why this one, how many entries, and what is left out."""
    first, second, _ = captions(whole("ridge"))
    assert first == (
        "Where the Jacobian ∂Z/∂X can be other than zero: at most 24 of its 48 entries. "
        "They form the blocks of I_N ⊗ Wᵀ. Z = XW is the first array that is computed from X. "
        "A dot stands for zero."
    )
    assert "∂Z/∂W" in second
    assert "at most 24 of its 72 entries. They form the blocks of X ⊗ I_M." in second
    assert "blocks" not in captions(whole("softmax"))[0]
    assert captions(whole("softmax"))[0].startswith(
        "Where the Jacobian ∂P/∂S can be other than zero: at most 48 of its 144 entries."
    )
    elided = captions(whole("large"))[0]
    assert elided.endswith("Dots stand for rows and columns that are left out.")
    assert "Dots" not in first


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_no_zeros_are_spoken_of_where_there_are_none(lang: str) -> None:
    """At 1×1×1 the Jacobian is one entry, and with one row of Y it is one block."""
    one = derived(1, 1, 1).handout(lang=lang).document
    row = derived(1, 2, 3, "X").handout(lang=lang).document
    word = {"en": "zero", "zh": "零"}[lang]
    for document in (one, row):
        after = next(n for n, b in enumerate(document.blocks) if _is_heading(b, "appendix", lang))
        appendix = replace(document, blocks=document.blocks[after:])
        assert len(tables(appendix)) >= 2
        told = to_text(appendix).replace(f"other than {word}", "").replace(f"不为{word}", "")
        assert word not in told
    several = to_text(default(lang).document)
    assert word in several


def _is_heading(block: object, key: str, lang: str) -> bool:
    return (
        isinstance(block, Heading) and words_of(block.segments) == messages(lang)[f"handout.{key}"]
    )


def test_a_pattern_holds_the_entries_or_crosses() -> None:
    """∂y_11/∂x_12 = w_21 stands in its cell; where there is no room for all, crosses stand."""
    spelled, diagonal, _ = tables(default().document)
    assert words_of(spelled.rows[0][2]) == "w_21"
    assert words_of(diagonal.rows[0][1]) == "x_11"
    assert sum(words_of(cell) == "·" for row in spelled.rows for cell in row) == 24
    crossed = tables(whole("softmax"))[0]
    assert sum(words_of(cell) == "×" for row in crossed.rows for cell in row) == 48
    assert "× stands for an entry." in words_of(crossed.caption)


# -- exercises -------------------------------------------------------------------------------


def paragraph(text: str) -> tuple[Paragraph]:
    """One block."""
    return (Paragraph((Text(text),)),)


EXERCISES = [
    Exercise(paragraph("Why?"), paragraph("So.")),
    Exercise(paragraph("How?"), paragraph("Thus.")),
]


def test_answers_stand_where_they_are_wanted() -> None:
    """At the end after all questions, nowhere, or in a document of their own with its command."""
    made = default(title="T")
    end = to_text(with_exercises(made.document, EXERCISES, 2, "end"))
    assert [end.index(w) for w in ("Why?", "How?", "So.", "Thus.")] == sorted(
        end.index(w) for w in ("Why?", "How?", "So.", "Thus.")
    )
    none = to_text(with_exercises(made.document, EXERCISES, 2, "none"))
    assert "How?" in none
    assert "So." not in none
    separate = to_text(answer_sheet(made.document, EXERCISES, paragraph("Made.")))
    assert separate.startswith("Answers: T\n")
    assert "Why?" not in separate
    assert "Thus." in separate
    assert separate.rstrip().endswith("Made.")


@pytest.mark.long
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_sheet_with_answers_apart_does_not_tell_how_to_make_them(lang: str, folder: Path) -> None:
    """Its own command makes the derivation again; the answers tell the one that makes both."""
    wishes = ["--lang", lang, "--exercises", "1", "--seed", "710352", "--answers", "separate"]
    assert run("handout", *wishes, "-o", "a.md") == 0
    told = {
        path.name: path.read_text(encoding="utf-8").split("```sh\n")[-1].split("\n```")[0]
        for path in folder.iterdir()
    }
    assert "710352" not in (folder / "a.md").read_text(encoding="utf-8")
    assert "--exercises 1 --seed 710352 --answers separate" in " ".join(
        told["a-answers.md"].replace("\\\n", "").split()
    )
    first = {path.name: path.read_bytes() for path in folder.iterdir()}
    sheet = first["a.md"].decode()
    assert run(*shlex.split(told["a.md"].replace("\\\n", ""))[1:]) == 0
    alone = (folder / "a.md").read_text(encoding="utf-8")
    assert alone.split("```sh\n")[1] == sheet.split("```sh\n")[1].split("```\n")[0] + "```\n"
    assert run(*shlex.split(told["a-answers.md"].replace("\\\n", ""))[1:]) == 0
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == first


@pytest.mark.long
def test_the_same_seed_draws_the_same_exercises(folder: Path) -> None:
    """Separate answers go to a file beside the sheet, and both come out the same again."""
    wishes = ["handout", "--exercises", "3", "--seed", "7", "--answers", "separate", "-o", "a.md"]
    assert run(*wishes) == 0
    first = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert set(first) == {"a.md", "a-answers.md"}
    assert b"Exercise 3" in first["a.md"]
    assert b"Answer 3" not in first["a.md"]
    assert b"Answer 3" in first["a-answers.md"]
    assert run(*wishes) == 0
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == first
    wishes[4] = "8"
    assert run(*wishes) == 0
    assert (folder / "a.md").read_bytes() != first["a.md"]


# -- files -----------------------------------------------------------------------------------


def test_an_unknown_format_is_refused() -> None:
    """With the ones that there are, each of which has a module that writes it."""
    for row in FORMATS.values():
        assert callable(getattr(importlib.import_module(row.module), row.function))
    with pytest.raises(InputError, match=r"no format 'docx'; there are: md, tex, .*latex, "):
        write(default().document, "docx")


def test_save_writes_by_suffix(tmp_path: Path) -> None:
    """The suffix says what is written, in any case, and the file says how it was made."""
    paths = default().save(tmp_path / "Sheet.TEX")
    assert paths == (tmp_path / "Sheet.TEX",)
    source = paths[0].read_text(encoding="utf-8")
    assert source.startswith(r"\documentclass[a4paper]{article}")
    assert "Sheet.TEX" in source
    assert str(tmp_path) not in source
    with pytest.raises(InputError, match=r"The suffix of 'a.docx' is none of .md, .tex"):
        default().save(tmp_path / "a.docx")
    assert os.listdir(tmp_path) == ["Sheet.TEX"]  # noqa: PTH208


def test_several_files_at_once(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Every -o is written by its suffix, nothing is printed, and a fragment has no preamble."""
    assert run("handout", "-o", "a.md", "-o", "b.tex") == 0
    assert capfd.readouterr() == ("", "")
    assert (folder / "a.md").read_text(encoding="utf-8").startswith("# Gradients")
    assert r"\begin{document}" in (folder / "b.tex").read_text(encoding="utf-8")
    assert run("handout", "--fragment", "-o", "c.tex") == 0
    piece = (folder / "c.tex").read_text(encoding="utf-8")
    assert r"\begin{document}" not in piece
    assert piece.startswith("% Needs \\usepackage{amsmath}.\n")
    assert r"\texttt" not in piece or "fragment" in piece


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["-o", "a.md", "-o", "b.docx"], "The suffix of 'b.docx' is none of .md, .tex"),
        (["-o", "a.md", "-o", "no/b.md"], "'no/b.md' cannot be written: the folder 'no' does not"),
        (["-o", "a.md", "-o", "a.md"], "'a.md' would be written twice; rename one -o."),
        (["-o", "a.md", "--lang", "fr"], "There is no language 'fr'; there are: en, zh."),
        (["-o", "a.md", "--title", ""], "The title is empty"),
        (["-o", "a.md", "--answers", "separate"], "Separate answers need exercises"),
        (["-o", "a.md", "--exercises", "101"], "101 exercises are asked for"),
        (["-o", "a.md", "--exercises", "x"], "'x' is not a whole number"),
        (["-o", "a.md", "--show", "1"], "show is 1"),
        (
            ["-o", "a.md", "-o", "a-answers.md", "--exercises", "1", "--answers", "separate"],
            "'a-answers.md' would be written twice; rename one -o.",
        ),
        (["-o", "a.md", "--fragment"], "--fragment is about .tex files, and none is asked for."),
        ([], "Missing option '-o'"),
    ],
)
def test_a_mistake_writes_nothing(
    folder: Path, capfd: pytest.CaptureFixture[str], args: list[str], message: str
) -> None:
    """One line on stderr, exit code 2, and no file, not even those that could be written."""
    assert run("handout", *args) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert err.startswith("matderiv: ")
    assert message in err
    assert err.count("\n") == 1
    assert list(folder.iterdir()) == []


def test_a_full_disk_leaves_the_old_files(
    folder: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the second file cannot be made, the first keeps its old content, and no scraps stay."""
    (folder / "a.md").write_text("old", encoding="utf-8")
    (folder / "b.tex").write_text("old", encoding="utf-8")
    real, calls = os.fdopen, []

    def full(handle: int, mode: str) -> object:
        calls.append(handle)
        if len(calls) == 2:
            os.close(handle)
            raise OSError(28, "No space left on device")
        return real(handle, mode)

    monkeypatch.setattr(os, "fdopen", full)
    assert run("handout", "-o", "a.md", "-o", "b.tex") == 2
    assert capfd.readouterr().err == (
        "matderiv: 'b.tex' cannot be written: No space left on device. "
        "Choose another place with -o.\n"
    )
    assert {p.name: p.read_text(encoding="utf-8") for p in folder.iterdir()} == {
        "a.md": "old",
        "b.tex": "old",
    }


# -- Markdown --------------------------------------------------------------------------------


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_markdown_renders_everywhere(lang: str) -> None:
    r"""Formulas stand in $$ blocks of their own lines, and every \\ at the end of its line."""
    for sizes in ((), (12, 3, 11)):
        text = derived(*sizes).handout(lang=lang).write("md")
        assert isinstance(text, str)
        lines = text.split("\n")
        fences = [n for n, line in enumerate(lines) if line == "$$"]
        assert fences
        assert len(fences) % 2 == 0
        assert not any("$$" in line for line in lines if line != "$$")
        code = False
        for line in lines:
            code ^= line.startswith("```")
            if not code and r"\\" in line:
                assert re.search(r"\\\\(\[-?[0-9]+pt\])?$", line)


@pytest.mark.parametrize(
    "words", ["1. Ada", "12) Ada", "- Ada", "+ Ada", "===", "---", "-", "# Ada", "> Ada", "*** Ada"]
)
def test_markdown_shows_an_author_as_typed(words: str) -> None:
    """Words that start a line are no list, rule, quotation or heading, whatever they start with."""
    page = default(author=words).write("md")
    assert isinstance(page, str)
    tokens = MarkdownIt().parse(page)
    assert [token.type for token in tokens[3:6]] == ["paragraph_open", "inline", "paragraph_close"]
    shown = "".join(part.content for part in tokens[4].children or ())
    assert shown == words


@pytest.mark.parametrize("form", ["md", "tex", "html", "ipynb"])
def test_characters_that_turn_words_around_are_shown(form: str) -> None:
    """A name looks as it is written: what would turn its letters around stands there by number."""
    page = default(title="Gradients\u202e", author="Ada\u2067").write(form)
    assert isinstance(page, str)
    assert not BIDIRECTIONAL & set(page)
    assert "U+202E" in page
    assert "U+2067" in page


def test_markdown_shows_a_title_as_typed() -> None:
    """Nothing in a title is markup."""
    title = default(title="a_b_ *c* $x$ <script> # `d` | & ~~e~~ 矩阵 🚀").write("md")
    assert isinstance(title, str)
    assert title.splitlines()[0] == (
        r"# a\_b\_ \*c\* <span>&#36;</span>x<span>&#36;</span> \<script\> \# \`d\` \| \& "
        r"\~\~e\~\~ 矩阵 🚀"
    )
