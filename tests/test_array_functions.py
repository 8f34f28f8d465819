"""Undefined functions whose values are arrays, of a declared shape; readings that are told."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matderiv import check, derive, gradient, hessian, jacobian, vjp
from matderiv.errors import InputError, MatderivError, ProofError

Array = npt.NDArray[np.float64]
SHAPES = st.lists(st.integers(1, 3), max_size=2).map(tuple)


class Drawn:
    """F of arrays of one shape to arrays of another, and its derivatives: a quadratic map."""

    def __init__(self, over: tuple[int, ...], values: tuple[int, ...], seed: int) -> None:
        rng = np.random.default_rng(seed)
        count, own = math.prod(over), math.prod(values)
        self.linear = rng.normal(size=(own, count))
        self.square = rng.normal(size=(own, count))
        self.over, self.values = over, values

    def value(self, array: Array) -> Array:
        """The value at an array."""
        flat = np.ravel(array)
        return np.asarray(self.linear @ flat + self.square @ flat**2).reshape(self.values)

    def slope(self, array: Array) -> Array:
        """The derivatives there: the axes of the value, then those of the array."""
        found = self.linear + 2 * self.square * np.ravel(array)
        return np.asarray(found).reshape(self.values + self.over)


def differences(loss: object, array: Array) -> Array:
    """Central differences of a number by every entry."""
    found, step = np.zeros_like(array), 1e-6
    for place in np.ndindex(array.shape):
        moved = np.zeros_like(array)
        moved[place] = step
        found[place] = (loss(array + moved) - loss(array - moved)) / (2 * step)  # type: ignore[operator]
    return found


@settings(max_examples=12, deadline=None)
@given(
    over=SHAPES,
    values=st.lists(st.integers(1, 3), min_size=1, max_size=2).map(tuple),
    seed=st.integers(0, 99),
)
def test_the_gradient_is_that_of_central_differences(
    over: tuple[int, ...], values: tuple[int, ...], seed: int
) -> None:
    """Of numbers, vectors and matrices by such, sizes of 1 among them."""
    drawn = Drawn(over, values, seed)
    rng = np.random.default_rng(seed)
    at, weights = rng.normal(size=over), rng.normal(size=values)
    shapes = {"F": values, "X": over, "G": values}
    found = gradient("L = sum(G*F(X)) + sum(F(2*X)**2)", wrt="X", shapes=shapes)
    assert found.proof == "for all sizes"
    value = found(X=at, G=weights, functions={"F": drawn.value, "dF": drawn.slope})
    expected = differences(
        lambda x: np.sum(weights * drawn.value(x)) + np.sum(drawn.value(2 * x) ** 2), at
    )
    np.testing.assert_allclose(value, expected, rtol=1e-4, atol=1e-4)


#: Programs, what they are differentiated by, the shape of F, and a gradient as books write it.
CASES = [
    ("sum((F(A @ x) - y)**2)", "x", (4,), "2*A.T @ dF(A @ x).T @ (F(A @ x) - y)"),
    ("g @ F(x)", "x", (4,), "dF(x).T @ g"),
    ("sum(G*F(X))", "X", (4, 3), "tensordot(G, dF(X), 2)"),
    ("sum(G*F(X))", "G", (4, 3), "F(X)"),
    ("Loss(F(x))", "x", (5,), "dF(x).T @ dLoss(F(x))"),
    ("tr(F(x))", "x", (3, 3), "einsum('ij,ijk->k', eye(3), dF(x))"),
]


@pytest.mark.parametrize(("program", "wrt", "shape", "claim"), CASES)
def test_the_book_s_gradient_is_proved(
    program: str, wrt: str, shape: tuple[int, ...], claim: str
) -> None:
    """`check` reads F and dF with their axes, and refuses another factor and another axis."""
    shapes = {"F": shape}
    assert check(program, wrt, claim, shapes=shapes).status == "right"
    assert check(program, wrt, f"3*({claim})", shapes=shapes).status == "wrong"
    own = gradient(program, wrt=wrt, shapes=shapes)
    assert check(program, wrt, str(own), shapes=shapes).status == "right"


def test_a_lost_transpose_is_refused() -> None:
    """With as many values as entries only the mathematics tells dF from its transpose."""
    shapes = {"F": (3,), "x": (3,)}
    assert check("g @ F(x)", "x", "dF(x) @ g", shapes=shapes).status == "wrong"
    assert check("g @ F(x)", "x", "g @ dF(x)", shapes=shapes).status == "right"


def test_arrays_of_derivatives() -> None:
    """The Jacobian of F(A @ x) is dF·A; second derivatives are refused by name."""
    assert jacobian("F(A @ x)", wrt="x", shapes={"F": (4,)}).formula == "dF(A @ x) @ A"
    assert vjp("F(x)", wrt="x", shapes={"F": (4,)}).formula == "dF(x).T @ v"
    shapes = {"F": (4, 3), "G": (4, 3)}
    assert jacobian("lam*F(X) + 2*G(X)", wrt="X", shapes=shapes).formula == "lam*dF(X) + 2*dG(X)"
    found = check("F(A @ x)", "x", "dF(A @ x) @ A", shapes={"F": (4,)}, kind="jacobian")
    assert found.status == "right"
    with pytest.raises(ProofError, match="the second derivative of F is not known"):
        hessian("sum(F(x)**2)", wrt="x", shapes={"F": (4,)})


@pytest.mark.parametrize("form", ["latex", "markdown"])
def test_pages_write_the_partial_derivatives(form: str) -> None:
    """Every format has the derivation, but for certificates, which say why they have not."""
    found = derive("L = sum((F(A @ x) - y)**2)", wrt="x", shapes={"F": (4,)})
    assert "F" in getattr(found, form)()


def test_the_page_in_words() -> None:
    """The entry of dF is the derivative of an entry of F by an entry of its argument."""
    found = derive("L = sum(G*F(X))", wrt="X", shapes={"F": (4, 3)})
    assert "\\partial {F(X)}_{ij}}{\\partial x_{pq}}" in found.latex()
    with pytest.raises(InputError, match="A certificate has no word"):
        found.json()


@pytest.mark.parametrize(
    ("program", "wrt", "shape"),
    [
        ("sum(G*F(X))", "X", "4x3"),
        ("sum((F(X) - Y)**2)", "X", "4x3"),
        ("sum(F(x))", "x", "4x3"),
    ],
)
def test_a_number_where_an_array_fits_is_told(program: str, wrt: str, shape: str) -> None:
    """The reading is said, in both languages, and what it shows works when it is typed."""
    found = gradient(program, wrt=wrt)
    (said,) = [line for line in found.readings if "--shape F=" in line]
    assert said.endswith(f"--shape F={shape} declares its value an array.")
    assert f"--shape F={shape}" in check(program, wrt, str(found)).text("zh")
    sizes = tuple(map(int, shape.split("x")))
    again = gradient(program, wrt=wrt, shapes={"F": sizes})
    assert str(again) != str(found)
    assert not any("--shape F" in line for line in again.readings)


@pytest.mark.parametrize("program", ["Loss(Y)", "Loss(X @ W) + lam*sum(W**2)", "log(Loss(X))*2"])
def test_a_number_where_only_one_fits_is_not_told(program: str) -> None:
    """A loss is a number."""
    found = gradient(program)
    one = found if not isinstance(found, dict) else next(iter(found.values()))
    assert not any("declares" in line for line in one.readings)


@pytest.mark.parametrize(
    ("program", "wrt", "shape"),
    [("tr(F(X))", "X", (3, 3)), ("y @ F(x)", "x", (4,)), ("norm(F(x))", "x", (4, 3))],
)
def test_where_only_an_array_fits_its_shape_is_asked_for(
    program: str, wrt: str, shape: tuple[int, ...]
) -> None:
    """The message names a shape that works."""
    with pytest.raises(InputError) as refused:
        gradient(program, wrt=wrt)
    assert str(refused.value).endswith(f"--shape F={'x'.join(map(str, shape))}.")
    assert gradient(program, wrt=wrt, shapes={"F": shape}).proof == "for all sizes"


def test_a_function_of_each_entry_has_no_shape() -> None:
    """f(x) is as large as x; the message says what is."""
    with pytest.raises(MatderivError, match=r"--shape f: f is a function of each entry.* call one"):
        gradient("sum(f(x))", wrt="x", shapes={"f": (3,)})


def test_a_function_that_is_declared_a_number_is_not_asked_about() -> None:
    """Without the declaration the answer says what was taken, and how an array is declared."""
    plain = gradient("sum(F(x)**2)", wrt="x")
    assert any("--shape F=" in said for said in plain.readings)
    told = gradient("sum(F(x)**2)", wrt="x", shapes={"F": ()})
    assert not any("--shape F=" in said for said in told.readings)
