"""The methods by name."""

from __future__ import annotations

from collections.abc import Mapping

from matderiv.derivation.methods.differential import by_differentials
from matderiv.derivation.methods.index import index
from matderiv.derivation.methods.kronecker import by_kronecker
from matderiv.derivation.methods.slice import by_slices
from matderiv.derivation.program import Route, elementwise

__all__ = ["METHODS"]

METHODS: Mapping[str, Route] = {
    "elementwise": elementwise,
    "index": index,
    "differential": by_differentials,
    "slice": by_slices,
    "kronecker": by_kronecker,
}
