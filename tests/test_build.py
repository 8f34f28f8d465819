"""Derivations: every link is proved, and every mistake in one is refused."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import Oracle, of_side, programs

from matderiv.api import derive, read
from matderiv.calculus import verdicts
from matderiv.calculus.problem import Problem
from matderiv.calculus.scalars import Partial
from matderiv.calculus.series import Filled, PartialOfSum, Series
from matderiv.calculus.verdicts import Judge
from matderiv.derivation import build as building
from matderiv.derivation.build import chain
from matderiv.derivation.links import Chain, Derivation, Step
from matderiv.derivation.sides import Element, Side, Value
from matderiv.errors import ProofError
from matderiv.expression.nodes import MatMul, Name, Node, Transpose

#: A program, its sizes, and how many of its mutants are judged: one in so many entry by entry,
#: and, which is quicker, by the index proof alone.
CASES = [
    pytest.param("Y = X @ W; L = sum(f(Y))", {"N": 2, "D": 2, "M": 2}, (6, 1), id="square"),
    pytest.param("Z = B.T @ A; L = Loss(Z)", {"N": 2, "D": 2, "M": 2}, (9, 5), id="transposed"),
    pytest.param("Y = W.T @ X.T; L = sum(Y**2)/2", {"N": 2, "D": 3, "M": 1}, (41, 17), id="powers"),
    pytest.param(
        "Y = Q @ K.T; L = lam*sum(log(1 + exp(Y)))",
        {"N": 1, "D": 2, "M": 2},
        (53, 23),
        id="log",
    ),
]


def ranges(problem: Problem, step: Step, sides: tuple[Side, ...]) -> dict[sp.Basic, int]:
    """What the index letters of a chain run over."""
    letters = problem.letters
    rows, inner, cols = (dim.size for dim in problem.dims)
    p, q = (dim.size for dim in problem.shapes[step.wrt]) if step.wrt else (rows, cols)
    known = dict(zip(letters.all, (rows, cols, inner, p, q), strict=True))
    held = set().union(*map(letters_of, sides))
    return {letter: size for letter, size in known.items() if letter in held}


def letters_of(side: Side) -> set[sp.Basic]:
    """The index letters that a side holds and does not sum over."""
    match side:
        case Element(row=row, col=col):
            return {row, col}
        case Value(scalar=Series(bounds=bounds) as series):
            inside = [letters_of(Value(factor)) for factor in series.general_term()]
            return set().union(*inside) - {bound.letter for bound in bounds}
        case Value(scalar=Filled() | PartialOfSum()):
            return set()
        case Value(scalar=expr):
            return set(expr.free_symbols)
    return set()


def places(derivation: Derivation) -> Iterator[tuple[Step, Chain, int]]:
    """Every side of every chain, by its number."""
    for step in derivation.steps:
        for one in step.chains:
            for number in range(len(one.sides)):
                yield step, one, number


def mutants(
    problem: Problem, step: Step, one: Chain, number: int, oracle: Oracle
) -> Iterator[tuple[str, Side]]:
    """The mutants of a side that the oracle says have other values than the side itself."""
    side = one.sides[number]
    known = ranges(problem, step, one.sides)
    for name, mutant in of_side(side, problem):
        # ∂L/∂f(y_ij) = 1 says the same of every i and j, whatever they are called.
        if one.kind == "unit" and name in ("another letter", "indices exchanged"):
            continue
        if not oracle.agree(mutant, side, known):
            yield name, mutant


def judged_with(judge: Judge, one: Chain, number: int, mutant: Side) -> None:
    """Judge the link of a chain that a mutant would stand in."""
    if number < len(one.links):
        link = one.links[number]
        chain(judge, one.kind, mutant, (link.reason, link.right))
    else:
        link = one.links[-1]
        chain(judge, one.kind, link.left, (link.reason, mutant))


@pytest.mark.parametrize("budget", [100_000, 0], ids=["entry by entry", "index proof alone"])
@pytest.mark.parametrize(("program", "sizes", "parts"), CASES)
def test_every_mutant_is_refused(
    program: str,
    sizes: dict[str, int],
    parts: tuple[int, int],
    budget: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No link can be altered, in all entries or in a single one, and still be proved."""
    derivation = derive(program, sizes=sizes)
    problem = derivation.problem
    monkeypatch.setattr(verdicts, "BUDGET", budget)
    judge, oracle = Judge(problem), Oracle(problem, seed=3)
    made = (
        (place, mutant)
        for place in places(derivation)
        for mutant in mutants(problem, *place, oracle)
    )
    part = parts[0] if budget else parts[1]
    judged, accepted = 0, []
    for (_, one, number), (name, mutant) in itertools.islice(made, 0, None, part):
        judged += 1
        try:
            judged_with(judge, one, number, mutant)
        except ProofError:
            continue
        accepted.append(f"{one.kind}, side {number}: {name}")
    assert not accepted
    assert judged > 20


@settings(max_examples=8, deadline=None)
@given(programs(), st.randoms(use_true_random=False))
def test_mutants_of_random_programs_are_refused(
    case: tuple[str, dict[str, int]], chance: object
) -> None:
    """Sizes from 1 to 4, names, order and transposes make no mistake pass."""
    program, sizes = case
    derivation = derive(program, sizes=sizes)
    problem = derivation.problem
    judge, oracle = Judge(problem), Oracle(problem, seed=1)
    judged = 0
    for step, one, number in chance.sample(list(places(derivation)), 20):  # type: ignore[attr-defined]
        if judged == 3:
            break
        if found := list(mutants(problem, step, one, number, oracle)):
            name, mutant = chance.choice(found)  # type: ignore[attr-defined]
            judged += 1
            try:
                judged_with(judge, one, number, mutant)
            except ProofError:
                continue
            pytest.fail(f"{one.kind}, side {number}: {name}")
    assert judged == 3


