"""Definitions of functions and operations in simpler ones, and derivatives of functions."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from matderiv.errors import MissingRuleError, UnsupportedError
from matderiv.expression import nodes
from matderiv.expression.dims import Shape
from matderiv.expression.functions import FUNCTIONS
from matderiv.expression.matrix_functions import function_kind
from matderiv.expression.nodes import Node
from matderiv.expression.operations import COMPOSITE, ShapeOf
from matderiv.expression.parse import parse
from matderiv.expression.source import source

__all__ = [
    "defined",
    "definition",
    "derivative",
    "domain_of",
    "outside_a_trace",
    "read_at",
    "second_derivative",
    "simpler_parts",
    "unfolded",
]


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


def unfolded(node: Node, what: str, shape: ShapeOf = _unknown) -> Node:
    """The node in simpler ones, where a module has no `what` of its own for it.

    Raises:
        MissingRuleError: nothing is simpler.

    >>> from matderiv.expression.source import source
    >>> source(unfolded(parse("norm(x)").loss.value, "value"))
    'sqrt(sum(x*x))'
    """
    simpler = definition(node, shape)
    if simpler is None:
        raise MissingRuleError(node, what)
    return simpler


#: Kinds whose definition depends on shapes.
_BY_SHAPE = (nodes.Mean, nodes.Mapped, nodes.Joined, nodes.Gathered)


def simpler_parts(node: Node) -> Iterator[Node]:
    """The parts of a node's definition, unfolded down to primitive nodes, means and index maps.

    >>> [type(part).__name__ for part in simpler_parts(nodes.Norm(nodes.Name("x")))]
    ['Name', 'Name', 'Multiply', 'Sum', 'Apply']
    """
    bare = nodes.rebuilt(node, (nodes.Name("x") for _ in nodes.children(node)))
    simpler = None if isinstance(node, _BY_SHAPE) else definition(bare)
    if simpler is None:
        yield node
    else:
        for part in nodes.walk(simpler):
            yield from simpler_parts(part)


def derivative(function: str, arg: Node) -> Node:
    """f′(a): written out for a known function, `df` for an undefined one.

    Raises:
        UnsupportedError: it has no words in the language.

    >>> from matderiv.expression.source import source
    >>> source(derivative("tanh", nodes.Name("y"))), source(derivative("f", nodes.Name("y")))
    ('1 - tanh(y)**2', 'df(y)')
    """
    known = FUNCTIONS.get(function)
    if known is None:
        return nodes.Apply(f"d{function}", arg)
    if not known.derivative:
        raise UnsupportedError(
            f"The derivative of {function} has no words in the language; with its value as an "
            f"undefined function, write f in the place of {function}."
        )
    return read_at(known.derivative, arg)


def defined(function: str, arg: Node) -> Node | None:
    """f(a) in simpler functions, where f has a definition.

    >>> from matderiv.expression.source import source
    >>> source(defined("softplus", nodes.Name("y"))), defined("exp", nodes.Name("y"))
    ('log(1 + exp(y))', None)
    """
    known = FUNCTIONS.get(function)
    if known is None or not known.definition:
        return None
    return read_at(known.definition, arg)


def domain_of(function: str, arg: Node) -> tuple[str, Node] | None:
    """A formula that must be "positive" or "nonzero" for f(a) to have a derivative.

    >>> from matderiv.expression.source import source
    >>> kind, node = domain_of("arcsin", nodes.Name("y")) or ("", nodes.ZERO)
    >>> kind, source(node), domain_of("exp", nodes.Name("y"))
    ('positive', '1 - y**2', None)
    """
    known = FUNCTIONS.get(function)
    if known is None or known.domain is None:
        return None
    kind, text = known.domain
    return kind, read_at(text, arg)


def read_at(text: str, arg: Node) -> Node:
    """A formula of u in the language, u being another expression.

    >>> from matderiv.expression.source import source
    >>> source(read_at("sum(u**2)", nodes.Name("X")))
    'sum(X**2)'
    """
    return _put(_read(text), arg)


def outside_a_trace(node: nodes.MatrixFunction) -> UnsupportedError:
    """The refusal of a derivative of v·vᵀ, v an eigenvector.

    >>> str(outside_a_trace(nodes.MatrixFunction(nodes.Name("A"), "eigenprojector 0")))[-21:]
    'write it as an input.'
    """
    return UnsupportedError(
        f"{source(node)}: there are no words for the derivative of an eigenvector; write it as an "
        "input."
    )


def second_derivative(node: nodes.Frechet) -> UnsupportedError:
    """The refusal of a derivative of a derivative of f(A) by A.

    >>> str(second_derivative(nodes.Frechet(nodes.Name("A"), nodes.Name("E"), "expm")))[:45]
    'expm_frechet(A, E): the second derivative of '
    """
    function = function_kind(node.function)
    return UnsupportedError(
        f"{source(node)}: the second derivative of {function} by its matrix has no words in the "
        "language; it has by E, in which this is linear."
    )


@lru_cache(maxsize=128)
def _read(text: str) -> Node:
    return parse(text).loss.value


def _put(node: Node, arg: Node) -> Node:
    """The expression with u and π replaced."""
    match node:
        case nodes.Name("u"):
            return arg
        case nodes.Name("pi"):
            return nodes.Pi()
    return nodes.rebuilt(node, (_put(child, arg) for child in nodes.children(node)))
