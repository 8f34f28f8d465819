"""Values: partial derivatives worked out from definitions, for every size and written out."""

from __future__ import annotations

import itertools
from fractions import Fraction

import pytest
import sympy as sp
from hypothesis import given, settings
from strategies import Oracle, close, programs

from matderiv.api import read
from matderiv.calculus import polynomials as poly
from matderiv.calculus.problem import Elementwise, Problem
from matderiv.calculus.scalars import Partial, entry
from matderiv.calculus.series import Bound, Filled, Series
from matderiv.calculus.values import Values
from matderiv.errors import UnsupportedError


def number(oracle: Oracle, values: Values, scalar: sp.Expr) -> Fraction | float:
    """The value of a value: what it is worth at the oracle's point."""
    return oracle.value(poly.to_expr(values.unfolded(values.of(scalar))))


@settings(max_examples=10, deadline=None)
@given(programs(largest=3))
def test_derivatives_are_those_of_brute_force(case: tuple[str, dict[str, int]]) -> None:
    """∂L/∂x and ∂y/∂x at every place agree with differences of the definitions, exactly."""
    program, sizes = case
    problem = read(program, sizes=sizes)
    values, oracle = Values(problem, general=False), Oracle(problem, seed=4)
    for name in problem.factors:
        rows, cols = problem.shapes[name]
        for i, j in itertools.product(range(1, rows.size + 1), range(1, cols.size + 1)):
            x = entry(name, i, j)
            for of in (problem.loss, entry(problem.name, 1, 1)):
                quantity = Partial(of, x)
                assert close(number(oracle, values, quantity), oracle.value(quantity))


@settings(max_examples=15, deadline=None)
@given(programs(largest=3))
def test_value_for_every_size_is_right_at_each(case: tuple[str, dict[str, int]]) -> None:
    """∂L/∂x_pq with sums and letters kept, then written out, is ∂L/∂x at that place."""
    program, sizes = case
    problem = read(program, sizes=sizes)
    general = Values(problem, general=True)
    written = Values(problem, general=False)
    letters = problem.letters
    for name in problem.factors:
        value = general.of(Partial(problem.loss, entry(name, letters.p, letters.q)))
        rows, cols = problem.shapes[name]
        for place in ((1, 1), (rows.size, cols.size)):
            at = dict(zip((letters.p, letters.q), place, strict=True))
            spelled = [spelled_out(problem, m, at, n) for m, n in value.items()]
            expected = written.of(Partial(problem.loss, entry(name, *place)))
            assert sp.expand(sp.Add(*spelled) - poly.to_expr(expected)) == 0


def spelled_out(
    problem: Problem, monomial: poly.Monomial, at: dict[sp.Symbol, int], times: poly.Coefficient
) -> sp.Expr:
    """A monomial with its sums written out."""
    size = {dim.symbol: dim.size for shape in problem.shapes.values() for dim in shape}
    ranges = (range(1, size[letter] + 1) for _, letter in monomial.bound)
    total = sp.S.Zero
    for numbers in itertools.product(*ranges):
        places = {**at, **dict(zip((b for b, _ in monomial.bound), numbers, strict=True))}
        total += sp.Mul(
            sp.Rational(times),
            *(a.xreplace({k: sp.Integer(v) for k, v in places.items()}) for a in monomial.atoms),
        )
    return total


def test_partial_keeps_only_what_it_is_by() -> None:
    """∂z/∂x unfolds y: stopping at the first appearance of x would lose a term."""
    problem = read(sizes={"N": 1, "D": 1, "M": 1})
    values = Values(problem, general=False)
    x, w, y = (entry(name, 1, 1) for name in "XWY")
    assert poly.to_expr(values.of(Partial(y, x))) == w
    assert poly.to_expr(values.of(Partial(y, y))) == 1
    assert poly.to_expr(values.of(Partial(y, w))) == x


def test_function_of_an_entry_is_a_quantity_of_its_own() -> None:
    """∂L/∂f(y_ij) is the coefficient of the sum, 1 where there is none."""
    for program, coefficient in (("sum(f(X @ W))", 1), ("sum(f(X @ W))/3", sp.Rational(1, 3))):
        problem = read(program)
        assert isinstance(problem.head, Elementwise)
        of = problem.head.at(entry("Y", 2, 3))
        value = Values(problem, general=False).of(Partial(problem.loss, of))
        assert poly.to_expr(value) == coefficient


