"""Reading programs: what is in the language, and what is said about the rest."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matderiv.api import derive
from matderiv.calculus.sweep.task import read_task
from matderiv.errors import InputError, MatderivError, ProgramSyntaxError, UnsupportedError
from matderiv.expression import nodes
from matderiv.expression.foreign import elsewhere, names_elsewhere
from matderiv.expression.libraries import CALLS
from matderiv.expression.numeric import numeric_value
from matderiv.expression.parse import parse
from matderiv.expression.shapes import infer
from matderiv.expression.vocabulary import ARRAY_METHODS, KNOWN, misspelt
from matderiv.gradients import gradient

LINE = "Y = X @ W; L = "

# -- what is read ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("Y = X @ W; L = sum(f(Y))", "Y = X @ W; L = sum(f(Y))"),
        ("Y=X@W;L=sum(f(Y))", "Y = X @ W; L = sum(f(Y))"),
        ("  Y = X @ W\n\n    L = sum(f(Y))\n", "Y = X @ W; L = sum(f(Y))"),
        ("Y = X @ W\r\nL = sum(f(Y))\r\n", "Y = X @ W; L = sum(f(Y))"),
        ("Y = X @ W  # the product\nL = sum(f(Y))  # the loss", "Y = X @ W; L = sum(f(Y))"),
        ("Y = X @ W;\tL = sum(f(Y));", "Y = X @ W; L = sum(f(Y))"),
        ("L = sum(f(\n  X @ W\n))", "L = sum(f(X @ W))"),
        ("sum(f(X @ W))", "L = sum(f(X @ W))"),
        ("L = X @ W; sum(L)", "L = X @ W; J = sum(L)"),
        ("sum(+Y)", "L = sum(Y)"),
        ("sum(--Y)", "L = sum(--Y)"),
        ("sum(-2*Y)", "L = sum(-2*Y)"),
        ("sum(0.1*Y)", "L = sum(0.1*Y)"),
        ("sum(1e3*Y)", "L = sum(1000*Y)"),
        ("sum(1_000*Y)", "L = sum(1000*Y)"),
        ("sum(0x10*Y)", "L = sum(16*Y)"),
        ("sum(X.T.T)", "L = sum(X.T.T)"),
        ("X.sum(0).sum()", "L = sum(sum(X, axis=0))"),
        ("sum(X, -1, keepdims=True)", "L = sum(X, axis=-1, keepdims=True)"),
        ("mean(X, axis=None)", "L = mean(X)"),
        ("X.mean(axis=1, keepdims=False)", "L = mean(X, axis=1)"),
        ("X.prod() + X.trace() + tr(X)", "L = prod(X) + trace(X) + trace(X)"),
        ("X.dot(W).dot(V)", "L = X @ W @ V"),
        ("X.dot(W + V)", "L = X @ (W + V)"),
        ("softmax(X, 1)", "L = softmax(X, axis=1)"),
        ("norm(x, ord=2) + norm(X)", "L = norm(x, 2) + norm(X)"),
        ("inv(eye(3)) @ ones((N, 2))", "L = inv(eye(3)) @ ones((N, 2))"),
        ("outer(x, ones(n))", "L = outer(x, ones(n))"),
    ],
)
def test_programs_that_are_read(text: str, source: str) -> None:
    """Layout, comments and ways to write a number do not matter; the tree does."""
    assert parse(text).source() == source


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("np.sum(jnp.exp(X) + torch.relu(X))", "sum(exp(X) + relu(X))"),
        ("np.linalg.norm(np.dot(X, w) - y)", "norm(X @ w - y)"),
        ("np.linalg.det(np.linalg.inv(A))", "det(inv(A))"),
        ("F.softmax(F @ x, axis=0) @ y + F.sum()", "softmax(F @ x, axis=0) @ y + sum(F)"),
        ("X.T.dot(y) @ w", "X.T @ y @ w"),
        ("sum(X.t() @ y + X.transpose() @ y)", "sum(X.T @ y + X.T @ y)"),
        ("sum((X @ w - y)^2)/2", "sum((X @ w - y)**2)/2"),
        ("x' @ A @ x + x^T@x", "x.T @ A @ x + x.T @ x"),
        ("(A + B)'@x", "(A + B).T @ x"),
        ("sum(2·x + lam·x + x·3)", "sum(2*x + lam*x + x*3)"),
        ("x·y + sum(A·B)", "x @ y + sum(A @ B)"),
        ("sum(A⊙B − 2×A)", "sum(A*B - 2*A)"),
        ("xᵀ @ A @ x + ‖X‖_F²", "x.T @ A @ x + norm(X)**2"),
        ("‖X @ w − y‖² + λ*‖w‖²", "norm(X @ w - y)**2 + lam*norm(w)**2"),
        ("Σ(x³) + λ_1*x @ inv(Σ) @ x", "sum(x**3) + (lam_1*x) @ inv(Sigma) @ x"),
        ("sum(x)*np.pi + π", "sum(x)*pi + pi"),
        ("sum(F.softmax(X, dim=1))", "sum(softmax(X, axis=1))"),
        ("sum(X.mean(dim = -1, keepdim=True))", "sum(mean(X, axis=-1, keepdims=True))"),
        ("||X @ w - y||^2 + lam ||w||_1", "norm(X @ w - y)**2 + lam*norm(w, 1)"),
        ("‖A @ x − b‖² + λ‖x‖²/2", "norm(A @ x - b)**2 + lam*norm(x)**2/2"),
        ("L(w, b) = sum((X @ w + b)^2)", "sum((X @ w + b)**2)"),
        ("sum((1 - y*(X @ w + b))_+)", "sum(relu(1 - y*(X @ w + b)))"),
        ("torch.nn.functional.mse_loss(X, Y)", "mean((X - Y)**2)"),
        ("jax.numpy.sum(jax.nn.relu(X))", "sum(relu(X))"),
        ("torch.trace(torch.linalg.inv(A))", "trace(inv(A))"),
        ("X.T.exp().pow(2).sum()", "sum(exp(X.T)**2)"),
    ],
)
def test_other_spellings_are_read_and_said(
    text: str, source: str, caplog: pytest.LogCaptureFixture
) -> None:
    """What is certain is read as if it were written plainly, and it is said how."""
    with caplog.at_level("INFO"):
        assert parse(text).source() == f"L = {source}"
    assert [parse(m.removeprefix("Read as: ")).source() for m in caplog.messages] in (
        [f"L = {source}"],
        [],
    )
    assert bool(caplog.messages) == (text not in ("X.T.dot(y) @ w", "X.T.exp().pow(2).sum()"))


@pytest.mark.parametrize(
    ("text", "readings"),
    [
        ("sum(A × B)", ("A @ B", "A*B")),
        ("sum(X'*Y)", ("X.T @ Y", "X.T*Y")),
        ("x'A x", ("x.T @ A", "x.T*A")),
        ("tr(A^-1)", ("inv(A)", "1/A")),
        ("sum(A x)", ("A @ x", "A*x")),
        ("‖A x − b‖²", ("A @ x", "A*x")),
    ],
)
def test_what_has_two_readings_is_refused_with_both(text: str, readings: tuple[str, str]) -> None:
    """Neither is chosen, and each can be written."""
    with pytest.raises(ProgramSyntaxError) as caught:
        parse(text)
    for reading in readings:
        assert reading in str(caught.value)
        assert parse(reading)


def test_pi_is_the_number_and_e_is_no_input() -> None:
    """The name pi means what it does in NumPy; e is refused unless it is assigned."""
    assert parse("pi*sum(x)").inputs() == ("x",)
    assert parse("e = y - X @ w; L = sum(e**2)").inputs() == ("y", "X", "w")
    for text in ("pi = sum(x); L = pi", "sum(e**x)"):
        with pytest.raises(InputError, match=r"another name"):
            parse(text)


def test_decimal_numbers_are_exact() -> None:
    """0.1 is one tenth and not the nearest binary fraction."""
    (number, *_) = nodes.walk(parse("sum(0.1*Y)").loss.value)
    assert isinstance(number, nodes.Number)
    assert number.value * 10 == 1


# -- what is refused -------------------------------------------------------------------------

# The program, the first characters from the caret on, and the message.
WITH_CARET = [
    (LINE + "sum(f(Y)", "(f(Y)", "( is never closed; write the missing )."),
    (LINE + "sum(f(Y)))", ")", ") closes nothing that is open; remove it or open it before."),
    ("Y = X @; L = sum(Y)", "; L", "Something is missing before ;."),
    (LINE + "sum(Y*)", ")", "Something is missing before )."),
    (
        "Y = X W; L = sum(Y)",
        "W;",
        (
            "Between X and W an operator is missing; write X @ W, the matrix product, or X*W, entry "
            "by entry."
        ),
    ),
    ("Y = X @ W L = sum(Y)", "L =", "Before L a ; is missing; it separates assignments."),
    (LINE + "sum(2Y)", "2Y", "Between 2 and Y an operator is missing; write 2*Y."),
    ("1/2n*sum(Y)", "2n", "Between 2 and n an operator is missing; write 1/(2*n), or 1/2*n."),
    (
        "(y - X w)^T @ y",
        "w)",
        (
            "Between X and w an operator is missing; write X @ w, the matrix product, or X*w, entry "
            "by entry."
        ),
    ),
    (
        LINE + "lam*sum(lambda*Y)",
        "lambda",
        "lambda is a word that Python keeps for itself; write lam.",
    ),
    (
        "Y = X'W; L = sum(Y)",
        "X'W",
        (
            "X'W has two readings: X.T @ W, the matrix product, or X.T*W, entry by entry; write one "
            "of them."
        ),
    ),
    (
        LINE + "sum(|Y|)",
        "|Y|",
        (
            "|Y| has two readings: det(Y), of a square matrix, or abs(Y), entry by entry; write one "
            "of them."
        ),
    ),
    (
        r"\input{x}",
        "\\",
        (
            r"\input is not read; what is read are names, Greek letters, \top, \frac, \sqrt, \sum, "
            r"\|, \log, \det, \operatorname{tr}, \odot and the like."
        ),
    ),
    (
        "A \\ b",
        "\\",
        ("A backslash is not in the language; a name is Latin letters, digits and _."),
    ),
    ("<script>", "<", "< cannot stand here; a name is Latin letters, digits and _."),
    (
        "Y = X × W; L = sum(Y)",
        "×",
        (
            "× has two readings: X @ W, the matrix product, or X*W, entry by entry; write one of "
            "them."
        ),
    ),
    ("Y = X @ W； L = sum(Y)", "；", "； is not in the language; write a plain ;."),
    (LINE + "sum(f（Y）)", "（", "（ is not in the language; write a plain (."),
    ("Y = X⁻¹ @ W", "⁻", "⁻ is not in the language; write inv(X) for an inverse."),
    (
        "Y = X\u200b @ W; L = sum(Y)",
        "\u200b",
        ("The character U+200B (zero width space) is not in the language; remove it."),
    ),
    (
        "Y = Х @ W; L = sum(Y)",
        "Х",
        (
            "Х is not a name that can be used: it holds Х, which is "
            "cyrillic capital letter ha. Names are Latin letters, digits and _, starting with a letter."
        ),
    ),
    (
        "Y = Ｘ @ W; L = sum(Y)",
        "Ｘ",
        (
            "Ｘ is not a name that can be used: it holds Ｘ, which is "
            "fullwidth latin capital letter x. Names are Latin letters, digits and _, starting with a "
            "letter."
        ),
    ),
    (
        "__import__('os')",
        "__import__",
        (
            "__import__ is not a name that can be used; names are "
            "Latin letters, digits and _, starting with a letter."
        ),
    ),
    (
        "Y = _x @ W; L = sum(Y)",
        "_x",
        (
            "_x is not a name that can be used; names are Latin letters, "
            "digits and _, starting with a letter."
        ),
    ),
    (
        "X.shape",
        "shape",
        "X.shape: a size is that of one axis of a named array: Y = X @ W; n = Y.shape[0].",
    ),
    ("X.T.a.T @ W", "a.T", ".a is not in the language; the only attribute is .T, as in X.T."),
    (
        LINE + "np.frobnicate(Y)",
        "np",
        "np.frobnicate is not in the language; an undefined function of each entry is written f(Y).",
    ),
    (LINE + "Y.T()", "Y.T", ".T(…) is not in the language; write Y.T."),
    (
        LINE + "Y.summ()",
        "Y.summ",
        (
            f".summ(…) is not in the language; methods are .{', .'.join(ARRAY_METHODS)}. "
            "Did you mean .sum(…)?"
        ),
    ),
    (
        LINE + "sum(2(Y))",
        "2(Y)",
        ("2 cannot be called; write an operator such as * before the bracket."),
    ),
    (
        LINE + "lambda x: x",
        "lambda",
        (
            "lambda x: x is not in the language; write the function out, "
            "such as sum(Y**2), or leave it undefined, f(Y); the scalar λ is lam."
        ),
    ),
    (LINE + "'abc'", "'abc'", "'abc' is not in the language; there are no strings."),
    (LINE + "f'{Y}'", "f'", "f'{Y}' is not in the language; there are no strings."),
    (LINE + "b'abc'", "b'", "b'abc' is not in the language; there are no strings."),
    (LINE + "sum(Y // 2)", "Y", "Y // 2 is not in the language; divide with /."),
    (
        LINE + "sum(Y % 2)",
        "Y",
        (
            "Y % 2 is not in the language; it holds names, numbers, + - * / ** "
            "@, .T and functions such as sum(Y) and f(Y)."
        ),
    ),
    (
        LINE + "sum(~Y)",
        "~Y",
        (
            "~Y is not in the language; it holds names, numbers, + - * / ** @, "
            ".T and functions such as sum(Y) and f(Y)."
        ),
    ),
    (LINE + "sum(not Y)", "not", "not Y is not in the language; operators are + - * / ** and @."),
    (LINE + "sum(Y and 1)", "Y", "Y and 1 is not in the language; operators are + - * / ** and @."),
    (
        LINE + "sum(Y if 1 else 2)",
        "Y if",
        ("Y if 1 else 2 is not in the language; relu(Y) and step(Y) decide by the sign of Y."),
    ),
    (
        LINE + "sum(0 < Y < 3)",
        "0 < Y",
        (
            "0 < Y < 3 is not in the language; assign with a single =, and compare two arrays with "
            "<, <=, >, >=, == or !=."
        ),
    ),
    (
        "Y == X @ W; L = sum(Y)",
        "Y ==",
        "Y == X @ W compares; assign with a single =, such as Y = X @ W.",
    ),
    (
        LINE + "Y[Y > 0]",
        "Y[",
        (
            "Y[Y > 0]: how many entries a condition takes is no size; multiply by the "
            "condition, as in sum(x*(x > 0))."
        ),
    ),
    (
        LINE + "(z := Y)",
        "z",
        (
            "z := Y is not in the language; give it a line of its own, such as "
            "Y = X @ W; L = sum(f(Y))."
        ),
    ),
    (LINE + "sum({Y})", "{Y}", "{Y} is not in the language; write ( and )."),
    (LINE + "sum((Y, X))", "(Y, X)", "(Y, X) is not in the language; separate assignments with ;."),
    (LINE + "sum(Y),", "sum(Y),", "sum(Y), is not in the language; separate assignments with ;."),
    (
        LINE + "sum(f(Y, X))",
        "f(",
        (
            "f takes one argument, each entry of an array: f(Y). A function of all entries of "
            "several arrays has a capital: F(x, y)."
        ),
    ),
    (LINE + "f(Y, axis=0)", "f(", "f takes one argument and no options: f(Y)."),
    (LINE + "sum(*Y)", "sum", "sum takes one array: sum(Y), sum(Y, axis=0)."),
    (LINE + "sum(**Y)", "sum", "sum takes one array: sum(Y), sum(Y, axis=0)."),
    (LINE + "sum()", "sum", "sum takes one array: sum(Y), sum(Y, axis=0)."),
    (LINE + "sum(axis=0)", "sum", "sum takes one array: sum(Y), sum(Y, axis=0)."),
    (LINE + "outer(Y)", "outer", "outer takes two arrays: outer(x, y)."),
    (LINE + "eye()", "eye", "eye takes its size: eye(4)."),
    (
        LINE + "eye(2, 3)",
        "eye",
        "eye takes one size, for an identity matrix is square: eye(4).",
    ),
    (LINE + "ones(2, 3)", "ones", "ones takes its sizes in one bracket: ones((2, 3))."),
    (LINE + "ones(())", "()", "ones takes one size or more: ones(3) or ones((2, 3))."),
    (
        LINE + "eye(0)",
        "0)",
        "A size of eye is a whole number from 1 to 1,000,000,000, or a letter such as N.",
    ),
    (
        LINE + "sum(Y, axes=0)",
        "sum",
        "axes is not an option of sum; its options: axis and keepdims. Did you mean axis?",
    ),
    (
        LINE + "softmax(Y, dims=1)",
        "softmax",
        "dims is not an option of softmax; its option: axis.",
    ),
    (LINE + "sum(Y, 0, axis=0)", "sum", "sum is given axis twice; leave one of them out."),
    (
        LINE + "sum(Y, axis=0.5)",
        "0.5)",
        (
            "The axis of sum is a whole number, such as sum(Y, axis=0), down the columns, and "
            "sum(Y, axis=1), along the rows."
        ),
    ),
    (
        LINE + "sum(Y, keepdims=1)",
        "1)",
        "keepdims is True or False, such as sum(Y, axis=0, keepdims=True).",
    ),
    (
        LINE + "norm(Y, 0)",
        "0)",
        "The order of a norm is a positive number, inf, -inf or 'nuc': norm(x, 1).",
    ),
    (LINE + "sum(1j*Y)", "1j", "1j is not in the language; write a real number such as 2 or 0.5."),
    (
        LINE + "sum(True*Y)",
        "True",
        ("True is not in the language; write a real number such as 2 or 0.5."),
    ),
    (
        LINE + "sum(None)",
        "None",
        ("None is not in the language; write a real number such as 2 or 0.5."),
    ),
    (
        LINE + "sum(1e400*Y)",
        "1e400",
        ("The number 1e400 is too large or too small; exponents go up to 99."),
    ),
    (
        LINE + "sum(1e-400*Y)",
        "1e-400",
        ("The number 1e-400 is too large or too small; exponents go up to 99."),
    ),
    (LINE + f"sum({'9' * 41}*Y)", "999", "A number has more than 40 digits; write fewer of them."),
    (LINE + "sum(nan*Y)", "nan", "nan is no finite number; write a number or another name."),
    (LINE + "sum(inf*Y)", "inf", "inf is no finite number; write a number or another name."),
    (LINE + "sum(tanhh(Y))", "tanhh", "Unknown function tanhh. Did you mean tanh?"),
    (LINE + "sum(Exp(Y))", "Exp", "Unknown function Exp. Did you mean exp?"),
    (LINE + "ReLU(Y)", "ReLU", "Unknown function ReLU. Did you mean relu?"),
    (LINE + "Sum(Y)", "Sum", "Unknown function Sum. Did you mean sum?"),
    (LINE + "sum(sofmax(Y))", "sofmax", "Unknown function sofmax. Did you mean softmax?"),
    (LINE + "sum(layernrm(Y))", "layernrm", "Unknown function layernrm. Did you mean layernorm?"),
    (
        "exp = X @ W; L = sum(Y)",
        "exp",
        "exp is a function; write exp(Y), or give the variable another name.",
    ),
    (
        LINE + "sum(exp)",
        "exp",
        ("exp is a function; write exp(Y), or give the variable another name."),
    ),
    (
        "Y = X @ sum; L = sum(Y)",
        "sum;",
        ("sum is a function; write sum(Y), or give the variable another name."),
    ),
    (f"{'A' * 30} @ W", "AAA", f"The name {'A' * 24}… is longer than 24 letters; shorten it."),
    (
        "Y = X @ W; Y = X @ W; L = sum(Y)",
        "Y = X @ W; L",
        ("Y is assigned twice; give each value its own name."),
    ),
    (
        "X = X @ W; L = sum(X)",
        "X =",
        ("X is defined by itself; give the new value a name of its own."),
    ),
    (
        "X @ W; L = sum(Y)",
        "X @",
        ("X @ W has no name; only the last line may lack one. Write Y = X @ W."),
    ),
    (
        "Y, Z = X @ W; L = sum(Y)",
        "Y, Z",
        ("Y, Z = X @ W is not an assignment of one value to one name, such as Y = X @ W."),
    ),
    (
        "Y += X; L = sum(Y)",
        "Y +=",
        (
            "Y += X is not an assignment of one value to one name, such as "
            "Y = X @ W: give the new value a name of its own."
        ),
    ),
    (
        "Y: int = X @ W; L = sum(Y)",
        "Y:",
        (
            "Y: int = X @ W is not an assignment of one value to one "
            "name, such as Y = X @ W: assign with =, and declare shapes with --shape X=2x4."
        ),
    ),
    (
        "import os",
        "import",
        ("import os is not an assignment of one value to one name, such as Y = X @ W."),
    ),
    (
        "async def f(): pass",
        "async",
        ("async def f(): pass is not an assignment of one value to one name, such as Y = X @ W."),
    ),
    (
        "Y = X @ W\n\n# 注释\n  L = sum(Y × Z)",
        "×",
        (
            "× has two readings: Y @ Z, the matrix product, or Y*Z, entry by entry; write one of "
            "them."
        ),
    ),
    ("Y = X @ W  # 乘积\nL = sum(tanhh(Y))", "tanhh", "Unknown function tanhh. Did you mean tanh?"),
    (
        "Y = X @ W; L = sum(\n  é*Y)",
        "é",
        (
            "é is not a name that can be used: it holds é, which is "
            "latin small letter e with acute. Names are Latin letters, digits and _, starting with a "
            "letter."
        ),
    ),
    ("Y = X\0 @ W", "\0", "The program holds a null character; remove it."),
    (
        "Y = X @ W\udcff",
        "\udcff",
        ("The program holds bytes that are not UTF-8; write it in plain letters."),
    ),
]


@pytest.mark.parametrize(("text", "at", "message"), WITH_CARET)
def test_what_is_not_in_the_language(text: str, at: str, message: str) -> None:
    """A syntax error names the part, says what to write instead, and points at the place."""
    with pytest.raises(ProgramSyntaxError) as caught:
        parse(text)
    error = caught.value
    assert str(error) == message
    assert error.offset is not None
    assert error.text[error.offset :].startswith(at)


EMPTY = "The program is empty. Write for example: Y = X @ W; L = sum(f(Y))"
DEEP = "The program is nested too deeply; write it with fewer brackets."
LEVELS = (
    "The program is nested more than 60 levels deep; write it shorter, with fewer brackets and "
    "operations."
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        *((text, EMPTY) for text in ("", " ", "\n\t\n", ";", ";;;", "# only a comment")),
        (
            "(" * 100_000,
            ("The program has 100,000 characters; at most 60,000 are read. Write it shorter."),
        ),
        ("(" * 1000 + "Y" + ")" * 1000, DEEP),
        ("X" + ".T" * 1900, LEVELS),
        ("sum(" + "-" * 100 + "Y)", LEVELS),
        ("sum(" * 61 + "Y" + ")" * 61, LEVELS),
        ("sum(" + " + ".join(["Y"] * 62) + ")", LEVELS),
        (
            LINE + "sum(f(Y)) + f",
            ("f is used both as a function and as a variable; rename one of the two."),
        ),
        ("Y = X @ dY; L = sum(Y)", "dY is kept for the gradient by Y; rename one of the two."),
        (LINE + "sum(f(Y) + df(Y))", "df is kept for the derivative of f; rename one of the two."),
        (LINE + "sum(df*f(Y))", "df is kept for the derivative of f; rename one of the two."),
        ("tr(eye(N) @ N)", "N is used both as a size and as a name; rename one of the two."),
    ],
)
def test_programs_without_a_place_for_a_caret(text: str, message: str) -> None:
    """Errors about the whole program say what is wrong with it and what to do."""
    with pytest.raises(InputError) as caught:
        parse(text)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    "text",
    [
        "-" * 3900 + "Y",
        "not " * 900 + "Y",
        "f(" * 1900,
        "[" * 3000,
        "a" * 4000,
        "\\" * 90,
        "X" + "**2" * 1200,
        "lambda:" * 500,
        "Y;" * 1999,
        "1" * 4000,
        "x\n" * 1999,
    ],
)
def test_long_nonsense_is_one_short_message(text: str) -> None:
    """However long or deep the text is, the error is one readable line."""
    with pytest.raises(InputError) as caught:
        parse(text)
    assert len(str(caught.value)) < 300
    assert "\n" not in str(caught.value)


def test_names_with_a_meaning_elsewhere_are_refused() -> None:
    """clamp, expm, print and the like are never undefined functions, declared or not."""
    assert not names_elsewhere() & set(KNOWN)
    for name in names_elsewhere() - {"len"}:  # of an array it is a size
        plain = [f"sum(f({name}(Y)))"] * (name not in CALLS)  # or else it may be read
        for text in (*plain, f"function {name}; sum(f({name}(Y)))"):
            with pytest.raises((UnsupportedError, ProgramSyntaxError), match=rf"^{name}\b"):
                parse(text)


@pytest.mark.long
def test_no_name_of_a_library_is_an_undefined_function_in_silence() -> None:
    """Every function of NumPy is known, refused by name, or must be declared."""
    names = {
        name
        for module in (np, np.linalg, np.fft)
        for name in dir(module)
        if name.islower() and not name.startswith("_") and callable(getattr(module, name))
    }
    assert len(names) > 300
    for name in names - set(KNOWN) - set(CALLS):
        with pytest.raises((UnsupportedError, ProgramSyntaxError), match=name):
            parse(f"sum(f({name}(Y)))")


def test_what_a_message_says_to_write_works() -> None:
    """Where a function of elsewhere is refused, what is to be written instead is a program."""
    for formula in {found[0] for found in map(elsewhere, names_elsewhere()) if found}:
        program = parse(formula)
        assert infer(program)
        if program.inputs():
            assert infer(parse(f"sum({formula})"), scalar=True)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("smooth_l1", lambda y: np.where(abs(y) <= 1, y**2 / 2, abs(y) - 0.5)),
        ("leakyrelu", lambda y: np.where(y > 0, y, 0.01 * y)),
        ("hard_tanh", lambda y: np.clip(y, -1, 1)),
        ("hard_sigmoid", lambda y: np.clip(y / 6 + 0.5, 0, 1)),
        ("hard_swish", lambda y: y * np.clip(y / 6 + 0.5, 0, 1)),
        ("bound", lambda y: np.clip(y, 0, 1)),
        ("soft_threshold", lambda y: np.sign(y) * np.maximum(abs(y) - 0.5, 0)),
        ("log_sigmoid", lambda y: -np.logaddexp(0, -y)),
        ("log_cosh", lambda y: np.log(np.cosh(y))),
        ("sech", lambda y: 1 / np.cosh(y)),
        ("cosd", lambda y: np.cos(np.deg2rad(y))),
    ],
)
def test_what_a_message_says_is_the_same_function(
    name: str, value: Callable[[np.ndarray], np.ndarray]
) -> None:
    """A suggestion does not change the mathematics: both sides have the same values."""
    y = np.linspace(-7, 7, 113) + 0.01
    found = elsewhere(name)
    assert found is not None
    with np.errstate(all="ignore"):
        ours = numeric_value(parse(found[0]).loss.value, {"Y": y}, {}, {})
        expected = value(y)
    there = np.isfinite(expected)
    assert there.any()
    np.testing.assert_allclose(ours[there], expected[there], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "Yhat = X @ W; L = sum((Yaht - T)**2)",
            "Yaht is not assigned, and Yhat is assigned but not used. Did you mean Yhat?",
        ),
        (
            "y = X @ W; L = sum(Y)",
            "Y is not assigned, and y is assigned but not used. Did you mean y?",
        ),
    ],
)
def test_a_name_that_is_a_slip_of_the_pen(text: str, message: str) -> None:
    """A name that is not assigned, beside a similar one that is not used, is no input."""
    with pytest.raises(InputError) as caught:
        parse(text)
    assert str(caught.value) == message


def test_names_that_are_alike_may_both_be_used() -> None:
    """Only a name that is left unused is suspected."""
    assert parse("Yhat = X @ W; sum(Yhat - Yhut)").inputs() == ("X", "W", "Yhut")


def test_a_network_of_a_thousand_layers_is_read() -> None:
    """The limit on a program's length leaves room, and reading does not grow with its square."""
    layers = (f"H{n + 1} = relu(H{n} @ W{n})" for n in range(1000))
    program = parse("; ".join([*layers, "sum(H1000)"]))
    assert len(program.assignments) == 1001
    assert len(infer(program)) == 2002


