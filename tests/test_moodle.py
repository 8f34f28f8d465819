"""Quizzes for Moodle: the format of their questions, and that what they take to be right is."""

from __future__ import annotations

import re
from fractions import Fraction
from html import unescape
from pathlib import Path
from random import Random
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from _derived import derived
from _thorough import usually

import matderiv
from matderiv import cli
from matderiv.derivation.exact_numbers import EXACT
from matderiv.derivation.exercises.numbers import numbers
from matderiv.derivation.exercises.theme import Theme
from matderiv.derivation.links import ProvedSteps
from matderiv.errors import InputError
from matderiv.expression.exact import exact_value
from matderiv.expression.program import Program
from matderiv.handout.composer import ProgramComposer
from matderiv.handout.formats import write_text
from matderiv.handout.quiz import accepted, checked_parts

PROGRAMS = {
    "linear": ("Y = X @ W; L = sum(f(Y))", None),
    "ridge": ("L = sum((X @ W - T)**2) + lam*sum(W**2)", "W"),
    "layers": ("H = relu(X @ W + b); Y = H @ V + c; L = sum((Y - T)**2)", None),
    "gaussian": ("L = logdet(S) + y @ inv(S) @ y", "S"),
    "column": ("L = sum((x @ w - 1)**2)", None),
}

#: The parts of each type of question by the documentation of the format: needed, and allowed.
_ALL = {"name", "questiontext"}
_MORE = {"generalfeedback", "defaultgrade", "penalty", "hidden", "hint", "idnumber", "tags"}
PARTS = {
    "category": ({"category"}, {"info", "idnumber"}),
    "shortanswer": (_ALL | {"usecase", "answer"}, _MORE),
    "cloze": (_ALL, _MORE),
    "essay": (
        _ALL | {"responseformat", "responsefieldlines", "attachments", "graderinfo"},
        _MORE | {"responserequired", "attachmentsrequired", "responsetemplate"},
    ),
}
MARKED = {"questiontext", "generalfeedback", "graderinfo", "responsetemplate", "hint", "feedback"}
FORMATS = {"html", "moodle_auto_format", "plain_text", "markdown"}
GAP = re.compile(r"\{(\d*):(NUMERICAL|SHORTANSWER):((?:[^}\\]|\\.)*)\}")


def faults(text: str) -> list[str]:
    """What is against the documented format."""
    quiz = ET.fromstring(text)  # noqa: S314 - made here
    found = [] if quiz.tag == "quiz" else ["the root is no quiz"]
    for question in quiz:
        kind = question.get("type", "")
        if question.tag != "question" or kind not in PARTS:
            found.append(f"a question of type {kind}")
            continue
        needed, allowed = PARTS[kind]
        parts = {part.tag for part in question}
        found += [f"{kind} without {part}" for part in needed - parts]
        found += [f"{kind} with {part}" for part in parts - needed - allowed]
        for part in question.iter():
            if part.tag in MARKED and part.get("format") not in FORMATS:
                found.append(f"{part.tag} has no format")
            if part.tag in {"name", "category", *MARKED, "answer"} and part.find("text") is None:
                found.append(f"{part.tag} has no text")
        for answer in question.iter("answer"):
            if not 0 <= float(answer.get("fraction", "nan")) <= 100:
                found.append("an answer has no fraction")
        if kind == "cloze" and not GAP.search(question.findtext("questiontext/text") or ""):
            found.append("cloze without a gap")
        if kind != "category" and not (question.findtext("name/text") or "").strip():
            found.append("no name")
    return found


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_quiz_has_the_documented_format(name: str, lang: str) -> None:
    """Well-formed, its questions of known types with the parts that these need."""
    program, wrt = PROGRAMS[name]
    made = derived(program, wrt=wrt).handout(lang=lang, exercises=8, seed=2).write("moodle.xml")
    assert isinstance(made, str)
    assert faults(made) == []
    kinds = [question.get("type") for question in ET.fromstring(made)]  # noqa: S314 - made here
    assert {"category", "shortanswer", "cloze", "essay"} == set(kinds)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<usecase>1</usecase>", ""),
        ('<questiontext format="html">', "<questiontext>"),
        ('type="cloze"', 'type="numerical"'),
        ('fraction="100"', 'fraction="1000"'),
        ("{1:NUMERICAL:", "{1:"),
        ("<hidden>0</hidden>", "<seen>0</seen>"),
    ],
)
def test_a_quiz_of_another_format_is_found(old: str, new: str) -> None:
    """The check can fail."""
    made = derived().handout(exercises=8).write("moodle.xml")
    assert isinstance(made, str)
    changed = re.sub(r"\{1:SHORTANSWER:[^}]*\}", "", made).replace(old, new)
    assert changed != made
    assert faults(changed)


def texts_of(question: ET.Element) -> list[str]:
    """The answers of a question as a student writes them: a star behind a backslash is one."""
    texts = [answer.findtext("text") or "" for answer in question.iter("answer")]
    assert not any(re.search(r"(?<!\\)\*", text) for text in texts)
    return [text.replace(r"\*", "*") for text in texts]


