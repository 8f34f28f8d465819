"""Deciding an equality: equal, refuted at a point, or undecided with the reason."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Mapping, Sequence
from typing import cast

import sympy as sp

from matderiv.calculus import polynomials as poly
from matderiv.calculus.deciding.decide import Verdict
from matderiv.calculus.polynomials import Polynomial
from matderiv.calculus.problem import Elementwise, Problem
from matderiv.calculus.scalars import name_of, relu, sigmoid, step, xreplaced
from matderiv.calculus.series import Array, Scalar, uniform, uniform_array
from matderiv.calculus.values import Values
from matderiv.errors import UnsupportedError
from matderiv.expression.shapes import Dim

__all__ = ["BUDGET", "Judge", "Verdict", "vanishes"]

#: Terms of the product (rows × inner × columns) up to which every entry is compared as well.
BUDGET = 40_000

_ATTEMPTS = 3
_DIGITS = 40

_ROW, _COL = (sp.Symbol(name, integer=True, positive=True) for name in ("_row", "_col"))


class Judge:
    """Decides equalities between scalars and between matrices of one problem."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self._definition = problem.array(problem.product.value)
        self.exhaustive = math.prod(dim.size for dim in problem.dims) <= BUDGET
        self._decided: dict[sp.Expr, bool] = {}
        self._general = Values(problem, general=True)
        self._written = Values(problem, general=False)

    def scalars(self, sides: Sequence[Scalar], *, letters: bool = False) -> list[Verdict]:
        """Whether each scalar equals the next; with `letters`, they hold index letters."""
        if (letters or not self.exhaustive) and not all(map(uniform, sides)):
            return [_NOT_UNIFORM]
        try:
            index = self._differences(self._general, sides)
        except UnsupportedError as error:
            if letters or not self.exhaustive:
                return [Verdict("undecided", reason=str(error))]
            index = []
        if letters or not self.exhaustive:
            return [_general_verdict(rest) for rest in index]
        try:
            written = self._differences(self._written, sides)
        except UnsupportedError as error:
            return [Verdict("undecided", reason=str(error))]
        return [
            self._refuted(rest)
            if rest
            else Verdict("equal", index=bool(index) and not index[number], entries=1)
            for number, rest in enumerate(written)
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
                return [Verdict("refuted", reason=detail)]
        index: list[Polynomial] = []
        if letters:
            if not self.exhaustive and not all(map(uniform_array, sides)):
                return [_NOT_UNIFORM]
            try:
                # Letters that no side holds already: a side that is entry p, q everywhere
                # would otherwise pass for the matrix of all of them.
                general = [side.at(_ROW, _COL) for side in sides]
                runs = {_ROW: first.rows, _COL: first.cols}
                index = self._differences(self._general, general, runs)
            except UnsupportedError as error:
                if not self.exhaustive:
                    return [Verdict("undecided", reason=str(error))]
            if not self.exhaustive:
                return [_general_verdict(rest) for rest in index]
        rows, cols = first.rows.size, first.cols.size
        verdicts = [
            Verdict("equal", index=bool(index) and not index[number], entries=rows * cols)
            for number in range(len(sides) - 1)
        ]
        different = dict.fromkeys(sides)
        for place in itertools.product(range(1, rows + 1), range(1, cols + 1)):
            try:
                entries = {side: side.at(*place) for side in different}
                written = self._differences(self._written, [entries[side] for side in sides])
            except UnsupportedError as error:
                return [Verdict("undecided", reason=f"entry {place}: {error}", entry=place)]
            for number, rest in enumerate(written):
                if rest and verdicts[number].status == "equal":
                    verdicts[number] = self._refuted(rest, place)
        return verdicts

    def _differences(
        self, values: Values, sides: Sequence[Scalar], runs: Mapping[sp.Symbol, Dim] | None = None
    ) -> list[Polynomial]:
        """Each side minus the next, {} where it is zero: as it stands, then further unfolded."""
        known = values.together(sides, runs)
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
        expr = poly.to_expr(rest)
        # Differences at other entries are mostly the same but for their names: decide them once.
        entries = sorted(expr.atoms(sp.Indexed), key=str)
        expr = xreplaced(expr, {e: sp.Symbol(f"_{n}", real=True) for n, e in enumerate(entries)})
        known = self._decided.get(expr)
        if known is None:
            known = self._decided[expr] = vanishes(self._concrete(expr)) is True
        return known

    def _concrete(self, expr: sp.Expr, *, inputs: bool = False) -> sp.Expr:
        """The expression with a known f and f′ written out; f′ is SymPy's own derivative.

        With `inputs`, y_ij too, which is no free quantity beside the inputs it is made of.
        """
        head = self.problem.head
        if not isinstance(head, Elementwise) or head.body is None:
            return expr
        y, body, slope = head.variable, head.body, head.body.diff(head.variable)
        made = expr.replace(head.derivative_at(y).func, lambda u: slope.xreplace({y: u}))
        made = made.replace(head.at(y).func, lambda u: body.xreplace({y: u}))
        expr = cast("sp.Expr", made)
        if inputs:
            own = [a for a in expr.atoms(sp.Indexed) if name_of(a) == self.problem.name]
            expr = xreplaced(
                expr,
                {a: poly.to_expr(self._written.of(self._definition.at(*a.indices))) for a in own},
            )
        return expr

    def _refuted(self, rest: Polynomial, place: tuple[int, int] | None = None) -> Verdict:
        where = f"entry {place}: " if place else ""
        expr, _ = _as_reals(self._concrete(poly.to_expr(rest), inputs=True))
        if expr.has(sp.Sum):
            return Verdict(
                "undecided", reason=f"{where}the difference holds a sum left as it is", entry=place
            )
        chance = random.Random(1)  # noqa: S311 - points to refute at, not secrets
        for attempt in range(_ATTEMPTS):
            point, value = _at_random_point(expr, chance, signed=attempt > 0)
            if value is not None and abs(value) > sp.Float(10) ** (-_DIGITS // 2):
                names = ", ".join(f"{k} = {v}" for k, v in list(point.items())[:8])
                more = ", …" if len(point) > 8 else ""  # noqa: PLR2004 - a line's length
                return Verdict(
                    "refuted",
                    reason=f"{where}left - right = {sp.nsimplify(value)} at {names}{more}"
                    if value.is_Rational
                    else f"{where}left - right = {sp.N(value, 6)} at {names}{more}",
                    entry=place,
                )
        return Verdict(
            "undecided", reason=f"{where}the difference {expr} was not decided", entry=place
        )


def _as_reals(expr: sp.Expr) -> tuple[sp.Expr, dict[sp.Expr, sp.Expr]]:
    """Real symbols in the place of entries, which SymPy takes for complex; and what they are."""
    real = {a: sp.Symbol(str(a), real=True) for a in expr.atoms(sp.Indexed)}
    return xreplaced(expr, real), {symbol: a for a, symbol in real.items()}


_NOT_UNIFORM = Verdict("undecided", reason="single terms or entries are not like the others")


def _general_verdict(rest: Polynomial) -> Verdict:
    if not rest:
        return Verdict("equal", index=True)
    if any(monomial.bound for monomial in rest):
        return Verdict("undecided", reason="the index proof leaves a sum that does not cancel")
    return Verdict("refuted", reason=f"the index proof leaves {poly.to_expr(rest)}")


def _at_random_point(
    expr: sp.Expr, chance: random.Random, *, signed: bool
) -> tuple[dict[sp.Expr, sp.Rational], sp.Expr | None]:
    """A random rational point of an expression, and its value there (None: not defined).

    The logarithm and roots like positive numbers; relu is the identity there.
    """

    def value() -> sp.Rational:
        above, below = chance.randint(1, 19), chance.randint(2, 9)
        if signed and chance.random() < 0.5:  # noqa: PLR2004 - a coin
            above = -above
        number = sp.Rational(above, below)
        assert isinstance(number, sp.Rational)
        return number

    functions = expr.atoms(sp.core.function.AppliedUndef)
    free = sorted(expr.free_symbols - {s for f in functions for s in f.free_symbols}, key=str)
    free = [s for s in free if not isinstance(s, sp.Idx | sp.IndexedBase)]
    atoms = sorted(expr.atoms(sp.Indexed), key=str)
    symbols = [s for s in free if s not in {x for a in atoms for x in a.free_symbols}]
    point: dict[sp.Expr, sp.Rational] = {f: value() for f in sorted(functions, key=str)}
    rest = xreplaced(expr, point)
    partials = [p for p in sp.preorder_traversal(rest) if type(p).__name__ == "Partial"]
    for part in [*partials, *atoms, *symbols]:
        point[part] = value()
    found = xreplaced(rest, point)
    if found.is_Rational:
        return point, found
    try:
        number = sp.N(found, _DIGITS)
    except (ValueError, TypeError, ArithmeticError):
        return point, None
    return point, number if number.is_Float else None


def vanishes(expr: sp.Expr, *, simplify: bool = True) -> bool | None:
    """Whether an expression is 0: True is proved exactly, False by a point, None undecided.

    Functions are rewritten to exponentials, then the numerator of the whole is expanded: for
    rational functions of exponentials this is a normal form. `simplify` is SymPy's own attempt,
    the last one, which may take long.
    """
    if sp.expand(expr) == 0:
        return True
    if sp.expand(expr.replace(_is_power_of_sum, _split)) == 0:
        return True
    plain = expr.replace(sigmoid, lambda u: 1 / (1 + sp.exp(-u)))
    plain = plain.replace(relu, lambda u: u * step(u))
    plain = plain.rewrite(sp.tanh, sp.exp) if not plain.has(sp.tanh) else plain.rewrite(sp.exp)
    for attempt in (plain, sp.powsimp(plain), sp.expand(plain, power_exp=True)):
        above, _ = sp.fraction(sp.together(attempt))
        if sp.expand(above) == 0 or sp.expand(sp.powsimp(sp.expand(above))) == 0:
            return True
    chance = random.Random(2)  # noqa: S311 - points to refute at, not secrets
    for number in range(_ATTEMPTS):
        _, value = _at_random_point(expr, chance, signed=number > 0)
        if value is not None and abs(value) > sp.Float(10) ** (-_DIGITS // 2):
            return False
    return True if simplify and sp.simplify(plain) == 0 else None


def _is_power_of_sum(expr: sp.Basic) -> bool:
    return isinstance(expr, sp.Pow) and not isinstance(expr, sp.exp) and expr.exp.is_Add


def _split(power: sp.Pow) -> sp.Expr:
    """u**(a + b) as u**a · u**b, wherever u is not 0."""
    return sp.Mul(*(power.base**term for term in power.exp.args))