@pytest.mark.parametrize("name", ["f", "g1", "phi", "h_2", "psi", "sigma", "Loss", "Energy"])
def test_names_of_undefined_functions(name: str) -> None:
    """Letters, with an index perhaps, and capitalised names are undefined functions."""
    assert misspelt(name) is None
    assert parse(f"sum({name}(Y))").functions() == {name}


@pytest.mark.parametrize("name", ["act", "loss", "cost", "activation", "rho_net", "my_f"])
def test_other_undefined_functions_are_declared(name: str) -> None:
    """A word is an undefined function only if the program says so; the error says how."""
    with pytest.raises(ProgramSyntaxError) as caught:
        parse(f"sum({name}(Y))")
    assert str(caught.value).endswith(f"say so: function {name}; L = sum({name}(Y))")
    program = parse(f"function {name}\nsum({name}(Y) + f(Y))")
    assert program.functions() == {name, "f"}
    assert parse(program.source()) == program
    assert parse(f"function g, {name}; sum({name}(Y))").functions() == {name}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("function exp; sum(exp(Y))", "exp is known; declare functions with other names."),
        ("function act; sum(act)", "act is declared a function; write act(Y)."),
        ("function act; act = X; sum(act)", "act is declared a function; write act(Y)."),
        ("function act", "The program is empty. Write for example: Y = X @ W; L = sum(f(Y))"),
        ("function aé; sum(Y)", "aé is not a name that can be used: it holds é, which is"),
    ],
)
def test_declarations_that_are_refused(text: str, message: str) -> None:
    """A declared name is a function's, and none that is known."""
    with pytest.raises(ProgramSyntaxError) as caught:
        parse(text)
    assert str(caught.value).startswith(message)


