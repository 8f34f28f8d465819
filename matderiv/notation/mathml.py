"""Boxes as MathML Core, which browsers set without help, without attributes that it dropped."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import replace
from html import escape

from matderiv.notation import boxes
from matderiv.notation.boxes import Box
from matderiv.notation.signs import DOTS, LARGE, SIGNS
from matderiv.notation.text import letter_text

__all__ = ["equalities", "math", "mathml"]

_PRIME = boxes.Operator("prime")
_EQUALS = '<mo form="infix">=</mo>'

# Signs without ink, so that what stands side by side can be read aloud.
_APPLY, _TIMES, _SEPARATOR = (f"<mo>{sign}</mo>" for sign in "\u2061\u2062\u2063")


def math(box: Box) -> str:
    """A formula inside a line of text.

    >>> math(boxes.Symbol("x"))
    '<math><mi>x</mi></math>'
    """
    return f"<math>{mathml(box)}</math>"


def equalities(box: boxes.Aligned) -> Iterator[list[str]]:
    """The `math` elements of each equality of a chain, by class: left, right, and lines after it.

    Only the first has a left side. A page sets them in two columns, so that it can break a chain.
    """
    for n, right in enumerate(box.rights):
        first, *more = right.rows if isinstance(right, boxes.Lines) else (right,)
        yield [
            *([_part("left", mathml(box.left))] if n == 0 else []),
            _part("right", f"{_EQUALS}{mathml(first)}"),
            *(
                _part("more", _terms(line, first=False))
                for line in more
                if isinstance(line, boxes.Terms)
            ),
        ]


def _part(name: str, inside: str) -> str:
    return f'<math class="{name}" displaystyle="true">{inside}</math>'


def mathml(box: Box) -> str:
    """MathML of a box, for the inside of a `math` element.

    >>> mathml(boxes.Fraction(boxes.NumberBox("1"), boxes.Symbol("x")))
    '<mfrac><mn>1</mn><mi>x</mi></mfrac>'
    """
    match box:
        case boxes.Symbol(name=name):
            upright = box.greek and name[0].isupper()  # as LaTeX sets Greek capitals
            return (
                f'<mi mathvariant="normal">{letter_text(box)}</mi>'
                if upright
                else _mi(letter_text(box))
            )
        case boxes.Word(text=text, upright=upright):
            return _mi(text) if upright else f'<mi class="word">{escape(text)}</mi>'
        case boxes.NumberBox(text=text):
            return f"<mn>{escape(text)}</mn>"
        case boxes.Operator(name=name):
            return SIGNS[name].mathml
        case boxes.Row(items=items):
            return _row(_beside(items))
        case boxes.Fraction(above=above, below=below):
            return f"<mfrac>{mathml(above)}{mathml(below)}</mfrac>"
        case boxes.Scripts():
            return _scripts(box)
        case boxes.Root(body=body):
            return f"<msqrt>{mathml(body)}</msqrt>"
        case boxes.Fence(body=body, big=big, bars=True):
            fixed = "" if big else ' stretchy="false"'
            bars = (
                f'<mo fence="true" form="{form}"{fixed}>|</mo>' for form in ("prefix", "postfix")
            )
            return f"<mrow>{mathml(body).join(bars)}</mrow>"
        case boxes.Fence(body=body, big=big):
            fixed = "" if big else ' stretchy="false"'
            return f"<mrow><mo{fixed}>(</mo>{mathml(body)}<mo{fixed}>)</mo></mrow>"
        case boxes.BigSum(under=under, over=over, body=body, sign=sign):
            name = "munder" if over is None else "munderover"
            top = "" if over is None else mathml(over)
            limits = f"<{name}><mo>{LARGE[sign].mathml}</mo>{_index(under)}{top}</{name}>"
            return f"<mrow>{limits}{mathml(body)}</mrow>"
        case boxes.Dots(direction=direction):
            return f'<mo lspace="0" rspace="0">{DOTS[direction].mathml}</mo>'
        case boxes.Terms():
            return _terms(box, first=True)
        case boxes.Lines(rows=rows):
            cells = (_terms(row, first=n == 0) for n, row in enumerate(rows))
            return _table("lines", (f"<mtd>{cell}</mtd>" for cell in cells))
        case boxes.Grid(rows=rows):
            table = _table("matrix", ("".join(map(_cell, row)) for row in rows))
            return f"<mrow><mo>(</mo>{table}<mo>)</mo></mrow>"
        case boxes.Tagged(body=body) | boxes.Styled(body=body):
            inside = mathml(body)
            return _styled(inside, box.style) if isinstance(box, boxes.Styled) else inside
        case boxes.Aligned(left=left, rights=rights):
            lefts = itertools.chain((mathml(left),), itertools.repeat(""))
            return _table(
                "aligned",
                (
                    f"<mtd>{one}</mtd><mtd>{_EQUALS}{mathml(right)}</mtd>"
                    for one, right in zip(lefts, rights, strict=False)
                ),
            )


def _styled(inside: str, style: str) -> str:
    """A name in bold letters or below a bar."""
    if style == "bold":
        return f'<mrow class="bold">{inside}</mrow>'
    return f'<mover accent="true">{inside}<mo>¯</mo></mover>'


def _mi(text: str) -> str:
    return f"<mi>{escape(text)}</mi>"


def _row(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"<mrow>{''.join(parts)}</mrow>"


def _beside(items: tuple[Box, ...]) -> list[str]:
    """Boxes side by side, with the sign between two of them that is not written."""
    parts = [mathml(item) for item in items[:1]]
    for one, other in itertools.pairwise(items):
        between = (
            "" if isinstance(one, boxes.Operator) or isinstance(other, boxes.Operator) else _TIMES
        )
        if between and isinstance(other, boxes.Fence):
            between = _APPLY if _is_function(one) else "" if _may_be_function(one) else _TIMES
        parts += [between, mathml(other)] if between else [mathml(other)]
    return parts


def _is_function(box: Box) -> bool:
    """Whether a box before brackets is certainly a function: tanh, f′."""
    if isinstance(box, boxes.Scripts):
        return box.sup == _PRIME or _is_function(box.base)
    return isinstance(box, boxes.Word) and box.upright


def _may_be_function(box: Box) -> bool:
    """Whether f(…) can be read as a call or as a product; then no operator is marked."""
    return isinstance(box, boxes.Word | boxes.Scripts) or (
        isinstance(box, boxes.Symbol) and not box.greek
    )


def _scripts(box: boxes.Scripts) -> str:
    if box.sup == _PRIME:  # the sign is raised and small by itself
        return f"<mrow>{mathml(replace(box, sup=None))}{SIGNS['prime'].mathml}</mrow>"
    base = mathml(box.base)
    if box.sub is None and box.sup is None:
        return base
    sub = "" if box.sub is None else _index(box.sub)
    sup = "" if box.sup is None else mathml(box.sup)
    name = "msubsup" if sub and sup else "msub" if sub else "msup"
    return f"<{name}>{base}{sub}{sup}</{name}>"


def _index(box: Box) -> str:
    """Indices, which are no product: 23 is 2 and 3."""
    if not isinstance(box, boxes.Row):
        return mathml(box)
    parts = [mathml(box.items[0])]
    for one, other in itertools.pairwise(box.items):
        plain = not isinstance(one, boxes.Operator) and not isinstance(other, boxes.Operator)
        parts += [_SEPARATOR, mathml(other)] if plain else [mathml(other)]
    return _row(parts)


def _terms(box: boxes.Terms, *, first: bool) -> str:
    parts: list[str] = []
    for n, (sign, term) in enumerate(box.items):
        if n or not first:
            parts.append(SIGNS[sign].mathml.replace("<mo>", '<mo form="infix">'))
        elif sign == "-":
            parts.append('<mo form="prefix">−</mo>')
        parts.append(mathml(term))
    return _row(parts)


def _table(name: str, rows: Iterable[str]) -> str:
    inside = "".join(f"<mtr>{row}</mtr>" for row in rows)
    return f'<mtable class="{name}" displaystyle="true">{inside}</mtable>'


def _cell(box: Box) -> str:
    """A cell of a matrix, with the key of its entry."""
    if isinstance(box, boxes.Dots):
        return f'<mtd class="dots">{mathml(box)}</mtd>'
    if not isinstance(box, boxes.Tagged):
        return f"<mtd>{mathml(box)}</mtd>"
    return f'<mtd data-key="{escape(box.key)}">{mathml(box.body)}</mtd>'
