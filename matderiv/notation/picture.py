r"""Drawings to LaTeX with nothing but the kernel's picture environment, in black."""

from __future__ import annotations

import itertools
from collections.abc import Callable

from matderiv.notation.boxes import Box
from matderiv.notation.drawing import Drawing, Label, Polyline, Rectangle, Shape, Tone

__all__ = ["picture"]

#: The width of a line by what it is for; in black, width is what tells tones apart.
_LINES: dict[Tone, str] = {"ink": "0.6pt", "faint": "0.2pt", "first": "1.2pt", "second": "0.8pt"}
_ANCHORS = {"start": "[l]", "middle": "", "end": "[r]"}
_DASH = 0.5  # the length of a dash and of the gap after it, in em


def picture(drawing: Drawing, write: Callable[[Box | str], str]) -> str:
    """LaTeX source of a drawing; `write` gives the source of a label."""
    lines = [
        r"\setlength{\unitlength}{1em}%",
        rf"\begin{{picture}}({_pair(drawing.width, drawing.height)})",
        *(line for shape in drawing.shapes for line in _shape(shape, drawing.height, write)),
        r"\end{picture}",
    ]
    return "\n".join(lines)


def _shape(shape: Shape, height: float, write: Callable[[Box | str], str]) -> list[str]:
    match shape:
        case Rectangle(x=x, y=y, width=w, height=h, tone=tone, filled=filled):
            place = _pair(x, height - y - h)
            if filled and tone == "faint":
                return []  # what is light in colours is white here
            if filled:
                return [rf"\put({place}){{\rule{{{w:.4g}em}}{{{h:.4g}em}}}}"]
            frame = rf"\put({place}){{\framebox({_pair(w, h)}){{}}}}"
            return [rf"\linethickness{{{_LINES[tone]}}}", frame]
        case Polyline(points=points, tone=tone, dashed=dashed):
            lines = [rf"\linethickness{{{_LINES[tone]}}}"]
            for (a, b), (c, d) in itertools.pairwise(points):
                for start, end in _pieces(a, height - b, c, height - d, dashed=dashed):
                    lines.append(_line(*start, *end))
            return lines
        case Label(x=x, y=y, content=content, anchor=anchor):
            box = rf"\makebox(0,0){_ANCHORS[anchor]}{{{write(content)}}}"
            return [rf"\put({_pair(x, height - y)}){{{box}}}"]


_Point = tuple[float, float]


def _pieces(a: float, b: float, c: float, d: float, *, dashed: bool) -> list[tuple[_Point, _Point]]:
    """The line from (a, b) to (c, d), whole or as its dashes."""
    length = ((c - a) ** 2 + (d - b) ** 2) ** 0.5
    if not dashed or length == 0:
        return [((a, b), (c, d))]
    count = max(1, round(length / (2 * _DASH)))

    def at(part: float) -> _Point:
        return a + (c - a) * part, b + (d - b) * part

    return [(at(n / count), at((n + 0.5) / count)) for n in range(count)]


def _line(a: float, b: float, c: float, d: float) -> str:
    """A straight line: of any slope as a curve, since the kernel's own lines know few slopes."""
    if b == d:
        return rf"\put({_pair(min(a, c), b)}){{\line(1,0){{{_number(abs(c - a))}}}}}"
    if a == c:
        return rf"\put({_pair(a, min(b, d))}){{\line(0,1){{{_number(abs(d - b))}}}}}"
    return rf"\qbezier({_pair(a, b)})({_pair((a + c) / 2, (b + d) / 2)})({_pair(c, d)})"


def _pair(x: float, y: float) -> str:
    return f"{_number(x)},{_number(y)}"


def _number(value: float) -> str:
    return f"{value:.3f}".rstrip("0").rstrip(".")
