"""Derivations of whole programs: every link is proved, and every mistake in one is refused."""

from __future__ import annotations

import cProfile
import itertools
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction
from functools import partial

import numpy as np
import pytest
import sympy as sp
from _thorough import usually

from matderiv.api import derive
from matderiv.calculus.index_forms.canonical import canonical
from matderiv.calculus.index_forms.forms import Entry, Form, placed, scaled
from matderiv.calculus.sweep.task import Task, read_task
from matderiv.derivation import judge as judging
from matderiv.derivation import program as building
from matderiv.derivation.judge import Judge
from matderiv.derivation.methods.table import METHODS
from matderiv.derivation.program import build_program
from matderiv.derivation.sides import (
    EntryOf,
    Formula,
    Indexed,
    Side,
    Spelled,
    WrittenEntry,
    spelled,
    written,
)
from matderiv.errors import ProofError, ShapeError
from matderiv.expression import nodes
from matderiv.expression.nodes import Name, Node
from matderiv.expression.parse import parse

#: Mutants of a program that are judged, about.
_JUDGED = usually(12, thoroughly=24)

#: A program, the name, and the gradient as a book writes it.
CASES = [
    ("L = sum((X @ W - T)**2) + lam*sum(W**2)", "W", "2*(X.T @ (X @ W - T) + lam*W)"),
    ("H = tanh(X @ W + b); L = Loss(H @ V + c)", "W", "X.T @ (dH*(1 - H**2))"),
    (
        "S = Q @ K.T/sqrt(lam); P = softmax(S, axis=1); O = P @ V; L = Loss(O)",
        "Q",
        "dS @ K/sqrt(lam)",
    ),
    ("L = logdet(A) + tr(inv(A) @ S)", "A", "(inv(A) - inv(A) @ S @ inv(A)).T"),
    (
        "M = mean(X, axis=0, keepdims=True); L = sum(f(X - M))",
        "X",
        "df(X - M) - mean(df(X - M), axis=0, keepdims=True)",
    ),
    ("n = norm(X); L = sum(X/n)", "X", None),
    ("L = sum(diag(v) @ X)", "v", None),
    ("L = x @ A @ x", "x", "(A + A.T) @ x"),
    ("L = sum(prod(X, axis=1))", "X", None),
    ("L = sum(outer(u, v)*A)", "u", "A @ v"),
    ("L = lam**2 + exp(lam)", "lam", "2*lam + exp(lam)"),
    ("p = softmax(z); H = -sum(p*log(p))", "z", "-p*(H + log(p))"),
    ("p = softmax(z); -sum(p*log(p))", "z", "p*(log(p) @ p - log(p))"),
    ("p = softmax(z); L = 3*sum(p*f(z))", "z", None),
]


@pytest.mark.parametrize(("program", "wrt", "formula"), CASES)
def test_every_link_is_proved_for_all_sizes(program: str, wrt: str, formula: str | None) -> None:
    """Each kind of node is derived, and ends in the formula that a book writes."""
    derivation = derive(program, wrt=wrt)
    proof = derivation.proof
    assert proof.equalities == proof.for_all_sizes > 2
    if formula is not None:
        assert derivation.formulas == {wrt: formula}


def test_sizes_do_not_matter() -> None:
    """A sum over a thousand terms is never written out by the proof."""
    small = derive("L = mean((X @ w - y)**2)", wrt="w", shapes={"X": (2, 3)})
    large = derive("L = mean((X @ w - y)**2)", wrt="w", shapes={"X": (4096, 65_536)})
    assert small.proof == large.proof


# -- mistakes --------------------------------------------------------------------------------


def of_node(node: Node) -> Iterator[Node]:
    """Twice the node, without one of its terms, and without one of its transposes."""
    yield nodes.Multiply(nodes.Number(Fraction(2)), node)
    for part in nodes.walk(node):
        for mutant in (
            *((part.left, part.right) if isinstance(part, nodes.Add | nodes.Subtract) else ()),
            *((part.arg,) if isinstance(part, nodes.Transpose | nodes.Negate) else ()),
        ):
            yield exchanged(node, part, mutant)


def exchanged(node: Node, old: Node, new: Node) -> Node:
    """The node with one part exchanged for another."""
    if node is old:
        return new
    return nodes.rebuilt(node, [exchanged(child, old, new) for child in nodes.children(node)])


