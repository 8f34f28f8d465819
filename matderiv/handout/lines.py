"""The formulas of a page as lines of a program, and the names in them that need a word."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from matderiv.expression import nodes
from matderiv.expression.functions import FUNCTIONS
from matderiv.expression.nodes import Node
from matderiv.expression.operations import NAMES

__all__ = ["assignment", "derivatives_in", "foreign_names"]

#: The width of a page in letters of code.
_WIDTH = 72
#: The spaces at which a line of code may end: before an operator and after a comma.
_BREAK = re.compile(r" (?=[-+@] )|(?<=,) ")

#: Functions that NumPy does not have by these names alone.
_FOREIGN = frozenset("softmax logsumexp norm inv det logdet".split()) | {
    name for name, f in FUNCTIONS.items() if f.spelled(name, "numpy") != f"np.{name}({{0}})"
}


def assignment(name: str, formula: str) -> str:
    """`name = formula`, in several lines where it is long; it stays Python.

    >>> print(assignment("dX", " + ".join(f"A @ (B{n} + C)" for n in range(6))))
    dX = (A @ (B0 + C) + A @ (B1 + C) + A @ (B2 + C) + A @ (B3 + C)
          + A @ (B4 + C) + A @ (B5 + C))
    """
    if len(name) + len(formula) + 3 <= _WIDTH:
        return f"{name} = {formula}"
    rest, indent = f"{name} = ({formula})", " " * (len(name) + 4)
    lines: list[str] = []
    while len(rest) > _WIDTH:
        places = [m.start() for m in _BREAK.finditer(rest, len(indent) + 1)]
        fitting = [at for at in places if at <= _WIDTH] or places[:1]
        if not fitting:
            break
        at = min(fitting, key=lambda at: _merit(rest, at))
        lines.append(rest[:at])
        rest = indent + rest[at + 1 :]
    return "\n".join((*lines, rest))


def _merit(line: str, at: int) -> tuple[object, ...]:
    """How badly a line ends at a space: soon, deep in brackets, inside a product."""
    before = line[:at]
    return at < _WIDTH // 2, before.count("(") - before.count(")"), line[at + 1] == "@", -at


def derivatives_in(formulas: Iterable[Node], functions: Iterable[str]) -> Iterator[str]:
    """The undefined functions whose derivatives are called, in order of first use."""
    called = dict.fromkeys(n.function for n in _walked(formulas) if isinstance(n, nodes.Apply))
    known = set(functions)
    return (name[1:] for name in called if name[:1] == "d" and name[1:] in known)


def foreign_names(formulas: Iterable[Node]) -> tuple[str, ...]:
    """The functions in formulas that NumPy does not have by their names alone.

    >>> from matderiv.expression.nodes import Apply, Name
    >>> foreign_names([Apply("exp", Name("X")), Apply("step", Name("X"))])
    ('step',)
    """
    names = (
        n.function if isinstance(n, nodes.Apply) else NAMES.get(type(n), "")
        for n in _walked(formulas)
    )
    return tuple(dict.fromkeys(name for name in names if name in _FOREIGN))


def _walked(formulas: Iterable[Node]) -> Iterator[Node]:
    return (node for formula in formulas for node in nodes.walk(formula))
