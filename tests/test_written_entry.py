"""What is printed as an entry is what was proved: a wrong one at any kind of node is refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import partial
from itertools import product
from typing import get_args

import pytest

from matderiv.api import derive
from matderiv.calculus.index_forms import contractions, written_entry
from matderiv.calculus.index_forms.canonical import canonical
from matderiv.calculus.index_forms.expanded import written_out
from matderiv.calculus.index_forms.forms import Form, Index
from matderiv.calculus.index_forms.index_expressions import (
    Applied,
    ArrayEntry,
    Combined,
    Extent,
    Factors,
    FunctionOfArray,
    IndexExpression,
    KroneckerDelta,
    NamedEntry,
    Numeral,
    Omitted,
    PartialDerivative,
    PowerOf,
    ProductOver,
    Quotient,
    SignedSum,
    SumOver,
    _rebuilt,
    at_places,
    free_letters,
    index_parts,
    index_product,
    term_by_term,
)
from matderiv.calculus.index_forms.meaning import form_of
from matderiv.calculus.index_forms.ordered import ordered
from matderiv.calculus.index_forms.written_entry import RULES, entry_of
from matderiv.calculus.sweep import task as task_module
from matderiv.calculus.sweep.task import read_task
from matderiv.derivation.judge import Judge
from matderiv.derivation.methods.table import METHODS
from matderiv.derivation.program import Route, build_program
from matderiv.derivation.sides import Indexed, WrittenEntry, spelled
from matderiv.errors import ProofError, UnsupportedError
from matderiv.expression import nodes
from matderiv.expression.definitions import COMPOSITE
from matderiv.expression.nodes import Name, Node
from matderiv.expression.shapes import Dim, Shape
from matderiv.notation.program import ProgramNotation

#: A program for each kind of node that prints an entry of it.
PROGRAMS: dict[type, str] = {
    nodes.Name: "L = sum(X)",
    nodes.Number: "L = sum(X + 3)",
    nodes.Size: "L = mean(X)",
    nodes.Pi: "L = sum(erf(X))",
    nodes.Ones: "L = sum(X)",
    nodes.Eye: "L = tr(X)",
    nodes.Add: "Y = X + T; L = Loss(Y)",
    nodes.Subtract: "Y = X - T; L = Loss(Y)",
    nodes.Negate: "Y = -X; L = Loss(Y)",
    nodes.Multiply: "Y = X * T; L = Loss(Y)",
    nodes.Divide: "Y = X / T; L = Loss(Y)",
    nodes.Power: "Y = X ** 3; L = Loss(Y)",
    nodes.Apply: "Y = tanh(X); L = Loss(Y)",
    nodes.Functional: "L = Loss(X)",
    nodes.MatMul: "Y = X @ W; L = Loss(Y)",
    nodes.Outer: "Y = outer(v, w); L = Loss(Y)",
    nodes.Transpose: "Y = X.T; L = Loss(Y)",
    nodes.Trace: "L = tr(X)",
    nodes.Diag: "Y = diag(v); L = Loss(Y)",
    nodes.Sum: "L = sum(X)",
    nodes.Mean: "L = mean(X)",
    nodes.Prod: "L = prod(X)",
    nodes.Max: "L = max(X)",
    nodes.Min: "L = min(X)",
    nodes.LogSumExp: "L = logsumexp(X)",
    nodes.Softmax: "Y = softmax(X, axis=1); L = Loss(Y)",
    nodes.Norm: "L = norm(X)",
    nodes.Inverse: "Y = inv(X); L = Loss(Y)",
    nodes.MatrixFunction: "L = tr(expm(X))",
    nodes.Frechet: "Y = expm_frechet(eye(D), X); L = Loss(Y)",
    nodes.Determinant: "L = det(X)",
    nodes.LogDet: "L = logdet(X)",
    nodes.Selection: "Y = tri(N, D)*X; L = Loss(Y)",
    nodes.OneHot: "Y = onehot(y, K) @ X; L = Loss(Y)",
    nodes.Mapped: "Y = X[1:]; L = Loss(Y)",
    nodes.Reshape: "Y = vec(X); L = Loss(Y)",
    nodes.Joined: "Y = concatenate((X, W)); L = Loss(Y)",
    nodes.Gathered: "Y = X[y]; L = Loss(Y)",
    nodes.Maximum: "Y = maximum(X, W); L = Loss(Y)",
    nodes.Minimum: "Y = minimum(X, W); L = Loss(Y)",
    nodes.Var: "L = var(X)",
    nodes.Std: "L = std(X)",
    nodes.LogSoftmax: "Y = log_softmax(X, axis=1); L = Loss(Y)",
    nodes.Rearrange: "Y = v[:, None]*X; L = Loss(Y)",
}


def test_every_kind_of_node_has_a_rule() -> None:
    """A kind without a rule fails here, by its name, and not on a page."""
    kinds = set(nodes.NODE_KINDS)
    assert {kind.__name__ for kind in kinds - set(RULES) - set(COMPOSITE)} == set()
    assert {kind.__name__ for kind in kinds ^ set(PROGRAMS)} == set()


def build(program: str, route: Route | None = None) -> None:
    """Derive a program, without what SymPy says of it, which is not about how entries are written."""
    task = read_task(program)
    build_program(task, task.wrt, route=route)


@pytest.mark.parametrize("kind", PROGRAMS, ids=lambda kind: kind.__name__)
def test_a_wrong_entry_is_refused(kind: type, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever rule writes twice the entry, no page is made."""
    build(PROGRAMS[kind])
    write = written_entry._Writer.at

    def twice(writer: written_entry._Writer, node: Node, at: tuple[Index, ...]) -> IndexExpression:
        entry = write(writer, node, at)
        return index_product([Numeral(Fraction(2)), entry]) if type(node) is kind else entry

    monkeypatch.setattr(written_entry._Writer, "at", twice)
    with pytest.raises(ProofError):
        build(PROGRAMS[kind])


