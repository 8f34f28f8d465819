"""Exercises: the same from the same seed, well posed, and their answers those of a derivation."""

from __future__ import annotations

import dataclasses
import itertools
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from random import Random

import pytest
import sympy as sp
from _derived import derived
from hypothesis import given, settings
from hypothesis import strategies as st

import matderiv
from matderiv import Derivation, InputError
from matderiv.api import read
from matderiv.calculus.scalars import Partial, name_of
from matderiv.calculus.verdicts import Judge
from matderiv.derivation.build import judged
from matderiv.derivation.exercises import drawing
from matderiv.derivation.exercises.product import (
    Concrete,
    Feeds,
    Gradient,
    Material,
    Quantity,
    Shapes,
    Sizes,
    WrongLine,
    _sized,
    materials,
)
from matderiv.derivation.exercises.slips import SLIPS, slipped
from matderiv.derivation.links import Link
from matderiv.derivation.sides import Formula, MatrixPartial, Value, VecPartial
from matderiv.expression.nodes import MatMul, Node, Transpose
from matderiv.handout.document import Document, Exercise, Text
from matderiv.handout.exercises.product import _worded, exercises
from matderiv.handout.formats import write_text
from matderiv.handout.texts import languages, messages

PROGRAMS = [
    "Y = X @ W; L = sum(f(Y))",
    "Y = X.T @ W; L = sum(log(1 + exp(Y)))/3",
    "L = Loss(Q @ K.T)",
    "Score = Query.T @ Key.T; Cost = lam*sum(act(Score))",
]
KINDS = (Shapes, Feeds, Sizes, WrongLine, Gradient, Concrete)


def sized(program: str = PROGRAMS[0], sizes: tuple[int, int, int] = (2, 4, 3)) -> Derivation:
    """A derivation at given N, D, M."""
    return derived(program, sizes)


def chance(seed: int) -> Random:
    """What exercises are drawn from."""
    return Random(seed)


@pytest.fixture(scope="module")
def drawn() -> list[Material]:
    """Exercises about every program, a few from each of several seeds."""
    return [
        made
        for seed, program in enumerate(PROGRAMS)
        for made in materials(sized(program), 12, chance(seed))
    ]


@pytest.fixture(scope="module")
def slips() -> list[WrongLine]:
    """A few slips of every kind, about both factors."""
    drawing = chance(1)
    found = []
    for kind, program in itertools.product(SLIPS, PROGRAMS[:3]):
        sizes = (2, 2, 2) if kind.square else (2, 3, 2)
        own = read(program, sizes=dict(zip("NDM", sizes, strict=True)))
        for wrt in own.factors:
            problem = _sized(own, sizes, square=kind.square)
            made = [slipped(problem, kind, wrt, drawing) for _ in range(2)]
            found += [WrongLine(problem, wrt, slip) for slip in made if slip is not None]
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


# -- drawn from a seed -------------------------------------------------------------------------


def test_the_kinds_take_turns() -> None:
    """Six exercises are one of each kind, and the seventh is of the first kind again."""
    found = [type(made) for made in materials(sized(), 7, chance(1))]
    assert found == [*KINDS, KINDS[0]]


def test_more_exercises_begin_with_the_same() -> None:
    """The first three of six are the three: a teacher may add to a sheet that is out."""
    assert exercises(sized(), "en", 6, seed=5)[:3] == exercises(sized(), "en", 3, seed=5)


def test_other_seeds_give_other_exercises() -> None:
    """No two of eight students have the same sheet, nor any long exercise in common."""
    sheets = [exercises(sized(), "en", 6, seed=seed) for seed in range(8)]
    assert len(set(sheets)) == 8
    assert len({sheet[3] for sheet in sheets}) >= 6


@pytest.mark.parametrize("hashing", ["0", "random"])
def test_same_in_every_process(hashing: str) -> None:
    """Neither the order of sets nor anything else of a process shows in the exercises."""
    code = (
        "import matderiv\n"
        "handout = matderiv.derive(sizes={'N': 3}).handout(lang='zh', exercises=6, seed=4)\n"
        "print(handout.write('md'))"
    )
    environment = {**os.environ, "PYTHONHASHSEED": hashing, "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, env=environment, check=True
    )
    here = matderiv.derive(sizes={"N": 3}).handout(lang="zh", exercises=6, seed=4).write("md")
    assert done.stdout.decode().rstrip("\n") == str(here).rstrip("\n")


