"""Compares SymPy's `MatrixExpr.diff` with the gradients of tests/gradients.toml.

    python scripts/compare_sympy.py            the table, and how often it is right
    python scripts/compare_sympy.py --wrong    what it says where it is not right

Each program is put as a `MatrixExpr`: vectors are columns, a sum of entries is 1ᵀ·A·1, entrywise
functions are `applyfunc`. A program is written operation by operation; where an operation can be
written in two ways, SymPy is asked about both and the better answer counts. That the translation
means the same is checked in NumPy before the answer is judged. Its length is counted as that of the
books' formulas is: see `cost` in tests/_gradient_table.py.

Declared structure is not told, as `MatrixExpr` has none, and what is right then is the gradient of
independent entries; the gradients by a structured matrix are left out, as are those that need what
`MatrixExpr` does not have: functions of a whole array, products of entries, upstream gradients.
"""

from __future__ import annotations

import ast
import signal
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from inspect import signature
from pathlib import Path
from typing import Any

import click
import numpy as np
import sympy as sp
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from _gradient_table import Gradient, cost, ours, sized, table
from _reference import FUNCTIONS, loss, statements

Array = NDArray[np.float64]
Sympy = Any  # an expression: SymPy has no types

SIZES = (3, 2, 4, 5)  # all different, so that no shape fits by accident
SECONDS = 20  # for one derivative

#: From the best to the worst; what looks like an answer and is none is the worst.
VERDICTS = {
    "right": "agrees with central differences",
    "leftovers": "holds a derivative that was not taken, or an array or Kronecker product",
    "error": "an exception, or no answer in time",
    "wrong": "another value or shape than the gradient's",
    "zero": "a silent 0",
    "-": "MatrixExpr cannot say it",
}


class CannotSayError(Exception):
    """The program has no counterpart among SymPy's matrix expressions."""


# ---- A program as a matrix expression ------------------------------------------------------

#: Functions of one number that SymPy calls by the language's name, or by one of its own, or not.
_ENTRYWISE: dict[str, Callable[[Any], Any]] = {
    **{n: getattr(sp, n) for n in "exp log sqrt sin cos tan sinh cosh tanh erf floor".split()},
    "abs": sp.Abs,
    "arctan": sp.atan,
    "arcsinh": sp.asinh,
    "ceil": sp.ceiling,
    "sigmoid": lambda u: 1 / (1 + sp.exp(-u)),
    "silu": lambda u: u / (1 + sp.exp(-u)),
    "gelu": lambda u: u * (1 + sp.erf(u / sp.sqrt(2))) / 2,
    "softplus": lambda u: sp.log(1 + sp.exp(u)),
    "relu": lambda u: sp.Max(u, 0),
    "trunc": lambda u: sp.sign(u) * sp.floor(sp.Abs(u)),
    "frac": lambda u: u - sp.sign(u) * sp.floor(sp.Abs(u)),
    "f": sp.Function("f"),
}


@dataclass(frozen=True)
class Value:
    """A SymPy expression and the NumPy shape of what it stands for; a vector is a column."""

    sympy: Sympy
    shape: tuple[int, ...]

    @property
    def scalar(self) -> Sympy:
        """The expression as a number: a 1 by 1 matrix is its trace."""
        return sp.Trace(self.sympy) if self.sympy.is_Matrix else self.sympy

    @property
    def two(self) -> tuple[int, int]:
        """The shape of the SymPy matrix."""
        return (*self.shape, 1, 1)[:2]  # type: ignore[return-value]


def _ones(rows: int, columns: int) -> Sympy:
    return sp.OneMatrix(rows, columns)


def _reduced(a: Value, axis: int | None = None, *, keepdims: bool = False) -> Value:
    """The sum, along an axis or of all entries."""
    rows, columns = a.two
    if axis is None or len(a.shape) == 1:
        if keepdims:
            raise CannotSayError("sum: of all entries, with the dimensions kept")
        return Value(_ones(1, rows) * a.sympy * _ones(columns, 1), ())
    if axis == 1:
        return Value(a.sympy * _ones(columns, 1), (rows, 1) if keepdims else (rows,))
    total = _ones(1, rows) * a.sympy
    return Value(total, (1, columns)) if keepdims else Value(total.T, (columns,))


