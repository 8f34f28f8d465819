"""Slips: chains of equalities in which one `=` is wrong, and every other one holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

import sympy as sp

from matderiv.calculus.problem import Elementwise, Problem, with_coefficient
from matderiv.calculus.scalars import Index, Partial, entry, name_of
from matderiv.calculus.series import Array, Bound, PartialOfSum, Scalar, Series
from matderiv.calculus.verdicts import Judge
from matderiv.derivation.build import chain, gradient_of, judged
from matderiv.derivation.links import Chain, Link
from matderiv.derivation.sides import Formula, Side, Value, Written, WrittenProduct, matrix_of
from matderiv.expression.nodes import MatMul, Name, Transpose, transposed
from matderiv.expression.shapes import Dim

__all__ = ["SLIPS", "Slip", "slipped"]

_Sides = list[Side]


@dataclass(frozen=True, slots=True)
class _Case:
    """What a slip is made of."""

    problem: Problem
    wrt: str
    chance: Random

    def place(self) -> sp.Indexed:
        """An entry of the matrix."""
        rows, cols = self.problem.shapes[self.wrt]
        return entry(self.wrt, self.chance.randint(1, rows.size), self.chance.randint(1, cols.size))


#: From a case to the right sides and the wrong ones, or None where there is no such slip.
_Make = Callable[[_Case], tuple[_Sides, _Sides] | None]


@dataclass(frozen=True, slots=True, eq=False)
class Slip:
    """A chain with one wrong `=`, the right one, and where they part.

    `line` counts the equals signs from 1. `place` is the entry at which the two sides of the
    wrong `=` differ, if they are matrices; `belongs` and `stands` are what the right and the
    wrong chain have there in that line.
    """

    kind: str
    wrong: Chain
    right: Chain
    line: int
    place: tuple[int, ...] | None
    belongs: Scalar
    stands: Scalar


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind of slip; `square` if all matrices must have one shape, or the shapes would show it."""

    name: str
    square: bool
    make: _Make


def slipped(problem: Problem, kind: _Kind, wrt: str, chance: Random) -> Slip | None:
    """A slip of a kind at a line drawn by chance, or None where it would be no slip.

    The Judge has the last word: one link must be refuted, every other one equal.
    """
    made = kind.make(_Case(problem, wrt, chance))
    if made is None:
        return None
    right, wrong = made
    cuts = [n for n in range(1, len(right)) if wrong[n] is not right[n]]
    cut = chance.choice(cuts)
    sides = [*right[:cut], *wrong[cut:]]
    judge = Judge(problem)
    verdicts = judged(judge, kind.name, sides)
    expected = ["refuted" if n == cut else "equal" for n in range(1, len(sides))]
    if [verdict.status for verdict in verdicts] != expected:
        return None
    links = tuple(
        Link(problem, sides[n], sides[n + 1], "slip" if n + 1 == cut else "as before", verdict)
        for n, verdict in enumerate(verdicts)
    )
    place = verdicts[cut - 1].entry
    belongs, stands = (_at(matrix_of(side, problem), place) for side in (right[cut], wrong[cut]))
    first, *rest = right
    return Slip(
        kind.name,
        Chain("slip", links),
        chain(judge, "without the slip", first, *(("right", side) for side in rest)),
        cut,
        place,
        belongs,
        stands,
    )


def _at(value: Array | Scalar, place: tuple[int, ...] | None) -> Scalar:
    if isinstance(value, Array):
        assert place is not None
        return value.at(*place)
    return value


# -- slips in the matrix: a transpose, the order of factors ------------------------------------


def _of_answer(
    change: Callable[[MatMul], MatMul],
) -> _Make:
    def make(case: _Case) -> tuple[_Sides, _Sides]:
        problem, wrt = case.problem, case.wrt
        answer = gradient_of(problem, wrt)
        assert isinstance(answer, MatMul)
        right = _matrix(problem, wrt, answer)
        return right, [*right[:2], *_matrix(problem, wrt, change(answer))[2:]]

    return make


def _matrix(problem: Problem, wrt: str, answer: MatMul) -> _Sides:
    gradient = Name(f"d{wrt}")
    left, right = problem.array(answer.left), problem.array(answer.right)
    bound = Bound(problem.letter_of(left.cols), left.cols)
    return [
        Formula(gradient),
        Written(problem.array(gradient)),
        Written(problem.array(answer)),
        WrittenProduct(left, right, bound),
        Formula(answer),
    ]


def _without_transpose(answer: MatMul) -> MatMul:
    """G·Wᵀ as G·W, Xᵀ·G as X·G."""
    left, right = answer.left, answer.right
    if isinstance(right, Transpose):
        return MatMul(left, right.arg)
    return MatMul(transposed(left), right)


