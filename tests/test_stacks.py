"""Arrays of more than two dimensions: values, gradients, printed code, proofs and pages."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from _certificates import refused, sealed
from _differences import central
from _thorough import usually
from verify_certificate import outcome

import matderiv
from matderiv.errors import MatderivError, UnsupportedError
from matderiv.expression.known_shapes import settled
from matderiv.expression.numeric import numeric_value
from matderiv.expression.parse import parse
from matderiv.expression.shapes import infer

Values = dict[str, Any]
Array = npt.NDArray[np.float64]
Shape = tuple[int, ...]

SIZES = (1, 2, 3)
PROGRAMS = usually(40, 800)


@dataclass(frozen=True)
class Stack:
    """Text of the language, and what it means in NumPy."""

    text: str
    value: Callable[[Values], Any]
    shape: Shape


class Maker:
    """Random expressions over arrays of up to four dimensions."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.shapes: dict[str, Shape] = {}

    def size(self) -> int:
        """A size."""
        return self.chance.choice(SIZES)

    def leaf(self, shape: Shape) -> Stack:
        """A new input, or one that is there already."""
        alike = [name for name, known in self.shapes.items() if known == shape]
        if alike and self.chance.random() < 0.5:
            name = self.chance.choice(alike)
        else:
            name = f"{'X' if len(shape) > 1 else 'x'}{len(self.shapes) + 1}"
            self.shapes[name] = shape
        return Stack(name, lambda v: v[name], shape)

    def make(self, shape: Shape, depth: int) -> Stack:
        """An expression of a shape."""
        if depth == 0 or len(shape) > 4:
            return self.leaf(shape)
        ways = [self.applied, self.combined, self.reduced, self.kept, self.moved]
        ways += [self.new] * (1 in shape) + [self.product, self.summed] * (len(shape) > 1)
        return self.chance.choice(ways)(shape, depth - 1)

    def applied(self, shape: Shape, depth: int) -> Stack:
        """A function of each entry."""
        inner = self.make(shape, depth)
        name, of = self.chance.choice([("tanh", np.tanh), ("sin", np.sin)])
        return Stack(f"{name}({inner.text})", lambda v: of(inner.value(v)), shape)

    def combined(self, shape: Shape, depth: int) -> Stack:
        """Entry by entry, one of the arrays perhaps repeated along axes."""
        smaller = tuple(1 if self.chance.random() < 0.25 else n for n in shape)
        smaller = smaller[self.chance.choice([0, 0, 1]) :]
        one, other = self.make(shape, depth), self.make(smaller, depth)
        sign, of = self.chance.choice([("*", np.multiply), ("-", np.subtract), ("+", np.add)])
        if self.chance.random() < 0.5:
            one, other = other, one
        text = f"(({one.text}) {sign} ({other.text}))"
        return Stack(text, lambda v: of(one.value(v), other.value(v)), shape)

    def reduced(self, shape: Shape, depth: int) -> Stack:
        """A sum or mean over one axis or several that are gone."""
        count = self.chance.choice([1, 1, 2])
        places = sorted(self.chance.sample(range(len(shape) + count), count))
        larger = list(shape)
        for place in places:
            larger.insert(place, self.size())
        inner = self.make(tuple(larger), depth)
        if self.chance.random() < 0.5:
            places = [place - len(larger) for place in places]
        axis: Any = places[0] if count == 1 else tuple(places)
        kinds = [("sum", np.sum), ("mean", np.mean), ("var", np.var)]
        name, of = self.chance.choice(kinds[: 3 if count == 1 else 2])
        text = f"{name}({inner.text}, axis={axis})"
        return Stack(text, lambda v: of(inner.value(v), axis=axis), shape)

    def kept(self, shape: Shape, depth: int) -> Stack:
        """softmax, or an array beside its mean."""
        inner = self.make(shape, depth)
        if not shape:
            return inner
        axis = self.chance.randrange(-len(shape), len(shape))

        def softmax(v: Values) -> Array:
            powers = np.exp(inner.value(v))
            return powers / powers.sum(axis=axis, keepdims=True)

        def centred(v: Values) -> Array:
            x = inner.value(v)
            return x - x.mean(axis=axis, keepdims=True)

        if self.chance.random() < 0.5:
            return Stack(f"softmax({inner.text}, axis={axis})", softmax, shape)
        mean = f"mean({inner.text}, axis={axis}, keepdims=True)"
        return Stack(f"({inner.text} - {mean})", centred, shape)

    def moved(self, shape: Shape, depth: int) -> Stack:
        """The axes of another array in a new order."""
        if len(shape) < 2:
            return self.make(shape, depth)
        i, j = self.chance.sample(range(len(shape)), 2)
        way = self.chance.choice(["transpose", "method", "swapaxes", "moveaxis", "mT"])
        if way == "mT":
            inner = self.make((*shape[:-2], shape[-1], shape[-2]), depth)
            return Stack(f"({inner.text}).mT", lambda v: np.swapaxes(inner.value(v), -1, -2), shape)
        if way == "swapaxes":
            other = list(shape)
            other[i], other[j] = other[j], other[i]
            inner = self.make(tuple(other), depth)
            if self.chance.random() < 0.5:
                i, j = i - len(shape), j - len(shape)
            text = f"swapaxes({inner.text}, {i}, {j})"
            return Stack(text, lambda v: np.swapaxes(inner.value(v), i, j), shape)
        if way == "moveaxis":
            other = [n for k, n in enumerate(shape) if k != j]
            other.insert(i, shape[j])
            inner = self.make(tuple(other), depth)
            if self.chance.random() < 0.5:
                i, j = i - len(shape), j - len(shape)
            text = f"moveaxis({inner.text}, {i}, {j})"
            return Stack(text, lambda v: np.moveaxis(inner.value(v), i, j), shape)
        order = list(range(len(shape)))
        self.chance.shuffle(order)
        inner = self.make(tuple(shape[order.index(n)] for n in range(len(shape))), depth)
        axes = tuple(order)
        text = f"transpose({inner.text}, {axes})"
        if way == "method":
            text = f"({inner.text}).transpose{axes}"
        return Stack(text, lambda v: np.transpose(inner.value(v), axes), shape)

    def new(self, shape: Shape, depth: int) -> Stack:
        """An axis of a single entry is added."""
        place = self.chance.choice([k for k, n in enumerate(shape) if n == 1])
        inner = self.make(shape[:place] + shape[place + 1 :], depth)
        words = ["None" if k == place else ":" for k in range(len(shape))]
        text = self.chance.choice(
            [
                f"({inner.text})[{', '.join(words)}]",
                f"({inner.text})[{', '.join(words[: place + 1])}]",
                f"({inner.text})[{', '.join(['...', *words[place:]])}]",
                f"expand_dims({inner.text}, {place})",
                f"expand_dims({inner.text}, {place - len(shape)})",
            ]
        )
        return Stack(text, lambda v: np.expand_dims(inner.value(v), place), shape)

    def product(self, shape: Shape, depth: int) -> Stack:
        """Products of the matrices of two stacks, or of a stack and one matrix or vector."""
        inner, stack = self.size(), shape[:-2]
        kinds = ["both", "left", "right"] + ["vector"] * (len(shape) > 1)
        match self.chance.choice(kinds):
            case "both":
                left, right = (*stack, shape[-2], inner), (*stack, inner, shape[-1])
            case "left":
                left, right = (*stack, shape[-2], inner), (inner, shape[-1])
            case "right":
                left, right = (shape[-2], inner), (*stack, inner, shape[-1])
            case _:
                left, right = (*shape, inner), (inner,)
        one, other = self.make(left, depth), self.make(right, depth)
        text = f"({one.text} @ {other.text})"
        return Stack(text, lambda v: one.value(v) @ other.value(v), shape)

    def summed(self, shape: Shape, depth: int) -> Stack:
        """Two arrays by subscripts."""
        result = "abcdefgh"[: len(shape)]
        size = dict(zip(result, shape, strict=True)) | {"k": self.size()}
        both = [n for n in result if self.chance.random() < 0.4]
        left = [n for n in result if n in both or self.chance.random() < 0.5]
        right = [n for n in result if n in both or n not in left]
        k = self.chance.random() < 0.8
        subs = []
        for letters in (left, right):
            some = [*letters, *["k"] * k]
            self.chance.shuffle(some)
            subs.append("".join(some))
        one, other = (self.make(tuple(size[n] for n in s), depth) for s in subs)
        words = f"{subs[0]},{subs[1]}->{result}"
        text = f"einsum('{words}', {one.text}, {other.text})"
        return Stack(text, lambda v: np.einsum(words, one.value(v), other.value(v)), shape)


