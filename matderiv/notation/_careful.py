"""Expressions as a program should work them out: linear systems solved, repeated parts known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from matderiv.calculus.formulas.rewrites import Facts
from matderiv.expression import nodes
from matderiv.expression.nodes import Node

__all__ = ["Careful", "repeated"]

_MATRIX = 2  # dimensions
_WORTH = 2  # operations and names: what has more is worked out once
_CHEAP = (nodes.Name, nodes.Number, nodes.Size, nodes.Pi, nodes.Eye, nodes.Ones)
_SIGNS = (nodes.Transpose, nodes.Negate)


@dataclass(frozen=True, slots=True)
class Careful:
    """Rewrites products with inverses as A⁻¹ @ B, which a linear system solves."""

    facts: Facts

    def of(self, node: Node) -> Node:
        """The expression with products A⁻¹ @ B in the place of others with inverses."""
        match node:
            case nodes.Transpose(arg) if len(self.facts.shape(arg)) < _MATRIX:
                return self.of(arg)
            case nodes.MatMul(left, right):
                return self._product(left, right)
        return nodes.rebuilt(node, map(self.of, nodes.children(node)))

    def _product(self, left: Node, right: Node) -> Node:
        match left:
            case nodes.Negate(arg) if _ends_inverted(arg):
                return nodes.Negate(self._product(arg, right))
            case nodes.Multiply(scalar, arg) if not self.facts.shape(scalar) and _ends_inverted(
                arg
            ):
                return nodes.Multiply(self.of(scalar), self._product(arg, right))
            case nodes.MatMul(first, inverse) if _inverted(inverse):
                return self._product(first, nodes.MatMul(inverse, right))
        matrix = _inverted(left)
        if matrix is not None:
            return _solved(self.of(matrix), self.of(right))
        matrix = _inverted(right)
        if matrix is not None and len(self.facts.shape(left)) <= _MATRIX:
            solved = _solved(
                self.of(self._untransposed(nodes.transposed(matrix))),
                self.of(nodes.transposed(left) if len(self.facts.shape(left)) > 1 else left),
            )
            return nodes.Transpose(solved) if len(self.facts.shape(left)) > 1 else solved
        return nodes.MatMul(self.of(left), self.of(right))

    def _untransposed(self, node: Node) -> Node:
        """Sᵀ = S where S is symmetric."""
        match node:
            case nodes.Transpose(arg) if self.facts.is_symmetric(arg):
                return arg
        return node


def repeated(values: Iterable[Node]) -> set[Node]:
    """The parts that are used more than once, each use counted where it stands."""
    uses: Counter[Node] = Counter()
    seen: set[Node] = set()

    def visit(code: Node) -> None:
        uses[code] += 1
        if code not in seen:
            seen.add(code)
            for part in _parts(code):
                visit(part)

    for value in values:
        visit(value)
    return {code for code, count in uses.items() if count > 1 and _worth(code)}


def _worth(code: Node) -> bool:
    return not isinstance(code, _CHEAP) and (_length(code) > _WORTH or not isinstance(code, _SIGNS))


def _length(code: Node) -> int:
    return 1 + sum(map(_length, _parts(code)))


def _parts(code: Node) -> tuple[Node, ...]:
    """The operands that are worked out: for a linear system, its matrix and not the inverse."""
    match code:
        case nodes.MatMul(nodes.Inverse(matrix), right):
            return matrix, right
    return nodes.children(code)


def _solved(matrix: Node, right: Node) -> Node:
    return nodes.MatMul(nodes.Inverse(matrix), right)


def _inverted(node: Node) -> Node | None:
    """A of A⁻¹, or Aᵀ of (A⁻¹)ᵀ."""
    match node:
        case nodes.Inverse(arg):
            return arg
        case nodes.Transpose(nodes.Inverse(arg)):
            return nodes.transposed(arg)
    return None


def _ends_inverted(node: Node) -> bool:
    match node:
        case nodes.MatMul(_, right):
            return _inverted(right) is not None or _ends_inverted(right)
        case nodes.Negate(arg) | nodes.Multiply(_, arg):
            return _ends_inverted(arg)
    return _inverted(node) is not None
