"""Index maps: slices, arrays put together, sums along an axis and labels, and their gradients."""

from __future__ import annotations

import numpy as np
import pytest
from _reference import differences, run, value

from matderiv import check, derive, gradient
from matderiv.errors import InputError, ShapeError
from matderiv.expression.assumptions import read_shaped
from matderiv.expression.known_shapes import settled
from matderiv.expression.parse import parse

#: Programs, what each is differentiated by, and the sizes of its inputs in order. A size of labels
#: stands after their name: y<3.
PROGRAMS = [
    ("sum(G*X[1:])", "X", "G=1x2 X=2x2"),
    ("sum(X[:, 1:]**2)", "X", "X=3x2"),
    ("sum(X[::2]**2)", "X", "X=5x1"),
    ("sum(G*X[1::2])", "X", "G=2x2 X=5x2"),
    ("sum(X[..., -1]*y)", "X", "X=3x4 y=3"),
    ("sum(tanh(X[0]))", "X", "X=3x2"),
    ("sum(A[:, 0]*A[:, -1])", "A", "A=3x1"),
    ("sum(x[:-1]*x[1:])", "x", "x=4"),
    ("x[2]*x[-1]", "x", "x=3"),
    ("sum(X[1:, :-1]**2)", "X", "X=3x3"),
    ("sum(X[:, None]*Y)", "X", "X=2x3 Y=2x4x3"),
    ("sum(X[1:, None, 0]*Y)", "X", "X=3x2 Y=2x1"),
    ("sum(tanh((a @ A)[:, None])*b)", "A", "a=3 A=3x2 b=4"),
    ("sum((A @ a)[None]*B)", "a", "A=3x2 a=2 B=4x3"),
    ("sum((a @ A)[..., None, None]*B)", "a", "a=2 A=2x3 B=3x1x4"),
    ("sum((a @ b)[None]*c)", "b", "a=3 b=3 c=4"),
    ("sum(X[[2, 0]]*G)", "X", "X=3x2 G=2x2"),
    ("sum(sin(concatenate((A, B))))", "B", "A=2x3 B=1x3"),
    ("sum(G*concatenate((A, B, A), axis=1))", "A", "G=2x5 A=2x2 B=2x1"),
    ("sum(G*vstack((A, B)))", "A", "G=3x2 A=1x2 B=2x2"),
    ("g @ hstack((x, y))", "y", "g=5 x=2 y=3"),
    ("sum(G*stack((x, y), axis=1))", "x", "G=3x2 x=3 y=3"),
    ("sum(block([[A, B], [C, D]])**2)", "C", "A=2x2 B=2x1 C=1x2 D=1x1"),
    ("sum(([[1, a], [-a, 1]] @ x)**2)", "a", "a= x=2"),
    ("sum([a, b, a]*x)", "a", "a= b= x=3"),
    ("sum(G*roll(X, 1, axis=1))", "X", "G=2x3 X=2x3"),
    ("g @ roll(x, 2)", "x", "g=4 x=4"),
    ("sum(G*flip(X, axis=0))", "X", "G=3x1 X=3x1"),
    ("sum(x*flip(x))", "x", "x=3"),
    ("sum(G*cumsum(X, axis=0))", "X", "G=3x2 X=3x2"),
    ("sum(exp(cumsum(x)))", "x", "x=3"),
    ("sum(diff(x)**2)", "x", "x=5"),
    ("sum(G*diff(X, axis=0))", "X", "G=2x2 X=3x2"),
    ("sum(G*tril(X, -1))", "X", "G=3x2 X=3x2"),
    ("sum(exp(triu(X)))", "X", "X=2x3"),
    ("g @ repeat(x, 2)", "x", "g=6 x=3"),
    ("g @ tile(x, 3)", "x", "g=6 x=2"),
    ("g @ pad(x, (1, 2))", "x", "g=5 x=2"),
    ("sum(G*pad(X, ((0, 1), (2, 0))))", "X", "G=3x4 X=2x2"),
    ("mean(logsumexp(X, axis=1) - X[arange(len(y)), y])", "X", "X=3x2 y<2=3"),
    ("nll_loss(log_softmax(X, axis=1), y)", "X", "X=2x3 y<3=2"),
    ("p = log_softmax(X, axis=1); nll_loss(p, y)", "X", "X=3x3 y<3=3"),
    ("nll_loss(log_softmax(A[x] @ W, axis=1), y)", "A", "A=4x2 x<4=3 W=2x3 y<3=3"),
    ("sum(G*W[y])", "W", "G=4x2 W=3x2 y<3=4"),
    ("sum(G*X[:, y])", "X", "G=2x3 X=2x4 y<4=3"),
    ("sum(tanh(onehot(y, K) @ W)*V)", "W", "y<2=3 W=2x4 V=3x4"),
    ("sum(take(W, y, axis=0)**2)", "W", "W=3x2 y<3=2"),
    ("sum(relu(1 + X - X[arange(len(y)), y][:, None]))", "X", "X=2x3 y<3=2"),
    ("Y = X @ W; sum(sin(Y[:, :2])*Y[:, 2:])", "W", "X=2x3 W=3x4"),
    ("inv(X)[0, 1]", "X", "X=2x2"),
    ("sum(G*X[:, 1:, :])", "X", "G=2x2x2 X=2x3x2"),
    ("sum(G*X[1])", "X", "G=3x2 X=2x3x2"),
    ("sum(cumsum(X, axis=1)**2)", "X", "X=2x3x2"),
    ("sum(g*reshape(X, (6,)))", "X", "g=6 X=2x3"),
    ("sum(G*reshape(X, (3, -1)))", "X", "G=3x2 X=2x3"),
    ("sum(G*exp(reshape(X, (3, 1, 2))))", "X", "G=3x1x2 X=2x3"),
    ("sum(softmax(reshape(X, (2, 4)), axis=1)*G)", "X", "X=8x1 G=2x4"),
    ("sum(g*ravel(X)**2)", "X", "g=6 X=1x2x3"),
    ("g @ vec(X @ W)", "W", "g=6 X=2x4 W=4x3"),
    ('sum(G*reshape(X, (2, 3), order="F"))', "X", "G=2x3 X=3x2"),
    ("sum(swapaxes(reshape(X @ W, (2, 3, 2, 1)), 1, 2)*R)", "W", "X=2x3x3 W=3x2 R=2x2x3x1"),
    ("sum(G*kron(A, B))", "A", "G=8x3 A=2x1 B=4x3"),
    ("sum(kron(A, sin(B))**2)", "B", "A=2x2 B=1x3"),
    ("sum(g*kron(x, y))", "y", "g=6 x=2 y=3"),
    ("sum(g*squeeze(X, axis=1))", "X", "g=3 X=3x1"),
    ("sum(G*broadcast_to(x, (2, 3)))", "x", "G=2x3 x=3"),
    ("sum(G*diag(x, 1))", "x", "G=3x3 x=2"),
    ("sum(G*diag(x, -1))", "x", "G=4x4 x=3"),
    ("sum(g*diagonal(X, 1))", "X", "g=2 X=3x3"),
    ('sum(G*einsum("...i,ij->...j", X, W))', "W", "G=2x3x4 X=2x3x2 W=2x4"),
    ('sum(einsum("...ij,...kj->...ik", X, Y)**2)', "X", "X=2x3x1 Y=2x2x1"),
    ('sum(G*einsum("...ij->...ji", X))', "X", "G=2x1x3 X=2x3x1"),
    ('sum(G*einsum("ji,...i->...j", W, X))', "X", "G=2x3x4 X=2x3x2 W=4x2"),
    ('sum(G*einsum("...i,i->...i", X, a))', "a", "G=2x3x4 X=2x3x4 a=4"),
    ("sum(tensordot(A, B, 1)**2)", "A", "A=2x3 B=3x1"),
    ("sum(R*sin(unflatten(X, -1, (2, 4))))", "X", "R=3x2x4 X=3x8"),
    ("sum(R*unflatten(X, 0, (2, -1)))", "X", "R=2x3x1 X=6x1"),
    ("sum(g*avg_pool1d(x, 2))", "x", "g=3 x=6"),
    ("sum(R*avg_pool2d(X, 2))", "X", "R=3x1x2 X=3x2x4"),
    ("sum(G*max_pool1d(X, 3))", "X", "G=2x2 X=2x6"),
    ("sum(R*max_pool2d(X, 2))", "X", "R=2x1x2 X=2x2x4"),
    ("sum(sin(windows(x, 3)) @ w)", "x", "x=5 w=3"),
    ("sum(R*windows(X, 2, axis=0))", "X", "R=2x2x4 X=3x4"),
    ("sum(R*windows(X, 2, axis=1, stride=3, dilation=2))", "X", "R=2x2x2 X=2x7"),
    ("sum(windows(X, 1)**2)", "X", "X=2x1"),
    ("g @ fold(Y, 5)", "Y", "g=5 Y=3x3"),
    ("sum(tanh(fold(Y, 6, axis=1, stride=2, dilation=1))*G)", "Y", "Y=2x2x3 G=2x6"),
    ("sum(R*unfold(X, 0, 2, 1))", "X", "R=3x2x2 X=4x2"),
    ("sum(sliding_window_view(x, 2)**2)", "x", "x=4"),
    ("sum(exp(conv1d(x, w)))", "w", "x=5 w=2"),
    ("sum(exp(conv1d(x, w, stride=2, padding=1)))", "x", "x=4 w=3"),
    ("sum(R*conv1d(X, W))", "X", "R=8x4x6 X=8x3x7 W=4x3x2"),
    ("sum(conv1d(X, W, dilation=2)**2)", "W", "X=1x2x5 W=3x2x1"),
    ("sum(conv2d(X, W)**2)", "X", "X=9x7 W=2x3"),
    ("Y = conv2d(X, W, stride=2, padding=1); sum(Y**2)", "W", "X=9x8 W=2x3"),
    ("sum(R*conv2d(X, W))", "W", "R=1x4x8x6 X=1x3x9x10 W=4x3x2x5"),
    ("sum(G*avg_pool1d(X, 3, stride=1, padding=1))", "X", "G=2x4 X=2x4"),
    ("sum(R*max_pool2d(X, 2, stride=1))", "X", "R=2x1x2 X=2x2x3"),
    ("tr(A @ toeplitz(t))", "t", "A=3x3 t=3"),
    ("sum(G*take_along_axis(X, Y, axis=1))", "X", "G=2x4 X=2x3 Y<3=2x4"),
    ("sum(take_along_axis(X, Y, axis=0)**2)", "X", "X=3x2 Y<3=2x2"),
    ("sum(R*take_along_axis(X, Y, axis=-1))", "X", "R=2x2x3 X=2x2x4 Y<4=2x2x3"),
    ("g @ take_along_axis(x, y)", "x", "g=4 x=3 y<3=4"),
    ("sum(g*sort(x)**2)", "x", "g=4 x=4"),
    ("sum(G*sort(X, axis=0))", "X", "G=3x2 X=3x2"),
    ("sum(G*sort(sin(X)))", "X", "G=2x4 X=2x4"),
    ("sum(top_k(x, 2)**2)", "x", "x=5"),
    ("kthvalue(x, 3)", "x", "x=4"),
    ("sum(g*cummax(x))", "x", "g=5 x=5"),
    ("sum(G*cummax(X, axis=1))", "X", "G=2x4 X=2x4"),
    ("sum(g*cummin(x))", "x", "g=4 x=4"),
    ("sum(g*cumprod(x))", "x", "g=4 x=4"),
    ("sum(G*cumprod(X, axis=1))", "X", "G=2x3 X=2x3"),
    ("sum(R*flip(X))", "X", "R=2x3x2 X=2x3x2"),
    ("sum(G*tile(X, (2, 3)))", "X", "G=4x6 X=2x2"),
    ("sum(G*tile(x, (2, 1)))", "x", "G=2x3 x=3"),
    ("sum(G*pad(X, 1, mode='edge'))", "X", "G=4x5 X=2x3"),
    ("sum(G*split(X, 2, axis=1)[1])", "X", "G=3x2 X=3x4"),
    ("sum(R*array_split(X, 3))", "X", "R=3x1x2 X=3x2"),
    ("sum(R*interpolate(X, scale_factor=2))", "X", "R=1x2x2x6 X=1x2x1x3"),
    ("trace(A @ B, -1)", "A", "A=3x2 B=2x3"),
    ("sum(scatter_add(X, y, Y)**2)", "Y", "X=3x2 y<3=4 Y=4x2"),
    ("sum(scatter_add(X, Y, B)**3)", "B", "X=2x3 Y<2=4x3 B=4x3"),
    ("sum(G*renorm(X, 2, 1, 0.5))", "X", "G=2x3 X=2x3"),
    ("sum(g*convolve(x, w))", "w", "g=6 x=4 w=3"),
    ("sum(g*logcumsumexp(x))", "x", "g=4 x=4"),
    ("Q = unflatten(X @ W, -1, (2, 3)); sum(softmax(Q @ Q.mT, axis=-1)*R)", "W", "X=4x5 W=5x6 R=4x2x2"),
]  # fmt: skip
#: Programs whose sources name sizes in other ways than they do.
OTHERS = [
    ("sum(g*median(X, axis=1))", "X", "g=2 X=2x4"),
    ("sum(R*pixel_shuffle(X, 2))", "X", "R=1x4x6 X=4x2x3"),
    ("sum(R*pixel_unshuffle(X, 3))", "X", "R=9x1x2 X=1x3x6"),
    ("sum(G*diagonal(A, 1, 1, 2))", "A", "G=2x2 A=2x3x3"),
    ("sum(g*trace(A, 0, 0, 2))", "A", "g=2 A=3x2x3"),
    ("multi_margin_loss(X, y)", "X", "y<4=3 X=3x4"),
    ("sum(G*multi_head_attention(A, B, C, 2, 3))", "B", "G=3x4 A=3x6 B=5x6 C=5x4"),
    ("sum(embedding(y, W)**2)", "W", "W=4x2 y<4=3"),
]
TEXTS = [text for text, _, _ in PROGRAMS]

