"""The meaning of the signs of a page: layout of gradients, ⊙, 1_N, δ_ij … where they stand."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from functools import cache
from typing import Any, get_args

from matderiv.handout.document import Block, Math, Paragraph, Segments
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

__all__ = ["DELTA", "notation_paragraph", "signs_not_introduced", "with_delta"]

_ROWS, _COLUMNS = "row", "col"
_PLAIN = ("str", "bool", "int", "float")  # types of fields that hold no box
#: The letter of Kronecker's delta.
DELTA = Symbol("delta", greek=True)


def notation_paragraph(blocks: Iterable[Block], language: str) -> Paragraph:
    """One paragraph: the layout by name, and what signs that stand in the blocks mean."""
    layout = fill(language, "notation.layout", {})
    return Paragraph(together(language, [layout, *_sentences(blocks, (), language)]))


def signs_not_introduced(
    blocks: Iterable[Block], before: Iterable[Block], language: str
) -> Iterator[Paragraph]:
    """One paragraph on the signs in some blocks that no paragraph before them introduces."""
    sentences = list(_sentences(blocks, _introduced(before), language))
    if sentences:
        yield Paragraph(together(language, sentences))


def with_delta(blocks: Iterable[Block], language: str) -> Iterator[Block]:
    """The blocks of a page; where a δ_ij stands first, a sentence after it says what it is."""
    rest = iter(blocks)
    for block in rest:
        yield block
        if any(box == DELTA or _is_delta(box) for box in _alone(block)):
            break  # it is said
        delta = next(filter(_is_delta, _boxes(block)), None)
        if delta is not None:
            said = Paragraph(fill(language, "notation.delta", {"sign": Math(delta)}))
            after = next(rest, said)
            yield said  # once: the blocks of two pages may stand on one
            if after != said:
                yield after
            break
    yield from rest


def _sentences(
    blocks: Iterable[Block], known: Collection[str], language: str
) -> Iterator[Segments]:
    """The meaning of the signs in some blocks, those that are known aside."""
    found = list(dict.fromkeys(box for block in blocks for box in _boxes(block)))
    for key, is_sign in _SIGNS.items():
        sign = next((box for box in found if is_sign(box)), None)
        if sign is not None and key not in known:
            shown = replace(sign, sup=None) if key == "norm" and isinstance(sign, Scripts) else sign
            yield fill(language, f"notation.{key}", {"sign": Math(shown)})


def _introduced(blocks: Iterable[Block]) -> set[str]:
    """The signs of which a paragraph speaks: they stand in it alone, and in no longer formula."""
    alone = [box for block in blocks for box in _alone(block)]
    return {key for key, is_sign in _SIGNS.items() if any(map(is_sign, alone))}


def _alone(block: Block) -> Iterator[Box]:
    """The formulas between the words of a paragraph."""
    if isinstance(block, Paragraph):
        yield from (part.box for part in block.segments if isinstance(part, Math))


def _boxes(part: object) -> Iterator[Box]:
    """All boxes in a part of a document, from left to right; one that is shared comes once."""
    seen = set[int]()
    rest: list[Any] = [part]
    while rest:
        one = rest.pop()
        kind: Any = type(one)  # that a class can be hashed is more than mypy knows
        if kind is tuple:
            rest.extend(reversed(one))
        elif (known := _kind(kind)) is not None and id(one) not in seen:
            seen.add(id(one))
            is_box, names = known
            if is_box:
                yield one
            rest.extend(getattr(one, name) for name in names)


@cache
def _kind(kind: type) -> tuple[bool, tuple[str, ...]] | None:
    """Whether a dataclass is of boxes, and its fields that may hold some, the last one first.

    None for other kinds.
    """
    if not is_dataclass(kind):
        return None
    names = tuple(f.name for f in fields(kind) if f.type not in _PLAIN)[::-1]
    return issubclass(kind, get_args(Box)), names


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
