r"""A document as a LaTeX fragment to \input: amsmath is all it needs."""

from __future__ import annotations

import itertools

from matderiv.handout.document import (
    Block,
    Bullets,
    Code,
    CodeBlock,
    Document,
    Equation,
    Figure,
    Heading,
    Math,
    Paragraph,
    Segment,
    Segments,
    Table,
    Text,
)
from matderiv.notation.boxes import Aligned, Box
from matderiv.notation.latex import Writer, columns, inline
from matderiv.notation.layout import fitted
from matderiv.notation.picture import picture

__all__ = ["escape", "to_latex", "to_standalone"]

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
    note = "% Needs \\usepackage{amsmath}" + _class_note(document.language) + "."
    author = [Paragraph((Text(document.author),))] * bool(document.author)
    return f"{note}\n{_body(document, Heading(1, document.title), *author)}"


def _body(document: Document, *before: Block) -> str:
    most = max((columns(b.box) for b in document.blocks if isinstance(b, Equation)), default=0)
    parts = [rf"\setcounter{{MaxMatrixCols}}{{{most}}}"] * (most > _AMSMATH_COLUMNS)
    writer = Writer()
    for last, block in itertools.pairwise((None, *before, *document.blocks)):
        assert block is not None
        # A formula right after its sentence, without an empty line, stays on its page.
        joined = isinstance(block, Equation) and isinstance(last, Paragraph)
        parts.append(("%\n" if joined else "\n") + _block(block, writer, elide=not document.whole))
    return "\n".join(parts) + "\n"


_CLASSES = {"zh": "ctexart"}


def to_standalone(document: Document) -> str:
    """A document that XeLaTeX makes into pages of A4."""
    lines = [
        rf"\documentclass[a4paper]{{{_CLASSES.get(document.language, 'article')}}}",
        r"\usepackage{amsmath}",
        rf"\title{{{_segments(document.title)}}}",
        rf"\author{{{escape(document.author)}}}",
        r"\date{}",
        r"\begin{document}",
        r"\maketitle",
        _body(document).rstrip("\n"),
        r"\end{document}",
    ]
    return "\n".join(lines) + "\n"


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
        case CodeBlock(text=text):
            return _listing(text)
        case Table(head=head, rows=rows):
            return _table(head, rows)
        case Figure(drawing=drawing, caption=caption):
            drawn = picture(drawing, _label)
            return f"\\begin{{center}}\n{drawn}\n\\par\\medskip\n{_small(caption)}\n\\end{{center}}"


def _small(caption: Segments) -> str:
    """A caption in lines somewhat shorter than those of the text."""
    return rf"\parbox{{0.9\linewidth}}{{\small {_segments(caption)}}}"


def _label(content: Box | str) -> str:
    return escape(content) if isinstance(content, str) else f"$\\scriptstyle {inline(content)}$"


def _table(head: tuple[Segments, ...], rows: tuple[tuple[Segments, ...], ...]) -> str:
    first, *rest = (" & ".join(map(_segments, row)) + r" \\" for row in (head, *rows))
    lines = "\n".join([r"\hline", first, r"\hline", *rest, r"\hline"])
    form = "l" + "r" * (len(head) - 1)
    return f"\\begin{{center}}\n\\begin{{tabular}}{{{form}}}\n{lines}\n\\end{{tabular}}\n\\end{{center}}"


def _listing(text: str) -> str:
    """Lines of code that can be copied; one that is too long is broken where it may be."""
    lines = " \\\\\n".join(map(_code_line, text.split("\n")))
    return f"\\begin{{flushleft}}\n\\ttfamily\\small\n{lines}\n\\end{{flushleft}}"


def _code_line(line: str) -> str:
    start = len(line) - len(line.lstrip(" "))
    return r"\ " * start + escape(line[start:])


def _equation(box: Aligned, writer: Writer) -> str:
    """A chain whose rows may stand on different pages, in a smaller font if it is too wide."""
    font = next((f for limit, f in _FONTS if box.width <= limit), _FONTS[-1][1])
    rows = writer.rows(box.left, box.rights)
    display = f"\\allowdisplaybreaks\n\\begin{{align*}}\n{rows}\n\\end{{align*}}}}"
    # In a font of its own a display ends the paragraph, or it would set its lines closer too.
    return f"\\par\\nopagebreak\n{{{font}{display}" if font else f"{{{display}"


#: Font sizes for what is still too wide once every sum is broken; none is below 70 %.
_FONTS = ((33.0, ""), (36.5, r"\small"), (41.0, r"\footnotesize"), (47.0, r"\scriptsize"))


def _segments(segments: Segments) -> str:
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
