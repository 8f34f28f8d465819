"""What a scalar is worth: partial derivatives worked out from the definitions of a problem."""

from __future__ import annotations

import itertools

import sympy as sp

from matderiv.calculus import polynomials as poly
from matderiv.calculus.polynomials import Coefficient, Monomial, Polynomial
from matderiv.calculus.problem import Elementwise, Opaque, Problem
from matderiv.calculus.scalars import Partial, delta, entry
from matderiv.calculus.series import Array, Filled, PartialOfSum, Scalar, Series, to_sympy
from matderiv.errors import UnsupportedError

__all__ = ["Values"]


class Values:
    """The values of scalars as polynomials over the entries of the inputs, of Y, and f′(y_ij).

    With `general`, sums stay sums over an index and sizes stay letters, so that a value holds
    for every size; else every sum is written out at the sizes of the problem. With `upstream`,
    ∂L/∂y_ij stays a quantity of its own, whatever the loss is.
    """

    def __init__(self, problem: Problem, *, general: bool, upstream: bool = False) -> None:
        self.problem = problem
        self.general = general
        self.upstream = upstream
        self._definition: Array = problem.array(problem.product.value)
        self._fresh = itertools.count()
        self._sweep: dict[sp.Expr, Polynomial] | None = None
        self._partials: dict[Partial, Polynomial] = {}
        self._rates: dict[sp.Indexed, dict[sp.Expr, Polynomial]] = {}
        self._definitions: dict[sp.Indexed, Polynomial] = {}

    def of(self, scalar: Scalar) -> Polynomial:
        """The value, entries of Y left as they are."""
        value = self._of(scalar)
        return poly.contracted(value) if self.general else value

    def unfolded(self, value: Polynomial) -> Polynomial:
        """The value with every y_ij that stands by itself replaced by its definition."""
        name = self.problem.name
        parts = []
        for monomial, number in value.items():
            factors = [
                self._defined(a)
                if isinstance(a, sp.Indexed) and a.base.name == name
                else poly.atom(a)
                for a in monomial.atoms
            ]
            product = poly.multiplied([*factors, {poly.ONE: number}])
            parts.append(poly.summed(product, monomial.bound))
        total = poly.added(parts)
        return poly.contracted(total) if self.general else total

    def _defined(self, y: sp.Indexed) -> Polynomial:
        """The definition of an entry of Y."""
        if self.general:
            return self._of(self._definition.at(*y.indices))
        known = self._definitions.get(y)
        if known is None:
            known = self._definitions[y] = self._of(self._definition.at(*y.indices))
        return known

    # -- scalars -----------------------------------------------------------------------------

    def _of(self, scalar: Scalar) -> Polynomial:
        match scalar:
            case Series():
                return self._series(scalar)
            case Filled(expr=expr, entry=hole, by=by):
                return self._filled(expr, hole, by)
            case PartialOfSum(of=of, wrt=wrt):
                return self._of(
                    Series(of.bounds, lambda *n: self._partial_factors(of.term(*n), wrt))
                )
        return self._expr(scalar)

    def _series(self, series: Series) -> Polynomial:
        if not series.bounds:
            return poly.multiplied(map(self._of, series.term()))
        if not self.general:
            return self._written_out(series)
        fresh = [
            sp.Symbol(f"_b{next(self._fresh)}", integer=True, positive=True)
            for _ in series.bounds
        ]
        product = poly.multiplied(map(self._of, series.term(*fresh)))
        bound = zip(fresh, (b.dim.symbol for b in series.bounds), strict=True)
        return poly.summed(product, bound)

    def _written_out(self, series: Series) -> Polynomial:
        """The sum term by term; nearly always a term is a single monomial, which is quick."""
        total: dict[Monomial, Coefficient] = {}
        for term in series.terms():
            atoms: list[sp.Expr] = []
            number: Coefficient = 1
            for factor in term:
                if type(factor) is sp.Indexed:
                    atoms.append(factor)
                    continue
                value = self._of(factor)
                if len(value) != 1:
                    break
                ((monomial, c),) = value.items()
                atoms += monomial.atoms
                number *= c
            else:
                key = Monomial(tuple(sorted(atoms, key=hash)))
                total[key] = total.get(key, 0) + number
                continue
            for key, c in poly.multiplied(map(self._of, term)).items():
                total[key] = total.get(key, 0) + c
        return {key: c for key, c in total.items() if c}

    def _filled(self, expr: sp.Expr, hole: sp.Indexed, by: Series) -> Polynomial:
        """f(y_ij) with y_ij written out is f(y_ij) if what is written is y_ij's definition."""
        written, defined = self.of(by), self._defined(hole)
        if self.general:
            defined = poly.contracted(defined)
        if written == defined:
            return self._expr(expr)
        most = 0 if self.general else len(by)
        return poly.atom(expr.xreplace({hole: to_sympy(by, most=most)}))

    @staticmethod
    def _partial_factors(term: tuple[Scalar, ...], wrt: sp.Expr) -> tuple[Scalar, ...]:
        *fixed, moving = term
        if not isinstance(moving, sp.Expr):
            raise UnsupportedError("only a sum of plain terms is differentiated term by term")
        return (*fixed, Partial(moving, wrt))

    def _expr(self, expr: sp.Expr) -> Polynomial:
        if isinstance(expr, sp.Indexed):
            return poly.atom(expr)
        if isinstance(expr, Partial):
            known = self._partials.get(expr)
            if known is None:
                known = self._partial(expr.of, expr.wrt)
                if not any(m.bound for m in known):  # a bound index may be used only once
                    self._partials[expr] = known
            return known
        if expr.is_Rational:
            return poly.constant(expr)
        if expr.is_Mul:
            return poly.multiplied(map(self._expr, expr.args))
        if expr.is_Add:
            return poly.added(map(self._expr, expr.args))
        if expr.is_Pow and expr.exp.is_Integer and 0 < expr.exp <= 8:  # noqa: PLR2004 - short
            return poly.multiplied([self._expr(expr.base)] * int(expr.exp))
        if expr == self.problem.loss:
            definition = self.problem.loss_definition
            return poly.atom(definition) if isinstance(definition, sp.Expr) else self._series(definition)
        return poly.atom(expr)

    # -- partial derivatives -----------------------------------------------------------------

    def _partial(self, of: sp.Expr, wrt: sp.Expr) -> Polynomial:
        """∂of/∂wrt: only wrt is kept, everything else in `of` is unfolded."""
        problem = self.problem
        if of == wrt:
            return poly.constant(sp.S.One)
        if of == problem.loss:
            return self._partial_of_loss(wrt)
        if isinstance(of, sp.Indexed):
            return self._partial_of_entry(of, wrt)
        if isinstance(of, sp.Function) and len(of.args) == 1:
            (inside,) = of.args
            outer = poly.atom(of.fdiff(1))
            if inside == wrt:
                return outer
            return poly.multiplied((outer, self._expr(Partial(inside, wrt))))
        raise UnsupportedError(f"the partial derivative of {of} by {wrt} is not known")

    def _partial_of_entry(self, of: sp.Indexed, wrt: sp.Expr) -> Polynomial:
        name = of.base.name
        if isinstance(wrt, sp.Indexed) and wrt.base.name == name:
            deltas = [delta(a, b) for a, b in zip(of.indices, wrt.indices, strict=True)]
            return poly.multiplied(
                poly.constant(d) if d.is_Rational else poly.atom(d) for d in deltas
            )
        if name != self.problem.name:
            return {}
        if not self.general:
            return self._rates_of(of).get(wrt, {})
        series = self._definition.at(*of.indices)
        assert isinstance(series, Series)
        return poly.added(
            self._of(Series(series.bounds, lambda *n, s=slot: _with_partial(series.term(*n), s, wrt)))
            for slot in (0, 1)
        )

    def _partial_of_loss(self, wrt: sp.Expr) -> Polynomial:
        problem, head = self.problem, self.problem.head
        upstream = self.upstream or isinstance(head, Opaque)
        if isinstance(wrt, sp.Indexed) and wrt.base.name == problem.name:
            if upstream:
                return poly.atom(Partial(problem.loss, wrt))
            assert isinstance(head, Elementwise)
            return poly.multiplied(
                (self._expr(head.coefficient), poly.atom(head.derivative_at(wrt)))
            )
        if isinstance(wrt, sp.Indexed):
            if not self.general:
                if self._sweep is None:
                    self._sweep = self._swept()
                return self._sweep[wrt]
            return self._series(problem.chain_rule(wrt))
        if isinstance(head, Elementwise) and wrt.func == head.at(wrt.args[0]).func:
            return self._expr(head.coefficient)
        raise UnsupportedError(f"the partial derivative of {problem.loss} by {wrt} is not known")

    def _rates_of(self, y: sp.Indexed) -> dict[sp.Expr, Polynomial]:
        """∂y_ij by every entry that its definition holds: one pass over its terms."""
        known = self._rates.get(y)
        if known is None:
            found: dict[sp.Expr, dict[Monomial, Coefficient]] = {}
            series = self._definition.at(*y.indices)
            assert isinstance(series, Series)
            for a, b in series.terms():
                for of, other in ((a, b), (b, a)):
                    terms = found.setdefault(of, {})  # type: ignore[arg-type]
                    key = Monomial((other,))  # type: ignore[arg-type]
                    terms[key] = terms.get(key, 0) + 1
            known = self._rates[y] = dict(found)
        return known

    def _swept(self) -> dict[sp.Expr, Polynomial]:
        """All ∂L/∂(entry of an input) in one reverse pass over the entries of the product."""
        rows, cols = self._definition.rows.size, self._definition.cols.size
        found: dict[sp.Expr, dict[Monomial, Coefficient]] = {}
        for i, j in itertools.product(range(1, rows + 1), range(1, cols + 1)):
            y = entry(self.problem.name, i, j)
            adjoint = self._partial_of_loss(y)
            for x, rate in self._rates_of(y).items():
                terms = found.setdefault(x, {})
                for one, c in adjoint.items():
                    for other, d in rate.items():
                        key = Monomial(tuple(sorted(one.atoms + other.atoms, key=hash)))
                        terms[key] = terms.get(key, 0) + c * d
        return dict(found)


def _with_partial(term: tuple[Scalar, ...], slot: int, wrt: sp.Expr) -> tuple[Scalar, ...]:
    return tuple(
        Partial(f, wrt) if n == slot else f for n, f in enumerate(term)  # type: ignore[arg-type]
    )

