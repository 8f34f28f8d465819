"""The sides of an equality: their notation, and the form that each one means."""

from __future__ import annotations

from fractions import Fraction
from typing import TypeAlias

from matderiv._hashed import Value, value
from matderiv.calculus.index_forms.contractions import own_indices
from matderiv.calculus.index_forms.entries import Entries
from matderiv.calculus.index_forms.forms import (
    UNIT_TERM,
    Delta,
    Entry,
    Form,
    Index,
    Rate,
    Term,
    added,
    multiplied,
    refreshed,
    single,
)
from matderiv.calculus.index_forms.index_expressions import IndexExpression
from matderiv.calculus.index_forms.partials import partial
from matderiv.calculus.index_forms.written_entry import entry_of
from matderiv.calculus.sweep.task import Task
from matderiv.expression import nodes
from matderiv.expression.nodes import Node
from matderiv.expression.shapes import Shape

__all__ = [
    "Bound",
    "Cells",
    "Contraction",
    "Differential",
    "EntryOf",
    "Formula",
    "Indexed",
    "Inner",
    "JacobianSide",
    "Kronecker",
    "KroneckerFactor",
    "KroneckerProducts",
    "Kroneckers",
    "Matrix",
    "Numerals",
    "RouteSide",
    "Side",
    "Slice",
    "Spelled",
    "SpelledProduct",
    "Times",
    "Vec",
    "VecPartial",
    "WrittenEntry",
    "bound_letters",
    "change_of",
    "spelled",
    "spelled_product",
    "summed",
    "unit_of",
    "written",
]


@value
class Formula(Value):
    """A matrix as an expression of names: XW, ∂L/∂Y·Wᵀ."""

    node: Node


@value
class EntryOf(Value):
    """The entry of any expression at given indices, as in (G·Wᵀ)_pq or v_p."""

    node: Node
    indices: tuple[Index, ...]


@value
class WrittenEntry(Value):
    """The same entry as a teacher writes it, Σ_k x_ik w_kj + b_j; see `written`.

    The expression is what is printed and what is proved. `spelled` asks for sums term by term.
    """

    node: Node
    indices: tuple[Index, ...]
    expr: IndexExpression
    spelled: bool = False


@value
class Indexed(Value):
    """A scalar in index notation; `spelled` asks for its sums term by term.

    If it is printed as `expr`, that is an index expression which means the form.
    """

    form: Form
    spelled: bool = False
    expr: IndexExpression | None = None


@value
class Spelled(Value):
    """An array written out by its entries, their sums term by term; see `spelled`.

    Each cell is the general entry, which is proved, with numbers for its indices.
    """

    node: Node
    indices: tuple[Index, ...]
    expr: IndexExpression


@value
class SpelledProduct(Value):
    """The product of two arrays that are both written out."""

    left: Spelled
    right: Spelled


@value
class Numerals(Value):
    """An array of numbers, row by row; a vector is one column, and a number has `dimensions` 0."""

    rows: tuple[tuple[Fraction, ...], ...]
    dimensions: int


#: Letters that are summed over, each with its size.
Bound = tuple[tuple[str, str], ...]


def change_of(name: str) -> nodes.Name:
    """The name δX of dX; no name of a program begins with this letter."""
    return nodes.Name(f"δ{name}")


def unit_of(name: str) -> nodes.Name:
    """The array whose only entry that is not 0 is a 1 at p and q: e_p e_qᵀ."""
    return nodes.Name(f"ε{name}")


def summed(over: Shape, entries: Entries) -> tuple[tuple[Index, ...], Bound]:
    """Letters to sum over all entries of an array with, 1 where there is but one index."""
    places: tuple[Index, ...] = tuple(1 if dim.symbol == "1" else entries.letter() for dim in over)
    return places, bound_letters(places, over)


def bound_letters(places: tuple[Index, ...], over: Shape) -> Bound:
    """The letters among the indices of an array, each with its size."""
    named = zip(places, over, strict=True)
    return tuple((i, dim.symbol) for i, dim in named if isinstance(i, str))


@value
class Differential(Value):
    """d(XW): how the value `of` changes with the name; not yet worked out.

    `whole`: the value over inputs alone, where it changes through other values as well.
    """

    of: str
    node: Node
    name: str
    indices: tuple[Index, ...]
    over: Shape
    whole: Node | None = None

    def form(self, entries: Entries) -> Form:
        """Σ_pq ∂z_ij/∂x_pq·dx_pq."""
        places, own = summed(self.over, entries)
        value = entries.at(self.whole or self.node, *self.indices)
        rate = partial(value, Entry(self.name, places), entries.letter)
        made = multiplied(rate, single(Entry(f"δ{self.name}", places)))
        return tuple((Term(term.atoms, term.bound + own), number) for term, number in made)


