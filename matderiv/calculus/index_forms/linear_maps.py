"""A formula that is linear in an array V, read as a sum of products of entries.

The entry of such a formula at indices a is Σ_b m_ab v_b. Walking from the outside of the formula to
V, every operation gives a factor, an index that is summed over, or two indices that agree:
`A.T @ (s*V)` at p is Σ_i a_ip s_i v_i. What stands beside V is m, the array of the linear map.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction

from matderiv.calculus.formulas.broadcasting import ShapeOf
from matderiv.calculus.index_forms.contractions import CONTRACTED, contraction, own_indices
from matderiv.calculus.index_forms.forms import Index, Indices
from matderiv.errors import MissingRuleError, UnsupportedError
from matderiv.expression import nodes
from matderiv.expression.definitions import definition
from matderiv.expression.dims import SINGLE
from matderiv.expression.matrix_functions import function_kind
from matderiv.expression.nodes import Node
from matderiv.expression.operations import rules_of
from matderiv.expression.reshaping import moved_indices
from matderiv.expression.shapes import Dim, Shape

__all__ = ["LINEAR", "Factor", "Product", "in_factors", "linear_map", "without_ones"]

#: An array and the indices at which its entry stands in a product.
Factor = tuple[Node, Indices]

_MOST = 200  # products of one map


@dataclass(frozen=True, slots=True)
class Product:
    """A number times entries of arrays and deltas, summed over `summed`: c·Σ_k a_ik s_k δ_kp.

    Free indices are letters that are not summed over. An index is 1 along an axis of one place.
    """

    number: Fraction = Fraction(1)
    factors: tuple[Factor, ...] = ()
    deltas: tuple[tuple[Index, Index], ...] = ()
    summed: tuple[tuple[str, Dim], ...] = ()

    def times(self, number: Fraction, factors: Iterable[Factor] = ()) -> Product:
        """The product with more factors before its own."""
        return replace(self, number=number * self.number, factors=(*factors, *self.factors))

    def also(
        self,
        deltas: Iterable[tuple[Index, Index]] = (),
        summed: Iterable[tuple[str, Dim]] = (),
    ) -> Product:
        """The product with more deltas, or under more sums."""
        return replace(self, deltas=(*self.deltas, *deltas), summed=(*summed, *self.summed))

    def renamed(self, names: Mapping[Index, Index]) -> Product:
        """The product with other indices for some."""

        def new(index: Index) -> Index:
            return names.get(index, index)

        return Product(
            self.number,
            tuple((node, tuple(map(new, at))) for node, at in self.factors),
            tuple((new(a), new(b)) for a, b in self.deltas),
            tuple((str(new(letter)), dim) for letter, dim in self.summed),
        )


def linear_map(
    formula: Node, of: str, at: Indices, by: Indices, shape: ShapeOf
) -> tuple[Product, ...]:
    """The products m_ab whose Σ_b m_ab v_b is the formula's entry at a, for V of the name `of`.

    `at` are the letters a, `by` the letters b; 1 along an axis of one place. Deltas are worked out
    as far as they are under sums.

    Raises:
        UnsupportedError: the formula is too long, or holds V in an operation that is not linear.

    >>> from matderiv.calculus.formulas.shaping import shapes_over
    >>> from matderiv.expression.parse import parse
    >>> n, d = Dim("N", 2), Dim("D", 3)
    >>> shape = shapes_over({"A": (n, d), "s": (n,), "V": (n,)})
    >>> (found,) = linear_map(parse("A.T @ (s*V)").loss.value, "V", ("p",), ("i",), shape)
    >>> found.factors
    ((Name(name='A'), ('i', 'p')), (Name(name='s'), ('i',)))
    """
    found: list[Product] = []
    reader = _Reader(of, by, shape)
    for product in reader.at(formula, at):
        found += in_factors(product, shape)
        if len(found) > _MOST:
            raise UnsupportedError(
                f"The derivative is a sum of more than {_MOST} products; give names to parts."
            )
    return tuple(found)


@dataclass(slots=True)
class _Reader:
    of: str
    by: Indices
    shape: ShapeOf
    count: Iterator[int] = field(default_factory=itertools.count)

    def at(self, node: Node, at: Indices) -> Iterator[Product]:
        """The products of the entry of a formula that holds V."""
        if isinstance(node, nodes.Name):
            yield Product(deltas=tuple(zip(at, self.by, strict=True)))
            return
        turned = self._turned(node)
        if turned is not None:
            yield from self.at(turned, at)
            return
        rule = LINEAR.get(type(node))
        if rule is not None:
            yield from rule(self, node, at)
            return
        simpler = definition(node, self.shape)
        if simpler is None:
            raise MissingRuleError(node, "rule as a linear map")
        yield from self.at(simpler, at)

    def _turned(self, node: Node) -> Node | None:
        """⟨L(Aᵀ, V), B⟩ as ⟨V, L(A, B)⟩, L being the derivative of a function of A along a matrix.

        Raises:
            UnsupportedError: V is in such a derivative otherwise, which no array is printed for.
        """
        match node:
            case nodes.Sum(
                nodes.Multiply(nodes.Frechet(arg, change, function) as along, other)
                | nodes.Multiply(other, nodes.Frechet(arg, change, function) as along),
                None,
            ) if not self.holds(other) and self.shape(other) == self.shape(along):
                back = nodes.Frechet(nodes.transposed(arg), other, function)
                return nodes.Sum(nodes.Multiply(change, back))
            case nodes.Frechet(function=function):
                raise UnsupportedError(
                    f"The derivative of {function_kind(function)} by a matrix is a map of matrices "
                    f"that no array is printed for: along V it is {function_kind(function)}_frechet"
                    "(A, V); ask for it by jvp, or for the gradient of sum(G*…)."
                )
        return None

    def holds(self, node: Node) -> bool:
        return self.of in nodes.names_in(node)

    def letters(self, dims: Shape) -> tuple[tuple[tuple[str, Dim], ...], Indices]:
        """The letters of a sum over these sizes, and all its indices."""
        places: Indices = tuple(1 if dim == SINGLE else f"k{next(self.count)}" for dim in dims)
        pairs = zip(places, dims, strict=True)
        return tuple((place, dim) for place, dim in pairs if isinstance(place, str)), places

    def own(self, operand: Node, node: Node, at: Indices) -> Indices:
        """The indices of an operand that broadcasts."""
        return own_indices(self.shape(operand), self.shape(node), at)


_Rule = Callable[..., Iterator[Product]]
#: The products of an entry of each kind of node, of which one operand holds V.
LINEAR: dict[type, _Rule] = {}


_rule = rules_of(LINEAR)


@_rule(nodes.Add, nodes.Subtract)
def _add(reader: _Reader, node: nodes.Add | nodes.Subtract, at: Indices) -> Iterator[Product]:
    signs = (1, 1 if isinstance(node, nodes.Add) else -1)
    for operand, sign in zip(nodes.children(node), signs, strict=True):
        if not reader.holds(operand):
            raise UnsupportedError("A formula that should be linear holds a constant term.")
        for product in reader.at(operand, reader.own(operand, node, at)):
            yield product.times(Fraction(sign))


@_rule(nodes.Negate)
def _negate(reader: _Reader, node: nodes.Negate, at: Indices) -> Iterator[Product]:
    for product in reader.at(node.arg, at):
        yield product.times(Fraction(-1))


@_rule(nodes.Multiply, nodes.Divide)
def _multiply(
    reader: _Reader, node: nodes.Multiply | nodes.Divide, at: Indices
) -> Iterator[Product]:
    inside, beside = (node.left, node.right) if reader.holds(node.left) else (node.right, node.left)
    if reader.holds(beside):
        raise UnsupportedError("A formula that should be linear holds a product of its variable.")
    own = reader.own(beside, node, at)
    if isinstance(node, nodes.Divide):
        if inside is node.right:
            raise UnsupportedError("A formula that should be linear divides by its variable.")
        beside = nodes.Divide(nodes.ONE, beside)
    for product in reader.at(inside, reader.own(inside, node, at)):
        yield product.times(Fraction(1), [(beside, own)])


@_rule(*CONTRACTED)
def _contracted(reader: _Reader, node: Node, at: Indices) -> Iterator[Product]:
    found = contraction(node, at, reader.shape)
    assert found is not None
    summed, places = reader.letters(found.dims)
    entries = found.entries(places)
    inside = next(entry for entry in entries if reader.holds(entry[0]))
    others = [entry for entry in entries if entry is not inside]
    for product in reader.at(*inside):
        yield product.times(Fraction(1), others).also(found.deltas, summed)


@_rule(nodes.Reshape)
def _reshape(reader: _Reader, node: nodes.Reshape, at: Indices) -> Iterator[Product]:
    summed: list[tuple[str, Dim]] = []

    def letter(dim: Dim) -> str:
        summed.append((f"k{next(reader.count)}", dim))
        return summed[-1][0]

    own, new = reader.shape(node.arg), reader.shape(node)
    constants, places = moved_indices(own, new, at, letter)
    for product in reader.at(node.arg, places):
        yield product.times(Fraction(1), constants).also(summed=tuple(summed))


@_rule(nodes.Mean)
def _mean(reader: _Reader, node: nodes.Mean, at: Indices) -> Iterator[Product]:
    over = reader.shape(node.arg)
    dims = over if node.axis is None else (over[node.axis],)
    below = [
        (nodes.Divide(nodes.ONE, nodes.Size(dim.symbol, dim.size)), ())
        for dim in dims
        if dim != SINGLE
    ]
    for product in reader.at(nodes.Sum(node.arg, node.axis, node.keepdims), at):
        yield product.times(Fraction(1), below)


def without_ones(node: Node, places: Indices, shape: ShapeOf) -> Factor:
    """The array without its axes of one entry, where the index is 1."""
    for axis in reversed([n for n, i in enumerate(places) if i == 1]):
        node = nodes.Sum(node, axis if len(shape(node)) > 1 else None)
    return node, tuple(i for i in places if i != 1)


# -- deltas under sums, and factors taken apart --------------------------------------------------


def in_factors(product: Product, shape: ShapeOf) -> Iterator[Product]:
    """The product without deltas of letters that are summed over, its factors taken apart."""
    queue = list(product.factors)
    number = product.number
    factors: list[Factor] = []
    deltas = list(product.deltas)
    while queue:
        node, at = queue.pop(0)
        match node:
            case nodes.Number(value):
                number *= value
            case nodes.Negate(arg):
                number = -number
                queue.insert(0, (arg, at))
            case nodes.Transpose(arg):
                queue.insert(0, (arg, at[::-1]))
            case nodes.Eye():
                deltas.append((at[0], at[1]))
            case nodes.Ones():
                pass
            case nodes.Diag(arg) if len(at) > 1:
                deltas.append((at[0], at[1]))
                queue.insert(0, (arg, at[:1]))
            case nodes.Outer(left, right):
                middle = len(shape(left))
                queue[:0] = [(left, at[:middle]), (right, at[middle:])]
            case nodes.Multiply(nodes.Number(value), right):
                number *= value
                queue.insert(0, (right, at))
            case nodes.Divide(left, nodes.Number(value)) if value:
                number /= value
                queue.insert(0, (left, at))
            case _:
                factors.append((node, at))
    if number:
        made = replace(product, number=number, factors=tuple(factors), deltas=tuple(deltas))
        yield _without_deltas(made)


def _without_deltas(product: Product) -> Product:
    names: dict[Index, Index] = {}
    bound = {letter for letter, _ in product.summed}

    def root(index: Index) -> Index:
        while index in names:
            index = names[index]
        return index

    left: list[tuple[Index, Index]] = []
    for one, other in product.deltas:
        a, b = root(one), root(other)
        if a == b:
            continue
        if a in bound:
            names[a] = b
        elif b in bound:
            names[b] = a
        else:
            left.append((a, b))
    factors = tuple((node, tuple(map(root, at))) for node, at in product.factors)
    summed = tuple((letter, dim) for letter, dim in product.summed if letter not in names)
    pairs = (tuple(sorted((root(a), root(b)), key=str)) for a, b in left)
    deltas = tuple(dict.fromkeys((a, b) for a, b in pairs if a != b))
    return Product(product.number, factors, deltas, summed)
