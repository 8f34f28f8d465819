"""What functions and operations are in simpler ones, and the derivatives of functions."""

from __future__ import annotations

from functools import lru_cache

from matderiv.expression import nodes
from matderiv.expression.functions import FUNCTIONS
from matderiv.expression.nodes import Node
from matderiv.expression.parse import parse

__all__ = ["defined", "derivative"]


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
