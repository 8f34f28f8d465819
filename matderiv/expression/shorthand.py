"""Functions that are read as the formula they stand for: activations, layers, losses, choices."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce

from matderiv.errors import ShapeError
from matderiv.expression import nodes
from matderiv.expression.nodes import ONE, Node
from matderiv.expression.size_text import SizeText

__all__ = [
    "READ_AS",
    "Read",
    "Shorthand",
    "at_least",
    "equal",
    "formula",
    "greater",
    "matrix_power",
    "mvlgamma",
    "unequal",
]

#: How many dimensions an expression has in the program that it stands in.
Dimensions = Callable[[Node], int]

#: The node of a formula, given the values of its operands and of its options.
Read = Callable[[str, Mapping[str, Node], Mapping[str, Node]], Node]

_MATRIX = 2  # dimensions


@dataclass(frozen=True, slots=True)
class Shorthand:
    """A function that stands for a formula in the language; each option has a value of its own."""

    text: str
    operands: tuple[str, ...]
    options: Mapping[str, Node]

    def __call__(self, *operands: Node, read: Read, **given: Node) -> Node:
        """The formula of these operands, which `read` reads."""
        values = dict(zip(self.operands, operands, strict=True))
        return read(self.text, values, {**self.options, **given})


#: Each function as it is called, and the formula that it stands for. An operand with a number is
#: an option: it has that value unless another one is given. The first are functions of one number,
#: then come activations and choices, losses as the frameworks name them, layers and
#: more losses, and functions of arrays.
_TABLE = """
square(Y) = Y**2
reciprocal(Y) = 1/Y
exp2(Y) = 2**Y
expm1(Y) = exp(Y) - 1
log1p(Y) = log(1 + Y)
log2(Y) = log(Y)/log(2)
log10(Y) = log(Y)/log(10)
logit(Y) = log(Y) - log(1 - Y)
erfc(Y) = 1 - erf(Y)
softsign(Y) = Y/(1 + abs(Y))
cbrt(Y) = Y/(Y**2)**(1/3)
logcosh(Y) = Y + softplus(-2*Y) - log(2)
logsigmoid(Y) = -softplus(-Y)
selu(Y) = 1.0507*elu(Y, 1.67326)
sinc(Y) = sin(pi*Y)/(pi*Y)
ndtri(Y) = sqrt(2)*erfinv(2*Y - 1)
mish(Y) = Y*tanh(softplus(Y))
gelu_tanh(Y) = Y*(1 + tanh(sqrt(2/pi)*(Y + 0.044715*Y**3)))/2

zeros_like(Y) = 0*Y
ones_like(Y) = 0*Y + 1
full_like(Y, c) = 0*Y + c
conj(Y) = Y
real(Y) = Y
imag(Y) = 0*Y
angle(Y) = pi*step(-Y)
vdot(a, b) = sum(a*b)
cross(x, y) = roll(x, -1)*roll(y, -2) - roll(x, -2)*roll(y, -1) + zeros(3)
tridiagonal(a, b, c) = diag(b) + diag(a, -1) + diag(c, 1)
solve_triangular(A, B) = inv(triu(A)) @ B
multi_margin_loss(X, y) = special

where(condition, one, other) = special
clip(y, low, high) = minimum(maximum(y, low), high)
clamp(y, low, high) = clip(y, low, high)
leaky_relu(Y, slope=0.01) = relu(Y) + slope*(-relu(-Y))
elu(Y, alpha=1) = relu(Y) + alpha*(exp(-relu(-Y)) - 1)
relu6(Y) = minimum(relu(Y), 6)
hardtanh(Y) = clip(Y, -1, 1)
hardsigmoid(Y) = relu6(Y + 3)/6
hardswish(Y) = Y*hardsigmoid(Y)
softshrink(Y, lam=0.5) = relu(Y - lam) - relu(-Y - lam)
tanhshrink(Y) = Y - tanh(Y)
huber(Y, delta=1) = (Y**2 - relu(abs(Y) - delta)**2)/2
logaddexp(a, b) = b + softplus(a - b)
hypot(a, b) = sqrt(a**2 + b**2)
xlogy(a, b) = a*log(b)
xlog1py(a, b) = a*log(1 + b)
arctan2(a, b) = arctan(a/b) + pi*(sign(a)*step(-b))
atan2(a, b) = arctan2(a, b)
copysign(a, b) = abs(a)*sign(b)
celu(Y, alpha=1) = relu(Y) + alpha*(exp(-relu(-Y)/alpha) - 1)
threshold(Y, level=0, value=0) = where(Y > level, Y, value)
hardshrink(Y, lam=0.5) = Y*(abs(Y) > lam)
masked_fill(y, mask, value) = where(mask, value, y)
logical_and(a, b) = special
logical_or(a, b) = special
logical_not(Y) = special

