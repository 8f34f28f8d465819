"""Exercises: drawn from a seed, every answer proved, every planted mistake refuted."""

from __future__ import annotations

import dataclasses
import functools
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any, Literal, cast

import numpy as np
import pytest
from _page_reader import Found, read_page

import matderiv
from matderiv import Derivation, InputError
from matderiv.calculus.deciding.decide import Verdict
from matderiv.calculus.formulas.mistakes import CATALOGUE
from matderiv.cli import main as command
from matderiv.derivation.exercises import drawing, kinds
from matderiv.derivation.exercises.about import Implement, Keep, Statement, Trap
from matderiv.derivation.exercises.entries import OneEntry
from matderiv.derivation.exercises.entries import _made as one_entry
from matderiv.derivation.exercises.kinds import KINDS, Material, materials
from matderiv.derivation.exercises.mistakes import _SUITABLE, Mistake, _cases, _made
from matderiv.derivation.exercises.numbers import Numbers, numbers
from matderiv.derivation.exercises.related import Related, Uses
from matderiv.derivation.exercises.shapes import Shapes, shape_exercises
from matderiv.derivation.exercises.theme import Theme, users
from matderiv.derivation.judge import Judge
from matderiv.derivation.links import Link
from matderiv.derivation.sides import EntryOf, Formula, Numerals
from matderiv.errors import ProofError
from matderiv.expression.nodes import Name, Size, names_in, walk
from matderiv.expression.numeric import numeric_value
from matderiv.expression.source import source
from matderiv.handout import exercises as worded_exercises
from matderiv.handout.document import Bullets, Document, Equation, Exercise, Math, Paragraph, Text
from matderiv.handout.exercises import exercises, wording
from matderiv.handout.formats import write_text
from matderiv.handout.texts import messages
from matderiv.notation.boxes import Row, Scripts, Symbol, Word
from matderiv.notation.latex import latex
from matderiv.notation.text import text

LINEAR = "Y = X @ W; L = sum(f(Y))"
PROGRAMS: dict[str, dict[str, object]] = {
    "L = sum((X @ W - T)**2) + lam*sum(W**2)": {},
    "L = logdet(S) + y @ inv(S) @ y": {},
    "L = tr(A @ S @ S) + x @ S @ x": {"assume": {"S": "symmetric"}},
    "H = relu(X @ W + b); L = norm(H @ v - y)**2": {},
    "m = mean(X, axis=0); L = Loss(m)": {},
    "L = x @ A @ y": {"method": "differential"},
    LINEAR: {"method": "index"},
}
ALL = (Shapes, OneEntry, Mistake, Uses, Numbers, Related)
#: The kinds about the page's own program, and programs to which all of them apply.
ABOUT = (Statement, Trap, Keep, Implement)
SAYING: dict[str, dict[str, Any]] = {
    "Y = X @ W; L = sum(Y)": {},
    "m = mean(X, axis=0); Y = (X - m)/std(X, axis=0); L = sum(f(Y))": {"shapes": {"X": (3, 4)}},
    "p = softmax(X @ w); L = -sum(t*log(p))": {"assume": {"t": "onehot"}},
    "P = softmax(Q @ K.T, axis=1); O = P @ V; L = sum(f(O))": {},
    "Y = X - mean(X, axis=0); L = sum(f(Y))": {},
}
LECTURES: dict[str, dict[str, Any]] = {
    "P = softmax(X @ W, axis=1); L = -sum(T*log(P))": {"assume": {"T": "onehot"}},
    "L = sum((X @ W - T)**2) + lam*sum(W**2)": {"wrt": "W"},
    "H = relu(X @ W + b); Y = H @ V + c; L = sum((Y - T)**2)": {},
}


@functools.cache
def derived(program: str) -> Derivation:
    """The derivation of one of the programs."""
    return matderiv.derive(program, **PROGRAMS[program])  # type: ignore[arg-type]


def made_for(theme: Theme, count: int) -> list[Material]:
    """Exercises before they are put in words."""
    return list(materials(theme, count, Random(1), lambda made: made))