def _spread(a: Value, shape: tuple[int, ...]) -> Sympy:
    """A value broadcast to a shape, as NumPy does."""
    if a.shape == shape:
        return a.sympy
    rows, columns = (*shape, 1)[:2]
    if a.shape == ():
        return a.scalar * _ones(rows, columns)
    if len(a.shape) == 1:  # a vector along each row
        return _ones(rows, 1) * a.sympy.T
    left = a.sympy if a.two[0] == rows else _ones(rows, 1) * a.sympy
    return left if a.two[1] == columns else left * _ones(1, columns)


def _entrywise(name: str, a: Value) -> Value:
    if a.shape == ():
        return Value(_ENTRYWISE[name](a.scalar), ())
    u = sp.Dummy("u")
    return Value(a.sympy.applyfunc(sp.Lambda(u, _ENTRYWISE[name](u))), a.shape)


def _product(a: Value, b: Value) -> Value:
    if a.shape == () or b.shape == ():
        if a.shape == b.shape:
            return Value(a.sympy * b.sympy, ())
        number, array = (a, b) if a.shape == () else (b, a)
        return Value(number.scalar * array.sympy, array.shape)
    shape = np.broadcast_shapes(a.shape, b.shape)
    return Value(sp.HadamardProduct(_spread(a, shape), _spread(b, shape)), shape)


def _sum(a: Value, b: Value) -> Value:
    shape = np.broadcast_shapes(a.shape, b.shape)
    if shape == ():
        both = a.sympy.is_Matrix and b.sympy.is_Matrix
        return Value(a.sympy + b.sympy if both else a.scalar + b.scalar, ())
    return Value(_spread(a, shape) + _spread(b, shape), shape)


def _power(a: Value, b: Value, *, applied: bool = False) -> Value:
    if b.shape != ():
        raise CannotSayError("**: an array as exponent")
    if a.shape == ():
        return Value(a.scalar**b.scalar, ())
    if applied:
        u = sp.Dummy("u")
        return Value(a.sympy.applyfunc(sp.Lambda(u, u**b.scalar)), a.shape)
    return Value(sp.HadamardPower(a.sympy, b.scalar), a.shape)


def _matmul(a: Value, b: Value) -> Value:
    left = a.sympy.T if len(a.shape) == 1 else a.sympy
    shape = a.shape[:-1] + b.shape[1:]
    if a.shape[:-1] == () and len(b.shape) == 2:  # noqa: PLR2004 - a row becomes a column
        return Value((left * b.sympy).T, shape)
    return Value(left * b.sympy, shape)


def _minus(a: Value) -> Value:
    return Value(-a.sympy, a.shape)


_BINARY: dict[type[ast.operator], Callable[[Value, Value], Value]] = {
    ast.Add: _sum,
    ast.Sub: lambda a, b: _sum(a, _minus(b)),
    ast.Mult: _product,
    ast.Div: lambda a, b: _product(a, _power(b, Value(sp.Integer(-1), ()))),
    ast.MatMult: _matmul,
}


def _norm(a: Value, order: Value | None = None) -> Value:
    if order is None:
        return Value(sp.sqrt(sp.Trace(a.sympy.T * a.sympy)), ())
    if len(a.shape) > 1:
        raise CannotSayError("norm: of a matrix, with an order")
    u = sp.Dummy("u")
    powers = a.sympy.applyfunc(sp.Lambda(u, sp.Abs(u) ** order.scalar))
    return _power(_reduced(Value(powers, a.shape)), Value(1 / order.scalar, ()))


def _diag(a: Value) -> Value:
    if len(a.shape) == 1:
        return Value(sp.DiagMatrix(a.sympy), (*a.shape, *a.shape))
    return Value(sp.DiagonalOf(a.sympy), a.shape[:1])


def _mean(a: Value, axis: int | None = None, *, keepdims: bool = False) -> Value:
    count = sp.Integer(a.shape[axis] if axis is not None else int(np.prod(a.shape)))
    return _product(_reduced(a, axis, keepdims=keepdims), Value(1 / count, ()))


def _logsumexp(a: Value, axis: int | None = None, *, keepdims: bool = False) -> Value:
    return _entrywise("log", _reduced(_entrywise("exp", a), axis, keepdims=keepdims))


def _softmax(a: Value, axis: int | None = None) -> Value:
    powers = _entrywise("exp", a)
    return _BINARY[ast.Div](powers, _reduced(powers, axis, keepdims=axis is not None))


def _log_softmax(a: Value, axis: int | None = None) -> Value:
    return _sum(a, _minus(_logsumexp(a, axis, keepdims=axis is not None)))