def test_upstream_gradient_stays_where_it_is_asked_for() -> None:
    """With `upstream`, ∂L/∂y_ij is not worked out although f is known to be applied."""
    problem = read()
    g = Partial(problem.loss, entry("Y", 1, 1))
    assert poly.to_expr(Values(problem, general=False, upstream=True).of(g)) == g
    worked_out = poly.to_expr(Values(problem, general=False).of(g))
    assert isinstance(problem.head, Elementwise)
    assert worked_out == problem.head.derivative_at(entry("Y", 1, 1))


def test_square_of_a_sum_is_not_the_sum_of_squares() -> None:
    """A sum used twice in a product gets new indices the second time."""
    problem = read()
    value = Values(problem, general=True).of(Partial(problem.loss, entry("X", 1, 1)) ** 2)
    ((monomial, _),) = value.items()
    assert len(monomial.bound) == 2
    assert len({index for index, _ in monomial.bound}) == 2
    f = {atom.args[0] for atom in monomial.atoms if not isinstance(atom, sp.Indexed)}
    assert len(f) == 2


def test_free_letter_is_not_caught_by_a_sum() -> None:
    """The k of y_ik and the k that a sum runs over are two indices."""
    problem = read()
    letters, inner = problem.letters, problem.dims[1]
    j = letters.j
    caught = Series(
        (Bound(letters.k, inner),), lambda k: (entry("X", 1, k), entry("W", letters.k, j))
    )
    honest = Series((Bound(letters.k, inner),), lambda k: (entry("X", 1, k), entry("W", k, j)))
    one, other = Values(problem, general=True).together((caught, honest))
    assert one != other


def test_filled_in_definition_is_the_entry_and_nothing_else_is() -> None:
    """f(x₁₁w₁₁ + …) is f(y₁₁) only if what is filled in defines y₁₁."""
    problem = read()
    assert isinstance(problem.head, Elementwise)
    y = entry("Y", 1, 1)
    f, product = problem.head.at(y), problem.array(problem.product.value)
    right, wrong = product.at(1, 1), product.at(1, 2)
    assert isinstance(right, Series)
    assert isinstance(wrong, Series)
    for general in (False, True):
        values = Values(problem, general=general)
        assert values.of(Filled(f, y, right)) == values.of(f)
        assert values.of(Filled(f, y, wrong)) != values.of(f)


@pytest.mark.parametrize("general", [False, True], ids=["written out", "every size"])
def test_what_is_not_known_is_not_zero(general: bool) -> None:  # noqa: FBT001 - a parameter
    """A derivative that has no meaning here raises; a silent 0 would prove anything."""
    problem = read()
    assert isinstance(problem.head, Elementwise)
    y, x, loss = entry("Y", 1, 1), entry("X", 1, 1), problem.loss
    for of, wrt in (
        (loss, problem.head.at(x)),
        (loss, sp.Symbol("lam")),
        (loss, entry("X", 3, 1)),
        (loss, entry("Z", 1, 1)),
        (loss, entry("X", 1)),
        (y, problem.head.at(y)),
        (y, sp.Symbol("t")),
        (entry("Y", 1, 4), x),
        (x * y, x),
        (sp.sin(x) + y, x),
    ):
        with pytest.raises(UnsupportedError):
            Values(problem, general=general).of(Partial(of, wrt))


def test_letters_have_no_place_where_sums_are_written_out() -> None:
    """∂y_ij/∂x_pq with letters is no number, and 0 least of all."""
    problem = read()
    i, j, _, p, q = problem.letters.all
    with pytest.raises(UnsupportedError, match="index"):
        Values(problem, general=False).of(Partial(entry("Y", i, j), entry("X", p, q)))


def test_one_letter_runs_over_one_size() -> None:
    """x_pq and w_pq in one equality would make p a row of X and a row of W at once."""
    problem = read()
    p, q = problem.letters.p, problem.letters.q
    values = Values(problem, general=True)
    with pytest.raises(UnsupportedError, match="index p"):
        values.together((entry("X", p, q), entry("W", p, q)))
    assert values.together((entry("X", p, q),)) != values.together((entry("W", p, q),))
