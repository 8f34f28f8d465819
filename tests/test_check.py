"""Claimed gradients: right ones are proved, wrong ones are refuted and the mistake is named."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from matderiv import cli
from matderiv.calculus.formulas.flattened import cost
from matderiv.checking.check import check
from matderiv.checking.report import Check
from matderiv.checking.trial import Trial
from matderiv.errors import InputError, ProgramSyntaxError, UnsupportedError
from matderiv.expression.nodes import Node
from matderiv.testing import assert_gradient

PLAIN = "Y = X @ W; L = sum(f(Y))"


@pytest.mark.parametrize(
    ("program", "wrt", "claim"),
    [
        (PLAIN, "X", "dY @ W.T"),
        (PLAIN, "X", "df(Y) @ W.T"),
        (PLAIN, "X", "df(X @ W) @ W.T"),
        (PLAIN, "X", "(W @ df((W.T @ X.T).T).T).T"),
        (PLAIN, "W", "X.T @ dY"),
        (PLAIN, "W", "2*X.T @ dY - X.T @ (dY + L - L)"),
        ("L = Loss(Q @ K.T)", "K", "dY.T @ Q"),
        ("L = 3*sum(log(1 + exp(X @ W)))", "X", "3*sigmoid(X @ W) @ W.T"),
        ("L = 3*sum(log(1 + exp(X @ W)))", "X", "3/2*(1 + tanh(Y/2)) @ W.T"),
        ("L = sum((X @ W)**2)/2", "X", "X @ W @ W.T"),
        ("L = sum((X @ W)**2)/2", "W", "X.T @ X @ W"),
        ("L = lam*sum(tanh(X @ W))", "X", "lam*(2/(exp(Y) + exp(-Y)))**2 @ W.T"),
        ("L = sum(relu(X @ W))", "X", "step(Y) @ W.T"),
        ("L = sum(sin(X @ W)**2)", "X", "sin(2*Y) @ W.T"),
    ],
)
def test_right_claims_are_proved_for_all_sizes(program: str, wrt: str, claim: str) -> None:
    """However it is written, a right formula is proved in index notation."""
    report = check(program, wrt, claim)
    assert report.status == "right"
    assert report.decision.index


MISTAKES = [
    (PLAIN, "X", "dY @ W", "W lost its transpose: it must be W.T."),
    (PLAIN, "X", "dY.T.T @ W.T.T", "W.T.T has a transpose too many: it must be W.T."),
    (PLAIN, "X", "W @ dY.T", "It is right up to a transpose of the whole: W @ dY.T must be (W @ dY.T).T."),
    (PLAIN, "X", "W.T @ dY", "The factors are in the wrong order: W.T @ dY must be dY @ W.T."),
    (PLAIN, "X", "dY * W.T", "dY*W.T multiplies entry by entry, but a matrix product belongs here: dY @ W.T."),
    (PLAIN, "X", "-2*dY @ W.T", "The constant factor is wrong: the claim is -2 times the gradient."),
    (PLAIN, "X", "-dY @ W.T", "The sign is wrong: the claim is minus the gradient."),
    ("L = lam*sum(f(X @ W))", "X", "df(Y) @ W.T", "The constant factor is wrong: the claim is 1/lam times the gradient."),
    ("L = sum(X @ W - (X @ W)**2)", "X", "(1 + 2*Y) @ W.T", "A sign is wrong: 1 + 2*Y must be 1 - 2*Y."),
    ("L = sum((X @ W)**3 - X @ W)", "X", "(3*Y**3 - 1) @ W.T", "A number is wrong: Y**3 must be Y**2."),
    ("L = sum((X @ W)**2 - X @ W)", "X", "2*Y @ W.T", "A term is missing: 2*Y must be 2*Y - 1."),
    (PLAIN, "X", "dY @ W.T + X", "There is a term too many: dY @ W.T + X must be dY @ W.T."),
    ("L = sum((1 + exp(X @ W))**2)", "X", "2*(1 + exp(Y)) @ W.T", "A factor of the chain rule is missing: 2*(1 + exp(Y)) must be 2*(1 + exp(Y))*exp(Y)."),
    (PLAIN, "X", "f(Y) @ W.T", "The derivative is left out: f(Y) must be df(Y)."),
    ("L = 3*sum(log(1 + exp(X @ W)))", "X", "3*log(exp(Y) + 1) @ W.T", "The derivative is left out: log(exp(Y) + 1) must be sigmoid(Y)."),
    ("L = sum(relu(X @ W))", "X", "relu(X @ W) @ W.T", "The derivative is left out: relu(X @ W) must be step(X @ W)."),
    (PLAIN, "X", "W.T", "A factor is missing: W.T must be dY @ W.T."),
    (PLAIN, "X", "dY @ X.T", "X stands where W belongs."),
    (PLAIN, "X", "X.T @ dY", "It is the gradient with respect to W."),
    (PLAIN, "W", "dY.T @ X.T", "The factors are in the wrong order: dY.T @ X.T must be X.T @ dY.T.\ndY.T has a transpose too many: it must be dY."),
]  # fmt: skip


@pytest.mark.parametrize(
    ("program", "wrt", "claim", "words"), MISTAKES, ids=[m[2] for m in MISTAKES]
)
def test_each_mistake_is_named(program: str, wrt: str, claim: str, words: str) -> None:
    """Every kind of mistake has its sentence, and the sentence names the part."""
    report = check(program, wrt, claim)
    assert report.status == "wrong"
    assert words in report.text()
    assert "{" not in report.text("zh")


def test_a_shape_that_does_not_fit_is_shown_with_its_sizes() -> None:
    """The product and the two sizes are named, in letters and numbers."""
    text = check(PLAIN, "X", "2*dY @ W").text()
    assert (
        "in 2*dY @ W, 2*dY is N×M (2×3) and W is D×M (4×3); the inner sizes 3 and 4 differ." in text
    )
    text = check(PLAIN, "X", "dY").text("zh")
    assert "形状不匹配：dY 是 N×M（2×3），而对 X 的梯度应与 X 形状相同，即 N×D（2×4）。" in text


def test_the_first_entry_that_differs_is_shown() -> None:
    """Where no single change helps, the first entry is shown in symbols and in numbers."""
    report = check("L = sum((X @ W)**2)/2", "X", "sin(Y) @ W.T + Y @ W.T*X")
    assert report.cause is None
    assert report.difference is not None
    assert report.difference.place == (1, 1)
    values = report.difference.claim_value, report.difference.gradient_value
    assert values[0] != values[1]
    assert "y_11" in dict(report.difference.point)


def test_square_sizes_hide_nothing() -> None:
    """At equal sizes a lost transpose fits; the verdict is for all sizes all the same."""
    report = check(PLAIN, "X", "dY @ W", shapes={"X": (3, 3), "W": (3, 3)})
    assert report.status == "wrong"
    assert report.misfit is not None
    sizes = {
        n.size for shape in (report.misfit.left_shape, report.misfit.right_shape) for n in shape
    }
    assert len(sizes) > 1


def test_names_do_not_matter() -> None:
    """Other names, also ones that are index letters elsewhere, give the same verdicts."""
    program = "K = N @ D.T; J = lam*sum(phi(K))"
    assert check(program, "D", "lam*dphi(K).T @ N").status == "right"
    assert "lost its transpose" in check(program, "D", "dK @ N").text()


@pytest.mark.parametrize(
    ("claim", "message"),
    [
        ("XW", "There is no name XW here; there are X, W, Y, L, dY. Did you mean X @ W?"),
        ("dX", "There is no name dX here"),
        (
            "X/k",
            "There is no name k here; there are X, W, Y, L, dY, and the sizes N, D, M. If k is a size, write N or D or M for it.",
        ),
        ("dW @ X", "There is no name dW here"),
        ("dy @ W.T", "Did you mean dY?"),
        ("g(Y) @ W.T", "There is no function g here; there are f, df, exp"),
        ("dW = dY @ W.T", "dW, and dX is asked for; leave out dW = or write dX = dY @ W.T."),
        ("X.shape[2]", "X.shape[2]: X has 2 axes."),
        ("dY @", "Something is missing at the end. Write for example: dY @ W.T"),
        ("", "The claim is empty. Write for example: dY @ W.T"),
        ("dY; W", "A claim is one expression"),
        ("__import__('os')", "is not a name that can be used"),
        ("dY @ W.T / (X - X)", "divides by zero"),
        ("9" * 50, "A number has more than 40 digits"),
        ("(" * 300 + "X" + ")" * 300, "nested too deeply"),
    ],
)
def test_what_cannot_be_read(claim: str, message: str) -> None:
    """A claim that cannot be read is refused with the place, or the name that was meant."""
    with pytest.raises(InputError) as error:
        check(PLAIN, "X", claim)
    assert message in str(error.value)


def test_the_place_of_an_error_is_known() -> None:
    """The caret stands below the name that means nothing."""
    with pytest.raises(ProgramSyntaxError) as error:
        check(PLAIN, "X", "dY @ V.T")
    assert error.value.offset == 5


def test_what_is_not_decided_is_said() -> None:
    """A claim that is neither proved nor refuted is called undecided, never right."""
    claim = "dY @ W.T + tanh(exp(exp(exp(exp(X + 9))))) - 1"
    report = check(PLAIN, "X", claim)
    assert report.status == "undecided"
    assert report.text().startswith("Not decided: ")


@pytest.mark.long
def test_right_at_some_sizes_is_not_right() -> None:
    """(N-1)(N-2)(N-3)(N-4) is 0 at the sizes that are tried first, and not at all sizes."""
    vanishing = "dY @ W.T + (N-1)*(N-2)*(N-3)*(N-4)*X"
    report = check(PLAIN, "X", vanishing)
    assert report.status == "wrong"
    assert "There is a term too many: " in report.text()
    assert check(PLAIN, "X", "dY @ W.T + (N-1)*(N-N)*X").status == "right"


def test_right_without_proof_is_not_right(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a proof for all sizes, entries that agree at some are said to be just that."""
    monkeypatch.setattr("matderiv.checking.decide._general", _no_forms)
    report = check(PLAIN, "X", "dY @ W.T")
    assert report.status == "undecided"
    assert report.text().startswith("Not proved: ")
    assert report.text("zh").startswith("未能证明")
    assert json.loads(report.json())["sizes_compared"]
    with pytest.raises(AssertionError, match="no proof for all sizes was found"):
        assert_gradient(PLAIN, "X", "dY @ W.T")


