"""The value of an expression in floating point: each node is what NumPy means by it.

This module needs NumPy; import it where a value is asked for.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from statistics import NormalDist
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from matderiv.errors import InputError, ShapeError
from matderiv.expression import nodes
from matderiv.expression.axes import full_order
from matderiv.expression.definitions import defined, unfolded
from matderiv.expression.functions import FUNCTIONS
from matderiv.expression.index_values import (
    moved,
    named_entries,
    one_hot,
    picked,
    put_together,
    refused_labels,
    reshaped,
    selection_values,
)
from matderiv.expression.matrix_functions import exponents, with_exponent
from matderiv.expression.matrix_values import matrix_change, matrix_value
from matderiv.expression.nodes import Node
from matderiv.expression.operations import NAMES, OPERATIONS
from matderiv.expression.shapes import Shape
from matderiv.expression.size_text import letters_of_size, size_number
from matderiv.expression.source import source

__all__ = ["Array", "Evaluator", "Functions", "numeric_value", "rearrange"]

Array = npt.NDArray[np.float64]
_T = TypeVar("_T")
_FAR = 10  # from where the series of digamma has as many digits as numbers have
Functions = Mapping[str, Callable[[Any], Any]]


def numeric_value(
    node: Node,
    values: Mapping[str, npt.ArrayLike],
    functions: Functions | None = None,
    sizes: Mapping[str, int] | None = None,
    *,
    most: float = math.inf,
) -> Array:
    """The value of an expression where its names have the given values.

    `functions` are the undefined ones: `{"f": np.sin, "df": np.cos}`; those of one number are
    given arrays, and so are those of a whole array, such as Loss. `sizes` are the letters in
    eye(N), ones((N, M)) and 1/N. No constant is made that has more than `most` entries.

    Raises:
        InputError: a name, a function or a size has no value; a constant has too many entries.

    >>> from matderiv.expression.parse import parse
    >>> float(numeric_value(parse("sum(f(X @ w))").loss.value, {"X": [[1, 2]], "w": [3, 4]},
    ...       {"f": np.square}))
    121.0
    """
    arrays = {name: np.asarray(value, dtype=np.float64) for name, value in values.items()}
    return Evaluator(arrays, functions or {}, sizes or {}, most).of(node)


def sizes_in(shapes: Mapping[str, Shape]) -> dict[str, int]:
    """The value of each size letter."""
    return {dim.symbol: dim.size for shape in shapes.values() for dim in shape}


def _look_up(table: Mapping[str, _T], name: str, missing: str) -> _T:
    if name not in table:
        raise InputError(missing)
    return table[name]


class Evaluator:
    """Evaluates expressions with NumPy, given the values of names, functions and size letters.

    A subexpression that is shared as one object is evaluated once.
    """

    def __init__(
        self,
        values: dict[str, Array],
        functions: Functions,
        sizes: Mapping[str, int],
        most: float = math.inf,
    ) -> None:
        self.values = values
        self._most = most
        self._functions = functions
        self._sizes = sizes
        # By identity: in a formula with shared parts each is worked out once.
        self._done: dict[int, tuple[Node, Array]] = {}

    def of(self, node: Node) -> Array:
        """The value of a node."""
        done = self._done.get(id(node))
        if done is None:
            if named_entries(node, self._sizes) > self._most:
                raise InputError(f"{source(node)} has too many entries; give smaller sizes.")
            try:
                value = np.asarray(self._of(node), dtype=np.float64)
            except np.linalg.LinAlgError:
                why = "the matrix is singular; give other values"
            except MemoryError:
                why = "it does not fit into memory; give smaller sizes"
            else:
                self._done[id(node)] = (node, value)
                return value
            raise InputError(f"{source(node)} has no value: {why}.")
        return done[1]

    def _of(self, node: Node) -> npt.ArrayLike:
        match node:
            case nodes.Name(name) if name in self._sizes and name not in self.values:
                return self._sizes[name]
            case nodes.Name(name):
                return _look_up(self.values, name, f"{name} has no value; give it an array.")
            case nodes.Number(value):
                return float(value)
            case nodes.Apply(function, arg) if function in _FUNCTIONS:
                return _FUNCTIONS[function](self.of(arg))
            case nodes.Apply(function, arg) if defined(function, arg) is not None:
                return self._by_definition(node)
            case nodes.Apply(function, arg):
                return self._undefined(function, self.of(arg), self.of(arg).shape)
            case nodes.Functional(function, arg, sizes):
                shape = tuple(self._size(node, size) for size in sizes)
                return self._undefined(function, self.of(arg), shape)
            case nodes.Norm(arg, order):
                return np.linalg.norm(self.of(arg), None if order is None else float(order))
            case nodes.Softmax(arg, axis):
                return _softmax(self.of(arg), axis)
            case _ if isinstance(node, nodes.Reduction) and type(node) in _REDUCTIONS:
                reduce = _REDUCTIONS[type(node)]
                return reduce(self.of(node.arg), axis=node.axis, keepdims=node.keepdims)
            case nodes.Rearrange() | nodes.MatrixFunction() | nodes.Frechet():
                return self._of_matrix(node)
            case nodes.Size(symbol, size):
                return self._sizes.get(symbol, size)
            case nodes.Pi():
                return math.pi
            case nodes.Eye(size):
                return np.eye(self._size(node, size))
            case nodes.Ones(sizes):
                return np.ones([self._size(node, size) for size in sizes])
            case _ if isinstance(node, nodes.IndexMap):
                return self._index_map(node)
        if type(node) not in _PLAIN:
            return self._by_definition(node)
        return _PLAIN[type(node)](*map(self.of, nodes.children(node)))

    def _of_matrix(self, node: nodes.Rearrange | nodes.MatrixFunction | nodes.Frechet) -> Array:
        operands = [*map(self.of, nodes.children(node))]
        if isinstance(node, nodes.Rearrange):
            return rearrange(operands[0], node)
        letters = (x for exponent in exponents(node.function) for x in letters_of_size(exponent))
        function = with_exponent(node.function, {x: self._size(node, x) for x in letters})
        made = matrix_value if isinstance(node, nodes.MatrixFunction) else matrix_change
        return made(function, *operands)

    def _index_map(self, node: nodes.IndexMap) -> Array:
        match node:
            case nodes.Selection(sizes=sizes):
                for size in sizes:
                    self._size(node, size)
                return selection_values(node, self._sizes)
            case nodes.OneHot(arg, size):
                return one_hot(self._labels(arg, self._size(node, size)), self._size(node, size))
            case nodes.Mapped(arg):
                return moved(node, self.of(arg), self._sizes)
            case nodes.Reshape(arg, sizes, how):
                for size in sizes if how in "CF" else ():
                    self._size(node, size)
                return reshaped(node, self.of(arg), self._sizes)
            case nodes.Joined(left, right):
                return put_together(node, self.of(left), self.of(right))
            case nodes.Gathered(array, labels, how):
                given = self.of(array)
                if not given.ndim:
                    raise ShapeError(f"{source(array)} is a number, and has no rows.")
                count = given.shape[0 if how == "rows" else -1]
                return picked(node, given, self._labels(labels, count))

    def _labels(self, node: Node, count: int) -> Array:
        labels = self.of(node)
        if why := refused_labels(labels, count):
            raise InputError(f"{source(node)} {why}.")
        return labels

    def _by_definition(self, node: Node) -> Array:
        if isinstance(node, nodes.Var | nodes.Std) and node.ddof:
            kind = np.var if isinstance(node, nodes.Var) else np.std
            value = self.of(node.arg)
            return np.asarray(kind(value, node.axis, ddof=node.ddof, keepdims=node.keepdims))
        return self.of(unfolded(node, "value"))

    def _undefined(self, function: str, arg: Array, shape: tuple[int, ...]) -> Array:
        missing = f'{function} is undefined; give it in functions={{"{function}": …}}.'
        value = np.asarray(_look_up(self._functions, function, missing)(arg))
        if value.shape != shape:
            what = "one number" if shape == () else f"an array of shape {shape}"
            raise InputError(
                f"{function} gave an array of shape {value.shape} for one of {arg.shape}; "
                f"it must give {what}."
            )
        return value

    def _size(self, node: Node, size: int | str) -> int:
        if isinstance(size, int):
            return size
        missing = f"{source(node)}: the size {size} is not known; give it a number."
        for letter in letters_of_size(size):
            _look_up(self._sizes, letter, missing)
        return size_number(size, self._sizes)


def rearrange(array: npt.NDArray[Any], node: nodes.Rearrange) -> npt.NDArray[Any]:
    """The array with its axes in another order, and with new ones of a single entry."""
    array = np.asarray(array)  # a number has none of NumPy's attributes
    order = full_order(node, array.ndim)
    if order is None:
        raise ShapeError(f"{source(node)}: {source(node.arg)} has {array.ndim} axes.")
    old = tuple(axis for axis in order if axis is not None)
    new = tuple(n for n, axis in enumerate(order) if axis is None)
    return np.expand_dims(np.transpose(array, old), new)


def _sigmoid(x: Array) -> Array:
    """1/(1 + exp(-x)), the exponential never large."""
    small = np.exp(-np.abs(x))
    value: Array = np.where(x >= 0, 1, small) / (1 + small)
    return value


def _logsumexp(x: Array, *, axis: int | None, keepdims: bool) -> Array:
    """The value log Σ exp(x) = m + log Σ exp(x - m), m the largest."""
    largest = np.max(x, axis=axis, keepdims=True)
    total = np.log(np.sum(np.exp(x - largest), axis=axis, keepdims=True)) + largest
    value: Array = total if keepdims else np.sum(total, axis=axis)
    return value


def _softmax(x: Array, axis: int | None) -> Array:
    """exp(x - m) / Σ exp(x - m), m the largest."""
    shifted = np.exp(x - np.max(x, axis=axis, keepdims=True))
    value: Array = shifted / np.sum(shifted, axis=axis, keepdims=True)
    return value


def _digamma(x: float) -> float:
    """ψ(x) = ψ(x + 1) - 1/x, and far out the asymptotic series. DLMF 5.5.2, 5.11.2."""
    found = 0.0
    while x < _FAR:
        found -= 1 / x
        x += 1
    y = 1 / x**2
    series = y * (1 / 12 - y * (1 / 120 - y * (1 / 252 - y * (1 / 240 - y / 132))))
    return found + math.log(x) - 0.5 / x - series


def _trigamma(x: float) -> float:
    """ψ′(x) = ψ′(x + 1) + 1/x², and far out the asymptotic series. DLMF 5.15.5, 5.15.8."""
    found = 0.0
    while x < _FAR:
        found += 1 / x**2
        x += 1
    y = 1 / x**2
    series = y * (1 / 6 - y * (1 / 30 - y * (1 / 42 - y * (1 / 30 - y * 5 / 66))))
    return found + (1 + 0.5 / x + series) / x


def _positive(function: Callable[[float], float]) -> Callable[[Array], npt.ArrayLike]:
    """A function of positive numbers."""
    return np.vectorize(lambda x: function(x) if x > 0 else math.nan, otypes=[np.float64])


def _erfinv(x: float) -> float:
    return NormalDist().inv_cdf((1 + x) / 2) / math.sqrt(2) if abs(x) < 1 else math.nan


_erf = np.vectorize(math.erf, otypes=[np.float64])

#: Functions of one number that NumPy does not have, or is not to work out by their definitions.
_OWN: dict[str, Callable[[Array], npt.ArrayLike]] = {
    "abs": np.abs,
    "sigmoid": _sigmoid,
    "softplus": lambda x: np.logaddexp(0, x),
    "relu": lambda x: np.maximum(x, 0),
    "step": lambda x: x > 0,
    "ceil": np.ceil,
    "trunc": np.trunc,
    "iszero": lambda x: x == 0,
    "erf": _erf,
    "erfinv": np.vectorize(_erfinv, otypes=[np.float64]),
    "gammaln": _positive(math.lgamma),
    "digamma": _positive(_digamma),
    "trigamma": _positive(_trigamma),
}

_FUNCTIONS: dict[str, Callable[[Array], npt.ArrayLike]] = {
    name: _OWN[name] if name in _OWN else getattr(np, name)
    for name, function in FUNCTIONS.items()
    if name in _OWN or not function.definition
}

_REDUCTIONS: dict[type, Callable[..., npt.ArrayLike]] = {
    nodes.Sum: np.sum,
    nodes.Mean: np.mean,
    nodes.Prod: np.prod,
    nodes.Max: np.max,
    nodes.Min: np.min,
    nodes.LogSumExp: _logsumexp,
}

_PLAIN: dict[type, Callable[..., npt.ArrayLike]] = {
    **{kind: getattr(np, name) for kind, name in NAMES.items() if OPERATIONS[name].everywhere},
    nodes.Add: np.add,
    nodes.Subtract: np.subtract,
    nodes.Multiply: np.multiply,
    nodes.Divide: np.divide,
    nodes.Power: np.power,
    nodes.MatMul: np.matmul,
    nodes.Negate: np.negative,
    nodes.Transpose: np.transpose,
    nodes.Inverse: np.linalg.inv,
    nodes.Determinant: np.linalg.det,
    nodes.LogDet: lambda x: np.linalg.slogdet(x)[1],
    nodes.Diag: np.diag,
    nodes.Outer: np.multiply.outer,
}
