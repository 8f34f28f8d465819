"""Jacobians, Hessians and their products with directions: right at all sizes, short, refused."""

from __future__ import annotations

import inspect
import random
import re
import runpy
import sys
import warnings
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from _differences import central
from _frameworks import STAND_INS, tensor
from _programs import Made, Maker, shrunk
from _reference import UNDEFINED, Array, run, value
from _thorough import usually

import matderiv
from matderiv.array_results import ArrayDerivative, derivative_text
from matderiv.calculus.index_forms import regrouped
from matderiv.calculus.index_forms.vec_forms import VecProduct
from matderiv.calculus.sweep import array_derivatives, written_arrays
from matderiv.errors import InputError, MatderivError, ProofError, ShapeError, UnsupportedError
from matderiv.expression import nodes

FUNCTIONS: dict[str, Callable[[Array], Array]] = {
    **{name: UNDEFINED[name] for name in ("f", "df", "Loss", "dLoss")},
    "ddf": lambda a: -np.sin(a) + 2 / 3,
}

#: Programs whose derivatives are formulas of matrices: kind, program, inputs to derive by, formula.
FORMULAS = [
    ("jacobian", "A @ x", "x", "A"),
    ("jacobian", "x @ A", "x", "A.T"),
    ("jacobian", "x", "x", "eye(N)"),
    ("jacobian", "relu(A @ x)", "x", "diag(step(A @ x)) @ A"),
    ("jacobian", "softmax(x)", "x", "diag(softmax(x)) - outer(softmax(x), softmax(x))"),
    ("jacobian", "s = softmax(x)", "x", "diag(s) - outer(s, s)"),
    ("jacobian", "x/norm(x)", "x", "eye(N)/norm(x) - outer(x, x)/norm(x)**3"),
    ("jacobian", "A @ exp(x)", "x", "A @ diag(exp(x))"),
    ("jacobian", "inv(A + theta*B)", "theta", "-inv(A + theta*B) @ B @ inv(A + theta*B)"),
    ("jacobian", "sum(f(X @ w))", "w", "X.T @ df(X @ w)"),
    ("hessian", "x @ A @ x", "x", "A + A.T"),
    ("hessian", "sum((X @ w - y)**2) + lam*sum(w**2)", "w", "2*(X.T @ X + lam*eye(D))"),
    (
        "hessian",
        "p = sigmoid(X @ w); L = -sum(y*log(p) + (1 - y)*log(1 - p))",
        "w",
        "X.T @ diag(p*(1 - p)) @ X",
    ),
    ("hessian", "sum(f(A @ x))", "x", "A.T @ diag(ddf(A @ x)) @ A"),
    ("hessian", "sum(x)", "x", "zeros((N, N))"),
    ("hessian", "theta**3", "theta", "6*theta"),
    ("hessian", "x @ A @ y", "x y", "A"),
    ("jvp", "softmax(x)", "x", "softmax(x)*(v - v @ softmax(x))"),
    ("vjp", "A @ x", "x", "A.T @ v"),
    ("hvp", "sum(f(A @ x))", "x", "A.T @ ((A @ v)*ddf(A @ x))"),
    ("hvp", "sum((X @ w - y)**2)", "w", "2*X.T @ (X @ v)"),
    ("jvp", "A @ B @ x", "x", "A @ (B @ v)"),
    ("jacobian", "u = x/norm(x)", "x", "(eye(N) - outer(u, u))/norm(x)"),
]


@pytest.mark.parametrize(("kind", "program", "wrt", "formula"), FORMULAS)
def test_formulas(kind: str, program: str, wrt: str, formula: str) -> None:
    """They read as in books, and are proved for all sizes."""
    by = wrt.split() if kind == "hessian" else wrt
    found = getattr(matderiv, kind)(program, wrt=by)
    assert (found.formula, found.proof) == (formula, "for all sizes")


@pytest.mark.parametrize(
    ("kind", "program", "wrt", "left"),
    [
        ("hvp", "sum(f(A @ x))", "x", r"\dfrac{{\partial }^{2}L}{\partial x\partial x^{T}}v & = "),
        ("jvp", "tanh(A @ x)", "x", r"\dfrac{\partial y}{\partial x}v & = "),
        ("vjp", "tanh(A @ x)", "x", r"\left(\dfrac{\partial y}{\partial x}\right)^{T}v & = "),
        ("hvp", "sum(f(A @ X))", "X", "HV & = "),
        ("jvp", "f(theta)*x", "theta", r"J\tau  & = "),
        ("vjp", "A @ X", "X", "VJ & = "),
    ],
)
def test_products_say_in_latex_what_they_are(kind: str, program: str, wrt: str, left: str) -> None:
    """The left side is a product with the direction, and not a derivative alone."""
    assert left in getattr(matderiv, kind)(program, wrt=wrt).latex()


