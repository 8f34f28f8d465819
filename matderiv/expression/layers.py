"""Layers and further losses as the frameworks name them, each read as the formula it stands for."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import partial

from matderiv.expression import nodes
from matderiv.expression.axes import einsum, swapaxes
from matderiv.expression.nodes import ONE, TWO, ZERO, Node
from matderiv.expression.shorthand import nll_loss

__all__ = ["EXAMPLES", "LAYERS"]

_SMALL = nodes.Number(Fraction(1, 100_000))
_TINY = nodes.Number(Fraction(1, 10**8))
_HALF = nodes.Number(Fraction(1, 2))

_relu, _exp, _log, _sqrt, _abs, _tanh, _sigmoid, _softplus = (
    partial(nodes.Apply, name) for name in "relu exp log sqrt abs tanh sigmoid softplus".split()
)


def _square(y: Node) -> Node:
    return nodes.Power(y, TWO)


def _plus(value: Node, other: Node) -> Node:
    return value if other == ZERO else nodes.Add(value, other)


def _scaled(value: Node, gamma: Node, beta: Node) -> Node:
    return _plus(value if gamma == ONE else nodes.Multiply(value, gamma), beta)


# -- layers ------------------------------------------------------------------------------------


def _normed(axis: int) -> Callable[..., Node]:
    """(x - m)/√(v + eps)·gamma + beta, m the mean and v the variance along an axis."""

    def made(x: Node, gamma: Node = ONE, beta: Node = ZERO, eps: Node = _SMALL) -> Node:
        apart = nodes.Subtract(x, nodes.Mean(x, axis, keepdims=True))
        spread = _sqrt(_plus(nodes.Var(x, axis, keepdims=True), eps))
        return _scaled(nodes.Divide(apart, spread), gamma, beta)

    return made


def _rms_norm(x: Node, gamma: Node = ONE, eps: Node = _SMALL) -> Node:
    size = _sqrt(_plus(nodes.Mean(_square(x), -1, keepdims=True), eps))
    return _scaled(nodes.Divide(x, size), gamma, ZERO)


def _normalize(x: Node) -> Node:
    return nodes.Divide(x, _sqrt(nodes.Sum(_square(x), -1, keepdims=True)))


def _attention(q: Node, k: Node, v: Node, d: Node = ONE) -> Node:
    """softmax(q·kᵀ/√d)·v, a row of q and k having d entries."""
    scores = nodes.MatMul(q, swapaxes(k, -1, -2))
    scaled = scores if d == ONE else nodes.Divide(scores, _sqrt(d))
    return nodes.MatMul(nodes.Softmax(scaled, -1), v)


def _bilinear(x: Node, a: Node, y: Node) -> Node:
    return einsum("bi,kij,bj->bk", x, a, y)


def _rnn_cell(x: Node, h: Node, w: Node, u: Node, b: Node = ZERO) -> Node:
    inside = nodes.Add(nodes.MatMul(x, nodes.Transpose(w)), nodes.MatMul(h, nodes.Transpose(u)))
    return _tanh(_plus(inside, b))


def _lstm_state(i: Node, f: Node, g: Node, c: Node) -> Node:
    """The state after a step, from what the gates are given and the state before."""
    new = nodes.Multiply(_sigmoid(i), _tanh(g))
    return nodes.Add(nodes.Multiply(_sigmoid(f), c), new)


def _lstm_cell(i: Node, f: Node, g: Node, o: Node, c: Node) -> Node:
    return nodes.Multiply(_sigmoid(o), _tanh(_lstm_state(i, f, g, c)))


def _gru_cell(r: Node, z: Node, a: Node, b: Node, h: Node) -> Node:
    """With s for sigmoid: (1 - s(z))·tanh(a + s(r)·b) + s(z)·h, the part b being from h."""
    new = _tanh(nodes.Add(a, nodes.Multiply(_sigmoid(r), b)))
    kept = nodes.Multiply(_sigmoid(z), h)
    return nodes.Add(nodes.Multiply(nodes.Subtract(ONE, _sigmoid(z)), new), kept)


def _gated(function: str) -> Callable[[Node, Node], Node]:
    return lambda a, b: nodes.Multiply(a, nodes.Apply(function, b))


def _dropout(x: Node, mask: Node, p: Node = _HALF) -> Node:
    return nodes.Divide(nodes.Multiply(x, mask), nodes.Subtract(ONE, p))


# -- losses ------------------------------------------------------------------------------------


def _mean_of_rows(rows: Node) -> Node:
    return nodes.Mean(nodes.Sum(rows, -1))


def _kl_div(y: Node, t: Node) -> Node:
    return nodes.Mean(nodes.Multiply(t, nodes.Subtract(_log(t), y)))


def _poisson(y: Node, t: Node) -> Node:
    return nodes.Mean(nodes.Subtract(_exp(y), nodes.Multiply(t, y)))


def _gaussian(y: Node, t: Node, v: Node) -> Node:
    squares = nodes.Divide(_square(nodes.Subtract(y, t)), v)
    return nodes.Mean(nodes.Multiply(_HALF, nodes.Add(_log(v), squares)))


def _margin(x: Node, y: Node, s: Node, margin: Node = ZERO) -> Node:
    apart = nodes.Negate(nodes.Multiply(s, nodes.Subtract(x, y)))
    return nodes.Mean(_relu(_plus(apart, margin)))


def _hinge_embedding(x: Node, s: Node, margin: Node = ONE) -> Node:
    """X where s is 1, relu(margin - x) where s is -1."""
    near = nodes.Multiply(nodes.Add(ONE, s), x)
    far = nodes.Multiply(nodes.Subtract(ONE, s), _relu(nodes.Subtract(margin, x)))
    return nodes.Divide(nodes.Mean(nodes.Add(near, far)), TWO)


def _distance(a: Node, b: Node) -> Node:
    return _sqrt(nodes.Sum(_square(nodes.Subtract(a, b)), -1))


def _triplet(a: Node, p: Node, n: Node, margin: Node = ONE) -> Node:
    apart = nodes.Subtract(_distance(a, p), _distance(a, n))
    return nodes.Mean(_relu(_plus(apart, margin)))


def _multilabel(z: Node, t: Node) -> Node:
    no = nodes.Multiply(nodes.Subtract(ONE, t), _softplus(z))
    return nodes.Mean(nodes.Add(nodes.Multiply(t, _softplus(nodes.Negate(z))), no))


def _focal(z: Node, t: Node, gamma: Node = TWO) -> Node:
    """-(1 - p)**gamma·log p, p the probability that sigmoid(z) gives to the label."""
    signed = nodes.Multiply(nodes.Subtract(nodes.Multiply(TWO, t), ONE), z)
    weight = nodes.Power(_sigmoid(nodes.Negate(signed)), gamma)
    return nodes.Mean(nodes.Multiply(weight, _softplus(nodes.Negate(signed))))


#: Layers and losses by name; optional operands are those that have values of their own.
LAYERS: dict[str, Callable[..., Node]] = {
    "layer_norm": _normed(-1),
    "batch_norm": _normed(0),
    "rms_norm": _rms_norm,
    "normalize": _normalize,
    "attention": _attention,
    "scaled_dot_product_attention": _attention,
    "bilinear": _bilinear,
    "rnn_cell": _rnn_cell,
    "lstm_state": _lstm_state,
    "lstm_cell": _lstm_cell,
    "gru_cell": _gru_cell,
    "glu": _gated("sigmoid"),
    "reglu": _gated("relu"),
    "geglu": _gated("gelu"),
    "swiglu": _gated("silu"),
    "dropout": _dropout,
    "softmin": lambda y: nodes.Softmax(nodes.Negate(y), -1),
    "nll_loss": nll_loss,
    "kl_div": _kl_div,
    "poisson_nll_loss": _poisson,
    "gaussian_nll_loss": _gaussian,
    "hinge_loss": lambda z, s: nodes.Mean(_relu(nodes.Subtract(ONE, nodes.Multiply(s, z)))),
    "soft_margin_loss": lambda z, s: nodes.Mean(_softplus(nodes.Negate(nodes.Multiply(s, z)))),
    "margin_ranking_loss": _margin,
    "hinge_embedding_loss": _hinge_embedding,
    "triplet_margin_loss": _triplet,
    "pairwise_distance": _distance,
    "multilabel_soft_margin_loss": _multilabel,
    "sigmoid_focal_loss": _focal,
}

#: How each is called with the names that books use, capital ones of matrices.
EXAMPLES: dict[str, tuple[str, ...]] = {
    "layer_norm": ("X", "g", "b"),
    "batch_norm": ("X", "g", "b"),
    "rms_norm": ("X", "g"),
    "normalize": ("X",),
    "attention": ("Q", "K", "V", "d"),
    "scaled_dot_product_attention": ("Q", "K", "V", "d"),
    "bilinear": ("X", "A", "Y"),
    "rnn_cell": ("X", "H", "W", "U", "b"),
    "lstm_state": ("I", "F", "G", "C"),
    "lstm_cell": ("I", "F", "G", "O", "C"),
    "gru_cell": ("R", "Z", "A", "B", "H"),
    **dict.fromkeys(("glu", "reglu", "geglu", "swiglu"), ("A", "B")),
    "dropout": ("X", "M"),
    "softmin": ("X",),
    **dict.fromkeys(("nll_loss", "kl_div", "poisson_nll_loss"), ("Y", "T")),
    "gaussian_nll_loss": ("Y", "T", "V"),
    **dict.fromkeys(("hinge_loss", "soft_margin_loss"), ("z", "s")),
    "margin_ranking_loss": ("x", "y", "s"),
    "hinge_embedding_loss": ("x", "s"),
    "triplet_margin_loss": ("A", "P", "N"),
    "pairwise_distance": ("X", "Y"),
    **dict.fromkeys(("mse_loss", "l1_loss", "huber_loss", "smooth_l1_loss"), ("Y", "T")),
    "binary_cross_entropy": ("P", "T"),
    **dict.fromkeys(("cross_entropy", "binary_cross_entropy_with_logits"), ("Z", "T")),
    "cosine_similarity": ("x", "y"),
    **dict.fromkeys(("multilabel_soft_margin_loss", "sigmoid_focal_loss"), ("Z", "T")),
}
