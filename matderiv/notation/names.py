"""Names as mathematics writes them: letters, indices, scripts and derivatives."""

from __future__ import annotations

from functools import lru_cache

from matderiv.expression._names import entry_name, printed_parts
from matderiv.expression.vocabulary import GREEK
from matderiv.notation.boxes import (
    BigSum,
    Box,
    Fence,
    Fraction,
    NumberBox,
    Operator,
    Root,
    Row,
    Scripts,
    Symbol,
    Terms,
    Word,
    joined,
)

__all__ = [
    "call",
    "entry_box",
    "entry_ratio",
    "fenced",
    "function_box",
    "has_fraction",
    "in_line",
    "name_box",
    "named_entry",
    "numbered_box",
    "partial_ratio",
    "raised_box",
    "slashed",
    "starts_with_number",
    "vec",
    "with_superscript",
]

_PARTIAL = Operator("partial")


def vec(box: Box) -> Row:
    """The entries of a matrix in one column."""
    return Row((Word("vec", upright=True), fenced(box)))


@lru_cache(maxsize=1024)
def name_box(name: str) -> Box:
    """A name as it is written in mathematics: W, λ, W₁, Key, W_q."""
    base, sub = _parts(name)
    return base if sub is None else Scripts(base, sub)


def numbered_box(letter: str, number: int) -> Row:
    """N = 2."""
    return Row((name_box(letter), Operator("equals"), NumberBox(str(number))))


def _parts(name: str) -> tuple[Box, Box | None]:
    base, below = printed_parts(name)
    if below is None:
        return _letter(base), None
    return _letter(base), NumberBox(below) if below.isdigit() else _letter(below)


@lru_cache(maxsize=1024)
def _letter(name: str) -> Box:
    if name in GREEK:
        return Symbol(GREEK[name], greek=True)
    if name.capitalize() == name and name.lower() in _CAPITAL_GREEK:
        return Symbol(name, greek=True)
    return Symbol(name) if len(name) == 1 else Word(name)


_CAPITAL_GREEK = {
    "gamma",
    "delta",
    "theta",
    "lambda",
    "xi",
    "pi",
    "sigma",
    "upsilon",
    "phi",
    "psi",
    "omega",
}


def with_superscript(name: str, indices: Box) -> tuple[Box, Box, Box | None]:
    """The parts of an entry: the letter, its indices, and (1) above for a matrix W₁."""
    base, sub = _parts(name)
    return base, indices, None if sub is None else Fence(sub)


def raised_box(box: Box, sup: Box) -> Box:
    """A box with something above, in brackets where that would be unclear."""
    if isinstance(box, Scripts) and box.sup is None:
        return Scripts(box.base, box.sub, sup)
    if isinstance(box, Scripts | Row | Terms | Fraction | Word):
        return Scripts(fenced(box), sup=sup)
    return Scripts(box, sup=sup)


def function_box(name: str) -> Box:
    """The name of an undefined function; df is f′ and ddf is f″."""
    if name[:2] == "dd" and len(name) > 2:  # noqa: PLR2004 - more than the two letters
        return Scripts(name_box(name[2:]), sup=Row((Operator("prime"), Operator("prime"))))
    if name[0] == "d" and len(name) > 1:
        return Scripts(name_box(name[1:]), sup=Operator("prime"))
    return name_box(name)


def partial_ratio(above: Box, below: Box) -> Fraction:
    """∂above/∂below."""
    return Fraction(Row((_PARTIAL, above)), Row((_PARTIAL, below)))


def slashed(ratio: Fraction) -> Row:
    """∂L/∂X in one line."""
    return Row((ratio.above, Operator("slash"), ratio.below))


def in_line(box: Box) -> Box:
    """A formula as it stands in a line of text: ∂L/∂X with a slash."""
    if isinstance(box, Fraction):
        above, below = box.above, box.below
        if isinstance(above, Row) and above.items[:1] == (_PARTIAL,) and isinstance(below, Row):
            plain = all(len(part.items) == len(("∂", "X")) for part in (above, below))
            return slashed(box) if plain and below.items[0] == _PARTIAL else box
    return box


def has_fraction(box: Box) -> bool:
    """Whether a box is taller than a line, so that brackets around it must be."""
    match box:
        case Fraction() | BigSum():
            return True
        case Row(items=items):
            return any(map(has_fraction, items))
        case Terms(items=items):
            return any(has_fraction(b) for _, b in items)
        case Scripts(base=base, sup=sup):
            return has_fraction(base) or (sup is not None and has_fraction(sup))
        case Fence(body=body) | Root(body=body):
            return has_fraction(body)
    return False


def fenced(box: Box) -> Fence:
    """A box in brackets, as high as it is."""
    return Fence(box, big=has_fraction(box))


def call(head: Box, operands: list[Box]) -> Box:
    """f(a, b)."""
    return Row((head, fenced(operands[0] if len(operands) == 1 else joined(operands))))


def starts_with_number(box: Box) -> bool:
    """Whether a box would run into a number before it, as in 3·3² and 2·3x."""
    match box:
        case NumberBox():
            return True
        case Scripts(base=first) | Row(items=(first, *_)):
            return starts_with_number(first)
    return False


def entry_box(base: Box, indices: tuple[int | str, ...], *, commas: bool) -> Box:
    """(XW)_ij of a box in brackets; commas where a size needs two digits."""
    return Scripts(base, sub=_index_row(indices, commas))


@lru_cache(maxsize=1 << 15)  # an entry stands in many sums of a page
def named_entry(name: str, indices: tuple[int | str, ...], *, commas: bool) -> Box:
    """x_ij of a name; commas where a size needs two digits."""
    return Scripts(*with_superscript(entry_name(name), _index_row(indices, commas)))


@lru_cache(maxsize=1 << 15)
def entry_ratio(of: str, name: str, indices: tuple[int | str, ...], *, commas: bool) -> Fraction:
    """∂L/∂x_ij."""
    below = named_entry(name, indices, commas=commas) if indices else name_box(name)
    return partial_ratio(name_box(of), below)


def _index_row(indices: tuple[int | str, ...], commas: bool) -> Row:  # noqa: FBT001 - of a cache's key
    boxes = (NumberBox(str(i)) if isinstance(i, int) else name_box(i) for i in indices)
    return joined(boxes) if commas else Row(tuple(boxes))
