"""From the derivation of a whole program to a document in one language."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from matderiv.calculus.conditions import conditions
from matderiv.calculus.forms import Rate, Term
from matderiv.calculus.system import System
from matderiv.derivation.links import Chain, Derivation, Step
from matderiv.derivation.sides import EntryOf, Formula, Indexed, SpelledProduct
from matderiv.expression import nodes
from matderiv.expression.nodes import Node
from matderiv.handout import methods
from matderiv.handout.compose import Fields, fill
from matderiv.handout.document import (
    Block,
    Bullets,
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
from matderiv.handout.texts import messages
from matderiv.notation.boxes import Box, Number, Operator, Row
from matderiv.notation.names import name_box
from matderiv.notation.program import ProgramNotation

__all__ = ["ProgramComposer", "compose_program"]


def compose_program(derivation: Derivation, language: str, show: int | None) -> Document:
    """The document of a program's derivation.

    Raises:
        InputError: there is no such language.
    """
    composer = ProgramComposer(derivation, language, show)
    return Document(language, composer.title(), tuple(composer.blocks()), whole=show is None)


@dataclass(frozen=True, slots=True)
class ProgramComposer:
    """Writes the parts of a program's derivation in one language."""

    derivation: Derivation
    language: str
    show: int | None
    notation: ProgramNotation = field(init=False)

    def __post_init__(self) -> None:
        """Make what writes formulas once for all of them."""
        object.__setattr__(self, "notation", ProgramNotation(self.system, self.show))

    @property
    def system(self) -> System:
        """What is derived."""
        return self.derivation.system

    def say(self, key: str, fields: Fields) -> Segments:
        """A message with its fields filled in."""
        return fill(self.language, f"program.{key}", fields)

    def title(self) -> Segments:
        """The usual title."""
        return self.say("title", {"L": Math(name_box(str(self.system.loss)))})

    def blocks(self) -> Iterator[Block]:
        """The whole page."""
        yield from self.asked()
        yield from self.steps()
        yield Heading(2, fill(self.language, "heading.checked", {}))
        yield from self.checked()

    def asked(self) -> Iterator[Block]:
        """What is looked for, and the shapes of the inputs."""
        fields: Fields = {"L": Math(name_box(str(self.system.loss)))}
        names = [self.math(name_box(name)) for name in self.derivation.wrt]
        yield Paragraph(self.around("asked", "wrt", self.listed(names), fields))
        inputs = self.system.program.inputs()
        yield Bullets(tuple(self.shape(name) for name in inputs))

    def steps(self) -> Iterator[Block]:
        """The numbered steps: what is computed, then one gradient after another."""
        before = ""
        number = 0
        for step in self.derivation.steps:
            heads = (step.kind, before) != ("matrix", "matrix")  # all of these are one step
            number += heads
            fields: Fields = {"step": Text(str(number))}
            if step.wrt is not None:
                fields["X"] = Math(name_box(step.wrt))
                fields["dX"] = Math(self.notation.formulas.gradient(step.wrt))
            if heads:
                kind = step.kind if step.kind in _HEADED else "gradient"
                yield Heading(2, self.say(f"heading_{kind}", fields))
            before = step.kind
            yield from _WRITERS[step.kind](self, step, fields)
        yield from self.conclusion()

    # -- steps -------------------------------------------------------------------------------

    def values(self, step: Step, fields: Fields) -> Iterator[Block]:
        """What is computed, and what its signs mean."""
        yield Paragraph(self.say("values", fields))
        for chain in step.chains:
            yield Equation(self.notation.chain(chain))
        graph = self.system.sweep.graph
        lifted = [self.math(name_box(a.name)) for a in graph.values if a.name in graph.lifted]
        if lifted:
            key = "lifted" if len(lifted) > 1 else "lifted_one"
            yield Paragraph(self.around(key, "names", self.listed(lifted), fields))
        yield from self.conventions()
        yield Paragraph(self.say("backwards", fields))
        yield from methods.introduction(self)

    def gradient(self, step: Step, fields: Fields) -> Iterator[Block]:
        """One gradient: where its name is used, and what the chain rule makes of that."""
        gradient = self.system.sweep.gradients[step.wrt or ""]
        users = list(dict.fromkeys(use.by for use in gradient.uses))
        names = self.listed([self.math(name_box(by)) for by in users])
        yield Paragraph(
            self.around("used" if len(users) == 1 else "used_often", "users", names, fields)
        )
        by = iter(users)
        value: Node | None = None
        for chain in step.chains:
            if chain.kind == "entry of value":
                name = next(by)
                value = self.system.sweep.graph.value(name)
                fields = fields | {"Z": Math(name_box(name))}
            yield from self.introduced(chain, value, fields)

    def introduced(self, chain: Chain, value: Node | None, fields: Fields) -> Iterator[Block]:
        """A chain with the sentence before it."""
        kind = methods.KINDS.get(type(value), "entrywise")
        key = {
            "entry of value": f"value_{kind}",
            "local": f"local_{kind}",
            "all entries": "all_entries",
            "written out": "written_out",
        }[chain.kind]
        product = next((s for s in chain.sides if isinstance(s, SpelledProduct)), None)
        if product is not None:
            key = "written_out_product"
        elif f"program.{key}" not in messages(self.language):
            key = "local"
        match chain.sides[0]:
            case Indexed(((Term(((Rate(wrt=wrt), _), *_)), _), *_)):
                fields = fields | {"x": Math(self.notation.formulas.entry(wrt.name, wrt.indices))}
        yield Paragraph(self.say(key, fields))
        yield Equation(self.notation.chain(chain))
        yield from self.held(chain)
        for key, factor in () if product is None else _turned(product):
            yield Paragraph(
                self.say(key, fields | {"X": Math(self.notation.formulas.node(factor))})
            )

    def held(self, chain: Chain) -> Iterator[Block]:
        """What is held fixed where the loss is differentiated by what other values use, too."""
        match chain.sides[0]:
            case Indexed(((Term(((Rate(of=of, wrt=wrt), 1),)), _),)):
                held = self.system.held.get(wrt.name, ())
                if of.name == str(self.system.loss) and held:
                    fields: Fields = {"X": Math(name_box(wrt.name))}
                    names = self.listed([self.math(name_box(name)) for name in held])
                    yield Paragraph(self.around("held", "held", names, fields))

    def formula(self, step: Step, fields: Fields) -> Iterator[Block]:
        """The formula in the names of the program."""
        (chain,) = step.chains
        reasons = list(dict.fromkeys(link.reason for link in chain.links))
        if len(chain.links) == 1:
            yield Paragraph(self.say("as_found", fields))
        else:
            words: list[Segments] = [
                self.say(f"rewrite_{reason.replace(' ', '_')}", fields)
                for reason in reasons
                if reason != "chain rule"
            ]
            yield Paragraph(self.around("assembled", "rewrites", self.listed(words), fields))
        yield Equation(self.notation.chain(chain))

    def structure(self, step: Step, fields: Fields) -> Iterator[Block]:
        """What a declared structure makes of a gradient."""
        yield Paragraph(self.say(f"structure_{self.system.assumed[step.wrt or '']}", fields))
        yield from (Equation(self.notation.chain(chain)) for chain in step.chains)

    # -- the end -----------------------------------------------------------------------------

    def conclusion(self) -> Iterator[Block]:
        """The answers in NumPy, and where they hold."""
        yield Heading(2, self.say("heading_conclusion", {}))
        yield from self.answers()

    def answers(self) -> Iterator[Block]:
        """The answers in NumPy, the gradients that they call by name among them, and conditions."""
        yield Paragraph(self.say("numpy", {}))
        sweep = self.system.sweep
        needed = dict.fromkeys(
            name for wrt in self.derivation.wrt for name in (*sweep.upstream(wrt), wrt)
        )
        lines = (f"d{name} = {self.system.source(self.system.answer(name))}" for name in needed)
        yield CodeBlock("\n".join(lines), "python")
        found = conditions(self.system.sweep.graph)
        if found:
            yield Paragraph(self.say("conditions", {}))
            yield Bullets(tuple(self.condition(kind, node) for kind, node in found))

    def condition(self, kind: str, node: Node) -> Segments:
        """A condition as half a sentence, in other words for a number than for an array."""
        scalar = "_scalar" if not self.system.sweep.facts.shape(node) else ""
        words = messages(self.language)
        key = f"condition_{kind}{scalar}"
        key = key if f"program.{key}" in words else f"condition_{kind}"
        return self.say(key, {"u": Math(self.notation.formulas.node(node))})

    def checked(self) -> Iterator[Block]:
        """What was checked, and for which sizes."""
        proof = self.derivation.proof
        fields: Fields = {
            "equalities": Text(str(proof.equalities)),
            "general": Text(str(proof.for_all_sizes)),
            "compared": Text(str(proof.equalities - proof.for_all_sizes)),
            "entries": Text(str(proof.entries)),
        }
        every = proof.for_all_sizes == proof.equalities
        yield Paragraph(self.say("checked_all" if every else "checked_some", fields))

    # -- pieces ------------------------------------------------------------------------------

    def conventions(self) -> Iterator[Block]:
        """What signs mean that not everybody writes alike."""
        graph = self.system.sweep.graph
        values = [n for a in graph.values for n in nodes.walk(a.value)]
        shape = self.system.sweep.facts.shape
        if any(len(shape) == 1 for shape in graph.shapes.values()):
            yield Paragraph(self.say("vectors", {}))
        if any(
            isinstance(n, nodes.Multiply | nodes.Power | nodes.Divide) and shape(n) for n in values
        ):
            signs: Fields = {"odot": Math(Operator("odot")), "oslash": Math(Operator("oslash"))}
            yield Paragraph(self.say("hadamard", signs))
        shown = [
            n
            for step in self.derivation.steps
            for chain in step.chains
            for side in chain.sides
            if isinstance(side, Formula | EntryOf)
            for n in nodes.walk(side.node)
        ]
        if any(isinstance(n, nodes.Ones) for n in shown):
            yield Paragraph(self.say("ones", {}))
        if any(getattr(n, "axis", None) is not None for n in values):
            yield Paragraph(self.say("axes", {}))

    def shape(self, name: str) -> Segments:
        """X is a 2×4 matrix."""
        dims = self.system.shapes[name]
        items: list[Box] = []
        for dim in dims:
            items += [Operator("times")] * bool(items) + [Number(str(dim.size))]
        fields: Fields = {"X": Math(name_box(name)), "shape": Math(Row(tuple(items)))}
        key = ("shape_scalar", "shape_vector", "shape_matrix")[len(dims)]
        structure = self.system.assumed.get(name)
        return self.say(key if structure is None else f"shape_{structure}", fields)

    @staticmethod
    def math(box: Box) -> Segments:
        """A formula as a segment."""
        return (Math(box),)

    def listed(self, items: Iterable[Segments]) -> Segments:
        """Items with what stands between them in a sentence."""
        words = messages(self.language)
        parts = list(items)
        made: list[Text | Math | Code] = []
        for number, part in enumerate(parts):
            if number:
                key = "comma"
                if number == len(parts) - 1:
                    formulas = isinstance(made[-1], Math) and isinstance(part[0], Math)
                    key = "and" if formulas else "and_words"
                made.append(Text(words[f"program.{key}"]))
            made += part
        return tuple(made)

    def around(self, key: str, name: str, inside: Segments, fields: Fields) -> Segments:
        """A message with several segments in the place of one field."""
        marker = Text("\0")
        made: list[Text | Math | Code] = []
        for segment in self.say(key, fields | {name: marker}):
            made += inside if segment is marker else [segment]
        return tuple(made)


def _turned(product: SpelledProduct) -> Iterator[tuple[str, Node]]:
    """The factors that are transposes of names, each with the word that says why."""
    for key, factor in (("turned_left", product.left), ("turned_right", product.right)):
        if isinstance(factor, nodes.Transpose) and isinstance(factor.arg, nodes.Name):
            yield key, factor.arg


#: Steps with headings of their own; the others are about one gradient.
_HEADED = ("values", "matrix", "structure")

_WRITERS = {
    "values": ProgramComposer.values,
    "gradient": ProgramComposer.gradient,
    "matrix": ProgramComposer.formula,
    "structure": ProgramComposer.structure,
    **methods.WRITERS,
}
