"""Whole gradients: those of the table are proved for all sizes, random ones agree with differences."""

from __future__ import annotations

import cProfile
import re
import warnings
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from _gradient_table import Gradient as Entry_
from _gradient_table import cost as length
from _gradient_table import sized, table
from _programs import Made, random_program, shrunk
from _reference import UNDEFINED, Array, differences, run, value
from _thorough import usually

from matderiv.calculus.deciding.decide import same_form
from matderiv.calculus.formulas.as_typed import as_typed
from matderiv.calculus.index_forms.assumed import under_assumptions
from matderiv.calculus.index_forms.entries import Entries
from matderiv.calculus.index_forms.forms import Entry, Index
from matderiv.calculus.index_forms.partials import partial
from matderiv.calculus.sweep.conditions import conditions
from matderiv.calculus.sweep.graph import Graph, graph_of
from matderiv.calculus.sweep.proving import Prover
from matderiv.calculus.sweep.results import Sweep
from matderiv.calculus.sweep.sweep import sweep
from matderiv.errors import InputError, MatderivError, UnsupportedError
from matderiv.expression import nodes
from matderiv.expression.assumptions import read_shaped
from matderiv.expression.known_shapes import settled
from matderiv.expression.nodes import Node
from matderiv.expression.parse import parse
from matderiv.expression.shapes import Dim
from matderiv.expression.source import source
from matderiv.gradients import gradient

SIZES = (3, 2, 4, 5)


def graph(text: str, shapes: Mapping[str, tuple[int, ...]] | None = None) -> Graph:
    """The graph of a program."""
    program, _, found = read_shaped(text, shapes=shapes)
    return graph_of(settled(program, found), found)


def of_table(entry: Entry_) -> Sweep:
    """The sweep of a gradient of the table, made once for all tests."""
    if entry.id not in _made:
        _made[entry.id] = _swept(entry)
    return _made[entry.id]


_made: dict[str, Sweep] = {}


def _swept(entry: Entry_) -> Sweep:
    sizes = entry.sizes(SIZES)
    made = graph(entry.program, {name: entry.shape(name, sizes) for name in entry.shapes})
    return sweep(made, (entry.wrt,), entry.assume)


def proved(found: Sweep, wrt: str) -> bool:
    """Whether a gradient is that of the loss at every size, by index notation."""
    values = {a.name: a.value for a in found.graph.values}
    gradients = {f"d{name}": one.formula for name, one in found.gradients.items()}
    entries = Entries(found.facts.shape, {**values, **gradients}, assumed=found.facts.assumed)
    letters: list[Index] = [
        1 if dim == Dim("1", 1) else name
        for dim, name in zip(found.graph.shapes[wrt], "pqr", strict=False)
    ]
    loss = entries.at(found.graph.values[-1].value)
    wanted = partial(loss, Entry(wrt, tuple(letters)), entries.letter)
    made = entries.at(found.gradients[wrt].formula, *letters)
    return same_form(under_assumptions(wanted), under_assumptions(made))


EVERY = pytest.mark.parametrize("entry", table(), ids=lambda entry: entry.id)


@EVERY
def test_the_table_is_proved(entry: Entry_) -> None:
    """Every gradient of the table is proved for all sizes: as it stands, or in steps."""
    if not proved(of_table(entry), entry.wrt):
        found = gradient(entry.program, wrt=entry.wrt, assume=entry.assume)
        assert found.proof == "for all sizes"


@EVERY
def test_no_gradient_of_the_table_is_long(entry: Entry_) -> None:
    """No formula is more than one and a half times as long as the book's.

    One names the loss only in place of its value in the book's, where the program gives it a name.
    """
    found = of_table(entry)
    text = source(as_typed(found.gradients[entry.wrt].formula, found.facts.shape))
    assert length(text) <= 1.5 * length(entry.formula), text
    loss = found.graph.program.loss
    if loss.name in re.findall(r"\w+", text):
        assert found.graph.program.named
        assert source(loss.value) in entry.formula


@pytest.mark.long
def test_the_table_is_short_on_the_whole() -> None:
    """All formulas together are no longer than the books'."""
    ours = sum(length(source(of_table(e).gradients[e.wrt].formula)) for e in table())
    assert ours <= sum(length(e.formula) for e in table())


