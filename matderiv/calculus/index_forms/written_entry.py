"""The entry of any expression as a teacher writes it: (XW + b)_ij = Σ_k x_ik w_kj + b_j.

The indices are pushed inwards to those of names. This is the only place where a written entry is
worked out; it is proved to be the entry by the definition of each kind of node.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from matderiv.calculus.formulas.broadcasting import ShapeOf, is_entrywise
from matderiv.calculus.index_forms.contractions import (
    CONTRACTED,
    contraction,
    own_indices,
    under_reduction,
)
from matderiv.calculus.index_forms.forms import Indices
from matderiv.calculus.index_forms.index_expressions import (
    ONE_NUMERAL,
    Applied,
    ArrayEntry,
    Combined,
    Extent,
    FunctionOfArray,
    IndexExpression,
    NamedEntry,
    Numeral,
    PowerOf,
    ProductOver,
    Runs,
    SignedSum,
    delta,
    index_product,
    negated,
    quotient,
    signed_sum,
    sum_over,
)
from matderiv.expression import nodes
from matderiv.expression.definitions import unfolded
from matderiv.expression.dims import SINGLE
from matderiv.expression.nodes import Node
from matderiv.expression.operations import NAMES
from matderiv.expression.reshaping import moved_indices
from matderiv.expression.shapes import Dim, Shape

__all__ = ["RULES", "entry_of"]

_Rule = Callable[["_Writer", Any, Indices], IndexExpression]


def _nothing(_: Node) -> bool:
    return False


def entry_of(
    node: Node,
    indices: Indices,
    shape: ShapeOf,
    letters: Sequence[str],
    *,
    kept: Callable[[Node], bool] = _nothing,
) -> IndexExpression:
    """The entry of an expression at indices; sums take their letters from `letters`, in order.

    A sum takes no letter that is in use where it stands. Parts that are `kept` stay whole, with
    their indices beside them: (XW)_ij.

    Raises:
        MissingRuleError: a kind of node has neither a rule nor a definition.
    """
    taken = frozenset(i for i in indices if isinstance(i, str))
    return _Writer(shape, tuple(letters), taken, kept).at(node, indices)


@dataclass(frozen=True, slots=True)
class _Writer:
    """Writes entries where the letters `taken` are in use."""

    shape: ShapeOf
    letters: tuple[str, ...]
    taken: frozenset[str]
    kept: Callable[[Node], bool]

    def at(self, node: Node, at: Indices) -> IndexExpression:
        if self.kept(node):
            return ArrayEntry(node, at)
        rule = RULES.get(type(node))
        if rule is not None:
            return rule(self, node, at)
        if isinstance(node, nodes.Entrywise):
            items = (self.operand(operand, node, at) for operand in nodes.children(node))
            return Combined(NAMES[type(node)], tuple(items))
        return self.at(unfolded(node, "written entry", self.shape), at)

    def operand(self, operand: Node, node: Node, at: Indices) -> IndexExpression:
        """An operand's entry: the last indices, and 1 where its only row or column is repeated."""
        return self.at(operand, own_indices(self.shape(operand), self.shape(node), at))

    def running(self, dims: Shape) -> tuple[_Writer, Runs, Indices]:
        """For a sum over `dims`: the writer of its summand, the summation letters, all indices."""
        free = (letter for letter in self.letters if letter not in self.taken)
        places = tuple(1 if dim == SINGLE else next(free) for dim in dims)
        pairs = zip(places, dims, strict=True)
        runs = tuple((place, dim) for place, dim in pairs if isinstance(place, str))
        inside = replace(self, taken=self.taken | {letter for letter, _ in runs})
        return inside, runs, places

    def summed(
        self, dims: Shape, term: Callable[[_Writer, Indices], IndexExpression]
    ) -> IndexExpression:
        """Σ of a term over indices that run to these sizes."""
        inside, runs, places = self.running(dims)
        return sum_over(runs, term(inside, places))

    def along(self, node: nodes.Prod | nodes.Max, at: Indices) -> tuple[Runs, IndexExpression]:
        """The summation letters of a reduction, and the entry of its operand under the sum."""
        dims, indices = under_reduction(node, at, self.shape(node.arg))
        inside, runs, places = self.running(dims)
        return runs, inside.at(node.arg, indices(places))


# -- names and constants ---------------------------------------------------------------------


def _name(_: _Writer, node: nodes.Name, at: Indices) -> IndexExpression:
    return NamedEntry(node.name, at)


def _number(_: _Writer, node: nodes.Number, at: Indices) -> IndexExpression:
    del at
    number = Numeral(abs(node.value))
    return negated(number) if node.value < 0 else number


def _size(_: _Writer, node: nodes.Size, at: Indices) -> IndexExpression:
    del at
    return Extent(Dim(node.symbol, node.size))


def _pi(_: _Writer, node: nodes.Pi, at: Indices) -> IndexExpression:
    del node, at
    return NamedEntry("π", ())


def _ones(_: _Writer, node: nodes.Ones, at: Indices) -> IndexExpression:
    del node, at
    return ONE_NUMERAL


def _eye(_: _Writer, node: nodes.Eye, at: Indices) -> IndexExpression:
    del node
    return delta(*at)


# -- entry by entry --------------------------------------------------------------------------


