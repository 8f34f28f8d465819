r"""Text as typed, for LaTeX: every letter comes out as itself, or the page says which it was.

Latin letters, and Chinese ones where fonts for them are loaded, are set by the font of the text.
For any other letter the page asks, when it is made, which font there is that has it.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from typing import Literal

__all__ = ["MACROS", "escape_code", "escape_latex", "has_chinese", "has_others"]

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

#: The characters of Latin Modern that are ever needed: the first and last letters of ranges.
_LATIN = "\u0020\u007e\u00a0\u017f\u2013\u2014\u2018\u201e\u2020\u2022\u2026\u2026\u20ac\u20ac"
#: The characters of fonts for Chinese, likewise.
_CHINESE = "\u2e80\u2fdf\u3000\u303f\u3040\u30ff\u3400\u9fff\uf900\ufaff\uff00\uffef"
#: Letters that only say how their neighbours join, likewise.
_UNSEEN = "\u200b\u200f\u2060\u2060\ufe00\ufe0f"
_WORD = 24  # letters of a word from which on it may be broken anywhere

#: Fonts with many letters; the first that exists and has the letter is used. A name of one word
#: is that of a file, or TeX would look for a font of its own by that name.
_FONTS = ("DejaVu Sans", "DejaVuSans.ttf", "Noto Emoji", "Noto Sans", "Arial Unicode MS")

#: Before the text: the command that sets another letter; one that no font has is its number.
MACROS = "\n".join(
    [
        r"\usepackage{fontspec}",
        "% A letter that the font of the text lacks, from the first font that has it.",
        r"\newcommand\otherletter[1]{{\ifdefined\makexeCJKinactive\makexeCJKinactive\fi",
        *(rf"  \letterfont{{#1}}{{{font}}}%" for font in _FONTS),
        r'  \iffontchar\font"#1 \char"#1 \else\normalfont U+#1\fi}}',
        r"\newcommand\letterfont[2]{\iffontchar\font" + '"#1 \\else%',
        r"  \IfFontExistsTF{#2}{\fontspec{#2}[BoldFont={#2},ItalicFont={#2}]}{}\fi}",
    ]
)


def escape_latex(text: str) -> str:
    r"""Text as typed, for LaTeX.

    >>> print(escape_latex("50 % of A_1 & <b>"))
    50 \% of A\_1 \& \textless{}b\textgreater{}
    """
    runs = itertools.groupby(unicodedata.normalize("NFC", text), _kind)
    return "".join(_word("".join(run), kind) for kind, run in runs)


def escape_code(text: str) -> str:
    """A line of code as typed: straight quotes, and every space."""
    return escape_latex(text).replace("'", r"\textquotesingle{}").replace(" ", r"\ ")


def has_chinese(texts: Iterable[str]) -> bool:
    """Whether any letter needs a font for Chinese."""
    return any(_within(letter, _CHINESE) for letter in set().union(*texts))


def has_others(texts: Iterable[str]) -> bool:
    """Whether any letter is set by a command of `MACROS`."""
    return any(r"\otherletter" in escape_latex(text) for text in texts)


def _word(word: str, kind: str) -> str:
    found = [_letter(letter, after) for letter, after in itertools.pairwise([*word, ""])]
    long = len(word) > _WORD and kind == "word"
    return (r"\allowbreak{}" if long else "").join(found)


@lru_cache(maxsize=1 << 12)
def _letter(letter: str, after: str) -> str:
    if _LIGATURES.match(letter + after):
        return letter + "{}"
    if _within(letter, _LATIN) or _within(letter, _CHINESE):
        return _ESCAPES.get(letter, letter)
    return "" if _within(letter, _UNSEEN) else rf"\otherletter{{{ord(letter):04X}}}"


@lru_cache(maxsize=1 << 12)
def _kind(letter: str) -> Literal["space", "chinese", "word"]:
    """The script of a letter; a word is of one script."""
    if letter.isspace():
        return "space"
    return "chinese" if _within(letter, _CHINESE) else "word"


def _within(letter: str, ranges: str) -> bool:
    pairs = zip(ranges[::2], ranges[1::2], strict=True)
    return any(first <= letter <= last for first, last in pairs)