@pytest.mark.parametrize("name", PROGRAMS)
def test_formulas_that_are_taken_to_be_right_are_proved_right(name: str) -> None:
    """Every text that a question about a formula accepts passes `check`, with the names in it."""
    program, wrt = PROGRAMS[name]
    derivation = derived(program, wrt=wrt)
    named = Program(derivation.task.sweep.graph.values).source()
    quiz = ET.fromstring(derivation.handout(exercises=1).write("moodle.xml"))  # noqa: S314 - made here
    asked = [question for question in quiz if question.get("type") == "shortanswer"]
    for by, question in zip(derivation.wrt, asked, strict=False):
        texts = texts_of(question)
        assert texts == list(accepted(derivation.task, by))
        for claim in texts:
            assert matderiv.check(named, wrt=by, claim=claim), claim


def test_values_that_a_question_names_may_stand_in_its_answer() -> None:
    """The question says Z = XW where the program has no name for it."""
    derivation = derived("L = sum((X @ W - T)**2)", wrt="W")
    texts = accepted(derivation.task, "W")
    assert {"2*X.T @ (X @ W - T)", "2*X.T @ (Z - T)", "X.T @ dZ", "X.T@dZ"} <= {*texts}


@pytest.mark.parametrize("seed", range(usually(6, thoroughly=60, least=2)))
@pytest.mark.parametrize("name", ["ridge", "column", "layers"])
def test_numbers_in_gaps_are_the_gradient(name: str, seed: int) -> None:
    """Where everything is given, each number is the difference quotient of the loss."""
    program, wrt = PROGRAMS[name]
    draw = numbers(Theme.of(derived(program, wrt=wrt)))
    assert draw is not None
    drawn = draw(Random(seed))
    made = None if drawn is None else drawn[1]()
    if made is None or made.defined:
        pytest.skip("a part of the program, whose loss is unknown")
    composer = ProgramComposer(ProvedSteps(made.task, made.task.wrt, ()), "en", None)
    gaps = [part.number for part in checked_parts(composer, made, None)]
    given = {
        of: np.array(numerals.rows, dtype=object).reshape(
            [dim.size for dim in made.task.shapes[of]]
        )
        for of, numerals in made.given
    }
    step = Fraction(1, 10**6)

    def loss(moved: int, by: Fraction) -> Fraction:
        values = {of: array.copy() for of, array in given.items()}
        values[made.name].flat[moved] += by
        values = {of: array if array.shape else array[()] for of, array in values.items()}
        for assignment in made.task.program.assignments:
            values[assignment.name] = exact_value(assignment.value, values, EXACT)
        return Fraction(values[made.task.loss])

    quotients = [
        (loss(n, step) - loss(n, -step)) / (2 * step) for n in range(given[made.name].size)
    ]
    assert len(gaps) == len(quotients)
    for gap, quotient in zip(gaps, quotients, strict=True):
        assert gap is not None
        assert abs(gap - quotient) < Fraction(1, 10**4)


def test_a_gap_holds_what_its_answer_says() -> None:
    """Numbers with the room that they are read with, and texts with their signs."""
    made = derived(PROGRAMS["ridge"][0], wrt="W").handout(exercises=9).write("moodle.xml")
    gaps = GAP.findall(unescape(str(made)))
    assert {kind for _, kind, _ in gaps} == {"NUMERICAL", "SHORTANSWER"}
    for _, kind, answer in gaps:
        if kind == "NUMERICAL":
            assert re.fullmatch(r"=-?\d+(\.\d+)?:0(\.001)?", answer)
        else:
            assert all(answer.removeprefix("=").split("~="))


def test_title_and_author_stand_there_as_typed() -> None:
    """Whatever signs they hold; a slash in a title does not lead into another category."""
    made = derived().handout(title="A/B & <c> $1", author="D & </p>", exercises=1)
    quiz = ET.fromstring(made.write("moodle.xml"))  # noqa: S314 - made here
    assert quiz.findtext("question/category/text") == "$course$/top/A//B & <c> $1"
    assert (
        quiz.findtext("question/info/text")
        == "<p>A/B &amp; &lt;c&gt; $1</p><p>D &amp; &lt;/p&gt;</p>"
    )


def test_a_quiz_needs_exercises(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without any it is refused; with them the command writes it."""
    with pytest.raises(InputError, match="exercises"):
        write_text(derived().document(), "moodle.xml")
    path = tmp_path / "quiz.moodle.xml"
    with pytest.raises(SystemExit) as refused:
        cli.main(["handout", "-o", str(path)])
    assert refused.value.code == 2
    assert "--exercises" in capsys.readouterr().err
    with pytest.raises(SystemExit) as done:
        cli.main(["handout", "--exercises", "3", "--answers", "separate", "-o", str(path)])
    assert done.value.code in (0, None)
    assert faults(path.read_text(encoding="utf-8")) == []
    assert [found.name for found in tmp_path.iterdir()] == [path.name]