def _var(a: Value, axis: int | None = None) -> Value:
    centred = _sum(a, _minus(_mean(a, axis, keepdims=axis is not None)))
    return _mean(_product(centred, centred), axis)


_ARRAYS: dict[str, Callable[..., Value]] = {
    "tr": lambda a: Value(sp.Trace(a.sympy), ()),
    "inv": lambda a: Value(sp.Inverse(a.sympy), a.shape),
    "det": lambda a: Value(sp.Determinant(a.sympy), ()),
    "logdet": lambda a: Value(sp.log(sp.Determinant(a.sympy)), ()),
    "outer": lambda a, b: Value(a.sympy * b.sympy.T, a.shape + b.shape),
    "norm": _norm,
    "diag": _diag,
    "eye": lambda n: Value(sp.Identity(n.sympy), (int(n.sympy), int(n.sympy))),
    "sum": _reduced,
    "mean": _mean,
    "logsumexp": _logsumexp,
    "softmax": _softmax,
    "log_softmax": _log_softmax,
    "var": _var,
    "std": lambda a, axis=None: _entrywise("sqrt", _var(a, axis)),
}


def _call(name: str, args: list[Value], options: Mapping[str, Any]) -> Value:
    """A function of the language, by the tables above."""
    function = partial(_entrywise, name) if name in _ENTRYWISE else _ARRAYS.get(name)
    if function is None:
        raise CannotSayError(f"{name}: it stands in no table of this script")
    try:
        signature(function).bind(*args, **options)
    except TypeError as error:
        raise CannotSayError(f"{name}: {error}") from None
    return function(*args, **options)


@dataclass(frozen=True)
class Spelling:
    """One way to write a program, where SymPy has two."""

    traces: bool  # a 1 by 1 matrix is written as its trace
    applied: bool  # a power of entries is written with applyfunc, not as a Hadamard power

    def expression(self, node: ast.expr, names: Mapping[str, Value]) -> Value:
        """One expression of the language as a matrix expression."""
        value = self._expression(node, names)
        return Value(value.scalar, ()) if self.traces and value.shape == () else value

    def _expression(self, node: ast.expr, names: Mapping[str, Value]) -> Value:
        match node:
            case ast.Constant(value=int() | float() as number):
                return Value(sp.Rational(str(number)), ())
            case ast.Name(id=name):
                return names[name]
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return _minus(self.expression(operand, names))
            case ast.BinOp(left=left, op=op, right=right):
                a, b = self.expression(left, names), self.expression(right, names)
                if isinstance(op, ast.Pow):
                    return _power(a, b, applied=self.applied)
                return _BINARY[type(op)](a, b)
            case ast.Attribute(value=inner, attr="T"):
                a = self.expression(inner, names)
                return Value(a.sympy.T, a.shape[::-1])
            case ast.Call(func=ast.Name(id=name), args=args, keywords=keywords):
                options = {str(k.arg): ast.literal_eval(k.value) for k in keywords}
                return _call(name, [self.expression(arg, names) for arg in args], options)
            case ast.Subscript() | ast.Tuple() | ast.Constant():
                raise CannotSayError(f"{ast.unparse(node)}: some entries, several arrays, a word")
        raise CannotSayError(f"{ast.unparse(node)}: it stands in no table of this script")

    def loss(self, program: str, inputs: Mapping[str, Value]) -> Sympy:
        """The loss of a program."""
        values = dict(inputs)
        for name, text in statements(program):
            values[name] = self.expression(ast.parse(text, mode="eval").body, values)
        return values[name].sympy


SPELLINGS = [
    Spelling(traces=traces, applied=applied)
    for traces in (False, True)
    for applied in (False, True)
]


# ---- A matrix expression in NumPy, and its length ------------------------------------------

