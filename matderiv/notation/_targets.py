"""How NumPy, torch and JAX spell each operation: one small table for each library."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from matderiv.calculus.formulas.removable import ADJUGATE, OTHERS
from matderiv.expression import nodes
from matderiv.expression.operations import NAMES, OPERATIONS

__all__ = ["ALWAYS", "MATRIX_CALLS", "MATRIX_CALLS_OF", "TARGETS", "Target"]


@dataclass(frozen=True, slots=True)
class Target:
    """How a library spells operations.

    `module`: its name in code. `words`: the call of each operation, `{0}` an operand or a size and
    `{like}` an input; of one with an axis the function alone. An operation without words is written
    by its definition. `helpers`: functions that the library lacks, printed above the code that
    calls them. `imports`: the line to print if its word occurs before a dot.
    """

    name: str
    module: str
    imports: Mapping[str, str]
    words: Mapping[type, str]
    helpers: Mapping[str, str] = field(default_factory=dict)
    axis: str = "axis"
    keepdims: str = "keepdims"
    transpose: str = "transpose"


_ERF = """def erf(x):
    return np.vectorize(math.erf, otypes=[np.result_type(x, 0.0)])(x)"""

_ERFINV = """def erfinv(x):
    quantile = statistics.NormalDist().inv_cdf
    return np.vectorize(quantile, otypes=[np.result_type(x, 0.0)])((1 + x) / 2) / 2**0.5"""

_GAMMALN = """def gammaln(x):
    return np.vectorize(math.lgamma, otypes=[np.result_type(x, 0.0)])(x)"""

_DIGAMMA = """def digamma(x):
    lower = sum(1 / (x + k) for k in range(10))
    x = x + 10
    y = 1 / x**2
    series = y * (1 / 12 - y * (1 / 120 - y * (1 / 252 - y * (1 / 240 - y / 132))))
    return np.log(x) - 0.5 / x - series - lower"""

_TRIGAMMA = """def trigamma(x):
    lower = sum(1 / (x + k) ** 2 for k in range(10))
    x = x + 10
    y = 1 / x**2
    series = y * (1 / 6 - y * (1 / 30 - y * (1 / 42 - y * (1 / 30 - y * 5 / 66))))
    return (1 + 0.5 / x + series) / x + lower"""

_SIGMOID = """def sigmoid(x):
    small = np.exp(-np.abs(x))  # never large
    return np.where(x >= 0, 1, small) / (1 + small)"""

_SOFTMAX = """def softmax(x, axis=None):
    powers = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return powers / np.sum(powers, axis=axis, keepdims=True)"""

_LOGSUMEXP = """def logsumexp(x, axis=None, keepdims=False):
    largest = np.max(x, axis=axis, keepdims=True)
    total = np.log(np.sum(np.exp(x - largest), axis=axis, keepdims=True)) + largest
    return total if keepdims else np.sum(total, axis=axis)"""

_OTHERS = """def others(x, axis=None):
    rows = {m}.reshape(x, (-1,)) if axis is None else {m}.moveaxis(x, axis, -1)
    own = {m}.eye(rows.shape[-1]{more}) > 0
    products = {m}.prod({m}.where(own, {one}, rows[..., None, :]), {axis}=-1)
    return {m}.reshape(products, x.shape) if axis is None else {m}.moveaxis(products, -1, axis)"""

_ADJUGATE = """def adjugate(a):
    u, s, v = {m}.linalg.svd(a)
    return {m}.linalg.det(u) * {m}.linalg.det(v) * (v.T * others(s)) @ u.T"""


_SQRTM = """def sqrtm(a):
    root, inverse = a, {m}.eye(len(a){more})
    for _ in range(60):
        above, below = {m}.linalg.inv(inverse), {m}.linalg.inv(root)
        root, inverse = (root + above) / 2, (inverse + below) / 2
    return root"""

_LOGM = """def logm(a):
    for _ in range(8):
        a = sqrtm(a)
    one = {m}.eye(len(a){more})
    z = (a - one) @ {m}.linalg.inv(a + one)
    return 2**9 * sum({m}.linalg.matrix_power(z, n) / n for n in range(1, 13, 2))"""

_SINM = """def sinm(a):
    rows = {m}.hstack((0 * a, a)), {m}.hstack((-a, 0 * a))
    return {expm}({m}.vstack(rows))[: len(a), len(a) :]"""

_COSM = """def cosm(a):
    rows = {m}.hstack((0 * a, a)), {m}.hstack((-a, 0 * a))
    return {expm}({m}.vstack(rows))[: len(a), : len(a)]"""

_ALONG = """def along(f, a, e):
    rows = {m}.hstack((a, e)), {m}.hstack((0 * a, a))
    return f({m}.vstack(rows))[: len(a), len(a) :]"""

_EXPM = """def expm(a):
    halvings = int(np.ceil(np.log2(max(np.linalg.norm(a, 1), 0.25)))) + 2
    total = term = np.eye(len(a), dtype=a.dtype)
    for n in range(1, 18):
        term = term @ a / (n * 2**halvings)
        total = total + term
    return np.linalg.matrix_power(total, 2**halvings)"""

_PROJECTOR = """def projector(a, n):
    vector = {m}.linalg.eigh(a)[1][:, n]
    return {m}.outer(vector, vector)"""


def _of_matrices(module: str, expm: str, more: str = "") -> dict[str, str]:
    """Functions of matrices that a library has no name for, each after those that it calls."""
    texts = {
        "sqrtm": _SQRTM,
        "projector": _PROJECTOR,
        "logm": _LOGM,
        "sinm": _SINM,
        "cosm": _COSM,
        "along": _ALONG,
    }
    fields = {"m": module, "more": more, "expm": expm}
    return {name: _put(text, fields) for name, text in texts.items()}


def _always(module: str, axis: str = "axis", **more: str) -> dict[str, str]:
    """Functions that have a value where products are divided by one factor that is zero."""
    fields = {"m": module, "axis": axis, "one": "rows.dtype.type(1)", "more": ""} | more
    return {
        name: _put(text, fields) for name, text in (("others", _OTHERS), ("adjugate", _ADJUGATE))
    }


def _put(text: str, fields: Mapping[str, str]) -> str:
    for name, value in fields.items():
        text = text.replace(f"{{{name}}}", value)
    return text


#: The calls of these functions by the names that formulas have for them.
ALWAYS = {name: f"others({{0}}, axis={axis})" for axis, name in OTHERS.items() if axis is not None}
ALWAYS |= {OTHERS[None]: "others({0})", ADJUGATE: "adjugate({0})"}

#: The calls of functions of matrices, by their names without the place of an eigenvalue, which is
#: put in as {1}; those of a library of its own behind.
MATRIX_CALLS = {
    "expm": "expm({0})",
    **{name: f"{name}({{0}})" for name in ("sqrtm", "logm", "sinm", "cosm")},
    "matrix_power": "{m}.linalg.matrix_power({0}, {1})",
    "eigenprojector": "projector({0}, {1})",
    "eigenvalue": "{m}.linalg.eigvalsh({0})[{1}]",
}
MATRIX_CALLS_OF = {
    ("torch", "expm"): "torch.linalg.matrix_exp({0})",
    ("jax", "expm"): "jax.scipy.linalg.expm({0})",
}

#: Words that the libraries have in common.
_SHARED: dict[type, str] = {
    nodes.Eye: "{m}.eye({0})",
    nodes.Ones: "{m}.ones({0})",
    nodes.Trace: "{m}.trace({0})",
    nodes.Inverse: "{m}.linalg.inv({0})",
    nodes.Determinant: "{m}.linalg.det({0})",
    nodes.LogDet: "{m}.linalg.slogdet({0})[1]",
    nodes.Diag: "{m}.diag({0})",
    nodes.Outer: "{m}.outer({0}, {1})",
    nodes.Norm: "{m}.linalg.norm({0})",
    nodes.Sum: "{m}.sum",
    nodes.Mean: "{m}.mean",
    nodes.Prod: "{m}.prod",
    nodes.Max: "{m}.max",
    nodes.Min: "{m}.min",
    **{
        kind: f"{{m}}.{name}({{0}}, {{1}})"
        for kind, name in NAMES.items()
        if OPERATIONS[name].everywhere
    },
}


def _words(module: str, own: dict[type, str]) -> dict[type, str]:
    return {kind: text.replace("{m}", module) for kind, text in (_SHARED | own).items()}


#: The targets by name.
TARGETS = {
    "numpy": Target(
        name="numpy",
        module="np",
        imports={
            "math": "import math",
            "statistics": "import statistics",
            "np": "import numpy as np",
        },
        words=_words(
            "np",
            {
                nodes.Eye: "{m}.eye({0}, dtype={like}.dtype)",
                nodes.Ones: "{m}.ones({0}, dtype={like}.dtype)",
                nodes.Softmax: "softmax",
                nodes.LogSumExp: "logsumexp",
            },
        ),
        helpers={
            "erf": _ERF,
            "erfinv": _ERFINV,
            "gammaln": _GAMMALN,
            "digamma": _DIGAMMA,
            "trigamma": _TRIGAMMA,
            "sigmoid": _SIGMOID,
            "softmax": _SOFTMAX,
            "logsumexp": _LOGSUMEXP,
            "expm": _EXPM,
            **_of_matrices("np", "expm", ", dtype=a.dtype"),
            **_always("np"),
        },
    ),
    "torch": Target(
        name="torch",
        module="torch",
        imports={"math": "import math", "torch": "import torch"},
        words=_words(
            "torch",
            {
                nodes.Eye: "{m}.eye({0}, dtype={like}.dtype, device={like}.device)",
                nodes.Ones: "{m}.ones({0}, dtype={like}.dtype, device={like}.device)",
                nodes.Max: "{m}.amax",
                nodes.Min: "{m}.amin",
                nodes.Softmax: "{m}.softmax",
                nodes.LogSumExp: "{m}.logsumexp",
            },
        ),
        helpers=_of_matrices("torch", "torch.linalg.matrix_exp", ", dtype=a.dtype, device=a.device")
        | _always("torch", "dim", one="1", more=", dtype=x.dtype, device=x.device"),
        axis="dim",
        keepdims="keepdim",
        transpose="permute",
    ),
    "jax": Target(
        name="jax",
        module="jnp",
        imports={"jax": "import jax", "jnp": "import jax.numpy as jnp"},
        words=_words(
            "jnp",
            {
                nodes.Eye: "{m}.eye({0}, dtype={like}.dtype)",
                nodes.Ones: "{m}.ones({0}, dtype={like}.dtype)",
                nodes.Softmax: "jax.nn.softmax",
                nodes.LogSumExp: "jax.scipy.special.logsumexp",
            },
        ),
        helpers=_of_matrices("jnp", "jax.scipy.linalg.expm", ", dtype=a.dtype")
        | _always("jnp", one="1"),
    ),
}
