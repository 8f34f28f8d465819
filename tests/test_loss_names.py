"""Losses that are called by their names in titles."""

from __future__ import annotations

import pytest
from _derived import derived

import matderiv
from matderiv.derivation.loss_names import loss_name
from matderiv.handout.document import Heading
from matderiv.handout.text import words_of


@pytest.mark.parametrize(
    ("program", "name"),
    [
        ("P = softmax(X @ W, axis=1); L = -sum(T*log(P))", "cross_entropy"),
        ("L = -sum(T*log_softmax(X @ W, axis=1))/n", "cross_entropy"),
        ("U = T*log(softmax(X @ W, axis=1)); L = -mean(sum(U, axis=1))", "cross_entropy"),
        ("L = sum(-(T*log(softmax(X @ W, axis=1))))", "cross_entropy"),
        ("p = sigmoid(X @ w); L = -sum(t*log(p) + (1 - t)*log(1 - p))", "logistic"),
        ("p = sigmoid(X @ w); L = -mean(t*log(p) + (1 - t)*log(1 - p))", "logistic"),
        # No minus, another function, no target, other factors, and two different predictions.
        ("L = sum(T*log(softmax(X @ W, axis=1)))", None),
        ("L = -sum(T*exp(softmax(X @ W, axis=1)))", None),
        ("L = -sum(A*log(softmax(X @ W, axis=1)))", None),
        ("L = -sum(T*log(softmax(X @ W, axis=1))**2)", None),
        ("L = -sum(T*log(sigmoid(X @ W)))", None),
        ("p = tanh(X @ w); L = -sum(t*log(p) + (1 - t)*log(1 - p))", None),
        ("p = sigmoid(X @ w); L = -sum(t*log(p) + (1 + t)*log(1 - p))", None),
        ("p = sigmoid(X @ w); L = -sum(t*log(p) + (1 - t)*log(1 - p**2))", None),
        ("p = sigmoid(X @ w); L = -sum(2*t*log(p) + (1 - t)*log(1 - p))", None),
        ("p = sigmoid(X @ w); L = -sum(t*log(p) - (1 - t)*log(1 - p))", None),
    ],
)
def test_names_of_losses(program: str, name: str | None) -> None:
    """A loss has its name where it is that loss, however it is scaled; what is near it has none."""
    assert loss_name(derived(program).task) == name


@pytest.mark.parametrize(("lang", "name"), [("en", "softmax cross-entropy"), ("zh", "交叉熵")])
@pytest.mark.parametrize("length", ["short", "full"])
def test_titles_name_the_loss(lang: str, name: str, length: str) -> None:
    """The title of a page says the name in its language."""
    derivation = derived("P = softmax(X @ W, axis=1); L = -sum(T*log(P))")
    assert name in words_of(derivation.handout(lang=lang, length=length).document.title)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_appendix_can_be_left_out(lang: str) -> None:
    """Without it a full handout says in one sentence how large a Jacobian is, and shows none."""
    derivation = matderiv.derive("Y = X @ W; L = sum(f(Y))")
    with_it = derivation.handout(lang=lang)
    without = derivation.handout(lang=lang, jacobian=False)
    assert "--no-jacobian" in without.command.text.split()
    assert "--no-jacobian" not in with_it.command.text
    heads = [
        [words_of(b.segments) for b in made.document.blocks if isinstance(b, Heading)]
        for made in (with_it, without)
    ]
    assert len(heads[0]) == len(heads[1]) + 1
    assert set(heads[1]) < set(heads[0])
    page, bare = (str(made.write("text")) for made in (with_it, without))
    appendix, only = ("附录", "∂Y/∂X") if lang == "zh" else ("appendix", "∂Y/∂X")
    assert appendix in page
    assert appendix not in bare
    assert "⊗" in page
    assert "⊗" not in bare
    assert only in bare
