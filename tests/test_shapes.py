"""Shapes: inferred, declared, and refused with the part that does not fit."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matderiv.api import derive, read
from matderiv.errors import InputError, MatderivError
from matderiv.expression.parse import parse
from matderiv.expression.shapes import infer

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
    problem = read("y = theta @ w; L = sum(f(y))", shapes={"theta": (2, 3), "w": (3, 2)})
    assert problem.factors == ("theta", "w")


def test_index_letters_are_no_names_of_the_program() -> None:
    """Beside Q and K, whose entries are q_ij and k_ij, no index is called q or k."""
    for text in ("S = Q @ K.T; L = sum(f(S))", "I = J @ P; L = sum(f(I))"):
        problem = read(text)
        letters = {str(letter) for letter in problem.letters.all}
        assert len(letters) == 5
        assert not letters & {name.lower() for name in problem.program.names()}


def test_letters_of_sizes_are_no_names_of_the_program() -> None:
    """A matrix called N does not share its letter with the number of rows."""
    shapes = infer(parse("M = N @ D; L = sum(f(M))"))
    symbols = {dim.symbol for shape in shapes.values() for dim in shape}
    assert len(symbols) == 3
    assert not symbols & {"M", "N", "D", "L"}


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
        {"X": (2, 3, 4)},
        {},
        ("X has 3 dimensions; at most 2 can be used, such as --shape X=2x4."),
    ),
    (
        "Y = X @ W; L = sum(Y)",
        {"X": 3},
        {},
        ("The shape of X must be a tuple of sizes, such as (2, 4)."),
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
        "Y = X @ w; L = sum(Y)",
        {},
        {},
        (
            "X @ w: w is a vector, and this version derives products of "
            "two matrices only. Declare it as a matrix, such as --shape w=4x1."
        ),
    ),
    (
        "Y = x @ W; L = sum(Y)",
        {},
        {},
        (
            "x @ W: x is a vector, and this version derives products of "
            "two matrices only. Declare it as a matrix, such as --shape x=1x4."
        ),
    ),
    (
        "Y = lam @ W; L = sum(Y)",
        {},
        {},
        ("lam @ W: lam is a scalar, and @ takes matrices. Did you mean lam*W?"),
    ),
    (
        "Y = X @ W + b; L = sum(Y)",
        {},
        {},
        f"Y = X @ W + b is not a product of two matrices; {FORM}",
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
    # no scalar
    (
        "Y = X @ W",
        {},
        {},
        ("The loss Y = X @ W is a matrix, not a scalar. Did you mean Y = sum(f(X @ W))?"),
    ),
    (
        "X.T.T.T @ W",
        {},
        {},
        (
            "The loss L = X.T.T.T @ W is a matrix, not a scalar. Did you mean L = "
            "sum(f(X.T.T.T @ W))?"
        ),
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
    # not this product, not this loss
    (
        "Y = X @ X; L = sum(Y)",
        {},
        {},
        (
            "X @ X uses X twice; this version derives products of two "
            "different matrices. Give the second a name of its own, such as X @ W."
        ),
    ),
    (
        "Y = X @ X.T; L = sum(Y)",
        {},
        {},
        (
            "X @ X.T uses X twice; this version derives products of "
            "two "
            "different matrices. Give the second a name of its own, such as X @ W."
        ),
    ),
    (
        "Y = X @ W; Z = Y @ V; L = sum(Z)",
        {},
        {},
        (
            "Y @ V is a second product; this version derives "
            "programs with one. Derive each by itself, such as Y = X @ W; L = Loss(Y)."
        ),
    ),
    (
        "sum(X @ W @ V)",
        {},
        {},
        (
            "X @ W @ V is a second product; this version derives programs with "
            "one. Derive each by itself, such as Y = X @ W; L = Loss(Y)."
        ),
    ),
    (
        "Y = X @ W; L = sum(X @ W)",
        {},
        {},
        (
            "X @ W is written twice; give it one name and use that, "
            "such as Y = X @ W; L = sum(f(Y))."
        ),
    ),
    (
        "9**9**9**9",
        {},
        {},
        ("L = 9**9**9**9 holds no matrix product; write for example Y = X @ W; L = sum(f(Y))."),
    ),
    (
        "Y = X * W; L = sum(Y)",
        {},
        {},
        (f"Y = X*W is not a product of two matrices; {FORM} Did you mean X @ W?"),
    ),
    (
        "Y = XW; L = sum(Y)",
        {},
        {},
        (f"Y = XW is not a product of two matrices; {FORM} Did you mean X @ W?"),
    ),
    (
        "Y = 2*X @ W; L = sum(Y)",
        {},
        {},
        (
            "2*X is not a matrix or its transpose; this version "
            "derives "
            "products of two matrices, such as X @ W or X @ W.T. Put factors and functions into the "
            "loss."
        ),
    ),
    (
        "Y = L @ W; L = sum(Y)",
        {},
        {},
        (
            "Y and L are defined by each other: Y = L @ W and L = sum(Y). Give one of them a "
            "value without the other."
        ),
    ),
    (
        LINE + "sum(f(Z))",
        {},
        {},
        (
            "L = sum(f(Z)) does not depend on Y; its gradients would all be "
            "0. "
            "Did you mean sum(f(Y))?"
        ),
    ),
    (
        LINE + "lam",
        {},
        {},
        (
            "L = lam does not depend on Y; its gradients would all be 0. Write it "
            "with Y, such as sum(f(Y))."
        ),
    ),
    (
        LINE + "3",
        {},
        {},
        (
            "L = 3 does not depend on Y; its gradients would all be 0. Write it with "
            "Y, such as sum(f(Y))."
        ),
    ),
    (LINE + "sum(Y) + 1", {}, {}, f"sum(Y) + 1 is not derived by this version; {LOSSES}"),
    (
        LINE + "2*(sum(Y) + 1)",
        {},
        {},
        (f"L = 2*(sum(Y) + 1): sum(Y) + 1 is not derived by this version; {LOSSES}"),
    ),
    (
        LINE + "2*Loss(Y)",
        {},
        {},
        (
            "L = 2*Loss(Y): an undefined function stands alone, because any "
            "factor can be part of it. Did you mean L = Loss(Y)?"
        ),
    ),
    (LINE + "sum(sum(Y))", {}, {}, f"sum(Y) inside sum(…) {INSIDE}"),
    (LINE + "sum(f(Y.T))", {}, {}, f"Y.T inside sum(…) {INSIDE}"),
    (
        LINE + "sum(Y*W)",
        {"X": (2, 2), "W": (2, 2)},
        {},
        (
            "W beside Y inside sum(…) is not derived "
            "by "
            "this version; only Y, numbers and scalars such as lam can stand there."
        ),
    ),
    # names that look alike on the page
    (
        "Y = X @ x; L = sum(Y)",
        {"x": (4, 3)},
        {},
        ("X and x cannot be told apart on the page; rename one of the two."),
    ),
    (
        "Y = X_1 @ X1; L = sum(Y)",
        {},
        {},
        ("X1 and X_1 cannot be told apart on the page; rename one of the two."),
    ),
    (
        "y = Y @ W; L = sum(y)",
        {},
        {},
        ("Y and y cannot be told apart on the page; rename one of the two."),
    ),
    (
        "Y = X @ delta; L = sum(Y)",
        {"delta": (4, 3)},
        {},
        ("delta cannot be told from Kronecker's delta on the page; give it another name."),
    ),
    (
        LINE + "sum(e*Y)",
        {"e": ()},
        {},
        ("e cannot be told from the base of exp on the page; give it another name."),
    ),
    # no value
    (LINE + "sum(Y/0)", {}, {}, "Y/0 divides by zero; write another divisor."),
    (LINE + "sum(Y)/(1 - 1)", {}, {}, "sum(Y)/(1 - 1) divides by zero; write another divisor."),
    (LINE + "sum(log(0)*Y)", {}, {}, "log(0)*Y has no finite real value; write one that has."),
    (LINE + "sum(sqrt(-2)*Y)", {}, {}, "sqrt(-2)*Y has no finite real value; write one that has."),
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
        LINE + "sum(Y**1001)",
        {},
        {},
        ("Y**1001: an exponent is at most 1,000 in absolute value; write a smaller one."),
    ),
    (
        LINE + "sum(9**9**9**9*Y)",
        {},
        {},
        ("9**9**9: an exponent is at most 1,000 in absolute value; write a smaller one."),
    ),
    (
        LINE + "sum((1 + Y)**900*(2 + Y)**900)",
        {},
        {},
        (
            "(1 + Y)**900*(2 + Y)**900 has more than "
            "1,500 "
            "terms when it is multiplied out; write a smaller power."
        ),
    ),
    (
        LINE + "sum(Y**0)",
        {},
        {},
        (
            "sum(Y**0) does not depend on Y: it is 1 per entry. Write a "
            "function of Y, such as sum(Y**2)."
        ),
    ),
    (
        LINE + "sum(Y - Y)",
        {},
        {},
        (
            "sum(Y - Y) does not depend on Y: it is 0 per entry. Write a "
            "function of Y, such as sum(Y**2)."
        ),
    ),
    (LINE + "0*sum(Y)", {}, {}, "L = 0*sum(Y) is 0 for every Y; leave out the factor 0."),
]


@pytest.mark.parametrize(("text", "shapes", "sizes", "message"), REFUSED)
def test_what_is_refused(
    text: str, shapes: dict[str, tuple[int, ...]], sizes: dict[str, int], message: str
) -> None:
    """The message names the part and its shape, and says what to write instead."""
    with pytest.raises(MatderivError) as caught:
        read(text, sizes=sizes, shapes=shapes)
    assert isinstance(caught.value, InputError)
    assert str(caught.value) == message
