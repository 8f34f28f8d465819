"""The words of the language: which names mean what, each table in one place."""

from __future__ import annotations

import re

__all__ = [
    "ELEMENTWISE",
    "GREEK",
    "MAX_DEPTH",
    "MAX_NAME",
    "MAX_SIZE",
    "MAX_TEXT",
    "NAME_PATTERN",
    "RESERVED",
    "is_greek",
]

#: Functions of one number that are known, and applied to each entry.
ELEMENTWISE = ("exp", "log", "sqrt", "tanh", "sigmoid", "sin", "cos", "relu", "step")

#: Names with a fixed meaning in NumPy or in the field which this version does not derive.
#: They are refused by name: taken for undefined functions they would be derived wrongly.
RESERVED = frozenset(
    """abs absolute acos all any arange arccos arcsin arctan argmax argmin array asin atan ceil
    clip convolve cosh cross cumsum det diag dot einsum elu erf erfc expm1 eye flatten floor gelu
    hstack identity inner inv kron linspace log10 log1p log2 logaddexp logdet logsumexp max
    maximum mean median min minimum mod norm ones outer pinv prod ravel reshape rot round sign
    silu sinh slogdet softmax softplus solve sort square squeeze stack std svd swish tan tile tr
    trace trapz tril triu transpose var vdot vec vstack where zeros""".split()
)

#: Names of scalars. `lam` stands for lambda, which Python keeps for itself.
GREEK = {
    name: name
    for name in (
        "alpha beta gamma delta epsilon zeta eta theta iota kappa mu nu xi pi rho sigma tau "
        "upsilon phi chi psi omega"
    ).split()
} | {"lam": "lambda", "eps": "varepsilon"}

NAME_PATTERN = re.compile(r"[A-Za-z][A-Za-z0-9_]*\Z")

MAX_TEXT = 4000  # characters of a program
MAX_NAME = 24  # characters of a name
MAX_DEPTH = 60  # levels of nesting
MAX_SIZE = 10**9  # rows or columns of a matrix


def is_greek(name: str) -> bool:
    """Whether a name, its trailing digits aside, is that of a Greek letter.

    >>> is_greek("lam"), is_greek("alpha1"), is_greek("x")
    (True, True, False)
    """
    return re.sub(r"_?[0-9]+\Z", "", name) in GREEK