def program(seed: int) -> tuple[Maker, Stack]:
    """A random array, not a number, of three dimensions or more at times."""
    maker = Maker(seed)
    shape = tuple(maker.size() for _ in range(maker.chance.choice([1, 2, 3, 3, 4])))
    return maker, maker.make(shape, maker.chance.choice([1, 2, 3]))


def numbers(maker: Maker, seed: int) -> Values:
    """Arrays for all inputs."""
    rng = np.random.default_rng(seed)
    return {name: rng.uniform(-1, 1, shape) for name, shape in maker.shapes.items()}


@pytest.mark.parametrize("seed", range(PROGRAMS * 4))
def test_text_means_what_numpy_means(seed: int) -> None:
    """As read, with its axes settled, and read again from its own print."""
    maker, made = program(seed)
    values = numbers(maker, seed)
    read = parse(f"L = {made.text}")
    whole = settled(read, infer(read, shapes=maker.shapes))
    for same in (read, whole, parse(read.source()), parse(whole.source())):
        found = numeric_value(same.loss.value, values)
        np.testing.assert_allclose(found, made.value(values), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("seed", range(PROGRAMS))
def test_gradients_are_those_of_central_differences(seed: int) -> None:
    """The called gradient and the printed function of NumPy, by every input."""
    maker, made = program(10_000 + seed)
    values = numbers(maker, seed)
    text = f"L = sum(tanh({made.text}))"
    inputs = parse(text).inputs()
    shapes = {name: maker.shapes[name] for name in inputs}
    own = {name: values[name] for name in inputs}

    def loss(name: str, at: Array) -> float:
        return float(np.tanh(made.value(values | {name: at})).sum())

    for name in inputs:
        gradient = matderiv.gradient(text, wrt=name, shapes=shapes)
        found = gradient(**own)
        printed: dict[str, Any] = {}
        exec(gradient.code("numpy"), printed)  # noqa: S102 - it is the package's own text
        expected = central(partial(loss, name), own[name])
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-7, err_msg=f"{text} {name}")
        np.testing.assert_allclose(printed["gradient"](**own), found, rtol=1e-9, atol=1e-12)


