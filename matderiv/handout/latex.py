r"""A document as a LaTeX fragment to \input: amsmath is all it needs."""

from __future__ import annotations

import itertools

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
from matderiv.notation.boxes import Aligned
from matderiv.notation.latex import Writer, columns, inline
from matderiv.notation.layout import fitted

__all__ = ["escape", "to_latex"]

#: The room of a displayed equation, in em of the text: an A4 page of `article` at its
#: default margins is 34.5 em wide.
ROOM = 32.7

_HEADINGS = {1: "section", 2: "subsection", 3: "subsubsection"}
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
    most = max((columns(b.box) for b in document.blocks if isinstance(b, Equation)), default=0)
    head = ["% Needs \\usepackage{amsmath}" + _class_note(document.language) + "."]
    if most > _AMSMATH_COLUMNS:
        head.append(rf"\setcounter{{MaxMatrixCols}}{{{most}}}")
    writer = Writer()
    parts = ["\n".join(head)]
    title = Heading(1, document.title)
    for before, block in itertools.pairwise((None, title, *document.blocks)):
        assert block is not None
        # A formula right after its sentence, without an empty line, stays on its page.
        joined = isinstance(block, Equation) and isinstance(before, Paragraph)
        parts.append(("%\n" if joined else "\n") + _block(block, writer, elide=not document.whole))
    return "\n".join(parts) + "\n"


def _class_note(language: str) -> str:
    return " and a class with Chinese fonts, such as ctexart" if language == "zh" else ""


def _block(block: Block, writer: Writer, *, elide: bool) -> str:
    match block:
        case Heading(level=level, segments=segments):
            return rf"\{_HEADINGS[level]}*{{{_segments(segments)}}}"
        case Paragraph(segments=segments):
            return r"\noindent " + _segments(segments)
        case Bullets(items=items):
            lines = "\n".join(rf"\item {_segments(item)}" for item in items)
            return f"\\begin{{itemize}}\n{lines}\n\\end{{itemize}}"
        case Equation(box=box):
            fit = fitted(box, ROOM, elide=elide)
            assert isinstance(fit, Aligned)
            return _equation(fit, writer)


def _equation(box: Aligned, writer: Writer) -> str:
    """A chain whose rows may stand on different pages, in a smaller font if it is too wide."""
    font = next((f for limit, f in _FONTS if box.width <= limit), _FONTS[-1][1])
    rows = writer.rows(box.left, box.rights)
    display = f"\\allowdisplaybreaks\n\\begin{{align*}}\n{rows}\n\\end{{align*}}}}"
    # In a font of its own a display ends the paragraph, or it would set its lines closer too.
    return f"\\par\\nopagebreak\n{{{font}{display}" if font else f"{{{display}"


#: Font sizes for what is still too wide once every sum is broken; none is below 70 %.
_FONTS = ((33.0, ""), (36.5, r"\small"), (41.0, r"\footnotesize"), (47.0, r"\scriptsize"))


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