def test_function_may_be_a_name() -> None:
    """Only a statement of two words declares something."""
    assert parse("function = X @ W; sum(function)").names() == {"function", "X", "W", "L"}


# -- properties ------------------------------------------------------------------------------

FRAGMENTS = (
    "X W Y L f g exp log tanh sum Loss lam . .T ( ) ( ) + - * / ** @ @ = ; ; , 2 0.5 1e9 'a' \" # "
    "\n \\ [ ] { } : := lambda if not ~ % ^ & | < ! é λ × ２ … \0 \t \r \f mean print __import__ "
    "' \ud800 .sum(axis=0) axis= -1 keepdims=True det inv eye ones(N) outer softmax norm(Y,2) .dot( np. "
    "🙂 0x1 1e99 await * += _"
).split(" ")

#: What may stand inside a loss, and what may not.
PARTS = "Y f(Y) exp(Y) tanh(Y) 2*Y + * - @ Y.T (Y) lam g( ) 0 Y**2 sigmoid(Y) é ;".split(" ")


@pytest.mark.parametrize("whole", [False, True])
def test_any_text_is_read_or_refused(whole: bool) -> None:  # noqa: FBT001 - a parameter
    """Whatever is typed ends in a problem or in an error of ours with a place inside the text."""
    chance = random.Random(5)
    ended = Counter[bool]()
    for _ in range(400):
        typed = chance.choices(FRAGMENTS, k=chance.randint(0, 24))
        if whole:  # a program with something amiss, or nothing
            typed = ["Y = X @ W; L = sum(", *chance.choices(PARTS, k=chance.randint(1, 3)), ")"]
        ended[is_read(chance.choice(["", " "]).join(typed))] += 1
    assert (ended[True] > 20) == whole
    assert ended[False] > 100


