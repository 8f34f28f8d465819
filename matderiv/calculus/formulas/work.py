"""How many operations a formula takes, and how many numbers it holds, as polynomials of sizes.

A product of an m×k and a k×n matrix takes 2·k·m·n operations. What stands twice counts once, a
product with a diagonal matrix as one entry by entry, and a function of one number as one operation.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from matderiv.calculus.formulas.broadcasting import ShapeOf
from matderiv.expression import nodes
from matderiv.expression.definitions import unfolded
from matderiv.expression.dims import Shape
from matderiv.expression.nodes import Node

__all__ = ["Work", "size_of", "work_of"]

_MATRIX = 2  # dimensions
_ITERATIONS = 40  # products of matrices in an exponential or a root, and in eigenvectors
_TERMS = 3  # of a polynomial that is told in full

#: Products of letters of sizes, in order, with their coefficients.
_Polynomial = Counter[tuple[str, ...]]

_FREE = nodes.Name | nodes.Number | nodes.Size | nodes.Pi | nodes.Eye | nodes.Ones
_MOVES = nodes.Transpose | nodes.Rearrange | nodes.Reshape
_EACH = nodes.Apply | nodes.Negate | nodes.Outer | nodes.Entrywise
_REDUCES = nodes.Sum | nodes.Mean | nodes.Prod | nodes.Max | nodes.Min


@dataclass(frozen=True, slots=True)
class Work:
    """Operations, and numbers that are held besides the inputs, both as polynomials of sizes."""

    operations: _Polynomial
    numbers: _Polynomial

    def __add__(self, other: Work) -> Work:
        """Both one after the other."""
        return Work(self.operations + other.operations, self.numbers + other.numbers)

    def told(self, known: Mapping[str, int]) -> tuple[str, str]:
        """Both as text, where `known` sizes stand as numbers."""
        return _told(self.operations, known), _told(self.numbers, known)


def size_of(*shapes: Shape, times: int = 1) -> _Polynomial:
    """How many entries arrays of these shapes have: the product of all sizes.

    >>> from matderiv.expression.dims import Dim
    >>> size_of((Dim("N", 2), Dim("D", 3)), times=2)
    Counter({('D', 'N'): 2})
    """
    symbols = sorted(dim.symbol for shape in shapes for dim in shape)
    number = times * math.prod(int(symbol) for symbol in symbols if symbol.isdigit())
    return Counter({tuple(symbol for symbol in symbols if not symbol.isdigit()): number})


def work_of(values: Iterable[Node], shape: ShapeOf) -> Work:
    """The work of all these formulas.

    Raises:
        MissingRuleError: a part has no count.

    >>> from matderiv.calculus.formulas.shaping import shapes_over
    >>> from matderiv.expression.dims import Dim
    >>> from matderiv.expression.parse import parse
    >>> n, d = Dim("N", 2), Dim("D", 3)
    >>> shape = shapes_over({"X": (n, d), "v": (d,), "s": (n,)})
    >>> work_of([parse("L = X.T @ (s*(X @ v))").loss.value], shape).told({})
    ('4*D*N + N', 'D + 2*N')
    """
    operations: _Polynomial = Counter()
    numbers: _Polynomial = Counter()
    seen: set[Node] = set()

    def visit(node: Node, *, held: bool = True) -> None:
        if node in seen:
            return
        seen.add(node)
        count = _count(node, shape)
        if count is None:
            visit(unfolded(node, "count of operations", shape), held=held)
            return
        operations.update(count)
        if held and shape(node) and not isinstance(node, _FREE | _MOVES):
            numbers.update(size_of(shape(node)))
        for part in nodes.children(node):
            factor = isinstance(node, nodes.MatMul) and _is_diagonal(part, shape)
            visit(part, held=not factor)

    for value in values:
        visit(value)
    return Work(operations, numbers)


def _count(node: Node, shape: ShapeOf) -> _Polynomial | None:
    """The operations of a node, without those of its operands; None where it is a composite one."""
    match node:
        case nodes.MatMul(left, right):
            if _is_diagonal(left, shape) or _is_diagonal(right, shape):
                return size_of(shape(node))
            return size_of(shape(node), shape(left)[-1:], times=2)
        case nodes.Trace(arg):
            return size_of(shape(arg)[:1])
        case nodes.Functional(_, arg):
            return size_of(shape(arg))
        case nodes.MatrixFunction(arg) | nodes.Frechet(arg):
            return size_of(shape(arg), shape(arg)[:1], times=_ITERATIONS)
        case nodes.Inverse(arg) | nodes.Determinant(arg) | nodes.LogDet(arg):
            return size_of(shape(arg), shape(arg)[:1], times=2)
    if isinstance(node, _FREE | _MOVES | nodes.Diag):
        return Counter()
    if isinstance(node, _EACH):
        return size_of(shape(node))
    if isinstance(node, _REDUCES):
        return size_of(shape(node.arg))
    return None


def _is_diagonal(node: Node, shape: ShapeOf) -> bool:
    return isinstance(node, nodes.Diag) and len(shape(node.arg)) < _MATRIX


def _told(polynomial: _Polynomial, known: Mapping[str, int]) -> str:
    """The terms of the highest degrees first, and how many further ones there are."""
    found: _Polynomial = Counter()
    for letters, number in polynomial.items():
        rest = tuple(letter for letter in letters if letter not in known)
        found[rest] += number * math.prod(known[letter] for letter in letters if letter in known)
    terms = sorted(found.items(), key=lambda term: (-len(term[0]), term[0]))
    written = [_term(letters, number) for letters, number in terms[:_TERMS] if number]
    return " + ".join(written or ["0"]) + (" + …" if len(terms) > _TERMS else "")


def _term(letters: tuple[str, ...], number: int) -> str:
    powers = [f"{x}**{n}" if n > 1 else x for x, n in Counter(letters).items()]
    factors = ([f"{number:,}"] if number > 1 or not powers else []) + powers
    return "*".join(factors)
