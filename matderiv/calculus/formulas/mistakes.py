"""The catalogue of mistakes that people make in a formula: each changes one part of it.

Seen from a wrong formula, a change is the repair: exercises plant mistakes in right formulas, and
checking looks for the change that makes a wrong formula right.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction

from matderiv.calculus.formulas.broadcasting import is_entrywise
from matderiv.calculus.formulas.flattened import chained, factors_of, formula_key
from matderiv.expression import nodes
from matderiv.expression.definitions import derivative
from matderiv.expression.nodes import Name, Node, Number, parts_with_rebuild
from matderiv.expression.shapes import Shape
from matderiv.expression.vocabulary import ELEMENTWISE

__all__ = ["CATALOGUE", "Edit", "Setting", "edits", "other_reduction", "plus"]

_MOST_FACTORS = 4  # of a product whose orders are all tried
_MATRIX = 2  # dimensions
_SMALL = tuple(Number(Fraction(n)) for n in (1, 2, 3))


@dataclass(frozen=True, slots=True)
class Edit:
    """A change of one part of a formula, `before` to `after`; `node` is the formula after it."""

    kind: str
    node: Node
    before: Node
    after: Node


@dataclass(frozen=True, slots=True, eq=False)
class Setting:
    """The formulas that mistakes are built from.

    `fitting`: the shape of a formula; None if its parts do not fit. `names` and `functions`: names
    that can be mistaken for each other. `primes`: f′ by f. Numbers, terms, factors of entrywise
    products and factors of matrix products: parts of right formulas. `slopes`: the body of f′ by
    the `formula_key` of the body of f, and the other way round.
    """

    fitting: Callable[[Node], Shape | None]
    names: tuple[str, ...] = ()
    functions: tuple[str, ...] = ()
    primes: Mapping[str, str] = field(default_factory=dict)
    numbers: tuple[Number, ...] = ()
    terms: tuple[Node, ...] = ()
    entry_factors: tuple[Node, ...] = ()
    factors: tuple[Node, ...] = ()
    slopes: Mapping[object, Node] = field(default_factory=dict)

    def is_matrix(self, node: Node) -> bool:
        """Whether a formula has rows and columns."""
        return len(self.fitting(node) or ()) == _MATRIX


@dataclass(frozen=True, slots=True)
class _At:
    """A part of a whole formula."""

    part: Node
    whole: Node
    setting: Setting


#: The formulas that a kind of mistake puts in the place of a part.
_Change = Callable[[_At], Iterator[Node]]


def edits(name: str, formula: Node, setting: Setting) -> Iterator[Edit]:
    """All changes of a formula by one row of the catalogue.

    >>> from matderiv.calculus.formulas.shaping import shapes_over
    >>> from matderiv.expression.parse import parse
    >>> from matderiv.expression.shapes import infer
    >>> from matderiv.expression.source import source
    >>> setting = Setting(shapes_over(infer(parse("L = Loss(X @ W)"))))
    >>> formula = parse("X @ W").loss.value
    >>> for name in ("transpose", "order", "operator"):
    ...     print(name, [source(edit.node) for edit in edits(name, formula, setting)])
    transpose ['X.T @ W', 'X @ W.T']
    order ['W @ X']
    operator ['X*W']
    """
    kind, change = CATALOGUE[name]
    for part, rebuild in parts_with_rebuild(formula):
        for other in change(_At(part, formula, setting)):
            if other != part:
                yield Edit(kind, rebuild(other), part, other)


# -- transposes and the order of factors -------------------------------------------------------


def _whole(at: _At) -> Iterator[Node]:
    """The whole stands transposed."""
    if at.part is at.whole:
        yield nodes.transposed(at.part)


def _transpose(at: _At) -> Iterator[Node]:
    """A name has lost its transpose, or has one too many."""
    if isinstance(at.part, nodes.Transpose) and at.part != at.whole:
        yield at.part.arg
    elif isinstance(at.part, Name) and at.part != at.whole and at.setting.is_matrix(at.part):
        yield nodes.Transpose(at.part)


def _transpose_part(at: _At) -> Iterator[Node]:
    """A factor of several names has lost its transpose."""
    part = at.part
    if part == at.whole or isinstance(part, nodes.Transpose | Name | Number):
        return  # the T of a transposed part is taken off above
    if at.setting.fitting(part) is None or at.setting.is_matrix(part):
        yield nodes.Transpose(part)


def _diagonal(at: _At) -> Iterator[Node]:
    """A vector stands in the place of its diagonal matrix."""
    shapes = [len(at.setting.fitting(part) or ()) for part in nodes.children(at.part)]
    match at.part, shapes:
        case ((nodes.Multiply(left, right) | nodes.MatMul(left, right)), [1, 2]):
            yield nodes.MatMul(nodes.Diag(left), right)
            yield nodes.MatMul(right, nodes.Diag(left))
        case ((nodes.Multiply(left, right) | nodes.MatMul(left, right)), [2, 1]):
            yield nodes.MatMul(nodes.Diag(right), left)
            yield nodes.MatMul(left, nodes.Diag(right))
    if len(at.setting.fitting(at.part) or ()) == 1:
        yield nodes.Diag(at.part)


def _order(at: _At) -> Iterator[Node]:
    """Factors of a product have changed places."""
    if isinstance(at.part, nodes.Outer):
        yield nodes.Outer(at.part.right, at.part.left)
    factors = factors_of(at.part)
    if 1 < len(factors) <= _MOST_FACTORS:
        yield from map(chained, itertools.permutations(factors))


def _operator(at: _At) -> Iterator[Node]:
    """@ for * or * for @."""
    part = at.part
    if isinstance(part, nodes.MatMul | nodes.Multiply):
        kind = nodes.Multiply if isinstance(part, nodes.MatMul) else nodes.MatMul
        if all(at.setting.fitting(child) != () for child in nodes.children(part)):
            yield kind(part.left, part.right)


def _division(at: _At) -> Iterator[Node]:
    """A division for a product, or a product for a division."""
    match at.part:
        case nodes.Multiply(left, right):
            yield nodes.Divide(left, right)
            yield nodes.Divide(right, left)
        case nodes.Divide(left, right):
            yield nodes.Multiply(left, right)


def _inverse_extra(at: _At) -> Iterator[Node]:
    """An inverse too many."""
    if isinstance(at.part, nodes.Inverse):
        yield at.part.arg


def _inverse_lost(at: _At) -> Iterator[Node]:
    """An inverse is left out."""
    shape = at.setting.fitting(at.part)
    if shape and len(shape) == _MATRIX and shape[0] == shape[1]:
        yield nodes.Inverse(at.part)


# -- signs and numbers -------------------------------------------------------------------------


def _sign(at: _At) -> Iterator[Node]:
    """A minus for a plus inside the formula; the sign of the whole is a factor."""
    match at.part:
        case nodes.Add(left, right):
            yield nodes.Subtract(left, right)
            yield nodes.Subtract(right, left)
        case nodes.Subtract(left, right):
            yield nodes.Add(left, right)
            yield nodes.Subtract(right, left)
        case nodes.Negate(arg):
            yield arg
        case Number(value):
            yield Number(-value)
        case Name() if at.part != at.whole:
            yield nodes.Negate(at.part)


def _exponent(at: _At) -> Iterator[Node]:
    """An exponent is another one; a power or a root is none, or is left out."""
    match at.part:
        case nodes.Power(base, Number(value)):
            for other in (value + 1, value - 1, 2 * value, value / 2, -value, Fraction(1)):
                yield base if other == 1 else nodes.Power(base, Number(other))
        case nodes.Apply("sqrt", arg):
            yield arg
        case Name() | nodes.Apply() | nodes.Norm() | nodes.Sum():
            yield nodes.Power(at.part, Number(Fraction(2)))
            yield nodes.Apply("sqrt", at.part)


def _wanted(setting: Setting) -> tuple[Number, ...]:
    return tuple(dict.fromkeys((*setting.numbers, *_SMALL)))


def _number(at: _At) -> Iterator[Node]:
    """A number is another one."""
    if isinstance(at.part, Number):
        yield from _wanted(at.setting)


def _coefficient(at: _At) -> Iterator[Node]:
    """A term lacks a number before it."""
    part = at.part
    if isinstance(part, nodes.Add | nodes.Subtract):
        for number in _wanted(at.setting):
            for left, right in ((number, nodes.ONE), (nodes.ONE, number)):
                if number != nodes.ONE:
                    yield type(part)(_times(left, part.left), _times(right, part.right))


def _multiple(at: _At) -> Iterator[Node]:
    """A part is to be multiplied or divided by a number."""
    if not isinstance(at.part, Number):
        for number in _wanted(at.setting):
            if number != nodes.ONE:
                yield nodes.Multiply(number, at.part)
                yield nodes.Divide(at.part, number)


# -- sums --------------------------------------------------------------------------------------


def _axis(at: _At) -> Iterator[Node]:
    """A sum or the like runs along another axis, or keeps it."""
    part = at.part
    if isinstance(part, nodes.Reduction | nodes.AlongAxis):
        for axis in (0, 1, None) if at.setting.is_matrix(part.arg) else (None,):
            if isinstance(part, nodes.AlongAxis):
                yield replace(part, axis=axis)
            else:
                yield replace(part, axis=axis, keepdims=False)
                yield replace(part, axis=axis, keepdims=True)


def _sum_extra(at: _At) -> Iterator[Node]:
    """A sum too many."""
    if isinstance(at.part, nodes.Sum | nodes.Mean | nodes.Trace):
        yield at.part.arg


def _sum_missing(at: _At) -> Iterator[Node]:
    """A sum is left out."""
    shape = at.setting.fitting(at.part)
    if shape and not isinstance(at.part, Number):
        yield nodes.Sum(at.part)
        if len(shape) == _MATRIX:
            for axis, kept in itertools.product((0, 1), (False, True)):
                yield nodes.Sum(at.part, axis, kept)


def other_reduction(part: Node) -> Iterator[Node]:
    """A mean for a sum, or a sum for a mean."""
    match part:
        case nodes.Sum(arg, axis, keepdims):
            yield nodes.Mean(arg, axis, keepdims)
        case nodes.Mean(arg, axis, keepdims):
            yield nodes.Sum(arg, axis, keepdims)


# -- terms and factors of the chain rule -------------------------------------------------------


def _extra(at: _At) -> Iterator[Node]:
    """A term too many."""
    if isinstance(at.part, nodes.Add | nodes.Subtract):
        yield at.part.left
        right = at.part.right
        yield right if isinstance(at.part, nodes.Add) else nodes.Negate(right)


def _missing(at: _At) -> Iterator[Node]:
    """A term is left out."""
    shape = at.setting.fitting(at.part)
    for term in at.setting.terms:
        if isinstance(at.part, Number) and isinstance(term, Number):
            continue  # one number for another
        if shape is not None and at.setting.fitting(term) in (shape, ()):
            yield plus(at.part, term)


def _part(at: _At) -> Iterator[Node]:
    """A factor too many."""
    match at.part:
        case nodes.Multiply(left, right) | nodes.MatMul(left, right):
            yield left
            yield right
        case nodes.Divide(left, _):
            yield left


def _chain(at: _At) -> Iterator[Node]:
    """A factor of the chain rule, entry by entry, is left out."""
    shape = at.setting.fitting(at.part)
    for factor in at.setting.entry_factors:
        own = at.setting.fitting(factor)
        if shape is None or own is None:
            continue
        if own == () and not isinstance(at.part, Number):
            yield nodes.Multiply(factor, at.part)  # a number stands before a matrix
            yield nodes.Divide(at.part, factor)
        elif shape in (own, ()):
            yield nodes.Multiply(at.part, factor)


def _left_out(at: _At) -> Iterator[Node]:
    """A factor of a matrix product is left out."""
    if isinstance(at.part, Number):
        return
    for factor in at.setting.factors:
        for one, g in itertools.product(
            (at.part, nodes.transposed(at.part)), (factor, nodes.transposed(factor))
        ):
            for left, right in ((g, one), (one, g)):
                outer, inner = at.setting.fitting(left), at.setting.fitting(right)
                if outer and inner and outer[-1] == inner[0]:
                    yield nodes.MatMul(left, right)


# -- functions and names -----------------------------------------------------------------------


def _prime(at: _At) -> Iterator[Node]:
    """A function f stands where f′ belongs, or f′ where f does."""
    part, primes = at.part, at.setting.primes
    if not isinstance(part, nodes.Apply) or not is_entrywise(part):
        return
    for table in (primes, {prime: f for f, prime in primes.items()}):
        if part.function in table:
            yield nodes.Apply(table[part.function], part.arg)
    if part.function in ELEMENTWISE and part.function not in ("step", "sign"):
        yield derivative(part.function, part.arg)


def _body(at: _At) -> Iterator[Node]:
    """The body of f stands where that of f′ belongs, or the other way round."""
    other = at.setting.slopes.get(formula_key(at.part))
    if other is not None:
        yield other


def _function(at: _At) -> Iterator[Node]:
    """One function stands in the place of another."""
    part = at.part
    if isinstance(part, nodes.Apply) and is_entrywise(part):
        common = ("exp", "log", "tanh", "sigmoid", "sin", "cos", "step")
        for name in dict.fromkeys((*at.setting.functions, *common)):
            yield nodes.Apply(name, part.arg)
    if isinstance(part, nodes.Apply) and part.function == "exp":  # not divided by their sum
        for axis in (1, 0, None) if at.setting.is_matrix(part) else (None,):
            yield nodes.Softmax(part.arg, axis)
    if isinstance(part, nodes.Softmax):
        yield nodes.Apply("exp", part.arg)


def _function_extra(at: _At) -> Iterator[Node]:
    """A function too many."""
    if isinstance(at.part, nodes.Apply) and is_entrywise(at.part):
        yield at.part.arg


def _function_lost(at: _At) -> Iterator[Node]:
    """A function is left out."""
    if not isinstance(at.part, Number | nodes.Apply):
        for name in (*at.setting.functions, "step"):
            yield nodes.Apply(name, at.part)


def _name(at: _At) -> Iterator[Node]:
    """One name stands in the place of another."""
    if isinstance(at.part, Name):
        yield from map(Name, at.setting.names)


#: The rows by name: the kind of the change, which says what it is called, and the change.
CATALOGUE: dict[str, tuple[str, _Change]] = {
    "whole": ("whole", _whole),
    "transpose": ("transpose", _transpose),
    "transposed part": ("transpose", _transpose_part),
    "order": ("order", _order),
    "diagonal": ("diagonal", _diagonal),
    "operator": ("operator", _operator),
    "division": ("operator", _division),
    "inverse too many": ("inverse_extra", _inverse_extra),
    "inverse left out": ("inverse_lost", _inverse_lost),
    "sign": ("sign", _sign),
    "exponent": ("number", _exponent),
    "number": ("number", _number),
    "coefficient": ("number", _coefficient),
    "multiple": ("number", _multiple),
    "axis": ("axis", _axis),
    "sum too many": ("sum_extra", _sum_extra),
    "sum left out": ("sum_missing", _sum_missing),
    "mean or sum": ("name", lambda at: other_reduction(at.part)),
    "term too many": ("extra", _extra),
    "term left out": ("missing", _missing),
    "factor too many": ("part", _part),
    "chain": ("chain", _chain),
    "factor left out": ("left_out", _left_out),
    "prime": ("prime", _prime),
    "body": ("prime", _body),
    "function": ("name", _function),
    "function too many": ("function_extra", _function_extra),
    "function left out": ("function_lost", _function_lost),
    "name": ("name", _name),
}


# -- sums and products -------------------------------------------------------------------------


def plus(node: Node, term: Node) -> Node:
    """A sum, or a difference where the term is negative."""
    match term:
        case nodes.Negate(arg):
            return nodes.Subtract(node, arg)
        case Number(value) if value < 0:
            return nodes.Subtract(node, Number(-value))
    return nodes.Add(node, term)


def _times(number: Number, node: Node) -> Node:
    """A term with a number before it, as it is written."""
    match node:
        case _ if number == nodes.ONE:
            return node
        case Number(value):
            return Number(value * number.value)
        case nodes.Multiply(left, right) | nodes.MatMul(left, right):
            return type(node)(_times(number, left), right)
    return nodes.Multiply(number, node)
