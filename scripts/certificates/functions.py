"""Functions of one number, and whether an expression in them is zero."""

from __future__ import annotations

import contextlib
import math
import zlib
from collections.abc import Callable
from functools import lru_cache

import sympy as sp
from sympy.core.function import AppliedUndef, UndefinedFunction

from certificates.frame import refuse

MOST_TERMS = 200_000  # of one sum


def _function(name: str, slope: Callable[[sp.Expr], sp.Expr]) -> Callable[[sp.Expr], sp.Expr]:
    """A SymPy function whose derivative is slope(the function at its argument)."""
    return type(name, (sp.Function,), {"nargs": 1, "fdiff": lambda self, *_: slope(self)})


sigmoid = _function("sigmoid", lambda s: s * (1 - s))  # 1/(1 + exp(-u))
step = _function("step", lambda _: sp.S.Zero)  # 1 for u > 0, 0 for u < 0
relu = _function("relu", lambda r: step(r.args[0]))  # max(0, u)
KNOWN: dict[str, Callable[[sp.Expr], sp.Expr]] = {
    "exp": sp.exp, "log": sp.log, "sqrt": sp.sqrt, "tanh": sp.tanh, "sin": sp.sin, "cos": sp.cos,
    "Abs": sp.Abs, "sign": sp.sign, "sigmoid": sigmoid, "relu": relu, "step": step,
}  # fmt: skip
function = lru_cache(UndefinedFunction)
DELTA, PARTIAL, INNER = map(function, ("δ", "∂", "Σ"))  # no name of a file


@lru_cache(maxsize=4096)
def vanishes(expr: sp.Expr) -> bool:
    """Whether an expression in real symbols and undefined functions is 0 where it is defined."""
    for power in expr.atoms(sp.Pow):
        terms = len(sp.Add.make_args(power.base))
        if (
            power.exp.is_Integer
            and math.comb(abs(int(power.exp)) + terms - 1, terms - 1) > MOST_TERMS // 50
        ):
            refuse("an equality needs a power multiplied out that is too large")
    plain = expr.replace(sigmoid, lambda u: 1 / (1 + sp.exp(-u)))
    plain = plain.replace(relu, lambda u: u * step(u))
    plain = plain.replace(step, lambda u: sp.S.One if u.is_positive else step(u))
    if _differs_at_a_point(plain):
        return False
    for form in (plain, plain.rewrite(sp.exp), sp.expand(plain, power_exp=True)):
        above = sp.expand(sp.fraction(sp.together(form))[0])
        if above == 0 or sp.expand(sp.powsimp(above)) == 0:
            return True
    return bool(sp.simplify(plain) == 0)


def _differs_at_a_point(expr: sp.Expr) -> bool:
    """Whether the value is not 0 at a rational point, some smooth f for each undefined one."""
    concrete = expr.replace(
        lambda e: isinstance(e, AppliedUndef),
        lambda e: sp.sin(e.args[0] + zlib.crc32(type(e).__name__.encode()) % 97),
    ).replace(step, lambda u: (1 + sp.sign(u)) / 2)
    symbols = sorted(concrete.free_symbols, key=str)
    point = {s: sp.Rational(7 * n % 41 + 1, 43) for n, s in enumerate(symbols, 1)}
    with contextlib.suppress(ArithmeticError, TypeError, ValueError):
        return bool(abs(sp.N(concrete.xreplace(point), 30)) > sp.Float("1e-15"))
    return False
