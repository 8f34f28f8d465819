"""Arrays of derivatives with three or four axes as matrices: ∂vec(Y)/∂vec(X) with products ⊗.

By columns, vec(AXB) = (Bᵀ ⊗ A)·vec(X); by rows it is (A ⊗ Bᵀ)·vec(X). What is elementwise is a
diagonal matrix, and what is transposed goes through K with vec(Xᵀ) = K·vec(X).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from matderiv.calculus.formulas.broadcasting import column, size_name
from matderiv.calculus.formulas.facts import Facts
from matderiv.calculus.formulas.tidying import tidy
from matderiv.calculus.index_forms.entries import Entries
from matderiv.calculus.index_forms.forms import Form, Index, multiplied, refreshed, scaled
from matderiv.calculus.index_forms.linear_maps import Product
from matderiv.expression import nodes
from matderiv.expression.dims import SINGLE, Dim
from matderiv.expression.nodes import Node

__all__ = ["LetteredAxes", "VecProduct", "vec_entry", "vec_product"]

_MATRIX = 2  # dimensions

#: The letters of an array's axes with their sizes.
LetteredAxes = tuple[tuple[Index, Dim], ...]


@dataclass(frozen=True, slots=True)
class VecProduct:
    """c·s·diag(vec(left))·(A ⊗ B)·K·diag(vec(right)), or c·s·vec(left)·vec(right)ᵀ without `pair`.

    `pair`: A and B. `swapped`: whether K stands there.
    """

    number: Fraction
    scalar: Node
    pair: tuple[Node, Node] | None
    left: Node | None = None
    right: Node | None = None
    swapped: bool = False


def vec_product(
    product: Product, rows: LetteredAxes, cols: LetteredAxes, facts: Facts, *, by_rows: bool
) -> VecProduct | None:
    """The matrix of a product without sums, over the axes of Y and of X; None if it has no form.

    `by_rows`: whether vec reads arrays row by row.

    >>> from matderiv.calculus.formulas.shaping import shapes_over
    >>> n, d, m, k = (Dim(letter, 2) for letter in "NDMK")
    >>> facts = Facts(shapes_over({"A": (m, n), "B": (d, k)}))
    >>> a, b = nodes.Name("A"), nodes.Name("B")
    >>> one = Product(factors=((b, ("q", "j")), (a, ("i", "p"))))
    >>> axes = (("i", m), ("j", k)), (("p", n), ("q", d))
    >>> found = vec_product(one, *axes, facts, by_rows=False)
    >>> found.pair
    (Transpose(arg=Name(name='B')), Name(name='A'))
    """
    if product.summed or any(len(at) > _MATRIX or 1 in at for _, at in product.factors):
        return None
    return _Reader(product, rows, cols, facts, by_rows=by_rows).read()


def vec_entry(
    made: VecProduct,
    rows: tuple[Index, ...],
    cols: tuple[Index, ...],
    entries: Entries,
    *,
    by_rows: bool,
) -> Form:
    """The entry of the matrix in the row of y_ij and the column of x_pq.

    In (A ⊗ B)·vec(X) the indices of A change slowest: i and p by rows, j and q by columns. K
    exchanges p and q. A factor that is a vector is a row.
    """
    form = scaled(entries.at(made.scalar), made.number)
    for node, at in ((made.left, rows), (made.right, cols)):
        if node is not None:
            form = multiplied(form, entries.at(node, *at))
    if made.pair is None:
        return form
    order = 1 if by_rows else -1
    first, last = list(rows[::order]), list((cols[::-1] if made.swapped else cols)[::order])
    for node in made.pair:
        shape = entries.shape(node)
        row = [first.pop(0)] if len(shape) > 1 else []
        single = shape[-1:] == (SINGLE,)  # of an axis of X with one entry, or of none
        col = last.pop(0) if last[:1] == [1] or not single else 1
        form = multiplied(form, refreshed(entries.at(node, *row, col), entries.letter))
    return form


class _Reader:
    def __init__(
        self,
        product: Product,
        rows: LetteredAxes,
        cols: LetteredAxes,
        facts: Facts,
        *,
        by_rows: bool,
    ) -> None:
        self.product, self.facts = product, facts
        self.rows, self.cols = rows, cols
        self.by_rows = by_rows
        self.dims: dict[Index, Dim] = dict((*rows, *cols))
        self.number = product.number
        self.scalar: Node = nodes.ONE
        self.vectors: dict[Index, Node] = {}
        #: Matrices by the indices of their rows and columns, and so turned as well.
        self.edges: dict[tuple[Index, Index], Node] = {}

    def read(self) -> VecProduct | None:
        """The matrix of the product, if it has a form."""
        ys, xs = (tuple(letter for letter, _ in axes) for axes in (self.rows, self.cols))
        if not self._gather(ys, xs):
            return None
        cross = [(y, x) for y in ys for x in xs if (y, x) in self.edges]
        inner = [(a, b) for side in (ys, xs) for a, b in [side] * (len(side) > 1)]
        if not cross:
            left, right = (self._array(side) for side in (ys, xs))
            return VecProduct(self.number, self.scalar, None, left, right)
        within = [self.edges.get(pair) for pair in inner]
        if any(isinstance(node, nodes.Eye) for node in within):
            return None
        known = dict(zip(inner, within, strict=True))
        slots = self._slots(ys, xs, cross)
        if slots is None:
            return None
        pair = tuple(self._slot(y, x) for y, x in slots)
        swapped = len(ys) == len(xs) == _MATRIX and (ys[0], xs[1]) in slots
        return VecProduct(
            self.number,
            self.scalar,
            (pair[0], pair[1]),
            known.get((ys[0], ys[-1])),
            known.get((xs[0], xs[-1])),
            swapped,
        )

    def _gather(self, ys: tuple[Index, ...], xs: tuple[Index, ...]) -> bool:
        """Sort the factors: those of two indices that agree with two of one side stand there."""
        same: dict[Index, set[Index]] = {letter: {letter} for letter in self.dims}
        for one, other in self.product.deltas:
            joined = same[one] | same[other]
            same.update(dict.fromkeys(joined, joined))
        for node, at in self.product.factors:
            if not at:
                self.scalar = (
                    node if self.scalar == nodes.ONE else nodes.Multiply(self.scalar, node)
                )
            elif len(at) == 1:
                known = self.vectors.get(at[0])
                self.vectors[at[0]] = node if known is None else nodes.Multiply(known, node)
            else:
                one, other = at
                sides = [
                    (a, b)
                    for side in (ys, xs)
                    for a in side
                    for b in side
                    if a != b and a in same[one] and b in same[other]
                ]
                one, other = sides[0] if sides else (one, other)
                if (one, other) in self.edges:
                    return False
                self._put(one, other, node)
        for one, other in self.product.deltas:
            if (one, other) in self.edges:
                return False
            self._put(one, other, nodes.Eye(size_name(self.dims[one])))
        return True

    def _put(self, one: Index, other: Index, node: Node) -> None:
        self.edges[one, other] = node
        self.edges[other, one] = tidy(nodes.Transpose(node), self.facts)

    def _slots(
        self, ys: tuple[Index, ...], xs: tuple[Index, ...], cross: list[tuple[Index, Index]]
    ) -> list[tuple[Index | None, Index | None]] | None:
        """Which indices the factors of ⊗ have, from the one that changes slowest."""
        if len({y for y, _ in cross}) < len(cross) or len({x for _, x in cross}) < len(cross):
            return None
        order = 1 if self.by_rows else -1
        first: tuple[Index | None, ...] = ys[::order]
        last: tuple[Index | None, ...] = xs[::order]
        if len(ys) < len(xs):
            ((y, x),) = cross
            first = tuple(y if one == x else None for one in last)
        elif len(xs) < len(ys):
            ((y, x),) = cross
            last = tuple(x if one == y else None for one in first)
        for columns in (last, last[::-1]):
            slots = list(zip(first, columns, strict=True))
            if all(pair in slots for pair in cross):
                return slots
        return None

    def _slot(self, y: Index | None, x: Index | None) -> Node:
        """One factor: a matrix, or a row or a column where an index has no partner."""
        rows, cols = (None if i is None else self.vectors.get(i) for i in (y, x))
        if y is None or x is None:
            own = y if x is None else x
            found = (rows if x is None else cols) or self._ones(own)
            return self._column(found) if x is None else found
        matrix = self.edges.get((y, x))
        if matrix is None and y == x:  # 1, along axes of one place
            return nodes.Eye(1)
        if matrix is None:
            return nodes.Outer(rows or self._ones(y), cols or self._ones(x))
        if rows is not None and cols is not None and isinstance(matrix, nodes.Eye):
            return nodes.Diag(tidy(nodes.Multiply(rows, cols), self.facts))
        for vector, left in ((rows, True), (cols, False)):
            if vector is not None:
                diagonal = nodes.Diag(vector)
                if isinstance(matrix, nodes.Eye):
                    matrix = diagonal
                else:
                    sides = (diagonal, matrix) if left else (matrix, diagonal)
                    matrix = nodes.MatMul(*sides)
        return matrix

    def _column(self, vector: Node) -> Node:
        """A vector as a matrix of one column."""
        match tidy(column(vector, self.facts.shape), self.facts):
            case nodes.Outer(made, nodes.Ones((1,))):
                return nodes.Rearrange(made, (0, None))
            case other:
                return other

    def _array(self, side: tuple[Index, ...]) -> Node:
        """The array over the axes of Y or of X alone."""
        found = list(self._vectors(side))
        if len(side) == 1:
            return found[0]
        matrix = self.edges.get((side[0], side[1]))
        return nodes.Outer(*found) if matrix is None else self._slot(*side)

    def _vectors(self, side: tuple[Index, ...]) -> Iterator[Node]:
        for i in side:
            yield self.vectors.get(i) or self._ones(i)

    def _ones(self, index: Index | None) -> Node:
        assert index is not None
        return nodes.Ones((size_name(self.dims[index]),))
