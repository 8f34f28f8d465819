"""Index expressions to boxes: Σ_k x_ik w_kj, ∂L/∂x_pq, δ_ip. A layout for each kind, no more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol

from matderiv.calculus.formulas.broadcasting import ShapeOf
from matderiv.calculus.index_forms.forms import Form, Index, indices_at
from matderiv.calculus.index_forms.index_expressions import (
    Applied,
    ArrayEntry,
    Combined,
    Extent,
    Factors,
    FunctionOfArray,
    IndexExpression,
    KroneckerDelta,
    NamedEntry,
    Numeral,
    Omitted,
    PartialDerivative,
    PowerOf,
    ProductOver,
    Quotient,
    Runs,
    SignedSum,
    SumOver,
    free_letters,
    index_parts,
)
from matderiv.calculus.index_forms.letters import lettered
from matderiv.calculus.index_forms.ordered import ordered
from matderiv.expression import nodes
from matderiv.expression.matrix_functions import MATRIX_FUNCTIONS, SMOOTH, function_kind
from matderiv.expression.vocabulary import is_slope
from matderiv.notation.boxes import (
    BigSum,
    Box,
    Dots,
    Fence,
    Fraction,
    NumberBox,
    Operator,
    Root,
    Row,
    Scripts,
    Symbol,
    Terms,
    Word,
    joined,
)
from matderiv.notation.matrix_functions import matrix_function_box
from matderiv.notation.names import (
    call,
    entry_box,
    function_box,
    has_fraction,
    name_box,
    numbered_box,
    partial_ratio,
    raised_box,
    starts_with_number,
)

__all__ = ["IndexNotation", "Names"]

_T = Operator("transpose")
_CDOT = Operator("cdot")
_SIGNS = {1: "+", -1: "-"}


class Names(Protocol):
    """How names, and formulas inside of entries, are written."""

    @property
    def commas(self) -> bool:
        """Whether indices have commas between them."""
        raise NotImplementedError

    @property
    def letters(self) -> tuple[str, ...]:
        """The letters of sums."""
        raise NotImplementedError

    @property
    def sizes(self) -> Mapping[str, int]:
        """The number that each size stands for."""
        raise NotImplementedError

    @property
    def shape(self) -> ShapeOf:
        """The shape of any formula."""
        raise NotImplementedError

    def entry(self, name: str, indices: tuple[Index, ...]) -> Box:
        """x_ij."""
        raise NotImplementedError

    def element(self, node: nodes.Node, indices: tuple[Index, ...]) -> Box:
        """(XW)_ij."""
        raise NotImplementedError

    def node(self, node: nodes.Node) -> Box:
        """A formula."""
        raise NotImplementedError

    def size(self, symbol: str) -> Box:
        """A size."""
        raise NotImplementedError

    def word(self, operation: str) -> Word:
        """The name of an operation."""
        raise NotImplementedError

    def function(self, name: str) -> Box:
        """The name of a function."""
        raise NotImplementedError

    def holding(self, box: Box, of: str, wrt: str) -> Box:
        """A derivative with what it holds fixed."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class IndexNotation:
    """Draws index expressions; names and formulas inside of them look like `formulas` says."""

    formulas: Names
    #: The numbers that entries show in the place of letters.
    places: Mapping[str, int] = field(default_factory=dict)

    def at(self, places: Mapping[str, int]) -> IndexNotation:
        """Draws what holds letters as it is at numbers; neither deltas nor sums may be left."""
        return replace(self, places=places)

    def form(self, form: Form) -> Box:
        """A form, its sums with Σ."""
        return self.box(self.ordered(form))

    def ordered(self, form: Form) -> IndexExpression:
        """A form in an order to read."""
        return ordered(form, self.formulas.letters, self.formulas.sizes)

    def box(self, expr: IndexExpression) -> Box:
        """An index expression."""
        match expr:
            case Numeral(value) if value.denominator == 1:
                return NumberBox(str(value))
            case Numeral(value):
                return Fraction(NumberBox(str(value.numerator)), NumberBox(str(value.denominator)))
            case Extent(dim):
                return self.formulas.size(dim.symbol)
            case NamedEntry(name, indices):
                return self.formulas.entry(name, indices_at(indices, self.places))
            case ArrayEntry(node, indices):
                return self._array_entry(node, indices_at(indices, self.places))
            case KroneckerDelta(one, other):
                return self._indexed(Symbol("delta", greek=True), (one, other))
            case PartialDerivative():
                return self._partial(expr)
            case SignedSum(items):
                return Terms(tuple((_SIGNS[sign], self._last_factor(item)) for sign, item in items))
            case Factors(items):
                *first, last = items
                boxes = [self._factor(item, items[n:]) for n, item in enumerate(first, 1)]
                return side_by_side([*boxes, self._last_factor(last)])
            case Quotient(above, below):
                return Fraction(self.box(above), self.box(below))
            case PowerOf(base, exponent):
                return self._power(base, exponent)
            case Applied(function, arg):
                return self._applied(function, self.box(arg))
            case Combined(operation, items):
                return call(self.formulas.word(operation), list(map(self.box, items)))
            case SumOver(letters, body):
                return self._big(letters, body, "sum")
            case ProductOver(letters, body):
                return self._big(letters, body, "product")
            case FunctionOfArray():
                return self._of_array(expr)
            case Omitted():
                return Dots("across")

    def _big(self, letters: Runs, body: IndexExpression, sign: Literal["sum", "product"]) -> Box:
        """Σ or Π of a term, with the range of a letter that the term does not have: k = 1 … N."""
        seen = free_letters(body)
        box = self._last_factor(body)
        for letter, dim in reversed(letters):
            if letter not in seen:
                box = BigSum(numbered_box(letter, 1), self.formulas.size(dim.symbol), box, sign)
        under = [name_box(letter) for letter, _ in letters if letter in seen]
        return BigSum(joined(under), None, box, sign) if under else box

    def _indexed(self, base: Box, indices: tuple[Index, ...]) -> Box:
        if not indices:
            return base
        return entry_box(base, indices, commas=self.formulas.commas)

    def _factor(self, expr: IndexExpression, after: tuple[IndexExpression, ...]) -> Box:
        """A factor before others; brackets say where Π_k ends, and Σ_k before another Σ_k."""
        box = self.box(expr)
        ends = isinstance(expr, SignedSum | ProductOver)
        ends |= isinstance(expr, SumOver) and bool(
            _summed(expr) & set().union(*map(_summed, after))
        )
        return _fenced(box) if ends else box

    def _last_factor(self, expr: IndexExpression) -> Box:
        """A factor or a term that nothing is multiplied with on its right."""
        box = self.box(expr)
        return _fenced(box) if isinstance(expr, SignedSum) else box

    def _power(self, base: IndexExpression, exponent: IndexExpression) -> Box:
        box, above = self.box(base), self.box(exponent)
        match box, above:
            case Row(items=(Word() as head, Fence() as rest)), NumberBox():  # tanh²(u)
                return Row((Scripts(head, sup=above), rest))
        simple = isinstance(base, NamedEntry | Extent | ArrayEntry | KroneckerDelta | PowerOf)
        simple |= isinstance(base, FunctionOfArray)
        number = isinstance(base, Numeral) and base.value.denominator == 1
        open_ = isinstance(base, Applied | Combined) and not isinstance(box, Root)
        return raised_box(box if simple or number or open_ else _fenced(box), above)

    def _applied(self, function: str, inner: Box) -> Box:
        match function:
            case "sqrt":
                return Root(inner)
            case "abs":
                return Fence(inner, big=_tall(inner), bars=True)
            case "exp":
                return raised_box(Symbol("e"), inner)
        return Row((self.formulas.function(function), Fence(inner, big=_tall(inner))))

    def _partial(self, expr: PartialDerivative) -> Box:
        """∂z_ij/∂x_pq, or (∂z_ij/∂x_pq)_U with U held fixed."""
        ratio = partial_ratio(self._last_factor(expr.of), self.box(expr.wrt))
        match expr:
            case PartialDerivative(NamedEntry(of), NamedEntry(wrt)):
                return self.formulas.holding(ratio, of, wrt)
        return ratio

    def _array_entry(self, node: nodes.Node, indices: tuple[Index, ...]) -> Box:
        match node:
            case nodes.Apply(function, arg) | nodes.Functional(function, arg) if is_slope(function):
                whole = Row((function_box(function[1:]), Fence(self.formulas.node(arg))))
                sizes = node.sizes if isinstance(node, nodes.Functional) else ()
                places = max(0, len(sizes) - len(self.formulas.shape(arg)))  # of F: ∂F_k/∂a_ij
                below = self.formulas.element(arg, indices[places:])
                return partial_ratio(self._indexed(whole, indices[:places]), below)
        return self.formulas.element(node, indices)

    def _of_array(self, expr: FunctionOfArray) -> Box:
        named = _named_array(expr)
        inside = _inner_function(expr)
        inner: Box
        if inside is not None:
            inner = Fence(self._of_array(inside))
        elif named is None:
            inner = _fenced(self.box(expr.arg), always=False)
        else:
            name, turned = named
            inner = raised_box(name_box(name), _T) if turned else name_box(name)
        if expr.function == "inv":
            base = raised_box(inner, Terms((("-", NumberBox("1")),)))
            return self._indexed(Fence(base), expr.indices)
        kind = function_kind(expr.function)
        if kind[1:] in SMOOTH:  # ∂f(A)_ij/∂a_kl
            box = matrix_function_box(expr.function[1:], inner, inner)
            below = replace(expr, indices=expr.indices[2:])
            return partial_ratio(self._indexed(Fence(box), expr.indices[:2]), self._argument(below))
        if kind in MATRIX_FUNCTIONS:
            box = matrix_function_box(expr.function, inner, inner)
            return self._indexed(Fence(box), expr.indices) if expr.indices else box
        if expr.function == "max":
            word = Scripts(
                self.formulas.word("max"),
                sub=joined(name_box(letter) for letter, _ in expr.letters),
            )
            return Row((word, Fence(self.box(expr.arg))))
        if not expr.indices:
            return Row((self.formulas.function(expr.function), Fence(inner)))
        if not is_slope(expr.function):
            return self._indexed(Row((function_box(expr.function), Fence(inner))), expr.indices)
        places = max(0, len(expr.indices) - len(expr.letters))
        head = Row((function_box(expr.function[1:]), Fence(inner)))  # ∂F/∂u_ij, or ∂F_k/∂u_ij
        below = replace(expr, indices=expr.indices[places:])
        return partial_ratio(self._indexed(head, expr.indices[:places]), self._argument(below))

    def _argument(self, expr: FunctionOfArray) -> Box:
        """The entry of the array that a function is of, at the indices of the derivative."""
        named = _named_array(expr)
        if named is None:
            inner = _fenced(self.box(expr.arg), always=False)
            return self._indexed(inner, expr.indices)
        indices = expr.indices[::-1] if named[1] else expr.indices
        return self.formulas.entry(named[0], indices)


