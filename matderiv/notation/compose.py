"""Mathematics to boxes: names, entries, scalars, matrices and chains of equalities."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal

import sympy as sp

from matderiv.calculus.problem import Problem
from matderiv.calculus.scalars import Partial, arguments, name_of, relu, sigmoid, step
from matderiv.calculus.series import Array, Filled, PartialOfSum, Scalar, Series
from matderiv.derivation.links import Chain
from matderiv.derivation.sides import (
    Element,
    Formula,
    MatrixPartial,
    ProductVecPartial,
    Side,
    Value,
    Written,
    WrittenProduct,
)
from matderiv.expression._names import entry_name
from matderiv.expression.nodes import Apply, Functional, MatMul, Name, Node, Transpose
from matderiv.notation.boxes import (
    Aligned,
    BigSum,
    Box,
    Dots,
    Fence,
    Fraction,
    Grid,
    Number,
    Operator,
    Root,
    Row,
    Scripts,
    Symbol,
    Terms,
    Word,
)
from matderiv.notation.marks import tagged
from matderiv.notation.names import (
    function_box,
    has_fraction,
    name_box,
    partial_ratio,
    raised_box,
    vec,
    with_superscript,
)

__all__ = ["Notation", "automatic_show"]

#: Terms (rows × inner × columns) that are shown at most when the user does not say how many.
_READABLE = 36
#: Values of `show` to choose from, the widest first.
_SHOWS = (4, 3, 2)
#: Terms in a numerator, which cannot be broken into lines.
_NUMERATOR = 8

_COMMA_FROM = 10

_CDOT = Operator("cdot")

#: What stands between the two factors of nearly every product of a page.
_USUAL: dict[tuple[type, ...], tuple[Box, ...]] = {
    (sp.Indexed, sp.Indexed): (),
    (Partial, sp.Indexed): (_CDOT,),
    (sp.Indexed, Partial): (_CDOT,),
    (Partial, Partial): (_CDOT,),
}

_FUNCTIONS: dict[type, Word] = {
    sp.exp: Word("exp", upright=True),
    sp.log: Word("log", upright=True),
    sp.sin: Word("sin", upright=True),
    sp.cos: Word("cos", upright=True),
    sp.tanh: Word("tanh", upright=True),
    sigmoid: Word("sigmoid", upright=True),
    relu: Word("relu", upright=True),
    step: Word("step", upright=True),
}


def automatic_show(problem: Problem) -> int:
    """How many rows, columns and terms are shown when the user does not say.

    >>> from matderiv.api import derive
    >>> automatic_show(derive().problem), automatic_show(derive(sizes={"N": 64}).problem)
    (4, 3)
    """
    sizes = [dim.size for dim in problem.dims]
    for show in _SHOWS:
        if math.prod(n if n <= show + 1 else show for n in sizes) <= _READABLE:
            return show
    return _SHOWS[-1]


@dataclass(frozen=True, slots=True)
class Notation:
    """How one derivation is written: its names, and how much of long rows is shown.

    A row of n items is shown whole up to `show` + 1 items; else the first `show` - 1, dots,
    and the last. `show` is None for all.
    """

    problem: Problem
    show: int | None
    #: Whether cells are tagged with the entry that they are, for pages that light them up.
    marked: bool = False
    #: Boxes of entries and partial derivatives, which are written over and over.
    _known: dict[Scalar, Box] = field(default_factory=dict, repr=False, compare=False)

    # -- names -------------------------------------------------------------------------------

    def entry(self, base: str, indices: tuple[object, ...]) -> Box:
        """x_ij: the matrix's letter in lower case with its indices."""
        return Scripts(*with_superscript(entry_name(base), self.indices(indices)))

    def indices(self, indices: tuple[object, ...]) -> Box:
        """Indices side by side; with commas throughout if any size needs two digits."""
        items: list[Box] = []
        for index in indices:
            if items and self.problem.largest_size >= _COMMA_FROM:
                items.append(Operator("comma"))
            items.append(self._index(index))
        return Row(tuple(items))

    @staticmethod
    def _index(index: object) -> Box:
        if isinstance(index, int | sp.Integer):
            return Number(str(int(index)))  # SymPy's own printing takes far longer
        return name_box(str(index))

    def gradient(self, of: str) -> Box:
        """∂L/∂X."""
        return partial_ratio(name_box(str(self.problem.loss)), name_box(of))

    # -- matrix expressions ------------------------------------------------------------------

    def node(self, node: Node) -> Box:
        """A matrix expression: XW, ∂L/∂Y Wᵀ."""
        match node:
            case Name(name):
                if name in self.problem.shapes:
                    return name_box(name)
                return self.gradient(name.removeprefix("d"))
            case Transpose(arg):
                inner = self.node(arg)
                if isinstance(inner, Fraction):
                    inner = Fence(inner, big=True)
                return raised_box(inner, Symbol("T"))
            case MatMul(left, right):
                return Row((self.node(left), self.node(right)))
            case Functional(function, arg) | Apply(function, arg):
                return Row((function_box(function), Fence(self.node(arg))))
        raise TypeError(f"no notation for {node}")

    # -- sides -------------------------------------------------------------------------------

    def chain(self, chain: Chain) -> Aligned:
        """A chain of equalities."""
        first = chain.sides[0]
        # All matrices of a chain are equal, so their cells are the entries of the one named first.
        name = (
            first.node.name if isinstance(first, Formula) and isinstance(first.node, Name) else None
        )
        left, *rights = (self.side(side, name) for side in chain.sides)
        return Aligned(left, tuple(rights))

    def side(self, side: Side, name: str | None = None) -> Box:
        """One side of an equality; `name` is that of the matrix that the side equals."""
        match side:
            case Value(scalar=scalar, sigma=sigma):
                if sigma and isinstance(scalar, Series):
                    return self.sigma(scalar)
                return self.scalar(scalar)
            case Element(node=node, row=row, col=col):
                return Scripts(Fence(self.node(node), big=True), self.indices((row, col)))
            case Written(array=array):
                return self.grid(array, name)
            case WrittenProduct(left=left, right=right):
                return Row((self.grid(left), Operator("cdot"), self.grid(right)))
            case Formula(node=node):
                return self.node(node)
            case MatrixPartial(name=name, wrt=wrt):
                return partial_ratio(name_box(name), self.expr(wrt))
            case ProductVecPartial(name=name, wrt=wrt):
                return partial_ratio(vec(name_box(name)), vec(name_box(wrt)))
        raise TypeError(f"{side} is not about a product")

    def grid(self, array: Array, name: str | None = None) -> Grid:
        """A matrix with its corner rows and columns; its name tells whose entries they are."""
        rows, cols = self.shown(array.rows.size), self.shown(array.cols.size)
        return Grid(tuple(tuple(self._cell(array, name, i, j) for j in cols) for i in rows))

    def _cell(self, array: Array, name: str | None, i: int | None, j: int | None) -> Box:
        if i is None and j is None:
            return Dots("diagonal")
        if i is None:
            return Dots("down")
        if j is None:
            return Dots("across")
        scalar = array.at(i, j)
        box = self.scalar(scalar)
        return tagged(box, scalar, name, i, j) if self.marked else box

    def shown(self, count: int) -> list[int | None]:
        """The numbers 1 … count that are shown, None for the dots."""
        if self.show is None or count <= self.show + 1:
            return list(range(1, count + 1))
        return [*range(1, self.show), None, count]

    # -- scalars -----------------------------------------------------------------------------

    def scalar(self, scalar: Scalar) -> Box:
        """A scalar, a sum written term by term."""
        match scalar:
            case Series(bounds=()):
                return self._one(self.product(scalar.term()))
            case Series():
                known = self._known.get(scalar)
                if known is None:
                    known = self._known[scalar] = self.spelled(scalar)
                return known
            case Filled(expr=expr, entry=entry, by=by):
                return self.expr(expr, {entry: self.scalar(by)})
            case PartialOfSum(of=of, wrt=wrt):
                sum_ = self.spelled(of, most=_NUMERATOR)
                above = Fence(sum_) if isinstance(sum_, Terms) else sum_
                return partial_ratio(above, self.expr(wrt))
            case _:
                return self.expr(scalar)

    def spelled(self, series: Series, most: int | None = None) -> Box:
        """The terms of a sum one after another, the middle of a long one left out."""
        sizes = [bound.dim.size for bound in series.bounds]
        whole = all(self.show is None or n <= self.show + 1 for n in sizes)
        if most is not None and self.show is not None:
            whole = whole and len(series) <= most
        if whole:
            return self._one(*map(self.product, series.terms()))
        first = itertools.islice(_counted(sizes), max(1, (self.show or 1) - 1))
        start, end = [self.product(series.term(*n)) for n in first], series.term(*sizes)
        return self._one(*start, ("+", Dots("across")), self.product(end))

    def sigma(self, series: Series) -> Box:
        """Σ over the letters of a sum."""
        sign, body = self.product(series.general_term())
        letters: list[Box] = []
        for bound in series.bounds:
            letters += [Operator("comma")] * bool(letters) + [name_box(str(bound.letter))]
        total = BigSum(Row(tuple(letters)), None, body)
        return self._one((sign, total))

    @staticmethod
    def _one(*items: tuple[str, Box]) -> Box:
        if len(items) == 1 and items[0][0] == "+":
            return items[0][1]
        return Terms(tuple(items))

    def product(self, factors: tuple[Scalar, ...]) -> tuple[str, Box]:
        """Factors in the order given: the sign, and the product without it."""
        between = _USUAL.get(tuple(map(type, factors)))
        if between is not None:
            first, second = [self._known.get(f) or self.scalar(f) for f in factors]
            return "+", Row((first, *between, second))
        sign = "+"
        boxes: list[tuple[Box, _Joint]] = []
        for factor in factors:
            known = self._known.get(factor)
            if known is not None:
                boxes.append((known, _joint(factor)))
                continue
            if isinstance(factor, sp.Expr) and factor.is_Rational and len(factors) > 1:
                sign = "-" if (factor < 0) != (sign == "-") else "+"
                if abs(factor) != 1:
                    boxes.append((self.expr(abs(factor)), "number"))
                continue
            box = self.scalar(factor)
            if isinstance(box, Terms):
                if len(box.items) == 1:
                    sign = "-" if sign == "+" else "+"
                    box = box.items[0][1]
                elif len(factors) > 1:
                    box = Fence(box, big=has_fraction(box))
            boxes.append((box, _joint(factor)))
        row: list[Box] = []
        for number, (box, joint) in enumerate(boxes):
            before = boxes[number - 1][1]
            if number and (before in ("function", "other") or joint in ("number", "other")):
                row.append(_CDOT)
            row.append(box)
        if not row:
            return sign, Number("1")
        return sign, row[0] if len(row) == 1 else Row(tuple(row))

    def expr(self, expr: sp.Expr, holes: dict[sp.Expr, Box] | None = None) -> Box:
        """A SymPy expression; `holes` gives the boxes of entries that are written out."""
        sign, box = self._signed(expr, holes or {})
        return box if sign == "+" else Terms(((sign, box),))

    def _signed(self, expr: sp.Expr, holes: dict[sp.Expr, Box]) -> tuple[str, Box]:
        if holes and expr in holes:
            return "+", holes[expr]
        if isinstance(expr, sp.Indexed | Partial):
            box = self._known.get(expr)
            if box is None:
                box = self._known[expr] = (
                    self.entry(name_of(expr), expr.indices)
                    if isinstance(expr, sp.Indexed)
                    else partial_ratio(self.expr(expr.of), self.expr(expr.wrt))
                )
            return "+", box
        if isinstance(expr, sp.KroneckerDelta):
            return "+", Scripts(Symbol("delta", greek=True), self.indices(expr.args))
        if isinstance(expr, sp.Rational):
            sign = "-" if expr < 0 else "+"
            if expr.is_Integer:
                return sign, Number(str(abs(expr)))
            return sign, Fraction(Number(str(abs(expr.p))), Number(str(expr.q)))
        if isinstance(expr, sp.Symbol):
            return "+", name_box(expr.name)
        if expr.is_Add:
            terms = sorted(arguments(expr), key=_term_order)
            return "+", Terms(tuple(self._signed(t, holes) for t in terms))
        if expr.is_Mul:
            return self._mul(expr, holes)
        if isinstance(expr, sp.exp):
            return "+", Scripts(Symbol("e"), sup=self.expr(arguments(expr)[0], holes))
        if expr is sp.E:
            return "+", Symbol("e")
        if isinstance(expr, sp.Pow):
            return "+", self._power(expr, holes)
        if isinstance(expr, sp.Function):
            head = _FUNCTIONS.get(type(expr)) or function_box(type(expr).__name__)
            inner = [self.expr(a, holes) for a in arguments(expr)]
            return "+", Row((head, Fence(inner[0], big=has_fraction(inner[0]))))
        raise TypeError(f"no notation for {type(expr).__name__}")

    def _mul(self, expr: sp.Expr, holes: dict[sp.Expr, Box]) -> tuple[str, Box]:
        above, below = sp.fraction(expr, exact=True)
        number, rest = above.as_coeff_Mul()
        sign = "-" if number < 0 else "+"
        number = abs(number)
        assert isinstance(number, sp.Rational)
        if below != 1 or number.q != 1:
            top = sp.Mul(number.p, rest)
            return sign, Fraction(self.expr(top, holes), self.expr(sp.Mul(below, number.q), holes))
        factors = sorted(sp.Mul.make_args(rest), key=_factor_order)
        row: list[Box] = [] if number == 1 else [Number(str(number))]
        for factor in factors:
            box = self.expr(factor, holes)
            row.append(Fence(box, big=has_fraction(box)) if isinstance(box, Terms) else box)
        if any(isinstance(f, Partial) for f in factors):
            row = [
                b for n, box in enumerate(row) for b in ((Operator("cdot"), box) if n else (box,))
            ]
        return sign, row[0] if len(row) == 1 else Row(tuple(row))

    def _power(self, expr: sp.Pow, holes: dict[sp.Expr, Box]) -> Box:
        base, exponent = expr.base, expr.exp
        if exponent.could_extract_minus_sign() and exponent.is_number:
            return Fraction(Number("1"), self.expr(base**-exponent, holes))
        if exponent == sp.S.Half:
            return Root(self.expr(base, holes))
        power = self.expr(exponent, holes)
        if (
            isinstance(base, sp.Function)
            and type(base) in _FUNCTIONS
            and not isinstance(base, sp.exp)
        ):
            inner = self.expr(arguments(base)[0], holes)
            return Row((Scripts(_FUNCTIONS[type(base)], sup=power), Fence(inner)))
        return raised_box(self.expr(base, holes), power)


