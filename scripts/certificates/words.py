"""The words of certificates: kinds of steps, chains and sides, methods and reasons.

They prove nothing; a file that holds another word is not one that is understood.
"""

from __future__ import annotations

METHODS = frozenset("elementwise index differential slice kronecker".split())

STEPS = METHODS - {"elementwise"} | frozenset(
    "values gradient direct called matrix structure".split()
)

CHAINS = frozenset(
    (
        "value",
        "entry of value",
        "local",
        "all entries",
        "written out",
        "assembled",
        "structure",
        "contracted",
        "formula",
        "differential",
        "pairing",
        "read off",
        "slice",
        "slice written out",
        "inner products",
        "vec",
        "jacobian",
        "transposed",
    )
)

#: Each kind of side, and what is written of it: an `entry` alone, the `source` of an array beside
#: it, or the source of one that may be `repeated` to the shape of a larger one.
KINDS = {
    "formula": "source",
    "spelled": "source",
    "product": "source",
    "entry": "source",
    "written": "source",
    "contraction": "source",
    "vec": "source",
    "slice": "source",
    "differential": "source",
    "array": "repeated",
    "indexed": "entry",
    "cells": "entry",
    "inner": "entry",
    "jacobian": "entry",
    "times": "entry",
}

REASONS = frozenset(
    (
        "cancelled in an inverse",
        "chain rule",
        "common factor",
        "cyclic rule",
        "definition",
        "deltas",
        "diagonal matrix",
        "differentials put in",
        "each term",
        "entries",
        "entries that are not zero",
        "entries worked out",
        "gradient",
        "identity matrix",
        "indices that agree",
        "inner product",
        "inverse",
        "jacobians put in",
        "like terms",
        "local derivative",
        "local derivatives",
        "matrix names",
        "matrix product",
        "mean",
        "moved",
        "multiplied out",
        "names of functions",
        "names of the program",
        "one entry",
        "outer product",
        "partial derivatives",
        "powers of one base",
        "product rule",
        "put in",
        "read off",
        "rearranged",
        "repeated in every row or column",
        "row by row",
        "row times column",
        "rules",
        "same vec",
        "scalars first",
        "scalars out of a product",
        "scalars out of a sum",
        "slices put in",
        "transpose",
        "transposed",
        "transposes",
        "transposes collected",
    )
)
