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

import signal
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import click
import numpy as np
import sympy as sp
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from _gradient_table import Gradient, cost, ours, sized, table
from _reference import FUNCTIONS, loss

from matderiv.calculus.formulas.shaping import shapes_over
from matderiv.derivation.matrices import MatrixExpressions
from matderiv.errors import MatderivError
from matderiv.expression.assumptions import read_shaped
from matderiv.expression.known_shapes import settled
from matderiv.expression.nodes import Apply, Node

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


@dataclass(frozen=True)
class Value:
    """A SymPy expression and the NumPy shape of what it stands for; a vector is a column."""

    sympy: Sympy
    shape: tuple[int, ...]

    @property
    def two(self) -> tuple[int, int]:
        """The shape of the SymPy matrix."""
        return (*self.shape, 1, 1)[:2]  # type: ignore[return-value]


#: Functions that SymPy differentiates better in words of its own.
_OWN: dict[str, Callable[[Any], Any]] = {
    "floor": sp.floor,
    "ceil": sp.ceiling,
    "sigmoid": lambda u: 1 / (1 + sp.exp(-u)),
    "silu": lambda u: u / (1 + sp.exp(-u)),
    "relu": lambda u: sp.Max(u, 0),
    "trunc": lambda u: sp.sign(u) * sp.floor(sp.Abs(u)),
    "frac": lambda u: u - sp.sign(u) * sp.floor(sp.Abs(u)),
}


class _Written(MatrixExpressions):
    """Formulas of a program at its sizes, with values written out in place of their names."""

    def __init__(self, text: str, symbols: Mapping[str, Value]) -> None:
        declared = {name: value.shape for name, value in symbols.items()}
        program, _, shapes = read_shaped(text, shapes=declared)
        self.program = settled(program, shapes)
        sizes = {dim.symbol: dim.size for shape in shapes.values() for dim in shape}
        functions = self.program.functions()
        super().__init__(shapes_over(shapes), lambda n: sp.Integer(sizes.get(n, n)), functions)
        self.values = {name: value.sympy for name, value in symbols.items()}

    def symbol(self, name: str) -> Sympy:
        """The value that a name stands for."""
        return self.values[name]

    def of(self, node: Node) -> Sympy:
        """A number, or a matrix."""
        if isinstance(node, Apply) and node.function in _OWN:
            function, arg = _OWN[node.function], self.of(node.arg)
            return _of_each(arg, function) if self.shape(node.arg) else function(arg)
        return super().of(node)


@dataclass(frozen=True)
class Spelling:
    """One way to write a program, where SymPy has two."""

    traces: bool  # a loss that is a 1 by 1 matrix is written as its trace
    applied: bool  # a power of entries is written with applyfunc, not as a Hadamard power

    def loss(self, text: str, inputs: Mapping[str, Value]) -> Sympy:
        """The loss of a program."""
        try:
            written = _Written(text, inputs)
            if whole := [name for name in written.functions if name[0].isupper()]:
                raise CannotSayError(f"{whole[0]}: a function of a whole array")
            for assignment in written.program.assignments:
                total = written.of(assignment.value)
                written.values[assignment.name] = total
        except MatderivError as error:
            raise CannotSayError(f"{text}: {error}") from None
        if self.applied:
            total = total.replace(sp.HadamardPower, lambda a, b: _of_each(a, lambda u: u**b))
        return total if self.traces else _untraced(total)


def _of_each(array: Sympy, function: Callable[[Any], Any]) -> Sympy:
    u = sp.Dummy("u")
    return array.applyfunc(sp.Lambda(u, function(u)))


def _untraced(total: Sympy) -> Sympy:
    """A sum of multiples of traces of 1 by 1 matrices as the sum of the matrices."""
    terms: list[Any] = [term.as_coeff_Mul() for term in sp.Add.make_args(total)]
    if all(trace.func == sp.Trace and trace.arg.shape == (1, 1) for _, trace in terms):
        return sp.MatAdd(*(number * trace.arg for number, trace in terms)).doit(deep=False)
    return total


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
    **{f"a{n}": getattr(np, f"arc{n}") for n in "sin cos tan sinh cosh tanh".split()},
    "loggamma": FUNCTIONS["gammaln"],
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
    "df": FUNCTIONS["df"],
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
        try:
            same = np.allclose(np.ravel(numeric(total, given)), value)
        except LeftoverError as error:
            raise CannotSayError(f"{error}: a function that this script has no NumPy for") from None
        if not same:
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
