"""A formula held against the derived gradient."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from matderiv.arguments import NAME, checked
from matderiv.checking.check import check

__all__ = ["assert_gradient"]


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
    report = check(
        program,
        wrt,
        claim,
        sizes=sizes,
        shapes=shapes,
        assume=assume,
        convention=convention,
    )
    if report.status != "right":
        raise AssertionError(report.text(lang).rstrip("\n"))
