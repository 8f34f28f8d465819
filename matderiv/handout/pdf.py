"""A document as a PDF, made by Typst from the extra `pdf`, without TeX.

The file keeps to PDF/UA, the standard for readers who hear a page: formulas and figures have a text
in words, and a letter for which no font has a shape is an error, not a gap.
"""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from matderiv.errors import MissingError
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
from matderiv.handout.graph_layout import LINE, ON_PAGES, Placed, drawings, middle
from matderiv.handout.slides import slides
from matderiv.handout.text import is_wordy, words_of
from matderiv.notation.boxes import Aligned
from matderiv.notation.layout import fitted
from matderiv.notation.text import text
from matderiv.notation.typst import DEFINITIONS, inline_typst, rights, string, typst

if TYPE_CHECKING:
    from typst import Fonts

__all__ = ["to_pdf", "to_pdf_slides", "to_typst"]

#: The room of a displayed equation, in em of the text, as wide as `_PAGE` leaves it. Boxes are
#: measured on the wide side, and what is still too wide is set smaller.
_ROOM = 43.0
_BOARD_ROOM = 38.0

#: The size of the text in a graph.
_SMALL = 0.9

#: Fonts with Chinese letters, the best for a page of mathematics first.
_CHINESE = (
    "Noto Serif CJK SC",
    "Noto Serif SC",
    "Source Han Serif SC",
    "Songti SC",
    "STSong",
    "SimSun",
    "FandolSong",
    "AR PL SungtiL GB",
    "Noto Sans CJK SC",
    "Noto Sans SC",
    "Source Han Sans SC",
    "PingFang SC",
    "Microsoft YaHei",
    "WenQuanYi Zen Hei",
    "WenQuanYi Micro Hei",
)

#: Blocks that are kept on the same page as the sentence before them.
_LED = (Bullets, CodeBlock, Equation, Table, BoardBlock)

#: Languages in whose text quotation marks and dashes are as wide as a letter.
_EAST_ASIAN = ("zh",)

#: Pages of A4: their margins, how wide and high a chain may be there upright and turned, and up to
#: which height all of it counts.
_A4 = r"""
#set page(paper: "a4", margin: (x: 2.4cm, top: 2.4cm, bottom: 2.6cm), numbering: "1 / 1")
#let rooms = ((16.18cm, 24cm), (24.88cm, 15cm))
#let whole = 16cm
#let above-title = 0cm
"""

#: Slides for a projector, as wide in em as a page; none of them is turned.
_SLIDES = r"""
#set page(width: 22.4cm, height: 12.6cm, margin: (x: 1.35cm, top: 1cm, bottom: 1.1cm))
#set page(numbering: "1 / 1", number-align: right)
#let rooms = ((19.7cm, 10.4cm),) * 2
#let whole = 8cm
#let above-title = 3cm
#show heading: it => pagebreak(weak: true) + it
"""

