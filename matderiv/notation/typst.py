"""Boxes as Typst's mathematics, with functions that a page defines: see `DEFINITIONS`."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

from matderiv.notation import boxes
from matderiv.notation.boxes import Box
from matderiv.notation.names import in_line
from matderiv.notation.signs import DOTS, LARGE, SIGNS
from matderiv.notation.text import text as spoken

__all__ = ["DEFINITIONS", "inline_typst", "rights", "string", "typst"]

#: Functions that the formulas call, and rules that keep fractions and broken sums inside a
#: matrix at the size of the text, where Typst would set them at the size of an index.
DEFINITIONS = r"""
#show math.equation.where(block: true): it => {
  show math.frac: math.display
  it
}
#let matrix(gap: 0.5em, ..rows) = math.mat(
  delim: "(", row-gap: gap, column-gap: 0.9em, ..rows)
#let lines(gap: 0.45em, ..rows) = math.display(math.mat(
  delim: none, align: left, row-gap: gap, ..rows.pos().map(row => (row,))))
#let word(it) = math.italic(it)
#let name(it) = math.op(it)
// A formula moves its line away from others; it may reach a little into the space between them.
#let long-formula(alt, it) = {
  set text(top-edge: "bounds", bottom-edge: "bounds")
  math.equation(alt: alt, it.body)
}
#let formula(alt, it) = box(inset: (y: -0.22em), long-formula(alt, it))
"""

#: The width in em from which on a formula inside a line may be broken between its terms.
_UNBROKEN = 10.0
#: Greek letters whose shape goes by another name than in LaTeX.
_GREEK = {"epsilon": "epsilon.alt", "varepsilon": "epsilon", "phi": "phi.alt"}
#: The gap between rows: of fractions, of broken sums, and of broken sums of fractions.
_TALL, _BROKEN, _TALL_BROKEN = ("gap: #0.9em,", "gap: #1.1em,", "gap: #1.8em,")


def typst(box: Box) -> str:
    """The source of a box, to stand between dollar signs.

    >>> above = boxes.Row((boxes.Operator("partial"), boxes.Symbol("L")))
    >>> typst(boxes.Fraction(above, boxes.Symbol("x")))
    'frac(partial L,x)'
    """
    match box:
        case boxes.Row(items=items):
            return _beside(part for n, box in enumerate(items) for part in _item(items, n, box))
        case boxes.Scripts(base=base, sub=sub, sup=sup):
            return _scripts(typst(base), base, sub, sup)
        case boxes.Fraction(above=above, below=below):
            return f"frac({typst(above)},{typst(below)})"
        case boxes.Operator(name=name):
            return SIGNS[name].typst
        case boxes.Symbol() | boxes.NumberBox() | boxes.Word():
            return _name(box)
        case boxes.Terms():
            return _terms(box, first=True)
        case boxes.Root(body=body):
            return f"sqrt({typst(body)})"
        case boxes.Fence(body=body, bars=True):
            return f"abs({typst(body)})"
        case boxes.Fence(body=body, big=big):
            return rf"lr(\({typst(body)}\))" if big else rf"\({typst(body)}\)"
        case boxes.BigSum(under=under, over=over, body=body, sign=sign):
            top = "" if over is None else f"^({typst(over)})"
            return _beside((f"{LARGE[sign].typst}_({typst(under)}){top}", typst(body)))
        case boxes.Dots(direction=direction):
            return DOTS[direction].typst
        case boxes.Lines(rows=rows):
            gap = _TALL if any(row.tall for row in rows) else ""
            return f"lines({gap}{','.join(_broken(box))})"
        case boxes.Grid(rows=cells):
            return f"matrix({_gap(cells)}{' ;'.join(','.join(map(typst, row)) for row in cells)})"
        case boxes.Tagged(body=body):
            return typst(body)
        case boxes.Styled(body=body, style=style):
            return f"{'bold' if style == 'bold' else 'macron'}({typst(body)})"
        case boxes.Aligned(left=left):
            return typst(left) + "\\\n".join(f"&={right}" for right in rights(box))


def inline_typst(box: Box) -> str:
    """The source of a formula inside a line, with its words for those who hear the page.

    >>> inline_typst(boxes.Symbol("x"))
    '#formula("x",$x$)'
    """
    box = in_line(box)
    name = "formula" if box.width < _UNBROKEN else "long-formula"
    return f"#{name}({string(spoken(box))},${typst(box)}$)"


def rights(box: boxes.Aligned) -> tuple[str, ...]:
    """The right sides of a chain; the lines of a broken sum are lines of the chain.

    >>> rights(boxes.Aligned(boxes.Symbol("x"), (boxes.Symbol("y"), boxes.NumberBox("12"))))
    ('y', '12')
    """
    return tuple(
        "\\\n&".join(_broken(right)) if isinstance(right, boxes.Lines) else typst(right)
        for right in box.rights
    )


def string(text: str) -> str:
    r"""Text as a string of Typst's code, in which nothing is markup.

    >>> print(string('"] #import'))
    "\u{22}] #import"
    """
    inside = "".join(
        f"\\u{{{ord(letter):x}}}" if letter in '"\\' or not letter.isprintable() else letter
        for letter in text
    )
    return f'"{inside}"'


def _name(box: boxes.Symbol | boxes.NumberBox | boxes.Word) -> str:
    """A letter or a number as Typst writes it; anything longer is a string."""
    match box:
        case boxes.Symbol(name=name, greek=True):
            return _GREEK.get(name, name)
        case boxes.Symbol(name=name) if len(name) == 1 and name.isascii() and name.isalpha():
            return name
        case boxes.NumberBox(text=text) if text.isascii() and text.isdigit():
            return text
        case boxes.NumberBox(text=text) | boxes.Word(text=text, upright=True):
            return f"#name({string(text)})"
        case boxes.Symbol(name=text) | boxes.Word(text=text):
            return f"#word({string(text)})"


def _scripts(source: str, base: Box, sub: Box | None, sup: Box | None) -> str:
    if isinstance(base, boxes.Symbol | boxes.Word | boxes.Fence):
        marks = (("_", sub), ("^", sup))
        return source + "".join(f"{m}({typst(box)})" for m, box in marks if box is not None)
    places = (("b", sub), ("t", sup))
    scripts = (f"{place}:{typst(box)}" for place, box in places if box is not None)
    return f"attach({','.join((source, *scripts))})"


def _gap(rows: tuple[tuple[Box, ...], ...]) -> str:
    cells = [cell.body if isinstance(cell, boxes.Tagged) else cell for row in rows for cell in row]
    broken = [cell for cell in cells if isinstance(cell, boxes.Lines)]
    if len(rows) > 1 and broken:
        return _TALL_BROKEN if any(row.tall for cell in broken for row in cell.rows) else _BROKEN
    return _TALL if any(cell.tall for cell in cells) else ""


def _broken(box: boxes.Lines) -> list[str]:
    return [_terms(row, first=n == 0) for n, row in enumerate(box.rows)]


def _terms(box: boxes.Terms, *, first: bool) -> str:
    """A sum; where it goes on from a line above, its sign stands off as between two terms."""
    parts: list[str] = []
    for n, (sign, term) in enumerate(box.items):
        if n or not first:
            mark = SIGNS[sign].typst
            parts += [mark] if n else [mark, "med"]
        elif sign != "+":
            parts.append(sign)
        parts.append(typst(term))
    return _beside(parts)


def _item(items: tuple[Box, ...], n: int, box: Box) -> Iterable[str]:
    """An item of a row; a differential stands off from a factor before it."""
    if (
        n
        and not isinstance(items[n - 1], boxes.Operator)
        and _starts(box) == boxes.Operator("differential")
    ):
        yield "thin"
    yield typst(box)


def _starts(box: Box) -> Box:
    return _starts(box.items[0]) if isinstance(box, boxes.Row) and box.items else box


def _beside(parts: Iterable[str]) -> str:
    """Sources side by side, with a space only where two names would become one.

    A space beside a word of several letters would be seen on the page.
    """
    found = [part for part in parts if part]
    spaced = (
        " " + after
        if before[-1].isalnum() and after[0].isalnum() and not _digits(before, after)
        else after
        for before, after in itertools.pairwise(found)
    )
    return "".join((*found[:1], *spaced))


def _digits(before: str, after: str) -> bool:
    return before[-1].isdigit() and after[0].isdigit()
