"""Assumptions about inputs: the table of them, and what they mean for shapes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Literal, cast

from matderiv.errors import InputError, ShapeError
from matderiv.expression import nodes
from matderiv.expression.program import Assignment, Program
from matderiv.expression.shapes import Shape, infer
from matderiv.expression.vocabulary import did_you_mean

__all__ = [
    "ASSUMPTIONS",
    "CONVENTIONS",
    "Assumed",
    "Assumption",
    "Convention",
    "Positivity",
    "infer_assumed",
    "read_assumed",
    "read_convention",
]

#: The assumption about each input, by name.
Assumed = Mapping[str, str]

#: Which gradient by a symmetric matrix is meant: by its own "entries", or that of which the inner
#: product with a symmetric change is the change of the loss, "inner".
Convention = Literal["entries", "inner"]
CONVENTIONS: tuple[Convention, ...] = ("entries", "inner")


class Positivity(IntEnum):
    """The known sign of all entries; the surer of two is the larger."""

    UNKNOWN = 0
    NOT_NEGATIVE = 1
    POSITIVE = 2


@dataclass(frozen=True, slots=True)
class Assumption:
    """One thing that can be assumed of an input.

    `words`: what the input then is, in English. `square`: it is said of square matrices. `least`:
    the fewest dimensions that it is said of. `symmetric`: x_ij = x_ji. `rows`: each row, or a
    vector, sums to 1. `sign`: of all entries. `gradient`: what the gradient by such an input is by:
    its "own" entries, those that can be chosen freely; "all" entries, as if they were free though
    they are not; or "free", where they are.
    """

    name: str
    words: str
    square: bool = False
    least: int = 0
    symmetric: bool = False
    rows: bool = False
    sign: Positivity = Positivity.UNKNOWN
    gradient: Literal["own", "all", "free"] = "own"


#: All that can be assumed, by the word for it.
ASSUMPTIONS: Mapping[str, Assumption] = {
    one.name: one
    for one in (
        Assumption("symmetric", "symmetric", square=True, symmetric=True),
        Assumption("diagonal", "diagonal", square=True, symmetric=True),
        Assumption("psd", "positive semidefinite", square=True, symmetric=True),
        Assumption("lower", "lower triangular", square=True),
        Assumption("orthogonal", "orthogonal", square=True, gradient="all"),
        Assumption("stochastic", "stochastic", least=1, rows=True, gradient="all"),
        Assumption(
            "onehot", "one-hot", least=1, rows=True, sign=Positivity.NOT_NEGATIVE, gradient="all"
        ),
        Assumption("positive", "positive", sign=Positivity.POSITIVE, gradient="free"),
    )
}

_MATRIX = 2  # dimensions


def read_assumed(
    program: Program, assume: Mapping[str, str] | Iterable[tuple[str, str]] | None
) -> dict[str, str]:
    """The assumption about each name, checked against the program, whose own lines may say more.

    Raises:
        InputError: no such name or assumption, or two of one name.

    >>> from matderiv.expression.parse import parse
    >>> read_assumed(parse("x @ S @ x"), {"S": "symmetric"})
    {'S': 'symmetric'}
    >>> read_assumed(parse("assume S psd; x @ S @ x"), None)
    {'S': 'psd'}
    """
    found: dict[str, str] = {}
    if isinstance(assume, Mapping):
        assume = cast("Mapping[str, str]", assume).items()
    for name, structure in (*program.assumed, *(assume or ())):
        _check(program, name, structure)
        if found.setdefault(name, structure) != structure:
            raise InputError(
                f"{name} is assumed to be {found[name]} and {structure}; leave one of them out."
            )
    return found


def read_convention(convention: str | None, assumed: Assumed) -> Convention:
    """Which gradient by a symmetric matrix is meant; by its entries unless something is said.

    Raises:
        InputError: there is no such convention, or nothing that it is about.
    """
    if convention is None:
        return "entries"
    known: Convention | None = next((one for one in CONVENTIONS if one == convention), None)
    if known is None:
        raise InputError(
            f"There is no convention {convention[:40]!r}; there are: {', '.join(CONVENTIONS)}."
        )
    if not any(ASSUMPTIONS[structure].symmetric for structure in assumed.values()):
        raise InputError(
            f"The convention {known} says which gradient by a symmetric matrix is meant, and no "
            "input is assumed to be symmetric; assume that of one, or leave the convention out."
        )
    return known


def _check(program: Program, name: str, structure: str) -> None:
    several = [word.strip() for word in str(structure).split(",")]
    if len(several) > 1 and several[0] in ASSUMPTIONS:
        raise InputError(
            f"One thing is assumed of an input, and of {name} there are {len(several)}; write "
            f"{name}={several[0]} alone, or another of them."
        )
    if structure not in ASSUMPTIONS:
        *most, last = ASSUMPTIONS
        raise InputError(
            f"{name} cannot be assumed to be {str(structure)[:40]!r}; what can be assumed is "
            f"{', '.join(most)} or {last}." + did_you_mean(structure, tuple(ASSUMPTIONS))
        )
    inputs = program.inputs()
    if name not in inputs:
        what = (
            "is assigned; only of inputs can something be assumed"
            if name in program.names()
            else "is not in the program"
        )
        raise InputError(
            f"{str(name)[:40]} {what}. Inputs are: {', '.join(inputs) or 'none'}."
            + did_you_mean(name, inputs)
        )


def infer_assumed(
    program: Program,
    assumed: Assumed,
    *,
    sizes: Mapping[str, int | None] | None = None,
    shapes: Mapping[str, tuple[int, ...]] | None = None,
    scalar: bool = False,
) -> dict[str, Shape]:
    """The shape of every name, where matrices that are assumed to be square are so.

    Raises:
        ShapeError: shapes do not fit, or an input has a shape of which this cannot be assumed.
    """
    plain = infer(program, sizes=sizes, shapes=shapes, scalar=scalar)
    square = [name for name, structure in assumed.items() if ASSUMPTIONS[structure].square]
    for name, structure in assumed.items():
        dimensions = len(plain[name])
        if name in square and dimensions != _MATRIX:
            raise ShapeError(f"{name} is {_kind(dimensions)}; only a matrix can be {structure}.")
        if dimensions < ASSUMPTIONS[structure].least:
            raise ShapeError(
                f"{name} is {_kind(dimensions)}; only a vector or a matrix can be {structure}."
            )
    if not square:
        return plain
    # A trace is what only a square matrix has; the sizes that nobody gave are chosen to suit it.
    traces = {f"trace of {name}": nodes.Trace(nodes.Name(name)) for name in square}
    extra = tuple(Assignment(label, trace) for label, trace in traces.items())
    whole = Program((*program.assignments[:-1], *extra, program.loss))
    try:
        found = infer(whole, sizes=sizes, shapes=shapes, scalar=scalar)
    except ShapeError:
        name = next((n for n in square if plain[n][0].size != plain[n][1].size), square[0])
        rows, cols = (dim.size for dim in plain[name])
        raise ShapeError(
            f"{name} is {rows}×{cols}, but {_one(assumed[name])} matrix is square; "
            f"declare --shape {name}={rows}x{rows}, or leave --assume {name}={assumed[name]} out."
        ) from None
    return {name: shape for name, shape in found.items() if name not in traces}


def _kind(dimensions: int) -> str:
    kinds = ("a scalar", "a vector", "a matrix")
    known = dimensions < len(kinds)
    return kinds[dimensions] if known else f"an array of {dimensions} dimensions"


def _one(word: str) -> str:
    return f"an {word}" if word[0] in "aeio" else f"a {word}"
