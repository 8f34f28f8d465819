"""A gradient held against central differences, for arrays of any shape."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from matderiv.arguments import POSITION, Kind, checked
from matderiv.checking.floats import multiple
from matderiv.errors import InputError

__all__ = ["Worst", "check_grad", "check_hvp", "real_array", "reported", "worst_of"]


@checked(wrt=POSITION)
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
    values, place = _arguments(args, wrt)
    values[place] = x = real_array(values[place], f"Argument {wrt} holds").copy()
    claimed = real_array(grad(*values), "grad returns")

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
    what = f"gradient by argument {wrt}"
    of, tolerance = f"argument {wrt}", (rtol, atol)
    message = _difference(what, "gradient", claimed, numeric, of=of, tolerance=tolerance)
    return reported(message, raise_exception=raise_exception)


@checked(wrt=POSITION, direction=Kind("an array of numbers", lambda value: value))
def check_hvp(
    grad: Callable[..., Any],
    hvp: Callable[..., Any],
    args: Sequence[Any],
    direction: Any,
    *,
    wrt: int = 0,
    eps: float = 1e-5,
    rtol: float = 1e-5,
    atol: float = 1e-7,
    raise_exception: bool = True,
) -> bool:
    """|hvp - (grad(x + εv) - grad(x - εv))/2ε| ≤ atol + rtol·|difference|, entry by entry.

    `grad(*args)` is a gradient by `args[wrt]`, and `hvp(*args, direction)` the product of the
    Hessian with the direction v, both in the shape of the argument. Functions of NumPy and JAX get
    arrays of NumPy in float64, those of torch tensors like the argument.

    Raises:
        AssertionError: an entry differs by more, unless `raise_exception` is False; the worst
            one is named, its indices counted from 1.
        InputError: the direction has another shape, or `wrt` is none of the arguments.

    >>> import numpy as np
    >>> A, x, v = np.arange(4.0).reshape(2, 2), np.ones(2), np.array([1.0, 2.0])
    >>> check_hvp(lambda x: (A + A.T) @ x, lambda x, v: (A + A.T) @ v, (x,), v)
    True
    """
    __tracebackhide__ = True
    values, place = _arguments(args, wrt)
    like = getattr(values[place], "new_tensor", lambda array: array)  # of torch
    x = real_array(values[place], f"Argument {wrt} holds").copy()
    v = real_array(direction, "The direction holds")
    if v.shape != x.shape:
        raise InputError(
            f"The direction has the shape {v.shape}, but argument {wrt} has {x.shape}."
        )

    def at(moved: Any) -> Any:
        there = (*values[:place], like(moved), *values[place + 1 :])
        return real_array(grad(*there), "grad returns")

    step = (
        eps * max(1.0, float(np.abs(x).max(initial=0))) / max(1.0, float(np.abs(v).max(initial=0)))
    )
    numeric = (at(x + step * v) - at(x - step * v)) / (2 * step)
    values[place] = like(x)
    claimed = real_array(hvp(*values, like(v)), "hvp returns")
    what = f"Hessian by argument {wrt} times the direction"
    of, tolerance = "the gradient", (rtol, atol)
    message = _difference(what, "product", claimed, numeric, of=of, tolerance=tolerance)
    return reported(message, raise_exception=raise_exception)


def _arguments(args: Sequence[Any], wrt: int) -> tuple[list[Any], int]:
    """The arguments, and the place of one of them counted from 0."""
    if not -len(args) <= wrt < len(args):
        raise InputError(f"wrt is {wrt}, but there are {len(args)} arguments, counted from 0.")
    return list(args), wrt % len(args)


def _difference(
    what: str, kind: str, claimed: Any, numeric: Any, *, of: str, tolerance: tuple[float, float]
) -> str:
    """A message if an array is not what central differences give, which has the shape `of`."""
    if claimed.shape != numeric.shape:
        return f"The {kind} has the shape {claimed.shape}, but {of} has {numeric.shape}."
    worst = worst_of(claimed, numeric, *tolerance)
    if worst is None:
        return ""
    factor = multiple(claimed, numeric, 1e-4)
    looks = "" if factor is None else f" It looks like {factor:.4g} times the right one."
    return (
        f"The {what} is wrong in {worst.many}. Worst is {worst.place}, counted from 1: the "
        f"{kind} given is {worst.one}, central differences give {worst.other}.{looks}"
    )


def reported(message: str, *, raise_exception: bool) -> bool:
    """Whether there is no message; it is raised if that is asked for."""
    __tracebackhide__ = True
    if message and raise_exception:
        raise AssertionError(message)
    return not message


class Worst(NamedTuple):
    """Where two arrays differ most, in words: "2 of 6 entries", the place and both numbers."""

    many: str
    place: str
    one: str
    other: str


def worst_of(one: Any, other: Any, rtol: float, atol: float) -> Worst | None:
    """Where |one - other| > atol + rtol·|other|, or one is no number; None where nowhere."""
    wrong = ~(np.abs(one - other) <= atol + rtol * np.abs(other))
    if not wrong.any():
        return None
    gap = np.where(wrong, np.where(np.isnan(one), np.inf, np.abs(one - other)), -1)
    at = tuple(map(int, np.unravel_index(int(np.argmax(gap)), gap.shape)))
    place = f"entry ({', '.join(str(n + 1) for n in at)})" if at else "the value"
    many = f"{int(wrong.sum())} of {wrong.size} entries"
    return Worst(many, place, f"{one[at]:.9g}", f"{other[at]:.9g}")


def real_array(value: Any, what: str) -> Any:
    """An array of real numbers in float64.

    Raises:
        InputError: it is no array of real numbers.
    """
    try:
        array = np.asarray(value)
        if not np.iscomplexobj(array):
            return array.astype(np.float64)
    except (TypeError, ValueError, OverflowError, RuntimeError) as error:  # the last is torch's
        raise InputError(f"{what} {type(value).__name__}, which is no array: {error}") from None
    raise InputError(f"{what} complex numbers; what is compared here are real ones.")