# ---- Random programs -----------------------------------------------------------------------


def _slope(a: Array) -> Array:
    weights = np.cos(np.arange(1, a.size + 1)).reshape(a.shape)
    return np.asarray(weights * np.cos(a) + 3 * a**2 / 5)


FUNCTIONS = {**UNDEFINED, "dLoss": _slope, "step": lambda a: np.where(a > 0, 1.0, 0.0)}


def numeric(found: Sweep, wrt: str, values: dict[str, Array]) -> Array:
    """The value of a gradient, from those of the program's names."""
    sizes = {d.symbol: d.size for s in found.graph.shapes.values() for d in s}
    names = {**values, "pi": np.asarray(np.pi)}
    texts = [(a.name, a.value) for a in found.graph.values if a.name not in names]
    texts += [(f"d{name}", found.gradients[name].formula) for name in found.upstream(wrt)]
    for name, formula in [*texts, ("", found.gradients[wrt].formula)]:
        text = re.sub(
            r"(?<![.\w])\w+", lambda word: _written(word[0], sizes, names), source(formula)
        )
        names[name] = value(text, names, FUNCTIONS)
    return names[""]


def _written(word: str, sizes: Mapping[str, int], names: Mapping[str, Array]) -> str:
    return str(sizes[word]) if word in sizes and word not in names else word


def along(made: Made, values: dict[str, Array], wrt: str, way: Array, step: float) -> float:
    """The central difference of the loss along one direction."""
    ends = [
        float(run(made.text, {**values, wrt: values[wrt] + sign * step * way}, FUNCTIONS)["L"])
        for sign in (1, -1)
    ]
    return (ends[0] - ends[1]) / (2 * step)


def fault(made: Made, compared: list[Made] | None = None) -> str | None:
    """What is wrong with the gradients of a program; None if nothing is, or nothing can be said.

    Those whose gradient could be compared with differences are added to `compared`.
    """
    inputs = made.inputs
    try:
        found_graph = graph(made.text, inputs)
    except InputError:
        return None
    if not inputs:
        return None
    # One input of each program, by its length: which one does not matter over thousands.
    for wrt, shape in [sorted(inputs.items())[len(made.text) % len(inputs)]]:
        try:
            found = sweep(found_graph, (wrt,))
        except InputError:
            continue
        except (MatderivError, ArithmeticError, RecursionError, LookupError, TypeError) as error:
            return f"{type(error).__name__} by {wrt}"
        problem = _disagreement(made, found, wrt, shape)
        if problem is _NOT_COMPARED:
            continue
        if problem:
            return problem
        if compared is not None:
            compared.append(made)
    return None


_NOT_COMPARED = "not compared"


def _disagreement(made: Made, found: Sweep, wrt: str, shape: tuple[int, ...]) -> str | None:
    rng = np.random.default_rng(len(made.text))
    numbers = made.numbers(rng)
    way = np.asarray(rng.normal(size=shape))
    try:
        expected, again = (along(made, numbers, wrt, way, step) for step in (1e-5, 3e-5))
        values = run(made.text, numbers, FUNCTIONS)
        gradient = numeric(found, wrt, values)
        nearby = {name: number * (1 + 1e-9) for name, number in numbers.items()}
        moved = numeric(found, wrt, run(made.text, nearby, FUNCTIONS))
    except np.linalg.LinAlgError:
        return _NOT_COMPARED
    if gradient.shape != shape:
        return f"d{wrt} has shape {gradient.shape}, not {shape}"
    ours, close = float(np.sum(gradient * way)), float(np.sum(moved * way))
    scale = abs(expected)
    if not np.isfinite([expected, again, ours, close]).all() or scale > 1e8:
        return _NOT_COMPARED
    if abs(expected - again) > 1e-4 * (1e-3 + scale) or abs(ours - close) > 1e-5 * (1 + scale):
        return _NOT_COMPARED  # a kink or a singular matrix is near
    if abs(ours - expected) > 1e-3 * scale + 1e-6 + 1e-9 * abs(float(values["L"])):
        return f"d{wrt} is off"
    return None


BATCHES = 20
OF_EACH = usually(12, thoroughly=100, least=6)


