"""What is printed, run in NumPy, agrees with central differences of the loss."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pytest
import sympy as sp
from numpy.typing import NDArray

from matderiv.api import Derivation, derive
from matderiv.calculus.scalars import Partial
from matderiv.errors import InputError

Array = NDArray[np.float64]

FUNCTIONS: dict[str, Callable[..., Array]] = {
    "exp": np.exp,
    "log": np.log,
    "sqrt": np.sqrt,
    "tanh": np.tanh,
    "sin": np.sin,
    "cos": np.cos,
    "sigmoid": lambda u: 1 / (1 + np.exp(-u)),
    "relu": lambda u: np.maximum(u, 0),
    "step": lambda u: np.heaviside(u, 0.5),
    "sum": np.sum,
    # Test functions in the place of undefined ones, with their derivatives.
    "f": lambda u: np.sin(u) + u**2 / 3,
    "df": lambda u: np.cos(u) + 2 * u / 3,
    "Loss": lambda y: np.sum(np.sin(y) * np.arange(1, y.size + 1).reshape(y.shape)) + y[0, 0] ** 3,
}

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


def evaluated(text: str, names: Mapping[str, object]) -> Array:
    """A printed formula or a program's line, run as NumPy."""
    return eval(text, {"__builtins__": {}}, {**FUNCTIONS, **names})  # type: ignore[no-any-return]  # noqa: S307 - our own text


def loss_of(derivation: Derivation, inputs: Mapping[str, object]) -> float:
    """The loss of a program at inputs, line by line."""
    names = dict(inputs)
    for assignment in derivation.problem.program.assignments:
        text = derivation.problem.program.source().split("; ")
        line = next(one for one in text if one.startswith(f"{assignment.name} = "))
        names[assignment.name] = evaluated(line.partition(" = ")[2], names)
    return float(names[derivation.problem.program.loss.name])  # type: ignore[arg-type]


def differences(derivation: Derivation, inputs: Mapping[str, object], name: str) -> Array:
    """Central differences of the loss by every entry of one input."""
    at = np.asarray(inputs[name], dtype=float)
    found = np.zeros_like(at)
    for place in np.ndindex(at.shape):
        step = np.zeros_like(at)
        step[place] = 1e-5
        above = loss_of(derivation, {**inputs, name: at + step})
        below = loss_of(derivation, {**inputs, name: at - step})
        found[place] = (above - below) / 2e-5
    return found


def upstream(derivation: Derivation, y: Array) -> Array:
    """∂L/∂Y from the last side of its derivation, a SymPy matrix of functions of the y_ij."""
    chain = next(c for s in derivation.steps for c in s.chains if c.kind == "upstream")
    matrix = chain.links[-1].rhs
    numbers = []
    for i, j in np.ndindex(y.shape):
        expr = matrix[i, j]
        expr = expr.xreplace({part: sp.Function("df")(part.wrt) for part in expr.atoms(Partial)})
        (own,) = expr.atoms(sp.Indexed) or {sp.Symbol("unused")}
        plain = expr.xreplace({own: sp.Symbol("u")})
        run = sp.lambdify(["u", "lam"], _named(plain), modules=[FUNCTIONS, "numpy"])
        numbers.append(run(y[i, j], LAM))
    return np.array(numbers, dtype=float).reshape(y.shape)


def _named(expr: sp.Expr) -> sp.Expr:
    """The same with symbols that know nothing, so that lambdify finds them by name."""
    return expr.xreplace({s: sp.Symbol(s.name) for s in expr.free_symbols})


LAM = 1.7


def drawn(derivation: Derivation, seed: int) -> dict[str, object]:
    """Random inputs, positive so that logarithms and roots are defined."""
    chance = np.random.default_rng(seed)
    shapes = derivation.problem.shapes
    inputs: dict[str, object] = {"lam": LAM}
    for name in derivation.problem.factors:
        inputs[name] = chance.uniform(0.3, 1.4, [dim.size for dim in shapes[name]])
    return inputs