mse_loss(Y, T) = mean((Y - T)**2)
l1_loss(Y, T) = mean(abs(Y - T))
huber_loss(Y, T, delta=1) = mean(huber(Y - T, delta))
smooth_l1_loss(Y, T, beta=1) = mean(huber(Y - T, beta)/beta)
binary_cross_entropy(P, T) = -mean(T*log(P) + (1 - T)*log(1 - P))
binary_cross_entropy_with_logits(Z, T) = mean(softplus(Z) - T*Z)
cross_entropy(Z, T) = nll_loss(log_softmax(Z, axis=-1), T)
cosine_similarity(x, y) = special

layer_norm(X, gamma=1, beta=0, eps=1e-5) = (X - mean(X, axis=-1, keepdims=True)) \
/sqrt(var(X, axis=-1, keepdims=True) + eps)*gamma + beta
batch_norm(X, gamma=1, beta=0, eps=1e-5) = (X - mean(X, axis=0, keepdims=True)) \
/sqrt(var(X, axis=0, keepdims=True) + eps)*gamma + beta
rms_norm(X, gamma=1, eps=1e-5) = X/sqrt(mean(X**2, axis=-1, keepdims=True) + eps)*gamma
normalize(X) = X/sqrt(sum(X**2, axis=-1, keepdims=True))
attention(Q, K, V, d=1) = softmax(Q @ K.mT/sqrt(d), axis=-1) @ V
scaled_dot_product_attention(Q, K, V, d) = attention(Q, K, V, d)
bilinear(X, A, Y) = einsum('bi,kij,bj->bk', X, A, Y)
rnn_cell(X, H, W, U, b=0) = tanh(X @ W.T + H @ U.T + b)
lstm_state(U, F, G, C) = sigmoid(F)*C + sigmoid(U)*tanh(G)
lstm_cell(U, F, G, O, C) = sigmoid(O)*tanh(lstm_state(U, F, G, C))
gru_cell(R, Z, A, B, H) = (1 - sigmoid(Z))*tanh(A + sigmoid(R)*B) + sigmoid(Z)*H
dropout(X, M, p=0.5) = X*M/(1 - p)
nll_loss(Y, T) = special
kl_div(Y, T) = mean(T*(log(T) - Y))
poisson_nll_loss(Y, T) = mean(exp(Y) - T*Y)
gaussian_nll_loss(Y, T, V) = mean(0.5*(log(V) + (Y - T)**2/V))
hinge_loss(z, s) = mean(relu(1 - s*z))
soft_margin_loss(z, s) = mean(softplus(-(s*z)))
margin_ranking_loss(x, y, s, margin=0) = mean(relu(-(s*(x - y)) + margin))
hinge_embedding_loss(x, s, margin=1) = mean((1 + s)*x + (1 - s)*relu(margin - x))/2
triplet_margin_loss(A, P, N, margin=1) = \
mean(relu(pairwise_distance(A, P) - pairwise_distance(A, N) + margin))
pairwise_distance(X, Y) = sqrt(sum((X - Y)**2, axis=-1))
multilabel_soft_margin_loss(Z, T) = mean(T*softplus(-Z) + (1 - T)*softplus(Z))
cosine_embedding_loss(X, Y, s, margin=0) = mean((1 + s)*(1 - cosine_similarity(X, Y)) \
+ (1 - s)*relu(cosine_similarity(X, Y) - margin))/2
sigmoid_focal_loss(Z, T, gamma=2) = \
mean(sigmoid(-((2*T - 1)*Z))**gamma*softplus(-((2*T - 1)*Z)))

