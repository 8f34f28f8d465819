"""The table of gradients: the books' formulas are right, and ours are right and as short."""

from __future__ import annotations

import re

import numpy as np
import pytest
from _gradient_table import Gradient, cost, names_in, ours, table
from _reference import FUNCTIONS, Array, statements, value
from _thorough import THOROUGH, usually

#: Numbers for the letters of a gradient's sizes, in their order: all different, unequal with ones
#: among them, all one.
SIZES = [(3, 2, 4, 5), (4, 2, 1, 3), (1, 3, 2, 4), (3, 1, 4, 2), (1, 1, 1, 1)]

EVERY = pytest.mark.parametrize("gradient", table(), ids=lambda gradient: gradient.id)


def numbers(gradient: Gradient, sizes: dict[str, int]) -> dict[str, Array]:
    """The inputs at which a gradient is tried: the same in every run, others for every gradient."""
    seed = [ord(letter) for letter in gradient.id] + list(sizes.values())
    return gradient.inputs(sizes, np.random.default_rng(seed))


def tried(gradient: Gradient) -> list[dict[str, int]]:
    """The sizes at which a gradient is tried: unequal ones, and others by turns; else all."""
    place = table().index(gradient) % (len(SIZES) - 1)
    chosen = SIZES if THOROUGH else (SIZES[0], SIZES[1 + place])
    return [gradient.sizes(numbers_of_sizes) for numbers_of_sizes in chosen]


def differences(gradient: Gradient, sizes: dict[str, int]) -> Array:
    """The gradient by central differences, worked out once for all formulas."""
    key = (gradient.id, gradient.program, *sizes.items())
    if key not in _differences:
        _differences[key] = gradient.differences(sizes, numbers(gradient, sizes))
    return _differences[key]


_differences: dict[tuple[object, ...], Array] = {}


def error(gradient: Gradient, formula: str, sizes: dict[str, int]) -> float:
    """How far a formula is from central differences, relative to their size; inf at other shapes."""
    expected = differences(gradient, sizes)
    found = gradient.gradient(sizes, numbers(gradient, sizes), formula)
    if found.shape != expected.shape:
        return float("inf")
    return float(np.max(np.abs(found - expected)) / (1 + np.max(np.abs(expected))))


# ---- Ours, as _gradient_table.ours asks the package for it ---------------------------------


@EVERY
def test_ours_is_right(gradient: Gradient) -> None:
    """Our formula agrees with central differences at unequal sizes, and at others by turns."""
    compared = 0
    for sizes in tried(gradient):
        formula = ours(gradient, sizes)
        assert error(gradient, formula, sizes) < 1e-6, sizes
        compared += not formula.startswith("zeros(")
    assert compared >= usually(1, thoroughly=2)  # where a size is 1, a gradient may be 0


@EVERY
def test_ours_is_short(gradient: Gradient) -> None:
    """No formula of ours is more than one and a half times as long as the book's."""
    formula = ours(gradient, gradient.sizes(SIZES[0]))
    assert cost(formula) <= 1.5 * cost(gradient.formula), formula


# ---- The books' ----------------------------------------------------------------------------


def test_the_table_is_large_and_named() -> None:
    """Seventy gradients or more, each with a name of its own."""
    names = [gradient.id for gradient in table()]
    assert len(names) >= 70
    assert len(set(names)) == len(names)


def test_no_gradient_stands_twice() -> None:
    """No two entries ask for the same derivative under the same assumptions."""
    asked = [(g.program, g.wrt, tuple(g.shapes.items()), tuple(g.assume.items())) for g in table()]
    assert len(set(asked)) == len(asked)


#: Equations of the Cookbook, sections 2.1 to 2.5 and 2.8, without a gradient of a scalar that the
#: language can say: (47), (48), (50), (59), (60), (73) to (75), (79), (80), (98): single entries,
#: derivatives of matrices and second derivatives; (56): by a pseudo-inverse; (67), (68):
#: eigenvalues; (90), (93), (94): a matrix by an entry, and rules for unknown functions; (96): a
#: definition; (105), and half of (120): Kronecker products; (128): the sine of a matrix; (133) to
#: (137): rules; (143), (144): Toeplitz matrices.
WITHOUT = {47, 48, 50, 56, 59, 60, 67, 68, 73, 74, 75, 79, 80, 90, 93, 94, 96, 98, 105, 128}
WITHOUT |= {133, 134, 135, 136, 137}
#: Sections 2.1 to 2.5, and 2.8 but for Toeplitz matrices.
EQUATIONS = {*range(46, 129), *range(133, 143)} - WITHOUT