def of_form(form: Form) -> Iterator[Form]:
    """Twice the form, without one of its terms, and with two of its letters exchanged."""
    yield scaled(form, Fraction(2))
    if len(form) > 1:
        yield form[1:]
    free = sorted(
        {
            i
            for term, _ in form
            for atom, _ in term.atoms
            if isinstance(atom, Entry)
            for i in atom.indices
            if isinstance(i, str) and i not in dict(term.bound)
        }
    )
    for one, other in itertools.combinations(free, 2):
        turned = placed(form, {one: other, other: one})
        if canonical(turned) != canonical(form):
            yield turned


def fitting(made: Iterable[Node], make: Callable[[Node], Side]) -> Iterator[Side]:
    """The sides about those of the nodes whose shapes fit."""
    for node in made:
        with suppress(ShapeError, IndexError):
            yield make(node)


def of_side(side: Side, task: Task) -> Iterator[Side]:
    """The mutants of a side."""
    match side:
        case Formula(node):
            yield from map(Formula, of_node(node))
        case Spelled(node):
            yield from fitting(of_node(node), partial(spelled, task))
        case EntryOf(node, indices) | WrittenEntry(node, indices):
            make = EntryOf if isinstance(side, EntryOf) else partial(written, task)
            yield from fitting(of_node(node), lambda made: make(made, indices))
            if len(set(indices)) > 1 and isinstance(node, Name | nodes.MatMul):
                yield make(node, indices[::-1])
        case Indexed(form):
            yield from map(Indexed, of_form(form))


#: One name in several statements, whose shares are compared one by one where they are many.
AGAIN = [
    ("Y = tanh(x); Z = tanh(Y + x); H = tanh(Z + x); L = sum(H**2)", "x"),
    ("Y = tanh(X @ W); Z = tanh(Y @ W + b); H = exp(Z @ W); L = sum(H)", "W"),
]


