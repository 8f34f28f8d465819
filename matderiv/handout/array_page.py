"""The page about a Jacobian or a Hessian: single entries, index notation, differentials."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import count

from matderiv.calculus.index_forms.forms import Entry, Term
from matderiv.calculus.sweep.array_derivatives import Curvature
from matderiv.calculus.sweep.conditions import conditions
from matderiv.calculus.sweep.definite import gram_of
from matderiv.derivation.array_steps import ArrayDerivation
from matderiv.derivation.kinds import ChainKind, StepKind
from matderiv.derivation.links import Chain, Step
from matderiv.derivation.sides import Formula, Indexed, KroneckerProducts, Matrix, change_of
from matderiv.expression import nodes
from matderiv.expression.nodes import Name
from matderiv.handout.composer import ProgramComposer
from matderiv.handout.conventions import conventions_of
from matderiv.handout.document import (
    Block,
    Code,
    CodeBlock,
    Equation,
    Heading,
    Math,
    Paragraph,
    Segments,
    Text,
)
from matderiv.handout.lines import assignment
from matderiv.handout.methods import differential_rules
from matderiv.handout.program import (
    condition_section,
    given_section,
    proof_section,
    second_section,
    step_sections,
)
from matderiv.handout.second import second_words
from matderiv.handout.sentences import Fields, fill, together
from matderiv.notation.boxes import Box, NumberBox, Operator, Row, times
from matderiv.notation.methods import swap_box
from matderiv.notation.names import name_box

__all__ = ["ARRAY_WRITERS", "ArrayPage", "array_blocks", "array_title"]


def array_title(derivation: ArrayDerivation, language: str) -> Segments:
    """The usual title."""
    page = ArrayPage(derivation, {}, language, None)
    return page.say(f"title_{page.kind}")


def array_blocks(
    derivation: ArrayDerivation,
    lines: Mapping[str, str],
    language: str,
    show: int | None,
    tied: Sequence[tuple[str, str]] = (),
) -> Iterator[Block]:
    """The whole page; `lines` work the result out in NumPy.

    `tied`: the inputs that it is by and that have a structure, with the word for it.

    Raises:
        InputError: there is no such language.
    """
    page = ArrayPage(derivation, lines, language, show)
    yield Paragraph(page.say(f"asked_{page.kind}"))
    before = page.before
    yield from given_section(before or page.composer)
    for name, structure in tied:
        more: Fields = {"assumed": Code(f"{name}={structure}"), "Z": Math(name_box(name))}
        yield Paragraph(page.say("tied", more))
    number = count(1)
    if before is not None:
        for block in step_sections(before, conclusion=False):
            next(number) if isinstance(block, Heading) else None
            yield block
    yield from page.steps(number)
    yield Heading(2, fill(language, "program.heading_checked", {}))
    yield from page.checked()


class ArrayPage:
    """Writes the steps of a derivation; `lines` work the result out in NumPy."""

    def __init__(
        self,
        derivation: ArrayDerivation,
        lines: Mapping[str, str],
        language: str,
        show: int | None,
    ) -> None:
        self.derivation, self.lines, self.language = derivation, lines, language
        self.about = derivation.about
        self.composer = ProgramComposer(derivation.steps, language, show)
        gradient = derivation.gradient
        self.before = None if gradient is None else ProgramComposer(gradient, language, show)
        self.fields = self._fields()

    @property
    def kind(self) -> str:
        """Which sentences begin the page."""
        if self.derivation.gradient is None:
            return "jacobian"
        return "hessian" if self.about.names.once else "mixed"

    def say(self, key: str, more: Fields | None = None) -> Segments:
        """A message with its fields filled in."""
        return fill(self.language, f"array.{key}", {**self.fields, **(more or {})})

    def _fields(self) -> Fields:
        about = self.about
        formulas = self.composer.notation.formulas
        boxes: dict[str, Box] = {
            "Y": name_box(about.of),
            "X": name_box(about.wrt),
            "J": name_box(about.names.array),
            "change": formulas.node(change_of(about.wrt)),
            "x": formulas.entry(about.wrt, about.task.input_indices(about.shape(about.wrt))),
        }
        gradient = self.derivation.gradient
        if gradient is not None:
            boxes["L"] = name_box(gradient.task.loss)
            (first,) = gradient.wrt
            boxes["Z"] = name_box(first)
        return {key: Math(box) for key, box in boxes.items()}

    def steps(self, number: Iterator[int]) -> Iterator[Block]:
        """The numbered steps."""
        for step in self.derivation.steps.steps:
            key = f"heading_{step.kind.replace(' ', '_')}"
            if step.kind == "array values" and self.before is not None:
                key += "_again"
            yield Heading(2, self.say(key, {"step": Text(str(next(number)))}))
            yield from ARRAY_WRITERS[step.kind](self, step)

    # -- the steps ---------------------------------------------------------------------------

    def values(self, step: Step) -> Iterator[Block]:
        """The values, and explanations of the notation."""
        if self.before is not None:
            reached = self.about.graph.depends(frozenset({self.about.wrt}))
            constant = self.about.of not in reached
            key = "gradient_is_constant" if constant else "gradient_once_more"
            yield Paragraph(self.say(key))
        else:
            yield Paragraph(self.say("values" if len(step.chains) > 1 else "value"))
        yield from self.equations(step.chains)
        graph = self.about.graph
        lifted = [(Math(name_box(a.name)),) for a in graph.values if a.name in graph.lifted]
        if lifted:
            key = "lifted" if len(lifted) > 1 else "lifted_one"
            yield Paragraph(self.composer.say(key, {"names": self.composer.listed(lifted)}))
        said = set() if self.before is None else {key for key, _ in conventions_of(self.before)}
        for key, fields in conventions_of(self.composer):
            if key not in said:
                yield Paragraph(self.composer.say(key, fields))

    def entries(self, step: Step) -> Iterator[Block]:
        """Single entries, and all of them."""
        for chain in step.chains:
            match chain.kind:
                case "entry":
                    yield Paragraph(self.say(f"entry_{self.layout}"))
                case "another entry":
                    yield Paragraph(self.say("another_entry"))
                case _:
                    yield Paragraph(self.say("written_out"))
            yield Equation(self.composer.notation.chain(chain))

    @property
    def layout(self) -> str:
        """Which entries of Y and X belong to the rows and columns of the array."""
        about = self.about
        if not about.matrix:
            return "axes"
        if not about.found.dims:
            return "number"
        if not about.shape(about.wrt):
            return "same"
        return "turned" if about.names.turned else "rows"

    def index(self, step: Step) -> Iterator[Block]:
        """The derivative of each value in letters."""
        yield Paragraph(self.say("index"))
        composer = self.composer
        for entry, local in zip(step.chains[::2], step.chains[1::2], strict=True):
            name = _about(entry)
            value = self.about.graph.definition(name)
            fields: Fields = {**self.fields, "Z": Math(name_box(name))}
            yield Paragraph(composer.once(f"program.{composer.of_value(value)}", fields))
            yield Equation(composer.notation.chain(entry))
            key = "direct" if local.links[0].reason == "local derivative" else "chain_rule"
            yield Paragraph(composer.once(f"array.{key}", fields))
            yield Equation(composer.notation.chain(local))

    def differentials(self, step: Step) -> Iterator[Block]:
        """The differential of each value, and what they come to together."""
        yield Paragraph(self.say("differentials"))
        for chain in step.chains:
            match chain.kind:
                case "differential":
                    yield Paragraph(self.differential(_about(chain)))
                case "whole change":
                    own = self.layout if self.layout in ("axes", "turned") else "matrix"
                    yield Paragraph(self.say(f"put_in_{own}"))
                case _:
                    yield Paragraph(self.say("second"))
            yield Equation(self.composer.notation.chain(chain))

    def differential(self, name: str) -> Segments:
        """The rules for the differential of a value."""
        value = self.about.graph.definition(name)
        fields: Fields = {**self.fields, "Z": Math(name_box(name))}
        moving = {self.about.wrt, *self.about.moving}
        words = differential_rules(self.composer, value, moving, fields)
        if not words:
            return self.say("constant", fields)
        return fill(self.language, "method.differential_differential", {**fields, "rules": words})

    # -- the end -----------------------------------------------------------------------------

    def conclusion(self, step: Step) -> Iterator[Block]:
        """The result, what is known of it, and the lines that work it out."""
        composer = self.composer
        for chain in step.chains:
            if chain.kind == "squares":
                continue  # it stands with the sign
            key = _RESULTS[chain.kind]
            if key == "result_vec" and self.about.names.by_rows:
                key = "result_vec_rows"
            yield Paragraph(self.say(key))
            yield Equation(composer.notation.chain(chain))
            if key == "result" and self.layout in ("rows", "turned") and self.before is None:
                yield Paragraph(self.say(f"layout_{self.layout}"))
            yield from self.kronecker_signs(chain)
        if self.derivation.curvature is not None:
            yield from self.curved(step, self.derivation.curvature)
        if self.lines and not self.about.names.step:
            yield Paragraph(self.say("numpy"))
            yield from self.code()
        sweep = self.about.task.sweep
        found = list(conditions(sweep.graph, {}, self.about.task.assumed))
        if self.before is not None:
            before = self.before.task
            found = list(conditions(before.sweep.graph, before.sweep.lifted, before.assumed))
        yield from condition_section(composer, found)

    def newton(self, step: Step) -> Iterator[Block]:
        """Newton's step, and the normal equations of a quadratic loss."""
        about, formulas = self.about, self.composer.notation.formulas
        s, g, matrix, x = map(Name, (about.names.step, about.of, about.names.array, about.wrt))
        product = nodes.MatMul(matrix, s)
        size = about.found.dims[0].size
        boxes = {
            "s": formulas.node(s),
            "ds": formulas.node(change_of(s.name)),
            "model": formulas.node(nodes.Add(nodes.MatMul(g, s), _half(s, matrix))),
            "equation": _equal(formulas.node(product), formulas.node(nodes.Negate(g))),
            "square": times(size, size),
            "size": NumberBox(str(size)),
        }
        fields: Fields = {key: Math(box) for key, box in boxes.items()}
        first, *more = step.chains
        yield Paragraph(self.say("newton", fields))
        yield Equation(self.composer.notation.chain(first))
        yield Paragraph(self.say("newton_solve", fields))
        yield Paragraph(together(self.language, list(self.solvable())))
        for chain in more:
            right = chain.sides[-1]
            assert isinstance(right, Formula)
            there = nodes.MatMul(about.formula, nodes.Add(x, s))
            equations = _equal(formulas.node(there), formulas.node(right.node))
            yield Paragraph(self.say("normal"))
            yield Equation(self.composer.notation.chain(chain))
            yield Paragraph(self.say("normal_equations", {"equations": Math(equations)}))
        yield Paragraph(self.say("numpy_newton"))
        yield from self.code()

    def solvable(self) -> Iterator[Segments]:
        """Sentences on where Newton's step exists, and on where it leads to no minimum."""
        yield self.say("newton_unique")
        matrix = gram_of(self.about.formula, self.derivation.steps.task.sweep.facts)
        if matrix is not None:
            fields: Fields = {"A": Math(self.composer.notation.formulas.node(matrix))}
            yield self.say("newton_columns", fields)
            rows, columns = self.derivation.steps.task.sweep.facts.shape(matrix)
            if rows.size < columns.size:
                yield self.say("newton_wide", fields)
        curvature = self.derivation.curvature
        if curvature is None or curvature.sign <= 0 or curvature.needed:
            yield self.say("newton_saddle")

    def code(self) -> Iterator[Block]:
        """The lines that work the result out."""
        yield CodeBlock("\n".join(assignment(k, v) for k, v in self.lines.items()), "python")

    def kronecker_signs(self, chain: Chain) -> Iterator[Block]:
        """The meaning of ⊗ and of K, as far as they stand in a matrix."""
        last = chain.sides[-1]
        parts = (
            [part for product in last.products for part in product]
            if isinstance(last, KroneckerProducts)
            else []
        )
        if any(len(part.factors) > 1 for part in parts):
            sign = {"sign": Math(Operator("kronecker"))}
            yield Paragraph(fill(self.language, "notation.kronecker", sign))
        if any(part.swapped for part in parts):
            swap = swap_box(self.composer.notation.formulas)
            yield Paragraph(self.say("swap", {"K": Math(swap)}))

    def curved(self, step: Step, curvature: Curvature) -> Iterator[Block]:
        """Where a Hessian is semidefinite, and the loss convex or concave."""
        if not self.about.matrix:
            yield Paragraph(self.say("symmetric_axes"))
        if not curvature.sign:
            return
        sign = "positive" if curvature.sign > 0 else "negative"
        product = self.product()
        for chain in step.chains:
            if chain.kind == "squares":
                fields: Fields = {"z": Math(name_box(self.about.names.vector))}
                yield Paragraph(self.say(f"squares_{sign}", fields | {"zHz": Math(product)}))
                yield Equation(self.composer.notation.chain(chain))
        yield Paragraph(together(self.language, list(self.signs(curvature))))

    def signs(self, curvature: Curvature, more: Fields | None = None) -> Iterator[Segments]:
        """Sentences on where a Hessian is semidefinite, and the loss convex or concave."""
        more = more or {}
        sign = "positive" if curvature.sign > 0 else "negative"
        needed = [(Math(name_box(name)),) for name in sorted(curvature.needed)]
        where = "_if" if needed else ""
        kind = "definite" if self.about.found.dims else "second"
        filling = {**self.fields, **more, "needed": self.composer.listed(needed)}
        yield fill(self.language, f"array.{kind}_{sign}{where}", filling)
        if curvature.convex:
            yield self.say(f"convex_{sign}{where}", more)

    def product(self) -> Box:
        """The formula zᵀHz."""
        z, h = Name(self.about.names.vector), Name(self.about.names.array)
        if not self.about.names.vector:
            return name_box(self.about.names.array)
        return self.composer.notation.formulas.node(nodes.MatMul(nodes.MatMul(z, h), z))

    def checked(self) -> Iterator[Block]:
        """How many equalities were proved, and what SymPy found."""
        whole = ProgramComposer(self.derivation.proved, self.language, None)
        yield from proof_section(whole)
        yield from self.second()

    def second(self) -> Iterator[Block]:
        """SymPy's second opinion on the gradient, and on the array."""
        if self.before is not None:
            yield from second_section(self.before)
        opinion = self.derivation.steps.second
        if opinion is not None and (opinion.status == "agrees" or self.before is None):
            about, section = self.about, "array" if self.before is None else "hessian"
            yield Paragraph(second_words(opinion, about.of, (about.wrt,), self.language, section))

    def equations(self, chains: Sequence[Chain]) -> Iterator[Equation]:
        """Chains one below the other."""
        return (Equation(self.composer.notation.chain(chain)) for chain in chains)


