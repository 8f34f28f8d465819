"""Backward functions of whole programs: right ones pass, and of a wrong one the mistake is named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from matderiv.errors import InputError
from matderiv.testing import check_backward

LAYERS = "H = relu(X @ W + b); Y = H @ V; L = Loss(Y)"
ATTENTION = "P = softmax(Q @ K.T, axis=1); O = P @ V; L = Loss(O)"
RIDGE = "L = sum((X @ W - T)**2) + lam*sum(W**2)"
NORM = "C = X - mean(X, axis=1, keepdims=True); R = sqrt(mean(C**2, axis=1, keepdims=True) + eps); Y = C/R; L = Loss(Y)"
TWICE = "H = tanh(X @ W); Y = H @ V + H @ U; L = Loss(Y)"
ENTROPY = "Z = X @ W; L = sum(logsumexp(Z, axis=1)) - sum(T*Z)"


def layers(X: Any, W: Any, b: Any, V: Any, H: Any, dY: Any) -> Any:
    """A network of two layers, by hand."""
    dZ = dY @ V.T * (X @ W + b > 0)
    return {"X": dZ @ W.T, "W": X.T @ dZ, "b": dZ.sum(axis=0), "V": H.T @ dY}


def attention(Q: Any, K: Any, V: Any, P: Any, dO: Any) -> Any:
    """Attention, by hand."""
    dP = dO @ V.T
    dZ = P * (dP - (dP * P).sum(axis=1, keepdims=True))
    return dZ @ K, dZ.T @ Q, P.T @ dO


def norm(C: Any, R: Any, dY: Any) -> Any:
    """Layer normalisation, by hand."""
    Y = C / R
    centred = dY - dY.mean(axis=1, keepdims=True)
    return (centred - Y * (dY * Y).mean(axis=1, keepdims=True)) / R


RIGHT: list[tuple[Any, Callable[..., Any], str, Any]] = [
    (lambda X, W, b, V: np.maximum(X @ W + b, 0) @ V, layers, LAYERS, None),
    (lambda P, V: {"O": P @ V}, attention, ATTENTION, None),
    (None, norm, NORM, "X"),
    (
        lambda X, W, T, lam: np.sum((X @ W - T) ** 2) + lam * np.sum(W**2),
        lambda X, W, T, lam: 2 * (X.T @ (X @ W - T) + lam * W),
        RIDGE,
        "W",
    ),
    (None, lambda W: np.sum(W**2), RIDGE, "lam"),
    (None, lambda X, H, V, U, dY: X.T @ (dY @ (V + U).T * (1 - H**2)), TWICE, "W"),
    (None, lambda S: np.linalg.inv(S).T, "logdet(S)", "S"),
    (None, lambda X: 2 * X @ np.linalg.inv(X.T @ X), "logdet(X.T @ X)", "X"),  # where it is defined
    (None, lambda X, w, y: 2 * X.T @ (X @ w - y) / len(y), "mean((X @ w - y)**2)", "w"),
]


@pytest.mark.parametrize(("forward", "backward", "program", "wrt"), RIGHT)
def test_right_functions_pass(
    forward: Any, backward: Callable[..., Any], program: str, wrt: Any
) -> None:
    """Several inputs, upstream gradients and values are given by name, at many shapes."""
    assert check_backward(forward, backward, program, wrt)


MUTANTS: list[tuple[Callable[..., Any], str, str, str]] = [
    (lambda X, W, b, dY, V: X.T @ (dY @ V * (X @ W + b > 0)), LAYERS, "W", "V lost its transpose: it must be V.T."),
    (lambda X, W, b, dY, V: dY @ V.T * (X @ W + b > 0), LAYERS, "b", "A sum is missing"),
    (lambda X, dY, V: X.T @ (dY @ V.T), LAYERS, "W", "A factor of the chain rule is missing: dH must be dH*step(X @ W + b)."),
    (lambda H, dY: H @ dY, LAYERS, "V", "H lost its transpose: it must be H.T."),
    (lambda X, W, T: X.T @ (X @ W - T), RIDGE.replace("lam*sum(W**2)", "sum(W)*0"), "W", "It looks like 1/2 times the gradient."),
    (lambda X, W, T: 2 * X.T @ (X @ W - T), RIDGE, "W", "W is used more than once, and what one use adds is left out"),
    (lambda X, W, T, lam: 2 * X.T @ (X @ W - T) + lam * W, RIDGE, "W", "A number is wrong"),
    (lambda X, H, V, dY: X.T @ (dY @ V.T * (1 - H**2)), TWICE, "W", "H is used more than once, and what one use adds is left out: dY @ V.T must be dY @ V.T + dY @ U.T."),
    (lambda X, H, V, U, dY: X.T @ (dY @ (V + U).T * H), TWICE, "W", "The derivative is left out"),
    (lambda P, K, dO, V: P * (dO @ V.T) @ K, ATTENTION, "Q", "A term is missing"),
    (lambda P, K, dP: P * (dP - (dP * P).sum()) @ K, ATTENTION, "Q", "A sum runs along the wrong axis"),
    (lambda P, dO: P @ dO, ATTENTION, "V", "P lost its transpose"),
    (lambda dY, R: (dY - dY.mean(axis=1, keepdims=True)) / R, NORM, "X", "C is used more than once, and what one use adds is left out"),
    (lambda C, R, dY: (dY - C / R * (dY * C / R).mean(axis=1, keepdims=True)) / R, NORM, "X", "It looks like dC. X is used more than once"),
    (lambda X, Z, T: X.T @ (np.exp(Z) - T), ENTROPY, "W", "exp(Z) stands where softmax(Z, axis=1) belongs."),
    (lambda X, w, y: 2 * X.T @ (X @ w - y), "mean((X @ w - y)**2)", "w", "N times the gradient"),
    (lambda S: np.linalg.inv(S) + 0, "logdet(S)", "S", "It is right up to a transpose of the whole"),
]  # fmt: skip


@pytest.mark.parametrize(("backward", "program", "wrt", "words"), MUTANTS)
def test_mutants_are_refused_and_named(
    backward: Callable[..., Any], program: str, wrt: str, words: str
) -> None:
    """Each usual mistake is refused, with what it looks like and the line that decides."""
    assert not check_backward(None, backward, program, wrt, raise_exception=False)
    with pytest.raises(AssertionError) as error:
        check_backward(None, backward, program, wrt)
    assert words in str(error.value)
    assert "The line of the derivation that decides: ∂L/∂" in str(error.value)


def test_one_wrong_gradient_of_several_is_found() -> None:
    """All the others are right, and the step where the mistake is comes with it."""

    def backward(X: Any, W: Any, b: Any, V: Any, H: Any, dY: Any) -> Any:
        return layers(X, W, b, V, H, dY) | {"b": (dY @ V.T).sum(axis=0)}

    with pytest.raises(AssertionError) as error:
        check_backward(None, backward, LAYERS)
    assert "backward is wrong: ∂L/∂b differs in 3 of 3 entries" in str(error.value)
    assert "It looks like sum(dH, axis=0)." in str(error.value)


def test_forward_functions_of_something_else_are_found() -> None:
    """A value by name is compared with the program's; a name that it does not have is refused."""
    with pytest.raises(AssertionError, match=r"of O is .*, and should be"):
        check_backward(lambda P, V: {"O": P @ V + 1}, attention, ATTENTION)
    with pytest.raises(InputError, match="forward returns E, which the program does not have"):
        check_backward(lambda P, V: {"E": P @ V}, attention, ATTENTION)
    with pytest.raises(InputError, match="has no value besides L"):
        check_backward(lambda W: W, lambda W: W, RIDGE, "W")


def test_what_the_program_has_not_is_no_parameter() -> None:
    """The gradient that is asked for is not offered, nor is a name that means nothing."""
    functions = {"dW": lambda dW: dW, "Q": lambda Q: Q, "dT2": lambda dT2: dT2}
    for parameter, backward in functions.items():
        with pytest.raises(InputError, match=f"asks for {parameter}, which the program does not"):
            check_backward(None, backward, RIDGE, "W")


def test_a_program_without_a_value_is_refused() -> None:
    """Where no inputs are found at which the program is defined, that is said."""
    with pytest.raises(InputError, match="No inputs were found at which"):
        check_backward(None, lambda X: X, "L = sum(log(-exp(X)))", "X")