rot90(X) = flip(X, axis=1).T
cdist(X, Y) = sqrt(sum((X[:, None, :] - Y[None, :, :])**2, axis=-1))
""".replace("\\\n", "")


def formula(operands: str, text: str) -> Shorthand:
    """The function of some operands and options that stands for a formula."""
    given = [operand.partition("=")[::2] for operand in operands.split(", ")]
    options = {name: nodes.Number(Fraction(value)) for name, value in given if value}
    return Shorthand(text, tuple(name for name, value in given if not value), options)


# -- choices -----------------------------------------------------------------------------------


def greater(left: Node, right: Node) -> Node:
    """1 where an entry is greater than another, else 0: a step of the difference.

    >>> greater(nodes.Name("X"), nodes.Name("Y"))
    Apply(function='step', arg=Subtract(left=Name(name='X'), right=Name(name='Y')))
    """
    if nodes.ZERO in (left, right):
        return nodes.Apply("step", left if right == nodes.ZERO else nodes.Negate(right))
    return nodes.Apply("step", nodes.Subtract(left, right))


def at_least(left: Node, right: Node) -> Node:
    """1 where an entry is at least as great as another, else 0."""
    return _opposite(greater(right, left))


def equal(left: Node, right: Node) -> Node:
    """1 where two entries are equal, else 0."""
    return nodes.Apply("iszero", left if right == nodes.ZERO else nodes.Subtract(left, right))


def unequal(left: Node, right: Node) -> Node:
    """1 where two entries differ, else 0."""
    return _opposite(equal(left, right))


def _opposite(condition: Node) -> Node:
    """1 where a condition does not hold."""
    match condition:
        case nodes.Subtract(nodes.ONE, inner):
            return inner
    return nodes.Subtract(ONE, condition)


def _is_condition(node: Node) -> bool:
    """Whether an array holds zeros and ones whatever its names are."""
    match node:
        case nodes.Apply("step" | "iszero") | nodes.ONE | nodes.ZERO:
            return True
        case nodes.Multiply(a, b) | nodes.Maximum(a, b) | nodes.Subtract(nodes.ONE as a, b):
            return _is_condition(a) and _is_condition(b)
    return False


def _truth(array: Node) -> Node:
    """A comparison; of any other array, 1 where it is not 0."""
    return array if _is_condition(array) else nodes.Apply("step", nodes.Apply("abs", array))


def _where(condition: Node, one: Node, other: Node) -> Node:
    """c·a + (1 - c)·b; any other array than a comparison holds where it is not 0."""
    c = _truth(condition)
    terms: list[Node] = [nodes.Multiply(c, one)] if one != nodes.ZERO else []
    terms += [nodes.Multiply(_opposite(c), other)] if other != nodes.ZERO else []
    return reduce(nodes.Add, terms) if terms else nodes.Multiply(nodes.ZERO, c)


def _nll_loss(y: Node, t: Node, *, dimensions: Dimensions) -> Node:
    """The mean over rows of -Σ t·y, or of -y at the label; a vector beside a matrix is labels."""
    labels = isinstance(t, nodes.Name) and t.name[0].islower() and dimensions(t) == 1
    if labels and dimensions(y) == _MATRIX:
        return nodes.Negate(nodes.Mean(nodes.Gathered(y, t, "picked")))
    return nodes.Negate(nodes.Mean(nodes.Sum(nodes.Multiply(t, y), axis=-1)))


def _cosine_similarity(x: Node, y: Node, *, dimensions: Dimensions, read: Read) -> Node:
    """The product of two vectors divided by their norms; of matrices row by row."""
    rows = dimensions(x) > 1 or dimensions(y) > 1
    text = (
        "sum(x*y, axis=-1)/(sqrt(sum(x**2, axis=-1))*sqrt(sum(y**2, axis=-1)))"
        if rows
        else "x @ y/(norm(x)*norm(y))"
    )
    return read(text, {"x": x, "y": y}, {})


def _multi_margin_loss(
    scores: Node, labels: Node, *, read: Read, letter: Callable[[], str]
) -> Node:
    """The mean over rows of Σ_j relu(1 - x_y + x_j)/K over all j but the label y."""
    values = {"X": scores, "T": nodes.OneHot(labels, letter())}
    return read("mean(relu(1 - sum(T*X, axis=-1, keepdims=True) + X)*(1 - T))", values, {})


#: The functions by name, in the order of the table; those that are special there are made here.
READ_AS: dict[str, Callable[..., Node]] = {
    name: formula(operands, text)
    for name, operands, text in re.findall(r"^(\w+)\((.*?)\) = (.*)$", _TABLE, re.MULTILINE)
} | {
    "where": _where,
    "logical_and": lambda a, b: nodes.Multiply(_truth(a), _truth(b)),
    "logical_or": lambda a, b: nodes.Maximum(_truth(a), _truth(b)),
    "logical_not": lambda a: _opposite(_truth(a)),
    "nll_loss": _nll_loss,
    "cosine_similarity": _cosine_similarity,
    "multi_margin_loss": _multi_margin_loss,
}


def mvlgamma(arg: Node, count: int) -> Node:
    """The logarithm of the multivariate gamma function: p(p - 1)/4·log π + Σ_j gammaln(x - j/2)."""
    if not 1 <= count <= _MOST:
        raise ShapeError(f"the number of dimensions goes from 1 to {_MOST}: mvlgamma(X, 2).")
    terms: list[Node] = [
        nodes.Apply("gammaln", nodes.Subtract(arg, nodes.Number(Fraction(j, 2))) if j else arg)
        for j in range(count)
    ]
    if count == 1:
        return terms[0]
    share = nodes.Number(Fraction(count * (count - 1), 4))
    return nodes.Add(
        reduce(nodes.Add, terms), nodes.Multiply(share, nodes.Apply("log", nodes.Pi()))
    )


# -- powers ------------------------------------------------------------------------------------

_MOST = 64  # factors that are written out


def matrix_power(matrix: Node, power: SizeText) -> Node:
    """X @ X @ … @ X; of a negative power that of the inverse, and a large one as it stands.

    >>> from matderiv.expression.source import source
    >>> source(matrix_power(nodes.Name("X"), 3)), source(matrix_power(nodes.Name("X"), -1))
    ('X @ X @ X', 'inv(X)')
    """
    if isinstance(power, str):
        return nodes.MatrixFunction(matrix, f"matrix_power {power}")
    base = matrix if power >= 0 else nodes.Inverse(matrix)
    if not 0 < abs(power) <= _MOST:
        return nodes.MatrixFunction(base, f"matrix_power {abs(power)}")
    return reduce(nodes.MatMul, [base] * abs(power))