@pytest.mark.parametrize(("program", "wrt"), [*(case[:2] for case in CASES[:9]), *AGAIN])
def test_every_mutant_is_refused(program: str, wrt: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a factor nor a term, an index or a transpose can be wrong and still be proved."""
    if (program, wrt) in AGAIN:
        monkeypatch.setattr(judging, "_MANY", 1)
    seen: list[tuple[Judge, str, tuple[Side, ...]]] = []
    chain = building.Builder.chain

    def noted(self: object, judge: Judge, kind: str, first: Side, *rest: object) -> object:
        seen.append((judge, kind, (first, *(side for _, side in rest))))  # type: ignore[misc]
        return chain(self, judge, kind, first, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(building.Builder, "chain", noted)
    derive(program, wrt=wrt)
    mutants = [
        (judge, kind, left, mutant)
        for judge, kind, sides in seen
        for left, right in itertools.pairwise(sides)
        for mutant in of_side(right, judge.task)
    ]
    judged = 0
    for judge, kind, left, mutant in mutants[:: max(1, len(mutants) // _JUDGED)]:
        try:
            verdict = judge.verdict(left, mutant)
        except (ValueError, IndexError):
            continue  # its shapes do not fit
        judged += 1
        assert verdict.status != "equal", (kind, left, mutant)
    assert judged > 10


def test_a_refuted_link_says_where() -> None:
    """The entry and a rational point at which the sides differ stand in the verdict."""
    task = read_task("L = sum(exp(X))", ("X",), shapes={"X": (2, 2)})
    judge = Judge(task, "X", ("L",))
    wrong = Formula(nodes.Apply("sin", Name("X")))
    verdict = judge.verdict(Formula(Name("dX")), wrong)
    assert verdict.status == "refuted"
    assert verdict.reason.startswith("entry (1, 1): the sides differ at X[1,1] = ")


def test_what_index_notation_does_not_prove_is_compared_at_the_sizes() -> None:
    """At one chosen size a sum may be what it is not at every size; that is said, not claimed."""
    task = read_task("L = sum(X**2)", ("X",), shapes={"X": (2, 2)})
    judge = Judge(task, "X", ("L",))
    two = nodes.Number(Fraction(2))
    sized = nodes.Multiply(nodes.Size("N", 2), Name("X"))
    verdict = judge.verdict(Formula(sized), Formula(nodes.Multiply(two, Name("X"))))
    assert (verdict.status, verdict.index, verdict.entries) == ("equal", False, 4)


def test_a_wrong_gradient_is_not_derived(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mistake of the rules of differentiation ends in an error, never on a page."""
    task = read_task("Y = X @ W; L = mean(f(Y))", ("X",))
    right = task.sweep.gradients["X"]
    wrong = replace(right, local=nodes.Negate(right.local))
    gradients = {**task.sweep.gradients, "X": wrong}
    broken = replace(task, sweep=replace(task.sweep, gradients=gradients))
    with pytest.raises(ProofError, match=r"all entries, matrix product: (refuted|undecided)"):
        build_program(broken, ("X",))


# -- SymPy -----------------------------------------------------------------------------------


def test_results_are_matrix_expressions() -> None:
    """The result can be evaluated by SymPy, vectors being columns."""
    derivation = derive("L = norm(X @ w - y)**2", wrt="w", shapes={"X": (3, 2)})
    result = derivation.result["w"]
    symbols = sorted(result.atoms(sp.MatrixSymbol), key=str)
    rng = np.random.default_rng(0)
    x, w, y = rng.normal(size=(3, 2)), rng.normal(size=(2, 1)), rng.normal(size=(3, 1))
    values = {"X": x, "w": w, "y": y}
    made = sp.lambdify(symbols, result, "numpy")(*(values[s.name] for s in symbols))
    np.testing.assert_allclose(made, 2 * x.T @ (x @ w - y))


def test_sides_are_sympy_objects() -> None:
    """Entries are `Indexed`, sums are `Sum`s, and a mean is a SymPy expression too."""
    derivation = derive("Y = X @ W; L = mean(Y)", wrt="W")
    links = list(derivation.links)
    assert any(isinstance(link.rhs, sp.Sum) for link in links if link.reason == "chain rule")
    (defined,) = (link for link in links if str(link.left) == str(Formula(Name("L"))))
    assert isinstance(defined.rhs, sp.Basic)
    assert derivation.task.loss == "L"


def test_the_loss_must_be_a_number() -> None:
    """A vector is refused before anything is derived."""
    with pytest.raises(ShapeError, match="not a scalar"):
        derive("L = X @ w", wrt="w")


@pytest.mark.parametrize("method", METHODS)
def test_the_spread_of_one_entry_is_zero(method: str) -> None:
    """It changes with nothing, and no root of 0 is divided by."""
    shapes = {"B": (1, 2)}
    gone = derive("L = std(cos(sum(B, axis=1)))", shapes=shapes, method=method)
    assert gone.task.sweep.gradients["B"].vanishes
    made = derive("L = sum((std(B, axis=0) + 3)*B**2)", shapes=shapes, method=method)
    assert (
        made.task.sweep.gradients["B"].formula == parse("L = 2*(std(B, axis=0) + 3)*B").loss.value
    )
    assert "is positive" not in gone.markdown() + made.markdown()


@pytest.mark.long
def test_a_name_in_many_statements_has_a_derivation() -> None:
    """The shares of its uses are compared one by one, so that no entry gets too long."""
    lines = "; ".join(f"Y{n} = tanh(Y{n - 1} + x)" for n in range(1, 40))
    made = derive(f"Y0 = tanh(x); {lines}; L = sum(Y39)", wrt="x")
    links = list(made.links)
    assert len(links) > 80
    assert all(link.verdict.index for link in links)


@pytest.mark.long
def test_a_matrix_that_is_used_in_every_layer_takes_work_in_proportion() -> None:
    """Twice as many layers of one matrix take at most six times as many calls."""
    calls = []
    for count in (2, 4):
        layers = [f"H{n} = tanh(H{n - 1} @ W)" for n in range(1, count)]
        program = "; ".join(["H0 = tanh(X @ W)", *layers, f"L = sum(H{count - 1})"])
        profile = cProfile.Profile()
        profile.runcall(derive, program, shapes={"X": (2, 3), "W": (3, 3)})
        calls.append(sum(entry.callcount for entry in profile.getstats()))
    assert calls[1] < 6 * calls[0]


@pytest.mark.parametrize("shape", [(2, 4), (2, 1), (3, 1)])
@pytest.mark.parametrize(
    "spread",
    ["std(X, axis=0, keepdims=True)", "sqrt(mean((X - m)**2, axis=0, keepdims=True) + eps)"],
)
def test_a_gradient_by_name_and_as_what_it_is_are_the_same(
    shape: tuple[int, int], spread: str
) -> None:
    """A line that holds dY beside df(Y) is judged with dY = df(Y), at columns of two entries, too."""
    program = f"m = mean(X, axis=0, keepdims=True); Y = (X - m)/{spread}; L = sum(f(Y))"
    derivation = derive(program, wrt="X", shapes={"X": shape})
    assert derivation.proof.equalities > 5
