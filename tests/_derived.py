"""Derivations that many tests look at: values that nobody changes, so each is made only once."""

from __future__ import annotations

from collections.abc import Mapping

import matderiv

LINEAR = "Y = X @ W; L = sum(f(Y))"
USUAL = (2, 4, 3)

_made: dict[str, matderiv.Derivation] = {}


def derived(
    program: str = LINEAR,
    size: tuple[int, int, int] = USUAL,
    wrt: str | None = None,
    shapes: Mapping[str, tuple[int, ...]] | None = None,
    method: str = "elementwise",
) -> matderiv.Derivation:
    """The derivation of a program at given N, D, M, or with given shapes."""
    sizes = None if size == USUAL else dict(zip("NDM", size, strict=True))
    key = repr((program, sizes, wrt, sorted((shapes or {}).items()), method))
    if key not in _made:
        _made[key] = matderiv.derive(program, wrt=wrt, sizes=sizes, shapes=shapes, method=method)
    return _made[key]
