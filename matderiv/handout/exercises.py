"""Exercises about a whole program in words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from random import Random
from typing import cast

from matderiv.calculus.sweep.task import Task
from matderiv.derivation.exercises.entries import OneEntry
from matderiv.derivation.exercises.kinds import Material, materials
from matderiv.derivation.exercises.mistakes import Mistake
from matderiv.derivation.exercises.numbers import Numbers
from matderiv.derivation.exercises.related import Related, Uses
from matderiv.derivation.exercises.shapes import Quantity, Shapes
from matderiv.derivation.exercises.theme import Theme, users
from matderiv.derivation.links import Chain, Derivation
from matderiv.derivation.program import Builder, elementwise
from matderiv.derivation.sides import Numerals
from matderiv.expression.nodes import Name
from matderiv.expression.vocabulary import ELEMENTWISE
from matderiv.handout.conventions import conventions
from matderiv.handout.document import (
    Block,
    Bullets,
    Equation,
    Exercise,
    Math,
    Paragraph,
    Segment,
    Segments,
    Text,
)
from matderiv.handout.program import ProgramComposer
from matderiv.handout.texts import message
from matderiv.notation.boxes import Aligned, Box, Number, Operator, Row, times
from matderiv.notation.latex import latex
from matderiv.notation.names import function_box, name_box

__all__ = ["exercises"]

_WIDEST = 29.0  # em of formulas side by side


def exercises(derivation: Derivation, language: str, count: int, seed: int) -> tuple[Exercise, ...]:
    """So many exercises about a program, drawn from a seed: the same seed, the same exercises.

    Raises:
        InputError: there is no such language, or there are not so many exercises.

    >>> from matderiv.api import derive
    >>> len(exercises(derive("L = x @ A @ y"), "en", 3, seed=1))
    3
    """
    chance = Random(seed)  # noqa: S311 - exercises, not secrets
    theme = Theme.of(derivation)
    return tuple(_worded(made, theme, language) for made in materials(theme, count, chance))


def _worded(made: Material, theme: Theme, language: str) -> Exercise:
    task = made.derivation.task if isinstance(made, Related) else made.task
    words = _Words.of(task, language, theme.assumed)
    question, answer = _WRITERS[type(made)](words, made)
    return Exercise(tuple(question), tuple(answer))


@dataclass(frozen=True, slots=True)
class _Words:
    """Says sentences about a program; `assumed` are inputs with a structure that is not used."""

    composer: ProgramComposer
    assumed: tuple[str, ...]

    @classmethod
    def of(cls, task: Task, language: str, assumed: tuple[str, ...]) -> _Words:
        # Nothing is left out, and arrays are small.
        composer = ProgramComposer(Derivation(task, task.wrt, ()), language, None)
        return cls(composer, assumed)

    @property
    def task(self) -> Task:
        """What the exercise is about."""
        return self.composer.task

    def words(self, key: str, **fields: Segment | Segments) -> Segments:
        """A message about exercises with its fields filled in; the loss may be in any."""
        fields = {"L": Math(name_box(str(self.task.loss))), **fields}
        made: list[Segment] = []
        for text, name in message(self.composer.language, f"exercise.{key}"):
            made += [Text(text)] if text else []
            if name is not None:
                found = fields[name]
                made += found if isinstance(found, tuple) else (found,)
        return tuple(made)

    def say(self, key: str, **fields: Segment | Segments) -> Paragraph:
        """A message as a paragraph."""
        return Paragraph(self.words(key, **fields))

    def about(self, name: str) -> dict[str, Segment]:
        """The formulas of sentences about one name."""
        return {
            "X": Math(name_box(name)),
            "dX": Math(self.composer.notation.formulas.gradient(name)),
        }

    def equations(self, chains: Iterable[Chain]) -> Iterator[Equation]:
        """Chains as displayed formulas."""
        return (Equation(self.composer.notation.chain(chain)) for chain in chains)

    def listed(self, items: Iterable[Segments]) -> Segments:
        """Half sentences in a row."""
        parts = list(items)
        made: list[Segment] = []
        for number, part in enumerate(parts):
            key = "last" if number == len(parts) - 1 else "comma"
            made += [*(self.words(key) if number else ()), *part]
        return tuple(made)

    def names(self, names: Sequence[str]) -> Segments:
        """Names in a row."""
        return self.composer.listed([(Math(name_box(name)),) for name in names])

    def setup(self) -> Iterator[Block]:
        """What is given: shapes of the inputs, and how the loss is computed."""
        inputs = self.task.program.inputs()
        yield self.say("given", shapes=self.listed(map(self.composer.shape, inputs)))
        builder = Builder(self.task, (), elementwise)
        yield from self.definitions(builder.values())
        unknown = sorted(self.task.program.functions() - set(ELEMENTWISE))
        if unknown:
            boxes: list[Segments] = [(Math(function_box(name)),) for name in unknown]
            yield self.say("functions", functions=self.composer.listed(boxes))
        assumed = [name for name in self.assumed if name in inputs]
        if assumed:
            yield self.say("independent", names=self.names(assumed))

    def shape(self, shape: tuple[int, ...]) -> Segments:
        """3×2, or a vector of 3 entries, or a number."""
        key = ("size_scalar", "size_vector", "size_matrix")[len(shape)]
        return self.words(key, shape=Math(times(*shape)) if shape else Text(""))

    def values(self, given: Iterable[tuple[str, Numerals]]) -> Iterator[Equation]:
        """Names with the numbers that they stand for."""
        notation = self.composer.notation
        return _side_by_side(
            (notation.formulas.node(Name(name)), notation.side(numbers)) for name, numbers in given
        )

    def definitions(self, chains: Iterable[Chain]) -> Iterator[Equation]:
        """How values are computed."""
        shown = map(self.composer.notation.chain, chains)
        return _side_by_side((chain.left, chain.rights[0]) for chain in shown)


def _side_by_side(pairs: Iterable[tuple[Box, Box]]) -> Iterator[Equation]:
    """Equalities, as many in a row as there is room for."""
    row: list[tuple[Box, Box]] = []
    for pair in pairs:
        if row and sum(_equal(*one).width + 1.5 for one in (*row, pair)) > _WIDEST:
            yield _in_a_row(row)
            row = []
        row.append(pair)
    if row:
        yield _in_a_row(row)


def _in_a_row(pairs: Sequence[tuple[Box, Box]]) -> Equation:
    (left, first), *rest = pairs
    if not rest:
        return Equation(Aligned(left, (first,)))
    between = (Operator("comma"), Operator("quad"))
    others = [box for pair in rest for box in (*between, *_equal(*pair).items)]
    return Equation(Aligned(left, (Row((first, *others)),)))


def _equal(left: Box, right: Box) -> Row:
    return Row((left, Operator("equals"), right))


#: The blocks of the question and those of the answer.
_Parts = tuple[Iterable[Block], Iterable[Block]]


# -- shapes ------------------------------------------------------------------------------------


def _shapes(words: _Words, made: Shapes) -> _Parts:
    node = words.composer.notation.formulas.node
    boxes = [Math(node(quantity.node)) for quantity in made.quantities]
    one_less = any(quantity.shape is None for quantity in made.quantities)
    question = [
        *words.setup(),
        words.say("shape_one_missing" if one_less else "shape"),
        Bullets(tuple((box,) for box in boxes)),
    ]
    answers = (_shape(words, q, box) for q, box in zip(made.quantities, boxes, strict=True))
    return question, [Bullets(tuple(answers))]


def _shape(words: _Words, quantity: Quantity, box: Math) -> Segments:
    """The shape of something, and why."""
    if quantity.factors is not None:
        first, second = quantity.factors
        factors: dict[str, Segment | Segments]
        factors = {"first": words.shape(first), "second": words.shape(second)}
        if quantity.shape is None:
            factors |= {"cols": Text(str(first[-1])), "rows": Text(str(second[0]))}
            return words.words("shape_none", quantity=box, **factors)
        shape = words.shape(quantity.shape)
        return words.words("shape_product", quantity=box, shape=shape, **factors)
    assert quantity.shape is not None
    fields: dict[str, Segment | Segments] = {
        "quantity": box,
        "shape": words.shape(quantity.shape),
        "X": words.names([quantity.of]),
    }
    if quantity.node == Name(quantity.of):
        return words.words("shape_value", **fields)
    return words.words("shape_gradient", **fields)


# -- one entry ---------------------------------------------------------------------------------


def _one_entry(words: _Words, made: OneEntry) -> _Parts:
    notation = words.composer.notation
    through = users(made.task, made.name)
    direct = through == (str(made.task.loss),)
    fields = words.about(made.name) | {"dx": Math(notation.side(made.entry.sides[0]))}
    lists: list[Segments] = []
    for name, entries in made.needed:
        boxes = [(Math(notation.formulas.entry(e.name, e.indices)),) for e in entries]
        lists.append(
            words.words(
                "needed_of",
                array=Math(notation.formulas.node(Name(name))),
                entries=words.composer.listed(boxes),
            )
        )
    local = made.local[:1] if direct else made.local
    answer: list[Block] = [
        words.say("used", users=words.names(through), **fields),
        *words.equations(local),
        words.say("entry_found_direct" if direct else "entry_found", **fields),
        *words.equations([made.entry]),
        *_held(words, made.name),
    ]
    if lists:
        answer += [words.say("needed", **fields), Bullets(tuple(lists))]
    question = "entry_direct" if direct else "entry"
    return [*words.setup(), words.say(question, **fields)], answer


def _held(words: _Words, name: str) -> Iterator[Block]:
    """What is held fixed in a derivative that is in brackets."""
    held = words.task.held.get(name, ())
    if held:
        yield words.say("held", held=words.names(held), **words.about(name))


# -- a wrong line ------------------------------------------------------------------------------


def _mistake(words: _Words, made: Mistake) -> _Parts:
    notation = words.composer.notation
    fields = words.about(made.name) | {"dx": Math(notation.side(made.wrong.sides[0]))}
    parts = {
        key: Math(notation.formulas.node(node))
        for key, node in (("belongs", made.belongs), ("stands", made.stands))
    }
    answer: list[Block] = [
        words.say("line", line=Text(str(_line(words, made)))),
        words.say(f"slip_{made.kind}", **parts, **fields),
    ]
    if made.kind != "use" and sum(part.box.width for part in parts.values()) <= _WIDEST:
        answer.append(words.say("as_formula", **parts))
    if made.place:
        where = [
            (Math(Row((name_box(letter), Operator("equals"), Number(str(number))))),)
            for letter, number in made.place
        ]
        answer.append(words.say("differ", place=words.composer.listed(where)))
    answer += [words.say("right"), *words.equations([made.right])]
    question = [*words.setup(), words.say("wrong_line", **fields), *words.equations([made.wrong])]
    return [*question, *_held(words, made.name)], answer


def _line(words: _Words, made: Mistake) -> int:
    """The number of the wrong `=` among those that are printed: sides that read alike are one."""
    sides = made.wrong.sides[: made.line + 1]
    read = [latex(words.composer.notation.side(side)) for side in sides]
    return sum(one != other for one, other in pairwise(read))


# -- uses --------------------------------------------------------------------------------------


def _uses(words: _Words, made: Uses) -> _Parts:
    fields = words.about(made.name)
    through = words.names([part.by for part in made.contributions])
    answer: list[Block] = []
    for part in made.contributions:
        direct = part.by == str(words.task.loss)
        answer.append(words.say("through_loss" if direct else "through", Z=words.names([part.by])))
        answer += words.equations((*(part.local[:1] if direct else part.local), part.chain))
    return [*words.setup(), words.say("uses", users=through, **fields)], [
        *answer,
        *_held(words, made.name),
        words.say("added_up", **fields),
        *words.equations([made.whole]),
    ]


# -- numbers -----------------------------------------------------------------------------------


def _numbers(words: _Words, made: Numbers) -> _Parts:
    fields = words.about(made.name)
    question: list[Block]
    if made.defined:
        through = users(made.task, made.name)
        question = [
            words.say("numbers_node", users=words.names(through), **fields),
            *words.definitions(made.defined),
        ]
    else:
        question = [*words.setup()]
    point, asked = ("point", "there") if made.defined else ("inputs", "all")
    question += [words.say(f"numbers_{point}"), *words.values(made.given)]
    question.append(words.say(f"numbers_{asked}", **fields))
    answer: list[Block] = []
    if made.values:
        answer += [words.say("numbers_values"), *words.equations(made.values)]
    return question, [*answer, words.say("numbers_gradients"), *words.equations(made.gradients)]


# -- another program ---------------------------------------------------------------------------


def _related(words: _Words, made: Related) -> _Parts:
    derivation = made.derivation
    composer = replace(words.composer, derivation=derivation)
    (wrt,) = derivation.wrt
    answer: list[Block] = []
    for step in derivation.steps:
        if step.wrt is None:
            continue
        fields = words.about(step.wrt)
        if step.kind == "called":
            answer += composer.called(step, fields)
            continue
        if step.kind == "matrix":
            answer += composer.formula(step, fields)
            continue
        shown = tuple(chain for chain in step.chains if chain.kind != "written out")
        answer += composer.gradient(replace(step, chains=shown), fields)
        written = next((chain for chain in step.chains if chain.kind == "written out"), None)
        if written is not None and not any(chain.kind == "all entries" for chain in shown):
            chain = composer.notation.chain(written)
            answer += [words.say("together"), Equation(Aligned(chain.left, chain.rights[-1:]))]
    question = [*words.setup(), *conventions(composer), words.say("related", **words.about(wrt))]
    return question, [*answer, *composer.answers()]


_WRITERS = cast(
    "Mapping[type, Callable[[_Words, Material], _Parts]]",
    {
        Shapes: _shapes,
        OneEntry: _one_entry,
        Mistake: _mistake,
        Uses: _uses,
        Numbers: _numbers,
        Related: _related,
    },
)