_PAGE = r"""
#set par(justify: true, leading: 0.7em, spacing: 1em)
#set math.equation(numbering: none)
#show math.equation: set text(font: ("New Computer Modern Math", ..fonts), weight: 400)
#show math.equation.where(block: true): set block(breakable: true, above: 0.9em, below: 1.1em)
#show math.equation.where(block: true): set par(leading: 0.9em)
#show raw: set text(font: ("DejaVu Sans Mono", ..fonts), size: 1.1em)
#show raw.where(block: true): it => block(
  width: 100%, fill: luma(245), inset: 0.8em, radius: 2pt, it)
#set raw(theme: none)
#show heading: set block(above: 1.7em, below: 0.9em)
#show heading.where(level: 1): set text(size: 1.1em)
#show heading.where(level: 2): set text(size: 1em)
#set list(indent: 0.4em, body-indent: 0.6em, spacing: 0.7em)
#set figure(numbering: none, supplement: none, gap: 0.9em)
#show figure: set block(above: 1.6em, below: 1.6em)
#show figure.caption: set text(size: 0.92em)
#set table(stroke: none)
#let heading-block(it, author) = {
  v(above-title)
  align(center, {
    show title: set text(size: 1.05em)
    title(it)
    if author != [] { block(above: 0.9em, author) }
  })
  v(1em)
}
#let lead(it) = block(width: 100%, sticky: true, par(it))
// A cell with a formula alone is as high as one with words, so that rows stand on one line.
#let cell(it) = box(height: 0.7em) + it
#let ruled(columns, head, ..cells, wordy: false) = align(center, table(
  columns: columns, align: (x, _) => if wordy or x == 0 { left } else { right },
  inset: (x: if columns > 8 { 0.35em } else { 0.7em }, y: 0.42em),
  table.hline(stroke: 0.8pt), table.header(..head.map(cell)), table.hline(stroke: 0.5pt),
  ..cells.pos().map(cell),
  table.hline(stroke: 0.8pt)))
// The lines of a board: a rule stands at the right margin, or below its line without room there.
#let board-side(alt, it) = {
  set text(top-edge: "bounds", bottom-edge: "bounds")
  math.equation(alt: alt, math.display(it.body))
}
#let board(..lines) = block(width: 100%, above: 1em, below: 1.2em, layout(size => {
  let first = calc.max(..lines.pos().map(line => measure(line.at(0)).width))
  let rest = size.width - first - 0.4em.to-absolute()
  for (one, other, note) in lines.pos() {
    let beside = measure(other).width + measure(note).width + 1.5em.to-absolute() <= rest
    block(breakable: false, above: 0.8em, below: 0.8em, grid(
      columns: (first, 1fr, auto), column-gutter: 0.4em, row-gutter: 0.5em,
      align: (right + horizon, start + horizon, end + horizon),
      one, other, if beside { text(size: 0.9em, note) } else { [] },
      ..if beside { () } else {
        (grid.cell(colspan: 3, align: end, text(size: 0.9em, note)),)
      }))
  }
}))
// A graph: lines with the heads of arrows and dots where they part, and boxes above them.
#let drawing(size, lines, heads, dots, nodes) = align(center, block(
  width: size.at(0), height: size.at(1), breakable: false, {
    set par(leading: 0.6em)
    pdf.artifact({
      for (x, y, to, end) in lines {
        place(line(start: (x, y), end: (to, end), stroke: 0.5pt + luma(90)))
      }
      for (x, y) in heads {
        place(dx: x, dy: y, polygon(
          fill: luma(60), (-0.5em, -0.2em), (0em, 0em), (-0.5em, 0.2em)))
      }
      for (x, y) in dots {
        place(dx: x - 0.14em, dy: y - 0.14em, circle(radius: 0.14em, fill: luma(60)))
      }
    })
    for (x, y, width, height, label, back, again) in nodes {
      let dash = if again { "dashed" }
      place(dx: x, dy: y, box(
        width: width, height: height, inset: (x: 0.4em), radius: 2pt, fill: white,
        stroke: (paint: luma(150), thickness: 0.5pt, dash: dash),
        align(horizon + start, [#label #if back != [] { [\ #back] }])))
    }
  }))
#let graph(caption, ..parts) = {
  set text(size: 0.9em)
  for (size, lines, heads, dots, nodes) in parts.pos() { drawing(size, lines, heads, dots, nodes) }
  align(center, caption)
}
// A chain of equalities, smaller if it is too large for a page, but not below 70 %: then it gets
// a page of its own, turned or as large as it takes.
#let chain(alt, left, ..rights) = context {
  let equation(start: left.body, ..rights) = math.equation(block: true, alt: alt, {
    start
    rights.pos().map(right => $&= #right.body$.body).join(linebreak())
  })
  let (width, height) = measure(equation(..rights))
  let tallest = if height < whole { height } else {
    calc.max(..rights.pos().map(right => measure(equation(right)).height))
  }
  let scale(room) = calc.min(1, room.at(0) / width, room.at(1) / tallest)
  let (upright, turned) = rooms
  let set-in(room) = {
    set text(size: scale(room) * 1em)
    let high = height > 20em.to-absolute()
    let sides = rights.pos()
    show math.equation: set block(breakable: high)
    if not high or sides.len() < 4 { equation(..sides) } else {
      // A page may end between sides, but not before the last one. Those who hear the page have
      // heard all of the chain with its start.
      show math.equation: set align(start)
      pad(left: (100% - scale(room) * width) / 2, {
        show math.equation: set block(below: 0.9em)
        equation(..sides.slice(0, -2))
        show math.equation: set block(breakable: false, above: 0.9em, below: 1.1em)
        pdf.artifact(equation(start: hide(left.body), ..sides.slice(-2)))
      })
    }
  }
  if scale(upright) >= 0.7 { set-in(upright) }
  else if scale(turned) >= 0.7 { page(flipped: true, set-in(turned)) }
  else { page(width: calc.max(21cm, width + 5cm), height: auto, equation(..rights)) }
}
// One that no page holds gets a page as large as it takes at once: to measure it takes as long as
// to set it. Those who hear the page hear all of it with its start.
#let large-chain(alt, left, ..rights) = page(width: auto, height: auto, {
  block(width: 16.2cm, height: 0pt, spacing: 0pt)
  place(math.equation(block: true, alt: alt, hide(left.body)))
  pdf.artifact(math.equation(block: true, {
    left.body
    rights.pos().map(right => $&= #right.body$.body).join(linebreak())
  }))
})
"""