def _half(vector: Name, matrix: Name) -> nodes.Node:
    """The formula sᵀHs/2."""
    return nodes.Divide(nodes.MatMul(nodes.MatMul(vector, matrix), vector), nodes.TWO)


def _equal(left: Box, right: Box) -> Box:
    """An equation."""
    return Row((left, Operator("equals"), right))


def _about(chain: Chain) -> str:
    """The value that a chain is about."""
    match chain.sides[0]:
        case Matrix(nodes.Name(name)):
            return name[1:]
        case Indexed(form=((Term(atoms=((Entry(name=name), 1),)), _),)):
            return name
    raise TypeError(f"a chain of the kind {chain.kind!r} is about no value")


#: The sentences about the chains of the result.
_RESULTS: Mapping[ChainKind, str] = {
    "assembled": "result",
    "entry": "result_axes",
    "jacobian": "result_vec",
    "symmetric": "symmetric",
}

#: Writes the steps of each kind.
ARRAY_WRITERS: Mapping[StepKind, Callable[[ArrayPage, Step], Iterator[Block]]] = {
    "array values": ArrayPage.values,
    "array entries": ArrayPage.entries,
    "array index": ArrayPage.index,
    "array differential": ArrayPage.differentials,
    "array result": ArrayPage.conclusion,
    "array newton": ArrayPage.newton,
}