def check(program: str, sizes: tuple[int, int, int], seed: int = 0) -> None:
    """Derive a program, run what it prints, and compare."""
    derivation = derive(program, sizes=dict(zip("NDM", sizes, strict=True)))
    inputs = drawn(derivation, seed)
    product = derivation.problem.program.source().split("; ")[0].partition(" = ")[2]
    y = evaluated(product, inputs)
    dy = upstream(derivation, y)
    for name, formula in derivation.formulas.items():
        made = evaluated(formula, {**inputs, "dY": dy})
        assert made.shape == np.shape(inputs[name])
        expected = differences(derivation, inputs, name)
        np.testing.assert_allclose(made, expected, rtol=2e-6, atol=1e-8)


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("product", PRODUCTS)
def test_printed_gradients_agree_with_differences(
    product: str, sizes: tuple[int, int, int]
) -> None:
    """Both orders, transposed factors, sizes of 1 and unequal ones."""
    check(f"Y = {product}; L = sum(f(Y))", sizes)


@pytest.mark.parametrize("number", range(len(LOSSES)), ids=LOSSES)
def test_derivatives_of_known_functions_agree_with_differences(number: int) -> None:
    """Every function of the language, in a form of its own at a size of its own."""
    product = PRODUCTS[number % len(PRODUCTS)]
    check(f"Y = {product}; L = {LOSSES[number]}", SIZES[number % len(SIZES)], seed=number)


@pytest.mark.parametrize("product", PRODUCTS)
def test_theorem_for_every_loss_agrees_with_differences(product: str) -> None:
    """L = Loss(Y) with dY by central differences, for a Loss that mixes all entries."""
    derivation = derive(f"Y = {product}; L = Loss(Y)", sizes={"N": 2, "D": 3, "M": 4})
    inputs = drawn(derivation, 1)
    y = evaluated(product, inputs)
    dy = np.zeros_like(y)
    for place in np.ndindex(y.shape):
        step = np.zeros_like(y)
        step[place] = 1e-5
        dy[place] = (FUNCTIONS["Loss"](y + step) - FUNCTIONS["Loss"](y - step)) / 2e-5
    for name, formula in derivation.formulas.items():
        made = evaluated(formula, {**inputs, "dY": dy})
        np.testing.assert_allclose(
            made, differences(derivation, inputs, name), rtol=1e-6, atol=1e-7
        )


@pytest.mark.parametrize("product", PRODUCTS)
def test_sympy_results_evaluate_like_the_printed_ones(product: str) -> None:
    """`result` holds matrix expressions that SymPy can evaluate, with the same numbers."""
    derivation = derive(f"Y = {product}; L = sum(f(Y))", sizes={"N": 2, "D": 1, "M": 3})
    inputs = drawn(derivation, 2)
    rows, cols = (dim.size for dim in derivation.problem.shapes["Y"])
    dy = np.random.default_rng(5).normal(size=(rows, cols))
    for name, formula in derivation.formulas.items():
        expr = derivation.result[name]
        symbols = sorted(expr.atoms(sp.MatrixSymbol), key=str)
        known = {**inputs, "dY": dy}
        run = sp.lambdify(symbols, expr, "numpy")
        made = run(*(known[s.name] for s in symbols))
        np.testing.assert_allclose(made, evaluated(formula, known))
        explicit = expr.as_explicit()
        assert explicit.shape == made.shape


def test_links_are_sympy_objects_of_one_value() -> None:
    """Both sides of a link, as SymPy objects with numbers put in, are the same number."""
    derivation = derive("Y = X @ W; L = sum(Y**2)/2", sizes={"N": 2, "D": 2, "M": 1})
    chain = next(c for s in derivation.steps for c in s.chains if c.kind == "product")
    written = next(link for link in chain.links if link.reason == "names")
    difference = written.lhs - written.rhs
    assert difference.shape == (2, 1)
    defined = next(link for link in chain.links if link.reason == "matrix product")
    assert defined.lhs.as_explicit().shape == defined.rhs.shape


def test_a_zero_is_refused_not_printed() -> None:
    """A loss that is constant between jumps has no gradient to learn from, and that is said."""
    for loss in ("sum(sign(Y))", "lam*sum(Y) - lam*sum(Y)", "0*sum(Y)"):
        with pytest.raises(InputError, match=r"is 0 (wherever|for every)"):
            derive(f"Y = X @ W; L = {loss}", wrt="X")