#: The width of a chain, and the height of one of its sides, from which on no page holds it, in em.
#: A page turned holds 92 × 55 at 70 %, one upright 60 × 88; boxes are measured on the wide side.
_WIDEST, _HIGHEST = 184.0, 176.0


def to_pdf(document: Document) -> bytes:
    """The PDF; the same bytes for the same document and fonts.

    Raises:
        MissingError: the extra is not installed, or no font on this machine has a letter.

    >>> to_pdf(Document("en", (Text("Gradients"),), ()))[:5]
    b'%PDF-'
    """
    return _made(document, _A4)


def to_pdf_slides(document: Document) -> bytes:
    """Slides as a PDF, of what a page shows without its answers.

    Raises:
        MissingError: as for `to_pdf`.
    """
    shown = [slide for slide in slides(document) if not slide.heading.answer]
    blocks = [(replace(slide.heading, level=2), *slide.blocks) for slide in shown]
    return _made(replace(document, blocks=tuple(itertools.chain(*blocks))), _SLIDES)


def _made(document: Document, sheet: str) -> bytes:
    """The PDF of a document on sheets of a kind."""
    try:
        import typst as compiler
    except ImportError:
        raise MissingError(
            "A PDF is made by Typst, which is not installed: pip install 'matderiv[pdf]', or in a "
            "checkout pip install '.[pdf]'."
        ) from None
    source = _source(document, sheet)
    # Fonts of the machine are looked for only where letters may need them.
    for system in (False, True) if max(source) < _EAST_ASIA else (True,):
        fonts = _fonts(system=system)
        try:
            made = compiler.compile(
                (_font_names(document.language, fonts.families()) + source).encode(),
                format="pdf",
                font_paths=fonts,
                pdf_standards=["ua-1"],
            )
        except compiler.TypstError as error:
            missing = re.findall(r"the text `\"(.+?)\"` could not be displayed", error.diagnostic)
            if not missing:
                raise
        else:
            return made
    raise MissingError(_advice("".join(missing)))


@functools.cache
def _fonts(*, system: bool) -> Fonts:
    """The fonts that Typst brings along, and those of the machine, which take time to find."""
    import typst as compiler

    return compiler.Fonts(include_system_fonts=system)


def _advice(missing: str) -> str:
    """Advice on the package to install for letters that no font has."""
    letters = "".join(dict.fromkeys(missing))
    shown = letters if len(letters) <= _SHOWN else letters[:_SHOWN] + "…"
    fonts = next(advice for pattern, advice in _ADVICE if re.search(pattern, letters))
    return f"No font on this machine has a shape for {shown!r}; install {fonts}."


_EAST_ASIA = "\u2e80"
_SHOWN = 8
#: Letters, and what to install for them; the last is for any.
_ADVICE = (
    (
        "[\u2e80-\uffef\U00020000-\U0003ffff]",
        "a Chinese font, such as Noto Serif CJK SC (Debian and Ubuntu: fonts-noto-cjk)",
    ),
    (
        "[\u2190-\u2bff\U0001f000-\U0001faff]",
        "one that has, such as Noto Color Emoji (Debian and Ubuntu: fonts-noto-color-emoji)",
    ),
    ("", "one that has, such as Noto Sans (Debian and Ubuntu: fonts-noto-core)"),
)


def to_typst(document: Document, families: Collection[str]) -> str:
    """The document as Typst source, to be set in the best fonts of those there are.

    >>> print(to_typst(Document("en", (Text("Gradients"),), ()), ()).splitlines()[1])
    #set document(title: "Gradients", date: none)
    """
    return _font_names(document.language, families) + _source(document)


def _font_names(language: str, families: Collection[str]) -> str:
    """The definition of the fonts to set text in."""
    chinese = next((f'"{family}"' for family in _CHINESE if family in families), "")
    latin = '(name: "New Computer Modern", covers: "latin-in-cjk")'
    if language not in _EAST_ASIAN:
        latin = '"New Computer Modern"'
    return f"#let fonts = ({latin}, {chinese})\n"


def _source(document: Document, sheet: str = _A4) -> str:
    """The document as Typst source, but for the names of its fonts."""
    author = document.author
    head = [
        f"#set document(title: {string(words_of(document.title))}, date: none)",
        f"#set document(author: {string(author)})" if author else "",
        f'#set text(font: fonts, size: 11pt, lang: "{document.language}")',
        sheet,
        _PAGE,
        DEFINITIONS,
        f"#heading-block([{_segments(document.title)}], [{_text(author)}])",
    ]
    around = (None, *document.blocks, None)
    blocks = (
        _block(block, elide=not document.whole, leads=_leads(before, after))
        for before, block, after in zip(around, around[1:], around[2:], strict=False)
        if block is not None
    )
    return "\n".join((*head, *blocks, ""))