@pytest.fixture(scope="module")
def drawn() -> dict[str, list[Material]]:
    """An exercise of each kind about every program."""
    return {program: made_for(Theme.of(derived(program)), 6) for program in PROGRAMS}


def in_words(program: str, some: list[Material], language: str) -> tuple[Exercise, ...]:
    """Exercises about a program in a language."""
    say = wording(derived(program), Theme.of(derived(program)), language)
    return tuple(map(say, some))


def every(drawn: dict[str, list[Material]], kind: type) -> list:  # type: ignore[type-arg]
    """All exercises of a kind; there are some about most programs."""
    found = [made for some in drawn.values() for made in some if isinstance(made, kind)]
    assert len(found) >= 5
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
    blocks = (*exercise.question, *exercise.hint, *exercise.answer)
    return write_text(Document(language, (Text(""),), blocks, whole=True), form)


def test_at_least_five_kinds_about_every_program(drawn: dict[str, list[Material]]) -> None:
    """The kinds take turns, and the programs of a lecture have all or all but one of them."""
    for program, some in drawn.items():
        counted = Counter(type(made) for made in some)
        assert set(counted) <= set(ALL), program
        assert len(counted) >= 5, (program, counted)
    assert {type(made) for some in drawn.values() for made in some} == set(ALL)
    assert len(KINDS) == len(ALL) + len(ABOUT)


@pytest.fixture(scope="module")
def about() -> dict[str, list[Material]]:
    """The exercises about programs of lectures themselves."""
    made = {
        program: made_for(Theme.of(matderiv.derive(program, **asked)), 10)
        for program, asked in LECTURES.items()
    }
    return {program: [m for m in some if isinstance(m, ABOUT)] for program, some in made.items()}


def test_exercises_about_the_page_itself(about: dict[str, list[Material]]) -> None:
    """Each kind stands once about a program to which it applies, and all of its claims are proved."""
    found = {program: {type(made) for made in some} for program, some in about.items()}
    softmax, ridge, layers = found.values()
    assert softmax == {Statement, Trap, Keep, Implement}
    assert ridge == {Statement, Trap, Implement}
    assert layers == {Statement, Trap, Keep, Implement}
    for some in about.values():
        assert len(some) == len({type(made) for made in some})
        for made in some:
            assert all(link.verdict.status == "equal" for link in links_in(made))


def test_what_is_kept_is_what_the_gradients_need(about: dict[str, list[Material]]) -> None:
    """With other numbers in a value that is not kept, no gradient changes."""
    *_, some = about.values()
    (made,) = (one for one in some if isinstance(one, Keep))
    assert made.kept == ("X", "W", "V", "T", "Z", "H", "Y")
    shapes = {name: tuple(d.size for d in dims) for name, dims in made.task.shapes.items()}
    chance = np.random.default_rng(2)
    arrays = {name: chance.normal(size=shape) for name, shape in shapes.items()}

    def backward(values: dict[str, Any]) -> list[Any]:
        known = dict(values)
        for name, node in made.gradients.items():
            known[f"d{name}"] = numeric_value(node, known)
        return [known[f"d{name}"] for name in shapes if f"d{name}" in known]

    before = backward(arrays)
    for name, array in arrays.items():
        after = backward(arrays | {name: array + chance.normal(size=array.shape) + 3})
        same = all(np.array_equal(one, other) for one, other in zip(before, after, strict=True))
        assert same == (name not in made.kept), name