def _exchanged(answer: MatMul) -> MatMul:
    """G·Wᵀ as Wᵀ·G."""
    return MatMul(answer.right, answer.left)


# -- slips in one entry: an index, a factor, a term --------------------------------------------


def _entry(problem: Problem, x: sp.Indexed, change: Callable[[Series], Series]) -> _Sides:
    """∂L/∂x = ∂(Σ f(y))/∂x = Σ ∂f(y)/∂x = Σ ∂L/∂y·∂y/∂x = what is left, each sum changed."""
    sides: _Sides = [Value(Partial(problem.loss, x))]
    head = problem.head
    if isinstance(head, Elementwise):
        spelled = problem.loss_definition
        assert isinstance(spelled, Series)

        def partial(i: Index, j: Index) -> tuple[Scalar, ...]:
            f = head.at(entry(problem.name, i, j))
            return with_coefficient(head.coefficient, Partial(f, x))

        sides += [
            Value(PartialOfSum(spelled, x)),
            Value(change(problem.sum_over_product(partial))),
        ]
    left = problem.array(gradient_of(problem, name_of(x))).at(*x.indices)
    assert isinstance(left, Series)
    return [*sides, Value(change(problem.chain_rule(x))), Value(change(left))]


def _keep(series: Series) -> Series:
    return series


def _swapped_indices(case: _Case) -> tuple[_Sides, _Sides] | None:
    """∂L/∂x_pq worked out as if it were ∂L/∂x_qp."""
    x = case.place()
    p, q = x.indices
    if p == q:
        return None
    right = _entry(case.problem, x, _keep)
    wrong = _entry(case.problem, entry(case.wrt, q, p), _keep)
    start = len(right) - 2  # what is differentiated is still the right entry there
    return right, [*right[:start], *wrong[start:]]


def _doubled(case: _Case) -> tuple[_Sides, _Sides]:
    """Every term with a factor 2."""

    def change(series: Series) -> Series:
        return Series(series.bounds, lambda *n: (sp.Integer(2), *series.term(*n)))

    return _both(case, change)


def _dropped(case: _Case) -> tuple[_Sides, _Sides] | None:
    """Every sum without the last value of the index that the answer is summed over."""
    problem = case.problem
    answer = gradient_of(problem, case.wrt)
    assert isinstance(answer, MatMul)
    short = problem.array(answer.left).cols
    if short.size == 1:
        return None

    def change(series: Series) -> Series:
        bounds = (
            Bound(b.letter, Dim(b.dim.symbol, b.dim.size - 1)) if b.dim == short else b
            for b in series.bounds
        )
        return Series(tuple(bounds), series.term)

    return _both(case, change)


def _both(case: _Case, change: Callable[[Series], Series]) -> tuple[_Sides, _Sides]:
    problem, x = case.problem, case.place()
    right, wrong = _entry(problem, x, _keep), _entry(problem, x, change)
    start = len(right) - 3 if len(right) > 3 else len(right) - 2  # noqa: PLR2004 - see `_entry`
    return right, [*right[:start], *wrong[start:]]


# -- slips in the upstream gradient ------------------------------------------------------------


def _not_differentiated(case: _Case) -> tuple[_Sides, _Sides] | None:
    """f(y_ij) where f′(y_ij) belongs."""
    problem, head = case.problem, case.problem.head
    if not isinstance(head, Elementwise):
        return None
    name, loss = problem.name, problem.loss

    def written(term: Callable[[sp.Expr], tuple[Scalar, ...]]) -> Written:
        rows, cols = problem.shapes[name]
        return Written(Array(rows, cols, lambda i, j: Series((), lambda: term(entry(name, i, j)))))

    def chained(y: sp.Expr) -> tuple[Scalar, ...]:
        return (Partial(loss, head.at(y)), Partial(head.at(y), y))

    def resolved(y: sp.Expr) -> tuple[Scalar, ...]:
        return with_coefficient(head.coefficient, Partial(head.at(y), y))

    def plain(y: sp.Expr) -> tuple[Scalar, ...]:
        return with_coefficient(head.coefficient, head.at(y))

    gradient = Name(f"d{name}")
    right: _Sides = [
        Formula(gradient),
        Written(problem.array(gradient)),
        written(chained),
        written(resolved),
    ]
    return right, [*right[:3], written(plain)]


#: The kinds of slips; a chain that shows one is drawn for a matrix of a problem.
SLIPS = (
    _Kind("transpose", square=True, make=_of_answer(_without_transpose)),
    _Kind("order", square=True, make=_of_answer(_exchanged)),
    _Kind("indices", square=True, make=_swapped_indices),
    _Kind("factor", square=False, make=_doubled),
    _Kind("term", square=False, make=_dropped),
    _Kind("derivative", square=False, make=_not_differentiated),
)
