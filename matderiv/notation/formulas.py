"""Expressions of a whole program to boxes, in matrix notation."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction as Rational
from typing import Literal

from matderiv.calculus.deciding.textbook import Textbook
from matderiv.calculus.formulas.broadcasting import ShapeOf
from matderiv.calculus.index_forms.forms import Index
from matderiv.errors import MissingRuleError
from matderiv.expression import nodes
from matderiv.expression.axes import at_once
from matderiv.expression.matrix_functions import is_eigenvalue
from matderiv.expression.nodes import Node
from matderiv.expression.operations import NAMES, OPERATIONS
from matderiv.expression.shapes import Shape
from matderiv.expression.source import is_turned
from matderiv.expression.vocabulary import ELEMENTWISE, is_slope
from matderiv.notation.boxes import (
    BigSum,
    Box,
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
from matderiv.notation.index_maps import constant_entry, index_map_box, size_box
from matderiv.notation.indices import IndexNotation
from matderiv.notation.matrix_functions import frechet_box, matrix_function_box, placed_box
from matderiv.notation.names import (
    call,
    entry_box,
    entry_ratio,
    fenced,
    function_box,
    has_fraction,
    name_box,
    named_entry,
    partial_ratio,
    raised_box,
    starts_with_number,
)
from matderiv.notation.textbook import average_box, log_of_determinant, norm_box, word_of_axis

__all__ = ["Formulas", "Grip", "Held"]

#: How tightly a box holds together: a sum needs brackets as a factor, a product entry by entry
#: as a factor of a matrix product, and any product as a base.
Grip = Literal["sum", "entrywise", "product", "atom"]
Held = tuple[Box, Grip]

_MATRIX = 2  # dimensions
_T = Operator("transpose")
_CDOT = Operator("cdot")
_D = Operator("differential")
_UPRIGHT = {*ELEMENTWISE, "det", "logdet"}


@dataclass(frozen=True, slots=True)
class Formulas:
    """The notation of a program: its loss, its names, and how much of arrays is shown.

    `also`: for a name and a value, other values between them through which the name has effect.
    """

    loss: str
    #: Proved words for nodes; without letters of sums, sums are called by a word.
    textbook: Textbook
    names: Mapping[str, Shape]
    show: int | None
    commas: bool
    letters: tuple[str, ...]
    also: Mapping[tuple[str, str], tuple[str, ...]]
    #: The name that differentials of values are by.
    about: str = ""
    #: The letters of an entry of an input.
    places: tuple[str, ...] = ()
    #: Letters for gradients: δ for ∂L/∂Z.
    called: Mapping[str, str] = field(default_factory=dict)
    #: The number that each size stands for.
    sizes: Mapping[str, int] = field(init=False)
    #: Boxes that were made: parts are shared by many formulas, and within one.
    _known: dict[Node, Held] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Gather the sizes of all names."""
        sizes = {dim.symbol: dim.size for shape in self.names.values() for dim in shape}
        object.__setattr__(self, "sizes", sizes)

    @property
    def shape(self) -> ShapeOf:
        """The shape of any formula."""
        return self.textbook.shape

    def entry(self, name: str, indices: tuple[Index, ...]) -> Box:
        """x_ij, a scalar's name, or ∂L/∂x_ij."""
        if name == "π":
            return Symbol("pi", greek=True)
        if name in self.called:
            return named_entry(self.called[name], indices, commas=self.commas)
        if name not in self.names and name[0] == "δ":
            return self.direct(Row((_D, self.entry(name[1:], indices))), name[1:])
        if name not in self.names:
            return entry_ratio(self.loss, name[1:], indices, commas=self.commas)
        if not indices:
            return name_box(name)
        return named_entry(name, indices, commas=self.commas)

    def holding(self, box: Box, of: str, wrt: str) -> Box:
        """(∂Z/∂X)_U, U held fixed where X reaches Z through U as well: not all of ∂Z/∂X."""
        held = self.also.get((of, wrt), ())
        if not held:
            return box
        return Scripts(Fence(box, big=has_fraction(box)), sub=joined(map(name_box, held)))

    @staticmethod
    def function(name: str) -> Box:
        """The name of a function."""
        return Word(name, upright=True) if name in _UPRIGHT else function_box(name)

    @staticmethod
    def size(symbol: str) -> Box:
        """The letter of a size, or its number if it has none."""
        return size_box(symbol)

    def shown(self, count: int, also: Iterable[int] = ()) -> list[int | None]:
        """The numbers 1 … count that are shown, those of `also` too, None for the dots."""
        if self.show is None or count <= self.show + 1:
            return list(range(1, count + 1))
        numbers = sorted({*range(1, self.show), *also, count})
        made: list[int | None] = []
        for before, number in itertools.pairwise((0, *numbers)):
            if number == before + 2:  # dots would stand for one
                made.append(number - 1)
            elif number > before + 1:
                made.append(None)
            made.append(number)
        return made

    def node(self, node: Node) -> Box:
        """An expression: XW + b, ∂L/∂Y Wᵀ, A⁻¹."""
        return self.held(node)[0]

    def gradient(self, of: str) -> Fraction:
        """∂L/∂X."""
        return partial_ratio(name_box(self.loss), name_box(of))

    def change(self, of: str) -> Held:
        """dX, the d upright; (dZ)_U of a value Z, U held fixed where X reaches Z through U, too.

        Of a change dL it is d²L.
        """
        if of[0] == "δ" and of not in self.names:
            return Row((Scripts(_D, sup=NumberBox("2")), name_box(of[1:]))), "atom"
        return self.direct(Row((_D, name_box(of))), of), "atom"

    def direct(self, change: Box, of: str) -> Box:
        """(dZ)_U as it stands; the change of the loss is always that through everything."""
        return change if of == self.loss else self.holding(change, of, self.about)

    def unit_vectors(self) -> tuple[Scripts, Scripts]:
        """e_p and e_q, under a letter that the program does not use."""
        taken = {name.lower() for name in self.names}
        e = Symbol(next(c for c in ("e", "u", "v", "h", "ε") if c not in taken))
        p, q = (Scripts(e, sub=name_box(i)) for i in self.places[:2])
        return p, q

    def unit(self, of: str) -> Held:
        """e_p e_qᵀ, whose only entry that is not 0 is a 1 at p and q; q is 1 of a single column."""
        pairs = zip(self.unit_vectors(), self.names[of], strict=False)
        one = NumberBox("1")
        ends = [Scripts(e.base, one if dim.symbol == "1" else e.sub) for e, dim in pairs]
        if len(ends) == 1:
            return ends[0], "atom"
        return Row((ends[0], Scripts(ends[1].base, ends[1].sub, _T))), "product"

    def held(self, node: Node) -> Held:
        """A box of an expression, and how tightly it holds together."""
        if node not in self._known:
            self._known[node] = self._held(node)
        return self._known[node]

    def _held(self, node: Node) -> Held:
        made = self.textbook.of(node)
        if isinstance(made, Node):
            return self.held(made)
        if made is not None:
            return IndexNotation(self).box(made), "sum"
        if self.textbook.letters and (found := self._of_textbooks(node)):
            return found
        match node:
            case nodes.Name(name):
                if name in self.names or name in self.called:
                    return name_box(self.called.get(name, name)), "atom"
                if name[0] in _DERIVED:
                    return _DERIVED[name[0]](self, name[1:])
                return self.gradient(name[1:]), "atom"
            case nodes.Number(value):
                return _number(value)
            case nodes.Size(symbol):
                return self.size(symbol), "atom"
            case nodes.Pi():
                return Symbol("pi", greek=True), "atom"
            case nodes.Add() | nodes.Subtract() | nodes.Negate():
                return Terms(tuple(self._signed(node))), "sum"
            case nodes.Multiply() | nodes.Divide() | nodes.MatMul() if (
                _leading(node)[0] < 0 or _without_sign(node) is not None
            ):
                return Terms(tuple(self._signed(node))), "sum"
            case nodes.MatMul():
                return self._matmul(node), "product"
            case nodes.Multiply(nodes.Number(0), nodes.Ones(sizes)):
                return self._filled("0", sizes), "atom"
            case nodes.Multiply(left, right) | nodes.Divide(left, right):
                entrywise = self.shape(left) and self.shape(right)
                return _closed(self._product(node), "entrywise" if entrywise else "product")
            case nodes.Power(base, power):
                return self._power(base, power), "atom"
            case nodes.Outer(
                left, nodes.MatMul(nodes.Transpose(nodes.Name() as a), nodes.Name() as v)
            ):
                return Row((self._tight(left), self._beside(v, a))), "product"  # u vᵀA
            case nodes.Outer(left, right):
                return Row((self._tight(left), self._row_vector(right))), "product"
        return self._applied(node), "atom"

    def _of_textbooks(self, node: Node) -> Held | None:
        """Norms, means and log|S|."""
        if isinstance(node, nodes.LogDet):
            return log_of_determinant(self.node(node.arg)), "atom"
        if box := norm_box(node, self, self.shape):
            return box, "atom"
        if box := average_box(node, self):
            return box, "sum"
        return None

    def _signed(self, node: Node, sign: str = "+") -> Iterable[tuple[str, Box]]:
        turned = "-" if sign == "+" else "+"
        match node:
            case nodes.Add(left, right):
                yield from self._signed(left, sign)
                yield from self._signed(right, sign)
            case nodes.Subtract(left, right):
                yield from self._signed(left, sign)
                yield from self._signed(right, turned)
            case nodes.Negate(arg):
                yield from self._signed(arg, turned)
            case nodes.Number(value) if value < 0:
                yield turned, _number(-value)[0]
            case _:
                first, rest = _leading(node)
                unsigned = _without_sign(node)
                if first < 0:
                    yield turned, self.node(rest)
                elif unsigned is None:
                    yield sign, self.node(node)
                elif sign == "+":
                    yield from self._signed(unsigned, turned)
                else:
                    yield sign, fenced(self.node(node))

    def factor(self, node: Node) -> Box:
        """A factor, a sum in brackets."""
        box, grip = self.held(node)
        return fenced(box) if grip == "sum" else box

    def _entrywise(self, node: Node) -> Box:
        """A factor of a product entry by entry: (AB) ⊙ C, not AB ⊙ C, nor 2·A ⊙ B.

        A number times an array on the right has brackets, too: C ⊙ (λA).
        """
        box = self.factor(node)
        product = self._is_product(node) and not isinstance(box, Fraction)
        product |= _holds(box, "cdot")
        return fenced(box) if product else box

    def _is_product(self, node: Node) -> bool:
        """Whether a matrix product stands in an expression without brackets around it."""
        match node:
            case nodes.MatMul() | nodes.Outer():
                return True
            case nodes.Name(name) if name[0] in _DERIVED and name not in self.names:
                return _DERIVED[name[0]](self, name[1:])[1] == "product"  # e_p e_qᵀ
            case nodes.Multiply(left, right) if not (self.shape(left) and self.shape(right)):
                return self._is_product(left) or self._is_product(right)
        return False

    def _has_number(self, node: Node) -> bool:
        """Whether an array is multiplied with a number: λA, λA ⊙ B."""
        match node:
            case nodes.Multiply(left, right):
                return not (self.shape(left) and self.shape(right)) or self._has_number(left)
        return False

    def _tight(self, node: Node) -> Box:
        """A factor of a matrix product: AB ⊙ C is (AB) ⊙ C."""
        box, grip = self.held(node)
        tight = grip in ("product", "atom") and not _holds(box, "odot", "oslash")
        return box if tight else fenced(box)

    def base(self, node: Node) -> Box:
        """A base of a power or a transpose: all but a name or a call stands in brackets."""
        box, grip = self.held(node)
        return box if grip == "atom" else fenced(box)

    def _matmul(self, node: nodes.MatMul) -> Box:
        """A product of matrices; a vector is a column, and a row where it stands on the left."""
        left, right = node.left, node.right
        if len(self.shape(left)) > 1:
            factors = (self._tight(left), self._tight(right))
            # dX·W, not d(XW), and Xᵀ·2A, not Xᵀ2A
            dot = _ends_in_change(left) or starts_with_number(factors[1])
            return Row((factors[0], _CDOT, factors[1]) if dot else factors)
        if len(self.shape(right)) == 1:
            return self._beside(left, right)
        return Row((self._tight(nodes.transposed(right)), self._tight(left)))

    def _row_vector(self, node: Node) -> Box:
        """A vector as a row: vᵀ, vᵀA."""
        match node:
            case nodes.MatMul(left, right) if len(self.shape(left)) == 1:
                return self._beside(left, right)
        return raised_box(self.base(node), _T)

    def _beside(self, left: Node, right: Node) -> Box:
        """A vector as a row, and what it is multiplied with."""
        dot = (_CDOT,) * (isinstance(left, nodes.MatMul) and _ends_in_change(left))
        return Row((self._row_vector(left), *dot, self._tight(right)))

    def _number(self, node: Node, box: Box) -> Box:
        """A factor beside an array: an inner product in brackets, as (xᵀy)z is not xᵀ(yz)."""
        match node:
            case nodes.MatMul():
                return fenced(box)
            case nodes.Multiply(left, nodes.MatMul() as right):
                return Row((self.factor(left), fenced(self.node(right))))
        return box

    def _product(self, node: Node) -> Box:
        if isinstance(node, nodes.Divide):
            if not self.shape(node.right):
                return Fraction(self.node(node.left), self.node(node.right))
            return Row((self._entrywise(node.left), Operator("oslash"), self.base(node.right)))
        assert isinstance(node, nodes.Multiply)
        left, right = node.left, node.right
        if self.shape(left) and self.shape(right):
            first = self.base(left) if isinstance(left, nodes.Divide) else self._entrywise(left)
            second = self._entrywise(right)
            number = isinstance(second, Row) and self._has_number(right)
            return Row((first, Operator("odot"), fenced(second) if number else second))
        a = self.base(left) if isinstance(left, nodes.Divide) else self.factor(left)
        if self.shape(right):
            a = self._number(left, a)
        b = self.node(right) if isinstance(self.node(right), BigSum) else self.factor(right)
        if self.shape(left) and not self.shape(right):
            b = self._number(right, b)
        number = isinstance(right, nodes.Number) or starts_with_number(b)
        if not (number or isinstance(b, Fraction) or _ends_tall(a)):
            return Row((a, b))
        # A dot goes with matrix products; beside ⊙ it would be unclear what comes first.
        a, b = (fenced(x) if _holds(x, "odot", "oslash") else x for x in (a, b))
        return Row((a, _CDOT, b))

    def _power(self, base: Node, power: Node) -> Box:
        above = self.node(power)
        if self.shape(base):
            above = Row((Operator("odot"), above))
        elif isinstance(power, nodes.Number) and power.value == -1:
            return Fraction(NumberBox("1"), self.node(base))
        return raised_box(self.base(base), above)

    def _applied(self, node: Node) -> Box:
        match node:
            case nodes.Transpose(arg):
                if len(self.shape(arg)) < _MATRIX:  # a vector is a column anyway
                    return self.base(arg)
                if isinstance(arg, nodes.Inverse):
                    return raised_box(self.base(arg.arg), Terms((("-", _T),)))
                return raised_box(self.base(arg), _T)
            case nodes.Rearrange(arg, order):
                return self._rearranged(arg, order)
            case _ if isinstance(node, nodes.IndexMap):
                return index_map_box(node, self.node, self.base, lambda n: len(self.shape(n)))
            case nodes.Inverse(arg):
                return raised_box(self.base(arg), Terms((("-", NumberBox("1")),)))
            case nodes.Apply("sqrt", arg):
                return Root(self.node(arg))
            case nodes.Apply("abs", arg):
                inner = self.node(arg)
                return Fence(inner, big=has_fraction(inner), bars=True)
            case nodes.Apply("exp", arg) if not self.shape(arg):
                return raised_box(Symbol("e"), self.node(arg))
            case nodes.Apply(function, arg) | nodes.Functional(function, arg):
                if is_slope(function):
                    return partial_ratio(
                        Row((function_box(function[1:]), Fence(self.node(arg)))), self.base(arg)
                    )
                return self._call(self.function(function), arg)
            case nodes.Trace(nodes.MatrixFunction(arg, function)) if is_eigenvalue(function):
                return call(placed_box("lam", function), [self.node(arg)])
            case nodes.MatrixFunction() | nodes.Frechet():
                return self._function_of_matrix(node)
            case nodes.Norm(arg):
                return Row((Operator("bars"), self.node(arg), Operator("bars")))
            case nodes.Eye(size):
                return Scripts(Symbol("I"), sub=self.size(str(size)))
            case nodes.Ones(sizes):
                return self._filled("1", sizes)
        if several := at_once(node):
            return self._call(self.head(node, several[1]), several[0])
        return self._call(self.head(node), *nodes.children(node))

    def _rearranged(self, arg: Node, order: tuple[int | None, ...]) -> Box:
        """Aᵀ of each matrix of a stack; other places of axes in words."""
        if is_turned(order):
            return raised_box(self.base(arg), _T)
        old = tuple(axis for axis in order if axis is not None)
        box = self.base(arg)
        if old != tuple(range(len(old))):
            places = joined(NumberBox(str(axis)) for axis in old)
            box = call(Scripts(Word("transpose", upright=True), sub=places), [self.node(arg)])
        if None not in order:
            return box
        new = joined(Word("new", upright=True) if n is None else Operator("colon") for n in order)
        return Scripts(fenced(box) if isinstance(box, Scripts) else box, sub=new)

    def _filled(self, number: str, sizes: Sequence[int | str]) -> Box:
        """An array whose entries are all one number."""
        over = joined((self.size(str(size)) for size in sizes), "times")
        return Scripts(NumberBox(number), sub=over)

    @staticmethod
    def word(operation: str) -> Word:
        """The name of an operation on a page: tr, logsoftmax."""
        return Word(OPERATIONS[operation].word or operation.replace("_", ""), upright=True)

    def _call(self, head: Box, *args: Node) -> Box:
        return call(head, list(map(self.node, args)))

    def _function_of_matrix(self, node: nodes.MatrixFunction | nodes.Frechet) -> Box:
        """e^A, A^(1/2), and v·vᵀ of an eigenvector as P₀(A), λ times that as Λ₀(A); D(A, E)."""
        inner = self.node(node.arg)
        if isinstance(node, nodes.Frechet):
            return frechet_box(node.function, inner, self.node(node.change))
        return matrix_function_box(node.function, inner, self.base(node.arg))

    def head(self, node: Node, axes: tuple[int, ...] = ()) -> Box:
        """The word of an operation, with the axis that it runs along: softmax_row, rowsum."""
        if type(node) not in NAMES:
            raise MissingRuleError(node, "word in formulas")
        word = Formulas.word(NAMES[type(node)])
        axis = getattr(node, "axis", None)
        if isinstance(node, nodes.Reduction | nodes.AlongAxis) and axis is not None and not axes:
            keep = getattr(node, "keepdims", False)
            dimensions = len(self.shape(node.arg)) if self.textbook.letters else 0
            if found := word_of_axis(word, axis, dimensions, keep=keep):
                return found
        sub: list[Box] = [NumberBox(str(n)) for n in axes or (() if axis is None else (axis,))]
        if getattr(node, "keepdims", False):
            sub.append(Word("keep", upright=True))
        return Scripts(word, sub=joined(sub)) if sub else word

    def element(self, node: Node, indices: tuple[Index, ...]) -> Box:
        """(G·Wᵀ)_pq."""
        if not indices:
            return self.node(node)
        if isinstance(node, nodes.Name):
            return self.entry(node.name, indices)
        if isinstance(node, nodes.Selection) and (found := constant_entry(node, indices)):
            return found
        box = self.node(node)
        return entry_box(fenced(box), indices, commas=self.commas)


