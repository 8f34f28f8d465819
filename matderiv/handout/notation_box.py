"""The meaning of the signs of a page: layout of gradients, ⊙, 1_N, δ_ij … where they stand."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass

from matderiv.handout.document import Block, Math, Paragraph
from matderiv.handout.sentences import fill, together
from matderiv.notation.boxes import (
    Box,
    Fence,
    NumberBox,
    Operator,
    Row,
    Scripts,
    Symbol,
    Word,
)

__all__ = ["notation_paragraph"]

_ROWS, _COLUMNS = "row", "col"


def notation_paragraph(blocks: Iterable[Block], language: str) -> Paragraph:
    """One paragraph: the layout by name, and what signs that stand in the blocks mean."""
    found = list(dict.fromkeys(box for block in blocks for box in _boxes(block)))
    sentences = [fill(language, "notation.layout", {})]
    for key, is_sign in _SIGNS.items():
        sign = next((box for box in found if is_sign(box)), None)
        if sign is not None:
            sentences.append(fill(language, f"notation.{key}", {"sign": Math(sign)}))
    return Paragraph(together(language, sentences))


def _boxes(part: object) -> Iterator[Box]:
    """All boxes in a part of a document."""
    if isinstance(part, tuple):
        for item in part:
            yield from _boxes(item)
    elif is_dataclass(part):
        if isinstance(part, Box):
            yield part
        for field in fields(part):
            yield from _boxes(getattr(part, field.name))


def _operator(name: str) -> Callable[[Box], bool]:
    return lambda box: box == Operator(name)


def _numbers(number: str, *, matrix: bool) -> Callable[[Box], bool]:
    """Whether a box is an array of ones or of zeros: 1_N, 1_{N×M}."""

    def is_array(box: Box) -> bool:
        match box:
            case Scripts(NumberBox(text), Row(items=items)):
                return text == number and (len(items) > 1) == matrix
        return False

    return is_array


def _along(word: str, *, foot: bool) -> Callable[[Box], bool]:
    """Whether a box is a function of rows: softmax_row, or rowsum."""

    def is_function(box: Box) -> bool:
        match box:
            case Scripts(Word(), Word(text)):
                return foot and text == word
            case Word(text, upright=True):
                return not foot and text != word and text.startswith(word)
        return False

    return is_function


def _is_delta(box: Box) -> bool:
    """Whether a box is δ_ij, with a letter among its indices; δ_11 is an entry of a gradient δ."""
    match box:
        case Scripts(Symbol("delta", greek=True), Row(items=items)):
            return any(isinstance(item, Symbol) for item in items)
    return False


def _is_identity(box: Box) -> bool:
    return isinstance(box, Scripts) and box.base == Symbol("I") and box.sup is None


def _is_norm(box: Box) -> bool:
    return isinstance(box, Scripts) and box.sub == Symbol("F") and isinstance(box.base, Row)


def _is_determinant(box: Box) -> bool:
    match box:
        case Row(items=(Word("log", upright=True), Fence(bars=True))):
            return True
    return False


def _word(text: str) -> Callable[[Box], bool]:
    return lambda box: box == Word(text, upright=True)


#: The sentences, and the box for which each stands on a page.
_SIGNS: Mapping[str, Callable[[Box], bool]] = {
    "odot": _operator("odot"),
    "oslash": _operator("oslash"),
    "kronecker": _operator("kronecker"),
    "norm": _is_norm,
    "determinant": _is_determinant,
    "trace": _word("tr"),
    "ones": _numbers("1", matrix=False),
    "ones_matrix": _numbers("1", matrix=True),
    "zeros": _numbers("0", matrix=False),
    "zeros_matrix": _numbers("0", matrix=True),
    "identity": _is_identity,
    "delta": _is_delta,
    "row": _along(_ROWS, foot=True),
    "col": _along(_COLUMNS, foot=True),
    "rows": _along(_ROWS, foot=False),
    "cols": _along(_COLUMNS, foot=False),
    "vec": _word("vec"),
    "step": _word("step"),
    "windows": _word("windows"),
    "fold": _word("fold"),
}
