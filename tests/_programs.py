"""Random programs of the whole language, and programs that are smaller and still of the same kind.

A program is a list of assignments of nodes over inputs with shapes; it is printed as text and read
by the package and by `_reference` alike.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

import numpy as np
from _calls import Call, Labels, calls_of, written

from matderiv.errors import InputError
from matderiv.expression import nodes
from matderiv.expression.dims import Dim
from matderiv.expression.known_shapes import named_sizes
from matderiv.expression.nodes import Node
from matderiv.expression.parse import parse
from matderiv.expression.shapes import infer
from matderiv.expression.size_text import is_unnamed
from matderiv.expression.source import source

Shape = tuple[int, ...]

SIZES = (1, 2, 3)

_INPUTS = tuple(names.split() for names in ("alpha beta gamma", "a b c x y w", "A B C X W T", "K"))
_LABELS = ("g", "h", "l")
_ASSIGNED = ("mu nu xi rho".split(), "p q u v".split(), "P Q Y Z".split())
_FUNCTIONS = """exp log sqrt tanh sigmoid sin cos arctan relu abs softplus silu gelu erf floor round
    frac f""".split()

_OPERATORS: list[Callable[..., Node]] = [
    nodes.Add,
    nodes.Subtract,
    nodes.Divide,
    nodes.Maximum,
    nodes.Minimum,
    nodes.Multiply,
    nodes.Power,
    nodes.Multiply,
    nodes.Power,
]
_REDUCTIONS: list[Callable[..., Node]] = [
    nodes.Mean,
    nodes.Prod,
    nodes.LogSumExp,
    nodes.Var,
    nodes.Std,
]


@dataclass(frozen=True)
class Made:
    """A program; `shapes` are those of all its names, `labels` how many kinds an input names."""

    values: tuple[tuple[str, Node], ...]
    shapes: dict[str, Shape]
    labels: dict[str, int] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The program as it is written."""
        return "; ".join(f"{name} = {source(value)}" for name, value in self.values)

    @property
    def inputs(self) -> dict[str, Shape]:
        """The shapes of the inputs that are used."""
        assigned = {name for name, _ in self.values}
        used = {n.name for _, v in self.values for n in nodes.walk(v) if isinstance(n, nodes.Name)}
        return {name: self.shapes[name] for name in sorted(used - assigned)}

    def numbers(self, rng: np.random.Generator) -> dict[str, Any]:
        """Positive numbers for all inputs, so that roots and logarithms often exist; labels."""
        return {
            name: rng.integers(0, self.labels[name], shape)
            if name in self.labels
            else np.asarray(rng.uniform(0.3, 1.4, shape))
            for name, shape in self.inputs.items()
        }


def number(value: float | Fraction) -> nodes.Number:
    """An exact number."""
    return nodes.Number(Fraction(value))


