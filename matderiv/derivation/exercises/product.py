"""Exercises about one product and a loss of it.

Everything is drawn from a `random.Random` and a derivation, so that the same seed gives the same
exercises everywhere. How they are worded is the business of `handout`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from random import Random

import sympy as sp

from matderiv.calculus.problem import Problem, understand
from matderiv.calculus.scalars import Partial, entry, name_of
from matderiv.calculus.series import Array, Series
from matderiv.calculus.verdicts import Judge
from matderiv.derivation.build import build, chain
from matderiv.derivation.exercises.drawing import Drawn, drawn
from matderiv.derivation.exercises.slips import SLIPS, Slip, slipped
from matderiv.derivation.links import Chain, Derivation
from matderiv.derivation.sides import (
    Formula,
    MatrixPartial,
    Side,
    Value,
    VecPartial,
    matrix_of,
)
from matderiv.expression import nodes
from matderiv.expression.nodes import MatMul, Name, Node, Transpose, transposed
from matderiv.expression.parse import parse
from matderiv.expression.program import Assignment, Program
from matderiv.expression.shapes import Dim, infer

__all__ = [
    "Concrete",
    "Feeds",
    "Gradient",
    "Line",
    "Material",
    "Quantity",
    "Shapes",
    "Sizes",
    "WrongLine",
    "materials",
]

_MOST_PRODUCTS = 27  # of an exercise that is worked out by hand


@dataclass(frozen=True, slots=True, eq=False)
class Sizes:
    """Derive for other sizes: one entry by the chain rule, then the matrix."""

    derivation: Derivation
    wrt: str
    entry: Chain


@dataclass(frozen=True, slots=True, eq=False)
class WrongLine:
    """Find the wrong line of a derivation."""

    problem: Problem
    wrt: str
    slip: Slip


@dataclass(frozen=True, slots=True, eq=False)
class Gradient:
    """Write the gradients of another program."""

    derivation: Derivation


@dataclass(frozen=True, slots=True, eq=False)
class Quantity:
    """Something with a shape, or a product that has none: then `shape` is None."""

    side: Side
    shape: tuple[int, int] | None
    factors: tuple[tuple[int, int], tuple[int, int]] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Shapes:
    """What shape has each of these?"""

    problem: Problem
    wrt: str
    quantities: tuple[Quantity, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """A row or a column of a matrix, and its entries that are used."""

    name: str
    row: bool
    number: int
    entries: tuple[sp.Expr, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Feeds:
    """Which entries feed ∂L/∂x_pq?"""

    problem: Problem
    x: sp.Indexed
    entry: Chain
    lines: tuple[Line, Line]


@dataclass(frozen=True, slots=True, eq=False)
class Concrete:
    """The same product with a known function of each entry."""

    derivation: Derivation


Material = Sizes | WrongLine | Gradient | Shapes | Feeds | Concrete


def materials(derivation: Derivation, count: int, chance: Random) -> Iterator[Material]:
    """So many exercises about a derivation, the kinds in turn, no two of them equal.

    Raises:
        InputError: there are not so many.
    """
    return drawn([partial(kind, derivation) for kind in _KINDS], count, chance)


# -- drawing -----------------------------------------------------------------------------------


def _sized(problem: Problem, sizes: tuple[int, int, int], *, square: bool = False) -> Problem:
    """The same problem at other sizes; a square one has one letter for all three."""
    letters = [dim.symbol for dim in problem.dims]
    dims = {
        letter: Dim(letters[0] if square else letter, size)
        for letter, size in zip(letters, sizes, strict=True)
    }
    shapes = {
        name: tuple(dims[dim.symbol] for dim in shape) for name, shape in problem.shapes.items()
    }
    return Problem(problem.program, shapes, problem.product, problem.head, problem.letters)


def _small(chance: Random, problem: Problem) -> tuple[int, int, int]:
    """Sizes for work by hand, not those of the problem."""
    own = tuple(dim.size for dim in problem.dims)
    while True:
        n, d, m = (chance.randint(1, 4) for _ in range(3))
        if 4 <= n * d * m <= _MOST_PRODUCTS and (n, d, m) != own:  # noqa: PLR2004 - not a trifle
            return n, d, m


def _place(chance: Random, problem: Problem, wrt: str) -> tuple[int, int]:
    rows, cols = problem.shapes[wrt]
    return chance.randint(1, rows.size), chance.randint(1, cols.size)


def _entry_chain(problem: Problem, derivation: Derivation, x: sp.Indexed) -> Chain:
    """∂L/∂x_pq by the chain rule, and what is left of it."""
    answer = derivation.answer(name_of(x))
    return chain(
        Judge(problem),
        "entry",
        Value(Partial(problem.loss, x)),
        ("chain rule", Value(problem.chain_rule(x))),
        ("zeros dropped", Value(problem.array(answer).at(*x.indices))),
    )


# -- the kinds ---------------------------------------------------------------------------------


def _shapes(derivation: Derivation, chance: Random) -> Drawn[Material]:
    problem, wrt = derivation.problem, chance.choice(derivation.wrt)
    sizes = chance.sample(range(2, 10), 3)  # all different, so that no product fits by accident
    at = _sized(problem, (sizes[0], sizes[1], sizes[2]))
    x = entry(wrt, *_place(chance, at, wrt))
    answer = derivation.answer(wrt)
    assert isinstance(answer, MatMul)
    wrong = [
        MatMul(left, right)
        for left, right in itertools.product(*map(_turned, (answer.left, answer.right)))
        if MatMul(left, right) != answer
    ]
    sides: list[Side] = [
        Formula(Name(f"d{wrt}")),
        MatrixPartial(problem.name, x),
        VecPartial(problem.name, wrt),
        Formula(answer),
        Formula(chance.choice(wrong)),
    ]
    chance.shuffle(sides)
    key = (wrt, *sizes)
    return key, lambda: Shapes(at, wrt, tuple(_quantity(at, side) for side in sides))


def _turned(node: Node) -> tuple[Node, Node]:
    return node, transposed(node)


def _quantity(problem: Problem, side: Side) -> Quantity:
    factors = None
    if isinstance(side, Formula) and isinstance(side.node, MatMul):
        first, second = (_shape(problem.array(n)) for n in (side.node.left, side.node.right))
        factors = (first, second)
        if first[1] != second[0]:
            return Quantity(side, None, factors)
    array = matrix_of(side, problem)
    assert isinstance(array, Array)
    return Quantity(side, _shape(array), factors)


def _shape(array: Array) -> tuple[int, int]:
    return array.rows.size, array.cols.size


def _feeds(derivation: Derivation, chance: Random) -> Drawn[Material]:
    wrt = chance.choice(derivation.wrt)
    sizes = _small(chance, derivation.problem)
    problem = _sized(derivation.problem, sizes)
    row, col = _place(chance, problem, wrt)
    x = entry(wrt, row, col)

    def make() -> Feeds | None:
        links = _entry_chain(problem, derivation, x)
        answer = derivation.answer(wrt)
        assert isinstance(answer, MatMul)
        left = links.sides[-1]
        assert isinstance(left, Value)
        assert isinstance(left.scalar, Series)
        first, second = zip(*left.scalar.terms(), strict=True)
        rows, cols = problem.shapes[problem.name]
        if not 1 < len(first) < rows.size * cols.size:
            return None  # there is no choice to be made
        return Feeds(
            problem,
            x,
            links,
            (
                _line(answer.left, row, first, row=True),
                _line(answer.right, col, second, row=False),
            ),
        )

    return (wrt, sizes, row, col), make


def _line(node: Node, number: int, entries: tuple[sp.Expr, ...], *, row: bool) -> Line:
    """Row `number` of a first factor, column `number` of a second; of Wᵀ, the other way round."""
    if isinstance(node, Transpose):
        node, row = node.arg, not row
    assert isinstance(node, Name)
    return Line(node.name, row, number, entries)


def _other_sizes(derivation: Derivation, chance: Random) -> Drawn[Material]:
    wrt = chance.choice(derivation.wrt)
    sizes = _small(chance, derivation.problem)
    problem = _sized(derivation.problem, sizes)
    x = entry(wrt, *_place(chance, problem, wrt))

    def make() -> Sizes:
        derived = build(problem, (wrt,))
        return Sizes(derived, wrt, _entry_chain(problem, derived, x))

    return (wrt, sizes), make


def _wrong_line(derivation: Derivation, chance: Random) -> Drawn[Material]:
    wrt = chance.choice(derivation.wrt)
    kind = chance.choice(SLIPS)
    if kind.square:
        n = chance.choice((2, 2, 3))
        sizes = (n, n, n)
    else:
        sizes = _small(chance, derivation.problem)
    problem = _sized(derivation.problem, sizes, square=kind.square)
    slip = slipped(problem, kind, wrt, chance)
    if slip is None:
        return None
    first = slip.wrong.links[0].left
    about = str(first.scalar) if isinstance(first, Value) else ""
    return (wrt, kind.name, sizes, slip.line, about), lambda: WrongLine(problem, wrt, slip)


#: Names of the factors, the product and the loss of other programs.
_NAMES = (
    ("A", "B", "C", "L"),
    ("Q", "K", "S", "L"),
    ("U", "V", "S", "J"),
    ("H", "G", "Z", "L"),
    ("F", "R", "T", "J"),
    ("X", "W", "Y", "L"),
    ("W", "X", "Z", "J"),
)


def _gradient(derivation: Derivation, chance: Random) -> Drawn[Material]:
    problem = derivation.problem
    left, right, product, loss = chance.choice(_NAMES)
    turned = chance.choice(((True, False), (False, True), (True, True), (False, False)))
    names = {left.lower(), right.lower(), product.lower()}
    function = chance.choice([f for f in ("f", "g", "h", "phi") if f not in names])
    whole = chance.random() < 0.25  # noqa: PLR2004 - now and then
    factors = [
        Transpose(Name(n)) if t else Name(n) for n, t in zip((left, right), turned, strict=True)
    ]
    value = MatMul(*factors)
    own = problem.product.value
    assert isinstance(own, MatMul)
    if tuple(isinstance(n, Transpose) for n in (own.left, own.right)) == turned:
        return None  # the answer stands in the handout already
    of: Node = Name(product)
    head = nodes.Functional("Loss", of) if whole else nodes.Sum(nodes.Apply(function, of))
    program = Program((Assignment(product, value), Assignment(loss, head)))
    sizes = chance.sample(range(2, 6), 3)

    def make() -> Gradient:
        shapes = infer(program, sizes=dict(zip("NDM", sizes, strict=True)))
        return Gradient(build(understand(program, shapes), (left, right)))

    return (left, right, turned, whole), make


#: Functions of each entry that are defined and differentiable everywhere.
_FUNCTIONS = (
    "log(1 + exp({y}))",
    "tanh({y})",
    "{y}**2/2",
    "sqrt(1 + {y}**2)",
    "exp(-{y})",
    "log(1 + {y}**2)",
    "({y} - 1)**2",
    "{y}**3 - {y}",
    "sin(2*{y})",
    "exp(-{y}**2/2)",
    "1/(1 + {y}**2)",
    "{y}*exp({y})",
    "log(2 + cos({y}))",
    "log(exp({y}) + exp(-{y}))",
    "{y}**4/4",
    "{y}*sin({y})",
    "exp(3*{y})/3",
    "sqrt(4 + {y}**2)",
)


def _concrete(derivation: Derivation, chance: Random) -> Drawn[Material]:
    problem = derivation.problem
    wrt = chance.choice(derivation.wrt)
    function = chance.choice(_FUNCTIONS)
    sizes = (chance.randint(1, 2), chance.randint(2, 3), chance.randint(2, 3))
    before = problem.program.assignments[:-1]
    body = parse(f"{problem.loss.name} = sum({function.format(y=problem.name)})").loss
    program = Program((*before, body))
    if program == problem.program:
        return None
    shapes = {n: s for n, s in _sized(problem, sizes).shapes.items() if s}

    def make() -> Concrete:
        return Concrete(build(understand(program, {**shapes, problem.loss.name: ()}), (wrt,)))

    return (function,), make


_KINDS: tuple[Callable[[Derivation, Random], Drawn[Material]], ...] = (
    _shapes,
    _feeds,
    _other_sizes,
    _wrong_line,
    _gradient,
    _concrete,
)
