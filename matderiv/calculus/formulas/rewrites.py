"""The rewrites that tidy a formula: each an identity of arrays, named, and proved by a test.

A rewrite looks at one node whose operands are tidy already and answers with an equal, shorter
one, or with None. A result may be smaller than what it replaces and stand for its broadcast.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from matderiv.calculus.formulas import (
    rewrite_assumed,
    rewrite_constants,
    rewrite_fractions,
    rewrite_known_sums,
    rewrite_matrices,
    rewrite_products,
    rewrite_reductions,
    rewrite_reshapes,
    rewrite_sums,
    rewrite_transposes,
)
from matderiv.calculus.formulas.facts import Facts
from matderiv.expression.nodes import Node

__all__ = ["ASSUMING", "REWRITES", "Facts", "Rewrite", "RewriteName"]

Rewrite = Callable[[Node, Facts], Node | None]

#: The names of all rewrites of formulas, those that finish a gradient included.
RewriteName = Literal[
    "like terms",
    "common factor",
    "powers of one base",
    "names of functions",
    "values of functions",
    "rows that sum to 1",
    "entries that are 0 or 1",
    "orthogonal matrix",
    "numbers that are not negative",
    "multiplied out",
    "one denominator",
    "scalars out of a product",
    "identity matrix",
    "cancelled in an inverse",
    "zeros and ones",
    "diagonal matrix",
    "outer product",
    "transpose",
    "other sizes",
    "known sums",
    "scalars out of a sum",
    "mean",
    "inverse",
    "each term",
    "transposes collected",
    "names of the program",
    "repeated in every row or column",
    "scalars first",
]

#: The rewrites that use what is assumed of inputs.
ASSUMING: frozenset[RewriteName] = frozenset(
    {
        "rows that sum to 1",
        "entries that are 0 or 1",
        "orthogonal matrix",
        "numbers that are not negative",
    }
)

#: Names and rewrites in the order in which they are tried.
REWRITES: tuple[tuple[RewriteName, Rewrite], ...] = (
    ("like terms", rewrite_sums.like_terms),
    ("common factor", rewrite_sums.common_factor),
    ("powers of one base", rewrite_products.powers),
    ("scalars first", rewrite_products.scalars_first),
    ("names of functions", rewrite_products.named_functions),
    ("values of functions", rewrite_products.function_values),
    ("rows that sum to 1", rewrite_assumed.rows),
    ("entries that are 0 or 1", rewrite_assumed.labels),
    ("orthogonal matrix", rewrite_assumed.orthogonal),
    ("numbers that are not negative", rewrite_assumed.signs),
    ("multiplied out", rewrite_fractions.multiplied_out),
    ("one denominator", rewrite_fractions.one_denominator),
    ("scalars out of a product", rewrite_matrices.scalars_out),
    ("identity matrix", rewrite_matrices.identity),
    ("cancelled in an inverse", rewrite_matrices.cancelled),
    ("zeros and ones", rewrite_constants.zeros_and_ones),
    ("diagonal matrix", rewrite_matrices.diagonal),
    ("outer product", rewrite_matrices.outer),
    ("transpose", rewrite_transposes.transpose),
    ("other sizes", rewrite_reshapes.other_sizes),
    ("known sums", rewrite_known_sums.known_sum),
    ("scalars out of a sum", rewrite_reductions.reduction),
    ("mean", rewrite_products.mean),
    ("inverse", rewrite_matrices.inverse),
)