class Maker:
    """Makes nodes of a wanted shape; the shapes of their names are known."""

    def __init__(
        self, chance: random.Random, *, chained: bool = False, called: bool = False
    ) -> None:
        self.chance = chance
        self.chained = chained
        self.called = called
        self.shapes: dict[str, Shape] = {}
        self.labels: dict[str, int] = {}
        self.sizes = chance.choice([SIZES, (1, 3), (2, 3), (2,), (3, 3, 1)])

    def program(self, depth: int) -> Made:
        """Some assignments, the last of them the loss."""
        values: list[tuple[str, Node]] = []
        for _ in range(self.chance.choice([1, 2, 3, 4] if self.chained else [0, 0, 1, 1, 2, 3])):
            shape = self.shape()
            free = [name for name in _ASSIGNED[len(shape)] if name not in self.shapes]
            value = self.node(shape, self.chance.randint(1, depth))
            if free and not isinstance(value, nodes.Number | nodes.Eye | nodes.Ones | nodes.Name):
                self.shapes[free[0]] = shape
                values.append((free[0], value))
        values.append(("L", self.node((), depth)))
        return Made(tuple(values), dict(self.shapes), dict(self.labels))

    def shape(self) -> Shape:
        """A shape of 0 to 2 dimensions."""
        return tuple(self.size() for _ in range(self.chance.choice([0, 1, 1, 2, 2, 2])))

    def size(self) -> int:
        """A size."""
        return self.chance.choice(self.sizes)

    def node(self, shape: Shape, depth: int) -> Node:
        """An expression of a shape."""
        if depth <= 0 or len(shape) > 2:
            return self.leaf(shape)
        if self.called and self.chance.random() < 0.5:
            found = self.call(self.chance.choice(calls_of(shape)), shape, depth - 1)
            if found is not None:
                return found
        ways: list[Callable[[Shape, int], Node]] = [self.entrywise, self.entrywise, self.applied]
        ways += [self.product] * 2 if len(shape) < 2 else [self.product] * 3
        if not shape:
            ways += [self.reduced] * 3 + [self.whole] * 2 + [self.of_square]
        if len(shape) == 1:
            ways += [self.along, self.softmax, self.diagonal]
        if len(shape) == 2:
            ways += [self.turned, self.outer, self.softmax]
            if 1 in shape:
                ways += [self.kept] * 2
            if shape[0] == shape[1]:
                ways += [self.square] * 2
        return self.chance.choice(ways)(shape, depth - 1)

    def call(self, call: Call, shape: Shape, depth: int) -> Node | None:
        """A call of an operation of the language; None where it has no operands."""

        def operand(wanted: Shape | Labels) -> str:
            if not isinstance(wanted, Labels):
                found = source(self.node(wanted, depth))
                return found if found.isidentifier() else f"({found})"
            name = next(name for name in (*_LABELS, "") if name not in self.shapes)
            self.shapes[name], self.labels[name] = (wanted.count,), wanted.kinds
            return name

        before = dict(self.shapes), dict(self.labels)
        text = written(call, shape, operand, self.chance, self.sizes)
        try:
            if text is not None and "" not in self.shapes:  # entries, and names for labels
                return self.read(text)
        except InputError:  # a function of a number that has no value there
            pass
        self.shapes, self.labels = before
        return None

    def read(self, text: str) -> Node:
        """The node of a call, sizes that it has of its operands as numbers."""
        program = parse(f"L = {text}", self.shapes)
        own = {name: self.shapes[name] for name in program.inputs()}
        known = infer(program, shapes=own)
        sizes = {letter: (Dim(str(d[0].size), d[0].size),) for letter, d in known.items() if d}
        unnamed = {letter: size for letter, size in sizes.items() if is_unnamed(letter)}
        return named_sizes(program, unnamed)[0].loss.value

    def leaf(self, shape: Shape) -> Node:
        """A name, old or new, or a constant."""
        known = [n for n, own in self.shapes.items() if own == shape and n not in self.labels]
        values = [name for name in known if name in _ASSIGNED[min(len(shape), 2)]]
        if self.chained and values and self.chance.random() < 0.8:
            return nodes.Name(self.chance.choice(values))
        if known and self.chance.random() < 0.7:
            return nodes.Name(self.chance.choice(known))
        if not shape and self.chance.random() < 0.4:
            return self.number(1, 2, 3, Fraction(1, 2), Fraction(1, 3), -1)
        if len(shape) == 2 and shape[0] == shape[1] and self.chance.random() < 0.1:
            return nodes.Eye(shape[0])
        if shape and self.chance.random() < 0.05:
            return nodes.Ones(shape)
        free = [name for name in _INPUTS[len(shape)] if name not in self.shapes]
        if not free:
            return nodes.Name(known[0]) if known else number(2) if not shape else nodes.Ones(shape)
        self.shapes[free[0]] = shape
        return nodes.Name(free[0])

    def number(self, *values: float | Fraction) -> nodes.Number:
        """One of some numbers."""
        return number(self.chance.choice(values))

    def kind(self, *kinds: Callable[..., Node]) -> Callable[..., Node]:
        """One of some kinds of nodes."""
        return self.chance.choice(kinds)

    def entrywise(self, shape: Shape, depth: int) -> Node:
        """A operator B, one of them perhaps repeated."""
        smaller = [
            tuple(1 if k == n else s for k, s in enumerate(shape)) for n in range(len(shape))
        ]
        other = self.chance.choice([shape, shape, shape, (), shape[1:], *smaller])
        if self.chance.random() < 0.1:
            return nodes.Negate(self.node(shape, depth))
        sides = [self.node(shape, depth), self.node(other, depth)]
        self.chance.shuffle(sides)
        a, b = sides
        kind = self.kind(*_OPERATORS)
        if kind is nodes.Power:
            if self.chance.random() < 0.8:
                exponent = self.number(2, 2, 3, -1, -2, Fraction(1, 2), Fraction(3, 2))
                return nodes.Power(self.node(shape, depth), exponent)
            return nodes.Power(nodes.Add(number(2), nodes.Apply("tanh", a)), b)
        if a == b and kind in (nodes.Maximum, nodes.Minimum):  # a kink everywhere
            return a
        return kind(a, b)

    def applied(self, shape: Shape, depth: int) -> Node:
        """f(A)."""
        return nodes.Apply(self.chance.choice(_FUNCTIONS), self.node(shape, depth))

    def turned(self, shape: Shape, depth: int) -> Node:
        """A.T."""
        return nodes.Transpose(self.node(shape[::-1], depth))

    def outer(self, shape: Shape, depth: int) -> Node:
        """The outer product of two vectors."""
        return nodes.Outer(self.node(shape[:1], depth), self.node(shape[1:], depth))

    def product(self, shape: Shape, depth: int) -> Node:
        """A @ B."""
        k = (self.size(),)
        if len(shape) == 1 and self.chance.random() < 0.5:
            return nodes.MatMul(self.node(k, depth), self.node(k + shape, depth))
        return nodes.MatMul(self.node(shape[:1] + k, depth), self.node(k + shape[1:], depth))

    def reduced(self, _: Shape, depth: int) -> Node:
        """sum(A) and the like, over all entries."""
        kind = self.kind(*[nodes.Sum] * 4, *_REDUCTIONS)
        return kind(self.node(self.shape(), depth))

    def along(self, shape: Shape, depth: int) -> Node:
        """sum(A, axis=0) and the like."""
        axis = self.chance.choice([0, 1])
        kind = self.kind(*[nodes.Sum] * 2, *_REDUCTIONS)
        inner = (*shape[:axis], self.size(), *shape[axis:])
        return kind(self.node(inner, depth), axis)

    def kept(self, shape: Shape, depth: int) -> Node:
        """sum(A, axis=0, keepdims=True) and the like."""
        axis = self.chance.choice([n for n, size in enumerate(shape) if size == 1])
        kind = self.kind(*[nodes.Sum] * 2, *_REDUCTIONS)
        inner = tuple(self.size() if n == axis else size for n, size in enumerate(shape))
        return kind(self.node(inner, depth), axis, keepdims=True)

    def softmax(self, shape: Shape, depth: int) -> Node:
        """Of all entries or along an axis."""
        axis = self.chance.choice([None, 0, 1]) if len(shape) == 2 else None
        kind = self.kind(nodes.Softmax, nodes.LogSoftmax)
        return kind(self.node(shape, depth), axis)

    def whole(self, _: Shape, depth: int) -> Node:
        """A norm or an unknown function of a whole array."""
        kind = self.chance.choice(["norm", "Loss"])
        inner = self.node(self.chance.choice([(self.size(),), (self.size(), self.size())]), depth)
        return nodes.Norm(inner) if kind == "norm" else nodes.Functional("Loss", inner)

    def of_square(self, _: Shape, depth: int) -> Node:
        """det(A) and the like."""
        size = self.size()
        inner = self.node((size, size), depth)
        kind = self.kind(nodes.Trace, nodes.Trace, nodes.Determinant, nodes.LogDet)
        return kind(inner)

    def square(self, shape: Shape, depth: int) -> Node:
        """inv(A) or diag(x)."""
        if self.chance.random() < 0.5:
            return nodes.Diag(self.node(shape[:1], depth))
        return nodes.Inverse(self.node(shape, depth))

    def diagonal(self, shape: Shape, depth: int) -> Node:
        """diag(A), the diagonal of a matrix."""
        return nodes.Diag(self.node(shape * 2, depth))


