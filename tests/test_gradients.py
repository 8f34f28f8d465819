"""matderiv.gradient: formulas, proofs, values at arrays, structure, and what is refused."""

from __future__ import annotations

import re
import subprocess
import sys
import tracemalloc
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from _reference import FUNCTIONS, differences, value

import matderiv
from matderiv import InputError, ProofError, gradient, gradients
from matderiv.calculus.deciding.decide import Attempt, Pair
from matderiv.calculus.index_forms.forms import constant
from matderiv.calculus.sweep import proving
from matderiv.calculus.sweep.results import Sweep
from matderiv.calculus.sweep.sweep import sweep
from matderiv.checking.check import check
from matderiv.expression import nodes

LAYER = "Y = X @ W; L = sum(f(Y))"


def refused(*args: Any, **options: Any) -> str:
    """What is said of an input that is refused."""
    with pytest.raises(InputError) as error:
        gradient(*args, **options)
    return str(error.value)


# -- formulas --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("program", "wrt", "formula"),
    [
        (LAYER, "X", "dY @ W.T"),
        (LAYER, "Y", "df(Y)"),
        ("L = sum((X @ W - T)**2)", "W", "2*X.T @ (X @ W - T)"),
        ("tr(X.T @ A @ X)", "X", "(A + A.T) @ X"),
        ("logdet(X)", "X", "inv(X).T"),
        (
            "sum(logsumexp(X @ W, axis=1)) - sum(T*(X @ W))",
            "W",
            "X.T @ (softmax(X @ W, axis=1) - T)",
        ),
        ("tr(X)", "X", "eye(N)"),
        ("Loss(X @ W)", "W", "X.T @ dLoss(X @ W)"),
    ],
)
def test_formula(program: str, wrt: str, formula: str) -> None:
    """Formulas are as short as the book's, and proved for all sizes."""
    found = gradient(program, wrt=wrt)
    assert str(found) == formula
    assert found.verdict.index
    assert repr(found) == f"<Gradient d{wrt} = {formula}, proved for all sizes>"


@pytest.mark.parametrize(
    ("program", "wrt", "wrong"),
    [
        ("mean(1/(1 + X @ w))", "w", "X.T @ (1/(1 + X @ w)**2)/N"),
        ("mean(1/(b*(1 + X @ w)))", "w", "-X.T @ (1/(b*(1 + X @ w)))/N"),
        ("logdet(inv(X + 2))", "X", "-inv(X + 2)"),
        ("logdet(inv(K + lam*eye(n)))", "K", "-inv(K - lam*eye(n)).T"),
        ("logdet(inv(K + lam*eye(n)))", "lam", "tr(inv(K + lam*eye(n)))"),
        ("logdet((X - C) @ X)", "X", "(inv(X - C) - inv(X)).T"),
        ("logdet(X @ (C - 2*X))", "X", "(inv(X) - inv(C - 2*X)).T"),
        ("sum(inv(K + C) @ (K + C) @ K)", "K", "2*ones((N, N))"),
    ],
)
def test_sums_inside_inverses(program: str, wrt: str, wrong: str) -> None:
    """F⁻¹(A + B) with F = A + B is I, and 1/(a·bⁿ) is 1/a·b⁻ⁿ: proved for all sizes, and right."""
    found = gradient(program, wrt=wrt)
    assert found.verdict.index
    chance = np.random.default_rng(1)
    names = set(re.findall(r"[A-Za-z]+", program)) & {"X", "C", "K", "w", "b", "lam"}
    shapes = {"w": (3,), "b": (3,), "lam": ()}
    at = {name: chance.uniform(1, 2, shapes.get(name, (3, 3))) for name in sorted(names)}
    text = program.replace("eye(n)", "eye(3)")
    assert np.allclose(found(**at), differences(text, at, wrt), atol=1e-4)
    assert check(program, wrt, wrong).status == "wrong"


