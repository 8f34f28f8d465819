"""Shapes: inferred, declared, and refused with the part that does not fit."""

from __future__ import annotations

import re

import pytest
from _gradient_table import Gradient as TableGradient
from _gradient_table import table
from hypothesis import given, settings
from hypothesis import strategies as st
from test_source import EXPRESSIONS

from matderiv.api import derive
from matderiv.calculus.sweep.task import read_task
from matderiv.errors import InputError, MatderivError, ShapeError
from matderiv.expression import nodes
from matderiv.expression.known_shapes import settled, shape_of
from matderiv.expression.parse import parse
from matderiv.expression.program import Assignment, Program
from matderiv.expression.shapes import Dim, infer, read_as
from matderiv.gradients import gradient, printed
from matderiv.handout.readings import reading_texts

LINE = "Y = X @ W; L = "

_SIZES = st.integers(1, 4)


def _sizes_of(text: str, **given_sizes: int) -> dict[str, tuple[int, ...]]:
    shapes = infer(parse(text), sizes=given_sizes)
    return {name: tuple(dim.size for dim in shape) for name, shape in shapes.items()}


@given(_SIZES, _SIZES, _SIZES)
@settings(max_examples=40, deadline=None)
def test_shapes_of_every_form(n: int, d: int, m: int) -> None:
    """N, D and M are the sizes of the product, however its factors are written."""
    for text, a, b in [
        ("Y = A @ B; L = sum(f(Y))", (n, d), (d, m)),
        ("Y = A.T @ B; L = sum(f(Y))", (d, n), (d, m)),
        ("Y = A @ B.T; L = Loss(Y)", (n, d), (m, d)),
        ("Y = A.T @ B.T; L = sum(lam*Y**2)", (d, n), (m, d)),
        ("Y = A.T.T @ B; L = sum(Y*Y)", (n, d), (d, m)),
    ]:
        found = _sizes_of(text, N=n, D=d, M=m)
        assert (found["A"], found["B"], found["Y"], found["L"]) == (a, b, (n, m), ())


@given(_SIZES, _SIZES, _SIZES)
@settings(max_examples=40, deadline=None)
def test_declared_shapes_mean_the_same_as_sizes(n: int, d: int, m: int) -> None:
    """A shape declared for a name settles the sizes that follow from it."""
    declared = infer(parse(LINE + "sum(f(Y))"), shapes={"X": (n, d), "W": (d, m)})
    assert declared == infer(parse(LINE + "sum(f(Y))"), sizes={"N": n, "D": d, "M": m})


def test_defaults_fill_what_is_open() -> None:
    """What nobody says is 2, 4 and 3."""
    assert _sizes_of(LINE + "sum(f(Y))") == {"X": (2, 4), "W": (4, 3), "Y": (2, 3), "L": ()}
    assert infer(parse(LINE + "sum(Y)"), shapes={"W": (5, 6)})["X"][1].size == 5


def test_lower_case_and_greek_names_can_be_matrices() -> None:
    """What a name looks like is only a default."""
    task = read_task("y = theta @ w; L = sum(f(y))", shapes={"theta": (2, 3), "w": (3, 2)})
    assert task.wrt == ("theta", "w")


def test_index_letters_are_no_names_of_the_program() -> None:
    """Beside Q and K, whose entries are q_ij and k_ij, no index is called q or k."""
    for text in ("S = Q @ K.T; L = sum(f(S))", "K = J @ P; L = sum(f(K))"):
        task = read_task(text)
        letters = set(task.letters)
        assert len(letters) >= 5
        assert not letters & {name.lower() for name in task.program.names()}


def test_letters_of_sizes_are_no_names_of_the_program() -> None:
    """A matrix called N does not share its letter with the number of rows."""
    shapes = infer(parse("M = N @ D; L = sum(f(M))"))
    symbols = {dim.symbol for shape in shapes.values() for dim in shape}
    assert len(symbols) == 3
    assert not symbols & {"M", "N", "D", "L"}


