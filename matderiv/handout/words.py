"""Words that a user gives for a page: one line each, whatever letters it has."""

from __future__ import annotations

import unicodedata

from matderiv.errors import BIDIRECTIONAL, InputError, visible

__all__ = ["one_line"]

_MOST_LETTERS = 300


def one_line(what: str, text: str) -> str:
    r"""The text with single spaces; `what` names it in an error.

    Characters that turn those after them around are shown by their numbers, not obeyed.

    Raises:
        InputError: it is empty, too long, or holds what is no letter of any script.

    >>> one_line("title", "Why  the\ntranspose? ")
    'Why the transpose?'
    >>> one_line("author", "Ada\u202e")
    'Ada[U+202E]'
    """
    line = " ".join(text.split())
    if not line:
        raise InputError(f"The {what} is empty; give some words, or leave it out.")
    if len(line) > _MOST_LETTERS:
        raise InputError(f"The {what} has {len(line)} letters; at most {_MOST_LETTERS} fit.")
    for letter in line:
        if unicodedata.category(letter) in ("Cc", "Cs", "Cn", "Co"):
            raise InputError(f"The {what} holds U+{ord(letter):04X}, which is no letter; drop it.")
    return "".join(visible(c) if c in BIDIRECTIONAL else c for c in line)
