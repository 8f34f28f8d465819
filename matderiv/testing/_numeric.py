"""A gradient held against central differences, for arrays of any shape."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from matderiv.arguments import POSITION, Kind, checked
from matderiv.checking.floats import multiple
from matderiv.errors import InputError

__all__ = ["check_grad", "check_hvp", "far", "place_words", "real_array", "worst_of"]


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
    wrong = far(claimed, numeric, rtol, atol)
    if not wrong.any():
        return True
    worst = worst_of(wrong, claimed, numeric)
    factor = multiple(claimed, numeric, 1e-4)
    looks = "" if factor is None else f" It looks like {factor:.4g} times the right one."
    return _fail(
        f"The gradient by argument {wrt} is wrong in {int(wrong.sum())} of {x.size} "
        f"entries. Worst is {place_words(worst)}, counted from 1: the gradient given is "
        f"{claimed[worst]:.9g}, central differences give {numeric[worst]:.9g}.{looks}",
        raise_exception=raise_exception,
    )


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
    if not -len(args) <= wrt < len(args):
        raise InputError(f"wrt is {wrt}, but there are {len(args)} arguments, counted from 0.")
    values: list[Any] = list(args)
    place = wrt % len(values)
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
    if claimed.shape != numeric.shape:
        return _fail(
            f"The product has the shape {claimed.shape}, but the gradient has {numeric.shape}.",
            raise_exception=raise_exception,
        )
    wrong = far(claimed, numeric, rtol, atol)
    if not wrong.any():
        return True
    worst = worst_of(wrong, claimed, numeric)
    factor = multiple(claimed, numeric, 1e-4)
    looks = "" if factor is None else f" It looks like {factor:.4g} times the right one."
    return _fail(
        f"The Hessian by argument {wrt} times the direction is wrong in {int(wrong.sum())} of "
        f"{x.size} entries. Worst is {place_words(worst)}, counted from 1: the product given is "
        f"{claimed[worst]:.9g}, central differences give {numeric[worst]:.9g}.{looks}",
        raise_exception=raise_exception,
    )


def far(one: Any, other: Any, rtol: float, atol: float) -> Any:
    """Where a result is off, as a mask; one that is no number is."""
    return ~(np.abs(one - other) <= atol + rtol * np.abs(other))


def worst_of(wrong: Any, one: Any, other: Any) -> tuple[int, ...]:
    """The place, of those that are wrong, at which two arrays differ most."""
    gap = np.where(np.isnan(one), np.inf, np.abs(one - other))
    return tuple(map(int, np.unravel_index(int(np.argmax(np.where(wrong, gap, -1))), gap.shape)))


def place_words(place: tuple[int, ...]) -> str:
    """A place in words, counted from 1."""
    return f"entry ({', '.join(str(n + 1) for n in place)})" if place else "the value"


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


def _fail(message: str, *, raise_exception: bool) -> bool:
    if raise_exception:
        raise AssertionError(message)
    return False
