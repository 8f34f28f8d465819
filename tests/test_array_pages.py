"""Pages that derive a Jacobian or a Hessian: nothing on them is false, and no wrong array passes."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from functools import cache

import pytest
import verify_certificate
from _certificates import refused, sealed
from _page_reader import ArrayOf, Reading
from _page_values import Point

import matderiv
from matderiv.array_pages import derive_array
from matderiv.array_results import ArrayDerivative
from matderiv.calculus.deciding import identities
from matderiv.errors import InputError, MatderivError, ProofError, UnsupportedError
from matderiv.expression.parse import parse
from matderiv.handout.document import Document
from matderiv.handout.formats import FORMATS, write

LOGISTIC = "p = sigmoid(X @ w); L = -sum(y*log(p) + (1 - y)*log(1 - p))"
RIDGE = "L = sum((X @ w - y)**2) + lam*sum(w**2)"

#: Kind, program, what it is by, the shapes of all inputs, other options, and the array's names.
READ: list[tuple[str, str, str, dict[str, tuple[int, ...]], dict[str, str], tuple[str, str]]] = [
    ("jacobian", "y = relu(A @ x + b)", "x", {"A": (1, 3), "x": (3,), "b": (1,)}, {}, ("y", "x")),
    (
        "jacobian",
        "y = tanh(A @ x)",
        "x",
        {"A": (2, 3), "x": (3,)},
        {"layout": "denominator"},
        ("y", "x"),
    ),
    ("jacobian", "n = norm(x); y = x/n", "x", {"x": (3,)}, {}, ("y", "x")),
    ("jacobian", "Y = inv(A + theta*B)", "theta", {"A": (2, 2), "B": (2, 2), "theta": ()}, {}, ("Y", "theta")),
    ("jacobian", "y = X @ b", "X", {"X": (2, 3), "b": (3,)}, {"form": "vec"}, ("y", "X")),
    ("hessian", RIDGE, "w", {"X": (3, 2), "w": (2,), "y": (3,), "lam": ()}, {}, ("g", "w")),
    ("hessian", "L = logsumexp(A @ x)", "x", {"A": (3, 2), "x": (2,)}, {}, ("g", "x")),
    ("hessian", "L = tr(X.T @ A @ X)", "X", {"A": (3, 3), "X": (3, 2)}, {}, ("G", "X")),
    ("hessian", "L = sum(sin(A @ X))", "X", {"A": (2, 3), "X": (3, 1)}, {"form": "index"}, ("G", "X")),
    ("hessian", "L = theta**3 + theta*sum(x)", "theta", {"theta": (), "x": (2,)}, {}, ("g", "theta")),
]  # fmt: skip


def found(kind: str, program: str, **asked: object) -> ArrayDerivative:
    """A Jacobian or a Hessian."""
    made: ArrayDerivative = getattr(matderiv, kind)(program, **asked)
    return made


#: The same with a derivative that is zero; the reader knows no changes of constants.
ZERO: list[tuple[str, str, str, dict[str, tuple[int, ...]], str]] = [
    ("hessian", "L = b @ x", "x", {"b": (3,), "x": (3,)}, "g"),
    ("hessian", "L = sum(A @ X)", "X", {"A": (2, 3), "X": (3, 1)}, "G"),
    ("jacobian", "y = step(A @ x)", "x", {"A": (2, 3), "x": (3,)}, "y"),
]


@pytest.mark.parametrize("case", ZERO, ids=[case[1] for case in ZERO])
def test_pages_of_zeros_are_true(
    case: tuple[str, str, str, dict[str, tuple[int, ...]], str],
) -> None:
    """No equality of a page is false where the derivative is zero, and no sentence is empty."""
    kind, program, wrt, shapes, of = case
    made = found(kind, program, wrt=wrt, shapes=shapes)
    array = ArrayOf("H" if kind == "hessian" else "J", of, wrt)
    sizes = {dim.symbol: dim.size for shape in made.shapes.values() for dim in shape}
    free = {"z": shapes[wrt]} if len(shapes[wrt]) == 1 else {}
    point = Point.of(program, {**shapes, **free}, 0, sizes)
    page = made.print("markdown", show="all")
    read = Reading(point, program, array).page(page)
    assert read.false == []
    assert read.true >= 10
    assert "()" not in page
    assert "At most 0" not in page


@pytest.mark.parametrize("case", READ, ids=[case[1] for case in READ])
def test_pages_are_true(
    case: tuple[str, str, str, dict[str, tuple[int, ...]], dict[str, str], tuple[str, str]],
) -> None:
    """A reader who knows the program alone finds every equality of a page true."""
    kind, program, wrt, shapes, options, (of, x) = case
    made = found(kind, program, wrt=wrt, shapes=shapes, **options)
    sizes = {dim.symbol: dim.size for shape in made.shapes.values() for dim in shape}
    array = ArrayOf(
        "H" if kind == "hessian" else "J",
        of,
        x,
        turned=options.get("layout") == "denominator",
        columns=options.get("form") == "vec",
    )
    free = {"z": shapes[wrt]} if kind == "hessian" and len(shapes[wrt]) == 1 else {}
    point = Point.of(program, {**shapes, **free}, 0, sizes)
    read = Reading(point, program, array).page(made.print("markdown", show="all"))
    assert read.false == []
    assert read.true >= 10
    assert len(read.unread) <= read.true // 8, read.unread


#: A program and what it is by; right arrays with one thing wrong in each.
MUTANTS = [
    ("jacobian", "s = softmax(x)", "x", "diag(s)"),
    ("jacobian", "s = softmax(x)", "x", "diag(s) + outer(s, s)"),
    ("jacobian", "y = A @ tanh(x)", "x", "A @ diag(tanh(x)**2)"),
    ("jacobian", "y = S @ x", "x", "S.T"),
    ("hessian", LOGISTIC, "w", "X.T @ diag(p) @ X"),
    ("hessian", "x @ S @ x", "x", "2*S"),
    ("hessian", RIDGE, "w", "2*X.T @ X"),
]


@pytest.mark.parametrize(("kind", "program", "wrt", "wrong"), MUTANTS)
def test_a_wrong_array_is_refused(kind: str, program: str, wrt: str, wrong: str) -> None:
    """An array with a lost term, factor or transpose stands on no page."""
    shapes = {"S": (3, 3)} if "S" in program else {}
    right = found(kind, program, wrt=wrt, shapes=shapes)
    node = parse(wrong).loss.value
    with pytest.raises(ProofError):
        derive_array(right.asked, replace(right.answer, node=node, products=()), right.shapes)


@pytest.mark.parametrize(
    ("program", "wrt", "said"),
    [
        (LOGISTIC, "w", "So H is positive semidefinite. Hence L is convex in w."),
        (RIDGE, "w", "So H is positive semidefinite where λ is not negative."),
        ("-mean((A @ x)**2)", "x", "So H is negative semidefinite. Hence L is concave in x."),
        ("x @ A @ x", "x", None),
        ("sum(sin(x))", "x", None),
    ],
)
def test_the_sign_of_a_hessian_is_said_where_it_is_proved(
    program: str, wrt: str, said: str | None
) -> None:
    """Convexity stands on the page after a sum of squares, and nowhere else."""
    page = found("hessian", program, wrt=wrt).print("text")
    assert "H is symmetric" in page
    if said is None:
        assert "semidefinite" not in page
        assert "conv" not in page
    else:
        assert said in page
        assert "zᵀHz = " in page


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("form", sorted(FORMATS.keys() - {"pdf", "moodle.xml"}))
def test_every_format_and_language(form: str, language: str) -> None:
    """A page about a Hessian by two inputs is written in each format."""
    assert len(write(mixed(language), form)) > 1000


@pytest.mark.parametrize(("program", "said"), [("A @ X @ B", True), ("f(X)", False)])
def test_the_kronecker_product_is_introduced_where_it_stands(program: str, *, said: bool) -> None:
    """A page with ⊗ says what it is, one without it does not."""
    page = matderiv.jacobian(program, wrt="X").print("text")
    assert ("⊗" in page) == ("⊗ is the Kronecker product" in page) == said


@cache
def mixed(language: str) -> Document:
    """A page in a language."""
    return found("hessian", "sum(exp(A @ x)*y)", wrt=("x", "y")).document(language)


def test_a_page_grows_with_the_program_not_with_the_sizes() -> None:
    """At 30×400 nothing is built but what is shown, and the same equalities are proved."""
    small = found("hessian", RIDGE, wrt="w", shapes={"X": (2, 3)})
    large = found("hessian", RIDGE, wrt="w", shapes={"X": (30, 400)})
    one, other = (len(d.print("markdown")) for d in (small, large))
    assert other < 2 * one


def test_newtons_step_and_normal_equations() -> None:
    """The step solves Hs = -g, and of a quadratic loss it leads to the normal equations."""
    ridge = found("hessian", RIDGE, wrt="w", shapes={"X": (3, 2)})
    page = ridge.print("text", newton=True)
    assert "d(gᵀs + sᵀHs/2) = (g + Hs)ᵀ ds" in page
    assert "a system of 2 linear equations" in page
    assert "Hw - g = 2Xᵀy" in page
    assert "the normal equations are 2(XᵀX + λI_D)(w + s) = 2Xᵀy." in page
    assert page.count("s = -solve(H, g)") == 1
    sizes = {dim.symbol: dim.size for shape in ridge.shapes.values() for dim in shape}
    shapes = {"X": (3, 2), "w": (2,), "y": (3,), "lam": (), "z": (2,), "s": (2,)}
    reading = Reading(Point.of(RIDGE, shapes, 0, sizes), RIDGE, ArrayOf("H", "g", "w"))
    assert reading.page(ridge.print("markdown", show="all", newton=True)).false == []


@pytest.mark.parametrize(
    ("kind", "program", "wrt"),
    [
        ("jacobian", "A @ x", "x"),
        ("hessian", "x @ A @ y", ("x", "y")),
        ("hessian", "theta**2", "theta"),
    ],
)
def test_newtons_step_is_of_a_hessian_by_a_vector(kind: str, program: str, wrt: str) -> None:
    """What has no Newton's step is refused."""
    with pytest.raises(InputError, match="Newton's step is of the Hessian by one vector"):
        found(kind, program, wrt=wrt).document(newton=True)


