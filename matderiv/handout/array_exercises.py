"""Exercises about Jacobians and Hessians in words."""

from __future__ import annotations

import math
from random import Random

from matderiv.derivation.array_steps import ArrayDerivation
from matderiv.derivation.exercises.arrays import (
    ArrayMaterial,
    ArrayMatter,
    ArrayProduct,
    Claim,
    Claims,
    Penalised,
    Sizes,
    array_materials,
)
from matderiv.derivation.links import Chain, ProvedSteps
from matderiv.expression.nodes import Add, Name, Node
from matderiv.handout.array_page import ArrayPage
from matderiv.handout.composer import ProgramComposer
from matderiv.handout.document import (
    Block,
    Bullets,
    Equation,
    Exercise,
    Math,
    Paragraph,
    Segments,
    Text,
)
from matderiv.handout.sentences import Fields, Filling, fill, together
from matderiv.notation.boxes import Aligned, times
from matderiv.notation.names import name_box, numbered_box

__all__ = ["array_exercises"]


def array_exercises(
    derivation: ArrayDerivation, given: ArrayMatter, language: str, count: int, seed: int
) -> tuple[Exercise, ...]:
    """So many exercises about an array of derivatives: the same seed, the same exercises.

    There are fewer where so many cannot be made.

    Raises:
        InputError: there is no such language.
    """
    words = _Words(derivation, {}, language, None)
    made = array_materials(derivation.about, given, count, Random(seed), words.worded)
    return tuple(made)


class _Words(ArrayPage):
    """Says exercises in the words of the page."""

    def worded(self, made: ArrayMaterial) -> Exercise:
        """The question, and the answer in full."""
        match made:
            case Sizes():
                return self.sizes(made)
            case Chain():
                return self.entry(made)
            case Claims():
                return self.claims(made)
            case ArrayProduct():
                return self.times_a_vector(made)
            case Penalised():
                return self.penalised(made)

    def ask(self, key: str, more: Filling | None = None) -> Segments:
        """A message about exercises with its fields filled in."""
        return fill(self.language, f"array_exercise.{key}", {**self.fields, **(more or {})})

    def sizes(self, made: Sizes) -> Exercise:
        """The shapes, and how many partial derivatives there are."""
        numbers = [(Math(numbered_box(*pair)),) for pair in made.letters.items()]
        rows, cols = math.prod(made.of), math.prod(made.wrt)
        sides = (cols, rows) if self.about.names.turned else (rows, cols)
        key = "axes" if self.layout == "axes" else "matrix"
        fields: Filling = {
            "numbers": self.composer.listed(numbers),
            "Y_shape": self.in_words(made.of),
            "X_shape": self.in_words(made.wrt),
            "J_shape": self.in_words(made.of if self.layout == "same" else sides),
            "count": Text(f"{rows * cols:,}"),
        }
        question = self.ask(f"sizes_{key}", fields)
        answer = self.ask(f"answer_{self.layout}", fields)
        return Exercise((Paragraph(question),), (Paragraph(answer),))

    def in_words(self, shape: tuple[int, ...]) -> Segments:
        """3×2, or a vector of 3 entries, or a number."""
        kinds = ("scalar", "vector", "matrix", "array")
        key = f"exercise.size_{kinds[min(len(shape), 3)]}"
        return fill(self.language, key, {"shape": Math(times(*shape)) if shape else Text("")})

    def entry(self, chain: Chain) -> Exercise:
        """A single entry."""
        box = self.composer.notation.chain(chain).left
        question = Paragraph(self.ask("entry", {"entry": Math(box)}))
        return Exercise((question,), tuple(self.equations([chain])))

    def claims(self, made: Claims) -> Exercise:
        """Which formula is right, and what is wrong with the others."""
        formulas = [(self.formula(claim.node),) for claim in made.claims]
        wrong = [self.claim(claim) for claim in made.claims if claim.slip]
        answer: tuple[Block, ...] = (
            Paragraph(self.ask("claims_right")),
            *self.equations([made.right]),
            Paragraph(self.ask("claims_wrong")),
            Bullets(tuple(wrong)),
        )
        return Exercise((Paragraph(self.ask("claims")), Bullets(tuple(formulas))), answer)

    def claim(self, claim: Claim) -> Segments:
        """A wrong formula, and its mistake."""
        right = tuple(dim.size for dim in self.about.found.dims)
        shapes: Filling = {"shape": self.in_words(claim.shape), "J_shape": self.in_words(right)}
        words = [self.ask(f"slip_{claim.slip}", {"formula": self.formula(claim.node)})]
        if claim.shape != right:
            words.append(self.ask("shape_shows", shapes))
        return together(self.language, words)

    def formula(self, node: Node) -> Math:
        """A formula in a sentence."""
        return Math(self.composer.notation.formulas.node(node))

    def times_a_vector(self, made: ArrayProduct) -> Exercise:
        """The product without the array."""
        names, chain = self.about.names, self.composer.notation.chain(made.chain)
        of = names.wrt if names.once else names.of
        few = self.about.shape(names.wrt)[0].size
        fields: Fields = {
            "v": Math(name_box(names.vector)),
            "Z": Math(name_box(of)),
            "product": Math(chain.left),
            "few": Text(f"{few:,}"),
            "many": Text(f"{math.prod(dim.size for dim in self.about.found.dims):,}"),
        }
        answer = (
            Paragraph(self.ask("product_found", fields)),
            Equation(chain),
            Paragraph(self.ask("product_count", fields)),
        )
        return Exercise((Paragraph(self.ask("product", fields)),), answer)

    def penalised(self, made: Penalised) -> Exercise:
        """The Hessian with another term in the loss."""
        other = ProgramComposer(ProvedSteps(made.task, made.task.wrt, ()), self.language, None)
        formulas, array = other.notation.formulas, name_box(made.array)
        loss = Name(made.task.loss)
        fields: Fields = {"term": Math(formulas.node(made.term)), "J": Math(array)}
        whole: Fields = {**fields, "L": Math(formulas.node(Add(loss, made.term)))}
        answer: tuple[Block, ...] = (
            Paragraph(self.ask("penalised_found", fields)),
            Equation(Aligned(array, (formulas.node(made.hessian),))),
            Paragraph(together(self.language, list(self.signs(made.curvature, whole)))),
        )
        return Exercise((Paragraph(self.ask("penalised", fields)),), answer)
