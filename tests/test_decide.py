"""The one decider: what it proves, what it refutes, and the reasons that it keeps."""

from __future__ import annotations

from fractions import Fraction

import pytest

import matderiv
from matderiv.calculus.deciding.decide import (
    Attempt,
    Budget,
    Pair,
    compare,
    decide,
    decide_by_letters,
)
from matderiv.calculus.deciding.parts import differing
from matderiv.calculus.deciding.points import differ, refuting_point
from matderiv.calculus.formulas.shaping import shapes_over
from matderiv.calculus.index_forms.entries import Entries
from matderiv.calculus.index_forms.forms import Entry, Form, Whole, single
from matderiv.calculus.sweep.proving import Prover
from matderiv.calculus.sweep.structure import follows
from matderiv.calculus.sweep.task import read_task
from matderiv.checking.check import check
from matderiv.derivation.judge import Judge
from matderiv.derivation.methods.judge import RouteJudge
from matderiv.derivation.program import Defining
from matderiv.derivation.sides import Formula, Indexed
from matderiv.errors import InputError, TooLarge, UnsupportedError
from matderiv.expression import nodes
from matderiv.expression.nodes import Name, Node
from matderiv.expression.parse import parse
from matderiv.expression.program import Program
from matderiv.expression.shapes import infer

SHAPES = {"A": (3, 3), "B": (3, 3), "x": (3,), "y": (3,)}
SIZES = dict.fromkeys(["N", "D", "M", "K"], 3)


def formula(text: str) -> Node:
    """An expression of A, B, x and y."""
    return parse(f"L = {text}").loss.value


def attempt(one: str, other: str, *, complete: bool = True) -> Attempt:
    """Two formulas of A, B, x and y, as they stand."""
    sides = formula(one), formula(other)
    shapes = infer(parse(f"L = sum({one}) + sum({other}) + sum(A) + sum(B @ (x*y))"), shapes=SHAPES)

    def forms(place: tuple[int, ...] | None) -> Pair:
        entries = Entries(shapes_over(shapes), written=place is not None)
        dims = entries.shape(sides[0])
        first, second = (entries.at(side, *(place or "pq"[: len(dims)])) for side in sides)
        return first, second

    return Attempt("as they stand", forms, complete=complete)


def failing(error: Exception) -> Attempt:
    """An attempt that cannot be made."""

    def forms(_: tuple[int, ...] | None) -> Pair:
        raise error

    return Attempt("one that fails", forms)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("A @ B", "(B.T @ A.T).T"),
        ("sin(A)**2 + cos(A)**2", "ones((3, 3))"),
        ("tanh(A)", "(exp(A) - exp(-A))/(exp(A) + exp(-A))"),
        ("inv(A @ B)", "inv(B) @ inv(A)"),
        ("det(-(A*B))", "-det(A*B)"),
    ],
)
def test_equal_forms(one: str, other: str) -> None:
    """Formulas that are equal are proved equal, for all sizes or at the sizes."""
    found = decide([attempt(one, other)], lambda: (3, 3)[: 0 if "det" in one else 2], SIZES)
    assert found.status == "equal", found.reason


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x/std(x)", "x*std(x)*std(x)/std(x)**3"),
        ("x/norm(x/norm(x))", "x*norm(x)/norm(x)"),
        ("relu(softmax(x))", "softmax(x)"),
        ("abs(A + exp(B))*sign(exp(A) + mean(exp(B)))", "abs(exp(B) + A)"),
        ("step(1/(1 + exp(-x)))", "ones(3)"),
    ],
)
def test_read_the_same(one: str, other: str) -> None:
    """Powers of one base are one power, and a positive number is told from others."""
    assert decide_by_letters([attempt(one, other)]).status == "equal"