@pytest.mark.long
def test_a_loss_that_is_not_quadratic_has_no_normal_equations() -> None:
    """The Hessian of the logistic loss changes with w, though its formula does not name w."""
    page = found("hessian", LOGISTIC, wrt="w").print("text", newton=True)
    assert "s = -solve(H, g)" in page
    assert "normal equations" not in page


#: Kind of product, program, what it is by, and the direction.
PRODUCTS = [
    ("hvp", LOGISTIC, "w", "v"),
    ("hvp", "sum((A @ X @ B - C)**2)", "X", "V"),
    ("hvp", "theta**4 + sum(x)", "theta", "tau"),
    ("jvp", "y = tanh(A @ x)", "x", "v"),
    ("jvp", "A @ X @ B", "X", "V"),
    ("jvp", "sum((X @ w)**2)", "w", "v"),
    ("vjp", "f(A @ x)", "x", "v"),
    ("vjp", "inv(A + theta*B)", "theta", "V"),
]


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(("kind", "program", "wrt", "direction"), PRODUCTS)
def test_products_have_pages(
    kind: str, program: str, wrt: str, direction: str, language: str
) -> None:
    """Both derivations stand there, and the formula is that of the result."""
    shapes = {"theta": ()} if "theta" in program else {}
    made = found(kind, program, wrt=wrt, shapes=shapes)
    page = made.print("text", language)
    (name, formula) = list(made.lines.items())[-1]
    assert f"    {name} = {formula}\n" in page
    assert f"{name} {'takes' if language == 'en' else '需要'} " in page
    numbers = re.findall(r"^(?:Step (\d+)\.|第 (\d+) 步)", page, re.MULTILINE)
    assert [int("".join(both)) for both in numbers] == list(range(1, len(numbers) + 1))
    assert made.asked.direction == direction


