"""Expressions worked out entry by entry, as arrays of SymPy expressions at given sizes.

This is NumPy's meaning of every node and nothing else: no derivative, no index notation.
"""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache, cmp_to_key
from typing import TYPE_CHECKING, cast

import sympy as sp

from matderiv.errors import ShapeError, TooLarge, UnsupportedError
from matderiv.expression import nodes
from matderiv.expression.definitions import defined, unfolded
from matderiv.expression.dims import Dim, Shape
from matderiv.expression.functions import FUNCTIONS
from matderiv.expression.index_maps import gathered
from matderiv.expression.nodes import Node
from matderiv.expression.size_text import size_number
from matderiv.expression.source import source

if TYPE_CHECKING:
    from matderiv.expression.index_values import Values

__all__ = ["Explicit", "SympyArray", "sympy_sum", "undefined_function", "value_of"]

#: Rows up to which an inverse or a determinant is written as the sum over all permutations.
_MOST_ROWS = 4
_MOST = 100_000  # entries of an array


@dataclass(frozen=True, slots=True)
class SympyArray:
    """The entries of an array in row-major order; of a number the only one."""

    shape: tuple[int, ...]
    entries: tuple[sp.Expr, ...]

    def map(self, function: Callable[[sp.Expr], sp.Expr]) -> SympyArray:
        """f(a), entry by entry."""
        return SympyArray(self.shape, tuple(map(function, self.entries)))

    def at(self, indices: Iterable[int]) -> sp.Expr:
        """The entry at indices that count from 0."""
        place = 0
        for index, size in zip(indices, self.shape, strict=True):
            place = place * size + index
        return self.entries[place]

    def spread(self, shape: tuple[int, ...]) -> SympyArray:
        """The array repeated to a shape, as NumPy repeats it."""
        if shape == self.shape:
            return self
        lead = len(shape) - len(self.shape)
        if lead < 0 or any(
            own not in (1, n) for own, n in zip(self.shape, shape[lead:], strict=True)
        ):
            raise ShapeError(f"an array of shape {self.shape} is not repeated to {shape}")
        return _array(
            shape,
            lambda at: self.at(
                0 if size == 1 else i for i, size in zip(at[lead:], self.shape, strict=True)
            ),
        )


def _array(shape: tuple[int, ...], entry: Callable[[tuple[int, ...]], sp.Expr]) -> SympyArray:
    if math.prod(shape) > _MOST:
        raise TooLarge(f"an array of {math.prod(shape)} entries is too large for SymPy")
    places = itertools.product(*map(range, shape))
    return SympyArray(shape, tuple(entry(at) for at in places))


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
        known: Mapping[str, SympyArray],
        definitions: Mapping[str, tuple[Node, tuple[int, ...]]],
        sizes: Mapping[str, int],
        functions: Collection[str],
        check: Callable[[SympyArray], SympyArray] = lambda array: array,
    ) -> None:
        self._found = dict(known)
        self._definitions = definitions
        self.sizes = sizes
        self._functions = functions
        self._check = check

    def name(self, name: str) -> SympyArray:
        """The array of a name, repeated to the shape that its definition has."""
        if name not in self._found:
            if name not in self._definitions:
                raise UnsupportedError(f"{name} has no value")
            value, shape = self._definitions[name]
            self._found[name] = self.of(value).spread(shape)
        return self._found[name]

    def of(self, node: Node) -> SympyArray:
        """The array that an expression is.

        Raises:
            UnsupportedError: there is no meaning of a node here, or it is too large.
        """
        if isinstance(node, nodes.Name):
            return self.name(node.name)
        kind = type(node)
        if kind in _PLAIN or kind in _RULES:
            operands = map(self.of, nodes.children(node))
            made = (
                _PLAIN[kind](*operands) if kind in _PLAIN else _RULES[kind](self, node, *operands)
            )
            return self._check(made)
        return self.of(unfolded(node, "explicit entries"))

    def size(self, size: int | str) -> int:
        """The value of a size."""
        return size_number(size, self.sizes)

    def called(self, function: str, arg: SympyArray, *, whole: bool) -> SympyArray:
        """The function of each entry, or of the whole array; dLoss(Y) is as large as Y."""
        if function in FUNCTIONS:
            return self._known(function, arg)
        if function in self._functions:
            f = undefined_function(function)
            return SympyArray((), (f(*arg.entries),)) if whole else arg.map(f)
        if function[:1] != "d" or function[1:] not in self._functions:
            raise UnsupportedError(f"there is no function {function} in the program")
        of = function[1:]
        if of[0].islower():
            return arg.map(undefined_function(of, (1,)))
        rates = (undefined_function(of, (n,)) for n in range(1, len(arg.entries) + 1))
        return SympyArray(arg.shape, tuple(rate(*arg.entries) for rate in rates))

    def undefined_in(self, name: str) -> tuple[str, int]:
        """The function of the program that a name is a derivative of, and of which order.

        Raises:
            UnsupportedError: it is not one of the program.
        """
        for order in range(len(name)):
            if name[order:] in self._functions:
                return name[order:], order
            if name[order] != "d":
                break
        raise UnsupportedError(f"there is no function {name} in the program")

    def _known(self, function: str, arg: SympyArray) -> SympyArray:
        """The value of a known function: SymPy's own, or by its definition."""
        named = FUNCTIONS[function].sympy(function)
        if named is not None:
            return arg.map(_OWN.get(named) or getattr(sp, named))
        value = defined(function, nodes.Name("u"))
        if value is None:
            raise UnsupportedError(f"SymPy has no function {function}")
        within = Explicit({"u": arg}, {}, self.sizes, ())
        return within.of(value)


