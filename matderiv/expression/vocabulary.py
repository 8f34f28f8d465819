"""The words of the language: which names mean what, each table in one place."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

from matderiv.expression.functions import FUNCTIONS
from matderiv.expression.operations import OPERATIONS

__all__ = [
    "ARRAY_METHODS",
    "DEFAULT_PROGRAM",
    "ELEMENTWISE",
    "FOREIGN_MODULES",
    "GREEK",
    "KNOWN",
    "MAX_DEPTH",
    "MAX_NAME",
    "MAX_SIZE",
    "MAX_TEXT",
    "NAME_PATTERN",
    "did_you_mean",
    "is_greek",
    "is_plain",
    "is_slope",
    "misspelt",
    "needs_word",
]

#: The worked example: what is derived unless another program is given.
DEFAULT_PROGRAM = "Y = X @ W; L = sum(f(Y))"

#: Functions of one number that are known, and applied to each entry.
ELEMENTWISE = tuple(FUNCTIONS)

#: All that is called by a name of its own.
KNOWN = tuple(OPERATIONS)

#: Operations that are methods of arrays as well: X.sum(axis=0).
ARRAY_METHODS = tuple(name for name, operation in OPERATIONS.items() if operation.method)

#: Modules that users write before a function's name, which here stands alone.
FOREIGN_MODULES = frozenset(
    "np numpy linalg scipy special torch jnp jax math nn functional tf sp sympy".split()
)

#: Names that are near a known function's and yet are good names of an undefined one.
_NOT_MISSPELT = frozenset({"cost", "costs", "pred"})

#: Names of scalars. `lam` stands for lambda, which Python keeps for itself.
GREEK = {
    name: name
    for name in (
        "alpha beta gamma delta epsilon zeta eta theta iota kappa mu nu xi pi rho sigma tau "
        "upsilon phi chi psi omega"
    ).split()
} | {"lam": "lambda", "eps": "varepsilon"}

NAME_PATTERN = re.compile(r"[A-Za-z][A-Za-z0-9_]*\Z")

MAX_TEXT = 60_000  # characters of a program; a network of a thousand layers has half as many
MAX_NAME = 24  # characters of a name
MAX_DEPTH = 60  # levels of nesting
MAX_SIZE = 10**9  # rows or columns of a matrix


def is_greek(name: str) -> bool:
    """Whether a name, its trailing digits aside, is that of a Greek letter.

    >>> is_greek("lam"), is_greek("alpha1"), is_greek("x")
    (True, True, False)
    """
    return re.sub(r"_?[0-9]+\Z", "", name) in GREEK


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """A hint to put after a message about a name that is not known; empty if none is near.

    >>> did_you_mean("bais", ["X", "bias"]), did_you_mean("Q", ["X"])
    (' Did you mean bias?', '')
    """
    near = difflib.get_close_matches(str(name), list(known), n=1)
    return f" Did you mean {near[0]}?" if near else ""


def misspelt(name: str, known: Iterable[str] = KNOWN) -> str | None:
    """The function that a name was perhaps meant to be: one slip of the pen away.

    >>> misspelt("tanhh"), misspelt("sofmax"), misspelt("phi"), misspelt("Exp")
    ('tanh', 'softmax', None, 'exp')
    """
    lower = name.lower()
    if lower in _NOT_MISSPELT:
        return None
    if lower != name and lower in known:
        return lower
    long = len(name) > 3  # noqa: PLR2004 - f, g1: too short to be a slip
    return next((word for word in known if _one_slip(lower, word)), None) if long else None


def _one_slip(word: str, other: str) -> bool:
    """Whether one letter more, less or else makes the other word, or two exchanged."""
    at = next((n for n, pair in enumerate(zip(word, other, strict=False)) if len({*pair}) > 1), -1)
    rest, meant = word[at:], other[at:]
    if at < 0:
        return abs(len(word) - len(other)) == 1
    return (
        rest[1:] in (meant, meant[1:])
        or rest == meant[1:]
        or (rest[:2] == meant[1::-1] and rest[2:] == meant[2:])
    )


def is_plain(name: str) -> bool:
    """Whether a lower-case name is a letter, perhaps with an index: an undefined function's.

    >>> [is_plain(name) for name in ("f", "g1", "phi", "h_2", "df", "loss")]
    [True, True, True, True, True, False]
    """
    return _PLAIN.fullmatch(name) is not None


def is_slope(function: str) -> bool:
    """Whether a function is the derivative of one of a whole array, as dLoss is.

    >>> is_slope("dLoss"), is_slope("df")
    (True, False)
    """
    return function[:1] == "d" and function[1:2].isupper()


def needs_word(function: str) -> bool:
    """Whether an undefined function is one only if the program says so: function loss.

    >>> [needs_word(name) for name in ("f", "loss", "Loss", "exp")]
    [False, True, False, False]
    """
    return function[0].islower() and function not in KNOWN and not is_plain(function)


_PLAIN = re.compile(rf"d?(?:[a-z]|{'|'.join(GREEK)})(?:_?[0-9]+|_[A-Za-z]|_(?:{'|'.join(GREEK)}))?")
