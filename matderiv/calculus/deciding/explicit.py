"""Expressions worked out entry by entry, as NumPy arrays of SymPy expressions at given sizes.

This is NumPy's meaning of every node and nothing else: no derivative, no index notation.
"""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from functools import cache, cmp_to_key
from typing import Any, cast

import numpy as np
import sympy as sp

from matderiv.errors import TooLarge, UnsupportedError
from matderiv.expression import nodes
from matderiv.expression.definitions import defined, unfolded
from matderiv.expression.dims import Dim, Shape
from matderiv.expression.functions import FUNCTIONS
from matderiv.expression.index_maps import gathered
from matderiv.expression.index_values import (
    Values,
    filled_with,
    moved,
    put_together,
    selection_values,
)
from matderiv.expression.nodes import Node
from matderiv.expression.numeric import rearrange
from matderiv.expression.size_text import size_number

__all__ = ["Explicit", "sympy_sum", "undefined_function", "value_of"]

#: Rows up to which an inverse or a determinant is written as the sum over all permutations.
_MOST_ROWS = 4
_MOST = 100_000  # entries of an array


_INFINITE = frozenset({sp.oo, -sp.oo, sp.zoo, sp.nan})


def sympy_sum(terms: Iterable[sp.Expr]) -> sp.Expr:
    """`sp.Add(*terms)`, at once where there are no like terms.

    The first sum that SymPy makes by itself loads its tensors and groups, which takes a third as
    long as to load SymPy.


    >>> x, y = sp.symbols("x y")
    >>> sympy_sum([2 * y, x, sp.S.Zero]), sympy_sum([x, y, 2 * x])
    (x + 2*y, 3*x + y)
    """
    found = [part for term in terms for part in sp.Add.make_args(term) if part != 0]
    alike = len({part.as_coeff_Mul()[1] for part in found}) < len(found)
    if alike or not found[1:] or not _INFINITE.isdisjoint(found):
        return sp.Add(*found)
    found.sort(key=cmp_to_key(sp.Basic.compare))
    numbers = [part for part in found if part.is_Number]
    found = [*numbers, *(part for part in found if not part.is_Number)]
    return cast("sp.Expr", sp.Add(*found, evaluate=False))


@cache
def undefined_function(name: str, by: tuple[int, ...] = ()) -> Callable[..., sp.Expr]:
    """f, or its derivative by some of its arguments, as a function with a derivative by name.

    SymPy's own `Function("f")` answers f(2u).diff(u) with a `Subs` of a `Derivative`, and two of
    one name share its cache; each of these is equal to itself only.

    >>> u = sp.Symbol("u")
    >>> undefined_function("f")(2 * u).diff(u)
    2*df(2*u)
    """

    def fdiff(self: sp.Expr, argindex: int = 1) -> sp.Expr:
        return undefined_function(name, tuple(sorted((*by, argindex))))(*self.args)

    of_one = all(index == 1 for index in by)
    printed = "d" * len(by) + name + ("" if of_one else "_" + "_".join(map(str, by)))
    facts = {"fdiff": fdiff, "is_real": True, "is_commutative": True, "undefined": (name, by)}
    made = type(sp.Function)(printed, (sp.Function,), facts)
    return cast("Callable[..., sp.Expr]", made)


class _IsZero(sp.Function):
    """1 where u is 0, else 0; its derivative is 0 wherever there is one."""

    is_real = True

    @classmethod
    def eval(cls, u: sp.Expr) -> sp.Expr | None:
        """The value for a number."""
        return sp.Integer(u == 0) if u.is_Number else None

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        """The derivative."""
        del argindex
        return sp.S.Zero


class _Floor(_IsZero):
    """The largest whole number that is not above u."""

    @classmethod
    def eval(cls, u: sp.Expr) -> sp.Expr | None:
        """The value for a number."""
        return sp.floor(u) if u.is_Number else None


class _Round(_IsZero):
    """The whole number next to u, the even one of two."""

    @classmethod
    def eval(cls, u: sp.Expr) -> sp.Expr | None:
        """The value for a rational number."""
        return sp.Integer(round(u)) if u.is_Number else None


class _Largest(sp.Function):
    """The largest of its arguments: `sp.Max` compares expressions with each other, for long."""

    is_real = True

    @classmethod
    def eval(cls, *args: sp.Expr) -> sp.Expr | None:
        """The value for numbers."""
        return cast("sp.Expr", max(args)) if all(arg.is_Number for arg in args) else None

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        """1 for the largest argument, 0 for the others."""
        return cast("sp.Expr", _IsZero(self.args[argindex - 1] - self))


