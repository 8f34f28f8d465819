"""Proofs of gradients name by name, and structure that is declared."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from matderiv._budget import budget
from matderiv.calculus.sweep.graph import graph_of
from matderiv.calculus.sweep.proving import Prover
from matderiv.calculus.sweep.results import Sweep
from matderiv.calculus.sweep.structure import follows, is_diagonal, own_formula
from matderiv.calculus.sweep.sweep import sweep
from matderiv.expression import nodes
from matderiv.expression.assumptions import infer_assumed
from matderiv.expression.known_shapes import settled
from matderiv.expression.numeric import numeric_value
from matderiv.expression.parse import parse
from matderiv.expression.shapes import infer
from matderiv.gradients import gradient


def swept(program: str, *wrt: str, **assumed: str) -> Sweep:
    """All gradients of a program."""
    written = parse(program)
    shapes = infer_assumed(written, assumed)
    return sweep(graph_of(settled(written, shapes), shapes), wrt, assumed)


def at_sizes(program: str, wrt: str, **shapes: tuple[int, ...]) -> Sweep:
    """The gradient by a name at shapes."""
    written = parse(program)
    found = infer(written, shapes=shapes)
    return sweep(graph_of(settled(written, found), found), (wrt,))


@pytest.mark.parametrize(
    ("program", "shape"),
    [
        ("L = tr(W*W)", (3, 3)),
        ("L = logdet(f(W)/W) + sum(inv(W @ W))", (1, 1)),
        ("L = prod(W, axis=0) @ sin(prod(W, axis=1))", (1, 1)),
        ("L = prod(mean(W, axis=0))", (3, 3)),
    ],
)
def test_proved_at_shapes(program: str, shape: tuple[int, int]) -> None:
    """Repeated entries, matrices of one entry, and products of sums."""
    assert Prover(at_sizes(program, "W", W=shape)).all_of("W").status == "equal"


@pytest.mark.parametrize(
    "program",
    [
        "H = tanh(X @ W); L = sum((H @ U - T)**2)",
        "P = softmax(X @ W, axis=1); L = sum(f(P @ V))",
        "L = logdet(W.T @ W) + tr(A @ inv(W.T @ W))",
        "L = sum(logsumexp(W, axis=0)) + norm(W)",
        "L = Loss(W) + prod(sum(W, axis=1))",
        "L = logsumexp(logsumexp(W, axis=1)*x)",
        "L = sum(A)/(norm(W)*sum(W))",
        "L = norm((A @ W*W @ x)**1.5)",
        "L = y @ inv(lam*(W.T @ W)) @ y + det(-(W.T @ W)/alpha)",
        "L = logdet(W.T @ W*lam) + x @ inv(-(W @ W)) @ x",
        "L = logdet(softmax(W, axis=1) @ (W @ W))",
        "L = log((diag(W*W) @ diag(W))**3)",
        "L = sum((1 - sigmoid(W))**G*log(sigmoid(W)))",
        "L = sum((1 - sigmoid(G))**W*log(sigmoid(G)))",
        "z = sigmoid(A + W @ B); r = sigmoid(C + W @ E); n = tanh((r*W) @ G); L = Loss((1 - z)*n + z*W)",
    ],
)
def test_proved_for_all_sizes(program: str) -> None:
    """Products, inverses, reductions and undefined functions are proved with letters alone."""
    verdict = Prover(swept(program, "W")).all_of("W")
    assert (verdict.status, verdict.index, verdict.entries) == ("equal", True, 0)


@pytest.mark.parametrize(
    "program",
    [
        "L = y @ inv(diag(s)) @ y + logdet(diag(s))",
        "L = det(diag(exp(s))) + sum(inv(diag(s)))",
        "L = trace(inv(diag(s) @ K)) + logdet(diag(s) @ K @ diag(s))",
        "L = trace(inv((A @ B - K) @ diag(s))) + logdet((A - B)/(1 + s))",
        "L = det(A @ diag(s) @ B)",
    ],
)
def test_diagonal_matrices_are_proved_for_all_sizes(program: str) -> None:
    """Inverses and determinants of diagonal matrices are taken apart, beside others, too."""
    assert Prover(swept(program, "s")).all_of("s").index


def nested(level: str, count: int) -> str:
    """A sum of levels in each other."""
    made = "x"
    for _ in range(count):
        made = level.format(made)
    return f"L = sum({made})"


def repeated(step: str, count: int) -> str:
    """A chain of values, each by the same step from the one before."""
    steps = (f"U{n + 1} = {step.replace('U', f'U{n}')}" for n in range(count))
    return f"U0 = x; {'; '.join(steps)}; L = sum(U{count})"


@pytest.mark.long
@pytest.mark.parametrize(
    "program",
    [
        nested("softmax({})", 12),
        nested("softmax({})", 7).replace("L = sum(", "L = sum(x*"),
        nested("x/(1 + {})", 11),
        nested("x/std({})", 6),
        nested("x/norm({})", 6),
        repeated("U/std(U)", 8),
        nested("sqrt(1 + x*{})", 7),
        repeated("sin(U)*U/2", 12),
        repeated("exp(-U)*U + U", 9),
    ],
)
def test_depth_is_proved_level_by_level(program: str) -> None:
    """Work does not grow with powers of the depth: the budget of a program is enough."""
    with budget(letters=len(program)):
        found = Prover(swept(program, "x")).all_of("x")
    assert (found.status, found.index) == ("equal", True)


@pytest.mark.long
def test_a_gradient_that_is_zero_at_two_rows_is_not_zero() -> None:
    """Standardized columns of two entries are ±1; those of three are not."""
    found = swept("Y = (X - mean(X, axis=0))/std(X, axis=0); L = sum(Y**3)", "X")
    assert not found.gradients["X"].vanishes
    assert Prover(found).all_of("X").index


@pytest.mark.parametrize("name", ["W", "Y"])
def test_wrong_formula_is_not_proved(name: str) -> None:
    """A sign, a term or a transpose too many is not proved, whichever name it is of."""
    found = swept("Y = W @ W; L = sum(f(Y))", "W")
    right = found.gradients[name].formula
    for wrong in (
        nodes.Negate(right),
        nodes.Add(right, right),
        nodes.Transpose(right),
    ):
        gradients = dict(found.gradients) | {name: replace(found.gradients[name], formula=wrong)}
        broken = replace(found, gradients=gradients)
        assert Prover(broken).of(name).status != "equal"
        assert Prover(broken).all_of("W").status != "equal"


def test_wrong_rule_is_not_proved() -> None:
    """What the rules give is held against the definition of the value, not against itself."""
    found = swept("Z = X @ W; L = sum(f(Z))", "W")
    one = found.gradients["W"]
    doubled = replace(one, uses=one.uses * 2, formula=nodes.Add(one.formula, one.formula))
    broken = replace(found, gradients=dict(found.gradients) | {"W": doubled})
    assert Prover(broken).all_of("W").status == "undecided"


def test_every_name_behind() -> None:
    """All that a gradient follows from is proved with it, and nothing else."""
    found = swept("Y = X @ W; Z = Y @ V; L = sum(f(Z))", "V", "W")
    assert set(Prover(found).behind("V")) == {"V", "Z"}
    assert set(Prover(found).behind("W")) == {"W", "Y", "Z"}


@pytest.mark.parametrize("structure", ["symmetric", "diagonal"])
def test_own_entries(structure: str) -> None:
    """The gradient by a matrix's own entries follows from that by all; a wrong one does not."""
    found = swept("L = tr(A @ S @ B @ S)", "S", S=structure)
    gradient = found.gradients["S"].formula
    own = own_formula(gradient, structure, found.facts, frozenset())
    assert follows(own, gradient, structure, found.facts).status == "equal"
    for wrong in (gradient, nodes.Transpose(gradient), nodes.Add(own, nodes.Name("S"))):
        assert follows(wrong, gradient, structure, found.facts).status != "equal"