# -- proofs and pages --------------------------------------------------------------------------

ATTENTION = "P = softmax(Q @ K.mT, axis=-1); L = sum((P @ V)*G)"
SHAPES = {"Q": (2, 3, 2), "K": (2, 4, 2), "V": (2, 4, 3), "G": (2, 3, 3)}

#: Programs, shapes, the gradient, and what a book or a library writes.
ANSWERS = [
    ("sum(f(X @ W))", "W", {"X": (8, 5, 4)}, "sum(X.mT @ df(X @ W), axis=0)"),
    ("sum(f(X @ W))", "X", {"X": (8, 5, 4)}, "df(X @ W) @ W.T"),
    (ATTENTION, "V", SHAPES, "P.mT @ G"),
    ("sum(G*(X + b))", "b", {"X": (2, 5, 4), "G": (2, 5, 4)}, "sum(G, axis=(0, 1))"),
    ("sum(G*transpose(X, (2, 0, 1)))", "X", {"G": (4, 2, 3)}, "transpose(G, (1, 2, 0))"),
    ("sum(G*einsum('bqd,bkd->bqk', Q, K))", "Q", {"G": (2, 3, 4)}, "G @ K"),
    ("sum(G*x[:, None])", "x", {"G": (3, 4)}, "sum(G, axis=1)"),
    ("logsumexp(X)", "X", {"X": (2, 3, 4)}, "softmax(X)"),
    ("norm(X)", "X", {"X": (2, 3, 4)}, "X/norm(X)"),
]