@pytest.mark.long
@given(st.permutations(["A", "B", "Q", "U", "W_q", "Key", "x1"]), _SIZES, _SIZES)
@settings(max_examples=8, deadline=None)
def test_renaming_changes_names_only(names: list[str], n: int, d: int) -> None:
    """A program with other names has the same derivation, names aside."""
    y, a, b = names[:3]
    shapes = {name: shape for name, shape in ((a, (n, d)), (b, (d, 2))) if name == "x1"}
    sizes = {"N": n, "D": d, "M": 2}
    plain = derive("Y = A @ B; L = sum(f(Y))", sizes=sizes)
    renamed = derive(f"{y} = {a} @ {b}; L = sum(f({y}))", sizes=sizes, shapes=shapes)
    assert renamed.formulas == {a: f"d{y} @ {b}.T", b: f"{a}.T @ d{y}"}
    assert renamed.proof == plain.proof
    assert [(s.kind, len(s.chains)) for s in renamed.steps] == [
        (s.kind, len(s.chains)) for s in plain.steps
    ]


# -- the whole language ----------------------------------------------------------------------

WHOLE = [
    # program, the letters of the sizes of each input
    ("r = X @ w - y; r @ r + lam*(w @ w)", {"X": "N D", "w": "D", "y": "N", "lam": ""}),
    ("sum(f(X @ W + b))", {"X": "N D", "W": "D M", "b": "M"}),
    ("x @ A @ x", {"x": "D", "A": "D D"}),
    ("x @ A @ y", {"x": "D", "A": "D M", "y": "M"}),
    ("logdet(X.T @ X)", {"X": "D N"}),
    ("trace(inv(A) @ B)", {"A": "N N", "B": "N N"}),
    ("sum(outer(x, y)*B)", {"x": "N", "y": "D", "B": "N D"}),
    ("sum(diag(x) - A)", {"x": "N", "A": "N N"}),
    ("sum(diag(A) - x)", {"x": "N", "A": "N N"}),
    ("sum(X - mean(X, axis=0, keepdims=True))", {"X": "N D"}),
    ("sum(x - sum(X, axis=1))", {"X": "N D", "x": "N"}),
    ("sum(softmax(X @ W, axis=-1)*T)", {"X": "N D", "W": "D M", "T": "N M"}),
    ("x.T @ x", {"x": "D"}),
    ("sum(eye(K) @ X)", {"X": "K M"}),
    ("sum(ones(K) @ X)", {"X": "K M"}),
    ("sum(eye(3) @ X)", {"X": "3 M"}),
    ("norm(A @ B - C)", {"A": "N D", "B": "D M", "C": "N M"}),
    ("H = relu(X @ U); sum(H @ V)", {"X": "N D", "U": "D M", "V": "M K"}),
]


@pytest.mark.parametrize(("text", "letters"), WHOLE)
def test_shapes_follow_from_use(text: str, letters: dict[str, str]) -> None:
    """Every use says which sizes are equal; sizes with different letters are different."""
    shapes = infer(parse(text))
    found = {name: [dim.symbol for dim in shapes[name]] for name in letters}
    assert found == {name: symbols.split() for name, symbols in letters.items()}
    dims = {dim for shape in shapes.values() for dim in shape}
    assert len({dim.symbol for dim in dims}) == len({dim.size for dim in dims}) == len(dims)


def test_no_matrix_is_square_by_accident() -> None:
    """With many sizes some are equal by default, but never the two of one matrix."""
    layers = "; ".join(f"H{n + 1} = relu(H{n} @ W{n})" for n in range(40))
    shapes = infer(parse(f"{layers}; sum(H40)"))
    assert all(len({dim.size for dim in shapes[f"W{n}"]}) == 2 for n in range(40))


def test_a_size_of_1_is_repeated_and_has_no_letter() -> None:
    """A statement in which a row is repeated holds for a 1, not for every size."""
    shapes = infer(parse("sum(X*R)"), shapes={"X": (2, 4), "R": (1, 4)})
    assert shapes["R"] == (Dim("1", 1), shapes["X"][1])
    assert infer(parse("Y = X @ W; sum(Y)"), sizes={"N": 1})["X"][0] == Dim("N", 1)