@pytest.mark.parametrize(
    ("program", "shapes"),
    [
        ("y = softmax(A @ x)", {"A": (2, 3), "x": (3,)}),
        ("y = A @ tanh(x)", {"A": (3, 1), "x": (1,)}),
        ("y = x*norm(x)", {"x": (2,)}),
    ],
)
def test_pages_of_products_are_true(program: str, shapes: dict[str, tuple[int, ...]]) -> None:
    """A reader who knows the program alone finds every equality of vᵀJ's page true."""
    made = found("vjp", program, wrt="x", shapes=shapes)
    longer = f"{program}; S = sum(v*y)"
    sizes = {dim.symbol: dim.size for shape in made.shapes.values() for dim in shape}
    rows = tuple(dim.size for dim in made.shapes["y"])
    point = Point.of(longer, {**shapes, "v": rows}, 0, sizes)
    read = Reading(point, longer).page(made.print("markdown", show="all"))
    assert read.false == []
    assert read.true >= 10


@pytest.mark.parametrize("kind", ["hvp", "jvp", "vjp"])
@pytest.mark.parametrize("wrong", ["2*({})", "-({})"])
def test_a_wrong_product_is_refused(kind: str, wrong: str) -> None:
    """No page and no certificate ends in another product than the one that is proved."""
    program = "sum(exp(A @ x))" if kind == "hvp" else "exp(A @ x)"
    right = found(kind, program, wrt="x")
    node = parse(wrong.format(right.formula)).loss.value
    other = replace(right, answer=replace(right.answer, node=node))
    for made in (other.json, other.document):
        with pytest.raises(ProofError):
            made()