def _step(u: sp.Expr) -> sp.Expr:
    """0 at 0, where SymPy has 1/2."""
    return cast("sp.Expr", sp.S.Zero if u.is_zero else sp.Heaviside(u))


_OWN: dict[str, Callable[..., sp.Expr]] = {
    name: cast("Callable[..., sp.Expr]", kind)
    for name, kind in {
        "iszero": _IsZero,
        "floor": _Floor,
        "round": _Round,
        "Heaviside": _step,
    }.items()
}


def value_of(function: str, arg: sp.Expr, functions: Collection[str]) -> sp.Expr:
    """f(u), known or among the undefined functions of a program, or f′(u) of one of these.

    >>> value_of("softplus", sp.Symbol("u"), ()), value_of("df", sp.Symbol("u"), {"f"})
    (log(exp(u) + 1), df(u))
    """
    explicit = Explicit({}, {}, {}, functions)
    return explicit.called(function, SympyArray((), (arg,)), whole=False).entries[0]


# -- rules: each from the arrays of the operands -------------------------------------------------


def _entrywise(operation: Callable[..., sp.Expr]) -> Callable[..., SympyArray]:
    def rule(*operands: SympyArray) -> SympyArray:
        shape = _joined([one.shape for one in operands])
        spread = [one.spread(shape).entries for one in operands]
        return SympyArray(shape, tuple(map(operation, *spread)))

    return rule


def _joined(shapes: list[tuple[int, ...]]) -> tuple[int, ...]:
    """The shape that NumPy repeats arrays of some shapes to."""
    most = max(map(len, shapes))
    padded = [(1,) * (most - len(shape)) + shape for shape in shapes]
    return tuple(next((n for n in sizes if n != 1), 1) for sizes in zip(*padded, strict=True))


def _matmul(left: SympyArray, right: SympyArray) -> SympyArray:
    """Σ_k a_ik b_kj, the last index of A with the last but one of B."""
    stack = _joined([left.shape[:-2], right.shape[:-2]])
    rows = left.shape[-2:-1]
    cols = right.shape[-1:] if len(right.shape) > 1 else ()
    one = left.spread((*stack, *left.shape[-2:])) if rows else left
    other = right.spread((*stack, *right.shape[-2:])) if cols else right

    def entry(at: tuple[int, ...]) -> sp.Expr:
        middle = len(stack) + len(rows)
        before, row, col = at[: len(stack)], at[len(stack) : middle], at[middle:]
        first, second = (*before, *row) if rows else (), before if cols else ()
        return sympy_sum(
            one.at((*first, k)) * other.at((*second, k, *col)) for k in range(left.shape[-1])
        )

    return _array((*stack, *rows, *cols), entry)


def _outer(left: SympyArray, right: SympyArray) -> SympyArray:
    products = itertools.starmap(operator.mul, itertools.product(left.entries, right.entries))
    return SympyArray((*left.shape, *right.shape), tuple(products))


def _diag(arg: SympyArray) -> SympyArray:
    if len(arg.shape) > 1:
        return _array(arg.shape[:1], lambda at: arg.at(at * 2))
    return _array(arg.shape * 2, lambda at: arg.at(at[:1]) if at[0] == at[1] else sp.S.Zero)


