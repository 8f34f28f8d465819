"""No formula holds the inverse of a matrix that is singular whatever the inputs are."""

from __future__ import annotations

import numpy as np
import pytest

import matderiv
from matderiv.errors import InputError

#: Matrices of a rank that is too low at the declared sizes, and their shapes.
LOW = [
    ("outer(x, y)", {"x": (3,)}),
    ("X @ Y", {"X": (3, 2), "Y": (2, 3)}),
    ("X @ Y", {"X": (90, 2), "Y": (2, 90)}),
    ("X.T @ X", {"X": (2, 4)}),
    ("-(X @ Y).T/3 + 2*outer(x, y)", {"X": (4, 2), "Y": (2, 4)}),
    ("x[:, None]*y", {"x": (3,), "y": (3,)}),
    ("x[:, None] + 2*y + outer(y, y)/x", {"x": (4,), "y": (4,)}),
    ("outer(x, y)*(X @ Y)", {"x": (3,), "y": (3,), "X": (3, 2), "Y": (2, 3)}),
    ("sum(x)*ones((3, 3))", {"x": (3,)}),
    ("X - mean(X, axis=0, keepdims=True)", {"X": (4, 4)}),
    ("X - mean(X, axis=1, keepdims=True)", {"X": (2, 2)}),
    ("X - X.T", {"X": (3, 3)}),
]
#: Matrices that are singular wherever they are tried, their shapes, and what is said of them.
TRIED = [
    ("relu(outer(x, x))", {"x": (3,)}, "3×3, is singular at all inputs that were tried"),
    ("exp(log(outer(x, x)))", {}, "is singular at all sizes above 1 that were tried"),
]
#: Matrices whose rank a number bounds although their size is a letter.
BOUNDED = [
    ("outer(x, x)", {}, "at all sizes above 1: the rank of outer(x, x) is at most 1. Declare "),
    ("-outer(x, y).T @ X", {}, "at all sizes above 1: the rank of "),
    ("outer(x, x) + outer(y, z)", {}, "at all sizes above 2: the rank of "),
    ("X @ Y", {"X": (5, 2), "Y": (2, 5)}, "5×5, is singular whatever the inputs are"),
    ("exp(X @ Y) - exp(X @ Y)", {}, "is singular whatever the inputs are"),
]
SINGULAR = [*((*low, "is singular whatever the inputs are") for low in LOW), *TRIED, *BOUNDED]
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
    ("outer(x, y)/(X + 2)", {"x": (3,), "y": (3,), "X": (3, 3)}),
    ("(X @ Y)*(X @ Y)", {"X": (3, 2), "Y": (2, 3)}),
    ("X - X.T", {"X": (4, 4)}),
    ("X - mean(X, axis=0)/2", {"X": (3, 3)}),
    ("S", {"S": (512, 512)}),
]


@pytest.mark.parametrize("call", ["sum(inv({}))", "logdet({})"])
@pytest.mark.parametrize(("matrix", "shapes", "why"), SINGULAR)
def test_what_is_always_singular_is_refused(
    call: str, matrix: str, shapes: dict[str, tuple[int, ...]], why: str
) -> None:
    """With the reason; what was only tried is said to be no more than that."""
    program = call.format(matrix)
    with pytest.raises(InputError) as caught:
        matderiv.gradient(program, shapes=shapes)
    said = str(caught.value)
    assert why in said
    assert "has no value" in said
    assert ("has no value wherever it was tried: " in said) == ("tried" in why)
    with pytest.raises(InputError):
        matderiv.derive(program, shapes=shapes)


@pytest.mark.parametrize(("matrix", "shapes", "why"), TRIED)
def test_a_determinant_that_is_0_where_it_was_tried_is_refused(
    matrix: str, shapes: dict[str, tuple[int, ...]], why: str
) -> None:
    """With what to write for it."""
    with pytest.raises(InputError) as caught:
        matderiv.gradient(f"det({matrix})", shapes=shapes)
    said = str(caught.value)
    assert "is 0 wherever it was tried: " in said
    assert why in said
    assert said.endswith(" Write 0 for it.")


