"""`lhs`, `rhs` and `result`: every side of every derivation is a SymPy object."""

from __future__ import annotations

import pytest
import sympy as sp

from matderiv import derive
from matderiv.derivation import symbolic
from matderiv.derivation.methods.table import METHODS
from matderiv.errors import UnsupportedError

PROGRAMS = (
    "L = sum((X @ W - T)**2) + lam*sum(W**2)",
    "P = softmax(Q @ K.T, axis=1); L = Loss(P)",
    "L = logdet(X) + sum(inv(X))",
    "L = sum(prod(X, axis=0)) + norm(X) + sum(relu(X + b))",
    "h = tanh(U @ a); L = Loss(h)",
    "L = sum(logsumexp(outer(x, y), axis=1))",
    "Y = X.T @ W; L = sum(f(Y))",
    "L = mean(alpha*x)",
)


@pytest.mark.parametrize(
    ("program", "method"),
    [
        (program, method)
        for n, program in enumerate(PROGRAMS)
        for method in (METHODS if n % 3 == 0 else ("elementwise",))
    ],
)
def test_every_side_is_a_sympy_object(program: str, method: str) -> None:
    """No side raises, and the two sides of a link are of one kind and of one shape."""
    try:
        derivation = derive(program, method=method)
    except UnsupportedError:
        assert method == "kronecker"
        return
    assert all(isinstance(value, sp.Basic) for value in derivation.result.values())
    for link in derivation.links:
        left, right = link.lhs, link.rhs
        assert isinstance(left, sp.Basic)
        assert isinstance(right, sp.Basic)
        shapes = {side.shape if side.is_Matrix else () for side in (left, right)}
        assert len(shapes) == 1, (link.left, link.right)


@pytest.mark.long
@pytest.mark.parametrize("method", METHODS)
def test_large_matrices_give_their_entries_when_asked(method: str) -> None:
    """A matrix that is worked out lazily has the entries of the one that is written out."""
    derivation = derive(
        "Y = tanh(X @ W.T); L = sum(f(Y))", sizes={"N": 2, "D": 2, "M": 2}, method=method
    )
    compared = 0
    for side in {str(link.right): link.right for link in derivation.links}.values():
        whole = symbolic.side_expression(side, derivation.task, most=200)
        lazy = symbolic.side_expression(side, derivation.task, most=1)
        if isinstance(lazy, sp.FunctionMatrix) and isinstance(whole, sp.MatrixBase):
            compared += 1
            for i, j in ((whole.rows - 1, whole.cols - 1), (whole.rows // 2, 0)):
                assert sp.expand(lazy[i, j].doit() - whole[i, j]) == 0
    assert compared > 3 or method == "index"  # whose sides are entries and formulas


@pytest.mark.long
def test_broadcasting_and_functions_of_entries_are_matrix_expressions() -> None:
    """SymPy has no broadcasting: products with ones stand in its place, with the right value."""
    derivation = derive("L = sum(log(1 + exp(X - mean(X, axis=0))))", shapes={"X": (2, 3)})
    result = derivation.result["X"]
    x = sp.MatrixSymbol("X", 2, 3)
    loss = sum(
        sp.log(1 + sp.exp(x[i, j] - (x[0, j] + x[1, j]) / 2)) for i in (0, 1) for j in (0, 1, 2)
    )
    difference = result.as_explicit()[1, 2] - loss.diff(x[1, 2])
    numbers = sp.Matrix(2, 3, lambda i, j: sp.Rational(i + 2 * j, 7))
    assert abs(difference.subs(x, numbers).doit().evalf(30)) < 1e-20


def test_what_sympy_has_no_matrix_expression_for_is_written_out() -> None:
    """A product of the entries of each row gives a matrix at the sizes."""
    result = derive("L = sum(prod(X, axis=1))", shapes={"X": (2, 2)}).result["X"]
    x = sp.IndexedBase("X")
    assert result == sp.Matrix([[x[1, 2], x[1, 1]], [x[2, 2], x[2, 1]]])
