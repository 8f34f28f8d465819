"""Lazy scalars: terms on demand, SymPy objects, and whether shown terms are the general one."""

from __future__ import annotations

import sympy as sp

from matderiv.api import read
from matderiv.calculus.scalars import Index, Partial, delta, entry
from matderiv.calculus.series import (
    Array,
    Bound,
    Filled,
    PartialOfSum,
    Scalar,
    Series,
    spots,
    to_sympy,
    uniform,
    uniform_array,
)
from matderiv.expression.nodes import Name
from matderiv.expression.shapes import Dim

I, J = sp.symbols("i j", integer=True, positive=True)  # noqa: E741 - as in the mathematics


def doubled(rows: int, cols: int, *, wrong: tuple[int, int] | None = None) -> Series:
    """Σ_ij a_ij b_ji, one of its terms perhaps with 0 in the place of a factor."""

    def term(i: Index, j: Index) -> tuple[Scalar, ...]:
        return (entry("A", i, j), sp.S.Zero if (i, j) == wrong else entry("B", j, i))

    return Series((Bound(I, Dim("N", rows)), Bound(J, Dim("M", cols))), term)


def test_terms_run_with_the_last_index_fastest() -> None:
    """Terms come in the order in which a page writes them."""
    series = doubled(2, 3)
    firsts = [term[0].indices for term in series.terms()]
    assert firsts == [(1, 1), (1, 2), (1, 3), (2, 1), (2, 2), (2, 3)]
    assert len(series) == 6
    assert [f.indices for f in series.general_term()] == [(I, J), (J, I)]


def test_length_of_a_huge_sum_builds_no_term() -> None:
    """A sum of 10¹⁸ terms is a term and two ranges."""
    asked = []
    huge = Series(
        (Bound(I, Dim("N", 10**9)), Bound(J, Dim("M", 10**9))),
        lambda i, j: asked.append((i, j)) or (sp.S.One,),  # type: ignore[func-returns-value]
    )
    assert huge.bounds[0].dim.size * huge.bounds[1].dim.size == 10**18
    assert not asked


def test_short_sums_are_written_out_and_long_ones_stay_sums() -> None:
    """`most` is the number of terms up to which SymPy gets them one by one."""
    series = doubled(2, 2)
    written = to_sympy(series, most=4)
    assert written.is_Add
    assert len(written.args) == 4
    kept = to_sympy(series, most=3)
    assert isinstance(kept, sp.Sum)
    assert kept.doit() == written


def test_sum_for_every_size_runs_to_letters() -> None:
    """Without `most` a sum runs to the letter of its size."""
    made = to_sympy(doubled(2, 2), most=None)
    assert {limit[2] for limit in made.limits} == {sp.Symbol("N"), sp.Symbol("M")}


def test_filled_and_partial_of_sum_hold_their_sums() -> None:
    """f(x₁₁w₁₁ + …) and ∂(a + b)/∂x are SymPy objects with the sum inside."""
    f, hole, x = sp.Function("f"), entry("Y", 1, 1), entry("A", 1, 1)
    series = doubled(1, 2)
    assert to_sympy(Filled(f(hole), hole, series), most=9) == f(to_sympy(series, most=9))
    assert to_sympy(PartialOfSum(series, x), most=9) == Partial(to_sympy(series, most=9), x)


def test_spots_are_what_an_elided_page_shows() -> None:
    """A few are all shown; of many the first two and the last."""
    assert spots(1) == (1,)
    assert spots(4) == (1, 2, 3, 4)
    assert spots(4096) == (1, 2, 4096)


def test_terms_like_the_general_one_are_uniform() -> None:
    """An honest sum passes, also nested, with deltas, filled in or differentiated."""
    series = doubled(3, 9)
    f, hole = sp.Function("f"), entry("Y", 1, 1)
    deltas = Series(series.bounds, lambda i, j: (delta(i, 1), delta(2, j), entry("A", i, j)))
    nested = Series(series.bounds[:1], lambda i: (entry("A", i, 1), doubled(2, 2)))
    for scalar in (
        series,
        deltas,
        nested,
        Filled(f(hole), hole, series),
        PartialOfSum(series, hole),
        hole,
    ):
        assert uniform(scalar)


def test_terms_unlike_the_general_one_are_found() -> None:
    """A term that an elided page shows cannot differ from what the index proof has seen."""
    f, hole = sp.Function("f"), entry("Y", 1, 1)
    for place in ((1, 1), (2, 9), (3, 1)):
        wrong = doubled(3, 9, wrong=place)
        nested = Series(wrong.bounds[:1], lambda i, wrong=wrong: (entry("A", i, 1), wrong))
        for scalar in (wrong, nested, Filled(f(hole), hole, wrong), PartialOfSum(wrong, hole)):
            assert not uniform(scalar)
    longer = Series(
        doubled(2, 2).bounds, lambda i, j: (entry("A", i, j),) * (2 if (i, j) == (1, 1) else 1)
    )
    assert not uniform(longer)


def test_entries_unlike_the_general_one_are_found() -> None:
    """The same of a matrix: its shown entries, and the shown terms in them."""
    problem = read()
    x, y = problem.array(Name("X")), problem.array(problem.product.value)
    assert uniform_array(x)
    assert uniform_array(y)
    one = Array(x.rows, x.cols, lambda i, j: x.at(j, i) if (i, j) == (2, 1) else x.at(i, j))
    assert not uniform_array(one)
    cut = Array(
        y.rows,
        y.cols,
        lambda i, j: Series(
            y.at(i, j).bounds,  # type: ignore[union-attr]
            lambda k: y.at(i, j).term(k)[: 1 if (i, j, k) == (2, 3, 4) else 2],  # type: ignore[union-attr]
        ),
    )
    assert not uniform_array(cut)
