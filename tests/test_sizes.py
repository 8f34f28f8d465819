"""Sizes as people mean them: what is declared holds, what is not is a letter."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from _differences import central
from _gradient_table import Gradient, sized, table
from _thorough import usually

import matderiv
from matderiv.checking.check import check
from matderiv.errors import InputError, ShapeError
from matderiv.expression.parse import parse
from matderiv.expression.shapes import infer
from matderiv.gradients import gradient, printed

LEAST = "mean((X @ w - y)**2)"
COLUMNS = {"X": (4, 3), "t": (3, 1), "y": (4, 1)}


def test_undeclared_sizes_are_letters() -> None:
    """A mean is divided by the letter, and a line says what the letter is."""
    assert printed({"w": gradient(LEAST, wrt="w")}) == (
        "# X: a matrix; w, y: vectors\nN = X.shape[0]  # N: the rows of X\ndw = 2*X.T @ (X @ w - y)/N\n"
    )
    found = gradient("sum(X @ W + b)", wrt="b")
    assert str(found) == "N*ones(M)"
    assert {k: found.size_words(k) for k in found.lines} == {
        "N": "the rows of X",
        "M": "the columns of W",
        "db": "",
    }
    assert found.latex().startswith(
        "% X, W: matrices; b: a vector\n% N: the rows of X\n% M: the columns of W\n"
    )


@pytest.mark.parametrize("declared", [{"shapes": {"X": (5, 3)}}, {"sizes": {"N": 5}}])
def test_declared_sizes_are_numbers(declared: dict[str, dict[str, int]]) -> None:
    """What a person declares is what is printed."""
    assert list(gradient(LEAST, wrt="w", **declared).lines.values()) == ["2*X.T @ (X @ w - y)/5"]


def test_declared_sizes_are_right_there_only() -> None:
    """A claim with a number for a size is right at that size, and the letter is named."""
    claim = "2*X.T @ (X @ w - y)/5"
    report = check(LEAST, "w", claim, shapes={"X": (5, 3)})
    assert report.status == "right"
    assert report.text().startswith("Right at the shapes declared (5×3): ")
    assert report.text().endswith("; for every size write N for 5.\nw, y: vectors\n")
    assert '"for_all_sizes": false' in report.json()
    assert check(LEAST, "w", claim).status == "wrong"
    assert check(LEAST, "w", claim.replace("5", "4"), shapes={"X": (5, 3)}).status == "wrong"
    assert check(LEAST, "w", claim.replace(".T", ""), shapes={"X": (5, 5)}).status == "wrong"


#: Programs that ask arrays for sizes, the same in NumPy, an input, and its gradient.
ASKED: list[tuple[str, Callable[..., Any], str, str]] = [
    (
        "sum((X @ w - y)**2)/X.shape[0]",
        lambda X, w, y: sum((X @ w - y) ** 2) / len(X),
        "w",
        "2*X.T @ (X @ w - y)/N",
    ),
    (
        "n = len(y); L = sum((X @ w - y)**2)/(2*n)",
        lambda X, w, y: sum((X @ w - y) ** 2) / (2 * len(y)),
        "w",
        "X.T @ (X @ w - y)/len(y)",
    ),
    (
        "n, d = X.shape; L = sum((X @ w)**2)/n + d*sum(w**2)",
        lambda X, w: sum((X @ w) ** 2) / len(X) + len(w) * sum(w**2),
        "w",
        "2*(X.T @ (X @ w)/n + d*w)",
    ),
    (
        "m = X.shape[-1] - 1; L = sum(X**2)*m/X.size",
        lambda X: np.mean(X**2) * (X.shape[1] - 1),
        "X",
        "2*X*(D - 1)/(N*D)",
    ),
    (
        "C = eye(len(y)) - ones((y.size, y.size))/len(y); L = y @ C @ y",
        lambda y: sum((y - np.mean(y)) ** 2),
        "y",
        "2*(y - mean(y))",
    ),
    (
        "sum((X.T @ X/X.shape[0] - eye(X.shape[1]))**2)",
        lambda X: np.sum((X.T @ X / len(X) - np.eye(X.shape[1])) ** 2),
        "X",
        "4*X @ (X.T @ X/X.shape[0] - eye(X.shape[1]))/X.shape[0]",
    ),
    (
        "n = len(y); m = X.shape[0]; k = 2*n; L = sum((X @ w - y)**2)/k",
        lambda X, w, y: sum((X @ w - y) ** 2) / (2 * len(y)),
        "w",
        "2*X.T @ (X @ w - y)/k*m/n",
    ),
    (
        "C = ones(X.shape) - 3*zeros_like(X @ w)[:, None] + full(X.shape, 2); L = sum(C*X*X)",
        lambda X, w: 0 * np.sum(w) + 3 * np.sum(X**2),
        "X",
        "(full_like(X, 6)*X + zeros(X.shape)*ones(X.shape))",
    ),
    (
        "sum(exp(X.reshape(X.shape[0]*X.shape[1])))",
        lambda X: np.sum(np.exp(X)),
        "X",
        "exp(X)",
    ),
]


@pytest.mark.parametrize(("program", "function", "wrt", "formula"), ASKED)
def test_sizes_in_programs(
    program: str, function: Callable[..., Any], wrt: str, formula: str
) -> None:
    """A program may read sizes off arrays; its gradient is right at all sizes, 1 among them."""
    found = gradient(program, wrt=wrt)
    rng = np.random.default_rng(0)
    for n, d in ((3, 2), (1, 4), (4, 1), (3, 3)):
        shapes = {"X": (n, d), "w": (d,), "y": (n,)}
        at = {name: np.asarray(rng.normal(size=shapes[name])) for name in found.program.inputs()}
        expected = central(lambda x, at=at: np.asarray(function(**{**at, wrt: x})), at[wrt])
        assert np.allclose(found(**at), expected, atol=1e-6), (n, d)
    assert check(program, wrt, formula).status == "right"
    assert check(program, wrt, f"{formula}*2").status == "wrong"
    assert not _read_back(program, wrt)
    assert gradient(parse(program).source(), wrt=wrt).node == found.node


def test_sizes_in_programs_where_they_are_declared() -> None:
    """A declared size is a number in the formula, and a claim with it is right there."""
    program = "n = X.shape[0]; L = sum((X @ w - y)**2)/(2*n)"
    assert str(gradient(program, wrt="w", shapes={"X": (5, 3)})) == "X.T @ (X @ w - y)/5"
    report = check(program, "w", "X.T @ (X @ w - y)/5", shapes={"X": (5, 3)})
    assert report.text().startswith("Right at the shapes declared (5×3): ")
    assert matderiv.derive(program, wrt="w").proof.equalities > 2
    assert str(matderiv.hessian(program, wrt="w")) == "X.T @ X/n"


@pytest.mark.parametrize(
    ("program", "why"),
    [
        ("sum(w)/X.shape[0]", "X stands nowhere else in the program; write a scalar"),
        ("sum(X**2)/X.shape[2]", "X is a matrix; it has no such axis"),
        ("n = X.shape[0]; n = 3; L = sum(X)/n", "n is assigned twice"),
        ("sum((X @ W)**2)/(X @ W).shape[0]", "of a named array: Y = X @ W; n = Y.shape"),
        ("det = X.shape[0]; L = sum(X)/det", "det is a function"),
    ],
)
def test_sizes_that_nothing_has(program: str, why: str) -> None:
    """No size is guessed, and none is that of another array."""
    with pytest.raises(InputError, match=re.escape(why)):
        gradient(program)


@pytest.mark.parametrize("claim", ["X.shape[0]", "len(y)", "N", "y.shape[0]", "len(X)"])
def test_sizes_in_claims(claim: str) -> None:
    """A claim may read sizes off arrays, as code does."""
    assert check(LEAST, "w", f"2*X.T @ (X @ w - y)/{claim}").status == "right"
    assert check(LEAST, "w", f"n = {claim}\ndw = 2*X.T @ (X @ w - y)/n").status == "right"
    assert check(LEAST, "w", f"n = {claim}\ndw = X.T @ (X @ w - y)/n").status == "wrong"


@pytest.mark.parametrize(
    ("program", "wrt", "shapes", "formula"),
    [
        ("sum((X @ t - y).T @ (X @ t - y))/2", "t", COLUMNS, "X.T @ (X @ t - y)"),
        ("(X @ t - y).T @ (X @ t - y)", "t", COLUMNS, "2*X.T @ (X @ t - y)"),
        (
            "(x - A @ s).T @ W @ (x - A @ s)",
            "s",
            {"x": (4, 1), "s": (3, 1)},
            "-A.T @ (W + W.T) @ (x - A @ s)",
        ),
        (
            "a.T @ inv(X) @ b",
            "X",
            {"a": (3, 1), "b": (3, 1)},
            "-inv(X).T @ a @ b.T @ inv(X).T",
        ),
        ("mean(X**2, keepdims=True)", "X", {}, "2*X/(N*D)"),
    ],
)
def test_one_entry_is_a_number(
    program: str, wrt: str, shapes: dict[str, tuple[int, ...]], formula: str
) -> None:
    """A loss of one row and one column is a scalar, and its gradient is as short as in books."""
    assert str(gradient(program, wrt=wrt, shapes=shapes)) == formula
    assert check(program, wrt, formula, shapes=shapes).status == "right"
    assert check(program, wrt, f"2*({formula})", shapes=shapes).status == "wrong"
    assert matderiv.derive(program, wrt=wrt, shapes=shapes).proof.equalities > 2


def test_a_product_of_more_entries_is_no_number() -> None:
    """Only a declared or necessary 1 makes a loss a scalar."""
    with pytest.raises(ShapeError, match="not a scalar"):
        gradient("a.T @ X @ b", wrt="X", shapes={"a": (3, 2), "b": (3, 1)})


def test_evidence_is_at_the_sizes_that_it_names() -> None:
    """Where the claim says N*D, the entry holds 8 at N = 2, D = 4."""
    text = check("mean(X**2)", "X", "X/(N*D)", shapes={"X": (3, 3)}).text()
    assert "here with N = 2, D = 4" in text
    assert "x_11/8" in text


@pytest.mark.parametrize(
    ("program", "shapes", "expected"),
    [
        # a network with one output: the bias and the target are one number in each row
        (
            "H = relu(X @ W1 + b1); Y = H @ W2 + b2; L = sum((Y - T)**2)",
            {"W2": (2, 1)},
            {"b2": (1,), "T": (2, 1), "Y": (2, 1)},
        ),
        ("Y = X @ W; L = sum((Y - T)**2)", {"X": (1, 3)}, {"T": (1, 3)}),
        # a bias that is one row or one column, beside many samples
        ("Y = X @ W + b; L = sum(f(Y))", {"b": (1, 3)}, {"Y": (2, 3)}),
        ("Y = W @ X + b; L = sum(f(Y))", {"b": (3, 1)}, {"Y": (3, 3)}),
        # a sum that keeps its axis is no declared size
        ("Y = X @ W; L = sum((Y - Y.mean(axis=0, keepdims=True) - T)**2)", {}, {"T": (2, 3)}),
    ],
)
def test_what_stands_beside_one_declared_column_is_one_column(
    program: str, shapes: Mapping[str, Any], expected: Mapping[str, Any]
) -> None:
    """A product with a declared 1 is not repeated for an input that nobody declared."""
    found = infer(parse(program), shapes=shapes)
    assert {name: tuple(d.size for d in found[name]) for name in expected} == dict(expected)


def _read_back(program: str, wrt: str, **options: Mapping[str, Any]) -> str:
    """The verdict on all that `gradient` prints."""
    text = printed({wrt: gradient(program, wrt=wrt, **options)})
    report = check(program, wrt, text, **options)
    return "" if report.status == "right" else f"{program}\n{text}{report.text()}"


@pytest.mark.parametrize("entry", table()[:: usually(6, 1)], ids=lambda entry: entry.id)
def test_check_takes_what_gradient_prints(entry: Gradient) -> None:
    """All lines of a gradient, sizes and names of ours among them, with shapes and without."""
    sizes = entry.sizes((4, 3, 5, 2))
    shapes = {name: entry.shape(name, sizes) for name in entry.shapes}
    program = sized(entry.program, sizes)
    assert not _read_back(program, entry.wrt, shapes=shapes, assume=dict(entry.assume))
    ranks = {name: shape for name, shape in shapes.items() if not shape}
    if all(len(shape) == 1 + name[0].isupper() for name, shape in shapes.items() if shape):
        try:
            found = _read_back(entry.program, entry.wrt, shapes=ranks, assume=dict(entry.assume))
        except ShapeError as error:  # a product of sizes says too little about them
            assert "leaves the sizes open" in str(error)
        else:
            assert not found


def test_sizes_of_arrays_that_are_given() -> None:
    """Letters of the program are the sizes of the arrays, 1 among them, or are asked for."""
    deviations = gradient("d = x - mu*ones(n); L = sum(d**2)", wrt="mu")
    assert deviations(x=[7.0], mu=2.0) == -10
    assert deviations(x=[7.0, 1.0], mu=2.0) == -8
    assert gradient("sum(A*ones((n, m)))", wrt="A")(A=[[5.0, 4.0]]).tolist() == [[1, 1]]
    ridge = gradient("tr(eye(n))*sum(w**2)", wrt="w")
    assert ridge(w=[1.0, 2.0], n=5).tolist() == [10, 20]
    with pytest.raises(InputError, match="The size n is that of no array; give it as n=…"):
        ridge(w=[1.0, 2.0])
    with pytest.raises(InputError, match="n is a size; give a whole number"):
        ridge(w=[1.0, 2.0], n=1.5)
    columns = gradient("(X @ t - y).T @ (X @ t - y)", wrt="t", shapes=COLUMNS)
    assert columns(X=[[1.0]], t=[[2.0]], y=[[5.0]]).tolist() == [[-6]]
    declared = gradient("tr(eye(n))*sum(w**2)", wrt="w", sizes={"n": 3})
    assert declared(w=[1.0]).tolist() == [6]


@pytest.mark.parametrize(
    ("program", "shapes", "said"),
    [
        ("sum(f(reshape(X, (n, m)) @ W))", {}, "X is taken to be n×m; for another shape"),
        ("sum(f(X.reshape(8, 3) @ W))", {}, "X is taken to be 8×3; for another shape"),
        ("sum(f(reshape(X, (n, m)) @ W))", {"X": (4, 6)}, "the new sizes are taken to be n×m"),
        ("sum(reshape(X @ W, (n, m))**2)", {}, "the new sizes are taken to be n×m"),
        ("sum(f(reshape(X, (8, 3)) @ W))", {"X": (4, 6)}, ""),
        ("sum(reshape(x, (n, m)) @ W)", {}, ""),
        ("sum(f(ravel(X)))", {}, ""),
    ],
)
def test_sizes_that_a_reshape_leaves_open(
    program: str, shapes: dict[str, tuple[int, ...]], said: str
) -> None:
    """What was taken for the shape is said, unless only one is possible."""
    name = next(letter for letter in "Xx" if letter in program)
    told = " ".join(gradient(program, wrt=name, shapes=shapes).readings)
    assert (said in told) if said else "taken" not in told
