"""Index maps as boxes: X_{1:,:} of a slice, pad, roll and cumsum as functions, δ with places."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from matderiv.calculus.index_forms.forms import Index
from matderiv.expression import nodes
from matderiv.expression.index_maps import parts_of
from matderiv.expression.index_source import is_indexed, slices, surface
from matderiv.expression.nodes import Node
from matderiv.expression.selections import rule_of
from matderiv.expression.shape_calls import beside_diagonal, kron_of
from matderiv.expression.size_text import (
    SizeText,
    is_worked_out,
    put,
    size_sum,
    terms_of_size,
)
from matderiv.notation.boxes import (
    Box,
    Fence,
    NumberBox,
    Operator,
    Row,
    Scripts,
    Symbol,
    Terms,
    Word,
    joined,
)
from matderiv.notation.names import name_box

__all__ = ["constant_entry", "index_map_box", "size_box"]

_COLON = Operator("colon")
_Boxes = Callable[[Node], Box]


def size_box(text: SizeText) -> Box:
    """A size: a number, a letter, or a sum of products of letters."""
    symbol = str(text)
    if symbol.lstrip("-").isdigit():
        number: Box = NumberBox(symbol.lstrip("-"))
        return Terms((("-", number),)) if symbol[0] == "-" else number
    if not is_worked_out(symbol):
        return name_box(symbol)
    items = []
    for product, number_of in terms_of_size(symbol).items():
        size = abs(number_of)
        factors: list[Box] = [NumberBox(str(size))] if size > 1 or not product else []
        factors += map(_factor, product)
        box = factors[0] if len(factors) == 1 else Row(tuple(factors))
        items.append(("-" if number_of < 0 else "+", box))
    return items[0][1] if len(items) == 1 and items[0][0] == "+" else Terms(tuple(items))


def _factor(name: str) -> Box:
    if not is_worked_out(name):
        return name_box(name)
    over, _, by = name.rpartition("//")
    head = Word("floor", upright=True)
    return Row((head, Fence(joined((size_box(over.strip("()")), NumberBox(by)), "comma"))))


def index_map_box(node: Node, box: _Boxes, base: _Boxes, shape: Callable[[Node], int]) -> Box:
    """A map, arrays put together, entries at labels or a constant; `shape` counts dimensions."""
    match node:
        case nodes.Selection("tri", (k,), (rows, columns)):
            over = joined((size_box(rows), size_box(columns)), "times")
            return Scripts(
                Word("tri", upright=True), sub=over if k == 0 else joined((over, size_box(k)))
            )
        case nodes.Selection():
            return index_map_box(surface(node), box, base, shape)
        case nodes.OneHot(arg, size):
            return _call(Scripts(Word("onehot", upright=True), sub=size_box(size)), [box(arg)])
        case nodes.Mapped() if is_indexed(node):
            inner, parts = slices(node)
            own = shape(inner)
            boxes = [_slice(parts[n]) if n in parts else _COLON for n in range(own)]
            whole = base(inner)
            whole = Fence(whole) if isinstance(whole, Scripts) else whole
            return Scripts(whole, sub=boxes[0] if len(boxes) == 1 else joined(boxes))
        case nodes.Mapped() if (beside := beside_diagonal(node)) is not None:
            foot = Scripts(Word("diag", upright=True), sub=size_box(beside[1]))
            return _call(foot, [box(beside[0])])
        case nodes.Mapped(arg, (name, *places), axis):
            if name in ("windows", "fold"):  # steps of 1 are not written
                places = places[: 1 if places[1:] == [1, 1] else None]
            numbers = [n for n in places[: 2 if name == "pad" else None] if n is not None]
            sub = [size_box(n) for n in numbers if n != 0 or name == "pad"]
            sub += [NumberBox(str(axis))] * (axis is not None)
            word: Box = Word(str(name), upright=True)
            return _call(Scripts(word, sub=joined(sub)) if sub else word, [box(arg)])
        case nodes.Reshape():
            return _reshape_box(node, box)
        case nodes.Joined():
            word = Word("stack" if node.how in ("stack", "list") else "concatenate", upright=True)
            head = Scripts(word, sub=NumberBox(str(node.axis))) if node.axis else word
            return _call(head, map(box, parts_of(node)))
        case nodes.Gathered(array, labels, how):
            at = (box(labels), _COLON) if how == "rows" else (_COLON, box(labels))
            found = Scripts(base(array), sub=at[0] if shape(array) == 1 else joined(at))
            return _call(Word("diag", upright=True), [found]) if how == "picked" else found
    raise AssertionError(node)


def _reshape_box(node: nodes.Reshape, box: _Boxes) -> Box:
    """A ⊗ B, vec A, or reshape with the new sizes at its foot."""
    if (parts := kron_of(node)) is not None:
        return _call(Word("kron", upright=True), map(box, parts))
    if len(node.sizes) == 1 and node.how == "C":
        turned = isinstance(node.arg, nodes.Transpose)
        inner = node.arg.arg if isinstance(node.arg, nodes.Transpose) else node.arg
        return _call(Word("vec" if turned else "ravel", upright=True), [box(inner)])
    sizes = joined([size_box(size) for size in node.sizes], "times")
    return _call(Scripts(Word("reshape", upright=True), sub=sizes), [box(node.arg)])


def _call(head: Box, operands: Iterable[Box]) -> Box:
    parts = list(operands)
    return Row((head, Fence(parts[0] if len(parts) == 1 else joined(parts))))


def _slice(move: tuple[int | str | None, ...]) -> Box:
    """1:, :3 or ::2."""
    match move:
        case ("at", place):
            return size_box(place or 0)
        case (_, start, stop, step):
            ends = [[] if n is None else [size_box(n)] for n in (start, stop)]
            more = [] if step == 1 else [_COLON, size_box(step or 1)]
            return Row((*ends[0], _COLON, *ends[1], *more))
    raise AssertionError(move)


def _in_words(rule: nodes.Selection, row: Iterable[Index]) -> dict[str, SizeText]:
    """The steps of windows and the letters of an entry, by their letters in s·i + d·k."""
    return dict(zip("sdik", (*rule.params, *row), strict=True))


def constant_entry(rule: nodes.Selection, indices: tuple[Index, ...]) -> Box | None:
    """An entry of a slice as a Kronecker delta, δ_{j,i+1}; None of other constants."""
    kind, first, step = rule_of(rule)
    *row, column = indices
    if kind == "flat":
        place = size_box(row[0])
        for i, size in zip(row[1:], rule.sizes[1:-1], strict=True):
            before = Fence(Terms((("+", place), ("-", NumberBox("1")))))
            place = Terms((("+", Row((before, size_box(size)))), ("+", size_box(i))))
        return Scripts(Symbol("delta", greek=True), sub=joined((place, size_box(column))))
    if kind == "windows":
        inside = put("s*i + d*k + 1 - s - d", _in_words(rule, row))
        both = joined((size_box(inside), size_box(column)))
        return Scripts(Symbol("delta", greek=True), sub=both)
    if kind != "=":
        return None
    at: SizeText = size_sum(first, 1)
    if row:
        at = size_sum(size_sum(first, 1 - step), put(f"{step}*i", {"i": str(row[0])}))
    places = (size_box(at), size_box(column))
    return Scripts(Symbol("delta", greek=True), sub=joined(places))
