"""Names that a reader of a page could not tell apart, and names that are chosen for values."""

from __future__ import annotations

import re

import pytest

import matderiv
from matderiv.calculus.sweep.graph import graph_of
from matderiv.calculus.sweep.task import read_task
from matderiv.derivation.methods.table import METHODS
from matderiv.errors import InputError
from matderiv.expression._names import Looks
from matderiv.expression.parse import parse
from matderiv.expression.shapes import infer

Shapes = dict[str, tuple[int, ...]]

REFUSED = [
    (
        "L = sum((X1 @ B)**2) + sum(X_1 @ C)",
        {},
        "X1 and X_1 cannot be told apart on the page; rename one of the two.",
    ),
    (
        "Y = X @ x; L = sum(Y)",
        {"x": (4, 3)},
        (
            "X and x cannot be told apart on the page, where the entries of both are x_ij; rename one "
            "of the two."
        ),
    ),
    (
        "L = sum(b)*b_1",
        {"b_1": ()},
        (
            "b and b_1 cannot be told apart on the page, where b_1 is printed like an entry of b; "
            "rename one of the two."
        ),
    ),
    (
        "L = sum(W @ W)*w12",
        {"w12": ()},
        (
            "W and w12 cannot be told apart on the page, where w12 is printed like an entry of W; "
            "rename one of the two."
        ),
    ),
    (
        "L = lam1*sum(lam_1*x)",
        {},
        "lam1 and lam_1 cannot be told apart on the page; rename one of the two.",
    ),
    (
        "L = sum(f1(x)) + sum(f_1(x))",
        {},
        "f1 and f_1 cannot be told apart on the page; rename one of the two.",
    ),
    (
        "Y = X @ delta; L = sum(Y)",
        {"delta": (4, 3)},
        "delta cannot be told from Kronecker's delta on the page; give it another name.",
    ),
    (
        "e = y - X @ w; L = sum(exp(e))",
        {},
        "e cannot be told from the base of exp on the page; give it another name.",
    ),
    (
        "L = sum(exp(X)) + sum(E @ X)",
        {},
        "E cannot be told from the base of exp on the page, where its entries are called e; give it another name.",
    ),
    (
        "L = sum(eps*x) + sum(epsilon*y)",
        {},
        "eps and epsilon cannot be told apart on the page; rename one of the two.",
    ),
    (
        "L = tr(I @ X + eye(3))",
        {},
        "I is the identity: write eye(n); any other matrix needs a name of its own.",
    ),
    (
        "L = sum(A @ I_N)",
        {},
        "I_N cannot be told from the identity matrix on the page; give it another name.",
    ),
    (
        "XW = X @ W; L = sum(f(XW))",
        {},
        "XW cannot be told from the product of X and W on the page; give it another name.",
    ),
]


@pytest.mark.parametrize(("program", "shapes", "message"), REFUSED)
def test_names_that_look_alike_are_refused(program: str, shapes: Shapes, message: str) -> None:
    """Every command that prints names reads its program here; the message says what is alike."""
    with pytest.raises(InputError, match=re.escape(message)):
        read_task(program, shapes=shapes)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_refuses(method: str) -> None:
    """No method prints a page with two names alike."""
    with pytest.raises(InputError, match="cannot be told apart"):
        matderiv.derive("L = sum((X1 @ B)**2) + sum(X_1 @ C)", method=method)


def test_a_page_of_a_part_of_a_program_is_refused() -> None:
    """Which of the two is X₁ on a page of the one Jacobian that holds only X_1?"""
    found = matderiv.jacobian("L = sum((X1 @ B)**2) + sum(X_1 @ C)", wrt="X_1")
    with pytest.raises(InputError, match="X1 and X_1 cannot be told apart"):
        found.document()


def test_formulas_in_latex_are_refused_and_those_in_numpy_are_not() -> None:
    """NumPy tells X1 from X_1; print does not."""
    gradient = matderiv.gradient("L = sum(X1*X_1)", wrt="X1")
    assert gradient.formula == "X_1"
    product = matderiv.jvp("Y = X1 @ X_1", wrt="X1")
    assert product.formula == "V @ X_1"
    hessian = matderiv.hessian("L = sum(X_1*X1**3)", wrt="X1")
    polynomial = matderiv.taylor("L = sum(X_1*exp(X1))", wrt="X1")
    for result in (gradient, product, hessian, polynomial):
        with pytest.raises(InputError, match="X1 and X_1 cannot be told apart"):
            result.latex()


@pytest.mark.parametrize(
    ("program", "shapes"),
    [
        ("L = sum(A @ x)", {"A": (3, 3)}),  # a_ij; x_i
        ("L = sum((X @ x)**2)", {}),  # x_ij has two indices, x_i one
        ("e = y - X @ w; L = sum(e**2)", {}),
        ("L = i*sum(x)", {"i": ()}),
        ("L = I*sum(A)", {"I": ()}),  # no matrix
        ("E = y - X @ w; L = sum(tanh(E))", {}),
        ("L = sum(eps*x) + sum(y)*eps1", {}),
        ("L = sum(W)*w1", {"w1": ()}),  # an entry of W has two indices
        ("L = sum(b)*B_1", {"B_1": ()}),
        ("L = sum(b)*b0", {"b0": ()}),  # entries are counted from 1
    ],
)
def test_names_that_can_be_told_apart_are_not_refused(program: str, shapes: Shapes) -> None:
    """Good programs are not refused for their names."""
    assert read_task(program, shapes=shapes).program.names()


@pytest.mark.parametrize(
    "program",
    [
        "L = sum(exp(A @ u_1)) + sum(B @ x)",  # u is a wish for A @ u_1
        "L = sum(A1 @ x) + sum(A2 @ x) + sum(f(u1)) + sum(exp(A3 @ x))",
        "; ".join(f"y{n} = exp(A{n} @ exp(B{n} @ x{n}))" for n in range(1, 9))
        + "; L = "
        + " + ".join(f"sum(y{n})" for n in range(1, 9)),
    ],
)
def test_names_of_ours_look_like_no_other(program: str) -> None:
    """A value that gets a name of ours looks like no name of the program, nor like an entry."""
    parsed = parse(program)
    graph = graph_of(parsed, infer(parsed))
    assert graph.lifted
    looks = Looks()
    for name, shape in graph.shapes.items():
        assert looks.clash(name, len(shape)) is None
        looks.add(name, len(shape))


def test_indices_are_no_part_of_a_name() -> None:
    """Beside x_i, entries of x are x_j, and no index is called like a size."""
    task = read_task("L = x @ eye(j) @ x*x_i", shapes={"x_i": ()}, sizes={"j": 2})
    assert not {"i", "j", "x"} & set(task.letters)
