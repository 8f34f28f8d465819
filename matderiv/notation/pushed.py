"""The entry of an expression with its indices pushed inwards: (XW + b)_ij = Σ_k x_ik w_kj + b_j."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction as Rational

from matderiv.calculus.formulas.broadcasting import varies
from matderiv.calculus.index_forms.forms import Index
from matderiv.expression import nodes
from matderiv.expression.nodes import Node
from matderiv.expression.shapes import Dim, Shape
from matderiv.notation.boxes import (
    BigSum,
    Box,
    Dots,
    Fence,
    Fraction,
    Number,
    Operator,
    Root,
    Row,
    Scripts,
    Symbol,
    Terms,
    Word,
)
from matderiv.notation.formulas import Formulas, Held
from matderiv.notation.indices import side_by_side
from matderiv.notation.names import (
    entry_box,
    function_box,
    has_fraction,
    name_box,
    partial_ratio,
    raised_box,
)

__all__ = ["Pushed"]

_Indices = tuple[Index, ...]


@dataclass(frozen=True, slots=True)
class Pushed:
    """Writes entries of expressions; `expanded` writes sums term by term at the sizes.

    If `shallow`, only sums that stand inside of no factor, fraction or function are expanded.
    """

    formulas: Formulas
    expanded: bool
    shallow: bool = False

    @property
    def _inner(self) -> Pushed:
        """What writes what stands inside."""
        return Pushed(self.formulas, expanded=False) if self.shallow else self

    def at(self, node: Node, indices: _Indices) -> Box:
        """The entry of an expression at indices, letters or numbers from 1."""
        return self.held(node, indices)[0]

    def held(self, node: Node, at: _Indices) -> Held:
        """The entry, and how tightly it holds together."""
        formulas = self.formulas
        match node:
            case nodes.Name(name):
                return formulas.entry(name, at), "atom"
            case nodes.Number() | nodes.Size() | nodes.Pi() | nodes.Determinant() | nodes.LogDet():
                return formulas.held(node)
            case nodes.Ones():
                return Number("1"), "atom"
            case nodes.Eye():
                return self._delta(at), "atom"
            case nodes.Transpose(arg):
                return self.held(arg, at[::-1])
            case nodes.Add() | nodes.Subtract() | nodes.Negate():
                items = [item for item in self._signed(node, at, "+") if item[1] != _ZERO]
                if not items:
                    return _ZERO, "atom"
                if len(items) == 1 and items[0][0] == "+":
                    return items[0][1], "product"
                return Terms(tuple(items)), "sum"
            case nodes.Multiply():
                parts = [n for n in _factors(node) if not isinstance(n, nodes.Ones)]
                if len(parts) == 1:
                    return self.held(parts[0], self._own(parts[0], node, at))
                factors = [self._factor(n, self._own(n, node, at)) for n in parts]
                return _times(factors), "product"
            case nodes.Divide(left, right):
                inside = self._inner
                above, below = (inside.at(n, self._own(n, node, at)) for n in (left, right))
                return Fraction(above, below), "product"
            case nodes.Power(base, power):
                inner = self._base(base, self._own(base, node, at))
                return raised_box(inner, self.at(power, self._own(power, node, at))), "atom"
            case nodes.Outer(left, right):
                boxes = [self._factor(left, at[:1]), self._factor(right, at[1:])]
                return side_by_side(boxes), "product"
            case nodes.MatMul(left, right):
                return self._matmul(left, right, at)
        return self._function(node, at)

    def _factor(self, node: Node, at: _Indices) -> Box:
        box, grip = self._inner.held(node, at)
        return Fence(box, big=has_fraction(box) or _tall(box)) if grip == "sum" else box

    def _base(self, node: Node, at: _Indices) -> Box:
        box, grip = self._inner.held(node, at)
        return box if grip == "atom" else Fence(box, big=has_fraction(box) or _tall(box))

    def _delta(self, at: _Indices) -> Box:
        if all(isinstance(i, int) for i in at):
            return _ONE if at[0] == at[1] else _ZERO
        delta = Symbol("delta", greek=True)
        return entry_box(delta, at, commas=self.formulas.commas)

    def _own(self, operand: Node, node: Node, at: _Indices) -> _Indices:
        """An operand's own indices: 1 where its only row or column stands for all."""
        shape, over = self.formulas.shape(operand), self.formulas.shape(node)
        lead = len(over) - len(shape)
        return tuple(
            i if varies(shape, over, lead + n) else 1
            for n, i in enumerate(at[len(at) - len(shape) :])
        )

    def _signed(self, node: Node, at: _Indices, sign: str) -> Iterator[tuple[str, Box]]:
        turned = "-" if sign == "+" else "+"
        match node:
            case nodes.Add(left, right) | nodes.Subtract(left, right):
                yield from self._signed(left, self._own(left, node, at), sign)
                second = sign if isinstance(node, nodes.Add) else turned
                yield from self._signed(right, self._own(right, node, at), second)
            case nodes.Negate(arg):
                yield from self._signed(arg, at, turned)
            case _:
                box = self.at(node, at)
                if isinstance(box, Terms) and (sign == "+" or len(box.items) == 1):
                    flip = {"+": "-", "-": "+"}
                    for own, term in box.items:
                        yield (own if sign == "+" else flip[own]), term
                else:
                    tall = has_fraction(box) or _tall(box)
                    yield sign, Fence(box, big=tall) if isinstance(box, Terms) else box

    # -- sums ----------------------------------------------------------------------------------

    def _sum(self, dims: Shape, at: _Indices, term: Callable[[_Indices], Held]) -> Held:
        """Σ over some sizes of a term, the letters of the sum none that is in use."""
        if not dims:  # the sum of a number is the number
            return term(())
        if not self.expanded:
            free = (c for c in self.formulas.letters if c not in at)
            letters = tuple(itertools.islice(free, len(dims)))
            box, grip = term(letters)
            under: list[Box] = []
            for letter in letters:
                under += [Operator("comma")] * bool(under) + [name_box(letter)]
            body = Fence(box, big=has_fraction(box)) if grip == "sum" else box
            return BigSum(Row(tuple(under)), None, body), "product"
        sizes = [dim.size for dim in dims]
        items: list[tuple[str, Box]] = []
        for place in self.formulas.places(sizes):
            if place is None:
                items.append(("+", Dots("across")))
                continue
            box, _ = term(place)
            if box != _ZERO:
                items += box.items if isinstance(box, Terms) else [("+", box)]
        if not items:
            return _ZERO, "atom"
        if len(items) == 1 and items[0][0] == "+":
            return items[0][1], "product"
        return Terms(tuple(items)), "sum"

    def _matmul(self, left: Node, right: Node, at: _Indices) -> Held:
        rows = len(self.formulas.shape(left)) - 1
        inner = self.formulas.shape(left)[-1:]

        def term(k: _Indices) -> Held:
            boxes = [self._factor(left, (*at[:rows], *k)), self._factor(right, (*k, *at[rows:]))]
            return _times(boxes), "product"

        return self._sum(inner, at, term)

    def along(self, arg: Node, axis: int | None, at: _Indices, *, kept: bool) -> Held:
        """The entry of a sum along an axis, or over all entries."""
        over = self.formulas.shape(arg)
        if axis is None:
            return self._sum(over, at, lambda k: self.held(arg, k))
        others = at[:axis] + (at[axis + 1 :] if kept else at[axis:])
        return self._sum(
            (over[axis],), others, lambda k: self.held(arg, (*others[:axis], *k, *others[axis:]))
        )

    # -- functions -----------------------------------------------------------------------------

    def _function(self, node: Node, at: _Indices) -> Held:
        formulas = self.formulas
        match node:
            case nodes.Apply("sqrt", arg):
                return Root(self.at(arg, at)), "atom"
            case nodes.Apply("abs", arg):
                body = self.at(arg, at)
                return Fence(body, big=_tall(body), bars=True), "atom"
            case nodes.Apply("exp", arg):
                return raised_box(Symbol("e"), self.at(arg, at)), "atom"
            case nodes.Apply(function, arg) if function[:1] == "d" and function[1:2].isupper():
                whole = Row((function_box(function[1:]), Fence(formulas.node(arg))))
                return partial_ratio(whole, formulas.element(arg, at)), "atom"
            case nodes.Apply(function, arg):
                body = self.at(arg, at)
                return Row((formulas.function(function), Fence(body, big=_tall(body)))), "atom"
            case nodes.Sum(arg, axis, kept):
                return self.along(arg, axis, at, kept=kept)
            case nodes.Mean(arg, axis, kept):
                over = formulas.shape(arg)
                sizes = over if axis is None else (over[axis],)
                below = side_by_side([self._size(dim) for dim in sizes])
                total, _ = self.along(arg, axis, at, kept=kept)
                return Fraction(total, below), "product"
            case nodes.LogSumExp(arg, axis, kept):
                total, _ = self._inner.along(nodes.Apply("exp", arg), axis, at, kept=kept)
                return Row((Word("log", upright=True), Fence(total, big=True))), "atom"
            case nodes.Softmax(arg, axis):
                grown = nodes.Apply("exp", arg)
                total, _ = self._inner.along(grown, axis, at, kept=True)
                return Fraction(self.at(grown, at), total), "product"
            case nodes.Norm(arg):
                square = nodes.Power(arg, _TWO)
                total, _ = self._inner.along(square, None, (), kept=False)
                return Root(total), "atom"
            case nodes.Trace(arg):
                return self._sum(formulas.shape(arg)[:1], (), lambda k: self.held(arg, k * 2))
            case nodes.Diag(arg) if len(formulas.shape(arg)) == 1:
                return _times([self._delta(at), self._factor(arg, at[:1])]), "product"
            case nodes.Diag(arg):
                return self.held(arg, at * 2)
        return formulas.element(node, at), "atom"

    def _size(self, dim: Dim) -> Box:
        return Number(str(dim.size)) if self.expanded else name_box(dim.symbol)


_TWO = nodes.Number(Rational(2))
_ZERO, _ONE = Number("0"), Number("1")


def _times(boxes: list[Box]) -> Box:
    """Factors side by side; those that are 1 are left out, and one that is 0 is all of them."""
    if _ZERO in boxes:
        return _ZERO
    return side_by_side([box for box in boxes if box != _ONE] or [_ONE])


def _factors(node: Node) -> Iterator[Node]:
    if isinstance(node, nodes.Multiply):
        yield from _factors(node.left)
        yield from _factors(node.right)
    else:
        yield node


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
            return _tall(body)
    return has_fraction(box)
