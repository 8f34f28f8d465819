"""The sentences and equations that every section of a page is written with."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

from matderiv.calculus.index_forms.forms import Delta, Entry, Form, Rate, Term
from matderiv.calculus.sweep.task import Task
from matderiv.derivation.links import Chain, ProvedSteps, Step
from matderiv.derivation.sides import EntryOf, Indexed, Side, Slice, SpelledProduct, VecPartial
from matderiv.expression import nodes
from matderiv.expression.assumptions import ASSUMPTIONS
from matderiv.expression.matrix_functions import function_kind
from matderiv.expression.nodes import Node
from matderiv.handout.document import Block, Equation, Math, Paragraph, Segments, Text
from matderiv.handout.sentences import Fields, Filling, fill, listed
from matderiv.handout.texts import messages
from matderiv.notation.boxes import Box, times
from matderiv.notation.names import name_box
from matderiv.notation.program import ProgramNotation

__all__ = ["FUNCTION_WORDS", "ProgramComposer", "StepWriter", "kind_of"]

#: The words for traces of functions of matrices in the keys of sentences.
FUNCTION_WORDS = {
    "expm": "exponential",
    "sqrtm": "root",
    "eigenvalue": "eigenvalue",
} | dict.fromkeys(("logm", "sinm", "cosm", "matrix_power"), "of_eigenvalues")

#: Part of the key of the sentence about a value, by the kind of node; other kinds share one.
_KINDS: dict[type, str] = {
    nodes.MatMul: "product",
    nodes.Outer: "outer",
    nodes.Sum: "sum",
    nodes.Mean: "mean",
    nodes.Prod: "prod",
    nodes.Max: "max",
    nodes.Min: "min",
    nodes.LogSumExp: "logsumexp",
    nodes.Softmax: "softmax",
    nodes.Norm: "norm",
    nodes.Trace: "trace",
    nodes.Inverse: "inverse",
    nodes.Determinant: "determinant",
    nodes.LogDet: "logdet",
    nodes.MatrixFunction: "along",
    nodes.Frechet: "linear_in_change",
    nodes.Diag: "diag",
    nodes.Functional: "functional",
}


@dataclass(frozen=True, slots=True)
class ProgramComposer:
    """Writes the parts of a program's derivation in one language."""

    derivation: ProvedSteps
    language: str
    show: int | None
    #: Whether entries of arrays can be told apart and have details.
    marked: bool = False
    notation: ProgramNotation = field(init=False)
    #: The sentences that the page has said; the next time fewer words do, or none.
    _said: set[str] = field(default_factory=set, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Make what writes formulas once for all of them."""
        object.__setattr__(self, "notation", ProgramNotation(self.task, self.show, self.marked))

    @property
    def task(self) -> Task:
        """The task that the page derives."""
        return self.derivation.task

    def say(self, key: str, fields: Filling) -> Segments:
        """A message with its fields filled in."""
        return fill(self.language, f"program.{key}", fields)

    def forget(self) -> None:
        """Begin a page: every sentence is said in full again."""
        self._said.clear()

    def once(self, key: str, fields: Fields) -> Segments:
        """A message of any section, shorter if the page has had it before.

        `key` includes the section. The shorter message has the same key with `_again`.
        """
        again = f"{key}_again"
        short = key in self._said and again in messages(self.language)
        self._said.add(key)
        return fill(self.language, again if short else key, fields)

    def gradient(self, step: Step, fields: Fields, before: Segments = ()) -> Iterator[Block]:
        """One gradient: the values that use its name, and the chain rule over them.

        A sentence `before` replaces the one about the values where there is only one of them.
        """
        gradient = self.task.sweep.gradients[step.wrt or ""]
        users = list(gradient.users)
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
                key = _all_entries(step, chain)
            case "local":
                key = f"local_{kind_of(value)}"
            case "written out":
                key = "written_out"
            case other:
                raise TypeError(f"no sentence introduces a chain of the kind {other!r}")
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
        kind = kind_of(value)
        shape = self.task.sweep.facts.shape
        if value is None or kind != "entrywise" or shape(value):
            return f"value_{kind}"
        return "value_scalar" if any(map(shape, nodes.walk(value))) else "value_number"

    def equation(self, chain: Chain, about: str = "") -> Equation:
        """A chain of a step; on pages that can show them, with derivations of single entries."""
        notation = replace(self.notation, about=about) if about else self.notation
        if not self.marked:
            return Equation(notation.chain(chain))
        from matderiv.handout.details import Details

        return Details(notation, self.language).equation(chain)

    def held(self, chain: Chain) -> Iterator[Block]:
        """A sentence, once a page, that ∂z/∂x holds values fixed that depend on x as well."""
        match chain.sides[0]:
            case (
                Indexed(((Term(((Rate(of=Entry() as of, wrt=Entry() as wrt), 1),)), _),))
                | Slice(of, wrt)
                | VecPartial(of, wrt)
            ):
                held = self.task.held.get((of.name, wrt.name), ())
                said = f"held {of.name} {wrt.name}"
                if held and said not in self._said:
                    self._said.add(said)
                    fields: Fields = {"X": Math(name_box(wrt.name)), "Z": Math(name_box(of.name))}
                    names = self.listed([self.math(name_box(name)) for name in held])
                    yield Paragraph(self.say("held", fields | {"held": names}))

    def shape(self, name: str) -> Segments:
        """X is a 2×4 matrix."""
        dims = self.task.shapes[name]
        shape = times(*(dim.size for dim in dims))
        fields: Fields = {"X": Math(name_box(name)), "shape": Math(shape)}
        matrix = "shape_matrix_an" if dims and _with_an(dims[0].size) else "shape_matrix"
        vector = "shape_vector_one" if dims and dims[0].size == 1 else "shape_vector"
        key = ("shape_scalar", vector, matrix, "shape_array")[min(len(dims), 3)]
        structure = self.task.assumed.get(name)
        if structure is None:
            return self.say(key, fields)
        kind = ("scalar", "vector", "matrix")[len(dims)]
        square = ASSUMPTIONS[structure].square
        words = "_".join(ASSUMPTIONS[structure].parts)
        return self.say(f"shape_{words}" if square else f"shape_{words}_{kind}", fields)

    @staticmethod
    def math(box: Box) -> Segments:
        """A formula as a segment."""
        return (Math(box),)

    def listed(self, items: Iterable[Segments], kind: str = "") -> Segments:
        """Items joined with commas and "and"; for clauses with other words."""
        return listed(self.language, items, kind)


def _with_an(number: int) -> bool:
    """Whether English says "an" before a number: an 8, an 11, an 18, an 80, an 18,000.

    >>> [n for n in (1, 8, 10, 11, 18, 28, 80, 118, 800, 1100, 11000) if _with_an(n)]
    [8, 11, 18, 80, 800, 11000]
    """
    text = str(number)
    return text[0] == "8" or (text[:2] in ("11", "18") and len(text) % 3 == len("18"))


def kind_of(value: Node | None) -> str:
    """The key of the sentence about a value: "entrywise", a word of its own kind, or "number"."""
    match value:
        case nodes.Trace(nodes.MatrixFunction(_, function)):
            return FUNCTION_WORDS[function_kind(function)]
    if type(value) in _KINDS:
        return _KINDS[type(value)]
    composite = isinstance(value, nodes.Reduction | nodes.AlongAxis)
    return "number" if composite else "entrywise"


def _all_entries(step: Step, chain: Chain) -> str:
    """The key of the sentence before an entry of a gradient: sums, and whether it has deltas."""
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


#: Writes a step of a derivation as blocks of a page.
StepWriter = Callable[[ProgramComposer, Step, Fields], Iterator[Block]]