@pytest.mark.parametrize("kind", [nodes.Add, nodes.Subtract, nodes.Multiply, nodes.Divide])
def test_a_column_that_is_read_as_a_matrix_is_refused(
    kind: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    """y_ij = x_ij + c_ij of a column c is no entry of X + c."""
    sign = {nodes.Add: "+", nodes.Subtract: "-", nodes.Multiply: "*", nodes.Divide: "/"}[kind]
    program, shapes = f"Y = X {sign} c; L = Loss(Y)", {"X": (3, 4), "c": (3, 1)}
    derive(program, shapes=shapes)
    monkeypatch.setattr(contractions, "varies", lambda *_: True)
    with pytest.raises(ProofError):
        derive(program, shapes=shapes)


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=lambda program: program)
def test_an_entry_at_numbers_is_drawn_like_the_general_entry_with_them(program: str) -> None:
    """Numbers that are put in as it is drawn give what they give put in before."""
    task = read_task(program, None)
    for show, value in product((None, 2), task.sweep.graph.values):
        notation = ProgramNotation(task, show)
        array = spelled(task, value.value)
        sums = partial(term_by_term, most=show)
        drawn = notation._entry(array, sums)
        for at in product(*({1, dim.size} for dim in task.sweep.facts.shape(array.node))):
            letters = zip(array.indices, at, strict=True)
            places = task.sizes | {i: n for i, n in letters if isinstance(i, str)}
            assert drawn(at) == notation.indices.box(sums(at_places(array.expr, places)))


def test_an_unknown_kind_is_named() -> None:
    """A node that no rule is about is refused by its name."""

    class Cube:
        pass

    with pytest.raises(UnsupportedError, match="Cube"):
        entry_of(Cube(), (), lambda _: (), ())  # type: ignore[arg-type]


def test_the_expression_itself_is_judged() -> None:
    """A side is proved by the expression that it holds, whatever node it says it is of."""
    task = read_task("L = sum(X)", ("X",))
    judge, node = Judge(task, "X", ("L",)), Name("X")
    wrong = WrittenEntry(node, ("p", "q"), NamedEntry("X", ("q", "p")))
    right = WrittenEntry(node, ("p", "q"), NamedEntry("X", ("p", "q")))
    assert judge.verdict(right, right).status == "equal"
    assert judge.verdict(right, wrong).status != "equal"


# -- forms in an order to read ---------------------------------------------------------------