def _determinant(arg: SympyArray) -> SympyArray:
    rows = tuple(range(arg.shape[0]))
    return SympyArray((), (_minor(arg, rows, rows),))


def _minor(arg: SympyArray, rows: tuple[int, ...], cols: tuple[int, ...]) -> sp.Expr:
    """Σ over all permutations, each with its sign."""
    if len(rows) > _MOST_ROWS:
        size = f"{len(rows)}×{len(rows)}"
        raise TooLarge(f"the inverse or determinant of a {size} matrix has too many terms")
    terms = []
    for order in itertools.permutations(range(len(rows))):
        swaps = sum(a > b for a, b in itertools.combinations(order, 2))
        factors = (arg.at((row, cols[n])) for row, n in zip(rows, order, strict=True))
        terms.append((-1) ** swaps * sp.Mul(*factors))
    return sympy_sum(terms)


def _inverse(arg: SympyArray) -> SympyArray:
    """The cofactors of the transpose, each divided by the determinant."""
    (determinant,) = _determinant(arg).entries
    if determinant == 0:
        raise ZeroDivisionError
    rows = range(arg.shape[0])

    def entry(at: tuple[int, ...]) -> sp.Expr:
        above, below = (tuple(k for k in rows if k != place) for place in at[::-1])
        return (-1) ** sum(at) * _minor(arg, above, below) / determinant

    return _array(arg.shape, entry)


_PLAIN: dict[type, Callable[..., SympyArray]] = {
    nodes.Pi: lambda: SympyArray((), (sp.pi,)),
    nodes.Add: _entrywise(lambda a, b: sympy_sum((a, b))),
    nodes.Subtract: _entrywise(lambda a, b: sympy_sum((a, -b))),
    nodes.Multiply: _entrywise(operator.mul),
    nodes.Divide: _entrywise(operator.truediv),
    nodes.Power: _entrywise(operator.pow),
    nodes.Negate: _entrywise(lambda a: -a),
    nodes.MatMul: _matmul,
    nodes.Outer: _outer,
    nodes.Transpose: lambda arg: _array(arg.shape[::-1], lambda at: arg.at(at[::-1])),
    nodes.Diag: _diag,
    nodes.Determinant: _determinant,
    nodes.Inverse: _inverse,
}


# -- rules that also depend on the node's axis, sizes or function --------------------------------


def _reduced(of: Callable[[list[sp.Expr]], sp.Expr]) -> Callable[..., SympyArray]:
    """One number of all entries, or of those along an axis."""

    def rule(_: Explicit, node: nodes.Reduction, arg: SympyArray) -> SympyArray:
        axes = range(len(arg.shape))
        gone = set(axes) if node.axis is None else {axes[node.axis]}
        groups: dict[tuple[int, ...], list[sp.Expr]] = {}
        for at, entry in zip(itertools.product(*map(range, arg.shape)), arg.entries, strict=True):
            groups.setdefault(tuple(at[n] for n in axes if n not in gone), []).append(entry)
        shape = (1 if n in gone else arg.shape[n] for n in axes if node.keepdims or n not in gone)
        return SympyArray(tuple(shape), tuple(map(of, groups.values())))

    return rule


def _largest(entries: list[sp.Expr]) -> sp.Expr:
    return cast("sp.Expr", _Largest(*entries)) if entries[1:] else entries[0]


def _rearrange(_: Explicit, node: nodes.Rearrange, arg: SympyArray) -> SympyArray:
    axes = range(len(arg.shape))
    return _array(
        tuple(1 if axis is None else arg.shape[axis] for axis in node.order),
        lambda at: arg.at(at[node.order.index(axis)] for axis in axes),
    )


def _eye(by: Explicit, node: nodes.Eye) -> SympyArray:
    return _array((by.size(node.size),) * 2, lambda at: sp.Integer(at[0] == at[1]))


def _ones(by: Explicit, node: nodes.Ones) -> SympyArray:
    return _array(tuple(map(by.size, node.sizes)), lambda _: sp.S.One)


