"""What the property tests share: random problems, an oracle by brute force, and mutants.

The oracle works a scalar out at one exact point by the definition of a derivative alone, with
no rule of differentiation: f is a cubic where it is undefined, so that five points give a
derivative exactly. The mutants are the mistakes that a derivation could hold.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable, Iterator
from fractions import Fraction

import sympy as sp
from hypothesis import strategies as st

from matderiv.calculus.problem import Elementwise, Problem
from matderiv.calculus.scalars import Partial, entry, undefined_function
from matderiv.calculus.series import Array, Bound, Filled, PartialOfSum, Scalar, Series
from matderiv.derivation.sides import (
    Element,
    Formula,
    MatrixPartial,
    Side,
    Value,
    Written,
    WrittenProduct,
    matrix_of,
)
from matderiv.expression import nodes
from matderiv.expression.nodes import Node
from matderiv.expression.shapes import Dim

#: Losses that an oracle with polynomials works out exactly.
HEADS = (
    "sum(f({y}))",
    "Loss({y})",
    "sum({y}**2)/2",
    "3*sum(f({y}))",
    "lam*sum({y}**3 - {y})",
    "-sum(phi({y}))",
)

NAMES = ("X", "W", "A", "B", "Q", "K", "M", "D", "N", "I", "Weight", "X_1", "H2")


@st.composite
def programs(draw: st.DrawFn, largest: int = 4) -> tuple[str, dict[str, int]]:
    """A program of one product, in any order, with any names, transposes and loss; its sizes."""
    left, right, product = draw(st.permutations(NAMES).map(lambda names: names[:3]))
    a = left + draw(st.sampled_from(("", ".T")))
    b = right + draw(st.sampled_from(("", ".T")))
    head = draw(st.sampled_from(HEADS)).format(y=product)
    sizes = {name: draw(st.integers(1, largest)) for name in "NDM"}
    return f"{product} = {a} @ {b}; L = {head}", sizes


# -- the oracle ------------------------------------------------------------------------------


class Missing(Exception):  # noqa: N818 - not an error of the program: there is no such entry
    """A scalar holds an entry that its matrix does not have, or something with no value."""


_FLOATS: dict[str, Callable[[float], float]] = {
    "exp": math.exp,
    "log": math.log,
    "tanh": math.tanh,
    "sin": math.sin,
    "cos": math.cos,
    "sigmoid": lambda u: 1 / (1 + math.exp(-u)),
    "relu": lambda u: max(u, 0),
    "step": lambda u: 1 if u > 0 else 0,
}

Number = Fraction | float


class Oracle:
    """The value of every scalar of a problem at one point of its inputs."""

    def __init__(
        self, problem: Problem, seed: int = 0, given: dict[sp.Expr, Fraction] | None = None
    ) -> None:
        self.problem = problem
        chance = random.Random(seed)
        self._inputs: dict[sp.Expr, Number] = {}
        self._scalars: dict[str, Number] = {"lam": Fraction(5, 3)}
        for name in problem.factors:
            rows, cols = (dim.size for dim in problem.shapes[name])
            for i, j in itertools.product(range(1, rows + 1), range(1, cols + 1)):
                number = Fraction(chance.randint(1, 30), chance.randint(2, 9))
                self._inputs[entry(name, i, j)] = (given or {}).get(entry(name, i, j), number)
        self._variable: Number = Fraction(7, 5)
        self._shift: dict[sp.Expr, Number] = {}
        self._known: dict[sp.Expr, Number] = {}
        self._tables: dict[tuple[object, ...], tuple[Side, dict[tuple[int, ...], Number]]] = {}
        self.letters: dict[sp.Basic, int] = {}

    def values(
        self, side: Side, ranges: dict[sp.Basic, int]
    ) -> Iterator[tuple[tuple[int, ...], Number]]:
        """All values of a side: entry by entry, or for every meaning of its index letters."""
        thing = matrix_of(side, self.problem)
        if isinstance(thing, Array):
            rows, cols = range(1, thing.rows.size + 1), range(1, thing.cols.size + 1)
            for place in itertools.product(rows, cols):
                yield place, self.value(thing.at(*place))
            return
        for meaning in itertools.product(*(range(1, size + 1) for size in ranges.values())):
            self.letters = dict(zip(ranges, meaning, strict=True))
            try:
                yield meaning, self.value(thing)
            finally:
                self.letters = {}

    def agree(self, one: Side, other: Side, ranges: dict[sp.Basic, int]) -> bool:
        """Whether two sides have the same values, which is exact unless numbers are rounded."""
        key = (id(other), *ranges)
        if key not in self._tables:
            self._tables[key] = (other, dict(self.values(other, ranges)))
        table = self._tables[key][1]
        seen = 0
        try:
            for place, value in self.values(one, ranges):
                if place not in table or not close(value, table[place]):
                    return False
                seen += 1
        except Missing:
            return False
        return seen == len(table)

    def value(self, scalar: Scalar) -> Number:
        """The value of a scalar."""
        match scalar:
            case Series():
                return sum(
                    (math.prod(map(self.value, term)) for term in scalar.terms()), Fraction(0)
                )
            case Filled(expr=expr, entry=hole, by=by):
                return self._expr(expr, {hole: self.value(by)})
            case PartialOfSum(of=of, wrt=wrt):
                return self.derivative(lambda: self.value(of), wrt)
        return self._expr(scalar, {})

    def derivative(self, of: Callable[[], Number], wrt: sp.Expr) -> Number:
        """The derivative of a quantity, exact for polynomials of degree 4 and less."""
        wrt = self._meant(wrt)
        exact = not isinstance(self.problem.head, Elementwise) or (
            self.problem.head.body is None
            or bool(self.problem.head.body.is_polynomial(self.problem.head.variable))
        )
        step: Number = Fraction(1) if exact else 1e-3

        def at(times: int) -> Number:
            before, known = self._shift, self._known
            self._shift, self._known = {**before, wrt: times * step}, {}
            try:
                return of()
            finally:
                self._shift, self._known = before, known

        return (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * step)

    def _meant(self, expr: sp.Expr) -> sp.Expr:
        return expr.xreplace({k: sp.Integer(v) for k, v in self.letters.items()})

    def _expr(self, expr: sp.Expr, places: dict[sp.Expr, Number]) -> Number:
        if expr in places:
            return places[expr]
        expr = self._meant(expr)
        if places:
            return self._worked_out(expr, {self._meant(k): v for k, v in places.items()})
        if expr not in self._known:
            self._known[expr] = self._worked_out(expr, {})
        return self._known[expr]

    def _worked_out(self, expr: sp.Expr, places: dict[sp.Expr, Number]) -> Number:
        if expr in places:
            return places[expr]
        if isinstance(expr, Partial):
            self._exists(expr.wrt)
            return self.derivative(lambda: self._expr(expr.of, {}), expr.wrt)
        if isinstance(expr, sp.Indexed):
            return self._entry(expr)
        if expr.is_Rational:
            return Fraction(int(expr.p), int(expr.q))
        if expr == self.problem.loss:
            return self._loss()
        if expr.is_Symbol:
            if expr.name in self._scalars:
                return self._scalars[expr.name]
            return self._variable + self._shift.get(expr, 0)
        parts = [self._worked_out(arg, places) for arg in expr.args if arg.is_commutative]
        if expr.is_Add:
            return sum(parts, Fraction(0))
        if expr.is_Mul:
            return math.prod(parts)
        if isinstance(expr, sp.KroneckerDelta):
            return Fraction(int(parts[0] == parts[1]))
        if expr.is_Pow and not isinstance(expr, sp.exp):
            base, exponent = parts
            return base ** (int(exponent) if exponent == int(exponent) else float(exponent))
        name = type(expr).__name__
        if name in _FLOATS:
            return _FLOATS[name](float(parts[0]))
        return self._function(name, expr.args[0], parts[0]) + self._shift.get(expr, 0)

    def _exists(self, wrt: sp.Expr) -> None:
        for at in wrt.atoms(sp.Indexed):
            self._entry(at)

    def _entry(self, at: sp.Indexed) -> Number:
        if not all(index.is_Integer for index in at.indices):
            raise Missing(str(at))
        if at.base.name == self.problem.name:
            rows, cols = (dim.size for dim in self.problem.shapes[self.problem.name])
            if all(1 <= n <= size for n, size in zip(at.indices, (rows, cols), strict=True)):
                return self._product(int(at.indices[0]), int(at.indices[1]))
        elif at in self._inputs:
            return self._inputs[at] + self._shift.get(at, 0)
        raise Missing(str(at))

    def _product(self, i: int, j: int) -> Number:
        """(A·B)_ij by the definition of the product, each factor perhaps transposed."""
        value = self.problem.product.value
        assert isinstance(value, nodes.MatMul)
        total: Number = Fraction(0)
        for k in range(1, self.problem.dims[1].size + 1):
            total += self._factor(value.left, i, k) * self._factor(value.right, k, j)
        return total + self._shift.get(entry(self.problem.name, i, j), 0)

    def _factor(self, node: Node, i: int, j: int) -> Number:
        if isinstance(node, nodes.Transpose):
            return self._factor(node.arg, j, i)
        assert isinstance(node, nodes.Name)
        return self._entry(entry(node.name, i, j))

    def _loss(self) -> Number:
        rows, cols = (dim.size for dim in self.problem.shapes[self.problem.name])
        places = list(itertools.product(range(1, rows + 1), range(1, cols + 1)))
        head = self.problem.head
        if isinstance(head, Elementwise):
            terms = (self._expr(head.at(entry(self.problem.name, *p)), {}) for p in places)
            return self._expr(head.coefficient, {}) * sum(terms, Fraction(0))
        values = [self._product(*place) for place in places]
        return sum((n * y**2 for n, y in enumerate(values, 1)), Fraction(0)) + math.prod(
            [*values[:3], Fraction(1, 7)]
        )

    def _function(self, name: str, arg: sp.Expr, value: Number) -> Number:
        head = self.problem.head
        if not isinstance(head, Elementwise):
            if name == head.function and arg == sp.Symbol(self.problem.name):
                return self._loss()
            raise Missing(name)
        if head.body is not None and name in (head.function, f"d{head.function}"):
            y = head.variable
            if name == head.function:
                return self._worked_out(head.body, {y: value})
            return self._slope(lambda u: self._worked_out(head.body, {y: u}), value)
        if name == head.function:
            return value**3 / 7 + 2 * value**2 - value / 5
        if name == f"d{head.function}":
            return 3 * value**2 / 7 + 4 * value - Fraction(1, 5)
        raise Missing(name)

    @staticmethod
    def _slope(f: Callable[[Number], Number], value: Number) -> Number:
        step = Fraction(1) if isinstance(value, Fraction) else 1e-3
        try:
            exact = f(value + 2) - f(value)
        except ValueError:
            exact = 0.0
        if not isinstance(exact, Fraction):
            step = 1e-3
        first, second = f(value + step) - f(value - step), f(value + 2 * step) - f(value - 2 * step)
        return (8 * first - second) / (12 * step)


def close(a: Number, b: Number) -> bool:
    """Whether two numbers are equal, up to rounding if one of them is rounded."""
    if isinstance(a, Fraction) and isinstance(b, Fraction):
        return a == b
    return math.isclose(a, b, rel_tol=1e-5, abs_tol=1e-7)


# -- mutants ---------------------------------------------------------------------------------


def times(scalar: Scalar, number: int) -> Scalar:
    """A scalar with a factor before it."""
    return Series((), lambda: (sp.Integer(number), scalar))


def exchanged(expr: sp.Expr, which: int) -> sp.Expr:
    """An expression with the two indices of one of its entries exchanged."""
    found = sorted(expr.atoms(sp.Indexed), key=str)
    if which >= len(found):
        return expr
    at = found[which]
    return expr.xreplace({at: entry(at.base.name, *reversed(at.indices))})


def lettered(expr: sp.Expr, problem: Problem) -> sp.Expr:
    """An expression in which one index letter, or 1, is another."""
    letters = problem.letters
    for old in letters.all:
        if expr.has(old):
            return expr.xreplace({old: letters.q if old == letters.p else letters.p})
    return expr


def derived(expr: sp.Expr) -> sp.Expr:
    """An expression with f′ for f and f for f′."""
    undefined = sp.core.function.AppliedUndef
    names = {type(a).__name__ for a in expr.atoms(undefined)}

    def other(f: sp.Expr) -> sp.Expr:
        name = type(f).__name__
        new = name[1:] if name[0] == "d" and len(name) > 1 else f"d{name}"
        return undefined_function(new)(*f.args)

    return expr.xreplace({a: other(a) for a in expr.atoms(undefined)}) if names else expr


def changes(problem: Problem) -> dict[str, Callable[[Scalar], Scalar]]:
    """What can go wrong with one scalar."""

    def on_expr(change: Callable[[sp.Expr], sp.Expr]) -> Callable[[Scalar], Scalar]:
        def changed(scalar: Scalar) -> Scalar:
            match scalar:
                case Series(bounds=bounds, term=term):
                    return Series(bounds, lambda *n: tuple(map(changed, term(*n))))
                case Filled(expr=expr, entry=hole, by=by):
                    new = changed(by)
                    return Filled(expr, hole, new)  # type: ignore[arg-type]
                case PartialOfSum(of=of, wrt=wrt):
                    return PartialOfSum(of, change(wrt))
            return change(scalar)

        return changed

    return {
        "factor 2": lambda s: times(s, 2),
        "wrong sign": lambda s: times(s, -1),
        "zero": lambda _: sp.S.Zero,
        "one": lambda _: sp.S.One,
        "indices exchanged": on_expr(lambda e: exchanged(e, 0)),
        "other indices exchanged": on_expr(lambda e: exchanged(e, 1)),
        "another letter": on_expr(lambda e: lettered(e, problem)),
        "f for f′": on_expr(derived),
        "one more": _plus_one,
    }


def _plus_one(scalar: Scalar) -> Scalar:
    return scalar + 1 if isinstance(scalar, sp.Expr) else times(scalar, 3)


def _at(place: tuple[int, ...], change: Callable[[Scalar], Scalar]) -> Callable[..., Scalar]:
    """The change at one place only."""
    return lambda scalar, *n: change(scalar) if n == place else scalar


def of_scalar(scalar: Scalar, problem: Problem) -> Iterator[tuple[str, Scalar]]:
    """A scalar with one mistake in it."""
    table = changes(problem)
    for name, change in table.items():
        yield name, change(scalar)
    if not isinstance(scalar, Series) or not scalar.bounds:
        if isinstance(scalar, Series):
            yield from _of_product(scalar, table)
        return
    yield from _of_product(scalar, table)
    bounds, term = scalar.bounds, scalar.term
    last = tuple(bound.dim.size for bound in bounds)
    for place, name in itertools.product(
        {tuple(1 for _ in bounds), last}, ("factor 2", "zero", "indices exchanged")
    ):
        change = _at(place, table[name])
        yield (
            f"{name} in term {place}",
            Series(
                bounds,
                lambda *n, change=change: (change(term(*n)[0], *n), *term(*n)[1:]),
            ),
        )
        yield (
            f"{name} in the last factor of term {place}",
            Series(
                bounds,
                lambda *n, change=change: (*term(*n)[:-1], change(term(*n)[-1], *n)),
            ),
        )
    yield "first index stuck", Series(bounds, lambda *n: term(1, *n[1:]))
    yield "indices of the sum exchanged", Series(bounds, lambda *n: term(*reversed(n)))
    short = Dim(bounds[0].dim.symbol, bounds[0].dim.size - 1)
    yield "last terms dropped", Series((Bound(bounds[0].letter, short), *bounds[1:]), term)


def _of_product(
    scalar: Series, table: dict[str, Callable[[Scalar], Scalar]]
) -> Iterator[tuple[str, Scalar]]:
    bounds, term = scalar.bounds, scalar.term
    count = len(term(*(1 for _ in bounds)))
    for slot, name in itertools.product(range(count), ("indices exchanged", "one", "f for f′")):
        change = table[name]
        yield (
            f"{name} in factor {slot + 1}",
            Series(
                bounds,
                lambda *n, slot=slot, change=change: tuple(
                    change(f) if m == slot else f for m, f in enumerate(term(*n))
                ),
            ),
        )


def of_array(array: Array, problem: Problem) -> Iterator[tuple[str, Array]]:
    """A matrix with one mistake, in all entries or in one."""
    at, rows, cols = array.at, array.rows, array.cols
    table = changes(problem)
    for name, change in table.items():
        yield name, Array(rows, cols, lambda i, j, change=change: change(at(i, j)))
    corners = {(1, 1), (rows.size, 1), (rows.size, cols.size)}
    for place, name in itertools.product(corners, ("factor 2", "zero", "indices exchanged")):
        change = _at(place, table[name])
        yield (
            f"{name} in entry {place}",
            Array(rows, cols, lambda i, j, change=change: change(at(i, j), i, j)),
        )
    yield "rows and columns exchanged", Array(rows, cols, lambda i, j: at(j, i))
    yield "transposed", Array(cols, rows, lambda i, j: at(j, i))
    yield "the first row everywhere", Array(rows, cols, lambda _, j: at(1, j))
    p, q = problem.letters.p, problem.letters.q
    yield "entry p, q everywhere", Array(rows, cols, lambda _, __: at(p, q))
    if rows.size > 1:
        yield "a row dropped", Array(Dim(rows.symbol, rows.size - 1), cols, at)
    if isinstance(at(1, 1), Series):
        for name, _ in of_scalar(at(1, 1), problem):
            yield (
                f"{name} in each entry",
                Array(rows, cols, lambda i, j, name=name: _named(at(i, j), name, problem)),
            )


def _named(scalar: Scalar, name: str, problem: Problem) -> Scalar:
    return next(made for found, made in of_scalar(scalar, problem) if found == name)


def of_node(node: Node) -> Iterator[tuple[str, Node]]:
    """A matrix expression with a transpose lost or gained, or its factors exchanged."""
    match node:
        case nodes.Transpose(arg):
            yield "lost transpose", arg
            for name, new in of_node(arg):
                yield name, nodes.Transpose(new)
        case nodes.MatMul(left, right):
            yield "transpose of all", nodes.Transpose(node)
            yield "exchanged factors", nodes.MatMul(right, left)
            yield "one factor", left
            for name, new in of_node(left):
                yield f"left: {name}", nodes.MatMul(new, right)
            for name, new in of_node(right):
                yield f"right: {name}", nodes.MatMul(left, new)
        case _:
            yield "gained transpose", nodes.Transpose(node)


def of_side(side: Side, problem: Problem) -> Iterator[tuple[str, Side]]:
    """A side of a link with one mistake in it."""
    match side:
        case Value(scalar=scalar):
            for name, new in of_scalar(scalar, problem):
                yield name, Value(new)
        case Element(node=node, row=row, col=col):
            yield "indices exchanged", Element(node, col, row)
            for name, changed in of_node(node):
                yield name, Element(changed, row, col)
        case Formula(node=node):
            for name, changed in of_node(node):
                yield name, Formula(changed)
        case MatrixPartial(name=matrix, wrt=wrt):
            yield "indices exchanged", MatrixPartial(matrix, exchanged(wrt, 0))
            yield (
                "by the next entry",
                MatrixPartial(matrix, entry(wrt.base.name, wrt.indices[0], wrt.indices[1] + 1)),
            )
        case Written(array=array):
            for name, made in of_array(array, problem):
                yield name, Written(made)
        case WrittenProduct(left=left, right=right, bound=bound):
            yield "exchanged factors", WrittenProduct(right, left, bound)
            for name, made in of_array(left, problem):
                yield f"left: {name}", WrittenProduct(made, right, bound)
            for name, made in of_array(right, problem):
                yield f"right: {name}", WrittenProduct(left, made, bound)