def _no_forms(*_: object) -> Callable[[object], object]:
    def forms(_: object) -> object:
        raise UnsupportedError("letters decide nothing here")

    return forms


@pytest.mark.parametrize(
    "claim",
    ["ones((N, D)) + 0*log(0)", "-sqrt(-1)**2*ones((N, D))", "log(X - X)", "log(0*X)/0.5 + X - X"],
)
def test_a_claim_without_a_value_is_not_right(claim: str) -> None:
    """A formula that has a value nowhere is not the gradient, whatever its normal form is."""
    report = check("L = sum(X)", "X", claim)
    assert report.status != "right"
    with pytest.raises(AssertionError):
        assert_gradient("L = sum(X)", "X", claim)


@pytest.mark.parametrize(
    "claim", ["X**1e20", "(X**1000)**1000", "X*2**1e9", "exp(exp(exp(exp(X))))", "X**X**X**X"]
)
def test_large_numbers_are_not_built(claim: str) -> None:
    """A power that would fill the memory is dealt with at once."""
    assert check(PLAIN, "X", claim).status in ("wrong", "undecided")


def test_where_a_formula_is_defined_is_said() -> None:
    """A formula that divides is right wherever it is defined, and that is added."""
    report = check(PLAIN, "X", "dY @ W.T * X / X")
    assert report.status == "right"
    assert "It holds wherever the formula is defined.\n" in report.text()


