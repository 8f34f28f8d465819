"""Functions and operations: a row for each, which the prover and the evaluator both read.

Those that are made of others are put in simpler terms when they are read. What is not here is in
`lowering.py`: sums, means, products of entries, inverses, determinants.
"""

from __future__ import annotations

from certificates.frame import refuse
from certificates.reading import Tree, exchanged, parse, walk

MOST_PARTS = 100_000  # of a formula, by the simplest functions

#: The argument of a function in its row; no name of a program is written so.
ARGUMENT: Tree = ("name", "#")


#: Functions of one number u, by simpler ones, those first that others are made of.
_SIMPLER = {
    "sqrt": "u**(1/2)",
    "sigmoid": "exp(u)/(1 + exp(u))",
    "softplus": "log(1 + exp(u))",
    "sinh": "(exp(u) - exp(-u))/2",
    "cosh": "(exp(u) + exp(-u))/2",
    "arccos": "acos(-1)/2 - arcsin(u)",
    "relu": "u*step(u)",
    "abs": "u*sign(u)",
    "ceil": "-floor(-u)",
    "trunc": "sign(u)*floor(abs(u))",
    "frac": "u - sign(u)*floor(abs(u))",
    "silu": "u*sigmoid(u)",
    "gelu": "u*(1 + erf(u/sqrt(2)))/2",
}

#: Functions of one number u, by their derivatives.
_SLOPES = {
    "exp": "exp(u)",
    "log": "1/u",
    "sin": "cos(u)",
    "cos": "-sin(u)",
    "tan": "1 + tan(u)**2",
    "tanh": "1 - tanh(u)**2",
    "arctan": "1/(1 + u**2)",
    "arcsin": "1/sqrt(1 - u**2)",
    "arcsinh": "1/sqrt(u**2 + 1)",
    "arccosh": "1/sqrt(u**2 - 1)",
    "arctanh": "1/(1 - u**2)",
    "erfinv": "sqrt(acos(-1))/2*exp(erfinv(u)**2)",
    "gammaln": "digamma(u)",
    "digamma": "trigamma(u)",
    "erf": "2*exp(-u**2)/sqrt(acos(-1))",
} | dict.fromkeys("step sign iszero floor round".split(), "0")


def applied(name: str, arg: Tree) -> Tree:
    """A function of a number, by the simplest ones."""
    if name not in SIMPLER:
        return ("call", name, (arg,))
    found: Tree = exchanged(SIMPLER[name], {ARGUMENT: arg})
    return found


def _simplest(tree: Tree) -> Tree:
    """A formula of u as one of the argument, by the simplest functions."""
    match tree:
        case ("name", "u"):
            return ARGUMENT
        case ("call", name, (arg,)):
            return applied(name, _simplest(arg))
        case ("add" | "mul", parts):
            return (tree[0], tuple(map(_simplest, parts)))
        case ("pow", *parts):
            return ("pow", *map(_simplest, parts))
    return tree


SIMPLER: dict[str, Tree] = {}
for _name, _row in _SIMPLER.items():
    SIMPLER[_name] = _simplest(parse(_row))
SLOPES = {name: _simplest(parse(row)) for name, row in _SLOPES.items()}

#: The value of f(-u): -f(u), f(u) or 1 - f(u), where f has a derivative.
MIRRORED = dict.fromkeys(
    "sin tan tanh arctan arcsin arcsinh arctanh erf erfinv sign round".split(), "odd"
) | {
    "cos": "even",
    "iszero": "even",
    "step": "complement",
}

#: Functions of which no derivative is known.
VALUES = frozenset(("trigamma",))

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


def parts_of(tree: Tree) -> int:
    """How many parts a formula has when its functions are put in simpler terms."""
    found = 1 + sum(parts_of(part) for part in tree if isinstance(part, tuple))
    if tree[0] == "call" and (row := SIMPLER.get(tree[1]) or COMPOSITE.get(tree[1])):
        found *= 1 + sum(node in (ARGUMENT, ("name", "a")) for node in walk(row))
    if found > MOST_PARTS:
        refuse("a formula of too many parts")
    return found
