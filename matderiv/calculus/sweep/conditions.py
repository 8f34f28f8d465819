"""Where a program is defined and differentiable, where that is not everywhere."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping
from types import MappingProxyType

from matderiv.calculus.formulas.broadcasting import is_fixed
from matderiv.calculus.formulas.facts import Facts
from matderiv.calculus.formulas.rewrite_assumed import is_orthogonal, is_positive
from matderiv.calculus.formulas.shaping import shapes_over
from matderiv.calculus.sweep.graph import Graph
from matderiv.calculus.sweep.sweep import replaced
from matderiv.calculus.sweep.vanishing import reads_zero
from matderiv.expression import nodes
from matderiv.expression.assumptions import Assumed
from matderiv.expression.definitions import domain_of, unfolded
from matderiv.expression.functions import FUNCTIONS
from matderiv.expression.matrix_functions import (
    function_kind,
    is_eigen,
    is_symmetric_product,
)
from matderiv.expression.nodes import Node
from matderiv.expression.operations import ShapeOf, rules_of

__all__ = ["CONDITIONS", "conditions"]


def conditions(
    graph: Graph, lifted: Mapping[str, Node], assumed: Assumed = MappingProxyType({})
) -> tuple[tuple[str, Node], ...]:
    """Where the values of a graph are defined: pairs such as ("positive", X), ("invertible", A).

    The formulas of `lifted` names are substituted. What is `assumed` is no condition any more.

    >>> from matderiv.calculus.sweep.graph import graph_of
    >>> from matderiv.expression.parse import parse
    >>> from matderiv.expression.shapes import infer
    >>> program = parse("L = sum(log(X))")
    >>> conditions(graph_of(program, infer(program)), {})
    (('positive', Name(name='X')),)
    """
    facts = Facts(shapes_over(graph.shapes), assumed)
    found: dict[tuple[str, Node], None] = {}
    steady: set[str] = set()
    signs = _Signs(found, lifted)
    for assignment in graph.values:
        if _is_steady(assignment.value, steady):
            steady.add(assignment.name)
        for node in nodes.walk(assignment.value):
            for kind, part in _of(replaced(node, lifted), facts.shape):
                if _holds(kind, part, facts) or (kind == "kink" and _is_steady(part, steady)):
                    continue
                if kind in ("positive", "nonzero") and signs.is_positive(part):
                    continue
                if kind != "kink":
                    found[kind, part] = None
                elif not reads_zero(part, facts):  # |0| stays as it is
                    found["nonzero", part] = None
        signs.add(assignment.name, assignment.value)
    return tuple(found)


class _Signs:
    """The names that are positive wherever the conditions found so far hold, and those below 1."""

    def __init__(self, found: Container[tuple[str, Node]], lifted: Mapping[str, Node]) -> None:
        self.found, self.lifted = found, lifted
        self.positive: set[str] = set()
        self.below_one: set[str] = set()

    def add(self, name: str, value: Node) -> None:
        """Read off what a definition says of its name."""
        if self.is_positive(value):
            self.positive.add(name)
        if self.is_below_one(value):
            self.below_one.add(name)

    def is_positive(self, node: Node) -> bool:
        """Whether a value is positive, also by what it is called or is the root of."""
        match node:
            case nodes.Apply("sqrt", arg):
                root = replaced(arg, self.lifted)
                return ("positive", root) in self.found or self.is_positive(arg)
            case nodes.Subtract(nodes.Number(value), right):
                return value == 1 and self.is_below_one(right)
        return _positive(node, self.positive)

    def is_below_one(self, node: Node) -> bool:
        """Whether it is known to be less than 1: a logistic function."""
        match node:
            case nodes.Name(name):
                return name in self.below_one
            case nodes.Apply("sigmoid"):
                return True
        return False


def _is_steady(node: Node, steady: Container[str]) -> bool:
    """Whether a value stays as it is near all points: one made of steps and of constants only.

    >>> rank = nodes.Sum(nodes.Apply("step", nodes.Name("X")), 1)
    >>> _is_steady(rank, ()), _is_steady(nodes.Name("X"), ())
    (True, False)
    """
    match node:
        case nodes.Name(name):
            return name in steady
        case nodes.Apply(function) if function in FUNCTIONS:
            if FUNCTIONS[function].derivative == "0":
                return True
    parts = nodes.children(node)
    return all(_is_steady(part, steady) for part in parts)


def _holds(kind: str, part: Node, facts: Facts) -> bool:
    """Whether a condition follows from what is assumed."""
    if kind == "invertible":
        return is_orthogonal(part, facts)
    numbers = ("positive", "nonzero", "nonzero_somewhere", "kink")
    return kind in numbers and bool(facts.assumed) and is_positive(part, facts)


_Conditions = Iterator[tuple[str, Node]]

#: The conditions by the kind of node. A composite kind has those of its definition, or its own.
CONDITIONS: dict[type, Callable[..., _Conditions]] = {}


def _of(node: Node, shape: ShapeOf) -> _Conditions:
    """The conditions of one node, those of its operands aside."""
    if isinstance(node, _EVERYWHERE) or is_fixed(node, shape):
        return
    if type(node) in CONDITIONS:
        yield from CONDITIONS[type(node)](node)
        return
    simpler = unfolded(node, "conditions", shape)
    for part in nodes.walk(simpler):
        yield from _of(part, shape)


#: Kinds that have a value and derivatives wherever their operands have.
_EVERYWHERE = (
    nodes.Name
    | nodes.Number
    | nodes.Add
    | nodes.Subtract
    | nodes.Multiply
    | nodes.MatMul
    | nodes.Negate
    | nodes.Transpose
    | nodes.Rearrange
    | nodes.Functional
    | nodes.Sum
    | nodes.Diag
    | nodes.Outer
    | nodes.Eye
    | nodes.Ones
    | nodes.Selection
    | nodes.OneHot
    | nodes.Mapped
    | nodes.Joined
    | nodes.Gathered
    | nodes.Reshape
    | nodes.Size
    | nodes.Pi
)


_rule = rules_of(CONDITIONS)


@_rule(nodes.Apply)
def _apply(node: nodes.Apply) -> _Conditions:
    """A logarithm is of positive numbers, an arcsine of |u| < 1; |u| has no derivative at 0."""
    known = FUNCTIONS.get(node.function)
    domain = domain_of(node.function, node.arg)
    if domain is not None and not (domain[0] == "positive" and _positive(domain[1])):
        yield domain
    if known and known.kink:
        yield "kink", node.arg


@_rule(nodes.Divide)
def _divide(node: nodes.Divide) -> _Conditions:
    """Nothing is divided by 0; a root and a norm below have conditions of their own."""
    below = node.right
    rooted = isinstance(below, nodes.Apply) and below.function == "sqrt"
    if rooted or isinstance(below, nodes.Number | nodes.Size | nodes.Norm):
        return
    if not _positive(below):
        yield "nonzero", below


@_rule(nodes.Power)
def _power(node: nodes.Power) -> _Conditions:
    """A power that is no whole number is one of a positive number."""
    base, exponent = node.left, node.right
    if isinstance(exponent, nodes.Number) and exponent.value.denominator == 1:
        if exponent.value < 0:
            yield "nonzero", base
    elif isinstance(exponent, nodes.Number) or not _positive(base):
        yield "positive", base


#: The condition on the operand of some kinds.
_ON_OPERANDS = {
    **dict.fromkeys((nodes.Inverse, nodes.LogDet, nodes.Determinant), "invertible"),
    nodes.Norm: "nonzero_somewhere",  # the root of a sum of squares has no derivative at 0
    nodes.Prod: "nonzero",  # the formula divides by each entry
    nodes.Max: "one_largest",  # where two entries are, neither has a derivative
    nodes.Min: "one_smallest",
}


@_rule(nodes.MatrixFunction, nodes.Frechet)
def _matrix_function(node: nodes.MatrixFunction | nodes.Frechet) -> _Conditions:
    """A root and a logarithm have a slit; one eigenvalue alone is a differentiable one."""
    if function_kind(node.function) in ("sqrtm", "logm"):
        yield "no_negative_eigenvalue", node.arg
    if is_eigen(node.function):
        if not is_symmetric_product(node.arg):
            yield "symmetric", node.arg
        yield "simple_eigenvalues", node.arg


@_rule(*_ON_OPERANDS)
def _on_operand(node: nodes.Inverse | nodes.Norm | nodes.Reduction) -> _Conditions:
    yield _ON_OPERANDS[type(node)], node.arg


def _positive(node: Node, names: Container[str] = ()) -> bool:
    """Whether a value is positive whatever the inputs are, where these names are."""
    match node:
        case nodes.Name(name):
            return name in names
        case nodes.Apply(function):
            return function in FUNCTIONS and FUNCTIONS[function].positive
        case nodes.Softmax() | nodes.Size() | nodes.Pi():
            return True
        case nodes.Number(value):
            return value > 0
        case nodes.Sum(arg) | nodes.Mean(arg) | nodes.Prod(arg):
            return _positive(arg, names)
        case nodes.Add(left, right) | nodes.Multiply(left, right) | nodes.Divide(left, right):
            return _positive(left, names) and _positive(right, names)
    return False
