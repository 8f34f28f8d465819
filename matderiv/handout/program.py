"""From the derivation of a whole program to a document in one language."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from matderiv.calculus.index_forms.forms import Delta, Entry, Form, Rate, Term
from matderiv.calculus.sweep.conditions import conditions
from matderiv.calculus.sweep.task import Task
from matderiv.derivation.links import Chain, Derivation, Step
from matderiv.derivation.sides import EntryOf, Indexed, Side, Slice, SpelledProduct, VecPartial
from matderiv.expression import nodes
from matderiv.expression.nodes import Node
from matderiv.handout import close_up, methods
from matderiv.handout.conventions import conventions
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
from matderiv.handout.lines import assignment, derivatives_in, foreign_names
from matderiv.handout.second import second_words
from matderiv.handout.sentences import Fields, Filling, fill, listed
from matderiv.handout.texts import messages
from matderiv.notation.boxes import Box, Number, Operator, Row
from matderiv.notation.names import name_box
from matderiv.notation.program import ProgramNotation

__all__ = ["WRITERS", "ProgramComposer", "compose_program"]


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
    #: Whether entries of arrays can be told apart and have details.
    marked: bool = False
    notation: ProgramNotation = field(init=False)
    #: The sentences that the page has said; the next time fewer words do.
    _said: set[str] = field(default_factory=set, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Make what writes formulas once for all of them."""
        object.__setattr__(self, "notation", ProgramNotation(self.task, self.show, self.marked))

    @property
    def task(self) -> Task:
        """What is derived."""
        return self.derivation.task

    def say(self, key: str, fields: Filling) -> Segments:
        """A message with its fields filled in."""
        return fill(self.language, f"program.{key}", fields)

    def once(self, key: str, fields: Fields) -> Segments:
        """A message of any section; what the page has said before is said in fewer words.

        `key` is with its section. The shorter message goes by the same key with `_again`.
        """
        again = f"{key}_again"
        short = key in self._said and again in messages(self.language)
        self._said.add(key)
        return fill(self.language, again if short else key, fields)

    def title(self) -> Segments:
        """The usual title."""
        return self.say("title", {"L": Math(name_box(str(self.task.loss)))})

    def blocks(self) -> Iterator[Block]:
        """The whole page."""
        yield from self.asked()
        yield from self.steps()
        yield Heading(2, fill(self.language, "program.heading_checked", {}))
        yield from self.checked()

    def asked(self) -> Iterator[Block]:
        """What is looked for, and the shapes of the inputs."""
        fields: Fields = {"L": Math(name_box(str(self.task.loss)))}
        names = [self.math(name_box(name)) for name in self.derivation.wrt]
        yield Paragraph(self.say("asked", fields | {"wrt": self.listed(names)}))
        inputs = self.task.program.inputs()
        yield Bullets(tuple(self.shape(name) for name in inputs))
        dims = dict.fromkeys(dim for name in inputs for dim in self.task.shapes[name])
        sizes = [close_up.size_box(dim) for dim in dims if dim.symbol != str(dim.size)]
        if sizes:
            named = self.listed(map(self.math, sizes))
            key = "size_letter" if len(sizes) == 1 else "size_letters"
            yield Paragraph(self.say(key, {"sizes": named}))

    def steps(self) -> Iterator[Block]:
        """The numbered steps, from what is computed to the conclusion, and further proofs."""
        self._said.clear()
        before = ""
        number = 0
        for step in self.derivation.steps:
            # All formulas are one step.
            heads = not (step.kind in _FORMULAS and before in _FORMULAS)
            if step.kind == "proof" != before:
                yield from self.conclusion()
            number += heads
            fields: Fields = {"step": Text(str(number))}
            if step.wrt is not None:
                fields["X"] = Math(name_box(step.wrt))
                fields["dX"] = Math(self.notation.formulas.gradient(step.wrt))
            if heads:
                kind = _HEADED.get(step.kind, "gradient")
                if kind == "array" and len(self.task.shapes[step.wrt or ""]) == 1:
                    kind = "vector"
                yield Heading(2, self.say(f"heading_{kind}", fields))
            before = step.kind
            yield from WRITERS[step.kind](self, step, fields)
        if before != "proof":
            yield from self.conclusion()

    # -- steps -------------------------------------------------------------------------------

    def values(self, step: Step, fields: Fields) -> Iterator[Block]:
        """What is computed, and what its signs mean."""
        if step.chains[0].kind == "value":
            yield Paragraph(self.say("values", fields))
        else:
            yield from close_up.beginning(self, fields)
        for chain in step.chains:
            if chain.kind == "value":
                yield Equation(self.notation.chain(chain))
            else:
                yield from close_up.given(self, chain)
        graph = self.task.sweep.graph
        lifted = [self.math(name_box(a.name)) for a in graph.values if a.name in graph.lifted]
        if lifted:
            key = "lifted" if len(lifted) > 1 else "lifted_one"
            yield Paragraph(self.say(key, fields | {"names": self.listed(lifted)}))
        yield from conventions(self)
        yield Paragraph(self.say("backwards", fields))
        yield from methods.introduction(self)

    def gradient(self, step: Step, fields: Fields, before: Segments = ()) -> Iterator[Block]:
        """One gradient: where its name is used, and what the chain rule makes of that.

        A sentence `before` says it where the name is used in one place only.
        """
        gradient = self.task.sweep.gradients[step.wrt or ""]
        users = list(dict.fromkeys(use.by for use in gradient.uses))
        names = self.listed([self.math(name_box(by)) for by in users])
        blocks = self._chains(step, users, fields)
        if len(users) > 1 or not before:
            key = "used" if len(users) == 1 else "used_often"
            blocks = self.joined(self.say(key, fields | {"users": names}), blocks)
        yield from self.joined(before, blocks) if before else blocks

    def joined(self, before: Segments, blocks: Iterator[Block]) -> Iterator[Block]:
        """Blocks of which the first, a paragraph, goes on after a sentence."""
        first = next(blocks)
        assert isinstance(first, Paragraph)
        space = Text(messages(self.language)["language.space"])
        yield Paragraph((*before, space, *first.segments))
        yield from blocks

    def _chains(self, step: Step, users: list[str], fields: Fields) -> Iterator[Block]:
        by = iter(users)
        value: Node | None = None
        for chain in step.chains:
            if chain.kind == "entry of value":
                name = next(by)
                value = self.task.sweep.graph.value(name)
                fields = fields | {"Z": Math(name_box(name))}
            yield from self.introduced(step, chain, value, fields)

    def introduced(
        self, step: Step, chain: Chain, value: Node | None, fields: Fields
    ) -> Iterator[Block]:
        """A chain with the sentence before it."""
        match chain.kind:
            case "entry of value":
                key = self.of_value(value)
            case "all entries":
                key = all_entries(step, chain)
            case "local":
                key = f"local_{methods.kind_of(value)}"
            case _:
                key = "written_out"
        product = next((s for s in chain.sides if isinstance(s, SpelledProduct)), None)
        if product is not None:
            key = "written_out_product"
        elif f"program.{key}" not in messages(self.language):
            key = "local"
        match chain.sides[0]:
            case Indexed(((Term(((Rate(wrt=Entry() as wrt), _), *_)), _), *_)):
                fields = fields | {"x": Math(self.notation.formulas.entry(wrt.name, wrt.indices))}
        yield Paragraph(self.once(f"program.{key}", fields))
        yield self.equation(chain)
        yield from self.held(chain)
        yield from self.why_transposed(product, fields)

    def why_transposed(self, product: SpelledProduct | None, fields: Fields) -> Iterator[Block]:
        """Why a factor of a product stands transposed: its sum runs along its other index."""
        for key, factor in () if product is None else _turned(product):
            words = fields | {"X": Math(self.notation.formulas.node(factor))}
            yield Paragraph(self.once(f"program.{key}", words))

    def of_value(self, value: Node | None) -> str:
        """The sentence before the entry of a value, by the kind of node that it is."""
        kind = methods.kind_of(value)
        shape = self.task.sweep.facts.shape
        if value is None or kind != "entrywise" or shape(value):
            return f"value_{kind}"
        return "value_scalar" if any(map(shape, nodes.walk(value))) else "value_number"

    def equation(self, chain: Chain) -> Equation:
        """A chain; on pages that can show them, with derivations of single entries."""
        if not self.marked:
            return Equation(self.notation.chain(chain))
        from matderiv.handout.details import Details

        return Details(self.notation, self.language).equation(chain)

    def held(self, chain: Chain) -> Iterator[Block]:
        """What is held fixed where a value is differentiated by what leads to it otherwise, too."""
        match chain.sides[0]:
            case (
                Indexed(((Term(((Rate(of=Entry() as of, wrt=Entry() as wrt), 1),)), _),))
                | Slice(of, wrt)
                | VecPartial(of, wrt)
            ):
                held = self.task.held.get((of.name, wrt.name), ())
                if held:
                    fields: Fields = {"X": Math(name_box(wrt.name)), "Z": Math(name_box(of.name))}
                    names = self.listed([self.math(name_box(name)) for name in held])
                    yield Paragraph(self.say("held", fields | {"held": names}))

    def called(self, step: Step, fields: Fields) -> Iterator[Block]:
        """A value that keeps the name that it has on the page, and its gradient."""
        value, _ = step.chains
        yield Paragraph(self.say("called", fields))
        yield Equation(self.notation.chain(value))
        yield from self.formula(step, fields)

    def formula(self, step: Step, fields: Fields) -> Iterator[Block]:
        """The formula in the names of the program."""
        chain = step.chains[-1]
        _, *links = chain.links
        reasons = dict.fromkeys(
            link.reason for link in links if not self.notation.alike(link.left, link.right)
        )
        words = [self.say(f"rewrite_{why.replace(' ', '_')}", fields) for why in reasons]
        if not words:
            yield Paragraph(self.once("program.as_found", fields))
        else:
            key = "assembled" if len(words) > 1 else "assembled_one"
            listed = self.listed(words, "clause_")
            yield Paragraph(self.say(key, fields | {"rewrites": listed}))
        yield Equation(self.notation.chain(chain))

    def structure(self, step: Step, fields: Fields) -> Iterator[Block]:
        """What a declared structure makes of a gradient."""
        yield Paragraph(self.say(f"structure_{self.task.assumed[step.wrt or '']}", fields))
        yield from (Equation(self.notation.chain(chain)) for chain in step.chains)

    # -- the end -----------------------------------------------------------------------------

    def conclusion(self) -> Iterator[Block]:
        """The answers in NumPy, and where they hold."""
        yield Heading(2, self.say("heading_conclusion", {}))
        yield from self.answers()

    def answers(self) -> Iterator[Block]:
        """The answers in NumPy, the gradients that they call by name among them, and conditions."""
        yield Paragraph(self.say("numpy", {}))
        sweep = self.task.sweep
        needed = dict.fromkeys(
            name for wrt in self.derivation.wrt for name in (*sweep.upstream(wrt), wrt)
        )
        formulas = dict(sweep.called) | {f"d{name}": self.task.answer(name) for name in needed}
        lines = (assignment(name, self.task.source(node)) for name, node in formulas.items())
        yield CodeBlock("\n".join(lines), "python")
        yield from self.names(list(formulas.values()))
        found = conditions(sweep.graph, sweep.lifted)
        if found:
            yield Paragraph(self.say("conditions", {}))
            yield Bullets(tuple(self.condition(kind, node) for kind, node in found))

    def names(self, formulas: list[Node]) -> Iterator[Block]:
        """What the names in program lines mean that the page and NumPy do not say."""
        facts = []
        for name in derivatives_in(formulas, self.task.program.functions()):
            key = "gradient_of" if name[0].isupper() else "derivative_of"
            facts.append(self.say(key, {"f": Code(name), "df": Code(f"d{name}")}))
        if facts:
            yield Paragraph(self.say("here", {"facts": self.listed(facts, "clause_")}))
        sized = (nodes.Size, nodes.Eye, nodes.Ones)
        if any(isinstance(n, sized) for node in formulas for n in nodes.walk(node)):
            yield Paragraph(self.say("sizes", {}))
        foreign: list[Segments] = [(Code(name),) for name in foreign_names(formulas)]
        if foreign:
            key = "foreign" if len(foreign) > 1 else "foreign_one"
            command: Fields = {"command": Code("matderiv gradient --format numpy")}
            yield Paragraph(self.say(key, command | {"names": self.listed(foreign)}))

    def condition(self, kind: str, node: Node) -> Segments:
        """A condition as half a sentence, in other words for a number than for an array."""
        scalar = "_scalar" if not self.task.sweep.facts.shape(node) else ""
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
        if self.derivation.second is not None:
            loss, wrt = str(self.task.loss), self.derivation.wrt
            yield Paragraph(second_words(self.derivation.second, loss, wrt, self.language))

    # -- pieces ------------------------------------------------------------------------------

    def shape(self, name: str) -> Segments:
        """X is a 2×4 matrix."""
        dims = self.task.shapes[name]
        items: list[Box] = []
        for dim in dims:
            items += [Operator("times")] * bool(items) + [Number(str(dim.size))]
        fields: Fields = {"X": Math(name_box(name)), "shape": Math(Row(tuple(items)))}
        key = ("shape_scalar", "shape_vector", "shape_matrix")[len(dims)]
        structure = self.task.assumed.get(name)
        return self.say(key if structure is None else f"shape_{structure}", fields)

    @staticmethod
    def math(box: Box) -> Segments:
        """A formula as a segment."""
        return (Math(box),)

    def listed(self, items: Iterable[Segments], kind: str = "") -> Segments:
        """Items with what stands between them in a sentence; clauses are a kind of their own."""
        return listed(self.language, items, kind)


