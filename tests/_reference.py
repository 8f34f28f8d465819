"""What a program means, in NumPy: an evaluator of its own, independent of the package.

It shares nothing with `matderiv`, so that a gradient it confirms is confirmed from outside. Text is
read with `ast`; each kind of expression has one line or a few here, and any other is refused.

>>> value("sum(X @ w)", {"X": np.eye(2), "w": np.array([3.0, 4.0])}, {})
array(7.)
"""

from __future__ import annotations

import ast
import builtins
import math
import operator
from collections.abc import Callable, Mapping
from statistics import NormalDist

import mpmath
import numpy as np
from numpy.typing import NDArray

from matderiv.expression import vocabulary

Array = NDArray[np.float64]
Functions = Mapping[str, Callable[..., Array]]

_BINARY: dict[type[ast.operator], Callable[[Array, Array], Array]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
    ast.MatMult: operator.matmul,
}


def _logsumexp(a: Array, axis: int | None = None, *, keepdims: bool = False) -> Array:
    top = a.max()  # of all entries: these programs are small, and none of them overflows
    return np.log(np.sum(np.exp(a - top), axis=axis, keepdims=keepdims)) + top


def _softmax(a: Array, axis: int | None = None) -> Array:
    return np.exp(a - _logsumexp(a, axis=axis, keepdims=axis is not None))


def _unflatten(a: Array, axis: int, sizes: list[int]) -> Array:
    axis %= a.ndim
    return a.reshape([*a.shape[:axis], *sizes, *a.shape[axis + 1 :]])


def _in_windows(a: Array, axis: int, k: int, stride: int, dilation: int) -> Array:
    """Entry j of window i along an axis is entry s·i + d·j."""
    count = (a.shape[axis] - dilation * (k - 1) - 1) // stride + 1
    places = np.add.outer(stride * np.arange(count), dilation * np.arange(k))
    return np.take(a, places, axis)


def _fold(a: Array, n: int, axis: int, stride: int, dilation: int) -> Array:
    """Windows added up, one entry after the other."""
    a = np.moveaxis(a, (axis - 1, axis) if axis < 0 else (axis, axis + 1), (0, 1))
    made = np.zeros((n, *a.shape[2:]))
    for i, j in np.ndindex(a.shape[:2]):
        made[stride * i + dilation * j] += a[i, j]
    return np.moveaxis(made, 0, axis)


def _conv(x: Array, w: Array, stride: int = 1, padding: int = 0, dilation: int = 1) -> Array:
    """A convolution place by place: of one array by a kernel, or of channels by kernels."""
    axes = w.ndim if x.ndim == w.ndim < 3 else w.ndim - 2
    if w.ndim == axes:
        return _conv(x[None, None], w[None, None], stride, padding, dilation)[0, 0]
    if x.ndim < w.ndim:
        return _conv(x[None], w, stride, padding, dilation)[0]
    x = np.pad(x, [(0, 0)] * 2 + [(padding, padding)] * axes)
    sizes = [
        (n - dilation * (k - 1) - 1) // stride + 1
        for n, k in zip(x.shape[2:], w.shape[2:], strict=True)
    ]
    made = np.zeros((x.shape[0], w.shape[0], *sizes))
    for at in np.ndindex(*sizes):
        for k in np.ndindex(*w.shape[2:]):
            place = tuple(stride * i + dilation * j for i, j in zip(at, k, strict=True))
            made[(..., *at)] += x[(..., *place)] @ w[(..., *k)].T
    return made


