"""Other names for the names of a program."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from matderiv.errors import InputError
from matderiv.expression import nodes
from matderiv.expression._names import check_names
from matderiv.expression.latex_signs import GREEK_COMMANDS
from matderiv.expression.nodes import Node
from matderiv.expression.parse import parse
from matderiv.expression.program import Assignment, Program
from matderiv.expression.spelling import respelled

__all__ = ["read_names", "renamed"]

_NEW = re.compile(r"(\\?)([A-Za-z]+)([0-9]*)(?:_(?:\{([A-Za-z0-9]+)\}|([A-Za-z0-9]+)))?")
_MOST = 24  # letters of a name


def read_names(
    given: Mapping[str, str] | Iterable[tuple[str, str]] | None, program: Program
) -> dict[str, str]:
    r"""The new name of each name of a program that gets one.

    A new name is a letter, a word or a Greek letter as in LaTeX, perhaps with an index.

    Raises:
        InputError: the program has no such name, or what it should be called is no name.

    >>> read_names({"W": r"\Theta", "b": "b_{out}"}, parse("L = sum(X @ W + b)"))
    {'W': 'Theta', 'b': 'b_out'}
    """
    pairs = tuple(given.items() if isinstance(given, Mapping) else given or ())
    found: dict[str, str] = {}
    for old, new in pairs:
        if old not in program.names():
            known = ", ".join(sorted(program.names()))
            raise InputError(f"There is no {old[:40]} to rename; there are: {known}.")
        if found.setdefault(old, _read(new)) != _read(new):
            raise InputError(f"{old} is renamed twice; leave one of the new names out.")
    kept = program.names() - found.keys()
    for old, new in found.items():
        others = {*kept, *(other for name, other in found.items() if name != old)}
        if new in others:
            raise InputError(f"{old} cannot be called {new}, as another name is; choose another.")
    if found and program.asked:
        raise InputError(
            "A program that asks arrays for their sizes, as X.shape[0] does, keeps its names; "
            "rename them in its text."
        )
    return {old: new for old, new in found.items() if old != new}


def _read(new: str) -> str:
    text = new.strip()
    if not text.startswith("\\"):
        text = respelled(text)[0] if len(text) == 1 else text
    match = _NEW.fullmatch(text)
    if match is None or len(text) > _MOST:
        raise InputError(
            f"{new[:40]!r} is no name; write a letter, a word or a Greek letter, perhaps with an "
            r"index, such as Q, \Theta or W_{out}."
        )
    command, base, number, *below = match.groups()
    if command and base not in GREEK_COMMANDS:
        raise InputError(rf"\{base} is no Greek letter; there are: {', '.join(GREEK_COMMANDS)}.")
    base = GREEK_COMMANDS[base] if command else base
    return base + number + "".join(f"_{part}" for part in below if part)


def renamed(program: Program, names: Mapping[str, str]) -> Program:
    """The program with other names.

    Raises:
        InputError: the text with the new names would be read otherwise.
    """
    if not names:
        return program
    found = replace(
        program,
        assignments=_put(program, names),
        assumed=tuple((names.get(name, name), what) for name, what in program.assumed),
    )
    check_names(found)
    back = {new: old for old, new in names.items()}
    if _put(parse(found.source()), back) != parse(program.source()).assignments:
        listed = ", ".join(f"{new} for {old}" for old, new in names.items())
        raise InputError(f"The program would be read otherwise with {listed}; choose other names.")
    return found


def _put(program: Program, names: Mapping[str, str]) -> tuple[Assignment, ...]:
    def put(node: Node) -> Node:
        if isinstance(node, nodes.Name):
            return nodes.Name(names.get(node.name, node.name))
        return nodes.rebuilt(node, list(map(put, nodes.children(node))))

    return tuple(Assignment(names.get(a.name, a.name), put(a.value)) for a in program.assignments)
