"""Whether a claim about one product is right, by SymPy's own derivatives of every entry."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import sympy as sp

from matderiv.checking.question import Question
from matderiv.expression import nodes
from matderiv.expression.nodes import MatMul, Multiply, Name, Node, Number, Transpose
from matderiv.expression.source import source

__all__ = ["brute_force_equal"]


def brute_force_equal(question: Question, claim: Node) -> bool:
    """Whether a claim is the gradient at a few sizes, by SymPy's derivatives, entry by entry.

    An undefined f is any cubic; an undefined Loss any quadratic form without mixed terms.
    """
    letters = [dim.symbol for dim in question.dims]
    for sizes in ((2, 3, 2), (3, 2, 4), (1, 2, 2)):
        table = dict(zip(letters, itertools.cycle(sizes), strict=False))
        values: dict[str, Any] = {}
        for name in question.inputs:
            shape = [table[dim.symbol] for dim in question.shapes[name]]
            values[name] = (
                sp.Matrix(*shape, lambda i, j, n=name: sp.Symbol(f"{n}_{i}_{j}", real=True))
                if shape
                else sp.Symbol(name, real=True)
            )
        product = question.program.assignments[0]
        values[product.name] = value = plain(product.value, values)
        free = value.applyfunc(lambda _: sp.Dummy(real=True))
        loss = plain(question.program.loss.value, {**values, product.name: free})
        back = dict(zip(free, value, strict=True))
        upstream = free.applyfunc(lambda y, loss=loss, back=back: sp.diff(loss, y).subs(back))
        values[f"d{product.name}"] = upstream
        values[question.loss] = loss.subs(back)
        whole = loss.subs(back)
        gradient = values[question.wrt].applyfunc(lambda x, whole=whole: sp.diff(whole, x))
        try:
            claimed = plain(claim, values)
        except (sp.ShapeError, ValueError, TypeError):
            return False
        if getattr(claimed, "shape", None) != gradient.shape:
            return False
        if any(not is_zero(rest) for rest in claimed - gradient):
            return False
    return True


def is_zero(expr: sp.Expr) -> bool:
    """Whether an expression is zero: exactly, or to 30 digits at three points."""
    if sp.expand(expr) == 0:
        return True
    symbols = sorted(expr.free_symbols, key=str)
    for shift in (3, 5, 11):
        point = {s: sp.Rational(n * shift % 7 + 1, n + shift) for n, s in enumerate(symbols, 1)}
        if abs(sp.N(expr.subs(point), 40)) > sp.Float(10) ** -30:
            return False
    return True


FUNCTIONS: dict[str, Callable[[sp.Expr], sp.Expr]] = {
    "exp": sp.exp,
    "log": sp.log,
    "sqrt": sp.sqrt,
    "tanh": sp.tanh,
    "sin": sp.sin,
    "cos": sp.cos,
    "sigmoid": lambda u: 1 / (1 + sp.exp(-u)),
    "relu": lambda u: sp.Piecewise((u, u > 0), (0, True)),
    "step": lambda u: sp.Piecewise((1, u > 0), (0, True)),
}


def plain(node: Node, values: dict[str, Any]) -> Any:
    """The value of an expression as an explicit SymPy matrix."""
    match node:
        case Name(name):
            return values[name]
        case Number(v):
            return sp.Rational(v.numerator, v.denominator)
        case nodes.Negate(a):
            return -plain(a, values)
        case Transpose(a):
            inner = plain(a, values)
            return inner.T if isinstance(inner, sp.MatrixBase) else inner
        case nodes.Sum(a):
            inner = plain(a, values)
            return sum(inner, sp.S.Zero) if isinstance(inner, sp.MatrixBase) else inner
        case nodes.Functional(_, a):
            terms = enumerate(plain(a, values), 1)
            return sum((n * u**2 + sp.Symbol(f"c_{n}", real=True) * u for n, u in terms), sp.S.Zero)
        case nodes.Apply(function, a) if function[1:2].isupper():  # dLoss(A), entry by entry
            inner = plain(a, values)
            terms = enumerate(inner, 1)
            slopes = [2 * n * u + sp.Symbol(f"c_{n}", real=True) for n, u in terms]
            return sp.Matrix(*inner.shape, slopes)
        case nodes.Apply(function, a):
            return entrywise(lambda u: applied(function, u), plain(a, values))
        case MatMul(a, b):
            return plain(a, values) * plain(b, values)
    left, right = (plain(child, values) for child in nodes.children(node))
    operations: dict[type, Callable[[sp.Expr, sp.Expr], sp.Expr]] = {
        nodes.Add: lambda u, v: u + v,
        nodes.Subtract: lambda u, v: u - v,
        Multiply: lambda u, v: u * v,
        nodes.Divide: lambda u, v: u / v,
        nodes.Power: lambda u, v: u**v,
    }
    operation = operations[type(node)]
    if isinstance(left, sp.MatrixBase) and isinstance(right, sp.MatrixBase):
        if left.shape != right.shape:
            raise sp.ShapeError(source(node))
        return sp.Matrix(*left.shape, [operation(u, v) for u, v in zip(left, right, strict=True)])
    if isinstance(left, sp.MatrixBase):
        return left.applyfunc(lambda u: operation(u, right))
    if isinstance(right, sp.MatrixBase):
        return right.applyfunc(lambda u: operation(left, u))
    return operation(left, right)


def entrywise(function: Callable[[sp.Expr], sp.Expr], value: Any) -> Any:
    """A function applied to each entry."""
    return value.applyfunc(function) if isinstance(value, sp.MatrixBase) else function(value)


def applied(function: str, u: sp.Expr) -> sp.Expr:
    """A known function's value; an undefined one is a cubic, df its derivative."""
    if function in FUNCTIONS:
        return FUNCTIONS[function](u)
    a, b, c = (sp.Symbol(f"{k}_{function[-1]}", real=True) for k in "abc")
    if function.startswith("d"):
        return 3 * a * u**2 + 2 * b * u + c
    return a * u**3 + b * u**2 + c * u