def test_json_holds_the_same_facts() -> None:
    """The structure for programs is documented; its keys are those of the README."""
    made = json.loads(check(PLAIN, "X", "2*dY @ W").json())
    assert made["verdict"] == "wrong"
    assert made["misfit"]["part"] == "2*dY @ W"
    assert made["causes"] == [
        {"kind": "transpose_lost", "before": "W", "after": "W.T"},
        {"kind": "factor", "factor": "2"},
    ]
    made = json.loads(check(PLAIN, "X", "dY @ W.T").json())
    assert (made["verdict"], made["for_all_sizes"]) == ("right", True)


@pytest.mark.parametrize(("claim", "code"), [("dY @ W.T", 0), ("dY @ W", 1), ("dY @ V", 2)])
def test_exit_codes(capfd: pytest.CaptureFixture[str], claim: str, code: int) -> None:
    """0 for right, 1 for wrong, 2 for what cannot be read; a verdict goes to standard output."""
    with pytest.raises(SystemExit) as done:
        cli.main(["check", "--claim", claim])
    out, err = capfd.readouterr()
    assert done.value.code == code
    assert bool(out) == (code < 2)
    assert bool(err) == (code == 2)


@pytest.mark.parametrize(
    ("claim", "words"),
    [
        ("inv(W) @ dY", "in inv(W), W is D×M (4×3), and it must be a square matrix."),
        ("trace(X @ W)*X", "in trace(X @ W), X @ W is N×M (2×3), and it must be a square matrix."),
        ("dY @ W.T @ inv(X @ X.T)", "the inner sizes 4 and 2 differ."),
        ("sum(dY, axis=0)", "sum(dY, axis=0) is M (3)"),
        ("sum(dY, axis=1, keepdims=True)*X", "∂L/∂y_11·x_11 + ∂L/∂y_12·x_11 + ∂L/∂y_13·x_11 = 36"),
        ("det(X.T @ X)*X", "·x_11 = 0"),
        ("softmax(dY, axis=1) @ W.T", "Right is dY @ W.T."),
        ("abs(X)", "Right is dY @ W.T."),
    ],
)
def test_claims_may_use_the_whole_language(claim: str, words: str) -> None:
    """What other programs are made of is judged too, each axis being the one that is written."""
    report = check("Y = X @ W; L = Loss(Y)", "X", claim)
    assert report.status == "wrong"
    assert words in report.text()


