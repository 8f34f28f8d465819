"""Gradients of matrix expressions, derived step by step, every line proved."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from matderiv._version import __version__
from matderiv.errors import (
    InputError,
    MatderivError,
    ProgramSyntaxError,
    ProofError,
    ShapeError,
    UnsupportedError,
)

if TYPE_CHECKING:
    from matderiv.api import Derivation, derive
    from matderiv.gradients import Gradient, gradient
    from matderiv.handouts import Handout
    from matderiv.jacobians import Jacobian, jacobian

__all__ = [
    "Derivation",
    "Gradient",
    "Handout",
    "InputError",
    "Jacobian",
    "MatderivError",
    "ProgramSyntaxError",
    "ProofError",
    "ShapeError",
    "UnsupportedError",
    "__version__",
    "derive",
    "gradient",
    "jacobian",
]


_PUBLIC = {
    "Derivation": "matderiv.api",
    "Gradient": "matderiv.gradients",
    "Handout": "matderiv.handouts",
    "Jacobian": "matderiv.jacobians",
    "derive": "matderiv.api",
    "gradient": "matderiv.gradients",
    "jacobian": "matderiv.jacobians",
}


def __getattr__(name: str) -> object:
    """Import SymPy only when something that needs it is used."""
    if name in _PUBLIC:
        return getattr(import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'matderiv' has no attribute {name!r}")
