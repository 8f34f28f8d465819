"""What a claim is measured against: the derived gradient, and what every name stands for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import sympy as sp

from matderiv.calculus.elementwise import chain_rule, tidy, to_node
from matderiv.calculus.entries import Entries
from matderiv.calculus.forms import TooLarge
from matderiv.calculus.naming import canonical
from matderiv.calculus.problem import Elementwise, Problem
from matderiv.calculus.shaping import shapes_over
from matderiv.calculus.verdicts import vanishes
from matderiv.derivation.build import gradient_of
from matderiv.expression import nodes
from matderiv.expression.claim import parse_claim
from matderiv.expression.nodes import Name, Node
from matderiv.expression.shapes import Dim, Shape

__all__ = ["Question", "ask", "sized"]

#: Sizes for letters: all different, so that no product fits by chance, and none is 1.
_GENERIC = (2, 4, 3, 5, 7, 6, 8, 9, 10, 11, 12, 13)
_LARGEST = 6  # the largest size of the user's that evidence is shown at

#: The variable of the bodies of known functions.
_HOLE = Name("")


@dataclass(frozen=True)
class Question:
    """The gradient of a program's loss by one of its matrices, as a claim sees it.

    `gradient` is the derived formula. `definitions` say what assigned names and gradients such
    as dY are made of, where that is known; `functions` what a known f and its f′ are. `shapes`
    are of all names, at unequal sizes; `wrt` is one of them.
    """

    problem: Problem
    wrt: str
    gradient: Node
    shapes: dict[str, Shape]
    definitions: dict[str, Node]
    bodies: dict[str, Node]
    undefined: tuple[str, ...]
    #: The factors of f′(Y) by the chain rule, and ways to write dY in terms of Y.
    chain: tuple[Node, ...] = ()
    written: tuple[Node, ...] = ()

    @property
    def loss(self) -> str:
        """The name of the loss."""
        return self.problem.program.loss.name

    @property
    def opaque(self) -> tuple[str, ...]:
        """The loss, if it is an undefined function of a whole array."""
        value = self.definitions[self.loss]
        return (self.loss,) if isinstance(value, nodes.Functional) else ()

    @property
    def shape(self) -> Shape:
        """The shape of the gradient, which is that of the matrix."""
        return self.shapes[self.wrt]

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names that have no definition: inputs, and a gradient such as dY of any loss."""
        return tuple(name for name in self.shapes if name not in self.definitions)

    @cached_property
    def functions(self) -> dict[str, Callable[[Node], Node]]:
        """The known functions with names of their own, as functions of expressions."""

        def made(body: Node) -> Callable[[Node], Node]:
            return lambda arg: substituted(body, _HOLE, arg)

        return {name: made(body) for name, body in self.bodies.items()}

    def read(self, claim: str) -> Node:
        """Read a claim; a size in figures, as in ones((2, 4)), stands for the letter it is of.

        Raises:
            ProgramSyntaxError: it cannot be read.
        """
        own = {dim for shape in self.problem.shapes.values() for dim in shape}
        sizes = Counter(dim.size for dim in own)
        letters = {dim.size: dim.symbol for dim in own if sizes[dim.size] == 1}
        return parse_claim(claim, tuple(self.shapes), self.function_names, letters)

    @property
    def function_names(self) -> tuple[str, ...]:
        """The functions that a claim may use, the known ones of the language aside."""
        return (*self.undefined, *self.bodies)

    @property
    def dims(self) -> tuple[Dim, ...]:
        """All sizes, each once, in the order of the letters' first use."""
        return tuple(dict.fromkeys(dim for shape in self.shapes.values() for dim in shape))

    @property
    def resized(self) -> bool:
        """Whether sizes are others than the problem's, because those would hide mistakes."""
        return any(self.shapes[name] != shape for name, shape in self.problem.shapes.items())

    def gradient_beside(self, claim: Node) -> Node:
        """The gradient in the words of a claim: with dY, or with what dY is made of."""
        upstream = f"d{self.problem.name}"
        used = {n.name for n in nodes.walk(claim) if isinstance(n, Name)}
        known = self.definitions.get(upstream)
        if upstream in used or known is None or (self.bodies and not self.written):
            return self.gradient
        written = self.written[0] if self.written else known
        return substituted(self.gradient, Name(upstream), written)

    def entries(self, *unfolded: str) -> Entries:
        """General entries in which the given names are replaced by what they are made of."""
        known = {name: self.definitions[name] for name in unfolded if name in self.definitions}
        return Entries(shapes_over(self.shapes), known, self.functions)

    def entry_name(self, node: Node) -> str | None:
        """What the general entry of a formula reads, if it is not too long to be worked out."""
        letters = ("p", "q")[: len(self.shapes[self.problem.name])]
        try:
            return str(sorted(canonical(self.entries().at(node, *letters)).items()))
        except TooLarge:
            return None