#: Notation of names that start with a Greek letter: δX is a differential, εX a unit matrix.
_DERIVED: dict[str, Callable[[Formulas, str], Held]] = {"δ": Formulas.change, "ε": Formulas.unit}


def _number(value: Rational) -> Held:
    if value < 0:
        return Terms((("-", _number(-value)[0]),)), "sum"
    if value.denominator == 1:
        return NumberBox(str(value)), "atom"
    return Fraction(NumberBox(str(value.numerator)), NumberBox(str(value.denominator))), "product"


def _leading(node: Node) -> tuple[Rational, Node]:
    """A negative number at the start of a product, and the product without its sign."""
    if isinstance(node, nodes.Multiply | nodes.Divide | nodes.MatMul):
        first, rest = _leading(node.left)
        return first, nodes.rebuilt(node, (rest, node.right))
    if isinstance(node, nodes.Number) and node.value < 0:
        return node.value, nodes.Number(-node.value)
    return Rational(1), node


def _without_sign(node: Node) -> Node | None:
    """A·B for (-A)·B; None if there is no sign at the start of a product."""
    match node:
        case nodes.Multiply(left, right) | nodes.Divide(left, right) | nodes.MatMul(left, right):
            first = left.arg if isinstance(left, nodes.Negate) else _without_sign(left)
            return None if first is None else nodes.rebuilt(node, (first, right))
    return None


def _ends_in_change(node: Node) -> bool:
    """Whether the last factor of a product is a differential."""
    last = node.right if isinstance(node, nodes.MatMul) else node
    return isinstance(last, nodes.Name) and last.name[:1] == "δ"


def _holds(box: Box, *operators: str) -> bool:
    """Whether a product has one of these signs between its factors."""
    return isinstance(box, Row) and any(
        item.name in operators if isinstance(item, Operator) else _holds(item, *operators)
        for item in box.items
    )


def _closed(box: Box, grip: Grip) -> Held:
    """A product; one that ends in a sum needs brackets as a factor."""
    last = box
    while isinstance(last, Row):
        last = last.items[-1]
    return box, "sum" if isinstance(last, BigSum) else grip


def _ends_tall(box: Box) -> bool:
    """Whether a box ends in a fraction or in brackets, beside which a dot reads better."""
    match box:
        case Fraction() | Fence():
            return True
        case Row(items=(*_, last)):
            return _ends_tall(last)
    return False