@pytest.mark.parametrize(("text", "wrt", "shapes", "answer"), ANSWERS)
def test_answers_are_those_of_the_book(
    text: str, wrt: str, shapes: dict[str, Shape], answer: str
) -> None:
    """Proved for all sizes, and `check` says that they are right and a multiple is not."""
    gradient = matderiv.gradient(text, wrt=wrt, shapes=shapes)
    assert gradient.formula == answer
    assert "for all sizes" in gradient.proof
    assert matderiv.check(text, wrt=wrt, shapes=shapes, claim=answer).status == "right"
    assert matderiv.check(text, wrt=wrt, shapes=shapes, claim=f"2*({answer})").status == "wrong"


@pytest.mark.long
@pytest.mark.parametrize("method", ["index", "elementwise"])
def test_attention_of_a_batch_is_derived_and_its_certificate_confirmed(method: str) -> None:
    """All by letters; a certificate with a lost transpose or another axis is refused."""
    derivation = matderiv.derive(ATTENTION, wrt="K", shapes=SHAPES, method=method)
    assert derivation.formulas["K"] == "(P*(dP - sum(dP*P, axis=2, keepdims=True))).mT @ Q"
    written = derivation.json()
    certificate = json.loads(written)
    code, message = outcome(certificate)
    assert code == 0
    assert " 0 evaluated" in message
    for old, new in ((".mT @ Q", " @ Q"), ("axis=2, keep", "axis=1, keep"), ("Q @ K.mT", "Q @ K")):
        assert old in written
        refused(sealed(json.loads(written.replace(old, new))))


@pytest.mark.long
def test_the_usual_page_of_stacks_is_in_index_notation() -> None:
    """The other methods write matrices, and say so."""
    page = matderiv.derive(ATTENTION, wrt="K", shapes=SHAPES).markdown()
    assert r"\delta" in page
    assert "pmatrix" not in page
    assert "stack of matrices" in page
    for method in ("differential", "slice", "kronecker"):
        with pytest.raises(UnsupportedError, match="3 dimensions, and the method"):
            matderiv.derive(ATTENTION, wrt="K", shapes=SHAPES, method=method)


REFUSED = [
    ("einsum('ij,jk->ik', A)", "'ij,jk->ik' names 2 arrays and 1 follow."),
    ("einsum('ij,jk->iz', A, B)", "z stands after the arrow"),
    ("einsum('i...,jk->ik', A, B)", "an ellipsis stands before letters and after the arrow"),
    ("einsum('i!', A)", "are no subscripts such as"),
    ("einsum('iij->j', A)", "takes a diagonal of an array of more than two dimensions"),
    ("einsum(A, B)", "einsum takes subscripts and arrays: einsum('ij,jk->ik', X, W)."),
    ("transpose(A, 1)", "takes the order of all axes, such as transpose(X, (0, 2, 1))"),
    ("swapaxes(A, 0)", "swapaxes takes an array and axes: swapaxes(X, 0, 1)."),
    ("swapaxes(A, 0, 5)", "its axes are 0 and 1, and each is named once"),
    ("moveaxis(A, 0, -2)", "count both axes from the first, or both from the last"),
    ("expand_dims(x, (0, 1))", "An axis of expand_dims is a whole number"),
    ("sum(A, axis=(0, 0))", "each axis is named once"),
    ("sum(A, axis=(0, -1))", "count all axes from the first"),
    ("sum(A, axis=(0, 2))", "its axes are 0 and 1"),
    ("transpose(sin(A), (0, 2, 1))", "sin(A) is a matrix, and 3 axes are named"),
    ("A[:, 0.5]", "0.5 is no index"),
]


@pytest.mark.parametrize(("text", "message"), REFUSED)
def test_what_is_refused(text: str, message: str) -> None:
    """The message names the part, and says what to write."""
    with pytest.raises(MatderivError) as caught:
        matderiv.gradient(f"sum({text})")
    assert message in str(caught.value)


def test_a_sum_over_an_axis_of_one_entry_is_no_mean() -> None:
    """It stays a sum where the axis goes, and nothing where it stays."""
    shapes = {"X": (1, 2, 3), "W": (3, 1)}
    found = matderiv.gradient("sum((X @ W)**2)", wrt="W", shapes=shapes).formula
    assert found == "2*sum(X.mT @ (X @ W), axis=0)"
    program, shapes = "sum(sum(X, axis=0, keepdims=True)*G)", {"X": (1, 4), "G": (1, 4)}
    assert matderiv.gradient(program, wrt="G", shapes=shapes).formula == "X"
