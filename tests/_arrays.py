"""Random expressions as text, each beside what it means in NumPy, built apart from the package."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Values = dict[str, Any]
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Written:
    """Text of the language, and the same as a function of its inputs."""

    text: str
    value: Callable[[Values], Any]
    shape: Shape


def _erf(x: Any) -> Any:  # noqa: ANN401
    return np.array([math.erf(v) for v in np.ravel(x)]).reshape(np.shape(x))


_ENTRY_BY_ENTRY: dict[str, Callable[[Any], Any]] = {
    "exp": np.exp,
    "sin": np.sin,
    "cos": np.cos,
    "tanh": np.tanh,
    "abs": np.abs,
    "sign": np.sign,
    "relu": lambda x: np.where(x > 0, x, 0.0),
    "step": lambda x: np.where(x > 0, 1.0, 0.0),
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "softplus": lambda x: np.log(1 + np.exp(x)),
    "arctan": np.arctan,
    "arcsinh": np.arcsinh,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "silu": lambda x: x / (1 + np.exp(-x)),
    "gelu": lambda x: x * (1 + _erf(x / math.sqrt(2))) / 2,
    "erf": _erf,
    "f": lambda x: x**2 - x,
}

_REDUCTIONS: dict[str, Callable[..., Any]] = {
    "sum": np.sum,
    "mean": np.mean,
    "prod": np.prod,
    "max": np.max,
    "min": np.min,
    "var": np.var,
    "std": np.std,
    "logsumexp": lambda x, **how: np.log(np.sum(np.exp(x), **how)),
}

#: Functions of a symmetric matrix, by its eigenvalues, and their derivatives.
_OF_EIGENVALUES: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "expm": (np.exp, np.exp),
    "sqrtm": (np.sqrt, lambda u: 0.5 / np.sqrt(u)),
}

FUNCTIONS = {"f": _ENTRY_BY_ENTRY["f"], "Loss": lambda x: np.max(x) - 2 * np.min(x)}


class Maker:
    """Makes expressions of a wanted shape; every name gets the shape that it is wanted in."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.shapes: dict[str, Shape] = {}

    def values(self) -> Values:
        """Random arrays for all names that were used."""
        numbers = np.random.default_rng(self.chance.randrange(10**6))
        return {name: numbers.uniform(-1, 1, shape) for name, shape in self.shapes.items()}

    def make(self, shape: Shape, depth: int) -> Written:
        """An expression of a shape."""
        if depth <= 0:
            return self._leaf(shape)
        ways = [self._entrywise, self._unary, self._negative]
        if len(shape) < 2:
            ways += [self._reduced, self._product]
        if shape == ():
            ways += [self._scalar] * 3
        if len(shape) == 1:
            ways += [self._diagonal]
        if len(shape) == 2:
            ways += [self._product, self._turned, self._outer, self._kept]
            if shape[0] == shape[1]:
                ways += [self._square]
        return self.chance.choice(ways)(shape, depth - 1)

    def _size(self) -> int:
        return self.chance.randint(1, 4)

    def _leaf(self, shape: Shape) -> Written:
        if shape == () and self.chance.random() < 0.4:
            number = self.chance.choice([2, 3, 0.5, 0.25])
            return Written(str(number), lambda _: np.float64(number), shape)
        if shape and self.chance.random() < 0.1:
            text = f"ones({shape[0] if len(shape) == 1 else shape})"
            return Written(text, lambda _: np.ones(shape), shape)
        if len(shape) == 2 and shape[0] == shape[1] and self.chance.random() < 0.2:
            return Written(f"eye({shape[0]})", lambda _: np.eye(shape[0]), shape)
        return self._name(shape)

    def _name(self, shape: Shape) -> Written:
        stem = ("lam", "x", "X")[len(shape)]
        name = stem + "_".join(["", *map(str, shape)]) + self.chance.choice(["", "_0"])
        self.shapes[name] = shape
        return Written(name, lambda values: values[name], shape)

    def _entrywise(self, shape: Shape, depth: int) -> Written:
        """A operator B, one of them perhaps broadcast."""
        other = self.chance.choice([shape, shape, (), shape[1:], *self._ones(shape)])
        sides = [self.make(shape, depth), self.make(other, depth)]
        self.chance.shuffle(sides)
        a, b = sides
        sign = self.chance.choice(["+", "-", "*", "/", "^", "maximum", "minimum"])
        if sign in ("maximum", "minimum"):
            larger = getattr(np, sign)
            return Written(
                f"{sign}({a.text}, {b.text})", lambda v: larger(a.value(v), b.value(v)), shape
            )
        if sign == "/":  # a divisor that stays away from 0
            return Written(
                f"({a.text})/(1.5 + ({b.text})**2)",
                lambda v: a.value(v) / (1.5 + b.value(v) ** 2),
                shape,
            )
        if sign == "^":
            return Written(
                f"(1.5 + ({a.text})**2)**tanh({b.text})",
                lambda v: (1.5 + a.value(v) ** 2) ** np.tanh(b.value(v)),
                shape,
            )
        operate: Callable[[Any, Any], Any] = {
            "+": lambda x, y: x + y,
            "-": lambda x, y: x - y,
            "*": lambda x, y: x * y,
        }[sign]
        return Written(
            f"({a.text} {sign} {b.text})", lambda v: operate(a.value(v), b.value(v)), shape
        )

    @staticmethod
    def _ones(shape: Shape) -> list[Shape]:
        """The shape with 1 in place of a size."""
        return [tuple(1 if k == n else s for k, s in enumerate(shape)) for n in range(len(shape))]

    def _unary(self, shape: Shape, depth: int) -> Written:
        name = self.chance.choice(list(_ENTRY_BY_ENTRY))
        function, a = _ENTRY_BY_ENTRY[name], self.make(shape, depth)
        # tanh keeps exp of exp within what can be held
        return Written(f"{name}(tanh({a.text}))", lambda v: function(np.tanh(a.value(v))), shape)

    def _negative(self, shape: Shape, depth: int) -> Written:
        a = self.make(shape, depth)
        return Written(f"-{a.text}", lambda v: -a.value(v), shape)

    def _turned(self, shape: Shape, depth: int) -> Written:
        a = self.make(shape[::-1], depth)
        return Written(f"({a.text}).T", lambda v: a.value(v).T, shape)

    def _product(self, shape: Shape, depth: int) -> Written:
        inner = self._size()
        lefts = {0: ((inner,), (inner,)), 2: ((*shape[:1], inner), (inner, *shape[1:]))}
        if len(shape) == 1:
            one, other = self.chance.choice(
                [((*shape, inner), (inner,)), ((inner,), (inner, *shape))]
            )
        else:
            one, other = lefts[len(shape)]
        a, b = self.make(one, depth), self.make(other, depth)
        text = self.chance.choice([f"(({a.text}) @ ({b.text}))", f"dot({a.text}, {b.text})"])
        return Written(text, lambda v: np.matmul(a.value(v), b.value(v)), shape)

    def _outer(self, shape: Shape, depth: int) -> Written:
        a, b = self.make(shape[:1], depth), self.make(shape[1:], depth)
        return Written(
            f"outer({a.text}, {b.text})",
            lambda v: a.value(v)[:, None] * b.value(v)[None, :],
            shape,
        )

    def _reduced(self, shape: Shape, depth: int) -> Written:
        name = self.chance.choice(list(_REDUCTIONS))
        reduce = _REDUCTIONS[name]
        if shape == ():
            inner: Shape = self.chance.choice([(), (self._size(),), (self._size(), self._size())])
            axis = None if len(inner) != 1 else self.chance.choice([None, 0, -1])
        else:
            axis = self.chance.choice([0, 1, -1, -2])
            inner = tuple(np.insert(np.array(shape), axis % 2, self._size()).tolist())
        a = self._operand(name, inner, depth)
        option = "" if axis is None else f", axis={axis}"
        text = f"{name}({a.text}{option})"
        if name != "logsumexp" and self.chance.random() < 0.3:
            text = f"({a.text}).{name}({option.removeprefix(', ')})"
        return Written(text, lambda v: reduce(a.value(v), axis=axis), shape)

    def _operand(self, name: str, shape: Shape, depth: int) -> Written:
        """The operand of a reduction; a variance of equal numbers would be rounding alone."""
        a = self.make(shape, depth)
        if name not in ("var", "std"):
            return a
        b = self._name(shape)
        return Written(f"({a.text} + {b.text})", lambda v: a.value(v) + b.value(v), shape)

    def _kept(self, shape: Shape, depth: int) -> Written:
        """Keepdims leaves a 1; softmax leaves the shape."""
        if 1 in shape:
            axis = shape.index(1)
            name = self.chance.choice(list(_REDUCTIONS))
            reduce = _REDUCTIONS[name]
            inner = tuple(self._size() if n == axis else s for n, s in enumerate(shape))
            a = self._operand(name, inner, depth)
            return Written(
                f"{name}({a.text}, axis={axis}, keepdims=True)",
                lambda v: reduce(a.value(v), axis=axis, keepdims=True),
                shape,
            )
        axis = self.chance.choice([0, 1, -1])
        a = self.make(shape, depth)

        def softmax(v: Values) -> Any:  # noqa: ANN401
            e = np.exp(a.value(v))
            return e / e.sum(axis=axis, keepdims=True)

        if self.chance.random() < 0.4:
            text = f"log_softmax({a.text}, axis={axis})"
            return Written(text, lambda v: np.log(softmax(v)), shape)
        return Written(f"softmax({a.text}, axis={axis})", softmax, shape)

    def _regular(self, size: int, depth: int) -> Written:
        """A matrix that has an inverse, and a positive determinant."""
        a = self.make((size, size), depth)

        def value(v: Values) -> Any:  # noqa: ANN401
            x = np.tanh(a.value(v))
            return x.T @ x + 2 * np.eye(size)

        b = f"tanh({a.text})"
        return Written(f"({b}.T @ {b} + 2*eye({size}))", value, (size, size))

    def _square(self, shape: Shape, depth: int) -> Written:
        if self.chance.random() < 0.5:
            a = self.make(shape[:1], depth)
            return Written(f"diag({a.text})", lambda v: np.diag(a.value(v)), shape)
        b = self._regular(shape[0], depth)
        if self.chance.random() < 0.4:
            name = self.chance.choice(list(_OF_EIGENVALUES))
            function, slope = _OF_EIGENVALUES[name]

            def spectral(v: Values) -> Any:  # noqa: ANN401
                numbers, vectors = np.linalg.eigh(b.value(v))
                return vectors * function(numbers) @ vectors.T

            if self.chance.random() < 0.6:
                return Written(f"{name}({b.text})", spectral, shape)
            a = self.make(shape, depth)

            def along(v: Values) -> Any:  # noqa: ANN401
                """By the differences of the function over those of the eigenvalues."""
                numbers, vectors = np.linalg.eigh(b.value(v))
                one, other = np.meshgrid(numbers, numbers)
                near = np.abs(one - other) < 1e-6
                apart = np.where(near, 1, one - other)
                ratios = np.where(
                    near, slope((one + other) / 2), (function(one) - function(other)) / apart
                )
                return vectors @ (ratios * (vectors.T @ a.value(v) @ vectors)) @ vectors.T

            return Written(f"{name}_frechet({b.text}, {a.text})", along, shape)
        return Written(
            f"inv({b.text})", lambda v: np.linalg.solve(b.value(v), np.eye(shape[0])), shape
        )

    def _diagonal(self, shape: Shape, depth: int) -> Written:
        a = self.make(shape * 2, depth)
        return Written(f"diag({a.text})", lambda v: a.value(v).diagonal(), shape)

    def _scalar(self, shape: Shape, depth: int) -> Written:
        kind = self.chance.choice(["trace", "tr", "det", "logdet", "norm", "norm2", "Loss"])
        if kind == "norm2":
            x = self.make((self._size(),), depth)
            return Written(f"norm({x.text}, 2)", lambda v: np.sqrt(np.sum(x.value(v) ** 2)), shape)
        if kind in ("norm", "Loss"):
            a = self.make((self._size(), self._size()), depth)
            meaning = FUNCTIONS.get(kind, lambda x: np.sqrt(np.sum(x**2)))
            return Written(f"{kind}({a.text})", lambda v: meaning(a.value(v)), shape)
        b = self._regular(self._size(), depth)
        of_square: dict[str, Callable[[Any], Any]] = {
            "trace": lambda x: np.einsum("ii", x),
            "tr": lambda x: np.einsum("ii", x),
            "det": np.linalg.det,
            "logdet": lambda x: np.log(np.linalg.det(x)),
        }
        return Written(f"{kind}({b.text})", lambda v: of_square[kind](b.value(v)), shape)