LAYERS = (
    "L = sum((X @ w - y)**2) + lam*sum(w**2)",
    "S = Q @ K.T/sqrt(lam); P = softmax(S, axis=1); L = Loss(P @ V)",
    "L = sum(x*(1+erf(x/sqrt(2)))/2)",
    "L = sum(prod(X, axis=1)) + det(A)",
    "L = sum(norm(X)*X**(3/2)) - logdet(A) + tr(inv(A) @ B)",
    "L = sum(logsumexp(X @ W, axis=1)) + mean(relu(X))",
)


#: A program and a method for each kind of expression that a form is printed as.
FORMS: dict[type, tuple[str, str]] = {
    Numeral: ("L = sum(X**2)", "elementwise"),
    Extent: ("L = mean(X)", "elementwise"),
    NamedEntry: ("L = sum(X*T)", "elementwise"),
    KroneckerDelta: ("Y = X.T; L = Loss(Y)", "elementwise"),
    PartialDerivative: ("Y = X + T; L = Loss(Y)", "elementwise"),
    SignedSum: ("L = sum(tanh(X))", "elementwise"),
    Factors: ("L = sum(X*T*exp(X))", "elementwise"),
    Quotient: ("L = sum(1/X)", "elementwise"),
    PowerOf: ("L = sum(X**3)", "elementwise"),
    Applied: ("L = sum(sin(X))", "elementwise"),
    SumOver: ("L = sum(X @ W)", "index"),
    ProductOver: ("L = sum(prod(X, axis=1))", "elementwise"),
    FunctionOfArray: ("L = logdet(X)", "elementwise"),
}


def test_every_kind_of_expression_is_planted() -> None:
    """A kind that forms are not printed as: entries of formulas, calls of several, and dots."""
    assert set(get_args(IndexExpression)) - set(FORMS) == {ArrayEntry, Combined, Omitted}


