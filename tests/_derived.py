"""Derivations that many tests look at: values that nobody changes, so each is made only once."""

from __future__ import annotations

from collections.abc import Mapping

from _thorough import usually

import matderiv

LINEAR = "Y = X @ W; L = sum(f(Y))"
USUAL = (2, 4, 3)

#: Sizes of the worked example, one of each kind: the usual ones, all one, and matrices that are
#: shortened; in a thorough run, more of the first and the last kind.
SIZES = [USUAL, (1, 1, 1), (12, 3, 11), *[(3, 5, 2), (8, 8, 8)][: usually(0, thoroughly=2)]]

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