def _counted(sizes: list[int]) -> Iterator[tuple[int, ...]]:
    """All index tuples from 1, the last index running fastest; nothing is stored."""
    if not sizes:
        yield ()
        return
    for n in range(1, sizes[0] + 1):
        for rest in _counted(sizes[1:]):
            yield (n, *rest)


_Joint = Literal["number", "plain", "function", "other"]


def _joint(factor: Scalar) -> _Joint:
    """How a factor stands beside others: 2xf(y) needs no dot, f(y)·2 and ∂L/∂y·x do."""
    if isinstance(factor, Partial):
        return "other"
    if isinstance(factor, sp.Symbol | sp.Indexed | sp.KroneckerDelta):
        return "plain"
    if isinstance(factor, sp.Rational):
        return "number"
    if isinstance(factor, Filled) or (isinstance(factor, sp.Function) and factor.func != sp.exp):
        return "function"
    return "other"


#: The order of factors that SymPy holds in an order of its own: numbers, scalars, entries,
#: partial derivatives, functions, sums.
_FACTORS: tuple[Callable[[sp.Expr], bool], ...] = (
    lambda e: bool(e.is_Number),
    lambda e: isinstance(e, sp.KroneckerDelta),
    lambda e: bool(e.is_Symbol),
    lambda e: isinstance(e, Partial),
    lambda e: isinstance(e.base if isinstance(e, sp.Pow) else e, sp.Indexed),
    lambda e: isinstance(e, sp.Pow) and not e.base.is_Add,
    lambda e: isinstance(e, sp.Function),
    lambda _: True,
)


def _factor_order(expr: sp.Expr) -> tuple[object, ...]:
    rank = next(n for n, is_kind in enumerate(_FACTORS) if is_kind(expr))
    return rank, expr.sort_key()


def _term_order(expr: sp.Expr) -> tuple[object, ...]:
    """Terms with a plus first, numbers before the rest, each in a steady order."""
    return expr.could_extract_minus_sign(), not expr.is_Number, expr.sort_key()