def test_the_cookbook_is_covered() -> None:
    """Every equation of sections 2.1 to 2.5 and 2.8 that can be said stands in the table."""
    sources = " ".join(g.source for g in table() if g.source.startswith("Cookbook"))
    assert EQUATIONS - {int(number) for number in re.findall(r"\((\d+)\)", sources)} == set()


@EVERY
def test_names_are_those_of_the_program(gradient: Gradient) -> None:
    """Inputs have shapes, letters of sizes are no variables, and a formula knows all its names."""
    assigned = [name for name, _ in statements(gradient.program)]
    inputs = set(gradient.shapes)
    used = set().union(*(names_in(text) for _, text in statements(gradient.program)))
    known = inputs | set(gradient.letters) | set(assigned) | {"pi"}
    assert not (inputs | set(assigned)) & set(gradient.letters)
    assert inputs <= used <= known
    assert names_in(gradient.formula) <= known | {f"d{name}" for name in assigned}
    assert gradient.wrt in inputs
    assert set(gradient.assume) | set(gradient.draw) <= inputs


@EVERY
def test_the_book_is_right(gradient: Gradient) -> None:
    """The book's formula has the shape of the variable and agrees with central differences."""
    for sizes in tried(gradient):
        assert error(gradient, gradient.formula, sizes) < 1e-6, sizes


@EVERY
def test_a_wrong_formula_is_noticed(gradient: Gradient) -> None:
    """With the sign turned, a formula no longer agrees: no gradient is zero where it is tried."""
    sizes = gradient.sizes(SIZES[0])
    assert error(gradient, f"-({gradient.formula})", sizes) > 1e-3


def test_structure_moves_equal_entries_together() -> None:
    """By a symmetric matrix, an entry off the diagonal counts twice; by a diagonal one, not at all."""
    plain = Gradient("", "", "sum(A*X)", {"A": "n n", "X": "n n"}, "X", "")
    a = np.array([[1.0, 2.0], [5.0, 7.0]])
    inputs = {"A": a, "X": np.eye(2)}
    for structure, expected in [
        ({}, a),
        ({"X": "symmetric"}, [[1, 7], [7, 7]]),
        ({"X": "diagonal"}, [[1, 0], [0, 7]]),
    ]:
        declared = Gradient("", "", plain.program, plain.shapes, "X", "", assume=structure)
        np.testing.assert_allclose(declared.differences({"n": 2}, inputs), expected, atol=1e-8)


@pytest.mark.parametrize(
    ("formula", "length"),
    [
        ("X", 1),
        ("-X", 2),
        ("X.T", 2),
        ("inv(X).T", 3),
        ("2*X.T @ (X @ W - T)", 10),
        ("2*(X.T) @ ((X @ W) - T)", 10),
        ("softmax(Z, axis=1)", 2),
        ("dY.sum(axis=0)", 2),
        ("ones((m, n))", 3),
        ("X**2", 3),
    ],
)
def test_cost_counts_operations_and_names(formula: str, length: int) -> None:
    """Brackets and options are free; every sign, call, transpose, name and number counts one."""
    assert cost(formula) == length


@pytest.mark.parametrize("text", ["{X}", "lambda: X", "X if X else X", "X.dtype", "X and X"])
def test_what_is_not_in_the_language_is_refused(text: str) -> None:
    """The evaluator and the measure know the language and nothing else."""
    with pytest.raises(ValueError, match="not in the language"):
        value(text, {"X": np.eye(2)})
    with pytest.raises(ValueError, match="not in the language"):
        cost(text)


def test_undefined_functions_have_the_derivative_that_is_said() -> None:
    """What stands for df is the derivative of the f that stands for an undefined function."""
    x = np.linspace(-2, 2, 9)
    slope = (FUNCTIONS["f"](x + 1e-5) - FUNCTIONS["f"](x - 1e-5)) / 2e-5
    np.testing.assert_allclose(FUNCTIONS["df"](x), slope, atol=1e-8)


@EVERY
def test_text_is_tidy(gradient: Gradient) -> None:
    """Programs and formulas are printed as the language prints them: only `*`, `/`, `**` are tight."""
    for text in (gradient.program, gradient.formula):
        assert not re.search(r" [*/]|[*/] |\S@|@\S|  ", text), text