@pytest.mark.parametrize(
    ("program", "wrt", "formula"),
    [
        ("L = sum(ones(1000000000))*sum(x)", "x", "1000000000*ones(N)"),
        ("sum(X)/sum(ones((4096, 4096)))", "X", "ones((N, D))/16777216"),
        ("tr(eye(4096))*sum(X)", "X", "4096*ones((N, D))"),
        ("tr(eye(100000) @ X)", "X", "eye(100000)"),
    ],
)
def test_large_constants_are_not_written_out(program: str, wrt: str, formula: str) -> None:
    """An array that a text names is never written out: its sum is a number, or it stays a name.

    At most one array of floats is made of it, where an expression is evaluated and it fits.
    """
    tracemalloc.start()
    try:
        assert str(gradient(program, wrt=wrt)) == formula
        assert check(program, wrt, formula).status == "right"
        assert tracemalloc.get_traced_memory()[1] < 200e6
    finally:
        tracemalloc.stop()


def test_upstream_in_order() -> None:
    """The gradients that a formula uses are listed from the loss backwards."""
    found = gradient("H = tanh(X @ U); Y = H @ V; L = sum(f(Y))", wrt="U")
    assert found.lines == {
        "dY": "df(Y)",
        "dH": "dY @ V.T",
        "dU": "X.T @ (dH*(1 - H**2))",
    }


def test_one_input_needs_no_name() -> None:
    """What to differentiate by is plain where there is one input; several give a dictionary."""
    assert str(gradient("x @ x")) == "2*x"
    assert {k: str(g) for k, g in gradient("x @ y", wrt=("y", "x")).items()} == {"y": "x", "x": "y"}


@pytest.mark.long
def test_deep_programs() -> None:
    """Two hundred layers are derived, proved and worked out without an end of the stack."""
    layers = "; ".join(f"h{n} = tanh(a{n}*h{n - 1})" for n in range(1, 201))
    found = gradient(f"{layers}; L = sum(h200)", wrt="a1")
    assert found.verdict.index
    assert len(found.upstream) >= 199
    ones = {f"a{n}": [1, 1] for n in range(1, 201)}
    assert found(h0=[1, 2], **ones).shape == (2,)


# -- proofs ----------------------------------------------------------------------------------


def test_wrong_rule_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gradient that does not follow from the entries is refused, not printed."""
    right = proving._by_rules
    monkeypatch.setattr(proving, "_by_rules", lambda g: nodes.Add(right(g), right(g)))
    with pytest.raises(ProofError, match="the gradient by Q is undecided"):
        gradient("sum(Q**2)", wrt="Q", shapes={"Q": (3, 2)})


def test_wrong_tidying_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A formula that is not what the rules give is refused."""
    right = sweep

    def twice(*args: Any) -> Sweep:
        found = right(*args)
        stages = found.gradients["R"]
        wrong = replace(stages, formula=nodes.Add(stages.formula, stages.formula))
        return replace(found, gradients={**found.gradients, "R": wrong})

    monkeypatch.setattr(gradients, "sweep", twice)
    with pytest.raises(ProofError):
        gradient("sum(R**2)", wrt="R", shapes={"R": (3, 2)})