@pytest.mark.parametrize("kind", FORMS, ids=lambda kind: kind.__name__)
def test_a_form_that_is_printed_wrongly_is_refused(
    kind: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is printed of a form as twice of what it is, no page is made."""
    program, method = FORMS[kind]
    route = METHODS[method]
    build(program, route)

    def twice(expr: IndexExpression) -> IndexExpression:
        made = _rebuilt(expr, twice) if not isinstance(expr, PartialDerivative) else expr
        two = [Numeral(Fraction(2)), made]
        return Factors(tuple(two)) if type(expr) is kind else made

    monkeypatch.setattr(task_module, "ordered", lambda *given: twice(ordered(*given)))
    with pytest.raises(ProofError):
        build(program, route)


@pytest.mark.parametrize("method", ["elementwise", "index", "slice"])
def test_a_lost_sign_in_a_form_is_refused(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """1 + tanh(x)² is not printed for 1 - tanh(x)², by no method that writes one."""

    def positive(form: Form, letters: Sequence[str], sizes: Mapping[str, int]) -> IndexExpression:
        found = ordered(form, letters, sizes)
        signs = isinstance(found, SignedSum)
        return SignedSum(tuple((1, item) for _, item in found.items)) if signs else found

    monkeypatch.setattr(task_module, "ordered", positive)
    with pytest.raises(ProofError):
        build("Y = tanh(X); L = sum(Y*Y)", METHODS[method])


def bound_twice(expr: IndexExpression, taken: frozenset[str]) -> bool:
    """Whether a letter is bound where it is already in use."""
    match expr:
        case SumOver(letters, body) | ProductOver(letters, body):
            own = frozenset(letter for letter, _ in letters)
            return bool(own & taken) or bound_twice(body, taken | own)
        case SignedSum(items):
            return any(bound_twice(item, taken) for _, item in items)
        case Factors(items):
            return any(bound_twice(item, taken) for item in items)
        case Quotient(above, below):
            return bound_twice(above, taken) or bound_twice(below, taken)
    parts = [getattr(expr, name, None) for name in ("base", "exponent", "arg")]
    return any(bound_twice(part, taken) for part in parts if part is not None and part != expr)


@pytest.mark.parametrize("program", LAYERS)
def test_no_sum_takes_a_letter_that_is_in_use(program: str) -> None:
    """Nested sums have letters of their own: never Σ_k a_k/Σ_k a_k inside of a sum over k."""
    derivation = derive(program, method="index", shapes={"x": (3,)} if "x/" in program else None)
    task = derivation.task
    letters = task.sum_letters
    for side in (s for step in derivation.steps for c in step.chains for s in c.sides):
        match side:
            case Indexed(form):
                expr = ordered(form, letters, task.sizes)
            case WrittenEntry(expr=expr):
                pass
            case _:
                continue
        assert not bound_twice(expr, free_letters(expr)), expr


def test_a_sum_begins_with_a_plus() -> None:
    """An entry says x - t as the formula does, and not -t + x, if any of its terms is added."""
    task = derive("L = sum(relu(X - T))", wrt=("X", "T")).task
    entries = Judge(task, "X").entries
    found = [ordered(entries.at(task.answer(name), "p", "q"), "klm", task.sizes) for name in "XT"]
    sums = [part for expr in found for part in index_parts(expr) if isinstance(part, SignedSum)]
    several = [[sign for sign, _ in each.items] for each in sums if len(each.items) > 1]
    assert several == [[1, -1], [1, -1]]


# -- placing and spelling out ----------------------------------------------------------------

_N, _D = Dim("N", 4), Dim("D", 3)
_SHAPES: dict[str, Shape] = {"A": (_N, _D), "B": (_D, _N), "T": (Dim("S", 2), _N, _D)}


def _shape(node: Node) -> Shape:
    match node:
        case Name(name):
            return _SHAPES[name]
        case nodes.MatMul(left, right):
            return (*_shape(left)[:-1], *_shape(right)[-1:])
        case nodes.Sum(arg, None):
            return ()
        case nodes.Transpose(arg):
            return _shape(arg)[::-1]
    raise TypeError


def test_a_delta_at_numbers_is_a_number() -> None:
    """δ_11 is 1 and δ_12 is 0, worked out before anything is drawn."""
    term = index_product([KroneckerDelta("i", "p"), NamedEntry("x", ("q",))])
    assert at_places(term, {"i": 1, "p": 1}) == NamedEntry("x", ("q",))
    assert at_places(term, {"i": 1, "p": 2}) == Numeral(Fraction(0))


def test_letters_of_a_sum_stay_what_they_are() -> None:
    """A number is put in the place of free letters only."""
    inner = SumOver((("i", _N),), NamedEntry("A", ("i", "j")))
    assert at_places(inner, {"i": 1, "j": 2}) == SumOver((("i", _N),), NamedEntry("A", ("i", 2)))


@pytest.mark.parametrize("most", [None, 1, 2, 3])
def test_a_sum_term_by_term_is_the_sum(most: int | None) -> None:
    """With its middle left out or not, what is spelled out is the sum that was proved."""
    task = read_task("L = sum(A @ B)", shapes={"A": (4, 3), "B": (3, 4)})
    node = task.sweep.graph.values[-1].value
    entries = Judge(task, "").entries
    expr = entry_of(node, (), task.sweep.facts.shape, task.sum_letters)
    made = term_by_term(expr, most)
    forms = (written_out(form_of(side, entries), task.sizes) for side in (expr, made))
    one, other = map(canonical, forms)
    assert one == other
    assert isinstance(made, SignedSum)
    assert any(isinstance(item, Omitted) for _, item in made.items) == (most in (1, 2))


def test_entries_of_arrays_with_more_dimensions() -> None:
    """Rules name no number of dimensions: stacks of matrices, reversed axes, sums along any."""
    letters = ("k", "m")
    stacked = entry_of(nodes.MatMul(Name("T"), Name("B")), ("s", "i", "j"), _shape, letters)
    factors = (NamedEntry("T", ("s", "i", "k")), NamedEntry("B", ("k", "j")))
    assert stacked == SumOver((("k", _D),), Factors(factors))
    along = entry_of(nodes.Sum(Name("T"), axis=1), ("s", "j"), _shape, letters)
    assert along == SumOver((("k", _N),), NamedEntry("T", ("s", "k", "j")))
    turned = entry_of(nodes.Transpose(Name("T")), ("j", "i", "s"), _shape, letters)
    assert turned == NamedEntry("T", ("s", "i", "j"))