@pytest.mark.parametrize(
    ("formula", "diagonal"),
    [
        ("inv(D) @ E", True),
        ("A*D", True),
        ("D.T + eye(3) - 2*E/A", True),
        ("A @ D", False),
        ("D + 1", False),
        ("exp(D)", False),
    ],
)
def test_diagonal_formulas(formula: str, diagonal: bool) -> None:  # noqa: FBT001 - a parameter
    """A formula is taken for diagonal only if it is 0 off the diagonal."""
    node = parse(f"L = {formula}").loss.value
    assert is_diagonal(node, frozenset("DE")) == diagonal
    arrays = {
        "D": np.diag([1.0, 2, 3]),
        "E": np.diag([4.0, 5, 6]),
        "A": np.arange(1.0, 10).reshape(3, 3),
    }
    value = numeric_value(node, arrays)
    assert (np.count_nonzero(value - np.diag(np.diag(value))) == 0) == diagonal


def test_an_inverse_beside_the_product_that_it_inverts_goes_away() -> None:
    """(AᵀA)⁻¹AᵀA = I, also with other factors around it, and in long products."""
    for formula, short in (
        ("A.T @ A @ inv(A.T @ A)", "eye(N)"),
        ("A @ inv(A.T @ S @ A) @ A.T @ S @ A", "A"),
        ("B @ inv(A.T @ C).T @ C.T @ A @ D", "B @ D"),
        ("A @ inv(A.T @ A) @ A.T @ A @ inv(A.T @ A) @ A.T", "A @ inv(A.T @ A) @ A.T"),
    ):
        found = gradient(f"L = sum(({formula})*G)", wrt="G")
        assert found.formula == short
        assert "for all sizes" in found.proof
    many = " @ ".join(["X", "X.T", "A"] * 8)
    assert "for all sizes" in gradient(f"det({many})", wrt="X").proof


@pytest.mark.parametrize(
    "wrong", ["A.T @ A @ inv(A @ A.T)", "inv(A.T @ B) @ B.T @ A", "A @ inv(A.T @ A) @ A"]
)
def test_an_inverse_beside_another_product_stays(wrong: str) -> None:
    """A transpose at the wrong place is not cancelled."""
    found = gradient(f"L = sum(({wrong})*G)", wrt="G", shapes={"A": (3, 3)})
    assert "inv" in found.formula
