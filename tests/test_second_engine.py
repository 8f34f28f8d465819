"""SymPy as the second engine: it agrees with what is right, and refuses what is wrong."""

from __future__ import annotations

import cProfile
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
import sympy as sp
from _gradient_table import sized, table
from _programs import random_program
from _thorough import usually

from matderiv import derive
from matderiv.calculus.deciding.explicit import Explicit, SympyArray, sympy_sum, undefined_function
from matderiv.calculus.deciding.reduction import ZeroTest
from matderiv.calculus.deciding.second_engine import OurGradients, second_opinion
from matderiv.calculus.sweep import sweep
from matderiv.calculus.sweep.adjoints import adjoint
from matderiv.calculus.sweep.second import second_opinion_on
from matderiv.calculus.sweep.task import read_task
from matderiv.errors import InputError, ProofError
from matderiv.expression import nodes
from matderiv.expression.nodes import Node
from matderiv.expression.parse import parse


def answers(program: str, wrt: str, formula: str, **known: str) -> OurGradients:
    """A program with a formula for its gradient, right or wrong."""
    task = read_task(program, (wrt,))
    return OurGradients(
        program=task.program,
        shapes=task.shapes,
        sizes=task.sizes,
        gradients={wrt: parse(f"function dLoss; L = {formula}").loss.value},
        known={name: parse(text).loss.value for name, text in known.items()},
    )


@pytest.mark.parametrize("number", range(0, len(table()), 12))
def test_it_agrees_with_the_table_of_gradients(number: int) -> None:
    """A twelfth of the table: no right gradient is refused, and SymPy can differentiate each.

    It has no entries of functions of matrices, such as a matrix root, and says so of these alone.
    """
    entry = table()[number]
    sizes = entry.sizes((3, 2, 2, 3))
    shapes = {name: entry.shape(name, sizes) for name in entry.shapes}
    task = read_task(sized(entry.program, sizes), (entry.wrt,), shapes=shapes, assume=entry.assume)
    opinion = second_opinion_on(task)
    parts = [n for a in task.program.assignments for n in nodes.walk(a.value)]
    if any(isinstance(n, nodes.MatrixFunction) for n in parts):
        assert (opinion.status, opinion.reason) == ("cannot", "unknown")
        return
    assert opinion.status == "agrees"
    assert 0 < opinion.exact == opinion.entries <= opinion.count


def test_it_refuses_no_random_program() -> None:
    """Programs of the whole language, where the formulas may have a value at no point at all."""
    agreed = 0
    for seed in range(usually(25, 100, least=10)):
        made = random_program(seed, depth=3)
        try:
            task = read_task(made.text, None, shapes=made.inputs)
        except InputError:
            continue
        agreed += second_opinion_on(task).status == "agrees"
    assert agreed > usually(7, 28, least=2)


