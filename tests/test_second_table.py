"""The table of Jacobians and Hessians: the books' formulas are right, ours are right and as short."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from _differences import central
from _gradient_table import cost, sized
from _reference import UNDEFINED, Array, run, value
from _thorough import THOROUGH

import matderiv

FUNCTIONS = {
    "f": UNDEFINED["f"],
    "df": UNDEFINED["df"],
    "ddf": lambda a: -np.sin(a) + 2 / 3,
    "g": lambda a: a**3 / 3 + a,
    "dg": lambda a: a**2 + 1,
}

#: Numbers for the letters of sizes, in their order: unequal, and one 1 among them.
SIZES = [(3, 2, 4, 5), (2, 1, 3, 4)]


@dataclass(frozen=True)
class Second:
    """One derivative of the table; the fields are explained at the top of second.toml."""

    id: str
    kind: str
    source: str
    program: str
    shapes: Mapping[str, str]
    wrt: str | tuple[str, ...]
    formula: str
    form: str | None = None
    draw: Mapping[str, str] = field(default_factory=dict)

    def sizes(self, numbers: Iterable[int]) -> dict[str, int]:
        """A number for each letter."""
        letters = dict.fromkeys(" ".join(self.shapes.values()).split())
        return dict(zip(letters, numbers, strict=False))

    def shape(self, name: str, sizes: Mapping[str, int]) -> tuple[int, ...]:
        """The shape of an input at these sizes."""
        return tuple(sizes[letter] for letter in self.shapes[name].split())

    def inputs(self, sizes: Mapping[str, int]) -> dict[str, Array]:
        """Random numbers for every input, the same in every run."""
        rng = np.random.default_rng([ord(letter) for letter in self.id])
        found = {}
        for name in self.shapes:
            shape = self.shape(name, sizes)
            numbers = np.asarray(rng.normal(size=shape))
            match self.draw.get(name):
                case "positive":
                    numbers = np.asarray(rng.uniform(0.5, 2, size=shape))
                case "regular":
                    numbers = numbers + 3 * np.eye(shape[0])
                case "large":
                    numbers = numbers + 20
            found[name] = numbers
        return found

    def array(self, sizes: Mapping[str, int]) -> Array:
        """The array of derivatives by central differences of values."""
        names, program = self.inputs(sizes), sized(self.program, sizes)
        last = list(run(program, names, FUNCTIONS))[-1]

        def at(x: Array, name: str, others: Mapping[str, Array]) -> Array:
            return run(program, {**others, name: x}, FUNCTIONS)[last]

        if self.kind == "jacobian":
            assert isinstance(self.wrt, str)
            return central(lambda x: at(x, str(self.wrt), names), names[self.wrt])
        one, other = (self.wrt, self.wrt) if isinstance(self.wrt, str) else self.wrt

        def slope(y: Array) -> Array:
            moved = {**names, other: y}
            return central(lambda x: at(x, one, moved), moved[one], 1e-4)

        return central(slope, names[other], 1e-4)

    def ours(self, sizes: Mapping[str, int]) -> str:
        """The formula of the package."""
        shapes = {name: self.shape(name, sizes) for name in self.shapes}
        answer = getattr(matderiv, self.kind)
        return str(answer(sized(self.program, sizes), wrt=self.wrt, shapes=shapes, form=self.form))

    def error(self, formula: str, sizes: Mapping[str, int]) -> float:
        """How far a formula is from central differences, relative to their size."""
        names = self.inputs(sizes)
        array, names = (
            self.array(sizes),
            {**names, **run(sized(self.program, sizes), names, FUNCTIONS)},
        )
        functions = {**FUNCTIONS, "kron": np.kron, "vec": lambda a: np.ravel(a, order="F")}
        if self.form == "vec":
            assert isinstance(self.wrt, str)
            x = names[self.wrt]
            order = np.arange(x.size).reshape(x.shape, order="F").T.ravel(order="F")
            names["K"] = np.eye(x.size)[order]
            rows = array.ndim - x.ndim
            array = array.transpose((*range(rows)[::-1], *range(rows, array.ndim)[::-1]))
            array = array.reshape(-1, x.size)
        found = value(sized(formula, sizes), names, functions)
        if found.shape != array.shape:
            return float("inf")
        return float(np.max(np.abs(found - array)) / (1 + np.max(np.abs(array))))


@cache
def table() -> tuple[Second, ...]:
    """All derivatives, in the order of the file."""
    text = (Path(__file__).parent / "second.toml").read_text(encoding="utf-8")
    return tuple(
        Second(**{k: tuple(v) if isinstance(v, list) else v for k, v in entry.items()})
        for entry in tomllib.loads(text)["second"]
    )


EVERY = pytest.mark.parametrize("second", table(), ids=lambda second: second.id)


@EVERY
def test_ours_and_the_books_are_right(second: Second) -> None:
    """Both agree with central differences, at unequal sizes or where one is 1, by turns."""
    turn = table().index(second) % len(SIZES)
    for numbers in SIZES if THOROUGH else SIZES[turn:][:1]:
        sizes = second.sizes(numbers)
        assert second.error(second.formula, sizes) < 1e-5, sizes
        assert second.error(second.ours(sizes), sizes) < 1e-5, (sizes, second.ours(sizes))


@EVERY
def test_ours_is_short(second: Second) -> None:
    """No formula of ours is more than one and a half times as long as the book's."""
    ours = second.ours(second.sizes(SIZES[0]))
    assert cost(ours) <= 1.5 * cost(second.formula), ours


@pytest.mark.long
def test_ours_are_short_on_the_whole() -> None:
    """There are at least 60, and ours together are at most a tenth longer than the books'."""
    assert len(table()) >= 60
    length = sum(cost(second.ours(second.sizes(SIZES[0]))) for second in table())
    assert length <= 1.1 * sum(cost(second.formula) for second in table())


def test_wrong_formulas_are_told_from_right_ones() -> None:
    """The table's measure refuses a formula that is turned or without its factor."""
    square = next(second for second in table() if second.id == "least squares")
    sizes = square.sizes(SIZES[0])
    assert square.error("A.T @ A", sizes) > 1e-2
    assert square.error("2*A @ A.T", sizes) == float("inf")
