"""The rules by which gradients go back, and what shapes alone cannot tell about a product.

Each rule is the gradient of a program of one operation, derived and proved for all sizes by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from matderiv.calculus.sweep.differentials import differential
from matderiv.calculus.sweep.sweep import replaced
from matderiv.calculus.sweep.task import Task, read_task
from matderiv.derivation.judge import Judge
from matderiv.derivation.sides import Differential, Formula, Matrix, change_of
from matderiv.errors import ProofError
from matderiv.expression import nodes
from matderiv.expression.matrix_functions import function_kind
from matderiv.expression.nodes import Name, Node, names_in
from matderiv.expression.source import source

__all__ = [
    "MisleadingProduct",
    "Principle",
    "differential_rule",
    "misleading_product",
    "principles",
]

_MATRIX = 2  # dimensions

#: The rules, in the order in which a page lists them.
PrincipleKind = Literal[
    "product",
    "entrywise",
    "broadcast",
    "softmax",
    "square",
    "inverse",
    "logdet",
    "exponential",
    "root",
    "eigenvalue",
    "fork",
]
_Shapes: TypeAlias = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Principle:
    """A rule: a program of one operation with its gradients."""

    kind: PrincipleKind
    task: Task


@dataclass(frozen=True, slots=True)
class _Rule:
    """The program of a rule, the names to differentiate by, and the operations that it is about."""

    program: str
    shapes: _Shapes
    wrt: tuple[str, ...]
    used: Callable[[Task, Node], bool]

    def task(self) -> Task:
        """The program with its gradients.

        Raises:
            ProofError: a gradient is not proved for all sizes.
        """
        task = read_task(self.program, self.wrt, shapes=self.shapes, scalar=True)
        if not all(task.prover.all_of(name).index for name in self.wrt):
            raise ProofError(f"the rule {self.program!r} is not proved")
        return task


def _is(*kinds: type) -> Callable[[Task, Node], bool]:
    return lambda _, node: isinstance(node, kinds)


def _is_function(kind: str) -> Callable[[Task, Node], bool]:
    """A function of a matrix in a trace."""
    return lambda _, node: (
        isinstance(node, nodes.Trace)
        and isinstance(node.arg, nodes.MatrixFunction)
        and function_kind(node.arg.function) == kind
    )


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


_RULES: Mapping[PrincipleKind, _Rule] = {
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
    "exponential": _Rule("L = tr(expm(A))", {"A": (3, 3)}, ("A",), _is_function("expm")),
    "root": _Rule("L = tr(sqrtm(A))", {"A": (3, 3)}, ("A",), _is_function("sqrtm")),
    "eigenvalue": _Rule("L = eigvalsh(A)[0]", {"A": (3, 3)}, ("A",), _is_function("eigenvalue")),
}
_FORK = _Rule("Y = f(X) + g(X); L = Loss(Y)", {"X": (2, 3)}, ("X",), lambda *_: False)


def principles(task: Task) -> Iterator[Principle]:
    """The rules that a program uses.

    Raises:
        ProofError: a rule is not proved for all sizes.
    """
    graph = task.sweep.graph
    moving = graph.depends(frozenset(task.wrt))
    parts = [
        node
        for a in graph.values
        for node in nodes.walk(a.value)
        if not moving.isdisjoint(names_in(node))
    ]
    for kind, rule in _RULES.items():
        if any(rule.used(task, node) for node in parts):
            yield Principle(kind, rule.task())
    if any(len(found.users) > 1 for found in task.sweep.gradients.values()):
        yield Principle("fork", _FORK.task())


def differential_rule(operation: Node, letter: str) -> tuple[Node, Node]:
    """f(A) and its differential, for an operation on one square matrix under a letter.

    Raises:
        ProofError: it is not proved for all sizes.

    >>> _, change = differential_rule(nodes.Inverse(Name("S")), "A")
    >>> source(change)
    '-(inv(A) @ δA @ inv(A))'
    """
    own = nodes.rebuilt(operation, [Name(letter)])
    value = "Z" if letter[:1] in "Yy" else "Y"
    task = read_task(f"{value} = {source(own)}", (letter,), shapes={letter: (3, 3)})
    change = differential(own, {letter: change_of(letter)}, task.sweep.facts.shape)
    assert change is not None, "an operation on a matrix changes with it"
    over = task.shapes[value]
    at = task.value_indices(over)
    sides = Differential(value, own, letter, at, task.shapes[letter]), Matrix(change, at, over)
    if not Judge(task, change_of(letter).name).verdict(*sides).index:
        raise ProofError(f"the differential of {source(own)} is not proved")
    return own, change


# -- what shapes alone cannot tell -------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class MisleadingProduct:
    """A product of matrices, and two formulas for the gradient by one of its factors.

    The factor is `name`, the other one `by`, their product `of`. Where all sizes are equal, `right`
    and `wrong` have the same shape, and `wrong` is refuted there.
    """

    name: str
    by: str
    of: str
    right: Node
    wrong: Node


#: For Y = AB, what has the shape of the gradient by a factor where all sizes are equal.
_WRONG = {
    "A": nodes.MatMul(Name("dY"), Name("B")),
    "B": nodes.MatMul(Name("A"), Name("dY")),
}


def misleading_product(task: Task) -> MisleadingProduct | None:
    """The first product of two matrices of unequal sizes with a factor that is differentiated by.

    Raises:
        ProofError: the wrong formula of the same shape is not refuted.
    """
    shape = task.sweep.facts.shape
    for assignment in task.sweep.graph.values:
        match assignment.value:
            case nodes.MatMul(Name(left), Name(right)) if {left, right} & {*task.wrt}:
                shapes = [shape(Name(name)) for name in (left, right)]
            case _:
                continue
        sizes = {dim.symbol for own in shapes for dim in own}
        if any(len(own) != _MATRIX for own in shapes) or len(sizes) < len(("N", "D", "M")):
            continue
        if assignment.name not in task.sweep.gradients:  # the loss does not depend on it
            continue
        factor = "A" if left in task.wrt else "B"
        found = _refuted(factor)
        of = _named(task, assignment.name)
        own = {"A": left, "B": right, "dY": f"d{of}"}
        put = {letter: Name(name) for letter, name in own.items()}
        return MisleadingProduct(
            own[factor],
            right if factor == "A" else left,
            of,
            *(replaced(node, put) for node in (found, _WRONG[factor])),
        )
    return None


def _named(task: Task, name: str) -> str:
    """The value of the program with the same gradient as one of its parts: Z = U + b for U = XW.

    In U.sum(axis=0) it is repeated for each row of U, and so is not the same.
    """
    shapes = task.sweep.graph.shapes
    while name in task.sweep.lifted:
        match task.sweep.gradients[name].local:
            case Name(by) if by[1:] in task.sweep.gradients and shapes[by[1:]] == shapes[name]:
                name = by[1:]
            case _:
                break
    return name


def _refuted(factor: str) -> Node:
    """The gradient by a factor of Y = AB, once the wrong formula is refuted for square matrices."""
    rule = _RULES["product"]
    square = read_task(rule.program, rule.wrt, shapes={"A": (2, 2), "B": (2, 2)}, scalar=True)
    judge = Judge(square, factor, ("Y",))
    verdict = judge.verdict(Formula(Name(f"d{factor}")), Formula(_WRONG[factor]))
    if verdict.status != "refuted":
        raise ProofError(f"the wrong formula for {factor} is {verdict.status}")
    return rule.task().sweep.gradients[factor].formula
