"""Whether the names of a program can stand together."""

from __future__ import annotations

import difflib

from matderiv.errors import InputError
from matderiv.expression import nodes
from matderiv.expression.program import Program

__all__ = ["check_names"]


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
    everything = names | functions
    for name in sorted(everything):
        if f"d{name}" in everything:
            kept = "derivative of" if name in functions else "gradient by"
            raise InputError(f"d{name} is kept for the {kept} {name}; rename one of the two.")
    _check_unused(program)


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