@pytest.mark.parametrize(
    ("kind", "program", "label"),
    [("jvp", "A @ x", "Jv"), ("vjp", "A @ x", "vJ"), ("hvp", "x @ A @ x", "Hv")],
)
def test_products_are_named_by_their_factors_in_order(kind: str, program: str, label: str) -> None:
    """The direction stands before J where it is multiplied from the left."""
    found = getattr(matderiv, kind)(program, wrt="x")
    assert list(found.lines)[-1] == label
    assert f"\n{label} = " in derivative_text(found)
    assert f'"""{label}: ' in found.code()


#: Kind, program, its input, and what the product and the whole array take.
WORK = [
    ("hvp", "x @ A @ x", "x", "3*D**2 operations", "3*D**2 operations"),
    ("hvp", "sum((X @ w - y)**2)", "w", "5*D*N operations", "2*D**2*N + 2*D**2 + D*N"),
    ("jvp", "tanh(A @ x)", "x", "4*D*N + 4*N operations", "5*D*N + 3*N operations"),
    ("vjp", "A @ X", "X", "2*D*M*N operations", "3*D*M**2*N operations"),
    ("jvp", "softmax(x)", "x", "7*N operations and holds 4*N numbers", "3*N**2 + 3*N numbers"),
]


@pytest.mark.parametrize(("kind", "program", "wrt", "own", "whole"), WORK)
def test_work_of_products(kind: str, program: str, wrt: str, own: str, whole: str) -> None:
    """Operations and numbers are told as polynomials of sizes, beside those of the whole array."""
    found = getattr(matderiv, kind)(program, wrt=wrt)
    product, array = found.work.split("; ")
    assert own in product
    assert whole in array
    assert f"# {found.work}" in derivative_text(found)


def test_work_at_declared_sizes() -> None:
    """It is told in numbers; of a derivative that is no product nothing is told."""
    found = matderiv.hvp("sum((X @ w - y)**2)", wrt="w", shapes={"X": (1000, 300)})
    assert "Hv takes 1,500,000 operations and holds 301,300 numbers" in found.work
    assert "take 180,480,000 operations" in found.work
    assert matderiv.hessian("x @ A @ x", wrt="x").work == ""


# ---- Forms of three and four axes ----------------------------------------------------------

#: Programs, what they are derived by, and ∂vec(Y)/∂vec(X) by columns and by rows.
VEC = [
    ("A @ X @ B", "X", "kron(B.T, A)", "kron(A, B.T)"),
    ("X.T", "X", "K", "K"),
    ("X.T @ X", "X", "kron(X.T, eye(N)) @ K + kron(eye(N), X.T)", None),
    ("inv(X)", "X", "-kron(inv(X).T, inv(X))", "-kron(inv(X), inv(X).T)"),
    ("sin(X)", "X", "diag(vec(cos(X)))", "diag(vec(cos(X)))"),
    ("tr(A)*A", "A", "outer(vec(A), vec(eye(N))) + trace(A)*eye(N*N)", None),
    ("X @ w", "X", "kron(w, eye(N))", "kron(eye(N), w)"),
    ("X.T @ w", "X", "kron(eye(N), w)", "kron(w, eye(N))"),
    ("outer(x, x)", "x", None, None),
    ("softmax(X, axis=1)", "X", None, None),
    ("tanh(X @ W + b)", "W", None, None),
    ("tanh(X @ W + b)", "b", None, None),
    ("x*A", "x", None, None),
    ("det(X)*inv(X)", "X", None, None),
    ("mean(X, axis=0)", "X", "kron(eye(D), ones(N))/N", None),
    ("B @ (A*X.T)", "X", None, None),
    ("X*alpha + X.T.T", "X", None, None),
]


def numbers(shapes: dict[str, tuple[int, ...]], seed: int = 0) -> dict[str, Array]:
    """Positive numbers for some names; square matrices have inverses."""
    rng = np.random.default_rng(seed)
    found = {name: np.asarray(rng.uniform(0.3, 1.4, shape)) for name, shape in shapes.items()}
    for name, array in found.items():
        if array.ndim == 2 and len(set(array.shape)) == 1:
            found[name] = array + 2 * np.eye(len(array))
    return found


def own_shapes(found: ArrayDerivative) -> dict[str, tuple[int, ...]]:
    """The shapes of the inputs."""
    return {name: tuple(dim.size for dim in found.shapes[name]) for name in found.program.inputs()}