Inputs = dict[str, np.ndarray]


def drawn(words: str) -> tuple[Inputs, dict[str, tuple[int, ...]]]:
    """Random inputs of the given shapes, labels where a bound is given."""
    rng = np.random.default_rng(3)
    values: Inputs = {}
    for word in words.split():
        name, _, sizes = word.partition("=")
        name, _, bound = name.partition("<")
        shape = tuple(int(size) for size in sizes.split("x") if size)
        if bound:
            values[name] = np.asarray(rng.integers(0, int(bound), shape), dtype=float)
        else:
            values[name] = np.asarray(rng.uniform(-1, 1.5, shape))
    return values, {name: array.shape for name, array in values.items()}


def result(text: str, names: Inputs) -> np.ndarray:
    """The value of a formula of NumPy's, K being the number of labels to choose from."""
    return value(text, {**names, "K": np.asarray(2)})


@pytest.mark.parametrize(("text", "wrt", "words"), [*PROGRAMS, *OTHERS])
def test_gradients_are_those_of_central_differences(text: str, wrt: str, words: str) -> None:
    """The formula as NumPy reads it, the call and the code agree with them; the proof holds."""
    values, shapes = drawn(words)
    found = gradient(text, wrt=wrt, shapes=shapes)
    assert found.verdict.status == "equal"
    program = text.replace("K)", "2)")
    wanted = differences(program, values, wrt)
    names = run(program, values)
    for name, formula in found.lines.items():  # values and gradients that it is told with
        names[name] = made = result(formula, names)
    np.testing.assert_allclose(np.broadcast_to(made, wanted.shape), wanted, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(found(**values), wanted, rtol=1e-6, atol=1e-6)
    scope: dict[str, object] = {}
    exec(found.code("numpy"), scope)  # noqa: S102 - the package's own text
    whole = {n: a.astype(int) if f"{n}<" in words else a for n, a in values.items()}
    ours = scope["gradient"](*whole.values())  # type: ignore[operator]
    np.testing.assert_allclose(np.broadcast_to(ours, wanted.shape), wanted, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(("text", "wrt", "words"), PROGRAMS, ids=TEXTS)
def test_printed_formulas_are_read_again_and_are_right(text: str, wrt: str, words: str) -> None:
    """A program and its gradient parse, and check proves the gradient for all sizes."""
    _, shapes = drawn(words)
    program, _, known = read_shaped(text, shapes=shapes)
    clear = settled(program, known)
    assert settled(parse(clear.source()), known) == clear
    lines = gradient(text, wrt=wrt, shapes=shapes).lines.items()
    claim = "; ".join(f"{name} = {formula}" for name, formula in lines)
    assert check(text, wrt, claim, shapes=shapes).status == "right"


@pytest.mark.parametrize(
    ("text", "wrt", "wrong"),
    [
        ("sum(x[1:]**2)", "x", "2*pad(x[1:], (0, 1))"),
        ("sum(x[:-1]*x[1:])", "x", "pad(x[:-1], (0, 1)) + pad(x[1:], (1, 0))"),
        ("sum(X[:, 0]*y)", "X", "outer(y, eye(D)[1])"),
        ("g @ cumsum(x)", "x", "cumsum(g)"),
        ("g @ roll(x, 1)", "x", "roll(g, 1)"),
        ("sum(G*tril(X))", "X", "tril(G, -1)"),
        ("sum(concatenate((A, B))**2)", "A", "2*B"),
        ("mean(x[1:]**2)", "x", "2*pad(x[1:], (1, 0))/N"),
        ("mean(logsumexp(X, axis=1) - X[arange(n), y])", "X", "softmax(X, axis=1)/n - onehot(y, N)"),
        ("sum(G*W[y])", "W", "onehot(y, M).T @ G + W"),
        ("sum(g*vec(X))", "X", "reshape(g, (N, D))"),
        ("sum(g*ravel(X))", "X", "reshape(g, (D, N)).T"),
        ("tr(kron(X, X))", "X", "tr(X)*eye(N)"),
        ("sum(G*kron(A, B))", "A", "sum(reshape(G, (N, D, M, K))*B[:, None, :, None], axis=(1, 3))"),
        ("sum(f(conv1d(x, w)))", "w", "windows(x, D).T @ df(windows(x, D) @ w)[::-1]"),
        ("sum(windows(x, 3) @ w)", "x", "sum(windows(x, 3), axis=1)"),
    ],
)  # fmt: skip
def test_a_wrong_claim_is_refuted(text: str, wrt: str, wrong: str) -> None:
    """A shift, a sign, a side or a factor that is wrong is seen."""
    assert check(text, wrt, wrong).status == "wrong"


@pytest.mark.parametrize(
    ("text", "wrt", "formula"),
    [
        ("sum(x[1:]**2)", "x", "2*pad(x[1:], (1, 0))"),
        ("sum(concatenate((A, B))**2)", "A", "2*A"),
        ("g @ cumsum(x)", "x", "cumsum(g[::-1])[::-1]"),
        ("M[1, 2]", "M", "outer(eye(N)[1], eye(D)[2])"),
        ("nll_loss(log_softmax(X, axis=1), y)", "X", "(softmax(X, axis=1) - onehot(y, D))/N"),
        ("sum(G*W[y])", "W", "onehot(y, M).T @ G"),
        ("sum(G*roll(X, 1, axis=0))", "X", "roll(G, -1, axis=0)"),
        ("g @ tile(x, 3)", "x", "g[:K] + g[K:2*K] + g[2*K:]"),
        ("sum(diff(x)*diff(y))", "y", "pad(x[1:] - x[:-1], (1, 0)) - pad(x[1:] - x[:-1], (0, 1))"),
        ("sum(x[1:m]*y)", "x", "pad(y, (1, N - m))"),
        ("sum(x[m:k]*y)", "x", "pad(y, (m, N - k))"),
        ("sum(x[:n-1]*y[1:])", "x", "pad(y[1:], (0, N - n + 1))"),
        ("sum(x[::2]*y[:3])", "y", "pad(x[::2], (0, N - 3))"),
        ("sum(g*ravel(X))", "X", "reshape(g, (N, D))"),
        ("sum(g*vec(X))", "X", "reshape(g, (D, N)).T"),
        ("sum(exp(ravel(X)))", "X", "exp(X)"),
        ("norm(vec(X))", "X", "X/norm(X)"),
        ("sum(x[x > 0])", "x", "step(x)"),
        ("mean(X[M])", "X", "M/sum(M)"),
        ("g @ windows(x, K) @ w", "x", "fold(outer(g, w), P, axis=0)"),
        ("g @ windows(x, K) @ w", "w", "g @ windows(x, K)"),
    ],
)
def test_formulas_are_short(text: str, wrt: str, formula: str) -> None:
    """Gradients are written as people write them."""
    assert str(gradient(text, wrt=wrt)) == formula


def test_a_trace_of_a_kronecker_product_is_a_product_of_traces() -> None:
    """A claim that takes tr(A ⊗ B) apart is proved for all sizes."""
    assert check("tr(kron(X, X))", "X", "2*tr(X)*eye(N)").status == "right"


@pytest.mark.parametrize("method", ["elementwise", "index", "differential", "slice"])
@pytest.mark.parametrize(
    ("text", "wrt"),
    [
        ("sum(f(X[1:]))", "X"),
        ("sum(f(concatenate((A, B))))", "B"),
        ("sum(f(W[y]))", "W"),
        ("sum(f(vec(X)))", "X"),
    ],
)
def test_pages_are_proved_and_written(text: str, wrt: str, method: str) -> None:
    """Every method has its page, in both languages."""
    found = derive(text, wrt=[wrt], method=method)
    assert found.proof.equalities > 0
    for language in ("en", "zh"):
        assert found.markdown(lang=language)


@pytest.mark.parametrize(
    ("text", "shapes", "message"),
    [
        ("sum(x[5])", {"x": (3,)}, "has 3 entries there, and needs 6"),
        ("sum(x[3:])", {"x": (3,)}, "has 3 entries there, and needs 4"),
        ("sum(x[:, 0])", {"x": (3,)}, "its only axis is 0"),
        ("sum(x[::0])", {}, "a whole number other than 0"),
        ("sum(x[0.5])", {}, "0.5 is no index"),
        ("sum(y*x[x > 0])", {}, "multiply by the condition"),
        ("sum(softmax(X[mask]))", {}, "how many entries a mask takes is no size"),
        ("sum(X[M]*Y[mask])", {}, "write one mask, or the product of two"),
        ("sum(split(X, 2))", {"X": (3, 2)}, "are no rows of 2"),
        (
            "sum(torch.split(X, 2)[0])",
            {"X": (6, 2)},
            "write split(X, n) with the number n of parts",
        ),
        ("sum(X.split(2)[0])", {"X": (6, 2)}, "write split(X, n) with the number n of parts"),
        ("sum(F.interpolate(X, 2))", {"X": (1, 2, 3)}, "interpolate(X, scale_factor=2)"),
        ("sum(upsample(X))", {"X": (1, 2, 3)}, "interpolate(X, scale_factor=2)"),
        ("sum(pixel_shuffle(X, 2))", {"X": (4, 4)}, "channels, rows and columns, here 2 axes"),
        ("sum(pad(x, 1, mode='mirror'))", {}, 'zeros, or "edge"'),
        ("sum(trace(A, 0, 1, 1))", {"A": (2, 3, 3)}, "a diagonal takes two of them"),
        ("sum(renorm(X, 1, 0, 2))", {}, "norms of order 2"),
        ("mean(X[mask])", {"X": (2, 3), "mask": (2,)}, "the mask has other axes"),
        ("sum([[1, 2], [3]] @ x)", {}, "is ragged: row 0 has 2 entries, row 1 1"),
        ("sum(roll(X, 1))", {}, "say along which axis"),
        ("sum(concatenate((A, x)))", {"x": (3,)}, "have as many axes"),
        ("sum(concatenate((A, B)))", {"A": (2, 3), "B": (2, 2)}, "only along axis 0"),
        ("sum(concatenate((A, B), axis=2))", {}, "its axes are 0 and 1"),
        ("y = 2*x; sum(W[y])", {}, "labels are an input"),
        ("sum(X[arange(n), y])", {"X": (3, 2), "y": (2,)}, "a label for each row"),
        ("sum(tril(x))", {"x": (3,)}, "a triangle is that of a matrix"),
        ("sum(pad(x, -1))", {}, "zeros stand before and after"),
        ("sum(x[:m]*y)", {"x": (3,), "y": (4,)}, "ends after the last one"),
        ("sum(reshape(X, (4, 2)))", {"X": (2, 3)}, "is 6 entries, and the new sizes hold 8"),
        ("sum(reshape(X, (-1, -1)))", {}, "one size at most is -1"),
        ("sum(reshape(X, (4, -1)))", {"X": (2, 3)}, "6 entries are no rows of 4"),
        ("sum(squeeze(X, axis=1))", {"X": (2, 3)}, "only an axis of a single entry goes"),
        ("sum(unflatten(X, 1, (3, 2)))", {"X": (2, 8)}, "8 entries along axis 1 are no rows of 6"),
        ("sum(unflatten(X, 2, (3, 2)))", {"X": (2, 8)}, "its axes are 0 and 1"),
        ("sum(max_pool1d(X, 3))", {"X": (2, 8)}, "8 entries along axis 1 are no rows of 3"),
        ("sum(max_pool1d(X, 3))", {}, "declare its shape with --shape"),
        ("sum(windows(x, 6))", {"x": (4,)}, "has 4 entries there, and needs 6"),
        ("sum(windows(x, 2, stride=0))", {}, "stride and dilation are whole numbers from 1"),
        ("sum(windows(x))", {}, "the size of its windows: windows(x, 3)"),
        ("sum(fold(X, 5))", {"X": (2, 3)}, "5 entries have 3 such windows"),
        ("sum(fold(x, 5))", {"x": (3,)}, "windows and their entries are two axes"),
        ("sum(conv1d(x, w))", {"x": (4,), "w": (6,)}, "leaves no entry"),
        ("sum(conv2d(X, w))", {}, "2 and 2 are a plain array and its kernel"),
        (
            "sum(conv2d(X, W))",
            {"X": (2, 3, 5, 5), "W": (4, 2, 3, 3)},
            "X is 2×3×5×5 and W is 4×2×3×3",
        ),
        ("sum(conv1d(x, w, stride=(1, 2)))", {}, "stride is a whole number from 1"),
        ("sum(max_pool2d(X, 2, padding=1))", {}, "leave padding out"),
        ("sum(take_along_axis(X, Y))", {}, "say along which axis"),
        ("Y = 2*A; sum(take_along_axis(X, Y, axis=1))", {}, "labels are an input"),
        ("sum(take_along_axis(X, Y, axis=1))", {"X": (2, 3), "Y": (4, 2)}, "sizes must be equal"),
        ("sum(sort(X, axis=2))", {"X": (2, 3)}, "runs along the last, axis=-1"),
        ("sum(cumprod(X))", {"X": (2, 3)}, "say along which axis"),
        ("sum(top_k(x, 5))", {"x": (3,)}, "and needs 5"),
        ("sum(top_k(X, 2))", {"X": (3, 2)}, "it is that of a vector"),
        ("kthvalue(x, 0)", {}, "places are counted from 1"),
        ("sum(kron(A, x))", {}, "both are vectors, or both are matrices"),
        ('sum(einsum("...i,ij->...j", X, W))', {"W": (2, 3, 4)}, "and 2 axes are named"),
        ('sum(einsum("...i->i", X))', {}, "an ellipsis stands after the arrow too"),
    ],
)
def test_what_does_not_fit_is_refused(
    text: str, shapes: dict[str, tuple[int, ...]], message: str
) -> None:
    """The reason is one line."""
    with pytest.raises(InputError) as refused:
        gradient(text, shapes=shapes)
    assert message in str(refused.value)


@pytest.mark.parametrize("size", [1, 2, 4, 5])
def test_the_median_is_one_entry_or_the_mean_of_two(size: int) -> None:
    """Its gradient is 1, or 1/2 and 1/2, at the entries in the middle."""
    found = gradient("exp(median(x))", shapes={"x": (size,)})
    values = {"x": np.random.default_rng(size).normal(size=size)}
    wanted = differences("exp(median(x))", values, "x")
    np.testing.assert_allclose(found(**values), wanted, rtol=1e-6, atol=1e-6)


def test_equal_entries_are_sorted_as_they_stand() -> None:
    """At ties there is no gradient by the entries, but the values are right."""
    x = np.array([2.0, 1, 2, 1])
    for program, wanted in (("g @ sort(x)", np.sort(x)), ("g @ cummax(x)", [2.0, 2, 2, 2])):
        np.testing.assert_array_equal(gradient(program, wrt="g")(g=np.zeros(4), x=x), wanted)


def test_steps_of_ranks_are_no_kinks() -> None:
    """A page of a sorted vector says that its entries differ, and nothing that never holds."""
    page = derive("sum(f(sort(x)))", wrt=["x"]).markdown()
    assert "where the program can be differentiated" in page
    assert page.count("no entry of") == 1


def test_labels_are_whole_numbers_that_name_a_row() -> None:
    """A call with others says so, and labels have no gradient."""
    found = gradient("sum(G*W[y])", wrt="W")
    values = {"G": np.ones((2, 3)), "W": np.ones((4, 3))}
    for labels, message in (([0, 1.5], "whole numbers"), ([0, 4], "go from 0 to 3")):
        with pytest.raises(InputError, match=message):
            found(**values, y=labels)
    with pytest.raises(InputError, match="holds labels"):
        gradient("sum(G*W[y])", wrt="y")


@pytest.mark.parametrize("program", ["ravel(X) @ ravel(Y)", "sum(kron(A, B)*kron(C, D))"])
def test_products_of_sizes_are_not_guessed(program: str) -> None:
    """N·D = K·M leaves the sizes open: a gradient for equal ones would be a silent guess."""
    with pytest.raises(ShapeError, match="declare the shapes"):
        gradient(program)
    assert gradient("ravel(X) @ ravel(Y)", shapes={"X": (2, 3), "Y": (3, 2)}, wrt="X")


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("sum(exp(X[M]))", "sum(exp(X)*M)"),
        ("mean(3*log(X[M])**2)", "sum(3*log(X)**2*M)/sum(M)"),
        ("sum((x[x > 0] - alpha)**2)", "sum((x - alpha)**2*(x > 0))"),
        ("sum(A[M]*B[M])", "sum(A*B*M)"),
        ("x[argmax(x)]**2", "max(x)**2"),
        ("x[argmin(x)]", "min(x)"),
        ("sum(x[argsort(x)]*g)", "sum(sort(x)*g)"),
        ("sum(X[arange(N), argmax(X, axis=1)])", "sum(max(X, axis=1))"),
        ("eigh(A)[0][1]", "eigvalsh(A)[1]"),
        ("sum(log(eigh(A)[0]))", "logdet(A)"),
        ("sum(svd(X)[1])", "sum(svdvals(X))"),
        ("svd(X)[1][0]", "svdvals(X)[0]"),
        ("2*slogdet(A)[1]", "2*logdet(A)"),
        ("np.linalg.slogdet(A)[1] + np.linalg.eigh(A)[0][1]", "logdet(A) + eigvalsh(A)[1]"),
        ("gelu(x, approximate='none') @ y", "gelu(x) @ y"),
        ("gelu(x, approximate='tanh') @ y", "gelu_tanh(x) @ y"),
        ("polygamma(1, x) @ y", "trigamma(x) @ y"),
        ("mse(Y, T) + bce(P, T)", "mse_loss(Y, T) + binary_cross_entropy(P, T)"),
        ("mse = mse(Y, T); sqrt(mse)", "mse = mse_loss(Y, T); sqrt(mse)"),
    ],
)
def test_other_ways_to_write_the_same(text: str, means: str) -> None:
    """Both texts are one program."""
    assert parse(text).assignments == parse(means).assignments
