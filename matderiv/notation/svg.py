"""Drawings as SVG for a page in HTML, whose style sheet gives the tones their colours."""

from __future__ import annotations

import unicodedata
from html import escape

from matderiv.notation.drawing import Drawing, Label, Polyline, Rectangle, Shape
from matderiv.notation.mathml import math

__all__ = ["svg"]

_EM = 16  # letters are drawn badly where an em is a single unit
_LINE = 1.6  # the height of a label, in em


def svg(drawing: Drawing, name: str, description: str) -> str:
    """The drawing; `name` is its identifier in the page, `description` is read aloud."""
    # Whatever font a browser has, labels at the right are not cut off.
    reach = max((s.x + _to_the_right(s) for s in drawing.shapes if isinstance(s, Label)), default=0)
    wide = max(drawing.width, reach)
    width, height = wide * _EM, drawing.height * _EM
    shapes = "".join(map(_shape, drawing.shapes))
    return (
        f'<svg role="img" aria-labelledby="{escape(name)}" viewBox="0 0 {width:g} {height:g}"'
        f' style="--w:{wide:g}"><desc id="{escape(name)}">{escape(description)}</desc>'
        f"{shapes}</svg>"
    )


def _shape(shape: Shape) -> str:
    match shape:
        case Rectangle(x=x, y=y, width=width, height=height, tone=tone, filled=filled):
            kind = tone if filled else f"{tone} line"
            return (
                f'<rect class="{kind}" x="{x * _EM:g}" y="{y * _EM:g}"'
                f' width="{width * _EM:g}" height="{height * _EM:g}"/>'
            )
        case Polyline(points=points, tone=tone, dashed=dashed):
            kind = f"{tone} line dashed" if dashed else f"{tone} line"
            places = " ".join(f"{x * _EM:g},{y * _EM:g}" for x, y in points)
            return f'<polyline class="{kind}" points="{places}"/>'
        case Label():
            return _label(shape)


def _to_the_right(label: Label) -> float:
    """How far a label may reach to the right of its place, in em; Chinese letters are square."""
    content = label.content
    if not isinstance(content, str):
        width = content.width
    else:
        width = sum(1.0 if unicodedata.east_asian_width(c) in "WF" else 0.58 for c in content)
    return width * {"start": 1.0, "middle": 0.5, "end": 0.0}[label.anchor]


def _label(label: Label) -> str:
    x, y = label.x * _EM, label.y * _EM
    if isinstance(label.content, str):
        text = escape(label.content)
        return f'<text x="{x:g}" y="{y:g}" text-anchor="{label.anchor}">{text}</text>'
    width = (label.content.width + 2) * _EM  # more than it needs, so that nothing is cut off
    left = x - {"start": 0.0, "middle": width / 2, "end": width}[label.anchor]
    high = 2 * _LINE * _EM
    return (
        f'<foreignObject x="{left:g}" y="{y - high / 2:g}" width="{width:g}" height="{high:g}">'
        f'<div class="label {label.anchor}">{math(label.content)}</div></foreignObject>'
    )