def _conv_transpose(
    x: Array, w: Array, stride: int = 1, padding: int = 0, dilation: int = 1
) -> Array:
    """A transposed convolution entry by entry: each adds the kernel, times it, to its window."""
    axes = w.ndim if x.ndim == w.ndim < 3 else w.ndim - 2
    if w.ndim == axes:
        return _conv_transpose(x[None, None], w[None, None], stride, padding, dilation)[0, 0]
    if x.ndim < w.ndim:
        return _conv_transpose(x[None], w, stride, padding, dilation)[0]
    sizes = [
        stride * (n - 1) + dilation * (k - 1) + 1
        for n, k in zip(x.shape[2:], w.shape[2:], strict=True)
    ]
    made = np.zeros((x.shape[0], w.shape[1], *sizes))
    for at in np.ndindex(*x.shape[2:]):
        for k in np.ndindex(*w.shape[2:]):
            place = tuple(stride * i + dilation * j for i, j in zip(at, k, strict=True))
            made[(..., *place)] += x[(..., *at)] @ w[(..., *k)]
    inside = tuple(slice(padding, n - padding) for n in sizes)
    return made[(..., *inside)]


def _normalised(a: Array, axes: tuple[int, ...]) -> Array:
    spread = a.var(axes, keepdims=True) + 1e-5
    return (a - a.mean(axes, keepdims=True)) / np.sqrt(spread)


def _pool(axes: int, reduced: Callable[..., Array]) -> Callable[..., Array]:
    def value(a: Array, k: int, stride: int | None = None, padding: int = 0) -> Array:
        if padding:
            a = np.pad(a, [(0, 0)] * (a.ndim - axes) + [(padding, padding)] * axes)
        for n in range(axes):
            a = _in_windows(a, a.ndim - 1 - 2 * n, int(k), int(stride or k), 1)
        return np.asarray(reduced(a, tuple(-1 - 2 * n for n in range(axes))))

    return value


def _toeplitz(c: Array, r: Array | None = None) -> Array:
    row = c if r is None else r
    return np.array(
        [[c[i - j] if i >= j else row[j - i] for j in range(len(row))] for i in range(len(c))]
    )


def _everywhere(function: Callable[[float], float]) -> Callable[[Array], Array]:
    """A function of one number, applied to each entry; not a number where it has no value."""

    def value(number: float) -> float:
        try:
            return float(function(number))
        except (ValueError, ArithmeticError):
            return math.nan

    return np.vectorize(value, otypes=[float])


#: Numbers that have names.
_NUMBERS = {"pi": np.float64(np.pi), "inf": np.float64(np.inf)}


def _of_eigenvalues(function: Callable[[Array], Array]) -> Callable[[Array], Array]:
    """V f(Λ) V⁻¹ of a matrix with a basis of eigenvectors."""

    def value(a: Array) -> Array:
        values, vectors = np.linalg.eig(a)
        return np.real(vectors @ np.diag(function(values + 0j)) @ np.linalg.inv(vectors))

    return value


def _along(
    function: Callable[[Array], Array], slope: Callable[[Array], Array]
) -> Callable[[Array, Array], Array]:
    """V (D ∘ V⁻¹ E V) V⁻¹ of divided differences D of the eigenvalues: Daleckii and Krein."""

    def value(a: Array, e: Array) -> Array:
        values, vectors = np.linalg.eig(a)
        rows, columns = np.meshgrid(values + 0j, values + 0j, indexing="ij")
        apart = np.where(np.eye(len(a)) > 0, 1, rows - columns)
        divided = (
            np.where(np.eye(len(a)) > 0, slope(rows), function(rows) - function(columns)) / apart
        )
        inverse = np.linalg.inv(vectors)
        return np.real(vectors @ (divided * (inverse @ e @ vectors)) @ inverse)

    return value


_OF_MATRICES = {
    "expm": (np.exp, np.exp),
    "sqrtm": (np.sqrt, lambda u: 1 / (2 * np.sqrt(u))),
    "logm": (np.log, lambda u: 1 / u),
    "sinm": (np.sin, np.cos),
    "cosm": (np.cos, lambda u: -np.sin(u)),
}