@pytest.mark.parametrize("inside", ["x", "tanh(x)", "exp(x) - 1", "x*exp(y)", "log(exp(x))"])
def test_what_may_be_negative_keeps_its_sign(inside: str) -> None:
    """Only sums of products of exponentials, sizes and numbers above 0 are taken as positive."""
    assert decide_by_letters([attempt(f"abs({inside})", inside)]).status == "undecided"
    assert decide_by_letters([attempt(f"step({inside})", "ones(3)")]).status == "undecided"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("A @ B", "A @ B.T"),
        ("A @ B", "B @ A"),
        ("A*B", "2*A*B"),
        ("A - B", "B - A"),
        ("inv(A)", "inv(A).T"),
        ("A*eye(3)", "A"),
        ("sign(A)*sign(A)*B", "sign(A)*B"),
        ("f(A)", "f(B)"),
        ("exp(A)", "exp(A.T)"),
    ],
)
def test_a_point_refutes(one: str, other: str) -> None:
    """A lost transpose, an order, a factor, a sign, δ taken for 1 and sign² left alone are refuted."""
    found = decide([attempt(one, other)], lambda: (3, 3), SIZES)
    assert (found.status, found.index, found.entries) == ("refuted", False, 0)
    assert found.entry is not None
    assert "the sides differ at" in found.reason


def test_only_a_complete_attempt_refutes() -> None:
    """Names that have definitions may take no values of their own, so they refute nothing."""
    found = decide([attempt("A", "B", complete=False)], lambda: (3, 3), SIZES)
    assert (found.status, found.entry) == ("undecided", (1, 1))


def inverse(row: int, col: int) -> Form:
    """An entry of the inverse of X, whatever its size is."""
    return single(
        Whole("inv", (("_0", "N"), ("_1", "N")), single(Entry("X", ("_0", "_1"))), (row, col))
    )


def test_places_of_a_form_lie_in_the_sizes_of_a_point() -> None:
    """Forms that name row 3 differ at matrices that have three rows."""
    assert differ(inverse(3, 1), inverse(1, 3))
    assert not differ(inverse(3, 1), inverse(3, 1))


def test_a_place_that_is_not_there_is_no_point() -> None:
    """Nothing is said of row 3 of a matrix of two rows."""
    assert refuting_point(inverse(3, 1), inverse(1, 3), {"N": 2}) is None
    assert refuting_point(inverse(3, 1), inverse(1, 3), {"N": 3}) is not None


def test_no_false_point() -> None:
    """An inverse has the values that its matrix gives it: A⁻¹A = I is not refuted."""
    shapes = shapes_over(infer(parse("L = sum(A)"), shapes={"A": (2, 2)}))
    sides = (formula("inv(A) @ A"), formula("eye(2)"))
    unlike = (formula("inv(A) @ A"), formula("inv(A) @ A.T"))
    entries = Entries(shapes, written=True)
    for place in ((1, 1), (1, 2), (2, 2)):
        one, other = (entries.at(side, *place) for side in sides)
        assert refuting_point(one, other, dict.fromkeys("NDMK", 2)) is None
    one, other = (entries.at(side, 1, 2) for side in unlike)
    assert refuting_point(one, other, dict.fromkeys("NDMK", 2)) is not None


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (UnsupportedError("frob(A) has no entries that are known"), "frob(A) has no entries"),
        (TooLarge("the entries hold too many terms"), "too many terms"),
        (RecursionError(), "nested too deeply"),
    ],
)
def test_the_reason_is_kept(error: Exception, reason: str) -> None:
    """A missing rule, a form that is too large and a deep one are told, not swallowed."""
    found = decide([failing(error), attempt("A", "B", complete=False)], lambda: (3, 3), SIZES)
    assert found.status == "undecided"
    assert f"one that fails: {error or ''}".strip() in found.reason
    assert reason in found.reason
    assert "as they stand: the sides do not read the same" in found.reason
    assert decide([failing(error), attempt("A", "A")]).index


def test_division_by_zero_is_the_users() -> None:
    """A side that divides by zero is an error of the input, not a reason among others."""
    with pytest.raises(InputError, match="divides by zero"):
        decide([attempt("A/(B - B)", "A")])


def test_budget() -> None:
    """More entries than the budget has, or more work, leave an equality undecided with the reason."""
    wrong = [attempt("A", "B")]
    found = compare(wrong, (20, 20), SIZES, budget=Budget(entries=399))
    assert (found.status, found.reason) == ("undecided", "400 entries are too many to compare")
    large = decide_by_letters([attempt("(A + B)*(A + B)*(A - B)", "A")], budget=Budget(products=3))
    assert "take too long" in large.reason


