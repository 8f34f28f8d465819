"""The errors that matderiv raises; every one of them is one readable line."""

from __future__ import annotations

import contextlib
import reprlib

__all__ = [
    "BIDIRECTIONAL",
    "BudgetError",
    "InputError",
    "MatderivError",
    "MissingError",
    "MissingRuleError",
    "ProgramSyntaxError",
    "ProofError",
    "ShapeError",
    "TooLarge",
    "UnsupportedError",
    "ZeroDividedError",
    "brief",
    "visible",
]

#: Unicode's characters without a form that turn the letters after them around.
BIDIRECTIONAL = frozenset(
    "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)

_BRIEF = 40
_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxlong = _SHORT.maxother = 4 * _BRIEF


def visible(text: str) -> str:
    r"""The text in one line, the number of a character in the place of what has no form.

    >>> visible("one\ntwo\u202e")
    'one two[U+202E]'
    """
    line = " ".join(text.split())
    return "".join(c if c.isprintable() else f"[U+{ord(c):04X}]" for c in line)


def brief(value: object) -> str:
    """The beginning of a value that was given, in one line, for an error.

    >>> brief([[1, 2]] * 20), brief(10**5000)
    ('[[1, 2], [1, 2], [1, 2], [1, 2], [1, 2],…', 'of type int')
    """
    words = f"of type {type(value).__name__}"
    with contextlib.suppress(Exception):  # whatever the object does to be shown
        words = visible(_SHORT.repr(value))
    return words if len(words) <= _BRIEF else words[:_BRIEF] + "…"


class MatderivError(Exception):
    """Base of all errors raised on purpose by matderiv; the message is one line."""

    def __init__(self, message: str) -> None:
        super().__init__(visible(message))


class InputError(MatderivError, ValueError):
    """Something that the user gave cannot be used as it stands."""


class ProgramSyntaxError(InputError):
    """The program is not written in the language.

    `text` and `offset` (0-based, or None) say where, so that a caller can draw a caret.
    """

    def __init__(self, message: str, text: str = "", offset: int | None = None) -> None:
        super().__init__(message)
        self.text = text
        self.offset = offset


class ShapeError(InputError):
    """Two shapes do not fit, or a size is missing or impossible."""


class UnsupportedError(InputError):
    """The input has a meaning, but matderiv does not derive it (yet)."""


class MissingRuleError(UnsupportedError):
    """A kind of node has no row in a table that asks for it.

    >>> print(MissingRuleError(3, "shape"))
    A node of kind int has no shape in this version.
    """

    def __init__(self, node: object, what: str) -> None:
        super().__init__(f"A node of kind {type(node).__name__} has no {what} in this version.")


class TooLarge(UnsupportedError):  # noqa: N818 - named for what is too large: the form
    """A form would hold more terms than are multiplied out."""


class BudgetError(MatderivError):
    """The work takes more than the budget allows; the message says what was too large."""


class ProofError(MatderivError):
    """An equality of a derivation is not proved, so the derivation is refused."""


class ZeroDividedError(UnsupportedError, ZeroDivisionError):
    """A form divides by zero whatever the values are, as 1/std(x) of a single entry does."""

    def __init__(self) -> None:
        super().__init__(
            "A part of the derivation divides by zero at these sizes, as std of one entry does."
        )


class MissingError(InputError):
    """A request needs a package that is not installed; the message says how to get it."""
