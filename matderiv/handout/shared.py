"""Large pages in HTML hold what repeats in their formulas once, and a script puts it in its places.

The formulas of a page are trees of elements. A part is an element that may stand in many places; a
shape is the text that parts have in common, with holes for the parts inside them: every entry
x₁₁w₁₁ + x₁₂w₂₁ + … of a product has one shape. Parts come in an order in which each is made from
those before it.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence

__all__ = ["LARGE_PAGE", "shared"]

#: Letters of a page from which on its formulas share parts.
LARGE_PAGE = 300_000

_HOLE = "\ufffc"
_PIECE = re.compile(r"<(/?)[^>]*>|[^<]+")
_FORMULA = re.compile(r"(<math[^>]*)>(.*?)</math>", re.DOTALL)
_ALONE = 200  # letters of a formula that stays as it is
_SMALL = 24  # letters of an element that is no part
_LONG = 2000  # letters of a shape at most

#: Text, and the numbers of parts.
_Pieces = tuple[str | int, ...]


def shared(page: str) -> tuple[str, str]:
    r"""The page with numbers of parts in place of long formulas; the shapes and parts as JSON.

    >>> parts = "<msub><mi>x</mi><mn>1</mn></msub>" * 9
    >>> page, data = shared(f"<math>{parts}</math>")
    >>> page
    '<math data-part="1"></math>'
    >>> json.loads(data)["parts"]
    [[0], [1, 0, 0, 0, 0, 0, 0, 0, 0, 0]]
    """
    if _HOLE in page:
        return page, ""
    parts = _Parts()
    tops = [
        parts.read(found[2]) if len(found[2]) > _ALONE else None
        for found in _FORMULA.finditer(page)
    ]
    chosen = _chosen(parts, [top for top in tops if isinstance(top, int)])
    numbers = {part: number for number, part in enumerate(chosen)}
    shapes: dict[str, int] = {}
    rows = []
    for pieces in chosen.values():
        shape = shapes.setdefault(_shape(pieces), len(shapes))
        rows.append((shape, *(numbers[part] for part in _inner(pieces))))
    places = iter(tops)

    def placed(found: re.Match[str]) -> str:
        top = next(places)
        if not isinstance(top, int):
            return found[0]
        return f'{found[1]} data-part="{numbers[top]}"></math>'

    data = {"shapes": list(shapes), "parts": rows}
    return _FORMULA.sub(placed, page), json.dumps(data, separators=(",", ":"), ensure_ascii=False)


class _Parts:
    """Every part once, by what it is made of; `uses` counts the places where each stands."""

    def __init__(self) -> None:
        self.numbers: dict[_Pieces, int] = {}
        self.uses: Counter[int] = Counter()

    def read(self, formula: str) -> str | int:
        """The formula as a part."""
        open_elements: list[list[str | int]] = [[]]
        for piece in _PIECE.finditer(formula):
            if piece[0][0] != "<" or piece[0].endswith("/>"):
                open_elements[-1].append(piece[0])
            elif piece[1]:
                closed = self._part([*open_elements.pop(), piece[0]])
                open_elements[-1].append(closed)
            else:
                open_elements.append([piece[0]])
        (top,) = open_elements
        return self._part(top)

    def _part(self, pieces: Sequence[str | int]) -> str | int:
        joined: list[str | int] = []
        for piece in pieces:
            last = joined[-1] if joined else None
            if isinstance(piece, str) and isinstance(last, str):
                joined[-1] = last + piece
            else:
                joined.append(piece)
        only = joined[0]
        if len(joined) == 1 and (isinstance(only, int) or len(only) < _SMALL):
            return only
        key = tuple(joined)
        if key not in self.numbers:
            self.numbers[key] = len(self.numbers)
            self.uses.update(_inner(key))
        return self.numbers[key]


def _chosen(parts: _Parts, tops: Sequence[int]) -> dict[int, _Pieces]:
    """The parts that are written, in order, each with its pieces.

    A part with one place is written there, if what comes of it is a shape of several parts.
    """
    own = list(parts.numbers)
    uses = parts.uses + Counter(tops)
    whole: list[_Pieces | None] = []
    for pieces in own:
        joined: list[str | int] = []
        for piece in pieces:
            inside = whole[piece] if isinstance(piece, int) and uses[piece] == 1 else None
            joined += (piece,) if inside is None else inside
        fits = sum(len(piece) if isinstance(piece, str) else 1 for piece in joined) <= _LONG
        whole.append(tuple(joined) if fits else None)
    often = Counter(_shape(pieces) for pieces in whole if pieces is not None)
    chosen: dict[int, _Pieces] = {}
    ahead = list(tops)
    while ahead:
        part = ahead.pop()
        if part not in chosen:
            joined_pieces = whole[part]
            several = joined_pieces is not None and often[_shape(joined_pieces)] > 1
            chosen[part] = joined_pieces if several and joined_pieces is not None else own[part]
            ahead += _inner(chosen[part])
    return dict(sorted(chosen.items()))


def _shape(pieces: _Pieces) -> str:
    return "".join(_HOLE if isinstance(piece, int) else piece for piece in pieces)


def _inner(pieces: _Pieces) -> list[int]:
    return [piece for piece in pieces if isinstance(piece, int)]
