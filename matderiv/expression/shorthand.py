"""Functions that are read as the formula they stand for: choices, activations, losses, powers."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import partial, reduce

from matderiv.errors import ShapeError
from matderiv.expression import nodes
from matderiv.expression.nodes import ONE, ZERO, Node

__all__ = [
    "CHOICES",
    "LOSSES",
    "SHORTHAND",
    "at_least",
    "equal",
    "greater",
    "lstsq",
    "matrix_power",
    "nll_loss",
    "unequal",
]


def _number(text: str) -> Node:
    return nodes.Number(Fraction(text))


#: How many dimensions an expression has in the program that it stands in.
Dimensions = Callable[[Node], int]

_MATRIX = 2  # dimensions
_HUNDREDTH, _HALF = map(_number, ("0.01", "0.5"))

#: The constants of selu, by which it keeps the mean 0 and the variance 1.
_SELU, _SELU_ALPHA = map(_number, ("1.0507", "1.67326"))

_step, _relu, _exp, _abs = (partial(nodes.Apply, name) for name in ("step", "relu", "exp", "abs"))


def _minus_relu(y: Node) -> Node:
    """The negative part: -relu(-y)."""
    return nodes.Negate(_relu(nodes.Negate(y)))


# -- of one number -------------------------------------------------------------------------------


def _log_to(base: int, arg: Node) -> Node:
    """The logarithm to a base."""
    return nodes.Divide(nodes.Apply("log", arg), nodes.Apply("log", _number(str(base))))


#: Functions of each entry that are read as formulas of others.
SHORTHAND: dict[str, Callable[[Node], Node]] = {
    "square": lambda y: nodes.Power(y, nodes.TWO),
    "reciprocal": partial(nodes.Divide, nodes.ONE),
    "exp2": partial(nodes.Power, nodes.TWO),
    "expm1": lambda y: nodes.Subtract(nodes.Apply("exp", y), nodes.ONE),
    "log1p": lambda y: nodes.Apply("log", nodes.Add(nodes.ONE, y)),
    "log2": lambda y: _log_to(2, y),
    "log10": lambda y: _log_to(10, y),
    "logit": lambda y: nodes.Apply("log", nodes.Divide(y, nodes.Subtract(nodes.ONE, y))),
    "erfc": lambda y: nodes.Subtract(nodes.ONE, nodes.Apply("erf", y)),
    "softsign": lambda y: nodes.Divide(y, nodes.Add(nodes.ONE, nodes.Apply("abs", y))),
    "cbrt": lambda y: nodes.Divide(
        y, nodes.Power(nodes.Power(y, nodes.TWO), nodes.Number(Fraction(1, 3)))
    ),
    "logcosh": lambda y: nodes.Subtract(
        nodes.Add(y, nodes.Apply("softplus", nodes.Multiply(_number("-2"), y))),
        nodes.Apply("log", nodes.TWO),
    ),
    "logsigmoid": lambda y: nodes.Negate(nodes.Apply("softplus", nodes.Negate(y))),
    "selu": lambda y: nodes.Multiply(_SELU, _elu(y, _SELU_ALPHA)),
    "sinc": lambda y: nodes.Divide(
        nodes.Apply("sin", nodes.Multiply(nodes.Pi(), y)), nodes.Multiply(nodes.Pi(), y)
    ),
    "ndtri": lambda y: nodes.Multiply(
        nodes.Apply("sqrt", nodes.TWO),
        nodes.Apply("erfinv", nodes.Subtract(nodes.Multiply(nodes.TWO, y), ONE)),
    ),
    "mish": lambda y: nodes.Multiply(y, nodes.Apply("tanh", nodes.Apply("softplus", y))),
}


# -- choices -----------------------------------------------------------------------------------


def greater(left: Node, right: Node) -> Node:
    """1 where an entry is greater than another, else 0: a step of the difference.

    >>> greater(nodes.Name("X"), nodes.Name("Y"))
    Apply(function='step', arg=Subtract(left=Name(name='X'), right=Name(name='Y')))
    """
    if nodes.ZERO in (left, right):
        return _step(left if right == nodes.ZERO else nodes.Negate(right))
    return _step(nodes.Subtract(left, right))


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
    return array if _is_condition(array) else _step(_abs(array))


def _where(condition: Node, one: Node, other: Node) -> Node:
    """c·a + (1 - c)·b; any other array than a comparison holds where it is not 0."""
    c = _truth(condition)
    terms: list[Node] = [nodes.Multiply(c, one)] if one != nodes.ZERO else []
    terms += [nodes.Multiply(_opposite(c), other)] if other != nodes.ZERO else []
    return reduce(nodes.Add, terms) if terms else nodes.Multiply(nodes.ZERO, c)


def _clip(y: Node, low: Node, high: Node) -> Node:
    return nodes.Minimum(nodes.Maximum(y, low), high)


def _leaky_relu(y: Node, slope: Node = _HUNDREDTH) -> Node:
    return nodes.Add(_relu(y), nodes.Multiply(slope, _minus_relu(y)))


def _elu(y: Node, alpha: Node = ONE) -> Node:
    below = nodes.Subtract(_exp(_minus_relu(y)), ONE)
    return nodes.Add(_relu(y), below if alpha == ONE else nodes.Multiply(alpha, below))


def _celu(y: Node, alpha: Node) -> Node:
    below = nodes.Subtract(_exp(nodes.Divide(_minus_relu(y), alpha)), ONE)
    return nodes.Add(_relu(y), nodes.Multiply(alpha, below))


def _relu6(y: Node) -> Node:
    return nodes.Minimum(_relu(y), _number("6"))


def _hardsigmoid(y: Node) -> Node:
    return nodes.Divide(_relu6(nodes.Add(y, _number("3"))), _number("6"))


def _softshrink(y: Node, lam: Node = _HALF) -> Node:
    above, below = nodes.Subtract(y, lam), nodes.Subtract(nodes.Negate(y), lam)
    return nodes.Subtract(_relu(above), _relu(below))


def _huber(y: Node, delta: Node = ONE) -> Node:
    beyond = _relu(nodes.Subtract(_abs(y), delta))
    squares = nodes.Subtract(nodes.Power(y, nodes.TWO), nodes.Power(beyond, nodes.TWO))
    return nodes.Divide(squares, nodes.TWO)


def _logaddexp(a: Node, b: Node) -> Node:
    return nodes.Add(b, nodes.Apply("softplus", nodes.Subtract(a, b)))


def _arctan2(a: Node, b: Node) -> Node:
    """The angle of the point (b, a), b not 0: arctan(a/b), and on the left π more or less."""
    turned = nodes.Multiply(nodes.Apply("sign", a), _step(nodes.Negate(b)))
    angle = nodes.Apply("arctan", nodes.Divide(a, b))
    return nodes.Add(angle, nodes.Multiply(nodes.Pi(), turned))


def _square(y: Node) -> Node:
    return nodes.Power(y, nodes.TWO)


def _threshold(y: Node, level: Node = ZERO, value: Node = ZERO) -> Node:
    return _where(greater(y, level), y, value)


#: Functions of one number or several, applied entry by entry.
CHOICES: dict[str, Callable[..., Node]] = {
    "where": _where,
    "clip": _clip,
    "clamp": _clip,
    "leaky_relu": _leaky_relu,
    "elu": _elu,
    "relu6": _relu6,
    "hardtanh": lambda y: _clip(y, _number("-1"), ONE),
    "hardsigmoid": _hardsigmoid,
    "hardswish": lambda y: nodes.Multiply(y, _hardsigmoid(y)),
    "softshrink": _softshrink,
    "tanhshrink": lambda y: nodes.Subtract(y, nodes.Apply("tanh", y)),
    "huber": _huber,
    "logaddexp": _logaddexp,
    "hypot": lambda a, b: nodes.Apply("sqrt", nodes.Add(_square(a), _square(b))),
    "xlogy": lambda a, b: nodes.Multiply(a, nodes.Apply("log", b)),
    "xlog1py": lambda a, b: nodes.Multiply(a, nodes.Apply("log", nodes.Add(ONE, b))),
    "arctan2": _arctan2,
    "atan2": _arctan2,
    "copysign": lambda a, b: nodes.Multiply(_abs(a), nodes.Apply("sign", b)),
    "celu": lambda y, alpha=ONE: _elu(y, alpha) if alpha == ONE else _celu(y, alpha),
    "threshold": _threshold,
    "hardshrink": lambda y, lam=_HALF: nodes.Multiply(y, greater(_abs(y), lam)),
    "masked_fill": lambda y, mask, value: _where(mask, value, y),
    "logical_and": lambda a, b: nodes.Multiply(_truth(a), _truth(b)),
    "logical_or": lambda a, b: nodes.Maximum(_truth(a), _truth(b)),
    "logical_not": lambda a: _opposite(_truth(a)),
}


# -- losses ------------------------------------------------------------------------------------


def _mse(y: Node, t: Node) -> Node:
    return nodes.Mean(nodes.Power(nodes.Subtract(y, t), nodes.TWO))


def _smooth_l1(y: Node, t: Node, beta: Node = ONE) -> Node:
    found = _huber(nodes.Subtract(y, t), beta)
    return nodes.Mean(found if beta == ONE else nodes.Divide(found, beta))


def _binary_cross_entropy(p: Node, t: Node) -> Node:
    no = nodes.Multiply(nodes.Subtract(ONE, t), nodes.Apply("log", nodes.Subtract(ONE, p)))
    return nodes.Negate(nodes.Mean(nodes.Add(nodes.Multiply(t, nodes.Apply("log", p)), no)))


def _with_logits(z: Node, t: Node) -> Node:
    return nodes.Mean(nodes.Subtract(nodes.Apply("softplus", z), nodes.Multiply(t, z)))


def _cross_entropy(z: Node, t: Node, *, dimensions: Dimensions) -> Node:
    return nll_loss(nodes.LogSoftmax(z, axis=-1), t, dimensions=dimensions)


def nll_loss(y: Node, t: Node, *, dimensions: Dimensions) -> Node:
    """The mean over rows of -Σ t·y, or of -y at the label; a vector beside a matrix is labels.

    >>> from matderiv.expression.source import source
    >>> source(nll_loss(nodes.Name("Y"), nodes.Name("t"), dimensions=lambda a: 1 + (a.name == "Y")))
    '-mean(Y[arange(len(t)), t])'
    """
    labels = isinstance(t, nodes.Name) and t.name[0].islower() and dimensions(t) == 1
    if labels and dimensions(y) == _MATRIX:
        return nodes.Negate(nodes.Mean(nodes.Gathered(y, t, "picked")))
    return nodes.Negate(nodes.Mean(nodes.Sum(nodes.Multiply(t, y), axis=-1)))


def _cosine(x: Node, y: Node) -> Node:
    return nodes.Divide(nodes.MatMul(x, y), nodes.Multiply(nodes.Norm(x), nodes.Norm(y)))


#: Losses as the frameworks name them, means over all entries or rows.
LOSSES: dict[str, Callable[..., Node]] = {
    "mse_loss": _mse,
    "l1_loss": lambda y, t: nodes.Mean(_abs(nodes.Subtract(y, t))),
    "huber_loss": lambda y, t, delta=ONE: nodes.Mean(_huber(nodes.Subtract(y, t), delta)),
    "smooth_l1_loss": _smooth_l1,
    "binary_cross_entropy": _binary_cross_entropy,
    "binary_cross_entropy_with_logits": _with_logits,
    "cross_entropy": _cross_entropy,
    "cosine_similarity": _cosine,
}


def lstsq(matrix: Node, target: Node | None) -> Node:
    """(AᵀA)⁻¹Aᵀ, or that times a target: of a matrix whose columns are independent.

    >>> from matderiv.expression.source import source
    >>> source(lstsq(nodes.Name("A"), nodes.Name("b")))
    'inv(A.T @ A) @ (A.T @ b)'
    """
    turned = nodes.Transpose(matrix)
    square = nodes.Inverse(nodes.MatMul(turned, matrix))
    return nodes.MatMul(square, turned if target is None else nodes.MatMul(turned, target))


# -- powers ------------------------------------------------------------------------------------

_MOST = 64  # factors


def matrix_power(matrix: Node, power: int) -> Node:
    """X @ X @ … @ X; of a negative power that of the inverse.

    Raises:
        ShapeError: the power is 0 or too large to be written out.

    >>> from matderiv.expression.source import source
    >>> source(matrix_power(nodes.Name("X"), 3)), source(matrix_power(nodes.Name("X"), -1))
    ('X @ X @ X', 'inv(X)')
    """
    if power == 0:
        raise ShapeError("the power 0 is the identity matrix; write eye(n).")
    if abs(power) > _MOST:
        raise ShapeError(f"powers up to {_MOST} are written out.")
    base = matrix if power > 0 else nodes.Inverse(matrix)
    return reduce(nodes.MatMul, [base] * abs(power))
