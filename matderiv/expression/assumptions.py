"""Assumptions about inputs: the table of them, and what they mean for shapes."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Literal, cast

from matderiv.errors import InputError, ShapeError
from matderiv.expression import nodes
from matderiv.expression.declared import of_inputs, ones_kept
from matderiv.expression.known_shapes import named_sizes
from matderiv.expression.nodes import Node
from matderiv.expression.parse import parse
from matderiv.expression.program import Assignment, Program
from matderiv.expression.shapes import Shape, infer
from matderiv.expression.spelling import READ
from matderiv.expression.vocabulary import KNOWN, NAME_PATTERN, did_you_mean

__all__ = [
    "ASSUMPTIONS",
    "CONVENTIONS",
    "Assumed",
    "Assumption",
    "Convention",
    "Positivity",
    "assumed_to_be",
    "infer_assumed",
    "read_assumed",
    "read_convention",
    "read_shaped",
    "with_declared",
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
    """An assumption about an input: one thing, or two that go together.

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

    @property
    def parts(self) -> tuple[str, ...]:
        """The words of it: "psd" and "positive" of "psd, positive"."""
        return tuple(self.name.split(_AND))


#: Between two words for what is assumed of one input.
_AND = ", "

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
        Assumption(
            "symmetric, positive",
            "symmetric with positive entries",
            square=True,
            symmetric=True,
            sign=Positivity.POSITIVE,
        ),
        Assumption(
            "psd, positive",
            "positive semidefinite with positive entries",
            square=True,
            symmetric=True,
            sign=Positivity.POSITIVE,
        ),
        Assumption(
            "diagonal, psd",
            "diagonal and positive semidefinite",
            square=True,
            symmetric=True,
            sign=Positivity.NOT_NEGATIVE,
        ),
        Assumption(
            "stochastic, positive",
            "stochastic with positive entries",
            least=1,
            rows=True,
            sign=Positivity.POSITIVE,
            gradient="all",
        ),
    )
}

_WORDS = tuple(name for name in ASSUMPTIONS if _AND not in name)

#: The words that follow from others.
_IMPLIED: Mapping[str, frozenset[str]] = {
    "psd": frozenset({"symmetric"}),
    "diagonal": frozenset({"symmetric"}),
    "onehot": frozenset({"stochastic"}),
}

#: The reasons why two words do not go together, with the one that says it.
_SAID: Mapping[frozenset[str], str] = {
    frozenset({"symmetric", "lower"}): "a symmetric triangular matrix is diagonal; write diagonal",
    frozenset({"diagonal", "lower"}): "a diagonal matrix is triangular; write diagonal",
    frozenset({"diagonal", "positive"}): "the entries off a diagonal are 0; write diagonal, psd "
    "where those on it are not negative",
    frozenset({"lower", "positive"}): "the entries above the diagonal are 0; leave positive out",
    frozenset({"onehot", "positive"}): "most entries are 0; leave positive out",
    frozenset({"psd", "orthogonal"}): "that is the identity; write eye(N) for it",
}

_MATRIX = 2  # dimensions


def read_assumed(
    program: Program, assume: Mapping[str, str] | Iterable[tuple[str, str]] | None
) -> dict[str, str]:
    """The assumption about each name, checked against the program, whose own lines may say more.

    Several of one name are one text, in the order of `ASSUMPTIONS`, without what follows.

    Raises:
        InputError: no such name or assumption, or several of one name that do not go together.

    >>> from matderiv.expression.parse import parse
    >>> read_assumed(parse("x @ S @ x"), {"S": "symmetric"})
    {'S': 'symmetric'}
    >>> read_assumed(parse("assume S psd; x @ S @ x"), None)
    {'S': 'psd'}
    >>> read_assumed(parse("assume S positive; x @ S @ x"), {"S": "symmetric, psd"})
    {'S': 'psd, positive'}
    """
    found: dict[str, list[str]] = {}
    if isinstance(assume, Mapping):
        assume = cast("Mapping[str, str]", assume).items()
    for name, structure in (*program.assumed, *(assume or ())):
        words = [word.strip() for word in str(structure).split(",")]
        for word in words:
            _check(program, name, word)
        found[name] = [*found.get(name, ()), *words]
    return {name: _together(name, words) for name, words in found.items()}


