"""The nodes of an expression: a closed set of values with NumPy meaning."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from fractions import Fraction

__all__ = [
    "Add",
    "Apply",
    "Divide",
    "Functional",
    "MatMul",
    "Multiply",
    "Name",
    "Negate",
    "Node",
    "Number",
    "Power",
    "Subtract",
    "Sum",
    "Transpose",
    "children",
    "transposed",
    "walk",
]


@dataclass(frozen=True, slots=True)
class Name:
    """A variable of the program: an input or an earlier assignment."""

    name: str


@dataclass(frozen=True, slots=True)
class Number:
    """An exact rational constant."""

    value: Fraction


@dataclass(frozen=True, slots=True)
class Add:
    """A + B, entry by entry."""

    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Subtract:
    """A - B, entry by entry."""

    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Multiply:
    """A * B, entry by entry (the Hadamard product of two matrices)."""

    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Divide:
    """A / B, entry by entry."""

    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Power:
    """A ** B, entry by entry."""

    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class MatMul:
    """The matrix product: (A @ B)_ij = Σ_k a_ik b_kj."""

    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Negate:
    """-A, entry by entry."""

    arg: Node


@dataclass(frozen=True, slots=True)
class Transpose:
    """(A.T)_ij = a_ji."""

    arg: Node


@dataclass(frozen=True, slots=True)
class Apply:
    """f(A): a function of one number, known or undefined, applied to each entry."""

    function: str
    arg: Node


@dataclass(frozen=True, slots=True)
class Functional:
    """Loss(A): an undefined scalar function of the whole array."""

    function: str
    arg: Node


@dataclass(frozen=True, slots=True)
class Sum:
    """The sum of all entries of A."""

    arg: Node


Node = (
    Name
    | Number
    | Add
    | Subtract
    | Multiply
    | Divide
    | Power
    | MatMul
    | Negate
    | Transpose
    | Apply
    | Functional
    | Sum
)


def children(node: Node) -> tuple[Node, ...]:
    """The operands of a node, left to right.

    >>> children(MatMul(Name("X"), Name("W")))
    (Name(name='X'), Name(name='W'))
    """
    values = (getattr(node, field.name) for field in fields(node))
    return tuple(value for value in values if isinstance(value, Node))


def transposed(node: Node) -> Node:
    """Aᵀ of A, and A of Aᵀ.

    >>> transposed(Name("W")), transposed(Transpose(Name("W")))
    (Transpose(arg=Name(name='W')), Name(name='W'))
    """
    return node.arg if isinstance(node, Transpose) else Transpose(node)


def walk(node: Node) -> Iterator[Node]:
    """All nodes of the tree, operands before the node that uses them."""
    for child in children(node):
        yield from walk(child)
    yield node