@pytest.mark.parametrize(
    ("claim", "status"),
    [
        ("dY*(Y > 0)", "right"),
        ("dY*(2*Y > 0)", "right"),
        ("dY*sign(Y)", "right"),
        ("dY*(Y != 0)", "right"),
        ("where(Y > 0, dY, 0)", "right"),
        ("dY*(Z >= 0)", "right"),
        ("dY*(Y >= 0)", "wrong"),
        ("dY*(Y < 0)", "wrong"),
        ("dY*(Y <= 0)", "wrong"),
        ("dY*(-Y > 0)", "wrong"),
        ("dY*(Y == 0)", "wrong"),
        ("dY*(Y + 1 > 0)", "wrong"),
    ],
)
def test_relu_backwards_by_its_value(claim: str, status: str) -> None:
    """The mask of relu may be read off its value: step(0) is 0, and relu is 0 or positive."""
    program = "Z = X @ W + b; Y = relu(Z); L = Loss(Y)"
    assert check(program, "Z", claim).status == status


@pytest.mark.parametrize(
    ("wrt", "claim"),
    [
        ("W", "sum(X, axis=0, keepdims=True).T @ ones((1, M))"),
        ("X", "sum(W, axis=1)*ones((N, D))"),
        ("X", "eye(N) @ ones((N, 1)) @ mean(ones((N, M)), axis=0, keepdims=True) @ W.T"),
    ],
)
def test_sums_over_axes_are_proved(wrt: str, claim: str) -> None:
    """A right formula may sum along axes, and hold arrays of ones of any size."""
    assert check("L = sum(X @ W)", wrt, claim).status == "right"


def test_sizes_in_figures_stand_for_letters() -> None:
    """What `matderiv gradient` prints can be claimed, and is judged for all sizes."""
    report = check("L = sum(X @ W)", "X", "eye(2) @ (sum(W, axis=1)*ones((2, 4)))")
    assert "eye(N) @ (sum(W, axis=1)*ones((N, D))) is the gradient" in report.text()
    assert check("Y = X @ W; L = Loss(Y)", "X", "dY @ W.T @ eye(3)").status == "wrong"


