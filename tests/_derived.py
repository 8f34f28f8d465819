"""Derivations that many tests look at: values that nobody changes, so each is made only once."""

from __future__ import annotations

import functools

import matderiv

LINEAR = "Y = X @ W; L = sum(f(Y))"


@functools.cache
def derived(program: str = LINEAR, size: tuple[int, int, int] = (2, 4, 3)) -> matderiv.Derivation:
    """The derivation of a program at given N, D, M."""
    return matderiv.derive(program, sizes=dict(zip("NDM", size, strict=True)))
