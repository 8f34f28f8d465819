"""The entry of any expression in index notation, by the definition of each kind of node."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from types import MappingProxyType

from matderiv._budget import MOST_WRITTEN_ENTRIES, spend
from matderiv.calculus.formulas.broadcasting import ShapeOf, stacked, varies
from matderiv.calculus.index_forms.contraction import contracted
from matderiv.calculus.index_forms.forms import (
    MINUS_ONE_FORM,
    ONE_FORM,
    Chosen,
    Delta,
    Entry,
    Form,
    Index,
    Known,
    Term,
    Whole,
    added,
    constant,
    difference,
    multiplied,
    placed,
    raised,
    scaled,
    single,
    size_form,
    undivided,
)
from matderiv.calculus.index_forms.known_functions import called, called_of_one
from matderiv.calculus.index_forms.squares import (
    Letters,
    diagonal_of,
    divided,
    multiple_of,
    square_factors,
    taken_apart,
)
from matderiv.errors import InputError, MissingRuleError, TooLarge
from matderiv.expression import nodes
from matderiv.expression.assumptions import Assumed
from matderiv.expression.definitions import unfolded
from matderiv.expression.dims import SINGLE
from matderiv.expression.matrix_functions import exponents, matrix_slope
from matderiv.expression.nodes import Node
from matderiv.expression.reshaping import moved_indices
from matderiv.expression.selections import flat_place, places_in
from matderiv.expression.shapes import Dim, Shape
from matderiv.expression.source import source
from matderiv.expression.vocabulary import is_slope

__all__ = ["Entries"]

_MATRIX = 2  # dimensions of the matrices in a stack
_SQUARE: dict[type, str] = {
    nodes.Inverse: "inv",
    nodes.Determinant: "det",
    nodes.LogDet: "logdet",
}
_OVER: dict[type, str] = {nodes.Prod: "prod", nodes.Max: "max"}


class Entries:
    """The general entry of an expression; its sums are over letters, or written out at the sizes.

    `definitions` are unfolded wherever their names occur. `functions`: the bodies of known
    functions that have been given names. Entries carry what is `assumed` of their array; those
    of a `diagonal` matrix are written with x_ij = 0 for i ≠ j. Sums are multiplied out to the
    power of `powers` at most.
    """

    def __init__(  # noqa: PLR0913 - what names stand for, and what is known of them
        self,
        shape: ShapeOf,
        definitions: Mapping[str, Node] | None = None,
        functions: Mapping[str, Callable[[Node], Node]] | None = None,
        *,
        assumed: Assumed = MappingProxyType({}),
        diagonal: frozenset[str] = frozenset(),
        written: bool = False,
        powers: int = 8,
    ) -> None:
        self.shape = shape
        self.powers = powers
        self._definitions = definitions or {}
        self._functions = functions or {}
        self._assumed = assumed
        self._diagonal = diagonal
        self._written = written
        self._fresh = itertools.count()

    def letter(self) -> str:
        """A letter that nothing else uses."""
        return f"_{next(self._fresh)}"

    def at(self, node: Node, *indices: Index) -> Form:
        """The entry of an array at given indices, letters or numbers from 1.

        Raises:
            TooLarge: it is not multiplied out.
            InputError: it divides by zero.
        """
        try:
            return contracted(self._at(node, indices))
        except ZeroDivisionError:  # by a sum that turns out to be 0
            raise InputError(f"{source(node)} divides by zero; write another divisor.") from None

    def _at(self, node: Node, indices: tuple[Index, ...]) -> Form:
        spend()
        match node:
            case nodes.Name(name):
                if name in self._definitions:
                    return self._at(self._definitions[name], indices)
                if name in self._diagonal:
                    return self._on_diagonal(name, *indices)
                return single(self._entry(name, indices))
            case nodes.Number() | nodes.Size() | nodes.Pi() | nodes.Ones() | nodes.Eye():
                return self._constant(node, indices)
            case nodes.Selection():
                return single(Chosen(node, indices))
            case nodes.OneHot(_, size):
                last = self.shape(node)[-1]
                known = Known("onehot", str(last.size) if self._written else str(size))
                return single(Entry(source(node), indices, known, node))
            case nodes.Negate(arg):
                return scaled(self._at(arg, indices), Fraction(-1))
            case nodes.Transpose(arg):
                return self._at(arg, indices[::-1])
            case nodes.Rearrange(arg, order):
                at = dict(zip(order, indices, strict=True))
                return self._at(arg, tuple(at[axis] for axis in range(len(self.shape(arg)))))
            case nodes.Reshape(arg):
                return self._reshaped(node, arg, indices)
            case nodes.MatMul(left, right):
                return self._matmul(left, right, indices)
            case nodes.Outer(left, right):
                middle = len(self.shape(left))
                return multiplied(
                    self._at(left, indices[:middle]), self._at(right, indices[middle:])
                )
            case nodes.Diag(arg) if len(self.shape(arg)) == 1:
                return multiplied(single(Delta(*indices)), self._at(arg, indices[:1]))
            case nodes.Diag(arg):
                return self._at(arg, indices * 2)
            case nodes.Apply(function, arg):
                return self._apply(function, arg, indices)
            case nodes.Functional(function, arg):
                return self._whole(function, arg, indices)
        return self._square(node, indices)

    def _entry(self, name: str, indices: tuple[Index, ...]) -> Entry:
        """The entry of an array with a name, and what is assumed of it."""
        what = self._assumed.get(name)
        if what is None:
            return Entry(name, indices)
        shape = self.shape(nodes.Name(name))
        last = shape[-1] if shape else SINGLE
        return Entry(name, indices, Known(what, str(last.size) if self._written else last.symbol))

    def _on_diagonal(self, name: str, row: Index, col: Index) -> Form:
        """x_ij = δ_ij·x_ii of a diagonal matrix."""
        entry = single(self._entry(name, (row, row)))
        return entry if row == col else multiplied(single(Delta(row, col)), entry)

    def _constant(self, node: Node, indices: tuple[Index, ...]) -> Form:
        match node:
            case nodes.Number(value):
                return constant(value)
            case nodes.Size(symbol, size):
                if symbol == str(size):
                    return constant(Fraction(size))
                if self._written:  # at the sizes of the shapes, whatever those of the formula are
                    return constant(Fraction(self.shape(nodes.Ones((symbol,)))[0].size))
                return size_form(symbol)
            case nodes.Pi():
                return single(Entry("π", ()))
            case nodes.Eye():
                return single(Delta(*indices))
        return ONE_FORM

    def _square(self, node: Node, indices: tuple[Index, ...]) -> Form:
        """Functions of square matrices: those of a product of two are taken apart."""
        if isinstance(node, nodes.MatrixFunction):
            if self.shape(node.arg) == (SINGLE, SINGLE):
                return called_of_one(node.function, self._at(node.arg, (1, 1)), self.letter)
            if exponents(node.function) == ("0",):
                return single(Delta(*indices))
            return self._whole(node.function, node.arg, indices)
        if isinstance(node, nodes.Frechet):
            return self._frechet(node, indices)
        if not isinstance(node, nodes.Inverse | nodes.Determinant | nodes.LogDet):
            return self._reduction(node, indices)
        if self.shape(node.arg) == (SINGLE, SINGLE):
            return self._of_one_entry(node)
        value = self._value(node.arg)
        if isinstance(value, nodes.Inverse) and isinstance(node, nodes.Inverse):
            return self._at(value.arg, indices)
        if (multiple := multiple_of(value, self.shape)) is not None:
            return self._of_multiple(node, *multiple, indices)
        factors = square_factors(value, self.shape)
        if factors is None:
            return self._whole(_SQUARE[type(node)], node.arg, indices)
        left, right = factors
        if isinstance(node, nodes.Inverse):
            return self._matmul(nodes.Inverse(right), nodes.Inverse(left), indices)
        first, second = (self._at(type(node)(part), ()) for part in (left, right))
        combine = multiplied if isinstance(node, nodes.Determinant) else _plus
        return combine(first, second)

    def _frechet(self, node: nodes.Frechet, indices: tuple[Index, ...]) -> Form:
        """Σ_kl ∂f(A)_ij/∂a_kl e_kl."""
        shape = self.shape(node.arg)
        if shape == (SINGLE, SINGLE):
            slope = matrix_slope(nodes.MatrixFunction(node.arg, node.function), self.shape)
            return multiplied(self._at(slope, (1, 1)), self._at(node.change, (1, 1)))
        return self._summed(
            shape,
            lambda *places: multiplied(
                self._whole(f"d{node.function}", node.arg, (*indices, *places)),
                self._at(node.change, places),
            ),
        )

    def _of_multiple(
        self,
        node: nodes.Inverse | nodes.Determinant | nodes.LogDet,
        scalar: Node,
        arg: Node,
        indices: tuple[Index, ...],
    ) -> Form:
        """(c·A)⁻¹ = A⁻¹/c, det(c·A) = cⁿ·det A, log |det(c·A)| = n·log |c| + log |det A|."""
        factor, found = self._at(scalar, ()), self._at(type(node)(arg), indices)
        if isinstance(node, nodes.Inverse):
            return multiplied(self._raised(node, factor, MINUS_ONE_FORM), found)
        dim = self.shape(arg)[0]
        size = self._at(nodes.Size(dim.symbol, dim.size), ())
        if isinstance(node, nodes.Determinant):
            return multiplied(self._raised(node, factor, size), found)
        return added((multiplied(size, self._log_of_size(factor)), found))

    def _of_one_entry(self, node: nodes.Inverse | nodes.Determinant | nodes.LogDet) -> Form:
        """1/a, a and log |a| of a matrix of one row and one column."""
        entry = self._at(node.arg, (1, 1))
        match node:
            case nodes.Inverse():
                return self._raised(node, entry, MINUS_ONE_FORM)
            case nodes.Determinant():
                return entry
        return self._log_of_size(entry)

    def _value(self, node: Node) -> Node:
        """The node with its name, if it is one, replaced by the definition."""
        while isinstance(node, nodes.Name) and node.name in self._definitions:
            node = self._definitions[node.name]
        return node

    def _reduction(self, node: Node, indices: tuple[Index, ...]) -> Form:
        match node:
            case nodes.Sum(arg, axis, keepdims):
                return self._along(arg, axis, indices, keepdims=keepdims)
            case nodes.Prod() | nodes.Max():
                return self._over(node, indices)
            case _ if isinstance(node, nodes.Arithmetic):
                return self._entrywise(node, indices)
        return self._at(unfolded(node, "entries", self.shape), indices)

    # -- sums ----------------------------------------------------------------------------------

    def _summed(self, shape: Shape, term: Callable[..., Form]) -> Form:
        if self._written:
            return added(term(*places) for places in _places(shape))
        places: list[Index] = [1 if dim == SINGLE else self.letter() for dim in shape]
        named = zip(places, shape, strict=True)
        bound = tuple((i, dim.symbol) for i, dim in named if isinstance(i, str))
        return tuple((Term(t.atoms, t.bound + bound), c) for t, c in term(*places))

    def _reshaped(self, node: nodes.Reshape, arg: Node, indices: tuple[Index, ...]) -> Form:
        """Entry h, d of x taken apart is Σ_m [m = h·D + d] x_m."""
        own, new = self.shape(arg), self.shape(node)
        known = [i - 1 for i in indices if isinstance(i, int)]
        if self._written and len(known) == len(indices):
            at = flat_place(known, [dim.size for dim in new])
            return self._at(arg, tuple(i + 1 for i in places_in(at, [dim.size for dim in own])))
        bound: list[tuple[str, str]] = []

        def letter(dim: Dim) -> Index:
            bound.append((self.letter(), dim.symbol))
            return bound[-1][0]

        constants, places = moved_indices(own, new, indices, letter)
        chosen = tuple((Chosen(rule, at), 1) for rule, at in constants)
        picked: Form = ((Term(chosen, tuple(bound)), Fraction(1)),)
        return multiplied(picked, self._at(arg, places))

    def _along(
        self, arg: Node, axis: int | None, indices: tuple[Index, ...], *, keepdims: bool = False
    ) -> Form:
        """The sum over all entries or along an axis, at the indices that remain."""
        over = self.shape(arg)
        if axis is None:
            return self._summed(over, lambda *places: self._at(arg, places))
        place = axis % len(over)
        others = indices[:place] + (indices[place + 1 :] if keepdims else indices[place:])
        return self._summed(
            (over[place],), lambda i: self._at(arg, (*others[:place], i, *others[place:]))
        )

    def _over(self, node: nodes.Prod | nodes.Max, indices: tuple[Index, ...]) -> Form:
        """The product or the largest of all entries, or along an axis."""
        arg, axis, keepdims = node.arg, node.axis, node.keepdims
        over = self.shape(arg)
        place = None if axis is None else axis % len(over)
        dims = over if place is None else (over[place],)
        inner: tuple[Index, ...] = tuple(1 if dim == SINGLE else self.letter() for dim in dims)
        letters = tuple(
            (i, dim.symbol) for i, dim in zip(inner, dims, strict=True) if isinstance(i, str)
        )
        if place is not None:
            others = indices[:place] + (indices[place + 1 :] if keepdims else indices[place:])
            inner = (*others[:place], *inner, *others[place:])
        if self._written and isinstance(node, nodes.Prod):
            made = ONE_FORM
            runs = [dim for dim in dims if dim != SINGLE]
            for places in _places(runs):
                at = dict(zip((letter for letter, _ in letters), places, strict=True))
                entry = self._at(arg, tuple(at.get(str(i), i) for i in inner))
                made = multiplied(made, undivided(contracted(entry)))
            return made
        entry = self._at(arg, inner)
        return single(Whole(_OVER[type(node)], letters, contracted(entry))) if letters else entry

    def _matmul(self, left: Node, right: Node, at: tuple[Index, ...]) -> Form:
        """Σ_k a_ik b_kj; what stands before the last two indices of a stack runs along."""
        a, b = self.shape(left), self.shape(right)
        stack = max(len(a) - _MATRIX, len(b) - _MATRIX, 0)
        lead = stacked(a[:-_MATRIX], b[:-_MATRIX])
        row = at[stack : stack + 1] if len(a) > 1 else ()
        col = at[len(at) - 1 :] if len(b) > 1 else ()
        before, beside = (
            tuple(
                i if varies(side[:-_MATRIX], lead, axis) else 1
                for axis, i in enumerate(at[:stack])
                if axis >= stack - len(side[:-_MATRIX])
            )
            for side in (a, b)
        )
        return self._summed(
            a[-1:],
            lambda k: multiplied(
                self._at(left, (*before, *row, k)), self._at(right, (*beside, k, *col))
            ),
        )

    def _whole(self, function: str, arg: Node, indices: tuple[Index, ...]) -> Form:
        over = self.shape(arg)
        letters = tuple((self.letter(), dim.symbol) for dim in over)
        named = zip(letters, over, strict=True)
        entry = contracted(
            self._at(arg, tuple(1 if dim == SINGLE else own for (own, _), dim in named))
        )
        if function not in _SQUARE.values():
            return single(Whole(function, letters, entry, indices))
        return self._of_entry(function, entry, letters, over[0], indices)

    def _of_entry(
        self, function: str, entry: Form, letters: Letters, dim: Dim, indices: tuple[Index, ...]
    ) -> Form:
        """An inverse or a determinant, by the entry of its matrix; (A⁻¹)⁻¹ = A, (c·A)⁻¹ = A⁻¹/c.

        (diag(u)·A·diag(v))⁻¹ = diag(1/v)·A⁻¹·diag(1/u), and det likewise.
        """
        row = letters[0][0]
        own = diagonal_of(entry, letters)
        if own is not None and function == "inv":
            return multiplied(single(Delta(*indices)), _over(own, row, indices[0]))
        if own is not None:
            return self._of_diagonal(function, own, row, dim)
        split = divided(entry, letters)
        if split is None:
            return taken_apart(function, entry, letters, indices)
        rows, cols, rest = split
        found = self._of_entry(function, rest, letters, dim, indices)
        if function == "inv":
            around = multiplied(_over(cols, row, indices[0]), _over(rows, row, indices[1]))
            return multiplied(around, found)
        beside = self._of_diagonal(function, multiplied(rows, cols), row, dim)
        return (multiplied if function == "det" else _plus)(beside, found)

    def _of_diagonal(self, function: str, own: Form, row: str, dim: Dim) -> Form:
        """Det diag(u) = Π_i u_i, log |det diag(u)| = Σ_i log |u_i|."""
        if function == "logdet":
            log = self._log_of_size(own)
            return self._summed((dim,), lambda i: placed(log, {row: i}))
        if not self._written:
            return single(Whole("prod", ((row, dim.symbol),), own))
        made = ONE_FORM
        for i in range(1, dim.size + 1):
            made = multiplied(made, undivided(placed(own, {row: i})))
        return made

    # -- entry by entry ------------------------------------------------------------------------

    def _operand(self, node: Node, indices: tuple[Index, ...], result: Shape) -> Form:
        """An operand's entry: the last indices, and 1 where its only row or column is repeated."""
        shape = self.shape(node)
        lead = len(result) - len(shape)
        places = indices[len(indices) - len(shape) :]
        return self._at(
            node,
            tuple(i if varies(shape, result, lead + n) else 1 for n, i in enumerate(places)),
        )

    def _entrywise(self, node: nodes.Arithmetic, indices: tuple[Index, ...]) -> Form:
        result = self.shape(node)
        left, right = nodes.children(node)
        one = self._operand(left, indices, result)
        if isinstance(node, nodes.Divide):
            return multiplied(one, self._below(node, right, indices, result))
        other = self._operand(right, indices, result)
        match node:
            case nodes.Add():
                return added((one, other))
            case nodes.Subtract():
                return difference(one, other)
            case nodes.Multiply():
                return multiplied(one, other)
            case nodes.Power(_, nodes.Number(value)) if (
                value.denominator == 1 and 0 < value <= self.powers
            ):
                made = one
                for _ in range(int(value) - 1):  # worked out anew, for bound letters of its own
                    made = multiplied(made, self._operand(left, indices, result))
                return made
            case nodes.Power():
                return self._raised(node, one, other)
        raise MissingRuleError(node, "entries")

    def _below(self, node: Node, right: Node, indices: tuple[Index, ...], result: Shape) -> Form:
        """1/b; a whole power in b stays a power of its base, and 1/(a·b) is 1/a times 1/b."""
        match self._value(right):
            case nodes.Power(base, nodes.Number(value)):
                below = self._operand(base, indices, result)
                return self._raised(node, below, constant(-value))
            case nodes.Multiply(one, other):
                return multiplied(*(self._below(node, f, indices, result) for f in (one, other)))
        return self._raised(node, self._operand(right, indices, result), MINUS_ONE_FORM)

    @staticmethod
    def _raised(node: Node, base: Form, exponent: Form) -> Form:
        try:
            return raised(base, exponent)
        except ZeroDivisionError:
            raise InputError(f"{source(node)} divides by zero; write another divisor.") from None

    def _apply(self, function: str, arg: Node, indices: tuple[Index, ...]) -> Form:
        if is_slope(function):  # ∂F/∂a_ij of a function F of arrays
            return self._whole(function, arg, indices)
        body = self._functions.get(function)
        if body is not None:
            return self._at(body(arg), indices)
        return called(function, self._at(arg, indices), self.letter)

    def _log_of_size(self, form: Form) -> Form:
        """The form of log |a|."""
        return called("log", called("abs", form, self.letter), self.letter)


def _places(shape: Sequence[Dim]) -> Iterator[tuple[int, ...]]:
    """All places of an array, counted from 1.

    Raises:
        TooLarge: there are too many to write out.
    """
    if math.prod(dim.size for dim in shape) > MOST_WRITTEN_ENTRIES:
        raise TooLarge("an array has too many entries to write out")
    return itertools.product(*(range(1, dim.size + 1) for dim in shape))


def _over(form: Form, letter: str, index: Index) -> Form:
    return raised(placed(form, {letter: index}), MINUS_ONE_FORM)


def _plus(one: Form, other: Form) -> Form:
    return added((one, other))
