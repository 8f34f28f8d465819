"""The table of gradients in gradients.toml: read, tried at numbers, and measured.

>>> len(table()) >= 70
True
"""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
from _reference import Array, differences, run, statements, value

import matderiv

FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Gradient:
    """One gradient of the table; the fields are explained at the top of gradients.toml."""

    id: str
    source: str
    program: str
    shapes: Mapping[str, str]
    wrt: str
    formula: str
    assume: Mapping[str, str] = field(default_factory=dict)
    draw: Mapping[str, str] = field(default_factory=dict)
    at_least: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    note: str = ""

    @property
    def letters(self) -> tuple[str, ...]:
        """The letters of its sizes, in order of first use."""
        return tuple(dict.fromkeys(" ".join(self.shapes.values()).split()))

    def sizes(self, numbers: Iterable[int]) -> dict[str, int]:
        """Its sizes, one number for each letter, raised where one has to be at least another."""
        sizes = dict(zip(self.letters, numbers, strict=False))
        for larger, smaller in self.at_least.items():
            least = int(smaller) if smaller.isdigit() else sizes[smaller]
            sizes[larger] = max(sizes[larger], least)
        return sizes

    def shape(self, name: str, sizes: Mapping[str, int]) -> tuple[int, ...]:
        """The shape of an input at these sizes."""
        return tuple(sizes[letter] for letter in self.shapes[name].split())

    def inputs(self, sizes: Mapping[str, int], rng: np.random.Generator) -> dict[str, Array]:
        """Random numbers for every input, with the structure and conditions that are declared."""
        drawn = {
            name: _drawn(self.shape(name, sizes), self.draw.get(name), self.assume.get(name), rng)
            for name in self.shapes
        }
        for name, count in self.labels.items():
            drawn[name] = rng.integers(0, sizes[count], self.shape(name, sizes)).astype(float)
        return drawn

    def kind(self, name: str, precision: type = np.float64) -> type:
        """The type of an input's entries in a library: labels are integers, whatever the precision."""
        return np.int64 if name in self.labels else precision

    def gradient(
        self, sizes: Mapping[str, int], inputs: Mapping[str, Array], formula: str | None = None
    ) -> Array:
        """The value of the book's formula, or of another; upstream gradients by differences."""
        formula = sized(self.formula if formula is None else formula, sizes)
        program = sized(self.program, sizes)
        names = {"pi": np.asarray(np.pi)} | run(program, inputs)
        used = names_in(formula)
        for assigned, _ in statements(program):
            if f"d{assigned}" in used:
                names[f"d{assigned}"] = differences(program, inputs, assigned)
        return value(formula, names)

    def differences(self, sizes: Mapping[str, int], inputs: Mapping[str, Array]) -> Array:
        """The gradient by central differences, which know nothing of the formula."""
        program = sized(self.program, sizes)
        return differences(program, inputs, self.wrt, self.assume.get(self.wrt))


def _drawn(
    shape: tuple[int, ...], draw: str | None, assume: str | None, rng: np.random.Generator
) -> Array:
    numbers = np.asarray(rng.normal(size=shape))
    match draw:
        case "positive":
            numbers = np.asarray(rng.uniform(0.5, 2, size=shape))
        case "probability":
            numbers = np.asarray(rng.uniform(0.1, 0.9, size=shape))
        case "regular":
            numbers = numbers @ numbers.T / shape[0] + np.eye(shape[0]) + (numbers - numbers.T) / 2
        case "full":
            numbers = 2 * np.eye(*shape) + rng.uniform(-0.4, 0.4, size=shape)
        case "definite":
            numbers = numbers @ numbers.T / shape[0] + np.eye(shape[0])
    match assume:
        case "symmetric":
            numbers = (numbers + numbers.T) / 2
        case "diagonal":
            numbers = np.diag(np.diag(numbers))
        case "stochastic":
            numbers = np.exp(numbers) / np.exp(numbers).sum(axis=-1, keepdims=True)
        case "onehot":
            numbers = (numbers == numbers.max(axis=-1, keepdims=True)).astype(float)
    return numbers


def sized(text: str, sizes: Mapping[str, int | str]) -> str:
    """A program or formula with numbers or other letters in the place of the letters of its sizes.

    >>> sized("X.T @ eye(m)/m", {"m": 3})
    'X.T @ eye(3)/3'
    """
    return re.sub(r"\w+", lambda word: str(sizes.get(word[0], word[0])), text)


@cache
def table(name: str = "gradients") -> tuple[Gradient, ...]:
    """All gradients of a table, in the order of its file."""
    entries = tomllib.loads((FOLDER / f"{name}.toml").read_text())["gradient"]
    return tuple(Gradient(**entry) for entry in entries)


# ---- The one place where the table meets the package ---------------------------------------


def ours(gradient: Gradient, sizes: Mapping[str, int]) -> str:
    """The formula that the package prints for a gradient of a table at these sizes."""
    return str(found(gradient, sizes))


def found(gradient: Gradient, sizes: Mapping[str, int]) -> matderiv.Gradient:
    """What the package finds for a gradient of a table at these sizes, asked for once."""
    key = (gradient.id, gradient.program, *sizes.items())
    if key not in _found:
        _found[key] = matderiv.gradient(
            sized(gradient.program, sizes),
            wrt=gradient.wrt,
            shapes={name: gradient.shape(name, sizes) for name in gradient.shapes},
            assume=dict(gradient.assume),
        )
    return _found[key]


_found: dict[tuple[object, ...], matderiv.Gradient] = {}


# ---- Formulas ------------------------------------------------------------------------------


def names_in(formula: str) -> set[str]:
    """The names that a formula uses, those of functions aside.

    >>> sorted(names_in("X.T @ df(Y)"))
    ['X', 'Y']
    """
    nodes = list(ast.walk(ast.parse(formula, mode="eval")))
    called = {id(n.func) for n in nodes if isinstance(n, ast.Call)}
    return {n.id for n in nodes if isinstance(n, ast.Name) and id(n) not in called}


def cost(formula: str) -> int:
    """The number of operations and names in a formula: how long it is to read.

    One for every operator, sign, call of a function and `.T`, and one for every occurrence of a
    name or number. Brackets, tuples and options such as `axis=1` are free.

    >>> cost("2*X.T @ (X @ W - T)"), cost("-sum(dY, axis=0)"), cost("ones((m, n))")
    (10, 3, 3)
    """
    return _cost(ast.parse(formula, mode="eval").body)


def _cost(node: ast.expr) -> int:
    match node:
        case ast.Constant() | ast.Name():
            return 1
        case ast.BinOp(left=left, right=right):
            return 1 + _cost(left) + _cost(right)
        case ast.Compare(left=left, comparators=[right]):
            return 1 + _cost(left) + _cost(right)
        case ast.UnaryOp(operand=operand):
            return 1 + _cost(operand)
        case ast.Tuple(elts=parts):
            return sum(map(_cost, parts))
        case ast.Attribute(value=inner, attr="T"):
            return 1 + _cost(inner)
        case ast.Call(func=ast.Attribute(value=inner)) | ast.Subscript(value=inner):
            return 1 + _cost(inner)
        case ast.Call(args=args):
            return 1 + sum(map(_cost, args))
    raise ValueError(f"not in the language: {ast.unparse(node)}")
