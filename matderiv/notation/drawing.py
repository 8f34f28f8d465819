"""Figures as shapes on a plane, free of any target language.

Lengths are in em of the text; x runs to the right and y downwards from the upper left corner.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from matderiv.notation.boxes import Box

__all__ = ["LABEL", "Drawing", "Label", "Polyline", "Rectangle", "Shape", "Tone"]

#: The size of labels as a part of the size of the text.
LABEL = 0.8

#: What a shape is for; each format has its own colours, all of which print in grey.
Tone = Literal["ink", "faint", "first", "second"]


@dataclass(frozen=True, slots=True)
class Rectangle:
    """A rectangle, filled or as a frame."""

    x: float
    y: float
    width: float
    height: float
    tone: Tone = "ink"
    filled: bool = True


@dataclass(frozen=True, slots=True)
class Polyline:
    """Straight lines from point to point."""

    points: tuple[tuple[float, float], ...]
    tone: Tone = "ink"
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Label:
    """A formula, or words, whose middle line is at y; `anchor` says which end is at x."""

    x: float
    y: float
    content: Box | str
    anchor: Literal["start", "middle", "end"] = "middle"


Shape = Rectangle | Polyline | Label


@dataclass(frozen=True, slots=True)
class Drawing:
    """A figure of a size, its shapes in the order in which they are painted."""

    width: float
    height: float
    shapes: tuple[Shape, ...]
