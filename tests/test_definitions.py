"""Definitions of operations in simpler ones, against NumPy's own functions."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from _reference import Array

from matderiv.expression import nodes
from matderiv.expression.definitions import definition
from matderiv.expression.functions import FUNCTIONS
from matderiv.expression.known_shapes import shape_of
from matderiv.expression.nodes import Name, Node
from matderiv.expression.numeric import numeric_value
from matderiv.expression.operations import COMPOSITE
from matderiv.expression.parse import parse
from matderiv.expression.shapes import Dim, Shape

_erf = np.vectorize(math.erf, otypes=[float])


def _logsumexp(a: Array, axis: int | None = None, *, keepdims: bool = False) -> Array:
    return np.asarray(np.log(np.exp(a).sum(axis=axis, keepdims=keepdims)))


#: What each operation means, in NumPy's own words where it has them.
MEANINGS: dict[type, Callable[..., Any]] = {
    nodes.Mean: np.mean,
    nodes.Var: np.var,
    nodes.Std: np.std,
    nodes.Min: np.min,
    nodes.LogSumExp: _logsumexp,
    nodes.Softmax: lambda a, axis: np.exp(a) / np.exp(a).sum(axis=axis, keepdims=True),
    nodes.LogSoftmax: lambda a, axis: a - np.log(np.exp(a).sum(axis=axis, keepdims=True)),
    nodes.Maximum: np.maximum,
    nodes.Minimum: np.minimum,
    nodes.Norm: np.linalg.norm,
    nodes.Trace: np.trace,
    nodes.LogDet: lambda a: np.linalg.slogdet(a)[1],
}
#: Maps of entries, which are many to a kind.
MAPS: dict[str, Callable[[Array, Array], Array]] = {
    "A[1:]": lambda a, _: a[1:],
    "A[::-1, 0]": lambda a, _: a[::-1, 0],
    "roll(A, 1, axis=1)": lambda a, _: np.roll(a, 1, axis=1),
    "cumsum(A, axis=0)": lambda a, _: np.cumsum(a, axis=0),
    "tril(A)": lambda a, _: np.tril(a),
    "concatenate((A, A), axis=1)": lambda a, _: np.concatenate((a, a), axis=1),
    "stack((A, A))": lambda a, _: np.stack((a, a)),
    "A[B]": lambda a, b: a[b.astype(int)],
    "A[:, B]": lambda a, b: a[:, b.astype(int)],
}
OF_ONE_NUMBER: dict[str, Callable[[Any], Any]] = {
    "sigmoid": lambda u: 1 / (1 + np.exp(-u)),
    "relu": lambda u: np.maximum(u, 0),
    "abs": np.abs,
    "softplus": lambda u: np.logaddexp(0, u),
    "silu": lambda u: u / (1 + np.exp(-u)),
    "sinh": np.sinh,
    "cosh": np.cosh,
    "arccos": np.arccos,
    "ceil": np.ceil,
    "trunc": np.trunc,
    "frac": lambda u: np.modf(u)[0],
    "gelu": lambda u: u * (1 + _erf(u / math.sqrt(2))) / 2,
}
A, B = Name("A"), Name("B")
SIZES = (2, 3, 1)


def unfolded(node: Node, shapes: dict[str, Shape]) -> Node:
    """The node in operations that have no definition."""
    simpler = definition(node, lambda part: shape_of(part, shapes))
    if simpler is not None:
        return unfolded(simpler, shapes)
    return nodes.rebuilt(node, [unfolded(part, shapes) for part in nodes.children(node)])


def check(node: Node, expected: Callable[..., Any], *arrays: Array) -> None:
    """The value of the definition, and that of the node, are what NumPy has."""
    values = dict(zip("AB", arrays, strict=False))
    shapes = {n: tuple(Dim(str(s), s) for s in np.shape(a)) for n, a in values.items()}
    for same in (unfolded(node, shapes), node):
        value = numeric_value(same, values)
        np.testing.assert_allclose(value, expected(*arrays), rtol=1e-9, atol=1e-9)
        assert value.shape == np.shape(expected(*arrays))


def shapes_and_axes(least: int = 1) -> Iterator[tuple[tuple[int, ...], int | None]]:
    """Shapes of one to three dimensions, each with every axis and with none."""
    for count in range(least, 4):
        for shape in itertools.permutations(SIZES, count):
            for axis in (None, *range(count)):
                yield shape, axis


def test_every_definition_has_a_meaning_here() -> None:
    """An operation with a definition that is compared with nothing is found."""
    maps = {type(parse(f"L = {text}").loss.value) for text in MAPS}
    assert not maps & set(MEANINGS)
    assert maps | set(MEANINGS) == set(COMPOSITE)
    assert set(OF_ONE_NUMBER) == {name for name, f in FUNCTIONS.items() if f.definition}


@pytest.mark.parametrize("kind", [k for k in MEANINGS if issubclass(k, nodes.Reduction)])
def test_reductions(kind: type) -> None:
    """Along every axis and over all entries, with and without the axis kept."""
    chance = np.random.default_rng(0)
    meaning = MEANINGS[kind]
    for (shape, axis), kept in itertools.product(shapes_and_axes(), (False, True)):
        made = kind(A, axis, keepdims=kept)
        expected = lambda a, how={"axis": axis, "keepdims": kept}: meaning(a, **how)  # noqa: E731
        check(made, expected, chance.normal(size=shape))


@pytest.mark.parametrize("text", MAPS)
def test_maps_of_entries(text: str) -> None:
    """Each is the product with a constant, or with one-hot rows, that its definition says."""
    chance = np.random.default_rng(2)
    for rows, columns in itertools.product((2, 3), SIZES):
        labels = chance.integers(0, min(rows, columns), 4).astype(float)
        check(
            parse(f"L = {text}").loss.value, MAPS[text], chance.normal(size=(rows, columns)), labels
        )


@pytest.mark.parametrize("kind", [nodes.Softmax, nodes.LogSoftmax])
def test_along_an_axis(kind: type) -> None:
    """Along every axis and over all entries."""
    chance = np.random.default_rng(1)
    for shape, axis in shapes_and_axes():
        check(
            kind(A, axis), lambda a, axis=axis: MEANINGS[kind](a, axis), chance.normal(size=shape)
        )


@pytest.mark.parametrize("kind", [nodes.Maximum, nodes.Minimum])
def test_of_two_numbers(kind: type) -> None:
    """Entry by entry, with broadcasting."""
    chance = np.random.default_rng(2)
    shapes = [(), (3,), (1, 3), (2, 1), (2, 3), (4, 2, 3)]
    for one, other in itertools.product(shapes, repeat=2):
        check(
            kind(A, B), MEANINGS[kind], *(np.asarray(chance.normal(size=s)) for s in (one, other))
        )


@pytest.mark.parametrize("shape", [(1,), (4,), (1, 3), (3, 2)])
def test_norm(shape: tuple[int, ...]) -> None:
    """The 2-norm of a vector, the Frobenius norm of a matrix."""
    check(nodes.Norm(A), MEANINGS[nodes.Norm], np.random.default_rng(3).normal(size=shape))


@pytest.mark.parametrize("kind", [nodes.Trace, nodes.LogDet])
def test_of_square_matrices(kind: type) -> None:
    """A determinant may be negative: its logarithm is that of its absolute value."""
    chance = np.random.default_rng(4)
    for size in (1, 2, 3, 4):
        a = chance.normal(size=(size, size))
        check(kind(A), MEANINGS[kind], a)
        a[0] *= -1
        check(kind(A), MEANINGS[kind], a)


@pytest.mark.parametrize("name", OF_ONE_NUMBER)
def test_functions_of_one_number(name: str) -> None:
    """At numbers of both signs."""
    numbers = np.array([-7.5, -2, -0.3, 0.4, 1, 3, 8])
    numbers /= 10 if name == "arccos" else 1
    check(nodes.Apply(name, A), OF_ONE_NUMBER[name], numbers)
