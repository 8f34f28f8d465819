"""The kinds of steps, chains and reasons of a derivation.

Each kind that a page shows has its sentence in every language; a test compares the two.
"""

from __future__ import annotations

from typing import Literal

from matderiv.calculus.formulas.rewrites import RewriteName

__all__ = ["ChainKind", "Reason", "StepKind"]

#: The subjects of steps.
StepKind = Literal[
    "values",
    # the gradient by one name, entry by entry or close up
    "gradient",
    "upstream",
    "entries",
    "array",
    "proof",
    # the same by other methods
    "index",
    "differential",
    "slice",
    "kronecker",
    "direct",
    # formulas in the names of the program
    "called",
    "matrix",
    "zero",
    "structure",
    # arrays of derivatives
    "array values",
    "array entries",
    "array index",
    "array differential",
    "array result",
    "array newton",
    "exercise",
]

#: The subjects of chains of equalities.
ChainKind = Literal[
    # what is computed
    "value",
    "array",
    "product",
    "loss",
    "function",
    # entry by entry
    "entry of value",
    "local",
    "all entries",
    "written out",
    # close up
    "unit",
    "slope",
    "upstream",
    "expanded loss",
    "sum rule",
    "one term",
    "slice",
    "entry",
    "another entry",
    # index notation
    "contracted",
    "formula",
    # differentials
    "differential",
    "pairing",
    "read off",
    # slices
    "slice written out",
    "inner products",
    # Kronecker products
    "vec",
    "jacobian",
    "transposed",
    # formulas in the names of the program
    "assembled",
    "structure",
    # arrays of derivatives
    "whole change",
    "second",
    "symmetric",
    "squares",
    "model",
    "normal equations",
    # exercises
    "contribution",
    "numbers",
    "right",
    "slip",
    "whole",
]

#: Why a side equals the one before it.
Reason = (
    RewriteName
    | Literal[
        "added up",
        "as before",
        "chain rule",
        "constants",
        "cyclic rule",
        "definition",
        "deltas",
        "derivative",
        "derivative of f",
        "differentials put in",
        "entries",
        "entries of the product",
        "entries that are not zero",
        "entries worked out",
        "gradient",
        "indices that agree",
        "inner product",
        "jacobians put in",
        "local derivative",
        "local derivatives",
        "matrix names",
        "matrix product",
        "moved",
        "names",
        "one entry",
        "partial derivatives",
        "pattern",
        "product rule",
        "put in",
        "read off",
        "rearranged",
        "right",
        "row by row",
        "row times column",
        "rules",
        "same vec",
        "simplified",
        "slices put in",
        "slip",
        "sum rule",
        "sum sign",
        "term by term",
        "transposed",
        "transposes",
        "unit",
        "worked out",
        "zero",
        "zeros dropped",
    ]
)