@pytest.mark.parametrize(
    ("claim", "size"), [("eye(7) @ dY @ W.T", 7), ("2*dY @ W.T*ones((2, 4))", 4)]
)
def test_sizes_in_figures_that_stand_for_no_letter_are_refused(claim: str, size: int) -> None:
    """A claim would be right at that size only, or no one knows which letter is meant."""
    shapes = {"X": (2, 4), "W": (4, 4)}
    with pytest.raises(ProgramSyntaxError, match=rf"all sizes, and .* has the size {size}, which"):
        check("Y = X @ W; L = Loss(Y)", "X", claim, shapes=shapes)
    there = check("Y = X @ W; L = Loss(Y)", "X", "dY @ W.T*ones((2, 4))", shapes=shapes)
    assert there.text().startswith("Right at the shapes declared (X 2×4, W 4×4): ")


@pytest.mark.parametrize(
    ("claim", "words", "place"),
    [
        ("2*f'(Y) @ W.T", "f′ is written df here, such as df(Y).", 2),
        ("f′(X @ W) @ W.T", "f′ is written df here, such as df(Y).", 0),
        ("2*∂L/∂Y @ W.T", "∂L/∂Y is written dY here.", 2),
        ("dL/dY @ W.T", "dL/dY is written dY here.", 0),
    ],
)
def test_what_is_written_by_hand_has_a_name_here(claim: str, words: str, place: int) -> None:
    """A student's f′ and ∂L/∂Y are answered with what to type."""
    with pytest.raises(ProgramSyntaxError) as error:
        check(PLAIN, "X", claim)
    assert str(error.value).startswith(words)
    assert error.value.offset == place


def test_other_sizes_than_the_given_ones_are_explained() -> None:
    """Whoever gave square sizes is told why the answer is about others; nobody else is."""
    square = {"X": (3, 3), "W": (3, 3)}
    words = "Shown at N = 2, D = 4, M = 3, which are small and unequal"
    for claim in ("dY @ W", "2*dY @ W.T"):
        assert words in check(PLAIN, "X", claim, shapes=square).text()
        assert "Shown at" not in check(PLAIN, "X", claim).text()
    kept = check(PLAIN, "X", "dY @ W", shapes={"X": (3, 5), "W": (5, 2)}).text()
    assert "Shown at" not in kept
    assert "D×M (5×2)" in kept


@pytest.mark.parametrize(
    ("claim", "status"),
    [
        ("dY @ W.T + 0**(N - 1)*X", "wrong"),  # 0**0 is 1
        ("dY @ W.T + 0**(N - 3)*X", "wrong"),
        ("0**(N - 1)*X", "wrong"),
        ("dY @ W.T + 0**N*X", "right"),
        ("dY @ W.T + X/0**N", "undecided"),
        ("dY @ W.T + 0**(N*N + N - 1)*X", "right"),
        ("dY @ W.T + 0**(3 - N)*X", "wrong"),  # 1 at N = 3
    ],
)
def test_claims_with_a_value_at_some_sizes_only(claim: str, status: str) -> None:
    """They get an answer at the sizes where they have a value."""
    assert check("Y = X @ W; L = sum(f(Y))", "X", claim).status == status


@pytest.mark.parametrize(
    "base", ["0", "(N - N)", "log(1)", "(sin(3)**2 + cos(3)**2 - 1)", "(1 - sum(ones(N))/N)"]
)
@pytest.mark.parametrize("at", [9, 12, 40])
def test_zero_to_a_power_that_is_zero_at_one_size(base: str, at: int) -> None:
    """0**(n - N) is 1 at N = n and has no value above, so it is not 0 for all sizes."""
    for power in (f"({at} - N)", f"(N - {at})**2"):
        claim = f"ones(N) + {base}**{power}"
        assert check("L = sum(x)", "x", claim).status != "right", claim