def test_proof_at_the_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where letters prove nothing, every entry is written out, and the gradient says so."""
    made = proving.Prover._attempt

    def only_at_numbers(*args: Any) -> Attempt:
        attempt = made(*args)

        def forms(place: tuple[int, ...] | None) -> Pair:
            return attempt.forms(place) if place else (constant(Fraction(1)), ())

        return replace(attempt, forms=forms, complete=False)

    monkeypatch.setattr(proving.Prover, "_attempt", only_at_numbers)
    found = gradient("sum(U**3) + sum(U @ V)", wrt="U", shapes={"U": (2, 3), "V": (3, 2)})
    assert not found.verdict.index
    assert found.proof.startswith("at these sizes, ")


# -- values ----------------------------------------------------------------------------------

X = np.arange(8.0).reshape(2, 4) / 7
W = np.cos(np.arange(12.0)).reshape(4, 3)


def test_value() -> None:
    """The gradient is worked out from the inputs and the undefined functions."""
    found = gradient(LAYER, wrt="X")(X=X, W=W, functions={"f": np.sin, "df": np.cos})
    assert np.allclose(found, np.cos(X @ W) @ W.T)


def test_value_from_upstream() -> None:
    """An upstream gradient may be given; what it stands for is not asked for then."""
    g = np.ones((2, 3))
    assert np.allclose(gradient(LAYER, wrt="X")(dY=g, W=W), g @ W.T)
    assert np.allclose(gradient("Y = X @ W; L = Loss(Y)", wrt="W")(X=X, dY=g), X.T @ g)
    own = gradient("Y = X @ W; L = Loss(Y)", wrt="W")(X=X, W=W, functions=FUNCTIONS)
    assert np.allclose(own, X.T @ FUNCTIONS["dLoss"](X @ W))


def test_value_at_other_shapes() -> None:
    """Shapes at the call may differ from those declared; sizes are those of the arrays."""
    mean = gradient("mean((X @ w - y)**2)", wrt="w", shapes={"X": (2, 3)})
    x, w, y = np.ones((5, 1)), np.ones(1), np.zeros(5)
    assert np.allclose(mean(X=x, w=w, y=y), [2.0])
    assert np.allclose(gradient("tr(A)", shapes={"A": (2, 2)})(A=np.ones((3, 3))), np.eye(3))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"X": X}, "W has no value; give it as W=…."),
        ({"X": X, "W": W}, 'df is undefined; give it in functions={"df": …}.'),
        ({"X": X, "w": W}, "w is no input. Inputs are: X, W; dY may be given too. Did you mean W?"),
        (
            {"X": X, "W": X},
            "X @ W: X is 2×4 but W is 2×4; the inner sizes 4 and 2 differ. Did you mean X @ W.T?",
        ),
        (
            {"X": X[0], "W": W},
            (
                "X has the shape (4,), but is a matrix here; "
                "declare another shape of it with shapes={…}."
            ),
        ),
        ({"X": "a", "W": W}, "X is no array of numbers; give it as NumPy takes it."),
    ],
)
def test_bad_arrays(given: dict[str, Any], message: str) -> None:
    """What is missing, unknown or does not fit is named."""
    with pytest.raises(InputError) as error:
        gradient(LAYER, wrt="X")(**given)
    assert str(error.value) == message


# -- structure -------------------------------------------------------------------------------


def test_symmetric_input() -> None:
    """A symmetric matrix equals its transpose in formulas."""
    assert str(gradient("x @ S @ x", wrt="x", assume={"S": "symmetric"})) == "2*S @ x"
    assert str(gradient("x @ S @ x", wrt="x", shapes={"S": (2, 2)})) == "(S + S.T) @ x"


@pytest.mark.parametrize(
    ("program", "formula"),
    [
        ("tr(inv(X))", "(inv(X) @ inv(X))*eye(N) - 2*(inv(X) @ inv(X))"),
        ("-tr(X @ A)", "-A - A.T + A*eye(N)"),
        ("tr(X)", "eye(N)"),
    ],
)
def test_symmetric_signs(program: str, formula: str) -> None:
    """Of a negative gradient the diagonal is not taken away as minus of a minus."""
    assert gradient(program, wrt="X", assume={"X": "symmetric"}).formula == formula


def test_symmetric_variable() -> None:
    """The gradient by a symmetric matrix is by its own entries, and says so."""
    found = gradient("tr(A @ S)", wrt="S", assume={"S": "symmetric"})
    assert str(found) == "A + A.T - A*eye(N)"
    assert found.note == (
        "S is symmetric: the gradient is by its entries on and above its diagonal; those below "
        "are the same numbers. With G the gradient by all entries, it is G + G.T - G*eye. "
        "The one in the space of symmetric matrices, (G + G.T)/2, is asked for by --convention inner."
    )
    a, s = np.array([[1.0, 2], [3, 4]]), np.eye(2)
    assert np.allclose(found(A=a, S=s), [[1, 5], [5, 4]])


def test_diagonal_variable() -> None:
    """The gradient by a diagonal matrix is 0 off the diagonal."""
    assert str(gradient("tr(A @ D)", wrt="D", assume={"D": "diagonal"})) == "A*eye(N)"
    assert str(gradient("logdet(D)", assume={"D": "diagonal"})) == "inv(D)"


@pytest.mark.parametrize(
    ("program", "options", "message"),
    [
        (
            "x @ S @ x",
            {"assume": {"S": "symetric"}},
            (
                "S cannot be assumed to be 'symetric'; what can be assumed is symmetric, diagonal, psd, "
                "lower, orthogonal, stochastic, onehot or positive. "
                "Did you mean symmetric?"
            ),
        ),
        (
            "x @ S @ x",
            {"assume": [("S", "lower"), ("S", "diagonal")]},
            "S is assumed to be diagonal and lower: a diagonal matrix is triangular; write diagonal.",
        ),
        ("x @ S @ x", {"assume": {"s": "symmetric"}}, "s is not in the program. Inputs are: x, S."),
        (
            "x @ S @ x",
            {"assume": {"x": "symmetric"}},
            "x is a vector; only a matrix can be symmetric.",
        ),
        (
            "sum(S @ X)",
            {"assume": {"S": "symmetric"}, "shapes": {"S": (2, 3)}},
            (
                "S is 2×3, but a symmetric matrix is square; declare --shape S=2x2, "
                "or leave --assume S=symmetric out."
            ),
        ),
        (
            "Y = X @ W; L = sum(Y**2)",
            {"assume": {"Y": "symmetric"}},
            "Y is assigned; only of inputs can something be assumed. Inputs are: X, W.",
        ),
        (
            "sum(X @ W)",
            {"wrt": "Z"},
            "There is no Z in the program; gradients can be derived by X and W.",
        ),
        ("sum(X)", {"wrt": "L"}, "L is the loss itself; its gradient by itself is 1."),
        ("sum(X)", {"wrt": ()}, 'wrt is (); it is a name, such as "X", or several.'),
        ("sum(X)", {"wrt": 3}, 'wrt is 3; it is a name, such as "X", or several.'),
        (
            "X @ X.T",
            {},
            "The loss L = X @ X.T is a matrix, not a scalar. Did you mean L = sum(X @ X.T)?",
        ),
        (
            "det(X)",
            {"shapes": {"X": (2, 3)}},
            (
                "det(X): X is 2×3, which is not square; the determinant is that of a square matrix. "
                "Did you mean det(X @ X.T)?"
            ),
        ),
        ("A = B + sum(X); B = A; L = B", {}, None),
    ],
)
def test_bad_input(program: str, options: dict[str, Any], message: str | None) -> None:
    """Input that cannot be used is refused in one line that names the part and a way out."""
    found = refused(program, **options)
    assert "\n" not in found
    if message is not None:
        assert found == message


@pytest.mark.long
def test_fresh_process_is_light() -> None:
    """A plain gradient needs neither SymPy nor NumPy."""
    code = (
        "import sys, matderiv; print(matderiv.gradient('sum((X @ W - T)**2)', wrt='W'));"
        "sys.exit(bool({'sympy', 'numpy'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "2*X.T @ (X @ W - T)\n")


# -- the command -----------------------------------------------------------------------------


def command(*args: str) -> tuple[int, str, str]:
    """The exit code, output and errors of `matderiv gradient`."""
    done = subprocess.run(
        [sys.executable, "-m", "matderiv", "gradient", *args],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def test_command_formula() -> None:
    """The answer is printed alone, as assignments, what is shared once."""
    assert command("--wrt", "X", "--wrt", "W") == (
        0,
        "# X, W: matrices\ndY = df(Y)\ndX = dY @ W.T\ndW = X.T @ dY\n",
        "",
    )


def test_command_latex() -> None:
    """The LaTeX is one display."""
    code, text, _ = command("sum(X**2)", "--format", "latex")
    assert code == 0
    shown = text.removeprefix("% X: a matrix\n")
    assert shown == ("\\begin{aligned}\n\\dfrac{\\partial L}{\\partial X} & = 2X\n\\end{aligned}\n")


@pytest.mark.long
def test_command_structure() -> None:
    """Declared structure is said beside the formula; a mistake is one line and exit code 2."""
    code, text, _ = command("logdet(S)", "--assume", "S=symmetric")
    assert (code, text.splitlines()[2:]) == (
        0,
        ["N = S.shape[0]  # N: the rows of S", "dS = 2*inv(S) - inv(S)*eye(N)"],
    )
    assert text.startswith("# S: a matrix\n# S is symmetric: ")
    code, text, said = command("logdet(S)", "--assume", "S")
    assert (code, text) == (2, "")
    assert said.endswith("'S': write NAME=symmetric, for instance.\n")


def test_public() -> None:
    """The function and its result are public."""
    assert isinstance(gradient("x @ x"), matderiv.Gradient)


# -- names for what would stand twice --------------------------------------------------------


def test_what_would_stand_twice_has_a_name() -> None:
    """The lines of a long formula start with the value that it calls by a name of ours."""
    found = gradient("Loss(softmax(relu(softmax(X @ W, axis=1) @ V) @ U, axis=1))", wrt="X")
    assert found.lines == {
        "H": "softmax(X @ W, axis=1)",
        "Z1": "softmax(relu(H @ V) @ U, axis=1)",
        "dZ1": "dLoss(Z1)",
        "dH": "(((Z1*(dZ1 - sum(dZ1*Z1, axis=1, keepdims=True))) @ U.T)*step(H @ V)) @ V.T",
        "dX": "(H*(dH - sum(dH*H, axis=1, keepdims=True))) @ W.T",
    }
    assert found.verdict.index


def test_lines_with_names_run_and_are_right() -> None:
    """Lines run one after another, as the call does, and agree with central differences."""
    program = "L = norm(softmax(X @ W, axis=1) @ v - y)**3"
    found = gradient(program, wrt="X")
    assert set(found.lines) == {"U", "dU", "dX"}
    rng = np.random.default_rng(3)
    shapes = {name: tuple(d.size for d in found.shapes[name]) for name in "XWvy"}
    values = {name: rng.normal(size=shape) for name, shape in shapes.items()}
    known = dict(values)
    for name, line in found.lines.items():
        known[name] = value(line, known, {})
    np.testing.assert_allclose(known["dX"], differences(program, values, "X"), atol=1e-7)
    np.testing.assert_allclose(known["dX"], found(**values), atol=1e-12)


def test_short_formulas_stay_whole() -> None:
    """A formula that a book writes in one piece is not taken apart."""
    for program in ("norm(X @ w - y)", "sum((X @ w - y)**2)**2", "sum(log(softmax(X @ w)))"):
        found = gradient(program, wrt="w")
        assert [name for name in found.lines if not found.size_words(name)] == ["dw"]


@pytest.mark.long
def test_claims_may_use_the_names() -> None:
    """What is printed is what `check` takes, and what it prints is in the program's names."""
    program = "L = Loss(softmax(Q @ K.T, axis=1) @ V)"
    formula = str(gradient(program, wrt="Q"))
    assert "dU" in formula
    right = check(program, "Q", formula)
    assert right.status == "right"
    wrong = check(program, "Q", formula.replace("K", "K*2"))
    assert wrong.status == "wrong"
    assert "dU" not in wrong.gradient


