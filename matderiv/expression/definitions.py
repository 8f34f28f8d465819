"""What functions and operations are in simpler ones, and the derivatives of functions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache, reduce

from matderiv.errors import MissingRuleError
from matderiv.expression import nodes
from matderiv.expression.functions import FUNCTIONS
from matderiv.expression.nodes import Node
from matderiv.expression.parse import parse
from matderiv.expression.shapes import Dim, Shape

__all__ = ["COMPOSITE", "ShapeOf", "defined", "definition", "derivative", "simpler_parts"]

ShapeOf = Callable[[Node], Shape]

_Definition = Callable[..., Node]

#: The kinds of nodes that are defined by simpler ones.
COMPOSITE: dict[type, _Definition] = {}


def _of(kind: type) -> Callable[[_Definition], _Definition]:
    def register(made: _Definition) -> _Definition:
        COMPOSITE[kind] = made
        return made

    return register


def _unknown(node: Node) -> Shape:
    raise MissingRuleError(node, "shape here")


def definition(node: Node, shape: ShapeOf = _unknown) -> Node | None:
    """The node in simpler ones, or None if nothing is simpler; only a mean asks for the shape.

    >>> from matderiv.expression.source import source
    >>> source(definition(parse("logsumexp(Y, axis=1)").loss.value))
    'log(sum(exp(Y), axis=1))'
    """
    if isinstance(node, nodes.Apply):
        return defined(node.function, node.arg)
    made = COMPOSITE.get(type(node))
    return made(node, shape) if made else None


def simpler_parts(node: Node) -> Iterator[Node]:
    """What a node does with its operands, down to what has no definition; a mean counts as one.

    >>> [type(part).__name__ for part in simpler_parts(nodes.Norm(nodes.Name("x")))]
    ['Name', 'Name', 'Multiply', 'Sum', 'Apply']
    """
    bare = nodes.rebuilt(node, (nodes.Name("x") for _ in nodes.children(node)))
    simpler = None if isinstance(node, nodes.Mean) else definition(bare)
    if simpler is None:
        yield node
    else:
        for part in nodes.walk(simpler):
            yield from simpler_parts(part)


@_of(nodes.Mean)
def _mean(node: nodes.Mean, shape: ShapeOf) -> Node:
    """The sum over n entries divided by n."""
    over = shape(node.arg)
    dims = over if node.axis is None else (over[node.axis],)
    sizes: list[Node] = [nodes.Size(d.symbol, d.size) for d in dims if d != Dim("1", 1)]
    total = nodes.Sum(node.arg, node.axis, node.keepdims)
    return nodes.Divide(total, reduce(nodes.Multiply, sizes)) if sizes else total


@_of(nodes.LogSumExp)
def _logsumexp(node: nodes.LogSumExp, _: ShapeOf) -> Node:
    """Log Σ exp(a)."""
    total = nodes.Sum(nodes.Apply("exp", node.arg), node.axis, node.keepdims)
    return nodes.Apply("log", total)


@_of(nodes.Softmax)
def _softmax(node: nodes.Softmax, _: ShapeOf) -> Node:
    """exp(a) / Σ exp(a)."""
    powers = nodes.Apply("exp", node.arg)
    total = nodes.Sum(powers, node.axis, keepdims=node.axis is not None)
    return nodes.Divide(powers, total)


@_of(nodes.Norm)
def _norm(node: nodes.Norm, _: ShapeOf) -> Node:
    """√(Σ a²)."""
    return nodes.Apply("sqrt", nodes.Sum(nodes.Multiply(node.arg, node.arg)))


@_of(nodes.Trace)
def _trace(node: nodes.Trace, _: ShapeOf) -> Node:
    """The sum of the diagonal."""
    return nodes.Sum(nodes.Diag(node.arg))


@_of(nodes.LogDet)
def _logdet(node: nodes.LogDet, _: ShapeOf) -> Node:
    """Log |det A|."""
    return nodes.Apply("log", nodes.Apply("abs", nodes.Determinant(node.arg)))


def derivative(function: str, arg: Node) -> Node:
    """f′(a): written out for a known function, `df` for an undefined one.

    >>> from matderiv.expression.source import source
    >>> source(derivative("tanh", nodes.Name("y"))), source(derivative("f", nodes.Name("y")))
    ('1 - tanh(y)**2', 'df(y)')
    """
    known = FUNCTIONS.get(function)
    if known is None:
        return nodes.Apply(f"d{function}", arg)
    return _put(_read(known.derivative), arg)


def defined(function: str, arg: Node) -> Node | None:
    """f(a) in simpler functions, where f has a definition.

    >>> from matderiv.expression.source import source
    >>> source(defined("softplus", nodes.Name("y"))), defined("exp", nodes.Name("y"))
    ('log(1 + exp(y))', None)
    """
    known = FUNCTIONS.get(function)
    if known is None or not known.definition:
        return None
    return _put(_read(known.definition), arg)


@lru_cache(maxsize=128)
def _read(text: str) -> Node:
    return parse(text).loss.value


def _put(node: Node, arg: Node) -> Node:
    """The expression with what stands for u and for π in it."""
    match node:
        case nodes.Name("u"):
            return arg
        case nodes.Name("pi"):
            return nodes.Pi()
    return nodes.rebuilt(node, (_put(child, arg) for child in nodes.children(node)))
