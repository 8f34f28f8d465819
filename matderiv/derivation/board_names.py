"""A program with names for what a teacher gives a name: Z = XW + b, H = relu(Z), P = softmax(Z).

Such a value gets a name where a nonlinear function takes it or where a product takes it in, so that
a derivation can call its differential and its gradient by name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from matderiv.calculus.sweep.graph import free_names
from matderiv.expression import nodes
from matderiv.expression.known_shapes import shape_of
from matderiv.expression.nodes import Node
from matderiv.expression.program import Assignment, Program
from matderiv.expression.shapes import Shape

__all__ = ["with_names"]

#: Names for arrays of one and of more dimensions: sums of products, values of functions of single
#: entries, and of functions along an axis.
_WISHES: Mapping[str, tuple[str, str]] = {
    "product": ("z a y", "Z A Y U"),
    "function": ("h g", "H G"),
    "axis": ("p s", "P S"),
}

_ALONG = (nodes.Softmax, nodes.LogSoftmax, nodes.LogSumExp)


def with_names(program: Program, shapes: Mapping[str, Shape]) -> tuple[Program, dict[str, Shape]]:
    """The program with assignments for such values, and the shapes of all its names.

    >>> from matderiv.expression.parse import parse
    >>> from matderiv.expression.shapes import infer
    >>> program = parse("L = sum(T*log(softmax(X @ W, axis=1)))")
    >>> with_names(program, infer(program))[0].source()
    'Z = X @ W; P = softmax(Z, axis=1); L = sum(T*log(P))'
    """
    namer = _Namer(program, shapes)
    for assignment in program.assignments:
        value = namer.inside(assignment.value)
        namer.made.append(Assignment(assignment.name, value))
        namer.known.setdefault(value, nodes.Name(assignment.name))
    return Program(tuple(namer.made), program.assumed), namer.shapes


class _Namer:
    def __init__(self, program: Program, shapes: Mapping[str, Shape]) -> None:
        self.shapes = dict(shapes)
        self.made: list[Assignment] = []
        self.known: dict[Node, nodes.Name] = {}
        wishes = {
            (kind, which): (which + 1, names.split())
            for kind, both in _WISHES.items()
            for which, names in enumerate(both)
        }
        self._names: Mapping[tuple[str, int], Iterator[str]] = free_names(program, shapes, wishes)

    def inside(self, node: Node) -> Node:
        """The node, what stands in it called by names."""
        wanted = self._wanted(node)
        return nodes.rebuilt(
            node,
            [
                self._named(self.inside(child)) if child in wanted else self.operand(child)
                for child in nodes.children(node)
            ],
        )

    def operand(self, node: Node) -> Node:
        """An operand, by its name if it has one."""
        made = self.inside(node)
        return self.known.get(made, made)

    def _wanted(self, node: Node) -> tuple[Node, ...]:
        """The operands of a node that get names."""
        match node:
            case nodes.Apply(_, arg) if _is_affine(arg):
                return (arg,)
            case nodes.Functional(_, arg) if not isinstance(arg, nodes.Name):
                return (arg,)
            case nodes.MatMul(left, right):
                return tuple(n for n in (left, right) if isinstance(n, nodes.Apply | _SOFTMAX))
            case nodes.Transpose(arg) if isinstance(arg, nodes.Apply | _SOFTMAX):
                return (arg,)
        if isinstance(node, _ALONG) and _is_affine(node.arg):
            return (node.arg,)
        return tuple(n for n in nodes.children(node) if isinstance(n, _SOFTMAX))

    def _named(self, node: Node) -> Node:
        shape = shape_of(node, self.shapes)
        if node in self.known:
            return self.known[node]
        if not shape or not nodes.names_in(node):
            return node
        kind = "product" if _is_affine(node) else "axis" if isinstance(node, _ALONG) else "function"
        name = next(self._names[kind, min(len(shape), 2) - 1])
        self.shapes[name] = shape
        self.made.append(Assignment(name, node))
        self.known[node] = nodes.Name(name)
        return self.known[node]


_SOFTMAX = nodes.Softmax


def _is_affine(node: Node) -> bool:
    """A product, perhaps with something added: XW + b, AB/√d."""
    match node:
        case nodes.MatMul():
            return True
        case nodes.Add(left, right) | nodes.Subtract(left, right):
            return _is_affine(left) or _is_affine(right)
        case nodes.Divide(left, _):
            return _is_affine(left)
        case nodes.Multiply(left, right):
            return _is_affine(left) != _is_affine(right)
    return False
