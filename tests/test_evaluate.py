"""The value of an expression in NumPy, against the same meaning written apart from the package."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import get_args

import numpy as np
import numpy.typing as npt
import pytest
from _arrays import FUNCTIONS, Maker

from matderiv.errors import InputError, ShapeError
from matderiv.expression import nodes
from matderiv.expression.known_shapes import settled, shape_of
from matderiv.expression.numeric import Array, Functions, numeric_value, sizes_in
from matderiv.expression.parse import parse
from matderiv.expression.program import Program
from matderiv.expression.shapes import infer

SEEDS = range(150)


def values_of(
    program: Program, values: Mapping[str, npt.ArrayLike], functions: Functions | None = None
) -> dict[str, Array]:
    """The value of every name of a program, one assignment after another."""
    known = {name: np.asarray(value, float) for name, value in values.items()}
    given = {name: known[name].shape for name in program.inputs() if name in known}
    sizes = sizes_in(infer(program, shapes=given))
    for assignment in program.assignments:
        known[assignment.name] = numeric_value(assignment.value, known, functions, sizes)
    return known


@pytest.mark.long
def test_random_programs_mean_what_numpy_means() -> None:
    """Text, tree and value agree with NumPy, also when axes are settled and text is printed."""
    seen: set[type] = set()
    for seed in SEEDS:
        chance = random.Random(seed)
        maker = Maker(chance)
        written = maker.make((), chance.randint(1, 5))
        values = maker.values()
        program = parse(f"L = {written.text}")
        seen.update(type(node) for node in nodes.walk(program.loss.value))
        shapes = infer(program, shapes=maker.shapes)
        for same in (program, settled(program, shapes), parse(program.source())):
            value = values_of(same, values, FUNCTIONS)["L"]
            np.testing.assert_allclose(
                value, written.value(values), rtol=1e-8, atol=1e-12, err_msg=written.text
            )
    maps = set(get_args(nodes.IndexMap))  # see test_index_maps
    assert seen == set(nodes.NODE_KINDS) - maps - {
        nodes.Size,
        nodes.Pi,
        nodes.Rearrange,
    }  # in formulas only


@pytest.mark.long
def test_inferred_shapes_are_those_of_the_values() -> None:
    """Every part of a random program has in NumPy the shape that is inferred for it."""
    for seed in SEEDS:
        chance = random.Random(seed)
        maker = Maker(chance)
        program = parse(f"L = {maker.make((), chance.randint(1, 4)).text}")
        declared = {name: s for name, s in maker.shapes.items() if chance.randrange(2)}
        shapes = infer(program, shapes=declared)
        numbers = np.random.default_rng(seed)
        values = {
            name: numbers.uniform(0.5, 1, [dim.size for dim in shapes[name]])
            for name in program.inputs()
        }
        for node in nodes.walk(program.loss.value):
            with np.errstate(all="ignore"):  # other sizes may divide by zero: shapes matter here
                value = numeric_value(node, values, FUNCTIONS, sizes_in(shapes))
            assert value.shape == tuple(dim.size for dim in shape_of(node, shapes))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("logdet(1e99*eye(4))", 396 * np.log(10)),
        ("logsumexp(1000*ones(2))", 1000 + np.log(2)),
        ("logsumexp(-1000*ones((2, 2)), axis=0)[0]", -1000 + np.log(2)),
        ("sum(softmax(1000*ones(4)))", 1.0),
        ("softplus(1000)", 1000.0),
        ("softplus(-800)", 0.0),
        ("sigmoid(-700)", np.exp(-700.0)),
        ("sigmoid(1000)", 1.0),
        ("erf(1/2)", 0.5204998778130465),
    ],
)
def test_values_are_numerically_careful(text: str, value: float) -> None:
    """Where the plain formula overflows or loses all digits, the value is still right."""
    of = text.removesuffix("[0]")
    found = np.ravel(numeric_value(parse(of).loss.value, {}))[0]
    np.testing.assert_allclose(found, value, rtol=1e-14)


def test_a_program_needs_its_inputs_alone() -> None:
    """Names are worked out in order, letters of sizes from the arrays."""
    values = values_of(
        parse("Y = X @ W; L = sum(f(Y*ones((N, M))))"),
        {"X": np.ones((2, 4)), "W": np.ones((4, 3))},
        {"f": np.square},
    )
    assert {name: value.shape for name, value in values.items()} == {
        "X": (2, 4),
        "W": (4, 3),
        "Y": (2, 3),
        "L": (),
    }
    assert values["L"] == 96


def test_a_letter_of_a_size_is_a_number() -> None:
    """In a formula such as X.T @ y/N the letter is the size."""
    formula = parse("Z = X.T @ y/N").loss.value
    value = numeric_value(formula, {"X": np.ones((2, 3)), "y": np.ones(2)}, sizes={"N": 2})
    assert value.tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    ("text", "values", "message"),
    [
        ("sum(X)", {}, "X has no value; give it an array."),
        ("sum(g(X))", {"X": [[1]]}, 'g is undefined; give it in functions={"g": …}.'),
        ("tr(eye(K))", {}, "eye(K): the size K is not known; give it a number."),
        (
            "sum(inv(X))",
            {"X": [[1, 2], [2, 4]]},
            "inv(X) has no value: the matrix is singular; give other values.",
        ),
        (
            "sum(ones((1000000000, 1000000000)))",
            {},
            (
                "ones((1000000000, 1000000000)) has no value: it does not fit into memory; give "
                "smaller sizes."
            ),
        ),
        (
            "sum(f(X))",
            {"X": [[1, 2]]},
            "f gave an array of shape () for one of (1, 2); it must give an array of shape (1, 2).",
        ),
        (
            "Loss(X)",
            {"X": [[1, 2]]},
            "Loss gave an array of shape (1, 2) for one of (1, 2); it must give one number.",
        ),
    ],
)
def test_what_has_no_value(text: str, values: dict[str, list[list[float]]], message: str) -> None:
    """What is missing is named, and so is a matrix without an inverse."""
    functions = {"f": np.sum, "Loss": np.square}
    with pytest.raises(InputError) as caught:
        numeric_value(parse(text).loss.value, values, functions)
    assert str(caught.value) == message


def test_arrays_that_do_not_fit() -> None:
    """A program says what is wrong with the arrays in its own words, not in NumPy's."""
    with pytest.raises(ShapeError, match="the inner sizes 4 and 3 differ"):
        values_of(parse("sum(X @ W)"), {"X": np.ones((2, 4)), "W": np.ones((3, 4))})


def test_what_only_formulas_hold() -> None:
    """A size is the number that its letter stands for, and π is π."""
    ratio = nodes.Divide(nodes.Pi(), nodes.Size("N", 2))
    assert np.isclose(numeric_value(ratio, {}), np.pi / 2)
    assert np.isclose(numeric_value(ratio, {}, sizes={"N": 4}), np.pi / 4)
