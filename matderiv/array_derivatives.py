"""The Python interface to derivatives of arrays: Jacobians, Hessians, and their products."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from matderiv._collector import uncollected
from matderiv.arguments import NAME, NAMES_AS_GIVEN, checked
from matderiv.array_questions import (
    answer_at,
    question_of,
    with_direction,
    with_layout,
    written_form,
)
from matderiv.array_results import ArrayDerivative
from matderiv.calculus.sweep.singular import refuse_singular
from matderiv.errors import ShapeError
from matderiv.expression.assumptions import Assumed, infer_assumed, read_assumed, with_declared
from matderiv.expression.declared import declared_letters, of_inputs, ones_kept
from matderiv.expression.known_shapes import named_sizes
from matderiv.expression.parse import parse
from matderiv.expression.program import Program
from matderiv.expression.shapes import Shape, read_as
from matderiv.tracing import ProgramLike, program_text

__all__ = ["TIMES", "asked_for", "hessian", "hvp", "jvp", "vjp"]

TIMES = 4  # the budget of a gradient: two of them, and what is read off


@checked(TIMES, wrt=NAMES_AS_GIVEN)
def hessian(
    program: ProgramLike,
    *,
    wrt: str | Iterable[str] | None = None,
    sizes: Mapping[str, int | None] | None = None,
    shapes: Mapping[str, tuple[int, ...]] | None = None,
    assume: Mapping[str, str] | Iterable[tuple[str, str]] | None = None,
    form: str | None = None,
) -> ArrayDerivative:
    """∂²L/∂x∂xᵀ of a program that ends in a number: the Jacobian of its gradient.

    Shapes:
        Of a vector x of N it is N×N; of a matrix, an array of four axes, written in a `form`:
        "einsum", "vec", "vec-rows" or "index". With two names it is the mixed block: the axes of
        the first come first. `wrt` defaults to the only input that is an array.

    Raises:
        InputError: the program does not end in a number, or `wrt` is no input.
        ProofError: the formula is not proved.

    Source:
        Magnus and Neudecker, Matrix Differential Calculus, ch. 6 and 10.

    >>> print(hessian("p = sigmoid(X @ w); L = -sum(y*log(p) + (1 - y)*log(1 - p))", wrt="w"))
    X.T @ diag(p*(1 - p)) @ X
    """
    return asked_for("hessian", program, wrt, sizes=sizes, shapes=shapes, assume=assume, form=form)


@checked(TIMES, wrt=NAME, direction=NAME)
def jvp(
    program: ProgramLike,
    *,
    wrt: str | None = None,
    direction: str | None = None,
    sizes: Mapping[str, int | None] | None = None,
    shapes: Mapping[str, tuple[int, ...]] | None = None,
    assume: Mapping[str, str] | Iterable[tuple[str, str]] | None = None,
) -> ArrayDerivative:
    """∂Y/∂X·V without ∂Y/∂X: the derivative of the program's value along a direction.

    Shapes:
        The `direction` V has the shape of X, and the result that of Y. V is a new name, or that
        of another input.

    Raises:
        InputError: `wrt` is no input, or the direction is no name for it.
        ProofError: the formula is not proved.

    >>> print(jvp("tanh(A @ x)", wrt="x"))
    (A @ v)*(1 - tanh(A @ x)**2)
    """
    return asked_for(
        "jvp", program, wrt, sizes=sizes, shapes=shapes, assume=assume, direction=direction
    )


@checked(TIMES, wrt=NAME, direction=NAME)
def vjp(
    program: ProgramLike,
    *,
    wrt: str | None = None,
    direction: str | None = None,
    sizes: Mapping[str, int | None] | None = None,
    shapes: Mapping[str, tuple[int, ...]] | None = None,
    assume: Mapping[str, str] | Iterable[tuple[str, str]] | None = None,
) -> ArrayDerivative:
    """Vᵀ·∂Y/∂X without ∂Y/∂X: the gradient of ⟨V, Y⟩ = Σ V∗Y.

    Shapes:
        The `direction` V has the shape of Y, and the result that of X.

    Raises:
        InputError: `wrt` is no input, or the direction is no name for it.
        ProofError: the formula is not proved.

    >>> print(vjp("tanh(A @ x)", wrt="x"))
    A.T @ (v*(1 - tanh(A @ x)**2))
    """
    return asked_for(
        "vjp", program, wrt, sizes=sizes, shapes=shapes, assume=assume, direction=direction
    )


@checked(TIMES, wrt=NAME, direction=NAME)
def hvp(
    program: ProgramLike,
    *,
    wrt: str | None = None,
    direction: str | None = None,
    sizes: Mapping[str, int | None] | None = None,
    shapes: Mapping[str, tuple[int, ...]] | None = None,
    assume: Mapping[str, str] | Iterable[tuple[str, str]] | None = None,
) -> ArrayDerivative:
    """The Hessian times a direction, without the Hessian: the gradient of ⟨∇L, V⟩.

    Shapes:
        The `direction` V and the result have the shape of X.

    Raises:
        InputError: the program does not end in a number, `wrt` is no input, or the direction is no
            name for it.
        ProofError: the formula is not proved.

    Source:
        Pearlmutter, Fast exact multiplication by the Hessian, 1994.

    >>> print(hvp("p = sigmoid(X @ w); L = -sum(y*log(p) + (1 - y)*log(1 - p))", wrt="w"))
    X.T @ ((X @ v)*p*(1 - p))
    """
    return asked_for(
        "hvp", program, wrt, sizes=sizes, shapes=shapes, assume=assume, direction=direction
    )


def asked_for(
    kind: str,
    program: ProgramLike,
    wrt: str | Iterable[str] | None = None,
    *,
    sizes: Mapping[str, int | None] | None = None,
    shapes: Mapping[str, tuple[int, ...]] | None = None,
    assume: Mapping[str, str] | Iterable[tuple[str, str]] | None = None,
    form: str | None = None,
    layout: str | None = None,
    direction: str | None = None,
) -> ArrayDerivative:
    """The answer of one of the functions above."""
    written = with_declared(parse(program_text(program), shapes), wrt, shapes)
    shapes = of_inputs(written, shapes)
    assumed = read_assumed(written, assume)
    second = kind in ("hessian", "hvp")
    known = _inferred(written, assumed, sizes, shapes, scalar=second)
    written, known = named_sizes(written, known)
    asked = question_of(kind, written, known, assumed, wrt)
    if layout is not None:
        asked = with_layout(asked, layout, known)
    if kind in ("jvp", "vjp", "hvp"):
        asked = with_direction(asked, direction, known)
    with uncollected():
        declared = declared_letters(known, sizes, shapes)
        refuse_singular(written, known, declared)
        found = answer_at(asked, known)
        how = written_form(form, found, asked, known)
    read = read_as(written, known, shapes or (), scalar=second)
    return ArrayDerivative(asked, how, known, declared, found, read)


def _inferred(
    program: Program,
    assumed: Assumed,
    sizes: Mapping[str, int | None] | None,
    shapes: Mapping[str, tuple[int, ...]] | None,
    *,
    scalar: bool,
) -> dict[str, Shape]:
    try:
        known = infer_assumed(program, assumed, sizes=sizes, shapes=shapes, scalar=scalar)
    except ShapeError as error:
        if scalar and "not a scalar" in str(error):
            raise ShapeError(f"{error} Of an array there is a Jacobian, not a Hessian.") from None
        raise
    return ones_kept(program, known, shapes)
