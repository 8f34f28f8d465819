"""Source text of gradients: it runs as printed, is right, careful with numbers, and shares."""

from __future__ import annotations

import ast
import inspect
import runpy
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy as sp
from _frameworks import STAND_INS, tensor
from _gradient_table import Gradient, sized, table
from _reference import FUNCTIONS, Array

import matderiv
from matderiv import InputError, ProofError, UnsupportedError
from matderiv.expression import nodes
from matderiv.expression.nodes import walk
from matderiv.expression.parse import parse
from matderiv.gradients import printed
from matderiv.notation import code


def telling(step: int = 5) -> list[Gradient]:
    """A row of the table every few rows, and each row with an operation that no row before it has."""
    chosen, seen = [], set[str]()
    for number, gradient in enumerate(table()):
        used = {
            getattr(node, "function", type(node).__name__)
            for assignment in parse(gradient.program).assignments
            for node in walk(assignment.value)
        }
        if number % step == 0 or not used <= seen:
            chosen.append(gradient)
        seen |= used
    return chosen


TELLING = pytest.mark.parametrize("gradient", telling(), ids=lambda gradient: gradient.id)

SIZES = (3, 2, 4, 5)


_KNOWN: dict[str, matderiv.Gradient] = {}


def derived(gradient: Gradient) -> matderiv.Gradient:
    """A gradient of the table by the package, letters of sizes left as letters."""
    if gradient.id in _KNOWN:
        return _KNOWN[gradient.id]
    sizes = gradient.sizes(SIZES)
    _KNOWN[gradient.id] = matderiv.gradient(
        sized(gradient.program, sizes) if "reshape" in gradient.program else gradient.program,
        wrt=gradient.wrt,
        shapes={name: gradient.shape(name, sizes) for name in gradient.shapes},
        assume=gradient.assume,
    )
    return _KNOWN[gradient.id]


def ran(text: str, folder: Path) -> dict[str, Any]:
    """What the text defines when it is run as a file."""
    file = folder / "printed.py"
    file.write_text(text, encoding="utf-8")
    return runpy.run_path(str(file))


def called(function: Callable[..., Any], inputs: dict[str, Any], functions: Any = FUNCTIONS) -> Any:
    """A printed function's value: inputs by name, undefined functions as it wants them."""
    wanted = inspect.signature(function).parameters
    given = {name.rstrip("_"): name for name in wanted}
    known = {**functions, **inputs}
    return function(**{name: known[plain] for plain, name in given.items()})


def error(found: Any, expected: Array) -> float:
    """How far a value is from another, relative to its size; inf at other shapes."""
    found = np.asarray(found, dtype=np.float64)
    if found.shape != expected.shape:
        return float("inf")
    return float(np.max(np.abs(found - expected)) / (1 + np.max(np.abs(expected))))


@TELLING
def test_numpy_text_is_right(gradient: Gradient, tmp_path: Path) -> None:
    """The NumPy text of each operation's gradient agrees with central differences, at other sizes as well."""
    function = ran(derived(gradient).code("numpy"), tmp_path)["gradient"]
    for factor in (1, 2):
        sizes = gradient.sizes([factor * n for n in SIZES])
        inputs = gradient.inputs(sizes, np.random.default_rng(factor))
        expected = gradient.differences(sizes, inputs)
        given = {name: array.astype(gradient.kind(name)) for name, array in inputs.items()}
        assert error(called(function, given), expected) < 1e-6, sizes


