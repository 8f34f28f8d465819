"""The rules by which gradients go back, as a table, and what shapes alone cannot tell.

Each rule is the gradient of a program of one operation, derived and proved by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from matderiv.calculus.deciding.decide import Verdict
from matderiv.calculus.sweep.task import Task, read_task
from matderiv.derivation.judge import Judge
from matderiv.derivation.sides import Formula
from matderiv.errors import ProofError
from matderiv.expression import nodes
from matderiv.expression.nodes import Name, Node, names_in
from matderiv.handout.document import Block, Heading, Math, Paragraph, Segments, Table
from matderiv.handout.sentences import fill
from matderiv.notation.boxes import Operator, Row, times
from matderiv.notation.names import name_box
from matderiv.notation.program import ProgramNotation

__all__ = ["principle_table", "shape_question"]

_MATRIX = 2  # dimensions


@dataclass(frozen=True, slots=True)
class _Rule:
    """A program of one operation, the names to differentiate by, and when a program uses it."""

    program: str
    shapes: Mapping[str, tuple[int, ...]]
    wrt: tuple[str, ...]
    used: Callable[[Task, Node], bool]


def _is(*kinds: type) -> Callable[[Task, Node], bool]:
    return lambda _, node: isinstance(node, kinds)


def _is_broadcast(task: Task, node: Node) -> bool:
    """A vector that is added to every row of a matrix."""
    if not isinstance(node, nodes.Add | nodes.Subtract):
        return False
    shape = task.sweep.facts.shape
    return sorted(len(shape(part)) for part in nodes.children(node)) == [1, _MATRIX]


def _is_square(_: Task, node: Node) -> bool:
    return (
        isinstance(node, nodes.Sum)
        and isinstance(node.arg, nodes.Power)
        and node.arg.right == nodes.TWO
    )


#: By the key of the words for it, in the order of the table.
_RULES: Mapping[str, _Rule] = {
    "product": _Rule(
        "Y = A @ B; L = Loss(Y)", {"A": (2, 4), "B": (4, 3)}, ("A", "B"), _is(nodes.MatMul)
    ),
    "entrywise": _Rule("Y = f(X); L = Loss(Y)", {"X": (2, 3)}, ("X",), _is(nodes.Apply)),
    "broadcast": _Rule("Y = X + b; L = Loss(Y)", {"X": (2, 3), "b": (3,)}, ("b",), _is_broadcast),
    "softmax": _Rule(
        "Y = softmax(X, axis=1); L = Loss(Y)", {"X": (2, 3)}, ("X",), _is(nodes.Softmax)
    ),
    "square": _Rule("L = sum(X**2)", {"X": (2, 3)}, ("X",), _is_square),
    "inverse": _Rule("Y = inv(A); L = Loss(Y)", {"A": (3, 3)}, ("A",), _is(nodes.Inverse)),
    "logdet": _Rule("L = logdet(A)", {"A": (3, 3)}, ("A",), _is(nodes.LogDet)),
}
_FORK = _Rule("Y = f(X) + g(X); L = Loss(Y)", {"X": (2, 3)}, ("X",), lambda *_: False)


def principle_table(task: Task, language: str) -> Iterator[Block]:
    """The rules that a program uses, each with the gradient that is proved for it.

    Raises:
        ProofError: a rule is not proved for all sizes.
    """
    rows = [
        (_forward(rule), _backward(rule), fill(language, f"principle.{key}", {}))
        for key, rule in _used(task)
    ]
    if not rows:
        return
    head = tuple(fill(language, f"principle.{key}", {}) for key in ("forward", "backward", "words"))
    yield Heading(2, fill(language, "principle.heading", {}))
    yield Paragraph(fill(language, "principle.about", {}))
    yield Table(head, tuple(rows), fill(language, "principle.caption", {}))


def _used(task: Task) -> Iterator[tuple[str, _Rule]]:
    graph = task.sweep.graph
    moving = graph.depends(frozenset(task.wrt))
    parts = [
        node
        for a in graph.values
        for node in nodes.walk(a.value)
        if not moving.isdisjoint(names_in(node))
    ]
    for key, rule in _RULES.items():
        if any(rule.used(task, node) for node in parts):
            yield key, rule
    if any(len(found.users) > 1 for found in task.sweep.gradients.values()):
        yield "fork", _FORK


def _task(rule: _Rule) -> Task:
    task = read_task(rule.program, rule.wrt, shapes=rule.shapes, scalar=True)
    for name in rule.wrt:
        if not task.prover.all_of(name).index:
            raise ProofError(f"the rule {rule.program!r} is not proved")
    return task


def _forward(rule: _Rule) -> Segments:
    """Y = AB."""
    task = _task(rule)
    formulas = ProgramNotation(task, None).formulas
    first = task.program.assignments[0]
    return (Math(Row((name_box(first.name), Operator("equals"), formulas.node(first.value)))),)


def _backward(rule: _Rule) -> Segments:
    """∂L/∂A = ∂L/∂Y Bᵀ, and the same for B."""
    task = _task(rule)
    formulas = ProgramNotation(task, None).formulas
    found = [
        Row(
            (
                formulas.gradient(name),
                Operator("equals"),
                formulas.node(task.sweep.gradients[name].formula),
            )
        )
        for name in rule.wrt
    ]
    boxes = [part for box in found for part in (Operator("comma"), Operator("quad"), box)][2:]
    return (Math(Row(tuple(boxes))),)


# -- what shapes alone cannot tell -------------------------------------------------------------


def shape_question(task: Task, language: str) -> Iterator[Block]:
    """That shapes alone do not give the gradient by a factor of the first product.

    Nothing where no product of two matrices of unequal sizes is differentiated.

    Raises:
        ProofError: the wrong formula of the same shape is not refuted.
    """
    graph, shape = task.sweep.graph, task.sweep.facts.shape
    for assignment in graph.values:
        match assignment.value:
            case nodes.MatMul(Name(a), Name(b)) if (
                a in task.wrt and len(shape(Name(a))) == len(shape(Name(b))) == _MATRIX
            ):
                by, name, right, wrong = b, a, _product("dY", b, turned=True), _product("dY", b)
            case nodes.MatMul(Name(a), Name(b)) if (
                b in task.wrt and len(shape(Name(a))) == len(shape(Name(b))) == _MATRIX
            ):
                by, name = a, b
                right = nodes.MatMul(nodes.Transpose(Name(a)), Name("dY"))
                wrong = nodes.MatMul(Name(a), Name("dY"))
            case _:
                continue
        dims = shape(Name(name))
        sizes = {dim.symbol for dim in (*dims, *shape(Name(assignment.name)))}
        if len(sizes) < len(("N", "D", "M")):
            continue
        _refute(assignment.value, name, wrong)
        yield Heading(2, fill(language, "principle.question", {}))
        formulas = ProgramNotation(task, None).formulas
        known: dict[Node, Node] = {Name("dY"): Name(f"d{assignment.name}")}
        yield Paragraph(
            fill(
                language,
                "principle.shapes",
                {
                    "dA": Math(formulas.gradient(name)),
                    "A": Math(name_box(name)),
                    "dY": Math(formulas.gradient(assignment.name)),
                    "B": Math(name_box(by)),
                    "dims": Math(times(*(dim.size for dim in dims))),
                    "right": Math(formulas.node(_with(right, known))),
                    "wrong": Math(formulas.node(_with(wrong, known))),
                },
            )
        )
        return


def _product(left: str, right: str, *, turned: bool = False) -> Node:
    other: Node = Name(right)
    return nodes.MatMul(Name(left), nodes.Transpose(other) if turned else other)


def _with(node: Node, known: Mapping[Node, Node]) -> Node:
    if node in known:
        return known[node]
    return nodes.rebuilt(node, [_with(child, known) for child in nodes.children(node)])


def _refute(product: Node, by: str, wrong: Node) -> None:
    """Refute the wrong formula for a product of square matrices."""
    left, right = (n.name for n in nodes.children(product) if isinstance(n, Name))
    shapes = {left: (2, 2), right: (2, 2)}
    square = read_task(f"Y = {left} @ {right}; L = Loss(Y)", (by,), shapes=shapes, scalar=True)
    verdict: Verdict = Judge(square, by, ("Y",)).verdict(Formula(Name(f"d{by}")), Formula(wrong))
    if verdict.status != "refuted":
        raise ProofError(f"the wrong formula for {by} is {verdict.status}")
