"""Verdicts: nothing false is found equal, and a refutation names where the sides differ."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import Oracle, close

from matderiv.api import read
from matderiv.calculus import verdicts
from matderiv.calculus.problem import Elementwise, Problem
from matderiv.calculus.scalars import Partial, delta, entry, relu, sigmoid, step
from matderiv.calculus.series import Array, Bound, Filled, PartialOfSum, Scalar, Series
from matderiv.calculus.verdicts import Judge, vanishes
from matderiv.expression.nodes import MatMul, Name, Transpose
from matderiv.expression.shapes import Dim


def product(*factors: Scalar) -> Series:
    """A product without a sum."""
    return Series((), lambda: factors)


def loss_at(problem: Problem, value: sp.Expr) -> sp.Expr:
    """∂L/∂f(value)."""
    assert isinstance(problem.head, Elementwise)
    return Partial(problem.loss, problem.head.at(value))


def row_times_column(problem: Problem, *, of: int) -> PartialOfSum:
    """∂(Σ_k x_1k w_k1)/∂x_11 or, `of` 1, /∂w_11: both factors are entries."""
    terms = problem.array(problem.product.value).at(1, 1)
    assert isinstance(terms, Series)
    return PartialOfSum(terms, entry(problem.factors[of], 1, 1))


def filled(problem: Problem, *, outer: bool) -> Filled:
    """f(y_kj) with y_kj = Σ_k x_kk w_kj: the free k, or the bound one, in x's first place."""
    letters, inner = problem.letters, problem.dims[1]
    y = entry("Y", letters.k, letters.j)

    def term(k: sp.Basic) -> tuple[Scalar, ...]:
        return (entry("X", letters.k if outer else k, k), entry("W", k, letters.j))

    assert isinstance(problem.head, Elementwise)
    return Filled(problem.head.at(y), y, Series((Bound(letters.k, inner),), term))


#: Pairs of scalars that are not equal, or mean nothing; each was once a way to fool a proof.
FALSE: dict[str, Callable[[Problem], tuple[Scalar, Scalar]]] = {
    "a product differentiated in its last factor only": lambda p: (
        row_times_column(p, of=0),
        sp.S.Zero,
    ),
    "a sum differentiated by an entry with letters": lambda p: (
        sp.S.Zero,
        PartialOfSum(p.loss_definition, entry("X", p.letters.p, p.letters.q)),  # type: ignore[arg-type]
    ),
    "a delta over another size": lambda p: (
        product(entry("X", p.letters.p, p.letters.q), entry("X", p.letters.p, p.letters.q)),
        Series(
            (Bound(p.letters.i, p.dims[0]),),
            lambda i: (
                delta(i, p.letters.q),
                entry("X", p.letters.p, p.letters.q),
                entry("X", p.letters.p, p.letters.q),
            ),
        ),
    ),
    "one letter for two sizes": lambda p: (
        Partial(entry("Y", p.letters.i, p.letters.j), entry("X", p.letters.p, p.letters.q)),
        product(delta(p.letters.i, p.letters.p), entry("W", p.letters.p, p.letters.j)),
    ),
    "∂L/∂f of an input": lambda p: (loss_at(p, entry("X", 1, 1)), sp.S.One),
    "∂L/∂f of twice an entry": lambda p: (loss_at(p, 2 * entry("Y", 1, 1)), sp.S.One),
    "∂L/∂f of an entry outside": lambda p: (loss_at(p, entry("Y", 9, 1)), sp.S.One),
    "∂y/∂f(y)": lambda p: (
        Partial(entry("Y", 1, 1), p.head.at(entry("Y", 1, 1))),  # type: ignore[union-attr]
        sp.S.Zero,
    ),
    "∂L by an entry outside": lambda p: (Partial(p.loss, entry("X", 3, 1)), sp.S.Zero),
    "an entry outside, by its formula": lambda p: (
        Partial(p.loss, entry("X", 3, 1)),
        p.array(MatMul(Name("dY"), Transpose(Name("W")))).at(3, 1),
    ),
    "a sum that stops early": lambda p: (
        entry("Y", 1, 1),
        Series((Bound(p.letters.k, Dim("D", 3)),), lambda k: (entry("X", 1, k), entry("W", k, 1))),
    ),
    "a sum to the wrong letter": lambda p: (
        Series((Bound(p.letters.k, p.dims[0]),), lambda _: (sp.S.One,)),
        Series((Bound(p.letters.k, p.dims[2]),), lambda _: (sp.S.One,)),
    ),
    "a power of a sum as the sum of powers": lambda p: (
        Partial(p.loss, entry("X", 1, 1)) ** 2,
        Series(
            (Bound(p.letters.i, p.dims[0]), Bound(p.letters.j, p.dims[2])),
            lambda i, j: (
                Partial(p.loss, entry("Y", i, j)) ** 2,
                Partial(entry("Y", i, j), entry("X", 1, 1)) ** 2,
            ),
        ),
    ),
    "a bound letter that is free elsewhere": lambda p: (
        filled(p, outer=True),
        filled(p, outer=False),
    ),
    "a delta twice over": lambda p: (
        Series(
            (Bound(p.letters.i, p.dims[0]),),
            lambda i: (delta(i, 1), delta(i, 2), entry("X", i, p.letters.q)),
        ),
        entry("X", 1, p.letters.q),
    ),
    "an entry exchanged with its mirror image": lambda _: (entry("X", 1, 2), entry("X", 2, 1)),
    "names that print alike": lambda _: (entry("X", 1, 11), entry("X", 11, 1)),
    "f for f′": lambda p: (p.head.at(entry("Y", 1, 1)), p.head.derivative_at(entry("Y", 1, 1))),  # type: ignore[union-attr]
}