def all_entries(step: Step, chain: Chain) -> str:
    """The sentence before a gradient's entry: what is added up, and whether deltas are in it."""
    if not any(term.bound for term, _ in _form(chain.sides[1])):
        return "all_entries_once"
    if not isinstance(chain.sides[-1], EntryOf):
        return "all_entries_number"
    local = (one.sides[-1] for one in step.chains if one.kind == "local")
    deltas = (
        isinstance(atom, Delta)
        for side in local
        for term, _ in _form(side)
        for atom, _ in term.atoms
    )
    return "all_entries" if any(deltas) else "all_entries_undelta"


def _form(side: Side) -> Form:
    assert isinstance(side, Indexed)
    return side.form


def _turned(product: SpelledProduct) -> Iterator[tuple[str, Node]]:
    """The factors that are transposes of names, each with the word that says why."""
    for key, factor in (("turned_left", product.left.node), ("turned_right", product.right.node)):
        if isinstance(factor, nodes.Transpose) and isinstance(factor.arg, nodes.Name):
            yield key, factor.arg


_FORMULAS = ("called", "matrix")

#: Steps with headings of their own; the others are about one gradient.
_HEADED = {
    **{kind: kind for kind in ("values", "structure", "upstream", "entries", "array", "proof")},
    **dict.fromkeys(_FORMULAS, "matrix"),
}

WRITERS = {
    "values": ProgramComposer.values,
    "gradient": ProgramComposer.gradient,
    "called": ProgramComposer.called,
    "matrix": ProgramComposer.formula,
    "structure": ProgramComposer.structure,
    **methods.WRITERS,
    **close_up.WRITERS,
}