@pytest.mark.parametrize("form", ["vec", "vec-rows", "einsum"])
@pytest.mark.parametrize("case", VEC, ids=lambda case: f"{case[0]} by {case[1]}")
def test_written_forms_mean_the_array(case: tuple[str, ...], form: str) -> None:
    """The text of each form, worked out, is the array of differences, read as it says."""
    program, wrt, *texts = case
    found = matderiv.jacobian(program, wrt=wrt, form=form)
    expected = dict(zip(("vec", "vec-rows"), texts, strict=True)).get(form)
    assert expected in (None, found.formula)
    names = numbers(own_shapes(found))
    x = names[wrt]
    array = central(lambda x: run(program, {**names, wrt: x})["L"], x)
    order = "F" if form == "vec" else "C"
    functions = {
        "einsum": np.einsum,
        "kron": np.kron,
        "vec": lambda a: np.ravel(a, order=order),
    }
    sizes = {d.symbol: np.asarray(d.size) for shape in found.shapes.values() for d in shape}
    swap = np.eye(x.size)[np.ravel(np.arange(x.size).reshape(x.shape, order=order).T, order=order)]
    written = value(found.formula, {**sizes, **names, "K": swap}, functions)
    if form != "einsum":
        rows = array.ndim - x.ndim
        axes = (*range(rows)[::-1], *range(rows, array.ndim)[::-1])
        array = array.transpose(axes) if form == "vec" else array
        array = array.reshape(-1, x.size)
    assert np.allclose(written, array, atol=1e-6)
    made = found(**names)
    assert made.shape == array.shape
    assert np.allclose(made, array, atol=1e-6)


def swapped_pair(made: VecProduct | None) -> VecProduct | None:
    """B ⊗ A for A ⊗ B."""
    if made is None or made.pair is None:
        return made
    return replace(made, pair=made.pair[::-1])


def without_swap(made: VecProduct | None) -> VecProduct | None:
    """K left out."""
    return made and replace(made, swapped=False)


def doubled(made: VecProduct | None) -> VecProduct | None:
    """A factor too many."""
    return made and replace(made, number=2 * made.number)