#: SymPy's functions and operations, those first that NumPy calls by the same name.
_NUMPY: dict[str, Callable[..., Any]] = {
    **{name: getattr(np, name) for name in "exp log sign floor sin cos tan sinh cosh tanh".split()},
    "Abs": np.abs,
    "ceiling": np.ceil,
    "atan": np.arctan,
    "asinh": np.arcsinh,
    "Max": np.maximum,
    "Min": np.minimum,
    "HadamardPower": np.power,
    "Pow": np.power,
    "Trace": np.trace,
    "Determinant": np.linalg.det,
    "Transpose": np.transpose,
    "KroneckerProduct": np.kron,
    "erf": FUNCTIONS["erf"],
    "f": FUNCTIONS["f"],
    "Inverse": lambda a, *_: np.linalg.inv(a),
    "MatAdd": lambda *terms: sum(terms),
    "Add": lambda *terms: sum(terms),
    "MatPow": lambda a, n: np.linalg.matrix_power(a, int(n)),
    "DiagMatrix": lambda a: np.diag(np.ravel(a)),
    "DiagonalOf": lambda a: np.diag(a)[:, None],
    "Identity": lambda n: np.eye(int(n)),
    "OneMatrix": lambda m, n: np.ones((int(m), int(n))),
    "ZeroMatrix": lambda m, n: np.zeros((int(m), int(n))),
    "Heaviside": lambda a, *_: np.heaviside(a, 0.5),
}


class LeftoverError(Exception):
    """A part of SymPy's answer that is no formula: a derivative to take, an array."""


def numeric(expression: Sympy, values: Mapping[Sympy, Any]) -> Any:  # noqa: ANN401 - number or array
    """The value of a SymPy expression."""
    if expression in values:
        return values[expression]
    if expression.is_Number or expression.is_NumberSymbol:
        return float(expression)
    kind = type(expression).__name__
    if kind == "ElementwiseApplyFunction":
        inner = numeric(expression.expr, values)
        variable = expression.function.variables[0]
        return numeric(expression.function.expr, {**values, variable: inner}) * np.ones_like(inner)
    if kind == "Derivative" and expression.expr.func == _ENTRYWISE["f"]:
        if expression.args[1] != (expression.expr.args[0], 1):
            raise LeftoverError(kind)
        return FUNCTIONS["df"](numeric(expression.expr.args[0], values))
    if kind == "Subs":
        body, variables, points = expression.args
        inner = {v: numeric(p, values) for v, p in zip(variables, points, strict=True)}
        return numeric(body, {**values, **inner})
    parts = [numeric(part, values) for part in expression.args]
    if kind in {"MatMul", "Mul", "HadamardProduct"}:
        result = parts[0]
        for part in parts[1:]:
            matrices = np.ndim(result) == np.ndim(part) == 2  # noqa: PLR2004 - two matrices
            product = matrices and kind == "MatMul"
            result = result @ part if product else result * part
        return result
    if kind not in _NUMPY:
        raise LeftoverError(kind)
    return _NUMPY[kind](*parts)


def length(expression: Sympy) -> int:
    """The number of operations and names, counted as `cost` counts a formula."""
    kind = type(expression).__name__
    if expression.is_Number:
        return 1 + bool(expression < 0)
    if not expression.args or kind == "MatrixSymbol":
        return 1
    if kind == "ElementwiseApplyFunction":
        body = expression.function.expr
        uses = int(body.count(expression.function.variables[0]))
        return length(body) + uses * (length(expression.expr) - 1)
    if kind in {"MatMul", "Mul", "HadamardProduct", "KroneckerProduct"}:
        minus = expression.args[0] == -1
        parts = expression.args[1:] if minus else expression.args
        return int(minus) + sum(map(length, parts)) + len(parts) - 1
    if kind in {"MatAdd", "Add"}:
        # A sign is part of the sum, but for that of a first term when there is no other to begin.
        first = [term if term.is_Number else (*term.args, term)[0] for term in expression.args]
        signs = sum(bool(factor.is_Number and factor < 0) for factor in first)
        joints = len(expression.args) - 1
        return sum(map(length, expression.args)) + joints - min(signs, joints)
    parts = expression.args[:1] if kind == "Inverse" else expression.args
    return 1 + sum(length(part) for part in parts if not isinstance(part, sp.Tuple))


# ---- The comparison ------------------------------------------------------------------------


@dataclass(frozen=True)
class Row:
    """SymPy's answer to one gradient, and whether it is right."""

    gradient: Gradient
    verdict: str
    text: str
    length: int | None = None


def symbols_of(gradient: Gradient, sizes: Mapping[str, int]) -> dict[str, Value]:
    """A SymPy symbol for each input."""
    symbols = {}
    for name in gradient.shapes:
        shape = gradient.shape(name, sizes)
        if len(shape) > len("nm"):
            raise CannotSayError(f"{name}: an array of more than two axes")
        rows_columns = (*shape, 1)[:2]
        symbols[name] = Value(
            sp.MatrixSymbol(name, *rows_columns) if shape else sp.Symbol(name), shape
        )
    return symbols