WRONG = {
    "a ridge": (
        "L = sum((X @ w - y)**2) + alpha*sum(X**2)",
        "X",
        "outer(2*(X @ w - y), w) + alpha*X",
    ),
    "a softmax": (
        "L = sum(logsumexp(X, axis=1)) - sum(T*X)",
        "X",
        "softmax(X, axis=0) - T",
    ),
    "a sign": ("L = sum((X @ W - T)**2)", "X", "-2*(X @ W - T) @ W.T"),
    "a factor": ("L = sum((X @ W - T)**2)", "X", "(X @ W - T) @ W.T"),
    "a transpose": ("L = sum(f(X @ X))", "X", "df(X @ X) @ X + X.T @ df(X @ X)"),
    "zero": ("L = logdet(X)", "X", "0*X"),
    "the inverse": ("L = logdet(X)", "X", "inv(X)"),
    "one term of two": ("L = tr(X @ X)", "X", "X.T"),
    "the function for its derivative": ("L = sum(f(X))", "X", "f(X)"),
    "another function": ("L = sum(f(X))", "X", "df(2*X)/2"),
    "an entry only": ("L = sum(sqrt(X)) + tr(X)", "X", "1/(2*sqrt(X)) + 1.001*eye(N)"),
    "a mean for a sum": (
        "L = Loss(mean(X, axis=0))",
        "X",
        "outer(ones(N), dLoss(mean(X, axis=0)))",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_formula_is_refused(name: str) -> None:
    """Wrong in one sign, factor, transpose, term or entry, with undefined functions or without."""
    with pytest.raises(ProofError, match="SymPy's own derivative by X"):
        second_opinion(answers(*WRONG[name]))


def test_derive_refuses_what_a_wrong_rule_and_a_wrong_proof_agree_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With a wrong adjoint and a decider that says yes to everything nothing is printed."""
    from matderiv.calculus.deciding.decide import Verdict
    from matderiv.derivation.judge import Judge

    right = adjoint

    def wrong(value: Node, upstream: Node, shape: Any) -> Any:  # noqa: ANN401 - as the rule
        made = right(value, upstream, shape)
        if isinstance(value, nodes.MatMul):
            return tuple(nodes.Multiply(nodes.Number(Fraction(2)), one) for one in made)
        return made

    monkeypatch.setattr(sweep, "adjoint", wrong)
    monkeypatch.setattr(Judge, "verdict", lambda *_: Verdict("equal", index=True))
    with pytest.raises(ProofError, match="SymPy's own derivative"):
        derive("U = A @ V; L = sum(g(U))", shapes={"A": (2, 3), "V": (3, 2)})


def test_silent_zeros_of_sympy_are_none_here() -> None:
    """What `Derivative`, `MatrixExpr.diff` and functions of one name are silently wrong about."""
    u = sp.Symbol("u", real=True)
    assert undefined_function("f")(u**2).diff(u) == 2 * u * undefined_function("f", (1,))(u**2)
    assert sp.Function("f")(u) != undefined_function("f")(u)
    for program, formula in {
        "L = tr(A) + 1": "eye(N)",
        "L = log(det(A))": "inv(A).T",
        "L = Loss(A)": "dLoss(A)",
        "L = norm(A)**2": "2*A",
    }.items():
        opinion = second_opinion(answers(program, "A", formula))
        assert (opinion.status, opinion.entries) == ("agrees", opinion.count)
        with pytest.raises(ProofError):
            second_opinion(answers(program, "A", f"0*({formula})"))


EXACT = {
    "ridge regression": ("L = sum((X @ w - y)**2) + alpha*sum(w**2)", {"X": (4, 3)}),
    "softmax cross-entropy": (
        "L = -sum(T*log(softmax(X @ W, axis=1)))",
        {"X": (2, 2), "W": (2, 3)},
    ),
    "a determinant": ("L = det(-(H*Y))", {"H": (3, 3)}),
    "kinks": ("L = sum(maximum(X @ w, y)**2) + sum(relu(y)**2)", {"X": (2, 2)}),
    "a vector of length 1": ("y = x/norm(x); L = Loss(y)", {"x": (3,)}),
    "powers": ("L = sum(x**alpha) + sum(sin(x)**2/cos(x)) + sum(gelu(x))", {"x": (2,)}),
}


@pytest.mark.parametrize("name", EXACT)
def test_every_difference_is_reduced(name: str) -> None:
    """The page says that all differences are 0, not that some are at random numbers."""
    program, shapes = EXACT[name]
    derivation = derive(program, shapes=shapes)
    assert derivation.second is not None
    assert derivation.second.exact == derivation.second.entries == derivation.second.count
    assert "Every difference was reduced to 0." in derivation.markdown()


@pytest.mark.long
def test_what_costs_too_much_to_reduce_is_tried_at_numbers() -> None:
    """The budget bounds the work, and the page tells a test from a proof."""
    opinion = second_opinion_on(read_task("L = sum((X @ X @ X)**3)", sizes={"N": 4}))
    assert opinion.status == "agrees"
    assert opinion.exact < opinion.entries


X, Y = sp.symbols("x y", real=True)
F, LOSS = undefined_function("f"), undefined_function("Loss")
ZERO = (
    (X + Y) ** 3 - X**3 - Y**3 - 3 * X * Y * (X + Y),
    1 / X - 1 / (X + Y) - Y / (X * (X + Y)),
    sp.sqrt(X + Y) ** 3 / (X + Y) - sp.sqrt(X + Y),
    sp.sqrt(2) / 2 - 1 / sp.sqrt(2),
    sp.exp(X + Y) / (sp.exp(X) + 1) - sp.exp(Y) / (1 + sp.exp(-X)),
    sp.exp(X / 2) ** 3 * sp.exp(Y) - sp.exp((3 * X + 2 * Y) / 2),
    sp.E * sp.exp(X) - sp.exp(X + 1),
    sp.Abs(X - Y) ** 2 - (X - Y) ** 2,
    sp.Abs(X - Y) - sp.Abs(Y - X),
    sp.sin(X) ** 2 + sp.cos(X) ** 2 - 1,
    X ** (Y + 1) - X * X**Y,
    F((X + Y) ** 2) - F(X**2 + Y**2 + 2 * X * Y),
    F(X / (X + Y)) - F(1 / (1 + Y / X)),
    LOSS(X * (X + 1), Y) - LOSS(X**2 + X, Y),
    1 / (1 / X + 1 / Y) - X * Y / (X + Y),
)


@pytest.mark.parametrize("number", range(len(ZERO)))
def test_reduction_finds_what_is_zero_and_nothing_else(number: int) -> None:
    """One relation each; with any change to the expression it is not 0."""
    zero = ZERO[number]
    reduction = ZeroTest()
    assert reduction.is_zero(zero)
    for part in (*zero.args, X / 1000, 1 / (1 + X**2), F(Y), sp.Rational(1, 10**9)):
        assert not reduction.is_zero(zero + part)
        assert not reduction.is_zero(2 * zero - part)


def test_reduction_takes_nothing_for_zero_that_has_no_value() -> None:
    """A division by 0 is no number, and times 0 is not 0; nor is a root that may have two signs."""
    nothing = sp.Add(X * (X + 1), -(X**2), -X, evaluate=False)
    for wrong in (
        nothing * sp.Pow(nothing, -1, evaluate=False),
        sp.Mul(nothing, sp.Pow(sp.sqrt(nothing), -1), evaluate=False),
        sp.sqrt(X**2 + 2 * X * Y + Y**2) - X - Y,
        sp.Abs(X) - X,
        sp.sin(X) - sp.sin(-X),
        sp.exp(X * Y) - sp.exp(X) * sp.exp(Y),
        F(X) - undefined_function("g")(X),
        F(X) - undefined_function("f", (1,))(X),
        LOSS(X, Y) - LOSS(Y, X),
        X**Y - Y**X,
    ):
        assert not ZeroTest().is_zero(wrong)


def test_arguments_are_told_apart_without_reducing_their_differences() -> None:
    """Twice as many arguments take twice as many reductions, not four times as many."""
    calls = []
    for count in (20, 40):
        terms = (F(sp.Abs(X) / (X + n * Y)) for n in range(1, count))
        profile = cProfile.Profile()
        assert not profile.runcall(ZeroTest().is_zero, sp.Add(*terms))
        stats = {entry.code: entry.callcount for entry in profile.getstats()}
        calls.append(stats[ZeroTest._cleared.__code__])
    assert calls[1] < 3 * calls[0]


def test_undefined_functions_are_compared_by_their_arguments() -> None:
    """The same argument in another form is the same, whatever f is; another argument is not."""
    program = "L = sum(f(alpha*(X + Y)))"
    assert second_opinion(answers(program, "X", "alpha*df(alpha*X + alpha*Y)")).status == "agrees"
    with pytest.raises(ProofError):
        second_opinion(answers(program, "X", "alpha*df(alpha*X + Y)"))


def test_what_is_too_large_is_said() -> None:
    """Smaller sizes or fewer entries where those of the page are too many; else that it cannot."""
    own = second_opinion_on(read_task("L = sum(f(X @ W))"))
    assert (own.own, own.count, own.entries, own.exact) == (True, 20, 20, 20)
    large = second_opinion_on(read_task("L = sum(f(X @ W))", sizes={"N": 64, "D": 4096, "M": 4096}))
    assert (large.own, dict(large.sizes)) == (False, {"N": 3, "D": 3, "M": 3})
    fewer = second_opinion_on(read_task("L = sum(tanh(X @ W)**2)", sizes={"N": 9, "M": 9}))
    assert fewer.own
    assert 8 <= fewer.entries < fewer.count
    fixed = second_opinion_on(read_task("L = sum(f(eye(40) @ X))"))
    assert (fixed.status, fixed.reason) == ("cannot", "large")


@pytest.mark.long
def test_declared_structure_is_built_in() -> None:
    """A symmetric matrix has one symbol for two entries, a diagonal one 0 beside its diagonal."""
    program = "L = logdet(X) + sum(f(X @ X))"
    for structure in ("symmetric", "diagonal"):
        task = read_task(program, assume={"X": structure})
        assert second_opinion_on(task).status == "agrees"
        with pytest.raises(ProofError):
            second_opinion_on(replace(task, assumed={}))


def test_every_node_has_a_meaning_here() -> None:
    """Each kind of node is in the table or has a definition in simpler ones."""
    from matderiv.calculus.deciding import explicit
    from matderiv.expression.operations import COMPOSITE

    known = {*explicit._PLAIN, *explicit._RULES, *COMPOSITE, nodes.Name}
    assert known == set(nodes.NODE_KINDS)


def test_sums_are_those_of_sympy() -> None:
    """`sympy_sum` makes the sum that SymPy makes, in its order, alike terms put together or not."""
    x, y = sp.symbols("x y", real=True)
    terms = [y * x, sp.exp(y), x, sp.Integer(3), x + y**2, sp.S.Zero, -2 * x * y]
    for count in range(len(terms) + 1):
        made, expected = sympy_sum(terms[:count]), sp.Add(*terms[:count])
        assert made == expected
        assert sp.srepr(made) == sp.srepr(expected)


def test_derivatives_are_those_of_sympy() -> None:
    """The chain rule over SymPy's operations gives what `diff` gives for the whole expression."""
    from matderiv.calculus.deciding.second_engine import _Engine

    task = read_task("L = sum(softmax(X @ W, axis=1)*tanh(X @ W)) + norm(W) + tr(inv(W.T @ W))")
    engine = _Engine(answers("L = sum(X)", "X", "ones((N, M))"), task.sizes)
    x, w = (
        SympyArray(shape, tuple(sp.symbols(f"{name}:{shape[0] * shape[1]}", real=True)))
        for name, shape in (("x", (2, 2)), ("w", (2, 2)))
    )
    value = Explicit({"X": x, "W": w}, {}, {}, ()).of(task.program.loss.value).entries[0]
    symbol = w.entries[1]
    difference = engine.derivative(value, symbol) - value.diff(symbol)
    numbers = dict(
        zip((*x.entries, *w.entries), map(sp.Rational, (1, 2, 3, 5, 7, 2, 3, 4)), strict=True)
    )
    assert abs(difference.xreplace(numbers).evalf(30)) < 1e-20


def test_gradient_does_without_it() -> None:
    """`derive` asks SymPy, and its page says so; the opinion is a value of the derivation."""
    derivation = derive()
    assert derivation.second is not None
    assert derivation.second.exact == derivation.second.count == 20
    assert "On its own it built" in derivation.markdown()
    assert "SymPy" in derivation.markdown("zh")
