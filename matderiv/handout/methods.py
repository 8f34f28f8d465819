"""The sections of derivations by index notation, differentials, slices or Kronecker products."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import get_args

from matderiv.calculus.index_forms.forms import Entry, Rate, Term
from matderiv.calculus.sweep.differentials import LINEAR_KINDS
from matderiv.derivation.links import Chain, Step
from matderiv.derivation.sides import (
    Formula,
    Indexed,
    Kroneckers,
    Matrix,
    Slice,
    Times,
    Vec,
    VecPartial,
    change_of,
)
from matderiv.expression import nodes
from matderiv.expression.matrix_functions import function_kind
from matderiv.expression.operations import COMPOSITE
from matderiv.handout.composer import FUNCTION_WORDS, ProgramComposer, StepWriter, kind_of
from matderiv.handout.document import Block, Math, Paragraph, Segment, Segments, Text
from matderiv.handout.notation_box import DELTA
from matderiv.handout.sentences import Fields, Filling, fill
from matderiv.notation.methods import identity_box, swap_box
from matderiv.notation.names import name_box

__all__ = ["METHOD_WRITERS", "differential_rules", "introduction"]

#: The key of the rule that gives the differential of a node that has operands.
_RULES: dict[type, str] = {
    **dict.fromkeys(COMPOSITE, "defined"),
    **dict.fromkeys(get_args(nodes.IndexMap), "linear"),
    **dict.fromkeys(LINEAR_KINDS, "linear"),
    nodes.MatMul: "product",
    nodes.Outer: "product",
    nodes.Multiply: "product",
    nodes.Divide: "quotient",
    nodes.Power: "power",
    nodes.Apply: "function",
    nodes.Functional: "functional",
    nodes.Prod: "prod",
    nodes.Max: "max",
    nodes.Min: "min",
    nodes.LogSumExp: "logsumexp",
    nodes.Softmax: "softmax",
    nodes.Norm: "norm",
    nodes.Inverse: "inverse",
    nodes.Determinant: "determinant",
    nodes.LogDet: "logdet",
    nodes.MatrixFunction: "along",  # under a trace it has a rule of its own
    nodes.Frechet: "linear",
}


#: Kinds whose local derivatives take more than the product rule and the chain rule.
_ARGUED = (
    "inverse",
    "determinant",
    "logdet",
    "softmax",
    "functional",
    "along",
    *FUNCTION_WORDS.values(),
)


def introduction(composer: ProgramComposer) -> Iterator[Block]:
    """A paragraph on the method, unless it is the default one."""
    method = composer.task.method
    if method != "elementwise":
        yield Paragraph(_say(composer, f"about_{method}", {"delta": Math(DELTA)}))
    if method == "slice":
        unit, _ = composer.notation.formulas.unit_vectors()
        place = name_box(composer.task.input_letters[0])
        yield Paragraph(_say(composer, "unit", {"e": Math(unit), "p": Math(place)}))


def _say(composer: ProgramComposer, key: str, fields: Filling) -> Segments:
    return fill(composer.language, f"method.{key}", fields)


def _used(composer: ProgramComposer, name: str, fields: Fields) -> Segments:
    """Which values use a name."""
    gradient = composer.task.sweep.gradients[name]
    users = gradient.users
    names = composer.listed([composer.math(name_box(by)) for by in users])
    key = "used" if len(users) == 1 else "used_often"
    return composer.say(key, fields | {"users": names})


def _section(composer: ProgramComposer, step: Step, fields: Fields) -> Iterator[Block]:
    """The gradient by one name: each chain after the sentence of its kind."""
    name = step.wrt or ""
    formulas = composer.notation.formulas
    own = composer.task.shapes[name]
    at = composer.task.input_letters[: len(own)]
    fields = fields | {
        "x": Math(formulas.entry(name, at)),
        "change": Math(formulas.node(change_of(name))),
        "L": Math(name_box(composer.task.loss)),
    }
    chains = [chain for chain in step.chains if not _told(chain, step)]
    blocks = (block for chain in chains for block in _chain(composer, step, chain, fields))
    yield from composer.joined(_used(composer, name, fields), blocks)


def _told(chain: Chain, step: Step) -> bool:
    """Whether the differential of the loss has said already what a chain of one link says."""
    before = step.chains[0]
    if chain.kind != "pairing" or len(chain.links) > 1 or before.kind != "differential":
        return False
    one, other = chain.sides[-1], before.sides[-1]
    return isinstance(one, Formula) and isinstance(other, Matrix) and one.node == other.node


def _held(composer: ProgramComposer, by: str, wrt: str) -> Iterator[Block]:
    """That other values in the definition of `by` are held fixed, if they change with `wrt`."""
    held = composer.task.held.get((by, wrt), ())
    if held and by != composer.task.loss:
        fields: Filling = {
            "change": Math(composer.notation.formulas.node(change_of(wrt))),
            "held": composer.listed([composer.math(name_box(name)) for name in held]),
        }
        yield Paragraph(_say(composer, "differential_held", fields))


def _chain(composer: ProgramComposer, step: Step, chain: Chain, fields: Fields) -> Iterator[Block]:
    about = _about(chain)
    if about is not None:
        fields = fields | {"Z": Math(name_box(about))}
    if chain.kind == "entry of value":
        value = composer.task.sweep.graph.value(about or "")
        yield Paragraph(composer.once(f"program.{composer.of_value(value)}", fields))
    elif chain.kind == "differential":
        value = composer.task.sweep.graph.definition(about or "")
        words = differential_rules(composer, value, {step.wrt or ""}, fields)
        yield Paragraph(_say(composer, "differential_differential", fields | {"rules": words}))
    else:
        match chain.sides[0]:
            case Slice(wrt=Entry(name=x, indices=indices)):
                fields = fields | {"x": Math(composer.notation.formulas.entry(x, indices))}
        yield Paragraph(_reason(composer, step, chain, fields))
    yield composer.equation(chain, step.wrt or "")
    yield from composer.held(chain)
    if chain.kind == "differential":
        yield from _held(composer, about or "", step.wrt or "")
    for side in chain.sides:
        if isinstance(side, Kroneckers):
            yield from _letters(composer, side, fields)


def _letters(composer: ProgramComposer, side: Kroneckers, fields: Fields) -> Iterator[Block]:
    """A sentence on I_N and one on the commutation matrix K, if they stand in a Jacobian."""
    factors = [factor for part in side.parts for factor in part.factors]
    sizes = dict.fromkeys(factor.size for factor in factors if factor.node is None)
    shape = composer.task.sweep.facts.shape
    scalars = [p for p in side.parts if p.diagonal is not None and not shape(p.diagonal)]
    sizes |= dict.fromkeys(dim.symbol for part in scalars for dim in part.over)
    for size in sizes:
        identity: Fields = {
            "I": Math(identity_box(size)),
            "rows": Text(str(_size(composer, size))),
        }
        yield Paragraph(_say(composer, "kronecker_identity", identity))
    if any(part.swapped for part in side.parts):
        swap: Fields = {"K": Math(swap_box(composer.notation.formulas))}
        yield Paragraph(_say(composer, "kronecker_swap", fields | swap))


def _reason(composer: ProgramComposer, step: Step, chain: Chain, fields: Fields) -> Segments:
    """The sentence before a chain; a local derivative that needs an argument has its own."""
    if (step.kind, chain.kind) == ("index", "local"):
        value = composer.task.sweep.graph.value(_about(chain) or "")
        kind = kind_of(value)
        if kind in _ARGUED:
            return composer.once(f"program.local_{kind}", fields)
        if chain.links[0].reason == "local derivative":
            return composer.once("program.local", fields)
    return composer.once(f"method.{_key(step, chain)}", fields)


def _key(step: Step, chain: Chain) -> str:
    """The sentence before a chain; one that needs the cyclic rule of the trace says so."""
    reasons = {link.reason for link in chain.links}
    key = f"{step.kind}_{chain.kind.replace(' ', '_')}"
    if chain.kind == "pairing":
        return key + ("_cyclic" if "cyclic rule" in reasons else "")
    if chain.kind == "transposed":
        several = any(isinstance(side, Times) and side.products for side in chain.sides)
        return key + ("_product" if several else "")
    if chain.kind in ("contracted", "inner products"):
        return key + ("_product" if "matrix product" in reasons else "")
    return key


def _about(chain: Chain) -> str | None:
    """The value that a chain is about."""
    match chain.sides[0]:
        case Slice(of=of) | VecPartial(of=of):
            return of.name
        case Vec(nodes.Name(name)):
            return name
        case Matrix(nodes.Name(name)):
            return name[1:]
        case Indexed(((Term(((Entry(name=name) | Rate(of=Entry(name=name)), 1),)), _),)):
            return name
    return None


def _size(composer: ProgramComposer, symbol: str) -> int:
    """The value of a size letter on this page."""
    dims = (dim for shape in composer.task.shapes.values() for dim in shape)
    return next(dim.size for dim in dims if dim.symbol == symbol)


def differential_rules(
    composer: ProgramComposer, value: nodes.Node, moving: Collection[str], fields: Fields
) -> Segments:
    """The rules that the differential of a value follows where some names move, each said once."""
    kinds = dict.fromkeys(
        FUNCTION_WORDS[function_kind(node.arg.function)]
        if isinstance(node, nodes.Trace) and isinstance(node.arg, nodes.MatrixFunction)
        else _RULES[type(node)]
        for node in _with_traces(value)
        if nodes.children(node) and not nodes.names_in(node).isdisjoint(moving)
    )
    made: list[Segment] = []
    for kind in kinds:
        made += _say(composer, "between", {}) if made else ()
        made += _say(composer, f"rule_{kind}", fields)
    return tuple(made)


def _with_traces(value: nodes.Node) -> Iterator[nodes.Node]:
    """All parts; the trace of a function of a matrix is one part with it."""
    parts = [*nodes.walk(value)]
    inner = [part.arg for part in parts if isinstance(part, nodes.Trace)]
    yield from (p for p in parts if not (isinstance(p, nodes.MatrixFunction) and p in inner))


def _direct(composer: ProgramComposer, step: Step, fields: Fields) -> Iterator[Block]:
    """A gradient that the loss gives by itself, entry by entry."""
    fields = fields | {"L": Math(name_box(composer.task.loss))}
    yield from composer.gradient(step, fields, _say(composer, "direct", fields))


METHOD_WRITERS: Mapping[str, StepWriter] = {
    "index": _section,
    "differential": _section,
    "slice": _section,
    "kronecker": _section,
    "direct": _direct,
}
