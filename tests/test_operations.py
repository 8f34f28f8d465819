"""Every function and every kind of node stands in every table; a missing one fails here by name."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from fractions import Fraction
from statistics import NormalDist

import mpmath
import numpy as np
import pytest
from _gradient_table import Gradient, sized, table
from _thorough import usually

from matderiv import derive, gradient
from matderiv.calculus.formulas.shaping import shapes_over
from matderiv.calculus.index_forms.entries import Entries
from matderiv.calculus.index_forms.forms import Call, Entry, Form, Raised, single
from matderiv.calculus.index_forms.known_functions import called, slope
from matderiv.calculus.sweep.adjoints import ADJOINTS, adjoint
from matderiv.calculus.sweep.conditions import CONDITIONS, conditions
from matderiv.calculus.sweep.differentials import DIFFERENTIALS, differential
from matderiv.calculus.sweep.graph import graph_of
from matderiv.calculus.sweep.proving import Prover
from matderiv.calculus.sweep.sweep import sweep
from matderiv.checking.points import _FUNCTIONS as EXACT
from matderiv.errors import MissingRuleError, UnsupportedError
from matderiv.expression import nodes
from matderiv.expression.definitions import defined, definition, derivative
from matderiv.expression.exact import NumberType
from matderiv.expression.exact import exact_value as exactly
from matderiv.expression.functions import FUNCTIONS, MODULES
from matderiv.expression.numeric import numeric_value, sizes_in
from matderiv.expression.operations import COMPOSITE
from matderiv.expression.parse import parse
from matderiv.expression.program import Assignment, Program
from matderiv.expression.shapes import Dim, infer
from matderiv.expression.source import source
from matderiv.notation.code import gradient_code

U = nodes.Name("u")
POINTS = {
    None: (-1.3, -0.4, 0.7, 1.9),
    ("positive", "u"): (0.3, 0.7, 1.9),
    ("positive", "1 - u**2"): (-0.9, -0.4, 0.7),
    ("positive", "u - 1"): (1.1, 1.9),
    ("nonzero", "cos(u)"): (-1.3, -0.4, 0.7, 1.9),
    ("not_whole", "u"): (-1.3, -0.4, 0.7, 1.9),
    ("not_whole", "u + 1/2"): (-1.3, -0.4, 0.7, 1.9),
    ("zero_or_not_whole", "u"): (-1.3, 0.0, 0.7, 1.9),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_has_the_derivative_that_its_row_states(name: str) -> None:
    """The derivative of a row is the slope of its values, by central differences."""
    step = 1e-6
    if not FUNCTIONS[name].derivative:
        with pytest.raises(UnsupportedError, match="no words in the language"):
            derivative(name, U)
        return
    for point in POINTS[FUNCTIONS[name].domain]:
        ends = (numeric_value(nodes.Apply(name, U), {"u": point + side * step}) for side in (1, -1))
        above, below = map(float, ends)
        known = float(numeric_value(derivative(name, U), {"u": point}))
        assert (above - below) / (2 * step) == pytest.approx(known, rel=1e-7, abs=1e-8)


@pytest.mark.parametrize("name", [n for n, f in FUNCTIONS.items() if f.definition])
def test_a_definition_has_the_values_of_its_function(name: str) -> None:
    """What NumPy works out in its own way is the same function as the definition."""
    for point in POINTS[FUNCTIONS[name].domain]:
        simpler = defined(name, U)
        assert simpler is not None
        value = numeric_value(nodes.Apply(name, U), {"u": point})
        assert numeric_value(simpler, {"u": point}) == pytest.approx(float(value), rel=1e-12)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_has_a_value_to_many_digits(name: str) -> None:
    """The numbers that refute formulas know every function, by name or by its definition."""
    plain = NumberType(lambda v: mpmath.mpf(v.numerator) / v.denominator, pow, EXACT)
    at = POINTS[FUNCTIONS[name].domain][-1]
    value = exactly(nodes.Apply(name, U), {"u": mpmath.mpf(at)}, plain)
    assert float(value) == pytest.approx(float(numeric_value(nodes.Apply(name, U), {"u": at})))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_what_a_row_states_of_a_function_holds(name: str) -> None:
    """Provers rely on sign, parity and powers, so they are tried at points."""
    row = FUNCTIONS[name]
    for point in POINTS[row.domain]:
        value, mirrored = (
            float(numeric_value(nodes.Apply(name, U), {"u": u})) for u in (point, abs(point))
        )
        assert value > 0 or not row.positive
        if row.parity:
            mirrored = float(numeric_value(nodes.Apply(name, U), {"u": -point}))
            expected = {"even": value, "odd": -value, "complement": 1 - value}[row.parity]
            assert mirrored == pytest.approx(expected)
        if row.powers == "the same":
            assert value**2 == value
        if row.powers == "1 or itself":
            assert value**2 == 1


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_form_knows_every_function_and_its_slope(name: str) -> None:
    """Entries in index notation hold only functions that are not defined by simpler ones."""
    u = single(Entry("u", ()))
    found = [called(name, u, iter("abcdef").__next__)]
    if FUNCTIONS[name].derivative:
        found.append(slope(name, u, iter("abc").__next__))
    for form in found:
        atoms = [atom for term, _ in form for atom, _ in term.atoms]
        assert all(
            a.function in FUNCTIONS and not FUNCTIONS[a.function].definition
            for a in atoms
            if isinstance(a, Call)
        )


@pytest.mark.parametrize("target", MODULES)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_is_said_in_every_library(name: str, target: str) -> None:
    """Code is a call with one operand, or follows the definition."""
    call = FUNCTIONS[name].spelled(name, target)
    assert call.count("{0}") == 1 if call else FUNCTIONS[name].definition


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("square", np.square),
        ("reciprocal", np.reciprocal),
        ("exp2", np.exp2),
        ("expm1", np.expm1),
        ("log1p", np.log1p),
        ("log2", np.log2),
        ("log10", np.log10),
        ("logit", lambda u: np.log(u) - np.log1p(-u)),
        ("erfc", math.erfc),
        ("softsign", lambda u: u / (1 + abs(u))),
        ("cbrt", np.cbrt),
        ("logcosh", lambda u: math.log(math.cosh(u))),
        ("logsigmoid", lambda u: -np.logaddexp(0, -u)),
        ("selu", lambda u: 1.0507 * u),
        ("sinc", np.sinc),
        ("ndtri", NormalDist().inv_cdf),
        ("mish", lambda u: u * np.tanh(np.logaddexp(0, u))),
    ],
)
def test_shorthand_is_read_as_its_formula(name: str, value: Callable[[float], float]) -> None:
    """It has the values of the function, and a proved gradient that is its slope."""
    program = f"sum({name}(x))"
    found = gradient(program, wrt="x")
    assert found.proof == "for all sizes"
    step = 1e-6
    for u in (0.3, 0.8):
        read = numeric_value(parse(f"{name}(u)").loss.value, {"u": u})
        assert float(read) == pytest.approx(float(value(u)))
        slope_there = (float(value(u + step)) - float(value(u - step))) / (2 * step)
        assert float(found(x=[u])[0]) == pytest.approx(slope_there, rel=1e-7)


def test_where_inverse_functions_are_defined_is_said() -> None:
    """The page names the numbers that arcsin, arccosh, tan and arctanh are defined at."""
    for function, words in {
        "arcsin": "1 - X**2",
        "arccosh": "X - 1",
        "tan": "cos(X)",
        "arctanh": "1 - X**2",
    }.items():
        program = parse(f"L = sum({function}(X))")
        found = conditions(graph_of(program, infer(program)), {})
        assert words in [source(part) for _, part in found]


def test_an_unknown_function_has_no_definition_and_an_unknown_derivative() -> None:
    """Nothing is guessed of a function without a row."""
    assert defined("f", U) is None
    assert derivative("f", U) == nodes.Apply("df", U)
    assert slope("f", single(Entry("u", ())), iter("a").__next__) == single(
        Call("df", single(Entry("u", ())))
    )


def test_a_false_row_is_seen() -> None:
    """The test of derivatives would not pass a wrong one."""
    assert numeric_value(derivative("tanh", U), {"u": 0.5}) != pytest.approx(
        float(numeric_value(derivative("sin", U), {"u": 0.5}))
    )
    assert derivative("sqrt", nodes.Number(Fraction(4))) is not None
    assert np.isfinite(numeric_value(derivative("erf", U), {"u": 0.5}))


# -- kinds of nodes ----------------------------------------------------------------------------

SIZES = (3, 2, 4, 5)
#: Something for undefined functions.
UNDEFINED = {"f": np.sin, "Loss": lambda a: np.sin(a).sum()}
ONES = Gradient("ones", "", "sum(X*ones((3, 2)))", {"X": "m n"}, "X", "ones((3, 2))")


def _first() -> dict[type, Gradient]:
    """For each kind of node the first gradient of the table whose program holds it."""
    found: dict[type, Gradient] = {}
    for row in (*table(), ONES):
        for assignment in parse(sized(row.program, row.sizes(SIZES))).assignments:
            for node in nodes.walk(assignment.value):
                found.setdefault(type(node), row)
    return found


KINDS = _first()
#: Kinds that only formulas hold.
OURS = {nodes.Size, nodes.Pi, nodes.Rearrange}
EVERY_KIND = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)


def test_every_kind_of_node_is_in_the_table_of_gradients() -> None:
    """What is checked of every kind below is checked of a new one, too."""
    assert KINDS.keys() | OURS == set(nodes.NODE_KINDS)


@EVERY_KIND
def test_a_kind_of_node_stands_in_every_table(kind: type) -> None:
    """Its gradient is proved by entries, every library has code, and a page has boxes and words."""
    row = KINDS[kind]
    sizes = row.sizes(SIZES)
    text = sized(row.program, sizes)
    shapes = {name: row.shape(name, sizes) for name in row.shapes}
    found = gradient(text, shapes=shapes, wrt=row.wrt, assume=dict(row.assume))
    assert found.verdict.status == "equal"
    for target in MODULES:
        assert "def gradient(" in found.code(target)
    page = derive(text, shapes=shapes, wrt=[row.wrt], assume=dict(row.assume)).latex()
    assert r"\partial" in page


@EVERY_KIND
def test_a_kind_of_node_has_an_exact_value(kind: type) -> None:
    """Numbers of many digits agree with NumPy's."""
    row = KINDS[kind]
    sizes = row.sizes(SIZES)
    inputs = row.inputs(sizes, np.random.default_rng(7))
    many = np.frompyfunc(mpmath.mpf, 1, 1)
    each = {name: np.frompyfunc(f, 1, 1) for name, f in EXACT.items()}
    undefined = {"f": each["sin"], "Loss": lambda a: np.sum(each["sin"](a)), "abs": np.abs}
    number = lambda v: mpmath.mpf(v.numerator) / v.denominator  # noqa: E731 - a conversion
    plain = NumberType(number, np.frompyfunc(pow, 2, 1), each | undefined)
    values = {name: np.asarray(value) for name, value in inputs.items()}
    exact = {name: many(value) for name, value in values.items()}
    for assignment in parse(sized(row.program, sizes)).assignments:
        values[assignment.name] = numeric_value(assignment.value, values, UNDEFINED)
        exact[assignment.name] = exactly(assignment.value, exact, plain)
        found = np.asarray(exact[assignment.name], dtype=float)
        assert found == pytest.approx(values[assignment.name], rel=1e-9)


