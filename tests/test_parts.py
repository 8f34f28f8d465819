"""Formulas compared part by part: what makes them equal, and mutants that stay different."""

from __future__ import annotations

from fractions import Fraction

import pytest

import matderiv
from matderiv.calculus.deciding import parts
from matderiv.calculus.deciding.decide import same_form
from matderiv.calculus.deciding.parts import arguments_named, differing, shared_parts_named
from matderiv.calculus.formulas.flattened import cost, sum_of, terms
from matderiv.calculus.formulas.shaping import shapes_over
from matderiv.calculus.index_forms.entries import Entries
from matderiv.calculus.sweep.sweep import replaced
from matderiv.errors import InputError
from matderiv.expression.nodes import Name, Node, names_in
from matderiv.expression.parse import parse
from matderiv.expression.shapes import Dim, infer

N, D, M = Dim("N", 2), Dim("D", 4), Dim("M", 3)
SHAPES = {"A": (N, D), "B": (D, M), "C": (M, N), "S": (N, N), "T": (N, N), "x": (N,), "P": (N, M)}
SHAPE = shapes_over(SHAPES)
PRODUCT = {"P": parse("A @ B").loss.value}


def read(text: str) -> Node:
    """The expression of a text."""
    return parse(text).loss.value


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("(A @ B) @ C", "A @ (B @ C)"),
        ("exp((A @ B) @ C) + S", "exp(A @ (B @ C)) + S"),
        ("P @ C", "A @ (B @ C)"),
        ("x @ (A @ B)", "(x @ A) @ B"),
    ],
)
def test_brackets_of_products_do_not_differ(one: str, other: str) -> None:
    """(AB)C = A(BC), with names of products on either side."""
    assert differing(read(one), read(other), PRODUCT, SHAPE) == ()
    assert differing(read(other), read(one), PRODUCT, SHAPE) == ()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("(S @ T) @ S", "S @ (S @ T)"),
        ("(S @ T) @ S", "S @ (T.T @ S)"),
        ("P @ C", "A @ (B @ (2*C))"),
        ("P @ C", "A @ (2*B) @ C"),
        ("(S @ T) @ x", "S @ (x @ T)"),
        ("x @ (S @ T)", "(x @ T) @ S"),
    ],
)
def test_other_products_differ(one: str, other: str) -> None:
    """Swapped, transposed or doubled factors are told, and are not equal."""
    pairs = differing(read(one), read(other), PRODUCT, SHAPE)
    assert pairs
    entries = Entries(SHAPE, PRODUCT)
    places = ("p", "q")
    assert not all(
        same_form(*(entries.at(side, *places[: len(SHAPE(side))]) for side in pair))
        for pair in pairs
    )


NAMED = [
    ("sum(-exp(A @ B))", "-sum(exp(A @ B))", True),
    ("sum(-exp(A @ B))", "sum(exp(A @ B))", False),
    ("2*tanh(S @ T) - tanh(S @ T)", "tanh(S @ T)", True),
    ("2*tanh(S @ T)", "tanh(S @ T)", False),
    ("tanh(S @ T).T @ S", "(S.T @ tanh(S @ T)).T", True),
    ("tanh(S @ T).T @ S", "tanh(S @ T) @ S", False),
    ("tanh(S @ T) @ exp(S)", "exp(S) @ tanh(S @ T)", False),
]


