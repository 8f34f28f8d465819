"""What one product with a loss is: what is more than that is refused by name there."""

from __future__ import annotations

from typing import get_args

import pytest

from matderiv.api import read
from matderiv.calculus.scalars import KNOWN_FUNCTIONS
from matderiv.errors import UnsupportedError
from matderiv.expression import nodes
from matderiv.expression.parse import parse
from matderiv.expression.vocabulary import ELEMENTWISE

LINE = "Y = X @ W; L = "

#: A loss for each node that makes a program more than one product, and the part that is named.
NOT_DERIVED = [
    ("mean(Y)", "mean(Y)"),
    ("sum(sum(Y, axis=0))", "sum(Y, axis=0)"),
    ("prod(Y)", "prod(Y)"),
    ("sum(Y/prod(Y))", "prod(Y)"),
    ("logsumexp(Y)", "logsumexp(Y)"),
    ("sum(softmax(Y, axis=1))", "softmax(Y, axis=1)"),
    ("trace(Y)", "trace(Y)"),
    ("sum(inv(Y))", "inv(Y)"),
    ("det(Y)", "det(Y)"),
    ("logdet(Y)", "logdet(Y)"),
    ("sum(diag(Y))", "diag(Y)"),
    ("sum(Y)*sum(outer(v, v))", "outer(v, v)"),
    ("norm(Y)**2", "norm(Y)**2"),
    ("sum(Y - eye(3))", "eye(3)"),
    ("sum(Y*ones(3))", "ones(3)"),
    ("sum(Y + b)", "b"),
]


@pytest.mark.parametrize(("loss", "part"), NOT_DERIVED)
def test_what_is_not_derived_is_refused_by_name(loss: str, part: str) -> None:
    """No node of the language crashes, and none is taken for something else."""
    with pytest.raises(UnsupportedError, match=r"not derived|derives") as caught:
        read(LINE + loss, shapes={"X": (3, 4), "W": (4, 3)})
    assert part in str(caught.value)


def test_every_node_is_derived_or_refused() -> None:
    """A node that is added to the language is added to the list above, or understood."""
    derived = "2*sum(-f(Y**2) + Y/3 - Y*Y.T.T) + Loss(X.T @ W)"
    losses = [derived, *(loss for loss, _ in NOT_DERIVED)]
    seen = {type(n) for loss in losses for n in nodes.walk(parse(loss).loss.value)}
    assert seen | {nodes.Size, nodes.Pi, nodes.Rearrange} == set(
        get_args(nodes.Node)
    )  # these are not read


@pytest.mark.parametrize("name", sorted(set(ELEMENTWISE) - set(KNOWN_FUNCTIONS)))
def test_known_functions_are_never_taken_for_undefined_ones(name: str) -> None:
    """abs(Y) has a derivative of its own; dabs(Y) would say nothing."""
    for loss in (f"sum({name}(Y))", f"sum(f(2*{name}(Y)))", f"sum({name}(lam)*Y)"):
        with pytest.raises(UnsupportedError, match="is not derived by this version"):
            read(LINE + loss)