@value
class Matrix(Value):
    """An array as an expression; its entry at the indices of an array of shape `over`."""

    node: Node
    indices: tuple[Index, ...]
    over: Shape

    def form(self, entries: Entries) -> Form:
        """The entry, 1 in the place of an index along which the array is repeated."""
        own = own_indices(entries.shape(self.node), self.over, self.indices)
        return entries.at(self.node, *own)


@value
class Contraction(Value):
    """Σ_j ∂L/∂z_pj (Wᵀ)_jq: an entry of a product by entries of its factors as they stand."""

    node: nodes.MatMul
    indices: tuple[Index, ...]

    def form(self, entries: Entries) -> Form:
        """The entry of the product."""
        return entries.at(self.node, *self.indices)


@value
class Slice(Value):
    """∂Z/∂x_pq: the array of the partial derivatives of all entries of Z by one entry."""

    of: Entry
    wrt: Entry

    def form(self, entries: Entries) -> Form:
        """One of the partial derivatives."""
        del entries
        return single(Rate(self.of, self.wrt))


@value
class Cells(Value):
    """An array written out, each cell worked out from its general entry."""

    entry: Form
    indices: tuple[str, ...]
    over: Shape

    @property
    def picked(self) -> dict[int, frozenset[int]]:
        """The places along each axis at which a delta is 1: δ_i2 picks 2."""
        deltas = [a for term, _ in self.entry for a, _ in term.atoms if isinstance(a, Delta)]
        pairs = [p for d in deltas for p in ((d.one, d.other), (d.other, d.one))]
        return {
            axis: frozenset(n for i, n in pairs if i == letter and isinstance(n, int))
            for axis, letter in enumerate(self.indices)
        }

    def form(self, entries: Entries) -> Form:
        """The general entry."""
        del entries
        return self.entry


@value
class Inner(Value):
    """⟨∂L/∂Z, S⟩ + …: products of entries at the same place, added up.

    Each part is the name of a value Z and the array S.
    """

    parts: tuple[tuple[str, Node | Slice], ...]
    shapes: tuple[Shape, ...]

    def form(self, entries: Entries) -> Form:
        """Σ_ij ∂L/∂z_ij s_ij, added up over the parts."""
        return added(
            self._part(name, array, over, entries)
            for (name, array), over in zip(self.parts, self.shapes, strict=True)
        )

    @staticmethod
    def _part(name: str, array: Node | Slice, over: Shape, entries: Entries) -> Form:
        places, bound = summed(over, entries)
        if isinstance(array, Slice):
            factor = single(Rate(Entry(name, places), array.wrt))
        else:
            factor = entries.at(array, *own_indices(entries.shape(array), over, places))
        made = multiplied(single(Entry(f"d{name}", places)), refreshed(factor, entries.letter))
        return tuple((Term(term.atoms, term.bound + bound), number) for term, number in made)


# -- arrays read row by row ------------------------------------------------------------------


@value
class Vec(Value):
    """vec(A): the entries of an array in one column, row by row."""

    node: Node
    indices: tuple[Index, ...]

    def form(self, entries: Entries) -> Form:
        """The entry of A that stands at a place of the column."""
        return entries.at(self.node, *self.indices)


@value
class VecPartial(Value):
    """∂vec(Z)/∂vec(X): a row for every entry of Z, a column for every entry of X."""

    of: Entry
    wrt: Entry

    def form(self, entries: Entries) -> Form:
        """∂z_ij/∂x_pq."""
        return self.at(self.of.indices, self.wrt.indices, entries)

    def at(self, rows: tuple[Index, ...], cols: tuple[Index, ...], entries: Entries) -> Form:
        """The entry in the row of z_ij and the column of x_pq."""
        del entries
        return single(Rate(Entry(self.of.name, rows), Entry(self.wrt.name, cols)))


@value
class KroneckerFactor(Value):
    """A factor of a Kronecker product: an array, or the identity matrix of `size` if it is None.

    `row` and `col` are the places of its indices among those of a row and of a column of the
    product; a vector has only one of them.
    """

    node: Node | None
    size: str
    row: int | None
    col: int | None