@pytest.mark.parametrize(("matrix", "shapes"), LOW)
def test_a_determinant_of_low_rank_is_0(matrix: str, shapes: dict[str, tuple[int, ...]]) -> None:
    """Its gradients are zeros, proved at the sizes that are said, all or declared; a factor is lost."""
    for program in (f"det({matrix})", f"C = {matrix}; tr(C)*det(C)**2"):
        found = matderiv.gradient(program, wrt=["X" if "X" in matrix else "x"], shapes=shapes)
        for one in found.values():
            assert one.formula.startswith("zeros(")
            always = "mean" in matrix or "ones" in matrix
            assert one.proof == ("for all sizes" if always else "at the declared sizes")
            assert ("all" if always else "the declared") + " sizes, whatever" in one.readings[-1]
            assert "the rank of" in one.readings[-1]


@pytest.mark.parametrize("inner", [1, 2, 3])
def test_the_rank_decides(inner: int) -> None:
    """A product of 3×k by k×3, and a sum of k outer products, has the determinant 0 for k < 3."""
    shapes: dict[str, tuple[int, ...]] = {"X": (3, inner), "Y": (inner, 3)}
    product = matderiv.gradient("det(X @ Y)", wrt="X", shapes=shapes)
    pairs = ["xy", "uv", "ab"][:inner]
    total = " + ".join(f"outer({one}, {other})" for one, other in pairs)
    added = matderiv.gradient(f"det({total})", wrt="x", shapes=dict.fromkeys("".join(pairs), (3,)))
    for found in (product, added):
        assert found.formula.startswith("zeros(") == (inner < 3)


@pytest.mark.parametrize(
    ("text", "shape"), [("det(X - X.T)*sum(X)", (3, 3)), ("det(X.T @ X)*sum(X)", (2, 4))]
)
def test_a_call_at_sizes_that_nobody_declared_knows_the_rank(
    text: str, shape: tuple[int, int]
) -> None:
    """The formula has an inverse at other sizes only; at these the gradient is 0, as declared."""
    x = np.random.default_rng(1).normal(size=shape)
    found = matderiv.gradient(text, wrt="X")(X=x)
    np.testing.assert_array_equal(found, np.zeros(shape))
    with pytest.raises(InputError, match="is singular whatever the inputs are"):
        matderiv.gradient(text.replace("det", "logdet"), wrt="X")(X=x)


def test_other_arrays_have_their_own_determinant() -> None:
    """A gradient that is zero at the declared sizes is no zero at arrays of others."""
    found = matderiv.gradient("det(X @ Y)", wrt="X", shapes={"X": (3, 2), "Y": (2, 3)})
    value = np.asarray([[2.0, 1.0], [0.0, 1.0]])
    assert np.allclose(
        found(X=np.eye(2), Y=value), 2 * np.linalg.inv(value @ np.eye(2)).T @ value.T
    )


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


@pytest.mark.parametrize(
    "program",
    [
        "1/std(alpha)",
        "alpha/var(alpha)",
        "s = std(alpha); L = beta/(s*beta)",
        "std(alpha)**(-1)",
    ],
)
def test_a_spread_of_one_entry_divides_nothing(program: str) -> None:
    """It is 0, so that there is no value, and no gradient either."""
    for ask in (matderiv.gradient, matderiv.derive, matderiv.jacobian):
        with pytest.raises(InputError, match="divides by zero"):
            ask(program)


def test_a_spread_of_one_entry_beside_a_number_is_a_divisor() -> None:
    """There it is a number like any other."""
    assert str(matderiv.gradient("beta/(std(alpha) + 2)", wrt="beta")) == "1/(std(alpha) + 2)"


@pytest.mark.parametrize(
    ("program", "wrt", "shapes", "gradient"),
    [
        ("sum(B @ diag(diag(std(A, axis=0))))", "A", {"A": (1, 3), "B": (3, 3)}, "zeros((1, 3))"),
        ("sum(a @ var(A, axis=1))", "a", {"A": (3, 1)}, "var(A, axis=1)"),
        ("norm(B @ std(C, axis=0, keepdims=True))", "B", {"B": (1, 1), "C": (1, 3)}, None),
        ("s = std(X, axis=1, keepdims=True); L = sum(A @ (s - s*s))", "A", {"X": (3, 1)}, None),
    ],
)
def test_spreads_of_one_entry_keep_their_shape(
    program: str, wrt: str, shapes: dict[str, tuple[int, ...]], gradient: str | None
) -> None:
    """They are arrays of zeros, which may be factors of products."""
    found = str(matderiv.gradient(program, wrt=wrt, shapes=shapes))
    assert gradient in (None, found)


def test_a_product_of_spreads_of_one_entry_divides_nothing() -> None:
    """What it is multiplied with and added up to is 0 as well."""
    program = "s = var(X, axis=0, keepdims=True); t = B @ (s.T*s.T); L = sum(A/t)"
    with pytest.raises(InputError, match="divides by zero"):
        matderiv.gradient(program, wrt="A", shapes={"X": (1, 3), "A": (2, 1), "B": (2, 3)})


