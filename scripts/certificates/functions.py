"""Functions and operations: a row for each, which the prover and the evaluator both read.

What is not here is in `lowering.py`: sums, means, products of entries, inverses, determinants.
"""

from __future__ import annotations

from certificates.frame import refuse
from certificates.reading import Tree, exchanged, parse, walk

MOST_PARTS = 100_000  # of a formula, by the simplest functions

#: The argument of a function in its row; no name of a program is written so.
ARGUMENT: Tree = ("name", "#")


def _of_u(text: str) -> Tree:
    found: Tree = exchanged(parse(text), {("name", "u"): ARGUMENT})
    return found


#: Functions of one number u, by their derivatives.
SLOPES = {
    "exp": _of_u("exp(u)"),
    "log": _of_u("1/u"),
    "sin": _of_u("cos(u)"),
    "cos": _of_u("-sin(u)"),
    "tan": _of_u("1 + tan(u)**2"),
    "tanh": _of_u("1 - tanh(u)**2"),
    "arctan": _of_u("1/(1 + u**2)"),
    "arcsin": _of_u("1/sqrt(1 - u**2)"),
    "arcsinh": _of_u("1/sqrt(u**2 + 1)"),
    "arccosh": _of_u("1/sqrt(u**2 - 1)"),
    "arctanh": _of_u("1/(1 - u**2)"),
    "erfinv": _of_u("sqrt(acos(-1))/2*exp(erfinv(u)**2)"),
    "gammaln": _of_u("digamma(u)"),
    "erf": _of_u("2*exp(-u**2)/sqrt(acos(-1))"),
    "step": _of_u("0"),
    "sign": _of_u("0"),
    "iszero": _of_u("0"),
    "floor": _of_u("0"),
    "round": _of_u("0"),
}

#: Functions of one number u, by simpler ones.
SIMPLER = {
    "sqrt": _of_u("u**(1/2)"),
    "sigmoid": _of_u("exp(u)/(1 + exp(u))"),
    "softplus": _of_u("log(1 + exp(u))"),
    "sinh": _of_u("(exp(u) - exp(-u))/2"),
    "cosh": _of_u("(exp(u) + exp(-u))/2"),
    "arccos": _of_u("acos(-1)/2 - arcsin(u)"),
    "relu": _of_u("u*step(u)"),
    "abs": _of_u("u*sign(u)"),
    "ceil": _of_u("-floor(-u)"),
    "trunc": _of_u("sign(u)*floor(abs(u))"),
    "frac": _of_u("u - sign(u)*floor(abs(u))"),
    "silu": _of_u("u*sigmoid(u)"),
    "gelu": _of_u("u*(1 + erf(u/sqrt(2)))/2"),
}

#: The value of f(-u): -f(u), f(u) or 1 - f(u), where f has a derivative.
MIRRORED = dict.fromkeys(
    "sin tan tanh arctan arcsin arcsinh arctanh erf erfinv sign round".split(), "odd"
) | {
    "cos": "even",
    "iszero": "even",
    "step": "complement",
}

#: Functions of which no derivative is known.
VALUES = frozenset(("digamma",))

FUNCTIONS = frozenset((*SLOPES, *SIMPLER, *VALUES))

#: Functions that take few values.
JUMPS = frozenset(("step", "sign", "iszero"))

#: Operations on arrays a and b by simpler ones; `axis` and `keepdims` are those that are given.
COMPOSITE = {
    "maximum": parse("relu(a - b) + b"),
    "minimum": parse("a - relu(a - b)"),
    "min": parse("-max(-a, axis=axis, keepdims=keepdims)"),
    "norm": parse("sqrt(sum(a*a))"),
    "outer": parse("a[:, None]*b[None, :]"),
    "trace": parse("sum(diag(a))"),
    "logsumexp": parse("log(sum(exp(a), axis=axis, keepdims=keepdims))"),
    "softmax": parse("exp(a)/sum(exp(a), axis=axis, keepdims=True)"),
    "log_softmax": parse("a - logsumexp(a, axis=axis, keepdims=True)"),
    "var": parse("mean((a - mean(a, axis=axis, keepdims=True))**2, axis=axis, keepdims=keepdims)"),
    "std": parse("sqrt(var(a, axis=axis, keepdims=keepdims))"),
}

_SIMPLER = SIMPLER | COMPOSITE


def parts_of(tree: Tree) -> int:
    """How many parts a formula has when its functions are put in simpler terms."""
    found = 1 + sum(parts_of(part) for part in tree if isinstance(part, tuple))
    if tree[0] == "call" and tree[1] in _SIMPLER:
        found *= 1 + sum(node in (ARGUMENT, ("name", "a")) for node in walk(_SIMPLER[tree[1]]))
    if found > MOST_PARTS:
        refuse("a formula of too many parts")
    return found