def test_the_trap_is_wrong_at_equal_sizes_and_right_is_right(
    about: dict[str, list[Material]],
) -> None:
    """At random square matrices the two formulas differ, though they have the same shape."""
    chance = np.random.default_rng(3)
    for some in about.values():
        (made,) = (one for one in some if isinstance(one, Trap))
        names = names_in(made.product.right) | names_in(made.product.wrong)
        arrays = {name: chance.normal(size=(3, 3)) for name in names}
        right, wrong = (numeric_value(n, arrays) for n in (made.product.right, made.product.wrong))
        assert right.shape == wrong.shape
        assert not np.allclose(right, wrong)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_exercises_about_the_page_have_words(lang: str) -> None:
    """Ten exercises of a two-layer network have questions, hints, levels and answers."""
    for program, asked in LECTURES.items():
        found = exercises(matderiv.derive(program, **asked), lang, 10, 0)
        assert len(found) == 10
        for exercise in found:
            assert exercise.level in (1, 2, 3)
            assert all((exercise.question, exercise.hint, exercise.answer))
            assert printed(exercise, lang, "text")


def test_exercises_have_levels_and_hints(drawn: dict[str, list[Material]]) -> None:
    """One to three stars, and a hint that is not the answer."""
    program, some = next(iter(drawn.items()))
    for exercise in in_words(program, some, "zh"):
        assert exercise.level in (1, 2, 3)
        assert exercise.hint
        assert set(exercise.hint).isdisjoint(exercise.answer)


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
    assert compared >= 2


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
    assert missing >= 3


def test_other_programs_are_derived_as_derive_does(drawn: dict[str, list[Material]]) -> None:
    """The answer of a program like the one of the handout is that of the program itself."""
    for made in every(drawn, Related):
        task = made.derivation.task
        (wrt,) = made.derivation.wrt
        shapes = {n: tuple(d.size for d in task.shapes[n]) for n in task.program.inputs()}
        again = matderiv.gradient(task.program.source(), wrt=wrt, shapes=shapes)
        assert made.derivation.formulas[wrt] == task.source(again.node)
        assert task.program.source() not in PROGRAMS


@pytest.mark.parametrize("program", PROGRAMS)
def test_both_languages_hold_the_same_formulas(
    program: str, drawn: dict[str, list[Material]]
) -> None:
    """Sheets differ in words alone, no field is left open, and no two exercises are equal."""
    sheets = [in_words(program, drawn[program], language) for language in ("en", "zh")]
    assert len({exercise.question for exercise in sheets[0]}) == len(sheets[0]) == 6
    for one, other in zip(*sheets, strict=True):
        shown = [
            [latex(b.box) for b in (*e.question, *e.answer) if isinstance(b, Equation)]
            for e in (one, other)
        ]
        assert shown[0] == shown[1]
        for exercise, language in ((one, "en"), (other, "zh")):
            words = printed(exercise, language, "text")
            assert not re.search(r"\{\w+\}|None|matderiv\.", words)
            assert bool(re.search("[\u4e00-\u9fff]", words)) == (language == "zh")
            assert printed(exercise, language, "tex")


# -- a foreign reader --------------------------------------------------------------------------


def read(made: Material, exercise: Exercise) -> Found:
    """What a reader who knows the values of a program finds on a sheet with one exercise."""
    assert not isinstance(made, Numbers)
    task = made.derivation.task if isinstance(made, Related) else made.task
    program = "; ".join(f"{a.name} = {source(a.value)}" for a in task.sweep.graph.values)
    shapes = {n: tuple(d.size for d in task.shapes[n]) for n in task.program.inputs()}
    page = printed(exercise, "en", "md")
    apart = "\n\\end{aligned}\n$$\n\n$$\n\\begin{aligned}\n"  # between equalities side by side
    page = re.sub(r",\\quad (\S+)=", lambda m: f"{apart}{m[1]} & = ", page)
    for seed in range(5):  # not every point has a value, such as log det S
        found = read_page(page, program, shapes, task.sizes, seed)
        if found.true:
            break
    return found


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_reader_finds_the_planted_mistake_and_no_other(
    program: str, drawn: dict[str, list[Material]]
) -> None:
    """Every = of a printed sheet is true for a reader, but for the one of a wrong line."""
    some = [made for made in drawn[program] if not isinstance(made, Numbers)]
    for made, exercise in zip(some, in_words(program, some, "en"), strict=True):
        found = read(made, exercise)
        assert len(found.false) == isinstance(made, Mistake), found.false
        assert len(found.unread) <= found.true // 4, found.unread