def ask(problem: Problem, wrt: str) -> Question:
    """The question that a claimed gradient of a problem answers."""
    y = problem.name
    sizes = _sizes(problem.shapes)
    shapes = sized(problem.shapes, sizes)
    shapes[f"d{y}"] = shapes[y]
    definitions = {a.name: a.value for a in problem.program.assignments}
    bodies: dict[str, Node] = {}
    undefined: tuple[str, ...] = ()
    chain: tuple[Node, ...] = ()
    written: tuple[Node, ...] = ()
    head = problem.head
    if not isinstance(head, Elementwise):
        undefined = (head.function,)
    else:
        slope: Node
        if head.body is None:
            undefined = (head.function, f"d{head.function}")
            slope = nodes.Apply(f"d{head.function}", Name(y))
        else:
            slope, chain, written = _known(head, y)
            if not _holds(slope, Name(y)):  # each entry of dY is the same number
                slope = nodes.Add(slope, nodes.Multiply(nodes.Number(Fraction(0)), Name(y)))
            bodies = {
                head.function: to_node(head.body, head.variable, _HOLE),
                f"d{head.function}": substituted(slope, Name(y), _HOLE),
            }
        if head.coefficient == 1:
            definitions[f"d{y}"] = slope
        else:
            factor = to_node(head.coefficient, head.variable, _HOLE)
            definitions[f"d{y}"] = nodes.Multiply(factor, slope)
    return Question(
        problem,
        wrt,
        gradient_of(problem, wrt),
        shapes,
        definitions,
        bodies,
        undefined,
        chain,
        written,
    )


def _known(head: Elementwise, y: str) -> tuple[Node, tuple[Node, ...], tuple[Node, ...]]:
    """f′(Y) of a known f, its factors by the chain rule, and ways to write dY."""
    assert head.body is not None
    factors = chain_rule(head.body, head.variable)
    slope: sp.Expr = sp.Mul(*factors)
    short = tidy(slope)
    if vanishes(short - slope):
        slope = short
    whole = head.coefficient * slope
    written = dict.fromkeys((sp.factor_terms(whole), sp.expand(whole)))

    def made(expr: sp.Expr) -> Node:
        return to_node(expr, head.variable, Name(y))

    if not slope.has(head.variable):
        return made(slope), (), ()
    return made(slope), tuple(map(made, factors)), tuple(map(made, written))


def _holds(node: Node, part: Node) -> bool:
    return any(n == part for n in nodes.walk(node))


def _sizes(shapes: dict[str, Shape]) -> dict[str, int]:
    """The user's sizes if they are small and tell all letters apart, else generic ones."""
    own = {dim.symbol: dim.size for shape in shapes.values() for dim in shape}
    if len(set(own.values())) == len(own) and all(2 <= n <= _LARGEST for n in own.values()):  # noqa: PLR2004 - at 1 all orders look alike
        return own
    return dict(zip(own, _GENERIC, strict=False))


def sized(shapes: dict[str, Shape], sizes: dict[str, int]) -> dict[str, Shape]:
    """The same shapes with other sizes for their letters."""
    return {
        name: tuple(Dim(dim.symbol, sizes[dim.symbol]) for dim in shape)
        for name, shape in shapes.items()
    }


def substituted(node: Node, old: Node, new: Node) -> Node:
    """The expression with one part replaced wherever it occurs."""
    if node == old:
        return new
    return nodes.rebuilt(node, [substituted(part, old, new) for part in nodes.children(node)])
