"""A gradient held against central differences, for arrays of any shape."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from matderiv.errors import InputError

__all__ = ["check_grad", "real_array"]


def check_grad(
    func: Callable[..., Any],
    grad: Callable[..., Any],
    args: Sequence[Any],
    *,
    wrt: int = 0,
    eps: float = 1e-5,
    rtol: float = 1e-5,
    atol: float = 1e-7,
    raise_exception: bool = True,
) -> bool:
    """|grad - (func(x + εe) - func(x - εe))/2ε| ≤ atol + rtol·|difference|, entry by entry.

    `func(*args)` is a scalar and `grad(*args)` its gradient by `args[wrt]`; arrays may have any
    shape, and anything that `numpy.asarray` takes will do. All is worked out in float64, with
    steps of `eps` times the larger of 1 and |x|.

    Raises:
        AssertionError: an entry differs by more, unless `raise_exception` is False; the worst
            one is named, its indices counted from 1.
        InputError: `func` is no scalar, something is complex, or `wrt` is none of the arguments.

    >>> import numpy as np
    >>> X, W = np.arange(6.0).reshape(2, 3), np.ones((3, 4))
    >>> check_grad(lambda X, W: np.sum((X @ W) ** 2), lambda X, W: 2 * X @ W @ W.T, (X, W))
    True
    """
    __tracebackhide__ = True
    if not -len(args) <= wrt < len(args):
        raise InputError(f"wrt is {wrt}, but there are {len(args)} arguments, counted from 0.")
    values: list[Any] = list(args)
    place = wrt % len(values)
    values[place] = x = real_array(values[place], f"Argument {wrt} holds").copy()
    claimed = real_array(grad(*values), "grad returns")
    if claimed.shape != x.shape:
        return _fail(
            f"The gradient has the shape {claimed.shape}, but argument {wrt} has {x.shape}.",
            raise_exception=raise_exception,
        )

    def at(index: tuple[int, ...], value: float) -> float:
        moved = x.copy()
        moved[index] = value
        result = real_array(func(*values[:place], moved, *values[place + 1 :]), "func returns")
        if result.size != 1:
            raise InputError(f"func gives an array of shape {result.shape}; it must be a scalar.")
        return float(result.reshape(()))

    numeric = np.empty_like(x)
    for index in np.ndindex(x.shape):
        middle = float(x[index])
        step = eps * max(1.0, abs(middle))
        high, low = middle + step, middle - step
        numeric[index] = (at(index, high) - at(index, low)) / (high - low)
    excess = np.abs(claimed - numeric) - (atol + rtol * np.abs(numeric))
    excess = np.where(np.isnan(excess), np.inf, excess)
    if not (excess > 0).any():
        return True
    worst = np.unravel_index(int(np.argmax(excess)), x.shape)
    entry = f"entry ({', '.join(str(int(n) + 1) for n in worst)})" if x.ndim else "the value"
    ratio = _ratio(claimed, numeric)
    return _fail(
        f"The gradient by argument {wrt} is wrong in {int((excess > 0).sum())} of {x.size} "
        f"entries. Worst is {entry}, counted from 1: the gradient given is {claimed[worst]:.9g}, "
        f"central differences give {numeric[worst]:.9g}.{ratio}",
        raise_exception=raise_exception,
    )


def real_array(value: Any, what: str) -> Any:
    """An array of real numbers in float64.

    Raises:
        InputError: it is no array of real numbers.
    """
    try:
        array = np.asarray(value)
        if not np.iscomplexobj(array):
            return array.astype(np.float64)
    except (TypeError, ValueError, RuntimeError) as error:  # the last is torch's
        raise InputError(f"{what} {type(value).__name__}, which is no array: {error}") from None
    raise InputError(f"{what} complex numbers; what is compared here are real ones.")


def _ratio(claimed: Any, numeric: Any) -> str:
    """A constant factor between the two, if there is one."""
    below = float(np.vdot(numeric, numeric))
    factor = float(np.vdot(numeric, claimed)) / below if below else 0.0
    if factor and np.allclose(claimed, factor * numeric, rtol=1e-4, atol=1e-6):
        return f" It looks like {factor:.4g} times the right one."
    return ""


def _fail(message: str, *, raise_exception: bool) -> bool:
    if raise_exception:
        raise AssertionError(message)
    return False