def _terms(
    writer: _Writer, node: Node, at: Indices, sign: int
) -> Iterator[tuple[int, IndexExpression]]:
    match node:
        case nodes.Add(left, right) | nodes.Subtract(left, right):
            over = writer.shape(node)
            second = sign if isinstance(node, nodes.Add) else -sign
            for operand, own in ((left, sign), (right, second)):
                places = own_indices(writer.shape(operand), over, at)
                yield from _terms(writer, operand, places, own)
        case nodes.Negate(arg):
            yield from _terms(writer, arg, at, -sign)
        case _:
            yield sign, writer.at(node, at)


def _sum_of_terms(writer: _Writer, node: Node, at: Indices) -> IndexExpression:
    return signed_sum(_terms(writer, node, at, 1))


def _multiply(writer: _Writer, node: nodes.Multiply, at: Indices) -> IndexExpression:
    sign, left = _unsigned(writer.operand(node.left, node, at))
    return signed_sum([(sign, index_product([left, writer.operand(node.right, node, at)]))])


def _divide(writer: _Writer, node: nodes.Divide, at: Indices) -> IndexExpression:
    sign, left = _unsigned(writer.operand(node.left, node, at))
    return signed_sum([(sign, quotient(left, writer.operand(node.right, node, at)))])


def _unsigned(expr: IndexExpression) -> tuple[int, IndexExpression]:
    """A sign and what stands after it: -2ab, not (-2)ab."""
    match expr:
        case SignedSum(items=((sign, only),)):
            return sign, only
    return 1, expr


def _power(writer: _Writer, node: nodes.Power, at: Indices) -> IndexExpression:
    return PowerOf(writer.operand(node.left, node, at), writer.operand(node.right, node, at))


def _apply(writer: _Writer, node: nodes.Apply, at: Indices) -> IndexExpression:
    if not is_entrywise(node):  # ∂F/∂a_ij of a function F of arrays
        return ArrayEntry(node, at)
    return Applied(node.function, writer.at(node.arg, at))


# -- products and sums -----------------------------------------------------------------------


def _contracted(writer: _Writer, node: Node, at: Indices) -> IndexExpression:
    found = contraction(node, at, writer.shape)
    assert found is not None
    deltas = [delta(*pair) for pair in found.deltas]

    def term(inside: _Writer, places: Indices) -> IndexExpression:
        parts = [*deltas, *(inside.at(*entry) for entry in found.entries(places))]
        return index_product(parts) if parts[1:] else parts[0]

    return writer.summed(found.dims, term)


def _reshape(writer: _Writer, node: nodes.Reshape, at: Indices) -> IndexExpression:
    """Σ_m δ x_m, the delta being 1 where m is the place of h, d: (h - 1)·D + d."""
    own, new = writer.shape(node.arg), writer.shape(node)
    free = (letter for letter in writer.letters if letter not in writer.taken)
    runs: list[tuple[str, Dim]] = []

    def letter(dim: Dim) -> str:
        runs.append((next(free), dim))
        return runs[-1][0]

    constants, places = moved_indices(own, new, at, letter)
    inside = replace(writer, taken=writer.taken | {own for own, _ in runs})
    deltas = [ArrayEntry(rule, indices) for rule, indices in constants]
    return sum_over(tuple(runs), index_product([*deltas, inside.at(node.arg, places)]))


def _prod(writer: _Writer, node: nodes.Prod, at: Indices) -> IndexExpression:
    runs, body = writer.along(node, at)
    return ProductOver(runs, body) if runs else body


def _max(writer: _Writer, node: nodes.Max, at: Indices) -> IndexExpression:
    runs, body = writer.along(node, at)
    return FunctionOfArray("max", runs, body, ()) if runs else body


def _norm(writer: _Writer, node: nodes.Norm, at: Indices) -> IndexExpression:
    del at
    square = nodes.Power(node.arg, nodes.TWO)
    over = writer.shape(node.arg)
    return Applied("sqrt", writer.summed(over, lambda inside, k: inside.at(square, k)))


# -- functions of whole arrays ---------------------------------------------------------------


def _as_it_stands(_: _Writer, node: Node, at: Indices) -> IndexExpression:
    return ArrayEntry(node, at)


#: How an entry of each kind of node is written; other kinds are written by their definition.
RULES: Mapping[type, _Rule] = {
    nodes.Name: _name,
    nodes.Number: _number,
    nodes.Size: _size,
    nodes.Pi: _pi,
    nodes.Ones: _ones,
    nodes.Eye: _eye,
    nodes.Add: _sum_of_terms,
    nodes.Subtract: _sum_of_terms,
    nodes.Negate: _sum_of_terms,
    nodes.Multiply: _multiply,
    nodes.Divide: _divide,
    nodes.Power: _power,
    nodes.Apply: _apply,
    **dict.fromkeys(CONTRACTED, _contracted),
    nodes.Reshape: _reshape,
    nodes.Prod: _prod,
    nodes.Max: _max,
    nodes.Norm: _norm,
    nodes.Selection: _as_it_stands,
    nodes.OneHot: _as_it_stands,
    nodes.Inverse: _as_it_stands,
    nodes.Determinant: _as_it_stands,
    nodes.LogDet: _as_it_stands,
    nodes.MatrixFunction: _as_it_stands,
    nodes.Frechet: _as_it_stands,
    nodes.Functional: _as_it_stands,
}