@pytest.mark.parametrize("batch", range(BATCHES))
def test_random_programs_agree_with_differences(batch: int) -> None:
    """Programs of depth up to 6 have right gradients or none; a failure is shrunk.

    Two thousand of them in a thorough run.
    """
    compared: list[Made] = []
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for seed in range(batch * 100, batch * 100 + OF_EACH):
            made = random_program(seed)
            found = fault(made, compared)
            if found:
                small = shrunk(made, lambda other, kind=found: fault(other) == kind)
                pytest.fail(f"{seed}: {found}: {small.text} with {small.inputs}")
    assert len(compared) >= usually(6, thoroughly=50, least=2)


# ---- Long programs, and what is refused ----------------------------------------------------


def layers(count: int) -> Graph:
    """A network of many layers."""
    lines = ["H0 = tanh(X @ W0)"]
    lines += [f"H{n} = tanh(H{n - 1} @ W{n} + b{n})" for n in range(1, count)]
    return graph("; ".join([*lines, f"L = sum(H{count - 1}**2)"]))


@pytest.mark.long
def test_a_long_chain_takes_work_in_proportion() -> None:
    """Four times as many layers take at most six times as many calls."""
    calls = []
    for count in (15, 60):
        profile = cProfile.Profile()
        profile.runcall(sweep, layers(count), ("W0",))
        calls.append(sum(entry.callcount for entry in profile.getstats()))
    assert calls[1] < 6 * calls[0]


@pytest.mark.long
def test_shared_parts_are_not_copied() -> None:
    """Names that are used twice on every level do not make a formula that doubles every time."""
    lines = "; ".join(f"y{n + 1} = y{n}*y{n} + sin(y{n})" for n in range(40))
    found = sweep(graph(f"y0 = x*x; {lines}; L = sum(y40)"), ("x",))
    assert length(source(found.gradients["x"].formula)) < 10


@pytest.mark.parametrize(
    ("program", "wrt"),
    [
        ("L = sum(softmax(x))", "x"),
        ("L = sum(A - A)", "A"),
        ("L = sum(A - mean(A, axis=0))", "A"),
        ("L = sum(0*A)", "A"),
        ("L = sum(sign(A))", "A"),
    ],
)
def test_a_gradient_that_is_zero_is_an_answer(program: str, wrt: str) -> None:
    """It is an array of zeros of the input's shape, marked as found to vanish."""
    found = sweep(graph(program), (wrt,))
    stages = found.gradients[wrt]
    assert stages.vanishes
    assert source(stages.formula).startswith("zeros(")
    assert found.facts.shape(stages.formula) == found.graph.shapes[wrt]
    assert Prover(found).all_of(wrt).status == "equal"


@pytest.mark.parametrize(
    ("program", "shapes"),
    [
        ("L = norm(softmax(b))", {"b": (1,)}),
        ("L = sum(a) - prod(diag(b))", {"a": (2,), "b": (2,)}),
        ("L = norm(softmax(b) @ ones((3, 2)))", {"b": (3,)}),
        ("P = sin(b*C); L = sum(inv(P) @ P)", {"b": (3,), "C": (3, 3)}),
        ("p = a*softmax(b); L = Loss(p)", {"a": (2,), "b": (1,)}),
    ],
)
def test_a_formula_that_is_always_zero_is_zero(
    program: str, shapes: dict[str, tuple[int, ...]]
) -> None:
    """So is a gradient whose formula does not read 0, but whose entries are proved 0."""
    found = sweep(graph(program, shapes), ("b",))
    assert source(found.gradients["b"].formula).startswith("zeros(")
    assert Prover(found).all_of("b").status == "equal"


def test_a_gradient_through_zeros_is_proved_with_them() -> None:
    """The proof of a gradient of 0 covers those of the values on the way, which are 0 as well."""
    found = sweep(graph("Y = X @ W; L = sum(Y - Y)"), ("W",))
    assert found.gradients["Y"].vanishes
    assert Prover(found).behind("W") == ("W", "Y")
    wrong = replace(found.gradients["Y"], formula=nodes.Name("Y"))
    mutant = replace(found, gradients={**found.gradients, "Y": wrong})
    assert Prover(mutant).all_of("W").status == "refuted"