def test_sizes_of_letters_that_the_program_writes() -> None:
    """A letter of eye and ones is a size like N, D and M, and is given like them."""
    assert _sizes_of("sum(eye(K) @ X)", K=7)["X"][0] == 7
    assert _sizes_of("Y = X @ W; sum(Y*ones((N, M)))", N=5)["Y"] == (5, 3)


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("dY @ W.T", "N D"),
        ("X.T @ dY", "D M"),
        ("sum(dY, axis=0)", "M"),
        ("sum(dY, axis=0, keepdims=True)", "1 M"),
        ("eye(D) @ W", "D M"),
        ("outer(ones(3), ones(N))", "3 N"),
        ("dL*W", "D M"),
        ("X.T @ dY/N", "D M"),
        ("L", ""),
    ],
)
def test_the_shape_of_any_expression(text: str, shape: str) -> None:
    """Later stages ask for shapes of formulas, in which dY is the gradient by Y."""
    shapes = infer(parse("Y = X @ W; L = sum(f(Y))"))
    value = parse(f"Z = {text}").loss.value
    assert [dim.symbol for dim in shape_of(value, shapes)] == shape.split()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "dY @ W",
            "dY @ W: dY is 2×3 but W is 4×3; the inner sizes 3 and 4 differ. Did you mean dY @ W.T?",
        ),
        ("dX @ Wt", "Wt has no shape. Names with one are: X, W, Y, L. Did you mean W?"),
        (
            "eye(K)",
            "The size K is not known; the sizes here: D, M, N. Write one of them, or a number.",
        ),
    ],
)
def test_expressions_that_have_no_shape(text: str, message: str) -> None:
    """A formula about a program is refused with the same words as the program itself."""
    shapes = infer(parse("Y = X @ W; L = sum(f(Y))"))
    with pytest.raises(InputError) as caught:
        shape_of(parse(f"Z = {text}").loss.value, shapes)
    assert str(caught.value) == message


def test_axes_are_settled() -> None:
    """Later stages see axis 0, axis 1 or none."""
    program = parse("y = sum(X, axis=-1); L = sum(y, axis=0) + norm(y, 2) + sum(X.mean(-2))")
    known = settled(program, infer(program)).source()
    assert known == "y = sum(X, axis=1); L = sum(y) + norm(y) + sum(mean(X, axis=0))"


@pytest.mark.long
@given(EXPRESSIONS)
@settings(max_examples=200, deadline=None)
def test_any_tree_has_shapes_or_an_error_that_says_why(tree: nodes.Node) -> None:
    """Whatever does not fit is refused as input, in one line."""
    try:
        infer(Program((Assignment("L", tree),)))
    except InputError as error:
        assert "\n" not in str(error)
        assert str(error).endswith((".", "?"))


@pytest.mark.parametrize(
    ("text", "dimensions"),
    [
        ("sum((X @ theta - y)**2)", {"theta": 1, "y": 1}),
        ("sum((X @ beta - y)**2)/(2*m)", {"beta": 1, "m": 0}),
        ("sum(x)/n", {"x": 1, "n": 0}),
        ("sum((X @ w - y)**2)/N", {"N": 0}),
        ("det(x)", {"x": 2}),
        ("sum(sum(x, axis=1))", {"x": 2}),
    ],
)
def test_one_reading_that_fits_is_taken_and_said(text: str, dimensions: dict[str, int]) -> None:
    """What a name looks like gives way where only other dimensions fit."""
    program = parse(text)
    shapes = infer(program, scalar=True)
    assert {name: len(shapes[name]) for name in dimensions} == dimensions
    usual = {"y": 1, "x": 1}
    changed = {n for n, k in dimensions.items() if k != usual.get(n)}
    told = {n for r in read_as(program, shapes, scalar=True) for n in r.names}
    assert changed <= told == set(program.inputs())


