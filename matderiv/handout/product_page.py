"""The page about a Jacobian or a Hessian times a direction: gradients of numbers, step by step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from matderiv.calculus.sweep.conditions import conditions
from matderiv.derivation.links import ProvedSteps
from matderiv.handout.composer import ProgramComposer
from matderiv.handout.document import (
    Block,
    Code,
    CodeBlock,
    Document,
    Equation,
    Heading,
    Math,
    Paragraph,
    Segments,
    Text,
)
from matderiv.handout.lines import assignment
from matderiv.handout.notation_box import with_delta
from matderiv.handout.program import (
    condition_section,
    given_section,
    proof_section,
    second_section,
    step_sections,
)
from matderiv.handout.sentences import Fields, fill
from matderiv.notation.names import name_box

__all__ = ["ProductSubject", "product_page"]


@dataclass(frozen=True, slots=True)
class ProductSubject:
    """The subject of a page: the `kind` of product, of `array` and `direction`, by `wrt`.

    `label`: its name in the `lines` that work it out. `costs`: the operations and numbers of it,
    and of the whole array and its product, if they are known.
    """

    kind: str
    wrt: str
    direction: str
    array: str
    label: str
    lines: Mapping[str, str]
    costs: tuple[tuple[str, str], tuple[str, str]] | None


def product_page(
    steps: Sequence[ProvedSteps], about: ProductSubject, language: str, show: int | None
) -> Document:
    """The whole page.

    Raises:
        InputError: there is no such language.
    """
    page = _Page(steps, about, language, show)
    blocks = with_delta(page.blocks(), language)
    return Document(language, page.say("title"), tuple(blocks), whole=show is None)


class _Page:
    """Writes the derivations one after the other."""

    def __init__(
        self, steps: Sequence[ProvedSteps], about: ProductSubject, language: str, show: int | None
    ) -> None:
        self.steps, self.about, self.language = steps, about, language
        self.composers = [ProgramComposer(one, language, show) for one in steps]

    @property
    def last(self) -> ProgramComposer:
        """The writer of the derivation that ends in the product."""
        return self.composers[-1]

    def say(self, key: str, more: Fields | None = None) -> Segments:
        """A message about this kind of product."""
        return fill(self.language, f"product.{key}_{self.about.kind}", self.fields | (more or {}))

    @property
    def fields(self) -> dict[str, Math | Code | Text]:
        """The names that sentences are about."""
        about, last = self.about, self.last.task
        boxes = {
            "Y": name_box(self.of),
            "X": name_box(about.wrt),
            "v": name_box(about.direction),
            "S": name_box(last.loss),
            "dS": self.last.notation.formulas.gradient(self.last.derivation.wrt[0]),
            "u": name_box(self.last.derivation.wrt[0]),
        }
        if len(self.steps) > 1:
            boxes["G"] = name_box(self.gradient)
            first = self.composers[0]
            boxes["T"] = name_box(first.task.loss)
            boxes["dT"] = first.notation.formulas.gradient(about.wrt)
        return {key: Math(box) for key, box in boxes.items()}

    @property
    def of(self) -> str:
        """The name of what is differentiated, a value of the first program."""
        first = self.steps[0].task
        return first.loss if self.about.kind == "hvp" else first.program.assignments[-2].name

    @property
    def gradient(self) -> str:
        """The name of the gradient that the last derivation is about."""
        return self.last.task.program.assignments[-2].name

    def blocks(self) -> Iterator[Block]:
        """The problem, the steps, the result, and what was checked."""
        number = self.about.kind != "hvp" and not self.steps[0].task.shapes[self.of]
        yield Paragraph(self.say("asked_number" if number else "asked"))
        task = replace(self.last.task, readings=self.steps[0].task.readings)
        yield from given_section(
            ProgramComposer(replace(self.last.derivation, task=task), self.language, self.last.show)
        )
        count = 0
        for composer in self.composers:
            known = count > 0
            if known:
                count += 1
                yield from self.once_more(composer, count)
            for block in step_sections(composer, conclusion=False, values=not known, start=count):
                count += isinstance(block, Heading)
                yield block
        yield from self.result(count + 1)
        yield Heading(2, fill(self.language, "program.heading_checked", {}))
        yield from self.checked()

    def once_more(self, composer: ProgramComposer, number: int) -> Iterator[Block]:
        """The values that the second derivation has besides those of the first."""
        yield Heading(2, self.say("heading_again", {"step": Text(str(number))}))
        yield Paragraph(self.say("again"))
        known = {a.name: a.value for a in self.steps[0].task.sweep.graph.values}
        values = composer.derivation.steps[0]
        for chain, value in zip(values.chains, composer.task.sweep.graph.values, strict=True):
            if known.get(value.name) != value.value:
                yield Equation(composer.notation.chain(chain))

    def result(self, number: int) -> Iterator[Block]:
        """The product in NumPy, what it costs, and where it holds."""
        about = self.about
        step: Fields = {"step": Text(str(number))}
        yield Heading(2, fill(self.language, "array.heading_array_result", step))
        yield Paragraph(self.say("result"))
        lines = "\n".join(assignment(name, value) for name, value in about.lines.items())
        yield CodeBlock(lines, "python")
        if about.costs is not None:
            (own, numbers), (whole, more) = about.costs
            texts = {"o": own, "n": numbers, "p": whole, "m": more}
            costs: Fields = {key: Code(text) for key, text in texts.items()}
            names: Fields = {"label": Code(about.label), "J": Code(about.array)}
            yield Paragraph(fill(self.language, "product.costs", {**self.fields, **costs, **names}))
        first = self.composers[0].task
        found = list(conditions(first.sweep.graph, first.sweep.lifted, first.assumed))
        yield from condition_section(self.composers[0], found)

    def checked(self) -> Iterator[Block]:
        """How many equalities were proved, and what SymPy found."""
        steps = tuple(step for one in self.steps for step in one.steps)
        whole = replace(self.last.derivation, steps=steps, second=None)
        yield from proof_section(ProgramComposer(whole, self.language, None))
        for composer in self.composers:
            yield from second_section(composer)