@pytest.mark.parametrize("target", ["torch", "jax"])
@TELLING
def test_texts_of_other_libraries_are_right(
    gradient: Gradient, target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Run by NumPy in their place, they agree with differences; a result has its inputs' type."""
    for name, module in STAND_INS[target].items():
        monkeypatch.setitem(sys.modules, name, module)
    function = ran(derived(gradient).code(target), tmp_path)["gradient"]
    sizes = gradient.sizes([2 * n for n in SIZES])
    inputs = gradient.inputs(sizes, np.random.default_rng(1))
    expected = gradient.differences(sizes, inputs)
    for kind, far in ((np.float64, 1e-6), (np.float32, 1e-2)):
        given = {name: tensor(array, gradient.kind(name, kind)) for name, array in inputs.items()}
        found = called(function, given)
        assert error(found, expected) < far
        if target == "torch" and not inspect.getfullargspec(function).kwonlyargs:
            assert np.asarray(found).dtype == kind


# -- mistakes that are planted ------------------------------------------------------------------


@pytest.mark.parametrize("target", ["numpy", "torch", "jax"])
@pytest.mark.parametrize("stage", ["stable", "removed", "as_typed"])
def test_a_formula_that_is_rewritten_wrongly_is_not_printed(
    stage: str, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever makes twice of a formula on its way to code, it is refused."""
    own = getattr(code, stage)
    monkeypatch.setattr(
        code, stage, lambda node, *rest: nodes.Multiply(nodes.TWO, own(node, *rest))
    )
    for gradient in telling(40):
        with pytest.raises(ProofError, match="not what was proved"):
            derived(gradient).code(target)


def rendered(target: str, monkeypatch: pytest.MonkeyPatch) -> dict[type, list[Gradient]]:
    """The gradients by the kinds of nodes that the printer of a library writes in them."""
    found: dict[type, list[Gradient]] = {}
    written = code._Function._written
    for gradient in telling():

        def noted(self: Any, node: nodes.Node, of: Gradient = gradient) -> tuple[str, int]:
            using = found.setdefault(type(node), [])
            if of not in using:
                using.append(of)
            return written(self, node)

        with monkeypatch.context() as patch:
            patch.setattr(code._Function, "_written", noted)
            derived(gradient).code(target)
    return found


@pytest.mark.long
@pytest.mark.parametrize("target", ["numpy", "torch", "jax"])
def test_a_kind_of_node_that_is_printed_wrongly_is_found(
    target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twice of any kind of node in the text of any library is seen by the tests above."""
    for name, module in STAND_INS.get(target, {}).items():
        monkeypatch.setitem(sys.modules, name, module)
    written = code._Function._written
    missed = []
    kinds = rendered(target, monkeypatch)
    assert len(kinds) >= 30
    for kind, gradients in kinds.items():

        def twice(self: Any, node: nodes.Node, kind: type = kind) -> tuple[str, int]:
            text, grip = written(self, node)
            return (f"(2*({text}))", code._ATOM) if type(node) is kind else (text, grip)

        with monkeypatch.context() as patch:
            patch.setattr(code._Function, "_written", twice)
            if not any(is_wrong(gradient, target, tmp_path) for gradient in gradients[:6]):
                missed.append(kind.__name__)
    assert missed == []


def is_wrong(gradient: Gradient, target: str, folder: Path) -> bool:
    """Whether the text of a gradient does not run, or has another value than differences."""
    text = derived(gradient).code(target)
    sizes = gradient.sizes(SIZES)
    inputs = gradient.inputs(sizes, np.random.default_rng(1))
    given = {name: array.astype(gradient.kind(name)) for name, array in inputs.items()}
    if target != "numpy":
        given = {name: tensor(array, gradient.kind(name)) for name, array in inputs.items()}
    try:
        with np.errstate(all="ignore"):
            found = called(ran(text, folder)["gradient"], given)
            return not error(found, gradient.differences(sizes, inputs)) < 1e-6
    except (ArithmeticError, LookupError, TypeError, ValueError, np.linalg.LinAlgError):
        return True


#: Programs whose texts once were wrong in torch, with what is to be in them.
PRECEDENCE = {
    "logsumexp(X/tau)": "(X/tau).flatten()",
    "sum(T*softmax(X @ W))": "(X @ W).flatten()",
    "sum(T*softmax(-X))": "(-X).flatten()",
    "sum(T*softmax(X.T).T)": "X.T.flatten()",
}


@pytest.mark.parametrize("program", PRECEDENCE)
def test_what_a_method_is_called_of_has_brackets(
    program: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The operand of .flatten() is the whole of it, and torch's text gives what NumPy's does."""
    monkeypatch.setitem(sys.modules, "torch", STAND_INS["torch"]["torch"])
    gradient = matderiv.gradient(program, wrt="X")
    assert PRECEDENCE[program] in gradient.code("torch")
    rng = np.random.default_rng(3)
    shapes = {
        name: [dim.size for dim in gradient.shapes[name]] for name in gradient.program.inputs()
    }
    inputs = {name: np.asarray(rng.uniform(0.5, 2, size=shape)) for name, shape in shapes.items()}
    expected = called(ran(gradient.code("numpy"), tmp_path)["gradient"], inputs)
    given = {name: tensor(array, np.float64) for name, array in inputs.items()}
    found = called(ran(gradient.code("torch"), tmp_path)["gradient"], given)
    assert error(found, expected) < 1e-12


@pytest.mark.parametrize(
    "function", ["step", "relu", "sign", "abs", "sigmoid", "erf", "softplus", "gelu"]
)
@pytest.mark.parametrize("target", ["numpy", "torch", "jax"])
def test_functions_keep_single_and_double_precision(
    function: str, target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The gradient has the type of X, and a value at 0; JAX gives plain numbers no type itself."""
    for name, module in STAND_INS.get(target, {}).items():
        monkeypatch.setitem(sys.modules, name, module)
    gradient = matderiv.gradient(f"sum({function}(X)*X)", wrt="X")
    printed_function = ran(gradient.code(target), tmp_path)["gradient"]
    for kind in (np.float32, np.float64):
        found = printed_function(tensor([[-1.5, 0, 2], [1, -0.5, 0.25]], kind))
        assert target == "jax" or np.asarray(found).dtype == kind
        assert np.isfinite(found).all()


#: Gradients with what SymPy's matrix expressions have no words for: products, largest and
#: smallest entries, what moves or chooses entries, and functions of a matrix.
NOT_IN_SYMPY = {
    "product of entries",
    "largest entry of each row",
    "smallest entry of each column",
    "Rosenbrock function",
    "arrays put together",
    "lower triangle of ones",
    "cross-entropy with labels",
    "one-hot rows",
    "Kronecker product with a matrix",
    "matrix turned by a right angle",
    "spectral norm",
    "triangular system, by the matrix",
    "bilinear form of an exponential",
    "transposed convolution by its array",
    "GloVe by its biases",
    "weighted logarithm",
    "entropy of von Neumann",
    "trace of a sine",
    "trace of a cosine",
    "power that is not written out",
    "trace of an exponential along a line",
    "trace of an exponential",
    "trace of a root",
    "triangular system, by the right side",
    "sum of singular values in a loss",
    "largest eigenvalue of a square",
    "smallest eigenvalue of a sum",
    "convolution, by the kernel",
    "convolution, by what it runs over",
    "convolution with a stride, by the kernel",
    "convolution of an image, by the kernel",
    "convolution of an image, by the image",
    "convolution of channels, by the kernels",
    "convolution of channels, by what it runs over",
    "convolution of channels, by the bias",
    "moving average",
    "largest of overlapping windows",
    "windows",
    "overlapping sums of windows",
    "symmetric Toeplitz matrix",
    "sorted vector",
    "second smallest entry",
    "largest entries up to each place",
    "products up to each place",
}


@pytest.mark.long
@pytest.mark.parametrize("target", ["numpy", "torch", "jax", "sympy"])
def test_texts_are_python(target: str) -> None:
    """Every text is Python, or refused by name and target."""
    refused = set()
    for gradient in telling():
        try:
            ast.parse(derived(gradient).code(target))
        except UnsupportedError as why:
            assert "SymPy" in str(why)
            refused.add(gradient.id)
    known = NOT_IN_SYMPY & {gradient.id for gradient in telling()}
    assert refused == (known if target == "sympy" else set())


def drawn(gradient: matderiv.Gradient) -> dict[str, Array]:
    """Numbers for the inputs; square matrices far from singular."""
    rng = np.random.default_rng(7)
    inputs = {}
    for name in gradient.program.inputs():
        shape = tuple(dim.size for dim in gradient.shapes[name])
        inputs[name] = rng.normal(size=shape)
        if len(shape) == 2 and shape[0] == shape[1]:
            inputs[name] = inputs[name] + 4 * np.eye(shape[0])
    return inputs


@pytest.mark.parametrize(
    ("program", "wrt"),
    [
        ("sum((X @ W - T)**2)", "W"),
        ("mean((X @ w - y)**2)", "w"),
        ("sum(exp(X @ W)*T)", "X"),
        ("logdet(S) + y @ inv(S) @ y", "S"),
        ("sum((X + b)**2)", "b"),
        ("sum(X/sum(X, axis=1, keepdims=True)*T)", "T"),
        ("x @ A @ x/(x @ x)", "x"),
        ("sum(outer(a, b)*T)", "a"),
    ],
)
def test_sympy_text(program: str, wrt: str, tmp_path: Path) -> None:
    """The SymPy text is a matrix expression whose value is that of the formula."""
    gradient = matderiv.gradient(program, wrt=wrt)
    names = ran(gradient.code("sympy"), tmp_path)
    found = names[f"d{wrt}"]
    inputs = {name: np.round(array, 1) for name, array in drawn(gradient).items()}
    letters = {d.symbol: d.size for shape in gradient.shapes.values() for d in shape}
    found = found.subs({names[k]: n for k, n in letters.items() if k in names})
    for name, array in inputs.items():
        if name in names:
            two = array.reshape((*array.shape, 1, 1)[:2])
            symbol = sp.MatrixSymbol(name, *two.shape)
            found = found.subs(symbol, sp.Matrix(two))
    value = np.array(found.doit().as_explicit().tolist(), dtype=float)
    expected = gradient(**inputs)
    assert error(value.reshape(expected.shape), expected) < 1e-10


def test_systems_are_solved() -> None:
    """No inverse is worked out where a linear system does."""
    text = matderiv.gradient("x @ inv(K) @ y", wrt="y").code()
    assert "np.linalg.solve(K.T, x)" in text
    assert "np.linalg.inv(" not in text


def test_repeated_parts_are_worked_out_once() -> None:
    """A part that occurs twice has a line of its own."""
    text = matderiv.gradient("logdet(K + alpha*eye(3)) + y @ inv(K + alpha*eye(3)) @ y", wrt="K")
    body = text.code().partition('"""\n    t1')[2]
    assert body.count("alpha*np.eye(3, dtype=K.dtype)") == 1


def test_values_of_the_program_are_shared(tmp_path: Path) -> None:
    """Several gradients come from one function, which works the program out once."""
    both = matderiv.gradient("Y = X @ W; L = sum(f(Y))", wrt=["X", "W"])
    text = printed(both, "numpy")
    assert text.count("    Y = X @ W\n") == 2  # in the docstring, and once worked out
    x, w = np.ones((2, 4)), np.ones((4, 3))
    dx, dw = ran(text, tmp_path)["gradient"](x, w, df=np.cos)
    assert dx.shape == (2, 4)
    assert dw.shape == (4, 3)


@pytest.mark.parametrize(
    "program",
    [
        "sum(softmax(X, axis=1)*T)",
        "sum(logsumexp(X, axis=1))",
        "sum(softplus(X))",
        "sum(sigmoid(X))",
    ],
)
def test_large_numbers(program: str, tmp_path: Path) -> None:
    """Exponentials do not overflow."""
    gradient = matderiv.gradient(program, wrt="X")
    inputs = {n: np.full([d.size for d in s], 1e4) for n, s in gradient.shapes.items() if s}
    inputs["X"] = inputs["X"] * [[1], [-1]]
    given = {name: inputs[name] for name in gradient.program.inputs()}
    with np.errstate(over="raise", invalid="raise"):
        assert np.all(np.isfinite(called(ran(gradient.code(), tmp_path)["gradient"], given)))


def test_names_hide_nothing(tmp_path: Path) -> None:
    """Names of the program that the text needs for itself get an underscore."""
    gradient = matderiv.gradient(
        "math = np @ torch; L = sum(tanh(math)) + sum(sigmoid(np))",
        wrt="np",
        shapes={"np": (2, 3), "torch": (3, 2)},
    )
    inputs = drawn(gradient)
    found = called(ran(gradient.code(), tmp_path)["gradient"], inputs)
    assert error(found, gradient(**inputs)) < 1e-12


def test_unknown_target() -> None:
    """A target that there is not is refused with those that there are."""
    gradient = matderiv.gradient("x @ x")
    with pytest.raises(InputError) as refused:
        gradient.code("numpi")
    assert str(refused.value) == (
        "There is no code for 'numpi'; there is for numpy, torch, jax, sympy. Did you mean numpy?"
    )


def test_what_sympy_has_no_words_for() -> None:
    """A part that SymPy cannot say is named."""
    with pytest.raises(UnsupportedError) as refused:
        matderiv.gradient("prod(x)*sum(x)").code("sympy")
    assert str(refused.value) == (
        "prod(x) cannot be said in SymPy's matrix expressions; take numpy, torch or jax instead."
    )


def test_sympy_text_imports_nothing_that_it_does_not_use() -> None:
    """A gradient that is a number needs nothing of SymPy's, and an empty import does not run."""
    assert matderiv.gradient("L = lam").code("sympy") == "dlam = 1\n"
