"""Sums of products of entries regrouped into a formula: Σ_k a_ki s_k a_kj is Aᵀ diag(s) A.

A product with at most two free indices is a network: vectors stand at indices, matrices between
two. Indices that are summed over are taken out one by one; what is left is a number, a vector, a
diagonal matrix, an outer product, or a matrix with diagonal ones beside it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction

from matderiv.calculus.formulas.broadcasting import ShapeOf, size_name
from matderiv.calculus.formulas.facts import Facts
from matderiv.calculus.formulas.flattened import (
    Addend,
    cost,
    formula_key,
    product_of,
    split_scalars,
    sum_of,
)
from matderiv.calculus.formulas.shaping import shapes_over
from matderiv.calculus.formulas.tidying import as_written, completed, tidy
from matderiv.calculus.index_forms.forms import Index, Indices
from matderiv.calculus.index_forms.linear_maps import Factor, Product, without_ones
from matderiv.expression import nodes
from matderiv.expression.assumptions import Assumed
from matderiv.expression.dims import Dim, Shape
from matderiv.expression.nodes import Node

__all__ = ["reduced", "regrouped"]

_MATRIX = 2  # dimensions


def regrouped(
    products: Iterable[Product],
    at: Indices,
    dims: Shape,
    names: Mapping[str, Shape],
    assumed: Assumed,
) -> Node | None:
    """The array whose entry at `at` is the sum of the products; None where no formula is found.

    `dims`: the sizes of its axes, at most two. `names`: the shapes of all names. `assumed`: the
    assumptions about inputs.

    >>> from matderiv.expression.source import source
    >>> n, d = Dim("N", 2), Dim("D", 3)
    >>> a, s = nodes.Name("A"), nodes.Name("s")
    >>> factors = ((a, ("k", "i")), (s, ("k",)), (a, ("k", "j")))
    >>> product = Product(factors=factors, summed=(("k", n),))
    >>> source(regrouped([product], ("i", "j"), (d, d), {"A": (n, d), "s": (n,)}, {}))
    'A.T @ diag(s) @ A'
    """
    shape = shapes_over(names)
    singles = {n: f"single{n}" for n, i in enumerate(at) if i == 1}
    at = tuple(singles.get(n, i) for n, i in enumerate(at))
    letters = {str(i): dim for i, dim in zip(at, dims, strict=True)}
    facts = Facts(shape, assumed)
    diagonal: list[Addend] = []
    others: list[Addend] = []
    for product in products:
        network = _Network.of(_with_letters(product, singles.values()), letters, shape)
        made = network.array(at) if network else None
        if made is None:
            return None
        (diagonal if product.deltas else others).append((product.number, made))
    made = _tidied(sum_of(_in_order(diagonal, others, dims, facts)), names, facts)
    return made if made == nodes.ZERO else completed(made, dims, facts)


def _with_letters(product: Product, letters: Iterable[str]) -> Product:
    """The product with letters in turn at its axes of one entry, which are all alike.

    No letter stands twice at one factor.
    """
    factors, left = [], deque(letters)
    for node, places in product.factors:
        at: Indices = ()
        for place in places:
            free = place == 1 and left and left[0] not in at
            at += (left[0] if free else place,)
            left.rotate(-1 if free else 0)
        factors.append((node, at))
    return replace(product, factors=tuple(factors))


def reduced(
    products: Iterable[Product], at: Indices, dims: Shape, facts: Facts
) -> Iterator[Product]:
    """The products with as few factors and sums as they get, one factor between two indices.

    A product in which three matrices meet at an index, or with an array of more axes, stays.
    """
    letters = {i: dim for i, dim in zip(at, dims, strict=True) if isinstance(i, str)}
    for product in products:
        network = _Network.of(product, letters, facts.shape)
        made = product if network is None else network.product(product, facts)
        if all(node != nodes.ZERO for node, _ in made.factors):
            yield made


def _in_order(
    diagonal: list[Addend], others: list[Addend], dims: Shape, facts: Facts
) -> list[Addend]:
    """Diagonal matrices first, multiples of the identity matrix last."""
    found = list(_diagonal(diagonal, dims, facts)) if diagonal else []
    first = [term for term in found if isinstance(term[1], nodes.Diag)]
    return [*first, *others, *(term for term in found if term not in first)]


def _diagonal(vectors: list[Addend], dims: Shape, facts: Facts) -> Iterator[Addend]:
    """diag(u) + diag(v) = diag(u + v); numbers alone are multiples of the identity matrix."""
    if any(facts.shape(v) for _, v in vectors):
        yield Fraction(1), nodes.Diag(sum_of(vectors))
    else:
        for c, v in vectors:
            yield c, _times([v, nodes.Eye(size_name(dims[0]))])


def _tidied(formula: Node, names: Mapping[str, Shape], facts: Facts) -> Node:
    """The formula tidied, where diag(v) stays a factor: A @ diag(v), not A*v row by row."""
    kept: dict[str, Node] = {}
    known: dict[object, str] = {}

    def hidden(node: Node) -> Node:
        if isinstance(node, nodes.Diag) and len(facts.shape(node.arg)) == 1:
            number, scalars, arrays = split_scalars(tidy(node.arg, facts), facts.shape)
            # p*(1 - p), the short factors first
            inside = product_of(Fraction(1), sorted(arrays, key=lambda part: cost(part[0])))
            if facts.shape(inside) != facts.shape(node.arg):
                inside = nodes.Multiply(inside, nodes.Ones((size_name(facts.shape(node)[0]),)))
            name = known.setdefault(formula_key(inside), f"δ{len(known)}")  # of no program
            kept.setdefault(name, inside)
            return product_of(number, [*scalars, (nodes.Name(name), nodes.ONE)])
        return nodes.rebuilt(node, map(hidden, nodes.children(node)))

    opaque = hidden(formula)
    shapes = {name: facts.shape(nodes.Diag(v)) for name, v in kept.items()}
    assumed = {**facts.assumed, **dict.fromkeys(kept, "diagonal")}
    inside = Facts(shapes_over({**names, **shapes}), assumed)
    made = as_written(tidy(opaque, inside), inside)

    def shown(node: Node) -> Node:
        if isinstance(node, nodes.Name) and node.name in kept:
            return nodes.Diag(kept[node.name])
        return nodes.rebuilt(node, map(shown, nodes.children(node)))

    return shown(made)


def _times(parts: Iterable[Node]) -> Node:
    """The product entry by entry."""
    made: Node = nodes.ONE
    for part in (part for part in parts if part != nodes.ONE):
        made = part if made == nodes.ONE else nodes.Multiply(made, part)
    return made


def _kept(node: Node, facts: Facts) -> Node:
    """The array tidied, in its shape unless it is 0."""
    made = tidy(node, facts)
    return made if made == nodes.ZERO else completed(made, facts.shape(node), facts)


def _turned(node: Node) -> Node:
    """The transpose of a matrix product, factor by factor."""
    match node:
        case nodes.MatMul(left, right):
            return nodes.MatMul(_turned(right), _turned(left))
        case nodes.Multiply(left, right):
            return nodes.Multiply(_turned(left), _turned(right))
        case nodes.Diag():
            return node
    return nodes.transposed(node)


@dataclass(slots=True)
class _Edge:
    """A matrix between two indices: its rows at `one`, its columns at `other`."""

    matrix: Node
    one: Index
    other: Index

    def to(self, index: Index) -> Node:
        """The matrix with its columns at an index."""
        return self.matrix if self.other == index else _turned(self.matrix)

    def beside(self, index: Index) -> Index:
        """The index at the other end."""
        return self.one if self.other == index else self.other


@dataclass(slots=True)
class _Network:
    """A product of entries: numbers, vectors at indices, matrices between two."""

    letters: dict[str, Dim]
    scalars: list[Node] = field(default_factory=list)
    vectors: dict[Index, list[Node]] = field(default_factory=dict)
    edges: list[_Edge] = field(default_factory=list)
    summed: list[str] = field(default_factory=list)
    #: Whether the two free indices agree.
    same: bool = False

    @classmethod
    def of(cls, product: Product, free: Mapping[str, Dim], shape: ShapeOf) -> _Network | None:
        """The network of a product; None where an array of more than two axes stands in it."""
        made = cls(dict(free) | dict(product.summed))
        made.same = bool(product.deltas)
        made.summed = [letter for letter, _ in product.summed]
        same = {b: a for a, b in product.deltas}  # of two free indices that agree, the first
        for factor in product.factors:
            node, places = without_ones(*factor, shape)
            at = tuple(same.get(i, i) for i in places)
            match at:
                case ():
                    made.scalars.append(node)
                case (one,):
                    made.vectors.setdefault(one, []).append(node)
                case (one, other) if one == other:
                    made.vectors.setdefault(one, []).append(nodes.Diag(node))
                case (one, other):
                    made._join(_Edge(node, one, other))
                case _:
                    return None
        return made

    def array(self, at: Indices) -> Node | None:
        """The array over the free indices: at two that agree, its diagonal."""
        if not self._summed_out():
            return None
        made = self._over(at)
        return made if made is None else _times([*self.scalars, made])

    def product(self, whole: Product, facts: Facts) -> Product:
        """The product of numbers, vectors and matrices that is left; `whole` if sums are."""
        if not self._summed_out():
            return whole
        number, scalars, _ = split_scalars(_times(self.scalars), facts.shape)
        scalar = tidy(product_of(Fraction(1), scalars), facts)
        vectors = ((_kept(_times(some), facts), (i,)) for i, some in self.vectors.items())
        edges = ((_kept(edge.matrix, facts), (edge.one, edge.other)) for edge in self.edges)
        factors: list[Factor] = [(scalar, ())] if scalar != nodes.ONE else []
        return Product(whole.number * number, (*factors, *edges, *vectors), whole.deltas)

    def _summed_out(self) -> bool:
        """Take out all letters that are summed over; False where that is not possible."""
        while self.summed:
            letter = min(self.summed, key=lambda k: len(self._at(k)))
            if not self._without(letter):
                return False
            self.summed.remove(letter)
        return True

    def _over(self, at: Indices) -> Node | None:
        match at:
            case ():
                return nodes.ONE
            case (one,):
                own = self._vector(one)
                return own if own != nodes.ONE else self._ones(one)
        one, other = at
        first, second = self._vector(one), self._vector(other)
        if self.edges:
            (edge,) = self.edges
            made = edge.to(other)
            for vector, left in ((first, True), (second, False)):
                if vector != nodes.ONE:
                    sides = (nodes.Diag(vector), made) if left else (made, nodes.Diag(vector))
                    made = nodes.MatMul(*sides)
            return made
        if self.same:
            return first
        return nodes.Outer(
            *(self._ones(i) if v == nodes.ONE else v for i, v in ((one, first), (other, second)))
        )

    def _vector(self, index: Index) -> Node:
        return _times(self.vectors.get(index, []))

    def _ones(self, index: Index) -> Node:
        if index == 1:
            return nodes.Ones((1,))
        return nodes.Ones((size_name(self.letters[str(index)]),))

    def _at(self, letter: Index) -> list[_Edge]:
        return [edge for edge in self.edges if letter in (edge.one, edge.other)]

    def _join(self, edge: _Edge) -> None:
        """Add a matrix; two between the same indices are multiplied entry by entry."""
        for known in self.edges:
            if {known.one, known.other} == {edge.one, edge.other}:
                known.matrix = nodes.Multiply(known.matrix, edge.to(known.other))
                return
        self.edges.append(edge)

    def _without(self, letter: str) -> bool:
        """Take a letter out by summing over it; False where three matrices meet there."""
        found, vectors = self._at(letter), self.vectors.pop(letter, [])
        weight = _times(vectors)
        for edge in found:
            self.edges.remove(edge)
        match found:
            case []:
                self.scalars.append(self._total(letter, vectors))
            case [edge]:
                matrix, beside = edge.to(letter), edge.beside(letter)
                rows = nodes.Sum(matrix, 1) if weight == nodes.ONE else nodes.MatMul(matrix, weight)
                self.vectors.setdefault(beside, []).append(rows)
            case [one, other]:
                left, right = one.to(letter), _turned(other.to(letter))
                if weight != nodes.ONE:
                    right = nodes.MatMul(nodes.Diag(weight), right)
                self._join(
                    _Edge(nodes.MatMul(left, right), one.beside(letter), other.beside(letter))
                )
            case _:
                return False
        return True

    def _total(self, letter: str, vectors: list[Node]) -> Node:
        dim = self.letters[letter]
        match vectors:
            case []:
                return nodes.Size(dim.symbol, dim.size)
            case [one]:
                return nodes.Sum(one)
        return nodes.MatMul(vectors[0], _times(vectors[1:]))