def falsified(value: object, status: Literal["refuted", "undecided"]) -> object:
    """The same exercise with another verdict on the first `=` that is proved."""
    if isinstance(value, Link) and value.verdict.status == "equal":
        return dataclasses.replace(value, verdict=Verdict(status))
    if isinstance(value, tuple):
        for place, part in enumerate(value):
            made = falsified(part, status)
            if made is not part:
                return (*value[:place], made, *value[place + 1 :])
    elif dataclasses.is_dataclass(value) and "matderiv.derivation" in type(value).__module__:
        for field in dataclasses.fields(value):
            part = getattr(value, field.name)
            if (made := falsified(part, status)) is not part:
                return dataclasses.replace(value, **{field.name: made})
    return value


@pytest.mark.parametrize("status", ["refuted", "undecided"])
def test_a_line_that_is_not_proved_is_refused(
    status: Literal["refuted", "undecided"], drawn: dict[str, list[Material]]
) -> None:
    """No exercise of any kind is put in words with an = that is wrong or not decided."""
    kinds = set()
    for made in drawn[LINEAR]:
        wrong = falsified(made, status)
        if wrong is made:
            continue  # shapes have no equalities
        kinds.add(type(made))
        with pytest.raises(ProofError, match=status):
            in_words(LINEAR, [cast("Material", wrong)], "en")
    assert len(kinds) >= len(ALL) - 1


# -- nothing is used that is not stated --------------------------------------------------------


def bases(box: object) -> Iterator[str]:
    """The letters and words of a formula that are no indices, no functions and no exponents."""
    match box:
        case Word(upright=True):
            return
        case Symbol() | Word():
            yield text(box)
        case Scripts(base=base, sub=sub):
            yield from bases(base)
            items = sub.items if isinstance(sub, Row) else (sub,)
            yield from (text(item) for item in items if isinstance(item, Symbol | Word)
                        and text(item)[0].isupper())  # fmt: skip
        case tuple():
            for part in box:
                yield from bases(part)
        case _ if dataclasses.is_dataclass(box):
            for field in dataclasses.fields(box):
                if field.name not in ("under", "over"):
                    yield from bases(getattr(box, field.name))


def indices(box: object) -> Iterator[str]:
    """The small letters at the feet of others."""
    if isinstance(box, Scripts) and box.sub is not None:
        items = box.sub.items if isinstance(box.sub, Row) else (box.sub,)
        letters = (text(item) for item in items if isinstance(item, Symbol))
        yield from (letter for letter in letters if letter.islower())
    if isinstance(box, tuple):
        for part in box:
            yield from indices(part)
    elif dataclasses.is_dataclass(box):
        for field in dataclasses.fields(box):
            yield from indices(getattr(box, field.name))


def formulas_of(exercise: Exercise) -> Iterator[object]:
    """The boxes of a question and its answer."""
    for block in (*exercise.question, *exercise.answer):
        match block:
            case Equation(box=box):
                yield box
            case Paragraph(segments=segments):
                yield from (s.box for s in segments if isinstance(s, Math))
            case Bullets(items=items):
                yield from (s.box for item in items for s in item if isinstance(s, Math))


def unstated(exercise: Exercise) -> set[str]:
    """The letters that an exercise uses and of which its question does not say what they are."""
    question = write_text(Document("en", (Text(""),), exercise.question, whole=True), "text")
    stated = set(re.findall(r"(?<![\w∂/])(\w+) (?:is|=|has|have) ", question))
    stated |= set(re.findall(r"(?:loss|assumed about) (\w+)", question))
    known = {name.lower().lstrip("_") for name in stated} | {
        "e",
        "δ",
        "t",
        "i",
    }  # T is a transpose's sign
    known |= {letter for box in formulas_of(exercise) for letter in indices(box)}
    used = {name for box in formulas_of(exercise) for name in bases(box)}
    assert used
    return {name for name in used if name.lower() not in known}


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_letter_is_stated(program: str, drawn: dict[str, list[Material]]) -> None:
    """Each array, number, size and function of a question and its answer is said to be something.

    Otherwise nobody can solve it: sizes were used of which nothing was known but a letter.
    """
    for exercise in in_words(program, drawn[program], "en"):
        assert not unstated(exercise), printed(exercise, "en", "text")