def random_program(
    seed: int, depth: int | None = None, *, chained: bool = False, called: bool = False
) -> Made:
    """The program that belongs to a number; its depth is at most 7.

    A `chained` one has several statements, which use the values of those before. Half of the parts
    of a `called` one are calls of any operation of the language.
    """
    chance = random.Random(seed)
    depths = (
        [2, 3, 3, 4, 5, 6, 7]
        if chained
        else [1, 2, 2, 3, 3, 4]
        if called
        else [1, 2, 2, 3, 3, 4, 5, 6]
    )
    return Maker(chance, chained=chained, called=called).program(depth or chance.choice(depths))


def program_of(call: Call, seed: int) -> Made | None:
    """A program that is little more than one call; None where it has no operands."""
    maker = Maker(random.Random(seed), called=True)
    letters = {letter: maker.size() for letter in call.result if letter.isalpha()}
    sizes = (letters.get(letter) or int(letter) for letter in call.result if letter != "*")
    shape = maker.shape() if call.any_shape else tuple(sizes)
    found = maker.call(call, shape, 0)
    if found is None:
        return None
    name = "P"
    maker.shapes[name] = shape
    weighted = nodes.Multiply(nodes.Apply("sin", nodes.Name(name)), maker.leaf(shape))
    loss = nodes.Sum(weighted)
    return Made(((name, found), ("L", loss)), dict(maker.shapes), dict(maker.labels))


