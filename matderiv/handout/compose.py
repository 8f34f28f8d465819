"""From a derivation to a document in one language."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import sympy as sp

from matderiv.calculus.elementwise import domain
from matderiv.calculus.problem import Elementwise, Problem
from matderiv.calculus.scalars import Partial, entry, name_of
from matderiv.calculus.verdicts import BUDGET
from matderiv.derivation.links import Chain, Derivation, Step
from matderiv.derivation.sides import Value
from matderiv.expression.nodes import MatMul, Name, Node, Transpose
from matderiv.expression.shapes import Dim
from matderiv.handout.document import (
    Block,
    Bullets,
    Code,
    Document,
    Equation,
    Heading,
    Math,
    Paragraph,
    Segment,
    Text,
)
from matderiv.handout.sentences import Fields, fill
from matderiv.notation.boxes import Box, Number, Operator, Row, Scripts, Symbol, times
from matderiv.notation.compose import Notation
from matderiv.notation.names import name_box

__all__ = ["Composer", "compose"]

#: The paragraph before a chain, by the chain's kind; chains not here follow without a word.
_INTRODUCTIONS = {
    "product": "product",
    "loss": "loss",
    "loss of matrix": "loss_of_matrix",
    "function": "function",
    "unit": "unit",
    "slope": "slope",
    "upstream": "upstream",
    "upstream of matrix": "upstream_of_matrix",
    "expanded loss": "expanded_loss",
    "sum rule": "sum_rule",
    "one term": "one_term",
    "local": "local",
    "entry": "entry",
    "another entry": "another_entry",
    "regrouped": "regrouped",
    "index product": "index",
    "index local": "index_local",
    "index chain": "index_chain",
}


def compose(
    derivation: Derivation, language: str, show: int | None, *, marked: bool = False
) -> Document:
    """The document of a derivation: problem, steps, proofs for all sizes, what was checked.

    With `marked`, entries of matrices can be told apart and have details.

    Raises:
        InputError: there is no such language.
    """
    composer = Composer(derivation, language, show, marked)
    return Document(
        language,
        composer.say("heading.title", composer.fields()),
        tuple(composer.blocks()),
        whole=show is None,
    )


@dataclass(frozen=True, slots=True)
class Composer:
    """Writes the parts of a derivation in one language."""

    derivation: Derivation
    language: str
    show: int | None
    marked: bool = False
    notation: Notation = field(init=False)

    def __post_init__(self) -> None:
        """Make what writes formulas once for all of them."""
        object.__setattr__(self, "notation", Notation(self.problem, self.show, self.marked))

    @property
    def problem(self) -> Problem:
        """What is derived."""
        return self.derivation.problem

    def blocks(self) -> Iterator[Block]:
        """The whole page."""
        fields = self.fields()
        yield self.asked(fields)
        yield from self.steps(fields)
        yield Heading(2, self.say("heading.checked", fields))
        yield from self.checked(fields)

    def asked(self, fields: Fields) -> Paragraph:
        """What is looked for."""
        several = len(self.derivation.wrt) > 1
        return Paragraph(self.say("text.problem" if several else "text.problem_one", fields))

    def steps(self, fields: Fields) -> Iterator[Block]:
        """The numbered steps, and the proofs for all sizes."""
        number = 0
        for step in self.derivation.steps:
            if step.kind != "index":
                number += 1
            yield from self.step(step, fields | {"step": Text(str(number))})

    def step(self, step: Step, fields: Fields) -> Iterator[Block]:
        """One step: its heading, and its chains with what is said before and after them."""
        if step.wrt is not None:
            fields = fields | self.fields_of(step.wrt)
        yield Heading(2, self.say(f"heading.{step.kind}", fields))
        if step.kind in ("given", "conclusion"):
            key = "given" if step.kind == "given" else "result"
            yield Paragraph(self.say(f"text.{key}", fields))
        for chain in step.chains:
            introduction = self.variant(_INTRODUCTIONS.get(chain.kind))
            if introduction is not None:
                words = fields | self.fields_of_chain(chain)
                yield Paragraph(self.say(f"text.{introduction}", words))
            yield Equation(self.notation.chain(chain))
            if chain.kind == "loss" and not self.known:
                yield Paragraph(self.say("text.function_undefined", fields))
            if chain.kind == "slope":
                yield from self.domain(fields)
            if chain.kind == "regrouped" and step.wrt is not None:
                yield from self.why_transposed(self.derivation.answer(step.wrt), fields)
        if step.kind == "conclusion":
            yield Paragraph(self.say("text.numpy", fields))
            yield Bullets(
                tuple((Code(f"d{n} = {f}"),) for n, f in self.derivation.formulas.items())
            )

    # -- paragraphs --------------------------------------------------------------------------

    def say(self, key: str, fields: Fields) -> tuple[Segment, ...]:
        """A message with its fields filled in."""
        return fill(self.language, key, fields)

    def variant(self, key: str | None) -> str | None:
        """The key of the text that fits the loss, where one text does not fit all."""
        head = self.problem.head
        if key == "entry" and not isinstance(head, Elementwise):
            return "entry_of_matrix"
        if key == "unit" and isinstance(head, Elementwise) and head.coefficient != 1:
            return "unit_scaled"
        return key

    @property
    def known(self) -> bool:
        """Whether the function of each entry is a known one."""
        head = self.problem.head
        return isinstance(head, Elementwise) and head.body is not None

    def domain(self, fields: Fields) -> Iterator[Block]:
        """Where a known function is defined and differentiable, if that is not everywhere."""
        head = self.problem.head
        assert isinstance(head, Elementwise)
        assert head.body is not None
        for kind, u in domain(head.body, head.variable):
            box = self.notation.expr(u)
            yield Paragraph(self.say(f"text.domain_{kind}", fields | {"u": Math(box)}))

    def why_transposed(self, answer: Node, fields: Fields) -> Iterator[Block]:
        """Why a factor of the answer stands transposed: its sum runs along its other index."""
        assert isinstance(answer, MatMul)
        for node, key in ((answer.left, "transposed_first"), (answer.right, "transposed")):
            if isinstance(node, Transpose):
                field = {"B": Math(self.notation.node(node.arg))}
                yield Paragraph(self.say(f"text.{key}", fields | field))

    def checked(self, fields: Fields) -> Iterator[Block]:
        """What was checked, and what that means for other sizes and for hidden entries."""
        proof = self.derivation.proof
        volume = math.prod(dim.size for dim in self.problem.dims)
        fields = fields | {
            "equalities": Text(str(proof.equalities)),
            "general": Text(str(proof.for_all_sizes)),
            "compared": Text(str(proof.compared)),
            "entries": Text(f"{proof.entries:,}"),
            "volume": Text(f"{volume:,}"),
            "budget": Text(f"{BUDGET:,}"),
        }
        every = proof.for_all_sizes == proof.equalities
        yield Paragraph(self.say(f"text.checked_{'all' if every else 'some'}", fields))
        key = "entries" if volume <= BUDGET else "skipped"
        yield Paragraph(self.say(f"text.checked_{key}", fields))

    # -- fields ------------------------------------------------------------------------------

    def fields(self) -> Fields:
        """The formulas and words that hold for the whole document."""
        problem, notation = self.problem, self.notation
        letters = problem.letters
        left, right = problem.factors
        value = problem.product.value
        assert isinstance(value, MatMul)
        y = entry(problem.name, letters.i, letters.j)
        boxes: dict[str, Box] = {
            "product": Row(
                (notation.node(Name(problem.name)), Operator("equals"), notation.node(value))
            ),
            "A": name_box(left),
            "B": name_box(right),
            "left": notation.node(value.left),
            "right": notation.node(value.right),
            "Y": name_box(problem.name),
            "L": name_box(str(problem.loss)),
            "dY": notation.gradient(problem.name),
            "y_ij": notation.expr(y),
            "i": name_box(str(letters.i)),
            "j": name_box(str(letters.j)),
            "p": name_box(str(letters.p)),
            "q": name_box(str(letters.q)),
            "delta": Scripts(Symbol("delta", greek=True), notation.indices((letters.i, letters.p))),
            "A_shape": self.shape(left),
            "B_shape": self.shape(right),
            "Y_shape": self.shape(problem.name),
        }
        if isinstance(problem.head, Elementwise):
            boxes["f"] = name_box(problem.head.function)
            boxes["f_y"] = notation.expr(problem.head.at(y))
        for key, dim in zip("NDM", problem.dims, strict=True):
            boxes[key] = name_box(dim.symbol)
            boxes[f"{key}_is"] = self.size(dim)
        boxes |= {f"wrt_{n}": name_box(name) for n, name in enumerate(self.derivation.wrt, 1)}
        fields: Fields = {key: Math(box) for key, box in boxes.items()}
        fields["dY_code"] = Code(f"d{problem.name}")
        return fields

    def fields_of(self, wrt: str) -> Fields:
        """The formulas of the steps about one matrix."""
        notation, letters = self.notation, self.problem.letters
        return {
            "X": Math(name_box(wrt)),
            "dX": Math(notation.gradient(wrt)),
            "x": Math(notation.expr(entry(wrt, letters.p, letters.q))),
        }

    def fields_of_chain(self, chain: Chain) -> Fields:
        """The entries that the first side of a chain is about."""
        notation, problem = self.notation, self.problem
        y = entry(problem.name, 1, 1)
        fields: Fields = {
            "y": Math(notation.expr(y)),
            "dL_dy": Math(notation.expr(Partial(problem.loss, y))),
        }
        first = chain.sides[0]
        wrt: object = getattr(first, "wrt", None)
        if isinstance(first, Value) and isinstance(first.scalar, Partial):
            wrt = first.scalar.wrt
        if isinstance(wrt, sp.Indexed) and name_of(wrt) in problem.factors:
            fields["x"] = Math(notation.expr(wrt))
        if chain.kind in ("expanded loss", "one term"):
            about = next(s.wrt for s in self.derivation.steps if chain in s.chains)
            fields["x"] = Math(notation.expr(entry(str(about), 1, 1)))
        if chain.kind == "index local":
            assert isinstance(wrt, sp.Expr)
            fields["x"] = Math(notation.expr(wrt))
        return fields

    def shape(self, name: str) -> Box:
        """2×4."""
        rows, cols = self.problem.shapes[name]
        return times(rows.size, cols.size)

    @staticmethod
    def size(dim: Dim) -> Box:
        """N = 2."""
        return Row((name_box(dim.symbol), Operator("equals"), Number(str(dim.size))))