def test_parts() -> None:
    """Only parts that differ are compared; other shapes, axes and functions differ as a whole.

    Terms that two sums share are left out, whatever their order is.
    """
    shape = shapes_over(infer(parse("L = sum(A*B) + sum(A @ B)"), shapes={"A": (3, 3)}))
    one = formula("tanh(A @ B) + A*A")
    pairs = differing(one, formula("tanh(A @ A) + A*A"), {}, shape)
    assert pairs == ((Name("B"), Name("A")),)
    left = formula("tanh(A @ B)")
    assert differing(one, formula("sin(A @ B) + A*A"), {}, shape) == (
        (left, formula("sin(A @ B)")),
    )
    other = formula("tanh(A @ B) - A*A")
    square = formula("A*A")
    assert differing(one, other, {}, shape) == ((square, nodes.Negate(square)),)
    assert not differing(one, formula("A*A + tanh(A @ B)"), {}, shape)
    quotients = formula("(A*B)/(A + B)"), formula("(B*A)/(B + A)")
    assert len(differing(*quotients, {}, shape)) > 1
    assert differing(*quotients, {}, shape, kept=(nodes.Divide,)) == (quotients,)
    sums = formula("sum(A, axis=0)"), formula("sum(A, axis=1)")
    assert differing(*sums, {}, shape) == (sums,)
    assert not differing(Name("C"), formula("A @ B"), {"C": formula("A @ B")}, shape)


# ---- Each caller refuses what is wrong -----------------------------------------------------

TASK = "Z = X @ W; H = Z*abs(Z); L = sum(A*H) + tr(S)"


def task_of(program: str = TASK, **shapes: tuple[int, ...]):  # noqa: ANN201
    """A task at sizes that are all different."""
    return read_task(program, shapes={"S": (3, 3)} | shapes)


MUTANTS = ("transpose", "twice", "sign", "forgotten")


def mutant(kind: str, node: Node) -> Node:
    """A formula with a mistake in it."""
    match kind:
        case "transpose":
            return nodes.Transpose(node)
        case "twice":
            return nodes.Multiply(nodes.Number(Fraction(2)), node)
        case "sign":
            return nodes.Negate(node)
    return nodes.Multiply(node, nodes.Number(Fraction(0)))


@pytest.mark.parametrize("kind", MUTANTS)
@pytest.mark.parametrize("judge", [Judge, RouteJudge])
def test_judges_refuse(judge: type[Judge], kind: str) -> None:
    """A judge of links proves ∂L/∂W = Xᵀ·dZ, and no mutant of it."""
    task = read_task("Z = X @ W; L = sum(f(Z)) + sum(W)", shapes={"X": (3, 2), "W": (2, 2)})
    own = judge(task, "W") if judge is RouteJudge else judge(task, "W", ("Z", "L"))
    right = task.wholes["dW"]
    assert own.verdict(Formula(Name("dW")), Formula(right)).status == "equal"
    assert own.verdict(Formula(Name("dW")), Formula(mutant(kind, right))).status != "equal"


@pytest.mark.parametrize("kind", MUTANTS)
def test_definitions_refuse(kind: str) -> None:
    """A value is what is assigned to it, and no mutant of that; no index may be swapped."""
    task = read_task("Z = X @ W; L = sum(f(Z))", shapes={"X": (2, 2), "W": (2, 2)})
    own = Defining(task, "Z")
    value = formula("X @ W")
    assert own.verdict(Formula(Name("Z")), Formula(value)).status == "equal"
    assert own.verdict(Formula(Name("Z")), Formula(mutant(kind, value))).status != "equal"
    entry: Form = single(Entry("Z", ("i", "j")))
    swapped: Form = single(Entry("Z", ("j", "i")))
    assert own.verdict(Indexed(entry), Indexed(swapped)).status != "equal"


@pytest.mark.parametrize("kind", MUTANTS)
def test_the_prover_refuses(kind: str) -> None:
    """Two formulas of a gradient are the same, part by part too; those of a mutant are not."""
    task = read_task("Z = tanh(tanh(X @ X) @ X); L = sum(f(Z))", shapes={"X": (2, 2)})
    prover, right = Prover(task.sweep), task.sweep.gradients["X"].formula
    assert prover.of("X").status == "equal"
    assert prover.same(right, mutant(kind, right), "X").status != "equal"


