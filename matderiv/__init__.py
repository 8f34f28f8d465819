"""Gradients of matrix expressions, derived step by step, every line proved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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
    from matderiv.api import Derivation, Jacobian, derive, jacobian

__all__ = [
    "Derivation",
    "InputError",
    "Jacobian",
    "MatderivError",
    "ProgramSyntaxError",
    "ProofError",
    "ShapeError",
    "UnsupportedError",
    "__version__",
    "derive",
    "jacobian",
]


def __getattr__(name: str) -> Any:
    """Import SymPy only when something that needs it is used."""
    if name in ("Derivation", "Jacobian", "derive", "jacobian"):
        from matderiv import api

        return getattr(api, name)
    raise AttributeError(f"module 'matderiv' has no attribute {name!r}")
