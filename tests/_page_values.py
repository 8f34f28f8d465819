"""Values of a program at a random point, and its partial derivatives by complex steps.

Nothing here differentiates by a rule: a derivative is Im f(x + ih)/h. A program is read by
Python's own `ast`; undefined functions are given smooth bodies that depend on their names.
"""

from __future__ import annotations

import ast
import contextlib
import itertools
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

import numpy as np
from _page_latex import Unread

__all__ = [
    "KNOWN",
    "MAPS",
    "Array",
    "Function",
    "Point",
    "called",
    "functional",
    "reduced",
    "sites",
]

Array = Any
_STEP = 1e-30


def _by_real(of: Array, where: Callable[[Array], Array], slope: Callable[[Array], Array]) -> Array:
    """A function of one real number at x + ih."""
    of = np.asarray(of)
    real = of.real
    value = where(real)
    return value + 1j * of.imag * slope(real) if np.iscomplexobj(of) else value


def _erf(of: Array) -> Array:
    def slope(x: Array) -> Array:
        return 2 / math.sqrt(math.pi) * np.exp(-x * x)

    return _by_real(of, np.vectorize(math.erf, otypes=[float]), slope)


#: Functions of one number.
KNOWN: dict[str, Callable[[Array], Array]] = {
    "exp": np.exp,
    "log": np.log,
    "sqrt": np.sqrt,
    "sin": np.sin,
    "cos": np.cos,
    "tanh": np.tanh,
    "sigmoid": lambda u: 1 / (1 + np.exp(-u)),
    "softplus": lambda u: np.log(1 + np.exp(u)),
    "erf": _erf,
    "abs": lambda u: _by_real(u, np.abs, np.sign),
    "sign": lambda u: _by_real(u, np.sign, np.zeros_like),
    "relu": lambda u: _by_real(u, lambda x: np.maximum(x, 0), lambda x: (x > 0) * 1.0),
    "step": lambda u: _by_real(u, lambda x: (x > 0) * 1.0, np.zeros_like),
    "arctan": np.arctan,
    "arcsin": np.arcsin,
    "arccos": np.arccos,
    "arcsinh": np.arcsinh,
    "arccosh": np.arccosh,
    "arctanh": np.arctanh,
    "floor": lambda u: _by_real(u, np.floor, np.zeros_like),
    "ceil": lambda u: _by_real(u, np.ceil, np.zeros_like),
    "round": lambda u: _by_real(u, np.round, np.zeros_like),
    "trunc": lambda u: _by_real(u, np.trunc, np.zeros_like),
    "frac": lambda u: _by_real(u, lambda x: x - np.trunc(x), np.ones_like),
    "iszero": lambda u: (np.real(u) == 0) * 1.0,
    "tan": np.tan,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "silu": lambda u: u / (1 + np.exp(-u)),
    "gelu": lambda u: u * (1 + _erf(u / math.sqrt(2))) / 2,
}


@dataclass(frozen=True)
class Function:
    """An undefined function of one number: f(u) = sin(au + b) + cu², or u², and its derivative."""

    name: str
    square: bool = False

    def __call__(self, u: Array, *, prime: bool = False) -> Array:
        """Its value, or the value of its derivative."""
        if self.square:
            return 2 * u if prime else u * u
        seed = crc32(self.name.encode())
        a, b, c = 0.5 + seed % 97 / 97, 0.1 + seed % 89 / 89, 0.2 + seed % 83 / 166
        if prime:
            return a * np.cos(a * u + b) + 2 * c * u
        return np.sin(a * u + b) + c * u * u


def functional(name: str, of: Array, *, prime: bool = False) -> Array:
    """An undefined function of a whole array: F(Y) = Σ wy + (Σ vy)², and its partial derivatives.

    The weights w and v differ from entry to entry.
    """
    of = np.asarray(of)
    chance = np.random.default_rng(crc32(name.encode()))
    w, v = chance.uniform(0.5, 1.5, (2, *of.shape))
    inner = (v * of).sum()
    return w + 2 * inner * v if prime else (w * of).sum() + inner * inner


#: Functions of an array along an axis, as programs and pages write them.
REDUCED = frozenset(
    "sum mean prod var std max min logsumexp softmax log_softmax logsoftmax".split()
)


#: Functions that programs write with other arguments than an array alone, as NumPy has them.
MAPS = frozenset(
    """concatenate diagonal diff einsum flip kron pad repeat reshape roll stack tile tril triu""".split()
)