@pytest.mark.parametrize(
    ("structure", "none", "some"),
    [
        ("onehot", "x/x", "x/x**0 + 1 - x"),
        ("onehot", "ones(N) + 0*log(x)", "ones(N) + 0*log(x + 1)"),
        ("onehot", "x**-1*x", "ones(N)*(1 + x)/(1 + x)"),
        ("diagonal", "eye(N) + 0*log(A)", "eye(N) + 0*log(A*A + 1)"),
        ("lower", "tril(ones((N, N)))*A/A", "tril(ones((N, N)))*(A + 1)/(A + 1)"),
    ],
)
def test_what_has_no_value_at_any_such_input_is_not_right(
    structure: str, none: str, some: str
) -> None:
    """Zeros that an assumption puts there at every size above 1 divide nothing."""
    shapes = {"A": (3, 3)} if "A" in none else None
    wrt = "A" if shapes else "x"

    def asked(claim: str) -> Check:
        return check(f"L = sum({wrt})", wrt, claim, assume={wrt: structure}, shapes=shapes)

    assert asked(none).status == "undecided"
    assert "has no value at any point" in str(asked(none))
    assert asked(some).status == "right"
    assert asked(f"2*({some})").status == "wrong"


@pytest.mark.parametrize(
    ("none", "some"),
    [
        ("inv(outer(x, x)) @ outer(x, x) @ ones(N)", "inv({0}) @ {0} @ ones(N)"),
        ("ones(N)*logdet(outer(x, x))*0 + 1", "ones(N)*logdet({0})*0 + 1"),
        ("ones(N) + 0*logdet(ones((N, N)))", "ones(N) + 0*logdet({0})"),
        ("ones(N) + 0*log(relu(-abs(x)))", "ones(N) + 0*log(relu(abs(x)))"),
    ],
)
def test_what_has_a_value_at_size_1_only_is_not_right(none: str, some: str) -> None:
    """A column times its row has an inverse where it is a number; beside the identity always."""
    some = some.format("(eye(N) + outer(x, x))")
    assert check("L = sum(x)", "x", none).status == "undecided"
    assert check("L = sum(x)", "x", some).status == "right"
    assert check("L = sum(x)", "x", f"{some} + x").status == "wrong"


@pytest.mark.parametrize("shape", [(2, 3), (3, 3), (5, 4)])
def test_letters_stand_for_declared_sizes_in_wrong_claims_too(shape: tuple[int, int]) -> None:
    """The right one is right, and the others are answered, not refused."""
    for claim, status in (("ones((N, D))", "right"), ("eye(N) @ ones((N, D))*3", "wrong")):
        assert check("L = sum(X)", "X", claim, shapes={"X": shape}).status == status


@pytest.mark.parametrize("power", ["N", "(N + 7)", "(N*N + N - 1)", "(2*N - 1)"])
def test_zero_to_a_power_that_is_positive_at_all_sizes(power: str) -> None:
    """It is 0; 1 added to it is wrong."""
    assert check("L = sum(x)", "x", f"ones(N) + 0**{power}").status == "right"
    assert check("L = sum(x)", "x", f"ones(N) + 0**{power} + 1").status == "wrong"


@pytest.mark.parametrize(
    ("program", "structure", "claim"),
    [
        ("logdet(S) + tr(inv(S) @ C)", "symmetric", "inv(S) - inv(S) @ C @ inv(S)"),
        ("logdet(S) + tr(inv(S) @ C)", "symmetric", "inv(S) - inv(S) @ C.T @ inv(S)"),
        ("logdet(S)", "symmetric", "2*inv(S) + inv(S)*eye(N)"),
        ("tr(A @ S)", "diagonal", "A.T"),
        ("tr(A @ S @ B)", None, "A @ B"),
        ("x @ S @ x", None, "2*outer(x, x)"),
    ],
)
def test_what_is_said_to_be_right_is_right(program: str, structure: str | None, claim: str) -> None:
    """The claim set right, and what the whole of it is said to become, are the gradient."""
    assume = {"S": structure} if structure else None
    report = check(program, "S", claim, assume=assume)
    assert report.status == "wrong"
    found, words = report.cause, report.question.source
    rights = [report.gradient]
    if found is not None:
        rights.append(words(found.repaired))
        wholes = [report.claim, found.same, *(edit.node for edit in found.edits[:-1])]
        rights += [words(edit.after) for edit in found.edits[-1:] if edit.before in wholes]
    for right in dict.fromkeys(rights):
        assert check(program, "S", right, assume=assume).status == "right"


