"""Exercises about a whole program in words."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from itertools import pairwise
from random import Random
from typing import cast

from matderiv.calculus.sweep.task import Task
from matderiv.derivation.exercises.about import Implement, Keep, Statement, Trap
from matderiv.derivation.exercises.entries import OneEntry
from matderiv.derivation.exercises.kinds import Material, materials
from matderiv.derivation.exercises.mistakes import Mistake
from matderiv.derivation.exercises.numbers import Numbers
from matderiv.derivation.exercises.related import Contribution, Related, Uses
from matderiv.derivation.exercises.shapes import Quantity, Shapes
from matderiv.derivation.exercises.theme import Theme, users
from matderiv.derivation.links import Chain, ProvedSteps, Step
from matderiv.derivation.program import Builder, elementwise
from matderiv.derivation.sides import Formula, Numerals
from matderiv.errors import ProofError
from matderiv.expression.nodes import Name, names_in
from matderiv.handout.composer import ProgramComposer
from matderiv.handout.conventions import conventions_of
from matderiv.handout.document import (
    Block,
    Bullets,
    Code,
    Equation,
    Exercise,
    Gap,
    Math,
    Paragraph,
    Segment,
    Segments,
    Text,
)
from matderiv.handout.meanings import meaning_fields
from matderiv.handout.program import STEP_WRITERS, numpy_answers
from matderiv.handout.quiz import accepted, checked_parts
from matderiv.handout.sentences import fill, together
from matderiv.notation.boxes import Aligned, Box, NumberBox, Operator, Row, Symbol, Word, times
from matderiv.notation.latex import latex
from matderiv.notation.names import function_box, name_box, numbered_box
from matderiv.notation.shown import shown

__all__ = ["exercises", "formula_questions"]

#: Conventions about signs.
_SIGNS = frozenset(("hadamard", "quotient", "ones", "ones_one", "zeros", "zeros_one"))
_WIDEST = 29.0  # em of formulas side by side


def exercises(
    derivation: ProvedSteps, language: str, count: int, seed: int
) -> tuple[Exercise, ...]:
    """So many exercises about a program, drawn from a seed: the same seed, the same exercises.

    There are fewer where so many cannot be made.

    Raises:
        InputError: there is no such language.

    >>> from matderiv.api import derive
    >>> len(exercises(derive("L = x @ A @ y"), "en", 3, seed=1))
    3
    """
    chance = Random(seed)
    theme = Theme.of(derivation)
    return tuple(materials(theme, count, chance, wording(derivation, theme, language)))


def wording(derivation: ProvedSteps, theme: Theme, language: str) -> Callable[[Material], Exercise]:
    """Puts exercises in words; what the page says is not repeated, but of letters.

    The signs are introduced where all exercises begin.
    """
    said = {key for key, _ in conventions_of(ProgramComposer(derivation, language, None))}
    return lambda made: _worded(
        made, theme, frozenset(said - {"undefined", "frobenius"} | _SIGNS), language
    )


def _worded(made: Material, theme: Theme, said: frozenset[str], language: str) -> Exercise:
    task = made.derivation.task if isinstance(made, Related) else made.task
    # Nothing is left out: arrays are small, or there is no such exercise.
    show = shown(task, "all")
    composer = ProgramComposer(ProvedSteps(task, task.wrt, _proved_steps(made)), language, show)
    words = _Words(composer, theme.assumed, said)
    question, answer = map(list, _WRITERS[type(made)](words, made))
    blocks = enumerate(question)
    given = next(n for n, block in blocks if n and not isinstance(block, Equation))
    question[given:given] = words.sizes((*question, *answer))
    level, hint = _LEVELS[type(made)]
    tip = Paragraph(fill(language, f"exercise.hint_{hint}", {}))
    line = _line(words, made) if isinstance(made, Mistake) else None
    asked = checked_parts(composer, made, line)
    return Exercise(tuple(question), tuple(answer), level, (tip,), asked)


def formula_questions(derivation: ProvedSteps, language: str) -> tuple[Exercise, ...]:
    """A question for each formula of a derivation, for a quiz."""
    theme = Theme.of(derivation)
    plain = ProvedSteps(derivation.task, derivation.wrt, ())
    composer = ProgramComposer(plain, language, None)
    words = _Words(composer, theme.assumed, frozenset())
    made = []
    for name in derivation.wrt:
        fields, texts = words.about(name), accepted(derivation.task, name)
        code = [(Code(text),) for text in texts if " " in text] or [(Code(texts[0]),)]
        answer = fill(language, "quiz.accepted", {"formulas": composer.listed(code)})
        question = (*words.setup(), Paragraph(fill(language, "quiz.formula", fields)))
        made.append(Exercise(question, (Paragraph(answer),), 1, (), (Gap((), texts),)))
    return tuple(made)


#: How hard each kind is, from one to three, and the key of its hint.
_LEVELS: Mapping[type, tuple[int, str]] = {
    Shapes: (1, "shapes"),
    OneEntry: (1, "entry"),
    Numbers: (2, "numbers"),
    Mistake: (2, "mistake"),
    Uses: (2, "uses"),
    Related: (3, "related"),
    Statement: (3, "statement"),
    Trap: (1, "trap"),
    Keep: (2, "keep"),
    Implement: (2, "implement"),
}


def _proved_steps(made: Material) -> tuple[Step, ...]:
    """The chains of an exercise as a step of a derivation.

    Raises:
        ProofError: an `=` is not proved, and is not the one that is wrong on purpose.
    """
    steps = made.derivation.steps if isinstance(made, Related) else ()
    steps = steps or (Step("exercise", tuple(_chains(made))),)
    for chain in (chain for step in steps for chain in step.chains):
        planted = made.line if isinstance(made, Mistake) and chain is made.wrong else None
        for number, link in enumerate(chain.links, 1):
            if link.verdict.status != ("refuted" if number == planted else "equal"):
                raise ProofError(f"{chain.kind}, line {number}: {link.verdict.status}")
    return steps


def _chains(made: object) -> Iterator[Chain]:
    """The chains that an exercise, or a part of one, holds."""
    if isinstance(made, Chain):
        yield made
    elif isinstance(made, tuple):
        for part in made:
            yield from _chains(part)
    elif isinstance(made, OneEntry | Mistake | Uses | Numbers | Contribution):
        for field in fields(made):
            yield from _chains(getattr(made, field.name))


@dataclass(frozen=True, slots=True)
class _Words:
    """Says sentences about a program.

    `assumed` are inputs with a structure that is not used; `said` are conventions that need not
    be said.
    """

    composer: ProgramComposer
    assumed: tuple[str, ...]
    said: frozenset[str]

    @property
    def task(self) -> Task:
        """The task of the exercise."""
        return self.composer.task

    def words(self, key: str, **fields: Segment | Segments) -> Segments:
        """A message about exercises with its fields filled in; the loss may be in any."""
        loss = Math(name_box(self.task.loss))
        return fill(self.composer.language, f"exercise.{key}", {"L": loss, **fields})

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

    def shapes(self, names: Iterable[str]) -> Segments:
        """X is a 2×4 matrix, and so on."""
        return self.composer.listed(map(self.composer.shape, names), "clause_")

    def names(self, names: Sequence[str]) -> Segments:
        """Names in a row."""
        return self.composer.listed([(Math(name_box(name)),) for name in names])

    def setup(self) -> Iterator[Block]:
        """The given quantities: shapes of the inputs, and how the loss is computed."""
        inputs = self.task.program.inputs()
        yield self.say("given", shapes=self.shapes(inputs))
        builder = Builder(self.task, (), elementwise)
        yield from self.definitions(builder.values())
        unknown = sorted(f for f in self.task.program.functions() if f[0].isupper())
        if unknown:
            boxes: list[Segments] = [(Math(function_box(name)),) for name in unknown]
            yield self.say("functions", functions=self.composer.listed(boxes))
        yield from self.conventions()
        known = self.task.assumed
        assumed = [name for name in self.assumed if name in inputs and name not in known]
        if assumed:
            yield self.say("independent", names=self.names(assumed))

    def conventions(self, values: Container[str] | None = None) -> Iterator[Block]:
        """Explanations of notation that the page has not given yet; of these values, if given."""
        language = self.composer.language
        found = [
            self.composer.say(key, fields)
            for key, fields in conventions_of(self.composer, values)
            if key not in self.said
        ]
        if found:
            yield Paragraph(together(language, found))

    def sizes(self, blocks: Iterable[Block]) -> Iterator[Block]:
        """The numbers of the size letters in some blocks, with the shapes of the arrays there."""
        shown = {name for block in blocks for name in _names_in(block)}
        shapes = {name: {dim.symbol for dim in self.task.shapes[name]} for name in self.task.shapes}
        used = {letter for letter in self.task.sizes if letter in shown and not letter.isdigit()}
        named = [name for name, letters in shapes.items() if name in shown and letters & used]
        used |= {letter for name in named for letter in shapes[name]}
        numbers = {s: n for s, n in self.task.sizes.items() if s in used and not s.isdigit()}
        if not numbers:
            return
        shapes_of = self.composer.listed(map(self._lettered, named), "clause_")
        yield self.say("sizes", shapes=shapes_of, numbers=self.numbers(numbers.items()))

    def numbers(self, pairs: Iterable[tuple[str, int]]) -> Segments:
        """N = 4 and D = 2."""
        return self.composer.listed([(Math(numbered_box(*pair)),) for pair in pairs])

    def _lettered(self, name: str) -> Segments:
        """X is N×D."""
        dims = [
            name_box(dim.symbol) if not dim.symbol.isdigit() else NumberBox(dim.symbol)
            for dim in self.task.shapes[name]
        ]
        items = [box for dim in dims for box in (Operator("times"), dim)]
        key = f"sizes_of_{('vector', 'matrix', 'array')[min(len(dims), 3) - 1]}"
        return self.words(key, X=Math(name_box(name)), shape=Math(Row(tuple(items[1:]))))

    def shape(self, shape: tuple[int, ...]) -> Segments:
        """3×2, or a vector of 3 entries, or a number."""
        kinds = ("size_scalar", "size_vector", "size_matrix", "size_array")
        key = kinds[min(len(shape), len(kinds) - 1)]
        return self.words(key, shape=Math(times(*shape)) if shape else Text(""))

    def values(self, given: Iterable[tuple[str, Numerals]]) -> Iterator[Equation]:
        """Names with their given numbers."""
        notation = self.composer.notation
        return _side_by_side(
            (notation.formulas.node(Name(name)), notation.side(numbers)) for name, numbers in given
        )

    def definitions(self, chains: Iterable[Chain]) -> Iterator[Equation]:
        """How values are computed."""
        shown = map(self.composer.notation.chain, chains)
        return _side_by_side((chain.left, chain.rights[0]) for chain in shown)


def _names_in(value: object) -> Iterator[str]:
    """The letters and words in the formulas of a block."""
    match value:
        case Symbol(name=name) | Word(text=name):
            yield name
        case tuple():
            for part in value:
                yield from _names_in(part)
        case _ if is_dataclass(value):
            for field in fields(value):
                yield from _names_in(getattr(value, field.name))


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
    direct = through == (made.task.loss,)
    fields = words.about(made.name) | {"dx": Math(notation.side(made.entry.sides[0]))}
    lists: list[Segments] = []
    for needed in made.needed:
        boxes = [(Math(notation.formulas.entry(e.name, e.indices)),) for e in needed.entries]
        kind, number = needed.line or ("", 0)
        lists.append(
            words.words(
                f"needed_of_{kind}" if kind else "needed_of",
                array=Math(notation.formulas.node(Name(needed.name))),
                number=Text(str(number)),
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
    question = [*words.setup(), words.say("entry_direct" if direct else "entry", **fields)]
    if made.whole is not None:
        question.append(words.say("entry_whole", **fields))
        answer += [words.say("whole"), *words.equations([made.whole])]
    return question, answer


def _held(words: _Words, name: str) -> Iterator[Block]:
    """A sentence that names the values held fixed in the derivatives of an exercise."""
    held = words.task.held.get((words.task.loss, name), ())
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
        answer.append(words.say("differ", place=words.numbers(made.place)))
    answer += [words.say("right"), *words.equations([made.right])]
    question = [*words.setup(), words.say("wrong_line", **fields), *words.equations([made.wrong])]
    return [*question, *_held(words, made.name)], answer


def _line(words: _Words, made: Mistake) -> int:
    """The number of the wrong `=` in print, where equal neighbours are one side."""
    sides = made.wrong.sides[: made.line + 1]
    read = [latex(words.composer.notation.side(side)) for side in sides]
    return sum(one != other for one, other in pairwise(read))


# -- uses --------------------------------------------------------------------------------------


def _uses(words: _Words, made: Uses) -> _Parts:
    fields = words.about(made.name)
    through = words.names([part.by for part in made.contributions])
    answer: list[Block] = []
    for part in made.contributions:
        direct = part.by == words.task.loss
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
        known = {name for name, _ in made.given}
        known |= set(map(_defined, made.defined))
        unknown = [n for n in made.task.shapes if n in _read(made) and n not in known]
        question = [
            *([words.say("numbers_shapes", shapes=words.shapes(unknown))] if unknown else []),
            words.say("numbers_node", users=words.names(through), **fields),
            *words.definitions(made.defined),
            *words.conventions({_defined(chain) for chain in made.defined}),
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


def _read(made: Numbers) -> set[str]:
    """The names in a task in numbers: the one that is differentiated by, and those of formulas."""
    nodes = (s.node for chain in made.defined for s in chain.sides if isinstance(s, Formula))
    return {made.name}.union(*map(names_in, nodes))


def _defined(chain: Chain) -> str:
    """The name that a definition is of."""
    first = chain.sides[0]
    assert isinstance(first, Formula)
    assert isinstance(first.node, Name)
    return first.node.name


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
        if step.kind != "gradient":
            answer += STEP_WRITERS[step.kind](composer, step, fields)
            continue
        shown = tuple(chain for chain in step.chains if chain.kind != "written out")
        answer += composer.gradient(replace(step, chains=shown), fields)
        written = next((chain for chain in step.chains if chain.kind == "written out"), None)
        if written is not None and not any(chain.kind == "all entries" for chain in shown):
            chain = composer.notation.chain(written)
            answer += [words.say("together"), Equation(Aligned(chain.left, chain.rights[-1:]))]
    question = [*words.setup(), words.say("related", **words.about(wrt))]
    return question, [*answer, *numpy_answers(composer)]


# -- the page's own program --------------------------------------------------------------------


def _statement(words: _Words, made: Statement) -> _Parts:
    language, formulas = words.composer.language, words.composer.notation.formulas
    fields = meaning_fields(made.meaning, formulas)
    asked = fill(language, f"exercise.statement_{made.meaning.kind}", fields)
    answer = Paragraph(fill(language, f"meaning.{made.meaning.kind}", fields))
    return [*words.setup(), Paragraph(asked)], [answer]


def _trap(words: _Words, made: Trap) -> _Parts:
    node = words.composer.notation.formulas.node
    product = made.product
    fields = words.about(product.name) | {
        "wrong": Math(node(product.wrong)),
        "right": Math(node(product.right)),
        "B": Math(name_box(product.by)),
    }
    return [*words.setup(), words.say("trap", **fields)], [words.say("trap_answer", **fields)]


def _keep(words: _Words, made: Keep) -> _Parts:
    formulas = words.composer.notation.formulas
    answer: list[Block] = []
    for (name, node), names in zip(made.gradients.items(), made.needed, strict=True):
        equation = Math(Row((formulas.gradient(name), Operator("equals"), formulas.node(node))))
        key = "keep_needs" if names else "keep_nothing"
        answer.append(words.say(key, equation=equation, names=words.names(names)))
    answer.append(words.say("keep_all", names=words.names(made.kept)))
    return [*words.setup(), words.say("keep")], answer


def _implement(words: _Words, made: Implement) -> _Parts:
    formulas = words.composer.notation.formulas
    wrt = words.composer.listed([(Math(formulas.gradient(name)),) for name in made.task.wrt])
    question = [*words.setup(), words.say("implement", gradients=wrt)]
    return question, [*numpy_answers(words.composer), words.say("implement_test")]


_WRITERS = cast(
    "Mapping[type, Callable[[_Words, Material], _Parts]]",
    {
        Shapes: _shapes,
        OneEntry: _one_entry,
        Mistake: _mistake,
        Uses: _uses,
        Numbers: _numbers,
        Related: _related,
        Statement: _statement,
        Trap: _trap,
        Keep: _keep,
        Implement: _implement,
    },
)
