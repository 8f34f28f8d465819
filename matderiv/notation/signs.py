"""The signs of formulas in each notation: one row a sign."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["DOTS", "LARGE", "SIGNS", "Sign"]


class Sign(NamedTuple):
    """How a sign is written in LaTeX, MathML, Typst and plain text."""

    latex: str
    mathml: str
    typst: str
    text: str


#: The signs of `Operator` boxes by name.
SIGNS = {
    "plus": Sign("+", "<mo>+</mo>", "+", " + "),
    "minus": Sign("-", "<mo>−</mo>", "-", " - "),
    "equals": Sign("=", "<mo>=</mo>", "=", " = "),
    "cdot": Sign(r" \cdot ", "<mo>⋅</mo>", "dot", "·"),
    # A derivative's numerator has no space before it.
    "partial": Sign(r"\partial ", '<mo lspace="0">∂</mo>', "partial", "∂"),
    "comma": Sign(",", "<mo>,</mo>", r"\,", ","),
    "colon": Sign("{:}", "<mo>:</mo>", ":", ":"),
    "quad": Sign(r"\quad ", '<mspace width="1em"/>', "quad", "  "),
    "prime": Sign(r"\prime ", "<mo>′</mo>", "prime", "′"),
    "times": Sign(r"\times ", "<mo>×</mo>", "times", "×"),
    "kronecker": Sign(r"\otimes ", "<mo>⊗</mo>", "times.o", " ⊗ "),
    "odot": Sign(r" \odot ", "<mo>⊙</mo>", "dot.o", " ⊙ "),
    "oslash": Sign(r" \oslash ", "<mo>⊘</mo>", "slash.o", " ⊘ "),
    "transpose": Sign("T", "<mi>T</mi>", "T", "T"),
    "top": Sign(r"\top ", "<mo>⊤</mo>", "top", "⊤"),
    "nabla": Sign(r"\nabla ", '<mo rspace="0">∇</mo>', "nabla", "∇"),
    "star": Sign(r"\star ", "<mi>★</mi>", "star", "★"),
    "slash": Sign("/", '<mo lspace="0" rspace="0">/</mo>', r"\/", "/"),
    "bars": Sign(r"\|", '<mo stretchy="true">‖</mo>', 'class("normal", bar.v.double)', "‖"),
    "differential": Sign(
        r"\mathop{}\!\mathrm{d}", '<mi mathvariant="normal">d</mi>', "upright(d)", "d"
    ),
    "langle": Sign(r"\left\langle ", '<mo fence="true">⟨</mo>', "⟨", "⟨"),
    "rangle": Sign(r"\right\rangle ", '<mo fence="true">⟩</mo>', "⟩", "⟩"),
}
SIGNS |= {"+": SIGNS["plus"], "-": SIGNS["minus"]}  # in `Terms`

#: The dots of `Dots` boxes by direction.
DOTS = {
    "across": Sign(r"\cdots", "⋯", "dots.c", "⋯"),
    "down": Sign(r"\vdots", "⋮", "dots.v", "⋮"),
    "diagonal": Sign(r"\ddots", "⋱", "dots.down", "⋱"),
}

#: The signs of `BigSum` boxes.
LARGE = {
    "sum": Sign(r"\sum", "∑", "sum", "Σ"),
    "product": Sign(r"\prod", "∏", "product", "Π"),
}