def _pixels(a: Array, r: int) -> Array:
    """Channel c·r² + i·r + j of pixel (h, w) is pixel (h·r + i, w·r + j) of channel c."""
    r = int(r)
    made = np.zeros((a.shape[0] // r**2, a.shape[1] * r, a.shape[2] * r))
    for c, h, w in np.ndindex(*made.shape):
        made[c, h, w] = a[c * r**2 + h % r * r + w % r, h // r, w // r]
    return made


def _channels(a: Array, r: int) -> Array:
    r = int(r)
    made = np.zeros((a.shape[0] * r**2, a.shape[1] // r, a.shape[2] // r))
    for c, h, w in np.ndindex(*a.shape):
        made[c * r**2 + h % r * r + w % r, h // r, w // r] = a[c, h, w]
    return made


def _scattered(a: Array, y: Array, b: Array) -> Array:
    made = np.array(a)
    rows = np.asarray(y, dtype=int)
    np.add.at(made, rows if rows.ndim == 1 else (rows, np.arange(a.shape[1])), b)
    return made


def _renorm(a: Array, p: float, axis: int, most: float) -> Array:
    norms = np.sum(np.abs(a) ** p, axis=1 - int(axis), keepdims=True) ** (1 / p)
    return np.where(norms > most, a * (most / (norms + 1e-7)), a)


def _heads(q: Array, k: Array, v: Array, count: int, d: float = 1) -> Array:
    """Each group of columns attends by itself."""
    groups = zip(*(np.split(a, int(count), axis=-1) for a in (q, k, v)), strict=True)
    return np.concatenate([_softmax(a @ b.T / np.sqrt(d), -1) @ c for a, b, c in groups], axis=-1)


#: The language: every function of fixed meaning, and those that occur in derivatives only.
KNOWN: Functions = {
    **{name: getattr(np, name) for name in vocabulary.KNOWN if hasattr(np, name)},
    "tr": np.trace,
    "inv": np.linalg.inv,
    "det": np.linalg.det,
    "logdet": lambda a: np.linalg.slogdet(a)[1],
    "norm": np.linalg.norm,
    **{name: _of_eigenvalues(function) for name, (function, _) in _OF_MATRICES.items()},
    **{f"{name}_frechet": _along(*both) for name, both in _OF_MATRICES.items()},
    "matrix_power": lambda a, k: np.linalg.matrix_power(a, int(k)),
    "matrix_power_frechet": lambda a, e, k: _along(lambda u: u**k, lambda u: k * u ** (k - 1))(
        a, e
    ),
    "solve_triangular": lambda a, b: np.linalg.solve(np.triu(a), b),
    "eigvalsh": np.linalg.eigvalsh,
    "eigh": np.linalg.eigh,
    "svdvals": lambda a: np.linalg.svd(a)[1],
    "eye": lambda n: np.eye(int(n)),
    "ones": lambda sizes: np.ones(np.asarray(sizes, dtype=int)),
    "zeros": lambda sizes: np.zeros(np.asarray(sizes, dtype=int)),
    "sigmoid": lambda a: 1 / (1 + np.exp(-a)),
    "silu": lambda a: a / (1 + np.exp(-a)),
    "gelu": lambda a: a * (1 + FUNCTIONS["erf"](a / np.sqrt(2))) / 2,
    "softplus": lambda a: np.logaddexp(0, a),
    "relu": lambda a: np.maximum(a, 0),
    "step": lambda a: np.heaviside(a, 0.5),
    "iszero": lambda a: np.equal(a, 0) * 1.0,
    "erf": np.vectorize(math.erf, otypes=[float]),
    "frac": lambda a: a - np.trunc(a),
    "erfc": np.vectorize(math.erfc, otypes=[float]),
    "logit": lambda a: np.log(a / (1 - a)),
    "erfinv": _everywhere(lambda y: NormalDist().inv_cdf((1 + y) / 2) / 2**0.5),
    "gammaln": _everywhere(math.lgamma),
    "digamma": _everywhere(mpmath.digamma),
    "trigamma": _everywhere(lambda x: mpmath.polygamma(1, x)),
    "softsign": lambda a: a / (1 + np.abs(a)),
    "mish": lambda a: a * np.tanh(np.logaddexp(0, a)),
    "softmax": _softmax,
    "pad": lambda a, widths, mode="constant": np.pad(a, np.asarray(widths, dtype=int), mode),
    "roll": lambda a, shift, axis=None: np.roll(a, int(shift), axis),
    "repeat": lambda a, times, axis=None: np.repeat(a, int(times), axis),
    "tile": lambda a, times: np.tile(a, np.asarray(times, dtype=int)),
    **{
        name: lambda a, parts, axis=at: np.asarray(np.split(a, int(parts), int(axis)))
        for name, at in (("split", 0), ("array_split", 0), ("chunk", 0), ("vsplit", 0))
    },
    "hsplit": lambda a, parts: np.asarray(np.hsplit(a, int(parts))),
    "pixel_shuffle": _pixels,
    "pixel_unshuffle": _channels,
    **dict.fromkeys(
        ("interpolate", "upsample"),
        lambda a, scale_factor: np.kron(a, np.ones((1,) * 2 + (int(scale_factor),) * (a.ndim - 2))),
    ),
    "trace": lambda a, *at: np.trace(a, *map(int, at)),
    **dict.fromkeys(("scatter_add", "index_add"), _scattered),
    "renorm": _renorm,
    "multi_head_attention": _heads,
    "embedding": lambda y, w: w[np.asarray(y, dtype=int)],
    "multi_margin_loss": lambda a, y: (
        sum(
            np.maximum(1 - row[int(k)] + np.delete(row, int(k)), 0).sum()
            for row, k in zip(a, y, strict=True)
        )
        / a.size
    ),
    "convolve": np.convolve,
    "logcumsumexp": lambda a: np.log(np.cumsum(np.exp(a))),
    "gelu_tanh": lambda a: a * (1 + np.tanh(np.sqrt(2 / np.pi) * (a + 0.044715 * a**3))) / 2,
    "tri": lambda *sizes: np.tri(*map(int, sizes)),
    "tril": lambda a, k=0: np.tril(a, int(k)),
    "triu": lambda a, k=0: np.triu(a, int(k)),
    "transpose": lambda a, axes=None: np.transpose(a, None if axes is None else [*map(int, axes)]),
    "reshape": lambda a, s, order="C": np.reshape(a, np.asarray(s, dtype=int), order=order),
    "ravel": np.ravel,
    "flatten": lambda a, start=0, end=-1: np.reshape(
        a, (*a.shape[: int(start)], -1, *a.shape[int(end) % a.ndim + 1 :])
    ),
    "vec": lambda a: np.ravel(a, order="F"),
    "squeeze": np.squeeze,
    "broadcast_to": lambda a, s: np.broadcast_to(a, np.asarray(s, dtype=int)),
    "tensordot": lambda a, b, axes=2: np.tensordot(a, b, np.asarray(axes, dtype=int)),
    "moveaxis": lambda a, one, other: np.moveaxis(a, int(one), int(other)),
    "swapaxes": lambda a, one, other: np.swapaxes(a, int(one), int(other)),
    "diag": lambda a, k=0: np.diag(a, int(k)),
    "diagonal": lambda a, *at: np.diagonal(a, *map(int, at)),
    "unflatten": lambda a, axis, s: _unflatten(a, int(axis), [int(n) for n in np.ravel(s)]),
    **{f"avg_pool{n}d": _pool(n, np.mean) for n in (1, 2)},
    **{f"max_pool{n}d": _pool(n, np.max) for n in (1, 2)},
    "windows": lambda a, k, axis=-1, stride=1, dilation=1: _in_windows(
        a, axis % a.ndim, int(k), stride, dilation
    ),
    "fold": lambda a, n, axis=-1, stride=1, dilation=1: _fold(a, int(n), axis, stride, dilation),
    "unfold": lambda a, axis, k, stride=1: np.moveaxis(
        _in_windows(a, int(axis), int(k), int(stride), 1), int(axis) + 1, -1
    ),
    "sliding_window_view": lambda a, k, axis=0: np.moveaxis(
        _in_windows(a, axis, int(k), 1, 1), axis + 1, -1
    ),
    "conv1d": _conv,
    "conv2d": _conv,
    "conv": _conv,
    "conv_transpose1d": _conv_transpose,
    "conv_transpose2d": _conv_transpose,
    "group_norm": lambda a, groups=1: _normalised(
        a.reshape(len(a), int(groups), -1), (-1,)
    ).reshape(a.shape),
    "instance_norm": lambda a: _normalised(a, tuple(range(2, a.ndim))),
    "toeplitz": _toeplitz,
    "take_along_axis": lambda a, y, axis=0: np.take_along_axis(
        a, np.asarray(y, dtype=int), int(axis)
    ),
    "sort": lambda a, axis=-1: np.sort(a, int(axis)),
    "cumprod": lambda a, axis=0: np.cumprod(a, int(axis)),
    "cummax": lambda a, axis=0: np.maximum.accumulate(a, int(axis)),
    "cummin": lambda a, axis=0: np.minimum.accumulate(a, int(axis)),
    **dict.fromkeys(("top_k", "topk"), lambda a, k: np.sort(a)[::-1][: int(k)]),
    "kthvalue": lambda a, k: np.sort(a)[int(k) - 1],
    "take": lambda a, y, axis=None: np.take(a, np.asarray(y, dtype=int), axis),
    "nll_loss": lambda p, y: -np.mean(np.take_along_axis(p, np.asarray(y, int)[:, None], 1)),
    "arange": lambda n: np.arange(int(n)),
    "len": len,
    "mvlgamma": lambda a, p: _everywhere(
        lambda x: (
            sum(math.lgamma(x - j / 2) for j in range(int(p)))
            + int(p) * (int(p) - 1) / 4 * math.log(math.pi)
        )
    )(a),
    "imag": lambda a: np.imag(a) * 1.0,
    "angle": np.angle,
    "onehot": lambda y, k: (np.asarray(y)[..., None] == np.arange(int(k))) * 1.0,
    "log_softmax": lambda a, axis=None: np.log(_softmax(a, axis)),
    "logsumexp": _logsumexp,
}


def _weights(a: Array) -> Array:
    return np.cos(np.arange(1, a.size + 1)).reshape(a.shape)


#: What stands for undefined functions: no derivative is constant, no two entries weigh the same.
UNDEFINED: Functions = {
    "f": lambda a: np.sin(a) + a**2 / 3,
    "df": lambda a: np.cos(a) + 2 * a / 3,
    "Loss": lambda a: np.sum(_weights(a) * np.sin(a) + a**3 / 5),
    "dLoss": lambda a: _weights(a) * np.cos(a) + 3 * a**2 / 5,
}
FUNCTIONS: Functions = KNOWN | UNDEFINED


def value(text: str, names: Mapping[str, Array], functions: Functions = FUNCTIONS) -> Array:
    """The value of one expression."""
    return np.asarray(_value(ast.parse(text, mode="eval").body, names, FUNCTIONS | functions))


def _value(node: ast.expr, names: Mapping[str, Array], functions: Functions) -> Array:
    def at(child: ast.expr) -> Array:
        return _value(child, names, functions)

    match node:
        case ast.Constant(value=bool() | int() | float() as number):
            return number if isinstance(number, bool) else np.float64(number)
        case ast.Constant(value=str() as text):  # the subscripts of einsum
            return text
        case ast.Name(id=name):
            return names[name] if name in names else _NUMBERS[name]
        case ast.BinOp(left=left, op=op, right=right):
            return _BINARY[type(op)](at(left), at(right))
        case ast.Compare(left=left, ops=[ast.Eq()], comparators=[right]):
            return np.equal(at(left), at(right)) * 1.0
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -at(operand)
        case ast.Tuple(elts=parts):
            made = [at(part) for part in parts]
            return made if any(np.ndim(part) for part in made) else np.array(made)
        case ast.List(elts=parts):
            return np.array([at(part) for part in parts])
        case ast.Subscript(value=inner, slice=index):
            return at(inner)[_index(index, at)]
        case ast.Attribute(value=inner, attr="T"):
            return at(inner).T
        case ast.Attribute(value=inner, attr="mT"):
            return at(inner).swapaxes(-1, -2)
        case ast.Call(func=ast.Name(id="block"), args=[ast.List(elts=rows)]):
            return np.block([[at(part) for part in getattr(row, "elts", ())] for row in rows])
        case ast.Call(func=ast.Name(id=name), args=args, keywords=keywords):
            values = [at(arg) for arg in args]
            return functions[name](*values, **_options(keywords))
        case ast.Call(func=ast.Attribute(value=inner, attr=name), args=args, keywords=keywords):
            return functions[name](at(inner), *map(at, args), **_options(keywords))
    raise ValueError(f"not in the language: {ast.unparse(node)}")


def _index(node: ast.expr, at: Callable[[ast.expr], Array]) -> object:
    """An index of NumPy's: numbers, slices, labels and new axes."""
    match node:
        case ast.Tuple(elts=parts):
            return tuple(_index(part, at) for part in parts)
        case ast.Slice(lower=lower, upper=upper, step=step):
            return slice(*(None if n is None else int(at(n)) for n in (lower, upper, step)))
        case ast.Constant(value=None) | ast.Constant(value=builtins.Ellipsis):
            return node.value
    found = np.asarray(at(node)).astype(int)
    return found if found.ndim else int(found)


def _options(keywords: list[ast.keyword]) -> dict[str, int | bool]:
    return {str(k.arg): ast.literal_eval(k.value) for k in keywords}


def statements(program: str) -> list[tuple[str, str]]:
    """The assignments of a program as pairs of name and text; a bare expression is named L.

    >>> statements("Y = X @ W; L = sum(f(Y))"), statements("tr(X)")
    ([('Y', 'X @ W'), ('L', 'sum(f(Y))')], [('L', 'tr(X)')])
    """
    pairs = []
    for statement in ast.parse(program).body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=expression):
                pairs.append((name, ast.unparse(expression)))
            case ast.Expr(value=expression):
                pairs.append(("L", ast.unparse(expression)))
            case _:
                raise ValueError(f"not in the language: {ast.unparse(statement)}")
    return pairs


def run(
    program: str, names: Mapping[str, Array], functions: Functions = FUNCTIONS
) -> dict[str, Array]:
    """All names of a program with their values; one that is given is not computed anew."""
    values = dict(names)
    for name, text in statements(program):
        if name not in names:
            values[name] = value(text, values, functions)
    return values


def loss(program: str, names: Mapping[str, Array], functions: Functions = FUNCTIONS) -> float:
    """The value of the last assignment."""
    result = run(program, names, functions)[statements(program)[-1][0]]
    if result.size != 1 or result.ndim:
        raise ValueError(f"the loss has shape {result.shape}")
    return float(result)


def differences(
    program: str,
    names: Mapping[str, Array],
    wrt: str,
    structure: str | None = None,
    functions: Functions = FUNCTIONS,
) -> Array:
    """Central differences of the loss by every entry of an input, or of an assigned name.

    With a structure, entries that are the same number move together, and those that are always
    zero stay: the derivative is by the independent entries (Matrix Cookbook, section 2.8).
    """
    values = dict(names)
    if wrt not in values:
        values[wrt] = run(program, names, functions)[wrt]
    point = np.asarray(values[wrt])
    result = np.zeros(point.shape)
    step = 1e-5
    for index in np.ndindex(point.shape):
        if structure == "diagonal" and len(set(index)) > 1:
            continue
        moved = {index, index[::-1]} if structure == "symmetric" else {index}
        ends = []
        for sign in (1, -1):
            entries = point.copy()
            for entry in moved:
                entries[entry] += sign * step
            ends.append(loss(program, values | {wrt: entries}, functions))
        result[index] = (ends[0] - ends[1]) / (2 * step)
    return result