@pytest.mark.parametrize("structure", ["symmetric", "diagonal"])
@pytest.mark.parametrize("kind", MUTANTS[1:])
def test_structure_refuses(structure: str, kind: str) -> None:
    """The gradient by the entries of a matrix's own is proved, and no mutant of it."""
    task = read_task("L = sum(A @ S @ S)", shapes={"A": (3, 3)}, assume={"S": structure})
    gradient, facts = task.sweep.gradients["S"].formula, task.sweep.facts
    own = task.answer("S")
    assert follows(own, gradient, structure, facts).status == "equal"
    assert follows(mutant(kind, own), gradient, structure, facts).status != "equal"
    assert follows(gradient, gradient, structure, facts).status != "equal"


@pytest.mark.parametrize(
    "program",
    [
        "L = sum(softmax(X, axis=1))",
        "L = prod(x/x) + sum(x - x)",
        "L = logdet(X @ inv(X)) + 0*sum(X)",
    ],
)
def test_zeros_are_proved(program: str) -> None:
    """A gradient that is zero wherever it is defined is proved to be zero."""
    name = "x" if "x/x" in program else "X"
    found = matderiv.gradient(program, wrt=name, shapes={name: (3, 3)[: 1 + (name == "X")]})
    assert found.verdict.status == "equal"
    assert "is 0 wherever it is defined" in found.note


def test_nearly_zero_is_not_zero() -> None:
    """A weighted softmax changes with its scores."""
    assert str(matderiv.gradient("L = sum(A*softmax(X, axis=1))", wrt="X")) != "0"


@pytest.mark.parametrize("claim", ["X @ dY", "X.T @ dY.T.T*2", "-X.T @ dY", "X.T @ dY*W"])
def test_check_refuses(claim: str) -> None:
    """A claim that lost a transpose, has a factor or sign too many, or one factor more is wrong."""
    program = "Y = X @ W; L = sum(f(Y))"
    sizes = {"N": 2, "D": 2, "M": 2}
    assert check(program, "W", "X.T @ dY", sizes=sizes).status == "right"
    assert check(program, "W", claim, sizes=sizes).status == "wrong"


# ---- Refused though true --------------------------------------------------------------------

NESTED = "X"
for _layer in range(1, 9):
    NESTED = f"tanh({NESTED} @ W{_layer})"


@pytest.mark.parametrize(
    ("program", "wrt", "shapes", "assume"),
    [
        ("L = det(-(H*Y))", "H", {"H": (3, 3), "Y": (3, 3)}, {}),
        ("L = logdet(X)", "X", {"X": (3, 3)}, {"X": "diagonal"}),
        ("L = tr(A @ X) - logdet(X)", "X", {"X": (3, 3)}, {"X": "diagonal"}),
        ("L = x @ diag(X)", "X", {"X": (3, 3)}, {"X": "symmetric"}),
    ],
)
def test_what_is_true_is_proved(
    program: str, wrt: str, shapes: dict[str, tuple[int, ...]], assume: dict[str, str]
) -> None:
    """Signs inside determinants and diagonal matrices are proved by both commands."""
    assert matderiv.gradient(program, wrt=wrt, shapes=shapes, assume=assume).verdict.index
    matderiv.derive(program, wrt=wrt, shapes=shapes, assume=assume)


@pytest.mark.long
def test_eight_layers_in_one_expression() -> None:
    """Layers inside each other are compared part by part, so that no entry becomes too large."""
    assert matderiv.gradient(f"L = sum({NESTED})", wrt="W1").verdict.index


def test_every_line_of_a_program_may_be_unfolded() -> None:
    """A program that is written in one line or in several has one and the same proof."""
    for program in ("L = sum(tanh(X @ W)**2)", "Z = X @ W; H = tanh(Z); L = sum(H**2)"):
        assert isinstance(parse(program), Program)
        assert matderiv.gradient(program, wrt="W").verdict.index
