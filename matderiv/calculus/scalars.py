"""The SymPy scalars that derivations are made of: entries, functions and partial derivatives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from typing import Any, Self, TypeAlias, cast

import sympy as sp

__all__ = [
    "KNOWN_FUNCTIONS",
    "Index",
    "Partial",
    "applied",
    "arguments",
    "delta",
    "entry",
    "name_of",
    "relu",
    "sigmoid",
    "step",
    "undefined_function",
    "xreplaced",
]

Index: TypeAlias = int | sp.Basic


@cache
def _base(name: str) -> sp.IndexedBase:
    return sp.IndexedBase(name)  # pyright: ignore[reportReturnType] - nothing else is made of a str


@lru_cache(maxsize=1 << 18)
def entry(name: str, *indices: Index) -> sp.Indexed:
    """x_ij of the matrix X as `X[i, j]`, indices from 1 as in mathematics.

    Two entries are the same object exactly when name and indices agree, so (1, 11) and
    (11, 1) can never be taken for one another.

    >>> entry("X", 1, 11)
    X[1, 11]
    """
    return _base(name)[indices]  # pyright: ignore[reportReturnType] - nor is it a `Tuple`


def name_of(at: sp.Indexed) -> str:
    """The matrix that an entry is of.

    >>> name_of(entry("X", 1, 11))
    'X'
    """
    name: str = at.args[0].name  # pyright: ignore[reportAttributeAccessIssue] - an IndexedBase
    return name


def arguments(expr: sp.Basic) -> tuple[sp.Expr, ...]:
    """The arguments of a scalar, scalars themselves; SymPy says only that each is a `Basic`."""
    return cast("tuple[sp.Expr, ...]", expr.args)


def xreplaced(expr: sp.Expr, places: Mapping[Any, sp.Basic]) -> sp.Expr:
    """`expr.xreplace(places)`, a scalar again; SymPy says only that it is a `Basic`."""
    return cast("sp.Expr", expr.xreplace(places))


@lru_cache(maxsize=1 << 16)
def delta(a: Index, b: Index) -> sp.Expr:
    """δ_ab: 1 for equal indices, 0 for two different numbers, else SymPy's `KroneckerDelta`.

    SymPy would ask its assumptions about a - b first, which takes a thousand times as long.

    >>> delta(1, 2), delta(3, 3)
    (0, 1)
    """
    a, b = sp.Integer(a) if isinstance(a, int) else a, sp.Integer(b) if isinstance(b, int) else b
    if a == b:
        return sp.S.One
    if a.is_Integer and b.is_Integer:
        return sp.S.Zero
    first, second = sorted((a, b), key=str)
    return sp.KroneckerDelta(first, second, evaluate=False)


class Partial(sp.Expr):
    """∂ of / ∂ wrt, a quantity of its own that nothing evaluates by accident.

    `of` and `wrt` may be the loss, an entry, or f(entry). SymPy's `Derivative` does not serve:
    on plain symbols its `doit` answers 0.

    Raises:
        TypeError: when asked to differentiate it again.

    >>> Partial(sp.Symbol("L"), entry("Y", 1, 2))
    Partial(L, Y[1, 2])
    """

    is_commutative = True

    def __new__(cls, of: sp.Expr, wrt: sp.Expr) -> Self:
        """Make the quantity; the same two parts give the same object."""
        return _partial(cls, of, wrt)  # type: ignore[arg-type]  # a class can be hashed

    @property
    def of(self) -> sp.Expr:
        """The scalar that is differentiated."""
        return self.args[0]  # pyright: ignore[reportReturnType] - see `arguments`

    @property
    def wrt(self) -> sp.Expr:
        """By what it is differentiated."""
        return self.args[1]  # pyright: ignore[reportReturnType] - see `arguments`

    def _eval_derivative(self, symbol: sp.Basic) -> sp.Expr:
        raise TypeError(f"{self} is a quantity of its own; it is not differentiated by {symbol}")


@lru_cache(maxsize=1 << 18)
def _partial(cls: type[Partial], of: sp.Expr, wrt: sp.Expr) -> Partial:
    made: Partial = sp.Expr.__new__(cls, of, wrt)
    return made


class sigmoid(sp.Function):  # noqa: N801 - SymPy names functions as they print
    """sigmoid(u) = 1/(1 + exp(-u)), with derivative sigmoid(u)·(1 - sigmoid(u))."""

    nargs = 1
    is_positive = True

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        """The derivative by the argument."""
        return self * (1 - self)

    def _eval_rewrite_as_exp(self, u: sp.Expr, **_: Any) -> sp.Expr:
        return 1 / (1 + sp.exp(-u))

    def _eval_evalf(self, prec: int) -> sp.Expr:
        return self.rewrite(sp.exp)._eval_evalf(prec)


class step(sp.Function):  # noqa: N801 - SymPy names functions as they print
    """step(u) = 1 for u > 0 and 0 for u < 0; its derivative is 0 except at u = 0."""

    nargs = 1

    @classmethod
    def eval(cls, u: sp.Expr) -> sp.Expr | None:
        """The value at a number other than 0."""
        if u.is_positive:
            return sp.S.One
        return sp.S.Zero if u.is_negative else None

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        """The derivative by the argument, away from 0."""
        return sp.S.Zero


class relu(sp.Function):  # noqa: N801 - SymPy names functions as they print
    """relu(u) = max(0, u), with derivative step(u) except at u = 0."""

    nargs = 1

    @classmethod
    def eval(cls, u: sp.Expr) -> sp.Expr | None:
        """The value at a number."""
        if u.is_nonnegative:
            return u
        return sp.S.Zero if u.is_negative else None

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        """The derivative by the argument, away from 0."""
        return step(self.args[0])  # pyright: ignore[reportReturnType] - see KNOWN_FUNCTIONS


#: The functions of the language and the SymPy function that each one is.
# The type that is found for `Function.__new__` is that of undefined functions alone.
KNOWN_FUNCTIONS: dict[str, Callable[[sp.Expr], sp.Expr]] = {  # pyright: ignore[reportAssignmentType]
    "exp": sp.exp,
    "log": sp.log,
    "sqrt": sp.sqrt,
    "tanh": sp.tanh,
    "sigmoid": sigmoid,
    "sin": sp.sin,
    "cos": sp.cos,
    "relu": relu,
    "step": step,
}


class _Undefined(sp.core.function.UndefinedFunction):
    """The kind of our undefined functions, none of which is SymPy's `Function` of its name.

    SymPy holds functions of one name for equal, and so would answer from its cache with the
    derivative of the other.
    """

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return hash((super().__hash__(), __name__))


@cache
def undefined_function(name: str) -> Callable[[sp.Expr], sp.Expr]:
    """f, an undefined function of one number whose derivative f′ is the function `df`.

    SymPy's own derivative of f(u) is a `Subs` of a `Derivative`, which cannot be compared
    or printed as mathematics.

    >>> u = sp.Symbol("u")
    >>> undefined_function("f")(2 * u).diff(u)
    2*df(2*u)
    """

    def fdiff(self: sp.Expr, argindex: int = 1) -> sp.Expr:
        return applied(f"d{name}", arguments(self)[0])

    made: Callable[[sp.Expr], sp.Expr] = _Undefined(
        name, bases=(sp.core.function.AppliedUndef,), __dict__={"fdiff": fdiff}
    )
    return made


@lru_cache(maxsize=1 << 16)
def applied(name: str, value: sp.Expr) -> sp.Expr:
    """f(value), with f an undefined function.

    >>> applied("df", entry("Y", 1, 2))
    df(Y[1, 2])
    """
    return undefined_function(name)(value)
