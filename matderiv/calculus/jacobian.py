"""What the Jacobian ∂Y/∂X of a product would take, counted and not built."""

from __future__ import annotations

from dataclasses import dataclass

from matderiv.calculus.problem import Problem
from matderiv.errors import InputError

__all__ = ["ITEM_SIZES", "JacobianSize", "jacobian_size"]

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


def jacobian_size(problem: Problem, wrt: str, dtype: str) -> JacobianSize:
    """Count: ∂Y/∂X has (N·M)·(N·D) entries, of which N·D·M can be other than zero.

    Raises:
        InputError: the type of a number is not known.

    Source:
        y_ij = Σ_k x_ik w_kj holds D entries of X, so a row of the Jacobian has D that count.
    """
    if dtype not in ITEM_SIZES:
        raise InputError(f"There is no number type {dtype!r} here; known: {', '.join(ITEM_SIZES)}.")
    n, d, m = (dim.size for dim in problem.dims)
    rows, cols = (dim.size for dim in problem.shapes[wrt])
    (other,) = (f for f in problem.factors if f != wrt)
    other_rows, other_cols = (dim.size for dim in problem.shapes[other])
    return JacobianSize(
        rows=n * m,
        cols=rows * cols,
        nonzero=n * d * m,
        matrix_form=n * m + other_rows * other_cols + rows * cols,
        item_size=ITEM_SIZES[dtype],
    )
