"""Boxes to one line of Unicode text, for terminals."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

from matderiv.notation import boxes
from matderiv.notation.boxes import Box
from matderiv.notation.signs import DOTS, LARGE, SIGNS

__all__ = ["broken", "letter_text", "spaced", "text", "wide"]

_LETTERS = dict(
    zip(
        "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho "
        "varsigma sigma tau upsilon phi chi psi omega".split(),
        "αβγδεζηθικλμνξοπρςστυφχψω",
        strict=True,
    )
) | {"varepsilon": "ε"}


def letter_text(symbol: boxes.Symbol) -> str:
    """The letter itself, a Greek one by its name.

    >>> [letter_text(boxes.Symbol(name, greek=True)) for name in ("lambda", "Omega")]
    ['λ', 'Ω']
    """
    if not symbol.greek:
        return symbol.name
    small = _LETTERS[symbol.name.lower()]
    return small.upper() if symbol.name[0].isupper() else small


def text(box: Box) -> str:
    """A box as text.

    >>> text(boxes.Scripts(boxes.Symbol("W"), sup=boxes.Operator("transpose")))
    'Wᵀ'
    >>> one = boxes.NumberBox("11")
    >>> text(boxes.Row(tuple(boxes.Scripts(boxes.Symbol(name), one) for name in "wy")))
    'w₁₁y₁₁'
    """
    match box:
        case boxes.Symbol():
            return letter_text(box)
        case boxes.Word(text=word) | boxes.NumberBox(text=word):
            return word
        case boxes.Operator(name=name):
            return SIGNS[name].text
        case boxes.Row(items=items):
            return _beside(list(_apart(items)))
        case boxes.Fraction(above=above, below=below):
            several = isinstance(below, boxes.Row) and not isinstance(_first(below), boxes.Operator)
            return f"{_grouped(above)}/" + (f"({text(below)})" if several else _grouped(below))
        case boxes.Scripts(base=base, sub=sub, sup=sup):
            lower = "" if sub is None else _subscript(sub)
            upper = "" if sup is None else _superscript(sup)
            return text(base) + lower + upper
        case boxes.Root(body=body):
            inside = text(body)
            return f"√{inside}" if len(inside) == 1 else f"√({inside})"
        case boxes.Fence(body=body, bars=True):
            return f"|{text(body)}|"
        case boxes.Fence(body=body):
            return f"({text(body)})"
        case boxes.Tagged(body=body):
            return text(body)
        case boxes.Styled(body=body, style=style):
            word = text(body)
            return word[0] + "\u0304" * (style == "bar") + word[1:]
        case boxes.BigSum():
            return _sum(box)
        case boxes.Dots(direction=direction):
            return DOTS[direction].text
        case boxes.Terms(items=items):
            (sign, first), *rest = items
            start = ("" if sign == "+" else sign) + text(first)
            marks = (SIGNS[sign].text for sign, _ in rest)
            return start + "".join(m + text(t) for m, (_, t) in zip(marks, rest, strict=True))
        case boxes.Lines(rows=rows):
            return text(boxes.Terms(tuple(item for row in rows for item in row.items)))
        case boxes.Grid(rows=rows):
            return _grid(rows)
        case boxes.Aligned(left=left, rights=rights):
            return _aligned(text(left), [text(right) for right in rights])


def _sum(box: boxes.BigSum) -> str:
    foot = text(box.under).replace(",", "")
    if box.over is not None:
        foot = f"({foot} … {text(box.over)})".replace(" = ", "=")
    return f"{LARGE[box.sign].text}_{foot} {text(box.body)}"


def wide(words: str) -> int:
    """How many columns of a terminal words take: Chinese letters are two wide, bars none."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in words
    )


def spaced(words: str, width: int) -> str:
    """Words and spaces, together so many columns."""
    return words + " " * (width - wide(words))


def broken(box: Box, width: int) -> list[str]:
    """A box as lines no wider than `width`, if a sum in it can be broken before its signs.

    >>> one = boxes.Terms((("+", boxes.Symbol("a")), ("-", boxes.Symbol("b"))))
    >>> broken(one, 3)
    ['a', '- b']
    """
    whole = text(box)
    if wide(whole) <= width or not isinstance(box, boxes.Terms):
        return [whole]
    (sign, first), *rest = box.items
    lines = [("" if sign == "+" else sign) + text(first)]
    for sign, item in rest:
        part = text(item)
        if wide(lines[-1]) + 3 + wide(part) <= width:
            lines[-1] += SIGNS[sign].text + part
        else:
            lines.append(SIGNS[sign].text.strip() + " " + part)
    return lines


