"""Formulas as textbooks write them: ‖A‖² for sum(A**2), Σ_ij f(y_ij), Aᵀ1, X[1:]; each is proved.

A rule gives another way to write one node. A page shows it only where it is proved equal to the
node, for every size or else at the sizes of the program.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction

from matderiv.calculus.deciding.decide import Attempt, Pair, Verdict, decide
from matderiv.calculus.deciding.parts import shared_parts_named
from matderiv.calculus.formulas.as_typed import as_typed
from matderiv.calculus.formulas.broadcasting import ShapeOf, size_name
from matderiv.calculus.formulas.shaping import shapes_over
from matderiv.calculus.index_forms.entries import Entries
from matderiv.calculus.index_forms.expanded import written_out_at
from matderiv.calculus.index_forms.index_expressions import (
    ArrayEntry,
    IndexExpression,
    SumOver,
    index_parts,
)
from matderiv.calculus.index_forms.letters import input_indices
from matderiv.calculus.index_forms.meaning import form_of
from matderiv.calculus.index_forms.written_entry import entry_of
from matderiv.errors import ProofError
from matderiv.expression import nodes
from matderiv.expression.dims import SINGLE, Dim
from matderiv.expression.nodes import Node
from matderiv.expression.source import source

__all__ = ["OTHER_WORDS", "Textbook", "Worded", "WordingRule"]

#: A formula as it is written; the entry of a number is an index expression.
Worded = Node | IndexExpression
WordingRule = Callable[[Node, ShapeOf, tuple[str, ...]], Worded | None]

_Place = tuple[int, ...] | None

_MATRIX = 2  # dimensions

#: Nodes with an entry that is its operands' at the same place; sums in it are sums of entries.
_OPENED = (
    nodes.Name,
    nodes.Number,
    nodes.Size,
    nodes.Pi,
    nodes.Ones,
    nodes.Add,
    nodes.Subtract,
    nodes.Negate,
    nodes.Multiply,
    nodes.Divide,
    nodes.Power,
    nodes.Apply,
    nodes.Transpose,
    nodes.Sum,
)


class Textbook:
    """How the nodes of one program are written, each found and proved once.

    `letters` are those of sums over all entries; without any, only constants that pick entries
    are written in other words.
    """

    def __init__(self, shape: ShapeOf, letters: tuple[str, ...] = ()) -> None:
        self.shape = shape
        self.letters = letters
        self._known: dict[Node, Worded | None] = {}

    def of(self, node: Node) -> Worded | None:
        """The node in other words, or None where it is written as it stands.

        Raises:
            ProofError: the words do not mean the node.

        >>> from matderiv.calculus.formulas.shaping import shapes_over
        >>> from matderiv.expression.dims import SINGLE, Dim
        >>> textbook = Textbook(shapes_over({"x": (Dim("N", 3),)}), ("i",))
        >>> source(textbook.of(nodes.Sum(nodes.Power(nodes.Name("x"), nodes.TWO))))
        'norm(x)**2'
        """
        if node not in self._known:
            self._known[node] = self._found(node)
        return self._known[node]

    def _found(self, node: Node) -> Worded | None:
        for rule in OTHER_WORDS if self.letters else (_typed,):
            made = rule(node, self.shape, self.letters)
            if made is None:
                continue
            verdict = _verdict(node, made, self.shape)
            if verdict.status == "refuted":
                raise ProofError(f"{source(node)} in other words: {verdict.reason}")
            return made if verdict.status == "equal" else None
        return None

    def parts(self, node: Node) -> Iterator[Node]:
        """The parts of a formula that stand in its print, itself among them."""
        made = self.of(node)
        if made is None:
            yield node
            for child in nodes.children(node):
                yield from self.parts(child)
        elif isinstance(made, Node):
            yield from self.parts(made)
        else:
            for part in index_parts(made):
                if isinstance(part, ArrayEntry):
                    yield from self.parts(part.node)


# -- the rules -------------------------------------------------------------------------------


def _squares(node: Node, shape: ShapeOf, letters: tuple[str, ...]) -> Node | None:
    """‖A‖² for the sum of the squares of all entries."""
    del letters
    match node:
        case nodes.Sum(nodes.Power(arg, nodes.TWO), None, False) if 1 <= len(shape(arg)) <= _MATRIX:
            return nodes.Power(nodes.Norm(arg), nodes.TWO)
    return None


def _total(node: Node, shape: ShapeOf, letters: tuple[str, ...]) -> IndexExpression | None:
    """Σ_ij a_ij of all entries, what is no entry by entry with its indices beside brackets.

    A sum over all entries that stands inside has the first letters.
    """
    match node:
        case nodes.Sum(arg, None, False) if shape(arg) and not _holds_unit(arg):
            letters = letters[_letters_inside(arg, shape, letters) :]
            return entry_of(node, (), shape, letters, kept=lambda n: not isinstance(n, _OPENED))
    return None


def _letters_inside(node: Node, shape: ShapeOf, letters: tuple[str, ...]) -> int:
    """How many letters the sums and means over all entries take that stand in a formula."""
    match node:
        case nodes.Sum(arg, None, False) | nodes.Mean(arg, None, False):
            total = _total(nodes.Sum(arg), shape, letters)
            bound = () if total is None else index_parts(total)
            taken = {i for part in bound if isinstance(part, SumOver) for i, _ in part.letters}
            if taken:
                return 1 + max(map(letters.index, taken))
    inside = (_letters_inside(part, shape, letters) for part in nodes.children(node))
    return max(inside, default=0)


def _holds_unit(node: Node) -> bool:
    """Whether e_p e_qᵀ stands in a formula, which has no name that an entry could have."""
    return any(name[0] == "ε" for name in nodes.names_in(node))


def _average(node: Node, shape: ShapeOf, letters: tuple[str, ...]) -> Node | None:
    """1/(NM) times the sum of all entries."""
    del letters
    match node:
        case nodes.Mean(arg, None, False) if shape(arg):
            sizes = [_size(dim) for dim in shape(arg) if dim != SINGLE]
            if not sizes:
                return nodes.Sum(arg)
            count = functools.reduce(nodes.Multiply, sizes)
            return nodes.Multiply(nodes.Divide(nodes.ONE, count), nodes.Sum(arg))
    return None


def _along(node: Node, shape: ShapeOf, letters: tuple[str, ...]) -> Node | None:
    """Aᵀ1, A1 and the same over their number, for sums and means of columns and of rows."""
    match node:
        case nodes.Sum(arg, int(axis), False) if len(shape(arg)) == _MATRIX:
            dim = shape(arg)[axis % _MATRIX]
            turned = arg if axis % _MATRIX else nodes.transposed(arg)
            return nodes.MatMul(turned, nodes.Ones((size_name(dim),)))
        case nodes.Mean(arg, int(axis), False) if len(shape(arg)) == _MATRIX:
            added = _along(nodes.Sum(arg, axis), shape, letters)
            assert added is not None
            return nodes.Divide(added, _size(shape(arg)[axis % _MATRIX]))
    return None


def _size(dim: Dim) -> Node:
    """The letter of a size, or its number if it has none."""
    named = dim.symbol != str(dim.size)
    return nodes.Size(dim.symbol, dim.size) if named else nodes.Number(Fraction(dim.size))


def _typed(node: Node, shape: ShapeOf, letters: tuple[str, ...]) -> Node | None:
    """X[1:] for a product with a constant that picks entries."""
    del letters
    if not isinstance(node, nodes.MatMul | nodes.Multiply):
        return None
    if not any(isinstance(part, nodes.Selection) for part in nodes.walk(node)):
        return None
    made = as_typed(node, shape)
    return None if made == node else made


#: The ways to write a node; the first that says something is taken.
OTHER_WORDS: tuple[WordingRule, ...] = (_squares, _total, _average, _along, _typed)


# -- their proof -----------------------------------------------------------------------------


def _verdict(node: Node, made: Worded, shape: ShapeOf) -> Verdict:
    """Whether a node and what is written for it are equal."""
    if isinstance(made, Node) and shape(node) != shape(made):
        return Verdict("refuted", reason="the shapes differ")
    sizes = {dim.symbol: dim.size for part in nodes.walk(node) for dim in shape(part)}
    return decide(
        _attempts(node, made, shape, sizes), lambda: [dim.size for dim in shape(node)], sizes
    )


def _attempts(
    node: Node, made: Worded, shape: ShapeOf, sizes: Mapping[str, int]
) -> Iterator[Attempt]:
    """Their general entries: first with little multiplied out, then as they stand."""

    def pair(one: Node, other: Worded, entries: Entries) -> Callable[[_Place], Pair]:
        letters = input_indices(entries.shape(one))

        def forms(place: _Place) -> Pair:
            left = entries.at(one, *letters)
            if isinstance(other, Node):
                right = entries.at(other, *letters)
            else:
                right = form_of(other, entries)
            if place is None:
                return left, right
            ends = letters, place, sizes
            return written_out_at(left, *ends), written_out_at(right, *ends)

        return forms

    if isinstance(made, Node):
        one, other, parts = shared_parts_named(node, made)
        names = nodes.names_in(one) | nodes.names_in(other)
        known = {name: shape(parts.get(name, nodes.Name(name))) for name in names}
        known["all sizes"] = tuple(dim for part in nodes.walk(node) for dim in shape(part))
        yield Attempt("shared parts named", pair(one, other, Entries(shapes_over(known))))
    else:
        yield Attempt("powers kept", pair(node, made, Entries(shape, powers=1)))
    yield Attempt("as they stand", pair(node, made, Entries(shape)), complete=True)
