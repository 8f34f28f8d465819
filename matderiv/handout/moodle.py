"""The exercises of a document as a quiz for Moodle, in its XML format of questions.

Source: https://docs.moodle.org/en/Moodle_XML_format
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from fractions import Fraction
from html import escape
from xml.etree import ElementTree as ET

from matderiv.errors import InputError
from matderiv.handout.document import (
    Block,
    BoardBlock,
    Bullets,
    Code,
    CodeBlock,
    Document,
    Equation,
    Exercise,
    Gap,
    GraphBlock,
    Heading,
    Math,
    Paragraph,
    Segment,
    Segments,
    Table,
    Text,
)
from matderiv.handout.text import board_lines, graph_text, words_of
from matderiv.notation.latex import inline_latex, latex
from matderiv.notation.layout import fitted

__all__ = ["to_moodle"]

_ROOM = 46.0
_WIDTH = 80  # of a board as text
_DIGITS = 6  # behind the point, of a number that is no decimal
#: The part of the mark that a wrong try costs.
_PENALTY = "0.3333333"


def to_moodle(document: Document) -> str:
    """The quiz: a category by the title of the document, and a question for each exercise.

    Raises:
        InputError: the document has no exercises.
    """
    if not document.quiz:
        raise InputError("A quiz needs exercises; add --exercises 6, for example.")
    quiz = ET.Element("quiz")
    category = ET.SubElement(quiz, "question", type="category")
    name = words_of(document.title).replace("/", "//")  # one slash leads into a category
    _text(ET.SubElement(category, "category"), f"$course$/top/{name}")
    author = f"<p>{escape(document.author, quote=False)}</p>" if document.author else ""
    _marked(category, "info", f"<p>{_segments(document.title)}</p>{author}")
    for number, exercise in enumerate(document.quiz, 1):
        _question(quiz, exercise, f"{number:02d} {'★' * exercise.level}".strip())
    ET.indent(quiz)
    return ET.tostring(quiz, encoding="unicode", xml_declaration=True) + "\n"


def _question(quiz: ET.Element, exercise: Exercise, name: str) -> None:
    """One question: checked by its text, by numbers in gaps, or read by a teacher."""
    asked = exercise.asked
    kind = "essay"
    if asked:
        kind = "shortanswer" if len(asked) == 1 and asked[0].number is None else "cloze"
    made = ET.SubElement(quiz, "question", type=kind)
    _text(ET.SubElement(made, "name"), name)
    question = _html(exercise.question)
    if kind == "cloze":
        question += "".join(f"<p>{_segments(part.prompt)} {_gap(part)}</p>" for part in asked)
    _marked(made, "questiontext", question)
    _marked(made, "generalfeedback", _html(exercise.answer))
    _plain(made, {"defaultgrade": "1", "penalty": _PENALTY, "hidden": "0"})
    if kind == "shortanswer":
        _plain(made, {"usecase": "1"})
        for text in asked[0].texts:
            answer = ET.SubElement(made, "answer", fraction="100", format="moodle_auto_format")
            ET.SubElement(answer, "text").text = _literal(text)
            _marked(answer, "feedback", "")
    elif kind == "essay":
        _plain(
            made,
            {
                "responseformat": "editor",
                "responserequired": "1",
                "responsefieldlines": "15",
                "attachments": "0",
                "attachmentsrequired": "0",
            },
        )
        _marked(made, "graderinfo", _html(exercise.answer))
        _marked(made, "responsetemplate", "")
    if exercise.hint:
        _marked(made, "hint", _html(exercise.hint))


def _plain(parent: ET.Element, values: dict[str, str]) -> None:
    for name, value in values.items():
        ET.SubElement(parent, name).text = value


def _text(parent: ET.Element, text: str) -> None:
    ET.SubElement(parent, "text").text = text


def _marked(parent: ET.Element, name: str, html: str) -> None:
    _text(ET.SubElement(parent, name, format="html"), html)


def _literal(text: str) -> str:
    r"""An answer in which a star is a star, and not any letters.

    >>> print(_literal("2*X**2"))
    2\*X\*\*2
    """
    return text.replace("*", r"\*")


# -- gaps ------------------------------------------------------------------------------------------


def _gap(part: Gap) -> str:
    r"""A gap to fill in, as such questions write it.

    >>> _gap(Gap((), number=Fraction(-1, 2)))
    '{1:NUMERICAL:=-0.5:0}'
    >>> _gap(Gap((), ("2x4", "2 x 4")))
    '{1:SHORTANSWER:=2x4~=2 x 4}'
    """
    if part.number is not None:
        return f"{{1:NUMERICAL:={_decimal(part.number)}}}"
    answers = (re.sub(r"([}~/\"#\\])", r"\\\1", _literal(text)) for text in part.texts)
    return f"{{1:SHORTANSWER:={escape('~='.join(answers), quote=False)}}}"


def _decimal(number: Fraction | int) -> str:
    """A number and how far an answer may be from it: nothing where it is a decimal number."""
    text = f"{float(number):.{_DIGITS}f}".rstrip("0").rstrip(".")
    text = "0" if text == "-0" else text
    exact = Fraction(text) == number
    return f"{text}:{'0' if exact else '0.001'}"


# -- blocks as HTML, where Moodle sets formulas between \( and \) ----------------------------------


def _html(blocks: Iterable[Block]) -> str:
    return "\n".join(map(_block, blocks))


def _block(block: Block) -> str:
    match block:
        case Heading(level=level, segments=segments):
            return f"<h{level + 1}>{_segments(segments)}</h{level + 1}>"
        case Paragraph(segments=segments):
            return f"<p>{_segments(segments)}</p>"
        case Bullets(items=items):
            return f"<ul>{''.join(f'<li>{_segments(item)}</li>' for item in items)}</ul>"
        case Equation(box=box):
            source = latex(fitted(box, _ROOM, elide=True))
            source = source.replace(r"\begin{aligned}[t]", r"\begin{aligned}")
            return rf"<p>\[{escape(source, quote=False)}\]</p>"
        case CodeBlock(text=text):
            return f"<pre>{escape(text, quote=False)}</pre>"
        case Table(head=head, rows=rows, caption=caption):
            lines = "".join(
                f"<tr>{''.join(f'<td>{_segments(cell)}</td>' for cell in row)}</tr>"
                for row in (head, *rows)
            )
            return f"<table>{lines}</table><p>{_segments(caption)}</p>"
        case BoardBlock(rows=board):
            return f"<pre>{escape(chr(10).join(board_lines(board, _WIDTH)), quote=False)}</pre>"
        case GraphBlock(caption=caption):
            drawn = escape(graph_text(block), quote=False)
            return f"<pre>{drawn}</pre><p>{_segments(caption)}</p>"


def _segments(segments: Segments) -> str:
    return "".join(map(_segment, segments))


def _segment(segment: Segment) -> str:
    match segment:
        case Text(text=text):
            return escape(text, quote=False)
        case Math(box=box):
            return rf"\({escape(inline_latex(box), quote=False)}\)"
        case Code(text=text):
            return f"<code>{escape(text, quote=False)}</code>"
