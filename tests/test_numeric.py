"""What is printed, run in NumPy, agrees with central differences of the loss."""

from __future__ import annotations

import re

import numpy as np
import pytest
import sympy as sp
from _reference import Array, differences, run, statements, value
from _thorough import usually

from matderiv.api import Derivation, derive

PRODUCTS = ["X @ W", "W @ X", "Q @ K.T", "X.T @ W", "X.T @ W.T"]

LOSSES = [
    "sum(f(Y))",
    "2.5*sum(f(Y))/lam",
    "sum(exp(Y/3))",
    "sum(log(Y))",
    "sum(log(1 + exp(Y)))",
    "sum(sqrt(Y))",
    "sum(tanh(Y))",
    "sum(sigmoid(Y)*Y)",
    "sum(sin(Y)*cos(2*Y))",
    "sum(relu(Y - 1))",
    "sum(Y**2)/2",
    "sum((Y - lam)**3)",
    "sum(1/Y)",
    "sum(Y**Y)",
    "-lam*sum(Y)",
    "sum(Y/(1 + Y**2))",
    "sum(sqrt(1 + relu(Y)**2) - Y**-2)",
]

SIZES = [(2, 4, 3), (1, 1, 1), (3, 1, 2), (1, 3, 3), (4, 2, 1)]

#: Each product at some of the sizes, and all sizes among them; in a thorough run all pairs.
PAIRS = [
    (product, SIZES[(place + turn) % len(SIZES)])
    for place, product in enumerate(PRODUCTS)
    for turn in range(usually(2, thoroughly=len(SIZES)))
]


LAM = 1.7


def drawn(derivation: Derivation, seed: int) -> dict[str, Array]:
    """Random inputs, positive so that logarithms and roots are defined."""
    chance = np.random.default_rng(seed)
    task = derivation.task
    inputs = {"lam": np.asarray(LAM)}
    for name in task.program.inputs():
        if name != "lam":
            sizes = [dim.size for dim in task.shapes[name]]
            inputs[name] = np.asarray(chance.uniform(0.3, 1.4, sizes))
    return inputs


def check(program: str, sizes: tuple[int, int, int], seed: int = 0) -> None:
    """Derive a program, run the lines that the page ends in, and compare."""
    derivation = derive(program, sizes=dict(zip("NDM", sizes, strict=True)))
    inputs = drawn(derivation, seed)
    names = run(program, inputs)
    (code,) = re.findall(r"```python\n(.*?)```", derivation.markdown(), re.DOTALL)
    for name, text in statements(code):
        names[name] = value(text, names)
    for name in derivation.wrt:
        expected = differences(program, inputs, name)
        assert names[f"d{name}"].shape == expected.shape
        np.testing.assert_allclose(names[f"d{name}"], expected, rtol=2e-6, atol=1e-8)


@pytest.mark.parametrize(("product", "sizes"), PAIRS, ids=str)
def test_printed_gradients_agree_with_differences(
    product: str, sizes: tuple[int, int, int]
) -> None:
    """Both orders, transposed factors, sizes of 1 and unequal ones; each twice, or all pairs."""
    check(f"Y = {product}; L = sum(f(Y))", sizes)


@pytest.mark.parametrize("number", range(len(LOSSES)), ids=LOSSES)
def test_derivatives_of_known_functions_agree_with_differences(number: int) -> None:
    """Every function of the language, in a form of its own at a size of its own."""
    product = PRODUCTS[number % len(PRODUCTS)]
    check(f"Y = {product}; L = {LOSSES[number]}", SIZES[number % len(SIZES)], seed=number)


@pytest.mark.parametrize("product", PRODUCTS)
def test_theorem_for_every_loss_agrees_with_differences(product: str) -> None:
    """L = Loss(Y) for a Loss that mixes all entries."""
    check(f"Y = {product}; L = Loss(Y)", (2, 3, 4), seed=1)


@pytest.mark.parametrize("product", PRODUCTS)
def test_sympy_results_evaluate_like_the_printed_ones(product: str) -> None:
    """`result` holds matrix expressions that SymPy can evaluate, with the same numbers."""
    derivation = derive(f"Y = {product}; L = sum(f(Y))", sizes={"N": 2, "D": 1, "M": 3})
    inputs = drawn(derivation, 2)
    rows, cols = (dim.size for dim in derivation.task.shapes["Y"])
    known = {**inputs, "dY": np.random.default_rng(5).normal(size=(rows, cols))}
    for name, formula in derivation.formulas.items():
        expr = derivation.result[name]
        symbols = sorted(expr.atoms(sp.MatrixSymbol), key=str)
        made = sp.lambdify(symbols, expr, "numpy")(*(known[s.name] for s in symbols))
        np.testing.assert_allclose(made, value(formula, known))
        assert expr.as_explicit().shape == made.shape


def test_links_are_sympy_objects_of_one_value() -> None:
    """Both sides of a link, as SymPy objects with numbers put in, are the same number."""
    derivation = derive("Y = X @ W; L = sum(Y**2)/2", sizes={"N": 2, "D": 2, "M": 1})
    chain = next(c for s in derivation.steps for c in s.chains if c.kind == "product")
    written = next(link for link in chain.links if link.reason == "names")
    difference = written.lhs - written.rhs
    assert difference.shape == (2, 1)
    defined = next(link for link in chain.links if link.reason == "matrix product")
    assert defined.lhs.as_explicit().shape == defined.rhs.shape


def test_a_zero_is_proved_and_said() -> None:
    """A loss that is constant between jumps has the gradient 0, and every line of that is proved."""
    for loss in ("sum(sign(Y))", "lam*sum(Y) - lam*sum(Y)", "0*sum(Y)"):
        found = derive(f"Y = X @ W; L = {loss}", wrt="X")
        assert found.formulas == {"X": "zeros((N, D))"}
        assert found.proof.for_all_sizes == found.proof.equalities > 0
