"""How NumPy, torch and JAX spell each operation: one small table for each library."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from matderiv.expression import nodes
from matderiv.expression.operations import NAMES, OPERATIONS

__all__ = ["TARGETS", "Target"]


@dataclass(frozen=True, slots=True)
class Target:
    """How a library spells operations; `{0}` is an operand.

    `module`: its name in code. `nodes`: functions of whole arrays. `reductions` and `along`:
    functions with an axis. An operation without a name is written by its definition. `helpers`:
    functions that the library lacks, printed above the code that calls them. `imports`: the line to
    print if its word occurs before a dot.
    """

    name: str
    module: str
    imports: Mapping[str, str]
    nodes: Mapping[type, str]
    reductions: Mapping[type, str]
    along: Mapping[type, str]
    axis: str
    keepdims: str
    transpose: str
    eye: str
    ones: str
    helpers: Mapping[str, str] = field(default_factory=dict)


_ERF = """def erf(x):
    return np.vectorize(math.erf, otypes=[float])(x)"""

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

#: Operations that NumPy and jax.numpy spell alike.
_SHARED: dict[type, str] = {
    nodes.Trace: "{m}.trace({0})",
    nodes.Inverse: "{m}.linalg.inv({0})",
    nodes.Determinant: "{m}.linalg.det({0})",
    nodes.LogDet: "{m}.linalg.slogdet({0})[1]",
    nodes.Diag: "{m}.diag({0})",
    nodes.Outer: "{m}.outer({0}, {1})",
    nodes.Norm: "{m}.linalg.norm({0})",
    **{
        kind: f"{{m}}.{name}({{0}}, {{1}})"
        for kind, name in NAMES.items()
        if OPERATIONS[name].everywhere
    },
}


def _in(module: str, table: Mapping[type, str]) -> dict[type, str]:
    return {kind: text.replace("{m}", module) for kind, text in table.items()}


TARGETS = {
    "numpy": Target(
        name="numpy",
        module="np",
        imports={"math": "import math", "np": "import numpy as np"},
        nodes=_in("np", _SHARED),
        reductions={
            nodes.Sum: "np.sum",
            nodes.Mean: "np.mean",
            nodes.Prod: "np.prod",
            nodes.LogSumExp: "logsumexp",
        },
        axis="axis",
        keepdims="keepdims",
        transpose="transpose",
        along={nodes.Softmax: "softmax"},
        eye="np.eye({0})",
        ones="np.ones({0})",
        helpers={"erf": _ERF, "sigmoid": _SIGMOID, "softmax": _SOFTMAX, "logsumexp": _LOGSUMEXP},
    ),
    "torch": Target(
        name="torch",
        module="torch",
        imports={"math": "import math", "torch": "import torch"},
        nodes={
            **_in("torch", _SHARED),
            nodes.Inverse: "torch.linalg.inv({0})",
        },
        reductions={
            nodes.Sum: "torch.sum",
            nodes.Mean: "torch.mean",
            nodes.Prod: "torch.prod",
            nodes.LogSumExp: "torch.logsumexp",
        },
        axis="dim",
        keepdims="keepdim",
        transpose="permute",
        along={nodes.Softmax: "torch.softmax"},
        eye="torch.eye({0}, dtype={like}.dtype, device={like}.device)",
        ones="torch.ones({0}, dtype={like}.dtype, device={like}.device)",
    ),
    "jax": Target(
        name="jax",
        module="jnp",
        imports={"jax": "import jax", "jnp": "import jax.numpy as jnp"},
        nodes=_in("jnp", _SHARED),
        reductions={
            nodes.Sum: "jnp.sum",
            nodes.Mean: "jnp.mean",
            nodes.Prod: "jnp.prod",
            nodes.LogSumExp: "jax.scipy.special.logsumexp",
        },
        axis="axis",
        keepdims="keepdims",
        transpose="transpose",
        along={nodes.Softmax: "jax.nn.softmax"},
        eye="jnp.eye({0})",
        ones="jnp.ones({0})",
    ),
}
"""The targets by name."""