@pytest.mark.parametrize(
    ("matrix", "zero"),
    [
        ("outer(x, x)", {2, 3, 4}),
        ("x[:, None]*y", {2, 3, 4}),
        ("outer(x, y) - outer(y, x)", {1, 3, 4}),
    ],
)
def test_a_determinant_that_is_0_at_all_larger_sizes_says_what_decides(
    matrix: str, zero: set[int]
) -> None:
    """Letters leave open which size is meant; once it is declared there is an answer."""
    with pytest.raises(InputError, match=r"is 0 at all sizes above [12]: .* Declare its size"):
        matderiv.gradient(f"det({matrix})", wrt="x")
    for size in (1, 2, 3, 4):
        shapes = {name: (size,) for name in "xy" if name in matrix}
        found = matderiv.gradient(f"det({matrix})", wrt="x", shapes=shapes)
        assert (str(found) == f"zeros({size})") == (size in zero)


@pytest.mark.long
@pytest.mark.parametrize("matrix", ["kron(A, B)", "reshape(A, (4, 4)) + eye(4)"])
def test_arrays_in_other_sizes_have_ranks(matrix: str) -> None:
    """As far as they are known: none of these is singular."""
    shapes = {"A": (2, 2), "B": (2, 2)} if "kron" in matrix else {"A": (2, 8)}
    for call in ("det", "logdet"):
        assert matderiv.gradient(f"{call}({matrix})", wrt="A", shapes=shapes)
        assert matderiv.derive(f"{call}({matrix})", wrt="A", shapes=shapes)


@pytest.mark.parametrize("axis", [0, 1])
def test_rows_that_add_up_to_0_make_it_0_at_every_size(axis: int) -> None:
    """Then no size has to be declared."""
    found = matderiv.gradient(f"det(X - mean(X, axis={axis}, keepdims=True))")
    assert str(found) == "zeros((N, N))"


#: Divisors that are 0 whatever the inputs are, and such that are not, with their shapes.
BELOW = [
    ("norm(0*x)", "norm(D*x)", {}),
    ("norm(x - x)", "norm(x - 2*x)", {}),
    ("(x - x)", "(x - mean(x))", {"x": (3,)}),
    ("sum((x - x)**2)", "sum((x - mean(x))**2)", {"x": (4,)}),
    ("(X @ y - X @ y)", "(X @ y - y @ X)", {"X": (3, 3), "y": (3,)}),
    ("(sum(x**2) - x @ x)", "(sum(x**2) - x @ y)", {"x": (2,), "y": (2,)}),
]


@pytest.mark.parametrize(("zero", "other", "shapes"), BELOW)
def test_a_divisor_that_is_0_is_told_as_it_was_written(
    zero: str, other: str, shapes: dict[str, tuple[int, ...]]
) -> None:
    """In names of the program, also where it has a name of its own; and others are derived."""
    for door in (matderiv.gradient, matderiv.derive, matderiv.board):
        with pytest.raises(InputError) as told:
            door(f"L = sum(y)/sum({zero})", shapes=shapes)
        assert (
            str(told.value) == f"sum(y)/sum({zero.strip('()') if zero[0] == '(' else zero}) "
            "divides by zero; write another divisor."
        )
        with pytest.raises(InputError, match=r"^sum\(y\)/sum\(Z\) divides by zero;"):
            door(f"Z = {zero}; L = sum(y)/sum(Z)", shapes=shapes)
    assert matderiv.gradient(f"L = sum(y)/sum(abs({other}))", wrt="y", shapes=shapes)


@pytest.mark.parametrize("zero", ["x - x", "0*x", "(x + 1)**2 - x**2 - 2*x - 1"])
def test_a_product_of_zeros_is_0(zero: str) -> None:
    """Its gradient would divide by them; a product of what is no zero has one."""
    for program in (f"prod({zero})", f"u = {zero}; L = sum(x)*prod(u)"):
        with pytest.raises(InputError, match=r"^prod\(.*\) is 0 whatever the inputs are;"):
            matderiv.gradient(program, wrt="x")
    assert matderiv.gradient(f"prod({zero} + x)", wrt="x", shapes={"x": (3,)})
    with pytest.raises(InputError, match="is 0 whatever the inputs are"):
        matderiv.gradient("prod(x - mean(x))", shapes={"x": (1,)})