def is_read(text: str) -> bool:
    """Whether a text is a program; if not, that is said as it should be."""
    try:
        read_task(text, scalar=True)
    except ProgramSyntaxError as error:
        assert error.offset is None or 0 <= error.offset <= len(error.text)
        assert str(error).endswith((".", "?", ")"))
    except MatderivError as error:
        assert str(error)
    else:
        return True
    return False


@pytest.mark.long
@given(st.text(max_size=60))
@settings(max_examples=100, deadline=None)
def test_any_unicode_is_read_or_refused(text: str) -> None:
    """The same for text in any script."""
    if is_read(text):  # a Greek letter alone is the name of a number
        assert read_task(text, scalar=True).program.inputs()


def _random_body(chance: random.Random, depth: int) -> str:
    if depth == 0:
        return chance.choice(["Y", "Y", "Y", "2", "lam", "0.5", "(-1)"])
    inner = _random_body(chance, depth - 1)
    kind = chance.randrange(4)
    if kind == 0:
        return (
            f"{chance.choice(['exp', 'log', 'tanh', 'sigmoid', 'relu', 'sqrt', 'f', 'g'])}({inner})"
        )
    if kind == 1:
        return f"({inner})**{chance.choice(['2', '(-1)', '(1/2)', 'lam', 'Y', '0'])}"
    operator = chance.choice("+-*/")
    return f"({inner} {operator} {_random_body(chance, depth - 1)})"


