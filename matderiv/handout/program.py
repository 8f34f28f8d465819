"""From the derivation of a whole program to a document in one language."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from matderiv.calculus.formulas.shaping import letters_in
from matderiv.calculus.sweep.conditions import conditions
from matderiv.calculus.sweep.sweep import name_meant
from matderiv.calculus.sweep.task import Task
from matderiv.derivation.board import with_board_names
from matderiv.derivation.links import ProvedSteps, Step
from matderiv.derivation.loss_names import loss_name
from matderiv.derivation.sides import Formula
from matderiv.expression.assumptions import ASSUMPTIONS, Assumption
from matderiv.expression.nodes import Node, names_in
from matderiv.expression.size_text import letters_of_size
from matderiv.handout import close_up, methods
from matderiv.handout.composer import ProgramComposer, StepWriter
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
from matderiv.handout.meanings import meaning_section
from matderiv.handout.notation_box import with_delta
from matderiv.handout.readings import reading_sentences
from matderiv.handout.second import second_words
from matderiv.handout.sentences import Fields, fill, together
from matderiv.handout.texts import messages
from matderiv.notation.boxes import Box
from matderiv.notation.formulas import Formulas
from matderiv.notation.names import name_box, numbered_box

__all__ = [
    "STEP_WRITERS",
    "compose_program",
    "condition_section",
    "given_section",
    "loss_box",
    "numpy_answers",
    "page_blocks",
    "page_title",
    "proof_section",
    "second_section",
    "step_sections",
    "task_section",
    "what_it_says",
]


#: The width of a loss in em up to which it stands in a title: TeX may find no place to break it,
#: and a heading has 24 em on a page, of which the words before it take 6.
_SHORT = 18.0


def compose_program(derivation: ProvedSteps, language: str, show: int | None) -> Document:
    """The document of a program's derivation.

    Raises:
        InputError: there is no such language.
    """
    composer = ProgramComposer(derivation, language, show)
    return Document(
        language,
        page_title(composer),
        tuple(with_delta(page_blocks(composer), language)),
        whole=show is None,
    )


def page_title(composer: ProgramComposer) -> Segments:
    """The usual title: the name of the loss, or what it is where that is short."""
    name = loss_name(composer.task)
    if name is not None:
        named = fill(composer.language, f"loss.{name}", {})
        return composer.say("title_named", {"name": named})
    return composer.say("title", {"L": Math(loss_box(composer.task, composer.notation.formulas))})


def loss_box(task: Task, formulas: Formulas) -> Box:
    """The loss as the program writes it, sum(f(Y)), or L where that is long.

    No equals sign stands here: the page defines L once, in the values that it names.
    """
    last = task.program.loss
    formula = formulas.node(last.value)
    return formula if formula.width <= _SHORT else name_box(last.name)


def page_blocks(composer: ProgramComposer) -> Iterator[Block]:
    """The whole page."""
    yield from task_section(composer)
    yield from step_sections(composer)
    yield from what_it_says(composer)
    yield Heading(2, fill(composer.language, "program.heading_checked", {}), aside=True)
    yield from proof_section(composer)


def what_it_says(composer: ProgramComposer) -> Iterator[Block]:
    """The meaning of the gradients, where they show a pattern that is known by a name."""
    known = {a.name for a in composer.task.sweep.graph.values}
    task = with_board_names(composer.task, lifted=True)
    yield from meaning_section(task, known, composer.language)


def task_section(composer: ProgramComposer) -> Iterator[Block]:
    """The gradients to derive, and the shapes of the inputs."""
    fields: Fields = {"L": Math(name_box(composer.task.loss))}
    names = [composer.math(name_box(name)) for name in composer.derivation.wrt]
    yield Paragraph(composer.say("asked", fields | {"wrt": composer.listed(names)}))
    yield from given_section(composer)


def given_section(composer: ProgramComposer) -> Iterator[Block]:
    """The shapes of the inputs, and how the program was read."""
    inputs = composer.task.program.inputs()
    yield Bullets(tuple(composer.shape(name) for name in inputs))
    dims = dict.fromkeys(dim.symbol for name in inputs for dim in composer.task.shapes[name])
    letters = dict.fromkeys(letter for text in dims for letter in letters_of_size(text))
    known = composer.task.sizes
    sizes = [numbered_box(letter, known[letter]) for letter in letters if letter in known]
    tied = [
        composer.math(name_box(name))
        for name in composer.derivation.wrt
        if name in composer.task.assumed
        and ASSUMPTIONS[composer.task.assumed[name]].gradient == "all"
    ]
    if tied:
        yield Paragraph(composer.say("tied", {"names": composer.listed(tied)}))
    if sizes:
        named = composer.listed(map(composer.math, sizes))
        key = "size_letter" if len(sizes) == 1 else "size_letters"
        yield Paragraph(composer.say(key, {"sizes": named}))
    read = [*reading_sentences(composer.task.readings, composer.language)]
    if read:
        yield Paragraph(together(composer.language, read))


def step_sections(
    composer: ProgramComposer, *, conclusion: bool = True, values: bool = True, start: int = 0
) -> Iterator[Block]:
    """The numbered steps, from the values to the `conclusion`, and further proofs.

    `start`: how many steps the page has already; the `values` may be among those.
    """
    composer.forget()
    steps = tuple(s for s in composer.derivation.steps if values or s.kind != "values")
    found = [step for step in steps if step.kind == "matrix" and not _rewrites(composer, step)]
    before = ""
    headed = set[str]()
    number = start
    for step in steps:
        # All formulas are one step.
        heads = not (step.kind in _FORMULAS and before in _FORMULAS)
        if step.kind == "proof" != before:
            yield from _conclusion(composer)
        number += heads
        fields: Fields = {"step": Text(str(number))}
        if step.wrt is not None:
            fields["X"] = Math(name_box(step.wrt))
            fields["dX"] = Math(composer.notation.formulas.gradient(step.wrt))
        if heads:
            kind = _HEADED[step.kind]
            if kind == "array" and len(composer.task.shapes[step.wrt or ""]) == 1:
                kind = "vector"
            # Of two proofs or rows of entries, a talk shows the first.
            aside = step.kind in _ONCE and step.kind in headed
            headed.add(step.kind)
            yield Heading(2, composer.say(f"heading_{kind}", fields), aside=aside)
            if kind == "matrix" and found:
                yield from _as_found(composer, found)
        before = step.kind
        if step not in found:
            yield from STEP_WRITERS[step.kind](composer, step, fields)
    if before != "proof" and conclusion:
        yield from _conclusion(composer)


def _values(composer: ProgramComposer, step: Step, fields: Fields) -> Iterator[Block]:
    """The values of the program, and explanations of the notation."""
    if step.chains[0].kind == "value":
        yield Paragraph(composer.say("values", fields))
    else:
        yield from close_up.beginning(composer, fields)
    for chain in step.chains:
        if chain.kind == "value":
            yield Equation(composer.notation.chain(chain))
        else:
            yield from close_up.given(composer, chain)
    graph = composer.task.sweep.graph
    lifted = [composer.math(name_box(a.name)) for a in graph.values if a.name in graph.lifted]
    if lifted:
        key = "lifted" if len(lifted) > 1 else "lifted_one"
        yield Paragraph(composer.say(key, fields | {"names": composer.listed(lifted)}))
    yield from conventions(composer)
    yield Paragraph(composer.say("backwards", fields))
    yield from methods.introduction(composer)


def _called(composer: ProgramComposer, step: Step, fields: Fields) -> Iterator[Block]:
    """An inner value that gets a name on the page, and its gradient."""
    value, _ = step.chains
    yield Paragraph(composer.say("called", fields))
    yield Equation(composer.notation.chain(value))
    yield from _formula(composer, step, fields)


def _formula(composer: ProgramComposer, step: Step, fields: Fields) -> Iterator[Block]:
    """The formula in the names of the program."""
    words = [_rewrite(composer, why, step, fields) for why in _rewrites(composer, step)]
    if not words:
        yield from _as_found(composer, [step])
        return
    key = "assembled" if len(words) > 1 else "assembled_one"
    listed = composer.listed(words, "clause_")
    yield Paragraph(composer.say(key, fields | {"rewrites": listed}))
    yield Equation(composer.notation.chain(step.chains[-1]))


def _zero(composer: ProgramComposer, step: Step, fields: Fields) -> Iterator[Block]:
    """A gradient that is zero everywhere."""
    graph, name = composer.task.sweep.graph, step.wrt or ""
    key = "zero" if composer.task.sweep.gradients[name].uses else "zero_before"
    if graph.result not in graph.depends(frozenset({name})):
        key = "zero_unused"
    fields |= {"L": Math(name_box(composer.task.loss))}
    yield Paragraph(composer.say(key, fields))
    if key == "zero_unused" and (meant := name_meant(graph)):
        yield Paragraph(composer.say("zero_meant", {"meant": Code(meant)}))
    yield from (Equation(composer.notation.chain(chain)) for chain in step.chains)


def _rewrites(composer: ProgramComposer, step: Step) -> list[str]:
    """The rewrites of the formula that was found, in order, where they can be seen."""
    _, *links = step.chains[-1].links
    seen = (link for link in links if not composer.notation.alike(link.left, link.right))
    return list(dict.fromkeys(link.reason.replace(" ", "_") for link in seen))


#: The rewrites that use what is assumed of inputs, and the facts about them that they use.
_ASSUMING: Mapping[str, Callable[[Assumption], object]] = {
    "rows_that_sum_to_1": lambda known: known.rows,
    "entries_that_are_0_or_1": lambda known: known.name == "onehot",
    "orthogonal_matrix": lambda known: known.name == "orthogonal",
    "numbers_that_are_not_negative": lambda known: known.sign,
}


def _rewrite(composer: ProgramComposer, why: str, step: Step, fields: Fields) -> Segments:
    """The reason of a rewrite; what is assumed is said of the inputs that the rewrite is about."""
    uses = _ASSUMING.get(why)
    if uses is None:
        return composer.say(f"rewrite_{why}", fields)
    before = frozenset[str]().union(
        *(
            names_in(link.left.node)
            for link in step.chains[-1].links
            if link.reason.replace(" ", "_") == why and isinstance(link.left, Formula)
        )
    )
    task = composer.task
    names = [
        name
        for name, structure in task.assumed.items()
        if name in before and uses(ASSUMPTIONS[structure])
    ]
    listed = composer.listed([composer.math(name_box(name)) for name in names])
    vectors = all(len(task.shapes[name]) == 1 for name in names)
    key = f"rewrite_{why}_vector" if vectors and why == "rows_that_sum_to_1" else f"rewrite_{why}"
    return composer.say(key, {"names": listed})


def _as_found(composer: ProgramComposer, steps: list[Step]) -> Iterator[Block]:
    """The formulas that were found in the names of the program, after one sentence."""
    formulas = composer.notation.formulas
    names = [composer.math(formulas.gradient(step.wrt or "")) for step in steps]
    key = "as_found_one" if len(names) == 1 else "as_found"
    yield Paragraph(composer.say(key, {"gradients": composer.listed(names)}))
    yield from (Equation(composer.notation.chain(step.chains[-1])) for step in steps)


def _structure(composer: ProgramComposer, step: Step, fields: Fields) -> Iterator[Block]:
    """The gradient by an input of declared structure."""
    way = composer.task.way(step.wrt or "")
    fields |= {"L": Math(name_box(composer.task.loss))}
    yield Paragraph(composer.say(f"structure_{way}", fields))
    yield from (Equation(composer.notation.chain(chain)) for chain in step.chains)
    if f"program.structure_other_{way}" in messages(composer.language):
        other = "entries" if way == "inner" else "inner"
        option: Fields = {"option": Code(f"--convention {other}")}
        yield Paragraph(composer.say(f"structure_other_{way}", fields | option))


def _conclusion(composer: ProgramComposer) -> Iterator[Block]:
    """The answers in NumPy, and where they hold."""
    yield Heading(2, composer.say("heading_conclusion", {}))
    yield from numpy_answers(composer)


def numpy_answers(composer: ProgramComposer, named: Task | None = None) -> Iterator[Block]:
    """The answers in NumPy, the gradients that they call by name among them, and conditions.

    `named` is the task of the same program with names for values that a page gives a name, such as
    Z = XW + b; those that the answers use are assigned first. It is used where all is proved.
    """
    yield Paragraph(composer.say("numpy", {}))
    task = composer.task
    if named is not None and all(named.prover.all_of(n).index for n in composer.derivation.wrt):
        task = named
    sweep = task.sweep
    needed = dict.fromkeys(
        name for wrt in composer.derivation.wrt for name in (*sweep.upstream(wrt), wrt)
    )
    formulas = dict(sweep.called) | {f"d{name}": task.answer(name) for name in needed}
    own, new = composer.task.program.names(), dict[str, Node]()
    used = {name for node in formulas.values() for name in names_in(node)}
    for a in reversed(task.program.assignments):
        if a.name in used and a.name not in own:
            new[a.name] = a.value
            used |= names_in(a.value)
    formulas = dict(reversed(new.items())) | formulas
    lines = [f"{k} = {value}" for k, value in task.size_lines(formulas.values()).items()]
    lines += (assignment(name, task.source(node)) for name, node in formulas.items())
    yield CodeBlock("\n".join(lines), "python")
    yield from _names(composer, list(formulas.values()))
    graph = composer.task.sweep.graph
    found = conditions(graph, composer.task.sweep.lifted, composer.task.assumed)
    yield from condition_section(composer, found)


def condition_section(
    composer: ProgramComposer, found: Sequence[tuple[str, Node]]
) -> Iterator[Block]:
    """Where a derivation holds."""
    if found:
        yield Paragraph(composer.say("conditions", {}))
        yield Bullets(tuple(_condition(composer, kind, node) for kind, node in found))


def _names(composer: ProgramComposer, formulas: list[Node]) -> Iterator[Block]:
    """Explanations of names in the NumPy lines: gradients, derivatives, sizes, SciPy functions."""
    facts = []
    for name in derivatives_in(formulas, composer.task.program.functions()):
        key = "gradient_of" if name[0].isupper() else "derivative_of"
        facts.append(composer.say(key, {"f": Code(name), "df": Code(f"d{name}")}))
    if facts:
        yield Paragraph(composer.say("here", {"facts": composer.listed(facts, "clause_")}))
    if letters_in(formulas).keys() & composer.task.declared:
        yield Paragraph(composer.say("sizes", {}))
    foreign: list[Segments] = [(Code(name),) for name in foreign_names(formulas)]
    if foreign:
        key = "foreign" if len(foreign) > 1 else "foreign_one"
        command: Fields = {"command": Code("matderiv gradient --format numpy")}
        yield Paragraph(composer.say(key, command | {"names": composer.listed(foreign)}))


def _condition(composer: ProgramComposer, kind: str, node: Node) -> Segments:
    """A condition as half a sentence, in other words for a number than for an array."""
    scalar = "_scalar" if not composer.task.sweep.facts.shape(node) else ""
    words = messages(composer.language)
    key = f"condition_{kind}{scalar}"
    key = key if f"program.{key}" in words else f"condition_{kind}"
    return composer.say(key, {"u": Math(composer.notation.formulas.node(node))})


def proof_section(composer: ProgramComposer) -> Iterator[Block]:
    """How many equalities were proved, for which sizes, and SymPy's second opinion."""
    proof = composer.derivation.proof
    fields: Fields = {
        "equalities": Text(str(proof.equalities)),
        "general": Text(str(proof.for_all_sizes)),
        "compared": Text(str(proof.equalities - proof.for_all_sizes)),
        "entries": Text(str(proof.entries)),
    }
    every = proof.for_all_sizes == proof.equalities
    yield Paragraph(composer.say("checked_all" if every else "checked_some", fields))
    yield from second_section(composer)


def second_section(composer: ProgramComposer) -> Iterator[Block]:
    """SymPy's second opinion on the gradients, if there is one."""
    if composer.derivation.second is not None:
        loss, wrt = composer.task.loss, composer.derivation.wrt
        yield Paragraph(second_words(composer.derivation.second, loss, wrt, composer.language))


_FORMULAS = ("called", "matrix")

#: The kinds of steps that go for one input as for another.
_ONCE = ("entries", "proof")

#: The heading of each kind of step.
_HEADED: Mapping[str, str] = {
    **{kind: kind for kind in ("values", "structure", "upstream", "entries", "array", "proof")},
    **dict.fromkeys(_FORMULAS, "matrix"),
    **dict.fromkeys(("gradient", "zero", *methods.METHOD_WRITERS), "gradient"),
}

STEP_WRITERS: Mapping[str, StepWriter] = {
    "values": _values,
    "gradient": ProgramComposer.gradient,
    "called": _called,
    "matrix": _formula,
    "zero": _zero,
    "structure": _structure,
    **methods.METHOD_WRITERS,
    **close_up.CLOSE_UP_WRITERS,
}