def _in_time(work: Callable[[], Sympy]) -> Sympy:
    def stop(*_: object) -> None:
        raise TimeoutError(f"no answer in {SECONDS} s")

    signal.signal(signal.SIGALRM, stop)
    signal.alarm(SECONDS)
    try:
        return work()
    finally:
        signal.alarm(0)


def _posed(gradient: Gradient) -> tuple[dict[str, int], dict[str, Value], dict[str, Array]]:
    """Sizes, a symbol for each input, and random numbers for it."""
    sizes = gradient.sizes(SIZES)
    inputs = gradient.inputs(sizes, np.random.default_rng(0))
    return sizes, symbols_of(gradient, sizes), inputs


def _numbers(symbols: Mapping[str, Value], inputs: Mapping[str, Array]) -> dict[Sympy, Any]:
    return {
        symbols[name].sympy: array.reshape(symbols[name].two) if array.ndim else float(array)
        for name, array in inputs.items()
    }


def said(gradient: Gradient) -> Iterator[Sympy]:
    """The loss of a gradient in each spelling; an error where one means something else."""
    sizes, symbols, inputs = _posed(gradient)
    program, given = sized(gradient.program, sizes), _numbers(symbols, inputs)
    value = loss(program, inputs)
    for spelling in SPELLINGS:
        total = spelling.loss(program, symbols)
        if not np.allclose(np.ravel(numeric(total, given)), value):
            raise AssertionError(f"{gradient.id}: the translation means something else")
        yield total


def compared(gradient: Gradient) -> Row:
    """SymPy's gradient, judged by central differences at random numbers."""
    if gradient.wrt in gradient.assume:
        return Row(gradient, "-", "declared structure")
    try:
        losses = list(said(gradient))
    except CannotSayError as error:
        return Row(gradient, "-", str(error))
    sizes, symbols, inputs = _posed(gradient)
    wrt, given = symbols[gradient.wrt], _numbers(symbols, inputs)
    expected = gradient.differences(sizes, inputs).reshape(wrt.two)
    rows = []
    for total in losses:
        try:
            found = _in_time(partial(total.diff, wrt.sympy))
        except Exception as error:  # noqa: BLE001 - whatever SymPy raises is what it says
            rows.append(Row(gradient, "error", f"{type(error).__name__}: {error}"))
            continue
        verdict = _verdict(found, given, expected)
        rows.append(
            Row(gradient, verdict, str(found), length(found) if verdict == "right" else None)
        )
    return min(rows, key=lambda row: (list(VERDICTS).index(row.verdict), row.length or 0))


def _verdict(found: Sympy, given: Mapping[Sympy, Any], expected: Array) -> str:
    try:
        value = numeric(found, given)
    except LeftoverError:
        return "leftovers"
    except Exception:  # noqa: BLE001 - an answer that cannot be worked out
        return "wrong"
    if np.all(np.asarray(value) == 0):
        return "zero"
    alike = np.shape(value) == expected.shape or np.size(value) == expected.size == 1
    near = alike and np.allclose(np.ravel(value), np.ravel(expected), rtol=1e-6, atol=1e-6)
    return "right" if near else "wrong"


@click.command(help="What SymPy says beside the books.")
@click.option("--wrong", is_flag=True, help="Show the answers that are not right.")
def main(*, wrong: bool) -> None:
    """Print the table."""
    warnings.simplefilter("ignore")
    rows = [compared(gradient) for gradient in table()]
    print(f"{'gradient':52} {'book':>5} {'ours':>5} {'SymPy':>6}  verdict on SymPy")
    for row in rows:
        gradient = row.gradient
        costs = (
            cost(gradient.formula),
            cost(ours(gradient, gradient.sizes(SIZES))),
            row.length or "",
        )
        print(f"{gradient.id:52} {'{:5} {:5} {:>6}'.format(*costs)}  {row.verdict}")
        if wrong and row.verdict not in {"right", "-"}:
            print(f"    {row.text[:500]}")
    print(f"\nSymPy {sp.__version__}, {len(rows)} gradients:")
    counts = Counter(row.verdict for row in rows)
    for verdict, meaning in VERDICTS.items():
        print(f"{counts[verdict]:5}  {verdict:10} {meaning}")
    books = sum(cost(row.gradient.formula) for row in rows if row.length)
    sympys = sum(row.length or 0 for row in rows)
    print(f"Where it is right, it is {sympys / books:.2f} × as long as the book.")


if __name__ == "__main__":
    main()