@pytest.mark.parametrize("operation", ["maximum", "minimum"])
@pytest.mark.parametrize(
    ("sides", "formula"),
    [("A, A", "A"), ("A, A + 0*C", "A"), ("2*A, A + A", "2*A"), ("A @ C, A @ C", "A @ C")],
)
def test_the_larger_of_one_value_is_that_value(operation: str, sides: str, formula: str) -> None:
    """No step(0) stands in its gradient, which has a value wherever the program has."""
    own, plain = (
        sweep(graph(f"L = sum({value})"), ("A",)).gradients["A"].formula
        for value in (f"{operation}({sides})", formula)
    )
    assert own == plain
    twice = graph(f"L = sum({operation}({sides})**2)")
    assert not conditions(twice, {})


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("Z = A + 0; L = sum(maximum(Z, A))", r"In maximum\(Z, A\) .* write Z\."),
        ("L = minimum(x @ x, sum(x**2)) + sum(A)", r"In minimum\(x @ x, .* write x @ x\."),
    ],
)
def test_one_value_under_two_names_is_refused(program: str, message: str) -> None:
    """There the gradient would have a value nowhere, and be 0 where step(0) is taken for 0."""
    with pytest.raises(InputError, match=message):
        sweep(graph(program), ("A",))


@pytest.mark.parametrize(
    ("value", "instead"),
    [
        ("maximum(X, X.T)", "(X + X.T + abs(X - X.T))/2"),
        ("maximum(a, a[::-1])", "(a + a[::-1] + abs(a - a[::-1]))/2"),
        ("minimum(diag(a), a)", "(diag(a) + a - abs(diag(a) - a))/2"),
        ("maximum(Y @ Y.T, Y.T @ Y)", None),
        ("minimum(abs(a), a)", None),
    ],
)
def test_sides_that_meet_on_the_diagonal_are_refused(value: str, instead: str | None) -> None:
    """There both steps would be 0; the formula that is named instead has the right gradient.

    Others are not refused, and right where their sides differ.
    """
    wrt = "X" if "X" in value else "Y" if "Y" in value else "a"
    shapes = {wrt: (3, 3) if wrt.isupper() else (3,)}
    program = f"L = sum({value})"
    if instead is not None:
        with pytest.raises(UnsupportedError, match=re.escape(f"write {instead}.")):
            sweep(graph(program, shapes), (wrt,))
    at = {wrt: -np.random.default_rng(0).uniform(0.5, 2, size=shapes[wrt])}
    found = gradient(program.replace(value, instead or value), wrt=wrt, shapes=shapes)(**at)
    np.testing.assert_allclose(found, differences(program, at, wrt), atol=1e-6)


def test_a_tiny_gradient_is_not_called_zero() -> None:
    """A value that is 0 in floating point and not in truth is printed."""
    assert sweep(graph("L = exp(-300*sum(exp(x)))"), ("x",)).gradients["x"]


def test_a_loss_without_the_name_has_a_gradient_of_zeros() -> None:
    """A name on another branch of the program changes nothing."""
    found = sweep(graph("B = 2*A; L = sum(X)"), ("A",)).gradients["A"]
    assert found.vanishes
    assert not found.uses


def test_a_division_by_zero_is_refused() -> None:
    """What is zero at every input divides nothing."""
    with pytest.raises(InputError, match="divides by zero"):
        sweep(graph("L = sum(A/(A - A))"), ("A",))


@pytest.mark.parametrize("count", [50, pytest.param(300, marks=pytest.mark.long)])
def test_many_uses_end_well(count: int) -> None:
    """A sum over hundreds of uses of a name has all of them, and is not nested much deeper."""
    terms = "; ".join(f"s{n} = s{n - 1} + sin({n}*x)*f(x)" for n in range(1, count))
    found = sweep(graph(f"s0 = f(x); {terms}; L = sum(s{count - 1})"), ("x",))
    formula = found.gradients["x"].formula
    assert depth(formula) < 80
    angles = {part.arg for part in nodes.walk(formula) if isinstance(part, nodes.Apply)}
    assert {parse(f"L = {n}*x").assignments[0].value for n in range(2, count)} < angles


def depth(node: Node) -> int:
    """How many operations stand in each other."""
    return 1 + max(map(depth, nodes.children(node)), default=0)


def test_sized_text_is_the_reference() -> None:
    """Letters of sizes in formulas are replaced, names are not."""
    assert sized("X.T @ eye(N)", {"N": 3}) == "X.T @ eye(3)"