@pytest.mark.parametrize(
    "program",
    [
        "m = mean(X, axis=0); L = sum(f(m))",
        "H = relu(X @ W + b); L = Loss(H)",
        "M = X - mean(X, axis=0); L = tr(M.T @ M @ A)",
        "L = sum(X, axis=0) @ v / 3",
    ],
)
def test_numbers_are_given_with_all_that_they_need(program: str) -> None:
    """The number of rows counts in a mean, and is stated where no matrix with its rows is."""
    derivation = matderiv.derive(program)
    theme = Theme.of(derivation)
    draw = numbers(theme)
    assert draw is not None
    made = list(drawing.drawn([draw], 6, Random(2)))
    for exercise in map(wording(derivation, theme, "en"), made):
        assert not unstated(exercise), printed(exercise, "en", "text")


def test_a_letter_that_is_not_stated_is_found() -> None:
    """The test above would see a K that stands in an answer alone."""
    (exercise,) = exercises(matderiv.derive("L = Loss(mean(X, axis=0))"), "en", 1, 1)
    wrong = Exercise(exercise.question, (Paragraph((Math(Symbol("K")),)),))
    assert unstated(wrong) == {"K"}


# -- drawn from a seed -------------------------------------------------------------------------


def test_a_longer_sheet_begins_like_a_shorter_one() -> None:
    """A teacher may add to a sheet that is out."""
    derivation = derived("L = x @ A @ y")
    assert exercises(derivation, "en", 6, 5)[:3] == exercises(derivation, "en", 3, 5)


@pytest.mark.long
def test_other_seeds_give_other_exercises() -> None:
    """No two of five students have the same sheet."""
    sheets = [exercises(derived(LINEAR), "en", 2, seed) for seed in range(5)]
    assert len(set(sheets)) == 5