@pytest.mark.parametrize("seed", range(12))
def test_any_loss_is_derived_or_refused(seed: int) -> None:
    """A program of the language is derived, or refused as input; its proof never fails.

    A gradient that is zero wherever it is defined is derived as zeros.
    """
    body = _random_body(random.Random(seed), 1 + seed % 2)
    program, sizes = f"{LINE}sum({body})", {"N": 1, "D": 2, "M": 1}
    if seed in {0, 1, 3, 4, 7}:
        assert derive(program, sizes=sizes).proof.equalities > 0
        return
    try:
        found = derive(program, sizes=sizes)
    except InputError as refused:
        assert "no finite real value" in str(refused)
    else:
        assert found.formulas["X"].startswith("zeros(")


def test_a_module_is_no_way_in() -> None:
    """What is not in the language is not advised without its module, either."""
    with pytest.raises(UnsupportedError, match=r"fft\(…\) is not in the language"):
        parse("L = sum(np.fft(X))")


@pytest.mark.parametrize("name", ["max", "min"])
def test_a_number_and_an_array_have_a_larger_one_by_entries(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """max(0, Y) is maximum(0, Y), and that is said; max(Y, 0) is along axis 0, as in NumPy."""
    with caplog.at_level("INFO", logger="matderiv"):
        found = parse(f"L = sum({name}(0, X))")
    assert found.loss == parse(f"L = sum({name}imum(0, X))").loss
    assert f"Read as: {name}imum(0, …) for {name}(0, X)" in caplog.text
    assert parse(f"L = sum({name}(X, 0))").loss == parse(f"L = sum({name}(X, axis=0))").loss


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("variance(x)", "write var(x)."),
        ("KL(p, q + r)", "write sum(p*log(p/(q + r)))."),
        ("sum(ldivide(u))", "ldivide(A, B) is read as B/A"),
        ("sum(normal(0, 1))", "write sum(M*Y)."),  # they are no arrays of the formula
        ("rank(X)", "a whole number"),
        ("sum(eig(A))", "logdet(A), for sum(eigvalsh(A)) write tr(A)."),
        ("xᵀAx", "x.T @ A @ x"),
        ("xᵀSigma", "x.T @ Sigma"),
    ],
)
def test_a_message_speaks_of_what_was_written(text: str, said: str) -> None:
    """What is to be written instead holds the arguments of the call itself."""
    with pytest.raises((UnsupportedError, ProgramSyntaxError)) as caught:
        parse(text)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("text", "shapes", "told"),
    [
        ("sum(softmax(X @ W)*T)", {}, True),
        ("sum(log_softmax(X)*T)", {}, True),
        ("sum(softmax(X @ W, axis=1)*T)", {}, False),
        ("sum(softmax(x)*t)", {}, False),
        ("sum(softmax(X)*t)", {"X": (5,)}, False),
    ],
)
def test_a_softmax_of_all_entries_of_a_matrix_is_told(
    text: str, shapes: dict[str, tuple[int, ...]], *, told: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """Elsewhere an axis must be named, or rows are meant."""
    with caplog.at_level("INFO", logger="matderiv"):
        parse(text, shapes)
    assert ("is over all entries at once" in caplog.text) == told


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("sum(X*full((n, m), 3))", "sum(X*(3*ones((n, m))))"),
        ("sum(X*np.full((n, m), c))", "sum(X*(c*ones((n, m))))"),
        ("sum(x*full(len(x), 1))", "sum(x*ones(len(x)))"),
        ("sum(X*full(X.shape, 3))", "sum(X*full_like(X, 3))"),
    ],
)
def test_full_is_a_number_times_ones(written: str, plain: str) -> None:
    """An array of one number, in programs."""
    assert parse(written) == parse(plain)


