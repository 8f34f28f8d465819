"""The budget of work: it bounds every door, ends in one line, and work grows with the program."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator

import numpy as np
import pytest
from _reference import differences

import matderiv
from matderiv import _budget, gradients
from matderiv._budget import bounded, budget, spend, stage
from matderiv.cli import _output, main
from matderiv.errors import BudgetError, InputError, MatderivError, TooLarge

RIDGE = "L = sum((X @ W - T)**2) + lam*sum(W**2)"


def steps_of(program: str, wrt: str, shapes: dict[str, tuple[int, ...]]) -> int:
    """How many steps of work a gradient takes."""
    gradients.forget()
    with budget(10**9):
        matderiv.gradient(program, wrt=wrt, shapes=shapes)
        work = _budget._work.get()
        assert work is not None
        return work.allowed - work.left


def chained(first: str, following: str, count: int) -> str:
    """Statements that each use the one before."""
    lines = [first, *(following.format(n=n, m=n - 1) for n in range(1, count))]
    return "; ".join(lines) + f"; L = sum(Y{count - 1})"


KINDS = {
    "a chain": ("Y0 = tanh(X)", "Y{n} = tanh(Y{m})", "X"),
    "a weight of its own": ("Y0 = tanh(X @ W0)", "Y{n} = tanh(Y{m} @ W{n})", "W0"),
    "the same weight": ("Y0 = tanh(X @ W)", "Y{n} = tanh(Y{m} @ W)", "W"),
    "the input again": ("Y0 = tanh(X)", "Y{n} = tanh(Y{m} + X)", "X"),
}


@pytest.mark.long
@pytest.mark.parametrize("kind", KINDS)
def test_work_grows_with_the_number_of_statements(kind: str) -> None:
    """Ten times as many statements take at most twelve times as much work."""
    first, following, wrt = KINDS[kind]
    few, many = (chained(first, following, count) for count in (6, 60))
    names = re.findall(r"\bX\b|\bW\d*", many)
    shapes = dict.fromkeys(names, (3, 3))
    small = steps_of(few, wrt, {n: s for n, s in shapes.items() if re.search(rf"\b{n}\b", few)})
    assert small < steps_of(many, wrt, shapes) <= 12 * small


HOSTILE = (
    "**".join("x" * 33),
    "@".join("X" * 46).join(("sum(", ")")),
    "*".join("x" * 50),
    "sum(" + "x*gelu(" * 6 + "x" + ")" * 7,
    "(x + x**x)**(x + x**x)**(x + x**x)**(x + x**x)",
    "tr(" + "inv(" * 6 + "X" + "+1)" * 6 + ")",
    "L = sum(ones((9999, 9999, 9999)))*sum(X)",
)


@pytest.mark.long
@pytest.mark.parametrize("program", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_texts_end(program: str) -> None:
    """A text of a hundred letters has a gradient or ends in one line, for a limited work."""
    shapes = {"X": (3, 3)} if "X" in program else {"x": ()}
    try:
        assert str(matderiv.gradient(program, shapes=shapes))
    except MatderivError as error:
        assert "\n" not in str(error)


#: Programs that name large arrays, and their gradients.
NAMED = [
    ("L = sum(ones(1000000000))*sum(x)", "1000000000*ones(N)"),
    ("L = sum(x)/sum(ones((4096, 4096)))", "ones(N)/16777216"),
    ("L = tr(eye(100000))*sum(x)", "100000*ones(N)"),
]


@pytest.mark.parametrize(("program", "gradient"), NAMED)
def test_nothing_makes_the_arrays_that_a_text_names(
    program: str, gradient: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither numbers on pages nor the points at which claims are tried do."""
    for name, power in (("ones", 1), ("eye", 2)):

        def small(
            shape: object,
            *rest: object,
            of: object = getattr(np, name),
            n: int = power,
            **given: object,
        ) -> object:
            assert np.prod(np.asarray(shape, dtype=float)) ** n <= 10**6, shape
            return of(shape, *rest, **given)

        monkeypatch.setattr(np, name, small)
    assert str(matderiv.gradient(program)) == gradient
    for length in ("card", "short"):
        assert matderiv.derive(program).handout(length=length, exercises=3).write("md")
    assert matderiv.check(program, "x", gradient).status == "right"
    assert matderiv.check(program, "x", f"7 + {gradient}").status == "wrong"