@value
class Kronecker(Value):
    """A ⊗ B, times K if `swapped`, where vec(Xᵀ) = K·vec(X); with no factors, diag(vec D)."""

    rows: tuple[Index, ...]
    cols: tuple[Index, ...]
    over: Shape
    factors: tuple[KroneckerFactor, ...] = ()
    swapped: bool = False
    diagonal: Node | None = None

    def form(self, entries: Entries) -> Form:
        """a_ip b_jq, the entry in the row of ij and the column of pq."""
        return self.at(self.rows, self.cols, entries)

    def at(self, rows: tuple[Index, ...], cols: tuple[Index, ...], entries: Entries) -> Form:
        """The entry in a row and a column, each an index or a pair of indices."""
        made: Form = ((UNIT_TERM, Fraction(1)),)
        if self.swapped:
            cols = cols[::-1]
        if self.diagonal is not None:
            for one, other in zip(rows, cols, strict=True):
                made = multiplied(made, single(Delta(one, other)))
            own = own_indices(entries.shape(self.diagonal), self.over, rows)
            return multiplied(made, entries.at(self.diagonal, *own))
        for factor in self.factors:
            at = [] if factor.row is None else [rows[factor.row]]
            at += [] if factor.col is None else [cols[factor.col]]
            part = single(Delta(*at)) if factor.node is None else entries.at(factor.node, *at)
            made = multiplied(made, refreshed(part, entries.letter))
        return made


@value
class Kroneckers(Value):
    """The sum of several, one for each place where a value uses the name."""

    parts: tuple[Kronecker, ...]

    def form(self, entries: Entries) -> Form:
        """The sum of their entries."""
        return added(part.form(entries) for part in self.parts)


@value
class KroneckerProducts(Value):
    """J₁J₂… + …: products of Jacobians, the entry in the row of `rows` and column of `cols`.

    `by_columns`: vec reads arrays column by column, and Kronecker products are written for that.
    """

    products: tuple[tuple[Kronecker, ...], ...]
    rows: tuple[Index, ...]
    cols: tuple[Index, ...]
    by_columns: bool = False

    def form(self, entries: Entries) -> Form:
        """Σ over the rows and columns between the factors."""
        return added(self._product(product, entries) for product in self.products)

    def _product(self, product: tuple[Kronecker, ...], entries: Entries) -> Form:
        made: Form = ((UNIT_TERM, Fraction(1)),)
        bound: Bound = ()
        rows = self.rows
        for number, part in enumerate(product):
            cols = self.cols
            if number < len(product) - 1:
                cols, own = summed(product[number + 1].over, entries)
                bound += own
            made = multiplied(made, refreshed(part.at(rows, cols, entries), entries.letter))
            rows = cols
        return tuple((Term(term.atoms, term.bound + bound), number) for term, number in made)


JacobianSide = VecPartial | Kronecker


@value
class Times(Value):
    """J·vec(A) + …, or Jᵀ·vec(A) + … where `transposed`."""

    parts: tuple[tuple[JacobianSide, Node], ...]
    indices: tuple[Index, ...]
    transposed: bool
    #: (A ⊗ B)ᵀ is written as Aᵀ ⊗ Bᵀ.
    inward: bool = False

    @property
    def products(self) -> bool:
        """Whether one of the matrices is a Kronecker product."""
        return any(
            isinstance(jacobian, Kronecker) and len(jacobian.factors) > 1
            for jacobian, _ in self.parts
        )

    def form(self, entries: Entries) -> Form:
        """Σ over the entries of each array."""
        return added(self._part(jacobian, node, entries) for jacobian, node in self.parts)

    def _part(self, jacobian: JacobianSide, node: Node, entries: Entries) -> Form:
        places, bound = summed(entries.shape(node), entries)
        rows, cols = (places, self.indices) if self.transposed else (self.indices, places)
        entry = refreshed(jacobian.at(rows, cols, entries), entries.letter)
        made = multiplied(entry, entries.at(node, *places))
        return tuple((Term(term.atoms, term.bound + bound), number) for term, number in made)


#: Sides that only derivations by differentials, slices or Kronecker products use.
RouteSide: TypeAlias = (
    Differential
    | Matrix
    | Contraction
    | Slice
    | Cells
    | Inner
    | Vec
    | VecPartial
    | Kroneckers
    | KroneckerProducts
    | Times
)

#: Every kind of side of an equality.
Side: TypeAlias = (
    Formula | EntryOf | WrittenEntry | Indexed | Spelled | SpelledProduct | Numerals | RouteSide
)


def written(
    task: Task, node: Node, indices: tuple[Index, ...], *, spelled: bool = False
) -> WrittenEntry:
    """The entry of an expression as a teacher writes it."""
    letters = task.sum_letters
    expr = entry_of(node, indices, task.sweep.facts.shape, letters)
    return WrittenEntry(node, indices, expr, spelled)


def spelled(task: Task, node: Node) -> Spelled:
    """An array written out by its entries."""
    indices = task.input_indices(task.sweep.facts.shape(node))
    return Spelled(node, indices, written(task, node, indices).expr)


def spelled_product(task: Task, left: Node, right: Node) -> SpelledProduct:
    """The product of two arrays that are both written out."""
    return SpelledProduct(spelled(task, left), spelled(task, right))