def test_answers_say_which_reading_was_taken() -> None:
    """A vector that might be a number is told after the verdict, in both languages."""
    report = check("(x - mu) @ A @ (x - mu)", "x", "(A + A.T) @ (x - mu)")
    assert report.status == "right"
    said = [
        "A is read as a matrix.",
        "x and mu are read as vectors; --shape mu=scalar declares it otherwise.",
    ]
    assert report.text().splitlines()[-2:] == said
    assert report.facts["readings"] == said
    assert "--shape mu=scalar" in report.text("zh").splitlines()[-1]


@pytest.mark.parametrize(
    ("program", "claim", "status"),
    [
        ("sum(softmax(z))", "0", "right"),
        ("sum(softmax(z))", "zeros(n)", "right"),
        ("sum(softmax(z))", "zeros(k)", "right"),
        ("sum(z**2)", "0", "wrong"),
        ("tr(A)", "eye(m)", "right"),
        ("tr(A)", "2*eye(m)", "wrong"),
        ("sum(X @ w)", "dX = outer(ones(n), w)", "right"),
    ],
)
def test_zeros_and_sizes_by_other_letters(program: str, claim: str, status: str) -> None:
    """0 is the array of zeros that fits; a letter is the only size that it can be."""
    assert check(program, claim=claim).status == status


def test_what_a_letter_of_a_claim_is_not() -> None:
    """The identity is written eye(N), and a letter that may be two sizes is asked for."""
    with pytest.raises(InputError, match=r"identity matrix is written eye\(N\)\."):
        check("tr(A @ A)", "A", claim="2*A*I")
    with pytest.raises(InputError, match="write N or D for it"):
        check("mean((X @ w - y)**2)", "w", claim="X.T @ (X @ w - y)/m")
    with pytest.raises(InputError, match="size k is not known"):
        check("sum(X @ w)", "X", claim="outer(ones(k), w)")


@pytest.mark.parametrize("wrt", ["A", "X"])
def test_values_of_ours_that_do_not_depend_on_the_input(wrt: str) -> None:
    """A long gradient by A calls a product of X alone by a name; that product has no gradient."""
    program = f"tr({'@'.join('X.T X X.T X X.T A X X A A A X.T X A A A'.split())})"
    found = check(program, wrt, f"2*{wrt}")
    assert found.status == "wrong"
    other = "X" if wrt == "A" else "A"
    assert check(program, other, f"2*{wrt}").status == "wrong"


def test_a_long_claim_is_not_changed_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """The longer a formula, the fewer changes of it are tried, so that the work stays the same."""
    read: list[int] = []
    near = Trial.near

    def counted(trial: Trial, node: Node) -> tuple[bool, bool]:
        read.append(cost(node))
        return near(trial, node)

    monkeypatch.setattr(Trial, "near", counted)
    factors = " @ ".join(["X", "X.T", "A"] * 4)
    assert check(f"det({factors})", "X", "2*X").status == "wrong"
    assert len(read) > 100
    assert sum(read) < 1_000_000


def test_n_is_the_size_that_is_called_n_but_for_its_capital() -> None:
    """The usual 2/n is read where one size has that letter; an input n, or another letter, is not."""
    program = "mean((X @ w - y)**2)"
    assert check(program, "w", "2/n*X.T @ (X @ w - y)").status == "right"
    assert check(program, "w", "1/n*X.T @ (X @ w - y)").status == "wrong"
    assert check(program, "w", "2/d*X.T @ (X @ w - y)").status == "wrong"
    with pytest.raises(InputError, match="There is no name m here"):
        check(program, "w", "2/m*X.T @ (X @ w - y)")
    own = check("mean((X @ w - y)**2)/n", "w", "2*X.T @ (X @ w - y)/(n*N)", shapes={"n": ()})
    assert own.status == "right"