def reduced(
    name: str, of: Array, axis: int | tuple[int, ...] | None, *, keep: bool = False
) -> Array:
    """A sum, mean, variance … of an array along an axis."""
    of = np.asarray(of)
    match name:
        case "var" | "std":
            apart = of - of.mean(axis=axis, keepdims=True)
            found = (apart * apart).mean(axis=axis, keepdims=keep)
            return found if name == "var" else np.sqrt(found)
        case "log_softmax" | "logsoftmax":
            return of - np.log(np.exp(of).sum(axis=axis, keepdims=True))
        case "sum" | "mean" | "prod":
            return getattr(np, name)(of, axis=axis, keepdims=keep)
        case "max" | "min":
            real = np.real(of)
            best = real == getattr(real, name)(axis=axis, keepdims=True)
            return np.where(best, of, 0).sum(axis=axis, keepdims=keep)
        case "logsumexp":
            return np.log(np.exp(of).sum(axis=axis, keepdims=keep))
        case "softmax":
            return np.exp(of) / np.exp(of).sum(axis=axis, keepdims=True)
    raise KeyError(name)


def called(name: str, args: list[Array]) -> Array:
    """A function of whole arrays that are given."""
    one = np.asarray(args[0])
    match name:
        case "norm":
            return np.sqrt((one * one).sum())
        case "trace" | "tr":
            return np.trace(one)
        case "inv":
            return np.linalg.inv(one)
        case "det":
            return np.linalg.det(one)
        case "logdet":
            found = np.linalg.det(one)
            return np.log(found * np.sign(found.real))
        case "cumsum":
            return np.cumsum(one)
        case "diag":
            return np.diag(one)
        case "outer":
            return np.outer(*args)
        case "dot":
            return args[0] @ args[1]
        case "maximum" | "minimum":
            first = (np.real(args[0]) > np.real(args[1])) == (name == "maximum")
            return np.where(first, args[0], args[1])
    raise KeyError(name)


def sites(shape: tuple[int, ...]) -> list[tuple[int, ...]]:
    """All places of an array."""
    return list(itertools.product(*map(range, shape)))


Definition = Callable[[Mapping[str, Array]], Array]


@dataclass
class Point:
    """The values of all names, and what those that are no inputs are computed by, in order."""

    values: dict[str, Array]
    definitions: dict[str, Definition]
    needs: dict[str, set[str]] = field(default_factory=dict)
    sizes: Mapping[str, int] = field(default_factory=dict)
    own: Mapping[str, Definition] = field(default_factory=dict)  # those of the program
    page: Mapping[str, Definition] = field(default_factory=dict)  # those before numbers are given
    squares: set[str] = field(default_factory=set)  # undefined functions that are taken as u²
    _known: dict[tuple[str, str, bool], Array] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        program: str,
        shapes: Mapping[str, tuple[int, ...]],
        seed: int = 0,
        sizes: Mapping[str, int] | None = None,
    ) -> Point:
        """A random point of a program; `shapes` are those of its inputs."""
        chance = np.random.default_rng(seed)
        values: dict[str, Array] = {
            name: np.asarray(chance.uniform(0.4, 1.6, shape)) for name, shape in shapes.items()
        }
        made = cls(values, {}, sizes=dict(sizes or {}))
        for statement in re.split(r"[;\n]", program):
            if not statement.strip():
                continue
            name, _, text = statement.partition("=")
            node = ast.parse(text.strip(), mode="eval").body
            needs = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
            made.define(name.strip(), needs, lambda at, n=node: _run(n, at, made))
        made.own = dict(made.definitions)
        return made

    def define(self, name: str, needs: set[str], definition: Definition) -> None:
        """Let a name be computed from others, or be computed in another way."""
        self.values.setdefault(name, np.asarray(definition(self.values)))
        left = self.definitions | {name: definition}
        self.needs[name] = needs
        self.definitions = {}
        while left:  # each after those that it needs
            ready = next(n for n in left if not self.needs[n] & left.keys() - {n})
            self.definitions[ready] = left.pop(ready)
        self.page = dict(self.definitions)
        self._known.clear()

    def inputs(self) -> list[str]:
        """The names without a definition."""
        return [name for name in self.values if name not in self.definitions]

    def function(self, name: str) -> Function:
        """An undefined function of one number."""
        return Function(name, name in self.squares)

    def give(self, name: str, value: Array) -> None:
        """Let an input have another value, perhaps of another size, and all that comes of it.

        Definitions on the page hold letters of its sizes: those that now say something else than
        the program are no longer used.
        """
        self.values[name] = value
        self._known.clear()
        self.definitions |= self.page
        for other, definition in self.definitions.items():
            own = self.own.get(other, definition)
            found = self._found(own)
            if found is None:  # until all inputs of one size have theirs
                continue
            self.values[other] = found
            if own is not definition and not _equal(self._found(definition), found):
                self.definitions[other] = own

    def _found(self, definition: Definition) -> Array | None:
        with contextlib.suppress(ValueError, LookupError, Unread):
            return np.asarray(definition(self.values))
        return None

    def restore(self, values: Mapping[str, Array], definitions: Mapping[str, Definition]) -> None:
        """Let the inputs have the values that they had, and all that comes of them."""
        inputs = [name for name in self.inputs() if name in values]
        if not self.squares and all(self.values[name] is values[name] for name in inputs):
            return
        self.squares.clear()
        self.values |= {name: values[name] for name in inputs}
        self.definitions |= definitions
        self._known.clear()
        for other, definition in self.definitions.items():
            self.values[other] = np.asarray(definition(self.values))

    def jacobian(self, of: str, wrt: str, *, total: bool) -> Array:
        """∂y/∂x by all entries: through the definition of y alone, or through all values."""
        key = (of, wrt, total)
        if key not in self._known:
            self._known[key] = self._jacobian(of, wrt, total=total)
        return self._known[key]

    def _jacobian(self, of: str, wrt: str, *, total: bool) -> Array:
        x = self.values[wrt]
        made = np.zeros((*self.values[of].shape, *x.shape))
        if of == wrt:
            for place in sites(x.shape):
                made[(*place, *place)] = 1
            return made
        for place in sites(x.shape):
            moved = x.astype(complex)
            moved[place] += 1j * _STEP
            at = self.values | {wrt: moved}
            names = list(self.definitions) if total else [of]
            for name in names:
                if name != wrt:
                    at[name] = np.asarray(self.definitions[name](at))
            made[(..., *place)] = np.asarray(at[of]).imag / _STEP
        return made