@pytest.mark.parametrize("program", ["sum(repeat(x, 300000)**2)", "sum(pad(x, (0, 300000))**2)"])
def test_exercises_write_no_large_array_out(program: str) -> None:
    """Those that would are left out; of small arrays there are some."""
    page = matderiv.derive(program).handout(exercises=3).write("md")
    assert len(page) < 30_000
    small = matderiv.derive(program.replace("300000", "2")).handout(exercises=3).write("md")
    assert "## Exercise" in small.replace("###", "##")


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A budget from the environment that nothing keeps to."""
    gradients.forget()
    monkeypatch.setenv("MATDERIV_BUDGET", "20")
    yield
    gradients.forget()


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("door", ["gradient", "derive", "jacobian", "check"])
def test_every_function_keeps_to_the_budget(door: str) -> None:
    """The error names what was too large, the number of steps, and how to allow more."""
    asked = {"claim": "dY @ W.T"} if door == "check" else {}
    with pytest.raises(BudgetError, match=r"takes more than the budget of 20 steps.*--budget") as e:
        getattr(matderiv, door)(RIDGE, wrt="W", **asked)
    assert "\n" not in str(e.value)


def test_the_option_goes_before_the_environment(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """--budget is the budget of the command; its error is one line, its exit code 2."""
    gradients.forget()
    monkeypatch.setenv("MATDERIV_BUDGET", "1000000")
    with pytest.raises(SystemExit) as ended:
        main(["gradient", RIDGE, "--budget", "30"])
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "budget of 30 steps" in said


@pytest.mark.long
@pytest.mark.parametrize("function", ["gelu", "silu", "sigmoid", "tanh", "softplus", "f"])
def test_functions_in_functions(function: str) -> None:
    """Work grows with the depth of a nest, although each argument stands in definitions twice."""
    small, large = (
        steps_of(f"sum({f'{function}(' * deep}X{')' * deep})", "X", {"X": (2, 3)})
        for deep in (6, 14)
    )
    assert large < 6 * small < 40_000


@pytest.mark.long
@pytest.mark.parametrize("level", ["({} + x)**2", "x/(1 + {})"])
def test_quotients_and_powers_in_each_other(level: str) -> None:
    """Work grows with the depth of a nest, and the gradient is the one that differences give."""
    some = []
    for deep in (6, 14):
        value = "x"
        for _ in range(deep):
            value = level.format(value)
        some.append(f"sum({value}/9)")
    small, large = (steps_of(program, "x", {"x": (2,)}) for program in some)
    assert large < min(6 * small, 40_000)
    x = np.asarray([0.1, 0.2])
    own = matderiv.gradient(some[0], wrt="x")(x=x)
    assert np.allclose(own, differences(f"L = {some[0]}", {"x": x}, "x"), rtol=1e-5)


@pytest.mark.long
def test_towers_of_powers() -> None:
    """x**x**…**x grows with its height, and its gradient is the one that differences give."""
    small, large = (steps_of(f"sum({'**'.join('x' * n)})", "x", {"x": (2,)}) for n in (15, 60))
    assert large < 8 * small
    assert large < 40_000
    x = np.asarray([0.7, 1.2])
    for height in (3, 6, 9):
        tower = f"sum({'**'.join('x' * height)})"
        own = matderiv.gradient(tower, wrt="x")(x=x)
        assert np.allclose(own, differences(f"L = {tower}", {"x": x}, "x"), rtol=1e-5)


@pytest.mark.parametrize("wrong", ["0", "-1", "many", "1.5"])
def test_a_budget_that_is_no_number(wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is wrong with the variable is said."""
    monkeypatch.setenv("MATDERIV_BUDGET", wrong)
    with pytest.raises(InputError, match="MATDERIV_BUDGET"):
        matderiv.gradient("L = sum(X)", wrt="X")


def test_limits_inside_each_other() -> None:
    """An outer budget holds inside; a part that is given up leaves the rest of the budget."""
    with budget(100):
        with budget(10**6), bounded(10), pytest.raises(TooLarge):
            spend(11)
        spend(80)
        stage("the sum")
        with pytest.raises(BudgetError, match="The sum takes more than the budget of 100 steps"):
            spend(10)


@pytest.mark.parametrize("watched", [True, False])
def test_long_work_is_told_of(*, watched: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal shows what long work is at and is left empty; a pipe gets nothing at all."""
    monkeypatch.setattr(_output, "_MOMENT", 0.001)
    monkeypatch.setattr(_output, "_is_watched", lambda: watched)
    told, said = threading.Event(), list[str]()

    def echo(text: str, *, err: bool, nl: bool) -> None:
        assert err
        assert not nl
        said.append(text)
        told.set()

    monkeypatch.setattr(_output.click, "echo", echo)
    before = threading.active_count()
    with _output.progress():
        stage("the sum")
        assert threading.active_count() == before + watched
        if watched:
            assert told.wait(60)
    assert bool(said) == watched
    assert set(said[:-1]) <= {"\r\x1b[Kthe program …", "\r\x1b[Kthe sum …"}
    assert said[-1:] == ["\r\x1b[K"] * watched