class Explicit:
    """Works out expressions entry by entry, given arrays for names or definitions of them.

    `functions`: the names of the undefined functions. `check`: is called with the array of each
    node, and may raise an error to stop.
    """

    def __init__(
        self,
        known: Mapping[str, Values],
        definitions: Mapping[str, tuple[Node, tuple[int, ...]]],
        sizes: Mapping[str, int],
        functions: Collection[str],
        check: Callable[[Values], Values] = lambda array: array,
    ) -> None:
        self._found = dict(known)
        self._definitions = definitions
        self._sizes = sizes
        self._functions = functions
        self._check = check

    def name(self, name: str) -> Values:
        """The array of a name, repeated to the shape that its definition has."""
        if name not in self._found:
            if name not in self._definitions:
                raise UnsupportedError(f"{name} has no value")
            value, shape = self._definitions[name]
            self._found[name] = np.broadcast_to(self.of(value), shape)
        return self._found[name]

    def of(self, node: Node) -> Values:
        """The array that an expression is; of a number it has no axes.

        Raises:
            UnsupportedError: there is no meaning of a node here, or it is too large.
        """
        if isinstance(node, nodes.Name):
            return self.name(node.name)
        operands = [self.of(child) for child in nodes.children(node)]
        if (rule := _PLAIN.get(type(node))) is not None:
            made = rule(*operands)
        elif (rule := _RULES.get(type(node))) is not None:
            made = rule(self, node, *operands)
        else:
            return self.of(unfolded(node, "explicit entries"))
        return self._check(np.asarray(made, dtype=object))

    def shape(self, sizes: Iterable[int | str]) -> tuple[int, ...]:
        """The shape of these sizes, if an array of it is not too large."""
        shape = tuple(size_number(size, self._sizes) for size in sizes)
        if math.prod(shape) > _MOST:
            raise TooLarge(f"an array of {math.prod(shape)} entries is too large for SymPy")
        return shape

    def called(self, function: str, arg: Values, *, whole: bool) -> Values:
        """The function of each entry, or of the whole array; dLoss(Y) is as large as Y."""
        if function in FUNCTIONS:
            return self._known(function, arg)
        if function in self._functions:
            f = undefined_function(function)
            return filled_with((), [f(*arg.flat)]) if whole else _each(f, arg)
        if function[:1] != "d" or function[1:] not in self._functions:
            raise UnsupportedError(f"there is no function {function} in the program")
        of = function[1:]
        if of[0].islower():
            return _each(undefined_function(of, (1,)), arg)
        rates = (undefined_function(of, (n,)) for n in range(1, arg.size + 1))
        return filled_with(arg.shape, (rate(*arg.flat) for rate in rates))

    def _known(self, function: str, arg: Values) -> Values:
        """The value of a known function: SymPy's own, or by its definition."""
        named = FUNCTIONS[function].sympy(function)
        if named is not None:
            return _each(_OWN.get(named) or getattr(sp, named), arg)
        value = defined(function, nodes.Name("u"))
        if value is None:
            raise UnsupportedError(f"SymPy has no function {function}")
        return Explicit({"u": arg}, {}, self._sizes, ()).of(value)

    def moved(self, node: nodes.Mapped, arg: Values) -> Values:
        """The entries moved, with zeros of SymPy's."""
        return _each(sp.sympify, moved(node, arg, self._sizes))

    def constant(self, node: nodes.Selection) -> Values:
        """The zeros and ones of a constant."""
        self.shape(node.sizes)
        return _each(sp.sympify, selection_values(node, self._sizes))

    def gathered(self, node: nodes.Gathered, array: Values, labels: Values) -> Values:
        """Entries at labels, as the product with the one-hot rows of the labels."""
        within = Explicit({"A": array, "y": labels}, {}, self._sizes, ())
        shapes: dict[Node, Shape] = {
            nodes.Name(name): tuple(Dim(str(n), n) for n in own.shape)
            for name, own in (("A", array), ("y", labels))
        }
        apart = replace(node, array=nodes.Name("A"), labels=nodes.Name("y"))
        return within.of(gathered(apart, shapes.__getitem__))


def _each(function: Callable[..., object], *arrays: Values) -> Values:
    """A function of the entries of arrays, entry by entry."""
    return np.asarray(np.frompyfunc(function, len(arrays), 1)(*arrays), dtype=object)


_OWN: dict[str, Callable[..., sp.Expr]] = {
    name: cast("Callable[..., sp.Expr]", kind)
    for name, kind in {"iszero": _IsZero, "floor": _Floor, "round": _Round}.items()
}


def value_of(function: str, arg: sp.Expr, functions: Collection[str]) -> sp.Expr:
    """f(u), known or among the undefined functions of a program, or f′(u) of one of these.

    >>> value_of("softplus", sp.Symbol("u"), ()), value_of("df", sp.Symbol("u"), {"f"})
    (log(exp(u) + 1), df(u))
    """
    found = Explicit({}, {}, {}, functions).called(function, filled_with((), [arg]), whole=False)
    return cast("sp.Expr", found[()])


# -- rules: each from the arrays of the operands -------------------------------------------------


def _along_last(of: Callable[[list[sp.Expr]], sp.Expr], array: Values) -> Values:
    """One number of each row along the last axis."""
    shape = array.shape[:-1]
    return filled_with(shape, (of(list(array[at])) for at in np.ndindex(shape)))


def _matmul(left: Values, right: Values) -> Values:
    """Σ_k a_ik b_kj, the last index of A with the last but one of B."""
    if right.ndim > 1:
        right = np.swapaxes(right, -1, -2)
        if left.ndim > 1:
            left, right = left[..., :, None, :], right[..., None, :, :]
    return _along_last(sympy_sum, left * right)


