"""The page holds every equation of the worked example that it grew from, and nothing near them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
from _equations import Link, displays, inlines, links, links_of, normal, tokens

import matderiv

REFERENCE = Path(__file__).parent / "golden" / "reference.tex"

#: The equalities of each formula, counted by eye in the worked example and not by the extractor.
COUNTED = {
    "statement": [1, 1, 1, 3],
    "variant": [1, 1, 1],
    "steps": [1, 1, 3, 2, 1, 1, 3, 2, 2, 2, 1, 2, 2, 2, 4, 1, 3],
}
PARTS = tuple(COUNTED)

PAGES = [(lang, markdown) for lang in ("en", "zh") for markdown in (False, True)]
PAGE_NAMES = [f"{lang}-{'markdown' if markdown else 'latex'}" for lang, markdown in PAGES]


@cache
def reference() -> dict[str, tuple[str, list[str]]]:
    """The parts of the reference: a program and the formulas that belong to it."""
    _, *parts = re.split(r"^%% ", REFERENCE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    found = {}
    for part in parts:
        heading, formulas = part.split("\n", 1)
        name, program = heading.split(": ", 1)
        found[name] = (program, displays(formulas))
    return found


@cache
def derivation(program: str) -> matderiv.Derivation:
    """The derivation of a program, made once."""
    return matderiv.derive(program)


@cache
def page(program: str, lang: str = "en", *, markdown: bool = False) -> str:
    """What a user gets, in one of the formats."""
    derived = derivation(program)
    return derived.markdown(lang) if markdown else derived.latex(lang)


@cache
def ours(program: str, lang: str = "en", *, markdown: bool = False) -> frozenset[Link]:
    """Every link of a page, in its displays and in its lines."""
    text = page(program, lang, markdown=markdown)
    formulas = displays(text, markdown=markdown) + inlines(text, markdown=markdown)
    return frozenset(links_of(formulas))


# -- the reference ---------------------------------------------------------------------------


@pytest.mark.parametrize("part", PARTS)
def test_no_link_of_the_reference_is_lost(part: str) -> None:
    """As many links are extracted from each formula as were counted by hand."""
    assert set(reference()) == set(COUNTED)
    assert [len(links(formula)) for formula in reference()[part][1]] == COUNTED[part]


def test_the_reference_holds_formulas_only() -> None:
    """No prose of the worked example and not its stray asterisk stand in the reference."""
    text = REFERENCE.read_text(encoding="utf-8")
    assert text.isascii()
    bare = re.sub(r"^%.*\n", "", text, flags=re.MULTILINE)
    assert "*" not in bare
    assert not re.sub(r"\\\[\n.*?\n\\\]", "", bare, flags=re.DOTALL).strip()


# -- the page --------------------------------------------------------------------------------


@pytest.mark.parametrize(("lang", "markdown"), PAGES, ids=PAGE_NAMES)
@pytest.mark.parametrize("part", PARTS)
def test_every_link_of_the_reference_is_on_the_page(
    part: str, lang: str, *, markdown: bool
) -> None:
    """A reader who knows the worked example finds all of it, in each language and format."""
    program, formulas = reference()[part]
    found = ours(program, lang, markdown=markdown)
    missing = [link for link in links_of(formulas) if link not in found]
    assert missing == []


@pytest.mark.parametrize(("lang", "markdown"), PAGES, ids=PAGE_NAMES)
def test_the_page_keeps_the_order_of_the_reference(lang: str, *, markdown: bool) -> None:
    """Links of the worked example first appear on the page in the order they have there."""
    program, formulas = reference()["steps"]
    shown = links_of(displays(page(program, lang, markdown=markdown), markdown=markdown))
    places = [shown.index(link) for link in dict.fromkeys(links_of(formulas)) if link in shown]
    # The sizes, three links, stand in the text and not in a display; two links are repeated.
    assert len(places) == sum(COUNTED["steps"]) - 3 - 2 - 1
    assert places == sorted(places)


@pytest.mark.parametrize(("lang", "markdown"), PAGES, ids=PAGE_NAMES)
def test_every_equality_of_the_page_is_extracted(lang: str, *, markdown: bool) -> None:
    """The displays hold exactly the equalities that the derivation says it proved."""
    program = reference()["steps"][0]
    text = page(program, lang, markdown=markdown)
    found = links_of(displays(text, markdown=markdown))
    assert len(found) == derivation(program).proof.equalities


# -- the lookup refuses what is nearly the reference -----------------------------------------

#: What makes of a formula all formulas that have one slip of a kind.
Mutation = Callable[[str], Iterator[str]]

_MATRIX = re.compile(r"\\begin\{matrix\}(.*?)\\end\{matrix\}", re.DOTALL)
_FACTOR = (
    r"(?:\\left\(\\begin\{matrix\}(?:(?!\\right).)*\\right\)"
    r"|\\dfrac\{[^{}]*(?:\{[^{}]*\}[^{}]*)*\}\{[^{}]*(?:\{[^{}]*\}[^{}]*)*\}"
    r"|[a-z]_\{\w+\}|[A-Z](?:\^T)?)"
)
_PRODUCT = re.compile(rf"({_FACTOR})(\s*(?:\\cdot)?\s*)({_FACTOR})", re.DOTALL)
_OTHERS = {
    "1": "2",
    "i": "j",
    "j": "i",
    "X": "W",
    "W": "X",
    "L": "Y",
    "Y": "L",
    "N": "M",
    "D": "N",
    "M": "D",
}


def other_index(formula: str) -> Iterator[str]:
    """One index of one symbol differs."""
    for script in re.finditer(r"_\{(\w+)\}", formula):
        for at in range(*script.span(1)):
            yield formula[:at] + _OTHERS.get(formula[at], "1") + formula[at + 1 :]


def exchanged_indices(formula: str) -> Iterator[str]:
    """Row and column of one symbol are exchanged."""
    for script in re.finditer(r"_\{(\w)(?!\1)(\w)\}", formula):
        yield formula[: script.start()] + f"_{{{script[2]}{script[1]}}}" + formula[script.end() :]


def other_letter(formula: str) -> Iterator[str]:
    """Another matrix or size is named."""
    for letter in re.finditer(r"(?<!\^)[XWLYNDM]", formula):
        at = letter.start()
        yield formula[:at] + _OTHERS[letter[0]] + formula[at + 1 :]


def other_number(formula: str) -> Iterator[str]:
    """A size or a derivative has another value."""
    for number in re.finditer(r"(?<==)\d", formula):
        yield formula[: number.start()] + str(int(number[0]) + 1) + formula[number.end() :]


def lost_transpose(formula: str) -> Iterator[str]:
    """A factor is not transposed, or the other one is."""
    for transpose in re.finditer(r"\^T", formula):
        yield formula[: transpose.start()] + formula[transpose.end() :]
    for matrix in re.finditer(r"(?<=[=}XW])[XW](?!\^|[_}])", formula):
        yield formula[: matrix.end()] + "^T" + formula[matrix.end() :]


def exchanged_factors(formula: str) -> Iterator[str]:
    """The two factors of a product are exchanged."""
    for product in _PRODUCT.finditer(formula):
        left, between, right = product.groups()
        yield formula[: product.start()] + right + between + left + formula[product.end() :]


def other_sign(formula: str) -> Iterator[str]:
    """A term is subtracted, or the dot of a product is another one."""
    for sign in re.finditer(r"\+|\\cdot", formula):
        new = "-" if sign[0] == "+" else "*"
        yield formula[: sign.start()] + new + formula[sign.end() :]


def dropped_term(formula: str) -> Iterator[str]:
    """A sum lacks one of its terms: the one after a plus, or the one before it."""
    pieces = tokens(formula)
    for at, piece in enumerate(pieces):
        if piece == "+":
            yield " ".join(pieces[:at] + pieces[term_end(pieces, at + 1) :])
            yield " ".join(pieces[: term_start(pieces, at - 1)] + pieces[at + 1 :])


def term_end(pieces: list[str], at: int) -> int:
    """Where the term that begins at `at` is over; the mark of a line break may begin it."""
    while re.match(r"\\\\|&", pieces[at]):
        at += 1
    depth = 0
    while at < len(pieces):
        depth += pieces[at] in ("(", "{")
        depth -= pieces[at] in (")", "}")
        if depth < 0 or (depth == 0 and re.match(r"[+&=]|\\\\|\\end|\\to", pieces[at])):
            break
        at += 1
    return at


def term_start(pieces: list[str], at: int) -> int:
    """Where the term that is over at `at` begins."""
    depth = 0
    while at >= 0:
        depth += pieces[at] in (")", "}")
        depth -= pieces[at] in ("(", "{")
        if depth < 0 or (depth == 0 and re.match(r"[+&=]|\\\\|\\begin|\\to", pieces[at])):
            break
        at -= 1
    return at + 1


def other_matrix(formula: str) -> Iterator[str]:
    """A matrix is transposed, or rows, columns or cells are lost, moved or run together."""
    for matrix in _MATRIX.finditer(formula):
        body = re.sub(r"\\to\s*\\\\\s*\\to", "&", matrix[1])
        rows = [row.split("&") for row in body.split(r"\\")]
        for new in other_rows(rows):
            text = r"\\".join("&".join(row) for row in new)
            yield formula[: matrix.start(1)] + text + formula[matrix.end(1) :]


def other_rows(rows: list[list[str]]) -> Iterator[list[list[str]]]:
    """Rows of cells that differ from the given ones in one respect."""
    yield [list(column) for column in zip(*rows, strict=True)]
    yield [[cell for row in rows for cell in row]]
    yield rows[::-1]
    yield [row[::-1] for row in rows]
    for r in range(len(rows)):
        yield rows[:r] + rows[r + 1 :]
    for c in range(len(rows[0])):
        yield [row[:c] + row[c + 1 :] for row in rows]
    for r, row in enumerate(rows):
        for c, cell in enumerate(row):
            yield [*rows[:r], row[:c] + row[c + 1 :], *rows[r + 1 :]]
            if c:
                moved = [*row[: c - 1], cell, row[c - 1], *row[c + 1 :]]
                yield [*rows[:r], moved, *rows[r + 1 :]]
                joined = [*row[: c - 1], row[c - 1] + cell, *row[c + 1 :]]
                yield [*rows[:r], joined, *rows[r + 1 :]]


def lost_arrow(formula: str) -> Iterator[str]:
    """A row that is broken in two lacks one of its two arrows."""
    for arrow in re.finditer(r"\\to\b", formula):
        yield formula[: arrow.start()] + formula[arrow.end() :]


def survives(mutant: str, found: frozenset[Link]) -> bool:
    """Whether a mutant is read, has links, and has none that the page lacks."""
    try:
        changed = links(mutant)
    except ValueError:
        return False
    return bool(changed) and found.issuperset(changed)


# How many formulas of the 24 each of the mutations finds something to alter in, counted by eye
# like the links: a mutation whose pattern no longer fits would otherwise pass by doing nothing.
MUTATIONS: list[tuple[Mutation, int]] = [
    (other_index, 15),
    (exchanged_indices, 14),
    (other_letter, 24),
    (other_number, 4),
    (lost_transpose, 9),
    (exchanged_factors, 15),
    (other_sign, 11),
    (dropped_term, 9),
    (other_matrix, 5),
    (lost_arrow, 1),
]


@pytest.mark.parametrize(("mutation", "fitting"), MUTATIONS, ids=[m.__name__ for m, _ in MUTATIONS])
def test_no_mutant_of_the_reference_is_on_the_page(mutation: Mutation, fitting: int) -> None:
    """One slip in any formula of the reference is enough for the lookup to fail."""
    fits = 0
    for program, formulas in reference().values():
        found = ours(program)
        for formula in formulas:
            mutants = list(mutation(formula))
            fits += bool(mutants)
            assert [m for m in mutants if m == formula or survives(m, found)] == []
    assert fits == fitting


# -- the extractor ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (r"\left(\begin{matrix} a & b \end{matrix}\right)", r"\begin{pmatrix}a&b\end{pmatrix}"),
        (r"\begin{matrix} a \\ b \\ \end{matrix}", r"\begin{matrix} a \\[10pt] b \end{matrix}"),
        (
            r"\begin{matrix} a & b \to \\ \to c \\ d & e & f \end{matrix}",
            r"\begin{matrix} a & b & c \\ d & e & f \end{matrix}",
        ),
        (r"\dfrac{\partial{f(y)}}{\partial x}", r"\frac{\partial f(y)}{\partial x}"),
        ("W^T x_1", "W^{T}x_{1}"),
        (r"\begin{aligned}[t] & a + \\ & b \\ & {} + c \\[-8pt] & {} \end{aligned}", "a+b+c"),
        (r"\begin{aligned} \\ \begin{aligned} a = & b \end{aligned} \end{aligned}", "a=b"),
        (r"\begin{aligned} a \\ \\ = & b \end{aligned}", "a=b"),
    ],
)
def test_typography_is_not_compared(one: str, other: str) -> None:
    """The same mathematics set in two ways has one normal form."""
    assert normal(one) == normal(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (r"\begin{matrix} a & b \end{matrix}", r"\begin{matrix} a \\ b \end{matrix}"),
        (r"\begin{matrix} a & b \end{matrix}", r"\begin{matrix} a b \end{matrix}"),
        (r"\begin{matrix} a \end{matrix}", r"\begin{pmatrix} a \end{pmatrix}"),
        ("ab", "ba"),
        (r"a \cdot b", "ab"),
        ("x_{11}", "x_1 1"),
        ("(a+b)c", "a+bc"),
        (r"\sqrt{a}b", r"\sqrt{ab}"),
    ],
)
def test_mathematics_is_compared(one: str, other: str) -> None:
    """What differs in meaning, or might, differs in its normal form."""
    assert normal(one) != normal(other)


@pytest.mark.parametrize(
    "formula",
    [
        r"\begin{matrix} a & b \\ c \end{matrix}",
        r"\begin{matrix} a & \\ c & d \end{matrix}",
        r"\begin{matrix} a \to \\ b \end{matrix}",
        r"\begin{matrix} a \\ \to b \end{matrix}",
        r"\begin{matrix} a \to b \end{matrix}",
        r"\begin{aligned} a \\ b \end{aligned}",
        r"\begin{aligned} a & = b \\ c & = d \end{aligned}",
        r"\begin{aligned} a & = b & c \end{aligned}",
        r"2 \begin{aligned} & a \\ & + b \end{aligned}",
        r"\begin{aligned} & a \\ & + b \end{aligned} c",
        r"\begin{cases} a \end{cases}",
        r"\begin{matrix} a",
        r"\left[ a \right]",
        "{ab}_c",
        "(a",
        "a)",
        "a & b",
        "a = ",
        "= b",
        "a = = b",
    ],
)
def test_what_is_not_understood_is_refused(formula: str) -> None:
    """The extractor raises rather than reading a formula wrongly or leaving out a part of it."""
    with pytest.raises(ValueError, match=r"\w"):
        links(formula)
