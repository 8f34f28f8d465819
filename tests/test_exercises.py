"""Exercises about whole programs: drawn from a seed, every answer proved, every slip refuted."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from random import Random

import numpy as np
import pytest

import matderiv
from matderiv import Derivation, InputError
from matderiv.derivation.exercises.entries import OneEntry
from matderiv.derivation.exercises.kinds import KINDS, Material, materials
from matderiv.derivation.exercises.mistakes import Mistake
from matderiv.derivation.exercises.numbers import Numbers
from matderiv.derivation.exercises.related import Related, Uses
from matderiv.derivation.exercises.shapes import Shapes
from matderiv.derivation.exercises.theme import Theme, users
from matderiv.derivation.judge import Judge
from matderiv.derivation.links import Link
from matderiv.derivation.sides import Formula, Numerals
from matderiv.expression.nodes import Name
from matderiv.handout.document import Document, Equation, Exercise, Text
from matderiv.handout.exercises import exercises
from matderiv.handout.formats import write_text
from matderiv.handout.texts import messages
from matderiv.notation.latex import latex

PROGRAMS: dict[str, dict[str, object]] = {
    "L = sum((X @ W - T)**2) + lam*sum(W**2)": {},
    "H = tanh(X @ W + b); Y = H @ V; L = sum((Y - T)**2)/2": {},
    "Z = X @ W; L = sum(logsumexp(Z, axis=1)) - sum(T*Z)": {},
    "P = softmax(Q @ K.T, axis=1); O = P @ V; L = Loss(O)": {},
    "L = logdet(S) + y @ inv(S) @ y": {},
    "L = tr(A @ S @ S) + x @ S @ x": {"assume": {"S": "symmetric"}},
    "H = relu(X @ W + b); L = norm(H @ v - y)**2": {},
    "M = X - mean(X, axis=0); L = tr(M.T @ M @ A)": {},
    "L = x @ A @ y": {"method": "differential"},
    "Y = X @ W; L = sum(f(Y))": {"method": "index"},
}
SEEDS = (1, 2)
ALL = (Shapes, OneEntry, Mistake, Uses, Numbers, Related)


def derived(program: str) -> Derivation:
    """The derivation of one of the programs."""
    return matderiv.derive(program, **PROGRAMS[program])  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def drawn() -> dict[str, list[Material]]:
    """Seven exercises about every program, from each of two seeds."""
    found: dict[str, list[Material]] = {}
    for program in PROGRAMS:
        theme = Theme.of(derived(program))
        found[program] = [m for seed in SEEDS for m in materials(theme, 7, Random(seed))]
    return found


def every(drawn: dict[str, list[Material]], kind: type) -> list:  # type: ignore[type-arg]
    """All exercises of a kind; there are some."""
    found = [made for some in drawn.values() for made in some if isinstance(made, kind)]
    assert len(found) >= 10
    return found


def links_in(value: object) -> Iterator[Link]:
    """All links that an exercise holds, however deep."""
    if isinstance(value, Link):
        yield value
    elif isinstance(value, tuple | list):
        for part in value:
            yield from links_in(part)
    elif dataclasses.is_dataclass(value) and "matderiv.derivation" in type(value).__module__:
        for field in dataclasses.fields(value):
            yield from links_in(getattr(value, field.name))


def printed(exercise: Exercise, language: str, form: str) -> str:
    """An exercise and its answer in a format."""
    blocks = (*exercise.question, *exercise.answer)
    return write_text(Document(language, (Text(""),), blocks, whole=True), form)


def test_at_least_five_kinds_about_every_program(drawn: dict[str, list[Material]]) -> None:
    """The kinds take turns, and the programs of a lecture have all or all but one of them."""
    for program, some in drawn.items():
        counted = Counter(type(made) for made in some)
        assert set(counted) <= set(ALL), program
        assert len(counted) >= 5, (program, counted)
    assert {type(made) for some in drawn.values() for made in some} == set(ALL)
    assert len(KINDS) == len(ALL)


def test_every_link_is_proved_but_the_wrong_one(drawn: dict[str, list[Material]]) -> None:
    """Every = of every answer is proved; of a wrong line, exactly one is refuted."""
    for some in drawn.values():
        for made in some:
            counted = Counter(link.verdict.status for link in links_in(made))
            assert counted["refuted"] == isinstance(made, Mistake)
            assert set(counted) <= {"equal", "refuted"}
            assert counted["equal"] > 0 or isinstance(made, Shapes)


def test_slips_are_refuted_by_a_fresh_judge(drawn: dict[str, list[Material]]) -> None:
    """The wrong line is where the answer says, and no other one is wrong."""
    for made in every(drawn, Mistake):
        judge = Judge(made.task, made.name, users(made.task, made.name))
        sides = made.wrong.sides
        verdicts = [judge.verdict(a, b) for a, b in pairwise(sides)]
        wrong = [n for n, verdict in enumerate(verdicts, 1) if verdict.status != "equal"]
        assert wrong == [made.line]
        assert verdicts[made.line - 1].status == "refuted"
        assert made.stands != made.belongs


def test_numbers_are_those_of_numpy(drawn: dict[str, list[Material]]) -> None:
    """Where everything is worked out from inputs, the gradient in floating point agrees."""
    compared = 0
    for made in every(drawn, Numbers):
        if made.defined:
            continue
        values = {name: in_numpy(numbers) for name, numbers in made.given}
        last = made.gradients[-1]
        assert last.sides[0] == Formula(Name(f"d{made.name}"))
        answer = last.sides[-1]
        assert isinstance(answer, Numerals)
        gradient = matderiv.gradient(made.task.program.source(), wrt=made.name)
        assert np.allclose(gradient(**values), in_numpy(answer))
        compared += 1
    assert compared >= 3


def in_numpy(numbers: Numerals) -> np.ndarray:
    """Exact numbers in floating point."""
    array = np.array([[float(n) for n in row] for row in numbers.rows])
    return array if numbers.dimensions == 2 else array.reshape((-1,) if numbers.dimensions else ())


def test_shapes_are_those_of_numpy(drawn: dict[str, list[Material]]) -> None:
    """Products have the shapes that NumPy gives them, and the one that does not exist fails."""
    missing = 0
    for made in every(drawn, Shapes):
        for quantity in made.quantities:
            if quantity.factors is None:
                continue
            one, other = map(np.zeros, quantity.factors)
            if quantity.shape is None:
                missing += 1
                with pytest.raises(ValueError, match="mismatch"):
                    one @ other
            else:
                assert (one @ other).shape == quantity.shape
    assert missing >= 5


def test_other_programs_are_derived_as_derive_does(drawn: dict[str, list[Material]]) -> None:
    """The answer of a program like the one of the handout is that of the program itself."""
    for made in every(drawn, Related):
        task = made.derivation.task
        (wrt,) = made.derivation.wrt
        shapes = {n: tuple(d.size for d in task.shapes[n]) for n in task.program.inputs()}
        again = matderiv.gradient(task.program.source(), wrt=wrt, shapes=shapes)
        assert made.derivation.formulas[wrt] == str(again)
        assert task.program.source() not in PROGRAMS


@pytest.mark.parametrize("program", PROGRAMS)
def test_both_languages_hold_the_same_formulas(program: str) -> None:
    """Sheets differ in words alone; no two exercises are equal; the same seed, the same sheet."""
    derivation = derived(program)
    sheets = [exercises(derivation, language, 7, 3) for language in ("en", "zh")]
    assert exercises(derivation, "en", 7, 3) == sheets[0]
    assert len({exercise.question for exercise in sheets[0]}) == 7
    for one, other in zip(*sheets, strict=True):
        shown = [
            [latex(b.box) for b in (*e.question, *e.answer) if isinstance(b, Equation)]
            for e in (one, other)
        ]
        assert shown[0] == shown[1]
        for exercise, language in ((one, "en"), (other, "zh")):
            text = printed(exercise, language, "text")
            assert not re.search(r"\{\w+\}|None|matderiv\.", text)
            assert bool(re.search("[\u4e00-\u9fff]", text)) == (language == "zh")
            assert printed(exercise, language, "tex")


def test_a_longer_sheet_begins_like_a_shorter_one() -> None:
    """A teacher may add to a sheet that is out."""
    derivation = derived("L = x @ A @ y")
    assert exercises(derivation, "en", 6, 5)[:3] == exercises(derivation, "en", 3, 5)


def test_when_there_are_too_few_it_is_said_how_many() -> None:
    """The number in the error can be asked for."""
    derivation = matderiv.derive("L = lam**2 + lam")
    with pytest.raises(InputError, match=r"not 90 different .* ask for at most \d+") as caught:
        exercises(derivation, "en", 90, 1)
    most = int(str(caught.value).split()[-1].rstrip("."))
    assert 0 < most == len(exercises(derivation, "en", most, 1))


def test_answers_may_be_a_file_apart() -> None:
    """A sheet with separate answers does not tell how to make them."""
    handout = derived("L = x @ A @ y").handout(exercises=3, seed=1234, answers="separate")
    assert "Exercise 3" in str(handout.write("md"))
    assert "1234" not in str(handout.write("md"))
    assert handout.answers is not None
    assert "1234" in write_text(handout.answers, "md")


def test_every_sentence_is_used() -> None:
    """Every text about these exercises comes up on some sheet, so none is a leftover."""
    texts = {k: t for k, t in messages("en").items() if k.startswith("exercise.")}
    assert texts
    sheets = [(program, 14) for program in PROGRAMS] + [("L = sum(sin(x*y)*f(y))", 30)]
    seen = "\n".join(
        printed(exercise, "en", "text")
        for program, count in sheets
        for exercise in exercises(
            derived(program) if program in PROGRAMS else matderiv.derive(program), "en", count, 4
        )
    )
    for key, text in texts.items():
        pattern = ".*?".join(map(re.escape, re.split(r"\{\w+\}", text)))
        assert re.search(pattern, seen), key