def _together(name: str, words: Iterable[str]) -> str:
    """All that is assumed of one input, as a key of `ASSUMPTIONS`."""
    said = frozenset(words)
    kept = said - frozenset[str]().union(*(_IMPLIED.get(word, ()) for word in said))
    text = _AND.join(word for word in _WORDS if word in kept)
    if text in ASSUMPTIONS:
        return text
    why = next((why for pair, why in _SAID.items() if pair <= said), None)
    pairs = ", ".join(
        " and ".join(known.parts) for known in ASSUMPTIONS.values() if known.parts[1:]
    )
    raise InputError(
        f"{name} is assumed to be {' and '.join(word for word in _WORDS if word in said)}: "
        + (f"{why}." if why else f"leave one of them out; what goes together: {pairs}.")
    )


def assumed_to_be(what: str, assumed: Assumed) -> frozenset[str]:
    """The inputs of which something is assumed, beside other things perhaps.

    >>> sorted(assumed_to_be("diagonal", {"D": "diagonal, psd", "S": "psd"}))
    ['D']
    """
    return frozenset(n for n, said in assumed.items() if what in ASSUMPTIONS[said].parts)


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
    if structure not in _WORDS:
        *most, last = _WORDS
        raise InputError(
            f"{name} cannot be assumed to be {structure[:40]!r}; what can be assumed is "
            f"{', '.join(most)} or {last}." + did_you_mean(structure, _WORDS)
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


def read_shaped(  # noqa: PLR0913 - as `read_task`
    text: str,
    assume: Mapping[str, str] | Iterable[tuple[str, str]] | None = None,
    *,
    sizes: Mapping[str, int | None] | None = None,
    shapes: Mapping[str, tuple[int, ...]] | None = None,
    scalar: bool = False,
    wrt: str | Iterable[str] | None = None,
) -> tuple[Program, Assumed, dict[str, Shape]]:
    """A program, what is assumed of its inputs, and the shape of every name.

    Names of `wrt` that are declared, and that the program does not hold, are put in as in
    `with_declared`.

    Raises:
        InputError: the program cannot be read, or shapes do not fit.

    >>> program, _, shapes = read_shaped("sum(windows(x, 3) @ w)")
    >>> shapes["w"]
    (Dim(symbol='3', size=3),)
    """
    written = with_declared(parse(text, shapes), wrt, shapes)
    shapes = of_inputs(written, shapes)
    assumed = read_assumed(written, assume)
    known = infer_assumed(written, assumed, sizes=sizes, shapes=shapes, scalar=scalar)
    program, known = named_sizes(written, ones_kept(written, known, shapes))
    return program, assumed, known


def with_declared(
    program: Program,
    wrt: str | Iterable[str] | None,
    shapes: Mapping[str, tuple[int, ...]] | None,
) -> Program:
    """The program with the inputs that are declared and differentiated by, but that it lacks.

    Nothing depends on such an input, so that its derivative is 0: 0·Σθ is added. A name that reads
    like a mistyped input is left to be refused.

    >>> from matderiv.expression.parse import parse
    >>> with_declared(parse("A @ x"), "theta", {"theta": ()}).source()
    'L = A @ x + 0*theta'
    """
    inputs, taken = program.inputs(), program.names() | program.functions()
    missing = [
        name
        for name in ((wrt,) if isinstance(wrt, str) else wrt or ())
        if name in (shapes or ())
        and name not in taken
        and name not in KNOWN
        and NAME_PATTERN.match(name)
        and not did_you_mean(name.lower(), [other.lower() for other in inputs])
    ]
    for name in missing:
        array: Node = nodes.Name(name)
        total = nodes.Sum(array) if shapes and len(shapes[name]) else array
        value = nodes.Add(program.loss.value, nodes.Multiply(nodes.ZERO, total))
        last = replace(program.loss, value=value)
        program = replace(program, assignments=(*program.assignments[:-1], last))
        READ.info("%s is not in the program; read as: %s", name, program.source())
    return program


def _check_identity(program: Program, known: Mapping[str, Shape], declared: Container[str]) -> None:
    """Refuse a matrix I whose shape is not declared: most likely the identity is meant."""
    if "I" not in program.inputs() or "I" in declared or len(known["I"]) != _MATRIX:
        return
    taken = program.names() | program.functions()
    letter = next(letter for letter in ("n", "m", "k", "n_1") if letter not in taken)
    raise InputError(
        f"I is the identity: write eye({letter}); any other matrix needs a name of its own."
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
    _check_identity(program, plain, shapes or ())
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