@pytest.mark.parametrize(
    ("text", "readings"),
    [
        (
            "(x - mu) @ inv(S) @ (x - mu)",
            [("matrices", ("S",), ""), ("vectors", ("x", "mu"), "mu")],
        ),
        ("norm(x - mu)**2 + sum(outer(x - nu, x))", [("vectors", ("x", "mu", "nu"), "mu")]),
        (
            "d = x - mu; L = logdet(S) + d @ inv(S) @ d",
            [("matrices", ("S",), ""), ("vectors", ("x", "mu"), "mu")],
        ),
        (
            "sum(f(Q @ K.T/sqrt(d_k)))/2",
            [("matrices", ("Q", "K"), ""), ("scalars", ("d_k",), "d_k")],
        ),
        ("sum((x - mean(x))**2)/(n - 1)", [("vectors", ("x",), ""), ("scalars", ("n",), "")]),
        (
            "sum((x - mu)**2)/sigma**2",
            [("vectors", ("x",), ""), ("scalars", ("mu", "sigma"), "mu")],
        ),
        ("sum(X @ W + beta)", [("matrices", ("X", "W"), ""), ("scalars", ("beta",), "beta")]),
        ("sum((w*x + b - y)**2)", [("vectors", ("w", "x", "b", "y"), "w")]),
        (
            "norm(A*x - B)",
            [("matrices", ("A", "B"), ""), ("vectors", ("x",), "x"), ("rows", ("x",), "A @ x")],
        ),
        ("tr(X**2 @ B)", [("convention", ("X", "B"), ""), ("power", (), "X @ X")]),
        ("tr((X**3).T)", [("convention", ("X",), ""), ("power", (), "X @ X @ X")]),
        ("tr(X**-1)", [("convention", ("X",), ""), ("reciprocal", (), "inv(X)")]),
        ("logdet(1/X)", [("convention", ("X",), ""), ("reciprocal", (), "inv(X)")]),
        (
            "sum((x @ u.T - A)**2)",
            [("convention", ("x", "u", "A"), ""), ("inner", (), "outer(x, u)")],
        ),
        ("sum(f(X @ W)) + lam*sum(W**2)", [("convention", ("X", "W", "lam"), "")]),
        ("x @ A @ x", [("convention", ("x", "A"), "")]),
        (
            "(x - mu*ones(n)) @ S @ (x - mu*ones(n))",
            [("convention", ("x", "mu", "S"), "")],
        ),
        ("(x - mu) @ (x - mu) + mu**2", [("convention", ("x", "mu"), "")]),
    ],
)
def test_where_two_readings_fit_it_is_said_which_is_taken(
    text: str, readings: list[tuple[str, tuple[str, ...], str]]
) -> None:
    """Names of sizes that divide are numbers; mu beside a vector in a matrix product is one."""
    program = parse(text)
    found = read_as(program, infer(program, scalar=True), scalar=True)
    assert [(r.kind, r.names, r.other) for r in found] == readings
    assert len(reading_texts(found)) == len(reading_texts(found, "zh")) == len(readings)


def test_what_is_declared_is_no_guess() -> None:
    """Nothing is said about a name whose shape was given."""
    program = parse("norm(A*x - B)/sqrt(d)")
    shapes = {"x": (3,), "d": ()}
    known = infer(program, shapes=shapes, scalar=True)
    assert [r.kind for r in read_as(program, known, shapes, scalar=True)] == [
        "convention",
        "rows",
    ]


def test_an_outer_product_is_not_taken_for_a_number() -> None:
    """What is suggested in place of x uᵀ does not change the mathematics."""
    with pytest.raises(ShapeError, match=r"Did you mean outer\(x, u\) @ A\?"):
        infer(parse("norm(x @ u.T @ A - B)"), scalar=True)
    with pytest.raises(ShapeError, match=r"Did you mean L = sum\(X @ theta\)\?"):
        infer(parse("X @ theta"), scalar=True)


@pytest.mark.parametrize("text", ["X @ W", "x**2", "n*sum(n)", "a*x", "L = norm(X, 3)"])
def test_no_reading_is_guessed_where_a_sum_may_be_missing(text: str) -> None:
    """A loss that is no scalar is one by a scalar factor alone, beside other arrays."""
    with pytest.raises(MatderivError):
        infer(parse(text), scalar=True)


MISMATCH = "X @ W: X is 2×4 but W is 3×4; the inner sizes 4 and 3 differ. Did you mean X @ W.T?"
FORM = "this version derives programs of the form Y = X @ W; L = loss of Y."
LOSSES = (
    "a loss is sum(…) of a function of each entry of Y, times a number, or an undefined function "
    "of the whole matrix such as Loss(Y)."
)
INSIDE = "is not derived by this version; inside sum(…) stands a function of each entry of Y."

