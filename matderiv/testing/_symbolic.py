"""A formula held against the derived gradient, Jacobian or Hessian."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal

from matderiv.arguments import CLAIM, NAME, checked
from matderiv.checking.check import check
from matderiv.checking.question import ArrayAsked, ask_array
from matderiv.checking.report import Check
from matderiv.checking.task_with_names import Given
from matderiv.errors import InputError
from matderiv.expression.assumptions import read_assumed, read_convention
from matderiv.expression.parse import parse
from matderiv.testing._functions import wrong_function
from matderiv.tracing import ProgramLike, program_text

__all__ = ["assert_gradient", "assert_hessian", "assert_jacobian"]


@checked(wrt=NAME)
def assert_gradient(
    program: ProgramLike,
    wrt: str,
    claim: str,
    *,
    sizes: Mapping[str, int | None] | None = None,
    shapes: Mapping[str, tuple[int, ...]] | None = None,
    assume: Mapping[str, str] | Iterable[tuple[str, str]] | None = None,
    convention: str | None = None,
    lang: str = "en",
) -> None:
    """∂L/∂wrt = claim, proved; for all sizes unless only single ones can be decided.

    Raises:
        AssertionError: the claim is wrong, with what is wrong; or it could not be decided.
        InputError: the program or the claim cannot be read.

    >>> assert_gradient("Y = X @ W; L = sum(f(Y))", "W", "X.T @ df(Y)")
    >>> assert_gradient("Y = X @ W; L = sum(f(Y))", "W", "X @ dY")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    AssertionError: Wrong: X @ dY is not the gradient of L with respect to W.
    ...
    X lost its transpose: it must be X.T.
    Right is X.T @ dY.
    The line of the derivation that decides: ∂L/∂w_pq = Σ_i ∂L/∂y_iq·x_ip
    X, W: matrices
    """
    __tracebackhide__ = True
    given: dict[str, Any] = {
        "sizes": sizes,
        "shapes": shapes,
        "assume": assume,
        "convention": convention,
    }
    _assert(check(program, wrt, claim, **given), lang)


@checked(wrt=NAME, claim=CLAIM)
def assert_jacobian(
    program: ProgramLike,
    wrt: str,
    claim: str | Callable[..., Any],
    *,
    sizes: Mapping[str, int | None] | None = None,
    shapes: Mapping[str, tuple[int, ...]] | None = None,
    assume: Mapping[str, str] | Iterable[tuple[str, str]] | None = None,
    array: Callable[[Any], Any] | None = None,
    lang: str = "en",
) -> None:
    """∂y/∂x = claim, proved, in numerator layout; of more than two axes in a form as in `check`.

    A claim may be a function of the program's inputs by their names, and of f, df or ddf where the
    program has an undefined f. It is held against the proved formula at random inputs of several
    shapes, the axes of y before those of x. It gets arrays of NumPy in float64, or what `array`
    makes of them, such as `torch.from_numpy` or `jax.numpy.asarray`.

    Raises:
        AssertionError: the claim is wrong, with what is wrong; or it could not be decided.
        InputError: the program or the claim cannot be read.

    >>> assert_jacobian("softmax(x)", "x", "diag(softmax(x)) - outer(softmax(x), softmax(x))")
    >>> assert_jacobian("A @ X @ B", "X", "kron(B.T, A)")
    >>> assert_jacobian("f(A @ x)", "x", "df(A @ x)*A")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    AssertionError: Wrong: df(A @ x)*A is not the Jacobian of L with respect to x.
    ...
    A diagonal matrix is left out: df(A @ x)*A must be diag(df(A @ x)) @ A.
    A: a matrix; x: a vector
    >>> import numpy as np
    >>> assert_jacobian("tanh(x)", "x", lambda x: np.diag(1 - np.tanh(x) ** 2))
    """
    __tracebackhide__ = True
    given: dict[str, Any] = {"sizes": sizes, "shapes": shapes, "assume": assume}
    _assert_array(program_text(program), wrt, claim, "jacobian", given, array=array, lang=lang)


@checked(wrt=NAME, claim=CLAIM)
def assert_hessian(
    program: ProgramLike,
    wrt: str,
    claim: str | Callable[..., Any],
    *,
    sizes: Mapping[str, int | None] | None = None,
    shapes: Mapping[str, tuple[int, ...]] | None = None,
    assume: Mapping[str, str] | Iterable[tuple[str, str]] | None = None,
    array: Callable[[Any], Any] | None = None,
    lang: str = "en",
) -> None:
    """∂²L/∂x∂xᵀ = claim, proved; with two names, as in "x, y", it is the mixed block.

    A claim may be a function, too, as in `assert_jacobian`.

    Raises:
        AssertionError: the claim is wrong, with what is wrong; or it could not be decided.
        InputError: the program or the claim cannot be read.

    >>> assert_hessian("x @ A @ x", "x", "A + A.T")
    >>> assert_hessian("sum((X @ w - y)**2)", "w", "X.T @ X")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    AssertionError: Wrong: X.T @ X is not the Hessian of L with respect to w.
    The constant factor is wrong: the claim is 0.5 times the Hessian.
    Right is 2*X.T @ X.
    ...
    >>> assert_hessian("sum((X @ w - y)**2)", "w", lambda X: X.T @ X)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    AssertionError: The Hessian by w is wrong in ... It looks like 0.5 times the right one.
    """
    __tracebackhide__ = True
    given: dict[str, Any] = {"sizes": sizes, "shapes": shapes, "assume": assume}
    _assert_array(program_text(program), wrt, claim, "hessian", given, array=array, lang=lang)


def _assert_array(
    program: str,
    wrt: str,
    claim: str | Callable[..., Any],
    kind: Literal["jacobian", "hessian"],
    given: Mapping[str, Any],
    *,
    array: Callable[[Any], Any] | None,
    lang: str,
) -> None:
    """A formula is proved, and a function compared at numbers."""
    __tracebackhide__ = True
    if isinstance(claim, str):
        if array is not None:
            raise InputError("array is for a claim that is a function; leave it out.")
        _assert(check(program, wrt, claim, kind=kind, **given), lang)
        return
    assumed = read_assumed(parse(program, given["shapes"]), given["assume"])
    names = tuple(name.strip() for name in wrt.split(","))
    known = Given(given["sizes"], given["shapes"], assumed, read_convention(None, assumed))
    question = ask_array(ArrayAsked(kind, program, names), known)
    message = wrong_function(question, claim, array, fixed=given["shapes"] is not None)
    if message:
        raise AssertionError(message)


def _assert(report: Check, lang: str) -> None:
    __tracebackhide__ = True
    if report.status != "right":
        raise AssertionError(report.text(lang).rstrip("\n"))