def _apart(items: tuple[Box, ...]) -> Iterator[str]:
    """The items, with a dot after an index or an exponent, which would run into what follows.

    So would a letter before the name of a function, and what stands below a fraction's line.
    """
    for number, item in enumerate(items):
        before = items[number - 1] if number else None
        first = _first(item)
        word = first.base if isinstance(first, boxes.Scripts) else first
        if (
            (_hangs(before) and not isinstance(first, boxes.Operator | boxes.Fence))
            or (isinstance(_last(before), boxes.Symbol) and isinstance(word, boxes.Word))
            or (isinstance(_last(before), boxes.Fraction) and not isinstance(first, boxes.Operator))
        ):
            yield SIGNS["cdot"].text
        elif before is not None and first == _DIFFERENTIAL and not _is_sign(_last(before)):
            yield " "  # A dX, not AdX
        elif before == _DIFFERENTIAL and isinstance(word, boxes.Word):
            yield " "  # d log x
        yield text(item)


#: Letters above or below the line, after which what follows cannot be read as one of them.
_SMALL = set("ᵀ⊤′⁰¹²³⁴⁵⁶⁷⁸⁹₀₁₂₃₄₅₆₇₈₉")
_DIFFERENTIAL = boxes.Operator("differential")
_T = boxes.Operator("transpose")


def _is_sign(box: Box | None) -> bool:
    return isinstance(box, boxes.Operator) and box.name != "prime"


def _hangs(box: Box | None) -> bool:
    """Whether a box ends in an index or an exponent on the line."""
    last = _last(box)
    return (
        isinstance(last, boxes.Scripts)
        and not isinstance(last.base, boxes.Operator)  # d²L
        and not text(last).isalnum()
        and not set(text(last)[-1]) & _SMALL
    )


def _last(box: Box | None) -> Box | None:
    match box:
        case boxes.Row(items=(*_, last)):
            return _last(last)
        case boxes.Tagged(body=body):
            return _last(body)
    return box


def _first(box: Box) -> Box:
    match box:
        case boxes.Row(items=(first, *_)):
            return _first(first)
        case boxes.Tagged(body=body):
            return _first(body)
    return box


def _beside(parts: list[str]) -> str:
    """Texts side by side, each as a block of lines."""
    height = max((part.count("\n") + 1 for part in parts), default=1)
    if height == 1:
        return "".join(parts)
    blocks = [part.split("\n") for part in parts]
    widths = [max(map(wide, block)) for block in blocks]
    return "\n".join(
        "".join(
            spaced(block[n] if n < len(block) else "", width)
            for block, width in zip(blocks, widths, strict=True)
        ).rstrip()
        for n in range(height)
    )


def _grouped(box: Box) -> str:
    words = text(box)
    if isinstance(box, boxes.Fence | boxes.Root | boxes.Scripts):
        return words
    return f"({words})" if isinstance(box, boxes.Terms) or " " in words else words


#: Digits and signs above and below the line.
_ABOVE = str.maketrans("0123456789-T", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻ᵀ")
_BELOW = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


def _subscript(box: Box) -> str:
    """W₁ of a name; the indices of an entry stand on the line, x_11."""
    words = text(box)
    named = isinstance(box, boxes.NumberBox) and words.isdigit()
    return words.translate(_BELOW) if named else f"_{words}"


def _superscript(box: Box) -> str:
    words = text(box).replace(" ", "")
    if words.lstrip("-").isdigit() or box in (_T, boxes.Terms((("-", _T),))):
        return words.translate(_ABOVE)
    if words.startswith("⊙") and words[1:].isalnum():
        return f"^{words}"  # a power entry by entry
    if isinstance(box, boxes.Row) and len(box.items) > 1:
        return f"^({text(box)})"
    if isinstance(box, boxes.Fraction):
        return f"^({text(box)})"
    if words == "-⊤":
        return "⁻⊤"
    return text(box) if isinstance(box, boxes.Operator) else f"^{_grouped(box)}"


def _grid(rows: tuple[tuple[Box, ...], ...]) -> str:
    cells = [[text(cell) for cell in row] for row in rows]
    widths = [max(map(wide, column)) for column in zip(*cells, strict=True)]
    lines = (
        "  ".join(spaced(cell, width) for cell, width in zip(row, widths, strict=True))
        for row in cells
    )
    return "\n".join(f"( {line} )" for line in lines)


def _aligned(left: str, rights: list[str]) -> str:
    lines = []
    for number, right in enumerate(rights):
        first, *rest = right.split("\n")
        lead = left if number == 0 else " " * wide(left)
        lines.append(f"{lead} = {first}")
        lines += [" " * (wide(left) + 3) + line for line in rest]
    return "\n".join(lines)
