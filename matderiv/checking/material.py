"""The parts of the right gradient, in every form it can be written in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import TypeVar

from matderiv.calculus.formulas.flattened import cost, factors_of, formula_key
from matderiv.calculus.formulas.mistakes import Setting
from matderiv.calculus.sweep.sweep import replaced
from matderiv.checking.question import Question
from matderiv.expression import nodes
from matderiv.expression.definitions import derivative
from matderiv.expression.nodes import Name, Node, Number, names_in, substituted
from matderiv.expression.vocabulary import ELEMENTWISE

__all__ = ["setting_of", "ways"]

_LONGEST = 120  # operations and names of a way to write the gradient
_MOST = 40  # terms, and factors, that are tried

_Item = TypeVar("_Item")


@lru_cache(maxsize=64)
def setting_of(question: Question) -> Setting:
    """The parts that a repair of a claim may use: factors, functions, derivatives, numbers."""
    inside = [n for way in ways(question) for n in nodes.walk(way)]
    own = [name for name in question.undefined if name[0].islower()]
    used = [f for f in ELEMENTWISE if f in question.program.functions()]
    slopes: dict[object, Node] = {}
    for body, slope in _slopes(question):
        slopes.setdefault(formula_key(body), slope)
        slopes.setdefault(formula_key(slope), body)
    return Setting(
        question.fitting,
        names=tuple(name for name in question.names if name != question.loss),
        functions=(*own, *used),
        primes={d[1:]: d for d in question.function_names if d.startswith("d")},
        numbers=_once(Number(abs(n.value)) for n in inside if isinstance(n, Number)),
        terms=_once(term for way in ways(question) for term in _terms(way))[:_MOST],
        entry_factors=_once(_entry_factors(inside))[:_MOST],
        factors=_once(f for n in inside if isinstance(n, nodes.MatMul) for f in factors_of(n))[
            :_MOST
        ],
        slopes=slopes,
    )


def _once(items: Iterable[_Item]) -> tuple[_Item, ...]:
    return tuple(dict.fromkeys(items))


@lru_cache(maxsize=64)
def ways(question: Question) -> tuple[Node, ...]:
    """The gradient in all ways in which it is written, each once."""
    return _once(_ways(question))


def _slopes(question: Question) -> Iterator[tuple[Node, Node]]:
    """The functions of the program and their derivatives, as parts of formulas."""
    y = next((Name(a.name) for a in question.program.assignments[:-1]), Name(""))
    for slope in (name for name in question.bodies if name.startswith("d")):
        body, derived = (substituted(question.bodies[n], Name(""), y) for n in (slope[1:], slope))
        yield body, derived
    for value in question.definitions.values():
        for part in nodes.walk(question.plain(value)):
            if isinstance(part, nodes.Apply) and part.function in ELEMENTWISE:
                yield part, derivative(part.function, part.arg)


def _ways(question: Question) -> Iterator[Node]:
    """The gradient in its own words, with upstream gradients written out, and term by term."""
    task = question.task
    gradients = {n: v for n, v in question.definitions.items() if n not in task.shapes}
    own = task.sweep.gradients[question.wrt]
    found = [
        question.gradient,
        replaced(question.gradient, gradients),
        own.local,
        own.assembled,
        replaced(own.assembled, gradients),
        *(gradients[name] for name in names_in(question.gradient) & gradients.keys()),
    ]
    known = set(question.names)
    for way in found:
        plain = question.plain(way, _LONGEST)
        if cost(plain) > _LONGEST or not names_in(plain) <= known:
            continue
        yield plain
        spread = _spread(plain)
        if cost(spread) <= _LONGEST:
            yield spread


def _spread(node: Node) -> Node:
    """The formula with products of sums multiplied out."""
    made = nodes.rebuilt(node, map(_spread, nodes.children(node)))
    match made:
        case nodes.Multiply(left, right) | nodes.MatMul(left, right):
            kind = type(made)
            if isinstance(right, nodes.Add | nodes.Subtract):
                return _both(right, lambda term: kind(left, term))
            if isinstance(left, nodes.Add | nodes.Subtract):
                return _both(left, lambda term: kind(term, right))
        case nodes.Divide(nodes.Add() | nodes.Subtract() as above, below):
            return _both(above, lambda term: nodes.Divide(term, below))
        case nodes.Negate(nodes.Add(a, b)):
            return nodes.Subtract(nodes.Negate(a), b)
        case nodes.Negate(nodes.Subtract(a, b)):
            return nodes.Subtract(b, a)
    return made


def _both(node: nodes.Add | nodes.Subtract, change: Callable[[Node], Node]) -> Node:
    """A sum or a difference with both of its terms changed."""
    return type(node)(_spread(change(node.left)), _spread(change(node.right)))


def _terms(root: Node) -> Iterator[Node]:
    """The terms of all sums in a formula, each with its sign."""
    for part in nodes.walk(root):
        if isinstance(part, nodes.Add | nodes.Subtract):
            yield part.left
            yield part.right if isinstance(part, nodes.Add) else _negative(part.right)


def _negative(node: Node) -> Node:
    return Number(-node.value) if isinstance(node, Number) else nodes.Negate(node)


def _entry_factors(inside: list[Node]) -> Iterator[Node]:
    """The factors of entrywise products and the divisors of entrywise quotients."""
    for part in inside:
        if isinstance(part, nodes.Multiply):
            yield from (n for n in nodes.children(part) if not isinstance(n, Number))
        elif isinstance(part, nodes.Divide) and not isinstance(part.right, Number):
            yield part.right
