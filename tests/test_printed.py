"""Every printed text is run as printed: formula lines, NumPy and SymPy; others are read as Python."""

from __future__ import annotations

import ast
import builtins
import datetime as dt
import inspect
import runpy
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from _gradient_table import sized, table
from _programs import random_program
from _reference import FUNCTIONS, Array, run
from _thorough import usually

import matderiv
from matderiv.errors import MatderivError, UnsupportedError

Shapes = Mapping[str, tuple[int, ...]]

#: Programs whose gradients mention values that have no name in the program.
LONG: list[tuple[str, str, Shapes]] = [
    (
        (
            "L = logsumexp(X @ ((outer(u, b)**2).T/(2 + exp((0.5 + softplus(C))"
            "**mean(W, axis=1, keepdims=True) + softmax(C, axis=1)))))"
        ),
        "C",
        {"C": (4, 3), "X": (5, 4), "W": (4, 3), "u": (3,), "b": (4,)},
    ),
    (
        (
            "a @ (X @ (outer(a, b) @ (X @ D @ X.T + X @ (X.T @ B + A @ X) @ D @ B) @ B) "
            "+ 42*X @ B @ X.T @ (X + X.T)) @ b"
        ),
        "X",
        {**dict.fromkeys("XABD", (3, 3)), "a": (3,), "b": (3,)},
    ),
    ("logsumexp(D @ D @ inv(D))", "D", {"D": (3, 3)}),
    ("L = lam", "lam", {"lam": ()}),
    ("L = sum(softmax(z))", "z", {"z": (3,)}),
]


@dataclass(frozen=True)
class Case:
    """A program, an input of it, what is known of its inputs, and numbers for them."""

    program: str
    wrt: str
    numbers: Mapping[str, Array]
    assume: Mapping[str, str] = field(default_factory=dict)


def positive(program: str, wrt: str, shapes: Shapes) -> Case:
    """A program at random numbers that have roots and logarithms."""
    rng = np.random.default_rng(len(program))
    numbers = {name: np.asarray(rng.uniform(0.4, 1.2, shape)) for name, shape in shapes.items()}
    return Case(program, wrt, numbers)


def of_the_table() -> list[Case]:
    """Every so-manieth gradient of the table, others each day; all of them where that is asked."""
    step = usually(14, 1, least=40)
    found = []
    for entry in table()[dt.datetime.now(dt.UTC).toordinal() % step :: step]:
        sizes = entry.sizes((3, 2, 4, 2, 3))
        numbers = entry.inputs(sizes, np.random.default_rng(len(entry.program)))
        found.append(Case(sized(entry.program, sizes), entry.wrt, numbers, entry.assume))
    return found


def some() -> list[Case]:
    """These programs, some of the table, and random ones by one of their inputs."""
    made = [
        random_program(seed, 1 + seed % 2, chained=True)
        for seed in range(usually(12, 400, least=6))
    ]
    drawn = [(m.text, min(m.inputs), m.inputs) for m in made if m.inputs]
    return [*(positive(*case) for case in (*LONG, *drawn)), *of_the_table()]


def ran(text: str, folder: Path) -> dict[str, object]:
    """What the text defines when it is run as a file."""
    file = folder / "printed.py"
    file.write_text(text, encoding="utf-8")
    return runpy.run_path(str(file))


def undefined(text: str) -> set[str]:
    """The names that a text uses and neither assigns, imports, takes nor finds in Python."""
    tree = list(ast.walk(ast.parse(text)))
    known = set(dir(builtins))
    for node in tree:
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name):
                known.add(name)
            case ast.FunctionDef(name=name):
                known.add(name)
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                known |= {(n.asname or n.name).split(".")[0] for n in names}
    return {n.id for n in tree if isinstance(n, ast.Name)} - known


@pytest.mark.long
def test_texts_run_as_printed(tmp_path: Path) -> None:
    """Lines use names that are defined before; NumPy's text and the lines have one value."""
    compared = 0
    for case in some():
        program, wrt, numbers = case.program, case.wrt, case.numbers
        shapes = {name: array.shape for name, array in numbers.items()}
        try:
            found = matderiv.gradient(program, wrt=wrt, shapes=shapes, assume=case.assume)
        except MatderivError:
            continue
        assert undefined(found.code("torch")) == undefined(found.code("jax")) == set(), program
        lines = "; ".join(f"{name} = {text}" for name, text in found.lines.items())
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            try:
                values = run(program, numbers, FUNCTIONS)
                value = run(lines, values, FUNCTIONS)[f"d{wrt}"]
                function = ran(found.code("numpy"), tmp_path)["gradient"]
                assert callable(function)
                wanted = inspect.signature(function).parameters
                known = {**FUNCTIONS, **numbers}
                other = function(**{name: known[name.rstrip("_")] for name in wanted})
            except np.linalg.LinAlgError:
                continue
        if np.isfinite(value).all():
            assert np.allclose(value, other, rtol=1e-6, atol=1e-9), program
            compared += 1
        try:
            text = found.code("sympy")
        except UnsupportedError:
            continue
        assert not undefined(text), program
        if len(text) < usually(400, 10_000):  # SymPy takes seconds for long ones
            assert f"d{wrt}" in ran(text, tmp_path)
    assert compared >= usually(6, 150, least=4)


@pytest.mark.parametrize("depth", [7, 10, 13])
def test_recurrences_are_proved(depth: int) -> None:
    """A weight that is used in every step is proved in any number of steps."""
    steps = "".join(f"H{n} = tanh(H{n - 1} @ W + b); " for n in range(1, depth))
    found = matderiv.gradient(f"{steps}L = sum(H{depth - 1}**2)", wrt="W")
    assert found.verdict.index
