"""Boxes to LaTeX; amsmath is all it needs. Every line break stands at a line's end."""

from __future__ import annotations

from matderiv.notation.boxes import (
    Aligned,
    BigSum,
    Box,
    Dots,
    Fence,
    Fraction,
    Grid,
    Lines,
    Number,
    Operator,
    Root,
    Row,
    Scripts,
    Symbol,
    Terms,
    Word,
)

__all__ = ["columns", "inline", "latex"]

_OPERATORS = {
    "plus": "+",
    "minus": "-",
    "equals": "=",
    "cdot": r" \cdot ",
    "partial": r"\partial ",
    "comma": ",",
    "greater": ">",
    "nonzero": r"\neq ",
    "prime": "'",
    "in": r"\in ",
    "real": r"\mathbb{R}",
    "times": r"\times ",
    "kronecker": r"\otimes ",
    "identity": "I",
}
_DOTS = {"across": r"\cdots", "down": r"\vdots", "diagonal": r"\ddots"}
_NAMED = {"exp", "log", "sin", "cos", "tanh"}
_SPACE = r" \\[10pt]" + "\n"


def latex(box: Box) -> str:
    r"""LaTeX source of a box.

    >>> latex(Fraction(Row((Operator("partial"), Symbol("L"))), Symbol("x")))
    '\\dfrac{\\partial L}{x}'
    """
    match box:
        case Symbol(name=name, greek=greek):
            return f"\\{name} " if greek else name
        case Word(text=text, upright=upright):
            if upright and text in _NAMED:
                return f"\\{text} "
            escaped = text.replace("_", r"\_")
            return rf"\operatorname{{{escaped}}}" if upright else rf"\mathit{{{escaped}}}"
        case Number(text=text):
            return text
        case Operator(name=name):
            return _OPERATORS[name]
        case Row(items=items):
            return "".join(map(latex, items))
        case Fraction(above=above, below=below):
            return rf"\dfrac{{{latex(above)}}}{{{latex(below)}}}"
        case Scripts():
            return _scripts(box)
        case Root(body=body):
            return rf"\sqrt{{{latex(body)}}}"
        case Fence(body=body, big=big):
            return rf"\left({latex(body)}\right)" if big else f"({latex(body)})"
        case BigSum(under=under, over=over, body=body):
            top = "" if over is None else f"^{{{latex(over)}}}"
            return rf"\sum_{{{latex(under)}}}{top} {latex(body)}"
        case Dots(direction=direction):
            return _DOTS[direction]
        case Terms():
            return _terms(box, first=True)
        case Lines():
            return _lines(box)
        case Grid():
            return _grid(box)
        case Aligned(left=left, rights=rights):
            rows = _SPACE.join(
                "& = " + (_lines(r, "[t]") if isinstance(r, Lines) else latex(r)) for r in rights
            )
            return f"\\begin{{aligned}}\n{latex(left)} {rows}\n\\end{{aligned}}"


def inline(box: Box) -> str:
    """LaTeX source of a box inside a line of text, where fractions are set small."""
    return latex(box).replace(r"\dfrac", r"\frac").strip()


def _scripts(box: Scripts) -> str:
    base = latex(box.base)
    if not isinstance(box.base, Symbol | Fence):
        base = f"{{{base}}}"
    sub = "" if box.sub is None else f"_{{{latex(box.sub)}}}"
    sup = "" if box.sup is None else f"^{{{latex(box.sup)}}}"
    return base.rstrip() + sub + sup


def _terms(box: Terms, *, first: bool) -> str:
    parts = []
    for n, (sign, term) in enumerate(box.items):
        lead = "" if first and n == 0 and sign == "+" else sign
        parts.append(lead + latex(term))
    return " ".join(parts)


def _lines(box: Lines, place: str = "", end: str = "") -> str:
    lines = (_terms(row, first=n == 0) for n, row in enumerate(box.rows))
    gap = _SPACE if any(map(_tall, box.rows)) else " \\\\\n"
    body = f"{gap}& {{}}".join(lines)
    return f"\\begin{{aligned}}{place}\n& {body}{end}\n\\end{{aligned}}"


def _grid(box: Grid) -> str:
    *most, last = ([_cell(c, last=n == len(box.rows)) for c in row]
                   for n, row in enumerate(box.rows, 1))
    rows = [" & ".join(row) for row in (*most, last)]
    gap = _SPACE if any(_tall(cell) for row in box.rows for cell in row) else " \\\\\n"
    return "\\begin{pmatrix}\n" + gap.join(rows) + "\n\\end{pmatrix}"


def _cell(box: Box, *, last: bool) -> str:
    """A cell; one of several lines ends in a low empty line, or the next row would touch it."""
    if isinstance(box, Lines) and not last:
        return _lines(box, end=" \\\\[-8pt]\n& {}")
    return latex(box)


def _tall(box: Box) -> bool:
    """Whether a box stands higher than a line of text."""
    match box:
        case Fraction() | Lines() | Grid():
            return True
        case Row(items=items):
            return any(map(_tall, items))
        case Terms(items=items):
            return any(_tall(term) for _, term in items)
        case Fence(body=body) | Root(body=body):
            return _tall(body)
    return False


def columns(box: Box) -> int:
    """The most columns of any matrix in a box: amsmath stops at 10 unless told."""
    match box:
        case Grid(rows=rows):
            return len(rows[0])
        case Row(items=items):
            return max(map(columns, items), default=0)
        case Aligned(left=left, rights=rights):
            return max(columns(left), *map(columns, rights))
    return 0
