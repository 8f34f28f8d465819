"""Exercises in words: each kind of material with its question and its answer in full."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

import sympy as sp

from matderiv.calculus.problem import Elementwise, Problem
from matderiv.calculus.scalars import Partial, name_of
from matderiv.calculus.series import Scalar
from matderiv.derivation.exercises.product import (
    Concrete,
    Feeds,
    Gradient,
    Line,
    Material,
    Quantity,
    Shapes,
    Sizes,
    WrongLine,
    materials,
)
from matderiv.derivation.links import Chain, Derivation
from matderiv.derivation.sides import Formula, MatrixPartial, Value
from matderiv.derivation.sides import ProductVecPartial as VecPartial
from matderiv.expression.nodes import MatMul, Name, Node
from matderiv.handout.code import upstream_source
from matderiv.handout.compose import Composer
from matderiv.handout.document import (
    Block,
    Bullets,
    Code,
    Equation,
    Exercise,
    Math,
    Paragraph,
    Segment,
    Segments,
    Text,
)
from matderiv.handout.sentences import Fields
from matderiv.notation.boxes import Box, Operator, Row, times
from matderiv.notation.names import name_box, vec

__all__ = ["exercises"]


def exercises(derivation: Derivation, language: str, count: int, seed: int) -> tuple[Exercise, ...]:
    """So many exercises about a derivation, drawn from a seed: the same seed, the same exercises.

    Raises:
        InputError: there is no such language, or there are not so many exercises.

    >>> from matderiv.api import derive
    >>> len(exercises(derive(), "en", 3, seed=1))
    3
    """
    chance = Random(seed)  # noqa: S311 - exercises, not secrets
    return tuple(_worded(made, language) for made in materials(derivation, count, chance))


def _worded(made: Material, language: str) -> Exercise:
    match made:
        case Sizes():
            question, answer = _sizes(made, language)
        case WrongLine():
            question, answer = _wrong_line(made, language)
        case Gradient():
            question, answer = _gradient(made, language)
        case Shapes():
            question, answer = _shapes(made, language)
        case Feeds():
            question, answer = _feeds(made, language)
        case Concrete():
            question, answer = _concrete(made, language)
    return Exercise(tuple(question), tuple(answer))


@dataclass(frozen=True, slots=True)
class _Words:
    """Says sentences about one derivation, or about a problem and a matrix of it."""

    composer: Composer
    own: Fields

    @classmethod
    def of(cls, derivation: Derivation, language: str) -> _Words:
        # Whole but for numerators, which cannot be broken into lines.
        composer = Composer(derivation, language, derivation.problem.largest_size)
        own = composer.fields() | composer.fields_of(derivation.wrt[0])
        return cls(composer, own | _loss_fields(composer))

    @classmethod
    def about(cls, problem: Problem, wrt: str, language: str) -> _Words:
        return cls.of(Derivation(problem, (wrt,), ()), language)

    @property
    def problem(self) -> Problem:
        return self.composer.problem

    def words(self, key: str, **fields: Segment) -> Segments:
        return self.composer.say(f"exercise.{key}", self.own | fields)

    def say(self, key: str, **fields: Segment) -> Paragraph:
        return Paragraph(self.words(key, **fields))

    def text(self, key: str, **fields: Segment) -> Paragraph:
        """A sentence of the derivation itself."""
        return Paragraph(self.composer.say(f"text.{key}", self.own | fields))

    def equation(self, chain: Chain) -> Equation:
        return Equation(self.composer.notation.chain(chain))

    def scalar(self, scalar: Scalar) -> Math:
        return Math(self.composer.notation.scalar(scalar))

    def fits(self, name: str, answer: Node) -> Segments:
        """That the shapes of a product are those of the gradient it is."""
        array = self.problem.array
        assert isinstance(answer, MatMul)
        shapes = [(a.rows.size, a.cols.size) for a in map(array, (answer.left, answer.right))]
        made = array(answer)
        return self.words(
            "fits",
            form=Math(self.composer.notation.node(answer)),
            X=Math(name_box(name)),
            first=Math(times(*shapes[0])),
            second=Math(times(*shapes[1])),
            shape=Math(times(made.rows.size, made.cols.size)),
        )

    def shape(self, quantity: Quantity, box: Math) -> Segments:
        """The shape of something, and why."""
        if quantity.factors is not None:
            first, second = quantity.factors
            fields = {"first": Math(times(*first)), "second": Math(times(*second))}
            if quantity.shape is None:
                inner = {"cols": Text(str(first[1])), "rows": Text(str(second[0]))}
                return self.words("shape_none", quantity=box, **fields, **inner)
            return self.words(
                "shape_product", quantity=box, shape=Math(times(*quantity.shape)), **fields
            )
        assert quantity.shape is not None
        key = {Formula: "gradient", MatrixPartial: "partial", VecPartial: "vec"}
        return self.words(
            f"shape_{key[type(quantity.side)]}",
            quantity=box,
            shape=Math(times(*quantity.shape)),
        )

    def line(self, line: Line) -> Segments:
        """A row or column of a matrix and its entries."""
        notation = self.composer.notation
        matrix = notation.node(Name(line.name))
        (between,) = self.words("between")
        listed: list[Segment] = []
        for entry_ in line.entries:
            listed += [between] * bool(listed) + [Math(notation.expr(entry_))]
        said = self.words(
            "row" if line.row else "column", matrix=Math(matrix), number=Text(str(line.number))
        )
        return (*said, *listed)

    def setup(self) -> Iterator[Paragraph]:
        """What is given: shapes, product and loss."""
        yield self.say("given")
        head = self.problem.head
        if not isinstance(head, Elementwise):
            yield self.say("undefined_loss")
        else:
            yield self.text("function_undefined") if head.body is None else self.say("known")


def _loss_fields(composer: Composer) -> Fields:
    """The definitions of the loss and of a known function as formulas inside a line."""
    problem, notation = composer.problem, composer.notation
    definition = Value(problem.loss_definition, sigma=True)
    boxes: dict[str, Box] = {"loss": _equal(name_box(problem.loss.name), notation.side(definition))}
    head = problem.head
    if isinstance(head, Elementwise) and head.body is not None:
        y = head.variable
        boxes["known"] = _equal(notation.expr(head.at(y)), notation.expr(head.body))
        boxes["slope"] = notation.expr(head.derivative_at(y))
    return {key: Math(box) for key, box in boxes.items()}


#: The blocks of the question and those of the answer.
_Parts = tuple[list[Block], list[Block]]


def _sizes(made: Sizes, language: str) -> _Parts:
    words = _Words.of(made.derivation, language)
    x = {"x": words.scalar(_wrt(made.entry)), "dx": _first(words, made.entry)}
    steps = made.derivation.steps
    product = next(c for c in steps[0].chains if c.kind == "product")
    matrix = next(s for s in steps if s.kind == "matrix").chains[0]
    return [*words.setup(), words.say("sizes", **x)], [
        words.text("product"),
        words.equation(product),
        words.say("entry", **x),
        words.equation(made.entry),
        words.say("matrix"),
        words.equation(matrix),
        *words.composer.why_transposed(made.derivation.answer(made.wrt), words.own),
    ]


def _wrong_line(made: WrongLine, language: str) -> _Parts:
    words = _Words.about(made.problem, made.wrt, language)
    slip = made.slip
    found: Fields = {"line": Text(str(slip.line))}
    differ: list[Block] = []
    if slip.place is not None:
        # A scalar is one whole side: the chain without the mistake shows it on a line of its own.
        found |= {key: Text(str(n)) for key, n in zip(("row", "col"), slip.place, strict=True)}
        found |= {"belongs": words.scalar(slip.belongs), "stands": words.scalar(slip.stands)}
        differ.append(words.say("differ", **found))
    return [
        *words.setup(),
        words.say("wrong_line"),
        words.equation(slip.wrong),
    ], [
        words.say("line", **found),
        words.say(f"slip_{slip.kind}", **found),
        *differ,
        words.say("right"),
        words.equation(slip.right),
    ]


def _gradient(made: Gradient, language: str) -> _Parts:
    derivation = made.derivation
    words = _Words.of(derivation, language)
    left, right = (words.composer.fields_of(name)["dX"] for name in derivation.wrt)
    proofs: list[Block] = []
    for step in derivation.steps:
        if step.kind == "index":
            assert step.wrt is not None
            proofs.append(words.say("index", **words.composer.fields_of(step.wrt)))
            proofs += map(words.equation, step.chains[1:])
    results = next(step.chains for step in derivation.steps if step.kind == "conclusion")
    return [
        words.say("program", program=Code(words.problem.program.source())),
        *words.setup(),
        words.say("gradient", dA=left, dB=right),
    ], [
        *proofs,
        words.say("together"),
        *map(words.equation, results),
        words.text("numpy"),
        Bullets(tuple((Code(f"d{n} = {f}"),) for n, f in derivation.formulas.items())),
        words.say("check"),
        Bullets(tuple(words.fits(name, derivation.answer(name)) for name in derivation.wrt)),
    ]


def _shapes(made: Shapes, language: str) -> _Parts:
    words = _Words.about(made.problem, made.wrt, language)
    notation = words.composer.notation
    vectors = {
        "vecY": Math(vec(name_box(made.problem.name))),
        "vecX": Math(vec(name_box(made.wrt))),
    }
    boxes = [notation.side(quantity.side) for quantity in made.quantities]
    return [
        *words.setup(),
        words.say("shape"),
        Bullets(tuple((Math(box),) for box in boxes)),
        words.say("shape_jacobian", **vectors),
    ], [
        Bullets(
            tuple(
                words.shape(quantity, Math(box))
                for quantity, box in zip(made.quantities, boxes, strict=True)
            )
        )
    ]


def _feeds(made: Feeds, language: str) -> _Parts:
    words = _Words.about(made.problem, name_of(made.x), language)
    asked = {
        "x": words.scalar(made.x),
        "dx": _first(words, made.entry),
        "other": Math(name_box(_other(made))),
    }
    return [*words.setup(), words.say("feeds", **asked)], [
        words.say("entry", **asked),
        words.equation(made.entry),
        words.say("fed_by", **asked),
        Bullets(tuple(map(words.line, made.lines))),
        words.say("not_fed_by", **asked),
    ]


def _concrete(made: Concrete, language: str) -> _Parts:
    derivation = made.derivation
    words = _Words.of(derivation, language)
    chains = {chain.kind: chain for step in derivation.steps for chain in step.chains}
    name = derivation.problem.name
    code = (
        f"d{name} = {upstream_source(derivation)}",
        *(f"d{n} = {f}" for n, f in derivation.formulas.items()),
    )
    return [*words.setup(), words.say("concrete")], [
        words.text("slope"),
        words.equation(chains["slope"]),
        words.say("concrete_upstream"),
        words.equation(chains["upstream"]),
        words.say("concrete_rest"),
        words.equation(chains["result"]),
        words.text("numpy"),
        Bullets(tuple((Code(line),) for line in code)),
    ]


def _first(words: _Words, chain: Chain) -> Math:
    """The left side of a chain."""
    return Math(words.composer.notation.side(chain.sides[0]))


def _wrt(chain: Chain) -> sp.Expr:
    """The x of a chain that starts with ∂L/∂x."""
    first = chain.sides[0]
    assert isinstance(first, Value)
    assert isinstance(first.scalar, Partial)
    return first.scalar.wrt


def _other(made: Feeds) -> str:
    """The factor that the gradient's formula holds beside ∂L/∂Y."""
    first, second = made.problem.factors
    return second if name_of(made.x) == first else first


def _equal(left: Box, right: Box) -> Row:
    return Row((left, Operator("equals"), right))
