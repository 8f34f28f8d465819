"""A formula held against the derived gradient, Jacobian or Hessian."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from matderiv.arguments import NAME, checked
from matderiv.checking.check import check
from matderiv.checking.report import Check

__all__ = ["assert_gradient", "assert_hessian", "assert_jacobian"]


@checked(wrt=NAME)
def assert_gradient(
    program: str,
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
    """
    __tracebackhide__ = True
    given: dict[str, Any] = {
        "sizes": sizes,
        "shapes": shapes,
        "assume": assume,
        "convention": convention,
    }
    _assert(check(program, wrt, claim, **given), lang)


@checked(wrt=NAME)
def assert_jacobian(
    program: str,
    wrt: str,
    claim: str,
    *,
    sizes: Mapping[str, int | None] | None = None,
    shapes: Mapping[str, tuple[int, ...]] | None = None,
    assume: Mapping[str, str] | Iterable[tuple[str, str]] | None = None,
    lang: str = "en",
) -> None:
    """∂y/∂x = claim, proved, in numerator layout; of more than two axes in a form as in `check`.

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
    """
    __tracebackhide__ = True
    given: dict[str, Any] = {"sizes": sizes, "shapes": shapes, "assume": assume}
    _assert(check(program, wrt, claim, kind="jacobian", **given), lang)


@checked(wrt=NAME)
def assert_hessian(
    program: str,
    wrt: str,
    claim: str,
    *,
    sizes: Mapping[str, int | None] | None = None,
    shapes: Mapping[str, tuple[int, ...]] | None = None,
    assume: Mapping[str, str] | Iterable[tuple[str, str]] | None = None,
    lang: str = "en",
) -> None:
    """∂²L/∂x∂xᵀ = claim, proved; with two names, as in "x, y", it is the mixed block.

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
    """
    __tracebackhide__ = True
    given: dict[str, Any] = {"sizes": sizes, "shapes": shapes, "assume": assume}
    _assert(check(program, wrt, claim, kind="hessian", **given), lang)


def _assert(report: Check, lang: str) -> None:
    __tracebackhide__ = True
    if report.status != "right":
        raise AssertionError(report.text(lang).rstrip("\n"))
