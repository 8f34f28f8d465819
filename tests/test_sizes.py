"""Sizes as people mean them: what is declared holds, what is not is a letter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
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
        "N = X.shape[0]  # N: the rows of X\ndw = 2*X.T @ (X @ w - y)/N\n"
    )
    found = gradient("sum(X @ W + b)", wrt="b")
    assert str(found) == "N*ones(M)"
    assert {k: found.size_words(k) for k in found.lines} == {
        "N": "the rows of X",
        "M": "the columns of W",
        "db": "",
    }
    assert found.latex().startswith("% N: the rows of X\n% M: the columns of W\n")


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
    assert report.text().endswith("; for every size write N for 5.\n")
    assert '"for_all_sizes": false' in report.json()
    assert check(LEAST, "w", claim).status == "wrong"
    assert check(LEAST, "w", claim.replace("5", "4"), shapes={"X": (5, 3)}).status == "wrong"
    assert check(LEAST, "w", claim.replace(".T", ""), shapes={"X": (5, 5)}).status == "wrong"


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
