"""Partial derivatives worked out from the definitions of a problem."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import lru_cache

import sympy as sp

from matderiv.calculus import polynomials as poly
from matderiv.calculus.polynomials import Coefficient, Monomial, Polynomial
from matderiv.calculus.problem import Elementwise, Opaque, Problem
from matderiv.calculus.scalars import Partial, arguments, delta, entry, name_of, xreplaced
from matderiv.calculus.series import Array, Filled, PartialOfSum, Scalar, Series, to_sympy
from matderiv.errors import UnsupportedError
from matderiv.expression.shapes import Dim

__all__ = ["Values", "with_partial"]

_SHORT = 8  # the largest power that is multiplied out


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
        self._sums: dict[Series, Polynomial] = {}
        self._dims = {dim.symbol: dim for shape in problem.shapes.values() for dim in shape}
        self._runs: dict[sp.Basic, str] = {}
        self._joined: list[sp.KroneckerDelta] = []

    def together(
        self, scalars: Iterable[Scalar], runs: Mapping[sp.Symbol, Dim] | None = None
    ) -> list[Polynomial]:
        """The values of scalars in which one letter is one index, with sizes of some letters.

        Raises:
            UnsupportedError: a scalar has no value that is known; or its indices do not fit:
                for i of one size and p of another, Σ_i δ_ip a_i is not a_p.
        """
        self._runs = {letter: dim.symbol for letter, dim in (runs or {}).items()}
        self._joined = []
        self._fresh = itertools.count()  # the same letters again: their entries are known
        scalars = list(scalars)
        known_values = {scalar: self._normal(scalar) for scalar in dict.fromkeys(scalars)}
        values = [known_values[scalar] for scalar in scalars]
        for joined in self._joined:
            known = {self._runs.get(index) for index in joined.args if not index.is_Integer}
            if None in known or len(known) > 1:
                raise UnsupportedError(f"the indices of {joined} do not run over one size")
        return values

    def of(self, scalar: Scalar) -> Polynomial:
        """The value, entries of Y left as they are; see `together`."""
        (value,) = self.together((scalar,))
        return value

    def _normal(self, scalar: Scalar) -> Polynomial:
        value = self._of(scalar)
        return poly.contracted(value) if self.general else value

    def unfolded(self, value: Polynomial) -> Polynomial:
        """The value with every y_ij that stands by itself replaced by its definition."""
        name = self.problem.name
        terms: list[tuple[Monomial, Coefficient]] = []
        for monomial, number in value.items():
            self._runs.update(monomial.bound)
            if not any(isinstance(a, sp.Indexed) and name_of(a) == name for a in monomial.atoms):
                terms.append((monomial, number))
                continue
            factors = [
                self._defined(a)
                if isinstance(a, sp.Indexed) and name_of(a) == name
                else poly.atom(a)
                for a in monomial.atoms
            ]
            product = poly.multiplied([{poly.ONE: number}, *factors])
            terms += poly.summed(product, monomial.bound).items()
        total = poly.collected(terms)
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
            known = self._sums.get(series)
            if known is None:
                known = self._sums[series] = self._written_out(series)
            return known
        fresh = [self._letter() for _ in series.bounds]
        for letter, bound in zip(fresh, series.bounds, strict=True):
            if self._dims.get(bound.dim.symbol) != bound.dim:
                raise UnsupportedError(f"a sum runs to {bound.dim}, which is no size here")
            self._runs[letter] = bound.dim.symbol
        product = poly.multiplied(map(self._of, series.term(*fresh)))
        return poly.summed(product, [(letter, self._runs[letter]) for letter in fresh])

    def _letter(self) -> sp.Symbol:
        """An index letter that nothing else uses."""
        return sp.Symbol(f"_b{next(self._fresh)}", integer=True, positive=True)

    def _written_out(self, series: Series) -> Polynomial:
        """The sum term by term."""
        terms: list[tuple[Monomial, Coefficient]] = []
        for term in series.terms():
            single = self._single(term)
            terms += poly.multiplied(map(self._of, term)).items() if single is None else (single,)
        return poly.collected(terms)

    def _single(self, term: tuple[Scalar, ...]) -> tuple[Monomial, Coefficient] | None:
        """A product as the one monomial that it nearly always is; None if it is 0 or a sum."""
        atoms: list[sp.Expr] = []
        number: Coefficient = 1
        for factor in term:
            if type(factor) is sp.Indexed:
                atoms.append(factor)
                continue
            value = self._partials.get(factor) if type(factor) is Partial else None
            if value is None:
                value = self._of(factor)
            if len(value) != 1:
                return None
            ((monomial, c),) = value.items()
            atoms += monomial.atoms
            number *= c
        return Monomial(poly.ordered(atoms)), number

    def _filled(self, expr: sp.Expr, hole: sp.Indexed, by: Series) -> Polynomial:
        """f(y_ij) with y_ij written out is f(y_ij) if what is written is y_ij's definition."""
        written, defined = self._normal(by), self._defined(hole)
        if self.general:
            defined = poly.contracted(defined)
        if written == defined:
            return self._expr(expr)
        if self.general:  # not to be taken for anything else: a letter of its own
            return poly.atom(self._letter())
        return poly.atom(xreplaced(expr, {hole: to_sympy(by, most=len(by))}))

    @staticmethod
    def _partial_factors(term: tuple[Scalar, ...], wrt: sp.Expr) -> tuple[Scalar, ...]:
        *fixed, moving = term
        varying = (sp.Indexed, sp.KroneckerDelta, sp.Function, Partial)
        if not isinstance(moving, sp.Expr) or not all(
            isinstance(f, sp.Expr) and not f.has(*varying) for f in fixed
        ):
            raise UnsupportedError("only numbers times one function are differentiated in a sum")
        return (*fixed, Partial(moving, wrt))

    def _check(self, expr: sp.Expr) -> None:
        """Each index in it counts the rows or columns that it stands for, and no others.

        Raises:
            UnsupportedError: there is no such entry, or one letter runs over two sizes.
        """
        for at in _entries(expr):
            shape = self.problem.shapes.get(name_of(at), ())
            if len(shape) != len(at.indices):
                raise UnsupportedError(f"{at} is not an entry of a matrix")
            for index, dim in zip(at.indices, shape, strict=True):
                if isinstance(index, sp.Integer):
                    fits = 1 <= int(index) <= dim.size
                else:
                    fits = (
                        self.general
                        and index.is_Symbol
                        and self._runs.setdefault(index, dim.symbol) == dim.symbol
                    )
                if not fits:
                    raise UnsupportedError(f"the index {index} of {at} is none of its own")

    def _expr(self, expr: sp.Expr) -> Polynomial:
        if isinstance(expr, sp.Indexed):
            if self.general:
                self._check(expr)
            return poly.atom(expr)
        if isinstance(expr, Partial):
            if self.general:
                self._check(expr)
            known = self._partials.get(expr)
            if known is None:
                self._check(expr)
                known = self._partial(expr.of, expr.wrt)
                if not any(m.bound for m in known):  # a bound index may be used only once
                    self._partials[expr] = known
            return known
        if isinstance(expr, sp.Rational):
            return poly.constant(expr)
        if expr.is_Mul:
            return poly.multiplied(map(self._expr, arguments(expr)))
        if expr.is_Add:
            return poly.added(map(self._expr, arguments(expr)))
        if isinstance(expr, sp.Pow) and expr.exp.is_Integer and 0 < int(expr.exp) <= _SHORT:
            # A bound index may be used only once, so each factor is worked out by itself.
            return poly.multiplied([self._expr(expr.base) for _ in range(int(expr.exp))])
        if expr.is_Symbol and expr == self.problem.loss:
            definition = self.problem.loss_definition
            if isinstance(definition, sp.Expr):
                return poly.atom(definition)
            return self._series(definition)
        if self.general:
            if isinstance(expr, sp.KroneckerDelta):
                self._joined.append(expr)
            self._check(expr)
        return poly.atom(expr)

    # -- partial derivatives -----------------------------------------------------------------

    def _partial(self, of: sp.Expr, wrt: sp.Expr) -> Polynomial:
        """∂of/∂wrt: only wrt is kept, everything else in `of` is unfolded."""
        problem = self.problem
        head = problem.head
        if isinstance(wrt, sp.Function):
            y = wrt.args[0]
            known = isinstance(y, sp.Indexed) and name_of(y) == problem.name
        elif isinstance(head, Elementwise) and wrt == head.variable:
            known = of == head.at(wrt)
        else:
            known = isinstance(wrt, sp.Indexed)
        if not known:
            raise UnsupportedError(f"the partial derivative of {of} by {wrt} is not known")
        if isinstance(of, sp.Indexed):
            return self._partial_of_entry(of, wrt)
        if of.is_Symbol and of == problem.loss:
            return self._partial_of_loss(wrt)
        if isinstance(of, sp.Function) and len(of.args) == 1:
            (inside,) = arguments(of)
            outer = poly.atom(of.fdiff(1))
            if inside == wrt:
                return outer
            if of == wrt:
                return poly.constant(sp.S.One)
            return poly.multiplied((outer, self._expr(Partial(inside, wrt))))
        raise UnsupportedError(f"the partial derivative of {of} by {wrt} is not known")

    def _partial_of_entry(self, of: sp.Indexed, wrt: sp.Expr) -> Polynomial:
        name = name_of(of)
        if not isinstance(wrt, sp.Indexed):
            raise UnsupportedError(f"the partial derivative of {of} by {wrt} is not known")
        if name_of(wrt) == name:
            deltas = [delta(a, b) for a, b in zip(of.indices, wrt.indices, strict=True)]
            return poly.multiplied(
                poly.constant(d) if isinstance(d, sp.Rational) else poly.atom(d) for d in deltas
            )
        if name != self.problem.name:
            return {}
        if not self.general:
            return self._rates_of(of).get(wrt, {})
        series = self._definition.at(*of.indices)
        assert isinstance(series, Series)
        bounds, term = series.bounds, series.term
        return poly.added(
            self._of(Series(bounds, lambda *n, s=slot: with_partial(term(*n), s, wrt)))
            for slot in (0, 1)
        )

    def _partial_of_loss(self, wrt: sp.Expr) -> Polynomial:
        problem, head = self.problem, self.problem.head
        upstream = self.upstream or isinstance(head, Opaque)
        if isinstance(wrt, sp.Indexed) and name_of(wrt) == problem.name:
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
        if isinstance(head, Elementwise) and wrt.func == head.at(arguments(wrt)[0]).func:
            return self._expr(head.coefficient)
        raise UnsupportedError(f"the partial derivative of {problem.loss} by {wrt} is not known")

    def _rates_of(self, y: sp.Indexed) -> dict[sp.Expr, Polynomial]:
        """∂y_ij by every entry that its definition holds: one pass over its terms."""
        known = self._rates.get(y)
        if known is None:
            found: defaultdict[sp.Expr, list[tuple[Monomial, Coefficient]]] = defaultdict(list)
            series = self._definition.at(*y.indices)
            assert isinstance(series, Series)
            for a, b in series.terms():
                assert isinstance(a, sp.Expr)
                assert isinstance(b, sp.Expr)
                found[a].append((Monomial((b,)), 1))
                found[b].append((Monomial((a,)), 1))
            known = self._rates[y] = {x: poly.collected(terms) for x, terms in found.items()}
        return known

    def _swept(self) -> dict[sp.Expr, Polynomial]:
        """All ∂L/∂(entry of an input) in one reverse pass over the entries of the product."""
        rows, cols = self._definition.rows.size, self._definition.cols.size
        found: defaultdict[sp.Expr, list[tuple[Monomial, Coefficient]]] = defaultdict(list)
        for i, j in itertools.product(range(1, rows + 1), range(1, cols + 1)):
            y = entry(self.problem.name, i, j)
            adjoint = self._partial_of_loss(y)
            for x, rate in self._rates_of(y).items():
                found[x] += poly.product(adjoint, rate).items()
        return {x: poly.collected(terms) for x, terms in found.items()}


@lru_cache(maxsize=1 << 16)
def _entries(expr: sp.Expr) -> tuple[sp.Indexed, ...]:
    """The entries that an expression holds."""
    if type(expr) is sp.Indexed:
        return (expr,)
    # `atoms` would go on into the indices of every entry.
    return tuple(found for part in arguments(expr) for found in _entries(part))


def with_partial(term: tuple[Scalar, ...], slot: int, wrt: sp.Expr) -> tuple[Scalar, ...]:
    """The factors of a term, the one at `slot` differentiated."""
    moving = term[slot]
    assert isinstance(moving, sp.Expr)
    return (*term[:slot], Partial(moving, wrt), *term[slot + 1 :])
