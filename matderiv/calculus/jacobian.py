"""What the Jacobian ∂Y/∂X of a product would take, counted and not built."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from matderiv.calculus.problem import Problem
from matderiv.errors import InputError

__all__ = ["ITEM_SIZES", "REFERENCE", "JacobianSize", "Sizes", "growth", "jacobian_size"]

#: N, D and M.
Sizes = tuple[int, int, int]

#: A layer of a size that is used: a batch of 64, and 4096 numbers in and out.
REFERENCE: Sizes = (64, 4096, 4096)

#: Bytes of one number of each type.
ITEM_SIZES = {
    "float16": 2,
    "bfloat16": 2,
    "float32": 4,
    "float64": 8,
    "float128": 16,
}


@dataclass(frozen=True, slots=True)
class JacobianSize:
    """The Jacobian of Y by X: all partial derivatives of entries of Y by entries of X.

    `matrix_form` is how many numbers the gradient's matrix form touches instead: ∂L/∂Y and
    the other factor are read, ∂L/∂X is written.
    """

    rows: int
    cols: int
    nonzero: int
    matrix_form: int
    item_size: int

    @property
    def count(self) -> int:
        """How many partial derivatives there are."""
        return self.rows * self.cols

    @property
    def memory(self) -> int:
        """Their memory in bytes."""
        return self.count * self.item_size

    @property
    def matrix_form_memory(self) -> int:
        """The memory of the matrix form in bytes."""
        return self.matrix_form * self.item_size


def jacobian_size(
    problem: Problem, wrt: str, dtype: str, sizes: Sizes | None = None
) -> JacobianSize:
    """Count: ∂Y/∂X has (N·M)·(N·D) entries, of which N·D·M can be other than zero.

    `sizes` takes the place of the problem's own.

    Raises:
        InputError: the type of a number is not known.

    Source:
        y_ij = Σ_k x_ik w_kj holds D entries of X, so a row of the Jacobian has D that count.
    """
    if dtype not in ITEM_SIZES:
        raise InputError(f"There is no number type {dtype!r} here; known: {', '.join(ITEM_SIZES)}.")
    n, d, m = sizes or _sizes(problem)
    known = dict(zip((dim.symbol for dim in problem.dims), (n, d, m), strict=True))
    rows, cols = (known[dim.symbol] for dim in problem.shapes[wrt])
    (other,) = (f for f in problem.factors if f != wrt)
    other_rows, other_cols = (known[dim.symbol] for dim in problem.shapes[other])
    return JacobianSize(
        rows=n * m,
        cols=rows * cols,
        nonzero=n * d * m,
        matrix_form=n * m + other_rows * other_cols + rows * cols,
        item_size=ITEM_SIZES[dtype],
    )


def growth(
    problem: Problem, wrt: str, dtype: str, steps: int = 8
) -> tuple[tuple[Sizes, JacobianSize], ...]:
    """Sizes that grow by equal factors from the problem's own to `REFERENCE`, or down to it.

    The one with fewer products comes first; where there are as many, they start at 1×1×1.
    """
    chosen = _sizes(problem)
    first, last = sorted((chosen, REFERENCE), key=math.prod)
    if math.prod(first) == math.prod(last):
        first, last = (1, 1, 1), chosen
    found: dict[int, Sizes] = {}
    for t in range(steps + 1):
        sizes = _sizes_of(
            round(a ** (1 - t / steps) * b ** (t / steps)) for a, b in zip(first, last, strict=True)
        )
        found.setdefault(math.prod(sizes), sizes)
    return tuple(
        (sizes, jacobian_size(problem, wrt, dtype, sizes)) for _, sizes in sorted(found.items())
    )


def _sizes(problem: Problem) -> Sizes:
    return _sizes_of(dim.size for dim in problem.dims)


def _sizes_of(numbers: Iterable[int]) -> Sizes:
    n, d, m = numbers
    return n, d, m
