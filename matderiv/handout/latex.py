r"""A document as a LaTeX fragment to \input, which needs amsmath alone; as pages; as slides."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from matderiv.handout.document import (
    Block,
    BoardBlock,
    BoardRow,
    Bullets,
    Code,
    CodeBlock,
    Document,
    Equation,
    GraphBlock,
    GraphNode,
    Heading,
    Math,
    Paragraph,
    Segment,
    Segments,
    Table,
    Text,
)
from matderiv.handout.graph_layout import LINE, ON_PAGES, Drawing, drawings, middle
from matderiv.handout.large import PAGE_HEIGHT, PAGES, enlarged, tallest
from matderiv.handout.letters import MACROS, escape_code, escape_latex, has_chinese, has_others
from matderiv.handout.slides import Slide, slides
from matderiv.handout.text import is_wordy
from matderiv.notation.boxes import Aligned, Box, Grid, Row
from matderiv.notation.latex import Writer, columns, inline_latex
from matderiv.notation.layout import fitted

__all__ = ["to_beamer", "to_latex", "to_standalone"]

#: The room of a displayed equation, in em of the text: an A4 page of `article` at its
#: default margins is 34.5 em wide; a slide of `beamer` is 44 em wide, and 23 em high.
_ROOM = 32.7
_SLIDE = (42.0, 14.0)

#: The command of each level of heading, in a document of its own and in a piece of another.
_SECTIONS = ("section", "subsection", "subsubsection")
_AMSMATH_COLUMNS = 10
_WIDE = 4.0  # from how many em on the formulas of a heading are wide
_FEW = 40  # letters of a heading that leave room for its formulas
_BROKEN = r"p{0.19\linewidth}"
_ARROW = 2.0  # the width of ⇒ in em
_MANY = 8  # columns of a table from which on they stand closer
_HEADING = tuple(f"\n\\{name}*" for name in _SECTIONS)  # what a heading's source starts with


def to_latex(document: Document) -> str:
    """The fragment, from its heading to what was checked."""
    texts = list(_texts(document))
    needs = r"% Needs \usepackage{amsmath}" + _class_note(document.language, texts) + "."
    author = [Paragraph((Text(document.author),))] * bool(document.author)
    body = _body(document, Heading(1, document.title), *author, top=1)
    if not has_others(texts):
        return f"{needs}\n{body}"
    before = "\n".join(f"% {line}" for line in MACROS.split("\n"))
    note = "% Some letters stand in few fonts; for them it needs this before the document:"
    return f"{needs}\n{note}\n{before}\n{body}"


def _class_note(language: str, texts: list[str]) -> str:
    if language == "zh":
        return " and a class with Chinese fonts, such as ctexart"
    return r" and \usepackage[scheme=plain]{ctex}" if has_chinese(texts) else ""


#: The line that begins a document of each language.
_CLASSES = {
    "en": r"\documentclass[a4paper]{article}",
    "zh": r"\documentclass[a4paper]{ctexart}",
}


def to_standalone(document: Document) -> str:
    """A document that XeLaTeX makes into pages of A4."""
    texts = list(_texts(document))
    chinese = has_chinese(texts) and document.language != "zh"
    body = _body(document, top=2, own_pages=document.whole)
    return "\n".join(
        [
            _CLASSES[document.language],
            r"\usepackage{amsmath}",
            r"\usepackage[a4paper,textwidth=34.5em,vmargin=2.5cm]{geometry}",
            *[r"\usepackage[scheme=plain,space=true]{ctex} % for the Chinese letters"] * chinese,
            *[MACROS] * has_others(texts),
            _PAGE,
            *[PAGES] * (r"\largepage" in body),
            r"\begin{document}",
            _title(document),
            body.rstrip("\n"),
            r"\end{document}",
            "",
        ]
    )


#: Paragraphs apart from each other, and lines from the fractions in them.
_PAGE = r"""\pagestyle{plain}
\setlength{\parindent}{0pt}
\setlength{\parskip}{0.5em plus 0.2em minus 0.1em}
\setlength{\lineskip}{2pt}
\setlength{\lineskiplimit}{2pt}
\setlength{\emergencystretch}{2em}
\widowpenalty=10000 \displaywidowpenalty=10000 \clubpenalty=10000"""


#: The class of slides of each language.
_DECKS = {"en": "beamer", "zh": "ctexbeamer"}

#: Slides without ornaments; formulas in the letters of a book.
_SLIDES = r"""\usefonttheme[onlymath]{serif}
\setbeamertemplate{navigation symbols}{}
\setbeamertemplate{footline}[frame number]
\setbeamertemplate{frametitle continuation}{}
\setbeamerfont{frametitle}{size=\normalsize,series=\bfseries}
\setlength{\parskip}{0.4em}
% A table that is too high for a slide is made smaller.
\newsavebox\whole
\newcommand\smaller[1]{\sbox\whole{#1}\ifdim\dimexpr\ht\whole+\dp\whole\relax>0.66\textheight
  \resizebox*{!}{0.66\textheight}{\usebox\whole}\else\usebox\whole\fi}
% For yourself: \answerstrue shows the slides with the answers.
\newif\ifanswers"""


def to_beamer(document: Document) -> str:
    """Slides that XeLaTeX makes, of what a page shows; answers only where they are asked for."""
    texts = list(_texts(document))
    chinese = has_chinese(texts) and document.language != "zh"
    return "\n".join(
        [
            rf"\documentclass[aspectratio=169,9pt,t]{{{_DECKS[document.language]}}}",
            *[r"\usepackage[scheme=plain,space=true]{ctex} % for the Chinese letters"] * chinese,
            *[MACROS] * has_others(texts),
            _SLIDES,
            rf"\title{{\texorpdfstring{{{_segments(document.title)}}}{{}}}}",
            rf"\author{{\texorpdfstring{{{escape_latex(document.author)}}}{{}}}}",
            r"\date{}",
            r"\begin{document}",
            r"\frame{\titlepage}",
            *(_slide(slide, document) for slide in slides(document)),
            r"\end{document}",
            "",
        ]
    )


def _slide(slide: Slide, document: Document) -> str:
    """A slide, or several where one is too small for it."""
    body = _body(slide.within(document), top=2, size=_SLIDE).strip("\n")
    # Rows stand closer than on a page, and a slide may end between any two.
    body = body.replace(r"\\*[10pt]", r"\\[6pt]").replace(r"\\[10pt]", r"\\[6pt]")
    body = body.replace(r"\begin{tabular}", r"\smaller{\begin{tabular}")
    body = body.replace(r"\end{tabular}", r"\end{tabular}}")
    title = _segments(slide.heading.segments)
    frame = f"\\begin{{frame}}[allowframebreaks=0.9]{{{title}}}\n{body}\n\\end{{frame}}"
    return f"\n\\ifanswers\n{frame}\n\\fi" if slide.heading.answer else f"\n{frame}"


def _title(document: Document) -> str:
    lines = [rf"{{\LARGE\bfseries {_segments(document.title)}\par}}"]
    if document.author:
        lines.append(rf"\medskip {{\large {escape_latex(document.author)}\par}}")
    return _centred("\n".join(lines))


def _texts(document: Document) -> Iterator[str]:
    """All words of a document."""
    yield document.author
    yield from _words(document.title)
    for block in document.blocks:
        match block:
            case Heading(segments=segments) | Paragraph(segments=segments):
                yield from _words(segments)
            case Bullets(items=items):
                yield from _words(itertools.chain(*items))
            case CodeBlock(text=text):
                yield from text.split("\n")
            case Table(head=head, rows=rows, caption=caption):
                yield from _words(itertools.chain(*head, *itertools.chain(*rows), caption))
            case GraphBlock(caption=caption):
                yield from _words(caption)
            case BoardBlock(rows=lines):
                yield from _words(itertools.chain(*(line.note for line in lines)))
            case Equation():
                pass


def _words(segments: Iterable[Segment]) -> Iterator[str]:
    return (segment.text for segment in segments if not isinstance(segment, Math))


def _body(
    document: Document,
    *before: Block,
    top: int,
    own_pages: bool = False,
    size: tuple[float, float] = (_ROOM, math.inf),
) -> str:
    """The blocks; `top` is the highest level of heading."""
    most = max((columns(b.box) for b in document.blocks if isinstance(b, Equation)), default=0)
    parts = [rf"\setcounter{{MaxMatrixCols}}{{{most}}}"] * (most > _AMSMATH_COLUMNS)
    setter = _Setter(Writer(), not document.whole, top, own_pages, *size)
    blocks = (None, *before, *document.blocks, None)
    for last, block, after in zip(blocks, blocks[1:], blocks[2:], strict=False):
        assert block is not None
        if setter.own_pages and isinstance(block, Equation):
            fit, font = _set(block.box, setter, elide=False)
            if font is None or tallest(fit) > PAGE_HEIGHT:
                large, page = enlarged(block.box)
                # Its sentence and its heading stand on the page of the chain.
                start = len(parts) - isinstance(last, Paragraph)
                start -= start > 0 and parts[start - 1].startswith(_HEADING)
                parts.insert(start, f"\n{page}")
                parts.append(f"{_equation(large, setter.writer, '')}\n\\usualpage")
                continue
        source = _block(block, setter)
        if _leads(last, block, after):
            source += "\n\\par\\nopagebreak"
        if isinstance(block, Equation) and isinstance(last, Paragraph):
            source = f"%\n{source}"  # right after its sentence it stays on its page
        elif isinstance(block, Equation) and isinstance(last, Equation):
            parts[-1] += "%"  # nor does an empty line stand between two
        elif isinstance(block, Paragraph) and isinstance(last, Paragraph) and top == 1:
            source = f"\n\\smallskip\n{source}"  # another's document may set them close
        else:
            source = f"\n{source}"
        parts.append(source)
    return "\n".join(parts) + "\n"


def _leads(last: Block | None, block: Block, after: Block | None) -> bool:
    """Whether a paragraph is kept on the page of the next block; before equations TeX does it."""
    if not isinstance(block, Paragraph):
        return False
    return isinstance(after, Bullets | CodeBlock | Table) or (
        isinstance(last, Heading) and isinstance(after, Paragraph)
    )


@dataclass(frozen=True, slots=True)
class _Setter:
    writer: Writer
    elide: bool
    top: int
    own_pages: bool  # whether chains that are too large for a page get one of their own
    room: float  # of a displayed equation in em
    high: float  # what a side of one may be high in em


def _block(block: Block, setter: _Setter) -> str:
    match block:
        case Heading(level=level, segments=segments):
            wide = sum(part.box.width for part in segments if isinstance(part, Math))
            words = sum(len(part.text) for part in segments if isinstance(part, Text))
            # A formula is not parted: before a wide one a line may end before the margin.
            ragged = r"\raggedright " if wide > _WIDE and words > _FEW else ""
            return rf"\{_SECTIONS[level - setter.top]}*{{{ragged}{_segments(segments)}}}"
        case Paragraph(segments=segments):
            line = r"\noindent " + _segments(segments)
            if any(isinstance(part, Code) and " " in part.text for part in segments):
                return rf"{{\emergencystretch=2em {line}\par}}"  # commands part in few places
            return line
        case Bullets(items=items):
            lines = "\n".join(rf"\item {_segments(item)}" for item in items)
            return _led(f"\\begin{{itemize}}\n{lines}\n\\end{{itemize}}")
        case Equation(box=box):
            fit, font = _set(box, setter, elide=setter.elide)
            return _equation(fit, setter.writer, _FONTS[-1][1] if font is None else font)
        case CodeBlock(text=text):
            return _listing(text)
        case Table():
            return _table(block)
        case BoardBlock(rows=rows):
            return _board(rows, setter.room)
        case GraphBlock():
            return _graph(block, setter)


def _board(rows: tuple[BoardRow, ...], room: float) -> str:
    """The lines of a board, rules at the right margin or below where there is no room."""
    writer = Writer()
    lead = max((row.left.width for row in rows if row.left is not None), default=0.0)
    lead += _ARROW if any(row.follows for row in rows) else 0.0
    lines: list[str] = []
    for row in rows:
        arrow = r"\Rightarrow\ " if row.follows else ""
        left = "" if row.left is None else rf"$\displaystyle {arrow}{writer.write(row.left)}$"
        right = fitted(row.right, room - lead - 1.5, elide=False)
        line = rf"\makebox[{lead:.1f}em][r]{{{left}}}$\displaystyle {{}}= {writer.write(right)}$"
        note = rf"{{\small {_segments(row.note)}}}" if row.note else ""
        if note and lead + 1.5 + right.width + _note_width(row.note) > room:
            lines.append(line)
            line = r"\null"
        lines.append(line + (rf"\hfill {note}" if note else ""))
    body = "\n".join(rf"\par\noindent {line}\par\vspace{{2pt}}" for line in lines)
    return f"\\begingroup\n{body}\n\\endgroup"


def _graph(graph: GraphBlock, setter: _Setter) -> str:
    """The drawings of a graph as pictures, smaller where they are too high."""
    nodes = {node.name: node for node in graph.nodes}
    widths = {name: node.width for name, node in nodes.items()}
    smaller = (
        (size, font, drawings(widths, graph.edges, setter.room / size, ON_PAGES))
        for size, font in _FONTS[1:]
    )
    *others, last = smaller
    fitting = (one for one in others if one[0] * LINE * sum(d.rows for d in one[2]) <= setter.high)
    _, font, made = next(fitting, last)
    pictures = [_picture(drawing, nodes) for drawing in made]
    words = rf"\parbox{{0.9\linewidth}}{{\small\centering {_segments(graph.caption)}}}"
    body = "\n\\par\\medskip\n".join((*pictures, words))
    return _centred(f"{font}\\setlength{{\\unitlength}}{{1em}}%\n{body}")


def _picture(drawing: Drawing, nodes: Mapping[str, GraphNode]) -> str:
    """Boxes, lines, heads of arrows and dots in the picture environment, which counts upwards."""
    high = drawing.rows * LINE

    def at(x: float, row: float) -> str:
        return f"({x:.2f},{high - middle(row):.2f})"

    lines = []
    for wire in drawing.wires:
        for (x, row), (to, end) in itertools.pairwise(wire.points):
            last = (to, end) == wire.points[-1] and wire.ends is not None
            if row != end:
                up = 1 if end < row else -1
                lines.append(rf"\put{at(x, row)}{{\line(0,{up}){{{abs(end - row) * LINE:.2f}}}}}")
            elif to > x:
                sort = "vector" if last else "line"
                lines.append(rf"\put{at(x, row)}{{\{sort}(1,0){{{to - x:.2f}}}}}")
    lines += [rf"\put{at(x, row)}{{\circle*{{0.28}}}}" for x, row in drawing.forks]
    for placed in drawing.boxes:
        node = nodes[placed.key]
        bottom = high - (placed.row + placed.rows) * LINE + 0.08
        size = f"({placed.width:.2f},{placed.rows * LINE - 0.16:.2f})"
        frame = rf"\dashbox{{0.2}}{size}" if placed.again else rf"\framebox{size}"
        lines.append(rf"\put({placed.x:.2f},{bottom:.2f}){{{frame}{{}}}}")
        shape = "" if node.shape is None else rf"\enspace${inline_latex(node.shape)}$"
        label = rf"\makebox(0,0)[l]{{${inline_latex(node.label)}${shape}}}"
        lines.append(rf"\put{at(placed.x + 0.35, placed.row)}{{{label}}}")
        if node.back is not None:
            back = rf"\makebox(0,0)[l]{{${inline_latex(node.back)}$}}"
            lines.append(rf"\put{at(placed.x + 0.35, placed.row + 1)}{{{back}}}")
    body = "\n".join(lines)
    return f"\\begin{{picture}}({drawing.width:.2f},{high:.2f})\n{body}\n\\end{{picture}}"


def _note_width(note: Segments) -> float:
    """About the width of a rule in em."""
    return sum(
        part.box.width
        if isinstance(part, Math)
        else sum(1 if c > "\u2e80" else 0.5 for c in part.text)
        for part in note
    )


def _centred(source: str) -> str:
    return f"\\begin{{center}}\n{source}\n\\end{{center}}"


def _table(table: Table) -> str:
    """A table with its caption below."""
    head, rows = table.head, table.rows
    first, *rest = (" & ".join(map(_segments, row)) + r" \\" for row in (head, *rows))
    lines = "\n".join([r"\hline", first, r"\hline", *rest, r"\hline"])
    wordy = is_wordy(table)
    form = "l" + ("r" * (len(head) - 1) if not wordy else "l" * (len(head) - 2) + _BROKEN)
    words = rf"\parbox{{0.88\linewidth}}{{\small\centering {_segments(table.caption)}}}"
    close = "\\setlength{\\tabcolsep}{3.5pt}%\n" if len(head) > _MANY else ""
    return _centred(
        f"{close}\\begin{{tabular}}{{{form}}}\n{lines}\n\\end{{tabular}}\n"
        f"\\par\\nopagebreak\\medskip\n{words}"
    )


def _listing(text: str) -> str:
    """Lines of code that can be copied; one that is too long is broken where it may be."""
    lines = " \\\\\n".join(map(escape_code, text.split("\n")))
    return _led(f"\\begin{{flushleft}}\n\\ttfamily\\small\n{lines}\n\\end{{flushleft}}")


def _led(environment: str) -> str:
    """An environment before which no page ends."""
    start = r"{\csname @beginparpenalty\endcsname=10000"
    return f"{start}\n{environment}}}"


def _set(box: Aligned, setter: _Setter, *, elide: bool) -> tuple[Aligned, str | None]:
    """A chain broken into lines, and its font: smaller if it is too large; None if none is small.

    What is too high for a slide is broken into longer lines in each smaller font.
    """
    slide = setter.high < math.inf
    fit = fitted(box, setter.room, elide=elide)
    for size, font in _FONTS:
        if slide:
            fit = fitted(box, setter.room / size, elide=elide)
        assert isinstance(fit, Aligned)
        gaps = _gaps(fit)  # they keep their width
        wide = size * (fit.width - gaps) + gaps <= setter.room + _SLACK
        if wide and size * tallest(fit) <= setter.high:
            return fit, font
    assert isinstance(fit, Aligned)
    return fit, None


def _gaps(box: Box) -> int:
    """The gaps between columns of matrices, 1 em each."""
    match box:
        case Grid(rows=rows):
            return len(rows[0])
        case Row(items=items):
            return sum(map(_gaps, items))
        case Aligned(rights=rights):
            return max(map(_gaps, rights))
    return 0


def _equation(box: Aligned, writer: Writer, font: str) -> str:
    """A chain whose rows may stand on different pages."""
    rows = writer.rows(box.left, box.rights)
    display = f"\\allowdisplaybreaks\n\\begin{{align*}}\n{rows}\n\\end{{align*}}}}"
    # In a font of its own a display ends the paragraph, or it would set its lines closer too.
    return f"\\par\\nopagebreak\n{{{font}{display}" if font else f"{{{display}"


#: How much wider than its room a formula may be in em, and smaller fonts, with their sizes
#: relative to the text, for formulas that are wider even with every sum broken into lines.
_SLACK = 0.1
_FONTS = ((1.0, ""), (0.9, r"\small"), (0.8, r"\footnotesize"), (0.7, r"\scriptsize"))


def _segments(segments: Segments) -> str:
    return "".join(map(_segment, segments))


def _segment(segment: Segment) -> str:
    match segment:
        case Text(text=text):
            return escape_latex(text)
        case Math(box=box):
            return f"${inline_latex(box)}$"
        case Code(text=text):
            return rf"\texttt{{{escape_latex(text)}}}"