@settings(max_examples=6, deadline=None)
@given(
    program=st.sampled_from(PROGRAMS),
    sizes=st.tuples(*[st.integers(1, 4)] * 3),
    seed=st.integers(0, 10**9),
)
def test_no_two_are_equal(program: str, sizes: tuple[int, int, int], seed: int) -> None:
    """Whatever the program, the sizes and the seed, a sheet repeats no question."""
    made = exercises(sized(program, sizes), "en", 7, seed)
    assert len({exercise.question for exercise in made}) == 7


def test_as_many_as_a_handout_may_ask_for() -> None:
    """There are a hundred different ones; where they run out, it is said how many there are."""
    assert len(list(materials(sized(), 100, chance(3)))) == 100
    few = [lambda chance: ((chance.randint(1, 3),), lambda: 1), lambda _: ((0,), lambda: 2)]
    with pytest.raises(InputError, match="not 5 different exercises here; ask for at most 4"):
        list(drawing.drawn(few, 5, chance(3)))
    assert sorted(drawing.drawn(few, 4, chance(3))) == [1, 1, 1, 2]


def test_large_sizes_are_worked_by_hand_all_the_same() -> None:
    """An exercise about a large product is small: nobody writes 4096 columns."""
    for exercise in exercises(sized(sizes=(64, 4096, 4096)), "en", 6, seed=2):
        assert "4096" not in printed(exercise, "en", "text")


# -- worded ------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize("program", PROGRAMS)
def test_every_kind_in_every_language(program: str, language: str) -> None:
    """Each kind is worded in each language and printed in each format, no field left open."""
    for exercise in exercises(sized(program), language, 6, seed=8):
        assert exercise.question
        assert exercise.answer
        for form in ("text", "md", "tex"):
            assert printed(exercise, language, form)
        text = printed(exercise, language, "text")
        assert not re.search(r"\{\w+\}|None|matderiv\.", text)
        assert bool(re.search("[\u4e00-\u9fff]", text)) == (language == "zh")


def test_every_sentence_is_used(drawn: list[Material], slips: list[WrongLine]) -> None:
    """Every text about exercises comes up on some sheet, so none is a leftover."""
    texts = {k: t for k, t in messages("en").items() if k.startswith("exercise.")}
    seen = "\n".join(printed(_worded(made, "en"), "en", "text") for made in [*drawn, *slips])
    for key, text in texts.items():
        pattern = ".*?".join(map(re.escape, re.split(r"\{\w+\}", text)))
        assert re.search(pattern, seen), key


# -- true --------------------------------------------------------------------------------------


def test_every_link_is_proved_but_the_wrong_one(drawn: list[Material]) -> None:
    """Every = of every exercise is proved, except the one that a student has to find."""
    for made in drawn:
        statuses = Counter(link.verdict.status for link in links_in(made))
        if isinstance(made, WrongLine):
            assert statuses["refuted"] == 1
        allowed = {"equal", "refuted"} if isinstance(made, WrongLine) else {"equal"}
        assert set(statuses) <= allowed
        assert statuses["equal"] > 0 or isinstance(made, Shapes)


def test_every_kind_of_slip_is_refuted(slips: list[WrongLine]) -> None:
    """A fresh judge refutes the wrong line where the answer says it is, and no other line."""
    assert {made.slip.kind for made in slips} == {kind.name for kind in SLIPS}
    assert {made.slip.line for made in slips} == {1, 2, 3, 4}
    for made in slips:
        sides = list(made.slip.wrong.sides)
        verdicts = judged(Judge(made.problem), "again", sides)
        wrong = [n for n, verdict in enumerate(verdicts, 1) if verdict.status != "equal"]
        assert wrong == [made.slip.line]
        verdict = verdicts[made.slip.line - 1]
        assert (verdict.status, verdict.entry) == ("refuted", made.slip.place)
        assert verdict.point
        right = list(made.slip.right.sides)
        assert {v.status for v in judged(Judge(made.problem), "right", right)} == {"equal"}
        assert made.slip.belongs != made.slip.stands


def test_answers_are_what_derive_says(drawn: list[Material]) -> None:
    """The gradients in an answer are those of the program derived afresh."""
    for made in drawn:
        if not isinstance(made, Sizes | Gradient | Concrete):
            continue
        problem = made.derivation.problem
        again = matderiv.derive(
            problem.program.source(),
            shapes={
                name: tuple(dim.size for dim in problem.shapes[name])
                for name in problem.program.inputs()
            },
            wrt=made.derivation.wrt,
        )
        assert made.derivation.formulas == again.formulas
        assert made.derivation.result == again.result


