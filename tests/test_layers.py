"""Layers and losses by the frameworks' names: their values, their gradients, what explains them."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from _differences import central

import matderiv
from matderiv.errors import MatderivError
from matderiv.explanations import explanation
from matderiv.expression.numeric import numeric_value
from matderiv.expression.operations import OPERATIONS
from matderiv.expression.parse import parse
from matderiv.expression.shorthand import READ_AS

Array = Any


def _sigmoid(a: Array) -> Array:
    return 1 / (1 + np.exp(-a))


def _soft(a: Array) -> Array:
    return np.log1p(np.exp(a))


def _norm(x: Array, axis: int) -> Array:
    return (x - x.mean(axis, keepdims=True)) / np.sqrt(x.var(axis, keepdims=True) + 1e-5)


def _groups(x: Array, groups: int, eps: float = 1e-5) -> Array:
    apart = x.reshape(len(x), groups, -1)
    apart = apart - apart.mean(-1, keepdims=True)
    return (apart / np.sqrt((apart**2).mean(-1, keepdims=True) + eps)).reshape(x.shape)


def _softmax(a: Array) -> Array:
    return np.exp(a) / np.exp(a).sum(-1, keepdims=True)


def _distance(a: Array, b: Array) -> Array:
    return np.sqrt(((a - b) ** 2).sum(-1))


def _state(i: Array, f: Array, g: Array, c: Array) -> Array:
    return _sigmoid(f) * c + _sigmoid(i) * np.tanh(g)


def _gelu(a: Array) -> Array:
    return a * (1 + np.vectorize(math.erf)(a / np.sqrt(2))) / 2


def _focal(z: Array, t: Array, gamma: float = 2) -> Array:
    p = np.where(t > 0.5, _sigmoid(z), 1 - _sigmoid(z))
    return -((1 - p) ** gamma * np.log(p)).mean()


def _cosine(a: Array, b: Array) -> Array:
    return (a * b).sum(-1) / np.linalg.norm(a, axis=-1) / np.linalg.norm(b, axis=-1)


A, B, C, D, E, Y, P = ((3, 4),) * 7
ROWS, LABELS = (4,), (3, 4)
#: A call, what it means by the names in it, and their shapes.
MEANS: list[tuple[str, Callable[..., Array], dict[str, tuple[int, ...]]]] = [
    ("layer_norm(A)", lambda a: _norm(a, -1), {"A": A}),
    ("layer_norm(A, g, b)", lambda a, g, b: _norm(a, -1) * g + b, {"A": A, "g": ROWS, "b": ROWS}),
    ("batch_norm(A, g, b)", lambda a, g, b: _norm(a, 0) * g + b, {"A": A, "g": ROWS, "b": ROWS}),
    ("batch_norm(A, eps=2)", lambda a: (a - a.mean(0)) / np.sqrt(a.var(0) + 2), {"A": A}),
    (
        "rms_norm(A, g)",
        lambda a, g: a / np.sqrt((a**2).mean(-1, keepdims=True) + 1e-05) * g,
        {"A": A, "g": ROWS},
    ),
    ("rot90(A)", np.rot90, {"A": A}),
    (
        "cdist(A, B)",
        lambda a, b: np.linalg.norm(a[:, None] - b[None], axis=-1),
        {"A": (3, 2), "B": (2, 2)},
    ),
    ("normalize(A)", lambda a: a / np.linalg.norm(a, axis=-1, keepdims=True), {"A": A}),
    (
        "attention(A, B, C, d)",
        lambda a, b, c, d: _softmax(a @ b.T / np.sqrt(d)) @ c,
        {"A": A, "B": (2, 4), "C": (2, 5), "d": ()},
    ),
    (
        "scaled_dot_product_attention(A, B, C, d)",
        lambda a, b, c, d: _softmax(a @ np.swapaxes(b, -1, -2) / np.sqrt(d)) @ c,
        {"A": (2, 3, 4), "B": (2, 5, 4), "C": (2, 5, 2), "d": ()},
    ),
    (
        "bilinear(A, B, C)",
        lambda a, b, c: np.einsum("bi,kij,bj->bk", a, b, c),
        {"A": (3, 2), "B": (4, 2, 5), "C": (3, 5)},
    ),
    (
        "rnn_cell(A, B, C, D, g)",
        lambda a, b, c, d, g: np.tanh(a @ c.T + b @ d.T + g),
        {"A": (3, 2), "B": (3, 4), "C": (4, 2), "D": (4, 4), "g": ROWS},
    ),
    ("lstm_state(A, B, C, D)", _state, {"A": A, "B": B, "C": C, "D": D}),
    (
        "lstm_cell(A, B, C, D, E)",
        lambda a, b, c, d, e: _sigmoid(d) * np.tanh(_state(a, b, c, e)),
        {"A": A, "B": B, "C": C, "D": D, "E": E},
    ),
    (
        "gru_cell(A, B, C, D, E)",
        lambda a, b, c, d, e: (1 - _sigmoid(b)) * np.tanh(c + _sigmoid(a) * d) + _sigmoid(b) * e,
        {"A": A, "B": B, "C": C, "D": D, "E": E},
    ),
    ("glu(A, B)", lambda a, b: a * _sigmoid(b), {"A": A, "B": B}),
    ("reglu(A, B)", lambda a, b: a * np.maximum(b, 0), {"A": A, "B": B}),
    ("geglu(A, B)", lambda a, b: a * _gelu(b), {"A": A, "B": B}),
    ("swiglu(A, B)", lambda a, b: a * b * _sigmoid(b), {"A": A, "B": B}),
    ("dropout(A, B, 0.25)", lambda a, b: a * b / 0.75, {"A": A, "B": B}),
    ("softmin(A)", lambda a: _softmax(-a), {"A": A}),
    ("nll_loss(A, P)", lambda a, p: -(p * a).sum(-1).mean(), {"A": A, "P": P}),
    ("kl_div(A, P)", lambda a, p: (p * (np.log(p) - a)).mean(), {"A": A, "P": P}),
    ("poisson_nll_loss(A, P)", lambda a, p: (np.exp(a) - p * a).mean(), {"A": A, "P": P}),
    (
        "gaussian_nll_loss(A, B, P)",
        lambda a, b, p: ((np.log(p) + (a - b) ** 2 / p) / 2).mean(),
        {"A": A, "B": B, "P": P},
    ),
    ("hinge_loss(A, B)", lambda a, b: np.maximum(1 - a * b, 0).mean(), {"A": A, "B": B}),
    ("soft_margin_loss(A, B)", lambda a, b: _soft(-a * b).mean(), {"A": A, "B": B}),
    (
        "margin_ranking_loss(A, B, C, margin=0.5)",
        lambda a, b, c: np.maximum(-c * (a - b) + 0.5, 0).mean(),
        {"A": A, "B": B, "C": C},
    ),
    (
        "hinge_embedding_loss(A, sign(B))",
        lambda a, b: np.where(b > 0, a, np.maximum(1 - a, 0)).mean(),
        {"A": A, "B": B},
    ),
    (
        "triplet_margin_loss(A, B, C)",
        lambda a, b, c: np.maximum(_distance(a, b) - _distance(a, c) + 1, 0).mean(),
        {"A": A, "B": B, "C": C},
    ),
    (
        "cosine_embedding_loss(A, B, sign(g), 0.1)",
        lambda a, b, g: np.where(
            g > 0, 1 - _cosine(a, b), np.maximum(_cosine(a, b) - 0.1, 0)
        ).mean(),
        {"A": A, "B": B, "g": (3,)},
    ),
    ("pairwise_distance(A, B)", _distance, {"A": A, "B": B}),
    (
        "multilabel_soft_margin_loss(A, P)",
        lambda a, p: (p * _soft(-a) + (1 - p) * _soft(a)).mean(),
        {"A": A, "P": P},
    ),
    (
        "sigmoid_focal_loss(A, step(B))",
        lambda a, b: _focal(a, (b > 0) * 1.0),
        {"A": A, "B": B},
    ),
]


def test_every_layer_is_compared() -> None:
    """None is left out, from layers to the end of the table."""
    text = " ".join(text for text, _, _ in MEANS)
    names = list(READ_AS)
    layers = names[names.index("layer_norm") :]
    assert "sigmoid_focal_loss" in layers
    assert all(f"{name}(" in text for name in layers)


@pytest.mark.parametrize(("text", "means", "shapes"), MEANS, ids=[text for text, _, _ in MEANS])
def test_values_and_gradients_are_those_of_the_definition(
    text: str, means: Callable[..., Array], shapes: dict[str, tuple[int, ...]]
) -> None:
    """The value, and the gradients by all operands along a random direction."""
    rng = np.random.default_rng(5)
    at = {name: rng.normal(size=shape) for name, shape in shapes.items()}
    at |= {name: rng.uniform(0.1, 0.9, shapes[name]) for name in ("P", "d") if name in shapes}
    ours = numeric_value(parse(text).loss.value, at)
    np.testing.assert_allclose(ours, means(*at.values()), rtol=1e-12, atol=1e-12)
    weights = rng.normal(size=np.shape(ours))
    given = at | {"Q": weights}
    known = shapes | {"Q": weights.shape}
    found = matderiv.gradient(f"sum(Q*{text})", wrt=list(shapes), shapes=known)

    def loss(name: str, direction: Array, t: Array) -> Array:
        return (weights * means(*(at | {name: at[name] + t * direction}).values())).sum()

    for name, gradient in found.items():
        assert gradient.verdict.status == "equal"
        direction = rng.normal(size=shapes[name])
        expected = central(partial(loss, name, direction), np.zeros(()), 1e-6)
        slope = np.sum(np.broadcast_to(gradient(**given), shapes[name]) * direction)
        assert slope == pytest.approx(float(expected), rel=1e-5, abs=1e-7)


@pytest.mark.parametrize(
    "name", ["layer_norm", "lstm_cell", "cross_entropy", "softmax", "gelu", "einsum", "det", "eye"]
)
def test_a_name_is_explained(name: str) -> None:
    """The text begins with the call, and goes on with gradients unless there is no operand."""
    text = explanation(name)
    assert text.startswith(f"{OPERATIONS[name].example(name)} ")
    assert "and its gradients are" in text or name in ("eye", "ones", "zeros")


def test_a_call_of_a_library_is_explained_as_what_it_is_read_as() -> None:
    """Another name for a function is that function; a formula is shown."""
    assert explanation("layernorm") == explanation("layer_norm")
    assert explanation("lerp").startswith("lerp(A, B, t) stands for\n  Y = A + t*(B - A)\n")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("slogdet", "slogdet is not in the language; write logdet(X)."),
        ("atention", "The language has no atention. Did you mean attention?"),
        ("Foo", "The language has no Foo."),
    ],
)
def test_a_name_that_is_not_known_is_not_explained(name: str, message: str) -> None:
    """One line says what to write."""
    with pytest.raises(MatderivError) as caught:
        explanation(name)
    assert str(caught.value) == message


#: Layers whose reading asks for the shapes of their arrays, each with its definition.
CHANNELS: list[tuple[str, Callable[..., Array], dict[str, tuple[int, ...]]]] = [
    ("group_norm(A)", lambda a: _groups(a, 1), {"A": (2, 4, 3)}),
    (
        "group_norm(A, 2, g, h)",
        lambda a, g, h: _groups(a, 2) * g[:, None] + h[:, None],
        {"A": (2, 4, 3), "g": (4,), "h": (4,)},
    ),
    ("group_norm(A, 3, eps=0.1)", lambda a: _groups(a, 3, 0.1), {"A": (2, 6)}),
    (
        "instance_norm(A, gamma=g)",
        lambda a, g: _groups(a, 3) * g[:, None, None],
        {"A": (2, 3, 2, 2), "g": (3,)},
    ),
    ("glu(A)", lambda a: a[:, :2] * _sigmoid(a[:, 2:]), {"A": (3, 4)}),
    ("swiglu(A)", lambda a: a[..., :1] * a[..., 1:] * _sigmoid(a[..., 1:]), {"A": (2, 3, 2)}),
]


@pytest.mark.parametrize(
    ("text", "function", "shapes"), CHANNELS, ids=[text for text, _, _ in CHANNELS]
)
def test_layers_of_channels_have_the_gradients_of_their_definition(
    text: str, function: Callable[..., Array], shapes: dict[str, tuple[int, ...]]
) -> None:
    """By every input, proved, and equal to central differences of the definition in NumPy."""
    rng = np.random.default_rng(len(text))
    given: dict[str, Any] = {name: rng.normal(size=shape) for name, shape in shapes.items()}
    weights = rng.normal(size=np.shape(function(*given.values())))
    for name in shapes:
        found = matderiv.gradient(
            f"sum(Q*({text})**2)", wrt=name, shapes={**shapes, "Q": weights.shape}
        )

        def total(at: Array, name: str = name) -> Array:
            return np.sum(weights * function(*(given | {name: at}).values()) ** 2)

        assert found.proof == "for all sizes"
        np.testing.assert_allclose(
            found(**given, Q=weights), central(total, given[name]), rtol=1e-5, atol=1e-6
        )


@pytest.mark.parametrize(
    ("program", "shapes", "message"),
    [
        ("sum(glu(X))", {"X": (2, 5)}, r"glu\(X\): X is 2×5; 5 entries along axis 1"),
        ("sum(group_norm(X, 2))", {"X": (2, 5, 2)}, r"group_norm\(X, 2\): X is 2×5×2; 5 entries"),
        ("sum(instance_norm(X))", {"X": (2, 3)}, "examples, channels and places"),
        ("sum(conv2d(X, W))", {"X": (5, 5), "W": (7, 2)}, "X is 5×5 and W is 7×2"),
        ("sum(g*conv1d(x, w))", {"g": (3,), "x": (5,), "w": (2,)}, "vector of 5 and w is a vector"),
        ("tr(A @ toeplitz(t))", {"A": (4, 4), "t": (3,)}, r"4×4 but toeplitz\(t\) is 3×3"),
        (
            "sum(conv_transpose2d(X, W))",
            {"X": (2, 3, 4, 4), "W": (4, 2, 2, 2)},
            "X is 2×3×4×4 and W is 4×2×2×2",
        ),
        ("sum(mvlgamma(X, 0))", {}, "from 1 to 64"),
    ],
)
def test_sizes_that_do_not_fit_are_told_by_the_call_as_written(
    program: str, shapes: dict[str, tuple[int, ...]], message: str
) -> None:
    """One line with the shapes, without letters that nobody wrote."""
    with pytest.raises(MatderivError, match=message) as caught:
        matderiv.gradient(program, shapes=shapes)
    assert "\n" not in str(caught.value)
    assert "_1" not in str(caught.value)


def test_how_many_labels_there_are_follows_from_the_array_beside_them() -> None:
    """onehot(y) beside Z has as many columns; alone it is refused."""
    found = matderiv.gradient("-sum(onehot(y)*Z)", wrt="Z")
    assert (str(found), found.proof) == ("-onehot(y, D)", "for all sizes")
    np.testing.assert_array_equal(found(y=[2, 0], Z=np.ones((2, 3))), [[0, 0, -1], [-1, 0, 0]])


def test_every_name_is_explained() -> None:
    """Labels have no gradient, and where a derivative has no words that is said."""
    for name, operation in OPERATIONS.items():
        text = explanation(name)
        assert text.startswith(operation.example(name)), name
        assert "_1" not in text, name
    assert "dX = onehot(y, N).T @ dY" in explanation("take")
    assert explanation("trigamma").splitlines()[1].startswith("The derivative of trigamma")


@pytest.mark.parametrize(
    "call",
    ["multi_head_attention(Q, K, V, 2)", "scaled_dot_product_attention(Q, K, V)"],
)
def test_attention_that_scales_elsewhere_asks_for_what_it_divides_by(call: str) -> None:
    """Without d nothing would be divided, in silence."""
    with pytest.raises(MatderivError, match=r", d\)"):
        matderiv.gradient(f"L = sum({call}**2)", wrt="Q")
