"""The errors that matderiv raises; every one of them is one readable line."""

from __future__ import annotations

__all__ = [
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
]


class MatderivError(Exception):
    """Base of all errors raised on purpose by matderiv."""


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


class MissingError(InputError):
    """A request needs a package that is not installed; the message says how to get it."""
