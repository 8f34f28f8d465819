"""The sections of a page that show one product in close-up, entry by entry."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from matderiv.calculus.index_forms.forms import ONE_FORM, Entry, Index, Term, single
from matderiv.calculus.sweep.task import Task
from matderiv.derivation.focus import CloseUp, function_of
from matderiv.derivation.links import Chain, Step
from matderiv.derivation.sides import Formula, Indexed, SpelledProduct
from matderiv.expression.nodes import Name
from matderiv.handout.composer import ProgramComposer, StepWriter
from matderiv.handout.document import Block, Math, Paragraph, Segments
from matderiv.handout.sentences import Fields, Filling, fill, together
from matderiv.notation.boxes import Box, Fence, NumberBox, Symbol, joined
from matderiv.notation.names import name_box

__all__ = ["CLOSE_UP_WRITERS", "beginning", "given"]

_MATRIX = 2


def beginning(composer: ProgramComposer, fields: Fields) -> Iterator[Block]:
    """The first sentence of a page with a close-up."""
    yield Paragraph(_say(composer, "values", fields | _fields(composer)))


def given(composer: ProgramComposer, chain: Chain) -> Iterator[Block]:
    """A chain about the given quantities: the factors, the product, the loss as a sum."""
    close = _close(composer)
    fields = _fields(composer)
    key: str | None = chain.kind
    match chain.kind:
        case "array" if chain.sides[0] != Formula(Name(close.factors[0])):
            key = None
        case "product":
            key = _product(composer.task, close)
    if key is not None:
        yield Paragraph(_say(composer, key, fields))
    yield composer.equation(chain)


def _product(task: Task, close: CloseUp) -> str:
    """The sentence before the product; it depends on which factors are vectors."""
    shape = task.sweep.facts.shape
    if len(shape(close.product.left)) < _MATRIX:
        return "product_of_vector"
    return "product" if len(shape(close.product.right)) == _MATRIX else "product_with_vector"


def _close(composer: ProgramComposer) -> CloseUp:
    close = composer.derivation.close
    assert close is not None
    return close


def _say(composer: ProgramComposer, key: str, fields: Filling) -> Segments:
    return fill(composer.language, f"close_up.{key}", fields)


def _fields(composer: ProgramComposer) -> Fields:
    """The formulas that hold for the whole close-up."""
    close, formulas = _close(composer), composer.notation.formulas
    task = composer.task
    shape = task.sweep.facts.shape
    over = shape(Name(close.value))
    at = task.value_indices(over)
    boxes: dict[str, Box] = {
        "left": formulas.node(close.product.left),
        "right": formulas.node(close.product.right),
        "Y": name_box(close.value),
        "dY": formulas.gradient(close.value),
        "L": name_box(task.loss),
        "y_ij": formulas.entry(close.value, at),
        "row": _index(at[0]),
        "column": _index(at[-1]),
    }
    if close.summand is not None:
        boxes["f"] = formulas.function(close.summand.function)
        f_y = single(function_of(close.summand.function, close.value, at))
        boxes["f_y"] = composer.notation.indices.form(f_y)
    return {key: Math(box) for key, box in boxes.items()}


def _index(index: Index) -> Box:
    return NumberBox(str(index)) if isinstance(index, int) else name_box(index)


# -- steps -----------------------------------------------------------------------------------


def _upstream(composer: ProgramComposer, step: Step, fields: Fields) -> Iterator[Block]:
    """∂L/∂Z through f, entry by entry."""
    fields = fields | _fields(composer)
    for chain in step.chains:
        key = chain.kind.replace(" ", "_")
        match chain.sides[-1]:
            case Indexed(form) if key == "unit" and form != ONE_FORM:
                key = "unit_scaled"
        yield Paragraph(_say(composer, key, fields))
        yield composer.equation(chain)


def _entries(composer: ProgramComposer, step: Step, fields: Fields) -> Iterator[Block]:
    """Single entries of ∂L/∂X."""
    close, task, name = _close(composer), composer.task, step.wrt or ""
    formulas = composer.notation.formulas
    fields = fields | _fields(composer)
    users = task.sweep.gradients[name].users
    if len(users) > 1:
        names = composer.listed([composer.math(name_box(by)) for by in users])
        yield Paragraph(composer.say("used_often", fields | {"users": names}))
    first = next(chain for chain in step.chains if chain.kind == "entry")
    x = Math(formulas.entry(name, _entry(first).indices))
    y = Entry(close.value, tuple(1 for _ in task.shapes[close.value]))
    fields |= {
        "y": Math(formulas.entry(y.name, y.indices)),
        "dL_dy": Math(formulas.entry(f"d{y.name}", y.indices)),
    }
    value = None
    for chain in step.chains:
        if chain.kind in ("entry of value", "local"):
            if chain.kind == "entry of value":
                by = _entry(chain).name
                value = task.sweep.graph.value(by)
                fields |= {"Z": Math(name_box(by))}
            yield from composer.introduced(step, chain, value, fields)
            continue
        key = chain.kind.replace(" ", "_")
        if chain.kind == "entry" and not close.alone(task, name):
            key = "entry_of_matrix" if len(users) == 1 else "entry_of_all"
        if chain.kind == "another entry":
            x = Math(formulas.entry(name, _entry(chain).indices))
        yield Paragraph(_say(composer, key, fields | {"x": x}))
        yield composer.equation(chain)


def _entry(chain: Chain) -> Entry:
    """The entry that stands at the start of a chain: x_11 of ∂L/∂x_11."""
    match chain.sides[0]:
        case Indexed(((Term(((Entry() as entry, 1),), ()), 1),)):
            return entry
    raise TypeError(f"{chain.kind} does not begin with an entry")


def _array(composer: ProgramComposer, step: Step, fields: Fields) -> Iterator[Block]:
    """All entries of ∂L/∂X, and the product that they are."""
    (chain,) = step.chains
    product = next((s for s in chain.sides if isinstance(s, SpelledProduct)), None)
    yield Paragraph(_say(composer, "array_sum" if product is None else "array_product", fields))
    yield composer.equation(chain)
    yield from composer.why_transposed(product, fields)


def _proof(composer: ProgramComposer, step: Step, fields: Fields) -> Iterator[Block]:
    """The entry of ∂L/∂X in index notation, for all sizes."""
    task, name = composer.task, step.wrt or ""
    close, formulas = _close(composer), composer.notation.formulas
    own = task.shapes[name]
    at = task.input_indices(own)
    users = task.sweep.gradients[name].users
    fields = fields | _fields(composer)
    fields |= {
        "x": Math(formulas.entry(name, at)),
        "place": Math(_place(at)),
        "delta": Math(Symbol("delta", greek=True)),
    }
    value, before = None, [_sizes(composer, name, fields)]
    for chain in step.chains:
        if chain.kind == "entry of value":
            by = _entry(chain).name
            value = task.sweep.graph.value(by)
            fields |= {"Z": Math(name_box(by))}
            key = "index" if by == close.value else ""
        elif chain.kind == "local":
            key = "index_local" if value == close.product else ""
            if key and len(close.factors) == 1:  # it stands there twice, and leaves two terms
                key = "index_local_twice"
        else:
            key = "index_chain" if users == (close.value,) else "index_chain_of_all"
        if key:
            said = together(composer.language, [*before, _say(composer, key, fields)])
            blocks = iter([Paragraph(said), composer.equation(chain), *composer.held(chain)])
        else:
            blocks = composer.introduced(step, chain, value, fields)
            blocks = composer.joined(before[0], blocks) if before else blocks
        before = []
        yield from blocks


def _place(at: tuple[Index, ...]) -> Box:
    """(p, q), or p in a vector."""
    return _index(at[0]) if len(at) == 1 else Fence(joined(map(_index, at)))


def _sizes(composer: ProgramComposer, name: str, fields: Fields) -> Segments:
    """For which sizes and entries the proof holds."""
    shapes, close = composer.task.shapes, _close(composer)
    dims = dict.fromkeys(d for n in (*close.factors, name) for d in shapes[n])
    letters = [name_box(dim.symbol) for dim in dims if dim.symbol != str(dim.size)]
    if not letters:
        return _say(composer, "any_place", fields)
    sizes = composer.listed([composer.math(letter) for letter in letters])
    key = "any_size" if len(letters) == 1 else "any_sizes"
    return _say(composer, key, fields | {"sizes": sizes})


CLOSE_UP_WRITERS: Mapping[str, StepWriter] = {
    "upstream": _upstream,
    "entries": _entries,
    "array": _array,
    "proof": _proof,
}