REFUSED = [
    # program, shapes, sizes, message
    ("Y = X @ W; L = sum(Y)", {"X": (2, 4), "W": (3, 4)}, {}, MISMATCH),
    (
        "Y = X @ W; L = sum(Y)",
        {"X": (4, 2), "W": (4, 3)},
        {},
        ("X @ W: X is 4×2 but W is 4×3; the inner sizes 2 and 4 differ. Did you mean X.T @ W?"),
    ),
    (
        "Y = X @ W; L = sum(Y)",
        {"X": (2, 4), "W": (5, 2)},
        {},
        ("X @ W: X is 2×4 but W is 5×2; the inner sizes 4 and 5 differ. Did you mean W @ X?"),
    ),
    (
        "Y = X @ W.T; L = sum(Y)",
        {"X": (2, 4), "W": (4, 3)},
        {},
        ("X @ W.T: X is 2×4 but W.T is 3×4; the inner sizes 4 and 3 differ. Did you mean X @ W?"),
    ),
    (
        "Y = X @ W; L = sum(Y)",
        {"X": (2, 4), "W": (5, 7)},
        {},
        (
            "X @ W: X is 2×4 but W is 5×7; the "
            "inner sizes 4 and 5 differ. The columns of X must be as many as the rows of W."
        ),
    ),
    (
        "Y = X @ W; L = sum(Y)",
        {"X": (2, 4)},
        {"N": 3},
        (
            "N = 3 does not fit: this size is 2 "
            "already, "
            "by a declared shape or because the program makes two sizes equal. Leave out N, or give it "
            "2."
        ),
    ),
    (
        "Y = X @ W; L = sum(Y)",
        {},
        {"N": 0},
        ("N is 0; a size is a whole number from 1 to 1,000,000,000."),
    ),
    (
        "Y = X @ W; L = sum(Y)",
        {},
        {"D": -2},
        ("D is -2; a size is a whole number from 1 to 1,000,000,000."),
    ),
    (
        "Y = X @ W; L = sum(Y)",
        {},
        {"M": 2.5},
        ("M is 2.5; a size is a whole number from 1 to 1,000,000,000."),
    ),
    (
        "Y = X @ W; L = sum(Y)",
        {},
        {"M": True},
        ("M is True; a size is a whole number from 1 to 1,000,000,000."),
    ),
    (
        "Y = X @ W; L = sum(Y)",
        {},
        {"N": 10**10},
        ("N is 10000000000; a size is a whole number from 1 to 1,000,000,000."),
    ),
    ("Y = X @ W; L = sum(Y)", {}, {"Q": 3}, "Q is not a size; the sizes are N, D and M."),
    (
        "L = sum(f(X))",
        {},
        {"N": 3},
        (
            "-N gives a size of a matrix product, and the program holds "
            "none; write one, such as Y = X @ W."
        ),
    ),
    (
        "Y = X @ W; L = sum(Y)",
        {"X": (2, 0)},
        {},
        ("The shape of X holds 0; a size is a whole number from 1 to 1,000,000,000."),
    ),
    (
        "Y = X @ W; L = sum(Y)",
        {"X": (2,) * 9},
        {},
        "X has 9 dimensions; an input has at most 8.",
    ),
    (
        "Y = X @ W; L = sum(Y)",
        {"Y": (2, 3)},
        {},
        ("--shape Y: Y is assigned; its shape follows. Inputs are: X, W."),
    ),
    (
        "Y = X @ W; L = sum(Y)",
        {"Q": (2, 3)},
        {},
        ("--shape Q: Q is not in the program. Inputs are: X, W."),
    ),
    (
        "Y = lam @ W; L = sum(Y)",
        {},
        {},
        ("lam @ W: lam is a scalar, and @ takes matrices. Did you mean lam*W?"),
    ),
    (
        LINE + "sum(Y*X)",
        {"X": (2, 4), "W": (4, 3)},
        {},
        (
            "Y*X: Y is 2×3 but X is 2×4; entry by entry, sizes must be equal or 1. "
            "Declare others with --shape."
        ),
    ),
    # the whole language
    (
        "L = sum(X*B)",
        {"X": (2, 4), "B": (4, 2)},
        {},
        (
            "X*B: X is 2×4 but B is 4×2; entry by entry, sizes must be equal or 1. Did you mean X*B.T?"
        ),
    ),
    (
        "L = sum(X + b)",
        {"X": (2, 4), "b": (2,)},
        {},
        (
            "X + b: X is 2×4 but b is a vector of 2; a vector goes with each row, and the rows of X have 4 entries, not 2. For a column, declare --shape b=2x1."
        ),
    ),
    (
        "L = sum(X + b)",
        {"X": (2, 4), "b": (3,)},
        {},
        (
            "X + b: X is 2×4 but b is a vector of 3; a vector goes with each row, and the rows of X have 4 entries, not 3."
        ),
    ),
    (
        "L = sum(X @ b)",
        {"X": (2, 4), "b": (2,)},
        {},
        (
            "X @ b: X is 2×4 but b is a vector of 2; the inner sizes 4 and 2 differ. Did you mean X.T @ b?"
        ),
    ),
    (
        "L = sum(b @ X)",
        {"X": (2, 4), "b": (4,)},
        {},
        (
            "b @ X: b is a vector of 4 but X is 2×4; the inner sizes 4 and 2 differ. Did you mean b @ X.T?"
        ),
    ),
    (
        "L = sum(X @ b)",
        {"X": (2, 4), "b": (3,)},
        {},
        (
            "X @ b: X is 2×4 but b is a vector of 3; the inner sizes 4 and 3 differ. b must have as many entries as X has columns."
        ),
    ),
    (
        "L = b @ c",
        {"b": (2,), "c": (3,)},
        {},
        (
            "b @ c: b is a vector of 2 but c is a vector of 3; the sizes 2 and 3 differ. Did you mean outer(b, c)?"
        ),
    ),
    (
        "L = sum(inv(X))",
        {"X": (2, 4)},
        {},
        (
            "inv(X): X is 2×4, which is not square; the inverse is that of a square matrix. Did you mean inv(X @ X.T)?"
        ),
    ),
    (
        "L = det(X)",
        {"X": (4, 2)},
        {},
        (
            "det(X): X is 4×2, which is not square; the determinant is that of a square matrix. Did you mean det(X.T @ X)?"
        ),
    ),
    (
        "L = logdet(X)",
        {"X": (4, 2)},
        {},
        (
            "logdet(X): X is 4×2, which is not square; the determinant is that of a square matrix. Did you mean logdet(X.T @ X)?"
        ),
    ),
    (
        "L = tr(X)",
        {"X": (2, 4)},
        {},
        (
            "trace(X): X is 2×4, which is not square; the trace is that of a square matrix. Did you mean trace(X @ X.T)?"
        ),
    ),
    (
        "L = sum(diag(X))",
        {"X": (2, 4)},
        {},
        (
            "diag(X): X is 2×4, which is not square; diag takes the diagonal of a square matrix. Did you mean diag(X @ X.T)?"
        ),
    ),
    (
        "L = inv(lam)",
        {},
        {},
        ("inv(lam): lam is a scalar; the inverse is that of a square matrix. Did you mean 1/lam?"),
    ),
    (
        "L = sum(diag(lam))",
        {},
        {},
        (
            "diag(lam): lam is a scalar; diag takes a vector or a square matrix. Declare --shape lam=3."
        ),
    ),
    (
        "L = sum(outer(X, y))",
        {},
        {},
        ("outer(X, y): X is a matrix; outer takes two vectors. Declare --shape X=3."),
    ),
    (
        "L = sum(outer(lam, y))",
        {},
        {},
        ("outer(lam, y): lam is a scalar; outer takes two vectors. Did you mean lam*y?"),
    ),
    (
        "L = norm(X, 3)",
        {},
        {},
        (
            "norm(X, 3): X is a matrix, and such a norm of a matrix is not in the language. Did you mean norm(X), the Frobenius norm?"
        ),
    ),
    ("L = norm(lam)", {}, {}, ("norm(lam): lam is a scalar. Did you mean abs(lam)?")),
    (
        "L = sum(lam, axis=0)",
        {},
        {},
        ("sum(lam, axis=0): lam is a scalar; it has no axis. Leave the axis out."),
    ),
    (
        "L = softmax(x, axis=1)",
        {},
        {},
        ("softmax(x, axis=1): x is a vector; its only axis is 0. Leave the axis out."),
    ),
    (
        "L = sum(X, axis=0)",
        {},
        {},
        ("The loss L = sum(X, axis=0) is a vector, not a scalar. Did you mean L = sum(X)?"),
    ),
    (
        "L = x",
        {"x": (3,)},
        {},
        ("The loss L = x is a vector of 3, not a scalar. Did you mean L = sum(x)?"),
    ),
    (
        "Y = Z @ W; Z = Y @ V; L = sum(Z)",
        {},
        {},
        (
            "Y and Z are defined by each other: Y = Z @ W and Z = Y @ V. Give one of them a value without the other."
        ),
    ),
    (
        "Y = Z @ W; Z = X @ V; L = sum(Y)",
        {},
        {},
        ("Z is used before it is assigned; exchange the two assignments."),
    ),
    ("L = sum(ones((4, 4)) + eye(N))", {}, {}, ("N is 4 in this program; write the number.")),
    (
        "L = sum(eye(N) @ eye(K))",
        {},
        {},
        ("N and K are the same size in this program; write N for both."),
    ),
    (
        "Y = X @ W; L = sum(Y) + trace(eye(N) @ eye(3))",
        {"X": (2, 4)},
        {},
        (
            "N is 2 in X @ W but 3 elsewhere; N, D and M are the sizes of the first product. Write another letter, such as K."
        ),
    ),
    (
        "Y = X @ W; L = sum(X @ eye(N))",
        {"X": (2, 4)},
        {},
        (
            "N is 2 in X @ W but 4 elsewhere; N, D and M are the sizes of the first product. Write another letter, such as K."
        ),
    ),
    (
        "Y = X @ Weight; L = sum(Y)",
        {"Wieght": (4, 3)},
        {},
        (
            "--shape Wieght: Wieght is not in the program. Inputs are: X, Weight. Did you mean Weight?"
        ),
    ),
    # no scalar
    (
        "Y = X @ W",
        {},
        {},
        ("The loss Y = X @ W is a matrix, not a scalar. Did you mean Y = sum(X @ W)?"),
    ),
    (
        "X.T.T.T @ W",
        {},
        {},
        ("The loss L = X.T.T.T @ W is a matrix, not a scalar. Did you mean L = sum(X.T.T.T @ W)?"),
    ),
    (
        LINE + "f(Y)",
        {},
        {},
        ("The loss L = f(Y) is a matrix, not a scalar. Did you mean L = sum(f(Y))?"),
    ),
    (
        "f(X @ W)",
        {},
        {},
        ("The loss L = f(X @ W) is a matrix, not a scalar. Did you mean L = sum(f(X @ W))?"),
    ),
    (
        LINE + "Y",
        {"X": (2, 4), "W": (4, 3)},
        {},
        ("The loss L = Y is 2×3, not a scalar. Did you mean L = sum(Y)?"),
    ),
    (LINE + "x", {}, {}, "The loss L = x is a vector, not a scalar. Did you mean L = sum(x)?"),
    (
        "L = log(1 + exp(-y*(w @ x)))",
        {},
        {},
        (
            "The loss L = log(1 + exp(-y*(w @ x))) is a vector, not a scalar. Did you mean "
            "L = sum(log(1 + exp(-y*(w @ x))))? Or, if y is a scalar, declare it: --shape y=scalar."
        ),
    ),
    # not this product, not this loss
    ("9**9**9**9", {}, {}, "9**9**9 is a number of more than 1,200 digits; write a smaller one."),
    (
        "Y = L @ W; L = sum(Y)",
        {},
        {},
        (
            "Y and L are defined by each other: Y = L @ W and L = sum(Y). Give one of them a "
            "value without the other."
        ),
    ),
    # no value
    (LINE + "sum(Y/0)", {}, {}, "Y/0 divides by zero; write another divisor."),
    (LINE + "sum(Y)/(1 - 1)", {}, {}, "sum(Y)/(1 - 1) divides by zero; write another divisor."),
    (LINE + "sum(log(0)*Y)", {}, {}, "log(0) has no finite real value; write one that has."),
    (LINE + "sum(sqrt(-2)*Y)", {}, {}, "sqrt(-2) has no finite real value; write one that has."),
    (
        LINE + "sum((-2)**Y)",
        {},
        {},
        ("(-2)**Y: the base of such a power must be positive; write a positive number."),
    ),
    (
        LINE + "sum(0**Y)",
        {},
        {},
        ("0**Y: the base of such a power must be positive; write a positive number."),
    ),
    (
        LINE + "sum(9**9**9**9*Y)",
        {},
        {},
        "9**9**9 is a number of more than 1,200 digits; write a smaller one.",
    ),
    ("sum(X)*0**(-1)", {}, {}, "0**-1 divides by zero; write another base."),
    (
        "sum(X)*(2 - 4)**(1/2)",
        {},
        {},
        "(2 - 4)**(1/2) has no finite real value; write one that has.",
    ),
    (
        "sum(X)/(1 - relu(1))",
        {},
        {},
        "sum(X)/(1 - relu(1)) divides by zero; write another divisor.",
    ),
]