@pytest.mark.parametrize("kind", COMPOSITE, ids=lambda kind: kind.__name__)
def test_a_definition_has_the_value_and_the_shape_of_its_node(kind: type) -> None:
    """What a composite operation is in simpler ones is the same array."""
    row = KINDS[kind]
    sizes = row.sizes(SIZES)
    text = sized(row.program, sizes)
    shapes = infer(parse(text), shapes={name: row.shape(name, sizes) for name in row.shapes})
    values = {n: np.asarray(v) for n, v in row.inputs(sizes, np.random.default_rng(7)).items()}
    shape = shapes_over(shapes)
    for assignment in parse(text).assignments:
        for node in nodes.walk(assignment.value):
            simpler = definition(node, shape) if isinstance(node, kind) else None
            if simpler is not None:
                assert shape(simpler) == shape(node)
                value = numeric_value(simpler, values, UNDEFINED, sizes_in(shapes))
                assert value == pytest.approx(numeric_value(node, values, UNDEFINED))
        values[assignment.name] = numeric_value(assignment.value, values, UNDEFINED)


SHAPES = {"S": (3, 3)}
_GIVEN = {name: tuple(Dim(str(n), n) for n in shape) for name, shape in SHAPES.items()}
_SHAPE = shapes_over(_GIVEN)
_INVERSE = nodes.Inverse(nodes.Name("S"))
_INVERTED = parse("L = sum(inv(S))")


