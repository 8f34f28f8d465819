"""torch and JAX played by NumPy, as far as printed gradients call them.

Names and options are those of the libraries. As in torch, an axis is a `dim`, functions take no
plain numbers, softmax wants an axis, and what is made of no array is in single precision.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any, cast

import numpy as np
from _reference import FUNCTIONS, Array


class Tensor(np.ndarray):
    """An array that is on a device."""

    device = "cpu"

    def to(self, dtype: np.dtype[Any]) -> Tensor:
        """The same numbers in another precision."""
        return tensor(self, dtype)


def tensor(value: object, dtype: type | np.dtype[Any] = np.float32) -> Tensor:
    """An array of torch."""
    return np.asarray(value, dtype=dtype).view(Tensor)


def _of_tensors(function: Callable[..., Any]) -> Callable[..., Any]:
    def call(*operands: Array, **options: object) -> object:
        assert all(isinstance(x, np.ndarray | np.generic) for x in operands), "no tensor"
        given = {{"dim": "axis", "keepdim": "keepdims"}[name]: o for name, o in options.items()}
        found = function(*map(np.asarray, operands), **given)
        return tensor(found, operands[0].dtype) if isinstance(found, np.ndarray | float) else found

    return call


def _softmax(x: Array, axis: int | None = -1) -> Array:
    powers = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return powers / np.sum(powers, axis=axis, keepdims=True)


def _logsumexp(x: Array, axis: int | None = None, **options: bool) -> Array:
    return np.asarray(np.log(np.sum(np.exp(x), axis=axis, **options)))


def _gelu(x: Array, *, approximate: bool = True) -> Array:
    assert not approximate, "JAX approximates unless told otherwise"
    return FUNCTIONS["gelu"](x)


def _one_hot(labels: Array, size: int, dtype: type | np.dtype[Any] = np.int64) -> Tensor:
    assert labels.dtype == np.int64, "labels are integers"
    return tensor(np.eye(size)[np.asarray(labels)], dtype)


def _cat(parts: tuple[Tensor, ...], dim: int = 0) -> Tensor:
    return tensor(np.concatenate(parts, dim), parts[0].dtype)


def _expm(a: Array) -> Array:
    """The sum of powers divided by factorials, also of a matrix without a basis of eigenvectors."""
    total = term = np.eye(len(a))
    for n in range(1, 80):
        term = term @ np.asarray(a) / n
        total = total + term
    return total


def _power(a: Tensor, times: int) -> Tensor:
    return tensor(np.linalg.matrix_power(a, times), a.dtype)


def _stacked(stack: Callable[..., Array]) -> Callable[[tuple[Tensor, ...]], Tensor]:
    return lambda parts: tensor(stack(parts), parts[0].dtype)


def _flip(x: Tensor, dims: tuple[int, ...]) -> Tensor:
    return tensor(np.flip(x, dims), x.dtype)


def _pad(x: Tensor, widths: tuple[int, ...]) -> Tensor:
    pairs = list(zip(widths[::2], widths[1::2], strict=True))[::-1]  # the last axis comes first
    return tensor(np.pad(x, [(0, 0)] * (x.ndim - len(pairs)) + pairs), x.dtype)


_ONE = {
    **{name: FUNCTIONS[name] for name in ("sigmoid", "relu", "erf", "silu", "gelu", "softplus")},
    "logsigmoid": lambda x: -np.logaddexp(0, -x),
    **{name: FUNCTIONS[name] for name in ("erfinv", "gammaln", "digamma", "trigamma")},
}


def _polygamma(order: int, x: Array) -> Array:
    assert order == 1
    return _ONE["trigamma"](x)


def _made(make: Callable[..., Array]) -> Callable[..., Tensor]:
    def call(sizes: object, dtype: np.dtype[Any], device: str) -> Tensor:
        assert device == Tensor.device
        return tensor(make(sizes), dtype)

    return call


def _part(function: Callable[..., Array]) -> Callable[..., Tensor]:
    def part(operand: Array, diagonal: int = 0) -> Tensor:
        assert isinstance(operand, np.ndarray), "no tensor"
        return tensor(function(operand, diagonal), operand.dtype)

    return part


def _torch() -> ModuleType:
    module: Any = ModuleType("torch")
    names = (
        "exp log sqrt tanh sin cos arctan sign abs sum mean prod trace diag outer kron maximum minimum "
        "tan sinh cosh arcsin arccos arcsinh arccosh arctanh amax amin cumsum floor ceil round trunc"
    )
    own = {name: getattr(np, name) for name in names.split()}
    own |= {
        name: _ONE[name] for name in ("sigmoid", "relu", "erf", "erfinv", "digamma", "trigamma")
    }
    own["lgamma"] = _ONE["gammaln"]
    own |= {"softmax": _softmax, "logsumexp": _logsumexp, "frac": FUNCTIONS["frac"]}
    for name, function in own.items():
        setattr(module, name, _of_tensors(function))
    module.permute, module.reshape, module.moveaxis = np.transpose, np.reshape, np.moveaxis
    module.where = lambda chosen, one, other: tensor(np.where(chosen, one, other), other.dtype)
    module.einsum = lambda subscripts, *operands: tensor(
        np.einsum(subscripts, *operands), operands[0].dtype
    )
    module.special = SimpleNamespace(
        polygamma=lambda order, x: tensor(_polygamma(order, x), x.dtype)
    )
    module.tril, module.triu = _part(np.tril), _part(np.triu)
    module.pi, module.tensor = np.pi, tensor
    module.arange = lambda count: np.arange(count).view(Tensor)
    module.cat, module.flip = _cat, _flip
    module.hstack, module.vstack = _stacked(np.hstack), _stacked(np.vstack)
    module.eye, module.ones = _made(np.eye), _made(np.ones)
    linear = {
        name: getattr(np.linalg, name)
        for name in "inv det norm solve slogdet svd eigh eigvalsh".split()
    }
    linear["matrix_exp"] = _expm
    module.linalg = SimpleNamespace(**{n: _of_tensors(f) for n, f in linear.items()})
    module.linalg.matrix_power = _power
    some = {name: _of_tensors(_ONE[name]) for name in ("silu", "gelu", "logsigmoid")}
    module.nn = SimpleNamespace(functional=SimpleNamespace(one_hot=_one_hot, pad=_pad, **some))
    return cast("ModuleType", module)


def _jax() -> ModuleType:
    module: Any = ModuleType("jax")
    one = {name: _ONE[name] for name in ("sigmoid", "relu", "silu", "softplus")}
    module.nn = SimpleNamespace(softmax=_softmax, gelu=_gelu, one_hot=_one_hot, **one)
    module.scipy = SimpleNamespace(
        special=SimpleNamespace(
            logsumexp=_logsumexp,
            polygamma=_polygamma,
            **{name: _ONE[name] for name in ("erf", "erfinv", "gammaln", "digamma", "trigamma")},
        ),
        linalg=SimpleNamespace(expm=_expm),
    )
    module.numpy = np
    return cast("ModuleType", module)


#: What stands in `sys.modules` while a text runs.
STAND_INS = {"torch": {"torch": _torch()}, "jax": {"jax": _jax(), "jax.numpy": np}}