@pytest.mark.parametrize(("text", "shapes", "sizes", "message"), REFUSED)
def test_what_is_refused(
    text: str, shapes: dict[str, tuple[int, ...]], sizes: dict[str, int], message: str
) -> None:
    """The message names the part and its shape, and says what to write instead."""
    with pytest.raises(MatderivError) as caught:
        read_task(text, sizes=sizes, shapes=shapes, scalar=True)
    assert isinstance(caught.value, InputError)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    "more", ["a - ", "-n/2*log(2*pi) - ", "a*logdet(Sigma) - ", "-n/2*logdet(Sigma) - ", ""]
)
def test_one_more_term_does_not_change_what_a_greek_name_is(more: str) -> None:
    """Such as mu in a difference that is multiplied by a matrix: it has the shape of the other part."""
    program = parse(f"{more}1/2*(x - mu) @ inv(Sigma) @ (x - mu)")
    found = infer(program, scalar=True)
    assert found["mu"] == found["x"]
    assert len(found["mu"]) == 1
    told = read_as(program, found, scalar=True)
    assert any(reading.other == "mu" for reading in told)


@pytest.mark.parametrize(
    ("program", "size"),
    [
        ("norm(A - lam*I)**2", "n"),
        ("b @ inv(A.T @ A + lam*I) @ b", "n"),
        ("sum(A @ I)/n", "m"),
    ],
)
def test_the_identity_is_no_free_matrix(program: str, size: str) -> None:
    """I without a shape of its own is refused with the line that works; declared, it is a matrix."""
    with pytest.raises(InputError, match=rf"write eye\({size}\);"):
        gradient(program, wrt="A")
    assert gradient(program.replace("I", f"eye({size})"), wrt="A").formula
    assert gradient(program, wrt="A", shapes={"I": (3, 3)}).formula