def test_pages_of_products_have_no_exercises() -> None:
    """What is to be asked for instead is said."""
    made = matderiv.hvp("sum(x**3)", wrt="x")
    with pytest.raises(InputError, match=r"no exercises and no Newton's step; .* about hessian"):
        made.document(newton=True)
    with pytest.raises(InputError, match="no exercises"):
        made.document(exercises=2)


def test_an_entry_of_a_page_is_never_named_like_another() -> None:
    """The name of the value is one that no input has, in small letters or in capitals."""
    page = found("jacobian", "X.T @ (X @ y)", wrt="y").print("text")
    assert page.startswith("The Jacobian of z with respect to y")


def test_a_value_that_is_too_long_is_refused() -> None:
    """A page that nobody reads is not begun."""
    program = "; ".join(["y0 = x", *(f"y{n + 1} = y{n}*y{n} + y{n}" for n in range(9))])
    with pytest.raises(MatderivError, match="too long"):
        found("jacobian", program, wrt="x").document()


@pytest.mark.parametrize(
    ("kind", "text", "wrt", "formula"),
    [
        ("jacobian", "relu(A @ x)", ["x"], "(diag(step(A @ x)) @ A).T @ v"),
        ("jacobian", "A @ X @ B", ["X"], "A.T @ V @ B.T"),
        ("jacobian", "inv(A + c*B)", ["A"], "-inv(A + c*B).T @ V @ inv(A + c*B).T"),
        ("hessian", "sum((X @ w - y)**2)", ["w"], "(2*X.T @ X).T @ v"),
        ("hessian", "x @ A @ y", ["x", "y"], "A.T @ v"),
        ("hessian", "sum(f(x))", ["x"], "diag(ddf(x)).T @ v"),
    ],
)
def test_certificates_are_confirmed(kind: str, text: str, wrt: list[str], formula: str) -> None:
    """The gradient of ⟨V, Y⟩ ends in the product with V, and another product is refused."""
    found = (
        matderiv.hessian(text, wrt=wrt)
        if kind == "hessian"
        else matderiv.jacobian(text, wrt=wrt[0])
    )
    data = json.loads(found.json())
    assert data["gradients"] == {wrt[-1]: formula}
    assert verify_certificate.outcome(data)[0] == 0
    other = {wrt[-1]: f"2*({formula})"}
    assert "not what is derived" in refused(sealed(data | {"gradients": other}))
    if formula.endswith("@ v"):
        array = str(found)
        assert data["jacobian"] == {"formula": array, "direction": "v", "layout": "numerator"}
        for wrong in ({"formula": f"{array}*v"}, {"formula": f"2*({array})"}, {"direction": "w"}):
            assert "jacobian: " in refused(sealed(data | {"jacobian": data["jacobian"] | wrong}))
    if kind == "hessian":
        wrong = matderiv.hessian(f"2*({text})", wrt=wrt).json()
        assert "gradient: " in refused(sealed(data | {"gradient": json.loads(wrong)["gradient"]}))