@pytest.mark.parts
def test_the_same_in_every_process() -> None:
    """Neither the order of sets nor anything else of a process shows in the exercises."""
    code = (
        "import matderiv\n"
        "handout = matderiv.derive('L = x @ A @ y').handout(lang='zh', exercises=6, seed=4, length='full')\n"
        "print(handout.write('md'))"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "random", "PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, env=environment, check=True)
    here = (
        matderiv.derive("L = x @ A @ y")
        .handout(lang="zh", exercises=6, seed=4, length="full")
        .write("md")
    )
    assert done.stdout.decode().rstrip("\n") == str(here).rstrip("\n")


def test_large_sizes_are_worked_by_hand_all_the_same() -> None:
    """An exercise about a large product is small: nobody writes 4096 columns."""
    derivation = matderiv.derive(sizes={"N": 64, "D": 4096, "M": 4096})
    some = exercises(derivation, "en", 6, seed=2)
    assert len(some) == 6
    for exercise in some:
        assert "4096" not in printed(exercise, "en", "text")


def test_kinds_take_turns_until_they_run_out() -> None:
    """No exercise is drawn twice, and where they run out, there are fewer."""
    few = [lambda chance: ((chance.randint(1, 3),), lambda: 1), lambda _: ((0,), lambda: 2)]
    assert list(drawing.drawn(few, 4, Random(3))) == [1, 2, 1, 1]
    assert list(drawing.drawn(few, 5, Random(3))) == [1, 2, 1, 1]


def test_a_kind_that_fails_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """No exercise stops a handout: a kind of which none can be made is passed over."""

    def failing(*_: object) -> object:
        raise ProofError("no proof")

    draws = [lambda chance: ((chance.random(),), failing), lambda chance: ((chance.random(),), int)]
    assert list(drawing.drawn(draws, 3, Random(1))) == [0, 0, 0]
    theme = Theme.of(derived(LINEAR))
    monkeypatch.setattr(kinds, "KINDS", (failing, shape_exercises))
    assert [type(made) for made in made_for(theme, 2)] == [Shapes, Shapes]


@pytest.mark.long
@pytest.mark.parametrize(
    ("program", "options"),
    [
        ("L = tr(inv(X) @ A)", {"shapes": {"X": (3, 3), "A": (3, 3)}, "method": "differential"}),
        ("L = det(X @ W)", {"sizes": {"N": 3, "D": 3, "M": 3}, "method": "slice"}),
    ],
)
def test_exercises_about_inverses_and_determinants(
    program: str, options: dict[str, object]
) -> None:
    """Exercises that name row 3 of an inverse have all their links proved."""
    theme = Theme.of(matderiv.derive(program, **options))  # type: ignore[arg-type]
    made = made_for(theme, 5)
    assert len(made) == 5
    assert {link.verdict.status for link in links_in(made)} <= {"equal", "refuted"}


@pytest.mark.long
def test_standardised_columns_have_exercises() -> None:
    """One entry is written out and proved; two rows, where the gradient is 0, are passed over."""
    theme = Theme.of(matderiv.derive("Y = (X - mean(X, axis=0))/std(X, axis=0); L = sum(f(Y))"))
    with pytest.raises(InputError, match="the gradient by X seems to be 0"):
        theme.at({"N": 2, "D": 2})
    assert one_entry(theme.at({"N": 3, "D": 2}), "X", (1, 2)) is not None


@pytest.mark.long
def test_wrong_lines_have_the_sizes_of_the_exercise() -> None:
    """The number of columns in a wrong formula is that of the exercise, at square sizes as well."""
    theme = Theme.of(matderiv.derive("L = sum(std(X, axis=1))"))
    cases = [case for case in _cases(theme.task, "X") if case.kind in ("operator", "factor")]
    assert {case.square for case in cases} == {True, False}
    for case in cases:
        made = _made(theme, case, 3 if case.square else {"N": 2, "D": 3}, 0.5)
        assert made is not None
        (last,) = (side for side in made.wrong.sides[-1:] if isinstance(side, EntryOf))
        sizes = [n for n in walk(last.node) if isinstance(n, Size)]
        assert sizes
        assert all(made.task.sizes[size.symbol] == size.size for size in sizes)


@pytest.mark.parametrize(("language", "said"), [("en", "were asked for"), ("zh", "要求")])
def test_where_there_are_too_few_the_page_says_so(language: str, said: str) -> None:
    """Too many exercises do not stop a handout: those that are left out are counted."""
    handout = matderiv.derive("L = lam**2 + lam").handout(lang=language, exercises=90, seed=1)
    page = str(handout.write("md"))
    made = 90 - handout.left_out
    assert 0 < made < 90
    (line,) = [line for line in page.splitlines() if said in line]
    assert re.findall(r"\d+", line) == ["90", str(made)]
    full = matderiv.derive("L = lam**2 + lam").handout(lang=language, exercises=made, seed=1)
    assert (full.left_out, said in str(full.write("md"))) == (0, False)


@pytest.mark.long
def test_exercises_that_cannot_be_put_in_words_are_left_out(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A line that is not proved leaves its exercise out, and standard error says how many are."""

    def refused(*_: object) -> object:
        raise ProofError("no proof")

    monkeypatch.setattr(
        worded_exercises, "_WRITERS", dict.fromkeys(worded_exercises._WRITERS, refused)
    )
    with pytest.raises(SystemExit) as ended:
        command(["handout", "L = x @ A @ y", "--exercises", "3", "-o", str(tmp_path / "a.md")])
    assert ended.value.code in (0, None)
    assert "3 of 3 exercises cannot be made" in capsys.readouterr().err
    page = (tmp_path / "a.md").read_text(encoding="utf-8")
    assert "3 exercises were asked for; 0 can be made" in page


def test_answers_may_be_a_file_apart() -> None:
    """A sheet with separate answers does not tell how to make them."""
    handout = derived("L = x @ A @ y").handout(exercises=3, seed=1234, answers="separate")
    assert "Exercise 3" in str(handout.write("md"))
    assert "1234" not in str(handout.write("md"))
    assert handout.answers is not None
    assert "1234" in write_text(handout.answers, "md")


def test_every_suitable_mistake_is_one_of_the_catalogue(
    drawn: dict[str, list[Material]],
) -> None:
    """A student meets the mistakes that `check` names; each of them has its words."""
    assert set(_SUITABLE) <= set(CATALOGUE)
    kinds = {CATALOGUE[row][0] for row in _SUITABLE} | {"factor", "use"}
    worded_ = {k for k in messages("en") if k.startswith("exercise.slip_")}
    assert worded_ == {f"exercise.slip_{kind}" for kind in kinds}
    assert all(made.kind in kinds for made in every(drawn, Mistake))


def test_every_sentence_is_used(drawn: dict[str, list[Material]]) -> None:
    """Every text about exercises comes up on some sheet, so none is a leftover."""
    texts = {k: t for k, t in messages("en").items() if k.startswith("exercise.")}
    texts = {k: t for k, t in texts.items() if not k.startswith("exercise.slip_")}  # see above
    assert texts
    sheets = [e for program, some in drawn.items() for e in in_words(program, some, "en")]
    direct = matderiv.derive("L = sum(sin(x))")
    sheets += exercises(direct, "en", 2, 4)
    for program, asked in (LECTURES | SAYING).items():
        sheets += exercises(matderiv.derive(program, **asked), "en", 20, 0)
    seen = "\n".join(printed(exercise, "en", "text") for exercise in sheets)
    for key, words in texts.items():
        pattern = ".*?".join(map(re.escape, re.split(r"\{\w+\}", words)))
        assert re.search(pattern, seen), key


@pytest.mark.parametrize("length", ["full", "card"])
def test_signs_of_exercises_are_introduced_once(length: str, tmp_path: Path) -> None:
    """Signs that are new to the page have words before the first exercise; no sign has two."""
    path = tmp_path / "page.md"
    asked = ["--exercises", "5", "--seed", "2", "--length", length, "-o", str(path)]
    with pytest.raises(SystemExit, match="0"):
        command(["handout", "m = mean(X, axis=0); L = sum(f(m))", *asked])
    page = path.read_text(encoding="utf-8")
    before, _, exercises = page.partition("### Exercise 1")
    for sign, words in (
        (r"\\delta_", "is 1 where its two indices agree"),
        (r"\\odot", r"means entry by entry|multiplies entry by entry"),
        (r"\\oslash", "divides entry by entry"),
        (r"\{1\}_\{N\}", "in which every entry is 1|column of ones"),
    ):
        assert re.search(sign, exercises)
        assert len(re.findall(words, before)) == 1
        assert not re.search(words, exercises)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_delta_is_introduced_where_it_first_stands(lang: str) -> None:
    """The sentence follows the formula at once."""
    page = matderiv.derive("L = sum(f(X + sum(X, axis=1)))", shapes={"X": (3, 3)}).markdown(lang)
    after = page.partition("\\delta_")[2].partition("$$")[2]
    assert after.strip().startswith("$\\delta_{ip}$")


def test_a_function_that_the_program_does_not_call_is_introduced() -> None:
    """The sigmoid is explained, and a line leads to it from the exponential."""
    program, shapes = "L = 1/(1 + exp(-w @ x))", {"w": (3,), "x": (3,)}
    page = matderiv.derive(program, shapes=shapes, method="kronecker").markdown()
    assert "$\\operatorname{sigmoid}$ of a number is" in page
    assert re.search(r"e\^\{s\} \+1\)\^\{2\}\} [^$]*& = -\\operatorname\{sigmoid\}", page)