@pytest.mark.parametrize("wrong", ["full((2, 3))", "full(3, 1, 2)", "full()"])
def test_full_wants_sizes_and_a_number(wrong: str) -> None:
    """Anything else is refused with what to write."""
    with pytest.raises(InputError, match=r"3\*ones\(\(2, 3\)\)"):
        parse(f"sum({wrong})")


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("sum(x**2)*lambda", "sum(x**2)*lam"),
        ("lambda1*sum(x) + lambda_2*sum(x**2)", "lam1*sum(x) + lam_2*sum(x**2)"),
        ("lambda/2*w.T @ w", "lam/2*w.T @ w"),
    ],
)
def test_lambda_is_lam(written: str, plain: str) -> None:
    """The word is a Greek letter's, which Python keeps for itself."""
    assert parse(written) == parse(plain)


@pytest.mark.parametrize(
    "wrong",
    ["sum((lambda x: x)(y))", "sum(map(lambda: 2, y))", "lam*sum(x) + lambda*sum(y)"],
)
def test_lambda_that_is_no_letter_is_refused(wrong: str) -> None:
    """A function of Python, and lambda beside lam."""
    with pytest.raises(InputError):
        parse(wrong)


@pytest.mark.parametrize("product", ["(a - b)'(a - b)", "x[0]' (a - b)", "(a - b)’(c - d)"])
def test_a_turned_bracket_before_a_bracket_has_two_readings(product: str) -> None:
    """As X'Y has."""
    with pytest.raises(ProgramSyntaxError, match="two readings"):
        parse(product)
    assert parse("(a - b)' @ (a - b)") == parse("(a - b).T @ (a - b)")


