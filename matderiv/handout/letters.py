r"""Text as typed, for LaTeX: every letter comes out as itself, or the page says which it was.

Latin letters, and Chinese ones where fonts for them are loaded, are set by the font of the text.
For any other letter the page asks, when it is made, which font there is that has it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

__all__ = ["MACROS", "escape", "escape_code", "has_chinese", "has_others"]

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
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "`": r"\textasciigrave{}",
}
_LIGATURES = re.compile("-(?=-)|[?!](?=`)")  # -- would become a dash

#: What Latin Modern has, as far as it is ever needed.
_LATIN = re.compile(
    "[\u0020-\u007e\u00a0-\u017f\u2013\u2014\u2018-\u201e\u2020-\u2022\u2026\u20ac]"
)
#: What fonts for Chinese have.
_CHINESE = re.compile(
    "[\u2e80-\u2fdf\u3000-\u303f\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uffef]"
)
#: Letters that only say how their neighbours join.
_UNSEEN = re.compile("[\u200b-\u200f\u2060\ufe00-\ufe0f]")
_WORD = 24  # letters of a word from which on it may be broken anywhere

#: Fonts with many letters, the first that exists and has the letter is used.
_FONTS = (
    "Noto Emoji",
    "Segoe UI Emoji",
    "DejaVu Sans",
    "DejaVuSans.ttf",
    "Symbola",
    "Segoe UI Symbol",
    "Apple Symbols",
    "Noto Sans Symbols2",
    "Noto Sans",
    "Arial Unicode MS",
    "FreeSerif",
    "FreeSerif.otf",
    "Noto Sans CJK SC",
    "Malgun Gothic",
)

#: Defines the command that sets a letter by its number; it needs fontspec.
MACROS = "\n".join(
    [
        "% A letter that the font of the text lacks, from the first font that has it.",
        r"\providecommand\otherletter[1]{{%",
        *(rf"  \letterfont{{#1}}{{{font}}}%" for font in _FONTS),
        r'  \iffontchar\font"#1 \char"#1 \else\normalfont U+#1\fi}}',
        r"\providecommand\letterfont[2]{\iffontchar\font" + '"#1 \\else%',
        r"  \IfFontExistsTF{#2}{\fontspec{#2}[BoldFont={#2},ItalicFont={#2}]}{}\fi}",
    ]
)


def escape(text: str) -> str:
    """Text as typed, for LaTeX.

    >>> print(escape("50 % of A_1 & <b>"))
    50 \\% of A\\_1 \\& \\textless{}b\\textgreater{}
    """
    return "".join(map(_word, re.split("( )", unicodedata.normalize("NFC", text))))


def escape_code(text: str) -> str:
    """A line of code as typed: straight quotes, and every space."""
    return escape(text).replace("'", r"\textquotesingle{}").replace(" ", r"\ ")


def has_chinese(texts: Iterable[str]) -> bool:
    """Whether any letter needs a font for Chinese."""
    return any(_CHINESE.search(text) for text in texts)


def has_others(texts: Iterable[str]) -> bool:
    """Whether any letter is set by the command of `MACROS`."""
    return any("\\otherletter" in escape(text) for text in texts)


def _word(word: str) -> str:
    letters = [_letter(letter, word[n + 1 : n + 2]) for n, letter in enumerate(word)]
    return (r"\allowbreak{}" if len(word) > _WORD else "").join(letters)


def _letter(letter: str, after: str) -> str:
    if _LIGATURES.match(letter + after):
        return letter + "{}"
    if _LATIN.match(letter) or _CHINESE.match(letter):
        return _ESCAPES.get(letter, letter)
    return "" if _UNSEEN.match(letter) else rf"\otherletter{{{ord(letter):04X}}}"
