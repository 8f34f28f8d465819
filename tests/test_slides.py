"""Slides of a handout, by TeX and by Typst; those in HTML are tested with the page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from _derived import derived
from _pages import facts, words
from _tex import complaints, find_tool, run_tex

from matderiv.handout.document import Block, Document, Heading, Paragraph, Text
from matderiv.handout.slides import slides
from matderiv.handouts import Handout

PROGRAMS = {
    "linear": ("Y = X @ W; L = sum(f(Y))", (2, 4, 3)),
    "wide": ("Y = X @ W; L = sum(f(Y))", (5, 2, 6)),
    "column": ("Y = X @ W; L = sum(f(Y))", (3, 1, 1)),
    "ridge": ("L = sum((X @ W - T)**2) + lam*sum(W**2)", (2, 3, 2)),
    "softmax": ("P = softmax(X @ W, axis=1); L = -sum(T*log(P))", (2, 3, 2)),
}


def talk(name: str, lang: str, exercises: int = 2) -> Handout:
    """A handout with exercises and their answers."""
    program, size = PROGRAMS[name]
    return derived(program, size).handout(lang=lang, exercises=exercises, seed=3)


def test_a_slide_for_each_heading_that_something_stands_under() -> None:
    """Every block stands on one slide, in order; a heading with nothing under it has none."""
    blocks = [Paragraph((Text(str(n)),)) for n in range(4)]
    heads = [Heading(2, (Text("a"),)), Heading(3, (Text("b"),)), Heading(3, (Text("c"),))]
    title = (Text("t"),)
    document = Document("en", title, (blocks[0], heads[0], heads[1], *blocks[1:3], heads[2]))
    assert [(slide.heading.segments, slide.blocks) for slide in slides(document)] == [
        (title, (blocks[0],)),
        (heads[1].segments, tuple(blocks[1:3])),
    ]


@pytest.mark.parametrize("name", PROGRAMS)
def test_slides_hold_what_the_page_holds(name: str) -> None:
    """No block is lost but what is aside, and only answers are kept for the speaker."""
    document = talk(name, "en").document
    found = list(slides(document))
    blocks = [block for slide in found for block in slide.blocks]
    kept, aside = list[Block](), False
    for block in document.blocks:
        if isinstance(block, Heading):
            aside = block.aside
        elif not aside:
            kept.append(block)
    assert blocks == kept
    heads = [block for block in document.blocks if isinstance(block, Heading) and block.aside]
    assert not any(head.answer for head in heads)
    assert sum(slide.heading.answer for slide in found) == 4  # hints too
    assert all(slide.heading.answer for slide in found[-2:])


@pytest.mark.parts
@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_tex_sets_slides_without_a_complaint(name: str, lang: str, tmp_path: Path) -> None:
    """Nothing sticks out of a slide; the answers come where the speaker asks for them."""
    xelatex = find_tool("xelatex")
    source = str(talk(name, lang).write("slides.tex"))
    counts = []
    for text in (source, source.replace(r"\newif\ifanswers", r"\newif\ifanswers\answerstrue")):
        assert complaints(run_tex(xelatex, tmp_path, text)) == []
        counts.append(int(facts(tmp_path / "main.pdf")["Pages"]))
    assert counts[0] < counts[1]


@pytest.mark.long
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_slides_as_pdf(lang: str, tmp_path: Path) -> None:
    """Wide pages with titles, questions and no answers; about one for each idea."""
    path = tmp_path / "talk.slides.pdf"
    talk("linear", lang).save(path)
    told = facts(path)
    wide, high = map(float, re.findall(r"[\d.]+", told["Page    1 size"])[:2])
    assert wide > 1.7 * high
    assert 18 <= int(told["Pages"]) <= 24
    text = words(path).replace(" ", "")
    question, answer = ("Exercise2", "Answer2") if lang == "en" else ("练习2", "练习2解答")
    assert question in text
    assert answer not in text