@settings(max_examples=6, deadline=None)
@given(programs(largest=3))
def test_links_and_answers_hold_by_brute_force(case: tuple[str, dict[str, int]]) -> None:
    """What is proved is true: both sides of every link have the same value at a point."""
    program, sizes = case
    derivation = derive(program, sizes=sizes)
    problem = derivation.problem
    oracle = Oracle(problem, seed=2)
    for step in derivation.steps:
        for one in step.chains:
            known = ranges(problem, step, one.sides)
            for link in one.links:
                assert oracle.agree(link.right, one.sides[0], known), (one.kind, link.reason)


def swapped(node: Node) -> Node:
    """The answer with its first factor transposed."""
    assert isinstance(node, MatMul)
    left = node.left.arg if isinstance(node.left, Transpose) else Transpose(node.left)
    return MatMul(left, node.right)


@pytest.mark.parametrize(
    "wrong",
    [
        swapped,
        lambda node: MatMul(node.right, node.left),
        lambda _: MatMul(Name("dY"), Name("W")),
        lambda _: MatMul(Name("W"), Name("W")),
    ],
    ids=["transposed", "exchanged", "no transpose", "another matrix"],
)
@pytest.mark.parametrize("size", [1, 3])
def test_wrong_regrouping_is_refused(
    wrong: object, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrong answer is never printed, whatever the regrouping says; at 1×1 only if it is wrong."""
    right = building.regrouped
    monkeypatch.setattr(building, "regrouped", lambda *args: wrong(right(*args)))  # type: ignore[operator]
    with pytest.raises(ProofError):
        derive(sizes=dict.fromkeys("NDM", size))


@pytest.mark.parametrize("body", ["Y**3", "log(1 + exp(Y))", "exp(2*Y)", "tanh(Y)", "sigmoid(Y)"])
@pytest.mark.parametrize("number", [2, -1, sp.Symbol("y", real=True)], ids=str)
def test_wrong_derivative_of_f_is_refused(
    body: str, number: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A factor or a sign wrong in the derivative of a known f raises, with the link named."""
    right = building.chain_rule
    monkeypatch.setattr(
        building, "chain_rule", lambda *args: (*right(*args)[:-1], number * right(*args)[-1])
    )
    with pytest.raises(ProofError, match="slope"):
        derive(f"Y = X @ W; L = sum({body})", sizes={"N": 1, "D": 2, "M": 2})


def test_wrong_tidying_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rewriting that changes the value is left out, and the derivation stands without it."""
    monkeypatch.setattr(building, "tidy", lambda expr: expr + 1)
    derivation = derive("Y = X @ W; L = sum(exp(2*Y))")
    slope = next(c for s in derivation.steps for c in s.chains if c.kind == "slope")
    y = derivation.problem.head.variable  # type: ignore[union-attr]
    last = slope.sides[-1]
    assert isinstance(last, Value)
    assert last.scalar == 2 * sp.exp(2 * y)


def test_matrix_never_equals_scalar() -> None:
    """A matrix and a number on two sides of one = are refused before anything is compared."""
    problem = read()
    with pytest.raises(ProofError, match="a matrix is set equal to a scalar"):
        chain(
            Judge(problem),
            "loss",
            Value(problem.loss),
            ("definition", next(iter(derive().links)).left),
        )


def test_error_names_chain_reason_and_verdict() -> None:
    """Whoever reads a ProofError learns which link failed and where the sides differ."""
    problem = read()
    y = problem.array(Name("Y"))
    with pytest.raises(ProofError, match=r"^entry, why: refuted; left - right = \S+ at W\[1, 1\]"):
        chain(Judge(problem), "entry", Value(y.at(1, 1)), ("why", Value(y.at(1, 2))))


def test_elided_derivation_is_proved_in_index_notation() -> None:
    """Where not all entries are compared, each link rests on the proof for every size."""
    derivation = derive(sizes={"N": 64, "D": 4096, "M": 4096})
    links = list(derivation.links)
    assert len(links) > 20
    assert all(link.verdict.index for link in links)
    assert not any(link.verdict.entries for link in links)


def test_each_step_is_reported_before_it_is_built() -> None:
    """Long work can show what it is at."""
    seen: list[str] = []
    derivation = derive(report=seen.append)
    assert seen[:3] == ["given", "upstream", "entries X"]
    assert len(seen) >= len(derivation.wrt) * 2 + 2


def test_unproved_chain_in_the_middle_is_found() -> None:
    """One wrong link among right ones is enough to refuse a chain."""
    problem = read()
    loss, x = problem.loss, problem.array(Name("X")).at(1, 1)
    right = Value(problem.chain_rule(x))  # type: ignore[arg-type]
    wrong = Value(problem.chain_rule(problem.array(Name("X")).at(1, 2)))  # type: ignore[arg-type]
    with pytest.raises(ProofError, match="second"):
        chain(
            Judge(problem),
            "entry",
            Value(Partial(loss, x)),  # type: ignore[arg-type]
            ("first", right),
            ("second", wrong),
            ("third", wrong),
        )