def test_a_minus_stands_at_the_first_factor() -> None:
    """-2*X and not -(2*X), wherever a product is subtracted from nothing."""
    assert str(gradient("sum((A - X)**2)", wrt="X")) == "-2*(A - X)"
    assert str(gradient("-alpha*sum(X*Y)/beta", wrt="X")) == "-alpha*Y/beta"


@pytest.mark.parametrize("kind", ["maximum", "minimum"])
@pytest.mark.parametrize("length", [1, 24])
def test_one_value_under_two_names_is_no_choice(kind: str, length: int) -> None:
    """Where both sides are one value the gradient is not 0; it is refused, in long programs too."""
    chain = "; ".join(["Z0 = X*C", *(f"Z{n} = Z{n - 1} + X" for n in range(1, length))])
    program = f"{chain}; A = Z{length - 1} + X; B = {{}}; L = sum({kind}(A, B))"
    same, other = f"X + Z{length - 1}", f"2*X + Z{length - 1}"
    with pytest.raises(matderiv.MatderivError, match=rf"In {kind}\(A, B\) both sides .* write A"):
        gradient(program.format(same), wrt="X")
    found = gradient(program.format(other), wrt="X")(X=[[1.0]], C=[[3.0]])
    assert found.tolist() == [[3 + length - 1 + {"maximum": 2, "minimum": 1}[kind]]]


def test_the_loss_is_named_where_the_program_names_it() -> None:
    """What was asked for before makes no difference: the value of an unnamed loss has no name."""
    before, value = "p = softmax(x); q = softmax(y)", "sum(p*(log(p) - log(q)))"
    unnamed, named = f"{before}; {value}", f"{before}; L = {value}"
    for text in (unnamed, named, unnamed):
        formula = str(gradient(text, wrt="x"))
        assert (formula == "p*(log(p) - log(q) - L)") == (text == named)
        assert ("L" in formula) == (text == named)
