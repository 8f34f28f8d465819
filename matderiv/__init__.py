"""Gradients of matrix expressions, derived step by step, every line proved."""

from __future__ import annotations

from importlib import import_module

from matderiv._version import __version__
from matderiv.errors import (
    InputError,
    MatderivError,
    ProgramSyntaxError,
    ProofError,
    ShapeError,
    UnsupportedError,
)

TYPE_CHECKING = False  # type checkers read it as True; `typing` takes longer than all the rest
if TYPE_CHECKING:
    from matderiv.api import Derivation, board, derive
    from matderiv.array_derivatives import hessian, hvp, jvp, vjp
    from matderiv.array_results import ArrayDerivative
    from matderiv.checking.check import check
    from matderiv.checking.report import Check
    from matderiv.expansions import Taylor, taylor
    from matderiv.gradients import Gradient, gradient
    from matderiv.handouts import Handout
    from matderiv.jacobians import Jacobian, jacobian

__all__ = [
    "ArrayDerivative",
    "Check",
    "Derivation",
    "Gradient",
    "Handout",
    "InputError",
    "Jacobian",
    "MatderivError",
    "ProgramSyntaxError",
    "ProofError",
    "ShapeError",
    "Taylor",
    "UnsupportedError",
    "__version__",
    "board",
    "check",
    "derive",
    "gradient",
    "hessian",
    "hvp",
    "jacobian",
    "jvp",
    "taylor",
    "vjp",
]


_PUBLIC = {
    "ArrayDerivative": "matderiv.array_results",
    "Check": "matderiv.checking.report",
    "Derivation": "matderiv.api",
    "Gradient": "matderiv.gradients",
    "Handout": "matderiv.handouts",
    "Jacobian": "matderiv.jacobians",
    "Taylor": "matderiv.expansions",
    "board": "matderiv.api",
    "check": "matderiv.checking.check",
    "derive": "matderiv.api",
    "gradient": "matderiv.gradients",
    "hessian": "matderiv.array_derivatives",
    "hvp": "matderiv.array_derivatives",
    "jacobian": "matderiv.jacobians",
    "jvp": "matderiv.array_derivatives",
    "taylor": "matderiv.expansions",
    "vjp": "matderiv.array_derivatives",
}


def __getattr__(name: str) -> object:
    """Import SymPy only when something that needs it is used."""
    if name in _PUBLIC:
        return getattr(import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'matderiv' has no attribute {name!r}")


def __dir__() -> list[str]:
    """The public names: neither modules nor what this file imports."""
    return list(__all__)