def _leads(before: Block | None, after: Block | None) -> bool:
    """Whether a paragraph stays on the page of what follows it."""
    return isinstance(after, _LED) or (isinstance(before, Heading) and isinstance(after, Paragraph))


def _block(block: Block, *, elide: bool, leads: bool) -> str:
    match block:
        case Heading(level=level, segments=segments):
            return f"#heading(level: {level - 1})[{_segments(segments)}]"
        case Paragraph(segments=segments):
            return f"#lead[{_segments(segments)}]" if leads else f"{_segments(segments)}\n"
        case Bullets(items=items):
            return f"#list({', '.join(f'[{_segments(item)}]' for item in items)})"
        case Equation(box=box):
            fit = fitted(box, _ROOM, elide=elide)
            assert isinstance(fit, Aligned)
            sides = ", ".join(f"${side}$" for side in (typst(fit.left), *rights(fit)))
            large = fit.width > _WIDEST or max(right.height for right in fit.rights) > _HIGHEST
            return f"#{'large-chain' if large else 'chain'}({string(text(box))}, {sides})"
        case CodeBlock(text=lines, language=language):
            return f'#raw(block: true, lang: "{language}", {string(lines)})'
        case Table(head=head, rows=rows, caption=caption):
            form = ", wordy: true" if is_wordy(block) else ""
            cells = ", ".join(_cells(row) for row in rows)
            return (
                f"#figure(kind: table, caption: [{_segments(caption)}], "
                f"ruled({len(head)}, ({_cells(head)},), {cells}{form}))"
            )
        case BoardBlock(rows=lines):
            return f"#board({', '.join(map(_board_row, lines))})"
        case GraphBlock(caption=caption):
            return f"#graph([{_segments(caption)}], {', '.join(_graph(block))})"


def _graph(graph: GraphBlock) -> Iterator[str]:
    """Each drawing of a graph: its size, its lines, and its boxes."""
    nodes = {node.name: node for node in graph.nodes}
    widths = {name: node.width for name, node in nodes.items()}
    for drawing in drawings(widths, graph.edges, _ROOM / _SMALL, ON_PAGES):
        lines = [
            f"({x:.2f}em, {middle(row):.2f}em, {to:.2f}em, {middle(end):.2f}em)"
            for wire in drawing.wires
            for (x, row), (to, end) in itertools.pairwise(wire.points)
        ]
        ends = [wire.points[-1] for wire in drawing.wires if wire.ends is not None]
        heads = [f"({x:.2f}em, {middle(row):.2f}em)" for x, row in ends]
        dots = [f"({x:.2f}em, {middle(row):.2f}em)" for x, row in drawing.forks]
        boxes = [_node(placed, nodes[placed.key]) for placed in drawing.boxes]
        size = f"({drawing.width:.2f}em, {drawing.rows * LINE:.2f}em)"
        yield f"({', '.join((size, *map(_array, (lines, heads, dots, boxes))))})"


def _array(items: Iterable[str]) -> str:
    return "(" + "".join(f"{item}, " for item in items) + ")"


def _node(placed: Placed, node: GraphNode) -> str:
    place = f"{placed.x:.2f}em, {placed.row * LINE:.2f}em"
    size = f"{placed.width:.2f}em, {placed.rows * LINE:.2f}em"
    label = inline_typst(node.label) + (
        "" if node.shape is None else f" #h(0.3em) {inline_typst(node.shape)}"
    )
    back = "" if node.back is None else inline_typst(node.back)
    again = "true" if placed.again else "false"
    return f"({place}, {size}, [{label}], [{back}], {again})"


def _board_row(row: BoardRow) -> str:
    """Left side, right side and rule of a line of a board, as three arguments."""
    left = "[]"
    if row.left is not None:
        arrow = "arrow.r.double thin " if row.follows else ""
        words = ("⇒ " if row.follows else "") + text(row.left)
        left = f"board-side({string(words)}, ${arrow}{typst(row.left)}$)"
    right = fitted(row.right, _BOARD_ROOM, elide=False)
    side = f"board-side({string('= ' + text(row.right))}, $= {typst(right)}$)"
    return f"({left}, {side}, [{_segments(row.note)}])"


def _cells(cells: tuple[Segments, ...]) -> str:
    return ", ".join(f"[{_segments(cell)}]" for cell in cells)


def _segments(segments: Segments) -> str:
    return "".join(map(_segment, segments))


def _segment(segment: Segment) -> str:
    match segment:
        case Text(text=words):
            return _text(words)
        case Math(box=box):
            return inline_typst(box)
        case Code(text=words):
            return f"#raw({string(words)});"


def _text(words: str) -> str:
    """Text as typed: a string in code, which no character of it can end."""
    return f"#{string(words)};" if words else ""