#: What people type without signs between factors, and what a message says to write.
PASTED = [
    ("x^T A x", "throughout: ", "x.T @ A @ x"),
    ("x^T A x + b^T x + c", "throughout: ", "x.T @ A @ x + b.T @ x + c"),
    ("tr(A X B X^T C)", "throughout: ", "tr(A @ X @ B @ X.T @ C)"),
    ("lam x.T x", "throughout: ", "lam*x.T @ x"),
    ("2 X^T (X w - y)", "throughout: ", "2*X.T @ (X @ w - y)"),
    ("2X^T(X w - y)", "throughout: ", "2*X.T @ (X @ w - y)"),
    ("lam tr(X^T X)", "throughout: ", "lam*tr(X.T @ X)"),
    ("2 sum(x)", "write ", "2*sum(x)"),
    ("exp x", "write ", "exp(x)"),
    ("ln det(X)", "write ", "ln(det(X))"),
    ("log det (X.T @ X)", "write ", "log(det(X.T @ X))"),
    ("log det X", "write ", "log(det(X))"),
    ("log det X.T", "write ", "log(det(X.T))"),
    ("tr exp x", "write ", "tr(exp(x))"),
    ("log|X|", "readings: ", "logdet(X)"),
    ("log|X| + tr(A @ X)", "readings: ", "logdet(X)"),
    ("log|X|", "or ", "log(abs(X))"),
    ("|X|", "readings: ", "det(X)"),
    ("|X|", "or ", "abs(X)"),
]


