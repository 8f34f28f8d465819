"""No formula holds the inverse of a matrix that is singular whatever the inputs are."""

from __future__ import annotations

import pytest

import matderiv
from matderiv.errors import InputError

#: Matrices, their shapes (letters are free without), and what is said of them.
SINGULAR = [
    ("outer(x, x)", {}, "outer(x, x) is singular at all sizes above 1"),
    ("outer(x, y)", {"x": (3,)}, "outer(x, y), 3×3, is singular"),
    ("X @ Y", {"X": (3, 2), "Y": (2, 3)}, "X @ Y, 3×3, is singular"),
    ("X @ Y", {"X": (90, 2), "Y": (2, 90)}, "X @ Y, 90×90, is singular"),
    ("X.T @ X", {"X": (2, 4)}, "X.T @ X, 4×4, is singular"),
    ("X - mean(X, axis=0, keepdims=True)", {"X": (4, 4)}, "is singular"),
    ("A - A.T", {"A": (3, 3)}, "A - A.T, 3×3, is singular"),
    ("exp(X @ Y) - exp(X @ Y)", {}, "is singular at all sizes"),
]
#: Matrices that have an inverse somewhere.
REGULAR = [
    ("X @ Y", {}),
    ("X @ Y", {"X": (2, 3), "Y": (3, 2)}),
    ("outer(x, x)", {"x": (1,)}),
    ("outer(x, x) + eye(N)", {"x": (4,)}),
    ("A - A.T", {}),
    ("relu(A)", {"A": (2, 2)}),
    ("-relu(-A)", {"A": (3, 3)}),
    ("exp(outer(x, y))", {"x": (5,), "y": (5,)}),
    ("S", {"S": (512, 512)}),
]


@pytest.mark.parametrize("call", ["sum(inv({}))", "logdet({})", "det({})"])
@pytest.mark.parametrize(("matrix", "shapes", "why"), SINGULAR)
def test_what_is_always_singular_is_refused(
    call: str, matrix: str, shapes: dict[str, tuple[int, ...]], why: str
) -> None:
    """With the reason, and, of a determinant, with what it is."""
    program = call.format(matrix)
    with pytest.raises(InputError) as caught:
        matderiv.gradient(program, shapes=shapes)
    said = str(caught.value)
    assert why in said
    assert said.endswith(" Write 0 for it.") == (call == "det({})")
    assert ("is 0" if call == "det({})" else "has no value") in said
    with pytest.raises(InputError):
        matderiv.derive(program, shapes=shapes)


@pytest.mark.parametrize(("matrix", "shapes"), REGULAR)
def test_what_has_an_inverse_somewhere_is_not(
    matrix: str, shapes: dict[str, tuple[int, ...]]
) -> None:
    """At other sizes, or at other inputs."""
    assert matderiv.gradient(f"logdet({matrix})", shapes=shapes)


def test_a_jacobian_holds_none_either() -> None:
    """The Jacobian of an inverse that is nowhere is refused as its gradient is."""
    with pytest.raises(InputError, match=r"inv\(outer\(x, x\)\) has no value"):
        matderiv.jacobian("Y = inv(outer(x, x))")
