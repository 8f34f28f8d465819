"""The famous forms: `gradient` finds what is taught, as short as it is taught."""

from __future__ import annotations

import re

import pytest
from _gradient_table import Gradient, cost, found, names_in, sized, table
from test_gradient_table import error

#: Numbers for the letters of a gradient's sizes: all different, and with a one among them.
SIZES = [(3, 2, 4, 5), (4, 1, 2, 3)]

FAMOUS = table("famous")
EVERY = pytest.mark.parametrize("gradient", FAMOUS, ids=lambda gradient: gradient.id)


def length(gradient: Gradient) -> tuple[int, int]:
    """How long ours is, with the gradients that it needs and the book does not; and the book's."""
    sizes = gradient.sizes(SIZES[0])
    book = sized(gradient.formula, sizes)
    lines = found(gradient, sizes).lines
    needed = {f"d{gradient.wrt}"}
    for name in reversed(lines):
        if name in needed:
            needed |= (names_in(lines[name]) & lines.keys()) - names_in(book)
    return sum(cost(lines[name]) for name in needed), cost(book)


@EVERY
def test_the_form_is_right(gradient: Gradient) -> None:
    """The book's form and ours agree with central differences; ours is proved for all sizes."""
    for numbers in SIZES:
        sizes = gradient.sizes(numbers)
        ours = found(gradient, sizes)
        assert ours.verdict.index, sizes
        for formula in (gradient.formula, str(ours)):
            assert error(gradient, formula, sizes) < 1e-6, (sizes, formula)


@EVERY
def test_the_form_is_short(gradient: Gradient) -> None:
    """Ours is at most one and a half times as long as the book's, unless the table says why."""
    ours, book = length(gradient)
    assert ours <= 1.5 * book or gradient.note


@pytest.mark.long
def test_the_forms_are_short_on_the_whole() -> None:
    """All our forms together are at most a tenth longer than the books'."""
    ours, book = zip(*map(length, FAMOUS), strict=True)
    assert sum(ours) <= 1.1 * sum(book)


def test_the_table_is_large_and_named() -> None:
    """Forty forms or more, each with a name and a source, and each asked for once."""
    assert len({gradient.id for gradient in FAMOUS}) == len(FAMOUS) >= 40
    assert len({(g.program, g.wrt, *g.assume.items()) for g in FAMOUS}) == len(FAMOUS)
    assert all(gradient.source for gradient in FAMOUS)


@EVERY
def test_no_form_is_clumsy(gradient: Gradient) -> None:
    """No sign stands before a sign, no factor is 1, and no sum begins with what is taken away."""
    for text in found(gradient, gradient.sizes(SIZES[0])).lines.values():
        assert not re.search(
            r"--|\b1\*|\*1\b(?!\.)|\(-\w+ \+|\(\((?:[^()]|\([^()]*\))*\)\)", text
        ), text
