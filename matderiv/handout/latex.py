"""A document as a LaTeX fragment to \\input: amsmath is all it needs."""

from __future__ import annotations

from matderiv.handout.document import (
    Block,
    Bullets,
    Code,
    Document,
    Equation,
    Heading,
    Math,
    Paragraph,
    Segment,
    Text,
)
from matderiv.notation.boxes import Box, Fitter
from matderiv.notation.latex import Writer, columns, inline

__all__ = ["escape", "to_latex"]

#: The room of a displayed equation, in em of the text: an A4 page of `article` at its
#: default margins is 34.5 em wide.
ROOM = 33.0

_HEADINGS = {1: "section", 2: "subsection"}
_ESCAPES = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
}
_AMSMATH_COLUMNS = 10


def to_latex(document: Document) -> str:
    """The fragment, from its heading to what was checked."""
    most = max(
        (columns(b.box) for b in document.blocks if isinstance(b, Equation)), default=0
    )
    head = ["% Needs \\usepackage{amsmath}" + _class_note(document.language) + "."]
    if most > _AMSMATH_COLUMNS:
        head.append(rf"\setcounter{{MaxMatrixCols}}{{{most}}}")
    fitter, writer = Fitter(), Writer()
    return "\n".join(head) + "\n\n" + "\n\n".join(
        _block(block, fitter, writer) for block in document.blocks
    ) + "\n"


def _class_note(language: str) -> str:
    return " and a class with Chinese fonts, such as ctexart" if language == "zh" else ""


def _block(block: Block, fitter: Fitter, writer: Writer) -> str:
    match block:
        case Heading(level=level, segments=segments):
            return rf"\{_HEADINGS[level]}*{{{_segments(segments)}}}"
        case Paragraph(segments=segments):
            return r"\noindent " + _segments(segments)
        case Bullets(items=items):
            lines = "\n".join(rf"\item {_segments(item)}" for item in items)
            return f"\\begin{{itemize}}\n{lines}\n\\end{{itemize}}"
        case Equation(box=box):
            return _equation(fitter.fitted(box, ROOM), fitter, writer)


def _equation(box: Box, fitter: Fitter, writer: Writer) -> str:
    source = writer.write(box)
    size = fitter.width(box)
    command = next((c for limit, c in _SIZES if size <= limit), _SIZES[-1][1])
    display = f"\\[\n{source}\n\\]"
    return f"{{{command}\n{display}\n}}" if command else display


#: Font sizes for what is still too wide once every sum is broken; none is below 70 %.
_SIZES = ((35.0, ""), (38.5, r"\small"), (43.0, r"\footnotesize"), (49.0, r"\scriptsize"))


def _segments(segments: tuple[Segment, ...]) -> str:
    return "".join(map(_segment, segments))


def _segment(segment: Segment) -> str:
    match segment:
        case Text(text=text):
            return escape(text)
        case Math(box=box):
            return f"${inline(box)}$"
        case Code(text=text):
            return rf"\texttt{{{escape(text)}}}"


def escape(text: str) -> str:
    """Text as typed, for LaTeX."""
    return "".join(_ESCAPES.get(letter, letter) for letter in text)