def _diag(arg: Values) -> Values:
    if arg.ndim > 1:
        return np.diagonal(arg)
    return _exact(np.eye(len(arg), dtype=np.int64)) * arg


def _exact(array: Values) -> Values:
    return _each(sp.Integer, array)


def _determinant(arg: Values) -> sp.Expr:
    rows = tuple(range(len(arg)))
    return _minor(arg, rows, rows)


def _minor(arg: Values, rows: tuple[int, ...], cols: tuple[int, ...]) -> sp.Expr:
    """Σ over all permutations, each with its sign."""
    if len(rows) > _MOST_ROWS:
        size = f"{len(rows)}×{len(rows)}"
        raise TooLarge(f"the inverse or determinant of a {size} matrix has too many terms")
    terms = []
    for order in itertools.permutations(range(len(rows))):
        swaps = sum(a > b for a, b in itertools.combinations(order, 2))
        factors = (arg[row, cols[n]] for row, n in zip(rows, order, strict=True))
        terms.append((-1) ** swaps * sp.Mul(*factors))
    return sympy_sum(terms)


def _inverse(arg: Values) -> Values:
    """The cofactors of the transpose, each divided by the determinant."""
    determinant = _determinant(arg)
    if determinant == 0:
        raise ZeroDivisionError
    rows = range(len(arg))

    def entry(at: tuple[int, ...]) -> sp.Expr:
        above, below = (tuple(k for k in rows if k != place) for place in at[::-1])
        return (-1) ** sum(at) * _minor(arg, above, below) / determinant

    return filled_with(arg.shape, map(entry, np.ndindex(arg.shape)))


_PLAIN: dict[type, Callable[..., Any]] = {
    nodes.Pi: lambda: sp.pi,
    nodes.Add: lambda a, b: _each(lambda x, y: sympy_sum((x, y)), a, b),
    nodes.Subtract: lambda a, b: _each(lambda x, y: sympy_sum((x, -y)), a, b),
    nodes.Multiply: operator.mul,
    nodes.Divide: operator.truediv,
    nodes.Power: operator.pow,
    nodes.Negate: operator.neg,
    nodes.MatMul: _matmul,
    nodes.Outer: np.multiply.outer,
    nodes.Transpose: np.transpose,
    nodes.Diag: _diag,
    nodes.Determinant: _determinant,
    nodes.Inverse: _inverse,
}


# -- rules that also depend on the node's axis, sizes or function --------------------------------


def _reduced(of: Callable[[list[sp.Expr]], sp.Expr]) -> Callable[..., Values]:
    """One number of all entries, or of those along an axis."""

    def rule(_: Explicit, node: nodes.Reduction, arg: Values) -> Values:
        rows = arg.reshape(-1) if node.axis is None else np.moveaxis(arg, node.axis, -1)
        made = _along_last(of, rows)
        if not node.keepdims:
            return made
        axes = tuple(range(arg.ndim)) if node.axis is None else node.axis
        return np.expand_dims(made, axes)

    return rule


def _largest(entries: list[sp.Expr]) -> sp.Expr:
    return cast("sp.Expr", _Largest(*entries)) if entries[1:] else entries[0]


def _one_hot(by: Explicit, node: nodes.OneHot, labels: Values) -> Values:
    """1 where a label is the place, as quantities that add up to 1 over the places of a label."""
    shape = (*labels.shape, *by.shape([node.size]))

    def entry(at: tuple[int, ...]) -> sp.Expr:
        *row, place = at
        if place == shape[-1] - 1:
            return sympy_sum([sp.S.One, *(-entry((*row, n)) for n in range(place))])
        return sp.Symbol(f"[{labels[tuple(row)]} = {place}]", real=True)

    return filled_with(shape, map(entry, np.ndindex(shape)))


_RULES: dict[type, Callable[..., Any]] = {
    nodes.Number: lambda _, node: sp.Rational(*node.value.as_integer_ratio()),
    nodes.Size: lambda by, node: sp.Integer(*by.shape([node.symbol])),
    nodes.Eye: lambda by, node: _exact(np.eye(*by.shape([node.size] * 2), dtype=np.int64)),
    nodes.Ones: lambda by, node: _exact(np.ones(by.shape(node.sizes), dtype=np.int64)),
    nodes.Selection: Explicit.constant,
    nodes.OneHot: _one_hot,
    nodes.Mapped: Explicit.moved,
    nodes.Joined: lambda _, node, left, right: put_together(node, left, right),
    nodes.Gathered: Explicit.gathered,
    nodes.Apply: lambda by, node, arg: by.called(node.function, arg, whole=False),
    nodes.Functional: lambda by, node, arg: by.called(node.function, arg, whole=True),
    nodes.Rearrange: lambda _, node, arg: rearrange(arg, node),
    nodes.Sum: _reduced(sympy_sum),
    nodes.Mean: _reduced(lambda entries: sympy_sum(entries) / len(entries)),
    nodes.Prod: _reduced(lambda entries: sp.Mul(*entries)),
    nodes.Max: _reduced(_largest),
}