def test_sympy_proves_no_link_about_logistic_regression(monkeypatch: pytest.MonkeyPatch) -> None:
    """Quotients of exponentials are compared in letters, so that the page takes little work."""
    asked: list[object] = []
    monkeypatch.setattr(identities, "_vanishes", lambda expr: bool(asked.append(expr)))
    made = matderiv.hessian("sum(log(1 + exp(-y*(X @ w))))", wrt="w", shapes={"X": (2, 3)})
    assert "positive semidefinite" in made.print("markdown")
    assert not asked


def test_an_input_of_a_structure_is_taken_by_all_its_entries() -> None:
    """The note, the code and the page say so, and the formula is that without the assumption."""
    found = matderiv.hessian("logdet(S)", wrt="S", assume={"S": "symmetric"})
    assert str(found) == str(matderiv.hessian("logdet(S)", wrt="S"))
    assert "as if each were free" in found.note
    assert "as if each were free" in found.print("markdown").replace("\n", " ")
    assert "S=symmetric" in found.print("markdown", "zh")


@pytest.mark.parametrize(("kind", "program", "wrt", "direction"), PRODUCTS)
def test_certificates_of_products_are_confirmed(
    kind: str, program: str, wrt: str, direction: str
) -> None:
    """They end in the product, and another one is refused, as is one of another gradient."""
    shapes = {"theta": ()} if "theta" in program else {}
    made = found(kind, program, wrt=wrt, shapes=shapes)
    data = json.loads(made.json())
    (by,) = data["wrt"]
    assert data["gradients"][by] == made.formula
    assert verify_certificate.outcome(data)[0] == 0
    other = {by: f"2*({made.formula})"}
    assert "not what is derived" in refused(sealed(data | {"gradients": other}))
    if kind != "vjp":
        head, _, last = program.rpartition("= ")
        twice = f"{head}{'= ' if head else ''}2*({last})"
        wrong = json.loads(found(kind, twice, wrt=wrt, shapes=shapes).json())
        assert "gradient: " in refused(sealed(data | {"gradient": wrong["gradient"]}))
    assert made.asked.direction == direction


def test_a_product_that_is_zero_has_no_steps() -> None:
    """It is said why."""
    made = matderiv.hvp("b @ x", wrt="x")
    with pytest.raises(UnsupportedError, match="the product with v is 0"):
        made.json()


@pytest.mark.parametrize(
    ("program", "rows", "told"),
    [
        ("mean((X @ w - y)**2)", 2, "independent. Here they are not, for X has fewer rows"),
        ("mean((X @ w - y)**2)", 4, "exactly one such step; elsewhere there is none, or more"),
        (RIDGE, 4, "Where H is not positive definite, the step may lead to a saddle"),
        ("w @ X.T @ M @ X @ w", 4, "Where H is not positive definite, the step may lead to"),
    ],
)
def test_newtons_step_is_said_to_need_an_invertible_hessian(
    program: str, rows: int, told: str
) -> None:
    """Of cXᵀX that is said of the columns; where it may be indefinite, a saddle is named."""
    of = found("hessian", program, wrt="w", shapes={"X": (rows, 3)})
    page = " ".join(of.print("text", newton=True).split())
    assert told in page
    assert ("columns of X are independent" in page) == program.startswith("mean")
    assert ("fewer rows than columns" in page) == (rows == 2)
    assert ("saddle" in page) != program.startswith("mean")
    assert "Where H is invertible, there is exactly one such step" in page
    assert "当 H 可逆时" in of.print("text", "zh", newton=True)