@pytest.mark.parametrize(("one", "other", "equal"), NAMED)
def test_shared_parts_are_anything(one: str, other: str, *, equal: bool) -> None:
    """With names for what both sides share, equal formulas are equal and mutants are not."""
    left, right, parts = shared_parts_named(read(one), read(other))
    assert parts
    shape = shapes_over({**SHAPES, **{name: SHAPE(part) for name, part in parts.items()}})
    entries = Entries(shape)
    places = ("p", "q")[: len(SHAPE(read(one)))]
    assert same_form(entries.at(left, *places), entries.at(right, *places)) is equal


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        ("S*sum(softmax(tanh(S @ T)))", "S", True),
        ("sum(softmax(tanh(S @ T), axis=1), axis=1)", "ones(3)", True),
        ("S*sum(softmax(tanh(S @ T)))", "2*S", False),
        ("sum(softmax(tanh(S @ T), axis=1), axis=0)", "ones(3)", False),
        ("S*sum(sigmoid(tanh(S @ T)))", "S", False),
    ],
)
def test_arguments_are_anything(one: str, other: str, *, equal: bool) -> None:
    """With names for the arguments of functions, equal formulas are equal and mutants are not."""
    left, right, parts = arguments_named(read(one), read(other))
    assert list(map(cost, parts.values())) == [cost(read("tanh(S @ T)"))]
    shape = shapes_over({**SHAPES, **{name: SHAPE(part) for name, part in parts.items()}})
    entries = Entries(shape)
    places = ("p", "q")[: len(SHAPE(read(one)))]
    assert same_form(entries.at(left, *places), entries.at(right, *places)) is equal


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        ("exp(2*log(x))", "x**2", True),
        ("exp(-log(1 + exp(x)))", "1/(1 + exp(x))", True),
        ("exp(log(x) + x)", "x*exp(x)", True),
        ("exp(2*log(x))", "x**3", False),
        ("exp(2*log(x))", "2*x", False),
        ("exp(log(x)/2)", "x", False),
        ("exp(-log(x))", "x", False),
        ("exp(log(x)**2)", "x**2", False),
        ("exp(sum(log(x)))", "sum(x)", False),
    ],
)
def test_an_exponential_of_logarithms(one: str, other: str, *, equal: bool) -> None:
    """exp(n·log(a)) = aⁿ for whole numbers n, and nothing more."""
    shape = shapes_over(infer(parse(f"L = sum(x)*sum({one})"), shapes={"x": (2,)}))
    entries = Entries(shape)
    left, right = (read(text) for text in (one, other))
    places = ("p",)
    sides = [entries.at(side, *places[: len(shape(side))]) for side in (left, right)]
    assert same_form(*sides) is equal


@pytest.mark.parametrize(
    "program",
    [
        "silu(-softplus(mean(A)))",
        "p = maximum(tr(B @ B), gelu(a @ A)); L = softplus(sqrt(p) @ p)",
    ],
)
def test_programs_that_were_not_proved(program: str) -> None:
    """Functions of functions with logarithms inside, and one beside a kink."""
    assert matderiv.gradient(program, wrt="A").verdict.status == "equal"


def test_messages_are_in_the_names_of_the_program() -> None:
    """What divides by zero is told without the names of shared parts."""
    with pytest.raises(InputError, match="divides by zero") as caught:
        matderiv.gradient("L = std(0*norm(softmax(X))*X)", wrt="X", shapes={"X": (3, 2)})
    assert "part 1" not in str(caught.value)


@pytest.mark.parametrize("count", [30, 80])
def test_long_sums_are_compared_by_the_gradients_in_them(count: int) -> None:
    """A term that becomes two moves no other, and no name is followed through all others."""
    lines = "; ".join(f"Y{n} = tanh(Y{n - 1} + x)" for n in range(1, count))
    program = parse(f"Y0 = tanh(x); {lines}; L = sum(Y{count - 1})")
    values = {a.name: a.value for a in program.assignments}
    values |= {f"d{name}": Name("g") for name in values}
    last = f"Y{count - 1}"
    shares = [f"g{n}*(1 - {{}}**2)" for n in range(count - 1)]
    rules = ["tanh(x)", *(f"tanh(Y{n} + x)" for n in range(count - 2))]
    by_rules = [share.format(rule) for share, rule in zip(shares, rules, strict=True)]
    named = [share.format(f"Y{n}") for n, share in enumerate(shares)]
    g = f"g{count - 1}"
    whole, split = f"{g}*(1 - {last}**2)", (g, f"-{g}*{last}**2")
    found = differing(total([*by_rules, whole]), total([*named, *split]), values, lambda _: ())
    assert [len(terms(side)) for pair in found for side in pair] == [1, 2]
    assert all(names_in(side) == {last, f"d{last}"} for pair in found for side in pair)


def total(some: list[str]) -> Node:
    """The sum of terms in which g3 is the gradient by Y3."""
    known = {f"g{n}": Name(f"dY{n}") for n in range(100)}
    return replaced(sum_of((Fraction(1), read(text)) for text in some), known)


def test_a_pair_that_comes_again_is_taken_apart_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of x = sin(x)*x, time and again: each value uses the one before it twice."""
    taken: list[tuple[Node, Node]] = []
    made = parts._differing

    def counted(one: Node, other: Node, known: parts._Parts) -> tuple[tuple[Node, Node], ...]:
        taken.append((one, other))
        return made(one, other, known)

    monkeypatch.setattr(parts, "_differing", counted)
    counts = []
    for length in (4, 8, 12):
        taken.clear()
        lines = (f"x{k + 1} = sin(x{k})*x{k}" for k in range(length))
        matderiv.gradient(f"{'; '.join(lines)}; L = sum(x{length})", wrt="x0")
        counts.append(len(taken))
    assert counts[0] > 0
    assert counts[2] - counts[1] <= 2 * (counts[1] - counts[0])
