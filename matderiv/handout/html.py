"""A document as one self-contained page in HTML: it opens by double click and needs no network."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import re
from collections.abc import Iterable, Mapping
from functools import cache
from html import escape
from importlib import resources

from matderiv._version import __version__
from matderiv.handout.document import (
    Block,
    BoardBlock,
    BoardRow,
    Bullets,
    Code,
    CodeBlock,
    Detail,
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
from matderiv.handout.graph_layout import LINE, ON_PAGES, Placed, Wire, drawings, middle
from matderiv.handout.sentences import fill
from matderiv.handout.shared import LARGE_PAGE, shared
from matderiv.handout.text import words_of
from matderiv.handout.texts import messages
from matderiv.notation.boxes import Aligned, Box, Fraction, Operator, Row
from matderiv.notation.layout import fitted
from matderiv.notation.mathml import equalities, math, mathml
from matderiv.notation.names import in_line, slashed
from matderiv.notation.text import text as in_words

__all__ = ["to_html", "to_html_slides"]

#: The room of a displayed equation in em: in the text, and in the panel beside it.
_ROOM = 52.0
_PANEL_ROOM = 19.0
_BOARD_ROOM = 40.0

#: Messages that the page's script shows; the script holds no text itself.
_WORDS = ("fold_all", "unfold_all", "matrix", "wide", "progress")

#: Punctuation of any language, which may not begin a line after a formula.
_MARK = re.compile(r"[^\s\w]+")


def to_html(document: Document) -> str:
    """The whole page."""
    return _Page(document).html()


def to_html_slides(document: Document) -> str:
    """The page as it is projected, from its first slide on."""
    return _Page(document, presented=True).html()


class _Page:
    def __init__(self, document: Document, *, presented: bool = False) -> None:
        self.document = document
        kinds = ["slides"] * presented + ["mono"] * document.mono
        self.kind = f' class="{" ".join(kinds)}"' if kinds else ""
        self.words = messages(document.language)
        self.places = _places(document.blocks, _sections(document.blocks)[1:])

    def word(self, key: str) -> str:
        return escape(self.words[f"page.{key}"])

    def html(self) -> str:
        document = self.document
        script = _asset("page.js")
        spoken = {key: self.words[f"page.{key}"] for key in _WORDS}
        words = _in_script(json.dumps(spoken, ensure_ascii=False))
        author = f'<p class="author">{escape(document.author)}</p>' if document.author else ""
        first, *steps = _sections(document.blocks)
        text = "\n".join(
            (
                f"<header><h1>{_segments(document.title)}</h1>{author}</header>",
                f'<div class="body">{self.blocks(first)}</div>' if first else "",
                *(self.step(n, step) for n, step in enumerate(steps, 1)),
            )
        )
        text, parts = shared(text) if len(text) > LARGE_PAGE else (text, "")
        if parts:
            parts = f'<script type="application/json" id="parts">{_in_script(parts)}</script>\n'
            text = f"<noscript><p>{self.word('unseen')}</p></noscript>\n{text}"
        return "\n".join(
            (
                "<!DOCTYPE html>",
                f'<html lang="{self.word("code")}"{self.kind}>',
                '<head><meta charset="utf-8">',
                '<meta name="viewport" content="width=device-width, initial-scale=1">',
                f'<meta http-equiv="Content-Security-Policy" content="{_policy(script)}">',
                f'<meta name="generator" content="matderiv {escape(__version__)}">',
                f"<title>{escape(words_of(document.title))}</title>",
                f"<style>{_font()}{_asset('page.css')}</style></head>",
                f'<body><a class="skip" href="#text">{self.word("skip")}</a>',
                self.tools(),
                '<div class="page"><main id="text" tabindex="-1">',
                text,
                "</main>",
                self.panel() if any(b.details for b in _equations(document)) else "",
                "</div>",
                self.presenter(),
                '<p class="unseen" id="said" role="status" aria-live="polite"></p>',
                f'{parts}<script type="application/json" id="words">{words}</script>',
                f"<script>{script}</script></body></html>\n",
            )
        )

    # -- the frame ---------------------------------------------------------------------------

    def tools(self) -> str:
        buttons = "".join(
            f'<button type="button" id="{name}">{self.word(name)}</button>'
            for name in ("present", "fold_all", "theme")
        )
        return f'<div class="tools">{buttons}</div>'

    def panel(self) -> str:
        equations = list(_equations(self.document))
        entries = [d.boxes for b in equations for d in b.details if d.boxes]
        chains = [box for boxes in (*entries, *(b.arrays for b in equations)) for box in boxes]
        counts = {"entries": len(entries), "equalities": sum(len(box.rights) for box in chains)}
        proved = fill(
            self.document.language, "page.proved", {k: Text(str(n)) for k, n in counts.items()}
        )
        return (
            '<aside class="panel" aria-labelledby="panel_title"><div class="head">'
            f'<h2 id="panel_title">{self.word("panel")}</h2>'
            f'<span class="kept">{self.word("kept")}</span>'
            f'<button type="button" id="close" aria-label="{self.word("close")}">×</button></div>'
            f'<div class="hint"><p>{self.word("hint")}</p></div>'
            f'<div class="entry"></div><p class="proved">{_segments(proved)}</p></aside>'
        )

    def presenter(self) -> str:
        buttons = "".join(
            f'<button type="button" id="{name}" aria-label="{self.word(name)}">{sign}</button>'
            for name, sign in (("back", "←"), ("next", "→"), ("leave", "×"))
        )
        return (
            f'<nav class="presenter" aria-label="{self.word("present")}">'
            f'<span id="progress"></span>{buttons}'
            f'<span class="keys">{self.word("keys")}</span></nav>'
        )

    def step(self, number: int, blocks: list[Block]) -> str:
        heading, *rest = blocks
        assert isinstance(heading, Heading)
        title, body = f"step_{number}", f"body_{number}"
        return (
            f'<section class="step{" aside" * heading.aside}"><div class="title">'
            f'<button type="button" class="fold" id="fold_{number}" aria-expanded="true"'
            f' aria-controls="{body}" aria-label="{self.word("fold")}"'
            f' aria-labelledby="fold_{number} {title}"></button>'
            f'<h2 id="{title}">{_segments(heading.segments)}</h2></div>'
            f'<div class="body" id="{body}">{self.blocks(rest)}</div></section>'
        )

    # -- blocks ------------------------------------------------------------------------------

    def blocks(self, blocks: Iterable[Block]) -> str:
        """The blocks in order; an answer is folded until a reader opens it."""
        parts: list[str] = []
        answer = False
        for block in blocks:
            if isinstance(block, Heading):
                parts += ["</details>"] * answer
                answer = block.answer
            if isinstance(block, Heading) and answer:
                summary = f"<summary>{_segments(block.segments)}</summary>"
                parts.append(f'<details class="answer">{summary}')
            else:
                parts.append(self.block(block))
        return "\n".join((*parts, *["</details>"] * answer))

    def block(self, block: Block) -> str:
        match block:
            case Heading(level=level, segments=segments):
                return f"<h{level}>{_segments(segments)}</h{level}>"
            case Paragraph(segments=segments):
                return f"<p>{_segments(segments)}</p>"
            case Bullets(items=items):
                return f"<ul>{''.join(f'<li>{_segments(item)}</li>' for item in items)}</ul>"
            case Equation(box=box, details=details, arrays=arrays):
                inside = _chain(box, _ROOM, elide=not self.document.whole)
                asked = "".join((*map(_detail, details), *map(_array, arrays)))
                return f'<div class="equation">{inside}{asked}</div>'
            case CodeBlock(text=text):
                return f"<pre><code>{escape(text)}</code></pre>"
            case Table(head=head, rows=rows, caption=caption):
                cells = "".join(f'<th scope="col">{_segments(cell)}</th>' for cell in head)
                body = "".join(_table_row(row) for row in rows)
                return (
                    f'<figure><div class="wide"><table><thead><tr>{cells}</tr></thead>'
                    f"<tbody>{body}</tbody></table></div>"
                    f"<figcaption>{_segments(caption)}</figcaption></figure>"
                )
            case BoardBlock(rows=rows):
                lines = (_board_row(row, self.places) for row in rows)
                return f'<div class="board">{"".join(lines)}</div>'
            case GraphBlock(caption=caption):
                return (
                    f'<figure class="graph"><div class="wide">{_graph(block, self.places)}</div>'
                    f"<figcaption>{_segments(caption)}</figcaption></figure>"
                )


def _places(blocks: Iterable[Block], sections: Iterable[list[Block]]) -> dict[Box, str]:
    """Where each gradient of a graph is derived: the section about it, or its line on a board."""
    found: dict[Box, str] = {}
    graphs = [block for block in blocks if isinstance(block, GraphBlock)]
    asked = {node.back for graph in graphs for node in graph.nodes} - {None}
    for number, (heading, *_) in enumerate(sections, 1):
        assert isinstance(heading, Heading)
        for part in heading.segments:
            if isinstance(part, Math) and _slashed(part.box) in asked:
                found.setdefault(_slashed(part.box), f"step_{number}")
    rows = itertools.chain(*(block.rows for block in blocks if isinstance(block, BoardBlock)))
    for number, row in enumerate((row for row in rows if row.follows), 1):
        if row.left is not None and _slashed(row.left) in asked:
            found[_slashed(row.left)] = f"line_{number}"
    return found


def _slashed(box: Box) -> Box:
    """A gradient as it stands in a graph."""
    return slashed(box) if isinstance(box, Fraction) else box


def _graph(graph: GraphBlock, places: Mapping[Box, str]) -> str:
    """The drawings of a graph: lines below, and above them boxes that lead to their steps."""
    nodes = {node.name: node for node in graph.nodes}
    widths = {name: node.width for name, node in nodes.items()}
    parts = []
    rules = {(used, by): rule for used, by, rule in graph.rules}
    for drawing in drawings(widths, graph.edges, _ROOM, ON_PAGES):
        size = f"{drawing.width:.2f}", f"{drawing.rows * LINE:.2f}"
        paths = "".join(_wire(wire, rules) for wire in drawing.wires)
        dots = "".join(
            f'<circle cx="{x:.2f}" cy="{middle(r):.2f}" r=".14"/>' for x, r in drawing.forks
        )
        boxes = "".join(_node(placed, nodes[placed.key], places) for placed in drawing.boxes)
        parts.append(
            f'<div class="drawing" style="width:{size[0]}em;height:{size[1]}em">'
            f'<svg viewBox="0 0 {" ".join(size)}" aria-hidden="true">{paths}{dots}</svg>'
            f"{boxes}</div>"
        )
    return "".join(parts)


def _wire(wire: Wire, rules: Mapping[tuple[str, str], Box]) -> str:
    """A line, with the head of an arrow where it ends at a box, and the rule of the arrow."""
    corners = [f"{x:.2f} {middle(row):.2f}" for x, row in wire.points]
    line = f"M{'L'.join(corners)}"
    if wire.ends is None:
        return f'<path d="{line}"/>'
    x, row = wire.points[-1]
    arrow = f'<path d="{line}"/><path class="head" d="M{x:.2f} {middle(row):.2f}l-.5 -.22v.44z"/>'
    rule = rules.get((wire.start, wire.ends))
    if rule is None:
        return arrow
    title = f"<title>{escape(in_words(rule))}</title>"
    return f'<g class="rule">{title}{arrow}<path class="reach" d="{line}"/></g>'


def _node(placed: Placed, node: GraphNode, places: Mapping[Box, str]) -> str:
    """A box: the value and its shape above, its gradient below."""
    shape = "" if node.shape is None else f'<span class="shape">{math(node.shape)}</span>'
    back = "" if node.back is None else f'<span class="back">{math(node.back)}</span>'
    inside = f"<span>{math(node.label)}{shape}</span>{back}"
    again = " again" if placed.again else ""
    style = (
        f'class="node{again}" style="left:{placed.x:.2f}em;top:{placed.row * LINE:.2f}em;'
        f'width:{placed.width:.2f}em;height:{placed.rows * LINE:.2f}em"'
    )
    place = None if node.back is None else places.get(node.back)
    if place is None:
        return f"<div {style}>{inside}</div>"
    named = [box for box in (node.label, node.shape, node.back) if box is not None]
    words = escape(", ".join(map(in_words, named)))  # the name of a link is no formula
    spoken = f'<span class="unseen">{words}</span>'
    seen = f'<span class="seen" aria-hidden="true">{inside}</span>'
    return f'<a {style} href="#{place}">{spoken}{seen}</a>'


def _board_row(row: BoardRow, places: Mapping[Box, str]) -> str:
    """One line of a board: left side, right side, and the rule at the margin."""
    own = places.get(_slashed(row.left)) if row.left is not None and row.follows else None
    name = f' id="{own}"' if own is not None and own.startswith("line") else ""
    arrow = '<math class="arrow"><mo>⇒</mo></math>' if row.follows else ""
    left = "" if row.left is None else _display(row.left)
    right = _display(Row((Operator("equals"), fitted(row.right, _BOARD_ROOM, elide=False))))
    note = f'<span class="note">{_segments(row.note)}</span>' if row.note else ""
    return f'<div class="row"><span class="left"{name}>{arrow}{left}</span>{right}{note}</div>'


def _display(box: Box) -> str:
    """A formula set as large as in a display."""
    return f'<math displaystyle="true">{mathml(box)}</math>'


def _sections(blocks: Iterable[Block]) -> list[list[Block]]:
    """The blocks before the first heading of a section, then those of each section."""
    sections: list[list[Block]] = [[]]
    for block in blocks:
        if isinstance(block, Heading) and block.level == 2:  # noqa: PLR2004 - as Heading says
            sections.append([])
        sections[-1].append(block)
    return sections


def _equations(document: Document) -> Iterable[Equation]:
    return (block for block in document.blocks if isinstance(block, Equation))


def _chain(box: Aligned, room: float, *, elide: bool) -> str:
    """A chain of equalities; the page sets it smaller where less room is left than it needs."""
    fit = fitted(box, room, elide=elide)
    assert isinstance(fit, Aligned)
    rows = "".join(f'<div class="link">{"".join(parts)}</div>' for parts in equalities(fit))
    return f'<div class="chain" style="--w:{fit.width:.1f}">{rows}</div>'


def _detail(detail: Detail) -> str:
    """The explanation of one entry, in a template until the panel shows it."""
    words = escape(words_of(detail.segments))
    chains = "".join(_chain(box, _PANEL_ROOM, elide=True) for box in detail.boxes)
    return (
        f'<template data-key="{escape(detail.key)}" data-from="{escape(" ".join(detail.sources))}"'
        f' data-words="{words}"><p>{_segments(detail.segments)}</p>{chains}</template>'
    )


def _array(box: Aligned) -> str:
    """An array that entries come from, which the panel shows beside their derivation."""
    return f'<template class="array">{_chain(box, _PANEL_ROOM, elide=True)}</template>'


def _table_row(row: tuple[Segments, ...]) -> str:
    return f"<tr>{''.join(f'<td>{_segments(cell)}</td>' for cell in row)}</tr>"


def _segments(segments: Segments) -> str:
    """Segments in a line, which is not broken between a formula and a comma after it."""
    parts: list[str] = []
    for before, segment in itertools.pairwise((None, *segments)):
        assert segment is not None
        mark = _MARK.match(segment.text) if isinstance(segment, Text) else None
        if isinstance(before, Math | Code) and isinstance(segment, Text) and mark:
            parts[-1] = f'<span class="held">{parts[-1]}{escape(mark[0])}</span>'
            segment = Text(segment.text[mark.end() :])  # noqa: PLW2901 - what is left of it
        parts.append(_segment(segment))
    return "".join(parts)


def _segment(segment: Segment) -> str:
    match segment:
        case Text(text=text):
            return escape(text)
        case Math(box=box):
            return math(in_line(box))
        case Code(text=text):
            return f"<code>{escape(text)}</code>"


# -- assets ----------------------------------------------------------------------------------


@cache
def _asset(name: str) -> str:
    return _file(name).decode()


@cache
def _font() -> str:
    data = base64.b64encode(_file("matderiv-math.woff2")).decode()
    return (
        "/* Matderiv Math is a subset of STIX Two Math, copyright 2001-2021 The STIX Fonts Project"
        " Authors, under the SIL Open Font License 1.1, https://openfontlicense.org */\n"
        '@font-face{font-family:"Matderiv Math";'
        f"src:url(data:font/woff2;base64,{data}) format('woff2')}}\n"
    )


def _file(name: str) -> bytes:
    return resources.files("matderiv.handout").joinpath("assets", name).read_bytes()


def _in_script(data: str) -> str:
    """JSON that ends no element."""
    return data.replace("<", "\\u003c")


def _policy(script: str) -> str:
    """Nothing is loaded from anywhere, and no program runs but the page's own."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; "
        "font-src data:; base-uri 'none'; form-action 'none'"
    )