@pytest.mark.parametrize(
    ("table", "of", "ask"),
    [
        (ADJOINTS, "rule of diff", lambda: adjoint(_INVERSE, nodes.Name("S"), _SHAPE)),
        (DIFFERENTIALS, "diff", lambda: differential(_INVERSE, {"S": nodes.Name("T")}, _SHAPE)),
        (CONDITIONS, "cond", lambda: conditions(graph_of(_INVERTED, infer(_INVERTED)), {})),
    ],
)
def test_a_row_that_is_missing_is_named(
    table: dict[type, object],
    of: str,
    ask: Callable[[], object],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A kind with neither a row nor a definition is refused by its name, never passed over."""
    monkeypatch.delitem(table, nodes.Inverse)
    with pytest.raises(MissingRuleError, match=f"kind Inverse has no {of}"):
        ask()


# -- any number of dimensions ------------------------------------------------------------------

_N, _D, _K = Dim("N", 2), Dim("D", 3), Dim("K", 4)
_H, _ONE = Dim("H", 2), Dim("1", 1)
_STACKS = {
    "A": (_N, _D, _K), "B": (_D, _K), "C": (_K,), "E": (_N, _K, _D),
    "Q": (_H, _N, _D, _K), "R": (_H, _ONE, _K, _D),
}  # fmt: skip
_IN_STACKS = shapes_over(_STACKS)


def _read(text: str) -> nodes.Node:
    """An expression with axes that programs may not name yet."""
    return parse(text).loss.value


@pytest.mark.parametrize(
    ("node", "shape"),
    [
        (nodes.Sum(_read("A*B"), axis=0), (_D, _K)),
        (nodes.Sum(_read("exp(A) + C"), axis=1), (_N, _K)),
        (nodes.Mean(_read("A*B"), axis=2), (_N, _D)),
        (nodes.Mean(_read("A*B"), axis=2, keepdims=True), (_N, _D, Dim("1", 1))),
        (nodes.Sum(_read("maximum(A, C)")), ()),
        (nodes.Softmax(_read("A - B"), axis=1), (_N, _D, _K)),
        (nodes.Var(_read("A"), axis=2), (_N, _D)),
        (_read("A.T"), (_K, _D, _N)),
        (_read("A @ E"), (_N, _D, _D)),
        (_read("A @ C"), (_N, _D)),
        (_read("B @ E"), (_N, _D, _D)),
    ],
    ids=str,
)
def test_stacks_have_shapes_and_entries(
    node: nodes.Node, shape: tuple[Dim, ...], rng: np.random.Generator
) -> None:
    """The entries of arrays of three dimensions are those that NumPy works out."""
    assert _IN_STACKS(node) == shape
    values = {n: rng.uniform(0.5, 1.5, [d.size for d in s]) for n, s in _STACKS.items()}
    expected = numeric_value(node, values)
    assert expected.shape == tuple(dim.size for dim in shape)
    entries = Entries(_IN_STACKS, written=True)
    for place in np.ndindex(expected.shape):
        form = entries.at(node, *(i + 1 for i in place))
        assert _number(form, values) == pytest.approx(expected[place])


def _number(form: Form, values: dict[str, np.ndarray]) -> float:
    """The value of a form without sums."""

    def of(atom: object) -> float:
        match atom:
            case Entry(name, indices):
                return float(values[name][tuple(int(i) - 1 for i in indices)])
            case Call(function, arg):
                return float(numeric_value(nodes.Apply(function, U), {"u": _number(arg, values)}))
            case Raised(base, None):
                return _number(base, values)
            case Raised(base, exponent):
                return _number(base, values) ** _number(exponent, values)
        raise AssertionError(atom)

    return sum(float(c) * math.prod(of(a) ** p for a, p in term.atoms) for term, c in form)


@pytest.mark.parametrize(
    "node",
    [
        nodes.Sum(_read("A*B"), axis=0),
        nodes.Sum(_read("A*B*C"), axis=2),
        nodes.Mean(_read("exp(A)*C"), axis=2),
        nodes.Mean(_read("A*B"), axis=1, keepdims=True),
        nodes.Sum(_read("B*A.T.T"), axis=0),
        nodes.Var(_read("A*C"), axis=0),
        _read("maximum(A, B)"),
    ],
    ids=str,
)
def test_stacks_have_adjoints(node: nodes.Node, rng: np.random.Generator) -> None:
    """Σ g·node has the gradient that the rules find, by central differences."""
    over = _IN_STACKS(node)
    shape = shapes_over(_STACKS | {"G": over})
    found: dict[str, nodes.Node] = {}

    def pull(part: nodes.Node, g: nodes.Node) -> None:
        if isinstance(part, nodes.Name):
            found[part.name] = nodes.Add(found[part.name], g) if part.name in found else g
        elif nodes.children(part):
            for child, own in zip(nodes.children(part), adjoint(part, g, shape), strict=True):
                pull(child, own)

    pull(node, nodes.Name("G"))
    values = {n: rng.uniform(0.5, 1.5, [d.size for d in s]) for n, s in _STACKS.items()}
    values["G"] = rng.normal(size=[d.size for d in over])
    sizes = {dim.symbol: dim.size for dim in (_N, _D, _K)}
    for name, formula in found.items():
        gradient_here = np.broadcast_to(
            numeric_value(formula, values, {}, sizes), values[name].shape
        )
        for place in np.ndindex(values[name].shape):
            ends = []
            for side in (1e-6, -1e-6):
                moved = values | {name: values[name].copy()}
                moved[name][place] += side
                ends.append(float(np.sum(values["G"] * numeric_value(node, moved))))
            assert (ends[0] - ends[1]) / 2e-6 == pytest.approx(gradient_here[place], rel=1e-5)


def _program(*steps: tuple[str, nodes.Node]) -> tuple[Program, dict[str, tuple[Dim, ...]]]:
    """Assignments over stacks, with the shapes of all names."""
    known = dict(_STACKS)
    for name, value in steps:
        known[name] = shapes_over(known)(value)
    names = {n.name for _, v in steps for n in nodes.walk(v) if isinstance(n, nodes.Name)}
    shapes = {n: shape for n, shape in known.items() if n in names or n in dict(steps)}
    return Program(tuple(Assignment(*step) for step in steps)), shapes


Y = nodes.Name("Y")
_SQUARES = ("L", _read("sum(Y**2)"))
PROGRAMS_OF_STACKS = [
    [("L", _read("mean((A - B)**2)"))],
    [("L", _read("sum(A @ E)"))],
    [("Y", nodes.Sum(nodes.Name("A"), 1)), ("L", _read("sum(Y**3)"))],
    [("Y", nodes.Prod(nodes.Name("A"), 1)), _SQUARES],
    [("Y", nodes.Mean(_read("A*B"), 2)), _SQUARES],
    [("Y", nodes.Var(nodes.Name("Q"), 2)), ("L", _read("sum(exp(Y))"))],
    [("Y", nodes.LogSumExp(nodes.Name("A"), 0)), ("U", nodes.Sum(Y, 0)), ("L", _read("sum(U**2)"))],
    [("Y", _read("exp(A.T)")), ("U", nodes.Sum(Y, 1)), ("L", _read("sum(U**2)"))],
    [("Y", nodes.Softmax(nodes.Name("A"), 1)), ("L", _read("sum(Y*exp(A))"))],
    [("Y", nodes.Softmax(_read("A @ E"), 1)), ("L", _read("sum(log(Y))"))],
    *([("Y", _read(text)), _SQUARES] for text in ("A @ E", "B @ E", "A @ C", "C @ E", "Q @ R")),
    [("Y", _read("A @ B.T @ B @ C")), _SQUARES],
    [
        ("Y", nodes.Rearrange(nodes.Name("A"), (2, None, 0, 1))),
        ("U", nodes.Sum(Y, 3)),
        ("L", _read("sum(U**3)")),
    ],
]


@pytest.mark.parametrize("steps", PROGRAMS_OF_STACKS, ids=lambda s: "; ".join(map(str, s)))
def test_gradients_by_stacks_are_proved_and_true(
    steps: list[tuple[str, nodes.Node]], rng: np.random.Generator
) -> None:
    """Arrays of three and four dimensions: for all sizes, by differences, and as NumPy runs it.

    Twice the formula is refused.
    """
    program, shapes = _program(*steps)
    inputs = program.inputs()
    found = sweep(graph_of(program, shapes), inputs)
    prover = Prover(found)
    sizes = {dim.symbol: dim.size for shape in shapes.values() for dim in shape}
    values = {n: rng.uniform(0.5, 1.5, [d.size for d in shapes[n]]) for n in inputs}

    def loss(values: dict[str, np.ndarray]) -> float:
        known = dict(values)
        for assignment in program.assignments:
            known[assignment.name] = numeric_value(assignment.value, known, {}, sizes)
        return float(known[program.loss.name])

    for name in inputs:
        formula = found.gradients[name].formula
        verdict = prover.all_of(name)
        assert verdict.status == "equal"
        assert verdict.index
        assert prover.same(nodes.Multiply(_read("2"), formula), formula, name).status != "equal"
        code: dict[str, Callable[..., np.ndarray]] = {}
        exec(gradient_code(found, {name: formula}, "numpy"), code)  # noqa: S102 - a text of ours
        given = code["gradient"](*map(values.__getitem__, inputs))
        assert given.shape == values[name].shape
        for place in np.ndindex(given.shape):
            ends = []
            for side in (1e-6, -1e-6):
                moved = values | {name: values[name].copy()}
                moved[name][place] += side
                ends.append(loss(moved))
            assert (ends[0] - ends[1]) / 2e-6 == pytest.approx(given[place], rel=1e-5, abs=1e-7)


def _random_stack(chance: random.Random, depth: int) -> nodes.Node:
    """An expression of stacks whose last two axes are (D, K)."""
    if not depth:
        return nodes.Name(chance.choice("AABQ"))
    one = _random_stack(chance, depth - 1)
    axis = chance.choice((-2, -1))
    match chance.randrange(7):
        case 0:
            kind = chance.choice((nodes.Add, nodes.Multiply, nodes.Subtract))
            return kind(one, _random_stack(chance, depth - 1))
        case 1:
            return nodes.Apply(chance.choice(("tanh", "exp", "sin")), one)
        case 2:
            axis += len(_IN_STACKS(one))
            return nodes.Softmax(one, axis)
        case 3:
            axis += len(_IN_STACKS(one))
            kind = chance.choice((nodes.Sum, nodes.Mean))
            return nodes.Multiply(one, kind(one, axis, keepdims=True))
        case 4:
            return nodes.MatMul(nodes.MatMul(one, _read("B.T")), nodes.Name("A"))
        case 5:
            axes = range(len(_IN_STACKS(one)))
            return nodes.Add(nodes.Transpose(nodes.Rearrange(one, tuple(axes)[::-1])), one)
        case _:
            middle = nodes.Sum(one, len(_IN_STACKS(one)) - 2)  # the axis comes back in between
            axes = range(len(_IN_STACKS(middle)))
            return nodes.Multiply(one, nodes.Rearrange(middle, (*axes[:-1], None, axes[-1])))


@pytest.mark.long
@pytest.mark.parametrize("seed", range(usually(2, thoroughly=5)))
def test_random_stacks_have_true_gradients(seed: int, rng: np.random.Generator) -> None:
    """What the reverse sweep makes of random programs is proved, and agrees with differences."""
    chance = random.Random(seed)
    value = nodes.Multiply(_random_stack(chance, 1 + seed % 3), _read("A/4"))
    axis = chance.randrange(len(_IN_STACKS(value)))
    steps = [("Y", value), ("U", nodes.Sum(Y, axis)), ("L", _read("sum(U**2)"))]
    test_gradients_by_stacks_are_proved_and_true(steps, rng)


def test_a_wrong_axis_is_refused() -> None:
    """An axis that comes back in another place is no gradient, even among equal sizes."""
    size = Dim("N", 2)
    program = Program((Assignment("Y", nodes.Sum(nodes.Name("A"), 1)), Assignment(*_SQUARES)))
    found = sweep(graph_of(program, {"A": (size,) * 3, "Y": (size,) * 2, "L": ()}), ("A",))
    formula = found.gradients["A"].formula
    wrong = nodes.Multiply(nodes.Rearrange(_read("2*Y"), (None, 0, 1)), _read("ones((N, N, N))"))
    right = nodes.Multiply(nodes.Rearrange(_read("2*Y"), (0, None, 1)), _read("ones((N, N, N))"))
    prover = Prover(found)
    assert prover.same(right, formula, "A").status == "equal"
    assert prover.same(wrong, formula, "A").status != "equal"


@pytest.mark.parametrize("target", MODULES)
def test_stacks_are_transposed_in_every_library(target: str) -> None:
    """No text says .T of a stack, which torch has for matrices only."""
    program, shapes = _program(("Y", _read("exp(A.T)")), _SQUARES)
    found = sweep(graph_of(program, shapes), ("A",))
    text = gradient_code(found, {"A": found.gradients["A"].formula}, target)
    assert ".T" not in text.split('"""')[-1]
    assert {"torch": "permute"}.get(target, "transpose") in text


@pytest.fixture
def rng() -> np.random.Generator:
    """Random numbers, the same in every run."""
    return np.random.default_rng(11)
