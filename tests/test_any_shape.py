"""Programs that end in an array Y: the gradients are those of ⟨dY, Y⟩, and everything proves them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from _programs import random_program
from _thorough import usually

from matderiv import derive, gradient
from matderiv.calculus.deciding.decide import same_form
from matderiv.calculus.formulas.flattened import sum_of
from matderiv.calculus.index_forms.entries import Entries
from matderiv.calculus.sweep.proving import Prover
from matderiv.calculus.sweep.second import second_opinion_on
from matderiv.calculus.sweep.sweep import replaced
from matderiv.calculus.sweep.task import Task, read_task
from matderiv.derivation.judge import Judge
from matderiv.derivation.methods.table import METHODS
from matderiv.derivation.program import build_program
from matderiv.derivation.sides import Formula
from matderiv.errors import InputError, ProofError, UnsupportedError
from matderiv.expression import nodes
from matderiv.expression.nodes import Name, Node
from matderiv.expression.parse import parse
from matderiv.handout.code import check_code

#: A program that ends in y or Y, the name to differentiate by, and shapes.
ENDS: dict[str, tuple[str, str, dict[str, tuple[int, ...]]]] = {
    "vector": ("y = tanh(A @ x)", "x", {}),
    "vector by a matrix": ("y = softmax(W @ x)", "W", {}),
    "vector by a scalar": ("y = x*exp(theta)", "theta", {}),
    "two paths": ("z = f(x); y = z*(A @ z)", "x", {}),
    "matrix": ("Y = A @ X @ B", "X", {}),
    "matrix entry by entry": ("H = relu(X @ W); Y = H + H**2", "W", {"X": (2, 3), "W": (3, 2)}),
    "matrix by rows": ("Y = softmax(X @ W, axis=1)", "X", {"X": (3, 2), "W": (2, 2)}),
    "inverse": ("Y = inv(A + theta*B)", "theta", {}),
    "a name alone": ("Y = X", "X", {}),
    "kept sums": ("Y = X - mean(X, axis=1, keepdims=True)", "X", {}),
    "outer": ("Y = outer(x, x)", "x", {}),
    "a matrix of one entry": ("Y = x.T @ S @ x", "x", {"x": (3, 1), "S": (3, 3)}),
    "a mean that is 1×1": ("Y = mean(X**2, keepdims=True)", "X", {}),
    "a vector of one": ("y = A @ x", "x", {"A": (1, 3)}),
}
_TWO = Fraction(2)
EVERY = pytest.mark.parametrize("end", ENDS)


def ending(end: str) -> Task:
    """The task of a program as it stands."""
    text, wrt, shapes = ENDS[end]
    return read_task(text, (wrt,), shapes=shapes)


def weighted(task: Task, wrt: str) -> Task:
    """The same with the scalar Σ V∗Y behind it, V an input like dY."""
    of = task.sweep.graph.result
    sizes = tuple(dim.size for dim in task.shapes[of])
    weights, loss = ("V", "L") if len(sizes) > 1 else ("v", "L")
    shapes = {name: tuple(d.size for d in task.shapes[name]) for name in task.program.inputs()}
    text = f"{task.program.source()}; {loss} = sum({weights}*{of})"
    return read_task(text, (wrt,), shapes=shapes | {weights: sizes})


@EVERY
def test_the_gradient_is_that_of_the_sum_of_weighted_entries(end: str) -> None:
    """The dX of ⟨dY, Y⟩ is the formula that a program with that sum at its end has."""
    task, wrt = ending(end), ENDS[end][1]
    scalar = weighted(task, wrt)
    of = task.sweep.graph.result
    (weights,) = {*scalar.program.inputs()} - {*task.program.inputs()}
    assert task.sweep.graph.loss is None
    assert task.sweep.graph.seed == Name(f"d{of}")
    letters = task.input_indices(task.shapes[wrt])
    own, other = (unfolded(one, {weights: Name(f"d{of}")}) for one in (task, scalar))
    assert same_form(own.at(Name(f"d{wrt}"), *letters), other.at(Name(f"d{wrt}"), *letters))


def unfolded(task: Task, names: Mapping[str, Node]) -> Entries:
    """Entries in terms of inputs and the gradient by the result."""
    known = {a.name: a.value for a in task.sweep.graph.values}
    known |= {f"d{name}": task.whole(name, g.formula) for name, g in task.sweep.gradients.items()}
    renamed = {name: replaced(value, names) for name, value in known.items()}
    free = {node.name for node in names.values() if isinstance(node, Name)}
    return Entries(
        task.sweep.facts.shape, {name: v for name, v in renamed.items() if name not in free}
    )


@EVERY
def test_it_is_proved(end: str) -> None:
    """The prover needs no scalar: dY stands for every array of its shape."""
    task = ending(end)
    assert Prover(task.sweep).all_of(ENDS[end][1]).status == "equal"


@EVERY
def test_a_wrong_formula_is_refused(end: str) -> None:
    """Twice the formula, and the formula with dY left out, are not proved."""
    task, wrt = ending(end), ENDS[end][1]
    gradient = task.sweep.gradients[wrt]
    without = {f"d{name}": ones(task, name) for name in task.shapes}
    for formula in (sum_of([(_TWO, gradient.formula)]), replaced(gradient.formula, without)):
        gradients = {**task.sweep.gradients, wrt: replace(gradient, formula=formula)}
        prover = Prover(replace(task.sweep, gradients=gradients))
        assert prover.all_of(wrt).status != "equal"
        with pytest.raises(ProofError):
            second_opinion_on(replace(task, sweep=prover.sweep))


def ones(task: Task, name: str) -> Node:
    """An array of ones as large as that of a name."""
    shape = task.shapes[name]
    if not shape:
        return nodes.Number(Fraction(1))
    return nodes.Ones(tuple(int(d.symbol) if d.symbol.isdigit() else d.symbol for d in shape))


@EVERY
def test_the_second_engine_agrees(end: str) -> None:
    """SymPy differentiates Σ dy_ij·y_ij by every entry."""
    opinion = second_opinion_on(ending(end))
    assert opinion.status == "agrees"
    assert opinion.entries


@EVERY
@pytest.mark.parametrize("method", METHODS)
def test_every_method_derives_it(end: str, method: str) -> None:
    """The steps of each method hold for an array at the end, or the method says what it has not."""
    task = ending(end)
    try:
        derivation = build_program(task, task.wrt, route=METHODS[method])
    except UnsupportedError:
        assert method == "kronecker"
        return
    assert all(link.verdict.status == "equal" for link in derivation.links)
    (last,) = [s for s in derivation.steps if s.wrt == ENDS[end][1] and s.kind == "matrix"]
    assert last.chains[-1].sides[-1] == Formula(
        task.whole(ENDS[end][1], task.sweep.gradients[ENDS[end][1]].formula)
    )


def test_a_judge_does_not_take_the_gradient_by_the_result_for_one() -> None:
    """The equality dX = dY Wᵀ of Y = XW is true, and dX = 1 Wᵀ is refuted."""
    task = read_task("Y = X @ W", ("X",))
    judge = Judge(task, "X", ("Y",))
    left = Formula(Name("dX"))
    right, wrong = (parse(text).loss.value for text in ("dY @ W.T", "ones((N, M)) @ W.T"))
    assert judge.verdict(left, Formula(right)).status == "equal"
    assert judge.verdict(left, Formula(wrong)).status == "refuted"


@pytest.mark.long
def test_random_programs_of_any_shape() -> None:
    """Values of random programs put at the end, arrays among them, are proved like any loss."""
    shapes: dict[int, int] = {0: 0, 1: 0, 2: 0}
    for seed in range(usually(16, thoroughly=40, least=12)):
        made = random_program(seed, depth=3)
        last = seed % len(made.values) + 1
        cut = replace(made, values=made.values[:last])
        try:
            task = read_task(cut.text, None, shapes=cut.inputs)
        except InputError:
            continue
        prover = Prover(task.sweep)
        for name in task.wrt:
            assert prover.all_of(name).status != "refuted", (seed, name)
        assert second_opinion_on(task).status in ("agrees", "cannot")
        shapes[len(task.shapes[task.sweep.graph.result])] += 1
    assert min(shapes.values()) >= 1, shapes


@pytest.mark.parametrize(
    "text",
    ["Y = X @ W + step(B)", "B1 = 2*B; Y = X @ W"],
)
def test_a_derivative_that_is_zero(text: str) -> None:
    """A derivative that is 0 is an answer as for a scalar."""
    task = read_task(text, ("B",))
    assert task.sweep.gradients["B"].vanishes
    assert task.prover.all_of("B").status == "equal"


def test_what_is_differentiated_has_a_name_of_its_own() -> None:
    """⟨dY, Y⟩ is called by a letter that the program has not."""
    names: Mapping[str, str] = {"Y = X @ W": "L", "Y = X @ L": "J", "L = sum(X)": "L"}
    assert {text: read_task(text).sweep.graph.scalar for text in names} == names


def test_a_size_that_no_name_has() -> None:
    """A letter in eye(n) alone is a size like others: given, printed as a letter, and general."""
    found = gradient("L = tr(eye(n))*sum(w**2)", wrt="w", sizes={"n": 3})
    assert found.formula == "2*n*w"
    assert found.proof == "for all sizes"
    assert found(w=[1.0, 2.0]).tolist() == [6.0, 12.0]
    scope: dict[str, Any] = {}
    exec(found.code("numpy"), scope)  # noqa: S102 - our own text
    assert scope["gradient"](np.array([1.0, 2.0]), 5).tolist() == [10.0, 20.0]
    derivation = derive("L = sum(x)*sum(eye(K))", sizes={"K": 2})
    assert derivation.second is not None
    assert derivation.second.status == "agrees"
    assert "K" in derivation.markdown()


def test_a_notebook_gives_such_a_size() -> None:
    """The check in a notebook runs: its functions are given the number of the letter."""
    text = check_code(derive("L = tr(eye(n))*sum(w**2)", wrt="w", sizes={"n": 3}))
    assert text is not None
    printed: list[float] = []
    exec(text, {"np": np, "print": lambda _, error: printed.append(error)})  # noqa: S102 - ours
    assert max(printed) < 1e-6