def test_given_programs_are_not_the_one_of_the_handout(drawn: list[Material]) -> None:
    """The gradients to be written cannot be copied from the handout: the transposes differ."""

    def transposes(derivation: Derivation | object) -> tuple[bool, ...]:
        value = derivation.problem.product.value  # type: ignore[attr-defined]
        assert isinstance(value, MatMul)
        return tuple(isinstance(node, Transpose) for node in (value.left, value.right))

    for program in PROGRAMS:
        own = sized(program)
        for made in materials(own, 6, chance(1)):
            if isinstance(made, Gradient):
                assert transposes(made.derivation) != transposes(own)


def test_fed_entries_are_all_that_matter(drawn: list[Material]) -> None:
    """SymPy's own derivative of the written-out product holds the listed entries and no others."""
    found = [made for made in drawn if isinstance(made, Feeds)]
    assert found
    for made in found:
        problem, x = made.problem, made.x
        left = made.entry.links[-1].rhs
        product = made.entry.links[0].rhs
        listed = {e for line in made.lines for e in line.entries}
        atoms = left.atoms(Partial) | {
            a for a in left.atoms(sp.Indexed) if name_of(a) != problem.name
        }
        assert listed == atoms
        value = problem.product.value
        assert isinstance(value, MatMul)
        a, b = (entries(problem, node) for node in (value.left, value.right))
        y = a * b
        fed = {
            Partial(problem.loss, sp.IndexedBase(problem.name)[i + 1, j + 1])
            for i in range(y.rows)
            for j in range(y.cols)
            if y[i, j].diff(x) != 0
        }
        assert fed == left.atoms(Partial)
        assert product.atoms(Partial) >= fed
        for line in made.lines:
            places = [e.wrt.indices if isinstance(e, Partial) else e.indices for e in line.entries]  # type: ignore[attr-defined]
            assert {place[0 if line.row else 1] for place in places} == {line.number}


def entries(problem: object, node: Node) -> sp.Matrix:
    """A factor written out as a SymPy matrix."""
    array = problem.array(node)  # type: ignore[attr-defined]
    return sp.Matrix(
        array.rows.size, array.cols.size, lambda i, j: array.at(int(i) + 1, int(j) + 1)
    )


def test_shapes_are_those_of_numpy(drawn: list[Material]) -> None:
    """Every shape agrees with arrays of these shapes, and the product that is not there fails."""
    numpy = pytest.importorskip("numpy")
    found = [made for made in drawn if isinstance(made, Shapes)]
    assert found
    for made in found:
        problem = made.problem
        shape = {n: tuple(d.size for d in s) for n, s in problem.shapes.items()}
        assert sum(quantity.shape is None for quantity in made.quantities) == 1
        for quantity in made.quantities:
            assert quantity.shape == expected(numpy, quantity, shape, problem.name)


def expected(
    numpy: object, quantity: Quantity, shape: dict[str, tuple[int, ...]], product: str
) -> tuple[int, ...] | None:
    """The shape by NumPy, None for a product that NumPy refuses."""
    match quantity.side:
        case Formula(node=MatMul(left, right)):
            one, other = (of_node(numpy, node, shape) for node in (left, right))
            try:
                return (one @ other).shape  # type: ignore[operator,no-any-return]
            except ValueError:
                return None
        case Formula(node=node):
            return of_node(numpy, node, shape).shape  # type: ignore[attr-defined,no-any-return]
        case MatrixPartial():
            return shape[product]
        case VecPartial(wrt=wrt):
            rows, cols = shape[product], shape[wrt]
            return rows[0] * rows[1], cols[0] * cols[1]
    raise AssertionError(quantity)


def of_node(numpy: object, node: Node, shape: dict[str, tuple[int, ...]]) -> object:
    """An array of the shape of a name, of its gradient, or of their transpose."""
    if isinstance(node, Transpose):
        return of_node(numpy, node.arg, shape).T  # type: ignore[attr-defined]
    name = node.name  # type: ignore[union-attr]
    return numpy.zeros(shape[name if name in shape else name[1:]])  # type: ignore[attr-defined]


def test_concrete_functions_are_differentiated_as_sympy_does(drawn: list[Material]) -> None:
    """The printed f′ is SymPy's derivative of the printed f."""
    found = [made for made in drawn if isinstance(made, Concrete)]
    assert found
    for made in found:
        steps = made.derivation.steps
        slope = next(c for s in steps for c in s.chains if c.kind == "slope")
        head = made.derivation.problem.head
        last = slope.sides[-1]
        assert isinstance(last, Value)
        assert sp.simplify(head.body.diff(head.variable) - last.scalar) == 0  # type: ignore[union-attr]
