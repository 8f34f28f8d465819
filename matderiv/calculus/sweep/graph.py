"""A program as a graph of named values, each one step away from names.

`L = sum((X @ W - T)**2)` becomes `Z = X @ W; L = sum((Z - T)**2)`: a product, an inverse or a
sum that stands inside something else gets a name, so that each value has one local derivative.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from matderiv.expression import nodes
from matderiv.expression._names import Looks
from matderiv.expression.axes import as_einsum
from matderiv.expression.definitions import defined
from matderiv.expression.known_shapes import shape_of
from matderiv.expression.nodes import Node
from matderiv.expression.program import Assignment, Program
from matderiv.expression.shapes import Shape
from matderiv.expression.source import is_turned

__all__ = ["Graph", "free_names", "graph_of"]

_Kind = TypeVar("_Kind")

#: Names for a scalar that the program does not name.
_SCALARS = ("L", "J", "E", "S")


@dataclass(frozen=True)
class Graph:
    """A program as values in order, each defined by one operation on names.

    `lifted`: names of inner expressions that the program does not name itself. `called`: those of
    them that formulas mention; in place of the others, formulas have their definitions.
    """

    program: Program
    values: tuple[Assignment, ...]
    shapes: Mapping[str, Shape]
    lifted: frozenset[str]
    called: frozenset[str] = frozenset()

    def hides(self, name: str) -> bool:
        """Whether a name is a lifted one that no formula uses."""
        return name in self.lifted and name not in self.called

    @property
    def result(self) -> str:
        """The name of the last value."""
        return self.values[-1].name

    @property
    def loss(self) -> str | None:
        """The result L where it is a scalar: the gradients are ∂L/∂x, and ∂L/∂L is 1.

        None where the result is an array Y. The gradients are then those of ⟨dY, Y⟩ = Σ dY∗Y, where
        dY is free: each is linear in dY, and at dY = e_i e_jᵀ it is ∂y_ij/∂X.
        """
        return None if self.shapes[self.result] else self.result

    @cached_property
    def scalar(self) -> str:
        """The name of the scalar that is differentiated: L, or a free letter for ⟨dY, Y⟩."""
        taken = self.program.names() | self.shapes.keys() | self.program.functions()
        letters = itertools.chain(_SCALARS, (f"L{n}" for n in itertools.count(1)))
        return self.loss or next(name for name in letters if name not in taken)

    @property
    def seed(self) -> Node:
        """The gradient by the result: 1 for a scalar, dY for an array Y."""
        return nodes.ONE if self.loss else nodes.Name(f"d{self.result}")

    def given(self) -> dict[str, Shape]:
        """The shapes of names without a definition: the inputs, and dY where Y is the result."""
        found = {name: self.shapes[name] for name in self.inputs()}
        if isinstance(self.seed, nodes.Name):
            found[self.seed.name] = self.shapes[self.result]
        return found

    def inputs(self) -> tuple[str, ...]:
        """The names that nothing is assigned to, in order of first use."""
        return self.program.inputs()

    @cached_property
    def _formulas(self) -> dict[str, Node]:
        return {a.name: a.value for a in self.values}

    def value(self, name: str) -> Node | None:
        """The formula assigned to a name; None for an input."""
        return self._formulas.get(name)

    def definition(self, name: str) -> Node:
        """The formula assigned to a name that is a value."""
        return self._formulas[name]

    def depends(self, wrt: frozenset[str]) -> frozenset[str]:
        """The names that change with any of some names, those included."""
        found = set(wrt)
        for assignment in self.values:
            if not found.isdisjoint(nodes.names_in(assignment.value)):
                found.add(assignment.name)
        return frozenset(found)


def graph_of(program: Program, shapes: Mapping[str, Shape]) -> Graph:
    """The graph of a program whose shapes are known.

    >>> from matderiv.expression.parse import parse
    >>> from matderiv.expression.shapes import infer
    >>> program = parse("L = sum((X @ W - T)**2)")
    >>> graph = graph_of(program, infer(program))
    >>> [f"{a.name}: {sorted(nodes.names_in(a.value))}" for a in graph.values]
    ["Z: ['W', 'X']", "L: ['T', 'Z']"]
    """
    lifter = _Lifter(program, dict(shapes))
    for assignment in program.assignments:
        value = lifter.step(assignment.value)
        lifter.values.append(Assignment(assignment.name, value))
    called = frozenset(lifter.called)
    return Graph(program, tuple(lifter.values), lifter.shapes, frozenset(lifter.lifted), called)


#: Nodes that do not end an entry-by-entry expression.
_INSIDE = nodes.Entrywise | nodes.Negate | nodes.Apply | nodes.Transpose
_NUMBER = nodes.Number | nodes.Size | nodes.Pi
_PLAIN = nodes.Name | _NUMBER | nodes.Eye | nodes.Ones | nodes.Selection | nodes.OneHot


class _Lifter:
    def __init__(self, program: Program, shapes: dict[str, Shape]) -> None:
        self.shapes = shapes
        self.values: list[Assignment] = []
        self.lifted: dict[str, Node] = {}
        self.called: set[str] = set()
        self._known: dict[Node, str] = {}
        self._names = free_names(program, shapes, dict(enumerate(_WISHES)))

    def step(self, node: Node) -> Node:
        """The node one step away from names."""
        if as_einsum(node) is not None:
            return self.contraction(node)
        if isinstance(node, nodes.Sum | nodes.Mean):
            return nodes.rebuilt(node, [self.entrywise(node.arg)])
        match node:
            case nodes.Trace(nodes.MatrixFunction() as inner):
                return nodes.Trace(self.step(inner))  # the gradient is one of both
            case nodes.Trace(nodes.Transpose(nodes.MatrixFunction() as inner)):
                return nodes.Trace(self.step(inner))
        if isinstance(node, nodes.Joined):
            left = self.step(node.left) if node.more else self.operand(node.left)
            return nodes.rebuilt(node, [left, self.operand(node.right)])
        if isinstance(node, _INSIDE):
            scalar = not shape_of(node, self.shapes)
            return self.scalar(node) if scalar else self.entrywise(node)
        return nodes.rebuilt(node, map(self.operand, nodes.children(node)))

    def contraction(self, node: Node) -> Node:
        """A sum of products of arrays whose axes stand in other orders, as one step."""
        match node:
            case nodes.Sum() | nodes.Multiply() | nodes.Rearrange(nodes.Sum()):
                return nodes.rebuilt(node, map(self.contraction, nodes.children(node)))
        return nodes.rebuilt(node, map(self.operand, nodes.children(node)))

    def scalar(self, node: Node) -> Node:
        """A number made of names and of sums over all entries: s + λΣw²."""
        if isinstance(node, nodes.Sum | nodes.Mean) and node.axis is None:
            return nodes.rebuilt(node, [self.entrywise(node.arg)])
        if isinstance(node, _INSIDE) and not shape_of(node, self.shapes):
            parts = list(map(self.scalar, nodes.children(node)))
            return self.named(nodes.rebuilt(node, parts), parts, _MOST_FRACTIONS)
        return self.operand(node)

    def entrywise(self, node: Node) -> Node:
        """An entry-by-entry expression of names."""
        return self.shallow(node, _MOST_FRACTIONS if _fractions(node) <= _MOST_FRACTIONS else 1)

    def shallow(self, node: Node, fractions: int) -> Node:
        """An entry-by-entry expression of names in which few quotients stand in each other."""
        if not isinstance(node, _INSIDE):
            return self.operand(node)
        parts = [self.shallow(part, fractions) for part in nodes.children(node)]
        return self.named(nodes.rebuilt(node, parts), parts, fractions)

    def named(self, made: Node, parts: Sequence[Node], fractions: int) -> Node:
        """The node, its parts under names if too many functions or quotients are in each other."""
        if _weight(made) and _depth(made) > _DEEPEST:
            return nodes.rebuilt(made, [self.operand(p) if _depth(p) else p for p in parts])
        if isinstance(made, _FRACTION) and _fractions(made) > fractions:
            found = [self.operand(p) if _fractions(p) else p for p in parts]
            if fractions == 1:
                names = frozenset[str]().union(*map(nodes.names_in, found))
                self.called |= names & self.lifted.keys()
            return nodes.rebuilt(made, found)
        return made

    def operand(self, node: Node) -> Node:
        """A name, perhaps transposed, for a value that is no name yet."""
        if isinstance(node, _PLAIN):
            return node
        match node:
            case nodes.Transpose(nodes.Name()):
                return node
            case nodes.Rearrange(nodes.Name(), order) if is_turned(order):
                return node
        known = self._known.get(node)
        if known is None:
            value = self.step(node)
            shape = shape_of(value, self.shapes)
            known = self._known[node] = next(self._names[min(len(shape), len(_WISHES) - 1)])
            self.lifted[known] = node
            self.shapes[known] = shape
            self.values.append(Assignment(known, value))
        return nodes.Name(known)


#: Functions in functions in an entry from which on the argument of the outer one gets a name; one
#: that is written out by its definition, in which its argument may stand twice, counts twice.
_DEEPEST = 3


#: Operations whose derivatives hold their operands again, and how many may stand in each other;
#: where there are more, each that holds another gets a name.
_FRACTION = nodes.Divide | nodes.Power
_MOST_FRACTIONS = 3


def _fractions(node: Node) -> int:
    """How many quotients and powers stand in each other in an entry-by-entry expression."""
    if not isinstance(node, _INSIDE):
        return 0
    return max(map(_fractions, nodes.children(node))) + isinstance(node, _FRACTION)


def _depth(node: Node) -> int:
    """How many functions stand in each other in an entry-by-entry expression."""
    if not isinstance(node, _INSIDE):
        return 0
    return max(map(_depth, nodes.children(node))) + _weight(node)


def _weight(node: Node) -> int:
    """How many functions an operation counts as."""
    match node:
        case nodes.Apply(function, arg):
            return 1 if defined(function, arg) is None else 2
        case nodes.Power(_, exponent) if not isinstance(exponent, nodes.Number):
            return 2
        case nodes.Maximum() | nodes.Minimum():
            return 1
    return 0


#: Wishes for names of scalars, vectors and matrices; what is numbered if they are all taken.
_WISHES = tuple(
    (dimensions, names.split())
    for dimensions, names in enumerate(("s t r a b c", "u v z r a b c", "Z U V H P Q R S"))
)
_LAST_WISH = "val"


def free_names(
    program: Program,
    shapes: Mapping[str, Shape],
    wishes: Mapping[_Kind, tuple[int, Sequence[str]]],
) -> dict[_Kind, Iterator[str]]:
    """New names of each kind, which no page confuses with others.

    A kind has its number of dimensions and the names it is wished for; they are numbered when all
    of them are taken.
    """
    names = program.names() | program.functions() | shapes.keys()
    taken = {name.replace("_", "").lower() for name in names}
    taken |= {dim.symbol.lower() for shape in shapes.values() for dim in shape}
    looks = Looks()
    for name in names:
        looks.add(name, len(shapes.get(name, ())))

    def free(dimensions: int, wished: Sequence[str]) -> Iterator[str]:
        bases = (*wished, _LAST_WISH)
        numbered = (f"{base}{n}" for n in itertools.count(1) for base in bases)
        for name in itertools.chain(wished, numbered):
            if name.lower() in taken or f"d{name}".lower() in taken:
                continue
            if looks.clash(name, dimensions) is None:
                taken.add(name.lower())
                looks.add(name, dimensions)
                yield name

    return {kind: free(*wish) for kind, wish in wishes.items()}