@pytest.mark.parametrize(
    ("program", "glued"),
    [
        ("norm(Ax - b)**2 + lam*norm(x)**2", (("Ax", "A @ x"),)),
        ("sum((Xw - y)**2) + w @ w", (("Xw", "X @ w"),)),
        ("sum(XW) + sum(W)", (("XW", "X @ W"),)),
        ("sum(f(x @ Wx + h @ Wh))", ()),  # factors are matrices with names of their own
        ("sum(f(Wx.T @ x))", ()),
        ("sum(Ax - b)", ()),  # no x beside it
    ],
)
def test_a_name_that_may_be_a_product_is_told(
    program: str, glued: tuple[tuple[str, str], ...]
) -> None:
    """Ax beside x is one name, and the answer says so."""
    read = parse(program)
    found = read_as(read, infer(read), scalar=True)
    assert tuple((r.part, r.other) for r in found if r.kind == "glued") == glued
    declared = {name for name, _ in glued}
    found = read_as(read, infer(read), declared, scalar=True)
    assert not any(r.kind == "glued" for r in found)


def test_a_power_of_a_scalar_beside_an_array_is_told() -> None:
    """The mean mu of a variational autoencoder, a vector beside logvar, is told to be a number."""
    program = parse("-sum(1 + logvar - mu**2 - exp(logvar))/2")
    found = read_as(program, infer(program), scalar=True)
    assert [(r.kind, r.names, r.other) for r in found] == [
        ("vectors", ("logvar",), ""),
        ("scalars", ("mu",), "mu"),
    ]