@pytest.mark.parametrize("mutant", [swapped_pair, without_swap, doubled])
@pytest.mark.parametrize("form", ["vec", "vec-rows"])
def test_wrong_products_are_refused(
    form: str,
    mutant: Callable[[VecProduct | None], VecProduct | None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A printed product ⊗ is proved to be the array, also as LaTeX."""
    own = written_arrays.vec_product
    monkeypatch.setattr(written_arrays, "vec_product", lambda *a, **k: mutant(own(*a, **k)))
    with pytest.raises(ProofError):
        str(matderiv.jacobian("X @ A @ X.T", wrt="X", shapes={"X": (2, 2)}, form=form))


def test_wrong_entries_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A printed entry is proved to be that of the array: not its transpose, nor twice it."""
    own = written_arrays.entry_of_products
    for wrong in (
        lambda p, at, *rest: own((*p, *p), at, *rest),
        lambda p, at, *rest: own(p, dict(zip(at, [*at.values()][::-1], strict=True)), *rest),
    ):
        monkeypatch.setattr(written_arrays, "entry_of_products", wrong)
        with pytest.raises(ProofError):
            str(matderiv.jacobian("X @ A", wrt="X", shapes={"X": (2, 2)}, form="index"))


def test_entries_and_latex() -> None:
    """Index notation has letters of its own for Y and for X; LaTeX has the same formula."""
    inverse = matderiv.jacobian("inv(X)", form="index")
    assert str(inverse) == "∂y_ij/∂x_pq = -(X⁻¹)_qj·(X⁻¹)_ip"
    assert r"\dfrac{\partial y_{ij}}{\partial x_{pq}} & = -(X^{-1})_{qj}" in inverse.latex()
    vec = matderiv.jacobian("A @ X @ B", wrt="X", form="vec").latex()
    assert r"\partial \operatorname{vec}(Y)" in vec
    assert r"B^{T}\otimes A" in vec
    column = matderiv.jacobian("outer(x, x)", form="vec")
    assert str(column) == "kron(x[:, None], eye(N)) + kron(eye(N), x[:, None])"
    assert r"x\otimes I_{N} +I_{N}\otimes x" in column.latex()
    second = matderiv.hessian("sum(f(A @ x))", wrt="x").latex()
    assert r"\partial x\partial x^{T}" in second
    assert r"f^{\prime \prime }(Ax)" in second


# ---- Random programs -----------------------------------------------------------------------


def random_made(seed: int, *, scalar: bool) -> Made:
    """A random program that ends in a number, or in a vector or a matrix R."""
    chance = random.Random(seed)
    maker = Maker(chance)
    made = maker.program(chance.choice([1, 2, 2]))
    if scalar:
        return made
    shape = tuple(maker.size() for _ in range(chance.choice([1, 1, 2])))
    last = maker.node(shape, chance.choice([1, 2]))
    return Made((*made.values[:-1], ("R", last)), dict(maker.shapes))


def answers(made: Made, wrt: str, *, scalar: bool) -> dict[str, ArrayDerivative]:
    """The array of derivatives and its products."""
    kinds = ("hessian", "hvp") if scalar else ("jacobian", "jvp", "vjp")
    return {k: getattr(matderiv, k)(made.text, wrt=wrt, shapes=made.inputs) for k in kinds}


def disagreement(made: Made, wrt: str, *, scalar: bool) -> str:
    """The kind that is not what central differences say; "" where all are."""
    rng = np.random.default_rng(0)
    names = made.numbers(rng)
    last = made.values[-1][0]
    found = answers(made, wrt, scalar=scalar)
    if scalar:
        slope = matderiv.gradient(made.text, wrt=wrt, shapes=made.inputs)
        array = central(lambda x: slope(functions=FUNCTIONS, **{**names, wrt: x}), names[wrt])
    else:
        array = central(lambda x: run(made.text, {**names, wrt: x}, FUNCTIONS)[last], names[wrt])
    size = np.abs(array).max(initial=0)
    if not np.isfinite(array).all() or size > 1e3:
        return ""
    rank = names[wrt].ndim
    rows = array.shape[: array.ndim - rank]
    v, u = rng.normal(size=names[wrt].shape), rng.normal(size=rows)
    along = np.tensordot(array, v, rank)
    expected = {
        "jacobian": (array, None),
        "hessian": (array, None),
        "jvp": (along, v),
        "hvp": (along, v),
        "vjp": (np.tensordot(u, array, len(rows)), u),
    }
    for kind, one in found.items():
        true, direction = expected[kind]
        given = {} if direction is None else {one.asked.direction: direction}
        value = one(functions=FUNCTIONS, **names, **given)
        if np.isnan(value).any():  # such as 0 times an infinite slope of a root at 0
            return ""
        if value.shape != true.shape or not np.allclose(value, true, atol=1e-4 * (1 + size)):
            return f"{kind}: {one.formula}"
    return ""


def smallest(made: Made, *, scalar: bool) -> tuple[str, dict[str, tuple[int, ...]], str]:
    """The shortest program found that is wrong by some input, with the kind that is."""

    def wrong(made: Made) -> str:
        found = ""
        for wrt in made.inputs:
            with suppress(MatderivError, ArithmeticError, ValueError, KeyError, TypeError):
                found = found or disagreement(made, wrt, scalar=scalar)
        return found

    least = shrunk(made, lambda other: bool(wrong(other)), tries=300)
    return least.text, least.inputs, wrong(least)


def test_failures_shrink(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program with a wrong Jacobian is made smaller as long as it is wrong."""
    right = ArrayDerivative.__call__

    def doubled(self: ArrayDerivative, **given: Any) -> Array:
        value = right(self, **given)
        return value if "tanh" not in self.program.source() else 2 * value

    monkeypatch.setattr(ArrayDerivative, "__call__", doubled)
    x = nodes.Name("x")
    value = nodes.Add(nodes.Multiply(x, x), nodes.Apply("tanh", nodes.Negate(x)))
    text, inputs, kind = smallest(Made((("R", value),), {"x": (2,)}), scalar=False)
    assert (text, inputs) == ("R = tanh(x)", {"x": (2,)})
    assert kind.startswith("jacobian")


@pytest.mark.long
@pytest.mark.parametrize("last", ["array", "number"])
def test_random_programs(last: str) -> None:
    """Arrays and products agree with central differences and so with each other."""
    scalar = last == "number"
    count: Counter[str] = Counter()
    for seed in range(usually(10, thoroughly=1000, least=5)):
        made = random_made(seed, scalar=scalar)
        if not made.inputs:
            continue
        wrt = random.Random(seed).choice(sorted(made.inputs))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # infinite numbers are left out
            try:
                wrong = disagreement(made, wrt, scalar=scalar)
            except MatderivError:
                count["refused"] += 1
                continue
            except np.linalg.LinAlgError:
                continue
        assert not wrong, smallest(made, scalar=scalar)
        count["right"] += 1
    assert count["right"] > 2 * count["refused"]


# ---- Proof ---------------------------------------------------------------------------------


@pytest.mark.parametrize("mistake", ["without diag", "turned", "doubled"])
def test_wrong_readings_are_refused(monkeypatch: pytest.MonkeyPatch, mistake: str) -> None:
    """A matrix read off wrongly is not proved, whatever the mistake."""

    def wrong(*args: Any) -> nodes.Node:
        right = regrouped.regrouped(*args)
        assert right is not None
        match mistake:
            case "turned":
                return nodes.Transpose(right)
            case "doubled":
                return nodes.Multiply(nodes.TWO, right)
        return nodes.Name("A")

    monkeypatch.setattr(array_derivatives, "regrouped", wrong)
    with pytest.raises(ProofError):
        matderiv.jacobian("tanh(A @ x)", wrt="x", shapes={"A": (3, 3)})


@pytest.mark.parametrize("program", ["tanh(A @ X)", "X @ x", "outer(x, x)"])
def test_wrong_arrays_of_more_axes_are_refused(
    monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    """The array of three or four axes itself is proved, and not only what it was read from."""
    right = array_derivatives.broadcasted

    def turned(*args: Any) -> nodes.Node:
        array, dims = right(*args), args[2]
        return nodes.Rearrange(array, (*range(len(dims) - 2), len(dims) - 1, len(dims) - 2))

    monkeypatch.setattr(array_derivatives, "broadcasted", turned)
    square = {"A": (3, 3), "X": (3, 3), "x": (3,)}
    shapes = {name: shape for name, shape in square.items() if name in program}
    with pytest.raises(ProofError):
        matderiv.jacobian(program, shapes=shapes, wrt="X" if "X" in program else "x")


def test_wrong_calls_of_einsum_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The text of einsum is read back as NumPy reads it, and must be the array that is proved."""
    found = matderiv.jacobian("tanh(A @ X)", wrt="X", shapes={"A": (3, 3), "X": (3, 3)})
    right = written_arrays.einsum_terms

    def turned(*args: Any) -> tuple[Any, ...]:
        swap = str.maketrans("pq", "qp")
        terms = right(*args)
        before = [term.subscripts.partition("->") for term in terms]
        return tuple(
            replace(term, subscripts=f"{a.translate(swap)}->{b}")
            for term, (a, _, b) in zip(terms, before, strict=True)
        )

    monkeypatch.setattr(written_arrays, "einsum_terms", turned)
    with pytest.raises(ProofError):
        str(found)


# ---- Symmetry and sign ---------------------------------------------------------------------

#: Losses by x or w, and the sentence on their Hessians.
SIGNS = [
    ("sum((X @ w - y)**2)", "w", "positive semidefinite: L is convex in w."),
    ("sum((X @ w - y)**2) + lam*sum(w**2)", "w", "where lam >= 0, positive semidefinite: there"),
    ("sum(log(1 + exp(-y*(X @ w))))", "w", "positive semidefinite: L is convex in w."),
    ("logsumexp(A @ x + b)", "x", "positive semidefinite: L is convex in x."),
    ("sum(log(b - A @ x))", "x", "negative semidefinite: L is concave in x."),
    ("-sum(x*log(x))", "x", "where x >= 0, negative semidefinite: there L is concave in x."),
    ("(x @ x)**2", "x", "positive semidefinite: L is convex in x."),
    ("-sum(relu(x)) + sum(x**2)", "x", "positive semidefinite."),  # of a kink nothing is said
    ("sum(1/x**2)", "x", "positive semidefinite."),  # nor across 0
    ("x @ A @ x", "x", "H is symmetric."),
    ("sum(f(A @ x))", "x", "H is symmetric."),
    ("sum(sin(x))", "x", "H is symmetric."),
    ("norm(x)", "x", "H is symmetric."),
    ("x @ S @ x", "x", "positive semidefinite: L is convex in x."),
]


@pytest.mark.parametrize(("program", "wrt", "words"), SIGNS)
def test_signs_of_hessians(program: str, wrt: str, words: str) -> None:
    """The sentence says what is known, and the eigenvalues at random points are as it says."""
    assume = {"S": "psd"} if "S" in program else None
    found = matderiv.hessian(program, wrt=wrt, assume=assume)
    assert found.properties.endswith(words) or words in found.properties
    assert found.properties.startswith("H is symmetric")
    for seed in range(3):
        names = numbers(own_shapes(found), seed)
        if "b - A" in program:
            names["b"] = names["b"] + 20
        if assume:
            names["S"] = names["S"] @ names["S"].T
        matrix = found(functions=FUNCTIONS, **names)
        assert np.allclose(matrix, matrix.T)
        values = np.linalg.eigvalsh(matrix)
        assert ("positive" not in found.properties) or values.min() > -1e-9
        assert ("negative" not in found.properties) or values.max() < 1e-9


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("sum((X @ B - C)**2)", "H is symmetric and positive semidefinite: L is convex in X."),
        ("-sum((A @ X @ B - C)**2)", "H is symmetric and negative semidefinite: L is concave in"),
        ("lam*sum((A @ X)**2)", "H is symmetric and, where lam >= 0, positive semidefinite: there"),
        ("tr(X.T @ S @ X)", "H is symmetric."),
        ("sum((X @ B)**2) - sum((A @ X)**2)", "H is symmetric."),
        ("logdet(X)", "H is symmetric."),
    ],
)
def test_signs_of_products_over_vec(program: str, words: str) -> None:
    """A ⊗ B has the sign that the signs of A and B give, and random Hessians have that too."""
    found = matderiv.hessian(program, wrt="X", form="vec")
    assert found.properties.startswith(words)
    if "definite" in words:
        names = numbers(own_shapes(found)) | ({"lam": np.array(0.7)} if "lam" in program else {})
        values = np.linalg.eigvalsh(found(**names)) * (-1 if "negative" in words else 1)
        assert values.min() > -1e-9


def test_names_of_values_keep_shapes() -> None:
    """A vector is not told as P*A where that is a row."""
    program = "P = a/A; R = std(outer(c, a), axis=1, keepdims=True)"
    found = matderiv.jacobian(program, wrt="c", shapes={"A": (1, 2), "a": (2,), "c": (3,)})
    names = numbers({"A": (1, 2), "a": (2,), "c": (3,)})
    array = central(lambda c: run(program, {**names, "c": c})["R"], names["c"])
    assert np.allclose(found(**names), array, atol=1e-6)


def test_mixed_blocks_have_no_sign() -> None:
    """A block of two inputs is no symmetric matrix, and nothing is said of it."""
    assert matderiv.hessian("x @ A @ y", wrt=["x", "y"]).properties == ""


def test_inputs_of_a_structure_are_by_all_entries() -> None:
    """The array is that of free entries; the note says so, and of no other input."""
    assume = {"S": "symmetric"}
    pushed = matderiv.jvp("x @ S", wrt="S", assume=assume)
    array = matderiv.jacobian("S @ S", assume=assume)
    for found, label in ((pushed, "JV"), (array, "J")):
        assert f"S is symmetric: {label} is by all entries of S as if each were free" in found.note
    names = numbers({"x": (3,), "S": (3, 3), "V": (3, 3)}, 1)
    own = names["S"] + names["S"].T
    assert np.allclose(pushed(x=names["x"], S=own, V=names["V"]), names["x"] @ names["V"])
    assert np.allclose(array(S=own), central(lambda s: s @ s, own), atol=1e-6)
    by_another = matderiv.jvp("x @ S", wrt="x", assume=assume)
    assert "S is symmetric" not in by_another.note


# ---- Input that is refused, in one line with the fix ---------------------------------------


@pytest.mark.parametrize(
    ("kind", "arguments", "words"),
    [
        ("hessian", {"program": "A @ x", "wrt": "x"}, "not a Hessian"),
        ("hvp", {"program": "A @ x", "wrt": "x"}, "not a Hessian"),
        ("hessian", {"program": "x @ A @ y"}, "say by which"),
        ("hessian", {"program": "x @ A @ y", "wrt": ["x", "A", "y"]}, "leave some out"),
        ("hessian", {"program": "Loss(A @ x)", "wrt": "x"}, "write Loss out"),
        (
            "jacobian",
            {"program": "x @ A @ x", "wrt": "x", "layout": "denominator"},
            "leave the lay",
        ),
        ("jacobian", {"program": "A @ x", "wrt": "x", "layout": "denominater"}, "Did you mean den"),
        ("jacobian", {"program": "A @ X", "wrt": "X", "form": "vac"}, "Did you mean vec"),
        ("jacobian", {"program": "diag(X)", "form": "vec"}, "form einsum or index"),
        ("jacobian", {"program": "A @ X", "wrt": "Z"}, "no Z in the program"),
        ("jvp", {"program": "A @ x", "wrt": "x", "direction": "x"}, "another name, such as v"),
        ("hvp", {"program": "x @ A @ x", "wrt": "x", "direction": "A"}, "another name, such as v"),
        ("hvp", {"program": "x @ A @ x", "wrt": "x", "direction": "pi"}, "another meaning"),
        ("jvp", {"program": "A @ x", "wrt": "x", "direction": "N"}, "call the direction v"),
        ("vjp", {"program": "A @ x", "wrt": "x", "direction": "x"}, "another name, such as v"),
        (
            "jvp",
            {"program": "A @ x + b", "wrt": "x", "direction": "b"},
            "b is N in the program, but x",
        ),
        (
            "hessian",
            {"program": "sum(X**2)", "wrt": "X", "shapes": {"X": (2, 3, 4)}, "form": "vec"},
            "X has 3 axes, and vec is of matrices; choose the form einsum or index",
        ),
        (
            "jacobian",
            {"program": "2*X", "wrt": "X", "shapes": {"X": (2, 3, 4)}, "form": "vec-rows"},
            "L has 3 axes",
        ),
    ],
)
def test_bad_input(kind: str, arguments: dict[str, object], words: str) -> None:
    """One line that says what to write instead."""
    with pytest.raises(MatderivError) as caught:
        str(getattr(matderiv, kind)(**arguments))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("form", ["vec", "vec-rows"])
def test_zeros_by_vec_are_a_matrix(form: str) -> None:
    """A zero derivative in the form of vec has one row and one column for each entry."""
    hessian, jacobian, one = matderiv.hessian, matderiv.jacobian, {"X": (2, 1), "W": (1, 3)}
    for found, size in (
        (hessian("sum(X @ W)", wrt="W", form=form), "D*M"),
        (hessian("sum(X @ W)", wrt="W", form=form, shapes=one), "3"),
        (jacobian("A @ b + 0*X", wrt="X", form=form), "K*N"),
    ):
        assert found.formula == f"zeros(({size}, {size}))"
        assert "vec reads a matrix" in found.note


def test_linear_losses_have_a_page_and_no_newton_step() -> None:
    """The page of a Hessian that is zero, by one input and by two; Newton's step is refused."""
    for program, wrt in (("sum(A @ x - b)", ["x"]), ("x @ A @ y", ["x"]), ("b @ x", ["x", "b"])):
        found = matderiv.hessian(program, wrt=wrt)
        assert "All " in found.print("text")
        assert found.json()
        with pytest.raises(InputError, match="Newton's step"):
            found.print("text", newton=True)


@pytest.mark.parametrize("program", ["b @ x", "sum(x)"])
def test_a_constant_gradient_has_a_page_and_no_certificate(program: str) -> None:
    """Where x stands in no gradient, there is nothing that a certificate could prove."""
    found = matderiv.hessian(program, wrt="x")
    assert "All " in found.print("text")
    with pytest.raises(UnsupportedError, match="the Hessian is 0"):
        found.json()


def test_no_part_of_a_page_takes_the_name_of_its_array() -> None:
    """Parts of values get names on the way; H, the array itself, is none of them."""
    page = matderiv.hessian("sum((A @ X @ B - C)**2)", wrt="X").print("text")
    assert {"Z", "U"} <= {*(names := re.findall(r"^ +([A-Z]) += ", page, re.MULTILINE))}
    assert names.count("H") <= 1


def test_a_name_too_many_is_refused_also_where_it_is_there_twice() -> None:
    """Of three names none is dropped in silence; the same name twice is one input."""
    with pytest.raises(InputError, match="wrt names 3"):
        matderiv.hessian("x @ A @ x", wrt=["x", "A", "x"])
    assert str(matderiv.hessian("x @ A @ x", wrt=["x", "x"])) == "A + A.T"


@pytest.mark.parametrize("size", [1, 2])
def test_kronecker_products_of_declared_sizes(size: int) -> None:
    """Entries counted through are eye(N*D) in other sizes, which runs, and is right."""
    rng = np.random.default_rng(size)
    arrays = {"A": rng.normal(size=(2, 2)), "X": rng.normal(size=(2, size))}
    shapes = {name: array.shape for name, array in arrays.items()}
    for program in ("kron(A, X)", "sum(kron(A, X), axis=0)"):
        found = matderiv.jacobian(program, wrt="X", shapes=shapes)
        value = found(**arrays)
        wanted = np.zeros_like(value)
        for at in np.ndindex(2, size):
            unit = np.zeros((2, size))
            unit[at] = 1
            column = np.kron(arrays["A"], unit)
            wanted[(..., *at)] = column if program.startswith("kron") else column.sum(axis=0)
        assert np.allclose(value, wanted)
        assert "def " in found.code("numpy")


@pytest.mark.parametrize(
    ("kind", "program", "wrt", "shapes", "formula"),
    [
        ("hessian", "sum((X @ w - y)**2)", "w", {"X": (1, 1)}, "2*X.T @ X"),
        ("hessian", "sum((X @ w - y)**2)", "w", {"X": (3, 1)}, "2*X.T @ X"),
        ("jacobian", "tanh(A @ x)", "x", {"A": (1, 3)}, "diag(1 - tanh(A @ x)**2) @ A"),
        ("jacobian", "tanh(A @ x)", "x", {"A": (1, 1)}, "diag(1 - tanh(A @ x)**2) @ A"),
    ],
)
def test_axes_of_one_entry_read_as_letters_do(
    kind: str, program: str, wrt: str, shapes: dict[str, tuple[int, ...]], formula: str
) -> None:
    """The formula is the one for all sizes."""
    assert str(getattr(matderiv, kind)(program, wrt=wrt, shapes=shapes)) == formula


def test_vec_is_of_matrices() -> None:
    """A form by vec is refused for arrays of three axes."""
    with pytest.raises((InputError, UnsupportedError)):
        str(matderiv.jacobian("X*x", wrt="X", shapes={"X": (2, 3, 4), "x": (4,)}, form="vec"))


def test_directions_have_a_shape() -> None:
    """A direction of another shape, or none, is refused when numbers are given."""
    found = matderiv.jvp("A @ x", wrt="x")
    with pytest.raises(ShapeError, match=r"The direction v has the shape \(3,\)"):
        found(A=np.ones((3, 2)), x=np.ones(2), v=np.ones(3))
    with pytest.raises(InputError, match="The direction v has no value"):
        found(A=np.ones((3, 2)), x=np.ones(2))
    assert np.array_equal(found(A=np.ones((3, 2)), x=np.ones(2), v=np.ones(2)), [2, 2, 2])


# ---- Layouts, mixed blocks, code -----------------------------------------------------------


def test_denominator_layout_is_the_transpose() -> None:
    """The axes of X come first, for matrices as well."""
    assert str(matderiv.jacobian("A @ x", wrt="x", layout="denominator")) == "A.T"
    names = numbers({"A": (3, 2), "X": (2, 4)})
    one, other = (
        matderiv.jacobian("tanh(A @ X)", wrt="X", layout=layout)(**names)
        for layout in ("numerator", "denominator")
    )
    assert np.allclose(one, other.transpose((2, 3, 0, 1)))


#: Kind, program, what it is by, and shapes; those of three and four axes call einsum.
CODE: list[tuple[str, str, str, dict[str, tuple[int, ...]]]] = [
    ("jacobian", "A @ tanh(X)", "X", {"A": (3, 2), "X": (2, 4)}),
    ("jacobian", "tr(A)*softmax(A, axis=1)", "A", {"A": (2, 2)}),
    ("jacobian", "outer(x, x)", "x", {"x": (3,)}),
    ("jacobian", "diag(X) - ones(3)", "X", {"X": (3, 3)}),
    ("jacobian", "X[:, None]*x", "X", {"X": (2, 3), "x": (3,)}),
    ("hessian", "sum(f(A @ X))", "X", {"A": (3, 2), "X": (2, 4)}),
    ("hessian", "logdet(X)", "X", {"X": (3, 3)}),
    ("hessian", "sum(f(A @ x))", "x", {"A": (3, 2), "x": (2,)}),
    ("hvp", "sum(f(A @ x))", "x", {"A": (3, 2), "x": (2,)}),
    ("vjp", "tanh(A @ X)", "X", {"A": (3, 2), "X": (2, 4)}),
]


#: Programs by X whose Jacobian over vec is made of kron alone, and others.
OF_KRON = ("A @ X @ B", "-X @ X", "X @ w")
FLAT = (*OF_KRON, "X.T @ X", "sin(X)")


@pytest.mark.parametrize("target", ["numpy", "torch", "jax"])
@pytest.mark.parametrize("program", FLAT)
def test_code_of_a_matrix_over_vec(
    program: str, target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The function gives the matrix of the form, by kron where that is its formula."""
    for name, module in STAND_INS.get(target, {}).items():
        monkeypatch.setitem(sys.modules, name, module)
    for form in ("vec", "vec-rows"):
        found = matderiv.jacobian(program, wrt="X", form=form)
        file = tmp_path / f"{form}.py"
        file.write_text(found.code(target), encoding="utf-8")
        assert (".kron(" in file.read_text()) == (program in OF_KRON)
        assert f"    J = {found.formula}\n" in file.read_text()
        names = numbers(own_shapes(found))
        function = runpy.run_path(str(file))["jacobian"]
        taken = inspect.signature(function).parameters
        given = {name: tensor(names[name], np.float64) for name in taken}
        assert np.allclose(function(**given), found(**names))
    with pytest.raises(InputError, match="has no SymPy source"):
        found.code("sympy")


@pytest.mark.parametrize("target", ["numpy", "torch", "jax"])
@pytest.mark.parametrize("case", CODE, ids=lambda case: f"{case[0]} of {case[1]}")
def test_code_works_the_array_out(
    case: tuple[str, str, str, dict[str, tuple[int, ...]]],
    target: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The function that is printed gives what the call gives; of more axes it calls einsum."""
    kind, program, wrt, shapes = case
    for name, module in STAND_INS.get(target, {}).items():
        monkeypatch.setitem(sys.modules, name, module)
    found = getattr(matderiv, kind)(program, wrt=wrt)
    file = tmp_path / "code.py"
    file.write_text(found.code(target), encoding="utf-8")
    assert ("einsum(" in file.read_text()) == (found.form == "einsum")
    function = runpy.run_path(str(file))[kind]
    direction = found.asked.direction
    along = {direction: shapes.get(direction, shapes[wrt])} if direction else {}
    if kind == "vjp":
        along = {direction: (shapes["A"][0], shapes["X"][1])}
    names = numbers({**shapes, **along})
    taken = inspect.signature(function).parameters
    own = {name: FUNCTIONS[name] for name in FUNCTIONS.keys() & taken.keys()}
    given = {name: tensor(array, np.float64) for name, array in names.items() if name in taken}
    assert np.allclose(function(**given, **own), found(functions=FUNCTIONS, **names))