def _equal(one: Array | None, other: Array) -> bool:
    return one is not None and one.shape == other.shape and bool(np.allclose(one, other))


def _run(node: ast.expr, at: Mapping[str, Array], point: Point) -> Array:
    """The value of an expression."""
    match node:
        case ast.Constant(value):
            return np.asarray(float(value))
        case ast.Name(name):
            return at[name] if name in at else np.asarray(point.sizes[name])
        case ast.UnaryOp(ast.USub(), operand):
            return -_run(operand, at, point)
        case ast.UnaryOp(ast.UAdd(), operand):
            return _run(operand, at, point)
        case ast.BinOp(left, op, right):
            one, other = _run(left, at, point), _run(right, at, point)
            return _OPERATORS[type(op)](one, other)
        case ast.Attribute(value, "T"):
            return _run(value, at, point).T
        case ast.Attribute(value, "mT"):
            return np.swapaxes(_run(value, at, point), -1, -2)
        case ast.Subscript(value, place):
            return _run(value, at, point)[_place(place)]
        case ast.Tuple(items):
            return tuple(_run(item, at, point) for item in items)
        case ast.Call(ast.Attribute(value, name), args, keywords):  # X.sum(axis=0)
            return _call(name, [value, *args], keywords, at, point)
        case ast.Call(ast.Name(name), args, keywords):
            return _call(name, args, keywords, at, point)
    raise NotImplementedError(ast.dump(node))


_OPERATORS: dict[type, Callable[[Array, Array], Array]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
    ast.Pow: lambda a, b: a**b,
    ast.MatMult: lambda a, b: a @ b,
}


def _call(
    name: str,
    args: list[ast.expr],
    keywords: list[ast.keyword],
    at: Mapping[str, Array],
    point: Point,
) -> Array:
    if name in ("eye", "ones"):
        shape = ast.literal_eval(_numbered(args[0], point.sizes))
        return np.eye(shape) if name == "eye" else np.ones(shape)
    if name in MAPS:
        return _mapped(name, args, keywords, at, point)
    options = {k.arg: ast.literal_eval(k.value) for k in keywords}
    found = [_run(arg, at, point) for arg in args]
    if name in REDUCED:
        axis = options.get("axis", int(found[1]) if len(found) > 1 else None)
        return reduced(name, found[0], axis, keep=bool(options.get("keepdims", False)))
    if name in KNOWN:
        return KNOWN[name](found[0])
    try:
        return np.asarray(called(name, found))
    except KeyError:
        if name[0].isupper():
            return np.asarray(functional(name, found[0]))
        return point.function(name)(found[0])


def _mapped(
    name: str,
    args: list[ast.expr],
    keywords: list[ast.keyword],
    at: Mapping[str, Array],
    point: Point,
) -> Array:
    """A function that puts entries at other places, or a sum of products, by NumPy."""

    def operand(arg: ast.expr) -> object:
        try:
            return ast.literal_eval(arg)
        except ValueError:
            return _run(arg, at, point)

    options = {str(k.arg): ast.literal_eval(k.value) for k in keywords}
    return np.asarray(getattr(np, name)(*map(operand, args), **options))


def _place(node: ast.expr) -> Any:  # noqa: ANN401 - numbers, slices, lists and tuples of them
    """The place in an array that an index says."""
    match node:
        case ast.Slice(lower, upper, step):
            return slice(
                *(None if n is None else ast.literal_eval(n) for n in (lower, upper, step))
            )
        case ast.Tuple(items):
            return tuple(map(_place, items))
    return ast.literal_eval(node)


def _numbered(node: ast.expr, sizes: Mapping[str, int]) -> ast.expr:
    class Put(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.Constant:
            return ast.Constant(sizes[node.id])

    return Put().visit(node)