_KINDS = ("scalars", "vectors", "matrices")


@pytest.mark.parametrize("row", table()[::4], ids=lambda row: row.program)
def test_every_name_that_nobody_declared_is_told(row: TableGradient) -> None:
    """Each undeclared input of up to two axes is told with its kind, a declared one is not."""
    inputs = parse(row.program).inputs()
    try:
        task = read_task(row.program, scalar=True)
    except InputError:
        return  # it needs a shape
    told = {
        name: reading.kind if not reading.dimensions else _KINDS[reading.dimensions[k]]
        for reading in task.readings
        for k, name in enumerate(reading.names)
        if reading.kind in ("convention", *_KINDS)
    }
    guessed = {n: len(task.shapes[n]) for n in inputs if len(task.shapes[n]) < len(_KINDS)}
    assert told == {name: _KINDS[number] for name, number in guessed.items()}
    said = " ".join(reading_texts(task.readings))
    assert all(re.search(rf"(?<!\w){name}(?!\w)", said) for name in guessed)


def test_declared_shapes_are_not_told_again() -> None:
    """With every shape declared nothing is said of names; pages and code show shapes anyway."""
    text = "sum((X @ w - y)**2)"
    found = gradient(text, wrt="w", shapes={"X": (5, 3), "w": (3,), "y": (5,)})
    assert found.readings == ()
    found = gradient(text, wrt="w", shapes={"X": (5, 3)})
    assert found.readings == ("w, y: vectors",)
    found = gradient(text, wrt="w")
    assert found.readings == ("X: a matrix; w, y: vectors",)
    assert printed({"w": found}).startswith("# X: a matrix; w, y: vectors\n")
    assert printed({"w": found}, "latex").startswith("% X: a matrix; w, y: vectors\n")
    for target in ("numpy", "torch", "jax", "sympy"):
        assert "vectors" not in found.code(target)
    assert not any("vectors" in said for said in derive(text).readings)
