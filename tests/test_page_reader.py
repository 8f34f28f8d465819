"""Every = of a printed page is true for a reader who knows the program and nothing else."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from _page_latex import Unread, equations, parse
from _page_reader import ArrayOf, Found, Reading, read_page
from _page_values import Point
from _programs import Made, random_program

import matderiv
from matderiv.derivation.methods.table import METHODS
from matderiv.errors import MatderivError
from matderiv.handout.lengths import Length

GOLDEN = Path(__file__).parent / "golden"

#: The program of each golden page, the shapes of its inputs, and the sizes that letters stand for.
PROGRAMS: dict[str, tuple[str, dict[str, tuple[int, ...]], dict[str, int]]] = {
    "linear": (
        "Y = X @ W; L = sum(f(Y))",
        {"X": (2, 4), "W": (4, 3)},
        {"N": 2, "D": 4, "M": 3},
    ),
    "softplus": (
        "Y = X @ W; L = sum(log(1 + exp(Y)))",
        {"X": (2, 4), "W": (4, 3)},
        {"N": 2, "D": 4, "M": 3},
    ),
    "theorem": (
        "Y = Q @ K.T; L = Loss(Y)",
        {"Q": (1, 3), "K": (2, 3)},
        {"N": 1, "D": 3, "M": 2},
    ),
    "ridge": (
        "L = sum((X @ w - y)**2) + lam*sum(w**2)",
        {"X": (3, 2), "w": (2,), "y": (3,), "lam": ()},
        {},
    ),
    "layers": (
        "H = tanh(X @ W + b); Y = H @ V; L = Loss(Y)",
        {"X": (2, 2), "W": (2, 3), "V": (3, 1), "b": (3,)},
        {},
    ),
    "attention": (
        "S = Q @ K.T/sqrt(lam); P = softmax(S, axis=1); O = P @ V; L = Loss(O)",
        {"Q": (2, 2), "K": (2, 2), "V": (2, 2), "lam": ()},
        {},
    ),
}
#: The same of Jacobians and Hessians, with the array of derivatives.
ARRAYS: dict[str, tuple[str, dict[str, tuple[int, ...]], dict[str, int], ArrayOf]] = {
    "softmax": ("y = softmax(x)", {"x": (3,)}, {}, ArrayOf("J", "y", "x")),
    "logistic": (
        "p = sigmoid(X @ w); L = -sum(y*log(p) + (1 - y)*log(1 - p))",
        {"X": (3, 2), "w": (2,), "y": (3,), "z": (2,)},
        {},
        ArrayOf("H", "g", "w"),
    ),
    "sandwich": (
        "Y = A @ X @ B",
        {"A": (2, 3), "X": (3, 2), "B": (2, 2)},
        {},
        ArrayOf("J", "Y", "X", columns=True),
    ),
}
PAGES = [(name, path.name) for name in PROGRAMS for path in sorted((GOLDEN / name).iterdir())]


@pytest.mark.parametrize(("name", "file"), PAGES)
def test_every_golden_page_is_true(name: str, file: str) -> None:
    """A reader finds nothing false on a golden page, and understands nearly all of it."""
    page = (GOLDEN / name / file).read_text(encoding="utf-8")
    program, shapes, sizes = PROGRAMS[name]
    found = read_page(page, program, shapes, sizes)
    assert found.false == []
    assert found.true >= 10
    most = found.true // (2 if name == "softplus" else 100)  # it gives a name to a function there
    assert len(found.unread) <= most, found.unread


@pytest.mark.parametrize("file", ["en.md", "en.tex", "zh.md", "zh.tex"])
def test_every_golden_handout_is_true(file: str) -> None:
    """All of a handout is read; the formulas with its factors exchanged are of that product."""
    page = (GOLDEN / "handout" / file).read_text(encoding="utf-8")
    match = re.search(r"\$Y=WX\$(.*?)(?=^## |\\(?:sub)*section)", page, re.DOTALL | re.MULTILINE)
    assert match
    program, shapes, sizes = PROGRAMS["linear"]
    found = read_page(page.replace(match[1], ""), program, shapes, sizes)
    assert found.false == found.unread == []
    assert found.true >= 70
    other = read_page(match[1], "Y = W @ X; L = sum(f(Y))", {"W": (3, 4), "X": (4, 2)})
    assert other == Found(true=2)


@pytest.mark.parametrize("file", ["en.md", "zh.md"])
@pytest.mark.parametrize("name", ARRAYS)
def test_every_golden_page_of_an_array_is_true(name: str, file: str) -> None:
    """Nothing is false on a page about a Jacobian or a Hessian, and all of it is understood."""
    page = (GOLDEN / name / file).read_text(encoding="utf-8")
    program, shapes, sizes, array = ARRAYS[name]
    found = Reading(Point.of(program, shapes, 0, sizes), program, array).page(page)
    assert found.false == found.unread == []
    assert found.true >= 18


@pytest.mark.parametrize(
    "program",
    [
        pytest.param(
            "Y = (X - mean(X, axis=1, keepdims=True))/std(X, axis=1, keepdims=True); L = sum(f(Y))",
            marks=pytest.mark.long,
        ),
        "L = sum(v*var(X, axis=0))",
        "L = -sum(T*log_softmax(X, axis=1))",
        "L = det(A + alpha*B)",
    ],
)
def test_pages_of_composite_operations_are_true(program: str) -> None:
    """Operations that are defined by others are read as NumPy means them, and nothing is false."""
    derivation = matderiv.derive(program)
    task = derivation.task
    shapes = {n: tuple(d.size for d in task.shapes[n]) for n in task.program.inputs()}
    found = read_page(derivation.markdown(show="all"), program, shapes, task.sizes)
    assert found.false == found.unread == []
    assert found.true >= 10


@pytest.mark.parametrize("program", ["L = norm(-1*b)", "V = b - X @ a; L = norm(V)"])
def test_a_negative_identity_is_transposed_in_brackets(program: str) -> None:
    """(-I)ᵀ by Kronecker products is read as it is meant."""
    shapes = {"b": (3,)} | ({"X": (3, 2), "a": (2,)} if "X" in program else {})
    derivation = matderiv.derive(program, wrt="b", shapes=shapes, method="kronecker")
    page = derivation.markdown(show="all")
    found = read_page(page, program, shapes, derivation.task.sizes)
    assert found.true >= 5
    assert found.false == found.unread == []


@pytest.mark.parametrize("method", ["index", "elementwise"])
@pytest.mark.parametrize(
    ("program", "shapes"),
    [
        (
            "P = softmax(Q @ K.mT, axis=-1); L = sum((P @ V)*G)",
            {"Q": (2, 1, 2), "K": (2, 2, 2), "V": (2, 2, 1), "G": (2, 1, 1)},
        ),
        (
            "M = mean(X, axis=(0, 2), keepdims=True); L = sum(f(X - M)) + sum(X @ W)",
            {"X": (2, 3, 2), "W": (2, 1)},
        ),
    ],
)
def test_pages_of_stacks_are_true(
    program: str, shapes: dict[str, tuple[int, ...]], method: str
) -> None:
    """A row of matrices, a transpose of each, several axes at once."""
    derivation = matderiv.derive(program, shapes=shapes, method=method)
    found = read_page(derivation.markdown(show="all"), program, shapes, derivation.task.sizes)
    assert found.false == []
    assert found.true >= 20
    assert len(found.unread) <= found.true // 20, found.unread


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize(
    ("program", "shapes"),
    [
        ("L = sum(f(A @ X.T @ B))", {"A": (2, 3), "X": (2, 3), "B": (2, 2)}),
        ("Z = X.T; L = sum(f(Z @ Z.T))", {"X": (2, 3)}),
        ("L = sum((X.T @ A)**2)", {"X": (3, 2), "A": (3, 1)}),
    ],
)
def test_the_matrix_of_a_transpose_is_read(
    program: str, shapes: dict[str, tuple[int, ...]], lang: str
) -> None:
    """K takes vec(X) to vec(Xᵀ), rows one after another; that of Xᵀ is another one."""
    derivation = matderiv.derive(program, wrt="X", shapes=shapes, method="kronecker")
    page, sizes = derivation.markdown(lang, show="all"), derivation.task.sizes
    found = read_page(page, program, shapes, sizes)
    assert found.false == found.unread == []
    turned = re.sub(r"(\\otimes [^()$]+\))([A-Z])(?!\^)", r"\1\2^{T}", page)
    assert turned != page
    assert read_page(turned, program, shapes, sizes).false


@pytest.mark.parametrize("length", ["board", "short", "full"])
@pytest.mark.parametrize(
    ("program", "shapes"),
    [
        ("L = var((ones(2) @ B)/logsumexp(A, axis=1))", {"A": (2, 2), "B": (2, 1)}),
        ("L = sum(A)*sum(ones((3, 2)))", {"A": (2, 2)}),
        ("L = mean(X - ones((2, 3)))", {"X": (1, 3)}),
        ("h = round(relu(a)); L = alpha*Loss(h)", {"a": (3,), "alpha": ()}),
        ("p = sum(X @ A, axis=1); L = erf(p @ p)", {"X": (1, 1), "A": (1, 3)}),
        ("L = std(sum(X, axis=0)/mean(exp(X), axis=0))", {"X": (3, 2)}),
    ],
)
def test_sums_have_letters_and_ranges_of_their_own(
    program: str, shapes: dict[str, tuple[int, ...]], length: Length
) -> None:
    """No letter of a sum is in use around it; Σ of what its letter is not in says how far it runs."""
    derivation = matderiv.derive(program, wrt=tuple(shapes), shapes=shapes)
    found = read_page(derivation.markdown(length=length), program, shapes, derivation.task.sizes)
    assert found.false == found.unread == []
    assert found.true >= 3


def test_examples_have_sizes_and_functions_of_their_own() -> None:
    """The reader follows numbers of other sizes, f(u) = u², and a name that the page made."""
    program, shapes = "L = diag(A) @ f(a)", {"A": (3, 3), "a": (3,)}
    derivation = matderiv.derive(program, shapes=shapes)
    page, sizes = derivation.markdown(length="short"), derivation.task.sizes
    assert r"$f(u)=u^{2}$" in page
    found = read_page(page, program, shapes, sizes)
    assert found.false == found.unread == []
    before, heading, numbers = page.partition("## In numbers")
    last = numbers.rindex(r"\end{pmatrix}")
    wrong = before + heading + numbers[: last - 1] + "1" + numbers[last - 1 :]
    assert wrong != page
    assert read_page(wrong, program, shapes, sizes).false


@pytest.mark.parametrize("length", ["board", "short", "full"])
@pytest.mark.parametrize(
    ("program", "shapes"),
    [
        ("L = sum(f(x[1:] - x[:-1]))", {"x": (4,)}),
        ("u = A[:, 1:]; L = sum(exp(2*u))", {"A": (2, 3)}),
        ("u = A[0]; L = sum(u**2)", {"A": (2, 3)}),
        ("L = sum(exp(x[::-1]))", {"x": (4,)}),
        ("L = sum(f(X*c[:, None, None]))", {"X": (2, 3, 2), "c": (2,)}),
        ("L = sum(f(einsum('ij,ij->i', A, A)))", {"A": (2, 3)}),
    ],
)
def test_pages_of_index_maps_are_true(
    program: str, shapes: dict[str, tuple[int, ...]], length: Length
) -> None:
    """Slices are read as NumPy has them; fewer lines than are true hold words that are not read."""
    derivation = matderiv.derive(program, shapes=shapes)
    found = read_page(derivation.markdown(length=length), program, shapes, derivation.task.sizes)
    assert found.false == []
    assert found.true >= 2
    assert len(found.unread) <= found.true


def shorter_page_of(made: Made, length: Length, seed: int) -> Found | None:
    """What is read on a random page that does not show every step; None if it is refused."""
    if not made.inputs:
        return None
    try:
        derivation = matderiv.derive(made.text, wrt=tuple(made.inputs), shapes=made.inputs)
    except MatderivError:
        return None
    page = derivation.markdown(("en", "zh")[seed % 2], length=length)
    return read_page(page, made.text, made.inputs, derivation.task.sizes)


def page_of(made: Made, method: str) -> Found | None:
    """What is read on a random page of every step; None for a program that is refused."""
    inputs = made.inputs
    if not inputs:
        return None
    try:
        derivation = matderiv.derive(made.text, wrt=tuple(inputs), shapes=inputs, method=method)
    except MatderivError:
        return None
    page = derivation.markdown(show="all")
    return read_page(page, made.text, inputs, derivation.task.sizes)


def test_random_pages_are_true(page_batch: range) -> None:
    """Pages of random programs, by all methods and of all lengths, hold nothing false for a reader.

    A third of the pages is full, the others are boards and short ones in both languages.
    """
    true = unread = 0
    wrong = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for seed in page_batch:
            method = list(METHODS)[seed % len(METHODS)]
            made = random_program(seed, 1 + seed % 3)
            kind = ("full", "board", "short")[seed // len(METHODS) % 3]
            found = page_of(made, method) if kind == "full" else shorter_page_of(made, kind, seed)
            if found is None:
                continue
            true += found.true
            unread += len(found.unread)
            wrong += [f"{seed} {method} {kind} {made.text} {made.inputs}: {x}" for x in found.false]
    assert wrong == []
    assert true
    assert unread <= max(6, true // 20)


def test_a_direct_change_has_a_sign_of_its_own() -> None:
    """(dU)_Z is not all of dU where Z depends on X, and dU in its place is false."""
    program, shapes = "Z = X @ W; U = Z @ X.T; L = sum(U**2)", {"X": (2, 3), "W": (3, 3)}
    derivation = matderiv.derive(program, wrt="X", shapes=shapes, method="differential")
    page, sizes = derivation.markdown(show="all"), derivation.task.sizes
    direct = re.compile(r"\((\\mathop\{\}\\!\\mathrm\{d\}(?:U|\(ZX\^\{T\}\)))\)_\{Z\}")
    assert len(direct.findall(page)) == 3
    found = read_page(page, program, shapes, sizes)
    assert found.false == found.unread == []
    assert len(read_page(direct.sub(r"\1", page), program, shapes, sizes).false) == 3


# -- mutants -----------------------------------------------------------------------------------

Change = Callable[[str], str]


def changed(pattern: str, put: str) -> Change:
    """The first place of a pattern in the last side of an equality changed."""
    return lambda side: re.sub(pattern, put, side, count=1)


MUTANTS: dict[str, Change] = {
    "index swapped": changed(r"(?<![a-z])([a-z])_\{([a-z1-9])((?!\2)[a-z1-9])\}", r"\1_{\3\2}"),
    "transpose lost": changed(r"\^\{T\}", ""),
    "factor 2": lambda side: f"2\\left({side}\\right)",
    "wrong sign": lambda side: f"-\\left({side}\\right)",
    "other entry": changed(r"_\{1(\d)\}", r"_{2\1}"),
}


@cache
def readings() -> tuple[tuple[Reading, list[list[str]]], ...]:
    """Pages as they are read, and their equalities, which are to be changed."""
    pages = []
    for program, shapes in (
        ("L = sum((X @ w - y)**2) + lam*sum(w**2)", {"X": (3, 2), "w": (2,), "y": (3,), "lam": ()}),
        ("S = Q @ K.T; P = softmax(S, axis=1); L = Loss(P)", {"Q": (2, 3), "K": (2, 3)}),
    ):
        reading = Reading(Point.of(program, shapes), program)
        page = matderiv.derive(program, shapes=shapes).markdown(show="all")
        assert not reading.page(page).false
        blocks = re.findall(r"\$\$\n(.*?)\n\$\$", page, re.DOTALL)
        pages.append((reading, [sides for block in blocks for sides in equations(block)]))
    return tuple(pages)


@pytest.mark.long
@pytest.mark.parametrize("kind", MUTANTS)
def test_changed_pages_are_found_false(kind: str) -> None:
    """An equality whose last side is changed in one place is not found true."""
    made = 0
    missed = []
    for reading, chains in readings():
        for sides in chains:
            old, new = sides[-1], MUTANTS[kind](sides[-1])
            if new == old or not new.strip() or _defines(sides[0]):
                continue
            found = Found()
            reading.chain([sides[-2], new], found)
            made += 1
            if found.true:
                missed.append(f"{sides[-2]} = {new}")
    assert made >= 5
    assert missed == []


def _defines(side: str) -> bool:
    """Whether a chain begins with a whole name, which it may define."""
    return parse(side)[0] in ("name", "sub")


@pytest.mark.parametrize("side", [r"\foo x", r"x +", r"\left(x", r"\oint_{i} x_{i}", "x ^"])
def test_what_is_not_understood_is_not_read(side: str) -> None:
    """Signs that the reader does not know are no part of a formula that it understands."""
    with pytest.raises(Unread):
        parse(side)
