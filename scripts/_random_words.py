"""Random texts and random trees of the language."""

from __future__ import annotations

import random
from collections.abc import Callable
from fractions import Fraction

from matderiv.expression import nodes
from matderiv.expression.nodes import MatMul, Multiply, Name, Node, Number, Transpose
from matderiv.expression.vocabulary import ELEMENTWISE

__all__ = ["PROGRAMS", "random_text", "random_tree"]

PROGRAMS = (
    "Y = X @ W; L = sum(f(Y))",
    "L = Loss(X @ W)",
    "L = lam*sum(log(1 + exp(X @ W)))",
    "L = sum((X.T @ W)**3)/2",
    "L = sum(sqrt(X @ W.T))",
)
WORDS = (
    "X W Y L dY dX df f lam sum exp log sqrt tanh sigmoid sin cos relu step Loss mean T .T @ * / "
    "** + - ( ) ( ) , ; = 0 1 2 3 0.5 1e9 1e99 -1 10 1000 λ × ′ ' \" \\ { } [ ] : # é 矩 \n \0 "
    "lambda if for __import__('os') 0x10 1j 9999999999 inv(X) inv( det( logdet( tr( diag( outer( "
    "norm( eye(N) eye(2) ones((N,M)) ones( mean( prod( softmax( logsumexp( abs sign softplus erf "
    "axis=0 axis=1 axis=-1 axis=2 keepdims=True .sum( N D M"
).split(" ")


def random_text(chance: random.Random) -> str:
    """Words of the language and others in any order, or any characters."""
    if chance.random() < 0.2:  # noqa: PLR2004 - now and then
        return "".join(
            chr(chance.choice((chance.randrange(128), chance.randrange(0x3000))))
            for _ in range(chance.randint(0, 40))
        )
    return chance.choice(("", " ")).join(chance.choices(WORDS, k=chance.randint(0, 14)))


def random_tree(chance: random.Random, depth: int) -> Node:
    """Any tree of the language over the names of the programs."""
    if depth == 0 or chance.random() < 0.15:  # noqa: PLR2004 - short branches too
        leaves: list[Node] = [Name(n) for n in ("X", "W", "Y", "dY", "dY", "L") * 2]
        leaves += [nodes.Eye(chance.choice("NDM")), nodes.Ones(("N", chance.choice(("D", 1))))]
        values = (0, 1, 2, -1, 3, Fraction(1, 2), 1000, 10**20)
        return chance.choice([*leaves, Number(Fraction(chance.choice(values)))])

    def below() -> Node:
        return random_tree(chance, depth - 1)

    unary: list[Callable[[Node], Node]] = [
        *[Transpose] * 6,
        *[nodes.Negate, nodes.Sum] * 3,
        *(nodes.Trace, nodes.Inverse, nodes.Determinant, nodes.LogDet, nodes.Diag, nodes.Norm),
    ]
    reduced: list[Callable[[Node, int | None, bool], Node]]
    reduced = [nodes.Sum, nodes.Mean, nodes.Prod, nodes.LogSumExp]
    functions = [*ELEMENTWISE, "f", "df"]
    binary: list[Callable[[Node, Node], Node]] = [*[MatMul] * 4, nodes.Outer, Multiply]
    binary += [nodes.Add, nodes.Subtract, nodes.Divide, nodes.Power]
    choice = chance.random()
    if choice < 0.3:  # noqa: PLR2004 - shares of each kind
        return chance.choice(unary)(below())
    if choice < 0.45:  # noqa: PLR2004 - as above
        return nodes.Apply(chance.choice(functions), below())
    if choice < 0.55:  # noqa: PLR2004 - as above
        axis = chance.choice((None, 0, 1, -1))
        if chance.random() < 0.3:  # noqa: PLR2004 - as above
            return nodes.Softmax(below(), axis)
        return chance.choice(reduced)(below(), axis, chance.random() < 0.5)  # noqa: PLR2004 - a coin
    return chance.choice(binary)(below(), below())
