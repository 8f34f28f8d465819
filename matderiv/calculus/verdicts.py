"""Deciding an equality: equal, refuted at a point, or undecided with the reason."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import sympy as sp

from matderiv.calculus import polynomials as poly
from matderiv.calculus.polynomials import Polynomial
from matderiv.calculus.problem import Elementwise, Problem
from matderiv.calculus.scalars import relu, sigmoid, step
from matderiv.calculus.series import Array, Scalar
from matderiv.calculus.values import Values

__all__ = ["BUDGET", "Judge", "Verdict", "vanishes"]

#: Terms of the product (rows × inner × columns) up to which every entry is compared as well.
BUDGET = 100_000

_ATTEMPTS = 3
_DIGITS = 40


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is known of one equality.

    `index`: proved in index notation, entries and sizes left as letters.
    `entries`: how many entries were compared one by one, exactly, at the chosen sizes.
    `detail`: for a refuted one the entry and a rational point at which the sides differ;
    for an undecided one the reason.
    """

    status: Literal["equal", "refuted", "undecided"]
    index: bool = False
    entries: int = 0
    detail: str = ""


class Judge:
    """Decides equalities between scalars and between matrices of one problem."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.exhaustive = math.prod(dim.size for dim in problem.dims) <= BUDGET
        self._general = Values(problem, general=True)
        self._written = Values(problem, general=False)

    def scalars(self, sides: Sequence[Scalar], *, letters: bool = False) -> list[Verdict]:
        """Whether each scalar equals the next; with `letters`, they hold index letters."""
        index = self._differences(self._general, sides)
        if letters or not self.exhaustive:
            return [_general_verdict(rest) for rest in index]
        written = self._differences(self._written, sides)
        return [
            self._refuted(rest, "") if rest else Verdict("equal", index=not general, entries=1)
            for general, rest in zip(index, written, strict=True)
        ]

    def arrays(self, sides: Sequence[Array], *, letters: bool = True) -> list[Verdict]:
        """Whether each matrix equals the next, entry by entry.

        Without `letters` the indices of the matrices cannot be letters, so that only their
        entries at the chosen sizes are compared.
        """
        first = sides[0]
        for other in sides[1:]:
            if (first.rows, first.cols) != (other.rows, other.cols):
                detail = (
                    f"one side is {first.rows.size}×{first.cols.size}, "
                    f"another {other.rows.size}×{other.cols.size}"
                )
                return [Verdict("refuted", detail=detail)]
        p, q = self.problem.letters.p, self.problem.letters.q
        rows, cols = first.rows.size, first.cols.size
        if letters:
            index = self._differences(self._general, [side.at(p, q) for side in sides])
            if not self.exhaustive:
                return [_general_verdict(rest) for rest in index]
            verdicts = [Verdict("equal", index=not rest, entries=rows * cols) for rest in index]
        else:
            verdicts = [Verdict("equal", entries=rows * cols) for _ in sides[1:]]
        for i, j in itertools.product(range(1, rows + 1), range(1, cols + 1)):
            written = self._differences(self._written, [side.at(i, j) for side in sides])
            for number, rest in enumerate(written):
                if rest and verdicts[number].status == "equal":
                    verdicts[number] = self._refuted(rest, f"entry ({i}, {j}): ")
        return verdicts

    def _differences(self, values: Values, sides: Sequence[Scalar]) -> list[Polynomial]:
        """Each side minus the next, {} where it is zero: as it stands, then further unfolded."""
        known = [values.of(side) for side in sides]
        return [
            {} if one == other else self._rest(values, poly.difference(one, other))
            for one, other in itertools.pairwise(known)
        ]

    def _rest(self, values: Values, rest: Polynomial) -> Polynomial:
        if self._vanishes(rest):
            return {}
        rest = values.unfolded(rest)
        return {} if self._vanishes(rest) else rest

    def _vanishes(self, rest: Polynomial) -> bool:
        if not rest:
            return True
        head = self.problem.head
        if not isinstance(head, Elementwise) or head.body is None:
            return False
        if any(monomial.bound for monomial in rest):
            return False
        return vanishes(self._concrete(poly.to_expr(rest))) is True

    def _concrete(self, expr: sp.Expr) -> sp.Expr:
        """The expression with a known f and f′ written out; f′ is SymPy's own derivative."""
        head = self.problem.head
        if not isinstance(head, Elementwise) or head.body is None:
            return expr
        y, body, slope = head.variable, head.body, head.body.diff(head.variable)
        real = {a: sp.Symbol(str(a), real=True) for a in expr.atoms(sp.Indexed)}
        return (
            expr.replace(head.derivative_at(y).func, lambda u: slope.xreplace({y: u}))
            .replace(head.at(y).func, lambda u: body.xreplace({y: u}))
            .xreplace(real)
        )

    def _refuted(self, rest: Polynomial, where: str) -> Verdict:
        expr = self._concrete(poly.to_expr(rest))
        if expr.has(sp.Sum):
            return Verdict("undecided", detail=f"{where}the difference holds a sum left as it is")
        chance = random.Random(1)  # noqa: S311 - points to refute at, not secrets
        for _ in range(_ATTEMPTS):
            point, value = _at_random_point(expr, chance)
            if value is not None and abs(value) > sp.Float(10) ** (-_DIGITS // 2):
                names = ", ".join(f"{k} = {v}" for k, v in list(point.items())[:8])
                more = ", …" if len(point) > 8 else ""  # noqa: PLR2004 - a line's length
                return Verdict(
                    "refuted",
                    detail=f"{where}left - right = {sp.nsimplify(value)} at {names}{more}"
                    if value.is_Rational
                    else f"{where}left - right = {sp.N(value, 6)} at {names}{more}",
                )
        return Verdict("undecided", detail=f"{where}the difference {expr} was not decided")


def _general_verdict(rest: Polynomial) -> Verdict:
    if not rest:
        return Verdict("equal", index=True)
    if any(monomial.bound for monomial in rest):
        return Verdict("undecided", detail="the index proof leaves a sum that does not cancel")
    return Verdict("refuted", detail=f"the index proof leaves {poly.to_expr(rest)}")


def _at_random_point(
    expr: sp.Expr, chance: random.Random
) -> tuple[dict[sp.Expr, sp.Rational], sp.Expr | None]:
    """A random rational point of an expression, and its value there (None: not defined)."""

    def value() -> sp.Rational:
        return sp.Rational(chance.randint(1, 19), chance.randint(2, 9))

    functions = expr.atoms(sp.core.function.AppliedUndef)
    free = sorted(expr.free_symbols - {s for f in functions for s in f.free_symbols}, key=str)
    free = [s for s in free if not isinstance(s, sp.Idx | sp.IndexedBase)]
    atoms = sorted(expr.atoms(sp.Indexed), key=str)
    symbols = [s for s in free if s not in {x for a in atoms for x in a.free_symbols}]
    point = {f: value() for f in sorted(functions, key=str)}
    rest = expr.xreplace(point)
    partials = [p for p in sp.preorder_traversal(rest) if type(p).__name__ == "Partial"]
    for part in [*partials, *atoms, *symbols]:
        point[part] = value()
    found = rest.xreplace(point)
    if found.is_Rational:
        return point, found
    try:
        number = sp.N(found, _DIGITS)
    except (ValueError, TypeError, ArithmeticError):
        return point, None
    return point, number if number.is_Float else None


def vanishes(expr: sp.Expr) -> bool | None:
    """Whether an expression is 0: True is proved exactly, False by a point, None undecided.

    Functions are rewritten to exponentials, then the numerator of the whole is expanded: for
    rational functions of exponentials this is a normal form.
    """
    if sp.expand(expr) == 0:
        return True
    plain = expr.replace(sigmoid, lambda u: 1 / (1 + sp.exp(-u)))
    plain = plain.replace(relu, lambda u: u * step(u))
    plain = plain.rewrite(sp.tanh, sp.exp) if not plain.has(sp.tanh) else plain.rewrite(sp.exp)
    for attempt in (plain, sp.powsimp(plain), sp.expand(plain, power_exp=True)):
        above, _ = sp.fraction(sp.together(attempt))
        if sp.expand(above) == 0 or sp.expand(sp.powsimp(sp.expand(above))) == 0:
            return True
    chance = random.Random(2)  # noqa: S311 - points to refute at, not secrets
    for _ in range(_ATTEMPTS):
        _, value = _at_random_point(expr, chance)
        if value is not None and abs(value) > sp.Float(10) ** (-_DIGITS // 2):
            return False
    return True if sp.simplify(plain) == 0 else None