def _functional(by: Explicit, node: nodes.Functional, arg: SympyArray) -> SympyArray:
    """F(A): one function of all entries for each place; the last axes of dF(A) are those of A."""
    if not node.sizes:
        return by.called(node.function, arg, whole=True)
    of, order = by.undefined_in(node.function)
    places = len(node.sizes) - order * len(arg.shape)
    numbers = {at: n for n, at in enumerate(itertools.product(*map(range, arg.shape)), 1)}

    def entry(at: tuple[int, ...]) -> sp.Expr:
        rest = at[places:]
        each = (rest[k : k + len(arg.shape)] for k in range(0, len(rest), len(arg.shape) or 1))
        by_entries = tuple(sorted(numbers[place] for place in each)) or (1,) * order
        name = of + "".join(f"_{n + 1}" for n in at[:places])
        return undefined_function(name, by_entries)(*arg.entries)

    return _array(tuple(map(by.size, node.sizes)), entry)


def _selection(by: Explicit, node: nodes.Selection) -> SympyArray:
    from matderiv.expression.index_values import selection_values

    return _of_numpy(selection_values(node, by.sizes))


def _moved(by: Explicit, node: nodes.Mapped, arg: SympyArray) -> SympyArray:
    from matderiv.expression.index_values import moved

    return _of_numpy(moved(node, _to_numpy(arg), by.sizes))


def _reshaped(by: Explicit, node: nodes.Reshape, arg: SympyArray) -> SympyArray:
    from matderiv.expression.index_values import reshaped

    return _of_numpy(reshaped(node, _to_numpy(arg), by.sizes))


def _joined_arrays(
    _: Explicit, node: nodes.Joined, left: SympyArray, right: SympyArray
) -> SympyArray:
    from matderiv.expression.index_values import put_together

    return _of_numpy(put_together(node, _to_numpy(left), _to_numpy(right)))


def _gathered(
    by: Explicit, node: nodes.Gathered, array: SympyArray, labels: SympyArray
) -> SympyArray:
    within = Explicit({"A": array, "y": labels}, {}, by.sizes, ())
    shapes: dict[Node, Shape] = {
        nodes.Name(name): tuple(Dim(str(n), n) for n in own.shape)
        for name, own in (("A", array), ("y", labels))
    }
    apart = replace(node, array=nodes.Name("A"), labels=nodes.Name("y"))
    return within.of(gathered(apart, shapes.__getitem__))


def _one_hot(by: Explicit, node: nodes.OneHot, labels: SympyArray) -> SympyArray:
    """1 where a label is the place, as quantities that add up to 1 over the places of a label."""
    size = by.size(node.size)

    def entry(at: tuple[int, ...]) -> sp.Expr:
        *row, place = at
        label = labels.at(row)
        if place == size - 1:
            return sympy_sum([sp.S.One, *(-entry((*row, n)) for n in range(size - 1))])
        return sp.Symbol(f"[{label} = {place}]", real=True)

    return _array((*labels.shape, size), entry)


def _to_numpy(array: SympyArray) -> Values:
    from matderiv.expression.index_values import filled_with

    return filled_with(array.shape, array.entries)


def _of_numpy(array: Values) -> SympyArray:
    entries = array.reshape(-1).tolist()
    return SympyArray(array.shape, tuple(map(sp.sympify, entries)))


def _number(_: Explicit, node: nodes.Number) -> SympyArray:
    return SympyArray((), (sp.Rational(*node.value.as_integer_ratio()),))


def _no_expression(
    _: Explicit, node: nodes.MatrixFunction | nodes.Frechet, *__: SympyArray
) -> SympyArray:
    raise UnsupportedError(f"SymPy has no entries of {source(node)}")


_RULES: dict[type, Callable[..., SympyArray]] = {
    nodes.Number: _number,
    nodes.Size: lambda by, node: SympyArray((), (sp.Integer(by.size(node.symbol)),)),
    nodes.Eye: _eye,
    nodes.Ones: _ones,
    nodes.Selection: _selection,
    nodes.OneHot: _one_hot,
    nodes.Mapped: _moved,
    nodes.Reshape: _reshaped,
    nodes.Joined: _joined_arrays,
    nodes.Gathered: _gathered,
    nodes.Apply: lambda by, node, arg: by.called(node.function, arg, whole=False),
    nodes.Functional: _functional,
    nodes.MatrixFunction: _no_expression,
    nodes.Frechet: _no_expression,
    nodes.Rearrange: _rearrange,
    nodes.Sum: _reduced(sympy_sum),
    nodes.Mean: _reduced(lambda entries: sympy_sum(entries) / len(entries)),
    nodes.Prod: _reduced(lambda entries: sp.Mul(*entries)),
    nodes.Max: _reduced(_largest),
}
