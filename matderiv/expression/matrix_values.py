"""The values of functions of a whole square matrix; this module needs NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from matderiv.errors import InputError
from matderiv.expression.matrix_functions import exponent_of, function_kind, place_of

__all__ = ["matrix_change", "matrix_value"]

_Values = npt.NDArray[Any]
_TERMS = 18  # of the series of the exponential, of a matrix of norm 1/4 at most
_ROOTS = 8  # before the series of the logarithm
_ODD = range(1, 13, 2)  # its exponents
_STEPS = 60  # of Newton's iteration for the root
_CLOSE = 1e-9
_MATRIX = 2  # dimensions


def matrix_value(function: str, matrix: _Values) -> _Values:
    """The value of a function of a matrix of floating point numbers.

    Raises:
        InputError: there is no such eigenvalue.
        LinAlgError: the matrix is not square.

    >>> matrix_value("expm", np.zeros((2, 2))).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    >>> matrix_value("eigenvalue -1", np.diag([3.0, 5.0])).tolist()
    [[0.0, 0.0], [0.0, 5.0]]
    """
    if matrix.ndim != _MATRIX or len(matrix) != len(matrix.T):
        raise np.linalg.LinAlgError
    match function_kind(function):
        case "expm":
            return _exponential(matrix)
        case "sqrtm":
            return _root(matrix)
        case "logm":
            return _logarithm(matrix)
        case "sinm" | "cosm" as kind:
            size, zero = len(matrix), 0 * matrix
            turned = _exponential(np.block([[zero, matrix], [-matrix, zero]]))
            return turned[:size, size:] if kind == "sinm" else turned[:size, :size]
        case "matrix_power":
            return np.linalg.matrix_power(matrix, int(exponent_of(function)))
    return _of_eigenvalue(function, matrix)


def matrix_change(function: str, matrix: _Values, change: _Values) -> _Values:
    """The derivative of a function of a matrix along another, the upper right block.

    Raises:
        LinAlgError: they are no square matrices of one size.

    >>> matrix_change("matrix_power 2", np.eye(2), np.ones((2, 2))).tolist()
    [[2.0, 2.0], [2.0, 2.0]]
    """
    if matrix.ndim != _MATRIX or matrix.shape != change.shape:
        raise np.linalg.LinAlgError
    size = len(matrix)
    return matrix_value(function, np.block([[matrix, change], [0 * matrix, matrix]]))[:size, size:]


def _logarithm(matrix: _Values) -> _Values:
    """2ⁿ times the series of log of the 2ⁿ-th root, 2·(Z + Z³/3 + …), Z = (A - I)(A + I)⁻¹."""
    for _ in range(_ROOTS):
        matrix = _root(matrix)
    one = np.eye(len(matrix))
    z = (matrix - one) @ np.linalg.inv(matrix + one)
    return np.asarray(2.0 ** (_ROOTS + 1) * sum(np.linalg.matrix_power(z, n) / n for n in _ODD))


def _exponential(matrix: _Values) -> _Values:
    """The 2ⁿ-th power of the series of A/2ⁿ."""
    norm = float(np.linalg.norm(matrix, 1))
    halvings = max(0, int(np.ceil(np.log2(norm))) + 2) if 0 < norm < np.inf else 0
    total = term = np.eye(len(matrix))
    for n in range(1, _TERMS):
        term = term @ matrix / (n * 2.0**halvings)
        total = total + term
    for _ in range(halvings):
        total = total @ total
    return total


def _root(matrix: _Values) -> _Values:
    """The principal root by the iteration of Denman and Beavers; not a number if there is none."""
    root, inverse = matrix, np.eye(len(matrix))
    try:
        for _ in range(_STEPS):
            above, below = np.linalg.inv(inverse), np.linalg.inv(root)
            root, inverse = (root + above) / 2, (inverse + below) / 2
    except np.linalg.LinAlgError:
        return np.full(matrix.shape, np.nan)
    if np.max(np.abs(root @ root - matrix)) > _CLOSE * (1 + np.max(np.abs(matrix))):
        return np.full(matrix.shape, np.nan)
    return root


def _of_eigenvalue(function: str, matrix: _Values) -> _Values:
    values, vectors = np.linalg.eigh(matrix)
    place = place_of(function)
    if not -len(values) <= place < len(values):
        raise InputError(f"A {len(values)}×{len(values)} matrix has no eigenvalue {place}.")
    vector = vectors[:, place]
    part = np.outer(vector, vector)
    return part if function_kind(function) == "eigenprojector" else values[place] * part
