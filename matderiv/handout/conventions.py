"""Explanations of notation that differs from book to book: ⊙, broadcasting, f′, axes."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator

from matderiv.derivation.sides import (
    EntryOf,
    Formula,
    Kronecker,
    KroneckerFactor,
    RouteSide,
)
from matderiv.expression import nodes
from matderiv.expression.dims import SINGLE, Shape
from matderiv.expression.matrix_functions import function_kind, is_eigenvalue
from matderiv.expression.nodes import Node
from matderiv.expression.operations import NAMES
from matderiv.expression.source import is_turned
from matderiv.expression.vocabulary import KNOWN
from matderiv.handout.composer import ProgramComposer
from matderiv.handout.document import Block, Math, Paragraph
from matderiv.handout.sentences import Filling
from matderiv.notation.boxes import Operator, Word

__all__ = ["conventions", "conventions_of"]

_MATRIX = 2

#: Functions whose derivatives are functions with names of their own.
_DERIVATIVES = (
    ("relu", "step"),
    ("abs", "sign"),
    ("max", "iszero"),
    ("min", "iszero"),
    ("softplus", "sigmoid"),
    ("logsumexp", "softmax"),
)


def conventions(composer: ProgramComposer) -> Iterator[Block]:
    """A paragraph for each convention that the page makes use of."""
    for key, fields in conventions_of(composer):
        yield Paragraph(composer.say(key, fields))


def conventions_of(
    composer: ProgramComposer, only: Container[str] | None = None
) -> Iterator[tuple[str, Filling]]:
    """The messages about them and their fields; `only` are the values that are shown."""
    graph = composer.task.sweep.graph
    shape = composer.task.sweep.facts.shape
    given = [a for a in graph.values if only is None or a.name in only]
    values = [n for a in given for n in nodes.walk(a.value)]
    defined = (n for a in given for n in composer.task.textbook.parts(a.value))
    shown = [*defined, *_shown(composer)]
    if any(len(shape) == 1 for shape in graph.shapes.values()):
        yield "vectors", {}
    products = [n for n in shown if isinstance(n, nodes.Multiply) and _arrays(n, shape)]
    if products or any(isinstance(n, nodes.Power) and shape(n.left) for n in shown):
        yield "hadamard", {"odot": Math(Operator("odot"))}
    if any(isinstance(n, nodes.Divide) and shape(n.right) for n in shown):
        yield "quotient", {"oslash": Math(Operator("oslash"))}
    norms = (n for n in shown if isinstance(n, nodes.Norm) and len(shape(n.arg)) == _MATRIX)
    for norm in itertools.islice(norms, 1):
        yield "frobenius", {"norm": Math(composer.notation.formulas.node(norm))}
    yield from _broadcast(shown, shape)
    for key, arrays in _constant(shown).items():
        boxes = [composer.math(composer.notation.formulas.node(n)) for n in arrays]
        if boxes:
            yield key if len(boxes) > 1 else f"{key}_one", {key: composer.listed(boxes)}
    if any(isinstance(n, nodes.Trace) and set(shape(n.arg)) == {SINGLE} for n in values):
        yield "single", {}
    many = any(len(shape) > _MATRIX for shape in graph.shapes.values())
    stacked = [n for n in shown if isinstance(n, nodes.MatMul) or _turned(n)]
    if any(len(shape(n)) > _MATRIX for n in stacked):
        yield "stacks", {}
    yield from _along(composer, shown, many=many)
    orders = [n.order for n in shown if isinstance(n, nodes.Rearrange) and not _turned(n)]
    if any(None in order for order in orders):
        yield "new_axis", {"new": Math(Word("new", upright=True))}
    if any(list(order) != sorted(order) for order in map(_old, orders)):
        yield "permuted", {"transpose": Math(Word("transpose", upright=True))}
    moves = {n.move[0] for n in shown if isinstance(n, nodes.Mapped)}
    for head in ("windows", "fold"):
        if head in moves:
            yield head, {"head": Math(Word(head, upright=True))}
    for name in sorted(_functions(values)):
        if name not in KNOWN and not name[0].isupper():
            formulas = composer.notation.formulas
            f, df = formulas.function(name), formulas.function(f"d{name}")
            yield "undefined", {"f": Math(f), "df": Math(df)}
    yield from _of_matrices(composer, shown)
    yield from _of_numbers(_functions(values), _functions(shown))


def _along(
    composer: ProgramComposer, shown: list[Node], *, many: bool
) -> Iterator[tuple[str, Filling]]:
    """Functions along an axis: of each row or column, or along an axis by its number."""
    along = [
        n for n in shown if isinstance(n, nodes.Reduction | nodes.AlongAxis) and n.axis is not None
    ]
    kept = [n for n in along if getattr(n, "keepdims", False)]
    if many and along:
        yield "axes_many", {}
        if kept:
            yield "keep_many", {"keep": Math(Word("keep", upright=True))}
    elif along:
        formulas = composer.notation.formulas
        heads = {n: formulas.head(n) for n in along}
        lines = [
            [n for n in kept if n.axis is not None and n.axis % _MATRIX == 1 - place]
            for place in range(_MATRIX)
        ]
        keys = {"axes": [n for n in along if n not in kept]}
        keys |= dict(zip(("keep_row", "keep_col"), lines, strict=True))
        for key, some in keys.items():
            words = dict.fromkeys(heads[n] for n in some)
            if words:
                yield key, {"words": composer.listed((Math(word),) for word in words)}


def _of_numbers(called: set[str], written: set[str]) -> Iterator[tuple[str, Filling]]:
    """Functions that are written and that the program does not call, derivatives among them."""
    for name in ("sigmoid", "softmax"):
        if name in written - called and not any((f, name) in _DERIVATIVES for f in called):
            yield f"named_{name}", {"f": Math(Word(name, upright=True))}
    for name, derivative in _DERIVATIVES:
        if name in called and derivative in written:
            f, df = Word(name, upright=True), Word(derivative, upright=True)
            yield f"derivative_{name}", {"f": Math(f), "df": Math(df)}


def _of_matrices(composer: ProgramComposer, some: Iterable[Node]) -> Iterator[tuple[str, Filling]]:
    """The functions of matrices; of several of one kind the first is explained."""
    found: dict[str, tuple[Node, Node]] = {}
    for node in some:
        match node:
            case nodes.Trace(nodes.MatrixFunction(arg, function)) if is_eigenvalue(function):
                found.setdefault("eigenvalue", (node, arg))
            case nodes.MatrixFunction(arg, function) if function_kind(function) != "eigenvalue":
                found.setdefault(function_kind(function), (node, arg))
            case nodes.Frechet(arg, _, function):
                whole = nodes.MatrixFunction(arg, function)
                found.setdefault("along", (node, whole))
    for kind, (node, arg) in found.items():
        f, of = map(composer.notation.formulas.node, (node, arg))
        yield f"function_{kind}", {"f": Math(f), "A": Math(of)}


def _shown(composer: ProgramComposer) -> Iterator[Node]:
    """All that stands in the formulas of the derivation."""
    for step in composer.derivation.steps:
        for chain in step.chains:
            for side in chain.sides:
                for formula in _formulas(side):
                    yield from composer.task.textbook.parts(formula)


def _formulas(part: object) -> Iterator[Node]:
    """The formulas that a side is written with; the others are written in index notation."""
    if isinstance(part, Node):
        yield part
    elif isinstance(part, tuple):
        for item in part:
            yield from _formulas(item)
    elif isinstance(part, Formula | EntryOf | RouteSide | Kronecker | KroneckerFactor):
        for name in part.__dataclass_fields__:
            yield from _formulas(getattr(part, name))


def _constant(some: Iterable[Node]) -> dict[str, Counter[Node]]:
    """The arrays of ones and of zeros that stand in formulas; 0 is 0 times an array of ones."""
    ones, zeros, inside = Counter[Node](), Counter[Node](), Counter[Node]()
    for node in some:
        match node:
            case nodes.Multiply(nodes.ZERO, nodes.Ones() as part):
                zeros[node] += 1
                inside[part] += 1
            case nodes.Ones():
                ones[node] += 1
    return {"ones": ones - inside, "zeros": zeros}


def _functions(some: Iterable[Node]) -> set[str]:
    kinds: tuple[type, ...] = (nodes.LogSumExp, nodes.Softmax, nodes.Max, nodes.Min)
    names: dict[type, str] = {kind: NAMES[kind] for kind in kinds}
    return {n.function if isinstance(n, nodes.Apply) else names.get(type(n), "") for n in some} - {
        ""
    }


def _arrays(node: nodes.Multiply, shape: Callable[[Node], Shape]) -> bool:
    return bool(shape(node.left) and shape(node.right))


def _turned(node: Node) -> bool:
    return isinstance(node, nodes.Rearrange) and is_turned(node.order)


def _old(order: tuple[int | None, ...]) -> list[int]:
    return [axis for axis in order if axis is not None]


def _broadcast(some: list[Node], shape: Callable[[Node], Shape]) -> Iterator[tuple[str, Filling]]:
    """How arrays of different shapes meet entry by entry."""
    pairs = [tuple(map(shape, nodes.children(n))) for n in some if isinstance(n, nodes.Entrywise)]
    if any({len(one), len(other)} == {1, _MATRIX} for one, other in pairs):
        yield "broadcast_vector", {}
    if any(len(one) == len(other) == _MATRIX and one != other for one, other in pairs):
        yield "broadcast_line", {}
    unlike = [{len(one), len(other)} for one, other in pairs if len(one) != len(other)]
    if any(0 not in lengths and max(lengths) > _MATRIX for lengths in unlike):
        yield "broadcast_stack", {}
