"""The methods by name."""

from __future__ import annotations

from collections.abc import Mapping

from matderiv.calculus.sweep.task import Task
from matderiv.derivation.methods.differential import by_differentials
from matderiv.derivation.methods.index import index
from matderiv.derivation.methods.kronecker import by_kronecker
from matderiv.derivation.methods.slice import by_slices
from matderiv.derivation.program import Route, elementwise
from matderiv.errors import InputError, UnsupportedError
from matderiv.expression.vocabulary import did_you_mean

__all__ = ["METHODS", "method_for", "usual_method"]

_MATRIX = 2  # dimensions

METHODS: Mapping[str, Route] = {
    "elementwise": elementwise,
    "index": index,
    "differential": by_differentials,
    "slice": by_slices,
    "kronecker": by_kronecker,
}

#: The methods that write arrays of any number of dimensions; all others write matrices.
_OF_ANY = ("index", "elementwise")


def usual_method(task: Task) -> str:
    """Entry by entry; index notation where an array has more than two dimensions."""
    return "index" if _larger(task) else "elementwise"


def method_for(task: Task, asked: str | None) -> str:
    """The method that is asked for, else the usual one.

    Raises:
        InputError: there is no such method.
        UnsupportedError: it writes matrices, and a value has more dimensions.
    """
    if asked is None:
        return usual_method(task)
    if asked not in METHODS:
        raise InputError(
            f"There is no method {asked[:40]!r}; there are: {', '.join(METHODS)}."
            + did_you_mean(asked, METHODS)
        )
    larger = _larger(task)
    if larger and asked not in _OF_ANY:
        raise UnsupportedError(
            f"{larger} has {len(task.shapes[larger])} dimensions, and the method {asked} writes "
            f"matrices; take --method {' or --method '.join(_OF_ANY)}."
        )
    return asked


def _larger(task: Task) -> str | None:
    """A name of more than two dimensions, if there is one."""
    return next((name for name, shape in task.shapes.items() if len(shape) > _MATRIX), None)
