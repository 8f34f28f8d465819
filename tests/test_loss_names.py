"""Losses that are called by their names in titles."""

from __future__ import annotations

import pytest
from _derived import derived

import matderiv
from matderiv.calculus.sweep.task import read_task
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


def test_deep_networks_have_a_name_too() -> None:
    """However many layers lie below, and though values that are used twice would double."""
    layers = "; ".join(f"h{k} = tanh(h{k - 1} @ W{k})*h{k - 1}" for k in range(1, 121))
    deep = f"{layers}; P = softmax(h120, axis=1); L = -sum(T*log(P))".replace("h0 ", "X ")
    task = read_task(deep.replace("h0;", "X;"), ("W120",))
    assert loss_name(task) == "cross_entropy"