@pytest.mark.parametrize("name", FALSE)
@pytest.mark.parametrize("letters", [False, True], ids=["numbers", "letters"])
@pytest.mark.parametrize("budget", [100_000, 0], ids=["entry by entry", "index proof alone"])
def test_nothing_false_is_equal(
    name: str,
    letters: bool,  # noqa: FBT001 - a parameter of the test
    budget: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A false or meaningless equality is never proved, however it is put."""
    monkeypatch.setattr(verdicts, "BUDGET", budget)
    problem = read("Y = X @ W; L = sum(f(Y))", sizes={"N": 2, "D": 4, "M": 3})
    for one, other in (FALSE[name](problem), FALSE[name](problem)[::-1]):
        (verdict,) = Judge(problem).scalars((one, other), letters=letters)
        assert verdict.status in ("refuted", "undecided")
        assert verdict.detail


def test_sizes_that_are_equal_by_chance_are_not_equal_for_all() -> None:
    """Σ over N and Σ over M agree at N = M = 2, and the verdict does not claim more."""
    problem = read("Y = X @ W; L = sum(f(Y))", sizes={"N": 2, "D": 4, "M": 2})
    (verdict,) = Judge(problem).scalars(
        (product(FALSE["a sum to the wrong letter"](problem)[0]), sp.Integer(2))
    )
    assert (verdict.status, verdict.index) == ("equal", False)


@pytest.mark.parametrize("budget", [100_000, 0], ids=["entry by entry", "index proof alone"])
def test_one_entry_everywhere_is_not_the_matrix(
    budget: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A matrix whose entries are all x_pq is not X, although its p, q entry is."""
    monkeypatch.setattr(verdicts, "BUDGET", budget)
    problem = read()
    x, letters = problem.array(Name("X")), problem.letters
    stuck = Array(x.rows, x.cols, lambda _, __: entry("X", letters.p, letters.q))
    (verdict,) = Judge(problem).arrays((x, stuck))
    assert verdict.status != "equal"


def test_matrices_of_other_shapes_are_refuted() -> None:
    """A lost transpose is refused by its shape, and at equal sizes by the letters of its sizes."""
    for sizes in ({"N": 2, "D": 4}, {"N": 3, "D": 3}):
        problem = read(sizes=sizes)
        x = problem.array(Name("X"))
        (verdict,) = Judge(problem).arrays((x, problem.array(Transpose(Name("X")))))
        assert verdict.status == "refuted"
        assert "one side is" in verdict.detail


def test_true_equalities_are_equal() -> None:
    """The same product by name and by definition: for every size, and in each entry."""
    problem = read()
    (verdict,) = Judge(problem).arrays(
        (problem.array(Name("Y")), problem.array(problem.product.value))
    )
    assert (verdict.status, verdict.index, verdict.entries) == ("equal", True, 6)


def test_same_delta_twice_is_the_delta() -> None:
    """Σ_i δ_ip δ_ip x_iq = x_pq: a contracted δ_pp is 1, and δ_12 makes a term vanish."""
    problem = read()
    letters, bound = problem.letters, (Bound(problem.letters.i, problem.dims[0]),)
    twice = Series(
        bound, lambda i: (delta(i, letters.p), delta(i, letters.p), entry("X", i, letters.q))
    )
    never = Series(bound, lambda i: (delta(i, 1), delta(i, 2), entry("X", i, letters.q)))
    judge = Judge(problem)
    verdict, *_ = judge.scalars((twice, entry("X", letters.p, letters.q)), letters=True)
    assert verdict.status == "equal"
    verdict, *_ = judge.scalars((never, sp.S.Zero), letters=True)
    assert verdict.status == "equal"


def by_entry(change: Callable[[Scalar], Scalar]) -> Callable[[Array], Array]:
    """A matrix with every entry changed."""
    return lambda array: Array(array.rows, array.cols, lambda i, j: change(array.at(i, j)))


@settings(max_examples=12, deadline=None)
@given(
    st.sampled_from(["sum(Y**2)/2", "lam*sum(Y**3 - Y)", "sum(exp(Y/9))", "sum(relu(Y))"]),
    st.sampled_from([2, -1, 0]),
    st.tuples(*(st.integers(1, 3) for _ in "NDM")),
)
def test_sides_differ_at_the_point_of_a_refutation(
    loss: str, factor: int, sizes: tuple[int, int, int]
) -> None:
    """The entry and the rational point that a refutation names are true, by brute force."""
    program = f"Y = X @ W; L = {loss}"
    problem = read(program, sizes=dict(zip("NDM", sizes, strict=True)))
    gradient = problem.array(Name("dX"))
    answer = problem.array(MatMul(Name("dY"), Transpose(Name("W"))))
    wrong = by_entry(lambda s: product(sp.Integer(factor), s))(answer)
    (verdict,) = Judge(problem).arrays((gradient, wrong))
    assert verdict.status == "refuted"
    assert verdict.entry is not None
    assert verdict.detail.startswith(f"entry {verdict.entry}: ")
    assert all(value.is_Rational for _, value in verdict.point)
    assert {str(name)[0] for name, _ in verdict.point} <= set("XWl")
    given_point = {name: Fraction(int(v.p), int(v.q)) for name, v in verdict.point}
    oracle = Oracle(problem, given=given_point)
    assert not close(
        oracle.value(gradient.at(*verdict.entry)), oracle.value(wrong.at(*verdict.entry))
    )


def test_single_wrong_entry_is_named() -> None:
    """Of a matrix with one wrong entry, that entry is the one that is named."""
    problem = read()
    x = problem.array(Name("X"))
    wrong = Array(x.rows, x.cols, lambda i, j: sp.S.Zero if (i, j) == (2, 3) else x.at(i, j))
    (verdict,) = Judge(problem).arrays((x, wrong))
    assert (verdict.status, verdict.entry) == ("refuted", (2, 3))
    assert [str(name) for name, _ in verdict.point] == ["X[2, 3]"]


def test_difference_on_negative_numbers_only_is_found() -> None:
    """Relu and the identity agree on positive numbers; a point with a negative one tells them."""
    problem = read("Y = X @ W; L = sum(relu(Y))")
    f, y = problem.head, entry("Y", 1, 1)
    assert isinstance(f, Elementwise)
    (verdict,) = Judge(problem).scalars((f.at(y), y))
    assert verdict.status == "refuted"
    assert any(value < 0 for _, value in verdict.point)


def test_elided_page_shows_only_general_entries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without comparison by entries, an entry or term that is not like the others is refused."""
    monkeypatch.setattr(verdicts, "BUDGET", 0)
    problem = read()
    x = problem.array(Name("X"))
    wrong = Array(x.rows, x.cols, lambda i, j: sp.S.Zero if (i, j) == (2, 1) else x.at(i, j))
    (verdict,) = Judge(problem).arrays((x, wrong))
    assert verdict.status == "undecided"
    assert not verdict.index


y = sp.Symbol("y", real=True)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (sp.log(1 + sp.exp(y)).diff(y), sigmoid(y)),
        (sp.tanh(y).diff(y), 1 - sp.tanh(y) ** 2),
        (sigmoid(y) + sigmoid(-y), sp.S.One),
        (sp.sin(y) ** 2 + sp.cos(y) ** 2, sp.S.One),
        (relu(y), y * step(y)),
        (sp.exp(2 * y), sp.exp(y) ** 2),
        ((y**2 - 1) / (y - 1), y + 1),
        (sp.sqrt(y) * sp.sqrt(y), y),
        (2 * sigmoid(2 * y) - 1, sp.tanh(y)),
    ],
    ids=str,
)
def test_true_identities_vanish(one: sp.Expr, other: sp.Expr) -> None:
    """Identities between the functions of the language are proved exactly; a factor 2 is not."""
    assert vanishes(one - other) is True
    assert vanishes(one - 2 * other) is not True


@pytest.mark.parametrize(
    "expr",
    [
        sp.exp(y) - sp.exp(-y),
        sp.tanh(y) - sp.tanh(2 * y),
        relu(y) - y,
        step(y) - 1,
        sp.log(y**2) - 2 * sp.log(y) - 1,
        sp.sqrt(y**2) - y,
        sp.sin(y) - sp.sin(y + 7),
        sp.Rational(1, 10**30) * y,
    ],
    ids=str,
)
def test_what_is_not_zero_does_not_vanish(expr: sp.Expr) -> None:
    """Nothing that is different at some point passes for zero, however close it is."""
    assert vanishes(expr) is not True
