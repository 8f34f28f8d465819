"""Exercises on pages about Jacobians and Hessians: their answers hold, and wrong formulas are wrong."""

from __future__ import annotations

from functools import cache
from random import Random

import numpy as np
import pytest
from _page_reader import ArrayOf, Reading
from _page_values import Point

import matderiv
from matderiv import cli
from matderiv.array_pages import ArrayWishes, derive_array, given_for_exercises
from matderiv.array_results import ArrayDerivative
from matderiv.derivation.exercises.arrays import ArrayMaterial, Claims, array_materials
from matderiv.errors import InputError
from matderiv.expression.numeric import numeric_value

LOGISTIC = "p = sigmoid(X @ w); L = -sum(y*log(p) + (1 - y)*log(1 - p))"

#: Kind, program, what it is by, the shapes of all inputs, options.
CASES: list[tuple[str, str, str, dict[str, tuple[int, ...]], dict[str, str]]] = [
    ("jacobian", "y = softmax(A @ x)", "x", {"A": (2, 3), "x": (3,)}, {}),
    ("jacobian", "y = tanh(A @ x)", "x", {"A": (2, 3), "x": (3,)}, {"layout": "denominator"}),
    ("jacobian", "Y = inv(A + theta*B)", "theta", {"A": (2, 2), "B": (2, 2), "theta": ()}, {}),
    ("jacobian", "Y = A @ X @ B", "X", {"A": (1, 2), "X": (2, 3), "B": (3, 2)}, {}),
    ("hessian", LOGISTIC, "w", {"X": (3, 2), "w": (2,), "y": (3,)}, {}),
    ("hessian", "L = x @ A @ x", "x", {"A": (3, 3), "x": (3,)}, {}),
    ("hessian", "L = sum((X @ w - y)**2)", "w", {"X": (2, 3), "w": (3,), "y": (2,)}, {}),
]

QUICK = [case for case in CASES if case[1] != LOGISTIC]


def found(kind: str, program: str, wrt: str, shapes: object, options: object) -> ArrayDerivative:
    """A Jacobian or a Hessian."""
    make = {"jacobian": matderiv.jacobian, "hessian": matderiv.hessian}[kind]
    return make(program, wrt=wrt, shapes=shapes, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("case", CASES, ids=[case[1] for case in CASES])
def test_answers_are_true(
    case: tuple[str, str, str, dict[str, tuple[int, ...]], dict[str, str]],
) -> None:
    """A reader who knows the program alone finds every equality of the answers true."""
    kind, program, wrt, shapes, options = case
    made = found(*case)
    page = made.print("markdown", show="all", exercises=6, seed=2)
    *_, questions, answers = page.split("\n## ")
    assert questions.startswith("Exercises")
    assert answers.startswith("Answers")
    array = ArrayOf(
        "H" if kind == "hessian" else "J",
        "g" if kind == "hessian" else program[0],
        wrt,
        turned=bool(options),
    )
    of = shapes[wrt] if kind == "hessian" else (shapes["A"][0],)
    free = {"z" if kind == "hessian" else "v": of} if len(of) == 1 else {}
    sizes = {dim.symbol: dim.size for shape in made.shapes.values() for dim in shape}
    read = Reading(Point.of(program, {**shapes, **free}, 0, sizes), program, array).page(page)
    plain = Reading(Point.of(program, {**shapes, **free}, 0, sizes), program, array).page(
        made.print("markdown", show="all")
    )
    assert read.false == []
    assert read.true > plain.true


@pytest.mark.parametrize("case", QUICK, ids=[case[1] for case in QUICK])
def test_one_formula_is_right_and_the_others_differ(
    case: tuple[str, str, str, dict[str, tuple[int, ...]], dict[str, str]],
) -> None:
    """In value at a random point, or in shape; each has a mistake that is named."""
    *_, shapes, _ = case
    made = found(*case)
    derived = derive_array(made.asked, made.answer, made.shapes, ArrayWishes(vector=True))
    about = derived.about
    given = given_for_exercises(made.asked, made.shapes, about.names)
    materials: list[ArrayMaterial] = list(
        array_materials(about, given, 9, Random(5), lambda material: material)
    )
    claims = [material for material in materials if isinstance(material, Claims)]
    assert bool(claims) == about.matrix
    chance = np.random.default_rng(3)
    values = {n: chance.uniform(0.3, 0.9, shape) for n, shape in shapes.items()}
    for value in about.graph.values:
        values[value.name] = np.asarray(numeric_value(value.value, values))
    right = numeric_value(about.formula, values)
    for exercise in claims:
        assert sum(not claim.slip for claim in exercise.claims) == 1
        for claim in exercise.claims:
            own = np.asarray(numeric_value(claim.node, values))
            assert own.shape == claim.shape
            same = own.shape == np.shape(right) and np.allclose(own, right)
            assert same == (claim.slip == "")


@cache
def linear() -> ArrayDerivative:
    """A Jacobian that is soon derived."""
    return matderiv.jacobian("A @ x", wrt="x")


def test_seeds() -> None:
    """The same seed makes the same exercises, however many there are; another makes others."""
    pages = [linear().print(exercises=n, seed=seed) for n, seed in ((3, 1), (3, 1), (4, 1), (3, 2))]
    asked = [page.partition("Exercise 1\n")[2].partition("Exercise 4")[0] for page in pages]
    assert asked[0] == asked[1]
    assert asked[0].partition("Answers")[0] == asked[2].partition("Answers")[0]
    assert asked[0] != asked[3]


@pytest.mark.parametrize(("language", "answers"), [("en", "Answers"), ("zh", "练习解答")])
def test_answers_may_be_left_out(language: str, answers: str) -> None:
    """In both languages."""
    page = linear().print(lang=language, exercises=2)
    assert answers in page
    assert answers not in linear().print(lang=language, exercises=2, answers="none")
    assert page.startswith(linear().print(lang=language).rstrip())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["jacobian", "A @ x", "--wrt", "x", "--exercises", "2"], "--exercises is of the page"),
        (["hessian", "x @ A @ x", "--exercises", "2", "--wrt", "x"], "--exercises is of the page"),
        (
            ["jacobian", "x @ A @ x", "--wrt", "x", "--exercises", "2", "--format", "text"],
            "matderiv handout",
        ),
    ],
)
def test_what_has_no_exercises_is_refused(
    arguments: list[str], said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """In one line, which says what to write."""
    with pytest.raises(SystemExit) as caught:
        cli.main(arguments)
    assert caught.value.code == 2
    assert said in capfd.readouterr().err


def test_a_place_for_answers_that_there_is_not() -> None:
    """Pages of arrays have no separate answers."""
    with pytest.raises(InputError, match="Answers stand at the end"):
        linear().print(exercises=1, answers="separate")  # type: ignore[arg-type]