# ---- Smaller programs ----------------------------------------------------------------------


def smaller(made: Made) -> Iterator[Made]:
    """Programs with one value less, or with one part of a value replaced by a part of it."""
    for n, (name, value) in enumerate(made.values[:-1]):
        rest = made.values[:n] + made.values[n + 1 :]
        yield replace(made, values=rest)  # the name becomes an input
        put = tuple((other, _put(v, name, value)) for other, v in rest)
        if sum(len(source(v)) for _, v in put) < len(made.text):
            yield replace(made, values=put)
    for n, (name, value) in enumerate(made.values):
        for new in _cut(value, made.shapes):
            yield replace(made, values=(*made.values[:n], (name, new), *made.values[n + 1 :]))


def _put(node: Node, name: str, value: Node) -> Node:
    if node == nodes.Name(name):
        return value
    return nodes.rebuilt(node, [_put(child, name, value) for child in nodes.children(node)])


def _cut(node: Node, shapes: dict[str, Shape]) -> Iterator[Node]:
    """The node with one part of it replaced by something shorter of the same shape, if possible."""
    for part in nodes.walk(node):
        if part is not node and not isinstance(part, nodes.Number):
            yield part
    if nodes.children(node):
        for name in shapes:
            yield nodes.Name(name)
        yield number(1)
    operands = nodes.children(node)
    for n, child in enumerate(operands):
        for new in _cut(child, shapes):
            yield nodes.rebuilt(node, [*operands[:n], new, *operands[n + 1 :]])


def shrunk(made: Made, fails: Callable[[Made], bool], *, tries: int = 3000) -> Made:
    """A program that fails as the given one does, and that cannot be made smaller by one cut."""
    while True:
        for other in smaller(made):
            tries -= 1
            if tries < 0:
                return made
            if len(other.text) < len(made.text) and fails(other):
                made = other
                break
        else:
            return made
