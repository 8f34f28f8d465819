"""Every format of a handout: what was typed comes out as typed, and the same file each time."""

from __future__ import annotations

import functools
import hashlib
import itertools
import json
import os
import shutil
import subprocess
import sys
import unicodedata
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest
from _derived import SIZES, derived
from _pages import facts, words
from markdown_it import MarkdownIt
from markdown_it.token import Token

from matderiv.handout.formats import FILES, FORMATS
from matderiv.handouts import Handout

LANGUAGES = ["en", "zh"]

TITLE = r"""50% of a_b & <script>alert("x")</script> $y$ $$z$$ \ \\ #1 {d} ^~ `c` *e* [f](g) | 矩阵 😀"""
AUTHOR = r"O’Neil & <b>Søn</b> #set \input{x} ${1}$ _李_ 100%"


@functools.cache
def handout(size: tuple[int, int, int], lang: str) -> Handout:
    """The handout with exercises, once for all formats."""
    return derived(size=size).handout(lang=lang, exercises=6, seed=3)


@functools.cache
def typed(lang: str) -> Handout:
    """A handout whose title and author would be markup or code, if they were not escaped."""
    return derived().handout(lang=lang, title=TITLE, author=AUTHOR)


def same(words: str) -> str:
    """Text as far as it can be read back from a page: without white space, ligatures apart."""
    return "".join(unicodedata.normalize("NFKC", words).split())


# -- reading files back ----------------------------------------------------------------------


def inline_text(token: Token) -> str:
    """What a reader sees of a paragraph of Markdown."""
    shown = [c for c in token.children or () if c.content not in ("<span>", "</span>")]
    assert all(child.type in ("text", "text_special") for child in shown)
    return "".join(child.content for child in shown)


def read_markdown(text: str, _: Path) -> list[str]:
    """The first heading and the paragraph after it, by the rules of CommonMark."""
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    inlines = (token for token in tokens if token.type == "inline")
    return [inline_text(token) for token in itertools.islice(inlines, 2)]


def read_notebook(text: str, path: Path) -> list[str]:
    """As above, from the cells of Markdown."""
    cells = json.loads(text)["cells"]
    sources = ("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")
    return read_markdown("\n\n".join(sources), path)


def read_tex(text: str, path: Path) -> list[str]:
    """The pages that XeTeX makes."""
    xelatex = shutil.which("xelatex")
    if xelatex is None:
        if os.environ.get("MATDERIV_REQUIRE_TOOLS") == "1":
            pytest.fail("xelatex is not installed")
        pytest.skip("xelatex is not installed")
    path.write_text(text, encoding="utf-8")
    subprocess.run(
        [xelatex, "-interaction=nonstopmode", "-no-shell-escape", path.name],
        cwd=path.parent,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        timeout=300,
        check=True,
    )
    assert "Missing character" not in path.with_suffix(".log").read_text(errors="replace")
    return [words(path.with_suffix(".pdf"), 1)]


def read_pdf(content: bytes, path: Path) -> list[str]:
    """The first page, and what the file says about itself."""
    path.write_bytes(content)
    told = facts(path)
    return [words(path, 1), told["Title"], told["Author"]]


class _Seen(HTMLParser):
    """The text of a page by element, scripts and styles apart."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text: dict[str, str] = {}

    def handle_starttag(self, tag: str, *_: object) -> None:
        if tag not in ("meta", "link", "br", "img", "input", "hr"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        for tag in set(self.open):
            self.text[tag] = self.text.get(tag, "") + data


def read_html(text: str, _: Path) -> list[str]:
    """The title of the window, the first heading, and the text beneath it."""
    seen = _Seen()
    seen.feed(text)
    assert "alert(" not in seen.text.get("script", "")
    assert "b" not in seen.text
    return [seen.text["title"], seen.text["h1"], seen.text["body"]]


#: How a file of each suffix is read back.
READERS: dict[str, Callable[..., list[str]]] = {
    "md": read_markdown,
    "tex": read_tex,
    "html": read_html,
    "ipynb": read_notebook,
    "pdf": read_pdf,
    "slides.html": read_html,
    "slides.tex": read_tex,
    "slides.pdf": read_pdf,
}


def test_every_format_is_read_back() -> None:
    """A new format cannot be forgotten here; a quiz needs exercises, see its own tests."""
    assert set(FILES) == {*READERS, "moodle.xml"}


@pytest.mark.long
@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("form", READERS)
def test_typed_words_come_out_as_typed(form: str, lang: str, tmp_path: Path) -> None:
    """Title and author read as they were typed, whatever signs, letters or pictures they hold."""
    found = READERS[form](typed(lang).write(form), tmp_path / f"handout.{form}")
    joined = same("\n".join(found))
    assert same(TITLE) in joined
    assert same(AUTHOR) in joined


# -- the same file each time -----------------------------------------------------------------


def digests() -> list[str]:
    """What tells a handout in every format and language from any other."""
    found = []
    for lang in LANGUAGES:
        wishes = {"exercises": 2 if lang == "en" else 1, "seed": 1}
        made = derived().handout(lang=lang, author="A", **wishes)
        for form in FORMATS:
            content = made.write(form)
            whole = content.encode() if isinstance(content, str) else content
            found.append(f"{lang} {form} {hashlib.sha256(whole).hexdigest()}")
    return found


@pytest.mark.parts
def test_same_input_same_bytes() -> None:
    """Two processes with different hashes make the same file in every format and language."""
    seed = "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"
    other = subprocess.run(
        [sys.executable, "-c", f"import {__name__} as here; print(*here.digests(), sep='\\n')"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parent,
        env=os.environ | {"PYTHONHASHSEED": seed},
        timeout=300,
        check=True,
    )
    found = digests()
    assert found == other.stdout.splitlines()
    assert len(found) == len(FORMATS) * len(LANGUAGES)


# -- every size ------------------------------------------------------------------------------


#: The usual size in both languages, each other one in one of them.
HANDOUTS = [((2, 4, 3), "en"), *zip(SIZES, itertools.cycle(["zh", "en"]), strict=False)]


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize(("size", "lang"), HANDOUTS, ids=str)
def test_every_format_at_every_size(size: tuple[int, int, int], lang: str, form: str) -> None:
    """Every format is made at each size and in each language, and holds more than a page's text."""
    content = handout(size, lang).write(form)
    assert len(content) > 3_000
    if isinstance(content, str):
        assert content.endswith("\n")
        assert ("矩阵" in content) == (lang == "zh")


@pytest.mark.long
def test_formats_of_one_handout_leave_it_as_it_was() -> None:
    """Writing is reading: a format makes the same file before and after all others."""
    one = handout((2, 4, 3), "en")
    before = [one.write(form) for form in FORMATS]
    assert [one.write(form) for form in reversed(FORMATS)] == before[::-1]