def _summed(expr: IndexExpression) -> set[str]:
    """The letters of all sums and products in an expression."""
    runs = (e.letters for e in index_parts(expr) if isinstance(e, SumOver | ProductOver))
    return {letter for letters in runs for letter, _ in letters}


def _named_array(expr: FunctionOfArray) -> tuple[str, bool] | None:
    """The name of the array that a function is of, and whether it is its transpose."""
    letters = lettered(
        tuple(dim for _, dim in expr.letters), tuple(letter for letter, _ in expr.letters)
    )
    match expr.arg:
        case NamedEntry(name, indices) if indices in (letters, letters[::-1]):
            return name, indices != letters
    return None


def _inner_function(expr: FunctionOfArray) -> FunctionOfArray | None:
    """The f(A) whose inverse an expression is an entry of, without its own indices."""
    inner = expr.arg
    if isinstance(inner, FunctionOfArray) and function_kind(inner.function) in MATRIX_FUNCTIONS:
        letters = lettered(
            tuple(dim for _, dim in expr.letters), tuple(letter for letter, _ in expr.letters)
        )
        return replace(inner, indices=()) if inner.indices == letters else None
    return None


def _fenced(box: Box, *, always: bool = True) -> Box:
    wide = isinstance(box, Terms | Row | BigSum)
    return Fence(box, big=_tall(box)) if always or wide else box


def side_by_side(boxes: list[Box]) -> Box:
    """Factors in a row, a dot where two fractions or a number would touch."""
    row: list[Box] = []
    for number, box in enumerate(boxes):
        if number and (
            isinstance(box, Fraction)
            or starts_with_number(box)
            or isinstance(boxes[number - 1], Fraction | Row)
        ):
            row.append(_CDOT)
        row.append(box)
    return row[0] if len(row) == 1 else Row(tuple(row))


def _tall(box: Box) -> bool:
    """Whether a box holds a sum sign, beside which brackets have to grow."""
    match box:
        case BigSum():
            return True
        case Row(items=items):
            return any(map(_tall, items))
        case Terms(items=items):
            return any(_tall(term) for _, term in items)
        case Fence(body=body) | Root(body=body) | Scripts(base=body):
            return _tall(body) or has_fraction(box)
    return has_fraction(box)
