"""The general entries of expressions in index notation, by definition of each kind of node."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from fractions import Fraction

from matderiv.calculus.forms import (
    ONE,
    Call,
    Entry,
    Form,
    Index,
    Raised,
    Term,
    TooLarge,
    Whole,
    added,
    constant,
    difference,
    multiplied,
    scaled,
    single,
)
from matderiv.errors import InputError, UnsupportedError
from matderiv.expression import nodes
from matderiv.expression.nodes import Node
from matderiv.expression.shapes import Dim, Shape
from matderiv.expression.source import source

__all__ = ["Entries"]

_MAX_BITS = 4096  # of an exact number
_SHORT = 8  # the largest power of a sum that is multiplied out


class Entries:
    """The general entries of expressions, by definition of each kind of node.

    `definitions` are unfolded wherever their names occur; `functions` are the bodies of known
    functions with names of their own. With `written`, sums are written out at the sizes.
    """

    def __init__(
        self,
        shapes: Mapping[str, Shape],
        definitions: Mapping[str, Node],
        functions: Mapping[str, Callable[[Node], Node]],
        *,
        written: bool = False,
    ) -> None:
        self._shapes = shapes
        self._definitions = definitions
        self._functions = functions
        self._written = written
        self._fresh = itertools.count()
        self._known: dict[Node, Shape] = {}

    def at(self, node: Node, *indices: Index) -> Form:
        """The entry of an array at given indices, letters or numbers from 1.

        Raises:
            TooLarge: it is not multiplied out.
            InputError: it divides by zero.
        """
        match node:
            case nodes.Number(value):
                return constant(value)
            case nodes.Name(name):
                if name in self._definitions:
                    return self.at(self._definitions[name], *indices)
                return single(Entry(name, indices))
            case nodes.Negate(arg):
                return scaled(self.at(arg, *indices), Fraction(-1))
            case nodes.Transpose(arg):
                return self.at(arg, *indices[::-1])
            case nodes.Sum(arg):
                return self._summed(self.shape(arg), lambda *places: self.at(arg, *places))
            case nodes.MatMul(left, right):
                return self._matmul(left, right, indices)
            case nodes.Apply(function, arg):
                return self._apply(function, arg, indices)
            case nodes.Functional(function, arg):
                letters = tuple((self._letter(), dim.symbol) for dim in self.shape(arg))
                entry = self.at(arg, *(letter for letter, _ in letters))
                return single(Whole(function, letters, entry))
            case nodes.Add() | nodes.Subtract() | nodes.Multiply() | nodes.Divide():
                return self._entrywise(node, indices)
            case nodes.Power(left, right):
                return self._power(node, left, right, indices)
        raise UnsupportedError(f"{source(node)} has no entries that are known")

    def shape(self, node: Node) -> Shape:
        """The shape of an array whose parts are known to fit."""
        known = self._known.get(node)
        if known is None:
            known = self._known[node] = self._shape(node)
        return known

    def _shape(self, node: Node) -> Shape:
        match node:
            case nodes.Name(name):
                return self._shapes[name]
            case nodes.Number() | nodes.Sum() | nodes.Functional():
                return ()
            case nodes.Negate(arg) | nodes.Apply(_, arg):
                return self.shape(arg)
            case nodes.Transpose(arg):
                return self.shape(arg)[::-1]
            case nodes.MatMul(left, right):
                return (*self.shape(left)[:-1], *self.shape(right)[-2:][1:])
        shapes = [self.shape(child) for child in nodes.children(node)]
        longest = max(map(len, shapes), default=0)
        columns = zip(*(((None,) * (longest - len(s)) + s) for s in shapes), strict=True)
        return tuple(_broadcast(dims) for dims in columns)

    def _operand(self, node: Node, indices: tuple[Index, ...], result: Shape) -> Form:
        """An operand's entry: the last indices, and 1 where its only row or column is repeated."""
        shape = self.shape(node)
        last = zip(shape, result[len(result) - len(shape) :], strict=True)
        places = indices[len(indices) - len(shape) :]
        return self.at(
            node, *(i if own == dim else 1 for i, (own, dim) in zip(places, last, strict=True))
        )

    def _entrywise(self, node: Node, indices: tuple[Index, ...]) -> Form:
        result = self.shape(node)
        left, right = nodes.children(node)
        one, other = self._operand(left, indices, result), self._operand(right, indices, result)
        match node:
            case nodes.Add():
                return added((one, other))
            case nodes.Subtract():
                return difference(one, other)
            case nodes.Multiply():
                return multiplied(one, other)
        return multiplied(one, _to_the(other, -1, node))

    def _power(self, node: Node, left: Node, right: Node, indices: tuple[Index, ...]) -> Form:
        result = self.shape(node)
        exponent = self._operand(right, indices, result)
        base = self._operand(left, indices, result)
        if not exponent:
            return constant(Fraction(1))
        whole = exponent[0][1] if len(exponent) == 1 and exponent[0][0] == ONE else Fraction(1, 2)
        if whole.denominator != 1:
            return (
                constant(Fraction(1))
                if base == constant(Fraction(1))
                else single(Raised(base, exponent))
            )
        power = int(whole)
        if 0 < power <= _SHORT and (len(base) != 1 or base[0][0].bound):
            made = base
            for _ in range(power - 1):  # worked out anew, for bound letters of its own
                made = multiplied(made, self._operand(left, indices, result))
            return made
        return _to_the(base, power, node)

    def _matmul(self, left: Node, right: Node, indices: tuple[Index, ...]) -> Form:
        rows = len(self.shape(left)) - 1
        inner = self.shape(left)[-1]

        def term(k: Index) -> Form:
            return multiplied(self.at(left, *indices[:rows], k), self.at(right, k, *indices[rows:]))

        return self._summed((inner,), term)

    def _summed(self, shape: Shape, term: Callable[..., Form]) -> Form:
        if self._written:
            ranges = (range(1, dim.size + 1) for dim in shape)
            return added(term(*places) for places in itertools.product(*ranges))
        bound = tuple((self._letter(), dim.symbol) for dim in shape)
        inside = term(*(letter for letter, _ in bound))
        return tuple((Term(t.atoms, t.bound + bound), c) for t, c in inside)

    def _apply(self, function: str, arg: Node, indices: tuple[Index, ...]) -> Form:
        body = self._functions.get(function)
        if body is not None:
            return self.at(body(arg), *indices)
        entry = self.at(arg, *indices)
        if function == "sqrt":
            return single(Raised(entry, constant(Fraction(1, 2))))
        return single(Call(function, entry))

    def _letter(self) -> str:
        return f"_{next(self._fresh)}"


def _broadcast(dims: tuple[Dim | None, ...]) -> Dim:
    known = [dim for dim in dims if dim is not None]
    return next((dim for dim in known if dim.size != 1), known[0])


def _to_the(form: Form, power: int, node: Node) -> Form:
    """A form to a whole power: a product's is the product of its atoms' powers."""
    if not form:
        if power > 0:
            return ()
        raise InputError(f"{source(node)} divides by zero; write another divisor.")
    (term, number), *more = form
    if more or term.bound:
        return single(Raised(form, None), power)
    bits = max(abs(number.numerator).bit_length(), number.denominator.bit_length())
    if abs(number) != 1 and abs(power) * bits > _MAX_BITS:
        raise TooLarge("a number is too large")
    return ((Term(tuple((a, p * power) for a, p in term.atoms)), number**power),)
