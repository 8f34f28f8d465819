"""Other ways to the same gradients: they end alike, their links are judged, and are readable."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from _gradient_table import sized, table
from _tex import compile_all, find_tool
from _thorough import usually

import matderiv
from matderiv.calculus.index_forms.forms import Entry, scaled, single
from matderiv.calculus.sweep.task import Task, read_task
from matderiv.cli._derive import derive_command
from matderiv.cli._handout import handout_command
from matderiv.derivation.links import ProvedSteps
from matderiv.derivation.methods.judge import RouteJudge
from matderiv.derivation.methods.table import METHODS, usual_method
from matderiv.derivation.program import build_program
from matderiv.derivation.sides import (
    EntryOf,
    Formula,
    Indexed,
    Inner,
    Kronecker,
    KroneckerFactor,
    Kroneckers,
    Matrix,
    Slice,
    Times,
    VecPartial,
    change_of,
    unit_of,
)
from matderiv.errors import InputError, ProofError, UnsupportedError
from matderiv.expression import nodes
from matderiv.expression.nodes import Name
from matderiv.expression.source import source

OTHERS = [name for name in METHODS if name != "elementwise"]
#: One program of so many is derived by each method.
STEP = usually(9, thoroughly=3)
LAYER = "Z = X @ W + b; L = sum(f(Z))"
SHAPES = {"X": (2, 4), "W": (4, 3), "b": (3,)}


def derived(task: Task, method: str) -> ProvedSteps | None:
    """The derivation by a method; None where the method does not apply."""
    try:
        return build_program(task, task.wrt, route=METHODS[method])
    except UnsupportedError:
        return None


@cache
def task_of(name: str) -> Task:
    """The program of a gradient of the table, at sizes of its own."""
    gradient = next(gradient for gradient in table() if gradient.id == name)
    sizes = gradient.sizes((2, 4, 3, 5))
    shapes = {name: gradient.shape(name, sizes) for name in gradient.shapes}
    return read_task(sized(gradient.program, sizes), (gradient.wrt,), shapes=shapes)


def tasks() -> Iterator[tuple[str, Task]]:
    """The programs of the table of gradients whose values are matrices at most."""
    for gradient in table():
        if not gradient.assume and usual_method(task_of(gradient.id)) == "elementwise":
            yield gradient.id, task_of(gradient.id)  # else three methods refuse it


@pytest.mark.long
@pytest.mark.parametrize("method", OTHERS)
def test_all_methods_end_in_the_same_formulas(method: str) -> None:
    """Over a share of the table, which differs from method to method, every method ends where the elementwise derivation ends."""
    applied = 0
    for name, task in itertools.islice(tasks(), OTHERS.index(method), None, STEP):
        try:
            found = derived(task, method)
        except ProofError:  # then the judge does not know enough for any method
            with pytest.raises(ProofError):
                build_program(task, task.wrt)
            continue
        if found is None:
            assert method == "kronecker", name
            continue
        (wrt,) = task.wrt
        assert found.formulas == {wrt: task.source(task.sweep.gradients[wrt].formula)}, name
        assert found.proof.for_all_sizes + found.proof.compared == found.proof.equalities, name
        applied += 1
    assert applied >= (21 if method == "kronecker" else 120) // STEP


@pytest.mark.parametrize(
    "name", ["ridge regression", "lasso", "softmax cross-entropy by its input"]
)
def test_elementwise_ends_in_the_formula_of_the_sweep(name: str) -> None:
    """What the other methods are compared with is what the elementwise derivation ends in."""
    task = task_of(name)
    (wrt,) = task.wrt
    formula = source(task.sweep.gradients[wrt].formula)
    assert build_program(task, task.wrt).formulas == {wrt: formula}


@pytest.mark.parametrize("method", OTHERS)
def test_one_product(method: str) -> None:
    """The usual program has the usual formulas by every method."""
    found = matderiv.derive(method=method)
    assert found.formulas == matderiv.derive().formulas == {"X": "dY @ W.T", "W": "X.T @ dY"}
    assert any(step.kind == method for step in found.steps)


def layer() -> Task:
    """A linear layer with a bias."""
    return read_task(LAYER, None, shapes=SHAPES)


def judge(name: str) -> RouteJudge:
    """A judge of the gradient by a name of the layer."""
    return RouteJudge(layer(), name)


def test_links_of_differentials() -> None:
    """The cyclic rule is proved; a lost transpose, a factor and another order are refused."""
    gradient, change = Name("dU"), change_of("X")
    loss = Formula(change_of("L"))

    def verdict(node: nodes.Node) -> str:
        return judge("X").verdict(loss, Formula(node)).status

    product = nodes.MatMul(change, Name("W"))
    turned = nodes.MatMul(Name("W"), nodes.Transpose(gradient))
    right = nodes.Trace(nodes.MatMul(turned, change))
    assert verdict(nodes.Trace(nodes.MatMul(nodes.Transpose(gradient), product))) == "equal"
    assert verdict(right) == "equal"
    assert verdict(nodes.Add(right, right)) != "equal"
    assert verdict(nodes.Negate(right)) != "equal"
    read = Formula(nodes.MatMul(gradient, nodes.Transpose(Name("W"))))
    assert judge("X").verdict(Formula(Name("dX")), read).status == "equal"
    task = read_task("L = Loss(X @ W)", None, shapes={"X": (3, 3), "W": (3, 3)})
    square = RouteJudge(task, "X")
    lost = nodes.Trace(nodes.MatMul(nodes.Transpose(Name("dZ")), nodes.MatMul(Name("W"), change)))
    assert square.verdict(loss, Formula(lost)).status != "equal"


def test_links_of_slices() -> None:
    """The slice is e_p e_qᵀ W; with the unit vectors swapped or transposed it is refused."""
    task = read_task("L = Loss(X @ W)", None, shapes={"X": (3, 3), "W": (3, 3)})
    known = RouteJudge(task, "X")
    i, at = task.value_indices(task.shapes["Z"]), task.input_letters
    shape = task.shapes["Z"]
    slice_ = Slice(Entry("Z", i), Entry("X", at))
    unit, weights = unit_of("X"), Name("W")

    def verdict(node: nodes.Node) -> str:
        return known.verdict(slice_, Matrix(node, i, shape)).status

    assert verdict(nodes.MatMul(unit, weights)) == "equal"
    assert verdict(nodes.MatMul(nodes.Transpose(unit), weights)) != "equal"
    assert verdict(nodes.MatMul(unit, nodes.Transpose(weights))) != "equal"
    assert verdict(nodes.MatMul(weights, unit)) != "equal"
    product = Inner((("Z", nodes.MatMul(unit, weights)),), (shape,))
    entry = nodes.MatMul(Name("dZ"), nodes.Transpose(weights))
    assert known.verdict(product, EntryOf(entry, at)).status == "equal"
    assert known.verdict(product, EntryOf(entry, at[::-1])).status != "equal"
    assert known.verdict(product, EntryOf(nodes.MatMul(Name("dZ"), weights), at)).status != "equal"


def test_links_of_kronecker_products() -> None:
    """I ⊗ Wᵀ is proved; the factors swapped, untransposed or permuted are refused."""
    task = read_task("L = Loss(X @ W)", None, shapes={"X": (3, 3), "W": (3, 3)})
    known = RouteJudge(task, "X")
    of, wrt = Entry("Z", task.letters[:2]), Entry("X", task.letters[2:4])
    size = task.shapes["X"][0].symbol
    turned = nodes.Transpose(Name("W"))

    def made(left: nodes.Node | None, right: nodes.Node | None) -> Kronecker:
        factors = (
            KroneckerFactor(left, "" if left else size, 0, 0),
            KroneckerFactor(right, "" if right else size, 1, 1),
        )
        return Kronecker(of.indices, wrt.indices, task.shapes["X"], factors)

    def verdict(*parts: Kronecker) -> str:
        return known.verdict(VecPartial(of, wrt), Kroneckers(parts)).status

    right = made(None, turned)
    assert verdict(right) == "equal"
    assert verdict(made(turned, None)) != "equal"
    assert verdict(made(None, Name("W"))) != "equal"
    assert verdict(replace(right, swapped=True)) != "equal"
    assert verdict(right, right) != "equal"
    gradient = Formula(nodes.MatMul(Name("dZ"), turned))
    at = wrt.indices
    back = Times(((right, Name("dZ")),), at, transposed=True)
    assert known.verdict(back, EntryOf(gradient.node, at)).status == "equal"
    forth = Times(((right, Name("dZ")),), at, transposed=False)
    assert known.verdict(forth, EntryOf(gradient.node, at)).status != "equal"


@pytest.mark.parametrize(
    ("program", "jacobian"),
    [
        ("Y = exp(X).T; L = Loss(Y)", r"\operatorname{diag}(\operatorname{vec}((\exp (X))^{T}))K"),
        ("y = sum(X, axis=0); L = Loss(y)", r"{1}_{N}^{T}\otimes I_{D}"),
        ("y = sum(X, axis=1); L = Loss(y)", r"I_{N}\otimes {1}_{D}^{T}"),
        ("y = sum(X); L = exp(y)", r"{1}_{N}^{T}\otimes {1}_{D}^{T}"),
        ("y = mean(X, axis=0); L = Loss(y)", r"\left(\dfrac{{1}_{N}}{N}\right)^{T}\otimes I_{D}"),
    ],
)
def test_jacobians_of_sums_and_of_transposed_functions(program: str, jacobian: str) -> None:
    """Sums and means are products with ones; a transposed function permutes what it is of."""
    derivation = matderiv.derive(program, wrt="X", method="kronecker")
    assert f"& = {jacobian}\n" in derivation.markdown()
    assert derivation.proof.for_all_sizes == derivation.proof.equalities


def test_links_of_index_notation() -> None:
    """Twice a chain rule is refused, and so is one with its indices swapped."""
    known = judge("X")
    p, q = layer().letters[2:4]
    step = next(
        s for s in build_program(layer(), ("X",), route=METHODS["index"]).steps if s.wrt == "X"
    )
    chain = next(c for c in step.chains if c.kind == "contracted")
    left, right = chain.sides[0], chain.sides[1]
    assert isinstance(left, Indexed)
    assert isinstance(right, Indexed)
    assert known.verdict(left, right).status == "equal"
    assert known.verdict(left, Indexed(scaled(right.form, 2))).status != "equal"  # type: ignore[arg-type]
    swapped = Indexed(single(Entry("dX", (q, p))))
    assert known.verdict(swapped, right).status != "equal"


def test_where_kronecker_products_do_not_apply() -> None:
    """What is refused is named, with the methods that apply."""
    with pytest.raises(
        UnsupportedError, match=r"softmax\(Z, axis=1\).*--method elementwise, index"
    ):
        matderiv.derive(
            "L = Loss(softmax(X @ W, axis=1))",
            shapes={"X": (2, 4), "W": (4, 3)},
            method="kronecker",
        )


def test_unknown_method() -> None:
    """An unknown method is an input error that lists those there are."""
    with pytest.raises(InputError, match="no method 'vectors'; there are: elementwise, index"):
        matderiv.derive(method="vectors")


def test_command_line_offers_all_methods() -> None:
    """The choices of the command line, which imports no mathematics for its help, are the table."""
    for command in (derive_command, handout_command):
        (option,) = (p for p in command.params if p.name == "method")
        assert tuple(option.type.choices) == tuple(METHODS)  # type: ignore[attr-defined]


def test_handout_says_its_method() -> None:
    """The command in a handout makes the same handout again."""
    page = matderiv.derive(method="slice").handout().write("md")
    assert "--method slice" in str(page)
    assert "--method" not in str(matderiv.derive().handout().write("md"))


def test_letters_that_the_program_uses() -> None:
    """Unit vectors and the permutation of a transpose get letters of their own."""
    shapes = {"e": (3,), "K": (4, 3), "X": (2, 4)}
    program = "L = Loss(X @ K @ e)"
    text = matderiv.derive(program, shapes=shapes, method="slice").markdown()
    assert "v_{p}v_{q}^{T}" in text
    assert "e_{p}e" not in text
    shapes = {"Q": (2, 3), "K": (4, 3)}
    text = matderiv.derive("L = Loss(Q @ K.T)", shapes=shapes, method="kronecker").markdown()
    assert ")C" in text
    assert ")K" not in text


@pytest.mark.parts
def test_every_page_compiles(tmp_path: Path) -> None:
    """TeX sets the pages of each method in both languages, also of awkward sizes, inside the page."""
    xelatex = find_tool("xelatex")
    sizes = ({"N": 2, "D": 4, "M": 3}, {"N": 12, "D": 3, "M": 11})
    program = "Y = X @ W; L = sum(f(Y))"
    found = {
        f"{method} {size['N']}": matderiv.derive(program, sizes=size, method=method)
        for method in OTHERS
        for size in sizes
    }
    more = "h = tanh(X @ w + b); L = sum((h - y)**2)/2 + lam*sum(w**2) + logdet(S)"
    shapes = {"X": (12, 3), "w": (3,), "b": (), "y": (12,), "lam": (), "S": (3, 3)}
    for method in ("index", "differential", "slice"):
        found[f"{method} more"] = matderiv.derive(more, shapes=shapes, method=method)
    bodies = {
        f"{name} {lang}": derivation.latex(lang)
        for name, derivation in found.items()
        for lang in ("en", "zh")
    }
    preamble = r"\documentclass[fontset=fandol]{ctexart}\usepackage{amsmath}"
    complaints = compile_all(xelatex, tmp_path, preamble, bodies)
    assert {name: some for name, some in complaints.items() if some} == {}


def test_differentials_say_what_they_hold_fixed() -> None:
    """DU = Z dAᵀ is a part of dU where Z changes with A as well, and the page says so, once."""
    derivation = matderiv.derive(
        "L = tr(A @ X @ A.T)", wrt="A", shapes={"X": (3, 3)}, method="differential"
    )
    assert derivation.markdown().count("is held fixed") == 1
    plain = matderiv.derive("L = tr(A @ X)", wrt="A", shapes={"X": (3, 3)}, method="differential")
    assert "held fixed" not in plain.markdown()


@pytest.mark.parametrize("method", METHODS)
def test_a_value_whose_change_is_zero(method: str) -> None:
    """U = a/a is used, and does not change: what is left is the other value's part."""
    derivation = matderiv.derive("L = (a/a) @ (3 + a)", wrt="a", method=method)
    assert derivation.task.answer("a") == nodes.Ones(("D",))