@pytest.mark.parametrize(("text", "before", "pasted"), PASTED)
def test_what_a_message_says_to_write_can_be_read(text: str, before: str, pasted: str) -> None:
    """Typed without signs or with bars, the message holds a text that works when it is pasted."""
    with pytest.raises(ProgramSyntaxError) as refused:
        parse(text)
    assert f"{before}{pasted}" in str(refused.value)
    assert parse(pasted).loss.value


@pytest.mark.parametrize(
    "text", ["exp x + A B", "y = A x; z = y B", "A B for C", "x.T A (x", "f x g y"]
)
def test_no_text_is_made_up_where_it_would_not_be_read(text: str) -> None:
    """Where a function stands alone or a bracket is open, no whole text is offered."""
    with pytest.raises(ProgramSyntaxError) as refused:
        parse(text)
    _, offered, whole = str(refused.value).partition("With matrix products throughout: ")
    if offered:
        assert parse(whole.splitlines()[0].rstrip("."))


def test_letters_side_by_side_are_told_to_be_one_name() -> None:
    """tr(AXB) by X: there is no X, and the product is shown."""
    with pytest.raises(InputError, match=r"AXB is read as one name.* A @ X @ B\.$"):
        gradient("tr(AXB)", wrt="X")
    with pytest.raises(
        InputError, match=r"gradients can be derived by Xy\. Did you mean Xy\?$|U @ V"
    ):
        gradient("norm(UV)**2", wrt="U")


def test_the_order_of_a_norm_is_p_in_torch() -> None:
    """`p` of torch.norm is `ord` here."""
    assert parse("torch.norm(X - Y, p='fro')**2").loss == parse("norm(X - Y, 'fro')**2").loss
    assert parse("torch.norm(x, p=1)").loss == parse("norm(x, 1)").loss
