"""Whether the names of a program can stand together, in the program and on a page."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping

from matderiv.errors import InputError
from matderiv.expression import nodes
from matderiv.expression.program import Program
from matderiv.expression.vocabulary import ELEMENTWISE, GREEK

__all__ = ["Looks", "check_names", "entry_name", "printed_parts", "subscripts", "tell_apart"]

#: Functions and nodes in whose values and derivatives neither e nor π is printed.
_PLAIN = frozenset("abs cos log relu sigmoid sign sin softplus sqrt step tanh".split())
_PLAIN_NODES = (
    nodes.Name,
    nodes.Number,
    nodes.Add,
    nodes.Subtract,
    nodes.Negate,
    nodes.Multiply,
    nodes.Divide,
    nodes.Power,
    nodes.MatMul,
    nodes.Transpose,
    nodes.Sum,
    nodes.Mean,
    nodes.Norm,
    nodes.Trace,
    nodes.Inverse,
    nodes.Functional,
)
#: Names that mathematics uses itself, and for what.
_CONSTANTS = {"e": "the base of exp"}
#: Greek letters that have two shapes in print, of which a program has one: ϵ and ε.
_SHAPES = {"varepsilon": "epsilon"}


def check_names(program: Program) -> None:
    """Refuse a name with two meanings, and one that is likely a slip of the pen.

    Raises:
        InputError: two names clash, or one was perhaps meant to be another.
    """
    functions, names, letters = program.functions(), program.names(), program.letters()
    for name in sorted(functions & names):
        raise InputError(
            f"{name} is used both as a function and as a variable; rename one of the two."
        )
    for name in sorted(letters & (names | functions)):
        raise InputError(f"{name} is used both as a size and as a name; rename one of the two.")
    if "e" in program.inputs() and not _in_a_product(program, "e"):
        raise InputError(
            "e may be the base of exp or an input; write exp(x) for e**x, exp(1) for the number, "
            "or another name, such as e1."
        )
    everything = names | functions
    for name in sorted(everything):
        if f"d{name}" in everything:
            kept = "derivative of" if name in functions else "gradient by"
            raise InputError(f"d{name} is kept for the {kept} {name}; rename one of the two.")
    _check_unused(program)


def _in_a_product(program: Program, name: str) -> bool:
    """Whether a name is an operand of a matrix product, as no number is."""
    operand = nodes.Name(name)
    return any(
        part in (operand, nodes.Transpose(operand))
        for assignment in program.assignments
        for node in nodes.walk(assignment.value)
        if isinstance(node, nodes.MatMul)
        for part in nodes.children(node)
    )


def _check_unused(program: Program) -> None:
    """A slip of the pen makes an input out of a name that is assigned, and leaves that unused."""
    used = {
        n.name
        for a in program.assignments
        for n in nodes.walk(a.value)
        if isinstance(n, nodes.Name)
    }
    unused = {a.name.lower(): a.name for a in program.assignments[:-1] if a.name not in used}
    for name in program.inputs() if unused else ():
        near = difflib.get_close_matches(name.lower(), unused, n=1, cutoff=0.7)
        if near:
            meant = unused[near[0]]
            raise InputError(
                f"{name} is not assigned, and {meant} is assigned but not used. "
                f"Did you mean {meant}?"
            )


def printed_parts(name: str) -> tuple[str, str | None]:
    """The letter or word of a name, and what stands below it.

    >>> printed_parts("W_1"), printed_parts("W1"), printed_parts("W_q"), printed_parts("Key")
    (('W', '1'), ('W', '1'), ('W', 'q'), ('Key', None))
    """
    match = re.fullmatch(r"([A-Za-z]+?)_?([0-9]+)|([A-Za-z]+)_([A-Za-z0-9_]+)", name)
    if match is None:
        return name, None
    return (match[1], match[2]) if match[1] else (match[3], match[4])


def entry_name(name: str) -> str:
    """The name of an entry of an array: x of X."""
    return name[0].lower() + name[1:]


_Look = tuple[str, str, str | None, int]


class Looks:
    """How names look on a page: as a name, and their entries as a letter with indices.

    Two names are alike if both are printed the same (X1 and X_1), if their entries are (x_ij of
    X and of x), or if one is printed like an entry of the other (b_1 and the vector b).
    """

    def __init__(self) -> None:
        self._names: dict[_Look, str] = {}
        self._entries: dict[_Look, str] = {}
        self._like_entries: dict[_Look, str] = {}

    def clash(self, name: str, dimensions: int) -> tuple[str, str] | None:
        """The name that cannot be told from this one, and a clause that says why."""
        base, below = printed_parts(name)
        for look in _name_looks(base, below):
            if self._names.get(look, name) != name:
                return self._names[look], ""
        for look in _entry_looks(name, dimensions):
            if self._entries.get(look, name) != name:
                return self._entries[look], f", where the entries of both are {_entry(look)}"
            if self._like_entries.get(look, name) != name:
                other = self._like_entries[look]
                return other, f", where {other} is printed like an entry of {name}"
        for look in _looks_like_entries(base, below):
            if self._entries.get(look, name) != name:
                other = self._entries[look]
                return other, f", where {name} is printed like an entry of {other}"
        return None

    def add(self, name: str, dimensions: int) -> None:
        """Let a name be known."""
        base, below = printed_parts(name)
        self._names |= dict.fromkeys(_name_looks(base, below), name)
        self._entries |= dict.fromkeys(_entry_looks(name, dimensions), name)
        self._like_entries |= dict.fromkeys(_looks_like_entries(base, below), name)


def tell_apart(program: Program, dimensions: Mapping[str, int]) -> None:
    """Refuse names of a program that cannot be told apart on a page.

    `dimensions`: the number of indices of each variable's entries.


    Raises:
        InputError: two names, or the entries of two arrays, are printed the same.

    >>> from matderiv.expression.parse import parse
    >>> tell_apart(parse("L = sum(X1 + X_1)"), {"X1": 2, "X_1": 2, "L": 0})
    Traceback (most recent call last):
    ...
    matderiv.errors.InputError: X1 and X_1 cannot be told apart on the page; rename one of the two.
    """
    seen = Looks()
    names, functions = program.names(), program.functions()
    for name in sorted(names | (functions - set(ELEMENTWISE))):
        count = dimensions.get(name, 0)
        _check_taken(program, name, count)
        found = seen.clash(name, count)
        if found is not None:
            other, why = found
            raise InputError(
                f"{other} and {name} cannot be told apart on the page{why}; rename one of the two."
            )
        seen.add(name, count)
    for name in sorted(names):
        if len(name) > 1 and name.isalpha() and name not in GREEK and set(name) <= names:
            raise InputError(
                f"{name} cannot be told from the product of {' and '.join(name)} on the page; "
                "give it another name."
            )


def _check_taken(program: Program, name: str, dimensions: int) -> None:
    """Refuse a name that mathematics uses itself on the page."""
    base, below = printed_parts(name)
    what, why = None, ""
    matrix = dimensions == 2  # noqa: PLR2004 - as many as δ_ij and I_N have indices
    letter = entry_name(base) if dimensions else base
    if below is None and letter in _CONSTANTS and (not dimensions or not _is_plain(program)):
        what = _CONSTANTS[letter]
        why = "" if letter == base else f", where its entries are called {letter}"
    elif below is None and letter == "delta" and matrix:
        what = "Kronecker's delta"
    elif base == "I" and (below is not None or matrix):
        what = "the identity matrix"
    if what is not None:
        raise InputError(
            f"{name} cannot be told from {what} on the page{why}; give it another name."
        )


def _is_plain(program: Program) -> bool:
    """Whether a derivation of a program prints neither e nor π."""
    for assignment in program.assignments:
        for node in nodes.walk(assignment.value):
            if isinstance(node, nodes.Apply):
                if node.function in ELEMENTWISE and node.function not in _PLAIN:
                    return False
            elif not isinstance(node, _PLAIN_NODES):
                return False
    return True


def subscripts(dimensions: Mapping[str, int]) -> frozenset[str]:
    """Letters that would be read as an index of an entry where they are part of a name.

    >>> sorted(subscripts({"x": 1, "x_i": 0, "W_q": 2}))
    ['i']
    """
    entries = {_shown(entry_name(name)) for name, count in dimensions.items() if count}
    found = set[str]()
    for name in dimensions:
        base, below = printed_parts(name)
        if below is not None and below.isalpha() and _shown(base) in entries:
            found |= set(below)
    return frozenset(found)


def _shown(base: str) -> str:
    """The letter or the word that a reader sees."""
    letter = GREEK.get(base, base)
    return _SHAPES.get(letter, letter)


def _name_looks(base: str, below: str | None) -> Iterator[_Look]:
    yield "name", _shown(base), below, 0


def _entry_looks(name: str, dimensions: int) -> Iterator[_Look]:
    """How the entries of an array look."""
    if dimensions:
        base, below = printed_parts(entry_name(name))
        yield "entry", _shown(base), below, dimensions


def _looks_like_entries(base: str, below: str | None) -> Iterator[_Look]:
    """The entries that a name with a number looks like: b_12 like the twelfth, or like b_1,2."""
    if below is not None and below.isdigit() and not below.startswith("0"):
        yield "entry", _shown(base), None, 1
        if len(below) > 1 and "0" not in below:
            yield "entry", _shown(base), None, len(below)


def _entry(look: _Look) -> str:
    _, base, below, count = look
    return f"{base}{below or ''}_{'ijklmn'[:count]}"
